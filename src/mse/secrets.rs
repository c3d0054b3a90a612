//! The Diffie-Hellman secrets that the user supplies.

use std::collections::{BTreeSet, HashMap};

use data_encoding::HEXLOWER_PERMISSIVE;
use sha2::{Digest, Sha256};

use super::KEY_LEN;
use super::keys;
use crate::Error;

/// Shared secrets S of MSE connections, as `scripts/mse-secrets` records them.
#[derive(Clone, Default)]
pub struct Secrets {
    secrets: Vec<[u8; KEY_LEN]>,
    /// The line of each secret, from 1.
    lines: Vec<usize>,
    /// HASH('req1', S) of each secret. Only looked up, never walked.
    req1: HashMap<[u8; 20], usize>,
}

impl Secrets {
    /// Reads one secret of 96 bytes per line, as 192 hexadecimal digits in either case.
    ///
    /// Blank lines, and everything from `#` to the end of a line, are left out; a line may end as on any system. A
    /// secret that stands there twice counts once.
    ///
    /// # Errors
    /// [`Error::Malformed`] with the byte offset of the first line that holds anything else, or without any secret.
    pub fn parse(name: &str, text: &[u8]) -> Result<Self, Error> {
        let mut secrets = Self::default();
        let mut offset = 0;
        for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
            let content = line.split(|byte| *byte == b'#').next().unwrap_or_default();
            let digits = content.trim_ascii();
            if !digits.is_empty() {
                let indent = content.len() - content.trim_ascii_start().len();
                let secret = decode(digits).map_err(|(at, found)| Error::Malformed {
                    name: name.to_owned(),
                    offset: (offset + indent + at) as u64,
                    found: format!("{found} in line {}", index + 1),
                    expected: EXPECTED.to_owned(),
                })?;
                secrets.add(secret, index + 1);
            }
            offset += line.len() + 1;
        }
        if secrets.is_empty() {
            let found = if text.is_empty() { "an empty file" } else { "no secret" };
            let (name, offset) = (name.to_owned(), text.len() as u64);
            return Err(Error::Malformed { name, offset, found: found.to_owned(), expected: EXPECTED.to_owned() });
        }
        Ok(secrets)
    }

    /// SHA-256 of each, in their order.
    pub fn digests(&self) -> Vec<[u8; 32]> {
        self.secrets.iter().map(|secret| Sha256::digest(secret).into()).collect()
    }

    fn add(&mut self, secret: [u8; KEY_LEN], line: usize) {
        let index = self.secrets.len();
        let hash = keys::sha1(&[b"req1", &secret]);
        if let std::collections::hash_map::Entry::Vacant(entry) = self.req1.entry(hash) {
            entry.insert(index);
            self.secrets.push(secret);
            self.lines.push(line);
        }
    }

    /// How many different secrets there are.
    pub fn len(&self) -> usize {
        self.secrets.len()
    }

    /// Returns true if no secret was given.
    pub fn is_empty(&self) -> bool {
        self.secrets.is_empty()
    }

    /// The line of the file, from 1, in which the secret with this index stands.
    pub fn line(&self, secret: usize) -> Option<usize> {
        self.lines.get(secret).copied()
    }

    /// The indices of the secrets that are not in `used` (see [`super::MseFilter::secret`]), ascending.
    pub fn unused<'a>(&'a self, used: &'a BTreeSet<usize>) -> impl Iterator<Item = usize> + 'a {
        (0..self.secrets.len()).filter(|secret| !used.contains(secret))
    }

    /// The secret with this index.
    pub(super) fn secret(&self, index: usize) -> Option<&[u8; KEY_LEN]> {
        self.secrets.get(index)
    }

    /// The secret whose HASH('req1', S) this is.
    pub(super) fn find(&self, req1: &[u8; 20]) -> Option<usize> {
        self.req1.get(req1).copied()
    }
}

/// Says how many there are: secrets do not belong into logs.
impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secrets({})", self.secrets.len())
    }
}

/// The bytes that `digits` write, or the place of the first fault and what stands there.
fn decode(digits: &[u8]) -> Result<[u8; KEY_LEN], (usize, String)> {
    if let Some(at) = digits.iter().position(|digit| !digit.is_ascii_hexdigit()) {
        let found = digits.get(at).map_or_else(String::new, |byte| format!("`{}`", byte.escape_ascii()));
        return Err((at, found));
    }
    if digits.len() != 2 * KEY_LEN {
        return Err((0, format!("{} hexadecimal digits", digits.len())));
    }
    let mut secret = [0; KEY_LEN];
    HEXLOWER_PERMISSIVE
        .decode_mut(digits, &mut secret)
        .map_err(|fault| (fault.error.position, "no digit".to_owned()))?;
    Ok(secret)
}

const EXPECTED: &str = "192 hexadecimal digits: one Diffie-Hellman secret";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_blank_lines_are_left_out_and_doubles_count_once() {
        let (a, b) = ("aB".repeat(96), "01".repeat(96));
        let text = format!("# recorded today\n\n {a}  # first\r\n{b}\n{}\n", a.to_uppercase());
        let secrets = Secrets::parse("s", text.as_bytes()).expect("well formed");
        assert_eq!((secrets.len(), secrets.line(0), secrets.line(1)), (2, Some(3), Some(4)));
        assert_eq!(secrets.secret(0), Some(&[0xab; 96]));
        assert_eq!(secrets.find(&keys::sha1(&[b"req1", &[1; 96]])), Some(1));
        assert_eq!(secrets.unused(&BTreeSet::from([0])).collect::<Vec<_>>(), [1]);
    }

    #[test]
    fn a_fault_is_named_with_its_place() {
        let fault = |text: &str| match Secrets::parse("s", text.as_bytes()) {
            Err(Error::Malformed { offset, found, .. }) => (offset, found),
            other => panic!("{other:?}"),
        };
        assert_eq!(fault("#\n  abcd\n"), (4, "4 hexadecimal digits in line 2".to_owned()));
        assert_eq!(fault(&format!("{}\nab-", "00".repeat(96))), (195, "`-` in line 2".to_owned()));
    }
}
