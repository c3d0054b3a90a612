//! `peerproof torrent`.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use peerproof::report::{counted, escaped, grouped, hex};
use peerproof::torrent::Torrents;

/// Print what torrent files say: info-hashes, pieces, files and the pieces that each file lies in
#[derive(Debug, Args)]
pub struct Torrent {
    /// Torrent files; of a directory, every torrent in it
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

impl Torrent {
    /// Prints the facts of each torrent, sorted by info-hash.
    pub fn run(&self) -> anyhow::Result<ExitCode> {
        let torrents = Torrents::open(&self.files)?;
        let mut out = io::stdout().lock();
        for (at, torrent) in torrents.iter().enumerate() {
            if at > 0 {
                writeln!(out)?;
            }
            facts(torrent, &mut out)?;
        }
        out.flush()?;
        Ok(ExitCode::SUCCESS)
    }
}

fn facts(torrent: &peerproof::torrent::Torrent, out: &mut impl Write) -> io::Result<()> {
    let kind = match (torrent.info_hash_v1(), torrent.info_hash_v2()) {
        (Some(_), Some(_)) => "hybrid (v1 and v2)",
        (None, Some(_)) => "v2",
        _ => "v1",
    };
    writeln!(out, "name          {}", escaped(torrent.name()))?;
    writeln!(out, "kind          {kind}, from {}", torrent.source().name())?;
    if let Some(hash) = torrent.info_hash_v1() {
        writeln!(out, "info-hash v1  {}", hex(&hash))?;
    }
    if let Some(hash) = torrent.info_hash_v2() {
        writeln!(out, "info-hash v2  {}", hex(&hash))?;
    }
    if !torrent.has_metadata() {
        return writeln!(out, "metadata      unknown: nothing of this torrent can be verified");
    }
    let length = u64::from(torrent.piece_length());
    writeln!(out, "size          {}", counted(torrent.size(), "byte"))?;
    writeln!(out, "pieces        {} of {}", grouped(u64::from(torrent.piece_count())), counted(length, "byte"))?;
    writeln!(out, "private       {}", if torrent.private() { "yes" } else { "no" })?;
    writeln!(out, "files         {}", grouped(torrent.files().len() as u64))?;
    for file in torrent.files() {
        let pieces = match (file.size, length) {
            (0, _) | (_, 0) => "no piece".to_owned(),
            (size, length) => {
                let (first, last) = (file.offset / length, (file.offset.saturating_add(size) - 1) / length);
                if first == last { format!("piece {first}") } else { format!("pieces {first}-{last}") }
            }
        };
        let pad = if file.pad { ", padding" } else { "" };
        writeln!(
            out,
            "  {}  {} at byte {}, {pieces}{pad}",
            escaped(&file.path),
            counted(file.size, "byte"),
            grouped(file.offset)
        )?;
    }
    Ok(())
}
