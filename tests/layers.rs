//! Who may use what, kept true by reading the sources: modules, crates, clock, printing, `unsafe`, file length.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A room (a module of the crate's root), the rooms that it may use, and the external crates that it may use.
struct Layer {
    name: &'static str,
    uses: &'static [&'static str],
    crates: &'static [&'static str],
}

/// The vocabulary, and what stands beside the pipeline: every room may use these.
const SHARED: &[&str] =
    &["error", "directory", "input", "limits", "ends", "oddity", "anomaly", "bencode", "words", "Error", "Limits"];
const SHARED_CRATES: &[&str] = &["thiserror", "memchr", "hashbrown", "foldhash", "serde", "schemars"];

/// From the bottom of the pipeline to its top: a room uses only rooms that stand before it, so that there is no circle.
/// `*` is all of those.
const LAYERS: &[Layer] = &[
    Layer { name: "error", uses: &[], crates: &[] },
    Layer { name: "words", uses: &[], crates: &[] },
    Layer { name: "directory", uses: &[], crates: &[] },
    Layer { name: "input", uses: &[], crates: &["tempfile"] },
    Layer { name: "ends", uses: &[], crates: &["jiff", "data_encoding"] },
    Layer { name: "limits", uses: &[], crates: &[] },
    Layer { name: "oddity", uses: &[], crates: &[] },
    Layer { name: "anomaly", uses: &[], crates: &[] },
    Layer { name: "output", uses: &[], crates: &["tempfile", "rustix"] },
    Layer { name: "bencode", uses: &[], crates: &["nom"] },
    // Packets written again.
    Layer { name: "record", uses: &[], crates: &[] },
    Layer {
        name: "capture",
        uses: &[],
        crates: &[
            "pcap_parser",
            "memmap2",
            "flate2",
            "zstd",
            "lz4_flex",
            "liblzma",
            "bzip2",
            "tempfile",
            "sha2",
            "glob",
        ],
    },
    Layer { name: "packet", uses: &["capture"], crates: &["etherparse", "nom"] },
    Layer { name: "flow", uses: &[], crates: &[] },
    Layer { name: "stream", uses: &["packet"], crates: &["nom"] },
    Layer { name: "mse", uses: &["packet", "stream"], crates: &["nom", "rc4", "sha1", "sha2", "data_encoding"] },
    Layer { name: "wire", uses: &["stream"], crates: &["nom"] },
    Layer { name: "proxy", uses: &["stream", "wire"], crates: &["nom"] },
    Layer { name: "session", uses: &["stream", "wire"], crates: &[] },
    Layer {
        name: "hearsay",
        uses: &["packet", "stream", "wire"],
        crates: &["nom", "httparse", "percent_encoding", "data_encoding", "serde_json"],
    },
    Layer { name: "metadata", uses: &[], crates: &["sha1", "sha2"] },
    Layer { name: "options", uses: &["packet", "mse"], crates: &[] },
    Layer { name: "torrent", uses: &[], crates: &["nom", "sha1", "sha2", "data_encoding", "percent_encoding"] },
    // The answers of HTTP trackers are compressed.
    Layer {
        name: "webseed",
        uses: &["stream", "wire", "torrent"],
        crates: &["httparse", "flate2", "percent_encoding"],
    },
    // What the walk writes down: owned, without a torrent, a packet or a byte of a capture.
    Layer {
        name: "facts",
        uses: &["capture", "stream", "wire", "session", "hearsay", "metadata", "webseed"],
        crates: &["postcard", "sha2"],
    },
    Layer {
        name: "prove",
        uses: &["torrent", "facts"],
        crates: &["peerproof_hash", "sha1", "sha1_checked", "sha2"],
    },
    // Decides what facts are worth; holds no capture bytes.
    Layer { name: "judge", uses: &["wire", "session", "torrent", "webseed", "facts", "prove"], crates: &[] },
    // Drives every stage in capture order, up to the facts.
    Layer {
        name: "spine",
        uses: &[
            "capture", "packet", "flow", "stream", "mse", "wire", "proxy", "session", "hearsay", "metadata",
            "options", "torrent", "webseed", "facts", "prove", "judge",
        ],
        crates: &[],
    },
    Layer {
        name: "evidence",
        uses: &["capture", "wire", "session", "hearsay", "metadata", "facts", "torrent", "judge", "spine"],
        crates: &[],
    },
    // What lists of the user's say of addresses.
    Layer { name: "hosts", uses: &["evidence"], crates: &["maxminddb", "jiff", "sha2"] },
    Layer {
        name: "report",
        uses: &["output", "evidence", "options", "torrent", "hosts"],
        crates: &[
            "itoa",
            "peerproof_table",
            "serde_json",
            "jiff",
            "askama",
            "tempfile",
            "sha1",
            "data_encoding",
            "sha2",
            "textwrap",
        ],
    },
    // Every view of a report, in a directory with its coverage and the torrents; and read back.
    Layer { name: "case", uses: &["evidence", "report", "output"], crates: &["serde_json", "sha2", "csv"] },
    // Rewrites a report as a whole, before any view of it.
    Layer {
        name: "pseudonym",
        uses: &["hosts", "report"],
        crates: &["ipcrypt_rs", "data_encoding", "sha2", "serde_json"],
    },
    // Notices against evidence; its texts are written as those of reports are.
    Layer {
        name: "audit",
        uses: &["evidence", "hosts", "report"],
        crates: &["quick_xml", "mail_parser", "csv", "encoding_rs", "data_encoding", "jiff", "sha2", "serde_json"],
    },
    // Who signed a manifest.
    Layer { name: "signature", uses: &[], crates: &["minisign_verify", "ssh_key"] },
    // Expectations against a report.
    Layer { name: "check", uses: &["evidence", "options", "report"], crates: &["glob", "serde_json", "toml"] },
    // Facts of a set in a directory, and those of several sets together.
    Layer {
        name: "part",
        uses: &["capture", "hearsay", "metadata", "options", "facts", "spine", "output", "report"],
        crates: &["postcard", "sha2", "serde_json"],
    },
    Layer {
        name: "analyze",
        uses: &[
            "capture", "metadata", "options", "torrent", "webseed", "facts", "prove", "judge", "spine", "evidence",
            "part",
        ],
        crates: &["sha2"],
    },
    // Verified bytes as files.
    Layer {
        name: "content",
        uses: &["output", "torrent", "evidence", "report", "analyze"],
        crates: &["serde_json"],
    },
    // The streams of the peer wire as TCP.
    Layer {
        name: "clear",
        uses: &["capture", "session", "options", "torrent", "spine", "evidence", "output", "record", "analyze"],
        crates: &[],
    },
    // A part of captures that proves what they prove of a peer.
    Layer {
        name: "cut",
        uses: &[
            "capture", "packet", "options", "torrent", "judge", "spine", "evidence", "report", "output", "record",
            "analyze",
        ],
        crates: &[],
    },
    // A walk without proofs, told in a document of its own.
    Layer {
        name: "inspect",
        uses: &["capture", "metadata", "options", "torrent", "judge", "spine", "evidence", "report", "analyze"],
        crates: &["serde_json"],
    },
    Layer { name: "lib", uses: &["*"], crates: &[] },
    Layer {
        name: "cli",
        uses: &["*"],
        crates: &[
            "anstream",
            "clap",
            "clap_complete",
            "clap_mangen",
            "indicatif",
            "anyhow",
            "jiff",
            "peerproof",
            // The second verifier shares no code with the library, so only the command line knows both.
            "peerproof_verify",
            "serde_json",
            "terminal_size",
        ],
    },
    Layer { name: "main", uses: &["cli"], crates: &["clap", "anyhow", "peerproof"] },
];

