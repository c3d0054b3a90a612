//! Lists of the user's that say something of addresses, as arguments.

use std::path::PathBuf;

use clap::Args;
use peerproof::hosts::Lists;

/// Lists that say something of addresses.
#[derive(Debug, Args)]
pub struct HostLists {
    /// A MaxMind DB file (.mmdb) with operators or countries, to be named beside addresses. May be given several times: of two that
    /// name an operator, the first one counts. Nothing is looked up online, and no figure changes
    #[arg(long, value_name = "FILE")]
    mmdb: Vec<PathBuf>,

    /// A list of relays (Tor exits, proxies, VPN ranges), to be named beside addresses: an address or prefix a line, the list of exits of
    /// the Tor project, or CSV with a kind and the dates from when and until when. May be given several times
    #[arg(long, value_name = "FILE")]
    relays: Vec<PathBuf>,
}

impl HostLists {
    /// Reads them.
    pub fn open(&self) -> anyhow::Result<Lists> {
        Ok(Lists::open(&self.mmdb, &self.relays)?)
    }
}
