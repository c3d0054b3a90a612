//! A small swarm played from a script, the damage done to its capture, and what may be said of it.
//!
//! Who never sent a wrong byte is never refuted, nobody is said to have served more than it sent, and of a capture
//! that nobody damaged every byte served is counted.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use arbitrary::Arbitrary;
use peerproof::ends::Endpoint;
use peerproof::evidence::Evidence;
use peerproof::{CaptureSet, Limits, Options, Secrets};

use crate::link::{Carrier, Link, side};
use crate::synth::capture::{LINK_ETHERNET, Order, Record, Ticks, pcap, pcapng};
use crate::synth::content::{Torrent, Version};
use crate::synth::frame::Sum;
use crate::synth::log::decides_nothing;
use crate::synth::mse::Mse;
use crate::synth::swarm::{Body, Sent, Side, World};
use crate::synth::utp::UtpConn;
use crate::synth::wire;
use crate::{run, torrents};

/// Events, in order.
#[derive(Arbitrary, Debug)]
pub struct Script {
    options: u8,
    given: u8,
    mss: u8,
    peers: [Peer; 3],
    steps: Vec<Step>,
    faults: Vec<Fault>,
}

/// A connection between two of four hosts.
#[derive(Arbitrary, Debug)]
struct Peer {
    ends: u8,
    /// Bits: uTP, no SYN, no handshake; MSE, its secret withheld, selects plaintext, handshake not in IA.
    how: u8,
    torrent: u8,
    first: [u32; 2],
}

#[derive(Arbitrary, Debug)]
enum Step {
    Say {
        peer: u8,
        back: bool,
        said: Said,
    },
    Fetch {
        peer: u8,
        back: bool,
        piece: u8,
        bad: Option<u8>,
    },
    Ask {
        peer: u8,
        back: bool,
        piece: u8,
        block: u8,
    },
    Block {
        peer: u8,
        back: bool,
        piece: u8,
        block: u8,
        how: u8,
        len: u16,
    },
    Again {
        peer: u8,
        back: bool,
        nth: u16,
        skip: u8,
        len: u8,
        altered: bool,
    },
    Raw {
        peer: u8,
        back: bool,
        bytes: Vec<u8>,
    },
    /// Metadata (BEP 9), and hashes (BEP 52): true ones, or with a wrong byte.
    Teach {
        peer: u8,
        back: bool,
        bad: bool,
    },
    /// A webseed answers one range of a file (BEP 19).
    Web {
        ends: u8,
        torrent: u8,
        file: u8,
        from: u16,
        len: u16,
        how: u8,
    },
    Close {
        peer: u8,
        back: bool,
    },
    Reset {
        peer: u8,
        back: bool,
    },
    Pass {
        ms: u32,
    },
    Datagram {
        from: u8,
        to: u8,
        bytes: Vec<u8>,
    },
}

#[derive(Arbitrary, Debug)]
enum Said {
    Keepalive,
    Choke,
    Unchoke,
    Interested,
    Have(u8),
    HaveAll,
    HaveNone,
    Bitfield,
    Cancel(u8, u8),
    Reject(u8, u8),
    AllowedFast(u8),
    Extended(u16),
    Metadata(u8),
    Pex([u8; 6]),
    Hashes(u8),
    Handshake,
    Other(u8, [u8; 4]),
}

#[derive(Arbitrary, Debug)]
enum Fault {
    Drop(u16),
    Double(u16),
    Shift(u16, u16),
    Swap(u16),
    Snap(u16, u8),
    Flip(u16, u16),
    Sum(u16),
    OneWay(u8, bool),
    Begin(u16),
}

struct Player {
    world: World,
    links: Vec<Option<Link>>,
    ends: Vec<[SocketAddr; 2]>,
    torrents: Vec<&'static Torrent>,
    /// Who sent bytes that are not the torrent's, or that are not the peer wire.
    dishonest: BTreeSet<SocketAddr>,
    /// Set if nothing but whole connections from their beginning was made, and all can be read.
    plain: bool,
    /// Torrents given, see [`torrents::given`].
    given: u8,
    /// A secrets file.
    secrets: String,
    webseeds: u16,
}

