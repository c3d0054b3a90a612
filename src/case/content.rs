//! What stands in a case: each file's name and bytes, made from one report.

use std::collections::BTreeMap;

use super::CaseError;
use super::covered::Covered;
use super::manifest::manifest;
use crate::report::{self, Document, Piece};

/// A torrent of a case: its info-hash in hex, and the bytes of its file.
pub type TorrentFile = (String, Vec<u8>);

/// What the table `pieces` of a case is made of.
#[derive(Clone, Copy, Debug)]
pub enum Pieces<'a> {
    /// Nothing is known of them but what the report itself has.
    None,
    /// Rows.
    Rows(&'a [Piece]),
    /// The files of the case that the report was read from, by name, as they stand there.
    Files(&'a [(String, Vec<u8>)]),
}

/// The files of a case.
#[derive(Clone, Debug)]
pub struct Content {
    /// By name, with `/` between a directory and a file of it.
    files: BTreeMap<String, Vec<u8>>,
}

impl Content {
    /// The files of a report; `pieces` are what its figures are sums of, for the table of that name, `torrents` are those that
    /// it speaks of, `covered` is there but for a report that was read without it.
    ///
    /// # Errors
    /// [`CaseError::Content`] when a form of the report cannot be made.
    pub fn of(
        document: &Document,
        pieces: Pieces<'_>,
        torrents: &[TorrentFile],
        covered: Option<&Covered>,
    ) -> Result<Self, CaseError> {
        let failed = |name: &str, source: Box<dyn std::error::Error + Send + Sync>| CaseError::Content {
            name: name.to_owned(),
            source,
        };
        let mut files = BTreeMap::new();
        let json = document.json().map_err(|source| failed(REPORT, source.into()))?;
        files.insert(REPORT.to_owned(), json.into_bytes());
        files.insert(
            "report.txt".to_owned(),
            report::terminal(document, &report::Screen::report_txt()).into_bytes(),
        );
        let page = report::page(document).map_err(|source| failed("report.html", source.into()))?;
        files.insert("report.html".to_owned(), page.into_bytes());
        #[cfg(feature = "table")]
        for table in report::tables(document).into_iter().chain(match pieces {
            Pieces::Rows(pieces) if document.pieces.is_none() => Some(report::pieces_table(pieces)),
            Pieces::None | Pieces::Rows(_) | Pieces::Files(_) => None,
        }) {
            let (mut csv, mut parquet) = (Vec::new(), Vec::new());
            report::write_csv(&table, &mut csv)
                .and_then(|()| report::write_parquet(&table, &mut parquet))
                .map_err(|source| failed(table.name, source.into()))?;
            files.insert(format!("tables/{}.csv", table.name), csv);
            files.insert(format!("tables/{}.parquet", table.name), parquet);
        }
        if let Pieces::Files(pieces) = pieces {
            pieces.iter().for_each(|(name, bytes)| _ = files.insert(name.clone(), bytes.clone()));
        }
        if let Some(covered) = covered {
            let json = covered.json().map_err(|source| failed(COVERAGE, source.into()))?;
            files.insert(COVERAGE.to_owned(), json);
        }
        for (info_hash, bytes) in torrents {
            files.insert(format!("torrents/{info_hash}.torrent"), bytes.clone());
        }
        let manifest = manifest(document, &files).map_err(|source| failed(MANIFEST, source.into()))?;
        files.insert(MANIFEST.to_owned(), manifest.into_bytes());
        Ok(Self { files })
    }

    /// Each file, sorted by name.
    pub fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
    }
}

pub(super) const REPORT: &str = "report.json";
pub(super) const MANIFEST: &str = "manifest.json";
pub(super) const COVERAGE: &str = "coverage.json";
pub(super) const PIECES: [&str; 2] = ["tables/pieces.csv", "tables/pieces.parquet"];
pub(super) const NAMES: [&str; 5] = [REPORT, MANIFEST, COVERAGE, "report.txt", "report.html"];
pub(super) const TABLES: [&str; 11] = [
    "transfers",
    "subjects",
    "torrents",
    "inputs",
    "anomalies",
    "opaque",
    "mentions",
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
    }

    #[test]
    fn the_manifest_names_every_other_file_and_no_clock_or_place() {
        let content = Content::of(&fixture::document(), Pieces::Rows(&[]), &[], None).expect("made");
        let (_, manifest) = content.files().find(|(name, _)| *name == MANIFEST).expect("a manifest");
        let manifest: serde_json::Value = serde_json::from_slice(manifest).expect("JSON");
        let outputs = manifest["outputs"].as_array().expect("outputs");
        assert_eq!(outputs.len() + 1, content.files().count());
        let keys: Vec<_> = manifest.as_object().expect("an object").keys().map(String::as_str).collect();
        assert_eq!(keys, ["inputs", "options", "outputs", "report_schema", "schema", "tool"]);
    }
}
