//! The table `pieces` of a case read back, as far as a peer is shown by it.

use std::str::FromStr;

use crate::ends::{Frames, Transport};
use crate::evidence::{Class, Ground, InputRun, Piece};

/// The rows of the table in CSV among the `files` of a case; `None` where it is not there, or is none of this version's.
pub fn pieces_in(files: &[(String, Vec<u8>)]) -> Option<Vec<Piece>> {
    let (_, bytes) = files.iter().find(|(name, _)| name == "tables/pieces.csv")?;
    let mut reader = csv::Reader::from_reader(&bytes[..]);
    let header = reader.headers().ok()?.clone();
    let row = |record: &csv::StringRecord| {
        let cell = |name: &str| {
            let at = header.iter().position(|column| column == name)?;
            record.get(at).filter(|cell| !cell.is_empty())
        };
        let frames = |name: &str| {
            let part = |of: &str| number::<u64>(cell(&format!("{name}_{of}"))?);
            let file = u16::try_from(part("file")?).ok()?;
            let last_file =
                part("last_file").and_then(|last| u16::try_from(last).ok()).filter(|last| *last != file);
            Some(Frames { file, first: part("first")?, last: part("last")?, last_file })
        };
        let list = |name: &str| cell(name).unwrap_or_default().split("; ").filter(|entry| !entry.is_empty());
        Some(Piece {
            info_hash: cell("info_hash").and_then(|hash| hash.parse().ok()),
            piece: cell("piece").and_then(number),
            leaf: cell("leaf").and_then(number),
            uploader: cell("uploader")?.parse().ok()?,
            downloader: cell("downloader")?.parse().ok()?,
            transport: word(Transport::ALL, Transport::name, cell("transport")?)?,
            transfer: number(cell("transfer")?)?,
            class: word(Class::ALL, Class::name, cell("class")?)?,
            reason: word(Ground::ALL, Ground::name, cell("reason")?)?,
            doubt: None,
            bytes: number(cell("bytes")?)?,
            frames: list("frames").map(range).collect::<Option<_>>()?,
            requested: frames("requested"),
            requested_frames: list("requested_frames").map(range).collect::<Option<_>>()?,
            advertised: frames("advertised"),
            runs: list("runs").map(run).collect::<Option<_>>()?,
            derived_bytes: number(cell("derived_bytes")?)?,
            sha1: None,
            sha256: None,
        })
    };
    reader.records().map(|record| row(&record.ok()?)).collect()
}

/// `0:12-31`.
fn range(text: &str) -> Option<Frames> {
    let (file, frames) = text.split_once(':')?;
    let (first, last) = frames.split_once('-')?;
    Some(Frames { file: number(file)?, first: number(first)?, last: number(last)?, last_file: None })
}

/// `0:1234+16384@0`.
fn run(text: &str) -> Option<InputRun> {
    let (input, rest) = text.split_once(':')?;
    let (offset, rest) = rest.split_once('+')?;
    let (len, start) = rest.split_once('@')?;
    Some(InputRun { input: number(input)?, offset: number(offset)?, len: number(len)?, start: number(start)? })
}

fn number<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

fn word<T: Copy>(all: &[T], name: fn(T) -> &'static str, text: &str) -> Option<T> {
    all.iter().copied().find(|each| name(*each) == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "info_hash,piece,leaf,uploader,downloader,transport,transfer,class,reason,doubt,bytes,frames,\
        requested_file,requested_first,requested_last_file,requested_last,advertised_file,advertised_first,\
        advertised_last_file,advertised_last,runs,derived_bytes,sha1,sha256\n";

    fn read(rows: &str) -> Option<Vec<Piece>> {
        pieces_in(&[("tables/pieces.csv".to_owned(), format!("{HEAD}{rows}").into_bytes())])
    }

    #[test]
    fn rows_are_read_as_they_were_written() {
        let row = "33c3105a3c68063147606691f968863e17ec7955,4,,203.0.113.3:6881,[2001:db8::7]:5,tcp,2,refuted,other-copy,,16384,\
            0:143-143; 0:166-167,0,105,0,105,,,,,0:900+8192@49152; 0:9900+8192@57344,0,,\n";
        let row = row.replace("other-copy", Ground::ALL[3].name());
        let found = read(&row).expect("a table");
        let [piece] = &found[..] else { panic!("{found:?}") };
        assert_eq!((piece.piece, piece.leaf, piece.transfer, piece.bytes), (Some(4), None, 2, 16_384));
        assert_eq!((piece.class, piece.downloader.port), (Class::Refuted, 5));
        let frames: Vec<_> = piece.frames.iter().map(|frames| (frames.first, frames.last)).collect();
        assert_eq!(frames, [(143, 143), (166, 167)]);
        assert_eq!(piece.requested.map(|frames| (frames.first, frames.last_file)), Some((105, None)));
        assert_eq!((piece.advertised, piece.runs.len(), piece.runs[1].start), (None, 2, 57_344));
        assert_eq!(read("").map(|rows| rows.len()), Some(0));
        assert!(read(&row.replace("tcp", "carrier pigeon")).is_none() && pieces_in(&[]).is_none());
    }
}
