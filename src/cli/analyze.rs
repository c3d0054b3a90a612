//! `peerproof analyze`.

use std::collections::BTreeSet;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use peerproof::anomaly::{Example, Kind};
use peerproof::capture::{CaptureSet, OpenOptions};
use peerproof::evidence::Evidence;
use peerproof::mse::Secrets;
use peerproof::packet::{ChecksumPolicy, UdpTunnel};
use peerproof::report::{Case, Document, Given, counted, escaped, passed_over, terminal, visible};
use peerproof::torrent::Torrents;
use peerproof::{Limits, Options};

/// Read captures and report what each peer served, verified against the torrents
#[derive(Debug, Args)]
pub struct Analyze {
    /// Captures: pcap or pcapng, also compressed (gzip, zstd, lz4, xz, bzip2), or - for standard input; of a
    /// directory, every capture in and below it; or a pattern such as "ring-*.pcapng".
    /// The content decides, not the name. Several captures are read as one, in the order of time: parts of one
    /// capture, or what was captured at several taps
    #[arg(required = true, value_name = "CAPTURE")]
    captures: Vec<PathBuf>,

    /// Torrent files, v1, v2 or hybrid; of a directory, every torrent in it. May be given several times.
    /// Name the captures first: what follows -t is a torrent.
    /// Without a torrent, only what the captures themselves describe (metadata that peers sent one another) can be
    /// verified
    #[arg(short, long = "torrent", value_name = "FILE", num_args = 1.., required = false)]
    torrents: Vec<PathBuf>,

    /// What to print on standard output
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,

    /// Which table `--format csv` prints
    #[arg(long, value_enum, value_name = "NAME", default_value_t = TableName::Transfers)]
    table: TableName,

    /// Also write a case: a directory with report.json and every table as CSV and Parquet. It appears complete or
    /// not at all. (A build without the feature `table` has no tables: it writes report.json alone, and no CSV)
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,

    /// Let --output replace an older case, after the new one is complete
    #[arg(long, requires = "output")]
    force: bool,

    /// What to do about TCP and UDP checksums. They are often wrong in captures made at the sending host, so by
    /// default they are not tested
    #[arg(long, value_enum, default_value_t = Checksums::Ignore)]
    checksums: Checksums,

    /// A tunnel over UDP on a port that no standard names for it; FORMAT is vxlan, geneve, gtp-u, teredo, l2tp, gre,
    /// mpls, gue, tzsp or ip, or none for a port that carries no tunnel. May be given several times
    #[arg(long = "tunnel", value_name = "udp:PORT=FORMAT", value_parser = tunnel)]
    tunnels: Vec<UdpTunnel>,

    /// Threads that hash pieces; all cores by default. Changes no figure
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,

    /// Bytes of capture per window of hashing. Changes no figure
    #[arg(long, value_name = "BYTES", hide = true, default_value_t = WINDOW)]
    window: u64,

    /// Refuse damaged captures instead of reading what can be read of them
    #[arg(long)]
    strict: bool,

    /// Secrets of encrypted (MSE) connections: one 96-byte Diffie-Hellman secret per line in hex, # for comments
    #[arg(long, value_name = "FILE")]
    mse_secrets: Option<PathBuf>,

    /// Where standard input and compressed captures are spooled; the system's temporary directory by default
    #[arg(long, value_name = "DIR")]
    spool_dir: Option<PathBuf>,

    /// Rows for transfers without any piece data. Connections beyond it are counted, not listed one by one; whoever
    /// served or received a byte always has a row. More rows take more memory
    #[arg(long, value_name = "N", default_value_t = Limits::default().rows)]
    max_rows: usize,

