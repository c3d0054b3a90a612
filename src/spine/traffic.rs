//! Traffic of all flows, BitTorrent or not: counted per flow, and added up when a flow ends.
//!
//! Only BitTorrent is shown by its own messages. The names of other protocols rest on a port or on the first bytes of
//! the flow, and are hints.

use std::collections::BTreeMap;

use super::coverage::{Hiding, Seen};
use super::findings::UnreadProtocol;
use super::hosts::Hosts;
use crate::ends::{Direction, FlowKey, Protocol, Timestamp};
use crate::packet::Payload;
use crate::session::Encryption;

/// A transport as the tally tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum FlowKind {
    /// TCP.
    Tcp,
    /// uTP, shown by a completed exchange.
    Utp,
    /// UDP that is no uTP.
    Udp,
}

/// The protocol of a flow or connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum CarriedProtocol {
    /// The peer wire in clear.
    PeerClear,
    /// The peer wire behind MSE that selected plaintext.
    PeerMsePlaintext,
    /// The peer wire behind MSE with RC4, decrypted with a given secret.
    PeerMseRc4,
    /// The peer wire through a proxy, not read.
    Proxied,
    /// Taken for MSE, not readable.
    MseOpaque,
    /// TLS that names a torrent, not readable.
    SslTorrent,
    /// A bencoded query, answer or error (BEP 5), by the first bytes.
    Dht,
    /// A UDP tracker's connect (BEP 15), by the first bytes.
    Tracker,
    /// Local service discovery (BEP 14), by the first bytes.
    Lsd,
    /// HTTP/1, by the first bytes.
    Http,
    /// TLS, by the first bytes.
    Tls,
    /// DNS or mDNS, by the port.
    Dns,
    /// QUIC, by the first bytes.
    Quic,
    /// WebRTC: STUN and DTLS between the same ends.
    WebRtc,
    /// A tunnel that is not read, by the port and the first bytes: its name.
    Tunnel(&'static str),
    /// Not known.
    #[default]
    Other,
}

/// The frames and bytes of one flow so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Volume {
    /// Frames, by direction.
    frames: [u64; 2],
    /// First and last time, by direction; of use where there are frames.
    times: [(Timestamp, Timestamp); 2],
    /// True, by direction, if there are data or acknowledgements of TCP.
    tells: [bool; 2],
    /// Payload bytes on the wire, by direction.
    bytes: [u64; 2],
    /// Payload bytes in the capture; `captured` is no more than those.
    captured: u64,
    /// The protocol that the first payload looks like; `None` before there is any.
    hint: Option<CarriedProtocol>,
    /// True if the opening of the flow was seen.
    begins: bool,
    /// Why it may be the peer wire though nothing shows it.
    hiding: Option<Hiding>,
}

/// The part of a connection that was read, as far as it could tell what it carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Its first bytes.
    Beginning,
    /// Later ones, or its first ones in part.
    Rest,
    /// None.
    Nothing,
}

/// The sums over the flows of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flows {
    /// Flows or connections.
    pub(crate) flows: u64,
    /// Those of which the captures hold one direction only.
    pub(crate) one_way: u64,
    /// Frames; a datagram put together from fragments counts once.
    pub(crate) frames: u64,
    /// Payload bytes on the wire, those sent again included.
    pub(crate) bytes: u64,
    /// The part of `bytes` that the captures hold.
    pub(crate) captured: u64,
}

/// The traffic of all flows.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    /// Who sent and received packets.
    pub(crate) hosts: Hosts,
    pub(crate) kinds: BTreeMap<(FlowKind, CarriedProtocol), Flows>,
    /// Flows in which nothing was recognised, and that may be the peer wire all the same.
    pub(crate) hidden: BTreeMap<Hiding, u64>,
    /// Frames without an IP header that can be read.
    pub(crate) not_ip: u64,
    /// IP packets that are neither TCP nor UDP nor a tunnel.
    pub(crate) other_ip: u64,
}

impl FlowKind {
    /// `TCP`, `uTP` or `UDP`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Utp => "uTP",
            Self::Udp => "UDP",
        }
    }
}

impl CarriedProtocol {
    /// The peer wire behind `encryption`.
    pub(crate) fn of_peer(encryption: Encryption) -> Self {
        match encryption {
            Encryption::None => Self::PeerClear,
            Encryption::MsePlaintext => Self::PeerMsePlaintext,
            Encryption::MseRc4 => Self::PeerMseRc4,
        }
    }

