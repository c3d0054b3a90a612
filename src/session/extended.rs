//! Extension messages (BEP 10) in their session: whose table of ids counts, and what each says.

use std::net::SocketAddr;

use super::{Naming, Session, SessionEvent, both};
use crate::ends::{Direction, Endpoint, Span};
use crate::oddity::{Bound, Oddity};
use crate::wire::{
    Azureus, AzureusHandshake, AzureusPex, ExtendedHandshake, Holepunch, HolepunchKind, LtDontHave,
    MetadataMessage, PexMessage, azureus_have,
};

impl<'cap> Session<'cap> {
    /// Takes an extension message with `id` that went in `direction`.
    pub(super) fn extended(
        &mut self,
        direction: Direction,
        id: u8,
        body: &[u8],
        span: Span,
        out: &mut Vec<SessionEvent<'cap>>,
    ) {
        self.sides[direction.index()].facts.extended += u64::from(body.first() == Some(&b'd'));
        if id == 0 {
            return self.extension_handshake(direction, body, span, out);
        }
        // The id is one that the receiver chose in its own handshake.
        let (sender, receiver) = both(&mut self.sides, direction);
        let name =
            receiver.facts.extensions.as_ref().and_then(|known| known.name_of(id)).unwrap_or("unknown").to_owned();
        *sender.facts.extension_messages.entry(name.clone()).or_default() += 1;
        let [low, high] = self.info_hashes();
        let info_hash = low.or(high);
        let fault = match name.as_str() {
            "ut_metadata" => match MetadataMessage::parse(body) {
                Ok(message) => {
                    out.extend(described(direction, info_hash, message, span));
                    None
                }
                Err(fault) => Some(fault),
            },
            "ut_pex" => match PexMessage::parse(body) {
                Ok(message) => {
                    let added = message.added.into_iter().map(|peer| peer.address);
                    out.extend(named(direction, Naming::Pex, info_hash, added, span));
                    None
                }
                Err(fault) => Some(fault),
            },
            "ut_holepunch" => match Holepunch::parse(body) {
                Ok(Holepunch { kind: HolepunchKind::Connect, address }) => {
                    out.extend(named(direction, Naming::Holepunch, info_hash, [address], span));
                    None
                }
                Ok(_) => None,
                Err(fault) => Some(fault),
            },
            "lt_donthave" => match LtDontHave::parse(body) {
                Ok(LtDontHave { piece }) => {
                    let advertised = &mut self.sides[direction.index()].facts.advertised;
                    let before = advertised.forgot();
                    advertised.dont_have(piece);
                    if advertised.forgot() && !before {
                        out.push(self.odd(direction, span, Bound::LtDonthave));
                    }
                    None
                }
                Err(fault) => Some(fault),
            },
            _ => None,
        };
        if let Some(fault) = fault {
            let (error, len) = (fault.to_string(), body.len() as u64);
            out.push(self.odd(direction, span, Oddity::Extension { name, error, len }));
        }
    }

    /// Takes a message of the Azureus messaging protocol that went in `direction`.
    pub(super) fn azureus(
        &mut self,
        direction: Direction,
        kind: Azureus,
        body: &[u8],
        span: Span,
        out: &mut Vec<SessionEvent<'cap>>,
    ) {
        let [low, high] = self.info_hashes();
        let info_hash = low.or(high);
        let facts = &mut self.sides[direction.index()].facts;
        let mut crowded = false;
        let fault = match kind {
            Azureus::Handshake => AzureusHandshake::parse(body).map(|AzureusHandshake { client, port }| {
                facts.listen_port = port.or(facts.listen_port);
                if let Some(client) = client {
                    facts.client.get_or_insert(client);
                }
            }),
            Azureus::Have => azureus_have(body).map(|pieces| {
                pieces.into_iter().for_each(|piece| facts.advertised.have(piece, span));
                crowded = facts.advertised.take_crowded();
            }),
            Azureus::Metadata => MetadataMessage::parse(body)
                .map(|message| out.extend(described(direction, info_hash, message, span))),
            Azureus::PeerExchange => AzureusPex::parse(body).map(|message| {
                let info_hash = message.info_hash.or(info_hash);
                out.extend(named(direction, Naming::AzPex, info_hash, message.added, span));
            }),
            Azureus::Other => Ok(()),
        };
        if crowded {
            out.push(self.odd(direction, span, Bound::AdvertisedPieces));
        }
        if let Err(fault) = fault {
            let (name, error) = (kind.name().to_owned(), fault.to_string());
            out.push(self.odd(direction, span, Oddity::Extension { name, error, len: body.len() as u64 }));
        }
    }

    fn extension_handshake(
        &mut self,
        direction: Direction,
        body: &[u8],
        span: Span,
        out: &mut Vec<SessionEvent<'cap>>,
    ) {
        let facts = &mut self.sides[direction.index()].facts;
        match ExtendedHandshake::parse(body) {
            Ok(handshake) => {
                facts.listen_port = handshake.port.filter(|port| *port != 0).or(facts.listen_port);
                if let Some(client) = &handshake.client {
                    facts.client.get_or_insert_with(|| client.clone());
                }
                // A later handshake changes only what it names (BEP 10).
                match &mut facts.extensions {
                    Some(known) => known.extensions.extend(handshake.extensions),
                    None => facts.extensions = Some(Box::new(handshake)),
                }
            }
            Err(fault) => {
                let (name, error, len) = ("handshake".to_owned(), fault.to_string(), body.len() as u64);
                out.push(self.odd(direction, span, Oddity::Extension { name, error, len }));
            }
        }
    }
}

/// The part of an info dictionary that a message carries.
fn described<'cap>(
    from: Direction,
    info_hash: Option<[u8; 20]>,
    message: MetadataMessage<'_>,
    span: Span,
) -> Option<SessionEvent<'cap>> {
    let MetadataMessage::Data { piece, total_size, payload } = message else { return None };
    Some(SessionEvent::Metadata { from, info_hash, piece, total_size, payload: payload.to_vec(), span })
}

/// The addresses that a message names.
fn named<'cap>(
    from: Direction,
    naming: Naming,
    info_hash: Option<[u8; 20]>,
    addresses: impl IntoIterator<Item = SocketAddr>,
    span: Span,
) -> impl Iterator<Item = SessionEvent<'cap>> {
    addresses.into_iter().map(move |address| {
        let subject = Endpoint { ip: address.ip(), port: address.port() };
        SessionEvent::Named { from, naming, info_hash, subject, span }
    })
}
