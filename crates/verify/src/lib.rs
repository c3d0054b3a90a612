//! Checks a case of peerproof against its captures. It shares no code with the program that made the case, so that a mistake there
//! is not made again here; it is short, so that an opposing expert can read all of it.
//!
//! The order: the manifest ([`verify`]), the captures by their SHA-256 ([`capture`]), the torrents of the case ([`torrent`]), the rows of
//! `tables/pieces.csv` ([`rows`]), then piece by piece ([`mod@unit`]): the bytes that each row names are read from the captures, put
//! together, hashed, compared, and each row's class is found again. Last, the rows of every transfer are added up.
//!
//! What it cannot find again it counts and names ([`Checked::unseen`]). It does not rebuild streams: that a packet's bytes belong to
//! the piece that a row says is what the hash shows, where one matches.

#![deny(unsafe_code, missing_docs)]

pub mod capture;
pub mod rows;
pub mod signature;
pub mod torrent;
pub mod unit;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest, Sha256};

use capture::Capture;
use rows::Row;
use torrent::Torrent;

/// What was found to be as the case says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Files of the case, as the manifest states them.
    pub files: u64,
    /// Captures, found by their SHA-256: the name in the case, and where each lies.
    pub captures: Vec<(String, PathBuf)>,
    /// Rows of `pieces`.
    pub rows: u64,
    /// Bytes whose class was found again.
    pub bytes: u64,
    /// What was not found again, with its bytes: counted, never passed over.
    pub unseen: BTreeMap<&'static str, u64>,
}

/// Why a case is not confirmed.
#[derive(Debug)]
pub enum Fault {
    /// The case is not what its captures show: the first difference.
    Differs(Difference),
    /// It could not be checked.
    Cannot(String),
}

/// Where the case and what was found part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// The file, or the piece and its sender.
    pub place: String,
    /// What the case says.
    pub stated: String,
    /// What was found.
    pub found: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Differs(differs) => {
                write!(
                    f,
                    "differs: {}\n  the case     {}\n  found        {}",
                    differs.place, differs.stated, differs.found
                )
            }
            Self::Cannot(why) => f.write_str(why),
        }
    }
}

pub(crate) fn differs<T>(
    place: impl Into<String>,
    stated: impl ToString,
    found: impl ToString,
) -> Result<T, Fault> {
    let (stated, found) = (stated.to_string(), found.to_string());
    Err(Fault::Differs(Difference { place: place.into(), stated, found }))
}

pub(crate) fn cannot(path: &Path, why: impl fmt::Display) -> Fault {
    Fault::Cannot(format!("{}: {why}", path.display()))
}

/// Checks the case in the directory `case` against the captures of the same SHA-256 among `given`, beside the case, in it, and in the
/// working directory.
///
/// # Errors
/// [`Fault::Differs`] with the first difference; [`Fault::Cannot`] where the case has no manifest or no table of pieces, or a capture is
/// found nowhere.
pub fn verify(case: &Path, given: &[PathBuf]) -> Result<Checked, Fault> {
    let mut checked = Checked::default();
    let manifest = json(&case.join(MANIFEST))?;
    let report = json(&case.join(REPORT))?;
    for (key, schema) in [("schema", CASE_SCHEMA), ("report_schema", REPORT_SCHEMA)] {
        if text(&manifest[key]) != schema {
            return differs(
                format!("{MANIFEST}, {key}"),
                text(&manifest[key]),
                format!("this version checks {schema}"),
            );
        }
    }
    for key in ["tool", "options"] {
        if manifest[key] != report[key] {
            return differs(format!("{MANIFEST} and {REPORT}, {key}"), &manifest[key], &report[key]);
        }
    }
    checked.files = files(case, &manifest)?;
    let mut captures = Vec::new();
    for (at, name, path) in found(case, given, &manifest, &report)? {
        captures.push((at, Capture::open(&path)?));
        checked.captures.push((name, path));
    }
    let torrents = torrents(case)?;
    let table = case.join(PIECES);
    let bytes = fs::read(&table).map_err(|_| {
        Fault::Cannot(format!(
            "{} holds no {PIECES}: peerproof analyze CAPTURE... -o CASE writes it",
            case.display()
        ))
    })?;
    let rows = rows::read(&bytes).map_err(|why| cannot(&table, why))?;
    sums(&rows, &report)?;
    let mut pieces: BTreeMap<(&str, Option<u32>), Vec<&Row>> = BTreeMap::new();
    rows.iter().for_each(|row| pieces.entry((&row.info_hash, row.piece)).or_default().push(row));
    for ((info_hash, piece), rows) in pieces {
        unit::check(torrents.get(info_hash), piece, &rows, &mut captures, &mut checked)?;
    }
    checked.rows = rows.len() as u64;
    Ok(checked)
}

