//! The decision table: the first line that fits (notices.md, section 2.4).

use std::net::IpAddr;

use super::claim::{Act, Claim, When, Window, ZoneBasis};
use super::examined::{Event, Examined, Index, Obstacle, Transfer};
use super::hints::hints;
use super::resolve::{Resolution, resolve};
use super::search::{Ports, Search};
use super::terms::Terms;
use super::verdict::{Coverage, Finding, Judgement, Rank, Reason, Standard, Vantage, Verdict};
use crate::ends::Transport as Carrier;
use crate::evidence::{Grade, Hiding};

/// A claim that was judged.
#[derive(Clone, Debug)]
pub struct Judged {
    /// One for each act, the gravest first; never empty.
    pub acts: Vec<Judgement>,
    /// Stretches of time in which the captures can have seen packets of the address.
    pub coverage: Coverage,
    /// Properties of the answer.
    pub flags: Vec<Flag>,
    /// The inside address that stood for the stated one, and whether the user says so; else the notice does.
    pub inside: Option<(IpAddr, Option<u16>, bool)>,
    /// The torrents that the claim may mean, by index.
    pub torrents: Vec<usize>,
}

impl Judged {
    /// The judgement of the gravest act: that of the claim.
    pub fn claim(&self) -> Option<&Judgement> {
        self.acts.first()
    }
}

/// A property of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flag {
    /// Blocks of the address differ from the torrent: no intent is shown by that.
    RefutedBytes,
    /// The connections that support the claim show nowhere that the address received anything.
    ReturnPathUnconfirmed,
    /// Two or more clients use the address in the captures.
    SeveralClients,
    /// The notice states no port; one client was seen.
    NoPort,
    /// The captures have other figures than the notice.
    AmountDiffers,
    /// 100.64.0.0/10: many lines share one address.
    CarrierNat,
    /// A private address.
    PrivateAddress,
    /// The user's word put an inside address for the stated one.
    Alias,
    /// The captures show it over another transport than the notice states.
    OtherTransport,
    /// The address is on a list of relays that the user gave.
    Relay,
}

impl Flag {
    /// The word in JSON and in texts.
    pub fn name(self) -> &'static str {
        match self {
            Self::RefutedBytes => "refuted-bytes",
            Self::ReturnPathUnconfirmed => "return-path-unconfirmed",
            Self::SeveralClients => "several-clients",
            Self::NoPort => "no-port",
            Self::AmountDiffers => "amount-differs",
            Self::CarrierNat => "carrier-nat",
            Self::PrivateAddress => "private-address",
            Self::Alias => "alias",
            Self::OtherTransport => "other-transport",
            Self::Relay => "relay",
        }
    }
}

/// Judges `claim` by what the captures hold.
pub fn judge(claim: &Claim, index: &Index<'_>, terms: &Terms) -> Judged {
    let examined = index.examined;
    let stated_alias = terms.inside(claim.who.address, claim.who.port);
    let alias = stated_alias.or(claim.who.mapped);
    let address = alias.map_or(claim.who.address, |(inside, _)| inside);
    let port = match alias {
        Some((_, Some(port))) => Some(port),
        _ => claim.who.port,
    };
    let search = Search::of(index, address, port);
    let resolution = resolve(&claim.what, examined);
    let clients = search.clients(&resolution.torrents);
    let mut flags = Vec::new();
    let mut acts = Vec::new();
    for act in &claim.acts {
        let case = Case {
            claim,
            act: *act,
            examined,
            index,
            terms,
            search: search.of_act(*act),
            resolution: &resolution,
            clients,
            alias: alias.is_some(),
        };
        acts.push(case.judge());
    }
    if acts.iter().any(|judged| judged.act != Act::Downloaded && judged.place().refuted) {
        flags.push(Flag::RefutedBytes);
    }
    if acts.iter().any(|judged| judged.reasons.contains(&Reason::ReturnPathUnconfirmed)) {
        flags.push(Flag::ReturnPathUnconfirmed);
    }
    if clients > 1 {
        flags.push(Flag::SeveralClients);
    }
    if claim.who.port.is_none() && clients <= 1 {
        flags.push(Flag::NoPort);
    }
    let is_other = |judged: &Judgement| {
        let carriers = &judged.place().carriers;
        claim.who.transport.is_some_and(|stated| !carriers.is_empty() && !stated.fits(carriers))
    };
    if acts.iter().any(is_other) {
        flags.push(Flag::OtherTransport);
    }
    let sent: u64 = acts.first().map_or(0, |judged| judged.within.served + judged.elsewhere.served);
    if claim.amount.is_some_and(|amount| amount > 0 && amount != sent) {
        flags.push(Flag::AmountDiffers);
    }
    if is_carrier_nat(claim.who.address) {
        flags.push(Flag::CarrierNat);
    } else if crate::evidence::is_private(claim.who.address) {
        flags.push(Flag::PrivateAddress);
    }
    if alias.is_some() {
        flags.push(Flag::Alias);
    }
    if terms.is_relay(claim.who.address) {
        flags.push(Flag::Relay);
    }
    flags.sort_unstable();
    let stated = claim.when.readings.first().copied();
    let coverage = terms.coverage(index, address, claim.who.address, stated);
    let inside = alias.map(|(address, _)| (address, port, stated_alias.is_some()));
    Judged { acts, coverage, flags, inside, torrents: resolution.torrents }
}

