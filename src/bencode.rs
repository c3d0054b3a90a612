//! Bencode (BEP 3): bounded, and keeping the raw span of every value.
//!
//! Hashes are made over the bytes as written, so nothing here re-encodes. Real files and peers break the canonical
//! form (unsorted keys, duplicate keys, leading zeros); those are read and reported as [`Fault`]s. A value that
//! cannot be read without guessing is a [`BencodeError`]: an integer beyond `i64`, a string longer than its input,
//! nesting or a number of values beyond the [`Bounds`].

use crate::limits::CANONICAL_FAULTS;
use std::{fmt, ops::Deref};

use nom::{
    IResult, Parser,
    character::complete::{char, digit1},
    combinator::{map_opt, opt},
    multi::length_data,
    sequence::{delimited, pair, terminated},
};

/// Parses `input`, which must be one value and nothing else.
///
/// # Errors
/// As [`parse_prefix`], and when bytes follow the value.
pub fn parse<'a>(input: &'a [u8], bounds: &Bounds) -> Result<Value<'a>, BencodeError> {
    let document = Document::parse(input, bounds)?;
    document.whole(input)?;
    Ok(document.root.value)
}

/// Parses the value at the start of `input`; also returns how many bytes it takes. What follows is not looked at
/// (a `ut_metadata` data message, BEP 9, has the piece after its dictionary).
///
/// # Errors
/// When `input` does not begin with a value, ends inside it, or the value is beyond `bounds`.
pub fn parse_prefix<'a>(input: &'a [u8], bounds: &Bounds) -> Result<(Value<'a>, usize), BencodeError> {
    let document = Document::parse(input, bounds)?;
    Ok((document.root.value, document.root.raw.len()))
}

/// A parsed value with everything in it that breaks the canonical form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document<'a> {
    /// The value; its `raw` is the prefix of the input that it takes.
    pub root: Item<'a>,
    /// Breaches of the canonical form in the order found; the first `limits::CANONICAL_FAULTS` of them.
    pub faults: Vec<Fault>,
}

impl<'a> Document<'a> {
    /// Parses the value at the start of `input`.
    ///
    /// # Errors
    /// As [`parse_prefix`].
    pub fn parse(input: &'a [u8], bounds: &Bounds) -> Result<Self, BencodeError> {
        let mut reader = Reader { input, values_left: bounds.values, faults: Vec::new() };
        let (_, root) = reader.item(input, bounds.depth)?;
        Ok(Self { root, faults: reader.faults })
    }

    /// Fails when bytes of `input`, the bytes it was parsed from, follow the value.
    ///
    /// # Errors
    /// Names the first byte that follows.
    pub fn whole(&self, input: &[u8]) -> Result<(), BencodeError> {
        let end = self.root.raw.len();
        match input.get(end..) {
            None | Some([]) => Ok(()),
            Some(rest) => {
                Err(BencodeError { offset: end, found: describe(rest), expected: "nothing after the value" })
            }
        }
    }

    /// Returns true if the value is written in the one form that BEP 3 allows.
    pub fn canonical(&self) -> bool {
        self.faults.is_empty()
    }
}

/// A value and where it stands. Dereferences to its [`Value`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item<'a> {
    /// The value.
    pub value: Value<'a>,
    /// Its bytes as written, from its first to its last.
    pub raw: &'a [u8],
    /// Offset of `raw` in the input, in bytes.
    pub offset: usize,
}

impl<'a> Deref for Item<'a> {
    type Target = Value<'a>;

    fn deref(&self) -> &Value<'a> {
        &self.value
    }
}

/// A bencoded value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// `i-3e`
    Int(i64),
    /// `4:spam`
    Bytes(&'a [u8]),
    /// `l4:spame`
    List(Vec<Item<'a>>),
    /// `d3:cow3:mooe`: in the order written; of equal keys only the first.
    Dict(Vec<(&'a [u8], Item<'a>)>),
}

impl<'a> Value<'a> {
    /// The value under `key`, if this is a dictionary that has it.
    pub fn find(&self, key: &[u8]) -> Option<&Item<'a>> {
        self.dict()?.iter().find(|(name, _)| *name == key).map(|(_, item)| item)
    }

    /// The bytes, if this is a string.
    pub fn bytes(&self) -> Option<&'a [u8]> {
        if let Self::Bytes(bytes) = self { Some(bytes) } else { None }
    }

    /// The number, if this is an integer.
    pub fn int(&self) -> Option<i64> {
        if let Self::Int(number) = self { Some(*number) } else { None }
    }

    /// The elements, if this is a list.
    pub fn list(&self) -> Option<&[Item<'a>]> {
        if let Self::List(items) = self { Some(items) } else { None }
    }

    /// The entries in the order written, if this is a dictionary.
    pub fn dict(&self) -> Option<&[(&'a [u8], Item<'a>)]> {
        if let Self::Dict(entries) = self { Some(entries) } else { None }
    }

    /// The type of the value, for messages: `an integer`, `a string`, `a list`, `a dictionary`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Int(_) => "an integer",
            Self::Bytes(_) => "a string",
            Self::List(_) => "a list",
            Self::Dict(_) => "a dictionary",
        }
    }
}

