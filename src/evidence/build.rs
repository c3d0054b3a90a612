//! Rows of evidence, made of judged transfers and of facts.

mod torrents;
mod unlisted;

use std::collections::{BTreeMap, BTreeSet};

use super::apart::set_apart;
use super::columns;
use super::credit::{Files, Parties, Proofs, Proven};
use super::ladder::{Known, Ladder};
use super::mentions::{by_torrent, named_in, of_swarms};
use super::metadata::MetadataPart;
use super::parties::{Group, parties_of, subjects_of};
use super::ports::{Port, ports_of};
use super::private::is_private;
use super::rows::seen_in;
use super::same::same_connection_as;
use super::timeline::{self, Timeline};
use super::{Bytes, Course, Encryption, Evidence, FileBytes, Flag, Grade, Initiator, PortBasis, Subject, Transfer};
use crate::Error;
use crate::capture::InputFacts;
use crate::ends::{Endpoint, FrameId, HashBeginning, Hex, InfoHash, Sightings, Span};
use crate::judge::{self, Judged};
use crate::judge::{Record, TorrentKey};
use crate::metadata::Rebuilt;
use crate::oddity::{Oddity, Sink};
use crate::session::PieceSet;
use crate::spine::Findings;
use crate::torrent::{TorrentId, Torrents};
use crate::wire::client_name;

