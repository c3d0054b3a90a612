//! Tables: these facts, this row. Each case is a rule of evidence.md, or a scenario of it (T01 to T70), as far as it is
//! decided behind the walk; what packets make of it is tested with packets.

mod bytes;
mod doubt;
mod flags;
mod standard;

use super::build;
use super::{Bytes, Evidence, Flag, Grade, Place, Subject, Transfer};
use crate::anomaly::Anomalies;
use crate::ends::{ConnectionId, Endpoint};
use crate::facts::{Answer, Doubt, Reason, Scope};
use crate::hearsay::Mentions;
use crate::judge::tests::stage::{BLOCK, Link, M, S1, S2, S3, SIZE, Stage, end, peer_id};
use crate::metadata::Harvest;
use crate::spine::{Coverage, Findings, Quality};
use crate::wire::Framing;

const B: u64 = BLOCK as u64;
const ALL: u64 = SIZE as u64;

fn findings() -> Findings {
    Findings {
        anomalies: Anomalies::default(),
        mentions: Mentions::new(100),
        metadata: Harvest::default(),
        opaque: Vec::new(),
        quality: Quality::default(),
        clock_steps: Vec::new(),
        coverage: Coverage::default(),
        same: Vec::new(),
        contests: Vec::new(),
        torrents_tell: false,
    }
}

/// The evidence of all that was sent.
fn evidence(stage: &mut Stage) -> Evidence {
    evidence_with(stage, findings())
}

fn evidence_with(stage: &mut Stage, findings: Findings) -> Evidence {
    let silence = stage.limits.window_silence_ns;
    let torrents = stage.torrents.clone();
    build(&stage.judge(), findings, Vec::new(), &torrents, silence).expect("the figures add up")
}

/// The one subject at an endpoint.
fn subject(evidence: &Evidence, endpoint: Endpoint) -> &Subject {
    let mut all = evidence.subjects.iter().filter(|subject| subject.endpoint == endpoint);
    let first = all.next().unwrap_or_else(|| panic!("no subject {endpoint}"));
    assert!(all.next().is_none(), "one subject {endpoint}");
    first
}

fn transfer(evidence: &Evidence, uploader: Endpoint, downloader: Endpoint) -> &Transfer {
    let ends = |row: &&Transfer| (row.uploader, row.downloader) == (uploader, downloader);
    evidence.transfers.iter().find(ends).unwrap_or_else(|| panic!("no transfer of {uploader} to {downloader}"))
}

/// The figures that are not 0, without those of requests and acknowledgements.
fn figures(bytes: &Bytes) -> Vec<(&'static str, u64)> {
    let all = Bytes::FIGURES.iter().filter(|figure| figure.place != Place::PartOfSum && figure.place != Place::Sum);
    all.map(|figure| (figure.name.trim_end_matches("_bytes"), (figure.of)(bytes)))
        .filter(|(_, bytes)| *bytes > 0)
        .collect()
}

/// One case: what is played, and what is said of whom.
struct Case {
    name: &'static str,
    play: fn(&mut Stage),
    of: Endpoint,
    grade: Grade,
    actionable: bool,
    figures: &'static [(&'static str, u64)],
    flags: &'static [Flag],
}