/// How much one input may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Lists and dictionaries inside one another; 0 allows only integers and strings.
    pub depth: usize,
    /// Values in all (dictionary keys not counted).
    pub values: usize,
}

impl Default for Bounds {
    /// For messages of the wire, the DHT and trackers.
    fn default() -> Self {
        // Rationale: no BEP nests a message deeper than 5; a tracker answer of 10,000 peers as dictionaries has
        // 40,000 values. At most 64 bytes of memory per value: 4 MiB.
        Self { depth: 32, values: 65_536 }
    }
}

/// A breach of the canonical form that does not hinder reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Offset in the input, in bytes, of the number, of the key, or (duplicate keys) of the value left out.
    pub offset: usize,
    /// The kind of the fault.
    pub kind: FaultKind,
}

/// The defect of a value that could be read all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// An integer or string length with leading zeros.
    LeadingZero,
    /// `i-0e`
    NegativeZero,
    /// A key that sorts before the one in front of it.
    UnsortedKey,
    /// A key that the dictionary has already; the first one is kept.
    DuplicateKey,
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LeadingZero => "a number with leading zeros",
            Self::NegativeZero => "a negative zero",
            Self::UnsortedKey => "a key out of order",
            Self::DuplicateKey => "a key for the second time",
        })
    }
}

/// Why an input could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at byte {offset}: found {found}, expected {expected}")]
pub struct BencodeError {
    /// Offset of the fault in the input, in bytes.
    pub offset: usize,
    /// The bytes that stand there, in words.
    pub found: String,
    /// The syntax that should stand there.
    pub expected: &'static str,
}

struct Reader<'a> {
    input: &'a [u8],
    values_left: usize,
    faults: Vec<Fault>,
}

impl<'a> Reader<'a> {
    // Recursion is at most `depth` deep.
    fn item(&mut self, input: &'a [u8], depth: usize) -> Result<(&'a [u8], Item<'a>), BencodeError> {
        let Some(left) = self.values_left.checked_sub(1) else {
            return Err(self.error(input, "fewer values"));
        };
        self.values_left = left;
        let (rest, value) = match input.first() {
            Some(b'i') => self.integer(input)?,
            Some(b'0'..=b'9') => self.string(input).map(|(rest, bytes)| (rest, Value::Bytes(bytes)))?,
            Some(b'l' | b'd') if depth == 0 => return Err(self.error(input, "less deep nesting")),
            Some(b'l') => self.list(input, depth - 1)?,
            Some(b'd') => self.dict(input, depth - 1)?,
            _ => return Err(self.error(input, "a bencoded value")),
        };
        let raw = input.get(..input.len() - rest.len()).unwrap_or_default();
        Ok((rest, Item { value, raw, offset: self.offset(input) }))
    }

    fn integer(&mut self, input: &'a [u8]) -> Result<(&'a [u8], Value<'a>), BencodeError> {
        let (rest, (minus, digits)) = integer(input).map_err(|at| self.atom(at, "an integer `i<digits>e`"))?;
        let negative = minus.is_some();
        let Some(number) = decimal(digits, negative) else {
            return Err(self.error(input, "an integer that fits 64 bits"));
        };
        if digits.len() > 1 && digits.starts_with(b"0") {
            self.note(input, FaultKind::LeadingZero);
        }
        if negative && number == 0 {
            self.note(input, FaultKind::NegativeZero);
        }
        Ok((rest, Value::Int(number)))
    }

    fn string(&mut self, input: &'a [u8]) -> Result<(&'a [u8], &'a [u8]), BencodeError> {
        let found =
            string(input).map_err(|at| self.atom(at, "a string `<length>:<bytes>` that ends in the input"))?;
        if input.starts_with(b"0") && !input.starts_with(b"0:") {
            self.note(input, FaultKind::LeadingZero);
        }
        Ok(found)
    }

