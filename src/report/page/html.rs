//! Text that is safe in HTML: the one place that makes it.
//!
//! Names of torrents, files, clients and inputs are chosen by strangers. They are escaped, kept apart from the writing
//! direction of the page, cut where they are long, and each character that shows nothing or moves others is shown as
//! its number in a box.

use std::fmt::{self, Display, Write};

use askama::filters::HtmlSafe;

use crate::report::is_unsafe;
use crate::report::text::grouped;

/// A piece of HTML, safe to put into the page as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Html(String);

impl Html {
    /// Our own words: only `&`, `<`, `>` and `"` are escaped.
    pub(super) fn text(words: &str) -> Self {
        let mut html = Self::default();
        html.push(words);
        html
    }

    /// Our own HTML, from a template or from this program's own numbers; nothing of a stranger's.
    pub(super) fn ours(html: String) -> Self {
        Self(html)
    }

    /// Adds our own words, escaped.
    pub(super) fn push(&mut self, words: &str) -> &mut Self {
        words.chars().for_each(|c| escape(c, &mut self.0));
        self
    }

    /// Adds HTML.
    pub(super) fn add(&mut self, other: &Self) -> &mut Self {
        self.0.push_str(&other.0);
        self
    }

    /// Returns true if the markup is empty.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The HTML itself.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Display for Html {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl HtmlSafe for Html {}

/// Parts of HTML, one after the other, as a list in a sentence: `a`, `a and b`, `a, b and c`.
pub(super) fn listed(parts: &[Html]) -> Html {
    let mut out = Html::default();
    for (at, part) in parts.iter().enumerate() {
        match at {
            0 => {}
            _ if at + 1 == parts.len() => drop(out.push(" and ")),
            _ => drop(out.push(", ")),
        }
        out.add(part);
    }
    out
}

/// A stranger's words, at most `most` characters of them, each unsafe one in a box.
pub(super) fn name(words: &str, most: usize) -> Html {
    let mut out = String::from("<bdi>");
    let count = words.chars().count();
    for c in words.chars().take(most) {
        if is_odd(c) {
            let _ = write!(out, "<span class=\"esc\">U+{:04X}</span>", u32::from(c));
        } else {
            escape(c, &mut out);
        }
    }
    out.push_str("</bdi>");
    if count > most {
        let _ = write!(
            out,
            "… <span class=\"mute\">({} characters; whole in report.json)</span>",
            grouped(count as u64)
        );
    }
    Html(out)
}

/// As [`name`], between quotation marks.
pub(super) fn quoted(words: &str, most: usize) -> Html {
    let mut html = Html::text("“");
    html.add(&name(words, most)).push("”");
    html
}

/// Words as plain text, for the title and for attributes; the template escapes it.
pub(super) fn plain(words: &str, most: usize) -> String {
    let mut out = String::new();
    for c in words.chars().take(most) {
        if is_odd(c) {
            let _ = write!(out, "[U+{:04X}]", u32::from(c));
        } else {
            out.push(c);
        }
    }
    if words.chars().count() > most {
        out.push('…');
    }
    out
}

/// An endpoint, which may break before its port on a narrow screen.
pub(super) fn endpoint(endpoint: &str) -> Html {
    let mut out = String::from("<bdi>");
    let (address, port) = endpoint.rsplit_once(':').unwrap_or((endpoint, ""));
    address.chars().for_each(|c| escape(c, &mut out));
    if !port.is_empty() {
        out.push_str("<wbr class=\"w\">:");
        port.chars().for_each(|c| escape(c, &mut out));
    }
    out.push_str("</bdi>");
    Html(out)
}

/// An endpoint as a link to its section.
pub(super) fn link(id: &str, text: &str) -> Html {
    Html(format!("<a class=\"ep\" href=\"#{}\">{}</a>", Html::text(id), endpoint(text)))
}

/// A hash in groups of 16 digits, between which a line may break.
pub(super) fn hash(hex: &str) -> Html {
    let mut out = String::new();
    for (at, c) in hex.chars().enumerate() {
        if at > 0 && at.is_multiple_of(16) {
            out.push_str("<wbr>");
        }
        escape(c, &mut out);
    }
    Html(out)
}

fn escape(c: char, out: &mut String) {
    match c {
        '&' => out.push_str("&amp;"),
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        '"' => out.push_str("&quot;"),
        '\'' => out.push_str("&#39;"),
        c => out.push(c),
    }
}

/// Returns true if a browser may act on `c`, shows nothing for it, or shows a sign that no standard names (private use,
/// and the numbers that are no characters).
fn is_odd(c: char) -> bool {
    let number = u32::from(c);
    is_unsafe(c)
        || matches!(number, 0xe000..=0xf8ff | 0xfdd0..=0xfdef | 0xf_0000..=0x10_ffff)
        || number & 0xfffe == 0xfffe
}

// Rationale: a sentence of three lines at most, and a cell of two.
pub(super) const LONG: usize = 120;
pub(super) const SHORT: usize = 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_strangers_write_stays_text_and_is_seen() {
        let hostile = "\x1b\u{202e}</style><img src=x onerror=\"1\">\n'&\u{e000}";
        let html = name(hostile, 100).to_string();
        assert!(!html.contains("<img") && !html.contains("</style>") && !html.contains('\n'), "{html}");
        for code in ["U+001B", "U+202E", "U+000A", "U+E000"] {
            assert!(html.contains(&format!("<span class=\"esc\">{code}</span>")), "{html}");
        }
        assert_eq!(plain("a\u{202e}b", 9), "a[U+202E]b");
    }

    #[test]
    fn a_long_name_is_cut_and_says_so() {
        let html = name(&"x".repeat(300), SHORT).to_string();
        assert!(html.contains("300 characters; whole in report.json") && !html.contains(&"x".repeat(61)));
    }

    #[test]
    fn a_list_reads_as_a_sentence() {
        let parts: Vec<Html> = ["a", "b", "c"].iter().map(|part| Html::text(part)).collect();
        assert_eq!(listed(&parts).to_string(), "a, b and c");
        assert_eq!(listed(parts.get(..2).unwrap_or_default()).to_string(), "a and b");
    }
}
