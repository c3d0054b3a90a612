//! Everything that a walk over the captures makes known, written down before anything is judged.
//!
//! Facts are owned and serialisable, and hold no capture bytes: a payload byte is named by its [`Place`]. They know no
//! torrent. What torrents are in question, which of them a connection is about and what its bytes are worth is judged
//! afterwards, from this value and the bytes that it names.
//!
//! | fact | noun |
//! |---|---|
//! | [`Input`] | a capture file |
//! | [`Connection`] | two ends, opening, gaps, acknowledgements; its content is a [`Peer`] or a [`Web`] |
//! | [`Block`] | one `piece` message, made of [`Run`]s |
//! | [`Body`] | a stretch of an HTTP answer's body |
//! | [`Doubt`] | a [`Scope`] that may not be what its receiver took, with a [`Reason`] |
//! | [`struct@Copy`] | what a byte string hashes to |
//! | [`Hashes`] | a `hashes` message (BEP 52) |
//! | [`Harvest`] | info dictionaries that hash to their info-hash (BEP 9), and who sent them |
//! | [`Named`], [`Mention`] | who named whom |
//! | [`Opaque`] | a conversation that could not be read |
//!
//! # Invariants
//! - A function of one capture set, the options of its reading and the [`Keys`]: nothing depends on threads, windows or the
//!   order of arguments.
//! - Everything is in the order of the walk, or sorted.

mod block;
mod connection;
mod copy;
mod doubt;
mod encoding;
mod hashes;
mod input;
mod journal;
mod keys;
mod opaque;
mod peer;
mod place;
#[cfg(test)]
pub(crate) mod sample;
mod sets;
mod sorted;
#[cfg(test)]
mod tests;
mod web;

pub use block::{Answer, Block, BlockId, Receiver};
pub use connection::{Application, Connection, Stream};
pub use copy::{ContentName, Copy, CopyRange, Digests, Eager, Heard};
pub use doubt::{Doubt, Scope, Second};
pub use encoding::{Head, Plain};
pub use hashes::Hashes;
pub use input::Input;
pub use journal::{Iter, Journal, Record};
pub use keys::Keys;
pub use opaque::Opaque;
pub use peer::{CutHandshake, Handshake, Peer, Side};
pub use place::{Place, Run, SPILL};
pub use sets::{Reading, SetId, Sets, Settled};
pub use sorted::Sorted;
pub use web::{Body, ByteRange, Fault, Redirect, Request, Web};

pub use crate::session::{Claims, Ending, Hole, Reason, Unplaced};
pub use crate::stream::{EndReason, GapCause, Missing, Numbers};

use crate::ends::FrameId;
use crate::hearsay::{Called, Counts, Mention, Named, Swarm};
use crate::metadata::Harvest;

/// The facts of one capture set.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The inputs; a [`FrameId`] and a [`Place`] name them by their index.
    pub inputs: Vec<Input>,
    /// The keys with which the captures were read.
    pub keys: Keys,
    /// The connections, in the order in which they ended.
    pub connections: Journal<Connection>,
    /// The blocks, in the order in which they were complete.
    pub blocks: Journal<Block>,
    /// The bodies of HTTP answers, in the order in which they were read.
    pub bodies: Journal<Body>,
    /// Doubts, in the order in which they became known.
    pub doubts: Journal<Doubt>,
    /// Digests of copies. They decide nothing: facts without them are judged alike.
    pub copies: Journal<Copy>,
    /// `hashes` messages, in the order of the walk.
    pub hashes: Vec<Hashes>,
    /// The info dictionaries.
    pub metadata: Harvest,
    /// Who named whom, sorted.
    pub mentions: Vec<(Named, Mention)>,
    /// Counts that trackers and nodes gave of whole swarms, sorted.
    pub swarms: Vec<(Swarm, (Counts, Mention))>,
    /// Names of hosts in answers of DNS, sorted.
    pub names: Vec<(Called, Mention)>,
    /// Conversations that could not be read, in the order in which they ended.
    pub opaque: Vec<Opaque>,
    /// Frames at which the clock of their input stepped, sorted.
    pub clock_steps: Vec<FrameId>,
    /// Of facts that were put together of several sets, the first input of each; empty for those of one set. It is not
    /// written down.
    pub bases: Vec<u16>,
}
