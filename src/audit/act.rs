//! The act that a notice claims, in the words that notices use.

use super::claim::Act;

/// The acts that `text` names, the gravest first, with the words of the first of them.
pub(super) fn acts_in(text: &str) -> (Vec<Act>, String) {
    let lower = text.to_lowercase();
    let words: Vec<(usize, &str)> = split(&lower);
    let mut found: Vec<(Act, &str)> = Vec::new();
    for (index, (_, word)) in words.iter().enumerate() {
        let next = |ahead: usize| words.get(index + ahead).map_or("", |(_, word)| *word);
        let before = index.checked_sub(1).and_then(|index| words.get(index)).map_or("", |(_, word)| *word);
        let act = match *word {
            // The name of a protocol family, and of what was shared, is no act.
            "sharing" | "partage"
                if matches!(before, "file" | "peer" | "p2p") && !is_aux(words.get(index.wrapping_sub(2))) =>
            {
                None
            }
            word if UPLOADED.iter().any(|stem| word.starts_with(stem)) && !UNRELATED.contains(&word) => {
                Some(Act::Uploaded)
            }
            "offered" | "offering" | "offers" | "offer" | "angeboten" | "anbietet" | "anbieten" => {
                Some(Act::Offered)
            }
            "made" | "make" | "making" | "makes" if (1..=MOST_BETWEEN).any(|ahead| next(ahead) == "available") => {
                Some(Act::Offered)
            }
            "mise" | "mis" | "mettre" if (1..=3).any(|ahead| next(ahead) == "disposition") => Some(Act::Offered),
            "zugänglich" | "bereitgestellt" | "verfügbar" => Some(Act::Offered),
            word if DOWNLOADED.contains(&word) => Some(Act::Downloaded),
            "connected" | "participated" | "participating" | "participates" | "joined" | "joining"
            | "teilgenommen" => Some(Act::Joined),
            "swarm" if matches!(before, "the" | "a" | "torrent" | "bittorrent") => Some(Act::Joined),
            "named" | "listed" | "gelistet" => Some(Act::Named),
            "list" if before == "peer" => Some(Act::Named),
            _ => None,
        };
        if let Some(act) = act.filter(|_| !is_denied(&lower, &words, index)) {
            found.push((act, sentence(text, &lower, words.get(index).map_or(0, |(at, _)| *at))));
        }
    }
    let words = found.iter().min_by_key(|(act, _)| *act).map(|(_, words)| (*words).to_owned()).unwrap_or_default();
    let mut acts: Vec<Act> = found.into_iter().map(|(act, _)| act).collect();
    acts.sort_unstable();
    acts.dedup();
    (acts, words)
}

/// A field that holds an act: its word itself, or words as in a text.
pub(super) fn acts_of_field(value: &str) -> (Vec<Act>, String) {
    let plain = value.trim().to_lowercase();
    let named = [Act::Uploaded, Act::Offered, Act::Downloaded, Act::Joined, Act::Named, Act::Unknown]
        .into_iter()
        .find(|act| act.name() == plain);
    let short = named.or(match plain.as_str() {
        "upload" | "seed" | "seeder" | "distribution" | "share" => Some(Act::Uploaded),
        "offer" => Some(Act::Offered),
        "download" | "leech" | "leecher" => Some(Act::Downloaded),
        "join" | "peer" => Some(Act::Joined),
        _ => None,
    });
    match short {
        Some(act) => (vec![act], value.trim().to_owned()),
        None => acts_in(value),
    }
}

/// Returns true if a word right before the one at `index`, in the same sentence, denies it.
fn is_denied(lower: &str, words: &[(usize, &str)], index: usize) -> bool {
    let at = |index: usize| words.get(index).map_or(0, |(at, _)| *at);
    (1..=NEGATION_REACH).filter_map(|back| index.checked_sub(back)).any(|before| {
        let apart = lower.get(at(before)..at(index)).unwrap_or_default();
        words.get(before).is_some_and(|(_, word)| NEGATIONS.contains(word))
            && !["\n", ";", ". ", "only", "nur"].iter().any(|end| apart.contains(end))
    })
}

fn is_aux(word: Option<&(usize, &str)>) -> bool {
    word.is_some_and(|(_, word)| matches!(*word, "was" | "were" | "been" | "is" | "are" | "be"))
}

