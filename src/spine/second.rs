//! The second look: where content imitates messages, the captures are read once for each framing of what a search found (T56);
//! where framing was lost, once without each of the headers before that (T28, T64); where a packet of another length has the
//! number of one, once without each of the two. The hash tells which reading is right.

use std::collections::{BTreeMap, BTreeSet};

use super::{Shared, Spine};
use crate::ends::{ConnectionId, Direction, FlowKey, FrameId};
use crate::judge::Contests;
use crate::limits::{CONTESTS, READINGS};
use crate::oddity::{Bound, Oddity, Sink};
use crate::session::Session;
use crate::wire::{About, Chosen, Contest};

/// Decisions of the hash that a reading of the captures has to know before it begins: where searches for framing
/// have to end, and which packets are not the sender's.
#[derive(Clone, Debug, Default)]
pub(crate) struct SecondLook {
    /// By flow, number of the connection and direction.
    chosen: BTreeMap<(FlowKey, u32, Direction), Vec<Chosen>>,
    /// By flow, frames of packets.
    rejected: BTreeMap<FlowKey, BTreeSet<FrameId>>,
    /// True if there were more readings than are tried.
    crowded: bool,
    /// Stretches that may be framed otherwise.
    pub(super) contests: Vec<Contested>,
}

impl Spine<'_, '_> {
    /// Says before the first frame what earlier readings learned.
    pub(crate) fn look_again(&mut self, look: SecondLook) {
        if look.crowded {
            let most = READINGS as u32;
            self.shared.anomalies.odd(Oddity::from(Bound::Framings { most }).seen());
        }
        self.shared.second = look;
    }
}

impl Shared<'_, '_> {
    /// Notes a stretch that may be framed otherwise.
    pub(super) fn contest(&mut self, session: &Session<'_>, from: Direction, contest: Contest) {
        let Contest { about, begun, places } = contest;
        let choices = places.into_iter().map(Choice::Place).collect();
        self.question(session, from, begun, Question::Framing(about, begun), choices);
    }

    /// Notes two packets of one number and of different lengths. Without a choice, framing is lost behind them.
    pub(super) fn other_length(
        &mut self,
        session: &Session<'_>,
        from: Direction,
        offset: u64,
        frames: [FrameId; 2],
    ) {
        let [one, other] = frames;
        let choices = [None, Some(other), Some(one)].map(Choice::Without).into();
        // The block that they are in begins before them.
        self.question(session, from, offset.saturating_sub(USUAL), Question::Packet(one, other), choices);
    }

    fn question(
        &mut self,
        session: &Session<'_>,
        from: Direction,
        begun: u64,
        question: Question,
        choices: Vec<Choice>,
    ) {
        if self.second.contests.len() >= CONTESTS {
            let most = READINGS as u32;
            return self.anomalies.odd(Oddity::from(Bound::Framings { most }).within(session.span()));
        }
        let key = (session.flow, session.number, from, question);
        self.second.contests.push(Contested { key, id: session.id, begun, choices });
    }
}

/// A stretch that may be read otherwise.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct Contested {
    key: Stretch,
    id: ConnectionId,
    /// Where in the stream it begins, in this reading.
    begun: u64,
    choices: Vec<Choice>,
}

/// The key of a question in every reading: a connection by its flow and number, its direction, and the question
/// there.
type Stretch = (FlowKey, u32, Direction, Question);

/// A question that the hash decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
enum Question {
    /// How to frame a stretch that begins at this offset.
    Framing(About, u64),
    /// Which of the packets in these frames is the sender's.
    Packet(FrameId, FrameId),
}

/// The direction of a stretch.
fn way((flow, number, from, _): &Stretch) -> (FlowKey, u32, Direction) {
    (*flow, *number, *from)
}

impl Question {
    fn is_header(self) -> bool {
        matches!(self, Self::Framing(About::Header, _))
    }
}

/// One way to read a stretch.
#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
enum Choice {
    /// The search ends here, or this header is none.
    Place(Option<u64>),
    /// The packet in this frame is not the sender's.
    Without(Option<FrameId>),
}

impl SecondLook {
    /// How a direction is to be framed.
    pub(super) fn chosen(&self, flow: FlowKey, number: u32, from: Direction) -> Vec<Chosen> {
        if self.chosen.is_empty() {
            return Vec::new();
        }
        self.chosen.get(&(flow, number, from)).cloned().unwrap_or_default()
    }

    /// The frames of packets of a flow that are not the sender's.
    pub(super) fn rejected(&self, flow: FlowKey) -> BTreeSet<FrameId> {
        self.rejected.get(&flow).cloned().unwrap_or_default()
    }
}

impl Contested {
    /// A tally of the verified bytes of stretches, to begin with.
    pub(crate) fn tally(contests: &[Self]) -> Contests {
        let mut tally = Contests::default();
        for Self { key: (_, _, from, question), id, begun, .. } in contests {
            if question.is_header() {
                // They are chosen by all of their connection, and divide nothing.
                tally.begin(*id, *from, 0);
                tally.begin(*id, from.reverse(), 0);
            } else {
                tally.begin(*id, *from, *begun);
            }
        }
        tally
    }
}