    /// Returns true for the peer wire, readable or not.
    pub(crate) fn is_peer(self) -> bool {
        matches!(
            self,
            Self::PeerClear
                | Self::PeerMsePlaintext
                | Self::PeerMseRc4
                | Self::Proxied
                | Self::MseOpaque
                | Self::SslTorrent
        )
    }

    /// The protocol that the first payload of a flow looks like.
    fn hint(flow: FlowKey, payload: &[u8]) -> Self {
        let port = |wanted: u16| flow.low.port == wanted || flow.high.port == wanted;
        match (flow.protocol, payload) {
            (Protocol::Tcp, [0x16, 0x03, 0x00..=0x04, _, _, 0x01 | 0x02, ..]) => Self::Tls,
            (Protocol::Tcp, _) if HTTP.iter().any(|start| payload.starts_with(start)) => Self::Http,
            (Protocol::Udp, [b'd', b'1', b':', b'a' | b'e' | b'r' | b'q' | b't' | b'v' | b'y', ..])
            | (Protocol::Udp, [b'd', b'2', b':', b'i', b'p', ..]) => Self::Dht,
            (Protocol::Udp, _) if payload.starts_with(&CONNECT) => Self::Tracker,
            (Protocol::Udp, _) if payload.starts_with(b"BT-SEARCH * HTTP/1.1\r\n") => Self::Lsd,
            (_, [_, ..]) if port(53) => Self::Dns,
            (Protocol::Udp, [_, ..]) if port(5353) => Self::Dns,
            // A long header of version 1 or 2 (RFC 9000 section 17.2, RFC 9369).
            (Protocol::Udp, [0xc0..=0xff, 0, 0, 0, 1, ..]) => Self::Quic,
            (Protocol::Udp, [0xc0..=0xff, 0x6b, 0x33, 0x43, 0xcf, ..]) => Self::Quic,
            (Protocol::Udp, _) => tunnel(port, payload).map_or(Self::Other, Self::Tunnel),
            _ => Self::Other,
        }
    }
}

impl Volume {
    /// Payload bytes on the wire, by direction.
    pub(crate) fn bytes(&self) -> [u64; 2] {
        self.bytes
    }

    /// Notes that the opening was seen.
    pub(crate) fn begin(&mut self) {
        self.begins = true;
    }

    /// Notes, of a connection in which nothing was recognised, how much of it was `read`: its beginning, or not even
    /// a byte where its numbers say that some `passed`.
    pub(crate) fn note_unread(&mut self, read: Extent, passed: bool) {
        self.hiding = match read {
            _ if self.captured < self.bytes.iter().sum() => Some(Hiding::Cut),
            Extent::Beginning => None,
            Extent::Nothing => passed.then_some(Hiding::Unseen),
            Extent::Rest if self.begins => Some(Hiding::Gap),
            Extent::Rest => Some(Hiding::Begun),
        };
    }

    /// Notes, of a flow in which nothing was recognised, that all of its packets look like those of a connection that had
    /// begun before.
    pub(crate) fn note_possible(&mut self) {
        self.hiding = Some(Hiding::Begun);
    }

    /// Why it may be the peer wire though nothing shows it.
    pub(super) fn hiding(&self) -> Option<Hiding> {
        self.hiding
    }

    /// Packets in both directions.
    pub(super) fn packets(&self) -> u64 {
        self.frames.iter().sum()
    }

    /// Counts a packet.
    #[inline]
    pub(crate) fn count(
        &mut self,
        flow: FlowKey,
        direction: Direction,
        at: Timestamp,
        acks: bool,
        payload: &Payload<'_>,
    ) {
        self.note(direction, at, acks || (payload.wire_len > 0 && flow.protocol == Protocol::Tcp));
        self.bytes[direction.index()] += u64::from(payload.wire_len);
        self.captured += payload.bytes.len() as u64;
        if self.hint.is_none() && !payload.bytes.is_empty() {
            self.hint = Some(CarriedProtocol::hint(flow, payload.bytes));
        }
    }

    /// Counts a frame without its payload.
    #[inline]
    pub(super) fn note(&mut self, direction: Direction, at: Timestamp, tells: bool) {
        let index = direction.index();
        let known = &mut self.times[index];
        *known = if self.frames[index] == 0 { (at, at) } else { (known.0.min(at), known.1.max(at)) };
        self.frames[index] += 1;
        self.tells[index] |= tells;
    }

    /// The frames of a direction, and when they were seen.
    pub(super) fn seen(&self, direction: Direction) -> Option<Seen> {
        let (packets, (first, last)) = (self.frames[direction.index()], self.times[direction.index()]);
        (packets > 0).then_some(Seen { packets, first, last })
    }