/// Makes the evidence of a run.
///
/// # Errors
/// [`Error::Unbalanced`] when the figures of a row do not add up: a fault of this program, and then nothing is reported.
pub(crate) fn build(
    judged: &Judged<'_>,
    findings: Findings,
    inputs: Vec<InputFacts>,
    torrents: &Torrents,
    window_silence_ns: i64,
) -> Result<Evidence, Error> {
    let Findings {
        mut anomalies,
        mut mentions,
        metadata,
        mut opaque,
        mut quality,
        clock_steps,
        coverage,
        same,
        ..
    } = findings;
    quality.clock = quality.clock.with_inputs(&inputs);
    opaque.sort_by_key(|each| (each.a, each.b, each.transport, each.frames));
    let records = &judged.records;
    let ports = ports_of(records, window_silence_ns);
    note_disclaimed(records, &ports, &mut anomalies);
    let groups = subjects_of(records, &ports, window_silence_ns);
    let parties = parties_of(records, &groups);
    let mut proofs = Proofs::of(judged, &parties, groups.len());
    let received = received(records, &parties, groups.len());
    let hash = |key: TorrentKey| match key {
        TorrentKey::Given(id) => Some(torrents.torrent(id).info_hash()),
        TorrentKey::NotGiven(hash) => Some(InfoHash(hash.to_vec())),
        TorrentKey::Unknown => None,
    };
    let mut dictionaries: BTreeMap<TorrentKey, Vec<&Rebuilt>> = BTreeMap::new();
    for rebuilt in &metadata.rebuilt {
        dictionaries.entry(key_of(&rebuilt.info_hash, torrents)).or_default().push(rebuilt);
    }
    let mut clock_steps = clock_steps;
    clock_steps.sort_unstable();
    let context = Context {
        judged,
        torrents,
        clock_steps: &clock_steps,
        ports: &ports,
        clients: &parties.client,
        proofs: &proofs,
        received: &received,
        metadata: dictionaries,
        unlayered: torrents
            .ids()
            .filter(|id| judged.torrents.torrent(*id).without_layer().next().is_some())
            .collect(),
        hash: &hash,
    };

    // One for each record, in their order: a subject finds its transfers by number.
    let rows = (0..records.len()).map(|index| context.transfer(index).map(Box::new));
    let mut rows: Vec<Option<Box<(Transfer, Ladder)>>> = rows.collect();
    let mut subjects: Vec<(usize, Subject)> = groups
        .iter()
        .enumerate()
        .filter_map(|(index, group)| Some((index, context.subject(index, group, &rows)?)))
        .collect();
    subjects.sort_by(|(_, one), (_, other)| {
        let key = |s: &Subject| (s.endpoint, s.transport, s.info_hash.clone(), s.first_time, s.frames);
        key(one).cmp(&key(other))
    });
    let places: BTreeMap<usize, u64> = (0..).zip(&subjects).map(|(place, (group, _))| (*group, place)).collect();
    for (index, row) in rows.iter_mut().enumerate() {
        let Some((transfer, _)) = row.as_deref_mut() else { continue };
        let place = |group: Option<usize>| group.and_then(|group| places.get(&group).copied());
        transfer.uploader_subject = place(parties.uploader.get(index).copied());
        transfer.downloader_subject = place(parties.downloader.get(index).copied().flatten());
    }
    let shown: Vec<usize> = (0..).zip(&rows).filter_map(|(index, row)| row.as_ref().map(|_| index)).collect();
    let mut transfers: Vec<Box<(Transfer, Ladder)>> = rows.into_iter().flatten().collect();
    for (transfer, _) in transfers.iter_mut().map(|row| &mut **row) {
        transfer.same_connection_as = same_connection_as(transfer, &same);
    }
    let torrent_rows = context.torrents(&transfers, &subjects);
    let mut subjects: Vec<Subject> = subjects.into_iter().map(|(_, subject)| subject).collect();
    timeline::bound(&mut subjects);
    for (transfer, _) in transfers.iter().map(|row| &**row) {
        balanced(&transfer.bytes, || format!("{} -> {}", transfer.uploader, transfer.downloader))?;
    }
    for subject in &subjects {
        balanced(&subject.bytes, || subject.endpoint.to_string())?;
    }
    for torrent in &torrent_rows {
        balanced(&torrent.bytes, || format!("torrent {}", torrent.info_hash))?;
    }
    note_other_torrents(&transfers, torrents, &mut anomalies);
    note_unshown(records, &mut anomalies);
    let (unlisted, in_all) = unlisted::unlisted(&judged.unlisted, &hash).unzip();
    let (summed, of_sum) = unlisted::summed(judged).unzip();
    of_sum.into_iter().chain(in_all).for_each(|occurrence| anomalies.conclude(occurrence));
    let mut transfers: Vec<_> = transfers.into_iter().zip(shown).collect();
    transfers.sort_by(|(one, _), (other, _)| {
        let key =
            |t: &Transfer| (t.uploader, t.downloader, t.transport, t.info_hash.clone(), t.first_time, t.frames);
        key(&one.0).cmp(&key(&other.0))
    });
    let swarms = of_swarms(std::mem::take(&mut mentions.swarms), |named| hash(key_of(&named, torrents)));
    let names = named_in(std::mem::take(&mut mentions.names), &inputs);
    let mentions = by_torrent(mentions, |named| hash(key_of(&named, torrents)));
    set_apart(&mut opaque, &subjects, &mentions);
    let mut courses: Vec<Course> = transfers.iter().map(|(row, index)| context.course(*index, &row.1)).collect();
    for (course, (_, index)) in courses.iter_mut().zip(&transfers) {
        // Rationale: there may be millions, and they are held once.
        course.pieces = proofs.take_pieces(*index);
    }
    Ok(Evidence {
        captures: inputs,
        passed_over: Vec::new(),
        torrents: torrent_rows,
        courses,
        transfers: transfers.into_iter().map(|(row, _)| row.0).collect(),
        coverage,
        subjects,
        mentions,
        names,
        swarms,
        opaque,
        known: judged.torrents.clone().into_owned(),
        unlisted,
        summed,
        anomalies,
        quality,
        pieces: None,
    })
}

fn key_of(info_hash: &[u8; 20], torrents: &Torrents) -> TorrentKey {
    torrents.find(info_hash).map_or(TorrentKey::NotGiven(*info_hash), TorrentKey::Given)
}

fn balanced(bytes: &Bytes, what: impl Fn() -> String) -> Result<(), Error> {
    if bytes.balanced() { Ok(()) } else { Err(Error::Unbalanced { what: what(), figures: format!("{bytes:?}") }) }
}

/// Blocks that a search found in streams that nothing else shows to be BitTorrent, and web servers that nothing shows to
/// be webseeds: nobody's row, but not in silence.
fn note_unshown(records: &[Record], out: &mut dyn Sink) {
    let unshown = |record: &&Record| !record.is_shown() && !record.left_out && record.counts.served > 0;
    for record in records.iter().filter(unshown) {
        if record.is_hidden_webseed() {
            let oddity = Oddity::UnshownWebseed { bytes: record.counts.served };
            out.odd(oddity.within(record.served_span).towards(record.key.uploader, record.key.downloader));
            continue;
        }
        let oddity = Oddity::UnshownBlocks { bytes: record.counts.served };
        out.odd(oddity.within(record.served_span).towards(record.key.uploader, record.key.downloader));
    }
}

