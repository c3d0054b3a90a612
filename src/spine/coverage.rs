//! Coverage of an address: its packets by direction and time, whom it spoke with, and the flows that were not
//! recognised (evidence.md, section 3 "Absence").

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::ends::{Endpoint, Timestamp};
use crate::words::words;

/// The addresses and flows in the captures, so that absence can be told with its coverage.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// Every address in a TCP or UDP packet, sorted.
    pub hosts: Vec<Host>,
    /// Addresses for which there was no room.
    pub hosts_left_out: u64,
    /// Flows that no protocol was recognised in, sorted by ends and first packet.
    pub unrecognised: Vec<UnrecognisedFlow>,
    /// Flows of that kind for which there was no room.
    pub unrecognised_left_out: u64,
    /// Addresses that are one end of every unicast IP packet, link-local ones left out.
    pub central: Vec<IpAddr>,
    /// When the clock of an input stepped, sorted.
    pub clock_steps: Vec<Timestamp>,
}

/// The packets of one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// The address.
    pub address: IpAddr,
    /// Packets from it.
    pub from: Option<Seen>,
    /// Packets to it that show more than that somebody called: with data or acknowledgements of TCP, or answered.
    pub to: Option<Seen>,
    /// Addresses that it exchanged packets with, as far as they are counted: 3 stands for 3 or more.
    pub others: u8,
}

/// Packets and when they were seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// How many.
    pub packets: u64,
    /// When the first one was seen.
    pub first: Timestamp,
    /// When the last one was seen.
    pub last: Timestamp,
}

impl Seen {
    /// Both together.
    pub(crate) fn join(self, other: Self) -> Self {
        Self {
            packets: self.packets + other.packets,
            first: self.first.min(other.first),
            last: self.last.max(other.last),
        }
    }
}

/// A flow that nothing was recognised in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UnrecognisedFlow {
    /// One end.
    pub a: Endpoint,
    /// The other end.
    pub b: Endpoint,
    /// When its first packet was seen.
    pub first: Timestamp,
    /// When its last packet was seen.
    pub last: Timestamp,
    /// Payload bytes on the wire, both directions.
    pub bytes: u64,
    /// Why it may be BitTorrent all the same; `None` where its beginning was read, and is none.
    #[serde(default)]
    pub hiding: Option<Hiding>,
}

words! {
    /// The reason for which a flow that nothing was recognised in may be BitTorrent all the same: the part of it that would
    /// tell was not captured.
    pub enum Hiding {
        /// It had begun before the captures.
        Begun = "begun-before",
        /// A part of its beginning is missing.
        Gap = "gap-in-opening",
        /// Its numbers show that payload passed, and none of it was captured.
        Unseen = "payload-not-captured",
        /// The snap length cut its packets.
        Cut = "truncated-snaplen",
    }
}
