//! The views of a case made again from its report.json, so that none of them says anything else.

use std::fs;
use std::io::Write;
use std::path::Path;

use serde_json::Value;

use super::content::{CaseFiles, MANIFEST, PIECES, Pieces};
use super::{CaseError, OpenError, Opened};

/// The views of a case, beside those that its report.json makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remade {
    /// All of so many are the same, byte for byte.
    Same(u64),
    /// The first that is another one.
    Differs(String),
    /// They were made by this other version, and not compared.
    Version(String),
}

/// Makes report.json, report.txt, report.html and the tables of the case at `path` again, and compares them; of the manifest all but
/// the list of files, as builds with Parquet make more. Not among them are the table `pieces`, of which report.json tells sums
/// alone, coverage.json and the torrents.
///
/// # Errors
/// Those of [`Opened::read`], and of making the views.
pub fn remade(path: &Path) -> Result<Remade, RemakeError> {
    let document = Opened::read(path)?.document;
    if document.tool.version != env!("CARGO_PKG_VERSION") {
        return Ok(Remade::Version(document.tool.version));
    }
    let content = CaseFiles::of(&document, Pieces::None, &[], None);
    let (mut same, mut differs) = (0, None);
    content.write(|name, make| {
        if differs.is_some() || PIECES.contains(&name) {
            return make(&mut std::io::sink());
        }
        let mut bytes = Vec::new();
        make(&mut bytes as &mut dyn Write)?;
        let there = fs::read(path.join(name));
        if there.is_err() && name.ends_with(".parquet") {
            // Of a build without.
            return Ok(());
        }
        let is_same = |there: Vec<u8>| if name == MANIFEST { head(&there) == head(&bytes) } else { there == bytes };
        if there.is_ok_and(is_same) {
            same += 1;
        } else {
            differs = Some(name.to_owned());
        }
        Ok(())
    })?;
    Ok(differs.map_or(Remade::Same(same), Remade::Differs))
}

/// A manifest without its list of files.
fn head(manifest: &[u8]) -> Option<Value> {
    let mut manifest: Value = serde_json::from_slice(manifest).ok()?;
    manifest.as_object_mut()?.remove("outputs")?;
    Some(manifest)
}

/// Why the views of a case could not be made again.
#[derive(Debug, thiserror::Error)]
pub enum RemakeError {
    /// It cannot be read.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A view cannot be made of it.
    #[error(transparent)]
    Make(#[from] CaseError),
}