/// Ports that were declared, but at which another client was seen: the sender is not named by them.
fn note_disclaimed(records: &[Record], ports: &[Port], out: &mut dyn Sink) {
    for (record, port) in records.iter().zip(ports) {
        let Some(disclaimed) = port.disclaimed else { continue };
        let oddity = Oddity::DeclaredPort { port: disclaimed };
        out.odd(oddity.within(record.span).towards(record.key.uploader, record.key.downloader));
    }
}

/// Payload sent to each subject: what the transfers back on its own connections served, in its own time window.
fn received(records: &[Record], parties: &Parties, subjects: usize) -> Vec<u64> {
    let mut received = vec![0; subjects];
    let shown = records.iter().zip(&parties.downloader).filter(|(record, _)| !record.left_out);
    for (record, subject) in shown {
        if let Some(sum) = subject.and_then(|subject| received.get_mut(subject)) {
            *sum += record.counts.served;
        }
    }
    received
}

/// Sources of every row.
struct Context<'a> {
    judged: &'a Judged<'a>,
    torrents: &'a Torrents,
    /// Ascending.
    clock_steps: &'a [FrameId],
    /// By record.
    ports: &'a [Port],
    /// By record: see [`Parties::client`].
    clients: &'a [usize],
    proofs: &'a Proofs,
    /// By subject.
    received: &'a [u64],
    /// The info dictionaries that were found, by torrent.
    metadata: BTreeMap<TorrentKey, Vec<&'a Rebuilt>>,
    /// Those whose piece layers (BEP 52) are not all known.
    unlayered: BTreeSet<TorrentId>,
    hash: &'a dyn Fn(TorrentKey) -> Option<InfoHash>,
}

