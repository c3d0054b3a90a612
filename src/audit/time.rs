//! Times of notices: RFC 3339, xs:dateTime, RFC 5322, and what people write; zones; the two readings of what is ambiguous.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use super::claim::{Precision, Window, ZoneBasis};
use super::text::trimmed_ascii;

/// A stated time as written: what the clock showed, and in which zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stated {
    /// Readings of the clock: two where day and month are both up to 12; never empty.
    clock: Vec<DateTime>,
    /// How long the last written digit lasts.
    unit: SignedDuration,
    pub(super) precision: Precision,
    zone: Zone,
}

/// A zone as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Zone {
    /// A fixed offset.
    Fixed(Offset),
    /// One of the IANA database.
    Named(TimeZone),
    /// None, or letters that stand for several.
    None {
        /// Set if letters were there.
        ambiguous: bool,
    },
}

/// A time that does not exist or cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Impossible;

/// A time, or the two ends of a range, in the zone that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) readings: Vec<Window>,
    pub(super) clock: Vec<(DateTime, DateTime)>,
    pub(super) precision: Precision,
    pub(super) basis: ZoneBasis,
    pub(super) ambiguous_zone: bool,
}

impl Stated {
    /// Reads `text`; `zone` is that of a column of its own, and gives way to one in the text.
    pub(super) fn parse(text: &str, zone: Option<&str>) -> Result<Self, Impossible> {
        let text = trimmed_ascii(text).ok_or(Impossible)?;
        if let Some(stated) = seconds(text) {
            return stated;
        }
        let mut parts = Parts::default();
        let mut in_comment = false;
        for word in words(text) {
            // RFC 5322: whatever stands in brackets behind a zone is a comment.
            in_comment |= word.starts_with('(') && !matches!(parts.zone, Zone::None { .. });
            if !in_comment || word.contains(':') {
                parts.take(word)?;
            }
            in_comment &= !word.ends_with(')');
        }
        if let (Zone::None { ambiguous: false }, Some(column)) = (&parts.zone, zone) {
            parts.zone = Zone::parse(column);
        }
        parts.finish()
    }

    /// Where from `self` to `to` lies, in the stated zones or else in `assumed`; without any it has no readings.
    pub(super) fn to(&self, to: &Self, assumed: Option<&TimeZone>) -> Result<Placed, Impossible> {
        let ambiguous_zone = [self, to].iter().any(|end| matches!(end.zone, Zone::None { ambiguous: true }));
        let unzoned = [self, to].iter().any(|end| matches!(end.zone, Zone::None { .. }));
        let basis = match assumed {
            _ if !unzoned => ZoneBasis::Stated,
            Some(_) => ZoneBasis::Assumed,
            None => ZoneBasis::None,
        };
        let (mut readings, mut clock) = (Vec::new(), Vec::new());
        let paired = self.clock.len() == to.clock.len();
        for (index, begin) in self.clock.iter().enumerate() {
            for (other, end) in to.clock.iter().enumerate() {
                // Day and month are written in one order in both.
                if paired && index != other {
                    continue;
                }
                let behind = end.checked_add(to.unit).map_err(|_| Impossible)?;
                if basis != ZoneBasis::None {
                    let (first, last) = (self.zone.instants(*begin, assumed)?, to.zone.instants(*end, assumed)?);
                    // Where an hour occurs twice for both, both are of the same one.
                    let alike = first.len() == last.len();
                    for (one, from) in first.iter().enumerate() {
                        for (_, last) in last.iter().enumerate().filter(|(other, _)| !alike || *other == one) {
                            let to = last.saturating_add(to.unit.as_nanos() as i64);
                            if *from < to {
                                readings.push(Window { from: *from, to });
                            }
                        }
                    }
                }
                if *begin < behind {
                    clock.push((*begin, behind));
                }
            }
        }
        if clock.is_empty() || (basis != ZoneBasis::None && readings.is_empty()) {
            return Err(Impossible);
        }
        readings.sort_unstable();
        readings.dedup();
        Ok(Placed { readings, clock, precision: self.precision.max(to.precision), basis, ambiguous_zone })
    }
}

