//! Where a direction begins while nothing of it was captured, and that it has ended: by what the other end acknowledges.

use super::{Acknowledger, SANE, TcpSide};
use crate::stream::StreamLimits;
use crate::stream::tcp::signed;

impl TcpSide<'_> {
    /// The sequence number of offset 0, where that is decided by packets of the direction, or of its opening.
    pub(super) fn decided(&self) -> Option<u32> {
        self.origin.filter(|_| !self.assumed)
    }

    /// The first segment behind the other end's SYN acknowledges the answer to that, which was not captured.
    pub(in crate::stream::tcp) fn expect_from(&mut self, first: u32) {
        if self.origin.is_none() && self.held.is_empty() {
            (self.origin, self.assumed, self.opened) = (Some(first), true, true);
        }
    }

    /// The first bytes of the direction came: where it begins is decided by the opening, or by them.
    #[cold]
    pub(super) fn decide_by(&mut self, seq: u32) {
        match self.origin.filter(|origin| self.opened && (0..=SANE).contains(&signed(seq, *origin))) {
            Some(origin) => (self.isn, self.assumed) = (Some(origin.wrapping_sub(1)), false),
            None => self.forget_assumed(),
        }
    }

    /// Where it begins is told by its own packets from now on, or not at all.
    #[cold]
    pub(super) fn forget_assumed(&mut self) {
        if std::mem::take(&mut self.assumed) {
            (self.origin, self.ack, self.sure, self.met) = (None, None, None, None);
            (self.opened, self.behind) = (false, false);
        }
    }

    /// Returns true if its FIN was acknowledged, and nothing behind it.
    pub(in crate::stream::tcp) fn is_confirmed_end(&self) -> bool {
        self.fin.is_some_and(|fin| self.ack.is_some_and(|(ack, _)| ack == fin + 1))
    }

    /// Returns true if `seq` is a number that the direction, which has ended, never used.
    pub(in crate::stream::tcp) fn is_beyond_end(&self, seq: u32) -> bool {
        let behind = self.fin.map_or(i64::MAX, |fin| i64::try_from(fin).unwrap_or(i64::MAX).saturating_add(1));
        self.relative(seq).is_some_and(|place| place > behind || (place < -1 && self.isn.is_some()))
    }

    /// Returns true if `seq` stands just behind its SYN.
    pub(in crate::stream::tcp) fn is_behind_syn(&self, seq: u32) -> bool {
        self.isn.is_some_and(|isn| isn.wrapping_add(1) == seq)
    }

    /// Counts what is acknowledged of a direction of which no byte came, from the first number on.
    #[cold]
    pub(super) fn assume(&mut self, ack: u32, by: Acknowledger, limits: &StreamLimits) {
        if !self.held.is_empty() {
            return;
        }
        match self.origin {
            None => (self.origin, self.assumed) = (Some(ack), true),
            Some(origin) => {
                let offset = u64::try_from(signed(ack, origin)).ok().filter(|offset| *offset <= self.reach());
                offset.into_iter().for_each(|offset| self.note_ack(offset, by, limits));
            }
        }
    }
}
