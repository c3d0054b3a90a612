//! Hosts that speak the peer wire over TCP, the packets they leave, and the truth of what they served.

use std::net::SocketAddr;

use super::capture::{self, Order, Record, Ticks};
use super::content::Torrent;
use super::frame::{self, Flags, Sum};
use super::wire;

/// One end of a connection: `A` opened it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    A,
    B,
}

impl Side {
    pub fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }

    fn index(self) -> usize {
        match self {
            Self::A => 0,
            Self::B => 1,
        }
    }
}

/// Names a connection of a [`World`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Conn(pub usize);

impl Conn {
    /// Stands for packets that belong to no TCP connection.
    pub const NONE: Self = Self(usize::MAX);
}

/// When a receiver acknowledges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acks {
    EverySegment,
    EverySend,
    Never,
}

/// A packet that can still be dropped, doubled, moved or changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    pub time: i64,
    /// Its IPv4 identification: a copy keeps it, a retransmission does not.
    pub id: u16,
    pub conn: Conn,
    pub side: Side,
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub body: Body,
    pub sum: Sum,
    /// Bytes of the frame that the capture keeps.
    pub snaplen: usize,
}

/// Contents of a packet above IP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    Tcp {
        seq: u32,
        ack: u32,
        flags: Flags,
        /// Place of the first payload byte in the stream.
        offset: u64,
        payload: Vec<u8>,
    },
    Udp {
        payload: Vec<u8>,
    },
}

impl Packet {
    pub fn payload(&self) -> &[u8] {
        match &self.body {
            Body::Tcp { payload, .. } | Body::Udp { payload } => payload,
        }
    }

    /// Place of the first payload byte in its TCP stream.
    pub fn offset(&self) -> Option<u64> {
        match &self.body {
            Body::Tcp { offset, .. } => Some(*offset),
            Body::Udp { .. } => None,
        }
    }

    pub fn flags(&self) -> Flags {
        match &self.body {
            Body::Tcp { flags, .. } => *flags,
            Body::Udp { .. } => Flags::default(),
        }
    }

    /// Returns true if the packet carries stream bytes of `conn` sent by `side`.
    pub fn is_data(&self, conn: Conn, side: Side) -> bool {
        self.conn == conn && self.side == side && !self.payload().is_empty()
    }

    /// Returns true if the packet carries the stream byte at `at` of `conn`, sent by `side`.
    pub fn holds(&self, conn: Conn, side: Side, at: u64) -> bool {
        let len = self.payload().len() as u64;
        self.is_data(conn, side) && self.offset().is_some_and(|from| (from..from + len).contains(&at))
    }

    pub fn ip(&self) -> Vec<u8> {
        let (protocol, segment) = match &self.body {
            Body::Tcp { seq, ack, flags, payload, .. } => {
                (6, frame::tcp(self.from, self.to, *seq, *ack, *flags, payload, self.sum))
            }
            Body::Udp { payload } => (17, frame::udp(self.from, self.to, payload, self.sum)),
        };
        frame::ip(self.from.ip(), self.to.ip(), protocol, self.id, &segment)
    }

    pub fn record(&self) -> Record {
        let mut bytes = frame::ethernet(&self.ip());
        let wire_len = bytes.len() as u32;
        bytes.truncate(self.snaplen);
        Record { time: self.time, bytes, wire_len }
    }
}

/// A `piece` message that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    pub conn: Conn,
    pub side: Side,
    pub uploader: SocketAddr,
    pub downloader: SocketAddr,
    pub piece: u32,
    pub begin: u32,
    pub len: u32,
    pub good: bool,
    /// Place of the first payload byte in the uploader's stream; the message begins 13 bytes before.
    pub offset: u64,
}

/// Connections, packets in the order of the wire, and the ledger of what was served.
#[derive(Clone, Debug)]
pub struct World {
    pub packets: Vec<Packet>,
    /// Every `piece` message, in the order sent.
    pub ledger: Vec<Sent>,
    /// The time of the next packet, ns.
    pub now: i64,
    /// Between two packets, ns.
    pub step: i64,
    /// Largest TCP payload of a packet.
    pub mss: usize,
    pub acks: Acks,
    conns: Vec<State>,
    /// Identification of the last packet.
    pushed: u16,
}

