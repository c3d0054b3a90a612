//! Does a capture support a notice? Notices of infringement to claims, and claims to verdicts with their reasons.
//!
//! The contract is notices.md: what is read, the claim model, what each verdict needs. A notice is text by a stranger: it
//! is parsed, never believed, and nothing that it names is opened.

mod act;
mod address;
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

pub use decide::{Flag, Judged, judge};
pub use document::{Answer, Document};
pub use letter::{Letter, page};
pub use read::Notices;
pub use table::table;
pub use terms::{Alias, Covers, Prefix, Terms};

use std::io::Read;

use jiff::tz::TimeZone;
use sha2::{Digest, Sha256};

/// The zone that a user names for times without one: an offset, letters that notices may use, or an IANA name.
pub fn zone(text: &str) -> Option<TimeZone> {
    time::zone_of(text)
}

/// SHA-256 of what `reader` gives, in hex.
///
/// # Errors
/// Whatever `reader` gives.
pub fn sha256_hex(reader: &mut impl Read) -> std::io::Result<String> {
    let (mut hash, mut chunk) = (Sha256::new(), vec![0; 1 << 16]);
    loop {
        let read = reader.read(&mut chunk)?;
        match chunk.get(..read) {
            Some([]) | None => return Ok(crate::report::hex(&hash.finalize())),
            Some(bytes) => hash.update(bytes),
        }
    }
}
