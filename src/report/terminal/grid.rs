//! Rows under column names. No cell is broken over lines, and no line is wider than the page.

use super::page::{Page, inked};
use crate::report::text::columns;

/// A column of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    /// Its name over the table.
    pub(crate) name: &'static str,
    /// Set for a column of figures, which stand to the right.
    pub(crate) figure: bool,
    /// The width of a page from which on it has its place; 0 for always.
    pub(crate) from: usize,
}

/// A table: columns, and a cell for each in every row.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Row>,
    /// How many of the first columns say whose row it is: these stand on a line of their own where they are long.
    lead: usize,
}

#[derive(Clone, Debug)]
struct Row {
    mark: char,
    cells: Vec<String>,
    /// A sentence on lines of its own below it; empty for none.
    below: String,
}

/// A column of words.
pub(crate) const fn word(name: &'static str) -> Column {
    Column { name, figure: false, from: 0 }
}

/// A column of figures.
pub(crate) const fn figure(name: &'static str) -> Column {
    Column { name, figure: true, from: 0 }
}

impl Column {
    /// Shows a column only on pages of `width` columns and more.
    pub(crate) const fn from(self, width: usize) -> Self {
        Self { from: width, ..self }
    }
}

impl Table {
    /// A table of `columns`, of which the first `lead` say whose row it is.
    pub(crate) fn new(columns: Vec<Column>, lead: usize) -> Self {
        Self { columns, rows: Vec::new(), lead }
    }

    /// Adds a row.
    pub(crate) fn push(&mut self, cells: Vec<String>) {
        self.marked(' ', cells);
    }

    /// Adds a row behind a mark in the margin.
    pub(crate) fn marked(&mut self, mark: char, cells: Vec<String>) {
        debug_assert_eq!(cells.len(), self.columns.len(), "a cell for each column");
        self.rows.push(Row { mark, cells, below: String::new() });
    }

    /// Adds a row with a sentence below it.
    pub(crate) fn explained(&mut self, cells: Vec<String>, below: String) {
        debug_assert_eq!(cells.len(), self.columns.len(), "a cell for each column");
        self.rows.push(Row { mark: ' ', cells, below });
    }

    /// Returns true if the table has no row.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Leaves out each column of `names` in which every row says 0, and tells which.
    pub(crate) fn without_zeros(&mut self, names: &[&'static str]) -> Vec<&'static str> {
        let mut out = Vec::new();
        for name in names {
            let Some(at) = self.columns.iter().position(|column| column.name == *name) else { continue };
            if self.rows.iter().all(|row| row.cells.get(at).is_none_or(|cell| matches!(cell.as_str(), "0" | ""))) {
                self.drop_column(at);
                out.push(*name);
            }
        }
        out
    }

    fn drop_column(&mut self, at: usize) {
        self.columns.remove(at);
        for row in &mut self.rows {
            if at < row.cells.len() {
                row.cells.remove(at);
            }
        }
    }

    /// Writes it, and tells which columns the page has no room for.
    pub(crate) fn write(mut self, page: &mut Page) -> Vec<Column> {
        let mut left_out = Vec::new();
        while let Some(at) = self.columns.iter().position(|column| column.from > page.width) {
            left_out.push(self.columns[at]);
            self.drop_column(at);
        }
        let room = page.room().saturating_sub(MARGIN);
        loop {
            let widths = self.widths(&self.rows);
            if total(&widths) <= room {
                self.lines(&widths, &(0..self.columns.len()).collect::<Vec<_>>(), false, page);
                return left_out;
            }
            // What has its place on wide pages alone gives way first.
            let widest = self.columns.iter().map(|column| column.from).max().unwrap_or(0);
            let Some(at) = self.columns.iter().rposition(|column| column.from == widest).filter(|_| widest > 0)
            else {
                break;
            };
            left_out.push(self.columns[at]);
            self.drop_column(at);
        }
        self.split(room, page);
        left_out
    }

    /// The rows of a table that is too wide: long names on lines of their own, and columns in several tables.
    fn split(&self, room: usize, page: &mut Page) {
        let short: Vec<Row> = self.rows.iter().filter(|row| !self.is_long(row)).cloned().collect();
        let mut widths = self.widths(&self.rows);
        let of_short = self.widths(&short);
        for (width, short) in widths.iter_mut().zip(&of_short).take(self.lead) {
            *width = *short;
        }
        let mut rest: Vec<usize> = (self.lead..widths.len()).collect();
        let lead: Vec<usize> = (0..self.lead).collect();
        while !rest.is_empty() {
            let mut count = rest.len();
            let chosen = |count: usize| [lead.as_slice(), rest.get(..count).unwrap_or_default()].concat();
            let wide = |count: usize| total(&chosen(count).iter().map(|at| widths[*at]).collect::<Vec<_>>());
            while count > 1 && wide(count) > room {
                count -= 1;
            }
            self.lines(&widths, &chosen(count), true, page);
            rest.drain(..count);
        }
    }

    fn is_long(&self, row: &Row) -> bool {
        row.cells.iter().take(self.lead).any(|cell| columns(cell) > LONGEST_LEAD)
    }

    fn widths(&self, rows: &[Row]) -> Vec<usize> {
        let width = |(at, column): (usize, &Column)| {
            let cells = rows.iter().filter_map(|row| row.cells.get(at));
            cells.map(|cell| columns(cell)).chain([columns(column.name)]).max().unwrap_or(0)
        };
        self.columns.iter().enumerate().map(width).collect()
    }

    fn lines(&self, widths: &[usize], chosen: &[usize], own: bool, page: &mut Page) {
        let line = |mark: char, cell: &dyn Fn(usize) -> String| {
            let mut line = format!("{mark} ");
            for (place, at) in chosen.iter().enumerate() {
                let (text, gap) = (cell(*at), if place == 0 { 0 } else { GAP });
                line.extend(std::iter::repeat_n(' ', gap));
                let blank = widths[*at].saturating_sub(columns(&text));
                let column = &self.columns[*at];
                let (before, behind) = if column.figure { (blank, 0) } else { (0, blank) };
                line.extend(std::iter::repeat_n(' ', before));
                line.push_str(&if text == column.name { text } else { inked(column.name, &text) });
                line.extend(std::iter::repeat_n(' ', behind));
            }
            line
        };
        page.raw(&line(' ', &|at| self.columns[at].name.to_owned()));
        for row in &self.rows {
            let long = own && self.is_long(row);
            if long {
                let names: Vec<&str> = row.cells.iter().take(self.lead).map(String::as_str).collect();
                page.row(&format!("{} {}", row.mark, names.join("  ")), 0, 4);
            }
            let mark = if long { ' ' } else { row.mark };
            page.raw(&line(mark, &|at| match row.cells.get(at) {
                Some(cell) if !(long && at < self.lead) => cell.clone(),
                _ => String::new(),
            }));
            // Of a row in several tables, in the last.
            if !row.below.is_empty() && chosen.last() == self.columns.len().checked_sub(1).as_ref() {
                page.row(&row.below, BELOW, BELOW);
            }
        }
    }
}

fn total(widths: &[usize]) -> usize {
    widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1)
}

/// Columns of the page before a table, of which the first is that of marks.
const MARGIN: usize = 2;
const GAP: usize = 2;
/// Columns of the page before a sentence below a row.
const BELOW: usize = 5;
// Rationale: every IPv4 endpoint.
const LONGEST_LEAD: usize = 21;

#[cfg(test)]
mod tests {
    use super::*;

