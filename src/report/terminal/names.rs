//! How peers, torrents, captures, frames and times are called, and the order in which peers stand.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::net::IpAddr;

use jiff::tz::TimeZone;

use super::screen::{Screen, Sort};
use super::unread::Unread;
use crate::ends::{Endpoint, InfoHash, Timestamp, Transport};
use crate::evidence::{Grade, PortBasis};
use crate::report::instead::Instead;
use crate::report::text::{TIE, counted, duration, escaped, grouped, visible};
use crate::report::{Document, Frames, Input, PassedOver, Purpose, Running, Subject, Torrent};

/// A report with what each section needs of it.
pub(super) struct View<'d> {
    pub(super) document: &'d Document,
    pub(super) screen: &'d Screen,
    /// Subjects in the order of the page.
    pub(super) peers: Vec<&'d Subject>,
    pub(super) unread: Unread,
    pub(super) clock: Clock<'d>,
    /// Set if there are several captures, so that a frame's number alone says nothing.
    pub(super) several: bool,
    /// Set if rows are of several torrents, so that each has to say of which it is.
    pub(super) mixed: bool,
    /// Torrents of the captures that stand in for the ones that were given, where those have no peer there.
    pub(super) instead: Instead<'d>,
    /// When the captures ran; of no use over a step of a clock.
    pub(super) running: Running,
}

impl<'d> View<'d> {
    pub(super) fn of(document: &'d Document, screen: &'d Screen) -> Self {
        let captures = document.inputs.iter().filter(|input| matches!(input, Input::Capture { .. })).count();
        Self {
            document,
            screen,
            peers: ordered(document, screen.sort),
            unread: Unread::of(document),
            clock: Clock::of(document, screen.zone.as_ref()),
            several: captures > 1,
            mixed: document.torrents.len() > 1
                || document.subjects.iter().any(|subject| {
                    let first = document.subjects.first();
                    first.is_some_and(|first| first.info_hash != subject.info_hash)
                }),
            instead: Instead::of(document),
            running: Running::of(&document.inputs, &[]),
        }
    }

    /// Returns true if bytes were sent as pieces of a torrent whose hashes are not known, so that none of them was
    /// hashed.
    pub(super) fn unhashed(&self) -> bool {
        let sized = |torrent: &&crate::report::Torrent| torrent.source.is_some() && torrent.size.is_some();
        let known: BTreeSet<&InfoHash> =
            self.document.torrents.iter().filter(sized).map(|torrent| &torrent.info_hash).collect();
        self.peers.iter().any(|subject| {
            (subject.bytes.served > 0 || subject.bytes.lost > 0)
                && !subject.info_hash.as_ref().is_some_and(|info_hash| known.contains(info_hash))
        })
    }

    /// `the info-hash of "shared.bin"`, of the torrents that were given.
    pub(super) fn asked(&self) -> String {
        match self.instead.given.as_slice() {
            [one] => format!("the info-hash of {}", self.torrent(Some(&one.info_hash))),
            some => format!("an info-hash of the {} given", counted(some.len() as u64, "torrent")),
        }
    }

    /// `capture.pcap holds no frame`, where there is nothing in which a connection could be shown.
    pub(super) fn empty(&self) -> Option<String> {
        let quality = &self.document.quality;
        let what = match (quality.frames, quality.not_ip) {
            (0, _) => "no frame",
            (frames, not_ip) if frames == not_ip => "no frame with IP in it that this tool reads",
            _ => return None,
        };
        let captures: Vec<usize> = (0..self.document.inputs.len())
            .filter(|at| matches!(self.document.inputs.get(*at), Some(Input::Capture { .. })))
            .collect();
        Some(match captures.as_slice() {
            [one] => format!("{} holds {what}", self.input(*one)),
            some => format!("{} hold {what}", counted(some.len() as u64, "capture")),
        })
    }

