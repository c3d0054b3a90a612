//! Does a capture support a notice? Notices of infringement to claims, and claims to verdicts with their reasons.
//!
//! The contract is notices.md: what is read, the claim model, what each verdict needs. A notice is text by a stranger: it
//! is parsed, never believed, and nothing that it names is opened.

mod act;
mod address;
mod captures;
pub mod claim;
mod decide;
pub mod document;
mod examine;
pub mod examined;
mod fields;
mod hash;
mod hints;
mod letter;
mod names;
mod read;
mod resolve;
mod search;
mod table;
mod terms;
mod text;
mod time;
pub mod verdict;
mod words;

pub use crate::hosts::Prefix;
pub use decide::{Flag, Judged, judge};
pub use document::{Answer, Document};
pub use letter::{Letter, page};
pub use read::Notices;
pub use table::table;
pub use terms::{Alias, Covers, Terms};
pub use words::{code, vocabulary};

use std::io::Read;

use jiff::tz::TimeZone;
use sha2::{Digest, Sha256};

/// The zone that a user names for times without one: an offset, letters that notices may use, or an IANA name.
pub fn zone(text: &str) -> Option<TimeZone> {
    time::zone_of(text)
}

/// A reader that hashes what is read, so that an input of any size is read once and never held.
#[derive(Debug)]
pub struct Digested<R> {
    reader: R,
    hash: Sha256,
}

impl<R: Read> Digested<R> {
    /// Nothing of `reader` is read yet.
    pub fn new(reader: R) -> Self {
        Self { reader, hash: Sha256::new() }
    }

    /// Reads what is left, and gives the SHA-256 of all, in hex.
    ///
    /// # Errors
    /// Whatever the reader gives.
    pub fn finish(mut self) -> std::io::Result<String> {
        std::io::copy(&mut self, &mut std::io::sink())?;
        Ok(crate::report::hex(&self.hash.finalize()))
    }
}

impl<R: Read> Read for Digested<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.hash.update(buffer.get(..read).unwrap_or_default());
        Ok(read)
    }
}
