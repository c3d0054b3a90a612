//! The part of a run's evidence that notices are held against, in times rather than in sums.

use std::net::IpAddr;

use hashbrown::HashMap;

use super::claim::Window;
use crate::ends::Endpoint;
use crate::ends::Transport as Carrier;
use crate::ends::{Frames, Span};
use crate::evidence::{Grade, Hiding, HostName};

/// The captures, and everything in them that a claim may be about.
#[derive(Clone, Debug, Default)]
pub struct Examined {
    /// Torrents that were given, found in the captures, or only named in them.
    pub torrents: Vec<Torrent>,
    /// Directed edges, in the order of the evidence.
    pub transfers: Vec<Transfer>,
    /// Hearsay.
    pub mentions: Vec<Mention>,
    /// Conversations that cannot be read, and flows that were not recognised.
    pub unread: Vec<Unread>,
    /// When the captures ran: sorted, apart from one another.
    pub stretches: Vec<Window>,
    /// Times at which a clock stepped.
    pub clock_steps: Vec<i64>,
    /// Packets that the capturing programs counted as dropped; `None` where no input says so.
    pub drops: Option<u64>,
    /// Hosts, sorted by address.
    pub hosts: Vec<Host>,
    /// Names that the captures give for addresses, sorted by address.
    pub names: Vec<(IpAddr, Vec<HostName>)>,
    /// Addresses that are one end of every unicast IP packet of an input, which has at least two others.
    pub central: Vec<IpAddr>,
    /// Bounds that were reached.
    pub bounds: Vec<String>,
    /// Set if datagrams are among the captures of which IP fragments are missing: whatever was in them, of whomever.
    pub is_torn: bool,
    /// Frames of protocols that are not read, and in which anything may be: how many, of what.
    pub unread_frames: Vec<(u64, String)>,
}

impl Examined {
    /// Returns true if `hash` is an info-hash of one of the torrents.
    pub fn is_known(&self, hash: &[u8]) -> bool {
        self.torrents.iter().any(|torrent| torrent.hashes.iter().any(|known| known == hash))
    }
}

/// The rows of [`Examined`] by address: a claim is about one, and there may be many claims.
#[derive(Debug)]
pub struct Index<'a> {
    /// All of it.
    pub examined: &'a Examined,
    addresses: HashMap<IpAddr, Rows<'a>, foldhash::quality::FixedState>,
}

/// The rows of one address, each kind in its order.
#[derive(Debug, Default)]
pub(super) struct Rows<'a> {
    /// Those in which it sent or received.
    pub(super) transfers: Vec<&'a Transfer>,
    /// Those that name it.
    pub(super) mentions: Vec<&'a Mention>,
    /// Those with it at an end.
    pub(super) unread: Vec<&'a Unread>,
    /// Its packets.
    pub(super) host: Option<&'a Host>,
}

impl<'a> Index<'a> {
    /// Of all addresses.
    pub fn of(examined: &'a Examined) -> Self {
        let mut addresses: HashMap<IpAddr, Rows<'a>, _> = HashMap::default();
        for transfer in &examined.transfers {
            for address in ends(transfer.uploader.ip, transfer.downloader.ip) {
                addresses.entry(address).or_default().transfers.push(transfer);
            }
        }
        for mention in &examined.mentions {
            addresses.entry(mention.subject.ip).or_default().mentions.push(mention);
        }
        for unread in &examined.unread {
            for address in ends(unread.a.ip, unread.b.ip) {
                addresses.entry(address).or_default().unread.push(unread);
            }
        }
        for host in &examined.hosts {
            addresses.entry(host.address).or_default().host = Some(host);
        }
        Self { examined, addresses }
    }

    /// The rows that name `address`; `None` where there are none.
    pub(super) fn rows(&self, address: IpAddr) -> Option<&Rows<'a>> {
        self.addresses.get(&address)
    }

    /// The names that the captures give for `address`.
    pub(super) fn names(&self, address: IpAddr) -> &'a [HostName] {
        let (names, address) = (&self.examined.names, address.to_canonical());
        let found = names.binary_search_by_key(&address, |(named, _)| *named).ok().and_then(|at| names.get(at));
        found.map_or(&[], |(_, names)| names)
    }

    /// The packets of `address`.
    pub(super) fn host(&self, address: IpAddr) -> Option<&'a Host> {
        self.rows(address).and_then(|rows| rows.host)
    }
}

/// Both, or the one that they are.
fn ends(one: IpAddr, other: IpAddr) -> impl Iterator<Item = IpAddr> {
    std::iter::once(one).chain(Some(other).filter(|other| *other != one))
}

/// A torrent of the captures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Torrent {
    /// Its info-hashes on the wire and in full: v1, v2, and v2 cut to 20 bytes.
    pub hashes: Vec<Vec<u8>>,
    /// Its name.
    pub name: Option<String>,
    /// Its size in bytes.
    pub size: Option<u64>,
    /// Path and size of its files.
    pub files: Vec<(String, u64)>,
    /// Set if the description of the torrent is known, so that bytes could be verified.
    pub has_metadata: bool,
}

