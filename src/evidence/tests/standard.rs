//! The standard of proof: "have a piece of data, advertise that as available, and then send at least a valid piece of data
//! when asked to", each with its frames, by one subject alone, to one receiver.

use super::*;
use crate::evidence::Standard;

/// The standard as S1 meets it.
fn standard(stage: &mut Stage) -> Option<Standard> {
    let found = evidence(stage);
    let row = subject(&found, S1);
    assert_eq!(row.actionable, row.standard.is_some() && row.grade >= Grade::G8);
    row.standard
}

/// A piece on a connection on which all is offered; one of its blocks is changed.
fn served(block: usize, change: fn(&mut crate::facts::Block)) -> Stage {
    let mut stage = Stage::new();
    let id = stage.v1(1);
    let link = offered(&mut stage, S1, M, id);
    stage.piece(link, id, 0);
    change(&mut stage.blocks[block]);
    stage
}

#[test]
fn each_of_the_three_is_needed_for_all_bytes_of_the_unit() {
    let met = standard(&mut served(0, |_| {})).expect("all three");
    assert_eq!((met.piece, met.leaf), (0, None));
    assert!(met.advertised.last <= met.requested.first && met.requested.first < met.served.last);
    assert!(met.sha1.is_some() && met.sha256.is_none(), "the hash that it matches");
    for block in 0..2 {
        let not_asked = standard(&mut served(block, |it| it.answers = Answer::Unasked));
        assert!(not_asked.is_none(), "T20: block {block} was not requested");
        let not_claimed = standard(&mut served(block, |it| it.advertised = None));
        assert!(not_claimed.is_none(), "block {block} was not advertised before");
        let cancelled = standard(&mut served(block, |it| it.answers = Answer::Cancelled { span: it.span }));
        assert!(cancelled.is_none(), "the request of block {block} was cancelled");
    }
}

#[test]
fn half_of_a_unit_meets_nothing_and_who_sent_the_other_half_does_not_either() {
    let mut stage = Stage::new();
    let id = stage.v1(1);
    let (one, other) = (offered(&mut stage, S1, M, id), offered(&mut stage, S2, M, id));
    stage.send(one, id, 0, 0);
    stage.send(other, id, 0, BLOCK);
    let found = evidence(&mut stage);
    for of in [S1, S2] {
        let row = subject(&found, of);
        assert_eq!((row.grade, row.actionable, row.bytes.verified, row.bytes.sole), (Grade::G7, false, B, 0));
        assert!(row.next_rung.as_deref().is_some_and(|why| why.starts_with("G8 not reached")));
    }
}

#[test]
fn the_standard_is_met_inside_one_transfer() {
    // T68: advertised to one peer, served to another.
    let mut stage = Stage::new();
    let id = stage.v1(1);
    offered(&mut stage, S1, S3, id);
    let link = stage.meet(S1, M, id);
    stage.piece(link, id, 0);
    assert!(standard(&mut stage).is_none());
    // Two halves to two receivers are no unit to anybody.
    let mut stage = Stage::new();
    let id = stage.v1(1);
    let (one, other) = (offered(&mut stage, S1, M, id), offered(&mut stage, S1, S3, id));
    stage.send(one, id, 0, 0);
    stage.send(other, id, 0, BLOCK);
    let found = evidence(&mut stage);
    assert_eq!((subject(&found, S1).grade, subject(&found, S1).actionable), (Grade::G7, false));
}

#[test]
fn two_connections_of_one_client_to_one_receiver_make_a_unit_together_and_those_of_two_clients_do_not() {
    for (other, sole) in [(S1, 2 * B), (S2, 0)] {
        let mut stage = Stage::new();
        let id = stage.v1(1);
        // Each from another port of the receiver: two transfers of one subject.
        let (one, two) = (offered(&mut stage, S1, M, id), offered(&mut stage, S1, end(10, 50_002), id));
        let name = peer_id(other);
        stage.side(two).0.handshake.iter_mut().for_each(|handshake| handshake.peer_id = Some(name));
        stage.send(one, id, 0, 0);
        stage.send(two, id, 0, BLOCK);
        let found = evidence(&mut stage);
        assert_eq!(subject(&found, S1).bytes.sole, sole, "{other}");
    }
}

#[test]
fn a_unit_of_which_nobody_else_sent_anything_is_shown_before_one_that_is_contested() {
    let mut stage = Stage::new();
    let id = stage.v1(1);
    let (link, bad) = (offered(&mut stage, S1, M, id), offered(&mut stage, S2, M, id));
    stage.piece(link, id, 0);
    stage.piece(link, id, 1);
    assert_eq!(standard(&mut stage).map(|met| met.piece), Some(0), "the one that was complete first");
    stage.send_bad(bad, id, 0, 0);
    assert_eq!(standard(&mut stage).map(|met| met.piece), Some(1), "of the first one bytes that differ were sent");
    // What somebody else sent the same receiver, too, stands behind what nobody else did.
    let mut stage = Stage::new();
    let id = stage.v1(1);
    let (link, other) = (offered(&mut stage, S1, M, id), offered(&mut stage, S2, M, id));
    stage.piece(link, id, 0);
    stage.piece(other, id, 0);
    // Where there is no other one it counts.
    assert_eq!(standard(&mut stage).map(|met| met.piece), Some(0));
    stage.piece(link, id, 1);
    assert_eq!(standard(&mut stage).map(|met| met.piece), Some(1));
}

