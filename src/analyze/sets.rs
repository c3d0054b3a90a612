//! Parts: facts that are written down to be judged later, and with those of other sets.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::captured::Captured;
use super::source::{Files, Source, Way};
use super::units::Group;
use super::{Read, complete, described, joined, judged, made, reading, tell_left_out, with_digests};
use crate::Error;
use crate::capture::{CaptureSet, PassedOver, Spill};
use crate::ends::{ConnectionId, Direction};
use crate::evidence::Evidence;
use crate::facts::{
    Block, Doubt, Facts, Input, Journal, Keys, Peer, Place, Reason, SPILL, Scope, SetId, Sets, Settled,
};
use crate::metadata::Rebuilt;
use crate::oddity::{Bound, Oddity, Sink};
use crate::options::Options;
use crate::part::{Hashed, Part, ReadWith, Walked, merged};
use crate::prove::{check_engine, with_prover};
use crate::torrent::Torrents;
use crate::webseed::{WebRequest, identify};

/// Reads captures front to back, and returns their facts as a part. Of the torrents the info-hashes count, as keys; and
/// complete copies of their pieces are hashed meanwhile.
///
/// With `carry`, it carries the payload of blocks whose units are still open, so that it can be judged without the
/// captures. [`analyze_parts`] has an example.
///
/// # Errors
/// As [`analyze`](super::analyze()); [`Error::Usage`] where the captures are not to be hashed.
pub fn make_part(
    captures: &CaptureSet,
    torrents: &Torrents,
    options: &Options<'_>,
    carry: bool,
) -> Result<Part, Error> {
    let spill = Spill::new(options.spool_dir);
    let mut part = read(captures, torrents, options, &spill)?;
    if carry {
        super::carry::carry(&mut part, captures, &spill, torrents, options)?;
    }
    Ok(part)
}

fn read(captures: &CaptureSet, torrents: &Torrents, options: &Options<'_>, spill: &Spill) -> Result<Part, Error> {
    check_engine()?;
    if !options.digest {
        return Err(Error::Usage(
            "a part names its captures by their digests, and --no-digest leaves them out".to_owned(),
        ));
    }
    let digests: Vec<_> = (0..captures.len()).map(|_| OnceLock::new()).collect();
    let seek = !complete(torrents);
    let Read { mut walked, torrents, .. } = with_digests(captures, &digests, options, |prover| {
        reading(captures, torrents, seek, options, prover, spill)
    })?;
    for ((file, input), digest) in (0..).zip(&mut walked.inputs).zip(digests) {
        if input.sha256.is_none() {
            let digests = digest.into_inner().unwrap_or_else(|| captures.digests(file))?;
            (input.sha256, input.content) = (Some(digests.file), digests.content);
        }
    }
    walked.facts.inputs = inputs(&walked);
    walked.facts.keys = keys(&torrents, options);
    Ok(Part::of(walked, captures.passed_over().to_vec(), options))
}

/// The inputs as facts have them.
pub(super) fn inputs(walked: &Walked) -> Vec<Input> {
    let input = |input: &crate::capture::InputFacts| Input {
        name: input.name.clone(),
        bytes: input.bytes,
        sha256: input.sha256,
        frames: input.frames,
        first_time: input.first_time,
        last_time: input.last_time,
    };
    walked.inputs.iter().map(input).collect()
}

/// All that a walk is told of torrents.
pub(super) fn keys(torrents: &Torrents, options: &Options<'_>) -> Keys {
    let mut info_hashes: Vec<_> = torrents.iter().flat_map(|torrent| torrent.wire_hashes()).collect();
    info_hashes.sort_unstable();
    info_hashes.dedup();
    Keys { secrets: options.secrets.digests(), info_hashes }
}

/// Parts to be judged, with the captures, torrents and digests that go with them.
#[derive(Debug)]
pub struct Gathered {
    /// The parts.
    pub parts: Vec<Part>,
    /// Captures that are read now, as one set more.
    pub captures: Option<CaptureSet>,
    /// In and below which directories the captures of the parts are looked for.
    pub places: Vec<PathBuf>,
    /// Digests of pieces of the parts, as far as they were worked out before.
    pub hashed: Vec<Hashed>,
    /// Parts, and digests, that could not be read.
    pub refused: Vec<PassedOver>,
}

