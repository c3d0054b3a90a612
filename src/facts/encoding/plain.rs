//! Records that are written as they are: there are few of them, or they are large.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::facts::journal::Record;
use crate::facts::{Copy, Doubt};

/// Appends a value.
pub(super) fn put<T: Serialize>(out: &mut Vec<u8>, value: &T) {
    let room = std::mem::take(out);
    *out =
        postcard::to_extend(value, room).expect("facts are plain values, whose length is known, and memory grows");
}

/// Takes a value.
pub(super) fn take<T: DeserializeOwned>(from: &mut &[u8]) -> Option<T> {
    let (value, rest) = postcard::take_from_bytes(from).ok()?;
    *from = rest;
    Some(value)
}

/// A value that is written as it is, for whoever sorts what he made of facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plain<T>(pub T);

impl<T: Serialize + DeserializeOwned> Record for Plain<T> {
    type Before = ();

    fn weight(&self) -> usize {
        size_of::<Self>()
    }

    fn write(&self, (): &mut (), out: &mut Vec<u8>) {
        put(out, &self.0);
    }

    fn read((): &mut (), from: &mut &[u8]) -> Option<Self> {
        take(from).map(Self)
    }
}

macro_rules! plain {
    ($($record:ty: $beside:expr),+ $(,)?) => {$(
        impl Record for $record {
            type Before = ();

            fn weight(&self) -> usize {
                let beside: fn(&Self) -> usize = $beside;
                size_of::<Self>() + beside(self)
            }

            fn write(&self, (): &mut (), out: &mut Vec<u8>) {
                put(out, self);
            }

            fn read((): &mut (), from: &mut &[u8]) -> Option<Self> {
                take(from)
            }
        }
    )+};
}

plain!(
    Copy: |copy| copy.digests.leaves.len() * 32,
    Doubt: |_| 0,
);
