//! The one module with `unsafe`: mapped inputs, and the mapped store for bytes that are not in them.
//!
//! # SAFETY contract
//!
//! A mapped file must not be changed by anybody while it is mapped. Rust cannot enforce that for a file of the
//! user's: a writer would change bytes behind a shared slice, a truncation would end the process with `SIGBUS`.
//! So the contract is stated to the user; size, times and samples are compared before and after reading
//! ([`Error::Changed`]); and a process that asks for it outlives a truncation (`torn`). Files that this module makes itself are unlinked before they are mapped: no name leads to
//! them, so nobody else writes to them.

#![allow(unsafe_code)]

#[cfg(unix)]
mod torn;

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

#[cfg(unix)]
use memmap2::{Advice, UncheckedAdvice};
use memmap2::{Mmap, MmapOptions, MmapRaw};

use crate::Error;

/// The bytes of one input, in one piece.
#[derive(Debug)]
pub(super) enum Mapping {
    /// A mapped file of the user's.
    File(Watched),
    /// An unlinked file that an [`Appender`] writes, or has written.
    Growing(Growing),
    /// Bytes handed over by the caller.
    Owned(Vec<u8>),
}

impl Mapping {
    /// Maps the whole of `file`, which must not change from now on (see the module's contract).
    pub(super) fn new(file: &File) -> io::Result<Self> {
        if file.metadata()?.len() == 0 {
            return Ok(Self::Owned(Vec::new()));
        }
        // SAFETY: the module's contract: nobody changes the file while it is mapped.
        let map = unsafe { Mmap::map(file)? };
        // Advice only: a system that refuses it reads more slowly and no less correctly.
        #[cfg(unix)]
        let _ = map.advise(Advice::Sequential);
        Ok(Self::File(Watched {
            #[cfg(unix)]
            watch: torn::Watch::over(&map),
            map,
        }))
    }

    /// Maps a new, unlinked file in `dir`, which the appender fills.
    pub(super) fn growing(dir: &Path) -> io::Result<(Self, Appender)> {
        let file = tempfile::tempfile_in(dir)?;
        let mut room = MOST_ROOM;
        let map = loop {
            match MmapOptions::new().len(room).map_raw_read_only(&file) {
                Ok(map) => break map,
                // A limit on the address space: what fits it must do.
                Err(_) if room > LEAST_ROOM => room /= 2,
                Err(error) => return Err(error),
            }
        };
        #[cfg(unix)]
        let _ = map.advise(Advice::Sequential);
        let written = Arc::new(AtomicUsize::new(0));
        Ok((
            Self::Growing(Growing { map: Some(map), written: Arc::clone(&written) }),
            Appender { file, room, written },
        ))
    }

    /// Returns true if a part of the file was gone when it was read: zeros were read in its place. Told where
    /// [`catch_cut_files`] was called.
    pub(super) fn is_torn(&self) -> bool {
        #[cfg(unix)]
        if let Self::File(file) = self {
            return file.watch.is_torn();
        }
        false
    }

    /// All of it, as far as it is there.
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::File(file) => &file.map,
            Self::Growing(growing) => growing.bytes(),
            Self::Owned(bytes) => bytes,
        }
    }

    /// Gives the memory of `from..to` back to the system; it is read from the file again when touched again.
    pub(super) fn release(&self, from: usize, to: usize) {
        #[cfg(unix)]
        if from < to && to <= self.bytes().len() {
            // SAFETY: the mapping is file-backed and never written through, so a page dropped here holds the same
            // bytes when it is faulted in again (given the module's contract): no slice changes under its reader.
            let _ = match self {
                Self::File(file) => unsafe {
                    file.map.unchecked_advise_range(UncheckedAdvice::DontNeed, from, to - from)
                },
                Self::Growing(Growing { map: Some(map), .. }) => unsafe {
                    map.unchecked_advise_range(UncheckedAdvice::DontNeed, from, to - from)
                },
                Self::Growing(_) | Self::Owned(_) => Ok(()),
            };
        }
    }

    /// Asks the system to read `from..to` ahead.
    pub(super) fn prefetch(&self, from: usize, to: usize) {
        #[cfg(unix)]
        if let Self::File(file) = self {
            let to = to.min(file.map.len());
            if from < to {
                let _ = file.map.advise_range(Advice::WillNeed, from, to - from);
            }
        }
    }
}

