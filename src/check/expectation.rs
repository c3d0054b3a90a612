//! `expect.toml`: what is read of it, and what is refused, with its line.

use std::fmt;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::condition::{Bounds, Files, Glob, number, rung};
use crate::anomaly::Kind;
use crate::evidence::{Bytes, Flag, Grade, OpaqueKind};
use crate::options::ChecksumPolicy;

/// An expectation of a capture's report, as its file states it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expectation {
    /// How its captures are read.
    pub settings: Settings,
    pub(super) subjects: Vec<Entry>,
    pub(super) torrents: Vec<Entry>,
    pub(super) anomalies: Vec<Rule>,
    pub(super) opaque: Vec<Rule>,
    pub(super) mentions: Vec<Rule>,
}

/// How the captures of a case are read: `[options]`, those of `analyze`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Its captures, by name in its folder; every one of them where it is empty.
    pub captures: Vec<String>,
    /// Its torrents, by name in its folder, as magnet links or info-hashes; every one of the folder where it is empty.
    pub torrents: Vec<String>,
    /// Policy for checksums of the run.
    pub checksums: ChecksumPolicy,
    /// Tunnels, as `udp:PORT=FORMAT`.
    pub tunnels: Vec<String>,
    /// The file of secrets, by name in the folder.
    pub mse_secrets: Option<String>,
    /// Rows for transfers without piece data.
    pub max_rows: Option<usize>,
}

/// A subject or a torrent that has to be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its line, counted from 1.
    pub(super) line: usize,
    /// Which rows it may be.
    pub(super) selectors: Vec<Rule>,
    /// Rules that the row has to fulfil.
    pub(super) rules: Vec<Rule>,
    /// How many rows have to fulfil it; where it is not stated, one that fulfils no other entry.
    pub(super) count: Option<Rule>,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) line: usize,
    pub(super) key: String,
    /// As written, for the reader.
    pub(super) text: String,
    pub(super) condition: Condition,
}

/// The condition of one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    Number(Bounds<u64>),
    Grade(Bounds<Grade>),
    Truth(bool),
    Text(Glob),
    Flags(Vec<Flag>),
    Files(Files),
}

/// Why an expectation cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The line, counted from 1.
    pub line: usize,
    /// The value that was found there, and the one that was expected.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

impl Expectation {
    /// Reads the text of an `expect.toml`.
    ///
    /// # Errors
    /// A [`Fault`]: text that is no TOML, an unknown key, a value that the key cannot have, or nothing that is expected.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let lines = Lines(text);
        let table = DeTable::parse(text).map_err(|error| Fault {
            line: error.span().map_or(1, |span| lines.of(span.start)),
            what: error.message().to_owned(),
        })?;
        let mut read = Self::default();
        for (key, value) in table.get_ref() {
            let name: &str = key.get_ref();
            let line = lines.of(key.span().start);
            match name {
                "options" => read.settings = settings(lines, table_of(line, name, value)?)?,
                "subject" => read.subjects = entries(lines, line, name, value, SUBJECT)?,
                "torrent" => read.torrents = entries(lines, line, name, value, TORRENT)?,
                "anomalies" => read.anomalies = counts(lines, table_of(line, name, value)?, is_anomaly)?,
                "opaque" => read.opaque = counts(lines, table_of(line, name, value)?, is_opaque)?,
                "mentions" => read.mentions = counts(lines, table_of(line, name, value)?, is_mention)?,
                _ => {
                    return Err(unknown(
                        line,
                        name,
                        &["options", "subject", "torrent", "anomalies", "opaque", "mentions"],
                    ));
                }
            }
        }
        if read.rules() == 0 {
            let what =
                "nothing is expected: no [[subject]], [[torrent]], [anomalies], [opaque] or [mentions]".to_owned();
            return Err(Fault { line: 1, what });
        }
        Ok(read)
    }

    /// Returns true if a line of its own counts the oddities of `kind`.
    pub fn counts(&self, kind: Kind) -> bool {
        self.anomalies.iter().any(|rule| rule.key == kind.name())
    }

    /// How many conditions it has.
    pub fn rules(&self) -> usize {
        let entries = self.subjects.iter().chain(&self.torrents);
        let of = |entry: &Entry| entry.rules.len().max(1) + usize::from(entry.count.is_some());
        entries.map(of).sum::<usize>() + self.anomalies.len() + self.opaque.len() + self.mentions.len()
    }
}

