//! Message bodies (BEP 3, 5, 6, 10, 52): parsed whole, never in part.

use std::borrow::Cow;

use nom::bytes::complete::take;
use nom::combinator::{all_consuming, map};
use nom::number::complete::{be_u16, be_u32, u8 as byte};
use nom::{IResult, Parser};

use super::azureus::{self, Named};
use super::{BlockRef, HashRange, HashReply, Message, UnknownReason};

impl<'cap> Message<'cap> {
    /// Parses the body of the message `id`: all bytes behind the id. `piece` (7) is not read here, it is a
    /// [`Block`](super::Block).
    ///
    /// # Errors
    /// [`UnknownReason::Id`] for an id that BEP 3, 5, 6, 10 and 52 do not define, [`UnknownReason::Body`] for a body
    /// that is too short or too long for its id.
    pub fn parse(id: u8, body: Cow<'cap, [u8]>) -> Result<Self, UnknownReason> {
        let message = match id {
            0 if !body.is_empty() => return Self::named(body),
            0 => Some(Self::Choke),
            1 => empty(&body, Self::Unchoke),
            2 => empty(&body, Self::Interested),
            3 => empty(&body, Self::NotInterested),
            4 => whole(&body, map(be_u32, |piece| Self::Have { piece })),
            5 => return Ok(Self::Bitfield(body)),
            6 => whole(&body, map(block_ref, Self::Request)),
            7 => None,
            8 => whole(&body, map(block_ref, Self::Cancel)),
            9 => whole(&body, map(be_u16, Self::Port)),
            13 => whole(&body, map(be_u32, |piece| Self::SuggestPiece { piece })),
            14 => empty(&body, Self::HaveAll),
            15 => empty(&body, Self::HaveNone),
            16 => whole(&body, map(block_ref, Self::RejectRequest)),
            17 => whole(&body, map(be_u32, |piece| Self::AllowedFast { piece })),
            20 => match byte::<_, Failure<'_>>(&*body).map(|(_, id)| id) {
                Ok(id) => return Ok(Self::Extended { id, body: behind(body, 1) }),
                Err(_) => None,
            },
            21 => whole(&body, map(hash_range, |range| Self::HashRequest { rejected: HashReply::Asked, range })),
            22 => match hash_range(&body).map(|(hashes, range)| (hashes.len().is_multiple_of(HASH), range)) {
                Ok((true, range)) => return Ok(Self::Hashes { range, hashes: behind(body, HASH_RANGE) }),
                _ => None,
            },
            23 => whole(&body, map(hash_range, |range| Self::HashRequest { rejected: HashReply::Rejected, range })),
            _ => return Err(UnknownReason::Id),
        };
        message.ok_or(UnknownReason::Body)
    }

    /// Parses a message of the Azureus messaging protocol: `body` is all behind the first byte of the length of its name.
    fn named(body: Cow<'cap, [u8]>) -> Result<Self, UnknownReason> {
        let (name, head) = azureus::parts(&body).ok_or(UnknownReason::Body)?;
        let named = Named::of(name).ok_or(UnknownReason::Id)?;
        let body = behind(body, head);
        match named {
            Named::KeepAlive => Ok(Self::KeepAlive),
            // A name within a name is none.
            Named::Id(0) if !body.is_empty() => Err(UnknownReason::Body),
            Named::Id(id) => Self::parse(id, body),
            Named::Azureus(kind) => Ok(Self::Azureus { kind, body }),
        }
    }

    /// Returns true if a supported BEP defines `id`.
    pub fn defines(id: u8) -> bool {
        matches!(id, 0..=9 | 13..=17 | 20..=23)
    }
}

type Failure<'a> = nom::error::Error<&'a [u8]>;

/// The message when its body is empty, as it must be.
fn empty<'cap>(body: &[u8], message: Message<'cap>) -> Option<Message<'cap>> {
    body.is_empty().then_some(message)
}

/// The result of `parser`, if it reads all of `body`.
fn whole<'a, T>(body: &'a [u8], parser: impl Parser<&'a [u8], Output = T, Error = Failure<'a>>) -> Option<T> {
    all_consuming(parser).parse(body).ok().map(|(_, message)| message)
}

fn block_ref(body: &[u8]) -> IResult<&[u8], BlockRef> {
    map((be_u32, be_u32, be_u32), |(piece, begin, length)| BlockRef { piece, begin, length }).parse(body)
}

fn hash_range(body: &[u8]) -> IResult<&[u8], HashRange> {
    let (body, root) = take(HASH).parse(body)?;
    let (body, (base_layer, index, length, proof_layers)) = (be_u32, be_u32, be_u32, be_u32).parse(body)?;
    let mut pieces_root = [0; HASH];
    pieces_root.copy_from_slice(root);
    Ok((body, HashRange { pieces_root, base_layer, index, length, proof_layers }))
}