/// The mapping of a file of the user's.
#[derive(Debug)]
pub(super) struct Watched {
    // Before the mapping: it is dropped first.
    #[cfg(unix)]
    watch: torn::Watch,
    map: Mmap,
}

/// Has this process outlive a capture that is cut off while it is read: the run then ends with [`Error::Changed`], where
/// the system would else end the process (`SIGBUS`). Meant for programs: it sets a handler for that signal.
pub fn catch_cut_files() {
    #[cfg(unix)]
    torn::catch();
}

/// The mapping of a file that is being written.
///
/// # Invariants
/// - The file holds at least `written` bytes, and these never change.
/// - `written <= map.len()`; the mapping reaches beyond the end of the file.
#[derive(Debug)]
pub(super) struct Growing {
    /// Always there until it is dropped.
    map: Option<MmapRaw>,
    written: Arc<AtomicUsize>,
}

impl Growing {
    fn bytes(&self) -> &[u8] {
        let Some(map) = &self.map else { return &[] };
        let written = self.written.load(Ordering::Acquire);
        // SAFETY: by the invariants these bytes are in the file and in the mapping, and nobody writes to them again:
        // the file is unlinked, and the one appender only adds to its end. The mapping lives as long as `self`.
        unsafe { std::slice::from_raw_parts(map.as_ptr(), written) }
    }
}

impl Drop for Growing {
    fn drop(&mut self) {
        if self.written.load(Ordering::Relaxed) >= LONG {
            drop_later(self.map.take());
        }
    }
}

/// Drops mappings of gigabytes, which the system takes a good part of a second to give up: nobody waits for that.
fn drop_later(maps: impl Send + 'static) {
    // Without a thread they are dropped here.
    let _ = std::thread::Builder::new().name("unmap".to_owned()).spawn(move || drop(maps));
}

// Rationale: the system gives up so much in a few milliseconds.
const LONG: usize = 128 << 20;

/// Writes to the end of the file of a [`Mapping::growing`], from any thread.
#[derive(Debug)]
pub(super) struct Appender {
    file: File,
    room: usize,
    written: Arc<AtomicUsize>,
}

impl Appender {
    /// Appends `bytes`, which the mapping then shows.
    ///
    /// # Errors
    /// Those of writing; [`io::ErrorKind::FileTooLarge`] for more than the mapping has room for.
    pub(super) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let end = self.written.load(Ordering::Relaxed).saturating_add(bytes.len());
        if end > self.room {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.file.write_all(bytes)?;
        self.written.store(end, Ordering::Release);
        Ok(())
    }
}

// Rationale: more than is ever decompressed, and no more than any file system's largest file; only addresses are spent.
const MOST_ROOM: usize = if usize::BITS > 32 { 1 << 40 } else { 1 << 30 };
// Rationale: with less to map, hardly any capture fits.
const LEAST_ROOM: usize = 64 << 20;

