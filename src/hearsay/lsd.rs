//! Local service discovery (BEP 14): a datagram to a multicast group, in the form of an HTTP request.

/// An announce of a peer to its neighbours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// The port that it listens on, not 0.
    pub port: u16,
    /// The torrents, in the order sent; at least one.
    pub info_hashes: Vec<[u8; 20]>,
}

impl Search {
    /// Reads a whole datagram; `None` when it is not one header block that names a port and only whole info-hashes.
    pub fn parse(datagram: &[u8]) -> Option<Self> {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut parsed = httparse::Request::new(&mut headers);
        if !parsed.parse(datagram).ok()?.is_complete() || parsed.method != Some(METHOD) || parsed.path != Some("*")
        {
            return None;
        }
        let values = |name: &'static str| {
            let named = parsed.headers.iter().filter(move |header| header.name.eq_ignore_ascii_case(name));
            named.map(|header| header.value.trim_ascii())
        };
        let mut ports = values("port");
        let port = number(ports.next()?)?;
        let info_hashes: Vec<_> = values("infohash").map(info_hash).collect::<Option<_>>()?;
        (port != 0 && ports.next().is_none() && !info_hashes.is_empty()).then_some(Self { port, info_hashes })
    }
}

fn number(text: &[u8]) -> Option<u16> {
    let digits = std::str::from_utf8(text).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    digits.parse().ok()
}

/// Forty hexadecimal digits.
fn info_hash(text: &[u8]) -> Option<[u8; 20]> {
    data_encoding::HEXLOWER_PERMISSIVE.decode(text).ok()?.try_into().ok()
}

const METHOD: &str = "BT-SEARCH";
// Rationale: a datagram of 1,400 bytes holds 27 info-hashes beside host, port and cookie.
const MAX_HEADERS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: &[u8] = b"BT-SEARCH * HTTP/1.1\r\nHost: 239.192.152.143:6771\r\nPort: 6881\r\n\
        Infohash: 00112233445566778899aabbccddeeff00112233\r\ncookie: 6b2f\r\n\
        INFOHASH: FFEEDDCCBBAA99887766554433221100FFEEDDCC\r\n\r\n\r\n";

    #[test]
    fn port_and_info_hashes_are_read_and_no_prefix_is_taken_for_a_whole() {
        let found = Search::parse(SOUND).expect("sound");
        assert_eq!((found.port, found.info_hashes.len()), (6881, 2));
        assert_eq!((found.info_hashes[0][..3].to_vec(), found.info_hashes[1][19]), (vec![0, 0x11, 0x22], 0xcc));
        // What may follow the header block says nothing.
        for end in 0..SOUND.len() - 2 {
            assert_eq!(Search::parse(&SOUND[..end]), None, "{end}");
        }
    }

    #[test]
    fn a_broken_announce_is_none() {
        let text = String::from_utf8(SOUND.to_vec()).expect("text");
        for (from, to) in [
            ("6881", "0"),
            ("6881", "65536"),
            ("6881", "+6881"),
            ("Port: 6881\r\n", ""),
            ("Port: 6881\r\n", "Port: 6881\r\nPort: 6882\r\n"),
            ("0011223344", "001122334"),
            ("0011223344", "00112233zz"),
            ("BT-SEARCH", "BT-SEEK"),
            ("BT-SEARCH *", "BT-SEARCH /"),
        ] {
            assert_eq!(Search::parse(text.replacen(from, to, 1).as_bytes()), None, "{from} as {to}");
        }
        assert_eq!(Search::parse(b"BT-SEARCH * HTTP/1.1\r\nPort: 6881\r\n\r\n"), None, "no info-hash");
    }
}
