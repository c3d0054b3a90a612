//! Which torrents of the captures a notice means (notices.md, section 2.5).

use super::claim::Work;
use super::examined::Examined;

/// The torrents that a claim's hashes stand for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Resolution {
    /// Indices into [`Examined::torrents`], ascending.
    pub(super) torrents: Vec<usize>,
    /// By name and size alone.
    pub(super) by_title: bool,
    /// Set if every reading of the hashes was followed to its end.
    pub(super) is_resolved: bool,
    /// No hash, or only one that BitTorrent does not carry, and no name and size of one torrent.
    pub(super) no_hash: bool,
    /// Set if the torrent's description is not known, so that no byte of the torrent can be verified.
    pub(super) without_metadata: bool,
}

pub(super) fn resolve(work: &Work, examined: &Examined) -> Resolution {
    let by_hash: Vec<usize> = indices(examined, |torrent| {
        // Bits do not agree by chance: whatever the label, this is the info-hash.
        work.hashes.iter().any(|hash| torrent.hashes.contains(&hash.value))
    });
    let without_metadata = |torrents: &[usize]| {
        torrents.iter().all(|index| examined.torrents.get(*index).is_some_and(|torrent| !torrent.has_metadata))
    };
    if !by_hash.is_empty() {
        let without_metadata = without_metadata(&by_hash);
        return Resolution {
            torrents: by_hash,
            by_title: false,
            is_resolved: true,
            no_hash: false,
            without_metadata,
        };
    }
    let named = |name: &str| [&work.file, &work.title].into_iter().flatten().any(|stated| stated == name);
    let is_info = work.hashes.iter().any(|hash| hash.kind.is_info());
    let may_be_info = work.hashes.iter().any(|hash| hash.kind.may_be_info());
    if is_info {
        // Whoever has no session of it has none.
        return Resolution {
            torrents: Vec::new(),
            by_title: false,
            is_resolved: true,
            no_hash: false,
            without_metadata: true,
        };
    }
    if may_be_info {
        // A file that it could be: one of the stated size, or any where no size is stated.
        let could_be = examined.torrents.iter().any(|torrent| match work.size {
            Some(size) => {
                torrent.size == Some(size)
                    || torrent.files.iter().any(|(_, file)| *file == size)
                    || !torrent.has_metadata
            }
            None => true,
        });
        return Resolution {
            torrents: Vec::new(),
            by_title: false,
            is_resolved: !could_be,
            no_hash: false,
            without_metadata: true,
        };
    }
    let by_title = match work.size {
        None => Vec::new(),
        Some(size) => indices(examined, |torrent| {
            let whole = torrent.size == Some(size) && torrent.name.as_deref().is_some_and(named);
            let file = torrent
                .files
                .iter()
                .any(|(path, bytes)| *bytes == size && (named(path) || path.rsplit('/').next().is_some_and(named)));
            whole || file
        }),
    };
    let one = by_title.len() == 1;
    let without_metadata = without_metadata(&by_title);
    Resolution {
        torrents: if one { by_title } else { Vec::new() },
        by_title: one,
        is_resolved: false,
        no_hash: !one,
        without_metadata,
    }
}

fn indices(examined: &Examined, is: impl Fn(&super::examined::Torrent) -> bool) -> Vec<usize> {
    examined.torrents.iter().enumerate().filter(|(_, torrent)| is(torrent)).map(|(index, _)| index).collect()
}
