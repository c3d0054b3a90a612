//! Reads packet captures and proves which BitTorrent pieces each peer really served.
//!
//! [`analyze()`] takes a [`CaptureSet`] and the [`Torrents`] in question, and
//! returns [`Evidence`]: per directed edge, per subject and per torrent, how many bytes were
//! served, how many of them are shown to be the torrent's own, and in which frames. Nothing is contacted.
//!
//! # The picture
//!
//! ```text
//! file --capture--> Frame --packet--> Packet --flow/stream--> Data | Gap --wire--> Message | Block
//!      --session--> Served, Advertised, Requested, ... --facts--> Facts --judge--> Judged
//!      --evidence--> Evidence --report--> table, JSON, CSV, Parquet
//!      \__________ serial, in capture order __________/ \_ pure, by piece _/ \_ sorted _/
//! ```
//!
//! One serial spine walks the captures in order, without copying: a block is a list of slices of the mapped file. It decides
//! nothing; when the last frame is read, the facts that it wrote down are judged. Hashing runs meanwhile, on all cores, and
//! digests are a pure function of their bytes, so every figure is the same for any number of threads, window size or order
//! of arguments.
//!
//! In the order in which bytes pass them:
//!
//! | module | turns | into |
//! |---|---|---|
//! | [`capture`] | files, streams, pcap, pcapng | [`Frame`](stages::capture::Frame): numbered and timed as Wireshark does |
//! | [`packet`] | frames of any link type, tunnels, fragments | [`Packet`](stages::packet::Packet): TCP and UDP payload |
//! | [`flow`] | packets | who talks to whom, in a bounded table |
//! | [`stream`] | TCP segments, uTP packets | ordered bytes with typed gaps |
//! | [`proxy`] | the beginning of a connection | whether it is the peer wire through a proxy |
//! | [`mse`] | both directions under Message Stream Encryption | its kind; with a secret, the bytes in clear |
//! | [`wire`] | the bytes of one direction | messages and blocks of the peer protocol |
//! | [`session`] | both directions of a connection | what was asked, advertised and served |
//! | [`metadata`] | `ut_metadata` messages | info dictionaries that hash to their info-hash |
//! | [`webseed`] | HTTP requests and answers | blocks of a torrent |
//! | [`torrent`], [`bencode`] | metainfo v1, v2, hybrid; magnet links | where every byte belongs and what it hashes to |
//! | [`judge`] | facts | a class for every served byte, and its reason |
//! | [`facts`] | whatever the stages above make known | owned facts, without a torrent: what is judged later |
//! | [`prove`] | units | SHA-1 and SHA-256, on all cores |
//! | [`evidence`] | what was judged | grades, flags, the accounting identity |
//! | [`hearsay`] | what trackers, the DHT, neighbours and peers say of addresses | mentions, which change no figure and no grade |
//! | [`hosts`] | lists that the user gives | operators, countries and relays beside addresses |
//! | [`report`] | evidence | the terminal report, report.json, CSV, Parquet |
//! | [`content`] | verified bytes | the files of a torrent, as far as they were seen |
//! | [`mod@cut`] | captures, and a peer in them | the smallest capture that proves the same of it |
//! | [`mod@clear`] | captures | every stream of the peer wire as plain TCP |
//! | [`check`] | a report, and what its makers expect | what differs |
//! | [`signature`] | a manifest, its signature, and public keys | who signed it |
//! | [`mod@inspect`] | captures alone | what they hold, and what to run next |
//!
//! Beside them stand [`ends`] (the vocabulary: who, over what, and in which frame), [`oddity`] (whatever was odd, as values), [`anomaly`]
//! (all of it, counted in full),
//! [`Limits`] (every bound, with its reason) and [`Error`] (why a run cannot go on).
//!
//! # A report in a few lines
//!
//! ```
//! use peerproof::{CaptureSet, Document, Given, OpenOptions, Options, Torrents, analyze, report::Screen, terminal};
//!
//! let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/three-peers/");
//! let captures = CaptureSet::open(&[format!("{folder}capture.pcap").into()], &OpenOptions::default())?;
//! let torrents = Torrents::open(&[format!("{folder}halves.torrent").into()])?;
//! let options = Options::default();
//! let evidence = analyze(&captures, &torrents, &options)?;
//! assert!(evidence.subjects.iter().any(|subject| subject.actionable));
//! let document = Document::new(&evidence, &Given::of(&evidence.known), options.checksums, &options.limits);
//! println!("{}", terminal(&document, &Screen::new(100)));
//! # Ok::<(), peerproof::Error>(())
//! ```
//!
//! # What the figures mean
//!
//! Every served byte is in exactly one class, and the sum is checked where the figures are made:
//! `served == pad + repeated + verified + refuted + disputed + unproven`. A [`Grade`](evidence::Grade) is the highest
//! rung whose packets are all in the captures. Whatever is dropped or not decided is an [`anomaly`].
//!
//! # What the method cannot show
//!
//! - Who used an address. A subject is an address and port, for one torrent, over one transport: never a person.
//! - Bytes that the captures do not hold. A figure is a lower bound; what the framing shows to be missing is `lost`.
//! - Who is behind a proxy. What goes through one is named ([`proxy`]), and credited to nobody; where the dialog with it was
//!   not captured, a proxy's address looks like a peer's.
//! - Bytes under encryption (MSE) without its secret. They are counted apart and never graded.
//! - That a packet came from its source address. A forged capture, or a forged direction whose answers are missing,
//!   looks like a real one; acknowledgements and the other direction are what speaks against it.
//! - A single 16 KiB block of a v1 torrent: its whole piece is needed. In v2 the block is the unit.
//! - Intent. Bytes that differ from the torrent may come from a failing disk or a damaged capture.
//!
//! [`bencode`]: stages::bencode
//! [`capture`]: stages::capture
//! [`facts`]: mod@stages::facts
//! [`flow`]: stages::flow
//! [`hearsay`]: stages::hearsay
//! [`judge`]: stages::judge
//! [`metadata`]: stages::metadata
//! [`mse`]: stages::mse
//! [`packet`]: stages::packet
//! [`prove`]: stages::prove
//! [`proxy`]: stages::proxy
//! [`session`]: stages::session
//! [`stream`]: stages::stream
//! [`torrent`]: stages::torrent
//! [`webseed`]: stages::webseed
//! [`wire`]: stages::wire

