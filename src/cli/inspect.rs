//! `peerproof inspect`.

use anyhow::Context;
use clap::{Args, ValueEnum};
use peerproof::Options;

use super::captures::Captures;
use super::screen::{progress, width};
use super::{Ending, say};

/// Say what captures hold, without a torrent: formats, protocols, torrents, peers, and what to run next
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct Inspect {
    #[command(flatten)]
    captures: Captures,

    /// What to print on standard output
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// An overview to read
    #[value(alias = "table")]
    Text,
    /// JSON, schema peerproof/inspect/1
    Json,
}

impl Inspect {
    /// Prints what the captures hold.
    pub fn run(&self) -> anyhow::Result<Ending> {
        let captures = self.captures.open()?;
        let bar = progress(captures.set.total_bytes());
        let advance = |done: u64| bar.set_position(done);
        let options = Options { progress: Some(&advance), ..captures.options() };
        let inspection = peerproof::inspect(&captures.set, &options)?;
        bar.finish_and_clear();
        let mut names: Vec<String> = self.captures.paths().iter().map(|path| path.display().to_string()).collect();
        names.sort();
        let text = match self.format {
            Format::Text => inspection.terminal(width(), &names),
            Format::Json => inspection.json().context("cannot write the JSON")?,
        };
        say::print(text.as_bytes())?;
        let limited = "an input is damaged or a bound was reached, see above";
        Ok(if inspection.complete() { Ending::Complete } else { Ending::Limited(limited.to_owned()) })
    }
}

pub(super) const AFTER_HELP: &str = "\
Examples:
  peerproof inspect capture.pcapng
      what is in it, and the exact command to run next
  peerproof inspect ring-*.pcap.gz --format json
      the same for a program

Nothing is verified: the figures are what the messages say.
Names of other protocols rest on a port or on the first bytes of a flow, as the
overview states.
Exit code 3: an input was damaged or a limit was reached.";