/// Judges parts, with captures that are read now as one set more, and returns everything that they prove together. Payload
/// is read from their captures, where these are found.
///
/// # Example
/// ```
/// use peerproof::{CaptureSet, Gathered, Group, OpenOptions, Options, Torrents, analyze_parts, hash_units, make_part};
///
/// let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/three-peers/");
/// let captures = CaptureSet::open(&[format!("{folder}capture.pcap").into()], &OpenOptions::default())?;
/// let torrents = Torrents::open(&[format!("{folder}halves.torrent").into()])?;
/// let options = Options::default();
/// let gathered = || -> Result<Gathered, peerproof::Error> {
///     let parts = vec![make_part(&captures, &torrents, &options, false)?];
///     Ok(Gathered { parts, captures: None, places: vec![folder.into()], hashed: Vec::new(), refused: Vec::new() })
/// };
/// let half = Group::new(0, 2).expect("the first of two");
/// let hashed = vec![hash_units(gathered()?, &torrents, &options, half)?];
/// let evidence = analyze_parts(Gathered { hashed, ..gathered()? }, &torrents, &options)?;
/// assert!(evidence.transfers.iter().any(|transfer| transfer.bytes.verified > 0));
/// # Ok::<(), peerproof::Error>(())
/// ```
///
/// # Errors
/// As [`analyze`](super::analyze()); [`Error::Usage`] where no part is left to be judged.
pub fn analyze_parts(gathered: Gathered, torrents: &Torrents, options: &Options<'_>) -> Result<Evidence, Error> {
    let United { hand, walked, bases, known, passed_over, refused, left_out, sets: _ } =
        unite(gathered, torrents, options)?;
    let mut evidence = hand.judge(walked, &bases, &known, options, &refused)?;
    evidence.passed_over = passed_over;
    tell_left_out(left_out, &mut evidence.anomalies);
    Ok(evidence)
}

/// Hashes what of one group of pieces in parts is not hashed yet, for [`analyze_parts`] of the same parts. It decides nothing,
/// and may be left out. The example of [`analyze_parts`] shows both.
///
/// # Errors
/// As [`analyze_parts`].
pub fn hash_units(
    gathered: Gathered,
    torrents: &Torrents,
    options: &Options<'_>,
    group: Group,
) -> Result<Hashed, Error> {
    let United { hand, mut walked, bases, known, sets, .. } = unite(gathered, torrents, options)?;
    let before = walked.facts.doubts.len();
    hand.doubt(&mut walked.facts, before, &bases, &known, options)?;
    let mut captured = Captured::of_sets(&hand.sources, &bases, options);
    let copies = super::units::hash(&walked, &bases, &known, options, group, &mut captured)?;
    Ok(Hashed { name: String::new(), sets, copies })
}

/// Sets as one, with what is at hand of them.
struct United {
    hand: Hand,
    walked: Walked,
    /// The first input of each set.
    bases: Vec<u16>,
    /// The torrents that they are judged by.
    known: Torrents,
    passed_over: Vec<PassedOver>,
    /// Those of them that are not used.
    refused: Vec<PassedOver>,
    /// How many torrents that the captures describe are not known.
    left_out: u64,
    sets: Vec<SetId>,
}

