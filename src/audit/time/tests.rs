use super::*;

fn readings(text: &str, zone: Option<&str>) -> Option<Vec<(String, i64)>> {
    let stated = Stated::parse(text, zone).ok()?;
    let placed = stated.to(&stated, None).ok()?;
    let shown = |window: &Window| {
        let from = Timestamp::from_nanosecond(i128::from(window.from)).expect("in range").to_string();
        (from, window.to - window.from)
    };
    Some(placed.readings.iter().map(shown).collect())
}

#[test]
fn times_are_read_as_people_and_programs_write_them() {
    const S: i64 = 1_000_000_000;
    let same = "2026-11-21T02:48:08Z";
    for (text, zone, from, unit) in [
        ("2026-11-21T02:48:08Z", None, same, S),
        ("2026-11-21T03:48:08+01:00", None, same, S),
        ("2026-11-21 03:48:08 +0100", None, same, S),
        ("2026-11-20T21:48:08-05:00", None, same, S),
        ("Sat, 21 Nov 2026 02:48:08 +0000 (UTC)", None, same, S),
        ("21 Nov 2026 02:48:08 GMT", None, same, S),
        ("21-Nov-2026 02:48:08 UTC", None, same, S),
        ("November 21, 2026 2:48:08 AM UTC", None, same, S),
        ("Sat Nov 21 02:48:08 UTC 2026", None, same, S),
        ("11/21/2026 02:48:08", Some("UTC"), same, S),
        ("21/11/2026 02:48:08", Some("UTC"), same, S),
        ("21.11.2026 03:48:08", Some("MEZ"), same, S),
        ("21.11.2026 03:48:08 Uhr", Some("Europe/Berlin"), same, S),
        ("11/20/2026 9:48:08 PM EST", None, same, S),
        ("2026-11-21T02-48-08UTC", None, same, S),
        ("2026-11-21 03:48:08 GMT+1", None, same, S),
        ("1795229288", None, same, S),
        ("1795229288000", None, same, S / 1_000),
        ("02:48:08 - 21 Nov 2026 UTC", None, same, S),
        ("2026-11-21T02:48:08Z[UTC]", None, same, S),
        ("2026-11-21T03:48:08+01:00[Europe/Berlin]", None, same, S),
        ("Sat Nov 21 2026 03:48:08 GMT+0100 (Central European Standard Time)", None, same, S),
        ("2026-11-21T02:48:08.250Z", None, "2026-11-21T02:48:08.25Z", S / 1_000),
        ("2026-11-21 02:48 UTC", None, "2026-11-21T02:48:00Z", 60 * S),
        ("2026-11-21 UTC", None, "2026-11-21T00:00:00Z", 86_400 * S),
        ("2026-12-31T23:59:60Z", None, "2027-01-01T00:00:00Z", S),
        ("12/21/2026 12:00:00 AM UTC", None, "2026-12-21T00:00:00Z", S),
    ] {
        assert_eq!(readings(text, zone), Some(vec![(from.to_owned(), unit)]), "{text}");
    }
}

#[test]
fn times_that_do_not_exist_are_refused() {
    for text in [
        "2026-02-30T00:00:00Z",
        "2026-11-21T24:30:00Z",
        "2026-11-21T02:48:61Z",
        "2026-11-21T25:00:00Z",
        "1989-01-01T00:00:00Z",
        "2101-01-01T00:00:00Z",
        "yesterday",
        "2026-11-21T13:00:00 PM UTC",
        "",
        "21.13.2026 UTC",
        "2026-03-29 02:30:00 Europe/Berlin",
        "２０２６-11-21T02:48:08Z",
        "2026-11-21 01:59:59 - 2026-11-21 03:00:05 UTC",
        "2026-11-21 01:59:59 UTC - 03:00:05 UTC",
        "2026-11-21 01:59:59 to 03:00:05 UTC",
        "2026-11-21 01:59:59 UTC / 2026-11-21 03:00:05 UTC",
        "2026-11-21 01:59:59 UTC until 03:10",
        "2026-11-21 01:59:59 UTC and 05:00:00",
        "2026-11-21 01:59:59 UTC (until 05:00:00)",
        "2026-11-21 01:59:59 GMT +0100",
        "2026-11-21 01:59:59 UTC 2026-11-22",
    ] {
        assert_eq!(readings(text, None).filter(|found| !found.is_empty()), None, "{text}");
    }
}

#[test]
fn what_is_ambiguous_has_two_readings_and_what_has_no_zone_none() {
    let two = readings("03/04/2026 12:00:00 UTC", None).expect("a time");
    assert_eq!(
        two.iter().map(|(from, _)| from.as_str()).collect::<Vec<_>>(),
        ["2026-03-04T12:00:00Z", "2026-04-03T12:00:00Z"]
    );
    let fold = readings("2026-10-25 02:30:00 Europe/Berlin", None).expect("a time");
    assert_eq!(
        fold.iter().map(|(from, _)| from.as_str()).collect::<Vec<_>>(),
        ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"]
    );
    assert_eq!(readings("2026-11-21 02:48:08", None), Some(Vec::new()));
    let letters = Stated::parse("2026-11-21 02:48:08 IST", None).expect("a time");
    assert!(matches!(letters.zone, Zone::None { ambiguous: true }));
    let end_before_start = Stated::parse("2026-11-21T02:00:00Z", None).expect("a time");
    let start = Stated::parse("2026-11-21T03:00:00Z", None).expect("a time");
    assert_eq!(start.to(&end_before_start, None), Err(Impossible));
}

#[test]
fn characters_of_several_bytes_in_a_time_are_no_panic() {
    for text in
        ["1T1é", "éT1", "1t€2T3", "2026-11-21T02-48-08é", "02-48-08é 21 Nov 2026", "٣T٣", "2026-11-21T02:48:08€"]
    {
        assert!(Stated::parse(text, None).is_err(), "{text}");
    }
}
