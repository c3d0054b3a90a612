//! Who sent and received packets, and when: summed from the flows as they end.

use std::net::IpAddr;

use hashbrown::HashMap;

use super::coverage::{Coverage, Host, Seen, UnrecognisedFlow};
use super::traffic::{CarriedProtocol, Volume};
use crate::ends::{Direction, FlowKey, Timestamp};
use crate::limits::{HOSTS, UNRECOGNISED};

/// The packets of every address.
#[derive(Debug, Default)]
pub(crate) struct Hosts {
    hosts: HashMap<IpAddr, HostSums, foldhash::quality::FixedState>,
    left_out: u64,
    unrecognised: Vec<UnrecognisedFlow>,
    unrecognised_left_out: u64,
    /// The ends of every packet so far; `None` before the first.
    central: Option<Vec<IpAddr>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct HostSums {
    from: Option<Seen>,
    to: Option<Seen>,
    others: [Option<IpAddr>; 3],
}

impl Hosts {
    /// Adds a flow that ended.
    pub(super) fn add(&mut self, flow: FlowKey, content: CarriedProtocol, volume: &Volume) {
        let (low, high) = (flow.low.ip, flow.high.ip);
        if is_of_one_link(low) || is_of_one_link(high) {
            return;
        }
        self.ends(low, high);
        let seen = |direction| volume.seen(direction);
        let (up, down) = (seen(Direction::LowToHigh), seen(Direction::HighToLow));
        let both = up.is_some() && down.is_some();
        let told = |direction| seen(direction).filter(|_| both || volume.tells(direction));
        self.host(low, high, up, told(Direction::HighToLow));
        self.host(high, low, down, told(Direction::LowToHigh));
        let bytes = volume.bytes().iter().sum::<u64>();
        let hiding = volume.hiding();
        let unknown = content == CarriedProtocol::Other && (bytes > 0 || hiding.is_some());
        if let (true, Some(all)) = (unknown, up.into_iter().chain(down).reduce(Seen::join)) {
            if self.unrecognised.len() < UNRECOGNISED {
                let (first, last) = (all.first, all.last);
                self.unrecognised.push(UnrecognisedFlow { a: flow.low, b: flow.high, first, last, bytes, hiding });
            } else {
                self.unrecognised_left_out += 1;
            }
        }
    }

    /// Notes the ends of a unicast packet that is of no flow, such as ICMP.
    pub(crate) fn ends(&mut self, one: IpAddr, other: IpAddr) {
        if is_of_one_link(one) || is_of_one_link(other) {
            return;
        }
        match &mut self.central {
            None => self.central = Some(if one == other { vec![one] } else { vec![one, other] }),
            Some(central) => central.retain(|address| *address == one || *address == other),
        }
    }

    fn host(&mut self, address: IpAddr, other: IpAddr, from: Option<Seen>, to: Option<Seen>) {
        if self.hosts.len() >= HOSTS && !self.hosts.contains_key(&address) {
            self.left_out += 1;
            return;
        }
        let sums = self.hosts.entry(address).or_default();
        for (known, more) in [(&mut sums.from, from), (&mut sums.to, to)] {
            *known = match (*known, more) {
                (Some(known), Some(more)) => Some(known.join(more)),
                (known, more) => known.or(more),
            };
        }
        if !sums.others.contains(&Some(other))
            && let Some(slot) = sums.others.iter_mut().find(|slot| slot.is_none())
        {
            *slot = Some(other);
        }
    }

    /// All that was seen.
    pub(super) fn finish(self, mut clock_steps: Vec<Timestamp>) -> Coverage {
        let mut hosts: Vec<Host> = self
            .hosts
            .into_iter()
            .map(|(address, sums)| Host {
                address,
                from: sums.from,
                to: sums.to,
                others: sums.others.iter().flatten().count() as u8,
            })
            .collect();
        hosts.sort_unstable_by_key(|host| host.address);
        let mut unrecognised = self.unrecognised;
        unrecognised.sort_unstable();
        clock_steps.sort_unstable();
        let mut central = self.central.unwrap_or_default();
        central.sort_unstable();
        Coverage {
            hosts,
            hosts_left_out: self.left_out,
            unrecognised,
            unrecognised_left_out: self.unrecognised_left_out,
            central,
            clock_steps,
        }
    }
}

/// Returns true if packets with such an address stay on one link, or are no unicast.
fn is_of_one_link(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_multicast() || v4.is_broadcast() || v4.is_link_local() || v4.is_unspecified(),
        IpAddr::V6(v6) => v6.is_multicast() || v6.is_unicast_link_local() || v6.is_unspecified(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ends::{Endpoint, Protocol};

    #[test]
    fn an_address_is_central_while_it_is_an_end_of_every_packet() {
        let end = |last: u8| IpAddr::from([192, 0, 2, last]);
        let mut hosts = Hosts::default();
        hosts.ends(end(1), end(2));
        hosts.ends(end(3), end(1));
        hosts.ends(end(1), IpAddr::from([224, 0, 0, 1]));
        assert_eq!(hosts.central, Some(vec![end(1)]));
        hosts.ends(end(2), end(3));
        assert_eq!(hosts.central, Some(Vec::new()));
    }

    #[test]
    fn who_was_only_called_received_nothing() {
        let end = |last: u8, port| Endpoint { ip: IpAddr::from([192, 0, 2, last]), port };
        let (flow, direction) = FlowKey::new(end(1, 5_000), end(2, 6_881), Protocol::Tcp);
        let mut volume = Volume::default();
        volume.note(direction, Timestamp(5), false);
        let mut hosts = Hosts::default();
        hosts.add(flow, CarriedProtocol::Other, &volume);
        let coverage = hosts.finish(Vec::new());
        let called = coverage.hosts.iter().find(|host| host.address == end(2, 0).ip).expect("a host");
        assert_eq!((called.from, called.to), (None, None));
    }
}
