//! Where a reader stands in one input, and what it has to say of it.

use super::source::Input;
use crate::Error;
use crate::ends::{At, FrameId, Span, Timestamp};
use crate::oddity::{BadTime, Oddity, Sink};

/// The position in one input, its frame count, and its damage.
///
/// # Invariants
/// - `at <= bytes.len()`.
#[derive(Clone, Debug)]
pub(super) struct Track<'cap> {
    input: &'cap Input,
    /// The input, as far as it is there.
    pub(super) bytes: &'cap [u8],
    /// Up to here records can be read without asking whether more of the input has come.
    ready: usize,
    /// True once [`settle`](Self::settle) has told of the damage of the compressed stream.
    settled: bool,
    /// Offset of the next record.
    pub(super) at: usize,
    /// Index into the report's `inputs`.
    pub(super) file: u16,
    /// The input as the user named it.
    pub(super) name: &'cap str,
    /// True if damage ends the run.
    pub(super) strict: bool,
    /// Frames numbered so far, also those that could not be delivered.
    pub(super) frames: u64,
    pub(super) first_time: Option<Timestamp>,
    pub(super) last_time: Option<Timestamp>,
    damage: Option<String>,
    damages: u64,
}

impl<'cap> Track<'cap> {
    pub(super) fn new(input: &'cap Input, file: u16, strict: bool) -> Self {
        let mut track = Self {
            input,
            bytes: &[],
            ready: 0,
            settled: false,
            at: 0,
            file,
            name: &input.given,
            strict,
            frames: 0,
            first_time: None,
            last_time: None,
            damage: None,
            damages: 0,
        };
        track.wait();
        track
    }

    /// Makes sure that a usual record and the header of the next one are there, or that nothing more comes.
    #[inline]
    pub(super) fn refill(&mut self) {
        if self.at >= self.ready {
            self.wait();
        }
    }

    /// Returns true if usual records that begin within `len` bytes can be read without waiting for the input.
    pub(super) fn is_there(&self, len: usize) -> bool {
        self.at.saturating_add(len) <= self.ready
    }

    #[cold]
    fn wait(&mut self) {
        let (bytes, whole) = self.input.upto(self.at.saturating_add(AHEAD));
        self.bytes = bytes;
        self.ready = if whole { usize::MAX } else { bytes.len().saturating_sub(BEHIND).max(self.at) };
    }

    /// Returns true if the first [`AHEAD`] bytes are there, enough to tell content that is no capture.
    pub(super) fn begun(&self) -> bool {
        self.bytes.len() >= AHEAD
    }

    /// Waits until the input is there as a whole; the answer is whether there is more to read than before. Whatever
    /// depends on where the input ends, or on more than one usual record of it, asks first: so nothing that is reported
    /// depends on how fast an input comes.
    ///
    /// # Errors
    /// As [`Input::outcome`].
    #[cold]
    pub(super) fn complete(&mut self) -> Result<bool, Error> {
        self.input.outcome()?;
        let before = self.bytes.len();
        self.wait();
        Ok(self.bytes.len() > before)
    }

    /// As [`complete`](Self::complete), and tells of the damage of the compressed stream, once.
    ///
    /// # Errors
    /// As [`Input::outcome`].
    #[cold]
    pub(super) fn settle(&mut self, out: &mut dyn Sink) -> Result<bool, Error> {
        let more = self.complete()?;
        if !std::mem::replace(&mut self.settled, true)
            && let Some(damage) = &self.input.outcome()?.damage
        {
            // Damage of the whole input, so of no frame.
            out.odd(Oddity::DamagedStream { input: self.file, error: damage.clone() }.seen());
        }
        Ok(more)
    }

    /// The bytes that are left to read.
    #[inline]
    pub(super) fn rest(&self) -> &'cap [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// Moves on by `len` bytes, at most to the end.
    #[inline]
    pub(super) fn advance(&mut self, len: usize) {
        self.at = self.at.saturating_add(len).min(self.bytes.len());
    }

    /// Numbers the next frame, seen at `time`.
    #[inline]
    pub(super) fn number(&mut self, time: Timestamp) -> At {
        self.frames += 1;
        if self.first_time.is_none() {
            self.first_time = Some(time);
        }
        self.last_time = Some(time);
        At { time, frame: FrameId::new(self.file, self.frames) }
    }

    /// Says that `skipped` bytes at `offset` were not read.
    ///
    /// # Errors
    /// [`Error::Malformed`] when the run is strict.
    #[cold]
    pub(super) fn damaged(
        &mut self,
        out: &mut dyn Sink,
        offset: usize,
        skipped: usize,
        found: String,
        expected: &str,
    ) -> Result<(), Error> {
        if self.strict {
            return Err(self.malformed(offset, found, expected));
        }
        self.damages += 1;
        self.damage.get_or_insert_with(|| {
            format!("at byte {offset}: found {found}, expected {expected}; {skipped} bytes not read")
        });
        let (offset, skipped, expected) = (offset as u64, skipped as u64, expected.to_owned());
        self.note(out, Oddity::Damage { input: self.file, offset, found, expected, skipped });
        Ok(())
    }

    /// The error for a fault at `offset`.
    #[cold]
    pub(super) fn malformed(&self, offset: usize, found: String, expected: &str) -> Error {
        Error::Malformed { name: self.name.to_owned(), offset: offset as u64, found, expected: expected.to_owned() }
    }

    /// Tells an oddity; it points at the last frame before it, where there is one.
    #[cold]
    pub(super) fn note(&self, out: &mut dyn Sink, oddity: impl Into<Oddity>) {
        let time = self.last_time.filter(|_| self.frames > 0);
        let span = time.map(|time| Span::single(At { time, frame: FrameId::new(self.file, self.frames) }));
        out.odd(oddity.into().within(span));
    }

    /// Tells of a frame whose time is zero: no capture was taken in the first instant of 1970.
    #[cold]
    pub(super) fn timeless(&self, out: &mut dyn Sink) {
        self.note(out, Oddity::BadTime { input: self.file, time: BadTime::Zero });
    }

    /// All damage in one sentence: the first in full, the rest as a number.
    pub(super) fn damage(&self) -> Option<String> {
        let first = self.damage.as_ref()?;
        Some(match self.damages {
            0 | 1 => first.clone(),
            n => format!("{first}; and {} more damaged places", n - 1),
        })
    }
}

// Rationale: a usual record (256 KiB), its header and the next one's, and then some.
const BEHIND: usize = 1 << 20;
// Rationale: some chunks of the spool at a time, so that reading and decompressing hardly ever wait for each other.
const AHEAD: usize = 8 << 20;
