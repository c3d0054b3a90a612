//! Parts that cannot be used are refused by name, and the others go on.

use super::{Place, Ran, parsed, sum};
use crate::fixture::{self, list, text};

fn place() -> Place {
    let place = Place::new();
    for (name, from) in [("plain", "plain-transfer"), ("peers", "three-peers")] {
        let case = fixture::named(from);
        place.put(&format!("{name}.pcap"), &case.read("capture.pcap"));
        place.put(&format!("{name}.torrent"), &case.read(&case.torrent()));
        let (capture, part) = (format!("{name}.pcap"), format!("{name}.part"));
        assert_eq!(place.run(&["facts", &capture, "-o", &part]).0, 0);
    }
    place
}

/// That `part` is refused for this reason, beside a part that goes on, and alone.
fn refused(place: &Place, part: &str, why: &str) {
    let Ran(code, _, said) = place.run(&["analyze", part, "-t", "plain.torrent"]);
    assert!(code == 2 && said.contains(part) && said.contains(why), "{part}: {code}: {said}");
    let alone = parsed(&place.report(&["peers.part", "-t", "peers.torrent"], false));
    let Ran(code, out, said) =
        place.run(&["analyze", part, "peers.part", "-t", "plain.torrent", "-t", "peers.torrent", "-f", "json"]);
    assert!(code == 3 && said.contains(part), "{part}: {code}: {said}");
    let report = parsed(&out);
    assert_eq!(sum(&report, "served_bytes"), sum(&alone, "served_bytes"), "{part}");
    let told = list(&report["passed_over"]);
    assert_eq!(told.len(), 1, "{part}");
    assert!(text(&told[0]["name"]) == part && text(&told[0]["found"]).contains(why), "{}", told[0]);
}

#[test]
fn commands_that_read_captures_refuse_parts_by_name() {
    let place = place();
    std::fs::create_dir(place.path("all")).expect("made");
    std::fs::rename(place.path("peers.part"), place.path("all/peers.part")).expect("moved");
    let units = ["facts", "plain.part", "-t", "plain.torrent", "--units", "1/1", "-o", "units"];
    assert_eq!(place.run(&units).0, 0);
    for made in ["plain.part", "all", "units"] {
        for command in [
            &["inspect"][..],
            &["facts", "-o", "new"],
            &["clear", "-o", "new"],
            &["torrent", "--from"],
            &["content", "-t", "plain.torrent", "-o", "new"],
            &["cut", "--peer", "192.0.2.1:1", "-t", "plain.torrent", "-o", "new"],
        ] {
            let Ran(code, _, said) = place.run(&[command, &[made]].concat());
            assert!(code == 2 && said.contains(made) && said.contains("part"), "{command:?}: {code}: {said}");
            assert!(!place.path("new").exists(), "{command:?}");
        }
    }
}

#[test]
fn a_torn_file_of_a_part_is_refused_by_name() {
    for (file, change) in [("facts.bin", 0), ("beside.bin", 1), ("facts.bin", 2), ("part.json", 0)] {
        let place = place();
        let path = place.path("plain.part").join(file);
        let mut bytes = std::fs::read(&path).expect("there");
        match change {
            0 => bytes.truncate(bytes.len() / 2),
            1 => {
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
            }
            _ => {}
        }
        if change == 2 {
            std::fs::remove_file(&path).expect("there");
        } else {
            std::fs::write(&path, &bytes).expect("written");
        }
        refused(&place, "plain.part", file);
    }
}

#[test]
#[cfg(feature = "table")]
fn a_torn_table_is_refused_by_name() {
    let place = place();
    for name in ["connections", "blocks", "inputs"] {
        assert!(place.path(&format!("peers.part/tables/{name}.parquet")).exists(), "{name}");
    }
    let path = place.path("plain.part/tables/blocks.parquet");
    let mut bytes = std::fs::read(&path).expect("there");
    bytes.truncate(bytes.len() - 1);
    std::fs::write(&path, &bytes).expect("written");
    refused(&place, "plain.part", "blocks.parquet");
}

#[test]
#[cfg(unix)]
fn what_is_no_file_of_that_size_or_lies_outside_is_not_read() {
    let place = place();
    let part = place.path("plain.part");
    std::fs::remove_file(part.join("facts.bin")).expect("there");
    std::os::unix::fs::symlink("/dev/zero", part.join("facts.bin")).expect("linked");
    refused(&place, "plain.part", "facts.bin");
    let place = self::place();
    let manifest = place.path("plain.part").join("part.json");
    let text = std::fs::read_to_string(&manifest).expect("there");
    let mut told: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let entry = serde_json::json!({"name": "tables/../../peers.pcap", "bytes": 1, "sha256": "0".repeat(64)});
    told["files"].as_array_mut().expect("a list").push(entry);
    std::fs::write(&manifest, told.to_string()).expect("written");
    refused(&place, "plain.part", "tables/../../peers.pcap");
}

#[test]
fn a_part_of_another_schema_is_refused() {
    let place = place();
    let path = place.path("plain.part/part.json");
    let text = std::fs::read_to_string(&path).expect("there");
    std::fs::write(&path, text.replace("peerproof/part/1", "peerproof/part/7")).expect("written");
    refused(&place, "plain.part", "peerproof/part/7");
}

#[test]
fn a_part_that_was_read_with_other_options_is_refused() {
    let place = place();
    assert_eq!(place.run(&["facts", "plain.pcap", "-o", "plain.part", "--force", "--checksums", "flag"]).0, 0);
    refused(&place, "plain.part", "other options");
}

