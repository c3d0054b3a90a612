//! Connections that are one: seen on both sides of an address translation.

use std::collections::BTreeSet;

use super::{Edge, Transfer};
use crate::spine::SameConnection;

/// The edges that carry bytes of `transfer` once more.
pub(super) fn same_connection_as(transfer: &Transfer, same: &[SameConnection]) -> BTreeSet<Edge> {
    let (ends, time) = ([transfer.uploader, transfer.downloader], transfer.first_time..=transfer.last_time);
    let same = same.iter().filter(|pair| pair.transport == transfer.transport);
    let other = same.filter_map(|pair| pair.other_side(ends, &time));
    other.map(|(uploader, downloader)| Edge { uploader, downloader }).collect()
}
