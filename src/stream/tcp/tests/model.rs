//! Both directions of a connection, all at once, against a model that keeps every byte in a map: wrap, reordering,
//! overlaps with other bytes, gaps, acknowledgements, FIN, and a start in the middle.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// A segment of one direction.
#[derive(Clone, Copy, Debug)]
struct Step {
    back: bool,
    start: usize,
    len: usize,
    altered: bool,
    fin: bool,
    syn: bool,
    ack: Option<usize>,
}

/// The items that a direction must give, nothing left out but how they are cut.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    /// Offset, byte and frame.
    data: Vec<(u64, u8, u64)>,
    gaps: Vec<(u64, u64, GapCause)>,
    /// Offset and frame.
    acked: Vec<(u64, u64)>,
    /// Frame and byte, where it differs from the first copy.
    conflicts: BTreeSet<(u64, u64, u8)>,
    /// Frame and byte.
    late: BTreeSet<(u64, u8)>,
    end: Option<EndReason>,
}

/// One direction; places are those of the content, of which `origin` is offset 0.
#[derive(Debug, Default)]
struct Model {
    origin: Option<usize>,
    /// Set if that is only the first place that the other end acknowledged.
    assumed: bool,
    /// Set if the first segment behind the other end's SYN acknowledged that.
    firm: bool,
    /// The place behind a SYN.
    opened: Option<usize>,
    held: Vec<(u64, Step)>,
    first: BTreeMap<usize, (u8, u64)>,
    ack: Option<(usize, u64)>,
    /// The place behind the segment that carries it, in the other direction.
    ack_end: usize,
    /// Set in `behind` if the receiver fell behind `ack` since, in `met` if all that it names was seen.
    behind: bool,
    met: bool,
    /// The highest one of what had been seen, but for a FIN.
    sure: Option<(usize, u64)>,
    acked: usize,
    fin: Option<usize>,
    seen: bool,
    told: Told,
}

impl Model {
    /// The place behind the last byte seen.
    fn seen_end(&self) -> usize {
        self.first.last_key_value().map_or(self.origin.unwrap_or(0), |(last, _)| last + 1)
    }

    /// Set if its FIN was acknowledged, and nothing behind it.
    fn is_over(&self) -> bool {
        self.fin.is_some_and(|fin| self.ack.is_some_and(|(ack, _)| ack == fin + 1))
    }

    /// Set for a place at which the direction, which is over, never sent anything.
    fn is_beyond(&self, start: usize) -> bool {
        let before = self.opened.is_some() && start + 1 < self.origin.unwrap_or(0);
        before || self.fin.is_some_and(|fin| start > fin + 1)
    }

    /// The place of the first byte that is missing.
    fn next(&self) -> usize {
        let origin = self.origin.unwrap_or(0);
        (origin..).find(|place| !self.first.contains_key(place)).unwrap_or(origin)
    }

    fn offset(&self, place: usize) -> u64 {
        (place - self.origin.unwrap_or(0)) as u64
    }

    fn acknowledge(&mut self, frame: u64, ack: usize, end: usize) {
        if self.origin.is_none() || self.assumed {
            if self.held.is_empty() && self.origin.is_none() {
                (self.origin, self.assumed) = (Some(ack), true);
            } else if self.held.is_empty() {
                self.note(frame, ack, end);
            }
            if self.held.is_empty() || self.held.iter().any(|(_, held)| held.start + held.len > ack) {
                return;
            }
            self.release();
        }
        self.note(frame, ack, end);
        self.settle();
    }

    /// The first segment behind a SYN acknowledges the place where the other side begins, if nothing of that came.
    fn begin(&mut self, first: usize) {
        if self.held.is_empty() && self.origin.is_none() {
            (self.origin, self.assumed, self.firm) = (Some(first), true, true);
        }
    }

    fn forget(&mut self) {
        if std::mem::take(&mut self.assumed) {
            self.firm = false;
            (self.origin, self.ack, self.sure, self.behind, self.met) = (None, None, None, false, false);
        }
    }

    fn note(&mut self, frame: u64, ack: usize, end: usize) {
        let origin = self.origin.unwrap_or(0);
        if ack >= origin {
            let known = ack <= self.seen_end() + 1;
            let early = self.ack.filter(|(highest, _)| self.sure.is_none_or(|(sure, _)| sure < *highest));
            if known && self.sure.is_none_or(|(highest, _)| ack > highest) {
                self.sure = Some((ack, frame));
            }
            if self.ack.is_none_or(|(highest, _)| ack > highest) {
                (self.ack, self.ack_end) = (Some((ack, frame)), end);
                (self.behind, self.met) = (false, false);
            } else if early.is_some_and(|(highest, _)| highest > ack) && end > self.ack_end {
                self.ack = if known { self.sure } else { Some((ack, frame)) };
                self.ack_end = end;
                (self.behind, self.met) = (false, false);
            } else if early.is_some_and(|(highest, _)| highest > ack) && end == self.ack_end {
                self.behind = true;
            }
        }
    }

