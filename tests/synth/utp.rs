//! Peer wire over uTP (BEP 29): packets are numbered, not bytes.

use std::net::SocketAddr;

use super::content::Torrent;
use super::swarm::{Conn, Sent, Side, World};
use super::wire;

/// Types of BEP 29.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Data = 0,
    Fin = 1,
    State = 2,
    Reset = 3,
    Syn = 4,
}

/// A uTP connection; 0 is the end that opened it.
#[derive(Clone, Debug)]
pub struct UtpConn {
    ends: [SocketAddr; 2],
    /// `connection_id` that each end writes into its packets (the initiator's SYN carries the other's).
    ids: [u16; 2],
    /// Number of the next packet with data.
    next: [u16; 2],
    /// Stream bytes sent.
    sent: [u64; 2],
    /// Last number received in order.
    seen: [u16; 2],
    /// Largest payload of a packet.
    pub mtu: usize,
    /// Set if the receiver acknowledges each packet.
    pub acks: bool,
}

impl UtpConn {
    /// SYN with `seq_nr` first[0]; the answer STATE announces that data begins at first[1].
    pub fn open(world: &mut World, a: SocketAddr, b: SocketAddr, id: u16, first: [u16; 2]) -> Self {
        let mut conn = Self {
            ends: [a, b],
            ids: [id.wrapping_add(1), id],
            next: first,
            sent: [0; 2],
            seen: [first[1].wrapping_sub(1), first[0].wrapping_sub(1)],
            mtu: 1_382,
            acks: true,
        };
        let syn = header(Kind::Syn, 0, id, world.now, first[0], 0);
        world.datagram(a, b, &syn);
        conn.next[0] = first[0].wrapping_add(1);
        conn.seen[1] = first[0];
        conn.state(world, 1);
        conn
    }

    /// Sends stream bytes from end 0 or 1.
    pub fn send(&mut self, world: &mut World, end: usize, bytes: &[u8]) {
        for chunk in bytes.chunks(self.mtu) {
            self.packet(world, end, Kind::Data, chunk);
            self.seen[1 - end] = self.next[end].wrapping_sub(1);
            if self.acks {
                self.state(world, 1 - end);
            }
        }
    }

    /// A packet that takes a number, with any payload: DATA or FIN.
    pub fn packet(&mut self, world: &mut World, end: usize, kind: Kind, payload: &[u8]) {
        let mut bytes = header(kind, 0, self.ids[end], world.now, self.next[end], self.seen[end]);
        bytes.extend_from_slice(payload);
        world.datagram(self.ends[end], self.ends[1 - end], &bytes);
        self.next[end] = self.next[end].wrapping_add(1);
        self.sent[end] += payload.len() as u64;
    }

    /// Sends any bytes as a block; `good` is what the ledger says of them.
    pub fn deliver(&mut self, world: &mut World, end: usize, piece: u32, begin: u32, bytes: &[u8], good: bool) {
        world.ledger.push(Sent {
            conn: Conn::NONE,
            side: if end == 0 { Side::A } else { Side::B },
            uploader: self.ends[end],
            downloader: self.ends[1 - end],
            piece,
            begin,
            len: bytes.len() as u32,
            good,
            offset: self.sent[end] + 13,
        });
        self.send(world, end, &wire::piece(piece, begin, bytes));
    }

    /// A packet sent again under its old number.
    pub fn again(&mut self, world: &mut World, end: usize, seq: u16, payload: &[u8]) {
        let mut bytes = header(Kind::Data, 0, self.ids[end], world.now, seq, self.seen[end]);
        bytes.extend_from_slice(payload);
        world.datagram(self.ends[end], self.ends[1 - end], &bytes);
    }

    /// A packet with extensions: `chain` is `(kind, body)` in order. DATA and FIN take a number.
    pub fn extended(&mut self, world: &mut World, end: usize, kind: Kind, chain: &[(u8, &[u8])], payload: &[u8]) {
        let first = chain.first().map_or(0, |(kind, _)| *kind);
        let mut bytes = header(kind, first, self.ids[end], world.now, self.next[end], self.seen[end]);
        for (index, (_, body)) in chain.iter().enumerate() {
            bytes.extend_from_slice(&[chain.get(index + 1).map_or(0, |(kind, _)| *kind), body.len() as u8]);
            bytes.extend_from_slice(body);
        }
        bytes.extend_from_slice(payload);
        world.datagram(self.ends[end], self.ends[1 - end], &bytes);
        if matches!(kind, Kind::Data | Kind::Fin) {
            self.next[end] = self.next[end].wrapping_add(1);
            self.sent[end] += payload.len() as u64;
            self.seen[1 - end] = self.next[end].wrapping_sub(1);
        }
    }

