//! `peerproof analyze`.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, ValueEnum};
use peerproof::Options;
use peerproof::anomaly::{Example, Kind};
use peerproof::evidence::Evidence;
use peerproof::report::{Case, Document, Given, counted, escaped, passed_over, terminal, visible};
use peerproof::torrent::Torrents;

use super::captures::Captures;
use super::screen::{progress, width};

/// Read captures and report what each peer served, verified against the torrents
#[derive(Debug, Args)]
pub struct Analyze {
    #[command(flatten)]
    captures: Captures,

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

    /// Threads that hash pieces; all cores by default. Changes no figure
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,

    /// Bytes of capture per window of hashing. Changes no figure
    #[arg(long, value_name = "BYTES", hide = true, default_value_t = WINDOW)]
    window: u64,

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

impl Analyze {
    /// Reads, proves, reports.
    pub fn run(&self) -> anyhow::Result<ExitCode> {
        if self.format == Format::Csv && cfg!(not(feature = "table")) {
            anyhow::bail!("this build has no tables: build with the feature `table` for --format csv");
        }
        let case = self.output.as_deref().map(|place| Case::at(place, self.force)).transpose()?;
        let torrents = Torrents::open(&self.torrents)?;
        let captures = self.captures.open()?;
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        let bar = progress(captures.set.total_bytes());
        let advance = |done: u64| bar.set_position(done);
        let options = Options {
            threads: self.threads.map_or_else(cores, usize::from),
            window: self.window,
            progress: Some(&advance),
            digest: !self.no_digest,
            ..captures.options()
        };
        let evidence = peerproof::analyze(&captures.set, &torrents, &options)?;
        bar.finish_and_clear();
        let document = Document::new(&evidence, &Given::of(&evidence.known), options.checksums, &options.limits)
            .with_tunnels(options.tunnels);
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

// Rationale: long enough to keep every core busy between two windows, short enough to stay out of the page cache's way.
const WINDOW: u64 = 64 << 20;
