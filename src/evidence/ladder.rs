//! The ladder of evidence.md: which rungs the facts of a transfer or a subject reach, and why not the next.

use crate::ends::Span;
use crate::evidence::{Bytes, Grade, Rung};
use crate::judge::TransferFacts;

/// The facts that decide a grade.
#[derive(Clone, Debug, Default)]
pub(super) struct Ladder {
    pub(super) opening: Option<Span>,
    pub(super) handshake: Option<Span>,
    /// The counterpart's handshake for the same torrent.
    pub(super) counterpart: Option<Span>,
    pub(super) mismatch: Option<Span>,
    /// The whole info dictionary, sent by it.
    pub(super) metadata: Option<Span>,
    pub(super) unanswered: Option<Span>,
    pub(super) advertised: Option<Span>,
    pub(super) offered: Option<Span>,
    pub(super) asked: Option<Span>,
    pub(super) rejected: u64,
    pub(super) piece: Option<Span>,
    pub(super) part: Option<Span>,
    pub(super) sole: Option<Span>,
    /// The first complete file, and its path.
    pub(super) file: Option<(Span, String)>,
    pub(super) refuted: Option<Span>,
    /// The file with the most verified bytes: its path, those bytes, its size.
    pub(super) best_file: Option<(String, u64, u64)>,
    pub(super) torrent: Known,
    /// It is a webseed of which only a file's name and size say that it serves this torrent.
    pub(super) namesake: bool,
    /// In none of its connections an acknowledgement shows that it received anything.
    pub(super) unconfirmed: bool,
}

/// Knowledge of the torrent that the bytes claim to belong to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Known {
    /// It was given, or rebuilt from the capture.
    Given,
    /// As given, but not all of its piece layers (BEP 52) are known.
    Unlayered,
    /// A magnet link was given, and the captures do not hold the info dictionary.
    Bare,
    /// Only its info-hash is known.
    #[default]
    Named,
    /// Not even that.
    Unknown,
}

impl Ladder {
    /// The facts of one transfer; the proofs are filled in by the caller.
    pub(super) fn of(facts: &TransferFacts, torrent: Known) -> Self {
        Self {
            opening: facts.opening,
            handshake: facts.handshake,
            counterpart: facts.counterpart,
            mismatch: facts.mismatch,
            unanswered: facts.unanswered,
            advertised: facts.advertised,
            offered: facts.offered,
            asked: facts.asked,
            rejected: facts.rejected,
            piece: facts.first_piece,
            torrent,
            unconfirmed: facts.unconfirmed > 0 && facts.unconfirmed == facts.connections,
            ..Self::default()
        }
    }

    /// Adds the facts of another transfer of the same subject.
    pub(super) fn join(&mut self, other: &Self) {
        let pairs = [
            (&mut self.opening, other.opening),
            (&mut self.handshake, other.handshake),
            (&mut self.counterpart, other.counterpart),
            (&mut self.mismatch, other.mismatch),
            (&mut self.metadata, other.metadata),
            (&mut self.unanswered, other.unanswered),
            (&mut self.advertised, other.advertised),
            (&mut self.offered, other.offered),
            (&mut self.asked, other.asked),
            (&mut self.piece, other.piece),
            (&mut self.part, other.part),
            (&mut self.sole, other.sole),
            (&mut self.refuted, other.refuted),
        ];
        for (known, found) in pairs {
            keep_earlier(known, found);
        }
        self.rejected += other.rejected;
        self.namesake |= other.namesake;
        self.unconfirmed &= other.unconfirmed;
    }

    /// The rungs reached, in order of the ladder.
    pub(super) fn rungs(&self) -> Vec<Rung> {
        let mut out = Vec::new();
        self.each(|grade, span| {
            let file = self.file.as_ref().filter(|_| grade == Grade::G9).map(|(_, path)| path.clone());
            out.push(Rung { grade, time: span.first.time, frames: span.into(), file });
        });
        out
    }

    fn each(&self, mut found: impl FnMut(Grade, Span)) {
        // Both handshakes prove it, where both are in the capture.
        let handshakes = self.handshake.map(|own| self.counterpart.map_or(own, |other| own.join(other)));
        let offered = self.offered.filter(|_| self.advertised.is_some());
        for (grade, span) in [
            (Grade::G2, self.opening),
            (Grade::G3, handshakes),
            (Grade::G3m, self.metadata),
            (Grade::G4, self.advertised),
            (Grade::G5, offered),
            (Grade::G6, self.piece),
            (Grade::G7, self.part),
            (Grade::G8, self.sole),
            (Grade::G9, self.file.as_ref().map(|(span, _)| *span)),
            (Grade::GX, self.refuted),
        ] {
            if let Some(span) = span {
                found(grade, span);
            }
        }
    }