/// Asks the processor to load what stands at the start of `next`, a record that is read soon.
///
/// Rationale: each record tells where the next one begins, so its header misses every cache; loaded while others are
/// worked on, it costs nothing.
#[inline]
pub(super) fn load_ahead(next: &[u8]) {
    #[cfg(target_arch = "x86_64")]
    for at in [0, 64, RECORD_HEAD] {
        if let Some(byte) = next.get(at) {
            // SAFETY: a hint without effect on memory; the address is that of a byte of a live slice.
            unsafe {
                std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(
                    byte as *const u8 as *const i8,
                )
            };
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = next;
}

// Rationale: a record header, Ethernet, IPv4, TCP with timestamps, and the header of a message.
#[cfg(target_arch = "x86_64")]
const RECORD_HEAD: usize = 96;

/// An append-only store for bytes that no input holds in one piece: reassembled datagrams, decrypted streams.
///
/// It lives in mapped, unlinked temporary files, so its memory is file-backed and the system can write it out. Slices
/// handed out stay valid, and unchanged, as long as the store.
///
/// # Invariants
/// - No byte of a chunk is handed out twice.
/// - A chunk is never unmapped before the store is dropped.
#[derive(Debug)]
pub struct Spill {
    dir: PathBuf,
    chunks: RefCell<Chunks>,
    /// How many stores are being filled.
    filling: Cell<usize>,
}

impl Spill {
    /// An empty store with its files in `spool_dir`, or in the system's temporary directory. Makes no file yet.
    pub fn new(spool_dir: Option<&Path>) -> Self {
        let dir = spool_dir.map_or_else(std::env::temp_dir, Path::to_path_buf);
        Self { dir, chunks: RefCell::new(Chunks::default()), filling: Cell::new(0) }
    }

    /// Stores `parts` one after the other and returns them as one slice.
    ///
    /// # Errors
    /// [`Error::Io`] when the temporary file cannot be made, also for lack of room.
    pub fn store<'s>(&'s self, parts: &[&[u8]]) -> Result<&'s [u8], Error> {
        let len = parts.iter().map(|part| part.len()).sum();
        self.store_with(len, |mut room| {
            for part in parts {
                let (here, rest) = std::mem::take(&mut room).split_at_mut(part.len());
                here.copy_from_slice(part);
                room = rest;
            }
        })
    }

    /// Stores `len` bytes that `fill` writes; they are zero before.
    ///
    /// # Errors
    /// As [`Spill::store`].
    pub fn store_with(&self, len: usize, fill: impl FnOnce(&mut [u8])) -> Result<&[u8], Error> {
        if len == 0 {
            return Ok(&[]);
        }
        let start = self.reserve(len)?;
        self.filling.update(|filling| filling + 1);
        // SAFETY: `reserve` gives `len` bytes inside one live mapping and never gives any of them again, so this is
        // the only reference to them while `fill` runs. They are initialised: the file is filled with zeros first.
        // The mapping outlives `&self`, as chunks are unmapped only when the store is dropped.
        fill(unsafe { std::slice::from_raw_parts_mut(start, len) });
        self.filling.update(|filling| filling - 1);
        // SAFETY: as above; the exclusive reference is gone and no other is ever made.
        Ok(unsafe { std::slice::from_raw_parts(start, len) })
    }

    /// Where `bytes`, stored here, lie: an offset over all that was ever stored; `None` for other bytes.
    pub fn offset_of(&self, bytes: &[u8]) -> Option<u64> {
        let chunks = self.chunks.borrow();
        let open = chunks.open.iter().map(|(chunk, _)| chunk);
        open.chain(chunks.full.iter().rev()).find_map(|chunk| {
            let within = bytes.as_ptr().addr().checked_sub(chunk.map.as_ptr().addr())?;
            (within.checked_add(bytes.len())? <= chunk.map.len()).then_some(chunk.base + within as u64)
        })
    }

    /// `len` bytes that were stored at `offset`; `None` where there are none, and while any are being stored.
    pub fn bytes_at(&self, offset: u64, len: u32) -> Option<&[u8]> {
        if self.filling.get() > 0 {
            return None;
        }
        let chunks = self.chunks.borrow();
        let (chunk, used) = match &chunks.open {
            Some((chunk, used)) if chunk.base <= offset && offset - chunk.base < chunk.map.len() as u64 => {
                (chunk, *used)
            }
            _ => {
                let behind = chunks.full.partition_point(|chunk| chunk.base <= offset);
                let chunk = chunks.full.get(behind.checked_sub(1)?)?;
                (chunk, chunk.map.len())
            }
        };
        let (start, len) = (usize::try_from(offset - chunk.base).ok()?, len as usize);
        if start.checked_add(len)? > used {
            return None;
        }
        // SAFETY: the range lies in the part of a live mapping that `reserve` gave away, so that it is initialised and no
        // mutable slice of it will ever be made again; none is alive, as nothing is being filled. The mapping outlives
        // `&self`, as chunks are unmapped only when the store is dropped.
        Some(unsafe { std::slice::from_raw_parts(chunk.map.as_ptr().add(start), len) })
    }

    /// Gives the memory of full chunks back to the system, but for the last ones; their bytes stay readable.
    pub fn release(&self) {
        let mut chunks = self.chunks.borrow_mut();
        let until = chunks.full.len().saturating_sub(CHUNKS_BEHIND);
        #[cfg(all(unix, not(miri)))]
        {
            // What was touched again since, by a late proof or a comparison, is found by going over all of it.
            let again = until.saturating_sub(chunks.swept) >= (until / WHOLE_PART).min(WHOLE_WITHIN);
            let from = if again { 0 } else { chunks.released };
            if again {
                chunks.swept = until;
            }
            for chunk in chunks.full.get(from..until).unwrap_or_default() {
                // SAFETY: the mapping is shared and file-backed: written pages live on in the file and are faulted in
                // again with the same bytes.
                let map = &chunk.map;
                let _ = unsafe { map.unchecked_advise_range(UncheckedAdvice::DontNeed, 0, map.len()) };
            }
        }
        chunks.released = chunks.released.max(until);
    }

    /// Bytes reserved in temporary files so far.
    pub fn size(&self) -> u64 {
        self.chunks.borrow().size
    }

    fn reserve(&self, len: usize) -> Result<*mut u8, Error> {
        let mut chunks = self.chunks.borrow_mut();
        if let Some((chunk, used)) = &mut chunks.open
            && chunk.map.len() - *used >= len
        {
            // SAFETY: `*used <= chunk.map.len()`, so the pointer is in the mapping or one past its end.
            let start = unsafe { chunk.map.as_mut_ptr().add(*used) };
            *used += len;
            return Ok(start);
        }
        let no_room =
            |source| Error::Io { name: self.dir.display().to_string(), action: "make a temporary file in", source };
        if len >= SPILL_CHUNK {
            let chunk = chunk(&self.dir, len).map_err(no_room)?;
            let start = chunk.as_mut_ptr();
            let chunk = chunks.add(chunk);
            chunks.full.push(chunk);
            return Ok(start);
        }
        let chunk = match chunks.next.take() {
            Some(next) => next.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            None => chunk(&self.dir, SPILL_CHUNK),
        };
        let chunk = chunk.map_err(no_room)?;
        let start = chunk.as_mut_ptr();
        let chunk = chunks.add(chunk);
        if let Some((full, _)) = chunks.open.replace((chunk, len)) {
            // Before those that were made since for one store each.
            let place = chunks.full.partition_point(|chunk| chunk.base < full.base);
            chunks.full.insert(place, full);
            // A run that filled one chunk fills more.
            chunks.next = ahead(&self.dir);
        }
        Ok(start)
    }
}

