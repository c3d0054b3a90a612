//! The terminal as the program finds it: its width, and a progress bar on it.

use std::io::{self, IsTerminal};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar on standard error while it is a terminal, else nothing.
pub fn progress(total: Option<u64>) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::with_draw_target(total, ProgressDrawTarget::hidden());
    }
    let bar = total.map_or_else(ProgressBar::no_length, ProgressBar::new);
    if let Ok(style) = ProgressStyle::with_template(total.map_or(ENDLESS_STYLE, |_| STYLE)) {
        bar.set_style(style);
    }
    bar
}

/// The width of the terminal, or one that suits files and mail.
pub fn width() -> usize {
    if !io::stdout().is_terminal() {
        return PLAIN_WIDTH;
    }
    terminal_size::terminal_size().map_or(PLAIN_WIDTH, |(terminal_size::Width(width), _)| usize::from(width))
}

const ENDLESS_STYLE: &str = "{binary_bytes} decompressed and read, {binary_bytes_per_sec}";
const STYLE: &str = "{bar:40} {binary_bytes} of {binary_total_bytes}, {binary_bytes_per_sec}, {eta} left";
const PLAIN_WIDTH: usize = 120;
