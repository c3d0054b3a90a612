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
    if cfg!(feature = "table") {
        for table in ["transfers", "subjects", "torrents", "inputs", "anomalies"] {
            assert!(
                names.contains(&format!("{table}.csv")) && names.contains(&format!("{table}.parquet")),
                "{names:?}"
            );
        }
    }
    let said = place.refused(&["analyze", CAPTURE, "-t", TORRENT, "-o", "case"]);
    assert!(said.contains("case exists already; --force replaces a case"), "{said}");
    let (code, ..) = place.run(&["analyze", CAPTURE, "-o", "case", "--force"]);
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
        ("no/such/parent", "cannot find the parent directory of no/such/parent"),
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
