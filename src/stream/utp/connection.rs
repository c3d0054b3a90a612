//! One uTP connection: what speaks for it while it is a candidate, and its two directions afterwards.

mod ahead;
mod challenged;

use super::UtpId;
use super::packet::{Packet, PacketKind};
use super::side::UtpSide;
use crate::ends::{At, Direction};
use crate::limits::{UTP_CANDIDATE_PACKETS, UTP_RIVALS};
use crate::stream::challenge::Challenge;
use crate::stream::path::{Ack, Noted, ReturnPath};
use crate::stream::pending::{Ends, PendingPackets, PendingSide, both};
use crate::stream::unjudged::Sent;
use crate::stream::{EndReason, GapCause, Missing, Numbers, Opening, StreamItem, StreamLimits, Unaccepted};

/// A packet that waits until its connection is established.
#[derive(Clone, Copy, Debug)]
pub(super) struct HeldPacket<'cap> {
    pub(super) at: At,
    pub(super) direction: Direction,
    pub(super) packet: Packet<'cap>,
    pub(super) doubtful: bool,
}

/// A connection, established once it has an id.
#[derive(Debug)]
pub(super) struct Connection<'cap> {
    pub(super) id: Option<UtpId>,
    /// The connection id in the packets of each direction, SYN apart.
    send_ids: [Option<u16>; 2],
    /// Who sent the SYN, and its number.
    syn: Option<(Direction, u16)>,
    /// The sender's clock in it.
    syn_clock: u32,
    /// Number and clock of the ST_STATE that answers it.
    answer: Option<(u16, u32)>,
    /// Others that seem to: anybody can send one in the name of an endpoint. Number, clock and frame.
    rivals: Vec<(u16, u32, At)>,
    opening: Opening,
    path: ReturnPath<u16, u64>,
    pub(super) sides: [UtpSide<'cap>; 2],
    /// Packets that wait for others of the other direction.
    pending: PendingPackets<HeldPacket<'cap>, u16>,
    signs: [Signs; 2],
    held: Vec<HeldPacket<'cap>>,
    /// Who sent an ST_RESET.
    reset: Option<Direction>,
    /// An ST_SYN that would begin another connection with these ids.
    challenge: Option<Box<Challenge<HeldPacket<'cap>>>>,
    /// True if the challenge's ST_SYN came after a FIN of each end, or after a long silence.
    quiet: bool,
}

/// The signs that one direction of a candidate is uTP.
#[derive(Clone, Copy, Debug, Default)]
struct Signs {
    /// Number and sender's clock of the packet with the highest number, and when it was seen.
    highest: Option<(u16, u32, At)>,
    /// Packets with consecutive numbers and a clock that keeps time.
    run: u32,
    /// Packets that acknowledge what the other direction sent.
    mutual: u32,
    /// The sender's clock in the packet before: a duplicate frame is no evidence.
    clock: Option<u32>,
    /// True if a packet carried data.
    data: bool,
}

impl<'cap> Connection<'cap> {
    /// A candidate that begins with a packet.
    pub(super) fn new(held: &HeldPacket<'cap>) -> Self {
        let HeldPacket { direction, packet, .. } = *held;
        let mut connection = Self {
            id: None,
            send_ids: [None, None],
            syn: None,
            syn_clock: 0,
            answer: None,
            rivals: Vec::new(),
            opening: Opening::default(),
            path: ReturnPath::default(),
            sides: [UtpSide::default(), UtpSide::default()],
            pending: PendingPackets::default(),
            signs: [Signs::default(); 2],
            held: Vec::new(),
            reset: None,
            challenge: None,
            quiet: false,
        };
        if packet.kind == PacketKind::Syn {
            *of(&mut connection.send_ids, direction) = Some(packet.connection_id.wrapping_add(1));
            *of(&mut connection.send_ids, direction.reverse()) = Some(packet.connection_id);
        } else {
            *of(&mut connection.send_ids, direction) = Some(packet.connection_id);
        }
        connection
    }

