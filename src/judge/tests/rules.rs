//! Rules of one fact each: a hash and what it must be, a unit and its place, a request and its answer, the handshakes of a
//! connection and what they show.

use super::stage::{BLOCK, M, S1, S2, S3, SIZE, Stage, end};
use super::*;
use crate::ends::{At, FrameId, Span, Timestamp};
use crate::facts::{Answer, CutHandshake, Digests};
use crate::judge::ask::verdict;
use crate::judge::share::requested;
use crate::torrent::merkle::root;
use crate::torrent::{PieceTree, TorrentId};

const B: u64 = BLOCK as u64;

#[test]
fn a_hash_is_right_where_each_that_the_torrent_has_is() {
    let leaves = vec![[1; 32], [2; 32]];
    let tree = |leaves: &[[u8; 32]]| PieceTree { root: root(leaves, 2), content: 2 * BLOCK, width: 2 };
    let (right, wrong) = (tree(&leaves), tree(&[[1; 32], [3; 32]]));
    let both = |sha1: u8, v2| Expected::Both { sha1: [sha1; 20], v2 };
    let sent = Digests { sha1: Some([7; 20]), leaves: leaves.clone(), ..Digests::default() };
    for (name, expected, of) in [
        ("a SHA-1 that fits", Expected::Sha1([7; 20]), Verdict::Match),
        ("one that does not", Expected::Sha1([8; 20]), Verdict::Mismatch),
        ("a tree that fits", Expected::V2(right), Verdict::Match),
        ("one that does not", Expected::V2(wrong), Verdict::Mismatch),
        ("a hybrid, both halves", both(7, right), Verdict::Match),
        ("a hybrid, v1 alone", both(7, wrong), Verdict::Half(Half::V1)),
        ("a hybrid, v2 alone", both(8, right), Verdict::Half(Half::V2)),
        ("a hybrid, neither", both(8, wrong), Verdict::Mismatch),
        ("a leaf that fits", Expected::Leaf([1; 32]), Verdict::Match),
        ("the second leaf is not the first", Expected::Leaf([2; 32]), Verdict::Mismatch),
        ("a unit whose hash is not known", Expected::Unknown, Verdict::Mismatch),
    ] {
        assert_eq!(verdict(&expected, &sent), of, "{name}");
    }
    // Of bytes that are not at hand nothing is right.
    for expected in [Expected::Sha1([7; 20]), Expected::V2(right), both(7, right), Expected::Leaf([1; 32])] {
        assert_eq!(verdict(&expected, &Digests::default()), Verdict::Mismatch, "{expected:?}");
    }
}

#[test]
fn what_halves_of_a_hybrid_matched_says_what_is_open() {
    let noted = |verdicts: &[Verdict]| {
        let mut matched = Matched::default();
        verdicts.iter().for_each(|verdict| _ = matched.note(*verdict));
        (matched.halves(), matched.half_open(), matched.by_tree(), matched.has_sha1())
    };
    let (v1, v2) = (Verdict::Half(Half::V1), Verdict::Half(Half::V2));
    for (name, verdicts, expected) in [
        ("nothing", &[][..], ([false, false], false, true, false)),
        ("a copy that fails says nothing", &[Verdict::Mismatch], ([false, false], false, true, false)),
        ("all of it", &[Verdict::Match], ([true, true], false, true, true)),
        ("v1 alone: v2 is open", &[v1], ([true, false], true, false, true)),
        ("v2 alone: v1 is open", &[v2], ([false, true], true, true, false)),
        (
            "contents that match one each: of neither is all of it, and nothing is open",
            &[v1, v2],
            ([false, false], false, false, true),
        ),
        ("v1, then all of it", &[v1, Verdict::Match], ([true, true], false, false, true)),
    ] {
        assert_eq!(noted(verdicts), expected, "{name}");
    }
    let mut matched = Matched::default();
    assert!(matched.note(v1) && !matched.note(v1) && !matched.note(Verdict::Mismatch) && matched.note(v2));
}