impl Zone {
    /// Reads a zone: numbers, letters, or an IANA name.
    pub(super) fn parse(text: &str) -> Self {
        let none = |ambiguous| Self::None { ambiguous };
        let Some(text) = trimmed_ascii(text) else { return none(false) };
        let text = text.trim_matches(|c| matches!(c, '(' | ')' | '[' | ']'));
        if text.is_empty() || text == "-" {
            return none(false);
        }
        if let Some(offset) = offset(text) {
            return Self::Fixed(offset);
        }
        let upper = text.to_ascii_uppercase();
        if let Some((_, hours)) = LETTERS.iter().find(|(letters, _)| *letters == upper) {
            return Self::Fixed(Offset::constant(*hours));
        }
        for letters in ["UTC", "GMT"] {
            if let Some(offset) = upper.strip_prefix(letters).and_then(|rest| offset(rest.trim())) {
                return Self::Fixed(offset);
            }
        }
        match text.contains('/').then(|| jiff::tz::db().get(text)) {
            Some(Ok(zone)) => Self::Named(zone),
            _ => none(true),
        }
    }

    /// The instants at which a clock of this zone shows `clock`, ns since 1970: two where an hour occurs twice.
    fn instants(&self, clock: DateTime, assumed: Option<&TimeZone>) -> Result<Vec<i64>, Impossible> {
        let zone = match self {
            Self::Fixed(offset) => TimeZone::fixed(*offset),
            Self::Named(zone) => zone.clone(),
            Self::None { .. } => assumed.cloned().ok_or(Impossible)?,
        };
        let at = |offset: Offset| {
            let instant: Timestamp = offset.to_timestamp(clock).map_err(|_| Impossible)?;
            i64::try_from(instant.as_nanosecond()).map_err(|_| Impossible)
        };
        match zone.to_ambiguous_timestamp(clock).offset() {
            AmbiguousOffset::Unambiguous { offset } => Ok(vec![at(offset)?]),
            AmbiguousOffset::Fold { before, after } => Ok(vec![at(before)?, at(after)?]),
            AmbiguousOffset::Gap { .. } => Err(Impossible),
        }
    }
}

/// The zone that a user names (`--zone`): an offset, the letters that notices may use, or an IANA name.
pub(super) fn zone_of(text: &str) -> Option<TimeZone> {
    match Zone::parse(text) {
        Zone::Fixed(offset) => Some(TimeZone::fixed(offset)),
        Zone::Named(zone) => Some(zone),
        Zone::None { .. } => None,
    }
}

/// Seconds (10 digits, with or without a fraction) or milliseconds (13 digits) since 1970.
fn seconds(text: &str) -> Option<Result<Stated, Impossible>> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !matches!(whole.len(), 9 | 10 | 13)
        || !digits(whole)
        || !digits(fraction)
        || (whole.len() == 13 && !fraction.is_empty())
    {
        return None;
    }
    let number: i64 = whole.parse().ok()?;
    let (nanos, unit, precision) = match (whole.len(), fraction.len()) {
        (13, _) => (number.checked_mul(1_000_000)?, SignedDuration::from_millis(1), Precision::Subsecond),
        (_, 0) => (number.checked_mul(1_000_000_000)?, SignedDuration::from_secs(1), Precision::Second),
        _ => {
            let (nanos, unit) = fraction_of(fraction)?;
            (number.checked_mul(1_000_000_000)?.checked_add(nanos)?, unit, Precision::Subsecond)
        }
    };
    let clock = Timestamp::from_nanosecond(i128::from(nanos)).ok()?.to_zoned(TimeZone::UTC).datetime();
    let stated = Stated { clock: vec![clock], unit, precision, zone: Zone::Fixed(Offset::UTC) };
    Some(if (FIRST_YEAR..=LAST_YEAR).contains(&clock.year()) { Ok(stated) } else { Err(Impossible) })
}

