//! The header of a uTP packet (BEP 29) and its extensions.

use nom::number::complete::{be_u8, be_u16, be_u32};
use nom::{IResult, Parser, bytes::complete::take};

use crate::packet::Payload;

/// A uTP packet, version 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'cap> {
    /// The type in the header.
    pub kind: PacketKind,
    /// The connection, as the receiver of this packet numbers it (of a SYN: as its sender does).
    pub connection_id: u16,
    /// The sender's clock in microseconds, modulo 2^32.
    pub timestamp_us: u32,
    /// Its number; only SYN, DATA and FIN use one up.
    pub seq_nr: u16,
    /// The last packet that the sender received in order; means nothing in a SYN.
    pub ack_nr: u16,
    /// The bits of the selective ACK: bit 0 of byte 0 stands for `ack_nr + 2`. Any length: 1 byte is common,
    /// though BEP 29 asks for a multiple of 4.
    pub selective_ack: Option<&'cap [u8]>,
    /// The bytes behind the headers.
    pub payload: Payload<'cap>,
    /// True if the packet is known not to be the sender's: another one has its number, and the hash says that the
    /// other one is right.
    pub rejected: bool,
}

/// The type of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacketKind {
    /// ST_DATA.
    Data,
    /// ST_FIN; may carry data.
    Fin,
    /// ST_STATE: an acknowledgement.
    State,
    /// ST_RESET.
    Reset,
    /// ST_SYN.
    Syn,
}

/// Why a datagram is not (known to be) uTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NotUtp {
    /// Shorter than the 20 bytes of the header.
    TooShort,
    /// Another version than 1.
    Version,
    /// A type above 4.
    Type,
    /// An extension reaches beyond the datagram.
    Extension,
    /// The snap length cut the headers off.
    Cut,
}

impl<'cap> Packet<'cap> {
    /// Reads the header and the chain of extensions; unknown extensions are skipped by their length.
    ///
    /// # Errors
    /// The first reason for which the datagram cannot be uTP. Success proves little: one random datagram in
    /// fifty passes.
    pub fn parse(datagram: &Payload<'cap>) -> Result<Self, NotUtp> {
        let cut = u64::from(datagram.wire_len) > datagram.bytes.len() as u64;
        let (mut rest, header) =
            header(datagram.bytes).map_err(|_| if cut { NotUtp::Cut } else { NotUtp::TooShort })?;
        if header.type_and_version & 0x0f != VERSION {
            return Err(NotUtp::Version);
        }
        let kind = match header.type_and_version >> 4 {
            0 => PacketKind::Data,
            1 => PacketKind::Fin,
            2 => PacketKind::State,
            3 => PacketKind::Reset,
            4 => PacketKind::Syn,
            _ => return Err(NotUtp::Type),
        };
        let (mut selective_ack, mut kind_of_next) = (None, header.extension);
        // Each is at least 2 bytes long, so that the datagram bounds their number.
        while kind_of_next != 0 {
            let (after, (next, body)) =
                extension(rest).map_err(|_| if cut { NotUtp::Cut } else { NotUtp::Extension })?;
            if kind_of_next == SELECTIVE_ACK {
                selective_ack = Some(body);
            }
            (rest, kind_of_next) = (after, next);
        }
        let headers = u32::try_from(datagram.bytes.len() - rest.len()).unwrap_or(u32::MAX);
        Ok(Self {
            kind,
            connection_id: header.connection_id,
            timestamp_us: header.timestamp_us,
            seq_nr: header.seq_nr,
            ack_nr: header.ack_nr,
            selective_ack,
            payload: Payload { bytes: rest, wire_len: datagram.wire_len.saturating_sub(headers) },
            rejected: false,
        })
    }
}

struct Header {
    type_and_version: u8,
    extension: u8,
    connection_id: u16,
    timestamp_us: u32,
    seq_nr: u16,
    ack_nr: u16,
}

fn header(input: &[u8]) -> IResult<&[u8], Header> {
    let fields = (be_u8, be_u8, be_u16, be_u32, be_u32, be_u32, be_u16, be_u16);
    fields
        .map(|(type_and_version, extension, connection_id, timestamp_us, _delay, _window, seq_nr, ack_nr)| Header {
            type_and_version,
            extension,
            connection_id,
            timestamp_us,
            seq_nr,
            ack_nr,
        })
        .parse(input)
}

/// The kind of the next extension, and the body of this one.
fn extension(input: &[u8]) -> IResult<&[u8], (u8, &[u8])> {
    let (input, (next, len)) = (be_u8, be_u8).parse(input)?;
    let (input, body) = take(len)(input)?;
    Ok((input, (next, body)))
}

const VERSION: u8 = 1;
const SELECTIVE_ACK: u8 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    const SYN: [u8; 20] = [0x41, 0, 0x12, 0x34, 0, 0, 0, 9, 0, 0, 0, 0, 0, 1, 0, 0, 0, 7, 0, 3];

    fn parse(bytes: &[u8]) -> Result<Packet<'_>, NotUtp> {
        Packet::parse(&Payload { bytes, wire_len: bytes.len() as u32 })
    }

    #[test]
    fn a_header_is_read() {
        let packet = parse(&SYN).expect("well formed");
        assert_eq!((packet.kind, packet.connection_id, packet.timestamp_us), (PacketKind::Syn, 0x1234, 9));
        assert_eq!((packet.seq_nr, packet.ack_nr, packet.payload.wire_len), (7, 3, 0));
    }

    #[test]
    fn a_selective_ack_of_one_byte_and_unknown_extensions_are_read_over() {
        let mut bytes = SYN.to_vec();
        bytes[0] = 0x01;
        bytes[1] = 77;
        bytes.extend_from_slice(&[1, 2, 9, 9, 0, 1, 0b101]);
        bytes.extend_from_slice(b"data");
        let packet = parse(&bytes).expect("well formed");
        assert_eq!(packet.selective_ack, Some(&[0b101][..]));
        assert_eq!(packet.payload, Payload { bytes: b"data", wire_len: 4 });
    }

    #[test]
    fn every_cut_is_refused_with_its_reason() {
        let mut bytes = SYN.to_vec();
        bytes[1] = 1;
        bytes.extend_from_slice(&[0, 4, 1, 2, 3, 4]);
        for len in 0..bytes.len() {
            let expected = if len < 20 { NotUtp::TooShort } else { NotUtp::Extension };
            assert_eq!(parse(&bytes[..len]), Err(expected), "{len}");
            let cut = Payload { bytes: &bytes[..len], wire_len: 26 };
            assert_eq!(Packet::parse(&cut), Err(NotUtp::Cut), "{len}");
        }
        assert!(parse(&bytes).is_ok());
    }

    #[test]
    fn look_alikes_are_refused_by_their_first_byte() {
        for (first, reason) in [(0x16, NotUtp::Version), (b'd', NotUtp::Version), (0x51, NotUtp::Type)] {
            let mut bytes = SYN;
            bytes[0] = first;
            assert_eq!(parse(&bytes), Err(reason));
        }
    }

    #[test]
    fn a_chain_of_extensions_ends_with_its_datagram_and_no_sooner() {
        let mut bytes = SYN.to_vec();
        bytes[1] = 9;
        bytes.extend_from_slice(&[9, 0].repeat(50));
        assert_eq!(parse(&bytes), Err(NotUtp::Extension));
        bytes.extend_from_slice(&[0, 1, 7]);
        assert_eq!(parse(&bytes).map(|packet| packet.payload.wire_len), Ok(0));
    }
}
