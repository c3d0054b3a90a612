//! One file or part of a mail, recognised by what it holds and never by its name.

use super::{acns, csv, json, keys};
use crate::audit::claim::{Format, Refusal};
use crate::audit::fields::Fields;
use crate::audit::text::{decode, xml_encoding};
use crate::limits::PGP_ARMOURS;

/// Notices of a text, and the words around them.
#[derive(Debug, Default)]
pub(super) struct Content {
    pub(super) found: Vec<Found>,
    /// Words before any evidence.
    pub(super) free: String,
    /// Fields that are no notice alone.
    pub(super) loose: Option<Fields>,
}

/// The fields of one notice, or why there are none.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) part: Vec<u32>,
    /// From 1 within its part.
    pub(super) item: u64,
    pub(super) line: Option<u64>,
    pub(super) format: Format,
    /// The document within its part: several may stand in one text.
    pub(super) document: u32,
    /// Set if the encoding was guessed.
    pub(super) guessed: bool,
    pub(super) fields: Result<Fields, Refusal>,
}

impl Found {
    pub(super) fn of(part: Vec<u32>, format: Format, fields: Fields) -> Self {
        Self { part, item: 1, line: None, format, document: 0, guessed: false, fields: Ok(fields) }
    }

    pub(super) fn refused(part: Vec<u32>, format: Format, why: Refusal) -> Self {
        Self { part, item: 1, line: None, format, document: 0, guessed: false, fields: Err(why) }
    }

    pub(super) fn within(mut self, part: &[u32]) -> Self {
        self.part = part.to_vec();
        self
    }
}

impl Content {
    /// Bytes in the encoding that they state, or that is `declared`.
    pub(super) fn of_bytes(bytes: &[u8], declared: Option<&str>, whole_file: bool) -> Self {
        if let Some(packed) = packed(bytes) {
            let found =
                if whole_file { vec![Found::refused(Vec::new(), packed, Refusal::Packed)] } else { Vec::new() };
            return Self { found, ..Self::default() };
        }
        let stated = xml_encoding(bytes);
        let (text, guessed) = decode(bytes, stated.as_deref().or(declared));
        let mut content = Self::of_text(&text, whole_file);
        content.found.iter_mut().for_each(|found| found.guessed = guessed);
        content
    }

    /// A text, as a file of its own (`whole_file`) or as a part of a mail.
    pub(super) fn of_text(text: &str, whole_file: bool) -> Self {
        let text = text.trim_start_matches('\u{feff}');
        let body = text.trim_start();
        if body.starts_with('<') && (whole_file || body.contains("Infringement")) && !is_html(body) {
            return Self { found: documents(acns::read(body), 0), ..Self::default() };
        }
        if is_html(body) {
            return Self::of_text(&crate::audit::text::of_html(body), whole_file);
        }
        if body.starts_with(['{', '['])
            && (whole_file || json::read(body).iter().any(|object| object.fields.is_ok()))
        {
            let objects = json::read(body).into_iter().enumerate().map(|(index, object)| Found {
                part: Vec::new(),
                item: index as u64 + 1,
                line: object.line,
                format: object.format,
                document: 0,
                guessed: false,
                fields: object.fields,
            });
            return Self { found: objects.collect(), ..Self::default() };
        }
        if let Some(separator) = csv::separator(text) {
            let rows = csv::read(text, separator).into_iter().enumerate().map(|(index, row)| Found {
                part: Vec::new(),
                item: index as u64 + 1,
                line: Some(row.line),
                format: Format::Csv,
                document: 0,
                guessed: false,
                fields: row.fields,
            });
            return Self { found: rows.collect(), ..Self::default() };
        }
        Self::of_words(&unarmoured(text), whole_file)
    }

    /// A text for people, with XML, keys or tables in it.
    fn of_words(text: &str, whole_file: bool) -> Self {
        let mut content = Self::default();
        let mut words = String::new();
        let mut rest = text;
        let mut document = 0;
        while let Some((before, xml, behind)) = inline_xml(rest) {
            words.push_str(before);
            document += 1;
            content.found.extend(documents(acns::read(xml), document));
            rest = behind;
        }
        words.push_str(rest);
        let read = keys::read(&words);
        (content.free, content.loose) = (read.free, read.loose);
        if read.notices.is_empty() && content.found.is_empty() && whole_file {
            content.found.push(Found::refused(Vec::new(), Format::Unknown, Refusal::NoFields));
        }
        let format = if read.is_table { Format::TextTable } else { Format::Keys };
        content.found.extend(read.notices.into_iter().enumerate().map(|(index, row)| Found {
            part: Vec::new(),
            item: index as u64 + 1,
            line: Some(row.line),
            format,
            document: 0,
            guessed: false,
            fields: row.fields.ok_or(Refusal::BadRow),
        }));
        if let Some(free) = Some(content.free.clone()).filter(|_| whole_file) {
            for found in &mut content.found {
                if let Ok(fields) = &mut found.fields
                    && fields.text.is_empty()
                {
                    fields.text.clone_from(&free);
                }
            }
        }
        content
    }
}

