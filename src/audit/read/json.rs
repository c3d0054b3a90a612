//! JSON, JSON lines, XARF v3 and v4. An object that has a key twice is refused, as two readers would read two things.

use std::fmt;

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::audit::claim::{Format, Refusal};
use crate::audit::fields::Fields;
use crate::audit::hash::Label;
use crate::limits::JSON_DEPTH;

/// An object of the document that may be a claim.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) format: Format,
    /// Of JSON lines, from 1.
    pub(super) line: Option<u64>,
    pub(super) fields: Result<Fields, Refusal>,
}

/// The objects of a document or of lines of JSON.
pub(super) fn read(text: &str) -> Vec<Object> {
    let text = text.trim_start_matches('\u{feff}');
    match parse(text) {
        Ok(value) => objects(&value, None),
        Err(why) => {
            let lines: Vec<(usize, &str)> =
                text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).collect();
            let are_lines = lines.len() > 1
                && lines.iter().all(|(_, line)| line.trim_start().starts_with(['{', '[']))
                && lines.iter().any(|(_, line)| parse(line).is_ok());
            if !are_lines {
                return vec![Object { format: Format::Json, line: None, fields: Err(why) }];
            }
            lines
                .into_iter()
                .flat_map(|(index, line)| {
                    let number = Some(index as u64 + 1);
                    match parse(line) {
                        Ok(value) => objects(&value, number),
                        Err(why) => vec![Object { format: Format::Json, line: number, fields: Err(why) }],
                    }
                })
                .collect()
        }
    }
}

fn parse(text: &str) -> Result<Json, Refusal> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = Depth(0).deserialize(&mut reader);
    match value {
        Ok(value) => reader.end().map(|()| value).map_err(|_| Refusal::BadJson),
        Err(error) if error.to_string().contains(TOO_DEEP) => Err(Refusal::JsonLimit),
        Err(_) => Err(Refusal::BadJson),
    }
}

/// The claims of a value: an object, an array, or an array under `notices`, `claims` or `items`.
fn objects(value: &Json, line: Option<u64>) -> Vec<Object> {
    let refused = |why| vec![Object { format: Format::Json, line, fields: Err(why) }];
    match value {
        Json::Array(values) => values.iter().flat_map(|value| objects(value, line)).collect(),
        Json::Object(members) => {
            let listed = members.iter().find_map(|(key, value)| match value {
                Json::Array(values) if matches!(key.to_lowercase().as_str(), "notices" | "claims" | "items") => {
                    Some(values)
                }
                _ => None,
            });
            if has_twice(members) {
                return refused(Refusal::DuplicateKey);
            }
            if let Some(values) = listed {
                let mut around = Fields::default();
                scalars(members, &mut around);
                let mut found: Vec<Object> = values.iter().flat_map(|value| objects(value, line)).collect();
                for object in &mut found {
                    if let Ok(fields) = &mut object.fields {
                        fields.fill(&around);
                    }
                }
                return found;
            }
            vec![one(members, line)]
        }
        _ => refused(Refusal::NoFields),
    }
}

fn one(members: &[(String, Json)], line: Option<u64>) -> Object {
    let text = |name: &str| member(members, name).and_then(Json::text);
    if member(members, "ReporterInfo").is_some() && member(members, "Report").is_some() {
        return Object { format: Format::Xarf, line, fields: xarf3(members) };
    }
    let category = text("category").map(|category| category.to_lowercase());
    if member(members, "xarf_version").is_some() || (category.is_some() && text("source_identifier").is_some()) {
        let kind = text("type").map(|kind| kind.to_lowercase());
        let right = category.as_deref() == Some("copyright") && kind.as_deref() == Some("p2p");
        let fields = if right { Ok(xarf4(members)) } else { Err(Refusal::NotANotice) };
        return Object { format: Format::Xarf, line, fields };
    }
    let mut fields = Fields::default();
    scalars(members, &mut fields);
    let fields = if fields.is_notice() { Ok(fields) } else { Err(Refusal::NoFields) };
    Object { format: Format::Json, line, fields }
}

