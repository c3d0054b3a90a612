//! Expectations held against a report: which rows fulfil which entries, and what differs.

use std::collections::BTreeSet;
use std::fmt;

use super::condition::Files;
use super::expectation::{Condition, Entry, Expectation, OTHERS, Rule};
use super::files_of;
use crate::evidence::{Bytes, Flag, Grade};
use crate::report::{Document, Subject, Torrent, escaped};

/// A difference between a report and its expectation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// The line at which its entry begins, counted from 1.
    pub entry: usize,
    /// Its own line, counted from 1.
    pub line: usize,
    /// Subject of the entry, as the expectation names it.
    pub about: String,
    /// The line as it stands.
    pub expected: String,
    /// Value of the report, which is not the expected one.
    pub found: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  - {}", self.expected)?;
        write!(f, "  + {}", self.found)
    }
}

impl Expectation {
    /// Differences between `report` and the expectation, by line; empty where there are none.
    pub fn differences(&self, report: &Document) -> Vec<Difference> {
        let mut out = Vec::new();
        let subjects: Vec<Row<'_>> =
            report.subjects.iter().map(|subject| Row { report, of: Of::Subject(subject) }).collect();
        let torrents: Vec<Row<'_>> =
            report.torrents.iter().map(|torrent| Row { report, of: Of::Torrent(torrent) }).collect();
        compare(&self.subjects, &subjects, "peer", &mut out);
        compare(&self.torrents, &torrents, "torrent", &mut out);
        counted("anomalies", &self.anomalies, &mut out, |key| {
            let stated = |name: &str| self.anomalies.iter().any(|rule| rule.key == name);
            let counts = report.anomalies.iter().filter(|anomaly| match key {
                OTHERS => !stated(anomaly.kind.name()),
                _ => anomaly.kind.name() == key,
            });
            counts.map(|anomaly| anomaly.count).sum()
        });
        counted("opaque", &self.opaque, &mut out, |key| {
            let rows = report.opaque.iter();
            rows.filter(|row| key == "rows" || row.kind.name() == key).count() as u64
        });
        counted("mentions", &self.mentions, &mut out, |key| match key {
            "rows" => report.mentions.len() as u64,
            "addresses" => {
                report.mentions.iter().map(|mention| mention.subject.ip).collect::<BTreeSet<_>>().len() as u64
            }
            grade => report.mentions.iter().filter(|mention| mention.grade.name() == grade).count() as u64,
        });
        out.sort();
        out
    }
}

fn counted(about: &str, rules: &[Rule], out: &mut Vec<Difference>, count: impl Fn(&str) -> u64) {
    for rule in rules {
        let found = count(&rule.key);
        if !matches!(&rule.condition, Condition::Number(bounds) if bounds.holds(found)) {
            out.push(Difference {
                entry: rule.line,
                line: rule.line,
                about: format!("[{about}]"),
                expected: rule.text.clone(),
                found: format!("{} = {found}", rule.key),
            });
        }
    }
}

