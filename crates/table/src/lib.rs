//! Typed columns as arrays of polars, and from there Parquet, by the writer of polars.
//!
//! A crate of its own, so that an edit of the rest is built and tested without polars. Data frames, and what computes with them, are not
//! built: nothing here asks anything of a table.
//!
//! ```text
//! [Column] --array--> Array --zstd--> Parquet
//! ```

#![deny(unsafe_code, missing_docs, rustdoc::broken_intra_doc_links)]

use std::io::Write;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use polars_arrow::array::{Array, BooleanArray, ListArray, MutablePlString, PrimitiveArray};
use polars_arrow::datatypes::{ArrowDataType, ArrowSchema, Field, TimeUnit};
use polars_arrow::offset::OffsetsBuffer;
use polars_error::PolarsError;
use polars_parquet::write::{
    CompressedPage, CompressionOptions, DynIter, DynStreamingIterator, FileWriter, Page, ParquetType,
    StatisticsOptions, Version, WriteOptions, array_to_columns, compress, fallible_streaming_iterator,
    get_dtype_encoding,
};

/// A named column, whose cells are lent.
#[derive(Clone, Copy, Debug)]
pub struct Column<'a> {
    /// Its name: of one table, no two are the same.
    pub name: &'a str,
    /// Its cells, top to bottom.
    pub cells: Cells<'a>,
}

