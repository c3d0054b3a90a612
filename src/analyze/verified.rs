//! Verified bytes, given to whoever wants the content and not only what is said of it.

use super::Captured;
use crate::Error;
use crate::ends::{Endpoint, FrameId, Transport};
use crate::evidence::Evidence;
use crate::judge::TorrentKey;
use crate::judge::{Class, Judged, Row};
use crate::torrent::{PieceIndex, Torrent};

/// Contiguous verified bytes that one end sent to another.
#[derive(Clone, Copy, Debug)]
pub struct Verified<'a> {
    /// The torrent.
    pub torrent: &'a Torrent,
    /// The piece.
    pub piece: PieceIndex,
    /// Place of the first byte in the piece.
    pub start: u32,
    /// The bytes; at least one, and no padding.
    pub bytes: &'a [u8],
    /// Who sent, as observed.
    pub uploader: Endpoint,
    /// Who received, as observed.
    pub downloader: Endpoint,
    /// How.
    pub transport: Transport,
    /// The frame that carried them.
    pub frame: FrameId,
}

/// Whoever takes verified bytes.
pub trait TakeVerified {
    /// Takes the next bytes of a run that showed `evidence`.
    ///
    /// # Errors
    /// Errors that end the run.
    fn take(&mut self, evidence: &Evidence, verified: &Verified<'_>) -> Result<(), Error>;
}

/// Gives the verified bytes of all rows.
pub(super) fn give(
    judged: &Judged<'_>,
    rows: &mut [Row],
    evidence: &Evidence,
    captured: &Captured<'_, '_>,
    taker: &mut dyn TakeVerified,
) -> Result<(), Error> {
    let key = |row: &Row| judged.records.get(row.transfer.0 as usize).map(|record| record.key);
    rows.sort_by_key(|row| (key(row).map(|key| key.torrent), row.unit, row.transfer));
    let mut touched = 0;
    for row in rows.iter().filter(|row| row.class == Class::Verified) {
        let Some(key) = key(row) else { continue };
        let TorrentKey::Given(id) = key.torrent else { continue };
        let torrent = judged.torrents.torrent(id);
        let Some(piece) = torrent.piece(row.unit.piece) else { continue };
        let mut slices = row.slices.to_vec();
        slices.sort_by_key(|slice| slice.start);
        for slice in slices {
            let Some(bytes) = captured.bytes.slice(&slice) else { continue };
            let verified = Verified {
                torrent,
                piece,
                start: slice.start,
                bytes,
                uploader: key.uploader,
                downloader: key.downloader,
                transport: key.transport,
                frame: slice.frame,
            };
            taker.take(evidence, &verified)?;
            touched += bytes.len();
        }
        if touched >= TOUCHED {
            touched = 0;
            captured.release();
        }
    }
    Ok(())
}

// Rationale: as a window of hashing.
const TOUCHED: usize = 64 << 20;
