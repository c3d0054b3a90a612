//! `peerproof schema`.

use clap::Args;

use super::{Ending, say};

/// Print the JSON Schema of report.json
#[derive(Debug, Args)]
pub struct Schema {}

impl Schema {
    /// Prints the schema.
    pub fn run(&self) -> anyhow::Result<Ending> {
        say::print(peerproof::report::SCHEMA.as_bytes())?;
        Ok(Ending::Complete)
    }
}