    /// Returns true if `packet` carries this connection's ids.
    pub(super) fn owns(&self, direction: Direction, packet: &Packet<'cap>) -> bool {
        let (this, that) = (self.send_id(direction), self.send_id(direction.reverse()));
        let id = packet.connection_id;
        match packet.kind {
            // The answer may stand before the SYN, where the clocks of two taps differ.
            PacketKind::Syn => {
                (this.is_some() || that.is_some() && self.syn.is_none())
                    && this.is_none_or(|this| this == id.wrapping_add(1))
                    && that.is_none_or(|that| that == id)
            }
            // Implementations differ on which of the two ids a reset carries.
            PacketKind::Reset => this == Some(id) || that == Some(id),
            _ => match (this, that) {
                (Some(this), _) => this == id,
                (None, Some(that)) => that.wrapping_add(1) == id || id.wrapping_add(1) == that,
                (None, None) => false,
            },
        }
    }

    /// See [`super::UtpFlow::opening`].
    pub(super) fn opening(&self) -> Opening {
        Opening { confirmed: self.path.confirmed, present: self.path.present, ..self.opening }
    }

    /// See [`super::UtpFlow::initial`].
    pub(super) fn initial(&self) -> Option<[u64; 2]> {
        let ((initiator, number), (answered, clock)) = (self.syn?, self.answer?);
        let id = u64::from(self.send_id(initiator)?);
        let first = id << 48 | u64::from(number) << 32 | u64::from(self.syn_clock);
        Some([first, u64::from(answered) << 32 | u64::from(clock)])
    }

    /// See [`super::UtpFlow::numbers`].
    pub(super) fn numbers(&self) -> [Option<Numbers>; 2] {
        let [low, high] = &self.sides;
        let [low_id, high_id] = self.send_ids;
        [low_id.and_then(|id| low.numbers(id)), high_id.and_then(|id| high.numbers(id))]
    }

    /// Returns true once a reset, or a FIN in both directions, was seen.
    pub(super) fn is_over(&self) -> bool {
        self.reset.is_some() || self.sides.iter().all(UtpSide::is_finished)
    }

    /// Packets that wait until it is established.
    pub(super) fn held(&self) -> u64 {
        self.held.len() as u64
    }

    /// The memory that waiting packets take, in slices; a whole packet counts as two, and so does a candidate as
    /// [`CANDIDATE`].
    pub(super) fn waiting(&self) -> usize {
        let packets = self.held.len() + self.pending.len();
        let sides: usize = self.sides.iter().map(UtpSide::waiting).sum();
        2 * packets + sides + if self.id.is_none() { CANDIDATE } else { 0 }
    }

