//! Damaged captures: what is left is read, what is not is said, and `--strict` refuses.

use peerproof::anomaly::Kind;
use peerproof::evidence::Bytes;

use super::*;
use crate::synth::capture::{LINK_ETHERNET, Order, Record, Ticks, pcap, pcapng};
use crate::synth::content::{Recipe, Torrent};
use crate::synth::run::{Run, address, check, transfer};
use crate::synth::swarm::{Side, World};
use crate::synth::wire;

const M: &str = "81.2.69.10:50001";
const S: &str = "93.184.16.1:6881";

/// A torrent of two small pieces, and a capture of S serving both to M.
fn small() -> (Torrent, Vec<Record>) {
    let torrent = Recipe::single("small.bin", 1_024, 2_000, 11).v1();
    let mut world = World::new().segments_of(700);
    let ids = [wire::peer_id("-XX0001-", 1), wire::peer_id("-XX0001-", 2)];
    let conn = world.meet(address(M), address(S), torrent.info_hash, ids);
    world.send(conn, Side::B, &wire::bitfield_full(torrent.pieces()));
    world.send(conn, Side::A, &wire::interested());
    world.send(conn, Side::B, &wire::unchoke());
    (0..torrent.pieces()).for_each(|piece| world.fetch(conn, Side::B, &torrent, piece));
    (torrent, world.records())
}

/// Bytes that S served to M; `None` where no row is left.
fn served(run: &Run) -> Option<(Bytes, bool)> {
    let evidence = run.once(1, 64 << 20).ok()?;
    check(&evidence);
    let told = evidence.anomalies.tally(Kind::DamagedCapture).is_some();
    assert_eq!(told, evidence.captures[0].damage.is_some());
    let rows = evidence.transfers.iter().filter(|row| row.uploader.port == 6_881);
    let rows: Vec<Bytes> = rows.map(|row| row.bytes).collect();
    assert!(rows.len() <= 1);
    Some((rows.first().copied().unwrap_or_default(), told))
}

#[test]
fn every_cut_of_a_file_is_an_error_or_said_and_no_figure_grows_by_it() {
    let (torrent, records) = small();
    for file in [
        pcap(&records, LINK_ETHERNET, Order::Little, Ticks::Nanos),
        pcapng(&records, LINK_ETHERNET, Order::Big, Ticks::Micros),
    ] {
        let run = |bytes: &[u8]| Run::new().capture(bytes.to_vec()).torrent(&torrent);
        let (whole, _) = served(&run(&file)).expect("sound");
        assert_eq!((whole.served, whole.verified), (2_000, 2_000));
        let (mut errors, mut sound, mut before) = (0, 0, 0);
        for cut in 0..file.len() {
            let Some((bytes, told)) = served(&run(&file[..cut])) else {
                errors += 1;
                continue;
            };
            for (part, all) in [
                (bytes.served, whole.served),
                (bytes.verified, whole.verified),
                (bytes.sole, whole.sole),
                (bytes.acknowledged, whole.acknowledged),
                (bytes.solicited, whole.solicited),
                (bytes.refuted, 0),
                (bytes.disputed, 0),
                (bytes.repeated, 0),
            ] {
                assert!(part <= all, "cut at {cut}: {bytes:?}");
            }
            assert!(bytes.served >= before, "cut at {cut}: a longer file holds no less");
            before = bytes.served;
            sound += u32::from(!told);
        }
        // Only a cut between two records leaves nothing to be said.
        assert!(errors < 120 && sound as usize <= records.len() + 4, "{errors} errors, {sound} sound");
    }
}