fn check(cases: &[Case]) {
    let mut faults = Vec::new();
    for case in cases {
        let mut stage = Stage::new();
        (case.play)(&mut stage);
        let evidence = evidence(&mut stage);
        let row = subject(&evidence, case.of);
        let flags: Vec<Flag> = row.flags.iter().copied().collect();
        let found = (row.grade, row.actionable, figures(&row.bytes), flags);
        let expected = (case.grade, case.actionable, case.figures.to_vec(), case.flags.to_vec());
        if found != expected {
            faults.push(format!("{}\n  found    {found:?}\n  expected {expected:?}", case.name));
        }
        let refuted = row.rungs.iter().any(|rung| rung.grade == Grade::GX);
        assert_eq!(refuted, row.bytes.refuted > 0, "{}: GX stands where bytes are refuted", case.name);
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// A connection on which all is offered.
fn offered(stage: &mut Stage, of: Endpoint, to: Endpoint, torrent: crate::torrent::TorrentId) -> Link {
    let link = stage.meet(of, to, torrent);
    stage.offer(link);
    link
}

fn honest(stage: &mut Stage) {
    let id = stage.v1(1);
    let link = offered(stage, S1, M, id);
    stage.everything(link, id);
}

fn bad_piece(stage: &mut Stage) -> Link {
    let id = stage.v1(1);
    let link = offered(stage, S1, M, id);
    stage.send(link, id, 0, 0);
    stage.send_bad(link, id, 0, BLOCK);
    link
}

fn two_then_a_whole_copy(stage: &mut Stage, again: bool) {
    let id = stage.v1(1);
    let (good, bad) = (offered(stage, S1, M, id), offered(stage, S2, M, id));
    stage.send(good, id, 0, 0);
    stage.send_bad(bad, id, 0, BLOCK);
    if again {
        let third = offered(stage, S3, M, id);
        stage.piece(third, id, 0);
    }
}

#[test]
fn padding_is_nobodys_content() {
    let of_files = |stage: &mut Stage| -> (crate::torrent::TorrentId, Link) {
        let id = stage.files(&[("a", 20_000, false), (".pad", 12_768, true), ("z", 14_464, false)], 3);
        (id, offered(stage, S1, M, id))
    };
    let mut stage = Stage::new();
    let (id, link) = of_files(&mut stage);
    stage.piece(link, id, 0);
    let found = evidence(&mut stage);
    let row = subject(&found, S1);
    // T19: pad bytes are in no other class, and the file is whole without them.
    assert_eq!(figures(&row.bytes), [("verified", 20_000), ("sole", 20_000), ("pad", 12_768)]);
    assert_eq!((row.grade, row.flags.contains(&Flag::PadOrTrivial)), (Grade::G9, true));
    // T22: exact ranges per file.
    let mut stage = Stage::new();
    let id = stage.files(&[("a", 20_000, false), ("b", 30_000, false)], 3);
    let link = offered(&mut stage, S1, M, id);
    stage.piece(link, id, 0);
    let found = evidence(&mut stage);
    let files: Vec<(&str, u64)> =
        transfer(&found, S1, M).files.iter().map(|file| (&*file.path, file.verified_bytes)).collect();
    assert_eq!(files, [("a", 20_000), ("b", 12_768)]);
    assert_eq!(subject(&found, S1).grade, Grade::G9, "the first file is whole");
    // T69: an empty file, and one of padding alone, make nobody the sender of a whole file.
    let mut stage = Stage::new();
    let id = stage.files(&[("empty", 0, false), (".pad", 9_000, true), ("b", 60_000, false)], 3);
    let link = offered(&mut stage, S1, M, id);
    stage.piece(link, id, 0);
    assert_eq!(subject(&evidence(&mut stage), S1).grade, Grade::G8);
    // T19: a piece of one value is verified, and meets no standard.
    let mut stage = Stage::new();
    let id = stage.files(&[("zeros", 32_768, true), ("b", 9_000, false)], 3);
    let link = offered(&mut stage, S1, M, id);
    stage.piece(link, id, 0);
    let found = evidence(&mut stage);
    let row = subject(&found, S1);
    assert_eq!((figures(&row.bytes), row.actionable), (vec![("pad", 32_768)], false));
}

#[test]
fn of_torrents_that_share_content_one_is_named_only_by_what_no_other_can_have() {
    // T67: both have the same pieces; the second one has another name.
    let mut stage = Stage::new();
    let one = stage.v1(1);
    let other = stage.files(&[("copy.bin", SIZE, false)], 1);
    assert_eq!(stage.good(one, 0, 0), stage.good(other, 0, 0));
    let link = stage.meet_for(S1, M, [None; 2]);
    stage.everything(link, one);
    let found = evidence(&mut stage);
    let row = subject(&found, S1);
    assert_eq!((row.info_hash.clone(), figures(&row.bytes)), (None, vec![("unproven", ALL)]));
    // A handshake names it.
    let link = stage.meet(S2, M, other);
    stage.everything(link, other);
    let found = evidence(&mut stage);
    assert_eq!(subject(&found, S2).bytes.verified, ALL);
    assert_eq!(subject(&found, S1).info_hash, None);
}

#[test]
fn halves_of_a_hybrid_that_disagree_refute_nobody() {
    let mut stage = Stage::new();
    let id = stage.hybrid(1, 2);
    let (of_v1, neither) = (offered(&mut stage, S1, M, id), offered(&mut stage, S2, M, id));
    stage.piece(of_v1, id, 0);
    stage.send_bad(neither, id, 0, 0);
    let found = evidence(&mut stage);
    // T69: bytes that differ from the half that is known may be of the other one.
    assert_eq!(figures(&subject(&found, S1).bytes), [("verified", 2 * B), ("sole", 2 * B)]);
    assert_eq!(figures(&subject(&found, S2).bytes), [("unproven", B)]);
    // Where the halves agree they are refuted.
    let mut stage = Stage::new();
    let id = stage.hybrid(1, 1);
    let (good, bad) = (offered(&mut stage, S1, M, id), offered(&mut stage, S2, M, id));
    stage.piece(good, id, 0);
    stage.send_bad(bad, id, 0, 0);
    let found = evidence(&mut stage);
    assert_eq!(figures(&subject(&found, S1).bytes), [("verified", 2 * B), ("sole", 2 * B)]);
    assert_eq!(figures(&subject(&found, S2).bytes), [("refuted", B)]);
}

#[test]
fn a_hybrid_is_one_torrent_under_both_of_its_hashes() {
    // T18.
    let mut stage = Stage::new();
    let id = stage.hybrid(1, 1);
    let hashes: Vec<[u8; 20]> = stage.torrents.torrent(id).wire_hashes().collect();
    assert_eq!(hashes.len(), 2);
    for (hash, piece) in hashes.into_iter().zip(0..) {
        let link = stage.meet_for(S1, M, [Some(hash); 2]);
        stage.offer(link);
        stage.piece(link, id, piece);
    }
    let found = evidence(&mut stage);
    assert_eq!(found.torrents.len(), 1);
    assert_eq!(transfer(&found, S1, M).connections, 2);
    assert_eq!(subject(&found, S1).bytes.sole, 4 * B);
}

#[test]
fn subjects_are_addresses_ports_and_times_and_never_peer_ids() {
    let serve = |stage: &mut Stage, of: Endpoint, id, name: Option<Endpoint>| {
        let link = offered(stage, of, M, id);
        if let (Some(name), (side, _)) = (name, stage.side(link)) {
            side.handshake.iter_mut().for_each(|handshake| handshake.peer_id = Some(peer_id(name)));
        }
        stage.piece(link, id, 0);
    };
    // T40: two clients behind one address.
    let mut stage = Stage::new();
    let id = stage.v1(1);
    let (one, other) = (end(1, 6_881), end(1, 6_882));
    serve(&mut stage, one, id, None);
    serve(&mut stage, other, id, Some(S2));
    let found = evidence(&mut stage);
    assert_eq!((subject(&found, one).bytes.served, subject(&found, other).bytes.served), (2 * B, 2 * B));
    // T43: one peer_id at two addresses.
    let mut stage = Stage::new();
    let id = stage.v1(1);
    serve(&mut stage, S1, id, Some(S3));
    serve(&mut stage, S2, id, Some(S3));
    let found = evidence(&mut stage);
    assert_eq!((subject(&found, S1).bytes.served, subject(&found, S2).bytes.served), (2 * B, 2 * B));
    // T42: many connections with as many peer_ids are one endpoint, and all are listed.
    let mut stage = Stage::new();
    let id = stage.v1(1);
    (30..54).for_each(|host| serve(&mut stage, S1, id, Some(end(host, 1))));
    let found = evidence(&mut stage);
    assert_eq!((subject(&found, S1).peer_ids.len(), subject(&found, S1).bytes.repeated), (24, 23 * 2 * B));
    // T41: hours of silence, and another client: two windows. The same client: one.
    for (name, windows) in [(None, 1), (Some(S2), 2)] {
        let mut stage = Stage::new();
        let id = stage.v1(1);
        serve(&mut stage, S1, id, None);
        stage.wait(12);
        serve(&mut stage, S1, id, name);
        let found = evidence(&mut stage);
        let of: Vec<u64> =
            found.subjects.iter().filter(|row| row.endpoint == S1).map(|row| row.bytes.served).collect();
        assert_eq!(of.len(), windows, "{name:?}: {of:?}");
        assert_eq!(of.iter().sum::<u64>(), 4 * B);
    }
}

#[test]
fn a_torrents_total_counts_unique_bytes_once_though_each_sender_has_its_own() {
    // T21: an end-game duplicate.
    let mut stage = Stage::new();
    let id = stage.v1(1);
    let (one, other) = (offered(&mut stage, S1, M, id), offered(&mut stage, S2, M, id));
    stage.piece(one, id, 0);
    stage.piece(other, id, 0);
    let found = evidence(&mut stage);
    let torrent = &found.torrents[0];
    assert_eq!((torrent.unique, torrent.bytes.served, torrent.pieces_verified), (2 * B, 4 * B, 1));
    for of in [S1, S2] {
        assert_eq!(figures(&subject(&found, of).bytes), [("verified", 2 * B), ("sole", 2 * B)]);
    }
    assert_eq!(subject(&found, M).received_bytes, 4 * B);
}

#[test]
fn requests_and_acknowledgements_are_counted_apart_from_the_classes() {
    let mut stage = Stage::new();
    let id = stage.v1(1);
    let link = offered(&mut stage, S1, M, id);
    stage.send(link, id, 0, 0);
    stage.send(link, id, 0, BLOCK).answers = Answer::Unasked;
    stage.side(link).1.acknowledged = B + 100;
    let found = evidence(&mut stage);
    let bytes = subject(&found, S1).bytes;
    assert_eq!((bytes.served, bytes.solicited, bytes.acknowledged), (2 * B, B, B + 100));
    // An acknowledgement of more than was served counts no more than that.
    stage.side(link).1.acknowledged = 9 * B;
    assert_eq!(subject(&evidence(&mut stage), S1).bytes.acknowledged, 2 * B);
    // A request that is captured behind its answer, and that nothing shows to be older, was not before it.
    let span = stage.span();
    stage.blocks[0].answers = Answer::Request { span, acknowledged: false };
    assert_eq!(subject(&evidence(&mut stage), S1).bytes.solicited, 0);
    stage.blocks[0].answers = Answer::Request { span, acknowledged: true };
    assert_eq!(subject(&evidence(&mut stage), S1).bytes.solicited, B, "its first packet acknowledges the request");
}

#[test]
fn connections_beyond_those_that_are_judged_are_in_no_row() {
    let mut stage = Stage::new();
    let id = stage.v1(1);
    let link = offered(&mut stage, S1, M, id);
    stage.piece(link, id, 0);
    stage.blocks.last_mut().expect("one").connection = ConnectionId(99);
    let judged = stage.judge();
    assert_eq!((judged.unjudged.served, judged.records.iter().map(|of| of.counts.served).sum::<u64>()), (B, B));
    // What is there is not held against anybody: the rest of the piece may have been right.
    assert!(judged.records.iter().all(|of| of.counts.refuted == 0));
}
