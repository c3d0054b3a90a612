//! The command line: a file for each command, and beside them what they share: arguments (`captures`, `torrents`), the terminal
//! (`screen`), reports (`views`), words and results (`say`), errors (`refusal`), signals. No command imports another one.

mod analyze;
mod audit;
mod captures;
mod check;
mod clear;
mod completions;
mod content;
mod cut;
mod ending;
mod facts;
mod files;
mod given;
mod help;
mod hosts;
mod inspect;
mod keys;
mod man;
mod material;
mod parts;
mod refusal;
mod report;
mod reveal;
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

use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use screen::ScreenOptions;

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
    let arguments = spelled_out(std::env::args_os().collect());
    let parsed = program().try_get_matches_from(&arguments).and_then(|matches| {
        let cli = Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut program()))?;
        Ok((cli, given::words(&program(), &matches)))
    });
    let (cli, given) = match parsed {
        Ok(parsed) => parsed,
        Err(error) if !error.use_stderr() => {
            // Help, or the version.
            let short = help::short(&arguments).filter(|_| error.kind() == ErrorKind::DisplayHelp);
            let text = short.unwrap_or_else(|| say::styled(&error.render()));
            return match say::print(say::fitted(&text).as_bytes()) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => {
                    say::error(&refusal::sentence(&error));
                    ExitCode::from(CANNOT_RUN)
                }
            };
        }
        Err(error) => {
            say::error(&refusal::usage(&error));
            return ExitCode::from(CANNOT_RUN);
        }
    };
    let look = cli.look;
    look.begin();
    signals::watch();
    end_on_panic();
    peerproof::stages::capture::catch_cut_files();
    let ending = match cli.command {
        Command::Analyze(command) => command.run(look, given),
        Command::Report(command) => command.run(look),
        Command::Audit(command) => command.run(look),
        Command::Check(command) => command.run(look),
        Command::Clear(command) => command.run(look),
        Command::Content(command) => command.run(look),
        Command::Cut(command) => command.run(look),
        Command::Facts(command) => command.run(look),
        Command::Inspect(command) => command.run(look),
        Command::Torrent(command) => command.run(look),
        Command::Reveal(command) => command.run(look),
        Command::Schema(command) => command.run(look),
        Command::Verify(command) => command.run(look),
        Command::Words(command) => command.run(look),
        Command::Completions(command) => command.run(look),
        Command::Man(command) => command.run(look),
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

/// Has a panic, which is a fault of this program, remove what is unfinished and end with exit code 101: a release does not unwind.
fn end_on_panic() {
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        tell(panic);
        peerproof::stages::output::abandon_after_panic();
        std::process::exit(PANICKED);
    }));
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
/// Exit code of a panic, as every Rust program has it.
const PANICKED: i32 = 101;

#[derive(Debug, Parser)]
#[command(name = "peerproof", version, about = help::ABOUT, override_help = help::ALL)]
struct Cli {
    #[command(flatten)]
    look: ScreenOptions,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Analyze(Box<analyze::Analyze>),
    Report(Box<report::Report>),
    Audit(Box<audit::Audit>),
    Check(check::Check),
    Clear(clear::Clear),
    Content(content::Content),
    Cut(cut::Cut),
    Facts(facts::Facts),
    Inspect(inspect::Inspect),
    Torrent(torrent::Torrent),
    Reveal(reveal::Reveal),
    Schema(schema::Schema),
    Verify(verify::Verify),
    Words(words::Words),
    Completions(completions::Completions),
    Man(man::Manual),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
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
        let Ok(Cli { command: Command::Analyze(command), .. }) = Cli::try_parse_from(line) else {
            panic!("refused")
        };
        let shown = format!("{command:?}");
        assert!(shown.contains(r#"paths: ["a.pcap", "b.pcap"]"#), "{shown}");
        assert!(shown.contains(r#"torrents: ["1.torrent", "dir", "2.torrent"]"#), "{shown}");
        assert!(Cli::try_parse_from(["peerproof", "analyze"]).is_err());
        assert!(Cli::try_parse_from(["peerproof", "analyze", "a.pcap", "--force"]).is_err());
    }
}
