//! Torrents on the command line, and what is said without the right one.

use super::{CAPTURE, TORRENT, flat, json, place};
use crate::fixture::{self, list, number};

#[test]
fn what_is_no_torrent_is_named_with_what_it_is() {
    let place = place();
    let torrent = std::fs::read(place.path(TORRENT)).expect("readable");
    for (name, content, found) in [
        ("text.torrent", b"hello world\n".to_vec(), "at byte 0: found `h`, expected a torrent file"),
        ("empty.torrent", Vec::new(), "at byte 0: found an empty file, expected a torrent file"),
        ("cut.torrent", torrent[..200].to_vec(), "at byte 200: found the end of the input"),
        ("list.torrent", b"le".to_vec(), "at byte 0: found no `info`, expected an info dictionary"),
        ("bare.torrent", b"de".to_vec(), "at byte 0: "),
        ("deep.torrent", [vec![b'l'; 100_000], vec![b'e'; 100_000]].concat(), "at byte "),
    ] {
        place.put(name, &content);
        for command in [["analyze", CAPTURE, "-t", name].as_slice(), &["torrent", name]] {
            let said = place.refused(command);
            assert!(said.contains(&format!("{name}: {found}")), "{command:?}: {said}");
            assert!(said.ends_with("; try: -t INFO-HASH in its place\n"), "{said}");
        }
    }
}

#[test]
fn torrent_and_capture_in_each_others_place_are_told_so() {
    let place = place();
    let said = place.refused(&["analyze", TORRENT, "-t", TORRENT]);
    assert_eq!(said, format!("error: {TORRENT} is a torrent, not a capture; try: -t {TORRENT} CAPTURE\n"));
    for command in [["analyze", CAPTURE, "-t", CAPTURE].as_slice(), &["torrent", CAPTURE]] {
        let said = place.refused(command);
        let instead = format!("peerproof analyze {CAPTURE} -t FILE");
        assert_eq!(said, format!("error: {CAPTURE} is a capture, not a torrent; try: {instead}\n"));
    }
    place.refused(&["analyze", TORRENT, "-t", CAPTURE]);
}

#[test]
fn a_torrent_that_nobody_speaks_of_is_said_to_be_the_wrong_one() {
    let place = place();
    let other = fixture::named("multi-file");
    place.put("other.torrent", &other.read(&other.torrent()));
    let (code, out, said) = place.run(&["analyze", CAPTURE, "-t", "other.torrent", "--format", "json"]);
    assert_eq!(code, 0, "{said}");
    let (named, given) = ("d12788006ccb6a392a38b22298902b82a69a61c4", "bdda72b7b9604b549ee67f5409a11b4cfd18652d");
    let note = format!(
        "No peer of the torrent \"collection\", {given}, is in the captures; they name {named}, which was not given."
    );
    assert_eq!(said, format!("note: {note}\n"));
    let report = json(&out);
    assert_eq!(report["notes"][0], note);
    assert_eq!(list(&report["transfers"]).len(), 2, "what is there is reported all the same");
    assert_eq!(list(&report["transfers"])[0]["verified_bytes"], 0);
    let (code, out, _) = place.run(&["analyze", CAPTURE, "-t", "other.torrent"]);
    assert!(code == 0 && flat(&out).contains(&note), "{out}");
}

#[test]
fn without_a_torrent_the_sessions_are_reported_and_nothing_is_verified() {
    let place = place();
    let (code, out, _) = place.run(&["analyze", CAPTURE, "--format", "json"]);
    let report = json(&out);
    assert_eq!((code, number(&report["transfers"][0]["served_bytes"])), (0, 300_001));
    assert_eq!(report["transfers"][0]["grade"], "G6");
    let (_, out, _) = place.run(&["analyze", CAPTURE]);
    assert!(
        flat(&out).contains("No torrent file with this info-hash was given, so nothing can be verified"),
        "{out}"
    );
}

#[test]
fn a_broken_torrent_among_many_is_passed_over_and_told() {
    let place = place();
    std::fs::create_dir_all(place.path("torrents/below")).expect("a directory");
    std::fs::rename(place.path(TORRENT), place.path("torrents/below").join(TORRENT)).expect("moved");
    place.put("torrents/broken.torrent", b"<html>not found</html>");
    let why = "broken.torrent (at byte 0: found HTML or XML, expected a torrent file";
    let (code, out, said) = place.run(&["analyze", CAPTURE, "-t", "torrents", "-f", "json"]);
    assert_eq!((code, number(&json(&out)["torrents"][0]["unique_bytes"])), (3, 300_001), "{said}");
    assert!(said.contains(&format!("note: passed over as no torrent: {why}")), "{said}");
    assert!(said.ends_with("peerproof: exit 3: complete, but a torrent file was passed over\n"), "{said}");
    let other = &json(&out)["passed_over"][0];
    assert_eq!((&other["name"], &other["given_as"]), (&"broken.torrent".into(), &"torrent".into()));
    let (code, out, said) = place.run(&["analyze", CAPTURE, "-t", "torrents"]);
    assert!(code == 3 && flat(&out).contains(why), "{out}{said}");
    let (code, out, said) = place.run(&["torrent", "torrents"]);
    assert!(code == 3 && out.contains("d12788006ccb6a392a38b22298902b82a69a61c4"), "{out}{said}");
    assert!(said.starts_with("warning: passed over as no torrent: broken.torrent (at byte 0"), "{said}");
    for strict in
        [["analyze", CAPTURE, "-t", "torrents", "--strict"].as_slice(), &["torrent", "torrents", "--strict"]]
    {
        let said = place.refused(strict);
        assert!(said.starts_with("error: broken.torrent: at byte 0: found HTML"), "{said}");
    }
    // Alone, or named, it has to be one.
    std::fs::remove_dir_all(place.path("torrents/below")).expect("removed");
    place.refused(&["analyze", CAPTURE, "-t", "torrents"]);
    place.refused(&["analyze", CAPTURE, "-t", "torrents/broken.torrent"]);
}

