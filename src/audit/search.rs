//! Rows of one address and port, looked up by time.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::claim::{Act, Window};
use super::decide::is_web;
use super::examined::{Event, Host, Index, Mention, Obstacle, Rows, Session, Transfer, Unread};
use super::verdict::{Finding, Rank};
use crate::ends::{Endpoint, Span, Transport};
use crate::evidence::{Grade, Hiding};

/// A look at one address.
#[derive(Clone, Copy, Debug)]
pub(super) struct Search<'a> {
    pub(super) address: IpAddr,
    /// `None` where the notice states none: then every port is its own.
    pub(super) port: Option<u16>,
    rows: Option<&'a Rows<'a>>,
    /// Which connections count.
    trust: Trust,
    /// Set if times, frames and ports are those of what was sent to the address.
    receives: bool,
}

/// Which connections count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trust {
    /// All of them.
    All,
    /// Those in which the address is shown to have received something: nobody else can have sent its packets.
    Confirmed,
}

/// Which ports of the address count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ports {
    /// The stated one, on the wire or declared, of peers.
    Own,
    /// All others, of peers.
    Others,
    /// All, over HTTP as well.
    Any,
    /// The stated one, over HTTP: of a web server, or of what was fetched from one.
    OwnWeb,
    /// All others, over HTTP.
    OthersWeb,
}

impl<'a> Search<'a> {
    /// A look at `address` and `port` in all rows.
    pub(super) fn of(index: &'a Index<'a>, address: IpAddr, port: Option<u16>) -> Self {
        Self { address, port, rows: index.rows(address), trust: Trust::All, receives: false }
    }

    /// A look for an act: of what the address sent, or of what was sent to it.
    pub(super) fn of_act(self, act: Act) -> Self {
        Self { receives: act == Act::Downloaded, ..self }
    }

    /// A look at connections alone in which the address is shown to have received something.
    pub(super) fn confirmed(self) -> Self {
        Self { trust: Trust::Confirmed, ..self }
    }

    fn transfers(&self) -> impl Iterator<Item = &'a Transfer> + use<'a> {
        self.rows.into_iter().flat_map(|rows| rows.transfers.iter().copied())
    }

    fn all_mentions(&self) -> impl Iterator<Item = &'a Mention> + use<'a> {
        self.rows.into_iter().flat_map(|rows| rows.mentions.iter().copied())
    }

    fn unread(&self) -> impl Iterator<Item = &'a Unread> + use<'a> {
        self.rows.into_iter().flat_map(|rows| rows.unread.iter().copied())
    }

