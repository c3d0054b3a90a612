//! The report as CASE/UCO (JSON-LD), for tools of digital forensics: files, addresses, connections and what was proven of them. Terms
//! of CASE 1 and UCO 1 where there are any; the rest is in a namespace of its own (docs/case-uco.md). Hearsay is left out.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::{Value, json};
use sha1::{Digest, Sha1};

use crate::ends::{Endpoint, Frames, Timestamp};
use crate::evidence::{Bytes, Grade, Rung};
use crate::report::document::{Document, Input};

/// The graph of a report. Its identifiers are UUIDs of version 5, so that equal reports give equal bytes.
///
/// # Errors
/// Whatever `serde_json` reports; a report holds nothing that it refuses.
pub fn case_uco(document: &Document) -> Result<String, serde_json::Error> {
    let mut graph = Graph::default();
    let inputs: Vec<Value> = document.inputs.iter().map(|input| graph.file(input)).collect();
    // All that was read, and how: what tells one run from another.
    let run = serde_json::to_string(&(&document.inputs, &document.options))?;
    let tool = graph.add(
        "Tool",
        &format!("{} {}", document.tool.name, document.tool.version),
        json!({"@type": "uco-tool:Tool", "uco-core:name": document.tool.name, "uco-tool:version": document.tool.version}),
    );
    let mut results = Vec::new();
    for torrent in &document.torrents {
        let hash = torrent.info_hash.to_string();
        let facet = graph.facet(
            "TorrentFacet",
            &format!("{run} {hash}"),
            vec![
                ("infoHash", json!(hash)),
                ("name", json!(torrent.name.clone().unwrap_or_default())),
                ("sizeInBytes", integer(torrent.size.unwrap_or(0))),
                ("servedBytes", integer(torrent.bytes.served)),
                ("piecesVerified", integer(torrent.pieces_verified)),
            ],
        );
        results.push(graph.add(
            "ObservableObject",
            &format!("{run} torrent {hash}"),
            json!({
                "@type": "uco-observable:ObservableObject", "uco-core:hasFacet": [facet],
            }),
        ));
    }
    for subject in &document.subjects {
        let hash = subject.info_hash.as_ref().map(ToString::to_string);
        let name = format!("{run} {} {} {hash:?} {:?}", subject.endpoint, subject.transport.name(), subject.frames);
        let mut values = proven(subject.grade, subject.actionable, &subject.bytes, &subject.rungs, hash.as_deref());
        values.push(("transport", json!(subject.transport.name())));
        values.push(("frames", json!(frames(&subject.frames))));
        values.push(("firstTime", time(subject.first_time)));
        values.push(("lastTime", time(subject.last_time)));
        let flags: Vec<Value> = subject.flags.iter().map(|flag| json!(flag.name())).collect();
        if !flags.is_empty() {
            values.push(("flag", json!(flags)));
        }
        let facet = graph.facet("SubjectFacet", &name, values);
        let address = graph.part("DigitalAddressFacet", &name, json!({
            "@type": "uco-observable:DigitalAddressFacet", "uco-observable:addressValue": subject.endpoint.to_string(),
        }));
        results.push(graph.add(
            "SocketAddress",
            &name,
            json!({
                "@type": "uco-observable:SocketAddress", "uco-core:hasFacet": [address, facet],
            }),
        ));
    }
    for transfer in &document.transfers {
        let hash = transfer.info_hash.as_ref().map(ToString::to_string);
        let (from, to) = (transfer.uploader, transfer.downloader);
        let name = format!("{run} {from} {to} {} {hash:?} {:?}", transfer.transport.name(), transfer.frames);
        let (source, destination) = (graph.address(from), graph.address(to));
        let connection = graph.part(
            "NetworkConnectionFacet",
            &name,
            json!({
                "@type": "uco-observable:NetworkConnectionFacet",
                "uco-observable:src": [source],
                "uco-observable:dst": [destination],
                "uco-observable:sourcePort": integer(u64::from(from.port)),
                "uco-observable:destinationPort": integer(u64::from(to.port)),
                "uco-observable:startTime": time(transfer.first_time),
                "uco-observable:endTime": time(transfer.last_time),
            }),
        );
        let mut values =
            proven(transfer.grade, transfer.actionable, &transfer.bytes, &transfer.rungs, hash.as_deref());
        values.push(("transport", json!(transfer.transport.name())));
        values.push(("encryption", json!(transfer.encryption.name())));
        values.push(("frames", json!(frames(&transfer.frames))));
        let facet = graph.facet("TransferFacet", &name, values);
        results.push(graph.add(
            "NetworkConnection",
            &name,
            json!({
                "@type": "uco-observable:NetworkConnection", "uco-core:hasFacet": [connection, facet],
            }),
        ));
    }
    let record = graph.add("ProvenanceRecord", &run, json!({
        "@type": "case-investigation:ProvenanceRecord",
        "uco-core:description": "What packet captures prove of BitTorrent peers, by address and port; never of a person.",
        "uco-core:object": results,
    }));
    results.push(record);
    graph.add(
        "InvestigativeAction",
        &run,
        json!({
            "@type": "case-investigation:InvestigativeAction",
            "uco-core:name": "peerproof analyze",
            "uco-action:instrument": [tool],
            "uco-action:object": inputs,
            "uco-action:result": results,
        }),
    );
    let context: BTreeMap<&str, &str> = CONTEXT.into_iter().collect();
    let graph: Vec<Value> = graph.0.into_values().collect();
    let mut text = serde_json::to_string_pretty(&json!({"@context": context, "@graph": graph}))?;
    text.push('\n');
    Ok(text)
}

