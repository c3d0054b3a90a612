//! Captures that change under the program, and more of them than it may have open.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Command, Stdio};

use super::{CAPTURE, Place, TORRENT, json, place};
use crate::fixture::{list, number};

/// Runs over a capture that is mapped while standard input is waited for, and does something to it meanwhile.
fn meanwhile(place: &Place, options: &[&str], change: impl FnOnce(&Place)) -> (Option<i32>, String, String) {
    // Before `-` in the order of names, so that it is opened and mapped first.
    std::fs::copy(place.path(CAPTURE), place.path("+.pcap")).expect("copied");
    let mut command = Command::new(env!("CARGO_BIN_EXE_peerproof"));
    command.current_dir(place.path("")).args(["analyze", "+.pcap", "-", "-t", TORRENT, "-f", "json"]).args(options);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    let mut pipe = child.stdin.take().expect("piped");
    // More than a pipe holds: when it is taken, the first capture is mapped.
    pipe.write_all(&std::fs::read(place.path(CAPTURE)).expect("readable")).expect("read");
    change(place);
    drop(pipe);
    let output = child.wait_with_output().expect("it ends");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_capture_that_stays_as_it_is_is_read() {
    let (code, out, said) = meanwhile(&place(), &[], |_| ());
    assert_eq!((code, number(&json(&out)["torrents"][0]["unique_bytes"])), (Some(0), 300_001), "{said}");
}

#[test]
fn a_capture_that_is_cut_off_while_it_is_mapped_ends_the_run_with_a_sentence() {
    for (len, options) in [(150_000, &[] as &[&str]), (150_000, &["--strict"]), (0, &[]), (316_502, &[])] {
        let (code, out, said) = meanwhile(&place(), options, |place| {
            File::options().write(true).open(place.path("+.pcap")).and_then(|file| file.set_len(len)).expect("cut");
        });
        assert_eq!((code, out.as_str()), (Some(2), ""), "{len}: {said}");
        let expected =
            format!("error: +.pcap: the file changed while it was read (its size went from 316503 to {len} ");
        assert!(said.starts_with(&expected) && said.lines().count() == 1, "{said}");
    }
}

#[test]
fn a_capture_that_is_cut_off_for_a_while_or_rewritten_with_its_time_set_back_is_noticed() {
    let reset = |file: &File, time| file.set_modified(time).expect("set");
    let cut = |place: &Place| {
        let bytes = std::fs::read(place.path("+.pcap")).expect("readable");
        let file = File::options().write(true).open(place.path("+.pcap")).expect("opened");
        let time = file.metadata().and_then(|metadata| metadata.modified()).expect("a time");
        file.set_len(0).expect("cut");
        (&file).write_all(&bytes).expect("written");
        reset(&file, time);
    };
    let rewritten = |place: &Place| {
        let mut bytes = std::fs::read(place.path("+.pcap")).expect("readable");
        bytes.iter_mut().skip(1_000).for_each(|byte| *byte ^= 1);
        let file = File::options().write(true).open(place.path("+.pcap")).expect("opened");
        let time = file.metadata().and_then(|metadata| metadata.modified()).expect("a time");
        (&file).write_all(&bytes).expect("written");
        reset(&file, time);
    };
    for change in [&cut as &dyn Fn(&Place), &rewritten] {
        let (code, out, said) = meanwhile(&place(), &[], change);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{said}");
        assert!(said.starts_with("error: +.pcap: the file changed while it was read (its "), "{said}");
    }
}

#[test]
fn a_ring_of_more_files_than_may_be_open_is_read() {
    let place = place();
    std::fs::create_dir(place.path("ring")).expect("a directory");
    let mut bytes = Vec::new();
    File::open(place.path(CAPTURE)).and_then(|mut file| file.read_to_end(&mut bytes)).expect("readable");
    std::fs::write(place.path("ring/000.pcap"), &bytes).expect("written");
    let packed = zstd::encode_all(&bytes[..24], 1).expect("in memory");
    for n in 1..100 {
        // A header and no packet, every other one compressed.
        let content = if n % 2 == 0 { &bytes[..24] } else { &packed };
        std::fs::write(place.path(&format!("ring/{n:03}.pcap")), content).expect("written");
    }
    let program = env!("CARGO_BIN_EXE_peerproof");
    let line = format!("ulimit -n 24 && exec '{program}' analyze ring -t {TORRENT} -f json");
    let output = Command::new("sh").current_dir(place.path("")).args(["-c", &line]).output().expect("a shell");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let report = json(&String::from_utf8_lossy(&output.stdout));
    assert_eq!((list(&report["inputs"]).len(), number(&report["torrents"][0]["unique_bytes"])), (101, 300_001));
}
