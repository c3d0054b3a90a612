//! Who named whom: mentions of addresses by third parties. They never change a figure or a grade of direct evidence
//! (evidence.md, section 3).

use std::collections::BTreeMap;

use crate::packet::Endpoint;
use crate::provenance::Span;

/// The protocol by which an address was named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Via {
    /// `ut_pex` (BEP 11): `added` or `added6`. Its flags, "seed" too, are hearsay like the rest.
    Pex,
    /// `ut_holepunch` (BEP 55): a relay told one peer to connect to the other.
    Holepunch,
}

impl Via {
    /// The word in the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pex => "pex",
            Self::Holepunch => "holepunch",
        }
    }
}

/// What makes a mention one: the same address named by the same party in the same way is counted, not listed again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Named {
    /// The address that was named.
    pub subject: Endpoint,
    /// The torrent in whose swarm, as handshakes name it; `None` where no handshake was captured.
    pub info_hash: Option<[u8; 20]>,
    /// Who named it.
    pub by: Endpoint,
    /// How.
    pub via: Via,
}

/// How often and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mention {
    /// Messages.
    pub count: u64,
    /// The first and the last of them.
    pub span: Span,
    /// The frames of the first.
    pub first: Span,
}

/// All mentions of a run.
///
/// # Invariants
/// - At most `most` different ones; what does not fit is counted.
#[derive(Clone, Debug, Default)]
pub struct Mentions {
    named: BTreeMap<Named, Mention>,
    most: usize,
}

impl Mentions {
    /// No mentions yet, and room for `most`.
    pub fn new(most: usize) -> Self {
        Self { named: BTreeMap::new(), most }
    }

    /// Counts a mention; `false` when it is a new one and there is no room.
    #[must_use]
    pub fn note(&mut self, named: Named, span: Span) -> bool {
        if let Some(mention) = self.named.get_mut(&named) {
            mention.count += 1;
            mention.span = mention.span.join(span);
            if span.first.precedes(mention.first.first) {
                mention.first = span;
            }
            return true;
        }
        if self.named.len() >= self.most {
            return false;
        }
        self.named.insert(named, Mention { count: 1, span, first: span });
        true
    }

    /// The mentions, sorted.
    pub fn iter(&self) -> impl Iterator<Item = (&Named, &Mention)> {
        self.named.iter()
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::provenance::{At, FrameId, Timestamp};

    fn named(last: u8) -> Named {
        let end = |last| Endpoint { ip: IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)), port: 6881 };
        Named { subject: end(last), info_hash: Some([1; 20]), by: end(200), via: Via::Pex }
    }

    fn span(n: u64) -> Span {
        Span::single(At { time: Timestamp(n as i64), frame: FrameId::new(0, n) })
    }

    #[test]
    fn the_same_mention_is_counted_and_another_one_is_listed() {
        let mut mentions = Mentions::new(2);
        assert!(
            mentions.note(named(1), span(5))
                && mentions.note(named(2), span(6))
                && mentions.note(named(1), span(7))
        );
        assert!(!mentions.note(named(3), span(8)), "no room");
        let listed: Vec<_> = mentions.iter().map(|(named, mention)| (named.subject.ip, mention.count)).collect();
        assert_eq!(listed, [(named(1).subject.ip, 2), (named(2).subject.ip, 1)]);
    }
}
