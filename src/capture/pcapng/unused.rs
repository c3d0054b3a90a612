//! Blocks that hold no packet: how many of each kind there were.

use crate::limits::UNUSED_BLOCK_TYPES;
use std::collections::BTreeMap;

use super::options::Endian;

/// Counts by type of block, and for decryption secrets by what they decrypt.
#[derive(Clone, Debug, Default)]
pub(super) struct Unused {
    counts: BTreeMap<(u32, u32), u64>,
    /// Of further types, when there are too many.
    others: u64,
}

impl Unused {
    /// Counts a block of type `kind`.
    pub(super) fn count(&mut self, kind: u32, body: &[u8], endian: Endian) {
        let secrets = if kind == SECRETS { endian.u32(body, 0).unwrap_or(0) } else { 0 };
        if let Some(count) = self.counts.get_mut(&(kind, secrets)) {
            *count += 1;
        } else if self.counts.len() < UNUSED_BLOCK_TYPES {
            self.counts.insert((kind, secrets), 1);
        } else {
            self.others += 1;
        }
    }

    /// The counts by name, for the report.
    pub(super) fn named(&self) -> BTreeMap<String, u64> {
        let mut named = BTreeMap::new();
        for ((kind, secrets), count) in &self.counts {
            *named.entry(name(*kind, *secrets)).or_default() += count;
        }
        if self.others > 0 {
            named.insert("other types".to_owned(), self.others);
        }
        named
    }
}

/// The name of a type of block; of decryption secrets, what they decrypt is said too.
fn name(kind: u32, of: u32) -> String {
    let name = match kind {
        4 => "name resolution",
        7 => "IRIG timestamp",
        8 => "ARINC 429 information",
        9 => "systemd journal",
        SECRETS => return secrets(of),
        0xBAD | 0x4000_0BAD => "custom",
        0x8000_0001 => "process event",
        0x201..=0x223 => "system call and machine information",
        _ => return format!("type {kind:#x}"),
    };
    name.to_owned()
}

/// Secrets types are four letters: draft-ietf-opsawg-pcapng, section 4.7.
fn secrets(of: u32) -> String {
    let of = match &of.to_be_bytes() {
        b"TLSK" => "TLS",
        b"SSHK" => "SSH",
        b"WGKL" => "WireGuard",
        b"ZNWK" | b"ZAPS" => "ZigBee",
        b"UAKL" => "OPC UA",
        _ => "of another kind",
    };
    format!("decryption secrets ({of})")
}

const SECRETS: u32 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_counted_by_name_and_secrets_by_what_they_decrypt() {
        let mut unused = Unused::default();
        unused.count(10, b"KSLT\x04\0\0\0abcd", Endian::Little);
        unused.count(10, b"WGKL\0\0\0\x04abcd", Endian::Big);
        unused.count(10, b"", Endian::Big);
        unused.count(0xBAD, b"", Endian::Big);
        unused.count(0x4000_0BAD, b"", Endian::Big);
        let named: Vec<(String, u64)> = unused.named().into_iter().collect();
        let named: Vec<(&str, u64)> = named.iter().map(|(name, count)| (name.as_str(), *count)).collect();
        let secrets = ["TLS", "WireGuard", "of another kind"].map(|of| format!("decryption secrets ({of})"));
        let [tls, wireguard, other] = secrets.each_ref().map(String::as_str);
        assert_eq!(named, [("custom", 2), (tls, 1), (wireguard, 1), (other, 1)]);
        (0x7000..0x8000).for_each(|kind| unused.count(kind, b"", Endian::Big));
        assert_eq!(unused.named().values().sum::<u64>(), 5 + 0x1000);
        assert!(unused.named().len() <= UNUSED_BLOCK_TYPES + 1 && unused.named().contains_key("type 0x7000"));
    }
}
