//! A few small torrents with their content.

use std::sync::LazyLock;

use peerproof::torrent::Torrents;

use crate::synth::content::{Recipe, Torrent};

/// v1 of one file; v1 of several with a pad file; v2; hybrid.
pub(crate) static ALL: LazyLock<[Torrent; 4]> = LazyLock::new(|| {
    [
        Recipe::single("one.bin", 4_096, 3 * 4_096 + 1_000, 1).v1(),
        Recipe::folder("many", 2_048, 2).file("a", 3_000).pad(1_096).file("b", 1).file("c", 5_000).v1(),
        Recipe::folder("two", 32_768, 3).file("a", 70_000).file("b", 9_000).v2(),
        Recipe::folder("both", 16_384, 4).file("a", 20_000).file("b", 17_000).hybrid(),
    ]
});

/// All of them, as the library reads them.
pub static GIVEN: LazyLock<Torrents> = LazyLock::new(|| given(u8::MAX));

/// Those whose bit is set.
pub fn given(mask: u8) -> Torrents {
    let files = ALL.iter().enumerate().filter(|(index, _)| mask >> index & 1 == 1);
    let files = files.map(|(index, torrent)| (format!("{index}.torrent"), torrent.metainfo.clone()));
    Torrents::from_bytes(files.collect()).expect("torrents of the generator")
}
