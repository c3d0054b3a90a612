//! `peerproof inspect`.

use anyhow::Context;
use clap::{Args, ValueEnum};
use peerproof::Options;

use super::captures::Captures;
use super::screen::{Progress, ScreenOptions};
use super::torrents::readable_beside;
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
    pub fn run(&self, look: ScreenOptions) -> anyhow::Result<Ending> {
        let captures = self.captures.open()?;
        let bar = Progress::of(look, self.captures.paths(), captures.set.total_bytes());
        let advance = |done: u64| bar.at(done);
        let options = Options { progress: Some(&advance), ..captures.options() };
        let mut inspection = peerproof::inspect(&captures.set, &options)?;
        bar.end();
        let paths = self.captures.paths();
        let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        inspection.propose(&names, &readable_beside(paths));
        let text = match self.format {
            Format::Text => inspection.terminal(&look.screen()),
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
