//! Name resolution blocks: the names that the capturing program wrote down for addresses.

use crate::limits::NAME_RECORDS;
use std::collections::BTreeSet;
use std::net::IpAddr;

use super::options::Endian;

/// Names of all sections, with their addresses.
#[derive(Clone, Debug, Default)]
pub(super) struct NameRecords {
    names: BTreeSet<(IpAddr, String)>,
    /// True if some name records were left out, as the bound was reached.
    pub(super) full: bool,
}

impl NameRecords {
    /// Reads the body of a block, up to the last record or the first that is not whole.
    pub(super) fn read(&mut self, mut body: &[u8], endian: Endian) {
        while let (Some(kind), Some(len)) = (endian.u16(body, 0), endian.u16(body, 2)) {
            let len = usize::from(len);
            let Some(value) = body.get(4..4 + len).filter(|_| kind != END) else { return };
            let found = match kind {
                IPV4 => value.split_first_chunk::<4>().map(|(ip, names)| (IpAddr::from(*ip), names)),
                IPV6 => value.split_first_chunk::<16>().map(|(ip, names)| (IpAddr::from(*ip), names)),
                _ => None,
            };
            if let Some((address, names)) = found {
                for name in names.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
                    self.add(address.to_canonical(), String::from_utf8_lossy(name).into_owned());
                }
            }
            body = body.get(4 + len.next_multiple_of(4)..).unwrap_or_default();
        }
    }

    /// Every name, sorted by address.
    pub(super) fn all(&self) -> Vec<(IpAddr, String)> {
        self.names.iter().cloned().collect()
    }

    fn add(&mut self, address: IpAddr, name: String) {
        let room = self.names.len() < NAME_RECORDS && name.len() <= LONGEST;
        if room {
            self.names.insert((address, name));
        }
        self.full |= !room;
    }
}

const END: u16 = 0;
const IPV4: u16 = 1;
const IPV6: u16 = 2;
const LONGEST: usize = 4 * 255;

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u16, value: &[u8]) -> Vec<u8> {
        let mut out = [kind.to_le_bytes(), (value.len() as u16).to_le_bytes()].concat();
        out.extend(value);
        out.resize(out.len().next_multiple_of(4), 0);
        out
    }

    #[test]
    fn records_of_both_families_are_read_and_no_part_of_one() {
        let six = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7];
        let body = [
            record(1, b"\xc0\0\x02\x07www.example.org\0alias.example\0"),
            record(9, b"other"),
            record(2, &[&six[..], b"six.example\0"].concat()),
            record(0, b""),
            record(1, b"\xc0\0\x02\x08behind\0"),
        ]
        .concat();
        let read = |body: &[u8]| {
            let mut names = NameRecords::default();
            names.read(body, Endian::Little);
            names.all().into_iter().map(|(ip, name)| format!("{ip} {name}")).collect::<Vec<_>>()
        };
        let all = ["192.0.2.7 alias.example", "192.0.2.7 www.example.org", "2001:db8::7 six.example"];
        assert_eq!(read(&body), all);
        for end in 0..body.len() {
            assert!(read(&body[..end]).iter().all(|line| all.contains(&line.as_str())), "{end}");
        }
    }
}
