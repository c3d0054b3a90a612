//! Tables as polars data frames, and from there CSV and Parquet.

use std::io::Write;

use polars::prelude::{Column as Series, DataFrame, PolarsError};
use polars_io::SerWriter;
use polars_io::csv::write::CsvWriter;
use polars_io::parquet::write::{ParquetCompression, ParquetWriter};

use crate::report::table::{Column, Table, Values};

/// Why a table could not be written.
#[derive(Debug, thiserror::Error)]
#[error("table {table}: {source}")]
pub struct TableError {
    table: &'static str,
    source: PolarsError,
}

/// Writes `table` as CSV with a header line, RFC 4180 quoting and `\n` line ends.
///
/// # Errors
/// Whatever the writer reports.
pub fn write_csv(table: &Table, out: &mut impl Write) -> Result<(), TableError> {
    let error = |source| TableError { table: table.name, source };
    let mut frame = data_frame(table).map_err(error)?;
    CsvWriter::new(out).finish(&mut frame).map_err(error)
}

/// Writes `table` as Parquet, compressed with zstd. Equal tables give equal bytes.
///
/// # Errors
/// Whatever the writer reports.
pub fn write_parquet(table: &Table, out: &mut impl Write) -> Result<(), TableError> {
    let error = |source| TableError { table: table.name, source };
    let mut frame = data_frame(table).map_err(error)?;
    let writer = ParquetWriter::new(out).with_compression(ParquetCompression::Zstd(None));
    writer.finish(&mut frame).map(drop).map_err(error)
}

fn data_frame(table: &Table) -> Result<DataFrame, PolarsError> {
    DataFrame::new_infer_height(table.columns.iter().map(series).collect())
}

fn series(column: &Column) -> Series {
    let name = column.name.into();
    match &column.values {
        Values::Figures(values) => Series::new(name, values),
        Values::Numbers(values) => Series::new(name, values),
        Values::Text(values) => Series::new(name, values),
        Values::Bools(values) => Series::new(name, values),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{fixture, tables};

    #[test]
    fn csv_has_a_header_and_a_line_per_transfer() {
        let document = fixture::document();
        let mut out = Vec::new();
        write_csv(&tables(&document)[0], &mut out).expect("written");
        let text = String::from_utf8(out).expect("UTF-8");
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), document.transfers.len() + 1, "{text}");
        assert!(lines[0].starts_with("uploader,downloader,transport,info_hash,"), "{}", lines[0]);
        assert!(lines[1].contains(",3473408,"), "{}", lines[1]);
    }

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
