//! Keyed pseudonyms in place of addresses, peer_ids and clients, so that a case can be shown without naming a household.
//!
//! Addresses become addresses (ipcrypt-pfx: deterministic, and of two addresses with a common prefix the pseudonyms have
//! one as long), peer_ids become peer_ids, and clients become `client-` and hex. The holder of the key has each back; nobody
//! else does. Ports, times, frames, figures and hashes stay as they are, and so do the SHA-256 of the inputs: whoever has
//! the captures has the addresses.
//!
//! A report is rewritten as a whole, text by text, before any view is made of it: what is written of it later cannot know
//! the clear ones.

use std::collections::BTreeSet;
use std::net::IpAddr;

use data_encoding::HEXLOWER;
use ipcrypt_rs::IpcryptPfx;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::report::{Document, Input};

/// A key, and what is made of it.
pub struct Key {
    addresses: IpcryptPfx,
    peer_ids: [u8; 32],
    clients: [u8; 32],
}

/// Why there are no pseudonyms.
#[derive(Debug, thiserror::Error)]
pub enum PseudonymError {
    /// A key file that holds something else.
    #[error("a key is 64 hex digits, of which the first and the last 32 differ")]
    Key,
    /// A report that has pseudonyms already.
    #[error("the report has pseudonyms already: none are made of those")]
    Twice,
    /// A report that cannot be rewritten; no report as built is one.
    #[error("the report cannot be rewritten: {0}")]
    Report(#[from] serde_json::Error),
}

impl Key {
    /// The key that a file holds: 64 hex digits, and blanks around them.
    ///
    /// # Errors
    /// [`PseudonymError::Key`].
    pub fn read(text: &str) -> Result<Self, PseudonymError> {
        let bytes =
            HEXLOWER.decode(text.trim().to_ascii_lowercase().as_bytes()).map_err(|_| PseudonymError::Key)?;
        let key: [u8; 32] = bytes.try_into().map_err(|_| PseudonymError::Key)?;
        let (one, other) = key.split_at(16);
        if one == other {
            return Err(PseudonymError::Key);
        }
        Ok(Self {
            addresses: IpcryptPfx::new(key),
            peer_ids: hmac(&key, &[b"peerproof peer_id"]),
            clients: hmac(&key, &[b"peerproof client"]),
        })
    }

    /// Makes a report with pseudonyms in every text of it, its rows in the order of these.
    ///
    /// # Errors
    /// [`PseudonymError::Twice`]; those of reading the report back.
    pub fn applied(&self, document: &Document) -> Result<Document, PseudonymError> {
        if document.options.pseudonyms {
            return Err(PseudonymError::Twice);
        }
        let mut value = serde_json::to_value(document)?;
        let mut known = Known::default();
        known.collect(&value, "");
        self.rewrite(&mut value, "", &known);
        let mut document: Document = serde_json::from_value(value)?;
        document.options.pseudonyms = true;
        // Names of hosts tell their addresses, and often who uses them; an operator, a country or a list of relays tells of
        // a pseudonym in which few networks its address is.
        document.hosts.clear();
        document.lists.clear();
        for input in &mut document.inputs {
            if let Input::Capture { interfaces, .. } = input {
                // Who named it may have named the machine, or its owner.
                interfaces.iter_mut().for_each(|interface| interface.name = None);
            }
        }
        in_order(&mut document);
        Ok(document)
    }

    /// The pseudonym of an address.
    pub fn address(&self, ip: IpAddr) -> IpAddr {
        match ip {
            // A mapped address stays one.
            IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some() => {
                mapped(self.addresses.encrypt_ipaddr(v6.to_canonical()))
            }
            ip => self.addresses.encrypt_ipaddr(ip),
        }
    }

