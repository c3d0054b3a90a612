//! The smallest capture that still proves what captures prove of a peer, with a comment in each packet that says what it shows.
//!
//! A cut proves itself: it is analysed before it is handed over, and must give the same grade, standard and bytes. Where it does
//! not, more is kept: first all of the connections concerned, then all of the torrent's.

mod alone;
mod frames;
mod shows;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufWriter};

use crate::Error;
use crate::analyze::analyze;
use crate::capture::CaptureSet;
use crate::ends::{Endpoint, FlowKey, FrameId, Frames, InfoHash, Protocol, Transport};
use crate::evidence::{Bytes, Evidence, Grade, Piece, Pieces, Subject, Transfer};
use crate::judge::Class;
use crate::options::Options;
use crate::output::NewFile;
pub use crate::record::Format;
use crate::record::{Interface, Record, Writer};
use crate::report::Whom;
use crate::report::grouped;
use crate::torrent::{Source, Torrents};
use alone::{Origin, alone};
use frames::{FrameKind, FrameSet, Plan, kept};
use shows::Shows;

/// Whom a cut is about.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The peer.
    pub peer: Whom,
    /// One piece of what it sent; all of it by default.
    pub piece: Option<u32>,
    /// One torrent; all of them by default.
    pub info_hash: Option<InfoHash>,
}

/// The outcome of a cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It proves the same.
    Proven(Proven),
    /// The peer has no row.
    Nobody,
    /// The captures prove no byte of it: the highest grade, and why there is no more.
    Nothing(Grade, String),
    /// The cut does not prove the same, even with all packets of the torrent: each difference in words.
    Differs(Vec<String>),
}

/// A cut that proves the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// Packets in it.
    pub packets: u64,
    /// Its size in bytes.
    pub bytes: u64,
    /// Payload of blocks that it cites.
    pub cited: u64,
    /// Each claim in words.
    pub claims: Vec<String>,
    /// Bytes that it holds besides.
    pub beside: Beside,
    /// Further frames that had to be kept, in words.
    pub more: Option<&'static str>,
}

/// Bytes of a cut that are no payload that it cites.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Beside {
    /// Packets without such payload: openings, handshakes, requests, acknowledgements.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
    /// In packets with such payload: headers, and what else stands in them.
    pub around: u64,
    /// Bytes that the file adds: a head for each packet, and comments.
    pub file: u64,
}

/// A claim about a subject that has to hold in the cut, too.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Claim {
    endpoint: Endpoint,
    transport: Transport,
    info_hash: Option<InfoHash>,
    grade: Grade,
    actionable: bool,
    bytes: BTreeMap<&'static str, u64>,
}

/// Cuts what proves the claims about a peer out of captures into `file`; `options` are those of analyzing them.
///
/// The packets of the peer's address are judged first, without all others: where they decide every byte that it sent, nobody else bears
/// on it. Else all packets are.
///
/// # Errors
/// As [`analyze`], and those of writing.
pub fn cut(
    captures: &CaptureSet,
    torrents: &Torrents,
    options: &Options<'_>,
    asked: &Asked,
    file: &mut NewFile,
    format: Format,
) -> Result<Outcome, Error> {
    let options = &Options { pieces: true, digest: false, ..options.clone() };
    if let Some((own, origin)) = alone(captures, asked.peer, options)? {
        let options = &Options { progress: None, ..options.clone() };
        let evidence = analyze(&own, torrents, options)?;
        let subjects = chosen(&evidence, asked);
        let is_decided = |at: &usize| {
            let bytes = evidence.subjects.get(*at).map(|subject| subject.bytes);
            bytes.is_some_and(|bytes| bytes.served == bytes.verified + bytes.repeated + bytes.pad)
        };
        if subjects.iter().all(is_decided) {
            let outcome = cut_of(&own, torrents, options, asked, (file, format), &evidence, &origin)?;
            if matches!(outcome, Outcome::Proven(_)) {
                return Ok(outcome);
            }
        }
    }
    let evidence = analyze(captures, torrents, options)?;
    cut_of(captures, torrents, options, asked, (file, format), &evidence, &Origin::of(captures))
}

