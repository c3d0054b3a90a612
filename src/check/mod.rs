//! Does a capture show what its makers expect? Expectations as text, held against a report: for the CI of BitTorrent
//! clients, and for the fixtures of this tool.
//!
//! An expectation names no port, time or frame, so that it fits every recording of one experiment.

mod bless;
mod condition;
mod expectation;
mod junit;
mod matching;

pub use bless::first;
pub use expectation::{Expectation, Fault, Settings};
pub use junit::{Outcome, junit};
pub use matching::Difference;
