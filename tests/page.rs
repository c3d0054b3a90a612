//! report.html and `peerproof report`: a case again without its captures, in every form, and in a browser.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::fixture;

#[test]
fn the_page_is_the_one_that_was_looked_at() {
    let case = fixture::named("corrupt-seeder");
    let page = case.report_with("capture.pcap", &["-f", "html"]);
    let golden = case.path("report.html");
    if std::env::var_os("PEERPROOF_BLESS").is_some() {
        std::fs::write(&golden, &page).expect("the page can be written");
    }
    let known = std::fs::read_to_string(&golden).unwrap_or_default();
    let line = known.lines().zip(page.lines()).position(|(one, other)| one != other);
    assert!(known == page, "line {line:?} differs; PEERPROOF_BLESS=1 writes it again, and then look at it");
}

#[test]
fn the_figures_of_the_page_go_with_one_another_and_name_what_differs() {
    let page = fixture::named("corrupt-seeder").report_with("capture.pcap", &["-f", "html"]);
    for words in [
        // 338,080 of 420,000 bytes are 80.5 %; 288,928 would be 68.7 %.
        "5 whole pieces alone, 288,928 bytes; in all 338,080 bytes are verified, parts of ",
        "(80.5 %)",
        "(port declared; also sent from :60445)",
        "(port declared; sent from :42315 and :47755)",
        "in 2 pieces: 1, 4.",
        "bittorrent.msg.type == 7 &#38;&#38; bittorrent.piece.index == 4",
    ] {
        assert!(page.contains(words), "{words}");
    }
    let page = fixture::named("mse-rc4-secrets").report_with("capture.pcap", &["-f", "html"]);
    assert!(
        page.contains("opened.torrent --mse-secrets FILE"),
        "the command that makes it again lacks the secrets"
    );
}

#[test]
fn a_case_is_rendered_again_in_every_form_without_its_captures() {
    let place = tempfile::tempdir().expect("a directory");
    let case = fixture::named("corrupt-seeder");
    let capture = case.path("capture.pcap");
    let torrent = case.path(&case.torrent());
    let (capture, torrent) = (capture.to_str().expect("text"), torrent.to_str().expect("text"));
    let run = |arguments: &[&str]| -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_peerproof"));
        command.current_dir(place.path()).args(arguments).output().expect("it starts")
    };
    assert_eq!(run(&["analyze", capture, "-t", torrent, "-o", "case"]).status.code(), Some(0));
    let read = |name: &str| std::fs::read(place.path().join(name)).expect("a file of the case");
    assert_eq!(run(&["report", "case", "-f", "json"]).stdout, read("case/report.json"));
    assert_eq!(run(&["report", "case/report.json", "-f", "html"]).stdout, read("case/report.html"));
    let (first, again) = (run(&["analyze", capture, "-t", torrent]), run(&["report", "case"]));
    // Of a case there is another command next.
    let shown = |output: &Output| {
        String::from_utf8_lossy(&output.stdout).split("\nNEXT  ").next().unwrap_or_default().to_owned()
    };
    assert!(first.status.code() == Some(0) && shown(&first).len() > 1_000);
    assert_eq!(shown(&first), shown(&again));
    for form in ["html", "json", "jsonl", "dot", "graphml"] {
        let (first, again) =
            (run(&["analyze", capture, "-t", torrent, "-f", form]), run(&["report", "case", "-f", form]));
        assert_eq!(first.status.code(), Some(0), "{form}");
        assert!(!first.stdout.is_empty() && first.stdout == again.stdout, "{form}");
    }
    assert_eq!(run(&["report", "case", "-o", "again"]).status.code(), Some(0));
    let hash = "33c3105a3c68063147606691f968863e17ec7955";
    for name in ["report.json", "report.html", "report.txt", "manifest.json", &format!("torrents/{hash}.torrent")] {
        assert_eq!(read(&format!("case/{name}")), read(&format!("again/{name}")), "{name}");
    }
    assert_eq!(read(&format!("case/torrents/{hash}.torrent")), std::fs::read(torrent).expect("the torrent"));
    let other = String::from_utf8(read("case/report.json")).expect("text").replace("report/1\"", "report/7\"");
    std::fs::write(place.path().join("other.json"), other).expect("written");
    let refused = run(&["report", "other.json"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.status.code() == Some(2) && said.contains("peerproof/report/7"), "{said}");
}

