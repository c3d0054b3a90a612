//! Peer-wire messages as bytes (BEP 3, 5, 6, 10, 52).

/// BEP 10, BEP 5 and BEP 6 bits set, as most clients do.
pub const RESERVED: [u8; 8] = [0, 0, 0, 0, 0, 0x10, 0, 0x05];

pub fn handshake(info_hash: [u8; 20], peer_id: [u8; 20]) -> Vec<u8> {
    let mut out = b"\x13BitTorrent protocol".to_vec();
    out.extend_from_slice(&RESERVED);
    out.extend_from_slice(&info_hash);
    out.extend_from_slice(&peer_id);
    out
}

/// A peer_id of client `tag` (as `-XX0000-`), the rest made of `number`.
pub fn peer_id(tag: &str, number: u32) -> [u8; 20] {
    let text = format!("{tag:8.8}{number:012}");
    text.as_bytes().try_into().expect("8 + 12 characters")
}

/// Any message: length prefix, id, body.
pub fn message(id: u8, body: &[u8]) -> Vec<u8> {
    let mut out = (body.len() as u32 + 1).to_be_bytes().to_vec();
    out.push(id);
    out.extend_from_slice(body);
    out
}

pub fn keepalive() -> Vec<u8> {
    vec![0; 4]
}

pub fn choke() -> Vec<u8> {
    message(0, &[])
}

pub fn unchoke() -> Vec<u8> {
    message(1, &[])
}

pub fn interested() -> Vec<u8> {
    message(2, &[])
}

pub fn not_interested() -> Vec<u8> {
    message(3, &[])
}

pub fn have(piece: u32) -> Vec<u8> {
    message(4, &piece.to_be_bytes())
}

/// The bits of `has` for a torrent of `pieces` pieces.
pub fn bitfield(pieces: u32, has: &[u32]) -> Vec<u8> {
    let mut bits = vec![0_u8; pieces.div_ceil(8) as usize];
    for piece in has {
        bits[*piece as usize / 8] |= 0x80 >> (piece % 8);
    }
    message(5, &bits)
}

pub fn bitfield_full(pieces: u32) -> Vec<u8> {
    bitfield(pieces, &(0..pieces).collect::<Vec<_>>())
}

pub fn request(piece: u32, begin: u32, len: u32) -> Vec<u8> {
    message(6, &three(piece, begin, len))
}

pub fn piece(piece: u32, begin: u32, payload: &[u8]) -> Vec<u8> {
    message(7, &[&piece.to_be_bytes(), &begin.to_be_bytes(), payload].concat())
}

pub fn cancel(piece: u32, begin: u32, len: u32) -> Vec<u8> {
    message(8, &three(piece, begin, len))
}

pub fn port(port: u16) -> Vec<u8> {
    message(9, &port.to_be_bytes())
}

pub fn suggest(piece: u32) -> Vec<u8> {
    message(13, &piece.to_be_bytes())
}

pub fn have_all() -> Vec<u8> {
    message(14, &[])
}

pub fn have_none() -> Vec<u8> {
    message(15, &[])
}

pub fn reject(piece: u32, begin: u32, len: u32) -> Vec<u8> {
    message(16, &three(piece, begin, len))
}

pub fn allowed_fast(piece: u32) -> Vec<u8> {
    message(17, &piece.to_be_bytes())
}

/// The extended handshake (BEP 10) with `ut_metadata` as 2 and `ut_pex` as 1.
pub fn extended_handshake(listen_port: Option<u16>, client: &str) -> Vec<u8> {
    let mut body = b"\0d1:md11:ut_metadatai2e6:ut_pexi1ee".to_vec();
    if let Some(port) = listen_port {
        body.extend_from_slice(format!("1:pi{port}e").as_bytes());
    }
    body.extend_from_slice(format!("1:v{}:{client}e", client.len()).as_bytes());
    message(20, &body)
}

