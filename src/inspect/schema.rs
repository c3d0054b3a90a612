//! The JSON Schema of an inspection. What it has in common with `report.json` is taken from the schema of that one.

use serde_json::Value;

use crate::report::{SCHEMA, stable_json};

/// The schema `peerproof/inspect/1` (JSON Schema 2020-12), as text.
pub fn schema() -> String {
    // Both texts are this program's own, and tests read them.
    let read = |text| serde_json::from_str(text).unwrap_or_default();
    let (mut schema, report): (Value, Value) = (read(INSPECT), read(SCHEMA));
    for shared in ["/properties/tool", "/properties/passed_over", "/properties/quality"] {
        if let (Some(here), Some(there)) = (schema.pointer_mut(shared), report.pointer(shared)) {
            *here = there.clone();
        }
    }
    if let (Some(schema), Some(definitions)) = (schema.as_object_mut(), report.get("$defs")) {
        schema.insert("$defs".to_owned(), definitions.clone());
    }
    stable_json(&schema).unwrap_or_default()
}

const INSPECT: &str = include_str!("schemas/inspect-1.json");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_is_whole() {
        let schema: Value = serde_json::from_str(&schema()).expect("JSON");
        assert_eq!(schema["$id"], "peerproof/inspect/1");
        assert!(schema["properties"]["quality"]["properties"].is_object());
        assert!(schema["$defs"]["capture"].is_object());
    }
}