/// Nodes by identifier.
#[derive(Default)]
struct Graph(BTreeMap<String, Value>);

impl Graph {
    /// Adds a node; gives a reference to it.
    fn add(&mut self, kind: &str, name: &str, node: Value) -> Value {
        let id = id(kind, name);
        self.0.insert(id.clone(), with_id(&id, node));
        json!({"@id": id})
    }

    /// A node inside another one.
    fn part(&self, kind: &str, name: &str, node: Value) -> Value {
        with_id(&id(kind, name), node)
    }

    /// A facet of our own namespace.
    fn facet(&self, kind: &str, name: &str, values: Vec<(&str, Value)>) -> Value {
        let mut node = json!({"@type": [format!("peerproof:{kind}"), "uco-core:Facet"]});
        if let Value::Object(node) = &mut node {
            for (key, value) in values {
                node.insert(format!("peerproof:{key}"), value);
            }
        }
        self.part(kind, name, node)
    }

    fn file(&mut self, input: &Input) -> Value {
        let (name, size, digest) = match input {
            Input::Capture { name, bytes, sha256, .. } => (name, *bytes, sha256.map(|digest| digest.to_string())),
            Input::Torrent { name, bytes, sha256, .. } => (name, *bytes, Some(sha256.to_string())),
        };
        let own = format!("{name} {size} {digest:?}");
        let mut facets = vec![self.part(
            "FileFacet",
            &own,
            json!({
                "@type": "uco-observable:FileFacet",
                "uco-observable:fileName": name,
                "uco-observable:sizeInBytes": integer(size),
            }),
        )];
        if let Some(digest) = digest {
            let hash = self.part(
                "Hash",
                &own,
                json!({
                    "@type": "uco-types:Hash",
                    "uco-types:hashMethod": "SHA256",
                    "uco-types:hashValue": {"@type": "xsd:hexBinary", "@value": digest},
                }),
            );
            facets.push(self.part(
                "ContentDataFacet",
                &own,
                json!({
                    "@type": "uco-observable:ContentDataFacet",
                    "uco-observable:hash": [hash],
                    "uco-observable:sizeInBytes": integer(size),
                }),
            ));
        }
        self.add("File", &own, json!({"@type": "uco-observable:File", "uco-core:hasFacet": facets}))
    }

    fn address(&mut self, end: Endpoint) -> Value {
        let kind = match end.ip {
            IpAddr::V4(_) => "IPv4Address",
            IpAddr::V6(_) => "IPv6Address",
        };
        let ip = end.ip.to_string();
        let facet = self.part(
            &format!("{kind}Facet"),
            &ip,
            json!({
                "@type": format!("uco-observable:{kind}Facet"), "uco-observable:addressValue": ip,
            }),
        );
        self.add(kind, &ip, json!({"@type": format!("uco-observable:{kind}"), "uco-core:hasFacet": [facet]}))
    }
}

