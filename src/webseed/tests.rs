//! Exchanges whose content is known.

use proptest::prelude::*;

use super::*;
use crate::Limits;
use crate::ends::Direction::{self, HighToLow as SERVER, LowToHigh as CLIENT};
use crate::ends::{FrameId, Timestamp};
use crate::stream::{EndReason, GapCause, Missing, StreamItem};

/// A connection under construction.
#[derive(Default)]
struct Feed<'a> {
    items: Vec<(Direction, StreamItem<'a>)>,
    offsets: [u64; 2],
}

impl<'a> Feed<'a> {
    fn at(&self) -> At {
        let number = self.items.len() as u64 + 1;
        At { time: Timestamp(number as i64), frame: FrameId::new(0, number) }
    }

    fn data(&mut self, direction: Direction, bytes: &'a [u8]) -> &mut Self {
        if !bytes.is_empty() {
            let (at, offset) = (self.at(), self.offsets[direction.index()]);
            self.items.push((direction, StreamItem::Data { offset, bytes, at, doubtful: false }));
            self.offsets[direction.index()] += bytes.len() as u64;
        }
        self
    }

    fn gap(&mut self, direction: Direction, missing: Missing) -> &mut Self {
        let (at, offset) = (self.at(), self.offsets[direction.index()]);
        self.items.push((direction, StreamItem::Gap { offset, missing, cause: GapCause::Unseen, at }));
        if let Missing::Bytes(count) = missing {
            self.offsets[direction.index()] += count;
        }
        self
    }

    fn run(&mut self) -> Vec<WebEvent<'a>> {
        let at = self.at();
        for direction in [CLIENT, SERVER] {
            self.items.push((direction, StreamItem::End { reason: EndReason::Finished, at }));
        }
        let mut out = Vec::new();
        let mut exchange = HttpExchange::new(CLIENT, &Limits::default());
        self.items.iter().for_each(|(direction, item)| exchange.push(*direction, item, &mut out));
        exchange.close(&mut out);
        parts(&out).iter().for_each(|part| check(part));
        out
    }
}

fn check(part: &BodyPart<'_>) {
    assert!(part.len >= 1 && part.len <= 65_536 && part.first_byte.checked_add(u64::from(part.len)).is_some());
    let mut next = 0;
    for slice in &part.slices {
        assert!(slice.start >= next && !slice.bytes.is_empty());
        next = slice.start + slice.bytes.len() as u32;
    }
    assert!(next <= part.len);
}

fn parts<'e, 'a>(events: &'e [WebEvent<'a>]) -> Vec<&'e BodyPart<'a>> {
    let part = |event: &'e WebEvent<'a>| if let WebEvent::Body(part) = event { Some(part) } else { None };
    events.iter().filter_map(part).collect()
}

fn flaws(events: &[WebEvent<'_>]) -> Vec<(Flaw, u64)> {
    let flaw = |event: &WebEvent<'_>| match event {
        WebEvent::Bad { reason, bytes, .. } => Some((*reason, *bytes)),
        WebEvent::Coded { bytes, .. } => Some((Flaw::Encoding, *bytes)),
        WebEvent::Body(_)
        | WebEvent::Asked(_)
        | WebEvent::Answer(_)
        | WebEvent::Message(_)
        | WebEvent::Moved { .. } => None,
    };
    events.iter().filter_map(flaw).collect()
}