    fn table(lead: &str, figure_text: &str) -> Table {
        let mut table =
            Table::new(vec![word("peer"), figure("served"), figure("sole"), word("first").from(100)], 1);
        table.push(vec![lead.into(), figure_text.into(), "0".into(), "02:59".into()]);
        table
    }

    fn written(table: Table, width: usize) -> (String, Vec<&'static str>) {
        let mut page = Page::new(width);
        let left = table.write(&mut page).iter().map(|column| column.name).collect();
        (page.finish(false), left)
    }

    #[test]
    fn a_column_has_its_place_on_pages_that_are_wide_enough() {
        let (text, left) = written(table("192.0.2.1:1", "1"), 80);
        assert_eq!(
            (text.as_str(), left),
            ("  peer         served  sole\n  192.0.2.1:1       1     0\n", vec!["first"])
        );
        assert!(written(table("192.0.2.1:1", "1"), 100).0.contains("02:59"));
    }

    #[test]
    fn figures_are_never_broken_and_long_names_stand_on_lines_of_their_own() {
        let long = "[2001:db8:1111:2222:3333:4444:5555:6666]:65535";
        let (text, _) = written(table(long, "18,446,744,073,709,551,615"), 60);
        assert!(text.lines().all(|line| columns(line) <= 60), "{text}");
        assert!(text.contains(&format!("  {long}\n")) && text.contains("18,446,744,073,709,551,615"), "{text}");
        let mut wide = Table::new(vec![word("peer"), figure("a"), figure("b"), figure("c")], 1);
        wide.push(vec!["192.0.2.1:1".into(), "1".repeat(26), "2".repeat(26), "3".repeat(26)]);
        let (text, _) = written(wide, 60);
        assert_eq!(text.matches("192.0.2.1:1").count(), 3, "the same row in further tables:\n{text}");
    }

    #[test]
    fn a_sentence_below_a_row_stands_once_behind_all_its_columns() {
        let mut wide = Table::new(vec![word("peer"), figure("a"), figure("b")], 1);
        wide.explained(vec!["192.0.2.1:1".into(), "1".repeat(26), "2".repeat(26)], "why so".into());
        for (width, lines) in [(100, 3), (60, 5)] {
            let (text, _) = written(wide.clone(), width);
            assert_eq!(
                (text.lines().count(), text.lines().last(), text.matches("why so").count()),
                (lines, Some("     why so"), 1),
                "{text}"
            );
        }
    }

    #[test]
    fn a_column_that_says_0_in_every_row_is_left_out_and_told() {
        let mut table = table("192.0.2.1:1", "1");
        assert_eq!(table.without_zeros(&["served", "sole"]), ["sole"]);
        assert!(!written(table, 80).0.contains("sole"));
    }
}
