//! Names of hosts in the captures: answers of DNS and mDNS, and name records of pcapng.

use peerproof::evidence::{HostName, NameSource};
use peerproof::{Document, Given, terminal};

use super::*;

const ENDS: [[&str; 3]; 2] = [
    ["81.2.69.10:50001", "93.184.16.1:6881", "198.51.100.53:53"],
    ["[2001:db8::10]:50001", "[2001:db9::1]:6881", "[2001:db8::53]:53"],
];

/// An answer that gives `address` for a name, by way of an alias.
fn answer(alias: &str, name: &str, address: std::net::IpAddr) -> Vec<u8> {
    let labels = |name: &str| {
        let labels = name.split('.').flat_map(|label| [&[label.len() as u8][..], label.as_bytes()].concat());
        labels.chain([0]).collect::<Vec<u8>>()
    };
    let (kind, data) = match address {
        std::net::IpAddr::V4(ip) => (1_u16, ip.octets().to_vec()),
        std::net::IpAddr::V6(ip) => (28, ip.octets().to_vec()),
    };
    let record = |owner: &[u8], kind: u16, data: &[u8]| {
        [owner, &kind.to_be_bytes(), &[0, 1, 0, 0, 0, 60], &(data.len() as u16).to_be_bytes(), data].concat()
    };
    [
        &[0x12, 0x34, 0x81, 0x80, 0, 1, 0, 2, 0, 0, 0, 0][..],
        &labels(alias),
        &[0, 1, 0, 1],
        &record(&[0xc0, 12], 5, &labels(name)),
        &record(&labels(name), kind, &data),
    ]
    .concat()
}

/// The names of an address in the report.
fn names(document: &Document, address: &str) -> Vec<HostName> {
    let ip = self::address(address).ip();
    document.hosts.iter().find(|host| host.address == ip).map(|host| host.names.clone()).unwrap_or_default()
}

fn document(world: &World, torrent: &Torrent) -> Document {
    report(Run::new().capture(world.pcap()).torrent(torrent).evidence())
}

fn report(evidence: Evidence) -> Document {
    let options = peerproof::Options::default();
    Document::new(&evidence, &Given::of(&evidence.known), options.checksums, &options.limits)
}

#[test]
fn answers_name_hosts_that_have_a_row_and_nobody_else() {
    let torrent = four_pieces();
    for [one, other, server] in ENDS {
        let (a, s, dns) = (address(one), address(other), address(server));
        let mut world = World::new();
        world.datagram(dns, a, &answer("www.example.org", "Peer.Example.NET", s.ip()));
        world.datagram(dns, a, &answer("x.example", "stranger.example", "192.0.2.99".parse().expect("an address")));
        let plain = world.clone();
        let conn = world.meet(a, s, torrent.info_hash, [id(1), id(2)]);
        world.fetch(conn, Side::B, &torrent, 0);
        let found = document(&world, &torrent);
        let told: Vec<_> =
            names(&found, other).into_iter().map(|name| (name.name, name.source, name.count)).collect();
        assert_eq!(
            told,
            [
                ("peer.example.net".to_owned(), NameSource::Dns, 1),
                ("www.example.org".to_owned(), NameSource::Dns, 1)
            ]
        );
        let name = &names(&found, other)[0];
        assert_eq!(name.by.map(|by| by.to_string()).as_deref(), Some(server));
        assert_eq!(name.frames.map(|frames| (frames.file, frames.first)), Some((0, 1)));
        assert_eq!(found.hosts.len(), 1, "a stranger has no place in the report");
        let text = terminal(&found, &peerproof::report::Screen::new(100));
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(&format!("Named \"peer.example.net\" by an answer of DNS from {server}")), "{text}");
        assert!(text.contains("A name is no person."), "{text}");
        let page = peerproof::report::page(&found).expect("a page");
        assert!(page.contains("peer.example.net") && page.contains("A name is no person."));
        // Without an answer, the report is the same in all else.
        let mut without = world.clone();
        without.datagram(dns, a, b"");
        without.packets.retain(|packet| !plain.packets.iter().any(|own| own.payload() == packet.payload()));
        assert!(document(&without, &torrent).hosts.is_empty());
    }
}

