//! The dialects from the command line: what is written, what is refused, and with which words.

use std::path::Path;

use assert_cmd::Command;
use tempfile::TempDir;

use super::*;

/// Exit code, standard output, standard error.
fn run(folder: &TempDir, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_peerproof"));
    let output = command.current_dir(folder.path()).args(arguments).output().expect("the program starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    let said = text(output.stderr);
    assert!(!said.contains("panicked"), "{arguments:?}: {said}");
    (output.status.code().expect("no signal"), text(output.stdout), said)
}

/// The error of a run that cannot go on.
fn refused(folder: &TempDir, arguments: &[&str]) -> String {
    let (code, out, said) = run(folder, arguments);
    assert_eq!((code, out.as_str()), (2, ""), "{arguments:?}: {said}");
    assert!(said.starts_with("error: ") && said.lines().count() == 1, "{arguments:?}: {said}");
    said
}

fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().expect("a directory");
    files.iter().for_each(|(name, bytes)| std::fs::write(folder.path().join(name), bytes).expect("written"));
    folder
}

/// A v2 torrent whose info dictionary goes over, with as many of its three pieces as said.
fn magnetic(pieces: u32) -> (Torrent, World) {
    let torrent = Recipe::single("m.bin", 2 * SMALL, 6 * SMALL as usize - 99, 71).v2();
    let mut world = World::new();
    let conn = join(&mut world, &torrent, M, S);
    world.send(conn, Side::A, &wire::extended_hello(&[("ut_metadata", 2)], ""));
    world.send(conn, Side::B, &wire::metadata(2, 0, &torrent.info));
    (0..pieces).for_each(|piece| world.fetch(conn, Side::B, &torrent, piece));
    (torrent, world)
}

#[test]
fn a_torrent_rebuilt_with_its_data_has_its_piece_layers_and_one_without_says_so() {
    for (pieces, whole) in [(3, true), (2, false)] {
        let (torrent, world) = magnetic(pieces);
        let place = folder(&[("c.pcap", &world.pcap())]);
        let (code, out, said) = run(&place, &["torrent", "--from", "c.pcap", "-o", "found"]);
        assert_eq!(code, 0, "{said}");
        assert_eq!(out.contains("piece layers  not known for 1 file, the first is m.bin"), !whole, "{out}");
        let hash: String = torrent.info_hash_v2.expect("v2").iter().map(|byte| format!("{byte:02x}")).collect();
        let written = Path::new("found").join(format!("{hash}.torrent"));
        let bytes = std::fs::read(place.path().join(&written)).expect("it was written");
        assert_eq!(bytes == torrent.metainfo, whole);
        let written = written.to_str().expect("text");
        let (code, out, said) = run(&place, &["torrent", written]);
        assert_eq!((code, out.contains("piece layers  not known")), (0, !whole), "{said}{out}");
        let (code, out, said) = run(&place, &["analyze", "c.pcap", "-t", written]);
        assert_eq!(code, 0, "{said}");
        let out = out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(out.contains("the piece layers of the torrent (BEP 52) are not known"), !whole, "{out}");
    }
}

