//! The way through the stages, from captures to evidence.

mod ahead;
mod captured;
mod carry;
mod hasher;
mod sets;
mod source;
mod units;
mod verified;

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use crate::anomaly::{Anomalies, ByFrame};
use crate::capture::{CaptureSet, Digests, Frames, InputFacts, Spill};
use crate::evidence::Evidence;
use crate::facts::{Facts, Input};
use crate::judge::{self, Contests, Judged, Row, judge};
use crate::limits::METADATA_FILES;
use crate::metadata::{Harvest, Rebuilt};
use crate::oddity::{Bound, Oddity, Sink};
use crate::options::Options;
use crate::part::Walked;
use crate::prove::{Beside, Prover, check_engine, with_errands, with_prover};
use crate::spine::{Contested, Findings, Known, Latecomers, Readings, SecondLook, Spine, TakeSegments};
use crate::torrent::{Source, Torrent, Torrents};
use crate::{Error, evidence};
use ahead::{Ahead, Batch, End};
use captured::Bytes;
pub use captured::Captured;
use hasher::Hasher;
pub use sets::{Gathered, analyze_parts, hash_units, holds_parts, make_part};
pub use units::Group;
pub use verified::{TakeVerified, Verified};

/// Reads captures front to back, and returns everything they prove.
///
/// They are read once. Where a torrent's metadata is not given (a magnet link, or no torrent at all), it is rebuilt from what
/// peers sent one another (BEP 9); only where that is a key of MSE, or may be a webseed's, they are read once more with it.
///
/// # Example
/// ```
/// use peerproof::{CaptureSet, OpenOptions, Options, Torrents, analyze};
///
/// let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/three-peers/");
/// let captures = CaptureSet::open(&[format!("{folder}capture.pcap").into()], &OpenOptions::default())?;
/// let torrents = Torrents::open(&[format!("{folder}halves.torrent").into()])?;
/// let evidence = analyze(&captures, &torrents, &Options::default())?;
/// assert!(evidence.transfers.iter().any(|transfer| transfer.bytes.verified > 0));
/// # Ok::<(), peerproof::Error>(())
/// ```
///
/// # Errors
/// [`Error::Malformed`] for damage in a set opened as strict, [`Error::Changed`] when a capture changed while it was
/// read, [`Error::Io`] when the system refuses memory or files.
pub fn analyze(captures: &CaptureSet, torrents: &Torrents, options: &Options<'_>) -> Result<Evidence, Error> {
    run(captures, torrents, options, None)
}

/// Analyzes as [`analyze()`] does, and gives `taker` every verified byte, wherever it came from: of the captures as
/// they are, put together from fragments, decrypted or decompressed. The order: by torrent, piece, transfer, place.
///
/// # Example
/// ```
/// use peerproof::{CaptureSet, Error, Evidence, OpenOptions, Options, TakeVerified, Torrents, Verified, analyze_content};
///
/// struct Count(u64);
///
/// impl TakeVerified for Count {
///     fn take(&mut self, _: &Evidence, verified: &Verified<'_>) -> Result<(), Error> {
///         self.0 += verified.bytes.len() as u64;
///         Ok(())
///     }
/// }
///
/// let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/three-peers/");
/// let captures = CaptureSet::open(&[format!("{folder}capture.pcap").into()], &OpenOptions::default())?;
/// let torrents = Torrents::open(&[format!("{folder}halves.torrent").into()])?;
/// let mut count = Count(0);
/// let evidence = analyze_content(&captures, &torrents, &Options::default(), &mut count)?;
/// assert_eq!(count.0, evidence.transfers.iter().map(|transfer| transfer.bytes.verified).sum::<u64>());
/// # Ok::<(), peerproof::Error>(())
/// ```
///
/// # Errors
/// As [`analyze`], and those of `taker`.
pub fn analyze_content(
    captures: &CaptureSet,
    torrents: &Torrents,
    options: &Options<'_>,
    taker: &mut dyn TakeVerified,
) -> Result<Evidence, Error> {
    run(captures, torrents, &Options { pieces: true, ..options.clone() }, Some(taker))
}

