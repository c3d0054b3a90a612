//! `peerproof audit`.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use clap::{Args, ValueEnum};
use peerproof::Options;
use peerproof::audit::document::{ClaimRow, Input};
use peerproof::audit::examined::{Examined, Index};
use peerproof::audit::{
    Alias, Answer, Covers, Digested, Document, Letter, Notices, Prefix, Terms, judge, page, table, zone,
};
use peerproof::case::{Covered, Opened};
use peerproof::report::{self, Given, Screen, counted, escaped};
use peerproof::stages::output::{NewDirectory, probe};

use super::captures::Settings;
use super::hosts::HostLists;
use super::refusal::{Refusal, opening};
use super::screen::{Progress, ScreenOptions};
use super::torrents::GivenTorrents;
use super::{Ending, say};

/// Say of each claim in notices whether captures support it: with frames, with what was covered, and with a letter
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct Audit {
    /// Notices: ACNS XML, mails and mailboxes, XARF and ARF, CSV, JSON, text; or - for standard input; of a directory,
    /// every file in and below it. The content decides, not the name
    #[arg(required = true, value_name = "NOTICE")]
    notices: Vec<PathBuf>,

    /// The captures that the notices are held against, as for `analyze`
    #[arg(long = "capture", value_name = "CAPTURE", num_args = 1.., required_unless_present = "case")]
    captures: Vec<PathBuf>,

    /// A case that `analyze -o` wrote, in place of captures and torrents
    #[arg(long, value_name = "CASE", conflicts_with_all = ["captures", "torrents", "torrents_here", "Settings", "no_digest"])]
    case: Option<PathBuf>,

    #[command(flatten)]
    torrents: GivenTorrents,

    #[command(flatten)]
    settings: Settings,

    /// How far a stated time may be off: 0s to 1h
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = tolerance)]
    tolerance: i64,

    /// The zone of times that state none: UTC, +01:00, CET, Europe/Berlin. It never overrides a stated one
    #[arg(long, value_name = "ZONE", value_parser = zone_name)]
    zone: Option<String>,

    /// An address or prefix of which you state that everything that it sent and received passed the captures; `none`
    /// for: nothing is to be inferred. May be given several times
    #[arg(long, value_name = "ADDRESS|PREFIX|none")]
    covers: Vec<String>,

    /// A public address, and the inside one that stood for it. May be given several times
    #[arg(long, value_name = "PUBLIC[:PORT]=INSIDE[:PORT]")]
    alias: Vec<Alias>,

    #[command(flatten)]
    hosts: HostLists,

    /// Exit with 1 unless every claim that is not withdrawn is supported; with `standard`, and meets the standard of
    /// proof
    #[arg(long, value_name = "HOW", value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "supported")]
    strict: Option<Strict>,

    /// Print on standard output
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    format: Format,

    /// Also write audit.json, audit.txt and a letter for each claim into a directory
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,

    /// Let --output replace an older audit
    #[arg(long, requires = "output")]
    force: bool,

    /// Do not compute the SHA-256 of the captures
    #[arg(long)]
    no_digest: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A table to read
    #[value(alias = "text")]
    Table,
    /// JSON, schema peerproof/audit/1
    Json,
    /// The letters, as Markdown
    Markdown,
    /// The letters, as one HTML page
    Html,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Strict {
    /// Every claim is supported
    Supported,
    /// Every claim is supported and meets the standard of proof
    Standard,
}