fn documents(read: Result<Vec<Fields>, Refusal>, document: u32) -> Vec<Found> {
    let found = |(index, fields)| Found {
        part: Vec::new(),
        item: index as u64 + 1,
        line: None,
        format: Format::Acns,
        document,
        guessed: false,
        fields,
    };
    match read {
        Ok(items) => items.into_iter().map(Ok).enumerate().map(found).collect(),
        Err(why) => vec![found((0, Err(why)))],
    }
}

fn is_html(text: &str) -> bool {
    let head: String = text.chars().take(200).collect::<String>().to_lowercase();
    head.starts_with("<!doctype html") || head.starts_with("<html") || head.contains("<html")
}

/// The format of bytes that have to be unpacked first; `None` for all others.
fn packed(bytes: &[u8]) -> Option<Format> {
    let magics: [&[u8]; 5] = [b"\x1f\x8b", b"PK\x03\x04", b"%PDF-", b"\xfd7zXZ", b"BZh"];
    magics.iter().any(|magic| bytes.starts_with(magic)).then_some(Format::Unknown)
}

/// The text before an XML notice, the notice, and the text behind it: between the marks of ACNS, or from its declaration or
/// root to its end.
fn inline_xml(text: &str) -> Option<(&str, &str, &str)> {
    let root = text.find("<Infringement").filter(|at| {
        text.get(at + "<Infringement".len()..)
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_whitespace() || c == '>'))
    })?;
    let declared = text.get(..root)?.rfind("<?xml");
    let doctype = text.get(..root)?.rfind("<!DOCTYPE");
    let begin = declared.or(doctype).unwrap_or(root);
    // A declaration of another document further up is not this one's.
    let begin = if text.get(begin..root)?.contains("</") { root } else { begin };
    let end_mark = "</Infringement>";
    let end = text.get(root..)?.find(end_mark).map_or(text.len(), |at| root + at + end_mark.len());
    let (before, behind) = (text.get(..begin)?, text.get(end..)?);
    Some((before, text.get(begin..end)?, behind))
}

/// A text without PGP armour (RFC 4880, section 7): dash escapes undone, signatures left out; each armour added its own.
fn unarmoured(text: &str) -> String {
    let mut text = text.to_owned();
    for _ in 0..PGP_ARMOURS {
        let Some(begin) = text.find("-----BEGIN PGP SIGNED MESSAGE-----") else { break };
        let (before, armoured) = text.split_at_checked(begin).unwrap_or((&text, ""));
        let signature = armoured.find("-----BEGIN PGP SIGNATURE-----").map(|at| begin + at);
        let body_end = signature.unwrap_or(text.len());
        let body = text.get(begin..body_end).unwrap_or_default();
        // Hash headers end with a blank line.
        let start = body
            .find("\n\n")
            .map(|at| at + 2)
            .or_else(|| body.find("\n\r\n").map(|at| at + 3))
            .unwrap_or(body.len());
        let lines = body.get(start..).unwrap_or_default().lines();
        let inner: Vec<&str> = lines.map(|line| line.strip_prefix("- ").unwrap_or(line)).collect();
        let behind = signature.and_then(|at| {
            let rest = text.get(at..)?;
            let end = "-----END PGP SIGNATURE-----";
            rest.get(rest.find(end)? + end.len()..)
        });
        text = format!("{before}{}\n{}", inner.join("\n"), behind.unwrap_or_default());
    }
    let quoted = text.lines().filter(|line| !line.trim().is_empty()).all(|line| line.starts_with('>'));
    if quoted && !text.trim().is_empty() {
        let lines: Vec<&str> =
            text.lines().map(|line| line.trim_start_matches('>').trim_start_matches(' ')).collect();
        return lines.join("\n");
    }
    text
}
