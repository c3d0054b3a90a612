//! Sentences and sums on what lists say of addresses.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::ends::Frames;
use crate::evidence::{HostName, NameSource};
use crate::hosts::{Host, List, ListKind, Lists};
use crate::report::Document;

use super::text::{counted, cut, visible};

impl Document {
    /// Puts the names that the captures give beside the addresses of the report.
    pub(super) fn name_hosts(&mut self, names: Vec<(IpAddr, HostName)>) {
        let known = self.addresses();
        for (address, name) in names {
            if known.binary_search(&address).is_err() {
                continue;
            }
            match self.hosts.last_mut() {
                Some(last) if last.address == address => last.names.push(name),
                _ => self.hosts.push(Host { names: vec![name], ..Host::of(address) }),
            }
        }
    }

    /// Every address of which the report has a row, or a mention; sorted.
    fn addresses(&self) -> Vec<IpAddr> {
        let mut addresses: Vec<IpAddr> = self.subjects.iter().map(|subject| subject.endpoint.ip).collect();
        addresses.extend(self.transfers.iter().flat_map(|transfer| [transfer.uploader.ip, transfer.downloader.ip]));
        addresses.extend(self.opaque.iter().flat_map(|each| [each.a.ip, each.b.ip]));
        addresses.extend(self.mentions.iter().map(|mention| mention.subject.ip));
        addresses.iter_mut().for_each(|address| *address = address.to_canonical());
        addresses.sort_unstable();
        addresses.dedup();
        addresses
    }

    /// Adds the statements of `lists` about the addresses of a report.
    pub fn with_hosts(mut self, lists: &Lists) -> Self {
        let mut names: BTreeMap<IpAddr, Vec<HostName>> =
            std::mem::take(&mut self.hosts).into_iter().map(|host| (host.address, host.names)).collect();
        let host = |address: IpAddr| lists.with_names(address, names.remove(&address).unwrap_or_default());
        self.hosts = self.addresses().into_iter().filter_map(host).collect();
        self.lists = lists.lists().to_vec();
        self
    }

    /// The row of `address` among the statements of lists; `None` where no list names it.
    pub fn host(&self, address: IpAddr) -> Option<&Host> {
        host(&self.hosts, address)
    }
}

/// The row of `address` in `hosts`, which are sorted.
pub(super) fn host(hosts: &[Host], address: IpAddr) -> Option<&Host> {
    let address = address.to_canonical();
    hosts.binary_search_by_key(&address, |host| host.address).ok().and_then(|at| hosts.get(at))
}

/// Statements about a host as sentences, each with its list and that list's date.
pub(crate) fn sentences(host: &Host, lists: &[List]) -> Vec<String> {
    let mut out = Vec::new();
    let network = network(host);
    if !network.is_empty() {
        let by: Vec<String> =
            host.by.iter().filter_map(|index| lists.get(usize::from(*index))).map(dated).collect();
        out.push(format!("In the network of {network}, as {} says: that names no person.", by.join(" and ")));
    }
    for relay in &host.relays {
        let Some(list) = lists.get(usize::from(relay.list)) else { continue };
        let kind = relay.kind.as_deref().map_or_else(|| "a relay".to_owned(), |kind| visible(&cut(kind)));
        let time = match (relay.first, relay.last) {
            (Some(first), Some(last)) if first == last => format!(", seen {}", date(first)),
            (Some(first), Some(last)) if date(first) == date(last) => format!(", for {}", date(first)),
            (Some(first), Some(last)) => format!(", for {} to {}", date(first), date(last)),
            (Some(first), None) => format!(", since {}", date(first)),
            (None, Some(last)) => format!(", until {}", date(last)),
            (None, None) => String::new(),
        };
        out.push(format!("Listed as {kind} in {}{time}: what it sends may come from others.", dated(list)));
    }
    for name in host.names.iter().take(MOST_NAMES) {
        let called = visible(&cut(&name.name));
        out.push(match (name.by, name.frames, name.first_time) {
            (Some(by), Some(frames), Some(first)) => format!(
                "Named \"{called}\" by an answer of {} from {by}, {}, {}.",
                if name.source == NameSource::Mdns { "mDNS" } else { "DNS" },
                date(first),
                frame(frames)
            ),
            _ => format!(
                "Named \"{called}\" in the name records of input #{}, which are not dated.",
                u32::from(name.input.unwrap_or_default()) + 1
            ),
        });
    }
    match host.names.len() {
        0 => {}
        names if names > MOST_NAMES => {
            let more = (names - MOST_NAMES) as u64;
            out.push(format!("{}: the table hosts has all. A name is no person.", counted(more, "more name")));
        }
        _ => out.push("A name is no person.".to_owned()),
    }
    out
}

/// `frame 12`, with its input where that is not the first.
fn frame(frames: Frames) -> String {
    if frames.file == 0 {
        format!("frame {}", frames.first)
    } else {
        format!("frame #{} {}", frames.file + 1, frames.first)
    }
}

