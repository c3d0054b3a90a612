//! Conversations that only lack structure are not taken for encrypted BitTorrent: random-looking bytes are what many
//! programs send. On a port where other services answer, something else has to speak for it.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::{Mention, Opaque, OpaqueKind, Subject};
use crate::ends::Endpoint;

/// Sets apart what only lacks structure: one end is the port of another service, and that address neither speaks
/// BitTorrent in the captures nor is named by it.
pub(super) fn set_apart(opaque: &mut [Opaque], subjects: &[Subject], mentions: &[Mention]) {
    let spoke = subjects.iter().map(|subject| subject.endpoint.ip);
    let named = mentions.iter().flat_map(|mention| [mention.subject.ip, mention.by.ip]);
    let known: BTreeSet<IpAddr> = spoke.chain(named).collect();
    for each in opaque.iter_mut().filter(|each| each.kind == OpaqueKind::MseRc4) {
        if [each.a, each.b].iter().any(|end| is_service(end) && !known.contains(&end.ip)) {
            each.kind = OpaqueKind::Unrecognised;
        }
    }
}

fn is_service(end: &Endpoint) -> bool {
    end.port < 1_024 || SERVICES.contains(&end.port)
}

// Rationale: messengers, proxies, games, databases and desktops that send what looks random; clients of BitTorrent choose
// other ports.
const SERVICES: [u16; 26] = [
    1_080, 1_194, 1_433, 1_723, 1_935, 3_128, 3_306, 3_389, 3_478, 4_433, 5_060, 5_061, 5_222, 5_223, 5_228, 5_432,
    5_900, 8_080, 8_388, 8_443, 8_883, 9_001, 9_050, 25_565, 27_015, 51_820,
];
