//! WebRTC (RFC 8835): STUN and DTLS between the same ends. What it carries cannot be read, and WebTorrent is one of the
//! things that it could be.

use super::Shared;
use super::findings::{Opaque, OpaqueKind};
use crate::ends::{FlowKey, Span, Transport};
use crate::packet::{Packet, Payload};

/// The WebRTC that a UDP flow shows, if any.
#[derive(Debug, Default)]
pub(super) struct WebRtc(Option<Box<Shown>>);

#[derive(Debug)]
struct Shown {
    span: Span,
    dtls: bool,
    bytes: [u64; 2],
}

impl WebRtc {
    /// Looks at a datagram that is no part of a uTP connection.
    #[inline]
    pub(super) fn look(&mut self, packet: &Packet<'_>, payload: &Payload<'_>) {
        match &mut self.0 {
            None if is_stun(payload.bytes) => {
                self.0 = Some(Box::new(Shown { span: Span::single(packet.at), dtls: false, bytes: [0; 2] }));
                self.look(packet, payload);
            }
            None => {}
            Some(shown) => {
                shown.span.cover(packet.at);
                if !is_stun(payload.bytes) {
                    shown.dtls |= is_dtls(payload.bytes);
                    shown.bytes[packet.direction.index()] += u64::from(payload.wire_len);
                }
            }
        }
    }

    /// Ends the flow; whether it was one.
    pub(super) fn close(self, flow: FlowKey, shared: &mut Shared<'_, '_>) -> bool {
        let Some(Shown { span, dtls: true, bytes }) = self.0.map(|shown| *shown) else {
            return false;
        };
        let opaque = Opaque::of(flow, Transport::Udp, OpaqueKind::WebRtc, bytes, span, BASIS.to_owned());
        shared.opaque(opaque, span);
        true
    }
}

/// A binding request, answer or error of STUN (RFC 8489 section 5).
fn is_stun(bytes: &[u8]) -> bool {
    matches!(bytes, [0 | 1, 0x01 | 0x11, _, _, 0x21, 0x12, 0xa4, 0x42, ..])
}

/// A record of DTLS (RFC 6347), alone or in a channel of a TURN relay (RFC 8656 section 12).
fn is_dtls(bytes: &[u8]) -> bool {
    matches!(bytes, [20..=23, 0xfe, 0xfd | 0xff, ..] | [0x40..=0x4f, _, _, _, 20..=23, 0xfe, 0xfd | 0xff, ..])
}

const BASIS: &str = "STUN binding and DTLS between the same ends: a WebRTC connection, which could carry WebTorrent, or a call or \
                     anything else of a browser; it is encrypted";