/// The captures of a case, found as by [`verify`].
///
/// # Errors
/// Those of [`verify`] that bear on captures.
pub fn captures(case: &Path, given: &[PathBuf]) -> Result<Vec<PathBuf>, Fault> {
    let (manifest, report) = (json(&case.join(MANIFEST))?, json(&case.join(REPORT))?);
    Ok(found(case, given, &manifest, &report)?.into_iter().map(|(_, _, path)| path).collect())
}

/// The captures: of each its index among the inputs, its name, and where it lies.
fn found(
    case: &Path,
    given: &[PathBuf],
    manifest: &Value,
    report: &Value,
) -> Result<Vec<(usize, String, PathBuf)>, Fault> {
    let inputs = inputs(manifest, report)?.into_iter().enumerate().filter(|(_, input)| input.is_capture);
    inputs.map(|(at, input)| find(&input, case, given).map(|path| (at, input.name, path))).collect()
}

/// Every file that the manifest states, and none besides.
fn files(case: &Path, manifest: &Value) -> Result<u64, Fault> {
    let mut stated = BTreeSet::from([MANIFEST.to_owned(), SIGNATURE.to_owned()]);
    for entry in list(&manifest["outputs"]) {
        let name = text(&entry["name"]);
        // A name that leads out of the case would be read elsewhere.
        if name.is_empty() || name.starts_with('/') || name.split('/').any(|part| part == "..") {
            return differs(MANIFEST, format!("a file {name:?}"), "no name of a file in a case");
        }
        let (bytes, digest) = digest(&case.join(name)).map_err(|why| cannot(&case.join(name), why))?;
        if entry["bytes"].as_u64() != Some(bytes) {
            return differs(name, format!("{} bytes", entry["bytes"]), format!("{bytes} bytes"));
        }
        if text(&entry["sha256"]) != digest {
            return differs(name, format!("SHA-256 {}", text(&entry["sha256"])), digest);
        }
        stated.insert(name.to_owned());
    }
    let mut there = Vec::new();
    walk(case, "", &mut there).map_err(|why| cannot(case, why))?;
    match there.into_iter().find(|name| !stated.contains(name)) {
        Some(name) => differs(name, "not in the manifest", "it is there"),
        None => Ok(stated.len() as u64 - 1),
    }
}

fn walk(directory: &Path, prefix: &str, out: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() { walk(&entry.path(), &format!("{name}/"), out)? } else { out.push(name) }
    }
    out.sort();
    Ok(())
}

/// An input of the case.
struct Input {
    name: String,
    bytes: u64,
    sha256: String,
    is_capture: bool,
}

/// The inputs, which manifest and report state alike.
fn inputs(manifest: &Value, report: &Value) -> Result<Vec<Input>, Fault> {
    let both = (list(&manifest["inputs"]), list(&report["inputs"]));
    if both.0.len() != both.1.len() {
        return differs(
            "inputs",
            format!("{} in {MANIFEST}", both.0.len()),
            format!("{} in {REPORT}", both.1.len()),
        );
    }
    let mut inputs = Vec::new();
    for (one, other) in both.0.iter().zip(both.1) {
        for key in ["name", "bytes", "sha256"] {
            if one[key] != other[key] {
                return differs(format!("{MANIFEST} and {REPORT}, {key} of an input"), &one[key], &other[key]);
            }
        }
        let name = text(&one["name"]).to_owned();
        let is_capture = text(&other["kind"]) == "capture";
        if is_capture && text(&one["sha256"]).is_empty() {
            return Err(Fault::Cannot(format!("the case does not state the SHA-256 of {name} (--no-digest)")));
        }
        inputs.push(Input {
            name,
            bytes: one["bytes"].as_u64().unwrap_or_default(),
            sha256: text(&one["sha256"]).to_owned(),
            is_capture,
        });
    }
    Ok(inputs)
}

