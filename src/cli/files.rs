//! New captures as results, once for every command that writes one.

use std::path::Path;

use peerproof::cut::Format;
use peerproof::stages::output::NewFile;

use super::refusal::{Refusal, reason};

/// A file beside its place, where nothing may be.
pub fn new_file(path: &Path) -> anyhow::Result<NewFile> {
    if path.symlink_metadata().is_ok() {
        return Err(taken(path));
    }
    NewFile::empty_beside(path).map_err(|error| anyhow::anyhow!("{}: {}", path.display(), reason(&error)))
}

/// Moves it there.
pub fn put(file: NewFile, path: &Path) -> anyhow::Result<()> {
    file.put().map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => taken(path),
        _ => anyhow::anyhow!("{}: {}", path.display(), reason(&error)),
    })
}

fn taken(path: &Path) -> anyhow::Error {
    let what = format!("{} exists, nothing was done", path.display());
    Refusal { what, instead: "-o elsewhere".to_owned() }.into()
}

/// The format that a name asks for.
pub fn format_of(path: &Path) -> Format {
    if path.extension().is_some_and(|end| end.eq_ignore_ascii_case("pcap")) { Format::Pcap } else { Format::PcapNg }
}
