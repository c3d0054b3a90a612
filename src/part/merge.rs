//! Several sets as one: their facts behind one another, in the order in which they were settled.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::Path;

use super::moved::{By, Moved};
use super::twice::Twice;
use super::{Beside, Part, Walked};
use crate::Error;
use crate::ends::Timestamp;
use crate::facts::{Block, Body, Facts, Journal, Keys, SetId, Sorted};
use crate::hearsay::{Counts, Mention, Mentions, Named, Swarm};
use crate::limits::Limits;
use crate::metadata::{Contribution, Harvest, Rebuilt};
use crate::oddity::Sink;
use crate::spine::{ClockQuality, Coverage, Findings, Host, Opaque, Quality, Seen};

/// The facts of all `sets` as those of one walk, in their order. There is at least one, and they have at most 65,535 inputs.
///
/// # Errors
/// [`Error::Io`] when there is no room to spool them; [`Error::Usage`] for more inputs.
pub(crate) fn merged(sets: Vec<(SetId, Part)>, limits: &Limits, dir: Option<&Path>) -> Result<Walked, Error> {
    let mut by = Vec::with_capacity(sets.len());
    let mut inputs = 0_usize;
    for (number, (_, part)) in sets.iter().enumerate() {
        let stride = (number as u64) << STRIDE;
        let before = u16::try_from(inputs).ok();
        inputs += part.facts.inputs.len();
        let (Some(before), Ok(set), true) = (before, u16::try_from(number), inputs < usize::from(u16::MAX)) else {
            return Err(Error::Usage(format!(
                "the parts are of {inputs} captures and more, at most 65,535 are judged"
            )));
        };
        by.push(By { set, inputs: before, connections: stride, blocks: stride, clock: 0 });
    }
    if sets.len() == 1 {
        return sets.into_iter().next().map(|(_, part)| part.into_walked()).ok_or_else(none);
    }
    let mut twice = Twice::of(&sets, &mut by);
    let mut facts = Facts {
        connections: Journal::new(limits.other_journal_memory(), dir),
        blocks: Journal::new(limits.journal_memory, dir),
        bodies: Journal::new(limits.other_journal_memory(), dir),
        doubts: Journal::new(limits.other_journal_memory(), dir),
        copies: Journal::new(limits.other_journal_memory(), dir),
        bases: by.iter().map(|by| by.inputs).collect(),
        ..Facts::default()
    };
    let (mut all, mut seen) = (Beside::default(), Covered::default());
    let (mut named, mut harvest, mut keys) = (BTreeMap::new(), Gathered::default(), Keys::default());
    let mut clock_steps = Vec::new();
    for ((number, (_, part)), by) in sets.into_iter().enumerate().zip(&by) {
        let Part { facts: own, beside, .. } = part;
        append(&mut facts, &own, number, by, &mut twice)?;
        for (name, mention) in own.mentions {
            let mention = mention.moved(by);
            named.entry(name).and_modify(|known: &mut Mention| known.join(&mention)).or_insert(mention);
        }
        harvest.add(own.metadata, by);
        keys.secrets.extend(own.keys.secrets);
        keys.info_hashes.extend(own.keys.info_hashes);
        clock_steps.extend(own.clock_steps.into_iter().map(|frame| frame.moved(by)));
        facts.inputs.extend(own.inputs);
        facts.hashes.extend(own.hashes.into_iter().map(|hashes| hashes.moved(by)));
        facts.opaque.extend(own.opaque.into_iter().map(|opaque| opaque.moved(by)));
        join(&mut all, beside, &mut seen, by);
    }
    // Redirects are followed by what comes after them.
    let bodies = Sorted::new(facts.bodies.iter(), |body| body.order, limits.other_journal_memory(), dir)?;
    facts.bodies = Journal::new(limits.other_journal_memory(), dir);
    bodies.iter().try_for_each(|(_, body)| facts.bodies.push(&body))?;
    keys.secrets.sort_unstable();
    keys.secrets.dedup();
    keys.info_hashes.sort_unstable();
    keys.info_hashes.dedup();
    facts.keys = keys;
    twice.told.drain(..).for_each(|occurrence| all.anomalies.odd(occurrence));
    all.same.append(&mut twice.legs);
    let Beside {
        anomalies,
        opaque,
        quality,
        coverage: _,
        same,
        contests: _,
        swarms,
        names,
        inputs,
        passed_over: _,
    } = all;
    let opaque = once(opaque, &facts.bases);
    let named: BTreeMap<Named, Mention> = named;
    let mut mentions: Mentions = named.into_iter().collect();
    (mentions.swarms, mentions.names) = (swarms.into_iter().collect(), names.into_iter().collect());
    let findings = Findings {
        anomalies,
        mentions,
        metadata: harvest.finish(),
        opaque,
        quality,
        clock_steps,
        coverage: seen.finish(),
        same,
        contests: Vec::new(),
        torrents_tell: false,
    };
    Ok(Walked { facts, findings, inputs })
}