/// The cells of a column.
#[derive(Clone, Copy, Debug)]
pub enum Cells<'a> {
    /// Figures: `UInt64` without nulls.
    Figures(&'a [u64]),
    /// Properties that may be unknown: `UInt64`.
    Numbers(&'a [Option<u64>]),
    /// Text: `String` without nulls, the first of each row, empty where there is none.
    Text(Lists<'a>),
    /// Several texts: `List(String)`.
    Texts(Lists<'a>),
    /// Times in UTC, in nanoseconds since 1970: `Datetime`.
    Times(&'a [Option<i64>]),
    /// Yes or no: `Boolean` without nulls.
    Bools(&'a [bool]),
}

/// Lists of texts, one a row, in one buffer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lists<'a> {
    /// Every text, and whatever stands between them.
    pub buffer: &'a str,
    /// The place of each text in it; one that is outside of it, or cuts a character, is an empty text.
    pub places: &'a [Range<usize>],
    /// How many texts there are up to the end of each row, ascending.
    pub rows: &'a [usize],
}

impl<'a> Lists<'a> {
    /// The texts of each row.
    fn iter(self) -> impl Iterator<Item = impl Iterator<Item = &'a str>> {
        self.rows.iter().scan(0, move |first, &end| {
            let places = self.places.get(std::mem::replace(first, end)..end).unwrap_or_default();
            Some(places.iter().map(move |place| self.buffer.get(place.clone()).unwrap_or_default()))
        })
    }
}

/// Why a table could not be written.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct TableError(#[from] PolarsError);

/// Writes `columns`, all of one height, as Parquet with their types, compressed with zstd. Equal columns give equal bytes.
///
/// ```
/// use peerproof_table::{Cells, Column, write_parquet};
///
/// let mut parquet = Vec::new();
/// write_parquet([Column { name: "served", cells: Cells::Figures(&[370_848, 180_224]) }], &mut parquet)?;
/// assert!(parquet.starts_with(b"PAR1"));
/// # Ok::<(), peerproof_table::TableError>(())
/// ```
///
/// # Errors
/// Columns of different heights or of one name; and whatever `out` reports.
pub fn write_parquet<'a>(
    columns: impl IntoIterator<Item = Column<'a>>,
    out: &mut impl Write,
) -> Result<(), TableError> {
    let mut parts = Parts::new(out);
    parts.add(columns)?;
    parts.end()
}

/// A Parquet file of which the rows come part by part, so that not all of them are in memory: each part is a group of rows.
pub struct Parts<W: Write> {
    state: State<W>,
}

enum State<W: Write> {
    /// Nothing came yet.
    Empty(W),
    /// Parts of one schema.
    Begun(Box<Begun<W>>),
    /// A part could not be written.
    Failed,
}

struct Begun<W: Write> {
    schema: ArrowSchema,
    file: FileWriter<W>,
}

impl<W: Write> Parts<W> {
    /// An empty file.
    pub fn new(out: W) -> Self {
        Self { state: State::Empty(out) }
    }

    /// Adds rows; the names and types of their columns are those of the first part.
    ///
    /// # Errors
    /// Those of [`write_parquet`].
    pub fn add<'a>(&mut self, columns: impl IntoIterator<Item = Column<'a>>) -> Result<(), TableError> {
        let columns: Vec<(Field, Box<dyn Array>)> = columns.into_iter().map(array).collect::<Result<_, _>>()?;
        let (fields, arrays): (Vec<Field>, Vec<Box<dyn Array>>) = columns.into_iter().unzip();
        let schema = ArrowSchema::from_iter_check_duplicates(fields)?;
        let mut begun = match std::mem::replace(&mut self.state, State::Failed) {
            State::Empty(out) => {
                Box::new(Begun { file: FileWriter::try_new(out, schema.clone(), OPTIONS)?, schema })
            }
            State::Begun(begun) if begun.schema == schema => begun,
            State::Begun(_) => return Err(PolarsError::SchemaMismatch("a part has other columns".into()).into()),
            State::Failed => return Ok(()),
        };
        begun.group(&arrays)?;
        self.state = State::Begun(begun);
        Ok(())
    }

    /// Ends the file; without a part it stays empty, and is none.
    ///
    /// # Errors
    /// Whatever the output reports.
    pub fn end(self) -> Result<(), TableError> {
        if let State::Begun(mut begun) = self.state {
            begun.file.end(None)?;
        }
        Ok(())
    }
}

impl<W: Write> Begun<W> {
    /// Writes rows as one group; none are no group.
    fn group(&mut self, arrays: &[Box<dyn Array>]) -> Result<(), PolarsError> {
        let rows = arrays.first().map_or(0, |array| array.len());
        if arrays.iter().any(|array| array.len() != rows) {
            return Err(PolarsError::ShapeMismatch("columns of different heights".into()));
        }
        if rows == 0 {
            return Ok(());
        }
        let leaves = compressed(arrays, self.file.parquet_schema().fields())?;
        let pages = leaves
            .iter()
            .map(|pages| Ok(DynStreamingIterator::new(fallible_streaming_iterator::convert(pages.iter().map(Ok)))));
        self.file.write(rows as u64, DynIter::new(pages))
    }
}

/// The pages of every column, on all cores, in the order of the columns.
fn compressed(arrays: &[Box<dyn Array>], types: &[ParquetType]) -> Result<Vec<Vec<CompressedPage>>, PolarsError> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(arrays.len());
    let columns: Vec<(&dyn Array, &ParquetType)> = arrays.iter().map(|array| &**array).zip(types).collect();
    let next = AtomicUsize::new(0);
    let take = || {
        let at = next.fetch_add(1, Ordering::Relaxed);
        columns.get(at).map(|&(array, kind)| (at, pages(array, kind)))
    };
    let work = || std::iter::from_fn(take).collect::<Vec<_>>();
    let mut done = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut done = work();
        for other in others {
            done.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        done
    });
    done.sort_by_key(|(at, _)| *at);
    let columns: Result<Vec<Vec<Vec<CompressedPage>>>, PolarsError> =
        done.into_iter().map(|(_, pages)| pages).collect();
    Ok(columns?.into_iter().flatten().collect())
}

/// The pages of each leaf of a column.
fn pages(array: &dyn Array, kind: &ParquetType) -> Result<Vec<Vec<CompressedPage>>, PolarsError> {
    let leaves = array_to_columns(array, kind.clone(), OPTIONS, &get_dtype_encoding(array.dtype()))?;
    let leaf = |pages: DynIter<'static, Result<Page, PolarsError>>| {
        pages.map(|page| Ok(compress(page?, Vec::new(), OPTIONS.compression)?)).collect()
    };
    leaves.into_iter().map(leaf).collect()
}