#![deny(unsafe_code, missing_docs, rustdoc::broken_intra_doc_links)]

mod analyze;
pub mod anomaly;
pub mod audit;
mod bencode;
mod capture;
pub mod case;
pub mod check;
pub mod clear;
pub mod content;
pub mod cut;
mod directory;
pub mod ends;
mod error;
pub mod evidence;
mod facts;
mod flow;
mod hearsay;
pub mod hosts;
mod input;
pub mod inspect;
mod judge;
mod limits;
mod metadata;
mod mse;
pub mod oddity;
mod options;
mod output;
mod packet;
pub mod part;
mod prove;
mod proxy;
pub mod pseudonym;
mod record;
pub mod report;
mod session;
pub mod signature;
mod spine;
mod stream;
mod torrent;
mod webseed;
mod wire;
mod words;

/// The stages of the pipeline, for the fuzz targets, the benches, the tests and the program: they promise no user anything.
#[doc(hidden)]
pub mod stages {
    pub use crate::analyze::with_log;

    macro_rules! stages {
        ($($stage:ident)+) => {$(
            /// A stage, or a part of the program beside them.
            pub mod $stage {
                pub use $crate::$stage::*;
            }
        )+};
    }

    stages! {
        bencode capture facts flow hearsay input judge metadata mse output packet prove proxy record session stream torrent
        webseed wire
    }
}

pub use analyze::{
    FoundTorrents, Gathered, Group, TakeVerified, Verified, analyze, analyze_content, analyze_parts, facts,
    find_torrents, hash_units, holds_parts, make_part,
};
pub use capture::{CaptureSet, OpenOptions};
pub use ends::Endpoint;
pub use error::Error;
pub use evidence::Evidence;
pub use facts::Facts;
pub use inspect::{Inspection, inspect};
pub use limits::Limits;
pub use mse::Secrets;
pub use options::{ChecksumPolicy, Options, UdpTunnel};
pub use part::Part;
pub use report::{Document, Given, terminal};
pub use torrent::{Torrent, Torrents};
