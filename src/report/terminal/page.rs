//! Lines under heads, and the ink on them: what the terminal views of reports and inspections write on.

use crate::report::text::{TIE, columns, wrapped};

/// Lines under heads, of at most `width` columns each.
#[derive(Debug)]
pub(crate) struct Page {
    text: String,
    pub(crate) width: usize,
}

impl Page {
    /// An empty page; a width below 60 is taken as 60.
    pub(crate) fn new(width: usize) -> Self {
        Self { text: String::new(), width: width.max(LEAST_WIDTH) }
    }

    /// Starts a section, with a blank line before it unless it is the first.
    pub(crate) fn heading(&mut self, title: &str) {
        self.blank();
        self.text.push_str(BOLD);
        // Deeper than a row stands: a name in a title may be long, and anything.
        self.text.push_str(&wrapped(title, self.width, 4));
        self.text.push_str(PLAIN);
        self.text.push('\n');
    }

    /// A blank line, unless the page is empty.
    pub(crate) fn blank(&mut self) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
    }

    /// A sentence of its own, indented by two columns and wrapped.
    pub(crate) fn line(&mut self, sentence: &str) {
        self.row(sentence, 2, 2);
    }

    /// Text at `indent`, its further lines at `hang`; prose stops at 100 columns.
    pub(crate) fn row(&mut self, text: &str, indent: usize, hang: usize) {
        self.text.push_str(&wrapped(&format!("{}{text}", " ".repeat(indent)), self.prose(), hang));
        self.text.push('\n');
    }

    /// Columns of a line of prose.
    pub(super) fn prose(&self) -> usize {
        self.width.min(WIDEST_PROSE)
    }

    /// Columns of a line of a table.
    pub(super) fn room(&self) -> usize {
        self.width.min(WIDEST_TABLE)
    }

    /// A line that is laid out already.
    pub(crate) fn raw(&mut self, line: &str) {
        debug_assert!(columns(line) <= self.width, "{line}");
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    /// A command to be copied: a shell reads on behind a backslash, which stands behind a whole argument, and within one
    /// only where no line has room for it.
    pub(crate) fn command(&mut self, words: &[String]) {
        let mut line = "  ".to_owned();
        for (at, word) in words.iter().enumerate() {
            let (wide, behind) = (columns(word), if at + 1 == words.len() { 0 } else { 2 });
            if at > 0 && columns(&line) + 1 + wide + behind > self.width {
                self.text.push_str(&line);
                self.text.push_str(" \\\n");
                line = "     ".to_owned();
            }
            if at > 0 {
                line.push(' ');
            }
            line.push_str(word);
            while columns(&line) > self.width {
                let kept: String = line.chars().take(self.width - 1).collect();
                self.text.push_str(&kept);
                self.text.push_str("\\\n");
                line = line.split_off(kept.len());
            }
        }
        self.text.push_str(&line);
        self.text.push('\n');
    }

    /// Display filters that select `frames` (numbers and ranges, as Wireshark's sets have them): as many as it takes, each
    /// whole.
    pub(super) fn frame_filters(&mut self, frames: &[String]) {
        let mut begin = 0;
        while let Some(rest) = frames.get(begin..).filter(|rest| !rest.is_empty()) {
            let mut count = rest.len();
            let line =
                |count: usize| format!("  frame.number in {{{}}}", rest.get(..count).unwrap_or_default().join(","));
            while count > 1 && columns(&line(count)) > self.prose() {
                count -= 1;
            }
            self.raw(&line(count));
            begin += count;
        }
    }

    /// The text, with a newline at the end; its ink as escape sequences, or left out.
    pub(crate) fn finish(self, colour: bool) -> String {
        let mut out = String::with_capacity(self.text.len() + self.text.len() / 8);
        let mut ink = None;
        for c in self.text.chars() {
            match c {
                '\u{1}'..='\u{4}' if colour => {
                    ink = sequence(c);
                    out.push_str(ink.unwrap_or_default());
                }
                '\u{5}' if colour => {
                    ink = None;
                    out.push_str(RESET);
                }
                '\u{1}'..='\u{5}' => {}
                TIE => out.push(' '),
                // A line stands alone, also in a pager.
                '\n' if ink.is_some() => {
                    out.push_str(RESET);
                    out.push(c);
                    out.push_str(ink.unwrap_or_default());
                }
                c => out.push(c),
            }
        }
        out
    }
}

/// `text` in bold ink.
pub(crate) fn bold(text: &str) -> String {
    format!("{BOLD}{text}{PLAIN}")
}

/// `text` in faint ink.
pub(super) fn faint(text: &str) -> String {
    format!("{FAINT}{text}{PLAIN}")
}

/// A cell of a table in the ink of its column: colour is spent on bytes, never on people.
pub(super) fn inked(column: &str, cell: &str) -> String {
    let ink = match column {
        _ if cell == "0" => FAINT,
        "grade" => BOLD,
        "met?" | "standard" if cell == "met" => BOLD,
        "verified" | "sole" => DATA,
        "refuted" | "disputed" => DIFFERS,
        "unproven" | "lost" | "repeated" | "pad" => FAINT,
        _ => return cell.to_owned(),
    };
    format!("{ink}{cell}{PLAIN}")
}

fn sequence(mark: char) -> Option<&'static str> {
    Some(match mark {
        '\u{1}' => "\x1b[1m",
        '\u{2}' => "\x1b[36m",
        '\u{3}' => "\x1b[35m",
        '\u{4}' => "\x1b[2m",
        _ => return None,
    })
}

// Control characters as marks of ink: no name of a stranger holds one, for those are written as escapes.
const BOLD: &str = "\u{1}";
const DATA: &str = "\u{2}";
const DIFFERS: &str = "\u{3}";
const FAINT: &str = "\u{4}";
const PLAIN: &str = "\u{5}";
const RESET: &str = "\x1b[0m";
// Rationale: an endpoint, a grade and the largest figure side by side.
const LEAST_WIDTH: usize = 60;
// Rationale: longer lines of prose are hard to read; rows of figures are not read through.
const WIDEST_PROSE: usize = 100;
const WIDEST_TABLE: usize = 160;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ink_is_a_matter_of_the_end_and_every_line_has_its_own() {
        let mut page = Page::new(60);
        page.heading(&"HEAD ".repeat(20));
        page.line(&inked("verified", "1,234"));
        let plain = Page { text: page.text.clone(), width: 60 }.finish(false);
        let colour = page.finish(true);
        assert!(!plain.contains('\x1b') && plain.lines().all(|line| columns(line) <= 60), "{plain}");
        assert_eq!(colour.replace("\x1b[1m", "").replace("\x1b[0m", "").replace("\x1b[36m", ""), plain);
        assert!(
            colour.lines().take(2).all(|line| line.starts_with("\x1b[1m") && line.ends_with("\x1b[0m")),
            "{colour:?}"
        );
    }

    #[test]
    fn a_filter_that_is_too_long_becomes_several_whole_ones() {
        let mut page = Page::new(60);
        page.frame_filters(&(100..140).map(|n| n.to_string()).collect::<Vec<_>>());
        let text = page.finish(false);
        assert!(
            text.lines().count() > 2
                && text.lines().all(|line| line.starts_with("  frame.number in {1") && line.ends_with('}'))
        );
        assert_eq!(text.matches(',').count() + text.lines().count(), 40);
    }
}