    /// Returns true if a direction holds data or acknowledgements of TCP.
    pub(super) fn tells(&self, direction: Direction) -> bool {
        self.tells[direction.index()]
    }

    /// Moves what `other` counted here.
    #[inline]
    pub(crate) fn take(&mut self, other: &mut Self) {
        if other.frames == [0, 0] {
            return;
        }
        let other = std::mem::take(other);
        for index in 0..2 {
            let (own, more) = (&mut self.times[index], other.times[index]);
            *own = match (self.frames[index], other.frames[index]) {
                (_, 0) => *own,
                (0, _) => more,
                _ => (own.0.min(more.0), own.1.max(more.1)),
            };
            self.frames[index] += other.frames[index];
            self.tells[index] |= other.tells[index];
            self.bytes[index] += other.bytes[index];
        }
        self.captured += other.captured;
        self.begins |= other.begins;
        self.hiding = self.hiding.or(other.hiding);
        self.hint = self.hint.or(other.hint);
    }
}

/// The name of the tunnel over UDP that `payload` may be of, one that is encrypted or that this tool does not read.
fn tunnel(port: impl Fn(u16) -> bool, payload: &[u8]) -> Option<&'static str> {
    Some(match payload {
        // RFC 3948: four zeros are IKE, one byte of ones keeps a mapping alive.
        [0, 0, 0, 0, ..] if port(4500) => "IKE over UDP",
        [0xff] if port(4500) => "ESP over UDP, encrypted",
        [_, _, _, _, _, ..] if port(4500) => "ESP over UDP, encrypted",
        [_, ..] if port(500) => "IKE over UDP",
        [_, ..] if port(4341) || port(4342) => "LISP over UDP",
        [_, ..] if port(5246) || port(5247) => "CAPWAP over UDP",
        [_, ..] if port(4789) || port(4790) || port(8472) => "VXLAN over UDP",
        [_, ..] if port(6081) => "Geneve over UDP",
        [_, ..] if port(2152) => "GTP-U over UDP",
        [_, ..] if port(1701) => "L2TP over UDP",
        [_, ..] if port(3544) => "Teredo over UDP",
        [_, ..] if port(4754) => "GRE over UDP",
        [_, ..] if port(6635) => "MPLS over UDP",
        [_, ..] if port(6080) => "GUE over UDP",
        [_, ..] if port(37_008) => "TZSP over UDP",
        [_, ..] if port(1194) => "OpenVPN over UDP, encrypted",
        [1..=4, 0, 0, 0, ..] if port(51_820) || matches!(payload.len(), 148 | 92) => {
            "WireGuard over UDP, encrypted"
        }
        // RFC 6347: a record of version 1.0 or 1.2.
        [20..=23, 0xfe, 0xfd | 0xff, ..] => "DTLS over UDP, encrypted",
        _ => return None,
    })
}

impl Traffic {
    /// The protocols that were not read: those of `frames`, and tunnels over UDP.
    pub(crate) fn unread(&self, mut frames: Vec<(String, u64, bool)>) -> Vec<UnreadProtocol> {
        for ((_, content), flows) in &self.kinds {
            if let CarriedProtocol::Tunnel(name) = content {
                // Keys are agreed on in one, and browsers talk in the other.
                let carries = !name.starts_with("IKE") && !name.starts_with("DTLS");
                frames.push(((*name).to_owned(), flows.frames, carries));
            }
        }
        frames.sort_by(|(a, many, _), (b, few, _)| few.cmp(many).then_with(|| a.cmp(b)));
        let each = frames.into_iter();
        each.map(|(protocol, frames, may_carry)| UnreadProtocol { protocol, frames, may_carry }).collect()
    }

    /// Flows in which nothing was recognised, and that may be the peer wire for this reason.
    pub(crate) fn hidden(&self, hiding: Hiding) -> u64 {
        self.hidden.get(&hiding).copied().unwrap_or(0)
    }

    /// Adds a flow that ended. What its messages do not show is named by its first bytes.
    pub(crate) fn add(&mut self, flow: FlowKey, kind: FlowKind, content: CarriedProtocol, volume: &Volume) {
        let [low, high] = volume.frames;
        if low + high == 0 {
            return;
        }
        let content = match content {
            CarriedProtocol::Other => volume.hint.unwrap_or_default(),
            shown => shown,
        };
        self.hosts.add(flow, content, volume);
        let bytes = volume.bytes.iter().sum::<u64>();
        if let (CarriedProtocol::Other, Some(hiding)) = (content, volume.hiding) {
            *self.hidden.entry(hiding).or_default() += 1;
        }
        let sums = self.kinds.entry((kind, content)).or_default();
        sums.flows += 1;
        sums.one_way += u64::from(low == 0 || high == 0);
        sums.frames += low + high;
        sums.bytes += bytes;
        sums.captured += volume.captured;
    }
}

