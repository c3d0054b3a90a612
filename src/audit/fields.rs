//! Fields of a notice as written, in whatever format, and the claim that they make.

use jiff::tz::TimeZone;

use super::act::{acts_in, acts_of_field};
use super::address::{self, looks_like_address};
use super::claim::{
    Act, ActBasis, Claim, Entry, NoticeFlag, Origin, Refusal, Refused, Transport, When, Who, Work, ZoneBasis,
};
use super::hash::{self, Label};
use super::names::{Ends, Name, Role};
use super::text::trimmed;
use super::time::{Impossible, Stated};

/// Statements of one notice, row or item, as written.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields {
    pub(super) address: Option<String>,
    pub(super) port: Option<String>,
    pub(super) protocol: Option<String>,
    pub(super) mapped: Option<(String, String)>,
    pub(super) first: Moment,
    pub(super) last: Moment,
    pub(super) zone: Option<String>,
    /// Further ranges.
    pub(super) also: Vec<(String, String)>,
    pub(super) hashes: Vec<(Label, String)>,
    pub(super) title: Option<String>,
    pub(super) file: Option<String>,
    pub(super) size: Option<String>,
    /// A field for the act.
    pub(super) act: Option<String>,
    pub(super) uploaded: Option<u64>,
    pub(super) downloaded: Option<u64>,
    /// Free text of the same notice.
    pub(super) text: String,
    pub(super) by: Option<String>,
    pub(super) agent: Option<String>,
    pub(super) id: Option<String>,
    pub(super) withdrawn: bool,
}

/// A time in one column or two.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) date: Option<String>,
    pub(super) time: Option<String>,
    /// The name of the column states UTC.
    pub(super) utc: bool,
}

impl Moment {
    fn text(&self) -> Option<String> {
        match (&self.date, &self.time) {
            (Some(date), Some(time)) => Some(format!("{date} {time}")),
            (Some(one), None) | (None, Some(one)) => Some(one.clone()),
            (None, None) => None,
        }
    }
}

impl Fields {
    /// Takes the value of a column or key; whether the name is known.
    pub(super) fn set(&mut self, name: &str, value: &str) -> bool {
        let Some(known) = Name::of(name) else {
            if let Some((hash, size)) = hash::hash_and_size(value) {
                self.hashes.push((Label::Either, hash));
                self.size.get_or_insert(size.to_string());
            }
            return false;
        };
        let value = trimmed(value);
        if value.is_empty() || matches!(known.role, Role::Kept) {
            return true;
        }
        let first = |slot: &mut Option<String>| {
            if slot.is_none() {
                *slot = Some(value.to_owned());
            }
        };
        match known.role {
            Role::Address => first(&mut self.address),
            Role::Port => first(&mut self.port),
            Role::Time(ends) => {
                let moment = if ends == Ends::Last { &mut self.last } else { &mut self.first };
                first(&mut moment.time);
                moment.utc |= known.utc;
            }
            Role::Date(ends) => {
                let moment = if ends == Ends::Last { &mut self.last } else { &mut self.first };
                first(&mut moment.date);
                moment.utc |= known.utc;
            }
            Role::Zone => first(&mut self.zone),
            Role::Hash(label) => self.hashes.push((label, value.to_owned())),
            Role::Title => first(&mut self.title),
            Role::File => first(&mut self.file),
            Role::Size if Name::is_rounded(name) => {}
            Role::Size => first(&mut self.size),
            Role::By => first(&mut self.by),
            Role::Id => first(&mut self.id),
            Role::Act => first(&mut self.act),
            Role::Protocol => first(&mut self.protocol),
            Role::Uploaded => self.uploaded = value.parse().ok().or(self.uploaded),
            Role::Kept => {}
        }
        true
    }

    /// Returns true if `name` is set already, so that a second one begins another notice.
    pub(super) fn has(&self, name: &str) -> bool {
        Name::of(name).is_some_and(|known| match known.role {
            Role::Address => self.address.is_some(),
            Role::Port => self.port.is_some(),
            Role::Time(Ends::Last) | Role::Date(Ends::Last) => self.last.text().is_some(),
            Role::Time(_) => self.first.time.is_some(),
            Role::Date(_) => self.first.date.is_some(),
            Role::Id => self.id.is_some(),
            _ => false,
        })
    }

    /// Returns true if any field of a claim is set.
    pub(super) fn is_notice(&self) -> bool {
        let what = !self.hashes.is_empty() || self.title.is_some() || self.file.is_some();
        self.address.is_some() || (what && self.first.text().is_some())
    }

