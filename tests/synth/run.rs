//! The one place where scenarios call the library; checks what must hold for every run.

use std::net::SocketAddr;

use peerproof::evidence::{self, Evidence, Subject, Transfer};
use peerproof::report::{Document, Given};
use peerproof::{CaptureSet, ChecksumPolicy, Error, FoundTorrents, Limits, Options, Secrets, Torrents, UdpTunnel};

use super::content::Torrent;
use super::swarm::World;

/// Inputs and settings of a run; [`evidence`](Self::evidence) runs it.
#[derive(Clone, Default)]
pub struct Run {
    captures: Vec<(String, Vec<u8>)>,
    torrents: Vec<(String, Vec<u8>)>,
    checksums: ChecksumPolicy,
    tunnels: Vec<UdpTunnel>,
    limits: Limits,
    secrets: Secrets,
}

impl Run {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn capture(mut self, bytes: Vec<u8>) -> Self {
        self.captures.push((format!("{}.pcap", self.captures.len()), bytes));
        self
    }

    pub fn named(mut self, name: &str, bytes: Vec<u8>) -> Self {
        self.captures.push((name.into(), bytes));
        self
    }

    pub fn torrent(mut self, torrent: &Torrent) -> Self {
        self.torrents.push((format!("{}.torrent", self.torrents.len()), torrent.metainfo.clone()));
        self
    }

    /// A magnet link, or the bytes of any torrent file.
    pub fn metainfo(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.torrents.push((format!("{}.torrent", self.torrents.len()), bytes.into()));
        self
    }

    /// A file of MSE secrets.
    pub fn secrets(mut self, text: &str) -> Self {
        if !text.is_empty() {
            self.secrets = Secrets::parse("secrets.txt", text.as_bytes()).expect("secrets of a test");
        }
        self
    }

    pub fn checksums(mut self, policy: ChecksumPolicy) -> Self {
        self.checksums = policy;
        self
    }

    /// A tunnel as the command line names it.
    pub fn tunnel(mut self, text: &str) -> Self {
        self.tunnels.push(text.parse().expect("an option of a test"));
        self
    }

    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The evidence of one thread and the usual window, after the same run with 1, 2 and 8 threads and windows of
    /// 1 MiB and 64 MiB gave the same, and after every row balanced.
    pub fn evidence(&self) -> Evidence {
        let evidence = self.once(1, 64 << 20).expect("the run can go on");
        let text = format!("{evidence:?}");
        for (threads, window) in [(1, 1 << 20), (2, 64 << 20), (2, 1 << 20), (8, 1 << 20)] {
            let other = format!("{:?}", self.once(threads, window).expect("the run can go on"));
            assert!(text == other, "{threads} threads, window {window}: other evidence\n{text}\n{other}");
        }
        self.hashed_by_the_judge();
        check(&evidence);
        check_files(&evidence, &Torrents::from_bytes(self.torrents.clone()).expect("torrents"));
        evidence
    }

    /// How many copies the judge hashes with all of the log of those that were hashed before, with half of it and without it:
    /// what was hashed before decides nothing.
    pub fn hashed_by_the_judge(&self) -> [u64; 3] {
        let captures = CaptureSet::from_bytes(self.captures.clone()).expect("captures");
        let torrents = Torrents::from_bytes(self.torrents.clone()).expect("torrents");
        let options = Options {
            checksums: self.checksums,
            tunnels: &self.tunnels,
            limits: self.limits.clone(),
            secrets: &self.secrets,
            ..Options::default()
        };
        super::log::decides_nothing(&captures, &torrents, &options, "the scenario")
    }

    /// report.json of one run.
    pub fn json(&self, threads: usize, window: u64) -> String {
        let torrents = Torrents::from_bytes(self.torrents.clone()).expect("torrents");
        let evidence = self.once(threads, window).expect("the run can go on");
        let document = Document::new(&evidence, &Given::of(&torrents), self.checksums, &self.limits);
        document.json().expect("a report can be written")
    }

    /// The torrents whose metadata the captures hold.
    pub fn found(&self) -> FoundTorrents {
        let captures = CaptureSet::from_bytes(self.captures.clone()).expect("captures");
        let options = Options { limits: self.limits.clone(), secrets: &self.secrets, ..Options::default() };
        peerproof::find_torrents(&captures, &options).expect("the survey can go on")
    }

