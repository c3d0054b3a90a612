//! One peer: its grade, its figures, and the frames of each rung: `cargo run --example peer -- some.pcap some.torrent
//! 192.0.2.7:6881`.

use std::error::Error;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use peerproof::{CaptureSet, Endpoint, OpenOptions, Options, Torrents, analyze};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [capture, torrent, peer] = &arguments[..] else {
        return Err("which capture, which torrent, and which peer?".into());
    };
    print!("{}", peer_of(&PathBuf::from(capture), &PathBuf::from(torrent), peer.parse()?)?);
    Ok(())
}

/// Describes the peer at one address and port, as the capture shows it.
pub fn peer_of(capture: &Path, torrent: &Path, peer: Endpoint) -> Result<String, Box<dyn Error>> {
    let captures = CaptureSet::open(&[capture.to_path_buf()], &OpenOptions::default())?;
    let torrents = Torrents::open(&[torrent.to_path_buf()])?;
    let evidence = analyze(&captures, &torrents, &Options::default())?;
    let mut text = String::new();
    for subject in evidence.subjects.iter().filter(|subject| subject.endpoint == peer) {
        let bytes = subject.bytes;
        writeln!(text, "{peer} over {}: {}", subject.transport, subject.grade)?;
        writeln!(text, "{} bytes served, {} verified, {} refuted", bytes.served, bytes.verified, bytes.refuted)?;
        for rung in &subject.rungs {
            writeln!(text, "{}: frames {} to {}", rung.grade, rung.frames.first, rung.frames.last)?;
        }
    }
    Ok(text)
}