const LINES: usize = 600;

#[test]
fn every_module_stands_in_the_table() {
    let known: BTreeSet<&str> = LAYERS.iter().map(|layer| layer.name).collect();
    complain(
        sources()
            .iter()
            .filter(|source| !known.contains(source.module.as_str()))
            .map(|source| format!("{}: `{}` is in no row", source.path.display(), source.module)),
    );
}

#[test]
fn a_room_uses_whole_rooms_that_stand_before_it() {
    let place = |name: &str| LAYERS.iter().position(|layer| layer.name == name);
    complain(LAYERS.iter().enumerate().flat_map(|(at, layer)| {
        let others = layer.uses.iter().filter(|used| **used != "*");
        let wrong = others.filter(move |used| place(used).is_none_or(|before| before >= at));
        wrong.map(|used| format!("`{}` uses `{used}`, which is no room before it", layer.name))
    }));
}

#[test]
fn modules_use_only_what_their_row_allows() {
    let mut faults = Vec::new();
    for source in sources() {
        let Some(layer) = LAYERS.iter().find(|layer| layer.name == source.module) else { continue };
        for path in crate_paths(&source.code) {
            let first = path.split("::").next().unwrap_or_default();
            if first != source.module && !SHARED.contains(&first) && !layer.allows(&path) {
                faults.push(format!("{}: `crate::{path}` is not for `{}`", source.path.display(), layer.name));
            }
        }
        for name in dependencies() {
            let allowed = SHARED_CRATES.contains(&name.as_str()) || layer.crates.contains(&name.as_str());
            if !allowed && uses_crate(&source.code, &name) {
                faults.push(format!("{}: the crate `{name}` is not for `{}`", source.path.display(), layer.name));
            }
        }
    }
    complain(faults);
}