/// Finds a row of its own for each entry, as many as can be had, and tells what is wrong with the nearest for the rest.
fn compare(entries: &[Entry], rows: &[Row<'_>], noun: &str, out: &mut Vec<Difference>) {
    let fits = |entry: &Entry, row: &Row<'_>| entry.rules.iter().all(|rule| row.found(rule).is_none());
    let selected = |entry: &Entry| -> Vec<usize> {
        let rows = rows.iter().enumerate();
        rows.filter(|(_, row)| entry.selectors.iter().all(|rule| row.fits(rule))).map(|(at, _)| at).collect()
    };
    let candidates: Vec<Vec<usize>> = entries.iter().map(selected).collect();
    let fitting: Vec<Vec<usize>> = entries
        .iter()
        .zip(&candidates)
        .map(|(entry, rows_of)| {
            rows_of.iter().copied().filter(|at| rows.get(*at).is_some_and(|row| fits(entry, row))).collect()
        })
        .collect();
    let mut owner: Vec<Option<usize>> = vec![None; rows.len()];
    for (at, entry) in entries.iter().enumerate() {
        if entry.count.is_none() {
            place(at, &fitting, &mut owner, &mut vec![false; rows.len()]);
        }
    }
    for (at, entry) in entries.iter().enumerate() {
        let (of_entry, fulfil) = (
            candidates.get(at).map(Vec::as_slice).unwrap_or_default(),
            fitting.get(at).map(Vec::as_slice).unwrap_or_default(),
        );
        let missing = match &entry.count {
            Some(count) => {
                let found = fulfil.len() as u64;
                if matches!(&count.condition, Condition::Number(bounds) if bounds.holds(found)) {
                    continue;
                }
                out.push(Difference {
                    entry: entry.line,
                    line: count.line,
                    about: entry.about(noun),
                    expected: count.text.clone(),
                    found: format!("count = {found}"),
                });
                found == 0
            }
            None => !owner.contains(&Some(at)),
        };
        if !missing {
            continue;
        }
        // The nearest: few differences first, and one that no other entry has.
        let nearest = of_entry
            .iter()
            .filter_map(|at| rows.get(*at).map(|row| (*at, row)))
            .min_by_key(|(at, row)| {
                let wrong = entry.rules.iter().filter(|rule| row.found(rule).is_some()).count();
                (owner.get(*at).is_some_and(Option::is_some), wrong, *at)
            })
            .map(|(_, row)| row);
        let differs = |rule: &Rule, found: String| Difference {
            entry: entry.line,
            line: rule.line,
            about: entry.about(noun),
            expected: rule.text.clone(),
            found,
        };
        let Some(row) = nearest else {
            let there: BTreeSet<String> = rows.iter().map(Row::name).collect();
            let there =
                if there.is_empty() { "none".to_owned() } else { there.into_iter().collect::<Vec<_>>().join("; ") };
            out.push(Difference {
                entry: entry.line,
                line: entry.line,
                about: entry.about(noun),
                expected: format!("a {noun} {}", entry.about(noun)),
                found: format!("no such {noun}; there: {there}"),
            });
            continue;
        };
        let before = out.len();
        out.extend(
            entry.rules.iter().filter_map(|rule| {
                row.found(rule).map(|found| differs(rule, format!("{found}   {}", row.cited())))
            }),
        );
        if out.len() == before && entry.count.is_none() {
            out.push(Difference {
                entry: entry.line,
                line: entry.line,
                about: entry.about(noun),
                expected: format!("a {noun} of its own"),
                found: format!("{} fulfils another entry, and there is no further one", row.cited()),
            });
        }
    }
}

/// Gives entry `at` a row, where need be by giving others another one (an augmenting path).
fn place(at: usize, fitting: &[Vec<usize>], owner: &mut [Option<usize>], seen: &mut [bool]) -> bool {
    let mut path: Vec<(usize, usize)> = vec![(at, 0)];
    // Depth first without recursion: an expectation may be long.
    while let Some((entry, next)) = path.last_mut() {
        let Some(row) = fitting.get(*entry).and_then(|rows| rows.get(*next)).copied() else {
            path.pop();
            continue;
        };
        *next += 1;
        match seen.get_mut(row) {
            Some(seen) if !*seen => *seen = true,
            _ => continue,
        }
        match owner.get(row).copied().flatten() {
            Some(other) => path.push((other, 0)),
            None => {
                for (entry, next) in path {
                    let row = fitting.get(entry).and_then(|rows| rows.get(next - 1));
                    if let Some(slot) = row.and_then(|row| owner.get_mut(*row)) {
                        *slot = Some(entry);
                    }
                }
                return true;
            }
        }
    }
    false
}

impl Entry {
    /// Its selectors as written.
    fn about(&self, noun: &str) -> String {
        let selectors: Vec<&str> = self.selectors.iter().map(|rule| rule.text.as_str()).collect();
        if selectors.is_empty() {
            format!("[[{}]]", if noun == "peer" { "subject" } else { noun })
        } else {
            selectors.join(", ")
        }
    }
}

/// A row of the report.
struct Row<'r> {
    report: &'r Document,
    of: Of<'r>,
}

