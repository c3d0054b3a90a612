//! Figures of a transfer that follow from `truth.json`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::fixture::{list, number};

/// Figures that a row must have, worked out from the blocks that the client says it sent.
pub fn expected(truth: &Value, told: &Value) -> BTreeMap<&'static str, Value> {
    let torrent = &truth["torrents"][0];
    if told.get("blocks").is_none() {
        // Its client tells no more than this.
        let sums = ["served_bytes", "verified_bytes", "sole_bytes", "acknowledged_bytes", "solicited_bytes"];
        let mut expected: BTreeMap<_, _> = sums.map(|field| (field, told["payload_bytes"].clone())).into();
        expected.insert("piece_messages", told["piece_messages"].clone());
        return expected;
    }
    let held = truth.get("held").map(list).into_iter().flatten();
    let held = held
        .into_iter()
        .find(|held| held["uploader"] == told["uploader"] && held["downloader"] == told["downloader"]);
    let damaged: BTreeMap<(u64, u64), Held> = held.map(Held::of).unwrap_or_default();
    let named: BTreeSet<(u64, u64)> = held
        .and_then(|held| held.get("named_by_requests"))
        .map(list)
        .unwrap_or_default()
        .iter()
        .map(place)
        .collect();
    let bad: BTreeSet<(u64, u64)> =
        told.get("bad_blocks_sent").map(list).unwrap_or_default().iter().map(place).collect();

    // What the capture holds of each block, in the order sent.
    let mut sums = BTreeMap::from([("served_bytes", 0), ("lost_bytes", 0), ("refuted_bytes", 0)]);
    let (mut messages, mut partial) = (0, 0);
    let mut whole = BTreeMap::new();
    let mut other = BTreeMap::new();
    let mut spoilt = BTreeSet::new();
    let (mut repeated, mut pad) = (0_u64, 0_u64);
    for block in list(&told["blocks"]) {
        let (at, len) = (place(block), number(&block[2]));
        let kept = damaged.get(&at).copied().unwrap_or(Held { payload: len, header: HEADER });
        // Without its header, only the requests in the capture can say what a block is: where their order is whole.
        if kept.header < HEADER && !named.contains(&at) {
            if is_cut(truth) {
                // Of frames that were cut the places in the stream still tell how much it was.
                *sums.entry("served_bytes").or_default() += kept.payload;
                *sums.entry("lost_bytes").or_default() += len - kept.payload;
                other.insert(at, kept.payload);
            }
            continue;
        }
        // Only a whole body is a whole message.
        *(if kept.payload == len { &mut messages } else { &mut partial }) += 1;
        *sums.entry("served_bytes").or_default() += kept.payload;
        *sums.entry("lost_bytes").or_default() += len - kept.payload;
        // Padding comes first: a repeated or refuted block counts without it.
        let outside = padding(torrent, &BTreeMap::from([(at, len)]));
        pad += outside;
        if bad.contains(&at) {
            // The spoilt blocks are always the same: a second copy repeats the first.
            let class = if spoilt.insert(at) { "refuted_bytes" } else { "repeated_bytes" };
            *sums.entry(class).or_default() += len - outside;
        } else if kept.payload < len {
            other.insert(at, kept.payload);
        } else if whole.insert(at, len).is_some() {
            repeated += len - outside;
        }
    }
    // A last message that the end of the connection cut, which both clients leave out of their accounts.
    let mut cut = 0_u64;
    for wire in truth.get("on_the_wire").map(list).unwrap_or_default().iter().filter(|_| held.is_none()) {
        let same = wire["uploader"] == told["uploader"] && wire["downloader"] == told["downloader"];
        for block in list(&wire["cut_piece_messages"]).iter().filter(|_| same) {
            let at = place(block);
            assert!(whole.contains_key(&at) || spoilt.contains(&at), "a cut block that repeats nothing: {block}");
            let outside = padding(torrent, &BTreeMap::from([(at, number(&block[3]))]));
            pad += outside;
            repeated += number(&block[3]) - outside;
            cut += number(&block[3]);
        }
    }
    *sums.entry("repeated_bytes").or_default() += repeated;
    let pieces: BTreeSet<u64> = whole.keys().map(|(piece, _)| *piece).collect();
    let complete: BTreeSet<u64> = match held {
        Some(held) => list(&held["whole_pieces"]).iter().map(number).collect(),
        None => pieces.clone(),
    };
    let proven = |of: &BTreeSet<u64>| {
        let of = whole.iter().filter(|((piece, _), _)| of.contains(piece));
        of.map(|(at, len)| len - padding(torrent, &BTreeMap::from([(*at, *len)]))).sum::<u64>()
    };
    let alone: BTreeSet<u64> = complete
        .iter()
        .copied()
        .filter(|piece| {
            let own = whole.iter().filter(|((other, _), _)| other == piece);
            let own: BTreeMap<(u64, u64), u64> = own.map(|(at, len)| (*at, *len)).collect();
            own.values().sum::<u64>() - padding(torrent, &own) == content_len(torrent, *piece)
        })
        .collect();
    sums.insert("pad_bytes", pad);
    sums.insert("verified_bytes", proven(&complete));
    // A whole v2 piece proves each of its leaves, and here every block is one leaf.
    let leaves = torrent.get("info_hash_v2").is_some_and(Value::is_string);
    sums.insert("sole_bytes", proven(if leaves { &complete } else { &alone }));
    sums.insert("disputed_bytes", 0);
    let left: u64 = other.values().sum::<u64>() + proven(&pieces.difference(&complete).copied().collect());
    sums.insert("unproven_bytes", left);
    if held.is_none() {
        // The client itself says how much it sent, and the other one how much arrived.
        assert_eq!(sums["served_bytes"], number(&told["payload_bytes"]), "truth.json contradicts itself");
        *sums.entry("served_bytes").or_default() += cut;
        if let Some(received) = told.get("downloader_received_bytes") {
            sums.insert("acknowledged_bytes", number(received));
        }
        sums.insert("solicited_bytes", sums["served_bytes"]);
    }
    if let Some(figures) = told.get("expected") {
        let named = [
            ("served", "served_bytes"),
            ("repeated", "repeated_bytes"),
            ("verified", "verified_bytes"),
            ("refuted", "refuted_bytes"),
            ("pad", "pad_bytes"),
        ];
        for (name, field) in named.into_iter().filter(|(name, _)| figures.get(name).is_some()) {
            let cut = if matches!(name, "served" | "repeated") { cut } else { 0 };
            assert_eq!(number(&figures[name]) + cut, sums[field], "truth.json contradicts itself: {name}");
        }
    }
    let bad_pieces: BTreeSet<u64> = bad.iter().map(|(piece, _)| *piece).collect();
    sums.insert("piece_messages", messages);
    sums.insert("partial_messages", partial + u64::from(cut > 0));
    sums.insert("pieces_verified", complete.iter().filter(|piece| pieces.contains(piece)).count() as u64);
    sums.insert("pieces_sole", alone.len() as u64);
    sums.insert("pieces_refuted", bad_pieces.len() as u64);
    let sole = sums["sole_bytes"] > 0;
    let mut expected: BTreeMap<&str, Value> = sums.into_iter().map(|(field, sum)| (field, sum.into())).collect();
    let all = alone.len() as u64 == number(&torrent["pieces"]);
    let grade = match (all, !sole, complete.is_empty()) {
        (true, ..) => "G9",
        (false, false, _) => "G8",
        (false, true, false) => "G7",
        (false, true, true) => "G6",
    };
    // Files of which every piece came from here are a rung more; only files at the borders need a closer look.
    if messages > 0 && (list(&torrent["files"]).len() == 1 || all) {
        expected.insert("grade", grade.into());
    }
    if all {
        let files = list(&torrent["files"]).iter().filter(|file| number(&file["length"]) > 0);
        let file = |file: &Value| serde_json::json!({"path": file["path"], "verified_bytes": file["length"]});
        expected.insert("files", files.map(file).collect());
    }
    expected
}

