//! Formats are told by content; what is inside comes out the same.

use std::io::{Read, Write};

use super::*;

fn be(word: u32) -> [u8; 4] {
    word.to_be_bytes()
}

/// The recording in pcap of either byte order, with record headers of 16 or 24 bytes and fractions of any unit.
fn pcap(big: bool, magic: u32, unit: u32, more: usize) -> Vec<u8> {
    let u32 = |word: u32| if big { be(word) } else { word.to_le_bytes() };
    let u16 = |word: u16| if big { word.to_be_bytes() } else { word.to_le_bytes() };
    let mut file = [&u32(magic)[..], &u16(2), &u16(4), &[0; 8], &u32(262_144), &u32(1)].concat();
    for (seconds, micros, bytes, wire) in records(&plain().read("capture.pcap")) {
        file.extend([u32(seconds), u32(micros * unit), u32(bytes.len() as u32), u32(wire)].concat());
        file.extend(vec![0; more]);
        file.extend(bytes);
    }
    file
}

#[test]
fn every_magic_number_of_pcap_in_both_byte_orders() {
    let given = Given::new();
    for big in [false, true] {
        for (name, magic, unit, more) in
            [("micro", 0xa1b2_c3d4, 1, 0), ("nano", 0xa1b2_3c4d, 1_000, 0), ("modified", 0xa1b2_cd34, 1, 8)]
        {
            given.put("any.bin", &pcap(big, magic, unit, more));
            let report = given.analyze("any.bin", &[]).report(0);
            let mut golden = golden();
            golden["quality"]["clock"]["ticks_per_second"] = (1_000_000 * unit).into();
            same_but_inputs(&format!("{name}, big-endian {big}"), &report, &golden);
            assert_eq!(report["inputs"][0]["format"], "pcap");
        }
    }
}

/// A block of a pcapng section.
fn block(big: bool, kind: u32, body: &[u8]) -> Vec<u8> {
    let u32 = |word: u32| if big { be(word) } else { word.to_le_bytes() };
    let padding = vec![0; body.len().next_multiple_of(4) - body.len()];
    let len = u32((body.len() + padding.len() + 12) as u32);
    [&u32(kind), &len, body, &padding, &len[..]].concat()
}

fn option(big: bool, code: u16, value: &[u8]) -> Vec<u8> {
    let u16 = |word: u16| if big { word.to_be_bytes() } else { word.to_le_bytes() };
    let padding = vec![0; value.len().next_multiple_of(4) - value.len()];
    [&u16(code)[..], &u16(value.len() as u16), value, &padding].concat()
}

