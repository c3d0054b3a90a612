//! Payload that a part carries, so that it can be judged where its captures are not.

use std::io::{self, Write};

use crate::Error;
use crate::capture::Spool;
use crate::facts::Place;

/// Stretches of captures.
///
/// # Invariants
/// - Sorted by place, apart; the bytes of each lie behind those of the one before.
#[derive(Debug, Default)]
pub struct Carried {
    /// Where each lies in the captures, how long it is, and where its bytes begin.
    stretches: Vec<(Place, u32, u64)>,
    bytes: Option<Spool>,
}

impl Carried {
    /// Carries `places`, whose bytes `read` gives; what it does not give is not carried.
    ///
    /// # Errors
    /// [`Error::Io`] when there is no room for them.
    pub(crate) fn of<'b>(
        mut places: Vec<(Place, u32)>,
        read: impl Fn(Place, u32) -> Option<&'b [u8]>,
    ) -> Result<Self, Error> {
        places.sort_unstable();
        let mut joined: Vec<(Place, u32)> = Vec::with_capacity(places.len());
        for (place, len) in places {
            match joined.last_mut() {
                Some((last, held))
                    if last.store == place.store && place.offset <= last.offset + u64::from(*held) =>
                {
                    let end = (place.offset + u64::from(len)).max(last.offset + u64::from(*held));
                    match u32::try_from(end - last.offset) {
                        Ok(len) => *held = len,
                        Err(_) => joined.push((place, len)),
                    }
                }
                _ => joined.push((place, len)),
            }
        }
        let mut carried = Self::default();
        for (place, len) in joined {
            if let Some(bytes) = read(place, len) {
                carried.push(place, bytes)?;
            }
        }
        Ok(carried)
    }

    fn push(&mut self, place: Place, bytes: &[u8]) -> Result<(), Error> {
        let spool = match &mut self.bytes {
            Some(spool) => spool,
            None => self.bytes.insert(Spool::new(None)?),
        };
        let at = spool.bytes().len() as u64;
        spool.append(bytes)?;
        self.stretches.push((place, u32::try_from(bytes.len()).unwrap_or(u32::MAX), at));
        Ok(())
    }

    /// How many bytes are carried.
    pub fn bytes(&self) -> u64 {
        self.bytes.as_ref().map_or(0, |bytes| bytes.bytes().len() as u64)
    }

    /// `len` bytes from `place` on, where they are carried.
    pub(crate) fn bytes_at(&self, place: Place, len: u32) -> Option<&[u8]> {
        let behind = self.stretches.partition_point(|(start, ..)| *start <= place);
        let (start, held, at) = self.stretches.get(behind.checked_sub(1)?)?;
        let within = place.offset.checked_sub(start.offset).filter(|_| start.store == place.store)?;
        if within + u64::from(len) > u64::from(*held) {
            return None;
        }
        let from = usize::try_from(at + within).ok()?;
        self.bytes.as_ref()?.bytes().get(from..from.checked_add(len as usize)?)
    }

    pub(super) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(&(self.stretches.len() as u64).to_le_bytes())?;
        for (place, len, _) in &self.stretches {
            out.write_all(&place.store.to_le_bytes())?;
            out.write_all(&place.offset.to_le_bytes())?;
            out.write_all(&len.to_le_bytes())?;
        }
        out.write_all(self.bytes.as_ref().map_or(&[], Spool::bytes))
    }

    /// Reads what was written; `None` where it is something else.
    pub(super) fn read(from: &[u8]) -> Result<Option<Self>, Error> {
        let Some((count, mut from)) = from.split_first_chunk() else { return Ok(None) };
        let mut stretches = Vec::new();
        let mut at = 0;
        for _ in 0..u64::from_le_bytes(*count) {
            let Some((store, rest)) = from.split_first_chunk() else { return Ok(None) };
            let Some((offset, rest)) = rest.split_first_chunk() else { return Ok(None) };
            let Some((len, rest)) = rest.split_first_chunk() else { return Ok(None) };
            let place = Place { store: u16::from_le_bytes(*store), offset: u64::from_le_bytes(*offset) };
            let len = u32::from_le_bytes(*len);
            stretches.push((place, len, at));
            at += u64::from(len);
            from = rest;
        }
        if from.len() as u64 != at || !stretches.is_sorted() {
            return Ok(None);
        }
        let mut bytes = Spool::new(None)?;
        bytes.append(from)?;
        Ok(Some(Self { stretches, bytes: Some(bytes) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_carried_is_found_again_where_it_lies_and_nothing_else_is() {
        let content: Vec<u8> = (0..=255).collect();
        let at = |store, offset| Place { store, offset };
        let read = |place: Place, len: u32| {
            let from = place.offset as usize;
            content.get(from..from + len as usize)
        };
        let places = vec![(at(1, 10), 5), (at(0, 100), 20), (at(0, 110), 20), (at(0, 250), 90), (at(0, 130), 1)];
        let carried = Carried::of(places, read).expect("room");
        assert_eq!(carried.bytes(), 36, "overlaps once, and what is not there not at all");
        let mut bytes = Vec::new();
        carried.write(&mut bytes).expect("room");
        let again = Carried::read(&bytes).expect("room").expect("carried");
        assert!(Carried::read(&bytes[..bytes.len() - 1]).expect("room").is_none(), "torn");
        for carried in [&carried, &again] {
            assert_eq!(carried.bytes_at(at(0, 101), 29), Some(&content[101..130]));
            assert_eq!(carried.bytes_at(at(1, 10), 5), Some(&content[10..15]));
            for (place, len) in [(at(0, 99), 2), (at(0, 130), 2), (at(1, 9), 1), (at(2, 10), 1), (at(0, 250), 1)] {
                assert_eq!(carried.bytes_at(place, len), None, "{place:?}");
            }
        }
    }
}
