//! IP reassembly (RFC 791, section 3.2; RFC 8200, section 4.5) in a bounded table.
//!
//! A datagram of which two fragments contradict each other is left out, as RFC 5722 asks of a receiver: nothing here
//! tells whose version is right, and a peer would be accused of the other. A fragment that the snap length cut still
//! takes its place: the datagram then has a shorter captured prefix than its length on the wire.
//!
//! The checksum decides, where it can, if fragments that fit together belong together, see
//! [`Doubt`](super::doubt::Doubt).

use std::collections::VecDeque;
use std::net::IpAddr;

use foldhash::quality::RandomState;
use hashbrown::HashMap;

use super::cut::Cut;
use super::decoder::Store;
use super::ip::FragmentPlace;
use super::pieces::{Added, Pieces};
use crate::ends::{At, Span};
use crate::limits::REMEMBERED_DATAGRAMS;
use crate::oddity::{Bound, Oddity, Sink};
use crate::{Error, Limits};

/// The fields that fragments of one datagram share, and those of another do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub source: IpAddr,
    pub destination: IpAddr,
    pub id: u32,
    /// Part of the key in IPv4 only; 0 for IPv6, where only the first fragment is asked for it.
    pub protocol: u8,
    /// The tunnels around it.
    pub path: u32,
}

/// A datagram put together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Whole<'cap> {
    /// Protocol number that the first fragment names.
    pub protocol: u8,
    pub payload: Cut<'cap>,
    /// From its first to its last fragment.
    pub span: Span,
}

/// Datagrams under reassembly, oldest first, and a few finished ones to know their duplicates by.
///
/// # Invariants
/// - `open.len() <= limits.fragments_open`, and the bytes held are at most `limits.fragment_bytes` plus one fragment.
/// - Every entry of `open` is in `order` with its serial; `order` may hold stale serials besides.
#[derive(Debug)]
pub(super) struct Fragments {
    open: HashMap<Key, OpenDatagram, RandomState>,
    order: VecDeque<(u64, Key)>,
    done: VecDeque<(Key, At, Pieces)>,
    spare: Vec<Pieces>,
    serial: u64,
    bytes: usize,
    max_open: usize,
    max_bytes: usize,
    /// Fragments that only repeated what was there.
    pub duplicates: u64,
    /// Datagrams completed.
    pub completed: u64,
}

#[derive(Debug)]
struct OpenDatagram {
    serial: u64,
    protocol: u8,
    span: Span,
    /// Two fragments contradict each other.
    contradicted: bool,
    pieces: Pieces,
}

impl Fragments {
    pub fn new(limits: &Limits) -> Self {
        Self {
            open: HashMap::with_hasher(RandomState::default()),
            order: VecDeque::new(),
            done: VecDeque::new(),
            spare: Vec::new(),
            serial: 0,
            bytes: 0,
            max_open: limits.fragments_open.max(1),
            max_bytes: limits.fragment_bytes,
            duplicates: 0,
            completed: 0,
        }
    }

