//! `peerproof facts`.

use std::path::PathBuf;

use clap::Args;
use peerproof::part::Hashed;
use peerproof::report::{counted, escaped, grouped};
use peerproof::{Group, Options, Part, hash_units, make_part};

use super::captures::Captures;
use super::ending::ending_of;
use super::screen::{Progress, ScreenOptions};
use super::torrents::GivenTorrents;
use super::{Ending, parts, say};

/// Read a capture set once, and write its facts as a part: to be analysed later, elsewhere, and with other parts
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct Facts {
    #[command(flatten)]
    captures: Captures,

    #[command(flatten)]
    torrents: GivenTorrents,

    /// The part: a new directory; with --units a new file. It appears whole or not at all
    #[arg(short, long, value_name = "PART")]
    output: PathBuf,

    /// Let --output replace an older part, after the new one is complete
    #[arg(long)]
    force: bool,

    /// Carry the payload of pieces that no hash decided yet, so that later steps need no capture; without a torrent that is
    /// all payload
    #[arg(long)]
    carry_open: bool,

    /// Of parts in the place of captures: hash what is not hashed yet of the Kth of N groups of pieces of all torrents, for
    /// analyze of the same parts. It spares hashing, and decides nothing
    #[arg(long, value_name = "K/N", conflicts_with_all = ["carry_open", "force"])]
    units: Option<Group>,

    /// Where the captures of parts are looked for with --units, as in analyze. May be given several times
    #[arg(long = "captures", value_name = "DIR", requires = "units")]
    places: Vec<PathBuf>,

    /// Threads that hash pieces; all cores by default. Changes nothing in the part
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,

    /// Refused: a part names its captures by their digests
    #[arg(long, hide = true)]
    no_digest: bool,
}

impl Facts {
    /// Reads the captures and writes the part.
    pub fn run(&self, look: ScreenOptions) -> anyhow::Result<Ending> {
        if self.no_digest {
            anyhow::bail!("--no-digest makes no part: a part names its captures by their digests");
        }
        let given = parts::among(self.captures.paths())?;
        if let Some(group) = self.units {
            return self.hash(group, &given);
        }
        if let Some(part) = given.first() {
            let part = part.display();
            anyhow::bail!("{part} is a part already; analyze reads parts, and facts takes them with --units alone");
        }
        Part::check_place(&self.output, self.force)?;
        let torrents = self.torrents.open(self.captures.paths(), self.captures.strict())?;
        let passed_over = torrents.passed_over().len() as u64;
        let captures = self.captures.open()?;
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        let bar = Progress::of(look, self.captures.paths(), captures.set.total_bytes());
        let advance = |done: u64| bar.at(done);
        let options = Options {
            threads: self.threads.map_or_else(cores, usize::from),
            progress: Some(&advance),
            ..captures.options()
        };
        let part = make_part(&captures.set, &torrents, &options, self.carry_open)?;
        bar.end();
        part.write(&self.output, self.force)?;
        let carried = match part.carried_bytes() {
            0 => String::new(),
            bytes => format!(", {} bytes of payload carried", grouped(bytes)),
        };
        say::told(&format!(
            "ok: {}, {}, {}{carried}",
            escaped(&self.output.display().to_string()),
            counted(part.connections(), "connection"),
            counted(part.blocks(), "block"),
        ))?;
        Ok(ending_of(part.inputs(), part.anomalies(), passed_over))
    }

    /// Hashes pieces of parts.
    fn hash(&self, group: Group, given: &[PathBuf]) -> anyhow::Result<Ending> {
        if let Some(other) = self.captures.paths().iter().find(|path| !given.contains(path)) {
            anyhow::bail!("{} is no part: --units hashes pieces of parts", other.display());
        }
        Hashed::check_place(&self.output)?;
        let torrents = self.torrents.open(self.captures.paths(), self.captures.strict())?;
        let how = self.captures.how()?;
        let options = Options { threads: self.threads.map_or(1, usize::from), ..how.options() };
        let gathered = parts::gathered(given, None, &self.places);
        let hashed = hash_units(gathered, &torrents, &options, group)?;
        hashed.write(&self.output)?;
        let copies = hashed.copies() as u64;
        let shown = self.output.display().to_string();
        say::print(format!("ok: {}, {} hashed\n", escaped(&shown), counted(copies, "byte string")).as_bytes())?;
        Ok(Ending::Complete)
    }
}

const AFTER_HELP: &str = "\
A part is a function of the captures, of the options that bear on how they are
read, and of the keys (info-hashes and secrets that open encrypted connections).
No torrent is needed; complete copies of pieces of those given are hashed on the
way. The payload itself stays in the captures: analyze finds them by SHA-256.

Examples:
  peerproof facts monday.pcapng -o parts/monday
  peerproof facts ring/ -t file.torrent -o parts/ring
  peerproof analyze parts/monday parts/ring -t file.torrent --captures ring/

The same in a shell loop, and on a cluster: docs/cluster.md.";
