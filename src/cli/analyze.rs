//! `peerproof analyze`.

use std::collections::BTreeSet;
use std::path::PathBuf;

#[cfg(feature = "table")]
use anyhow::Context;
use clap::{Args, ValueEnum};
use peerproof::Options;
use peerproof::anomaly::{Example, Kind};
use peerproof::evidence::Evidence;
use peerproof::report::{Case, Document, Given, counted, escaped, passed_over, terminal};

use super::captures::Captures;
use super::refusal::{self, Refusal};
use super::screen::{progress, width};
use super::torrents::GivenTorrents;
use super::{Ending, say};

/// Read captures and report what each peer served, verified against the torrents
#[derive(Debug, Args)]
pub struct Analyze {
    #[command(flatten)]
    captures: Captures,

    #[command(flatten)]
    torrents: GivenTorrents,

    /// What to print on standard output
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// Which table `--format csv` prints: transfers, unless it is given
    #[arg(long, value_enum, value_name = "NAME")]
    table: Option<TableName>,

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
    /// A report to read; `table` is an older name of it
    #[value(alias = "table")]
    Text,
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
    pub fn run(&self) -> anyhow::Result<Ending> {
        if self.format == Format::Csv && cfg!(not(feature = "table")) {
            anyhow::bail!("this build has no tables: build with the feature `table` for --format csv");
        }
        if self.table.is_some() && self.format != Format::Csv {
            let name = self.table.and_then(|table| table.to_possible_value());
            return Err(Refusal {
                what: "--table is for CSV alone".to_owned(),
                instead: format!(
                    "-f csv --table {}",
                    name.map_or("NAME".to_owned(), |name| name.get_name().to_owned())
                ),
            }
            .into());
        }
        let case = self.output.as_deref().map(|place| Case::at(place, self.force)).transpose()?;
        let torrents = self.torrents.open(self.captures.paths(), self.captures.strict())?;
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
        let written = case.as_ref().map(|case| case.write(&document)).transpose();
        // Also where the case could not be written: the work is not lost.
        say::print(&self.rendered(&document)?)?;
        match (written, &self.output) {
            (Ok(Some(names)), Some(place)) => {
                say::note(&format!("wrote {} to {}", counted(names.len() as u64, "file"), place.display()));
            }
            (Ok(_), _) => {}
            (Err(error), _) => {
                let Refusal { what, instead } = refusal::case(&error);
                return Err(Refusal { what: format!("{what}, report is above"), instead }.into());
            }
        }
        if self.format != Format::Text {
            // The text says so itself.
            document.notes.iter().for_each(|note| say::note(note));
            passed_over(&document.passed_over).iter().for_each(|others| say::note(others));
        }
        Ok(ending(&evidence))
    }

    fn rendered(&self, document: &Document) -> anyhow::Result<Vec<u8>> {
        Ok(match self.format {
            Format::Text => terminal(document, width()).into_bytes(),
            Format::Json => document.json()?.into_bytes(),
            Format::Csv => self.csv(document)?,
        })
    }

    #[cfg(feature = "table")]
    fn csv(&self, document: &Document) -> anyhow::Result<Vec<u8>> {
        let name = self.table.unwrap_or(TableName::Transfers);
        let name = name.to_possible_value().context("a table without a name")?;
        let tables = peerproof::report::tables(document);
        let table = tables.iter().find(|table| table.name == name.get_name()).context("no such table")?;
        let mut text = Vec::new();
        peerproof::report::write_csv(table, &mut text)?;
        Ok(text)
    }

    #[cfg(not(feature = "table"))]
    fn csv(&self, _: &Document) -> anyhow::Result<Vec<u8>> {
        anyhow::bail!("this build has no tables, so not {:?} either", self.table)
    }
}

/// Says on standard error what makes the run less than complete, and how it ended.
fn ending(evidence: &Evidence) -> Ending {
    let mut causes = Vec::new();
    for capture in &evidence.captures {
        if let Some(damage) = &capture.damage {
            say::warning(&format!("{} is damaged: {}", escaped(&capture.name), escaped(damage)));
            causes.push(format!("{} is damaged", escaped(&capture.name)));
        }
    }
    for kind in [Kind::DamagedCapture, Kind::LimitReached] {
        let Some(tally) = evidence.anomalies.tally(kind) else { continue };
        if kind == Kind::DamagedCapture && !causes.is_empty() {
            continue;
        }
        let first = tally.examples.first().map(|example| escaped(&example.detail)).unwrap_or_default();
        say::warning(&format!("{}, {}: {first}", kind.name(), counted(tally.count, "time")));
        // Each further bound once: its name stands before the colon.
        let mut seen: BTreeSet<_> = tally.examples.first().map(bound).into_iter().collect();
        for other in tally.examples.iter().filter(|other| kind == Kind::LimitReached && seen.insert(bound(other))) {
            say::warning(&format!("{}: {}", kind.name(), escaped(&other.detail)));
        }
        causes.push(match kind {
            Kind::LimitReached => {
                format!("a bound was reached ({})", seen.into_iter().collect::<Vec<_>>().join(", "))
            }
            _ => "an input is damaged".to_owned(),
        });
    }
    match evidence.known.passed_over().len() as u64 {
        0 => {}
        1 => causes.push("a torrent file was passed over".to_owned()),
        count => causes.push(format!("{} were passed over", counted(count, "torrent file"))),
    }
    Ending::limited_by(&causes)
}

/// The name of the bound that was reached.
fn bound(example: &Example) -> &str {
    example.detail.split(':').next().unwrap_or_default()
}

// Rationale: long enough to keep every core busy between two windows, short enough to stay out of the page cache's way.
const WINDOW: u64 = 64 << 20;