/// `AS64500 Example, DE`; empty where nothing is known.
pub(super) fn network(host: &Host) -> String {
    let number = host.asn.map(|asn| format!("AS{asn}"));
    let operator = host.operator.as_deref().map(|operator| visible(&cut(operator)));
    let named: Vec<String> = number.into_iter().chain(operator).collect();
    let country = host.country.as_deref().map(|country| visible(&cut(country)));
    let parts = [(!named.is_empty()).then(|| named.join(" ")), country];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn dated(list: &List) -> String {
    let name = visible(&cut(&list.name));
    match list.made {
        Some(made) => format!("{name} of {}", date(made)),
        None => format!("{name} (undated)"),
    }
}

fn date(time: crate::ends::Timestamp) -> String {
    time.to_string().chars().take(10).collect()
}

/// Sums over one operator.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Operator {
    pub(super) asn: Option<u32>,
    pub(super) operator: String,
    pub(super) country: String,
    pub(super) addresses: u64,
    /// Peers that sent piece data.
    pub(super) uploaders: u64,
    /// Peers that met the standard of proof.
    pub(super) standard_met: u64,
    pub(super) served_bytes: u64,
    pub(super) verified_bytes: u64,
    pub(super) sole_bytes: u64,
    pub(super) refuted_bytes: u64,
    /// Of `served_bytes`, those of rows that stand in the report a second time, under the other addresses of a translation.
    pub(super) translated_bytes: u64,
}

/// The operators of the report with sums over what was served, most served bytes first; those that no list names are in a row without a
/// name. Empty without lists of operators.
pub(super) fn operators(document: &Document) -> Vec<Operator> {
    if !document.lists.iter().any(|list| list.kind == ListKind::Mmdb) {
        return Vec::new();
    }
    let key = |address: IpAddr| {
        let host = document.host(address);
        let text = |text: Option<&String>| text.cloned().unwrap_or_default();
        let operator = text(host.and_then(|host| host.operator.as_ref()));
        (host.and_then(|host| host.asn), operator, text(host.and_then(|host| host.country.as_ref())))
    };
    let mut sums: BTreeMap<_, (std::collections::BTreeSet<IpAddr>, Operator)> = BTreeMap::new();
    for subject in &document.subjects {
        let address = subject.endpoint.ip.to_canonical();
        let (addresses, sum) = sums.entry(key(address)).or_default();
        addresses.insert(address);
        sum.uploaders += u64::from(subject.bytes.served > 0);
        sum.standard_met += u64::from(subject.actionable);
    }
    for transfer in document.transfers.iter().filter(|transfer| transfer.bytes.served > 0) {
        let (_, sum) = sums.entry(key(transfer.uploader.ip)).or_default();
        let bytes = &transfer.bytes;
        let add = |to: &mut u64, bytes: u64| *to = to.saturating_add(bytes);
        add(&mut sum.served_bytes, bytes.served);
        add(&mut sum.verified_bytes, bytes.verified);
        add(&mut sum.sole_bytes, bytes.sole);
        add(&mut sum.refuted_bytes, bytes.refuted);
        if !transfer.same_connection_as.is_empty() {
            add(&mut sum.translated_bytes, bytes.served);
        }
    }
    let mut rows: Vec<Operator> = sums
        .into_iter()
        .map(|((asn, operator, country), (addresses, sum))| Operator {
            asn,
            operator,
            country,
            addresses: addresses.len() as u64,
            ..sum
        })
        .collect();
    // The order of the keys stays where as much was served.
    rows.sort_by_key(|row| std::cmp::Reverse(row.served_bytes));
    rows
}

// Rationale: a host behind a provider of content has hundreds.
const MOST_NAMES: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ends::{Hex, Timestamp};
    use crate::hosts::Relay;
    use crate::report::fixture;

    fn list(name: &str, kind: ListKind, made: Option<&str>) -> List {
        let made = made.map(|day| format!("{day}T00:00:00.000000000Z").parse::<Timestamp>().expect("a time"));
        List { name: name.to_owned(), kind, bytes: 1, sha256: Hex([7; 32]), made, unread_lines: 0 }
    }

    fn document() -> Document {
        let mut document = fixture::document();
        let address = document.subjects[0].endpoint.ip;
        document.lists =
            vec![list("asn.mmdb", ListKind::Mmdb, Some("2026-11-01")), list("exits.csv", ListKind::Relays, None)];
        let day = |text: &str| Some(text.parse::<Timestamp>().expect("a time"));
        document.hosts = vec![Host {
            address,
            asn: Some(64_500),
            operator: Some("Example\u{202e} Net".to_owned()),
            country: Some("DE".to_owned()),
            by: vec![0],
            names: Vec::new(),
            relays: vec![Relay {
                list: 1,
                kind: Some("Tor exit".to_owned()),
                first: day("2026-11-01T00:00:00.000000000Z"),
                last: day("2026-11-20T23:59:59.000000000Z"),
            }],
        }];
        document
    }

    #[test]
    fn each_statement_names_its_list_and_its_date_and_strangers_names_are_escaped() {
        let document = document();
        let said = sentences(&document.hosts[0], &document.lists);
        assert_eq!(
            said,
            [
                "In the network of AS64500 Example\\u{202e} Net, DE, as asn.mmdb of 2026-11-01 says: that names no person.",
                "Listed as Tor exit in exits.csv (undated), for 2026-11-01 to 2026-11-20: what it sends may come from others.",
            ]
        );
    }

    #[test]
    fn the_sums_of_operators_are_those_of_the_transfers() {
        let document = document();
        let rows = operators(&document);
        let sum = |of: fn(&Operator) -> u64| rows.iter().map(of).sum::<u64>();
        let transfers = |of: fn(&crate::evidence::Bytes) -> u64| {
            document.transfers.iter().map(|transfer| of(&transfer.bytes)).sum::<u64>()
        };
        assert_eq!(sum(|row| row.served_bytes), transfers(|bytes| bytes.served));
        assert_eq!(sum(|row| row.verified_bytes), transfers(|bytes| bytes.verified));
        assert!(
            rows.iter().any(|row| row.asn == Some(64_500)) && rows.iter().any(|row| row.asn.is_none()),
            "{rows:?}"
        );
        assert!(operators(&fixture::document()).is_empty());
    }
}
