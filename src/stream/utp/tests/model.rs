//! A sender of numbered packets and a receiver that acknowledges some of them, against a model that keeps every packet
//! in a map: wrap, reordering, loss, packets sent again with other bytes, cumulative and selective acknowledgements, FIN.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Data { packet: u64, altered: bool },
    Fin { packet: u64 },
    Ack { packet: u64, selective: Option<Vec<u8>> },
}

/// The items that the sender's direction must give, nothing left out but how they are cut.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    /// Offset, bytes and frame of each packet.
    data: Vec<(u64, Vec<u8>, u64)>,
    /// Offset of each gap; its length is unknown.
    gaps: Vec<(u64, GapCause)>,
    /// Offset and frame.
    acked: Vec<(u64, u64)>,
    /// From, to and frame.
    ranges: Vec<(u64, u64, u64)>,
    /// Frame and byte.
    conflicts: BTreeSet<(u64, u8)>,
    end: Option<EndReason>,
}

#[derive(Debug, Default)]
struct Model {
    /// Bytes and frame of the first copy.
    first: BTreeMap<u64, (Vec<u8>, u64)>,
    ack: Option<(u64, u64)>,
    /// The highest one of a packet that had come, but for a FIN.
    sure: Option<(u64, u64)>,
    acked: u64,
    sacked: BTreeSet<u64>,
    /// Confirmed by a selective acknowledgement and said so.
    confirmed: BTreeSet<u64>,
    /// Confirmed by a selective acknowledgement before it came, and not contradicted since.
    early: BTreeSet<u64>,
    /// Of `sacked`: what had come.
    waited: BTreeSet<u64>,
    fin: bool,
    /// The last frame of the sender.
    last: u64,
    told: Told,
}

impl Model {
    /// The first packet that is missing.
    fn next(&self) -> u64 {
        (0..).find(|packet| !self.first.contains_key(packet)).unwrap_or(0)
    }

    /// The offset behind `packet`, lost ones counting nothing.
    fn end_of(&self, packet: u64) -> u64 {
        self.first.range(..=packet).map(|(_, (bytes, _))| bytes.len() as u64).sum()
    }

    fn data(&mut self, frame: u64, packet: u64, bytes: Vec<u8>) {
        self.last = frame;
        let before = self.next();
        let (first, _) = self.first.entry(packet).or_insert_with(|| (bytes.clone(), frame));
        self.told.conflicts.extend(first.iter().zip(bytes).filter(|(a, b)| *a != b).map(|(_, b)| (frame, b)));
        // A packet confirmed before it was seen is said to be as soon as its turn has come.
        for packet in before..self.next() {
            self.confirm_delivered(packet, None);
        }
        self.settle(self.next());
    }

    /// With the frame of the acknowledgement, or (`None`) that of the packet itself.
    fn confirm_delivered(&mut self, packet: u64, ack: Option<u64>) {
        let (bytes, frame) = &self.first[&packet];
        let (len, frame) = (bytes.len() as u64, ack.unwrap_or(*frame));
        let end = self.end_of(packet);
        if ack.is_none() && self.sacked.contains(&packet) && !self.waited.contains(&packet) {
            self.early.insert(packet);
            return;
        }
        let due = if ack.is_some() { end > self.acked } else { self.sacked.contains(&packet) };
        if due && len > 0 && self.confirmed.insert(packet) {
            self.told.ranges.push((end - len, end, frame));
        } else if ack.is_some() {
            self.confirmed.insert(packet);
        }
    }

    fn acknowledge(&mut self, frame: u64, ack: u64, selective: &[u8]) {
        let known = self.first.last_key_value().map_or(0, |(last, _)| last + 1) >= ack;
        let early = self.ack.filter(|(highest, _)| self.sure.is_none_or(|(sure, _)| sure < *highest));
        if known && self.sure.is_none_or(|(highest, _)| ack > highest) {
            self.sure = Some((ack, frame));
        }
        if self.ack.is_none_or(|(highest, _)| ack > highest) {
            self.ack = Some((ack, frame));
        } else if early.is_some_and(|(highest, _)| highest > ack) {
            self.ack = if known { self.sure } else { Some((ack, frame)) };
        }
        self.early.clear();
        self.settle(self.next());
        let bits = (0..selective.len() as u64 * 8).filter(|bit| selective[*bit as usize / 8] >> (bit % 8) & 1 == 1);
        for packet in bits.map(|bit| ack + 2 + bit) {
            if packet < self.next() {
                self.confirm_delivered(packet, Some(frame));
            } else {
                self.sacked.insert(packet);
                if self.first.contains_key(&packet) {
                    self.waited.insert(packet);
                } else {
                    self.waited.remove(&packet);
                }
            }
        }
    }

    /// Acknowledged of what was delivered, which is everything before packet `next`.
    fn settle(&mut self, next: u64) {
        let Some((ack, frame)) = self.sure else { return };
        let upto = if next == 0 { 0 } else { self.end_of(ack.min(next - 1)) };
        if upto > self.acked {
            self.acked = upto;
            self.told.acked.push((upto, frame));
        }
    }

