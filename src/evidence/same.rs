//! Connections that are one: seen on both sides of an address translation.

use std::collections::BTreeSet;

use super::{Transfer, Transport};
use crate::ends::{Endpoint, Span};

/// Two flows that carry the same connection under different addresses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SameConnection {
    pub(crate) transport: Transport,
    /// Who opened it, and to whom, on either side.
    pub(crate) legs: [[Endpoint; 2]; 2],
    /// The packets of either side.
    pub(crate) spans: [Span; 2],
}

impl SameConnection {
    /// The edge that carries the same bytes as `transfer`, if one of the two sides is among its connections.
    fn other_side(&self, transfer: &Transfer) -> Option<(Endpoint, Endpoint)> {
        let ends = [transfer.uploader, transfer.downloader];
        (0..2).find_map(|side| {
            let ([one, other], begins) = (self.legs[side], self.spans[side].first.time);
            let [opener, opened] = self.legs[1 - side];
            let during = transfer.span.first.time <= begins && begins <= transfer.span.last.time;
            match during {
                true if ends == [one, other] => Some((opener, opened)),
                true if ends == [other, one] => Some((opened, opener)),
                _ => None,
            }
        })
    }
}

/// The edges that carry bytes of `transfer` once more.
pub(super) fn same_connection_as(transfer: &Transfer, same: &[SameConnection]) -> BTreeSet<(Endpoint, Endpoint)> {
    let same = same.iter().filter(|pair| pair.transport == transfer.transport);
    same.filter_map(|pair| pair.other_side(transfer)).collect()
}
