//! The decision table, line by line: these transfers, this claim, this verdict for this reason.

use super::*;
use crate::audit::claim::{ActBasis, Hash, HashKind, Precision, Who, Work};
use crate::audit::examined::{Host, Mention, Session, Torrent, Unit, Unread};
use crate::audit::terms::Covers;
use crate::ends::Endpoint;
use crate::ends::{At, FrameId, Span, Timestamp};

const S: i64 = 1_000_000_000;
/// The stated time.
const T: i64 = 1_000 * S;

fn end(last: u8, port: u16) -> Endpoint {
    Endpoint { ip: [192, 0, 2, last].into(), port }
}

fn span() -> Span {
    Span::single(At { time: Timestamp(0), frame: FrameId::new(0, 1) })
}

fn event(grade: Grade, time: i64) -> Event {
    Event { grade, time, span: span() }
}

/// A whole session of 192.0.2.1:6881 with 192.0.2.2, from 20 s before the stated time to 20 s behind it.
fn transfer(rungs: &[(Grade, i64)]) -> Transfer {
    let window = Window { from: T - 20 * S, to: T + 20 * S };
    Transfer {
        uploader: end(1, 6881),
        declared: Vec::new(),
        accepted: true,
        peer_ids: Vec::new(),
        downloader: end(2, 5000),
        downloader_declared: Vec::new(),
        carrier: Carrier::Tcp,
        torrent: Some(0),
        sessions: vec![Session { window, is_whole: true, is_confirmed: true }],
        rungs: rungs.iter().map(|(grade, time)| event(*grade, *time)).collect(),
        units: Vec::new(),
        served: Vec::new(),
        acknowledged: 0,
        asked: 0,
        refuted: 0,
        is_forgeable: false,
        is_trivial: false,
        obstacles: Vec::new(),
        window,
    }
}

fn served(mut transfer: Transfer, time: i64, sole: bool) -> Transfer {
    transfer.units.push(Unit {
        piece: 3,
        bytes: 16,
        time,
        span: span(),
        sole,
        asked: sole.then(|| (span(), span())),
    });
    transfer.served.push((Window { from: time, to: time }, 16));
    transfer.acknowledged = 16;
    transfer
}

fn examined(transfers: Vec<Transfer>) -> Examined {
    let seen = Some((100, Window { from: T - 60 * S, to: T + 60 * S }));
    let host = |last| Host { address: end(last, 0).ip, from: seen, to: seen, others: 3 };
    Examined {
        torrents: vec![Torrent {
            hashes: vec![vec![7; 20]],
            name: Some("work.bin".to_owned()),
            size: Some(400),
            files: vec![("work.bin".to_owned(), 400)],
            has_metadata: true,
        }],
        transfers,
        stretches: vec![Window { from: T - 60 * S, to: T + 60 * S }],
        hosts: vec![host(1), host(2)],
        ..Examined::default()
    }
}

fn claim(act: Act) -> Claim {
    let at = Window { from: T, to: T + S };
    let clock = jiff::Timestamp::from_nanosecond(i128::from(T))
        .expect("a time")
        .to_zoned(jiff::tz::TimeZone::UTC)
        .datetime();
    Claim {
        who: Who { address: end(1, 0).ip, port: Some(6881), transport: None, mapped: None },
        when: When {
            text: String::new(),
            precision: Precision::Second,
            zone: ZoneBasis::Stated,
            readings: vec![at],
            clock: vec![(clock, clock.checked_add(jiff::SignedDuration::from_secs(1)).expect("a time"))],
        },
        also: Vec::new(),
        what: Work { hashes: vec![Hash { kind: HashKind::InfoV1, value: vec![7; 20] }], ..Work::default() },
        acts: vec![act],
        act_basis: ActBasis::Field,
        words: String::new(),
        amount: None,
    }
}

fn answer(claim: &Claim, examined: &Examined) -> (Verdict, Vec<Reason>) {
    answer_under(claim, examined, &Terms::default())
}