    /// Reveals the value behind a pseudonym: an address, an address and port, a peer_id in hex, or a client; `None` for
    /// a text that is no pseudonym.
    pub fn reveal(&self, pseudonym: &str) -> Option<String> {
        if let Some(hex) = pseudonym.strip_prefix(CLIENT) {
            return self.client_of(&HEXLOWER.decode(hex.as_bytes()).ok()?);
        }
        if let Ok(bytes) = HEXLOWER.decode(pseudonym.as_bytes())
            && let Ok(peer_id) = <[u8; 20]>::try_from(bytes)
        {
            return Some(HEXLOWER.encode(&self.peer_id_of(peer_id)));
        }
        let clear = |ip: IpAddr| match ip {
            IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some() => {
                mapped(self.addresses.decrypt_ipaddr(v6.to_canonical()))
            }
            ip => self.addresses.decrypt_ipaddr(ip),
        };
        let plain = pseudonym.trim_start_matches('[').trim_end_matches(']');
        if let Ok(ip) = plain.parse() {
            return Some(clear(ip).to_string());
        }
        let endpoint: std::net::SocketAddr = pseudonym.parse().ok()?;
        Some(std::net::SocketAddr::new(clear(endpoint.ip()), endpoint.port()).to_string())
    }

    fn rewrite(&self, value: &mut Value, field: &str, known: &Known) {
        match value {
            Value::String(text) => *text = self.text(text, field, known),
            Value::Array(items) => items.iter_mut().for_each(|item| self.rewrite(item, field, known)),
            Value::Object(fields) => {
                fields.iter_mut().for_each(|(field, value)| self.rewrite(value, field, known));
            }
            _ => {}
        }
    }