#[test]
fn nothing_but_progress_display_reads_a_clock() {
    let clocks = ["Instant::now", "SystemTime::now", "Zoned::now", "Timestamp::now"];
    complain(sources().iter().filter(|source| source.module != "cli").flat_map(|source| source.find(&clocks)));
}

#[test]
fn only_main_cli_and_report_print() {
    let prints = ["println!", "eprintln!", "print!", "eprint!", "dbg!"];
    let may = ["main", "cli", "report"];
    let others = sources().into_iter().filter(|source| !may.contains(&source.module.as_str()));
    complain(others.flat_map(|source| source.find(&prints)).collect::<Vec<_>>());
}

/// A stage takes items and gives items: what it met goes on its own `out`, and no context is threaded through. Bounds are
/// given where a stage is made.
#[test]
fn no_context_is_threaded_through_a_stage() {
    let stages = [
        "capture", "packet", "flow", "stream", "mse", "wire", "proxy", "session", "hearsay", "metadata", "webseed",
    ];
    let contexts = ["&mut Shared", "&Prover", "&Decoder"];
    let makers = ["new(", "joined(", "from("];
    let mut faults = Vec::new();
    for source in sources() {
        faults.extend(source.find(&["&mut Anomalies"]));
        if !stages.contains(&source.module.as_str()) {
            continue;
        }
        faults.extend(source.find(&contexts));
        for function in source.code.split("fn ").skip(1) {
            let signature = function.split(['{', ';']).next().unwrap_or_default();
            if signature.contains("&Limits") && !makers.iter().any(|maker| signature.starts_with(maker)) {
                faults.push(format!("{}: bounds in `fn {}`", source.path.display(), signature.trim()));
            }
        }
    }
    complain(faults);
}

#[test]
fn no_test_asserts_wall_time() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["src", "tests", "crates"] {
        walk(&root.join(folder), &mut files);
    }
    files.retain(|path| !path.components().any(|part| part.as_os_str() == "benches"));
    let clock = ["Instant", "::now"].concat();
    let asked = files.iter().filter(|path| !path.starts_with(root.join("src/cli")) && read(path).contains(&clock));
    let here = root.join("tests/layers.rs");
    complain(asked.filter(|path| **path != here).map(|path| format!("{}: it reads a clock", path.display())));
}

