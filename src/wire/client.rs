//! Which client a peer_id claims to be. Conventions, not facts: any client can send any peer_id.
//!
//! Sources: BEP 20 (Azureus and Shadow style), and the peer_ids that the clients themselves send.

use crate::limits::CLIENT_NAME_BYTES;

/// Name and version of the client that `peer_id` claims, such as `libtorrent 2.0.8`; the name alone when the
/// version is not written in the client's way. `None` for an unknown convention or code. Printable ASCII only.
pub fn client_name(peer_id: &[u8; 20]) -> Option<String> {
    azureus(peer_id).or_else(|| dashed(peer_id)).or_else(|| shadow(peer_id))
}

/// `bytes` as text that is safe to print, so that different names look different: bytes that are no UTF-8 as `\x{e9}`,
/// control and direction-changing characters as `\u{7}`, a backslash doubled; at most 128 characters before escaping.
pub fn printable(bytes: &[u8]) -> String {
    let (mut text, mut room) = (String::new(), CLIENT_NAME_BYTES);
    for chunk in bytes.get(..CLIENT_NAME_BYTES * 4).unwrap_or(bytes).utf8_chunks() {
        for letter in chunk.valid().chars().take(room) {
            let hidden = matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
                || letter == '\u{feff}'
                || letter == '\u{61c}';
            if letter == '\\' {
                text.push_str("\\\\");
            } else if letter.is_control() || hidden {
                text.extend(letter.escape_default());
            } else {
                text.push(letter);
            }
            room -= 1;
        }
        for byte in chunk.invalid().iter().take(room) {
            text.push_str(&format!("\\x{{{byte:x}}}"));
            room -= 1;
        }
    }
    text
}

/// `-XX1234-`: two letters, four characters of version.
fn azureus(peer_id: &[u8; 20]) -> Option<String> {
    let [b'-', first, second, a, b, c, d, end, ..] = *peer_id else {
        return None;
    };
    let code = [first, second];
    let (_, name) = AZUREUS.iter().find(|(known, _)| **known == code)?;
    let version = match (&code, [a, b, c, d].map(digit)) {
        _ if end != b'-' => None,
        (b"lt", [Some(0), Some(13), Some(patch @ 2..=8), _]) => return Some(format!("rTorrent 0.9.{patch}")),
        (b"TR", digits) => transmission(digits, [a, b, c, d]),
        (b"BC" | b"WW" | b"WD", [Some(a), Some(b), Some(c), Some(d)]) if a.max(b).max(c).max(d) < 10 => {
            Some(format!("{}.{:0width$}", a * 10 + b, c * 10 + d, width = if &code == b"BC" { 2 } else { 1 }))
        }
        // The last place is a build or a mark of the release in most clients: said only when it is a number.
        (_, [Some(a), Some(b), Some(c), Some(fourth @ 1..=9)]) if d.is_ascii_digit() => {
            Some(format!("{a}.{b}.{c}.{fourth}"))
        }
        (_, [Some(a), Some(b), Some(c), Some(_)]) => Some(format!("{a}.{b}.{c}")),
        _ => None,
    };
    Some(match version {
        Some(version) => format!("{name} {version}"),
        None => (*name).to_owned(),
    })
}

/// `TR0072` is 0.72, `TR2940` is 2.94, `TR4040` is 4.0.4.
fn transmission(digits: [Option<u32>; 4], letters: [u8; 4]) -> Option<String> {
    match digits {
        [Some(0), Some(0), Some(tens @ 0..=9), Some(ones @ 0..=9)] => Some(format!("0.{tens}{ones}")),
        [Some(major @ 4..), Some(minor), Some(patch), Some(_)] => Some(format!("{major}.{minor}.{patch}")),
        [Some(major), Some(tens @ 0..=9), Some(ones @ 0..=9), Some(_)] => {
            // A letter in the last place marks a build between releases.
            let between = if letters[3] == b'0' { "" } else { "+" };
            Some(format!("{major}.{tens}{ones}{between}"))
        }
        _ => None,
    }
}

