//! Evidence as audits look at it.

use std::collections::BTreeMap;

use super::claim::Window;
use super::examined::{Event, Examined, Host, Mention, Obstacle, Session, Torrent, Transfer, Unit, Unread};
use crate::anomaly::Kind;
use crate::ends::{InfoHash, Timestamp};
use crate::evidence::{Course, Coverage, Flag, Grade, Initiator, OpaqueKind, Seen};
use crate::report::{Document, Input, Running};

impl Examined {
    /// Takes the part of a report that notices are held against, with its coverage and the courses of its transfers.
    pub fn of(report: &Document, coverage: &Coverage, courses: &[Course]) -> Self {
        let (torrents, index) = torrents(report);
        let of = |hash: Option<&InfoHash>| hash.and_then(|hash| index.get(&hash.0).copied());
        let rows = || report.transfers.iter().zip(courses);
        let declared: BTreeMap<_, _> = rows()
            .filter_map(|(t, course)| {
                Some(((t.uploader, t.downloader, t.transport, t.info_hash.as_ref()), course.declared_port?))
            })
            .collect();
        let transfers = rows().map(|(t, course)| {
            let back = declared.get(&(t.downloader, t.uploader, t.transport, t.info_hash.as_ref()));
            Transfer {
                uploader: t.uploader,
                declared: course.declared_port.into_iter().collect(),
                accepted: matches!(t.initiator, Some(Initiator::Downloader | Initiator::Both)),
                peer_ids: t.uploader_peer_ids.iter().map(|id| id.0).collect(),
                downloader: t.downloader,
                downloader_declared: back.copied().into_iter().collect(),
                carrier: t.transport,
                torrent: of(t.info_hash.as_ref()),
                sessions: course
                    .sessions
                    .iter()
                    .map(|session| Session {
                        window: window(session.first, session.last),
                        is_whole: session.is_whole,
                        is_confirmed: !session.is_unconfirmed,
                    })
                    .collect(),
                rungs: course
                    .rungs
                    .iter()
                    // Verified units tell G7 and G8 with their own times.
                    .filter(|(grade, _)| !matches!(grade, Grade::G7 | Grade::G8))
                    .map(|(grade, span)| Event { grade: *grade, time: span.last.time.0, span: *span })
                    .collect(),
                units: course
                    .pieces
                    .iter()
                    .map(|piece| Unit {
                        piece: piece.piece,
                        bytes: piece.bytes,
                        time: piece.sole.unwrap_or(piece.span).last.time.0,
                        span: piece.sole.unwrap_or(piece.span),
                        sole: piece.sole.is_some(),
                        // Who is not shown to have received a packet, or of whom it cannot be told, meets no standard.
                        asked: piece.asked.filter(|_| t.actionable),
                    })
                    .collect(),
                served: course.times.iter().map(|burst| (window(burst.first, burst.last), burst.bytes)).collect(),
                acknowledged: t.bytes.acknowledged,
                asked: t.bytes.solicited,
                refuted: t.bytes.refuted,
                is_forgeable: t.flags.contains(&Flag::ReturnPathUnconfirmed),
                is_trivial: t.flags.contains(&Flag::PadOrTrivial),
                obstacles: obstacles(&t.flags),
                window: course
                    .span
                    .map_or(window(t.first_time, t.last_time), |span| window(span.first.time, span.last.time)),
            }
        });
        let mentions = report.mentions.iter().map(|mention| Mention {
            subject: mention.subject,
            torrent: of(mention.info_hash.as_ref()),
            by: mention.by,
            via: mention.via.name(),
            grade: mention.grade.name(),
            count: mention.count,
            window: window(mention.first_time, mention.last_time),
            frames: mention.frames,
        });
        let encrypted = report.opaque.iter().map(|opaque| Unread {
            a: opaque.a,
            b: opaque.b,
            // Of WebRTC only the port speaks for it.
            encrypted: !matches!(opaque.kind, OpaqueKind::Relay | OpaqueKind::WebRtc),
            window: window(opaque.first_time, opaque.last_time),
            bytes: opaque.a_to_b + opaque.b_to_a,
            frames: Some(opaque.frames),
            torrent: opaque.info_hash.as_ref().map(|hash| of(Some(hash)).unwrap_or(usize::MAX)),
            hiding: None,
        });
        let unrecognised = coverage.unrecognised.iter().map(|flow| Unread {
            a: flow.a,
            b: flow.b,
            encrypted: false,
            window: window(flow.first, flow.last),
            bytes: flow.bytes,
            frames: None,
            torrent: None,
            hiding: flow.hiding,
        });
        let seen = |seen: Option<Seen>| seen.map(|seen| (seen.packets, window(seen.first, seen.last)));
        let mut clock_steps = coverage.clock_steps.clone();
        clock_steps.sort_unstable();
        let running = Running::of(&report.inputs, &clock_steps);
        Self {
            transfers: transfers.collect(),
            mentions: mentions.collect(),
            unread: encrypted.chain(unrecognised).collect(),
            stretches: running.stretches().iter().map(|(first, last)| window(*first, *last)).collect(),
            clock_steps: clock_steps.iter().map(|at| at.0).collect(),
            drops: report
                .inputs
                .iter()
                .filter_map(|input| match input {
                    Input::Capture { dropped_by_capture, .. } => *dropped_by_capture,
                    Input::Torrent { .. } => None,
                })
                .reduce(u64::saturating_add),
            hosts: coverage
                .hosts
                .iter()
                .map(|host| Host {
                    address: host.address,
                    from: seen(host.from),
                    to: seen(host.to),
                    others: u64::from(host.others),
                })
                .collect(),
            names: report.hosts.iter().map(|host| (host.address, host.names.clone())).collect(),
            central: coverage.central.clone(),
            bounds: bounds(report, coverage),
            is_torn: report.anomalies.iter().any(|anomaly| anomaly.kind == Kind::IncompleteFragments),
            unread_frames: report
                .quality
                .unread
                .iter()
                .filter(|protocol| protocol.may_carry)
                .map(|protocol| (protocol.frames, protocol.protocol.to_string()))
                .collect(),
            torrents,
        }
    }
}

