//! The report as a timeline: one event a line, as JSON, sorted by time; Timesketch reads it (`message`, `datetime`,
//! `timestamp_desc`).

use serde::Serialize;

use crate::ends::Frames;
use crate::ends::Transport;
use crate::report::model::{Document, Input};
use crate::report::text::{counted, visible};

/// An event.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Event<'d> {
    datetime: &'d str,
    message: String,
    timestamp_desc: &'static str,
    data_type: &'static str,
    /// Whose event it is.
    endpoint: &'d str,
    /// Who else took part: the receiver, or who named the address.
    #[serde(skip_serializing_if = "Option::is_none")]
    other: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transport: Option<Transport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    info_hash: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grade: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    served_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verified_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refuted_bytes: Option<u64>,
    /// The input that holds its frames.
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<&'d str>,
    first_frame: u64,
    last_frame: u64,
}

/// The timeline, a line for each event: rungs of each subject as they begin and as they are complete, transfers with
/// piece data as they begin and end, mentions as they are first and last seen.
///
/// # Errors
/// Whatever `serde_json` reports; a report as built holds nothing that it refuses.
pub fn timeline(document: &crate::report::Document) -> Result<String, serde_json::Error> {
    let document = &Document::of(document)?;
    let mut events = rungs(document);
    events.extend(transfers(document));
    events.extend(mentions(document));
    events.sort();
    let mut out = String::new();
    for event in &events {
        // On one line, and nothing that a terminal acts on.
        out.push_str(&visible(&serde_json::to_string(event)?));
        out.push('\n');
    }
    Ok(out)
}

fn blank<'d>(document: &'d Document, datetime: &'d str, endpoint: &'d str, frames: Frames) -> Event<'d> {
    Event {
        datetime,
        message: String::new(),
        timestamp_desc: "",
        data_type: "",
        endpoint,
        other: None,
        transport: None,
        info_hash: None,
        grade: None,
        served_bytes: None,
        verified_bytes: None,
        refuted_bytes: None,
        input: document.inputs.get(usize::from(frames.file)).map(Input::name),
        first_frame: frames.first,
        last_frame: frames.last,
    }
}

fn rungs(document: &Document) -> Vec<Event<'_>> {
    let mut events = Vec::new();
    for subject in &document.subjects {
        for rung in &subject.rungs {
            let event = Event {
                message: format!("{}: {} {}", subject.endpoint, rung.grade.name(), rung.grade.meaning()),
                data_type: "peerproof:rung",
                transport: Some(subject.transport),
                info_hash: subject.info_hash.as_deref(),
                grade: Some(rung.grade.name()),
                ..blank(document, &rung.time, &subject.endpoint, rung.frames)
            };
            if let Some(reached) = &rung.reached {
                events.push(Event { datetime: reached, timestamp_desc: "rung complete", ..event.clone() });
            }
            events.push(Event { timestamp_desc: "rung begins", ..event });
        }
    }
    events
}

fn transfers(document: &Document) -> Vec<Event<'_>> {
    let mut events = Vec::new();
    for transfer in document.transfers.iter().filter(|transfer| transfer.bytes.served_bytes > 0) {
        let event = Event {
            message: format!(
                "{} to {}: {} served, {} verified",
                transfer.uploader,
                transfer.downloader,
                counted(transfer.bytes.served_bytes, "byte"),
                transfer.bytes.verified_bytes
            ),
            data_type: "peerproof:transfer",
            other: Some(&transfer.downloader),
            transport: Some(transfer.transport),
            info_hash: transfer.info_hash.as_deref(),
            grade: Some(transfer.grade.name()),
            served_bytes: Some(transfer.bytes.served_bytes),
            verified_bytes: Some(transfer.bytes.verified_bytes),
            refuted_bytes: Some(transfer.bytes.refuted_bytes),
            ..blank(document, &transfer.first_time, &transfer.uploader, transfer.frames)
        };
        events.push(Event {
            datetime: &transfer.last_time,
            timestamp_desc: "last packet of the transfer",
            ..event.clone()
        });
        events.push(Event { timestamp_desc: "first packet of the transfer", ..event });
    }
    events
}

fn mentions(document: &Document) -> Vec<Event<'_>> {
    let mut events = Vec::new();
    for mention in &document.mentions {
        let event = Event {
            message: format!(
                "{}: {} by {} ({}); hearsay, which shows no content",
                mention.subject,
                if mention.by == mention.subject { "announced" } else { "named" },
                mention.by,
                mention.via.name()
            ),
            data_type: "peerproof:mention",
            other: Some(&mention.by),
            info_hash: mention.info_hash.as_deref(),
            grade: Some(mention.grade.name()),
            ..blank(document, &mention.first_time, &mention.subject, mention.frames)
        };
        if mention.last_time != mention.first_time {
            events.push(Event { datetime: &mention.last_time, timestamp_desc: "last named", ..event.clone() });
        }
        events.push(Event { timestamp_desc: "first named", ..event });
    }
    events
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn every_line_has_what_timesketch_asks_for_in_order_of_time() {
        let text = timeline(&fixture::document()).expect("JSON");
        let mut before = String::new();
        for line in text.lines() {
            let event: serde_json::Value = serde_json::from_str(line).expect("JSON");
            let field = |name: &str| event[name].as_str().unwrap_or_else(|| panic!("{name}: {line}")).to_owned();
            assert!(!field("message").is_empty() && !field("timestamp_desc").is_empty());
            assert!(field("datetime") >= before, "{line}");
            before = field("datetime");
        }
        assert!(text.lines().count() >= 5);
    }
}
