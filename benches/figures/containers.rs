//! Captures as files: what compression costs beside the decompressor alone, and files made to be slow to read.
//!
//! Decompressed bytes go to a temporary file, which the memory of a virtual machine or the disk may make slower than
//! the decompressor: so that is measured too, with the decompressor's own crate.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use peerproof::anomaly::Anomalies;
use peerproof::{CaptureSet, OpenOptions, Options, inspect};

use super::captures::{Case, finish};
use super::content::Noise;
use super::flow::{Flow, Link, SEGMENT};
use super::pcap::{Pcap, ipv4};

/// Every compression around captures of noise and of words: the reader of frames, and `inspect`, against the
/// decompressor's own crate.
pub fn compressed(dir: &Path, megabytes: u64, rounds: u32) -> io::Result<()> {
    for content in [Content::Noise, Content::Words] {
        println!("\n## compressed captures of {content:?}");
        println!(
            "{:<8} {:>7} {:>12} {:>12} {:>12} {:>8} {:>8} {:>12} {:>8} {:>8}",
            "format",
            "ratio",
            "own MB/s",
            "to a file",
            "frames MB/s",
            "of own",
            "of file",
            "inspect MB/s",
            "of own",
            "of file"
        );
        for format in [Format::Gzip, Format::Zstd, Format::Lz4, Format::Xz, Format::Bzip2] {
            // The slow ones take long enough with little.
            let (megabytes, rounds) = if matches!(format, Format::Xz | Format::Bzip2) {
                (megabytes / 16, 1)
            } else {
                (megabytes, rounds)
            };
            let plain = transfer(dir, content, megabytes)?;
            let packed = format.pack(&plain.capture)?;
            let size = std::fs::metadata(&packed)?.len();
            let [mut own, mut filed, mut frames, mut inspected] = [Duration::MAX; 4];
            for _ in 0..rounds {
                warm(plain.bytes);
                own = own.min(timed(|| format.drain(&packed, &mut io::sink())));
                let mut file = tempfile::tempfile_in(dir)?;
                warm(plain.bytes);
                filed = filed.min(timed(|| format.drain(&packed, &mut file)));
                drop(file);
                warm(plain.bytes);
                frames = frames.min(timed(|| read(&packed)));
                warm(plain.bytes);
                inspected = inspected.min(timed(|| look(&packed)));
            }
            let speed = |time: Duration| plain.bytes as f64 / 1e6 / time.as_secs_f64();
            let of = |own: Duration, ours: Duration| own.as_secs_f64() / ours.as_secs_f64();
            println!(
                "{:<8} {:>7.2} {:>12.0} {:>12.0} {:>12.0} {:>8.2} {:>8.2} {:>12.0} {:>8.2} {:>8.2}",
                format.name(),
                size as f64 / plain.bytes as f64,
                speed(own),
                speed(filed),
                speed(frames),
                of(own, frames),
                of(filed, frames),
                speed(inspected),
                of(own, inspected),
                of(filed, inspected)
            );
            let name = format!("{} of {content:?}", format.name());
            super::figure(&format!("{name}/own"), speed(own), "MB/s");
            super::figure(&format!("{name}/frames"), of(own, frames), "of own");
            super::figure(&format!("{name}/frames to a file"), of(filed, frames), "of own to a file");
            super::figure(&format!("{name}/inspect"), of(own, inspected), "of own");
            std::fs::remove_file(&packed)?;
            std::fs::remove_file(&plain.capture)?;
        }
    }
    Ok(())
}

/// Makes pages of memory that the system has: a virtual machine asks its host for those that were long unused, which
/// takes several times as long as to fill them, and is no figure of ours.
fn warm(bytes: u64) {
    drop(std::hint::black_box(vec![1_u8; bytes as usize * 2]));
}

