//! The report for people: the answer in short, what was read, who sent what to whom, findings in sentences, why not
//! higher, who was only named by others, and what the capture is worth.

mod edges;
mod findings;
pub(crate) mod grid;
mod hearsay;
mod peers;
mod quality;
mod short;

use std::collections::BTreeMap;

use grid::Dated;

use crate::ends::{InfoHash, Timestamp, Transport};
use crate::evidence::PortBasis;
use crate::report::text::{counted, duration, escaped, grouped, wrapped};
use crate::report::{Document, Frames, Input, PassedOver, Purpose, Subject};

/// The report as plain text of at most `width` columns where words allow it, with a newline at the end.
///
/// `width` below 40 is taken as 40.
pub fn terminal(document: &Document, width: usize) -> String {
    let mut page = Page { text: String::new(), width: width.max(40) };
    let dated = dated(document);
    if let Some(shown) = &document.shown {
        page.heading("A PART OF THE REPORT: whatever is said of nobody is said of the rows shown");
        page.line(&shown.sentence(document.subjects.len(), document.transfers.len(), document.mentions.len()));
    }
    short::write(document, &mut page);
    read(document, &mut page);
    peers::write(document, dated, &mut page);
    edges::write(document, dated, &mut page);
    findings::write(document, &mut page);
    hearsay::write(document, &mut page);
    quality::write(document, &mut page);
    page.text
}

/// Lines under headings.
pub(crate) struct Page {
    pub(crate) text: String,
    pub(crate) width: usize,
}

impl Page {
    /// Starts a section.
    pub(crate) fn heading(&mut self, title: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        // Deeper than a row stands: a name in a title may be long, and anything.
        self.text.push_str(&wrapped(title, self.width, 4));
        self.text.push('\n');
    }

    /// A sentence of its own, indented and wrapped.
    pub(crate) fn line(&mut self, sentence: &str) {
        self.text.push_str(&wrapped(&format!("  {sentence}"), self.width, 4));
        self.text.push('\n');
    }

    /// The SHA-256 of an input, where the page has room for it on one line.
    fn digest(&mut self, sha256: &str) {
        let line = format!("    sha256 {sha256}");
        if line.len() <= self.width {
            self.text.push_str(&line);
            self.text.push('\n');
        }
    }

    /// Text that is laid out already.
    pub(crate) fn block(&mut self, lines: &str) {
        for line in lines.lines() {
            self.text.push_str("  ");
            self.text.push_str(line.trim_end());
            self.text.push('\n');
        }
    }
}

fn read(document: &Document, page: &mut Page) {
    page.heading("READ");
    let mut torrents: usize = 0;
    let several = captures(document) > 1;
    for (index, input) in document.inputs.iter().enumerate() {
        let name = capture_name(document, index);
        match input {
            Input::Capture { format, bytes, frames, interfaces, sha256, .. } => {
                let mut links: Vec<_> = interfaces.iter().map(|interface| interface.link_type.as_str()).collect();
                links.sort_unstable();
                links.dedup();
                let links = if links.is_empty() { String::new() } else { format!(", {}", links.join(" and ")) };
                let number = if several { format!("{}, ", index + 1) } else { String::new() };
                page.line(&format!(
                    "capture {number}{name}: {}{links}, {}, {}",
                    escaped(format),
                    counted(*bytes, "byte"),
                    counted(*frames, "frame")
                ));
                page.digest(
                    &sha256.map_or_else(|| "not computed (--no-digest)".to_owned(), |hash| hash.to_string()),
                );
            }
            Input::Torrent { bytes, sha256, .. } => {
                torrents += 1;
                if torrents > MOST_NAMED {
                    continue;
                }
                page.line(&format!("torrent {name}: {}", counted(*bytes, "byte")));
                page.digest(&sha256.to_string());
            }
        }
    }
    passed_over(&document.passed_over).iter().for_each(|sentence| page.line(sentence));
    if let Some(more @ 1..) = torrents.checked_sub(MOST_NAMED) {
        page.line(&format!("and {} more, see `inputs` in report.json", counted(more as u64, "torrent file")));
    }
    let quality = &document.quality;
    if let (Some(first), Some(last)) = (quality.first_time, quality.last_time) {
        let length = quality.duration_ns.map(|length| format!(" ({})", duration(length))).unwrap_or_default();
        page.line(&format!(
            "time {} to {}{length}; all times are UTC, as the capture has them",
            clock(first),
            clock(last)
        ));
    }
    page.line(&format!(
        "flows {} TCP, {} uTP, {} UDP of any kind",
        grouped(quality.tcp_flows),
        grouped(quality.utp_flows),
        grouped(quality.udp_flows)
    ));
    page.line(&format!("by {} {}", document.tool.name, document.tool.version));
}

/// What was passed over in directories of captures and of torrents, as sentences without their full stops.
pub fn passed_over(others: &[PassedOver]) -> Vec<String> {
    Purpose::ALL.iter().filter_map(|purpose| passed_over_as(*purpose, others)).collect()
}

