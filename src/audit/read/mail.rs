//! Mails (RFC 5322, MIME): their parts, whatever is nested, each by its own content; and mailboxes.

use mail_parser::{Message, MessageParser, MimeHeaders, PartType};

use super::content::{Content, Found};
use crate::audit::claim::{Format, Refusal};
use crate::audit::fields::Fields;
use crate::audit::text::of_html;
use crate::limits::{MAIL_DEPTH, MAIL_HEAD_BYTES, MAIL_PARTS};

/// The parts of a mail that may hold notices.
#[derive(Debug, Default)]
pub(super) struct Mail {
    /// Notices of the parts, in the order of the parts.
    pub(super) found: Vec<Found>,
    /// The words of its parts before any evidence; of its subject where they have none.
    pub(super) around: String,
    /// Of its `From`: the name or the address.
    pub(super) sender: Option<String>,
    /// Fields of its parts that are no notice alone.
    loose: Vec<Fields>,
}

/// Reads a mail.
///
/// # Errors
/// Why nothing of it is read.
pub(super) fn read(bytes: &[u8]) -> Result<Mail, Refusal> {
    let head = memchr::memmem::find(bytes, b"\n\r\n").or_else(|| memchr::memmem::find(bytes, b"\n\n"));
    if head.unwrap_or(bytes.len()) > MAIL_HEAD_BYTES {
        return Err(Refusal::MimeLimit);
    }
    // Nested mails are built one in the other, before their depth can be counted.
    let nested =
        memchr::memmem::find_iter(bytes, b"rfc822").count() + memchr::memmem::find_iter(bytes, b"RFC822").count();
    if nested > MAIL_PARTS {
        return Err(Refusal::MimeLimit);
    }
    let message = MessageParser::default().parse(bytes).ok_or(Refusal::NotANotice)?;
    let mut mail = Mail { sender: sender(&message), ..Mail::default() };
    let mut walk = Walk { parts: 0, mail: &mut mail };
    walk.message(&message, &[], 0)?;
    // The feedback part of an ARF names address and time; the hash may stand alone in another one.
    for feedback in mail.found.iter_mut().filter(|found| found.format == Format::Arf) {
        let Ok(fields) = &mut feedback.fields else { continue };
        mail.loose.iter().for_each(|loose| fields.fill(loose));
    }
    if mail.around.trim().is_empty() {
        mail.around = message.subject().unwrap_or_default().to_owned();
    }
    Ok(mail)
}

/// The mails of a mailbox, each from its `From ` line on; the rest of `bytes` that may not be whole is left.
pub(super) fn split_mailbox(bytes: &[u8], last: bool) -> (Vec<&[u8]>, usize) {
    let mut starts = Vec::new();
    if bytes.starts_with(b"From ") {
        starts.push(0);
    }
    starts.extend(memchr::memmem::find_iter(bytes, b"\nFrom ").filter_map(|at| {
        // A blank line stands before it; else it is a line of a mail that nobody quoted.
        let before = bytes.get(..at)?;
        (before.ends_with(b"\n") || before.ends_with(b"\n\r") || before.is_empty()).then_some(at + 1)
    }));
    let mut mails = Vec::new();
    for (index, start) in starts.iter().enumerate() {
        let end = match starts.get(index + 1) {
            Some(end) => *end,
            None if last => bytes.len(),
            None => break,
        };
        let mail = bytes.get(*start..end).unwrap_or_default();
        let body = mail.iter().position(|byte| *byte == b'\n').map_or(mail.len(), |at| at + 1);
        mails.push(mail.get(body..).unwrap_or_default());
    }
    let used = if last { bytes.len() } else { starts.last().copied().unwrap_or(0) };
    (mails, used)
}

struct Walk<'m> {
    parts: usize,
    mail: &'m mut Mail,
}

impl Walk<'_> {
    fn message(&mut self, message: &Message<'_>, path: &[u32], depth: usize) -> Result<(), Refusal> {
        if depth > MAIL_DEPTH {
            return Err(Refusal::MimeTooDeep);
        }
        self.part(message, 0, path, depth, true)
    }

    fn part(
        &mut self,
        message: &Message<'_>,
        index: u32,
        path: &[u32],
        depth: usize,
        root: bool,
    ) -> Result<(), Refusal> {
        let Some(part) = message.part(index) else { return Ok(()) };
        self.parts += 1;
        if depth > MAIL_DEPTH {
            return Err(Refusal::MimeTooDeep);
        }
        if self.parts > MAIL_PARTS {
            return Err(Refusal::MimeLimit);
        }
        let own: Vec<u32> = if root && !matches!(part.body, PartType::Multipart(_)) {
            path.iter().copied().chain([1]).collect()
        } else {
            path.to_vec()
        };
        let kind = part.content_type();
        let is = |main: &str, sub: &str| {
            kind.is_some_and(|kind| {
                kind.ctype().eq_ignore_ascii_case(main)
                    && kind.subtype().is_some_and(|found| found.eq_ignore_ascii_case(sub))
            })
        };
        let charset = kind.and_then(|kind| kind.attribute("charset"));
        match &part.body {
            PartType::Multipart(children) => {
                for (number, child) in children.iter().enumerate() {
                    let path: Vec<u32> = path.iter().copied().chain([number as u32 + 1]).collect();
                    self.part(message, *child, &path, depth + 1, false)?;
                }
            }
            PartType::Message(inner) => self.message(inner, &own, depth + 1)?,
            PartType::Html(html) => self.take(Content::of_text(&of_html(html), false), &own),
            PartType::Text(text) if is("message", "feedback-report") => self.feedback(text, &own),
            PartType::Text(text) => self.take(Content::of_text(text, false), &own),
            PartType::Binary(bytes) | PartType::InlineBinary(bytes) if is("message", "feedback-report") => {
                self.feedback(&String::from_utf8_lossy(bytes), &own);
            }
            PartType::Binary(bytes) | PartType::InlineBinary(bytes) => {
                let content = Content::of_bytes(bytes, charset, false);
                if part.is_encoding_problem && content.found.is_empty() {
                    self.mail.found.push(Found::refused(own, Format::Mail, Refusal::BadPart));
                } else {
                    self.take(content, &own);
                }
            }
        }
        Ok(())
    }

    fn take(&mut self, content: Content, path: &[u32]) {
        if !content.free.trim().is_empty() {
            self.mail.around.push_str(&content.free);
            self.mail.around.push('\n');
        }
        self.mail.loose.extend(content.loose);
        self.mail.found.extend(content.found.into_iter().map(|found| found.within(path)));
    }

    /// ARF (RFC 5965, RFC 6692): `Arrival-Date` is when it happened.
    fn feedback(&mut self, text: &str, path: &[u32]) {
        let mut fields = Fields::default();
        for line in text.lines() {
            let Some((name, value)) = line.split_once(':') else { continue };
            let value = Some(value.trim().to_owned()).filter(|value| !value.is_empty());
            match name.trim().to_ascii_lowercase().as_str() {
                "source-ip" => fields.address = value,
                "source-port" => fields.port = value,
                "arrival-date" | "received-date" => fields.first.time = value,
                _ => {}
            }
        }
        if fields.address.is_some() {
            self.mail.found.push(Found::of(path.to_vec(), Format::Arf, fields));
        }
    }
}

fn sender(message: &Message<'_>) -> Option<String> {
    let address = message.from()?.first()?;
    address.name().or(address.address()).map(str::to_owned)
}
