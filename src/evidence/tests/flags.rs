//! Flags: each is set by one fact, is told with the row, and raises no grade.

use super::*;
use crate::ends::FrameId;
use crate::evidence::{Initiator, PortBasis};
use crate::session::Encryption;

/// Sets one fact of the connection of a link.
type Change = fn(&mut Stage, Link);

const PRIVATE: Endpoint =
    Endpoint { ip: std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 168, 1, 4)), port: 6_881 };

#[test]
fn each_flag_is_set_by_its_own_fact_and_raises_no_grade() {
    let cases: [(Flag, Change); 13] = [
        (Flag::OneSided, |stage, link| stage.side(Stage::other(link)).1.packets = 0),
        (Flag::OneSided, |stage, link| {
            let other = Stage::other(link);
            stage.side(other).0.handshake = None;
            stage.side(other).1.gaps = 1;
        }),
        (Flag::ReturnPathUnconfirmed, |stage, link| stage.side(link).1.confirmed = Some(false)),
        (Flag::Unsolicited, |stage, link| stage.side(link).0.unsolicited = 1),
        (Flag::GapInRange, |stage, link| stage.side(link).1.gaps = 1),
        (Flag::OverlapConflict, |stage, link| stage.side(link).1.overlap_conflict = true),
        (Flag::BadChecksum, |stage, link| stage.side(link).1.bad_checksum = true),
        (Flag::TruncatedSnaplen, |stage, link| stage.side(link).1.snaplen = true),
        (Flag::DuplicateFrames, |stage, link| stage.wire(link).duplicate_frames = true),
        (Flag::DecryptedWithSecret, |stage, link| stage.wire(link).decrypted = true),
        (Flag::Resynchronised, |stage, link| stage.side(link).0.resynchronised = true),
        (Flag::HandshakeNotCaptured, |stage, link| {
            let other = Stage::other(link);
            [link, other].into_iter().for_each(|link| stage.side(link).0.handshake = None);
            stage.wire(link).from_start = false;
        }),
        (Flag::InfoHashMismatch, |stage, link| {
            let side = stage.side(Stage::other(link)).0;
            side.handshake.iter_mut().for_each(|handshake| handshake.info_hash = [9; 20]);
        }),
    ];
    for (flag, change) in cases {
        let mut stage = Stage::new();
        let id = stage.v1(1);
        let link = offered(&mut stage, S1, M, id);
        stage.piece(link, id, 0);
        let plain = evidence(&mut stage);
        assert_eq!(subject(&plain, S1).flags.len(), 0, "none without the fact");
        change(&mut stage, link);
        let found = evidence(&mut stage);
        let row = transfer(&found, S1, M);
        assert_eq!(row.flags.iter().copied().collect::<Vec<_>>(), [flag], "{flag:?}");
        assert_eq!(subject(&found, S1).flags, row.flags, "{flag:?}");
        assert_eq!(row.grade, Grade::G8, "{flag:?}: what hashes right stands by itself");
    }
}

#[test]
fn an_address_that_is_not_public_is_said_to_be_private() {
    // T45.
    let mut stage = Stage::new();
    let id = stage.v1(1);
    let link = offered(&mut stage, PRIVATE, M, id);
    stage.piece(link, id, 0);
    let found = evidence(&mut stage);
    assert_eq!(subject(&found, PRIVATE).flags.iter().copied().collect::<Vec<_>>(), [Flag::PrivateAddress]);
    assert!(subject(&found, M).flags.is_empty(), "the other end is public");
}

#[test]
fn a_clock_that_stepped_is_told_where_it_stepped_while_somebody_was_active() {
    // T46.
    let mut stage = Stage::new();
    let id = stage.v1(1);
    let link = offered(&mut stage, S1, M, id);
    stage.piece(link, id, 0);
    let span = stage.wire(link).span;
    let (first, last) = (span.first.frame.number(), span.last.frame.number());
    // At its first frame it was not active before; another input's clock is another's.
    for (frame, told) in [
        (FrameId::new(0, first), false),
        (FrameId::new(0, first + 1), true),
        (FrameId::new(0, last), true),
        (FrameId::new(0, last + 1), false),
        (FrameId::new(1, first + 1), false),
    ] {
        let found = evidence_with(&mut stage, Findings { clock_steps: vec![frame], ..findings() });
        assert_eq!(transfer(&found, S1, M).flags.contains(&Flag::ClockStep), told, "{frame:?}");
    }
}

#[test]
fn a_unit_that_was_sent_back_is_told_and_gives_no_clean_standard() {
    // T24: M uploads a piece to S, then asks S for it.
    let mut stage = Stage::new();
    let id = stage.v1(1);
    let (there, back) = (offered(&mut stage, M, S1, id), offered(&mut stage, S1, M, id));
    stage.piece(there, id, 0);
    stage.piece(back, id, 0);
    let found = evidence(&mut stage);
    assert!(transfer(&found, S1, M).flags.contains(&Flag::Boomerang));
    assert!(!transfer(&found, M, S1).flags.contains(&Flag::Boomerang), "who had it first");
    // Another unit, that S had by itself, is the one that is shown.
    stage.piece(back, id, 1);
    let found = evidence(&mut stage);
    assert_eq!(transfer(&found, S1, M).standard.map(|standard| standard.piece), Some(1));
    assert_eq!(transfer(&found, M, S1).standard.map(|standard| standard.piece), Some(0));
}