/// Every captured byte: target, place in the resource, value.
fn bytes(events: &[WebEvent<'_>]) -> Vec<(String, u64, u8)> {
    let mut found = Vec::new();
    for part in parts(events) {
        let target = part.request.as_ref().map(|request| request.target.clone()).unwrap_or_default();
        for slice in &part.slices {
            let first = part.first_byte + u64::from(slice.start);
            found.extend((first..).zip(slice.bytes).map(|(place, byte)| (target.clone(), place, *byte)));
        }
    }
    found
}

fn expect(target: &str, first: u64, body: &[u8]) -> Vec<(String, u64, u8)> {
    (first..).zip(body).map(|(place, byte)| (target.to_owned(), place, *byte)).collect()
}

fn get(target: &str, range: &str) -> Vec<u8> {
    let range = if range.is_empty() { String::new() } else { format!("Range: bytes={range}\r\n") };
    format!("GET {target} HTTP/1.1\r\nHost: example.net\r\n{range}\r\n").into_bytes()
}

fn response(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 {status}\r\n{headers}\r\n").as_bytes(), body].concat()
}

fn body(len: usize) -> Vec<u8> {
    (0..len).map(|n| (n * 7 % 251) as u8).collect()
}

/// All forms one after the other, with what they carry.
#[allow(clippy::type_complexity)]
fn every_form() -> (Vec<u8>, Vec<u8>, Vec<(String, u64, u8)>) {
    let data = body(200);
    let requests = [
        get("/whole", ""),
        get("/range", "100-149"),
        b"HEAD /head HTTP/1.1\r\n\r\n".to_vec(),
        get("/chunked", ""),
        b"POST /log HTTP/1.1\r\nContent-Length: 5\r\n\r\nGET /".to_vec(),
        get("/none", ""),
        get("/many", "0-9,50-59"),
        get("/zipped", ""),
        get("/missing", ""),
        get("/close", "190-"),
    ]
    .concat();
    let many = [
        b"\r\n--XX\r\nContent-Type: a/b\r\nContent-Range: bytes 0-9/200\r\n\r\n" as &[u8],
        &data[..10],
        b"\r\n--XX\r\nContent-Range: bytes 50-59/200\r\n\r\n",
        &data[50..60],
        b"\r\n--XX--\r\n",
    ]
    .concat();
    let chunks =
        [b"40;x=y\r\n" as &[u8], &data[..64], b"\r\n10\r\n", &data[64..80], b"\r\n0\r\nA: b\r\n\r\n"].concat();
    let responses = [
        response("100 Continue", "", b""),
        response("200 OK", "Content-Length: 200\r\n", &data),
        response(
            "206 Partial Content",
            "Content-Length: 50\r\nContent-Range: bytes 100-149/200\r\n",
            &data[100..150],
        ),
        response("200 OK", "Content-Length: 200\r\n", b""),
        response("200 OK", "Transfer-Encoding: chunked\r\n", &chunks),
        response("204 No Content", "", b""),
        response("304 Not Modified", "Content-Length: 9\r\n", b""),
        response(
            "206 Partial Content",
            &format!("Content-Type: multipart/byteranges; boundary=\"XX\"\r\nContent-Length: {}\r\n", many.len()),
            &many,
        ),
        response("200 OK", "Content-Encoding: gzip\r\nContent-Length: 3\r\n", b"abc"),
        response("404 Not Found", "Content-Length: 4\r\n", b"gone"),
        response("206 Partial Content", "Content-Range: bytes 190-199/200\r\n", &data[190..]),
    ]
    .concat();
    let carried = [
        expect("/whole", 0, &data),
        expect("/range", 100, &data[100..150]),
        expect("/chunked", 0, &data[..80]),
        expect("/many", 0, &data[..10]),
        expect("/many", 50, &data[50..60]),
        // A label may be wrong: the hash tells.
        expect("/zipped", 0, b"abc"),
        expect("/close", 190, &data[190..]),
    ]
    .concat();
    (requests, responses, carried)
}

#[test]
fn http_is_known_by_its_first_bytes() {
    assert_eq!(sniff(b"GET /x"), HttpSniff::Request);
    assert_eq!(sniff(b"HTTP/1.1 200"), HttpSniff::Response);
    assert_eq!(sniff(b"H"), HttpSniff::Undecided);
    assert_eq!(sniff(b""), HttpSniff::Undecided);
    assert_eq!(sniff(b"\x13BitTorrent"), HttpSniff::Other);
    assert_eq!(sniff(b"HTTP/2"), HttpSniff::Other);
}

#[test]
fn every_form_is_read_at_every_split_point() {
    let (requests, responses, carried) = every_form();
    for cut in 0..=responses.len() {
        let early = cut.min(requests.len());
        let mut feed = Feed::default();
        feed.data(CLIENT, &requests[..early]).data(CLIENT, &requests[early..]);
        let events = feed.data(SERVER, &responses[..cut]).data(SERVER, &responses[cut..]).run();
        assert_eq!(bytes(&events), carried, "cut at {cut}");
        assert_eq!(flaws(&events), [(Flaw::Encoding, 3)], "cut at {cut}");
        let labelled =
            |part: &BodyPart<'_>| part.request.as_ref().is_some_and(|request| request.target == "/zipped");
        assert!(parts(&events).iter().all(|part| (part.framing == Framing::InSync) != labelled(part)));
    }
}

#[test]
fn every_form_is_read_byte_by_byte() {
    let (requests, responses, carried) = every_form();
    let mut feed = Feed::default();
    requests.chunks(1).for_each(|byte| {
        feed.data(CLIENT, byte);
    });
    responses.chunks(1).for_each(|byte| {
        feed.data(SERVER, byte);
    });
    assert_eq!(bytes(&feed.run()), carried);
}

#[test]
fn a_gap_inside_a_body_is_a_hole_and_keeps_sync() {
    let data = body(100);
    let requests = [get("/a", ""), get("/b", "")].concat();
    let first = response("200 OK", "Content-Length: 100\r\n", &data[..40]);
    let second = [data[60..].to_vec(), response("200 OK", "Content-Length: 100\r\n", &data)].concat();
    let mut feed = Feed::default();
    feed.data(CLIENT, &requests).data(SERVER, &first).gap(SERVER, Missing::Bytes(20)).data(SERVER, &second);
    let events = feed.run();
    let carried = [expect("/a", 0, &data[..40]), expect("/a", 60, &data[60..]), expect("/b", 0, &data)].concat();
    assert_eq!((bytes(&events), flaws(&events)), (carried, vec![]));
    assert_eq!(parts(&events)[0].len, 100);
}

#[test]
fn a_gap_over_a_header_is_survived_in_doubt() {
    let data = body(100);
    let requests = [get("/a", "0-99"), get("/b", "0-49"), get("/b", "50-99")].concat();
    let first = response("206 P", "Content-Length: 100\r\nContent-Range: bytes 0-99/100\r\n", &data[..40]);
    let last = response("206 P", "Content-Length: 50\r\nContent-Range: bytes 50-99/100\r\n", &data[50..]);
    let second = [&data[..30], &last].concat();
    let mut feed = Feed::default();
    feed.data(CLIENT, &requests).data(SERVER, &first).gap(SERVER, Missing::Bytes(150)).data(SERVER, &second);
    let events = feed.run();
    assert_eq!(bytes(&events), [expect("/a", 0, &data[..40]), expect("/b", 50, &data[50..])].concat());
    assert_eq!(flaws(&events), [(Flaw::LostSync, 0), (Flaw::Skipped, 30)]);
    assert_eq!(parts(&events).iter().map(|part| part.len).collect::<Vec<_>>(), [100, 50]);
    assert_eq!(parts(&events)[1].framing, Framing::Resynchronised);
}

#[test]
fn a_client_that_closes_its_half_first_leaves_no_doubt() {
    let (request, data) = (get("/a", ""), response("200 OK", "Content-Length: 3\r\n", b"abc"));
    let mut feed = Feed::default();
    feed.data(CLIENT, &request);
    let at = feed.at();
    feed.items.push((CLIENT, StreamItem::End { reason: EndReason::Finished, at }));
    let events = feed.data(SERVER, &data).run();
    assert_eq!((bytes(&events), parts(&events)[0].framing), (expect("/a", 0, b"abc"), Framing::InSync));
}

#[test]
fn a_gap_of_unknown_length_ends_it() {
    let data = response("200 OK", "Content-Length: 9\r\n", b"abc");
    let request = get("/a", "");
    let mut feed = Feed::default();
    feed.data(CLIENT, &request).data(SERVER, &data).gap(SERVER, Missing::Unknown).data(SERVER, &data);
    let events = feed.run();
    assert_eq!(bytes(&events), expect("/a", 0, b"abc"));
    assert_eq!(flaws(&events), [(Flaw::Truncated, 6), (Flaw::GaveUp, 0)]);
}

#[test]
fn responses_without_their_requests_are_kept_in_doubt() {
    let data = response("206 P", "Content-Length: 3\r\nContent-Range: bytes 5-7/9\r\n", b"abc");
    let events = Feed::default().data(SERVER, &data).run();
    assert_eq!(bytes(&events), expect("", 5, b"abc"));
    assert_eq!((parts(&events)[0].total, parts(&events)[0].framing), (Some(9), Framing::Resynchronised));
}

#[test]
fn a_request_lost_in_a_gap_does_not_shift_the_others() {
    let data = body(30);
    let range = |first: usize, last: usize| {
        let headers = format!("Content-Length: {}\r\nContent-Range: bytes {first}-{last}/30\r\n", last - first + 1);
        response("206 P", &headers, &data[first..=last])
    };
    let responses = [range(0, 9), range(10, 19), range(20, 29)].concat();
    let (first, last) = (get("/a", "0-9"), get("/c", "20-29"));
    let mut feed = Feed::default();
    feed.data(CLIENT, &first).gap(CLIENT, Missing::Bytes(60)).data(CLIENT, &last).data(SERVER, &responses);
    let events = feed.run();
    let carried = [expect("/a", 0, &data[..10]), expect("", 10, &data[10..20]), expect("/c", 20, &data[20..])];
    assert_eq!(bytes(&events), carried.concat());
}

#[test]
fn bogus_lengths_are_bounded() {
    let request = get("/a", "");
    for (headers, first, flaw) in [
        ("Content-Length: 99999999999999999999\r\n", 0, Flaw::Head),
        ("Content-Length: 3\r\nContent-Length: 4\r\n", 0, Flaw::Head),
        ("Content-Length: -1\r\n", 0, Flaw::Head),
        ("Content-Length: 18446744073709551615\r\n", 3, Flaw::Truncated),
        ("Transfer-Encoding: chunked\r\n", 0, Flaw::Chunk),
    ] {
        let data = response("200 OK", headers, b"xyz\n");
        let events = Feed::default().data(CLIENT, &request).data(SERVER, &data).run();
        assert!(flaws(&events).iter().any(|(found, _)| *found == flaw), "{headers} {:?}", flaws(&events));
        assert_eq!(bytes(&events).is_empty(), first == 0, "{headers}");
    }
}

#[test]
fn a_body_longer_than_its_range_is_cut() {
    let data =
        response("206 P", "Content-Length: 6\r\nContent-Range: bytes 4294967296-4294967298/*\r\n", b"abcdef");
    let request = get("/a", "4294967296-4294967298");
    let events = Feed::default().data(CLIENT, &request).data(SERVER, &data).run();
    assert_eq!(bytes(&events), expect("/a", 4_294_967_296, b"abc"));
    assert_eq!(flaws(&events), [(Flaw::Surplus, 3)]);
}

#[test]
fn a_body_beyond_4_gib_comes_in_bounded_parts() {
    let head = response("200 OK", "Content-Length: 5000000000\r\n", b"");
    let tail = vec![7; 5_000_000_000 - 5 * 999_000_000];
    let request = get("/a", "");
    let mut feed = Feed::default();
    feed.data(CLIENT, &request).data(SERVER, &head);
    (0..5).for_each(|_| {
        feed.gap(SERVER, Missing::Bytes(999_000_000));
    });
    let events = feed.data(SERVER, &tail).run();
    assert_eq!(flaws(&events), []);
    assert_eq!(parts(&events).iter().map(|part| u64::from(part.len)).sum::<u64>(), 5_000_000_000);
    assert_eq!(bytes(&events).first().map(|(_, place, _)| *place), Some(4_995_000_000));
}

proptest! {
    #[test]
    fn cuts_change_nothing(cuts in proptest::collection::vec(1..90_usize, 1..60)) {
        let (requests, responses, carried) = every_form();
        let mut feed = Feed::default();
        feed.data(CLIENT, &requests);
        let (mut rest, mut cuts) = (&responses[..], cuts.into_iter().cycle());
        while !rest.is_empty() {
            let (head, tail) = rest.split_at(cuts.next().unwrap_or(1).min(rest.len()));
            feed.data(SERVER, head);
            rest = tail;
        }
        prop_assert_eq!(bytes(&feed.run()), carried);
    }

    #[test]
    fn a_gap_never_invents_bytes(from in 0..1_500_usize, len in 1..400_usize) {
        let (requests, responses, carried) = every_form();
        let from = from.min(responses.len());
        let to = (from + len).min(responses.len());
        let mut feed = Feed::default();
        feed.data(CLIENT, &requests).data(SERVER, &responses[..from]);
        if from < to {
            feed.gap(SERVER, Missing::Bytes((to - from) as u64));
        }
        let events = feed.data(SERVER, &responses[to..]).run();
        for part in parts(&events).iter().filter(|part| part.framing == Framing::InSync) {
            for slice in &part.slices {
                let target = part.request.as_ref().map(|request| request.target.clone()).unwrap_or_default();
                let first = part.first_byte + u64::from(slice.start);
                for byte in (first..).zip(slice.bytes).map(|(place, byte)| (target.clone(), place, *byte)) {
                    prop_assert!(carried.contains(&byte), "{:?}", byte);
                }
            }
        }
    }

    #[test]
    fn hostile_streams_never_panic(steps in proptest::collection::vec((any::<bool>(), 0..9_u8, any::<u64>()), 0..40)) {
        let (requests, responses, _) = every_form();
        let odd = response("206 P", "Content-Range: bytes 18446744073709551600-18446744073709551614/*\r\n", &body(64));
        let mut feed = Feed::default();
        for (server, kind, number) in steps {
            let direction = if server { SERVER } else { CLIENT };
            let source = match (kind, server) {
                (0, _) => &odd,
                (_, true) => &responses,
                (_, false) => &requests,
            };
            let from = number as usize % source.len();
            let to = (from + (number >> 32) as usize % 700).min(source.len());
            match kind {
                1 => { feed.gap(direction, Missing::Bytes(1 + number % 300)); },
                2 if number % 8 == 0 => { feed.gap(direction, Missing::Unknown); },
                3..5 => { feed.data(direction, &source[..to]); },
                _ => { feed.data(direction, &source[from..to]); },
            }
        }
        feed.run();
    }
}
