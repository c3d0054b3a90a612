//! `report.json` as text: written so that equal documents give equal bytes, and read back.

use std::io::{self, BufWriter, Write};

use serde::{Deserialize, Serialize};

use crate::report::document::{Document, Schema};
use crate::report::text;

impl Document {
    /// Reads the text of a `report.json`. Fields that this version does not know are passed over.
    ///
    /// # Errors
    /// [`ReadError::Schema`] names a schema that is not [`Schema::Report1`]; else where the text departs from it.
    pub fn read(text: &str) -> Result<Self, ReadError> {
        #[derive(Deserialize)]
        struct Head {
            schema: String,
        }
        let Head { schema } = serde_json::from_str(text).map_err(ReadError::Malformed)?;
        if schema != Schema::Report1.name() {
            return Err(ReadError::Schema(text::escaped(&schema)));
        }
        serde_json::from_str(text).map_err(ReadError::Malformed)
    }

    /// The text of `report.json`, see [`Document::write_json`].
    ///
    /// # Errors
    /// Whatever `serde_json` reports; a document as built holds nothing that it refuses.
    pub fn json(&self) -> Result<String, serde_json::Error> {
        stable_json(self)
    }

    /// Writes `report.json`: indented by two spaces, with a newline at the end. Equal documents give equal bytes. Characters
    /// that a terminal or editor would act on are written as `\uXXXX`.
    ///
    /// # Errors
    /// Whatever `out` reports; a document as built holds nothing that `serde_json` refuses.
    pub fn write_json(&self, out: impl Write) -> io::Result<()> {
        write_stable(self, out)
    }
}

/// Why a text is not read as a report.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is a report of another schema, whose fields may mean something else.
    #[error("its schema is {0}, and this version of peerproof reads {known} alone", known = Schema::Report1)]
    Schema(String),
    /// It is no report: not JSON, or not with the fields of the schema.
    #[error("it is no report: {0}")]
    Malformed(serde_json::Error),
}

/// See [`Document::json`].
pub(crate) fn stable_json(value: &impl Serialize) -> Result<String, serde_json::Error> {
    let mut text = Vec::new();
    write_stable(value, &mut text).map_err(serde_json::Error::io)?;
    String::from_utf8(text).map_err(|error| serde_json::Error::io(io::Error::other(error)))
}

/// See [`Document::write_json`].
fn write_stable(value: &impl Serialize, mut out: impl Write) -> io::Result<()> {
    // Rationale: indentation comes in parts of two bytes; a part is never split, so characters stay whole.
    let mut buffered = BufWriter::with_capacity(BUFFER, Inert(&mut out));
    serde_json::to_writer_pretty(&mut buffered, value)?;
    buffered.flush()?;
    drop(buffered);
    out.write_all(b"\n")
}

/// Writes JSON on, with characters that a terminal or editor would act on as `\uXXXX`. It is given whole characters, as
/// `serde_json` writes texts in parts that end at an escape.
struct Inert<W>(W);

impl<W: Write> Write for Inert<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // The newlines of the indentation are the only control characters outside of strings.
        if bytes.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\n')) {
            self.0.write_all(bytes)?;
            return Ok(bytes.len());
        }
        let text = std::str::from_utf8(bytes).map_err(io::Error::other)?;
        for c in text.chars() {
            let mut units = [0; 2];
            if c != '\n' && text::is_unsafe(c) {
                for unit in c.encode_utf16(&mut units) {
                    write!(self.0, "\\u{unit:04x}")?;
                }
            } else {
                self.0.write_all(c.encode_utf8(&mut [0; 4]).as_bytes())?;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

// Rationale: within a cache; a report of a thousand connections is written in a few dozen parts.
const BUFFER: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use crate::report::{Document, fixture};

    #[test]
    fn the_text_is_stable_ends_with_a_newline_and_moves_no_cursor() {
        let json = fixture::document().json().expect("JSON");
        assert_eq!(json, fixture::document().json().expect("JSON"));
        assert!(json.ends_with("}\n") && json.chars().all(|c| c == '\n' || !c.is_control()));
        assert!(json.contains(r"swarm\u001b[2J.txt"));
    }

    #[test]
    fn a_report_of_another_schema_is_refused_by_its_name_and_fields_of_a_later_version_are_passed_over() {
        let document = fixture::document();
        let json = document.json().expect("JSON");
        assert_eq!(Document::read(&json).expect("it reads back"), document);
        let later = json.replacen('{', "{\n  \"mood\": [],", 1);
        assert_eq!(Document::read(&later).expect("it reads back"), document);
        let other = json.replace("peerproof/report/1", "peerproof/report/2");
        let refused = Document::read(&other).expect_err("another schema").to_string();
        assert!(refused.contains("peerproof/report/2"), "{refused}");
        for (text, place) in [("[]", "line 1"), ("{}", "schema"), (&json[..json.len() / 2], "EOF")] {
            let refused = Document::read(text).expect_err("no report").to_string();
            assert!(refused.starts_with("it is no report") && refused.contains(place), "{refused}");
        }
    }
}