fn none() -> Error {
    Error::Usage("no part is left to be judged".to_owned())
}

/// Adds the journals of a set.
fn append(all: &mut Facts, own: &Facts, number: usize, by: &By, twice: &mut Twice) -> Result<(), Error> {
    for connection in &own.connections {
        if let Some(connection) = twice.connection(number, connection, by) {
            all.connections.push(&connection)?;
        }
    }
    // Those of one set stand in its order, and among those of others by their times.
    let mut now = Timestamp(i64::MIN);
    let mut order = |last: Timestamp| {
        now = now.max(last);
        by.order(now)
    };
    let mut bodies = own.bodies.iter().peekable();
    let add = |body: Body, order: u64, bodies: &mut Journal<Body>| match twice.body(number, body, by) {
        Some(body) => bodies.push(&Body { order, ..body }),
        None => Ok(()),
    };
    for block in &own.blocks {
        while let Some(body) = bodies.next_if(|body| body.order <= block.order) {
            let order = order(body.span.last.time);
            add(body, order, &mut all.bodies)?;
        }
        let order = order(block.span.last.time);
        if let Some(block) = twice.block(number, block, by) {
            all.blocks.push(&Block { order, ..block })?;
        }
    }
    for body in bodies {
        let order = order(body.span.last.time);
        add(body, order, &mut all.bodies)?;
    }
    for doubt in &own.doubts {
        if let Some(doubt) = twice.doubt(number, doubt, by) {
            all.doubts.push(&doubt)?;
        }
    }
    own.copies.iter().try_for_each(|copy| all.copies.push(&copy.moved(by)))
}

/// Adds what was found beside the facts of a set.
fn join(all: &mut Beside, own: Beside, seen: &mut Covered, by: &By) {
    let Beside { anomalies, opaque, quality, coverage, same, contests: _, swarms, names, inputs, passed_over } =
        own;
    all.anomalies.join(anomalies.map(|occurrence| occurrence.moved(by)));
    for mut each in opaque {
        each.frames.shift(by);
        all.opaque.push(each);
    }
    all.quality = both(std::mem::take(&mut all.quality), quality, by);
    seen.add(coverage);
    all.same.extend(same.into_iter().map(|same| same.moved(by)));
    let moved = |(swarm, (counts, mention)): (Swarm, (Counts, Mention))| (swarm, (counts, mention.moved(by)));
    all.swarms.extend(swarms.into_iter().map(moved));
    all.names.extend(names.into_iter().map(|(name, mention)| (name, mention.moved(by))));
    all.inputs.extend(inputs);
    all.passed_over.extend(passed_over);
}

