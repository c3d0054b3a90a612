//! Datagrams between a few endpoints, and what must hold of what a listener makes of them.

use std::net::IpAddr;

use peerproof::ends::Endpoint;
use peerproof::stages::hearsay::{Datagram, Listener, PeerList, Remark, Standing, looks_like};

use crate::{Cursor, at};

/// Reads a script of records: a byte that names source and destination, one of options, a length, and the bytes of a
/// datagram. By the options the secret of an earlier datagram is echoed, or the datagram is cut, doubled or doubtful.
pub fn listen(input: &mut Cursor<'_>, options: u8) {
    let most = if options & 2 == 0 { 3 } else { 1_000 };
    let mut listener = Listener::new(most);
    let mut heard: Vec<(Endpoint, Endpoint, Vec<u8>)> = Vec::new();
    let mut out = Vec::new();
    while !input.is_empty() && heard.len() < 200 {
        let (ends, control) = (input.u8(), input.u8());
        let (from, to) = (endpoint(ends & 7), endpoint(ends >> 3 & 7));
        let mut bytes = input.block().to_vec();
        if control & 1 != 0 {
            echo(&mut bytes, &heard, control >> 4);
        }
        let cut = if control & 2 == 0 { bytes.len() } else { bytes.len().min(usize::from(input.u8())) };
        let wire_len = bytes.len() as u32;
        let captured = &bytes[..cut];
        if looks_like(captured, wire_len) {
            let datagram = Datagram {
                from,
                to,
                bytes: captured,
                wire_len,
                at: at(heard.len() as u64 + 1),
                fingerprint: if control & 4 == 0 { heard.len() as u32 } else { 7 },
                doubtful: control & 8 != 0,
            };
            out.clear();
            listener.push(&datagram, &mut out);
            out.iter().for_each(|remark| check(remark, &datagram, &heard));
        }
        heard.push((from, to, bytes));
    }
}

/// Checks the invariants of [`PeerList`].
pub fn check_list(list: &PeerList) {
    assert!(list.peers.is_sorted_by(|one, other| one < other), "{list:?}");
    list.peers.iter().for_each(usable);
}

/// A connection id or token is where these protocols have it: copies eight bytes of an earlier datagram to the start.
fn echo(bytes: &mut [u8], heard: &[(Endpoint, Endpoint, Vec<u8>)], back: u8) {
    let earlier = heard.len().checked_sub(usize::from(back) + 1).and_then(|place| heard.get(place));
    if let Some((_, _, earlier)) = earlier
        && let (Some(to), Some(secret)) = (bytes.get_mut(..8), earlier.get(8..16))
    {
        to.copy_from_slice(secret);
    }
}

fn check(remark: &Remark, datagram: &Datagram<'_>, heard: &[(Endpoint, Endpoint, Vec<u8>)]) {
    let Remark::Mention { named, shown } = remark else {
        return;
    };
    usable(&named.subject);
    assert_eq!(shown.last, datagram.at);
    assert_eq!(named.doubts.bad_checksum, datagram.doubtful);
    assert_eq!(named.doubts.return_path_unconfirmed, named.standing == Standing::Announced);
    assert_eq!(named.doubts.one_sided, named.info_hash.is_none());
    match named.standing {
        Standing::Named => {}
        Standing::Announced | Standing::Confirmed => {
            assert_eq!((named.subject, named.subject.ip), (named.by, datagram.from.ip.to_canonical()));
        }
    }
    if named.standing == Standing::Confirmed {
        // Whoever is confirmed was sent something by whom it now answers, in the frame that is cited.
        let sent = heard.get(shown.first.frame.number() as usize - 1).expect("an earlier frame");
        assert_eq!((sent.0, sent.1.ip), (datagram.to, datagram.from.ip), "{named:?}");
    }
}

fn usable(peer: &Endpoint) {
    assert!(peer.port != 0 && !peer.ip.is_unspecified() && peer.ip == peer.ip.to_canonical(), "{peer}");
}

/// Two clients on one address, others on other addresses, IPv6, and both groups of local discovery.
fn endpoint(number: u8) -> Endpoint {
    let (ip, port): (IpAddr, u16) = match number {
        0 => ([192, 0, 2, 1].into(), 6_881),
        1 => ([192, 0, 2, 1].into(), 6_882),
        2 => ([198, 51, 100, 1].into(), 6_969),
        3 => ([203, 0, 113, 5].into(), 6_881),
        4 => ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1].into(), 6_881),
        5 => ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 2].into(), 6_969),
        6 => ([239, 192, 152, 143].into(), 6_771),
        _ => ([0xff15, 0, 0, 0, 0, 0, 0xefc0, 0x988f].into(), 6_771),
    };
    Endpoint { ip, port }
}