/// The keys of a row.
#[derive(Clone, Copy)]
struct Keys {
    selectors: &'static [&'static str],
    numbers: &'static [&'static str],
    others: &'static [&'static str],
}

const SUBJECT: Keys = Keys {
    selectors: &["client", "address", "transport", "peer_id", "info_hash"],
    numbers: &["received_bytes", "pieces_verified", "pieces_sole", "pieces_refuted", "pieces_advertised"],
    others: &["grade", "standard", "flags", "no_flags", "files"],
};
const TORRENT: Keys = Keys {
    selectors: &["name", "info_hash"],
    numbers: &["size", "pieces", "unique_bytes", "pieces_verified", "subjects", "transfers"],
    others: &[],
};

fn entries(
    lines: Lines<'_>,
    line: usize,
    name: &str,
    value: &Spanned<DeValue<'_>>,
    keys: Keys,
) -> Result<Vec<Entry>, Fault> {
    match value.get_ref() {
        DeValue::Table(table) => Ok(vec![entry(lines, line, table, keys)?]),
        DeValue::Array(array) => array
            .iter()
            .map(|each| match each.get_ref() {
                DeValue::Table(table) => entry(lines, lines.of(each.span().start), table, keys),
                _ => Err(Fault { line, what: format!("[[{name}]] is to be a table") }),
            })
            .collect(),
        _ => Err(Fault { line, what: format!("{name} is to be a table: [[{name}]]") }),
    }
}

fn entry(lines: Lines<'_>, line: usize, table: &DeTable<'_>, keys: Keys) -> Result<Entry, Fault> {
    let mut entry = Entry { line, selectors: Vec::new(), rules: Vec::new(), count: None };
    let figures = Bytes::FIGURES.iter().map(|figure| figure.name);
    for (key, value) in table {
        let name: &str = key.get_ref();
        let line = lines.of(key.span().start);
        let rule = |condition| Rule { line, key: name.to_owned(), text: lines.text(line).to_owned(), condition };
        let wrong = |expected: &str| Fault { line, what: format!("{name} is to be {expected}") };
        if keys.selectors.contains(&name) {
            let glob = text(value).and_then(Glob::parse).ok_or_else(|| wrong("a text, with * for any letters"))?;
            entry.selectors.push(rule(Condition::Text(glob)));
        } else if name == "count" {
            entry.count = Some(rule(Condition::Number(bounds(value).ok_or_else(|| wrong(A_NUMBER))?)));
        } else if keys.numbers.contains(&name) || figures.clone().any(|figure| figure == name) {
            entry.rules.push(rule(Condition::Number(bounds(value).ok_or_else(|| wrong(A_NUMBER))?)));
        } else if keys.others.contains(&name) {
            entry.rules.push(rule(special(name, value).map_err(|expected| wrong(&expected))?));
        } else {
            let known = [keys.selectors, &["count"], keys.others, keys.numbers].concat();
            let known: Vec<&str> = known.into_iter().chain(figures.clone()).collect();
            return Err(unknown(line, name, &known));
        }
    }
    Ok(entry)
}

/// Reads the value of a key that is neither a number nor a pattern; `Err` is what it has to be.
fn special(name: &str, value: &Spanned<DeValue<'_>>) -> Result<Condition, String> {
    match name {
        "grade" => text(value)
            .and_then(|text| Bounds::parse(text, rung))
            .map(Condition::Grade)
            .ok_or_else(|| "a rung from none and G2 to G9, or a bound such as \">=G8\"".to_owned()),
        "standard" => match value.get_ref() {
            DeValue::Boolean(truth) => Ok(Condition::Truth(*truth)),
            _ => Err("true or false".to_owned()),
        },
        "flags" | "no_flags" => {
            let names: Vec<&str> = Flag::ALL.iter().map(|flag| flag.name()).collect();
            let flag = |text: &str| Flag::ALL.iter().copied().find(|flag| flag.name() == text);
            let all = texts(value).and_then(|all| all.iter().map(|text| flag(text)).collect());
            all.map(Condition::Flags).ok_or_else(|| format!("a list of flags, of {}", names.join(", ")))
        }
        _ => files(value)
            .map(Condition::Files)
            .ok_or_else(|| "\"all\", a number of complete files, or a list of their paths".to_owned()),
    }
}