impl Script {
    /// Plays, damages, analyses and judges.
    pub fn play(self) {
        let (player, whole, captures) = self.played();
        let limits = if self.options & 1 == 0 { Limits::default() } else { run::tight() };
        let given = torrents::given(self.given);
        let policy = run::policy(self.options >> 1);
        let evidence = run::evidence(&captures, &given, &player.secrets(), &limits, policy);
        player.judge(&evidence.expect("a capture of the generator"), whole, self.options & 1 != 0);
    }

    /// Plays and damages; what was hashed meanwhile decides nothing.
    pub fn play_logged(self) {
        let (player, _, captures) = self.played();
        let named = captures.into_iter().enumerate().map(|(index, bytes)| (format!("{index}.pcap"), bytes));
        let captures = CaptureSet::from_bytes(named.collect()).expect("captures of the generator");
        let secrets = player.secrets();
        let checksums = run::policy(self.options >> 1);
        let options = Options { threads: 1, checksums, secrets: &secrets, digest: false, ..Options::default() };
        decides_nothing(&captures, &torrents::given(self.given), &options, "the swarm");
    }

    /// Plays the script: the player, true if none of it was damaged, and the captures of it.
    fn played(&self) -> (Player, bool, Vec<Vec<u8>>) {
        let mut player = Player {
            world: World::new().segments_of(400 + usize::from(self.mss) * 64),
            links: Vec::new(),
            ends: Vec::new(),
            torrents: Vec::new(),
            dishonest: BTreeSet::new(),
            plain: true,
            given: self.given,
            secrets: String::new(),
            webseeds: 0,
        };
        self.peers.iter().for_each(|peer| player.open(peer));
        for step in self.steps.iter().take(MOST_STEPS) {
            if player.world.packets.len() > MOST_PACKETS {
                break;
            }
            player.step(step);
        }
        let whole = player.plain && self.faults.is_empty() && self.options & 1 == 0 && !self.is_apart();
        self.faults.iter().take(MOST_FAULTS).for_each(|fault| player.damage(fault));
        let captures = self.captures(&player.world);
        (player, whole, captures)
    }

    fn is_apart(&self) -> bool {
        self.options & 0xc0 == 0xc0
    }

    /// One file, two halves, two taps that saw every other packet, or two that saw the same; or two with clocks apart that
    /// saw one direction each.
    fn captures(&self, world: &World) -> Vec<Vec<u8>> {
        let records = world.records();
        let file = |records: &[Record]| {
            let write = if self.options & 8 == 0 { pcap } else { pcapng };
            write(records, LINK_ETHERNET, Order::Little, Ticks::Nanos)
        };
        let every_other = |from: usize| records.iter().skip(from).step_by(2).cloned().collect::<Vec<_>>();
        if self.is_apart() {
            return [true, false]
                .map(|up| {
                    let mut tap = world.clone();
                    tap.packets.retain(|packet| (packet.from < packet.to) == up);
                    let late = if up { i64::from(self.mss) * 20_000_000 } else { 0 };
                    tap.packets.iter_mut().for_each(|packet| packet.time += late);
                    file(&tap.records())
                })
                .to_vec();
        }
        match self.options >> 4 & 3 {
            1 => {
                let (first, second) = records.split_at(records.len() / 2);
                vec![file(first), file(second)]
            }
            2 => vec![file(&every_other(0)), file(&every_other(1))],
            3 => vec![file(&records), file(&records)],
            _ => vec![file(&records)],
        }
    }
}

impl Player {
    fn secrets(&self) -> Secrets {
        // A file without any is refused.
        match self.secrets.as_str() {
            "" => Secrets::default(),
            lines => Secrets::parse("secrets", lines.as_bytes()).expect("lines of the generator"),
        }
    }

