//! Claims and bytes: who is no sender, and what the hash of a unit says of whoever sent it.

use super::*;

#[test]
fn who_claims_is_no_sender() {
    check(&[
        Case {
            name: "T10: who downloads everything and sends nothing served nothing",
            play: honest,
            of: M,
            grade: Grade::G3,
            actionable: false,
            figures: &[],
            flags: &[],
        },
        Case {
            name: "T09: who has everything, unchokes and rejects every request offered, and no more",
            play: |stage| {
                let id = stage.v1(1);
                let link = offered(stage, S1, M, id);
                stage.side(link).0.rejected = 5;
            },
            of: S1,
            grade: Grade::G5,
            actionable: false,
            figures: &[],
            flags: &[],
        },
        Case {
            name: "a claim without an agreement to send is a claim",
            play: |stage| {
                let id = stage.v1(1);
                let link = offered(stage, S1, M, id);
                stage.side(link).0.offered = None;
            },
            of: S1,
            grade: Grade::G4,
            actionable: false,
            figures: &[],
            flags: &[],
        },
        Case {
            name: "an agreement to send without a claim is none: allowed_fast does not mean having",
            play: |stage| {
                let id = stage.v1(1);
                let link = offered(stage, S1, M, id);
                stage.side(link).0.claims = Default::default();
            },
            of: S1,
            grade: Grade::G3,
            actionable: false,
            figures: &[],
            flags: &[],
        },
        Case {
            name: "T05: who shakes hands and leaves is in the swarm",
            play: |stage| {
                let id = stage.v1(1);
                stage.meet(S1, M, id);
            },
            of: S1,
            grade: Grade::G3,
            actionable: false,
            figures: &[],
            flags: &[],
        },
        Case {
            name: "T12: where the handshakes name different torrents there is no G3, whatever is claimed",
            play: |stage| {
                let id = stage.v1(1);
                let hash = stage.hash(id);
                let link = stage.meet_for(S1, M, [Some(hash), Some([9; 20])]);
                stage.offer(link);
            },
            of: S1,
            grade: Grade::G2,
            actionable: false,
            figures: &[],
            flags: &[Flag::InfoHashMismatch],
        },
        Case {
            name: "T12: nobody is refuted where the handshakes name different torrents",
            play: |stage| {
                let id = stage.v1(1);
                let hash = stage.hash(id);
                let link = stage.meet_for(S1, M, [Some(hash), Some([9; 20])]);
                stage.offer(link);
                stage.send(link, id, 0, 0);
                stage.send_bad(link, id, 0, BLOCK);
            },
            of: S1,
            grade: Grade::G2,
            actionable: false,
            figures: &[("unproven", 2 * B)],
            flags: &[Flag::InfoHashMismatch],
        },
        Case {
            name: "T12: bytes that hash right stand by themselves there, and meet no standard, as claims count for nothing",
            play: |stage| {
                let id = stage.v1(1);
                let hash = stage.hash(id);
                let link = stage.meet_for(S1, M, [Some(hash), Some([9; 20])]);
                stage.offer(link);
                stage.piece(link, id, 0);
            },
            of: S1,
            grade: Grade::G8,
            actionable: false,
            figures: &[("verified", 2 * B), ("sole", 2 * B)],
            flags: &[Flag::InfoHashMismatch],
        },
    ]);
}

