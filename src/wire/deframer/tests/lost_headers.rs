//! Payload whose header is not in the capture, against streams whose content is known.

#![allow(clippy::single_range_in_vec_init, reason = "a list of gaps may hold one")]

use super::*;

/// Requests as a session keeps them: every block read takes out the one that it answers.
pub(super) struct Live(pub(super) Vec<BlockRef>);

impl Expectation for Live {
    fn awaits(&self, block: BlockRef) -> bool {
        self.0.contains(&block)
    }

    fn any(&self) -> bool {
        !self.0.is_empty()
    }

    fn in_order(&self, most: usize) -> Vec<BlockRef> {
        self.0.iter().copied().take(most).collect()
    }
}

/// Blocks sent in a row, and the requests for them in the order asked.
pub(super) struct Scene {
    pub(super) stream: Vec<u8>,
    sent: Vec<BlockRef>,
    pub(super) asked: Vec<BlockRef>,
}

impl Scene {
    /// Blocks of the given lengths, sent as asked for.
    pub(super) fn of(lengths: impl IntoIterator<Item = u32>) -> Self {
        let block = |(n, length)| BlockRef { piece: n as u32 / 2, begin: n as u32 % 2 * 16_384, length };
        let sent: Vec<_> = lengths.into_iter().enumerate().map(block).collect();
        let message = |n| {
            let BlockRef { piece, begin, length }: BlockRef = sent[n];
            encode::piece(piece, begin, &payload(length as usize, n as u8))
        };
        let stream = [handshake(), (0..sent.len()).flat_map(message).collect()].concat();
        Self { stream, asked: sent.clone(), sent }
    }

    /// Where the header of block `n` begins.
    pub(super) fn place(&self, n: usize) -> usize {
        68 + self.sent.iter().take(n).map(|block| 13 + block.length as usize).sum::<usize>()
    }

    /// Reads the stream without the ranges `lost`, which ascend; in segments of `size` bytes.
    fn read(&self, lost: &[std::ops::Range<usize>], size: usize) -> Vec<PeerEvent<'_>> {
        let mut feed = Feed::default();
        let mut from = 0;
        for gap in lost {
            self.stream[from..gap.start].chunks(size).for_each(|chunk| feed.data(chunk));
            feed.gap(Missing::Bytes(gap.len() as u64));
            from = gap.end;
        }
        self.stream[from..].chunks(size).for_each(|chunk| feed.data(chunk));
        let at = feed.at();
        feed.items.push(StreamItem::End { reason: EndReason::Finished, at });
        let mut deframer = Deframer::new(Start::Handshake, &Limits::default());
        let (mut events, mut out, mut live) = (Vec::new(), Vec::new(), Live(self.asked.clone()));
        for item in &feed.items {
            deframer.push(item, &live, &mut out);
            for block in blocks(&out) {
                live.0.retain(|asked| (asked.piece, asked.begin) != (block.piece, block.begin));
            }
            events.append(&mut out);
        }
        blocks(&events).iter().for_each(|block| block.check());
        assert_eq!(extent(&events), self.stream.len() as u64 - hidden(&events, lost), "{:?}", outline(&events));
        events
    }

    /// Asserts that every captured payload byte was read as what it is, and in no block twice.
    fn assert_all_read(&self, events: &[PeerEvent<'_>], lost: &[std::ops::Range<usize>]) {
        assert_eq!(skipped(events), 0, "{:?}", outline(events));
        let found = blocks(events);
        let read: Vec<_> = found.iter().map(|block| (block.piece, block.begin, block.len)).collect();
        let sent: Vec<_> = self.sent.iter().map(|block| (block.piece, block.begin, block.length)).collect();
        assert_eq!(read, sent);
        for (n, block) in found.iter().enumerate() {
            let start = self.place(n) + 13;
            assert_eq!((block.offset, block.captured_to), (start as u64, block.len));
            let mut seen = vec![false; block.len as usize];
            for run in &block.runs {
                let from = start + run.start as usize;
                assert_eq!(run.bytes, &self.stream[from..from + run.bytes.len()], "block {n}");
                seen[run.start as usize..][..run.bytes.len()].fill(true);
            }
            for (k, seen) in seen.into_iter().enumerate() {
                assert_eq!(seen, !lost.iter().any(|gap| gap.contains(&(start + k))), "block {n}, byte {k}");
            }
        }
    }
}

/// Bytes given up.
fn skipped(events: &[PeerEvent<'_>]) -> u64 {
    let of = |event: &PeerEvent<'_>| match event {
        PeerEvent::Resynchronised { skipped, .. }
        | PeerEvent::GaveUp { skipped, .. }
        | PeerEvent::Unframed { skipped, .. } => *skipped,
        _ => 0,
    };
    events.iter().map(of).sum()
}