    /// Those that may be of `torrents`.
    fn unread_of(&self, torrents: &[usize]) -> impl Iterator<Item = &'a Unread> {
        self.unread().filter(|unread| unread.torrent.is_none_or(|torrent| torrents.contains(&torrent)))
    }

    /// Returns true if a transfer that the address sent in counts.
    fn fits(&self, transfer: &Transfer, ports: Ports) -> bool {
        let own = self.is_own(transfer.uploader.port, &transfer.declared);
        transfer.uploader.ip == self.address && self.counts(own, is_web(transfer), ports)
    }

    /// Returns true if a transfer that the address received counts.
    fn receives(&self, transfer: &Transfer, ports: Ports) -> bool {
        let own = self.is_own(transfer.downloader.port, &transfer.downloader_declared);
        transfer.downloader.ip == self.address && self.counts(own, is_web(transfer), ports)
    }

    fn is_own(&self, wire: u16, declared: &[u16]) -> bool {
        self.port.is_none_or(|port| wire == port || declared.contains(&port))
    }

    fn counts(&self, own: bool, web: bool, ports: Ports) -> bool {
        match ports {
            Ports::Own => own && !web,
            Ports::Others => !own && !web,
            Ports::Any => true,
            Ports::OwnWeb => own && web,
            Ports::OthersWeb => !own && web,
        }
    }

    fn is_of(transfer: &Transfer, torrents: &[usize]) -> bool {
        transfer.torrent.is_some_and(|torrent| torrents.contains(&torrent))
    }

    /// The finding for `torrents` at the times that `when` takes (ns UTC).
    pub(super) fn found(&self, torrents: &[usize], ports: Ports, when: &dyn Fn(i64) -> bool) -> Finding {
        let mut found = Finding::default();
        let mut bursts = None;
        let (mut endpoints, mut at_ports, mut units) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let mut received = Received::default();
        for transfer in self.transfers().filter(|transfer| Self::is_of(transfer, torrents)) {
            if self.receives(transfer, ports) {
                received.take(transfer, &|time| {
                    when(time) && (self.trust == Trust::All || self.answers(transfer, time))
                });
            }
            if !self.fits(transfer, ports) {
                continue;
            }
            let when = |time| when(time) && (self.trust == Trust::All || transfer.is_confirmed(time));
            let mut any = false;
            for event in transfer.rungs.iter().filter(|event| when(event.time)) {
                any = true;
                if event.grade == Grade::GX {
                    found.refuted = true;
                    found.refuted_bytes.0 += transfer.refuted;
                    join(&mut found.refuted_bytes.1, event.span);
                } else {
                    better(&mut found.best, *event);
                }
                cover(&mut found.window, event.time, event.time);
            }
            for unit in transfer.units.iter().filter(|unit| when(unit.time)) {
                any = true;
                let grade = if unit.sole { Grade::G8 } else { Grade::G7 };
                better(&mut found.best, Event { grade, time: unit.time, span: unit.span });
                found.verified.0 += unit.bytes;
                units.insert((transfer.torrent, unit.piece));
                found.sole += if unit.sole { unit.bytes } else { 0 };
                join(&mut found.frames, unit.span);
                cover(&mut found.act, unit.span.first.time.0.min(unit.time), unit.time);
                let asked = unit.asked.filter(|_| transfer.is_confirmed(unit.time));
                if let (None, true, Some((advertised, requested))) = (found.standard, unit.sole, asked) {
                    found.standard = Some((unit.piece, [advertised, requested, unit.span]));
                }
                cover(&mut found.window, unit.time, unit.time);
            }
            for (window, bytes) in &transfer.served {
                if when(window.from) || when(window.to) {
                    any = true;
                    found.served += bytes;
                    cover(&mut found.window, window.from, window.to);
                    cover(&mut bursts, window.from, window.to);
                }
            }
            if any {
                found.advertised |= transfer.rungs.iter().any(|event| event.grade == Grade::G4);
                found.requested |= transfer.asked > 0;
                found.trivial |= transfer.is_trivial;
                found.one_sided |= transfer.obstacles.contains(&Obstacle::OneSided);
                found.carriers.insert(transfer.carrier);
                endpoints.insert(transfer.uploader);
                at_ports.insert(transfer.uploader.port);
            }
        }
        found.act = found.act.or(bursts);
        found.verified.1 = units.len() as u64;
        found.endpoints = endpoints.into_iter().collect();
        found.ports = at_ports.into_iter().collect();
        found.frames = found.frames.or(found.best.map(|best| best.span));
        (found.received, found.sent_to) = (received.verified, received.labelled);
        if self.receives {
            found.endpoints = received.endpoints.iter().copied().collect();
            found.ports = received.endpoints.iter().map(|end| end.port).collect();
            found.ports.dedup();
            (found.window, found.act, found.frames) = (received.window, received.window, received.frames);
            found.carriers = received.carriers;
        }
        found
    }

    /// Returns true if the receiver of a transfer is shown to have received anything at `time` (ns UTC).
    fn answers(&self, transfer: &Transfer, time: i64) -> bool {
        let back = self.transfers().find(|back| {
            (back.uploader, back.downloader) == (transfer.downloader, transfer.uploader)
                && (back.carrier, back.torrent) == (transfer.carrier, transfer.torrent)
        });
        back.is_none_or(|back| back.is_confirmed(time))
    }

    /// The best mention of the address and port in the window.
    pub(super) fn mentioned(&self, torrents: &[usize], window: &Window) -> Rank {
        let within = |time: i64| window.from <= time && time < window.to;
        self.mentions(torrents)
            .filter(|(_, known)| {
                within(known.from) || within(known.to) || (known.from < window.from && known.to >= window.to)
            })
            .map(|(rank, _)| rank)
            .max()
            .unwrap_or(Rank::Nothing)
    }

    /// Returns true if the address is mentioned for one of these torrents, at any time.
    pub(super) fn mentioned_ever(&self, torrents: &[usize]) -> bool {
        self.mentions(torrents).next().is_some()
    }

    /// Returns true if the address is mentioned, for any torrent at any time.
    pub(super) fn is_named(&self) -> bool {
        self.all_mentions().next().is_some()
    }

    fn mentions(&self, torrents: &[usize]) -> impl Iterator<Item = (Rank, Window)> {
        let is_own = |mention: &&super::examined::Mention| {
            mention.subject.ip == self.address
                && self.port.is_none_or(|port| mention.subject.port == port)
                && mention.torrent.is_some_and(|torrent| torrents.contains(&torrent))
        };
        self.all_mentions().filter(is_own).map(|mention| {
            let rank = match mention.grade {
                "G1b" => Rank::G1b,
                "G1a" => Rank::G1a,
                _ => Rank::G0,
            };
            (rank, mention.window)
        })
    }

    /// The connections of the address for these torrents, in either role.
    fn sessions(&self, torrents: &[usize], ports: Ports) -> impl Iterator<Item = Session> {
        self.transfers()
            .filter(move |transfer| {
                Self::is_of(transfer, torrents) && (self.fits(transfer, ports) || self.receives(transfer, ports))
            })
            .flat_map(|transfer| transfer.sessions.iter().copied())
    }

    /// Those that last over the whole of `stated`.
    pub(super) fn sessions_over(&self, torrents: &[usize], ports: Ports, stated: &Window) -> Vec<Window> {
        self.sessions(torrents, ports)
            .map(|session| session.window)
            .filter(|window| window.from <= stated.from && stated.to <= window.to.saturating_add(1))
            .collect()
    }

    /// Those that have a moment in `window`.
    pub(super) fn sessions_within(&self, torrents: &[usize], ports: Ports, window: &Window) -> Vec<Session> {
        self.sessions(torrents, ports).filter(|session| overlaps(&session.window, window)).collect()
    }

    /// Returns true if one of the connections is whole.
    pub(super) fn has_whole_session(&self, torrents: &[usize], ports: Ports, window: &Window) -> bool {
        self.sessions_within(torrents, ports, window).iter().any(|session| session.is_whole)
    }

    /// Transfers of the address, in either role, with a moment in the window.
    pub(super) fn transfers_in(&self, window: &Window) -> impl Iterator<Item = &Transfer> {
        self.transfers().filter(move |transfer| overlaps(&transfer.window, window))
    }

    /// Returns true if encrypted conversations of the address have a moment in the window, and may be of `torrents`.
    pub(super) fn encrypted(&self, window: &Window, torrents: &[usize]) -> bool {
        self.unread_of(torrents).any(|unread| unread.encrypted && overlaps(&unread.window, window))
    }

    /// Returns true if the address took part in a connection in the window of which nobody can tell the torrent.
    pub(super) fn is_nameless(&self, window: &Window) -> bool {
        self.transfers_in(window).any(|transfer| transfer.torrent.is_none() && !is_web(transfer))
    }

    /// Why flows of the address in the window, of `port` alone where one is given, may hold what nothing in them shows.
    pub(super) fn hidden(&self, window: &Window, port: Option<u16>) -> Option<Hiding> {
        let own = |end: &Endpoint| end.ip == self.address && port.is_none_or(|port| end.port == port);
        let during = self.unread().filter(|unread| overlaps(&unread.window, window));
        during.filter(|unread| own(&unread.a) || own(&unread.b)).filter_map(|unread| unread.hiding).max()
    }

    /// Returns true if a flow of an unknown protocol is on the port, or an encrypted one on any port.
    pub(super) fn has_unrecognised(&self, port: Option<u16>, torrents: &[usize]) -> bool {
        let own = |end: &Endpoint| end.ip == self.address && port.is_none_or(|port| end.port == port);
        self.unread_of(torrents).any(|unread| {
            if unread.encrypted {
                [unread.a.ip, unread.b.ip].contains(&self.address)
            } else {
                own(&unread.a) || own(&unread.b)
            }
        })
    }

    /// Packets of the address; `None` where there are none.
    pub(super) fn host(&self) -> Option<&Host> {
        self.rows.and_then(|rows| rows.host)
    }

    /// Returns true if packets with data went to the address in the window.
    pub(super) fn is_sent_data(&self, window: &Window) -> bool {
        self.host().and_then(|host| host.to).is_some_and(|(_, to)| overlaps(&to, window))
    }

    /// When the address took part in these torrents.
    pub(super) fn times(&self, torrents: &[usize]) -> Vec<i64> {
        let mut times: Vec<i64> = self
            .transfers()
            .filter(|transfer| Self::is_of(transfer, torrents))
            .filter(|transfer| {
                let end = if self.receives { transfer.downloader } else { transfer.uploader };
                end.ip == self.address
            })
            .flat_map(|transfer| {
                let served = transfer.served.iter().flat_map(|(window, _)| [window.from, window.to]);
                let is_own = |event: &&Event| event.grade >= Grade::G3 && !self.receives;
                let rungs = transfer.rungs.iter().filter(is_own).map(|event| event.time);
                served.chain(rungs).chain(transfer.units.iter().map(|unit| unit.time)).collect::<Vec<_>>()
            })
            .collect();
        times.sort_unstable();
        times.dedup();
        times
    }

    /// Clients at the address that took part in these torrents, as far as ports and handshakes tell them apart.
    pub(super) fn clients(&self, torrents: &[usize]) -> usize {
        let own = || {
            self.transfers().filter(|transfer| {
                transfer.uploader.ip == self.address
                    && Self::is_of(transfer, torrents)
                    && !is_web(transfer)
                    && transfer.rungs.iter().any(|event| event.grade >= Grade::G3)
            })
        };
        // A client names its port on some connections, and listens there on others; who names none is told by its port.
        let declared: BTreeSet<u16> = own().flat_map(|transfer| transfer.declared.iter().copied()).collect();
        let silent =
            || own().filter(|transfer| transfer.declared.is_empty() && !declared.contains(&transfer.uploader.port));
        // Calls come from any port, and one client may use many peer_ids; but two that accept connections at the same time at
        // different ports, as different peers, are two.
        let mut accepting: Vec<&Transfer> = Vec::new();
        for transfer in silent().filter(|transfer| transfer.accepted && !transfer.peer_ids.is_empty()) {
            let is_another = |known: &&Transfer| {
                known.uploader.port != transfer.uploader.port
                    && overlaps(&known.window, &transfer.window)
                    && !known.peer_ids.iter().any(|id| transfer.peer_ids.contains(id))
            };
            if accepting.iter().all(is_another) {
                accepting.push(transfer);
            }
        }
        declared.len() + accepting.len().max(usize::from(silent().next().is_some()))
    }
}