fn answer_under(claim: &Claim, examined: &Examined, terms: &Terms) -> (Verdict, Vec<Reason>) {
    let judged = judge(claim, &Index::of(examined), terms);
    let first = judged.claim().expect("an act");
    (first.verdict, first.reasons.clone())
}

fn covered() -> Terms {
    Terms { covers: Covers::Stated(vec!["192.0.2.1".parse().expect("a prefix")]), ..Terms::default() }
}

#[test]
fn what_an_act_needs() {
    use Act::*;
    use Grade::*;
    use Verdict::*;
    for (act, grade, expected) in [
        (Joined, G3, (Supported, vec![])),
        (Joined, G2, (SupportedInPart, vec![Reason::OnlyReachable])),
        (Offered, G5, (Supported, vec![])),
        (Offered, G4, (SupportedInPart, vec![Reason::OnlyAdvertised])),
        (Uploaded, G6, (SupportedInPart, vec![Reason::Unverified])),
        (Uploaded, G5, (SupportedInPart, vec![Reason::OnlyAdvertised])),
        (Unknown, G3m, (SupportedInPart, vec![Reason::OnlyMetadata])),
        (Uploaded, G3m, (NotDecidable, vec![Reason::VantageUnknown])),
    ] {
        let mut found = answer(&claim(act), &examined(vec![transfer(&[(grade, T)])]));
        found.1.retain(|reason| *reason != Reason::WholeSessionWithoutPiece);
        assert_eq!(found, expected, "{act:?} {grade:?}");
    }
    let part = examined(vec![served(transfer(&[]), T, false)]);
    assert_eq!(answer(&claim(Uploaded), &part), (Supported, vec![]));
    let judged = judge(&claim(Uploaded), &Index::of(&part), &Terms::default());
    assert_eq!(judged.claim().map(|first| first.standard), Some(Standard::NotMet));
    let alone =
        judge(&claim(Uploaded), &Index::of(&examined(vec![served(transfer(&[]), T, true)])), &Terms::default());
    assert_eq!(alone.claim().map(|first| first.standard), Some(Standard::Met));
    let refuted = examined(vec![transfer(&[(G6, T), (GX, T)])]);
    assert_eq!(answer(&claim(Uploaded), &refuted), (SupportedInPart, vec![Reason::OnlyRefuted]));
}

#[test]
fn whoever_received_verified_bytes_downloaded() {
    let mut other = claim(Act::Downloaded);
    other.who.address = end(2, 0).ip;
    other.who.port = Some(5000);
    assert_eq!(answer(&other, &examined(vec![served(transfer(&[]), T, true)])), (Verdict::Supported, vec![]));
    assert_ne!(
        answer(&claim(Act::Downloaded), &examined(vec![served(transfer(&[]), T, true)])).0,
        Verdict::Supported
    );
}

#[test]
fn evidence_elsewhere_in_the_session_or_at_another_port_is_a_part() {
    let mut long = served(transfer(&[]), T - 100 * S, true);
    long.window.from = T - 120 * S;
    long.sessions[0].window.from = T - 120 * S;
    let found = answer(&claim(Act::Uploaded), &examined(vec![long]));
    assert_eq!(found, (Verdict::SupportedInPart, vec![Reason::OtherTimeInSession]));
    let mut port = served(transfer(&[]), T, true);
    port.uploader.port = 7000;
    assert_eq!(
        answer(&claim(Act::Uploaded), &examined(vec![port.clone()])),
        (Verdict::SupportedInPart, vec![Reason::OtherPort])
    );
    port.declared = vec![6881];
    assert_eq!(answer(&claim(Act::Uploaded), &examined(vec![port])), (Verdict::Supported, vec![]));
    let mut web = served(transfer(&[]), T, true);
    web.carrier = Carrier::Http;
    assert_eq!(
        answer(&claim(Act::Uploaded), &examined(vec![web])),
        (Verdict::SupportedInPart, vec![Reason::OtherProtocol])
    );
}

