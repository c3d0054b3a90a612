//! A small MSE initiator and responder, and what the filter makes of them.

use proptest::prelude::*;

use super::keys::{self, Cipher};
use super::*;
use crate::Error;
use crate::ends::{At, Direction, FrameId, Timestamp};
use crate::packet::Store;
use crate::stream::{EndReason, GapCause, Missing, StreamItem};

const A: Direction = Direction::LowToHigh;
const B: Direction = Direction::HighToLow;
const SKEY: [u8; 20] = [0x5a; 20];

/// Keeps what is stored for ever.
struct Leak;

impl Store<'static> for Leak {
    fn store(&self, parts: &[&[u8]]) -> Result<&'static [u8], Error> {
        Ok(parts.concat().leak())
    }
}

/// Bytes that look random, from a seed.
fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    Cipher::new(keys::sha1(&[&seed.to_le_bytes()])).apply(&mut bytes);
    bytes
}

fn secret() -> [u8; 96] {
    noise(99, 96).try_into().expect("96 bytes")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn given() -> Secrets {
    let text = format!("{}\n{}\n", hex(&noise(1, 96)), hex(&secret()));
    Secrets::parse("s", text.as_bytes()).expect("well formed")
}

fn wire(info_hash: [u8; 20], tail: u64) -> Vec<u8> {
    [b"\x13BitTorrent protocol".as_slice(), &[0; 8], &info_hash, &[b'p'; 20], &noise(tail, 3_000)].concat()
}

#[derive(Clone, Copy, Debug)]
struct Case {
    pads: [usize; 4],
    /// Bytes of the initiator's peer wire that go into IA.
    ia: usize,
    select: u32,
}

/// The peer wires of both ends, inside the encryption.
fn wires() -> [Vec<u8>; 2] {
    [wire(SKEY, 20), wire(SKEY, 21)]
}

/// Flights in turn: A, B, A, B, A, B.
fn conversation(case: Case) -> Vec<(Direction, Vec<u8>)> {
    let s = secret();
    let [pad_a, pad_b, pad_c, pad_d] = case.pads;
    let [wire_a, wire_b] = wires();
    let mut cipher_a = Cipher::new(keys::key(b"keyA", &s, &SKEY));
    let mut cipher_b = Cipher::new(keys::key(b"keyB", &s, &SKEY));
    let named: Vec<u8> =
        keys::sha1(&[b"req2", &SKEY]).iter().zip(keys::sha1(&[b"req3", &s])).map(|(a, b)| a ^ b).collect();
    let (ia, rest) = wire_a.split_at(case.ia);
    let mut sealed = [
        [0; 8].as_slice(),
        &3_u32.to_be_bytes(),
        &(pad_c as u16).to_be_bytes(),
        &noise(12, pad_c),
        &(ia.len() as u16).to_be_bytes(),
        ia,
    ]
    .concat();
    cipher_a.apply(&mut sealed);
    let mut answer =
        [[0; 8].as_slice(), &case.select.to_be_bytes(), &(pad_d as u16).to_be_bytes(), &noise(13, pad_d)].concat();
    cipher_b.apply(&mut answer);
    let (mut rest, mut back) = (rest.to_vec(), wire_b);
    if case.select == 2 {
        cipher_a.apply(&mut rest);
        cipher_b.apply(&mut back);
    }
    vec![
        (A, noise(10, 96 + pad_a)),
        (B, noise(11, 96 + pad_b)),
        (A, [keys::sha1(&[b"req1", &s]).to_vec(), named, sealed].concat()),
        (B, answer),
        (A, rest),
        (B, back),
    ]
}

fn at(n: u64) -> At {
    At { time: Timestamp(n as i64), frame: FrameId::new(0, n + 1) }
}

/// Items of at most `size` bytes, in the order of the flights, with the ends.
fn items(flights: &[(Direction, Vec<u8>)], size: usize) -> Vec<(Direction, StreamItem<'static>)> {
    let (mut items, mut offsets) = (Vec::new(), [0; 2]);
    for (direction, bytes) in flights {
        for part in bytes.clone().leak().chunks(size) {
            let offset = &mut offsets[direction.index()];
            let at = at(items.len() as u64);
            items.push((*direction, StreamItem::Data { offset: *offset, bytes: part, at, doubtful: false }));
            *offset += part.len() as u64;
        }
    }
    for direction in [A, B] {
        items.push((direction, StreamItem::End { reason: EndReason::Finished, at: at(items.len() as u64) }));
    }
    items
}

struct Run {
    outcome: MseOutcome,
    /// The bytes that were passed on, joined, by direction.
    bytes: [Vec<u8>; 2],
    out: Vec<(Direction, StreamItem<'static>)>,
    opaque: [u64; 2],
    secret: Option<usize>,
    too_far: bool,
    untried: bool,
}

fn run_items(
    initiator: Option<Direction>,
    items: &[(Direction, StreamItem<'static>)],
    secrets: &Secrets,
    hashes: &[[u8; 20]],
) -> Run {
    run_pooled(initiator, items, secrets, hashes, &Pool::default())
}

fn run_pooled(
    initiator: Option<Direction>,
    items: &[(Direction, StreamItem<'static>)],
    secrets: &Secrets,
    hashes: &[[u8; 20]],
    pool: &Pool,
) -> Run {
    run_among(initiator, items, &Candidates::new(secrets, hashes.to_vec()), pool)
}

fn run_among(
    initiator: Option<Direction>,
    items: &[(Direction, StreamItem<'static>)],
    candidates: &Candidates<'_>,
    pool: &Pool,
) -> Run {
    let (mut filter, mut out) = (MseFilter::new(initiator, pool), Vec::new());
    for (direction, item) in items {
        filter.push(*direction, item, candidates, &Leak, &mut out).expect("Leak does not fail");
    }
    filter.close(candidates, &Leak, &mut out).expect("Leak does not fail");
    assert!(filter.take_held().is_empty());
    let mut bytes = [Vec::new(), Vec::new()];
    for (direction, item) in &out {
        if let StreamItem::Data { bytes: part, .. } = item {
            bytes[direction.index()].extend_from_slice(part);
        }
    }
    let (opaque, secret) = (filter.opaque_bytes(), filter.secret());
    let (too_far, untried) = (filter.is_too_far(), filter.has_untried());
    Run { outcome: filter.outcome().clone(), bytes, out, opaque, secret, too_far, untried }
}

fn run(flights: &[(Direction, Vec<u8>)], secrets: &Secrets, hashes: &[[u8; 20]]) -> Run {
    run_items(Some(A), &items(flights, 1_460), secrets, hashes)
}

fn total(flights: &[(Direction, Vec<u8>)], of: Direction) -> u64 {
    flights.iter().filter(|(direction, _)| *direction == of).map(|(_, bytes)| bytes.len() as u64).sum()
}

#[test]
fn a_fitting_secret_gives_the_clear_twin_whatever_the_padding() {
    for pad in [0, 1, 511, 512] {
        for other in [0, 1, 511, 512] {
            for ia in [0, 68, 500] {
                for select in [1, 2] {
                    let case = Case { pads: [pad, other, other, pad], ia, select };
                    let (flights, wires) = (conversation(case), wires());
                    let run = run(&flights, &given(), &[[1; 20], SKEY]);
                    let expected = if select == 2 { MseOutcome::Rc4 { secret: 1 } } else { MseOutcome::Plaintext };
                    assert_eq!(run.outcome, expected, "{case:?}");
                    assert_eq!((run.bytes, run.opaque, run.secret), (wires, [0, 0], Some(1)), "{case:?}");
                }
            }
        }
    }
}

#[test]
fn every_length_of_every_padding_is_read() {
    for pad in 0..=512 {
        let other = (pad * 7 + 3) % 513;
        let case = |select| Case { pads: [pad, other, 512 - pad, 512 - other], ia: pad % 69, select };
        for select in [1, 2] {
            let found = run(&conversation(case(select)), &given(), &[SKEY]);
            assert_eq!((found.bytes, found.opaque), (wires(), [0, 0]), "{:?}", case(select));
        }
        let (clear, [first, second]) = (run(&conversation(case(1)), &Secrets::default(), &[]), wires());
        assert_eq!(clear.outcome, MseOutcome::Plaintext, "{pad}");
        assert!(clear.bytes[1] == second && first.ends_with(&clear.bytes[0]), "{pad}");
        let opaque = run(&conversation(case(2)), &Secrets::default(), &[]);
        assert!(matches!(opaque.outcome, MseOutcome::Opaque { .. }), "{pad}");
        assert_eq!(opaque.bytes, [Vec::<u8>::new(), Vec::new()]);
    }
}

#[test]
fn where_the_stream_is_cut_into_items_makes_no_difference() {
    for size in [3, 7, 20, 96, 97, 136, 608, 1_199, 1_200, 1_201, 65_535] {
        for select in [1, 2] {
            let (flights, wires) = (conversation(Case { pads: [30; 4], ia: 0, select }), wires());
            let run = run_items(Some(A), &items(&flights, size), &given(), &[SKEY]);
            assert!(run.bytes == wires, "{size}");
        }
    }
}

#[test]
fn without_a_secret_rc4_is_opaque_and_counted() {
    for pads in [[0; 4], [512; 4], [1, 511, 300, 0]] {
        for ia in [0, 68] {
            let flights = conversation(Case { pads, ia, select: 2 });
            for secrets in [Secrets::default(), Secrets::parse("s", hex(&noise(5, 96)).as_bytes()).expect("hex")] {
                let run = run(&flights, &secrets, &[SKEY]);
                let MseOutcome::Opaque { basis } = &run.outcome else { panic!("{pads:?} {:?}", run.outcome) };
                assert!(basis.starts_with("a classification, not a proof"));
                assert_eq!(run.opaque, [total(&flights, A), total(&flights, B)]);
                assert_eq!((run.bytes, run.secret), ([Vec::<u8>::new(), Vec::new()], None));
                assert_eq!(run.out.len(), 2, "both ends are passed on");
            }
        }
    }
}

#[test]
fn without_a_secret_plaintext_is_passed_on_from_the_handshake() {
    for pads in [[0; 4], [512; 4], [1, 511, 300, 0]] {
        for ia in [0, 68] {
            let (flights, [first, second]) = (conversation(Case { pads, ia, select: 1 }), wires());
            let run = run(&flights, &Secrets::default(), &[]);
            assert_eq!(run.outcome, MseOutcome::Plaintext);
            assert_eq!(run.bytes, [first[ia..].to_vec(), second]);
        }
    }
}

#[test]
fn a_secret_without_its_torrent_says_so() {
    let flights = conversation(Case { pads: [9; 4], ia: 68, select: 2 });
    let run = run(&flights, &given(), &[[1; 20]]);
    let MseOutcome::Opaque { basis } = run.outcome else { panic!("{:?}", run.outcome) };
    assert_eq!(basis, "a secret fits, but none of the given torrents is its SKEY");
    assert_eq!((run.secret, run.opaque[0]), (Some(1), total(&flights, A)));
}

#[test]
fn bytes_that_do_not_decrypt_are_never_passed_on() {
    for flight in [2, 3] {
        let mut flights = conversation(Case { pads: [0; 4], ia: 68, select: 2 });
        let place = if flight == 2 { 40 } else { 0 };
        flights[flight].1[place] ^= 1;
        let run = run(&flights, &given(), &[SKEY]);
        assert!(matches!(run.outcome, MseOutcome::WrongSecret { secret: 1, .. }), "{:?}", run.outcome);
        assert_eq!(run.bytes, [Vec::<u8>::new(), Vec::new()]);
    }
}

#[test]
fn a_gap_of_known_length_in_rc4_costs_only_its_bytes() {
    let (flights, [first, _]) = (conversation(Case { pads: [5; 4], ia: 68, select: 2 }), wires());
    let mut items = items(&flights, 100);
    let hole =
        items.iter().rposition(|(direction, item)| *direction == A && matches!(item, StreamItem::Data { .. }));
    let hole = hole.expect("there is data") - 3;
    let StreamItem::Data { offset, bytes, at, .. } = items[hole].1 else { panic!("data") };
    let missing = Missing::Bytes(bytes.len() as u64);
    items[hole].1 = StreamItem::Gap { offset, missing, cause: GapCause::Unseen, at };
    items.insert(hole + 2, (A, StreamItem::Late { offset, bytes, at }));
    items.insert(hole + 3, (A, StreamItem::Conflict { offset: offset - 100, bytes, at }));
    let run = run_items(Some(A), &items, &given(), &[SKEY]);
    let start = first.len() as u64 - (total(&flights, A) - offset);
    let start = start as usize;
    let late = run
        .out
        .iter()
        .find_map(|(_, item)| if let StreamItem::Late { bytes, .. } = item { Some(*bytes) } else { None });
    assert_eq!(late, Some(&first[start..start + 100]));
    assert!(run.out.iter().any(|(_, item)| matches!(item, StreamItem::Conflict { .. })));
    let expected = [&first[..start], &first[start + 100..]].concat();
    assert_eq!(run.bytes[0], expected);
}

/// A conversation in RC4 with a gap of `missing` bytes at the end of what A sends, and `bytes` behind it, if any.
fn with_a_gap_before(bytes: &'static [u8], missing: u64) -> (Vec<(Direction, StreamItem<'static>)>, u64) {
    let flights = conversation(Case { pads: [5; 4], ia: 68, select: 2 });
    let (mut items, offset) = (items(&flights, 1_460), total(&flights, A));
    let ends = items.len() - 2;
    let (at, cause) = (at(ends as u64), GapCause::Unseen);
    let gap = StreamItem::Gap { offset, missing: Missing::Bytes(missing), cause, at };
    let data = StreamItem::Data { offset: offset + missing, bytes, at, doubtful: false };
    items.splice(ends..ends, [(A, gap)].into_iter().chain((!bytes.is_empty()).then_some((A, data))));
    (items, offset)
}

#[test]
fn behind_a_gap_out_of_proportion_rc4_is_opaque_at_once_and_said_to_be() {
    let (items, _) = with_a_gap_before(b"ten bytes.", 8 << 30);
    let run = run_items(Some(A), &items, &given(), &[SKEY]);
    assert_eq!((run.bytes, run.opaque, run.too_far), (wires(), [10, 0], true));
    // Nothing behind it: nothing to pay for.
    let (items, offset) = with_a_gap_before(b"", 8 << 30);
    let run = run_items(Some(A), &items, &given(), &[SKEY]);
    assert_eq!((&run.bytes, run.opaque, run.too_far), (&wires(), [0, 0], false));
    assert!(run.out.iter().any(|(_, item)| matches!(item, StreamItem::Gap { offset: at, .. } if *at == offset)));
}

#[test]
fn connections_share_what_may_be_passed_over_beyond_what_they_hold() {
    // The initiator's 68 bytes in IA and 3,000 behind it earn 12,272.
    let (items, _) = with_a_gap_before(b"ten bytes.", 20_000);
    let pool = Pool::of(10_000);
    let too_far = [0; 3].map(|_| run_pooled(Some(A), &items, &given(), &[SKEY], &pool).too_far);
    assert_eq!(too_far, [false, true, true]);
}

#[test]
fn packets_that_ask_for_the_same_keystream_again_and_again_are_not_followed_for_ever() {
    let (mut items, offset) = with_a_gap_before(b"ten bytes.", 50_000);
    let ends = items.len() - 2;
    let late = (0..200).map(|index| {
        let offset = if index % 2 == 0 { offset + 49_000 } else { offset };
        (A, StreamItem::Late { offset, bytes: b"late", at: at(ends as u64) })
    });
    items.splice(ends..ends, late);
    let run = run_pooled(Some(A), &items, &given(), &[SKEY], &Pool::of(200_000));
    let count = |wanted: fn(&StreamItem<'_>) -> bool| run.out.iter().filter(|(_, item)| wanted(item)).count();
    let decrypted = count(|item| matches!(item, StreamItem::Late { .. }));
    let left = count(|item| matches!(item, StreamItem::Uncompared { .. }));
    assert_eq!(decrypted + left, 200);
    assert!((3..20).contains(&decrypted), "{decrypted}");
    assert_eq!((run.opaque, run.too_far), ([0, 0], false));
}

#[test]
fn after_a_gap_of_unknown_length_rc4_is_opaque() {
    let (flights, [first, second]) = (conversation(Case { pads: [5; 4], ia: 68, select: 2 }), wires());
    let mut items = items(&flights, 1_000);
    let last =
        items.iter().rposition(|(direction, item)| *direction == A && matches!(item, StreamItem::Data { .. }));
    let last = last.expect("there is data");
    let StreamItem::Data { offset, bytes, at, .. } = items[last].1 else { panic!("data") };
    items.insert(last, (A, StreamItem::Gap { offset, missing: Missing::Unknown, cause: GapCause::Unseen, at }));
    let run = run_items(Some(A), &items, &given(), &[SKEY]);
    assert_eq!(run.opaque, [bytes.len() as u64, 0]);
    assert_eq!(run.bytes, [first[..first.len() - bytes.len()].to_vec(), second]);
}

#[test]
fn a_secret_also_fits_where_the_opening_was_not_captured() {
    let (flights, wires) = (conversation(Case { pads: [5; 4], ia: 68, select: 2 }), wires());
    let run = run_items(None, &items(&flights, 1_460), &given(), &[SKEY]);
    assert_eq!((run.outcome, run.bytes), (MseOutcome::Rc4 { secret: 1 }, wires));
    let blind = run_items(None, &items(&flights, 1_460), &Secrets::default(), &[SKEY]);
    assert_eq!(blind.outcome, MseOutcome::NotMse);
}

/// The flights of `first` before those of the other direction, as a merged capture of two taps may have them.
fn apart(flights: Vec<(Direction, Vec<u8>)>, first: Direction) -> Vec<(Direction, Vec<u8>)> {
    let (mut early, late): (Vec<_>, Vec<_>) = flights.into_iter().partition(|(direction, _)| *direction == first);
    early.extend(late);
    early
}

#[test]
fn a_secret_also_fits_where_all_of_the_answer_was_captured_before_what_it_answers() {
    for (pads, ia, select) in [([0; 4], 0, 1), ([0, 505, 508, 512], 3, 1), ([512; 4], 68, 2), ([9; 4], 0, 2)] {
        for (first, size) in [(A, 22), (A, 1_460), (B, 22), (B, 1_460)] {
            let case = Case { pads, ia, select };
            let run = run_items(Some(A), &items(&apart(conversation(case), first), size), &given(), &[SKEY]);
            assert_eq!((run.bytes, run.opaque), (wires(), [0, 0]), "{case:?} {first:?} {size}");
        }
    }
}

#[test]
fn an_answer_alone_is_read_with_its_secret() {
    for select in [1, 2] {
        let mut flights = conversation(Case { pads: [9; 4], ia: 0, select });
        flights.retain(|(direction, _)| *direction == B);
        // Of one byte each they are more than are held.
        for size in [1, 1_460] {
            let run = run_items(Some(A), &items(&flights, size), &given(), &[SKEY]);
            assert_eq!((run.bytes, run.secret), ([Vec::new(), wires()[1].clone()], Some(1)), "{select} {size}");
        }
    }
}

#[test]
fn an_answer_alone_is_read_among_many_secrets_and_torrents_or_said_to_be_untried() {
    let mut text: String = (1_000..1_110).map(|seed| hex(&noise(seed, 96)) + "\n").collect();
    text.push_str(&hex(&secret()));
    let secrets = Secrets::parse("s", text.as_bytes()).expect("well formed");
    let hashes = (0..100).map(|n| [n; 20]).chain([SKEY]).collect();
    let mut flights = conversation(Case { pads: [9; 4], ia: 0, select: 2 });
    flights.retain(|(direction, _)| *direction == B);
    let (items, candidates) = (items(&flights, 1_460), Candidates::new(&secrets, hashes));
    for initiator in [Some(A), None] {
        let run = run_among(initiator, &items, &candidates, &Pool::default());
        assert_eq!((run.bytes[1].len(), run.secret, run.untried), (wires()[1].len(), Some(110), false));
    }
    let bounded = Candidates::new(&secrets, vec![SKEY]).at_most(110);
    let run = run_among(Some(A), &items, &bounded, &Pool::default());
    assert_eq!((run.secret, run.untried), (None, true));
}

#[test]
fn behind_a_lost_beginning_the_initiator_in_clear_is_not_read_from_within_the_handshake() {
    let flights = conversation(Case { pads: [9; 4], ia: 0, select: 1 });
    let mut items = items(&apart(flights, B), 1_460);
    let first = items.iter().position(|(direction, _)| *direction == A).expect("it sends");
    let StreamItem::Data { bytes, at, .. } = items[first].1 else { panic!("data") };
    let gap = |len: u64| StreamItem::Gap { offset: 0, missing: Missing::Bytes(len), cause: GapCause::Unseen, at };
    let kept = StreamItem::Data { offset: 10, bytes: &bytes[10..], at, doubtful: false };
    items.splice(first..=first, [(A, gap(10)), (A, kept)]);
    let run = run_items(Some(A), &items, &given(), &[SKEY]);
    assert_eq!((run.outcome, &run.bytes[1]), (MseOutcome::Plaintext, &wires()[1]));
    let begins = run.out.iter().find_map(|(direction, item)| match item {
        StreamItem::Data { offset, .. } if *direction == A => Some(*offset),
        _ => None,
    });
    assert_eq!(begins, Some((KEY_LEN + MIN_SECOND) as u64));
    assert!(run.bytes[0].ends_with(&wires()[0]), "what is in clear is passed on");
}

#[test]
fn other_protocols_pass_unchanged() {
    let tls = [[0x16, 3, 1, 2, 0].as_slice(), &noise(30, 512)].concat();
    let dns = [[0, 120, 0x12, 0x34, 1, 0].as_slice(), &noise(31, 116)].concat();
    let http = b"GET /announce?info_hash=%12%34 HTTP/1.1\r\nHost: tracker.example\r\n\r\n".repeat(3);
    let ssh = [b"SSH-2.0-OpenSSH_9.2\r\n".as_slice(), &noise(32, 200)].concat();
    let ramp: Vec<u8> = (0..200).collect();
    let beginnings = [tls, dns, http, ssh, ramp, vec![0xff; 200], vec![0; 200], noise(33, 95), noise(34, 609)];
    for first in beginnings {
        let flights = vec![
            (A, first),
            (B, noise(40, 200)),
            (A, noise(41, 300)),
            (B, noise(42, 3_000)),
            (A, noise(43, 3_000)),
        ];
        for secrets in [Secrets::default(), given()] {
            let run = run(&flights, &secrets, &[SKEY]);
            assert_eq!(run.outcome, MseOutcome::NotMse, "{:02x?}", &flights[0].1[..8]);
            assert_eq!(run.out, items(&flights, 1_460));
            assert_eq!(run.bytes.map(|bytes| bytes.len() as u64), [total(&flights, A), total(&flights, B)]);
        }
    }
}

#[test]
fn random_bytes_in_the_wrong_order_or_size_are_not_mse() {
    let answers_first = vec![(B, noise(1, 200)), (A, noise(2, 200)), (B, noise(3, 200)), (A, noise(4, 3_000))];
    let long_answer = vec![(A, noise(1, 200)), (B, noise(2, 700)), (A, noise(3, 200)), (B, noise(4, 3_000))];
    let short_second = vec![(A, noise(1, 200)), (B, noise(2, 200)), (A, noise(3, 55)), (B, noise(4, 3_000))];
    let one_sided = vec![(A, noise(1, 200)), (A, noise(2, 3_000))];
    let text_answer = vec![(A, noise(1, 200)), (B, vec![b'x'; 200]), (A, noise(3, 200)), (B, noise(4, 3_000))];
    for flights in [answers_first, long_answer, short_second, one_sided, text_answer] {
        let run = run(&flights, &Secrets::default(), &[]);
        assert_eq!(run.outcome, MseOutcome::NotMse);
        assert_eq!(run.bytes.map(|bytes| bytes.len() as u64), [total(&flights, A), total(&flights, B)]);
    }
}

#[test]
fn a_public_key_above_the_prime_rules_mse_out() {
    let mut flights = conversation(Case { pads: [9; 4], ia: 68, select: 2 });
    flights[1].1[..9].copy_from_slice(&[0xff; 9]);
    assert_eq!(run(&flights, &Secrets::default(), &[]).outcome, MseOutcome::NotMse);
}

proptest! {
    #[test]
    fn a_secret_fits_in_whatever_order_the_directions_were_captured(
        order in prop::collection::vec(any::<bool>(), 300), pads in [0..=512_usize, 0..=512_usize, 0..=512_usize, 0..=512_usize],
        ia in 0..=68_usize, select in 1_u32..=2, size in 20..1_460_usize,
    ) {
        let items = items(&conversation(Case { pads, ia, select }), size);
        let [mut low, mut high] = [A, B].map(|way| items.iter().filter(move |(direction, _)| *direction == way));
        let mut merged = Vec::new();
        for side in order {
            merged.extend(if side { low.next() } else { high.next() });
        }
        merged.extend(high.chain(low));
        let merged: Vec<_> = merged.into_iter().copied().collect();
        let run = run_items(Some(A), &merged, &given(), &[SKEY]);
        prop_assert_eq!((run.bytes, run.opaque), (wires(), [0, 0]));
    }

    #[test]
    fn any_items_are_taken_and_every_data_byte_is_passed_on_counted_or_handshake(
        parts in prop::collection::vec((any::<bool>(), 0_usize..400, 0_u8..12, any::<u64>()), 0..60),
        base in any::<bool>(), keyed in any::<bool>(), known in any::<bool>(), select in 1_u32..=2,
    ) {
        let mut flights = if base { conversation(Case { pads: [17; 4], ia: 68, select }) } else { Vec::new() };
        flights.iter_mut().for_each(|(_, bytes)| bytes.truncate(700));
        let mut items = items(&flights, 300);
        items.truncate(items.len() - 2);
        let mut ends = [total(&flights, A), total(&flights, B)];
        for (side, len, kind, seed) in parts {
            let direction = if side { A } else { B };
            let offset = ends[direction.index()];
            let at = at(items.len() as u64);
            let bytes: &[u8] = noise(seed, len + 1).leak();
            let missing = if kind == 1 { Missing::Unknown } else { Missing::Bytes(len as u64 + 1) };
            let item = match kind {
                0 | 1 => StreamItem::Gap { offset, missing, cause: GapCause::Unseen, at },
                2 => StreamItem::Acked { upto: offset, at },
                3 => StreamItem::Conflict { offset: seed, bytes, at },
                4 => StreamItem::Late { offset: seed % (offset + 1), bytes, at },
                5 => StreamItem::Uncompared { offset: seed, len: seed, at, cut: len % 2 == 0 },
                6 => StreamItem::AckedRange { from: 0, to: offset, at },
                _ => StreamItem::Data { offset, bytes, at, doubtful: false },
            };
            ends[direction.index()] += match kind {
                0 => len as u64 + 1,
                7.. => bytes.len() as u64,
                _ => 0,
            };
            items.push((direction, item));
        }
        let secrets = if keyed { given() } else { Secrets::default() };
        let run = run_items(known.then_some(A), &items, &secrets, &[SKEY]);
        for direction in [A, B] {
            let data = |items: &[(Direction, StreamItem<'static>)]| -> u64 {
                items.iter().filter(|(of, _)| *of == direction).map(|(_, item)| match item {
                    StreamItem::Data { bytes, .. } => bytes.len() as u64,
                    _ => 0,
                }).sum()
            };
            let accounted = data(&run.out) + run.opaque[direction.index()];
            match run.outcome {
                MseOutcome::Plaintext | MseOutcome::Rc4 { .. } => prop_assert!(accounted <= data(&items)),
                _ => prop_assert_eq!(accounted, data(&items)),
            }
        }
    }
}
