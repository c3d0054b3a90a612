//! Who is in the report, in the order of the page, each with the name of its section.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use super::figures::{Clock, Numbering};
use super::html::{self, Html};
use crate::ends::Frames;
use crate::evidence::Grade;
use crate::report::model::{Document, Figures, Mention, Rung, Subject, Torrent, Transfer};

/// A report with what each section of the page needs of it.
pub(super) struct Cast<'d> {
    pub(super) document: &'d Document,
    /// By standard, grade, verified and served bytes, then address.
    pub(super) peers: Vec<Peer<'d>>,
    pub(super) clock: Clock,
    pub(super) numbering: Numbering,
    /// Set if rows are of several torrents.
    pub(super) mixed: bool,
    /// Index into `peers` by index into the report's subjects.
    by_subject: BTreeMap<usize, usize>,
    /// Index into `peers` by endpoint; ports that it sent from included.
    by_endpoint: BTreeMap<String, usize>,
}

/// A subject of the report.
pub(super) struct Peer<'d> {
    /// Its index in the report.
    pub(super) index: usize,
    pub(super) subject: &'d Subject,
    /// The `id` of its section: equal in every run over the same peer.
    pub(super) id: String,
    /// Its figures as one value.
    pub(super) figures: Figures,
}

impl<'d> Cast<'d> {
    /// Returns true if a peer was the sender in the transfer of this number.
    pub(super) fn is_sent(&self, peer: &Peer<'_>, number: u64) -> bool {
        let transfer = usize::try_from(number).ok().and_then(|at| self.document.transfers.get(at));
        transfer.is_some_and(|transfer| transfer.uploader_subject == Some(peer.index as u64))
    }

    pub(super) fn of(document: &'d Document) -> Self {
        let several = document.torrents.len() > 1;
        let mut used: BTreeMap<String, u32> = BTreeMap::new();
        let mut peers: Vec<Peer<'d>> = Vec::new();
        for (index, subject) in document.subjects.iter().enumerate() {
            let mut id = key(subject, several);
            let count = used.entry(id.clone()).or_default();
            *count += 1;
            if *count > 1 {
                id.push_str(&format!("-{count}"));
            }
            peers.push(Peer { index, subject, id, figures: subject.figures() });
        }
        peers.sort_by(|one, other| one.rank().cmp(&other.rank()));
        let by_subject = peers.iter().enumerate().map(|(at, peer)| (peer.index, at)).collect();
        let mut by_endpoint = BTreeMap::new();
        for (at, peer) in peers.iter().enumerate() {
            by_endpoint.entry(peer.subject.endpoint.clone()).or_insert(at);
        }
        for (at, peer) in peers.iter().enumerate() {
            for endpoint in peer.observed() {
                by_endpoint.entry(endpoint).or_insert(at);
            }
        }
        Self {
            document,
            peers,
            clock: Clock::of(document),
            numbering: Numbering::of(document),
            mixed: several
                || document.subjects.iter().any(|subject| {
                    document.subjects.first().is_some_and(|first| first.info_hash != subject.info_hash)
                }),
            by_subject,
            by_endpoint,
        }
    }

    /// The place of a subject of the report in [`Self::peers`].
    pub(super) fn place(&self, subject: Option<u64>) -> Option<usize> {
        self.by_subject.get(&usize::try_from(subject?).ok()?).copied()
    }

    /// The place of whoever has an endpoint, or sent from it.
    pub(super) fn place_of(&self, endpoint: &str) -> Option<usize> {
        self.by_endpoint.get(endpoint).copied()
    }

    /// A link to a peer's section, and its torrent behind it where rows are of several.
    pub(super) fn link(&self, peer: &Peer<'_>) -> Html {
        let mut html = html::link(&peer.id, &peer.subject.endpoint);
        if self.mixed {
            let torrent = self.torrent_named(peer.subject.info_hash.as_deref());
            html.add(&Html::ours(format!(" <span class=\"mute\">of {torrent}</span>")));
        }
        html
    }

