//! Doubt: bytes in doubt may verify, and refute nobody, whatever else stands in the row.

use super::*;

#[test]
fn bytes_in_doubt_refute_nobody_in_a_row_either() {
    check(&[
        Case {
            name: "T27: a block behind framing that was found again is not held against its sender",
            play: |stage| {
                let link = bad_piece(stage);
                stage.blocks.iter_mut().for_each(|block| block.framing = Framing::Resynchronised);
                stage.side(link).0.resynchronised = true;
            },
            of: S1,
            grade: Grade::G6,
            actionable: false,
            figures: &[("unproven", 2 * B)],
            flags: &[Flag::Resynchronised],
        },
        Case {
            name: "T28: of two versions of which one hashes right that one counts",
            play: |stage| {
                let link = bad_piece(stage);
                let right = stage.good(crate::torrent::TorrentId(0), 0, BLOCK);
                stage.again(&right);
                stage.side(link).1.overlap_conflict = true;
            },
            of: S1,
            grade: Grade::G8,
            actionable: true,
            figures: &[("verified", 2 * B), ("sole", 2 * B)],
            flags: &[Flag::OverlapConflict],
        },
        Case {
            name: "T28: of two versions that are both wrong none is held against anybody",
            play: |stage| {
                let link = bad_piece(stage);
                stage.again(&[3; BLOCK as usize]);
                stage.side(link).1.overlap_conflict = true;
            },
            of: S1,
            grade: Grade::G6,
            actionable: false,
            figures: &[("unproven", 2 * B)],
            flags: &[Flag::OverlapConflict],
        },
        Case {
            name: "T52: bad bytes on a connection that was forged blind are nobody's",
            play: |stage| {
                let link = bad_piece(stage);
                stage.side(link).1.confirmed = Some(false);
                let (id, from) = (stage.wire(link).id, link.from);
                let scope = Scope::Direction(id, from);
                stage.doubts.push(Doubt { scope, reason: Reason::NotConfirmed, second: None });
            },
            of: S1,
            grade: Grade::G2,
            actionable: false,
            figures: &[("unproven", 2 * B)],
            flags: &[Flag::ReturnPathUnconfirmed],
        },
        Case {
            name: "T52: good bytes on such a connection meet no standard",
            play: |stage| {
                honest(stage);
                let link = stage.link(0, S1);
                stage.side(link).1.confirmed = Some(false);
            },
            of: S1,
            grade: Grade::G9,
            actionable: false,
            figures: &[("verified", ALL), ("sole", ALL)],
            flags: &[Flag::ReturnPathUnconfirmed],
        },
        Case {
            name: "T53: a segment with an impossible acknowledgement refutes nobody",
            play: |stage| {
                bad_piece(stage);
                stage.doubt(Reason::ImpossibleAck);
            },
            of: S1,
            grade: Grade::G6,
            actionable: false,
            figures: &[("unproven", 2 * B)],
            flags: &[],
        },
        Case {
            name: "T53: nor does one that its receiver, captured and going on, never acknowledged",
            play: |stage| {
                bad_piece(stage);
                stage.doubt(Reason::NeverAcknowledged);
            },
            of: S1,
            grade: Grade::G6,
            actionable: false,
            figures: &[("unproven", 2 * B)],
            flags: &[],
        },
        Case {
            name: "T64: one damaged frame makes nobody a sender of bad bytes",
            play: |stage| {
                bad_piece(stage);
                let frame = stage.blocks[1].span.first.frame.number();
                stage.store.damaged.insert(frame);
            },
            of: S1,
            grade: Grade::G6,
            actionable: false,
            figures: &[("unproven", 2 * B)],
            flags: &[Flag::BadChecksum],
        },
        Case {
            name: "where frames cannot be looked at, a damaged one acquits nobody, and a share in doubt refutes nobody",
            play: |stage| {
                bad_piece(stage);
                stage.store.is_away = true;
                for id in [0, 1] {
                    let scope = Scope::Share(crate::facts::BlockId(id));
                    stage.doubts.push(Doubt { scope, reason: Reason::NotTested, second: None });
                }
            },
            of: S1,
            grade: Grade::G6,
            actionable: false,
            figures: &[("unproven", 2 * B)],
            flags: &[],
        },
        Case {
            name: "T67: a connection whose torrent is told by its bytes alone refutes nobody",
            play: |stage| {
                let id = stage.v1(1);
                let link = stage.meet_for(S1, M, [None; 2]);
                stage.offer(link);
                stage.piece(link, id, 0);
                stage.send(link, id, 1, 0);
                stage.send_bad(link, id, 1, BLOCK);
            },
            of: S1,
            grade: Grade::G8,
            actionable: true,
            figures: &[("verified", 2 * B), ("sole", 2 * B), ("unproven", 2 * B)],
            flags: &[Flag::HandshakeNotCaptured],
        },
        Case {
            name: "T33: what matches no torrent that is given is of an unknown one",
            play: |stage| {
                stage.v1(1);
                let link = stage.meet_for(S1, M, [None; 2]);
                stage.offer(link);
                stage.block(link, 0, 0, &[7; 400]);
            },
            of: S1,
            grade: Grade::G6,
            actionable: false,
            figures: &[("unproven", 400)],
            flags: &[Flag::HandshakeNotCaptured],
        },
    ]);
}
