//! Facts as values: of a block its bytes and its place, of a connection what its sides say, of all of them that they are
//! written down and read back without loss.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::encoding::Plain;
use super::*;
use crate::ends::{
    At, ConnectionId, Direction, Endpoint, FlowKey, Protocol, Sightings, Span, Timestamp, Transport,
};
use crate::session::{Encryption, PieceSet};
use crate::stream::Numbers;
use crate::wire::Framing;

fn at(number: u64) -> At {
    At { time: Timestamp(number as i64), frame: FrameId::new(0, number) }
}

fn run(start: u32, len: u32, stream: u64) -> Run {
    let place = Place { store: 0, offset: 1_000 + u64::from(start) };
    Run { start, len, stream, place, frame: FrameId::new(0, 7), head: 52 }
}

/// A block of 100 bytes at place 500 of its stream, of which these runs were captured.
fn block(captured_to: u32, runs: &[(u32, u32)]) -> Block {
    let mut block = sample::blocks(1).remove(0);
    (block.begin, block.len, block.captured_to, block.offset) = (0, 100, captured_to, 500);
    block.runs = runs.iter().map(|(start, len)| run(*start, *len, 500 + u64::from(*start))).collect();
    block
}

#[test]
fn of_a_block_what_was_captured_is_served_and_what_framing_shows_besides_is_lost() {
    for (name, block, captured, lost, whole) in [
        ("all of it", block(100, &[(0, 60), (60, 40)]), 100, 0, true),
        ("a hole in the middle", block(100, &[(0, 10), (60, 40)]), 50, 50, false),
        ("a hole in front", block(100, &[(40, 60)]), 60, 40, false),
        ("nothing but its header", block(100, &[]), 0, 100, false),
        (
            "cut at the end of the stream: the rest was never sent, as far as is known",
            block(60, &[(0, 60)]),
            60,
            0,
            false,
        ),
        ("cut, with a hole", block(60, &[(20, 40)]), 40, 20, false),
        ("nothing at all", block(0, &[]), 0, 0, false),
    ] {
        assert_eq!((block.captured(), block.lost(), block.is_whole()), (captured, lost, whole), "{name}");
    }
}

#[test]
fn the_stretch_of_a_block_begins_with_its_header_and_reaches_to_its_last_byte() {
    assert_eq!(block(100, &[(0, 100)]).stretch(), 487..600);
    assert_eq!(block(100, &[]).stretch(), 487..600, "also where nothing of it was captured");
    // Behind a hole of uTP, whose length was told later, the place in the stream is another one.
    let mut moved = block(100, &[(0, 20), (60, 40)]);
    moved.runs[1].stream = 520;
    assert_eq!(moved.stretch(), 487..560);
    // The first bytes of a stream: no header stands before them.
    assert_eq!(Block { offset: 4, ..block(100, &[]) }.stretch(), 0..104);
    assert_eq!(Block { offset: u64::MAX - 3, ..block(100, &[]) }.stretch(), u64::MAX - 16..u64::MAX);
}

#[test]
fn a_place_among_several_sets_leads_back_to_its_set() {
    // Three sets, of two captures, one, and three.
    let bases = [0, 2, 3];
    for (set, base, captures) in [(0, 0, 2_u16), (1, 2, 1), (2, 3, 3)] {
        for store in (0..captures).chain([SPILL]) {
            for offset in [0, 24, (1 << 48) - 1] {
                let place = Place { store, offset };
                assert_eq!(place.in_set(set, base).of_set(&bases), (usize::from(set), place), "{place:?} of {set}");
            }
        }
    }
    let own = Place { store: 1, offset: 9 };
    assert_eq!(own.of_set(&[0]), (0, own), "one set alone");
}

#[test]
fn a_name_of_bytes_is_that_of_one_set_alone() {
    let names: BTreeSet<ContentName> = (0..50).map(|set| ContentName([7; 16]).in_set(set)).collect();
    assert_eq!(names.len(), 50);
    assert!(names.contains(&ContentName([7; 16])), "in the first set it is what it was");
    assert_ne!(ContentName([7; 16]).in_set(3), ContentName([8; 16]).in_set(3));
}

fn handshake(info_hash: u8) -> Option<Handshake> {
    Some(Handshake {
        reserved: [0; 8],
        info_hash: [info_hash; 20],
        peer_id: Some([9; 20]),
        span: Span::single(at(1)),
    })
}

