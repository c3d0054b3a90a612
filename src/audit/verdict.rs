//! Verdicts with their reasons, as values; no sentences.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde::Serialize;

use super::claim::{Act, Window};
use super::examined::Event;
use crate::ends::{Endpoint, Span, Transport};
use crate::evidence::Grade;

/// The answer to a claim (notices.md, section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The captures show the act in the stated window.
    Supported,
    /// They show a part of it.
    SupportedInPart,
    /// They show that it was not so.
    Contradicted,
    /// They show the address in the torrent at another time.
    NotAtStatedTime,
    /// They did not see the address, or did not run.
    OutsideCapture,
    /// They tell neither way.
    NotDecidable,
}

impl Verdict {
    /// The word in JSON, tables and texts.
    pub fn name(self) -> &'static str {
        match self {
            Self::Supported => "supported",
            Self::SupportedInPart => "supported-in-part",
            Self::Contradicted => "contradicted",
            Self::NotAtStatedTime => "not-at-stated-time",
            Self::OutsideCapture => "outside-capture",
            Self::NotDecidable => "not-decidable",
        }
    }
}

/// Why a verdict is what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)] // The identifiers of notices.md, section 2.
pub enum Reason {
    OnlyAnnounced,
    OnlyReachable,
    OnlyAdvertised,
    OnlyRefuted,
    OnlyMetadata,
    Unverified,
    OtherTimeInSession,
    OtherStatedTime,
    OtherPort,
    OtherProtocol,
    ReturnPathUnconfirmed,
    SeveralClients,
    TitleOnly,
    Encrypted,
    OneSided,
    GapInRange,
    TruncatedSnaplen,
    OverlapConflict,
    ClockStep,
    BoundReached,
    TimeNotCovered,
    AddressNeverSeen,
    OnlyNamed,
    BehindTranslation,
    SessionShowsOtherwise,
    NoTrace,
    WholeSessionWithoutPiece,
    VantageUnknown,
    WindowPartlyCovered,
    HashKindAmbiguous,
    TorrentNotGiven,
    NoZone,
    AmbiguousTime,
    NoHash,
}

impl Reason {
    /// The identifier in JSON.
    pub fn id(self) -> &'static str {
        match self {
            Self::OnlyAnnounced => "only-announced",
            Self::OnlyReachable => "only-reachable",
            Self::OnlyAdvertised => "only-advertised",
            Self::OnlyRefuted => "only-refuted",
            Self::OnlyMetadata => "only-metadata",
            Self::Unverified => "unverified",
            Self::OtherTimeInSession => "other-time-in-session",
            Self::OtherStatedTime => "other-stated-time",
            Self::OtherPort => "other-port",
            Self::OtherProtocol => "other-protocol",
            Self::ReturnPathUnconfirmed => "return-path-unconfirmed",
            Self::SeveralClients => "several-clients",
            Self::TitleOnly => "title-only",
            Self::Encrypted => "encrypted",
            Self::OneSided => "one-sided",
            Self::GapInRange => "gap-in-range",
            Self::TruncatedSnaplen => "truncated-snaplen",
            Self::OverlapConflict => "overlap-conflict",
            Self::ClockStep => "clock-step",
            Self::BoundReached => "bound-reached",
            Self::TimeNotCovered => "time-not-covered",
            Self::AddressNeverSeen => "address-never-seen",
            Self::OnlyNamed => "only-named",
            Self::BehindTranslation => "behind-translation",
            Self::SessionShowsOtherwise => "session-shows-otherwise",
            Self::NoTrace => "no-trace",
            Self::WholeSessionWithoutPiece => "whole-session-without-piece",
            Self::VantageUnknown => "vantage-unknown",
            Self::WindowPartlyCovered => "window-partly-covered",
            Self::HashKindAmbiguous => "hash-kind-ambiguous",
            Self::TorrentNotGiven => "torrent-not-given",
            Self::NoZone => "no-zone",
            Self::AmbiguousTime => "ambiguous-time",
            Self::NoHash => "no-hash",
        }
    }
}

/// The standard of proof in the window: met or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standard {
    /// A unit was advertised, requested, then served alone and verified.
    Met,
    /// No such unit.
    NotMet,
    /// The act is not one of serving.
    NotApplicable,
}

impl Standard {
    /// The word in JSON and in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::NotMet => "not-met",
            Self::NotApplicable => "not-applicable",
        }
    }
}

/// The judgement of one act of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The act.
    pub act: Act,
    /// The answer.
    pub verdict: Verdict,
    /// Why, in the order of their weight.
    pub reasons: Vec<Reason>,
    /// The highest rung reached in the window; of mentions where nothing else is there.
    pub grade: Rank,
    /// The standard of proof in the window.
    pub standard: Standard,
    /// The finding in the window.
    pub within: Finding,
    /// The finding outside the window.
    pub elsewhere: Finding,
    /// The time of taking part that is nearest to the stated one, and how far off it is, in ns.
    pub nearest: Option<(i64, i64)>,
    /// Clock readings that would fit.
    pub hints: Vec<Hint>,
}

impl Judgement {
    /// The finding that supports the claim: that in the window, or another of the connection or of a further stated time.
    pub fn place(&self) -> &Finding {
        let is_other = |reason: &Reason| matches!(reason, Reason::OtherTimeInSession | Reason::OtherStatedTime);
        if self.reasons.iter().any(is_other) { &self.elsewhere } else { &self.within }
    }
}

