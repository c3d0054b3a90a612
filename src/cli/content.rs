//! `peerproof content`.

use std::fmt::Write;
use std::path::PathBuf;

use clap::Args;
use peerproof::content::{Files, Wanted, Written};
use peerproof::report::{Whom, counted, escaped, grouped};
use peerproof::{Error, Options, analyze_content};

use super::ending::ending;
use super::material::Material;
use super::refusal::{Refusal, reason};
use super::screen::{Progress, ScreenOptions};
use super::{Ending, say};

/// Write the verified bytes of a torrent's files, with a map of their holes
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct Content {
    #[command(flatten)]
    material: Material,

    /// A new directory for the files; nothing is ever replaced
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,

    /// Only what this peer sent
    #[arg(long, value_name = "ADDR[:PORT]")]
    peer: Option<Whom>,
}

impl Content {
    /// Reads, proves, writes.
    pub fn run(&self, look: ScreenOptions) -> anyhow::Result<Ending> {
        let ready = self.material.open("content")?;
        let wanted = Wanted { peer: self.peer, torrents: ready.asked };
        let mut files = Files::at(&self.output, wanted).map_err(|error| self.taken(error))?;
        let bar = Progress::of(look, &ready.paths, ready.captures.set.total_bytes());
        let advance = |done: u64| bar.at(done);
        let options = Options { progress: Some(&advance), ..ready.captures.options() };
        let evidence = analyze_content(&ready.captures.set, &ready.torrents, &options, &mut files)?;
        bar.end();
        let written = files.put(&evidence).map_err(|error| self.taken(error))?;
        let limits = ending(&evidence);
        if written.is_empty() {
            let of = self.peer.map(|peer| format!(" that {peer} sent")).unwrap_or_default();
            let why = match evidence.known.iter().any(|torrent| torrent.has_metadata()) {
                true => "no byte of the torrents",
                false => "no torrent is given, and none is in the captures: no byte",
            };
            return Ok(Ending::Failed(format!("{why}{of} is verified, nothing was written")));
        }
        say::told(&told(&written))?;
        Ok(limits)
    }

    /// Adds a remedy to an error about a place that is taken.
    fn taken(&self, error: Error) -> anyhow::Error {
        match error {
            Error::Io { name, source, .. } if source.kind() == std::io::ErrorKind::AlreadyExists => Refusal {
                what: format!("{name} exists, nothing was done"),
                instead: format!("-o {}2", self.output.display().to_string().trim_end_matches('/')),
            }
            .into(),
            Error::Io { name, action, source } => anyhow::anyhow!("{name}: cannot {action}: {}", reason(&source)),
            other => other.into(),
        }
    }
}

fn told(written: &[Written]) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    for file in written {
        let place = escaped(&file.written.display().to_string());
        let state = match file.holes.len() as u64 {
            0 => "complete".to_owned(),
            count => format!("{} of them verified, {}", grouped(file.verified_bytes), counted(count, "hole")),
        };
        let _ = writeln!(text, "  {place}  {}, {state}", counted(file.size, "byte"));
    }
    let complete = written.iter().filter(|file| file.is_complete()).count() as u64;
    let others = written.len() as u64 - complete;
    let holes = if others > 0 { format!(", {} with holes", counted(others, "file")) } else { String::new() };
    let _ = writeln!(
        text,
        "ok: {}{holes}; who sent what, and the holes: *.map.txt and *.map.json beside each",
        counted(complete, "complete file")
    );
    text
}

pub(super) const AFTER_HELP: &str = "\
Every byte that is written is verified against the torrent: in a hole the file
has zeros, or ends, and the map beside it (NAME.map.txt, NAME.map.json) says
where, who sent the rest, and in which frames. What was decrypted with its
secret, put together from fragments or decompressed is written too. Names that
would lead out of DIR, or that some system takes for something else, are
changed; the map has both.

Examples:
  peerproof content capture.pcapng -t file.torrent -o out/
  peerproof content case/ -o out/
      the captures of the case are found by their SHA-256
  peerproof content capture.pcapng -o out/ --peer 203.0.113.2:6881
      what one peer sent; the torrent from the captures, where peers sent it

Exit code 1: no byte is verified, and nothing was written.";
