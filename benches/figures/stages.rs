//! The spine, stage by stage, and the hashes of v2 leaves alone, through the library's public parts.

use std::collections::VecDeque;
use std::path::Path;
use std::time::{Duration, Instant};

use peerproof::anomaly::Anomalies;
use peerproof::ends::{ConnectionId, Transport};
use peerproof::stages::capture::Spill;
use peerproof::stages::flow::FlowTable;
use peerproof::stages::judge::{Content, Cut, Measure};
use peerproof::stages::packet::{Decoder, Store, TransportLayer};
use peerproof::stages::prove::{UnitJob, with_prover};
use peerproof::stages::session::{Served, Session, SessionEvent};
use peerproof::stages::stream::{StreamLimits, TcpConnection};
use peerproof::stages::wire::Start;
use peerproof::{CaptureSet, ChecksumPolicy, Limits, OpenOptions, Torrents};

use super::meter;

/// How far the frames are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// Records of the file.
    Frames,
    /// Link, IP and TCP headers.
    Packets,
    /// Flows and ordered bytes.
    Streams,
    /// Messages and blocks, matched with requests.
    Sessions,
}

/// Cost of a pass.
#[derive(Clone, Copy, Debug)]
pub struct Pass {
    pub time: Duration,
    pub packets: u64,
    pub allocations: u64,
    pub blocks: u64,
}

/// One pass over `capture` on this thread, without threads of its own.
pub fn pass(capture: &Path, depth: Depth) -> Pass {
    let set = CaptureSet::open(&[capture.to_path_buf()], &OpenOptions::default()).expect("a capture");
    let before = meter::allocations();
    let start = meter::on_processor();
    let (packets, blocks) = walk(&set, depth);
    Pass { time: meter::on_processor() - start, packets, blocks, allocations: meter::allocations() - before }
}

fn walk(set: &CaptureSet, depth: Depth) -> (u64, u64) {
    let limits = Limits::default();
    let stream_limits = StreamLimits::from(&limits);
    let (mut packets, mut blocks, mut sum) = (0_u64, 0_u64, 0_u64);
    let mut anomalies = Anomalies::default();
    let mut frames = set.frames();
    let spill = Spill::new(None);
    let mut decoder = Decoder::new(ChecksumPolicy::Ignore, &limits);
    let mut flows = FlowTable::new(limits.flows);
    let (mut items, mut events) = (Vec::new(), Vec::new());
    let mut connections = 0;
    let mut release_at = WINDOW;
    frames.prefetch(WINDOW);
    while let Some(frame) = frames.next(&mut anomalies).expect("not strict") {
        packets += 1;
        if frames.position() >= release_at {
            release_at = frames.position() + WINDOW;
            frames.release(2 * WINDOW);
            frames.prefetch(WINDOW);
        }
        if depth == Depth::Frames {
            // A stage that touches nothing would read nothing.
            sum += u64::from(frame.bytes.first().copied().unwrap_or(0)) + frame.bytes.len() as u64;
            continue;
        }
        let packet = decoder.decode(&frame, &Spilled(&spill), &mut anomalies).expect("room");
        let Some(packet) = packet else { continue };
        let TransportLayer::Tcp(segment) = &packet.transport else { continue };
        if depth == Depth::Packets {
            sum += u64::from(segment.seq) + u64::from(packet.flow.low.port);
            continue;
        }
        let touched = flows.touch(packet.flow, || {
            connections += 1;
            let session =
                Session::new(ConnectionId(connections), packet.flow, Transport::Tcp, Start::Handshake, &limits);
            // Boxed, as the spine does: what the table moves is small.
            Some(Box::new((TcpConnection::new(&stream_limits), session)))
        });
        let Some((flow, _)) = touched else { continue };
        flow.0.push(packet.at, packet.direction, segment, &mut items);
        if depth >= Depth::Sessions {
            flow.1.touch(packet.direction, packet.at);
            for (direction, item) in &items {
                flow.1.push(*direction, item, &mut events);
            }
        }
        sum += items.len() as u64;
        items.clear();
        for event in events.drain(..) {
            blocks += u64::from(matches!(event, SessionEvent::Served(_)));
        }
    }
    std::hint::black_box(sum);
    (packets, blocks)
}

