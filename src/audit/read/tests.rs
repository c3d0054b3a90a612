use super::*;
use crate::audit::claim::{Act, ActBasis, Claim, HashKind, NoticeFlag};

fn entries(text: &str) -> Vec<Entry> {
    entries_of(text.as_bytes())
}

fn entries_of(bytes: &[u8]) -> Vec<Entry> {
    let mut notices = Notices::new(None);
    notices.read("notice", bytes).expect("a slice can be read");
    notices.finish().0
}

fn claims(text: &str) -> Vec<Claim> {
    entries(text).into_iter().map(|entry| entry.content.expect("a claim")).collect()
}

fn refusals(text: &str) -> Vec<Refusal> {
    entries(text).into_iter().filter_map(|entry| entry.content.err().map(|refused| refused.why)).collect()
}

const HASH: &str = "33c3105a3c68063147606691f968863e17ec7955";

fn acns(source: &str, items: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><Infringement><Case><ID>1</ID></Case><Complainant><Entity>E</Entity></Complainant>\
         <Source>{source}</Source><Content>{items}</Content></Infringement>"
    )
}

const SOURCE: &str =
    "<TimeStamp>2026-11-21T02:00:00Z</TimeStamp><IP_Address>192.0.2.1</IP_Address><Port>6881</Port>";

#[test]
fn each_item_is_a_claim_and_its_own_time_governs() {
    let items = format!(
        "<Item><TimeStamp>2026-11-21T03:00:00Z</TimeStamp><Hash Type=\"SHA1\">{HASH}</Hash></Item>\
         <Item><FileName>b</FileName><FileSize>5</FileSize></Item>"
    );
    let found = claims(&acns(SOURCE, &items));
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].when.readings[0].from - found[1].when.readings[0].from, 3_600_000_000_000);
    assert_eq!(found[0].what.hashes[0].kind, HashKind::Either);
    assert_eq!((found[1].what.file.as_deref(), found[1].what.size), (Some("b"), Some(5)));
    assert_eq!((found[0].acts[0], found[0].act_basis), (Act::Unknown, ActBasis::Assumed));
}

#[test]
fn nothing_of_xml_is_expanded_and_a_doctype_refuses_the_document() {
    let entity = acns(&SOURCE.replace("192.0.2.1", "&host;"), "");
    assert_eq!(refusals(&entity), [Refusal::BadXml]);
    let doctype = entity.replace("<Infringement>", "<!DOCTYPE x [<!ENTITY host \"192.0.2.1\">]><Infringement>");
    assert_eq!(refusals(&doctype), [Refusal::XmlDoctype]);
    let numeric = acns(&SOURCE.replace("192.0.2.1", "192.0.2.&#49;"), "");
    assert_eq!(claims(&numeric)[0].who.address.to_string(), "192.0.2.1");
    let deep = format!("{}{}", "<a>".repeat(70), "</a>".repeat(70));
    assert_eq!(refusals(&deep), [Refusal::XmlLimit]);
    let comment = acns(&SOURCE.replace("192.0.2.1", "192.0.2.1<!-- 192.0.2.2 -->"), "");
    assert_eq!(claims(&comment)[0].who.address.to_string(), "192.0.2.1");
}

#[test]
fn other_messages_of_acns_are_no_notices_and_retractions_are_withdrawn() {
    let status = acns(SOURCE, "").replace("Infringement>", "StatusRequest>");
    assert_eq!(refusals(&status), [Refusal::NotANotice]);
    let withdrawn = acns(SOURCE, "").replace("<Source>", "<Type Retraction=\"true\"/><Source>");
    assert_eq!(refusals(&withdrawn), [Refusal::Retraction]);
}

#[test]
fn a_bad_row_costs_itself_and_no_other() {
    let rows = format!(
        "ip,port,time,hash\n192.0.2.1,1,2026-11-21T02:00:00Z,{HASH}\n192.0.2.2,1\n\"192.0.2.3,1,x,y\n192.0.2.4,1,2026-11-21T02:00:00Z,{HASH}\n"
    );
    let found = entries(&rows);
    let lines: Vec<_> = found.iter().map(|entry| (entry.origin.line, entry.content.is_ok())).collect();
    assert_eq!(lines, [(Some(2), true), (Some(3), false), (Some(4), false), (Some(5), true)]);
}

