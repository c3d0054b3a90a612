//! The files of torrents, as far as captures hold verified bytes of them: never a byte that did not verify, never a place
//! outside of one new directory.

mod map;
mod names;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::Error;
use crate::analyze::{TakeVerified, Verified};
use crate::ends::{Endpoint, InfoHash, Transport};
use crate::evidence::Evidence;
use crate::output::{NewDirectory, probe};
use crate::report::Whom;
use crate::torrent::Torrent;
pub use map::{Hole, Stretch};
use map::{Input, Map, SCHEMA, holes, of_frame};
use names::Names;

/// Files that are being written into a directory that is not yet in its place.
#[derive(Debug)]
pub struct Files {
    directory: NewDirectory,
    target: PathBuf,
    wanted: Wanted,
    names: Names,
    /// Where the files of each torrent go, by its files.
    places: BTreeMap<InfoHash, Vec<Place>>,
    open: Option<((InfoHash, usize), File)>,
    /// The last sender that was asked about, and whether what it sent is wanted.
    asked: Option<(Sender, bool)>,
}

/// Who sent, to whom, how, of which torrent.
type Sender = (Endpoint, Endpoint, Transport, InfoHash);

/// The choice of verified bytes to write.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Those that one peer sent.
    pub peer: Option<Whom>,
    /// Those of these torrents, by their hashes on the wire; empty for all of them.
    pub torrents: Vec<[u8; 20]>,
}

/// A file of a torrent.
#[derive(Debug)]
struct Place {
    path: String,
    size: u64,
    written: PathBuf,
    stretches: Vec<Stretch>,
}

/// A file that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its torrent.
    pub info_hash: InfoHash,
    /// Its path in the torrent, what is not safe to print escaped.
    pub path: String,
    /// Where it lies.
    pub written: PathBuf,
    /// Bytes of it.
    pub size: u64,
    /// Those that were verified.
    pub verified_bytes: u64,
    /// The others.
    pub holes: Vec<Hole>,
}

impl Written {
    /// Returns true if every byte was verified.
    pub fn is_complete(&self) -> bool {
        self.holes.is_empty()
    }
}

impl Files {
    /// Begins files to be put at `target`, where nothing but an empty directory may be.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] when something is there; those of writing beside it.
    pub fn at(target: &Path, wanted: Wanted) -> Result<Self, Error> {
        let failed = failed(target, "write there");
        match fs::symlink_metadata(target) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
            Ok(found) if !found.is_dir() => return Err(failed(io::ErrorKind::AlreadyExists.into())),
            Ok(_) => {
                if fs::read_dir(target).map_err(&failed)?.next().is_some() {
                    return Err(failed(io::ErrorKind::AlreadyExists.into()));
                }
            }
        }
        probe(target).map_err(&failed)?;
        Ok(Self {
            directory: NewDirectory::beside(target).map_err(&failed)?,
            target: target.to_owned(),
            wanted,
            names: Names::default(),
            places: BTreeMap::new(),
            open: None,
            asked: None,
        })
    }

    /// Writes the maps, and puts all of it in its place; nothing where no byte was taken.
    ///
    /// # Errors
    /// Those of writing and moving.
    pub fn put(mut self, evidence: &Evidence) -> Result<Vec<Written>, Error> {
        self.open = None;
        let inputs: Vec<Input> = evidence
            .captures
            .iter()
            .map(|capture| {
                let sha256 = capture.sha256.map(|digest| crate::ends::Hex(digest).to_string());
                Input { name: capture.name.clone(), sha256 }
            })
            .collect();
        let mut all = Vec::new();
        for (info_hash, places) in std::mem::take(&mut self.places) {
            for place in places {
                let is_pad = place.written.as_os_str().is_empty();
                if is_pad || (place.size > 0 && place.stretches.is_empty()) {
                    continue;
                }
                all.push(self.finish(&info_hash, place, &inputs)?);
            }
        }
        if all.iter().any(|file| file.verified_bytes > 0) {
            self.directory.put().map_err(failed(&self.target, "write there"))?;
            Ok(all)
        } else {
            Ok(Vec::new())
        }
    }

    /// Writes the maps of a file.
    fn finish(&mut self, info_hash: &InfoHash, place: Place, inputs: &[Input]) -> Result<Written, Error> {
        let Place { path, size, written, mut stretches } = place;
        let shown = written.display().to_string();
        if size == 0 {
            self.create(&written)?;
        }
        stretches.sort_by_key(|stretch| (stretch.start, stretch.end, stretch.uploader, stretch.downloader));
        let holes = holes(stretches.iter().map(|stretch| stretch.start..stretch.end), size);
        let missing: u64 = holes.iter().map(|hole| hole.end - hole.start).sum();
        let map = Map {
            schema: SCHEMA,
            info_hash: info_hash.clone(),
            path: &path,
            written: &shown,
            size,
            verified_bytes: size - missing,
            complete: holes.is_empty(),
            holes: &holes,
            verified: &stretches,
            inputs,
        };
        let json = map.json().map_err(|error| failed(&written, "write the map of")(error.into()))?;
        for (end, text) in [("json", json), ("txt", map.text().into_bytes())] {
            let name = written.file_name().unwrap_or_default().to_string_lossy();
            let directory = written.parent().unwrap_or(Path::new("")).to_string_lossy().into_owned();
            let own = format!("{name}.map.{end}");
            let at = self.names.place(directory.split('/').filter(|part| !part.is_empty()).chain([own.as_str()]));
            self.create(&at)?.write_all(&text).map_err(failed(&at, "write"))?;
        }
        let written = self.target.join(written);
        Ok(Written { info_hash: info_hash.clone(), path, written, size, verified_bytes: size - missing, holes })
    }

    /// A new file, and the directories that it is in.
    fn create(&self, place: &Path) -> Result<File, Error> {
        self.directory.create(place).map_err(failed(place, "write"))
    }

    /// Where the files of a torrent go.
    fn places(&mut self, torrent: &Torrent) -> &mut Vec<Place> {
        let names = &mut self.names;
        self.places.entry(torrent.info_hash()).or_insert_with(|| {
            let alone = torrent.files().iter().filter(|file| !file.pad).count() == 1
                && torrent.files().iter().any(|file| !file.pad && file.path == torrent.name());
            let top = if alone { None } else { Some(torrent.name()) };
            let place = |file: &crate::torrent::TorrentFile| Place {
                path: file.shown.clone(),
                size: file.size,
                written: if file.pad {
                    PathBuf::new()
                } else {
                    names.place(top.into_iter().chain(file.path.split('/')))
                },
                stretches: Vec::new(),
            };
            torrent.files().iter().map(place).collect()
        })
    }

    fn write(&mut self, torrent: &Torrent, file: usize, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        let key = (torrent.info_hash(), file);
        let place = self.places(torrent).get(file).map(|place| place.written.clone()).unwrap_or_default();
        let whole = self.directory.path().join(&place);
        if self.open.as_ref().is_none_or(|(open, _)| *open != key) {
            let opened = if whole.exists() {
                File::options().write(true).open(&whole).map_err(failed(&place, "write"))?
            } else {
                self.create(&place)?
            };
            self.open = Some((key, opened));
        }
        let Some((_, opened)) = &mut self.open else { return Ok(()) };
        let written = opened.seek(SeekFrom::Start(offset)).and_then(|_| opened.write_all(bytes));
        written.map_err(failed(&place, "write"))
    }
}