    /// A torrent in a row: its name, with the begin of its hash where that is another one's name too, or the begin alone.
    pub(super) fn torrent_named(&self, info_hash: Option<&str>) -> Html {
        let Some(info_hash) = info_hash else { return Html::text("an unknown torrent") };
        let begin: String = info_hash.chars().take(8).collect();
        let Some(name) = self.torrent(Some(info_hash)).and_then(|torrent| torrent.name.as_deref()) else {
            return Html::text(&format!("torrent {begin}…"));
        };
        let mut html = html::quoted(name, html::SHORT);
        let same = |torrent: &&Torrent| torrent.name.as_deref() == Some(name);
        if self.document.torrents.iter().filter(same).count() > 1 {
            html.push(&format!(" ({begin}…)"));
        }
        html
    }

    /// Transfers in which a peer was the sender, in the report's order.
    pub(super) fn sent<'s>(&'s self, peer: &'s Peer<'d>) -> impl Iterator<Item = &'d Transfer> + 's {
        let transfers = self.document.transfers.iter();
        transfers.filter(|transfer| transfer.uploader_subject == Some(peer.index as u64))
    }

    /// The torrent of a subject or transfer, where the report has one.
    pub(super) fn torrent(&self, info_hash: Option<&str>) -> Option<&'d Torrent> {
        self.document.torrents.iter().find(|torrent| Some(torrent.info_hash.as_str()) == info_hash)
    }

    /// Mentions of addresses that have no row, by address.
    pub(super) fn only_named(&self) -> BTreeMap<&'d str, Vec<&'d Mention>> {
        let mut named: BTreeMap<&str, Vec<&Mention>> = BTreeMap::new();
        for mention in &self.document.mentions {
            if self.place_of(&mention.subject).is_none() && !self.is_elsewhere(&mention.subject) {
                named.entry(&mention.subject).or_default().push(mention);
            }
        }
        named
    }

    /// Returns true for a mention of a torrent of the report: by v1 hash, v2 hash or cut v2 hash; of any, where no
    /// torrent was given.
    pub(super) fn of_report(&self, mention: &Mention) -> bool {
        let torrents = &self.document.torrents;
        torrents.iter().all(|torrent| torrent.source.is_none())
            || mention
                .info_hash
                .as_deref()
                .is_some_and(|hash| torrents.iter().any(|torrent| goes_by(torrent, hash)))
    }

    /// Returns true if rows of the whole report may be left out: what is not here may be there.
    pub(super) fn is_part(&self) -> bool {
        self.document.shown.is_some()
    }

    /// A sentence of absence: of the part that is shown, or of the whole report.
    pub(super) fn absence(&self, of_part: &'static str, of_whole: &'static str) -> &'static str {
        if self.is_part() { of_part } else { of_whole }
    }

    /// The sentence where no mention is shown.
    pub(super) fn nobody_named(&self) -> &'static str {
        self.absence("No mention is in the part that is shown.", "Nobody named anybody in what could be read.")
    }

    /// The sentence where no peer is shown to have done something; `unread` and `unhashed` say what may hide that one did.
    pub(super) fn none(&self, unread: bool, unhashed: bool) -> &'static str {
        match (self.is_part(), unread, unhashed) {
            (true, ..) => "No peer in the part that is shown. This is no finding about the whole report.",
            (_, true, _) => {
                "No peer, on what these captures hold. Not everything could be read, so this is no finding that nobody did."
            }
            (.., true) => {
                "No peer, on what these captures hold. Not everything could be hashed, so this is no finding that nobody did."
            }
            _ => "No peer, on what these captures hold.",
        }
    }

    /// Returns true if an address has a row in the whole report that is not shown.
    pub(super) fn is_elsewhere(&self, endpoint: &str) -> bool {
        let shown = self.document.shown.as_ref();
        shown.is_some_and(|shown| endpoint.parse().is_ok_and(|end| shown.hides(end)))
    }

    /// `frame 381, 21:05:46.654`.
    pub(super) fn cited(&self, frames: Frames, time: &str) -> String {
        format!("{}, {}", self.numbering.frames(frames), self.clock.exact(time))
    }
}