#[test]
fn what_a_field_has_wrong_is_named_and_nothing_is_filled_in() {
    let row = |address: &str, port: &str, time: &str, hash: &str| {
        refusals(&format!("ip;port;time;hash\n{address};{port};{time};{hash}\n")).first().copied()
    };
    let time = "2026-11-21T02:00:00Z";
    assert_eq!(row("192.0.2.1", "0", time, HASH), None);
    assert_eq!(row("", "1", time, HASH), Some(Refusal::NoAddress));
    assert_eq!(row("192.0.2.1", "1", "", HASH), Some(Refusal::NoTime));
    assert_eq!(row("192.0.2.1", "65536", time, HASH), Some(Refusal::BadPort));
    assert_eq!(row("192.0.2.1", "1", "2026-02-30T02:00:00Z", HASH), Some(Refusal::ImpossibleTime));
    assert_eq!(row("192.0.2.1", "1", time, &HASH[1..]), Some(Refusal::BadHash));
    for address in
        ["010.1.1.1", "1.2.3", "0x7f.1", "3221225985", "255.255.255.255", "224.0.0.1", "0.0.0.0", "fe80::1%eth0"]
    {
        assert_eq!(row(address, "1", time, HASH), Some(Refusal::BadAddress), "{address}");
    }
    assert_eq!(row("192.0.2.１", "1", time, HASH), Some(Refusal::BadAddress));
}

#[test]
fn json_that_two_readers_would_read_differently_is_refused() {
    let object = format!("{{\"ip\":\"192.0.2.1\",\"time\":\"2026-11-21T02:00:00Z\",\"btih\":\"{HASH}\"}}");
    assert_eq!(claims(&object).len(), 1);
    assert_eq!(claims(&format!("{object}\n{object}\n")).len(), 2);
    assert_eq!(refusals(&object.replace("\"time\"", "\"ip\":\"192.0.2.2\",\"time\"")), [Refusal::DuplicateKey]);
    assert_eq!(refusals(&"[".repeat(100)), [Refusal::JsonLimit]);
    let mixed = entries(&format!("{object}\n{{broken\n{object}\n"));
    assert_eq!(mixed.iter().filter(|entry| entry.content.is_ok()).count(), 2);
}

#[test]
fn other_kinds_of_xarf_are_no_notices() {
    let report = |category: &str, kind: &str| {
        format!(
            "{{\"xarf_version\":\"4.2.0\",\"category\":\"{category}\",\"type\":\"{kind}\",\"source_identifier\":\"192.0.2.1\",\
             \"source_port\":6881,\"timestamp\":\"2026-11-21T02:00:00Z\",\"swarm_info\":{{\"info_hash\":\"{HASH}\"}},\
             \"peer_info\":{{\"upload_amount\":5}}}}"
        )
    };
    let found = claims(&report("copyright", "p2p"));
    assert_eq!((found[0].acts[0], found[0].act_basis, found[0].amount), (Act::Uploaded, ActBasis::Field, Some(5)));
    assert_eq!(refusals(&report("messaging", "spam")), [Refusal::NotANotice]);
}

fn mail(parts: &[(&str, &str)]) -> String {
    let body: String = parts.iter().map(|(kind, text)| format!("--b\nContent-Type: {kind}\n\n{text}\n")).collect();
    format!("From: a@b.example\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"b\"\n\n{body}--b--\n")
}

#[test]
fn equal_copies_in_a_mail_are_one_claim_and_others_are_told_apart() {
    let xml = acns(SOURCE, &format!("<Item><Hash Type=\"SHA1\">{HASH}</Hash></Item>"));
    let other = xml.replace("6881", "6882");
    let same = entries(&mail(&[
        ("text/plain", "It was distributing files."),
        ("application/xml", &xml),
        ("application/octet-stream", &xml),
    ]));
    assert_eq!((same.len(), same[0].copies), (1, 2));
    let claim = same[0].content.as_ref().expect("a claim");
    assert_eq!((claim.acts[0], claim.act_basis), (Act::Uploaded, ActBasis::Text));
    let differ = entries(&mail(&[("application/xml", &xml), ("application/xml", &other)]));
    assert_eq!(differ.len(), 2);
    for entry in &differ {
        assert_eq!(
            (entry.flags.as_slice(), entry.differing.as_slice()),
            (&[NoticeFlag::CopiesDiffer][..], &["port"][..])
        );
    }
}