/// A section of the recording's packets from `range`, with everything in it that the specification knows.
fn section(big: bool, range: std::ops::Range<usize>, resolution: u8, offset: i64) -> Vec<u8> {
    let u32 = |word: u32| if big { be(word) } else { word.to_le_bytes() };
    let u16 = |word: u16| if big { word.to_be_bytes() } else { word.to_le_bytes() };
    let u64 = |word: u64| if big { word.to_be_bytes() } else { word.to_le_bytes() };
    let head = [
        &u32(0x1a2b_3c4d)[..],
        &u16(1),
        &u16(0),
        &[255; 8],
        &option(big, 3, b"Linux"),
        &option(big, 4, b"dumpcap"),
    ];
    let mut file = block(big, 0x0a0d_0d0a, &head.concat());
    // Names, comments, secrets, custom and unknown blocks: none of them is a packet.
    file.extend(block(big, 4, &[&u16(1)[..], &u16(9), &[10, 0, 0, 1], b"peer\0\0\0\0", &[0; 4]].concat()));
    file.extend(block(big, 10, &[&u32(0x544c_534b)[..], &u32(12), b"CLIENT_RANDO"].concat()));
    file.extend(block(big, 0x7777_7777, b"unknown"));
    let interface = [
        &u16(1)[..],
        &u16(0),
        &u32(262_144),
        &option(big, 2, b"eth7"),
        &option(big, 9, &[resolution]),
        &option(big, 11, b"\0tcp port 6881"),
        &option(big, 14, &u64(offset as u64)),
        &option(big, 0, &[]),
    ];
    file.extend(block(big, 1, &interface.concat()));
    for (index, (seconds, micros, bytes, wire)) in
        records(&plain().read("capture.pcap")).into_iter().enumerate().filter(|(index, _)| range.contains(index))
    {
        let ns =
            i128::from(seconds) * 1_000_000_000 + i128::from(micros) * 1_000 - i128::from(offset) * 1_000_000_000;
        let ticks = match resolution {
            6 => ns / 1_000,
            9 => ns,
            // 2^-30 s: the first tick from which the time, rounded down, is this one.
            _ => ((ns << 30) + 999_999_999) / 1_000_000_000,
        } as u64;
        let (high, low) = (u32((ticks >> 32) as u32), u32(ticks as u32));
        let padding = vec![0; bytes.len().next_multiple_of(4) - bytes.len()];
        let lengths = [u32(bytes.len() as u32), u32(wire)].concat();
        if index % 3 == 2 {
            let body = [&u16(0)[..], &u16(0), &high, &low, &lengths, &bytes, &padding].concat();
            file.extend(block(big, 2, &body));
        } else {
            let options = [option(big, 1, b"a comment"), option(big, 4, &u64(2)), option(big, 0, &[])].concat();
            file.extend(block(big, 6, &[&u32(0)[..], &high, &low, &lengths, &bytes, &padding, &options].concat()));
        }
    }
    file.extend(block(
        big,
        5,
        &[&u32(0)[..], &[0; 8], &option(big, 5, &u64(7)), &option(big, 7, &u64(1))].concat(),
    ));
    file
}

#[test]
fn pcapng_with_everything_in_it_gives_the_same_and_says_what_was_passed_over() {
    let given = Given::new();
    let count = records(&plain().read("capture.pcap")).len();
    let both = [section(true, 0..70, 9, 1_000), section(false, 70..count, 6, -5)].concat();
    for (name, file, clock) in [
        ("little", section(false, 0..count, 6, 0), serde_json::json!({"ticks_per_second": 1_000_000})),
        (
            "big, powers of two, offset",
            section(true, 0..count, 0x80 | 30, -3_600),
            serde_json::json!({"ticks_per_second": 1 << 30, "offsets_seconds": [-3_600]}),
        ),
        ("both", both, serde_json::json!({"ticks_per_second": 1_000_000, "offsets_seconds": [-5, 1_000]})),
    ] {
        given.put("any.pcap", &file);
        let report = given.analyze("any.pcap", &[]).report(0);
        let mut golden = golden();
        golden["quality"]["clock"] = clock;
        for part in ["torrents", "transfers", "subjects", "anomalies", "quality"] {
            assert_eq!(report[part], golden[part], "{name}: {part}");
        }
        let input = &report["inputs"][0];
        assert_eq!((&input["format"], &input["damage"]), (&"pcapng".into(), &Value::Null), "{name}");
        let sections = input["interfaces"].as_array().expect("a list").len() as u64;
        for interface in input["interfaces"].as_array().expect("a list") {
            assert_eq!((&interface["name"], &interface["filter"]), (&"eth7".into(), &"tcp port 6881".into()));
        }
        // Of what packets and statistics each say, the greater.
        let packets = (0..count).filter(|index| index % 3 != 2).count() as u64 * 2;
        assert_eq!(input["dropped_by_capture"], packets.max(8 * sections), "{name}");
        let expected = serde_json::json!({
            "decryption secrets (TLS)": sections, "name resolution": sections, "type 0x77777777": sections
        });
        assert_eq!(input["unused_blocks"], expected, "{name}");
        let notes = report["notes"].to_string();
        assert!(notes.contains("decryption secrets (TLS), which are not used"), "{notes}");
    }
}

