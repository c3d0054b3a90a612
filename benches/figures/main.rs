//! The figures: each stage, end to end, memory, allocations, hostile input, measured in one run.
//!
//! `cargo bench` measures small captures; `PEERPROOF_BENCH=full` those of the project's goals (25 GB of room in
//! `PEERPROOF_BENCH_DIR`, default the system's temporary directory, needed for a while). `PEERPROOF_BENCH_ONLY`
//! is a comma-separated choice of `stages`, `transfer`, `dialects` (of which `rc4`), `flows`, `hostile`
//! (of which `attacks`, `waiting`), `compressed`. Lines that begin with
//! `figure` are for
//! machines: name, value, unit.
//!
//! Times are the best of several rounds, as other work on the machine only ever adds; ratios are to SHA-1 (of v2: SHA-256,
//! of encryption: RC4) over as many bytes in memory, measured in the same rounds. Each run end to end is a process of its
//! own, so that its memory is what a user would see.
//!
//! For profiles, the program itself takes `make DIR tcp|offload|utp|v2|rc4 MEGABYTES PIECE`, `attack DIR NAME`, `pass CAPTURE DEPTH`,
//! `frames CAPTURE`, `leaves CAPTURE TORRENT THREADS` and `one CAPTURE TORRENT THREADS digest|- SECRETS|-`.

mod attacks;
mod captures;
mod containers;
mod content;
mod floods;
mod flow;
mod meter;
mod pcap;
mod stages;
mod transfer;
mod waiting;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use attacks::Of;
use captures::{Case, Interfaces, Tiny};
use peerproof::{CaptureSet, OpenOptions, Options, Secrets, Torrents, analyze};
use sha1::Sha1;
use sha2::Sha256;
use stages::Depth;
use transfer::Dialect;