#[test]
fn another_stated_time_is_a_part() {
    let mut claim = claim(Act::Uploaded);
    let mut also = claim.when.clone();
    also.readings = vec![Window { from: T - 500 * S, to: T - 499 * S }];
    claim.also.push(also);
    let mut early = served(transfer(&[]), T - 500 * S, true);
    early.window = Window { from: T - 510 * S, to: T - 490 * S };
    early.sessions[0].window = early.window;
    assert_eq!(answer(&claim, &examined(vec![early])), (Verdict::SupportedInPart, vec![Reason::OtherStatedTime]));
}

/// An encrypted connection of the address, at the stated time.
fn unread() -> Unread {
    Unread {
        a: end(1, 9),
        b: end(3, 9),
        encrypted: true,
        window: Window { from: T, to: T },
        bytes: 5,
        frames: None,
        torrent: None,
        hiding: None,
    }
}

#[test]
fn what_cannot_be_read_leaves_it_open() {
    let mut all = examined(Vec::new());
    all.unread.push(unread());
    assert_eq!(
        answer_under(&claim(Act::Uploaded), &all, &covered()),
        (Verdict::NotDecidable, vec![Reason::Encrypted])
    );
    for (obstacle, reason) in [
        (Obstacle::OneSided, Reason::OneSided),
        (Obstacle::Gap, Reason::GapInRange),
        (Obstacle::Snaplen, Reason::TruncatedSnaplen),
        (Obstacle::Overlap, Reason::OverlapConflict),
    ] {
        let mut hidden = transfer(&[(Grade::G3, T)]);
        hidden.obstacles.push(obstacle);
        let found = answer_under(&claim(Act::Uploaded), &examined(vec![hidden]), &covered());
        assert_eq!(found, (Verdict::NotDecidable, vec![reason]));
    }
}

#[test]
fn taking_part_at_another_time_is_told_with_the_distance_and_what_would_fit() {
    let mut early = served(transfer(&[(Grade::G3, T - 3_600 * S)]), T - 3_600 * S, true);
    early.window = Window { from: T - 3_700 * S, to: T - 3_600 * S };
    early.sessions[0].window = early.window;
    let judged = judge(&claim(Act::Uploaded), &Index::of(&examined(vec![early])), &covered());
    let first = judged.claim().expect("an act");
    assert_eq!((first.verdict, first.nearest), (Verdict::NotAtStatedTime, Some((T - 3_600 * S, 3_600 * S))));
    assert!(first.hints.iter().any(|hint| hint.to_string() == "+01:00"));
}

#[test]
fn without_packets_nothing_is_said() {
    let mut later = claim(Act::Uploaded);
    later.when.readings = vec![Window { from: T + 5_000 * S, to: T + 5_001 * S }];
    assert_eq!(answer(&later, &examined(Vec::new())), (Verdict::OutsideCapture, vec![Reason::TimeNotCovered]));
    let mut stranger = claim(Act::Uploaded);
    stranger.who.address = end(9, 0).ip;
    let mut all = examined(Vec::new());
    assert_eq!(answer(&stranger, &all), (Verdict::OutsideCapture, vec![Reason::AddressNeverSeen]));
    all.mentions.push(Mention {
        subject: end(9, 6881),
        torrent: Some(0),
        by: end(2, 1),
        via: "pex",
        grade: "G0",
        count: 1,
        window: Window { from: T, to: T },
        frames: span().into(),
    });
    assert_eq!(answer(&stranger, &all), (Verdict::OutsideCapture, vec![Reason::OnlyNamed]));
    let named = Claim { acts: vec![Act::Named], ..stranger };
    assert_eq!(answer(&named, &all), (Verdict::Supported, vec![]));
}