    /// Places one fragment; gives the datagram when this completes it.
    ///
    /// # Errors
    /// Those of `store`.
    #[expect(clippy::too_many_arguments, reason = "one fragment, and where its outcome goes")]
    pub fn add<'cap>(
        &mut self,
        key: Key,
        place: FragmentPlace,
        protocol: u8,
        payload: Cut<'_>,
        at: At,
        store: &dyn Store<'cap>,
        out: &mut dyn Sink,
    ) -> Result<Option<Whole<'cap>>, Error> {
        let end = place.offset + payload.wire;
        if payload.wire == 0 || end > MAX_DATAGRAM || (place.more && !payload.wire.is_multiple_of(8)) {
            let oddity = Oddity::BadFragment { len: payload.wire as u64, offset: place.offset as u64 };
            out.odd(oddity.at(at).hosts(key.source, key.destination));
            return Ok(None);
        }
        self.expire(at, out);
        if !self.open.contains_key(&key) && self.is_repeat(&key, place, payload, at) {
            self.duplicates += 1;
            return Ok(None);
        }
        self.make_room(&key, payload.bytes.len(), at, out);
        let entry = match self.open.entry(key) {
            hashbrown::hash_map::Entry::Occupied(entry) => entry.into_mut(),
            hashbrown::hash_map::Entry::Vacant(entry) => {
                self.serial += 1;
                self.order.push_back((self.serial, key));
                let pieces = self.spare.pop().unwrap_or_default();
                let span = Span::single(at);
                entry.insert(OpenDatagram { serial: self.serial, protocol, span, contradicted: false, pieces })
            }
        };
        entry.span.cover(at);
        if place.offset == 0 && !entry.pieces.has_start() {
            entry.protocol = protocol;
        }
        let before = entry.pieces.cost();
        let added = entry.pieces.add(place.offset, payload, place.more);
        self.bytes += entry.pieces.cost() - before;
        match added {
            Added::New => {}
            Added::Repeat => self.duplicates += 1,
            Added::Conflict => {
                entry.contradicted = true;
                let oddity = Oddity::FragmentConflict { offset: place.offset as u64 };
                out.odd(oddity.within(entry.span).hosts(key.source, key.destination));
            }
            Added::TooMany => {
                let occurrence = Oddity::from(Bound::DatagramFragments).within(entry.span);
                out.odd(occurrence.hosts(key.source, key.destination));
            }
        }
        if !entry.pieces.is_complete() {
            return Ok(None);
        }
        self.complete(&key, at, store)
    }

    fn complete<'cap>(&mut self, key: &Key, at: At, store: &dyn Store<'cap>) -> Result<Option<Whole<'cap>>, Error> {
        let Some(datagram) = self.open.remove(key) else { return Ok(None) };
        self.bytes -= datagram.pieces.cost();
        if datagram.contradicted {
            // The conflict was told when it was met.
            self.recycle(datagram.pieces);
            return Ok(None);
        }
        self.completed += 1;
        let bytes = store.store(&datagram.pieces.prefix())?;
        let payload = Cut::new(bytes, datagram.pieces.covered());
        if self.done.len() >= REMEMBERED_DATAGRAMS
            && let Some((_, _, pieces)) = self.done.pop_front()
        {
            self.recycle(pieces);
        }
        self.done.push_back((*key, at, datagram.pieces));
        self.compact();
        Ok(Some(Whole { protocol: datagram.protocol, payload, span: datagram.span }))
    }

    /// Returns true if the fragment belongs to a datagram that was just completed: the second copy of a SPAN
    /// double.
    fn is_repeat(&self, key: &Key, place: FragmentPlace, payload: Cut<'_>, at: At) -> bool {
        self.done.iter().any(|(done, when, pieces)| {
            done == key
                && at.time.0.abs_diff(when.time.0) <= REPEAT_NS
                && pieces.holds(place.offset, payload, place.more)
        })
    }

    /// Gives up what is too old to be completed: its identification may be in use again.
    fn expire(&mut self, at: At, out: &mut dyn Sink) {
        while let Some((serial, key)) = self.order.front().copied() {
            let age = match self.open.get(&key) {
                Some(datagram) if datagram.serial == serial => at.time.0.saturating_sub(datagram.span.first.time.0),
                _ => i64::MAX,
            };
            if age <= LIFETIME_NS {
                break;
            }
            self.give_up_oldest(out);
        }
    }

    fn make_room(&mut self, key: &Key, len: usize, at: At, out: &mut dyn Sink) {
        while !self.order.is_empty()
            && (self.bytes + len > self.max_bytes
                || (self.open.len() >= self.max_open && !self.open.contains_key(key)))
        {
            if self.give_up_oldest(out) {
                out.odd(Oddity::from(Bound::Fragments).at(at).hosts(key.source, key.destination));
            }
        }
    }

    /// Drops the oldest entry in `order`; true if a datagram that is not complete was given up with it.
    fn give_up_oldest(&mut self, out: &mut dyn Sink) -> bool {
        let Some((serial, key)) = self.order.pop_front() else { return false };
        if self.open.get(&key).is_none_or(|datagram| datagram.serial != serial) {
            return false;
        }
        let Some(datagram) = self.open.remove(&key) else { return false };
        self.bytes -= datagram.pieces.cost();
        let covered = datagram.pieces.covered() as u64;
        let total = datagram.pieces.total().map(|total| total as u64);
        let oddity = Oddity::Incomplete { covered, total };
        out.odd(oddity.within(datagram.span).hosts(key.source, key.destination));
        self.recycle(datagram.pieces);
        true
    }

    /// Reports what the capture never completed.
    pub fn finish(&mut self, out: &mut dyn Sink) {
        while !self.order.is_empty() {
            self.give_up_oldest(out);
        }
    }

    fn recycle(&mut self, mut pieces: Pieces) {
        if self.spare.len() < REMEMBERED_DATAGRAMS {
            pieces.clear();
            self.spare.push(pieces);
        }
    }

    /// Drops stale serials once they outnumber the live ones.
    fn compact(&mut self) {
        if self.order.len() > 2 * self.open.len() + REMEMBERED_DATAGRAMS {
            self.order.retain(|(serial, key)| self.open.get(key).is_some_and(|entry| entry.serial == *serial));
        }
    }
}