/// A command is a file of `cli` with a `run`; what several of them need stands in a file beside them.
#[test]
fn no_command_imports_another() {
    let files: Vec<Source> = sources().into_iter().filter(|source| source.module == "cli").collect();
    let name = |source: &Source| source.path.file_stem().expect("a file").to_string_lossy().into_owned();
    let commands: Vec<String> =
        files.iter().filter(|source| source.code.contains("pub fn run(&self")).map(name).collect();
    assert!(commands.len() >= 4, "{commands:?}");
    let others = files.iter().filter(|source| name(source) != "mod");
    complain(others.flat_map(|source| {
        let paths = commands.iter().map(|command| format!("super::{command}::"));
        let used = paths.filter(|path| source.code.contains(path.as_str()));
        used.map(|path| format!("{}: `{path}` is another command", source.path.display())).collect::<Vec<_>>()
    }));
}

#[test]
fn unsafe_stands_in_the_one_module_that_maps() {
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/capture/mapped");
    let files = sources().into_iter().filter(|source| words(&source.code).any(|word| word == "unsafe"));
    let others = files.filter(|source| !source.path.with_extension("").starts_with(&home));
    complain(others.map(|source| format!("{}: unsafe outside capture/mapped", source.path.display())));
}

#[test]
fn unsafe_stands_in_the_modules_of_instruction_sets_where_many_are_hashed() {
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/hash/src");
    let mut files = Vec::new();
    walk(&home, &mut files);
    assert!(files.len() > 5, "{files:?}");
    let may = ["avx2", "avx512", "neon", "load_ahead"].map(|name| home.join(name).with_extension("rs"));
    let others = files.into_iter().filter(|path| !may.contains(path));
    complain(
        others
            .filter(|path| {
                read(path).lines().any(|line| {
                    let code = line.split("//").next().unwrap_or_default();
                    words(code).any(|word| word == "unsafe")
                })
            })
            .map(|path| format!("{}: unsafe outside of instruction sets", path.display())),
    );
}

#[test]
fn no_file_is_longer_than_the_house_allows() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["src", "tests", "benches", "crates"] {
        walk(&root.join(folder), &mut files);
    }
    complain(files.iter().filter_map(|path| {
        let lines = read(path).lines().count();
        (lines > LINES).then(|| format!("{}: {lines} lines, {LINES} allowed", path.display()))
    }));
}

#[test]
fn use_trees_are_read_to_their_leaves() {
    let code = "use crate::a::{self, b::{C, d as e}};\npub use crate::f;\nlet x = crate::g::H::new();";
    let paths: Vec<String> = crate_paths(code).into_iter().collect();
    assert_eq!(paths, ["a::b::C", "a::b::d", "a::self", "f", "g::H::new"]);
    assert!(uses_crate("use nom::bytes;", "nom") && !uses_crate("use crate::nom::x;", "nom"));
}

impl Layer {
    fn allows(&self, path: &str) -> bool {
        let within = |allowed: &str| path == allowed || path.starts_with(&format!("{allowed}::"));
        if self.uses.contains(&"*") {
            let below = LAYERS.iter().take_while(|layer| layer.name != self.name);
            // What the crate root re-exports is for those who stand above it.
            if below.into_iter().any(|layer| within(layer.name)) || path.starts_with(char::is_uppercase) {
                return true;
            }
        }
        self.uses.iter().any(|allowed| within(allowed))
    }
}

/// A source file without comments and without its tests.
pub(super) struct Source {
    pub(super) path: PathBuf,
    module: String,
    pub(super) code: String,
}

impl Source {
    fn find(&self, needles: &[&str]) -> Vec<String> {
        let found = needles.iter().filter(|needle| {
            self.code.match_indices(**needle).any(|(at, _)| !self.code[..at].ends_with(is_identifier))
        });
        found.map(|needle| format!("{}: {needle}", self.path.display())).collect()
    }
}

