//! Who sent to whom among more peers than a picture can show: a table in which rows send and columns receive.

use std::collections::{BTreeMap, BTreeSet};

use super::cast::Cast;
use super::html::{self, Html};
use super::svg;
use crate::report::text::grouped;

/// The table.
pub(super) struct Matrix {
    /// Who received.
    pub(super) heads: Vec<Html>,
    pub(super) rows: Vec<Row>,
}

/// Whoever sent, and what it sent to each.
pub(super) struct Row {
    pub(super) name: Html,
    /// Empty where nothing was seen.
    pub(super) cells: Vec<Html>,
}

impl Matrix {
    /// Only what was served is in it; `None` where that is nothing.
    pub(super) fn of(cast: &Cast<'_>) -> Option<Self> {
        let mut sent: BTreeMap<(&str, &str), (u64, u64, u64)> = BTreeMap::new();
        for transfer in cast.document.transfers.iter().filter(|transfer| transfer.bytes.served_bytes > 0) {
            let name = |subject: Option<u64>, observed| {
                let peer = cast.place(subject).and_then(|at| cast.peers.get(at));
                peer.map_or(observed, |peer| peer.subject.endpoint.as_str())
            };
            let from = name(transfer.uploader_subject, transfer.uploader.as_str());
            let to = name(transfer.downloader_subject, transfer.downloader.as_str());
            let sum = sent.entry((from, to)).or_default();
            let bytes = &transfer.bytes;
            for (sum, more) in [
                (&mut sum.0, bytes.served_bytes),
                (&mut sum.1, bytes.verified_bytes),
                (&mut sum.2, bytes.sole_bytes),
            ] {
                *sum = sum.saturating_add(more);
            }
        }
        // In the order of the table of peers, then whoever has no row.
        let order = |ends: BTreeSet<&'_ str>| {
            let mut ends: Vec<String> = ends.into_iter().map(str::to_owned).collect();
            ends.sort_by_key(|end| (cast.place_of(end).unwrap_or(usize::MAX), end.clone()));
            ends
        };
        let senders = order(sent.keys().map(|(from, _)| *from).collect());
        let receivers = order(sent.keys().map(|(_, to)| *to).collect());
        let name = |end: &String| match cast.place_of(end).and_then(|at| cast.peers.get(at)) {
            Some(peer) => html::link(&peer.id, end),
            None => Html::ours(format!("<span class=\"ep\">{}</span>", html::endpoint(end))),
        };
        let cell = |from: &String, to: &String| match sent.get(&(from.as_str(), to.as_str())) {
            None => Html::default(),
            Some((served, verified, sole)) => {
                let style = match (verified, sole) {
                    (0, _) => "v5",
                    (verified, sole) if verified == sole => "v1",
                    _ => "v2",
                };
                let mut html = svg::swatch(style);
                html.push(&grouped(*served));
                html
            }
        };
        let rows: Vec<Row> = senders
            .iter()
            .map(|from| Row { name: name(from), cells: receivers.iter().map(|to| cell(from, to)).collect() })
            .collect();
        (!rows.is_empty()).then(|| Self { heads: receivers.iter().map(name).collect(), rows })
    }
}