/// Members as columns; objects within are read as if their members stood outside.
fn scalars(members: &[(String, Json)], fields: &mut Fields) {
    for (key, value) in members {
        match value {
            Json::Object(inner) => scalars(inner, fields),
            Json::Array(values) => values.iter().filter_map(Json::text).for_each(|value| {
                fields.set(key, &value);
            }),
            _ => {
                if let Some(value) = value.text() {
                    fields.set(key, &value);
                }
            }
        }
    }
}

fn xarf4(members: &[(String, Json)]) -> Fields {
    let text = |name: &str| member(members, name).and_then(Json::text);
    let inner = |outer: &str, name: &str| match member(members, outer) {
        Some(Json::Object(members)) => member(members, name).and_then(Json::text),
        _ => None,
    };
    let mut fields = Fields {
        address: text("source_identifier"),
        port: text("source_port"),
        id: text("report_id"),
        by: text("rights_holder").or_else(|| inner("reporter", "org")),
        agent: inner("sender", "org"),
        title: text("work_title"),
        file: inner("swarm_info", "torrent_name"),
        size: inner("swarm_info", "total_size"),
        uploaded: inner("peer_info", "upload_amount").and_then(|amount| amount.parse().ok()),
        downloaded: inner("peer_info", "download_amount").and_then(|amount| amount.parse().ok()),
        text: text("description").unwrap_or_default(),
        ..Fields::default()
    };
    fields.first.time = text("timestamp");
    for name in ["info_hash", "magnet_uri"] {
        fields.hashes.extend(inner("swarm_info", name).map(|hash| (Label::Info, hash)));
    }
    fields
}

fn xarf3(members: &[(String, Json)]) -> Result<Fields, Refusal> {
    let Some(Json::Object(report)) = member(members, "Report") else { return Err(Refusal::NotANotice) };
    let text = |name: &str| member(report, name).and_then(Json::text);
    if !text("ReportType").is_some_and(|kind| kind.eq_ignore_ascii_case("copyright")) {
        return Err(Refusal::NotANotice);
    }
    let mut fields = Fields::default();
    scalars(report, &mut fields);
    fields.address = text("SourceIp").or(fields.address);
    fields.port = text("SourcePort").or(fields.port);
    fields.first.time = text("Date").or(fields.first.time);
    fields.first.date = None;
    if let Some(Json::Object(reporter)) = member(members, "ReporterInfo") {
        fields.by = member(reporter, "ReporterOrg").and_then(Json::text).or(fields.by);
    }
    Ok(fields)
}

fn member<'j>(members: &'j [(String, Json)], name: &str) -> Option<&'j Json> {
    members.iter().find(|(key, _)| key == name).map(|(_, value)| value)
}

fn has_twice(members: &[(String, Json)]) -> bool {
    let mut keys: Vec<&str> = members.iter().map(|(key, _)| key.as_str()).collect();
    keys.sort_unstable();
    keys.windows(2).any(|pair| pair.first() == pair.last())
        || members.iter().any(|(key, value)| match value {
            Json::Object(inner) if !matches!(key.as_str(), "notices" | "claims" | "items") => has_twice(inner),
            _ => false,
        })
}

/// A JSON value that keeps every member.
#[derive(Debug)]
enum Json {
    Null,
    Text(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    fn text(&self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.clone()),
            _ => None,
        }
    }
}

/// Reads a value at a depth.
#[derive(Clone, Copy)]
struct Depth(u32);

impl<'de> DeserializeSeed<'de> for Depth {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Depth {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Text(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Text(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Text(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Text(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = seq.next_element_seed(self.deeper()?)? {
            values.push(value);
        }
        Ok(Json::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut members = Vec::new();
        while let Some(key) = map.next_key_seed(Key)? {
            members.push((key, map.next_value_seed(self.deeper()?)?));
        }
        Ok(Json::Object(members))
    }
}

impl Depth {
    fn deeper<E: de::Error>(self) -> Result<Self, E> {
        if self.0 >= JSON_DEPTH { Err(E::custom(TOO_DEEP)) } else { Ok(Self(self.0 + 1)) }
    }
}

struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        String::deserialize(deserializer)
    }
}

const TOO_DEEP: &str = "nested too deeply for a notice";