fn both(one: Quality, other: Quality, by: &By) -> Quality {
    let mut unread = one.unread;
    for more in other.unread {
        let known = unread.iter_mut().find(|known| known.protocol == more.protocol);
        match known {
            Some(known) => {
                known.frames += more.frames;
                known.may_carry |= more.may_carry;
            }
            None => unread.push(more),
        }
    }
    unread.sort_by(|a, b| b.frames.cmp(&a.frames).then_with(|| a.protocol.cmp(&b.protocol)));
    let sum = |one: Option<u64>, other: Option<u64>| match (one, other) {
        (Some(one), Some(other)) => Some(one + other),
        (one, other) => one.or(other),
    };
    let clock_steps = one.clock_steps + other.clock_steps;
    let first_time = one.first_time.into_iter().chain(other.first_time).min();
    let last_time = one.last_time.into_iter().chain(other.last_time).max();
    let ns = first_time.zip(last_time).map(|(first, last)| last.0.abs_diff(first.0));
    Quality {
        frames: one.frames + other.frames,
        not_ip: one.not_ip + other.not_ip,
        unread,
        unrecognised: one.unrecognised + other.unrecognised,
        unrecognised_cut: one.unrecognised_cut + other.unrecognised_cut,
        unrecognised_gaps: one.unrecognised_gaps + other.unrecognised_gaps,
        unrecognised_unseen: one.unrecognised_unseen + other.unrecognised_unseen,
        tcp_flows: one.tcp_flows + other.tcp_flows,
        utp_flows: one.utp_flows + other.utp_flows,
        gaps: one.gaps + other.gaps,
        gap_bytes: one.gap_bytes + other.gap_bytes,
        gap_packets: one.gap_packets + other.gap_packets,
        bad_checksums: sum(one.bad_checksums, other.bad_checksums),
        untested_checksums: one.untested_checksums + other.untested_checksums,
        clock_steps,
        udp_flows: one.udp_flows + other.udp_flows,
        first_time,
        last_time,
        duration_ns: ns.filter(|_| clock_steps == 0),
        seen_at_two_taps: one.seen_at_two_taps + other.seen_at_two_taps,
        clock: clocks(one.clock, other.clock, by),
    }
}

/// Of a conversation that several sets hold, the one with most bytes of it.
fn once(mut all: Vec<Opaque>, bases: &[u16]) -> Vec<Opaque> {
    let set = |each: &Opaque| bases.partition_point(|base| *base <= each.frames.file);
    all.sort_by_key(|each| {
        let bytes = each.a_to_b.saturating_add(each.b_to_a);
        (each.a, each.b, each.transport, each.kind, Reverse(bytes), each.frames)
    });
    let mut kept: Vec<Opaque> = Vec::with_capacity(all.len());
    for each in all {
        let same = |known: &&Opaque| {
            (known.a, known.b, known.transport, known.kind) == (each.a, each.b, each.transport, each.kind)
        };
        let overlaps = |known: &Opaque| {
            set(known) != set(&each) && known.first_time <= each.last_time && each.first_time <= known.last_time
        };
        if !kept.iter().rev().take_while(same).any(overlaps) {
            kept.push(each);
        }
    }
    kept
}

/// Of a walk the clocks are told without what the inputs say of them: that is added when the report is made.
fn clocks(mut one: ClockQuality, other: ClockQuality, by: &By) -> ClockQuality {
    for mut steps in other.steps {
        steps.file = steps.file.saturating_add(by.inputs);
        one.steps.push(steps);
    }
    for mut taps in other.taps {
        (taps.a, taps.b) = (taps.a.saturating_add(by.inputs), taps.b.saturating_add(by.inputs));
        one.taps.push(taps);
    }
    one
}

/// Stretches that the captures of several sets cover.
#[derive(Debug, Default)]
struct Covered {
    hosts: BTreeMap<IpAddr, Host>,
    /// The ends of every packet of all sets so far; `None` before the first.
    central: Option<Vec<IpAddr>>,
    rest: Coverage,
}

impl Covered {
    fn add(&mut self, other: Coverage) {
        for more in other.hosts {
            let known = self.hosts.entry(more.address).or_insert(Host { from: None, to: None, ..more });
            let seen = |known: Option<Seen>, more: Option<Seen>| match (known, more) {
                (Some(known), Some(more)) => Some(known.join(more)),
                (known, more) => known.or(more),
            };
            (known.from, known.to) = (seen(known.from, more.from), seen(known.to, more.to));
            // They may be the same: so many at least.
            known.others = known.others.max(more.others);
        }
        match &mut self.central {
            None => self.central = Some(other.central),
            Some(central) => central.retain(|address| other.central.contains(address)),
        }
        self.rest.hosts_left_out += other.hosts_left_out;
        self.rest.unrecognised.extend(other.unrecognised);
        self.rest.unrecognised_left_out += other.unrecognised_left_out;
        self.rest.clock_steps.extend(other.clock_steps);
    }