/// `M7-10-5--`, `A2-1-36-0-`: a code, then numbers with dashes between them.
fn dashed(peer_id: &[u8; 20]) -> Option<String> {
    let (name, rest): (&str, &[u8]) = match peer_id {
        [b'A', b'2', b'-', rest @ ..] => ("aria2", rest),
        [b'M', rest @ ..] => ("Mainline", rest),
        [b'Q', rest @ ..] => ("Queen Bee", rest),
        _ => return None,
    };
    let mut fields = rest.split(|byte| *byte == b'-');
    let mut number = || fields.next().filter(|field| (1..=3).contains(&field.len()) && all_digits(field));
    let numbers: Option<Vec<_>> = [number(), number(), number()].into_iter().collect();
    let numbers: Vec<_> = numbers?.into_iter().map(String::from_utf8_lossy).collect();
    // The last number must be closed by a dash, or it is the start of the random part.
    fields.next()?;
    Some(format!("{name} {}", numbers.join(".")))
}

/// `S587----`: one letter, up to three characters of version, dashes.
fn shadow(peer_id: &[u8; 20]) -> Option<String> {
    let [code, a, b, c, b'-', b'-', ..] = *peer_id else {
        return None;
    };
    let (_, name) = SHADOW.iter().find(|(known, _)| *known == code)?;
    Some(format!("{name} {}.{}.{}", digit(a)?, digit(b)?, digit(c)?))
}

/// The number that one character of a version stands for: 0-9, A-Z from 10, a-z from 36.
fn digit(byte: u8) -> Option<u32> {
    match byte {
        b'0'..=b'9' => Some(u32::from(byte - b'0')),
        b'A'..=b'Z' => Some(u32::from(byte - b'A') + 10),
        b'a'..=b'z' => Some(u32::from(byte - b'a') + 36),
        _ => None,
    }
}

fn all_digits(field: &[u8]) -> bool {
    field.iter().all(u8::is_ascii_digit)
}

/// Azureus-style codes (BEP 20 and the clients' own sources).
const AZUREUS: &[(&[u8; 2], &str)] = &[
    (b"7T", "aTorrent"),
    (b"AG", "Ares"),
    (b"AR", "Arctic"),
    (b"AT", "Artemis"),
    (b"AV", "Avicora"),
    (b"AX", "BitPump"),
    (b"AZ", "Vuze"),
    (b"A~", "Ares"),
    (b"BB", "BitBuddy"),
    (b"BC", "BitComet"),
    (b"BF", "Bitflu"),
    (b"BG", "BTG"),
    (b"BI", "BiglyBT"),
    (b"BR", "BitRocket"),
    (b"BS", "BTSlave"),
    (b"BT", "BitTorrent"),
    (b"BX", "BittorrentX"),
    (b"CD", "Enhanced CTorrent"),
    (b"CT", "CTorrent"),
    (b"DE", "Deluge"),
    (b"DP", "Propagate"),
    (b"EB", "EBit"),
    (b"ES", "electric sheep"),
    (b"FC", "FileCroc"),
    (b"FD", "Free Download Manager"),
    (b"FG", "FlashGet"),
    (b"FL", "Flud"),
    (b"FT", "FoxTorrent"),
    (b"FW", "FrostWire"),
    (b"FX", "Freebox"),
    (b"GS", "GSTorrent"),
    (b"GT", "anacrolix/torrent"),
    (b"HK", "Hekate"),
    (b"HL", "Halite"),
    (b"HN", "Hydranode"),
    (b"KG", "KGet"),
    (b"KT", "KTorrent"),
    (b"LC", "LeechCraft"),
    (b"LH", "LH-ABC"),
    (b"LP", "Lphant"),
    (b"LT", "libtorrent"),
    (b"LW", "LimeWire"),
    (b"MO", "MonoTorrent"),
    (b"MP", "MooPolice"),
    (b"MR", "Miro"),
    (b"MT", "MoonlightTorrent"),
    (b"NX", "Net Transport"),
    (b"OS", "OneSwarm"),
    (b"OT", "OmegaTorrent"),
    (b"PD", "Pando"),
    (b"PI", "PicoTorrent"),
    (b"QD", "QQDownload"),
    (b"RT", "Retriever"),
    (b"RZ", "RezTorrent"),
    (b"SB", "Swiftbit"),
    (b"SD", "Xunlei"),
    (b"SM", "SoMud"),
    (b"SP", "BitSpirit"),
    (b"SS", "SwarmScope"),
    (b"ST", "SymTorrent"),
    (b"SZ", "Shareaza"),
    (b"TB", "Torch"),
    (b"TL", "Tribler"),
    (b"TN", "TorrentDotNET"),
    (b"TR", "Transmission"),
    (b"TS", "Torrentstorm"),
    (b"TT", "TuoTu"),
    (b"TX", "Tixati"),
    (b"UL", "uLeecher!"),
    (b"UM", "uTorrent Mac"),
    (b"UT", "uTorrent"),
    (b"UW", "uTorrent Web"),
    (b"VG", "Vagaa"),
    (b"WD", "WebTorrent Desktop"),
    (b"WT", "BitLet"),
    (b"WW", "WebTorrent"),
    (b"WY", "FireTorrent"),
    (b"XF", "Xfplay"),
    (b"XL", "Xunlei"),
    (b"XT", "XanTorrent"),
    (b"XX", "Xtorrent"),
    (b"ZT", "ZipTorrent"),
    (b"lt", "libTorrent (rakshasa)"),
    (b"qB", "qBittorrent"),
    (b"st", "sharktorrent"),
];