impl Audit {
    /// Reads notices and captures, and answers.
    pub fn run(&self, look: ScreenOptions) -> anyhow::Result<Ending> {
        let terms = self.terms()?;
        let place = self.output.as_deref().map(|place| Place::at(place, self.force)).transpose()?;
        let mut inputs = Vec::new();
        let mut notices = Notices::new(self.zone.as_deref().and_then(zone));
        for (name, path) in files(&self.notices)? {
            let reader: Box<dyn Read> = if path.as_os_str() == "-" {
                Box::new(io::stdin().lock())
            } else {
                Box::new(File::open(&path).with_context(|| format!("{}: cannot open", path.display()))?)
            };
            let mut reader = Digested::new(reader);
            let read = notices.read(&name, &mut reader).and_then(|()| reader.finish());
            let digest = read.with_context(|| format!("{}: cannot read", path.display()))?;
            inputs.push(Input { kind: "notice", name, sha256: Some(digest) });
        }
        let (entries, left_out) = notices.finish();
        let (report, covered) = self.source(look)?;
        inputs.extend(report.inputs.iter().map(|input| match input {
            report::Input::Capture { name, sha256, .. } => {
                Input { kind: "capture", name: name.clone(), sha256: sha256.map(|digest| digest.to_string()) }
            }
            report::Input::Torrent { name, sha256, .. } => {
                Input { kind: "torrent", name: name.clone(), sha256: Some(sha256.to_string()) }
            }
        }));
        inputs.extend(terms.lists.lists().iter().map(|list| Input {
            kind: list.kind.name(),
            name: list.name.clone(),
            sha256: Some(list.sha256.to_string()),
        }));
        let examined = Examined::of(&report, &covered.coverage, &covered.courses);
        let index = Index::of(&examined);
        let answers: Vec<Answer> = entries
            .into_iter()
            .map(|entry| {
                let entry = entry.settled(|hash| examined.is_known(hash));
                let judged = entry.content.as_ref().ok().map(|claim| judge(claim, &index, &terms));
                Answer { entry, judged }
            })
            .collect();
        let document = Document::new(&answers, &index, &terms, self.zone.as_deref(), inputs, left_out);
        let text = match self.format {
            Format::Table => table(&document, &look.screen()),
            Format::Json => document.json().context("cannot write the JSON")?,
            Format::Markdown => format!("# Letters\n\n{}", letters(&document, Letter::markdown)),
            Format::Html => page(&letters(&document, Letter::html)),
        };
        say::print(text.as_bytes())?;
        if let (Some(place), Some(path)) = (&place, &self.output) {
            place.write(&document)?;
            look.note(&format!(
                "wrote audit.json, audit.txt and {} to {}",
                counted(document.claims.len() as u64, "letter"),
                path.display()
            ));
        }
        let mut causes = Vec::new();
        for input in &report.inputs {
            if let report::Input::Capture { name, damage: Some(_), .. } = input {
                causes.push(format!("{} is damaged", escaped(name)));
            }
        }
        if !examined.bounds.is_empty() {
            causes.push(format!("a bound was reached ({})", examined.bounds.join(", ")));
        }
        Ok(self.ending(&document, causes))
    }

    /// The report that the notices are held against: of a case, or of captures that are read now.
    fn source(&self, look: ScreenOptions) -> anyhow::Result<(report::Document, Covered)> {
        if let Some(path) = &self.case {
            let opened = Opened::read(path).map_err(|error| opening(&error))?;
            let covered = opened.covered.ok_or_else(|| match opened.document.options.pseudonyms {
                true => Refusal {
                    what: format!(
                        "{} has pseudonyms in the place of addresses, which no notice names",
                        path.display()
                    ),
                    instead: "the case without them, or --capture CAPTURE".to_owned(),
                },
                false => Refusal {
                    what: format!(
                        "{} holds no coverage.json, so nobody can tell from it what happened when",
                        path.display()
                    ),
                    instead: "a case directory that this version wrote, or --capture CAPTURE".to_owned(),
                },
            })?;
            return Ok((opened.document, covered));
        }
        let torrents = self.torrents.open(&self.captures, false)?;
        let captures = self.settings.open(&self.captures, false)?;
        let bar = Progress::of(look, &self.captures, captures.set.total_bytes());
        let advance = |done: u64| bar.at(done);
        let options = Options { progress: Some(&advance), digest: !self.no_digest, ..captures.options() };
        let mut evidence = peerproof::analyze(&captures.set, &torrents, &options)?;
        bar.end();
        let given = Given::of(&evidence.known);
        let report = report::Document::take(&mut evidence, &given, options.checksums, &options.limits);
        Ok((report.with_tunnels(options.tunnels), Covered::take(&mut evidence)))
    }

