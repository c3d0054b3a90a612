//! Names of hosts in the captures: the addresses that answers of DNS (RFC 1035, 3596) and mDNS (RFC 6762) give for a name.
//! Nothing is looked up, and a name is what the answer says: it changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::Mention;
use crate::ends::{Endpoint, Span};
use crate::limits::HOST_NAMES;
use crate::words::words;

words! {
    /// Where the name of a host stands.
    pub enum NameSource {
        /// An answer of DNS, on port 53.
        Dns = "dns",
        /// An answer of multicast DNS, on port 5353.
        Mdns = "mdns",
        /// The name records of a pcapng file: the capturing program wrote them, and they have no date.
        NameRecords = "name-records",
    }
}

/// A name that somebody gave for an address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Called {
    /// The address.
    pub address: IpAddr,
    /// The name, as [`answers`] writes it.
    pub name: String,
    /// Where it stands.
    pub source: NameSource,
    /// Who answered.
    pub by: Endpoint,
}

/// All names of a run.
///
/// # Invariants
/// - At most 100,000 different ones.
#[derive(Clone, Debug, Default)]
pub struct Names {
    called: BTreeMap<Called, Mention>,
}

impl Names {
    /// Counts a name in `span`; `false` when it is a new one and there is no room.
    #[must_use]
    pub fn note(&mut self, called: Called, span: Span) -> bool {
        let mention = Mention { count: 1, span, first: span };
        if let Some(known) = self.called.get_mut(&called) {
            known.join(&mention);
            return true;
        }
        let room = self.called.len() < HOST_NAMES;
        if room {
            self.called.insert(called, mention);
        }
        room
    }

    /// The names, sorted.
    pub fn iter(&self) -> impl Iterator<Item = (&Called, &Mention)> {
        self.called.iter()
    }
}

impl FromIterator<(Called, Mention)> for Names {
    /// All of them; those of one name are one.
    fn from_iter<I: IntoIterator<Item = (Called, Mention)>>(names: I) -> Self {
        let mut called: BTreeMap<Called, Mention> = BTreeMap::new();
        for (name, mention) in names {
            match called.get_mut(&name) {
                Some(known) => known.join(&mention),
                None => {
                    called.insert(name, mention);
                }
            }
        }
        Self { called }
    }
}

impl IntoIterator for Names {
    type Item = (Called, Mention);
    type IntoIter = std::collections::btree_map::IntoIter<Called, Mention>;

    /// The names, sorted.
    fn into_iter(self) -> Self::IntoIter {
        self.called.into_iter()
    }
}

/// The source of the names in what comes from `port`, where that is one of DNS.
pub fn source_of(port: u16) -> Option<NameSource> {
    match port {
        53 => Some(NameSource::Dns),
        5_353 => Some(NameSource::Mdns),
        _ => None,
    }
}

/// The names that a whole message gives for addresses, aliases among them; nothing for a question, and for what is no message
/// of DNS. What follows a record that is broken or cut is not read.
///
/// A byte of a name that is no printable ASCII, or a dot or backslash within a label, is written as `\` and three digits, as
/// in zone files.
pub fn answers(message: &[u8]) -> Vec<(String, IpAddr)> {
    read(message).unwrap_or_default()
}