    fn receive(&mut self, frame: u64, step: &Step) {
        self.seen = true;
        if step.syn && self.first.is_empty() && self.fin.is_none() {
            self.forget();
            (self.origin, self.opened) = (Some(0), Some(0));
            self.release();
        }
        if (step.len > 0 || step.fin) && self.assumed {
            match self.origin.filter(|origin| self.firm && step.start >= *origin) {
                Some(origin) => (self.opened, self.assumed) = (Some(origin), false),
                None => self.forget(),
            }
        }
        if step.len == 0 && !step.fin {
        } else if self.origin.is_none() {
            self.held.push((frame, *step));
            if self.held.len() == 3 {
                self.release();
            }
        } else {
            self.place(frame, step);
        }
        self.settle();
    }

    fn release(&mut self) {
        if let (None, Some(lowest)) = (self.origin, self.held.iter().map(|(_, held)| held.start).min()) {
            self.origin = Some(lowest);
        }
        for (frame, step) in std::mem::take(&mut self.held) {
            self.place(frame, &step);
        }
    }

    fn place(&mut self, frame: u64, step: &Step) {
        let (start, end) = (step.start, step.start + step.len);
        let probes = start + 1 == self.seen_end() || self.fin == Some(start);
        if step.len == 1 && !step.fin && probes {
            return self.settle();
        }
        if self.fin.is_some_and(|fin| fin < end && self.ack.is_none_or(|(ack, _)| ack != fin + 1)) {
            self.fin = None;
        }
        let fin = end.max(self.origin.unwrap_or(0));
        if step.fin && self.fin.is_none() && fin >= self.seen_end() {
            self.fin = Some(fin);
        }
        for place in start..end {
            let byte = byte(place, step.altered);
            if place < self.origin.unwrap_or(0) {
                self.told.late.insert((frame, byte));
            } else if self.first.entry(place).or_insert((byte, frame)).0 != byte {
                self.told.conflicts.insert((frame, self.offset(place), byte));
            }
        }
        self.met |= start < end && self.ack.is_some_and(|(ack, _)| self.seen_end() + 1 >= ack);
        self.settle();
    }

    fn settle(&mut self) {
        let Some((ack, frame)) = self.sure else { return };
        let upto = ack.min(self.next().max(self.given_up()));
        if upto > self.acked.max(self.origin.unwrap_or(0)) {
            self.acked = upto;
            self.told.acked.push((self.offset(upto), frame));
        }
    }

    /// The place behind the last gap: nothing before the end.
    fn given_up(&self) -> usize {
        let last = self.told.gaps.last().map_or(0, |(offset, len, _)| (offset + len) as usize);
        self.origin.unwrap_or(0) + last
    }

    fn close(mut self) -> Told {
        self.release();
        if !self.seen && self.ack.is_none() {
            return self.told;
        }
        let origin = self.origin.unwrap_or(0);
        let is_early = self.ack.map(|(ack, _)| ack) > self.sure.map(|(ack, _)| ack);
        if self.behind && !self.met && is_early {
            self.ack = self.sure;
        }
        let ack = self.ack.map_or(origin, |(ack, _)| ack);
        let end = self.seen_end();
        // A lone number behind the end is taken for a FIN that was not captured.
        let last = match self.fin {
            Some(fin) => end.max(fin),
            None if ack == end + 1 => end,
            None => end.max(ack),
        };
        for place in (origin..last).filter(|place| !self.first.contains_key(place)) {
            let cause = if place < ack { GapCause::Acknowledged } else { GapCause::Unseen };
            let offset = self.offset(place);
            match self.told.gaps.last_mut() {
                Some((from, len, same)) if *same == cause && *from + *len == offset => *len += 1,
                _ => self.told.gaps.push((offset, 1, cause)),
            }
        }
        self.told.data =
            self.first.iter().map(|(place, (byte, frame))| (self.offset(*place), *byte, *frame)).collect();
        if self.ack.is_some() && ack.min(last) > self.acked.max(origin) {
            let frame = self.sure.filter(|(sure, _)| *sure == ack).or(self.ack).map_or(0, |(_, frame)| frame);
            self.told.acked.push((self.offset(ack.min(last)), frame));
        }
        let end = if self.fin.is_some() { EndReason::Finished } else { EndReason::Open };
        self.told.end = self.seen.then_some(end);
        self.told
    }
}

