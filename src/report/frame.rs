//! Tables as Parquet: the types of their columns are handed to the crate that knows polars.

use std::io::Write;

use crate::report::table::{Column, Table, Texts, Values};

/// Why a table could not be written.
#[derive(Debug, thiserror::Error)]
#[error("table {table}: {source}")]
pub struct TableError {
    table: &'static str,
    source: peerproof_table::TableError,
}

/// Writes `table` as Parquet with its types, compressed with zstd. Equal tables give equal bytes.
///
/// # Errors
/// Whatever the writer reports.
pub fn write_parquet(table: &Table, out: &mut impl Write) -> Result<(), TableError> {
    let times: Vec<Vec<Option<i64>>> = table.columns.iter().map(nanoseconds).collect();
    let columns = table.columns.iter().zip(&times).map(|(column, times)| lent(column, times));
    peerproof_table::write_parquet(columns, out).map_err(|source| TableError { table: table.name, source })
}

/// Parts of one table as Parquet, each handed over when it is made.
pub struct ParquetParts<'o> {
    parts: peerproof_table::Parts<&'o mut Vec<u8>>,
    failed: Option<TableError>,
}

impl<'o> ParquetParts<'o> {
    /// No part yet; the file will be behind what `out` holds.
    pub fn new(out: &'o mut Vec<u8>) -> Self {
        Self { parts: peerproof_table::Parts::new(out), failed: None }
    }

    /// Adds a part. [`ParquetParts::end`] tells whether it could be written.
    pub fn add(&mut self, table: &Table) {
        let times: Vec<Vec<Option<i64>>> = table.columns.iter().map(nanoseconds).collect();
        let columns = table.columns.iter().zip(&times).map(|(column, times)| lent(column, times));
        if let Err(source) = self.parts.add(columns) {
            self.failed.get_or_insert(TableError { table: table.name, source });
        }
    }

    /// Ends the file.
    ///
    /// # Errors
    /// Whatever the writer reported first.
    pub fn end(self) -> Result<(), TableError> {
        match self.failed {
            Some(error) => Err(error),
            None => self.parts.end().map_err(|source| TableError { table: "", source }),
        }
    }
}

/// The cells of a column of times as numbers; of any other column, nothing.
fn nanoseconds(column: &Column) -> Vec<Option<i64>> {
    match &column.values {
        Values::Times(values) => values.iter().map(|time| time.map(|time| time.0)).collect(),
        _ => Vec::new(),
    }
}

/// A column with its type; `times` are its cells where it is one of times.
fn lent<'a>(column: &'a Column, times: &'a [Option<i64>]) -> peerproof_table::Column<'a> {
    use peerproof_table::Cells;
    let cells = match &column.values {
        Values::Figures(values) => Cells::Figures(values),
        Values::Numbers(values) => Cells::Numbers(values),
        Values::Text(values) => Cells::Text(lists(values)),
        Values::Texts(values) => Cells::Texts(lists(values)),
        Values::Times(_) => Cells::Times(times),
        Values::Bools(values) => Cells::Bools(values),
    };
    peerproof_table::Column { name: &column.name, cells }
}

fn lists(Texts { buffer, places, rows }: &Texts) -> peerproof_table::Lists<'_> {
    peerproof_table::Lists { buffer, places, rows }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{fixture, tables};

    #[test]
    fn parquet_bytes_are_the_same_twice_and_an_empty_table_is_written_too() {
        for table in tables(&fixture::document()) {
            let (mut one, mut two) = (Vec::new(), Vec::new());
            write_parquet(&table, &mut one).expect("written");
            write_parquet(&table, &mut two).expect("written");
            assert_eq!(one, two);
            assert!(one.starts_with(b"PAR1"));
        }
    }
}
