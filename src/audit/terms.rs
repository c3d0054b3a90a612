//! Terms that the user states for an audit: the tolerance, addresses whose traffic passed here whole, addresses that
//! stand for others.

use std::net::IpAddr;
use std::sync::Arc;

use super::claim::Window;
use super::examined::Index;
use super::verdict::{Coverage, Vantage};
use crate::hosts::{Lists, Prefix};

/// The terms of an audit.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Nanoseconds that a stated time may be off.
    pub tolerance: i64,
    /// Whose packets all passed here.
    pub covers: Covers,
    /// Public addresses, and the inside addresses that stood for them.
    pub aliases: Vec<Alias>,
    /// Lists of relays, operators and countries.
    pub lists: Arc<Lists>,
}

/// On whose word an address' traffic is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Covers {
    /// Inferred from the captures.
    Inferred,
    /// Never.
    Nobody,
    /// Stated by the user for these.
    Stated(Vec<Prefix>),
}

/// A public address and the inside one that stood for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alias {
    /// The address in notices, and a port where only that one is meant.
    pub public: (IpAddr, Option<u16>),
    /// The address in the captures.
    pub inside: (IpAddr, Option<u16>),
}

impl std::str::FromStr for Alias {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let end = |text: &str| super::address::parse(text).map_err(|_| format!("{text} is no address"));
        let (public, inside) = text.split_once('=').ok_or("expected PUBLIC[:PORT]=INSIDE[:PORT]".to_owned())?;
        Ok(Self { public: end(public)?, inside: end(inside)? })
    }
}

impl std::fmt::Display for Alias {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let end = |(address, port): (IpAddr, Option<u16>)| match (address, port) {
            (address, None) => address.to_string(),
            (IpAddr::V4(v4), Some(port)) => format!("{v4}:{port}"),
            (IpAddr::V6(v6), Some(port)) => format!("[{v6}]:{port}"),
        };
        write!(f, "{}={}", end(self.public), end(self.inside))
    }
}

impl Default for Terms {
    fn default() -> Self {
        Self { tolerance: TOLERANCE, covers: Covers::Inferred, aliases: Vec::new(), lists: Arc::default() }
    }
}

impl Terms {
    /// The window of a stated time: the tolerance on both sides.
    pub(super) fn widen(&self, stated: Window) -> Window {
        Window { from: stated.from.saturating_sub(self.tolerance), to: stated.to.saturating_add(self.tolerance) }
    }

    /// The inside address that stands for a stated one.
    pub(super) fn inside(&self, address: IpAddr, port: Option<u16>) -> Option<(IpAddr, Option<u16>)> {
        let fits = |alias: &&Alias| alias.public.0 == address && alias.public.1.is_none_or(|own| Some(own) == port);
        // One that names the port counts before one that does not.
        let by_port = self.aliases.iter().filter(fits).find(|alias| alias.public.1.is_some());
        by_port.or_else(|| self.aliases.iter().find(fits)).map(|alias| alias.inside)
    }

    pub(super) fn is_relay(&self, address: IpAddr) -> bool {
        self.lists.of(address).is_some_and(|host| !host.relays.is_empty())
    }

    /// Returns true if the user states that all traffic of `address` passed here.
    pub(super) fn is_covered(&self, address: IpAddr) -> bool {
        matches!(&self.covers, Covers::Stated(prefixes) if prefixes.iter().any(|prefix| prefix.holds(address)))
    }

    /// Stretches around `stated` in which the captures can have seen `address`, which may stand for `stated_address`.
    pub(super) fn coverage(
        &self,
        index: &Index<'_>,
        address: IpAddr,
        stated_address: IpAddr,
        stated: Option<Window>,
    ) -> Coverage {
        let (examined, host) = (index.examined, index.host(address));
        let is_stated = self.is_covered(address) || self.is_covered(stated_address);
        let inferred = self.covers == Covers::Inferred
            && examined.central.contains(&address)
            && host.is_some_and(|host| host.from.is_some() && host.to.is_some() && host.others >= 2);
        let vantage = match host {
            _ if is_stated || inferred => Vantage::Whole,
            Some(host) if host.from.is_some() => Vantage::Sessions,
            Some(host) if host.to.is_some() => Vantage::Toward,
            _ => Vantage::None,
        };
        let window = stated.map(|stated| self.widen(stated));
        let covered = |window: Window| -> i64 {
            let parts = examined
                .stretches
                .iter()
                .map(|stretch| (stretch.to.min(window.to) - stretch.from.max(window.from)).max(0));
            parts.sum()
        };
        let in_one = |window: Window| {
            examined
                .stretches
                .iter()
                .any(|stretch| stretch.from <= window.from && window.to <= stretch.to.saturating_add(1))
        };
        let share = window.map_or(0, |window| {
            let length = i128::from(window.to) - i128::from(window.from);
            u16::try_from(i128::from(covered(window)) * 1_000 / length.max(1)).unwrap_or(1_000)
        });
        // Of a stated second, a packet in it may stand for one behind it.
        let around = |stated: Window| {
            let last = stated.to.saturating_sub((stated.to - stated.from).min(SECOND));
            host.and_then(|host| host.from).is_some_and(|(_, from)| from.from <= stated.from && last <= from.to)
        };
        let partly = |window: Window| {
            examined.stretches.iter().any(|stretch| stretch.from < window.to && window.from <= stretch.to)
        };
        Coverage {
            address,
            vantage,
            is_stated,
            stated_time: stated.is_some_and(in_one),
            stated_time_partly: stated.is_some_and(partly),
            window_share: share,
            window_in_one: window.is_some_and(in_one),
            around: stated.is_some_and(around),
        }
    }
}

const SECOND: i64 = 1_000_000_000;
// Rationale: notices.md, section 2.1.
const TOLERANCE: i64 = 30_000_000_000;
