//! The stage [`Frame`] -> [`Packet`]: link layers, IP, fragments, tunnels, transport.

mod judge;

use std::net::IpAddr;

use self::judge::{Asked, ends, is_small, steers, untested};
use super::cut::Cut;
use super::doubt::{Damage, Doubt};
use super::fragments::{Fragments, Key};
use super::ip::{self, Datagram, FragmentPlace, Within};
use super::link::{self, Layer, Network};
use super::paths::{OTHERS, Paths};
use super::tallies::ChecksumTallies;
use super::transport::{self, Head, TCP, UDP};
use super::tunnel::ports::Ports;
use super::tunnel::udp::Reading;
use super::tunnel::{self, Tunnel};
use super::unread::{Unread, UnreadFrames};
use super::wireless;
use super::{Checksum, ChecksumPolicy, Packet, TransportLayer, UdpTunnel};
use crate::capture::Frame;
use crate::ends::{At, FlowKey, PathId, Protocol, Span};
use crate::limits::TUNNEL_DEPTH;
use crate::oddity::{Bound, Oddity, Said, Sink};
use crate::{Error, Limits};

/// Where bytes go that do not lie in one piece in the capture.
pub trait Store<'cap> {
    /// Joins `parts` and keeps them as long as the capture.
    ///
    /// # Errors
    /// [`Error::Io`] when the operating system refuses the space.
    fn store(&self, parts: &[&[u8]]) -> Result<&'cap [u8], Error>;

    /// Keeps `len` bytes that `fill` writes over zeros; it is called once at most.
    ///
    /// # Errors
    /// As [`Store::store`].
    fn store_with(&self, len: usize, fill: &mut dyn FnMut(&mut [u8])) -> Result<&'cap [u8], Error> {
        let mut bytes = vec![0; len];
        fill(&mut bytes);
        self.store(&[&bytes])
    }
}

/// Counts of the decoder, besides the packets that it returned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DecodeCounts {
    /// Frames that hold something other than IP: ARP, control messages, encrypted Wi-Fi.
    pub not_ip: u64,
    /// IP packets that are neither TCP nor UDP nor a tunnel that holds any, ICMP among them: what they quote credits
    /// nobody.
    pub other_ip: u64,
    /// TCP and UDP checksums that do not match; `None` when they were not tested.
    pub bad_checksums: Option<u64>,
    /// Those that cannot be tested, as the packet is not whole or only its first half was filled in: the sender's network
    /// card was to complete it; 0 also where none was to be tested.
    pub untested_checksums: u64,
    /// IP fragments.
    pub fragments: u64,
    /// Fragments that only repeated what was there.
    pub duplicate_fragments: u64,
    /// Datagrams put together from fragments.
    pub reassembled: u64,
    /// Packets found inside at least one tunnel.
    pub tunnelled: u64,
}

/// Turns frames into TCP segments and UDP datagrams. Frames in, packets out; no allocation per packet but for
/// reassembled datagrams.
///
/// A frame gives at most one packet, the innermost; but see [`Decoder::inside`] and [`Decoder::has_more`]. Of a frame
/// that cannot be used, the reason is an anomaly or a count.
#[derive(Debug)]
pub struct Decoder {
    /// See [`Decoder::take_other_ends`].
    other_ends: Option<(IpAddr, IpAddr)>,
    policy: ChecksumPolicy,
    ports: Ports,
    fragments: Fragments,
    paths: Paths,
    counts: DecodeCounts,
    unread: UnreadFrames,
    /// Checksums of IPv4 headers.
    headers: ChecksumTallies,
    /// Lengths of IP packets without such a checksum: wrong where they go beyond the frame.
    lengths: ChecksumTallies,
    /// Checksums of TCP and UDP.
    transports: ChecksumTallies,
    /// True if packets with a wrong checksum are read even where that is damage, and all are tested.
    reads_damage: bool,
    /// The interface of the frame that was decoded last.
    interface: u32,
    /// The doubt about the inside of the latest datagram that was taken for both a packet and a tunnel.
    outer: Doubt,
    /// Where in the aggregate that was decoded last its next part begins; 0 when there is none.
    part: usize,
}

impl Decoder {
    /// A decoder that tests checksums as `policy` says and holds no more than `limits` allow.
    pub fn new(policy: ChecksumPolicy, limits: &Limits) -> Self {
        let bad_checksums = (policy != ChecksumPolicy::Ignore).then_some(0);
        Self {
            policy,
            ports: Ports::default(),
            fragments: Fragments::new(limits),
            paths: Paths::new(),
            counts: DecodeCounts { bad_checksums, ..DecodeCounts::default() },
            unread: UnreadFrames::default(),
            headers: ChecksumTallies::default(),
            lengths: ChecksumTallies::default(),
            transports: ChecksumTallies::default(),
            reads_damage: false,
            interface: 0,
            outer: Doubt::default(),
            part: 0,
            other_ends: None,
        }
    }