/// Cuts what proves the claims of `evidence`, which is of `captures`.
fn cut_of(
    captures: &CaptureSet,
    torrents: &Torrents,
    options: &Options<'_>,
    asked: &Asked,
    (file, format): (&mut NewFile, Format),
    evidence: &Evidence,
    origin: &Origin,
) -> Result<Outcome, Error> {
    let subjects = chosen(evidence, asked);
    if subjects.is_empty() {
        return Ok(Outcome::Nobody);
    }
    let claims = claims(evidence, &subjects, asked.piece);
    let proves = |claim: &Claim| ["verified", "refuted"].iter().any(|class| claim.bytes.get(class) > Some(&0));
    if !claims.iter().any(proves) {
        let best = subjects.iter().filter_map(|at| evidence.subjects.get(*at)).max_by_key(|subject| subject.grade);
        let Some(best) = best else { return Ok(Outcome::Nobody) };
        let why = match asked.piece {
            Some(piece) => format!("no byte of piece {piece} from it is verified or refuted"),
            None => best.next_rung.clone().unwrap_or_default(),
        };
        return Ok(Outcome::Nothing(best.grade, why));
    }
    let own = Own::of(evidence, &subjects, asked.piece);
    let mut shows = Shows::of(evidence, &own, &subjects, origin);
    let mut differences = Vec::new();
    for (level, more) in (0..).zip(LEVELS) {
        shows.begin();
        let plan = own.plan(evidence, level);
        let frames = kept(captures, &plan, options)?;
        let (packets, bytes, beside) = write(captures, evidence, &frames, &own, &mut shows, (file, format))?;
        let cut = CaptureSet::open(&[file.path().to_owned()], &crate::capture::OpenOptions::default())?;
        let again = analyze(&cut, torrents, &Options { progress: None, ..options.clone() })?;
        let found = self::claims(&again, &chosen(&again, asked), asked.piece);
        differences = compare(&claims, &found);
        if differences.is_empty() {
            let claims = claims.iter().filter(|claim| proves(claim)).map(Claim::words).collect();
            return Ok(Outcome::Proven(Proven { packets, bytes, cited: own.cited, claims, beside, more }));
        }
    }
    Ok(Outcome::Differs(differences))
}

/// The subjects that are meant.
fn chosen(evidence: &Evidence, asked: &Asked) -> Vec<usize> {
    let of_torrent = |hash: Option<&InfoHash>| {
        let Some(wanted) = &asked.info_hash else { return true };
        hash == Some(wanted)
            || evidence.torrents.iter().any(|torrent| {
                let v1 = torrent.info_hash_v1.map(|hash| InfoHash(hash.0.to_vec()));
                let v2 = torrent.info_hash_v2.map(|hash| InfoHash(hash.0.to_vec()));
                Some(&torrent.info_hash) == hash && [v1, v2].into_iter().flatten().any(|hash| hash == *wanted)
            })
    };
    let sent = |at: usize| {
        let own = |transfer: &&Transfer| transfer.uploader_subject == Some(at as u64);
        evidence.transfers.iter().filter(own).any(|transfer| asked.peer.is(transfer.uploader))
    };
    let meant = |(at, subject): &(usize, &Subject)| {
        of_torrent(subject.info_hash.as_ref()) && (asked.peer.is(subject.endpoint) || sent(*at))
    };
    evidence.subjects.iter().enumerate().filter(meant).map(|(at, _)| at).collect()
}

fn is_of(transfer: &Transfer, subjects: &[usize]) -> bool {
    transfer.uploader_subject.and_then(|at| usize::try_from(at).ok()).is_some_and(|at| subjects.contains(&at))
}

