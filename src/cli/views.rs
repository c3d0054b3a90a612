//! A report in the form that is asked for: for every command that ends in one.

use std::path::{Path, PathBuf};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use jiff::tz::TimeZone;
use peerproof::case::{Case, CaseError, CaseFiles, Covered, Pieces, TorrentFile, pieces_in};
use peerproof::pseudonym::{Key, holds_no_address};
use peerproof::report::{
    Choice, Document, Moment, Piece, Screen, Sort, Torrent, Whom, counted, dot, graphml, page, passed_over,
    shell_word, terminal, timeline,
};

use super::keys;
use super::refusal::{self, Refusal};
use super::say;
use super::screen::ScreenOptions;
use super::torrents::readable_beside;

/// Arguments of commands that show a report: its format, the choice of rows, the directory of a case.
#[derive(Debug, Args)]
pub struct Views {
    /// What to print on standard output
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// Which table `--format csv` prints: transfers, unless it is given
    #[arg(long, value_enum, value_name = "NAME")]
    table: Option<TableName>,

    /// Also write a case: a directory with report.html, report.txt, report.json, every table as CSV and Parquet, the
    /// torrents and a manifest. It appears complete or not at all, and always holds the whole report. (A build without
    /// the feature `table` writes no Parquet)
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,

    /// Let --output replace an older case, after the new one is complete
    #[arg(long, requires = "output")]
    force: bool,

    /// Show one address, or one address and port. Chooses what is printed: the figures stay those of the whole run, and
    /// the output says so
    #[arg(long, value_name = "ADDR[:PORT]")]
    peer: Option<Whom>,

    /// Show what went on at this time or later, such as 2026-11-20T21:05:45Z; figures stay those of the whole run
    #[arg(long, value_name = "TIME")]
    from: Option<Moment>,

    /// Show what went on at this time or earlier; figures stay those of the whole run
    #[arg(long, value_name = "TIME")]
    to: Option<Moment>,

    /// Put keyed pseudonyms in place of every address, peer_id and client, in the case and in what is printed. KEYFILE holds
    /// 64 hex digits; `peerproof reveal` has the clear ones back from them. A torrent in which an address stands, or
    /// the name of a host, is left out of the case, and coverage.json too
    #[arg(long, value_name = "KEYFILE")]
    pseudonymize: Option<PathBuf>,

    /// Rows of a table of the text; 0 for all. 20 unless it is given, and 5,000 with -v
    #[arg(long, value_name = "N")]
    top: Option<usize>,

    /// Sort the peers of the text by a column. Unless it is given, they stand address by address, the strongest first
    #[arg(long, value_name = "COL", value_parser = sorts())]
    sort: Option<Sort>,

    /// Local times beside UTC in the text: an IANA name such as Europe/Berlin, or an offset
    #[arg(long, value_name = "ZONE", value_parser = zone)]
    tz: Option<TimeZone>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A report to read; `table` is an older name of it
    #[value(alias = "table")]
    Text,
    /// report.html: one page that stands alone, for screen and print
    Html,
    /// report.json; `peerproof schema` describes it
    Json,
    /// A timeline: one event a line, as Timesketch reads it
    Jsonl,
    /// One table as CSV, see --table; not in a build without the feature `table`
    Csv,
    /// CASE/UCO, JSON-LD for tools of digital forensics
    Case,
    /// Who sent to whom, for Graphviz
    Dot,
    /// Who sent to whom, as GraphML
    Graphml,
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
    /// A row for each file of which a peer sent verified bytes
    Files,
    /// A row for each answer in which somebody counted a swarm
    Swarms,
    /// A row for each address of which the captures or the lists that are given say something
    Hosts,
    /// A row for each operator of addresses, by the lists that are given
    Operators,
    /// A row for each unit, transfer, class and reason: what every figure is a sum of
    Pieces,
}

/// The place of a case, looked at before the work.
pub struct Place<'v> {
    case: Option<Case>,
    key: Option<Key>,
    path: Option<&'v Path>,
    /// The case that the report was read from.
    source: Option<&'v Path>,
    /// The words that make the report again, where captures were read.
    given: Option<Vec<String>>,
    /// The captures that were read.
    captures: &'v [PathBuf],
}

impl<'v> Place<'v> {
    /// Suggests commands for a report that was read from `source`.
    pub fn read_from(self, source: &'v Path) -> Self {
        Self { source: source.is_dir().then_some(source), ..self }
    }

