//! A part: the facts of one capture set, written down so that they are judged elsewhere, later, and together with those of
//! other sets. Schema `peerproof/part/1`.
//!
//! A part is a directory:
//!
//! | file | holds |
//! |---|---|
//! | `part.json` | schema, tool, options, keys, inputs by digest, and size and SHA-256 of every other file |
//! | `facts.bin` | [`Facts`], in their compact encoding |
//! | `beside.bin` | what a walk finds besides: oddities, coverage, quality |
//! | `payload.bin` | payload that is carried; only where that was asked for |
//! | `tables/*.parquet` | the same facts as tables, to be read by other tools; not in a build without the feature `table` |
//!
//! It is a function of the captures, the options and the keys, and appears whole or not at all.

mod carried;
mod directory;
mod hashed;
mod merge;
mod messages;
mod moved;
#[cfg_attr(not(feature = "table"), expect(dead_code, reason = "only tables are made of it"))]
mod tables;
mod twice;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::anomaly::Anomalies;
use crate::capture::{InputFacts, PassedOver};
use crate::facts::{Facts, Reading, SetId};
use crate::hearsay::{Called, Counts, Mention, Mentions, Swarm};
use crate::limits::Limits;
use crate::options::{ChecksumPolicy, Options};
use crate::spine::{Contested, Coverage, Findings, Opaque, Quality, SameConnection};
pub use carried::Carried;
pub use directory::is_part;
pub use hashed::{Hashed, is_hashed};
pub(crate) use merge::merged;

/// The facts of a walk over one capture set, with all that stands beside them.
#[derive(Debug)]
pub(crate) struct Walked {
    pub(crate) facts: Facts,
    pub(crate) findings: Findings,
    pub(crate) inputs: Vec<InputFacts>,
}

/// The facts of one capture set, with all that is needed to make a report of them.
#[derive(Debug)]
pub struct Part {
    /// The name of its directory, without those above; for parts that were made in this run, of its captures.
    pub name: String,
    pub(crate) options: ReadWith,
    pub(crate) facts: Facts,
    pub(crate) beside: Beside,
    pub(crate) carried: Carried,
}

/// The options that bear on facts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReadWith {
    /// How checksums were used.
    pub(crate) checksums: ChecksumPolicy,
    /// Tunnels over UDP on ports that the user named, sorted.
    pub(crate) tunnels: Vec<String>,
    /// The bounds of the walk.
    pub(crate) limits: String,
}

/// All that a walk found besides the facts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Beside {
    pub(crate) anomalies: Anomalies,
    pub(crate) opaque: Vec<Opaque>,
    pub(crate) quality: Quality,
    pub(crate) coverage: Coverage,
    pub(crate) same: Vec<SameConnection>,
    pub(crate) contests: Vec<Contested>,
    pub(crate) swarms: Vec<(Swarm, (Counts, Mention))>,
    pub(crate) names: Vec<(Called, Mention)>,
    pub(crate) inputs: Vec<InputFacts>,
    pub(crate) passed_over: Vec<PassedOver>,
}

impl ReadWith {
    pub(crate) fn of(options: &Options<'_>) -> Self {
        let mut tunnels: Vec<String> = options.tunnels.iter().map(ToString::to_string).collect();
        tunnels.sort_unstable();
        tunnels.dedup();
        // Those that bear on what is judged, and on memory, are not asked in a walk.
        let limits = Limits {
            open_slices: 0,
            window_silence_ns: 0,
            rows: 0,
            served_rows: 0,
            journal_memory: 0,
            ..options.limits.clone()
        };
        Self { checksums: options.checksums, tunnels, limits: format!("{limits:?}") }
    }

    /// As one text, for the name of a set.
    fn text(&self) -> String {
        format!("{} {} {}", self.checksums, self.tunnels.join(" "), self.limits)
    }
}

impl Part {
    /// The part of a walk, whose inputs are hashed.
    pub(crate) fn of(
        Walked { mut facts, findings, inputs }: Walked,
        passed_over: Vec<PassedOver>,
        options: &Options<'_>,
    ) -> Self {
        let Findings {
            anomalies,
            mut mentions,
            metadata,
            opaque,
            quality,
            clock_steps,
            coverage,
            same,
            contests,
            torrents_tell: _,
        } = findings;
        let swarms = std::mem::take(&mut mentions.swarms).into_iter().collect();
        let names = std::mem::take(&mut mentions.names).into_iter().collect();
        facts.mentions = mentions.into_iter().collect();
        facts.metadata = metadata;
        facts.clock_steps = clock_steps;
        facts.clock_steps.sort_unstable();
        let name = inputs.iter().map(|input| input.name.as_str()).collect::<Vec<_>>().join(", ");
        let beside =
            Beside { anomalies, opaque, quality, coverage, same, contests, swarms, names, inputs, passed_over };
        Self { name, options: ReadWith::of(options), facts, beside, carried: Carried::default() }
    }

    /// Makes of a part the result of a walk, ready to be judged.
    pub(crate) fn into_walked(self) -> Walked {
        let Self { mut facts, beside, .. } = self;
        let Beside { anomalies, opaque, quality, coverage, same, contests, swarms, names, inputs, passed_over: _ } =
            beside;
        let mut mentions: Mentions = std::mem::take(&mut facts.mentions).into_iter().collect();
        (mentions.swarms, mentions.names) = (swarms.into_iter().collect(), names.into_iter().collect());
        let findings = Findings {
            anomalies,
            mentions,
            metadata: std::mem::take(&mut facts.metadata),
            opaque,
            quality,
            clock_steps: std::mem::take(&mut facts.clock_steps),
            coverage,
            same,
            contests,
            torrents_tell: false,
        };
        Walked { facts, findings, inputs }
    }

    /// Its captures.
    pub fn inputs(&self) -> &[InputFacts] {
        &self.beside.inputs
    }

    /// Everything that was odd while they were read.
    pub fn anomalies(&self) -> &Anomalies {
        &self.beside.anomalies
    }

    /// How many connections are in it.
    pub fn connections(&self) -> u64 {
        self.facts.connections.len()
    }

    /// How many blocks of pieces are in it.
    pub fn blocks(&self) -> u64 {
        self.facts.blocks.len()
    }

    /// Bytes of payload that it carries.
    pub fn carried_bytes(&self) -> u64 {
        self.carried.bytes()
    }

    /// The name of its set; `None` where an input was not hashed.
    pub fn set_id(&self) -> Option<SetId> {
        SetId::of(&self.facts, &self.options.text())
    }
}

impl Reading for Part {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn facts_mut(&mut self) -> &mut Facts {
        &mut self.facts
    }

    fn carried(&self) -> u64 {
        self.carried.bytes()
    }

    fn captures(&self) -> BTreeSet<[u8; 32]> {
        let own = |input: &InputFacts| input.content.map(|content| content.sha256).or(input.sha256);
        self.beside.inputs.iter().filter_map(own).collect()
    }

    fn is_read_as(&self, other: &Self) -> bool {
        self.options == other.options
    }
}
