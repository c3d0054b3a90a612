//! The directory of a part: written whole or not at all, and read back only where every byte is as it was written.

use std::fs;
use std::io::{self, Write};
use std::path::{Component, Path};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Beside, Carried, Part, ReadWith};
use crate::Error;
use crate::anomaly::Anomalies;
use crate::capture::{InputFacts, PassedOver};
use crate::ends::{Hex, Timestamp};
use crate::facts::Facts;
use crate::hearsay::{Called, Counts, Mention, Swarm};
use crate::input::read_whole;
use crate::limits::PART_MANIFEST_BYTES;
use crate::output::{NewDirectory, probe};
use crate::spine::{Contested, Coverage, SameConnection};

/// `part.json`.
#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    schema: String,
    tool: Tool,
    /// SHA-256 over the digests of the inputs and the options: two parts with one name are of one set.
    set: Hex<32>,
    options: ReadWith,
    keys: Keys,
    inputs: Vec<Input>,
    carried_bytes: u64,
    files: Vec<Entry>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Tool {
    name: String,
    version: String,
}

/// With which keys MSE may have been opened.
#[derive(Debug, Serialize, Deserialize)]
struct Keys {
    /// So many secrets.
    secrets: u64,
    /// The info-hashes as they are on the wire.
    info_hashes: Vec<Hex<20>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Input {
    name: String,
    bytes: u64,
    sha256: Hex<32>,
    frames: u64,
    first_time: Option<Timestamp>,
    last_time: Option<Timestamp>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    name: String,
    bytes: u64,
    sha256: Hex<32>,
}

/// [`Beside`] as it is written: what leaves fields out where they say nothing is JSON.
#[derive(Serialize, Deserialize)]
struct Written {
    anomalies: Anomalies,
    coverage: Coverage,
    same: Vec<SameConnection>,
    contests: Vec<Contested>,
    inputs: Vec<InputFacts>,
    passed_over: Vec<(String, String, bool)>,
    texts: [String; 2],
    swarms: Vec<(Swarm, (Counts, Mention))>,
    names: Vec<(Called, Mention)>,
}

/// Returns true if a part stands at `path`, or an older one: a directory with a `part.json`.
pub fn is_part(path: &Path) -> bool {
    path.join(MANIFEST).is_file()
}

impl Part {
    /// Writes the part to `target`, where nothing may be but, with `replace`, an older part.
    ///
    /// # Errors
    /// [`Error::Usage`] where something else is there, and for inputs without a digest; [`Error::Io`] when the system
    /// refuses.
    pub fn write(&self, target: &Path, replace: bool) -> Result<(), Error> {
        let shown = target.display().to_string();
        let failed = |source| Error::Io { name: shown.clone(), action: "write the part", source };
        let none = || Error::Usage(format!("{}: a part names its captures by their digests", self.name));
        let set = self.set_id().ok_or_else(none)?;
        Self::check_place(target, replace)?;
        let new = NewDirectory::beside(target).map_err(failed)?;
        let mut files = Vec::new();
        let mut put = |name: &str, content: &[u8]| -> io::Result<()> {
            let mut file = fs::File::create_new(new.path().join(name))?;
            file.write_all(content)?;
            file.sync_all()?;
            let sha256 = Hex(Sha256::digest(content).into());
            files.push(Entry { name: name.to_owned(), bytes: content.len() as u64, sha256 });
            Ok(())
        };
        let mut facts = Vec::new();
        self.facts.write(&mut facts).map_err(failed)?;
        put(FACTS, &facts).map_err(failed)?;
        drop(facts);
        put(BESIDE, &self.beside.written()).map_err(failed)?;
        if self.carried.bytes() > 0 {
            let mut payload = Vec::new();
            self.carried.write(&mut payload).map_err(failed)?;
            put(PAYLOAD, &payload).map_err(failed)?;
        }
        #[cfg(feature = "table")]
        {
            fs::create_dir(new.path().join(TABLES)).map_err(failed)?;
            for make in super::tables::TABLES {
                let (table, mut content) = (make(self), Vec::new());
                if table.columns.is_empty() {
                    // Without a row there is no table.
                    continue;
                }
                let written = crate::report::write_parquet(&table, &mut content);
                written.map_err(|error| failed(io::Error::other(error)))?;
                put(&format!("{TABLES}/{}.parquet", table.name), &content).map_err(failed)?;
            }
        }
        let input = |input: &crate::facts::Input| {
            let (name, bytes, frames) = (input.name.clone(), input.bytes, input.frames);
            let (first_time, last_time) = (input.first_time, input.last_time);
            Some(Input { name, bytes, sha256: Hex(input.sha256?), frames, first_time, last_time })
        };
        let manifest = Manifest {
            schema: SCHEMA.to_owned(),
            tool: Tool { name: "peerproof".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() },
            set: Hex(set.0),
            options: self.options.clone(),
            keys: Keys {
                secrets: self.facts.keys.secrets.len() as u64,
                info_hashes: self.facts.keys.info_hashes.iter().copied().map(Hex).collect(),
            },
            inputs: self.facts.inputs.iter().filter_map(input).collect(),
            carried_bytes: self.carried.bytes(),
            files,
        };
        let mut text = serde_json::to_vec_pretty(&manifest).map_err(|error| failed(error.into()))?;
        text.push(b'\n');
        let mut file = fs::File::create_new(new.path().join(MANIFEST)).map_err(failed)?;
        file.write_all(&text).and_then(|()| file.sync_all()).map_err(failed)?;
        if replace && target.is_dir() {
            let replaced = new.replace(
                |old| only_ours(old, &shown).map_err(Unplaced),
                |old| fs::remove_dir_all(old).map_err(failed).map_err(Unplaced),
            );
            replaced.map_err(|Unplaced(error)| error)
        } else {
            new.put().map_err(failed)
        }
    }

