//! Content of a case: each file's name and bytes, made from one report.

#[cfg(feature = "table")]
use std::cell::RefCell;
use std::io::{self, BufWriter, Write};

use sha2::{Digest, Sha256};

use super::CaseError;
use super::covered::Covered;
use super::manifest::{Entry, manifest};
use crate::evidence;
use crate::report::{self, Document, Piece};

/// A torrent of a case: its info-hash in hex, and the bytes of its file.
pub type TorrentFile = (String, Vec<u8>);

/// The source of a case's table `pieces`.
#[derive(Clone, Copy, Debug)]
pub enum Pieces<'a> {
    /// Nothing is known of them but what the report itself has.
    None,
    /// Rows.
    Rows(&'a evidence::Pieces),
    /// The files of the case that the report was read from, by name, as they stand there.
    Files(&'a [(String, Vec<u8>)]),
}

/// The files of a case, each made when it is written: of a large report no two forms are in memory.
#[derive(Clone, Copy, Debug)]
pub struct CaseFiles<'d> {
    document: &'d Document,
    pieces: Pieces<'d>,
    torrents: &'d [TorrentFile],
    covered: Option<&'d Covered>,
}

/// Makes the content of one file.
type Make<'m> = &'m dyn Fn(&mut dyn Write) -> Result<(), Box<dyn std::error::Error + Send + Sync>>;

impl<'d> CaseFiles<'d> {
    /// The files of a report; `pieces` are what its figures are sums of, for the table of that name, `torrents` are those that
    /// it speaks of, `covered` is there but for a report that was read without it.
    pub fn of(
        document: &'d Document,
        pieces: Pieces<'d>,
        torrents: &'d [TorrentFile],
        covered: Option<&'d Covered>,
    ) -> Self {
        Self { document, pieces, torrents, covered }
    }

    /// The rows of the table of pieces, where it is made of rows.
    fn rows(&self) -> Option<Box<dyn Iterator<Item = Piece> + 'd>> {
        match (&self.document.pieces, self.pieces) {
            (Some(pieces), _) => Some(Box::new(pieces.iter().cloned())),
            (None, Pieces::Rows(pieces)) => Some(Box::new(pieces.iter())),
            (None, Pieces::None | Pieces::Files(_)) => None,
        }
    }

    /// Gives each file to `write`: its name, with `/` between a directory and a file of it, and what makes it. The manifest
    /// is the last one.
    ///
    /// # Errors
    /// Those of `write`; [`CaseError::Content`] when a form of the report cannot be made.
    pub(super) fn write(
        &self,
        mut write: impl FnMut(&str, &mut dyn FnMut(&mut dyn Write) -> Result<(), CaseError>) -> Result<(), CaseError>,
    ) -> Result<(), CaseError> {
        let mut outputs = Vec::new();
        let mut file = |name: &str, make: Make<'_>| {
            write(name, &mut |out| {
                let mut out = Summed { out, bytes: 0, hash: Sha256::new() };
                // Cells come one by one: they are hashed many at a time.
                let mut cells = BufWriter::with_capacity(WRITTEN_BYTES, &mut out);
                let made = make(&mut cells).and_then(|()| Ok(cells.flush()?));
                drop(cells);
                made.map_err(|source| match source.downcast::<io::Error>() {
                    Ok(source) => CaseError::Io { action: "write", path: name.into(), source: *source },
                    Err(source) => CaseError::Content { name: name.to_owned(), source },
                })?;
                outputs.push(Entry::of(name, out.bytes, &out.hash.finalize()));
                Ok(())
            })
        };
        let document = self.document;
        file(REPORT, &|out| Ok(document.write_json(out)?))?;
        file("report.txt", &|out| {
            Ok(out.write_all(report::terminal(document, &report::Screen::report_txt()).as_bytes())?)
        })?;
        file("report.html", &|out| Ok(out.write_all(report::page(document)?.as_bytes())?))?;
        for kind in report::TABLES {
            // Those alone may be more than there is room for at once.
            if kind.name == "pieces" && self.rows().is_some() {
                let parts = || report::pieces_parts(self.rows().into_iter().flatten());
                #[cfg(not(feature = "table"))]
                file(PIECES[0], &|mut out| Ok(report::write_csv_parts(parts(), &mut out)?))?;
                #[cfg(feature = "table")]
                {
                    // In one pass: to make the rows takes longer than to write them. Compressed they take little room.
                    let mut bytes = Vec::new();
                    let parquet = RefCell::new(report::ParquetParts::new(&mut bytes));
                    let both = || parts().inspect(|table| parquet.borrow_mut().add(table));
                    file(PIECES[0], &|mut out| Ok(report::write_csv_parts(both(), &mut out)?))?;
                    let made = parquet.into_inner().end();
                    made.map_err(|source| CaseError::Content {
                        name: PIECES[1].to_owned(),
                        source: source.into(),
                    })?;
                    file(PIECES[1], &|out| Ok(out.write_all(&bytes)?))?;
                }
                continue;
            }
            let Some(table) = (kind.make)(document) else { continue };
            file(&format!("tables/{}.csv", kind.name), &|mut out| Ok(report::write_csv(&table, &mut out)?))?;
            #[cfg(feature = "table")]
            file(&format!("tables/{}.parquet", kind.name), &|mut out| {
                Ok(report::write_parquet(&table, &mut out)?)
            })?;
        }
        if let Pieces::Files(pieces) = self.pieces {
            for (name, bytes) in pieces {
                file(name, &|out| Ok(out.write_all(bytes)?))?;
            }
        }
        if let Some(covered) = self.covered {
            file(COVERAGE, &|out| Ok(covered.write(out)?))?;
        }
        for (info_hash, bytes) in self.torrents {
            file(&format!("torrents/{info_hash}.torrent"), &|out| Ok(out.write_all(bytes)?))?;
        }
        outputs.sort_by(|one, other| one.name.cmp(&other.name));
        let manifest = manifest(document, outputs)
            .map_err(|source| CaseError::Content { name: MANIFEST.to_owned(), source: source.into() })?;
        write(MANIFEST, &mut |out| {
            let io = |source| CaseError::Io { action: "write", path: MANIFEST.into(), source };
            out.write_all(manifest.as_bytes()).map_err(io)
        })
    }
}

