//! Other readings of a stated time that would fit (notices.md, section 2.7): possibilities, and no finding.

use jiff::SignedDuration;
use jiff::civil::{Date, DateTime};
use jiff::tz::Offset;

use super::claim::{When, Window};
use super::terms::Terms;
use super::verdict::Hint;

/// The readings of the clock of `when` that put the evidence into the window, whole hours first.
pub(super) fn hints(when: &When, terms: &Terms, fits: &dyn Fn(Window) -> bool) -> Vec<Hint> {
    let mut out = Vec::new();
    let mut offsets: Vec<i32> = (-48..=56).map(|quarters| quarters * 900).collect();
    offsets.sort_by_key(|seconds| (seconds % 3_600 != 0, *seconds));
    let own: Vec<Window> = when.readings.clone();
    for seconds in offsets {
        let Ok(offset) = Offset::from_seconds(seconds) else { continue };
        let windows = when.clock.iter().filter_map(|(from, to)| at(offset, *from, *to));
        if windows.into_iter().any(|window| !own.contains(&window) && fits(terms.widen(window))) {
            out.push(Hint::Offset(seconds));
        }
    }
    let late = SignedDuration::from_hours(12);
    let half_day = own.iter().filter_map(|window| {
        let twelve = i64::try_from(late.as_nanos()).ok()?;
        Some(Window { from: window.from.checked_add(twelve)?, to: window.to.checked_add(twelve)? })
    });
    if half_day.into_iter().any(|window| fits(terms.widen(window))) {
        out.push(Hint::TwelveHour);
    }
    let exchanged = own.iter().zip(&when.clock).filter_map(|(window, (from, to))| {
        let swapped = (swap(*from)?, swap(*to).or_else(|| swap(*from))?);
        // The zone is that of the reading: what lies between the clock and the instant.
        let shift = at(Offset::UTC, *from, *to)?.from.checked_sub(window.from)?;
        let moved = at(Offset::UTC, swapped.0, swapped.1)?;
        Some(Window {
            from: moved.from.checked_sub(shift)?,
            to: moved.from.checked_sub(shift)? + (window.to - window.from),
        })
    });
    if exchanged.into_iter().any(|window| fits(terms.widen(window))) {
        out.push(Hint::DayMonth);
    }
    out
}

fn at(offset: Offset, from: DateTime, to: DateTime) -> Option<Window> {
    let nanos = |clock: DateTime| i64::try_from(offset.to_timestamp(clock).ok()?.as_nanosecond()).ok();
    Some(Window { from: nanos(from)?, to: nanos(to)? })
}

fn swap(clock: DateTime) -> Option<DateTime> {
    let date = Date::new(clock.year(), clock.day(), clock.month()).ok().filter(|_| clock.day() <= 12)?;
    (clock.day() != clock.month()).then(|| date.to_datetime(clock.time()))
}