#[test]
fn a_contradiction_needs_the_whole_session_or_the_whole_window() {
    let session = examined(vec![transfer(&[(Grade::G3, T)])]);
    let open = vec![Reason::VantageUnknown, Reason::WholeSessionWithoutPiece];
    assert_eq!(answer(&claim(Act::Uploaded), &session), (Verdict::NotDecidable, open));
    let found = answer_under(&claim(Act::Uploaded), &session, &covered());
    assert_eq!(found, (Verdict::Contradicted, vec![Reason::SessionShowsOtherwise]));
    let empty = examined(Vec::new());
    let found = answer_under(&claim(Act::Uploaded), &empty, &covered());
    assert_eq!(found, (Verdict::Contradicted, vec![Reason::NoTrace]));

    let mut half = transfer(&[(Grade::G3, T)]);
    half.sessions[0].is_whole = false;
    let found = answer_under(&claim(Act::Uploaded), &examined(vec![half]), &covered());
    assert_eq!(found.0, Verdict::NotDecidable);
    let mut short = examined(Vec::new());
    short.stretches = vec![Window { from: T - 10 * S, to: T + 10 * S }];
    let found = answer_under(&claim(Act::Uploaded), &short, &covered());
    assert_eq!(found, (Verdict::NotDecidable, vec![Reason::WindowPartlyCovered]));
    let close = Terms { tolerance: 5 * S, ..covered() };
    assert_eq!(answer_under(&claim(Act::Uploaded), &short, &close), (Verdict::Contradicted, vec![Reason::NoTrace]));
    let mut dropped = examined(Vec::new());
    dropped.drops = Some(1);
    assert_eq!(answer_under(&claim(Act::Uploaded), &dropped, &covered()).0, Verdict::NotDecidable);
    let mut unknown = examined(Vec::new());
    unknown.unread.push(Unread { a: end(1, 6881), encrypted: false, ..unread() });
    assert_eq!(answer_under(&claim(Act::Uploaded), &unknown, &covered()).0, Verdict::NotDecidable);
    assert_eq!(answer_under(&claim(Act::Named), &empty, &covered()).0, Verdict::NotDecidable);
}

#[test]
fn nothing_is_contradicted_over_a_connection_that_could_have_been_of_the_torrent() {
    let mut nameless = transfer(&[(Grade::G6, T)]);
    nameless.torrent = None;
    let found = answer_under(&claim(Act::Uploaded), &examined(vec![nameless]), &covered());
    assert_eq!(found, (Verdict::NotDecidable, vec![Reason::GapInRange]));
    let flow = |port, at, hiding| Unread {
        a: end(1, port),
        encrypted: false,
        window: Window { from: at, to: at },
        bytes: 0,
        hiding: Some(hiding),
        ..unread()
    };
    for (hiding, reason) in [
        (Hiding::Begun, Reason::GapInRange),
        (Hiding::Gap, Reason::GapInRange),
        (Hiding::Unseen, Reason::GapInRange),
        (Hiding::Cut, Reason::TruncatedSnaplen),
    ] {
        for port in [6881, 5_000] {
            let mut all = examined(Vec::new());
            all.unread.push(flow(port, T, hiding));
            let found = answer_under(&claim(Act::Uploaded), &all, &covered());
            assert_eq!(found, (Verdict::NotDecidable, vec![reason]), "{hiding:?} {port}");
        }
    }
    let mut later = examined(Vec::new());
    later.unread.push(flow(5_000, T + 55 * S, Hiding::Begun));
    assert_eq!(answer_under(&claim(Act::Uploaded), &later, &covered()).0, Verdict::Contradicted);
    let torn = Examined { is_torn: true, ..examined(Vec::new()) };
    let found = answer_under(&claim(Act::Uploaded), &torn, &covered());
    assert_eq!(found, (Verdict::NotDecidable, vec![Reason::GapInRange]));
}

#[test]
fn tls_that_names_a_torrent_is_a_bar_to_what_is_said_of_that_one() {
    for (torrent, expected) in [
        (Some(0), (Verdict::NotDecidable, vec![Reason::Encrypted])),
        (Some(usize::MAX), (Verdict::Contradicted, vec![Reason::NoTrace])),
    ] {
        let mut all = examined(Vec::new());
        all.unread.push(Unread { torrent, ..unread() });
        assert_eq!(answer_under(&claim(Act::Uploaded), &all, &covered()), expected);
    }
}

