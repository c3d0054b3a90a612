//! Files that the program writes.

use super::{CAPTURE, TORRENT, names, place};
use crate::fixture;

#[test]
fn a_case_appears_whole_and_is_replaced_only_by_force() {
    let place = place();
    let (code, _, said) = place.run(&["analyze", CAPTURE, "-t", TORRENT, "-o", "case"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("wrote ") && said.contains("case"), "{said}");
    let report = std::fs::read_to_string(place.path("case/report.json")).expect("a report");
    let (_, printed, _) = place.run(&["analyze", CAPTURE, "-t", TORRENT, "--format", "json"]);
    assert_eq!(report, printed, "the case holds what is printed");
    let mut names = names(&place.path("case"));
    assert!(names.contains(&"report.json".to_owned()));
    let tables = super::names(&place.path("case/tables"));
    for table in ["transfers", "subjects", "torrents", "inputs", "files", "anomalies"] {
        let parquet = tables.contains(&format!("{table}.parquet"));
        assert!(tables.contains(&format!("{table}.csv")) && parquet == cfg!(feature = "table"), "{tables:?}");
    }
    let said = place.refused(&["analyze", CAPTURE, "-t", TORRENT, "-o", "case"]);
    assert!(
        said.contains("error: case exists, nothing was done; try: -o case2, or --force to replace it"),
        "{said}"
    );
    let (code, ..) =
        place.run(&["analyze", CAPTURE, "-t", TORRENT, "--checksums", "flag", "-o", "case", "--force"]);
    assert_eq!(code, 0);
    let replaced = std::fs::read_to_string(place.path("case/report.json")).expect("a report");
    assert_ne!(replaced, report);
    names.sort();
    assert_eq!(names, super::names(&place.path("case")));
    let beside: Vec<String> = super::names(place.0.path());
    assert!(beside.iter().all(|name| !name.starts_with('.')), "nothing is left beside it: {beside:?}");
}

#[test]
fn a_case_never_replaces_what_is_none() {
    let place = place();
    std::fs::create_dir(place.path("thesis")).expect("a directory");
    place.put("thesis/chapter.tex", b"years of work");
    for (target, why) in [
        ("thesis", "thesis is not a case of this tool (chapter.tex is in it)"),
        (TORRENT, "is not a case of this tool (it is no directory)"),
        ("no/such/parent", "error: no/such: no such directory; try: -o elsewhere"),
    ] {
        let said = place.refused(&["analyze", CAPTURE, "-t", TORRENT, "-o", target, "--force"]);
        assert!(said.contains(why), "{said}");
    }
    assert_eq!(std::fs::read(place.path("thesis/chapter.tex")).expect("still there"), b"years of work");
    let said = place.refused(&["analyze", "missing.pcap", "-o", "case"]);
    assert!(said.contains("missing.pcap") && !place.path("case").exists(), "{said}");
}

#[test]
fn rebuilt_torrents_are_written_all_or_none() {
    let place = place();
    for name in ["magnet", "v2-magnet"] {
        place.put(&format!("{name}.pcap"), &fixture::named(name).read("capture.pcap"));
    }
    let rebuild = ["torrent", "--from", "magnet.pcap", "v2-magnet.pcap", "-o", "out"];
    let (code, _, said) = place.run(&rebuild);
    let all = names(&place.path("out"));
    assert_eq!((code, all.len()), (0, 2), "{said}");
    for kept in &all {
        let other = all.iter().find(|name| *name != kept).expect("two");
        std::fs::remove_file(place.path(&format!("out/{other}"))).expect("removed");
        let said = place.refused(&rebuild);
        assert!(said.contains(kept.as_str()) && said.contains("no torrent was written"), "{said}");
        assert_eq!(names(&place.path("out")), std::slice::from_ref(kept));
        std::fs::remove_file(place.path(&format!("out/{kept}"))).expect("removed");
        assert_eq!(place.run(&rebuild).0, 0);
    }
}

#[test]
fn of_runs_with_one_place_one_wins_and_the_others_say_so() {
    let place = place();
    let start = |_| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_peerproof"));
        command.current_dir(place.path("")).args(["analyze", CAPTURE, "-t", TORRENT, "-o", "case"]);
        let piped = std::process::Stdio::piped;
        command.stdout(piped()).stderr(piped()).spawn().expect("it starts")
    };
    let children: Vec<_> = (0..6).map(start).collect();
    let mut won = 0;
    for child in children {
        let output = child.wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        match output.status.code() {
            Some(0) => won += 1,
            code => {
                assert_eq!(code, Some(2), "{said}");
                assert!(said.starts_with("error: case exists, nothing was done"), "{said}");
            }
        }
    }
    assert_eq!(won, 1);
    assert!(names(&place.path("case")).contains(&"report.json".to_owned()));
    assert!(names(&place.path("")).iter().all(|name| !name.starts_with('.')));
}