/// The proven figures of a transfer, as values of a facet.
fn proven(
    grade: Grade,
    actionable: bool,
    bytes: &Bytes,
    rungs: &[Rung],
    info_hash: Option<&str>,
) -> Vec<(&'static str, Value)> {
    let shown: Vec<Value> =
        rungs.iter().map(|rung| json!(format!("{} {}", rung.grade.name(), frames(&rung.frames)))).collect();
    let mut values = vec![
        ("grade", json!(grade.name())),
        ("meetsStandard", json!({"@type": "xsd:boolean", "@value": actionable.to_string()})),
        ("servedBytes", integer(bytes.served)),
        ("verifiedBytes", integer(bytes.verified)),
        ("soleBytes", integer(bytes.sole)),
        ("refutedBytes", integer(bytes.refuted)),
        ("disputedBytes", integer(bytes.disputed)),
        ("unprovenBytes", integer(bytes.unproven)),
    ];
    values.extend((!shown.is_empty()).then(|| ("rung", json!(shown))));
    values.extend(info_hash.map(|hash| ("infoHash", json!(hash))));
    values
}

fn with_id(id: &str, mut node: Value) -> Value {
    if let Value::Object(node) = &mut node {
        node.insert("@id".to_owned(), json!(id));
    }
    node
}

/// `INPUT:FIRST-LAST`: an index into the inputs of the action, and numbers of Wireshark.
fn frames(frames: &Frames) -> String {
    match frames.last_file {
        Some(last) => format!("{}:{}-{last}:{}", frames.file, frames.first, frames.last),
        None => format!("{}:{}-{}", frames.file, frames.first, frames.last),
    }
}

fn integer(value: u64) -> Value {
    json!({"@type": "xsd:integer", "@value": value.to_string()})
}

fn time(time: Timestamp) -> Value {
    json!({"@type": "xsd:dateTime", "@value": time.to_string()})
}

/// An identifier with a UUID of version 5 (RFC 9562, section 5.5).
fn id(kind: &str, name: &str) -> String {
    let digest = Sha1::new().chain_update(SPACE).chain_update(kind).chain_update(" ").chain_update(name).finalize();
    let mut bytes = [0_u8; 16];
    bytes.iter_mut().zip(&digest[..]).for_each(|(byte, of)| *byte = *of);
    bytes[6] = bytes[6] & 0x0f | 0x50;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("kb:{kind}-{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}

/// The namespace of our UUIDs: 6f0a1c8e-2b53-5d3f-9a57-0c2f5be0a7c1.
const SPACE: [u8; 16] =
    [0x6f, 0x0a, 0x1c, 0x8e, 0x2b, 0x53, 0x5d, 0x3f, 0x9a, 0x57, 0x0c, 0x2f, 0x5b, 0xe0, 0xa7, 0xc1];

const CONTEXT: [(&str, &str); 9] = [
    ("case-investigation", "https://ontology.caseontology.org/case/investigation/"),
    ("kb", "urn:peerproof:kb:"),
    ("peerproof", "urn:peerproof:case-extension:1#"),
    ("uco-action", "https://ontology.unifiedcyberontology.org/uco/action/"),
    ("uco-core", "https://ontology.unifiedcyberontology.org/uco/core/"),
    ("uco-observable", "https://ontology.unifiedcyberontology.org/uco/observable/"),
    ("uco-tool", "https://ontology.unifiedcyberontology.org/uco/tool/"),
    ("uco-types", "https://ontology.unifiedcyberontology.org/uco/types/"),
    ("xsd", "http://www.w3.org/2001/XMLSchema#"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn every_reference_has_its_node_and_equal_reports_give_equal_bytes() {
        let text = case_uco(&fixture::document()).expect("written");
        assert_eq!(text, case_uco(&fixture::document()).expect("written"));
        let whole: Value = serde_json::from_str(&text).expect("JSON");
        let nodes: Vec<&str> =
            whole["@graph"].as_array().expect("a graph").iter().filter_map(|node| node["@id"].as_str()).collect();
        let action = whole["@graph"]
            .as_array()
            .expect("a graph")
            .iter()
            .find(|node| node["@type"] == "case-investigation:InvestigativeAction");
        let action = action.expect("an action");
        for key in ["uco-action:instrument", "uco-action:object", "uco-action:result"] {
            for reference in action[key].as_array().expect("references") {
                assert!(nodes.contains(&reference["@id"].as_str().expect("one")), "{reference}");
            }
        }
    }

    #[test]
    fn identifiers_are_uuids_of_version_5() {
        let id = id("File", "a");
        let uuid = id.strip_prefix("kb:File-").expect("its kind in front");
        assert_eq!((uuid.len(), uuid.get(14..15)), (36, Some("5")), "{uuid}");
        assert!(matches!(uuid.get(19..20), Some("8" | "9" | "a" | "b")), "{uuid}");
    }
}