#[test]
fn bytes_are_what_their_hash_says() {
    check(&[
        Case {
            name: "who sent every byte of a file when asked, having said that it has it, meets the standard",
            play: honest,
            of: S1,
            grade: Grade::G9,
            actionable: true,
            figures: &[("verified", ALL), ("sole", ALL)],
            flags: &[],
        },
        Case {
            name: "half of a piece proves nothing of v1",
            play: |stage| {
                let id = stage.v1(1);
                let link = offered(stage, S1, M, id);
                stage.send(link, id, 0, 0);
            },
            of: S1,
            grade: Grade::G6,
            actionable: false,
            figures: &[("unproven", B)],
            flags: &[],
        },
        Case {
            name: "T13: all blocks of a piece from one sender, and its hash fails",
            play: |stage| _ = bad_piece(stage),
            of: S1,
            grade: Grade::G6,
            actionable: false,
            figures: &[("refuted", 2 * B)],
            flags: &[],
        },
        Case {
            name: "T14: whose block was good is not accused where a later copy passes",
            play: |stage| two_then_a_whole_copy(stage, true),
            of: S1,
            grade: Grade::G7,
            actionable: false,
            figures: &[("verified", B)],
            flags: &[],
        },
        Case {
            name: "T14: whose block differs from the later copy is refuted for that block",
            play: |stage| two_then_a_whole_copy(stage, true),
            of: S2,
            grade: Grade::G6,
            actionable: false,
            figures: &[("refuted", B)],
            flags: &[],
        },
        Case {
            name: "T14: who sent the copy that passes sent it alone",
            play: |stage| two_then_a_whole_copy(stage, true),
            of: S3,
            grade: Grade::G8,
            actionable: true,
            figures: &[("verified", 2 * B), ("sole", 2 * B)],
            flags: &[],
        },
        Case {
            name: "T15: a mixed piece that fails and is not fetched again accuses nobody, not the good",
            play: |stage| two_then_a_whole_copy(stage, false),
            of: S1,
            grade: Grade::G6,
            actionable: false,
            figures: &[("disputed", B)],
            flags: &[],
        },
        Case {
            name: "T15: nor the bad",
            play: |stage| two_then_a_whole_copy(stage, false),
            of: S2,
            grade: Grade::G6,
            actionable: false,
            figures: &[("disputed", B)],
            flags: &[],
        },
        Case {
            name: "T16: of v2, a good leaf and a bad one are told apart",
            play: |stage| {
                let id = stage.v2(1);
                let link = offered(stage, S1, M, id);
                stage.teach(link, id, 0);
                stage.send(link, id, 0, 0);
                stage.send_bad(link, id, 0, BLOCK);
            },
            of: S1,
            grade: Grade::G8,
            actionable: true,
            figures: &[("verified", B), ("sole", B), ("refuted", B)],
            flags: &[],
        },
        Case {
            name: "one leaf of v2 reaches G8 by itself",
            play: |stage| {
                let id = stage.v2(1);
                let link = offered(stage, S1, M, id);
                stage.teach(link, id, 1);
                stage.send(link, id, 1, BLOCK);
            },
            of: S1,
            grade: Grade::G8,
            actionable: true,
            figures: &[("verified", B), ("sole", B)],
            flags: &[],
        },
        Case {
            name: "T17: of a torrent of which only the info-hash is known nothing is verified",
            play: |stage| {
                let id = stage.v1(1);
                let link = stage.meet_for(S1, M, [Some([5; 20]); 2]);
                stage.offer(link);
                stage.piece(link, id, 0);
            },
            of: S1,
            grade: Grade::G6,
            actionable: false,
            figures: &[("unproven", 2 * B)],
            flags: &[],
        },
        Case {
            name: "T21: what comes after a cancel counts as sent, and was not asked for",
            play: |stage| {
                let id = stage.v1(1);
                let link = offered(stage, S1, M, id);
                for begin in [0, BLOCK] {
                    let span = stage.span();
                    stage.send(link, id, 0, begin).answers = Answer::Cancelled { span };
                }
            },
            of: S1,
            grade: Grade::G8,
            actionable: false,
            figures: &[("verified", 2 * B), ("sole", 2 * B)],
            flags: &[],
        },
        Case {
            name: "what one transfer sends twice it serves once",
            play: |stage| {
                let id = stage.v1(1);
                let link = offered(stage, S1, M, id);
                stage.piece(link, id, 0);
                stage.piece(link, id, 0);
            },
            of: S1,
            grade: Grade::G8,
            actionable: true,
            figures: &[("repeated", 2 * B), ("verified", 2 * B), ("sole", 2 * B)],
            flags: &[],
        },
        Case {
            name: "T26: of a block with a gap the rest is served, and the gap is lost",
            play: |stage| {
                let id = stage.v1(1);
                let link = offered(stage, S1, M, id);
                stage.send(link, id, 0, 0).runs[0].len = 1_000;
            },
            of: S1,
            grade: Grade::G6,
            actionable: false,
            figures: &[("lost", B - 1_000), ("unproven", 1_000)],
            flags: &[Flag::GapInRange],
        },
        Case {
            name: "T31: of a block of which nothing was captured all is lost",
            play: |stage| {
                let id = stage.v1(1);
                let link = offered(stage, S1, M, id);
                stage.send(link, id, 0, 0).runs.clear();
                let (side, stream) = stage.side(link);
                (side.piece_messages, side.partial_messages, side.first_piece) = (0, 1, None);
                stream.snaplen = true;
            },
            of: S1,
            grade: Grade::G5,
            actionable: false,
            figures: &[("lost", B)],
            flags: &[Flag::GapInRange, Flag::TruncatedSnaplen],
        },
        Case {
            name: "a block that the torrent has no place for proves nothing",
            play: |stage| {
                let id = stage.v1(1);
                let link = offered(stage, S1, M, id);
                stage.block(link, 700, 0, &[1; 500]);
            },
            of: S1,
            grade: Grade::G6,
            actionable: false,
            figures: &[("unproven", 500)],
            flags: &[],
        },
    ]);
}