    /// The frames that first show each rung.
    pub(super) fn spans(&self) -> Vec<(Grade, Span)> {
        let mut out = Vec::new();
        self.each(|grade, span| out.push((grade, span)));
        out
    }

    /// The highest rung.
    pub(super) fn grade(&self) -> Grade {
        let climbed = self
            .rungs()
            .into_iter()
            .map(|rung| rung.grade)
            .filter(|grade| !matches!(grade, Grade::GX | Grade::G3m));
        climbed.max().unwrap_or(Grade::None)
    }

    /// Why the next rung was not reached, in plain words.
    pub(super) fn next_rung(&self, bytes: &Bytes) -> Option<String> {
        let sent = bytes.served > 0 || bytes.lost > 0;
        let reason = match self.grade() {
            Grade::None | Grade::G2 if self.unconfirmed => {
                "no rung above G2 by what it says: none of its packets acknowledges anything that the other end sent, so anybody \
                 may have sent them"
                    .to_owned()
            }
            Grade::None | Grade::G2 if self.mismatch.is_some() => {
                "G3 not reached: the two handshakes of the connection name different info-hashes".to_owned()
            }
            Grade::None | Grade::G2 | Grade::G3 | Grade::G4 if sent => {
                format!("G6 not reached: {}", self.no_piece(bytes))
            }
            Grade::None | Grade::G2 if self.unanswered.is_some() => {
                "G3 not reached: its handshake was not answered by one for the same info-hash".to_owned()
            }
            Grade::None => "G2 not reached: neither the opening of the connection nor a handshake of it is in the capture".to_owned(),
            Grade::G2 => "G3 not reached: no handshake of it is in the capture".to_owned(),
            Grade::G3 => "G4 not reached: it advertised no piece in the capture".to_owned(),
            Grade::G4 => "G5 not reached: no unchoke or allowed_fast of it is in the capture".to_owned(),
            Grade::G5 => format!("G6 not reached: {}", self.no_piece(bytes)),
            Grade::G6 => format!("G7 not reached: {}", self.not_verified(bytes)),
            Grade::G7 => {
                "G8 not reached: every verified unit also has bytes of other subjects, or was not sent by it in full".to_owned()
            }
            Grade::G8 => match &self.best_file {
                Some((path, verified, size)) if verified == size => format!(
                    "G9 not reached: the halves of the hybrid torrent (v1, v2) describe other bytes, and no version of \
                     {path} is complete from it"
                ),
                Some((path, verified, size)) => {
                    format!("G9 not reached: of its best file, {path}, {verified} of {size} bytes are verified")
                }
                None => "G9 not reached: no file is complete from it".to_owned(),
            },
            Grade::G3m | Grade::G9 | Grade::GX => return None,
        };
        Some(reason)
    }

    fn no_piece(&self, bytes: &Bytes) -> String {
        if bytes.served > 0 {
            "the capture holds only part of the piece messages that it sent".to_owned()
        } else if bytes.lost > 0 {
            "it sent piece messages, but the capture holds none of their payload".to_owned()
        } else if self.rejected > 0 {
            format!("no piece message of it is in the capture; it rejected {} requests", self.rejected)
        } else if self.asked.is_none() {
            "no piece message of it is in the capture, and nobody asked it for one".to_owned()
        } else {
            "it was asked for pieces, but no piece message of it is in the capture".to_owned()
        }
    }

    fn not_verified(&self, bytes: &Bytes) -> String {
        match self.torrent {
            Known::Bare => "of its torrent only a magnet link was given, and the captures do not hold the info dictionary, so \
                            nothing could be verified"
                .to_owned(),
            Known::Named => "no torrent with this info-hash was given, so nothing could be verified".to_owned(),
            Known::Unknown => {
                "no handshake is in the capture, and its bytes match a piece of no given torrent, or of several".to_owned()
            }
            _ if self.namesake => {
                "nothing of it is shown to be the torrent's; a file of the same name and size may be another file"
                    .to_owned()
            }
            _ if bytes.refuted > 0 && bytes.unproven == 0 && bytes.disputed == 0 => {
                "the bytes that it sent are not the torrent's".to_owned()
            }
            _ if bytes.disputed > 0 => {
                "its bytes are in pieces of several senders whose hash failed, with nothing that tells whose were bad"
                    .to_owned()
            }
            Known::Unlayered => {
                "the piece layers of the torrent (BEP 52) are not known: neither the torrent nor hashes messages have \
                 them, and no file is complete in the capture, so pieces of its larger files cannot be verified"
                    .to_owned()
            }
            Known::Given if bytes.lost > 0 => format!(
                "no piece with bytes of it is complete in the capture; {} payload bytes that it sent are missing from it",
                bytes.lost
            ),
            Known::Given => "no piece with bytes of it is complete in the capture".to_owned(),
        }
    }
}

