//! The exact next command.

use std::collections::BTreeMap;

use super::Inspection;
use super::document::{Metadata, NextCommand, Swarm, TorrentBeside};
use crate::evidence::encrypted;
use crate::report::{columns, counted, is_unsafe, shell_word, unconfirmed};

impl Inspection {
    /// Writes what to run next once more: with the captures as the user named them, in any order, and with the torrents
    /// that lie beside them, as far as the captures name these.
    pub fn propose(&mut self, captures: &[String], beside: &[TorrentBeside]) {
        let mut captures = captures.to_vec();
        captures.sort();
        let mut beside = beside.to_vec();
        beside.sort();
        self.next = steps(self, &captures, &beside);
    }
}

/// Commands to run next; empty where `analyze` would have nothing to say.
pub(super) fn steps(inspection: &Inspection, captures: &[String], beside: &[TorrentBeside]) -> Vec<NextCommand> {
    let tunnels: Vec<String> = inspection.tunnels.iter().map(|tunnel| format!("--tunnel {tunnel}")).collect();
    let step = |why: String, before: &str, behind: &[String], needs: Vec<String>| {
        let kept = if before == ANALYZE { tunnels.as_slice() } else { &[] };
        let words = words(before, captures, &[kept, behind].concat());
        NextCommand { why, command: words.join(" "), needs, words }
    };
    let (known, missing): (Vec<_>, Vec<_>) =
        inspection.torrents.iter().partition(|torrent| torrent.metadata == Metadata::Whole);
    let files = by_hash(beside);
    let (found, missing): (Vec<_>, Vec<_>) =
        missing.into_iter().partition(|swarm| file_of(swarm, &files).is_some());
    let mut given: Vec<&str> = found.iter().filter_map(|swarm| file_of(swarm, &files)).collect();
    given.sort_unstable();
    given.dedup();
    let given = options(&given);
    let with = |more: &str| [given.as_slice(), &[more.to_owned()]].concat();
    let needs: Vec<String> = missing.iter().map(|torrent| torrent.info_hash.to_string()).collect();
    let nameless = inspection.peers.iter().filter(|peer| peer.info_hash.is_none()).count() as u64;
    let mut steps = Vec::new();
    match (known.len() as u64, found.len() as u64, missing.len() as u64) {
        (0, 0, 0) if nameless > 0 => {
            let why = format!(
                "No handshake names the torrent of {}. Its blocks find their torrent by hash",
                counted(nameless, "peer")
            );
            if beside.is_empty() {
                let why = format!(
                    "{why}, so put every torrent that may be meant in place of TORRENT (files, magnet links or a \
                     directory)."
                );
                steps.push(step(why, ANALYZE, &with(ANY), needs));
            } else {
                let why = format!("{why}, so those that lie beside the captures are tried.");
                steps.push(step(why, ANALYZE, &[HERE.to_owned()], needs));
            }
        }
        (0, 0, 0) if inspection.has_peers() || unconfirmed(&inspection.anomalies).is_none() => {}
        (0, 0, 0) => steps.push(step(
            "No handshake and no exchange confirms the messages that look like BitTorrent's. The hash of a piece would, so \
             put every torrent that may be meant in place of TORRENT (files, magnet links or a directory)."
                .to_owned(),
            ANALYZE,
            &with(ANY),
            needs,
        )),
        (_, 0, 0) => steps.push(step(
            "The captures hold the description of every torrent that they name: no torrent file is needed to verify."
                .to_owned(),
            ANALYZE,
            &[],
            needs,
        )),
        (_, count, 0) => steps.push(step(
            match count {
                1 => "The torrent file beside the captures has the info-hash that they name.".to_owned(),
                count => format!(
                    "The {} beside the captures have the info-hashes that they name.",
                    counted(count, "torrent file")
                ),
            },
            ANALYZE,
            &given,
            needs,
        )),
        (0, _, count) => steps.push(step(
            format!(
                "To verify, put the torrent {} in place of TORRENT (or a directory of torrents). Without -t, sessions \
                 are reported and nothing is verified.",
                if count == 1 { "file with this info-hash" } else { "files with these info-hashes" }
            ),
            ANALYZE,
            &with(ANY),
            needs,
        )),
        (known, _, count) => {
            steps.push(step(
                format!("Writes {} that the captures describe.", counted(known, "torrent")),
                "peerproof torrent --from",
                &["-o torrents".to_owned()],
                Vec::new(),
            ));
            steps.push(step(
                format!(
                    "Then put {} with these info-hashes into the directory as well.",
                    counted(count, "torrent file")
                ),
                ANALYZE,
                &with("-t torrents"),
                needs,
            ));
        }
    }
    let encrypted = encrypted(&inspection.opaque).len() as u64;
    if encrypted > 0 {
        let torrents = if given.is_empty() { vec![ANY.to_owned()] } else { given };
        steps.push(step(
            format!(
                "To read {}, supply the torrents and the Diffie-Hellman secrets of the connections, which only a \
                 client that took part can give (FILE: one in hex per line).",
                counted(encrypted, "encrypted conversation")
            ),
            ANALYZE,
            &[torrents, vec!["--mse-secrets FILE".to_owned()]].concat(),
            Vec::new(),
        ));
    }
    steps
}