    /// Do not compute the SHA-256 of the captures: faster, but the report then does not name its inputs by content
    #[arg(long)]
    no_digest: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A report to read
    Table,
    /// report.json; `peerproof schema` describes it
    Json,
    /// One table as CSV, see --table; not in a build without the feature `table`
    Csv,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum TableName {
    /// A row for each (from, to, transport, torrent)
    Transfers,
    /// A row for each (address, port, transport, torrent)
    Subjects,
    /// A row for each torrent
    Torrents,
    /// A row for each input file
    Inputs,
    /// A row for each kind of oddity
    Anomalies,
    /// A row for each conversation that cannot be read
    Opaque,
    /// A row for each address that somebody named
    Mentions,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Checksums {
    /// Do not test them
    Ignore,
    /// Test them, use the packets, and flag what they carried
    Flag,
    /// Test them, and leave out packets with a wrong one
    Drop,
}

impl Analyze {
    /// Reads, proves, reports.
    pub fn run(&self) -> anyhow::Result<ExitCode> {
        if self.format == Format::Csv && cfg!(not(feature = "table")) {
            anyhow::bail!("this build has no tables: build with the feature `table` for --format csv");
        }
        let case = self.output.as_deref().map(|place| Case::at(place, self.force)).transpose()?;
        check_tunnels(&self.tunnels)?;
        let torrents = Torrents::open(&self.torrents)?;
        let options = OpenOptions { spool_dir: self.spool_dir.clone(), strict: self.strict };
        let captures = CaptureSet::open(&self.captures, &options)?;
        let limits = Limits { rows: self.max_rows, ..Limits::default() };
        let checksums = self.checksums.policy();
        let secrets = self.secrets()?;
        let evidence = self.prove(&captures, &torrents, &secrets, checksums, &limits)?;
        let document =
            Document::new(&evidence, &Given::of(&evidence.known), checksums, &limits).with_tunnels(&self.tunnels);
        if let Some(case) = &case {
            let names = case.write(&document)?;
            let place = self.output.as_deref().unwrap_or(std::path::Path::new("")).display().to_string();
            eprintln!("peerproof: wrote {} to {}", counted(names.len() as u64, "file"), visible(&place));
        }
        self.print(&document).context("cannot write the report")?;
        if self.format != Format::Table {
            // The table says so itself.
            document.notes.iter().for_each(|note| eprintln!("peerproof: note: {}", visible(note)));
            if let Some(others) = passed_over(&document.passed_over) {
                eprintln!("peerproof: note: {others}");
            }
        }
        Ok(verdict(&evidence))
    }

    fn secrets(&self) -> Result<Secrets, peerproof::Error> {
        let Some(path) = &self.mse_secrets else { return Ok(Secrets::default()) };
        let name = path.display().to_string();
        match std::fs::read(path) {
            Ok(text) => Secrets::parse(&name, &text),
            Err(source) => Err(peerproof::Error::Io { name, action: "read", source }),
        }
    }

    fn prove(
        &self,
        captures: &CaptureSet,
        torrents: &Torrents,
        secrets: &Secrets,
        checksums: ChecksumPolicy,
        limits: &Limits,
    ) -> Result<Evidence, peerproof::Error> {
        let bar = progress(captures.total_bytes());
        let advance = |done: u64| bar.set_position(done);
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        let options = Options {
            threads: self.threads.map_or_else(cores, usize::from),
            window: self.window,
            checksums,
            tunnels: &self.tunnels,
            limits: limits.clone(),
            progress: Some(&advance),
            digest: !self.no_digest,
            spool_dir: self.spool_dir.as_deref(),
            secrets,
        };
        let evidence = peerproof::analyze(captures, torrents, &options);
        bar.finish_and_clear();
        evidence
    }

    fn print(&self, document: &Document) -> anyhow::Result<()> {
        let mut out = io::stdout().lock();
        match self.format {
            Format::Table => out.write_all(terminal(document, width()).as_bytes())?,
            Format::Json => out.write_all(document.json()?.as_bytes())?,
            Format::Csv => self.print_csv(document, &mut out)?,
        }
        Ok(out.flush()?)
    }

    #[cfg(feature = "table")]
    fn print_csv(&self, document: &Document, out: &mut impl Write) -> anyhow::Result<()> {
        let name = self.table.to_possible_value().context("a table without a name")?;
        let tables = peerproof::report::tables(document);
        let table = tables.iter().find(|table| table.name == name.get_name()).context("no such table")?;
        // Through memory, so that a broken pipe is seen as one.
        let mut text = Vec::new();
        peerproof::report::write_csv(table, &mut text)?;
        Ok(out.write_all(&text)?)
    }

    #[cfg(not(feature = "table"))]
    fn print_csv(&self, _: &Document, _: &mut impl Write) -> anyhow::Result<()> {
        anyhow::bail!("this build has no tables, so not {:?} either", self.table)
    }
}

impl Checksums {
    fn policy(self) -> ChecksumPolicy {
        match self {
            Self::Ignore => ChecksumPolicy::Ignore,
            Self::Flag => ChecksumPolicy::Flag,
            Self::Drop => ChecksumPolicy::Drop,
        }
    }
}

/// Reads one `--tunnel`.
pub(super) fn tunnel(text: &str) -> Result<UdpTunnel, peerproof::Error> {
    text.parse()
}

/// Two formats for one port cannot both be meant.
pub(super) fn check_tunnels(tunnels: &[UdpTunnel]) -> Result<(), peerproof::Error> {
    let clash = |one: &UdpTunnel| tunnels.iter().any(|other| other.port == one.port && other != one);
    match tunnels.iter().find(|tunnel| clash(tunnel)) {
        Some(one) => Err(peerproof::Error::Usage(format!("--tunnel gives port {} two formats", one.port))),
        None => Ok(()),
    }
}

/// Says on standard error what makes the run less than complete, and gives the exit code.
fn verdict(evidence: &Evidence) -> ExitCode {
    let mut complete = true;
    for capture in &evidence.captures {
        if let Some(damage) = &capture.damage {
            complete = false;
            eprintln!("peerproof: warning: {} is damaged: {}", escaped(&capture.name), escaped(damage));
        }
    }
    for kind in [Kind::DamagedCapture, Kind::LimitReached] {
        let Some(tally) = evidence.anomalies.tally(kind) else { continue };
        let reported = kind == Kind::DamagedCapture && !complete;
        complete = false;
        if !reported {
            let first = tally.examples.first().map(|example| escaped(&example.detail)).unwrap_or_default();
            eprintln!("peerproof: warning: {}, {}: {first}", kind.name(), counted(tally.count, "time"));
            // Each further bound once: its name stands before the colon.
            let mut seen: BTreeSet<_> = tally.examples.first().map(bound).into_iter().collect();
            for other in
                tally.examples.iter().filter(|other| kind == Kind::LimitReached && seen.insert(bound(other)))
            {
                eprintln!("peerproof: warning: {}: {}", kind.name(), escaped(&other.detail));
            }
        }
    }
    if complete { ExitCode::SUCCESS } else { ExitCode::from(super::DAMAGED) }
}

/// The name of the bound that was reached.
fn bound(example: &Example) -> &str {
    example.detail.split(':').next().unwrap_or_default()
}

/// A bar on standard error while it is a terminal, else nothing.
pub(super) fn progress(total: Option<u64>) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::with_draw_target(total, ProgressDrawTarget::hidden());
    }
    let bar = total.map_or_else(ProgressBar::no_length, ProgressBar::new);
    if let Ok(style) = ProgressStyle::with_template(total.map_or(ENDLESS_STYLE, |_| STYLE)) {
        bar.set_style(style);
    }
    bar
}

/// The width of the terminal, or one that suits files and mail.
pub(super) fn width() -> usize {
    if !io::stdout().is_terminal() {
        return PLAIN_WIDTH;
    }
    terminal_size::terminal_size().map_or(PLAIN_WIDTH, |(terminal_size::Width(width), _)| usize::from(width))
}

const ENDLESS_STYLE: &str = "{binary_bytes} decompressed and read, {binary_bytes_per_sec}";
const STYLE: &str = "{bar:40} {binary_bytes} of {binary_total_bytes}, {binary_bytes_per_sec}, {eta} left";
const PLAIN_WIDTH: usize = 120;
// Rationale: long enough to keep every core busy between two windows, short enough to stay out of the page cache's way.
const WINDOW: u64 = 64 << 20;
