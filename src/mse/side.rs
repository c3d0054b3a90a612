//! One direction once it is known what its bytes are: passed through, decrypted, or opaque.

use super::handshake::Answer;
use super::keys::Cipher;
use crate::Error;
use crate::packet::{Direction, Store};
use crate::stream::{Missing, StreamItem};

/// What the bytes of a direction are.
#[derive(Debug)]
pub(super) enum Side {
    /// Passed on unchanged.
    Through,
    /// Not readable: counted, and nothing but the end passed on.
    Opaque,
    /// The peer wire begins at a known place.
    Wire(Wire),
}

/// A peer wire behind an MSE handshake.
#[derive(Debug)]
pub(super) struct Wire {
    /// Where it begins in the stream; what stands before is the MSE handshake.
    start: u64,
    /// Where RC4 ends and the clear begins; [`u64::MAX`] when all of it is RC4, `start` when none is.
    clear: u64,
    /// The keystream, at `start` to begin with.
    cipher: Option<Box<Cipher>>,
    /// The keystream's place at the stream offset `start`.
    origin: u64,
    /// A second keystream, for places already passed: they mostly ascend.
    behind: Option<Box<Cipher>>,
    /// How much of keystream may still be made again from its beginning for such a place, in bytes.
    again: u64,
    /// Bytes of keystream that may still be spent on gaps.
    gaps: u64,
}

/// Where the items of one direction go.
pub(super) struct Sink<'a, 'cap> {
    pub direction: Direction,
    pub store: &'a dyn Store<'cap>,
    pub out: &'a mut Vec<(Direction, StreamItem<'cap>)>,
}

impl Wire {
    /// In clear from `start` on.
    pub fn clear(start: u64) -> Self {
        Self { start, clear: start, cipher: None, origin: 0, behind: None, again: 0, gaps: 0 }
    }

    /// RC4 from `start` to `clear`; `cipher` stands at `start`.
    pub fn rc4(start: u64, clear: u64, cipher: Cipher) -> Self {
        let origin = cipher.position();
        let cipher = Some(Box::new(cipher));
        Self { start, clear, cipher, origin, behind: None, again: MAX_AGAIN, gaps: MAX_GAPS }
    }

    /// The responder's, all RC4 or all in clear.
    pub fn of_answer(answer: Answer, clear: bool) -> Self {
        if clear { Self::clear(answer.start) } else { Self::rc4(answer.start, u64::MAX, answer.cipher) }
    }
}

impl Side {
    /// Passes on what of `item` can be; the answer is how many captured bytes cannot.
    pub fn forward<'cap>(&mut self, item: &StreamItem<'cap>, sink: &mut Sink<'_, 'cap>) -> Result<u64, Error> {
        match self {
            Self::Through => {
                sink.push(*item);
                Ok(0)
            }
            Self::Opaque => {
                if matches!(item, StreamItem::End { .. }) {
                    sink.push(*item);
                }
                Ok(match item {
                    StreamItem::Data { bytes, .. } => bytes.len() as u64,
                    _ => 0,
                })
            }
            Self::Wire(wire) => {
                if wire.item(item, sink)? {
                    *self = Self::Opaque;
                }
                Ok(0)
            }
        }
    }
}