    fn close(mut self) -> Told {
        let highest = self.ack.map(|(ack, _)| ack);
        let confirmed = |packet: u64, sacked: &BTreeSet<u64>| {
            highest.is_some_and(|ack| packet <= ack) || sacked.contains(&packet)
        };
        let last = self.first.last_key_value().map(|(last, _)| *last);
        let mut before = None;
        for packet in 0..last.map_or(0, |last| last + 1) {
            if let Some((bytes, _)) = self.first.get(&packet) {
                if packet >= self.next() && self.sacked.contains(&packet) && !bytes.is_empty() {
                    self.confirm_delivered(packet, None);
                }
                before = None;
                continue;
            }
            let cause = if confirmed(packet, &self.sacked) { GapCause::Acknowledged } else { GapCause::Unseen };
            if before != Some(cause) {
                self.told.gaps.push((self.end_of(packet), cause));
            }
            before = Some(cause);
        }
        let end = last.map_or(0, |last| last + 1);
        // A lone number behind the end may be that of a FIN that was not captured.
        if let Some(ack) = highest.filter(|ack| *ack >= end) {
            let cause = if ack == end { GapCause::LastNumber } else { GapCause::Acknowledged };
            self.told.gaps.push((self.end_of(end), cause));
        }
        // Nothing takes back what came early.
        self.sure = self.ack.max(self.sure);
        self.settle(end);
        let frame = self.last;
        for packet in std::mem::take(&mut self.early) {
            self.confirm_delivered(packet, Some(frame));
        }
        let mut offset = 0;
        for (bytes, frame) in self.first.into_values().filter(|(bytes, _)| !bytes.is_empty()) {
            let len = bytes.len() as u64;
            self.told.data.push((offset, bytes, frame));
            offset += len;
        }
        self.told.ranges.sort_unstable();
        self.told.end = Some(if self.fin { EndReason::Finished } else { EndReason::Open });
        self.told
    }
}

/// The items of a direction in the model's words.
fn told(items: &[StreamItem<'_>]) -> Told {
    let mut told = Told::default();
    for item in items {
        match *item {
            StreamItem::Data { offset, bytes, at, .. } => {
                told.data.push((offset, bytes.to_vec(), at.frame.number()));
            }
            StreamItem::Gap { offset, missing: Missing::Packets(_), cause, .. } => told.gaps.push((offset, cause)),
            StreamItem::Acked { upto, at } => told.acked.push((upto, at.frame.number())),
            StreamItem::AckedRange { from, to, at } => told.ranges.push((from, to, at.frame.number())),
            StreamItem::Conflict { bytes, at, .. } => {
                told.conflicts.extend(bytes.iter().map(|byte| (at.frame.number(), *byte)));
            }
            StreamItem::End { reason, .. } => told.end = Some(reason),
            // See `acks.rs`.
            StreamItem::Unaccepted { .. } => {}
            other => panic!("nothing makes this: {other:?}"),
        }
    }
    told.ranges.sort_unstable();
    told
}

/// The payload of a packet; every byte of the altered one differs.
fn payload(packet: u64, altered: bool) -> Vec<u8> {
    let len = 1 + packet * 5 % 9;
    (0..len).map(|n| (packet * 7 + n * 3) as u8 & 0x7f | if altered { 0x80 } else { 0 }).collect()
}

fn step() -> impl Strategy<Value = Step> {
    let selective = prop::option::of(prop::collection::vec(any::<u8>(), 1..3));
    prop_oneof![
        12 => (0..PACKETS, prop::bool::weighted(0.12)).prop_map(|(packet, altered)| Step::Data { packet, altered }),
        1 => Just(Step::Fin { packet: PACKETS }),
        5 => (0..PACKETS + 3, selective).prop_map(|(packet, selective)| Step::Ack { packet, selective }),
    ]
}

const PACKETS: u64 = 24;

proptest! {
    #![proptest_config(config())]

    #[test]
    fn everything_said_of_a_sender_is_what_a_slow_model_says(
        steps in prop::collection::vec(step(), 0..60),
        isn in any::<u16>(),
    ) {
        let mut run = Run::new(&LIMITS);
        run.send(A, PacketKind::Syn, isn, 0, b"");
        run.send(B, PacketKind::State, 70, isn, b"");
        let number = |packet: u64| isn.wrapping_add(1).wrapping_add(packet as u16);
        let mut model = Model::default();
        for step in &steps {
            match step {
                Step::Data { packet, altered } => {
                    let bytes = payload(*packet, *altered);
                    run.data(number(*packet), &bytes);
                    model.data(run.frame, *packet, bytes);
                }
                Step::Fin { packet } => {
                    run.send(A, PacketKind::Fin, number(*packet), 69, b"");
                    model.fin = true;
                    model.data(run.frame, *packet, Vec::new());
                }
                Step::Ack { packet, selective } => {
                    run.ack(number(*packet), selective.as_deref());
                    model.acknowledge(run.frame, *packet, selective.as_deref().unwrap_or_default());
                }
            }
        }
        let items = run.close();
        prop_assert_eq!(told(&items), model.close());
    }
}

#[test]
fn a_packet_cut_anew_when_it_is_sent_again_leaves_no_byte_twice() {
    let bytes: Vec<u8> = (0..100).collect();
    // The sender's second thoughts come before the rest of the stream, or after a hole.
    for hole in [false, true] {
        let mut run = Run::opened();
        run.data(10, &bytes[..40]);
        if hole {
            run.data(13, &bytes[90..]);
        }
        run.data(10, &bytes[..20]);
        run.data(11, &bytes[20..60]);
        run.data(12, &bytes[60..90]);
        if !hole {
            run.data(13, &bytes[90..]);
        }
        let items = run.close();
        assert_eq!((crate::stream::checked::bytes(items.clone()), gaps(&items)), (bytes.clone(), vec![]), "{hole}");
        assert!(!items.iter().any(|item| matches!(item, StreamItem::Conflict { .. })), "{items:?}");
    }
}
