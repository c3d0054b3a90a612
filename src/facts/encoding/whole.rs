//! The facts of a capture set as one string of bytes.

use std::io::{self, Write};

use super::plain;
use crate::Error;
use crate::facts::Facts;
use crate::facts::journal::{Journal, Record};

impl Facts {
    /// Writes all of it.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(MAGIC)?;
        let mut head = Vec::new();
        plain::put(&mut head, &(&self.inputs, &self.keys, &self.hashes, &self.metadata));
        plain::put(&mut head, &(&self.mentions, &self.swarms, &self.names, &self.opaque, &self.clock_steps));
        out.write_all(&(head.len() as u64).to_le_bytes())?;
        out.write_all(&head)?;
        write_journal(&self.connections, out)?;
        write_journal(&self.blocks, out)?;
        write_journal(&self.bodies, out)?;
        write_journal(&self.doubts, out)?;
        write_journal(&self.copies, out)
    }

    /// Reads what [`write`](Self::write) wrote; `name` is that of the file, for an error.
    ///
    /// # Errors
    /// [`Error::Malformed`] for anything else, and for facts of another version.
    pub fn read(name: &str, bytes: &[u8]) -> Result<Self, Error> {
        let mut from = bytes;
        Self::take(&mut from).filter(|_| from.is_empty()).ok_or_else(|| Error::Malformed {
            name: name.to_owned(),
            offset: (bytes.len() - from.len()) as u64,
            found: if bytes.starts_with(MAGIC) { "what cannot be read" } else { "another beginning" }.to_owned(),
            expected: "facts as this version of peerproof writes them".to_owned(),
        })
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        *from = from.strip_prefix(MAGIC)?;
        let mut head = take_part(from)?;
        let (inputs, keys, hashes, metadata) = plain::take(&mut head)?;
        let (mentions, swarms, names, opaque, clock_steps) = plain::take(&mut head)?;
        let facts = Self {
            inputs,
            keys,
            hashes,
            metadata,
            mentions,
            swarms,
            names,
            opaque,
            clock_steps,
            connections: read_journal(from)?,
            blocks: read_journal(from)?,
            bodies: read_journal(from)?,
            doubts: read_journal(from)?,
            copies: read_journal(from)?,
            bases: Vec::new(),
        };
        head.is_empty().then_some(facts)
    }
}

fn write_journal<R: Record>(journal: &Journal<R>, out: &mut impl Write) -> io::Result<()> {
    out.write_all(&journal.len().to_le_bytes())?;
    out.write_all(&journal.bytes().to_le_bytes())?;
    journal.encoded().into_iter().try_for_each(|part| out.write_all(part))
}

fn read_journal<R: Record>(from: &mut &[u8]) -> Option<Journal<R>> {
    let records = u64::from_le_bytes(super::take_array(from)?);
    Journal::from_encoded(records, take_part(from)?)
}

/// A part behind its length.
fn take_part<'a>(from: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = usize::try_from(u64::from_le_bytes(super::take_array(from)?)).ok()?;
    let (part, rest) = from.split_at_checked(len)?;
    *from = rest;
    Some(part)
}

/// Name and version.
const MAGIC: &[u8] = b"peerproof facts 3\n";