impl Wire {
    /// Passes `item` on; the answer is whether nothing after it can be read.
    fn item<'cap>(&mut self, item: &StreamItem<'cap>, sink: &mut Sink<'_, 'cap>) -> Result<bool, Error> {
        match *item {
            StreamItem::Data { offset, bytes, at, doubtful } => {
                let (offset, bytes) = self.cut(offset, bytes);
                let encrypted = self.clear.saturating_sub(offset).min(bytes.len() as u64) as usize;
                let (encrypted, clear) = bytes.split_at_checked(encrypted).unwrap_or((bytes, &[]));
                if !encrypted.is_empty() {
                    let bytes = self.decrypt(encrypted, sink)?;
                    sink.push(StreamItem::Data { offset, bytes, at, doubtful });
                }
                if !clear.is_empty() {
                    let offset = offset + encrypted.len() as u64;
                    sink.push(StreamItem::Data { offset, bytes: clear, at, doubtful });
                }
            }
            StreamItem::Gap { offset, missing: Missing::Unknown, .. } => {
                sink.push(*item);
                return Ok(offset < self.clear);
            }
            StreamItem::Gap { offset, missing: Missing::Bytes(missing), cause, at } => {
                let before = self.start.saturating_sub(offset).min(missing);
                let (offset, missing) = (offset + before, missing - before);
                if missing > 0 {
                    sink.push(StreamItem::Gap { offset, missing: Missing::Bytes(missing), cause, at });
                }
                let encrypted = self.clear.saturating_sub(offset).min(missing);
                if encrypted > self.gaps {
                    return Ok(true);
                }
                self.gaps -= encrypted;
                if let Some(cipher) = &mut self.cipher {
                    cipher.skip(encrypted);
                }
            }
            StreamItem::Conflict { offset, bytes, at } => {
                let (offset, bytes) = self.cut(offset, bytes);
                match self.again(offset, bytes, sink)? {
                    _ if bytes.is_empty() => {}
                    // That there are two versions must not be lost, even where the second one stays encrypted.
                    known => sink.push(StreamItem::Conflict { offset, bytes: known.unwrap_or(bytes), at }),
                }
            }
            StreamItem::Late { offset, bytes, at } => {
                let (offset, bytes) = self.cut(offset, bytes);
                match self.again(offset, bytes, sink)? {
                    _ if bytes.is_empty() => {}
                    Some(bytes) => sink.push(StreamItem::Late { offset, bytes, at }),
                    None => sink.push(StreamItem::Uncompared { offset, len: bytes.len() as u64, at }),
                }
            }
            StreamItem::Acked { upto, .. } if upto <= self.start => {}
            StreamItem::AckedRange { to, .. } if to <= self.start => {}
            StreamItem::AckedRange { from, to, at } => {
                sink.push(StreamItem::AckedRange { from: from.max(self.start), to, at });
            }
            StreamItem::Uncompared { offset, len, at } => {
                let before = self.start.saturating_sub(offset).min(len);
                if len > before {
                    sink.push(StreamItem::Uncompared { offset: offset + before, len: len - before, at });
                }
            }
            StreamItem::Acked { .. }
            | StreamItem::Answers { .. }
            | StreamItem::OutOfWindow { .. }
            | StreamItem::End { .. } => sink.push(*item),
        }
        Ok(false)
    }

    /// The part of `bytes` that is behind the MSE handshake.
    fn cut<'cap>(&self, offset: u64, bytes: &'cap [u8]) -> (u64, &'cap [u8]) {
        let before = self.start.saturating_sub(offset).min(bytes.len() as u64);
        (offset + before, bytes.get(before as usize..).unwrap_or_default())
    }

    /// Decrypts the next bytes of the stream.
    fn decrypt<'cap>(&mut self, bytes: &[u8], sink: &mut Sink<'_, 'cap>) -> Result<&'cap [u8], Error> {
        let cipher = &mut self.cipher;
        sink.store.store_with(bytes.len(), &mut |room| {
            room.copy_from_slice(bytes);
            if let Some(cipher) = cipher {
                cipher.apply(room);
            }
        })
    }

    /// Decrypts bytes for a place already passed; `None` when it lies ahead, or too much was
    /// spent on that.
    fn again<'cap>(
        &mut self,
        offset: u64,
        bytes: &'cap [u8],
        sink: &mut Sink<'_, 'cap>,
    ) -> Result<Option<&'cap [u8]>, Error> {
        let encrypted = self.clear.saturating_sub(offset).min(bytes.len() as u64) as usize;
        let Some(cipher) = self.cipher.as_ref().filter(|_| encrypted > 0) else { return Ok(Some(bytes)) };
        let position = self.origin.saturating_add(offset.saturating_sub(self.start));
        let end = position.saturating_add(encrypted as u64);
        if end > cipher.position() {
            return Ok(None);
        }
        if self.behind.as_ref().is_none_or(|behind| behind.position() > position) {
            let Some(left) = self.again.checked_sub(position) else { return Ok(None) };
            self.again = left;
            self.behind = Some(Box::new(cipher.at(position)));
        }
        let Some(behind) = &mut self.behind else { return Ok(None) };
        behind.skip(position.saturating_sub(behind.position()));
        let decrypted = sink.store.store_with(bytes.len(), &mut |room| {
            room.copy_from_slice(bytes);
            if let Some(encrypted) = room.get_mut(..encrypted) {
                behind.apply(encrypted);
            }
        });
        decrypted.map(Some)
    }
}

impl<'cap> Sink<'_, 'cap> {
    fn push(&mut self, item: StreamItem<'cap>) {
        self.out.push((self.direction, item));
    }
}

// Rationale: RC4 cannot seek; differing retransmissions are rare, and a hostile capture may cost each direction no more
// than ten seconds.
const MAX_AGAIN: u64 = 4 << 30;
// Rationale: RC4 cannot seek; 16 GiB missing from one direction cost 40 s, and more is no longer worth the wait.
const MAX_GAPS: u64 = 16 << 30;