/// A grade of the ladder, or one of hearsay below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// Nothing.
    Nothing,
    /// Named by a third party.
    G0,
    /// Announced.
    G1a,
    /// Announced, address confirmed.
    G1b,
    /// A rung of direct evidence.
    Direct(Grade),
}

impl Rank {
    /// `none`, `G0`, `G1a`, `G1b`, or the grade's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nothing => "none",
            Self::G0 => "G0",
            Self::G1a => "G1a",
            Self::G1b => "G1b",
            Self::Direct(grade) => grade.name(),
        }
    }
}

/// Figures and signs of an address and torrent over some time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Finding {
    /// The highest rung, with its frames.
    pub best: Option<Event>,
    /// The endpoints that it was found at, sorted.
    pub endpoints: Vec<Endpoint>,
    /// Ports of the address that took part, sorted.
    pub ports: Vec<u16>,
    /// Served payload bytes.
    pub served: u64,
    /// Verified bytes, and how many units they are in.
    pub verified: (u64, u64),
    /// Bytes of units that came from it alone.
    pub sole: u64,
    /// Set if blocks that the address sent differ from the torrent.
    pub refuted: bool,
    /// Bytes that differ, of the transfers in which the first of them was seen then; and the frames of the first.
    pub refuted_bytes: (u64, Option<Span>),
    /// Verified bytes that were sent to it.
    pub received: u64,
    /// Bytes labelled as pieces that were sent to it.
    pub sent_to: u64,
    /// How what was found was carried.
    pub carriers: BTreeSet<Transport>,
    /// First and last time of what was found.
    pub window: Option<Window>,
    /// First and last time of the payload in it; `None` where there is none.
    pub act: Option<Window>,
    /// Frames of verified payload, or of the highest rung.
    pub frames: Option<Span>,
    /// The piece of the first unit that meets the standard, and the frames of its advertisement, request and payload.
    pub standard: Option<(u32, [Span; 3])>,
    /// Set if a connection of the address advertised pieces, at whatever time.
    pub advertised: bool,
    /// Set if bytes that the address sent answer requests, at whatever time.
    pub requested: bool,
    /// Set if only one direction of a transfer was captured.
    pub one_sided: bool,
    /// Set if pieces that the address sent are of one byte value, which anybody could send.
    pub trivial: bool,
}

impl Finding {
    /// The first element of the standard of proof that is missing; `None` where it is met.
    pub fn lack(&self) -> Option<Lack> {
        if self.standard.is_some() {
            return None;
        }
        Some(match self {
            Self { advertised: false, .. } => Lack::Advertised,
            Self { requested: false, served: 1.., one_sided: true, .. } => Lack::OneSided,
            Self { requested: false, served: 1.., .. } => Lack::Requested,
            Self { sole: 0, .. } => Lack::SoleUnit,
            Self { trivial: true, .. } => Lack::Trivial,
            _ => Lack::Together,
        })
    }
}

/// An element of the standard of proof that is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lack {
    /// It advertised nothing.
    Advertised,
    /// It was asked for nothing that it sent.
    Requested,
    /// The other direction, in which it would have been asked, is not there.
    OneSided,
    /// No unit came from it alone.
    SoleUnit,
    /// No unit that came from it alone was advertised and requested before.
    Together,
    /// None of those that are not of one byte value.
    Trivial,
}

impl Lack {
    /// The word in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Advertised => "advertised",
            Self::Requested => "requested",
            Self::OneSided => "one-sided",
            Self::SoleUnit => "sole-unit",
            Self::Together => "together",
            Self::Trivial => "trivial",
        }
    }
}

/// Another reading of the stated time that would fit; no proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// As local time at this offset from UTC, in seconds.
    Offset(i32),
    /// Twelve hours later.
    TwelveHour,
    /// With day and month exchanged.
    DayMonth,
}

impl std::fmt::Display for Hint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Offset(seconds) => {
                let sign = if *seconds < 0 { '-' } else { '+' };
                let minutes = seconds.unsigned_abs() / 60;
                write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
            }
            Self::TwelveHour => f.write_str("12-hour"),
            Self::DayMonth => f.write_str("day-month"),
        }
    }
}

/// Which of an address' packets the captures hold (notices.md, section 2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Vantage {
    /// No packet from it.
    None,
    /// Packets to it that carry data or acknowledgements, none from it.
    Toward,
    /// Packets from and to it, and nothing more is known.
    Sessions,
    /// Everything that it sent and received.
    Whole,
}

impl Vantage {
    /// The word in JSON and in texts.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Toward => "toward",
            Self::Sessions => "sessions",
            Self::Whole => "whole",
        }
    }
}

/// Stretches of a window in which the captures can have seen an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coverage {
    /// The address that was looked for.
    pub address: IpAddr,
    /// Which of its packets are there.
    pub vantage: Vantage,
    /// Of [`Vantage::Whole`]: whether the user states it; else it is inferred.
    pub is_stated: bool,
    /// Set if the captures ran over the whole stated time.
    pub stated_time: bool,
    /// Set if the captures ran at any moment of the stated time.
    pub stated_time_partly: bool,
    /// The part of the window during which they ran, in thousandths, rounded down.
    pub window_share: u16,
    /// Set if one stretch of capture holds the whole window.
    pub window_in_one: bool,
    /// Set if packets from the address stand before and after the stated time.
    pub around: bool,
}
