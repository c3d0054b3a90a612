//! Judging as a whole: properties of swarms that chance makes, and torrents that only bytes can tell.

use proptest::prelude::*;

use super::stage::{BLOCK, Link, M, S1, S2, S3, SIZE, Stage, end};
use super::*;
use crate::facts::Copy;
use crate::torrent::TorrentId;

const B: u64 = BLOCK as u64;

/// One block that chance chose: sender, piece, half of it, and what is wrong with it.
type Sent = (usize, u32, u32, u8);

fn sent() -> impl Strategy<Value = Vec<Sent>> {
    prop::collection::vec((0..3_usize, 0..3_u32, 0..2_u32, 0..9_u8), 0..20)
}

/// Which torrent: of v1, of v2 with and without its leaves, hybrids whose halves agree and differ.
fn torrent(stage: &mut Stage, kind: u8) -> TorrentId {
    match kind {
        0 => stage.v1(1),
        1 | 2 => stage.v2(1),
        3 => stage.hybrid(1, 1),
        _ => stage.hybrid(1, 2),
    }
}

fn play(kind: u8, sent: &[Sent]) -> (Stage, TorrentId) {
    let mut stage = Stage::new();
    let id = torrent(&mut stage, kind);
    let links: Vec<Link> = [S1, S2, S3].into_iter().map(|of| stage.meet(of, M, id)).collect();
    links.iter().for_each(|link| stage.offer(*link));
    if kind == 2 {
        stage.teach(links[0], id, 0);
    }
    for (sender, piece, half, wrong) in sent {
        let (link, begin) = (links[*sender], if *piece == 2 { 0 } else { half * BLOCK });
        match wrong {
            0 | 1 => _ = stage.send_bad(link, id, *piece, begin),
            2 => {
                // A part of it alone.
                let block = stage.send(link, id, *piece, begin);
                block.runs[0].len /= 2;
            }
            3 => {
                stage.send_bad(link, id, *piece, begin);
                stage.doubt(Reason::NeverAcknowledged);
            }
            4 => {
                let good = stage.good(id, *piece, begin);
                stage.send_bad(link, id, *piece, begin);
                stage.again(&good);
            }
            _ => _ = stage.send(link, id, *piece, begin),
        }
    }
    (stage, id)
}

/// All that is told of each sender.
fn figures(judged: &Judged<'_>) -> Vec<(TransferKey, Counts, u64, Vec<u32>)> {
    let verified = judged.verified();
    let row = |(record, verified): (&Record, u64)| {
        (record.key, record.counts, verified, record.refuted_pieces().collect::<Vec<_>>())
    };
    let mut all: Vec<_> = judged.records.iter().zip(verified).map(row).collect();
    all.sort_by_key(|(key, ..)| *key);
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Hash eagerly, decide late: what was hashed before spares hashing and decides nothing.
    #[test]
    fn with_the_log_without_it_and_with_half_of_it_there_is_one_judgement(kind in 0..5_u8, sent in sent()) {
        let (mut stage, _) = play(kind, &sent);
        let without = figures(&stage.judge());
        let log: Vec<Copy> = std::mem::take(&mut stage.store.asked);
        stage.copies = log.iter().step_by(2).cloned().collect();
        prop_assert_eq!(&figures(&stage.judge()), &without, "half of it");
        stage.copies = log;
        stage.store.asked.clear();
        prop_assert_eq!(&figures(&stage.judge()), &without, "all of it");
        prop_assert!(stage.store.asked.is_empty(), "nothing is hashed a second time");
    }

    /// Every served byte is in one class, of every sender; what is verified is no more than the torrent has of it.
    #[test]
    fn the_accounts_of_every_sender_balance(kind in 0..5_u8, sent in sent()) {
        let (mut stage, _) = play(kind, &sent);
        let all = figures(&stage.judge());
        for (key, counts, verified, refuted) in &all {
            let Counts { served, pad, repeated, refuted: bad, disputed, unproven, solicited, .. } = *counts;
            prop_assert_eq!(served, pad + repeated + verified + bad + disputed + unproven, "{:?}", key);
            prop_assert!(solicited <= served && *verified <= 2 * SIZE as u64);
            prop_assert_eq!(bad > 0, !refuted.is_empty());
        }
        // The rows of `pieces` have each byte once, too, in the same class.
        for class in [Class::Repeated, Class::Verified, Class::Refuted, Class::Disputed, Class::Unproven, Class::Pad] {
            let listed: u64 = stage.rows.iter().filter(|row| row.class == class).map(|row| row.bytes).sum();
            let counted: u64 = all.iter().map(|(_, counts, verified, _)| match class {
                Class::Repeated => counts.repeated,
                Class::Verified => *verified,
                Class::Refuted => counts.refuted,
                Class::Disputed => counts.disputed,
                Class::Unproven => counts.unproven,
                Class::Pad => counts.pad,
            }).sum();
            prop_assert_eq!(listed, counted, "{:?}", class);
        }
        for row in &stage.rows {
            prop_assert_eq!(row.bytes, row.slices.iter().map(|slice| u64::from(slice.len)).sum::<u64>());
            prop_assert_eq!(row.sums.is_some(), row.class == Class::Verified, "the hash that it matches");
        }
    }

    /// Who sent good bytes alone is not refuted by anything that others do.
    #[test]
    fn nobody_is_refuted_by_what_others_sent(kind in 0..4_u8, sent in sent()) {
        let honest: Vec<Sent> = sent.iter().map(|(sender, piece, half, wrong)| {
            (*sender, *piece, *half, if *sender == 0 { 8 } else { *wrong })
        }).collect();
        let (mut stage, _) = play(kind, &honest);
        let judged = stage.judge();
        for record in judged.records.iter().filter(|record| record.key.uploader == S1) {
            prop_assert_eq!(record.counts.refuted, 0);
        }
    }

    /// Where frames cannot be looked at, pieces are ruled as they come; that changes nothing but what is held in memory.
    #[test]
    fn what_cannot_be_looked_at_is_ruled_at_once_and_alike(kind in 0..5_u8, sent in sent()) {
        let (mut stage, _) = play(kind, &sent);
        for block in &stage.blocks {
            let scope = Scope::Share(block.id);
            stage.doubts.push(Doubt { scope, reason: Reason::NotTested, second: None });
        }
        let held = figures(&stage.judge());
        stage.store.is_away = true;
        prop_assert_eq!(&figures(&stage.judge()), &held);
        prop_assert!(held.iter().all(|(_, counts, ..)| counts.refuted == 0), "whom nobody can look at is not accused");
    }

    /// The order in which connections ended is nobody's doing.
    #[test]
    fn connections_that_ended_in_another_order_are_judged_alike(kind in 0..5_u8, sent in sent(), turn in 0..3_usize) {
        let (mut stage, _) = play(kind, &sent);
        let before = figures(&stage.judge());
        stage.connections.rotate_left(turn);
        prop_assert_eq!(&figures(&stage.judge()), &before);
    }
}