#[test]
fn simple_packet_blocks_are_read_without_their_times() {
    let given = Given::new();
    let head = [&0x1a2b_3c4d_u32.to_le_bytes()[..], &[1, 0, 0, 0], &[255; 8]].concat();
    let mut file = [block(false, 0x0a0d_0d0a, &head), block(false, 1, &[1, 0, 0, 0, 0, 0, 4, 0])].concat();
    for (_, _, bytes, wire) in records(&plain().read("capture.pcap")) {
        file.extend(block(false, 3, &[&wire.to_le_bytes()[..], &bytes].concat()));
    }
    given.put("simple.pcapng", &file);
    let report = given.analyze("simple.pcapng", &[]).report(0);
    for (row, golden) in report["transfers"]
        .as_array()
        .into_iter()
        .flatten()
        .zip(golden()["transfers"].as_array().into_iter().flatten())
    {
        for field in ["served_bytes", "verified_bytes", "lost_bytes", "grade", "actionable"] {
            assert_eq!(row[field], golden[field], "{field}");
        }
    }
    assert_eq!(report["anomalies"][0]["kind"], "bad-timestamp");
}

fn packed(format: &str, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    match format {
        "gzip" => {
            let mut encoder = flate2::write::GzEncoder::new(&mut out, flate2::Compression::fast());
            encoder.write_all(bytes).and_then(|()| encoder.finish().map(drop)).expect("in memory");
        }
        "zstd" => out = zstd::encode_all(bytes, 1).expect("in memory"),
        "lz4" => {
            let mut encoder = lz4_flex::frame::FrameEncoder::new(&mut out);
            encoder.write_all(bytes).expect("in memory");
            encoder.finish().map(drop).expect("in memory");
        }
        "xz" => drop(liblzma::read::XzEncoder::new(bytes, 1).read_to_end(&mut out).expect("in memory")),
        _ => {
            let mut encoder = bzip2::read::BzEncoder::new(bytes, bzip2::Compression::fast());
            encoder.read_to_end(&mut out).map(drop).expect("in memory");
        }
    }
    out
}

#[test]
fn any_compression_around_any_other_also_from_a_pipe() {
    let (given, plain) = (Given::new(), plain().read("capture.pcap"));
    let formats = ["gzip", "zstd", "lz4", "xz", "bzip2"];
    for outer in formats {
        for inner in formats {
            let file = packed(outer, &packed(inner, &plain));
            given.put("any.bin", &file);
            let report = given.analyze("any.bin", &[]).report(0);
            same_but_inputs(outer, &report, &golden());
            assert_eq!(report["inputs"][0]["format"], format!("{outer}+{inner}+pcap"));
            assert_eq!(report["inputs"][0]["bytes"], file.len());
            if inner == "gzip" {
                let line = ["analyze", "-", "-t", "a.torrent", "--format", "json"];
                let piped = given.run(&line, Some(&file)).report(0);
                same_but_inputs(outer, &piped, &golden());
                // Hashed while it was read, and from the file: the same bytes.
                assert_eq!(piped["inputs"][0]["sha256"], report["inputs"][0]["sha256"]);
            }
        }
    }
    let line = ["analyze", "-", "-t", "a.torrent", "--format", "json"];
    same_but_inputs("a plain pipe", &given.run(&line, Some(&plain)).report(0), &golden());
}

#[test]
fn captures_of_other_programs_are_refused_by_name_with_what_converts_them() {
    let given = Given::new();
    for (head, name) in [
        (&b"snoop\0\0\0\0\0\0\x02\0\0\0\x04"[..], "a snoop capture"),
        (b"GMBU\x00\x02\x01\x00", "a Microsoft Network Monitor 2 capture"),
        (b"iptrace 2.0\0\0\0\0\0", "an AIX iptrace capture"),
        (b"\x7Fpkt\0\0\0\0", "an OmniPeek capture"),
    ] {
        given.put("other.cap", &[head, &[0; 64]].concat());
        let said = given.analyze("other.cap", &[]);
        assert_eq!(said.code, 2);
        assert!(said.errors.contains(&format!("other.cap: at byte 0: found {name}")), "{}", said.errors);
        assert!(said.errors.contains("editcap -F pcapng"), "{}", said.errors);
    }
}
