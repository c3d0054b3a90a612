//! `peerproof check`.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use peerproof::anomaly::Kind;
use peerproof::check::{Difference, Expectation, Outcome, Settings, first, junit};
use peerproof::report::{Document, Given, counted, escaped};
use peerproof::{CaptureSet, Limits, OpenOptions, Options, Secrets, Torrents, UdpTunnel};

use super::refusal::Refusal;
use super::screen::ScreenOptions;
use super::{Ending, say};

/// Hold captures against what they are expected to show: for the CI of BitTorrent clients
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct Check {
    /// Directories; every folder in and below them that holds an expect.toml is a case, with its captures and torrents
    #[arg(required = true, value_name = "DIR")]
    directories: Vec<PathBuf>,

    /// Write an expect.toml from what is found, where there is none or where it differs: to be reviewed before it is
    /// committed
    #[arg(long)]
    bless: bool,

    /// Write the outcome as JUnit XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

/// A folder with captures, and with an expectation but in a run that writes it.
struct Case {
    folder: PathBuf,
    expectation: Option<Expectation>,
}

impl Check {
    /// Runs every case and compares.
    pub fn run(&self, _: ScreenOptions) -> anyhow::Result<Ending> {
        let cases = self.cases()?;
        let (mut outcomes, mut rules, mut causes, mut text) = (Vec::new(), 0, Vec::new(), String::new());
        for case in &cases {
            let name = case.folder.display().to_string();
            let mut outcome = Outcome { name: name.clone(), differences: Vec::new(), error: None };
            match case.report() {
                Err(error) => outcome.error = Some(super::refusal::sentence(&error)),
                Ok(report) => {
                    let expectation = case.expectation.as_ref();
                    outcome.differences = expectation.map(|all| all.differences(&report)).unwrap_or_default();
                    rules += expectation.map_or(0, Expectation::rules);
                    for kind in [Kind::DamagedCapture, Kind::LimitReached] {
                        let is_there = report.anomalies.iter().any(|anomaly| anomaly.kind == kind);
                        if is_there && expectation.is_some_and(|all| !all.counts(kind)) {
                            causes.push(format!("{}: {}", escaped(&name), kind.name()));
                        }
                    }
                    if self.bless && (expectation.is_none() || !outcome.differences.is_empty()) {
                        case.bless(&report)?;
                        outcome.differences.clear();
                        let _ = writeln!(text, "wrote {}", escaped(&case.file().display().to_string()));
                    }
                }
            }
            tell(&mut text, case, &outcome);
            outcomes.push(outcome);
        }
        if let Some(path) = &self.junit {
            std::fs::write(path, junit(&outcomes)).with_context(|| format!("{}: cannot write", path.display()))?;
        }
        let wrong = outcomes.iter().filter(|outcome| !outcome.differences.is_empty()).count();
        let broken = outcomes.iter().filter(|outcome| outcome.error.is_some()).count();
        let all = counted(outcomes.len() as u64, "case");
        if wrong + broken == 0 {
            let _ = writeln!(text, "ok: {} of {all}, {}", outcomes.len(), counted(rules as u64, "expectation"));
        }
        say::print(text.as_bytes())?;
        if broken > 0 {
            anyhow::bail!("{broken} of {all} could not be run");
        }
        if wrong > 0 {
            let verb = if wrong == 1 { "differs" } else { "differ" };
            return Ok(Ending::Failed(format!("{wrong} of {all} {verb} (to accept what was found: --bless)")));
        }
        Ok(Ending::limited_by(&causes))
    }

    /// The cases, sorted by folder; every expectation is read before any capture is.
    fn cases(&self) -> anyhow::Result<Vec<Case>> {
        let mut folders = Vec::new();
        for directory in &self.directories {
            if !directory.is_dir() {
                let what = format!("{}: no such directory", directory.display());
                return Err(Refusal { what, instead: "peerproof check DIR".to_owned() }.into());
            }
            walk(directory, self.bless, &mut folders)?;
        }
        folders.sort();
        folders.dedup();
        if folders.is_empty() {
            let all: Vec<String> = self.directories.iter().map(|path| path.display().to_string()).collect();
            let what = format!("no {EXPECTATION} in or below {}", all.join(", "));
            let instead =
                if self.bless { "a directory with captures" } else { "--bless, which writes a first one" };
            return Err(Refusal { what, instead: instead.to_owned() }.into());
        }
        let mut faults = Vec::new();
        let mut cases = Vec::new();
        for folder in folders {
            let file = folder.join(EXPECTATION);
            let expectation = if file.is_file() {
                let text =
                    std::fs::read_to_string(&file).with_context(|| format!("{}: cannot read", file.display()))?;
                match Expectation::parse(&text) {
                    Ok(expectation) => Some(expectation),
                    Err(fault) => {
                        faults.push(format!("{}:{}: {}", file.display(), fault.line, fault.what));
                        None
                    }
                }
            } else {
                None
            };
            cases.push(Case { folder, expectation });
        }
        match faults.as_slice() {
            [] => Ok(cases),
            [fault] => anyhow::bail!("{fault}"),
            [first, others @ ..] => {
                others.iter().for_each(|fault| say::error(fault));
                anyhow::bail!("{first}")
            }
        }
    }
}

impl Case {
    fn file(&self) -> PathBuf {
        self.folder.join(EXPECTATION)
    }

    fn settings(&self) -> Settings {
        self.expectation.as_ref().map(|expectation| expectation.settings.clone()).unwrap_or_default()
    }

    /// Reads its captures.
    fn report(&self) -> anyhow::Result<Document> {
        let settings = self.settings();
        let inside = |name: &String| self.folder.join(name);
        let captures: Vec<PathBuf> = match settings.captures.as_slice() {
            [] => vec![self.folder.clone()],
            names => names.iter().map(inside).collect(),
        };
        let torrents = match settings.torrents.as_slice() {
            [] if has_torrents(&self.folder)? => Torrents::open(std::slice::from_ref(&self.folder))?,
            // A magnet link or an info-hash is no name in the folder.
            names => {
                let path = |name: &String| if inside(name).exists() { inside(name) } else { PathBuf::from(name) };
                Torrents::open(&names.iter().map(path).collect::<Vec<_>>())?
            }
        };
        let secrets = match &settings.mse_secrets {
            None => Secrets::default(),
            Some(name) => {
                let text = std::fs::read(inside(name)).with_context(|| format!("{name}: cannot read"))?;
                Secrets::parse(name, &text)?
            }
        };
        let tunnels: Vec<UdpTunnel> = settings.tunnels.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
        let limits = Limits::default();
        let rows = settings.max_rows.unwrap_or(limits.rows);
        let limits = limits.with_rows(rows);
        let set = CaptureSet::open(&captures, &OpenOptions::default())?;
        let options = Options {
            checksums: settings.checksums,
            tunnels: &tunnels,
            limits,
            secrets: &secrets,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            digest: false,
            ..Options::default()
        };
        let evidence = peerproof::analyze(&set, &torrents, &options)?;
        Ok(Document::new(&evidence, &Given::of(&evidence.known), options.checksums, &options.limits))
    }

    fn bless(&self, report: &Document) -> anyhow::Result<()> {
        let file = self.file();
        std::fs::write(&file, first(report, &self.settings()))
            .with_context(|| format!("{}: cannot write", file.display()))
    }
}

/// Tells how a case came out, where it is not as expected.
fn tell(text: &mut String, case: &Case, outcome: &Outcome) {
    let file = escaped(&case.file().display().to_string());
    let on_github = std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true");
    // Writing to a String cannot fail.
    if let Some(error) = &outcome.error {
        let _ = writeln!(text, "{file}\n  could not be run: {}", escaped(error));
        if on_github {
            let _ = writeln!(text, "{}", annotation(&file, 1, error));
        }
    }
    let mut about = None;
    for each in &outcome.differences {
        let Difference { entry, line, about: of, expected, found } = each;
        if about != Some(entry) {
            let _ = writeln!(text, "{file}:{entry}  {}", escaped(of));
            about = Some(entry);
        }
        let _ = writeln!(text, "  - {}\n  + {}", escaped(expected), escaped(found));
        if on_github {
            let _ = writeln!(text, "{}", annotation(&file, *line, &format!("expected {expected}, found {found}")));
        }
    }
}

/// A workflow command of GitHub, which shows the message beside the line.
fn annotation(file: &str, line: usize, message: &str) -> String {
    let data = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
    format!("::error file={},line={line},title=peerproof check::{}", property(file), data(&escaped(message)))
}

/// The folders in and below `directory` that hold an expectation; with `captures`, those that hold a capture too.
fn walk(directory: &Path, captures: bool, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let entries = std::fs::read_dir(directory).with_context(|| format!("{}: cannot read", directory.display()))?;
    for entry in entries {
        let entry = entry?;
        let (kind, name) = (entry.file_type()?, entry.file_name());
        if kind.is_dir() {
            walk(&entry.path(), captures, found)?;
        } else if name == EXPECTATION || (captures && is_capture_by_name(&name.to_string_lossy())) {
            found.push(directory.to_owned());
        }
    }
    Ok(())
}

fn is_capture_by_name(name: &str) -> bool {
    name.split('.').skip(1).any(|part| matches!(part.to_ascii_lowercase().as_str(), "pcap" | "pcapng" | "cap"))
}

fn has_torrents(folder: &Path) -> anyhow::Result<bool> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("{}: cannot read", folder.display()))?;
    for entry in entries {
        if entry?.path().extension().is_some_and(|end| end.eq_ignore_ascii_case("torrent")) {
            return Ok(true);
        }
    }
    Ok(false)
}