/// Fragments of which each two make a datagram.
pub fn completed_fragments(dir: &Path, count: u32) -> io::Result<Case> {
    let capture = dir.join("completed.pcap");
    let mut pcap = Pcap::create(&capture)?;
    for n in 0..count / 2 {
        let [a, b, c, d] = n.to_be_bytes();
        for (more, place) in [(0x20, 0), (0, 8)] {
            let mut packet = ipv4(17, 64, [10, a, b, 1], [192, 0, 2, 1]);
            packet[4..6].copy_from_slice(&[c, d]);
            (packet[6], packet[7]) = (more, place);
            packet.extend_from_slice(&[0x11, 0x22, 0x33, 0x44, 0, 128, 0, 0]);
            packet.extend_from_slice(&[0x55; 56]);
            pcap.frame(&[&packet])?;
        }
    }
    finish(pcap, dir, capture)
}

/// A pcap file that breaks off its records all the time: at every byte something looks like a record header, chains
/// over a while, and leads nowhere.
pub fn broken_records(dir: &Path, bytes: u64) -> io::Result<Case> {
    let capture = dir.join("broken.pcap");
    let mut pcap = Pcap::create(&capture)?;
    // Each 32-bit word is 16: a record of 16 bytes behind a header of 16 begins at every fourth byte.
    let chain: Vec<u8> = [16, 0, 0, 0].repeat(50_000);
    while pcap.bytes < bytes {
        pcap.raw(&chain)?;
        // No time is this far from the one before, and no length this long.
        pcap.raw(&[0xEE; 8_192])?;
    }
    finish(pcap, dir, capture)
}

/// A pcapng file in the same vein: blocks that fit for a while, behind a block that does not.
pub fn broken_blocks(dir: &Path, bytes: u64) -> io::Result<Case> {
    let capture = dir.join("broken.pcapng");
    let mut out = io::BufWriter::with_capacity(1 << 20, File::create(&capture)?);
    out.write_all(&[0x0A, 0x0D, 0x0D, 0x0A, 28, 0, 0, 0, 0x4D, 0x3C, 0x2B, 0x1A, 1, 0, 0, 0])?;
    out.write_all(&[0xFF; 8])?;
    out.write_all(&[28, 0, 0, 0, 1, 0, 0, 0, 20, 0, 0, 0, 1, 0, 0, 0, 0, 0, 4, 0, 20, 0, 0, 0])?;
    let mut written = 48;
    // Name resolution blocks of 12 bytes, of which every third word is a type and the others lengths.
    let chain: Vec<u8> = [4, 0, 0, 0, 12, 0, 0, 0, 12, 0, 0, 0].repeat(16_000);
    while written < bytes {
        out.write_all(&chain)?;
        out.write_all(&[0xEE; 64])?;
        written += chain.len() as u64 + 64;
    }
    out.flush()?;
    Ok(Case {
        capture,
        torrent: super::captures::no_torrent(dir)?,
        secrets: None,
        payload: 0,
        piece: 1,
        frames: 0,
        bytes: written,
    })
}

/// After a handshake, extension messages of lists in lists in lists.
pub fn deep_bencode(dir: &Path, bytes: u64) -> io::Result<Case> {
    let capture = dir.join("deep.pcap");
    let mut flow = Flow::new(Pcap::create(&capture)?, Link::Tcp, SEGMENT);
    flow.open()?;
    let hello = [b"\x13BitTorrent protocol\0\0\0\0\0\x10\0\0", &[7; 20][..], b"-XX0001-somebody0000"].concat();
    flow.ask(&hello)?;
    flow.send(&hello)?;
    let body = [vec![b'l'; 500_000], vec![b'e'; 500_000]].concat();
    let message = [&(body.len() as u32 + 2).to_be_bytes()[..], &[20, 0], &body].concat();
    for _ in 0..bytes / message.len() as u64 {
        flow.send(&message)?;
    }
    flow.flush()?;
    finish(flow.pcap, dir, capture)
}

/// Content of the segments.
#[derive(Clone, Copy, Debug)]
enum Content {
    /// As files in swarms are: nothing that compresses.
    Noise,
    /// About as text compresses.
    Words,
}

