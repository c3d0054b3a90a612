//! A stage: torrents, peers and what they sent one another, as facts; and what is judged of it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::Error;
use crate::anomaly::ByFrame;
use crate::ends::{At, ConnectionId, Direction, Endpoint, FlowKey, FrameId, Protocol, Span, Timestamp, Transport};
use crate::facts::{
    Answer, Block, BlockId, Copy, CopyRange, Digests, Doubt, Facts, Handshake, Hashes, Input, Peer, Place, Reason,
    Receiver, Run, Scope, Second, Side, Stream,
};
use crate::facts::{Application as Carried, Connection};
use crate::judge::{Ask, Content, Contests, Judged, Measure, Parts, Row, Suspect, Told, judge};
use crate::session::Encryption;
use crate::torrent::{Source, Torrent, TorrentId, Torrents, sample};
use crate::wire::{Framing, HashRange};
use crate::{Limits, prove};

/// Bytes of a block: half of a piece.
pub(crate) const BLOCK: u32 = 16_384;
const PIECE: usize = 2 * BLOCK as usize;
/// Two whole pieces, and a last one of less than a block.
pub(crate) const SIZE: usize = 2 * PIECE + 14_464;

/// Who downloads, and who may send to it.
pub(crate) const M: Endpoint = end(10, 50_001);
pub(crate) const S1: Endpoint = end(1, 6_881);
pub(crate) const S2: Endpoint = end(2, 6_881);
pub(crate) const S3: Endpoint = end(3, 6_881);

pub(crate) const fn end(host: u8, port: u16) -> Endpoint {
    Endpoint { ip: std::net::IpAddr::V4(std::net::Ipv4Addr::new(93, 184, 16, host)), port }
}

/// A connection, seen from who serves on it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    at: usize,
    pub(crate) from: Direction,
}

/// The bytes of captures, and which frames are damaged.
#[derive(Debug, Default)]
pub(crate) struct Store {
    bytes: Vec<u8>,
    pub(crate) damaged: BTreeSet<u64>,
    /// Set if the frames cannot be looked at.
    pub(crate) is_away: bool,
    /// Copies that were hashed, as the log has them.
    pub(crate) asked: Vec<Copy>,
    piece: u32,
}