/// Makes a chunk while the one before it is filled: the pages of a new file cost the system about as much time as
/// decrypting into them. Without a thread for it (`None`), the chunk is made when it is needed.
fn ahead(dir: &Path) -> Option<JoinHandle<io::Result<MmapRaw>>> {
    let dir = dir.to_path_buf();
    std::thread::Builder::new().name("spill".to_owned()).spawn(move || chunk(&dir, SPILL_CHUNK)).ok()
}

/// Miri knows no mapped files: anonymous memory stands in for them, so that it can check every pointer into it.
#[cfg(miri)]
fn chunk(_: &Path, len: usize) -> io::Result<MmapRaw> {
    MmapOptions::new().len(len).map_anon().map(MmapRaw::from)
}

/// `len` bytes of a file in `dir` that nobody else knows, all zero.
#[cfg(not(miri))]
fn chunk(dir: &Path, len: usize) -> io::Result<MmapRaw> {
    let mut file = tempfile::tempfile_in(dir)?;
    allocate(&mut file, len)?;
    let chunk = MmapRaw::map_raw(&file)?;
    // All pages at once, instead of a fault for each. Where the system knows no such advice, each page waits.
    #[cfg(target_os = "linux")]
    let _ = chunk.advise(Advice::PopulateWrite);
    Ok(chunk)
}