fn window(first: Timestamp, last: Timestamp) -> Window {
    Window { from: first.0.min(last.0), to: first.0.max(last.0) }
}

/// The torrents, and which hash is of which.
fn torrents(report: &Document) -> (Vec<Torrent>, BTreeMap<Vec<u8>, usize>) {
    let (mut torrents, mut index): (Vec<Torrent>, BTreeMap<Vec<u8>, usize>) = (Vec::new(), BTreeMap::new());
    for known in &report.torrents {
        let mut hashes: Vec<Vec<u8>> = vec![known.info_hash.0.clone()];
        hashes.extend(known.info_hash_v1.map(|hash| hash.0.to_vec()));
        if let Some(hash) = known.info_hash_v2 {
            hashes.extend([hash.0.to_vec(), hash.0.iter().copied().take(CUT_V2).collect()]);
        }
        hashes.sort();
        hashes.dedup();
        for hash in &hashes {
            index.entry(hash.clone()).or_insert(torrents.len());
        }
        torrents.push(Torrent {
            hashes,
            name: known.name.clone().filter(|name| !name.is_empty()),
            size: known.size,
            files: known.files.iter().filter(|file| !file.pad).map(|file| (file.path.clone(), file.size)).collect(),
            has_metadata: known.size.is_some(),
        });
    }
    for hash in report.mentions.iter().filter_map(|mention| mention.info_hash.as_ref()) {
        if !index.contains_key(&hash.0) {
            index.insert(hash.0.clone(), torrents.len());
            torrents.push(Torrent { hashes: vec![hash.0.clone()], ..Torrent::default() });
        }
    }
    (torrents, index)
}

fn obstacles(flags: &std::collections::BTreeSet<Flag>) -> Vec<Obstacle> {
    [
        (Flag::OneSided, Obstacle::OneSided),
        (Flag::GapInRange, Obstacle::Gap),
        (Flag::TruncatedSnaplen, Obstacle::Snaplen),
        (Flag::OverlapConflict, Obstacle::Overlap),
    ]
    .into_iter()
    .filter_map(|(flag, obstacle)| flags.contains(&flag).then_some(obstacle))
    .collect()
}

fn bounds(report: &Document, coverage: &Coverage) -> Vec<String> {
    let reached = report.anomalies.iter().filter(|anomaly| anomaly.kind == Kind::LimitReached);
    let mut names: Vec<String> =
        reached.flat_map(|anomaly| &anomaly.examples).filter_map(|example| example.bound.clone()).collect();
    if coverage.hosts_left_out > 0 {
        names.push("hosts".to_owned());
    }
    if coverage.unrecognised_left_out > 0 {
        names.push("unrecognised flows".to_owned());
    }
    names.sort();
    names.dedup();
    names
}

/// The digits of a v2 info-hash that handshakes have (BEP 52), in bytes.
const CUT_V2: usize = 20;