fn unite(gathered: Gathered, torrents: &Torrents, options: &Options<'_>) -> Result<United, Error> {
    check_engine()?;
    let Gathered { parts, captures, places, hashed, mut refused } = gathered;
    let read_with = ReadWith::of(options);
    let mut sets = Sets::default();
    let mut own = None;
    if let Some(captures) = captures {
        let spill = Spill::new(options.spool_dir);
        let part = read(&captures, torrents, options, &spill)?;
        let id = part.set_id();
        own = Some((id, part.facts.keys.clone(), captures, spill));
        id.into_iter().zip([part]).for_each(|(id, part)| sets.add(id, part));
    }
    for part in parts {
        match part.set_id() {
            Some(id) if part.options == read_with => sets.add(id, part),
            _ => refused
                .push(not_used(part.name, "facts that were read with other options than those given".to_owned())),
        }
    }
    let Settled { mut sets, refused: unfit } = sets.settle();
    refused.extend(unfit.into_iter().map(|(part, why)| not_used(part.name, why)));
    let ids: Vec<SetId> = sets.iter().map(|(id, _)| *id).collect();
    let (hashed, of_others): (Vec<Hashed>, Vec<Hashed>) = hashed.into_iter().partition(|hashed| hashed.sets == ids);
    let of_others = of_others.into_iter().map(|hashed| not_used(hashed.name, "digests of other parts".to_owned()));
    refused.extend(of_others);
    refused.sort();
    if sets.is_empty() {
        let why = refused
            .first()
            .map_or("no part is given".to_owned(), |first| format!("{}: {}", first.name, first.found));
        return Err(Error::Usage(why));
    }
    let known = if complete(torrents) { torrents.clone() } else { add_found(torrents, &sets).0 };
    let mut hand = Hand { files: OnceCell::new(), places, sources: Vec::new(), untold: Vec::new() };
    let mut inputs = 0;
    for (id, part) in &mut sets {
        let own = own.take_if(|(own, keys, ..)| *own == Some(*id) && *keys == part.facts.keys);
        let own = own.map(|(.., captures, spill)| (captures, spill));
        hand.reach(part, own, inputs, &known, options)?;
        inputs = inputs.saturating_add(u16::try_from(part.facts.inputs.len()).unwrap_or(u16::MAX));
    }
    let (known, left_out) = if complete(torrents) { (known, 0) } else { add_found(torrents, &sets) };
    let mut passed_over: Vec<PassedOver> =
        sets.iter().flat_map(|(_, part)| part.beside.passed_over.iter().cloned()).collect();
    let bases = bases(&sets);
    let mut walked = merged(sets, &options.limits, options.spool_dir)?;
    for copy in hashed.iter().flat_map(|hashed| &hashed.copies) {
        walked.facts.copies.push(copy)?;
    }
    passed_over.extend(refused.iter().cloned());
    passed_over.sort();
    Ok(United { hand, walked, bases, known, passed_over, refused, left_out, sets: ids })
}

fn not_used(name: String, found: String) -> PassedOver {
    PassedOver { name, found, broken: true }
}

fn bases(sets: &[(SetId, Part)]) -> Vec<u16> {
    let mut next = 0_u16;
    let base = |(_, part): &(SetId, Part)| {
        let base = next;
        next = next.saturating_add(u16::try_from(part.facts.inputs.len()).unwrap_or(u16::MAX));
        base
    };
    sets.iter().map(base).collect()
}

/// The given torrents with the metadata that the sets hold, as a walk finds it in captures; and how many torrents
/// were left out.
fn add_found(torrents: &Torrents, sets: &[(SetId, Part)]) -> (Torrents, u64) {
    let rebuilt = sets.iter().flat_map(|(_, part)| &part.facts.metadata.rebuilt);
    let rebuilt: BTreeMap<[u8; 20], &Rebuilt> = rebuilt.map(|rebuilt| (rebuilt.info_hash, rebuilt)).collect();
    let rebuilt: Vec<Rebuilt> = rebuilt.into_values().cloned().collect();
    let hashes = sets.iter().flat_map(|(_, part)| part.facts.hashes.iter().cloned()).collect();
    let hashes = Facts { hashes, ..Facts::default() };
    let (found, left_out) = described(&rebuilt, &hashes);
    (joined(torrents, &found), left_out)
}

/// Captures of parts that are at hand.
struct Hand {
    files: OnceCell<Files>,
    places: Vec<PathBuf>,
    sources: Vec<Source>,
    /// Captures that are not there, by the number of their input.
    untold: Vec<(usize, u16, bool)>,
}

