//! Messages of trackers, the DHT and local discovery, as clients and servers write them (BEP 3, 5, 7, 14, 15, 23, 32).

use std::net::{IpAddr, SocketAddr};

use super::swarm::{Conn, Side, World};

/// Compact addresses of both families, each in its own string.
pub fn compact(peers: &[SocketAddr]) -> (Vec<u8>, Vec<u8>) {
    let (mut four, mut six) = (Vec::new(), Vec::new());
    for peer in peers {
        match peer.ip() {
            IpAddr::V4(ip) => four.extend(ip.octets().into_iter().chain(peer.port().to_be_bytes())),
            IpAddr::V6(ip) => six.extend(ip.octets().into_iter().chain(peer.port().to_be_bytes())),
        }
    }
    (four, six)
}

/// A connect request of a UDP tracker's client.
pub fn connect(transaction: u32) -> Vec<u8> {
    [&0x0417_2710_1980_u64.to_be_bytes()[..], &[0; 4], &transaction.to_be_bytes()].concat()
}

/// Its answer.
pub fn connected(transaction: u32, id: u64) -> Vec<u8> {
    [&[0; 4][..], &transaction.to_be_bytes(), &id.to_be_bytes()].concat()
}

/// An announce to a UDP tracker.
pub fn announce(id: u64, transaction: u32, info_hash: [u8; 20], ip: [u8; 4], port: u16) -> Vec<u8> {
    let mut out = [&id.to_be_bytes()[..], &1_u32.to_be_bytes(), &transaction.to_be_bytes()].concat();
    out.extend(info_hash);
    out.extend(b"-XX0001-0123456789ab");
    for bytes in [0_u64, 1_000_000, 0] {
        out.extend(bytes.to_be_bytes());
    }
    out.extend(2_u32.to_be_bytes());
    out.extend(ip);
    out.extend(0xfeed_beef_u32.to_be_bytes());
    out.extend((-1_i32).to_be_bytes());
    out.extend(port.to_be_bytes());
    out
}

/// Its answer, with the addresses of one family.
pub fn listed(transaction: u32, peers: &[SocketAddr]) -> Vec<u8> {
    let (four, six) = compact(peers);
    let figures = [1, transaction, 1_800, 0, peers.len() as u32].map(u32::to_be_bytes).concat();
    [figures, four, six].concat()
}

/// A whole exchange with a UDP tracker, from `from`.
pub fn udp_tracker(world: &mut World, from: SocketAddr, tracker: SocketAddr, hash: [u8; 20], peers: &[SocketAddr]) {
    world.datagram(from, tracker, &connect(11));
    world.datagram(tracker, from, &connected(11, 0x5ec4_e700_0000_0001));
    world.datagram(from, tracker, &announce(0x5ec4_e700_0000_0001, 12, hash, [0; 4], from.port()));
    world.datagram(tracker, from, &listed(12, peers));
}

/// A scrape of a UDP tracker.
pub fn scrape(id: u64, transaction: u32, info_hashes: &[[u8; 20]]) -> Vec<u8> {
    [&id.to_be_bytes()[..], &2_u32.to_be_bytes(), &transaction.to_be_bytes(), &info_hashes.concat()].concat()
}

/// Its answer: seeders, completed downloads, leechers of each swarm.
pub fn scraped(transaction: u32, figures: &[[u32; 3]]) -> Vec<u8> {
    let words = [2, transaction].into_iter().chain(figures.iter().flatten().copied());
    words.flat_map(u32::to_be_bytes).collect()
}

/// The target of an announce to an HTTP tracker.
pub fn target(info_hash: [u8; 20], port: u16, more: &str) -> String {
    let hash: String = info_hash.iter().map(|byte| format!("%{byte:02x}")).collect();
    format!("/announce?info_hash={hash}&peer_id=-XX0001-0123456789ab&port={port}&left=0&compact=1{more}")
}

/// The body of a tracker's answer.
pub fn answer(peers: &[SocketAddr]) -> Vec<u8> {
    let (four, six) = compact(peers);
    let mut out = format!("d8:intervali1800e5:peers{}:", four.len()).into_bytes();
    out.extend(four);
    if !six.is_empty() {
        out.extend(format!("6:peers6{}:", six.len()).into_bytes());
        out.extend(six);
    }
    out.push(b'e');
    out
}

/// The bytes of an HTTP request.
pub fn get(target: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nHost: tracker.example\r\n\r\n").into_bytes()
}

/// The bytes of an HTTP answer.
pub fn ok(headers: &str, body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 200 OK\r\n{headers}Content-Length: {}\r\n\r\n", body.len()).as_bytes(), body].concat()
}