// Rationale: many lines; less than a cache holds.
const WRITTEN_BYTES: usize = 1 << 16;

/// Counts and hashes what is written on.
struct Summed<'o> {
    out: &'o mut dyn Write,
    bytes: u64,
    hash: Sha256,
}

impl Write for Summed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.bytes += written as u64;
        self.hash.update(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

pub(super) const REPORT: &str = "report.json";
pub(super) const MANIFEST: &str = "manifest.json";
pub(super) const COVERAGE: &str = "coverage.json";
pub(super) const PIECES: [&str; 2] = ["tables/pieces.csv", "tables/pieces.parquet"];
pub(super) const NAMES: [&str; 5] = [REPORT, MANIFEST, COVERAGE, "report.txt", "report.html"];
pub(super) const TABLES: [&str; 12] = [
    "transfers",
    "subjects",
    "torrents",
    "inputs",
    "anomalies",
    "opaque",
    "mentions",
    "swarms",
    "files",
    "hosts",
    "operators",
    "pieces",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{fixture, tables};

    #[test]
    fn every_table_is_known_by_name() {
        let document = Document { pieces: Some(Vec::new()), ..fixture::document() };
        let names: Vec<_> = tables(&document).iter().map(|table| table.name).collect();
        assert_eq!(names, TABLES);
        assert_eq!(names, report::TABLES.map(|table| table.name));
    }

    #[test]
    fn the_manifest_names_every_other_file_and_no_clock_or_place() {
        let mut files = Vec::new();
        CaseFiles::of(&fixture::document(), Pieces::Rows(&evidence::Pieces::default()), &[], None)
            .write(|name, make| {
                let mut bytes = Vec::new();
                make(&mut bytes)?;
                files.push((name.to_owned(), bytes));
                Ok(())
            })
            .expect("made");
        let (name, manifest) = files.pop().expect("files");
        assert_eq!(name, MANIFEST);
        let manifest: serde_json::Value = serde_json::from_slice(&manifest).expect("JSON");
        let keys: Vec<_> = manifest.as_object().expect("an object").keys().map(String::as_str).collect();
        assert_eq!(keys, ["inputs", "options", "outputs", "report_schema", "schema", "tool"]);
        files.sort();
        let outputs = manifest["outputs"].as_array().expect("outputs");
        assert_eq!(outputs.len(), files.len());
        for (output, (name, bytes)) in outputs.iter().zip(&files) {
            assert_eq!((&output["name"], &output["bytes"]), (&name.as_str().into(), &bytes.len().into()));
            assert_eq!(output["sha256"], crate::report::hex(&Sha256::digest(bytes)));
        }
    }
}