#[test]
fn a_unit_is_cut_as_far_as_its_hashes_are_known() {
    let mut stage = Stage::new();
    let (v1, v2, hybrid) = (stage.v1(1), stage.v2(1), stage.hybrid(1, 1));
    let link = stage.meet(S1, M, v2);
    stage.teach(link, v2, 0);
    let taught = teach(&stage.facts(), &stage.torrents, &mut Vec::new()).expect("a leaf layer");
    let units = |torrents: &Torrents, id: TorrentId, piece: u32, range: std::ops::Range<u32>| -> Vec<Option<u32>> {
        let torrent = torrents.torrent(id);
        let piece = torrent.piece(piece).expect("there");
        Cut::first(torrent, piece).units(torrent, piece, &range).map(|unit| unit.leaf).collect()
    };
    let whole = 0..2 * BLOCK;
    for (name, torrents, id, piece, range, expected) in [
        ("a piece of v1 is one unit", &stage.torrents, v1, 0, whole.clone(), vec![None]),
        ("a piece of v2 whose leaves are not known, too", &stage.torrents, v2, 0, whole.clone(), vec![None]),
        ("with its leaves it is cut into them", &taught, v2, 0, whole.clone(), vec![Some(0), Some(1)]),
        ("as far as a block reaches", &taught, v2, 0, BLOCK..BLOCK + 9, vec![Some(1)]),
        ("another piece is not", &taught, v2, 1, whole.clone(), vec![None]),
        ("a hybrid goes by pieces first", &taught, hybrid, 0, whole.clone(), vec![None]),
    ] {
        assert_eq!(units(torrents, id, piece, range), expected, "{name}");
    }
    // The last piece is shorter, and a torrent has no further one.
    let last = Measure::of(stage.torrents.torrent(v1), Unit { piece: 2, leaf: None }).expect("there");
    assert_eq!((last.range.clone(), last.content()), (0..SIZE as u32 - 4 * BLOCK, SIZE as u64 - 4 * B));
    assert!(Measure::of(stage.torrents.torrent(v1), Unit { piece: 3, leaf: None }).is_none());
    assert_eq!(Unit { piece: 0, leaf: Some(1) }.range(BLOCK + 5), Some(BLOCK..BLOCK + 5));
    assert_eq!(Unit { piece: 0, leaf: Some(u32::MAX) }.range(BLOCK), None, "no piece has such a leaf");
}

#[test]
fn a_block_answers_a_request_that_was_sent_before_it() {
    let at = |time: i64| At { time: Timestamp(time), frame: FrameId::new(0, time as u64) };
    let span = |first, last| Span { first: at(first), last: at(last) };
    let asked = span(10, 11);
    for (name, first, answers, is_asked) in [
        ("nothing asked for it", 20, Answer::Unasked, false),
        ("asked for, then sent", 20, Answer::Request { span: asked, acknowledged: false }, true),
        (
            "in the file the answer stands first, and nothing shows that it is later",
            5,
            Answer::Request { span: asked, acknowledged: false },
            false,
        ),
        (
            "its first packet acknowledges the request: T68, two taps whose clocks differ",
            5,
            Answer::Request { span: asked, acknowledged: true },
            true,
        ),
        ("cancelled before", 20, Answer::Cancelled { span: asked }, false),
    ] {
        let mut stage = Stage::new();
        let id = stage.v1(1);
        let link = stage.meet(S1, M, id);
        let block = stage.send(link, id, 0, 0);
        (block.span, block.answers) = (span(first, first + 1), answers);
        assert_eq!(requested(block).is_some(), is_asked, "{name}");
    }
}