/// The words of a text with their places, as letters stand together.
fn split(text: &str) -> Vec<(usize, &str)> {
    let mut words = Vec::new();
    let mut begin = None;
    for (at, c) in text.char_indices() {
        match (c.is_alphanumeric(), begin) {
            (true, None) => begin = Some(at),
            (false, Some(from)) => {
                words.push((from, text.get(from..at).unwrap_or_default()));
                begin = None;
            }
            _ => {}
        }
    }
    words.extend(begin.map(|from| (from, text.get(from..).unwrap_or_default())));
    words
}

/// The line around a word, cut.
fn sentence<'t>(text: &'t str, lower: &str, at: usize) -> &'t str {
    // Lower case may have other lengths; then the whole text stands for the sentence.
    let at = if text.len() == lower.len() { at } else { 0 };
    let at = if text.is_char_boundary(at) { at } else { 0 };
    let bytes = text.as_bytes();
    // A point within an address or a number ends no sentence.
    let ends = |at: usize| {
        let next = bytes.get(at + 1).copied();
        match bytes.get(at) {
            Some(b'\n' | b';') => true,
            Some(b'.') => next.is_none_or(|next| next.is_ascii_whitespace()),
            _ => false,
        }
    };
    let begin = (0..at).rev().find(|at| ends(*at)).map_or(0, |begin| begin + 1);
    let end = (at..text.len()).find(|at| ends(*at)).unwrap_or(text.len());
    text.get(begin..end).unwrap_or(text).trim()
}

const UPLOADED: [&str; 13] = [
    "upload",
    "distribut",
    "sharing",
    "shared",
    "shares",
    "transferr",
    "transferring",
    "seeding",
    "seeded",
    "hochgeladen",
    "hochladen",
    "verbreite",
    "partagé",
];
/// Words that begin alike and are no act.
const UNRELATED: [&str; 6] =
    ["uploader", "uploaders", "distributor", "distributors", "distributer", "transferred to"];
/// Words that deny the act behind them.
const NEGATIONS: [&str; 5] = ["not", "never", "nor", "nicht", "nie"];
// Rationale: "has not been uploading"; what nobody was "not authorised to distribute" may have been distributed.
const NEGATION_REACH: usize = 2;
const DOWNLOADED: [&str; 11] = [
    "leeching",
    "leeched",
    "downloading",
    "downloaded",
    "downloads",
    "obtaining",
    "obtained",
    "copying",
    "copied",
    "heruntergeladen",
    "téléchargé",
];
// Rationale: "made the file named below available".
const MOST_BETWEEN: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_notices_name_acts_and_the_gravest_comes_first() {
        for (text, acts) in [
            ("The user was uploading the work.", &[Act::Uploaded][..]),
            ("has been distributing a video file", &[Act::Uploaded]),
            ("wurde das Werk zum Download angeboten", &[Act::Offered]),
            ("Das Werk wurde hochgeladen.", &[Act::Uploaded]),
            ("An address of your network made a file available", &[Act::Offered]),
            ("mise à disposition d'une œuvre", &[Act::Offered]),
            ("was downloading and uploading it", &[Act::Uploaded, Act::Downloaded]),
            ("was seen in the swarm", &[Act::Joined]),
            ("your address was listed", &[Act::Named]),
            ("a notice of copyright infringement by file sharing software", &[]),
            ("a copy of this notice was sent to the uploader", &[]),
            ("The address did not upload anything.", &[]),
            ("did not upload; only downloaded", &[Act::Downloaded]),
            ("It was not authorised. It was uploading it.", &[Act::Uploaded]),
            ("has not only uploaded it", &[Act::Uploaded]),
            ("was not authorised to distribute it", &[Act::Uploaded]),
            ("was leeching", &[Act::Downloaded]),
        ] {
            assert_eq!(acts_in(text).0, acts, "{text}");
        }
    }

    #[test]
    fn the_point_of_an_address_ends_no_sentence() {
        let text = "Seen. The host 203.0.113.2 shared it at 10.5 s. Ende";
        assert_eq!(acts_in(text).1, "The host 203.0.113.2 shared it at 10.5 s");
    }

    #[test]
    fn words_of_several_bytes_and_of_another_length_in_lower_case_are_no_panic() {
        assert_eq!(acts_in("Größe 3 €; œuvre téléchargé—ÿ. Ende").1, "œuvre téléchargé—ÿ");
        // İ is longer in lower case, and Ⱥ too, while ẞ is shorter: the whole text begins the sentence.
        for text in ["İİ uploaded İ", "ẞ€ uploaded", "Ⱥ uploaded ẞ", "ẞİ€ uploaded—"] {
            assert_eq!(acts_in(text), (vec![Act::Uploaded], text.to_owned()));
        }
    }
}