/// One TCP flow of full segments.
fn transfer(dir: &Path, content: Content, megabytes: u64) -> io::Result<Case> {
    let capture = dir.join("plain.pcap");
    let mut flow = Flow::new(Pcap::create(&capture)?, Link::Tcp, SEGMENT);
    flow.open()?;
    let mut noise = Noise::default();
    let mut chunk = vec![0_u8; 1 << 20];
    for _ in 0..megabytes {
        noise.fill(&mut chunk);
        if let Content::Words = content {
            chunk = chunk.iter().flat_map(|byte| WORDS[usize::from(byte & 15)].bytes()).take(1 << 20).collect();
        }
        flow.send(&chunk)?;
    }
    flow.flush()?;
    finish(flow.pcap, dir, capture)
}

const WORDS: [&str; 16] = [
    "the ", "capture ", "of ", "a ", "peer ", "holds ", "what ", "it ", "sent ", "and ", "nothing ", "else, ",
    "whoever ", "asks ", "for ", "more. ",
];

#[derive(Clone, Copy, Debug)]
enum Format {
    Gzip,
    Zstd,
    Lz4,
    Xz,
    Bzip2,
}

impl Format {
    fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Lz4 => "lz4",
            Self::Xz => "xz",
            Self::Bzip2 => "bzip2",
        }
    }

    /// Compresses a file at the level that its program uses by default, or a faster one where that takes minutes.
    fn pack(self, plain: &Path) -> io::Result<PathBuf> {
        let packed = plain.with_extension(self.name());
        let (mut input, output) = (File::open(plain)?, File::create(&packed)?);
        match self {
            Self::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(output, flate2::Compression::new(6));
                io::copy(&mut input, &mut encoder)?;
                encoder.finish()?;
            }
            Self::Zstd => zstd::stream::copy_encode(input, output, 3)?,
            Self::Lz4 => {
                let mut encoder = lz4_flex::frame::FrameEncoder::new(output);
                io::copy(&mut input, &mut encoder)?;
                encoder.finish().map_err(io::Error::other)?;
            }
            Self::Xz => {
                let mut encoder = liblzma::write::XzEncoder::new(output, 1);
                io::copy(&mut input, &mut encoder)?;
                encoder.finish()?;
            }
            Self::Bzip2 => {
                let mut encoder = bzip2::write::BzEncoder::new(output, bzip2::Compression::fast());
                io::copy(&mut input, &mut encoder)?;
                encoder.finish()?;
            }
        }
        Ok(packed)
    }

    /// Decompresses a file, as the crate alone does it.
    fn drain(self, packed: &Path, to: &mut dyn Write) {
        let file = BufReader::with_capacity(1 << 20, File::open(packed).expect("just written"));
        let mut decoder: Box<dyn Read> = match self {
            Self::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(file)),
            Self::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(file).expect("a decoder")),
            Self::Lz4 => Box::new(lz4_flex::frame::FrameDecoder::new(file)),
            Self::Xz => Box::new(liblzma::bufread::XzDecoder::new(file)),
            Self::Bzip2 => Box::new(bzip2::bufread::BzDecoder::new(file)),
        };
        let mut buffer = vec![0; 1 << 20];
        loop {
            let n = decoder.read(&mut buffer).expect("sound");
            if n == 0 {
                break;
            }
            to.write_all(std::hint::black_box(&buffer[..n])).expect("room");
        }
    }
}

/// How long it takes to read every frame of a capture, decompressed.
pub fn frames(capture: &Path) -> Duration {
    timed(|| read(capture))
}

/// Every frame of a capture.
fn read(capture: &Path) {
    let set = CaptureSet::open(&[capture.to_path_buf()], &options(capture)).expect("a capture");
    let (mut frames, mut anomalies, mut sum) = (set.frames(), Anomalies::default(), 0_usize);
    while let Some(frame) = frames.next(&mut anomalies).expect("not strict") {
        sum += frame.bytes.len();
    }
    std::hint::black_box(sum);
}

fn look(capture: &Path) {
    let set = CaptureSet::open(&[capture.to_path_buf()], &options(capture)).expect("a capture");
    std::hint::black_box(inspect(&set, &Options::default()).expect("it is read"));
}

/// Spooled beside the capture.
fn options(capture: &Path) -> OpenOptions {
    OpenOptions { spool_dir: capture.parent().map(Path::to_path_buf), ..OpenOptions::default() }
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}
