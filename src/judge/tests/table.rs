//! A unit of four blocks, whoever sent them, and bytes to ask.

use std::ops::Range;

use super::*;
use crate::Error;
use crate::ends::{At, Endpoint, FrameId, Span, Timestamp};
use crate::facts::{Digests, Place, Run, Second};
use crate::judge::{Measure, Record, TransferKey};
use crate::prove::sha1;

pub(super) const BLOCK: u64 = 16;

/// The unit: 64 bytes, none like the one before.
pub(super) static GOOD: [u8; 64] = {
    let mut bytes = [0; 64];
    let mut at = 0;
    while at < 64 {
        bytes[at] = (at * 37 % 251) as u8;
        at += 1;
    }
    bytes
};

/// The bytes that parts name.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    bytes: Vec<u8>,
    /// Set if all bytes have the SHA-1 of the unit.
    pub(super) collides: bool,
}

impl Shelf {
    fn read(&self, parts: &Parts, range: &Range<u32>) -> Vec<(u32, u8)> {
        let slices = parts.within(range);
        slices
            .flat_map(|slice| {
                let at = slice.place.offset as usize;
                let bytes = self.bytes[at..at + slice.len as usize].to_vec();
                (slice.start..).zip(bytes)
            })
            .collect()
    }
}

impl Ask for Shelf {
    fn digests(&mut self, copy: &Parts, measure: &Measure) -> Digests {
        let bytes: Vec<u8> = self.read(copy, &measure.range).into_iter().map(|(_, byte)| byte).collect();
        let bytes = if self.collides { GOOD.to_vec() } else { bytes };
        Digests { sha1: Some(sha1(&[&bytes])), ..Digests::default() }
    }

    fn sums(&mut self, content: &Parts, measure: &Measure) -> Option<([u8; 20], [u8; 32])> {
        let bytes: Vec<u8> = self.read(content, &measure.range).into_iter().map(|(_, byte)| byte).collect();
        Some((sha1(&[&bytes]), crate::prove::sha256(&[&bytes])))
    }

    fn same(&mut self, one: &Parts, other: &Parts, range: Range<u32>) -> bool {
        let own = self.read(one, &range);
        own.len() == range.len() && own == self.read(other, &range)
    }

    fn is_trivial(&mut self, parts: &Parts) -> bool {
        let bytes = self.read(parts, &(0..u32::MAX));
        bytes.windows(2).all(|pair| pair[0].1 == pair[1].1)
    }

    fn non_zero(&mut self, parts: &Parts) -> u64 {
        self.read(parts, &(0..u32::MAX)).iter().filter(|(_, byte)| *byte != 0).count() as u64
    }

    fn damaged(&mut self, suspects: &[Suspect]) -> Result<Vec<Option<Reason>>, Error> {
        Ok(vec![None; suspects.len()])
    }
}

/// Shares of one unit.
pub(super) struct Table {
    pub(super) shelf: Shelf,
    pub(super) shares: Vec<Share>,
    pub(super) records: Vec<Record>,
    pub(super) doubts: Vec<Doubt>,
    pub(super) measure: Measure,
    pub(super) piece: PieceDoubt,
    pub(super) known: bool,
    /// How far each sender's stream is.
    sent: Vec<u64>,
    receivers: Vec<u16>,
}

/// A block of the unit, as it is in the torrent.
pub(super) fn good(block: u32) -> (u32, Vec<u8>) {
    let start = block as usize * BLOCK as usize;
    (block, GOOD[start..start + BLOCK as usize].to_vec())
}

/// A good block with a wrong byte.
pub(super) fn bad(block: u32) -> (u32, Vec<u8>) {
    let (block, mut bytes) = good(block);
    bytes[5] ^= 1;
    (block, bytes)
}

impl Table {
    /// So many senders, each with a connection of its own to one receiver.
    pub(super) fn new(senders: usize) -> Self {
        let key = |number: usize| TransferKey {
            uploader: Endpoint { ip: [192, 0, 2, 1].into(), port: 6_881 },
            downloader: Endpoint { ip: [192, 0, 2, 200].into(), port: 50_000 + number as u16 },
            transport: Transport::Tcp,
            torrent: TorrentKey::Given(crate::torrent::TorrentId(0)),
        };
        Self {
            shelf: Shelf::default(),
            shares: Vec::new(),
            records: (0..senders).map(|number| Record::new(key(number))).collect(),
            doubts: Vec::new(),
            measure: Measure { range: 0..64, pads: RangeSet::default(), expected: Expected::Sha1(sha1(&[&GOOD])) },
            piece: PieceDoubt::default(),
            known: true,
            sent: vec![68; senders],
            receivers: vec![0; senders],
        }
    }

    /// From now on, and for all that it sent so far, this sender has another receiver.
    pub(super) fn to(&mut self, sender: usize, receiver: u16) {
        self.receivers[sender] = receiver;
        let own = |share: &&mut Share| share.transfer.0 as usize == sender;
        self.shares.iter_mut().filter(own).for_each(|share| share.receiver.1 = Some(receiver));
    }