/// Claims about subjects: from all that they sent, or from one piece.
fn claims(evidence: &Evidence, subjects: &[usize], piece: Option<u32>) -> Vec<Claim> {
    let of = |at: &usize| {
        let subject = evidence.subjects.get(*at)?;
        let Subject { endpoint, transport, ref info_hash, grade, actionable, ref bytes, .. } = *subject;
        let claim =
            Claim { endpoint, transport, info_hash: info_hash.clone(), grade, actionable, bytes: BTreeMap::new() };
        Some(match piece {
            None => Claim { bytes: classes(bytes), ..claim },
            Some(piece) => {
                let rows: Vec<Piece> = evidence
                    .pieces
                    .iter()
                    .flat_map(Pieces::iter)
                    .filter(|row| {
                        row.piece == Some(piece) && of_transfer(evidence, row).is_some_and(|t| is_of(t, &[*at]))
                    })
                    .collect();
                let mut bytes: BTreeMap<&'static str, u64> = BTreeMap::new();
                for row in &rows {
                    *bytes.entry(row.class.name()).or_default() += row.bytes;
                }
                // Of a part of what it sent only the part is claimed.
                let standard = |row: &&Piece| {
                    row.class == Class::Verified && row.requested.is_some() && row.advertised.is_some()
                };
                let actionable = actionable && rows.iter().filter(standard).count() > 0;
                let grade = grade.min(Grade::G8);
                Claim { grade, actionable, bytes, ..claim }
            }
        })
    };
    subjects.iter().filter_map(of).collect()
}

fn classes(bytes: &Bytes) -> BTreeMap<&'static str, u64> {
    [
        ("verified", bytes.verified),
        ("sole", bytes.sole),
        ("refuted", bytes.refuted),
        ("disputed", bytes.disputed),
        ("unproven", bytes.unproven),
        ("repeated", bytes.repeated),
        ("pad", bytes.pad),
    ]
    .into()
}

impl Claim {
    fn words(&self) -> String {
        let standard = if self.actionable { ", meets the standard" } else { "" };
        let of = |class| self.bytes.get(class).copied().unwrap_or(0);
        let refuted = match of("refuted") {
            0 => String::new(),
            bytes => format!(", {} refuted", grouped(bytes)),
        };
        let hash = self.info_hash.as_ref().map(|hash| format!(" of {hash}")).unwrap_or_default();
        format!(
            "{}{hash}: {}{standard}, {} verified{refuted}",
            self.endpoint,
            self.grade.name(),
            grouped(of("verified"))
        )
    }
}

/// Claims of `stated` that `found` does not repeat, in words.
fn compare(stated: &[Claim], found: &[Claim]) -> Vec<String> {
    let mut differences = Vec::new();
    let mut left: Vec<&Claim> = found.iter().collect();
    for claim in stated {
        let key = |claim: &Claim| (claim.endpoint, claim.transport, claim.info_hash.clone());
        let of_key = |other: &&Claim| key(other) == key(claim);
        // Of several windows of one endpoint, the one that fits.
        let at = left.iter().position(|other| *other == claim).or_else(|| left.iter().position(of_key));
        let Some(at) = at else {
            differences.push(format!("{}: no row", claim.endpoint));
            continue;
        };
        let other = left.remove(at);
        let mut differs = |what: &str, was: String, is: String| {
            if was != is {
                differences.push(format!("{}: {what} {is}, was {was}", claim.endpoint));
            }
        };
        differs("grade", claim.grade.name().to_owned(), other.grade.name().to_owned());
        differs("standard", claim.actionable.to_string(), other.actionable.to_string());
        for class in claim.bytes.keys().chain(other.bytes.keys()).collect::<BTreeSet<_>>() {
            let of = |claim: &Claim| grouped(claim.bytes.get(class).copied().unwrap_or(0));
            differs(&format!("{class} bytes"), of(claim), of(other));
        }
    }
    differences
}

fn of_transfer<'e>(evidence: &'e Evidence, row: &Piece) -> Option<&'e Transfer> {
    evidence.transfers.get(usize::try_from(row.transfer).ok()?)
}

/// The rows that a claim rests on.
#[derive(Debug)]
pub(crate) struct Own {
    rows: Vec<Piece>,
    /// The frames of the payload that is not cited.
    others: FrameSet,
    cited: u64,
    hashes: BTreeSet<Option<InfoHash>>,
}

/// The unit of a hash.
type UnitKey<'e> = (Option<&'e InfoHash>, Option<u32>, Option<u32>);

fn unit(row: &Piece) -> UnitKey<'_> {
    (row.info_hash.as_ref(), row.piece, row.leaf)
}

