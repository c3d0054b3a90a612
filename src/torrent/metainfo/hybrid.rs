//! A hybrid torrent: both halves must describe the same files (BEP 52).

use super::{
    super::geometry::{Geometry, Layout},
    Flaw, Listed,
};

/// The layout of v1 with the roots of v2.
///
/// # Errors
/// The first file in which the halves differ in path or size, or that v1 does not put on a piece boundary.
pub(super) fn lay_out(mut v1: Vec<Listed<'_>>, v2: &[Listed<'_>], piece_length: u32) -> Result<Geometry, Flaw> {
    let mut tree = v2.iter();
    for file in v1.iter_mut().filter(|file| !file.pad) {
        let Some(twin) = tree.next() else {
            return Err(disagreement(file, "only in the v1 half"));
        };
        if file.components != twin.components {
            return Err(disagreement(file, &format!("where the v2 half has `{}`", twin.path())));
        }
        if file.size != twin.size {
            return Err(disagreement(file, &format!("of {} bytes in v1 and {} in v2", file.size, twin.size)));
        }
        file.pieces_root = twin.pieces_root;
    }
    if let Some(file) = tree.next() {
        return Err(disagreement(file, "only in the v2 half"));
    }
    let geometry = super::lay_out(&v1, piece_length, Layout::V1)?;
    let unit = u64::from(piece_length);
    for (file, listed) in geometry.files.iter().zip(&v1) {
        if file.pieces_root.is_some() && !file.offset.is_multiple_of(unit) {
            return Err(disagreement(listed, "not padded to a piece boundary in the v1 half"));
        }
    }
    let pieces: u64 = v2.iter().map(|file| file.size.div_ceil(unit)).sum();
    if pieces != u64::from(geometry.pieces) {
        let at = v1.first().map_or(0, |file| file.at);
        let found = format!("{} pieces in the v1 half", geometry.pieces);
        return Err(Flaw::new(at, found, format!("{pieces} as in the v2 half")));
    }
    Ok(geometry)
}

fn disagreement(file: &Listed<'_>, what: &str) -> Flaw {
    Flaw::new(file.at, format!("`{}` {what}", file.path()), "the same files in both halves of a hybrid torrent")
}
