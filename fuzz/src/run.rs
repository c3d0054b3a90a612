//! The whole pipeline on inputs in memory, and what must hold for every run.

use std::collections::BTreeSet;

use peerproof::anomaly::Anomalies;
use peerproof::ends::Transport;
use peerproof::evidence::{Bytes, Evidence, Flag, Grade, Rung};
use peerproof::report::{Document, Given, Screen, terminal};
use peerproof::{CaptureSet, ChecksumPolicy, Limits, Options, Secrets, Torrents};

/// Limits that small inputs reach.
pub fn tight() -> Limits {
    Limits {
        flows: 2,
        stream_pending_segments: 4,
        stream_history_segments: 3,
        history_slices: 8,
        waiting_slices: 6,
        copy_marks: 40,
        acked_hole_wait_ns: 1_000_000,
        message_bytes: 1 << 15,
        scratch_bytes: 1 << 12,
        resync_bytes: 1 << 12,
        outstanding_requests: 2,
        requests: 64,
        open_slices: 6,
        window_silence_ns: 1_000_000_000,
        mentions: 2,
        transactions: 2,
        rows: 2,
        served_rows: 4,
        late_segments: 64,
        advertised_bytes: 64,
        opaque: 1,
        fragments_open: 2,
        fragment_bytes: 4_096,
        journal_memory: 4_096,
    }
}

/// The checksum policy that two bits stand for.
pub fn policy(bits: u8) -> ChecksumPolicy {
    match bits & 3 {
        1 => ChecksumPolicy::Flag,
        2 => ChecksumPolicy::Drop,
        _ => ChecksumPolicy::Ignore,
    }
}

/// Runs with one thread and with three, a window that never ends and one that always does, and the captures in both
/// orders; the evidence must be the same, balanced, and fit for a report. `None` where the inputs are refused.
pub fn evidence(
    captures: &[Vec<u8>],
    torrents: &Torrents,
    secrets: &Secrets,
    limits: &Limits,
    checksums: ChecksumPolicy,
) -> Option<Evidence> {
    let named = captures.iter().enumerate().map(|(index, bytes)| (format!("{index}.pcap"), bytes.clone()));
    let mut named: Vec<_> = named.collect();
    let set = CaptureSet::from_bytes(named.clone()).ok()?;
    named.reverse();
    let reversed = CaptureSet::from_bytes(named).expect("the same captures");
    let [first, second] = [(1, u64::MAX, &set), (3, 1, &reversed)].map(|(threads, window, set)| {
        let options = Options {
            threads,
            window,
            checksums,
            limits: limits.clone(),
            secrets,
            digest: false,
            ..Options::default()
        };
        match peerproof::analyze(set, torrents, &options) {
            Ok(evidence) => evidence,
            Err(error) => panic!("a run that was begun must end: {error}"),
        }
    });
    let [one, two] = [&first, &second].map(|evidence| format!("{evidence:?}"));
    assert!(one == two, "other evidence with three threads:\n{one}\n{two}");
    check(&first);
    check_files(&first, torrents);
    let document = Document::new(&first, &Given::of(torrents), checksums, limits);
    let json = document.json().expect("a report can be written");
    assert_eq!(Document::read(&json).expect("a report reads back"), document);
    terminal(&document, &Screen::report_txt());
    let options = Options { limits: limits.clone(), digest: false, ..Options::default() };
    let inspection = peerproof::inspect(&set, &options).expect("a capture that can be analysed can be inspected");
    inspection.json().expect("an inspection can be written");
    inspection.terminal(&Screen::report_txt());
    Some(first)
}

/// The accounting identity in every row, and between the rows.
fn check(evidence: &Evidence) {
    let mut sums = [Bytes::default(); 3];
    let (mut peers, mut received) = (0, 0);
    for row in &evidence.transfers {
        assert!(row.bytes.balanced(), "{row:#?}");
        check_grade(row.grade, &row.bytes, row.standard.is_some(), &row.flags, &row.rungs, row);
        sums[0].add(&row.bytes);
        if row.transport != Transport::Http {
            peers += row.bytes.served;
        }
    }
    for row in &evidence.subjects {
        assert!(row.bytes.balanced(), "{row:#?}");
        check_grade(row.grade, &row.bytes, row.standard.is_some(), &row.flags, &row.rungs, row);
        sums[1].add(&row.bytes);
        received += row.received_bytes;
    }
    for row in &evidence.torrents {
        assert!(row.bytes.balanced(), "{row:#?}");
        assert!(row.unique <= row.bytes.verified, "{row:?} {:#?}", evidence.transfers);
        sums[2].add(&row.bytes);
    }
    assert_eq!(sums[0].served, sums[1].served, "transfers and subjects count the same bytes");
    assert_eq!(sums[0].verified, sums[1].verified, "transfers and subjects verify the same bytes");
    assert_eq!(sums[0].refuted, sums[1].refuted, "transfers and subjects refute the same bytes");
    // The client of a webseed is no peer and has no row.
    assert_eq!(peers, received, "what peers serve is received");
    assert!(sums[2].served <= sums[0].served, "a torrent's row sums its transfers");
}

