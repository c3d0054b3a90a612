//! `peerproof torrent`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use peerproof::ends::Span;
use peerproof::report::{counted, cut, escaped, grouped, hex, visible};
use peerproof::stages::metadata::Rebuilt;
use peerproof::stages::output::{NewFile, probe};
use peerproof::stages::torrent::TorrentId;
use peerproof::{CaptureSet, Options, Torrents, analyze, find_torrents};

use super::captures::Reading;
use super::refusal::{Refusal, reason};
use super::screen::ScreenOptions;
use super::{Ending, say, torrents};

/// Print what torrent files say, or rebuild them from the metadata that peers sent one another in captures
#[derive(Debug, Args)]
pub struct Torrent {
    /// Torrent files or magnet links; of a directory, every torrent in it
    #[arg(required_unless_present = "from", conflicts_with = "from", value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Captures to rebuild torrents from: metadata that hashes to its info-hash (ut_metadata, BEP 9). Directories and
    /// patterns are taken as in analyze
    #[arg(long, value_name = "CAPTURE", num_args = 1..)]
    from: Vec<PathBuf>,

    /// Where to write the rebuilt torrents, as INFO-HASH.torrent; an existing file is never replaced
    #[arg(short, long, value_name = "DIR", requires = "from")]
    output: Option<PathBuf>,

    #[command(flatten)]
    reading: Reading,
}

impl Torrent {
    /// Prints the facts of each torrent, sorted by info-hash.
    pub fn run(&self, _: ScreenOptions) -> anyhow::Result<Ending> {
        if !self.from.is_empty() {
            return self.rebuild();
        }
        let torrents = torrents::open(&self.files, self.reading.strict())?;
        let mut out = Vec::new();
        for (at, torrent) in torrents.iter().enumerate() {
            if at > 0 {
                writeln!(out)?;
            }
            facts(torrent, &mut out)?;
        }
        say::print(&out)?;
        for other in torrents.passed_over() {
            say::warning(&format!("passed over as no torrent: {} ({})", escaped(&other.name), escaped(&other.why)));
        }
        Ok(match torrents.passed_over().len() as u64 {
            0 => Ending::Complete,
            count => Ending::Limited(format!("{} passed over", counted(count, "file"))),
        })
    }

    /// Rebuilds torrents from captures, prints their facts and who sent them, and writes them where asked to.
    fn rebuild(&self) -> anyhow::Result<Ending> {
        self.output.as_deref().map(check).transpose()?;
        let opened = self.reading.open(&self.from)?;
        let captures = &opened.set;
        for other in captures.passed_over() {
            say::note(&format!("passed over as no capture: {} ({})", escaped(&other.name), escaped(&other.found)));
        }
        let options = Options { digest: false, ..opened.options() };
        let found = find_torrents(captures, &options)?;
        // Piece layers that no hashes message holds, the data may prove.
        let limited = found.is_limited();
        let torrents = if found.torrents.iter().any(|torrent| torrent.without_layer().next().is_some()) {
            analyze(captures, &found.torrents, &options)?.known
        } else {
            found.torrents
        };
        let files = self.write(&found.metadata.rebuilt, &torrents)?;
        let mut out = Vec::new();
        let mut written = BTreeSet::new();
        for rebuilt in &found.metadata.rebuilt {
            let Some(id) = torrents.find(&rebuilt.info_hash) else {
                writeln!(out, "{}: hashes right, but is no torrent that can be read", hex(&rebuilt.info_hash))?;
                continue;
            };
            let torrent = torrents.torrent(id);
            // A hybrid may have been asked for under both of its info-hashes.
            let first = written.insert(id);
            if first {
                facts(torrent, &mut out)?;
            } else {
                writeln!(out, "{}: the same torrent as {}", hex(&rebuilt.info_hash), torrent.info_hash())?;
            }
            senders(rebuilt, captures, &mut out)?;
            if let (Some(path), true) = (files.get(&id), first) {
                writeln!(out, "written to    {}", visible(&path.display().to_string()))?;
            }
            writeln!(out)?;
        }
        for info_hash in &found.metadata.unfinished {
            writeln!(out, "{}: only parts of its metadata are in the captures", hex(info_hash))?;
        }
        if found.metadata.rebuilt.is_empty() && found.metadata.unfinished.is_empty() {
            writeln!(
                out,
                "No metadata (ut_metadata messages) in these captures: no torrent can be rebuilt from them."
            )?;
        }
        say::print(&out)?;
        Ok(if limited {
            let counts = found.metadata.counts;
            say::warning(&format!(
                "metadata: a bound was reached {}, so there may be more torrents in the captures, and more senders",
                counted(found.left_out + counts.limited, "time")
            ));
            Ending::Limited("a bound was reached (metadata)".to_owned())
        } else {
            Ending::Complete
        })
    }