#[test]
fn a_leaf_meets_the_standard_with_its_own_hash() {
    let mut stage = Stage::new();
    let id = stage.v2(1);
    let link = offered(&mut stage, S1, M, id);
    stage.teach(link, id, 0);
    stage.send(link, id, 0, BLOCK);
    let met = standard(&mut stage).expect("a leaf");
    let leaf = crate::prove::sha256(&[&stage.good(id, 0, BLOCK)]);
    assert_eq!((met.piece, met.leaf, met.sha256.map(|hash| hash.0)), (0, Some(1), Some(leaf)));
    assert!(met.sha1.is_none());
    // Where only the tree above it is known the piece is verified whole, and each leaf of it is a unit.
    let mut stage = Stage::new();
    let id = stage.v2(1);
    let (one, other) = (offered(&mut stage, S1, M, id), offered(&mut stage, S2, M, id));
    stage.send(one, id, 0, 0);
    stage.send(other, id, 0, BLOCK);
    let found = evidence(&mut stage);
    for (of, leaf) in [(S1, 0), (S2, 1)] {
        let row = subject(&found, of);
        assert_eq!((row.grade, row.bytes.sole), (Grade::G8, B));
        assert_eq!(row.standard.map(|met| (met.leaf, met.sha256)), Some((Some(leaf), None)));
    }
}

#[test]
fn a_whole_file_is_one_clients_in_one_version() {
    // G9 needs every byte, from one client.
    for (missing, grade) in [(None, Grade::G9), (Some(0), Grade::G8), (Some(2), Grade::G8)] {
        let mut stage = Stage::new();
        let id = stage.v1(1);
        let link = offered(&mut stage, S1, M, id);
        let rest = offered(&mut stage, S2, M, id);
        for piece in 0..3 {
            stage.piece(if missing == Some(piece) { rest } else { link }, id, piece);
        }
        let found = evidence(&mut stage);
        let row = subject(&found, S1);
        assert_eq!(row.grade, grade, "{missing:?}");
        let file = row.rungs.iter().find_map(|rung| rung.file.as_deref());
        assert_eq!(file, (grade == Grade::G9).then_some("1.bin"));
        assert_eq!(row.files[0].complete, grade == Grade::G9);
        assert_eq!(row.next_rung.is_none(), grade == Grade::G9);
    }
    // To several receivers it is whole, too: who received it is not asked.
    let mut stage = Stage::new();
    let id = stage.v1(1);
    let (one, other) = (offered(&mut stage, S1, M, id), offered(&mut stage, S1, S3, id));
    stage.piece(one, id, 0);
    stage.piece(one, id, 1);
    stage.piece(other, id, 2);
    let found = evidence(&mut stage);
    assert_eq!(subject(&found, S1).grade, Grade::G9);
    assert_eq!([M, S3].map(|to| transfer(&found, S1, to).grade), [Grade::G8, Grade::G8]);
}

#[test]
fn every_complete_file_is_named_small_or_large() {
    // T63.
    let mut stage = Stage::new();
    let id = stage.files(&[("small", 300, false), ("large", 60_000, false), ("tail", 5_000, false)], 4);
    let link = offered(&mut stage, S1, M, id);
    stage.piece(link, id, 0);
    let found = evidence(&mut stage);
    let row = subject(&found, S1);
    let files: Vec<(&str, u64, bool)> =
        row.files.iter().map(|file| (&*file.path, file.verified_bytes, file.complete)).collect();
    assert_eq!(files, [("small", 300, true), ("large", 32_468, false)]);
    assert_eq!(row.grade, Grade::G9);
}

#[test]
fn what_the_torrent_has_of_a_unit_is_told_by_state() {
    use crate::evidence::PieceState::{Part, Unseen, Verified};
    let mut stage = Stage::new();
    let id = stage.v2(1);
    let link = offered(&mut stage, S1, M, id);
    stage.teach(link, id, 1);
    stage.piece(link, id, 0);
    stage.send(link, id, 1, 0);
    let found = evidence(&mut stage);
    let units: Vec<_> = found.torrents[0].units.iter().map(|run| (run.first, run.last, run.state)).collect();
    assert_eq!(units, [(0, 0, Verified), (1, 1, Part), (2, 2, Unseen)]);
    assert_eq!(found.torrents[0].unique, 3 * B);
    let map = found.torrents[0].map.as_ref().expect("bytes");
    assert_eq!(map.anyone.iter().sum::<u64>(), 3 * B);
    assert_eq!(map.by[0].verified, map.anyone, "all of it from one");
}