/// The items of a direction in the model's words.
fn told(items: &[StreamItem<'_>], first: impl Fn(u64) -> Option<u8>) -> Told {
    let mut told = Told::default();
    for item in items {
        match *item {
            StreamItem::Data { offset, bytes, at, .. } => {
                told.data.extend((offset..).zip(bytes).map(|(offset, byte)| (offset, *byte, at.frame.number())));
            }
            StreamItem::Gap { offset, missing: Missing::Bytes(len), cause, .. } => match told.gaps.last_mut() {
                Some((from, before, same)) if *same == cause && *from + *before == offset => *before += len,
                _ => told.gaps.push((offset, len, cause)),
            },
            StreamItem::Acked { upto, at } => told.acked.push((upto, at.frame.number())),
            StreamItem::Conflict { offset, bytes, at } => {
                let differing = (offset..).zip(bytes).filter(|(offset, byte)| first(*offset) != Some(**byte));
                told.conflicts.extend(differing.map(|(offset, byte)| (at.frame.number(), offset, *byte)));
            }
            StreamItem::Late { offset: 0, bytes, at } => {
                told.late.extend(bytes.iter().map(|byte| (at.frame.number(), *byte)));
            }
            StreamItem::End { reason, .. } => told.end = Some(reason),
            // See `acks.rs`.
            StreamItem::Unaccepted { .. } | StreamItem::Suspect { .. } => {}
            // What is perhaps of another connection, behind both ends.
            StreamItem::OutOfWindow { .. } => {}
            other => panic!("nothing makes this: {other:?}"),
        }
    }
    told
}

/// The content of a direction: no byte occurs twice, altered ones included.
fn byte(place: usize, altered: bool) -> u8 {
    place as u8 | if altered { 0x80 } else { 0 }
}

fn step() -> impl Strategy<Value = Step> {
    let rarely = |weight: u32| prop::bool::weighted(1.0 / f64::from(weight));
    let ack = prop::option::weighted(0.5, 0..=LEN + 2);
    // Near one another, so that they overlap and continue each other.
    (any::<bool>(), 0..LEN, 0..24_usize, rarely(8), rarely(15), rarely(20), ack).prop_map(
        |(back, start, len, altered, fin, syn, ack)| {
            let len = if syn { 0 } else { len.min(LEN - start) };
            Step { back, start, len, altered, fin: fin && !syn, syn, ack }
        },
    )
}

const LEN: usize = 100;

proptest! {
    #![proptest_config(config())]

    #[test]
    fn everything_said_of_both_directions_is_what_a_slow_model_says(
        steps in prop::collection::vec(step(), 0..50),
        isns in any::<[u32; 2]>(),
        opened in any::<[bool; 2]>(),
    ) {
        let contents = [false, true].map(|altered| (0..LEN).map(|place| byte(place, altered)).collect::<Vec<_>>());
        let mut run = Run::new(&LIMITS);
        let mut models = [Model::default(), Model::default()];
        for (index, direction) in [A, B].into_iter().enumerate().filter(|(index, _)| opened[*index]) {
            run.push(direction, syn(isns[index]));
            models[index].receive(run.frame, &SYN);
        }
        for step in &steps {
            let (this, that) = (usize::from(step.back), usize::from(!step.back));
            let place = |of: usize, place: usize| isns[of].wrapping_add(1).wrapping_add(place as u32);
            let seq = if step.syn { isns[this] } else { place(this, step.start) };
            let way = if step.back { B } else { A };
            // By itself: bytes that acknowledge what is not there yet would wait for it, which pending.rs has tests of.
            let is_apart = |models: &[Model; 2]| models.iter().all(Model::is_over) && models[this].is_beyond(step.start);
            if let Some(ack) = step.ack {
                run.push(way, TcpSegment { ack: Some(place(that, ack)), ..segment(place(this, step.start), &[]) });
                let counts = !is_apart(&models);
                if counts && models[this].opened == Some(step.start) && !models[that].seen {
                    models[that].begin(ack);
                }
                if counts {
                    models[that].acknowledge(run.frame, ack, step.start);
                    models[this].seen = true;
                }
            }
            let is_apart = is_apart(&models) && !step.syn;
            let segment = TcpSegment {
                flags: TcpFlags { syn: step.syn, fin: step.fin, rst: false },
                ..segment(seq, &contents[usize::from(step.altered)][step.start..][..step.len])
            };
            run.push(way, segment);
            if !is_apart {
                models[this].receive(run.frame, step);
            }
        }
        run.close();
        for (direction, model) in [A, B].into_iter().zip(models) {
            let mut expected = model.close();
            let mut items = run.items(direction);
            // What the model does not know: which bytes come alone behind a hole, and are no data.
            let mut lone: Vec<u64> = lone_bytes(&items).into_iter().map(|place| place as u64).collect();
            lone.retain(|place| expected.data.iter().any(|(offset, ..)| offset == place));
            items.retain(|item| !matches!(item, StreamItem::Gap { offset, .. } if lone.contains(offset)));
            expected.data.retain(|(offset, ..)| !lone.contains(offset));
            expected.conflicts.retain(|(_, offset, _)| !lone.contains(offset));
            let first = |offset| expected.data.iter().find(|(at, ..)| *at == offset).map(|(_, byte, _)| *byte);
            let mut told = told(&items, first);
            told.conflicts.retain(|(_, offset, _)| !lone.contains(offset));
            prop_assert_eq!(told, expected, "{:?}", direction);
        }
    }
}

const SYN: Step = Step { back: false, start: 0, len: 0, altered: false, fin: false, syn: true, ack: None };