#[test]
fn one_peer_is_shown_with_the_figures_of_the_whole_run() {
    let case = fixture::named("corrupt-seeder");
    let whole: serde_json::Value = serde_json::from_str(&case.report("capture.pcap")).expect("JSON");
    let text = case.report_with("capture.pcap", &["--peer", "203.0.113.3"]);
    let one: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(fixture::list(&one["subjects"]).len(), 1);
    assert_eq!(one["subjects"][0], whole["subjects"][1]);
    assert_eq!(one["torrents"][0]["served_bytes"], whole["torrents"][0]["served_bytes"]);
    assert_eq!(one["shown"]["of_subjects"], 3);
    assert_eq!(crate::fixture::violations(&one), Vec::<String>::new());
    let page = case.report_with("capture.pcap", &["-f", "html", "--peer", "203.0.113.3:6881"]);
    assert!(page.contains("The figures are those of the whole run.") && !page.contains("id=\"p-203.0.113.2"));
    let later = case.report_with("capture.pcap", &["--from", "2026-11-21T04:00:00Z"]);
    let later: serde_json::Value = serde_json::from_str(&later).expect("JSON");
    assert!(fixture::list(&later["subjects"]).is_empty());
}

#[test]
fn the_proof_that_is_shown_is_a_clean_one_with_the_hash_that_it_matches() {
    let case = fixture::named("corrupt-seeder");
    let report: serde_json::Value = serde_json::from_str(&case.report("capture.pcap")).expect("JSON");
    let subjects = fixture::list(&report["subjects"]);
    let refuted: Vec<u64> = subjects
        .iter()
        .filter(|subject| !subject["refuted_pieces"].is_null())
        .flat_map(|subject| fixture::list(&subject["refuted_pieces"]).iter())
        .flat_map(|run| fixture::number(&run["first"])..=fixture::number(&run["last"]))
        .collect();
    assert_eq!(refuted, [1, 4], "the truth of the recording: one failed piece of both, one of the corrupt seeder");
    let standard = &subjects[0]["standard"];
    let piece = fixture::number(&standard["piece"]);
    assert!(!refuted.contains(&piece), "{standard}");
    let torrent = case.read(&case.torrent());
    let hashes =
        torrent.windows(10).position(|window| window == b"6:pieces14").expect("pieces") + b"6:pieces140:".len();
    let at = hashes + 20 * usize::try_from(piece).expect("a place");
    let expected: String = torrent[at..at + 20].iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(standard["sha1"], expected.as_str());
}

#[test]
fn the_times_of_what_was_served_add_up_to_what_was_served() {
    let mut told = 0;
    for case in fixture::all() {
        let report: serde_json::Value = serde_json::from_str(&case.report("capture.pcap")).expect("JSON");
        for subject in fixture::list(&report["subjects"]).iter().filter(|subject| !subject["timeline"].is_null()) {
            let bins = fixture::list(&subject["timeline"]["bins"]);
            let sum = |class: &str| bins.iter().filter_map(|bin| bin[class].as_u64()).sum::<u64>();
            for class in ["verified", "refuted", "disputed", "repeated", "pad"] {
                assert_eq!(
                    sum(class),
                    fixture::number(&subject[format!("{class}_bytes")]),
                    "{} {class}",
                    case.name
                );
            }
            // What the captures do not show in which block it is has no time either.
            assert!(sum("unproven") <= fixture::number(&subject["unproven_bytes"]), "{}", case.name);
            assert!(
                bins.is_sorted_by_key(|bin| bin["bin"].as_u64())
                    && bins.iter().all(|bin| bin["bin"].as_u64() < Some(96))
            );
            told += bins.len();
        }
    }
    assert!(told > 100, "{told}");
}

