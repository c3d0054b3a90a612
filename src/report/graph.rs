//! Who sent to whom as a graph for other tools: Graphviz (`dot`) and GraphML. Each edge carries where it comes from, and
//! hearsay is never of the kind of a transfer.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::ends::Frames;
use crate::evidence::Standing;
use crate::report::model::{Document, Input};
use crate::report::text::visible;

/// An endpoint, with its row where it has one.
struct Node<'d> {
    endpoint: &'d str,
    grade: &'static str,
    standard: &'static str,
}

/// An edge with its attributes, in the order of [`FIELDS`].
struct Edge<'d> {
    from: &'d str,
    to: &'d str,
    kind: Kind,
    values: BTreeMap<&'static str, String>,
}

/// The evidence that an edge rests on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Piece data passed, and some of it is the torrent's by hash.
    Verified,
    /// Piece data passed, and none of it is verified.
    Served,
    /// It said that it had pieces, and no piece data passed.
    Advertised,
    /// A connection, without such a claim and without piece data.
    Contact,
    /// A conversation that cannot be read.
    Unreadable,
    /// It said of itself that it takes part, to a tracker or the DHT: hearsay.
    Announced,
    /// Another named it: hearsay.
    Named,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Verified => "served-verified",
            Self::Served => "served",
            Self::Advertised => "advertised",
            Self::Contact => "contact",
            Self::Unreadable => "unreadable",
            Self::Announced => "announced",
            Self::Named => "named",
        }
    }
}

/// Attributes of an edge: name, and type in GraphML.
const FIELDS: [(&str, &str); 14] = [
    ("kind", "string"),
    ("transport", "string"),
    ("info_hash", "string"),
    ("grade", "string"),
    ("via", "string"),
    ("count", "long"),
    ("served_bytes", "long"),
    ("verified_bytes", "long"),
    ("refuted_bytes", "long"),
    ("first_time", "string"),
    ("last_time", "string"),
    ("input", "string"),
    ("first_frame", "long"),
    ("last_frame", "long"),
];

/// The report as a graph in the language of Graphviz.
///
/// # Errors
/// Whatever `serde_json` reports; a report as built holds nothing that it refuses.
pub fn dot(document: &crate::report::Document) -> Result<String, serde_json::Error> {
    let document = Document::of(document)?;
    let (nodes, edges) = graph(&document);
    let mut out = String::from("digraph peerproof {\n  node [shape=box];\n");
    for node in nodes.values() {
        let _ = writeln!(
            out,
            "  {} [grade={}, standard={}{}];",
            quoted(node.endpoint),
            quoted(node.grade),
            quoted(node.standard),
            if node.grade.is_empty() { ", style=dotted" } else { "" }
        );
    }
    for edge in &edges {
        let style = match edge.kind {
            Kind::Verified => "style=solid, arrowhead=normal, penwidth=2",
            Kind::Served => "style=solid, arrowhead=normal",
            Kind::Advertised => "style=dashed, arrowhead=empty, color=gray",
            Kind::Contact => "style=solid, arrowhead=none, color=gray",
            Kind::Unreadable => "style=dashed, arrowhead=none, color=gray",
            Kind::Announced | Kind::Named => "style=dotted, arrowhead=odot, color=gray, constraint=false",
        };
        let values: Vec<String> = FIELDS
            .iter()
            .filter_map(|(name, _)| Some(format!("{name}={}", quoted(edge.values.get(name)?))))
            .collect();
        let _ = writeln!(out, "  {} -> {} [{style}, {}];", quoted(edge.from), quoted(edge.to), values.join(", "));
    }
    out.push_str("}\n");
    Ok(out)
}

/// The report as GraphML.
///
/// # Errors
/// As [`dot`].
pub fn graphml(document: &crate::report::Document) -> Result<String, serde_json::Error> {
    let document = Document::of(document)?;
    let (nodes, edges) = graph(&document);
    let mut out = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<graphml xmlns=\"http://graphml.graphdrawing.org/xmlns\">\n",
    );
    for name in ["grade", "standard"] {
        let _ = writeln!(out, "  <key id=\"n_{name}\" for=\"node\" attr.name=\"{name}\" attr.type=\"string\"/>");
    }
    for (name, kind) in FIELDS {
        let _ = writeln!(out, "  <key id=\"{name}\" for=\"edge\" attr.name=\"{name}\" attr.type=\"{kind}\"/>");
    }
    out.push_str("  <graph edgedefault=\"directed\">\n");
    for node in nodes.values() {
        let _ = writeln!(out, "    <node id=\"{}\">", xml(node.endpoint));
        for (name, value) in [("n_grade", node.grade), ("n_standard", node.standard)] {
            if !value.is_empty() {
                let _ = writeln!(out, "      <data key=\"{name}\">{value}</data>");
            }
        }
        out.push_str("    </node>\n");
    }
    for edge in &edges {
        let _ = writeln!(out, "    <edge source=\"{}\" target=\"{}\">", xml(edge.from), xml(edge.to));
        for (name, _) in FIELDS {
            if let Some(value) = edge.values.get(name) {
                let _ = writeln!(out, "      <data key=\"{name}\">{}</data>", xml(value));
            }
        }
        out.push_str("    </edge>\n");
    }
    out.push_str("  </graph>\n</graphml>\n");
    Ok(out)
}

