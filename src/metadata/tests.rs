//! Truths, lies, and every order of them.

use std::net::{IpAddr, Ipv4Addr};

use proptest::prelude::*;

use super::*;
use crate::ends::{At, FrameId, Timestamp};

fn peer(n: u8) -> Endpoint {
    Endpoint { ip: IpAddr::V4(Ipv4Addr::new(192, 0, 2, n)), port: 6881 }
}

fn way(n: u8) -> Way {
    Way { from: peer(n), to: peer(200), transport: Transport::Tcp }
}

fn senders(rebuilt: &Rebuilt) -> Vec<Endpoint> {
    rebuilt.contributors.iter().map(|part| part.way.from).collect()
}

fn span(number: u64) -> Span {
    Span::single(At { time: Timestamp(number as i64), frame: FrameId::new(0, number) })
}

fn info(len: usize) -> Vec<u8> {
    (0..len).map(|n| (n * 31 % 251) as u8).collect()
}

fn sha1(info: &[u8]) -> [u8; 20] {
    Sha1::digest(info).into()
}

fn push(store: &mut MetadataStore, hash: [u8; 20], piece: u32, bytes: &[u8], from: u8) -> Stored {
    store.push(hash, piece, None, bytes, way(from), span(u64::from(piece) + 1))
}

#[test]
fn pieces_of_several_peers_make_one_dictionary() {
    let info = info(40_000);
    let sha256: [u8; 32] = Sha256::digest(&info).into();
    let cut: [u8; 20] = *sha256.first_chunk().expect("32 bytes");
    for hash in [sha1(&info), cut] {
        let mut store = MetadataStore::default();
        assert_eq!(push(&mut store, hash, 2, &info[32_768..], 1), Stored::Kept);
        assert_eq!(push(&mut store, hash, 0, &info[..16_384], 2), Stored::Kept);
        assert_eq!(push(&mut store, hash, 0, &info[..16_384], 3), Stored::Known);
        assert!(store.complete().is_empty());
        assert_eq!(push(&mut store, hash, 1, &info[16_384..32_768], 1), Stored::Completed);
        assert_eq!(push(&mut store, hash, 1, &info[16_384..32_768], 4), Stored::Known);
        let contributors: Vec<_> = [1, 2, 3, 4].map(peer).to_vec();
        let rebuilt = store.complete();
        assert_eq!((rebuilt.len(), &rebuilt[0].info), (1, &info.as_slice().into()));
        assert!(store.complete().is_empty());
        let harvest = store.finish();
        let from = senders(&harvest.rebuilt[0]);
        assert_eq!((from, harvest.wrong.len(), harvest.unfinished.len()), (contributors, 0, 0));
    }
}

#[test]
fn a_poisoned_piece_is_named_when_the_right_one_comes() {
    let info = info(40_000);
    let hash = sha1(&info);
    let mut store = MetadataStore::default();
    push(&mut store, hash, 0, &info[..16_384], 1);
    push(&mut store, hash, 2, &info[32_768..], 1);
    assert_eq!(push(&mut store, hash, 1, &[7; 16_384], 66), Stored::Kept);
    assert_eq!(store.counts.mismatches, 1);
    assert_eq!(push(&mut store, hash, 1, &info[16_384..32_768], 2), Stored::Completed);
    assert_eq!(push(&mut store, hash, 0, &[8; 16_384], 67), Stored::Wrong);
    let harvest = store.finish();
    assert_eq!(*harvest.rebuilt[0].info, info);
    assert_eq!(senders(&harvest.rebuilt[0]), [peer(1), peer(2)]);
    let wrong: Vec<_> = harvest.wrong.iter().map(|wrong| (wrong.piece, wrong.from)).collect();
    assert_eq!((wrong, harvest.counts.wrong), (vec![(1, peer(66)), (0, peer(67))], 2));
}

#[test]
fn a_liar_about_every_piece_and_the_size_does_not_hide_the_truth() {
    let info = info(50 * PIECE_BYTES);
    let hash = sha1(&info);
    let mut store = MetadataStore::default();
    for piece in 0..50 {
        store.push(hash, piece, Some(49 * 16_384 + 5), &[piece as u8; PIECE_BYTES], way(66), span(1));
    }
    for (piece, bytes) in (0..).zip(info.chunks(PIECE_BYTES)) {
        store.push(hash, piece, Some(info.len() as u64), bytes, way(1 + piece as u8 % 2), span(2));
    }
    let harvest = store.finish();
    assert_eq!(senders(&harvest.rebuilt[0]), [peer(1), peer(2)]);
    assert_eq!(harvest.counts.wrong, 50);
}

