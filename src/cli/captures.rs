//! Captures as arguments, once for every command that reads them.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use peerproof::part::{is_hashed, is_part};
use peerproof::stages::input::read_whole;
use peerproof::{
    CaptureSet, ChecksumPolicy, Error, Limits, OpenOptions, Options, Secrets, Torrents, UdpTunnel, holds_parts,
};

use super::refusal::{Refusal, library};

/// Captures by position, and how they are read: for a command whose inputs are captures.
#[derive(Debug, Args)]
pub struct Captures {
    /// Captures: pcap or pcapng, also compressed (gzip, zstd, lz4, xz, bzip2), or - for standard input; of a
    /// directory, every capture in and below it; or a pattern such as "ring-*.pcapng".
    /// The content decides, not the name. Several captures are read as one, in the order of time: parts of one
    /// capture, or what was captured at several taps
    #[arg(required = true, value_name = "CAPTURE")]
    paths: Vec<PathBuf>,

    #[command(flatten)]
    reading: Reading,
}

/// How captures are read: for a command that takes them by an option of its own.
#[derive(Debug, Args)]
pub struct Reading {
    /// Refuse damaged captures instead of reading what can be read of them, and directories of torrents in which a
    /// .torrent file is none
    #[arg(long)]
    strict: bool,

    #[command(flatten)]
    settings: Settings,
}

/// How packets are read: for a command in which `--strict` means something else.
#[derive(Debug, Args)]
pub struct Settings {
    /// What to do about TCP and UDP checksums. They are often wrong in captures made at the sending host, so by
    /// default they are not tested
    #[arg(long, value_enum, default_value_t = Checksums::Ignore)]
    checksums: Checksums,

    /// A tunnel over UDP on a port that no standard names for it; FORMAT is vxlan, geneve, gtp-u, teredo, l2tp, gre,
    /// mpls, gue, tzsp or ip, or none for a port that carries no tunnel. May be given several times
    #[arg(long = "tunnel", value_name = "udp:PORT=FORMAT", value_parser = tunnel)]
    tunnels: Vec<UdpTunnel>,

    /// Secrets of encrypted (MSE) connections: one 96-byte Diffie-Hellman secret per line in hex, # for comments
    #[arg(long, value_name = "FILE")]
    mse_secrets: Option<PathBuf>,

    /// Rows for transfers without any piece data. Connections beyond it are counted, not listed one by one. Those with piece
    /// data have room for as many besides, and for 20,000 in any case: those with the most proven bytes first. More rows take
    /// more memory
    #[arg(long, value_name = "N", default_value_t = Limits::default().rows)]
    max_rows: usize,

    /// Where standard input and compressed captures are spooled; the system's temporary directory by default
    #[arg(long, value_name = "DIR")]
    spool_dir: Option<PathBuf>,
}

/// Captures that stand open, with what the command line says of how to read them.
#[derive(Debug)]
pub struct Opened {
    /// The captures.
    pub set: CaptureSet,
    how: How,
}

/// The words of the command line on how captures are read.
#[derive(Debug)]
pub struct How {
    secrets: Secrets,
    checksums: ChecksumPolicy,
    tunnels: Vec<UdpTunnel>,
    limits: Limits,
    spool_dir: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Checksums {
    /// Do not test them
    Ignore,
    /// Test them, use the packets, and flag what they carried
    Flag,
    /// Test them, and leave out packets with a wrong one
    Drop,
}

impl Captures {
    /// The paths as given.
    pub fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    /// Returns true if damage ends the run.
    pub fn strict(&self) -> bool {
        self.reading.strict()
    }

    /// How they are read.
    ///
    /// # Errors
    /// As [`Reading::open`], but for the captures.
    pub fn how(&self) -> anyhow::Result<How> {
        self.reading.settings.how()
    }

    /// Opens some of them.
    ///
    /// # Errors
    /// Those of [`CaptureSet::open`].
    pub fn open_some(&self, paths: &[PathBuf]) -> anyhow::Result<CaptureSet> {
        self.reading.settings.set(paths, self.strict())
    }

    /// Opens them.
    ///
    /// # Errors
    /// As [`Reading::open`].
    pub fn open(&self) -> anyhow::Result<Opened> {
        self.reading.open(&self.paths)
    }
}

impl Reading {
    /// Returns true if damage ends the run.
    pub fn strict(&self) -> bool {
        self.strict
    }

    /// Opens the captures at `paths`.
    ///
    /// # Errors
    /// Those of [`CaptureSet::open`]; [`Error::Usage`] for two tunnels on one port; those of reading the secrets.
    pub fn open(&self, paths: &[PathBuf]) -> anyhow::Result<Opened> {
        self.settings.open(paths, self.strict)
    }
}

impl Settings {
    /// Opens the captures at `paths`; damage ends the run where it is `strict`.
    ///
    /// # Errors
    /// As [`Reading::open`].
    pub fn open(&self, paths: &[PathBuf], strict: bool) -> anyhow::Result<Opened> {
        let how = self.how()?;
        Ok(Opened { set: self.set(paths, strict)?, how })
    }

