//! The command line: a file for each command, and beside them what they share: arguments (`captures`, `torrents`), the terminal
//! (`screen`), reports (`views`), words and results (`say`), errors (`refusal`), signals. No command imports another one.

mod analyze;
mod audit;
mod captures;
mod check;
mod completions;
mod inspect;
mod man;
mod refusal;
mod report;
mod say;
mod schema;
mod screen;
mod signals;
mod torrent;
mod torrents;
mod verify;
mod views;
mod words;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

/// How a run that could be made ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Ending {
    /// As asked: exit code 0.
    Complete,
    /// Complete, but an input was damaged, or a bound was reached: exit code 3. Why, as a clause.
    Limited(String),
    /// Complete, and what was to be checked is not so: exit code 1. Why, as a clause.
    Failed(String),
}

impl Ending {
    /// The ending of a run that is limited by all of `causes`.
    pub fn limited_by(causes: &[String]) -> Self {
        if causes.is_empty() { Self::Complete } else { Self::Limited(causes.join("; ")) }
    }
}

/// Parses the arguments, runs the command and gives the exit code: 2 with an error line where it cannot be run, also for
/// a usage error.
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse_from(spelled_out(std::env::args_os().collect())) {
        Ok(cli) => cli,
        Err(error) if !error.use_stderr() => {
            // Help, or the version.
            let _ = error.print();
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            say::error(&refusal::usage(&error));
            return ExitCode::from(CANNOT_RUN);
        }
    };
    signals::watch();
    peerproof::capture::catch_cut_files();
    let ending = match cli.command {
        Command::Analyze(command) => command.run(),
        Command::Report(command) => command.run(),
        Command::Audit(command) => command.run(),
        Command::Check(command) => command.run(),
        Command::Inspect(command) => command.run(),
        Command::Torrent(command) => command.run(),
        Command::Schema(command) => command.run(),
        Command::Verify(command) => command.run(),
        Command::Words(command) => command.run(),
        Command::Completions(command) => command.run(),
        Command::Man(command) => command.run(),
    };
    match ending {
        Ok(Ending::Complete) => ExitCode::SUCCESS,
        Ok(Ending::Limited(cause)) => {
            say::exit(LIMITED, &format!("complete, but {cause}"));
            ExitCode::from(LIMITED)
        }
        Ok(Ending::Failed(cause)) => {
            say::exit(FAILED, &cause);
            ExitCode::from(FAILED)
        }
        Err(error) => {
            say::error(&refusal::sentence(&error));
            ExitCode::from(CANNOT_RUN)
        }
    }
}

/// The command line as clap knows it.
fn program() -> clap::Command {
    Cli::command()
}

/// The arguments, with `inspect` before a capture that stands where a command would. A command's name is never taken for a
/// capture's.
fn spelled_out(mut arguments: Vec<OsString>) -> Vec<OsString> {
    let first =
        arguments.get(1).filter(|first| !program().get_subcommands().any(|known| known.get_name() == *first));
    let text = first.map(|first| first.to_string_lossy().into_owned()).unwrap_or_default();
    let like_a_path = text.contains(['.', '/', '\\', '*', '?', '[']) && !text.starts_with('-');
    let is_capture = text == "-" || like_a_path || first.is_some_and(|first| std::path::Path::new(first).exists());
    if is_capture {
        arguments.insert(1, "inspect".into());
    }
    arguments
}

/// Exit code of a check that failed.
const FAILED: u8 = 1;
/// Exit code of a run that could not be made; nothing was written.
const CANNOT_RUN: u8 = 2;
/// Exit code of a complete run over damaged input, or one that reached a bound.
const LIMITED: u8 = 3;

