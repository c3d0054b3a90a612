//! Facts of one set among those of several: inputs, connections, blocks and the walk's order are numbered on.

use crate::ends::{At, ConnectionId, FrameId, Frames, Sightings, Span, Timestamp};
use crate::facts::{
    Application, Block, BlockId, Body, Claims, Connection, Copy, Doubt, Hashes, Opaque, Peer, Place, Run, Scope,
    Second, Side, Stream, Web,
};
use crate::hearsay::Mention;
use crate::metadata::{Contribution, Rebuilt, WrongPiece};
use crate::oddity::{Bound, Leg, Occurrence, Oddity};
use crate::spine::SameConnection;

/// So many stand before those of a set.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct By {
    pub(super) set: u16,
    pub(super) inputs: u16,
    pub(super) connections: u64,
    pub(super) blocks: u64,
    /// Nanoseconds to be added to its times where they are compared with those of others.
    pub(super) clock: i64,
}

impl By {
    /// The place of `time` among all sets, in the order of their clocks.
    pub(super) fn order(&self, time: Timestamp) -> u64 {
        (time.0.saturating_add(self.clock) as u64) ^ (1 << 63)
    }
}

/// Something that names inputs, connections or blocks by number.
pub(super) trait Moved {
    fn shift(&mut self, by: &By);

    fn moved(mut self, by: &By) -> Self
    where
        Self: Sized,
    {
        self.shift(by);
        self
    }
}

impl<T: Moved> Moved for Option<T> {
    fn shift(&mut self, by: &By) {
        self.iter_mut().for_each(|value| value.shift(by));
    }
}

impl<T: Moved> Moved for Vec<T> {
    fn shift(&mut self, by: &By) {
        self.iter_mut().for_each(|value| value.shift(by));
    }
}

impl<T: Moved, const N: usize> Moved for [T; N] {
    fn shift(&mut self, by: &By) {
        self.iter_mut().for_each(|value| value.shift(by));
    }
}

impl Moved for FrameId {
    fn shift(&mut self, by: &By) {
        *self = self.behind(by.inputs);
    }
}

impl Moved for At {
    fn shift(&mut self, by: &By) {
        self.frame.shift(by);
    }
}

impl Moved for Span {
    fn shift(&mut self, by: &By) {
        self.first.shift(by);
        self.last.shift(by);
    }
}

impl Moved for Frames {
    fn shift(&mut self, by: &By) {
        self.file = self.file.saturating_add(by.inputs);
        self.last_file = self.last_file.map(|file| file.saturating_add(by.inputs));
    }
}

impl Moved for Sightings {
    fn shift(&mut self, by: &By) {
        *self = self.behind(by.inputs);
    }
}

impl Moved for ConnectionId {
    fn shift(&mut self, by: &By) {
        self.0 = self.0.saturating_add(by.connections);
    }
}

impl Moved for BlockId {
    fn shift(&mut self, by: &By) {
        self.0 = self.0.saturating_add(by.blocks);
    }
}

impl Moved for Place {
    fn shift(&mut self, by: &By) {
        *self = self.in_set(by.set, by.inputs);
    }
}

impl Moved for Run {
    fn shift(&mut self, by: &By) {
        self.place.shift(by);
        self.frame.shift(by);
    }
}

impl Moved for Block {
    fn shift(&mut self, by: &By) {
        use crate::facts::Answer;
        self.id.shift(by);
        self.connection.shift(by);
        self.runs.shift(by);
        self.span.shift(by);
        match &mut self.answers {
            Answer::Request { span, .. } | Answer::Cancelled { span } => span.shift(by),
            Answer::Unasked => {}
        }
        self.advertised.shift(by);
    }
}

impl Moved for Body {
    fn shift(&mut self, by: &By) {
        self.connection.shift(by);
        self.runs.shift(by);
        self.span.shift(by);
    }
}

impl Moved for Doubt {
    fn shift(&mut self, by: &By) {
        match &mut self.scope {
            Scope::Stretch(id, ..) | Scope::Direction(id, _) => id.shift(by),
            Scope::Share(id) => id.shift(by),
            Scope::Piece(..) => {}
        }
        if let Some(Second { run, .. }) = &mut self.second {
            run.shift(by);
        }
    }
}

