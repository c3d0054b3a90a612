//! Parts among the captures of a command.

use std::path::{Path, PathBuf};

use peerproof::part::{Hashed, is_hashed, is_part};
use peerproof::stages::capture::PassedOver;
use peerproof::{CaptureSet, Gathered, Part, holds_parts};

use super::refusal::{Refusal, library};

/// Those of `paths` that are parts, or digests of parts.
///
/// # Errors
/// A [`Refusal`] for a directory that holds parts and is none.
pub fn among(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    if let Some(directory) = paths.iter().find(|path| holds_parts(path)) {
        let instead = format!("{}/*", shown(directory).trim_end_matches('/'));
        return Err(Refusal { what: format!("{} holds parts, and is none", shown(directory)), instead }.into());
    }
    Ok(paths.iter().filter(|path| is_part(path) || is_hashed(path)).cloned().collect())
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// Reads parts; those that cannot be read are named, and left out. Their captures are looked for in and below `places`, or
/// in the working directory.
pub fn gathered(paths: &[PathBuf], captures: Option<CaptureSet>, places: &[PathBuf]) -> Gathered {
    let here = || vec![PathBuf::from(".")];
    let places = if places.is_empty() { here() } else { places.to_vec() };
    let (parts, hashed, refused) = (Vec::new(), Vec::new(), Vec::new());
    let mut gathered = Gathered { parts, captures, places, hashed, refused };
    for path in paths {
        let opened = if is_hashed(path) {
            Hashed::open(path).map(|hashed| gathered.hashed.push(hashed))
        } else {
            Part::open(path).map(|part| gathered.parts.push(part))
        };
        match opened {
            Ok(()) => {}
            Err(error) => {
                let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
                // Of the path only what is inside of the part: a report names no directories.
                let said = library(&error);
                let found = said.strip_prefix(&format!("{}/", path.display())).unwrap_or(&said).to_owned();
                gathered.refused.push(PassedOver { name, found, broken: true });
            }
        }
    }
    gathered
}