impl Hand {
    /// Looks for the captures of a part whose first input has the number `base`, and reads them again where what is known
    /// now would show more in them.
    fn reach(
        &mut self,
        part: &mut Part,
        own: Option<(CaptureSet, Spill)>,
        base: u16,
        known: &Torrents,
        options: &Options<'_>,
    ) -> Result<(), Error> {
        let number = self.sources.len();
        let carried = std::mem::take(&mut part.carried);
        let again = is_read_otherwise(part, known, options);
        let derived =
            own.is_none() && names_derived(&part.facts, |place, len| carried.bytes_at(place, len).is_some());
        let secrets = options.secrets.digests();
        let has_secrets = part.facts.keys.secrets.iter().all(|secret| secrets.contains(secret));
        let again = again || (derived && has_secrets);
        let (captures, spill) = match own {
            Some((captures, spill)) if !again => {
                self.sources.push(Source::new(carried, Way::Read(Box::new((captures, spill)))));
                return Ok(());
            }
            Some((captures, spill)) => (Some(captures), Some(spill)),
            None => (None, None),
        };
        let found = match captures {
            Some(captures) => Ok(captures),
            None => {
                let files = self.files.get_or_init(|| Files::below(&self.places));
                match files.find(&part.facts.inputs, options.spool_dir) {
                    Ok(found) if !again => {
                        self.sources.push(Source::new(carried, Way::Found(found, OnceCell::new())));
                        return Ok(());
                    }
                    Ok(found) => found.open().ok_or_else(|| (0..).take(part.facts.inputs.len()).collect()),
                    Err(missing) => Err(missing),
                }
            }
        };
        drop(spill);
        let way = match found {
            Ok(captures) => {
                let spill = Spill::new(options.spool_dir);
                let read = with_prover(options.threads, |prover| {
                    reading(&captures, known, false, options, prover, &spill)
                });
                replace(part, read?.walked, known, options);
                Way::Read(Box::new((captures, spill)))
            }
            Err(missing) => {
                let missing: Vec<u16> = missing;
                let inputs = missing.into_iter().map(|input| (number, base.saturating_add(input), again));
                self.untold.extend(inputs);
                Way::Missing
            }
        };
        self.sources.push(Source::new(carried, way));
        Ok(())
    }

    /// Judges all of them together.
    fn judge(
        mut self,
        mut walked: Walked,
        bases: &[u16],
        known: &Torrents,
        options: &Options<'_>,
        refused: &[PassedOver],
    ) -> Result<Evidence, Error> {
        let before = walked.facts.doubts.len();
        loop {
            let nowhere = self.doubt(&mut walked.facts, before, bases, known, options)?;
            let sources = &self.sources;
            let mut ask = Captured::of_sets(sources, bases, options);
            let (judged, odd, rows) = judged(&walked.facts, known, options, &mut ask)?;
            let failed: Vec<usize> =
                (0..).zip(sources).filter(|(_, it)| it.has_failed()).map(|(at, _)| at).collect();
            if !failed.is_empty() {
                // They have the size of what they were, and are something else.
                drop((judged, ask));
                for at in failed {
                    let base = bases.get(at).copied().unwrap_or(0);
                    self.untold.push((at, base, false));
                    if let Some(source) = self.sources.get_mut(at) {
                        source.way = Way::Missing;
                    }
                }
                continue;
            }
            let Walked { mut findings, inputs, facts } = walked;
            drop(facts);
            findings.anomalies.join(odd);
            tell(&mut findings.anomalies, refused, &self.untold, (sources, bases), &nowhere);
            return made((judged, rows), findings, inputs, known, options, &mut ask, None);
        }
    }

    /// Puts what cannot be looked at in doubt: it may verify by what was hashed before, and refutes nobody, nor does it speak
    /// against what it is compared with. Gives the bytes that are nowhere, by set.
    fn doubt(
        &self,
        facts: &mut Facts,
        before: u64,
        bases: &[u16],
        known: &Torrents,
        options: &Options<'_>,
    ) -> Result<Vec<u64>, Error> {
        let mut nowhere = vec![0; self.sources.len()];
        let is_whole = |source: &Source| !matches!(source.way, Way::Missing);
        let derived = |facts: &Facts| names_derived(facts, |_, _| false);
        if self.sources.iter().all(|source| matches!(source.way, Way::Read(_)))
            || (self.sources.iter().all(is_whole) && !derived(facts))
        {
            return Ok(nowhere);
        }
        let names = if self.sources.iter().any(is_whole) { Named::of(facts, known) } else { Named::default() };
        let mut pieces = Pieces::default();
        let mut is_nowhere = |place: Place, len: u32| {
            let (number, place) = place.of_set(bases);
            let is = self.sources.get(number).is_none_or(|source| !source.holds(place, len));
            if let Some(bytes) = nowhere.get_mut(number).filter(|_| is) {
                *bytes += u64::from(len);
            }
            is
        };
        for block in &facts.blocks {
            let runs = block.runs.iter().filter(|run| is_nowhere(run.place, run.len)).count();
            if runs > 0 {
                pieces.insert(names.of_block(&block), block.piece);
            }
        }
        let webs = webseeds(facts, known);
        let mut web_nowhere = false;
        for body in facts.bodies.iter().filter(|body| webs.contains(&body.connection)) {
            web_nowhere |= body.runs.iter().filter(|run| is_nowhere(run.place, run.len)).count() > 0;
        }
        let lacks = |place: Place| {
            let source = self.sources.get(place.of_set(bases).0);
            source.is_none_or(|source| matches!(source.way, Way::Missing))
        };
        let mut doubts: Journal<Doubt> = Journal::new(options.limits.other_journal_memory(), options.spool_dir);
        for doubt in facts.doubts.iter().take(usize::try_from(before).unwrap_or(usize::MAX)) {
            doubts.push(&doubt)?;
        }
        let of = |scope| Doubt { scope, reason: Reason::NotTested, second: None };
        for block in &facts.blocks {
            // Where the frames are not at hand, damage of theirs would not be seen either.
            let lacks = block.runs.first().is_some_and(|run| lacks(run.place));
            if lacks || web_nowhere || pieces.may_hold(names.of_block(&block), block.piece) {
                doubts.push(&of(Scope::Share(block.id)))?;
            }
        }
        if web_nowhere || !pieces.numbers.is_empty() || self.sources.iter().any(|source| !is_whole(source)) {
            for connection in facts.connections.choose(|head| webs.contains(&head.id)) {
                if let Some(web) = connection.web() {
                    doubts.push(&of(Scope::Direction(connection.id, web.server)))?;
                }
            }
        }
        facts.doubts = doubts;
        Ok(nowhere)
    }
}