/// Gives `file` its room on disk now: a full disk is then an error here, and not a SIGBUS at the first touch.
#[cfg(not(miri))]
fn allocate(file: &mut File, len: usize) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    match rustix::fs::fallocate(&*file, rustix::fs::FallocateFlags::empty(), 0, len as u64) {
        // File systems that cannot are written to.
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => {}
        result => return Ok(result?),
    }
    let zeros = vec![0; WRITE_CHUNK.min(len)];
    let mut left = len;
    while left > 0 {
        let n = left.min(zeros.len());
        file.write_all(zeros.get(..n).unwrap_or(&zeros))?;
        left -= n;
    }
    Ok(())
}

#[derive(Debug, Default)]
struct Chunks {
    /// The chunk that is being filled, and how many of its bytes are handed out.
    open: Option<(Chunk, usize)>,
    /// The chunk after it, while a thread makes it.
    next: Option<JoinHandle<io::Result<MmapRaw>>>,
    /// In the order of their bases.
    full: Vec<Chunk>,
    /// Bytes of all of them.
    size: u64,
    /// How many of the full ones were given back.
    released: usize,
    /// All of them were gone over when so many were full.
    swept: usize,
}

/// A mapped file of the store.
#[derive(Debug)]
struct Chunk {
    map: MmapRaw,
    /// The bytes of all chunks made before it.
    base: u64,
}

impl Chunks {
    fn add(&mut self, map: MmapRaw) -> Chunk {
        let base = self.size;
        self.size += map.len() as u64;
        Chunk { map, base }
    }
}

impl Drop for Chunks {
    fn drop(&mut self) {
        if self.full.len() > CHUNKS_BEHIND {
            drop_later(std::mem::take(&mut self.full));
        }
    }
}

