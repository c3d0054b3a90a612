//! How far the clocks of inputs are apart, learnt from the packets that are about to come before they are merged.
//!
//! Nothing was received before it was sent. Of two inputs of the same packets each common one says how far their clocks
//! are apart. Where they share none, as behind a switch that spreads packets over several taps, what one input holds and
//! the other one acknowledges is a bound from below, and the other way round one from above.

use hashbrown::HashMap;

use super::{Spilled, Spine, tcp, udp};
use crate::Error;
use crate::capture::{Frame, Frames, INPUTS_APART_NS, Spill};
use crate::ends::{Direction, FlowKey};
use crate::options::Options;
use crate::packet::{ChecksumPolicy, Decoder, Packet, TransportLayer};
use crate::stream::utp::{self, PacketKind};

impl Spine<'_, '_> {
    /// Tells `frames` how far the clock of `file`, an input that begins now, is from those that were there before.
    ///
    /// # Errors
    /// Those of reading the captures.
    pub(crate) fn learn_clock(&self, file: u16, frames: &mut Frames<'_>) -> Result<(), Error> {
        let apart = apart(file, frames, self.shared.options)?;
        frames.set_clock(file, apart);
        Ok(())
    }
}

/// Something of a packet that is in another one, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Sign {
    /// The packet itself.
    Copy(u64),
    /// The number behind what it carries.
    Sent(u32),
    /// The number that it acknowledges, of the other direction.
    Acknowledged(u32),
}

impl Sign {
    /// The sign of the other packet that has it in common.
    fn reverse(self) -> Self {
        match self {
            Self::Copy(_) => self,
            Self::Sent(number) => Self::Acknowledged(number),
            Self::Acknowledged(number) => Self::Sent(number),
        }
    }
}

/// A sign, and the direction whose numbers it is about.
type Key = (FlowKey, Direction, Sign);

/// What two inputs say of the time to be added to one of them.
#[derive(Debug, Default)]
struct Bounds {
    /// All bounds, in nanoseconds; of a packet that both hold two.
    all: Vec<i64>,
    /// How many of them are from below.
    below: usize,
}

impl Bounds {
    fn add(&mut self, sign: Sign, ns: i64) {
        if ns.abs() <= INPUTS_APART_NS {
            self.all.push(ns);
            self.below += usize::from(!matches!(sign, Sign::Sent(_)));
            if let Sign::Copy(_) = sign {
                self.all.push(ns);
            }
        }
    }

    /// Returns true if there are enough from both sides.
    fn suffice(&self) -> bool {
        self.below >= FEWEST && self.all.len() - self.below >= FEWEST
    }

    /// The time that fits best: the sum over all bounds of by how much it misses them is the least. Of several the middle, or
    /// none at all if that fits as well.
    fn best(mut self) -> i64 {
        if !self.suffice() {
            return 0;
        }
        self.all.sort_unstable();
        // Left of as many bounds as there are from below, a step to the right meets more of them than it leaves.
        let [low, high] = [self.below - 1, self.below].map(|at| self.all.get(at).copied().unwrap_or(0));
        if low <= 0 && high >= 0 { 0 } else { low.midpoint(high) }
    }
}

/// Nanoseconds that bring the times of `file` to those of the inputs before it.
#[cold]
fn apart(file: u16, frames: &mut Frames<'_>, options: &Options<'_>) -> Result<i64, Error> {
    let others: Vec<u16> = frames.before(file).take(MOST_INPUTS).collect();
    let mut bounds = Bounds::default();
    compare(&[file], &others, frames, options, &mut |sign, ns| bounds.add(sign, ns))?;
    if !bounds.suffice() {
        // Of two taps with one direction each, the first packets of the one that holds more are over too soon.
        bounds = Bounds::default();
        compare(&others, &[file], frames, options, &mut |sign, ns| bounds.add(sign.reverse(), -ns))?;
    }
    Ok(bounds.best())
}

/// Gives what the first packets of the inputs `those`, and all of `these` at about their time, have in common: what a packet of
/// `those` shows, and how much later that of `these` came by its clock.
fn compare(
    those: &[u16],
    these: &[u16],
    frames: &mut Frames<'_>,
    options: &Options<'_>,
    take: &mut dyn FnMut(Sign, i64),
) -> Result<(), Error> {
    let (mut known, mut span) = (HashMap::<Key, i64, foldhash::quality::FixedState>::default(), None);
    for file in those {
        let clock = frames.clock(*file);
        let sample = frames.ahead(*file).into_iter().flatten().take(SAMPLE);
        read(sample, options, &mut |time, key| {
            let time = time.saturating_add(clock);
            let (first, last) = span.get_or_insert((time, time));
            (*first, *last) = (time.min(*first), time.max(*last));
            // The first time that it is there.
            known.entry(key).or_insert(time);
            true
        })?;
    }
    let Some((first, last)) = span else { return Ok(()) };
    let mut found = 0;
    for file in these {
        let clock = frames.clock(*file);
        let near = frames
            .ahead(*file)
            .into_iter()
            .flatten()
            .take(MOST_AHEAD)
            .skip_while(|frame| frame.at.time.0.saturating_add(clock) < first.saturating_sub(INPUTS_APART_NS))
            .take_while(|frame| frame.at.time.0.saturating_add(clock) <= last.saturating_add(INPUTS_APART_NS));
        read(near, options, &mut |time, (flow, direction, sign)| {
            let matching = sign.reverse();
            if let Some(before) = known.remove(&(flow, direction, matching)) {
                found += 1;
                take(matching, time.saturating_add(clock).saturating_sub(before));
            }
            found < ENOUGH
        })?;
    }
    Ok(())
}

