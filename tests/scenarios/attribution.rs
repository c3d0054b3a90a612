//! A connection whose opening was not captured, by what the captures hold of it and of others: a table of what its row
//! names, so that another way of telling its torrent can be held against this one.

use super::*;
use crate::synth::run::Run;

const M2: &str = "81.2.69.11:50001";

/// Traffic beside the connection in question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beside {
    /// Nothing.
    Nobody,
    /// Another peer serves all of it to another one, with handshakes, before.
    Before,
    /// Likewise, behind it.
    Behind,
    /// Another torrent is given that begins with the same pieces.
    Rival,
}

#[test]
fn without_a_handshake_a_torrent_is_named_by_whole_pieces_and_by_what_equals_verified_ones() {
    let torrent = two_block_pieces();
    let longer = Recipe::folder("longer", 2 * SMALL, 9)
        .file_of("two.bin", torrent.content.clone())
        .file("more.bin", 2 * SMALL as usize)
        .v1();
    // The blocks of it, by number; which of them is wrong; what else there is; whether the row names a torrent, and its blocks
    // that are verified, refuted and unproven.
    let table = [
        (&[0, 1][..], None, Beside::Nobody, Some((true, [2, 0, 0]))),
        (&[0, 1, 2][..], None, Beside::Nobody, Some((true, [2, 0, 1]))),
        (&[0, 2, 4][..], None, Beside::Nobody, Some((false, [0, 0, 3]))),
        (&[0, 1][..], Some(1), Beside::Nobody, Some((false, [0, 0, 2]))),
        (&[0, 1, 2, 3][..], Some(1), Beside::Nobody, Some((true, [2, 0, 2]))),
        (&[0, 2, 4][..], None, Beside::Before, Some((true, [3, 0, 0]))),
        (&[0, 2, 4][..], None, Beside::Behind, Some((true, [3, 0, 0]))),
        (&[0][..], None, Beside::Behind, Some((true, [1, 0, 0]))),
        (&[0, 1, 2, 3][..], Some(1), Beside::Before, Some((true, [3, 0, 1]))),
        (&[0, 1, 2, 3][..], Some(1), Beside::Behind, Some((true, [3, 0, 1]))),
        (&[0, 1, 2, 3][..], None, Beside::Rival, Some((false, [0, 0, 4]))),
        (&[0][..], None, Beside::Nobody, Some((false, [0, 0, 1]))),
    ];
    let found =
        table.map(|(blocks, bad, beside, _)| (blocks, bad, beside, row(&torrent, &longer, blocks, bad, beside)));
    assert_eq!(found, table);
}

/// The torrent that the row of M and S names, and its bytes that are verified, refuted and unproven.
fn row(
    torrent: &Torrent,
    longer: &Torrent,
    blocks: &[u32],
    bad: Option<usize>,
    beside: Beside,
) -> Option<(bool, [u64; 3])> {
    let mut world = World::new();
    let seed = |world: &mut World| {
        let conn = join(world, torrent, M2, S2);
        for block in 0..8 {
            world.send(conn, Side::A, &wire::request(block / 2, block % 2 * SMALL, SMALL));
            world.piece(conn, Side::B, torrent, block / 2, block % 2 * SMALL, SMALL);
        }
    };
    if beside == Beside::Before {
        seed(&mut world);
    }
    let conn = join(&mut world, torrent, M, S);
    let opening = world.packets.len();
    for (number, block) in blocks.iter().enumerate() {
        let (piece, begin) = (block / 2, block % 2 * SMALL);
        world.send(conn, Side::A, &wire::request(piece, begin, SMALL));
        match bad == Some(number) {
            true => world.bad_piece(conn, Side::B, torrent, piece, begin, SMALL),
            false => world.piece(conn, Side::B, torrent, piece, begin, SMALL),
        }
    }
    let mut number = 0;
    world.packets.retain(|packet| {
        number += 1;
        number > opening || packet.conn != conn
    });
    if beside == Beside::Behind {
        seed(&mut world);
    }
    let run = Run::new().capture(world.pcap()).torrent(torrent);
    let run = if beside == Beside::Rival { run.torrent(longer) } else { run };
    let evidence = run.evidence();
    let mut rows = evidence.transfers.iter();
    let row = rows.find(|row| row.uploader.to_string() == S && row.downloader.to_string() == M)?;
    let blocks = [row.bytes.verified, row.bytes.refuted, row.bytes.unproven].map(|bytes| bytes / u64::from(SMALL));
    Some((row.info_hash.is_some(), blocks))
}