    /// Checks that a part may be written to `target`.
    ///
    /// # Errors
    /// [`Error::Usage`] where something is there, with `replace` something else than a part; [`Error::Io`] where nothing can
    /// be written.
    pub fn check_place(target: &Path, replace: bool) -> Result<(), Error> {
        let shown = target.display().to_string();
        match fs::symlink_metadata(target) {
            Err(_) => probe(target).map_err(|source| Error::Io { name: shown, action: "write beside it", source }),
            Ok(found) if !found.is_dir() => Err(Error::Usage(format!("{shown} is no part, so it is not replaced"))),
            Ok(_) if replace => only_ours(target, &shown),
            Ok(_) if is_empty(target) => Ok(()),
            Ok(_) if is_part(target) => {
                Err(Error::Usage(format!("{shown} exists, nothing was done; --force replaces a part")))
            }
            Ok(_) => Err(Error::Usage(format!("{shown} is no part, so it is not replaced"))),
        }
    }

    /// Reads the part at `path`.
    ///
    /// # Errors
    /// [`Error::Malformed`] for a part of another schema, and where a file is not what was written; [`Error::Io`] when a
    /// file cannot be read.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let refused = |file: &str, found: String, expected: &str| Error::Malformed {
            name: path.join(file).display().to_string(),
            offset: 0,
            found,
            expected: expected.to_owned(),
        };
        let text = read_whole(&path.join(MANIFEST), PART_MANIFEST_BYTES, "the manifest of a part")?;
        #[derive(Deserialize)]
        struct Head {
            schema: String,
            /// Why there are no facts: whoever made parts of many sets says so in the place of the part.
            failed: Option<String>,
        }
        match serde_json::from_slice::<Head>(&text) {
            Ok(Head { schema, failed: None }) if schema == SCHEMA => {}
            Ok(Head { schema, failed: Some(why) }) if schema == SCHEMA => {
                return Err(refused(
                    MANIFEST,
                    format!("a set that could not be read ({why})"),
                    "the facts of a set",
                ));
            }
            Ok(Head { schema, .. }) => return Err(refused(MANIFEST, format!("the schema {schema:?}"), SCHEMA)),
            Err(error) => return Err(refused(MANIFEST, error.to_string(), "the manifest of a part")),
        }
        let manifest: Manifest = serde_json::from_slice(&text)
            .map_err(|error| refused(MANIFEST, error.to_string(), "the manifest of a part"))?;
        let whole = "the file that was written";
        let read = |name: &str| -> Result<Option<Vec<u8>>, Error> {
            let Some(entry) = manifest.files.iter().find(|entry| entry.name == name) else { return Ok(None) };
            let torn = |found: &str| refused(name, found.to_owned(), whole);
            let file = path.join(name);
            // What has another size, or is a pipe or a device, is not read.
            let is_it = |file: &fs::Metadata| file.is_file() && file.len() == entry.bytes;
            let content = match fs::metadata(&file) {
                Ok(found) if !is_it(&found) => {
                    return Err(torn(&format!("{} of {} bytes", found.len(), entry.bytes)));
                }
                Ok(_) => fs::read(&file),
                Err(error) => Err(error),
            };
            let content = match content {
                Ok(content) => content,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(torn("no such file")),
                Err(source) => {
                    let name = path.join(name).display().to_string();
                    return Err(Error::Io { name, action: "read", source });
                }
            };
            if content.len() as u64 != entry.bytes {
                return Err(torn(&format!("{} of {} bytes", content.len(), entry.bytes)));
            }
            let is_same = Hex(Sha256::digest(&content).into()) == entry.sha256;
            is_same.then_some(Some(content)).ok_or_else(|| torn("other bytes"))
        };
        // Tables are not read here, and a part of which something is torn is no part.
        for Entry { name, .. } in manifest.files.iter().filter(|entry| entry.name.starts_with(TABLES)) {
            let parts: Vec<_> = Path::new(name).components().collect();
            let is_plain = parts.iter().all(|part| matches!(part, Component::Normal(_)));
            if parts.len() != 2 || !is_plain {
                return Err(refused(MANIFEST, format!("the file {name:?}"), "files of the part"));
            }
            read(name)?;
        }
        let missing = |file: &str| refused(MANIFEST, format!("no {file}"), "the files of a part");
        let facts = read(FACTS)?.ok_or_else(|| missing(FACTS))?;
        let facts = Facts::read(&path.join(FACTS).display().to_string(), &facts)?;
        let beside = read(BESIDE)?.ok_or_else(|| missing(BESIDE))?;
        let beside = Beside::read(&beside);
        let beside =
            beside.ok_or_else(|| refused(BESIDE, "what cannot be read".to_owned(), "findings of a walk"))?;
        let carried = match read(PAYLOAD)? {
            Some(payload) => Carried::read(&payload)?
                .ok_or_else(|| refused(PAYLOAD, "what cannot be read".to_owned(), "payload of captures"))?,
            None => Carried::default(),
        };
        let name = path.canonicalize().ok();
        let name = name.as_deref().unwrap_or(path).file_name().unwrap_or_default().to_string_lossy().into_owned();
        let part = Self { name, options: manifest.options.clone(), facts, beside, carried };
        let fits = part.set_id().is_some_and(|id| id.0 == manifest.set.0)
            && part.beside.inputs.len() == part.facts.inputs.len();
        fits.then_some(part).ok_or_else(|| refused(MANIFEST, "another set".to_owned(), "the set of the facts"))
    }
}