fn graph(document: &Document) -> (BTreeMap<&str, Node<'_>>, Vec<Edge<'_>>) {
    let mut nodes: BTreeMap<&str, Node<'_>> = BTreeMap::new();
    for subject in &document.subjects {
        let standard = if subject.actionable { "met" } else { "not met" };
        // Of several rows of one endpoint, the one with the most.
        let node = Node { endpoint: &subject.endpoint, grade: subject.grade.name(), standard };
        let known = nodes
            .get(subject.endpoint.as_str())
            .is_some_and(|known| (known.standard == "met", known.grade) >= (node.standard == "met", node.grade));
        if !known {
            nodes.insert(&subject.endpoint, node);
        }
    }
    // Arrows go between rows, where there is one for the port that was sent from.
    let row = |index: Option<u64>| -> Option<&str> {
        let index = usize::try_from(index?).ok()?;
        document.subjects.get(index).map(|subject| subject.endpoint.as_str())
    };
    let mut edges = Vec::new();
    for transfer in &document.transfers {
        let kind = match &transfer.bytes {
            bytes if bytes.verified_bytes > 0 => Kind::Verified,
            bytes if bytes.served_bytes > 0 => Kind::Served,
            _ if transfer.pieces_advertised > 0 => Kind::Advertised,
            _ => Kind::Contact,
        };
        let mut values = provenance(document, transfer.served_frames.unwrap_or(transfer.frames), kind);
        values.insert("transport", transfer.transport.name().to_owned());
        values.extend(transfer.info_hash.as_ref().map(|hash| ("info_hash", hash.clone())));
        values.insert("grade", transfer.grade.name().to_owned());
        values.insert("served_bytes", transfer.bytes.served_bytes.to_string());
        values.insert("verified_bytes", transfer.bytes.verified_bytes.to_string());
        values.insert("refuted_bytes", transfer.bytes.refuted_bytes.to_string());
        values.insert("first_time", transfer.first_time.clone());
        values.insert("last_time", transfer.last_time.clone());
        edges.push(Edge {
            from: row(transfer.uploader_subject).unwrap_or(&transfer.uploader),
            to: row(transfer.downloader_subject).unwrap_or(&transfer.downloader),
            kind,
            values,
        });
    }
    for opaque in &document.opaque {
        let mut values = provenance(document, opaque.frames, Kind::Unreadable);
        values.insert("transport", opaque.transport.name().to_owned());
        values.insert("via", opaque.kind.name().to_owned());
        edges.push(Edge { from: &opaque.a, to: &opaque.b, kind: Kind::Unreadable, values });
    }
    for mention in &document.mentions {
        let kind = if mention.grade == Standing::Named { Kind::Named } else { Kind::Announced };
        let mut values = provenance(document, mention.frames, kind);
        values.extend(mention.info_hash.as_ref().map(|hash| ("info_hash", hash.clone())));
        values.insert("grade", mention.grade.name().to_owned());
        values.insert("via", mention.via.name().to_owned());
        values.insert("count", mention.count.to_string());
        values.insert("first_time", mention.first_time.clone());
        values.insert("last_time", mention.last_time.clone());
        edges.push(Edge { from: &mention.by, to: &mention.subject, kind, values });
    }
    for edge in &edges {
        for endpoint in [edge.from, edge.to] {
            nodes.entry(endpoint).or_insert(Node { endpoint, grade: "", standard: "" });
        }
    }
    (nodes, edges)
}

/// Where an edge comes from: its kind, and the frames that show it.
fn provenance(document: &Document, frames: Frames, kind: Kind) -> BTreeMap<&'static str, String> {
    let mut values = BTreeMap::from([
        ("kind", kind.name().to_owned()),
        ("first_frame", frames.first.to_string()),
        ("last_frame", frames.last.to_string()),
    ]);
    let input = document.inputs.get(usize::from(frames.file)).map(Input::name);
    values.extend(input.map(|name| ("input", name.to_owned())));
    values
}

/// A string of Graphviz's language.
fn quoted(text: &str) -> String {
    format!("\"{}\"", visible(text).replace('\\', "\\\\").replace('"', "\\\""))
}

fn xml(text: &str) -> String {
    visible(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn every_edge_says_where_it_comes_from() {
        let document = Document::of(&fixture::document()).expect("JSON");
        let (_, edges) = graph(&document);
        assert_eq!(edges.len(), 2);
        for name in ["kind", "input", "first_frame", "last_frame"] {
            assert!(edges.iter().all(|edge| edge.values.contains_key(name)), "{name}");
        }
    }

    #[test]
    fn names_of_strangers_end_no_string() {
        let mut document = fixture::document();
        if let Some(crate::report::Input::Capture { name, .. }) = document.inputs.first_mut() {
            *name = "a\"];\n<b>.pcap".to_owned();
        }
        assert!(dot(&document).expect("a graph").contains("a\\\"];\\\\u{a}<b>.pcap"));
        assert!(graphml(&document).expect("a graph").contains("a&quot;];\\u{a}&lt;b&gt;.pcap"));
    }
}