/// The file with the digest of `input`, of those of its size: among `given` and in the directories of it, beside the case, in it, and in
/// the working directory.
fn find(input: &Input, case: &Path, given: &[PathBuf]) -> Result<PathBuf, Fault> {
    let above = case.canonicalize().ok().and_then(|case| case.parent().map(Path::to_owned));
    let around = [above, Some(case.to_owned()), Some(PathBuf::from("."))].into_iter().flatten();
    let mut changed = None;
    for place in given.iter().cloned().chain(around) {
        let inside = fs::read_dir(&place).into_iter().flatten().flatten().map(|entry| entry.path());
        let mut files: Vec<PathBuf> = inside.chain([place.clone()]).filter(|path| path.is_file()).collect();
        files.sort();
        for path in files {
            let is_named = path.file_name().is_some_and(|name| name.to_string_lossy() == input.name.as_str());
            let len = fs::metadata(&path).map_err(|why| cannot(&path, why))?.len();
            if len != input.bytes && !is_named {
                continue;
            }
            let (_, found) = digest(&path).map_err(|why| cannot(&path, why))?;
            if found == input.sha256 {
                return Ok(path);
            }
            if is_named && changed.is_none() {
                changed = Some((path, found));
            }
        }
    }
    let stated = format!("SHA-256 {} of {}", input.sha256, input.name);
    match changed {
        Some((path, found)) => differs(path.display().to_string(), stated, found),
        None => Err(Fault::Cannot(format!(
            "no file with {stated} is given, beside the case, in it, or in the working directory"
        ))),
    }
}

/// The torrents of the case, by the info-hash of their name, which must be their own.
fn torrents(case: &Path) -> Result<BTreeMap<String, Torrent>, Fault> {
    let mut torrents = BTreeMap::new();
    let directory = case.join("torrents");
    for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
        let path = entry.path();
        let bytes = fs::read(&path).map_err(|why| cannot(&path, why))?;
        let torrent = Torrent::parse(&bytes).map_err(|why| cannot(&path, why))?;
        let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if !torrent.info_hashes.contains(&name) {
            return differs(
                path.display().to_string(),
                format!("info-hash {name}"),
                torrent.info_hashes.join(", "),
            );
        }
        torrents.insert(name, torrent);
    }
    Ok(torrents)
}

/// The rows of each transfer add up to its figures, class by class.
fn sums(rows: &[Row], report: &Value) -> Result<(), Fault> {
    let mut sums: BTreeMap<(u64, &str), u64> = BTreeMap::new();
    for row in rows {
        *sums.entry((row.transfer, &row.class)).or_default() += row.bytes;
    }
    for (at, transfer) in (0..).zip(list(&report["transfers"])) {
        let all: u64 = CLASSES.iter().filter_map(|class| sums.get(&(at, *class))).sum();
        // A bound of the analysis was reached: then the report says so.
        if all == 0 && transfer["served_bytes"].as_u64() != Some(0) && has_bound(report) {
            continue;
        }
        for class in CLASSES {
            let found = sums.get(&(at, class)).copied().unwrap_or(0);
            let stated = &transfer[format!("{class}_bytes")];
            if stated.as_u64() != Some(found) {
                let place = format!("{} -> {}", text(&transfer["uploader"]), text(&transfer["downloader"]));
                return differs(place, format!("{class} {stated}"), format!("rows of pieces with {found} bytes"));
            }
        }
        if transfer["served_bytes"].as_u64() != Some(all) {
            return differs(text(&transfer["uploader"]), format!("served {}", transfer["served_bytes"]), all);
        }
    }
    Ok(())
}

fn has_bound(report: &Value) -> bool {
    list(&report["anomalies"]).iter().any(|anomaly| text(&anomaly["kind"]) == "limit-reached")
}

/// Size and SHA-256 of a file.
fn digest(path: &Path) -> io::Result<(u64, String)> {
    let (mut file, mut hash, mut chunk, mut bytes) = (File::open(path)?, Sha256::new(), vec![0; 1 << 20], 0);
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok((bytes, hex(&hash.finalize()))),
            read => {
                hash.update(chunk.get(..read).unwrap_or_default());
                bytes += read as u64;
            }
        }
    }
}

fn json(path: &Path) -> Result<Value, Fault> {
    let bytes = fs::read(path).map_err(|why| cannot(path, why))?;
    serde_json::from_slice(&bytes).map_err(|why| {
        Fault::Differs(Difference {
            place: path.display().to_string(),
            stated: "JSON".to_owned(),
            found: why.to_string(),
        })
    })
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

const MANIFEST: &str = "manifest.json";
/// A signature of the manifest may stand beside it.
const SIGNATURE: &str = "manifest.json.minisig";
const REPORT: &str = "report.json";
const PIECES: &str = "tables/pieces.csv";
const CASE_SCHEMA: &str = "peerproof/case/1";
const REPORT_SCHEMA: &str = "peerproof/report/1";
/// Every served byte is in exactly one of these.
const CLASSES: [&str; 6] = ["verified", "refuted", "disputed", "unproven", "repeated", "pad"];