pub(crate) struct Stage {
    pub(crate) torrents: Torrents,
    contents: BTreeMap<TorrentId, Vec<u8>>,
    pub(crate) connections: Vec<Connection>,
    pub(crate) blocks: Vec<Block>,
    pub(crate) doubts: Vec<Doubt>,
    pub(crate) hashes: Vec<Hashes>,
    pub(crate) copies: Vec<Copy>,
    pub(crate) store: Store,
    pub(crate) limits: Limits,
    sent: BTreeMap<(usize, usize), u64>,
    now: u64,
    /// Rows of `pieces`, of the last judging.
    pub(crate) rows: Vec<Row>,
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self {
            torrents: Torrents::default(),
            contents: BTreeMap::new(),
            connections: Vec::new(),
            blocks: Vec::new(),
            doubts: Vec::new(),
            hashes: Vec::new(),
            copies: Vec::new(),
            store: Store::default(),
            limits: Limits::default(),
            sent: BTreeMap::new(),
            now: 0,
            rows: Vec::new(),
        }
    }

    /// A torrent of one file of [`SIZE`] bytes: of v1.
    pub(crate) fn v1(&mut self, seed: u64) -> TorrentId {
        self.of_content(&format!("{seed}.bin"), sample::content(SIZE, seed))
    }

    /// Adds a torrent of v2, whose piece layer is known and whose leaves are not.
    pub(crate) fn v2(&mut self, seed: u64) -> TorrentId {
        let content = sample::content(SIZE, seed);
        let info = info_v2(&content, seed);
        let (root, layer) = sample::tree(&content);
        let layers = sample::dict([(root, sample::string(layer.concat()))]);
        self.add(&sample::dict([("info", info), ("piece layers", layers)]), content)
    }

    /// Adds a torrent of v2 without its piece layer.
    pub(crate) fn v2_without_layers(&mut self, seed: u64) -> TorrentId {
        let content = sample::content(SIZE, seed);
        let info = info_v2(&content, seed);
        self.put(Torrent::from_info(info, Source::Capture).expect("a valid torrent"), content)
    }

    /// A torrent of so many zeros.
    pub(crate) fn zeros(&mut self, size: usize) -> TorrentId {
        self.of_content("zeros", vec![0; size])
    }

    /// Two torrents of v1 that have their first piece in common, and no other one.
    pub(crate) fn alike(&mut self, seed: u64, other: u64) -> (TorrentId, TorrentId) {
        let one = sample::content(SIZE, seed);
        let mut two = sample::content(SIZE, other);
        two[..PIECE].copy_from_slice(&one[..PIECE]);
        (self.of_content("one", one), self.of_content("two", two))
    }

    fn of_content(&mut self, name: &str, content: Vec<u8>) -> TorrentId {
        let info = sample::dict([
            ("length", sample::int(content.len() as i64)),
            ("name", sample::string(name)),
            ("piece length", sample::int(PIECE as i64)),
            ("pieces", sample::sha1_pieces(&content, PIECE)),
        ]);
        self.add(&sample::torrent(&info), content)
    }

    /// A hybrid of one file, whose v1 half may describe other bytes than its tree does.
    pub(crate) fn hybrid(&mut self, v1: u64, v2: u64) -> TorrentId {
        let (content, tree) = (sample::content(SIZE, v1), sample::content(SIZE, v2));
        let info = sample::dict([
            ("file tree", sample::dict([("a.bin", sample::node(&tree))])),
            ("length", sample::int(SIZE as i64)),
            ("meta version", sample::int(2)),
            ("name", sample::string("a.bin")),
            ("piece length", sample::int(PIECE as i64)),
            ("pieces", sample::sha1_pieces(&content, PIECE)),
        ]);
        let (root, layer) = sample::tree(&tree);
        let layers = sample::dict([(root, sample::string(layer.concat()))]);
        self.add(&sample::dict([("info", info), ("piece layers", layers)]), content)
    }

    /// A v1 torrent of several files, some of them padding.
    pub(crate) fn files(&mut self, files: &[(&str, usize, bool)], seed: u64) -> TorrentId {
        let mut content = Vec::new();
        let list = files.iter().map(|(path, size, pad)| {
            let bytes = if *pad { vec![0; *size] } else { sample::content(*size, seed + content.len() as u64) };
            content.extend(bytes);
            let (size, path) = (sample::int(*size as i64), sample::path(&[path]));
            if *pad {
                sample::dict([("attr", sample::string("p")), ("length", size), ("path", path)])
            } else {
                sample::dict([("length", size), ("path", path)])
            }
        });
        let list = sample::list(list.collect::<Vec<_>>());
        let info = sample::dict([
            ("files", list),
            ("name", sample::string("several")),
            ("piece length", sample::int(PIECE as i64)),
            ("pieces", sample::sha1_pieces(&content, PIECE)),
        ]);
        self.add(&sample::torrent(&info), content)
    }

    fn add(&mut self, metainfo: &[u8], content: Vec<u8>) -> TorrentId {
        self.put(Torrent::parse("t", metainfo).expect("a valid torrent"), content)
    }

    fn put(&mut self, torrent: Torrent, content: Vec<u8>) -> TorrentId {
        let before: BTreeSet<TorrentId> = self.torrents.ids().collect();
        self.torrents.add(torrent);
        let id = self.torrents.ids().find(|id| !before.contains(id)).expect("a new one");
        self.contents.insert(id, content);
        id
    }

    pub(crate) fn hash(&self, id: TorrentId) -> [u8; 20] {
        self.torrents.torrent(id).wire_hashes().next().expect("one at least")
    }

    /// The bytes of a block of a torrent.
    pub(crate) fn good(&self, id: TorrentId, piece: u32, begin: u32) -> Vec<u8> {
        let start = piece as usize * PIECE + begin as usize;
        let content = &self.contents[&id];
        content[start..content.len().min(start + BLOCK as usize)].to_vec()
    }

    /// A block of a piece with a wrong byte.
    pub(crate) fn bad(&self, id: TorrentId, piece: u32, begin: u32) -> Vec<u8> {
        let mut bytes = self.good(id, piece, begin);
        bytes[77] ^= 1;
        bytes
    }

    fn at(&mut self) -> At {
        self.now += 1;
        At { time: Timestamp(self.now as i64 * 1_000_000), frame: FrameId::new(0, self.now) }
    }

    pub(crate) fn span(&mut self) -> Span {
        Span::single(self.at())
    }

    /// So many hours pass.
    pub(crate) fn wait(&mut self, hours: u64) {
        self.now += hours * 3_600_000;
    }

    /// A TCP connection that `downloader` opened, with both handshakes for `torrent`, captured whole.
    pub(crate) fn meet(&mut self, uploader: Endpoint, downloader: Endpoint, torrent: TorrentId) -> Link {
        let hash = self.hash(torrent);
        self.meet_for(uploader, downloader, [Some(hash); 2])
    }

    /// Opens a connection with the handshakes for these info-hashes, the uploader's first; `None` for one that stands
    /// before the captures begin.
    pub(crate) fn meet_for(
        &mut self,
        uploader: Endpoint,
        downloader: Endpoint,
        hashes: [Option<[u8; 20]>; 2],
    ) -> Link {
        let (flow, from) = FlowKey::new(uploader, downloader, Protocol::Tcp);
        let at = self.connections.len();
        let opening = self.span();
        let side = |stage: &mut Self, end: Endpoint, hash: Option<[u8; 20]>| Side {
            handshake: hash.map(|info_hash| Handshake {
                reserved: [0; 8],
                info_hash,
                peer_id: Some(peer_id(end)),
                span: stage.span(),
            }),
            ..Side::default()
        };
        let (own, other) = (side(self, uploader, hashes[0]), side(self, downloader, hashes[1]));
        let mut sides = [own, other];
        if from == Direction::HighToLow {
            sides.reverse();
        }
        let stream = || Stream { packets: 9, confirmed: Some(true), ..Stream::default() };
        self.connections.push(Connection {
            id: ConnectionId(at as u64 + 1),
            flow,
            transport: Transport::Tcp,
            initial: None,
            numbers: [None; 2],
            encryption: Encryption::None,
            decrypted: false,
            initiator: Some(from.reverse()),
            opening: Some(opening),
            span: opening,
            seen: Default::default(),
            paths: BTreeSet::from(["(no tunnel)".to_owned()]),
            duplicate_frames: false,
            // Else a handshake that is not there was not sent.
            from_start: hashes.iter().all(Option::is_some),
            bytes: 0,
            streams: [stream(), stream()],
            content: Carried::Peer(Box::new(Peer { sides })),
        });
        Link { at, from }
    }

    /// The connection of this number, seen from `uploader`.
    pub(crate) fn link(&self, at: usize, uploader: Endpoint) -> Link {
        let from =
            if self.connections[at].flow.low == uploader { Direction::LowToHigh } else { Direction::HighToLow };
        Link { at, from }
    }

    /// The connection of a link.
    pub(crate) fn wire(&mut self, link: Link) -> &mut Connection {
        &mut self.connections[link.at]
    }

    /// The uploader's side, and its stream.
    pub(crate) fn side(&mut self, link: Link) -> (&mut Side, &mut Stream) {
        let Connection { content, streams, .. } = &mut self.connections[link.at];
        let Carried::Peer(peer) = content else { panic!("a peer") };
        (&mut peer.sides[link.from.index()], &mut streams[link.from.index()])
    }

    /// Turns a link round, so that the uploader's side is told of, and not the receiver's.
    pub(crate) fn other(link: Link) -> Link {
        Link { from: link.from.reverse(), ..link }
    }

    /// The uploader says that it has everything, and agrees to send.
    pub(crate) fn offer(&mut self, link: Link) {
        let (said, agreed) = (self.span(), self.span());
        let (side, _) = self.side(link);
        (side.claims.all, side.claims.first, side.offered) = (Some(said), Some(said), Some(agreed));
    }

    /// A block that was asked for, of these bytes; to be changed.
    pub(crate) fn block(&mut self, link: Link, piece: u32, begin: u32, bytes: &[u8]) -> &mut Block {
        let asked = self.span();
        let at = self.at();
        let (len, id) = (bytes.len() as u32, BlockId(self.blocks.len() as u64));
        let place = Place { store: 0, offset: self.store.bytes.len() as u64 };
        self.store.bytes.extend_from_slice(bytes);
        let sent = self.sent.entry((link.at, link.from.index())).or_insert(68);
        let offset = *sent + 13;
        *sent = offset + u64::from(len);
        let asking = Self::other(link);
        self.side(asking).0.requested.get_or_insert(asked);
        let (side, stream) = self.side(link);
        side.piece_messages += 1;
        side.answered += 1;
        side.first_piece.get_or_insert(Span::single(at));
        let advertised = side.claims.first;
        stream.acknowledged += u64::from(len);
        let wire = self.wire(link);
        wire.span = wire.span.join(Span::single(at));
        wire.bytes += u64::from(len);
        let receiver = Receiver { ip: wire.flow.destination(link.from).ip, port: None };
        self.blocks.push(Block {
            id,
            order: at.frame.number(),
            connection: ConnectionId(link.at as u64 + 1),
            reading: 0,
            from: link.from,
            piece,
            begin,
            len,
            captured_to: len,
            offset,
            runs: vec![Run { start: 0, len, stream: offset, place, frame: at.frame, head: 52 }],
            span: Span::single(at),
            framing: Framing::InSync,
            answers: Answer::Request { span: asked, acknowledged: true },
            advertised,
            receiver,
        });
        self.blocks.last_mut().expect("one")
    }

    pub(crate) fn send(&mut self, link: Link, id: TorrentId, piece: u32, begin: u32) -> &mut Block {
        let bytes = self.good(id, piece, begin);
        self.block(link, piece, begin, &bytes)
    }

    pub(crate) fn send_bad(&mut self, link: Link, id: TorrentId, piece: u32, begin: u32) -> &mut Block {
        let bytes = self.bad(id, piece, begin);
        self.block(link, piece, begin, &bytes)
    }

    /// All of a piece.
    pub(crate) fn piece(&mut self, link: Link, id: TorrentId, piece: u32) {
        let size = self.contents[&id].len().saturating_sub(piece as usize * PIECE).min(PIECE) as u32;
        (0..size).step_by(BLOCK as usize).for_each(|begin| _ = self.send(link, id, piece, begin));
    }

    /// All of the torrent.
    pub(crate) fn everything(&mut self, link: Link, id: TorrentId) {
        (0..self.torrents.torrent(id).piece_count()).for_each(|piece| self.piece(link, id, piece));
    }

    /// A `hashes` message (BEP 52) tells the leaves of a whole piece of a v2 torrent.
    pub(crate) fn teach(&mut self, link: Link, id: TorrentId, piece: u32) {
        let content = &self.contents[&id];
        let (pieces_root, _) = sample::tree(content);
        let start = piece as usize * PIECE;
        let leaves: Vec<u8> =
            content[start..start + PIECE].chunks(BLOCK as usize).flat_map(|leaf| prove::sha256(&[leaf])).collect();
        let (info_hash, span) = (Some(self.hash(id)), self.span());
        let range = HashRange { pieces_root, base_layer: 0, index: 2 * piece, length: 2, proof_layers: 0 };
        let connection = ConnectionId(link.at as u64 + 1);
        self.hashes.push(Hashes { connection, from: link.from, info_hash, range, hashes: leaves, span });
    }

    /// Something is in doubt in the middle of the last block.
    pub(crate) fn doubt(&mut self, reason: Reason) {
        let block = self.blocks.last().expect("one");
        let stretch = block.offset + 9..block.offset + 10;
        let scope = Scope::Stretch(block.connection, block.from, stretch);
        self.doubts.push(Doubt { scope, reason, second: None });
    }

    /// The bytes of the last block were sent again, as these.
    pub(crate) fn again(&mut self, bytes: &[u8]) {
        let at = self.at();
        let block = self.blocks.last().expect("one");
        let place = Place { store: 0, offset: self.store.bytes.len() as u64 };
        let run = Run { start: 0, len: bytes.len() as u32, stream: block.offset, place, frame: at.frame, head: 52 };
        let scope = Scope::Stretch(block.connection, block.from, block.offset..block.offset + bytes.len() as u64);
        self.store.bytes.extend_from_slice(bytes);
        self.doubts.push(Doubt {
            scope,
            reason: Reason::OtherVersion,
            second: Some(Second { run, time: at.time }),
        });
    }

    pub(crate) fn facts(&self) -> Facts {
        let times = [1, self.now].map(|number| Some(Timestamp(number as i64 * 1_000_000)));
        Facts {
            inputs: vec![Input {
                name: "a.pcap".to_owned(),
                bytes: self.store.bytes.len() as u64,
                sha256: None,
                frames: self.now,
                first_time: times[0],
                last_time: times[1],
            }],
            connections: self.connections.iter().cloned().collect(),
            blocks: self.blocks.iter().cloned().collect(),
            doubts: self.doubts.iter().cloned().collect(),
            hashes: self.hashes.clone(),
            copies: self.copies.iter().cloned().collect(),
            ..Facts::default()
        }
    }

    pub(crate) fn judge(&mut self) -> Judged<'_> {
        let facts = self.facts();
        let Self { torrents, limits, store, rows, .. } = self;
        rows.clear();
        let (mut odd, mut contests) = (ByFrame::default(), Contests::default());
        let told = Told { odd: &mut odd, contests: &mut contests, rows: Some(rows) };
        judge(&facts, torrents, limits, None, store, told).expect("room")
    }
}

