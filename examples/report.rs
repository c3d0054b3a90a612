//! The report of a capture, as a terminal shows it: `cargo run --example report -- some.pcap some.torrent`.

use std::error::Error;
use std::path::{Path, PathBuf};

use peerproof::{CaptureSet, Document, Given, OpenOptions, Options, Torrents, analyze, report::Screen, terminal};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(capture), Some(torrent)) = (arguments.next(), arguments.next()) else {
        return Err("which capture, and which torrent?".into());
    };
    println!("{}", report(&capture, &torrent)?);
    Ok(())
}

/// Reads the capture, and proves what its peers served of the torrent.
pub fn report(capture: &Path, torrent: &Path) -> Result<String, Box<dyn Error>> {
    let captures = CaptureSet::open(&[capture.to_path_buf()], &OpenOptions::default())?;
    let torrents = Torrents::open(&[torrent.to_path_buf()])?;
    let options = Options::default();
    let evidence = analyze(&captures, &torrents, &options)?;
    let given = Given::of(&evidence.known);
    let document = Document::new(&evidence, &given, options.checksums, &options.limits);
    Ok(terminal(&document, &Screen::new(100)))
}
