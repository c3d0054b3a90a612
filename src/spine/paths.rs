//! The tunnels that a flow crossed.

use std::collections::BTreeSet;

use crate::ends::PathId;
use crate::limits::FLOW_TUNNELS;
use crate::packet::Decoder;

/// The tunnels that a flow crossed, the first few of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Paths {
    tunnels: Vec<PathId>,
    /// Packets came outside of any tunnel, too.
    direct: bool,
    /// There were more tunnels.
    more: bool,
}

impl Paths {
    #[inline]
    pub(super) fn add(&mut self, path: PathId) {
        if path == PathId::NONE {
            self.direct = true;
        } else if !self.tunnels.contains(&path) {
            if self.tunnels.len() < FLOW_TUNNELS {
                self.tunnels.push(path);
            } else {
                self.more = true;
            }
        }
    }

    /// The tunnels by name, and that there was none where that is so of a part of the packets only.
    pub(super) fn names(&self, decoder: &Decoder) -> BTreeSet<String> {
        let mut names: BTreeSet<String> =
            self.tunnels.iter().map(|path| decoder.path_name(*path).to_owned()).collect();
        if self.direct && !names.is_empty() {
            names.insert(NO_TUNNEL.to_owned());
        }
        if self.more {
            names.insert(MORE_TUNNELS.to_owned());
        }
        names
    }
}

/// Stands among the tunnels of a flow of which packets crossed none.
const NO_TUNNEL: &str = "(no tunnel)";
/// Stands among the tunnels of a flow that crossed more than are kept.
const MORE_TUNNELS: &str = "(more tunnels, not listed)";