#[derive(Debug, Parser)]
#[command(name = "peerproof", version, about = ABOUT, long_about = LONG_ABOUT, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Analyze(Box<analyze::Analyze>),
    Report(Box<report::Report>),
    Audit(Box<audit::Audit>),
    Check(check::Check),
    Inspect(inspect::Inspect),
    Torrent(torrent::Torrent),
    Schema(schema::Schema),
    Verify(verify::Verify),
    Words(words::Words),
    Completions(completions::Completions),
    Man(man::Manual),
}

const ABOUT: &str = "Verifies which BitTorrent pieces each peer really served, from packet captures";

const LONG_ABOUT: &str = "\
Verifies which BitTorrent pieces each peer really served, from packet captures.

peerproof reads pcap and pcapng files, rebuilds the BitTorrent peer-wire sessions in them (TCP and uTP), hashes the \
pieces that were sent, and reports for every address and port how many bytes it served, how many of them are proven \
to be the torrent's, and in which frames. It works offline and never contacts anybody.";

const AFTER_HELP: &str = "\
Examples:
  peerproof capture.pcapng
      what is in it, and what to run next (short for peerproof inspect)
  peerproof analyze capture.pcapng -t file.torrent
      a report to read
  peerproof analyze captures/ -t torrents/ -o case/
      a case: page, text, report.json, every table, in a directory
  peerproof report case/ --peer 203.0.113.2 -f html
      the same again without its captures: one address, as a page
  tcpdump -r big.pcap -w - | peerproof analyze - -t x.torrent -f json
      a report for a program, of a capture that comes through a pipe

Each peer has a grade, from G0 (only named by others) to G9 (a whole file, every
byte verified), with the frames that show it. peerproof words explains them.
A grade is of an address and port for one torrent, never of a person.

Exit codes:
  0  complete
  2  could not run (usage, unreadable or unsupported input); nothing was written
  3  complete, but an input was damaged or a bound was reached
  130, 143  stopped by a signal (128 and its number); nothing was written
Each but 0 ends with a line on standard error that tells the cause.
1 is for checks that fail: check, verify, audit --strict.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn lines_that_are_laid_out_by_hand_fit_a_page_of_80_columns() {
        for line in AFTER_HELP.lines().chain(inspect::AFTER_HELP.lines()) {
            assert!(line.chars().count() <= 80, "{line}");
        }
        assert!(
            LONG_ABOUT.lines().all(|line| line.is_empty() || line.ends_with('.')),
            "paragraphs are one line each"
        );
    }

    #[test]
    fn a_capture_where_a_command_would_stand_is_inspected() {
        let spelled = |words: &[&str]| {
            let line = spelled_out(words.iter().map(OsString::from).collect());
            line.iter().map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
        };
        for line in ["p", "p analyze a.pcap", "p analyse a.pcap", "p --help", "p -h", "p help analyze"] {
            assert_eq!(spelled(&line.split(' ').collect::<Vec<_>>()), line);
        }
        assert_eq!(spelled(&["p", "missing.pcap", "-f", "json"]), "p inspect missing.pcap -f json");
        assert_eq!(spelled(&["p", "-"]), "p inspect -");
        assert_eq!(spelled(&["p", "ring/"]), "p inspect ring/");
    }

    #[test]
    fn torrents_and_captures_stand_in_any_order() {
        let line =
            ["peerproof", "analyze", "-t", "1.torrent", "a.pcap", "--torrent", "dir", "b.pcap", "-t", "2.torrent"];
        let Ok(Cli { command: Command::Analyze(command) }) = Cli::try_parse_from(line) else { panic!("refused") };
        let shown = format!("{command:?}");
        assert!(shown.contains(r#"paths: ["a.pcap", "b.pcap"]"#), "{shown}");
        assert!(shown.contains(r#"torrents: ["1.torrent", "dir", "2.torrent"]"#), "{shown}");
        assert!(Cli::try_parse_from(["peerproof", "analyze"]).is_err());
        assert!(Cli::try_parse_from(["peerproof", "analyze", "a.pcap", "--force"]).is_err());
    }
}
