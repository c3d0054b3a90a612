//! `peerproof inspect`.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, ValueEnum};
use peerproof::capture::{CaptureSet, OpenOptions};
use peerproof::packet::UdpTunnel;
use peerproof::{Limits, Options};

use super::analyze::{check_tunnels, progress, tunnel, width};

/// Say what captures hold, without a torrent: formats, protocols, torrents, peers, and what to run next
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct Inspect {
    /// Captures: pcap or pcapng, also compressed (gzip, zstd, lz4, xz, bzip2), or - for standard input; of a
    /// directory, every capture in and below it; or a pattern such as "ring-*.pcapng".
    /// Any capture can be inspected, also one without BitTorrent. Several captures are read as one
    #[arg(required = true, value_name = "CAPTURE")]
    captures: Vec<PathBuf>,

    /// What to print on standard output
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// Refuse damaged captures instead of reading what can be read of them
    #[arg(long)]
    strict: bool,

    /// A tunnel over UDP on a port that no standard names for it; FORMAT is vxlan, geneve, gtp-u, teredo, l2tp, gre,
    /// mpls, gue, tzsp or ip, or none for a port that carries no tunnel. May be given several times
    #[arg(long = "tunnel", value_name = "udp:PORT=FORMAT", value_parser = tunnel)]
    tunnels: Vec<UdpTunnel>,

    /// Peers without any piece data that are listed: two for each connection. Connections beyond it are counted
    #[arg(long, value_name = "N", default_value_t = Limits::default().rows)]
    max_rows: usize,

    /// Where standard input and compressed captures are spooled; the system's temporary directory by default
    #[arg(long, value_name = "DIR")]
    spool_dir: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// An overview to read
    Text,
    /// JSON, schema peerproof/inspect/1
    Json,
}

impl Inspect {
    /// Prints what the captures hold.
    pub fn run(&self) -> anyhow::Result<ExitCode> {
        let open = OpenOptions { spool_dir: self.spool_dir.clone(), strict: self.strict };
        check_tunnels(&self.tunnels)?;
        let captures = CaptureSet::open(&self.captures, &open)?;
        let bar = progress(captures.total_bytes());
        let advance = |done: u64| bar.set_position(done);
        let options = Options {
            limits: Limits { rows: self.max_rows, ..Limits::default() },
            progress: Some(&advance),
            spool_dir: self.spool_dir.as_deref(),
            tunnels: &self.tunnels,
            ..Options::default()
        };
        let inspection = peerproof::inspect(&captures, &options)?;
        bar.finish_and_clear();
        let mut names: Vec<String> = self.captures.iter().map(|path| path.display().to_string()).collect();
        names.sort();
        let text = match self.format {
            Format::Text => inspection.terminal(width(), &names),
            Format::Json => inspection.json().context("cannot write the JSON")?,
        };
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()?;
        Ok(if inspection.complete() { ExitCode::SUCCESS } else { ExitCode::from(super::DAMAGED) })
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