#[test]
fn who_opened_the_connections_is_said_as_far_as_it_was_captured() {
    for (openers, expected) in [
        (&[None][..], None),
        (&[Some(true)], Some(Initiator::Uploader)),
        (&[Some(false)], Some(Initiator::Downloader)),
        (&[Some(false), None], Some(Initiator::Downloader)),
        (&[Some(true), Some(false)], Some(Initiator::Both)),
    ] {
        let mut stage = Stage::new();
        let id = stage.v1(1);
        for opener in openers {
            let link = offered(&mut stage, S1, M, id);
            stage.wire(link).initiator = opener.map(|own| if own { link.from } else { link.from.reverse() });
            stage.send(link, id, 0, 0);
        }
        let found = evidence(&mut stage);
        let row = transfer(&found, S1, M);
        assert_eq!((row.initiator, row.connections), (expected, openers.len() as u32), "{openers:?}");
    }
}

#[test]
fn of_several_connections_the_least_protection_is_told() {
    use Encryption::{MsePlaintext, MseRc4, None};
    for (each, expected) in [
        (&[None][..], None),
        (&[MseRc4], MseRc4),
        (&[MseRc4, MsePlaintext], MsePlaintext),
        (&[MsePlaintext, None, MseRc4], None),
    ] {
        let mut stage = Stage::new();
        let id = stage.v1(1);
        for encryption in each {
            let link = offered(&mut stage, S1, M, id);
            stage.wire(link).encryption = *encryption;
            stage.send(link, id, 0, 0);
        }
        assert_eq!(transfer(&evidence(&mut stage), S1, M).encryption, expected, "{each:?}");
    }
}

#[test]
fn claims_are_a_union_and_no_more_than_the_torrent_has() {
    // T11: a bitfield, then haves.
    let mut stage = Stage::new();
    let id = stage.v1(1);
    let link = stage.meet(S1, M, id);
    let (said, have) = (stage.span(), stage.span());
    let mut bits = crate::session::PieceSet::default();
    assert!(bits.insert(0));
    let side = stage.side(link).0;
    side.claims.bitfields = vec![(bits, said)];
    side.claims.haves = vec![(0, have.first), (2, have.first)];
    side.claims.first = Some(said);
    let found = evidence(&mut stage);
    let row = subject(&found, S1);
    assert_eq!((row.pieces_advertised, row.grade), (2, Grade::G4));
    assert_eq!(row.rungs.last().map(|rung| rung.frames), Some(said.into()), "at the first claim");
    // A piece that the torrent does not have is none.
    stage.side(link).0.claims.haves.push((900, have.first));
    assert_eq!(subject(&evidence(&mut stage), S1).pieces_advertised, 2);
    // have_all is all of them.
    stage.side(link).0.claims.all = Some(have);
    assert_eq!(subject(&evidence(&mut stage), S1).pieces_advertised, 3);
    // On another connection another claim.
    stage.side(link).0.claims.all = None;
    let second = stage.meet(S1, S2, id);
    let have = stage.span();
    stage.side(second).0.claims.haves = vec![(1, have.first), (2, have.first)];
    stage.side(second).0.claims.first = Some(have);
    let found = evidence(&mut stage);
    assert_eq!(subject(&found, S1).pieces_advertised, 3, "a union");
    assert_eq!(transfer(&found, S1, S2).pieces_advertised, 2);
}

#[test]
fn a_declared_port_names_the_row_and_says_so() {
    let mut stage = Stage::new();
    let id = stage.v1(1);
    let from = end(1, 50_000);
    let link = offered(&mut stage, from, M, id);
    stage.wire(link).initiator = Some(link.from);
    stage.side(link).0.listen_port = Some(6_881);
    stage.piece(link, id, 0);
    let found = evidence(&mut stage);
    let row = subject(&found, S1);
    assert_eq!((row.port_basis, row.listen_port), (PortBasis::Declared, Some(6_881)));
    assert_eq!(row.sent_from.iter().copied().collect::<Vec<_>>(), [50_000]);
    assert!(!row.flags.contains(&Flag::DeclaredPort), "one connection, one client");
    // Another connection of another peer_id of the same make that declares the same port.
    let second = offered(&mut stage, end(1, 50_007), M, id);
    stage.wire(second).initiator = Some(second.from);
    let side = stage.side(second).0;
    side.listen_port = Some(6_881);
    side.handshake.iter_mut().for_each(|handshake| handshake.peer_id = Some(peer_id(S2)));
    stage.piece(second, id, 1);
    let found = evidence(&mut stage);
    let row = subject(&found, S1);
    assert!(row.flags.contains(&Flag::DeclaredPort));
    assert_eq!(row.bytes.served, 4 * B);
    // T61: what is not surely one client's makes no whole file together.
    stage.piece(second, id, 2);
    assert_eq!(subject(&evidence(&mut stage), S1).grade, Grade::G8);
}

#[test]
fn flags_stand_in_the_order_of_their_words() {
    assert!(Flag::ALL.is_sorted_by_key(|flag| flag.name()) && Flag::ALL.is_sorted());
}
