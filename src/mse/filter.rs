//! The filter: holds the beginning of both directions until it is known what they are.

use super::allowance::Pool;
use super::classify::{Classification, Flights, basis, classify, may_be_key};
use super::decryption::{Decryption, ItemSink, Wire};
use super::handshake::{self, Fit, PLAINTEXT, Parsed, RC4};
use super::head::{FIRST_CLEAR, HEAD_BYTES, Head, Keyed, clear_handshake, keyed, shows_message};
use super::{Candidates, FIXED_LEN, KEY_LEN, MAX_FIRST, MIN_SECOND, MseOutcome};
use crate::Error;
use crate::ends::Direction;
use crate::limits::MSE_HELD_SEGMENTS;
use crate::packet::Store;
use crate::stream::{Missing, StreamItem};

/// Both directions of one connection that does not begin with a clear BitTorrent handshake.
///
/// # Invariants
/// - While the outcome is [`MseOutcome::Undecided`] nothing is passed on, and at most 1,024 items and the first
///   1,200 bytes of each direction are held. Afterwards nothing is held but for [`take_held`](Self::take_held).
/// - What is passed on keeps its direction's order, its offsets in the stream as captured, and its frames.
#[derive(Debug)]
pub struct MseFilter<'cap> {
    initiator: Option<Direction>,
    /// True if `initiator` is only the side that was seen first.
    assumed: bool,
    flights: Flights,
    heads: [Head; 2],
    held: Vec<(Direction, StreamItem<'cap>)>,
    sides: [Decryption; 2],
    fit: Option<Fit>,
    /// True if the responder's answer was captured before the bytes that it answers.
    disordered: bool,
    /// True once the responder's stream was searched for the torrent, which the initiator's does not tell.
    searched: bool,
    /// True if the search of the responder's stream lacked pairs of a secret and a torrent.
    untried: bool,
    /// True if both directions are read from the beginning of their peer wire on, in the order in which they spoke.
    whole: bool,
    outcome: MseOutcome,
    opaque: [u64; 2],
    /// True if the outcome was decided because too much was held.
    cut_short: bool,
    /// True if a part of the held bytes is missing, or has two versions.
    damaged: bool,
    /// True if a message of the peer wire stands in clear in the held bytes.
    messages: bool,
    /// True once nothing more can be waited for.
    finishing: bool,
    pool: Pool,
}

impl<'cap> MseFilter<'cap> {
    /// A connection that `initiator` opened; `None` when its opening (SYN, ST_SYN) is not in the capture: then MSE is
    /// only recognised with a secret, as it is not known whether the first captured bytes are the first ones.
    ///
    /// `pool` is the run's: passing over missing bytes costs as much as decrypting them.
    pub fn new(initiator: Option<Direction>, pool: &Pool) -> Self {
        Self {
            initiator,
            assumed: initiator.is_none(),
            flights: Flights::default(),
            heads: [Head::default(), Head::default()],
            held: Vec::new(),
            sides: [Decryption::Through, Decryption::Through],
            fit: None,
            disordered: false,
            searched: false,
            untried: false,
            whole: false,
            outcome: MseOutcome::Undecided,
            opaque: [0; 2],
            cut_short: false,
            damaged: false,
            messages: false,
            finishing: false,
            pool: pool.clone(),
        }
    }