/// The torrent that the transfer of an endpoint is of.
fn torrent_of(stage: &mut Stage, of: crate::ends::Endpoint) -> TorrentKey {
    let judged = stage.judge();
    let mut keys: Vec<TorrentKey> =
        judged.records.iter().filter(|it| it.key.uploader == of).map(|it| it.key.torrent).collect();
    keys.dedup();
    assert_eq!(keys.len(), 1, "{keys:?}");
    keys[0]
}

/// One connection of S1 that no handshake names, and what is sent on it.
struct Unnamed {
    name: &'static str,
    play: fn(&mut Stage, Link, [TorrentId; 2]),
    is_told: bool,
}

#[test]
fn a_connection_without_a_handshake_is_named_by_what_it_carried() {
    // T33, T67.
    let cases = [
        Unnamed { name: "a piece of it", play: |stage, link, [one, _]| stage.piece(link, one, 0), is_told: true },
        Unnamed {
            name: "half of a piece matches nothing",
            play: |stage, link, [one, _]| _ = stage.send(link, one, 0, 0),
            is_told: false,
        },
        Unnamed {
            name: "half of a piece equals what somebody else is known to have sent whole",
            play: |stage, link, [one, _]| {
                let known = stage.meet(S2, M, one);
                stage.piece(known, one, 0);
                stage.send(link, one, 0, 0);
            },
            is_told: true,
        },
        Unnamed {
            name: "half of a piece of which the other half was sent on a connection that is named",
            play: |stage, link, [one, _]| {
                let known = stage.meet(S2, M, one);
                stage.send(known, one, 0, 0);
                stage.send(link, one, 0, BLOCK);
            },
            is_told: true,
        },
        Unnamed {
            name: "bytes that differ from all that is known",
            play: |stage, link, [one, _]| {
                let known = stage.meet(S2, M, one);
                stage.piece(known, one, 0);
                stage.send_bad(link, one, 0, 0);
            },
            is_told: false,
        },
        Unnamed {
            name: "a good piece among bad blocks: every torrent has senders of those",
            play: |stage, link, [one, _]| {
                stage.piece(link, one, 0);
                stage.send_bad(link, one, 1, 0);
                stage.send_bad(link, one, 1, BLOCK);
            },
            is_told: true,
        },
        Unnamed {
            name: "a piece of one torrent, and one of another: of none, as each might be content that both have",
            play: |stage, link, [one, other]| {
                stage.piece(link, one, 0);
                stage.piece(link, other, 1);
            },
            is_told: false,
        },
        Unnamed {
            name: "a block that was asked for and has no place in it",
            play: |stage, link, [one, _]| {
                stage.piece(link, one, 0);
                stage.block(link, 90, 0, &[4; 700]);
            },
            is_told: false,
        },
        Unnamed {
            name: "messages that are content of something else",
            play: |stage, link, [one, _]| {
                stage.piece(link, one, 0);
                let side = stage.side(link).0;
                (side.answered, side.misframed) = (0, 2);
            },
            is_told: false,
        },
    ];
    for case in cases {
        let mut stage = Stage::new();
        let ids = [stage.v1(1), stage.v1(2)];
        let link = stage.meet_for(S1, M, [None; 2]);
        (case.play)(&mut stage, link, ids);
        let judged = stage.judge();
        let found = judged.records.iter().find(|record| record.key.uploader == S1).map(|record| record.key.torrent);
        let expected =
            if case.is_told { Some(TorrentKey::Given(ids[0])) } else { found.map(|_| TorrentKey::Unknown) };
        assert_eq!(found, expected, "{}", case.name);
        assert!(
            judged.records.iter().all(|record| record.key.uploader != S1 || record.counts.refuted == 0),
            "{}",
            case.name
        );
    }
}