    /// The torrents that were looked for, as the begin of a title.
    pub(super) fn torrents_named(&self) -> String {
        let given: Vec<_> = self.document.torrents.iter().filter(|torrent| torrent.source.is_some()).collect();
        match given.as_slice() {
            [] => "BitTorrent".to_owned(),
            [torrent] => self.torrent(Some(&torrent.info_hash)),
            some => counted(some.len() as u64, "torrent"),
        }
    }

    /// ` looked for in capture.pcap, 7.618 s from 2026-11-21 02:59:57 UTC`; of captures that ran apart, how long in all.
    pub(super) fn captures_named(&self) -> String {
        let captures: Vec<usize> = (0..self.document.inputs.len())
            .filter(|at| matches!(self.document.inputs.get(*at), Some(Input::Capture { .. })))
            .collect();
        let what = match captures.as_slice() {
            [one] => self.input(*one),
            some => counted(some.len() as u64, "capture"),
        };
        let quality = &self.document.quality;
        let time = match (quality.first_time, quality.duration_ns) {
            (Some(first), Some(_)) => format!(", {} from {}", self.captured(), self.clock.title(first)),
            (Some(first), None) => format!(", from {} on, over a step of its clock", self.clock.title(first)),
            _ => String::new(),
        };
        format!(" looked for in {what}{time}")
    }

    /// `7.618 s`, or `15.279 s in 2 stretches`: how long captures ran.
    pub(super) fn captured(&self) -> String {
        let length = duration(self.running.length());
        match self.running.stretches().len() as u64 {
            0 | 1 => length,
            many => format!("{length} in {}", stretches(many)),
        }
    }

    /// How a torrent is called in a sentence: its name in quotes, or its hash.
    pub(super) fn torrent(&self, info_hash: Option<&InfoHash>) -> String {
        let Some(info_hash) = info_hash else { return "an unknown torrent".into() };
        let torrent = self.document.torrents.iter().find(|torrent| torrent.info_hash == *info_hash);
        match torrent.and_then(|torrent| torrent.name.as_deref()) {
            Some(name) => named(name),
            None => format!("torrent {info_hash}"),
        }
    }

    /// A torrent in a row: its name in quotes, with the begin of its hash where that is another one's name too, or the begin
    /// alone.
    pub(super) fn torrent_cell(&self, info_hash: Option<&InfoHash>) -> String {
        let Some(info_hash) = info_hash else { return format!("an{TIE}unknown{TIE}torrent") };
        let begin = info_hash.to_string().chars().take(8).collect::<String>();
        let torrents = || self.document.torrents.iter();
        let name =
            torrents().find(|torrent| torrent.info_hash == *info_hash).and_then(|torrent| torrent.name.as_deref());
        match name {
            Some(name) if torrents().filter(|torrent| torrent.name.as_deref() == Some(name)).count() == 1 => {
                named_cell(name)
            }
            Some(name) => format!("{}{TIE}({begin}...)", named_cell(name)),
            None => format!("torrent{TIE}{begin}..."),
        }
    }

    /// A subject in a row: as [`endpoint`] calls it, and ` of "shared.bin"` behind it where the report has several torrents.
    pub(super) fn peer(&self, subject: &Subject) -> String {
        match self.mixed {
            true => format!("{} of{TIE}{}", endpoint(subject), self.torrent_cell(subject.info_hash.as_ref())),
            false => endpoint(subject),
        }
    }

    /// Returns true if a subject has an address by which a machine speaks to itself. A pseudonym tells nothing of that.
    pub(super) fn is_loopback(&self, subject: &Subject) -> bool {
        subject.endpoint.ip.is_loopback() && !self.document.options.pseudonyms
    }

    /// The name of an input, with its number behind it where another input has the same name.
    pub(super) fn input(&self, index: usize) -> String {
        let Some(input) = self.document.inputs.get(index) else { return String::new() };
        let same = self.document.inputs.iter().filter(|other| other.name() == input.name()).count();
        let name = short_name(input.name(), CELL);
        if same > 1 { format!("{name}{TIE}(#{})", index + 1) } else { name }
    }