    fn open(&mut self, peer: &Peer) {
        let number = self.links.len();
        let torrent = &torrents::ALL[usize::from(peer.torrent) % torrents::ALL.len()];
        let (a, b) = (peer.ends & 3, peer.ends >> 2 & 3);
        let b = if a == b { (b + 1) & 3 } else { b };
        let own_port = if peer.ends & 0x10 == 0 { 50_000 + number as u16 } else { 50_000 };
        let ends = [address(a, own_port), address(b, 6_881)];
        let reversed = [ends[1], ends[0]];
        if self.ends.iter().any(|known| *known == ends || *known == reversed) {
            // Two connections at once on one pair of sockets: no host does that.
            self.dishonest.extend(ends);
        }
        let carrier = if peer.how & 1 == 0 {
            let conn = self.world.conn_at(ends[0], ends[1], peer.first);
            if peer.how & 2 == 0 {
                self.world.open(conn);
            } else {
                self.plain = false;
            }
            Carrier::Tcp(conn)
        } else {
            let [id, first] = peer.first.map(|word| word as u16);
            let first = [first, first.wrapping_add(id)];
            Carrier::Utp(UtpConn::open(&mut self.world, ends[0], ends[1], id, first))
        };
        let mut link = Link::new(carrier, ends);
        let mut handshakes = [0, 1].map(|end| {
            let id = wire::peer_id("-XX0001-", number as u32 * 2 + end as u32);
            if peer.how & 4 == 0 { wire::handshake(torrent.info_hash, id) } else { Vec::new() }
        });
        self.plain &= peer.how & 4 == 0;
        if peer.how & 8 != 0 {
            self.encrypt(peer, &mut link, &mut handshakes[0]);
        }
        for (end, bytes) in handshakes.iter().enumerate() {
            link.send(&mut self.world, end, bytes);
        }
        self.links.push(Some(link));
        self.ends.push(ends);
        self.torrents.push(torrent);
    }

