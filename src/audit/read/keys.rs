//! Text with `key: value` lines, and tables in texts.

use crate::audit::fields::{Fields, is_plausible};
use crate::audit::names::{Name, Role};
use crate::audit::text::trimmed;

/// Fields that lines of `Key: value` state.
#[derive(Debug, Default)]
pub(super) struct Text {
    /// One for each block of keys, or for each row of a table.
    pub(super) notices: Vec<Row>,
    /// The words before the evidence.
    pub(super) free: String,
    pub(super) is_table: bool,
    /// Fields that are no notice alone, such as a hash: what they are of stands elsewhere.
    pub(super) loose: Option<Fields>,
}

/// A row of a table, or a block of keys.
#[derive(Debug)]
pub(super) struct Row {
    /// From 1.
    pub(super) line: u64,
    /// `None` for a row that does not fit its header.
    pub(super) fields: Option<Fields>,
}

pub(super) fn read(text: &str) -> Text {
    let mut out = Text::default();
    let mut block = Fields::default();
    let mut begun = 0;
    let mut blocks: Vec<Row> = Vec::new();
    let mut table: Option<Table> = None;
    let mut evidence = false;
    for (index, line) in text.lines().enumerate() {
        let number = index as u64 + 1;
        if let Some(current) = &table {
            match current.row(line) {
                Cells::Rule => continue,
                Cells::Fields(fields) => {
                    out.notices.push(Row { line: number, fields: Some(*fields) });
                    continue;
                }
                Cells::Ragged => {
                    out.notices.push(Row { line: number, fields: None });
                    continue;
                }
                Cells::End => table = None,
            }
        }
        if let Some(found) = Table::of(line) {
            table = Some(found);
            evidence = true;
            continue;
        }
        let pairs = pairs(line);
        if pairs.is_empty() {
            if let Some((key, value)) = line.split_once(':') {
                // A private key may hold `HASH|SIZE`.
                block.set(key, value);
            }
            if !evidence {
                out.free.push_str(line.trim_end());
                out.free.push('\n');
            }
            continue;
        }
        for (key, value) in pairs {
            if block.has(&key) && block.is_notice() && (is_opening(&key) || block.is_whole()) {
                blocks.push(Row { line: begun, fields: Some(std::mem::take(&mut block)) });
                begun = 0;
            }
            if begun == 0 {
                begun = number;
            }
            block.set(&key, &value);
            evidence |= is_evidence(&key);
        }
    }
    if out.notices.is_empty() {
        if block.is_notice() {
            blocks.push(Row { line: begun, fields: Some(block) });
        } else if blocks.is_empty() {
            out.loose = Some(block);
        }
        out.notices = blocks;
    } else {
        out.is_table = true;
        for row in &mut out.notices {
            if let Some(fields) = &mut row.fields {
                fields.fill(&block);
            }
        }
    }
    out
}

impl Fields {
    fn is_whole(&self) -> bool {
        self.address.is_some() && self.first != Default::default()
    }
}

/// Returns true for a key that begins another notice when it comes again, however little stands before it.
fn is_opening(key: &str) -> bool {
    Name::of(key).is_some_and(|name| matches!(name.role, Role::Address | Role::Id))
}

fn is_evidence(key: &str) -> bool {
    Name::of(key).is_some_and(|name| {
        matches!(name.role, Role::Address | Role::Port | Role::Time(_) | Role::Date(_) | Role::Hash(_))
    })
}

/// The known keys of a line with their values; several may stand in one line.
fn pairs(line: &str) -> Vec<(String, String)> {
    let line = line.trim_start_matches(['>', '*', '-', '•', ' ', '\t']);
    let Some((first, mut rest)) = line.split_once([':', '=']) else {
        // `key | value` is a row of a table of two columns.
        let cells: Vec<&str> = line.split('|').map(str::trim).filter(|cell| !cell.is_empty()).collect();
        return match cells.as_slice() {
            [key, value] if Name::of(key).is_some() => vec![((*key).to_owned(), (*value).to_owned())],
            _ => Vec::new(),
        };
    };
    let first = first.trim().trim_end_matches('|').trim();
    if Name::of(first).is_none() {
        return Vec::new();
    }
    let mut out = Vec::new();
    let mut key = first.to_owned();
    loop {
        match next_key(rest) {
            Some((value, next, behind)) => {
                out.push((key, value.to_owned()));
                (key, rest) = (next.to_owned(), behind);
            }
            None => {
                out.push((key, rest.trim().trim_start_matches('|').trim().to_owned()));
                break;
            }
        }
    }
    out.retain(|(key, value)| is_plausible(key, value));
    out
}