fn read(message: &[u8]) -> Option<Vec<(String, IpAddr)>> {
    let word = |at: usize| message.get(at..)?.first_chunk().map(|bytes| u16::from_be_bytes(*bytes));
    let (flags, questions) = (word(2)?, word(4)?);
    // An answer to a query, without an error.
    if flags & 0xf80f != 0x8000 {
        return None;
    }
    let records = [word(6)?, word(8)?, word(10)?].into_iter().map(u32::from).sum::<u32>();
    let mut at = 12;
    for _ in 0..questions {
        (_, at) = name(message, at)?;
        at += 4;
    }
    let mut found: Vec<(String, IpAddr)> = Vec::new();
    let mut aliases: Vec<(String, String)> = Vec::new();
    for _ in 0..records {
        let Some((owner, kind, data, next)) = record(message, at) else { break };
        at = next;
        match (kind, data.len()) {
            (A, 4) => found.extend(<[u8; 4]>::try_from(message.get(data)?).ok().map(|ip| (owner, ip.into()))),
            (AAAA, 16) => found.extend(<[u8; 16]>::try_from(message.get(data)?).ok().map(|ip| (owner, ip.into()))),
            (CNAME, _) => aliases.extend(name(message, data.start).map(|(target, _)| (target, owner))),
            _ => {}
        }
    }
    // A name that stands for another one has its addresses.
    let mut of: BTreeMap<&str, Vec<&String>> = BTreeMap::new();
    aliases.iter().for_each(|(target, alias)| of.entry(target).or_default().push(alias));
    let mut told: BTreeSet<(String, IpAddr)> = found.iter().cloned().collect();
    let mut at = 0;
    while let Some((name, ip)) = found.get(at).cloned() {
        at += 1;
        for alias in of.get(name.as_str()).into_iter().flatten() {
            if found.len() < MOST_OF_ONE && told.insert(((*alias).clone(), ip)) {
                found.push(((*alias).clone(), ip));
            }
        }
    }
    found.retain(|(name, ip)| !name.is_empty() && !ip.is_unspecified());
    Some(found)
}

/// A record: its owner, type, where its data is, and where the next one begins.
fn record(message: &[u8], at: usize) -> Option<(String, u16, std::ops::Range<usize>, usize)> {
    let (owner, at) = name(message, at)?;
    let fixed: [u8; 10] = *message.get(at..)?.first_chunk()?;
    let [a, b, c, d, _, _, _, _, high, low] = fixed;
    let (start, len) = (at + 10, usize::from(u16::from_be_bytes([high, low])));
    message.get(start..start + len)?;
    // The greatest bit of the class tells caches of mDNS to forget others.
    let is_internet = u16::from_be_bytes([c & 0x7f, d]) == 1;
    let kind = if is_internet { u16::from_be_bytes([a, b]) } else { 0 };
    Some((owner, kind, start..start + len, start + len))
}

/// A name, and where what follows it begins.
fn name(message: &[u8], mut at: usize) -> Option<(String, usize)> {
    let (mut text, mut after, mut jumps) = (String::new(), None, 0);
    loop {
        let len = usize::from(*message.get(at)?);
        match len {
            0 => return Some((text, after.unwrap_or(at + 1))),
            1..64 => {
                if !text.is_empty() {
                    text.push('.');
                }
                for byte in message.get(at + 1..at + 1 + len)? {
                    match byte {
                        b'.' | b'\\' => text.push_str(&format!("\\{byte:03}")),
                        b'!'..=b'~' => text.push(char::from(byte.to_ascii_lowercase())),
                        _ => text.push_str(&format!("\\{byte:03}")),
                    }
                }
                if text.len() > LONGEST {
                    return None;
                }
                at += 1 + len;
            }
            192.. => {
                let to = (len & 63) << 8 | usize::from(*message.get(at + 1)?);
                after.get_or_insert(at + 2);
                jumps += 1;
                // Only backwards, so that it ends.
                if to >= at || jumps > MOST_JUMPS {
                    return None;
                }
                at = to;
            }
            _ => return None,
        }
    }
}

