//! Every command line of README.md and docs/: those in `console` blocks are run, with their output; of all others it is tested that
//! the program knows them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

fn documents() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let pages = std::fs::read_dir(root.join("docs")).expect("docs can be listed");
    let mut pages: Vec<PathBuf> = pages.map(|entry| entry.expect("readable").path()).collect();
    pages.retain(|page| page.extension().is_some_and(|extension| extension == "md"));
    pages.push(root.join("README.md"));
    pages.sort();
    assert!(pages.len() > 5, "{pages:?}");
    pages
}

/// Each page beside a folder of its own, in which its commands are run and may write.
#[test]
#[cfg(unix)]
fn every_console_block_prints_what_stands_below_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let place = tempfile::tempdir().expect("a directory");
    let cases = trycmd::TestCases::new();
    cases.env("COLUMNS", "80").env("RUST_BACKTRACE", "0");
    for page in documents() {
        let copy = place.path().join(page.file_name().expect("a name"));
        std::fs::copy(&page, &copy).expect("copied");
        let folder = copy.with_extension("in");
        std::fs::create_dir(&folder).expect("made");
        for name in ["fixtures", "tests"] {
            std::os::unix::fs::symlink(root.join(name), folder.join(name)).expect("linked");
        }
        cases.case(&copy);
    }
    cases.run();
}

#[test]
fn every_other_command_line_is_one_that_the_program_knows() {
    let mut lines = BTreeSet::new();
    for page in documents() {
        let text = std::fs::read_to_string(&page).expect("text");
        let spans = text.split('`').filter(|span| !span.contains('\n'));
        let shown = text.lines().map(|line| line.trim_start().trim_start_matches("$ "));
        let all = spans.chain(shown).filter_map(|line| line.strip_prefix("peerproof "));
        lines.extend(all.map(|line| line.split(['#', '>', '|']).next().unwrap_or(line).trim().to_owned()));
    }
    let lines: Vec<&String> =
        lines.iter().filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase())).collect();
    assert!(lines.len() > 20, "{lines:?}");
    let place = tempfile::tempdir().expect("a directory");
    let mut unknown = Vec::new();
    for line in lines {
        let words =
            line.split_whitespace().map(|word| word.trim_matches(['[', ']', '(', ')']).trim_end_matches("..."));
        let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
        let mut command = Command::new(env!("CARGO_BIN_EXE_peerproof"));
        let output = command.current_dir(place.path()).args(&words).output().expect("it starts");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let is_usage = ["unexpected argument", "unrecognized subcommand", "unknown option", "unknown command"]
            .iter()
            .any(|refusal| said.contains(refusal));
        if is_usage {
            unknown.push(format!("peerproof {line}: {said}"));
        }
    }
    assert!(unknown.is_empty(), "{}", unknown.join("\n"));
}