impl Own {
    fn of(evidence: &Evidence, subjects: &[usize], piece: Option<u32>) -> Self {
        let all: Vec<Piece> = evidence.pieces.iter().flat_map(Pieces::iter).collect();
        let is_own = |row: &Piece| {
            (piece.is_none() || row.piece == piece)
                && of_transfer(evidence, row).is_some_and(|t| is_of(t, subjects))
        };
        let mut units: BTreeMap<UnitKey<'_>, (u64, bool)> = BTreeMap::new();
        for row in all.iter().filter(|row| is_own(row)) {
            let (bytes, good) = units.entry(unit(row)).or_insert((0, true));
            match row.class {
                Class::Verified => *bytes += row.bytes,
                Class::Pad => {}
                Class::Repeated | Class::Refuted | Class::Disputed | Class::Unproven => *good = false,
            }
        }
        // What it sent alone, and all of it right, needs nobody else.
        let alone: BTreeSet<UnitKey<'_>> = units
            .iter()
            .filter(|(key, (bytes, good))| *good && size(evidence, key).is_some_and(|size| *bytes >= size))
            .map(|(key, _)| *key)
            .collect();
        let of_unit = |row: &Piece| units.contains_key(&unit(row)) && !alone.contains(&unit(row));
        let is_cited = |row: &Piece| is_own(row) || (row.piece.is_some() && of_unit(row));
        let mut chosen = all.iter().map(is_cited).collect::<Vec<_>>().into_iter();
        let (rows, others): (Vec<Piece>, Vec<Piece>) = all.into_iter().partition(|_| chosen.next() == Some(true));
        let others = FrameSet::of(others.iter().flat_map(|row| row.frames.iter().copied()));
        let cited = rows.iter().map(|row| row.bytes).sum();
        let hashes = rows.iter().map(|row| row.info_hash.clone()).collect();
        Self { rows, others, cited, hashes }
    }

    /// The frames of the payload that is cited.
    fn payload(&self) -> FrameSet {
        FrameSet::of(self.rows.iter().flat_map(|row| row.frames.iter().copied()))
    }

    /// The frames to keep at this level.
    fn plan(&self, evidence: &Evidence, level: u32) -> Plan {
        let mut flows = BTreeSet::new();
        let mut add = |transfer: &Transfer| {
            let protocol = match transfer.transport {
                Transport::Utp | Transport::Udp => Protocol::Udp,
                Transport::Tcp | Transport::Http => Protocol::Tcp,
            };
            flows.insert(FlowKey::new(transfer.uploader, transfer.downloader, protocol).0);
        };
        self.rows.iter().filter_map(|row| of_transfer(evidence, row)).for_each(&mut add);
        // Without its torrent file, whoever sent the metadata.
        let rebuilt = |hash: &InfoHash| {
            evidence.known.iter().any(|torrent| torrent.info_hash() == *hash && torrent.source() == Source::Capture)
        };
        for transfer in &evidence.transfers {
            let of_torrent = self.hashes.contains(&transfer.info_hash);
            let metadata = transfer.metadata.is_some() && transfer.info_hash.as_ref().is_some_and(rebuilt);
            if of_torrent && (metadata || level >= 2) {
                add(transfer);
            }
        }
        let ends = |span: &Option<Frames>| {
            let single = |file, frame| Frames { file, first: frame, last: frame, last_file: None };
            let ends = span.map(|span| {
                [single(span.file, span.first), single(span.last_file.unwrap_or(span.file), span.last)]
            });
            ends.into_iter().flatten()
        };
        let cited = self.rows.iter().flat_map(|row| {
            let frames = row.frames.iter().chain(&row.requested_frames).copied();
            frames.chain(ends(&row.requested)).chain(ends(&row.advertised))
        });
        let others = if level == 0 { self.others.clone() } else { FrameSet::default() };
        Plan { cited: FrameSet::of(cited), others, flows, leaves_copies: level == 0, thins: level < 2 }
    }
}

/// Content bytes of a unit, where they are known.
fn size(evidence: &Evidence, (hash, piece, leaf): &UnitKey<'_>) -> Option<u64> {
    let torrent = evidence.known.iter().find(|torrent| Some(&torrent.info_hash()) == *hash)?;
    let index = torrent.piece((*piece)?)?;
    match leaf {
        Some(leaf) => torrent.part(index, *leaf).map(|(_, tree)| u64::from(tree.content)),
        None => {
            let pads: u64 = torrent.pads(index).map(|pad| u64::from(pad.end - pad.start)).sum();
            Some(u64::from(torrent.piece_size(index)).saturating_sub(pads))
        }
    }
}

