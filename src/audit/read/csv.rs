//! CSV and TSV: RFC 4180 quotes, four separators; a bad row costs itself and no other.

use crate::audit::claim::Refusal;
use crate::audit::fields::Fields;
use crate::audit::names::{Name, Role};
use crate::limits::{CELL_BYTES, CELL_LINES};

/// A row of the file.
#[derive(Debug)]
pub(super) struct Row {
    /// The line on which it begins, from 1.
    pub(super) line: u64,
    pub(super) fields: Result<Fields, Refusal>,
}

/// The separator of a text whose first line holds known column names.
pub(super) fn separator(text: &str) -> Option<u8> {
    let header = text.trim_start_matches('\u{feff}').lines().find(|line| !line.trim().is_empty())?;
    if header.len() > CELL_BYTES {
        return None;
    }
    [b',', b';', b'\t', b'|'].into_iter().find(|separator| {
        let Some(names) = cells(header, *separator) else { return false };
        let known: Vec<Name> = names.iter().filter_map(|name| Name::of(name)).collect();
        let telling = known
            .iter()
            .any(|name| matches!(name.role, Role::Address | Role::Time(_) | Role::Date(_) | Role::Hash(_)));
        names.len() >= 2 && known.len() >= 2 && telling
    })
}

/// The rows of `text`, one claim each.
pub(super) fn read(text: &str, separator: u8) -> Vec<Row> {
    let mut rows = Rows { rest: text.trim_start_matches('\u{feff}'), line: 0 };
    let header = loop {
        match rows.next() {
            Some((_, Ok(record))) if record.trim().is_empty() => {}
            Some((_, Ok(record))) => break cells(record, separator).unwrap_or_default(),
            Some((line, Err(why))) => return vec![Row { line, fields: Err(why) }],
            None => return Vec::new(),
        }
    };
    let mut out = Vec::new();
    for (line, record) in rows {
        let fields = match record {
            Ok(record) if record.trim().is_empty() => continue,
            Ok(record) => match cells(record, separator) {
                Some(cells) if cells.len() == header.len() => {
                    let mut fields = Fields::default();
                    for (name, cell) in header.iter().zip(&cells) {
                        fields.set(name, cell);
                    }
                    Ok(fields)
                }
                _ => Err(Refusal::BadRow),
            },
            Err(why) => Err(why),
        };
        out.push(Row { line, fields });
    }
    out
}

/// The cells of one record; `None` where its quotes are not those of RFC 4180.
fn cells(record: &str, separator: u8) -> Option<Vec<String>> {
    if record.contains('\0') || has_lone_quote(record, separator) {
        return None;
    }
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(separator)
        .has_headers(false)
        .flexible(true)
        .from_reader(record.as_bytes());
    let record = reader.records().next()?.ok()?;
    let cells: Vec<String> = record.iter().map(|cell| cell.trim().to_owned()).collect();
    cells.iter().all(|cell| cell.len() <= CELL_BYTES).then_some(cells)
}

/// Returns true if a quote stands in a cell that does not begin with one, or behind the end of one that does.
fn has_lone_quote(record: &str, separator: u8) -> bool {
    let mut quoted = false;
    let mut bytes = record.bytes().peekable();
    let mut begin = true;
    while let Some(byte) = bytes.next() {
        match (quoted, byte) {
            (true, b'"') if bytes.peek() == Some(&b'"') => _ = bytes.next(),
            (true, b'"') => {
                quoted = false;
                if bytes.peek().is_some_and(|next| *next != separator && !matches!(next, b'\r' | b'\n')) {
                    return true;
                }
            }
            (false, b'"') if begin => quoted = true,
            (false, b'"') => return true,
            _ => {}
        }
        begin = !quoted && byte == separator;
    }
    quoted
}

/// Records of a text: lines, joined while a quote is open.
struct Rows<'t> {
    rest: &'t str,
    line: u64,
}

impl<'t> Iterator for Rows<'t> {
    type Item = (u64, Result<&'t str, Refusal>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let begun = self.line + 1;
        let (mut end, mut lines, mut quotes) = (0, 0_u64, 0_usize);
        let first = self.rest.find('\n').map_or(self.rest.len(), |at| at + 1);
        loop {
            let behind = self.rest.get(end..).unwrap_or_default();
            if behind.is_empty() || lines >= CELL_LINES || end > CELL_BYTES {
                break;
            }
            let next = end + behind.find('\n').map_or(behind.len(), |at| at + 1);
            quotes += self.rest.get(end..next).unwrap_or_default().matches('"').count();
            (end, lines) = (next, lines + 1);
            if quotes % 2 == 0 {
                let (record, rest) = self.rest.split_at(end);
                (self.rest, self.line) = (rest, self.line + lines);
                return Some((begun, Ok(record.trim_end_matches(['\r', '\n']))));
            }
        }
        // A quote that nothing closes: its line alone is lost.
        (self.rest, self.line) = (self.rest.get(first..).unwrap_or_default(), begun);
        Some((begun, Err(Refusal::BadRow)))
    }
}