#[test]
fn two_ports_that_accept_connections_at_one_time_as_two_peers_are_two_clients() {
    let of = |port, peer: u8| {
        let mut one = served(transfer(&[(Grade::G3, T)]), T, true);
        (one.uploader.port, one.peer_ids) = (port, vec![[peer; 20]]);
        one
    };
    let mut without = claim(Act::Uploaded);
    without.who.port = None;
    let in_part = (Verdict::SupportedInPart, vec![Reason::SeveralClients]);
    assert_eq!(answer(&without, &examined(vec![of(6881, 1), of(7001, 2)])), in_part);
    let supported = (Verdict::Supported, vec![]);
    assert_eq!(answer(&without, &examined(vec![of(6881, 1), of(7001, 1)])), supported, "one peer");
    let mut called = of(7001, 2);
    called.accepted = false;
    assert_eq!(answer(&without, &examined(vec![of(6881, 1), called])), supported, "it called from any port");
}

#[test]
fn coverage_is_inferred_only_for_an_end_of_every_packet() {
    let mut own = examined(Vec::new());
    own.central = vec![end(1, 0).ip];
    assert_eq!(answer(&claim(Act::Uploaded), &own), (Verdict::Contradicted, vec![Reason::NoTrace]));
    let nobody = Terms { covers: Covers::Nobody, ..Terms::default() };
    assert_eq!(answer_under(&claim(Act::Uploaded), &own, &nobody).0, Verdict::NotDecidable);
    own.hosts[0].others = 1;
    assert_eq!(answer(&claim(Act::Uploaded), &own).0, Verdict::NotDecidable);
}

#[test]
fn hashes_that_may_be_of_a_file_contradict_nothing() {
    let mut either = claim(Act::Uploaded);
    either.what.hashes = vec![Hash { kind: HashKind::Either, value: vec![9; 20] }];
    let found = answer_under(&either, &examined(Vec::new()), &covered());
    assert_eq!(found, (Verdict::NotDecidable, vec![Reason::HashKindAmbiguous]));
    either.what.size = Some(401);
    assert_eq!(answer_under(&either, &examined(Vec::new()), &covered()).0, Verdict::Contradicted);
    let mut title = claim(Act::Uploaded);
    title.what =
        Work { title: Some("x".to_owned()), file: Some("work.bin".to_owned()), size: Some(400), ..Work::default() };
    let all = examined(vec![served(transfer(&[]), T, true)]);
    assert_eq!(answer(&title, &all), (Verdict::SupportedInPart, vec![Reason::TitleOnly]));
    title.what.size = None;
    assert_eq!(answer(&title, &all).1.first(), Some(&Reason::NoHash));
}

#[test]
fn an_address_with_several_clients_needs_a_port() {
    let mut other = served(transfer(&[(Grade::G3, T)]), T, true);
    (other.uploader.port, other.declared) = (7000, vec![7000]);
    let mut own = served(transfer(&[(Grade::G3, T)]), T, true);
    own.declared = vec![6881];
    let both = examined(vec![own.clone(), other]);
    let mut bare = claim(Act::Uploaded);
    bare.who.port = None;
    assert_eq!(answer(&bare, &both), (Verdict::SupportedInPart, vec![Reason::SeveralClients]));
    assert_eq!(answer(&claim(Act::Uploaded), &both), (Verdict::Supported, vec![]));
    let one = judge(&bare, &Index::of(&examined(vec![own])), &Terms::default());
    assert_eq!(one.claim().map(|first| first.verdict), Some(Verdict::Supported));
    assert!(one.flags.contains(&Flag::NoPort));
}

#[test]
fn an_inside_address_contradicts_only_with_a_port() {
    let mut public = claim(Act::Uploaded);
    public.who.address = [203, 0, 113, 9].into();
    let alias = Terms { aliases: vec!["203.0.113.9=192.0.2.1".parse().expect("an alias")], ..covered() };
    let session = examined(vec![transfer(&[(Grade::G3, T)])]);
    assert_eq!(answer_under(&public, &session, &alias).0, Verdict::Contradicted);
    public.who.port = None;
    assert_eq!(answer_under(&public, &session, &alias), (Verdict::OutsideCapture, vec![Reason::BehindTranslation]));
}

