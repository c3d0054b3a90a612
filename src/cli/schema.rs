//! `peerproof schema`.

use clap::{Args, ValueEnum};

use super::screen::ScreenOptions;
use super::{Ending, say};

/// Print the JSON Schema of report.json, or of what inspect prints
#[derive(Debug, Args)]
pub struct Schema {
    /// Whose schema
    #[arg(value_enum, default_value_t = Of::Report)]
    of: Of,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Of {
    /// report.json, as `analyze` writes it
    Report,
    /// The JSON of `inspect`
    Inspect,
}

impl Schema {
    /// Prints the schema.
    pub fn run(&self, _: ScreenOptions) -> anyhow::Result<Ending> {
        let schema = match self.of {
            Of::Report => peerproof::report::schema()?,
            Of::Inspect => peerproof::inspect::schema()?,
        };
        say::print(schema.as_bytes())?;
        Ok(Ending::Complete)
    }
}
