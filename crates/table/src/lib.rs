//! Typed columns as polars data frames, and from there Parquet.
//!
//! A crate of its own, so that an edit of the rest is built and tested without polars:
//!
//! ```text
//! [Column] --series--> DataFrame --zstd--> Parquet
//! ```

#![deny(unsafe_code, missing_docs, rustdoc::broken_intra_doc_links)]

use std::io::Write;
use std::ops::Range;

use polars::prelude::*;
use polars_io::parquet::write::{BatchedWriter, ParquetCompression, ParquetWriter};

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
    ParquetWriter::new(out).with_compression(ParquetCompression::Zstd(None)).finish(&mut frame(columns)?)?;
    Ok(())
}

/// A Parquet file of which the rows come part by part, so that not all of them are in memory: each part is a group of rows.
pub struct Parts<W: Write> {
    state: State<W>,
}

enum State<W: Write> {
    /// Nothing came yet.
    Empty(W),
    /// Parts of one schema.
    Begun(Box<BatchedWriter<W>>),
    /// A part could not be written.
    Failed,
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
        let frame = frame(columns)?;
        let mut writer = match std::mem::replace(&mut self.state, State::Failed) {
            State::Empty(out) => {
                let writer = ParquetWriter::new(out).with_compression(ParquetCompression::Zstd(None));
                Box::new(writer.batched(frame.schema())?)
            }
            State::Begun(writer) => writer,
            State::Failed => return Ok(()),
        };
        writer.write_batch(&frame)?;
        self.state = State::Begun(writer);
        Ok(())
    }

    /// Ends the file; without a part it stays empty, and is none.
    ///
    /// # Errors
    /// Whatever the output reports.
    pub fn end(self) -> Result<(), TableError> {
        if let State::Begun(writer) = self.state {
            writer.finish()?;
        }
        Ok(())
    }
}

fn frame<'a>(columns: impl IntoIterator<Item = Column<'a>>) -> Result<DataFrame, PolarsError> {
    let columns = columns.into_iter().map(series).map(|series| series.map(Into::into));
    DataFrame::new_infer_height(columns.collect::<Result<_, _>>()?)
}

/// A column with its type.
fn series(column: Column<'_>) -> Result<Series, PolarsError> {
    let name = column.name.into();
    Ok(match column.cells {
        Cells::Figures(cells) => Series::new(name, cells),
        Cells::Numbers(cells) => Series::new(name, cells),
        Cells::Text(cells) => {
            let mut texts = StringChunkedBuilder::new(name, cells.rows.len());
            cells.iter().for_each(|mut row| texts.append_value(row.next().unwrap_or_default()));
            texts.finish().into_series()
        }
        Cells::Texts(cells) => {
            let mut lists = ListStringChunkedBuilder::new(name, cells.rows.len(), cells.places.len());
            cells.iter().for_each(|texts| lists.append_values_iter(texts));
            lists.finish().into_series()
        }
        Cells::Times(cells) => {
            Series::new(name, cells).cast(&DataType::Datetime(TimeUnit::Nanoseconds, Some(TimeZone::UTC)))?
        }
        Cells::Bools(cells) => Series::new(name, cells),
    })
}

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