impl Moved for Copy {
    fn shift(&mut self, by: &By) {
        self.content = self.content.in_set(by.set.into());
        self.same_as = self.same_as.map(|name| name.in_set(by.set.into()));
    }
}

impl Moved for Hashes {
    fn shift(&mut self, by: &By) {
        self.connection.shift(by);
        self.span.shift(by);
    }
}

impl Moved for Opaque {
    fn shift(&mut self, by: &By) {
        self.span.shift(by);
    }
}

impl Moved for Connection {
    fn shift(&mut self, by: &By) {
        let Self { id, opening, span, seen, streams, content, .. } = self;
        id.shift(by);
        opening.shift(by);
        span.shift(by);
        seen.shift(by);
        streams.shift(by);
        match content {
            Application::Peer(peer) => {
                let Peer { sides } = &mut **peer;
                sides.shift(by);
            }
            Application::Web(web) => {
                let Web { requests, redirects, faults, .. } = &mut **web;
                requests.iter_mut().for_each(|request| request.span.shift(by));
                for redirect in redirects {
                    // Between what was asked and what is asked next.
                    let asked = requests.get(redirect.request as usize).map(|request| request.span.last.time);
                    redirect.order = by.order(asked.unwrap_or_default());
                }
                faults.iter_mut().for_each(|fault| fault.at.shift(by));
            }
        }
    }
}

impl Moved for Stream {
    fn shift(&mut self, by: &By) {
        self.holes.iter_mut().for_each(|hole| hole.at.shift(by));
        self.end.iter_mut().for_each(|end| end.at.shift(by));
    }
}

impl Moved for Side {
    fn shift(&mut self, by: &By) {
        self.handshake.iter_mut().for_each(|handshake| handshake.span.shift(by));
        self.cut_handshake.iter_mut().for_each(|handshake| handshake.span.shift(by));
        self.claims.shift(by);
        self.offered.shift(by);
        self.requested.shift(by);
        self.first_piece.shift(by);
    }
}

impl Moved for Claims {
    fn shift(&mut self, by: &By) {
        let Self { all, bitfields, haves, rest, first, withdrawn: _, forgotten: _ } = self;
        all.shift(by);
        bitfields.iter_mut().chain(rest).for_each(|(_, span)| span.shift(by));
        haves.iter_mut().for_each(|(_, at)| at.shift(by));
        first.shift(by);
    }
}

impl Moved for Mention {
    fn shift(&mut self, by: &By) {
        self.span.shift(by);
        self.first.shift(by);
    }
}

impl Moved for Rebuilt {
    fn shift(&mut self, by: &By) {
        for Contribution { pieces, .. } in &mut self.contributors {
            pieces.values_mut().for_each(|span| span.shift(by));
        }
        self.whole_from.iter_mut().for_each(|(_, span)| span.shift(by));
    }
}

impl Moved for WrongPiece {
    fn shift(&mut self, by: &By) {
        self.span.shift(by);
    }
}

impl Moved for SameConnection {
    fn shift(&mut self, by: &By) {
        self.spans.shift(by);
    }
}

impl Moved for Occurrence {
    fn shift(&mut self, by: &By) {
        self.span.shift(by);
        self.connection.shift(by);
        let number = |input: &mut u16| *input = input.saturating_add(by.inputs);
        match &mut self.oddity {
            Oddity::Damage { input, .. } | Oddity::DamagedStream { input, .. } | Oddity::BadTime { input, .. } => {
                number(input);
            }
            Oddity::DoubleFrame { first, again } => {
                first.shift(by);
                again.shift(by);
            }
            Oddity::SameConnection(same) => {
                same.legs.iter_mut().for_each(|Leg { span, .. }| span.shift(by));
            }
            Oddity::SeenTwice { spans, .. } => spans.shift(by),
            Oddity::Reached(
                Bound::Interfaces { input } | Bound::InterfacesListed { input, .. } | Bound::NameRecords { input },
            ) => number(input),
            _ => {}
        }
    }
}
