//! Checks a case of peerproof against its captures. It shares no code with the program that made the case, so that a mistake there
//! is not made again here; it is short, so that an opposing expert can read all of it.
//!
//! The order: the manifest ([`verify`]), the captures by their digests (`place`, `capture`), the torrents of the case (`torrent`), the
//! rows of `tables/pieces.csv` (`rows`), then piece by piece (`unit`): the bytes that each row names are read from the captures, put
//! together, hashed, compared, and each row's class is found again. The rows of every transfer add up to its figures.
//!
//! Bytes that it cannot find again it counts and names ([`Checked::unseen`]). It does not rebuild streams: that a
//! packet's bytes belong to the piece that a row says is what the hash shows, where one matches.

#![deny(unsafe_code, missing_docs)]

mod capture;
mod place;
mod rows;
mod torrent;
mod unit;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use serde_json::Value;

use capture::Capture;
pub use place::Found;
use rows::Row;
use torrent::Torrent;

/// Counts of bytes that were found to be as the case says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Files of the case, as the manifest states them.
    pub files: u64,
    /// Captures.
    pub captures: Vec<Found>,
    /// Rows of `pieces`.
    pub rows: u64,
    /// Bytes whose class was found again.
    pub bytes: u64,
    /// Bytes that were not found again, by reason: counted, never passed over.
    pub unseen: BTreeMap<&'static str, u64>,
}

/// Why a case is not confirmed.
#[derive(Debug)]
pub enum Fault {
    /// The case is not what its captures show; this is the first difference.
    Differs {
        /// The file, or the piece and its sender.
        place: String,
        /// Statement of the case.
        stated: String,
        /// Value that was found.
        found: String,
    },
    /// A capture is not among the files.
    Missing {
        /// Name of the file in the case.
        name: String,
        /// Its digest.
        sha256: String,
    },
    /// It could not be checked.
    Cannot(String),
}

