//! Checks a case of peerproof against its captures. It shares no code with the program that made the case, so that a mistake there
//! is not made again here; it is short, so that an opposing expert can read all of it.
//!
//! The order: the manifest ([`verify`]), the captures by their digests (`place`, `capture`), the torrents of the case (`torrent`), the
//! rows of `tables/pieces.csv` (`rows`), then piece by piece (`unit`): the bytes that each row names are read from the captures, put
//! together, hashed, compared, and each row's class is found again. The rows of every transfer go between its ends and add up to its
//! figures, those of the transfers to its subjects, and a grade from G7 on has rows that show it.
//!
//! Bytes that it cannot find again it counts and names ([`Checked::unseen`]). It does not rebuild streams: that a
//! packet's bytes belong to the piece that a row says is what the hash shows, where one matches.

#![deny(unsafe_code, missing_docs)]

mod capture;
mod place;
mod rows;
mod torrent;
mod unit;

use std::{collections::BTreeMap, collections::BTreeSet, fmt::Display, fs, fs::File, path::Path, path::PathBuf};

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
    /// The case is not what its captures show. Of the first difference the place (a file, or a piece and its sender), what the case
    /// says, and what was found.
    Differs([String; 3]),
    /// A capture is not among the files: what the case calls it, and its digest.
    Missing([String; 2]),
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
    let table = case.join("tables/pieces.csv");
    let bytes = fs::read(&table).map_err(|why| cannot(&table, why))?;
    let rows = rows::read(&bytes).map_err(|why| cannot(&table, why))?;
    sums(&rows, &report, &mut checked)?;
    let (mut whole, mut pieces) = (BTreeSet::new(), BTreeMap::<(&str, Option<u32>), Vec<&Row>>::new());
    rows.iter().for_each(|row| pieces.entry((&row.info_hash, row.piece)).or_default().push(row));
    for ((info_hash, piece), rows) in pieces {
        let expected = torrents.get(info_hash).zip(piece).and_then(|(torrent, piece)| torrent.piece(piece));
        unit::check(expected.as_ref(), &rows, &mut captures, &mut checked)?;
        let mut sent = BTreeMap::<_, u64>::new();
        for row in rows.iter().filter(|row| row.class == "verified") {
            let who = rows::who(&row.uploader.to_string(), &row.transport, &row.info_hash);
            *sent.entry((who, row.leaf)).or_default() += row.bytes;
        }
        sent.retain(|(_, leaf), sent| expected.as_ref().is_some_and(|piece| *sent >= piece.content(*leaf)));
        whole.extend(sent.into_keys().map(|(who, _)| who));
    }
    grades(&report, &whole)?;
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

