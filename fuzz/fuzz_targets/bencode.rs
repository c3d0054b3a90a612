//! Bencode: a canonical value is written back to the same bytes, and every value is where it says.

#![no_main]

use libfuzzer_sys::fuzz_target;
use peerproof::stages::bencode::{Bounds, Document, Item, Value, parse, parse_prefix};

fuzz_target!(|data: &[u8]| {
    let bounds = Bounds::default();
    let _ = parse(data, &Bounds { depth: 1, values: 3 });
    let Ok(document) = Document::parse(data, &bounds) else {
        assert!(parse(data, &bounds).is_err() && parse_prefix(data, &bounds).is_err());
        return;
    };
    check(data, &document.root);
    let prefix = parse_prefix(data, &bounds).expect("as the document");
    assert_eq!(prefix, (document.root.value.clone(), document.root.raw.len()));
    assert_eq!(parse(data, &bounds).is_ok(), document.whole(data).is_ok());
    if document.canonical() {
        let mut out = Vec::new();
        write(&document.root, &mut out);
        assert_eq!(out, document.root.raw, "canonical, but written otherwise");
    }
});

fn check(data: &[u8], item: &Item<'_>) {
    assert_eq!(data.get(item.offset..item.offset + item.raw.len()), Some(item.raw), "not where it says");
    match &item.value {
        Value::List(items) => items.iter().for_each(|item| check(data, item)),
        Value::Dict(entries) => entries.iter().for_each(|(_, item)| check(data, item)),
        Value::Int(_) | Value::Bytes(_) => {}
    }
}

fn write(value: &Value<'_>, out: &mut Vec<u8>) {
    let string = |bytes: &[u8], out: &mut Vec<u8>| {
        out.extend(format!("{}:", bytes.len()).as_bytes());
        out.extend(bytes);
    };
    match value {
        Value::Int(number) => out.extend(format!("i{number}e").as_bytes()),
        Value::Bytes(bytes) => string(bytes, out),
        Value::List(items) => {
            out.push(b'l');
            items.iter().for_each(|item| write(item, out));
            out.push(b'e');
        }
        Value::Dict(entries) => {
            out.push(b'd');
            for (key, item) in entries {
                string(key, out);
                write(item, out);
            }
            out.push(b'e');
        }
    }
}