fn overlaps(one: &Window, other: &Window) -> bool {
    one.from < other.to && other.from <= one.to
}

/// Bytes that were sent to an address.
#[derive(Debug, Default)]
struct Received {
    /// Verified bytes of transfers in which it acknowledged any.
    verified: u64,
    /// Bytes labelled as pieces.
    labelled: u64,
    endpoints: BTreeSet<Endpoint>,
    carriers: BTreeSet<Transport>,
    window: Option<Window>,
    frames: Option<Span>,
}

impl Received {
    /// Takes what was sent to it in `transfer` at the times that `when` takes (ns UTC).
    fn take(&mut self, transfer: &Transfer, when: &dyn Fn(i64) -> bool) {
        let mut any = false;
        for unit in transfer.units.iter().filter(|unit| when(unit.time)) {
            any = true;
            self.verified += if transfer.acknowledged > 0 { unit.bytes } else { 0 };
            join(&mut self.frames, unit.span);
            cover(&mut self.window, unit.span.first.time.0.min(unit.time), unit.time);
        }
        for (window, bytes) in &transfer.served {
            if when(window.from) || when(window.to) {
                any = true;
                self.labelled += bytes;
                cover(&mut self.window, window.from, window.to);
            }
        }
        if any {
            self.endpoints.insert(transfer.downloader);
            self.carriers.insert(transfer.carrier);
        }
    }
}

fn cover(window: &mut Option<Window>, from: i64, to: i64) {
    let known = window.get_or_insert(Window { from, to });
    (known.from, known.to) = (known.from.min(from), known.to.max(to));
}

fn join(frames: &mut Option<Span>, span: Span) {
    *frames = Some(frames.map_or(span, |known| known.join(span)));
}

fn better(best: &mut Option<Event>, event: Event) {
    // The side branch G3m ranks with G3, which it never exceeds.
    let order = |event: &Event| (event.grade, std::cmp::Reverse(event.time));
    if best.as_ref().is_none_or(|known| order(&event) > order(known)) {
        *best = Some(event);
    }
}
