//! The torrents of a run.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use crate::Error;

use super::{Torrent, sha256};

/// The torrents of a run, sorted by info-hash; the same torrent given twice is one.
///
/// # Invariants
/// - A [`TorrentId`] stays valid: torrents are added, never taken away. Ids say nothing about the order.
#[derive(Clone, Debug, Default)]
pub struct Torrents {
    torrents: Vec<Torrent>,
    /// Ids in the order of the info-hashes.
    order: Vec<TorrentId>,
    by_wire_hash: BTreeMap<[u8; 20], TorrentId>,
    inputs: Vec<TorrentInput>,
}

/// A torrent of a [`Torrents`], by the order in which it was added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TorrentId(pub u32);

/// A file given as torrent, for the report's `inputs`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TorrentInput {
    /// The file's name without its directories, or the magnet link.
    pub name: String,
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256 of the file.
    pub sha256: [u8; 32],
}

impl Torrents {
    /// Reads torrent files; of a directory, every `*.torrent` below it. A path that begins with `magnet:` is a link.
    ///
    /// # Errors
    /// [`Error::Io`] for what cannot be read, [`Error::Malformed`] for what is no torrent, [`Error::Usage`] for a
    /// directory without torrents.
    pub fn open(paths: &[PathBuf]) -> Result<Self, Error> {
        let mut torrents = Self::default();
        for path in paths {
            if path.is_dir() {
                let mut found = Vec::new();
                collect(path, &mut found)?;
                if found.is_empty() {
                    let name = path.display();
                    return Err(Error::Usage(format!("{name}: a directory without any .torrent file")));
                }
                for file in found {
                    torrents.read(&file)?;
                }
            } else {
                torrents.read(path)?;
            }
        }
        Ok(torrents)
    }

    /// Takes torrent files that are in memory already, each with a name for messages and the report.
    ///
    /// # Errors
    /// [`Error::Malformed`] for what is no torrent.
    pub fn from_bytes(files: Vec<(String, Vec<u8>)>) -> Result<Self, Error> {
        let mut torrents = Self::default();
        for (name, bytes) in files {
            let torrent = Torrent::parse(&name, &bytes)?;
            torrents.take_in(name, &bytes, torrent);
        }
        Ok(torrents)
    }

    /// All torrents, sorted by info-hash.
    pub fn iter(&self) -> impl Iterator<Item = &Torrent> {
        self.ids().map(|id| self.torrent(id))
    }

    /// The ids of all torrents, sorted by info-hash.
    pub fn ids(&self) -> impl Iterator<Item = TorrentId> {
        self.order.iter().copied()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.torrents.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.torrents.is_empty()
    }

    /// The torrent with this id.
    ///
    /// # Panics
    /// When the id is of another [`Torrents`].
    pub fn torrent(&self, id: TorrentId) -> &Torrent {
        self.torrents.get(id.0 as usize).expect("ids are made by the set that they are used with")
    }

    /// The same, to teach it leaf hashes.
    ///
    /// # Panics
    /// When the id is of another [`Torrents`].
    pub fn torrent_mut(&mut self, id: TorrentId) -> &mut Torrent {
        self.torrents.get_mut(id.0 as usize).expect("ids are made by the set that they are used with")
    }

    /// The torrent that a handshake names: by its v1 info-hash, or by its v2 one cut to 20 bytes. Both of a hybrid
    /// give the same torrent.
    pub fn find(&self, wire_hash: &[u8; 20]) -> Option<TorrentId> {
        self.by_wire_hash.get(wire_hash).copied()
    }

    /// Adds a torrent. Where it is known already, what is new about it (its metadata, its other hash) is kept.
    pub fn add(&mut self, torrent: Torrent) -> TorrentId {
        let known = torrent.wire_hashes().find_map(|hash| self.find(&hash));
        let id = match known.and_then(|id| Some((id, self.torrents.get_mut(id.0 as usize)?))) {
            Some((id, before)) => {
                before.absorb(torrent);
                id
            }
            None => {
                let id =
                    TorrentId(u32::try_from(self.torrents.len()).expect("fewer than 2^32 torrents fit memory"));
                self.torrents.push(torrent);
                self.order.push(id);
                id
            }
        };
        for hash in self.torrent(id).wire_hashes().collect::<Vec<_>>() {
            self.by_wire_hash.insert(hash, id);
        }
        let mut order = std::mem::take(&mut self.order);
        order.sort_by_cached_key(|id| self.torrent(*id).info_hash());
        self.order = order;
        id
    }

    /// The files given as torrents, sorted by name and content; the same content under the same name once.
    pub fn inputs(&self) -> &[TorrentInput] {
        &self.inputs
    }

    fn read(&mut self, path: &Path) -> Result<(), Error> {
        if let Some(link) = path.to_str().filter(|text| text.starts_with("magnet:")) {
            let torrent = Torrent::parse(link, link.as_bytes())?;
            self.take_in(link.to_owned(), link.as_bytes(), torrent);
            return Ok(());
        }
        let shown = path.display().to_string();
        let bytes = fs::read(path).map_err(|source| Error::Io { name: shown.clone(), action: "read", source })?;
        let torrent = Torrent::parse(&shown, &bytes)?;
        let name = path.file_name().map_or(shown, |name| name.to_string_lossy().into_owned());
        self.take_in(name, &bytes, torrent);
        Ok(())
    }

    fn take_in(&mut self, name: String, bytes: &[u8], torrent: Torrent) {
        let input = TorrentInput { name, bytes: bytes.len() as u64, sha256: sha256(bytes) };
        if let Err(place) = self.inputs.binary_search(&input) {
            self.inputs.insert(place, input);
        }
        self.add(torrent);
    }
}

/// The `*.torrent` files below `directory`, sorted by path. A link to a directory above is not followed twice.
fn collect(directory: &Path, found: &mut Vec<PathBuf>) -> Result<(), Error> {
    let mut pending = vec![directory.to_owned()];
    let mut seen = BTreeSet::new();
    while let Some(directory) = pending.pop() {
        let failed =
            |source| Error::Io { name: directory.display().to_string(), action: "read the directory", source };
        if !seen.insert(directory.canonicalize().map_err(failed)?) {
            continue;
        }
        for entry in fs::read_dir(&directory).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.is_dir() {
                pending.push(path);
            } else if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("torrent")) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(())
}