#[test]
fn who_is_not_heard_answers_nothing_and_has_advertised_nothing() {
    for (name, hashes, confirmed, heard) in [
        ("both speak of one torrent", [1, 1], Some(true), true),
        ("one of another", [1, 2], Some(true), false),
        ("nothing shows that the sender received anything", [1, 1], Some(false), false),
        ("the other end was not captured: it cannot be told", [1, 1], None, true),
    ] {
        let mut stage = Stage::new();
        let id = stage.v1(1);
        let hash = |it: u8| Some(if it == 1 { stage.hash(id) } else { [it; 20] });
        let hashes = hashes.map(hash);
        let link = stage.meet_for(S1, M, hashes);
        stage.offer(link);
        stage.side(link).1.confirmed = confirmed;
        stage.piece(link, id, 0);
        let judged = stage.judge();
        let (_, found) = &judged.units[&TorrentKey::Given(id)][0];
        let credit = &found.credits[0];
        assert_eq!((credit.requested.is_some(), credit.advertised.is_some()), (heard, heard), "{name}");
        assert_eq!(credit.ranges.total(), 2 * B, "{name}: its bytes are what they are");
    }
}

/// Signs of the handshakes in the record of S1.
fn shown(stage: &mut Stage) -> [bool; 4] {
    let judged = stage.judge();
    let record = judged.records.iter().find(|record| record.key.uploader == S1).expect("one");
    let facts = &record.facts;
    [&facts.handshake, &facts.counterpart, &facts.mismatch, &facts.unanswered].map(Option::is_some)
}

#[test]
fn handshakes_show_what_both_of_them_say() {
    // G3, the counterpart's, another torrent, not answered.
    for (name, own, other, from_start, gap, expected) in [
        ("both, of one torrent", Some(1), Some(1), true, false, [true, true, false, false]),
        ("T12: both, of two torrents", Some(1), Some(2), true, false, [false, false, true, false]),
        (
            "one side; the other one was not captured from its start",
            Some(1),
            None,
            false,
            false,
            [true, false, false, false],
        ),
        (
            "one side; the other one has a gap where it may be",
            Some(1),
            None,
            true,
            true,
            [true, false, false, false],
        ),
        (
            "one side; the other one, captured whole, never answered",
            Some(1),
            None,
            true,
            false,
            [false, false, false, true],
        ),
        ("the other side alone", None, Some(1), true, false, [false, false, false, false]),
        ("neither", None, None, false, false, [false, false, false, false]),
    ] {
        let mut stage = Stage::new();
        let id = stage.v1(1);
        let hash = |it: u8| if it == 1 { stage.hash(id) } else { [it; 20] };
        let hashes = [own.map(hash), other.map(hash)];
        let link = stage.meet_for(S1, M, hashes);
        stage.wire(link).from_start = from_start;
        stage.side(Stage::other(link)).1.gaps = u64::from(gap);
        stage.send(link, id, 0, 0);
        assert_eq!(shown(&mut stage), expected, "{name}");
    }
}

#[test]
fn what_is_claimed_where_nobody_listens_counts_for_nothing() {
    // T52, and T12.
    for (name, confirmed, other, heard) in [
        ("confirmed", Some(true), 1, true),
        ("forged blind", Some(false), 1, false),
        ("between two torrents", Some(true), 2, false),
    ] {
        let mut stage = Stage::new();
        let id = stage.v1(1);
        let hash = stage.hash(id);
        let link = stage.meet_for(S1, M, [Some(hash), Some(if other == 1 { hash } else { [2; 20] })]);
        stage.offer(link);
        stage.side(link).0.listen_port = Some(4_000);
        stage.side(link).1.confirmed = confirmed;
        stage.send(link, id, 0, 0);
        let judged = stage.judge();
        let facts = &judged.records.iter().find(|record| record.key.uploader == S1).expect("one").facts;
        let said = [facts.advertised, facts.offered, facts.asked, facts.first_piece].map(|it| it.is_some());
        assert_eq!(said, [heard; 4], "{name}");
        assert_eq!(facts.listen_port.is_some(), heard, "{name}: nor is its word on its port");
        assert_eq!(facts.advertised_all, heard, "{name}");
        assert_eq!(
            (facts.unconfirmed > 0, facts.mismatch.is_some()),
            (confirmed == Some(false), other == 2),
            "{name}"
        );
    }
}