impl Context<'_> {
    fn transfer(&self, index: usize) -> Option<(Transfer, Ladder)> {
        let record = self.judged.records.get(index).filter(|record| record.is_shown())?;
        let proven = self.proofs.transfers.get(index)?.as_deref()?;
        let (facts, counts) = (&record.facts, &record.counts);
        let span = record.span.or(record.served_span)?;
        let bytes = bytes_of(record, proven);
        let mut ladder = Ladder::of(facts, self.known(record.key.torrent));
        // Blocks that were let go before the torrent was known are in another row.
        ladder.piece = ladder.piece.filter(|_| counts.served > 0);
        self.climb(&mut ladder, record, proven);
        let named = &facts.named_clients;
        let clients: BTreeSet<String> =
            if named.is_empty() { record.peer_ids.iter().filter_map(client_name).collect() } else { named.clone() };
        let claimed = self.advertised(&[record]);
        let transfer = Transfer {
            uploader: record.key.uploader,
            downloader: record.key.downloader,
            transport: record.key.transport,
            info_hash: (self.hash)(record.key.torrent),
            info_hash_begins: facts
                .info_hash_begins
                .as_ref()
                .filter(|begins| record.key.torrent == TorrentKey::Unknown && !begins.is_empty())
                .map(|begins| HashBeginning(begins.clone())),
            connections: facts.connections.max(1),
            initiator: match (facts.opened_by_uploader, facts.opened_by_downloader) {
                (0, 0) => None,
                (_, 0) => Some(Initiator::Uploader),
                (0, _) => Some(Initiator::Downloader),
                _ => Some(Initiator::Both),
            },
            encryption: facts.encryption.unwrap_or(Encryption::None),
            uploader_peer_ids: record.peer_ids.iter().copied().map(Hex).collect(),
            uploader_clients: clients,
            grade: ladder.grade(),
            actionable: actionable(ladder.grade(), proven.standard.is_some()),
            flags: self.flags(record, proven, span),
            piece_messages: facts.piece_messages,
            partial_messages: facts.partial_messages,
            bytes,
            pieces_verified: proven.pieces_verified,
            pieces_sole: proven.pieces_sole,
            pieces_refuted: record.refuted_pieces().len() as u64,
            pieces_advertised: claimed,
            first_time: span.first.time,
            last_time: span.last.time,
            files: self.files(record.key.torrent, &proven.files),
            rungs: ladder.rungs(),
            next_rung: ladder.next_rung(&bytes),
            standard: proven.standard.map(|met| met.standard(self.judged.given(record.key.torrent))),
            frames: span.into(),
            served_frames: served_span(record).map(Into::into),
            paths: facts.paths.clone(),
            cancelled_messages: facts.cancelled,
            unsolicited_messages: facts.unsolicited,
            extension_messages: facts.extension_messages.clone(),
            metadata: self.metadata_served(&[record]).map(Into::into),
            seen_in: seen_in(&facts.seen),
            same_connection_as: BTreeSet::new(),
            uploader_subject: None,
            downloader_subject: None,
        };
        Some((transfer, ladder))
    }

    /// How the transfer of a record that is shown went, but for its pieces.
    fn course(&self, index: usize, ladder: &Ladder) -> Course {
        let record = self.judged.records.get(index);
        let facts = record.map(|record| &record.facts);
        Course {
            span: record.and_then(Record::active),
            sessions: facts.map(|facts| facts.sessions.clone()).unwrap_or_default(),
            times: record.map(|record| record.times.clone()).unwrap_or_default(),
            pieces: Vec::new(),
            rungs: ladder.spans(),
            declared_port: facts.and_then(|facts| facts.listen_port),
        }
    }

    fn subject(
        &self,
        index: usize,
        group: &Group,
        transfers: &[Option<Box<(Transfer, Ladder)>>],
    ) -> Option<Subject> {
        let records = &self.judged.records;
        let first = records.get(group.first()?.0 as usize)?;
        let proven = self.proofs.subjects.get(index)?;
        let mut ladder = Ladder { torrent: self.known(first.key.torrent), ..Ladder::default() };
        let mut bytes = Bytes::default();
        let mut span = first.span.or(first.served_span)?;
        let (mut served, mut seen) = (None, Sightings::default());
        let mut subject = Subject {
            endpoint: Endpoint {
                ip: first.key.uploader.ip,
                port: self.ports.get(group.first()?.0 as usize)?.named,
            },
            transport: first.key.transport,
            info_hash: (self.hash)(first.key.torrent),
            port_basis: PortBasis::Observed,
            sent_from: BTreeSet::new(),
            listen_port: None,
            peer_ids: BTreeSet::new(),
            clients: BTreeSet::new(),
            grade: Grade::None,
            actionable: false,
            flags: BTreeSet::new(),
            bytes,
            received_bytes: self.received.get(index).copied().unwrap_or(0),
            first_time: span.first.time,
            last_time: span.last.time,
            rungs: Vec::new(),
            next_rung: None,
            pieces_verified: proven.pieces_verified,
            pieces_sole: proven.pieces_sole,
            pieces_refuted: 0,
            pieces_advertised: 0,
            standard: proven.standard.map(|met| met.standard(self.judged.given(first.key.torrent))),
            frames: span.into(),
            served_frames: None,
            seen_in: Vec::new(),
            files: Vec::new(),
            refuted_pieces: Vec::new(),
            timeline: None,
        };
        let (mut refuted, mut times) = (BTreeSet::new(), judge::Timeline::default());
        ladder.unconfirmed = true;
        for id in group {
            let record = records.get(id.0 as usize)?;
            let (transfer, rungs) = transfers.get(id.0 as usize)?.as_deref()?;
            ladder.join(rungs);
            bytes.add(&transfer.bytes);
            subject.peer_ids.extend(transfer.uploader_peer_ids.iter());
            subject.clients.extend(transfer.uploader_clients.iter().cloned());
            subject.flags.extend(transfer.flags.iter());
            span = record.span.or(record.served_span).map_or(span, |other| span.join(other));
            served = match (served, served_span(record)) {
                (Some(one), Some(other)) => Some(Span::join(one, other)),
                (one, other) => one.or(other),
            };
            seen.join(&record.facts.seen);
            refuted.extend(record.refuted_pieces());
            times.join(&record.timeline);
            let port = self.ports.get(id.0 as usize)?;
            if port.named != record.key.uploader.port {
                subject.port_basis = PortBasis::Declared;
            }
            subject.sent_from.insert(record.key.uploader.port);
            subject.listen_port = subject.listen_port.or(port.listens);
        }
        if subject.port_basis == PortBasis::Observed {
            subject.sent_from.clear();
        }
        (subject.first_time, subject.last_time) = (span.first.time, span.last.time);
        (subject.frames, subject.served_frames) = (span.into(), served.map(Into::into));
        subject.seen_in = seen_in(&seen);
        if subject.port_basis == PortBasis::Declared && group.len() > 1 && subject.peer_ids.len() > 1 {
            subject.flags.insert(Flag::DeclaredPort);
        }
        // It may have sent the parts of the dictionary to several others.
        let members: Vec<&Record> = group.iter().filter_map(|id| records.get(id.0 as usize)).collect();
        let metadata = self.metadata_served(&members).filter(MetadataPart::is_whole);
        ladder.metadata = ladder.metadata.or(metadata.map(|part| part.span));
        // Sole and verified are counted per subject: several transfers may make up one piece.
        ladder.part = proven.first_part;
        ladder.sole = proven.first_sole;
        let clients: BTreeSet<usize> =
            group.iter().filter_map(|id| self.clients.get(id.0 as usize).copied()).collect();
        let files = || clients.iter().filter_map(|client| self.proofs.clients.get(*client)?.as_deref());
        self.whole_file(&mut ladder, first.key.torrent, files());
        subject.files = self.subject_files(first.key.torrent, &proven.files, files);
        subject.pieces_advertised = self.advertised(&members);
        subject.pieces_refuted = refuted.len() as u64;
        subject.refuted_pieces = columns::ranges(refuted);
        subject.timeline = Timeline::of(self.judged.axis, &times);
        subject.grade = ladder.grade();
        subject.actionable = actionable(subject.grade, subject.standard.is_some());
        subject.rungs = ladder.rungs();
        subject.next_rung = ladder.next_rung(&bytes);
        subject.bytes = bytes;
        debug_assert_eq!(
            (bytes.verified, bytes.sole),
            (proven.verified, proven.sole),
            "transfers add up to subjects"
        );
        Some(subject)
    }

    /// Verified bytes by path.
    fn files(&self, key: TorrentKey, files: &Files) -> Vec<FileBytes> {
        let Some(torrent) = self.judged.given(key) else { return Vec::new() };
        let named =
            files.iter().filter_map(|(index, verified)| Some((torrent.files().get(*index)?, verified.bytes)));
        named.map(|(file, verified_bytes)| FileBytes { path: file.shown.clone(), verified_bytes }).collect()
    }

    fn known(&self, key: TorrentKey) -> Known {
        match key {
            TorrentKey::Given(id) if self.unlayered.contains(&id) => Known::Unlayered,
            TorrentKey::Given(id) if self.torrents.torrent(id).piece_count() > 0 => Known::Given,
            TorrentKey::Given(_) => Known::Bare,
            TorrentKey::NotGiven(_) => Known::Named,
            TorrentKey::Unknown => Known::Unknown,
        }
    }

    fn climb(&self, ladder: &mut Ladder, record: &Record, proven: &Proven) {
        ladder.part = proven.first_part;
        ladder.sole = proven.first_sole;
        ladder.refuted = record.refuted_span();
        ladder.namesake = record.is_namesake();
        ladder.metadata = self.metadata_served(&[record]).filter(|part| part.is_whole()).map(|part| part.span);
        self.whole_file(ladder, record.key.torrent, [&proven.files]);
    }

    /// G9: every byte of a file from one client, the one that was complete first, and the file that comes nearest to it.
    fn whole_file<'f>(&self, ladder: &mut Ladder, key: TorrentKey, clients: impl IntoIterator<Item = &'f Files>) {
        let Some(torrent) = self.judged.given(key) else { return };
        let mut best: Option<(u64, u64, usize)> = None;
        for (index, verified) in clients.into_iter().flatten() {
            let (Some(file), bytes) = (torrent.files().get(*index), verified.bytes) else { continue };
            if verified.is_whole(file.size) && file.size > 0 && !file.pad {
                let later = |(known, _): &(Span, String)| verified.span.last.precedes(known.last);
                if ladder.file.as_ref().is_none_or(later) {
                    ladder.file = Some((verified.span, file.shown.clone()));
                }
            }
            let better = best.is_none_or(|(most, size, _)| {
                u128::from(bytes) * u128::from(size) > u128::from(most) * u128::from(file.size)
            });
            if better {
                best = Some((bytes, file.size, *index));
            }
        }
        ladder.best_file = best.and_then(|(bytes, size, index)| {
            let path = torrent.files().get(index)?.shown.clone();
            Some((path, bytes, size))
        });
    }

    /// Pieces of the info dictionary that the uploader of these transfers, which are one subject's, sent.
    fn metadata_served(&self, records: &[&Record]) -> Option<MetadataPart> {
        let dictionaries = self.metadata.get(&records.first()?.key.torrent)?;
        MetadataPart::of(dictionaries, records)
    }

    /// Pieces claimed in these transfers, which are one subject's, no more than the torrent has; at least, where not all
    /// claims were kept.
    fn advertised(&self, records: &[&Record]) -> u64 {
        let facts = || records.iter().map(|record| &record.facts);
        let torrent = records.first().and_then(|record| self.judged.given(record.key.torrent));
        let pieces = torrent.map(|torrent| u64::from(torrent.piece_count())).filter(|pieces| *pieces > 0);
        if let Some(pieces) = pieces.filter(|_| facts().any(|facts| facts.advertised_all)) {
            return pieces;
        }
        let most = pieces.unwrap_or(u64::MAX);
        let kept = match records {
            [record] => record.facts.advertised_pieces.count_below(most),
            _ => {
                let mut union = PieceSet::default();
                let mut whole = true;
                facts().for_each(|facts| whole &= union.union(&facts.advertised_pieces));
                let each = facts().map(|facts| facts.advertised_pieces.count_below(most)).max().filter(|_| !whole);
                union.count_below(most).max(each.unwrap_or(0))
            }
        };
        facts().map(|facts| facts.advertised_least).fold(kept, u64::max)
    }

    fn flags(&self, record: &Record, proven: &Proven, span: Span) -> BTreeSet<Flag> {
        let (facts, counts) = (&record.facts, &record.counts);
        let next = self.clock_steps.partition_point(|step| *step <= span.first.frame);
        let stepped = self
            .clock_steps
            .get(next)
            .is_some_and(|step| step.file() == span.first.frame.file() && *step <= span.last.frame);
        [
            (Flag::OneSided, facts.one_sided > 0),
            (Flag::ReturnPathUnconfirmed, facts.unconfirmed > 0),
            (Flag::Unsolicited, facts.unsolicited > 0),
            (Flag::GapInRange, facts.gaps > 0 || counts.lost > 0),
            (Flag::OverlapConflict, facts.overlap_conflict),
            (Flag::BadChecksum, facts.bad_checksum),
            (Flag::TruncatedSnaplen, facts.snaplen),
            (Flag::DuplicateFrames, facts.duplicate_frames),
            (Flag::DecryptedWithSecret, facts.decrypted),
            (Flag::Resynchronised, facts.resynchronised),
            (Flag::HandshakeNotCaptured, facts.handshakes_missing > 0),
            (Flag::InfoHashMismatch, facts.mismatch.is_some()),
            (Flag::PadOrTrivial, proven.is_trivial() || counts.pad > 0),
            (Flag::Boomerang, proven.boomerang),
            (Flag::PrivateAddress, is_private(record.key.uploader.ip)),
            (Flag::ClockStep, stepped),
        ]
        .into_iter()
        .filter_map(|(flag, set)| set.then_some(flag))
        .collect()
    }
}