/// Nanoseconds of a decimal fraction of a second, and how long its last digit lasts.
fn fraction_of(digits: &str) -> Option<(i64, SignedDuration)> {
    let kept: String = digits.chars().take(9).collect();
    let unit = 10_i64.checked_pow(9_u32.checked_sub(u32::try_from(kept.len()).ok()?)?)?;
    Some((kept.parse::<i64>().ok()?.checked_mul(unit)?, SignedDuration::from_nanos(unit)))
}

/// The words of a time: split at blanks and commas, and at the `T` between date and time.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c.is_ascii_whitespace() || c == ',').filter(|word| !word.is_empty()).flat_map(|word| {
        let bytes = word.as_bytes();
        let joint = word.find(['T', 't']).filter(|at| {
            let digit =
                |index: Option<usize>| index.and_then(|index| bytes.get(index)).is_some_and(u8::is_ascii_digit);
            digit(at.checked_sub(1)) && digit(at.checked_add(1))
        });
        let (one, other) = joint.and_then(|at| Some((word.get(..at)?, word.get(at + 1..)?))).unwrap_or((word, ""));
        [one, other].into_iter().filter(|word| !word.is_empty())
    })
}

/// Words of a time, in the order in which they come.
#[derive(Debug)]
struct Parts {
    /// Year, month, day; with the second reading where day and month may be exchanged.
    dates: Vec<Date>,
    /// Of a date in words.
    day: Option<i8>,
    month: Option<i8>,
    year: Option<i16>,
    time: Option<Clock>,
    afternoon: Option<bool>,
    zone: Zone,
}

/// A time of day.
#[derive(Clone, Copy, Debug)]
struct Clock {
    hour: i8,
    minute: i8,
    second: i8,
    nanos: i64,
    unit: SignedDuration,
    precision: Precision,
}

impl Default for Parts {
    fn default() -> Self {
        Self {
            dates: Vec::new(),
            day: None,
            month: None,
            year: None,
            time: None,
            afternoon: None,
            zone: Zone::None { ambiguous: false },
        }
    }
}

impl Parts {
    fn take(&mut self, word: &str) -> Result<(), Impossible> {
        let lower = word.to_ascii_lowercase();
        let bare = lower.trim_matches(|c: char| matches!(c, '.' | '(' | ')'));
        if FILLERS.contains(&bare) || WEEKDAYS.iter().any(|day| is_name(bare, day, 2)) {
            return Ok(());
        }
        if let Some(pm) = match bare {
            "am" | "a.m" => Some(false),
            "pm" | "p.m" => Some(true),
            _ => None,
        } {
            self.afternoon = Some(pm);
            return Ok(());
        }
        if let Some(month) = MONTHS.iter().position(|names| names.iter().any(|name| is_name(bare, name, 3))) {
            return set(&mut self.month, i8::try_from(month + 1).map_err(|_| Impossible)?);
        }
        if self.dates.is_empty() && self.month.is_none_or(|_| self.day.is_none()) && is_numeric_date(word) {
            self.dates = numeric_date(word)?;
            return Ok(());
        }
        if self.dates.is_empty()
            && let Some(date) = date_in_words(word)
        {
            self.dates = vec![date?];
            return Ok(());
        }
        if self.time.is_none() && word.as_bytes().first().is_some_and(u8::is_ascii_digit) && is_clock(word) {
            return self.clock(word);
        }
        if let Ok(number) = bare.trim_end_matches(['.', 's', 't', 'n', 'd', 'r', 'h']).parse::<i16>()
            && word.as_bytes().first().is_some_and(u8::is_ascii_digit)
        {
            return match number {
                1..=31 => set(&mut self.day, i8::try_from(number).map_err(|_| Impossible)?),
                FIRST_YEAR..=LAST_YEAR => set(&mut self.year, number),
                _ => Err(Impossible),
            };
        }
        // Whatever else stands there can only be a zone; RFC 5322 repeats it in letters behind the number. A second date or time,
        // or a word that leads to one, would make it a range: nothing of it is left out in silence.
        let (zone, is_more) = match word.split_once('[') {
            // RFC 9557: the name of the zone stands behind the offset, which counts.
            Some((offset, name)) if !offset.is_empty() => match Zone::parse(offset) {
                Zone::None { .. } => (Zone::parse(name), false),
                zone => (zone, false),
            },
            _ => (Zone::parse(word), RANGES.contains(&bare)),
        };
        let has_digit = word.as_bytes().first().is_some_and(u8::is_ascii_digit) || word.contains(':');
        match zone {
            Zone::None { .. } if self.time.is_none() || is_more || has_digit => Err(Impossible),
            Zone::None { .. } if !matches!(self.zone, Zone::None { .. }) => Ok(()),
            // Two offsets that differ are not one time.
            Zone::Fixed(offset) if matches!(self.zone, Zone::Fixed(known) if known != offset) => Err(Impossible),
            zone => {
                if matches!(self.zone, Zone::None { .. }) {
                    self.zone = zone;
                }
                Ok(())
            }
        }
    }

