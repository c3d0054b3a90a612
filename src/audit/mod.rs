//! Does a capture support a notice? Notices of infringement to claims, and claims to verdicts with their reasons.
//!
//! The contract is notices.md: what is read, the claim model, what each verdict needs. A notice is text by a stranger: it
//! is parsed, never believed, and nothing that it names is opened.

mod act;
mod address;
pub mod claim;
mod decide;
mod examine;
pub mod examined;
mod fields;
mod hash;
mod hints;
mod names;
mod read;
mod resolve;
mod search;
mod terms;
mod text;
mod time;
pub mod verdict;

pub use decide::{Flag, Judged, judge};
pub use read::Notices;
pub use terms::{Alias, Covers, Prefix, Terms};