/// The extended handshake with ids of the sender's choice; `extra` are bencoded pairs with keys behind `m`.
pub fn extended_hello(ids: &[(&str, u8)], extra: &str) -> Vec<u8> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    let ids: String = ids.iter().map(|(name, id)| format!("{}:{name}i{id}e", name.len())).collect();
    message(20, format!("\0d1:md{ids}e{extra}e").as_bytes())
}

/// `ut_metadata` data (BEP 9) under the id that the receiver chose.
pub fn metadata(id: u8, piece: u32, info: &[u8]) -> Vec<u8> {
    let start = piece as usize * 16_384;
    let bytes = &info[start..info.len().min(start + 16_384)];
    metadata_of(id, piece, info.len(), bytes)
}

/// A metadata message with any content.
pub fn metadata_of(id: u8, piece: u32, total: usize, bytes: &[u8]) -> Vec<u8> {
    let head = format!("d8:msg_typei1e5:piecei{piece}e10:total_sizei{total}ee");
    extended(id, &[head.as_bytes(), bytes].concat())
}

/// `ut_metadata` request under the id that the receiver chose.
pub fn metadata_request(id: u8, piece: u32) -> Vec<u8> {
    extended(id, format!("d8:msg_typei0e5:piecei{piece}ee").as_bytes())
}

/// An extended message with the id that the receiver chose.
pub fn extended(id: u8, body: &[u8]) -> Vec<u8> {
    message(20, &[&[id], body].concat())
}

/// BEP 52: `hash request` (21) and `hash reject` (23).
pub fn hash_request(id: u8, root: [u8; 32], layer: u32, index: u32, length: u32, proofs: u32) -> Vec<u8> {
    message(id, &hash_range(root, layer, index, length, proofs))
}

/// BEP 52: `hashes` (22).
pub fn hashes(root: [u8; 32], layer: u32, index: u32, hashes: &[[u8; 32]], uncles: &[[u8; 32]]) -> Vec<u8> {
    let mut body = hash_range(root, layer, index, hashes.len() as u32, uncles.len() as u32);
    body.extend(hashes.iter().chain(uncles).flatten());
    message(22, &body)
}

fn hash_range(root: [u8; 32], layer: u32, index: u32, length: u32, proofs: u32) -> Vec<u8> {
    let mut body = root.to_vec();
    for number in [layer, index, length, proofs] {
        body.extend_from_slice(&number.to_be_bytes());
    }
    body
}

fn three(a: u32, b: u32, c: u32) -> Vec<u8> {
    [a.to_be_bytes(), b.to_be_bytes(), c.to_be_bytes()].concat()
}

/// A message of the Azureus messaging protocol, with so many bytes of padding.
pub fn named(name: &str, padding: u16, body: &[u8]) -> Vec<u8> {
    let mut out = [&(name.len() as u32).to_be_bytes()[..], name.as_bytes()].concat();
    match padding {
        0 => out.push(2),
        _ => {
            out.push(0x12);
            out.extend_from_slice(&padding.to_be_bytes());
            out.extend(std::iter::repeat_n(0, usize::from(padding)));
        }
    }
    out.extend_from_slice(body);
    [&(out.len() as u32).to_be_bytes()[..], &out].concat()
}

/// A message of BEP 3, 6 or 52 as it is in the Azureus messaging protocol.
pub fn azureus(message: &[u8], padding: u16) -> Vec<u8> {
    let Some((id, body)) = message.get(4..).and_then(<[u8]>::split_first) else {
        return named("BT_KEEP_ALIVE", padding, &[]);
    };
    let names =
        ["CHOKE", "UNCHOKE", "INTERESTED", "UNINTERESTED", "HAVE", "BITFIELD", "REQUEST", "PIECE", "CANCEL"];
    let name = match id {
        14 => "HAVE_ALL",
        16 => "REJECT_REQUEST",
        22 => "HASHES",
        id => names[usize::from(*id)],
    };
    named(&format!("BT_{name}"), padding, body)
}