impl Beside {
    fn written(&self) -> Vec<u8> {
        let Self { anomalies, opaque, quality, coverage, same, contests, swarms, names, inputs, passed_over } =
            self.clone();
        let texts = [serde_json::to_string(&quality), serde_json::to_string(&opaque)];
        let written = Written {
            anomalies,
            coverage,
            same,
            contests,
            inputs,
            passed_over: passed_over.into_iter().map(|other| (other.name, other.found, other.broken)).collect(),
            texts: texts.map(|text| text.expect("figures and names can be written")),
            swarms,
            names,
        };
        postcard::to_stdvec(&written).expect("findings are plain values, and memory grows")
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (written, rest) = postcard::take_from_bytes::<Written>(bytes).ok()?;
        let Written { anomalies, coverage, same, contests, inputs, passed_over, texts, swarms, names } = written;
        let [quality, opaque] = texts;
        let passed_over =
            passed_over.into_iter().map(|(name, found, broken)| PassedOver { name, found, broken }).collect();
        let (quality, opaque) = (serde_json::from_str(&quality).ok()?, serde_json::from_str(&opaque).ok()?);
        let beside =
            Self { anomalies, opaque, quality, coverage, same, contests, swarms, names, inputs, passed_over };
        rest.is_empty().then_some(beside)
    }
}

fn is_empty(directory: &Path) -> bool {
    fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_none())
}

/// Refuses a directory that is neither empty nor a part, or that holds more than one.
fn only_ours(directory: &Path, shown: &str) -> Result<(), Error> {
    let foreign = |why: &str| Error::Usage(format!("{shown} is no part ({why}), so it is not replaced"));
    if !is_part(directory) && !is_empty(directory) {
        return Err(foreign("it has no part.json"));
    }
    for entry in crate::directory::entries_below(directory)? {
        let inside = entry.strip_prefix(directory).unwrap_or(&entry);
        let ours = inside.parent().is_some_and(|parent| parent == Path::new(TABLES))
            || [MANIFEST, FACTS, BESIDE, PAYLOAD].iter().any(|name| inside == Path::new(name));
        if !ours {
            return Err(foreign("something else is in it"));
        }
    }
    Ok(())
}

/// An error of putting a part in its place.
struct Unplaced(Error);

impl From<io::Error> for Unplaced {
    fn from(source: io::Error) -> Self {
        Self(Error::Io { name: "the part".to_owned(), action: "put in place", source })
    }
}

/// Version of a part's files: a new number where their content changes.
const SCHEMA: &str = "peerproof/part/1";
const MANIFEST: &str = "part.json";
const FACTS: &str = "facts.bin";
const BESIDE: &str = "beside.bin";
const PAYLOAD: &str = "payload.bin";
const TABLES: &str = "tables";
