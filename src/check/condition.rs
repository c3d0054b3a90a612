//! A condition in an expectation: a bound for a number, a grade of the ladder, a pattern for a text, a list of files.

use std::cmp::Ordering;
use std::fmt;

use crate::evidence::Grade;

/// A comparison with `of`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Compared<T> {
    how: How,
    of: T,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Equal,
    Not,
    Less,
    AtMost,
    More,
    AtLeast,
}

/// Comparisons that all have to hold, written with commas between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bounds<T>(Vec<Compared<T>>);

impl<T: Copy + Ord> Bounds<T> {
    /// Just this value.
    pub(super) fn exactly(of: T) -> Self {
        Self(vec![Compared { how: How::Equal, of }])
    }

    /// Reads `>=A, <B`; each value is read by `value`.
    pub(super) fn parse(text: &str, value: impl Fn(&str) -> Option<T>) -> Option<Self> {
        let one = |part: &str| {
            let part = part.trim();
            let (how, rest) = SIGNS
                .iter()
                .find_map(|(sign, how)| part.strip_prefix(sign).map(|rest| (*how, rest)))
                .unwrap_or((How::Equal, part));
            value(rest.trim()).map(|of| Compared { how, of })
        };
        text.split(',').map(one).collect::<Option<Vec<_>>>().map(Self)
    }

    /// Returns true if `found` fulfils all conditions.
    pub(super) fn holds(&self, found: T) -> bool {
        self.0.iter().all(|one| {
            let order = found.cmp(&one.of);
            match one.how {
                How::Equal => order == Ordering::Equal,
                How::Not => order != Ordering::Equal,
                How::Less => order == Ordering::Less,
                How::AtMost => order != Ordering::Greater,
                How::More => order == Ordering::Greater,
                How::AtLeast => order != Ordering::Less,
            }
        })
    }
}

// The longer signs first: `>` begins `>=` too.
const SIGNS: [(&str, How); 7] = [
    (">=", How::AtLeast),
    ("<=", How::AtMost),
    ("!=", How::Not),
    ("==", How::Equal),
    (">", How::More),
    ("<", How::Less),
    ("=", How::Equal),
];

/// Reads digits, which `_` may group.
pub(super) fn number(text: &str) -> Option<u64> {
    let digits: String = text.chars().filter(|letter| *letter != '_').collect();
    digits.parse().ok()
}

/// Reads a rung of the ladder; the side branch G3m and GX, which stands beside it, are none.
pub(super) fn rung(text: &str) -> Option<Grade> {
    Grade::ALL.iter().copied().find(|grade| grade.name() == text && !matches!(grade, Grade::G3m | Grade::GX))
}

/// Which files of a torrent a subject has to have served whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Files {
    /// Each one that is neither empty nor padding.
    All,
    /// So many.
    Count(Bounds<u64>),
    /// Those whose path one of the patterns fits; each has to fit one at least.
    Named(Vec<Glob>),
}

/// A pattern with `*`, `?` and `[...]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Glob(glob::Pattern);

impl Glob {
    /// Reads a pattern.
    pub(super) fn parse(text: &str) -> Option<Self> {
        glob::Pattern::new(text).ok().map(Self)
    }

    /// Returns true if `text` fits the pattern.
    pub(super) fn fits(&self, text: &str) -> bool {
        self.0.matches(text)
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparisons_are_those_of_their_signs_and_all_of_them_hold() {
        for (text, below, at, above) in [
            ("5", false, true, false),
            ("=5", false, true, false),
            ("== 5", false, true, false),
            ("!=5", true, false, true),
            ("<5", true, false, false),
            ("<=5", true, true, false),
            (">5", false, false, true),
            (">= 5", false, true, true),
            (">=5, <6", false, true, false),
        ] {
            let bounds = Bounds::parse(text, number).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((bounds.holds(4), bounds.holds(5), bounds.holds(6)), (below, at, above), "{text}");
        }
        for text in ["", "x", ">=", ">=-1", "5 6", "5,", "1.5", "=>5"] {
            assert_eq!(Bounds::parse(text, number), None, "{text}");
        }
        assert_eq!(number("4_194_304"), Some(4_194_304));
    }

    #[test]
    fn a_grade_is_compared_along_the_ladder() {
        let at_least = Bounds::parse(">=G5", rung).expect("a bound");
        assert!(at_least.holds(Grade::G9) && at_least.holds(Grade::G5) && !at_least.holds(Grade::G3m));
        for text in ["GX", "G3m", "g8", "G10"] {
            assert_eq!(rung(text), None, "{text}");
        }
    }
}