fn run(
    captures: &CaptureSet,
    torrents: &Torrents,
    options: &Options<'_>,
    taker: Option<&mut dyn TakeVerified>,
) -> Result<Evidence, Error> {
    check_engine()?;
    let spill = Spill::new(options.spool_dir);
    let digests: Vec<_> = (0..captures.len()).map(|_| OnceLock::new()).collect();
    let mut evidence = with_digests(captures, &digests, options, |prover| {
        prove(captures, torrents, options, prover, &spill, taker)
    })?;
    evidence.passed_over = captures.passed_over().to_vec();
    for ((file, facts), digest) in (0..).zip(&mut evidence.captures).zip(digests) {
        if options.digest && facts.sha256.is_none() {
            let digests = digest.into_inner().unwrap_or_else(|| captures.digests(file))?;
            (facts.sha256, facts.content) = (Some(digests.file), digests.content);
        }
    }
    Ok(evidence)
}

/// The digests of a capture, once they are computed.
type Hashed = OnceLock<Result<Digests, Error>>;

/// Does `work` while the captures are hashed, where that is asked for.
fn with_digests<'cap, T>(
    captures: &'cap CaptureSet,
    digests: &'cap [Hashed],
    options: &Options<'_>,
    work: impl FnOnce(&Prover<'cap>) -> Result<T, Error>,
) -> Result<T, Error> {
    // One stream each, and the longest work there is: begun before everything else.
    let errands = (0..).zip(digests).filter(|(file, _)| options.digest && captures.is_to_be_hashed(*file));
    let errands = errands.map(|(file, digest)| {
        let errand: Box<dyn FnOnce() + Send + '_> = Box::new(move || _ = digest.set(captures.digests(file)));
        errand
    });
    with_errands(options.threads, errands.collect(), |prover| {
        let done = work(prover);
        if done.is_err() {
            prover.give_up();
        }
        done
    })
}

/// Returns true if the description of every torrent is given.
fn complete(torrents: &Torrents) -> bool {
    torrents.iter().all(|torrent| torrent.has_metadata()) && !torrents.is_empty()
}

/// Torrents that captures hold themselves.
#[derive(Clone, Debug, Default)]
pub struct FoundTorrents {
    /// Every torrent whose info dictionary is whole, with the hashes of its trees that are proven (BEP 52).
    pub torrents: Torrents,
    /// The info dictionaries, who sent them, and what was wrong.
    pub metadata: Harvest,
    /// Info dictionaries that hash right, and were not read as there are too many files in all of them.
    pub left_out: u64,
}

impl FoundTorrents {
    /// Returns true if a bound was reached: there may be more torrents than these.
    pub fn is_limited(&self) -> bool {
        self.left_out + self.metadata.counts.limited > 0
    }
}

/// The torrents whose info dictionaries peers sent one another in the captures (BEP 9), and that hash to their
/// info-hash.
///
/// # Example
/// ```
/// use peerproof::{CaptureSet, OpenOptions, Options, find_torrents};
///
/// let capture = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/magnet/capture.pcap");
/// let captures = CaptureSet::open(&[capture.into()], &OpenOptions::default())?;
/// let found = find_torrents(&captures, &Options::default())?;
/// assert_eq!(found.torrents.iter().count(), 1);
/// # Ok::<(), peerproof::Error>(())
/// ```
///
/// # Errors
/// As [`analyze`].
pub fn find_torrents(captures: &CaptureSet, options: &Options<'_>) -> Result<FoundTorrents, Error> {
    let facts = facts(captures, &Torrents::default(), options)?;
    let (torrents, left_out) = described(&facts.metadata.rebuilt, &facts);
    Ok(FoundTorrents { torrents, metadata: facts.metadata, left_out })
}