#[global_allocator]
static ALLOCATOR: meter::Counting = meter::Counting;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["one", capture, torrent, threads, digest, secrets] => {
            let threads = threads.parse().expect("a number");
            let secrets = (*secrets != "-").then_some(Path::new(secrets));
            return one(Path::new(capture), Path::new(torrent), threads, *digest == "digest", secrets);
        }
        ["make", dir, name, megabytes, piece] => {
            let dialect = match *name {
                "utp" => Dialect::UTP,
                "v2" => Dialect::V2,
                "rc4" => Dialect::RC4,
                "offload" => Dialect { segment: flow::OFFLOAD, ..Dialect::TCP },
                _ => Dialect::TCP,
            };
            let (payload, piece) = (megabytes.parse::<u64>().expect("a number") << 20, piece.parse());
            let case = transfer::transfer(Path::new(dir), name, payload, piece.expect("a number"), dialect);
            return println!("{:?}", case.expect("room for a capture"));
        }
        ["attack", dir, name] => {
            let (_, make) = ATTACKS.iter().find(|(known, _)| known == name).expect("a name of an attack");
            let case = make(Path::new(dir), &Sizes::of(full()));
            return println!("{:?}", case.expect("room for a capture"));
        }
        ["leaves", capture, torrent, threads] => {
            let threads = threads.parse().expect("a number");
            let leaves = stages::leaves(Path::new(capture), Path::new(torrent), threads);
            let plain = meter::plain::<Sha256>(leaves.payload, flow::BLOCK, threads);
            return println!("{leaves:?}; plain SHA-256 {plain:?}");
        }
        ["frames", capture] => return println!("{:?}", containers::frames(Path::new(capture))),
        ["pass", capture, depth] => {
            let depth = DEPTHS.into_iter().find(|known| format!("{known:?}") == *depth).expect("a depth");
            return println!("{:?}", stages::pass(Path::new(capture), depth));
        }
        [first @ ("one" | "make" | "attack" | "pass" | "frames"), ..] => {
            eprintln!("{first}: not these arguments, see the head of benches/figures/main.rs");
            std::process::exit(2);
        }
        _ => {}
    }
    let full = full();
    let only = std::env::var("PEERPROOF_BENCH_ONLY").unwrap_or_default();
    let wanted = |part: &str| only.is_empty() || only.split(',').any(|name| name == part);
    let root = std::env::var_os("PEERPROOF_BENCH_DIR").map_or_else(std::env::temp_dir, Into::into);
    let dir = tempfile::tempdir_in(root).expect("a temporary directory");
    let sizes = Sizes::of(full);
    println!("# sizes: {sizes:?}");
    let make = |name, payload, piece, dialect| {
        transfer::transfer(dir.path(), name, payload, piece, dialect).expect("room for a capture")
    };
    let rounds = sizes.rounds;
    if wanted("stages") || wanted("transfer") {
        let small = make("transfer", sizes.payload, 256 << 10, Dialect::TCP);
        if wanted("stages") {
            by_stage(&small, rounds);
        }
        if wanted("transfer") {
            for (threads, digest) in [(1, false), (2, false), (2, true)] {
                end_to_end("1,500-byte frames", &small, threads, digest, &SHA1, rounds);
            }
        }
        remove(&small);
        let offload = Dialect { segment: flow::OFFLOAD, ..Dialect::TCP };
        let offload = make("offload", sizes.payload, 1 << 20, offload);
        if wanted("stages") {
            by_stage(&offload, rounds);
        }
        if wanted("transfer") {
            end_to_end("64 KiB frames, 1 MiB pieces", &offload, 2, false, &SHA1, rounds);
        }
        remove(&offload);
        if wanted("transfer") {
            let long = make("long", 4 * sizes.payload, 1 << 20, Dialect::TCP);
            for digest in [false, true] {
                end_to_end("four times as long, 1 MiB pieces", &long, 2, digest, &SHA1, 1);
            }
            remove(&long);
        }
    }
    if wanted("dialects") {
        for (name, piece, dialect, plain) in [
            ("uTP, 1,400-byte packets", 256 << 10, Dialect::UTP, &SHA1),
            ("v2, 16 KiB pieces", 16 << 10, Dialect::V2, &SHA256),
            ("v2, 256 KiB pieces", 256 << 10, Dialect::V2, &SHA256),
        ] {
            let case = make("dialect", sizes.dialect, piece, dialect);
            for threads in [1, 2] {
                end_to_end(name, &case, threads, false, plain, rounds);
                if dialect.version == content::Version::V2 && piece == flow::BLOCK {
                    leaves(name, &case, threads, rounds);
                }
            }
            remove(&case);
        }
    }
    if wanted("dialects") || wanted("rc4") {
        let clear = make("clear", sizes.dialect, 256 << 10, Dialect::TCP);
        let sealed = make("sealed", sizes.dialect, 256 << 10, Dialect::RC4);
        for threads in [1, 2] {
            encryption(&clear, &sealed, threads, rounds);
        }
        remove(&clear);
        remove(&sealed);
    }
    if wanted("flows") {
        for (name, kind) in [
            ("http flows", Tiny::Http),
            ("udp flows", Tiny::Udp),
            ("midstream flows", Tiny::MidStream),
            ("peer flows", Tiny::Peer),
        ] {
            for alive in [1, 50_000] {
                let case =
                    captures::tiny(dir.path(), "tiny", sizes.flows, alive, kind).expect("room for a capture");
                packets(&format!("{name}, {alive} at a time"), &case);
                remove(&case);
            }
        }
    }
    if wanted("compressed") {
        containers::compressed(dir.path(), sizes.junk >> 20, sizes.rounds).expect("room for a capture");
    }
    if wanted("flows") {
        for (name, end) in floods::ENDS {
            let case = floods::handshakes(dir.path(), sizes.flows, end).expect("room for a capture");
            packets(&format!("handshakes, {name}"), &case);
            remove(&case);
        }
    }
    let measured = |cases: &[(&str, Make)]| {
        for (name, make) in cases {
            let case = make(dir.path(), &sizes).expect("room for a capture");
            packets(name, &case);
            remove(&case);
        }
    };
    if wanted("hostile") {
        measured(&[
            ("fragments", |dir, sizes| captures::fragments(dir, sizes.fragments)),
            ("interfaces", |dir, sizes| captures::interfaces(dir, sizes.interfaces, Interfaces::Alike)),
            ("endless search", |dir, sizes| captures::junk(dir, sizes.junk)),
            ("4 GiB prefixes", |dir, sizes| captures::prefixes(dir, sizes.junk)),
            ("completed fragments", |dir, sizes| containers::completed_fragments(dir, sizes.fragments)),
            ("different interfaces", |dir, sizes| {
                captures::interfaces(dir, sizes.interfaces, Interfaces::Different)
            }),
            ("broken records", |dir, sizes| containers::broken_records(dir, sizes.junk)),
            ("broken blocks", |dir, sizes| containers::broken_blocks(dir, sizes.junk)),
            ("scattered messages", |dir, sizes| floods::scattered(dir, sizes.flows)),
            ("deep bencode", |dir, sizes| containers::deep_bencode(dir, sizes.junk)),
        ]);
    }
    if wanted("hostile") || wanted("attacks") {
        measured(ATTACKS);
    }
    if wanted("hostile") || wanted("waiting") {
        measured(&[
            ("holes everywhere", |dir, sizes| waiting::holes(dir, sizes.flows / 10)),
            ("perhaps uTP", |dir, sizes| waiting::candidates(dir, sizes.flows / 10)),
            ("uTP side by side", |dir, sizes| waiting::windows(dir, sizes.flows / 50)),
        ]);
    }
}

