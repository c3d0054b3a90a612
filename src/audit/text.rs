//! Text of strangers: trimming, encodings, entities, and what must be ASCII.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// `text` without blanks and no-break spaces around it; `None` where what remains is not ASCII or is empty.
pub(super) fn trimmed_ascii(text: &str) -> Option<&str> {
    let text = trimmed(text);
    (!text.is_empty() && text.is_ascii()).then_some(text)
}

/// `text` without ASCII blanks, no-break spaces and quotes around it.
pub(super) fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_ascii_whitespace() || c == '\u{a0}' || c == '"')
}

/// Bytes as text: by their byte order mark, then as `declared`, then as UTF-8, else as Windows-1252, which is a guess and
/// comes second.
pub(super) fn decode(bytes: &[u8], declared: Option<&str>) -> (String, bool) {
    if let Some((encoding, length)) = Encoding::for_bom(bytes) {
        return (lossy(encoding, bytes.get(length..).unwrap_or_default()), false);
    }
    let declared = declared.and_then(|label| Encoding::for_label(label.trim().as_bytes()));
    // What is read as ASCII so far cannot be of two bytes a letter.
    if let Some(encoding) = declared.filter(|encoding| ![UTF_8, UTF_16LE, UTF_16BE].contains(encoding)) {
        return (lossy(encoding, bytes), false);
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => (text.to_owned(), false),
        Err(_) => (lossy(WINDOWS_1252, bytes), true),
    }
}

fn lossy(encoding: &'static Encoding, bytes: &[u8]) -> String {
    encoding.decode_without_bom_handling(bytes).0.into_owned()
}

/// The encoding that an XML declaration names.
pub(super) fn xml_encoding(bytes: &[u8]) -> Option<String> {
    let head = bytes.get(..bytes.len().min(200))?;
    let head = String::from_utf8_lossy(head);
    let declaration = head.trim_start().strip_prefix("<?xml")?.split("?>").next()?.to_owned();
    let value = declaration.split_once("encoding")?.1.trim_start().strip_prefix('=')?.trim_start().to_owned();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    value.get(1..)?.split(quote).next().map(str::to_owned)
}

/// HTML as text: tags dropped, ends of rows and paragraphs as line ends, of cells as bars; entities decoded once.
pub(super) fn of_html(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    let mut hidden = 0_u32;
    while let Some(at) = rest.find('<') {
        let (before, tag) = rest.split_at(at);
        if hidden == 0 {
            out.push_str(before);
        }
        let comment = tag.starts_with("<!--");
        let end = if comment { tag.find("-->").map(|end| end + 3) } else { tag.find('>').map(|end| end + 1) };
        let Some(end) = end else {
            rest = "";
            break;
        };
        if !comment {
            let inside = tag.get(1..end - 1).unwrap_or_default();
            let closing = inside.starts_with('/');
            let name: String = inside
                .trim_start_matches('/')
                .chars()
                .take_while(char::is_ascii_alphanumeric)
                .map(|c| c.to_ascii_lowercase())
                .collect();
            match name.as_str() {
                "script" | "style" | "head" if closing => hidden = hidden.saturating_sub(1),
                "script" | "style" | "head" if !inside.ends_with('/') => hidden += 1,
                "br" | "tr" | "p" | "div" | "li" | "h1" | "h2" | "h3" | "h4" | "table" | "pre" | "dt" | "dd" => {
                    out.push('\n');
                }
                "td" | "th" if closing => out.push_str(" | "),
                _ => {}
            }
        }
        rest = tag.get(end..).unwrap_or_default();
    }
    if hidden == 0 {
        out.push_str(rest);
    }
    let rows: Vec<&str> = out.lines().map(|line| line.trim().trim_end_matches('|').trim_end()).collect();
    unescape(&rows.join("\n"))
}

/// The five predefined entities, `&nbsp;` and numeric ones, decoded once.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        let (before, entity) = rest.split_at(at);
        out.push_str(before);
        let end = entity.find(';').filter(|end| *end <= LONGEST_ENTITY);
        let decoded = end.and_then(|end| entity.get(1..end)).and_then(entity_char);
        match (decoded, end) {
            (Some(c), Some(end)) => {
                out.push(c);
                rest = entity.get(end + 1..).unwrap_or_default();
            }
            _ => {
                out.push('&');
                rest = entity.get(1..).unwrap_or_default();
            }
        }
    }
    out.push_str(rest);
    out
}

fn entity_char(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some('\u{a0}'),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

// Rationale: `&#x10FFFF;` is the longest that is decoded.
const LONGEST_ENTITY: usize = 10;