    fn finish(mut self) -> Coverage {
        self.rest.unrecognised.sort_unstable();
        self.rest.clock_steps.sort_unstable();
        let (hosts, central) = (self.hosts.into_values().collect(), self.central.unwrap_or_default());
        Coverage { hosts, central, ..self.rest }
    }
}

/// Info dictionaries of several sets.
#[derive(Debug, Default)]
struct Gathered {
    rebuilt: BTreeMap<[u8; 20], Rebuilt>,
    unfinished: BTreeSet<[u8; 20]>,
    rest: Harvest,
}

impl Gathered {
    fn add(&mut self, harvest: Harvest, by: &By) {
        let Harvest { rebuilt, wrong, unfinished, counts } = harvest;
        for new in rebuilt {
            let Rebuilt { info_hash, info, contributors, whole_from } = new.moved(by);
            let empty = || Rebuilt { info_hash, info, contributors: Vec::new(), whole_from: Vec::new() };
            let known = self.rebuilt.entry(info_hash).or_insert_with(empty);
            for Contribution { way, pieces } in contributors {
                match known.contributors.iter_mut().find(|known| known.way == way) {
                    Some(known) => pieces.into_iter().for_each(|(piece, span)| {
                        known.pieces.entry(piece).or_insert(span);
                    }),
                    None => known.contributors.push(Contribution { way, pieces }),
                }
            }
            known.contributors.sort_by_key(|contribution| contribution.way);
            for (from, span) in whole_from {
                if known.whole_from.iter().all(|(other, _)| *other != from) {
                    known.whole_from.push((from, span));
                }
            }
            known.whole_from.sort_by_key(|(from, _)| *from);
        }
        self.unfinished.extend(unfinished);
        self.rest.wrong.extend(wrong.into_iter().map(|wrong| wrong.moved(by)));
        self.rest.counts.wrong += counts.wrong;
        self.rest.counts.mismatches += counts.mismatches;
        self.rest.counts.malformed += counts.malformed;
        self.rest.counts.limited += counts.limited;
    }

    fn finish(self) -> Harvest {
        let unfinished = self.unfinished.into_iter().filter(|hash| !self.rebuilt.contains_key(hash)).collect();
        Harvest { unfinished, rebuilt: self.rebuilt.into_values().collect(), ..self.rest }
    }
}

