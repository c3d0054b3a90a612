//! Keys of pseudonyms as arguments.

use std::path::Path;

use peerproof::pseudonym::Key;

use super::refusal::{Refusal, reason};

/// Reads a key from a file.
///
/// # Errors
/// A [`Refusal`] for what is no key.
pub fn read(path: &Path) -> anyhow::Result<Key> {
    let refused = |why: String| Refusal {
        what: format!("{}: {why}", path.display()),
        instead: "openssl rand -hex 32 > KEYFILE".to_owned(),
    };
    let text = std::fs::read_to_string(path).map_err(|error| refused(reason(&error)))?;
    Ok(Key::read(&text).map_err(|error| refused(error.to_string()))?)
}
