//! Why a run cannot go on.
//!
//! An [`Error`] ends the run: it names the file, the byte offset, what was found and what was expected.
//! Oddities that do not end the run are anomalies, see [`crate::anomaly`].

/// A failure that ends the run. Nothing is written after one.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused an operation on `name`.
    #[error("{name}: cannot {action}: {source}")]
    Io {
        /// The file as the user named it, or `-` for standard input.
        name: String,
        /// The failed action, as a verb phrase: `open`, `read`, `map`.
        action: &'static str,
        /// The operating system's error.
        source: std::io::Error,
    },
    /// An input is not what it was given as.
    #[error("{name}: at byte {offset}: found {found}, expected {expected}")]
    Malformed {
        /// The file as the user named it, or `-` for standard input.
        name: String,
        /// Offset of the fault in bytes from the start of the input (after decompression).
        offset: u64,
        /// Content that was found there.
        found: String,
        /// Content that was expected there.
        expected: String,
    },
    /// A capture changed while it was read; figures from it would prove nothing.
    #[error("{name}: the file changed while it was read ({detail}); run again on a file that nobody writes to")]
    Changed {
        /// The file as the user named it.
        name: String,
        /// Which property changed, and how.
        detail: String,
    },
    /// The inputs or options do not fit together.
    #[error("{0}")]
    Usage(String),
    /// The figures of a row do not add up (evidence.md, section 1): a fault of this program. Nothing is reported then.
    #[error("internal fault: the figures of {what} do not add up, so nothing is reported: {figures}")]
    Unbalanced {
        /// The transfer, subject or torrent.
        what: String,
        /// Its figures.
        figures: String,
    },
}
