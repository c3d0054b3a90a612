//! The names of blocks that hold no packet.

use super::options::Endian;

/// The name of a block of type `kind`, for the report. Of decryption secrets, what they decrypt is said too.
pub(super) fn name(kind: u32, body: &[u8], endian: Endian) -> String {
    let name = match kind {
        4 => "name resolution",
        7 => "IRIG timestamp",
        8 => "ARINC 429 information",
        9 => "systemd journal",
        10 => return secrets(endian.u32(body, 0)),
        0xBAD | 0x4000_0BAD => "custom",
        0x8000_0001 => "process event",
        0x201..=0x223 => "system call and machine information",
        _ => return format!("type {kind:#x}"),
    };
    name.to_owned()
}

/// Secrets types are four letters: draft-ietf-opsawg-pcapng, section 4.7.
fn secrets(kind: Option<u32>) -> String {
    let of = match kind.map(u32::to_be_bytes).as_ref() {
        Some(b"TLSK") => "TLS",
        Some(b"SSHK") => "SSH",
        Some(b"WGKL") => "WireGuard",
        Some(b"ZNWK" | b"ZAPS") => "ZigBee",
        Some(b"UAKL") => "OPC UA",
        _ => "of another kind",
    };
    format!("{SECRETS} ({of})")
}

/// How the names of decryption secrets begin.
const SECRETS: &str = "decryption secrets";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_named_by_what_they_decrypt() {
        assert_eq!(name(10, b"KSLT\x04\0\0\0abcd", Endian::Little), "decryption secrets (TLS)");
        assert_eq!(name(10, b"WGKL\0\0\0\x04abcd", Endian::Big), "decryption secrets (WireGuard)");
        assert_eq!(name(10, b"", Endian::Big), "decryption secrets (of another kind)");
        assert_eq!(name(0x7777, b"", Endian::Big), "type 0x7777");
    }
}