    /// Takes the next item of one direction and appends to `out` what can be passed on.
    ///
    /// Decrypted bytes go to `store`. Items held while undecided are passed on with the first push after the decision
    /// at the latest. In RC4, a gap of known length costs only its bytes; after one of unknown length, or one that is out
    /// of proportion to what was captured, the direction is opaque. Where plaintext was selected and no secret fits, the initiator's direction is passed on from the
    /// earliest place at which its peer wire can be in clear; the rest of a late `IA` may still come before it.
    ///
    /// # Errors
    /// Those of `store`; nothing in a stream is an error.
    pub fn push(
        &mut self,
        direction: Direction,
        item: &StreamItem<'cap>,
        candidates: &Candidates<'_>,
        store: &dyn Store<'cap>,
        out: &mut Vec<(Direction, StreamItem<'cap>)>,
    ) -> Result<(), Error> {
        if self.outcome != MseOutcome::Undecided {
            self.release(store, out)?;
            return self.forward(direction, item, store, out);
        }
        self.hold(direction, item);
        self.decide(candidates);
        if self.outcome == MseOutcome::Undecided && self.held.len() >= MSE_HELD_SEGMENTS {
            self.cut_short = self.verdict() != Some(Classification::Unordered);
            self.finish(candidates);
        }
        if !matches!(self.outcome, MseOutcome::Undecided | MseOutcome::NotMse) {
            self.release(store, out)?;
        }
        Ok(())
    }

    /// Ends the connection: decides on what was seen, and passes on or counts what is held.
    ///
    /// # Errors
    /// Those of `store`.
    pub fn close(
        &mut self,
        candidates: &Candidates<'_>,
        store: &dyn Store<'cap>,
        out: &mut Vec<(Direction, StreamItem<'cap>)>,
    ) -> Result<(), Error> {
        if self.outcome == MseOutcome::Undecided {
            self.finish(candidates);
        }
        self.release(store, out)
    }

    /// The outcome for the connection, as far as it is known.
    pub fn outcome(&self) -> &MseOutcome {
        &self.outcome
    }

    /// Returns true if both directions are passed on from the beginning of their peer wire on, and in an order in
    /// which they can have been sent: a block without an earlier request is then unsolicited.
    pub fn is_whole(&self) -> bool {
        self.whole
    }

    /// The secret whose HASH('req1', S) the initiator sent, or that decrypts what the responder did, whatever came of
    /// it: it is not unused.
    pub fn secret(&self) -> Option<usize> {
        self.fit.map(|fit| fit.secret)
    }

    /// The info-hash that both ends used as SKEY, when a secret and a given torrent fit.
    pub fn info_hash(&self) -> Option<[u8; 20]> {
        self.fit.map(|fit| fit.skey).filter(|_| !matches!(self.outcome, MseOutcome::Opaque { .. }))
    }

    /// Captured bytes that could not be read, by [`Direction::index`]. MSE's own handshake counts only where nothing
    /// of the connection is readable.
    pub fn opaque_bytes(&self) -> [u64; 2] {
        self.opaque
    }

    /// Returns true if the outcome was decided before enough was seen, because no more could be held: an MSE
    /// handshake in more than a thousand segments and acknowledgements may be taken for another protocol.
    pub fn was_cut_short(&self) -> bool {
        self.cut_short
    }

    /// Returns true if not every secret was tried with every torrent, where only the responder's direction could
    /// tell: the connection may be encrypted BitTorrent that the secrets open.
    pub fn has_untried(&self) -> bool {
        self.untried
    }

    /// Returns true if a connection that is no MSE may still be a peer wire of which the beginning cannot be read:
    /// a part of it is missing or has two versions, it was [cut short](Self::was_cut_short), or messages stand in
    /// clear in it.
    pub fn may_be_clear(&self) -> bool {
        self.damaged || self.cut_short || self.messages
    }

    /// Returns true if a part could not be read because more keystream than is allowed would have to be passed over
    /// before it.
    pub fn is_too_far(&self) -> bool {
        self.sides.iter().any(|side| matches!(side, Decryption::TooFar))
    }

    /// Takes the items that are still held, in order of arrival, for a caller that goes on without the filter once
    /// the outcome is [`MseOutcome::NotMse`].
    pub fn take_held(&mut self) -> Vec<(Direction, StreamItem<'cap>)> {
        std::mem::take(&mut self.held)
    }

    fn hold(&mut self, direction: Direction, item: &StreamItem<'cap>) {
        self.held.push((direction, *item));
        self.damaged |= matches!(item, StreamItem::Gap { .. } | StreamItem::Conflict { .. });
        let Some(head) = self.heads.get_mut(direction.index()) else { return };
        match item {
            StreamItem::Data { bytes, .. } => {
                let initiator = *self.initiator.get_or_insert(direction);
                self.messages |= shows_message(bytes);
                if !head.ended {
                    let room = HEAD_BYTES.saturating_sub(head.bytes.len()).min(bytes.len());
                    head.bytes.extend_from_slice(bytes.get(..room).unwrap_or_default());
                }
                if direction == initiator {
                    self.flights.initiator_sent(bytes.len() as u64);
                } else {
                    self.flights.responder_sent(bytes.len() as u64);
                }
            }
            StreamItem::Gap { missing, .. } => {
                head.ended = true;
                let len = if let Missing::Bytes(bytes) = missing { *bytes } else { 0 };
                if self.initiator == Some(direction) {
                    self.flights.initiator_sent(len);
                } else if self.initiator.is_some() {
                    self.flights.responder_sent(len);
                }
            }
            StreamItem::End { .. } => head.ended = true,
            _ => {}
        }
    }

    fn decide(&mut self, candidates: &Candidates<'_>) {
        let Some(initiator) = self.initiator else { return };
        if !candidates.secrets().is_empty() && self.try_secrets(initiator, candidates) {
            return;
        }
        let [a, b] = [initiator.index(), initiator.reverse().index()];
        let [Some(first), Some(second)] = [self.heads.get(a), self.heads.get(b)] else { return };
        if self.assumed {
            return self.settle(MseOutcome::NotMse, [Decryption::Through, Decryption::Through]);
        }
        // What is missing before them comes late: the stream waits for it.
        let waits = !(self.damaged || self.finishing || (first.ended && second.ended));
        match classify(&first.bytes, &second.bytes, &self.flights) {
            Classification::Likely => {
                let (first, second) =
                    (clear_handshake(first, KEY_LEN + MIN_SECOND), clear_handshake(second, FIRST_CLEAR));
                self.without_key(initiator, first, second);
            }
            Classification::NotYet | Classification::Unordered if waits => {}
            Classification::NotYet | Classification::Unordered | Classification::No => {
                self.settle(MseOutcome::NotMse, [Decryption::Through, Decryption::Through]);
            }
        }
    }

    /// Classifies the beginnings, once the side that began is known.
    fn verdict(&self) -> Option<Classification> {
        let initiator = self.initiator?;
        let (first, second) = (self.heads.get(initiator.index())?, self.heads.get(initiator.reverse().index())?);
        Some(classify(&first.bytes, &second.bytes, &self.flights))
    }

    /// Reads the connection with the secrets; whether that decided it, or still may.
    fn try_secrets(&mut self, initiator: Direction, candidates: &Candidates<'_>) -> bool {
        // Without the opening it is not known who began, nor whether the first captured bytes are the first ones.
        let (from, roles) = match self.assumed {
            true => (0, vec![initiator, initiator.reverse()]),
            false => (KEY_LEN, vec![initiator]),
        };
        let found = match &self.fit {
            Some(fit) => Some((initiator, fit.place, fit.secret)),
            None => roles.iter().find_map(|role| {
                let (place, secret) = self.heads.get_mut(role.index())?.find_secret(from, candidates.secrets())?;
                Some((*role, place, secret))
            }),
        };
        let heads = |role: Direction| {
            let (a, b) = (role.index(), role.reverse().index());
            Some((self.heads.get(a)?, self.heads.get(b)?))
        };
        if let Some((role, place, secret)) = found {
            let Some((first, second)) = heads(role) else { return false };
            let keyed = keyed(first, second, from, place, secret, candidates);
            self.initiator = Some(role);
            self.disordered |= role != initiator || self.flights.responder_first;
            self.unlock(keyed, role);
            return true;
        }
        // What the initiator should have said is not in the capture: the responder's constant tells too. Of an opened
        // connection it may still come, where the clocks of two taps are apart.
        let silent = |role: &&Direction| {
            let lacks = |first: &Head| first.ended || (self.assumed && first.bytes.is_empty());
            heads(**role).is_some_and(|(first, second)| lacks(first) && second.is_final())
        };
        if !self.searched && roles.iter().any(|role| silent(&role)) {
            let answer = roles.iter().filter(silent).find_map(|role| {
                // Not for what begins as another protocol.
                let (_, second) = heads(*role).filter(|(_, second)| self.assumed || may_be_key(&second.bytes))?;
                Some((*role, handshake::find_answer(&second.bytes, from, candidates)?))
            });
            self.searched = true;
            self.untried = answer.is_none() && !candidates.are_complete();
            if let Some((role, (fit, answer))) = answer {
                self.unlock_answer(role, fit, answer);
                return true;
            }
        }
        // HASH('req1', S) is within the first 628 bytes: until they are there, a secret may still fit.
        let waits = |head: &Head| !head.is_final() && head.bytes.len() < MAX_FIRST + 20 && may_be_key(&head.bytes);
        heads(initiator).is_some_and(|(first, second)| {
            let other = (self.assumed && !second.bytes.is_empty()) || (first.ended && !self.searched);
            let hopeless = first.bytes.is_empty() && !may_be_key(&second.bytes);
            (waits(first) && !hopeless) || (other && waits(second))
        })
    }

    /// Decides a connection of which a secret is known, but only the responder's direction can be read.
    fn unlock_answer(&mut self, initiator: Direction, fit: Fit, answer: handshake::Answer) {
        let clear = answer.select == PLAINTEXT;
        // Where its own bytes do not show it: behind the shortest handshake, if the first byte is known.
        let least = if self.assumed { 0 } else { (KEY_LEN + MIN_SECOND) as u64 };
        let earliest = self.flights.second.unwrap_or(self.flights.initiator).max(least);
        let first = if clear { Decryption::Wire(Wire::clear(earliest)) } else { Decryption::Opaque };
        let outcome = if clear { MseOutcome::Plaintext } else { MseOutcome::Rc4 { secret: fit.secret } };
        (self.fit, self.initiator) = (Some(fit), Some(initiator));
        self.settle_by_role(
            outcome,
            initiator,
            [first, Decryption::Wire(Wire::of_answer(answer, clear, &self.pool))],
        );
    }

    /// Decides a connection that looks like MSE, by the clear handshakes found in it.
    fn without_key(&mut self, initiator: Direction, first: Parsed<u64>, second: Parsed<u64>) {
        let earliest = self.flights.second.unwrap_or(self.flights.initiator);
        let answered = self.flights.answer().unwrap_or(self.flights.responder) + FIXED_LEN as u64;
        let (from, back) = match (first, second) {
            (Parsed::Found(from), Parsed::Found(back)) => (from, back),
            (_, Parsed::Found(back)) => (earliest, back),
            (Parsed::Found(from), Parsed::No(_)) => (from, answered),
            // The handshake may be in what is missing: what follows tells whether it is in clear.
            (_, Parsed::No(_)) if self.damaged && self.messages => {
                return self.settle(MseOutcome::NotMse, [Decryption::Through, Decryption::Through]);
            }
            (_, Parsed::No(_)) if self.damaged && !self.finishing => return,
            (_, Parsed::No(_)) => {
                let basis = basis(&self.flights);
                return self.settle(MseOutcome::Opaque { basis }, [Decryption::Opaque, Decryption::Opaque]);
            }
            (_, Parsed::More) => return,
        };
        let sides = [Decryption::Wire(Wire::clear(from)), Decryption::Wire(Wire::clear(back))];
        self.settle_by_role(MseOutcome::Plaintext, initiator, sides);
    }

    /// Decides a connection of which a secret is known.
    fn unlock(&mut self, keyed: Keyed, initiator: Direction) {
        self.fit = Some(keyed.fit);
        let secret = keyed.fit.secret;
        let opaque = [Decryption::Opaque, Decryption::Opaque];
        let (opening, answer) = match keyed.found {
            Parsed::More => return,
            Parsed::No(reason) if keyed.named => {
                let basis = format!("a secret and a given torrent fit its hashes, but {reason}");
                return self.settle(MseOutcome::WrongSecret { secret, basis }, opaque);
            }
            Parsed::No(reason) => {
                let basis = format!("a secret fits, but {reason}");
                return self.settle(MseOutcome::Opaque { basis }, opaque);
            }
            Parsed::Found(found) => found,
        };
        let select = answer.as_ref().map_or(opening.provide, |answer| answer.select);
        let clear = match select {
            PLAINTEXT => true,
            RC4 => false,
            _ => {
                let basis =
                    "a secret fits, but which of plaintext and RC4 was selected is not in the capture or is \
                             neither"
                        .to_owned();
                return self.settle(MseOutcome::Opaque { basis }, opaque);
            }
        };
        let end = if clear { opening.start.saturating_add(opening.len) } else { u64::MAX };
        let first = Decryption::Wire(Wire::rc4(opening.start, end, opening.cipher, &self.pool));
        self.whole = answer.is_some() && !self.disordered;
        let second = answer
            .map_or(Decryption::Opaque, |answer| Decryption::Wire(Wire::of_answer(answer, clear, &self.pool)));
        let outcome = if clear { MseOutcome::Plaintext } else { MseOutcome::Rc4 { secret } };
        self.settle_by_role(outcome, initiator, [first, second]);
    }

    /// Decides on what was seen, as no more will be.
    fn finish(&mut self, candidates: &Candidates<'_>) {
        self.heads.iter_mut().for_each(|head| head.ended = true);
        self.finishing = true;
        self.decide(candidates);
        if self.outcome == MseOutcome::Undecided {
            self.settle(MseOutcome::NotMse, [Decryption::Through, Decryption::Through]);
        }
    }

    fn settle_by_role(&mut self, outcome: MseOutcome, initiator: Direction, [first, second]: [Decryption; 2]) {
        let sides = match initiator {
            Direction::LowToHigh => [first, second],
            Direction::HighToLow => [second, first],
        };
        self.settle(outcome, sides);
    }

    fn settle(&mut self, outcome: MseOutcome, sides: [Decryption; 2]) {
        self.outcome = outcome;
        self.sides = sides;
        self.heads = [Head::default(), Head::default()];
    }

    /// Passes on, or counts, what was held.
    fn release(
        &mut self,
        store: &dyn Store<'cap>,
        out: &mut Vec<(Direction, StreamItem<'cap>)>,
    ) -> Result<(), Error> {
        for (direction, item) in std::mem::take(&mut self.held) {
            self.forward(direction, &item, store, out)?;
        }
        Ok(())
    }

    fn forward(
        &mut self,
        direction: Direction,
        item: &StreamItem<'cap>,
        store: &dyn Store<'cap>,
        out: &mut Vec<(Direction, StreamItem<'cap>)>,
    ) -> Result<(), Error> {
        let mut sink = ItemSink { direction, store, out };
        if let Some(side) = self.sides.get_mut(direction.index()) {
            let opaque = side.forward(item, &mut sink)?;
            if let Some(count) = self.opaque.get_mut(direction.index()) {
                *count = count.saturating_add(opaque);
            }
        }
        Ok(())
    }
}