    /// The handshake of MSE, which takes end 0's handshake along in IA or leaves it.
    fn encrypt(&mut self, peer: &Peer, link: &mut Link, handshake: &mut Vec<u8>) {
        let [pads, more] = peer.first.map(|word| [word as usize % 513, (word >> 16) as usize % 513]);
        let index = usize::from(peer.torrent) % torrents::ALL.len();
        let mse = Mse {
            pads: [pads[0], pads[1], more[0], more[1]],
            select: if peer.how & 0x20 == 0 { 2 } else { 1 },
            ..Mse::new(torrents::ALL[index].info_hash, self.links.len() as u64)
        };
        let ia = if peer.how & 0x40 == 0 { std::mem::take(handshake) } else { Vec::new() };
        link.seal(&mut self.world, &mse, &ia);
        if peer.how & 0x10 == 0 {
            self.secrets += &mse.line();
        }
        // The torrent is the other half of the key.
        self.plain &= peer.how & 0x30 == 0 && self.given >> index & 1 == 1;
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Say { peer, back, said } => {
                let torrent = self.torrent(*peer);
                let bytes = said.bytes(torrent);
                if matches!(said, Said::Handshake | Said::Other(..)) {
                    self.blame(*peer, *back);
                }
                self.send(*peer, *back, &bytes);
            }
            Step::Fetch { peer, back, piece, bad } => {
                let torrent = self.torrent(*peer);
                let piece = u32::from(*piece) % torrent.pieces();
                for (index, (begin, len)) in blocks(torrent, piece).into_iter().enumerate() {
                    self.send(*peer, !*back, &wire::request(piece, begin, len));
                    let spoilt = bad.is_some_and(|bad| usize::from(bad) == index);
                    self.block(*peer, *back, piece, begin, torrent.block(piece, begin, len).to_vec(), spoilt);
                }
            }
            Step::Ask { peer, back, piece, block } => {
                let torrent = self.torrent(*peer);
                let (piece, (begin, len)) = place(torrent, *piece, *block);
                self.send(*peer, *back, &wire::request(piece, begin, len));
            }
            Step::Block { peer, back, piece, block, how, len } => {
                let torrent = self.torrent(*peer);
                let (piece, (begin, whole)) = place(torrent, *piece, *block);
                let len = if how & 2 == 0 { whole } else { u32::from(*len).clamp(1, whole) };
                let bytes = torrent.block(piece, begin, len).to_vec();
                let (piece, begin) = match how >> 2 & 3 {
                    1 => (piece, begin.wrapping_add(u32::from(*how))),
                    2 => (piece ^ u32::from(*how), begin),
                    _ => (piece, begin),
                };
                if how >> 2 & 3 != 0 {
                    self.blame(*peer, *back);
                }
                self.block(*peer, *back, piece, begin, bytes, how & 1 != 0);
            }
            Step::Again { peer, back, nth, skip, len, altered } => {
                self.again(*peer, *back, *nth, *skip, *len, *altered)
            }
            Step::Raw { peer, back, bytes } => {
                self.blame(*peer, *back);
                self.send(*peer, *back, bytes);
            }
            Step::Teach { peer, back, bad } => self.teach(*peer, *back, *bad),
            Step::Web { ends, torrent, file, from, len, how } => {
                self.web(*ends, *torrent, *file, u32::from(*from), u32::from(*len), *how)
            }
            Step::Close { peer, back } | Step::Reset { peer, back } => {
                let index = usize::from(*peer) % self.links.len();
                let end = usize::from(*back);
                match (self.links[index].take(), matches!(step, Step::Close { .. })) {
                    (Some(link), true) => link.close(&mut self.world, end),
                    (Some(link), false) => link.reset(&mut self.world, end),
                    (None, _) => {}
                }
            }
            Step::Pass { ms } => {
                // Hours of silence and another client are another subject, and still the same bytes.
                self.world.pass(i64::from(*ms) * 1_000_000);
            }
            Step::Datagram { from, to, bytes } => {
                let ends = [address(*from & 3, 6_881), address(*to & 3, 6_881)];
                self.dishonest.extend(ends);
                self.world.datagram(ends[0], ends[1], &bytes[..bytes.len().min(1_400)]);
            }
        }
    }

    fn torrent(&self, peer: u8) -> &'static Torrent {
        self.torrents[usize::from(peer) % self.torrents.len()]
    }

    fn send(&mut self, peer: u8, back: bool, bytes: &[u8]) {
        let index = usize::from(peer) % self.links.len();
        if let Some(link) = &mut self.links[index] {
            link.send(&mut self.world, usize::from(back), bytes);
        }
    }

    fn blame(&mut self, peer: u8, back: bool) {
        let index = usize::from(peer) % self.links.len();
        self.dishonest.insert(self.ends[index][usize::from(back)]);
    }

    fn block(&mut self, peer: u8, back: bool, piece: u32, begin: u32, mut bytes: Vec<u8>, spoilt: bool) {
        if spoilt {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 0x40;
            self.blame(peer, back);
        }
        let index = usize::from(peer) % self.links.len();
        if let Some(link) = &mut self.links[index] {
            link.deliver(&mut self.world, usize::from(back), piece, begin, &bytes, !spoilt);
        }
    }

    /// `back` sends the torrent's metadata and the hashes of its trees.
    fn teach(&mut self, peer: u8, back: bool, bad: bool) {
        let torrent = self.torrent(peer);
        let spoil = |mut bytes: Vec<u8>| {
            if bad {
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
            }
            bytes
        };
        let size = format!("13:metadata_sizei{}e", torrent.info.len());
        self.send(peer, !back, &wire::extended_hello(&[("ut_metadata", 2)], ""));
        self.send(peer, back, &wire::extended_hello(&[("ut_metadata", 2)], &size));
        self.send(peer, !back, &wire::metadata_request(2, 0));
        // Longer than the head of the message: what is spoilt is the dictionary, and nobody's framing.
        self.send(peer, back, &spoil(wire::metadata(2, 0, &torrent.info)));
        if torrent.version == Version::V1 {
            return;
        }
        for file in (0..torrent.files.len()).filter(|file| !torrent.files[*file].pad) {
            let leaves = torrent.layer(file, 0);
            let message = wire::hashes(torrent.root(file), 0, 0, &leaves, &[]);
            self.send(peer, back, &spoil(message));
        }
    }

    /// One request to a webseed and its answer, over a connection of its own.
    fn web(&mut self, ends: u8, torrent: u8, file: u8, from: u32, len: u32, how: u8) {
        let index = usize::from(torrent) % torrents::ALL.len();
        let (torrent, name) = (&torrents::ALL[index], torrents::NAMES[index]);
        let files: Vec<usize> = (0..torrent.files.len()).filter(|file| !torrent.files[*file].pad).collect();
        let file = files[usize::from(file) % files.len()];
        let whole = &torrent.files[file].bytes;
        let from = from as usize % whole.len();
        let to = (from + 1 + len as usize).min(whole.len());
        let target = match torrent.files.len() {
            1 => format!("/{name}"),
            _ => format!("/{name}/{}", torrent.files[file].name),
        };
        self.webseeds += 1;
        let client = address(ends & 3, 40_000 + self.webseeds);
        let server = address(4 + (ends >> 2 & 1), 80);
        let conn = self.world.conn(client, server);
        if how & 1 == 0 {
            self.world.open(conn);
        }
        let last = to - 1;
        let request = format!("GET {target} HTTP/1.1\r\nHost: seed.example\r\nRange: bytes={from}-{last}\r\n\r\n");
        self.world.send(conn, Side::A, request.as_bytes());
        let mut body = whole[from..to].to_vec();
        if how & 2 != 0 {
            body[0] ^= 0x20;
            self.dishonest.insert(server);
        }
        let (len, total) = (body.len() as u32, whole.len());
        self.world.ledger.push(Sent {
            conn,
            side: Side::B,
            uploader: server,
            downloader: client,
            piece: 0,
            begin: 0,
            len,
            good: how & 2 == 0,
            offset: 0,
        });
        let (coding, body) = match how & 4 {
            0 => (format!("Content-Length: {len}"), body),
            _ => ("Transfer-Encoding: chunked".to_owned(), chunked(&body)),
        };
        let head = format!(
            "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {from}-{last}/{total}\r\n{coding}\r\n\r\n"
        );
        self.world.send(conn, Side::B, &[head.as_bytes(), &body].concat());
        if how & 8 != 0 {
            self.world.close(conn, Side::B);
        }
    }

    /// Sends a part of what was sent once more.
    fn again(&mut self, peer: u8, back: bool, nth: u16, skip: u8, len: u8, altered: bool) {
        let index = usize::from(peer) % self.links.len();
        let side = side(usize::from(back));
        let Some(conn) = self.links[index].as_ref().and_then(Link::tcp) else { return };
        let sent: Vec<_> = self.world.packets.iter().filter(|packet| packet.is_data(conn, side)).collect();
        let Some(packet) = sent.get(usize::from(nth) % sent.len().max(1)) else { return };
        let from = usize::from(skip).min(packet.payload().len() - 1);
        let to = (from + 1 + usize::from(len) * 4).min(packet.payload().len());
        let mut bytes = packet.payload()[from..to].to_vec();
        let offset = packet.offset().unwrap_or(0) + from as u64;
        if altered {
            bytes[0] ^= 1;
            self.blame(peer, back);
        }
        self.world.retransmit(conn, side, offset, &bytes);
    }

    fn damage(&mut self, fault: &Fault) {
        let count = self.world.packets.len();
        if count < 2 {
            return;
        }
        let at = |index: &u16| usize::from(*index) % count;
        match fault {
            Fault::Drop(index) => drop(self.world.packets.remove(at(index))),
            Fault::Double(index) => {
                let packet = self.world.packets[at(index)].clone();
                self.world.packets.insert(at(index) + 1, packet);
            }
            Fault::Shift(from, to) => self.world.shift(at(from), at(to)),
            Fault::Swap(index) => {
                let index = at(index);
                self.world.swap(|at| at == index);
            }
            Fault::Snap(index, len) => self.world.packets[at(index)].snaplen = 40 + usize::from(*len) * 2,
            Fault::Flip(index, byte) => {
                let packet = &mut self.world.packets[at(index)];
                self.dishonest.extend([packet.from, packet.to]);
                match &mut packet.body {
                    Body::Tcp { payload, .. } | Body::Udp { payload } if !payload.is_empty() => {
                        let byte = usize::from(*byte) % payload.len();
                        payload[byte] ^= 0x81;
                    }
                    Body::Tcp { seq, .. } => *seq = seq.wrapping_add(u32::from(*byte)),
                    Body::Udp { .. } => {}
                }
            }
            Fault::Sum(index) => self.world.packets[at(index)].sum = Sum::Wrong,
            Fault::OneWay(peer, back) => {
                let link = self.links[usize::from(*peer) % self.links.len()].as_ref();
                if let Some(conn) = link.and_then(Link::tcp) {
                    self.world.only(conn, side(usize::from(*back)));
                }
            }
            Fault::Begin(index) => drop(self.world.packets.drain(..at(index) / 2)),
        }
    }

    /// `whole`: whether nothing was damaged or left out. `tight`: flows were closed to make room, and what is captured
    /// twice is then counted twice.
    fn judge(&self, evidence: &Evidence, whole: bool, tight: bool) {
        let mut sent: BTreeMap<(Endpoint, Endpoint), u64> = BTreeMap::new();
        for message in &self.world.ledger {
            let edge = (endpoint(message.uploader), endpoint(message.downloader));
            *sent.entry(edge).or_default() += u64::from(message.len);
        }
        let dishonest: BTreeSet<Endpoint> = self.dishonest.iter().copied().map(endpoint).collect();
        let mut served: BTreeMap<(Endpoint, Endpoint), u64> = BTreeMap::new();
        for row in &evidence.transfers {
            if dishonest.contains(&row.uploader) {
                continue;
            }
            assert_eq!(row.bytes.refuted, 0, "who sent no wrong byte is refuted: {row:#?}");
            *served.entry((row.uploader, row.downloader)).or_default() += row.bytes.served;
        }
        for (edge, served) in &served {
            let sent = sent.get(edge).copied().unwrap_or(0);
            assert!(*served <= sent || tight, "{edge:?} served {served} of {sent}: {:#?}", evidence.transfers);
        }
        if whole {
            // What a webseed sends is known only where its torrent is, and its name and size are not another's.
            let peers = sent.iter().filter(|(edge, _)| edge.0.port != 80 && !dishonest.contains(&edge.0));
            for (edge, sent) in peers {
                let served = served.get(edge).copied().unwrap_or(0);
                assert_eq!(served, *sent, "{edge:?}: {:#?} {:#?}", evidence.transfers, evidence.anomalies);
            }
        }
    }
}