impl TakeVerified for Files {
    fn take(&mut self, evidence: &Evidence, verified: &Verified<'_>) -> Result<(), Error> {
        let sender = (verified.uploader, verified.downloader, verified.transport, verified.torrent.info_hash());
        if self.asked.as_ref().is_none_or(|(asked, _)| *asked != sender) {
            self.asked = Some((sender, self.wanted.takes(evidence, verified)));
        }
        if !self.asked.as_ref().is_some_and(|(_, wanted)| *wanted) {
            return Ok(());
        }
        let Verified { torrent, piece, start, bytes, uploader, downloader, transport, frame } = *verified;
        let end = start.saturating_add(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        // Padding is left out, so each range is found in the bytes by its place in the torrent.
        let base = torrent.piece_offset(piece) + u64::from(start);
        for (file, range) in torrent.files_in(piece, start..end) {
            let from = torrent.file_range(file).start + range.start - base;
            let part = usize::try_from(from).ok().zip(usize::try_from(range.end - range.start).ok());
            let Some(part) = part.and_then(|(from, len)| bytes.get(from..from.checked_add(len)?)) else { continue };
            self.write(torrent, file, range.start, part)?;
            let frames = vec![of_frame(frame)];
            let next = Stretch { start: range.start, end: range.end, uploader, downloader, transport, frames };
            let Some(place) = self.places(torrent).get_mut(file) else { continue };
            if !place.stretches.last_mut().is_some_and(|last| last.goes_on(&next)) {
                place.stretches.push(next);
            }
        }
        Ok(())
    }
}

impl Wanted {
    fn takes(&self, evidence: &Evidence, verified: &Verified<'_>) -> bool {
        let of = |hash: [u8; 20]| self.torrents.is_empty() || self.torrents.contains(&hash);
        let Some(peer) = self.peer else { return verified.torrent.wire_hashes().any(of) };
        let of_peer = peer.is(verified.uploader) || is_subject(evidence, peer, verified);
        of_peer && verified.torrent.wire_hashes().any(of)
    }
}

/// Returns true if the sender is a subject that declared the port that is meant.
fn is_subject(evidence: &Evidence, peer: Whom, verified: &Verified<'_>) -> bool {
    let edge = (verified.uploader, verified.downloader, verified.transport);
    let same = |one: (Endpoint, Endpoint, Transport)| one == edge;
    evidence.transfers.iter().any(|transfer| {
        let subject = transfer.uploader_subject.and_then(|at| evidence.subjects.get(usize::try_from(at).ok()?));
        same((transfer.uploader, transfer.downloader, transfer.transport))
            && transfer.info_hash == Some(verified.torrent.info_hash())
            && subject.is_some_and(|subject| peer.is(subject.endpoint))
    })
}

fn failed(path: &Path, action: &'static str) -> impl Fn(io::Error) -> Error {
    let name = path.display().to_string();
    move |source| Error::Io { name: name.clone(), action, source }
}
