//! The store of derived bytes, as the stages below know it.

use crate::Error;
use crate::capture::Spill;
use crate::packet::Store;

/// The spill as the decoder knows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spilled<'cap>(pub(crate) &'cap Spill);

impl<'cap> Store<'cap> for Spilled<'cap> {
    fn store(&self, parts: &[&[u8]]) -> Result<&'cap [u8], Error> {
        self.0.store(parts)
    }

    fn store_with(&self, len: usize, fill: &mut dyn FnMut(&mut [u8])) -> Result<&'cap [u8], Error> {
        self.0.store_with(len, fill)
    }
}