type Make = fn(&Path, &Sizes) -> std::io::Result<Case>;

/// Captures that were made to take memory or time, each with its name.
const ATTACKS: &[(&str, Make)] = &[
    ("rows of a byte each", |dir, sizes| attacks::crumbs(dir, 2 * sizes.flows, Of::Other)),
    ("rows of a byte each of a given torrent", |dir, sizes| attacks::crumbs(dir, 2 * sizes.flows, Of::Given)),
    ("addresses named", |dir, sizes| attacks::named(dir, 10 * sizes.flows)),
    ("descriptions of many pieces", |dir, sizes| attacks::described(dir, sizes.junk, 1 << 20, false)),
    ("descriptions of many files", |dir, sizes| attacks::described(dir, sizes.junk, 1 << 20, true)),
    ("connections on one pair of ports", |dir, sizes| attacks::one_pair(dir, sizes.flows)),
    ("selective acknowledgements", |dir, sizes| attacks::acknowledged(dir, sizes.flows)),
    ("torrents in handshakes", |dir, sizes| attacks::torrents(dir, sizes.flows)),
    ("a piece in dust", |dir, sizes| attacks::dust(dir, 10 * sizes.flows)),
    ("spare requests", |dir, sizes| attacks::spare(dir, sizes.flows / 1_000, 17_000)),
    ("late segments", |dir, sizes| attacks::shuffled(dir, sizes.junk / 8, 100, 4_200)),
    ("invented torrents", |dir, sizes| attacks::invented(dir, sizes.flows, 400)),
    ("secrets that open nothing", |dir, sizes| attacks::locked(dir, sizes.flows / 10, sizes.flows / 5)),
];

/// How much to measure.
#[derive(Clone, Copy, Debug)]
struct Sizes {
    /// Payload bytes of the shorter transfer.
    payload: u64,
    /// Payload bytes of the transfer in each dialect.
    dialect: u64,
    flows: u32,
    fragments: u32,
    interfaces: u32,
    /// Bytes of each hostile stream.
    junk: u64,
    rounds: u32,
}

/// Returns true if the captures are those of the project's goals.
fn full() -> bool {
    std::env::var("PEERPROOF_BENCH").is_ok_and(|value| value == "full")
}

impl Sizes {
    fn of(full: bool) -> Self {
        if full { Self::FULL } else { Self::QUICK }
    }

    const QUICK: Self = Self {
        payload: 256 << 20,
        dialect: 128 << 20,
        flows: 100_000,
        fragments: 1_000_000,
        interfaces: 100_000,
        junk: 128 << 20,
        rounds: 5,
    };
    const FULL: Self = Self {
        payload: 2 << 30,
        dialect: 1 << 30,
        flows: 1_000_000,
        fragments: 10_000_000,
        interfaces: 1_000_000,
        junk: 512 << 20,
        rounds: 5,
    };
}

/// Each stage on one thread: the time of all up to it, and of it alone.
fn by_stage(case: &Case, rounds: u32) {
    let mut best = [Duration::MAX; 6];
    let mut passes = [None; 6];
    let mut hash = Duration::MAX;
    for _ in 0..rounds {
        hash = hash.min((SHA1.time)(case, 1));
        for ((depth, best), kept) in DEPTHS.iter().zip(&mut best).zip(&mut passes) {
            let pass = stages::pass(&case.capture, *depth);
            *best = pass.time.min(*best);
            *kept = Some(pass);
        }
    }
    let name = case.capture.file_stem().unwrap_or_default().to_string_lossy();
    let gigabytes = case.bytes as f64 / 1e9;
    println!(
        "\n## {name}: {gigabytes:.2} GB, {} frames; plain SHA-1 of {:.2} GB: {:.0} ms, {:.2} GB/s",
        case.frames,
        case.payload as f64 / 1e9,
        millis(hash),
        case.payload as f64 / 1e9 / hash.as_secs_f64()
    );
    println!(
        "{:<10} {:>9} {:>8} {:>12} {:>9} {:>9} {:>12}",
        "up to", "ms", "GB/s", "x plain SHA-1", "alone ms", "ns/frame", "allocs/frame"
    );
    let mut before = Duration::ZERO;
    for ((depth, time), pass) in DEPTHS.iter().zip(best).zip(passes.iter().flatten()) {
        let alone = time.saturating_sub(before);
        before = time;
        println!(
            "{:<10} {:>9.1} {:>8.2} {:>12.3} {:>9.1} {:>9.1} {:>12.5}",
            format!("{depth:?}"),
            millis(time),
            gigabytes / time.as_secs_f64(),
            time.as_secs_f64() / hash.as_secs_f64(),
            millis(alone),
            alone.as_secs_f64() * 1e9 / pass.packets as f64,
            pass.allocations as f64 / pass.packets as f64
        );
        figure(&format!("{name}/{depth:?}"), gigabytes / time.as_secs_f64(), "GB/s");
        if pass.blocks > 0 {
            figure(
                &format!("{name}/{depth:?}/allocations"),
                pass.allocations as f64 / pass.blocks as f64,
                "per block",
            );
        }
    }
}

