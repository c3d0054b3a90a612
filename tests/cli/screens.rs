//! What is printed, and what is safe to print.

use serde_json::Value;

use super::{CAPTURE, TORRENT, flat, json, place, run};
use crate::fixture::{self, list};
use crate::synth::run::address;
use crate::synth::swarm::{Side, World};

#[test]
fn a_capture_without_bittorrent_is_not_an_empty_report() {
    let place = place();
    let mut world = World::new();
    let conn = world.conn(address("192.0.2.1:50000"), address("192.0.2.2:80"));
    world.open(conn);
    world.send(conn, Side::A, b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n");
    world.send(conn, Side::B, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    world.close(conn, Side::A);
    place.put("web.pcap", &world.pcap());
    place.put("header.pcap", &world.pcap()[..24]);
    for (name, why) in [
        (
            "web.pcap",
            "There is no BitTorrent peer connection in the 10 frames that were read (1 TCP and 0 UDP flows).",
        ),
        ("header.pcap", "No frame could be read, so nothing is shown and nothing is ruled out."),
    ] {
        let (code, out, said) = place.run(&["analyze", name, "-t", TORRENT, "--format", "json"]);
        assert_eq!(code, 0, "{said}");
        assert!(said.contains(why), "{said}");
        let report = json(&out);
        assert_eq!((&report["notes"][0], list(&report["transfers"]).len()), (&Value::from(why), 0));
        for arguments in [["analyze", name, "-t", TORRENT].as_slice(), &["analyze", name]] {
            let (code, out, _) = place.run(arguments);
            assert!(code == 0 && flat(&out).contains(why), "{out}");
        }
    }
}

#[test]
fn connections_without_a_row_are_said_everywhere_and_more_rows_list_them() {
    let case = fixture::named("metadata-only");
    let place = place();
    place.put("silent.pcap", &case.read("capture.pcap"));
    let (code, said, warned) = place.run(&["analyze", "silent.pcap", "--max-rows", "0"]);
    assert_eq!(code, 3, "{warned}");
    let note = "Not listed one by one: 1 connection of 2 endpoints with a handshake but no piece data";
    assert!(flat(&said).contains(note), "{said}");
    assert!(warned.contains("warning: limit-reached, 1 time: rows: 1 connection of 2 endpoints"), "{warned}");
    let (code, said, _) = place.run(&["inspect", "silent.pcap", "--max-rows", "0"]);
    assert!(code == 3 && flat(&said).contains(note) && !said.contains("There is no BitTorrent"), "{said}");
    let (_, said, _) = place.run(&["analyze", "silent.pcap", "--max-rows", "0", "--format", "json"]);
    let report = json(&said);
    assert_eq!((&report["options"]["limits"]["rows"], &report["unlisted"]["endpoints"]), (&0.into(), &2.into()));
    let (code, said, _) = place.run(&["analyze", "silent.pcap", "--max-rows", "2", "--format", "json"]);
    assert_eq!((code, list(&json(&said)["transfers"]).len()), (0, 2));
}

#[test]
fn no_path_of_this_machine_is_in_a_report() {
    let place = place();
    let capture = place.path(CAPTURE);
    let capture = capture.to_str().expect("text");
    let (_, out, _) = place.run(&["analyze", capture, "-t", TORRENT, "--format", "json"]);
    assert!(!out.contains(place.0.path().to_str().expect("text")), "{out}");
}

#[test]
fn every_report_to_read_fits_its_width_and_says_what_it_read() {
    for case in fixture::all() {
        let (code, out, _) = run(&case.folder, &["analyze", "capture.pcap", "-t", &case.torrent()]);
        assert!(code == 0 || code == 3, "{}", case.name);
        for part in ["ANSWER", "PEERS", "READ BY", "UNREAD, AND WHAT THAT LIMITS"] {
            assert!(out.contains(part), "{}: {part}\n{out}", case.name);
        }
        assert!(out.lines().all(|line| line.chars().count() <= 80), "{}:\n{out}", case.name);
    }
}

#[test]
fn no_screen_of_any_recording_is_wider_than_its_terminal() {
    use peerproof::report::{Choice, Detail, Document, Screen, terminal};
    for case in fixture::all() {
        let text = std::fs::read_to_string(case.path("report.json")).expect("a golden report");
        let document = Document::read(&text).expect("a report");
        let mut documents = vec![document.clone()];
        for subject in &document.subjects {
            let peer = subject.endpoint.to_string().parse().expect("an address");
            documents.push(document.clone().only(&Choice { peer: Some(peer), ..Choice::default() }));
        }
        for document in &documents {
            for width in [60, 80, 100, 120, 160, 200] {
                for detail in Detail::ALL {
                    let screen = Screen { detail: *detail, ..Screen::new(width) };
                    let text = terminal(document, &screen);
                    let wide = text.lines().find(|line| line.chars().count() > width);
                    assert_eq!(wide, None, "{}, {width}, {detail}:\n{text}", case.name);
                    let blank = text.lines().find(|line| line.ends_with(' '));
                    assert_eq!(blank, None, "{}, {width}, {detail}:\n{text}", case.name);
                }
            }
        }
    }
}

#[test]
fn the_first_screen_is_the_answer_in_fifteen_lines_and_again_in_the_last() {
    let case = fixture::named("corrupt-seeder");
    let arguments = ["analyze", "capture.pcap", "-t", &case.torrent()];
    let (_, out, _) = run(&case.folder, &arguments);
    let first: Vec<&str> = out.lines().take(15).collect();
    for line in [
        "\"shared.bin\" looked for in capture.pcap, 7.618 s from 2026-11-21 02:59:57 UTC",
        "ANSWER  (a peer is an address and port, for one torrent: never a person)",
        "       203.0.113.3:6881  G7  147,456 bytes; frames 83-176",
        "       203.0.113.4:6881  G4  551,072 bytes of piece data were sent to it",
    ] {
        assert!(first.contains(&line), "{line}\n{out}");
    }
    assert_eq!(out.lines().last(), Some("1 of 3 peers met the standard of proof; 1 sent blocks that differ."));
    let (_, quiet, said) = run(&case.folder, &[&arguments[..], &["-q"]].concat());
    assert_eq!((said.as_str(), quiet.lines().last()), ("", out.lines().last()));
    assert!(quiet.lines().count() < 25 && !quiet.contains("PEERS"), "{quiet}");
}

#[test]
fn width_colour_and_order_are_the_users_choice() {
    let case = fixture::named("corrupt-seeder");
    let torrent = case.torrent();
    let arguments = ["analyze", "capture.pcap", "-t", &torrent];
    let text = |more: &[&str], variables: &[(&str, &str)]| {
        let mut command = super::command(&case.folder, &[&arguments[..], more].concat());
        command.envs(variables.iter().copied());
        let output = command.output().expect("it starts");
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    };
    let plain = text(&[], &[]);
    assert!(!plain.contains('\x1b'), "a pipe has no colours");
    let widest = |text: &str| text.lines().map(|line| line.chars().count()).max();
    assert!(widest(&text(&[], &[("COLUMNS", "120")])) > Some(80) && widest(&plain) <= Some(80));
    assert!(widest(&text(&[], &[("COLUMNS", "10")])) <= Some(64), "at least 60");
    let always = text(&["--color", "always"], &[("NO_COLOR", "1")]);
    assert!(always.contains("\x1b[1m") && !always.contains("\x1b[31m"), "{always}");
    assert_eq!(text(&["--color", "never"], &[]), plain);
    let zone = text(&["--tz", "Europe/Berlin"], &[]);
    assert!(
        zone.starts_with("\"shared.bin\" looked for in capture.pcap, 7.618 s from 2026-11-21 02:59:57 UTC"),
        "{zone}"
    );
    assert!(flat(&zone).contains("02:59:57 UTC (03:59:57 +01:00)"), "{zone}");
    assert!(text(&["--sort", "peer"], &[]).contains("Sorted by peer"));
    assert!(text(&["--top", "0", "-v"], &[]).contains("QUALITY OF THE CAPTURES"));
    for wrong in [["--sort", "colour"], ["--tz", "Mars/Olympus"], ["--color", "red"]] {
        let (code, out, said) = run(&case.folder, &[&arguments[..], &wrong].concat());
        assert_eq!((code, out.as_str(), said.lines().count()), (2, "", 1), "{said}");
    }
}

#[test]
fn one_address_has_a_screen_and_one_without_a_row_is_refused() {
    let case = fixture::named("corrupt-seeder");
    let torrent = case.torrent();
    let arguments = ["analyze", "capture.pcap", "-t", &torrent, "--peer"];
    let (code, out, _) = run(&case.folder, &[&arguments[..], &["203.0.113.3"]].concat());
    assert_eq!(code, 0);
    for line in [
        "203.0.113.3:6881, TCP, torrent \"shared.bin\", 2026-11-21 02:59:57 - 03:00:04 UTC",
        "BYTES  served 180,224 = verified 147,456 + refuted 32,768",
        "NOT SEEN of 203.0.113.3:6881, in 7.618 s, both directions, no gap",
        "  ip.src == 203.0.113.3 && tcp.srcport == 6881 && bittorrent.msg.type == 7",
        "203.0.113.3:6881: G7, standard not met; it also sent blocks that differ.",
    ] {
        assert!(out.lines().any(|known| known == line), "{line}\n{out}");
    }
}

#[test]
fn of_an_address_without_a_row_it_is_said_what_was_not_seen_and_when() {
    let case = fixture::named("corrupt-seeder");
    let of = |address: &str| {
        let arguments = ["analyze", "capture.pcap", "-t", "shared.torrent", "--peer", address];
        let (code, out, _) = run(&case.folder, &arguments);
        assert_eq!(code, 0, "{out}");
        flat(&out)
    };
    let nobody = of("203.0.113.9");
    for sentence in [
        "203.0.113.9 has no row in this report.",
        "No connection of it in these captures is one of a peer. They ran 7.618 s from 2026-11-21 02:59:57 UTC.",
        "Other connections, times and places were not captured.",
        "Nobody named it, and it named nobody.",
    ] {
        assert!(nobody.contains(sentence), "{sentence}: {nobody}");
    }
    let tracker = of("203.0.113.1:6969");
    assert!(tracker.contains("has no row") && tracker.contains("http-tracker"), "{tracker}");
}

#[test]
fn a_row_of_the_ladder_cites_its_first_frames_and_a_range_is_one_of_its_peer() {
    let case = fixture::named("corrupt-seeder");
    let (_, out, _) = run(&case.folder, &["analyze", "capture.pcap", "-t", "shared.torrent"]);
    assert!(flat(&out).contains("piece 6: said 78; asked 111; sent within 156-168"), "{out}");
    assert!(out.contains("frame.number in {78,111,156..168} && ip.addr == 203.0.113.2\n"), "{out}");
    let peer = ["analyze", "capture.pcap", "-t", "shared.torrent", "--peer", "203.0.113.4"];
    let (_, out, _) = run(&case.folder, &peer);
    assert!(out.contains("first in frames") && out.contains("said that it had pieces, 7 in all"), "{out}");
}

#[test]
fn of_connections_that_could_not_be_read_it_is_not_said_that_nobody_sent_anything() {
    let case = fixture::named("mse-rc4-secrets");
    let torrents =
        super::names(&case.folder).into_iter().filter(|name| name.ends_with(".torrent")).collect::<Vec<_>>();
    let (_, out, _) = run(&case.folder, &["analyze", "capture.pcap", "-t", &torrents[0]]);
    let shown = flat(&out);
    assert!(
        shown.contains("No transfer could be read.") && shown.contains("what passed in them is not known."),
        "{out}"
    );
    assert!(
        !shown.contains("Nobody sent piece data") && !shown.contains("Standard of proof met. No peer"),
        "{out}"
    );
}

#[test]
fn a_capture_that_begins_in_the_middle_was_not_read_without_a_gap() {
    let case = fixture::named("mid-stream");
    let torrents =
        super::names(&case.folder).into_iter().filter(|name| name.ends_with(".torrent")).collect::<Vec<_>>();
    let (_, out, _) = run(&case.folder, &["analyze", "capture.pcap", "-t", &torrents[0]]);
    assert!(!flat(&out).contains("was read without a gap."), "{out}");
}

#[test]
fn nothing_in_a_name_acts_on_the_terminal_that_shows_an_error() {
    let place = place();
    let name = "a\x1b[2J\u{202e}b.pcap";
    place.put(name, b"no capture");
    place.put("a\x1b]0;x\x07.torrent", b"no torrent");
    let case = format!("case{name}");
    for arguments in [
        ["analyze", name].as_slice(),
        &["analyze", "none\x1b[2J.pcap"],
        &["analyze", CAPTURE, "-t", "a\x1b]0;x\x07.torrent"],
        &["analyze", CAPTURE, "-t", "none\x1b[2J"],
        &["analyze", CAPTURE, "--format", "x\x1b[2Jml"],
        &["an\x1b[2Jalyze", CAPTURE],
        &["inspect", "none\x1b[2J"],
        &["torrent", "--from", name],
        &["analyze", CAPTURE, "-t", TORRENT, "-o", &case],
        &["analyze", CAPTURE, "-t", TORRENT, "-o", name],
    ] {
        let (_, out, said) = place.run(arguments);
        let acts = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
        assert!(!said.contains(acts) && !out.contains(acts), "{arguments:?}: {said:?}");
        // What clap says of arguments is without what it takes for colours.
        assert!(said.contains("\\u{1b}") || said.starts_with("error: "), "{arguments:?}: {said:?}");
    }
}

/// In every view but report.json, which is the data.
#[test]
fn a_name_of_a_megabyte_is_cut_in_every_view_with_its_length_and_digest() {
    use sha2::{Digest, Sha256};
    let place = place();
    let name = "=x".repeat(1 << 19);
    // The name is in the info dictionary, so it is another torrent; only what is said of it counts here.
    let bytes = std::fs::read(place.path(TORRENT)).expect("readable");
    let at = bytes.windows(17).position(|window| window == b"4:name9:plain.bin").expect("a name");
    let long = [&bytes[..at], format!("4:name{}:{name}", name.len()).as_bytes(), &bytes[at + 17..]].concat();
    place.put("long.torrent", &long);
    let digest = peerproof::report::hex(&Sha256::digest(&name));
    let shown = format!("... (1,048,576 characters, SHA-256 {digest})");
    let views = [
        vec!["torrent", "long.torrent"],
        vec!["analyze", CAPTURE, "-t", "long.torrent"],
        vec!["analyze", CAPTURE, "-t", "long.torrent", "-f", "csv", "--table", "torrents"],
    ];
    for view in views {
        let (code, out, said) = place.run(&view);
        assert_eq!(code, 0, "{said}");
        assert!(out.len() + said.len() < 20_000, "{view:?}: {}", out.len() + said.len());
        let of_text = "... (1,048,576 characters; whole in report.json)";
        let said = flat(&out);
        assert!(said.contains(&shown) || said.contains(of_text) || !out.contains("=x=x"), "{view:?}: {out}");
        if view.contains(&"csv") {
            assert!(!out.contains(",=x") && !out.contains("\"=x"), "{out}");
        }
    }
    let (_, out, _) = place.run(&["torrent", "long.torrent"]);
    assert!(out.contains(&shown), "{out}");
    let (_, out, _) = place.run(&["analyze", CAPTURE, "-t", "long.torrent", "-f", "json"]);
    let report = json(&out);
    assert!(report["notes"].to_string().contains(&shown), "notes are sentences");
    assert!(list(&report["torrents"]).iter().any(|torrent| torrent["name"] == name), "the data are whole");
}

#[test]
fn checksums_that_the_network_card_was_to_fill_in_are_told_as_untested() {
    let case = crate::fixture::named("three-peers");
    let report: Value =
        serde_json::from_str(&case.report_with("capture.pcap", &["--checksums", "flag"])).expect("a report");
    // All packets of the recording are of this host, which leaves them to the card; tshark calls all of them bad: 251 of TCP,
    // 55 of UDP.
    let quality = &report["quality"];
    assert_eq!((quality["bad_checksums"].as_u64(), quality["untested_checksums"].as_u64()), (Some(0), Some(306)));
    let text = case.report_with("capture.pcap", &["--checksums", "flag", "-f", "text"]);
    let words: Vec<&str> = text.split_whitespace().collect();
    assert!(words.join(" ").contains("306 checksums could not be tested"), "{text}");
}

#[test]
fn where_nothing_was_hashed_a_zero_is_no_claim() {
    let case = fixture::named("three-peers");
    let other = fixture::named("multi-file");
    let place = place();
    place.put("capture.pcap", &case.read("capture.pcap"));
    place.put("other.torrent", &other.read(&other.torrent()));
    for arguments in [&["analyze", "capture.pcap"] as &[&str], &["analyze", "capture.pcap", "-t", "other.torrent"]]
    {
        let (code, out, _) = place.run(arguments);
        let said = flat(&out);
        assert_eq!(code, 0, "{out}");
        for line in [
            "? Standard of proof: cannot be told. No peer is shown to have met it. Not everything could be hashed,",
            "? Sent bytes that are the torrent's by hash, without meeting the standard.",
            "? Sent blocks that differ from the torrent.",
        ] {
            assert!(said.contains(line), "{line}: {out}");
        }
        let (_, page, _) = place.run(&[arguments, &["-f", "html"]].concat());
        for head in [
            "Standard of proof met",
            "Sent verified bytes, standard not met",
            "Sent bytes that differ from the torrent (GX)",
        ] {
            let line = page.lines().find(|line| line.contains(&format!("</span>{head}</h3>"))).expect("a row");
            assert!(line.contains("aria-hidden=\"true\">?</p>") && line.contains("Cannot be told: "), "{line}");
        }
    }
}

#[test]
fn the_wrong_torrent_is_said_first_and_last_and_not_given_again() {
    let case = fixture::named("three-peers");
    let other = fixture::named("multi-file");
    let place = place();
    place.put("capture.pcap", &case.read("capture.pcap"));
    place.put("other.torrent", &other.read(&other.torrent()));
    let (_, out, _) = place.run(&["analyze", "capture.pcap", "-t", "other.torrent"]);
    let answer: String = flat(out.split("ANSWER").nth(1).expect("an answer"));
    let first = answer.split("person) ").nth(1).expect("a line");
    assert!(first.starts_with("No connection that could be read shows the info-hash of "), "{out}");
    assert!(
        first.contains(". The captures name torrent ") && first.contains(": give its torrent file with -t."),
        "{out}"
    );
    let next = out.split("NEXT").nth(1).expect("commands");
    assert!(!next.contains("other.torrent") && next.contains("-t FILE"), "{out}");
    let last = flat(out.rsplit("\n\n").next().expect("a last line"));
    assert!(last.starts_with("No connection that could be read shows the info-hash of "), "{last}");
    assert!(last.ends_with("shown to be of it."), "{last}");
}

#[test]
fn of_a_capture_without_a_frame_nothing_can_be_said() {
    let place = place();
    place.put("header.pcap", &World::new().pcap());
    for arguments in [&["analyze", "header.pcap"] as &[&str], &["analyze", "header.pcap", "-t", TORRENT]] {
        let (_, out, _) = place.run(arguments);
        assert!(flat(&out).contains("? Nothing can be said: header.pcap holds no frame."), "{out}");
        assert_eq!(out.trim_end().lines().last(), Some("Nothing can be said: header.pcap holds no frame."));
        assert!(!out.contains("Other connections, times and places were not captured"), "{out}");
        let (_, page, _) = place.run(&[arguments, &["-f", "html"]].concat());
        assert!(page.contains("The captures hold no frame: nothing can be said either way."), "{page}");
    }
}

#[test]
fn what_is_in_a_case_is_not_kept_again() {
    let case = fixture::named("three-peers");
    let place = place();
    place.put("capture.pcap", &case.read("capture.pcap"));
    place.put("it.torrent", &case.read(&case.torrent()));
    let made = place.run(&["analyze", "capture.pcap", "-t", "it.torrent", "-o", "case/"]).1;
    let again = place.run(&["report", "case/"]).1;
    for out in [&made, &again] {
        let next = out.split("NEXT").nth(1).expect("commands");
        assert!(next.contains("peerproof report case/ --peer ") && next.contains("open case/report.html"), "{out}");
        assert!(!next.contains("-o case/"), "{out}");
        assert!(out.contains("Exact frames of a row: --peer."), "{out}");
    }
    let peer = next_peer(&made);
    let (_, one, _) = place.run(&["report", "case/", "--peer", &peer]);
    assert!(!one.contains("Exact frames of a row"), "{one}");
}

fn next_peer(out: &str) -> String {
    let after = out.split("peerproof report case/ --peer ").nth(1).expect("a command");
    after.split_whitespace().next().expect("an address").to_owned()
}

#[test]
fn a_proposed_command_has_the_paths_and_options_that_were_given() {
    let place = place();
    std::fs::create_dir(place.path("deep")).expect("made");
    std::fs::copy(place.path(CAPTURE), place.path("deep/x y.pcap")).expect("copied");
    let (code, out, _) =
        place.run(&["analyze", "deep/x y.pcap", "--checksums", "flag", "-t", TORRENT, "--top", "3"]);
    let next = flat(&out.split("\nNEXT ").nth(1).unwrap_or_default().replace('\\', ""));
    let command = format!("peerproof analyze 'deep/x y.pcap' --checksums flag -t {TORRENT} --peer 203.0.113.2");
    assert!(code == 0 && next.contains(&command), "{next}");
    // Of the wrong torrent another one is asked for.
    let (_, out, _) = place.run(&["analyze", "deep/x y.pcap", "-t", &"0123456789".repeat(4)]);
    let next = flat(&out.split("\nNEXT ").nth(1).unwrap_or_default().replace('\\', ""));
    assert!(next.contains("peerproof analyze 'deep/x y.pcap' -t FILE"), "{out}");
    // With pseudonyms nothing clear is proposed, nor what would write a clear case.
    place
        .put("key", format!("{}\n", "0123456789abcdeffedcba98765432101032547698badcfeefcdab8967452301").as_bytes());
    let (_, out, _) = place.run(&["analyze", "deep/x y.pcap", "-t", TORRENT, "--pseudonymize", "key"]);
    let next = out.split("\nNEXT ").nth(1).unwrap_or_default();
    assert!(next.contains("--pseudonymize KEYFILE -o case/") && !next.contains("--peer"), "{next}");
}