    fn set(&self, paths: &[PathBuf], strict: bool) -> anyhow::Result<CaptureSet> {
        if let Some(part) = paths.iter().find(|path| is_part(path) || is_hashed(path) || holds_parts(path)) {
            let what = format!("{} is a part, or made of parts, which analyze reads", part.display());
            return Err(Refusal { what, instead: "the captures themselves".to_owned() }.into());
        }
        let options = OpenOptions { spool_dir: self.spool_dir.clone(), strict };
        CaptureSet::open(paths, &options).map_err(|error| explained(error, paths))
    }

    fn how(&self) -> anyhow::Result<How> {
        check(&self.tunnels)?;
        let secrets = self.mse_secrets.as_deref().map_or_else(|| Ok(Secrets::default()), secrets)?;
        Ok(How {
            secrets,
            checksums: self.checksums.policy(),
            tunnels: self.tunnels.clone(),
            limits: Limits::default().with_rows(self.max_rows),
            spool_dir: self.spool_dir.clone(),
        })
    }
}

impl Opened {
    /// The options of a run over these captures; whatever else a command knows, it sets itself.
    pub fn options(&self) -> Options<'_> {
        self.how.options()
    }

    /// Reads them as the captures of a report were read.
    ///
    /// # Errors
    /// [`Error::Usage`] for a tunnel of which this version knows nothing.
    pub fn as_in(&mut self, options: &peerproof::report::Options) -> Result<(), Error> {
        self.how.checksums = options.checksums;
        self.how.tunnels = options.tunnels.iter().map(|tunnel| tunnel.parse()).collect::<Result<_, _>>()?;
        let rows = options.limits.get("rows").and_then(|rows| usize::try_from(*rows).ok());
        self.how.limits.rows = rows.unwrap_or(self.how.limits.rows);
        Ok(())
    }
}

impl How {
    /// The options of a run; whatever else a command knows, it sets itself.
    pub fn options(&self) -> Options<'_> {
        Options {
            checksums: self.checksums,
            tunnels: &self.tunnels,
            limits: self.limits.clone(),
            secrets: &self.secrets,
            spool_dir: self.spool_dir.as_deref(),
            ..Options::default()
        }
    }
}

impl Checksums {
    fn policy(self) -> ChecksumPolicy {
        match self {
            Self::Ignore => ChecksumPolicy::Ignore,
            Self::Flag => ChecksumPolicy::Flag,
            Self::Drop => ChecksumPolicy::Drop,
        }
    }
}

/// Says what to try instead, where the paths show it.
fn explained(error: Error, paths: &[PathBuf]) -> anyhow::Error {
    let torrent = |path: &Path| Torrents::open(&[path.to_owned()]).is_ok();
    let refusal = match &error {
        Error::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
            Refusal { what: library(&error), instead: "peerproof inspect .".to_owned() }
        }
        Error::Malformed { name, offset: 0, .. } if paths.iter().any(|path| path == Path::new(name)) => {
            if !torrent(Path::new(name)) {
                let folder = Path::new(name).parent().filter(|folder| !folder.as_os_str().is_empty());
                let folder = folder.map_or_else(|| ".".to_owned(), |folder| folder.display().to_string());
                return Refusal { what: library(&error), instead: format!("peerproof inspect {folder}") }.into();
            }
            Refusal { what: format!("{name} is a torrent, not a capture"), instead: format!("-t {name} CAPTURE") }
        }
        Error::Usage(said) if said.contains("without any capture") => {
            let named = paths.iter().find(|path| said.starts_with(&format!("{}: ", path.display())));
            let Some(directory) = named else { return error.into() };
            match super::torrents::beside(std::slice::from_ref(directory)) {
                Ok(found) if !found.is_empty() => Refusal {
                    what: format!(
                        "{} holds no capture, but {}",
                        directory.display(),
                        if found.len() == 1 { "a torrent" } else { "torrents" }
                    ),
                    instead: format!("peerproof torrent {}", directory.display()),
                },
                _ => return error.into(),
            }
        }
        _ => return error.into(),
    };
    refusal.into()
}

fn secrets(path: &Path) -> Result<Secrets, Error> {
    let text = read_whole(path, MOST_SECRETS, "a file of secrets")?;
    Secrets::parse(&path.display().to_string(), &text)
}

// Rationale: 350,000 secrets; a client that recorded each connection for a year has fewer.
const MOST_SECRETS: u64 = 64 << 20;

/// Reads one `--tunnel`.
fn tunnel(text: &str) -> Result<UdpTunnel, Error> {
    text.parse()
}

/// Two formats for one port cannot both be meant.
fn check(tunnels: &[UdpTunnel]) -> Result<(), Error> {
    let clash = |one: &UdpTunnel| tunnels.iter().any(|other| other.port == one.port && other != one);
    match tunnels.iter().find(|tunnel| clash(tunnel)) {
        Some(one) => Err(Error::Usage(format!("--tunnel gives port {} two formats", one.port))),
        None => Ok(()),
    }
}
