//! Tables as polars data frames, and from there CSV and Parquet.

use std::io::Write;

use polars::prelude::*;
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

/// Writes `table` as CSV with a header line, RFC 4180 quoting and `\n` line ends; lists are joined by `; `.
///
/// # Errors
/// Whatever the writer reports.
pub fn write_csv(table: &Table, out: &mut impl Write) -> Result<(), TableError> {
    let error = |source| TableError { table: table.name, source };
    let mut frame = data_frame(table, flat).map_err(error)?;
    CsvWriter::new(out).finish(&mut frame).map_err(error)
}

/// Writes `table` as Parquet with its types, compressed with zstd. Equal tables give equal bytes.
///
/// # Errors
/// Whatever the writer reports.
pub fn write_parquet(table: &Table, out: &mut impl Write) -> Result<(), TableError> {
    let error = |source| TableError { table: table.name, source };
    let mut frame = data_frame(table, typed).map_err(error)?;
    let writer = ParquetWriter::new(out).with_compression(ParquetCompression::Zstd(None));
    writer.finish(&mut frame).map(drop).map_err(error)
}

fn data_frame(table: &Table, series: fn(&Column) -> Result<Series, PolarsError>) -> Result<DataFrame, PolarsError> {
    let columns: Result<Vec<_>, _> = table.columns.iter().map(series).collect();
    DataFrame::new_infer_height(columns?.into_iter().map(Into::into).collect())
}

/// A column with its type.
fn typed(column: &Column) -> Result<Series, PolarsError> {
    let name = column.name.as_str().into();
    Ok(match &column.values {
        Values::Figures(values) => Series::new(name, values),
        Values::Numbers(values) => Series::new(name, values),
        Values::Text(values) => Series::new(name, values),
        Values::Texts(values) => {
            let mut lists = ListStringChunkedBuilder::new(name, values.len(), 0);
            values.iter().for_each(|texts| lists.append_values_iter(texts.iter().map(String::as_str)));
            lists.finish().into_series()
        }
        Values::Times(values) => {
            let times: Vec<Option<i64>> = values.iter().map(|time| time.map(|time| time.0)).collect();
            Series::new(name, times).cast(&DataType::Datetime(TimeUnit::Nanoseconds, Some(TimeZone::UTC)))?
        }
        Values::Bools(values) => Series::new(name, values),
    })
}

/// A column as its text in CSV, which has no types: times as in report.json, lists joined.
fn flat(column: &Column) -> Result<Series, PolarsError> {
    let name = column.name.as_str().into();
    match &column.values {
        Values::Texts(values) => {
            Ok(Series::new(name, values.iter().map(|texts| texts.join("; ")).collect::<Vec<_>>()))
        }
        Values::Times(values) => {
            let texts = values.iter().map(|time| time.map(|time| time.to_string()).unwrap_or_default());
            Ok(Series::new(name, texts.collect::<Vec<_>>()))
        }
        _ => typed(column),
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
