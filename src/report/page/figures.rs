//! Figures as the page writes them: shares that are never rounded to all or none, times, frames.

use crate::ends::Frames;
use crate::report::model::{Document, Input};
use crate::report::text::grouped;
pub(super) use crate::report::text::{plural, share};

/// `once`, `3 times`.
pub(super) fn times(count: u64) -> String {
    if count == 1 { "once".to_owned() } else { format!("{} times", grouped(count)) }
}

/// How the times of a report are written: its dates are told once, unless there are several.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    days: bool,
}

impl Clock {
    /// The clock of a report.
    pub(super) fn of(document: &Document) -> Self {
        let day = |time: &Option<String>| time.as_deref().and_then(|time| time.get(..10)).map(str::to_owned);
        Self { days: day(&document.quality.first_time) != day(&document.quality.last_time) }
    }

    /// `21:05:46.098`, behind the date where there are several.
    pub(super) fn exact(self, rfc3339: &str) -> String {
        self.cut(rfc3339, 23)
    }

    /// `21:05:46`, the same.
    pub(super) fn seconds(self, rfc3339: &str) -> String {
        self.cut(rfc3339, 19)
    }

    fn cut(self, rfc3339: &str, to: usize) -> String {
        let time = rfc3339.get(11..to).unwrap_or(rfc3339);
        match rfc3339.get(..10).filter(|_| self.days) {
            Some(day) => format!("{day} {time}"),
            None => time.to_owned(),
        }
    }
}

/// `2026-11-20 21:05:45.582`.
pub(super) fn dated(rfc3339: &str) -> String {
    match (rfc3339.get(..10), rfc3339.get(11..23)) {
        (Some(day), Some(time)) => format!("{day} {time}"),
        _ => rfc3339.to_owned(),
    }
}

/// Nanoseconds since 1970 of a time of the report; `None` for what is no time.
pub(super) fn nanoseconds(rfc3339: &str) -> Option<i128> {
    rfc3339.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_nanosecond)
}

/// How frames are named in a report: by number, and by capture where there are several.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbering {
    several: bool,
}

impl Numbering {
    /// That of a report.
    pub(super) fn of(document: &Document) -> Self {
        let captures = document.inputs.iter().filter(|input| matches!(input, Input::Capture { .. })).count();
        Self { several: captures > 1 }
    }

    /// Returns true if the report has several captures.
    pub(super) fn several(self) -> bool {
        self.several
    }

    /// The kind of an input: `capture, pcap`; of several, with the number by which its frames are cited.
    pub(super) fn capture(self, number: usize, format: &str) -> String {
        if self.several { format!("capture {number}, {format}") } else { format!("capture, {format}") }
    }

    /// `frame 381`, `frames 597–7,594`, `capture 2, frames 1–3`.
    pub(super) fn frames(self, frames: Frames) -> String {
        let word = if frames.first == frames.last && frames.last_file.is_none() { "frame" } else { "frames" };
        format!("{}{word} {}", self.file(frames), self.range(frames))
    }

    /// Frames without the noun, for a column of frames.
    pub(super) fn cell(self, frames: Frames) -> String {
        let file = if self.several { format!("#{} ", frames.file + 1) } else { String::new() };
        format!("{file}{}", self.range(frames))
    }

    fn file(self, frames: Frames) -> String {
        if self.several { format!("capture {}, ", frames.file + 1) } else { String::new() }
    }

    fn range(self, frames: Frames) -> String {
        match frames.last_file {
            Some(file) => {
                format!("{} to capture {}, {}", grouped(frames.first), file + 1, grouped(frames.last))
            }
            None if frames.first == frames.last => grouped(frames.first),
            None => format!("{}–{}", grouped(frames.first), grouped(frames.last)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_captures_each_has_the_number_by_which_its_frames_are_cited() {
        let frames = Frames { file: 1, first: 3, last: 3, last_file: None };
        let [one, many] = [false, true].map(|several| Numbering { several });
        assert_eq!(
            (many.capture(2, "pcap"), many.frames(frames)),
            ("capture 2, pcap".into(), "capture 2, frame 3".into())
        );
        assert_eq!((one.capture(1, "pcap"), one.frames(frames)), ("capture, pcap".into(), "frame 3".into()));
    }

    #[test]
    fn shares_are_rounded_and_never_to_all_or_none() {
        let cases = [
            (0, 7, "0 %"),
            (7, 7, "100 %"),
            (98_304, 3_555_328, "2.8 %"),
            (999_999, 1_000_000, "more than 99.9 %"),
            (999, 1_000, "99.9 %"),
            (1, 1_000_000, "less than 0.1 %"),
            (1, 4, "25 %"),
            (2, 3, "66.7 %"),
            (9_996, 10_000, "more than 99.9 %"),
            (9_985, 10_000, "99.9 %"),
            (0, 0, "0 %"),
            (u64::MAX - 1, u64::MAX, "more than 99.9 %"),
        ];
        for (part, whole, expected) in cases {
            assert_eq!(share(part, whole), expected, "{part} of {whole}");
        }
    }

    #[test]
    fn a_day_is_written_in_each_time_only_where_there_are_several() {
        let time = "2026-11-20T21:05:45.582999999Z";
        assert_eq!(Clock { days: false }.exact(time), "21:05:45.582");
        assert_eq!(Clock { days: true }.seconds(time), "2026-11-20 21:05:45");
        assert_eq!(dated("odd"), "odd");
    }
}
