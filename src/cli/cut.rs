//! `peerproof cut`.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use peerproof::Options;
use peerproof::cut::{Asked, Outcome, Proven, cut};
use peerproof::ends::InfoHash;
use peerproof::report::{Whom, counted, escaped, grouped};

use super::files::{format_of, new_file, put};
use super::material::Material;
use super::refusal::Refusal;
use super::screen::{Progress, ScreenOptions};
use super::{Ending, say};

/// Cut the smallest capture that still proves what is claimed of a peer
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct Cut {
    #[command(flatten)]
    material: Material,

    /// The peer: its address, with the port that it listens on or sent from
    #[arg(long, required = true, value_name = "ADDR[:PORT]")]
    peer: Whom,

    /// Of what it sent, only this piece
    #[arg(long, value_name = "N")]
    piece: Option<u32>,

    /// Of what it sent, only this torrent
    #[arg(long, value_name = "HASH")]
    info_hash: Option<InfoHash>,

    /// A new file; .pcap is written without comments, any other name as pcapng. Nothing is ever replaced
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

impl Cut {
    /// Cuts, and analyses the cut.
    pub fn run(&self, look: ScreenOptions) -> anyhow::Result<Ending> {
        let ready = self.material.open("cut")?;
        let mut file = new_file(&self.output)?;
        let bar = Progress::of(look, &ready.paths, ready.captures.set.total_bytes());
        let advance = |done: u64| bar.at(done);
        let options = Options { progress: Some(&advance), ..ready.captures.options() };
        let asked = Asked { peer: self.peer, piece: self.piece, info_hash: self.info_hash.clone() };
        let format = format_of(&self.output);
        let outcome = cut(&ready.captures.set, &ready.torrents, &options, &asked, &mut file, format)?;
        bar.end();
        Ok(match outcome {
            Outcome::Proven(proven) => {
                put(file, &self.output)?;
                say::told(&told(&proven, &self.output))?;
                Ending::Complete
            }
            Outcome::Nobody => {
                let of = self.info_hash.as_ref().map(|hash| format!(" of {hash}")).unwrap_or_default();
                let what = format!("{} has no row{of} in the captures", self.peer);
                return Err(Refusal { what, instead: "peerproof analyze CAPTURE... -t FILE".to_owned() }.into());
            }
            Outcome::Nothing(grade, why) => Ending::Failed(format!(
                "no byte that {} sent is verified or refuted (grade {}: {why}), nothing was written",
                self.peer,
                grade.name()
            )),
            Outcome::Differs(differences) => {
                let mut text = String::new();
                for difference in differences {
                    // Writing to a String cannot fail.
                    let _ = writeln!(text, "  {}", escaped(&difference));
                }
                say::told(&text)?;
                Ending::Failed("a cut does not prove the same of it, nothing was written".to_owned())
            }
        })
    }
}

fn told(proven: &Proven, output: &Path) -> String {
    let Proven { packets, bytes, cited, claims, beside, more } = proven;
    let mut text = String::new();
    // Writing to a String cannot fail.
    for claim in claims {
        let _ = writeln!(text, "  {}", escaped(claim));
    }
    if let Some(more) = more {
        let _ = writeln!(text, "  kept: {more}");
    }
    if u128::from(*bytes) * 10 > u128::from(*cited) * 11 {
        let _ = writeln!(
            text,
            "  more than 1.1 x: {} without such payload (openings, handshakes, requests, acknowledgements) with {} bytes; {} of \
             headers and other messages in packets with it; {} of heads and comments of the file",
            counted(beside.packets, "packet"),
            grouped(beside.bytes),
            counted(beside.around, "byte"),
            grouped(beside.file),
        );
    }
    let per_mille = if *cited > 0 { bytes.saturating_mul(1_000) / cited } else { 0 };
    let _ = writeln!(
        text,
        "ok: {}, {}, {} bytes, {}.{:02} x the {} of payload that it cites; analysed: it proves the same",
        escaped(&output.display().to_string()),
        counted(*packets, "packet"),
        grouped(*bytes),
        per_mille / 1_000,
        per_mille % 1_000 / 10,
        counted(*cited, "byte")
    );
    text
}

pub(super) const AFTER_HELP: &str = "\
Kept are the packets of the connections on which the peer sent what is claimed:
openings, handshakes, advertisements, requests, payload, and of many
acknowledgements enough; of units that others sent parts of, theirs too. Link
layers, tunnels, interfaces and times are as they were. Each packet's comment
names the frame that it was and what it shows, such as
  1234 piece 17, 0-1447, verified
or, where there are several captures, 0:1234; the comment of the file says which
they are.
The cut is analysed before it is handed over: grade, standard and bytes of the
peer must be the same. Encrypted connections need their secrets again.

Examples:
  peerproof cut capture.pcapng -t file.torrent --peer 203.0.113.2:6881
      -o cut.pcapng
  peerproof cut case/ --peer 203.0.113.2:6881 --piece 17 -o piece-17.pcapng

Exit code 1: nothing is proven of the peer, or a cut does not prove it, and
nothing was written.";
