//! From a resource to a torrent: which one it may be of, and where its bytes belong.

use super::{BodyPart, WebRequest};
use crate::ends::Span;
use crate::torrent::{Torrent, TorrentId, Torrents, shown_path};
use crate::wire::{Block, Framing, Run};

/// A torrent that a resource may be of. Only the hash tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The torrent.
    pub torrent: TorrentId,
    /// Where the resource's bytes belong, ascending by their place in the resource.
    pub extents: Vec<Extent>,
    /// The evidence for the candidate.
    pub basis: Basis,
    /// Where the request found it: host, path in front of the torrent's own, and query. What one place is shown to
    /// serve says nothing of another, on the same server or behind the same proxy. Empty without a request.
    pub place: String,
    /// True if the request is for a URL that the torrent lists: by info-hash in its `httpseeds` (BEP 17), by path
    /// in its `url-list` (BEP 19). What a client asks of any other server is the client's word alone.
    pub named: bool,
}

/// A range of a resource and its place in a torrent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Place of the first byte in the resource.
    pub resource: u64,
    /// Place of the first byte in the torrent's byte space.
    pub torrent: u64,
    /// Bytes.
    pub len: u64,
}

/// A stretch of a part that is a block of a torrent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Offset of its first byte within the part.
    pub start: u32,
    /// The piece.
    pub piece: u32,
    /// Offset within the piece.
    pub begin: u32,
    /// Bytes; at least 1, and at most 16 KiB.
    pub len: u32,
}

/// The evidence for a candidate, the strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Basis {
    /// The request names the info-hash and the piece (BEP 17).
    InfoHash,
    /// The request's path ends with the torrent's name and the file's path, and the size is the file's (BEP 19).
    NameAndSize,
    /// The request's path ends with the torrent's name and the file's path; the response does not say the size (BEP
    /// 19).
    Name,
    /// The size is the file's; the request was not captured, or its path is another one, as behind a redirect. Says
    /// nothing about the server if the hash differs.
    Size,
}

/// The torrents that a resource of `total` bytes may be of, in the order of `torrents`. Looks at every file of every
/// torrent: meant to be asked once for each response, not for each part.
pub fn identify(request: Option<&WebRequest>, total: Option<u64>, torrents: &Torrents) -> Vec<Candidate> {
    // What answers another method is no representation of the resource (RFC 9110 section 9.3).
    if request.is_some_and(|request| request.method != "GET") {
        return Vec::new();
    }
    if let Some((request, (id, extents))) =
        request.and_then(|request| Some(request).zip(by_query(&request.target, torrents)))
    {
        // An answer of another length than was asked for is something else, such as a word of regret.
        let asked: u64 = extents.iter().map(|extent| extent.len).sum();
        if total.is_some_and(|total| total != asked) {
            return Vec::new();
        }
        let path = path(&request.target);
        let (place, named) =
            (place(request, &path, false), lists(torrents.torrent(id).http_seeds(), request, &path));
        return vec![Candidate { torrent: id, extents, basis: Basis::InfoHash, place, named }];
    }
    let path = request.map(|request| path(&request.target));
    let (mut found, mut exact) = (Vec::new(), Vec::new());
    let mut of_that_size = Vec::new();
    for id in torrents.ids() {
        let torrent = torrents.torrent(id);
        let single = torrent.files().iter().filter(|file| !file.pad).nth(1).is_none();
        for file in torrent.files() {
            if file.pad || file.size == 0 || total.is_some_and(|total| total != file.size) {
                continue;
            }
            let (basis, place, named) = match (request.zip(path.as_ref()), total) {
                (Some((request, path)), total) => {
                    let front = front_of(path, torrent.name(), &file.path, single);
                    let listed = single && lists(torrent.webseeds(), request, path);
                    let Some(front) = front.or(Some(path.as_str()).filter(|_| listed)) else {
                        if total.is_some_and(|total| total >= LEAF && tells(torrent, total, single)) {
                            of_that_size.push((id, file.offset, file.size));
                        }
                        continue;
                    };
                    let basis = if total.is_some() { Basis::NameAndSize } else { Basis::Name };
                    (basis, place(request, front, true), listed || lists(torrent.webseeds(), request, front))
                }
                (None, Some(_)) => (Basis::Size, String::new(), false),
                (None, None) => continue,
            };
            let extents = vec![Extent { resource: 0, torrent: file.offset, len: file.size }];
            let as_written = request.is_some_and(|request| ends_as_written(&request.target, &file.shown));
            exact.extend(as_written.then_some(found.len()));
            found.push(Candidate { torrent: id, extents, basis, place, named });
        }
    }
    // Of names that only look alike, the one that is asked for, byte by byte.
    if !exact.is_empty() && exact.len() < found.len() {
        let mut at = 0..;
        found.retain(|_| at.next().is_some_and(|at| exact.contains(&at)));
    }
    if let Some((request, path)) = request.zip(path.as_ref()).filter(|_| found.is_empty()) {
        found.extend(of_that_size.into_iter().map(|(torrent, offset, len)| {
            let extents = vec![Extent { resource: 0, torrent: offset, len }];
            Candidate { torrent, extents, basis: Basis::Size, place: place(request, path, true), named: false }
        }));
    }
    found
}

