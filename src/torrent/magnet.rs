//! Magnet links (BEP 9, BEP 52): `magnet:?xt=urn:btih:...&xt=urn:btmh:1220...&dn=...&tr=...`

use data_encoding::{BASE32_NOPAD, HEXLOWER_PERMISSIVE};

use super::{files::display_component, metainfo::Flaw};

/// The fields of a magnet link.
///
/// # Invariants
/// - At least one of the two hashes is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Magnet {
    /// `xt=urn:btih:`, from 40 hex digits or 32 base32 digits.
    pub info_hash_v1: Option<[u8; 20]>,
    /// `xt=urn:btmh:1220`, from 64 hex digits (a multihash: SHA-256, 32 bytes).
    pub info_hash_v2: Option<[u8; 32]>,
    /// `dn`, safe to print; empty where it is missing.
    pub name: String,
    /// `tr`, percent-decoded, in the order of the link.
    pub trackers: Vec<String>,
    /// `ws`, percent-decoded: webseeds (BEP 19), in the order of the link.
    pub webseeds: Vec<String>,
}

impl Magnet {
    /// Reads a link. Parameters other than those above are left alone.
    pub(super) fn parse(link: &[u8]) -> Result<Self, Flaw> {
        let Some(parameters) = strip_prefix(link, b"magnet:?") else {
            return Err(Flaw::new(0, "something else", "`magnet:?`"));
        };
        let mut magnet = Self::default();
        let mut offset = link.len() - parameters.len();
        for parameter in parameters.split(|byte| *byte == b'&') {
            let mut halves = parameter.splitn(2, |byte| *byte == b'=');
            let (key, value) = (halves.next().unwrap_or_default(), halves.next().unwrap_or_default());
            let at = offset + parameter.len() - value.len();
            // `xt.1`, `tr.2` number repeated parameters.
            match key.split(|byte| *byte == b'.').next().unwrap_or_default() {
                b"xt" => magnet.topic(&decode(value, at)?, at)?,
                b"dn" if magnet.name.is_empty() => magnet.name = display_component(&decode(value, at)?),
                b"tr" => magnet.trackers.push(String::from_utf8_lossy(&decode(value, at)?).into_owned()),
                b"ws" => magnet.webseeds.push(String::from_utf8_lossy(&decode(value, at)?).into_owned()),
                _ => {}
            }
            offset += parameter.len() + 1;
        }
        if magnet.info_hash_v1.is_none() && magnet.info_hash_v2.is_none() {
            return Err(Flaw::new(link.len(), "no info-hash", "`xt=urn:btih:` or `xt=urn:btmh:`"));
        }
        Ok(magnet)
    }

    fn topic(&mut self, topic: &[u8], at: usize) -> Result<(), Flaw> {
        if let Some(digits) = strip_prefix(topic, b"urn:btih:") {
            let hash = hex(digits).or_else(|| base32(digits));
            let expected = "an info-hash of 40 hex or 32 base32 digits";
            same(&mut self.info_hash_v1, hash.ok_or_else(|| refused(digits, at, expected))?, at)
        } else if let Some(digits) = strip_prefix(topic, b"urn:btmh:") {
            let hash = digits.strip_prefix(b"1220").and_then(hex);
            let expected = "1220 and an info-hash of 64 hex digits";
            same(&mut self.info_hash_v2, hash.ok_or_else(|| refused(digits, at, expected))?, at)
        } else {
            Ok(())
        }
    }
}

/// Returns true if the bytes are meant as a magnet link.
pub(super) fn is_magnet(bytes: &[u8]) -> bool {
    strip_prefix(bytes, b"magnet:").is_some()
}

fn same<const N: usize>(slot: &mut Option<[u8; N]>, hash: [u8; N], at: usize) -> Result<(), Flaw> {
    match slot.replace(hash) {
        Some(before) if before != hash => Err(Flaw::new(at, "a second info-hash", "one torrent per link")),
        _ => Ok(()),
    }
}

fn refused(digits: &[u8], at: usize, expected: &str) -> Flaw {
    Flaw::new(at, format!("{} digits or signs: `{}`", digits.len(), display_component(digits)), expected)
}

/// `text` without `prefix`, whose case does not matter.
fn strip_prefix<'a>(text: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// Percent-decodes (RFC 3986, section 2.1), with `+` for a space.
fn decode(value: &[u8], at: usize) -> Result<Vec<u8>, Flaw> {
    let mut offset = at;
    for (n, behind) in value.split(|byte| *byte == b'%').enumerate() {
        let digits = behind.get(..2).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        if n > 0 && digits.is_none() {
            return Err(Flaw::new(offset - 1, "`%`", "two hex digits behind `%`"));
        }
        offset += behind.len() + 1;
    }
    let spaced: Vec<u8> = value.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    Ok(percent_encoding::percent_decode(&spaced).collect())
}

