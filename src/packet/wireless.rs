//! IEEE 802.11 data frames, and the capture headers in front of them.

use super::cut::Cut;
use super::link::{LINK_IEEE802_11, Layer, Marks, Network, Step, down, end};
use super::unread::Unread;

/// A data frame with its MAC header; `padded` when the radio aligned the header to 4 bytes.
///
/// Encrypted frames are [`Network::Other`]: without the key they hold nothing to read. Several frames in one (A-MSDU)
/// are [`Network::Aggregate`]; fragments of frames are [`Network::Bad`], so that they are listed.
pub(super) fn data_frame(cut: Cut<'_>, padded: bool) -> Option<Step<'_>> {
    let [kind, flags] = cut.array(0)?;
    let (frame_type, subtype) = (kind >> 2 & 3, kind >> 4);
    let other = match frame_type {
        _ if kind & 3 != 0 => Some("802.11 of an unknown version"),
        0 => Some("802.11 management"),
        1 => Some("802.11 control"),
        DATA if subtype & NO_DATA != 0 => Some("802.11 data without data"),
        DATA if flags & PROTECTED != 0 => Some("802.11 data, encrypted"),
        DATA => None,
        _ => Some("802.11 extension"),
    };
    if let Some(name) = other {
        return end(Network::Other(Unread::Named(name)));
    }
    let [sequence, _] = cut.array(22)?;
    if flags & MORE_FRAGMENTS != 0 || sequence & 0x0f != 0 {
        return end(Network::Bad("a fragment of an 802.11 frame, which is not put together"));
    }
    let mut length = 24;
    if flags & BOTH_DS == BOTH_DS {
        length += 6;
    }
    let mut aggregate = false;
    if subtype & QOS != 0 {
        aggregate = cut.u8(length)? & AGGREGATE != 0;
        length += 2;
        if flags & ORDER != 0 {
            length += 4;
        }
    }
    let aligned = usize::next_multiple_of(length, 4);
    let (said, other) = if padded { (aligned, length) } else { (length, aligned) };
    // Drivers set the flag of the padding wrongly: LLC and SNAP in the other place, and not in this one, tell.
    let begins = |at: usize| cut.array(at + if aggregate { PART_HEADER } else { 0 }) == Some(SNAP);
    let body = cut.skip(if begins(other) && !begins(said) { other } else { said })?;
    if aggregate { end(Network::Aggregate(body)) } else { down(Layer::Llc, body) }
}

/// The part of an aggregate that begins at `offset`, from its LLC header on, and where the next part begins, if there is
/// one. `None`: its header is cut off, or it is longer than the aggregate.
///
/// Source: IEEE 802.11-2020, section 9.3.2.2.2: two addresses, a length, and padding to four bytes but for the last part.
pub(super) fn part(aggregate: Cut<'_>, offset: usize) -> Option<(Cut<'_>, Option<usize>)> {
    let part = aggregate.skip(offset)?;
    let length = usize::from(part.u16(12)?);
    let body = part.skip(PART_HEADER)?;
    let next = offset + (PART_HEADER + length).next_multiple_of(4);
    let more = aggregate.skip(next).is_some_and(|rest| rest.wire >= PART_HEADER);
    (length <= body.wire).then(|| (body.trim(length), more.then_some(next)))
}

/// Radiotap (<https://www.radiotap.org>): little-endian, self-described length, flags after the timestamp.
pub(super) fn radiotap(cut: Cut<'_>) -> Option<Step<'_>> {
    let length = usize::from(u16::from_le_bytes(cut.array(2)?));
    if length < 8 {
        return end(Network::Bad("a radiotap header of impossible length"));
    }
    let Some(rest) = cut.skip(length) else {
        return end(Network::Bad("a radiotap header longer than its frame"));
    };
    let first = u32::from_le_bytes(cut.array(4)?);
    let (mut words, mut present) = (1_usize, first);
    while present & 1 << 31 != 0 {
        let at = 4 + words * 4;
        if at + 4 > length {
            return end(Network::Bad("a radiotap header without an end to its fields"));
        }
        present = u32::from_le_bytes(cut.array(at)?);
        words += 1;
    }
    let fields = 4 + words * 4;
    let flags_at = if first & 1 != 0 { fields.next_multiple_of(8) + 8 } else { fields };
    let flags = if first & 2 != 0 && flags_at < length { cut.u8(flags_at)? } else { 0 };
    let layer = if flags & RADIOTAP_PADDED != 0 { Layer::PaddedWireless } else { Layer::Link(LINK_IEEE802_11) };
    let trailer = if flags & RADIOTAP_FCS != 0 { FCS } else { 0 };
    Some(Step::Marked(layer, rest, Marks { damaged: flags & RADIOTAP_BAD_FCS != 0, trailer }))
}

/// Reads from per-packet information that the frame check sequence is wrong, or that the radio met an error.
///
/// Source: the PPI specification, section 4.1.2: the flags of the field of 802.11 are its bytes 8 and 9, little-endian.
pub(super) fn is_damaged_by_ppi(header: Cut<'_>) -> bool {
    let number = |at| header.array(at).map(|bytes| usize::from(u16::from_le_bytes(bytes)));
    let mut at = PPI_HEADER;
    while let (Some(kind), Some(length)) = (number(at), number(at + 2)) {
        if kind == PPI_802_11 {
            return number(at + 12).is_some_and(|flags| flags & PPI_DAMAGE != 0);
        }
        at += 4 + length;
    }
    false
}

/// Prism monitor header: message code and length in the byte order of the host, or AVS under the same link type.
pub(super) fn prism(cut: Cut<'_>) -> Option<Step<'_>> {
    if cut.u32(0)? & 0xffff_f000 == AVS_MAGIC {
        return avs(cut);
    }
    let length = cut.array::<4>(4)?;
    behind(cut, u32::from_be_bytes(length).min(u32::from_le_bytes(length)))
}

/// AVS header: version and length, big-endian.
pub(super) fn avs(cut: Cut<'_>) -> Option<Step<'_>> {
    behind(cut, cut.u32(4)?)
}

fn behind(cut: Cut<'_>, length: u32) -> Option<Step<'_>> {
    match usize::try_from(length).ok().filter(|&length| length >= 8).and_then(|length| cut.skip(length)) {
        Some(rest) => data_frame(rest, false),
        None => end(Network::Bad("a wireless capture header of impossible length")),
    }
}

const SNAP: [u8; 3] = [0xaa, 0xaa, 0x03];
const FCS: usize = 4;
const PART_HEADER: usize = 14;
const DATA: u8 = 2;
const NO_DATA: u8 = 0x4;
const QOS: u8 = 0x8;
const BOTH_DS: u8 = 0x03;
const MORE_FRAGMENTS: u8 = 0x04;
const PROTECTED: u8 = 0x40;
const ORDER: u8 = 0x80;
const AGGREGATE: u8 = 0x80;
const RADIOTAP_FCS: u8 = 0x10;
const RADIOTAP_PADDED: u8 = 0x20;
const RADIOTAP_BAD_FCS: u8 = 0x40;
const PPI_HEADER: usize = 8;
const PPI_802_11: usize = 2;
// Rationale: bit 2 is an invalid frame check sequence, bit 3 an error of the radio.
const PPI_DAMAGE: usize = 0x000c;
const AVS_MAGIC: u32 = 0x8021_1000;

#[cfg(test)]
mod tests {
    use crate::packet::testing::{decode, frame, tcp4};

    const TCP: &str = "|192.0.2.1:1111>192.0.2.2:2222 Tcp 5/5";

    fn radiotap(flags: u8, parts: &[&[u8]]) -> String {
        let header = [0, 0, 9, 0, 2, 0, 0, 0, flags];
        decode(&frame(127, &[&header[..], &parts.concat()].concat())).text().to_owned()
    }

    #[test]
    fn a_flag_of_a_check_sequence_or_of_padding_that_is_set_wrongly_costs_no_byte() {
        let snap = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0];
        let plain = [&[0x08, 0x01][..], &[0; 22]].concat();
        let quality = [&[0x88, 0x02][..], &[0; 24]].concat();
        let part = {
            let msdu = [&snap[..], &tcp4(b"hello")].concat();
            [&[4; 12][..], &(msdu.len() as u16).to_be_bytes(), &msdu].concat()
        };
        let aggregate = [&[0x88, 0x02][..], &[0; 22], &[0x80, 0]].concat();
        for flags in [0, 0x10, 0x20, 0x30] {
            for trailer in [&[][..], &[9; 4]] {
                assert_eq!(radiotap(flags, &[&plain, &snap, &tcp4(b"hello"), trailer]), TCP, "{flags:#x}");
                for padding in [&[][..], &[0, 0]] {
                    let read = radiotap(flags, &[&quality, padding, &snap, &tcp4(b"hello"), trailer]);
                    assert_eq!(read, TCP, "{flags:#x} {padding:?}");
                    let read = radiotap(flags, &[&aggregate, padding, &part, trailer]);
                    assert_eq!(read, TCP, "an aggregate, {flags:#x} {padding:?}");
                }
            }
        }
    }

    #[test]
    fn a_check_sequence_is_no_part_of_a_packet_that_states_no_length() {
        let plain = [&[0x08, 0x01][..], &[0; 22], &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0]].concat();
        let mut giant = tcp4(b"hello");
        giant[2..4].copy_from_slice(&[0, 0]);
        assert_eq!(radiotap(0x10, &[&plain, &giant, &[9; 4]]), TCP);
    }

    #[test]
    fn frames_without_a_packet_are_named() {
        let unread = |kind: u8, flags: u8| {
            let bytes = [&[kind, flags][..], &[0; 40]].concat();
            decode(&frame(105, &bytes)).unread.into_iter().map(|(name, _)| name).collect::<Vec<_>>()
        };
        assert_eq!(unread(0x80, 0), ["802.11 management"]);
        assert_eq!(unread(0xd4, 0), ["802.11 control"]);
        assert_eq!(unread(0x48, 0), ["802.11 data without data"]);
        assert_eq!(unread(0x08, 0x40), ["802.11 data, encrypted"]);
    }
}
