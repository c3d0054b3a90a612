//! Packets that acknowledge what the other end never sent, ahead of all that came: anybody can send one, and alone it makes
//! no hole. They are kept apart until the stream reaches them.

use crate::limits::BLIND_PACKETS;

/// Those of one direction; small while there are none.
#[derive(Debug)]
pub(super) struct Blind<P>(Option<Box<Kept<P>>>);

#[derive(Debug)]
struct Kept<P> {
    packets: Vec<P>,
    /// All that came, ahead or not.
    came: usize,
}

// Not derived: that would ask for `P: Default`.
impl<P> Default for Blind<P> {
    fn default() -> Self {
        Self(None)
    }
}

impl<P> Blind<P> {
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// One more came: returns true while they are so few that they say nothing of the stream. Of many it is more likely that
    /// the capture lacks what they acknowledge.
    #[cold]
    pub(super) fn are_few(&mut self) -> bool {
        let kept = self.0.get_or_insert_with(|| Box::new(Kept { packets: Vec::new(), came: 0 }));
        kept.came = kept.came.saturating_add(1);
        kept.came <= BLIND_PACKETS
    }

    /// Keeps one that stands ahead.
    pub(super) fn keep(&mut self, packet: P) {
        if let Some(kept) = &mut self.0 {
            kept.packets.push(packet);
        }
    }

    /// Takes out those that the stream reached; all where there are many.
    #[cold]
    pub(super) fn reached(&mut self, is_reached: impl Fn(&P) -> bool) -> Vec<P> {
        let Some(kept) = self.0.as_deref_mut().filter(|kept| !kept.packets.is_empty()) else { return Vec::new() };
        let many = kept.came > BLIND_PACKETS;
        kept.packets.extract_if(.., |packet| many || is_reached(packet)).collect()
    }

    /// Takes out those that the stream never reached.
    pub(super) fn take(&mut self) -> Vec<P> {
        self.0.take().map_or_else(Vec::new, |kept| kept.packets)
    }
}
