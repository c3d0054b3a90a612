//! Who talks to whom: a bounded table of live flows, the least recently active first to go.

use hashbrown::HashMap;

use crate::packet::FlowKey;

/// Flows by key, in order of activity.
///
/// # Invariants
/// - At most `most` flows; making room gives the evicted one to the caller.
/// - The chain from `oldest` by `newer` visits every live slot once.
#[derive(Debug)]
pub struct FlowTable<T> {
    index: HashMap<FlowKey, u32, foldhash::quality::FixedState>,
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
    oldest: u32,
    newest: u32,
    most: usize,
}

#[derive(Debug)]
struct Slot<T> {
    key: FlowKey,
    older: u32,
    newer: u32,
    flow: Option<T>,
}

impl<T> FlowTable<T> {
    /// A table of at most `most` flows, at least 1.
    pub fn new(most: usize) -> Self {
        Self {
            index: HashMap::default(),
            slots: Vec::new(),
            free: Vec::new(),
            oldest: NONE,
            newest: NONE,
            most: most.clamp(1, NONE as usize - 1),
        }
    }

    /// The flow of `key`, made by `new` if there is none; now the most recently active one.
    ///
    /// Gives the flow that was evicted to make room, too.
    #[inline]
    pub fn touch(&mut self, key: FlowKey, new: impl FnOnce() -> T) -> (&mut T, Option<(FlowKey, T)>) {
        // Rationale: captures come in bursts of one flow; this saves the look-up.
        let same = self.slots.get(self.newest as usize).is_some_and(|slot| slot.key == key);
        let mut evicted = None;
        let at = if same {
            self.newest
        } else if let Some(at) = self.index.get(&key).copied() {
            self.unlink(at);
            self.link(at);
            at
        } else {
            if self.index.len() >= self.most {
                evicted = self.evict();
            }
            let at = self.insert(key);
            self.link(at);
            at
        };
        let flow = self.slots[at as usize].flow.get_or_insert_with(new);
        (flow, evicted)
    }

    /// Takes the least recently active flow out.
    pub fn evict(&mut self) -> Option<(FlowKey, T)> {
        let at = self.oldest;
        let key = self.slots.get(at as usize)?.key;
        self.unlink(at);
        self.index.remove(&key);
        self.free.push(at);
        self.slots[at as usize].flow.take().map(|flow| (key, flow))
    }

    /// Live flows.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    fn insert(&mut self, key: FlowKey) -> u32 {
        let slot = Slot { key, older: NONE, newer: NONE, flow: None };
        let at = match self.free.pop() {
            Some(at) => {
                self.slots[at as usize] = slot;
                at
            }
            None => {
                self.slots.push(slot);
                (self.slots.len() - 1) as u32
            }
        };
        self.index.insert(key, at);
        at
    }

    /// Puts a slot at the recently active end of the chain.
    fn link(&mut self, at: u32) {
        let newest = self.newest;
        self.slots[at as usize].older = newest;
        self.slots[at as usize].newer = NONE;
        match self.slots.get_mut(newest as usize) {
            Some(slot) => slot.newer = at,
            None => self.oldest = at,
        }
        self.newest = at;
    }

    /// Takes a slot out of the chain.
    fn unlink(&mut self, at: u32) {
        let (older, newer) = (self.slots[at as usize].older, self.slots[at as usize].newer);
        match self.slots.get_mut(older as usize) {
            Some(slot) => slot.newer = newer,
            None => self.oldest = newer,
        }
        match self.slots.get_mut(newer as usize) {
            Some(slot) => slot.older = older,
            None => self.newest = older,
        }
    }
}

/// No slot.
const NONE: u32 = u32::MAX;

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::net::{IpAddr, Ipv4Addr};

    use proptest::prelude::*;

    use super::*;
    use crate::packet::{Endpoint, Protocol};

    fn key(n: u8) -> FlowKey {
        let end = |last| Endpoint { ip: IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)), port: 1 };
        FlowKey::new(end(n), end(255), Protocol::Tcp).0
    }

    proptest! {
        #[test]
        fn the_least_recently_active_flow_goes_first(steps in prop::collection::vec(0..12_u8, 0..200)) {
            let mut table = FlowTable::new(5);
            let mut model: VecDeque<u8> = VecDeque::new();
            for n in steps {
                let (flow, evicted) = table.touch(key(n), || n);
                prop_assert_eq!(*flow, n);
                let expected = match model.iter().position(|other| *other == n) {
                    Some(at) => { model.remove(at); None }
                    None if model.len() == 5 => model.pop_front(),
                    None => None,
                };
                model.push_back(n);
                prop_assert_eq!(evicted.map(|(_, flow)| flow), expected);
                prop_assert_eq!(table.len(), model.len());
            }
            let mut rest = Vec::new();
            while let Some((_, flow)) = table.evict() { rest.push(flow); }
            prop_assert_eq!(rest, Vec::from(model));
        }
    }
}