impl Said {
    fn bytes(&self, torrent: &Torrent) -> Vec<u8> {
        match self {
            Self::Keepalive => wire::keepalive(),
            Self::Choke => wire::choke(),
            Self::Unchoke => wire::unchoke(),
            Self::Interested => wire::interested(),
            Self::Have(piece) => wire::have(u32::from(*piece)),
            Self::HaveAll => wire::have_all(),
            Self::HaveNone => wire::have_none(),
            Self::Bitfield => wire::bitfield_full(torrent.pieces()),
            Self::Cancel(piece, block) | Self::Reject(piece, block) => {
                let (piece, (begin, len)) = place(torrent, *piece, *block);
                let message = if matches!(self, Self::Cancel(..)) { wire::cancel } else { wire::reject };
                message(piece, begin, len)
            }
            Self::AllowedFast(piece) => wire::allowed_fast(u32::from(*piece)),
            Self::Extended(port) => wire::extended_handshake(Some(*port), "Synth"),
            Self::Metadata(piece) => {
                let head = format!("d8:msg_typei1e5:piecei{piece}e10:total_sizei{}ee", torrent.info.len());
                wire::extended(2, &[head.as_bytes(), &torrent.info].concat())
            }
            Self::Pex(peer) => {
                let body = [b"d5:added6:".as_slice(), peer, b"7:added.f1:\0e"].concat();
                wire::extended(1, &body)
            }
            Self::Hashes(index) => wire::hashes([*index; 32], 0, u32::from(*index), &[[1; 32]; 2], &[]),
            Self::Handshake => wire::handshake(torrent.info_hash, [b'h'; 20]),
            Self::Other(id, body) => wire::message(*id, body),
        }
    }
}