/// The torrents of connections by their handshakes: a wire hash that stands for each.
#[derive(Default)]
struct Named(BTreeMap<ConnectionId, [Option<[u8; 20]>; 2]>);

impl Named {
    fn of(facts: &Facts, known: &Torrents) -> Self {
        let one = |hash: [u8; 20]| {
            let torrent = known.find(&hash).map(|id| known.torrent(id));
            torrent.and_then(|torrent| torrent.wire_hashes().next()).unwrap_or(hash)
        };
        let peers = facts.connections.iter().filter(|connection| connection.peer().is_some_and(Peer::has_blocks));
        let named = peers.filter_map(|connection| {
            let [low, high] = connection.peer()?.info_hashes();
            Some((connection.id, [low.or(high).map(one), high.or(low).map(one)]))
        });
        Self(named.collect())
    }

    /// `None` where it is not known.
    fn of_block(&self, block: &Block) -> Option<[u8; 20]> {
        self.0.get(&block.connection).copied().and_then(|[low, high]| match block.from {
            Direction::LowToHigh => low,
            Direction::HighToLow => high,
        })
    }
}

/// Pieces of which bytes are nowhere.
#[derive(Default)]
struct Pieces {
    of: BTreeSet<(Option<[u8; 20]>, u32)>,
    numbers: BTreeSet<u32>,
}

impl Pieces {
    fn insert(&mut self, torrent: Option<[u8; 20]>, piece: u32) {
        self.of.insert((torrent, piece));
        self.numbers.insert(piece);
    }

    /// Returns true if bytes are nowhere that may be of this piece of a torrent.
    fn may_hold(&self, torrent: Option<[u8; 20]>, piece: u32) -> bool {
        self.numbers.contains(&piece)
            && (torrent.is_none() || self.of.contains(&(torrent, piece)) || self.of.contains(&(None, piece)))
    }
}

/// Says what is missing: parts that are not used, and captures that something was asked of.
fn tell(
    out: &mut dyn Sink,
    refused: &[PassedOver],
    untold: &[(usize, u16, bool)],
    (sources, bases): (&[Source], &[u16]),
    nowhere: &[u64],
) {
    for PassedOver { name, found, .. } in refused {
        out.odd(Oddity::PassedOver { name: name.clone(), found: found.clone() }.seen());
    }
    let mut told: BTreeSet<(usize, u16, bool)> = untold.iter().copied().collect();
    // Derived bytes whose secrets are not given are nowhere, though the captures are there.
    for (number, source) in sources.iter().enumerate() {
        if source.missed.get() && untold.iter().all(|(set, ..)| *set != number) {
            told.insert((number, bases.get(number).copied().unwrap_or(0), false));
        }
    }
    for (number, input, again) in told {
        let missed = sources.get(number).is_some_and(|source| source.missed.get());
        if missed || again {
            let bytes = nowhere.get(number).copied().unwrap_or(0);
            out.odd(Oddity::from(Bound::Captures { input, bytes, again }).seen());
        }
    }
}

