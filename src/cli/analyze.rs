//! `peerproof analyze`.

use std::path::{Path, PathBuf};

use clap::Args;
use peerproof::case::{Covered, Pieces, TorrentFile};
use peerproof::evidence::Evidence;
use peerproof::hosts::Lists;
use peerproof::report::{Document, Given};
use peerproof::stages::capture::Sums;
use peerproof::stages::input::read_whole;
use peerproof::{Error, Options, Torrents};

use super::Ending;
use super::captures::Captures;
use super::ending::ending;
use super::hosts::HostLists;
use super::parts;
use super::screen::{Progress, ScreenOptions};
use super::torrents::GivenTorrents;
use super::views::{Place, Views};

/// Read captures and report what each peer served, verified against the torrents
///
/// A part that `peerproof facts` wrote may stand wherever a capture does: several sets are judged together.
#[derive(Debug, Args)]
pub struct Analyze {
    #[command(flatten)]
    captures: Captures,

    #[command(flatten)]
    torrents: GivenTorrents,

    #[command(flatten)]
    views: Views,

    #[command(flatten)]
    hosts: HostLists,

    /// Threads that hash pieces; all cores by default. Changes no figure
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,

    /// Bytes of capture per window of hashing. Changes no figure
    #[arg(long, value_name = "BYTES", hide = true, default_value_t = WINDOW)]
    window: u64,

    /// List in report.json what each unit contributes to the figures, with its class and reason, its frames, and where its
    /// bytes lie in the captures; a case has that as its table `pieces` anyway. Payload is then hashed twice
    #[arg(long)]
    pieces: bool,

    /// Look at verified v1 pieces for the marks of a SHA-1 collision attack: then another content with the same SHA-1 may exist.
    /// Payload is then hashed again
    #[arg(long)]
    sha1_collision_check: bool,

    /// Do not compute the SHA-256 of the captures: faster, but the report then does not name its inputs by content
    #[arg(long)]
    no_digest: bool,

    /// Where the captures of parts are looked for, in and below that directory; the SHA-256 decides, not the name. May be
    /// given several times; the working directory unless it is given
    #[arg(long = "captures", value_name = "DIR")]
    places: Vec<PathBuf>,

    /// Take the SHA-256 of captures over from a list in the format of sha256sum, instead of computing it; the report marks
    /// it as stated. Captures that it does not name are hashed
    #[arg(long, value_name = "FILE")]
    sha256_from: Option<PathBuf>,
}

impl Analyze {
    /// Reads, proves, reports; `given` are the words of the command line.
    pub fn run(&self, look: ScreenOptions, given: Vec<String>) -> anyhow::Result<Ending> {
        let place = self.views.check()?.given(given, self.captures.paths());
        let lists = self.hosts.open()?;
        let torrents = self.torrents.open(self.captures.paths(), self.captures.strict())?;
        let parts = parts::among(self.captures.paths())?;
        if !parts.is_empty() {
            return self.run_parts(look, &place, &lists, &torrents, parts);
        }
        let sums = self.sha256_from.as_deref().map(sums).transpose()?;
        let mut captures = self.captures.open()?;
        if let Some(sums) = &sums {
            captures.set.state(sums)?;
        }
        let bar = Progress::of(look, self.captures.paths(), captures.set.total_bytes());
        let advance = |done: u64| bar.at(done);
        let options = Options {
            threads: self.threads.map_or_else(cores, usize::from),
            window: self.window,
            progress: Some(&advance),
            digest: !self.no_digest,
            pieces: self.pieces || self.sha1_collision_check || self.views.lists_pieces(),
            sha1_collision_check: self.sha1_collision_check,
            ..captures.options()
        };
        let evidence = peerproof::analyze(&captures.set, &torrents, &options)?;
        bar.end();
        self.show(look, &place, &lists, evidence, &options)
    }

    /// Analyzes where some of the captures are parts.
    fn run_parts(
        &self,
        look: ScreenOptions,
        place: &Place<'_>,
        lists: &Lists,
        torrents: &Torrents,
        paths: Vec<PathBuf>,
    ) -> anyhow::Result<Ending> {
        if self.no_digest || self.sha256_from.is_some() {
            let option = if self.no_digest { "--no-digest" } else { "--sha256-from" };
            anyhow::bail!(
                "{option} does not go with parts: they name their captures by the digests that were computed"
            );
        }
        let how = self.captures.how()?;
        let others: Vec<PathBuf> =
            self.captures.paths().iter().filter(|path| !paths.contains(path)).cloned().collect();
        let captures = if others.is_empty() { None } else { Some(self.captures.open_some(&others)?) };
        let options = Options {
            threads: self.threads.map_or_else(cores, usize::from),
            window: self.window,
            pieces: self.pieces || self.sha1_collision_check || self.views.lists_pieces(),
            sha1_collision_check: self.sha1_collision_check,
            ..how.options()
        };
        let gathered = parts::gathered(&paths, captures, &self.places);
        let evidence = peerproof::analyze_parts(gathered, torrents, &options)?;
        self.show(look, place, lists, evidence, &options)
    }

    fn show(
        &self,
        look: ScreenOptions,
        place: &Place<'_>,
        lists: &Lists,
        mut evidence: Evidence,
        options: &Options<'_>,
    ) -> anyhow::Result<Ending> {
        let listed = if self.pieces || self.views.prints_pieces() { None } else { evidence.pieces.take() };
        let (torrents, covered) = (torrent_files(&evidence), Covered::take(&mut evidence));
        let given = Given::of(&evidence.known);
        let document = Document::take(&mut evidence, &given, options.checksums, &options.limits)
            .with_tunnels(options.tunnels)
            .with_collision_check(options.sha1_collision_check)
            .with_hosts(lists);
        let pieces = listed.as_ref().map_or(Pieces::None, Pieces::Rows);
        self.views.show(look, place, document, pieces, &torrents, Some(&covered))?;
        Ok(ending(&evidence))
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Reads the list of `--sha256-from`.
fn sums(path: &Path) -> Result<Sums, Error> {
    Sums::parse(&path.display().to_string(), &read_whole(path, MOST_SUMS, "a list of SHA-256 sums")?)
}

// Rationale: 400,000 files.
const MOST_SUMS: u64 = 64 << 20;

/// The torrents of the report, as given or rebuilt.
fn torrent_files(evidence: &Evidence) -> Vec<TorrentFile> {
    let known = evidence.known.iter();
    known.filter_map(|torrent| Some((torrent.info_hash().to_string(), torrent.file()?))).collect()
}

// Rationale: long enough to keep every core busy between two windows, short enough to stay out of the page cache's way.
const WINDOW: u64 = 64 << 20;