    pub(super) fn send(&mut self, sender: usize, blocks: impl IntoIterator<Item = (u32, Vec<u8>)>) {
        for (block, bytes) in blocks {
            self.send_bytes(sender, block * BLOCK as u32, &bytes);
        }
    }

    /// The first bytes of a block; the others were not captured.
    pub(super) fn send_part(&mut self, sender: usize, block: u32, len: u32) {
        let (_, bytes) = good(block);
        self.send_bytes(sender, block * BLOCK as u32, &bytes[..len as usize]);
        if let Some(share) = self.shares.last_mut() {
            share.whole = u64::from(len) == BLOCK;
        }
    }

    pub(super) fn send_bytes(&mut self, sender: usize, begin: u32, bytes: &[u8]) {
        let number = self.shares.len() as u64;
        let frame = FrameId::new(0, number + 1);
        let place = Place { store: 0, offset: self.shelf.bytes.len() as u64 };
        let parts = Parts::of_slice(Slice { start: begin, len: bytes.len() as u32, place, frame });
        self.shelf.bytes.extend_from_slice(bytes);
        let offset = self.sent[sender] + 13;
        self.sent[sender] = offset + bytes.len() as u64;
        let connection = ConnectionId(sender as u64 + 1);
        self.shares.push(Share {
            id: BlockId(number),
            transfer: TransferId(sender as u32),
            receiver: ([192, 0, 2, 200].into(), Some(self.receivers[sender])),
            begin,
            ranges: parts.ranges(),
            parts,
            whole: true,
            span: Span::single(At { time: Timestamp(number as i64), frame }),
            requested: None,
            advertised: None,
            stream: (connection, Direction::LowToHigh, offset..self.sent[sender]),
            place: 0,
            framing: Framing::InSync,
            named: true,
            half_unknown: false,
        });
    }

    /// The middle of a share is in doubt.
    pub(super) fn doubt(&mut self, connection: u64, share: usize, reason: Reason) {
        let stretch = self.shares[share].stream.2.clone();
        let scope =
            Scope::Stretch(ConnectionId(connection), Direction::LowToHigh, stretch.start + 3..stretch.start + 4);
        self.doubts.push(Doubt { scope, reason, second: None });
    }

    /// All bytes of a share were sent again, as these.
    pub(super) fn second_version(&mut self, share: usize, bytes: Vec<u8>) {
        self.second_part(share, 0, &bytes);
    }

    /// Bytes of a share were sent again from this one on, as these.
    pub(super) fn second_part(&mut self, share: usize, at: u64, bytes: &[u8]) {
        let start = self.shares[share].stream.2.start + at;
        let place = Place { store: 0, offset: self.shelf.bytes.len() as u64 };
        let len = bytes.len() as u32;
        let run = Run { start: 0, len, stream: start, place, frame: FrameId::new(0, 99), head: 0 };
        self.shelf.bytes.extend_from_slice(bytes);
        let scope = Scope::Stretch(ConnectionId(1), Direction::LowToHigh, start..start + u64::from(len));
        self.doubts.push(Doubt {
            scope,
            reason: Reason::OtherVersion,
            second: Some(Second { run, time: Timestamp(0) }),
        });
    }

    pub(super) fn contents(&mut self) -> Contents {
        let doubts = Doubts::of(self.doubts.clone(), |_| true, &mut Vec::new());
        let bench = Bench { doubts: &doubts, records: &self.records };
        Contents::of(&self.measure, false, &self.shares, None, &bench, &mut self.shelf)
    }

    pub(super) fn outcome(&mut self, contents: &Contents) -> Outcome {
        let doubts = Doubts::of(self.doubts.clone(), |_| true, &mut Vec::new());
        let bench = Bench { doubts: &doubts, records: &self.records };
        classes(contents, &self.shares, self.known, self.piece, &bench, &mut self.shelf)
    }

    /// Class and reason of each part of a share, in order of arrival.
    pub(super) fn rulings_of(&mut self, contents: &Contents) -> Vec<(Class, Why)> {
        let outcome = self.outcome(contents);
        outcome.rulings.iter().map(|ruling| (ruling.class, ruling.why)).collect()
    }

    pub(super) fn rulings(&mut self) -> Vec<(Class, Why)> {
        let contents = self.contents();
        self.rulings_of(&contents)
    }

    /// Verified bytes by sender.
    pub(super) fn credited(&mut self) -> Vec<(u32, u64)> {
        let contents = self.contents();
        let outcome = self.outcome(&contents);
        let mut credited: Vec<(u32, u64)> =
            outcome.credits.iter().map(|credit| (credit.transfer.0, credit.ranges.total())).collect();
        credited.sort_unstable();
        credited
    }
}
