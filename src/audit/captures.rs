//! The captures as letters and tables name them, and frames of them: with several, a frame is one of `#2`.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::document::{Document, Input};
use crate::ends::Frames;

/// The captures of a document, each with its number.
pub(super) struct Captures<'a> {
    /// Index of frames' `file`, from 0.
    all: Vec<(u16, &'a Input)>,
}

impl<'a> Captures<'a> {
    pub(super) fn of(document: &'a Document) -> Self {
        // The inputs of the report stand behind the notices, in its order.
        let report = document.inputs.iter().filter(|input| matches!(input.kind, "capture" | "torrent"));
        let captures = (0..).zip(report).filter(|(_, input)| input.kind == "capture");
        Self { all: captures.collect() }
    }

    pub(super) fn count(&self) -> usize {
        self.all.len()
    }

    pub(super) fn are_several(&self) -> bool {
        self.count() > 1
    }

    /// At least `least` of them, among them those of `cited`, each as it is to be called.
    pub(super) fn listed(&self, least: usize, cited: &[&Frames]) -> Vec<(String, &'a Input)> {
        let is_cited = |file: u16| cited.iter().any(|frames| frames.file == file || frames.last_file == Some(file));
        let mut room = least.saturating_sub(self.all.iter().filter(|(file, _)| is_cited(*file)).count());
        let mut out = Vec::new();
        for (file, input) in &self.all {
            let is_listed = is_cited(*file) || room > 0;
            room = if is_cited(*file) { room } else { room.saturating_sub(1) };
            if is_listed {
                out.push((if self.are_several() { format!("{} ", number(*file)) } else { String::new() }, *input));
            }
        }
        out
    }

    /// `78`, `99 to 187`; with several captures `57 of #2`.
    pub(super) fn cite(&self, frames: &Frames) -> String {
        let own = if self.are_several() { format!(" of {}", number(frames.file)) } else { String::new() };
        match (frames.first, frames.last, frames.last_file) {
            (first, last, None) if first == last => format!("{first}{own}"),
            (first, last, None) => format!("{first} to {last}{own}"),
            (first, last, Some(file)) => {
                format!("{first} of {} to {last} of {}", number(frames.file), number(file))
            }
        }
    }

    /// Frame numbers as [`Self::cite`] writes them, with `frame` or `frames` before them.
    pub(super) fn frames(&self, frames: &Frames) -> String {
        let is_one = frames.first == frames.last && frames.last_file.is_none();
        format!("{} {}", if is_one { "frame" } else { "frames" }, self.cite(frames))
    }

    /// A display filter of `cited`, for each capture, and of a range that which is of `address`, as frames of others lie in
    /// it; `None` where nothing is cited.
    pub(super) fn filter(&self, cited: &[&Frames], address: Option<IpAddr>) -> Option<String> {
        let of = |filter: String| match address.filter(|_| filter.contains("..")) {
            Some(IpAddr::V4(v4)) => format!("{filter} && ip.addr == {v4}"),
            Some(IpAddr::V6(v6)) => format!("{filter} && ipv6.addr == {v6}"),
            None => filter,
        };
        let files = cited.iter().flat_map(|frames| [Some(frames.file), frames.last_file]).flatten();
        let files: BTreeSet<u16> = files.collect();
        let filters = files.iter().map(|file| {
            let ranges: Vec<String> = cited.iter().filter_map(|frames| range(frames, *file)).collect();
            let own = if self.are_several() { format!("in {}: ", number(*file)) } else { String::new() };
            format!("{own}{}", of(format!("frame.number in {{{}}}", ranges.join(", "))))
        });
        let filters = filters.collect::<Vec<_>>().join("; ");
        let several = if self.are_several() { ", " } else { ": " };
        (!files.is_empty()).then(|| format!("In Wireshark{several}{filters}."))
    }
}

/// The part of `frames` that stands in `file`, as a display filter writes it; `None` where none does.
fn range(frames: &Frames, file: u16) -> Option<String> {
    match frames.last_file {
        None if frames.file != file => None,
        None if frames.first == frames.last => Some(frames.first.to_string()),
        None => Some(format!("{}..{}", frames.first, frames.last)),
        Some(_) if frames.file == file => Some(frames.first.to_string()),
        Some(last) => (last == file).then(|| frames.last.to_string()),
    }
}

fn number(file: u16) -> String {
    format!("#{}", u32::from(file) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(kind: &'static str) -> Input {
        Input { kind, name: "x".to_owned(), sha256: None }
    }

    fn frames(file: u16, first: u64, last: u64, last_file: Option<u16>) -> Frames {
        Frames { file, first, last, last_file }
    }

    #[test]
    fn with_several_captures_each_frame_is_of_one() {
        let capture = input("capture");
        let one = Captures { all: vec![(0, &capture)] };
        assert_eq!(one.frames(&frames(0, 78, 78, None)), "frame 78");
        assert_eq!(one.cite(&frames(0, 183, 187, None)), "183 to 187");
        let filter = |cited: &[&Frames], address: &str| one.filter(cited, address.parse().ok());
        let range = frames(0, 1, 2, None);
        assert_eq!(filter(&[&range], "").as_deref(), Some("In Wireshark: frame.number in {1..2}."));
        assert_eq!(
            filter(&[&range], "192.0.2.1").as_deref(),
            Some("In Wireshark: frame.number in {1..2} && ip.addr == 192.0.2.1.")
        );
        assert_eq!(
            filter(&[&range], "2001:db8::1").as_deref(),
            Some("In Wireshark: frame.number in {1..2} && ipv6.addr == 2001:db8::1.")
        );
        assert_eq!(filter(&[], "192.0.2.1"), None);
        let many = Captures { all: (0..9).map(|file| (file, &capture)).collect() };
        let (single, range, over) = (frames(1, 78, 78, None), frames(0, 3, 9, None), frames(1, 190, 3, Some(8)));
        assert_eq!(many.frames(&single), "frame 78 of #2");
        assert_eq!(many.frames(&range), "frames 3 to 9 of #1");
        assert_eq!(many.frames(&over), "frames 190 of #2 to 3 of #9");
        assert_eq!(
            many.filter(&[&single, &range, &over], None).as_deref(),
            Some(
                "In Wireshark, in #1: frame.number in {3..9}; in #2: frame.number in {78, 190}; in #9: frame.number in \
                 {3}."
            )
        );
        let numbers = |least, cited: &[&Frames]| {
            many.listed(least, cited).iter().map(|(number, _)| number.trim().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(numbers(4, &[]), ["#1", "#2", "#3", "#4"]);
        assert_eq!(numbers(4, &[&over]), ["#1", "#2", "#3", "#9"]);
    }
}