    fn text(&self, text: &str, field: &str, known: &Known) -> String {
        if field == FILTER {
            return words_of_filters(&self.addresses_in(text));
        }
        if PEER_IDS.contains(&field) {
            let bytes = HEXLOWER.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
            return bytes.map_or_else(String::new, |peer_id| HEXLOWER.encode(&self.peer_id(peer_id)));
        }
        if CLIENTS.contains(&field) {
            return self.client(text);
        }
        // Before the addresses, for a client may hold what looks like one.
        let mut out = text.to_owned();
        for peer_id in known.peer_ids.iter().filter(|peer_id| text.contains(peer_id.as_str())) {
            let bytes = HEXLOWER.decode(peer_id.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
            let pseudonym = bytes.map_or_else(String::new, |peer_id| HEXLOWER.encode(&self.peer_id(peer_id)));
            out = out.replace(peer_id.as_str(), &pseudonym);
        }
        // The longest first: one may begin as another does.
        for client in known.clients.iter().rev().filter(|client| text.contains(client.1.as_str())) {
            out = out.replace(client.1.as_str(), &self.client(&client.1));
        }
        for name in known.names.iter().rev() {
            out = without(&out, &name.1);
        }
        self.addresses_in(&out)
    }

    /// `text` with a pseudonym for each address in it.
    fn addresses_in(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = 0;
        for (range, ip) in addresses(text) {
            out.push_str(text.get(rest..range.start).unwrap_or_default());
            out.push_str(&self.address(ip).to_string());
            rest = range.end;
        }
        out.push_str(text.get(rest..).unwrap_or_default());
        out
    }

    /// A permutation of 20 bytes: eight rounds of Feistel over halves of ten.
    fn peer_id(&self, clear: [u8; 20]) -> [u8; 20] {
        self.rounds(clear, &[0, 1, 2, 3, 4, 5, 6, 7])
    }

    /// Its inverse: the same rounds the other way, with the halves exchanged before and after.
    fn peer_id_of(&self, pseudonym: [u8; 20]) -> [u8; 20] {
        exchanged(self.rounds(exchanged(pseudonym), &[7, 6, 5, 4, 3, 2, 1, 0]))
    }

    fn rounds(&self, bytes: [u8; 20], rounds: &[u8]) -> [u8; 20] {
        let (mut left, mut right) = ([0; 10], [0; 10]);
        left.copy_from_slice(&bytes[..10]);
        right.copy_from_slice(&bytes[10..]);
        for round in rounds {
            let mixed = hmac(&self.peer_ids, &[&[*round], &right]);
            let next = std::array::from_fn(|at| left[at] ^ mixed[at]);
            (left, right) = (right, next);
        }
        let mut out = [0; 20];
        out[..10].copy_from_slice(&left);
        out[10..].copy_from_slice(&right);
        out
    }

    /// `client-` and hex: what the text hashes to, then the text under a key stream of that.
    fn client(&self, clear: &str) -> String {
        let tag = hmac(&self.clients, &[b"tag", clear.as_bytes()]);
        let mut bytes = tag[..TAG].to_vec();
        bytes.extend(self.streamed(&tag[..TAG], clear.as_bytes()));
        format!("{CLIENT}{}", HEXLOWER.encode(&bytes))
    }

    fn client_of(&self, bytes: &[u8]) -> Option<String> {
        let (tag, hidden) = bytes.split_at_checked(TAG)?;
        let clear = String::from_utf8(self.streamed(tag, hidden)).ok()?;
        hmac(&self.clients, &[b"tag", clear.as_bytes()]).starts_with(tag).then_some(clear)
    }

    fn streamed(&self, tag: &[u8], bytes: &[u8]) -> Vec<u8> {
        let blocks = bytes.chunks(32).zip(0_u64..);
        blocks
            .flat_map(|(block, number)| {
                let stream = hmac(&self.clients, &[b"stream", tag, &number.to_be_bytes()]);
                block.iter().zip(stream).map(|(byte, key)| byte ^ key).collect::<Vec<u8>>()
            })
            .collect()
    }
}

/// Returns true if a torrent holds no address of a report that is to be shown with pseudonyms: no text and no bytes of one, no name of
/// its host, and no web seeds, which are peers by name.
pub fn holds_no_address(torrent: &[u8], clear: &Document) -> bool {
    let text = String::from_utf8_lossy(torrent);
    if addresses(&text).next().is_some() || WEB_SEEDS.iter().any(|key| text.contains(key)) {
        return false;
    }
    if clear.hosts.iter().flat_map(|host| &host.names).any(|name| without(&text, &name.name) != text) {
        return false;
    }
    let mut ips: BTreeSet<IpAddr> = BTreeSet::new();
    ips.extend(clear.subjects.iter().map(|subject| subject.endpoint.ip));
    ips.extend(clear.transfers.iter().flat_map(|transfer| [transfer.uploader.ip, transfer.downloader.ip]));
    ips.extend(clear.mentions.iter().flat_map(|mention| [mention.subject.ip, mention.by.ip]));
    ips.extend(clear.swarms.iter().map(|swarm| swarm.by.ip));
    ips.extend(clear.opaque.iter().flat_map(|opaque| [opaque.a.ip, opaque.b.ip]));
    ips.iter().all(|ip| match ip {
        IpAddr::V4(ip) => memchr::memmem::find(torrent, &ip.octets()).is_none(),
        IpAddr::V6(ip) => memchr::memmem::find(torrent, &ip.octets()).is_none(),
    })
}

/// Texts that name a client or an identity, wherever else they stand.
#[derive(Default)]
struct Known {
    peer_ids: BTreeSet<String>,
    /// With their lengths before them.
    clients: BTreeSet<(usize, String)>,
    /// Names of hosts, likewise.
    names: BTreeSet<(usize, String)>,
}

impl Known {
    fn collect(&mut self, value: &Value, field: &str) {
        match value {
            Value::String(text) if PEER_IDS.contains(&field) => {
                self.peer_ids.insert(text.clone());
            }
            Value::String(text) if CLIENTS.contains(&field) && text.chars().count() >= SHORTEST_CLIENT => {
                self.clients.insert((text.len(), text.clone()));
            }
            Value::Array(items) => items.iter().for_each(|item| self.collect(item, field)),
            Value::Object(fields) if field == HOST_NAMES => {
                let name = fields.get("name").and_then(Value::as_str).unwrap_or_default();
                self.names.extend((name.chars().count() >= SHORTEST_CLIENT).then(|| (name.len(), name.to_owned())));
            }
            Value::Object(fields) => fields.iter().for_each(|(field, value)| self.collect(value, field)),
            _ => {}
        }
    }
}

/// `text` with [`NAME`] in place of a name of a host, whatever its case.
fn without(text: &str, name: &str) -> String {
    let (lower, name) = (text.to_ascii_lowercase(), name.to_ascii_lowercase());
    let mut out = String::with_capacity(text.len());
    let mut rest = 0;
    for (at, found) in lower.match_indices(name.as_str()).filter(|_| !name.is_empty()) {
        out.push_str(text.get(rest..at).unwrap_or_default());
        out.push_str(NAME);
        rest = at + found.len();
    }
    out.push_str(text.get(rest..).unwrap_or_default());
    out
}

/// A capture filter with [`NAME`] in place of each word that is none of its language, a number or an address: names of hosts and
/// networks, and addresses of network cards.
fn words_of_filters(filter: &str) -> String {
    let is_sign = |c: char| !(c.is_alphanumeric() || matches!(c, '.' | ':' | '-' | '_'));
    let mut out = String::with_capacity(filter.len());
    for word in filter.split_inclusive(is_sign) {
        let end = word.char_indices().next_back().filter(|(_, c)| is_sign(*c)).map_or(word.len(), |(at, _)| at);
        let (word, sign) = word.split_at(end);
        // An address of a network card has five colons, a place in a header (`tcp[13:2]`) one.
        let is_number = word.starts_with("0x")
            || word.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '-' | ':'))
                && word.matches(':').count() < 2;
        let is_known = FILTER_WORDS.split(' ').any(|known| known == word) || word.parse::<IpAddr>().is_ok();
        out.push_str(if word.is_empty() || is_number || is_known { word } else { NAME });
        out.push_str(sign);
    }
    out
}