    /// A time of day, with whatever of zone or half of the day stands right behind it.
    fn clock(&mut self, word: &str) -> Result<(), Impossible> {
        let bytes = word.as_bytes();
        // `03-49-02` stands behind a date only: there the minus belongs to the time.
        let dashed = word.len() >= 8
            && [2, 5].iter().all(|at| bytes.get(*at) == Some(&b'-'))
            && [0, 1, 3, 4, 6, 7].iter().all(|at| bytes.get(*at).is_some_and(u8::is_ascii_digit));
        let end = if dashed {
            let rest = word.get(8..).unwrap_or_default();
            8 + rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len())
        } else {
            word.find(|c: char| !c.is_ascii_digit() && !matches!(c, ':' | '.' | ',')).unwrap_or(word.len())
        };
        let (digits, rest) = word.split_at_checked(end).unwrap_or((word, ""));
        let normal = if dashed { digits.replace('-', ":") } else { digits.to_owned() };
        self.time = Some(clock_of(normal.trim_end_matches('.'))?);
        if rest.is_empty() { Ok(()) } else { self.take(rest) }
    }

    fn finish(self) -> Result<Stated, Impossible> {
        let dates = match (self.dates.is_empty(), self.year, self.month, self.day) {
            (false, None, None, None) => self.dates,
            (true, Some(year), Some(month), Some(day)) => vec![date(year, month, day)?],
            _ => return Err(Impossible),
        };
        let Some(clock) = self.time else {
            // A day as a whole; half of a day or a zone alone says nothing more.
            let clock = dates.into_iter().map(|date| date.to_datetime(Time::midnight())).collect();
            return Ok(Stated {
                clock,
                unit: SignedDuration::from_hours(24),
                precision: Precision::Day,
                zone: self.zone,
            });
        };
        let hour = match self.afternoon {
            None => clock.hour,
            Some(_) if !(1..=12).contains(&clock.hour) => return Err(Impossible),
            Some(pm) => clock.hour % 12 + if pm { 12 } else { 0 },
        };
        let mut readings = Vec::new();
        for date in dates {
            let leap = hour == 23 && clock.minute == 59 && clock.second == 60;
            let (hour, days) = match hour {
                24 if clock.minute == 0 && clock.second == 0 && clock.nanos == 0 => (0, 1),
                hour => (hour, 0),
            };
            let second = if leap { 59 } else { clock.second };
            let nanos = i32::try_from(clock.nanos).map_err(|_| Impossible)?;
            let time = Time::new(hour, clock.minute, second, nanos).map_err(|_| Impossible)?;
            let late = SignedDuration::from_hours(24 * days) + SignedDuration::from_secs(i64::from(leap));
            readings.push(date.to_datetime(time).checked_add(late).map_err(|_| Impossible)?);
        }
        Ok(Stated { clock: readings, unit: clock.unit, precision: clock.precision, zone: self.zone })
    }
}