#[test]
fn keys_beside_xml_speak_only_for_the_act_and_against_it() {
    let xml = acns(SOURCE, &format!("<Item><Hash Type=\"SHA1\">{HASH}</Hash></Item>"));
    let keys = |address: &str| {
        format!("The address was seeding.\n\nIP Address: {address}\nPort: 6881\nTimestamp: 2026-11-21T02:00:00Z\n")
    };
    let agree = entries(&mail(&[("text/plain", &keys("192.0.2.1")), ("text/xml", &xml)]));
    assert_eq!((agree.len(), agree[0].copies), (1, 1));
    let differ = entries(&mail(&[("text/plain", &keys("192.0.2.9")), ("text/xml", &xml)]));
    assert_eq!(differ.iter().map(|entry| entry.differing.clone()).collect::<Vec<_>>(), [["address"], ["address"]]);
}

#[test]
fn a_feedback_report_takes_its_hash_from_another_part() {
    let arf = "Feedback-Type: abuse\nSource-IP: 192.0.2.1\nSource-Port: 6881\nArrival-Date: Sat, 21 Nov 2026 02:00:00 +0000\n";
    let found = entries(&mail(&[
        ("text/plain", &format!("Info Hash: {HASH}\nTitle: x\nDate: 2026-11-21\n")),
        ("message/feedback-report", arf),
    ]));
    assert_eq!(found.len(), 1);
    let hash = "0123456789abcdef0123456789abcdef01234567";
    for (kind, part) in [
        ("text/plain", format!("Infohash: {hash}\n")),
        ("text/plain", format!("A report.\n\nFile Name: a.bin\nInfohash: {hash}\n")),
        ("text/html", format!("<html><body><p>Infohash: {hash}</p></body></html>")),
    ] {
        let found = claims(&mail(&[(kind, &part), ("message/feedback-report", arf)]));
        let [claim] = found.as_slice() else { panic!("{part}: {found:?}") };
        assert_eq!((claim.who.port, claim.what.hashes.len()), (Some(6881), 1), "{part}");
    }
    let alone = entries(&mail(&[("text/plain", "A report."), ("message/feedback-report", arf)]));
    let claim = alone[0].content.as_ref().expect("a claim");
    assert_eq!((claim.who.port, claim.when.readings.len()), (Some(6881), 1));
}

#[test]
fn mails_of_a_box_are_read_one_by_one() {
    let one = |port: u16| {
        format!(
            "From x Sat Nov 21 02:00:00 2026\nFrom: a@b.example\n\nIP: 192.0.2.1\nPort: {port}\nTime: 2026-11-21T02:00:00Z\nHash: {HASH}\n\n"
        )
    };
    let found = entries(&format!("{}{}{}", one(1), one(2), one(3)));
    let parts: Vec<_> = found.iter().map(|entry| entry.origin.part.clone()).collect();
    assert_eq!(parts, [[1, 1], [2, 1], [3, 1]]);
    let ports: Vec<_> = found.iter().map(|entry| entry.content.as_ref().expect("a claim").who.port).collect();
    assert_eq!(ports, [Some(1), Some(2), Some(3)]);
}

#[test]
fn several_keys_may_stand_in_a_line_and_boilerplate_behind_the_evidence_claims_nothing() {
    let text = format!(
        "Your customer was connected to the swarm.\n\nIP Address: 192.0.2.1 Port: 6881 Date: 2026-11-21 Time: 02:00:00 UTC\n\
         Bay ID: {HASH}|1234\n\nUploading or distributing such works is forbidden.\n"
    );
    let found = claims(&text);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].who.port, found[0].what.size, found[0].acts[0]), (Some(6881), Some(1234), Act::Joined));
    assert_eq!(found[0].when.readings.len(), 1);
}

