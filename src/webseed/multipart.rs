//! `multipart/byteranges` (RFC 9110 section 14.6): several ranges in one body, each with a header of its own.

use super::body::{PartSink, RangeRest};
use super::head::{Gathered, HeadProgress, part_range};
use super::{Flaw, Stretch, WebEvent};

/// A multipart body.
#[derive(Debug)]
pub(super) struct Multipart {
    boundary: Vec<u8>,
    state: MultipartState,
}

#[derive(Debug)]
enum MultipartState {
    /// In front of a delimiter; the line so far. A line that a gap or the bound cut is no delimiter.
    Delimiter { line: Vec<u8>, cut: bool },
    /// Within a part's header.
    Head(Gathered),
    /// Within a part's bytes.
    Data(RangeRest),
    /// Behind the last delimiter.
    Epilogue,
}

impl Multipart {
    pub fn new(boundary: Vec<u8>) -> Self {
        Self { boundary, state: MultipartState::Delimiter { line: Vec::new(), cut: false } }
    }

    pub fn push<'cap>(
        &mut self,
        sink: &mut PartSink<'cap>,
        mut stretch: Stretch<'cap>,
        out: &mut Vec<WebEvent<'cap>>,
    ) {
        while stretch.len > 0 {
            match &mut self.state {
                MultipartState::Data(run) => {
                    run.push(sink, &mut stretch, out);
                    if run.left == Some(0) {
                        sink.flush(out);
                        self.state = MultipartState::Delimiter { line: Vec::new(), cut: false };
                    }
                }
                MultipartState::Epilogue => return,
                MultipartState::Delimiter { .. } | MultipartState::Head(_) if stretch.bytes.is_none() => {
                    out.push(WebEvent::Bad { reason: Flaw::LostSync, bytes: stretch.len, at: stretch.at });
                    // What is found next may be content that looks like a delimiter.
                    sink.doubt();
                    self.state = MultipartState::Delimiter { line: Vec::new(), cut: true };
                    return;
                }
                MultipartState::Delimiter { line, cut } => {
                    let Some(byte) = stretch.byte() else { return };
                    if byte != b'\n' {
                        *cut |= line.len() > self.boundary.len() + DELIMITER_SLACK;
                        if !*cut {
                            line.push(byte);
                        }
                        continue;
                    }
                    let found = line.trim_ascii_end().strip_prefix(b"--").filter(|_| !*cut);
                    self.state = match found.and_then(|line| line.strip_prefix(self.boundary.as_slice())) {
                        Some(b"") => MultipartState::Head(Gathered::default()),
                        Some(b"--") => MultipartState::Epilogue,
                        _ => MultipartState::Delimiter { line: Vec::new(), cut: false },
                    };
                }
                MultipartState::Head(head) => {
                    let Some(byte) = stretch.byte() else { return };
                    if head.push_field(byte) == HeadProgress::More {
                        continue;
                    }
                    self.state = match part_range(head) {
                        Some(range) => MultipartState::Data(RangeRest {
                            next: range.first,
                            left: Some(range.len()),
                            total: range.total,
                        }),
                        None => {
                            out.push(WebEvent::Bad { reason: Flaw::Part, bytes: 0, at: stretch.at });
                            sink.doubt();
                            MultipartState::Delimiter { line: Vec::new(), cut: true }
                        }
                    };
                }
            }
        }
    }
}

// Rationale: two dashes on either side, CR, and some white space (RFC 2046 section 5.1.1).
const DELIMITER_SLACK: usize = 64;