/// Hashing alone: the least that a run can take.
struct Plain {
    name: &'static str,
    /// On that many threads.
    time: fn(&Case, usize) -> Duration,
}

const SHA1: Plain =
    Plain { name: "plain SHA-1", time: |case, threads| meter::plain::<Sha1>(case.payload, case.piece, threads) };
const SHA256: Plain = Plain {
    name: "plain SHA-256",
    time: |case, threads| meter::plain::<Sha256>(case.payload, flow::BLOCK, threads),
};

/// The whole run against plain hashing of the same payload on as many threads.
fn end_to_end(name: &str, case: &Case, threads: usize, digest: bool, plain: &Plain, rounds: u32) {
    let (mut hash, mut best): (Duration, Option<One>) = (Duration::MAX, None);
    for _ in 0..rounds {
        hash = hash.min((plain.time)(case, threads));
        best = Some(proved(case, threads, digest, best));
    }
    let Some(best) = best else { return };
    let digest = if digest { ", with SHA-256 of the file" } else { "" };
    let ratio = best.wall.as_secs_f64() / hash.as_secs_f64();
    println!(
        "\n## end to end, {name}, {:.2} GB, {threads} threads{digest}: {:.0} ms, {:.2} GB/s; {} {:.0} ms; ratio {ratio:.3}; anonymous {} MB, file-backed {} MB",
        case.bytes as f64 / 1e9,
        millis(best.wall),
        case.bytes as f64 / 1e9 / best.wall.as_secs_f64(),
        plain.name,
        millis(hash),
        best.anonymous / 1_000_000,
        best.file / 1_000_000,
    );
    let name = format!("end to end/{name}/{threads} threads{digest}");
    figure(&name, ratio, &format!("x {}", plain.name));
    figure(&format!("{name}/anonymous"), best.anonymous as f64 / 1e6, "MB");
    figure(&format!("{name}/file-backed"), best.file as f64 / 1e6, "MB");
}

/// The hashes of v2 leaves without the walk over the frames, against plain SHA-256 of the same payload.
fn leaves(name: &str, case: &Case, threads: usize, rounds: u32) {
    let [mut hash, mut digests] = [Duration::MAX; 2];
    for _ in 0..rounds {
        hash = hash.min((SHA256.time)(case, threads));
        digests = digests.min(stages::leaves(&case.capture, &case.torrent, threads).digests);
    }
    let ratio = digests.as_secs_f64() / hash.as_secs_f64();
    println!(
        "\n## leaves alone, {name}, {threads} threads: {} {:.0} ms; units to digests {:.0} ms, ratio {ratio:.3}",
        SHA256.name,
        millis(hash),
        millis(digests),
    );
    figure(&format!("leaves/{name}/{threads} threads/digests"), ratio, "x plain SHA-256");
}

/// Prints the cost of RC4 with a given secret in a run, against RC4 alone over an equal payload.
fn encryption(clear: &Case, sealed: &Case, threads: usize, rounds: u32) {
    let [mut rc4, mut kept] = [Duration::MAX; 2];
    let mut best: [Option<One>; 2] = [None, None];
    for _ in 0..rounds {
        rc4 = rc4.min(meter::plain_rc4(sealed.payload));
        kept = kept.min(meter::kept_rc4(sealed.payload));
        for (case, best) in [clear, sealed].into_iter().zip(&mut best) {
            *best = Some(proved(case, threads, false, *best));
        }
    }
    let [Some(clear), Some(sealed)] = best else { return };
    let added = sealed.wall.as_secs_f64() - clear.wall.as_secs_f64();
    let [of_rc4, of_kept] = [rc4, kept].map(|plain| added / plain.as_secs_f64());
    println!(
        "\n## RC4 with its secret, {threads} threads: {:.0} ms, in clear {:.0} ms; plain RC4 {:.0} ms: adds {of_rc4:.3} of it; into a file {:.0} ms: adds {of_kept:.3} of it; anonymous {} MB, file-backed {} MB",
        millis(sealed.wall),
        millis(clear.wall),
        millis(rc4),
        millis(kept),
        sealed.anonymous / 1_000_000,
        sealed.file / 1_000_000,
    );
    figure(&format!("RC4 adds/{threads} threads"), of_rc4, "x plain RC4");
    figure(&format!("RC4 adds to keeping/{threads} threads"), of_kept, "x plain RC4 into a file");
    figure(&format!("RC4/{threads} threads/anonymous"), sealed.anonymous as f64 / 1e6, "MB");
    figure(&format!("RC4/{threads} threads/file-backed"), sealed.file as f64 / 1e6, "MB");
}

