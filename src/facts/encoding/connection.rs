//! Connections: behind the length of each and a few signs of it, so that those that nobody asks about are passed over.

use serde::Deserialize;

use super::{plain, take_byte};
use crate::ends::{ConnectionId, FlowKey, Transport};
use crate::facts::journal::{Journal, Record};
use crate::facts::{Application, Connection};

/// Facts of a connection that are known without reading all of its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// As in [`Connection`].
    pub id: ConnectionId,
    /// As in [`Connection`].
    pub flow: FlowKey,
    /// As in [`Connection`].
    pub transport: Transport,
    /// As in [`Connection`].
    pub initial: Option<[u64; 2]>,
    /// Set for HTTP; else the connection carries the peer wire, or bytes that may be it.
    pub is_web: bool,
    /// As [`Peer::has_blocks`](crate::facts::Peer::has_blocks).
    pub has_blocks: bool,
    /// Set if a handshake names a torrent.
    pub is_named: bool,
    /// Set if the two handshakes name different info-hashes.
    pub differs: bool,
}

impl Connection {
    fn signs(&self) -> u8 {
        let Application::Peer(peer) = &self.content else { return WEB };
        let (hashes, has_blocks) = (peer.info_hashes(), peer.has_blocks());
        let differs = matches!(hashes, [Some(one), Some(other)] if one != other);
        let signs = [(has_blocks, BLOCKS), (hashes != [None; 2], NAMED), (differs, DIFFERS)];
        signs.iter().filter(|(is, _)| *is).fold(0, |signs, (_, sign)| signs | sign)
    }
}

impl Record for Connection {
    type Before = ();

    fn weight(&self) -> usize {
        size_of::<Self>() + CONTENT_BYTES
    }

    fn write(&self, (): &mut (), out: &mut Vec<u8>) {
        let at = out.len();
        out.extend([0; LENGTH]);
        out.push(self.signs());
        plain::put(out, self);
        let len = u32::try_from(out.len() - at - LENGTH).expect("a connection is no gigabytes");
        if let Some(place) = out.get_mut(at..at + LENGTH) {
            place.copy_from_slice(&len.to_le_bytes());
        }
    }

    fn read((): &mut (), from: &mut &[u8]) -> Option<Self> {
        let mut own = take_record(from)?;
        let signs = take_byte(&mut own)?;
        let connection: Self = plain::take(&mut own)?;
        (own.is_empty() && signs == connection.signs()).then_some(connection)
    }
}

/// Takes a record off the front, without its length.
fn take_record<'a>(from: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (len, rest) = from.split_first_chunk::<LENGTH>()?;
    let (own, rest) = rest.split_at_checked(u32::from_le_bytes(*len) as usize)?;
    *from = rest;
    Some(own)
}

impl Head {
    fn read(mut own: &[u8]) -> Option<Self> {
        /// The first fields of a connection, in their order.
        #[derive(Deserialize)]
        struct First {
            id: ConnectionId,
            flow: FlowKey,
            transport: Transport,
            initial: Option<[u64; 2]>,
        }
        let signs = take_byte(&mut own)?;
        let has = |sign: u8| signs & sign != 0;
        let First { id, flow, transport, initial } = plain::take(&mut own)?;
        let (is_web, has_blocks, is_named, differs) = (has(WEB), has(BLOCKS), has(NAMED), has(DIFFERS));
        Some(Self { id, flow, transport, initial, is_web, has_blocks, is_named, differs })
    }
}

impl Journal<Connection> {
    /// Reads the head of each connection without the rest of its record.
    pub fn heads(&self) -> impl Iterator<Item = Head> {
        let mut records = self.iter();
        std::iter::from_fn(move || records.advance(|from| Head::read(take_record(from)?)))
    }

    /// Those of which more is `wanted`.
    pub fn choose(&self, wanted: impl Fn(&Head) -> bool) -> impl Iterator<Item = Connection> {
        let mut records = self.iter();
        let mut next = move || {
            records.advance(|from| {
                let mut own = *from;
                let head = Head::read(take_record(from)?)?;
                let chosen = wanted(&head).then(|| Connection::read(&mut (), &mut own));
                // Those that are passed over are no end.
                chosen.map_or(Some(None), |connection| connection.map(Some))
            })
        };
        std::iter::from_fn(move || {
            loop {
                if let Some(connection) = next()? {
                    return Some(connection);
                }
            }
        })
    }
}

// Rationale: of a record, known when it is written.
const LENGTH: usize = 4;
const WEB: u8 = 1;
const BLOCKS: u8 = 1 << 1;
const NAMED: u8 = 1 << 2;
const DIFFERS: u8 = 1 << 3;
// Rationale: what most connections have behind pointers; some have more.
const CONTENT_BYTES: usize = 1_024;