    /// Notes a block that goes out by other means than [`deliver`](Self::deliver), as the next bytes.
    pub fn promise(&self, world: &mut World, end: usize, piece: u32, begin: u32, len: u32, good: bool) {
        world.ledger.push(Sent {
            conn: Conn::NONE,
            side: if end == 0 { Side::A } else { Side::B },
            uploader: self.ends[end],
            downloader: self.ends[1 - end],
            piece,
            begin,
            len,
            good,
            offset: self.sent[end] + 13,
        });
    }

    /// Both handshakes, a full bitfield of end 1, interest and unchoke.
    pub fn join(&mut self, world: &mut World, torrent: &Torrent, ids: [[u8; 20]; 2]) {
        self.send(world, 0, &wire::handshake(torrent.info_hash, ids[0]));
        self.send(world, 1, &wire::handshake(torrent.info_hash, ids[1]));
        self.send(world, 1, &wire::bitfield_full(torrent.pieces()));
        self.send(world, 0, &wire::interested());
        self.send(world, 1, &wire::unchoke());
    }

    /// End 0 asks for each usual block of `piece`, and end 1 sends it.
    pub fn fetch(&mut self, world: &mut World, torrent: &Torrent, piece: u32) {
        for (begin, len) in torrent.blocks(piece) {
            self.send(world, 0, &wire::request(piece, begin, len));
            self.deliver(world, 1, piece, begin, torrent.block(piece, begin, len), true);
        }
    }

    /// The acknowledgement of everything received in order.
    pub fn state(&mut self, world: &mut World, end: usize) {
        let bytes = header(Kind::State, 0, self.ids[end], world.now, self.next[end], self.seen[end]);
        world.datagram(self.ends[end], self.ends[1 - end], &bytes);
    }

    /// An acknowledgement up to `ack`, with a selective-ack extension: bit 0 of `mask` stands for `ack + 2`.
    pub fn sack(&mut self, world: &mut World, end: usize, ack: u16, mask: &[u8]) {
        let mut bytes = header(Kind::State, 1, self.ids[end], world.now, self.next[end], ack);
        bytes.extend_from_slice(&[0, mask.len() as u8]);
        bytes.extend_from_slice(mask);
        world.datagram(self.ends[end], self.ends[1 - end], &bytes);
    }

    /// FIN with `payload` (usually none), and its acknowledgement.
    pub fn close(&mut self, world: &mut World, end: usize, payload: &[u8]) {
        self.packet(world, end, Kind::Fin, payload);
        self.seen[1 - end] = self.next[end].wrapping_sub(1);
        self.state(world, 1 - end);
    }

    pub fn reset(&mut self, world: &mut World, end: usize) {
        let bytes = header(Kind::Reset, 0, self.ids[end], world.now, self.next[end], self.seen[end]);
        world.datagram(self.ends[end], self.ends[1 - end], &bytes);
    }

    /// The next packet of an end takes a number that was used before.
    pub fn rewind(&mut self, end: usize, seq: u16) {
        self.next[end] = seq;
    }

    /// Number of the next data packet of an end.
    pub fn next(&self, end: usize) -> u16 {
        self.next[end]
    }
}

/// A header whose first extension is `extension` (0: none).
pub fn header(kind: Kind, extension: u8, id: u16, now: i64, seq: u16, ack: u16) -> Vec<u8> {
    let micros = (now / 1_000) as u32;
    let mut out = vec![(kind as u8) << 4 | 1, extension];
    out.extend_from_slice(&id.to_be_bytes());
    out.extend_from_slice(&micros.to_be_bytes());
    out.extend_from_slice(&100_u32.to_be_bytes());
    out.extend_from_slice(&(1_u32 << 20).to_be_bytes());
    out.extend_from_slice(&seq.to_be_bytes());
    out.extend_from_slice(&ack.to_be_bytes());
    out
}
