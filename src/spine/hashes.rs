//! `hashes` messages (BEP 52, id 22): parts of v2 Merkle trees, believed only where they prove themselves up to a
//! `pieces root` that the torrent states.

use std::collections::BTreeSet;

use crate::ends::Span;
use crate::oddity::{Bound, Oddity, Sink};
use crate::torrent::Torrents;
use crate::torrent::merkle::{HashProof, ProofError};
use crate::wire::HashRange;

/// The messages of a run, the same one kept once.
#[derive(Debug, Default)]
pub(crate) struct Hashes {
    messages: Vec<Message>,
    seen: BTreeSet<[u8; 32]>,
    bytes: usize,
}

#[derive(Debug)]
struct Message {
    info_hash: [u8; 20],
    range: HashRange,
    hashes: Vec<u8>,
    span: Span,
}

impl Hashes {
    pub(super) fn push(
        &mut self,
        info_hash: [u8; 20],
        range: HashRange,
        hashes: Vec<u8>,
        span: Span,
        anomalies: &mut dyn Sink,
    ) {
        let place = format!("{info_hash:?} {range:?}");
        let digest = crate::prove::sha256(&[place.as_bytes(), &hashes]);
        if self.seen.contains(&digest) {
            return;
        }
        // However short it is: the message itself and its place among those seen.
        let bytes = hashes.len() + size_of::<Message>() + 2 * digest.len();
        if self.bytes + bytes > MOST_BYTES {
            let bound = Bound::HashesMessages { bytes: hashes.len() as u64, most: MOST_BYTES };
            return anomalies.odd(Oddity::from(bound).within(span));
        }
        self.bytes += bytes;
        self.seen.insert(digest);
        self.messages.push(Message { info_hash, range, hashes, span });
    }

    /// The torrents with what the messages prove; `None` when they prove nothing. What was known before counts too:
    /// pieces that could not be verified whole have not been tried by leaves yet.
    pub(crate) fn teach(self, torrents: &Torrents, anomalies: &mut dyn Sink) -> Option<Torrents> {
        if self.messages.is_empty() {
            return None;
        }
        let mut taught = torrents.clone();
        let mut open = self.messages;
        let (mut learned, mut proven) = (0_u64, false);
        // A message may hang on a node that a later one proves.
        loop {
            let before = learned;
            open.retain(|message| match message.learn(&mut taught) {
                Some(Ok(nodes)) => {
                    learned += u64::from(nodes);
                    proven = true;
                    false
                }
                Some(Err(ProofError::Unconnected)) => true,
                Some(Err(fault)) => {
                    anomalies.odd(Oddity::WrongHashes(fault).within(message.span));
                    false
                }
                None => false,
            });
            if learned == before {
                break;
            }
        }
        for message in &open {
            anomalies.odd(Oddity::WrongHashes(ProofError::Unconnected).within(message.span));
        }
        proven.then_some(taught)
    }
}

impl Message {
    fn learn(&self, torrents: &mut Torrents) -> Option<Result<u32, ProofError>> {
        let id = torrents.find(&self.info_hash)?;
        let HashRange { pieces_root, base_layer, index, length, .. } = self.range;
        Some(torrents.torrent_mut(id).learn(&HashProof {
            pieces_root,
            base_layer,
            index,
            length,
            hashes: &self.hashes,
        }))
    }
}

// Rationale: two million hashes, the leaves of 32 GiB.
const MOST_BYTES: usize = 64 << 20;