/// One more run; the best so far.
fn proved(case: &Case, threads: usize, digest: bool, best: Option<One>) -> One {
    let run = spawn(case, threads, digest);
    assert_eq!(run.verified, case.payload, "every byte is verified");
    best.map_or(run, |best| best.with(run))
}

/// A run over a capture in which nothing is to be verified.
fn packets(name: &str, case: &Case) {
    let run = spawn(case, 2, false).with(spawn(case, 2, false));
    let (seconds, mega) = (run.wall.as_secs_f64(), case.bytes as f64 / 1e6);
    println!(
        "## {name}: {mega:.0} MB, {} frames: {:.0} ms, {:.2} M frames/s, {:.0} MB/s; anonymous {} MB, file-backed {} MB",
        case.frames,
        millis(run.wall),
        case.frames as f64 / 1e6 / seconds,
        mega / seconds,
        run.anonymous / 1_000_000,
        run.file / 1_000_000
    );
    figure(name, case.frames as f64 / 1e6 / seconds, "M frames/s");
    figure(&format!("{name}/bytes"), mega / seconds, "MB/s");
    figure(&format!("{name}/anonymous"), run.anonymous as f64 / 1e6, "MB");
}

const DEPTHS: [Depth; 4] = [Depth::Frames, Depth::Packets, Depth::Streams, Depth::Sessions];

fn figure(name: &str, value: f64, unit: &str) {
    println!("figure\t{name}\t{value:.4}\t{unit}");
}

/// Cost of one run.
#[derive(Clone, Copy, Debug)]
struct One {
    wall: Duration,
    anonymous: u64,
    file: u64,
    verified: u64,
}

impl One {
    /// The better time and the greater memory of two runs.
    fn with(self, other: Self) -> Self {
        Self {
            wall: self.wall.min(other.wall),
            anonymous: self.anonymous.max(other.anonymous),
            file: self.file.max(other.file),
            verified: self.verified,
        }
    }
}

/// Runs [`one`] in a process of its own.
fn spawn(case: &Case, threads: usize, digest: bool) -> One {
    let program = std::env::current_exe().expect("this program");
    let output = Command::new(program)
        .arg("one")
        .args([&case.capture, &case.torrent])
        .args([threads.to_string().as_str(), if digest { "digest" } else { "-" }])
        .arg(case.secrets.as_deref().unwrap_or(Path::new("-")))
        .output()
        .expect("this program runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let numbers: Vec<u64> = text.split_whitespace().map_while(|word| word.parse().ok()).collect();
    let [nanos, anonymous, file, verified] = numbers.as_slice() else {
        panic!("no figures: {text}{}", String::from_utf8_lossy(&output.stderr));
    };
    One { wall: Duration::from_nanos(*nanos), anonymous: *anonymous, file: *file, verified: *verified }
}

/// One run of the library over one capture, as the command line does it.
fn one(capture: &Path, torrent: &Path, threads: usize, digest: bool, secrets: Option<&Path>) {
    let secrets = secrets.map_or_else(Secrets::default, |path| {
        Secrets::parse("secrets", &std::fs::read(path).expect("secrets")).expect("secrets")
    });
    let start = Instant::now();
    let (evidence, anonymous, file) = meter::memory(|| {
        let torrents = Torrents::open(&[torrent.to_path_buf()]).expect("a torrent");
        let captures = CaptureSet::open(&[capture.to_path_buf()], &OpenOptions::default()).expect("a capture");
        analyze(&captures, &torrents, &Options { threads, digest, secrets: &secrets, ..Options::default() })
            .expect("it is read")
    });
    let wall = start.elapsed();
    let verified: u64 = evidence.transfers.iter().map(|transfer| transfer.bytes.verified).sum();
    println!("{} {anonymous} {file} {verified}", wall.as_nanos());
}

fn remove(case: &Case) {
    std::fs::remove_file(&case.capture).expect("it was there");
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