/// Returns true if a file of `size` bytes can prove by itself that it is the torrent's: it may hold a whole piece.
fn tells(torrent: &Torrent, size: u64, single: bool) -> bool {
    single || size >= u64::from(torrent.piece_length())
}

impl Candidate {
    /// The candidate for bytes that `request` found elsewhere, behind a redirect: who sends them is not whom the
    /// torrent lists.
    pub(super) fn moved(self, request: &WebRequest) -> Self {
        Self { place: place(request, &path(&request.target), true), named: false, ..self }
    }

    /// Cuts the part into blocks of `torrent`, which is the candidate's: at pieces and at every 16 KiB within them.
    /// Bytes outside the extents are left out. A block is marked as [`Framing::Resynchronised`] where its place is a
    /// guess.
    pub fn blocks<'cap>(&self, torrent: &Torrent, part: &BodyPart<'cap>) -> Vec<Block<'cap>> {
        let cells = self.cells(torrent, part.first_byte, part.len);
        cells.into_iter().map(|cell| self.block(part, cell.start, cell.piece, cell.begin, cell.len)).collect()
    }

    /// Returns true if the candidate's place in the torrent is a guess.
    pub fn is_guess(&self) -> bool {
        matches!(self.basis, Basis::Name | Basis::Size)
    }

    /// Cuts `len` bytes of the resource from `first_byte` on as [`blocks`](Self::blocks) does, without a look at
    /// them.
    pub fn cells(&self, torrent: &Torrent, first_byte: u64, len: u32) -> Vec<Cell> {
        let mut cells = Vec::new();
        let piece_length = u64::from(torrent.piece_length());
        if piece_length == 0 {
            return cells;
        }
        let part_end = first_byte.saturating_add(u64::from(len));
        for extent in &self.extents {
            let mut from = first_byte.max(extent.resource);
            let to = part_end.min(extent.resource.saturating_add(extent.len));
            while from < to {
                let Some(place) = extent.torrent.checked_add(from - extent.resource) else { break };
                let (piece, begin) = (place / piece_length, place % piece_length);
                let len = (to - from).min(piece_length - begin).min(LEAF - begin % LEAF);
                let (Ok(piece), start) = (u32::try_from(piece), (from - first_byte) as u32) else { break };
                let (begin, len) = (begin as u32, len as u32);
                if torrent.place(piece, begin, len).is_ok() {
                    cells.push(Cell { start, piece, begin, len });
                }
                from += u64::from(len);
            }
        }
        cells
    }

    /// The block that is made of `len` bytes of the part from `start` on.
    fn block<'cap>(&self, part: &BodyPart<'cap>, start: u32, piece: u32, begin: u32, len: u32) -> Block<'cap> {
        let guessed = part.framing == Framing::Resynchronised || self.is_guess();
        let mut block = Block {
            piece,
            begin,
            len,
            runs: Vec::new(),
            captured_to: len,
            offset: part.offset.saturating_add(u64::from(start)),
            span: part.span,
            framing: if guessed { Framing::Resynchronised } else { Framing::InSync },
            doubtful: false,
        };
        let end = start + len;
        for slice in &part.slices {
            let (from, to) = (slice.start.max(start), (slice.start + slice.bytes.len() as u32).min(end));
            if from >= to {
                continue;
            }
            let bytes = slice.bytes.get((from - slice.start) as usize..(to - slice.start) as usize);
            if block.runs.is_empty() {
                block.span = Span::single(slice.at);
            }
            block.span.cover(slice.at);
            block.doubtful |= slice.doubtful;
            let (stream, frame) = (part.offset.saturating_add(u64::from(from)), slice.at.frame);
            block.runs.push(Run { start: from - start, bytes: bytes.unwrap_or_default(), stream, frame });
        }
        block
    }
}