    /// Adds tunnels over UDP on the ports of `tunnels` to those of the standards.
    pub fn with_tunnels(mut self, tunnels: &[UdpTunnel]) -> Self {
        self.ports = Ports::new(tunnels);
        self
    }

    /// Makes the decoder test the checksum of every packet, and leave out nothing because it is wrong among others
    /// that are right.
    pub fn reading_damage(self) -> Self {
        Self { reads_damage: true, ..self }
    }

    /// Takes over which checksums are right from `other`, which read a part of the same frames.
    pub fn learn_from(&mut self, other: Self) {
        (self.headers, self.lengths, self.transports) = (other.headers, other.lengths, other.transports);
    }

    /// The packet in `frame`, or `None` when it holds none or did not complete one.
    ///
    /// A datagram put together from fragments goes to `store`. What could not be used is in `out` or in
    /// [`counts`](Self::counts).
    ///
    /// # Errors
    /// Those of `store`; nothing in a frame is an error.
    #[inline]
    pub fn decode<'cap>(
        &mut self,
        frame: &Frame<'cap>,
        store: &dyn Store<'cap>,
        out: &mut dyn Sink,
    ) -> Result<Option<Packet<'cap>>, Error> {
        if frame.wire_len as usize > frame.bytes.len() {
            note_snaplen(frame, out);
        }
        self.part = 0;
        self.interface = frame.interface;
        self.frame(frame, store, out)
    }

    /// Returns true if the frame that was decoded last is an aggregate (A-MSDU) with a further part.
    #[inline]
    pub fn has_more(&self) -> bool {
        self.part > 0
    }

    /// The packet in the next part of `frame`, the aggregate that was decoded last.
    ///
    /// # Errors
    /// As [`Decoder::decode`].
    #[cold]
    pub fn decode_more<'cap>(
        &mut self,
        frame: &Frame<'cap>,
        store: &dyn Store<'cap>,
        out: &mut dyn Sink,
    ) -> Result<Option<Packet<'cap>>, Error> {
        self.frame(frame, store, out)
    }

    /// Gives every packet of `frame` to `take`: of an aggregate those in each part, and behind one that reads as a tunnel too the
    /// packet inside.
    ///
    /// # Errors
    /// As [`Decoder::decode`].
    pub fn each<'cap>(
        &mut self,
        frame: &Frame<'cap>,
        store: &dyn Store<'cap>,
        out: &mut dyn Sink,
        take: &mut dyn FnMut(&Packet<'cap>),
    ) -> Result<(), Error> {
        let mut decoded = self.decode(frame, store, out)?;
        loop {
            if let Some(packet) = &decoded {
                take(packet);
                if packet.also_tunnel
                    && let Some(inside) = self.inside(packet, store, out)?
                {
                    take(&inside);
                }
            }
            if !self.has_more() {
                return Ok(());
            }
            decoded = self.decode_more(frame, store, out)?;
        }
    }

    /// The packet inside the tunnel that `packet` reads as too, where [`Packet::also_tunnel`] says so.
    ///
    /// # Errors
    /// As [`Decoder::decode`].
    #[cold]
    pub fn inside<'cap>(
        &mut self,
        packet: &Packet<'cap>,
        store: &dyn Store<'cap>,
        out: &mut dyn Sink,
    ) -> Result<Option<Packet<'cap>>, Error> {
        let TransportLayer::Udp(datagram) = packet.transport else { return Ok(None) };
        let (source, destination) =
            (packet.flow.source(packet.direction), packet.flow.destination(packet.direction));
        let payload = Cut { bytes: datagram.payload.bytes, wire: datagram.payload.wire_len as usize };
        let (Reading::Tunnel((tunnel, layer, cut)) | Reading::Either((tunnel, layer, cut))) =
            tunnel::udp::read(&self.ports, source.port, destination.port, payload)
        else {
            return Ok(None);
        };
        let path = self.cross(packet.path, tunnel, source.ip, destination.ip, packet.at, out);
        let place = (path, tunnel::within(tunnel, layer));
        self.descend(layer, cut, place, self.outer, packet.at, store, out)
    }

    #[inline]
    fn frame<'cap>(
        &mut self,
        frame: &Frame<'cap>,
        store: &dyn Store<'cap>,
        out: &mut dyn Sink,
    ) -> Result<Option<Packet<'cap>>, Error> {
        let (layer, doubt) =
            (Layer::Link(frame.link.0), Doubt { damaged: frame.damaged.then_some(Damage::Marked), joined: None });
        // A frame length fits memory on every platform that maps captures; elsewhere it is cut to what does.
        let cut = Cut::new(frame.bytes, usize::try_from(frame.wire_len).unwrap_or(usize::MAX));
        let place = (PathId::NONE, Within::Frame { trailer: usize::from(frame.fcs_len) });
        self.descend(layer, cut, place, doubt, frame.at, store, out)
    }

    /// From a header, at a path and within something, to the innermost packet; `doubt` is what speaks
    /// against it so far.
    #[inline]
    #[expect(clippy::too_many_arguments, reason = "where it stands, and where its outcome goes")]
    fn descend<'cap>(
        &mut self,
        mut layer: Layer,
        mut cut: Cut<'cap>,
        (mut path, mut within): (PathId, Within),
        mut doubt: Doubt,
        at: At,
        store: &dyn Store<'cap>,
        out: &mut dyn Sink,
    ) -> Result<Option<Packet<'cap>>, Error> {
        for _ in 0..=TUNNEL_DEPTH {
            let Some(packet) = self.network(layer, cut, path, &mut within, &mut doubt, at, out) else {
                return Ok(None);
            };
            let datagram = match ip::datagram(packet, within) {
                Ok(datagram) => datagram,
                Err(reason) => return Ok(bad_header(at, reason, out)),
            };
            let origin = self.origin(at, path, datagram.source);
            if self.headers.note(origin, datagram.header) && !self.reads_damage {
                doubt.damaged.get_or_insert(Damage::Header);
            }
            if datagram.header == Checksum::Unchecked && self.is_overlong(&datagram, origin, at, out) {
                return Ok(None);
            }
            if datagram.beyond > 0 {
                note_beyond(&datagram, within, at, out);
            }
            let whole;
            let datagram = match datagram.upper.fragment {
                None => &datagram,
                Some(_) if !self.may_be_joined(doubt, &datagram, at, out) => return Ok(None),
                Some(place) => match self.reassemble(datagram, place, path, at, store, out)? {
                    Some((found, span)) => {
                        doubt.joined = Some(span);
                        whole = found;
                        &whole
                    }
                    None => return Ok(None),
                },
            };
            let upper = datagram.upper;
            let inner = match upper.protocol {
                TCP => {
                    let (head, mut segment) = match transport::tcp(upper.payload) {
                        Ok(found) => found,
                        Err(reason) => return Ok(bad_header(at, reason, out)),
                    };
                    let flags = segment.flags;
                    let steers = self.reads_damage
                        || flags.syn
                        || flags.fin
                        || flags.rst
                        || is_small(segment.payload.wire_len);
                    let asked = Asked { origin, steers };
                    match self.judge(&doubt, datagram, upper.payload, &head, asked, at, out) {
                        Some(checksum) => segment.checksum = checksum,
                        None => return Ok(None),
                    }
                    let untested = if steers { &[][..] } else { untested(&doubt, datagram, upper.payload) };
                    let transport = TransportLayer::Tcp(segment);
                    return Ok(self.packet(at, datagram, &head, path, segment.checksum, transport, untested));
                }
                UDP => {
                    let (head, whole, mut found) = match transport::udp(upper.payload) {
                        Ok(found) => found,
                        Err(reason) => return Ok(bad_header(at, reason, out)),
                    };
                    let payload = whole.skip(8).unwrap_or_default();
                    match tunnel::udp::read(&self.ports, head.source_port, head.destination_port, payload) {
                        Reading::Tunnel(inner) => {
                            if doubt.joined.is_some() && head.checksum != 0 {
                                let asked = Asked { origin, steers: false };
                                match self.judge(&doubt, datagram, whole, &head, asked, at, out) {
                                    // All of what is inside is covered.
                                    Some(Checksum::Good) => doubt.joined = None,
                                    Some(_) => {}
                                    None => return Ok(None),
                                }
                            }
                            inner
                        }
                        reading => {
                            // Two lengths that differ are one damaged, or an odd sender.
                            let odd = whole.wire != upper.payload.wire;
                            let asked =
                                Asked { origin, steers: self.reads_damage || odd || steers(&found.payload) };
                            match self.judge(&doubt, datagram, whole, &head, asked, at, out) {
                                Some(checksum) => found.checksum = checksum,
                                None => return Ok(None),
                            }
                            let untested = if asked.steers { &[][..] } else { untested(&doubt, datagram, whole) };
                            let transport = TransportLayer::Udp(found);
                            let packet =
                                self.packet(at, datagram, &head, path, found.checksum, transport, untested);
                            return Ok(match reading {
                                Reading::Either((tunnel, ..)) => {
                                    self.outer =
                                        if found.checksum == Checksum::Good { Doubt::default() } else { doubt };
                                    packet.map(|packet| ambiguous(packet, tunnel, out))
                                }
                                _ => packet,
                            });
                        }
                    }
                }
                protocol => match tunnel::over_ip(protocol, upper.payload, datagram.source.is_ipv4()) {
                    Ok(Some(inner)) => inner,
                    Ok(None) if doubt.damaged == Some(Damage::Header) => {
                        self.may_be_joined(doubt, datagram, at, out);
                        return Ok(None);
                    }
                    Ok(None) => {
                        self.counts.other_ip += 1;
                        self.unread.count(Unread::Ip(protocol), path != PathId::NONE);
                        self.other_ends = Some((datagram.source, datagram.destination));
                        return Ok(None);
                    }
                    Err(reason) => return Ok(bad_header(at, reason, out)),
                },
            };
            path = self.cross(path, inner.0, datagram.source, datagram.destination, at, out);
            (layer, cut, within) = (inner.1, inner.2, tunnel::within(inner.0, inner.1));
        }
        out.odd(Oddity::from(Bound::TunnelDepth).at(at));
        Ok(None)
    }

    /// The tunnels of a path, outermost first, as in `GRE 192.0.2.1 -> 198.51.100.2`; empty for [`PathId::NONE`].
    pub fn path_name(&self, path: PathId) -> &str {
        self.paths.name(path)
    }

    /// The ends of the IP packet that was neither TCP nor UDP nor a tunnel, if the last frame held one.
    pub fn take_other_ends(&mut self) -> Option<(IpAddr, IpAddr)> {
        self.other_ends.take()
    }

    /// The counts so far.
    pub fn counts(&self) -> DecodeCounts {
        DecodeCounts {
            duplicate_fragments: self.fragments.duplicates,
            reassembled: self.fragments.completed,
            ..self.counts
        }
    }

    /// The protocols of the frames that are in [`DecodeCounts::not_ip`] and [`DecodeCounts::other_ip`], or of a link type
    /// that is not read: each in words, with its frames and [`Unread::may_carry`]; most frames first.
    pub fn unread(&self) -> Vec<(String, u64, bool)> {
        self.unread.named()
    }

    /// Reports datagrams that the capture never completed.
    pub fn finish(&mut self, out: &mut dyn Sink) {
        self.fragments.finish(out);
    }

    /// The path one tunnel further in.
    fn cross(
        &mut self,
        outer: PathId,
        tunnel: Tunnel,
        source: IpAddr,
        destination: IpAddr,
        at: At,
        out: &mut dyn Sink,
    ) -> PathId {
        let path = self.paths.intern(outer, tunnel, source, destination);
        if path == OTHERS {
            out.odd(Oddity::from(Bound::Tunnels).at(at));
        }
        path
    }

    /// The IP packet under `layer`; otherwise what is there instead was counted. What headers above it say of the end of
    /// the frame goes to `within`, and of damage to `doubt`.
    #[inline]
    #[expect(clippy::too_many_arguments, reason = "where it stands, and where its outcome goes")]
    fn network<'a>(
        &mut self,
        layer: Layer,
        cut: Cut<'a>,
        path: PathId,
        within: &mut Within,
        doubt: &mut Doubt,
        at: At,
        out: &mut dyn Sink,
    ) -> Option<Cut<'a>> {
        let (network, marks) = link::descend(layer, cut);
        if marks.damaged {
            doubt.damaged = Some(Damage::Marked);
        }
        if let Within::Frame { trailer } = within {
            *trailer += marks.trailer;
        }
        let network = match network {
            Network::Aggregate(aggregate) => self.next_part(aggregate, path),
            network => network,
        };
        match network {
            Network::Ip(packet) => Some(packet),
            Network::Aggregate(_) => bad_header(at, "an 802.11 aggregate in another one", out),
            Network::Other(unread) => {
                let tunnelled = path != PathId::NONE;
                *(if tunnelled { &mut self.counts.other_ip } else { &mut self.counts.not_ip }) += 1;
                self.unread.count(unread, tunnelled);
                None
            }
            Network::UnknownLink(link) => {
                self.unread.count(Unread::Link(link), path != PathId::NONE);
                out.odd(Oddity::UnknownLink { link: link.into() }.at(at));
                None
            }
            Network::Bad(reason) => bad_header(at, reason, out),
        }
    }

    /// Reads the next part of an aggregate, and notes if there is a further one.
    #[cold]
    fn next_part<'a>(&mut self, aggregate: Cut<'a>, path: PathId) -> Network<'a> {
        if path != PathId::NONE {
            return Network::Bad("an 802.11 aggregate (A-MSDU) in a tunnel, which is not taken apart");
        }
        match wireless::part(aggregate, std::mem::take(&mut self.part)) {
            Some((part, next)) => {
                self.part = next.unwrap_or(0);
                link::descend(Layer::Llc, part).0
            }
            None => Network::Bad("a part of an 802.11 aggregate (A-MSDU) is cut off"),
        }
    }

    /// The whole datagram of a fragment at `place`, once it is complete, and the frames of its fragments.
    #[cold]
    fn reassemble<'cap>(
        &mut self,
        datagram: Datagram<'cap>,
        place: FragmentPlace,
        path: PathId,
        at: At,
        store: &dyn Store<'cap>,
        out: &mut dyn Sink,
    ) -> Result<Option<(Datagram<'cap>, Span)>, Error> {
        self.counts.fragments += 1;
        let ipv4 = datagram.source.is_ipv4();
        let key = Key {
            source: datagram.source,
            destination: datagram.destination,
            id: place.id,
            protocol: if ipv4 { datagram.upper.protocol } else { 0 },
            path: path.0,
        };
        let (protocol, payload) = (datagram.upper.protocol, datagram.upper.payload);
        let Some(whole) = self.fragments.add(key, place, protocol, payload, at, store, out)? else {
            return Ok(None);
        };
        match ip::extensions(whole.protocol, whole.payload, !ipv4) {
            Ok(upper) if upper.fragment.is_some() => Ok(bad_header(at, "a fragment of a fragment", out)),
            // The low bits of an IPv6 fragment's identification tell copies apart as IPv4's do.
            Ok(upper) => {
                let ident = (place.id & 0xffff) as u16;
                Ok(Some((Datagram { upper, ident, ..datagram }, whole.span)))
            }
            Err(reason) => Ok(bad_header(at, reason, out)),
        }
    }

    #[inline]
    #[expect(clippy::too_many_arguments, reason = "the parts of a packet")]
    fn packet<'cap>(
        &mut self,
        at: At,
        datagram: &Datagram<'cap>,
        head: &Head,
        path: PathId,
        checksum: Checksum,
        transport: TransportLayer<'cap>,
        untested: &'cap [u8],
    ) -> Option<Packet<'cap>> {
        if checksum == Checksum::Bad && self.policy == ChecksumPolicy::Drop {
            return None;
        }
        if path != PathId::NONE {
            self.counts.tunnelled += 1;
        }
        let protocol = match transport {
            TransportLayer::Tcp(_) => Protocol::Tcp,
            TransportLayer::Udp(_) => Protocol::Udp,
        };
        let (source, destination) = ends(datagram, head);
        let (flow, direction) = FlowKey::new(source, destination, protocol);
        let fingerprint = u32::from(datagram.ident) << 16 | u32::from(head.checksum);
        Some(Packet { at, flow, direction, path, transport, fingerprint, untested, also_tunnel: false })
    }
}