#[test]
fn answers_over_tcp_are_read_wherever_segments_end_and_damage_names_nobody() {
    let torrent = four_pieces();
    for [one, other, server] in ENDS {
        let (a, s, dns) = (address(one), address(other), address(server));
        let message = answer("www.example.org", "peer.example.net", s.ip());
        let behind_its_length = |message: &[u8]| [&(message.len() as u16).to_be_bytes()[..], message].concat();
        for segments in [7, 50, 1_400] {
            let mut world = World::new().segments_of(segments);
            let meet = world.meet(a, s, torrent.info_hash, [id(1), id(2)]);
            world.close(meet, Side::A);
            let conn = world.conn(SocketAddr::new(a.ip(), 50_002), dns);
            world.open(conn);
            world.send(conn, Side::B, &[behind_its_length(&message), behind_its_length(&message)].concat());
            world.close(conn, Side::A);
            let found = names(&document(&world, &torrent), other);
            assert_eq!(found.iter().map(|name| name.count).collect::<Vec<_>>(), [2, 2], "{segments}");
            let holed = world.drop(|packet| packet.holds(conn, Side::B, 40));
            let found = names(&document(&world, &torrent), other);
            assert!(holed == 1 && found.is_empty(), "{found:?}");
        }
        for end in (0..message.len()).step_by(3) {
            let mut world = World::new();
            world.datagram(dns, a, &message[..end]);
            world.meet(a, s, torrent.info_hash, [id(1), id(2)]);
            let names = names(&document(&world, &torrent), other);
            assert!(names.iter().all(|name| ["peer.example.net", "www.example.org"].contains(&&*name.name)));
        }
    }
}

#[test]
fn mdns_and_name_records_are_marked_as_what_they_are() {
    let torrent = four_pieces();
    for [one, other, _] in ENDS {
        let (a, s) = (address(one), address(other));
        let group = if s.is_ipv4() { "224.0.0.251:5353" } else { "[ff02::fb]:5353" };
        let mut world = World::new();
        world.datagram(SocketAddr::new(s.ip(), 5_353), address(group), &answer("s.local", "seeder.local", s.ip()));
        world.meet(a, s, torrent.info_hash, [id(1), id(2)]);
        let (kind, bytes) = match s.ip() {
            std::net::IpAddr::V4(ip) => (1_u16, ip.octets().to_vec()),
            std::net::IpAddr::V6(ip) => (2, ip.octets().to_vec()),
        };
        let value = [&bytes[..], b"written.example\0"].concat();
        let mut record = [kind.to_le_bytes(), (value.len() as u16).to_le_bytes()].concat();
        record.extend(&value);
        record.extend([0; 8]);
        let len = (12 + record.len() as u32).to_le_bytes();
        let block = [&4_u32.to_le_bytes()[..], &len, &record, &len].concat();
        let file = [world.pcapng(), block].concat();
        let found = report(Run::new().capture(file).torrent(&torrent).evidence());
        let told: Vec<_> =
            names(&found, other).into_iter().map(|name| (name.name, name.source, name.input)).collect();
        assert_eq!(
            told,
            [
                ("s.local".to_owned(), NameSource::Mdns, None),
                ("seeder.local".to_owned(), NameSource::Mdns, None),
                ("written.example".to_owned(), NameSource::NameRecords, Some(0)),
            ]
        );
        let text = terminal(&found, &peerproof::report::Screen::new(100));
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            text.contains("Named \"written.example\" in the name records of input #1, which are not dated."),
            "{text}"
        );
    }
}

#[test]
fn a_letter_says_what_name_the_captures_give_for_an_address() {
    let (torrent, folder) = (four_pieces(), tempfile::tempdir().expect("a directory"));
    let [one, other, server] = ENDS[0];
    let mut world = World::new();
    world.datagram(
        address(server),
        address(one),
        &answer("www.example.org", "peer.example.net", address(other).ip()),
    );
    let conn = world.meet(address(one), address(other), torrent.info_hash, [id(1), id(2)]);
    world.fetch(conn, Side::B, &torrent, 0);
    let time = document(&world, &torrent).transfers[0].first_time;
    let hash: String = torrent.info_hash.iter().map(|byte| format!("{byte:02x}")).collect();
    let notice = format!("id,address,port,time,info_hash,claim\nN-1,93.184.16.1,6881,{time},{hash},uploaded\n");
    for (name, bytes) in
        [("a.pcap", world.pcap()), ("t.torrent", torrent.metainfo.clone()), ("n.csv", notice.into_bytes())]
    {
        std::fs::write(folder.path().join(name), bytes).expect("written");
    }
    let done = std::process::Command::new(env!("CARGO_BIN_EXE_peerproof"))
        .current_dir(folder.path())
        .args(["audit", "n.csv", "--capture", "a.pcap", "-t", "t.torrent", "-f", "markdown"])
        .output()
        .expect("the program runs");
    let letter = String::from_utf8_lossy(&done.stdout).replace('\\', "");
    let letter = letter.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(String::from_utf8_lossy(&done.stderr), "");
    assert!(letter.contains(&format!("Named \"peer.example.net\" by an answer of DNS from {server}")), "{letter}");
    assert!(letter.contains("A name is no person."), "{letter}");
}