#[test]
fn a_torrent_that_lies_beside_a_capture_is_offered_in_the_next_command_and_taken_on_request() {
    let place = place();
    let other = fixture::named("multi-file");
    place.put("other.torrent", &other.read(&other.torrent()));
    place.put("broken.torrent", b"<html>");
    let line = format!("peerproof analyze {CAPTURE} -t {TORRENT}");
    let (code, out, said) = place.run(&[CAPTURE]);
    assert_eq!((code, said.as_str()), (0, ""));
    assert!(flat(&out).contains(&line), "{out}");
    let (_, out, _) = place.run(&[CAPTURE, "-f", "json"]);
    let next = &json(&out)["next"][0];
    assert_eq!((&next["command"], list(&next["needs"]).len()), (&line.as_str().into(), 0), "{out}");
    // As offered, and by the option.
    let (code, offered, _) = place.run(&["analyze", CAPTURE, "-t", TORRENT, "-f", "json"]);
    assert_eq!((code, number(&json(&offered)["torrents"][0]["unique_bytes"])), (0, 300_001));
    let (code, out, said) = place.run(&["analyze", "--torrents-here", CAPTURE, "-f", "json"]);
    assert_eq!((code, number(&json(&out)["torrents"][1]["unique_bytes"])), (3, 300_001), "{said}");
    assert!(said.contains("passed over as no torrent: broken.torrent"), "{said}");
    // In a directory, also below it; paths are those that were given.
    std::fs::create_dir_all(place.path("ring/below")).expect("a directory");
    std::fs::rename(place.path(CAPTURE), place.path("ring").join(CAPTURE)).expect("moved");
    std::fs::rename(place.path(TORRENT), place.path("ring/below").join(TORRENT)).expect("moved");
    let (_, out, _) = place.run(&["inspect", "ring", "-f", "json"]);
    assert_eq!(json(&out)["next"][0]["command"], format!("peerproof analyze ring -t ring/below/{TORRENT}"));
    let (_, out, _) = place.run(&["ring/capture.pcap", "-f", "json"]);
    assert_eq!(json(&out)["next"][0]["command"], "peerproof analyze ring/capture.pcap -t TORRENT");
    let said = place.refused(&["analyze", "ring/capture.pcap", "--torrents-here"]);
    assert!(said.contains("no .torrent file lies beside the captures; try: -t FILE"), "{said}");
}

#[test]
fn torrents_stand_before_between_and_behind_captures() {
    let place = place();
    std::fs::copy(place.path(CAPTURE), place.path("again.pcap")).expect("copied");
    let other = fixture::named("multi-file");
    place.put("other.torrent", &other.read(&other.torrent()));
    let lines = [
        ["-t", TORRENT, CAPTURE, "-t", "other.torrent", "again.pcap"],
        [CAPTURE, "again.pcap", "-t", TORRENT, "-t", "other.torrent"],
        ["-t", "other.torrent", "-t", TORRENT, "again.pcap", CAPTURE],
    ];
    let reports = lines.map(|line| place.run(&[&["analyze", "-f", "json"], &line[..]].concat()).1);
    assert_eq!(list(&json(&reports[0])["inputs"]).len(), 4);
    assert!(reports.iter().all(|report| *report == reports[0]));
    // One value each: what follows it is a capture, and said to be none.
    let said = place.refused(&["analyze", CAPTURE, "-t", "other.torrent", TORRENT]);
    assert_eq!(said, format!("error: {TORRENT} is a torrent, not a capture; try: -t {TORRENT} CAPTURE\n"));
}

#[test]
fn a_bare_info_hash_is_a_magnet_link() {
    let case = fixture::named("magnet");
    let place = place();
    place.put("magnet.pcap", &case.read("capture.pcap"));
    let hash = fixture::text(&case.truth()["torrents"][0]["info_hash_v1"]).to_owned();
    let link = format!("magnet:?xt=urn:btih:{hash}");
    let [bare, linked] = [&hash, &link].map(|torrent| {
        let (code, out, said) = place.run(&["analyze", "-t", torrent, "magnet.pcap", "-f", "json"]);
        assert_eq!(code, 0, "{said}");
        json(&out)
    });
    assert!(number(&bare["torrents"][0]["verified_bytes"]) > 0);
    assert_eq!((&bare["torrents"], &bare["subjects"]), (&linked["torrents"], &linked["subjects"]));
    let (code, out, _) = place.run(&["torrent", &hash]);
    assert!(code == 0 && out.contains("metadata      unknown"), "{out}");
    // A file of that name is a file.
    std::fs::copy(place.path(TORRENT), place.path(&hash)).expect("copied");
    let (_, out, _) = place.run(&["torrent", &hash]);
    assert!(out.contains("d12788006ccb6a392a38b22298902b82a69a61c4"), "{out}");
}
