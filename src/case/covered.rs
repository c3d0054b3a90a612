//! `coverage.json`: what the captures can have seen of every address, and how each transfer went in time. It lets a case be
//! asked about times and absence without its captures.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use crate::evidence::{Course, Coverage, Evidence};

/// Coverage and courses of a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Covered {
    schema: String,
    /// Of addresses.
    pub coverage: Coverage,
    /// Of the report's transfers, in their order.
    pub courses: Vec<Course>,
}

impl Covered {
    /// Those of `evidence`, taken out of it.
    pub fn take(evidence: &mut Evidence) -> Self {
        Self {
            coverage: std::mem::take(&mut evidence.coverage),
            courses: std::mem::take(&mut evidence.courses),
            schema: SCHEMA.to_owned(),
        }
    }

    /// Reads what [`Covered::json`] wrote of a report with `transfers` transfers.
    ///
    /// # Errors
    /// A clause that says why it is none that this version reads, or none of that report.
    pub(super) fn read(text: &[u8], transfers: usize) -> Result<Self, String> {
        let read: Self = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        if ![SCHEMA, "peerproof/coverage/1"].contains(&read.schema.as_str()) {
            return Err(format!("its schema is {}", crate::report::escaped(&read.schema)));
        }
        if read.courses.len() != transfers {
            return Err(format!("it tells of {} transfers, the report of {transfers}", read.courses.len()));
        }
        Ok(read)
    }

    /// Writes the file, one line: nobody reads it by eye.
    ///
    /// # Errors
    /// Those of `out`.
    pub(super) fn write(&self, mut out: impl Write) -> io::Result<()> {
        serde_json::to_writer(&mut out, self)?;
        out.write_all(b"\n")
    }
}

/// Meaning of the fields: a new number where one is renamed, removed, or given another meaning.
const SCHEMA: &str = "peerproof/coverage/2";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_schema_and_another_report_are_refused() {
        let covered = Covered { schema: SCHEMA.to_owned(), coverage: Coverage::default(), courses: Vec::new() };
        let json = |covered: &Covered| {
            let mut text = Vec::new();
            covered.write(&mut text).expect("JSON");
            text
        };
        let other = json(&Covered { schema: "peerproof/coverage/9".to_owned(), ..covered.clone() });
        let json = json(&covered);
        assert_eq!(Covered::read(&json, 0), Ok(covered.clone()));
        assert!(Covered::read(&json, 1).expect_err("other report").contains("of 0 transfers, the report of 1"));
        assert!(Covered::read(&other, 0).expect_err("other schema").contains("peerproof/coverage/9"));
    }
}
