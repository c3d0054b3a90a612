//! The exact next command.

use super::Inspection;
use super::document::{Metadata, Step};
use crate::report::{counted, is_unsafe};

/// What to run next; empty where `analyze` would have nothing to say.
pub(super) fn steps(inspection: &Inspection, captures: &[String]) -> Vec<Step> {
    let tunnels: Vec<String> = inspection.tunnels.iter().map(|tunnel| format!("--tunnel {tunnel}")).collect();
    let step = |why: String, before, behind: &'static [&'static str], needs| {
        let kept = if before == ANALYZE { tunnels.clone() } else { Vec::new() };
        let command = words((before, behind), &kept, captures).join(" ");
        Step { why, command, needs, around: (before, behind), kept }
    };
    let (known, missing): (Vec<_>, Vec<_>) =
        inspection.torrents.iter().partition(|torrent| torrent.metadata == Metadata::Whole);
    let needs: Vec<String> = missing.iter().map(|torrent| torrent.info_hash.to_string()).collect();
    let nameless = inspection.peers.iter().filter(|peer| peer.info_hash.is_none()).count() as u64;
    let mut steps = Vec::new();
    match (known.len() as u64, missing.len() as u64) {
        (0, 0) if nameless > 0 => steps.push(step(
            format!(
                "No handshake names the torrent of {}. Its blocks find their torrent by hash, so put every torrent \
                 that may be meant in place of TORRENT (files, magnet links or a directory).",
                counted(nameless, "peer")
            ),
            ANALYZE,
            &["-t TORRENT"],
            needs,
        )),
        (0, 0) => {}
        (_, 0) => steps.push(step(
            "The captures hold the description of every torrent that they name: no torrent file is needed to verify."
                .to_owned(),
            ANALYZE,
            &[],
            needs,
        )),
        (0, count) => steps.push(step(
            format!(
                "To verify, put the torrent {} in place of TORRENT (or a directory of torrents). Without -t, sessions \
                 are reported and nothing is verified.",
                if count == 1 { "file with this info-hash" } else { "files with these info-hashes" }
            ),
            ANALYZE,
            &["-t TORRENT"],
            needs,
        )),
        (known, count) => {
            steps.push(step(
                format!("Writes {} that the captures describe.", counted(known, "torrent")),
                "peerproof torrent --from",
                &["-o torrents"],
                Vec::new(),
            ));
            steps.push(step(
                format!(
                    "Then put {} with these info-hashes into the directory as well.",
                    counted(count, "torrent file")
                ),
                ANALYZE,
                &["-t torrents"],
                needs,
            ));
        }
    }
    if !inspection.opaque.is_empty() {
        steps.push(step(
            format!(
                "To read {}, supply the torrents and the Diffie-Hellman secrets of the connections, which only a \
                 client that took part can give (FILE: one in hex per line).",
                counted(inspection.opaque.len() as u64, "encrypted conversation")
            ),
            ANALYZE,
            &["-t TORRENT", "--mse-secrets FILE"],
            Vec::new(),
        ));
    }
    steps
}

impl Step {
    /// The parts of the command that stay together on a line, with the captures as the user named them.
    pub fn words(&self, captures: &[String]) -> Vec<String> {
        words(self.around, &self.kept, captures)
    }
}

fn words((before, behind): (&str, &[&str]), kept: &[String], captures: &[String]) -> Vec<String> {
    let mut out: Vec<String> = before.split(' ').map(str::to_owned).collect();
    // A name that no terminal shows as it is cannot be copied from there.
    let listed = captures.len() <= MOST_CAPTURES && !captures.iter().any(|name| name.contains(is_unsafe));
    if listed {
        out.extend(captures.iter().map(|capture| quoted(capture)));
    } else {
        out.push("CAPTURE...".to_owned());
    }
    out.extend(kept.iter().cloned());
    out.extend(behind.iter().map(|option| (*option).to_owned()));
    out
}

/// As a POSIX shell takes it for one word.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:@%,".contains(c);
    let option = word.starts_with('-') && word != "-";
    let word = if option { format!("./{word}") } else { word.to_owned() };
    if !word.is_empty() && word.chars().all(plain) { word } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

const ANALYZE: &str = "peerproof analyze";
// Rationale: a ring buffer of a thousand files was named by a glob, and can be again.
const MOST_CAPTURES: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_where_a_shell_needs_it() {
        let names = ["a.pcap", "my trace.pcap", "it's", "-", "-x.pcap", "$(x)"];
        let quoted: Vec<String> = names.iter().map(|name| super::quoted(name)).collect();
        assert_eq!(quoted, ["a.pcap", "'my trace.pcap'", r"'it'\''s'", "-", "./-x.pcap", "'$(x)'"]);
    }

    #[test]
    fn many_captures_are_not_listed() {
        let captures: Vec<String> = (0..9).map(|n| format!("{n}.pcap")).collect();
        let expected = ["peerproof", "analyze", "CAPTURE...", "-t TORRENT"];
        assert_eq!(words((ANALYZE, &["-t TORRENT"]), &[], &captures), expected);
        assert_eq!(words((ANALYZE, &["-t TORRENT"]), &[], &["\u{202e}".to_owned()]), expected);
    }
}