#[test]
fn a_place_that_takes_nothing_is_told_before_the_work() {
    let place = place();
    std::fs::create_dir(place.path("here")).expect("a directory");
    let capture = std::fs::canonicalize(place.path(CAPTURE)).expect("there");
    let capture = capture.to_str().expect("text");
    for (target, why) in [
        ("/proc/case", "error: /proc/case: no such file; try: -o elsewhere"),
        (".", "error: . cannot become a case: the shell stands in it; try: -o ./case"),
        ("../here", "error: ../here cannot become a case: the shell stands in it; try: -o ../here/case"),
        ("..", "error: .. cannot become a case: the shell stands in it; try: -o ../case"),
        ("/proc", "error: /proc cannot become a case: a file system is mounted there; try: -o /proc/case"),
    ] {
        // Nobody writes to this pipe, so a run that began would not end.
        for arguments in [["analyze", "-", "-o", target].as_slice(), &["analyze", capture, "-o", target]] {
            let (code, out, said) = super::run(&place.path("here"), arguments);
            assert_eq!((code, out.as_str(), said.trim_end()), (2, "", why));
        }
    }
    let (code, _, said) = place.run(&["torrent", "--from", CAPTURE, "-o", "/proc/x"]);
    assert_eq!((code, said.as_str()), (2, "error: /proc: no such file; try: -o elsewhere\n"));
    let (code, _, said) = place.run(&["torrent", "--from", CAPTURE, "-o", TORRENT]);
    assert_eq!((code, said.contains("no such directory")), (2, true), "{said}");
}

/// The place is lost while the captures are read: the work is not.
#[test]
fn a_report_that_cannot_be_written_as_a_case_is_printed_all_the_same() {
    use std::io::Write;
    let place = place();
    std::fs::create_dir(place.path("gone")).expect("a directory");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_peerproof"));
    command.current_dir(place.path("")).args(["analyze", "-", "-t", TORRENT, "-f", "json", "-o", "gone/case"]);
    let piped = std::process::Stdio::piped;
    let mut child = command.stdin(piped()).stdout(piped()).stderr(piped()).spawn().expect("it starts");
    let mut pipe = child.stdin.take().expect("piped");
    // More than a pipe holds: when it is taken, the place was looked at.
    pipe.write_all(&std::fs::read(place.path(CAPTURE)).expect("readable")).expect("read");
    std::fs::remove_dir_all(place.path("gone")).expect("removed");
    drop(pipe);
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert_eq!(said, "error: gone/case: no such file, report is above; try: -o elsewhere\n");
    let report = super::json(&String::from_utf8_lossy(&output.stdout));
    assert_eq!(report["torrents"][0]["unique_bytes"], 300_001);
}

#[test]
fn force_replaces_no_directory_that_has_the_name_of_a_file_of_ours() {
    let place = place();
    std::fs::create_dir_all(place.path("case/report.json")).expect("directories");
    place.put("case/report.json/thesis.tex", b"years of work");
    let said = place.refused(&["analyze", CAPTURE, "-t", TORRENT, "-o", "case", "--force"]);
    assert!(said.contains("case is not a case of this tool (report.json, no file, is in it)"), "{said}");
    assert_eq!(std::fs::read(place.path("case/report.json/thesis.tex")).expect("kept"), b"years of work");
}