    pub fn once(&self, threads: usize, window: u64) -> Result<Evidence, Error> {
        let captures = CaptureSet::from_bytes(self.captures.clone())?;
        let torrents = Torrents::from_bytes(self.torrents.clone())?;
        let options = Options {
            threads,
            window,
            checksums: self.checksums,
            tunnels: &self.tunnels,
            limits: self.limits.clone(),
            secrets: &self.secrets,
            ..Options::default()
        };
        peerproof::analyze(&captures, &torrents, &options)
    }
}

/// One world, one torrent, the usual options.
pub fn analyze(world: &World, torrent: &Torrent) -> Evidence {
    Run::new().capture(world.pcap()).torrent(torrent).evidence()
}

/// The only transfer from `from` to `to`.
pub fn transfer<'e>(evidence: &'e Evidence, from: &str, to: &str) -> &'e Transfer {
    let (from, to) = (address(from), address(to));
    let mut found = evidence.transfers.iter().filter(|transfer| {
        (transfer.uploader.ip, transfer.uploader.port) == (from.ip(), from.port())
            && (transfer.downloader.ip, transfer.downloader.port) == (to.ip(), to.port())
    });
    let first = found.next().unwrap_or_else(|| panic!("no transfer {from} -> {to}: {:#?}", evidence.transfers));
    assert!(found.next().is_none(), "two transfers {from} -> {to}");
    first
}

/// All subjects at an endpoint.
pub fn subjects<'e>(evidence: &'e Evidence, at: &str) -> Vec<&'e Subject> {
    let at = address(at);
    let here = |subject: &&Subject| (subject.endpoint.ip, subject.endpoint.port) == (at.ip(), at.port());
    evidence.subjects.iter().filter(here).collect()
}

/// The only subject at an endpoint.
pub fn subject<'e>(evidence: &'e Evidence, at: &str) -> &'e Subject {
    let found = subjects(evidence, at);
    assert_eq!(found.len(), 1, "subjects at {at}: {:#?}", evidence.subjects);
    found[0]
}

/// The row of a torrent.
pub fn sums<'e>(evidence: &'e Evidence, torrent: &Torrent) -> &'e evidence::Torrent {
    let row = evidence.torrents.iter().find(|row| row.info_hash.0 == torrent.info_hash);
    row.expect("the torrent has a row")
}

/// Verified bytes by the number of the file in the torrent.
pub fn by_file(evidence: &Evidence, row: &Transfer) -> Vec<(usize, u64)> {
    let of = evidence.torrents.iter().find(|torrent| Some(&torrent.info_hash) == row.info_hash.as_ref());
    let files = &of.expect("the torrent has a row").files;
    let number = |path: &str| files.iter().position(|file| file.path == path).expect("a file of the torrent");
    row.files.iter().map(|file| (number(&file.path), file.verified_bytes)).collect()
}

pub fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address of a test")
}

/// The accounting identity in every row.
pub fn check(evidence: &Evidence) {
    for transfer in &evidence.transfers {
        assert!(transfer.bytes.balanced(), "{transfer:#?}");
    }
    for subject in &evidence.subjects {
        assert!(subject.bytes.balanced(), "{subject:#?}");
    }
    for torrent in &evidence.torrents {
        assert!(torrent.bytes.balanced(), "{torrent:#?}");
        assert!(torrent.unique <= torrent.bytes.verified, "{torrent:#?}");
    }
    let sent: u64 = evidence.transfers.iter().map(|transfer| transfer.bytes.served).sum();
    let subjects: u64 = evidence.subjects.iter().map(|subject| subject.bytes.served).sum();
    assert_eq!(sent, subjects, "transfers and subjects count the same bytes");
}

/// No byte of a file counted twice for one transfer, nor of a torrent over all.
fn check_files(evidence: &Evidence, torrents: &Torrents) {
    for row in &evidence.torrents {
        let hash = row.info_hash.0.as_slice();
        let named = |torrent: &&peerproof::Torrent| torrent.wire_hashes().any(|wire| hash.starts_with(&wire));
        let Some(torrent) = torrents.iter().filter(|torrent| torrent.has_metadata()).find(named) else { continue };
        let files = torrent.files();
        assert!(row.unique <= files.iter().map(|file| file.size).sum(), "{row:#?}");
        for transfer in
            evidence.transfers.iter().filter(|transfer| transfer.info_hash.as_ref() == Some(&row.info_hash))
        {
            for told in &transfer.files {
                let file = files.iter().find(|file| file.shown == told.path).expect("a file of the torrent");
                assert!(told.verified_bytes <= file.size, "{transfer:#?}");
            }
        }
    }
}