/// Writes frames with what they show; gives how many, the size of the file, and what it consists of.
fn write(
    captures: &CaptureSet,
    evidence: &Evidence,
    kept: &BTreeMap<FrameId, FrameKind>,
    own: &Own,
    shows: &mut Shows<'_>,
    (file, format): (&mut NewFile, Format),
) -> Result<(u64, u64, Beside), Error> {
    let name = file.path().display().to_string();
    let failed = |source: io::Error| {
        match source.kind() {
        io::ErrorKind::Unsupported => Error::Usage(
            "pcap holds packets of one link type, with times from 1970 to 2106: write pcapng instead (-o FILE.pcapng)"
                .to_owned(),
        ),
        _ => Error::Io { name: name.clone(), action: "write", source },
    }
    };
    // The interfaces first, as some readers want them.
    let mut interfaces: BTreeMap<(u16, u32, u16, u8), u32> = BTreeMap::new();
    let mut frames = captures.frames();
    while let Some(frame) = frames.next(&mut Vec::new())? {
        if kept.contains_key(&frame.at.frame) {
            let key = (frame.at.frame.file(), frame.interface, frame.link.0, frame.fcs_len);
            let next = interfaces.len() as u32;
            interfaces.entry(key).or_insert(next);
        }
    }
    let mut all: Vec<_> = interfaces.iter().collect();
    all.sort_by_key(|(_, number)| **number);
    let described = all.iter().map(|((input, interface, link, fcs_len), _)| {
        let facts = evidence.captures.get(usize::from(*input));
        let own = facts.and_then(|facts| facts.interfaces.get(*interface as usize));
        let own = own.filter(|own| own.link_type.0 == *link);
        let (file, interface) = shows.origin.interface(*input, *interface);
        let file = shows.origin.named.get(usize::from(file)).map_or("", |(name, _)| name);
        Interface {
            link_type: *link,
            snaplen: own.map_or(0, |own| own.snaplen),
            name: own.and_then(|own| own.name.clone()).unwrap_or_default(),
            description: format!("interface {interface} of {file}"),
            fcs_len: *fcs_len,
        }
    });
    let described: Vec<Interface> = described.collect();
    let to = file.file();
    to.set_len(0).and_then(|()| io::Seek::rewind(to)).map_err(failed)?;
    let mut writer = Writer::new(BufWriter::new(to), format, &described, &shows.whole).map_err(failed)?;
    let (mut packets, mut frames) = (0, captures.frames());
    let (payload, mut beside, mut carrying) = (own.payload(), Beside::default(), 0);
    while let Some(frame) = frames.next(&mut Vec::new())? {
        let Some(kind) = kept.get(&frame.at.frame) else { continue };
        let key = (frame.at.frame.file(), frame.interface, frame.link.0, frame.fcs_len);
        let comment = shows.of_frame(captures, &frame, *kind);
        let record = Record {
            interface: interfaces.get(&key).copied().unwrap_or_default(),
            time: frame.at.time,
            bytes: frame.bytes,
            wire_len: frame.wire_len,
            damaged: frame.damaged,
            comment: &comment,
        };
        writer.add(&record).map_err(failed)?;
        packets += 1;
        if payload.holds(frame.at.frame) {
            carrying += frame.bytes.len() as u64;
        } else {
            beside.packets += 1;
            beside.bytes += frame.bytes.len() as u64;
        }
    }
    let bytes = writer.end().map_err(failed)?;
    beside.around = carrying.saturating_sub(own.cited);
    beside.file = bytes.saturating_sub(carrying + beside.bytes);
    Ok((packets, bytes, beside))
}

/// Words for the frames of each level that the level below did not prove without.
const LEVELS: [Option<&str>; 3] = [
    None,
    Some("all packets of the connections concerned, as less does not prove it"),
    Some("all packets of the torrent's connections, as less does not prove it"),
];