/// A transfer from one endpoint to another for one torrent, with times.
#[derive(Clone, Debug)]
pub struct Transfer {
    /// Who sent.
    pub uploader: Endpoint,
    /// Ports that the uploader declared on these connections.
    pub declared: Vec<u16>,
    /// Set if the uploader accepted connections at its port.
    pub accepted: bool,
    /// The peer_ids that it used.
    pub peer_ids: Vec<[u8; 20]>,
    /// Who received.
    pub downloader: Endpoint,
    /// Ports that the downloader declared on these connections.
    pub downloader_declared: Vec<u16>,
    /// How.
    pub carrier: Carrier,
    /// Index into [`Examined::torrents`].
    pub torrent: Option<usize>,
    /// The connections.
    pub sessions: Vec<Session>,
    /// Rungs from G2 to G6, GX among them, each with the time at which it was complete.
    pub rungs: Vec<Event>,
    /// Verified units, each with the time of its last packet.
    pub units: Vec<Unit>,
    /// Served bytes by time, merged where they are close together.
    pub served: Vec<(Window, u64)>,
    /// Bytes that the receiver confirmed, of all that were served.
    pub acknowledged: u64,
    /// Bytes that answer a request that is in the captures.
    pub asked: u64,
    /// Bytes that differ from the torrent.
    pub refuted: u64,
    /// Set if a connection of the transfer is not confirmed (`return-path-unconfirmed`): anybody may have sent its
    /// bytes.
    pub is_forgeable: bool,
    /// Set if pieces of it are of one byte value.
    pub is_trivial: bool,
    /// Obstacles that keep the transfer from being read whole.
    pub obstacles: Vec<Obstacle>,
    /// The first and the last packet.
    pub window: Window,
}

impl Transfer {
    /// Returns true if `time` (ns UTC) lies in a connection that is confirmed.
    pub fn is_confirmed(&self, time: i64) -> bool {
        !self.is_forgeable || self.sessions.iter().any(|session| session.is_confirmed && session.holds(time))
    }
}

/// One connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// First and last packet.
    pub window: Window,
    /// Set if the connection is *whole*: opening captured, both directions, readable, without gap, cut or
    /// resynchronisation, to its close or to the end of the captures.
    pub is_whole: bool,
    /// Set if packets of the uploader show that it received something, or the other end was not captured.
    pub is_confirmed: bool,
}

impl Session {
    /// Returns true if `time` (ns UTC) lies in it.
    pub fn holds(&self, time: i64) -> bool {
        self.window.from <= time && time <= self.window.to
    }
}

/// A rung that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// Which one.
    pub grade: Grade,
    /// When the last packet of it was seen.
    pub time: i64,
    /// Its frames.
    pub span: Span,
}

/// A verified unit of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unit {
    /// The piece.
    pub piece: u32,
    /// Verified bytes of it in this transfer.
    pub bytes: u64,
    /// When its last packet was seen.
    pub time: i64,
    /// Its frames.
    pub span: Span,
    /// Set if every byte of the piece came from this transfer.
    pub sole: bool,
    /// The frames of advertisement and request, where both came before it.
    pub asked: Option<(Span, Span)>,
}

/// Why a transfer cannot be read whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Obstacle {
    /// Only one direction was captured.
    OneSided,
    /// Bytes are missing.
    Gap,
    /// The snap length cut frames.
    Snaplen,
    /// A stretch of the stream was sent twice with different bytes.
    Overlap,
}

/// Who named an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mention {
    /// The address that is named.
    pub subject: Endpoint,
    /// Index into [`Examined::torrents`].
    pub torrent: Option<usize>,
    /// Who named it.
    pub by: Endpoint,
    /// By which protocol.
    pub via: &'static str,
    /// `G0`, `G1a` or `G1b`.
    pub grade: &'static str,
    /// How often.
    pub count: u64,
    /// First and last time.
    pub window: Window,
    /// The frames of the first.
    pub frames: Frames,
}

/// A conversation of which nothing can be said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// One end.
    pub a: Endpoint,
    /// The other end.
    pub b: Endpoint,
    /// Set if the flow is taken for encrypted BitTorrent; else its protocol is unknown.
    pub encrypted: bool,
    /// First and last packet.
    pub window: Window,
    /// Payload bytes, both directions.
    pub bytes: u64,
    /// Its frames, where they are known.
    pub frames: Option<Frames>,
    /// The torrent that its ends claim: an index into [`Examined::torrents`], beyond them for one that is none of those. `None`
    /// where they claim none.
    pub torrent: Option<usize>,
    /// Why it may be BitTorrent though nothing shows it; `None` where what it began with was read.
    pub hiding: Option<Hiding>,
}

/// Packets of one address in the captures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Host {
    /// The address.
    pub address: IpAddr,
    /// Packets from it, with the first and the last time.
    pub from: Option<(u64, Window)>,
    /// Packets to it that carry data or acknowledgements.
    pub to: Option<(u64, Window)>,
    /// Different addresses that it exchanged packets with.
    pub others: u64,
}