/// The standard of proof: a unit served alone and verified, advertised before and requested before.
fn actionable(grade: Grade, standard: bool) -> bool {
    matches!(grade, Grade::G8 | Grade::G9) && standard
}

/// The frames of served payload; blocks that were let go before the torrent was known are in another row.
fn served_span(record: &Record) -> Option<Span> {
    record.served_span.filter(|_| record.counts.served > 0)
}

fn bytes_of(record: &Record, proven: &Proven) -> Bytes {
    let counts = &record.counts;
    Bytes {
        served: counts.served,
        lost: counts.lost,
        repeated: counts.repeated,
        verified: proven.verified,
        sole: proven.sole,
        refuted: counts.refuted,
        disputed: counts.disputed,
        unproven: counts.unproven,
        pad: counts.pad,
        acknowledged: counts.acknowledged,
        solicited: counts.solicited,
    }
}

/// Torrents that peers spoke of, but that were not given.
fn note_other_torrents(transfers: &[Box<(Transfer, Ladder)>], torrents: &Torrents, out: &mut dyn Sink) {
    let given: BTreeSet<InfoHash> = torrents.iter().map(|torrent| torrent.info_hash()).collect();
    let mut seen = BTreeSet::new();
    for (transfer, _) in transfers.iter().map(|row| &**row) {
        let Some(info_hash) = &transfer.info_hash else { continue };
        if !given.contains(info_hash) && seen.insert(info_hash) {
            let oddity = Oddity::NotGiven { info_hash: info_hash.clone() };
            out.odd(oddity.within(transfer.span()).towards(transfer.uploader, transfer.downloader));
        }
    }
}
