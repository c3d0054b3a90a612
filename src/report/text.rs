//! Text that is safe and easy to read: escaped names, grouped digits.
//!
//! Client names, file names and capture comments are chosen by strangers. Whatever could move a cursor, hide text or
//! reverse it is written as an escape.

use std::borrow::Cow;
use std::fmt::Write;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

/// `text` with every control character, line or paragraph separator, bidirectional control and other invisible
/// format character written as `\u{..}`, and a backslash doubled, so that two different names never look alike. One that
/// is too long to be read is [`cut`].
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(2 * LONGEST));
    for c in cut(text).chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            c if is_unsafe(c) => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

/// `text` as it is, or, where it has more than 1,024 characters, its first 120 with how many it has and its SHA-256, by
/// which it is found in report.json.
pub fn cut(text: &str) -> Cow<'_, str> {
    if text.len() <= LONGEST || text.chars().nth(LONGEST).is_none() {
        return Cow::Borrowed(text);
    }
    let begin: String = text.chars().take(KEPT).collect();
    let count = counted(text.chars().count() as u64, "character");
    Cow::Owned(format!("{begin}... ({count}, SHA-256 {})", hex(&Sha256::digest(text))))
}

// Rationale: more than any file name of a file system, and than our own sentences; a page of text.
const LONGEST: usize = 1_024;
// Rationale: as much of a name as a sentence can carry.
const KEPT: usize = 120;

/// As [`escaped`], but with backslashes as they are: for text of which a part may be escaped already.
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_unsafe(c) {
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

/// A name of a stranger's choice between quotes, so that nobody takes it for words of the report: safe to print, its
/// own quotes behind a backslash, and `...` for what is beyond `width` characters.
pub fn quoted(name: &str, width: usize) -> String {
    let name = visible(name).replace('"', "\\\"");
    let cut = if name.chars().count() > width { "..." } else { "" };
    format!("\"{}{cut}\"", name.chars().take(width).collect::<String>())
}

/// As [`escaped`], for a cell of a spreadsheet: a sign by which spreadsheet programs know a formula (`=`, `+`, `-`, `@`,
/// full-width and small ones too) gets an apostrophe in front, at the start of the cell and behind each `;`, at which
/// programs of many countries begin another cell.
pub fn cell(text: &str) -> String {
    no_formula(&escaped(text))
}

/// As [`cell`], of text of which a part may be escaped already.
pub fn visible_cell(text: &str) -> String {
    no_formula(&visible(&cut(text)))
}

fn no_formula(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 1);
    let mut at_start = true;
    for c in text.chars() {
        if at_start && is_formula_sign(c) {
            out.push('\'');
        }
        out.push(c);
        // Blanks and quotes may be taken off.
        at_start = c == ';' || at_start && (c.is_whitespace() || c == '"');
    }
    out
}

/// Returns true if a spreadsheet program takes a text that begins with `c` for a formula; full-width and small forms
/// too, which it reads as the plain ones in East Asian locales.
fn is_formula_sign(c: char) -> bool {
    matches!(c, '=' | '+' | '-' | '@' | '\u{ff1d}' | '\u{ff0b}' | '\u{ff0d}' | '\u{ff20}')
        || matches!(c, '\u{fe66}' | '\u{fe62}' | '\u{fe63}' | '\u{fe6b}')
}

/// Returns true if a terminal or an editor may act on `c` instead of showing it, or shows nothing where it stands:
/// control characters, what Unicode calls default ignorable (joiners, fillers, variation selectors, tags), the blank of
/// Braille, and what is of private use.
pub fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
            // Private: of no meaning that anybody knows.
            | '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}')
}

/// `word` as a POSIX shell takes it for one word and no option.
pub fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:@%,".contains(c);
    let option = word.starts_with('-') && word != "-";
    let word = visible(&if option { format!("./{word}") } else { word.to_owned() });
    if !word.is_empty() && word.chars().all(plain) { word } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

/// `cut.pcap is damaged at byte 56137: ...`: an input, and what is damaged of it.
pub fn damaged(name: &str, damage: &str) -> String {
    let how = if damage.starts_with("at byte") { " " } else { ": " };
    format!("{} is damaged{how}{}", escaped(name), visible(damage))
}

/// `part` of `whole` in per cent, rounded to one decimal. `100 %` only for all of it, `0 %` only for none.
pub fn share(part: u64, whole: u64) -> String {
    if part == 0 || whole == 0 {
        return "0 %".to_owned();
    }
    if part >= whole {
        return "100 %".to_owned();
    }
    let (part, whole) = (u128::from(part) * 1_000, u128::from(whole));
    let tenths = (part + whole / 2) / whole;
    if part < whole {
        "less than 0.1 %".to_owned()
    } else if part > whole * 999 {
        "more than 99.9 %".to_owned()
    } else if tenths.is_multiple_of(10) {
        format!("{} %", tenths / 10)
    } else {
        format!("{}.{} %", tenths / 10, tenths % 10)
    }
}