fn set<T>(slot: &mut Option<T>, value: T) -> Result<(), Impossible> {
    if slot.is_some() {
        return Err(Impossible);
    }
    *slot = Some(value);
    Ok(())
}

fn date(year: i16, month: i8, day: i8) -> Result<Date, Impossible> {
    if !(FIRST_YEAR..=LAST_YEAR).contains(&year) {
        return Err(Impossible);
    }
    Date::new(year, month, day).map_err(|_| Impossible)
}

/// Returns true if `word` is `name`, or begins `name` with `least` letters or more.
fn is_name(word: &str, name: &str, least: usize) -> bool {
    word.len() >= least && word.is_ascii() && name.starts_with(word)
}

fn is_numeric_date(word: &str) -> bool {
    let separators = word.chars().filter(|c| matches!(c, '-' | '/' | '.')).count();
    separators == 2 && word.chars().all(|c| c.is_ascii_digit() || matches!(c, '-' | '/' | '.'))
        && word.split(['-', '/', '.']).all(|part| matches!(part.len(), 1 | 2 | 4))
        // `03-49-02` is a time.
        && word.split(['-', '/', '.']).any(|part| part.len() == 4)
}

/// Year first, or day and month first: in which order, the points tell, and numbers above 12.
fn numeric_date(word: &str) -> Result<Vec<Date>, Impossible> {
    let mut numbers = word.split(['-', '/', '.']);
    let mut next = || numbers.next().ok_or(Impossible);
    let (one, two, three) = (next()?, next()?, next()?);
    let small = |text: &str| text.parse::<i8>().map_err(|_| Impossible);
    let year = |text: &str| text.parse::<i16>().map_err(|_| Impossible);
    if one.len() == 4 {
        return Ok(vec![date(year(one)?, small(two)?, small(three)?)?]);
    }
    let (first, second, year) = (small(one)?, small(two)?, year(three)?);
    if word.contains('.') {
        return Ok(vec![date(year, second, first)?]);
    }
    match (first <= 12, second <= 12) {
        (true, true) if first == second => Ok(vec![date(year, first, second)?]),
        (true, true) => Ok(vec![date(year, first, second)?, date(year, second, first)?]),
        (true, false) => Ok(vec![date(year, first, second)?]),
        (false, _) => Ok(vec![date(year, second, first)?]),
    }
}

/// `21-Nov-2026` and `2026-Nov-21`.
fn date_in_words(word: &str) -> Option<Result<Date, Impossible>> {
    let parts: Vec<&str> = word.split(['-', '/', '.']).filter(|part| !part.is_empty()).collect();
    let [one, two, three] = parts.as_slice() else { return None };
    let name = two.to_ascii_lowercase();
    let month = MONTHS.iter().position(|names| names.iter().any(|month| is_name(&name, month, 3)))?;
    let (year, day) = if one.len() == 4 { (one, three) } else { (three, one) };
    let (year, day) = (year.parse().ok()?, day.parse().ok()?);
    Some(date(year, i8::try_from(month + 1).ok()?, day))
}

/// Returns true if a word that begins with a digit is a time of day: it has a colon, or is written with dashes, or half
/// of a day stands behind an hour.
fn is_clock(word: &str) -> bool {
    let bytes = word.as_bytes();
    let dashed = bytes.get(2) == Some(&b'-') && bytes.get(5) == Some(&b'-') && bytes.len() >= 8;
    let lower = word.to_ascii_lowercase();
    let half = ["am", "pm"].iter().any(|half| {
        lower
            .strip_suffix(half)
            .is_some_and(|hour| !hour.is_empty() && hour.bytes().all(|byte| byte.is_ascii_digit()))
    });
    word.contains(':') || dashed || half
}