#[derive(Clone, Debug)]
struct State {
    ends: [SocketAddr; 2],
    /// Sequence number of the SYN.
    first: [u32; 2],
    /// Stream bytes sent.
    sent: [u64; 2],
    /// Stream bytes that the other side has acknowledged.
    acked: [u64; 2],
    /// Sequence numbers taken by the FIN.
    finished: [u32; 2],
}

impl State {
    fn seq(&self, side: Side, offset: u64) -> u32 {
        let side = side.index();
        self.first[side].wrapping_add(1).wrapping_add(offset as u32).wrapping_add(self.finished[side])
    }
}

/// 2023-11-14T22:13:20Z.
pub const START: i64 = 1_700_000_000_000_000_000;

impl Default for World {
    fn default() -> Self {
        Self {
            packets: Vec::new(),
            ledger: Vec::new(),
            now: START,
            step: 100_000,
            mss: 1_460,
            acks: Acks::EverySegment,
            conns: Vec::new(),
            pushed: 0,
        }
    }
}

impl World {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn acking(self, acks: Acks) -> Self {
        Self { acks, ..self }
    }

    pub fn segments_of(self, mss: usize) -> Self {
        Self { mss, ..self }
    }

    /// The first packet is at `now`, ns.
    pub fn starting(self, now: i64) -> Self {
        Self { now, ..self }
    }

    /// Lets time pass without a packet.
    pub fn pass(&mut self, ns: i64) {
        self.now += ns;
    }

    /// A connection between two endpoints, not opened yet.
    pub fn conn(&mut self, a: SocketAddr, b: SocketAddr) -> Conn {
        let number = self.conns.len() as u32;
        self.conn_at(a, b, [1_000_000_u32.wrapping_mul(number + 1), 77_777_777_u32.wrapping_mul(number + 1)])
    }

    /// Opens a connection with the sequence numbers of both SYNs.
    pub fn conn_at(&mut self, a: SocketAddr, b: SocketAddr, first: [u32; 2]) -> Conn {
        self.conns.push(State { ends: [a, b], first, sent: [0; 2], acked: [0; 2], finished: [0; 2] });
        Conn(self.conns.len() - 1)
    }

    /// SYN, SYN-ACK, ACK.
    pub fn open(&mut self, conn: Conn) {
        let first = self.conns[conn.0].first;
        self.segment(conn, Side::A, first[0], 0, Flags::SYN, 0, Vec::new());
        self.segment(conn, Side::B, first[1], first[0].wrapping_add(1), Flags::SYN | Flags::ACK, 0, Vec::new());
        self.ack(conn, Side::A);
    }

    /// Opens a connection and sends both handshakes, `a`'s first.
    pub fn meet(&mut self, a: SocketAddr, b: SocketAddr, hash: [u8; 20], ids: [[u8; 20]; 2]) -> Conn {
        let conn = self.conn(a, b);
        self.open(conn);
        self.send(conn, Side::A, &wire::handshake(hash, ids[0]));
        self.send(conn, Side::B, &wire::handshake(hash, ids[1]));
        conn
    }

    /// Sends stream bytes in segments of at most [`mss`](Self::mss) bytes.
    pub fn send(&mut self, conn: Conn, side: Side, bytes: &[u8]) {
        let chunks = bytes.chunks(self.mss);
        let last = chunks.len().saturating_sub(1);
        for (index, chunk) in chunks.enumerate() {
            let state = &self.conns[conn.0];
            let offset = state.sent[side.index()];
            let seq = state.seq(side, offset);
            let flags = if index == last { Flags::ACK | Flags::PSH } else { Flags::ACK };
            let ack = self.ack_number(conn, side);
            self.conns[conn.0].sent[side.index()] += chunk.len() as u64;
            self.segment(conn, side, seq, ack, flags, offset, chunk.to_vec());
            if self.acks == Acks::EverySegment || (self.acks == Acks::EverySend && index == last) {
                self.ack(conn, side.other());
            }
        }
    }

