//! TCP connections that are over: what they carried is written down early, and little is remembered of them.

use std::collections::VecDeque;

use super::late::Late;
use super::traffic::{CarriedProtocol, FlowKind, Volume};
use super::{Flow, Shared};
use crate::ends::{Direction, FlowKey, Timestamp};
use crate::flow::{FlowTable, Life};
use crate::limits::{ENDED_BUSY, ENDED_SILENT};
use crate::oddity::{Oddity, Sink};
use crate::packet::{Packet, TcpSegment};
use crate::stream::{Ended, Leftover};

/// A connection whose content is written down.
#[derive(Debug)]
pub(super) struct EndedFlow<'cap> {
    pub(super) flow: FlowKey,
    /// As of [`TcpFlow`](super::TcpFlow).
    pub(super) number: u32,
    pub(super) stop: Ended,
    pub(super) carried: CarriedProtocol,
    pub(super) volume: Volume,
    /// As of [`TcpFlow`](super::TcpFlow).
    pub(super) syn: Option<(Direction, u32)>,
    /// The late packets of the flow.
    pub(super) late: Late<'cap>,
}

impl<'cap> EndedFlow<'cap> {
    /// A connection that carried nothing.
    pub(super) fn nothing_of(flow: FlowKey) -> Self {
        Self {
            flow,
            number: 0,
            stop: Ended::default(),
            carried: CarriedProtocol::Other,
            volume: Volume::default(),
            syn: None,
            late: Late::default(),
        }
    }

    /// Takes a packet that may still be of it; `false` when it is of another connection, or shows that this one was
    /// not over.
    pub(super) fn take(
        &mut self,
        packet: &Packet<'cap>,
        segment: &TcpSegment<'cap>,
        shared: &mut Shared<'_, 'cap>,
    ) -> bool {
        match self.stop.judge(packet.direction, segment) {
            Leftover::Beyond => return false,
            Leftover::Again => {
                // A second tap may have the only copy.
                let known = (packet.direction, packet.fingerprint);
                if !shared.several_taps || self.syn.is_some_and(|syn| syn != known) {
                    return false;
                }
            }
            Leftover::Nothing => {}
            Leftover::Repeated(_) if shared.late.was_read(packet.at.frame) => {}
            Leftover::Repeated(len) if self.carried.is_peer() => {
                self.late.note(self.stop.late(packet.direction, segment), packet, shared);
                let occurrence = Oddity::RepeatedAfterEnd { len }.at(packet.at);
                shared.anomalies.odd(occurrence.sent(packet.flow, packet.direction));
            }
            Leftover::Repeated(_) => {}
        }
        let acks = segment.ack.is_some() && !segment.flags.syn;
        self.volume.count(packet.flow, packet.direction, packet.at.time, acks, &segment.payload);
        true
    }

    /// Counts what it carried.
    pub(super) fn close(&mut self, shared: &mut Shared<'_, 'cap>) {
        std::mem::take(&mut self.late).end(self.flow, true, shared);
        shared.traffic.add(self.flow, FlowKind::Tcp, self.carried, &self.volume);
    }
}

/// Connections that are over, until it is certain enough that nothing of them follows.
///
/// # Invariants
/// - A flow stands in one of the queues, once, while it says so itself.
#[derive(Debug, Default)]
pub(super) struct Lingering {
    /// Those on which nothing was served.
    silent: VecDeque<(Timestamp, FlowKey)>,
    /// Those on which something was.
    busy: VecDeque<(Timestamp, FlowKey)>,
}

impl Lingering {
    /// Lets a connection wait that was over at `time`.
    pub(super) fn add(&mut self, time: Timestamp, flow: FlowKey, busy: bool) {
        if busy { &mut self.busy } else { &mut self.silent }.push_back((time, flow));
    }

    /// Closes those that waited long enough at `now`; in a flood those without piece data sooner.
    #[inline]
    pub(super) fn settle<'cap>(
        &mut self,
        now: Timestamp,
        flows: &mut FlowTable<Flow<'cap>>,
        shared: &mut Shared<'_, 'cap>,
    ) {
        while let Some((time, key)) = self.next(now) {
            let Some(Flow::Tcp(flow)) = flows.recall(key) else { continue };
            match flow.linger_on() {
                // It was active since.
                Some(last) if last > time => self.add(last, key, flow.has_blocks()),
                Some(_) => {
                    if let Some(flow) = flows.recall(key) {
                        flow.end(shared);
                        flows.set_life(Life::Ended);
                    }
                }
                None => {}
            }
        }
    }

    fn next(&mut self, now: Timestamp) -> Option<(Timestamp, FlowKey)> {
        let due = |queue: &VecDeque<(Timestamp, FlowKey)>, most: usize| {
            let first = queue.front().map(|(time, _)| now.0.saturating_sub(time.0));
            first.is_some_and(|waited| waited > LINGER_NS || queue.len() > most)
        };
        if due(&self.silent, ENDED_SILENT) {
            self.silent.pop_front()
        } else if due(&self.busy, ENDED_BUSY) {
            self.busy.pop_front()
        } else {
            None
        }
    }
}

// Rationale: as long as Linux keeps a connection in TIME-WAIT; what is sent again comes far sooner.
const LINGER_NS: i64 = 60_000_000_000;
