//! Results on standard output, words on standard error, whatever has become of the two.
//!
//! A reader that has gone is no failure: it has what it wanted. A result that the disk has no room for is one. Words on
//! standard error are lost without a word where nobody can read them.

use std::io::{self, BufWriter, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice, stderr};
use clap::builder::StyledStr;
use peerproof::report::{visible, wrapped};
use terminal_size::{Width, terminal_size_of};

use super::refusal::reason;

/// Writes a result to standard output.
///
/// # Errors
/// Errors of writing, but for a reader that has gone.
pub fn print(result: &[u8]) -> anyhow::Result<()> {
    write(|out| out.write_all(result))
}

/// Writes the lines in which a command says what it did, each as wide as the screen at most.
///
/// # Errors
/// As [`print`].
pub fn told(lines: &str) -> anyhow::Result<()> {
    let width = super::screen::width();
    let shown = lines.lines().map(|line| {
        let indent = line.len() - line.trim_start_matches(' ').len();
        wrapped(line, width, indent + HANG) + "\n"
    });
    print(shown.collect::<String>().as_bytes())
}

/// Prints a result that is made while it is written.
///
/// # Errors
/// As [`print`].
pub fn write(result: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> anyhow::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    match result(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(anyhow::anyhow!("standard output: {}", reason(&error)))
        }
        _ => Ok(()),
    }
}

/// A text of clap's with its styles, where standard output shows them.
pub fn styled(text: &StyledStr) -> String {
    match AutoStream::choice(&io::stdout()) {
        ColorChoice::Never => text.to_string(),
        _ => text.ansi().to_string(),
    }
}

/// Lines that are laid out by hand, those that are wider than the screen broken: below their second column, where they have one.
pub fn fitted(text: &str) -> String {
    let width = super::screen::width().max(LEAST_WIDTH);
    let fit = |line: &str| {
        let plain = anstream::adapter::strip_str(line).to_string();
        if plain.chars().count() <= width {
            return line.to_owned();
        }
        let begin = plain.len() - plain.trim_start_matches(' ').len();
        let column = plain.get(begin..).and_then(|rest| {
            let gap = rest.find("  ")?;
            let behind = rest.get(gap..)?;
            Some(begin + gap + behind.len() - behind.trim_start_matches(' ').len())
        });
        wrapped(line, width, column.filter(|column| *column <= width / 2).unwrap_or(begin + HANG))
    };
    text.lines().map(|line| fit(line) + "\n").collect()
}

/// Tells what is good to know.
pub fn note(words: &str) {
    line("note: ", "", words);
}

/// Tells what limits the result.
pub fn warning(words: &str) {
    line("warning: ", YELLOW, words);
}

/// Tells why the run could not be made.
pub fn error(words: &str) {
    line("error: ", RED, words);
}

/// Tells the exit code, and why it is not 0: the last line of a run.
pub fn exit(code: u8, words: &str) {
    line("peerproof: ", "", &format!("exit {code}: {words}"));
}

/// Ends a line that something else began.
#[cfg(unix)]
pub fn line_end() {
    let _ = writeln!(stderr());
}

/// Names of files are strangers' choice, and a terminal would act on what they may hold.
fn line(head: &str, colour: &str, words: &str) {
    let reset = if colour.is_empty() { "" } else { RESET };
    let mut line = format!("{head}{}", visible(words));
    // A program that reads them takes one line each.
    let terminal = io::stderr().is_terminal().then(|| terminal_size_of(io::stderr())).flatten();
    if let Some((Width(width @ 1..), _)) = terminal {
        line = wrapped(&line, usize::from(width), HANG);
    }
    let _ = writeln!(stderr(), "{colour}{head}{reset}{}", line.get(head.len()..).unwrap_or_default());
}

// Rationale: as that of every page.
const LEAST_WIDTH: usize = 60;
/// Columns before the further lines of a sentence.
const HANG: usize = 2;

const RED: &str = "\x1b[1;31m";
const YELLOW: &str = "\x1b[1;33m";
const RESET: &str = "\x1b[0m";
