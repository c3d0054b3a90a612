//! The three kinds of packet blocks.

use super::interface::{InterfaceState, Interfaces};
use super::options::{Endian, Options};

/// A packet block, read.
#[derive(Debug)]
pub(super) struct Packet<'cap> {
    /// The number of its interface in the section.
    pub(super) id: u32,
    pub(super) interface: InterfaceState,
    /// In units of the interface; `None` where the block has no time.
    pub(super) ticks: Option<u64>,
    pub(super) bytes: &'cap [u8],
    pub(super) wire: u32,
    /// Packets lost since the one before, as the block says.
    pub(super) drops: u64,
    pub(super) fcs_len: u8,
    /// The block tells of an error that leaves the bytes in doubt.
    pub(super) damaged: bool,
}

impl<'cap> Packet<'cap> {
    /// Reads the body of an enhanced packet block.
    ///
    /// # Errors
    /// The defect of the block, in words.
    #[inline]
    pub(super) fn enhanced(body: &'cap [u8], endian: Endian, interfaces: &Interfaces) -> Result<Self, String> {
        let (Some(id), Some(high), Some(low), Some(captured), Some(wire)) = (
            endian.u32(body, 0),
            endian.u32(body, 4),
            endian.u32(body, 8),
            endian.u32(body, 12),
            endian.u32(body, 16),
        ) else {
            return Err(format!("an enhanced packet block with a body of {} bytes", body.len()));
        };
        let ticks = Some(u64::from(high) << 32 | u64::from(low));
        let mut packet = Self::payload(interfaces, body, 20, id, captured, wire, ticks)?;
        for (code, value) in options(body, captured, endian) {
            match code {
                PACKET_FLAGS => packet.flags(endian.u32(value, 0)),
                EPB_DROPCOUNT => packet.drops = endian.u64(value, 0).unwrap_or(0),
                _ => {}
            }
        }
        Ok(packet)
    }

    /// Reads the body of an (old) packet block.
    ///
    /// # Errors
    /// As [`Packet::enhanced`].
    pub(super) fn obsolete(body: &'cap [u8], endian: Endian, interfaces: &Interfaces) -> Result<Self, String> {
        let (Some(id), Some(drops), Some(high), Some(low), Some(captured), Some(wire)) = (
            endian.u16(body, 0),
            endian.u16(body, 2),
            endian.u32(body, 4),
            endian.u32(body, 8),
            endian.u32(body, 12),
            endian.u32(body, 16),
        ) else {
            return Err(format!("a packet block with a body of {} bytes", body.len()));
        };
        let ticks = Some(u64::from(high) << 32 | u64::from(low));
        let mut packet = Self::payload(interfaces, body, 20, u32::from(id), captured, wire, ticks)?;
        packet.drops = if drops == DROPS_UNKNOWN { 0 } else { u64::from(drops) };
        for (code, value) in options(body, captured, endian) {
            if code == PACKET_FLAGS {
                packet.flags(endian.u32(value, 0));
            }
        }
        Ok(packet)
    }

    /// Reads the body of a simple packet block.
    ///
    /// # Errors
    /// As [`Packet::enhanced`].
    pub(super) fn simple(body: &'cap [u8], endian: Endian, interfaces: &Interfaces) -> Result<Self, String> {
        let Some(wire) = endian.u32(body, 0) else {
            return Err(format!("a simple packet block with a body of {} bytes", body.len()));
        };
        let snaplen = match interfaces.find(0) {
            Some(interface) if interface.snaplen > 0 => interface.snaplen,
            _ => u32::MAX,
        };
        // Some writers cut below the stated snap length, and leave only the block's length to tell.
        let room = (body.len() - 4) as u32;
        Self::payload(interfaces, body, 4, 0, wire.min(snaplen).min(room), wire, None)
    }

    #[inline]
    fn payload(
        interfaces: &Interfaces,
        body: &'cap [u8],
        fixed: usize,
        id: u32,
        captured: u32,
        wire: u32,
        ticks: Option<u64>,
    ) -> Result<Self, String> {
        let Some(interface) = interfaces.find(id).copied() else {
            return Err(format!("a packet of interface {id} of {}", interfaces.count()));
        };
        let bytes = body.get(fixed..).and_then(|data| data.get(..captured as usize));
        let Some(bytes) = bytes else {
            return Err(format!("{captured} captured bytes in a packet block with a body of {} bytes", body.len()));
        };
        Ok(Self { id, interface, ticks, bytes, wire, drops: 0, fcs_len: interface.fcs_len, damaged: false })
    }

    /// `epb_flags`: bits 5 to 8 are the FCS length in octets, 0 for unknown; the upper half tells of errors.
    fn flags(&mut self, flags: Option<u32>) {
        let flags = flags.unwrap_or(0);
        let octets = (flags >> 5 & 0xF) as u8;
        if octets > 0 {
            self.fcs_len = octets;
        }
        self.damaged = flags & DAMAGE != 0;
    }
}

/// The options behind the captured bytes of a packet block.
#[inline]
fn options(body: &[u8], captured: u32, endian: Endian) -> Options<'_> {
    let offset = (captured as usize).next_multiple_of(4).saturating_add(20);
    Options::new(body.get(offset..).unwrap_or_default(), endian)
}

const PACKET_FLAGS: u16 = 2;
// Rationale: CRC, unaligned frame, start frame delimiter, preamble, symbol (draft-ietf-opsawg-pcapng, section 4.3.1). A
// frame too long (bit 25), too short or with a wrong gap before it has the bytes that were sent.
const DAMAGE: u32 = 1 << 24 | 1 << 28 | 1 << 29 | 1 << 30 | 1 << 31;
const EPB_DROPCOUNT: u16 = 4;
const DROPS_UNKNOWN: u16 = 0xFFFF;
