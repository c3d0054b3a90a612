//! The codes of the table in plain words: verdicts, statuses, reasons and flags.

use crate::report::{explained, wrapped};

/// The meaning of a code as a clause; `None` where there is no such code.
pub(super) fn meaning(code: &str) -> Option<&'static str> {
    let mut all = GROUPS.iter().flat_map(|(_, codes)| *codes);
    all.find(|(known, _)| *known == code).map(|(_, meaning)| *meaning)
}

/// Every code, as text of at most `width` columns with a newline at the end.
pub fn vocabulary(width: usize) -> String {
    let groups = GROUPS.iter().map(|(title, codes)| {
        let codes: String = codes.iter().map(|(code, meaning)| sentence(code, meaning, width)).collect();
        format!("{}\n{codes}", wrapped(title, width, 4))
    });
    groups.collect::<Vec<_>>().join("\n")
}

/// One code in the same form, whatever the case of its letters; `None` where it is none.
pub fn code(word: &str, width: usize) -> Option<String> {
    let code = word.to_ascii_lowercase();
    meaning(&code).map(|meaning| sentence(&format!("{code}, of audit"), meaning, width))
}

fn sentence(code: &str, meaning: &str, width: usize) -> String {
    let mut letters = meaning.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    explained(code, &format!("{first}{}.", letters.as_str()), width)
}

type Group = (&'static str, &'static [(&'static str, &'static str)]);

const GROUPS: [Group; 4] = [
    ("VERDICTS OF audit, AND WHERE IT HAS NONE", VERDICTS),
    ("REASONS OF audit", REASONS),
    ("FLAGS OF audit  (none changes a verdict)", FLAGS),
    ("WHY audit COULD NOT JUDGE A NOTICE OR A ROW", REFUSALS),
];

const VERDICTS: &[(&str, &str)] = &[
    ("supported", "the captures show the act at the stated time, give or take --tolerance (30s)"),
    ("supported-in-part", "the captures show a part of the act, or not just as stated"),
    ("contradicted", "the captures hold all that would show it, and show otherwise"),
    (
        "not-at-stated-time",
        "the captures show the address in the torrent at another time, and not the act at the stated one",
    ),
    ("outside-capture", "the captures cannot have seen it, and say nothing about it"),
    ("not-decidable", "the captures tell neither way"),
    ("unusable", "a notice or row that could not be read, so it was not judged"),
    ("withdrawn", "its sender took the notice back, so it was not judged"),
    ("not-a-notice", "something else than a notice of infringement, so it was not judged"),
];

const REASONS: &[(&str, &str)] = &[
    ("only-announced", "it announced itself, and no connection with a peer is shown"),
    ("only-reachable", "something answered there, and nothing shows the torrent"),
    ("only-advertised", "it said that it had pieces, and sent none"),
    ("only-refuted", "what it sent as pieces differs from the torrent; that shows no intent"),
    ("only-metadata", "it sent the description of the torrent, which is not the content"),
    ("unverified", "bytes labelled as pieces, which nothing shows to be the torrent's"),
    ("other-time-in-session", "in a connection that lasted over the stated time, but earlier or later in it"),
    ("other-stated-time", "at another of the times that the notice states"),
    ("other-port", "at another port of the address than the stated one"),
    ("other-protocol", "as a web server, over HTTP"),
    ("several-clients", "connections of the address state different listen ports: one program or several"),
    ("title-only", "by title and size, without a hash: another work can bear the same name"),
    ("encrypted", "connections of the address then are encrypted"),
    ("one-sided", "packets in one direction only were captured"),
    ("gap-in-range", "parts of the connections are missing from the captures"),
    ("truncated-snaplen", "the captures kept only the beginning of packets"),
    ("overlap-conflict", "the captures hold two versions of what was sent"),
    ("clock-step", "the clock of the capture was set at that time"),
    ("bound-reached", "a bound of this program was reached, so not everything was read"),
    ("time-not-covered", "the captures did not run at the stated time"),
    ("address-never-seen", "the captures hold no packet from the address"),
    ("only-named", "others named the address, and no packet from it is there"),
    ("behind-translation", "without a port nobody can tell which inside address it was"),
    ("session-shows-otherwise", "the whole connection is there, and does not hold the act"),
    ("no-trace", "all traffic of the address then is there, and no connection for the torrent"),
    ("whole-session-without-piece", "a whole connection is there, without a piece sent as the notice says"),
    ("vantage-unknown", "the captures may hold only a part of the address' traffic"),
    ("window-partly-covered", "the captures ran for a part of the stated time, give or take"),
    ("hash-kind-ambiguous", "the hash may be that of a file, which BitTorrent does not carry"),
    ("torrent-not-given", "the torrent file was not given (-t FILE), so nothing can be verified"),
    ("no-zone", "the stated time has no time zone (--zone ZONE)"),
    ("ambiguous-time", "the stated time has two readings, with different answers"),
    ("no-hash", "no hash was read by which the torrent could be told"),
];