fn cut(begins: &[u8]) -> Option<CutHandshake> {
    Some(CutHandshake { begins: begins.to_vec(), span: Span::single(at(1)) })
}

#[test]
fn how_an_info_hash_begins_is_told_only_where_no_handshake_is_whole_and_both_sides_agree() {
    let begins = |one: Side, other: Side| Peer { sides: [one, other] }.info_hash_begins().to_vec();
    let of = |begins: &[u8]| Side { cut_handshake: cut(begins), ..Side::default() };
    let none = Side::default;
    for (name, one, other, expected) in [
        ("no handshake", none(), none(), &[][..]),
        ("of one side", of(&[1, 2]), none(), &[1, 2]),
        ("of the other side", none(), of(&[1, 2]), &[1, 2]),
        ("the longer one", of(&[1, 2, 3]), of(&[1, 2]), &[1, 2, 3]),
        ("the longer one, on the other side", of(&[1]), of(&[1, 2]), &[1, 2]),
        ("of two torrents: of neither", of(&[1, 2]), of(&[1, 3]), &[]),
        ("a whole one says all", of(&[1, 2]), Side { handshake: handshake(1), ..none() }, &[]),
    ] {
        assert_eq!(begins(one, other), expected, "{name}");
    }
}

#[test]
fn a_peer_has_blocks_where_a_message_part_of_one_or_a_header_is_there() {
    let has = |side: Side| Peer { sides: [Side::default(), side] }.has_blocks();
    assert!(!has(Side::default()));
    assert!(!has(Side {
        handshake: handshake(1),
        rejected: 4,
        requested: Some(Span::single(at(1))),
        ..Side::default()
    }));
    assert!(has(Side { piece_messages: 1, ..Side::default() }));
    assert!(has(Side { partial_messages: 1, ..Side::default() }));
    for unplaced in [Unplaced { served: 1, lost: 0 }, Unplaced { served: 0, lost: 1 }] {
        assert!(has(Side { unplaced, ..Side::default() }), "{unplaced:?}");
    }
}

#[test]
fn what_looks_like_messages_and_is_content_of_something_else_is_broken_unless_a_peer_spoke() {
    let broken = |one: Side, other: Side| Peer { sides: [one, other] }.is_broken();
    let misframed = |times| Side { misframed: times, ..Side::default() };
    for (name, one, other, expected) in [
        ("framing held", misframed(0), misframed(0), false),
        ("one false header is found in any payload", misframed(1), misframed(1), false),
        ("two are no peer wire", misframed(0), misframed(2), true),
        ("but with a handshake they are", misframed(2), Side { handshake: handshake(1), ..misframed(2) }, false),
        ("or with a part of one", misframed(2), Side { cut_handshake: cut(&[]), ..misframed(0) }, false),
        ("or with an answer to a request", misframed(2), Side { answered: 1, ..misframed(0) }, false),
    ] {
        assert_eq!(broken(one, other), expected, "{name}");
    }
}

/// A connection of the peer wire, of which everything is known.
fn connection(id: u64, sides: [Side; 2]) -> Connection {
    let end = |host: u8| Endpoint { ip: [192, 0, 2, host].into(), port: 6_881 };
    let (flow, _) = FlowKey::new(end(1), end(2), Protocol::Tcp);
    let mut seen = Sightings::default();
    seen.note(FrameId::new(0, 4));
    let span = Span::single(at(3));
    let stream = |confirmed| Stream {
        packets: 5,
        gaps: 1,
        gap_bytes: 9,
        holes: vec![Hole { offset: 7, missing: Missing::Bytes(9), cause: GapCause::Unseen, at: at(4) }],
        confirmed,
        end: Some(Ending { reason: EndReason::Finished, at: at(9) }),
        ..Stream::default()
    };
    Connection {
        id: ConnectionId(id),
        flow,
        transport: Transport::Utp,
        initial: Some([id, id + 1]),
        numbers: [Some(Numbers { id: 3, first: 9, len: id }), None],
        encryption: Encryption::MsePlaintext,
        decrypted: true,
        initiator: Some(Direction::HighToLow),
        opening: Some(span),
        span,
        seen,
        paths: BTreeSet::from(["VLAN 7".to_owned()]),
        duplicate_frames: true,
        from_start: true,
        bytes: 77,
        streams: [stream(None), stream(Some(false))],
        content: Application::Peer(Box::new(Peer { sides })),
    }
}