    /// `78`, `99-187`, `#2 57`.
    pub(super) fn cite(&self, frames: Frames) -> String {
        let number =
            |file: u16| if self.several { format!("#{}{TIE}", u32::from(file) + 1) } else { String::new() };
        match frames.last_file {
            Some(last) => {
                format!(
                    "{}{}{TIE}to{TIE}#{}{TIE}{}",
                    number(frames.file),
                    frames.first,
                    u32::from(last) + 1,
                    frames.last
                )
            }
            None if frames.first == frames.last => format!("{}{}", number(frames.file), frames.first),
            None => format!("{}{}-{}", number(frames.file), frames.first, frames.last),
        }
    }

    /// `frame 12`, `frames 212-267`.
    pub(super) fn frames(&self, frames: Frames) -> String {
        let word = if frames.first == frames.last && frames.last_file.is_none() { "frame" } else { "frames" };
        format!("{word}{TIE}{}", self.cite(frames))
    }
}

/// A subject as the text calls it: the endpoint, and the transport unless it is TCP, as one port is often used by two.
pub(super) fn endpoint(subject: &Subject) -> String {
    match subject.transport {
        Transport::Tcp => subject.endpoint.to_string(),
        transport => format!("{}{TIE}{}", subject.endpoint, transport.name()),
    }
}

/// `1 stretch`, `2 stretches`.
fn stretches(count: u64) -> String {
    format!("{} stretch{}", grouped(count), if count == 1 { "" } else { "es" })
}

/// A few names, and how many more there are; empty for none.
pub(super) fn listed<I: IntoIterator<Item = String>>(names: I, most: usize) -> String {
    let names: Vec<String> = names.into_iter().collect();
    let more = names.len().saturating_sub(most);
    match (more, names.split_last()) {
        (_, None) => String::new(),
        (0, Some((last, []))) => last.clone(),
        (0, Some((last, others))) => format!("{} and {last}", others.join(", ")),
        _ => format!(
            "{} and {} more",
            names.iter().take(most).cloned().collect::<Vec<_>>().join(", "),
            grouped(more as u64)
        ),
    }
}

/// `G7+GX`: the grade, and what stands beside it.
pub(super) fn graded(grade: Grade, refuted: u64) -> String {
    let name = if grade == Grade::None { "-" } else { grade.name() };
    if refuted > 0 && grade != Grade::GX { format!("{name}+GX") } else { name.to_owned() }
}

/// `sent from :42315 and :47755`, where that is not the port of the endpoint alone.
pub(super) fn sent_from(subject: &Subject) -> Option<String> {
    if subject.port_basis != PortBasis::Declared {
        return None;
    }
    let (own, others): (Vec<u16>, Vec<u16>) =
        subject.sent_from.iter().partition(|port| **port == subject.endpoint.port);
    if others.is_empty() {
        return None;
    }
    let ports = listed(others.iter().map(|port| format!(":{port}")), FEW);
    Some(if own.is_empty() { format!("sent from {ports}") } else { format!("also sent from {ports}") })
}

/// A stranger's name in a sentence: between quotes and never broken, as far as a sentence can carry it.
pub(super) fn named(name: &str) -> String {
    short_quoted(name, SENTENCE)
}

/// A stranger's name in a cell of a table.
pub(super) fn named_cell(name: &str) -> String {
    let (shown, cut) = cut(name, CELL);
    format!("\"{shown}{}\"", if cut { "..." } else { "" })
}

fn short_quoted(name: &str, width: usize) -> String {
    let (shown, is_cut) = cut(name, width);
    let count = name.chars().count() as u64;
    let more =
        if is_cut { format!("... ({}; whole in report.json)", counted(count, "character")) } else { String::new() };
    format!("\"{shown}\"{more}")
}

