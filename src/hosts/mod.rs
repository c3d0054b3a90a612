//! Lists that the user gives of addresses: operator and country (MaxMind DB files), and relays (Tor exits, proxies, VPN
//! ranges); beside them stand the names that the captures give for them.
//!
//! Nothing is looked up anywhere else, and nothing here changes a figure or a grade. Every statement names its list, and a list its
//! date: who held an address at a time is another question.

mod operators;
mod prefix;
mod relays;

use std::fs::File;
use std::io::Read;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::ends::{Hex, Timestamp};
use crate::evidence::HostName;
use crate::limits::{MMDB_BYTES, RELAYS_BYTES};
use crate::words::words;
use operators::Operators;
pub use prefix::Prefix;
pub use relays::Relays;

/// Why a list cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HostsError {
    /// It cannot be read.
    #[error("{name}: cannot read")]
    Io {
        /// The file.
        name: String,
        /// Why.
        source: std::io::Error,
    },
    /// It holds something else.
    #[error("{name}: {found}, expected {expected}")]
    Malformed {
        /// The file.
        name: String,
        /// Content that was found.
        found: String,
        /// Content that was expected.
        expected: &'static str,
    },
}

words! {
    /// Kinds of lists.
    pub enum ListKind {
        /// A MaxMind DB: operator or country by address.
        Mmdb = "mmdb",
        /// Addresses of relays.
        Relays = "relays",
    }
}

/// A list that was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct List {
    /// File name without its directories; not escaped.
    pub name: String,
    /// Kind of entries that the list has.
    pub kind: ListKind,
    /// Size.
    pub bytes: u64,
    /// SHA-256 of the file.
    pub sha256: Hex<32>,
    /// When it was made, as it says itself; `None` where it does not.
    pub made: Option<Timestamp>,
    /// Lines that hold no address, and were passed over; left out where there is none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unread_lines: u64,
}

/// Statements about an address, of the lists and of names in the captures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Host {
    /// The address.
    pub address: IpAddr,
    /// Number of the autonomous system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asn: Option<u32>,
    /// Who operates its network; not escaped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    /// Country code (ISO 3166), as the list has it; not escaped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// Indices in `lists` of those that say so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by: Vec<u16>,
    /// Where it is listed as a relay.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub relays: Vec<Relay>,
    /// Names that the captures give for it, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<HostName>,
}

impl Host {
    /// An address of which nothing is said.
    pub fn of(address: IpAddr) -> Self {
        let (by, relays, names) = (Vec::new(), Vec::new(), Vec::new());
        Self { address, asn: None, operator: None, country: None, by, relays, names }
    }
}

/// An entry of a list of relays.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Relay {
    /// Index of the list in `lists`.
    pub list: u16,
    /// The list's own word for the relay, as `Tor exit`; `None` where it has none. Not escaped.
    pub kind: Option<String>,
    /// Since when it is said to be one.
    pub first: Option<Timestamp>,
    /// Until when.
    pub last: Option<Timestamp>,
}

/// All lists of a run.
#[derive(Debug, Default)]
pub struct Lists {
    lists: Vec<List>,
    operators: Vec<(u16, Operators)>,
    relays: Vec<(u16, Relays)>,
}

impl Lists {
    /// Reads MaxMind DB files and lists of relays.
    ///
    /// # Errors
    /// [`HostsError`] for the first one that cannot be used.
    pub fn open(mmdb: &[PathBuf], relays: &[PathBuf]) -> Result<Self, HostsError> {
        let mut all = Self::default();
        for path in mmdb {
            let bytes = read(path, MMDB_BYTES)?;
            let mut list = List::of(path, ListKind::Mmdb, &bytes);
            let operators = Operators::read(&list.name, bytes)?;
            list.made = operators.made();
            all.operators.push((all.next(), operators));
            all.lists.push(list);
        }
        for path in relays {
            let bytes = read(path, RELAYS_BYTES)?;
            let mut list = List::of(path, ListKind::Relays, &bytes);
            let relays = Relays::read(&list.name, &bytes)?;
            (list.made, list.unread_lines) = (relays.made(), relays.unread_lines());
            all.relays.push((all.next(), relays));
            all.lists.push(list);
        }
        Ok(all)
    }

    /// The lists, in the order of their indices.
    pub fn lists(&self) -> &[List] {
        &self.lists
    }

    /// Statements of the lists about `address`; `None` where there are none. The first list that names an operator or
    /// country counts.
    pub fn of(&self, address: IpAddr) -> Option<Host> {
        let address = address.to_canonical();
        let mut host = Host::of(address);
        for (list, operators) in &self.operators {
            let Some(said) = operators.of(address) else { continue };
            let adds = host.asn.is_none() && said.asn.is_some()
                || host.operator.is_none() && said.operator.is_some()
                || host.country.is_none() && said.country.is_some();
            if adds {
                host.by.push(*list);
            }
            host.asn = host.asn.or(said.asn);
            host.operator = host.operator.or(said.operator);
            host.country = host.country.or(said.country);
        }
        for (list, relays) in &self.relays {
            host.relays.extend(relays.of(address).map(|entry| Relay { list: *list, ..entry.clone() }));
        }
        host.relays.sort();
        host.relays.dedup();
        (!host.by.is_empty() || !host.relays.is_empty()).then_some(host)
    }

    /// Statements of the lists about `address`, with the `names` that the captures give it.
    pub fn with_names(&self, address: IpAddr, names: Vec<HostName>) -> Option<Host> {
        let host = self.of(address).or_else(|| (!names.is_empty()).then(|| Host::of(address.to_canonical())))?;
        Some(Host { names, ..host })
    }

    fn next(&self) -> u16 {
        self.lists.len() as u16
    }
}

impl List {
    fn of(path: &Path, kind: ListKind, bytes: &[u8]) -> Self {
        let name =
            path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
        let sha256 = Hex(Sha256::digest(bytes).into());
        Self { name, kind, bytes: bytes.len() as u64, sha256, made: None, unread_lines: 0 }
    }
}

fn read(path: &Path, most: u64) -> Result<Vec<u8>, HostsError> {
    let name = path.display().to_string();
    let io = |source| HostsError::Io { name: name.clone(), source };
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(most + 1).read_to_end(&mut bytes)).map_err(io)?;
    if bytes.len() as u64 > most {
        let found = format!("more than {most} bytes");
        return Err(HostsError::Malformed { name, found, expected: "a list of addresses" });
    }
    Ok(bytes)
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}
