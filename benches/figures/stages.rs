//! The spine, stage by stage, through the library's public parts.

use std::path::Path;
use std::time::Duration;

use peerproof::Limits;
use peerproof::anomaly::Anomalies;
use peerproof::capture::{CaptureSet, OpenOptions, Spill};
use peerproof::flow::FlowTable;
use peerproof::ledger::Ledger;
use peerproof::packet::{ChecksumPolicy, Decoder, Store, Transport};
use peerproof::prove::{UnitJob, Verdict, together, with_prover_by};
use peerproof::session::{Carrier, ConnectionId, Session, SessionEvent};
use peerproof::stream::{StreamLimits, TcpConnection};
use peerproof::torrent::Torrents;
use peerproof::wire::Start;

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
    /// Pieces, whose hashes are taken for granted.
    Ledger,
    /// Pieces, hashed on this thread.
    Proofs,
}

/// What a pass took.
#[derive(Clone, Copy, Debug)]
pub struct Pass {
    pub time: Duration,
    pub packets: u64,
    pub allocations: u64,
    pub blocks: u64,
}

/// One pass over `capture` on this thread, without threads of its own.
pub fn pass(capture: &Path, torrent: &Path, depth: Depth) -> Pass {
    let set = CaptureSet::open(&[capture.to_path_buf()], &OpenOptions::default()).expect("a capture");
    let torrents = Torrents::open(&[torrent.to_path_buf()]).expect("a torrent");
    let before = meter::allocations();
    let start = meter::on_processor();
    let (packets, blocks) = match depth {
        Depth::Proofs => walk(&set, &torrents, depth, together),
        _ => walk(&set, &torrents, depth, |jobs| vec![Verdict::Match; jobs.len()]),
    };
    Pass { time: meter::on_processor() - start, packets, blocks, allocations: meter::allocations() - before }
}

fn walk(
    set: &CaptureSet,
    torrents: &Torrents,
    depth: Depth,
    prove: fn(&[UnitJob<'_>]) -> Vec<Verdict>,
) -> (u64, u64) {
    let limits = Limits::default();
    let stream_limits = StreamLimits::from(&limits);
    let (mut packets, mut blocks, mut sum) = (0_u64, 0_u64, 0_u64);
    let mut anomalies = Anomalies::default();
    let mut frames = set.frames();
    let spill = Spill::new(None);
    with_prover_by(1, prove, |prover| {
        let mut decoder = Decoder::new(ChecksumPolicy::Ignore, &limits);
        let mut flows = FlowTable::new(limits.flows);
        let mut ledger = Ledger::new(torrents, &limits);
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
            let Transport::Tcp(segment) = &packet.transport else { continue };
            if depth == Depth::Packets {
                sum += u64::from(segment.seq) + u64::from(packet.flow.low.port);
                continue;
            }
            let (flow, _) = flows.touch(packet.flow, || {
                connections += 1;
                let session =
                    Session::new(ConnectionId(connections), packet.flow, Carrier::Tcp, Start::Handshake, &limits);
                // Boxed, as the spine does: what the table moves is small.
                Box::new((TcpConnection::new(&stream_limits), session))
            });
            flow.0.push(packet.at, packet.direction, segment, &mut items);
            if depth >= Depth::Sessions {
                flow.1.touch(packet.direction, packet.at);
                for (direction, item) in &items {
                    flow.1.push(*direction, item, &mut events, &mut anomalies);
                }
            }
            sum += items.len() as u64;
            items.clear();
            for event in events.drain(..) {
                if let SessionEvent::Served(served) = event {
                    blocks += 1;
                    if depth >= Depth::Ledger {
                        ledger.serve(&flow.1, served, prover, &mut anomalies);
                    }
                }
            }
        }
        std::hint::black_box(sum);
        ledger.finish(prover, &mut anomalies);
    });
    (packets, blocks)
}

struct Spilled<'cap>(&'cap Spill);

impl<'cap> Store<'cap> for Spilled<'cap> {
    fn store(&self, parts: &[&[u8]]) -> Result<&'cap [u8], peerproof::Error> {
        self.0.store(parts)
    }
}

// Rationale: that of the library.
const WINDOW: u64 = 64 << 20;
