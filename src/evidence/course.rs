//! How a transfer went in time: what a row's first and last time do not tell.

use serde::{Deserialize, Serialize};

use super::{Grade, SessionTimes, Times};
use crate::ends::{At, FrameId, Span, Timestamp};

/// The course of a transfer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Course {
    /// First and last packet, as far as known.
    pub span: Option<Span>,
    /// Its connections, up to a bound; from there on the last one stands for all further ones, and is not whole.
    pub sessions: Vec<SessionTimes>,
    /// Its payload by time.
    pub times: Times,
    /// Its verified pieces, by number.
    pub pieces: Vec<VerifiedPiece>,
    /// The rungs that it reached, each with the frames that first show it.
    pub rungs: Vec<(Grade, Span)>,
    /// The port that the uploader declared (BEP 10 `p`).
    pub declared_port: Option<u16>,
}

/// Verified bytes of one piece in one transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Written", from = "Read")]
pub struct VerifiedPiece {
    /// The piece.
    pub piece: u32,
    /// Verified bytes of it.
    pub bytes: u64,
    /// The frames of the verified units.
    pub span: Span,
    /// The frames of the first unit of it that came from this transfer alone.
    pub sole: Option<Span>,
    /// Of such a unit: the frames of advertisement and request, where both came before it.
    pub asked: Option<(Span, Span)>,
}

/// As it is written: there may be millions. Piece and bytes; the frames; those of a unit from it alone, `true` where they are the same;
/// those of advertisement and request.
#[derive(Serialize, Deserialize)]
struct Written(u32, u64, Stretch, Option<Sole>, Option<(Stretch, Stretch)>);

/// As it is read: cases of older versions have names.
#[derive(Deserialize)]
#[serde(untagged)]
enum Read {
    Written(Written),
    Named { piece: u32, bytes: u64, span: Span, sole: Option<Span>, asked: Option<(Span, Span)> },
}

/// The time of a frame in nanoseconds since 1970 and its number; and those of the last one where it is another.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Stretch {
    Both(i64, FrameId, i64, FrameId),
    One(i64, FrameId),
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Sole {
    Same(bool),
    Of(Stretch),
}

impl From<Span> for Stretch {
    fn from(Span { first, last }: Span) -> Self {
        match first == last {
            true => Self::One(first.time.0, first.frame),
            false => Self::Both(first.time.0, first.frame, last.time.0, last.frame),
        }
    }
}

impl From<Stretch> for Span {
    fn from(stretch: Stretch) -> Self {
        let at = |time, frame| At { time: Timestamp(time), frame };
        match stretch {
            Stretch::One(time, frame) => Self::single(at(time, frame)),
            Stretch::Both(time, frame, until, last) => Self { first: at(time, frame), last: at(until, last) },
        }
    }
}

impl From<VerifiedPiece> for Written {
    fn from(VerifiedPiece { piece, bytes, span, sole, asked }: VerifiedPiece) -> Self {
        let sole = sole.map(|sole| if sole == span { Sole::Same(true) } else { Sole::Of(sole.into()) });
        Self(piece, bytes, span.into(), sole, asked.map(|(said, asked)| (said.into(), asked.into())))
    }
}

impl From<Read> for VerifiedPiece {
    fn from(read: Read) -> Self {
        match read {
            Read::Named { piece, bytes, span, sole, asked } => Self { piece, bytes, span, sole, asked },
            Read::Written(Written(piece, bytes, span, sole, asked)) => {
                let span = Span::from(span);
                let sole = sole.and_then(|sole| match sole {
                    Sole::Same(is_same) => is_same.then_some(span),
                    Sole::Of(sole) => Some(sole.into()),
                });
                Self { piece, bytes, span, sole, asked: asked.map(|(said, asked)| (said.into(), asked.into())) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(first: u64, last: u64) -> Span {
        let at = |number: u64| At {
            time: Timestamp(1_700_000_000_000_000_000 + number as i64),
            frame: FrameId::new(1, number),
        };
        Span { first: at(first), last: at(last) }
    }

    #[test]
    fn a_piece_is_written_in_few_bytes_and_read_back_whole() {
        for (span, sole, asked) in [
            (span(9, 9), Some(span(9, 9)), Some((span(6, 6), span(7, 8)))),
            (span(9, 12), Some(span(10, 12)), None),
            (span(9, 12), None, Some((span(1, 2), span(3, 3)))),
        ] {
            let piece = VerifiedPiece { piece: 4, bytes: 16_384, span, sole, asked };
            let text = serde_json::to_string(&piece).expect("JSON");
            assert!(text.len() < 220, "{text}");
            assert_eq!(serde_json::from_str::<VerifiedPiece>(&text).expect("read"), piece);
        }
    }

    #[test]
    fn what_older_versions_wrote_is_read() {
        let at = r#"{"time":"2023-11-14T22:13:20.000000009Z","frame":281474976710665}"#;
        let text =
            format!(r#"{{"piece":4,"bytes":64,"span":{{"first":{at},"last":{at}}},"sole":null,"asked":null}}"#);
        let read = serde_json::from_str::<VerifiedPiece>(&text).expect("read");
        assert_eq!(read, VerifiedPiece { piece: 4, bytes: 64, span: span(9, 9), sole: None, asked: None });
    }
}