    /// Suggests commands for a report that the command line of these `words` makes of `captures`.
    pub fn given(self, words: Vec<String>, captures: &'v [PathBuf]) -> Self {
        Self { given: Some(words), captures, ..self }
    }

    /// The torrent files beside the captures, where the report has a torrent that is not described.
    fn beside(&self, document: &Document) -> Vec<(String, Vec<[u8; 20]>)> {
        let is_bare = |torrent: &Torrent| torrent.size.is_none();
        if self.key.is_some() || !document.torrents.iter().any(is_bare) {
            return Vec::new();
        }
        let found = readable_beside(self.captures).into_iter();
        found.map(|beside| (shell_word(&beside.path), beside.wire_hashes)).collect()
    }
}

impl Views {
    /// Refuses what cannot be done, before the work begins.
    ///
    /// # Errors
    /// A [`Refusal`] for arguments that do not fit one another or this build; that of a place where no case can be.
    pub fn check(&self) -> anyhow::Result<Place<'_>> {
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
        let key = self.pseudonymize.as_deref().map(keys::read).transpose()?;
        Ok(Place { case, key, path: self.output.as_deref(), source: None, given: None, captures: &[] })
    }

    /// Writes the case, prints the report, and tells on standard error what the printed form does not.
    ///
    /// # Errors
    /// Those of writing and rendering. Also where the case could not be written the report is printed: the work is not
    /// lost.
    pub fn show(
        &self,
        look: ScreenOptions,
        place: &Place<'_>,
        document: Document,
        pieces: Pieces<'_>,
        torrents: &[TorrentFile],
        covered: Option<&Covered>,
    ) -> anyhow::Result<()> {
        let written = match (&place.case, &place.key) {
            (None, _) => None,
            (Some(case), None) => Some(write(case, &document, pieces, torrents, covered)),
            (Some(case), Some(key)) => {
                // What tells of addresses in another form has no place in the case.
                let hidden: Vec<TorrentFile> =
                    torrents.iter().filter(|(_, bytes)| holds_no_address(bytes, &document)).cloned().collect();
                if hidden.len() < torrents.len() {
                    look.note(&format!(
                        "{} left out of the case: an address stands in it, or the name of a host",
                        counted((torrents.len() - hidden.len()) as u64, "torrent")
                    ));
                }
                Some(write(case, &key.applied(&document)?, Pieces::None, &hidden, None))
            }
        };
        // The words of the command line are clear ones.
        let given = place.given.clone().filter(|_| place.key.is_none());
        let beside = if self.format == Format::Text { place.beside(&document) } else { Vec::new() };
        let kept = place.path.filter(|_| matches!(written, Some(Ok(_)))).or(place.source);
        let mut document = document;
        if let (None, true, Some(peer)) = (&document.pieces, self.shows_blocks(), self.peer) {
            let is_of = |row: &Piece| peer.is_at(row.uploader.ip) || peer.is_at(row.downloader.ip);
            document.pieces = match pieces {
                Pieces::Rows(rows) => Some(rows.iter().filter(is_of).collect()),
                Pieces::Files(files) => pieces_in(files).map(|rows| rows.into_iter().filter(is_of).collect()),
                Pieces::None => None,
            };
        }
        let mut shown = document.only(&self.choice());
        if let Some(key) = &place.key {
            shown = key.applied(&shown)?;
        }
        match self.absent(&shown) {
            None => self.print(&shown, self.screen(look, kept, given, beside)).map_err(|error| {
                match (&written, place.path) {
                    (Some(Ok(_)), Some(path)) => {
                        anyhow::anyhow!("{error:#}; the case {} is complete", path.display())
                    }
                    _ => error,
                }
            })?,
            Some(refusal) if written.is_none() => return Err(refusal.into()),
            Some(refusal) => say::warning(&refusal.to_string()),
        }
        match (written, place.path) {
            (Some(Ok(names)), Some(path)) => {
                look.note(&format!("wrote {} to {}", counted(names.len() as u64, "file"), path.display()));
            }
            (Some(Err(error)), _) => {
                let Refusal { what, instead } = refusal::case(&error);
                return Err(Refusal { what: format!("{what}, report is above"), instead }.into());
            }
            _ => {}
        }
        if !matches!(self.format, Format::Text | Format::Html) {
            // The text says so itself.
            notes(look, &shown);
        }
        Ok(())
    }

    fn print(&self, shown: &Document, screen: Screen) -> anyhow::Result<()> {
        match self.format {
            Format::Json => say::write(|out| shown.write_json(out)),
            _ => say::print(&self.rendered(shown, screen)?),
        }
    }

    /// Returns true if a case is written.
    pub fn writes_case(&self) -> bool {
        self.output.is_some()
    }

    /// Returns true if a peer is shown block by block.
    pub fn shows_blocks(&self) -> bool {
        self.peer.is_some() && matches!(self.format, Format::Text | Format::Html)
    }

    /// Returns true if a file or table that is written lists the contributions of each unit.
    pub fn lists_pieces(&self) -> bool {
        self.table == Some(TableName::Pieces) || self.shows_blocks() || self.output.is_some()
    }

    /// Returns true if the report that is printed lists the contributions of each unit.
    pub fn prints_pieces(&self) -> bool {
        self.table == Some(TableName::Pieces)
    }

    /// Why there is no page of the address that was chosen.
    fn absent(&self, shown: &Document) -> Option<Refusal> {
        let peer = self.peer?;
        let nothing = shown.subjects.is_empty() && shown.transfers.is_empty() && shown.opaque.is_empty();
        // The text says what was not seen, and in which captures.
        (nothing && self.format == Format::Html).then(|| Refusal {
            what: match shown.mentions.len() as u64 {
                0 => format!("{peer} has no row, and nobody named it"),
                count => format!("{peer} has no row, {}", counted(count, "mention")),
            },
            instead: "-f text, which says what is not there, or -f csv --table mentions".to_owned(),
        })
    }

    fn screen(
        &self,
        look: ScreenOptions,
        case: Option<&Path>,
        given: Option<Vec<String>>,
        beside: Vec<(String, Vec<[u8; 20]>)>,
    ) -> Screen {
        let case = case.map(|case| case.display().to_string());
        Screen { top: self.top, sort: self.sort, zone: self.tz.clone(), case, given, beside, ..look.screen() }
    }

    fn choice(&self) -> Choice {
        Choice { peer: self.peer, from: self.from, to: self.to }
    }

    fn rendered(&self, document: &Document, screen: Screen) -> anyhow::Result<Vec<u8>> {
        Ok(match self.format {
            Format::Text => terminal(document, &screen).into_bytes(),
            Format::Html => page(document)?.into_bytes(),
            Format::Json => document.json()?.into_bytes(),
            Format::Jsonl => timeline(document)?.into_bytes(),
            Format::Csv => self.csv(document)?,
            Format::Case => peerproof::report::case_uco(document)?.into_bytes(),
            Format::Dot => dot(document)?.into_bytes(),
            Format::Graphml => graphml(document)?.into_bytes(),
        })
    }

    fn csv(&self, document: &Document) -> anyhow::Result<Vec<u8>> {
        use anyhow::Context;
        let name = self.table.unwrap_or(TableName::Transfers);
        let name = name.to_possible_value().context("a table without a name")?;
        let table = peerproof::report::TABLES.iter().find(|table| table.name == name.get_name());
        let table = table.context("no such table")?;
        let table = (table.make)(document)
            .context("the pieces are listed while captures are read: analyze --pieces, or the case's tables")?;
        let mut text = Vec::new();
        peerproof::report::write_csv(&table, &mut text)?;
        Ok(text)
    }
}

fn write(
    case: &Case,
    document: &Document,
    pieces: Pieces<'_>,
    torrents: &[TorrentFile],
    covered: Option<&Covered>,
) -> Result<Vec<String>, CaseError> {
    case.write(&CaseFiles::of(document, pieces, torrents, covered))
}

/// Tells what a form for programs does not say itself.
fn notes(look: ScreenOptions, document: &Document) {
    if let Some(shown) = &document.shown {
        look.note(&shown.sentence(document.subjects.len(), document.transfers.len(), document.mentions.len()));
    }
    document.notes.iter().for_each(|note| look.note(note));
    passed_over(&document.passed_over).iter().for_each(|others| look.note(others));
}

/// The columns by name, which help and completions list.
fn sorts() -> impl TypedValueParser<Value = Sort> {
    PossibleValuesParser::new(Sort::ALL.iter().map(|sort| sort.name()))
        .try_map(|name| Sort::ALL.iter().copied().find(|sort| sort.name() == name).ok_or("no such column"))
}

fn zone(text: &str) -> Result<TimeZone, String> {
    peerproof::audit::zone(text)
        .ok_or("expected UTC, an offset such as +01:00, or a name such as Europe/Berlin".to_owned())
}