/// One act of one claim.
struct Case<'a> {
    claim: &'a Claim,
    act: Act,
    examined: &'a Examined,
    index: &'a Index<'a>,
    terms: &'a Terms,
    search: Search<'a>,
    resolution: &'a Resolution,
    /// Clients seen at the address.
    clients: usize,
    alias: bool,
}

impl Case<'_> {
    fn judge(&self) -> Judgement {
        let when = &self.claim.when;
        if when.zone == ZoneBasis::None {
            let mut judged = self.blank(Verdict::NotDecidable, vec![Reason::NoZone]);
            judged.elsewhere = self.search.found(&self.resolution.torrents, Ports::Own, &|_| true);
            judged.hints = self.hints(when);
            return judged;
        }
        let mut readings = when.readings.iter().map(|reading| self.reading(*reading));
        let Some(first) = readings.next() else { return self.blank(Verdict::NotDecidable, vec![Reason::NoZone]) };
        match readings.find(|other| other.verdict != first.verdict || other.reasons != first.reasons) {
            None => first,
            Some(other) => Judgement {
                verdict: Verdict::NotDecidable,
                reasons: vec![Reason::AmbiguousTime],
                hints: [first.hints, other.hints].concat(),
                ..first
            },
        }
    }

    fn blank(&self, verdict: Verdict, reasons: Vec<Reason>) -> Judgement {
        Judgement {
            act: self.act,
            verdict,
            reasons,
            grade: Rank::Nothing,
            standard: self.blank_standard(),
            within: Finding::default(),
            elsewhere: Finding::default(),
            nearest: None,
            hints: Vec::new(),
        }
    }

    fn serves(&self) -> bool {
        matches!(self.act, Act::Uploaded | Act::Unknown | Act::Offered)
    }

    /// Judges one reading of the stated time.
    fn reading(&self, stated: Window) -> Judgement {
        let window = self.terms.widen(stated);
        let torrents = &self.resolution.torrents;
        let inside = |time: i64| window.from <= time && time < window.to;
        let within = |ports| self.search.found(torrents, ports, &inside);
        let own = within(Ports::Own);
        let elsewhere = self.search.found(torrents, Ports::Any, &|time| !inside(time));
        let mut judged = self.blank(Verdict::NotDecidable, Vec::new());
        judged.nearest = self.nearest(stated, torrents);
        let (own_rank, mentioned) = (self.rank(&own), self.search.mentioned(torrents, &window));
        judged.grade = own_rank.max(mentioned);
        judged.standard = self.standard(&own);

        // Row 1.
        if self.is_supported(&own, mentioned) {
            (judged.within, judged.elsewhere) = (own, elsewhere);
            let mut capped = self.cap();
            capped.extend(self.forgeable(Ports::Own, &inside, mentioned));
            judged.verdict = if capped.is_empty() { Verdict::Supported } else { Verdict::SupportedInPart };
            judged.reasons = capped;
            return judged;
        }
        // Row 2.
        let in_session = self.search.sessions_over(torrents, Ports::Own, &stated);
        let beside =
            |time: i64| !inside(time) && in_session.iter().any(|session| session.from <= time && time < session.to);
        let same_session = self.search.found(torrents, Ports::Own, &beside);
        if !in_session.is_empty() && self.is_supported(&same_session, Rank::Nothing) {
            judged.standard = self.standard(&same_session);
            judged.grade = self.rank(&same_session);
            (judged.within, judged.elsewhere) = (own, same_session);
            let mut judged = self.in_part(judged, Reason::OtherTimeInSession);
            judged.reasons.extend(self.forgeable(Ports::Own, &beside, Rank::Nothing));
            return judged;
        }
        // Row 3.
        for also in self.claim.also.iter().flat_map(|when| &when.readings) {
            let window = self.terms.widen(*also);
            let then = |time: i64| window.from <= time && time < window.to;
            let other = self.search.found(torrents, Ports::Own, &then);
            let named = self.search.mentioned(torrents, &window);
            if self.is_supported(&other, named) {
                judged.standard = self.standard(&other);
                judged.grade = self.rank(&other).max(named);
                (judged.within, judged.elsewhere) = (own, other);
                let mut judged = self.in_part(judged, Reason::OtherStatedTime);
                judged.reasons.extend(self.forgeable(Ports::Own, &then, named));
                return judged;
            }
        }
        // Row 4.
        for (ports, reason) in [
            (Ports::Others, Reason::OtherPort),
            (Ports::OwnWeb, Reason::OtherProtocol),
            (Ports::OthersWeb, Reason::OtherProtocol),
        ] {
            let other = within(ports);
            if self.is_supported(&other, Rank::Nothing) {
                // A web server advertises nothing, so the standard of a peer is none of its.
                let is_web = reason == Reason::OtherProtocol;
                judged.standard = if is_web { self.blank_standard() } else { self.standard(&other) };
                judged.grade = self.rank(&other);
                (judged.within, judged.elsewhere) = (other, elsewhere);
                let mut judged = self.in_part(judged, reason);
                judged.reasons.extend((ports == Ports::OthersWeb).then_some(Reason::OtherPort));
                judged.reasons.extend(self.forgeable(ports, &inside, Rank::Nothing));
                return judged;
            }
        }
        // Row 5; what the address had said in a connection before still stands while it lasts.
        let running = self.search.sessions_within(torrents, Ports::Any, &stated);
        let is_running = |time: i64| running.iter().any(|session| session.holds(time));
        let earlier =
            |time: i64| !inside(time) && in_session.iter().any(|session| session.from <= time && time < stated.to);
        for (ports, is_earlier) in [(Ports::Own, false), (Ports::Others, false), (Ports::Own, true)] {
            let when: &dyn Fn(i64) -> bool = if is_earlier { &earlier } else { &inside };
            let found = self.search.found(torrents, ports, when);
            let named = if ports == Ports::Own { mentioned } else { Rank::Nothing };
            let Some(reason) = self.partly(&found, named) else { continue };
            judged.grade = self.rank(&found).max(named);
            let whole = !self.has_piece(&found) && self.search.has_whole_session(torrents, ports, &window);
            let confirmed = self.partly(&self.confirmed(ports, when), named);
            (judged.within, judged.elsewhere) = if is_earlier { (own, found) } else { (found, elsewhere) };
            let mut judged = self.in_part(judged, reason);
            if ports == Ports::Others && !judged.reasons.contains(&Reason::OtherPort) {
                judged.reasons.push(Reason::OtherPort);
            }
            judged.reasons.extend(is_earlier.then_some(Reason::OtherTimeInSession));
            judged.reasons.extend((whole && self.moves()).then_some(Reason::WholeSessionWithoutPiece));
            judged.reasons.extend(confirmed.is_none().then_some(Reason::ReturnPathUnconfirmed));
            return judged;
        }
        (judged.within, judged.elsewhere) = (own, elsewhere);
        // Row 6.
        let obstacles = self.unread(&window, torrents);
        if self.act != Act::Named && !obstacles.is_empty() {
            judged.reasons = obstacles;
            return judged;
        }
        // Row 7; a connection over the stated time is no other time.
        let took_part = |found: &Finding| {
            let rung = found.best.is_some_and(|best| best.grade >= Grade::G3 && best.grade != Grade::GX);
            rung || found.received > 0 || found.sent_to > 0
        };
        let named_ever = self.act == Act::Named && self.search.mentioned_ever(torrents);
        let apart = |time: i64| !inside(time) && !is_running(time);
        if named_ever || took_part(&self.search.found(torrents, Ports::Any, &apart)) {
            judged.verdict = Verdict::NotAtStatedTime;
            if !named_ever && !took_part(&self.confirmed(Ports::Any, &apart)) {
                judged.reasons.push(Reason::ReturnPathUnconfirmed);
            }
            judged.hints = self.hints(&self.claim.when);
            return judged;
        }
        // Row 8.
        let coverage = self.terms.coverage(self.index, self.search.address, self.claim.who.address, Some(stated));
        if let Some(reason) = self.outside(&coverage) {
            judged.verdict = Verdict::OutsideCapture;
            judged.reasons = vec![reason];
            return judged;
        }
        // Row 9.
        if self.may_contradict(&coverage) {
            let sessions = self.search.sessions_within(torrents, Ports::Own, &window);
            if coverage.stated_time && !sessions.is_empty() && sessions.iter().all(|session| session.is_whole) {
                judged.verdict = Verdict::Contradicted;
                judged.reasons = vec![Reason::SessionShowsOtherwise];
                return judged;
            }
            let any = self.search.sessions_within(torrents, Ports::Any, &window);
            let hidden = self.search.hidden(&window, None).is_some();
            if coverage.window_in_one && any.is_empty() && !hidden && !self.examined.is_torn {
                judged.verdict = Verdict::Contradicted;
                judged.reasons = vec![Reason::NoTrace];
                return judged;
            }
        }
        // Row 10.
        judged.reasons = self.undecided(&coverage, &window);
        let whole = running.iter().any(|session| session.is_whole) && !self.has_piece(&judged.within);
        judged.reasons.extend((whole && self.moves()).then_some(Reason::WholeSessionWithoutPiece));
        judged
    }

    /// Returns true if pieces went the way of the act, verified or not.
    fn has_piece(&self, found: &Finding) -> bool {
        let rung = found.best.is_some_and(|best| on_ladder(best) >= Some(Grade::G6));
        if self.act == Act::Downloaded { found.sent_to > 0 } else { found.served > 0 || rung }
    }

    /// Returns true if the act moves pieces, so that a whole connection without one tells against it.
    fn moves(&self) -> bool {
        self.serves() || self.act == Act::Downloaded
    }

    /// In part for `reason`, and whatever else caps the claim.
    fn in_part(&self, mut judged: Judgement, reason: Reason) -> Judgement {
        judged.verdict = Verdict::SupportedInPart;
        judged.reasons = vec![reason];
        judged.reasons.extend(self.cap());
        if reason == Reason::Unverified && self.resolution.without_metadata {
            judged.reasons.push(Reason::TorrentNotGiven);
        }
        judged
    }

    /// Reasons that cap an otherwise supported claim (notices.md, sections 2.5 and 2.6).
    fn cap(&self) -> Vec<Reason> {
        let mut reasons = Vec::new();
        if self.search.port.is_none() && self.clients > 1 {
            reasons.push(Reason::SeveralClients);
        }
        if self.resolution.by_title {
            reasons.push(Reason::TitleOnly);
        }
        reasons
    }

    /// The finding in transfers where the address is shown to have received something.
    fn confirmed(&self, ports: Ports, when: &dyn Fn(i64) -> bool) -> Finding {
        self.search.confirmed().found(&self.resolution.torrents, ports, when)
    }

    /// A reason against what supports the act: anybody may have sent all of it.
    fn forgeable(&self, ports: Ports, when: &dyn Fn(i64) -> bool, mentioned: Rank) -> Option<Reason> {
        (!self.is_supported(&self.confirmed(ports, when), mentioned)).then_some(Reason::ReturnPathUnconfirmed)
    }

    fn rank(&self, found: &Finding) -> Rank {
        found.best.map_or(Rank::Nothing, |best| Rank::Direct(best.grade))
    }

    fn blank_standard(&self) -> Standard {
        if self.serves() { Standard::NotMet } else { Standard::NotApplicable }
    }

    fn standard(&self, found: &Finding) -> Standard {
        if self.serves() && found.standard.is_some() { Standard::Met } else { self.blank_standard() }
    }

    /// Returns true if a finding supports the act (notices.md, section 2.3).
    fn is_supported(&self, found: &Finding, mentioned: Rank) -> bool {
        let reached = |grade| found.best.is_some_and(|best| on_ladder(best) >= Some(grade));
        match self.act {
            Act::Named => mentioned > Rank::Nothing,
            Act::Joined => reached(Grade::G3),
            Act::Offered => reached(Grade::G5),
            Act::Uploaded | Act::Unknown => reached(Grade::G7),
            Act::Downloaded => found.received > 0,
        }
    }

    /// Why it supports a part of the act, where it does.
    fn partly(&self, found: &Finding, mentioned: Rank) -> Option<Reason> {
        let grade = found.best.map(|best| best.grade);
        let advertised = matches!(grade, Some(Grade::G4 | Grade::G5));
        match self.act {
            Act::Named => None,
            Act::Joined if grade == Some(Grade::G2) => Some(Reason::OnlyReachable),
            Act::Joined => (mentioned >= Rank::G1a).then_some(Reason::OnlyAnnounced),
            Act::Offered => (grade == Some(Grade::G4)).then_some(Reason::OnlyAdvertised),
            Act::Uploaded | Act::Unknown => match grade {
                _ if found.refuted && found.verified.0 == 0 => Some(Reason::OnlyRefuted),
                Some(Grade::G6) => Some(Reason::Unverified),
                _ if advertised => Some(Reason::OnlyAdvertised),
                Some(Grade::G3m) if self.act == Act::Unknown => Some(Reason::OnlyMetadata),
                _ => None,
            },
            Act::Downloaded => (found.sent_to > 0).then_some(Reason::Unverified),
        }
    }

    /// Reasons for traffic of the address in the window that could hold the act and cannot be read.
    fn unread(&self, window: &Window, torrents: &[usize]) -> Vec<Reason> {
        let mut reasons = Vec::new();
        if self.search.encrypted(window, torrents) {
            reasons.push(Reason::Encrypted);
        }
        for (obstacle, reason) in [
            (Obstacle::OneSided, Reason::OneSided),
            (Obstacle::Gap, Reason::GapInRange),
            (Obstacle::Snaplen, Reason::TruncatedSnaplen),
            (Obstacle::Overlap, Reason::OverlapConflict),
        ] {
            let concerns = |transfer: &&Transfer| {
                transfer.torrent.is_none_or(|torrent| torrents.contains(&torrent))
                    && transfer.obstacles.contains(&obstacle)
            };
            if self.search.transfers_in(window).any(|transfer| concerns(&transfer)) {
                reasons.push(reason);
            }
        }
        // Of whose torrent nothing is known, it may be the notice's.
        let hidden = self.search.hidden(window, self.claim.who.port).map(reason_of);
        let nameless = self.search.is_nameless(window).then_some(Reason::GapInRange);
        reasons.extend(nameless.into_iter().chain(hidden));
        let host = self.search.host();
        let toward = host.is_some_and(|host| host.from.is_none() && host.to.is_some());
        if toward && self.search.is_sent_data(window) && !reasons.contains(&Reason::OneSided) {
            reasons.push(Reason::OneSided);
        }
        if self.examined.clock_steps.iter().any(|step| window.from <= *step && *step < window.to) {
            reasons.push(Reason::ClockStep);
        }
        if !self.examined.bounds.is_empty() {
            reasons.push(Reason::BoundReached);
        }
        reasons.sort_unstable();
        reasons.dedup();
        reasons
    }

    /// Why the captures cannot have seen it at all.
    fn outside(&self, coverage: &Coverage) -> Option<Reason> {
        if self.alias && self.claim.who.port.is_none() && !self.terms.is_covered(self.claim.who.address) {
            return Some(Reason::BehindTranslation);
        }
        if !coverage.stated_time_partly {
            return Some(Reason::TimeNotCovered);
        }
        let stated = coverage.vantage == Vantage::Whole && coverage.is_stated;
        if self.search.host().is_none_or(|host| host.from.is_none())
            && !stated
            && coverage.vantage != Vantage::Toward
        {
            let named = self.search.mentioned_ever(&self.resolution.torrents) || self.search.is_named();
            return Some(if named { Reason::OnlyNamed } else { Reason::AddressNeverSeen });
        }
        None
    }

    /// The burden that every contradiction bears (notices.md, section 2.8).
    fn may_contradict(&self, coverage: &Coverage) -> bool {
        self.act != Act::Named
            && coverage.vantage == Vantage::Whole
            && coverage.around
            && self.examined.drops.is_none_or(|drops| drops == 0)
            && self.resolution.is_resolved
            && !self.search.has_unrecognised(self.claim.who.port, &self.resolution.torrents)
    }

    fn undecided(&self, coverage: &Coverage, window: &Window) -> Vec<Reason> {
        let mut reasons = Vec::new();
        if self.resolution.no_hash {
            reasons.push(Reason::NoHash);
        } else if !self.resolution.is_resolved {
            reasons.push(Reason::HashKindAmbiguous);
        }
        if coverage.vantage != Vantage::Whole || !coverage.around {
            reasons.push(Reason::VantageUnknown);
        } else if !coverage.window_in_one {
            reasons.push(Reason::WindowPartlyCovered);
        }
        if reasons.is_empty() {
            let torn = self.examined.is_torn.then_some(Reason::GapInRange);
            let hidden = self.search.hidden(window, None).map(reason_of).or(torn);
            reasons.push(hidden.unwrap_or(Reason::VantageUnknown));
        }
        if self.resolution.is_resolved && self.resolution.without_metadata {
            reasons.push(Reason::TorrentNotGiven);
        }
        reasons
    }

    fn hints(&self, when: &When) -> Vec<super::verdict::Hint> {
        let fits = |window: Window| {
            let found = self
                .search
                .found(&self.resolution.torrents, Ports::Own, &|time| window.from <= time && time < window.to);
            let named = self.search.mentioned(&self.resolution.torrents, &window);
            self.is_supported(&found, named) || self.partly(&found, named).is_some()
        };
        hints(when, self.terms, &fits)
    }

    /// The time at which A took part that is nearest to the stated one, and how far off it is.
    fn nearest(&self, stated: Window, torrents: &[usize]) -> Option<(i64, i64)> {
        let times = self.search.times(torrents);
        let off = |time: i64| match time {
            time if time < stated.from => stated.from.saturating_sub(time),
            time if time >= stated.to => time.saturating_sub(stated.to),
            _ => 0,
        };
        times.into_iter().map(|time| (time, off(time))).min_by_key(|(time, off)| (*off, *time))
    }
}

/// The reason for which a flow that nothing was recognised in decides nothing.
fn reason_of(hiding: Hiding) -> Reason {
    match hiding {
        Hiding::Cut => Reason::TruncatedSnaplen,
        Hiding::Begun | Hiding::Gap | Hiding::Unseen => Reason::GapInRange,
    }
}

/// The grade of an event on the ladder: GX and G3m stand beside it.
fn on_ladder(event: Event) -> Option<Grade> {
    match event.grade {
        Grade::GX => None,
        Grade::G3m => Some(Grade::G3),
        grade => Some(grade),
    }
}

fn is_carrier_nat(address: IpAddr) -> bool {
    matches!(address, IpAddr::V4(v4) if v4.octets()[0] == 100 && v4.octets()[1] & 0xc0 == 64)
}

/// Returns true if the bytes of a transfer went over HTTP.
pub(super) fn is_web(transfer: &Transfer) -> bool {
    transfer.carrier == Carrier::Http
}

#[cfg(test)]
mod tests;
