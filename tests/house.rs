//! English of docs and invariants of `expect`, kept as the house style has them: ceilings that can only fall.

use std::path::Path;

use super::layers::{complain, read, sources, walk};

/// Docs that begin with one of these words name nothing to a reader who has only that line.
const EMPTY: [&str; 3] = ["What ", "Whether ", "The same "];

/// Such docs of each folder. Whoever takes some away lowers the ceiling.
const CEILINGS: [(&str, usize); 5] = [("src", 8), ("crates", 2), ("tests", 5), ("benches", 0), ("examples", 0)];

#[test]
fn docs_begin_with_a_noun_or_a_verb() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    complain(CEILINGS.into_iter().filter_map(|(folder, most)| {
        let mut files = Vec::new();
        walk(&root.join(folder), &mut files);
        let docs = files.iter().map(|path| read(path).lines().filter(|line| is_empty(line)).count());
        let count: usize = docs.sum();
        (count > most)
            .then(|| format!("{folder}: {count} docs begin with What, Whether or The same, {most} are allowed"))
    }));
}

fn is_empty(line: &str) -> bool {
    let doc = line.trim_start().strip_prefix("//").and_then(|rest| rest.strip_prefix(['/', '!']));
    doc.is_some_and(|doc| EMPTY.iter().any(|word| doc.trim_start().starts_with(word)))
}

/// An `expect` says the invariant in words; nothing that a file can hold may break it.
#[test]
fn nothing_is_unwrapped_outside_of_tests() {
    complain(sources().into_iter().flat_map(|source| {
        let code =
            ["\n#[cfg(test)]", "\n#[cfg(all(test"].into_iter().filter_map(|tests| source.code.find(tests)).min();
        let code = &source.code[..code.unwrap_or(source.code.len())];
        let short = code.match_indices(".expect(\"").filter(|(at, found)| {
            let words = code[at + found.len()..].split('"').next().unwrap_or_default();
            words.split(' ').count() < 4
        });
        let unwrapped = code.matches(".unwrap()").chain(short.map(|(_, found)| found));
        unwrapped.map(|found| format!("{}: {found}", source.path.display())).collect::<Vec<_>>()
    }));
}