/// Counts a frame that cannot be used; always `None`, to be returned.
#[cold]
fn bad_header<T>(at: At, reason: &'static str, out: &mut dyn Sink) -> Option<T> {
    out.odd(Oddity::BadHeader { reason: Said(reason) }.at(at));
    None
}

#[cold]
fn ambiguous<'cap>(packet: Packet<'cap>, tunnel: Tunnel, out: &mut dyn Sink) -> Packet<'cap> {
    let oddity = Oddity::AmbiguousTunnel { tunnel: tunnel.to_string() };
    out.odd(oddity.at(packet.at).sent(packet.flow, packet.direction));
    Packet { also_tunnel: true, ..packet }
}

#[cold]
fn note_snaplen(frame: &Frame<'_>, out: &mut dyn Sink) {
    let (wire, held) = (u64::from(frame.wire_len), frame.bytes.len() as u64);
    out.odd(Oddity::CutFrame { held, wire }.at(frame.at));
}

/// The start of a packet whose end neither the frame nor the tunnel around it speaks of.
#[cold]
fn note_beyond(datagram: &Datagram<'_>, within: Within, at: At, out: &mut dyn Sink) {
    let tunnelled = !matches!(within, Within::Frame { .. });
    let oddity = Oddity::CutPacket { beyond: datagram.beyond as u64, tunnelled };
    out.odd(oddity.at(at).hosts(datagram.source, datagram.destination));
}

#[cfg(test)]
mod tests;
