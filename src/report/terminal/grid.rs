//! Rows under column names: a table where the page has room, else one row below the other.

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, presets};

use super::Page;
use crate::ends::{InfoHash, Timestamp};
use crate::report::text::{self, counted};

/// A column that shows something of a `T`.
pub(crate) struct Column<T: ?Sized> {
    /// Its name over the table.
    pub name: &'static str,
    /// How it is laid out.
    pub kind: ColumnKind,
    /// Its text for a row.
    pub value: fn(&T, Dated) -> String,
    /// Whether the column is worth its room for a row; a column that no row needs is left out.
    pub needed: fn(&T) -> bool,
}

/// How a column is laid out. No cell is ever broken over lines.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum ColumnKind {
    /// To the left.
    Word,
    /// To the right.
    Figure,
}

/// Whether a time of day alone would be ambiguous.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dated {
    /// The captures reach over midnight UTC: month and day are shown too.
    Days,
    /// They do not.
    SameDay,
}

/// Writes the rows, at most [`MOST_ROWS`] of them; `noun` names what a row is, and `table` the table of
/// `--format csv` that has them all.
pub(crate) fn write<T>(rows: &[&T], columns: &[Column<T>], dated: Dated, noun: &str, table: &str, page: &mut Page) {
    let columns: Vec<_> = columns.iter().filter(|column| rows.iter().any(|row| (column.needed)(row))).collect();
    let (shown, hidden) = rows.split_at(rows.len().min(MOST_ROWS));
    let cells: Vec<Vec<String>> =
        shown.iter().map(|row| columns.iter().map(|column| (column.value)(row, dated)).collect()).collect();
    let room = page.width.saturating_sub(INDENT);
    let fits = |padding| drawn(&columns, &cells, room, padding);
    match fits(2).or_else(|| fits(1)) {
        Some(table) => page.block(&table),
        None => list(&columns, &cells, page),
    }
    if !hidden.is_empty() {
        page.line(&format!(
            "and {} more, not shown here: `--format csv --table {table}` and report.json list all",
            counted(hidden.len() as u64, noun)
        ));
    }
}

/// The rows as a table with `padding` blanks between columns, or `None` when they are too wide for the page.
fn drawn<T>(columns: &[&Column<T>], rows: &[Vec<String>], width: usize, padding: u16) -> Option<String> {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    // The padding behind the last column is blank and may leave the page.
    table.set_width(u16::try_from(width).unwrap_or(u16::MAX).saturating_add(padding));
    table.set_header(columns.iter().map(|column| column.name));
    table.add_rows(rows);
    for (drawn, column) in table.column_iter_mut().zip(columns) {
        drawn.set_padding((0, padding)).set_constraint(ColumnConstraint::ContentWidth);
        if column.kind == ColumnKind::Figure {
            drawn.set_cell_alignment(CellAlignment::Right);
        }
    }
    let lines = table.to_string();
    lines.lines().all(|line| text::columns(line.trim_end()) <= width).then_some(lines)
}

/// The rows one below the other, for narrow pages.
fn list<T>(columns: &[&Column<T>], rows: &[Vec<String>], page: &mut Page) {
    for row in rows {
        let [first, rest @ ..] = row.as_slice() else { continue };
        page.line(&first.replace('\n', "  "));
        let pairs: Vec<_> =
            columns.iter().skip(1).zip(rest).map(|(column, value)| format!("{} {value}", column.name)).collect();
        page.line(&format!("  {}", pairs.join(", ")));
    }
}

/// The first digits of an info-hash, which tell the few torrents of a page apart.
pub(crate) fn short(info_hash: Option<&InfoHash>) -> String {
    info_hash.map_or_else(|| "unknown".to_owned(), |hash| hash.to_string().chars().take(8).collect())
}

/// The time of day without fractions, behind month and day where needed.
pub(super) fn seconds(time: Timestamp, dated: Dated) -> String {
    let time = time.to_string();
    let from = if dated == Dated::Days { 5 } else { 11 };
    time.get(from..19).unwrap_or(&time).replace('T', " ")
}

/// Columns of the page before a table.
const INDENT: usize = 2;
// Rationale: more rows are not read on a screen, and drawing them takes longer than reading the capture.
const MOST_ROWS: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_are_not_shown_are_counted() {
        let rows: Vec<u64> = (0..MOST_ROWS as u64 + 3).collect();
        let columns =
            [Column { name: "n", kind: ColumnKind::Figure, value: |n: &u64, _| n.to_string(), needed: |_| true }];
        let mut page = Page { text: String::new(), width: 100 };
        write(&rows.iter().collect::<Vec<&u64>>(), &columns, Dated::SameDay, "row", "rows", &mut page);
        assert!(page.text.contains("and 3 rows more"), "{}", page.text);
        assert!(page.text.contains("199") && !page.text.contains("201"), "{}", page.text);
    }

    #[test]
    fn a_column_that_no_row_needs_is_left_out() {
        let columns = [
            Column { name: "n", kind: ColumnKind::Figure, value: |n: &u64, _| n.to_string(), needed: |_| true },
            Column {
                name: "odd",
                kind: ColumnKind::Figure,
                value: |n: &u64, _| n.to_string(),
                needed: |n| n % 2 == 1,
            },
        ];
        let mut page = Page { text: String::new(), width: 100 };
        write(&[&2, &4], &columns, Dated::SameDay, "row", "rows", &mut page);
        assert!(!page.text.contains("odd"), "{}", page.text);
        write(&[&2, &5], &columns, Dated::SameDay, "row", "rows", &mut page);
        assert!(page.text.contains("odd"), "{}", page.text);
    }
}
