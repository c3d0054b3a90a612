//! The command line: a file for each command, and beside them what they share: arguments (`captures`, `torrents`), the terminal
//! (`screen`), words and results (`say`), errors (`refusal`), signals. No command imports another one.

mod analyze;
mod audit;
mod captures;
mod completions;
mod inspect;
mod man;
mod refusal;
mod say;
mod schema;
mod screen;
mod signals;
mod torrent;
mod torrents;

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
        Command::Audit(command) => command.run(),
        Command::Inspect(command) => command.run(),
        Command::Torrent(command) => command.run(),
        Command::Schema(command) => command.run(),
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
    Analyze(analyze::Analyze),
    Audit(audit::Audit),
    Inspect(inspect::Inspect),
    Torrent(torrent::Torrent),
    Schema(schema::Schema),
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
  peerproof inspect capture.pcapng
      what is in it, and what to run next
  peerproof analyze capture.pcapng -t file.torrent
      a report to read
  peerproof analyze captures/ -t torrents/ -o case/
      report.json and every table, in a directory
  tcpdump -r big.pcap -w - | peerproof analyze - -t x.torrent --format json
      a report for a program, of a capture that comes through a pipe

Grades, each with the frames that show it:
  G0   named: somebody else listed this address (hearsay)
  G1a  announced: a packet with this source address announced the info-hash; it
       may be forged
  G1b  announced, address confirmed: the same, and it held a secret that only a
       reply could give, or came over an established connection
  G2   reachable: something answered at this address and port
  G3   in the swarm: it completed a BitTorrent handshake for this info-hash
  G3m  metadata served: it sent the torrent's description (never counts as
       content)
  G4   advertised: it claimed to have pieces
  G5   offered: it agreed to send
  G6   served, unverified: it sent bytes labelled as a piece
  G7   verified as a part: its bytes are the torrent's, in pieces completed
       together with others
  G8   served a verified unit alone: a whole piece (v1) or 16 KiB leaf (v2) from
       it alone matches its hash
  G9   whole file: every byte of a file came from it and is verified
  GX   refuted: it sent bytes that do not match (beside the grade; no intent)
G0 and G1 stand in a list of their own, and never change a figure or a grade.
A grade is of an address and port for one torrent, never of a person.

Exit codes:
  0  complete
  2  could not run (usage, unreadable or unsupported input); nothing was written
  3  complete, but an input was damaged or a limit was reached
1 is for comparisons that fail: audit --strict.";

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