    fn terms(&self) -> anyhow::Result<Terms> {
        let covers = match self.covers.as_slice() {
            [] => Covers::Inferred,
            [none] if none == "none" => Covers::Nobody,
            stated => {
                let prefixes: Result<Vec<Prefix>, String> = stated.iter().map(|text| text.parse()).collect();
                Covers::Stated(prefixes.map_err(|error| anyhow::anyhow!("--covers {error}"))?)
            }
        };
        let lists = Arc::new(self.hosts.open()?);
        Ok(Terms { tolerance: self.tolerance, covers, aliases: self.alias.clone(), lists })
    }

    fn ending(&self, document: &Document, mut causes: Vec<String>) -> Ending {
        let counts = |claim: &&ClaimRow| !matches!(claim.status, "withdrawn" | "not-a-notice");
        let is_right = |claim: &ClaimRow, strict| {
            claim.verdict == Some("supported") && (strict == Strict::Supported || claim.standard == Some("met"))
        };
        if let Some(strict) = self.strict {
            let wrong = document.claims.iter().filter(counts).filter(|claim| !is_right(claim, strict)).count();
            if wrong > 0 {
                let met = if strict == Strict::Standard { " by the standard of proof" } else { "" };
                let judged = document.claims.iter().filter(counts).filter(|claim| claim.verdict.is_some());
                let judged = judged.filter(|claim| !is_right(claim, strict)).count();
                let unusable = (wrong - judged) as u64;
                let mut what = Vec::new();
                what.extend(
                    (judged > 0).then(|| format!("{} not supported{met}", counted(judged as u64, "claim"))),
                );
                what.extend((unusable > 0).then(|| format!("{} not judged", counted(unusable, "claim"))));
                return Ending::Failed(what.join(", "));
            }
        }
        let refused = document.claims.iter().filter(|claim| claim.status == "unusable").count();
        if refused > 0 {
            let notices = counted(refused as u64, "notice");
            let rows = if refused == 1 { "row" } else { "rows" };
            causes.insert(0, format!("{notices} or {rows} could not be used"));
        }
        if document.claims_left_out > 0 {
            causes.push(format!(
                "{} not read, as a bound was reached",
                counted(document.claims_left_out, "further claim")
            ));
        }
        Ending::limited_by(&causes)
    }
}

fn letters(document: &Document, one: fn(&Letter, u64) -> String) -> String {
    document.claims.iter().map(|claim| one(&Letter::of(document, claim), claim.id)).collect()
}

/// Where an audit is written.
struct Place {
    path: PathBuf,
    force: bool,
}

impl Place {
    /// Looks at the place before the work.
    fn at(path: &Path, force: bool) -> anyhow::Result<Self> {
        if path.exists() && !is_free(path, force)? {
            let what = format!("{} exists, nothing was done", path.display());
            return Err(Refusal { what, instead: "-o elsewhere, or --force to replace an audit".to_owned() }.into());
        }
        probe(path).with_context(|| format!("{}: cannot write there", path.display()))?;
        Ok(Self { path: path.to_owned(), force })
    }

    fn write(&self, document: &Document) -> anyhow::Result<()> {
        let new = NewDirectory::beside(&self.path)?;
        let write = |name: &str, text: &str| {
            std::fs::write(new.path().join(name), text).with_context(|| format!("cannot write {name}"))
        };
        write("audit.json", &document.json()?)?;
        write("audit.txt", &table(document, &Screen::report_txt()))?;
        std::fs::create_dir(new.path().join("letters"))?;
        for claim in &document.claims {
            write(&format!("letters/{}.txt", claim.id), &Letter::of(document, claim).text())?;
        }
        if self.force && self.path.is_dir() {
            let target = &self.path;
            let may_go = |old: &Path| match is_free(old, true) {
                Ok(true) => Ok(()),
                _ => Err(io::Error::other("it holds files that are not of an audit")),
            };
            return new.replace(may_go, remove).with_context(|| format!("{}", target.display()));
        }
        new.put().with_context(|| format!("{}: it exists already", self.path.display()))
    }
}

