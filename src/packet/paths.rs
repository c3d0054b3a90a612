//! The tunnels that a packet crossed, as interned numbers.

use std::net::IpAddr;

use foldhash::quality::RandomState;
use hashbrown::HashMap;

use super::tunnel::Tunnel;
use crate::ends::PathId;
use crate::limits::TUNNEL_PATHS;

/// One tunnel inside another, or inside none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    outer: PathId,
    tunnel: Tunnel,
    source: IpAddr,
    destination: IpAddr,
}

/// Names of paths; the number of a path never changes.
#[derive(Debug)]
pub(super) struct Paths {
    ids: HashMap<Key, PathId, RandomState>,
    names: Vec<String>,
}

impl Paths {
    pub fn new() -> Self {
        let names = vec![String::new(), "(more tunnels)".to_owned()];
        Self { ids: HashMap::with_hasher(RandomState::default()), names }
    }

    /// The path through `tunnel`, whose outer header goes from `source` to `destination`, inside `outer`.
    /// [`OTHERS`] when the table is full.
    pub fn intern(&mut self, outer: PathId, tunnel: Tunnel, source: IpAddr, destination: IpAddr) -> PathId {
        let key = Key { outer, tunnel, source, destination };
        if let Some(id) = self.ids.get(&key) {
            return *id;
        }
        let Some(next) = u32::try_from(self.names.len()).ok().filter(|&next| next < TUNNEL_PATHS) else {
            return OTHERS;
        };
        let mut name = self.name(outer).to_owned();
        if !name.is_empty() {
            name.push_str(", ");
        }
        name.push_str(&format!("{tunnel} {source} -> {destination}"));
        self.names.push(name);
        self.ids.insert(key, PathId(next));
        PathId(next)
    }

    pub fn name(&self, path: PathId) -> &str {
        usize::try_from(path.0).ok().and_then(|index| self.names.get(index)).map_or("", String::as_str)
    }
}

/// All paths beyond the limit.
pub(super) const OTHERS: PathId = PathId(1);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::tunnel::UdpKind;

    #[test]
    fn paths_are_named_outermost_first_and_bounded() {
        let mut paths = Paths::new();
        let (a, b) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([198, 51, 100, 2]));
        let gre = paths.intern(PathId::NONE, Tunnel::Gre, a, b);
        let inner = paths.intern(gre, Tunnel::Udp(UdpKind::Vxlan(5)), b, a);
        assert_eq!(paths.intern(PathId::NONE, Tunnel::Gre, a, b), gre);
        assert_eq!(paths.name(gre), "GRE 192.0.2.1 -> 198.51.100.2");
        assert_eq!(paths.name(inner), "GRE 192.0.2.1 -> 198.51.100.2, VXLAN 5 over UDP 198.51.100.2 -> 192.0.2.1");
        assert_eq!(paths.name(PathId::NONE), "");
        for vni in 0..TUNNEL_PATHS {
            paths.intern(PathId::NONE, Tunnel::Udp(UdpKind::Geneve(vni)), a, b);
        }
        assert_eq!(paths.intern(PathId::NONE, Tunnel::Udp(UdpKind::Geneve(TUNNEL_PATHS)), a, b), OTHERS);
        assert_eq!(paths.name(OTHERS), "(more tunnels)");
        assert_eq!(paths.intern(PathId::NONE, Tunnel::Gre, a, b), gre);
    }
}