enum Of<'r> {
    Subject(&'r Subject),
    Torrent(&'r Torrent),
}

impl Row<'_> {
    /// Returns true if a selector takes the row that `rule` is about.
    fn fits(&self, rule: &Rule) -> bool {
        let Condition::Text(glob) = &rule.condition else { return false };
        match (&self.of, rule.key.as_str()) {
            (Of::Subject(subject), "client") => subject.clients.iter().any(|client| glob.fits(client)),
            (Of::Subject(subject), "address") => glob.fits(&subject.endpoint.ip.to_string()),
            (Of::Subject(subject), "transport") => glob.fits(subject.transport.name()),
            (Of::Subject(subject), "peer_id") => subject.peer_ids.iter().any(|id| glob.fits(&id.to_string())),
            (Of::Subject(subject), _) => {
                subject.info_hash.as_ref().is_some_and(|hash| glob.fits(&hash.to_string()))
            }
            (Of::Torrent(torrent), "name") => torrent.name.as_ref().is_some_and(|name| glob.fits(name)),
            (Of::Torrent(torrent), _) => {
                let hashes = [
                    torrent.info_hash_v1.map(|hash| hash.to_string()),
                    torrent.info_hash_v2.map(|hash| hash.to_string()),
                ];
                glob.fits(&torrent.info_hash.to_string()) || hashes.iter().flatten().any(|hash| glob.fits(hash))
            }
        }
    }

    /// The row's own value in place of the one that `rule` asks for, as a line; `None` where the rule is fulfilled.
    fn found(&self, rule: &Rule) -> Option<String> {
        let line = |value: String| format!("{} = {value}", rule.key);
        match &rule.condition {
            Condition::Number(bounds) => {
                let found = self.number(&rule.key);
                (!found.is_some_and(|found| bounds.holds(found)))
                    .then(|| line(found.map_or_else(|| "?".to_owned(), |found| found.to_string())))
            }
            Condition::Grade(bounds) => {
                let grade = self.subject().map_or(Grade::None, |subject| subject.grade);
                (!bounds.holds(grade)).then(|| line(format!("\"{grade}\"")))
            }
            Condition::Truth(wanted) => {
                let met = self.subject().is_some_and(|subject| subject.actionable);
                (met != *wanted).then(|| line(met.to_string()))
            }
            Condition::Flags(flags) => {
                let own = self.subject().map(|subject| &subject.flags);
                let has = |flag: &Flag| own.is_some_and(|own| own.contains(flag));
                let wanted = rule.key == "flags";
                let right = flags.iter().all(|flag| has(flag) == wanted);
                let all: Vec<String> = own.into_iter().flatten().map(|flag| format!("\"{flag}\"")).collect();
                (!right).then(|| format!("flags = [{}]", all.join(", ")))
            }
            Condition::Files(files) => self.files(files).map(line),
            Condition::Text(_) => None,
        }
    }

    fn subject(&self) -> Option<&Subject> {
        match self.of {
            Of::Subject(subject) => Some(subject),
            Of::Torrent(_) => None,
        }
    }

    fn number(&self, key: &str) -> Option<u64> {
        let figure = |bytes: &Bytes| {
            Bytes::FIGURES.iter().find(|figure| figure.name == key).map(|figure| (figure.of)(bytes))
        };
        match self.of {
            Of::Subject(subject) => match key {
                "received_bytes" => Some(subject.received_bytes),
                "pieces_verified" => Some(subject.pieces_verified),
                "pieces_sole" => Some(subject.pieces_sole),
                "pieces_refuted" => Some(subject.pieces_refuted),
                "pieces_advertised" => Some(subject.pieces_advertised),
                _ => figure(&subject.bytes),
            },
            Of::Torrent(torrent) => {
                let own = Some(&torrent.info_hash);
                match key {
                    "size" => torrent.size,
                    "pieces" => torrent.pieces,
                    "unique_bytes" => Some(torrent.unique),
                    "pieces_verified" => Some(torrent.pieces_verified),
                    "subjects" => {
                        Some(self.report.subjects.iter().filter(|row| row.info_hash.as_ref() == own).count() as u64)
                    }
                    "transfers" => {
                        Some(self.report.transfers.iter().filter(|row| row.info_hash.as_ref() == own).count() as u64)
                    }
                    _ => figure(&torrent.bytes),
                }
            }
        }
    }

    /// The files that it served whole, as a value, where they are not those that are wanted.
    fn files(&self, wanted: &Files) -> Option<String> {
        let subject = self.subject()?;
        let (complete, all) = files_of(self.report, subject);
        let right = match wanted {
            Files::All => all > 0 && complete.len() == all,
            Files::Count(bounds) => bounds.holds(complete.len() as u64),
            Files::Named(globs) => globs.iter().all(|glob| complete.iter().any(|path| glob.fits(path))),
        };
        (!right).then(|| match wanted {
            Files::Named(_) => {
                let names: Vec<String> = complete.iter().map(|path| format!("\"{}\"", escaped(path))).collect();
                format!("[{}]", names.join(", "))
            }
            Files::All | Files::Count(_) => format!("{}, of {all}", complete.len()),
        })
    }

    /// Its name for the reader.
    fn name(&self) -> String {
        match self.of {
            Of::Subject(subject) => {
                let clients: Vec<String> = subject.clients.iter().map(|client| escaped(client)).collect();
                let clients = if clients.is_empty() { "no client named".to_owned() } else { clients.join(", ") };
                format!("{} ({clients})", subject.endpoint)
            }
            Of::Torrent(torrent) => torrent.info_hash.to_string(),
        }
    }

    /// Its name, with where to look.
    fn cited(&self) -> String {
        match self.of {
            Of::Subject(subject) => {
                let frames = subject.served_frames.unwrap_or(subject.frames);
                let input =
                    if self.report.inputs.len() > 2 { format!("#{} ", frames.file + 1) } else { String::new() };
                let range = if frames.first == frames.last {
                    frames.first.to_string()
                } else {
                    format!("{}-{}", frames.first, frames.last)
                };
                format!("{}, within frames {input}{range}", subject.endpoint)
            }
            Of::Torrent(_) => self.name(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    fn differences(text: &str) -> Vec<Difference> {
        Expectation::parse(text).expect("an expectation").differences(&fixture::document())
    }

    #[test]
    fn every_entry_needs_a_row_of_its_own_and_finds_it_in_any_order() {
        // The first entry fits every row, the second one only: the first has to give way.
        let rows = [vec![0, 1], vec![0]];
        let (mut owner, mut placed) = (vec![None; 2], Vec::new());
        for at in 0..2 {
            placed.push(place(at, &rows, &mut owner, &mut [false; 2]));
        }
        assert_eq!((placed, owner), (vec![true, true], vec![Some(1), Some(0)]));
        let mut owner = vec![None; 1];
        let one = [vec![0], vec![0]];
        assert!(place(0, &one, &mut owner, &mut [false; 1]) && !place(1, &one, &mut owner, &mut [false; 1]));
    }

    #[test]
    fn a_difference_names_its_line_what_was_expected_and_where_to_look() {
        let count = fixture::document().subjects.len();
        assert_eq!(differences(&format!("[[subject]]\ncount = {count}\n")), []);
        let wrong = differences("[[subject]]\naddress = \"*\"\nserved_bytes = \">=999999999999\"\n");
        assert_eq!(wrong.len(), 1, "{wrong:?}");
        assert_eq!((wrong[0].line, wrong[0].expected.as_str()), (3, "served_bytes = \">=999999999999\""));
        assert!(
            wrong[0].found.starts_with("served_bytes = ") && wrong[0].found.contains("within frames"),
            "{wrong:?}"
        );
        let nobody = differences("[[subject]]\nclient = \"nobody*\"\n");
        assert!(nobody[0].found.starts_with("no such peer; there: "), "{nobody:?}");
        let many = "[[subject]]\n".repeat(count + 1);
        assert!(differences(&many).iter().any(|each| each.expected == "a peer of its own"));
    }

    #[test]
    fn counts_of_oddities_and_mentions_are_compared() {
        let document = fixture::document();
        let kinds: u64 = document.anomalies.iter().map(|anomaly| anomaly.count).sum();
        let text = format!("[anomalies]\nothers = {kinds}\n[mentions]\nrows = {}\n", document.mentions.len());
        assert_eq!(differences(&text), []);
        assert_eq!(differences(&format!("[anomalies]\nothers = {}\n", kinds + 1)).len(), 1);
    }
}