const A: u16 = 1;
const CNAME: u16 = 5;
const AAAA: u16 = 28;
// Rationale: a name has 255 bytes, each of which may take four characters.
const LONGEST: usize = 4 * 255;
const MOST_JUMPS: u32 = 64;
// Rationale: a message of 64 KiB of the shortest records, each with an address.
const MOST_OF_ONE: usize = 4_096;

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(name: &str) -> Vec<u8> {
        let mut out: Vec<u8> = Vec::new();
        for label in name.split('.').filter(|label| !label.is_empty()) {
            out.push(label.len() as u8);
            out.extend(label.bytes());
        }
        out.push(0);
        out
    }

    fn of(owner: &[u8], kind: u16, data: &[u8]) -> Vec<u8> {
        [owner, &kind.to_be_bytes(), &[0x80, 1, 0, 0, 0, 60], &(data.len() as u16).to_be_bytes(), data].concat()
    }

    fn message(flags: u16, records: &[Vec<u8>]) -> Vec<u8> {
        let count = (records.len() as u16).to_be_bytes();
        let head = [&[7, 7][..], &flags.to_be_bytes(), &[0, 1], &count, &[0; 4]].concat();
        [head, labels("www.Example.org"), vec![0, 1, 0, 1], records.concat()].concat()
    }

    fn shown(message: &[u8]) -> Vec<String> {
        answers(message).into_iter().map(|(name, ip)| format!("{name} {ip}")).collect()
    }

    fn sound() -> Vec<u8> {
        let six = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7];
        message(
            0x8180,
            &[
                of(&[0xc0, 12], CNAME, &labels("cdn.example.net")),
                of(&labels("cdn.example.net"), A, &[192, 0, 2, 7]),
                of(&labels("cdn.example.net"), AAAA, &six),
                of(&labels("text.example.org"), 16, b"\x04text"),
            ],
        )
    }

    #[test]
    fn names_and_their_aliases_are_read_with_addresses_of_both_families() {
        assert_eq!(
            shown(&sound()),
            [
                "cdn.example.net 192.0.2.7",
                "cdn.example.net 2001:db8::7",
                "www.example.org 192.0.2.7",
                "www.example.org 2001:db8::7",
            ]
        );
    }

    #[test]
    fn many_aliases_of_many_addresses_are_bounded() {
        let mut records: Vec<Vec<u8>> =
            (0..1_500_u16).map(|last| of(&[1, b'x', 0], A, &[192, 0, (last >> 8) as u8, last as u8])).collect();
        records.extend((0..1_500_u32).map(|alias| of(&labels(&format!("a{alias}")), CNAME, &[1, b'x', 0])));
        let found = answers(&message(0x8180, &records));
        assert_eq!(found.len(), MOST_OF_ONE);
        assert_eq!(found.iter().filter(|(name, _)| name == "x").count(), 1_500);
    }

    #[test]
    fn questions_errors_and_other_protocols_name_nobody() {
        let records = [of(&labels("a.example"), A, &[192, 0, 2, 7])];
        for flags in [0x0100, 0x8183, 0x9180] {
            assert!(answers(&message(flags, &records)).is_empty(), "{flags:x}");
        }
        assert!(answers(b"").is_empty() && answers(&[0xff; 64]).is_empty() && answers(&[0x80; 512]).is_empty());
    }

    #[test]
    fn what_is_cut_anywhere_gives_what_is_whole_and_nothing_wrong() {
        let (whole, all) = (sound(), shown(&sound()));
        for end in 0..whole.len() {
            let found = shown(&whole[..end]);
            assert!(found.iter().all(|line| all.contains(line)), "{end}: {found:?}");
        }
    }

    #[test]
    fn names_that_loop_or_hide_bytes_do_no_harm() {
        let looped = message(0x8180, &[of(&[0xc0, 33], A, &[192, 0, 2, 7])]);
        assert!(answers(&looped).is_empty());
        let odd = message(0x8180, &[of(b"\x05a.\\\x1b<\x00", A, &[192, 0, 2, 7])]);
        assert_eq!(shown(&odd), ["a\\046\\092\\027< 192.0.2.7"]);
        // Aliases in a circle.
        let circle = [
            of(&labels("a.example"), CNAME, &labels("b.example")),
            of(&labels("b.example"), CNAME, &labels("a.example")),
            of(&labels("a.example"), A, &[192, 0, 2, 7]),
        ];
        assert_eq!(shown(&message(0x8180, &circle)), ["a.example 192.0.2.7", "b.example 192.0.2.7"]);
    }
}