/// Keeps the span that comes first in the capture.
pub(super) fn keep_earlier(known: &mut Option<Span>, found: Option<Span>) {
    if let Some(found) = found {
        *known = Some(known.map_or(found, |known| if found.first.precedes(known.first) { found } else { known }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ends::{At, FrameId, Timestamp};

    fn span(number: u64) -> Option<Span> {
        Some(Span::single(At { time: Timestamp(number as i64), frame: FrameId::new(0, number) }))
    }

    fn file(number: u64) -> Option<(Span, String)> {
        span(number).map(|span| (span, "a.bin".to_owned()))
    }

    /// A ladder with everything up to piece data, of a torrent that was given.
    fn served() -> Ladder {
        Ladder {
            opening: span(1),
            handshake: span(2),
            counterpart: span(3),
            advertised: span(4),
            offered: span(5),
            asked: span(6),
            piece: span(7),
            torrent: Known::Given,
            ..Ladder::default()
        }
    }

    fn bytes(served: u64) -> Bytes {
        Bytes { served, unproven: served, ..Bytes::default() }
    }

    #[test]
    fn each_rung_is_reached_by_its_own_packets_and_says_what_the_next_one_lacks() {
        let (opened, spoke) = (
            Ladder { opening: span(1), ..Ladder::default() },
            Ladder { opening: span(1), handshake: span(2), counterpart: span(3), ..Ladder::default() },
        );
        let claims = Ladder { advertised: span(4), ..spoke.clone() };
        let offers = Ladder { offered: span(5), ..claims.clone() };
        let part = Ladder { part: span(8), ..served() };
        let sole = Ladder { sole: span(9), ..part.clone() };
        let whole = Ladder { file: file(9), ..sole.clone() };
        for (ladder, sent, grade, next) in [
            (Ladder::default(), 0, Grade::None, Some("G2 not reached: neither the opening")),
            (opened, 0, Grade::G2, Some("G3 not reached: no handshake of it")),
            (spoke, 0, Grade::G3, Some("G4 not reached: it advertised no piece")),
            (claims, 0, Grade::G4, Some("G5 not reached: no unchoke or allowed_fast")),
            (
                offers,
                0,
                Grade::G5,
                Some("G6 not reached: no piece message of it is in the capture, and nobody asked"),
            ),
            (served(), 9, Grade::G6, Some("G7 not reached: no piece with bytes of it is complete")),
            (part, 9, Grade::G7, Some("G8 not reached: every verified unit also has bytes of other subjects")),
            (sole, 9, Grade::G8, Some("G9 not reached: no file is complete from it")),
            (whole, 9, Grade::G9, None),
        ] {
            let found = ladder.next_rung(&bytes(sent));
            assert_eq!(ladder.grade(), grade, "{ladder:?}");
            assert_eq!(found.is_some(), next.is_some(), "{grade:?}");
            assert!(
                found.as_deref().unwrap_or_default().starts_with(next.unwrap_or_default()),
                "{grade:?}: {found:?}"
            );
            assert!(ladder.rungs().iter().map(|rung| rung.grade).is_sorted(), "in order of the ladder");
        }
    }

    #[test]
    fn side_branches_stand_beside_the_grade() {
        // T06: metadata and no pieces; T13: refuted bytes.
        let metadata = Ladder { metadata: span(4), ..Ladder { piece: None, advertised: None, ..served() } };
        assert_eq!(metadata.grade(), Grade::G3);
        assert!(metadata.rungs().iter().any(|rung| rung.grade == Grade::G3m));
        let refuted = Ladder { refuted: span(8), ..served() };
        assert_eq!(refuted.grade(), Grade::G6);
        assert!(refuted.rungs().iter().any(|rung| rung.grade == Grade::GX));
        // BEP 6: allowed_fast alone does not mean having.
        let fast = Ladder { advertised: None, piece: None, ..served() };
        assert_eq!(fast.grade(), Grade::G3);
        // G7 and G8 rest on the hash and stand by themselves.
        let found = Ladder { part: span(8), torrent: Known::Given, ..Ladder::default() };
        assert_eq!(found.grade(), Grade::G7);
    }

    #[test]
    fn a_handshake_that_was_not_agreed_on_is_told_apart_from_one_that_is_not_there() {
        let opened = || Ladder { opening: span(1), ..Ladder::default() };
        for (ladder, why) in [
            (Ladder { mismatch: span(2), ..opened() }, "name different info-hashes"),
            (Ladder { unanswered: span(2), ..opened() }, "was not answered by one for the same info-hash"),
            (Ladder { unconfirmed: true, mismatch: span(2), ..opened() }, "so anybody may have sent them"),
        ] {
            let said = ladder.next_rung(&Bytes::default()).expect("a reason");
            assert!(said.contains(why), "{said}");
        }
        let said = Ladder { mismatch: span(2), ..opened() }.next_rung(&bytes(5)).expect("a reason");
        assert!(said.contains("name different info-hashes"), "whole messages are no part of one: {said}");
    }

    #[test]
    fn what_became_of_pieces_that_are_not_there_is_said() {
        let offers = || Ladder { piece: None, ..served() };
        let lost = Bytes { lost: 5, ..Bytes::default() };
        for (ladder, bytes, why) in [
            (offers(), bytes(5), "only part of the piece messages"),
            (offers(), lost, "holds none of their payload"),
            (Ladder { rejected: 3, ..offers() }, Bytes::default(), "it rejected 3 requests"),
            (Ladder { asked: None, ..offers() }, Bytes::default(), "nobody asked it for one"),
            (offers(), Bytes::default(), "it was asked for pieces"),
        ] {
            let said = ladder.next_rung(&bytes).expect("a reason");
            assert!(said.starts_with("G6 not reached") && said.contains(why), "{said}");
        }
    }

    #[test]
    fn why_nothing_was_verified_is_said_by_what_is_known_of_the_torrent_and_of_the_bytes() {
        let of = |torrent| Ladder { torrent, ..served() };
        let refuted = Bytes { served: 9, refuted: 9, ..Bytes::default() };
        let disputed = Bytes { served: 9, disputed: 4, unproven: 5, ..Bytes::default() };
        let missing = Bytes { lost: 7, ..bytes(9) };
        for (ladder, bytes, why) in [
            (of(Known::Bare), bytes(9), "only a magnet link was given"),
            (of(Known::Named), bytes(9), "no torrent with this info-hash was given"),
            (of(Known::Unknown), bytes(9), "no handshake is in the capture"),
            (Ladder { namesake: true, ..of(Known::Given) }, bytes(9), "may be another file"),
            (of(Known::Given), refuted, "are not the torrent's"),
            (of(Known::Given), disputed, "nothing that tells whose were bad"),
            (of(Known::Unlayered), bytes(9), "piece layers"),
            (of(Known::Given), missing, "7 payload bytes that it sent are missing"),
            (of(Known::Given), bytes(9), "no piece with bytes of it is complete in the capture"),
        ] {
            let said = ladder.next_rung(&bytes).expect("a reason");
            assert!(said.starts_with("G7 not reached") && said.contains(why), "{said}");
        }
    }

    #[test]
    fn a_file_that_is_nearly_whole_is_named_with_its_bytes() {
        let best =
            |verified| Ladder { sole: span(9), best_file: Some(("a.bin".to_owned(), verified, 9)), ..served() };
        let said = best(4).next_rung(&bytes(9)).expect("a reason");
        assert!(said.contains("a.bin, 4 of 9 bytes"), "{said}");
        // T69: the halves of a hybrid that disagree make no whole file.
        let said = best(9).next_rung(&bytes(9)).expect("a reason");
        assert!(said.contains("halves of the hybrid"), "{said}");
    }

    #[test]
    fn of_several_transfers_the_first_frames_count_and_one_that_is_confirmed_confirms() {
        let late = Ladder { opening: span(9), handshake: span(1), rejected: 2, unconfirmed: true, ..served() };
        let mut both = Ladder { rejected: 1, unconfirmed: true, ..served() };
        both.join(&late);
        assert_eq!((both.opening, both.handshake, both.rejected, both.unconfirmed), (span(1), span(1), 3, true));
        both.join(&served());
        assert!(!both.unconfirmed);
        // What only one of them reached stays reached.
        both.join(&Ladder { sole: span(20), refuted: span(21), ..Ladder::default() });
        assert_eq!((both.grade(), both.refuted), (Grade::G8, span(21)));
    }
}
