//! Which files are the captures of a case: their digests decide, whatever they are called and however they are compressed.

use std::{collections::BTreeMap, fs, fs::File, io, io::Read, path::Path, path::PathBuf};

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{Fault, cannot, capture, differs, hex, list, text};

/// A capture of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its index among the inputs of the case.
    pub input: u64,
    /// Its name there.
    pub name: String,
    /// Where it lies.
    pub path: PathBuf,
    /// Set if the file is as it was; else only its content is, compressed in another way or not at all.
    pub is_as_given: bool,
}

/// Finds each capture that a report names among `files`: by the SHA-256 of the file, else by that of its content.
pub(crate) fn found(report: &Value, files: &[PathBuf]) -> Result<Vec<Found>, Fault> {
    let mut known = BTreeMap::new();
    let captures = (0..).zip(list(&report["inputs"])).filter(|(_, input)| input["kind"] == "capture");
    captures.map(|(at, input)| one(at, input, files, &mut known)).collect()
}

fn one(at: u64, input: &Value, files: &[PathBuf], known: &mut Digests) -> Result<Found, Fault> {
    let (name, of_file) = (text(&input["name"]).to_owned(), (&input["bytes"], text(&input["sha256"])));
    let sha256 = of_file.1.to_owned();
    if sha256.is_empty() {
        return Err(Fault::Cannot(format!("the case does not state the SHA-256 of {name} (--no-digest)")));
    }
    let is_packed = text(&input["format"]).contains('+');
    let content = (&input["content_bytes"], text(&input["content_sha256"]));
    let mut changed = None;
    for ((bytes, stated), is_as_given) in [(of_file, true), (if is_packed { content } else { of_file }, false)] {
        for path in files {
            let is_named = is_as_given && path.file_name().is_some_and(|own| *own == *name);
            match digest_of(path, !is_as_given, bytes.as_u64().filter(|_| !is_named), known) {
                Ok(found) if found == stated => {
                    return Ok(Found { input: at, name, path: path.clone(), is_as_given });
                }
                Ok(found) if is_named => changed = Some((path, found)),
                Err(why) if is_named => return Err(cannot(path, why)),
                Ok(_) | Err(_) => {}
            }
        }
    }
    match changed {
        Some((path, found)) => differs(path.display().to_string(), format!("SHA-256 {sha256} of {name}"), found),
        None => Err(Fault::Missing([name, sha256])),
    }
}

/// The digests of files, or of their contents, that were made.
type Digests = BTreeMap<(PathBuf, bool), String>;

/// The SHA-256 of a file, or of its content; nothing of a file whose size is known to be another one.
fn digest_of(path: &Path, of_content: bool, size: Option<u64>, known: &mut Digests) -> io::Result<String> {
    let (content, is_compressed) = capture::content(path)?;
    if !(of_content && is_compressed)
        && size.is_some_and(|size| fs::metadata(path).is_ok_and(|is| is.len() != size))
    {
        return Ok(String::new());
    }
    let key = (path.to_owned(), of_content);
    if !known.contains_key(&key) {
        let (_, made) = if of_content { digest(content)? } else { digest(File::open(path)?)? };
        known.insert(key.clone(), made);
    }
    Ok(known.get(&key).cloned().unwrap_or_default())
}

/// Size and SHA-256 of what a reader gives.
pub(crate) fn digest(mut reader: impl Read) -> io::Result<(u64, String)> {
    let (mut hash, mut chunk, mut bytes) = (Sha256::new(), vec![0; 1 << 18], 0);
    while let read @ 1.. = reader.read(&mut chunk)? {
        hash.update(chunk.get(..read).unwrap_or_default());
        bytes += read as u64;
    }
    Ok((bytes, hex(&hash.finalize())))
}