// Rationale: few enough mappings for any run (65,530 are allowed), small enough that a short run stays small.
const SPILL_CHUNK: usize = if cfg!(any(miri, test)) { 64 << 10 } else { 16 << 20 };
// Rationale: twice what the hasher lets wait, 128 MiB; pages given back before they are hashed are read twice.
const CHUNKS_BEHIND: usize = 8;
// Rationale: as for inputs; 2 GiB of chunks.
#[cfg(all(unix, not(miri)))]
const WHOLE_PART: usize = 32;
#[cfg(all(unix, not(miri)))]
const WHOLE_WITHIN: usize = 128;
// Rationale: large enough to make system calls rare, small enough to stay in cache.
#[cfg(not(miri))]
const WRITE_CHUNK: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_slices_stay_as_they_were_while_more_are_stored_and_released() {
        let spill = Spill::new(None);
        let mut kept = Vec::new();
        // Fewer under Miri, which is a thousand times slower: still several chunks.
        for n in (0..3_000_u32).step_by(if cfg!(miri) { 61 } else { 1 }) {
            let part = n.to_le_bytes().repeat(n as usize % 5_000 + 1);
            kept.push((spill.store(&[&part, b"", b"end"]).expect("room"), part));
            if n % 30 == 0 {
                spill.release();
            }
        }
        spill.release();
        for (stored, _) in &kept {
            let offset = spill.offset_of(&stored[1..]).expect("stored here");
            assert_eq!(spill.bytes_at(offset, stored.len() as u32 - 1), Some(&stored[1..]));
        }
        assert!(spill.offset_of(b"elsewhere").is_none() && spill.bytes_at(u64::MAX, 1).is_none());
        assert!(spill.bytes_at(spill.size() - 1, 2).is_none(), "behind the end");
        assert!(cfg!(miri) || spill.chunks.borrow().released > 2 * CHUNKS_BEHIND);
        for (stored, part) in kept {
            assert_eq!(stored, [part.as_slice(), b"end"].concat());
        }
        assert!(spill.size() >= SPILL_CHUNK as u64);
    }

    #[test]
    fn a_large_request_gets_its_own_chunk_and_an_empty_one_none() {
        let spill = Spill::new(None);
        assert!(spill.store(&[]).expect("nothing to do").is_empty());
        assert_eq!(spill.size(), 0);
        let small = spill.store(&[b"small"]).expect("room");
        let large = spill.store_with(SPILL_CHUNK + 1, |room| room.fill(7)).expect("room");
        let next = spill.store(&[b"next"]).expect("room");
        assert_eq!((small, next), (&b"small"[..], &b"next"[..]));
        assert!(large.len() == SPILL_CHUNK + 1 && large.iter().all(|byte| *byte == 7));
        assert_eq!(spill.size(), 2 * SPILL_CHUNK as u64 + 1);
    }

    #[test]
    #[cfg_attr(miri, ignore = "it maps a file")]
    fn a_mapped_file_reads_the_same_after_its_memory_was_given_back() {
        let mut file = tempfile::tempfile().expect("a file");
        let bytes: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
        io::Write::write_all(&mut file, &bytes).expect("room");
        let mapping = Mapping::new(&file).expect("mapped");
        for (from, to) in [(0, bytes.len()), (1, 4_097), (8_192, 8_192), (9, 8), (0, bytes.len() + 1)] {
            mapping.prefetch(from, to);
            assert!(mapping.bytes() == bytes);
            mapping.release(from, to);
            assert!(mapping.bytes() == bytes, "{from}..{to}");
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "it maps a file")]
    fn a_growing_file_shows_what_was_appended_and_slices_stay_as_they_were() {
        let (mapping, mut appender) = Mapping::growing(&std::env::temp_dir()).expect("room");
        assert!(mapping.bytes().is_empty());
        appender.append(b"head").expect("room");
        let head = mapping.bytes();
        let tail: Vec<u8> = (0..3_000_000_u32).map(|n| (n ^ n >> 9) as u8).collect();
        std::thread::scope(|scope| {
            scope.spawn(|| tail.chunks(70_001).for_each(|part| appender.append(part).expect("room")));
            // Whatever is there at a time is what was written.
            while mapping.bytes().len() < 4 + tail.len() {
                let seen = mapping.bytes();
                assert!(seen[4..] == tail[..seen.len() - 4]);
                mapping.prefetch(0, seen.len() + 10);
                mapping.release(0, seen.len());
            }
        });
        assert!(head == b"head" && mapping.bytes()[4..] == tail);
        appender.room = mapping.bytes().len() + 1;
        assert_eq!(appender.append(b"no").expect_err("no room").kind(), io::ErrorKind::FileTooLarge);
    }

    #[test]
    fn loading_ahead_reads_nothing_that_is_not_there() {
        let record = [7; 130];
        (0..record.len()).for_each(|len| load_ahead(&record[..len]));
    }

    #[test]
    #[cfg_attr(miri, ignore = "no file is made")]
    fn a_spool_directory_that_is_not_there_is_an_error_that_names_it() {
        let spill = Spill::new(Some(Path::new("/nonexistent/peerproof")));
        let error = spill.store(&[b"x"]).expect_err("no such directory").to_string();
        assert!(error.contains("/nonexistent/peerproof"), "{error}");
    }
}
