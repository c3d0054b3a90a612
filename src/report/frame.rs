//! Tables as polars data frames, and from there Parquet.

use std::io::Write;

use polars::prelude::*;
use polars_io::parquet::write::{ParquetCompression, ParquetWriter};

use crate::report::table::{Column, Table, Values};

/// Why a table could not be written.
#[derive(Debug, thiserror::Error)]
#[error("table {table}: {source}")]
pub struct TableError {
    table: &'static str,
    source: PolarsError,
}

/// Writes `table` as Parquet with its types, compressed with zstd. Equal tables give equal bytes.
///
/// # Errors
/// Whatever the writer reports.
pub fn write_parquet(table: &Table, out: &mut impl Write) -> Result<(), TableError> {
    let error = |source| TableError { table: table.name, source };
    let columns: Result<Vec<_>, _> = table.columns.iter().map(typed).collect();
    let columns = columns.map_err(error)?.into_iter().map(Into::into).collect();
    let mut frame = DataFrame::new_infer_height(columns).map_err(error)?;
    let writer = ParquetWriter::new(out).with_compression(ParquetCompression::Zstd(None));
    writer.finish(&mut frame).map(drop).map_err(error)
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