fn passed_over_as(purpose: Purpose, others: &[PassedOver]) -> Option<String> {
    let others: Vec<&PassedOver> = others.iter().filter(|other| other.given_as == purpose).collect();
    let named = others.iter().take(MOST_NAMED);
    let named: Vec<_> =
        named.map(|other| format!("{} ({})", escaped(&other.name), escaped(&other.found))).collect();
    let more = match others.len().checked_sub(MOST_NAMED) {
        Some(more @ 1..) => format!(" and {} more, see `passed_over` in the JSON", grouped(more as u64)),
        _ => String::new(),
    };
    (!others.is_empty()).then(|| format!("passed over as no {purpose}: {}{more}", named.join(", ")))
}

/// `2026-11-20 13:37:01.123` ; UTC.
pub(crate) fn clock(time: Timestamp) -> String {
    let rfc3339 = time.to_string();
    rfc3339.get(..23).unwrap_or(&rfc3339).replace('T', " ")
}

/// Whether the captures reach over midnight UTC, so that a time of day alone would be ambiguous.
fn dated(document: &Document) -> Dated {
    let day = |time: Option<Timestamp>| time.map(|time| time.0.div_euclid(86_400_000_000_000));
    let quality = &document.quality;
    if day(quality.first_time) == day(quality.last_time) { Dated::SameDay } else { Dated::Days }
}

/// A subject as the text calls it: the endpoint, and the transport unless it is TCP, as one port is often used by two;
/// and where nothing came from that port, which is only what it declared, that.
fn name(subject: &Subject) -> String {
    match port_basis(subject) {
        Some((basis, false)) => format!("{} {basis}", endpoint(subject)),
        _ => endpoint(subject),
    }
}

fn endpoint(subject: &Subject) -> String {
    match subject.transport {
        Transport::Tcp => subject.endpoint.to_string(),
        transport => format!("{} {}", subject.endpoint, transport.name()),
    }
}

/// `(port declared; sent from :55555)`, and whether packets came from the port of the endpoint too; `None` where all
/// did.
fn port_basis(subject: &Subject) -> Option<(String, bool)> {
    if subject.port_basis != PortBasis::Declared {
        return None;
    }
    let (own, others): (Vec<u16>, Vec<u16>) =
        subject.sent_from.iter().partition(|port| **port == subject.endpoint.port);
    let ports: Vec<_> = others.iter().take(MOST_PORTS).map(|port| format!(":{port}")).collect();
    let more = match others.len().checked_sub(MOST_PORTS) {
        Some(more @ 1..) => format!(" and {} more", grouped(more as u64)),
        _ => String::new(),
    };
    let how = if own.is_empty() { "port declared; sent from" } else { "port declared; also sent from" };
    Some((format!("({how} {}{more})", ports.join(", ")), !own.is_empty()))
}

/// The names of `subjects`, the first few of many; one that stands for several subjects is named once.
fn endpoints(subjects: &[&Subject]) -> String {
    listed(subjects, name)
}

/// The same, each by `name`.
fn listed(subjects: &[&Subject], name: fn(&Subject) -> String) -> String {
    let mut counts: Vec<(String, usize)> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for subject in subjects {
        let place = *places.entry(name(subject)).or_insert(counts.len());
        match counts.get_mut(place) {
            Some((_, count)) => *count += 1,
            None => counts.push((name(subject), 1)),
        }
    }
    let more = counts.len().saturating_sub(MOST_NAMED);
    let named: Vec<_> = counts
        .into_iter()
        .take(MOST_NAMED)
        .map(|(name, count)| match count {
            1 => name,
            _ => format!("{name} ({count} torrents or time windows)"),
        })
        .collect();
    match (more, named.split_last()) {
        (0, Some((last, []))) => last.clone(),
        (0, Some((last, others))) => format!("{} and {last}", others.join(", ")),
        _ => format!("{} and {} more", named.join(", "), grouped(more as u64)),
    }
}

/// `frame 12`, `frames 212-267`, with the capture's name when there are several.
fn frames_text(document: &Document, frames: Frames) -> String {
    let several = captures(document) > 1;
    let name = |file: u16| capture_name(document, usize::from(file));
    let of = if several { format!(" of {}", name(frames.file)) } else { String::new() };
    match frames.last_file {
        Some(last) => format!("frame {}{of} to frame {} of {}", frames.first, frames.last, name(last)),
        None if frames.first == frames.last => format!("frame {}{of}", frames.first),
        None => format!("frames {}-{}{of}", frames.first, frames.last),
    }
}

fn captures(document: &Document) -> usize {
    document.inputs.iter().filter(|input| matches!(input, Input::Capture { .. })).count()
}

/// The name of an input, with its index behind it where another input has the same name.
fn capture_name(document: &Document, index: usize) -> String {
    let Some(input) = document.inputs.get(index) else { return String::new() };
    let same = document.inputs.iter().filter(|other| other.name() == input.name()).count();
    if same > 1 { format!("{} [{index}]", escaped(input.name())) } else { escaped(input.name()) }
}