/// A peer_id of its own for each address.
pub(crate) fn peer_id(end: Endpoint) -> [u8; 20] {
    let mut id = *b"-qB4500-000000000000";
    let text = format!("{:0>12}", end.ip.to_string().replace('.', ""));
    id[8..].copy_from_slice(&text.as_bytes()[..12]);
    id
}

/// The info dictionary of a torrent of v2 with one file.
fn info_v2(content: &[u8], seed: u64) -> Vec<u8> {
    sample::dict([
        ("file tree", sample::dict([("a.bin", sample::node(content))])),
        ("meta version", sample::int(2)),
        ("name", sample::string(format!("{seed}.bin"))),
        ("piece length", sample::int(PIECE as i64)),
    ])
}

impl Store {
    fn content(&self, parts: &Parts) -> Content<'_> {
        let mut content = Content::default();
        for slice in parts.slices() {
            let at = slice.place.offset as usize;
            content.push(slice.start, &self.bytes[at..at + slice.len as usize]);
        }
        content
    }
}

impl Ask for Store {
    fn turn(&mut self, piece: u32, _: Option<&Torrent>) {
        self.piece = piece;
    }

    fn digests(&mut self, copy: &Parts, measure: &Measure) -> Digests {
        let content = self.content(copy);
        let Some(job) = measure.job(&content) else { return Digests::default() };
        let mut digests = prove::hashed(std::slice::from_ref(&job)).pop().expect("one").digests;
        digests.trivial = content.is_trivial();
        if !digests.trivial {
            digests.trivial_leaves = content.trivial_leaves().iter().map(CopyRange::from).collect();
        }
        self.asked.push(Copy {
            piece: self.piece,
            content: copy.name(),
            same_as: None,
            range: measure.range.clone().into(),
            in_leaves: measure.in_leaves(),
            digests: digests.clone(),
        });
        digests
    }