/// Shadow-style codes (BEP 20).
const SHADOW: &[(u8, &str)] = &[
    (b'A', "ABC"),
    (b'O', "Osprey Permaseed"),
    (b'Q', "BTQueue"),
    (b'R', "Tribler"),
    (b'S', "Shadow"),
    (b'T', "BitTornado"),
    (b'U', "UPnP NAT Bit Torrent"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn name(prefix: &[u8]) -> Option<String> {
        let mut peer_id = [b'x'; 20];
        peer_id[..prefix.len()].copy_from_slice(prefix);
        client_name(&peer_id)
    }

    #[test]
    fn clients_are_named_with_the_version_that_they_print_themselves() {
        for (peer_id, expected) in [
            ("-LT2080-", "libtorrent 2.0.8"),
            ("-LT20B0-", "libtorrent 2.0.11"),
            ("-TR3000-", "Transmission 3.00"),
            ("-TR294Z-", "Transmission 2.94+"),
            ("-TR4040-", "Transmission 4.0.4"),
            ("-TR0072-", "Transmission 0.72"),
            ("A2-1-36-0-", "aria2 1.36.0"),
            ("-lt0D80-", "rTorrent 0.9.8"),
            ("-lt0E00-", "libTorrent (rakshasa) 0.14.0"),
            ("-qB4500-", "qBittorrent 4.5.0"),
            ("-DE203s-", "Deluge 2.0.3"),
            ("-WW0109-", "WebTorrent 1.9"),
            ("-BC0166-", "BitComet 1.66"),
            ("-AZ5751-", "Vuze 5.7.5.1"),
            ("-UT355W-", "uTorrent 3.5.5"),
            ("M7-10-5--", "Mainline 7.10.5"),
            ("S587--", "Shadow 5.8.7"),
            ("-LT20?0-", "libtorrent"),
        ] {
            assert_eq!(name(peer_id.as_bytes()).as_deref(), Some(expected), "{peer_id}");
        }
    }

    #[test]
    fn what_follows_no_known_convention_is_not_named() {
        for peer_id in [&b"-??1234-"[..], b"", b"M----", b"A2-1-36-", b"\0\0\0\0", b"T\x1b[2--", b"-LT"] {
            assert!(name(peer_id).is_none_or(|name| name == "libtorrent"), "{peer_id:?}");
        }
    }

    #[test]
    fn the_table_is_sorted_and_names_are_printable() {
        assert!(AZUREUS.is_sorted_by(|a, b| a.0 < b.0));
        assert!(AZUREUS.iter().all(|(_, name)| name.bytes().all(|byte| (0x20..0x7f).contains(&byte))));
    }

    #[test]
    fn text_from_the_wire_cannot_steer_a_terminal_or_flood_a_report() {
        assert_eq!(printable("µTorrent 3.5".as_bytes()), "µTorrent 3.5");
        assert_eq!(printable(b"a\x1b[31m\n"), "a\\u{1b}[31m\\n");
        assert_eq!(printable("a\u{202e}b".as_bytes()), "a\\u{202e}b");
        assert_eq!(printable(&[b'a'; 10_000]).len(), CLIENT_NAME_BYTES);
        assert_eq!(printable(b"caf\xe9\\"), "caf\\x{e9}\\\\");
        assert_eq!(printable(&[0xff; 600]).matches("x{ff}").count(), CLIENT_NAME_BYTES);
    }
}