/// A column with its type.
fn array(column: Column<'_>) -> Result<(Field, Box<dyn Array>), PolarsError> {
    let array: Box<dyn Array> = match column.cells {
        Cells::Figures(cells) => PrimitiveArray::from_slice(cells).boxed(),
        Cells::Numbers(cells) => PrimitiveArray::from(cells).boxed(),
        Cells::Text(cells) => {
            let mut texts = MutablePlString::with_capacity(cells.rows.len());
            cells.iter().for_each(|mut row| texts.push_value(row.next().unwrap_or_default()));
            texts.freeze().boxed()
        }
        Cells::Texts(cells) => {
            let mut texts = MutablePlString::with_capacity(cells.places.len());
            let mut ends = vec![0];
            for row in cells.iter() {
                row.for_each(|text| texts.push_value(text));
                ends.push(texts.len() as i64);
            }
            let kind = ArrowDataType::Utf8View.to_large_list(true);
            ListArray::try_new(kind, OffsetsBuffer::try_from(ends)?, texts.freeze().boxed(), None)?.boxed()
        }
        Cells::Times(cells) => {
            // Without a time zone, as the files of older cases.
            let kind = ArrowDataType::Timestamp(TimeUnit::Nanosecond, None);
            PrimitiveArray::from(cells).to(kind).boxed()
        }
        Cells::Bools(cells) => BooleanArray::from_slice(cells).boxed(),
    };
    Ok((Field::new(column.name.into(), array.dtype().clone(), true), array))
}

const OPTIONS: WriteOptions = WriteOptions {
    statistics: StatisticsOptions {
        min_value: true,
        max_value: true,
        distinct_count: false,
        null_count: true,
        binary_statistics_truncate_length: None,
    },
    version: Version::V1,
    compression: CompressionOptions::Zstd(None),
    data_page_size: None,
};

#[cfg(test)]
mod tests {
    use super::*;

    fn written(columns: &[Column<'_>]) -> Result<Vec<u8>, TableError> {
        let mut out = Vec::new();
        write_parquet(columns.iter().copied(), &mut out).map(|()| out)
    }

    #[test]
    fn equal_columns_give_equal_bytes_and_others_give_others() {
        let of =
            |cells: &[u64]| written(&[Column { name: "served", cells: Cells::Figures(cells) }]).expect("written");
        assert_eq!(of(&[1, 2]), of(&[1, 2]));
        assert_ne!(of(&[1, 2]), of(&[2, 1]));
    }

    #[test]
    fn parts_are_rows_of_one_file_and_an_empty_one_has_its_columns() {
        let of = |parts: &[&[u64]]| {
            let mut out = Vec::new();
            let mut parquet = Parts::new(&mut out);
            for part in parts {
                parquet.add([Column { name: "served", cells: Cells::Figures(part) }]).expect("added");
            }
            parquet.end().expect("written");
            out
        };
        let whole = of(&[&[1, 2, 3], &[4]]);
        assert!(whole.starts_with(b"PAR1") && whole.ends_with(b"PAR1") && whole == of(&[&[1, 2, 3], &[4]]));
        let empty = of(&[&[]]);
        assert!(empty.ends_with(b"PAR1") && empty.windows(6).any(|name| name == b"served"));
        assert!(of(&[]).is_empty());
        let mut parquet = Parts::new(Vec::new());
        parquet.add([Column { name: "served", cells: Cells::Figures(&[1]) }]).expect("added");
        assert!(
            parquet
                .add([Column { name: "lost", cells: Cells::Text(Lists { rows: &[0], ..Lists::default() }) }])
                .is_err()
        );
    }

    #[test]
    fn lists_are_cut_out_of_their_buffer_row_by_row() {
        let lists = Lists { buffer: "a; bc", places: &[0..1, 3..5, 9..10], rows: &[0, 2, 2, 3] };
        let rows: Vec<Vec<&str>> = lists.iter().map(Iterator::collect).collect();
        assert_eq!(rows, [vec![], vec!["a", "bc"], vec![], vec![""]]);
        assert!(written(&[Column { name: "lists", cells: Cells::Texts(lists) }]).is_ok());
    }

    #[test]
    fn a_column_without_cells_is_written_whatever_its_type() {
        for cells in [
            Cells::Figures(&[]),
            Cells::Numbers(&[]),
            Cells::Text(Lists::default()),
            Cells::Texts(Lists::default()),
            Cells::Times(&[]),
            Cells::Bools(&[]),
        ] {
            assert!(written(&[Column { name: "empty", cells }]).expect("written").ends_with(b"PAR1"));
        }
    }

    #[test]
    fn columns_of_different_heights_and_of_one_name_are_refused() {
        let column = |name, cells| Column { name, cells: Cells::Figures(cells) };
        assert!(written(&[column("served", &[1, 2]), column("lost", &[1])]).is_err());
        assert!(written(&[column("served", &[1]), column("served", &[1])]).is_err());
    }
}