#[test]
fn keys_above_a_table_apply_to_all_of_its_rows() {
    let text = format!(
        "EXHIBIT\n\nIP address: 192.0.2.1\nClaim: uploaded\n\nInfo Hash  |  Port  |  Timestamp (UTC)\n---|---|---\n\
         {HASH} | 1 | 2026-11-21T02:00:00Z\n{HASH} | 2 | 2026-11-21T03:00:00Z\n{HASH} | 3\n"
    );
    let found = entries(&text);
    let ports: Vec<_> =
        found.iter().map(|entry| entry.content.as_ref().ok().and_then(|claim| claim.who.port)).collect();
    assert_eq!(ports, [Some(1), Some(2), None]);
}

#[test]
fn bytes_that_are_no_utf_8_are_guessed_and_said_to_be() {
    let mut bytes = format!("ip;time;hash;title\n192.0.2.1;2026-11-21T02:00:00Z;{HASH};").into_bytes();
    bytes.extend(b"Pr\xfcfung\n");
    let found = entries_of(&bytes);
    assert_eq!(found[0].flags, [NoticeFlag::GuessedEncoding]);
    assert_eq!(found[0].content.as_ref().expect("a claim").what.title.as_deref(), Some("Prüfung"));
    assert_eq!(entries_of(b"PK\x03\x04rest")[0].content.as_ref().expect_err("refused").why, Refusal::Packed);
}

#[test]
fn hostile_mails_are_bounded() {
    let nested = |depth: usize| {
        let mut text = "From: a@b.example\nMIME-Version: 1.0\n".to_owned();
        for _ in 0..depth {
            text.push_str("Content-Type: message/rfc822\n\nFrom: a@b.example\nMIME-Version: 1.0\n");
        }
        text + "Content-Type: text/plain\n\nx\n"
    };
    assert_eq!(refusals(&nested(40)), [Refusal::MimeTooDeep]);
    assert_eq!(refusals(&nested(2_000)), [Refusal::MimeLimit]);
    let parts: Vec<(&str, &str)> = vec![("text/plain", "x"); 1_500];
    assert_eq!(refusals(&mail(&parts)), [Refusal::MimeLimit]);
    let head = format!("From: a@b.example\nMIME-Version: 1.0\nX: {}\n\nx\n", "y".repeat(2 << 20));
    assert_eq!(refusals(&head), [Refusal::MimeLimit]);
}

#[test]
fn an_armour_between_characters_of_several_bytes_is_undone() {
    let text = "é€—-----BEGIN PGP SIGNED MESSAGE-----€\n\nÜber\n-----BEGIN PGP SIGNATURE-----é\n-----END PGP SIGNATURE-----€";
    assert_eq!(refusals(text), [Refusal::NoFields]);
}

#[test]
fn an_info_hash_under_the_label_of_another_kind_of_hash_is_that_info_hash_or_none_at_all() {
    let base32 = data_encoding::BASE32_NOPAD.encode(&[0x5a; 20]);
    let hex = |bytes: usize| "5a".repeat(bytes);
    for label in ["MD5", "ED2K", "TTH"] {
        for text in [hex(20), hex(32), format!("1220{}", hex(32)), base32.clone()] {
            let notice = format!("IP: 192.0.2.1\nPort: 1\nTime: 2026-11-21T02:00:00Z\n{label}: {text}\n");
            let entry = || entries(&notice).remove(0);
            let known = entry().settled(|hash| hash.iter().all(|byte| *byte == 0x5a));
            let claim = known.content.expect("a claim");
            assert!(claim.what.hashes[0].kind.is_info(), "{label} {text}: {claim:?}");
            let unknown = entry().settled(|_| false);
            assert_eq!(unknown.content.map_err(|refused| refused.why), Err(Refusal::BadHash), "{label} {text}");
        }
    }
    let md5 = entries(&format!("IP: 192.0.2.1\nPort: 1\nTime: 2026-11-21T02:00:00Z\nMD5: {}\n", hex(16)));
    let claim = md5[0].clone().settled(|_| false).content.expect("a claim");
    assert_eq!(claim.what.hashes[0].kind, HashKind::Md5);
}