#[test]
fn bytes_of_one_value_name_no_torrent() {
    let mut stage = Stage::new();
    let id = stage.files(&[("zeros", 0, false), ("b", SIZE, false)], 9);
    let zeros = stage.zeros(40_000);
    let link = stage.meet_for(S1, M, [None; 2]);
    stage.piece(link, zeros, 0);
    assert_eq!(torrent_of(&mut stage, S1), TorrentKey::Unknown);
    // With a handshake they are what they are.
    let named = stage.meet(S2, M, zeros);
    stage.piece(named, zeros, 0);
    assert_eq!(torrent_of(&mut stage, S2), TorrentKey::Given(zeros));
    assert_ne!(id, zeros);
}

#[test]
fn a_torrent_that_shares_its_beginning_with_another_is_told_by_what_the_other_cannot_have() {
    // The second one goes on with other bytes behind the first piece.
    let mut stage = Stage::new();
    let (one, other) = stage.alike(1, 2);
    assert_eq!(stage.good(one, 0, 0), stage.good(other, 0, 0));
    assert_ne!(stage.good(one, 1, 0), stage.good(other, 1, 0));
    let link = stage.meet_for(S1, M, [None; 2]);
    stage.piece(link, one, 0);
    assert_eq!(torrent_of(&mut stage, S1), TorrentKey::Unknown, "both have it");
    stage.piece(link, one, 1);
    assert_eq!(torrent_of(&mut stage, S1), TorrentKey::Given(one), "one has it alone");
}

#[test]
fn the_layers_of_a_v2_torrent_are_learnt_from_a_whole_file_and_from_nothing_less() {
    let judged_bytes = |missing: bool, bad: bool, again: bool| {
        let mut stage = Stage::new();
        let id = stage.v2_without_layers(1);
        let (link, other) = (stage.meet(S1, M, id), stage.meet(S2, M, id));
        for (piece, begin) in [(0, 0), (0, BLOCK), (1, 0), (1, BLOCK), (2, 0)] {
            if missing && (piece, begin) == (1, 0) {
                continue;
            }
            if bad && (piece, begin) == (0, 0) {
                stage.send_bad(link, id, piece, begin);
            } else {
                stage.send(link, id, piece, begin);
            }
        }
        if again {
            stage.send(other, id, 0, 0);
        }
        let judged = stage.judge();
        let of = |of| {
            let mut sums = (0, 0, 0);
            for (record, verified) in
                judged.records.iter().zip(judged.verified()).filter(|(it, _)| it.key.uploader == of)
            {
                sums = (sums.0 + verified, sums.1 + record.counts.refuted, sums.2 + record.counts.unproven);
            }
            sums
        };
        (of(S1), of(S2))
    };
    let all = SIZE as u64;
    assert_eq!(judged_bytes(false, false, false), ((all, 0, 0), (0, 0, 0)));
    assert_eq!(
        judged_bytes(true, false, false),
        ((0, 0, all - B), (0, 0, 0)),
        "a block is missing: nothing is known"
    );
    // One block is bad: the file proves nothing, and nobody is accused by a hash that is not known.
    assert_eq!(judged_bytes(false, true, false), ((0, 0, all), (0, 0, 0)));
    // Another sender has the right one: the file is put together of both, and tells whose was bad.
    assert_eq!(judged_bytes(false, true, true), ((all - B, B, 0), (B, 0, 0)));
}

#[test]
fn who_sent_all_of_a_failed_piece_on_two_connections_is_one_sender_where_that_is_beyond_doubt() {
    for (name, other, ids, expected) in [
        ("one address, port and peer_id", S1, [1, 1], (2 * B, 0)),
        ("two peer_ids", S1, [1, 2], (0, 2 * B)),
        ("two ports", end(1, 9_999), [1, 1], (0, 2 * B)),
        ("two addresses", S2, [1, 1], (0, 2 * B)),
    ] {
        let mut stage = Stage::new();
        let id = stage.v1(1);
        // To two ports of one receiver, who puts the piece together.
        let links = [stage.meet(S1, M, id), stage.meet(other, end(10, 50_002), id)];
        for (link, peer) in links.into_iter().zip(ids) {
            stage.side(link).0.handshake.iter_mut().for_each(|it| it.peer_id = Some([peer; 20]));
        }
        stage.send(links[0], id, 0, 0);
        stage.send_bad(links[1], id, 0, BLOCK);
        let judged = stage.judge();
        let sum = |of: fn(&Counts) -> u64| judged.records.iter().map(|record| of(&record.counts)).sum::<u64>();
        assert_eq!((sum(|it| it.refuted), sum(|it| it.disputed)), expected, "{name}");
    }
}
