//! The whole pipeline on inputs in memory, and what must hold for every run.

use peerproof::anomaly::Anomalies;
use peerproof::capture::CaptureSet;
use peerproof::evidence::{Bytes, Evidence};
use peerproof::mse::Secrets;
use peerproof::packet::ChecksumPolicy;
use peerproof::report::{Document, Given, terminal};
use peerproof::torrent::Torrents;
use peerproof::{Limits, Options};

/// Limits that small inputs reach.
pub fn tight() -> Limits {
    Limits {
        flows: 2,
        stream_pending_segments: 4,
        stream_history_segments: 3,
        acked_hole_wait_ns: 1_000_000,
        message_bytes: 1 << 15,
        scratch_bytes: 1 << 12,
        resync_bytes: 1 << 12,
        outstanding_requests: 2,
        open_slices: 6,
        reference_slices: 4,
        window_silence_ns: 1_000_000_000,
        mentions: 2,
        transactions: 2,
        opaque: 1,
        fragments_open: 2,
        fragment_bytes: 4_096,
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

/// Runs with one thread and with two, and a window that never ends and one that always does; the evidence must be
/// the same, balanced, and fit for a report. `None` where the inputs are refused.
pub fn evidence(
    captures: &[Vec<u8>],
    torrents: &Torrents,
    secrets: &Secrets,
    limits: &Limits,
    checksums: ChecksumPolicy,
) -> Option<Evidence> {
    let named = captures.iter().enumerate().map(|(index, bytes)| (format!("{index}.pcap"), bytes.clone()));
    let set = CaptureSet::from_bytes(named.collect()).ok()?;
    let [first, second] = [(1, u64::MAX), (2, 1)].map(|(threads, window)| {
        let options = Options {
            threads,
            window,
            checksums,
            limits: limits.clone(),
            secrets,
            digest: false,
            ..Options::default()
        };
        match peerproof::analyze(&set, torrents, &options) {
            Ok(evidence) => evidence,
            Err(error) => panic!("a run that was begun must end: {error}"),
        }
    });
    let [one, two] = [&first, &second].map(|evidence| format!("{evidence:?}"));
    assert!(one == two, "other evidence with two threads:\n{one}\n{two}");
    check(&first);
    let document = Document::new(&first, &Given::of(torrents), checksums, limits);
    document.json().expect("a report can be written");
    terminal(&document, 80);
    let options = Options { limits: limits.clone(), digest: false, ..Options::default() };
    let inspection = peerproof::inspect(&set, &options).expect("a capture that can be analysed can be inspected");
    inspection.json().expect("an inspection can be written");
    inspection.terminal(80, &["0.pcap".to_owned()]);
    Some(first)
}

/// The accounting identity in every row, and between the rows.
fn check(evidence: &Evidence) {
    let mut sums = [Bytes::default(); 3];
    for row in &evidence.transfers {
        assert!(row.bytes.balanced(), "{row:#?}");
        sums[0].add(&row.bytes);
    }
    for row in &evidence.subjects {
        assert!(row.bytes.balanced(), "{row:#?}");
        sums[1].add(&row.bytes);
    }
    for row in &evidence.torrents {
        assert!(row.bytes.balanced(), "{row:#?}");
        assert!(row.unique <= row.bytes.verified, "{row:?} {:#?}", evidence.transfers);
        sums[2].add(&row.bytes);
    }
    assert_eq!(sums[0].served, sums[1].served, "transfers and subjects count the same bytes");
    assert_eq!(sums[0].verified, sums[1].verified, "transfers and subjects verify the same bytes");
    assert_eq!(sums[0].refuted, sums[1].refuted, "transfers and subjects refute the same bytes");
    assert!(sums[2].served <= sums[0].served, "a torrent's row sums its transfers");
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
            assert!(frames.position() <= set.total_bytes());
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
