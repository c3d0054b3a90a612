//! Every engine that this machine has, against known answers and the `sha1` and `sha2` crates.

use peerproof_hash::{Engine, Message, engines};
use proptest::prelude::*;
use sha2::Digest;

#[test]
fn the_examples_of_the_standard_hash_as_it_says() {
    // FIPS 180-4's examples, as NIST publishes them: "abc", nothing, two blocks, a million times "a".
    let million = vec![b'a'; 1_000_000];
    let messages: [(&[u8], &str, &str); 4] = [
        (
            b"abc",
            "a9993e364706816aba3e25717850c26c9cd0d89d",
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        ),
        (
            b"",
            "da39a3ee5e6b4b0d3255bfef95601890afd80709",
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        ),
        (
            b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "84983e441c3bd26ebaae4aa1f95129e5e54670f1",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
        ),
        (
            &million,
            "34aa973cd4c4daa4f61eeb2bdbad27316534016f",
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
        ),
    ];
    for engine in engines() {
        for (bytes, sha1, sha256) in messages {
            // Alone, and in every lane.
            for count in [1, 2, engine.lanes(), 2 * engine.lanes() + 1] {
                let runs = [bytes];
                let messages = vec![Message::new(&runs); count];
                let name = engine.name();
                assert!(engine.sha1(&messages).iter().all(|digest| hex(digest) == sha1), "{name} {count}");
                assert!(engine.sha256(&messages).iter().all(|digest| hex(digest) == sha256), "{name} {count}");
            }
        }
    }
}

#[test]
fn every_length_around_a_block_is_padded_rightly() {
    let bytes: Vec<u8> = (0..2_000_u32).map(|n| ((n * n) >> 3) as u8).collect();
    let borders = [0, 55, 64, 119, 128, 256, 512, 1_024, 1_448];
    let lengths = borders.into_iter().flat_map(|border: usize| border.saturating_sub(10)..border + 10);
    for len in lengths.filter(|len| *len <= bytes.len()) {
        for cut in [0, 1, len / 3, len.saturating_sub(64), len] {
            let runs = [&bytes[..cut.min(len)], &[], &bytes[cut.min(len)..len]];
            for count in [1, 7, 16, 17] {
                check(&vec![runs.as_slice(); count]);
            }
        }
    }
}

#[test]
fn a_message_of_each_length_is_hashed_beside_all_others() {
    let bytes: Vec<u8> = (0..700_u32).map(|n| ((n * 167) >> 2) as u8).collect();
    let runs: Vec<[&[u8]; 2]> = (0..700).map(|len| [&bytes[..len / 2], &bytes[len / 2..len]]).collect();
    let runs: Vec<&[&[u8]]> = runs.iter().map(<[_; 2]>::as_slice).collect();
    check(&runs);
    check(&runs.into_iter().rev().step_by(13).collect::<Vec<_>>());
}

#[test]
fn nothing_has_no_digests() {
    assert!(engines().all(|engine| engine.sha1(&[]).is_empty() && engine.sha256(&[]).is_empty()));
}

#[test]
fn the_engine_that_everybody_has_comes_last_and_names_are_unique() {
    let names: Vec<&str> = engines().map(Engine::name).collect();
    assert_eq!(names.last(), Some(&"portable"));
    assert!(names.iter().enumerate().all(|(n, name)| !names[..n].contains(name)), "{names:?}");
}

#[test]
fn a_cut_message_is_its_stretches() {
    let bytes: Vec<u8> = (0..200_u8).collect();
    for parts in [vec![200], vec![0, 60, 0, 140], vec![1; 200], vec![64, 64, 72, 0]] {
        let mut rest = bytes.as_slice();
        let runs: Vec<&[u8]> = parts.iter().map(|len| rest.split_off(..*len).expect("200 in all")).collect();
        for (content, size) in [(200, 16), (200, 64), (199, 60), (0, 9), (60, 60), (61, 60), (500, 150)] {
            let cut: Vec<Message<'_>> = Message::cut(&runs, content, size).collect();
            let content = content.min(200) as usize;
            let expected: Vec<&[u8]> = bytes[..content].chunks(size as usize).collect();
            assert!(cut.iter().map(Message::bytes).eq(expected.iter().map(|part| part.len() as u64)));
            for engine in engines() {
                let expected = expected.iter().map(|part| <[u8; 32]>::from(sha2::Sha256::digest(part)));
                assert!(engine.sha256(&cut).into_iter().eq(expected), "{} {content} {size}", engine.name());
            }
        }
    }
}

proptest! {
    #[test]
    fn messages_cut_anywhere_hash_as_they_do_alone(
        messages in prop::collection::vec(message(), 0..40),
        equal in prop::collection::vec(message(), 1..20),
        count in 1_usize..40,
    ) {
        check(&messages.iter().map(Cut::runs).collect::<Vec<_>>().iter().map(Vec::as_slice).collect::<Vec<_>>());
        // Of one length, each cut otherwise: what pieces are.
        let (first, rest) = equal.split_first().expect("not empty");
        let cuts = rest.iter().map(|other| Cut { bytes: first.bytes.clone(), at: other.at.clone() });
        let cuts: Vec<Cut> = cuts.chain([first.clone()]).cycle().take(count).collect();
        check(&cuts.iter().map(Cut::runs).collect::<Vec<_>>().iter().map(Vec::as_slice).collect::<Vec<_>>());
    }
}

/// Bytes, and where they are cut.
#[derive(Clone, Debug)]
struct Cut {
    bytes: Vec<u8>,
    at: Vec<usize>,
}

impl Cut {
    fn runs(&self) -> Vec<&[u8]> {
        let mut at: Vec<usize> = self.at.iter().map(|at| at % (self.bytes.len() + 1)).collect();
        at.extend([0, self.bytes.len()]);
        at.sort_unstable();
        at.windows(2).map(|ends| &self.bytes[ends[0]..ends[1]]).collect()
    }
}

fn message() -> impl Strategy<Value = Cut> {
    (prop::collection::vec(any::<u8>(), 0..1_200), prop::collection::vec(any::<usize>(), 0..6))
        .prop_map(|(bytes, at)| Cut { bytes, at })
}

/// Every engine says of each message what the crates say.
fn check(messages: &[&[&[u8]]]) {
    let whole: Vec<Vec<u8>> = messages.iter().map(|runs| runs.concat()).collect();
    let messages: Vec<Message<'_>> = messages.iter().map(|runs| Message::new(runs)).collect();
    let sha1: Vec<[u8; 20]> = whole.iter().map(|bytes| sha1::Sha1::digest(bytes).into()).collect();
    let sha256: Vec<[u8; 32]> = whole.iter().map(|bytes| sha2::Sha256::digest(bytes).into()).collect();
    for engine in engines() {
        assert!(engine.sha1(&messages) == sha1, "{} differs: {messages:?}", engine.name());
        assert!(engine.sha256(&messages) == sha256, "{} differs: {messages:?}", engine.name());
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