const MAX_DATAGRAM: usize = 65_535;
// Rationale: what Linux waits; RFC 8200 allows 60 s, but a 16-bit identification comes round sooner.
const LIFETIME_NS: i64 = 30_000_000_000;
// Rationale: a mirror port's second copy comes within milliseconds; an identification returns after 65,536 datagrams.
const REPEAT_NS: u64 = 100_000_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::anomaly::{Anomalies, Kind};
    use crate::packet::testing::{Leak, at};

    const KEY: Key = Key {
        source: IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)),
        destination: IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2)),
        id: 7,
        protocol: 17,
        path: 0,
    };

    struct Table(Fragments, Anomalies, u64);

    impl Table {
        fn new(limits: &Limits) -> Self {
            Self(Fragments::new(limits), Anomalies::default(), 0)
        }

        fn add(&mut self, id: u32, offset: usize, bytes: &[u8], wire: usize, more: bool) -> Option<Whole<'static>> {
            self.2 += 1;
            let place = FragmentPlace { id, offset, more };
            let key = Key { id, ..KEY };
            self.0
                .add(key, place, 17, Cut::new(bytes, wire), at(self.2), &Leak, &mut self.1)
                .expect("store cannot fail")
        }

        fn count(&self, kind: Kind) -> u64 {
            self.1.tally(kind).map_or(0, |tally| tally.count)
        }
    }

    #[test]
    fn fragments_in_any_order_give_one_datagram() {
        let content: Vec<u8> = (0..40).collect();
        let parts = [(0, 16, true), (16, 32, true), (32, 40, false)];
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let mut table = Table::new(&Limits::default());
            let outcomes = order.map(|n: usize| {
                let (from, to, more) = parts[n];
                table.add(1, from, &content[from..to], to - from, more)
            });
            assert!(outcomes[0].is_none() && outcomes[1].is_none());
            let whole = outcomes[2].expect("all parts are there");
            assert_eq!((whole.payload.bytes, whole.payload.wire), (&content[..], 40));
        }
    }

    #[test]
    fn a_span_double_of_every_fragment_gives_one_datagram_and_no_anomaly() {
        let mut table = Table::new(&Limits::default());
        assert!(table.add(1, 0, &[1; 8], 8, true).is_none());
        assert!(table.add(1, 0, &[1; 8], 8, true).is_none());
        assert!(table.add(1, 8, &[2; 3], 3, false).is_some());
        assert!(table.add(1, 8, &[2; 3], 3, false).is_none());
        table.0.finish(&mut table.1);
        assert_eq!(table.1, Anomalies::default());
        assert_eq!(table.0.duplicates, 2);
    }

    #[test]
    fn an_overlap_with_other_content_leaves_the_datagram_out_and_is_told() {
        let mut table = Table::new(&Limits::default());
        table.add(1, 0, &[1; 16], 16, true);
        assert!(table.add(1, 8, &[2; 16], 16, false).is_none());
        assert_eq!((table.count(Kind::FragmentConflict), table.0.open.len(), table.0.bytes), (1, 0, 0));
        table.add(2, 0, &[1; 16], 16, true);
        let whole = table.add(2, 8, &[1; 16], 16, false).expect("an overlap that agrees is none to worry about");
        assert_eq!(whole.payload.bytes, [1; 24]);
    }

    #[test]
    fn a_cut_fragment_keeps_its_place_and_shortens_the_captured_prefix() {
        let mut table = Table::new(&Limits::default());
        table.add(1, 0, &[1; 10], 16, true);
        let whole = table.add(1, 16, &[2; 5], 5, false).expect("complete on the wire");
        assert_eq!((whole.payload.bytes, whole.payload.wire), (&[1; 10][..], 21));
    }

    #[test]
    fn unfinished_datagrams_are_reported_with_their_bytes() {
        let mut table = Table::new(&Limits::default());
        table.add(1, 0, &[1; 16], 16, true);
        table.add(2, 8, &[1; 8], 8, false);
        table.0.finish(&mut table.1);
        let tally = table.1.tally(Kind::IncompleteFragments).expect("two are unfinished");
        assert_eq!((tally.count, tally.amount), (2, 24));
    }

    #[test]
    fn a_flood_of_first_fragments_stays_within_the_limits_and_is_reported() {
        let limits = Limits { fragments_open: 10, fragment_bytes: 1_000, ..Limits::default() };
        let mut table = Table::new(&limits);
        for id in 0..10_000 {
            assert!(table.add(id, 0, &[0; 400], 400, true).is_none());
            assert!(table.0.open.len() <= 10 && table.0.bytes <= 1_500 && table.0.order.len() <= 64);
        }
        table.0.finish(&mut table.1);
        assert_eq!(table.count(Kind::IncompleteFragments), 10_000);
        assert!(table.count(Kind::LimitReached) > 9_000);
    }

    #[test]
    fn completed_datagrams_leave_nothing_behind_even_with_one_stuck() {
        let mut table = Table::new(&Limits::default());
        table.add(0, 0, &[0; 8], 8, true);
        for id in 1..5_000 {
            table.add(id, 0, &[0; 8], 8, true);
            assert!(table.add(id, 8, &[0; 8], 8, false).is_some());
            assert!(table.0.order.len() < 64);
        }
    }
}
