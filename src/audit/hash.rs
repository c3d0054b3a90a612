//! Hashes of notices: hex, base32, multihash, magnet links; and of what they are.

use super::claim::{Hash, HashKind};
use super::text::{trimmed, trimmed_ascii};

/// Of what a hash is, by the label that stands at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Label {
    /// An info-hash.
    Info,
    /// An info-hash or a file's: `SHA1`, `SHA-256`, `hash`, or nothing.
    Either,
    /// A file's.
    File(HashKind),
}

impl Label {
    /// The label as a notice writes it.
    pub(super) fn of(text: &str) -> Self {
        let plain: String =
            text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
        match plain.as_str() {
            "" | "sha1" | "sha256" | "hash" | "sha" => Self::Either,
            "md5" | "md5hash" => Self::File(HashKind::Md5),
            "ed2k" | "emule" | "edonkey" | "ed2khash" => Self::File(HashKind::Ed2k),
            "aich" => Self::File(HashKind::Aich),
            "tth" | "tigertree" | "tiger" => Self::File(HashKind::Tth),
            "filehash" | "file" | "urnsha1" | "filesha1" | "filesha256" | "dateihash" => Self::File(HashKind::File),
            info if info.contains("infohash")
                || info.contains("btih")
                || info.contains("btmh")
                || info.contains("magnet")
                || info == "torrenthash"
                || info == "bittorrent" =>
            {
                Self::Info
            }
            _ => Self::Either,
        }
    }
}

/// A hash that cannot be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BadHash;

/// The hashes in `text`: a magnet link may have two.
pub(super) fn parse(label: Label, text: &str) -> Result<Vec<Hash>, BadHash> {
    let text = trimmed_ascii(text).ok_or(BadHash)?;
    let lower = text.to_ascii_lowercase();
    if let Some(query) = lower.strip_prefix("magnet:") {
        let topics = query.trim_start_matches('?').split('&').filter_map(|pair| {
            let (key, value) = pair.split_once('=')?;
            (key == "xt" || key.starts_with("xt.")).then_some(value)
        });
        let hashes: Result<Vec<Hash>, BadHash> =
            topics.map(|topic| one(label, &topic.replace("%3a", ":"))).collect();
        return hashes.and_then(|hashes| if hashes.is_empty() { Err(BadHash) } else { Ok(hashes) });
    }
    one(label, &lower).map(|hash| vec![hash])
}

/// A private key of a notice may hold `HASH|SIZE`.
pub(super) fn hash_and_size(text: &str) -> Option<(String, u64)> {
    let (hash, size) = trimmed(text).split_once('|')?;
    let (hash, size) = (hash.trim(), size.trim().parse().ok()?);
    (matches!(hash.len(), 40 | 64) && hash.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .then(|| (hash.to_owned(), size))
}

fn one(label: Label, text: &str) -> Result<Hash, BadHash> {
    for (urn, label) in [
        ("urn:btih:", Label::Info),
        ("urn:btmh:", Label::Info),
        ("urn:sha1:", Label::File(HashKind::FileSha1)),
        ("urn:ed2k:", Label::File(HashKind::Ed2k)),
        ("urn:ed2khash:", Label::File(HashKind::Ed2k)),
        ("urn:md5:", Label::File(HashKind::Md5)),
        ("urn:aich:", Label::File(HashKind::Aich)),
        ("urn:tree:tiger:", Label::File(HashKind::Tth)),
        ("btih:", Label::Info),
        ("btmh:", Label::Info),
        ("sha1:", Label::Either),
        ("sha256:", Label::Either),
    ] {
        if let Some(value) = text.strip_prefix(urn) {
            return sized(label, value);
        }
    }
    sized(label, text)
}

/// The value by its length; never cut, never padded.
fn sized(label: Label, text: &str) -> Result<Hash, BadHash> {
    let hex = || data_encoding::HEXLOWER.decode(text.as_bytes()).ok();
    let base32 = || data_encoding::BASE32_NOPAD.decode(text.to_ascii_uppercase().as_bytes()).ok();
    let multihash =
        || text.strip_prefix("1220").and_then(|rest| data_encoding::HEXLOWER.decode(rest.as_bytes()).ok());
    let (value, kind) = match (label, text.len()) {
        (Label::Info, 40) => (hex(), HashKind::InfoV1),
        (Label::Info, 32) => (base32(), HashKind::InfoV1),
        (Label::Info, 64) => (hex(), HashKind::InfoV2),
        (Label::Info, 68) => (multihash(), HashKind::InfoV2),
        (Label::Either, 40 | 64) => (hex(), HashKind::Either),
        (Label::Either, 68) => (multihash(), HashKind::InfoV2),
        (Label::Either, 32) => match hex() {
            Some(value) => (Some(value), HashKind::File),
            None => (base32(), HashKind::Either),
        },
        (Label::File(HashKind::File | HashKind::FileSha1), 40) => (hex(), HashKind::FileSha1),
        (Label::File(HashKind::File | HashKind::FileSha256), 64) => (hex(), HashKind::FileSha256),
        (Label::File(HashKind::FileSha1), 32) => (base32(), HashKind::FileSha1),
        (Label::File(kind), 32) if matches!(kind, HashKind::Md5 | HashKind::Ed2k | HashKind::File) => match hex() {
            Some(value) => (Some(value), kind),
            None => (base32(), HashKind::Mislabelled),
        },
        (Label::File(HashKind::Aich), 32) => (base32(), HashKind::Aich),
        (Label::File(HashKind::Aich), 40) => (hex(), HashKind::Aich),
        (Label::File(HashKind::Tth), 39) => (tiger(text), HashKind::Tth),
        (Label::File(HashKind::Tth), 48) => (hex(), HashKind::Tth),
        (Label::File(_), 40 | 64) => (hex(), HashKind::Mislabelled),
        (Label::File(_), 32) => (base32(), HashKind::Mislabelled),
        (Label::File(_), 68) => (multihash(), HashKind::Mislabelled),
        _ => return Err(BadHash),
    };
    let value = value.ok_or(BadHash)?;
    if value.iter().all(|byte| *byte == 0) { Err(BadHash) } else { Ok(Hash { kind, value }) }
}

/// 24 bytes in 39 letters of base32, of which the last has bits to spare.
fn tiger(text: &str) -> Option<Vec<u8>> {
    let mut lenient = data_encoding::BASE32_NOPAD.specification();
    lenient.check_trailing_bits = false;
    lenient.encoding().ok()?.decode(text.to_ascii_uppercase().as_bytes()).ok()
}
