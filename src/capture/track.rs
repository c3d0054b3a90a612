//! Where a reader stands in one input, and what it has to say of it.

use crate::Error;
use crate::anomaly::{Anomalies, Example, Kind};
use crate::provenance::{At, FrameId, Span, Timestamp};

/// The position in one input, its frame count, and its damage.
///
/// # Invariants
/// - `at <= bytes.len()`.
#[derive(Debug)]
pub(super) struct Track<'cap> {
    /// The whole input.
    pub(super) bytes: &'cap [u8],
    /// Offset of the next record.
    pub(super) at: usize,
    /// Index into the report's `inputs`.
    pub(super) file: u16,
    /// The input as the user named it.
    pub(super) name: &'cap str,
    /// Whether damage ends the run.
    pub(super) strict: bool,
    /// Frames numbered so far, also those that could not be delivered.
    pub(super) frames: u64,
    pub(super) first_time: Option<Timestamp>,
    pub(super) last_time: Option<Timestamp>,
    damage: Option<String>,
    damages: u64,
}

impl<'cap> Track<'cap> {
    pub(super) fn new(bytes: &'cap [u8], file: u16, name: &'cap str, strict: bool) -> Self {
        Self {
            bytes,
            at: 0,
            file,
            name,
            strict,
            frames: 0,
            first_time: None,
            last_time: None,
            damage: None,
            damages: 0,
        }
    }

    /// What is left to read.
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
        anomalies: &mut Anomalies,
        offset: usize,
        skipped: usize,
        found: String,
        expected: &str,
    ) -> Result<(), Error> {
        if self.strict {
            return Err(self.malformed(offset, found, expected));
        }
        self.damages += 1;
        let detail = format!("at byte {offset}: found {found}, expected {expected}; {skipped} bytes not read");
        anomalies.note(Kind::DamagedCapture, skipped as u64, || self.example(detail.clone()));
        self.damage.get_or_insert(detail);
        Ok(())
    }

    /// The error for a fault at `offset`.
    #[cold]
    pub(super) fn malformed(&self, offset: usize, found: String, expected: &str) -> Error {
        Error::Malformed { name: self.name.to_owned(), offset: offset as u64, found, expected: expected.to_owned() }
    }

    /// Counts an oddity that loses nothing of the framing.
    #[cold]
    pub(super) fn note(&self, anomalies: &mut Anomalies, kind: Kind, amount: u64, detail: impl FnOnce() -> String) {
        anomalies.note(kind, amount, || self.example(detail()));
    }

    /// All damage in one sentence: the first in full, the rest as a number.
    pub(super) fn damage(&self) -> Option<String> {
        let first = self.damage.as_ref()?;
        Some(match self.damages {
            0 | 1 => first.clone(),
            n => format!("{first}; and {} more damaged places", n - 1),
        })
    }

    /// The example points at the last frame before the oddity, where there is one.
    fn example(&self, detail: String) -> Example {
        let span = self
            .last_time
            .filter(|_| self.frames > 0)
            .map(|time| Span::single(At { time, frame: FrameId::new(self.file, self.frames) }));
        Example { span, flow: String::new(), detail: format!("input {}: {detail}", self.file) }
    }
}