/// The facts that the captures hold, nothing of them judged. Of the torrents only the info-hashes count, as keys: MSE may be
/// opened by them, with the secrets of the options. The inputs are named, and not hashed.
///
/// # Example
/// ```
/// use peerproof::{CaptureSet, OpenOptions, Options, Torrents, facts};
///
/// let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/three-peers/");
/// let captures = CaptureSet::open(&[format!("{folder}capture.pcap").into()], &OpenOptions::default())?;
/// let facts = facts(&captures, &Torrents::default(), &Options::default())?;
/// assert!(!facts.connections.is_empty());
/// # Ok::<(), peerproof::Error>(())
/// ```
///
/// # Errors
/// As [`analyze`].
pub fn facts(captures: &CaptureSet, keys: &Torrents, options: &Options<'_>) -> Result<Facts, Error> {
    let spill = Spill::new(options.spool_dir);
    let (spine, frames) = walk(captures, &spill, options, || Spine::new(options, keys, captures, &spill))?;
    let inputs = frames.finish()?.into_iter().map(|input| Input {
        name: input.name,
        bytes: input.bytes,
        sha256: input.sha256,
        frames: input.frames,
        first_time: input.first_time,
        last_time: input.last_time,
    });
    Ok(Facts { inputs: inputs.collect(), keys: sets::keys(keys, options), ..spine.into_facts()? })
}

/// Walks over the captures, proves nothing, and gives `taker` every stream of the peer wire. Of the torrents only the
/// info-hashes count, as keys of MSE.
pub(crate) fn streams(
    captures: &CaptureSet,
    keys: &Torrents,
    options: &Options<'_>,
    taker: &mut dyn TakeSegments,
) -> Result<Evidence, Error> {
    let spill = Spill::new(options.spool_dir);
    let mut late = Latecomers::default();
    // What stands behind its place, and what is in doubt, is known before the first segment is given away.
    let begin = || Spine::new(options, keys, captures, &spill);
    let (spine, _) = walk_with(captures, &spill, options, None, &mut late, begin)?;
    let known = Known::of(&spine.into_facts()?, captures, options)?;
    let mut spine = begin();
    spine.clear_to(taker, &known);
    spine.expect_late(late);
    let (mut spine, frames) = walk_once(captures, spine, &spill, options, None)?;
    spine.end_flows();
    let inputs = frames.finish()?;
    let (facts, mut findings, _) = spine.finish()?;
    let mut odd = ByFrame::default();
    let judged = judge::count(&facts, keys, &options.limits, options.spool_dir, &mut odd)?;
    findings.anomalies.join(odd.into_inner());
    evidence::build(&judged, findings, inputs, keys, options.limits.window_silence_ns)
}

/// The torrents of info dictionaries, and how many were left out: with more files in all than are kept, those of the most
/// files. A dictionary that hashes right but is no valid torrent cannot verify anything.
pub(crate) fn torrents_of(rebuilt: &[Rebuilt]) -> (Torrents, u64) {
    let (mut torrents, mut files, mut left_out) = (Torrents::default(), 0, 0);
    let mut rebuilt: Vec<&Rebuilt> = rebuilt.iter().collect();
    // The shortest hold the fewest files, whatever else is in them.
    rebuilt.sort_by_key(|rebuilt| rebuilt.info.len());
    for rebuilt in rebuilt {
        let Ok(torrent) = Torrent::from_info(rebuilt.info.clone(), Source::Capture) else { continue };
        files += torrent.files().len();
        if files > METADATA_FILES {
            left_out += 1;
        } else {
            torrents.add(torrent);
        }
    }
    (torrents, left_out)
}

/// As [`torrents_of`], with what the `hashes` messages among the facts teach of their trees.
fn described(rebuilt: &[Rebuilt], facts: &Facts) -> (Torrents, u64) {
    let (found, left_out) = torrents_of(rebuilt);
    (judge::teach(facts, &found, &mut Vec::new()).unwrap_or(found), left_out)
}