/// Returns true if the snap length cut the frames.
pub fn is_cut(truth: &Value) -> bool {
    let held = truth.get("held").map(list).into_iter().flatten();
    held.into_iter().any(|held| held.get("cut").is_some_and(|cut| cut == true))
}

/// Parts of one block that a damaged capture holds.
#[derive(Clone, Copy, Debug)]
struct Held {
    payload: u64,
    header: u64,
}

impl Held {
    fn of(held: &Value) -> BTreeMap<(u64, u64), Self> {
        let blocks = list(&held["damaged_blocks"]).iter();
        blocks.map(|block| (place(block), Self { payload: number(&block[3]), header: number(&block[4]) })).collect()
    }
}

/// Piece and begin of a block of the truth.
fn place(block: &Value) -> (u64, u64) {
    (number(&block[0]), number(&block[1]))
}

/// Bytes of a piece that belong to files.
pub fn content_len(torrent: &Value, piece: u64) -> u64 {
    let length = number(&torrent["piece_length"]);
    content(torrent, piece * length, (piece + 1) * length)
}

/// Bytes of whole blocks outside all files.
fn padding(torrent: &Value, whole: &BTreeMap<(u64, u64), u64>) -> u64 {
    let length = number(&torrent["piece_length"]);
    let outside = |((piece, begin), len): (&(u64, u64), &u64)| {
        let from = piece * length + begin;
        len - content(torrent, from, from + len)
    };
    whole.iter().map(outside).sum()
}

/// Bytes of files between two places of the torrent.
fn content(torrent: &Value, from: u64, to: u64) -> u64 {
    let within = |start: u64, end: u64| to.min(end).saturating_sub(from.max(start));
    let Some(layout) = torrent.get("layout_in_libtorrent") else { return within(0, number(&torrent["length"])) };
    let files = list(layout).iter().filter(|file| file["pad"] == false);
    files.map(|file| within(number(&file["offset"]), number(&file["offset"]) + number(&file["length"]))).sum()
}

/// Length prefix, id, piece, begin.
pub const HEADER: u64 = 13;
