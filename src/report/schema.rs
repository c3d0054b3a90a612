//! The JSON Schema of `report.json`, made of the types that it is written by.

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema};
use serde_json::Value;

use crate::report::{Document, json::stable_json};

/// The schema `peerproof/report/1` (JSON Schema 2020-12): every field of `report.json` with its meaning, indented by two
/// spaces, with a newline at the end.
///
/// # Errors
/// Whatever `serde_json` reports; the schema holds nothing that it refuses.
pub fn schema() -> Result<String, serde_json::Error> {
    schema_of::<Document>()
}

/// The schema of what is written of a `T`.
pub(crate) fn schema_of<T: JsonSchema>() -> Result<String, serde_json::Error> {
    // What is written always has a field, null or not; what may be left out says so.
    let settings = SchemaSettings::draft2020_12().for_serialize().with_transform(RecursiveTransform(describe));
    stable_json(&settings.into_generator().into_root_schema_for::<T>())
}

/// Descriptions are the docs of the types; their links lead nowhere here.
fn describe(schema: &mut Schema) {
    if let Some(Value::String(text)) = schema.get_mut("description") {
        *text = without_links(text).replace('\n', " ");
    }
}

/// ``[`Bytes`]`` and ``[`Bytes`](crate::Bytes)`` as `Bytes` between backticks.
fn without_links(text: &str) -> String {
    let mut parts = text.split("`]");
    let mut out = parts.next().unwrap_or_default().replace("[`", "`");
    for part in parts {
        let behind = part.strip_prefix('(').and_then(|target| Some(target.split_once(')')?.1));
        out.push('`');
        out.push_str(&behind.unwrap_or(part).replace("[`", "`"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    fn faults(report: &Value) -> Vec<String> {
        let schema = serde_json::from_str(&schema().expect("a schema")).expect("JSON");
        let validator = jsonschema::validator_for(&schema).expect("a schema");
        validator.iter_errors(report).map(|fault| format!("{}: {fault}", fault.instance_path)).collect()
    }

    fn report() -> Value {
        serde_json::from_str(&fixture::document().json().expect("JSON")).expect("JSON")
    }

    #[test]
    fn reports_conform() {
        for document in [fixture::document(), fixture::empty_document()] {
            let value = serde_json::from_str(&document.json().expect("JSON")).expect("JSON");
            assert_eq!(faults(&value), Vec::<String>::new());
        }
    }

    #[test]
    fn every_field_of_a_transfer_is_missed_when_it_is_gone() {
        let names: Vec<String> = report()["transfers"][0].as_object().expect("object").keys().cloned().collect();
        for name in names {
            let mut cut = report();
            cut["transfers"][0].as_object_mut().expect("object").remove(&name);
            assert!(faults(&cut).iter().any(|fault| fault.contains(&name)), "{name}");
        }
    }

    #[test]
    fn a_wrong_type_an_unknown_flag_and_another_schema_are_found() {
        for (place, value) in [
            ("/transfers/0/served_bytes", serde_json::json!("many")),
            ("/subjects/0/flags", serde_json::json!(["guilty"])),
            ("/subjects/0/endpoint", serde_json::json!("somewhere")),
            ("/schema", serde_json::json!("peerproof/report/2")),
        ] {
            let mut report = report();
            *report.pointer_mut(place).expect("a field") = value;
            assert_eq!(faults(&report).len(), 1, "{place}");
        }
    }

    #[test]
    fn every_field_has_its_meaning_said() {
        fn bare(schema: &Value, place: &str, found: &mut Vec<String>) {
            for (name, field) in schema["properties"].as_object().into_iter().flatten() {
                if field["description"].as_str().is_none_or(str::is_empty) && field.get("$ref").is_none() {
                    found.push(format!("{place}.{name}"));
                }
            }
            for (name, part) in schema["$defs"].as_object().into_iter().flatten() {
                bare(part, name, found);
            }
        }
        let mut found = Vec::new();
        bare(&serde_json::from_str(&schema().expect("a schema")).expect("JSON"), "report", &mut found);
        assert_eq!(found, Vec::<String>::new());
        assert_eq!(without_links("see [`A`](crate::B), [`C`] (2)"), "see `A`, `C` (2)");
        assert!(!schema().expect("a schema").contains("[`"));
    }
}