const FLAGS: &[(&str, &str)] = &[
    ("refuted-bytes", "blocks that it sent differ from the torrent; that shows no intent"),
    ("return-path-unconfirmed", "nothing shows that the address received an answer: it may be forged"),
    ("no-port", "the notice states no port"),
    ("amount-differs", "the notice states another number of bytes than the captures hold"),
    ("carrier-nat", "many lines share the address: without a port nobody can be found"),
    ("private-address", "an address that is valid inside a network only"),
    ("alias", "an inside address stands for the stated one, on the word of the user or of the notice"),
    ("other-transport", "the captures show it over another transport (TCP, UDP) than the notice states"),
    ("relay", "the address is on the given list of relays"),
    ("signed", "the notice carries a signature, which was not checked"),
    ("guessed-encoding", "the notice does not say how its letters are encoded"),
    ("copies-differ", "copies of the notice differ from one another"),
    ("zone-assumed", "the zone of the time was given with --zone"),
    ("zone-ambiguous", "the zone's letters have several meanings, and count as none"),
];

const REFUSALS: &[(&str, &str)] = &[
    ("no-address", "it states no address"),
    ("no-time", "it states no time"),
    ("bad-address", "its address is none, or none of one host"),
    ("bad-port", "its port does not exist"),
    ("bad-hash", "its hash has a length or a letter that no hash has"),
    ("impossible-time", "its time does not exist or cannot be read"),
    ("xml-doctype", "it has a DOCTYPE, and nothing of it was read"),
    ("xml-limit", "its XML is deeper or longer than that of a notice"),
    ("bad-xml", "its XML cannot be read to its end"),
    ("mime-too-deep", "its mails are nested deeper than in a notice"),
    ("mime-limit", "it has more parts or longer headers than a notice"),
    ("bad-part", "a part of the mail cannot be decoded"),
    ("bad-row", "the row does not fit its header"),
    ("no-fields", "no field of a notice was found in it, such as ip, port, time, infohash"),
    ("bad-json", "its JSON cannot be read"),
    ("json-limit", "its JSON is nested deeper than in a notice"),
    ("duplicate-key", "it states one field twice"),
    ("too-large", "it is longer than a notice may be"),
    ("packed", "it is packed: unpack it first"),
    ("retraction", "the notice takes an earlier one back"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Codes that a source file writes beside variants: `Self::NoHash => "no-hash"`.
    fn codes(source: &'static str, from: &str) -> Vec<&'static str> {
        let Some((_, rest)) = source.split_once(from) else { return Vec::new() };
        let body = rest.split("\n}\n").next().unwrap_or_default();
        let arms = body.lines().filter(|line| line.contains("=> \""));
        arms.filter_map(|line| line.split('"').nth(1)).collect()
    }

    #[test]
    fn every_code_has_its_words_once() {
        let verdict = include_str!("verdict.rs");
        let all = [
            codes(verdict, "impl Verdict {"),
            codes(verdict, "impl Reason {"),
            codes(include_str!("decide.rs"), "impl Flag {"),
            codes(include_str!("claim.rs"), "impl Refusal {"),
            codes(include_str!("document/build.rs"), "let id = match flag {"),
        ];
        let least = [6, 34, 9, 21, 5];
        for (codes, least) in all.iter().zip(least) {
            assert!(codes.len() >= least, "{codes:?}");
            assert!(codes.iter().all(|code| meaning(code).is_some()), "{codes:?}");
        }
        let lists = || GROUPS.iter().flat_map(|(_, codes)| *codes);
        let once: BTreeSet<&str> = lists().map(|(code, _)| *code).collect();
        assert_eq!(once.len(), lists().count());
        let said: String = lists().map(|(_, meaning)| *meaning).collect();
        assert!(["guilty", "infringer", "pirate"].iter().all(|word| !said.contains(word)));
    }

    #[test]
    fn codes_are_explained_at_any_width() {
        for width in [60, 80, 200] {
            assert!(vocabulary(width).lines().all(|line| line.len() <= width));
        }
        assert_eq!(
            code("NO-ZONE", 80).as_deref(),
            Some("  no-zone, of audit\n      The stated time has no time zone (--zone ZONE).\n")
        );
        assert_eq!(code("served", 80), None);
    }
}