/// The addresses in a text, first to last, with where they stand.
fn addresses(text: &str) -> impl Iterator<Item = (std::ops::Range<usize>, IpAddr)> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        while let Some(from) = text.get(at..)?.find(is_of_address).map(|found| at + found) {
            let run = text.get(from..)?;
            let len = run.find(|c| !is_of_address(c)).unwrap_or(run.len());
            let run = run.get(..len)?;
            let begins = text.get(..from)?.chars().next_back().is_none_or(|before| !before.is_alphanumeric());
            let ends = text.get(from + len..)?.chars().next().is_none_or(|after| !after.is_alphanumeric());
            if let Some((skipped, length, ip)) = first_address(run, begins, ends) {
                at = from + skipped + length;
                return Some((from + skipped..at, ip));
            }
            at = from + len;
        }
        None
    })
}

/// The first address in a run of characters of which addresses are made: as long as can be.
fn first_address(run: &str, begins: bool, ends: bool) -> Option<(usize, usize, IpAddr)> {
    let bytes = run.as_bytes();
    for from in 0..bytes.len() {
        let before = from.checked_sub(1).and_then(|at| bytes.get(at));
        let free = match before {
            None => begins,
            // A dot and a digit before it: a number of more than four parts.
            Some(b'.') => !from.checked_sub(2).and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit),
            Some(before) => !before.is_ascii_alphanumeric(),
        };
        if !free {
            continue;
        }
        for to in (from + 2..=bytes.len().min(from + LONGEST_ADDRESS)).rev() {
            let free = match bytes.get(to) {
                None => ends,
                Some(after) => !after.is_ascii_alphanumeric(),
            };
            // A dot and a digit behind it: a number of more than four parts.
            let more = bytes.get(to) == Some(&b'.') && bytes.get(to + 1).is_some_and(u8::is_ascii_digit);
            if let (true, false, Some(Ok(ip))) = (free, more, run.get(from..to).map(str::parse)) {
                return Some((from, to - from, ip));
            }
        }
    }
    None
}

fn is_of_address(c: char) -> bool {
    c.is_ascii_hexdigit() || c == '.' || c == ':'
}

fn mapped(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().into(),
        ip => ip,
    }
}

fn exchanged(bytes: [u8; 20]) -> [u8; 20] {
    std::array::from_fn(|at| bytes[(at + 10) % 20])
}

