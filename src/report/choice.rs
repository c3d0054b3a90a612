//! Choice of the rows that a view shows: one address, or a stretch of time. Figures stay those of the whole run.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ends::{Endpoint, Timestamp};
use crate::evidence::Subject;
use crate::report::document::Document;
use crate::report::text::{counted, grouped};

/// Whom and when to show; nothing chosen is everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// An address, with a port or with every one.
    pub peer: Option<Whom>,
    /// Nothing that ended before.
    pub from: Option<Moment>,
    /// Nothing that began after.
    pub to: Option<Moment>,
}

/// An address, or an address and port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Whom {
    ip: IpAddr,
    port: Option<u16>,
}

/// A time, as a user writes it: RFC 3339 with an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(jiff::Timestamp);

/// The choice that a report shows, in the report itself; see [`Document::only`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Shown {
    /// The address, with a port where one was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
    /// The earliest time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The latest time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// How many subjects the whole report has.
    pub of_subjects: u64,
    /// How many transfers.
    pub of_transfers: u64,
    /// How many mentions.
    pub of_mentions: u64,
    /// Of the addresses that mentions name here, those that have a row in the whole report, and none here; left out where there
    /// is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows_elsewhere: Vec<Endpoint>,
}

impl Shown {
    /// Returns true if an address has a row in the whole report that is not shown.
    pub fn hides(&self, endpoint: Endpoint) -> bool {
        self.rows_elsewhere.contains(&endpoint)
    }
}

/// A text that is no address, or no time.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ChoiceError(String);

impl Choice {
    /// Returns true if the choice leaves nothing out.
    pub fn is_all(&self) -> bool {
        *self == Self::default()
    }

    /// Returns true if a row with these ends and times is shown.
    fn shows(&self, ends: &[Endpoint], first: Timestamp, last: Timestamp) -> bool {
        self.is_of(ends) && self.at(first, last)
    }

    fn is_of(&self, ends: &[Endpoint]) -> bool {
        self.peer.is_none_or(|peer| ends.iter().any(|end| peer.is(*end)))
    }

    /// Returns true if `first` to `last` and the stretch have a moment in common.
    fn at(&self, first: Timestamp, last: Timestamp) -> bool {
        let of = |moment: Moment| moment.0.as_nanosecond();
        self.from.is_none_or(|from| i128::from(last.0) >= of(from))
            && self.to.is_none_or(|to| i128::from(first.0) <= of(to))
    }

    fn shows_subject(&self, subject: &Subject) -> bool {
        let own = subject.endpoint;
        let mut ends = vec![own];
        ends.extend(subject.sent_from.iter().map(|port| Endpoint { ip: own.ip, port: *port }));
        self.shows(&ends, subject.first_time, subject.last_time)
    }
}

impl Document {
    /// A report with the rows of `choice` alone, and a word about that. No figure is changed: each is that of the whole
    /// run, sums over a torrent included.
    #[must_use]
    pub fn only(mut self, choice: &Choice) -> Self {
        if choice.is_all() {
            return self;
        }
        self.shown = Some(Shown {
            peer: choice.peer.map(|peer| peer.to_string()),
            from: choice.from.map(|time| time.to_string()),
            to: choice.to.map(|time| time.to_string()),
            of_subjects: self.subjects.len() as u64,
            of_transfers: self.transfers.len() as u64,
            of_mentions: self.mentions.len() as u64,
            rows_elsewhere: Vec::new(),
        });
        let ends = |subject: &Subject| {
            let ip = subject.endpoint.ip;
            let sent = subject.sent_from.iter().map(move |port| Endpoint { ip, port: *port });
            sent.chain([subject.endpoint]).collect::<Vec<_>>()
        };
        let all: BTreeSet<Endpoint> = self.subjects.iter().flat_map(ends).collect();
        let kept: Vec<bool> = self.subjects.iter().map(|subject| choice.shows_subject(subject)).collect();
        let mut places = Vec::with_capacity(kept.len());
        let mut next = 0;
        for keep in &kept {
            places.push(keep.then_some(next));
            next += u64::from(*keep);
        }
        let place = |index: Option<u64>| places.get(usize::try_from(index?).ok()?).copied().flatten();
        let mut at = kept.iter();
        self.subjects.retain(|_| at.next().copied().unwrap_or(true));
        let mut shown_transfers = Vec::with_capacity(self.transfers.len());
        self.transfers.retain_mut(|transfer| {
            // Of a chosen peer, all that it sent and received.
            let ends = (place(transfer.uploader_subject), place(transfer.downloader_subject));
            let of =
                choice.is_of(&[transfer.uploader, transfer.downloader]) || ends.0.is_some() || ends.1.is_some();
            let shown = of && choice.at(transfer.first_time, transfer.last_time);
            (transfer.uploader_subject, transfer.downloader_subject) = ends;
            shown_transfers.push(shown);
            shown
        });
        let mut next = 0;
        let numbers: Vec<Option<u64>> = shown_transfers
            .into_iter()
            .map(|shown| {
                next += u64::from(shown);
                shown.then(|| next - 1)
            })
            .collect();
        if let Some(pieces) = &mut self.pieces {
            pieces.retain_mut(|piece| {
                let number = usize::try_from(piece.transfer).ok().and_then(|at| numbers.get(at).copied().flatten());
                piece.transfer = number.unwrap_or(piece.transfer);
                number.is_some()
            });
        }
        self.mentions
            .retain(|mention| choice.shows(&[mention.subject, mention.by], mention.first_time, mention.last_time));
        let here: BTreeSet<Endpoint> = self.subjects.iter().flat_map(ends).collect();
        let mut elsewhere: Vec<Endpoint> = self.mentions.iter().map(|mention| mention.subject).collect();
        elsewhere.retain(|end| all.contains(end) && !here.contains(end));
        elsewhere.sort_unstable();
        elsewhere.dedup();
        self.shown.iter_mut().for_each(|shown| shown.rows_elsewhere.clone_from(&elsewhere));
        self.swarms.retain(|swarm| choice.shows(&[swarm.by], swarm.first_time, swarm.last_time));
        self.opaque.retain(|opaque| choice.is_of(&[opaque.a, opaque.b]));
        for map in self.torrents.iter_mut().filter_map(|torrent| torrent.map.as_mut()) {
            map.by.retain_mut(|row| match place(Some(row.subject)) {
                Some(subject) => {
                    row.subject = subject;
                    true
                }
                None => false,
            });
        }
        self
    }
}

