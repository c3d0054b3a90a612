//! Captures, or a case that was made of captures: for commands that read either.

use std::path::{Path, PathBuf};

use clap::Args;
use peerproof::Error;
use peerproof::case;
use peerproof::torrent::{Torrent, Torrents};
use peerproof_verify::Fault;

use super::captures::{Opened, Reading};
use super::refusal::{self, Refusal};
use super::torrents::GivenTorrents;

/// A case or captures by position, the torrents, and how captures are read.
#[derive(Debug, Args)]
pub struct Material {
    /// A case directory, and where its captures lie, where that is not beside it, in it, or in the working directory (the
    /// SHA-256 decides, not the name); or captures, as in analyze
    #[arg(required = true, value_name = "CASE|CAPTURE")]
    paths: Vec<PathBuf>,

    #[command(flatten)]
    torrents: GivenTorrents,

    #[command(flatten)]
    reading: Reading,
}

/// Captures that stand open, with torrents.
#[derive(Debug)]
pub struct Ready {
    /// The captures, and how they are read.
    pub captures: Opened,
    /// The paths of the captures.
    pub paths: Vec<PathBuf>,
    /// The torrents: of a case, its own too.
    pub torrents: Torrents,
    /// The info-hashes on the wire of the torrents that were given by option; empty where there was none.
    pub asked: Vec<[u8; 20]>,
}

impl Material {
    /// Opens the captures; those of a case are found by their SHA-256, and read with the options of the case.
    ///
    /// # Errors
    /// Those of reading the case, of finding and opening captures, and of reading torrents.
    pub fn open(&self, command: &str) -> anyhow::Result<Ready> {
        let strict = self.reading.strict();
        let (case, paths) = match self.paths.split_first() {
            Some((first, others)) if is_case(first) => (Some(first), captures_of(first, others, command)?),
            _ => (None, self.paths.clone()),
        };
        let mut torrents = self.torrents.open(&paths, strict)?;
        let asked = torrents.wire_hashes().collect();
        let mut captures = self.reading.open(&paths)?;
        if let Some(case) = case {
            let opened = case::Opened::read(case).map_err(|error| refusal::opening(&error))?;
            captures.as_in(&opened.document.options)?;
            for (info_hash, bytes) in &opened.torrents {
                torrents.add(Torrent::parse(&format!("torrents/{info_hash}.torrent"), bytes)?);
            }
        }
        Ok(Ready { captures, paths, torrents, asked })
    }
}

fn is_case(path: &Path) -> bool {
    path.join("manifest.json").is_file() && path.join("report.json").is_file()
}

/// `capture.pcap (SHA-256 0a1b...) is needed and was not found`, of the words of the second program.
fn needed(what: &str) -> Option<String> {
    let (digest, name) = what.strip_prefix("no file with SHA-256 ")?.split_once(" of ")?;
    let name = name.strip_suffix(" is given, beside the case, in it, or in the working directory")?;
    Some(format!("{name} (SHA-256 {digest}) is needed and was not found"))
}

/// The captures of a case.
fn captures_of(case: &Path, given: &[PathBuf], command: &str) -> anyhow::Result<Vec<PathBuf>> {
    peerproof_verify::captures(case, given).map_err(|fault| match fault {
        Fault::Cannot(what) => {
            let instead = format!("peerproof {command} {} DIRECTORY-OF-IT ...", case.display());
            Refusal { what: needed(&what).unwrap_or(what), instead }.into()
        }
        Fault::Differs(differs) => {
            Error::Usage(format!("{}: the case states {}, found {}", differs.place, differs.stated, differs.found))
                .into()
        }
    })
}