    fn sums(&mut self, content: &Parts, measure: &Measure) -> Option<([u8; 20], [u8; 32])> {
        let content = self.content(content);
        let job = measure.job(&content)?;
        Some((prove::sha1(&job.runs), prove::sha256(&job.runs)))
    }

    fn note_sums(&mut self, content: &Parts, measure: &Measure) -> Option<u32> {
        self.sums(content, measure).map(|_| 0)
    }

    fn same(&mut self, one: &Parts, other: &Parts, range: Range<u32>) -> bool {
        self.content(one).agrees(&self.content(other), range)
    }

    fn is_trivial(&mut self, parts: &Parts) -> bool {
        self.content(parts).is_trivial()
    }

    fn non_zero(&mut self, parts: &Parts) -> u64 {
        let content = self.content(parts);
        let bytes = parts.slices().iter().flat_map(|slice| content.within(slice.range()).collect::<Vec<_>>());
        bytes.map(|(_, bytes)| bytes.iter().filter(|byte| **byte != 0).count() as u64).sum()
    }

    fn has_frames(&mut self, _: Span) -> bool {
        !self.is_away
    }

    fn damaged(&mut self, suspects: &[Suspect]) -> Result<Vec<Option<Reason>>, Error> {
        let is_damaged = |suspect: &Suspect| {
            let (first, last) = (suspect.span.first.frame.number(), suspect.span.last.frame.number());
            self.damaged.range(first..=last).next().map(|_| Reason::Damaged)
        };
        Ok(suspects.iter().map(is_damaged).collect())
    }
}
