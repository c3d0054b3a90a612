//! Lists of relays: an address, prefix or range a line, CSV with or without a header, or the list of exits that the Tor project publishes.

use std::collections::BTreeMap;
use std::net::IpAddr;

use jiff::civil;
use jiff::tz::TimeZone;

use super::prefix::{Prefix, cut};
use super::{HostsError, Relay};
use crate::ends::Timestamp;

/// The entries of one list.
#[derive(Clone, Debug, Default)]
pub struct Relays {
    /// By whether it is IPv4 and how many bits count, then by those bits.
    entries: BTreeMap<(bool, u8), BTreeMap<u128, Vec<Relay>>>,
    made: Option<Timestamp>,
    unread_lines: u64,
}

impl Relays {
    /// Reads a list.
    ///
    /// # Errors
    /// [`HostsError::Malformed`] where no line holds an address.
    pub fn read(name: &str, bytes: &[u8]) -> Result<Self, HostsError> {
        let text = String::from_utf8_lossy(bytes);
        let mut list = Self::default();
        let mut header: Option<Vec<Column>> = None;
        let mut is_first = true;
        for line in text.trim_start_matches('\u{feff}').lines().map(str::trim) {
            if let Some(comment) = line.strip_prefix('#') {
                list.made = list.made.or_else(|| words(comment).find_map(|word| day(word).map(|(from, _)| from)));
                continue;
            }
            if line.is_empty() || OF_TOR.iter().any(|word| line.starts_with(word)) {
                continue;
            }
            let entry = match line.strip_prefix("ExitAddress ") {
                Some(exit) => tor(exit),
                None => {
                    let cells = cells(line);
                    let entry = Entry::of(&cells, header.as_deref());
                    if entry.is_none() && is_first {
                        header = Some(cells.iter().map(|cell| Column::of(cell)).collect());
                        is_first = false;
                        continue;
                    }
                    entry
                }
            };
            is_first = false;
            match entry {
                Some(entry) => list.add(entry),
                None => list.unread_lines += 1,
            }
        }
        if list.entries.is_empty() {
            let (name, found) = (name.to_owned(), "no line holds an address".to_owned());
            return Err(HostsError::Malformed {
                name,
                found,
                expected: "an address or prefix a line, or a column of them",
            });
        }
        Ok(list)
    }

    /// When it was made: the first date in a comment.
    pub fn made(&self) -> Option<Timestamp> {
        self.made
    }

    /// Lines that hold no address.
    pub fn unread_lines(&self) -> u64 {
        self.unread_lines
    }

    /// Returns true if `address` is listed, at whatever time.
    pub fn holds(&self, address: IpAddr) -> bool {
        self.of(address).next().is_some()
    }

    /// The entries of `address`; their index of a list is 0.
    pub fn of(&self, address: IpAddr) -> impl Iterator<Item = &Relay> {
        self.entries
            .iter()
            .filter(move |((is_v4, _), _)| *is_v4 == address.is_ipv4())
            .filter_map(move |((_, bits), entries)| entries.get(&cut(address, *bits)))
            .flatten()
    }

    fn add(&mut self, entry: Entry) {
        let relay = Relay { list: 0, kind: entry.kind, first: entry.first, last: entry.last };
        for prefix in entry.prefixes {
            let key = (prefix.address.is_ipv4(), prefix.bits);
            self.entries.entry(key).or_default().entry(prefix.key()).or_default().push(relay.clone());
        }
    }
}

