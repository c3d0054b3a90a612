//! Connections that are one: seen on both sides of an address translation.

use std::collections::BTreeSet;

use super::Transfer;
use crate::ends::Endpoint;
use crate::spine::SameConnection;

/// The edges that carry bytes of `transfer` once more.
pub(super) fn same_connection_as(transfer: &Transfer, same: &[SameConnection]) -> BTreeSet<(Endpoint, Endpoint)> {
    let same = same.iter().filter(|pair| pair.transport == transfer.transport);
    same.filter_map(|pair| pair.other_side([transfer.uploader, transfer.downloader], transfer.span)).collect()
}