/// The value before the next known key in `rest`, that key, and what stands behind it.
fn next_key(rest: &str) -> Option<(&str, &str, &str)> {
    for (at, _) in rest.match_indices(':') {
        let before = rest.get(..at)?;
        // At most four words can be a key, the longest that is known counts.
        let starts: Vec<usize> = before
            .char_indices()
            .filter(|(_, c)| c.is_whitespace() || matches!(c, ',' | ';'))
            .map(|(index, c)| index + c.len_utf8())
            .collect();
        for start in starts.iter().rev().take(4).rev() {
            let key = before.get(*start..)?.trim();
            let known = Name::of(key).is_some_and(|name| {
                matches!(
                    name.role,
                    Role::Address
                        | Role::Port
                        | Role::Time(_)
                        | Role::Date(_)
                        | Role::Zone
                        | Role::Hash(_)
                        | Role::Size
                        | Role::File
                )
            });
            if known && !key.is_empty() && !key.starts_with(|c: char| c.is_ascii_digit()) {
                let value = before.get(..*start)?.trim().trim_end_matches([',', ';']).trim();
                return Some((value, key, rest.get(at + 1..)?));
            }
        }
    }
    None
}

/// A table whose header was found.
#[derive(Debug)]
struct Table {
    names: Vec<String>,
    separator: Separator,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Separator {
    Bar,
    Tab,
    Blanks,
}

enum Cells {
    Fields(Box<Fields>),
    /// A line of dashes.
    Rule,
    Ragged,
    End,
}

impl Table {
    /// A line of column names: three or more that are known, or two of which one tells whom or when.
    fn of(line: &str) -> Option<Self> {
        [Separator::Bar, Separator::Tab, Separator::Blanks].into_iter().find_map(|separator| {
            let names: Vec<String> = separator.split(line).into_iter().map(str::to_owned).collect();
            let known: Vec<Name> = names.iter().filter_map(|name| Name::of(name)).collect();
            let telling = known
                .iter()
                .any(|name| matches!(name.role, Role::Address | Role::Time(_) | Role::Date(_) | Role::Hash(_)));
            (names.len() >= 2 && known.len() >= 2 && telling && known.len() * 2 >= names.len())
                .then_some(Self { names, separator })
        })
    }

    fn row(&self, line: &str) -> Cells {
        if line.trim().is_empty() {
            return Cells::End;
        }
        if line.chars().all(|c| matches!(c, '-' | '=' | '+' | '|' | ' ' | '\t' | ':')) {
            return Cells::Rule;
        }
        let cells = self.separator.split(line);
        if cells.len() != self.names.len() {
            let bars = self.separator != Separator::Blanks && cells.len() > 1;
            return if bars { Cells::Ragged } else { Cells::End };
        }
        let mut fields = Fields::default();
        for (name, cell) in self.names.iter().zip(cells) {
            fields.set(name, cell);
        }
        Cells::Fields(Box::new(fields))
    }
}

impl Separator {
    fn split(self, line: &str) -> Vec<&str> {
        match self {
            Self::Bar => {
                let line = line.trim();
                let line = line.strip_prefix('|').unwrap_or(line);
                let line = line.strip_suffix('|').unwrap_or(line);
                line.split('|').map(trimmed).collect()
            }
            Self::Tab => line.trim_end().split('\t').map(trimmed).collect(),
            Self::Blanks => line.trim().split("  ").map(trimmed).filter(|cell| !cell.is_empty()).collect(),
        }
    }
}
