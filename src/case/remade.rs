//! The views of a case made again from its report.json, so that none of them says anything else.

use std::fs;
use std::io::Write;
use std::path::Path;

use super::content::{COVERAGE, CaseFiles, PIECES, Pieces};
use super::manifest::digest;
use super::{CaseError, OpenError, Opened, pieces_of};

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

/// Makes report.json, report.txt, report.html and the tables of the case at `path` again, and compares them. Not among them are the
/// table `pieces`, of which report.json tells sums alone, and coverage.json.
///
/// # Errors
/// Those of [`Opened::read`], and of making the views.
pub fn remade(path: &Path) -> Result<Remade, RemakeError> {
    let Opened { document, torrents, covered } = Opened::read(path)?;
    if document.tool.version != env!("CARGO_PKG_VERSION") {
        return Ok(Remade::Version(document.tool.version));
    }
    let pieces = pieces_of(path)?;
    let content = CaseFiles::of(&document, Pieces::Files(&pieces), &torrents, covered.as_ref());
    let (mut same, mut differs) = (0, None);
    content.write(|name, make| {
        if differs.is_some() || PIECES.contains(&name) || name == COVERAGE {
            return make(&mut std::io::sink());
        }
        let mut bytes = Vec::new();
        make(&mut bytes as &mut dyn Write)?;
        let there = fs::read(path.join(name));
        if there.is_ok_and(|there| digest(&there) == digest(&bytes)) {
            same += 1;
        } else {
            differs = Some(name.to_owned());
        }
        Ok(())
    })?;
    Ok(differs.map_or(Remade::Same(same), Remade::Differs))
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