struct Entry {
    /// An address or a prefix; those that make up a range.
    prefixes: Vec<Prefix>,
    kind: Option<String>,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Column {
    Address,
    Kind,
    First,
    Last,
    Other,
}

impl Column {
    fn of(name: &str) -> Self {
        match name.to_ascii_lowercase().replace([' ', '-'], "_").as_str() {
            "address" | "ip" | "ip_address" | "addr" | "prefix" | "network" | "range" | "cidr" => Self::Address,
            "kind" | "type" | "category" | "service" | "provider" | "name" => Self::Kind,
            "first" | "from" | "first_seen" | "since" | "start" | "first_time" => Self::First,
            "last" | "to" | "last_seen" | "until" | "end" | "last_time" => Self::Last,
            _ => Self::Other,
        }
    }
}

impl Entry {
    fn of(cells: &[&str], header: Option<&[Column]>) -> Option<Self> {
        let column = |column: Column| {
            let index = header?.iter().position(|own| *own == column)?;
            cells.get(index).copied().filter(|cell| !cell.is_empty())
        };
        let address =
            column(Column::Address).and_then(prefixes).or_else(|| cells.iter().find_map(|cell| prefixes(cell)));
        let prefixes_of = address?;
        if header.is_some() {
            return Some(Self {
                prefixes: prefixes_of,
                kind: column(Column::Kind).map(str::to_owned),
                first: column(Column::First).and_then(day).map(|(from, _)| from),
                last: column(Column::Last).and_then(day).map(|(_, until)| until),
            });
        }
        let mut days = cells.iter().filter_map(|cell| day(cell));
        let first = days.next();
        let last = days.next().or(first);
        let is_text = |cell: &&&str| !cell.is_empty() && prefixes(cell).is_none() && day(cell).is_none();
        let is_number = |cell: &str| cell.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let kind = cells.iter().filter(is_text).find(|cell| !is_number(cell)).map(|cell| (*cell).to_owned());
        Some(Self { prefixes: prefixes_of, kind, first: first.map(|day| day.0), last: last.map(|day| day.1) })
    }
}

/// `203.0.113.7 2026-11-20 07:02:10`, behind `ExitAddress `.
fn tor(exit: &str) -> Option<Entry> {
    let (address, time) = exit.split_once(' ').unwrap_or((exit, ""));
    let time = day(time.trim());
    Some(Entry {
        prefixes: prefixes(address)?,
        kind: Some("Tor exit".to_owned()),
        first: time.map(|time| time.0),
        last: time.map(|time| time.1),
    })
}

fn cells(line: &str) -> Vec<&str> {
    let separator = [',', ';', '\t'].into_iter().find(|separator| line.contains(*separator)).unwrap_or(' ');
    line.split(separator).map(|cell| cell.trim().trim_matches('"').trim()).collect()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split([' ', ',', ';', '\t', '(', ')', '='])
}

/// An address, a prefix, or a range: `203.0.113.0-203.0.113.127`.
fn prefixes(cell: &str) -> Option<Vec<Prefix>> {
    match cell.split_once('-') {
        None => Some(vec![cell.parse().ok()?]),
        Some((first, last)) => Prefix::range(first.trim().parse().ok()?, last.trim().parse().ok()?),
    }
}

/// The beginning and the end of a day, or of a second: `2026-11-20`, `2026-11-20 07:02:10`, RFC 3339. Without a zone it is UTC.
fn day(text: &str) -> Option<(Timestamp, Timestamp)> {
    let utc = |time: civil::DateTime| {
        let time = time.to_zoned(TimeZone::UTC).ok()?.timestamp().as_nanosecond();
        i64::try_from(time).ok()
    };
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        let time = Timestamp(i64::try_from(time.as_nanosecond()).ok()?);
        return Some((time, time));
    }
    // A number alone is no date.
    if text.len() < 10 || text.bytes().filter(|byte| *byte == b'-').count() < 2 {
        return None;
    }
    if text.len() == 10 {
        let from = utc(text.parse::<civil::Date>().ok()?.to_datetime(civil::Time::midnight()))?;
        return Some((Timestamp(from), Timestamp(from.checked_add(86_399_999_999_999)?)));
    }
    let time = Timestamp(utc(text.parse::<civil::DateTime>().ok()?)?);
    Some((time, time))
}