/// The name of an input without quotes, which only names that could be taken for something else have.
fn short_name(name: &str, width: usize) -> String {
    if name == "-" {
        return "standard input".to_owned();
    }
    let plain =
        name.chars().all(|c| c.is_alphanumeric() || "._-+=@%,".contains(c)) && name.chars().count() <= width;
    if plain && !name.is_empty() { name.to_owned() } else { short_quoted(name, width) }
}

/// The first `width` characters of a name, safe to print, and whether there are more. A combining mark never stands first.
fn cut(name: &str, width: usize) -> (String, bool) {
    let is_cut = name.chars().count() > width;
    let kept: String = name.chars().take(width).collect();
    let mut shown = visible(&kept).replace('"', "\\\"").replace(' ', &TIE.to_string());
    if let Some(first) = kept.chars().next().filter(|first| crate::report::text::columns(&first.to_string()) == 0) {
        shown = shown.replacen(first, &format!("\\u{{{:x}}}", u32::from(first)), 1);
    }
    (shown, is_cut)
}

/// Files that were passed over in directories of captures and of torrents, as sentences without their full stops.
pub fn passed_over(others: &[PassedOver]) -> Vec<String> {
    Purpose::ALL.iter().filter_map(|purpose| passed_over_as(*purpose, others)).collect()
}

fn passed_over_as(purpose: Purpose, others: &[PassedOver]) -> Option<String> {
    let others: Vec<&PassedOver> = others.iter().filter(|other| other.given_as == purpose).collect();
    let named = others.iter().take(MOST_NAMED);
    let named: Vec<_> =
        named.map(|other| format!("{} ({})", escaped(&other.name), escaped(&other.found))).collect();
    let more = match others.len().checked_sub(MOST_NAMED) {
        Some(more @ 1..) => format!(" and {} more, see `passed_over` in the JSON", grouped(more as u64)),
        _ => String::new(),
    };
    (!others.is_empty()).then(|| format!("passed over as no {purpose}: {}{more}", named.join(", ")))
}

/// `2026-11-20 13:37:01.123` ; UTC.
pub(crate) fn clock(time: Timestamp) -> String {
    let rfc3339 = time.to_string();
    rfc3339.get(..23).unwrap_or(&rfc3339).replace('T', " ")
}

/// How times are written: the date is told once, unless there are several; UTC, and beside it the time of a zone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock<'z> {
    days: bool,
    zone: Option<&'z TimeZone>,
}

impl<'z> Clock<'z> {
    pub(super) fn of(document: &Document, zone: Option<&'z TimeZone>) -> Self {
        let day = |time: Option<Timestamp>| time.map(|time| time.0.div_euclid(86_400_000_000_000));
        let quality = &document.quality;
        Self { days: day(quality.first_time) != day(quality.last_time), zone }
    }

    /// `02:59:57`, behind the date where there are several.
    pub(super) fn seconds(self, time: Timestamp) -> String {
        self.cut(time, 19)
    }

    /// `02:59:57.529`, the same.
    pub(super) fn exact(self, time: Timestamp) -> String {
        self.cut(time, 23)
    }

    /// `2026-11-21 02:59:57 UTC (03:59:57 +01:00)`.
    pub(super) fn title(self, time: Timestamp) -> String {
        let utc = time.to_string();
        let local = self.local(time).map(|local| format!(" ({local})")).unwrap_or_default();
        format!("{} UTC{local}", utc.get(..19).unwrap_or(&utc).replace('T', &TIE.to_string()))
    }

    /// `03:59:57 +01:00`, where a zone is asked for.
    pub(super) fn local(self, time: Timestamp) -> Option<String> {
        let zoned = jiff::Timestamp::from_nanosecond(i128::from(time.0)).ok()?.to_zoned(self.zone?.clone());
        let format = if self.days { "%Y-%m-%d %H:%M:%S %:z" } else { "%H:%M:%S %:z" };
        Some(zoned.strftime(format).to_string())
    }