/// One that carries HTTP.
fn web(id: u64) -> Connection {
    let request = Request {
        method: "GET".to_owned(),
        target: "/a".to_owned(),
        host: Some("example.org".to_owned()),
        ranges: vec![ByteRange::FromTo { first: 1, last: 2 }, ByteRange::From(3), ByteRange::Last(4)],
        span: Span::single(at(2)),
    };
    let redirect = Redirect { request: 0, location: "/b".to_owned(), order: 5 };
    let web = Web {
        server: Direction::HighToLow,
        requests: vec![request],
        redirects: vec![redirect],
        faults: Vec::new(),
        header_twice: true,
    };
    Connection { content: Application::Web(Box::new(web)), ..connection(id, Default::default()) }
}

fn connections() -> Vec<Connection> {
    let mut bits = PieceSet::default();
    assert!(bits.insert(3) && bits.insert(900));
    let claims = Claims {
        all: Some(Span::single(at(1))),
        bitfields: vec![(bits.clone(), Span::single(at(2)))],
        haves: vec![(5, at(3)), (6, at(4))],
        rest: Some((bits, Span::single(at(5)))),
        first: Some(Span::single(at(1))),
        withdrawn: vec![5],
        forgotten: true,
    };
    let full = Side {
        handshake: handshake(1),
        cut_handshake: cut(&[1, 2]),
        unplaced: Unplaced { served: 1, lost: 2 },
        listen_port: Some(6_881),
        client: Some("qBittorrent/4.5.0".to_owned()),
        extension_messages: [("ut_pex".to_owned(), 3)].into(),
        claims,
        offered: Some(Span::single(at(6))),
        requested: Some(Span::single(at(7))),
        first_piece: Some(Span::single(at(8))),
        piece_messages: 9,
        resynchronised: true,
        ..Side::default()
    };
    let named = |hash| Side { handshake: handshake(hash), ..Side::default() };
    vec![
        connection(1, Default::default()),
        connection(2, [full.clone(), Side::default()]),
        web(3),
        connection(4, [named(1), named(1)]),
        connection(5, [named(1), named(2)]),
        connection(6, [Side::default(), Side { piece_messages: 1, ..Side::default() }]),
    ]
}

#[test]
fn every_connection_reads_back_and_its_head_says_what_it_is() {
    let all = connections();
    let journal: Journal<Connection> = all.iter().cloned().collect();
    assert_eq!(journal.iter().collect::<Vec<_>>(), all);
    let heads: Vec<_> =
        journal.heads().map(|it| (it.id.0, it.is_web, it.has_blocks, it.is_named, it.differs)).collect();
    assert_eq!(
        heads,
        [
            (1, false, false, false, false),
            (2, false, true, true, false),
            (3, true, false, false, false),
            (4, false, false, true, false),
            (5, false, false, true, true),
            (6, false, true, false, false),
        ]
    );
    for (head, connection) in journal.heads().zip(&all) {
        let own = (connection.flow, connection.transport, connection.initial);
        assert_eq!((head.flow, head.transport, head.initial), own);
    }
}

#[test]
fn those_that_are_chosen_by_their_heads_are_read_whole_and_in_order() {
    let all = connections();
    let journal: Journal<Connection> = all.iter().cloned().collect();
    for mask in 0..64_u64 {
        let wanted = |id: u64| mask >> (id - 1) & 1 == 1;
        let chosen: Vec<Connection> = journal.choose(|head| wanted(head.id.0)).collect();
        let expected: Vec<Connection> = all.iter().filter(|it| wanted(it.id.0)).cloned().collect();
        assert_eq!(chosen, expected, "{mask:b}");
    }
}

#[test]
fn nothing_shows_that_a_sender_received_anything_only_where_the_other_end_was_captured() {
    let of = |confirmed| {
        let mut it = connection(1, Default::default());
        it.streams[Direction::LowToHigh.index()].confirmed = confirmed;
        it.is_unconfirmed(Direction::LowToHigh)
    };
    assert_eq!([of(None), of(Some(true)), of(Some(false))], [false, false, true]);
    let it = connection(1, Default::default());
    assert_eq!((it.source(Direction::LowToHigh), it.source(Direction::HighToLow)), (it.flow.low, it.flow.high));
    assert!(it.peer().is_some() && it.web().is_none() && web(1).peer().is_none() && web(1).web().is_some());
}