#[test]
fn a_hybrid_asked_for_under_both_of_its_hashes_is_written_once_and_parts_are_named() {
    let torrent = Recipe::single("h.bin", SMALL, 1_000 * SMALL as usize, 72).hybrid();
    let v2: [u8; 20] = torrent.info_hash_v2.expect("hybrid")[..20].try_into().expect("20 bytes");
    let pieces = torrent.info.len().div_ceil(16_384) as u32;
    assert!(pieces > 1);
    let mut world = World::new();
    for (from, hash, last) in [(S, torrent.info_hash, pieces), (S2, v2, pieces), (S3, v2, 1)] {
        let conn = world.meet(address(M), address(from), hash, [id(1), id(2)]);
        world.send(conn, Side::A, &wire::extended_hello(&[("ut_metadata", 2)], ""));
        (0..last).for_each(|piece| world.send(conn, Side::B, &wire::metadata(2, piece, &torrent.info)));
    }
    let place = folder(&[("c.pcap", &world.pcap())]);
    let (code, out, said) = run(&place, &["torrent", "--from", "c.pcap", "-o", "found"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!((out.matches("written to").count(), out.matches("the same torrent").count()), (1, 1), "{out}");
    for line in [
        format!("sent by       {S},"),
        format!("sent by       {S2},"),
        format!("in part by    {S3}, 1 of {pieces}"),
    ] {
        assert!(out.contains(&line), "{line}\n{out}");
    }
}

#[test]
fn a_torrent_whose_layers_or_halves_are_wrong_is_refused_by_name_and_place() {
    let (torrent, world) = magnetic(1);
    let mut wrong = torrent.metainfo.clone();
    let at = wrong.len() - 10;
    wrong[at] ^= 1;
    let hybrid = Recipe::single("h.bin", SMALL, 3 * SMALL as usize, 55).hybrid();
    let size = b"6:lengthi49152e12:meta";
    let at = hybrid.metainfo.windows(size.len()).position(|window| window == size).expect("it is there");
    let mut halves = hybrid.metainfo.clone();
    halves[at + 9] = b'8';
    let place = folder(&[("c.pcap", &world.pcap()), ("wrong.torrent", &wrong), ("halves.torrent", &halves)]);
    for (name, found) in
        [("wrong.torrent", "found a wrong piece layer of `m.bin`"), ("halves.torrent", "`h.bin` of")]
    {
        for arguments in [["analyze", "c.pcap", "-t", name].as_slice(), &["torrent", name]] {
            let said = refused(&place, arguments);
            assert!(said.contains(&format!("{name}: at byte ")) && said.contains(found), "{said}");
        }
    }
}

#[test]
fn a_secrets_file_that_cannot_be_used_is_refused_by_name_line_and_place() {
    use crate::synth::mse::Mse;
    let (torrent, world) = magnetic(1);
    let good = Mse::new([0; 20], 1).line();
    let digits = good.trim();
    let wide: Vec<u8> = digits.bytes().flat_map(|digit| [digit, 0]).collect();
    let cases: [(&str, Vec<u8>, &str); 11] = [
        ("hex", format!("# mine\n{good}xyz\n").into_bytes(), "at byte 200: found `x` in line 3"),
        (
            "short",
            format!("{good}\n  {}\n", &digits[2..]).into_bytes(),
            "at byte 196: found 190 hexadecimal digits in line 3",
        ),
        ("long", format!("{digits}00").into_bytes(), "at byte 0: found 194 hexadecimal digits in line 1"),
        ("odd", format!("{}\n", &digits[1..]).into_bytes(), "at byte 0: found 191 hexadecimal digits in line 1"),
        ("two", format!("{digits} {digits}\n").into_bytes(), "at byte 192: found ` ` in line 1"),
        ("prefix", format!("0x{digits}\n").into_bytes(), "at byte 1: found `x` in line 1"),
        ("bom", format!("\u{feff}{good}").into_bytes(), "at byte 0: found `\\xef` in line 1"),
        ("utf16", [&[0xff, 0xfe], &wide[..]].concat(), "at byte 0: found `\\xff` in line 1"),
        ("binary", vec![0; 96], "at byte 0: found `\\x00` in line 1"),
        ("empty", Vec::new(), "at byte 0: found an empty file"),
        ("comments", b"# none yet\r\n\r\n".to_vec(), "at byte 14: found no secret"),
    ];
    let place = folder(&[("c.pcap", &world.pcap()), ("t.torrent", &torrent.metainfo)]);
    for (name, text, found) in cases {
        std::fs::write(place.path().join(name), text).expect("written");
        let said = refused(&place, &["analyze", "c.pcap", "-t", "t.torrent", "--mse-secrets", name]);
        assert!(said.contains(&format!("{name}: {found}")) && said.contains("192 hexadecimal digits"), "{said}");
        assert!(!said.contains(&digits[..20]), "secrets do not belong into messages: {said}");
    }
    std::fs::create_dir(place.path().join("folder")).expect("a directory");
    for (name, why) in [("folder", "a directory"), ("missing", "no such file")] {
        let said = refused(&place, &["analyze", "c.pcap", "-t", "t.torrent", "--mse-secrets", name]);
        assert!(said.contains(&format!("{name}: {why}")), "{said}");
    }
}

#[test]
fn secrets_in_any_case_with_any_line_ends_and_twice_are_used_and_others_named() {
    use crate::synth::mse::Mse;
    let torrent = two_block_pieces();
    let mse = Mse::new(torrent.info_hash, 60);
    let flights = super::mse::sealed(&mse, super::mse::talk(&torrent), true);
    let world = super::mse::over(peerproof::ends::Transport::Tcp, &flights);
    let (line, other) = (mse.line().trim().to_owned(), Mse::new([1; 20], 61).line());
    let place = folder(&[("c.pcap", &world.pcap()), ("t.torrent", &torrent.metainfo)]);
    for text in [
        format!("{line}\r\n"),
        line.to_uppercase(),
        format!("{line}\n{line}\n{}\r\n", line.to_uppercase()),
        format!("\t{line}  # of M and S\n"),
        format!("{other}{line}"),
    ] {
        std::fs::write(place.path().join("s"), &text).expect("written");
        let arguments = ["analyze", "c.pcap", "-t", "t.torrent", "--mse-secrets", "s", "--format", "json"];
        let (code, out, said) = run(&place, &arguments);
        assert_eq!(code, 0, "{said}");
        let report: serde_json::Value = serde_json::from_str(&out).expect("a report");
        assert_eq!(report["torrents"][0]["verified_bytes"], torrent.content.len(), "{text}");
        assert_eq!(out.contains("unused-secret"), text.starts_with(&other), "{text}");
        assert!(!out.contains(&line[..20]), "secrets do not belong into reports");
    }
    // A wrong one is named, and what is opaque stays counted.
    std::fs::write(place.path().join("s"), &other).expect("written");
    let (code, out, _) = run(&place, &["analyze", "c.pcap", "-t", "t.torrent", "--mse-secrets", "s"]);
    assert!(
        code == 0
            && out
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
                .contains("the secret in line 1 fits no connection"),
        "{code} {out}"
    );
}