/// `HH`, `HH:MM`, `HH:MM:SS` and fractions of a second.
fn clock_of(text: &str) -> Result<Clock, Impossible> {
    let mut parts = text.splitn(3, ':');
    let number = |text: &str, most: i8| {
        let value = text.parse::<i8>().map_err(|_| Impossible)?;
        if text.len() <= 2 && (0..=most).contains(&value) { Ok(value) } else { Err(Impossible) }
    };
    let hour = number(parts.next().ok_or(Impossible)?, 24)?;
    let minute = parts.next();
    let Some(seconds) = parts.next() else {
        let (unit, minute) = match minute {
            Some(minute) => (SignedDuration::from_mins(1), number(minute, 59)?),
            None => (SignedDuration::from_hours(1), 0),
        };
        return Ok(Clock { hour, minute, second: 0, nanos: 0, unit, precision: Precision::Minute });
    };
    let minute = number(minute.ok_or(Impossible)?, 59)?;
    let (whole, fraction) = seconds.split_once(['.', ',']).unwrap_or((seconds, ""));
    let second = number(whole, 60)?;
    if second == 60 && !(hour == 23 && minute == 59) {
        return Err(Impossible);
    }
    if fraction.is_empty() {
        let unit = SignedDuration::from_secs(1);
        return Ok(Clock { hour, minute, second, nanos: 0, unit, precision: Precision::Second });
    }
    let (nanos, unit) = fraction_of(fraction).ok_or(Impossible)?;
    Ok(Clock { hour, minute, second, nanos, unit, precision: Precision::Subsecond })
}

/// `+01:00`, `-0500`, `+1`, `Z`.
fn offset(text: &str) -> Option<Offset> {
    if text.eq_ignore_ascii_case("z") {
        return Some(Offset::UTC);
    }
    let (sign, rest) = match text.as_bytes().first()? {
        b'+' => (1, text.get(1..)?),
        b'-' => (-1, text.get(1..)?),
        _ => return None,
    };
    let digits: String = rest.chars().filter(|c| *c != ':').collect();
    let right = digits.bytes().all(|byte| byte.is_ascii_digit())
        && match rest.find(':') {
            None => matches!(digits.len(), 1 | 2 | 4),
            Some(at) => matches!(at, 1 | 2) && digits.len() == at + 2,
        };
    if !right {
        return None;
    }
    let (hours, minutes) =
        if digits.len() <= 2 { (digits.as_str(), "0") } else { digits.split_at(digits.len() - 2) };
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    if hours > 14 || minutes > 59 {
        return None;
    }
    Offset::from_seconds(sign * (hours * 3_600 + minutes * 60)).ok()
}

// Rationale: the first captures of networks are younger, and no notice is of the next century.
const FIRST_YEAR: i16 = 1990;
const LAST_YEAR: i16 = 2100;

/// Letters that stand for one offset each; the American ones as in RFC 5322, section 4.3.
const LETTERS: [(&str, i8); 17] = [
    ("UTC", 0),
    ("GMT", 0),
    ("UT", 0),
    ("Z", 0),
    ("ZULU", 0),
    ("CET", 1),
    ("MEZ", 1),
    ("CEST", 2),
    ("MESZ", 2),
    ("EST", -5),
    ("EDT", -4),
    ("CST", -6),
    ("CDT", -5),
    ("MST", -7),
    ("MDT", -6),
    ("PST", -8),
    ("PDT", -7),
];

const MONTHS: [&[&str]; 12] = [
    &["january", "januar", "janvier"],
    &["february", "februar", "fevrier"],
    &["march", "maerz", "mars"],
    &["april", "avril", "avr"],
    &["may", "mai"],
    &["june", "juni", "juin"],
    &["july", "juli", "juillet"],
    &["august", "aout"],
    &["september", "septembre", "sept"],
    &["october", "oktober", "octobre", "okt"],
    &["november", "novembre"],
    &["december", "dezember", "decembre", "dez"],
];

const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// Words that stand between the two ends of a range.
const RANGES: [&str; 12] =
    ["to", "until", "till", "through", "and", "bis", "und", "jusqu", "au", "et", "between", "from"];

/// Words that stand in times and say nothing.
const FILLERS: [&str; 8] = ["at", "on", "um", "uhr", "a", "le", "of", "den"];

#[cfg(test)]
mod tests;