/// Facts of every kind.
fn facts() -> Facts {
    let doubt = |scope, reason| Doubt { scope, reason, second: None };
    let second = Second { run: run(0, 9, 44), time: Timestamp(8) };
    let copy = Copy {
        piece: 3,
        content: ContentName([1; 16]),
        same_as: Some(ContentName([2; 16])),
        range: CopyRange::from(0..9),
        in_leaves: 9,
        digests: Digests {
            sha1: Some([3; 20]),
            leaves: vec![[4; 32]; 2],
            trivial: false,
            trivial_leaves: vec![CopyRange { start: 1, end: 2 }],
        },
    };
    Facts {
        inputs: vec![Input {
            name: "a.pcap".to_owned(),
            bytes: 9,
            sha256: Some([5; 32]),
            frames: 4,
            first_time: Some(Timestamp(-1)),
            last_time: None,
        }],
        keys: Keys { secrets: vec![[6; 32]], info_hashes: vec![[7; 20], [8; 20]] },
        connections: connections().into_iter().collect(),
        blocks: sample::strange_blocks(3, 20).into_iter().collect(),
        bodies: sample::strange_bodies(4, 20).into_iter().collect(),
        doubts: [
            doubt(Scope::Direction(ConnectionId(1), Direction::LowToHigh), Reason::NotConfirmed),
            Doubt {
                second: Some(second),
                ..doubt(Scope::Stretch(ConnectionId(2), Direction::HighToLow, 4..9), Reason::OtherVersion)
            },
            doubt(Scope::Share(BlockId(4)), Reason::NotTested),
            doubt(Scope::Piece([1; 20], 4), Reason::PaddingNotZero),
        ]
        .into_iter()
        .collect(),
        copies: [copy].into_iter().collect(),
        clock_steps: vec![FrameId::new(0, 3)],
        ..Facts::default()
    }
}

#[test]
fn all_facts_read_back_as_they_were_written() {
    let all = facts();
    let mut bytes = Vec::new();
    all.write(&mut bytes).expect("memory");
    assert_eq!(Facts::read("facts.bin", &bytes).expect("the same"), all);
    let mut again = Vec::new();
    Facts::read("facts.bin", &bytes).expect("the same").write(&mut again).expect("memory");
    assert_eq!(again, bytes, "a function of the facts");
    assert_eq!((all.keys.len(), all.keys.is_empty(), Keys::default().is_empty()), (3, false, true));
    assert_eq!(
        all.doubts.iter().nth(1).and_then(|doubt| doubt.second).map(|second| second.at().time),
        Some(Timestamp(8))
    );
}

#[test]
fn facts_that_are_cut_or_longer_than_they_were_are_refused_by_name() {
    let mut bytes = Vec::new();
    facts().write(&mut bytes).expect("memory");
    for len in (0..bytes.len()).step_by(7) {
        let said = Facts::read("facts.bin", &bytes[..len]).expect_err("cut").to_string();
        assert!(said.contains("facts.bin"), "{len} bytes: {said}");
    }
    bytes.push(0);
    assert!(Facts::read("facts.bin", &bytes).is_err(), "a byte more");
    bytes.pop();
    bytes[0] ^= 1;
    let said = Facts::read("facts.bin", &bytes).expect_err("another beginning").to_string();
    assert!(said.contains("another beginning"), "{said}");
}

#[test]
fn a_length_that_reaches_behind_the_end_takes_no_memory_and_is_refused() {
    let mut bytes = Vec::new();
    Facts::default().write(&mut bytes).expect("memory");
    for at in (0..bytes.len()).rev().take(100) {
        let mut torn = bytes.clone();
        torn[at] = 0xff;
        // Whatever it is taken for, it is no such facts, or it is the same ones.
        assert!(Facts::read("facts.bin", &torn).map_or(true, |read| read != Facts::default() || torn == bytes));
    }
}

proptest! {
    #[test]
    fn a_journal_is_the_list_that_was_pushed_however_little_memory_it_has(
        count in 0..60_usize, memory in 0..4_000_usize, seed: u64,
    ) {
        let blocks = sample::strange_blocks(seed, count);
        let mut journal = Journal::new(memory, None);
        for block in &blocks {
            journal.push(block).expect("room");
        }
        prop_assert_eq!(journal.len(), count as u64);
        prop_assert_eq!(journal.is_empty(), count == 0);
        prop_assert_eq!(journal.iter().collect::<Vec<_>>(), blocks.clone());
        prop_assert_eq!(journal.iter().count(), count, "twice");
        prop_assert_eq!(journal.bytes(), blocks.into_iter().collect::<Journal<Block>>().bytes());
    }

    #[test]
    fn sorting_is_stable_and_loses_nothing_however_little_memory_it_has(
        values in prop::collection::vec((0..9_u8, any::<u16>()), 0..200), memory in 0..400_usize,
    ) {
        let records = values.iter().copied().map(Plain);
        let sorted = Sorted::new(records, |it: &Plain<(u8, u16)>| it.0.0, memory, None).expect("room");
        let found: Vec<(u8, u16)> = sorted.iter().map(|(_, it)| it.0).collect();
        let mut expected = values;
        expected.sort_by_key(|(key, _)| *key);
        prop_assert_eq!(&found, &expected);
        prop_assert_eq!(sorted.iter().map(|(key, _)| key).collect::<Vec<_>>(), found.iter().map(|it| it.0).collect::<Vec<_>>());
    }
}

