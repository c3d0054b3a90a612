//! Outputs that appear whole and at once, or not at all.
//!
//! A file or a directory is made under a hidden name beside its place, and moved there in one step that replaces
//! nothing: of two runs with one place, one finds it taken. Whatever is unfinished is removed when it is dropped, and
//! by [`abandon`] when a signal ends the process, or a panic.

use std::collections::BTreeSet;
use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use tempfile::{Builder, NamedTempFile, TempDir};

/// A directory that is not yet in its place.
///
/// # Invariants
/// - It stands in the directory in which its place is, so moving it copies nothing.
#[derive(Debug)]
pub struct NewDirectory {
    directory: TempDir,
    target: PathBuf,
    // Behind the directory, so that it is known as long as it is there.
    known: Known,
}

/// A file that is not yet in its place.
#[derive(Debug)]
pub struct NewFile {
    file: NamedTempFile,
    target: PathBuf,
    known: Known,
}

impl NewDirectory {
    /// Makes an empty directory, to be moved to `target`.
    ///
    /// # Errors
    /// Those of making a directory beside `target`.
    pub fn beside(target: &Path) -> io::Result<Self> {
        let mut unfinished = unfinished();
        let prefix = prefix(target);
        let mut builder = Builder::new();
        builder.prefix(&prefix);
        // As any new directory: the umask decides.
        permit(&mut builder, 0o777);
        let directory = builder.tempdir_in(parent(target))?;
        let known = Known::insert(&mut unfinished, directory.path());
        Ok(Self { directory, target: target.to_owned(), known })
    }

    /// Where it stands now.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Makes a new file at `place` in it, and the directories between the two. Never itself: once [`abandon`] has removed it,
    /// nothing may make it again.
    ///
    /// # Errors
    /// Those of making directories and a file.
    pub fn create(&self, place: &Path) -> io::Result<File> {
        let mut directory = self.path().to_owned();
        for part in place.parent().into_iter().flat_map(Path::components) {
            directory.push(part);
            if !directory.is_dir() {
                fs::create_dir(&directory)?;
            }
        }
        File::create_new(self.path().join(place))
    }

    /// Moves it to its place, where nothing but an empty directory may be.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] when something is there; those of moving and flushing.
    pub fn put(self) -> io::Result<()> {
        sync(self.path())?;
        let mut unfinished = unfinished();
        rename_new(self.path(), &self.target)?;
        self.keep(&mut unfinished);
        Ok(())
    }

    /// Moves it to its place, in exchange for the directory that is there. `may_go` looks at that one where it then
    /// stands, aside and under another name; does it refuse, it is put back. Else `remove` removes it.
    ///
    /// # Errors
    /// That of `may_go`, after which all is as before; that of `remove`, after which the new one is in its place; those
    /// of moving and flushing.
    pub fn replace<E: From<io::Error>>(
        self,
        may_go: impl FnOnce(&Path) -> Result<(), E>,
        remove: impl FnOnce(&Path) -> Result<(), E>,
    ) -> Result<(), E> {
        sync(self.path())?;
        // Held to the end: a signal waits until one of the two is gone.
        let mut unfinished = unfinished();
        let aside = exchange(self.path(), &self.target)?;
        if let Err(refusal) = may_go(&aside) {
            let back = if aside == self.path() {
                exchange(&aside, &self.target).map(drop)
            } else {
                fs::rename(&self.target, self.path()).and_then(|()| fs::rename(&aside, &self.target))
            };
            // Where it cannot be put back, what is aside is not to be removed.
            if back.is_err() && aside == self.path() {
                self.keep(&mut unfinished);
            }
            return Err(refusal);
        }
        self.keep(&mut unfinished);
        remove(&aside)
    }

    /// Lets it stand where it is: it is no longer this type's to remove.
    fn keep(self, unfinished: &mut BTreeSet<PathBuf>) {
        let Self { directory, target, mut known } = self;
        known.forget(unfinished);
        PLACED.store(true, Ordering::Relaxed);
        let _ = directory.keep();
        let _ = sync(parent(&target));
    }
}

impl NewFile {
    /// Makes a file of `content`, flushed, to be moved to `target`.
    ///
    /// # Errors
    /// Those of making and writing a file beside `target`.
    pub fn beside(target: &Path, content: &[u8]) -> io::Result<Self> {
        let mut new = Self::empty_beside(target)?;
        new.file.write_all(content)?;
        new.file.as_file().sync_all()?;
        Ok(new)
    }