    fn cut(self, time: Timestamp, to: usize) -> String {
        let time = time.to_string();
        let from = if self.days { 0 } else { 11 };
        time.get(from..to).unwrap_or(&time).replace('T', " ")
    }
}

/// The peers address by address, each address where its best peer would stand; or all by a column.
fn ordered(document: &Document, sort: Option<Sort>) -> Vec<&Subject> {
    let mut peers: Vec<&Subject> = document.subjects.iter().collect();
    peers.sort_by_cached_key(|subject| rank(subject));
    let figure = |of: fn(&Subject) -> u64| move |subject: &&Subject| Reverse(of(subject));
    match sort {
        None => {
            let mut best: std::collections::BTreeMap<IpAddr, usize> = std::collections::BTreeMap::new();
            for (at, subject) in peers.iter().enumerate() {
                best.entry(subject.endpoint.ip).or_insert(at);
            }
            peers.sort_by_key(|subject| best.get(&subject.endpoint.ip).copied());
        }
        Some(Sort::Peer) => peers.sort_by_key(|subject| (subject.endpoint, subject.transport)),
        Some(Sort::Grade) => peers.sort_by_key(|subject| Reverse(subject.grade)),
        Some(Sort::Served) => peers.sort_by_key(figure(|subject| subject.bytes.served)),
        Some(Sort::Verified) => peers.sort_by_key(figure(|subject| subject.bytes.verified)),
        Some(Sort::Sole) => peers.sort_by_key(figure(|subject| subject.bytes.sole)),
        Some(Sort::Refuted) => peers.sort_by_key(figure(|subject| subject.bytes.refuted)),
        Some(Sort::Disputed) => peers.sort_by_key(figure(|subject| subject.bytes.disputed)),
        Some(Sort::Unproven) => peers.sort_by_key(figure(|subject| subject.bytes.unproven)),
        Some(Sort::Repeated) => peers.sort_by_key(figure(|subject| subject.bytes.repeated)),
        Some(Sort::Lost) => peers.sort_by_key(figure(|subject| subject.bytes.lost)),
        Some(Sort::First) => peers.sort_by_key(|subject| subject.first_time),
        Some(Sort::Last) => peers.sort_by_key(|subject| subject.last_time),
    }
    peers
}

/// The order of the page; the least stands first.
fn rank(subject: &Subject) -> impl Ord + use<> {
    let weight = (subject.actionable, subject.grade, subject.bytes.verified, subject.bytes.served);
    (Reverse(weight), subject.endpoint, subject.transport, subject.first_time)
}

/// Returns true if a torrent is known by this hash: its v1 one, its v2 one, or that cut to 20 bytes.
pub(super) fn goes_by(torrent: &Torrent, hash: &InfoHash) -> bool {
    torrent.info_hash == *hash
        || torrent.info_hash_v1.is_some_and(|v1| v1.0[..] == hash.0[..])
        || torrent.info_hash_v2.is_some_and(|v2| matches!(hash.0.len(), 20 | 32) && v2.0.starts_with(&hash.0))
}

/// The endpoints that have a row, those that a row's packets came from included.
pub(super) fn rows_of(document: &Document) -> BTreeSet<Endpoint> {
    let of = |subject: &Subject| {
        let ip = subject.endpoint.ip;
        let own = std::iter::once(subject.endpoint);
        own.chain(subject.sent_from.iter().map(move |port| Endpoint { ip, port: *port })).collect::<Vec<_>>()
    };
    document.subjects.iter().flat_map(of).collect()
}

/// Names or frames that a sentence can carry.
pub(super) const FEW: usize = 3;
// Rationale: a list of more names hides the sentence around it; the tables have them all.
const MOST_NAMED: usize = 8;
// Rationale: as much of a name as a sentence, and as a cell, can carry.
const SENTENCE: usize = 120;
const CELL: usize = 40;