/// All ways to read contested stretches, one reading of the captures for each, and what was verified then. The choice for
/// each stretch: most verified bytes, then the first.
#[derive(Debug, Default)]
pub(crate) struct Readings {
    stretches: BTreeMap<Stretch, Ways>,
    readings: usize,
}

/// The ways to read one stretch.
#[derive(Debug)]
struct Ways {
    choices: Vec<Choice>,
    /// Verified bytes of the stretch with each; of packets also of all behind it, where that is all that differs: with a
    /// forged handshake nothing is verified anywhere. Of headers those of all of the connection, and those that were asked for.
    verified: Vec<Option<(u64, u64)>>,
    /// That of the present reading.
    now: usize,
}

impl Ways {
    fn best(&self) -> usize {
        let most = self.verified.iter().flatten().max();
        self.verified.iter().position(|bytes| bytes.as_ref() == most && most.is_some()).unwrap_or(0)
    }
}

impl Readings {
    /// Returns true if no reading showed a stretch that may be framed otherwise.
    pub(crate) fn is_empty(&self) -> bool {
        self.stretches.is_empty()
    }

    /// Takes what a reading found; whether another one is wanted, and then `look` knows what it has to.
    pub(crate) fn go_on(&mut self, found: Vec<Contested>, verified: &Contests, look: &mut SecondLook) -> bool {
        // Questions of this reading, and directions with one that only this reading shows.
        let (mut asked, mut fresh) = (BTreeSet::new(), BTreeSet::new());
        for Contested { key, id, begun, choices } in found {
            let own = || verified.verified(id, key.2, begun);
            let bytes = match key.3 {
                Question::Framing(About::Search, _) => (own(), 0),
                Question::Framing(About::Header, _) => {
                    let [one, other] = [key.2, key.2.reverse()].map(|from| verified.behind(id, from, 0));
                    (one.verified + other.verified, one.asked + other.asked)
                }
                Question::Packet(..) => (own(), verified.behind(id, key.2, begun).verified),
            };
            if !self.stretches.contains_key(&key) {
                fresh.insert(way(&key));
            }
            asked.insert(key);
            let verified = vec![None; choices.len()];
            let known = self.stretches.entry(key).or_insert(Ways { choices, verified, now: 0 });
            if let Some(verified) = known.verified.get_mut(known.now) {
                *verified = if key.3.is_header() { (*verified).max(Some(bytes)) } else { Some(bytes) };
            }
            if key.3.is_header() && known.now > 0 && known.verified.first().copied().flatten() < Some(bytes) {
                // It is decided: there may be others behind it, which take readings.
                known.verified.iter_mut().for_each(|verified| _ = verified.get_or_insert((0, 0)));
            }
        }
        // Where framing is no longer lost, nothing is asked of the headers before.
        self.stretches.retain(|key, ways| !key.3.is_header() || ways.now > 0 || asked.contains(key));
        self.readings += 1;
        let untried = self.readings < READINGS;
        // Directions in which another choice is made now. Framing may be lost for whatever else is asked of a direction: then
        // its headers are asked last, and one by one, as what a header hid that is none may hold another one.
        let mut changed = BTreeSet::new();
        for header in [false, true] {
            for (key, ways) in self.stretches.iter_mut().filter(|(key, _)| key.3.is_header() == header) {
                // What did not come up in this reading is not wanted.
                if let Some(verified @ None) = ways.verified.get_mut(ways.now) {
                    *verified = Some((0, 0));
                }
                let next = ways.verified.iter().position(|verified| verified.is_none());
                let next = next.filter(|_| untried).unwrap_or_else(|| ways.best());
                let waits = header && untried && changed.contains(&(way(key), false));
                let holds = header && untried && ways.now > 0 && fresh.contains(&way(key));
                if !waits && !holds && std::mem::replace(&mut ways.now, next) != next {
                    changed.insert((way(key), header));
                }
            }
        }
        let changed = !changed.is_empty();
        look.crowded = self.stretches.values().any(|ways| ways.verified.contains(&None)) && !untried;
        (look.chosen, look.rejected) = (BTreeMap::new(), BTreeMap::new());
        for ((flow, number, from, question), ways) in &self.stretches {
            match (question, ways.choices.get(ways.now)) {
                (Question::Framing(about, begun), Some(Choice::Place(place))) => {
                    let chosen = Chosen { about: *about, begun: *begun, place: *place };
                    look.chosen.entry((*flow, *number, *from)).or_default().push(chosen);
                }
                (_, Some(Choice::Without(Some(frame)))) => {
                    look.rejected.entry(*flow).or_default().insert(*frame);
                }
                _ => {}
            }
        }
        changed && self.readings <= READINGS
    }
}

/// Bytes of the usual block and its header.
const USUAL: u64 = (16 << 10) + 13;