    /// Makes an empty file, to be written and moved to `target`.
    ///
    /// # Errors
    /// Those of making a file beside `target`.
    pub fn empty_beside(target: &Path) -> io::Result<Self> {
        let mut unfinished = unfinished();
        let prefix = prefix(target);
        let mut builder = Builder::new();
        builder.prefix(&prefix);
        permit(&mut builder, 0o666);
        let file = builder.tempfile_in(parent(target))?;
        let known = Known::insert(&mut unfinished, file.path());
        drop(unfinished);
        Ok(Self { file, target: target.to_owned(), known })
    }

    /// Where it stands now.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// The file, open to be written.
    pub fn file(&mut self) -> &mut File {
        self.file.as_file_mut()
    }

    /// Moves it to its place, where nothing may be.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] when something is there; those of moving.
    pub fn put(self) -> io::Result<()> {
        let Self { file, target, mut known } = self;
        let mut unfinished = unfinished();
        let put = file.persist_noclobber(&target);
        known.forget(&mut unfinished);
        PLACED.fetch_or(put.is_ok(), Ordering::Relaxed);
        drop(unfinished);
        put.map_err(|error| error.error)?;
        let _ = sync(parent(&target));
        Ok(())
    }
}

/// Tries to write beside `target`, so that a place that takes nothing is known before the work.
///
/// # Errors
/// Those of making a directory there, and of writing a file of a few pages into it.
pub fn probe(target: &Path) -> io::Result<()> {
    let directory = NewDirectory::beside(target)?;
    let mut file = File::create_new(directory.path().join("probe"))?;
    file.write_all(&[0xa5; PROBE])?;
    file.sync_all()
}

/// Removes whatever is unfinished, and tells whether something was finished before. From then on nothing can be made, moved or
/// dropped: whoever tries waits for the end of the process, which is the caller's to bring about.
pub fn abandon() -> bool {
    let unfinished = unfinished();
    let is_any = PLACED.load(Ordering::Relaxed);
    give_up(unfinished);
    is_any
}

/// [`abandon`] after a panic, in whose thread this runs. Where the panic came while something was made or moved, that stays: this
/// thread holds it.
pub fn abandon_after_panic() {
    match UNFINISHED.try_lock() {
        Ok(unfinished) => give_up(unfinished),
        Err(TryLockError::Poisoned(poisoned)) => give_up(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => {}
    }
}

fn give_up(unfinished: MutexGuard<'static, BTreeSet<PathBuf>>) {
    for path in unfinished.iter() {
        // A file that is made meanwhile keeps its directory from going.
        for _ in 0..TRIES {
            let gone = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
            if gone.is_ok() || !path.exists() {
                break;
            }
        }
    }
    std::mem::forget(unfinished);
}

/// The directory in which `target` is to stand.
pub(crate) fn parent(target: &Path) -> &Path {
    target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// An unfinished output, known to [`abandon`] until this is dropped.
#[derive(Debug)]
struct Known(Option<PathBuf>);

impl Known {
    fn insert(unfinished: &mut BTreeSet<PathBuf>, path: &Path) -> Self {
        unfinished.insert(path.to_owned());
        Self(Some(path.to_owned()))
    }

    fn forget(&mut self, unfinished: &mut BTreeSet<PathBuf>) {
        if let Some(path) = self.0.take() {
            unfinished.remove(&path);
        }
    }
}

impl Drop for Known {
    fn drop(&mut self) {
        if self.0.is_some() {
            self.forget(&mut unfinished());
        }
    }
}

/// Set once anything was moved to its place; changed while [`UNFINISHED`] is held.
static PLACED: AtomicBool = AtomicBool::new(false);

static UNFINISHED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

fn unfinished() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

fn prefix(target: &Path) -> String {
    format!(".{}.partial-", target.file_name().unwrap_or_default().to_string_lossy())
}

fn permit(builder: &mut Builder<'_, '_>, mode: u32) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(Permissions::from_mode(mode));
    }
    #[cfg(not(unix))]
    let _ = (builder, mode);
}

/// Flushes the entries of a directory to disk.
fn sync(directory: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(directory)?.sync_all() } else { Ok(()) }
}

/// Moves a directory to where nothing but an empty directory is. POSIX has `rename` refuse whatever else is there.
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    if cfg!(not(unix)) && to.exists() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    fs::rename(from, to).map_err(|error| match error.kind() {
        io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::NotADirectory => io::ErrorKind::AlreadyExists.into(),
        _ => error,
    })
}

