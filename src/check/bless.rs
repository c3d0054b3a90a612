//! A first expectation, to be reviewed: what a report has, without ports, times and frames.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::expectation::Settings;
use super::files_of;
use crate::evidence::{Bytes, Place};
use crate::report::{Document, Subject};

/// The text of an `expect.toml` that `report` fulfils, whose captures are read under `settings`.
pub fn first(report: &Document, settings: &Settings) -> String {
    let mut out = HEAD.to_owned();
    options(&mut out, settings);
    for subject in &report.subjects {
        of_subject(&mut out, report, subject);
    }
    for torrent in &report.torrents {
        out.push_str("\n[[torrent]]\n");
        line(&mut out, "info_hash", &quoted(&torrent.info_hash.to_string()));
        line(&mut out, "pieces_verified", &torrent.pieces_verified.to_string());
        line(&mut out, "unique_bytes", &torrent.unique.to_string());
        figures(&mut out, &torrent.bytes);
    }
    out.push_str("\n[anomalies]\n");
    for anomaly in &report.anomalies {
        line(&mut out, anomaly.kind.name(), &anomaly.count.to_string());
    }
    line(&mut out, super::expectation::OTHERS, "0");
    out.push_str("\n[opaque]\n");
    line(&mut out, "rows", &report.opaque.len().to_string());
    out.push_str("\n[mentions]\n");
    line(&mut out, "rows", &report.mentions.len().to_string());
    let addresses: BTreeSet<_> = report.mentions.iter().map(|mention| mention.subject.ip).collect();
    line(&mut out, "addresses", &addresses.len().to_string());
    out
}

fn options(out: &mut String, settings: &Settings) {
    // Taken apart in full, so that a new option cannot be forgotten here.
    let Settings { captures, torrents, checksums, tunnels, mse_secrets, max_rows } = settings;
    if *settings == Settings::default() {
        return;
    }
    out.push_str("\n[options]\n");
    for (key, list) in [("captures", captures), ("torrents", torrents), ("tunnels", tunnels)] {
        if !list.is_empty() {
            let all: Vec<String> = list.iter().map(|text| quoted(text)).collect();
            line(out, key, &format!("[{}]", all.join(", ")));
        }
    }
    if *checksums != Settings::default().checksums {
        line(out, "checksums", &quoted(checksums.name()));
    }
    if let Some(file) = mse_secrets {
        line(out, "mse_secrets", &quoted(file));
    }
    if let Some(rows) = max_rows {
        line(out, "max_rows", &rows.to_string());
    }
}

fn of_subject(out: &mut String, report: &Document, subject: &Subject) {
    out.push_str("\n[[subject]]\n");
    match subject.clients.first() {
        // A pattern of the client's own letters.
        Some(client) => line(out, "client", &quoted(&glob::Pattern::escape(client))),
        None => line(out, "address", &quoted(&subject.endpoint.ip.to_string())),
    }
    line(out, "transport", &quoted(subject.transport.name()));
    line(out, "grade", &quoted(subject.grade.name()));
    line(out, "standard", &subject.actionable.to_string());
    figures(out, &subject.bytes);
    if subject.bytes.served > 0 {
        let (complete, all) = files_of(report, subject);
        let complete = complete.len();
        line(out, "files", &if complete == all && all > 0 { quoted("all") } else { complete.to_string() });
    }
}

/// The figures that are not 0, and those that accuse, whatever they are.
fn figures(out: &mut String, bytes: &Bytes) {
    for figure in Bytes::FIGURES {
        let value = (figure.of)(bytes);
        // Acknowledged and solicited bytes depend on the place of the capture.
        let told = value > 0 && figure.place != Place::PartOfSum;
        if told || matches!(figure.name, "served_bytes" | "refuted_bytes" | "disputed_bytes") {
            line(out, figure.name, &value.to_string());
        }
    }
}

fn line(out: &mut String, key: &str, value: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{key} = {value}");
}

/// As a basic string: JSON's escapes are TOML's too.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

const HEAD: &str = "\
# Written by `peerproof check --bless` from what peerproof found in the captures beside it.
# Review every line against what you know that was sent, then commit it. Bounds such as \">=4194304\" are allowed.
";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Expectation;
    use crate::report::fixture;

    #[test]
    fn what_is_written_first_is_fulfilled_and_names_no_port_time_or_frame() {
        let report = fixture::document();
        let settings =
            Settings { max_rows: Some(7), captures: vec!["a \"b\".pcap".to_owned()], ..Settings::default() };
        let text = first(&report, &settings);
        let read = Expectation::parse(&text).unwrap_or_else(|fault| panic!("{fault}\n{text}"));
        assert_eq!(read.settings, settings);
        assert_eq!(read.differences(&report), []);
        assert!(!text.contains("\nport =") && !text.contains("time =") && !text.contains("frames"), "{text}");
    }
}