/// Returns true if nothing is at `path` but an empty directory, or with `force` an audit and nothing else.
fn is_free(path: &Path, force: bool) -> io::Result<bool> {
    if !path.is_dir() {
        return Ok(false);
    }
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        let name = entry.file_name();
        let ours = match name.to_str() {
            Some("audit.json" | "audit.txt") => entry.file_type()?.is_file(),
            Some("letters") => entry.file_type()?.is_dir() && letters_only(&entry.path())?,
            _ => false,
        };
        if !(force && ours) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn letters_only(path: &Path) -> io::Result<bool> {
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let number = name.strip_suffix(".txt").filter(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
        if number.is_none() || !entry.file_type()?.is_file() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Removes an audit, file by file.
fn remove(old: &Path) -> io::Result<()> {
    let letters = old.join("letters");
    if letters.is_dir() {
        for letter in std::fs::read_dir(&letters)? {
            std::fs::remove_file(letter?.path())?;
        }
        std::fs::remove_dir(&letters)?;
    }
    for name in ["audit.json", "audit.txt"] {
        match std::fs::remove_file(old.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    std::fs::remove_dir(old)
}

/// The files among `paths` and in the directories among them, sorted, with the names that are said of them.
fn files(paths: &[PathBuf]) -> anyhow::Result<Vec<(String, PathBuf)>> {
    let mut out = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" {
            out.push(("-".to_owned(), path.clone()));
            continue;
        }
        let found = std::fs::metadata(path).with_context(|| format!("{}: no such file", path.display()))?;
        if found.is_dir() { walk(path, "", &mut out)? } else { out.push((file_name(path), path.clone())) }
    }
    out.sort();
    out.dedup();
    Ok(out)
}

fn walk(directory: &Path, prefix: &str, out: &mut Vec<(String, PathBuf)>) -> anyhow::Result<()> {
    let entries = std::fs::read_dir(directory).with_context(|| format!("{}: cannot read", directory.display()))?;
    for entry in entries {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            walk(&entry.path(), &format!("{name}/"), out)?;
        } else if kind.is_file() {
            out.push((name, entry.path()));
        }
    }
    Ok(())
}

fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

fn tolerance(text: &str) -> Result<i64, String> {
    let parsed: Result<jiff::SignedDuration, _> = text.parse();
    let seconds = text.parse::<u32>().ok().map(|seconds| jiff::SignedDuration::from_secs(i64::from(seconds)));
    let duration = parsed.ok().or(seconds).ok_or("expected a duration such as 45s or 10m")?;
    let hour = jiff::SignedDuration::from_hours(1);
    if duration.is_negative() || duration > hour {
        return Err("from 0s to 1h".to_owned());
    }
    i64::try_from(duration.as_nanos()).map_err(|_| "from 0s to 1h".to_owned())
}

fn zone_name(text: &str) -> Result<String, String> {
    zone(text)
        .map(|_| text.to_owned())
        .ok_or("expected UTC, an offset such as +01:00, or a name such as Europe/Berlin".to_owned())
}

pub(super) const AFTER_HELP: &str = "\
Examples:
  peerproof audit notice.xml --capture capture.pcap -t file.torrent
      does the capture support this notice?
  peerproof audit notices/ --capture ring/ -t file.torrent -o audit/
      every notice of a directory: a table, JSON, and a letter for each claim
  peerproof audit notice.eml --capture own.pcap -t x.torrent --covers 192.0.2.7
      the capture was made at 192.0.2.7 itself, and holds all of its traffic
  peerproof audit notices/ --case case/
      against a case that was made before, without its captures

A notice in a text needs each field under its name, one a line: `IP Address:
192.0.2.1`, `Port: 6881`, `Date: 2026-11-21T02:59:59Z`, `Info Hash: ...`. In CSV
the first line names the columns (ip,port,time,infohash), in JSON the members do.
Address and time must be there; without a hash or a port less can be said.

Verdicts: supported, supported-in-part, contradicted, not-at-stated-time,
outside-capture, not-decidable. A notice is parsed, never believed.
Exit code 1: --strict failed. 3: complete, but a notice, row or capture was
refused or damaged, or a bound was reached.";