#[test]
fn of_two_parts_of_one_capture_that_with_other_options_is_refused_and_the_other_one_goes_on() {
    let place = place();
    assert_eq!(place.run(&["facts", "plain.pcap", "-o", "flagged.part", "--checksums", "flag"]).0, 0);
    let parts = ["plain.part", "flagged.part", "-t", "plain.torrent"];
    for (options, stays, refused) in
        [(&[][..], "plain.part", "flagged.part"), (&["--checksums", "flag"], "flagged.part", "plain.part")]
    {
        let alone = parsed(&place.report(&[&[stays, "-t", "plain.torrent"], options].concat(), false));
        let report = parsed(&place.report(&[&parts[..], options].concat(), true));
        assert!(sum(&alone, "verified_bytes") > 0);
        assert_eq!(sum(&report, "verified_bytes"), sum(&alone, "verified_bytes"));
        let told = list(&report["passed_over"]);
        assert_eq!((told.len(), text(&told[0]["name"])), (1, refused));
        assert!(text(&told[0]["found"]).contains("other options"), "{}", told[0]);
    }
}

#[test]
fn two_parts_that_share_some_captures_are_both_refused_and_the_others_go_on() {
    let place = place();
    let case = fixture::named("hybrid");
    place.put("third.pcap", &case.read("capture.pcap"));
    assert_eq!(place.run(&["facts", "plain.pcap", "third.pcap", "-o", "one"]).0, 0);
    let third = fixture::named("ipv6");
    place.put("fourth.pcap", &third.read("capture.pcap"));
    assert_eq!(place.run(&["facts", "third.pcap", "fourth.pcap", "-o", "two"]).0, 0);
    let alone = parsed(&place.report(&["peers.part", "-t", "peers.torrent"], false));
    let report = parsed(&place.report(&["one", "peers.part", "two", "-t", "peers.torrent"], true));
    assert_eq!(sum(&report, "served_bytes"), sum(&alone, "served_bytes"));
    assert_eq!(list(&report["passed_over"]).len(), 2);
    let Ran(code, _, said) = place.run(&["analyze", "one", "two"]);
    assert!(code == 2 && said.contains("shares some captures"), "{said}");
}

#[test]
fn a_capture_that_changed_is_told_and_accuses_nobody() {
    let place = Place::new();
    let case = fixture::named("corrupt-seeder");
    let capture = case.read("capture.pcap");
    place.put("capture.pcap", &capture);
    place.put("a.torrent", &case.read(&case.torrent()));
    assert_eq!(place.run(&["facts", "capture.pcap", "-o", "part"]).0, 0);
    let before = parsed(&place.report(&["part", "-t", "a.torrent"], false));
    assert!(sum(&before, "refuted_bytes") > 0);
    let mut changed = capture.clone();
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    place.put("capture.pcap", &changed);
    let report = parsed(&place.report(&["part", "-t", "a.torrent"], true));
    assert_eq!((sum(&report, "refuted_bytes"), sum(&report, "verified_bytes")), (0, 0));
    assert_eq!(sum(&report, "served_bytes"), sum(&before, "served_bytes"));
    let said = list(&report["anomalies"]).iter().find(|row| text(&row["kind"]) == "limit-reached").expect("told");
    assert!(
        text(&said["examples"][0]["detail"])
            .contains("the bytes of #1 could not be read and hashed: it is not at hand"),
        "{said}"
    );
    let reasons: Vec<&str> = list(&report["subjects"]).iter().filter_map(|row| row["next_rung"].as_str()).collect();
    let why = "no piece with bytes of it could be hashed: the bytes of #1 could not be read";
    assert!(reasons.iter().any(|reason| reason.contains(why)), "{reasons:?}");
    assert!(!reasons.iter().any(|reason| reason.contains("is complete in the capture")), "{reasons:?}");
    let shown = place.run(&["analyze", "part", "-t", "a.torrent"]).1;
    assert!(shown.split("NEXT").nth(1).is_some_and(|next| next.contains("--captures DIR")), "{shown}");
    // Under another name, in another place, it is found again.
    place.put("elsewhere/below/renamed", &capture);
    let again = parsed(&place.report(&["part", "-t", "a.torrent", "--captures", "elsewhere"], false));
    assert_eq!(again, before);
}

#[test]
fn a_capture_that_is_missing_takes_no_accusation_from_another_torrent() {
    let place = place();
    let case = fixture::named("corrupt-seeder");
    place.put("corrupt/capture.pcap", &case.read("capture.pcap"));
    place.put("corrupt.torrent", &case.read(&case.torrent()));
    assert_eq!(place.run(&["facts", "corrupt/capture.pcap", "-t", "corrupt.torrent", "-o", "corrupt.part"]).0, 0);
    let judge = |parts: &[&str]| {
        let torrents = ["-t", "corrupt.torrent", "-t", "plain.torrent", "--captures", "corrupt", "-f", "json"];
        let Ran(code, out, said) = place.run(&[&["analyze"], parts, &torrents].concat());
        assert!(matches!(code, 0 | 3), "{said}");
        parsed(&out)
    };
    let alone = judge(&["corrupt.part"]);
    assert!(sum(&alone, "refuted_bytes") > 0);
    // Pieces of the same numbers, of a torrent whose capture is not at hand.
    let both = judge(&["corrupt.part", "plain.part"]);
    assert_eq!(sum(&both, "refuted_bytes"), sum(&alone, "refuted_bytes"));
}

#[test]
fn a_directory_that_holds_parts_is_no_set_of_captures() {
    let place = place();
    place.put("parts/x.pcap", b"");
    std::fs::rename(place.path("plain.part"), place.path("parts/plain")).expect("moved");
    let Ran(code, _, said) = place.run(&["analyze", "parts"]);
    assert!(code == 2 && said.contains("try: parts/*"), "{said}");
}