impl Peer<'_> {
    /// `G7+GX`.
    pub(super) fn label(&self) -> String {
        label(self.subject.grade, self.figures.refuted_bytes)
    }

    /// The rung of this grade.
    pub(super) fn rung(&self, grade: Grade) -> Option<&Rung> {
        self.subject.rungs.iter().find(|rung| rung.grade == grade)
    }

    /// Returns true if the peer sent piece data, captured or not.
    pub(super) fn sent_any(&self) -> bool {
        self.figures.served_bytes > 0 || self.figures.lost_bytes > 0
    }

    /// The endpoints that its packets came from, where they are not its own.
    pub(super) fn observed(&self) -> Vec<String> {
        let (address, port) =
            self.subject.endpoint.rsplit_once(':').unwrap_or((self.subject.endpoint.as_str(), ""));
        let ports = self.subject.sent_from.iter().map(u16::to_string);
        ports.filter(|sent| sent != port).map(|sent| format!("{address}:{sent}")).collect()
    }

    /// The ports behind [`Self::observed`] as ` (port declared; sent from :59763)`.
    pub(super) fn declared(&self) -> String {
        let ports: Vec<String> = self.observed();
        let ports: Vec<&str> =
            ports.iter().filter_map(|endpoint| endpoint.rsplit_once(':')).map(|(_, p)| p).collect();
        let sent = if ports.len() < self.subject.sent_from.len() { "also sent" } else { "sent" };
        match ports.as_slice() {
            [] => String::new(),
            ports if ports.len() > MOST_PORTS => {
                let shown: Vec<String> = ports.iter().take(MOST_PORTS).map(|port| format!(":{port}")).collect();
                format!(
                    " (port declared; {sent} from {} and {} other ports)",
                    shown.join(", "),
                    ports.len() - MOST_PORTS
                )
            }
            ports => {
                let shown: Vec<Html> = ports.iter().map(|port| Html::text(&format!(":{port}"))).collect();
                format!(" (port declared; {sent} from {})", html::listed(&shown))
            }
        }
    }

    /// The order of the page; the least stands first.
    fn rank(&self) -> impl Ord + use<> {
        let address: Option<SocketAddr> = self.subject.endpoint.parse().ok();
        let figures = &self.figures;
        let weight = (self.subject.actionable, self.subject.grade, figures.verified_bytes, figures.served_bytes);
        (std::cmp::Reverse(weight), address, self.index)
    }
}

/// `G7+GX`: the grade, and what stands beside it.
pub(super) fn label(grade: Grade, refuted: u64) -> String {
    let grade = if grade == Grade::None { "–" } else { grade.name() };
    if refuted > 0 { format!("{grade}+GX") } else { grade.to_owned() }
}

fn key(subject: &Subject, several: bool) -> String {
    let endpoint: String =
        subject.endpoint.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '_' }).collect();
    let torrent = match (&subject.info_hash, several) {
        (Some(hash), true) => {
            format!("-{}", hash.chars().filter(char::is_ascii_hexdigit).take(8).collect::<String>())
        }
        _ => String::new(),
    };
    format!("p-{endpoint}-{}{torrent}", subject.transport.name())
}

/// The endpoints of one address, where several have rows: their figures are never added up.
pub(super) fn shared_addresses(cast: &Cast<'_>) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let mut shared = BTreeSet::new();
    for peer in &cast.peers {
        let address = peer.subject.endpoint.rsplit_once(':').map_or("", |(address, _)| address);
        if !seen.insert(address.to_owned()) {
            shared.insert(address.to_owned());
        }
    }
    shared
}

/// Returns true if a torrent is known by this hash: its v1 one, its v2 one, or that cut to 20 bytes.
pub(super) fn goes_by(torrent: &Torrent, hash: &str) -> bool {
    torrent.info_hash == hash
        || torrent.info_hash_v1.as_deref() == Some(hash)
        || torrent.info_hash_v2.as_deref().is_some_and(|v2| v2 == hash || hash.len() == 40 && v2.starts_with(hash))
}

// Rationale: a line; the rest is in the tables.
const MOST_PORTS: usize = 6;