#[test]
fn one_peer_is_shown_block_by_block_and_its_filters_select_exactly_its_frames() {
    let case = fixture::named("corrupt-seeder");
    let text = case.report_with("capture.pcap", &["-f", "text", "--peer", "203.0.113.3"]);
    let lines: Vec<String> =
        text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    for row in [
        "0 0-49,151 49,152 verified 76 6 frames, 83-128",
        "1 32,768-49,151 16,384 refuted 144 174",
        "4 49,152-65,535 16,384 refuted 105 143, 166",
        "5 32,768-65,535 32,768 verified 97 137, 139-141",
        "frame.number in {143,166,174}",
        "frame.number in {83,85,102,104,115,128,137,139..141,143,166,174,176}",
    ] {
        assert!(lines.iter().any(|line| line == row), "{row}\n{text}");
    }
    assert!(lines.join(" ").contains("bytes from it of the pieces 2-3, 6."), "{text}");
    // The rows add up to the sum over them.
    let served = lines.iter().filter(|line| line.contains(" verified ") || line.contains(" refuted "));
    let served: u64 = served.filter_map(|line| row_bytes(line)).sum();
    assert_eq!(served, 180_224, "{text}");
    let page = case.report_with("capture.pcap", &["-f", "html", "--peer", "203.0.113.3"]);
    assert!(page.contains("Block by block") && page.contains("frame.number in {143,166,174}"));
    assert!(page.contains("Addresses whose direct evidence is not in the part that is shown"));
    assert!(!page.contains(": only listed by others."), "both have rows in the whole report");
    let whole = case.report_with("capture.pcap", &["-f", "html"]);
    assert!(whole.contains("<code>--peer 203.0.113.3:6881</code>"));
}

/// The served bytes of a row of BLOCKS: the figure before its class.
fn row_bytes(line: &str) -> Option<u64> {
    let cells: Vec<&str> = line.split(' ').collect();
    let class = cells.iter().position(|cell| ["verified", "refuted"].contains(cell))?;
    // A row begins with the number of a piece.
    cells.first()?.parse::<u64>().ok()?;
    cells.get(class.checked_sub(1)?)?.replace(',', "").parse().ok()
}