fn files(value: &Spanned<DeValue<'_>>) -> Option<Files> {
    if text(value) == Some("all") {
        return Some(Files::All);
    }
    if let Some(count) = bounds(value) {
        return Some(Files::Count(count));
    }
    let globs: Option<Vec<Glob>> = texts(value)?.iter().map(|text| Glob::parse(text)).collect();
    globs.map(Files::Named)
}

fn settings(lines: Lines<'_>, table: &DeTable<'_>) -> Result<Settings, Fault> {
    let mut settings = Settings::default();
    for (key, value) in table {
        let name: &str = key.get_ref();
        let line = lines.of(key.span().start);
        let wrong = |expected: &str| Fault { line, what: format!("{name} is to be {expected}") };
        let list = || texts(value).ok_or_else(|| wrong("a list of texts"));
        match name {
            "captures" => settings.captures = list()?,
            "torrents" => settings.torrents = list()?,
            "tunnels" => settings.tunnels = list()?,
            "mse_secrets" => {
                let file = text(value).ok_or_else(|| wrong("the name of a file"))?;
                settings.mse_secrets = Some(file.to_owned());
            }
            "checksums" => {
                let policy = text(value)
                    .and_then(|text| ChecksumPolicy::ALL.iter().copied().find(|known| known.name() == text));
                settings.checksums = policy.ok_or_else(|| wrong("\"ignore\", \"flag\" or \"drop\""))?;
            }
            "max_rows" => {
                let rows = integer(value).and_then(|rows| usize::try_from(rows).ok());
                settings.max_rows = Some(rows.ok_or_else(|| wrong("a number of rows"))?);
            }
            _ => {
                let known = ["captures", "torrents", "checksums", "tunnels", "mse_secrets", "max_rows"];
                return Err(unknown(line, name, &known));
            }
        }
    }
    Ok(settings)
}

/// A table of counts.
fn counts(
    lines: Lines<'_>,
    table: &DeTable<'_>,
    is_known: fn(&str) -> Result<(), Vec<&'static str>>,
) -> Result<Vec<Rule>, Fault> {
    let one = |(key, value): (&Spanned<std::borrow::Cow<'_, str>>, &Spanned<DeValue<'_>>)| {
        let name: &str = key.get_ref();
        let line = lines.of(key.span().start);
        is_known(name).map_err(|known| unknown(line, name, &known))?;
        let bounds = bounds(value).ok_or_else(|| Fault { line, what: format!("{name} is to be {A_NUMBER}") })?;
        let text = lines.text(line).to_owned();
        Ok(Rule { line, key: name.to_owned(), text, condition: Condition::Number(bounds) })
    };
    table.iter().map(one).collect()
}

fn is_anomaly(name: &str) -> Result<(), Vec<&'static str>> {
    let known: Vec<&'static str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
    if name == OTHERS || known.contains(&name) { Ok(()) } else { Err([known, vec![OTHERS]].concat()) }
}

fn is_opaque(name: &str) -> Result<(), Vec<&'static str>> {
    let known: Vec<&'static str> = OpaqueKind::ALL.iter().map(|kind| kind.name()).chain(["rows"]).collect();
    if known.contains(&name) { Ok(()) } else { Err(known) }
}

fn is_mention(name: &str) -> Result<(), Vec<&'static str>> {
    const KNOWN: [&str; 5] = ["rows", "addresses", "G0", "G1a", "G1b"];
    if KNOWN.contains(&name) { Ok(()) } else { Err(KNOWN.to_vec()) }
}

/// The key for every kind that has no line of its own.
pub(super) const OTHERS: &str = "others";
const A_NUMBER: &str = "a number from 0, or bounds such as \">=4194304\" or \">0, <=7\"";

fn table_of<'t, 'i>(line: usize, name: &str, value: &'t Spanned<DeValue<'i>>) -> Result<&'t DeTable<'i>, Fault> {
    match value.get_ref() {
        DeValue::Table(table) => Ok(table),
        _ => Err(Fault { line, what: format!("{name} is to be a table: [{name}]") }),
    }
}

