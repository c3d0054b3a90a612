//! Acts in their own direction: what was received is of the download, and of the stated time.

use super::*;
use crate::audit::claim::Transport;

/// A claim that 192.0.2.2:5000, which received in [`transfer`], downloaded.
fn downloading() -> Claim {
    let mut claim = claim(Act::Downloaded);
    (claim.who.address, claim.who.port) = (end(2, 0).ip, Some(5000));
    claim
}

#[test]
fn a_download_at_another_time_supports_nothing_at_the_stated_one() {
    let mut early = served(transfer(&[(Grade::G3, T - 3_600 * S)]), T - 3_600 * S, true);
    early.window = Window { from: T - 3_700 * S, to: T - 3_600 * S };
    early.sessions[0].window = early.window;
    let judged = judge(&downloading(), &Index::of(&examined(vec![early.clone()])), &covered());
    let first = judged.claim().expect("an act");
    assert_eq!((first.verdict, first.nearest), (Verdict::NotAtStatedTime, Some((T - 3_600 * S, 3_600 * S))));
    let mut anywhere = downloading();
    anywhere.who.port = None;
    assert_eq!(answer(&anywhere, &examined(vec![early])).0, Verdict::NotAtStatedTime);
    // Bytes that are not shown to be the torrent's, then.
    let mut labelled = transfer(&[(Grade::G6, T)]);
    labelled.served.push((Window { from: T, to: T }, 16));
    assert_eq!(
        answer(&downloading(), &examined(vec![labelled])),
        (Verdict::SupportedInPart, vec![Reason::Unverified])
    );
}

#[test]
fn times_frames_and_ports_of_a_download_are_those_of_what_was_received() {
    let mut back = transfer(&[(Grade::G4, T - 10 * S)]);
    (back.uploader, back.downloader) = (end(2, 5000), end(1, 6881));
    let judged =
        judge(&downloading(), &Index::of(&examined(vec![served(transfer(&[]), T, true), back])), &covered());
    let found = &judged.claim().expect("an act").within;
    assert_eq!((found.received, found.sent_to, &found.ports), (16, 16, &vec![5000]));
    assert_eq!(found.window.map(|window| window.to), Some(T));
}

#[test]
fn a_web_server_is_seen_at_every_port_and_contradicted_at_none() {
    let web = |time| {
        let mut web = served(transfer(&[]), time, true);
        web.carrier = Carrier::Http;
        web.uploader.port = 8080;
        web.window = Window { from: time, to: time };
        web.sessions[0].window = web.window;
        web
    };
    let found = answer_under(&claim(Act::Uploaded), &examined(vec![web(T)]), &covered());
    assert_eq!(found, (Verdict::SupportedInPart, vec![Reason::OtherProtocol, Reason::OtherPort]));
    let close = Terms { tolerance: S, ..covered() };
    let found = answer_under(&claim(Act::Uploaded), &examined(vec![web(T + 20 * S)]), &close);
    assert_eq!(found.0, Verdict::NotAtStatedTime);
    let found = answer_under(&downloading(), &examined(vec![web(T)]), &Terms::default());
    assert_eq!(found, (Verdict::SupportedInPart, vec![Reason::OtherProtocol]));
}

#[test]
fn who_is_in_a_connection_over_the_stated_time_is_not_in_the_torrent_at_another_time_only() {
    let close = Terms { tolerance: S, ..covered() };
    // The handshake lies 15 s before, and no piece is sent in all of the connection.
    let silent = transfer(&[(Grade::G3, T - 15 * S)]);
    let found = answer_under(&claim(Act::Uploaded), &examined(vec![silent.clone()]), &close);
    assert_eq!(found, (Verdict::Contradicted, vec![Reason::SessionShowsOtherwise]));
    let unsure = Terms { tolerance: S, ..Terms::default() };
    let found = answer_under(&claim(Act::Uploaded), &examined(vec![silent]), &unsure);
    assert_eq!(found, (Verdict::NotDecidable, vec![Reason::VantageUnknown, Reason::WholeSessionWithoutPiece]));
    // What it said that it had it still has.
    let said = transfer(&[(Grade::G4, T - 15 * S)]);
    let found = answer_under(&claim(Act::Uploaded), &examined(vec![said]), &close);
    let expected = vec![Reason::OnlyAdvertised, Reason::OtherTimeInSession, Reason::WholeSessionWithoutPiece];
    assert_eq!(found, (Verdict::SupportedInPart, expected));
}

#[test]
fn refuted_bytes_of_another_time_are_no_flag_of_the_stated_one() {
    let mut early = transfer(&[(Grade::GX, T - 3_600 * S), (Grade::G3, T - 3_600 * S)]);
    early.refuted = 16;
    early.window = Window { from: T - 3_700 * S, to: T - 3_600 * S };
    early.sessions[0].window = early.window;
    let judged = judge(&claim(Act::Uploaded), &Index::of(&examined(vec![early])), &covered());
    assert!(!judged.flags.contains(&Flag::RefutedBytes));
    let mut then = transfer(&[(Grade::GX, T), (Grade::G6, T)]);
    then.refuted = 16;
    let judged = judge(&claim(Act::Uploaded), &Index::of(&examined(vec![then])), &covered());
    assert!(judged.flags.contains(&Flag::RefutedBytes));
    assert_eq!(judged.claim().map(|first| first.within.refuted_bytes.0), Some(16));
}

#[test]
fn another_transport_than_the_stated_one_is_told() {
    let all = examined(vec![served(transfer(&[]), T, true)]);
    for (stated, is_other) in [(Transport::Udp, true), (Transport::Tcp, false)] {
        let mut claim = claim(Act::Uploaded);
        claim.who.transport = Some(stated);
        let judged = judge(&claim, &Index::of(&all), &Terms::default());
        assert_eq!(judged.flags.contains(&Flag::OtherTransport), is_other, "{stated:?}");
    }
}