    /// Sends a block as it is in the torrent.
    pub fn piece(&mut self, conn: Conn, side: Side, torrent: &Torrent, piece: u32, begin: u32, len: u32) {
        self.deliver(conn, side, piece, begin, torrent.block(piece, begin, len), true);
    }

    /// Sends a block of which one byte in the middle is wrong.
    pub fn bad_piece(&mut self, conn: Conn, side: Side, torrent: &Torrent, piece: u32, begin: u32, len: u32) {
        let mut bytes = torrent.block(piece, begin, len).to_vec();
        bytes[len as usize / 2] ^= 0x40;
        self.deliver(conn, side, piece, begin, &bytes, false);
    }

    /// Sends any bytes as a block; `good` is what the ledger says of them.
    pub fn deliver(&mut self, conn: Conn, side: Side, piece: u32, begin: u32, bytes: &[u8], good: bool) {
        let state = &self.conns[conn.0];
        self.ledger.push(Sent {
            conn,
            side,
            uploader: state.ends[side.index()],
            downloader: state.ends[side.other().index()],
            piece,
            begin,
            len: bytes.len() as u32,
            good,
            offset: state.sent[side.index()] + 13,
        });
        self.send(conn, side, &wire::piece(piece, begin, bytes));
    }

    /// `side` is asked for each usual block of `piece` and sends it.
    pub fn fetch(&mut self, conn: Conn, side: Side, torrent: &Torrent, piece: u32) {
        for (begin, len) in torrent.blocks(piece) {
            self.send(conn, side.other(), &wire::request(piece, begin, len));
            self.piece(conn, side, torrent, piece, begin, len);
        }
    }

    /// Sends bytes of the stream again, with the content `bytes`, from `offset` on, as one segment.
    pub fn retransmit(&mut self, conn: Conn, side: Side, offset: u64, bytes: &[u8]) {
        let seq = self.conns[conn.0].seq(side, offset);
        let ack = self.ack_number(conn, side);
        self.segment(conn, side, seq, ack, Flags::ACK | Flags::PSH, offset, bytes.to_vec());
    }

    /// An ACK of everything received, by `side`.
    pub fn ack(&mut self, conn: Conn, side: Side) {
        let state = &self.conns[conn.0];
        let offset = state.sent[side.index()];
        let seq = state.seq(side, offset);
        let ack = self.ack_number(conn, side);
        self.segment(conn, side, seq, ack, Flags::ACK, offset, Vec::new());
    }

    /// FIN by `side`, FIN by the other, the last ACK.
    pub fn close(&mut self, conn: Conn, side: Side) {
        for end in [side, side.other()] {
            let state = &self.conns[conn.0];
            let offset = state.sent[end.index()];
            let seq = state.seq(end, offset);
            let ack = self.ack_number(conn, end);
            self.segment(conn, end, seq, ack, Flags::FIN | Flags::ACK, offset, Vec::new());
            self.conns[conn.0].finished[end.index()] = 1;
        }
        self.ack(conn, side);
    }

    /// RST by `side`.
    pub fn reset(&mut self, conn: Conn, side: Side) {
        let state = &self.conns[conn.0];
        let offset = state.sent[side.index()];
        let seq = state.seq(side, offset);
        let ack = self.ack_number(conn, side);
        self.segment(conn, side, seq, ack, Flags::RST | Flags::ACK, offset, Vec::new());
    }

    /// A UDP datagram outside any connection of this world.
    pub fn datagram(&mut self, from: SocketAddr, to: SocketAddr, payload: &[u8]) {
        let body = Body::Udp { payload: payload.to_vec() };
        self.push(Conn::NONE, Side::A, from, to, body);
    }

    /// Stream bytes that `side` has sent.
    pub fn sent(&self, conn: Conn, side: Side) -> u64 {
        self.conns[conn.0].sent[side.index()]
    }

    /// Drops the packets that `pick` names.
    pub fn drop(&mut self, pick: impl Fn(&Packet) -> bool) -> usize {
        let before = self.packets.len();
        self.packets.retain(|packet| !pick(packet));
        before - self.packets.len()
    }