/// Checks the case in the directory `case` against its captures, which are found by their digests among `files`.
///
/// # Errors
/// [`Fault`]; it cannot be checked where its schema is not known, or it has no table of pieces.
pub fn verify(case: &Path, files: &[PathBuf]) -> Result<Checked, Fault> {
    let (manifest, report) = opened(case)?;
    let mut checked = Checked { files: stated_files(case, &manifest)?, ..Checked::default() };
    checked.captures = place::found(&report, files)?;
    let mut captures = BTreeMap::new();
    for Found { input, path, .. } in &checked.captures {
        captures.insert(*input, Capture::open(path).map_err(|why| cannot(path, why))?);
    }
    let torrents = torrents(case)?;
    let table = case.join(PIECES);
    let bytes = fs::read(&table).map_err(|why| cannot(&table, why))?;
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
pub fn captures(case: &Path, files: &[PathBuf]) -> Result<Vec<Found>, Fault> {
    place::found(&opened(case)?.1, files)
}

impl Checked {
    fn add(&mut self, why: &'static str, bytes: u64) {
        *self.unseen.entry(why).or_default() += bytes;
    }
}

/// The manifest and the report of a case, which agree.
fn opened(case: &Path) -> Result<(Value, Value), Fault> {
    let (manifest, report) = (json(&case.join(MANIFEST))?, json(&case.join("report.json"))?);
    for (key, schema) in [("schema", "peerproof/case/1"), ("report_schema", "peerproof/report/1")] {
        if manifest[key] != schema {
            let why = format!("its {key} is {}, this version checks {schema:?}", manifest[key]);
            return Err(cannot(&case.join(MANIFEST), why));
        }
    }
    let inputs = |file: &Value| -> Value {
        let keys = ["name", "bytes", "sha256"];
        list(&file["inputs"])
            .iter()
            .map(|input| keys.map(|key| input[key].clone()).into_iter().collect::<Value>())
            .collect()
    };
    for (key, own, other) in [
        ("tool", &manifest["tool"], &report["tool"]),
        ("options", &manifest["options"], &report["options"]),
        ("inputs", &inputs(&manifest), &inputs(&report)),
    ] {
        if own != other {
            return differs(format!("{key} in {MANIFEST} and report.json"), own, other);
        }
    }
    Ok((manifest, report))
}

/// Counts the files that the manifest states: all of them are there as stated, and none besides.
fn stated_files(case: &Path, manifest: &Value) -> Result<u64, Fault> {
    let mut there = BTreeSet::new();
    for inside in ["", "tables/", "torrents/"] {
        for entry in fs::read_dir(case.join(inside)).into_iter().flatten().flatten() {
            there.insert(format!("{inside}{}", entry.file_name().to_string_lossy()));
        }
    }
    BESIDE.iter().for_each(|name| _ = there.remove(*name));
    for entry in list(&manifest["outputs"]) {
        let name = text(&entry["name"]);
        let path = case.join(name);
        if !there.remove(name) {
            return differs(name, "a file of the case", "it is not there");
        }
        let (bytes, found) = File::open(&path).and_then(place::digest).map_err(|why| cannot(&path, why))?;
        if (entry["bytes"].as_u64(), text(&entry["sha256"])) != (Some(bytes), &found) {
            let stated = format!("{} bytes, SHA-256 {}", entry["bytes"], text(&entry["sha256"]));
            return differs(name, stated, format!("{bytes} bytes, SHA-256 {found}"));
        }
    }
    match there.first() {
        Some(name) => differs(name, "not in the manifest", "it is there"),
        None => Ok(list(&manifest["outputs"]).len() as u64),
    }
}

/// The torrents of the case, by the info-hash of their name, which must be their own.
fn torrents(case: &Path) -> Result<BTreeMap<String, Torrent>, Fault> {
    let mut torrents = BTreeMap::new();
    for entry in fs::read_dir(case.join("torrents")).into_iter().flatten().flatten() {
        let path = entry.path();
        let bytes = fs::read(&path).map_err(|why| cannot(&path, why))?;
        let torrent = Torrent::parse(&bytes).map_err(|why| cannot(&path, why))?;
        let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if !torrent.info_hashes.contains(&name) {
            let place = path.display().to_string();
            return differs(place, format!("info-hash {name}"), torrent.info_hashes.join(", "));
        }
        torrents.insert(name, torrent);
    }
    Ok(torrents)
}

/// The rows of each transfer add up to its figures, class by class.
fn sums(rows: &[Row], report: &Value) -> Result<(), Fault> {
    let mut sums: BTreeMap<(u64, &str), u64> = BTreeMap::new();
    rows.iter().for_each(|row| *sums.entry((row.transfer, &row.class)).or_default() += row.bytes);
    let is_bound = |anomaly: &Value| text(&anomaly["kind"]) == "limit-reached";
    for (at, transfer) in (0..).zip(list(&report["transfers"])) {
        let all: u64 = CLASSES.iter().filter_map(|class| sums.get(&(at, *class))).sum();
        // A bound of the analysis was reached: then the report says so.
        if all == 0 && list(&report["anomalies"]).iter().any(is_bound) {
            continue;
        }
        let classes = CLASSES.map(|class| (class, sums.get(&(at, class)).copied().unwrap_or(0)));
        for (class, found) in classes.into_iter().chain([("served", all)]) {
            let stated = &transfer[format!("{class}_bytes")];
            if stated.as_u64() != Some(found) {
                let place = format!("{} -> {}", text(&transfer["uploader"]), text(&transfer["downloader"]));
                return differs(place, format!("{class} {stated}"), format!("rows of pieces with {found} bytes"));
            }
        }
    }
    Ok(())
}

fn json(path: &Path) -> Result<Value, Fault> {
    let bytes = fs::read(path).map_err(|why| cannot(path, why))?;
    serde_json::from_slice(&bytes).or_else(|why| differs(path.display().to_string(), "JSON", why))
}

fn differs<T>(place: impl Into<String>, stated: impl Display, found: impl Display) -> Result<T, Fault> {
    Err(Fault::Differs { place: place.into(), stated: stated.to_string(), found: found.to_string() })
}

fn cannot(path: &Path, why: impl Display) -> Fault {
    Fault::Cannot(format!("{}: {why}", path.display()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

const MANIFEST: &str = "manifest.json";
const PIECES: &str = "tables/pieces.csv";
/// Beside the files that the manifest states: itself, directories of them, and signatures of it.
const BESIDE: [&str; 5] = [MANIFEST, "tables", "torrents", "manifest.json.sig", "manifest.json.minisig"];
/// Every served byte is in exactly one of these.
const CLASSES: [&str; 6] = ["verified", "refuted", "disputed", "unproven", "repeated", "pad"];