/// Tells of info dictionaries that [`torrents_of`] left out.
pub(crate) fn tell_left_out(left_out: u64, out: &mut dyn Sink) {
    if left_out > 0 {
        out.odd(Oddity::from(Bound::MetadataFiles { count: left_out, most: METADATA_FILES }).seen());
    }
}

/// The given torrents, with the metadata that the captures hold; all torrents in the captures where none was given.
fn joined(torrents: &Torrents, found: &Torrents) -> Torrents {
    let mut known = torrents.clone();
    for torrent in found.iter() {
        if torrents.is_empty() || torrent.wire_hashes().any(|hash| torrents.find(&hash).is_some()) {
            known.add(torrent.clone());
        }
    }
    known
}

/// Takes every frame through the spine, judges the facts, and makes the evidence; with `seek`, by the torrents too that the
/// captures describe.
fn prove<'cap>(
    captures: &'cap CaptureSet,
    given: &Torrents,
    options: &Options<'_>,
    prover: &Prover<'cap>,
    spill: &'cap Spill,
    taker: Option<&mut dyn TakeVerified>,
) -> Result<Evidence, Error> {
    let Read { walked, torrents, left_out } = reading(captures, given, !complete(given), options, prover, spill)?;
    let mut ask = Captured::new(captures, spill, options);
    let mut evidence = proven(walked, &torrents, options, &mut ask, taker)?;
    tell_left_out(left_out, &mut evidence.anomalies);
    Ok(evidence)
}

/// Facts that a walk wrote down, and the torrents that they are judged with.
struct Read<'t> {
    walked: Walked,
    /// The torrents that it is judged by.
    torrents: Cow<'t, Torrents>,
    /// How many torrents that the captures describe are not among them.
    left_out: u64,
}

/// Takes every frame through the spine: of captures in which content imitates messages, in the framing that verifies most.
/// With `seek`, the torrents that the captures describe are added to those that are given.
fn reading<'cap, 't>(
    captures: &'cap CaptureSet,
    given: &'t Torrents,
    mut seek: bool,
    options: &Options<'_>,
    prover: &Prover<'cap>,
    spill: &'cap Spill,
) -> Result<Read<'t>, Error> {
    let (mut look, mut readings) = (SecondLook::default(), Readings::default());
    let (mut late, mut torrents, mut left_out) = (Latecomers::default(), Cow::Borrowed(given), 0);
    loop {
        let (spine, frames) = walk_with(captures, spill, options, Some(prover), &mut late, || {
            let mut spine = Spine::new(options, &torrents, captures, spill);
            spine.look_again(look.clone());
            let hasher = Hasher::new(&torrents, Bytes::Walk { captures, spill }, prover, options);
            spine.hash_meanwhile(Box::new(hasher));
            spine
        })?;
        let inputs = frames.finish()?;
        let (mut facts, findings, _) = spine.finish()?;
        // What is asked of them from here on is little, and here and there.
        captures.release();
        let mut found = Torrents::default();
        if std::mem::take(&mut seek) {
            (found, left_out) = described(&findings.metadata.rebuilt, &facts);
            if !found.is_empty() {
                torrents = Cow::Owned(joined(given, &found));
                if findings.torrents_tell || !options.secrets.is_empty() {
                    late = Latecomers::default();
                    continue;
                }
            }
        }
        hasher::of_rest(&mut facts, &torrents, &found, Bytes::Walk { captures, spill }, prover, options)?;
        let mut walked = Walked { facts, findings, inputs };
        walked.facts.inputs = sets::inputs(&walked);
        let contests = walked.findings.contests.clone();
        if contests.is_empty() && readings.is_empty() {
            return Ok(Read { walked, torrents, left_out });
        }
        let mut verified = Contested::tally(&contests);
        let mut ask = Captured::new(captures, spill, options);
        let told = judge::Told { odd: &mut ByFrame::default(), contests: &mut verified, rows: None };
        judge(&walked.facts, &torrents, &options.limits, options.spool_dir, &mut ask, told)?;
        if !readings.go_on(contests, &verified, &mut look) {
            return Ok(Read { walked, torrents, left_out });
        }
    }
}

