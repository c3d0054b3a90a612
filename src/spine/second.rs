//! The second look: where content imitates messages, the captures are read once for each framing of what a search found,
//! and the hash tells which is right (T56).

use std::collections::BTreeMap;

use super::{Hub, Spine};
use crate::ends::{ConnectionId, Direction, FlowKey};
use crate::judge::Contests;
use crate::oddity::{Bound, Oddity, Sink};
use crate::session::Session;
use crate::wire::Contest;

/// What a reading of the captures has to know before it begins: where searches for framing have to end.
#[derive(Clone, Debug, Default)]
pub(crate) struct SecondLook {
    /// By flow, number of the connection and direction.
    chosen: BTreeMap<(FlowKey, u32, Direction), Vec<(u64, u64)>>,
    /// Whether there were more framings than are tried.
    crowded: bool,
    /// Stretches that may be framed otherwise.
    pub(super) contests: Vec<Contested>,
}

impl Spine<'_, '_> {
    /// Says before the first frame what earlier readings learned.
    pub(crate) fn look_again(&mut self, look: SecondLook) {
        if look.crowded {
            let most = MOST_READINGS as u32;
            self.hub.anomalies.odd(Oddity::from(Bound::Framings { most }).seen());
        }
        self.hub.second = look;
    }
}

impl Hub<'_, '_> {
    /// Notes a stretch that may be framed otherwise.
    pub(super) fn contest(&mut self, session: &Session<'_>, from: Direction, contest: Contest) {
        if self.second.contests.len() >= MOST_CONTESTS {
            let most = MOST_READINGS as u32;
            return self.anomalies.odd(Oddity::from(Bound::Framings { most }).within(session.span()));
        }
        let key = (session.flow, session.number, from, contest.begun);
        self.second.contests.push(Contested { key, id: session.id, starts: contest.starts });
    }
}

/// A stretch that may be framed otherwise.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct Contested {
    key: Stretch,
    id: ConnectionId,
    starts: Vec<u64>,
}

/// What is the same in every reading: a connection by its flow and number, its direction, and the stream offset at which
/// the search began.
type Stretch = (FlowKey, u32, Direction, u64);

impl SecondLook {
    /// Where searches of a direction have to end.
    pub(super) fn chosen(&self, flow: FlowKey, number: u32, from: Direction) -> Vec<(u64, u64)> {
        if self.chosen.is_empty() {
            return Vec::new();
        }
        self.chosen.get(&(flow, number, from)).cloned().unwrap_or_default()
    }
}

impl Contested {
    /// A tally of the verified bytes of stretches, to begin with.
    pub(crate) fn tally(contests: &[Self]) -> Contests {
        let mut tally = Contests::default();
        contests.iter().for_each(|Self { key: (_, _, from, begun), id, .. }| tally.begin(*id, *from, *begun));
        tally
    }
}

/// All framings of contested stretches, one reading of the captures for each, and what was verified then. The choice for
/// each stretch: most verified bytes, then the first.
#[derive(Debug, Default)]
pub(crate) struct Readings {
    stretches: BTreeMap<Stretch, Framings>,
    readings: usize,
}

/// The framings of one stretch.
#[derive(Debug)]
struct Framings {
    starts: Vec<u64>,
    verified: Vec<Option<u64>>,
    /// That of the present reading.
    now: usize,
}

impl Framings {
    fn best(&self) -> usize {
        let most = self.verified.iter().flatten().max();
        self.verified.iter().position(|bytes| bytes.as_ref() == most && most.is_some()).unwrap_or(0)
    }
}

impl Readings {
    /// Whether no reading showed a stretch that may be framed otherwise.
    pub(crate) fn is_empty(&self) -> bool {
        self.stretches.is_empty()
    }

    /// Takes what a reading found; whether another one is wanted, and then `look` knows what it has to.
    pub(crate) fn go_on(&mut self, found: Vec<Contested>, verified: &Contests, look: &mut SecondLook) -> bool {
        for Contested { key, id, starts } in found {
            let bytes = verified.verified(id, key.2, key.3);
            let verified = vec![None; starts.len()];
            let known = self.stretches.entry(key).or_insert(Framings { starts, verified, now: 0 });
            if let Some(verified) = known.verified.get_mut(known.now) {
                *verified = Some(bytes);
            }
        }
        self.readings += 1;
        let mut changed = false;
        let untried = self.readings < MOST_READINGS;
        for framings in self.stretches.values_mut() {
            // What did not come up in this reading is not wanted.
            if let Some(verified @ None) = framings.verified.get_mut(framings.now) {
                *verified = Some(0);
            }
            let next = framings.verified.iter().position(|verified| verified.is_none());
            let next = next.filter(|_| untried).unwrap_or_else(|| framings.best());
            changed |= std::mem::replace(&mut framings.now, next) != next;
        }
        look.crowded = self.stretches.values().any(|framings| framings.verified.contains(&None)) && !untried;
        look.chosen = BTreeMap::new();
        for ((flow, number, from, begun), framings) in &self.stretches {
            let start = framings.starts.get(framings.now).copied().unwrap_or(*begun);
            look.chosen.entry((*flow, *number, *from)).or_default().push((*begun, start));
        }
        changed && self.readings <= MOST_READINGS
    }
}

// Rationale: four framings of one stretch, others of stretches that only these show, and the one that is chosen.
const MOST_READINGS: usize = 6;
// Rationale: 200 bytes each; a capture with more of them is made to have them.
const MOST_CONTESTS: usize = 1 << 16;
