//! The end of a connection: what it carried, and, of one that nothing was recognised in, why.

use super::{Channel, ChannelContent, Transported, note_opening, note_untried};
use crate::ends::{Direction, Sightings};
use crate::mse::MseOutcome;
use crate::oddity::{Bound, Oddity, Sink};
use crate::session::Session;
use crate::spine::Shared;
use crate::spine::findings::{Opaque, OpaqueKind};
use crate::spine::traffic::{CarriedProtocol, Extent, Volume};

impl<'cap> Channel<'cap> {
    /// Ends the connection, and says what it carried. Of one that nothing was recognised in, `volume` notes why.
    pub(in crate::spine) fn close(
        self,
        transported: Transported,
        moved: bool,
        volume: &mut Volume,
        shared: &mut Shared<'_, 'cap>,
    ) -> CarriedProtocol {
        let (mut extent, mut passed) = (self.extent, moved);
        match &self.content {
            ChannelContent::Undecided(holes) => passed |= !holes.is_empty(),
            ChannelContent::Peer(session) => {
                let torn = [Direction::LowToHigh, Direction::HighToLow].map(|from| session.side(from).gaps > 0);
                passed |= torn.contains(&true);
                // What is missing may be why nothing was recognised.
                if torn.contains(&true) && extent == Extent::Beginning {
                    extent = Extent::Rest;
                }
            }
            _ => {}
        }
        let carried = self.end(transported, shared);
        if carried == CarriedProtocol::Other {
            volume.note_unread(extent, passed);
        }
        carried
    }

    fn end(mut self, transported: Transported, shared: &mut Shared<'_, 'cap>) -> CarriedProtocol {
        if let ChannelContent::Mse(..) = self.content {
            self.filter(None, &transported.opening, shared);
        }
        if let Some(proxied) = self.watch.take().and_then(|watch| watch.end()).filter(|_| !self.has_blocks()) {
            self.content = ChannelContent::Proxied(Box::new(proxied));
        }
        let (flow, transport, span) = (self.flow, self.transport, self.span);
        let mut seen = self.seen;
        let opening = transported.opening;
        [opening.syn, opening.syn_ack, opening.ack].into_iter().flatten().for_each(|at| seen.note(at.frame));
        if let (Some(info_hash), Some(span)) = (self.tls.info_hash(), span) {
            let basis = format!(
                "TLS whose Client Hello names info-hash {info_hash} as the server name, as peers of an SSL torrent do; its \
                 content is not readable"
            );
            let opaque = Opaque::of(flow, transport, OpaqueKind::Tls, transported.bytes, span, basis);
            let opaque = Opaque { info_hash: Some(info_hash.clone()), ..opaque };
            shared.opaque(opaque, span);
            return CarriedProtocol::SslTorrent;
        }
        match self.content {
            ChannelContent::Peer(session) => end(session, transported, seen, shared),
            ChannelContent::Web(web) => {
                web.close(transported, span, seen, shared);
                CarriedProtocol::Http
            }
            ChannelContent::Mse(filter, session) => {
                shared.used_secrets.extend(filter.secret());
                if filter.has_untried() {
                    note_untried(flow, span, shared);
                }
                let mut carried = CarriedProtocol::Other;
                if let Some(session) = session {
                    carried = end(session, transported, seen, shared);
                }
                let bytes = filter.opaque_bytes();
                if filter.is_too_far() {
                    let bound = Bound::Keystream { bytes: bytes.iter().sum() };
                    shared.anomalies.odd(Oddity::from(bound).within(span).between(flow));
                }
                let basis = match filter.outcome() {
                    MseOutcome::Opaque { basis } => basis.clone(),
                    MseOutcome::WrongSecret { secret, basis } => {
                        shared.note_wrong_secret(*secret, basis, flow, span);
                        basis.clone()
                    }
                    _ if bytes.iter().sum::<u64>() > 0 => PARTLY_OPAQUE.to_owned(),
                    _ => return carried,
                };
                if let Some(span) = span {
                    let opaque = Opaque::of(flow, transport, OpaqueKind::MseRc4, bytes, span, basis);
                    shared.opaque(opaque, span);
                }
                CarriedProtocol::MseOpaque
            }
            ChannelContent::Proxied(proxied) => {
                shared.relay(flow, transport, transported.bytes, span, *proxied);
                CarriedProtocol::Proxied
            }
            ChannelContent::Undecided(_) | ChannelContent::Other => CarriedProtocol::Other,
        }
    }
}

pub(super) fn end<'cap>(
    mut session: Box<Session<'cap>>,
    transported: Transported,
    seen: Sightings,
    shared: &mut Shared<'_, 'cap>,
) -> CarriedProtocol {
    note_opening(&mut session, &transported.opening);
    session.duplicate_frames = transported.duplicates;
    session.bytes = transported.bytes.iter().sum();
    session.seen = seen;
    (session.initial, session.numbers) = (transported.initial, transported.numbers);
    if let Some(initial) = transported.initial {
        shared.translations.note(&session, initial, &mut shared.anomalies);
    }
    let encryption = session.encryption;
    shared.clear_end(session.id);
    if shared.close(*session, transported.paths) {
        CarriedProtocol::of_peer(encryption)
    } else {
        CarriedProtocol::Other
    }
}

/// On what rests that a part of a readable connection is not.
const PARTLY_OPAQUE: &str = "a secret fits, but a part cannot be read: behind a gap of unknown or of far too great \
                             a length, or without the responder's answer, the place in the RC4 key stream is not \
                             known";