    /// Takes fields that `self` lacks from `other`: columns above a table, or the parts of one report.
    pub(super) fn fill(&mut self, other: &Self) {
        fn take<T: Clone>(slot: &mut Option<T>, other: &Option<T>) {
            if slot.is_none() {
                slot.clone_from(other);
            }
        }
        take(&mut self.address, &other.address);
        take(&mut self.port, &other.port);
        take(&mut self.protocol, &other.protocol);
        take(&mut self.mapped, &other.mapped);
        if self.first == Moment::default() && self.last == Moment::default() {
            (self.first, self.last) = (other.first.clone(), other.last.clone());
        }
        take(&mut self.zone, &other.zone);
        if self.hashes.is_empty() {
            self.hashes.clone_from(&other.hashes);
        }
        take(&mut self.title, &other.title);
        take(&mut self.file, &other.file);
        take(&mut self.size, &other.size);
        take(&mut self.act, &other.act);
        take(&mut self.uploaded, &other.uploaded);
        take(&mut self.downloaded, &other.downloaded);
        take(&mut self.by, &other.by);
        take(&mut self.agent, &other.agent);
        take(&mut self.id, &other.id);
        if self.text.is_empty() {
            self.text.clone_from(&other.text);
        }
    }

    /// The claim that these fields make. `around` is the text of the mail around the notice, `zone` the user's word for
    /// times without one.
    pub(super) fn entry(&self, origin: Origin, around: &str, zone: Option<&TimeZone>, guessed: bool) -> Entry {
        let mut flags = Vec::new();
        if guessed {
            flags.push(NoticeFlag::GuessedEncoding);
        }
        let content = self.claim(around, zone, &mut flags);
        flags.sort_unstable();
        Entry { origin, copies: 1, flags, differing: Vec::new(), content }
    }

    fn claim(&self, around: &str, zone: Option<&TimeZone>, flags: &mut Vec<NoticeFlag>) -> Result<Claim, Refused> {
        let mut who = None;
        let refused = |why, found: &str, who| Err(Refused { why, found: cut(found), who });
        if self.withdrawn {
            return refused(Refusal::Retraction, "", self.who().ok());
        }
        match self.who() {
            Ok(found) => who = Some(found),
            Err((why, found)) => return refused(why, &found, who),
        }
        let Some(known) = who else { return refused(Refusal::NoAddress, "", who) };
        let Some(text) = self.first.text().or_else(|| self.last.text()) else {
            return refused(Refusal::NoTime, "", who);
        };
        let when = match self.when(&text, zone) {
            Ok((when, ambiguous)) => {
                if ambiguous && when.zone != ZoneBasis::Stated {
                    flags.push(NoticeFlag::ZoneAmbiguous);
                }
                when
            }
            Err(Impossible) => {
                let last = self.last.text().map(|last| format!(" to {last}")).unwrap_or_default();
                return refused(Refusal::ImpossibleTime, &format!("{text}{last}"), who);
            }
        };
        if when.zone == ZoneBasis::Assumed {
            flags.push(NoticeFlag::ZoneAssumed);
        }
        let mut hashes = Vec::new();
        for (label, text) in &self.hashes {
            match hash::parse(*label, text) {
                Ok(parsed) => hashes.extend(parsed),
                Err(hash::BadHash) => return refused(Refusal::BadHash, text, who),
            }
        }
        hashes.sort();
        hashes.dedup();
        let mut also = Vec::new();
        for (start, end) in &self.also {
            match range(start, end, self.zone.as_deref(), zone) {
                Ok((when, _)) => also.push(when),
                Err(Impossible) => return refused(Refusal::ImpossibleTime, &format!("{start} to {end}"), who),
            }
        }
        let (acts, act_basis, words) = self.acts(around);
        let what = Work {
            hashes,
            title: self.title.clone(),
            file: self.file.clone(),
            size: self.size.as_deref().and_then(size),
        };
        Ok(Claim { who: known, when, also, what, acts, act_basis, words, amount: self.uploaded })
    }

