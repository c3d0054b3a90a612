//! Bytes on disk to [`Frame`]: mapping and spooling, pcap and pcapng, several files in time order.
//!
//! ```text
//! paths --gather--> files --source, decompress--> Input (mapped) --track, format--> pcap | pcapng --merge--> Frame
//! ```
//!
//! [`CaptureSet`] owns the mapped bytes, [`Frames`] walks them once, front to back. Formats are told by content,
//! never by name. Sources: draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng, and pcap's list of magic numbers.

mod decompress;
mod format;
mod gather;
mod growth;
mod mapped;
mod merge;
mod original;
mod pcap;
mod pcapng;
mod place;
mod resync;
#[cfg(test)]
mod sample;
mod set;
mod source;
mod spool;
mod spooled;
mod sums;
mod track;

pub use mapped::Spill;
#[doc(hidden)]
pub use mapped::catch_cut_files;
pub use merge::Frames;
pub(crate) use merge::INPUTS_APART_NS;
pub use set::{CaptureSet, OpenOptions};
pub use spooled::Spool;
pub use sums::Sums;

use crate::ends::At;

/// One captured frame, as it stands in the mapped file.
///
/// # Invariants
/// - `bytes.len() <= wire_len`.
/// - `at.frame` is Wireshark's `frame.number` of that file; `at.time` is as written, not assumed monotonic.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'cap> {
    /// Which frame of which input, and when.
    pub at: At,
    /// How `bytes` begins.
    pub link: LinkType,
    /// The captured part of the frame.
    pub bytes: &'cap [u8],
    /// Bytes that the frame had on the wire; more than `bytes.len()` when the snap length cut it.
    pub wire_len: u32,
    /// Bytes of frame check sequence at the end of the frame on the wire (0 to 15), as the interface states.
    pub fcs_len: u8,
    /// Number of the interface in its section of the file; 0 where the format knows one only.
    pub interface: u32,
    /// The capture says that what came over the wire was damaged: a wrong frame check sequence, a symbol error.
    pub damaged: bool,
}

impl Frame<'_> {
    /// Asks the processor to load the headers, which are read soon.
    #[inline]
    pub(crate) fn load(&self) {
        mapped::load_ahead(self.bytes);
    }
}

/// The link type of an interface: a `LINKTYPE_` value of the pcap registry, FCS bits removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct LinkType(pub u16);

/// A file in a directory of captures that is none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct PassedOver {
    /// Its path from the directory that was given, with `/` between the parts.
    pub name: String,
    /// The format that the content looks like instead, in words.
    pub found: String,
    /// True if nothing of the file could be decompressed, so that it may be a capture after all. Counted as damage.
    pub broken: bool,
}

/// The report's facts about one capture file.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct InputFacts {
    /// File name without its directories, or `-` for standard input.
    pub name: String,
    /// `pcap` or `pcapng`, with the compression around it in front: `gzip+pcap`.
    pub format: String,
    /// Size in bytes as given (compressed size for a compressed file).
    pub bytes: u64,
    /// SHA-256 of the bytes as given; `None` when not asked for.
    pub sha256: Option<[u8; 32]>,
    /// True if `sha256` was taken over from a list ([`Sums`]), and not computed.
    pub stated: bool,
    /// Content of the file once it is decompressed; `None` where it is not compressed, or no digest was computed.
    pub content: Option<Decompressed>,
    /// Frames read.
    pub frames: u64,
    /// Time of the first frame in file order.
    pub first_time: Option<crate::ends::Timestamp>,
    /// Time of the last frame in file order.
    pub last_time: Option<crate::ends::Timestamp>,
    /// Its interfaces, in order of definition.
    pub interfaces: Vec<Interface>,
    /// The damage of the file in plain words, with byte offsets; `None` without damage.
    pub damage: Option<String>,
    /// Packets that the capturing program says it dropped; `None` when it does not say.
    pub dropped_by_capture: Option<u64>,
    /// Blocks of a pcapng file that were passed over as they hold no packet, by kind, with their number.
    pub unused_blocks: std::collections::BTreeMap<String, u64>,
    /// The names that a pcapng file has for addresses (name resolution blocks), sorted.
    pub names: Vec<(std::net::IpAddr, String)>,
}

/// The content of a compressed capture, however it is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Decompressed {
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256 of them.
    pub sha256: [u8; 32],
}

/// The digests of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digests {
    /// SHA-256 of the bytes as given.
    pub file: [u8; 32],
    /// Of what they are once they are decompressed; `None` where they are not compressed.
    pub content: Option<Decompressed>,
}

/// An interface of a capture file.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Interface {
    /// Its link type.
    pub link_type: LinkType,
    /// Its snap length in bytes; 0 for no limit.
    pub snaplen: u32,
    /// Its name, where the file tells it.
    pub name: Option<String>,
    /// Its capture filter, where the file tells it.
    pub filter: Option<String>,
    /// Frames read from it.
    pub frames: u64,
    /// Units of its times in a second: 1,000,000 for microseconds.
    pub ticks_per_second: u64,
    /// Seconds that the file says are to be added to its times (`if_tsoffset`).
    pub offset_seconds: i64,
}
