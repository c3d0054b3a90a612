//! Notices to claims: files, mails, mailboxes; nothing of them is believed, and nothing is opened besides them.

mod acns;
mod content;
mod copies;
mod csv;
mod json;
mod keys;
mod mail;

use crate::limits::{NOTICE_BYTES, NOTICE_CLAIMS};
use std::io::Read;

use jiff::tz::TimeZone;

use super::claim::{Entry, Format, NoticeFlag, Origin, Refusal, Refused};
use content::{Content, Found};

/// Reads notices, and keeps their claims.
#[derive(Debug)]
pub struct Notices {
    zone: Option<TimeZone>,
    entries: Vec<Entry>,
    /// Claims for which there was no room.
    left_out: u64,
}

impl Notices {
    /// No notices yet; `zone` is the user's word for times without one.
    pub fn new(zone: Option<TimeZone>) -> Self {
        Self { zone, entries: Vec::new(), left_out: 0 }
    }

    /// The claims, sorted by notice, part and item, copies joined; and how many there was no room for.
    pub fn finish(mut self) -> (Vec<Entry>, u64) {
        copies::across_mails(&mut self.entries);
        self.entries.sort_by(|one, other| one.origin.cmp(&other.origin));
        (self.entries, self.left_out)
    }

    /// Reads one file, called `name` in what is said of it.
    ///
    /// # Errors
    /// Whatever `reader` gives.
    pub fn read(&mut self, name: &str, mut reader: impl Read) -> std::io::Result<()> {
        let mut bytes = Vec::new();
        reader.by_ref().take(NOTICE_BYTES as u64 + 1).read_to_end(&mut bytes)?;
        if bytes.starts_with(b"From ") {
            return self.mailbox(name, bytes, reader);
        }
        if bytes.len() > NOTICE_BYTES {
            self.refuse(name, Vec::new(), Format::Unknown, Refusal::TooLarge);
        } else if is_mail(&bytes) {
            self.mail(name, &[], &bytes);
        } else {
            let content = Content::of_bytes(&bytes, None, true);
            self.assemble(name, &[], content.found, &content.free, None, is_signed(&bytes));
        }
        Ok(())
    }

    /// Mail by mail, so that no more than one is held.
    fn mailbox(&mut self, name: &str, mut bytes: Vec<u8>, mut reader: impl Read) -> std::io::Result<()> {
        let mut number = 0;
        loop {
            let before = bytes.len();
            reader.by_ref().take(CHUNK).read_to_end(&mut bytes)?;
            let last = bytes.len() == before;
            let (mails, used) = mail::split_mailbox(&bytes, last);
            for mail in mails {
                number += 1;
                self.mail(name, &[number], mail);
            }
            if last {
                return Ok(());
            }
            bytes.drain(..used);
            if bytes.len() > NOTICE_BYTES {
                // One mail that is longer than a notice may be: it is passed over, up to the next.
                number += 1;
                self.refuse(name, vec![number], Format::Mail, Refusal::TooLarge);
                let mut tail = bytes.split_off(bytes.len().saturating_sub(5));
                loop {
                    let known = tail.len();
                    reader.by_ref().take(CHUNK).read_to_end(&mut tail)?;
                    if tail.len() == known {
                        return Ok(());
                    }
                    if let Some(at) = memchr::memmem::find(&tail, b"\nFrom ") {
                        bytes = tail.split_off(at + 1);
                        break;
                    }
                    tail.drain(..tail.len().saturating_sub(5));
                }
            }
        }
    }

    fn mail(&mut self, name: &str, part: &[u32], bytes: &[u8]) {
        if bytes.len() > NOTICE_BYTES {
            return self.refuse(name, part.to_vec(), Format::Mail, Refusal::TooLarge);
        }
        match mail::read(bytes) {
            Err(why) => self.refuse(name, part.to_vec(), Format::Mail, why),
            Ok(mail) if mail.found.is_empty() => self.refuse(name, part.to_vec(), Format::Mail, Refusal::NoFields),
            Ok(mail) => {
                self.assemble(name, part, mail.found, &mail.around, mail.sender.as_deref(), is_signed(bytes))
            }
        }
    }

    /// The claims of one file or mail, copies joined.
    fn assemble(
        &mut self,
        name: &str,
        part: &[u32],
        mut found: Vec<Found>,
        around: &str,
        sender: Option<&str>,
        signed: bool,
    ) {
        copies::complete(&mut found);
        let mut entries: Vec<(u32, Entry)> = Vec::new();
        for Found { part: within, item, line, format, document, guessed, fields } in found {
            let part = part.iter().copied().chain(within).collect();
            let own = fields.as_ref().ok();
            let by = own.and_then(|fields| fields.by.clone());
            let sender = sender.map(str::to_owned).filter(|sender| by.as_ref() != Some(sender));
            let origin = Origin {
                input: name.to_owned(),
                part,
                item,
                line,
                format,
                case_id: own.and_then(|fields| fields.id.clone()),
                agent: own.and_then(|fields| fields.agent.clone()).or(sender),
                by,
            };
            let mut entry = match fields {
                Ok(fields) => fields.entry(origin, around, self.zone.as_ref(), guessed),
                Err(why) => refused(origin, why),
            };
            if signed {
                entry.flags.insert(0, NoticeFlag::Signed);
            }
            entries.push((document, entry));
        }
        for entry in copies::within_mail(entries) {
            self.keep(entry);
        }
    }

    fn refuse(&mut self, name: &str, part: Vec<u32>, format: Format, why: Refusal) {
        let origin = Origin {
            input: name.to_owned(),
            part,
            item: 1,
            line: None,
            format,
            case_id: None,
            by: None,
            agent: None,
        };
        self.keep(refused(origin, why));
    }

    fn keep(&mut self, entry: Entry) {
        if self.entries.len() < NOTICE_CLAIMS { self.entries.push(entry) } else { self.left_out += 1 }
    }
}

fn refused(origin: Origin, why: Refusal) -> Entry {
    let content = Err(Refused { why, found: String::new(), who: None });
    Entry { origin, copies: 1, flags: Vec::new(), differing: Vec::new(), content }
}

/// Returns true if a signature of a kind that notices carry is on or in a file or mail.
fn is_signed(bytes: &[u8]) -> bool {
    let marks = ["-----BEGIN PGP SIG", "multipart/signed", "pkcs7-signature", "xmldsig#"];
    marks.iter().any(|mark| memchr::memmem::find(bytes, mark.as_bytes()).is_some())
}

/// Returns true if bytes begin with a head of mail.
fn is_mail(bytes: &[u8]) -> bool {
    let head = bytes.get(..bytes.len().min(HEAD)).unwrap_or_default();
    let head = String::from_utf8_lossy(head);
    let mut any = false;
    for line in head.trim_start_matches('\u{feff}').lines() {
        if line.is_empty() {
            break;
        }
        if line.starts_with([' ', '\t']) && any {
            continue;
        }
        let Some((name, _)) = line.split_once(':') else { return false };
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return false;
        }
        any = true;
        if ["mime-version", "received", "from", "return-path"].contains(&name.to_ascii_lowercase().as_str()) {
            return true;
        }
    }
    false
}

// Rationale: heads of mails that crossed many servers are some kilobytes long.
const HEAD: usize = 64 << 10;
const CHUNK: u64 = 4 << 20;

#[cfg(test)]
mod tests;