/// The manifest and the report of a case, which agree.
fn opened(case: &Path) -> Result<(Value, Value), Fault> {
    let (manifest, report) = (json(&case.join(MANIFEST))?, json(&case.join("report.json"))?);
    for (key, schema) in [("schema", "peerproof/case/1"), ("report_schema", "peerproof/report/1")] {
        if manifest[key] != schema {
            let why = format!("its {key} is {}, this version checks {schema:?}", manifest[key]);
            return Err(cannot(&case.join(MANIFEST), why));
        }
    }
    let inputs = 0..list(&manifest["inputs"]).len().max(list(&report["inputs"]).len());
    let inputs = inputs.flat_map(|at| ["name", "bytes", "sha256"].map(|key| format!("/inputs/{at}/{key}")));
    for key in ["/tool", "/options"].map(str::to_owned).into_iter().chain(inputs) {
        let [own, other] = [&manifest, &report].map(|file| file.pointer(&key).unwrap_or(&Value::Null));
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
    let files = list(&manifest["outputs"]).len() as u64;
    there.first().map_or(Ok(files), |name| differs(name, "not in the manifest", "it is there"))
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

/// The rows of each transfer go between its ends and add up to its figures, class by class; the transfers of an address add up to
/// its subjects. Where the analysis reached a bound, of which the report tells, some may have none: their bytes are counted.
fn sums(rows: &[Row], report: &Value, checked: &mut Checked) -> Result<(), Fault> {
    // What was found, and what is stated.
    let mut sums = BTreeMap::<String, [[u64; 7]; 2]>::new();
    let mut add = |key: String, side: usize, figures: [u64; 7]| {
        let sums = sums.entry(key).or_default().get_mut(side);
        sums.into_iter().flatten().zip(figures).for_each(|(sum, figure)| *sum = sum.saturating_add(figure));
    };
    for row in rows {
        let edge = format!("{} {} {} {}", row.uploader, row.downloader, row.transport, row.info_hash);
        let figures = FIGURES.map(|figure| if figure == "served" || figure == row.class { row.bytes } else { 0 });
        add(format!("transfer {}: {edge}", row.transfer), 0, figures);
    }
    for (at, row) in (0..).zip(list(&report["transfers"])) {
        let edge = ["uploader", "downloader", "transport", "info_hash"].map(|key| text(&row[key])).join(" ");
        add(format!("transfer {at}: {edge}"), 1, figures(row));
        add(who(text(&row["uploader"]), row), 0, figures(row));
    }
    list(&report["subjects"]).iter().for_each(|row| add(who(text(&row["endpoint"]), row), 1, figures(row)));
    let is_bound = list(&report["anomalies"]).iter().any(|anomaly| text(&anomaly["kind"]) == "limit-reached");
    for (key, [found, stated]) in sums {
        let mut both = FIGURES.iter().zip(stated.iter().zip(found));
        if is_bound && (found == [0; 7] || !key.starts_with("transfer")) {
            *checked.unseen.entry("that a bound left without rows").or_default() += stated[0].abs_diff(found[0]);
        } else if let Some((figure, (stated, found))) = both.find(|(_, (stated, found))| *stated != found) {
            return differs(key, format!("{figure} {stated}"), format!("rows with {found}"));
        }
    }
    Ok(())
}

fn figures(row: &Value) -> [u64; 7] {
    FIGURES.map(|figure| row[format!("{figure}_bytes")].as_u64().unwrap_or(u64::MAX))
}

/// Nobody has a grade from G7 on without verified bytes, or one from G8 on, or the standard, without a whole unit.
fn grades(report: &Value, whole: &BTreeSet<String>) -> Result<(), Fault> {
    for row in ["subjects", "transfers"].iter().flat_map(|kind| list(&report[*kind])) {
        let end = row["endpoint"].as_str().unwrap_or(text(&row["uploader"]));
        let is_whole = matches!(text(&row["grade"]), "G8" | "G9") || row["actionable"] == true;
        let is_shown = if is_whole { whole.contains(&who(end, row)) } else { row["verified_bytes"] != 0 };
        if !is_shown && (is_whole || text(&row["grade"]) == "G7") {
            let stated = format!("{}, standard met: {}", row["grade"], row["actionable"]);
            return differs(end, stated, "no rows of verified bytes show it");
        }
    }
    Ok(())
}

/// Whom a row of the report is about: address, transport and torrent.
fn who(end: &str, row: &Value) -> String {
    rows::who(end, text(&row["transport"]), text(&row["info_hash"]))
}

fn json(path: &Path) -> Result<Value, Fault> {
    let bytes = fs::read(path).map_err(|why| cannot(path, why))?;
    serde_json::from_slice(&bytes).or_else(|why| differs(path.display().to_string(), "JSON", why))
}

fn differs<T>(place: impl Into<String>, stated: impl Display, found: impl Display) -> Result<T, Fault> {
    Err(Fault::Differs([place.into(), stated.to_string(), found.to_string()]))
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
/// Beside the files that the manifest states: itself, directories of them, and signatures of it.
const BESIDE: [&str; 5] = [MANIFEST, "tables", "torrents", "manifest.json.sig", "manifest.json.minisig"];
/// All that was served, and the classes: every byte is in exactly one of these.
const FIGURES: [&str; 7] = ["served", "verified", "refuted", "disputed", "unproven", "repeated", "pad"];
