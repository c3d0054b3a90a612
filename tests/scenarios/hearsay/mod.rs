//! Who is only named, and who announced itself (T01 to T08): trackers over HTTP and UDP, the DHT, local discovery.

mod announced;
mod http;
mod named;
mod names;
mod peers;
mod sockets;
mod swarms;

use std::net::SocketAddr;

use peerproof::anomaly::Kind;
use peerproof::evidence::{Evidence, Flag, Grade, Mention};

use super::*;
use crate::synth::hearsay as say;
use crate::synth::run::{Run, analyze, subject, transfer};

/// A host that announces, and its listen port.
const A: &str = "81.2.69.10:6881";
const TRACKER: &str = "198.51.100.9:6969";
const NODE: &str = "198.51.100.7:6881";
const SECRET: u64 = 0x5ec4_e700_0000_0001;

/// Every mention: subject, by, via, grade, flags, count.
fn told(evidence: &Evidence) -> Vec<String> {
    let line = |mention: &Mention| {
        // The addresses of the tests are of any kind.
        let flags = mention.flags.iter().filter(|flag| **flag != Flag::PrivateAddress);
        let flags: Vec<_> = flags.map(|flag| flag.name()).collect();
        let flags = if flags.is_empty() { String::new() } else { format!(" {}", flags.join(",")) };
        let unknown = if mention.info_hash.is_some() { "" } else { " of no torrent" };
        let Mention { subject, by, via, grade, count, .. } = mention;
        format!("{subject} by {by} {via} {grade}{flags} x{count}{unknown}")
    };
    evidence.mentions.iter().map(line).collect()
}

/// Everything said of whole swarms: by, via, seeders, leechers, downloads.
fn swarms(evidence: &Evidence) -> Vec<String> {
    let line = |row: &peerproof::evidence::Swarm| {
        let figure = |figure: Option<u64>| figure.map_or("-".to_owned(), |figure| figure.to_string());
        let [seeders, leechers, downloads] = [row.seeders, row.leechers, row.downloads].map(figure);
        format!("{} {} {seeders}/{leechers}/{downloads} x{}", row.by, row.via, row.count)
    };
    evidence.swarms.iter().map(line).collect()
}

fn odd(evidence: &Evidence, kind: Kind) -> u64 {
    evidence.anomalies.tally(kind).map_or(0, |tally| tally.amount)
}

fn all(texts: &[&str]) -> Vec<SocketAddr> {
    texts.iter().map(|text| address(text)).collect()
}