/// Rows in the order of their pseudonyms: that of the addresses would tell which is which.
fn in_order(document: &mut Document) {
    document.hosts.sort_by_key(|host| host.address);
    let mut places: Vec<usize> = (0..document.subjects.len()).collect();
    let subjects = &document.subjects;
    places.sort_by_key(|at| {
        subjects.get(*at).map(|subject| {
            (subject.endpoint, subject.transport, subject.info_hash.clone(), subject.first_time, subject.frames)
        })
    });
    let mut new = vec![0; places.len()];
    for (place, old) in places.iter().enumerate() {
        new[*old] = place as u64;
    }
    let moved = |old: &mut u64| {
        if let Some(place) = usize::try_from(*old).ok().and_then(|old| new.get(old)) {
            *old = *place;
        }
    };
    document.subjects = places.iter().filter_map(|at| document.subjects.get(*at).cloned()).collect();
    for transfer in &mut document.transfers {
        transfer.uploader_subject.iter_mut().for_each(moved);
        transfer.downloader_subject.iter_mut().for_each(moved);
    }
    for row in document.torrents.iter_mut().filter_map(|torrent| torrent.map.as_mut()).flat_map(|map| &mut map.by) {
        moved(&mut row.subject);
    }
    // Each unit names its transfer by its place, which moves.
    let mut transfers: Vec<(u64, _)> = (0..).zip(std::mem::take(&mut document.transfers)).collect();
    transfers.sort_by_key(|(_, row)| {
        (row.uploader, row.downloader, row.transport, row.info_hash.clone(), row.first_time, row.frames)
    });
    let moved: std::collections::BTreeMap<u64, u64> =
        transfers.iter().zip(0..).map(|((old, _), new)| (*old, new)).collect();
    document.transfers = transfers.into_iter().map(|(_, row)| row).collect();
    for piece in document.pieces.iter_mut().flatten() {
        piece.transfer = moved.get(&piece.transfer).copied().unwrap_or(piece.transfer);
    }
    document.pieces.iter_mut().for_each(|pieces| pieces.sort_by_key(|piece| piece.transfer));
    document
        .mentions
        .sort_by_key(|row| (row.subject, row.info_hash.clone(), row.by, row.via, row.grade, row.frames));
    document.swarms.sort_by_key(|row| (row.info_hash.clone(), row.by, row.via));
    document.opaque.sort_by_key(|row| (row.a, row.b, row.transport, row.frames));
}

/// HMAC-SHA-256 (RFC 2104) of the parts, each behind its length.
fn hmac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let pad = |byte: u8| {
        let mut block = [byte; 64];
        block.iter_mut().zip(key).for_each(|(pad, key)| *pad ^= key);
        block
    };
    let mut inner = Sha256::new_with_prefix(pad(0x36));
    for part in parts {
        inner.update((part.len() as u64).to_be_bytes());
        inner.update(part);
    }
    let mut outer = Sha256::new_with_prefix(pad(0x5c));
    outer.update(inner.finalize());
    outer.finalize().into()
}

const PEER_IDS: &[&str] = &["peer_ids", "uploader_peer_ids"];
const CLIENTS: &[&str] = &["clients", "uploader_clients"];
const CLIENT: &str = "client-";
/// The field of capture filters, and that of the names of hosts.
const FILTER: &str = "filter";
const HOST_NAMES: &str = "names";
/// In place of a name that is left out.
const NAME: &str = "NAME";
/// The keys of web seeds in a torrent (BEP 17, 19), as bencode has them.
const WEB_SEEDS: [&str; 2] = ["8:url-list", "9:httpseeds"];
/// Words of pcap-filter(7).
const FILTER_WORDS: &str = "and or not host net mask port portrange src dst proto ip ip6 tcp udp sctp icmp icmp6 arp rarp ether vlan \
    mpls pppoes pppoed gateway broadcast multicast less greater inbound outbound len wlan type subtype dir protochain igmp esp ah \
    geneve fddi";