    fn who(&self) -> Result<Who, (Refusal, String)> {
        let text = self.address.as_deref().ok_or((Refusal::NoAddress, String::new()))?;
        let (address, beside) = address::parse(text).map_err(|_| (Refusal::BadAddress, text.to_owned()))?;
        let port = match self.port.as_deref() {
            Some(text) => address::port_of(text).map_err(|_| (Refusal::BadPort, text.to_owned()))?,
            None => None,
        };
        let transport =
            self.protocol.as_deref().and_then(|protocol| match protocol.trim().to_lowercase().as_str() {
                "6" | "tcp" => Some(Transport::Tcp),
                "17" | "udp" | "utp" => Some(Transport::Udp),
                _ => None,
            });
        let mapped = self.mapped.as_ref().and_then(|(address, port)| {
            let (address, beside) = address::parse(address).ok()?;
            Some((address, address::port_of(port).ok().flatten().or(beside)))
        });
        Ok(Who { address, port: port.or(beside), transport, mapped })
    }

    fn when(&self, text: &str, assumed: Option<&TimeZone>) -> Result<(When, bool), Impossible> {
        let zone = self.zone.as_deref();
        let utc = |moment: &Moment| if moment.utc { Some("UTC") } else { zone };
        let first = Stated::parse(text, utc(if self.first.text().is_some() { &self.first } else { &self.last }))?;
        let last = self.last.text().filter(|last| last != text);
        let placed = match &last {
            Some(last) => first.to(&Stated::parse(last, utc(&self.last))?, assumed)?,
            None => first.to(&first, assumed)?,
        };
        let written = match (&last, zone) {
            (Some(last), _) => format!("{text} to {last}"),
            (None, Some(zone)) if !text.contains(zone) => format!("{text} {zone}"),
            (None, _) => text.to_owned(),
        };
        Ok(when_of(written, placed))
    }

    fn acts(&self, around: &str) -> (Vec<Act>, ActBasis, String) {
        if let Some(field) = &self.act {
            let (acts, words) = acts_of_field(field);
            if !acts.is_empty() {
                return (acts, ActBasis::Field, words);
            }
        }
        let mut acts = Vec::new();
        acts.extend(self.uploaded.filter(|bytes| *bytes > 0).map(|_| Act::Uploaded));
        acts.extend(self.downloaded.filter(|bytes| *bytes > 0).map(|_| Act::Downloaded));
        if !acts.is_empty() {
            return (acts, ActBasis::Field, String::new());
        }
        for text in [self.text.as_str(), around] {
            let (acts, words) = acts_in(text);
            if !acts.is_empty() {
                return (acts, ActBasis::Text, cut(&words));
            }
        }
        (vec![Act::Unknown], ActBasis::Assumed, String::new())
    }
}

fn range(
    start: &str,
    end: &str,
    zone: Option<&str>,
    assumed: Option<&TimeZone>,
) -> Result<(When, bool), Impossible> {
    let (first, last) = (Stated::parse(start, zone)?, Stated::parse(end, zone)?);
    Ok(when_of(format!("{start} to {end}"), first.to(&last, assumed)?))
}

fn when_of(text: String, placed: super::time::Placed) -> (When, bool) {
    let super::time::Placed { readings, clock, precision, basis, ambiguous_zone } = placed;
    (When { text, precision, zone: basis, readings, clock }, ambiguous_zone)
}

/// Grouped digits (`250.001`, `250,001`, `250 001`); `None` for rounded sizes.
fn size(text: &str) -> Option<u64> {
    let text = trimmed(text);
    let text =
        ["bytes", "byte", "octets", "B"].iter().find_map(|unit| text.strip_suffix(unit)).unwrap_or(text).trim();
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok();
    }
    let groups: Vec<&str> = text.split(['.', ',', ' ', '\'', '\u{a0}', '\u{202f}']).collect();
    let (first, rest) = groups.split_first()?;
    let grouped = !rest.is_empty() && (1..=3).contains(&first.len()) && rest.iter().all(|group| group.len() == 3);
    let digits: String = groups.concat();
    (grouped && digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| digits.parse().ok()).flatten()
}

/// At most 80 characters.
fn cut(text: &str) -> String {
    text.chars().take(MOST_QUOTED).collect()
}

/// Returns true if a value can stand behind a key that is a word of everyday use.
pub(super) fn is_plausible(name: &str, value: &str) -> bool {
    match Name::of(name).map(|known| known.role) {
        Some(Role::Address) => {
            looks_like_address(value)
                || !matches!(super::names::plain(name).as_str(), "address" | "adresse" | "endpoint")
        }
        Some(Role::Time(_)) | Some(Role::Date(_)) => value.bytes().any(|byte| byte.is_ascii_digit()),
        _ => true,
    }
}

// Rationale: notices.md, section 3: names and titles are quoted and cut at 80 characters.
const MOST_QUOTED: usize = 80;