fn unknown(line: usize, name: &str, known: &[&str]) -> Fault {
    let name = crate::report::escaped(name);
    Fault { line, what: format!("unknown key {name}; expected one of {}", known.join(", ")) }
}

fn text<'t>(value: &'t Spanned<DeValue<'_>>) -> Option<&'t str> {
    match value.get_ref() {
        DeValue::String(text) => Some(text),
        _ => None,
    }
}

fn texts(value: &Spanned<DeValue<'_>>) -> Option<Vec<String>> {
    match value.get_ref() {
        DeValue::Array(array) => array.iter().map(|each| text(each).map(str::to_owned)).collect(),
        _ => None,
    }
}

fn integer(value: &Spanned<DeValue<'_>>) -> Option<u64> {
    match value.get_ref() {
        DeValue::Integer(digits) => u64::from_str_radix(digits.as_str(), digits.radix()).ok(),
        _ => None,
    }
}

fn bounds(value: &Spanned<DeValue<'_>>) -> Option<Bounds<u64>> {
    integer(value).map(Bounds::exactly).or_else(|| text(value).and_then(|text| Bounds::parse(text, number)))
}

/// Places in a text as lines, counted from 1.
#[derive(Clone, Copy)]
struct Lines<'t>(&'t str);

impl<'t> Lines<'t> {
    fn of(self, offset: usize) -> usize {
        self.0.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
    }

    fn text(self, line: usize) -> &'t str {
        self.0.lines().nth(line.saturating_sub(1)).unwrap_or_default().trim()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_documentation_is_read() {
        let text = "[options]\nchecksums = \"flag\"\n\n[[subject]]\nclient = \"libtorrent*\"\ngrade = \">=G8\"\n\
                    standard = true\nrefuted_bytes = 0\nserved_bytes = \">=4194304\"\nfiles = \"all\"\n\n\
                    [torrent]\npieces_verified = 64\n\n[anomalies]\noverlap-conflict = 0\n\n[mentions]\nG0 = \">0\"\n";
        let read = Expectation::parse(text).expect("read");
        assert_eq!(read.settings.checksums, ChecksumPolicy::Flag);
        assert_eq!((read.subjects.len(), read.torrents.len()), (1, 1));
        let subject = &read.subjects[0];
        assert_eq!((subject.line, subject.selectors.len(), subject.rules.len()), (4, 1, 5));
        assert_eq!(subject.rules.iter().map(|rule| rule.line).collect::<Vec<_>>().iter().min(), Some(&6));
        assert_eq!(read.rules(), 8);
    }

    #[test]
    fn what_cannot_be_meant_is_refused_by_line_with_what_was_expected() {
        for (text, line, words) in [
            ("", 1, "nothing is expected"),
            ("[[subject]]\nport = 6881\n", 2, "unknown key port; expected one of client, address"),
            ("[[subject]]\n\ngrade = \"G12\"\n", 3, "grade is to be a rung"),
            ("[[subject]]\nstandard = \"yes\"\n", 2, "standard is to be true or false"),
            ("[[subject]]\nserved_bytes = -1\n", 2, "served_bytes is to be a number from 0"),
            ("[[subject]]\nserved_bytes = \"many\"\n", 2, "served_bytes is to be a number from 0"),
            ("[[subject]]\nflags = [\"red\"]\n", 2, "a list of flags"),
            ("[anomalies]\nufo = 0\n", 2, "unknown key ufo"),
            ("[mentions]\nG2 = 0\n", 2, "unknown key G2"),
            ("[options]\nchecksums = \"on\"\n[[subject]]\n", 2, "\"ignore\", \"flag\" or \"drop\""),
            ("subject = 3\n", 1, "[[subject]]"),
            ("[torrent\n", 1, ""),
            ("[[subject]]\ngrade = \"G8\"\ngrade = \"G9\"\n", 3, "duplicate"),
        ] {
            let fault = Expectation::parse(text).expect_err(text);
            assert_eq!(fault.line, line, "{text}: {fault}");
            assert!(fault.what.contains(words), "{text}: {fault}");
        }
    }
}