/// Judges what was read, and makes the evidence.
fn proven(
    Walked { facts, mut findings, inputs }: Walked,
    torrents: &Torrents,
    options: &Options<'_>,
    ask: &mut Captured<'_, '_>,
    taker: Option<&mut dyn TakeVerified>,
) -> Result<Evidence, Error> {
    let (judged, odd, rows) = judged(&facts, torrents, options, ask)?;
    drop(facts);
    findings.anomalies.join(odd);
    made((judged, rows), findings, inputs, torrents, options, ask, taker)
}

/// Judges facts; with what was odd, and what each unit contributes, where that is asked for.
fn judged<'t>(
    facts: &Facts,
    torrents: &'t Torrents,
    options: &Options<'_>,
    ask: &mut Captured<'_, '_>,
) -> Result<(Judged<'t>, Anomalies, Option<Vec<Row>>), Error> {
    let (mut odd, mut rows) = (ByFrame::default(), options.pieces.then(Vec::new));
    let told = judge::Told { odd: &mut odd, contests: &mut Contests::default(), rows: rows.as_mut() };
    let judged = judge(facts, torrents, &options.limits, options.spool_dir, ask, told)?;
    Ok((judged, odd.into_inner(), rows))
}

/// Makes the evidence of what was judged.
fn made(
    (judged, rows): (Judged<'_>, Option<Vec<Row>>),
    mut findings: Findings,
    inputs: Vec<InputFacts>,
    torrents: &Torrents,
    options: &Options<'_>,
    ask: &mut Captured<'_, '_>,
    taker: Option<&mut dyn TakeVerified>,
) -> Result<Evidence, Error> {
    let sums = ask.take_sums();
    findings.anomalies.join(std::mem::take(&mut ask.anomalies));
    let silence = options.limits.window_silence_ns;
    let mut evidence = evidence::build(&judged, findings, inputs, torrents, silence)?;
    if let Some(rows) = rows {
        add_pieces(&mut evidence, &judged, rows, sums, ask, taker)?;
    }
    Ok(evidence)
}

/// Adds what each unit contributes to the figures.
fn add_pieces(
    evidence: &mut Evidence,
    judged: &Judged<'_>,
    mut rows: Vec<Row>,
    sums: Vec<([u8; 20], [u8; 32])>,
    captured: &Captured<'_, '_>,
    taker: Option<&mut dyn TakeVerified>,
) -> Result<(), Error> {
    if let Some(taker) = taker {
        verified::give(judged, &mut rows, evidence, captured, taker)?;
    }
    let (pieces, left_out) = evidence::pieces(judged, rows, sums, evidence);
    if left_out > 0 {
        evidence.anomalies.odd(Oddity::from(Bound::Pieces { transfers: left_out }).within(None));
    }
    evidence.pieces = Some(pieces);
    Ok(())
}

/// The evidence, when of what was hashed while captures are read the judge is given what `keep` chooses, by its number; and
/// how many copies it had to hash itself. For tests.
///
/// # Errors
/// As [`analyze`].
#[doc(hidden)]
pub fn with_log(
    captures: &CaptureSet,
    torrents: &Torrents,
    options: &Options<'_>,
    keep: &dyn Fn(usize) -> bool,
) -> Result<(Evidence, u64), Error> {
    let spill = Spill::new(options.spool_dir);
    with_prover(options.threads, |prover| {
        let seek = !complete(torrents);
        let Read { mut walked, torrents, .. } = reading(captures, torrents, seek, options, prover, &spill)?;
        let copies = walked.facts.copies.iter().enumerate().filter(|(at, _)| keep(*at));
        walked.facts.copies = copies.map(|(_, copy)| copy).collect();
        let mut ask = Captured::new(captures, &spill, options);
        Ok((proven(walked, &torrents, options, &mut ask, None)?, ask.hashed))
    })
}

/// Takes every frame through a spine; through another one, where the first found that some stand behind their place.
pub(crate) fn walk<'run, 'cap>(
    captures: &'cap CaptureSet,
    spill: &Spill,
    options: &Options<'_>,
    begin: impl FnMut() -> Spine<'run, 'cap>,
) -> Result<(Spine<'run, 'cap>, Frames<'cap>), Error> {
    walk_with(captures, spill, options, None, &mut Latecomers::default(), begin)
}

/// As [`walk`], where it may be known already what stands behind its place, and threads of `prover` read ahead.
fn walk_with<'run, 'cap>(
    captures: &'cap CaptureSet,
    spill: &Spill,
    options: &Options<'_>,
    prover: Option<&Prover<'cap>>,
    late: &mut Latecomers<'cap>,
    mut begin: impl FnMut() -> Spine<'run, 'cap>,
) -> Result<(Spine<'run, 'cap>, Frames<'cap>), Error> {
    loop {
        let mut spine = begin();
        spine.expect_late(late.clone());
        let (mut spine, frames) = walk_once(captures, spine, spill, options, prover)?;
        spine.end_flows();
        match spine.late(captures)? {
            Some(found) => *late = found,
            None => return Ok((spine, frames)),
        }
    }
}

/// Takes every frame through the spine; threads of `prover` read ahead of it.
fn walk_once<'run, 'cap>(
    captures: &'cap CaptureSet,
    mut spine: Spine<'run, 'cap>,
    spill: &Spill,
    options: &Options<'_>,
    prover: Option<&Prover<'cap>>,
) -> Result<(Spine<'run, 'cap>, Frames<'cap>), Error> {
    spine.expect_inputs(captures.len(), captures.interfaces());
    spine.learn_sums(captures)?;
    let ahead = Arc::new(Ahead::new(captures, options.window));
    prover.iter().for_each(|prover| prover.beside(Some(Arc::clone(&ahead) as Arc<dyn Beside + 'cap>)));
    let frames = take_all(&ahead, &mut spine, spill, options, prover);
    prover.iter().for_each(|prover| prover.beside(None));
    Ok((spine, frames?))
}

/// Takes every frame that is read ahead through the spine.
fn take_all<'cap>(
    ahead: &Ahead<'cap>,
    spine: &mut Spine<'_, 'cap>,
    spill: &Spill,
    options: &Options<'_>,
    prover: Option<&Prover<'cap>>,
) -> Result<Frames<'cap>, Error> {
    let mut batch = Batch::default();
    loop {
        let has_room;
        (batch, has_room) = ahead.next(batch);
        if has_room {
            prover.iter().for_each(|prover| prover.wake());
        }
        for (number, frame) in batch.frames.iter().enumerate() {
            while let Some((_, odd)) = batch.odd.pop_front_if(|(before, _)| *before <= number) {
                spine.odd(odd);
            }
            batch.frames.get(number + LOADED).iter().for_each(|soon| soon.load());
            spine.push(frame)?;
        }
        batch.odd.drain(..).for_each(|(_, odd)| spine.odd(odd));
        if let Some(position) = batch.window {
            spill.release();
            options.progress.iter().for_each(|progress| progress(position));
        }
        match std::mem::take(&mut batch.end) {
            End::More => {}
            End::Begins(file) => ahead.answer(|frames| spine.learn_clock(file, frames))?,
            End::Over(frames) => return Ok(*frames),
            End::Failed(error) => return Err(error),
        }
    }
}

// Rationale: headers of so many frames on are loaded by the time they are read, and still there.
const LOADED: usize = 4;