#[test]
fn two_readings_of_a_time_must_agree() {
    let mut two = claim(Act::Uploaded);
    two.when.readings.push(Window { from: T + 9_000 * S, to: T + 9_001 * S });
    let all = examined(vec![served(transfer(&[(Grade::G3, T)]), T, true)]);
    assert_eq!(answer(&two, &all), (Verdict::NotDecidable, vec![Reason::AmbiguousTime]));
    two.when.zone = ZoneBasis::None;
    two.when.readings.clear();
    let judged = judge(&two, &Index::of(&all), &Terms::default());
    let first = judged.claim().expect("an act");
    assert_eq!(first.reasons, [Reason::NoZone]);
    assert!(first.hints.iter().any(|hint| hint.to_string() == "+00:00"));
}

/// The transfer with its connection, in which nothing shows that its uploader received anything.
fn forged(mut transfer: Transfer) -> Transfer {
    transfer.is_forgeable = true;
    transfer.sessions[0].is_confirmed = false;
    transfer
}

#[test]
fn what_anybody_may_have_sent_supports_a_part_at_most() {
    use Verdict::*;
    let caught = Reason::ReturnPathUnconfirmed;
    for (all, act, expected) in [
        (forged(served(transfer(&[]), T, true)), Act::Uploaded, vec![caught]),
        (forged(transfer(&[(Grade::G3, T)])), Act::Joined, vec![caught]),
        (forged(transfer(&[(Grade::G2, T)])), Act::Joined, vec![Reason::OnlyReachable, caught]),
        (
            forged(transfer(&[(Grade::G4, T)])),
            Act::Uploaded,
            vec![Reason::OnlyAdvertised, Reason::WholeSessionWithoutPiece, caught],
        ),
    ] {
        let judged = judge(&claim(act), &Index::of(&examined(vec![all])), &covered());
        let first = judged.claim().expect("an act");
        assert_eq!((first.verdict, &first.reasons), (SupportedInPart, &expected), "{act:?}");
        assert!(judged.flags.contains(&Flag::ReturnPathUnconfirmed) && first.standard != Standard::Met);
    }
    // At another port, and at another time.
    let mut port = forged(served(transfer(&[]), T, true));
    port.uploader.port = 7000;
    let found = answer(&claim(Act::Uploaded), &examined(vec![port]));
    assert_eq!(found, (SupportedInPart, vec![Reason::OtherPort, caught]));
    let mut early = forged(served(transfer(&[]), T - 3_600 * S, true));
    early.window = Window { from: T - 3_700 * S, to: T - 3_600 * S };
    early.sessions[0].window = early.window;
    assert_eq!(answer(&claim(Act::Uploaded), &examined(vec![early])), (NotAtStatedTime, vec![caught]));
}

#[test]
fn a_confirmed_connection_beside_a_forged_one_supports_the_claim() {
    let mut both = forged(served(transfer(&[]), T, true));
    both.sessions.push(Session { is_confirmed: true, ..both.sessions[0] });
    assert_eq!(answer(&claim(Act::Uploaded), &examined(vec![both.clone()])), (Verdict::Supported, vec![]));
    // Not one of another time.
    both.sessions[1].window = Window { from: T + S, to: T + 2 * S };
    let found = answer(&claim(Act::Uploaded), &examined(vec![both]));
    assert_eq!(found, (Verdict::SupportedInPart, vec![Reason::ReturnPathUnconfirmed]));
    let apart = [forged(served(transfer(&[]), T, true)), served(transfer(&[]), T, true)];
    assert_eq!(answer(&claim(Act::Uploaded), &examined(apart.to_vec())), (Verdict::Supported, vec![]));
}

#[test]
fn whoever_is_not_shown_to_have_received_anything_downloaded_a_part_at_most() {
    let mut other = claim(Act::Downloaded);
    other.who.address = end(2, 0).ip;
    other.who.port = Some(5000);
    let mut back = forged(transfer(&[]));
    (back.uploader, back.downloader) = (end(2, 5000), end(1, 6881));
    let all = examined(vec![served(transfer(&[]), T, true), back]);
    assert_eq!(answer(&other, &all), (Verdict::SupportedInPart, vec![Reason::ReturnPathUnconfirmed]));
}

mod acts;