/// Gives the signs of the packets in `frames` with their times to `take`, until that has enough.
fn read<'cap>(
    frames: impl Iterator<Item = Frame<'cap>>,
    options: &Options<'_>,
    take: &mut dyn FnMut(i64, Key) -> bool,
) -> Result<(), Error> {
    let (spill, mut untold) = (Spill::new(options.spool_dir), Vec::new());
    let store = Spilled(&spill);
    let mut decoder = Decoder::new(ChecksumPolicy::Ignore, &options.limits).with_tunnels(options.tunnels);
    for frame in frames {
        untold.clear();
        let mut goes_on = true;
        decoder.each(&frame, &store, &mut untold, &mut |packet| {
            for (from, sign) in signs(packet).into_iter().flatten() {
                goes_on &= take(frame.at.time.0, (packet.flow, from, sign));
            }
        })?;
        if !goes_on {
            break;
        }
    }
    Ok(())
}

/// The signs of a packet, with the direction that each is about.
fn signs(packet: &Packet<'_>) -> [Option<(Direction, Sign)>; 3] {
    let (from, to) = (packet.direction, packet.direction.reverse());
    match &packet.transport {
        TransportLayer::Tcp(segment) if segment.flags.rst => [None; 3],
        TransportLayer::Tcp(segment) => {
            let len = segment.payload.wire_len;
            let flags = u32::from(segment.flags.syn) + u32::from(segment.flags.fin);
            let copy = (len > 0).then(|| (from, Sign::Copy(tcp::mark(packet, segment).value)));
            let behind = segment.seq.wrapping_add(len).wrapping_add(flags);
            let sent = (len > 0 || flags > 0).then_some((from, Sign::Sent(behind)));
            [copy, sent, segment.ack.map(|ack| (to, Sign::Acknowledged(ack)))]
        }
        TransportLayer::Udp(datagram) => {
            let Ok(read) = utp::Packet::parse(&datagram.payload) else { return [None; 3] };
            let copy = udp::mark(packet, &datagram.payload).map(|mark| (from, Sign::Copy(mark.value)));
            let numbered = matches!(read.kind, PacketKind::Data | PacketKind::Fin | PacketKind::Syn);
            let sent = numbered.then_some((from, Sign::Sent(u32::from(read.seq_nr))));
            let acks = matches!(read.kind, PacketKind::Data | PacketKind::Fin | PacketKind::State);
            [copy, sent, acks.then_some((to, Sign::Acknowledged(u32::from(read.ack_nr))))]
        }
    }
}

// Rationale: a dozen turns of what is spread over two taps in runs of some hundred packets; a thousandth of a second.
const SAMPLE: usize = 4_096;
// Rationale: what a link of 1 Gbit/s carries while clocks are two seconds apart, before and after; a tenth of a second.
const MOST_AHEAD: usize = 1 << 18;
// Rationale: taps of one link are few; files of a ring overlap with one other.
const MOST_INPUTS: usize = 16;
// Rationale: a packet that was sent again is a wrong bound; of a few it could be the one that decides.
const FEWEST: usize = 4;
// Rationale: as many bounds as the sample can give are no better than these.
const ENOUGH: usize = 2_048;

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    /// Copies, what the other input holds and this one acknowledges, and the other way round; in milliseconds.
    fn best(copies: &[i64], below: &[i64], above: &[i64]) -> i64 {
        let mut bounds = Bounds::default();
        copies.iter().for_each(|ms| bounds.add(Sign::Copy(0), ms * MS));
        below.iter().for_each(|ms| bounds.add(Sign::Acknowledged(0), ms * MS));
        above.iter().for_each(|ms| bounds.add(Sign::Sent(0), ms * MS));
        bounds.best() / MS
    }

    #[test]
    fn common_packets_say_how_far_clocks_are_apart_whatever_else_bounds_it() {
        assert_eq!(best(&[300; 5], &[], &[]), 300);
        assert_eq!(best(&[-300, -301, -299, -300, 900], &[], &[]), -300);
        assert_eq!(best(&[300; 4], &[250, 280, 299, 90], &[301, 500, 420, 900, 310]), 300);
    }

    #[test]
    fn without_common_packets_the_middle_of_what_is_possible_is_taken_and_nothing_where_that_is_possible() {
        assert_eq!(best(&[], &[200, 290, 250, 280], &[310, 400, 330, 600]), 300);
        assert_eq!(best(&[], &[-20, -1, -4, -9], &[5, 2, 1, 7]), 0);
    }

    #[test]
    fn a_packet_that_was_sent_again_does_not_decide() {
        let (below, above) = ([298, 297, 299, 299, 298, 700], [301, 302, 301, 304, 301, 303]);
        assert!((298..=302).contains(&best(&[], &below, &above)));
    }

    #[test]
    fn a_few_bounds_those_of_one_side_and_those_far_away_say_nothing() {
        assert_eq!(best(&[300; 3], &[], &[]), 0);
        assert_eq!(best(&[], &[300; 9], &[]), 0);
        assert_eq!(best(&[3_000; 9], &[], &[]), 0);
    }
}
