//! The torrents of a run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::Error;
use crate::directory::entries_below;
use crate::input::read_whole;
use crate::limits::TORRENT_BYTES;

use super::{Torrent, magnet, sha256};

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
    passed_over: Vec<Unreadable>,
}

/// A file in a directory of torrents that has the name of one, and is none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unreadable {
    /// The file's name without its directories.
    pub name: String,
    /// The defect of the file, with its offset.
    pub why: String,
}

/// A torrent of a [`Torrents`], by the order in which it was added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct TorrentId(pub(crate) u32);

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
    /// Reads torrent files; of a directory, every `*.torrent` below it. A path that begins with `magnet:` is a link;
    /// one that is an info-hash, and no file, is the link that names it.
    ///
    /// Of a directory, a file that cannot be read or is no torrent is passed over ([`Torrents::passed_over`]), as long as
    /// there is another one.
    ///
    /// # Errors
    /// [`Error::Io`] for what cannot be read, [`Error::Malformed`] for what is no torrent, [`Error::Usage`] for a
    /// directory without torrents.
    pub fn open(paths: &[PathBuf]) -> Result<Self, Error> {
        let mut torrents = Self::default();
        for path in paths {
            if path.is_dir() {
                let mut found = entries_below(path)?;
                found.retain(|file| file.extension().is_some_and(|end| end.eq_ignore_ascii_case("torrent")));
                if found.is_empty() {
                    let name = path.display();
                    return Err(Error::Usage(format!("{name}: a directory without any .torrent file")));
                }
                torrents.read_most(&found)?;
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

    /// The info-hashes by which handshakes name the torrents; see [`Torrent::wire_hashes`].
    pub fn wire_hashes(&self) -> impl Iterator<Item = [u8; 20]> {
        self.iter().flat_map(Torrent::wire_hashes)
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
        self.order.len()
    }

    /// Returns true if there is no torrent.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// The torrent with this id.
    ///
    /// # Panics
    /// When the id is of another [`Torrents`].
    pub fn torrent(&self, id: TorrentId) -> &Torrent {
        self.torrents.get(id.0 as usize).expect("ids are made by the set that they are used with")
    }

    /// The torrent with this id, to be taught leaf hashes.
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

    /// Adds a torrent. Where it is known already, what is new about it (its metadata, its other hash, its piece
    /// layers) is kept under the id that it has. Metadata may show two torrents known by one hash each (of a hybrid)
    /// to be one: then [`Torrents::find`] and [`Torrents::iter`] know the earlier id alone.
    pub fn add(&mut self, torrent: Torrent) -> TorrentId {
        let known = torrent.wire_hashes().filter_map(|hash| self.find(&hash)).min();
        let id = match known.and_then(|id| Some((id, self.torrents.get_mut(id.0 as usize)?))) {
            Some((id, before)) => {
                for hash in before.wire_hashes() {
                    self.by_wire_hash.remove(&hash);
                }
                before.absorb(torrent);
                id
            }
            None => {
                let id =
                    TorrentId(u32::try_from(self.torrents.len()).expect("fewer than 2^32 torrents fit memory"));
                self.torrents.push(torrent);
                id
            }
        };
        let mut stale = vec![id];
        for hash in self.torrent(id).wire_hashes().collect::<Vec<_>>() {
            stale.extend(self.by_wire_hash.insert(hash, id));
        }
        if known.is_some() {
            self.order.retain(|id| !stale.contains(id));
        }
        let info_hash = self.torrent(id).info_hash();
        let place = self.order.partition_point(|other| self.torrent(*other).info_hash() < info_hash);
        self.order.insert(place, id);
        id
    }

    /// The files given as torrents, sorted by name and content; the same content under the same name once.
    pub fn inputs(&self) -> &[TorrentInput] {
        &self.inputs
    }

    /// The files that were passed over in directories, sorted.
    pub fn passed_over(&self) -> &[Unreadable] {
        &self.passed_over
    }

    /// Reads those files that are torrents; the others are passed over.
    ///
    /// # Errors
    /// That of the first file, where none is a torrent.
    pub fn read_most(&mut self, files: &[PathBuf]) -> Result<(), Error> {
        let mut refused = Vec::new();
        for file in files {
            if let Err(error) = self.read(file) {
                refused.push((file, error));
            }
        }
        if refused.len() == files.len() {
            return refused.into_iter().next().map_or(Ok(()), |(_, error)| Err(error));
        }
        self.passed_over.extend(refused.into_iter().map(|(file, error)| {
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let why = error.to_string();
            // Directories are no part of a report.
            let why = why.strip_prefix(&format!("{}: ", file.display())).unwrap_or(&why).to_owned();
            Unreadable { name, why }
        }));
        self.passed_over.sort();
        self.passed_over.dedup();
        Ok(())
    }

    fn read(&mut self, path: &Path) -> Result<(), Error> {
        if let Some(text) = path.to_str() {
            let text = text.trim();
            // A file may have the name of an info-hash.
            let bare = || magnet::link_of(text).filter(|_| !path.exists());
            let link = if magnet::is_magnet(text.as_bytes()) { Some(text.to_owned()) } else { bare() };
            if let Some(link) = link {
                let torrent = Torrent::parse(text, link.as_bytes())?;
                self.take_in(text.to_owned(), text.as_bytes(), torrent);
                return Ok(());
            }
        }
        let shown = path.display().to_string();
        let bytes = read_whole(path, TORRENT_BYTES, "a torrent file")?;
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::{Source, sample};
    use super::*;

    #[test]
    fn a_hybrid_is_one_torrent_under_both_of_its_hashes() {
        let files = vec![
            ("v1".to_owned(), sample::torrent(&sample::multi_v1())),
            ("hybrid".to_owned(), sample::torrent_v2(&sample::multi_hybrid())),
            ("again".to_owned(), sample::torrent_v2(&sample::multi_hybrid())),
        ];
        let torrents = Torrents::from_bytes(files).expect("valid");
        assert_eq!((torrents.len(), torrents.inputs().len()), (2, 3));
        let v1 = torrents.find(&sample::hex("95f651a5f5b824da51e3358b5d8b6a4aa6785759"));
        let v2 = torrents.find(&sample::hex("d8ecea66042b4d115d276751690e7a0c4a785f4c"));
        assert!(v1.is_some() && v1 == v2);
        let hashes: Vec<String> = torrents.iter().map(|torrent| torrent.info_hash().to_string()).collect();
        assert!(hashes.is_sorted());
        let names: Vec<_> = torrents.inputs().iter().map(|input| input.name.as_str()).collect();
        assert_eq!(names, ["again", "hybrid", "v1"]);
    }

    #[test]
    fn metadata_joins_the_two_magnet_links_of_a_hybrid() {
        let links = [
            "magnet:?xt=urn:btmh:1220d8ecea66042b4d115d276751690e7a0c4a785f4c7527400bdc875f010ee8e8df",
            "magnet:?xt=urn:btih:95f651a5f5b824da51e3358b5d8b6a4aa6785759",
        ];
        let mut torrents = Torrents::open(&links.map(PathBuf::from)).expect("valid");
        assert_eq!(torrents.len(), 2);
        assert!(torrents.iter().all(|torrent| !torrent.has_metadata() && torrent.source() == Source::Magnet));
        let found = Torrent::from_info(sample::multi_hybrid(), Source::Capture).expect("valid");
        let id = torrents.add(found);
        assert_eq!((id, torrents.len()), (TorrentId(0), 1));
        assert!(torrents.torrent(id).verifiable() && torrents.torrent(id).source() == Source::Capture);
        assert_eq!(torrents.find(&sample::hex("95f651a5f5b824da51e3358b5d8b6a4aa6785759")), Some(id));
    }

    #[test]
    fn a_link_cannot_make_one_torrent_of_two() {
        let (multi, single) = (sample::torrent(&sample::multi_v1()), sample::torrent_v2(&sample::multi_v2()));
        let link = "magnet:?xt=urn:btih:286c5c2991d434fe4378f4fb9a7aea181868dc17&xt=urn:btmh:1220\
                    97d6334cafd1ba86defe909f7fff7d2f6bcfdd84db4dea4359dfff9dc41db379";
        for order in [[0, 1, 2], [1, 0, 2], [1, 2, 0], [2, 0, 1]] {
            let inputs = order.map(|n| [link.as_bytes(), &multi, &single][n].to_vec());
            let torrents =
                Torrents::from_bytes(inputs.map(|bytes| (String::new(), bytes)).to_vec()).expect("valid");
            assert_eq!(torrents.iter().filter(|torrent| torrent.has_metadata()).count(), 2, "{order:?}");
            assert_eq!(torrents.len(), 2, "{order:?}");
        }
    }

    #[test]
    fn a_directory_is_taken_whole() {
        let directory = tempfile::tempdir().expect("a directory");
        let open = || Torrents::open(&[directory.path().to_owned()]);
        assert!(matches!(open(), Err(Error::Usage(_))));
        let below = directory.path().join("below");
        fs::create_dir(&below).expect("created");
        fs::write(below.join("a.TORRENT"), sample::torrent(&sample::multi_v1())).expect("written");
        fs::write(directory.path().join("b.torrent"), sample::torrent(&sample::single_v1())).expect("written");
        fs::write(directory.path().join("note.txt"), "x").expect("written");
        let torrents = open().expect("valid");
        assert_eq!((torrents.len(), torrents.inputs()[0].name.as_str()), (2, "a.TORRENT"));
        fs::write(below.join("c.torrent"), "<html>").expect("written");
        let torrents = open().expect("two are valid");
        let [other] = torrents.passed_over() else { panic!("{:?}", torrents.passed_over()) };
        assert!(other.name == "c.torrent" && other.why.starts_with("at byte 0: found HTML"), "{other:?}");
        assert_eq!(torrents.len(), 2);
        fs::remove_file(below.join("a.TORRENT")).expect("removed");
        fs::remove_file(directory.path().join("b.torrent")).expect("removed");
        assert!(open().expect_err("no torrent").to_string().contains("c.torrent: at byte 0: found HTML"));
        let missing = Torrents::open(&[directory.path().join("missing.torrent")]);
        assert!(matches!(missing, Err(Error::Io { action: "read", .. })));
    }
}
