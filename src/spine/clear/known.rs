//! Doubt about streams, and the length of their holes, as a first walk found them: the walk that writes the streams as TCP keeps
//! both.

use std::collections::BTreeMap;
use std::ops::Range;

use hashbrown::HashMap;

use crate::Error;
use crate::capture::CaptureSet;
use crate::ends::{ConnectionId, Direction, FlowKey};
use crate::facts::{Block, Facts, Scope};
use crate::judge::Suspect;
use crate::options::Options;
use crate::spine::acquit::{damaged, join};
use crate::wire::Framing;

/// Facts of the streams of a capture set, known before they are written.
#[derive(Debug, Default)]
pub(crate) struct Known {
    directions: HashMap<(ConnectionId, Direction), OfDirection, foldhash::quality::FixedState>,
}

/// One direction. Places are those of the stream, as its items have them.
#[derive(Debug, Default)]
pub(super) struct OfDirection {
    /// Stretches in doubt, beginning and end: sorted, apart from one another.
    doubts: Vec<(u64, u64)>,
    /// Bytes that are missing before a place, where offsets go on as if none were.
    holes: BTreeMap<u64, u64>,
    /// Where the headers of its blocks begin; sorted.
    blocks: Vec<u64>,
    /// Set if nothing shows that its sender received anything.
    pub(super) is_unconfirmed: bool,
}

impl Known {
    /// Takes over what `facts`, which a walk over `captures` wrote down, tell of each stream.
    ///
    /// # Errors
    /// Those of reading the captures.
    pub(crate) fn of(facts: &Facts, captures: &CaptureSet, options: &Options<'_>) -> Result<Self, Error> {
        let mut known = Self::default();
        let mut flows: HashMap<ConnectionId, FlowKey, foldhash::quality::FixedState> = HashMap::default();
        for connection in &facts.connections {
            flows.insert(connection.id, connection.flow);
            for from in [Direction::LowToHigh, Direction::HighToLow] {
                if connection.is_unconfirmed(from) {
                    known.of_direction(connection.id, from).is_unconfirmed = true;
                }
            }
        }
        for doubt in &facts.doubts {
            match doubt.scope {
                Scope::Stretch(id, from, stretch) => known.of_direction(id, from).doubt(stretch),
                Scope::Direction(id, from) => known.of_direction(id, from).doubt(0..u64::MAX),
                Scope::Share(_) | Scope::Piece(..) => {}
            }
        }
        let (mut suspects, mut stretches) = (Vec::new(), Vec::new());
        for block in facts.blocks.iter().filter(|block| block.reading == 0) {
            known.of_direction(block.connection, block.from).add(&block);
            if let Some(flow) = flows.get(&block.connection) {
                suspects.push(Suspect { flow: *flow, from: block.from, span: block.span });
                stretches.push((block.connection, block.from, block.stretch()));
            }
        }
        let reasons = damaged(captures, &suspects, options, &mut Vec::new())?;
        for ((id, from, stretch), _) in stretches.into_iter().zip(reasons).filter(|(_, reason)| reason.is_some()) {
            known.of_direction(id, from).doubt(stretch);
        }
        known.directions.values_mut().for_each(OfDirection::settle);
        Ok(known)
    }

    fn of_direction(&mut self, id: ConnectionId, from: Direction) -> &mut OfDirection {
        self.directions.entry((id, from)).or_default()
    }

    /// Facts of a direction; `None` where there are none.
    pub(super) fn get(&self, id: ConnectionId, from: Direction) -> Option<&OfDirection> {
        self.directions.get(&(id, from))
    }
}

impl OfDirection {
    fn add(&mut self, block: &Block) {
        let stretch = block.stretch();
        self.blocks.push(stretch.start);
        if block.framing == Framing::Resynchronised {
            self.doubt(stretch);
        }
        // The bytes of a block stand behind one another in the stream, but for those that are missing.
        let (mut place, mut start) = (block.offset, 0);
        for run in &block.runs {
            self.hole(place, run.stream, u64::from(run.start.saturating_sub(start)));
            (place, start) = (run.stream.saturating_add(u64::from(run.len)), run.start.saturating_add(run.len));
        }
        if block.captured_to == block.len {
            self.hole(place, place, u64::from(block.len.saturating_sub(start)));
        }
    }

    fn doubt(&mut self, stretch: Range<u64>) {
        self.doubts.push((stretch.start, stretch.end));
    }

    /// So many bytes of a block are missing between two places.
    fn hole(&mut self, from: u64, to: u64, missing: u64) {
        let hidden = missing.saturating_sub(to.saturating_sub(from));
        if hidden > 0 {
            *self.holes.entry(to).or_default() += hidden;
        }
    }

    fn settle(&mut self) {
        self.blocks.sort_unstable();
        join(&mut self.doubts);
    }

    /// Returns true if a byte of `stretch` is in doubt.
    pub(super) fn doubts(&self, stretch: &Range<u64>) -> bool {
        let next = self.doubts.partition_point(|(_, end)| *end <= stretch.start);
        self.doubts.get(next).is_some_and(|(start, _)| *start < stretch.end)
    }

    /// How many bytes are missing at a place where packets are; `None` where no block tells.
    pub(super) fn missing(&self, place: u64) -> Option<u64> {
        self.holes.get(&place).copied()
    }

    /// Where the next block begins, from a place on.
    pub(super) fn next_block(&self, place: u64) -> Option<u64> {
        self.blocks.get(self.blocks.partition_point(|block| *block < place)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::sample;

    /// A direction with one block of 100 bytes at place 1,000, of which these are captured: place in the block, in the stream, bytes.
    fn with(runs: &[(u32, u64, u32)], framing: Framing) -> OfDirection {
        let mut block = sample::blocks(1).remove(0);
        let run = block.runs[0];
        block.runs = runs
            .iter()
            .map(|(start, stream, len)| crate::facts::Run { start: *start, stream: *stream, len: *len, ..run })
            .collect();
        (block.offset, block.len, block.captured_to, block.framing) = (1_000, 100, 100, framing);
        let mut of = OfDirection::default();
        of.add(&block);
        of.settle();
        of
    }

    #[test]
    fn a_block_tells_how_much_is_missing_where_offsets_go_on() {
        let of = with(&[(0, 1_000, 20), (50, 1_020, 30)], Framing::InSync);
        assert_eq!((of.missing(1_020), of.missing(1_050), of.missing(1_000)), (Some(30), Some(20), None));
        // TCP numbers bytes: places say it.
        let of = with(&[(0, 1_000, 20), (50, 1_050, 50)], Framing::InSync);
        assert_eq!(of.holes, BTreeMap::new());
    }

    #[test]
    fn what_was_found_by_a_search_is_in_doubt_and_the_next_block_is_known() {
        let of = with(&[(0, 1_000, 100)], Framing::Resynchronised);
        assert!(of.doubts(&(1_099..1_200)) && of.doubts(&(900..988)) == of.doubts(&(0..988)));
        assert!(!of.doubts(&(1_100..1_200)) && of.doubts(&(980..988 + 1)));
        assert_eq!((of.next_block(500), of.next_block(988)), (Some(987), None));
        assert!(!with(&[(0, 1_000, 100)], Framing::InSync).doubts(&(0..u64::MAX)));
    }
}