// Rationale: no set has 10^12 connections, blocks or frames, and 65,535 sets fit above.
const STRIDE: u32 = 40;
#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::capture::{Decompressed, InputFacts};
    use crate::ends::{At, Endpoint, FrameId, Span, Timestamp};
    use crate::facts::{Input, Sets};
    use crate::hearsay::Via;
    use crate::options::Options;
    use crate::part::{Carried, ReadWith};

    /// Mentions of a capture: whom it names, how often.
    const CAPTURES: [&[(u8, u64)]; 4] = [&[(1, 1), (2, 4)], &[(1, 2)], &[(2, 8), (3, 16)], &[]];

    fn name(last: u8) -> Named {
        let end = |last| Endpoint { ip: [192, 0, 2, last].into(), port: 6_881 };
        Named::new(end(last), Some([1; 20]), end(200), Via::Pex)
    }

    fn input_of(sha256: Option<[u8; 32]>, content: Option<Decompressed>) -> InputFacts {
        InputFacts {
            name: String::new(),
            format: "pcap".to_owned(),
            bytes: 9,
            sha256,
            stated: false,
            content,
            frames: 9,
            first_time: None,
            last_time: None,
            interfaces: Vec::new(),
            damage: None,
            dropped_by_capture: None,
            unused_blocks: BTreeMap::new(),
            names: Vec::new(),
        }
    }

    /// The part of a set of [`CAPTURES`]; some of them are there compressed.
    fn part(captures: &BTreeSet<u8>, compressed: u8) -> Part {
        let mut part = Part {
            name: String::new(),
            options: ReadWith::of(&Options::default()),
            facts: Facts::default(),
            beside: Beside::default(),
            carried: Carried::default(),
        };
        for (input, capture) in (0..).zip(captures) {
            let is_compressed = compressed >> capture & 1 == 1;
            let (plain, zipped) = ([*capture; 32], [100 + capture; 32]);
            let sha256 = Some(if is_compressed { zipped } else { plain });
            let content = is_compressed.then_some(Decompressed { bytes: 9, sha256: plain });
            let time = |number: u64| Timestamp(i64::from(*capture) * 1_000 + number as i64);
            part.beside.inputs.push(input_of(sha256, content));
            let (file, first) = (capture.to_string(), Some(time(0)));
            part.facts.inputs.push(Input {
                name: file,
                bytes: 9,
                sha256,
                frames: 9,
                first_time: first,
                last_time: first,
            });
            for (named, count) in CAPTURES[usize::from(*capture)] {
                let at = |number: u64| At { time: time(number), frame: FrameId::new(input, number) };
                let (first, last) = (Span::single(at(1)), Span::single(at(*count)));
                let mention = Mention { count: *count, span: first.join(last), first };
                match part.facts.mentions.iter_mut().find(|(known, _)| *known == name(*named)) {
                    Some((_, known)) => known.join(&mention),
                    None => part.facts.mentions.push((name(*named), mention)),
                }
            }
        }
        part
    }

    type Counted = (Named, u64, [Timestamp; 2]);
    type Members = Vec<(BTreeSet<u8>, u8)>;

    fn sets(members: &Members) -> Sets<Part> {
        let mut sets = Sets::default();
        for (captures, compressed) in members {
            let part = part(captures, *compressed);
            sets.add(part.set_id().expect("digests"), part);
        }
        sets
    }

    /// The mentions of all sets that are judged, with the times of the first and the last, and the captures of those sets.
    fn mentions(sets: Sets<Part>) -> (Vec<Counted>, Vec<[u8; 32]>) {
        let settled = sets.settle().sets;
        let captures = settled.iter().flat_map(|(_, part)| crate::facts::Reading::captures(part)).collect();
        if settled.is_empty() {
            return (Vec::new(), captures);
        }
        let walked = merged(settled, &Limits::default(), None).expect("room");
        let row = |(named, mention): (&Named, &Mention)| {
            (*named, mention.count, [mention.span.first.time, mention.span.last.time])
        };
        (walked.findings.mentions.iter().map(row).collect(), captures)
    }

    fn members() -> impl Strategy<Value = Members> {
        prop::collection::vec((prop::collection::btree_set(0..4_u8, 1..4), 0..16_u8), 0..4)
    }

    proptest! {
        #[test]
        fn a_mention_of_a_capture_counts_once_whatever_sets_hold_it_and_mentions_of_several_captures_add(
            one in members(), two in members(), three in members(),
        ) {
            let united = |parts: Vec<Sets<Part>>| {
                let mut all = Sets::default();
                parts.into_iter().for_each(|part| all.unite(part));
                all
            };
            let left = mentions(united(vec![united(vec![sets(&one), sets(&two)]), sets(&three)]));
            let right = mentions(united(vec![sets(&one), united(vec![sets(&two), sets(&three)])]));
            prop_assert_eq!(&left, &right, "associative");
            let turned = mentions(united(vec![sets(&three), sets(&two), sets(&one)]));
            prop_assert_eq!(&left, &turned, "commutative");
            let again = mentions(united(vec![sets(&one), sets(&two), sets(&three), sets(&two), sets(&one)]));
            prop_assert_eq!(&left, &again, "idempotent");
            let (found, captures) = left;
            let distinct: BTreeSet<[u8; 32]> = captures.iter().copied().collect();
            prop_assert_eq!(distinct.len(), captures.len(), "each capture is in one set that is judged");
            let mut expected: BTreeMap<Named, u64> = BTreeMap::new();
            for (named, count) in distinct.iter().flat_map(|capture| CAPTURES[usize::from(capture[0])]) {
                *expected.entry(name(*named)).or_default() += count;
            }
            let found: BTreeMap<Named, u64> = found.into_iter().map(|(named, count, _)| (named, count)).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