pub(super) fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    walk(&root, &mut files);
    let tests = test_modules(&files);
    files
        .into_iter()
        .filter(|path| !tests.iter().any(|test| path.with_extension("").starts_with(test)))
        .map(|path| {
            let inside = path.strip_prefix(&root).expect("walked from there").with_extension("");
            let module = inside.iter().next().expect("a file").to_string_lossy().into_owned();
            let text = read(&path);
            let code = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            let code = code.lines().map(|line| line.split("//").next().unwrap_or_default());
            Source { module, code: code.collect::<Vec<_>>().join("\n"), path }
        })
        .collect()
}

/// Files and folders that are declared under `#[cfg(test)]`, without extension.
fn test_modules(files: &[PathBuf]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in files {
        let text = read(path);
        let stem = path.file_stem().expect("a file").to_string_lossy();
        let folder = match stem.as_ref() {
            "mod" | "lib" | "main" => path.parent().expect("in src").to_path_buf(),
            _ => path.with_extension(""),
        };
        for part in text.split("#[cfg(test)]\n").skip(1) {
            let declared = part.trim_start().trim_start_matches("pub(crate) ").strip_prefix("mod ");
            if let Some((name, _)) = declared.and_then(|rest| rest.split('\n').next()?.split_once(';')) {
                found.push(folder.join(name));
            }
        }
    }
    found
}

/// Every path behind `crate::`, use trees expanded.
fn crate_paths(code: &str) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        if !code[..at].ends_with(|c| is_identifier(c) || c == '$') {
            expand(String::new(), &code[at + "crate::".len()..], &mut paths);
        }
    }
    paths
}

/// Reads one branch of a use tree from the start of `text`; returns how much of it was read.
fn expand(prefix: String, text: &str, paths: &mut BTreeSet<String>) -> usize {
    let mut at = 0;
    let mut path = prefix;
    loop {
        at += text[at..].len() - text[at..].trim_start().len();
        let rest = &text[at..];
        if rest.starts_with('{') {
            at += 1;
            while !text[at..].trim_start().starts_with('}') && !text[at..].trim().is_empty() {
                at += expand(path.clone(), &text[at..], paths);
                // `as name` and the comma.
                at += text[at..].find([',', '}']).unwrap_or(text[at..].len());
                at += usize::from(text[at..].starts_with(','));
            }
            return at + text[at..].find('}').map_or(0, |end| end + 1);
        }
        let len = rest.find(|c: char| !is_identifier(c) && c != '*').unwrap_or(rest.len());
        path.push_str(&rest[..len]);
        at += len;
        if !text[at..].starts_with("::") {
            paths.insert(path.trim_end_matches("::").to_owned());
            return at;
        }
        at += 2;
        path.push_str("::");
    }
}

/// Returns true if a path begins with `name::`.
fn uses_crate(code: &str, name: &str) -> bool {
    let path = format!("{name}::");
    code.match_indices(&path)
        .any(|(at, _)| !code[..at].ends_with(|c| is_identifier(c) || c == ':') || code[..at].ends_with(" ::"))
}

/// The names of `[dependencies]`, as paths write them, and this crate's own.
fn dependencies() -> Vec<String> {
    let manifest = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"));
    let section = manifest.split("\n[dependencies]\n").nth(1).and_then(|rest| rest.split("\n[").next());
    let lines = section.expect("a manifest has dependencies").lines();
    let mut names: Vec<String> = lines
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| Some(line.split_once(" = ")?.0.replace('-', "_")))
        .collect();
    assert!(names.iter().any(|name| name == "etherparse"), "the manifest was read");
    names.push("peerproof".into());
    names
}

fn words(code: &str) -> impl Iterator<Item = &str> {
    code.split(|c: char| !is_identifier(c))
}

fn is_identifier(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

pub(super) fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("readable").path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            walk(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

pub(super) fn read(path: &Path) -> String {
    std::fs::read_to_string(path).expect("a source file can be read")
}

pub(super) fn complain(faults: impl IntoIterator<Item = String>) {
    let faults: Vec<String> = faults.into_iter().collect();
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}