#[test]
fn a_liar_who_comes_first_with_many_contents_leaves_room_for_the_truth() {
    let info = info(20_000);
    let hash = sha1(&info);
    let mut store = MetadataStore::default();
    for fill in 0..20 {
        push(&mut store, hash, 0, &[fill; 16_384], 66);
    }
    assert_eq!(push(&mut store, hash, 0, &info[..16_384], 1), Stored::Kept);
    assert_eq!(push(&mut store, hash, 1, &info[16_384..], 2), Stored::Completed);
}

#[test]
fn what_never_matches_is_unfinished() {
    let mut store = MetadataStore::default();
    assert_eq!(push(&mut store, [9; 20], 0, b"d4:name1:ae", 1), Stored::Kept);
    let harvest = store.finish();
    assert_eq!((harvest.rebuilt.len(), harvest.unfinished, harvest.counts.mismatches), (0, vec![[9; 20]], 1));
}

#[test]
fn bounds_are_told() {
    let mut store = MetadataStore::default();
    assert_eq!(push(&mut store, [1; 20], 0, &[], 1), Stored::Malformed);
    assert_eq!(push(&mut store, [1; 20], 0, &[0; 16_385], 1), Stored::Malformed);
    assert_eq!(push(&mut store, [1; 20], u32::MAX, &[0; 16_384], 1), Stored::Malformed);
    for fill in 0..4 {
        assert_eq!(push(&mut store, [1; 20], 0, &[fill; 16_384], fill), Stored::Kept);
    }
    assert_eq!(push(&mut store, [1; 20], 0, &[4; 16_384], 3), Stored::Limit);
    // Of invented info-hashes the oldest makes room for the next: 4,096 times 16 KiB are 64 MiB.
    for n in 0..4_096_u32 {
        let mut hash = [2; 20];
        hash[..4].copy_from_slice(&n.to_be_bytes());
        assert_eq!(push(&mut store, hash, 1, &[4; 16_384], 4), Stored::Kept);
    }
    assert_eq!(store.counts.malformed, 3);
    assert!(store.counts.limited > 100, "{}", store.counts.limited);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn only_the_truth_is_rebuilt(
        len in 1..50_000_usize,
        steps in proptest::collection::vec((0..5_u32, any::<bool>(), 0..4_u8, proptest::option::of(any::<u64>())), 0..40),
    ) {
        let info = info(len);
        let hash = sha1(&info);
        let mut store = MetadataStore::default();
        let mut seen = BTreeSet::new();
        for (piece, lie, from, size) in steps {
            let Some(truth) = info.chunks(PIECE_BYTES).nth(piece as usize) else { continue };
            let mut bytes = truth.to_vec();
            if lie { bytes[0] ^= 1 } else { seen.insert(piece); }
            store.push(hash, piece, size.map(|size| size % 70_000).or(Some(len as u64)), &bytes, way(from), span(1));
        }
        let harvest = store.finish();
        prop_assert!(harvest.rebuilt.iter().all(|rebuilt| *rebuilt.info == info));
        if !harvest.rebuilt.is_empty() {
            prop_assert_eq!(seen.len(), len.div_ceil(PIECE_BYTES));
        }
    }
}

#[test]
fn invented_info_hashes_push_out_one_another_and_nothing_that_is_whole_or_under_way() {
    let (whole, under_way) = (info(16_384), info(40_000));
    let mut store = MetadataStore::default();
    assert_eq!(store.push(sha1(&whole), 0, Some(16_384), &whole, way(1), span(1)), Stored::Completed);
    push(&mut store, sha1(&under_way), 0, &under_way[..16_384], 1);
    let mut invented = [0; 20];
    for n in 0..20_000_u32 {
        invented[..4].copy_from_slice(&n.to_be_bytes());
        assert_eq!(store.push(invented, 0, None, &[7; 16_384], way(2), span(2)), Stored::Kept);
        if n % 1_000 == 0 {
            push(&mut store, sha1(&under_way), 1, &under_way[16_384..32_768], 1);
        }
        assert!(store.bytes <= METADATA_BYTES && store.waiting.len() < store.assemblies.len());
    }
    assert_eq!(push(&mut store, sha1(&under_way), 2, &under_way[32_768..], 1), Stored::Completed);
    let harvest = store.finish();
    assert_eq!(harvest.rebuilt.len(), 2);
    assert!(harvest.counts.limited > 10_000 && harvest.unfinished.len() + 10_000 < 20_000, "{:?}", harvest.counts);
}

#[test]
fn ten_thousand_small_dictionaries_are_all_rebuilt() {
    let mut store = MetadataStore::default();
    for n in 0..10_000_u32 {
        let info = n.to_be_bytes();
        assert_eq!(store.push(sha1(&info), 0, None, &info, way(1), span(1)), Stored::Completed);
    }
    let harvest = store.finish();
    assert_eq!((harvest.rebuilt.len(), harvest.counts.limited), (10_000, 0));
}