const EXPECTATION: &str = "expect.toml";

pub(super) const AFTER_HELP: &str = "\
A case is a folder with captures, torrents and an expect.toml such as:

  [[subject]]
  client = \"libtorrent*\"
  grade = \">=G8\"
  standard = true
  refuted_bytes = 0
  served_bytes = \">=4194304\"
  files = \"all\"

Every [[subject]] needs a peer of its own that fulfils it, or as many as its
count says. It names no port, time or frame. Further tables: [[torrent]],
[anomalies], [opaque], [mentions], and [options] for those of analyze.

Examples:
  peerproof check cases/
      every case in and below the directory
  peerproof check cases/ --bless
      write a first expect.toml where there is none, to be reviewed
  peerproof check cases/ --junit check.xml
      for a CI service; on GitHub differences are shown beside their lines too

Exit code 1: a case is not as expected. 2: an expect.toml or a capture cannot be
read. 3: as expected, but a capture is damaged, or a bound was reached, and no
line of [anomalies] counts that.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_annotation_is_one_line_whatever_it_says() {
        let line = annotation("a,b:c/expect.toml", 7, "50 % of\nall\u{1b}[1m");
        assert!(
            line.starts_with("::error file=a%2Cb%3Ac/expect.toml,line=7,title=peerproof check::50 %25 of"),
            "{line}"
        );
        assert!(!line.contains('\n') && !line.contains('\u{1b}'), "{line}");
    }

    #[test]
    fn the_help_fits_a_page_of_80_columns() {
        assert!(AFTER_HELP.lines().all(|line| line.chars().count() <= 80));
    }
}
