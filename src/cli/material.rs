//! Captures, or a case that was made of captures: for commands that read either.

use std::path::{Path, PathBuf};

use clap::Args;
use peerproof::report::Input;
use peerproof::{Error, Torrent, Torrents, case};
use peerproof_verify::{Fault, Found};

use super::captures::{Opened, Reading};
use super::refusal::{self, Refusal};
use super::say;
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
        let (case, found) = match self.paths.split_first() {
            Some((first, others)) if is_case(first) => (Some(first), captures_of(first, others, command)?),
            _ => (None, Vec::new()),
        };
        let own = |found: &Found| found.path.clone();
        let paths = if case.is_some() { found.iter().map(own).collect() } else { self.paths.clone() };
        let mut torrents = self.torrents.open(&paths, strict)?;
        let asked = torrents.wire_hashes().collect();
        let mut captures = self.reading.open(&paths)?;
        if let Some(case) = case {
            let opened = case::Opened::read(case).map_err(|error| refusal::opening(&error))?;
            captures.as_in(&opened.document.options)?;
            if opened.document.options.pseudonyms {
                say::warning(&format!(
                    "{} has pseudonyms in the place of addresses, and its captures have the clear ones: peers are named by those \
                     here",
                    case.display()
                ));
            }
            for found in found.iter().filter(|found| found.is_as_given) {
                let input = usize::try_from(found.input).ok().and_then(|at| opened.document.inputs.get(at));
                if let Some(Input::Capture { sha256: Some(sha256), .. }) = input {
                    captures.set.state_of(&found.path, sha256.0);
                }
            }
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

/// The captures of a case.
fn captures_of(case: &Path, given: &[PathBuf], command: &str) -> anyhow::Result<Vec<Found>> {
    peerproof_verify::captures(case, &around(case, given)).map_err(|fault| match fault {
        Fault::Missing([name, sha256]) => {
            let instead = format!("peerproof {command} {} DIRECTORY-OF-IT ...", case.display());
            Refusal { what: format!("{name} (SHA-256 {sha256}) is needed and was not found"), instead }.into()
        }
        Fault::Cannot(what) => anyhow::Error::msg(what),
        Fault::Differs([place, stated, found]) => {
            Error::Usage(format!("{place}: the case states {stated}, found {found}")).into()
        }
    })
}

/// Files that may be captures of a case: those that are given, and those in the directories that are given, beside the case, in it, and in
/// the working directory.
pub(super) fn around(case: &Path, given: &[PathBuf]) -> Vec<PathBuf> {
    let above = case.canonicalize().ok().and_then(|case| case.parent().map(Path::to_owned));
    let places = given.iter().cloned().chain(above).chain([case.to_owned(), PathBuf::from(".")]);
    let mut files = Vec::new();
    for place in places {
        let inside = std::fs::read_dir(&place).into_iter().flatten().flatten().map(|entry| entry.path());
        let mut own: Vec<PathBuf> = inside.chain([place]).filter(|path| path.is_file()).collect();
        own.sort();
        files.append(&mut own);
    }
    files
}