/// How a torrent is called in a sentence: its name in quotes, or its hash.
fn torrent_name(document: &Document, info_hash: Option<&InfoHash>) -> String {
    let Some(info_hash) = info_hash else { return "an unknown torrent".into() };
    let torrent = document.torrents.iter().find(|torrent| torrent.info_hash == *info_hash);
    match torrent.and_then(|torrent| torrent.name.as_deref()) {
        Some(name) => format!("\"{}\"", escaped(name)),
        None => format!("torrent {info_hash}, not given"),
    }
}

// Rationale: a list of more names hides the sentence around it; the tables have them all.
const MOST_NAMED: usize = 8;
// Rationale: as above; the transfers have them all.
const MOST_PORTS: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ends::Hex;
    use crate::report::fixture;

    #[test]
    fn the_report_says_who_sent_what_and_accuses_nobody_of_disputed_bytes() {
        let text = terminal(&fixture::document(), 120);
        let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in [
            "capture capture.pcapng: pcapng, ETHERNET, 9,673,285 bytes, 8,254 frames",
            "10.77.3.10:6881 served 53 whole pieces alone",
            "advertised in frame 12, requested in frame 200, served in frames 212-267",
            "65,536 bytes that 10.77.3.10:6881 sent differ from the torrent",
            "nobody is accused",
            "10.77.3.11:33009 sent no piece data",
            "10.77.3.10 stands for 2 peers of \"swarm",
            "no unit that it sent verified",
            "1,460",
        ] {
            assert!(flat.contains(part), "{part:?} is not in:\n{text}");
        }
    }

    #[test]
    fn a_declared_port_is_said_to_be_one_wherever_its_peer_is_named() {
        let mut document = fixture::document();
        let subject = &mut document.subjects[0];
        (subject.port_basis, subject.sent_from) = (PortBasis::Declared, [55_555].into());
        let flat = terminal(&document, 120).split_whitespace().collect::<Vec<_>>().join(" ");
        for part in [
            "by 1 peer: 10.77.3.10:6881 (port declared; sent from :55555).",
            "(port declared; sent from :55555) served",
        ] {
            assert!(flat.contains(part), "{part:?} is not in:\n{flat}");
        }
        document.subjects[0].sent_from = [2, 3, 4, 5, 6_881].into();
        let (basis, own) = port_basis(&document.subjects[0]).expect("the port is declared");
        assert_eq!((basis.as_str(), own), ("(port declared; also sent from :2, :3, :4 and 1 more)", true));
    }

    #[test]
    fn leaves_are_not_taken_for_whole_pieces() {
        let mut document = fixture::document();
        document.subjects[0].pieces_verified = document.subjects[0].pieces_sole + 1;
        let sentence =
            |document: &Document| terminal(document, 120).split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(!sentence(&document).contains("leaves"), "v1 has none");
        document.torrents[0].info_hash_v2 = Some(Hex([0; 32]));
        assert!(sentence(&document).contains("served 53 whole pieces and leaves of others alone"));
    }

    #[test]
    fn no_word_accuses_and_no_control_character_survives() {
        let text = terminal(&fixture::document(), 120);
        for word in ["downloader", "uploader", "sharer", "infring", "pirate", "guilty", "person "] {
            assert!(!text.to_lowercase().contains(word), "{word}");
        }
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()));
    }

    #[test]
    fn it_fits_wide_and_narrow_terminals() {
        for width in [60, 80, 120, 160] {
            let text = terminal(&fixture::document(), width);
            let widest = text.lines().map(|line| line.chars().count()).max();
            assert!(widest <= Some(width), "{width}: {widest:?}\n{text}");
        }
    }

    #[test]
    fn figures_are_never_broken_over_lines() {
        for width in [80, 120] {
            let text = terminal(&fixture::document(), width);
            assert!(text.lines().any(|line| line.contains("3,538,944") && line.contains("G8+GX")), "{text}");
        }
    }

    #[test]
    fn figures_too_wide_for_a_table_are_listed_instead() {
        let mut document = fixture::document();
        document.subjects[0].bytes.served = u64::MAX;
        document.subjects[0].endpoint =
            "[2001:db8:1111:2222:3333:4444:5555:6666]:65535".parse().expect("an endpoint");
        let text = terminal(&document, 100);
        assert!(text.contains("served 18,446,744,073,709,551,615"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    }

    #[test]
    fn captures_with_nothing_but_encrypted_conversations_say_so() {
        let mut document = fixture::empty_document();
        document.opaque.push(fixture::opaque());
        let text = terminal(&document, 120);
        let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains("nothing can be said of"), "{text}");
        assert!(text.contains("1,000 bytes there, 20 bytes back, frames 1-900"), "{text}");
    }

    #[test]
    fn an_empty_report_says_why_it_is_empty() {
        let text = terminal(&fixture::empty_document(), 120);
        assert!(text.contains("no BitTorrent"), "{text}");
    }
}