/// Cost of hashing the blocks of a v2 torrent, all of them read and framed before and in mapped memory.
#[derive(Clone, Copy, Debug)]
pub struct Leaves {
    /// Bytes in the blocks.
    pub payload: u64,
    /// From units to digests.
    pub digests: Duration,
}

/// Hashes every block of `capture` on `threads` threads, where each block is a unit: in pieces of 16 KiB.
pub fn leaves(capture: &Path, torrent: &Path, threads: usize) -> Leaves {
    let set = CaptureSet::open(&[capture.to_path_buf()], &OpenOptions::default()).expect("a capture");
    let torrents = Torrents::open(&[torrent.to_path_buf()]).expect("a torrent");
    let limits = Limits::default();
    let blocks = blocks(&set, &limits);
    let given = torrents.iter().next().expect("one torrent");
    let payload = blocks.iter().map(|served| u64::from(served.block.len)).sum();
    let jobs: Vec<UnitJob<'_>> = blocks
        .iter()
        .map(|Served { block, .. }| {
            let placed = given.place(block.piece, block.begin, block.len).expect("inside the torrent");
            let unit =
                Cut::first(given, placed.piece).units(given, placed.piece, &placed.range()).next().expect("a unit");
            let measure = Measure::of(given, unit).expect("a unit of the torrent");
            measure.job(&Content::of_block(block.begin, block.runs.clone())).expect("a block is a unit")
        })
        .collect();
    let start = Instant::now();
    with_prover(threads, |prover| {
        let mut pending = VecDeque::new();
        let is_hashed = |job| !prover.proof(job).digests.leaves.is_empty();
        for job in jobs {
            pending.push_back(prover.submit(job));
            if pending.len() > BEHIND {
                assert!(pending.pop_front().is_some_and(is_hashed), "a block is a leaf");
            }
        }
        assert!(pending.into_iter().all(is_hashed), "a block is a leaf");
    });
    Leaves { payload, digests: start.elapsed() }
}

/// Every block of a capture of one connection.
fn blocks<'cap>(set: &'cap CaptureSet, limits: &Limits) -> Vec<Served<'cap>> {
    let stream_limits = StreamLimits::from(limits);
    let mut anomalies = Anomalies::default();
    let mut decoder = Decoder::new(ChecksumPolicy::Ignore, limits);
    let mut connection: Option<(TcpConnection<'cap>, Session<'cap>)> = None;
    let (mut frames, mut items, mut events) = (set.frames(), Vec::new(), Vec::new());
    while let Some(frame) = frames.next(&mut anomalies).expect("not strict") {
        let packet = decoder.decode(&frame, &Unused, &mut anomalies).expect("nothing to store");
        let Some(packet) = packet else { continue };
        let TransportLayer::Tcp(segment) = &packet.transport else { continue };
        let (stream, session) = connection.get_or_insert_with(|| {
            let (id, start) = (ConnectionId(1), Start::Handshake);
            (TcpConnection::new(&stream_limits), Session::new(id, packet.flow, Transport::Tcp, start, limits))
        });
        stream.push(packet.at, packet.direction, segment, &mut items);
        session.touch(packet.direction, packet.at);
        for (direction, item) in items.drain(..) {
            session.push(direction, &item, &mut events);
        }
    }
    let blocks = events.into_iter().filter_map(|event| match event {
        SessionEvent::Served(served) => Some(served),
        _ => None,
    });
    blocks.collect()
}

struct Unused;

impl<'cap> Store<'cap> for Unused {
    fn store(&self, _: &[&[u8]]) -> Result<&'cap [u8], peerproof::Error> {
        unreachable!("nothing is reassembled")
    }
}

struct Spilled<'cap>(&'cap Spill);

impl<'cap> Store<'cap> for Spilled<'cap> {
    fn store(&self, parts: &[&[u8]]) -> Result<&'cap [u8], peerproof::Error> {
        self.0.store(parts)
    }
}

// Rationale: those of the library.
const BEHIND: usize = 1_024;
const WINDOW: u64 = 64 << 20;
