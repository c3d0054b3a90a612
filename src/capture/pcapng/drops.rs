//! Packets that the capturing program says it dropped.

use crate::limits::STATISTICS_INTERFACES;
use std::collections::BTreeMap;

/// Packets dropped while capturing. Statistics count from the start of the capture, so the last ones stand.
#[derive(Clone, Debug, Default)]
pub(super) struct Drops {
    by_interface: BTreeMap<u32, u64>,
    /// Of sections that have ended.
    closed: Option<u64>,
    /// Summed from the packet blocks.
    packets: Option<u64>,
}

impl Drops {
    /// The newest statement on an interface of the current section.
    pub(super) fn interface(&mut self, id: u32, dropped: u64) {
        if self.by_interface.len() < STATISTICS_INTERFACES || self.by_interface.contains_key(&id) {
            self.by_interface.insert(id, dropped);
        } else {
            // Without a place for the interface, a lower bound: what no later statistics can take back.
            self.closed = Some(self.closed.unwrap_or(0).max(dropped));
        }
    }

    /// Adds packets that a packet block says were lost before it.
    pub(super) fn add(&mut self, dropped: u64) {
        self.packets = Some(self.packets.unwrap_or(0).saturating_add(dropped));
    }

    /// Ends the section: interface numbers start again.
    pub(super) fn close(&mut self) {
        self.closed = self.stated();
        self.by_interface.clear();
    }

    fn stated(&self) -> Option<u64> {
        self.by_interface.values().copied().chain(self.closed).reduce(u64::saturating_add)
    }

    /// The sum; the greater one where statistics and packets both tell. `None` when neither does.
    pub(super) fn total(&self) -> Option<u64> {
        self.stated().max(self.packets)
    }
}