#[test]
fn strict_refuses_every_damage_with_file_and_offset() {
    let given = Given::new();
    let file = plain().read("capture.pcap");
    let second = 24 + 16 + records(&file)[0].2.len();
    let mut lengths = file.clone();
    lengths[second + 8..second + 16].fill(0xff);
    let mut behind = file.clone();
    behind.extend([0; 5]);
    let pcapng = fixture::named("ipv6").read("capture.pcapng");
    let mut block = pcapng.clone();
    let at = block.windows(4).position(|word| word == [6, 0, 0, 0]).expect("a packet block");
    block[at + 4] ^= 0x3c;
    for (name, bytes, offset) in [
        ("cut.pcap", file[..file.len() - 1].to_vec(), None),
        ("lengths.pcap", lengths, Some(second)),
        ("behind.pcap", behind, Some(file.len())),
        ("cut.pcapng", pcapng[..pcapng.len() - 1].to_vec(), None),
        ("block.pcapng", block, Some(at)),
    ] {
        given.put(name, &bytes);
        let loose = given.analyze(name, &[]);
        assert!(loose.errors.contains(&format!("{name} is damaged: at byte ")), "{}", loose.errors);
        let report = loose.report(3);
        let damage = report["inputs"][0]["damage"].as_str().expect("it is told").to_owned();
        for command in ["analyze", "inspect"] {
            let said = given.run(&[command, name, "--strict"], None);
            assert_eq!((said.code, said.out.as_str()), (2, ""), "{name}: {}", said.errors);
            let place = offset.map_or(format!("{name}: at byte "), |at| format!("{name}: at byte {at}: "));
            assert!(said.errors.contains(&place), "{name}: {}", said.errors);
            if let Some(at) = offset {
                assert!(damage.contains(&format!("at byte {at}: ")), "{name}: {damage}");
            }
        }
    }
}

#[test]
fn a_broken_compressed_stream_is_read_up_to_the_break_and_strict_refuses_it() {
    let given = Given::new();
    let mut packed = Vec::new();
    let mut encoder = flate2::write::GzEncoder::new(&mut packed, flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, &plain().read("capture.pcap")).expect("in memory");
    encoder.finish().expect("in memory");
    given.put("cut.pcap.gz", &packed[..packed.len() / 2]);
    let report = given.analyze("cut.pcap.gz", &[]).report(3);
    let damage = report["inputs"][0]["damage"].as_str().expect("it is told");
    assert!(damage.contains("the gzip stream breaks off after"), "{damage}");
    assert!(report["transfers"][0]["served_bytes"].as_u64().is_some());
    let said = given.analyze("cut.pcap.gz", &["--strict"]);
    assert_eq!(said.code, 2);
    assert!(said.errors.contains("cut.pcap.gz: at byte "), "{}", said.errors);
}

#[test]
fn a_capture_in_a_directory_that_cannot_be_decompressed_is_damage_with_its_name() {
    let plain = plain().read("capture.pcap");
    let bzip2 = bzip2::read::BzEncoder::new(plain.as_slice(), bzip2::Compression::fast());
    let mut lz4 = lz4_flex::frame::FrameEncoder::new(Vec::new());
    std::io::Write::write_all(&mut lz4, &plain).expect("in memory");
    for (name, packed) in [
        ("ring-2.zst", zstd::encode_all(plain.as_slice(), 1).expect("in memory")),
        ("ring-2.lz4", lz4.finish().expect("in memory")),
        ("ring-2.bz2", std::io::Read::bytes(bzip2).collect::<Result<_, _>>().expect("in memory")),
    ] {
        let given = Given::new();
        std::fs::create_dir(given.folder.path().join("ring")).expect("created");
        given.put("ring/ring-1.pcap", &plain);
        given.put(&format!("ring/{name}"), &packed[..2_000]);
        let said = given.analyze("ring", &[]);
        assert!(said.errors.contains(name) && said.errors.contains("damaged-capture"), "{}", said.errors);
        let report = said.report(3);
        assert_eq!(report["inputs"].as_array().map(|inputs| inputs.len()), Some(2), "and the torrent");
        assert_eq!(report["passed_over"][0]["name"], name);
        let found = report["passed_over"][0]["found"].as_str().expect("it is told");
        assert!(found.contains("cannot be read"), "{name}: {found}");
        let strict = given.analyze("ring", &["--strict"]);
        assert!(strict.code == 2 && strict.errors.contains(name), "{}", strict.errors);
        let alone = given.analyze(&format!("ring/{name}"), &[]);
        assert!(alone.code == 2 && alone.errors.contains("breaks off after 0"), "{}", alone.errors);
    }
}

