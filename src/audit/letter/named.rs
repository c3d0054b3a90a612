//! Who named the address of a claim: others, or itself.

use crate::audit::document::MentionRow;

/// `It announced itself`, or who named the address: a list that came from another port of it names it all the same.
pub(super) fn who(mention: &MentionRow, address: Option<&str>) -> String {
    let is_own = mention.grade != "G0" && address.is_some_and(|own| is_of(&mention.by, own));
    if is_own { "It announced itself".to_owned() } else { format!("{} named it", mention.by) }
}

/// Returns true if `endpoint` is an address and port of `address`.
fn is_of(endpoint: &str, address: &str) -> bool {
    endpoint.rsplit_once(':').is_some_and(|(ip, _)| ip.trim_matches(['[', ']']) == address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ends::Frames;

    #[test]
    fn a_tracker_at_the_address_names_it_and_its_own_announce_is_its_own() {
        let mention = |by: &str, via, grade| MentionRow {
            by: by.to_owned(),
            via,
            grade,
            count: 3,
            first_time: String::new(),
            last_time: String::new(),
            frames: Frames { file: 0, first: 940, last: 940, last_file: None },
        };
        let own = Some("198.51.100.3");
        let tracker = mention("198.51.100.3:6969", "http-tracker", "G0");
        assert_eq!(who(&tracker, own), "198.51.100.3:6969 named it");
        assert_eq!(who(&mention("198.51.100.3:40000", "http-announce", "G1b"), own), "It announced itself");
        assert_eq!(who(&mention("[2001:db8::1]:6881", "dht", "G1a"), Some("2001:db8::1")), "It announced itself");
        assert_eq!(who(&mention("198.51.100.4:6881", "dht", "G1a"), own), "198.51.100.4:6881 named it");
    }
}