/// The torrent and place that a BEP 17 query names: `info_hash`, `piece`, and `ranges` within the piece, last byte
/// included; the whole piece without them.
fn by_query(target: &str, torrents: &Torrents) -> Option<(TorrentId, Vec<Extent>)> {
    let (_, query) = target.split_once('?')?;
    let field = |name: &str| {
        query
            .split('&')
            .find_map(|field| field.split_once('=').filter(|(key, _)| *key == name))
            .map(|(_, value)| value)
    };
    let info_hash: [u8; 20] = decode(field("info_hash")?).try_into().ok()?;
    let id = torrents.find(&info_hash)?;
    let torrent = torrents.torrent(id);
    let piece = torrent.piece(field("piece")?.parse().ok()?)?;
    let (base, size) = (torrent.piece_offset(piece), u64::from(torrent.piece_size(piece)));
    let Some(ranges) = field("ranges").map(decode).filter(|ranges| !ranges.is_empty()) else {
        return Some((id, vec![Extent { resource: 0, torrent: base, len: size }]));
    };
    let mut extents = Vec::new();
    let mut resource = 0_u64;
    for range in std::str::from_utf8(&ranges).ok()?.split(',') {
        let (first, last) = range.split_once('-')?;
        let (first, last): (u64, u64) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        if first > last || last >= size {
            return None;
        }
        let len = last - first + 1;
        extents.push(Extent { resource, torrent: base + first, len });
        resource = resource.checked_add(len)?;
    }
    Some((id, extents))
}

/// The decoded path of a request target, without query and, in absolute form, without scheme and authority.
fn path(target: &str) -> String {
    let path = target.split(['?', '#']).next().unwrap_or_default();
    let path = match path.split_once("://") {
        Some((_, rest)) => rest.find('/').and_then(|slash| rest.get(slash..)).unwrap_or_default(),
        None => path,
    };
    String::from_utf8_lossy(&decode(path)).into_owned()
}

/// Percent-decoding (RFC 3986 section 2.1); what is no escape stays as it is.
fn decode(text: &str) -> Vec<u8> {
    percent_encoding::percent_decode_str(text).collect()
}

/// The front of a URL's path that ends as BEP 19 says for this file: with the torrent's name, and the file's path
/// below it in a torrent of several files.
fn front_of<'p>(path: &'p str, name: &str, file: &str, single: bool) -> Option<&'p str> {
    let front = ends_with(path, file)?;
    let below = || ends_with(front.strip_suffix('/')?, name);
    below().or_else(|| Some(front).filter(|_| single && file == name))
}

/// Returns true if a target ends with the path that is `shown`, compared as bytes.
fn ends_as_written(target: &str, shown: &str) -> bool {
    let path = target.split(['?', '#']).next().unwrap_or_default();
    let bytes = decode(path);
    let wanted = shown.split('/').count();
    let components: Vec<&[u8]> = bytes.split(|byte| *byte == b'/').collect();
    let last = components.len().checked_sub(wanted).and_then(|from| components.get(from..));
    last.is_some_and(|last| shown_path(last.iter().copied()) == shown)
}

/// The front of `path` before its last components, where these are those of `wanted`, which is safe to print: a `_`
/// in it stands for any character that is not.
fn ends_with<'p>(path: &'p str, wanted: &str) -> Option<&'p str> {
    let mut rest = path.chars();
    let same = wanted
        .chars()
        .rev()
        .all(|wanted| rest.next_back().is_some_and(|is| is == wanted || wanted == '_' && is != '/'));
    let front = rest.as_str();
    (same && (front.is_empty() || front.ends_with('/'))).then_some(front)
}

/// Returns true if one of `urls` is at the host of the request and at `path`, with or without the slash at its end.
fn lists(urls: &[String], request: &WebRequest, path: &str) -> bool {
    let own = host(request);
    urls.iter().any(|url| {
        let Some((scheme, rest)) = url.split_once("://") else { return false };
        let slash = rest.find('/').unwrap_or(rest.len());
        let (authority, listed) = rest.split_at_checked(slash).unwrap_or((rest, ""));
        let same = decode(listed.split(['?', '#']).next().unwrap_or_default()) == path.as_bytes()
            || decode(listed.trim_end_matches('/')) == path.trim_end_matches('/').as_bytes();
        scheme.eq_ignore_ascii_case("http") && same && plain(authority) == own
    })
}

/// Whom a request asks, and for what in origin-form (RFC 9112 section 3.2.1), the query included.
pub(super) fn resource(request: &WebRequest) -> (String, &str) {
    let target = match request.target.split_once("://") {
        Some((scheme, rest)) if !scheme.contains(['/', '?']) => {
            rest.find('/').and_then(|slash| rest.get(slash..)).unwrap_or("/")
        }
        _ => request.target.as_str(),
    };
    (host(request), target)
}