/// A whole exchange with an HTTP tracker.
pub fn http_tracker(world: &mut World, from: SocketAddr, tracker: SocketAddr, target: &str, body: &[u8]) -> Conn {
    let conn = world.conn(from, tracker);
    world.open(conn);
    world.send(conn, Side::A, &get(target));
    world.send(conn, Side::B, &ok("", body));
    world.close(conn, Side::A);
    conn
}

fn krpc(kind: char, inner: &[u8], tail: &[u8]) -> Vec<u8> {
    [b"d1:", &[kind as u8][..], b"d2:id20:0123456789abcdefghij", inner, b"e", tail, b"e"].concat()
}

/// A query for peers.
pub fn get_peers(transaction: &[u8; 2], info_hash: [u8; 20]) -> Vec<u8> {
    let inner = [b"9:info_hash20:", &info_hash[..]].concat();
    krpc('a', &inner, &[b"1:q9:get_peers1:t2:", &transaction[..], b"1:y1:q"].concat())
}

/// Its answer, with nodes beside the peers: nodes are no peers.
pub fn values(transaction: &[u8; 2], token: &[u8; 4], peers: &[SocketAddr]) -> Vec<u8> {
    let mut inner =
        [b"5:nodes26:nodenodenodenodenode", &[10, 99, 99, 99, 0x1a, 0xe1][..], b"5:token4:", token].concat();
    inner.extend(b"6:valuesl");
    for peer in peers {
        let (four, six) = compact(&[*peer]);
        let entry = [four, six].concat();
        inner.extend(format!("{}:", entry.len()).into_bytes());
        inner.extend(entry);
    }
    inner.push(b'e');
    krpc('r', &inner, &[b"1:t2:", &transaction[..], b"1:y1:r"].concat())
}

/// An answer for peers with the filters of BEP 33, in which the given numbers of bits are set.
pub fn filters(transaction: &[u8; 2], seeds: usize, peers: usize) -> Vec<u8> {
    let filter = |bits: usize| {
        let mut filter = [0_u8; 256];
        (0..bits).for_each(|bit| filter[bit / 8] |= 1 << (bit % 8));
        [&b"256:"[..], &filter].concat()
    };
    let inner = [b"4:BFpe".to_vec(), filter(peers), b"4:BFsd".to_vec(), filter(seeds)].concat();
    krpc('r', &inner, &[b"1:t2:", &transaction[..], b"1:y1:r"].concat())
}

/// An answer of the DHT with info-hashes that the node stores peers of (BEP 51).
pub fn samples(transaction: &[u8; 2], info_hashes: &[[u8; 20]]) -> Vec<u8> {
    let hashes = info_hashes.concat();
    let inner =
        [b"8:intervali60e3:numi900e7:samples".to_vec(), format!("{}:", hashes.len()).into(), hashes].concat();
    krpc('r', &inner, &[b"1:t2:", &transaction[..], b"1:y1:r"].concat())
}

/// The request that opens a WebSocket.
pub fn upgrade(path: &str) -> Vec<u8> {
    format!(
        "GET {path} HTTP/1.1\r\nHost: tracker.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    .into_bytes()
}

/// Its answer.
pub const SWITCHED: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// A text message of a WebSocket; a client masks it.
pub fn text(masked: bool, text: &str) -> Vec<u8> {
    let (flag, mask) = if masked { (0x80, vec![0xa5, 1, 0x77, 0x3c]) } else { (0, vec![]) };
    let mut out = vec![0x81];
    match text.len() {
        len @ 0..126 => out.push(flag | len as u8),
        len => {
            out.push(flag | 126);
            out.extend(u16::try_from(len).expect("short").to_be_bytes());
        }
    }
    out.extend(&mask);
    let key = if masked { mask } else { vec![0] };
    out.extend(text.bytes().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    out
}

/// Twenty bytes as WebTorrent writes them in JSON.
pub fn json_bytes(bytes: [u8; 20]) -> String {
    bytes.iter().map(|byte| format!("\\u{byte:04x}")).collect()
}

/// An announce to a DHT node.
pub fn announce_peer(info_hash: [u8; 20], port: u16, token: &[u8; 4]) -> Vec<u8> {
    let inner = [b"9:info_hash20:", &info_hash[..], format!("4:porti{port}e5:token4:").as_bytes(), token].concat();
    krpc('a', &inner, b"1:q13:announce_peer1:t2:ap1:y1:q")
}

/// An announce to the neighbours.
pub fn search(group: SocketAddr, port: u16, info_hash: [u8; 20]) -> Vec<u8> {
    let hash: String = info_hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("BT-SEARCH * HTTP/1.1\r\nHost: {group}\r\nPort: {port}\r\nInfohash: {hash}\r\ncookie: x1\r\n\r\n\r\n")
        .into()
}