/// No byte of a file counted twice for one transfer, nor of a torrent over all.
fn check_files(evidence: &Evidence, torrents: &Torrents) {
    for row in &evidence.torrents {
        let hash = row.info_hash.0.as_slice();
        let named = |torrent: &&peerproof::Torrent| torrent.wire_hashes().any(|wire| hash.starts_with(&wire));
        let Some(torrent) = torrents.iter().filter(|torrent| torrent.has_metadata()).find(named) else { continue };
        let files = torrent.files();
        assert!(row.unique <= files.iter().map(|file| file.size).sum(), "{row:#?}");
        for transfer in
            evidence.transfers.iter().filter(|transfer| transfer.info_hash.as_ref() == Some(&row.info_hash))
        {
            for told in &transfer.files {
                let file = files.iter().find(|file| file.shown == told.path).expect("a file of the torrent");
                assert!(told.verified_bytes <= file.size, "{transfer:#?}");
            }
        }
    }
}

/// Checks the ladder of evidence.md: a grade and the bytes beside it.
fn check_grade(
    grade: Grade,
    bytes: &Bytes,
    actionable: bool,
    flags: &BTreeSet<Flag>,
    rungs: &[Rung],
    row: &dyn std::fmt::Debug,
) {
    assert_ne!(grade, Grade::GX, "GX stands beside the ladder: {row:#?}");
    assert!(!actionable || grade >= Grade::G8, "actionable without a unit served alone: {row:#?}");
    assert!(grade < Grade::G6 || bytes.served > 0, "a grade for bytes that are not there: {row:#?}");
    assert!(grade < Grade::G7 || bytes.verified + bytes.repeated + bytes.pad > 0, "nothing is verified: {row:#?}");
    assert!(bytes.verified == 0 || grade >= Grade::G7 || flags.contains(&Flag::OverlapConflict), "{row:#?}");
    assert_eq!(bytes.refuted > 0, rungs.iter().any(|rung| rung.grade == Grade::GX), "{row:#?}");
}

/// Reads every frame of the captures twice, with and without giving memory back.
pub fn walk(captures: &[&[u8]]) {
    let named = captures.iter().enumerate().map(|(index, bytes)| (format!("{index}.pcap"), bytes.to_vec()));
    let Ok(set) = CaptureSet::from_bytes(named.collect()) else { return };
    let [first, second] = [false, true].map(|release| {
        let (mut frames, mut anomalies) = (set.frames(), Anomalies::default());
        let (mut seen, mut numbers) = (Vec::new(), vec![0; captures.len()]);
        while let Some(frame) = frames.next(&mut anomalies).expect("damage ends no run that is not strict") {
            assert!(frame.bytes.len() as u64 <= u64::from(frame.wire_len), "{frame:?}");
            let number = &mut numbers[usize::from(frame.at.frame.file())];
            assert!(frame.at.frame.number() > *number, "frame numbers ascend");
            *number = frame.at.frame.number();
            assert!(set.total_bytes().is_none_or(|total| frames.position() <= total));
            seen.push((frame.at, frame.link, frame.bytes, frame.wire_len, frame.fcs_len));
            if release {
                frames.release(0);
                frames.prefetch(1 << 10);
            }
        }
        let facts = frames.finish().expect("nothing changes in memory");
        // A damaged packet block keeps its number.
        assert!(facts.iter().zip(&numbers).all(|(facts, last)| facts.frames >= *last));
        assert!(facts.iter().map(|facts| facts.frames).sum::<u64>() >= seen.len() as u64);
        (seen, format!("{facts:?} {anomalies:?}"))
    });
    assert!(first == second, "another reading:\n{first:?}\n{second:?}");
}
