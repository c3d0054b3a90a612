//! The terminal as the program finds it: its width, its colours, and a line of progress on it.

use std::io::{self, IsTerminal};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anstream::ColorChoice;
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use peerproof::report::{Detail, Screen};

/// How a command speaks: for every command.
#[derive(Clone, Copy, Debug, Args)]
pub struct ScreenOptions {
    /// Colours on standard output and standard error. auto: on a terminal, unless NO_COLOR is set or TERM is dumb
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t = Colour::Auto, hide_short_help = true)]
    color: Colour,

    /// The answer alone: no progress, no notes, no tables
    #[arg(short, long, global = true, conflicts_with = "verbose", hide_short_help = true)]
    quiet: bool,

    /// Everything: all rows, all mentions, flags, exact sizes
    #[arg(short, long, global = true, hide_short_help = true)]
    verbose: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Colour {
    /// As the terminal suggests
    Auto,
    /// Also into pipes and files
    Always,
    /// None
    Never,
}

impl ScreenOptions {
    /// Sets up standard error as it is asked for.
    pub fn begin(self) {
        match self.color {
            Colour::Auto => {}
            Colour::Always => ColorChoice::Always.write_global(),
            Colour::Never => ColorChoice::Never.write_global(),
        }
    }

    /// Tells what is good to know, unless the answer alone is asked for.
    pub fn note(self, words: &str) {
        if !self.quiet {
            super::say::note(words);
        }
    }

    /// How much of a result is shown, how wide, and with which ink.
    pub fn screen(self) -> Screen {
        Screen { colour: self.colour(), detail: self.detail(), ..Screen::new(width()) }
    }

    fn detail(self) -> Detail {
        match (self.quiet, self.verbose) {
            (true, _) => Detail::Answer,
            (_, true) => Detail::All,
            _ => Detail::Page,
        }
    }

    fn colour(self) -> bool {
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        match self.color {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto => {
                let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
                io::stdout().is_terminal() && !is_set("NO_COLOR") && !dumb
            }
        }
    }
}

/// A line of progress on standard error while it is a terminal, after half a second; else nothing.
pub struct Progress {
    bar: ProgressBar,
    begun: Instant,
    is_wanted: bool,
    is_shown: AtomicBool,
}

impl Progress {
    /// Progress of reading `paths`, of `total` bytes where that is known.
    pub fn of(look: ScreenOptions, paths: &[impl AsRef<Path>], total: Option<u64>) -> Self {
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template(total.map_or(ENDLESS_STYLE, |_| STYLE)) {
            bar.set_style(style);
        }
        let what = paths.first().map(|path| path.as_ref().display().to_string()).unwrap_or_default();
        bar.set_message(peerproof::report::cut(&peerproof::report::visible(&what)).into_owned());
        Self {
            bar,
            begun: Instant::now(),
            is_wanted: !look.quiet && io::stderr().is_terminal(),
            is_shown: AtomicBool::new(false),
        }
    }

    /// Shows that `done` bytes are read.
    pub fn at(&self, done: u64) {
        if !self.is_wanted {
            return;
        }
        if self.begun.elapsed() >= PATIENCE && !self.is_shown.swap(true, Ordering::Relaxed) {
            self.bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(TIMES_A_SECOND));
        }
        self.bar.set_position(done);
    }

    /// Wipes the line.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }
}

/// The width of the terminal, else that of COLUMNS, else one that suits files and mail.
pub fn width() -> usize {
    let terminal = io::stdout().is_terminal().then(terminal_size::terminal_size).flatten();
    let told = || std::env::var("COLUMNS").ok()?.trim().parse().ok().filter(|width| *width > 0);
    match terminal {
        Some((terminal_size::Width(width @ 1..), _)) => usize::from(width),
        _ => told().unwrap_or(PLAIN_WIDTH),
    }
}

const ENDLESS_STYLE: &str = "reading {msg}  {decimal_bytes}  {decimal_bytes_per_sec}";
const STYLE: &str =
    "reading {msg}  {percent} %  {decimal_bytes} of {decimal_total_bytes}  {decimal_bytes_per_sec}  {eta} left";
const PLAIN_WIDTH: usize = 80;
// Rationale: what ends sooner needs no word; ten times a second is as fast as figures can be read.
const PATIENCE: Duration = Duration::from_millis(500);
const TIMES_A_SECOND: u8 = 10;