    /// Keeps what one side of a connection sent; other connections stay whole.
    pub fn only(&mut self, conn: Conn, side: Side) {
        self.packets.retain(|packet| packet.conn != conn || packet.side == side);
    }

    /// Drops everything before the packet of `conn` and `side` that holds stream byte `at`.
    pub fn begin_at(&mut self, conn: Conn, side: Side, at: u64) {
        let start = self.packets.iter().position(|packet| packet.holds(conn, side, at)).expect("it was sent");
        self.packets.drain(..start);
    }

    /// Every packet twice, the copy right behind it and a microsecond later.
    pub fn double(&mut self) {
        let packets = std::mem::take(&mut self.packets);
        self.packets = packets
            .into_iter()
            .flat_map(|packet| [packet.clone(), Packet { time: packet.time + 1_000, ..packet }])
            .collect();
    }

    /// Changes each packet that `pick` names.
    pub fn change(&mut self, pick: impl Fn(&Packet) -> bool, change: impl Fn(&mut Packet)) -> usize {
        let mut changed = 0;
        for packet in self.packets.iter_mut().filter(|packet| pick(packet)) {
            change(packet);
            changed += 1;
        }
        changed
    }

    /// Moves the packet at `from` to `to`; the times stay in order.
    pub fn shift(&mut self, from: usize, to: usize) {
        let packet = self.packets.remove(from);
        self.packets.insert(to, packet);
        self.retime();
    }

    /// Swaps neighbours that `pick` names (by index); the times stay in order.
    pub fn swap(&mut self, mut pick: impl FnMut(usize) -> bool) {
        let mut index = 0;
        while index + 1 < self.packets.len() {
            if pick(index) {
                self.packets.swap(index, index + 1);
                index += 1;
            }
            index += 1;
        }
        self.retime();
    }

    /// Cuts every frame to `len` bytes.
    pub fn snap(&mut self, len: usize) {
        self.packets.iter_mut().for_each(|packet| packet.snaplen = len);
    }

    pub fn records(&self) -> Vec<Record> {
        self.packets.iter().map(Packet::record).collect()
    }

    /// As nanosecond pcap, little-endian.
    pub fn pcap(&self) -> Vec<u8> {
        capture::pcap(&self.records(), capture::LINK_ETHERNET, Order::Little, Ticks::Nanos)
    }

    /// As nanosecond pcapng, little-endian.
    pub fn pcapng(&self) -> Vec<u8> {
        capture::pcapng(&self.records(), capture::LINK_ETHERNET, Order::Little, Ticks::Nanos)
    }

    /// Gives the packets the times that they had, in the present order.
    fn retime(&mut self) {
        let mut times: Vec<i64> = self.packets.iter().map(|packet| packet.time).collect();
        times.sort_unstable();
        self.packets.iter_mut().zip(times).for_each(|(packet, time)| packet.time = time);
    }

    /// Everything that `side` has received, and it says so.
    fn ack_number(&mut self, conn: Conn, side: Side) -> u32 {
        let state = &mut self.conns[conn.0];
        let peer = side.other();
        if self.acks != Acks::Never {
            state.acked[peer.index()] = state.sent[peer.index()];
        }
        state.seq(peer, state.acked[peer.index()])
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of a segment")]
    fn segment(&mut self, conn: Conn, side: Side, seq: u32, ack: u32, flags: Flags, offset: u64, payload: Vec<u8>) {
        let ends = self.conns[conn.0].ends;
        let body = Body::Tcp { seq, ack, flags, offset, payload };
        self.push(conn, side, ends[side.index()], ends[side.other().index()], body);
    }

    fn push(&mut self, conn: Conn, side: Side, from: SocketAddr, to: SocketAddr, body: Body) {
        let time = self.now;
        self.now += self.step;
        self.pushed = self.pushed.wrapping_add(1);
        let id = self.pushed;
        self.packets.push(Packet { time, id, conn, side, from, to, body, sum: Sum::Right, snaplen: usize::MAX });
    }
}
