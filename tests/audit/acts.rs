//! Letters by the act that a notice claims, and by the address that has the packets.

use super::{SHARED, audit, fixtures};

/// The letters of claims of one fixture, a row each, on one line.
fn letters_of(case: &str, torrent: &str, rows: &[&str], options: &[&str]) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a directory");
    let (notice, place) = (folder.path().join("notice.csv"), folder.path().join("audit"));
    std::fs::write(&notice, format!("address,port,time,infohash,claim\n{}\n", rows.join("\n"))).expect("written");
    let case = fixtures().join(case);
    let mut arguments =
        vec![notice, "--capture".into(), case.join("capture.pcap"), "-t".into(), case.join(torrent)];
    arguments.extend(["-o".into(), place.clone()]);
    let mut arguments: Vec<String> = arguments.iter().map(|each| each.display().to_string()).collect();
    arguments.extend(options.iter().map(|option| (*option).to_owned()));
    audit(&arguments);
    let letter = |number: usize| {
        let text = std::fs::read_to_string(place.join(format!("letters/{number}.txt"))).expect("a letter");
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    (1..=rows.len()).map(letter).collect()
}

#[test]
fn every_sentence_is_of_the_act_that_the_notice_claims() {
    let row = |act: &str, time: &str| format!("203.0.113.2,6881,{time},{SHARED},{act}");
    let then = "2026-11-21T02:59:59Z";
    // 203.0.113.2 sent 338,080 verified bytes, and received none.
    let rows = [row("downloaded", then), row("offered", then), row("joined", then)];
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let found = letters_of("corrupt-seeder", "shared.torrent", &rows, &["--covers", "none"]);
    assert!(found[0].contains("FINDING No piece to this address is in the capture."), "{}", found[0]);
    assert!(!found[0].contains("that it sent"), "{}", found[0]);
    for option in [&["--covers", "203.0.113.2"][..], &["--covers", "203.0.113.2", "--tolerance", "1s"]] {
        let found = letters_of("corrupt-seeder", "shared.torrent", &rows[..1], option);
        assert!(!found[0].contains("it sent no piece"), "{}", found[0]);
    }
}

#[test]
fn a_download_long_before_the_capture_is_not_supported_by_it() {
    let row = format!("203.0.113.4,6881,2020-01-01T00:00:00Z,{SHARED},downloaded");
    let found = letters_of("corrupt-seeder", "shared.torrent", &[&row], &[]);
    assert!(
        found[0].contains("FINDING The capture does not support the notice at the stated time"),
        "{}",
        found[0]
    );
}

#[test]
fn packets_are_told_of_the_address_that_has_them_and_the_alias_is_a_word() {
    let row = format!("198.51.100.200,50000,2026-11-21T02:59:59Z,{SHARED},uploaded");
    let alias = ["--alias", "198.51.100.200:50000=203.0.113.2:6881"];
    let found = letters_of("corrupt-seeder", "shared.torrent", &[&row], &alias);
    for sentence in [
        "That 203.0.113.2, port 6881, stood for 198.51.100.200 is the word of the person who ran this audit",
        "packets from 203.0.113.2 and",
        "203.0.113.2, port 6881, had said that it had piece",
    ] {
        assert!(found[0].contains(sentence), "{sentence}: {}", found[0]);
    }
    assert!(!found[0].contains("packets from 198.51.100.200"), "{}", found[0]);
}
