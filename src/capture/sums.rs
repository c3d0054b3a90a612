//! SHA-256 digests that are stated, not computed here: lists as `sha256sum` writes them.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::Error;

/// Digests of files, as a list states them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    name: String,
    /// By path, without `./` before it.
    paths: BTreeMap<String, [u8; 32]>,
    /// By name without directories; `None` where files of one name have different digests.
    names: BTreeMap<String, Option<[u8; 32]>>,
}

impl Sums {
    /// Reads a list: on each line 64 hexadecimal digits, a space, a space or an asterisk, and a path; or
    /// `SHA256 (path) = digits`. A backslash before it says that the path is escaped. Empty lines and those that begin
    /// with `#` are passed over. `name` is for messages.
    ///
    /// # Errors
    /// [`Error::Malformed`] for any other line, for a path with two different digests, and for a list of none.
    pub fn parse(name: &str, text: &[u8]) -> Result<Self, Error> {
        let (mut paths, mut names) = (BTreeMap::new(), BTreeMap::new());
        let (mut offset, mut number) = (0_u64, 0_u64);
        let malformed = |offset, found: String, expected: &str| Error::Malformed {
            name: name.to_owned(),
            offset,
            found,
            expected: expected.to_owned(),
        };
        for whole in text.split_inclusive(|byte| *byte == b'\n') {
            number += 1;
            let line = whole.strip_suffix(b"\n").unwrap_or(whole);
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if !line.is_empty() && !line.starts_with(b"#") {
                let start = line.get(..MOST_SHOWN).unwrap_or(line);
                let shown = || format!("\"{}\" on line {number}", start.escape_ascii());
                let stated = std::str::from_utf8(line).ok().and_then(stated);
                let (path, digest) = stated.ok_or_else(|| malformed(offset, shown(), LINE))?;
                if *paths.entry(plain(&path).to_owned()).or_insert(digest) != digest {
                    return Err(malformed(offset, shown(), "one digest for each path"));
                }
                match names.entry(file_name(&path).to_owned()) {
                    Entry::Vacant(entry) => _ = entry.insert(Some(digest)),
                    Entry::Occupied(mut entry) => *entry.get_mut() = entry.get().filter(|other| *other == digest),
                }
            }
            offset += whole.len() as u64;
        }
        if paths.is_empty() {
            return Err(malformed(0, "no digest".to_owned(), LINE));
        }
        Ok(Self { name: name.to_owned(), paths, names })
    }

    /// The digest of the file that the user gave as `given`, whose name without directories is `name`: that of the same
    /// path, or else of the same name, wherever the list has it.
    ///
    /// # Errors
    /// [`Error::Usage`] where several files of that name have different digests.
    pub(super) fn digest(&self, given: &str, name: &str) -> Result<Option<[u8; 32]>, Error> {
        match (self.paths.get(plain(given)), self.names.get(name)) {
            (Some(digest), _) => Ok(Some(*digest)),
            (None, Some(None)) => Err(Error::Usage(format!(
                "{} states different digests for files called {name}, and none for {given}",
                self.name
            ))),
            (None, stated) => Ok(stated.copied().flatten()),
        }
    }

    /// As it was given.
    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

fn plain(path: &str) -> &str {
    path.strip_prefix("./").unwrap_or(path)
}

fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

/// The path and the digest on a line.
fn stated(line: &str) -> Option<(String, [u8; 32])> {
    let (line, escaped) = match line.strip_prefix('\\') {
        Some(line) => (line, true),
        None => (line, false),
    };
    let (digest, path) = match line.strip_prefix("SHA256 (") {
        Some(tagged) => {
            let (path, digest) = tagged.rsplit_once(") = ")?;
            (digest, path)
        }
        None => {
            let (digest, path) = line.split_once(' ')?;
            (digest, path.strip_prefix([' ', '*'])?)
        }
    };
    let path = if escaped { unescaped(path)? } else { path.to_owned() };
    let (pairs, rest) = digest.as_bytes().as_chunks::<2>();
    let mut bytes = [0; 32];
    if !rest.is_empty() || pairs.len() != bytes.len() || path.is_empty() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(pairs) {
        let digit = |digit: u8| char::from(digit).to_digit(16);
        let [high, low] = pair.map(digit);
        *byte = u8::try_from(high? << 4 | low?).ok()?;
    }
    Some((path, bytes))
}

/// A path in which a backslash, a line feed and a carriage return are written as `\\`, `\n` and `\r`.
fn unescaped(path: &str) -> Option<String> {
    let mut plain = String::with_capacity(path.len());
    let mut chars = path.chars();
    while let Some(char) = chars.next() {
        plain.push(match char {
            '\\' => match chars.next()? {
                '\\' => '\\',
                'n' => '\n',
                'r' => '\r',
                _ => return None,
            },
            other => other,
        });
    }
    Some(plain)
}

// Rationale: a line is recognised by its beginning.
const MOST_SHOWN: usize = 80;
const LINE: &str = "64 hexadecimal digits, two spaces and a path, as sha256sum writes them";

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "0101010101010101010101010101010101010101010101010101010101010101";
    const TWO: &str = "0202020202020202020202020202020202020202020202020202020202020202";

    fn parsed(text: &str) -> Result<Sums, Error> {
        Sums::parse("SHA256SUMS", text.as_bytes())
    }

    #[test]
    fn a_digest_is_found_by_path_and_else_by_name() {
        let sums = parsed(&format!(
            "# of the ring\n{ONE}  ./a/one.pcap\r\n\n{TWO} *b/one.pcap\nSHA256 (two (1).pcap) = {TWO}\n\\{ONE}  x\\\\y\\n.pcap"
        ))
        .expect("a list");
        let digest = |given, name| sums.digest(given, name).map_err(|error| error.to_string());
        assert_eq!(digest("a/one.pcap", "one.pcap"), Ok(Some([1; 32])));
        assert_eq!(digest("./b/one.pcap", "one.pcap"), Ok(Some([2; 32])));
        assert_eq!(digest("elsewhere/two (1).pcap", "two (1).pcap"), Ok(Some([2; 32])));
        assert_eq!(digest("x\\y\n.pcap", "x\\y\n.pcap"), Ok(Some([1; 32])));
        assert_eq!(digest("three.pcap", "three.pcap"), Ok(None));
        let error = digest("c/one.pcap", "one.pcap").expect_err("which one?");
        assert!(error.contains("SHA256SUMS states different digests for files called one.pcap"), "{error}");
    }

    #[test]
    fn a_line_that_is_none_is_told_with_its_place() {
        for wrong in [
            &ONE[1..],
            ONE,
            &format!("{ONE} x"),
            &format!("{}g  x", &ONE[1..]),
            &format!("{ONE}00  x"),
            &format!("{ONE}  "),
            &format!("\\{ONE}  x\\y"),
            &format!("SHA1 (x) = {ONE}"),
            "\u{e9}",
        ] {
            let error = parsed(&format!("{TWO}  one\n{wrong}\n")).expect_err(wrong).to_string();
            assert!(
                error.starts_with("SHA256SUMS: at byte 70: found \"") && error.contains("on line 2"),
                "{error}"
            );
        }
        assert!(parsed("# nothing\n").expect_err("no line").to_string().contains("no digest"));
        assert!(Sums::parse("x", &[ONE.as_bytes(), b"  \xFF"].concat()).is_err());
        let error = parsed(&format!("{ONE}  x\n{ONE}  x\n{TWO}  x\n")).expect_err("two digests").to_string();
        assert!(error.contains("line 3") && error.contains("one digest for each path"), "{error}");
    }
}