#[test]
fn times_that_are_zero_jump_or_lie_years_apart_change_no_figure() {
    let (torrent, records) = small();
    let run = |records: &[Record]| {
        let capture = pcap(records, LINK_ETHERNET, Order::Little, Ticks::Nanos);
        let evidence = Run::new().capture(capture).torrent(&torrent).evidence();
        (transfer(&evidence, S, M).bytes, evidence.anomalies.tally(Kind::ClockStep).map_or(0, |tally| tally.count))
    };
    let (plain, steps) = run(&records);
    assert_eq!((plain.verified, steps), (2_000, 0));
    let changed = |change: fn(usize, &mut Record)| {
        let mut records = records.clone();
        records.iter_mut().enumerate().for_each(|(index, record)| change(index, record));
        records
    };
    let zero = run(&changed(|_, record| record.time = 0));
    assert_eq!(zero, (plain, 0));
    let backwards = run(&changed(|index, record| record.time -= i64::from(index > 12) * 7_200_000_000_000));
    assert_eq!(backwards, (plain, 1));
    let epoch = run(&changed(|index, record| record.time = if index < 9 { 0 } else { record.time }));
    assert_eq!(epoch.1, 1);
    assert_eq!((epoch.0.served, epoch.0.verified, epoch.0.refuted), (2_000, 2_000, 0));
}

#[test]
fn a_snap_length_down_to_the_headers_says_what_is_lost_and_verifies_nothing() {
    let (torrent, records) = small();
    for snaplen in [14, 34, 54, 60, 67, 96, 300] {
        let mut cut = records.clone();
        cut.iter_mut().for_each(|record| record.bytes.truncate(snaplen));
        let capture = pcap(&cut, LINK_ETHERNET, Order::Little, Ticks::Nanos);
        let evidence = Run::new().capture(capture).torrent(&torrent).evidence();
        assert!(evidence.anomalies.tally(Kind::Snaplen).is_some(), "{snaplen}");
        for row in &evidence.transfers {
            assert_eq!((row.bytes.verified, row.bytes.refuted), (0, 0), "{snaplen}");
            assert!(row.bytes.served + row.bytes.lost <= 2_000, "{snaplen}: {:?}", row.bytes);
        }
    }
}

#[test]
fn frames_whose_headers_lie_about_lengths_cost_no_other_frame() {
    let (torrent, records) = small();
    let data: Vec<usize> = (0..records.len()).filter(|at| records[*at].bytes.len() > 700).collect();
    type Lie = fn(&mut Vec<u8>);
    let lies: [(&str, Lie); 5] = [
        ("a total length below the header's", |bytes| bytes[16..18].copy_from_slice(&[0, 10])),
        ("a total length beyond the frame", |bytes| bytes[16..18].copy_from_slice(&[0xff, 0xff])),
        ("a header length beyond the frame", |bytes| bytes[14] = 0x4f),
        ("a data offset below the header's", |bytes| bytes[46] = 0x10),
        ("a data offset beyond the segment", |bytes| {
            bytes.truncate(60);
            bytes[16..18].copy_from_slice(&[0, 46]);
            bytes[46] = 0xf0;
        }),
    ];
    for (lie, change) in lies {
        let mut records = records.clone();
        let hurt = &mut records[data[1]];
        change(&mut hurt.bytes);
        hurt.wire_len = hurt.bytes.len() as u32;
        let capture = pcap(&records, LINK_ETHERNET, Order::Little, Ticks::Nanos);
        let evidence = Run::new().capture(capture).torrent(&torrent).evidence();
        let bytes = transfer(&evidence, S, M).bytes;
        assert_eq!((bytes.refuted, bytes.disputed), (0, 0), "{lie}: {bytes:?}");
        assert!(bytes.served >= 1_200 && bytes.served + bytes.lost <= 2_000, "{lie}: {bytes:?}");
        assert!(evidence.anomalies.iter().count() > 0, "{lie}");
    }
}
