//! ACNS XML, 0.6 to 1.2: by local names, whatever the order and the namespace. Nothing is expanded, nothing is opened.

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use crate::audit::claim::Refusal;
use crate::audit::fields::Fields;
use crate::audit::hash::Label;
use crate::limits::{ACNS_DEPTH, ACNS_ELEMENTS, ACNS_TEXT_BYTES};

/// The notices of a document: one for each `Item`, else one for its `Source`.
///
/// # Errors
/// The reason why nothing in the document is used.
pub(super) fn read(xml: &str) -> Result<Vec<Fields>, Refusal> {
    let mut reader = Reader::from_str(xml);
    let mut document = Document::default();
    let mut elements = 0_u32;
    loop {
        let event = reader.read_event().map_err(|_| Refusal::BadXml)?;
        match event {
            Event::DocType(_) => return Err(Refusal::XmlDoctype),
            Event::Start(start) => {
                elements += 1;
                document.open(&start)?;
            }
            Event::Empty(start) => {
                elements += 1;
                document.open(&start)?;
                document.close()?;
            }
            Event::End(_) => {
                document.close()?;
                if document.path.is_empty() {
                    break;
                }
            }
            Event::Text(text) => document.text(&text.decode().map_err(|_| Refusal::BadXml)?)?,
            Event::CData(text) => document.text(&text.decode().map_err(|_| Refusal::BadXml)?)?,
            Event::GeneralRef(entity) => {
                let name = entity.decode().map_err(|_| Refusal::BadXml)?;
                let c = match &*name {
                    "amp" => '&',
                    "lt" => '<',
                    "gt" => '>',
                    "quot" => '"',
                    "apos" => '\'',
                    _ => entity.resolve_char_ref().ok().flatten().ok_or(Refusal::BadXml)?,
                };
                document.text(c.encode_utf8(&mut [0; 4]))?;
            }
            // Comments are no content, instructions are not followed.
            Event::Comment(_) | Event::PI(_) | Event::Decl(_) => {}
            Event::Eof => return Err(if elements == 0 { Refusal::NotANotice } else { Refusal::BadXml }),
        }
        if elements > ACNS_ELEMENTS {
            return Err(Refusal::XmlLimit);
        }
    }
    document.finish()
}

#[derive(Debug, Default)]
struct Document {
    path: Vec<String>,
    /// Text of the element that is open.
    value: String,
    root: String,
    /// All that stands outside of items.
    source: Fields,
    item: Option<Fields>,
    items: Vec<Fields>,
    hash_label: String,
}

impl Document {
    fn open(&mut self, start: &BytesStart<'_>) -> Result<(), Refusal> {
        if self.path.len() >= ACNS_DEPTH {
            return Err(Refusal::XmlLimit);
        }
        let name = String::from_utf8_lossy(start.local_name().as_ref()).into_owned();
        if self.path.is_empty() {
            self.root.clone_from(&name);
        }
        self.path.push(name.clone());
        self.value.clear();
        match name.as_str() {
            "Item" => self.item = Some(Fields::default()),
            "Hash" => self.hash_label = attribute(start, "Type")?.unwrap_or_default(),
            "Type" if attribute(start, "Retraction")?.is_some_and(|value| matches!(value.trim(), "true" | "1")) => {
                self.source.withdrawn = true;
            }
            "AlsoSeen" => {
                let (from, to) = (attribute(start, "Start")?, attribute(start, "End")?);
                if let (Some(item), Some(from)) = (&mut self.item, from) {
                    let to = to.unwrap_or_else(|| from.clone());
                    item.also.push((from, to));
                }
            }
            "Mapping" => {
                let of = |name| attribute(start, name).map(Option::unwrap_or_default);
                let (address, port) = (of("MappedIP")?, of("MappedPort")?);
                if !address.is_empty() {
                    self.source.mapped = Some((address, port));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), Refusal> {
        if self.value.len() + text.len() > ACNS_TEXT_BYTES {
            return Err(Refusal::XmlLimit);
        }
        self.value.push_str(text);
        Ok(())
    }

    fn close(&mut self) -> Result<(), Refusal> {
        let name = self.path.pop().ok_or(Refusal::BadXml)?;
        let value = std::mem::take(&mut self.value);
        if name == "Item" {
            self.items.extend(self.item.take());
            return Ok(());
        }
        let parent = self.path.last().map(String::as_str).unwrap_or_default();
        let value = value.trim();
        if name == "TextNotice" {
            self.source.text = value.to_owned();
        }
        if value.is_empty() {
            return Ok(());
        }
        let source = &mut self.source;
        let value = value.to_owned();
        match (parent, name.as_str()) {
            ("Case", "ID") => source.id = Some(value),
            ("Complainant", "Entity") => source.by = Some(value),
            ("Source", "TimeStamp") => source.first.time = Some(value),
            ("Source", "IP_Address") => source.address = Some(value),
            ("Source", "Port") => source.port = Some(value),
            ("Source", "Protocol") => source.protocol = Some(value),
            ("Item", field) => {
                let Some(item) = &mut self.item else { return Ok(()) };
                match field {
                    "TimeStamp" => item.first.time = Some(value),
                    "Title" => item.title = Some(value),
                    "FileName" => item.file = Some(value),
                    "FileSize" => item.size = Some(value),
                    "Hash" => item.hashes.push((Label::of(&self.hash_label), value)),
                    _ => {}
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<Fields>, Refusal> {
        if self.root != "Infringement" {
            return Err(Refusal::NotANotice);
        }
        if self.items.is_empty() {
            return Ok(vec![self.source]);
        }
        for item in &mut self.items {
            item.withdrawn = self.source.withdrawn;
            item.fill(&self.source);
        }
        Ok(self.items)
    }
}

fn attribute(start: &BytesStart<'_>, name: &str) -> Result<Option<String>, Refusal> {
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|_| Refusal::BadXml)?;
        if attribute.key.local_name().as_ref() == name.as_bytes() {
            let value = attribute.normalized_value(XmlVersion::default()).map_err(|_| Refusal::BadXml)?;
            return Ok(Some(value.into_owned()));
        }
    }
    Ok(None)
}
