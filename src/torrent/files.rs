//! The files of a torrent, with names that are safe to print.

use crate::bencode::Value;

/// A file of a torrent.
///
/// # Invariants
/// - `offset + size` does not overflow and lies in the torrent's byte space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TorrentFile {
    /// Path below the torrent's directory (which is called [`name`](super::Torrent::name)), its components joined by
    /// `/`; of a single-file torrent its name. Safe to print: lossy UTF-8 without control characters, without empty,
    /// `.` or `..` components.
    pub path: String,
    /// The path for people: other paths always look otherwise. What `path` replaces is escaped here, `\u{..}` for a
    /// character and `\x{..}` for a byte that is no UTF-8, and a backslash is doubled.
    pub shown: String,
    /// Size in bytes.
    pub size: u64,
    /// True for padding (BEP 47): nobody's content.
    pub pad: bool,
    /// True if only the file's name says that it is padding: then it may be a file like any other, and not of
    /// zeros.
    pub pad_by_name: bool,
    /// Place of its first byte in the torrent's byte space.
    pub offset: u64,
    /// Root of its Merkle tree (BEP 52); `None` in a v1 torrent, for padding and for an empty file.
    pub pieces_root: Option<[u8; 32]>,
}

impl TorrentFile {
    /// Place of the byte behind its last one in the torrent's byte space.
    pub fn end(&self) -> u64 {
        self.offset.saturating_add(self.size)
    }
}

/// A path that is safe to print, of path components as written.
pub(super) fn display_path<'a>(components: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut path = String::new();
    for component in components {
        if !path.is_empty() {
            path.push('/');
        }
        path.push_str(&display_component(component));
    }
    path
}

/// A name that is safe to print: every byte or character that could act as anything but text becomes `_`.
pub(super) fn display_component(raw: &[u8]) -> String {
    let text = String::from_utf8_lossy(raw);
    match text.as_ref() {
        "" | "." => "_".to_owned(),
        ".." => "__".to_owned(),
        text => text.chars().map(|c| if acts(c) { '_' } else { c }).collect(),
    }
}

/// As [`display_path`], with what is not safe to print escaped instead of replaced: different paths stay different.
pub(crate) fn shown_path<'a>(components: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut path = String::new();
    for (index, component) in components.into_iter().enumerate() {
        if index > 0 {
            path.push('/');
        }
        match component {
            b"" => path.push_str("\\u{}"),
            b"." | b".." => component.iter().for_each(|_| path.push_str("\\u{2e}")),
            component => shown_component(component, &mut path),
        }
    }
    path
}

fn shown_component(raw: &[u8], path: &mut String) {
    for chunk in raw.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\\' => path.push_str("\\\\"),
                c if acts(c) => path.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
                c => path.push(c),
            }
        }
        chunk.invalid().iter().for_each(|byte| path.push_str(&format!("\\x{{{byte:x}}}")));
    }
}

/// Returns true if BEP 47's attribute says that the file is padding.
pub(super) fn is_pad(file: &Value<'_>) -> bool {
    file.find(b"attr").and_then(|attr| attr.bytes()).unwrap_or_default().contains(&b'p')
}

/// Returns true for a symbolic link (BEP 47), which has no bytes.
pub(super) fn is_link(file: &Value<'_>) -> bool {
    file.find(b"attr").and_then(|attr| attr.bytes()).unwrap_or_default().contains(&b'l')
}

/// Returns true if a file has a name that, by custom, only padding has.
pub(super) fn is_named_pad(components: &[&[u8]]) -> bool {
    matches!(components, [b".pad", number] if !number.is_empty() && number.iter().all(u8::is_ascii_digit))
        || components.last().is_some_and(|name| name.starts_with(LEGACY_PAD))
}

/// Returns true if a character separates paths, moves the cursor or changes the writing direction.
fn acts(c: char) -> bool {
    c == '/'
        || c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

// Rationale: BitComet wrote pad files under this name before BEP 47.
const LEGACY_PAD: &[u8] = b"_____padding_file_";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_their_directory_or_their_line() {
        let path = |components: &[&[u8]]| display_path(components.iter().copied());
        assert_eq!(path(&[b"a", b"b.txt"]), "a/b.txt");
        assert_eq!(path(&[b"..", b"", b".", b"etc/passwd"]), "__/_/_/etc_passwd");
        assert_eq!(path(&[b"a\x1b[31m\n\0"]), "a_[31m__");
        assert_eq!(path(&["cod\u{202e}exe.txt".as_bytes()]), "cod_exe.txt");
        assert_eq!(path(&[b"\xff"]), "\u{fffd}");
    }

    #[test]
    fn different_paths_look_different() {
        let paths: &[&[&[u8]]] = &[
            &[b"a", b"b.txt"],
            &[b"a/b.txt"],
            &[b"a_b.txt"],
            &[b"a\x1b"],
            &[b"a\x07"],
            &[b"a_"],
            &[b"a\\u{7}"],
            &[b"a\xff"],
            &[b"a\xfe"],
            &["a\u{fffd}".as_bytes()],
            &[b"a", b""],
            &[b"a"],
            &[b""],
            &[b"_"],
            &[b"."],
            &[b".."],
            &[b"__"],
        ];
        let shown: Vec<_> = paths.iter().map(|path| shown_path(path.iter().copied())).collect();
        let different: std::collections::BTreeSet<_> = shown.iter().collect();
        assert_eq!(different.len(), paths.len(), "{shown:?}");
        assert_eq!(shown[..4], ["a/b.txt", "a\\u{2f}b.txt", "a_b.txt", "a\\u{1b}"]);
        assert!(shown.iter().all(|path| !path.chars().any(|c| c.is_control())));
    }

    #[test]
    fn padding_is_known_by_attribute_or_by_name() {
        assert!(is_named_pad(&[b".pad", b"16384"]));
        assert!(!is_named_pad(&[b".pad", b"readme"]));
        assert!(is_named_pad(&[b"dir", b"_____padding_file_0_if you see this file"]));
        assert!(!is_pad(&Value::Dict(vec![])));
        let bounds = crate::bencode::Bounds::default();
        let attr = crate::bencode::parse(b"d4:attr2:xpe", &bounds).expect("valid");
        assert!(is_pad(&attr));
    }
}