/// `1234567` as `1,234,567`.
pub fn grouped(figure: u64) -> String {
    let digits = figure.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `text` with the digits of each of its words that is a number, or ends in a comma behind one, grouped.
pub(crate) fn figures_grouped(text: &str) -> String {
    let word = |word: &str| match word.trim_end_matches(',').parse::<u64>() {
        Ok(figure) if !word.starts_with('0') || figure == 0 => {
            format!("{}{}", grouped(figure), if word.ends_with(',') { "," } else { "" })
        }
        _ => word.to_owned(),
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// `1 byte`, `2,000 bytes`; for nouns whose plural is an `s`.
pub fn counted(figure: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(figure), if figure == 1 { "" } else { "s" })
}

/// `one` of a single thing, `many` of others.
pub(crate) fn plural<'a>(count: u64, one: &'a str, many: &'a str) -> &'a str {
    if count == 1 { one } else { many }
}

/// A length of time in words that fit its size: `0.250 s`, `12.000 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`.
pub fn duration(nanoseconds: u64) -> String {
    let seconds = nanoseconds / 1_000_000_000;
    match seconds {
        0..120 => format!("{seconds}.{:03} s", nanoseconds / 1_000_000 % 1_000),
        120..7_200 => format!("{} min {} s", seconds / 60, seconds % 60),
        7_200..172_800 => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{} d {} h", grouped(seconds / 86_400), seconds / 3_600 % 24),
    }
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}

/// Columns that `text` takes on a terminal: East Asian characters take two, combining ones and marks of ink none.
pub fn columns(text: &str) -> usize {
    textwrap::core::display_width(text)
}

/// `text` broken at spaces into lines of at most `width` columns, each further line behind `indent` spaces. Spaces at its
/// start are kept. A number stays with its unit, and what a tie holds together. Whatever is wider than a line by itself
/// is broken where it must be; a hash is never broken, but cut with `...`.
pub fn wrapped(text: &str, width: usize, indent: usize) -> String {
    let words = text.trim_start_matches(' ');
    let first = " ".repeat((text.len() - words.len()).min(width / 2));
    let further = " ".repeat(indent.min(width.saturating_sub(1)));
    let options = textwrap::Options::new(width)
        .initial_indent(&first)
        .subsequent_indent(&further)
        .word_separator(textwrap::WordSeparator::AsciiSpace)
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
        .wrap_algorithm(textwrap::WrapAlgorithm::FirstFit);
    textwrap::fill(&tied(words, width - further.len()), options).replace(TIE, " ")
}

/// `text` with ties where a number stands before its unit, and without those that hold more together than a line of `room`
/// columns has room for; of what is no less too wide, a hash is cut.
fn tied(text: &str, room: usize) -> String {
    let mut out = String::with_capacity(text.len());
    let mut words = text.split(' ').peekable();
    while let Some(word) = words.next() {
        let mut unit = word.to_owned();
        while is_number(unit.rsplit(TIE).next().unwrap_or_default())
            && let Some(next) = words.next_if(|next| next.starts_with(|c: char| c.is_ascii_lowercase()))
        {
            unit.push(TIE);
            unit.push_str(next);
        }
        if columns(&unit) > room {
            unit = unit.split(TIE).map(|word| fitted(word, room)).collect::<Vec<_>>().join(" ");
        }
        out.push_str(&unit);
        out.extend(words.peek().map(|_| ' '));
    }
    out
}

/// A word that is a hash and too wide, cut.
fn fitted(word: &str, room: usize) -> Cow<'_, str> {
    let hash = word.bytes().take_while(u8::is_ascii_hexdigit).count();
    match word.get(..hash.min(room.saturating_sub(3))) {
        Some(kept) if hash >= SHORTEST_HASH && columns(word) > room => Cow::Owned(format!("{kept}...")),
        _ => Cow::Borrowed(word),
    }
}

/// A blank at which no line is broken: of private use, so that no name holds it.
pub(crate) const TIE: char = '\u{e000}';

fn is_number(word: &str) -> bool {
    word.ends_with(|c: char| c.is_ascii_digit()) && word.chars().all(|c| c.is_ascii_digit() || c == ',' || c == '.')
}

// Rationale: an info-hash of BEP 3 in hex; no word of ours is as long.
const SHORTEST_HASH: usize = 40;

/// How many gaps there are, and what is known to be missing in them, as a sentence.
pub(crate) fn gaps(count: u64, bytes: u64, packets: u64) -> String {
    let mut parts = vec![format!("{} in connections that carry BitTorrent", counted(count, "gap"))];
    if packets > 0 {
        let by = if packets == 1 { "is missing by its number" } else { "are missing by their numbers" };
        parts.push(format!("{} {by}", counted(packets, "uTP packet")));
    }
    parts.push(match bytes {
        0 => "how much is missing there is not known in bytes".to_owned(),
        known => format!("{} missing where the number is known", counted(known, "byte")),
    });
    format!("{}.", parts.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_moves_a_cursor_or_reverses_text_survives() {
        assert_eq!(escaped("a\x1b[2Jb\u{202e}c\u{9b}d\\\n"), "a\\u{1b}[2Jb\\u{202e}c\\u{9b}d\\\\\\u{a}");
        assert_eq!(escaped("Ünïcode 世界"), "Ünïcode 世界");
    }

    #[test]
    fn nothing_that_shows_nothing_survives() {
        for c in ['\u{34f}', '\u{115f}', '\u{3164}', '\u{2800}', '\u{fe0f}', '\u{e0101}', '\u{ffa0}'] {
            assert_eq!(escaped(&format!("a{c}b")), format!("a\\u{{{:x}}}b", u32::from(c)));
        }
    }

    #[test]
    fn what_is_escaped_already_is_not_escaped_twice() {
        assert_eq!(visible("a\\u{1b}\x1b\\"), "a\\u{1b}\\u{1b}\\");
        assert_eq!(visible_cell("=\\n"), "'=\\n");
    }

    #[test]
    fn a_name_between_quotes_cannot_end_them() {
        assert_eq!(quoted("Client 1.0", 24), "\"Client 1.0\"");
        assert_eq!(quoted("a\" G9\n", 24), "\"a\\\" G9\\u{a}\"");
        assert_eq!(quoted("12345678", 4), "\"1234...\"");
    }

    #[test]
    fn a_spreadsheet_never_sees_a_formula() {
        assert_eq!(cell("=1+1"), "'=1+1");
        assert_eq!(cell("qBittorrent/4.5"), "qBittorrent/4.5");
        // Full-width signs, blanks before the sign, and the next cell of a locale that separates by `;`.
        assert_eq!(cell("\u{ff1d}1+1"), "'\u{ff1d}1+1");
        assert_eq!(cell("  =1+1"), "  '=1+1");
        assert_eq!(cell("a;=1+1; -2;b-c"), "a;'=1+1; '-2;b-c");
        assert_eq!(cell("a\";@x"), "a\";'@x");
        // A tab or a line end cannot stand in front: it is an escape.
        assert_eq!((cell("\t=1").as_str(), cell("\r=1").as_str()), ("\\u{9}=1", "\\u{d}=1"));
    }

    #[test]
    fn a_name_of_a_megabyte_is_cut_with_its_length_and_digest() {
        let long = "é".repeat(1 << 20);
        let shown = escaped(&long);
        assert!(shown.starts_with(&format!("{}... (1,048,576 characters, SHA-256 ", "é".repeat(120))), "{shown}");
        assert!(shown.len() < 500 && shown.ends_with(&format!("{})", hex(&Sha256::digest(&long)))), "{shown}");
        assert_eq!(escaped(&"x".repeat(1_024)).len(), 1_024);
        assert_ne!(escaped(&format!("{long}a")), escaped(&format!("{long}b")));
        assert!(cell(&format!("={long}")).starts_with("'=é") && visible_cell(&long).len() < 500);
    }

    #[test]
    fn names_are_quoted_where_a_shell_needs_it() {
        let names = ["a.pcap", "my trace.pcap", "it's", "-", "-x.pcap", "$(x)"];
        let quoted: Vec<String> = names.iter().map(|name| shell_word(name)).collect();
        assert_eq!(quoted, ["a.pcap", "'my trace.pcap'", r"'it'\''s'", "-", "./-x.pcap", "'$(x)'"]);
    }

    #[test]
    fn digits_are_grouped_by_three() {
        let cases = [(0, "0"), (999, "999"), (1_000, "1,000"), (3_473_408, "3,473,408")];
        for (figure, text) in cases {
            assert_eq!(grouped(figure), text);
        }
        assert_eq!(grouped(u64::MAX), "18,446,744,073,709,551,615");
    }

    #[test]
    fn a_long_sentence_is_broken_at_spaces() {
        assert_eq!(wrapped("aa bb cc dd", 5, 2), "aa bb\n  cc\n  dd");
        assert_eq!(wrapped("  aa bb", 5, 3), "  aa\n   bb");
        assert_eq!(wrapped("aaaaaaa bb", 4, 1), "aaa\n aaa\n a\n bb");
        // Two columns each.
        assert_eq!(wrapped("世界 世界", 8, 1), "世界\n 世界");
    }

    #[test]
    fn no_line_is_wider_and_what_belongs_together_stays() {
        assert_eq!(wrapped("it sent 1,234 bytes", 13, 2), "it sent\n  1,234 bytes");
        assert_eq!(wrapped("aa b\u{e000}c", 5, 1), "aa\n b c");
        assert_eq!(wrapped("EP  G8  5 pieces", 12, 2), "EP  G8\n  5 pieces");
        let hash = "ab".repeat(32);
        assert_eq!(
            wrapped(&format!("the hash {hash}, in full"), 60, 2),
            format!("the hash\n  {}...\n  in full", &hash[..55])
        );
        assert_eq!(wrapped("a\u{1}b\u{5}c d", 3, 0), "a\u{1}b\u{5}c\nd", "ink takes no room");
    }
}
