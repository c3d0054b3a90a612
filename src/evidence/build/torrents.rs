//! The torrents of a run: their sums, their pieces, their files, and where their verified bytes are.

use std::collections::BTreeMap;

use super::Context;
use crate::ends::InfoHash;
use crate::evidence::columns;
use crate::evidence::credit::{FileBytes, Files, Unique};
use crate::evidence::ladder::Ladder;
use crate::evidence::{Bytes, Map, MapRow, Subject, SubjectFile, Torrent, Transfer};
use crate::judge::TorrentKey;
use crate::limits::{MAP_ROWS, PIECE_RUNS};

impl Context<'_> {
    /// How much of each file a subject sent; `clients` are the files of its clients apart.
    pub(super) fn subject_files<'f, C: Iterator<Item = &'f Files>>(
        &self,
        key: TorrentKey,
        found: &Files,
        clients: impl Fn() -> C,
    ) -> Vec<SubjectFile> {
        let Some(torrent) = self.judged.given(key) else { return Vec::new() };
        let of = |(index, bytes): (&usize, &FileBytes)| {
            let file = torrent.files().get(*index)?;
            let whole = |files: &Files| files.get(index).is_some_and(|bytes| bytes.is_whole(file.size));
            Some(SubjectFile {
                path: file.shown.clone(),
                size: file.size,
                verified_bytes: bytes.bytes,
                complete: file.size > 0 && !file.pad && clients().any(whole),
            })
        };
        found.iter().filter_map(of).collect()
    }

    /// Where the verified bytes of a torrent are, where there are any.
    fn map(
        &self,
        torrent: &crate::torrent::Torrent,
        unique: &Unique,
        subjects: &[(usize, Subject)],
    ) -> Option<Map> {
        if unique.bytes == 0 {
            return None;
        }
        let hash = torrent.info_hash();
        let mut of: Vec<(u64, &(usize, Subject))> = (0..)
            .zip(subjects)
            .filter(|(_, (_, subject))| subject.info_hash.as_ref() == Some(&hash) && subject.bytes.verified > 0)
            .collect();
        of.sort_by_key(|(place, (_, subject))| (std::cmp::Reverse(subject.bytes.verified), *place));
        let by = of.into_iter().take(MAP_ROWS).filter_map(|(place, (group, _))| {
            Some(MapRow { subject: place, verified: self.proofs.subjects.get(*group)?.columns.sums(torrent) })
        });
        Some(Map { bytes: columns::space(torrent), anyone: unique.columns.sums(torrent), by: by.collect() })
    }

    /// A row for each torrent that was given, rebuilt or named; `subjects` with the numbers of their groups.
    pub(super) fn torrents(
        &self,
        transfers: &[Box<(Transfer, Ladder)>],
        subjects: &[(usize, Subject)],
    ) -> Vec<Torrent> {
        let mut rows: BTreeMap<InfoHash, Torrent> = BTreeMap::new();
        for id in self.torrents.ids() {
            let known = self.judged.torrents.torrent(id);
            let unique = self.proofs.torrents.get(&TorrentKey::Given(id)).cloned().unwrap_or_default();
            let mut row = Torrent { unique: unique.bytes, pieces_verified: unique.pieces, ..Torrent::of(known) };
            for (index, verified) in &unique.files {
                if let Some(file) = row.files.get_mut(*index) {
                    file.verified_bytes = Some(*verified).filter(|_| !file.pad);
                }
            }
            row.units = columns::runs(known.piece_count(), &unique.states);
            row.units_left_out = row.units.len().saturating_sub(PIECE_RUNS) as u64;
            row.units.truncate(PIECE_RUNS);
            row.map = self.map(known, &unique, subjects);
            rows.insert(row.info_hash.clone(), row);
        }
        let mut row = |info_hash: &InfoHash, bytes: &Bytes| {
            let row = rows.entry(info_hash.clone()).or_insert_with(|| Torrent::named(info_hash.clone()));
            row.bytes.add(bytes);
        };
        for (transfer, _) in transfers.iter().map(|row| &**row) {
            transfer.info_hash.iter().for_each(|info_hash| row(info_hash, &transfer.bytes));
        }
        for info_hash in self.judged.unlisted.torrents.keys().filter_map(|key| (self.hash)(*key)) {
            row(&info_hash, &Bytes::default());
        }
        rows.into_values().collect()
    }
}