// Rationale: the methods that browsers and web seeds use, and the answer.
const HTTP: [&[u8]; 8] =
    [b"GET /", b"POST /", b"HEAD /", b"PUT /", b"OPTIONS ", b"CONNECT ", b"GET http", b"HTTP/1."];
// Rationale: protocol_id 0x41727101980 and action 0 (BEP 15).
const CONNECT: [u8; 12] = [0, 0, 4, 0x17, 0x27, 0x10, 0x19, 0x80, 0, 0, 0, 0];

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::ends::Endpoint;

    fn flow(port: u16, protocol: Protocol) -> FlowKey {
        let end = |last, port| Endpoint { ip: IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)), port };
        FlowKey::new(end(1, 50_000), end(2, port), protocol).0
    }

    fn packet(bytes: &[u8]) -> Payload<'_> {
        Payload { bytes, wire_len: bytes.len() as u32 + 5 }
    }

    #[test]
    fn what_is_no_bittorrent_is_named_by_its_port_or_its_first_bytes() {
        for (port, protocol, bytes, expected) in [
            (443, Protocol::Tcp, &b"\x16\x03\x01\x02\x00\x01\x00"[..], CarriedProtocol::Tls),
            (80, Protocol::Tcp, b"GET /announce HTTP/1.1", CarriedProtocol::Http),
            (53, Protocol::Udp, b"\x12\x34\x01\x00", CarriedProtocol::Dns),
            (53, Protocol::Tcp, b"\x00\x20\x12\x34", CarriedProtocol::Dns),
            (443, Protocol::Udp, b"\xc3\x00\x00\x00\x01\x08", CarriedProtocol::Quic),
            (6881, Protocol::Udp, b"d1:ad2:id20:", CarriedProtocol::Dht),
            (
                6969,
                Protocol::Udp,
                b"\x00\x00\x04\x17\x27\x10\x19\x80\x00\x00\x00\x00abcd",
                CarriedProtocol::Tracker,
            ),
            (6771, Protocol::Udp, b"BT-SEARCH * HTTP/1.1\r\n", CarriedProtocol::Lsd),
            (443, Protocol::Tcp, b"\x17\x03\x03", CarriedProtocol::Other),
            (4500, Protocol::Udp, b"\x00\x00\x10\x01\x00", CarriedProtocol::Tunnel("ESP over UDP, encrypted")),
            (4500, Protocol::Udp, b"\x00\x00\x00\x00\x01", CarriedProtocol::Tunnel("IKE over UDP")),
            (4500, Protocol::Tcp, b"\x00\x00\x10\x01\x00", CarriedProtocol::Other),
            (5246, Protocol::Udp, b"\x01\x00\x00\x00\x16", CarriedProtocol::Tunnel("CAPWAP over UDP")),
            (9999, Protocol::Udp, b"\x16\xfe\xff\x00", CarriedProtocol::Tunnel("DTLS over UDP, encrypted")),
            (6881, Protocol::Udp, b"", CarriedProtocol::Other),
        ] {
            assert_eq!(CarriedProtocol::hint(flow(port, protocol), bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn a_flow_is_named_by_its_first_payload_and_counted_when_it_ends() {
        let (flow, mut traffic) = (flow(80, Protocol::Tcp), Traffic::default());
        let (mut volume, mut later) = (Volume::default(), Volume::default());
        volume.count(flow, Direction::LowToHigh, Timestamp(1), false, &Payload::default());
        volume.count(flow, Direction::LowToHigh, Timestamp(1), false, &packet(b"GET / HTTP/1.1"));
        later.count(flow, Direction::HighToLow, Timestamp(1), false, &packet(b"\x16\x03\x01\x00\x00\x02"));
        traffic.add(flow, FlowKind::Tcp, CarriedProtocol::Other, &volume);
        volume.take(&mut later);
        traffic.add(flow, FlowKind::Tcp, CarriedProtocol::Other, &volume);
        traffic.add(flow, FlowKind::Tcp, CarriedProtocol::PeerClear, &later);
        let expected = Flows { flows: 2, one_way: 1, frames: 5, bytes: 49, captured: 34 };
        assert_eq!(
            traffic.kinds.into_iter().collect::<Vec<_>>(),
            [((FlowKind::Tcp, CarriedProtocol::Http), expected)]
        );
    }
}