impl Shown {
    /// Counts the rows that are shown, of each kind, in a sentence.
    pub fn sentence(&self, subjects: usize, transfers: usize, mentions: usize) -> String {
        let mut what = Vec::new();
        what.extend(self.peer.iter().map(|peer| format!("address {peer}")));
        what.extend(self.from.iter().map(|from| format!("from {from}")));
        what.extend(self.to.iter().map(|to| format!("to {to}")));
        let some =
            |shown: usize, all: u64, noun: &str| format!("{} of {}", grouped(shown as u64), counted(all, noun));
        format!(
            "Only a part of the report is shown ({}): {}, {}, {}. The figures are those of the whole run.",
            what.join(", "),
            some(subjects, self.of_subjects, "peer"),
            some(transfers, self.of_transfers, "transfer"),
            some(mentions, self.of_mentions, "mention")
        )
    }
}

impl Whom {
    /// Returns true if the address is meant, at whatever port.
    pub fn is_at(self, ip: IpAddr) -> bool {
        ip == self.ip
    }

    /// Returns true if `endpoint` is meant.
    pub fn is(self, endpoint: Endpoint) -> bool {
        endpoint.ip == self.ip && self.port.is_none_or(|port| port == endpoint.port)
    }
}

impl FromStr for Whom {
    type Err = ChoiceError;

    fn from_str(text: &str) -> Result<Self, ChoiceError> {
        if let Ok(ip) = text.trim_start_matches('[').trim_end_matches(']').parse() {
            return Ok(Self { ip, port: None });
        }
        match text.parse::<SocketAddr>() {
            Ok(end) => Ok(Self { ip: end.ip(), port: Some(end.port()) }),
            Err(_) => {
                Err(ChoiceError("no address: such as 192.0.2.7, 192.0.2.7:6881 or [2001:db8::7]:6881".to_owned()))
            }
        }
    }
}

impl std::fmt::Display for Whom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.port {
            Some(port) => SocketAddr::new(self.ip, port).fmt(f),
            None => self.ip.fmt(f),
        }
    }
}

impl FromStr for Moment {
    type Err = ChoiceError;

    fn from_str(text: &str) -> Result<Self, ChoiceError> {
        let example = "no time: such as 2026-11-20T21:05:45Z or 2026-11-20T22:05:45.5+01:00";
        text.parse().map(Self).map_err(|_| ChoiceError(example.to_owned()))
    }
}

impl std::fmt::Display for Moment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.9}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    fn whom(text: &str) -> Choice {
        Choice { peer: Some(text.parse().expect("an address")), ..Choice::default() }
    }

    #[test]
    fn an_address_chooses_its_rows_and_changes_no_figure() {
        let all = fixture::document();
        let one = all.clone().only(&whom("10.77.3.10:6881"));
        assert_eq!((one.subjects.len(), one.transfers.len()), (1, 1));
        assert_eq!(one.subjects[0], all.subjects[0]);
        assert_eq!(one.torrents[0].bytes, all.torrents[0].bytes);
        let shown =
            one.shown.as_ref().expect("said").sentence(one.subjects.len(), one.transfers.len(), one.mentions.len());
        assert!(shown.contains("1 of 3 peers, 1 of 2 transfers"), "{shown}");
        assert_eq!(all.clone().only(&whom("10.77.3.10")).subjects.len(), 2);
        assert_eq!(all.clone().only(&Choice::default()), all);
    }

    #[test]
    fn a_stretch_of_time_chooses_what_overlaps_it() {
        let all = fixture::document();
        let after = Choice { from: Some("2030-01-01T00:00:00Z".parse().expect("a time")), ..Choice::default() };
        assert!(all.clone().only(&after).subjects.is_empty());
        let before = Choice { to: Some("2030-01-01T01:00:00+01:00".parse().expect("a time")), ..Choice::default() };
        assert_eq!(all.clone().only(&before).subjects.len(), 3);
    }

    #[test]
    fn what_is_no_address_and_no_time_is_refused() {
        assert!("192.0.2.300".parse::<Whom>().is_err() && "yesterday".parse::<Moment>().is_err());
        assert_eq!("[2001:db8::7]:6881".parse::<Whom>().expect("an endpoint").to_string(), "[2001:db8::7]:6881");
    }
}