    /// Takes a packet that this connection owns: keeps it while a candidate, else delivers it. Gives how many packets
    /// were forgotten for it.
    pub(super) fn push(
        &mut self,
        held: HeldPacket<'cap>,
        limits: &StreamLimits,
        emit: &mut impl FnMut(Direction, StreamItem<'cap>),
    ) -> u64 {
        self.choose_answer(&held, limits);
        self.note_path(&held, limits);
        self.note_opening(&held);
        if self.id.is_some() {
            self.deliver(&held, limits, emit);
            return 0;
        }
        self.weigh(&held);
        let most = UTP_CANDIDATE_PACKETS.min(limits.pending_segments as usize).max(1);
        let forgotten = (self.held.len() + 1).saturating_sub(most);
        self.held.drain(..forgotten);
        self.held.push(held);
        forgotten as u64
    }

    /// Returns true if the signs suffice for a connection, see [`super`].
    pub(super) fn is_proven(&self) -> bool {
        let [low, high] = &self.signs;
        self.opening.syn_ack.is_some()
            || (low.mutual >= MUTUAL_PACKETS && high.mutual >= MUTUAL_PACKETS && (low.data || high.data))
            || self.signs.iter().any(|signs| signs.run >= RUN_PACKETS && signs.data)
    }

    /// Makes the candidate a connection and delivers what it held.
    pub(super) fn establish(
        &mut self,
        id: UtpId,
        limits: &StreamLimits,
        emit: &mut impl FnMut(Direction, StreamItem<'cap>),
    ) {
        self.id = Some(id);
        for held in std::mem::take(&mut self.held) {
            self.deliver(&held, limits, emit);
        }
    }

    /// Ends both directions.
    pub(super) fn close(
        &mut self,
        reason: EndReason,
        limits: &StreamLimits,
        emit: &mut impl FnMut(Direction, StreamItem<'cap>),
    ) {
        if let Some(challenge) = self.challenge.take() {
            challenge.discard(payload_len, emit);
        }
        let reason = if self.reset.is_some() { EndReason::Reset } else { reason };
        let mut out = Vec::new();
        let mut ends = Ends { sides: &mut self.sides, path: &self.path, limits: *limits };
        self.pending.open(None, &mut ends, 0, &mut out);
        out.into_iter().for_each(|(direction, item)| emit(direction, item));
        for direction in [Direction::LowToHigh, Direction::HighToLow] {
            let suspects = self.path.suspects(direction).into_iter().map(|places| (places, Unaccepted::Impossible));
            let contradicted = self.path.contradicted(direction).map(|places| (places, Unaccepted::Contradicted));
            let suspects: Vec<_> = suspects.chain(contradicted).collect();
            let side = of(&mut self.sides, direction);
            side.close(reason, &suspects, limits, &mut |item| emit(direction, item));
        }
    }

    /// Says of each direction that goes on that its end is not known.
    pub(super) fn cut_off(&self, emit: &mut impl FnMut(Direction, StreamItem<'cap>)) {
        for (direction, side) in [Direction::LowToHigh, Direction::HighToLow].into_iter().zip(&self.sides) {
            if !side.is_finished()
                && let Some(at) = side.last()
            {
                let (offset, missing, cause) = (side.offset(), Missing::Unknown, GapCause::Limit);
                emit(direction, StreamItem::Gap { offset, missing, cause, at });
            }
        }
    }

    fn side(&self, direction: Direction) -> &UtpSide<'cap> {
        let [low, high] = &self.sides;
        if direction == Direction::LowToHigh { low } else { high }
    }

    fn send_id(&self, direction: Direction) -> Option<u16> {
        let [low, high] = self.send_ids;
        if direction == Direction::LowToHigh { low } else { high }
    }

    /// Notes the numbers of a packet: the one that it uses, and the one that it acknowledges.
    fn note_path(&mut self, held: &HeldPacket<'cap>, limits: &StreamLimits) {
        let HeldPacket { at, direction, packet, .. } = held;
        let used = match packet.kind {
            PacketKind::Reset => None,
            // Its number is that of the packet before or behind it: implementations differ.
            PacketKind::State => {
                let answers = self.answer.is_none() && self.syn == Some((direction.reverse(), packet.ack_nr));
                Some((packet.seq_nr.wrapping_sub(1), packet.seq_nr, answers))
            }
            PacketKind::Syn => Some((packet.seq_nr, packet.seq_nr, true)),
            PacketKind::Data | PacketKind::Fin => Some((packet.seq_nr, packet.seq_nr, false)),
        };
        let ack = (!matches!(packet.kind, PacketKind::Reset | PacketKind::Syn)).then_some(packet.ack_nr);
        self.path.packet(*direction, *at, used, ack, limits.acked_hole_wait_ns);
    }

    /// Notes a packet whose receiver would not take it, or of which that cannot be told before a number of the other end is
    /// known. Returns true if it is kept apart.
    fn note_suspect(
        &mut self,
        held: &HeldPacket<'cap>,
        emit: &mut impl FnMut(Direction, StreamItem<'cap>),
    ) -> bool {
        let HeldPacket { at, direction, packet, .. } = *held;
        let suspect = self.path.judge(direction, Some(packet.ack_nr)) == Ack::Impossible;
        let side = of(&mut self.sides, direction);
        let number = side.unwrapped(packet.seq_nr);
        let (data, ack) = (packet.kind == PacketKind::Data, Some(packet.ack_nr));
        let sent = Sent { places: (number, number), data, opens: false, ack };
        if let Noted::Alone { behind } = self.path.carries(direction, &sent) {
            // Where their bytes stand is known when they are delivered.
            behind.into_iter().map(|last| last + 1).chain([number]).for_each(|number| side.mark(number));
        }
        suspect
            && UtpSide::carries(held)
            && PendingSide::is_kept_apart(side, at, held, &mut |item| emit(direction, item))
    }

    /// Of several answers to the SYN, the one counts on whose numbers data follows, or which the initiator acknowledges.
    fn choose_answer(&mut self, held: &HeldPacket<'cap>, limits: &StreamLimits) {
        let (Some((initiator, syn)), Some((current, _)), Some(since)) = (self.syn, self.answer, self.opening.syn)
        else {
            return;
        };
        let HeldPacket { direction, packet, .. } = held;
        let acceptor = initiator.reverse();
        if self.rivals.is_empty() || !self.side(acceptor).is_untouched() {
            return;
        }
        let named = match packet.kind {
            PacketKind::Data | PacketKind::Fin if *direction == acceptor => packet.seq_nr,
            PacketKind::Data | PacketKind::Fin | PacketKind::State if *direction == initiator => {
                packet.ack_nr.wrapping_add(1)
            }
            _ => return,
        };
        let fits = |number: u16| named.wrapping_sub(number) < BEHIND_ANSWER;
        if let Some((number, clock, at)) = self.rivals.iter().copied().find(|(number, ..)| fits(*number))
            && !fits(current)
        {
            self.answer = Some((number, clock));
            self.opening.syn_ack = Some(at);
            let side = of(&mut self.sides, acceptor);
            side.restart(number);
            // What the other one used is not of the path.
            self.path = ReturnPath::default();
            self.path.packet(initiator, since, Some((syn, syn, true)), None, limits.acked_hole_wait_ns);
            let used = Some((number.wrapping_sub(1), number, true));
            self.path.packet(acceptor, at, used, Some(syn), limits.acked_hole_wait_ns);
        }
        self.rivals.clear();
    }

    fn note_opening(&mut self, held: &HeldPacket<'cap>) {
        let HeldPacket { at, direction, packet, .. } = held;
        let own = packet.connection_id.wrapping_add(u16::from(packet.kind == PacketKind::Syn));
        of(&mut self.send_ids, *direction).get_or_insert(own);
        match (packet.kind, self.syn) {
            (PacketKind::Syn, None) => {
                self.syn = Some((*direction, packet.seq_nr));
                self.syn_clock = packet.timestamp_us;
                self.opening.initiator = Some(*direction);
                self.opening.syn = Some(*at);
                of(&mut self.sides, *direction).start(packet.seq_nr.wrapping_add(1), false);
                let answers = |held: &&HeldPacket<'cap>| {
                    let state = held.packet.kind == PacketKind::State && held.packet.ack_nr == packet.seq_nr;
                    held.direction != *direction && state
                };
                if let Some(answer) = self.held.iter().find(answers).copied() {
                    self.note_opening(&answer);
                }
            }
            (PacketKind::State, Some((initiator, seq_nr)))
                if initiator != *direction && self.opening.syn_ack.is_none() && packet.ack_nr == seq_nr =>
            {
                self.opening.syn_ack = Some(*at);
                self.answer = Some((packet.seq_nr, packet.timestamp_us));
                of(&mut self.sides, *direction).start(packet.seq_nr, true);
            }
            (PacketKind::State, Some((initiator, seq_nr)))
                if initiator != *direction
                    && packet.ack_nr == seq_nr
                    && self.rivals.len() < UTP_RIVALS
                    && self.answer.is_some_and(|(number, _)| number != packet.seq_nr)
                    && self.side(*direction).is_untouched() =>
            {
                self.rivals.push((packet.seq_nr, packet.timestamp_us, *at));
            }
            // Where the answer to the SYN was not captured, the first packet behind that tells where the other side begins.
            (PacketKind::Data | PacketKind::State | PacketKind::Fin, Some((initiator, seq_nr)))
                if initiator == *direction
                    && self.opening.syn_ack.is_none()
                    && packet.seq_nr.wrapping_sub(seq_nr) <= 1
                    && self.side(direction.reverse()).last().is_none() =>
            {
                of(&mut self.sides, direction.reverse()).start(packet.ack_nr.wrapping_add(1), false);
            }
            (PacketKind::Data | PacketKind::State | PacketKind::Fin, Some((initiator, _)))
                if initiator == *direction
                    && self.opening.syn_ack.is_some()
                    && self.path.used(direction.reverse(), packet.ack_nr) =>
            {
                self.opening.ack.get_or_insert(*at);
            }
            _ => {}
        }
    }

    fn weigh(&mut self, held: &HeldPacket<'cap>) {
        let HeldPacket { at, direction, packet, .. } = held;
        if packet.kind == PacketKind::Reset {
            return;
        }
        let other = of(&mut self.signs, direction.reverse()).highest;
        let signs = of(&mut self.signs, *direction);
        if signs.clock.replace(packet.timestamp_us) == Some(packet.timestamp_us) {
            return;
        }
        let acks = |(seq_nr, ..): (u16, u32, At)| packet.ack_nr.wrapping_sub(seq_nr) as i16;
        if packet.kind != PacketKind::Syn && other.map(acks).is_some_and(|away| ACK_REACH.contains(&away)) {
            signs.mutual += 1;
        }
        let numbered = matches!(packet.kind, PacketKind::Data | PacketKind::Fin);
        signs.data |= numbered && packet.payload.wire_len > 0;
        match signs.highest {
            None => signs.run = u32::from(numbered),
            Some((seq_nr, clock, then)) => {
                let (step, away) = (packet.seq_nr.wrapping_sub(seq_nr), packet.seq_nr.wrapping_sub(seq_nr) as i16);
                let elapsed_us = at.time.0.saturating_sub(then.time.0) / 1_000;
                let ticked = i64::from(packet.timestamp_us.wrapping_sub(clock) as i32);
                let keeps_time = elapsed_us.abs_diff(ticked) <= CLOCK_TOLERANCE_US;
                if away.unsigned_abs() > REORDER_REACH {
                    *signs = Signs { run: u32::from(numbered), data: signs.data, ..Signs::default() };
                } else if away < 0 || (away == 0 && (!numbered || signs.run > 0)) {
                    // The number of an ST_STATE is that of the next packet with data.
                    return;
                } else if numbered {
                    signs.run = if step == 1 && keeps_time { signs.run + 1 } else { 1 };
                }
            }
        }
        if numbered || signs.highest.is_none() {
            signs.highest = Some((packet.seq_nr, packet.timestamp_us, *at));
        }
    }

    fn deliver(
        &mut self,
        held: &HeldPacket<'cap>,
        limits: &StreamLimits,
        emit: &mut impl FnMut(Direction, StreamItem<'cap>),
    ) {
        let HeldPacket { at, direction, packet, .. } = *held;
        of(&mut self.sides, direction).saw(at);
        match packet.kind {
            PacketKind::Syn => return,
            PacketKind::Reset => {
                self.reset = Some(direction);
                return;
            }
            _ => {}
        }
        let reverse = direction.reverse();
        if self.note_suspect(held, emit) {
            return;
        }
        if self.reset == Some(direction) {
            // Who goes on has not reset the connection: the reset was forged.
            self.reset = None;
        }
        let (this, that) = both(&mut self.sides, direction);
        let (takes_a_place, tells) = (UtpSide::carries(held), this.may_be_of_it(packet.seq_nr));
        if self.pending.is_empty() && that.lacked_by(held).is_none() {
            if tells {
                that.acknowledge(at, &packet, limits, &mut |item| emit(reverse, item));
            }
            if takes_a_place {
                PendingSide::receive(this, at, held, limits, &mut |item| emit(direction, item));
            }
            return;
        }
        let mut out = Vec::new();
        if tells {
            that.acknowledge(at, &packet, limits, &mut |item| out.push((reverse, item)));
        }
        let mut ends = Ends { sides: &mut self.sides, path: &self.path, limits: *limits };
        if takes_a_place {
            self.pending.push((at, direction, *held), &mut ends, 0, &mut out);
        } else {
            self.pending.open(Some(at), &mut ends, 0, &mut out);
        }
        out.into_iter().for_each(|(direction, item)| emit(direction, item));
    }
}

/// Payload bytes on the wire.
fn payload_len(held: &HeldPacket<'_>) -> u64 {
    u64::from(held.packet.payload.wire_len)
}

/// The element of `both` for `direction`.
fn of<T>(both: &mut [T; 2], direction: Direction) -> &mut T {
    let [low, high] = both;
    match direction {
        Direction::LowToHigh => low,
        Direction::HighToLow => high,
    }
}

// Rationale: what a tap may miss at the beginning; another answer is as near once in 1,024.
const BEHIND_ANSWER: u16 = 64;
// Rationale: a kilobyte, as much as sixteen slices.
const CANDIDATE: usize = 16;
// Rationale: an id (2^-15) and two acknowledgements each way (16 bits each, 1 in 15) that agree by chance: 2^-30.
const MUTUAL_PACKETS: u32 = 2;
// Rationale: three steps of exactly one, with clocks right to 10 s (1 in 200), agree by chance once in 2^70.
const RUN_PACKETS: u32 = 4;
// Rationale: a whole window may be unacknowledged; packets just ahead may be missing from the capture.
const ACK_REACH: std::ops::RangeInclusive<i16> = -4_096..=256;
// Rationale: as for acknowledgements; a wider step starts the evidence anew.
const REORDER_REACH: u16 = 4_096;
// Rationale: capture clocks are batched, and senders stall; chance agreement stays at 1 in 200.
const CLOCK_TOLERANCE_US: u64 = 10_000_000;
