//! The examples of the library, on a fixture.

use std::path::{Path, PathBuf};

#[allow(dead_code)] // Its `main` is for the command line.
#[path = "../examples/peer.rs"]
mod peer;
#[allow(dead_code)]
#[path = "../examples/read_back.rs"]
mod read_back;
#[allow(dead_code)]
#[path = "../examples/report.rs"]
mod report;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/three-peers").join(name)
}

#[test]
fn the_examples_agree_about_the_peers_of_a_fixture() {
    let (capture, torrent) = (fixture("capture.pcap"), fixture("halves.torrent"));
    let actionable = read_back::actionable(&fixture("report.json")).expect("a report");
    assert!(!actionable.is_empty(), "two seeders with half of the pieces each");
    let shown = report::report(&capture, &torrent).expect("a report");
    for (peer, pieces) in actionable {
        assert!(shown.contains(&peer.to_string()), "{shown}");
        let alone = peer::peer_of(&capture, &torrent, peer).expect("a peer");
        assert!(alone.contains("G8") && !alone.contains(" 0 verified") && pieces > 0, "{alone}");
    }
}
