//! Who talks to whom: a bounded table of flows, those that ended first to go, then the least recently active.

use hashbrown::HashMap;

use crate::ends::FlowKey;

/// Flows by key, in order of activity.
///
/// # Invariants
/// - At most `most` flows; making room gives the evicted one to the caller.
/// - Each chain, from its oldest slot by `newer`, visits every slot of its kind once.
/// - `index`, `free` and the chains hold places in `slots`, which never shrinks; chains and `last` may hold `NONE`.
#[derive(Debug)]
pub struct FlowTable<T> {
    index: HashMap<FlowKey, u32, foldhash::quality::FixedState>,
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
    /// By [`Life`].
    chains: [Chain; 2],
    /// The slot that was touched last.
    last: u32,
    most: usize,
}

/// The expectation of further packets on a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It may go on.
    Live,
    /// It is over, and only remembered.
    Ended,
}

#[derive(Debug)]
struct Slot<T> {
    key: FlowKey,
    older: u32,
    newer: u32,
    life: Life,
    flow: Option<T>,
}

/// The least and the most recently active slot of a kind.
#[derive(Clone, Copy, Debug)]
struct Chain {
    oldest: u32,
    newest: u32,
}

impl<T> FlowTable<T> {
    /// A table of at most `most` flows, at least 1.
    pub fn new(most: usize) -> Self {
        Self {
            index: HashMap::default(),
            slots: Vec::new(),
            free: Vec::new(),
            chains: [Chain { oldest: NONE, newest: NONE }; 2],
            last: NONE,
            most: most.clamp(1, NONE as usize - 1),
        }
    }

    /// The flow of `key`, made by `new` if there is none, and live then; now the most recently active one of its kind.
    /// `None` where there is none and `new` makes none.
    ///
    /// Gives the flow that was evicted to make room, too: in a box, as there is none for nearly every packet.
    #[inline]
    #[allow(clippy::type_complexity, reason = "a flow, and what made room for it")]
    pub fn touch(
        &mut self,
        key: FlowKey,
        new: impl FnOnce() -> Option<T>,
    ) -> Option<(&mut T, Option<Box<(FlowKey, T)>>)> {
        // Rationale: captures come in bursts of one flow; this saves the look-up.
        let same = self.slots.get(self.last as usize).is_some_and(|slot| slot.key == key && slot.newer == NONE);
        let mut evicted = None;
        let at = if same {
            self.last
        } else if let Some(at) = self.index.get(&key).copied() {
            self.unlink(at);
            self.link(at);
            at
        } else {
            let flow = new()?;
            if self.index.len() >= self.most {
                evicted = self.evict().map(Box::new);
            }
            let at = self.insert(key, flow);
            self.link(at);
            at
        };
        self.last = at;
        let flow = self.slots[at as usize].flow.as_mut()?;
        Some((flow, evicted))
    }

    /// Says of the flow touched last whether more is expected of it.
    #[inline]
    pub fn set_life(&mut self, life: Life) {
        let at = self.last;
        if self.slots.get(at as usize).is_some_and(|slot| slot.life != life) {
            self.unlink(at);
            self.slots[at as usize].life = life;
            self.link(at);
        }
    }

    /// The flow of `key`, as if it were touched last but for its place in the order of activity.
    pub fn recall(&mut self, key: FlowKey) -> Option<&mut T> {
        self.last = *self.index.get(&key)?;
        self.slots.get_mut(self.last as usize)?.flow.as_mut()
    }

    /// Takes a flow out: the least recently active one of those that ended, or else of all.
    pub fn evict(&mut self) -> Option<(FlowKey, T)> {
        let [live, ended] = self.chains;
        let at = if ended.oldest == NONE { live.oldest } else { ended.oldest };
        let key = self.slots.get(at as usize)?.key;
        self.unlink(at);
        self.index.remove(&key);
        self.free.push(at);
        self.last = NONE;
        self.slots[at as usize].flow.take().map(|flow| (key, flow))
    }

    /// Flows, live or ended.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Returns true if there is no flow.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    fn insert(&mut self, key: FlowKey, flow: T) -> u32 {
        let slot = Slot { key, older: NONE, newer: NONE, life: Life::Live, flow: Some(flow) };
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

    /// Puts a slot at the recently active end of its chain.
    fn link(&mut self, at: u32) {
        let life = self.slots[at as usize].life as usize;
        let newest = self.chains[life].newest;
        self.slots[at as usize].older = newest;
        self.slots[at as usize].newer = NONE;
        match self.slots.get_mut(newest as usize) {
            Some(slot) => slot.newer = at,
            None => self.chains[life].oldest = at,
        }
        self.chains[life].newest = at;
    }

    /// Takes a slot out of its chain.
    fn unlink(&mut self, at: u32) {
        let slot = &self.slots[at as usize];
        let (older, newer, life) = (slot.older, slot.newer, slot.life as usize);
        match self.slots.get_mut(older as usize) {
            Some(slot) => slot.newer = newer,
            None => self.chains[life].oldest = newer,
        }
        match self.slots.get_mut(newer as usize) {
            Some(slot) => slot.older = older,
            None => self.chains[life].newest = older,
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
    use crate::ends::{Endpoint, Protocol};

    fn key(n: u8) -> FlowKey {
        let end = |last| Endpoint { ip: IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)), port: 1 };
        FlowKey::new(end(n), end(255), Protocol::Tcp).0
    }

    proptest! {
        #[test]
        fn flows_that_ended_go_first_and_then_the_least_recently_active(
            steps in prop::collection::vec((0..12_u8, prop::option::of(any::<bool>())), 0..200),
        ) {
            let mut table = FlowTable::new(5);
            let mut model: [VecDeque<u8>; 2] = [VecDeque::new(), VecDeque::new()];
            for (n, ends) in steps {
                let (flow, evicted) = table.touch(key(n), || Some(n)).expect("it is made");
                prop_assert_eq!(*flow, n);
                let known = (0..2).find(|life| model[*life].contains(&n));
                let expected = match known {
                    Some(life) => { model[life].retain(|other| *other != n); None }
                    None if model[0].len() + model[1].len() == 5 => model[1].pop_front().or_else(|| model[0].pop_front()),
                    None => None,
                };
                let life = ends.map_or(known.unwrap_or(0), usize::from);
                model[life].push_back(n);
                if let Some(ends) = ends {
                    table.set_life(if ends { Life::Ended } else { Life::Live });
                }
                prop_assert_eq!(evicted.map(|evicted| evicted.1), expected);
                prop_assert_eq!(table.len(), model[0].len() + model[1].len());
                prop_assert_eq!(table.recall(key(n)).copied(), Some(n));
            }
            let mut rest = Vec::new();
            while let Some((_, flow)) = table.evict() { rest.push(flow); }
            let [live, ended] = model;
            prop_assert_eq!(rest, ended.into_iter().chain(live).collect::<Vec<_>>());
        }
    }
}
