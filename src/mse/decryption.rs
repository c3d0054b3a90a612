//! One direction once it is known what its bytes are: passed through, decrypted, or opaque.

use super::allowance::{Allowance, Pool};
use super::handshake::Answer;
use super::keys::Cipher;
use crate::Error;
use crate::ends::Direction;
use crate::packet::Store;
use crate::stream::{Missing, StreamItem};

/// The treatment of the bytes of a direction.
#[derive(Debug)]
pub(super) enum Decryption {
    /// Passed on unchanged.
    Through,
    /// Not readable: counted, and nothing but the end passed on.
    Opaque,
    /// Not readable, as more keystream would have to be passed over than [`Allowance`] allows.
    TooFar,
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
    /// The stream offset behind the last item.
    end: u64,
    keystream: Option<Box<Keystream>>,
}

/// The keystream of a direction.
#[derive(Debug)]
struct Keystream {
    /// At the first byte of the peer wire to begin with; it follows the data, and gaps only when data comes behind them.
    cipher: Cipher,
    /// Its place at the stream offset `start`.
    origin: u64,
    /// A second one, for places already passed: they mostly ascend.
    behind: Option<Cipher>,
    allowance: Allowance,
}

/// The outcome of an item.
enum ItemOutcome {
    Passed,
    /// Nothing after it can be read.
    Lost,
    /// It cannot be read, nor anything after it.
    TooFar,
}

/// Where the items of one direction go.
pub(super) struct ItemSink<'a, 'cap> {
    pub direction: Direction,
    pub store: &'a dyn Store<'cap>,
    pub out: &'a mut Vec<(Direction, StreamItem<'cap>)>,
}

impl Wire {
    /// In clear from `start` on.
    pub fn clear(start: u64) -> Self {
        Self { start, clear: start, end: 0, keystream: None }
    }

    /// RC4 from `start` to `clear`; `cipher` stands at `start`.
    pub fn rc4(start: u64, clear: u64, cipher: Cipher, pool: &Pool) -> Self {
        let (origin, allowance) = (cipher.position(), Allowance::new(pool));
        let keystream = Some(Box::new(Keystream { cipher, origin, behind: None, allowance }));
        Self { start, clear, end: 0, keystream }
    }

    /// The responder's, all RC4 or all in clear.
    pub fn of_answer(answer: Answer, clear: bool, pool: &Pool) -> Self {
        if clear { Self::clear(answer.start) } else { Self::rc4(answer.start, u64::MAX, answer.cipher, pool) }
    }
}

impl Decryption {
    /// Passes on what of `item` can be; the answer is how many captured bytes cannot.
    pub fn forward<'cap>(&mut self, item: &StreamItem<'cap>, sink: &mut ItemSink<'_, 'cap>) -> Result<u64, Error> {
        match self {
            Self::Through => {
                sink.push(*item);
                Ok(0)
            }
            Self::Opaque | Self::TooFar => {
                if matches!(item, StreamItem::End { .. }) {
                    sink.push(*item);
                }
                Ok(match item {
                    StreamItem::Data { bytes, .. } => bytes.len() as u64,
                    _ => 0,
                })
            }
            Self::Wire(wire) => {
                match wire.item(item, sink)? {
                    ItemOutcome::Passed => return Ok(0),
                    ItemOutcome::Lost => *self = Self::Opaque,
                    ItemOutcome::TooFar => {
                        *self = Self::TooFar;
                        return self.forward(item, sink);
                    }
                }
                Ok(0)
            }
        }
    }
}