fn hex<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    HEXLOWER_PERMISSIVE.decode(digits).ok()?.try_into().ok()
}

/// RFC 4648, section 6, in either case; 32 digits are exactly 20 bytes.
fn base32(digits: &[u8]) -> Option<[u8; 20]> {
    BASE32_NOPAD.decode(&digits.to_ascii_uppercase()).ok()?.try_into().ok()
}

/// The link that a bare info-hash stands for: of v1 40 hex or 32 base32 digits, of v2 64 hex digits, or 68 that begin
/// with 1220 (a multihash).
pub(super) fn link_of(info_hash: &str) -> Option<String> {
    let is_hex = info_hash.bytes().all(|digit| digit.is_ascii_hexdigit());
    match info_hash.len() {
        40 if is_hex => Some(format!("magnet:?xt=urn:btih:{info_hash}")),
        32 => base32(info_hash.as_bytes()).map(|_| format!("magnet:?xt=urn:btih:{info_hash}")),
        64 if is_hex => Some(format!("magnet:?xt=urn:btmh:1220{info_hash}")),
        68 if is_hex && info_hash.starts_with("1220") => Some(format!("magnet:?xt=urn:btmh:{info_hash}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::Error;

    const V1: &str = "286c5c2991d434fe4378f4fb9a7aea181868dc17";
    const V2: &str = "97d6334cafd1ba86defe909f7fff7d2f6bcfdd84db4dea4359dfff9dc41db379";

    fn parse(link: &str) -> Result<Magnet, (u64, String)> {
        Magnet::parse(link.as_bytes()).map_err(|flaw| match flaw.at("m") {
            Error::Malformed { offset, found, .. } => (offset, found),
            other => (0, other.to_string()),
        })
    }

    #[test]
    fn hex_base32_and_both_versions_are_read() {
        let magnet = parse(&format!("magnet:?xt=urn:btih:{V1}&dn=a%20b+c%2F&tr=udp%3A%2F%2Ft%3A1&x.pe=1.2.3.4:5"));
        let magnet = magnet.expect("valid");
        assert_eq!(magnet.info_hash_v1, Some(sample::hex(V1)));
        assert_eq!((magnet.name.as_str(), magnet.trackers.as_slice()), ("a b c_", &["udp://t:1".to_owned()][..]));
        // base32 of the same hash, by Python's base64.b32encode.
        let base32 = parse("MAGNET:?xt.1=urn:BTIH:FBWFYKMR2Q2P4Q3Y6T5ZU6XKDAMGRXAX").expect("valid");
        assert_eq!(base32.info_hash_v1, Some(sample::hex(V1)));
        let both = parse(&format!("magnet:?xt=urn:btih:{V1}&xt=urn:btmh:1220{V2}")).expect("valid");
        assert_eq!((both.info_hash_v1, both.info_hash_v2), (Some(sample::hex(V1)), Some(sample::hex(V2))));
    }

    #[test]
    fn a_bare_info_hash_is_the_link_that_names_it() {
        let base32 = "fbwfykmr2q2p4q3y6t5zu6xkdamgrxax";
        for bare in [V1, &V1.to_uppercase(), base32, &base32.to_uppercase()] {
            let magnet = parse(&link_of(bare).expect("an info-hash")).expect("valid");
            assert_eq!((magnet.info_hash_v1, magnet.info_hash_v2), (Some(sample::hex(V1)), None), "{bare}");
        }
        for bare in [V2.to_owned(), format!("1220{V2}")] {
            let magnet = parse(&link_of(&bare).expect("an info-hash")).expect("valid");
            assert_eq!((magnet.info_hash_v1, magnet.info_hash_v2), (None, Some(sample::hex(V2))), "{bare}");
        }
        for other in ["", &V1[1..], &format!("{V1}0"), &format!("1114{V2}"), &base32.replace('f', "1"), "a.torrent"]
        {
            assert_eq!(link_of(other), None, "{other}");
        }
    }

    #[test]
    fn errors_name_the_place() {
        assert_eq!(parse("magnet:?dn=x").expect_err("no hash").0, 12);
        assert_eq!(parse("magnet:?dn=x&xt=urn:btih:12").expect_err("short").0, 16);
        assert_eq!(parse(&format!("magnet:?xt=urn:btmh:1114{V2}")).expect_err("not SHA-256").0, 11);
        assert_eq!(parse("magnet:?dn=a%2").expect_err("cut").0, 12);
        assert_eq!(parse("http://x").expect_err("no magnet").0, 0);
        let other = "0".repeat(40);
        assert_eq!(parse(&format!("magnet:?xt=urn:btih:{V1}&xt=urn:btih:{other}")).expect_err("two").0, 64);
    }
}