/// The body behind its first `len` bytes, still borrowed where it was.
fn behind(body: Cow<'_, [u8]>, len: usize) -> Cow<'_, [u8]> {
    match body {
        Cow::Borrowed(bytes) => Cow::Borrowed(bytes.get(len..).unwrap_or_default()),
        Cow::Owned(mut bytes) => {
            bytes.drain(..len.min(bytes.len()));
            Cow::Owned(bytes)
        }
    }
}

/// A SHA-256 hash in bytes (BEP 52).
const HASH: usize = 32;
/// Root, base layer, index, length, proof layers (BEP 52).
const HASH_RANGE: usize = HASH + 16;

/// Builds messages for tests: the inverse of [`Message::parse`].
#[cfg(test)]
pub(super) mod encode {
    use super::*;
    use crate::wire::Azureus;

    /// The whole message on the wire, length prefix included.
    pub fn message(message: &Message<'_>) -> Vec<u8> {
        let words = |words: &[u32]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>();
        let block = |block: &BlockRef| words(&[block.piece, block.begin, block.length]);
        let range = |range: &HashRange| {
            let tail = words(&[range.base_layer, range.index, range.length, range.proof_layers]);
            [&range.pieces_root[..], &tail].concat()
        };
        match message {
            Message::KeepAlive => vec![0; 4],
            Message::Choke => frame(0, &[]),
            Message::Azureus { body, .. } => azureus::encode::message("AZ_PEER_EXCHANGE", 3, body),
            Message::Unchoke => frame(1, &[]),
            Message::Interested => frame(2, &[]),
            Message::NotInterested => frame(3, &[]),
            Message::Have { piece } => frame(4, &words(&[*piece])),
            Message::Bitfield(bits) => frame(5, bits),
            Message::Request(what) => frame(6, &block(what)),
            Message::Cancel(what) => frame(8, &block(what)),
            Message::Port(port) => frame(9, &port.to_be_bytes()),
            Message::SuggestPiece { piece } => frame(13, &words(&[*piece])),
            Message::HaveAll => frame(14, &[]),
            Message::HaveNone => frame(15, &[]),
            Message::RejectRequest(what) => frame(16, &block(what)),
            Message::AllowedFast { piece } => frame(17, &words(&[*piece])),
            Message::Extended { id, body } => frame(20, &[&[*id][..], body].concat()),
            Message::HashRequest { rejected: HashReply::Asked, range: what } => frame(21, &range(what)),
            Message::HashRequest { rejected: HashReply::Rejected, range: what } => frame(23, &range(what)),
            Message::Hashes { range: what, hashes } => frame(22, &[&range(what)[..], hashes].concat()),
        }
    }

    /// Any id with any body.
    pub fn frame(id: u8, body: &[u8]) -> Vec<u8> {
        [&(body.len() as u32 + 1).to_be_bytes()[..], &[id], body].concat()
    }

    /// A `piece` message.
    pub fn piece(piece: u32, begin: u32, payload: &[u8]) -> Vec<u8> {
        frame(7, &[&piece.to_be_bytes()[..], &begin.to_be_bytes(), payload].concat())
    }

    /// One message of every kind.
    pub fn every() -> Vec<Message<'static>> {
        let block = BlockRef { piece: 3, begin: 32_768, length: 16_384 };
        let range = HashRange { pieces_root: [7; 32], base_layer: 1, index: 2, length: 512, proof_layers: 4 };
        vec![
            Message::KeepAlive,
            Message::Choke,
            Message::Unchoke,
            Message::Interested,
            Message::NotInterested,
            Message::Have { piece: 77 },
            Message::Bitfield(Cow::Owned(vec![0xff, 0x80, 1])),
            Message::Request(block),
            Message::Cancel(block),
            Message::Port(6881),
            Message::SuggestPiece { piece: 8 },
            Message::HaveAll,
            Message::HaveNone,
            Message::RejectRequest(block),
            Message::AllowedFast { piece: 9 },
            Message::Extended { id: 0, body: Cow::Owned(b"d1:md6:ut_pexi1eee".to_vec()) },
            Message::Azureus { kind: Azureus::PeerExchange, body: Cow::Owned(b"d5:addedlee".to_vec()) },
            Message::HashRequest { rejected: HashReply::Asked, range },
            Message::Hashes { range, hashes: Cow::Owned(vec![9; 64]) },
            Message::HashRequest { rejected: HashReply::Rejected, range },
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_parsed_again_borrowed_or_owned() {
        for message in encode::every().into_iter().skip(1) {
            let wire = encode::message(&message);
            assert_eq!(Message::parse(wire[4], Cow::Borrowed(&wire[5..])), Ok(message.clone()));
            assert_eq!(Message::parse(wire[4], Cow::Owned(wire[5..].to_vec())), Ok(message));
        }
    }

    #[test]
    fn a_fixed_body_cut_anywhere_or_with_a_byte_more_is_refused() {
        for message in encode::every().into_iter().skip(1) {
            if matches!(message, Message::Bitfield(_) | Message::Extended { .. } | Message::Azureus { .. }) {
                continue;
            }
            let wire = encode::message(&message);
            let longer = [&wire[..], &[0]].concat();
            for end in (5..longer.len() + 1).filter(|end| *end != wire.len()) {
                let hashes_cut_between = wire[4] == 22 && end >= 53 && (end - 53).is_multiple_of(32);
                let parsed = Message::parse(wire[4], Cow::Borrowed(&longer[5..end]));
                assert_eq!(parsed.is_err(), !hashes_cut_between, "id {} cut to {end}", wire[4]);
            }
        }
    }

    #[test]
    fn an_undefined_id_is_told_from_a_bad_body() {
        assert_eq!(Message::parse(250, Cow::Borrowed(&[])), Err(UnknownReason::Id));
        assert_eq!(Message::parse(7, Cow::Borrowed(&[1])), Err(UnknownReason::Body));
        assert_eq!(Message::parse(20, Cow::Borrowed(&[])), Err(UnknownReason::Body));
        for id in 0..=u8::MAX {
            let parsed = Message::parse(id, Cow::Borrowed(&[]));
            assert_eq!(Message::defines(id), parsed != Err(UnknownReason::Id), "id {id}");
        }
    }
}