#[test]
fn of_several_connections_the_first_frames_show_a_rung() {
    let mut stage = Stage::new();
    let id = stage.v1(1);
    let (first, second) = (stage.meet(S1, M, id), stage.meet(S1, M, id));
    stage.offer(second);
    stage.offer(first);
    let earlier = stage.side(second).0.offered;
    stage.send(first, id, 0, 0);
    let judged = stage.judge();
    let record = judged.records.iter().find(|record| record.key.uploader == S1).expect("one");
    assert_eq!((record.facts.connections, record.facts.sessions.len()), (2, 2));
    assert_eq!(record.facts.offered, earlier, "whichever connection ended first");
}

#[test]
fn a_cut_handshake_excludes_torrents_and_names_none() {
    let mut stage = Stage::new();
    let (one, other) = (stage.v1(1), stage.v1(2));
    let begins = stage.hash(one)[..6].to_vec();
    assert_ne!(stage.hash(other)[..6], begins);
    for (name, begins, content, expected) in [
        ("its bytes are of the one that it may be of", begins.clone(), one, Some(one)),
        ("its bytes are of one that it excludes", begins.clone(), other, None),
        ("nothing of the info-hash was captured", Vec::new(), other, Some(other)),
        ("what it begins with is no given torrent's", vec![1, 2, 3, 4], one, None),
    ] {
        let mut stage = Stage::new();
        let ids = [stage.v1(1), stage.v1(2)];
        assert_eq!(ids, [one, other]);
        let link = stage.meet_for(S1, M, [None; 2]);
        let span = stage.span();
        stage.side(link).0.cut_handshake = Some(CutHandshake { begins, span });
        stage.piece(link, content, 0);
        let judged = stage.judge();
        let key = judged.records.iter().find(|record| record.key.uploader == S1).map(|record| record.key.torrent);
        assert_eq!(key, Some(expected.map_or(TorrentKey::Unknown, TorrentKey::Given)), "{name}");
    }
}

#[test]
fn beyond_the_rows_of_a_report_those_with_the_most_proven_bytes_stay() {
    let play = || {
        let mut stage = Stage::new();
        let id = stage.v1(1);
        // Much that nothing decides; a little that verifies; less that is refuted.
        let (loud, honest, bad) =
            (stage.meet(S1, M, id), stage.meet(S2, end(11, 1), id), stage.meet(S3, end(12, 1), id));
        for _ in 0..9 {
            stage.block(loud, 900, 0, &[1; BLOCK as usize]);
        }
        stage.piece(honest, id, 0);
        stage.send(bad, id, 2, 0);
        stage.blocks.last_mut().expect("one").runs[0].place.offset = 0;
        stage
    };
    for (rows, stay) in [(6, vec![S1, S2, S3]), (4, vec![S2, S3]), (2, vec![S2])] {
        let mut stage = play();
        stage.limits.served_rows = rows;
        let judged = stage.judge();
        let shown = judged.records.iter().filter(|record| !record.left_out && record.counts.served > 0);
        let mut shown: Vec<_> = shown.map(|record| record.key.uploader).collect();
        shown.sort_unstable();
        assert_eq!(shown, stay, "{rows} rows");
        let left: u64 =
            judged.records.iter().filter(|record| record.left_out).map(|record| record.counts.served).sum();
        let all: u64 = judged.records.iter().map(|record| record.counts.served).sum();
        assert_eq!(
            all - left,
            judged.records.iter().filter(|it| !it.left_out).map(|it| it.counts.served).sum::<u64>()
        );
    }
}
