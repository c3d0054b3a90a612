//! `peerproof clear`.

use std::fmt::Write;
use std::path::PathBuf;

use clap::Args;
use peerproof::Options;
use peerproof::clear::{Cleared, Format, clear};
use peerproof::report::{counted, escaped, grouped};

use super::ending::ending;
use super::files::{format_of, new_file, put};
use super::material::Material;
use super::screen::{Progress, ScreenOptions};
use super::{Ending, say};

/// Write every BitTorrent stream as plain TCP, for any tool that reads captures
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct Clear {
    #[command(flatten)]
    material: Material,

    /// A new file; .pcap is written without comments, any other name as pcapng. Nothing is ever replaced
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

impl Clear {
    /// Reads the streams and writes them.
    pub fn run(&self, look: ScreenOptions) -> anyhow::Result<Ending> {
        let ready = self.material.open("clear")?;
        let mut file = new_file(&self.output)?;
        let bar = Progress::of(look, &ready.paths, ready.captures.set.total_bytes());
        let advance = |done: u64| bar.at(done);
        let options = Options { progress: Some(&advance), digest: false, ..ready.captures.options() };
        let cleared = clear(&ready.captures.set, &ready.torrents, &options, &mut file, format_of(&self.output))?;
        bar.end();
        let limits = ending(&cleared.evidence);
        if cleared.connections.is_empty() {
            let opens = match cleared.evidence.opaque.is_empty() {
                true => "",
                false => {
                    ": what is encrypted takes its secrets (--mse-secrets) and the torrent or its info-hash (-t)"
                }
            };
            return Ok(Ending::Failed(format!(
                "no stream of the peer wire could be read, nothing was written{opens}"
            )));
        }
        put(file, &self.output)?;
        say::told(&self.told(&cleared))?;
        Ok(limits)
    }

    fn told(&self, cleared: &Cleared) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        for (kind, count) in &cleared.connections {
            let _ = writeln!(text, "  {} over {kind}", counted(*count, "connection"));
        }
        if cleared.moved > 0 {
            let _ = writeln!(
                text,
                "  {} with a port of its own: others are between the same ends at the ports as they were (see the comments)",
                counted(cleared.moved, "connection")
            );
        }
        if cleared.in_doubt > 0 {
            let how = match format_of(&self.output) {
                Format::PcapNg => "marked as damaged in the file",
                Format::Pcap => "left out, as pcap cannot mark them (pcapng does)",
            };
            let _ = writeln!(text, "  {} in doubt: {how}", counted(cleared.in_doubt, "packet"));
        }
        let opaque = &cleared.evidence.opaque;
        if !opaque.is_empty() {
            let bytes: u64 = opaque.iter().map(|one| one.a_to_b + one.b_to_a).sum();
            let all = counted(opaque.len() as u64, "conversation");
            let _ = writeln!(text, "  not in it: {all} that could not be read, {} bytes", grouped(bytes));
        }
        let _ = writeln!(
            text,
            "ok: {}, {}, {} bytes",
            escaped(&self.output.display().to_string()),
            counted(cleared.packets, "packet"),
            grouped(cleared.bytes)
        );
        text
    }
}

pub(super) const AFTER_HELP: &str = "\
uTP becomes TCP, what secrets open (--mse-secrets, with -t for the info-hash)
becomes clear, tunnels and fragments are taken off; addresses, ports and times
are as they were, and gaps stay gaps. Each packet's comment names the file and
frame that carried its bytes. Several uTP connections may have the same ends:
all but the first get a port of their own, which the comments say. Of lost uTP
packets only the number is known: where no block tells how many bytes they had,
each is taken to be as long as the longest before it. What is in doubt, such as
the bytes of a frame with a wrong checksum, stays in doubt: its packets are
marked as damaged in pcapng, and left out of pcap, which has no such mark.

Examples:
  peerproof clear capture.pcapng -o clear.pcapng
  peerproof clear capture.pcapng -t file.torrent --mse-secrets keys.txt
      -o clear.pcapng
  tshark -r clear.pcapng -Y bittorrent

The packets were on no wire in this form: they are for reading, not evidence.
Exit code 1: no stream could be read, and nothing was written.";
