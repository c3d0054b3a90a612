//! `peerproof schema`.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Args;

/// Print the JSON Schema of report.json
#[derive(Debug, Args)]
pub struct Schema {}

impl Schema {
    /// Prints the schema.
    pub fn run(&self) -> anyhow::Result<ExitCode> {
        let mut out = io::stdout().lock();
        out.write_all(peerproof::report::SCHEMA.as_bytes())?;
        out.flush()?;
        Ok(ExitCode::SUCCESS)
    }
}