impl Wire {
    /// Passes `item` on, if it can be read.
    fn item<'cap>(&mut self, item: &StreamItem<'cap>, sink: &mut ItemSink<'_, 'cap>) -> Result<ItemOutcome, Error> {
        match *item {
            StreamItem::Data { offset, bytes, at, doubtful } => {
                let (offset, bytes) = self.cut(offset, bytes);
                let encrypted = self.clear.saturating_sub(offset).min(bytes.len() as u64) as usize;
                let (encrypted, clear) = bytes.split_at_checked(encrypted).unwrap_or((bytes, &[]));
                if !encrypted.is_empty() && !self.reach(offset) {
                    return Ok(ItemOutcome::TooFar);
                }
                self.end = offset.saturating_add(bytes.len() as u64);
                if !encrypted.is_empty() {
                    let bytes = self.decrypt(encrypted, sink)?;
                    sink.push(StreamItem::Data { offset, bytes, at, doubtful });
                }
                if !clear.is_empty() {
                    let offset = offset + encrypted.len() as u64;
                    sink.push(StreamItem::Data { offset, bytes: clear, at, doubtful });
                }
            }
            StreamItem::Gap { offset, missing: Missing::Unknown | Missing::Packets(_), .. } => {
                sink.push(*item);
                return Ok(if offset < self.clear { ItemOutcome::Lost } else { ItemOutcome::Passed });
            }
            StreamItem::Gap { offset, missing: Missing::Bytes(missing), cause, at } => {
                let before = self.start.saturating_sub(offset).min(missing);
                let (offset, missing) = (offset + before, missing - before);
                if missing > 0 {
                    sink.push(StreamItem::Gap { offset, missing: Missing::Bytes(missing), cause, at });
                }
                self.end = offset.saturating_add(missing);
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
                    None => sink.push(StreamItem::Uncompared { offset, len: bytes.len() as u64, at, cut: false }),
                }
            }
            StreamItem::Acked { upto, .. } if upto <= self.start => {}
            StreamItem::AckedRange { to, .. } if to <= self.start => {}
            StreamItem::AckedRange { from, to, at } => {
                sink.push(StreamItem::AckedRange { from: from.max(self.start), to, at });
            }
            StreamItem::Uncompared { offset, len, at, cut } => {
                let before = self.start.saturating_sub(offset).min(len);
                if len > before {
                    sink.push(StreamItem::Uncompared { offset: offset + before, len: len - before, at, cut });
                }
            }
            StreamItem::Acked { .. }
            | StreamItem::Answers { .. }
            | StreamItem::OutOfWindow { .. }
            | StreamItem::OtherLength { .. }
            | StreamItem::Suspect { .. }
            | StreamItem::Unaccepted { .. }
            | StreamItem::End { .. } => sink.push(*item),
        }
        Ok(ItemOutcome::Passed)
    }

    /// The part of `bytes` that is behind the MSE handshake.
    fn cut<'cap>(&self, offset: u64, bytes: &'cap [u8]) -> (u64, &'cap [u8]) {
        let before = self.start.saturating_sub(offset).min(bytes.len() as u64);
        (offset + before, bytes.get(before as usize..).unwrap_or_default())
    }

    /// Brings the keystream to `offset`, over the gaps before it; whether it may.
    fn reach(&mut self, offset: u64) -> bool {
        let Some(keystream) = &mut self.keystream else { return true };
        let position = keystream.origin.saturating_add(offset.saturating_sub(self.start));
        let missing = position.saturating_sub(keystream.cipher.position());
        let may = keystream.allowance.take(missing);
        if may {
            keystream.cipher.skip(missing);
        }
        may
    }

    /// Decrypts the bytes of the stream at which the keystream stands.
    fn decrypt<'cap>(&mut self, bytes: &[u8], sink: &mut ItemSink<'_, 'cap>) -> Result<&'cap [u8], Error> {
        let keystream = &mut self.keystream;
        sink.store.store_with(bytes.len(), &mut |room| {
            room.copy_from_slice(bytes);
            if let Some(keystream) = keystream {
                keystream.cipher.apply(room);
                keystream.allowance.earn(bytes.len());
            }
        })
    }

    /// Decrypts bytes for a place already passed; `None` when it lies ahead, or too much would be spent on that.
    fn again<'cap>(
        &mut self,
        offset: u64,
        bytes: &'cap [u8],
        sink: &mut ItemSink<'_, 'cap>,
    ) -> Result<Option<&'cap [u8]>, Error> {
        let encrypted = self.clear.saturating_sub(offset).min(bytes.len() as u64) as usize;
        let Some(keystream) = self.keystream.as_mut().filter(|_| encrypted > 0) else { return Ok(Some(bytes)) };
        if offset.saturating_add(encrypted as u64) > self.end {
            return Ok(None);
        }
        let position = keystream.origin.saturating_add(offset.saturating_sub(self.start));
        let before = keystream.behind.take().filter(|behind| behind.position() <= position);
        let passed = before.as_ref().map_or(0, Cipher::position);
        if !keystream.allowance.take(position - passed) {
            keystream.behind = before;
            return Ok(None);
        }
        let behind = keystream.behind.insert(before.unwrap_or_else(|| keystream.cipher.at(0)));
        behind.skip(position - passed);
        keystream.allowance.earn(encrypted);
        let decrypted = sink.store.store_with(bytes.len(), &mut |room| {
            room.copy_from_slice(bytes);
            if let Some(encrypted) = room.get_mut(..encrypted) {
                behind.apply(encrypted);
            }
        });
        decrypted.map(Some)
    }
}

impl<'cap> ItemSink<'_, 'cap> {
    fn push(&mut self, item: StreamItem<'cap>) {
        self.out.push((self.direction, item));
    }
}