/// The torrent files by what peers call what they describe; of several, the first.
fn by_hash(beside: &[TorrentBeside]) -> BTreeMap<[u8; 20], &str> {
    let mut files = BTreeMap::new();
    for (hash, file) in beside.iter().flat_map(|file| file.wire_hashes.iter().map(move |hash| (hash, file))) {
        files.entry(*hash).or_insert(file.path.as_str());
    }
    files
}

/// The torrent file that describes what peers call `swarm`.
fn file_of<'a>(swarm: &Swarm, files: &BTreeMap<[u8; 20], &'a str>) -> Option<&'a str> {
    files.get(swarm.info_hash.0.first_chunk::<20>()?).copied()
}

/// The options that give torrents by their files; where these are many, or cannot be typed, all that lie there.
fn options(files: &[&str]) -> Vec<String> {
    if files.len() > MOST_CAPTURES || files.iter().any(|file| cannot_be_typed(file)) {
        return vec![HERE.to_owned()];
    }
    files.iter().map(|file| format!("-t {}", shell_word(file))).collect()
}

fn words(before: &str, captures: &[String], behind: &[String]) -> Vec<String> {
    let mut out: Vec<String> = before.split(' ').map(str::to_owned).collect();
    // A name that no terminal shows as it is cannot be copied from there.
    let listed = captures.len() <= MOST_CAPTURES && !captures.iter().any(|name| cannot_be_typed(name));
    if listed {
        out.extend(captures.iter().map(|capture| shell_word(capture)));
    } else {
        out.push("CAPTURE...".to_owned());
    }
    out.extend(behind.iter().cloned());
    out
}

/// Returns true for a name that no line of a narrow terminal shows as it is.
fn cannot_be_typed(name: &str) -> bool {
    name.contains(is_unsafe) || (shell_word(name) != name && columns(name) > LONGEST_QUOTED)
}

// Rationale: a word between quotes is broken over no lines, and has to fit the narrowest page.
const LONGEST_QUOTED: usize = 48;
const ANALYZE: &str = "peerproof analyze";
const ANY: &str = "-t TORRENT";
const HERE: &str = "--torrents-here";
// Rationale: a ring buffer of a thousand files was named by a glob, and can be again.
const MOST_CAPTURES: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_captures_are_not_listed() {
        let captures: Vec<String> = (0..9).map(|n| format!("{n}.pcap")).collect();
        let expected = ["peerproof", "analyze", "CAPTURE...", "-t TORRENT"];
        assert_eq!(words(ANALYZE, &captures, &[ANY.to_owned()]), expected);
        assert_eq!(words(ANALYZE, &["\u{202e}".to_owned()], &[ANY.to_owned()]), expected);
    }

    #[test]
    fn torrents_are_given_by_their_files_while_these_can_be_typed() {
        assert_eq!(options(&["a.torrent", "my b.torrent"]), ["-t a.torrent", "-t 'my b.torrent'"]);
        assert_eq!(options(&["a"; 9]), [HERE]);
        assert_eq!(options(&["\u{202e}"]), [HERE]);
    }
}