// Rationale: 128 bits, as AES-SIV has.
const TAG: usize = 16;
// Rationale: a shorter name, wherever it stands in a sentence, is one of its words.
const SHORTEST_CLIENT: usize = 4;
// Rationale: an IPv6 address with an IPv4 tail: 8 groups of 4 digits, less two for the tail of 15.
const LONGEST_ADDRESS: usize = 45;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    fn key() -> Key {
        Key::read(&format!("  {}\n", "0123456789abcdef".repeat(2) + &"fedcba9876543210".repeat(2))).expect("a key")
    }

    #[test]
    fn a_key_is_64_hex_digits_of_two_halves_that_differ() {
        for wrong in ["", "00", &"0".repeat(64), &"x".repeat(64), &"a1".repeat(33)] {
            assert!(Key::read(wrong).is_err(), "{wrong}");
        }
        assert!(Key::read(&("AB".repeat(16) + &"cd".repeat(16))).is_ok());
    }

    /// Test vectors of the specification of ipcrypt-pfx (draft-denis-ipcrypt), as its author's crate has them.
    #[test]
    fn addresses_become_those_of_the_specification() {
        let key = |hex: &str| Key::read(hex).expect("a key");
        let of = |key: &Key, ip: &str| key.address(ip.parse().expect("an address")).to_string();
        let first = key("0123456789abcdeffedcba98765432101032547698badcfeefcdab8967452301");
        assert_eq!(of(&first, "2001:db8::1"), "c180:5dd4:2587:3524:30ab:fa65:6ab6:f88");
        let second = key("2b7e151628aed2a6abf7158809cf4f3ca9f5ba40db214c3798f2e1c23456789a");
        // Of one network, and so are the pseudonyms.
        for (clear, pseudonym) in [("10.0.0.47", "19.214.210.244"), ("10.0.0.129", "19.214.210.80")] {
            assert_eq!(of(&second, clear), pseudonym);
        }
    }

    #[test]
    fn every_pseudonym_is_revealed_to_the_holder_of_the_key_alone() {
        let (key, other) = (key(), Key::read(&("ab".repeat(16) + &"cd".repeat(16))).expect("a key"));
        let peer_id = *b"-LT2080-abcdefghijkl";
        let hex = HEXLOWER.encode(&key.peer_id(peer_id));
        assert_eq!(key.reveal(&hex), Some(HEXLOWER.encode(&peer_id)));
        assert_ne!(other.reveal(&hex), Some(HEXLOWER.encode(&peer_id)));
        for client in ["", "libtorrent/2.0.8.0", &"世界 ".repeat(100)] {
            let pseudonym = key.client(client);
            assert_eq!(key.reveal(&pseudonym).as_deref(), Some(client));
            assert_eq!(other.reveal(&pseudonym), None);
        }
        for clear in ["192.0.2.7", "2001:db8::7", "::ffff:192.0.2.7"] {
            let ip: IpAddr = clear.parse().expect("an address");
            assert_eq!(key.reveal(&key.address(ip).to_string()).as_deref(), Some(clear));
            assert_eq!(key.address(ip).is_ipv6(), ip.is_ipv6());
        }
        assert_eq!(key.reveal("client-zz").or(key.reveal("no pseudonym")), None);
    }

    #[test]
    fn addresses_are_found_wherever_they_stand_and_nothing_else_is() {
        let found = |text: &str| addresses(text).map(|(range, _)| text[range].to_owned()).collect::<Vec<_>>();
        assert_eq!(
            found("192.0.2.1:6881 -> [2001:db8::1]:51413, via fe80::1."),
            ["192.0.2.1", "2001:db8::1", "fe80::1"]
        );
        assert_eq!(found("host 10.0.0.1/8 or (::1)"), ["10.0.0.1", "::1"]);
        assert_eq!(found("http://[2001:db8::2]/x?ip=1.2.3.4&y"), ["2001:db8::2", "1.2.3.4"]);
        for none in ["2026-11-21T02:59:57.463000000Z", "peerproof 0.1.0", "1.2.3.4.5", "deadbeef: 5", "x1.2.3.4"] {
            assert_eq!(found(none), Vec::<String>::new(), "{none}");
        }
    }

    #[test]
    fn nothing_clear_is_left_in_a_report_and_it_says_so() {
        let mut clear = fixture::document();
        clear.notes.push("10.77.3.10 said that it is libtorrent/2.0.8.0\u{7}".to_owned());
        let report = key().applied(&clear).expect("rewritten");
        let json = report.json().expect("JSON");
        for text in ["10.77.3.", "libtorrent", &HEXLOWER.encode(b"-LT2080-abcdefghijkl")] {
            assert!(!json.contains(text), "{text}:\n{json}");
        }
        assert!(report.options.pseudonyms && json.contains("\"pseudonyms\": true"));
        assert_eq!(report.torrents[0].bytes, clear.torrents[0].bytes);
        assert!(report.subjects.is_sorted_by_key(|subject| subject.endpoint));
        for transfer in &report.transfers {
            let Some(at) = transfer.uploader_subject else { continue };
            assert_eq!(report.subjects[at as usize].endpoint, transfer.uploader);
        }
        assert_eq!(key().applied(&clear).expect("rewritten"), report, "the same key, the same pseudonyms");
        assert!(matches!(key().applied(&report), Err(PseudonymError::Twice)));
    }

    #[test]
    fn a_torrent_with_an_address_is_told() {
        let document = fixture::document();
        assert!(holds_no_address(b"d8:announce23:http://tracker.example/e", &document));
        assert!(!holds_no_address(b"d8:announce20:http://198.51.100.7/e", &document));
        assert!(!holds_no_address(b"d5:peers6:\x0a\x4d\x03\x0a\x1a\xe1e", &document));
    }
}
