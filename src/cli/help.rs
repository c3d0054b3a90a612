//! Help, laid out by hand: a screen for the program, and one for each command that has many options. `--help` of a command
//! has every option with its default.

use std::ffi::OsString;

/// The program in a line.
pub const ABOUT: &str = "Verifies which BitTorrent pieces each peer really served, from packet captures";

/// `peerproof --help`.
pub const ALL: &str = concat!(
    "peerproof ",
    env!("CARGO_PKG_VERSION"),
    ": which BitTorrent pieces did each peer serve, by the packets?
Works offline, contacts nobody. A peer is an address and port, never a person.

Usage: peerproof COMMAND ...       peerproof CAPTURE... inspects

Look    inspect  what captures hold, what to run next
        analyze  what each peer served, verified against torrents
        report   a case again, without its captures; one peer; other formats
        torrent  what torrent files say; rebuild them from captures
        content  the files of a torrent, as far as they were verified
        clear    every BitTorrent stream as plain TCP, for other tools
Answer  audit    does the capture support this notice?
Prove   verify   what was served, judged again
        cut      the smallest capture that proves the same of a peer
        check    captures against what is expected of them, for a client's CI
More    facts (for many captures)  reveal  schema  words  completions  man

All take  --color WHEN  -q  -v  -h  -V; those with other forms or files: -f, -o

Exit    0 as asked  1 a check failed  2 could not run  3 damage, or a bound
        130, 143 stopped by a signal; each but 0 ends with a line that says why

Examples
  peerproof capture.pcapng
  peerproof analyze capture.pcapng -t file.torrent -o case/
  peerproof report case/ --peer 203.0.113.2:6881

Grades from G0 (only named by others) to G9 (a whole file, every byte verified),
each with the frames that show it: peerproof words. Of a command: COMMAND -h"
);

/// The screen of `COMMAND -h`, where `arguments` ask for one that there is.
pub fn short(arguments: &[OsString]) -> Option<String> {
    let mut words = arguments.iter().skip(1).map(|word| word.to_string_lossy());
    let command = words.next()?;
    let is_short = words.any(|word| word == "-h");
    let (name, text) = SHORT.iter().find(|(name, _)| *name == command).filter(|_| is_short)?;
    Some(format!("{text}\nAll options, with defaults and limits: peerproof {name} --help\n"))
}

const SHORT: &[(&str, &str)] = &[
    (
        "analyze",
        "\
Usage: peerproof analyze CAPTURE... [-t FILE]...           (in any order)

  -t FILE            torrent, directory, magnet link, info-hash; repeat for more
  --torrents-here    the torrents that lie beside the captures
  -o DIR             a case: page, text, tables, manifest
  -f FORMAT          text html json jsonl case dot graphml; csv, with --table
  --peer ADDR[:PORT] one peer; also --from TIME, --to TIME
  --top N            rows of a table, 20, or 0 for all; --sort COL
  --tz ZONE          local times beside UTC
  --mse-secrets FILE reads encrypted connections
  --pseudonymize KEY addresses, peer_ids and clients as pseudonyms of a key
  -q, -v             the answer alone; everything
",
    ),
    (
        "report",
        "\
Usage: peerproof report CASE                    (a directory, or a report.json)

  -o DIR             a case
  -f FORMAT          text html json jsonl case dot graphml; csv, with --table
  --peer ADDR[:PORT] one peer; also --from TIME, --to TIME
  --top N            rows of a table, 20, or 0 for all; --sort COL
  --tz ZONE          local times beside UTC
  --pseudonymize KEY addresses, peer_ids and clients as pseudonyms of a key
  -q, -v             the answer alone; everything
",
    ),
    (
        "inspect",
        "\
Usage: peerproof CAPTURE...                 (or: peerproof inspect CAPTURE...)

  -f FORMAT          text json
  -q, -v             the answer and what is next alone; everything
",
    ),
    (
        "audit",
        "\
Usage: peerproof audit NOTICE... --capture CAPTURE... [-t FILE]...
       peerproof audit NOTICE... --case CASE

  -t FILE            torrent, directory, magnet link, info-hash; repeat for more
  -o DIR             audit.json, audit.txt and a letter for each claim
  -f FORMAT          text json markdown html
  --tolerance TIME   how far a stated time may be off, 30s
  --zone ZONE        of times that state none
  --covers ADDR      whose traffic passed the captures as a whole
  --strict           exit with 1 unless every claim is supported
",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_fits_80_columns_and_every_option_is_one() {
        for text in SHORT.iter().map(|(_, text)| *text).chain([ALL]) {
            assert!(text.is_ascii() && text.lines().all(|line| line.len() <= 80), "{text}");
        }
        for (name, text) in SHORT {
            let program = crate::cli::program();
            let command = program.find_subcommand(name).expect("a command");
            let options: Vec<String> =
                command.get_arguments().filter_map(|option| Some(format!("--{}", option.get_long()?))).collect();
            for word in text.split_whitespace().filter(|word| word.starts_with("--")) {
                let word = word.trim_end_matches([',', ';']);
                assert!(options.iter().any(|option| option == word), "{name}: {word}");
            }
        }
        for command in crate::cli::program().get_subcommands() {
            assert!(ALL.contains(command.get_name()), "{}", command.get_name());
        }
    }
}
