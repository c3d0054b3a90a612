//! A few small torrents with their content.

use std::sync::LazyLock;

use peerproof::Torrents;

use crate::synth::content::{Recipe, Torrent, Version};

/// v1 of one file; v1 of several with a pad file; v2; hybrid.
pub(crate) static ALL: LazyLock<[Torrent; 4]> = LazyLock::new(|| {
    [
        Recipe::single("one.bin", 4_096, 3 * 4_096 + 1_000, 1).v1(),
        Recipe::folder("many", 2_048, 2).file("a", 3_000).pad(1_096).file("b", 1).file("c", 5_000).v1(),
        Recipe::folder("two", 32_768, 3).file("a", 70_000).file("b", 9_000).v2(),
        Recipe::folder("both", 16_384, 4).file("a", 20_000).file("b", 17_000).hybrid(),
    ]
});

/// Their names, which webseeds are asked for.
pub(crate) const NAMES: [&str; 4] = ["one.bin", "many", "two", "both"];

/// All of them, as the library reads them.
pub static GIVEN: LazyLock<Torrents> = LazyLock::new(|| given(0x0f));

/// Those whose bit is set, as a torrent file, or where bit 4 higher is set as a magnet link.
pub fn given(mask: u8) -> Torrents {
    let files = ALL.iter().enumerate().filter(|(index, _)| mask >> index & 1 == 1);
    let files = files.map(|(index, torrent)| {
        let link = mask >> (4 + index) & 1 == 1;
        (format!("{index}.torrent"), if link { magnet(torrent).into_bytes() } else { torrent.metainfo.clone() })
    });
    Torrents::from_bytes(files.collect()).expect("torrents of the generator")
}

/// BEP 9, with every hash that the torrent has (BEP 52).
fn magnet(torrent: &Torrent) -> String {
    let hex = |hash: &[u8]| hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let first = (torrent.version != Version::V2).then(|| format!("xt=urn:btih:{}", hex(&torrent.info_hash)));
    let second = torrent.info_hash_v2.map(|hash| format!("xt=urn:btmh:1220{}", hex(&hash)));
    format!("magnet:?{}", first.into_iter().chain(second).collect::<Vec<_>>().join("&"))
}