#[test]
fn every_page_is_shown_by_a_browser_without_a_word_or_a_request() {
    let Some(browser) = browser() else {
        eprintln!("SKIPPED: no chromium on this machine, so no page was shown in a browser");
        return;
    };
    let place = tempfile::tempdir().expect("a directory");
    for name in ["corrupt-seeder", "hearsay", "mse-rc4", "snaplen-200"] {
        let page = place.path().join(format!("{name}.html"));
        std::fs::write(&page, fixture::named(name).report_with("capture.pcap", &["-f", "html"])).expect("written");
        let profile = place.path().join(format!("{name}.profile"));
        let output = Command::new(&browser)
            .args(FLAGS)
            .arg(format!("--user-data-dir={}", profile.display()))
            .args(["--enable-logging=stderr", "--dump-dom"])
            .arg(format!("file://{}", page.display()))
            .output()
            .expect("the browser starts");
        let (dom, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let console: Vec<&str> = said.lines().filter(|line| line.contains("CONSOLE")).collect();
        assert!(console.is_empty(), "{name}: {console:?}");
        assert!(dom.contains("id=\"named-here\""), "{name}: {}", dom.len());
        // The script ran: its controls are there.
        assert!(!dom.contains("<template class=\"find\""), "{name}");
    }
}

#[test]
fn a_page_fits_every_window_asks_for_nothing_and_its_parts_stand_where_they_are_to() {
    let Some(browser) = browser() else {
        eprintln!("SKIPPED: no chromium on this machine, so no page was measured in a browser");
        return;
    };
    let place = tempfile::tempdir().expect("a directory");
    let several = {
        let (one, other) = (fixture::named("corrupt-seeder"), fixture::named("three-peers"));
        let torrent = other.path(&other.torrent());
        let (capture, torrent) = (other.path("capture.pcap"), torrent.to_str().expect("text").to_owned());
        let more = ["-f", "html", "-t", &torrent, capture.to_str().expect("text")];
        one.report_with("capture.pcap", &more)
    };
    let pages =
        [("one", fixture::named("corrupt-seeder").report_with("capture.pcap", &["-f", "html"])), ("two", several)];
    for (name, page) in &pages {
        // A browser has a least width of its own; a frame has none. Its policy lets no other script run.
        let (before, rest) = page.split_once("<meta http-equiv=").expect("a policy");
        let (_, behind) = rest.split_once('>').expect("its end");
        let inner =
            format!("{before}{behind}<script>{MEASURE}</script>").replace('&', "&amp;").replace('"', "&quot;");
        for (width, dark) in [(320, false), (390, false), (834, false), (1_280, false), (1_280, true)] {
            let file = place.path().join("frame.html");
            let frame = format!("<iframe width={width} height=1600 srcdoc=\"{inner}\"></iframe>");
            let head = "<!doctype html><meta charset=utf-8><meta name=color-scheme content=\"light dark\">";
            std::fs::write(&file, format!("{head}<body>{frame}")).expect("written");
            let output = Command::new(&browser)
                .args(FLAGS)
                .args(["--window-size=1400,1700", "--enable-logging=stderr", "--dump-dom"])
                .args(dark.then_some("--blink-settings=preferredColorScheme=0"))
                .arg(format!("--user-data-dir={}", place.path().join("profile").display()))
                .arg(format!("file://{}", file.display()))
                .output()
                .expect("the browser starts");
            let (dom, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            let what = format!("{name}, {width} wide{}", if dark { ", dark" } else { "" });
            assert!(!said.contains("CONSOLE"), "{what}: {said}");
            let look = dom.split_once("<pre id=\"look\">").and_then(|(_, look)| look.split_once("</pre>"));
            let look = look.unwrap_or_else(|| panic!("{what}: nothing was measured")).0;
            let look: serde_json::Value = serde_json::from_str(look).expect("JSON");
            assert_eq!((&look["window"], &look["requests"]), (&width.into(), &0.into()), "{what}: {look}");
            assert!(look["page"].as_u64() <= Some(width), "{what}: the page is wider than its window: {look}");
            assert_eq!(fixture::list(&look["wide"]), [] as [serde_json::Value; 0], "{what}: {look}");
            let tops: Vec<i64> = fixture::list(&look["sections"]).iter().filter_map(|top| top.as_i64()).collect();
            assert!(tops.len() == 7 && tops.is_sorted(), "{what}: {look}");
            // Beside the text, or above it; what an answer does not show beside it, or below it.
            assert_eq!(look["rail"], width > 1_080, "{what}: {look}");
            assert_eq!(look["columns"], if width > 640 { 3 } else { 2 }, "{what}: {look}");
            assert_eq!(look["ground"], if dark { "rgb(20, 23, 26)" } else { "rgb(255, 255, 255)" }, "{what}");
        }
    }
}

/// Writes what a page looks like in its frame into the document around it.
const MEASURE: &str = r#"
addEventListener("load", () => {
  const all = s => [...document.querySelectorAll(s)], box = e => e.getBoundingClientRect();
  const one = s => document.querySelector(s), style = e => getComputedStyle(e);
  const inside = e => e.closest(".scroll") || e.closest("svg") || e.closest(".vh");
  const wide = all("body *").filter(e => box(e).width > 0 && box(e).right > innerWidth + 1 && !inside(e));
  const look = {
    window: innerWidth,
    page: document.documentElement.scrollWidth,
    wide: wide.slice(0, 5).map(e => e.tagName + "." + e.className),
    requests: performance.getEntriesByType("resource").length,
    sections: all("section.s").map(e => Math.round(box(e).top)),
    rail: box(one("nav.rail")).right <= box(one("main")).left,
    columns: style(one("ol.ans>li")).gridTemplateColumns.split(" ").length,
    ground: style(document.body).backgroundColor,
  };
  const told = parent.document.createElement("pre");
  told.id = "look";
  told.textContent = JSON.stringify(look);
  parent.document.body.appendChild(told);
});
"#;

/// The browser, where there is one.
fn browser() -> Option<PathBuf> {
    ["/usr/bin/chromium", "/usr/bin/chromium-browser"]
        .iter()
        .map(PathBuf::from)
        .find(|path: &PathBuf| Path::exists(path))
}

const FLAGS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
];