/// Returns true if a walk that knows these torrents and secrets would write down other facts than those of the part.
fn is_read_otherwise(part: &Part, known: &Torrents, options: &Options<'_>) -> bool {
    let (now, then) = (keys(known, options), &part.facts.keys);
    if !now.secrets.is_empty() && now != *then {
        return true;
    }
    if now.info_hashes == then.info_hashes {
        return false;
    }
    if !part.beside.contests.is_empty() {
        return true;
    }
    // What is odd about a web server is told where it is known to serve a torrent.
    let is_of_then = then.info_hashes.iter().any(|hash| now.info_hashes.binary_search(hash).is_err());
    let has_web = || part.facts.connections.heads().any(|head| head.is_web);
    if is_of_then {
        return has_web();
    }
    let mut new = Torrents::default();
    let is_new = |hash: &[u8; 20]| then.info_hashes.binary_search(hash).is_err();
    known.iter().filter(|torrent| torrent.wire_hashes().any(|hash| is_new(&hash))).for_each(|torrent| {
        new.add(torrent.clone());
    });
    !webseeds(&part.facts, &new).is_empty()
}

/// The connections on which a web server may have sent something of the torrents.
fn webseeds(facts: &Facts, torrents: &Torrents) -> BTreeSet<ConnectionId> {
    let mut requests: BTreeMap<ConnectionId, Vec<WebRequest>> = BTreeMap::new();
    let mut found = BTreeSet::new();
    for connection in facts.connections.choose(|head| head.is_web) {
        let Some(web) = connection.web() else { continue };
        let asked: Vec<WebRequest> = web.requests.iter().map(WebRequest::from).collect();
        if !web.redirects.is_empty() || asked.iter().any(|asked| !identify(Some(asked), None, torrents).is_empty())
        {
            found.insert(connection.id);
        }
        requests.insert(connection.id, asked);
    }
    let mut last = None;
    for body in &facts.bodies {
        let key = (body.connection, body.request, body.total);
        if found.contains(&body.connection) || last.replace(key) == Some(key) {
            continue;
        }
        let asked = requests.get(&body.connection);
        let asked = asked.and_then(|asked| body.request.and_then(|request| asked.get(request as usize)));
        if !identify(asked, body.total, torrents).is_empty() {
            found.insert(body.connection);
        }
    }
    // Who was sent elsewhere asks there under another name.
    let mut servers = facts.connections.choose(|head| head.is_web);
    if servers.any(|connection| connection.web().is_some_and(|web| !web.redirects.is_empty())) {
        found.extend(requests.into_keys());
    }
    found
}

/// Returns true if facts name bytes that were derived from the captures, and `is_held` does not hold all of them.
fn names_derived(facts: &Facts, is_held: impl Fn(Place, u32) -> bool) -> bool {
    let is_derived = |place: Place, len: u32| place.store == SPILL && !is_held(place, len);
    facts.blocks.iter().any(|block| block.runs.iter().any(|run| is_derived(run.place, run.len)))
        || facts.bodies.iter().any(|body| body.runs.iter().any(|run| is_derived(run.place, run.len)))
        || facts
            .doubts
            .iter()
            .any(|doubt| doubt.second.is_some_and(|second| is_derived(second.run.place, second.run.len)))
}

/// Puts another reading of the same captures in the place of a part's.
fn replace(part: &mut Part, mut walked: Walked, known: &Torrents, options: &Options<'_>) {
    for (input, before) in walked.inputs.iter_mut().zip(&part.beside.inputs) {
        input.name.clone_from(&before.name);
        (input.sha256, input.stated) = (before.sha256, before.stated);
    }
    walked.facts.inputs = inputs(&walked);
    walked.facts.keys = keys(known, options);
    let (name, passed_over) = (part.name.clone(), std::mem::take(&mut part.beside.passed_over));
    *part = Part { name, ..Part::of(walked, passed_over, options) };
}

/// Returns true if `path` is a directory that is no part, and has parts in it.
pub fn holds_parts(path: &Path) -> bool {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    !crate::part::is_part(path)
        && path.is_dir()
        && entries.into_iter().any(|entry| crate::part::is_part(&entry.path()))
}