    /// Writes the rebuilt torrents where asked to, all of them or none, and returns where each is.
    fn write(&self, rebuilt: &[Rebuilt], torrents: &Torrents) -> anyhow::Result<BTreeMap<TorrentId, PathBuf>> {
        let mut files = BTreeMap::new();
        let Some(directory) = self.output.as_ref().filter(|_| !rebuilt.is_empty()) else { return Ok(files) };
        let made = !directory.exists();
        let all = if rebuilt.len() > 1 { ", so no torrent was written" } else { "" };
        let failed = |path: &Path, error: io::Error| refused(path, &error, all);
        std::fs::create_dir_all(directory).map_err(|error| failed(directory, error))?;
        let mut put = || -> Result<(), Refusal> {
            let mut new = Vec::new();
            for each in rebuilt {
                // A hybrid may have been asked for under both of its info-hashes.
                let Some(id) =
                    torrents.find(&each.info_hash).filter(|id| new.iter().all(|(_, other, _)| other != id))
                else {
                    continue;
                };
                let path = directory.join(format!("{}.torrent", torrents.torrent(id).info_hash()));
                let file = NewFile::beside(&path, &torrents.torrent(id).metainfo(&each.info));
                new.push((file.map_err(|error| failed(&path, error))?, id, path));
            }
            for (file, id, path) in new {
                file.put().map_err(|error| failed(&path, error))?;
                files.insert(id, path);
            }
            Ok(())
        };
        if let Err(refusal) = put() {
            // Those before it, and the directory, were made by this run.
            files.values().for_each(|path: &PathBuf| drop(std::fs::remove_file(path)));
            if made {
                let _ = std::fs::remove_dir(directory);
            }
            return Err(refusal.into());
        }
        Ok(files)
    }
}

/// Checks before the work that torrents can be written into `directory`, which need not be there yet.
fn check(directory: &Path) -> Result<(), Refusal> {
    let there = directory.ancestors().find(|above| above.symlink_metadata().is_ok()).unwrap_or(Path::new("."));
    let found =
        if there.is_dir() { probe(&there.join("torrent")) } else { Err(io::ErrorKind::NotADirectory.into()) };
    found.map_err(|error| refused(there, &error, ""))
}

fn refused(path: &Path, error: &io::Error, so: &str) -> Refusal {
    Refusal { what: format!("{}: {}{so}", path.display(), reason(error)), instead: "-o elsewhere".to_owned() }
}

/// Who sent the info dictionary, or a part of it.
fn senders(rebuilt: &Rebuilt, captures: &CaptureSet, out: &mut impl Write) -> io::Result<()> {
    let frame = |span: &Span| {
        let frame = span.first.frame;
        match captures.len() {
            1 => format!("frame {}", frame.number()),
            _ => format!("frame {} of {}", frame.number(), escaped(captures.name(frame.file()))),
        }
    };
    for (endpoint, span) in &rebuilt.whole_from {
        writeln!(out, "sent by       {endpoint}, first in {}", frame(span))?;
    }
    for part in &rebuilt.contributors {
        let whole = rebuilt.whole_from.iter().any(|(endpoint, _)| *endpoint == part.way.from);
        if let (Some(span), false) = (part.span(), whole) {
            let (from, sent, all) = (part.way.from, part.pieces.len(), rebuilt.pieces());
            writeln!(out, "in part by    {from}, {sent} of {all} pieces, first in {}", frame(&span))?;
        }
    }
    Ok(())
}

fn facts(torrent: &peerproof::Torrent, out: &mut impl Write) -> io::Result<()> {
    let kind = match (torrent.info_hash_v1(), torrent.info_hash_v2()) {
        (Some(_), Some(_)) => "hybrid (v1 and v2)",
        (None, Some(_)) => "v2",
        _ => "v1",
    };
    writeln!(out, "name          {}", escaped(torrent.name()))?;
    writeln!(out, "kind          {kind}, from {}", torrent.source().name())?;
    if let Some(hash) = torrent.info_hash_v1() {
        writeln!(out, "info-hash v1  {}", hex(&hash))?;
    }
    if let Some(hash) = torrent.info_hash_v2() {
        writeln!(out, "info-hash v2  {}", hex(&hash))?;
    }
    if !torrent.has_metadata() {
        return writeln!(out, "metadata      unknown: nothing of this torrent can be verified");
    }
    let length = u64::from(torrent.piece_length());
    writeln!(out, "size          {}", counted(torrent.size(), "byte"))?;
    writeln!(out, "pieces        {} of {}", grouped(u64::from(torrent.piece_count())), counted(length, "byte"))?;
    writeln!(out, "private       {}", if torrent.private() { "yes" } else { "no" })?;
    match torrent.faults() {
        [] => writeln!(out, "bencode       canonical")?,
        [first, rest @ ..] => {
            let more = if rest.is_empty() { String::new() } else { format!(", and {} more", rest.len()) };
            writeln!(out, "bencode       not canonical: {first}{more}")?;
        }
    }
    let open: Vec<_> = torrent.without_layer().filter_map(|index| torrent.files().get(index)).collect();
    if let [first, ..] = open[..] {
        let (count, path) = (counted(open.len() as u64, "file"), visible(&cut(&first.shown)));
        writeln!(
            out,
            "piece layers  not known for {count}, the first is {path}: verified only where hashes messages or all of the \
             file are in the captures"
        )?;
    }
    writeln!(out, "files         {}", grouped(torrent.files().len() as u64))?;
    for file in torrent.files() {
        let pieces = match (file.size, length) {
            (0, _) | (_, 0) => "no piece".to_owned(),
            (size, length) => {
                let (first, last) = (file.offset / length, (file.offset.saturating_add(size) - 1) / length);
                if first == last { format!("piece {first}") } else { format!("pieces {first}-{last}") }
            }
        };
        let pad = if file.pad { ", padding" } else { "" };
        writeln!(
            out,
            "  {}  {} at byte {}, {pieces}{pad}",
            visible(&cut(&file.shown)),
            counted(file.size, "byte"),
            grouped(file.offset)
        )?;
    }
    Ok(())
}