/// Whom a request asks: the authority of its target, else the `Host` header.
fn host(request: &WebRequest) -> String {
    let authority = request.target.split_once("://").map(|(_, rest)| rest.split('/').next().unwrap_or_default());
    plain(authority.or(request.host.as_deref()).unwrap_or_default())
}

/// An authority without user and usual port, in lower case.
pub(super) fn plain(authority: &str) -> String {
    let host = authority.rsplit('@').next().unwrap_or_default();
    host.strip_suffix(":80").unwrap_or(host).to_ascii_lowercase()
}

/// Names the place of a request whose path has `front` in front of the torrent's own: with the query, unless that
/// itself names the torrent.
fn place(request: &WebRequest, front: &str, with_query: bool) -> String {
    let host = host(request);
    let query = request.target.split_once('?').map(|(_, query)| query).filter(|_| with_query).unwrap_or_default();
    format!("{host} {front} {query}")
}

// Rationale: BEP 52's leaf, and the block that clients ask for.
const LEAF: u64 = 16 << 10;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ends::{At, FrameId, Timestamp};
    use crate::webseed::Slice;

    /// `multi` has `a.bin` (100,000 bytes) and `sub/b c.bin` (5,000), pieces of 32 KiB; `single.bin` has 50,000.
    fn torrents() -> Torrents {
        let files = "d6:lengthi100000e4:pathl5:a.binee d6:lengthi5000e4:pathl3:sub7:b c.binee".replace(" d", "d");
        let info = |name: &str, content: String, pieces: usize| {
            let hashes = "x".repeat(20 * pieces);
            let name = format!("4:name{}:{name}", name.len());
            let tail = format!("12:piece lengthi32768e6:pieces{}:{hashes}", hashes.len());
            format!("d4:infod{content}{name}{tail}ee").into_bytes()
        };
        let multi = info("multi", format!("5:filesl{files}e"), 4);
        let single = info("single.bin", "6:lengthi50000e".to_owned(), 2);
        Torrents::from_bytes(vec![("m".to_owned(), multi), ("s".to_owned(), single)]).expect("valid")
    }

    fn request(target: &str) -> WebRequest {
        let span = span();
        WebRequest { method: "GET".to_owned(), target: target.to_owned(), host: None, ranges: vec![], span }
    }

    fn span() -> Span {
        Span::single(At { time: Timestamp(1), frame: FrameId::new(0, 1) })
    }

    fn part(first_byte: u64, len: u32, slices: Vec<Slice<'_>>) -> BodyPart<'_> {
        let (request, total, framing) = (None, None, Framing::InSync);
        BodyPart { request, status: 206, first_byte, total, slices, len, offset: 7, span: span(), framing }
    }

    fn found(target: &str, total: Option<u64>) -> Vec<(String, u64, Basis)> {
        let torrents = torrents();
        let request = request(target);
        let name = |candidate: Candidate| {
            let name = torrents.torrent(candidate.torrent).name().to_owned();
            (name, candidate.extents[0].torrent, candidate.basis)
        };
        identify(Some(&request), total, &torrents).into_iter().map(name).collect()
    }

    #[test]
    fn a_path_and_a_size_name_a_file() {
        let multi = |offset, basis| vec![("multi".to_owned(), offset, basis)];
        assert_eq!(found("/pub/multi/a.bin", Some(100_000)), multi(0, Basis::NameAndSize));
        assert_eq!(found("/multi/sub/b%20c.bin?x=y", Some(5_000)), multi(100_000, Basis::NameAndSize));
        assert_eq!(found("http://h/multi/a.bin", None), multi(0, Basis::Name));
        let single = vec![("single.bin".to_owned(), 0, Basis::NameAndSize)];
        assert_eq!(found("/x/single.bin", Some(50_000)), single);
        for target in
            ["/multi/a.bin", "/a.bin", "/notmulti/a.bin", "/x-single.bin", "/", "", "%", "http://single.bin"]
        {
            // The size of `single.bin` is all that speaks for it, as behind a redirect.
            let expected = vec![("single.bin".to_owned(), 0, Basis::Size)];
            assert_eq!(found(target, Some(50_000)), expected, "{target}");
            assert_eq!(found(target, Some(50_001)), [], "{target}");
            // Of several files, one shorter than a piece cannot prove itself.
            assert_eq!(found(target, Some(5_000)), [], "{target}");
            assert_eq!(
                found(target, None),
                if target.ends_with("/multi/a.bin") { multi(0, Basis::Name) } else { vec![] }
            );
        }
    }

    #[test]
    fn a_size_alone_is_a_guess() {
        let torrents = torrents();
        let found = identify(None, Some(5_000), &torrents);
        assert_eq!((found.len(), found[0].basis), (1, Basis::Size));
        let blocks = found[0].blocks(torrents.torrent(found[0].torrent), &part(0, 10, vec![]));
        assert_eq!(blocks[0].framing, Framing::Resynchronised);
        assert!(identify(None, None, &torrents).is_empty());
    }

    #[test]
    fn a_query_names_ranges_of_a_piece() {
        let torrents = torrents();
        let id = torrents.ids().find(|id| torrents.torrent(*id).name() == "multi").expect("given");
        let torrent = torrents.torrent(id);
        let hash = torrent.info_hash_v1().expect("v1");
        let escaped: String = hash.iter().map(|byte| format!("%{byte:02x}")).collect();
        let extents = |query: &str| {
            let request = request(&format!("/seed.php?info_hash={escaped}&{query}"));
            identify(Some(&request), None, &torrents).into_iter().flat_map(|one| one.extents).collect::<Vec<_>>()
        };
        let extent = |resource, torrent, len| Extent { resource, torrent, len };
        assert_eq!(extents("piece=1"), [extent(0, 32_768, 32_768)]);
        assert_eq!(extents("piece=3"), [extent(0, 98_304, 6_696)]);
        assert_eq!(extents("piece=1&ranges=10-19,0-4"), [extent(0, 32_778, 10), extent(10, 32_768, 5)]);
        for query in ["piece=4", "piece=-1", "piece=1&ranges=5-4", "piece=1&ranges=0-32768", "piece=1&ranges=x"] {
            assert_eq!(extents(query), [], "{query}");
        }
        let request = request(&format!("/?piece=1&info_hash={escaped}&ranges=10-19,0-4"));
        let found = identify(Some(&request), None, &torrents);
        let blocks = found[0].blocks(torrent, &part(5, 20, vec![]));
        let places: Vec<_> =
            blocks.iter().map(|block| (block.piece, block.begin, block.len, block.offset)).collect();
        assert_eq!(places, [(1, 15, 5, 7), (1, 0, 5, 12)]);
    }

    proptest! {
        #[test]
        fn blocks_hold_each_byte_at_its_place(
            first in 0..110_000_u64, len in 1..65_536_u32, hole in 0..65_536_u32, width in 1..30_000_u32, second: bool,
        ) {
            let content: Vec<u8> = (0..len).map(|n| (n % 251) as u8).collect();
            let (from, to) = (hole.min(len) as usize, (hole + width).min(len) as usize);
            let at = span().first;
            let slices = [(0, &content[..from]), (to as u32, &content[to..])];
            let slices = slices.into_iter().filter(|(_, bytes)| !bytes.is_empty());
            let slices = slices.map(|(start, bytes)| Slice { start, bytes, at, doubtful: false }).collect();
            let torrents = torrents();
            let (target, size, base) =
                if second { ("/multi/sub/b c.bin", 5_000, 100_000) } else { ("/multi/a.bin", 100_000, 0) };
            let found = identify(Some(&request(target)), Some(size), &torrents);
            let torrent = torrents.torrent(found[0].torrent);
            let mut next = first;
            let mut bytes = 0;
            for block in found[0].blocks(torrent, &part(first, len, slices)) {
                let place = u64::from(block.piece) * 32_768 + u64::from(block.begin) - base;
                prop_assert_eq!(place, next);
                prop_assert!(block.len >= 1 && block.begin % 16_384 + block.len <= 16_384);
                prop_assert_eq!(block.offset, 7 + place - first);
                next += u64::from(block.len);
                for run in &block.runs {
                    prop_assert!(!run.bytes.is_empty() && run.start + run.bytes.len() as u32 <= block.len);
                    for (n, byte) in run.bytes.iter().enumerate() {
                        let at = place - first + u64::from(run.start) + n as u64;
                        prop_assert_eq!(*byte, (at % 251) as u8);
                        prop_assert!(at < from as u64 || at >= to as u64);
                        bytes += 1;
                    }
                }
            }
            let end = (first + u64::from(len)).min(size).max(first);
            prop_assert_eq!(next, end);
            let captured = (first..end).filter(|at| *at - first < from as u64 || *at - first >= to as u64).count();
            prop_assert_eq!(bytes, captured);
        }

        #[test]
        fn no_target_panics(target in "[ -~é]{0,60}", total: Option<u64>) {
            identify(Some(&request(&target)), total, &torrents());
            identify(Some(&request(&format!("/?info_hash={target}&piece=1&ranges=0-1"))), total, &torrents());
        }
    }
}