/// Facts with some payload, of captures that may be known by their content.
#[derive(Debug, PartialEq, Eq)]
struct Carrying {
    facts: Facts,
    carried: u64,
    contents: Vec<[u8; 32]>,
    options: u8,
}

impl Reading for Carrying {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn facts_mut(&mut self) -> &mut Facts {
        &mut self.facts
    }

    fn carried(&self) -> u64 {
        self.carried
    }

    fn captures(&self) -> BTreeSet<[u8; 32]> {
        self.contents.iter().copied().collect()
    }

    fn is_read_as(&self, other: &Self) -> bool {
        self.options == other.options
    }
}

fn carrying(file: u8, contents: &[u8], carried: u64, options: u8) -> (SetId, Carrying) {
    let mut facts = facts();
    facts.inputs[0].sha256 = Some([file; 32]);
    let id = SetId::of(&facts, &options.to_string()).expect("a digest");
    (id, Carrying { facts, carried, contents: contents.iter().map(|it| [*it; 32]).collect(), options })
}

/// Which files are judged, with what they carry, and how many sets are refused.
fn settled(all: Vec<(SetId, Carrying)>) -> (Vec<(u8, u64)>, usize) {
    let mut sets = Sets::default();
    all.into_iter().for_each(|(id, reading)| sets.add(id, reading));
    let Settled { sets, refused } = sets.settle();
    let file = |it: &Carrying| it.facts.inputs[0].sha256.map_or(0, |sha256| sha256[0]);
    let mut judged: Vec<_> = sets.iter().map(|(_, it)| (file(it), it.carried)).collect();
    judged.sort_unstable();
    (judged, refused.len())
}

#[test]
fn of_sets_that_hold_the_same_captures_one_is_judged_and_those_that_cannot_be_told_apart_are_refused() {
    for (name, sets, judged, refused) in [
        ("one", vec![carrying(1, &[1], 0, 0)], vec![(1, 0)], 0),
        (
            "of two readings of one set that which carries more",
            vec![carrying(1, &[1], 0, 0), carrying(1, &[1], 7, 0)],
            vec![(1, 7)],
            0,
        ),
        ("two captures", vec![carrying(1, &[1], 0, 0), carrying(2, &[2], 0, 0)], vec![(1, 0), (2, 0)], 0),
        (
            "one capture in two compressions: that which carries more",
            vec![carrying(1, &[1], 7, 0), carrying(2, &[1], 9, 0)],
            vec![(2, 9)],
            0,
        ),
        ("read with other options: neither", vec![carrying(1, &[1], 7, 0), carrying(2, &[1], 9, 1)], vec![], 2),
        (
            "some captures in common: neither",
            vec![carrying(1, &[1, 2], 0, 0), carrying(2, &[2, 3], 0, 0)],
            vec![],
            2,
        ),
        ("one holds the other", vec![carrying(1, &[1, 2], 0, 0), carrying(2, &[2], 9, 0)], vec![(1, 0)], 0),
        (
            "one holds both, of which one is there twice",
            vec![carrying(1, &[1, 2], 0, 0), carrying(2, &[2], 9, 0), carrying(3, &[2], 9, 0)],
            vec![(1, 0)],
            0,
        ),
    ] {
        assert_eq!(settled(sets), (judged, refused), "{name}");
    }
}

#[test]
fn a_block_of_the_sample_is_one_of_a_peer_in_sync() {
    // What other tests rest on.
    for block in sample::blocks(40) {
        assert!(block.is_whole() && block.lost() == 0 && block.framing == Framing::InSync);
        let stretch = block.stretch();
        assert_eq!(stretch.end - stretch.start, 16_384 + 13);
    }
}
