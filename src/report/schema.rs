//! The JSON Schema of `report.json`, and a validator for the part of JSON Schema that it uses.

use serde_json::Value;

/// The schema `peerproof/report/1` (JSON Schema 2020-12).
pub const SCHEMA: &str = include_str!("schemas/report-1.json");

/// Where `report` departs from [`SCHEMA`], one line per fault; empty when it conforms.
///
/// Understands `$ref`, `anyOf`, `const`, `enum`, `type`, `minimum`, `maximum`, `required`, `properties`, `items`.
/// `pattern` is for other validators.
pub fn violations(report: &Value) -> Vec<String> {
    violations_of(SCHEMA, report)
}

/// Where `value` departs from `schema`, as [`violations`].
pub fn violations_of(schema: &str, value: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    match serde_json::from_str(schema) {
        Ok(root) => check(&root, &root, value, "$", &mut faults),
        Err(error) => faults.push(format!("the schema itself: {error}")),
    }
    faults
}

fn check(root: &Value, schema: &Value, value: &Value, place: &str, faults: &mut Vec<String>) {
    let Some(schema) = schema.as_object() else { return };
    for (keyword, rule) in schema {
        match (keyword.as_str(), rule) {
            ("$ref", Value::String(target)) => match root.pointer(target.trim_start_matches('#')) {
                Some(target) => check(root, target, value, place, faults),
                None => faults.push(format!("{place}: the schema lacks {target}")),
            },
            ("anyOf", Value::Array(options)) => {
                let fits = |option: &Value| {
                    let mut faults = Vec::new();
                    check(root, option, value, place, &mut faults);
                    faults.is_empty()
                };
                if !options.iter().any(fits) {
                    faults.push(format!("{place}: fits none of the alternatives"));
                }
            }
            ("const", expected) if value != expected => faults.push(format!("{place}: is not {expected}")),
            ("enum", Value::Array(options)) if !options.contains(value) => {
                faults.push(format!("{place}: {value} is not one of the listed values"));
            }
            ("type", rule) => {
                let names = rule.as_array().map_or(std::slice::from_ref(rule), Vec::as_slice);
                if !names.iter().filter_map(Value::as_str).any(|name| has_type(value, name)) {
                    faults.push(format!("{place}: is not of type {rule}"));
                }
            }
            ("minimum", bound) if value.as_f64().zip(bound.as_f64()).is_some_and(|(v, b)| v < b) => {
                faults.push(format!("{place}: below {bound}"));
            }
            ("maximum", bound) if value.as_f64().zip(bound.as_f64()).is_some_and(|(v, b)| v > b) => {
                faults.push(format!("{place}: above {bound}"));
            }
            ("required", Value::Array(names)) => {
                let missing = |name: &&str| value.is_object() && value.get(*name).is_none();
                for name in names.iter().filter_map(Value::as_str).filter(missing) {
                    faults.push(format!("{place}: lacks {name}"));
                }
            }
            ("properties", Value::Object(properties)) => {
                for (name, schema) in properties {
                    if let Some(value) = value.get(name) {
                        check(root, schema, value, &format!("{place}.{name}"), faults);
                    }
                }
            }
            ("items", schema) => {
                for (at, value) in value.as_array().into_iter().flatten().enumerate() {
                    check(root, schema, value, &format!("{place}[{at}]"), faults);
                }
            }
            _ => {}
        }
    }
}

fn has_type(value: &Value, name: &str) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn reports_conform() {
        for document in [fixture::document(), fixture::empty_document()] {
            let value = serde_json::from_str(&document.json().expect("JSON")).expect("JSON");
            assert_eq!(violations(&value), Vec::<String>::new());
        }
    }

    #[test]
    fn every_required_field_of_a_transfer_is_missed_when_it_is_gone() {
        let text = fixture::document().json().expect("JSON");
        let whole: Value = serde_json::from_str(&text).expect("JSON");
        let names: Vec<String> = whole["transfers"][0].as_object().expect("object").keys().cloned().collect();
        for name in names {
            let mut cut = whole.clone();
            cut["transfers"][0].as_object_mut().expect("object").remove(&name);
            assert_eq!(violations(&cut), [format!("$.transfers[0]: lacks {name}")]);
        }
    }

    #[test]
    fn a_wrong_type_and_an_unknown_flag_are_found() {
        let mut value: Value = serde_json::from_str(&fixture::document().json().expect("JSON")).expect("JSON");
        value["transfers"][0]["served_bytes"] = Value::from("many");
        value["subjects"][0]["flags"] = serde_json::json!(["guilty"]);
        assert_eq!(violations(&value).len(), 2);
    }
}
