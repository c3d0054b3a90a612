//! Every engine against the `sha1` and `sha2` crates: bytes that come from memory, on one core, in the same rounds; the
//! time is the processor's, as other programs may run.
//!
//! `cargo bench -p peerproof-hash`

use std::hint::black_box;
use std::time::{Duration, Instant};

use peerproof_hash::{Engine, Message, engines};
use sha2::Digest;

fn main() {
    let bytes: Vec<u8> =
        (0..BYTES / 8).flat_map(|n| (n as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes()).collect();
    for (what, run, unit) in [
        ("64 KiB units in segments of 1,448 bytes", 1_448, 64 << 10),
        ("leaves of 16 KiB, whole", 16 << 10, 16 << 10),
    ] {
        let runs: Vec<Vec<&[u8]>> = bytes.chunks(unit).map(|unit| unit.chunks(run).collect()).collect();
        let messages: Vec<Message<'_>> = runs.iter().map(|runs| Message::new(runs)).collect();
        println!("{what}:");
        table(&bytes, &messages);
    }
}

fn table(bytes: &[u8], messages: &[Message<'_>]) {
    let engines: Vec<&dyn Engine> = engines().collect();
    let mut best = vec![[Duration::MAX; 2]; engines.len() + 1];
    for _ in 0..ROUNDS {
        let plain = [
            took(|| _ = black_box(sha1::Sha1::digest(bytes))),
            took(|| _ = black_box(sha2::Sha256::digest(bytes))),
        ];
        let with = |engine: &&dyn Engine| {
            let lanes = 2 * engine.lanes();
            [
                took(|| messages.chunks(lanes).for_each(|some| drop(black_box(engine.sha1(some))))),
                took(|| messages.chunks(lanes).for_each(|some| drop(black_box(engine.sha256(some))))),
            ]
        };
        let round = std::iter::once(plain).chain(engines.iter().map(with));
        for (best, now) in best.iter_mut().zip(round) {
            *best = [best[0].min(now[0]), best[1].min(now[1])];
        }
    }
    let names = std::iter::once("plain").chain(engines.iter().map(|engine| engine.name()));
    for (name, took) in names.zip(&best) {
        let rate = took.map(|took| bytes.len() as f64 / took.as_secs_f64() / 1e9);
        let ratio = [0, 1].map(|hash| best[0][hash].as_secs_f64() / took[hash].as_secs_f64());
        println!(
            "  {name:9} SHA-1 {:5.2} GB/s, {:4.2} x; SHA-256 {:5.2} GB/s, {:4.2} x",
            rate[0], ratio[0], rate[1], ratio[1]
        );
    }
}

fn took(work: impl FnOnce()) -> Duration {
    let (begin, wall) = (on_processor(), Instant::now());
    work();
    match (begin, on_processor()) {
        (Some(begin), Some(end)) => end - begin,
        _ => wall.elapsed(),
    }
}

/// Time that this thread had a processor; `None` where the system does not tell.
fn on_processor() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

// Rationale: more than any cache.
const BYTES: usize = 256 << 20;
// Rationale: enough for one that nothing disturbed.
const ROUNDS: usize = 5;