/// The usual blocks of v2; in v1 smaller ones, so that a piece has several.
fn blocks(torrent: &Torrent, piece: u32) -> Vec<(u32, u32)> {
    torrent.blocks_of(piece, if torrent.piece_length < 16_384 { 1_024 } else { 16_384 })
}

fn place(torrent: &Torrent, piece: u8, block: u8) -> (u32, (u32, u32)) {
    let piece = u32::from(piece) % torrent.pieces();
    let blocks = blocks(torrent, piece);
    (piece, blocks[usize::from(block) % blocks.len()])
}

/// Bytes as two chunks (RFC 9112, section 7.1).
fn chunked(body: &[u8]) -> Vec<u8> {
    let (first, second) = body.split_at(body.len() / 2);
    let chunk = |bytes: &[u8]| [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat();
    let chunks = [first, second].into_iter().filter(|bytes| !bytes.is_empty());
    chunks.map(chunk).chain([b"0\r\n\r\n".to_vec()]).flatten().collect()
}

fn address(host: u8, port: u16) -> SocketAddr {
    SocketAddr::from(([93, 184, 16, host + 1], port))
}

fn endpoint(address: SocketAddr) -> Endpoint {
    Endpoint { ip: address.ip(), port: address.port() }
}

// Rationale: a run stays below a few milliseconds.
const MOST_STEPS: usize = 48;
const MOST_FAULTS: usize = 24;
const MOST_PACKETS: usize = 1_500;