/// Lines of the Tor project's list that hold no address.
const OF_TOR: [&str; 4] = ["ExitNode ", "Published ", "LastStatus ", "@type "];

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Relays {
        Relays::read("list", text.as_bytes()).expect("a list")
    }

    fn only(list: &Relays, address: &str) -> (Option<String>, Option<String>, Option<String>) {
        let entries: Vec<&Relay> = list.of(address.parse().expect("an address")).collect();
        let [entry] = entries[..] else { panic!("{entries:?}") };
        (entry.kind.clone(), entry.first.map(|time| time.to_string()), entry.last.map(|time| time.to_string()))
    }

    #[test]
    fn addresses_and_prefixes_stand_one_a_line_with_the_date_of_the_list_in_a_comment() {
        let list =
            read("\u{feff}# exits, as of 2026-11-20\n\n203.0.113.7\n198.51.100.0/24\n2001:db8::/32\nnot one\n");
        assert_eq!(list.made().map(|time| time.to_string()).as_deref(), Some("2026-11-20T00:00:00.000000000Z"));
        assert_eq!(list.unread_lines(), 1);
        for listed in ["203.0.113.7", "198.51.100.200", "2001:db8:5::1"] {
            assert_eq!(only(&list, listed), (None, None, None));
        }
        for other in ["203.0.113.8", "198.51.101.0", "2001:db9::1"] {
            assert!(!list.holds(other.parse().expect("an address")), "{other}");
        }
    }

    #[test]
    fn csv_has_kinds_and_dates_with_and_without_a_header() {
        let day = |text: &str| Some(format!("{text}T00:00:00.000000000Z"));
        let end = |text: &str| Some(format!("{text}T23:59:59.999999999Z"));
        let list =
            read("Type;First Seen;IP;Last-Seen\nVPN;2026-11-01;\"203.0.113.7\";2026-11-20\n;;198.51.100.0/24;\n");
        assert_eq!(only(&list, "203.0.113.7"), (Some("VPN".to_owned()), day("2026-11-01"), end("2026-11-20")));
        assert_eq!(only(&list, "198.51.100.9"), (None, None, None));
        let list = read(
            "7,203.0.113.7,tor exit,2026-11-20\n203.0.113.8,proxy,2026-11-01,2026-11-03\n\
                         203.0.113.9,2026-11-20T09:00:00+02:00\n",
        );
        assert_eq!(only(&list, "203.0.113.7"), (Some("tor exit".to_owned()), day("2026-11-20"), end("2026-11-20")));
        let time = Some("2026-11-20T07:00:00.000000000Z".to_owned());
        assert_eq!(only(&list, "203.0.113.9"), (None, time.clone(), time));
        assert_eq!(only(&list, "203.0.113.8"), (Some("proxy".to_owned()), day("2026-11-01"), end("2026-11-03")));
    }

    #[test]
    fn the_list_of_exits_of_the_tor_project_is_read() {
        let list = read(
            "@type tordnsel 1.0\nExitNode 0011\nPublished 2026-11-20 06:00:00\nLastStatus 2026-11-20 07:00:00\n\
             ExitAddress 203.0.113.7 2026-11-20 07:02:10\n",
        );
        let time = Some("2026-11-20T07:02:10.000000000Z".to_owned());
        assert_eq!(only(&list, "203.0.113.7"), (Some("Tor exit".to_owned()), time.clone(), time));
        assert_eq!(list.unread_lines(), 0);
    }

    #[test]
    fn a_list_without_an_address_is_refused() {
        for wrong in ["", "# nothing\n", "name,date\nx,2026-11-20\n", "\0\0\u{1}"] {
            assert!(Relays::read("list", wrong.as_bytes()).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_range_is_its_addresses_and_no_other() {
        let list = read(
            "range,kind\n203.0.113.5-203.0.113.12,VPN\n2001:db8::1 - 2001:db8::3,proxy\n203.0.113.9-203.0.113.8,x\n",
        );
        let holds = |address: &str| list.holds(address.parse().expect("an address"));
        assert!(["203.0.113.5", "203.0.113.9", "203.0.113.12", "2001:db8::2"].into_iter().all(holds));
        assert!(!["203.0.113.4", "203.0.113.13", "2001:db8::4"].into_iter().any(holds));
        assert_eq!(list.unread_lines(), 1);
    }
}