/// Moves `from` to `to`, and gives where that is now which was at `to`.
fn exchange(from: &Path, to: &Path) -> io::Result<PathBuf> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        match renameat_with(CWD, from, CWD, to, RenameFlags::EXCHANGE) {
            Ok(()) => return Ok(from.to_owned()),
            // File systems that cannot.
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let aside = Builder::new().prefix(&prefix(to)).tempdir_in(parent(to))?.keep();
    let moved =
        fs::rename(to, &aside).and_then(|()| rename_new(from, to).inspect_err(|_| drop(fs::rename(&aside, to))));
    moved.inspect_err(|_| drop(fs::remove_dir(&aside)))?;
    Ok(aside)
}

// Rationale: less than any case takes, and more than a file system hides in its own blocks.
const PROBE: usize = 64 << 10;
// Rationale: a directory that is being filled was emptied before as many further files came.
const TRIES: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn names(place: &Path) -> Vec<String> {
        let entries = fs::read_dir(place).expect("listed");
        entries.map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned()).collect()
    }

    fn filled(target: &Path, content: &str) -> NewDirectory {
        let new = NewDirectory::beside(target).expect("made");
        fs::write(new.path().join("a"), content).expect("written");
        new
    }

    #[test]
    fn of_two_directories_with_one_place_the_second_finds_it_taken() {
        let place = tempfile::tempdir().expect("a directory");
        let target = place.path().join("case");
        let (one, other) = (filled(&target, "one"), filled(&target, "other"));
        one.put().expect("put");
        assert_eq!(other.put().expect_err("taken").kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(
            (names(place.path()), fs::read(target.join("a")).expect("read")),
            (vec!["case".into()], b"one".into())
        );
    }

    #[test]
    fn an_empty_directory_gives_way_and_a_file_does_not() {
        let place = tempfile::tempdir().expect("a directory");
        let (empty, file) = (place.path().join("empty"), place.path().join("file"));
        fs::create_dir(&empty).expect("made");
        fs::write(&file, "kept").expect("written");
        filled(&empty, "new").put().expect("put");
        assert_eq!(names(&empty), ["a"]);
        assert_eq!(filled(&file, "new").put().expect_err("taken").kind(), io::ErrorKind::AlreadyExists);
        let other = NewFile::beside(&file, b"new").expect("made");
        assert_eq!(other.put().expect_err("taken").kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&file).expect("read"), b"kept");
        assert_eq!(names(place.path()).len(), 2);
    }

    #[test]
    fn what_may_not_go_is_put_back_and_what_may_is_removed() {
        let place = tempfile::tempdir().expect("a directory");
        let target = place.path().join("case");
        filled(&target, "old").put().expect("put");
        let remove = |path: &Path| fs::remove_dir_all(path);
        let refused = filled(&target, "new").replace(|_| Err(io::Error::other("no")), remove);
        assert!(refused.is_err());
        assert_eq!((names(place.path()).len(), fs::read(target.join("a")).expect("read")), (1, b"old".into()));
        filled(&target, "new").replace(|_| Ok(()), remove).expect("replaced");
        assert_eq!((names(place.path()).len(), fs::read(target.join("a")).expect("read")), (1, b"new".into()));
    }

    #[test]
    fn a_directory_that_was_removed_meanwhile_is_not_made_again() {
        let place = tempfile::tempdir().expect("a directory");
        let new = NewDirectory::beside(&place.path().join("case")).expect("made");
        for name in ["a", "in/b", "in/it/c", "in/it/d"] {
            new.create(Path::new(name)).expect("made");
            assert!(new.path().join(name).is_file(), "{name}");
        }
        // As by a signal.
        fs::remove_dir_all(new.path()).expect("removed");
        for name in ["a", "in/b", "in/it/c"] {
            assert!(new.create(Path::new(name)).is_err() && names(place.path()).is_empty(), "{name}");
        }
    }

    #[test]
    fn a_probe_and_what_is_dropped_leave_nothing() {
        let place = tempfile::tempdir().expect("a directory");
        let target = place.path().join("case");
        probe(&target).expect("room");
        drop((filled(&target, "x"), NewFile::beside(&target, b"x").expect("made")));
        assert!(names(place.path()).is_empty() && unfinished().iter().all(|path| !path.starts_with(place.path())));
        assert!(probe(&place.path().join("missing/case")).is_err());
    }
}