    fn list(&mut self, input: &'a [u8], depth: usize) -> Result<(&'a [u8], Value<'a>), BencodeError> {
        let mut items = Vec::new();
        let mut rest = input.get(1..).unwrap_or_default();
        loop {
            if let Some((b'e', after)) = rest.split_first() {
                return Ok((after, Value::List(items)));
            }
            let (after, item) = self.item(rest, depth)?;
            items.push(item);
            rest = after;
        }
    }

    fn dict(&mut self, input: &'a [u8], depth: usize) -> Result<(&'a [u8], Value<'a>), BencodeError> {
        let mut entries: Vec<(&[u8], Item<'_>)> = Vec::new();
        let mut sorted = true;
        let mut rest = input.get(1..).unwrap_or_default();
        loop {
            match rest.first() {
                Some(b'e') => break,
                Some(b'0'..=b'9') => {}
                _ => return Err(self.error(rest, "a key or the end of the dictionary")),
            }
            let (after_key, key) = self.string(rest)?;
            if let Some((last, _)) = entries.last()
                && *last >= key
            {
                sorted = false;
                if *last > key {
                    self.note(rest, FaultKind::UnsortedKey);
                }
            }
            let (after, item) = self.item(after_key, depth)?;
            entries.push((key, item));
            rest = after;
        }
        if !sorted {
            self.drop_duplicates(&mut entries);
        }
        Ok((rest.get(1..).unwrap_or_default(), Value::Dict(entries)))
    }

    fn drop_duplicates(&mut self, entries: &mut Vec<(&'a [u8], Item<'a>)>) {
        let mut seen = std::collections::BTreeSet::new();
        entries.retain(|(key, item)| {
            let first = seen.insert(*key);
            if !first && self.faults.len() < CANONICAL_FAULTS {
                self.faults.push(Fault { offset: item.offset, kind: FaultKind::DuplicateKey });
            }
            first
        });
    }

    fn note(&mut self, at: &[u8], kind: FaultKind) {
        if self.faults.len() < CANONICAL_FAULTS {
            self.faults.push(Fault { offset: self.offset(at), kind });
        }
    }

    /// The offset of `rest`, a suffix of the input.
    fn offset(&self, rest: &[u8]) -> usize {
        self.input.len().saturating_sub(rest.len())
    }

    fn error(&self, rest: &[u8], expected: &'static str) -> BencodeError {
        BencodeError { offset: self.offset(rest), found: describe(rest), expected }
    }

    fn atom(&self, failure: nom::Err<nom::error::Error<&'a [u8]>>, expected: &'static str) -> BencodeError {
        match failure {
            nom::Err::Error(at) | nom::Err::Failure(at) => self.error(at.input, expected),
            nom::Err::Incomplete(_) => self.error(&[], expected),
        }
    }
}

fn integer(input: &[u8]) -> IResult<&[u8], (Option<char>, &[u8])> {
    delimited(char('i'), pair(opt(char('-')), digit1), char('e')).parse(input)
}

fn string(input: &[u8]) -> IResult<&[u8], &[u8]> {
    let length = map_opt(terminated(digit1, char(':')), |digits| usize::try_from(decimal(digits, false)?).ok());
    length_data(length).parse(input)
}

/// The number, unless it is beyond `i64`.
fn decimal(digits: &[u8], negative: bool) -> Option<i64> {
    digits.iter().try_fold(0_i64, |number, digit| {
        let digit = i64::from(digit.checked_sub(b'0')?);
        let shifted = number.checked_mul(10)?;
        if negative { shifted.checked_sub(digit) } else { shifted.checked_add(digit) }
    })
}

/// The first byte of `rest` in words.
fn describe(rest: &[u8]) -> String {
    match rest.first() {
        None => "the end of the input".to_owned(),
        Some(byte) if byte.is_ascii_graphic() => format!("`{}`", char::from(*byte)),
        Some(byte) => format!("0x{byte:02x}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(input: &[u8]) -> Result<Document<'_>, BencodeError> {
        let document = Document::parse(input, &Bounds::default())?;
        document.whole(input).map(|()| document)
    }

    fn faults(input: &[u8]) -> Vec<(usize, FaultKind)> {
        read(input).expect("readable").faults.iter().map(|fault| (fault.offset, fault.kind)).collect()
    }

    #[test]
    fn every_value_keeps_its_raw_span() {
        let input = b"d3:cowl4:spami-7ee4:infod1:ai1eee";
        let document = read(input).expect("valid");
        assert!(document.canonical());
        let info = document.root.find(b"info").expect("present");
        assert_eq!((info.raw, info.offset), (&b"d1:ai1ee"[..], 24));
        let cow = document.root.find(b"cow").and_then(|cow| cow.list()).expect("a list");
        assert_eq!((cow[0].bytes(), cow[1].int()), (Some(&b"spam"[..]), Some(-7)));
        assert_eq!(cow[1].raw, b"i-7e");
        assert_eq!(document.root.raw, input);
    }

    #[test]
    fn a_prefix_leaves_the_rest_alone() {
        let (value, taken) = parse_prefix(b"d8:msg_typei1eerest", &Bounds::default()).expect("valid");
        assert_eq!((value.find(b"msg_type").and_then(|kind| kind.int()), taken), (Some(1), 15));
        let error = parse(b"d8:msg_typei1eerest", &Bounds::default()).expect_err("trailing bytes");
        assert_eq!((error.offset, error.found.as_str()), (15, "`r`"));
    }

    #[test]
    fn breaches_of_the_canonical_form_are_read_and_reported() {
        assert_eq!(faults(b"d1:bi1e1:ai2ee"), [(7, FaultKind::UnsortedKey)]);
        assert_eq!(faults(b"i007e"), [(0, FaultKind::LeadingZero)]);
        assert_eq!(faults(b"i-0e"), [(0, FaultKind::NegativeZero)]);
        assert_eq!(faults(b"04:spam"), [(0, FaultKind::LeadingZero)]);
        assert_eq!(faults(b"0:"), []);
        assert_eq!(faults(b"i0e"), []);
    }

    #[test]
    fn of_equal_keys_the_first_wins() {
        for input in [&b"d1:ai1e1:ai2ee"[..], b"d1:ai1e1:bi0e1:ai2ee"] {
            let document = read(input).expect("readable");
            assert_eq!(document.root.find(b"a").and_then(|a| a.int()), Some(1));
            assert!(document.faults.iter().any(|fault| fault.kind == FaultKind::DuplicateKey));
            let entries = document.root.dict().expect("a dictionary");
            assert_eq!(entries.iter().filter(|(key, _)| key == b"a").count(), 1);
        }
    }

    #[test]
    fn errors_name_the_place() {
        let cases: [(&[u8], usize); 14] = [
            (b"", 0),
            (b"x", 0),
            (b"i12", 3),
            (b"ie", 1),
            (b"i--1e", 2),
            (b"i9223372036854775808e", 0),
            (b"5:spam", 6),
            (b"99999999999999999999:x", 0),
            (b"l", 1),
            (b"di1ei2ee", 1),
            (b"d1:ae", 4),
            (b"d1:a", 4),
            (b"d1:ai1e", 7),
            (b"4spam", 1),
        ];
        for (input, offset) in cases {
            let error = read(input).expect_err("malformed");
            assert_eq!(error.offset, offset, "{}: {error}", String::from_utf8_lossy(input));
        }
        assert_eq!(parse(b"i-9223372036854775808e", &Bounds::default()), Ok(Value::Int(i64::MIN)));
    }

    #[test]
    fn hostile_nesting_and_numbers_of_values_meet_the_bounds() {
        let deep = vec![b'l'; 1 << 20];
        assert_eq!(read(&deep).expect_err("too deep").offset, 32);
        let mut wide = vec![b'l'];
        wide.extend(b"0:".repeat(100_000));
        wide.push(b'e');
        assert_eq!(read(&wide).expect_err("too many").expected, "fewer values");
        assert!(parse(&wide, &Bounds { depth: 1, values: 100_001 }).is_ok());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(input in proptest::collection::vec(
            prop_oneof![Just(b'd'), Just(b'l'), Just(b'i'), Just(b'e'), Just(b':'), Just(b'1'), Just(b'-'), any::<u8>()],
            0..200,
        )) {
            if let Ok((_, taken)) = parse_prefix(&input, &Bounds::default()) {
                prop_assert!(taken <= input.len());
                let whole = parse(&input[..taken], &Bounds::default());
                prop_assert!(whole.is_ok());
                for cut in 0..taken {
                    prop_assert!(parse(&input[..cut], &Bounds::default()).is_err());
                }
            }
        }
    }
}
