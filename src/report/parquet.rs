//! Tables as Parquet, by the arrays and the writer of polars.

use std::error::Error;
use std::io::Write;
use std::ops::Range;

use polars_arrow::array::{Array, BooleanArray, ListArray, PrimitiveArray, Utf8ViewArray};
use polars_arrow::datatypes::{ArrowDataType, ArrowSchema, Field, TimeUnit};
use polars_arrow::offset::Offsets;
use polars_arrow::record_batch::RecordBatchT;
use polars_parquet::write::{
    CompressionOptions, FileWriter, StatisticsOptions, Version, WriteOptions, get_dtype_encoding, row_group_iter,
};

use crate::report::table::{Column, Table, Values};

/// Why a table could not be written.
#[derive(Debug, thiserror::Error)]
#[error("table {table}: {source}")]
pub struct TableError {
    table: &'static str,
    source: Box<dyn Error + Send + Sync>,
}

/// Writes `table` as Parquet with its types, compressed with zstd. Equal tables give equal bytes.
///
/// # Errors
/// Whatever the writer reports.
pub fn write_parquet(table: &Table, out: &mut impl Write) -> Result<(), TableError> {
    written(table, out).map_err(|source| TableError { table: table.name, source })
}

fn written(table: &Table, out: &mut impl Write) -> Result<(), Box<dyn Error + Send + Sync>> {
    let types: Vec<ArrowDataType> = table.columns.iter().map(|column| of_type(&column.values)).collect();
    let fields = table.columns.iter().zip(&types);
    let fields = fields.map(|(column, of_type)| Field::new(column.name.as_str().into(), of_type.clone(), true));
    let schema: ArrowSchema = fields.map(|field| (field.name.clone(), field)).collect();
    let encodings: Vec<_> = types.iter().map(get_dtype_encoding).collect();
    let options = WriteOptions {
        statistics: StatisticsOptions::default(),
        version: Version::V1,
        compression: CompressionOptions::Zstd(None),
        data_page_size: None,
    };
    let mut writer = FileWriter::try_new(out, schema.clone(), options)?;
    let leaves = writer.parquet_schema().fields().to_vec();
    let schema = std::sync::Arc::new(schema);
    let height = table.columns.first().map_or(0, |column| column.values.len());
    for first in (0..height).step_by(ROWS_AT_ONCE) {
        let rows = first..height.min(first + ROWS_AT_ONCE);
        let count = rows.len();
        let arrays =
            table.columns.iter().map(|column| array(column, rows.clone())).collect::<Result<Vec<_>, _>>()?;
        let batch = RecordBatchT::try_new(count, schema.clone(), arrays)?;
        let group = row_group_iter(batch, encodings.clone().into(), leaves.clone(), options);
        writer.write(count as u64, group)?;
    }
    writer.end(None)?;
    Ok(())
}

fn of_type(values: &Values) -> ArrowDataType {
    match values {
        Values::Figures(_) | Values::Numbers(_) => ArrowDataType::UInt64,
        Values::Text(_) => ArrowDataType::Utf8View,
        Values::Texts(_) => ListArray::<i64>::default_datatype(ArrowDataType::Utf8View),
        Values::Times(_) => ArrowDataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())),
        Values::Bools(_) => ArrowDataType::Boolean,
    }
}

/// The cells of some rows of a column.
fn array(column: &Column, rows: Range<usize>) -> Result<Box<dyn Array>, Box<dyn Error + Send + Sync>> {
    let short = || format!("column {} is short", column.name);
    Ok(match &column.values {
        Values::Figures(values) => PrimitiveArray::from_slice(values.get(rows).ok_or_else(short)?).boxed(),
        Values::Numbers(values) => PrimitiveArray::from(values.get(rows).ok_or_else(short)?).boxed(),
        Values::Text(values) => Utf8ViewArray::from_slice_values(values.get(rows).ok_or_else(short)?).boxed(),
        Values::Texts(values) => {
            let lists = values.get(rows).ok_or_else(short)?;
            let offsets = Offsets::try_from_lengths(lists.iter().map(Vec::len))?;
            let texts: Vec<&String> = lists.iter().flatten().collect();
            let texts = Utf8ViewArray::from_slice_values(texts).boxed();
            ListArray::<i64>::try_new(of_type(&column.values), offsets.into(), texts, None)?.boxed()
        }
        Values::Times(values) => {
            let times = values.get(rows).ok_or_else(short)?.iter().map(|time| time.map(|time| time.0));
            PrimitiveArray::from_iter(times).to(of_type(&column.values)).boxed()
        }
        Values::Bools(values) => BooleanArray::from_slice(values.get(rows).ok_or_else(short)?).boxed(),
    })
}

// Rationale: readers take a group of rows at a time.
const ROWS_AT_ONCE: usize = 1 << 18;

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
            assert!(one.starts_with(b"PAR1") && one.ends_with(b"PAR1"));
        }
    }
}