/// Bytes that are in no event because they are neither captured nor within a message: what is skipped counts
/// captured bytes only.
fn hidden(events: &[PeerEvent<'_>], lost: &[std::ops::Range<usize>]) -> u64 {
    let mut covered = Vec::new();
    for event in events {
        match event {
            PeerEvent::Block(block) => covered.push(block.offset - 13..block.offset + u64::from(block.captured_to)),
            PeerEvent::Unknown { .. } => panic!("no unknown message was sent"),
            _ => {}
        }
    }
    let bytes = lost.iter().cloned().flatten().map(|at| at as u64);
    bytes.filter(|at| !covered.iter().any(|range| range.contains(at))).count() as u64
}

fn outline(events: &[PeerEvent<'_>]) -> Vec<String> {
    plain(events).into_iter().map(|event| event.chars().take(60).collect()).collect()
}

#[test]
fn a_lost_header_costs_no_payload() {
    let scene = Scene::of([16_384; 6]);
    for n in 0..6 {
        let place = scene.place(n);
        for size in [500, 1_448, 100_000] {
            let lost = [place..place + 13];
            let events = scene.read(&lost, size);
            scene.assert_all_read(&events, &lost);
            let inferred = |block: &&Block<'_>| block.framing == Framing::Resynchronised;
            let first = blocks(&events).iter().position(inferred);
            assert_eq!(first, Some(n), "what stands on a guess is marked");
        }
    }
}

#[test]
fn a_gap_over_an_end_a_header_and_a_beginning_costs_only_what_it_hides() {
    let scene = Scene::of([16_384, 16_384, 16_384, 9_000]);
    for n in 1..4 {
        let place = scene.place(n);
        for (before, after) in [(1, 14), (700, 748), (0, 1_448), (16_384, 13), (30, 8_000)] {
            let lost = [place - before..place + after];
            scene.assert_all_read(&scene.read(&lost, 1_448), &lost);
        }
    }
}

#[test]
fn a_header_of_which_a_part_is_captured_is_read_by_its_request() {
    let scene = Scene::of([16_384; 4]);
    let place = scene.place(2);
    for kept in 1..13 {
        for end in [13, 14, 1_000] {
            let lost = [place + kept..place + end];
            scene.assert_all_read(&scene.read(&lost, 1_448), &lost);
        }
        let lost = [place - 20..place + kept];
        scene.assert_all_read(&scene.read(&lost, 1_448), &lost);
    }
}

#[test]
fn several_headers_lost_in_a_row_cost_no_payload() {
    let scene = Scene::of([16_384; 7]);
    for count in 2..5 {
        let lost: Vec<_> = (1..=count).map(|n| scene.place(n)..scene.place(n) + 13).collect();
        scene.assert_all_read(&scene.read(&lost, 1_448), &lost);
    }
    let lost = [scene.place(1) - 5..scene.place(4) + 100];
    scene.assert_all_read(&scene.read(&lost, 1_448), &lost);
}

#[test]
fn headers_lost_up_to_the_end_of_the_stream_cost_no_payload() {
    let scene = Scene::of([16_384, 16_384, 5_000]);
    for lost in [vec![scene.place(2)..scene.place(2) + 13], vec![scene.place(1) - 1..scene.place(3)]] {
        scene.assert_all_read(&scene.read(&lost, 1_448), &lost);
    }
}

#[test]
fn requests_that_were_never_answered_only_cost_certainty() {
    let mut scene = Scene::of([16_384, 16_384, 16_384, 7_000]);
    let stale = |piece| BlockRef { piece, begin: 0, length: 16_000 };
    scene.asked.splice(0..0, (90..100).map(stale));
    let place = scene.place(1);
    let lost = [place..place + 13];
    scene.assert_all_read(&scene.read(&lost, 1_448), &lost);
}

#[test]
fn another_order_of_answers_gives_blocks_that_are_marked_or_none() {
    let mut scene = Scene::of([16_384, 16_384, 16_384, 7_000, 16_384]);
    scene.asked.reverse();
    let guesses = (0..5).filter(|n| {
        let place = scene.place(*n);
        let events = scene.read(&[place..place + 13], 1_448);
        let found = blocks(&events);
        let at = |block: &&&Block<'_>| block.offset == place as u64 + 13;
        let Some(guess) = found.iter().find(at) else {
            assert_eq!((skipped(&events), found.len()), (u64::from(scene.sent[*n].length), 4));
            return false;
        };
        assert_eq!((guess.framing, guess.len), (Framing::Resynchronised, scene.sent[*n].length));
        assert_eq!(skipped(&events), 0);
        true
    });
    assert_eq!(guesses.collect::<Vec<_>>(), [0, 1, 2, 4], "before the fourth nothing as long was asked for");
}

#[test]
fn a_length_that_nobody_asked_for_is_skipped() {
    let mut scene = Scene::of([16_384; 5]);
    scene.asked[2].length -= 1;
    let place = scene.place(2);
    let events = scene.read(&[place..place + 13], 1_448);
    assert_eq!((skipped(&events), blocks(&events).len()), (16_384, 4));
}

#[test]
fn a_request_that_was_not_captured_puts_no_wrong_name_on_its_block() {
    for unseen in [2, 3] {
        let mut scene = Scene::of([16_384; 6]);
        scene.asked.remove(unseen);
        let place = scene.place(2);
        let events = scene.read(&[place..place + 13], 1_448);
        assert_eq!((skipped(&events), blocks(&events).len()), (16_384, 5), "without the request for {unseen}");
    }
}

#[test]
fn a_message_that_nobody_sees_between_blocks_is_no_reason_to_guess() {
    let scene = Scene::of([16_384; 3]);
    let have = encode::message(&Message::Have { piece: 1 });
    let place = scene.place(1);
    let stream = [&scene.stream[..place], &have, &scene.stream[place..]].concat();
    let scene = Scene { stream, ..scene };
    let mut feed = Feed::default();
    feed.data(&scene.stream[..place]);
    feed.gap(Missing::Bytes(9 + 13));
    feed.data(&scene.stream[place + 22..]);
    let events = feed.run(Start::Handshake, &Live(scene.asked.clone()), &Limits::default());
    assert_eq!((skipped(&events), blocks(&events).len()), (16_384, 2));
}

#[test]
fn messages_behind_a_block_without_header_are_read_also_at_the_end_of_the_stream() {
    for after in 1..=3 {
        let mut scene = Scene::of([16_384; 3]);
        let (place, end) = (scene.place(after - 1), scene.place(after));
        let chatter = [Message::Choke, Message::NotInterested, Message::Port(6_881), Message::Unchoke];
        let bytes: Vec<u8> = chatter.iter().flat_map(encode::message).collect();
        scene.stream.splice(end..end, bytes);
        for size in [7, 100, 1_448] {
            let events = scene.read(&[place..place + 13], size);
            let messages = events.iter().filter_map(|event| match event {
                PeerEvent::Message { message, .. } => Some(message.clone()),
                _ => None,
            });
            assert_eq!(messages.collect::<Vec<_>>(), chatter, "{size}");
            assert_eq!((skipped(&events), blocks(&events).len()), (0, 3), "{:?}", outline(&events));
        }
    }
}

#[test]
fn a_stretch_of_too_many_slices_is_skipped_and_counted() {
    let scene = Scene::of([16_384, 16_384, 16_384]);
    let place = scene.place(1);
    let lost = [place..place + 13];
    scene.assert_all_read(&scene.read(&lost, 5), &lost);
    let events = scene.read(&lost, 3);
    assert_eq!((skipped(&events), blocks(&events).len()), (16_384, 2));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_segments_are_lost_every_captured_byte_of_blocks_sent_in_order_is_read(
        count in 2..40_usize,
        length in 40..400_u32,
        last in 1..400_u32,
        size in 14..120_usize,
        own in any::<bool>(),
        percent in 0..40_u8,
        dice in prop::collection::vec(0..100_u8, 1..300),
    ) {
        let scene = Scene::of(std::iter::repeat_n(length, count - 1).chain([last.min(length)]));
        // Segments of `size` bytes; headers have their own, or lie anywhere.
        let mut cuts: Vec<usize> = (68..scene.stream.len()).step_by(size).collect();
        if own {
            let places = (0..count).map(|n| scene.place(n));
            cuts = places.flat_map(|place| {
                let end = (place + 13 + length as usize).min(scene.stream.len());
                [place].into_iter().chain((place + 13..end).step_by(size))
            }).collect();
        }
        cuts.push(scene.stream.len());
        let segments = cuts.windows(2).map(|pair| pair[0]..pair[1]);
        let mut lost: Vec<std::ops::Range<usize>> = Vec::new();
        for (gap, dice) in segments.zip(dice.iter().cycle()).filter(|(_, dice)| **dice < percent) {
            let _ = dice;
            match lost.last_mut() {
                Some(last) if last.end == gap.start => last.end = gap.end,
                _ => lost.push(gap),
            }
        }
        let events = scene.read(&lost, size);
        scene.assert_all_read(&events, &lost);
    }
}
