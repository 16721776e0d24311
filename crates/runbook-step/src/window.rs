//! Maintenance windows in a named time zone: open or closed at a given moment, also where clocks are changed.

use jiff::civil::{DateTime, Time, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, ToSpan};
use runbook_model::{Failure, Window};

/// What a window is at one moment. Moments are milliseconds since 1970-01-01 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowState {
    /// It is open.
    Open {
        /// The first moment at which it is closed again.
        until_ms: i64,
    },
    /// It is closed.
    Closed {
        /// The moment at which it opens next.
        opens_ms: i64,
    },
}

/// Whether `window` is open at `now_ms`.
///
/// The window opens on its days at `from` by the clock of its zone and closes at the next `to`. When clocks go forward
/// over one of these times, the moment of the change counts; when they go back over it, its first occurrence does.
/// Windows that meet, such as whole days in a row, are one.
///
/// # Errors
/// This host does not know the zone, a day is not `mon` to `sun`, or the window never opens within two weeks.
pub fn window_state(window: &Window, now_ms: i64) -> Result<WindowState, Failure> {
    let unusable = |why: String| Failure::refused(format!("the maintenance window cannot be used: {why}"));
    let zone =
        TimeZone::get(&window.zone).map_err(|_| unusable(format!("this host knows no time zone `{}`", window.zone)))?;
    let days = weekdays(window).map_err(unusable)?;
    let now = Timestamp::from_millisecond(now_ms).map_err(|error| unusable(error.to_string()))?;
    let mut open: Option<(Timestamp, Timestamp)> = None;
    for offset in -2..=15 {
        let date = now.to_zoned(zone.clone()).date().checked_add(offset.days());
        let date = date.map_err(|error| unusable(error.to_string()))?;
        if !days.is_empty() && !days.contains(&date.weekday()) {
            continue;
        }
        let last_day = if window.to <= window.from { date.saturating_add(1.day()) } else { date };
        let begin = moment(&zone, date.to_datetime(time_of_day(window.from)));
        let end = moment(&zone, last_day.to_datetime(time_of_day(window.to)));
        let (Some(begin), Some(end)) = (begin, end) else { continue };
        match &mut open {
            Some((_, until)) if begin <= *until => *until = end.max(*until),
            Some((_, until)) if *until > now => break,
            _ if begin < end => open = Some((begin, end)),
            _ => {}
        }
    }
    match open {
        Some((begin, end)) if begin <= now && now < end => Ok(WindowState::Open { until_ms: end.as_millisecond() }),
        Some((begin, _)) if begin > now => Ok(WindowState::Closed { opens_ms: begin.as_millisecond() }),
        _ => Err(unusable("it does not open within the next two weeks".to_owned())),
    }
}

/// Whether this host knows a time zone of that name.
pub fn is_zone(name: &str) -> bool {
    TimeZone::get(name).is_ok()
}

/// `Sat 2026-03-28 02:00 CET`, by the clock of `window`; the number itself where the zone is not known.
pub fn local_time(window: &Window, moment_ms: i64) -> String {
    let zoned = TimeZone::get(&window.zone)
        .and_then(|zone| Timestamp::from_millisecond(moment_ms).map(|moment| moment.to_zoned(zone)));
    zoned.map_or_else(|_| moment_ms.to_string(), |zoned| zoned.strftime("%a %F %H:%M %Z").to_string())
}

/// The days of the week on which `window` opens; what is wrong with them.
fn weekdays(window: &Window) -> Result<Vec<Weekday>, String> {
    let weekday = |name: &String| match name.as_str() {
        "mon" => Ok(Weekday::Monday),
        "tue" => Ok(Weekday::Tuesday),
        "wed" => Ok(Weekday::Wednesday),
        "thu" => Ok(Weekday::Thursday),
        "fri" => Ok(Weekday::Friday),
        "sat" => Ok(Weekday::Saturday),
        "sun" => Ok(Weekday::Sunday),
        other => Err(format!("`{other}` is not a day; days are mon, tue, wed, thu, fri, sat, sun")),
    };
    window.days.iter().map(weekday).collect()
}

/// Minutes from midnight as a time of day.
fn time_of_day(minutes: u16) -> Time {
    let part = |number: u16| i8::try_from(number).unwrap_or_default();
    Time::new(part(minutes / 60 % 24), part(minutes % 60), 0, 0).unwrap_or(Time::midnight())
}

/// The moment at which clocks in `zone` first show `time` or later on that day.
fn moment(zone: &TimeZone, time: DateTime) -> Option<Timestamp> {
    let ambiguous = zone.to_ambiguous_timestamp(time);
    match ambiguous.offset() {
        AmbiguousOffset::Gap { after, .. } => {
            let just_before = after.to_timestamp(time).ok()?;
            zone.following(just_before).next().map(|change| change.timestamp())
        }
        AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => ambiguous.earlier().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    fn window(days: &[&str], from: u16, to: u16) -> Window {
        Window {
            zone: "Europe/Madrid".to_owned(),
            zone_span: runbook_model::Span::default(),
            days: days.iter().map(|day| (*day).to_owned()).collect(),
            from,
            to,
        }
    }

    /// Each row: days, from and to in hours and minutes, now, then `open until` or `closed until` that moment.
    #[test]
    fn windows_around_changes_of_the_clock() {
        let weekend: &[&str] = &["sat", "sun"];
        let all: &[&str] = &[];
        type Row<'a> = (&'a [&'a str], (u16, u16), (u16, u16), &'a str, &'a str);
        let rows: &[Row<'_>] = &[
            // An ordinary weekend in winter (UTC+1) and summer (UTC+2).
            (weekend, (2, 0), (5, 0), "2026-01-10T00:59:59Z", "closed 2026-01-10T01:00:00Z"),
            (weekend, (2, 0), (5, 0), "2026-01-10T01:00:00Z", "open 2026-01-10T04:00:00Z"),
            (weekend, (2, 0), (5, 0), "2026-01-10T04:00:00Z", "closed 2026-01-11T01:00:00Z"),
            (weekend, (2, 0), (5, 0), "2026-01-12T02:00:00Z", "closed 2026-01-17T01:00:00Z"),
            (weekend, (2, 0), (5, 0), "2026-07-04T00:30:00Z", "open 2026-07-04T03:00:00Z"),
            // 2026-03-29: 02:00 CET becomes 03:00 CEST. The window lasts two hours that night.
            (weekend, (2, 0), (5, 0), "2026-03-29T00:59:59Z", "closed 2026-03-29T01:00:00Z"),
            (weekend, (2, 0), (5, 0), "2026-03-29T01:00:00Z", "open 2026-03-29T03:00:00Z"),
            // 02:30 does not exist then: it opens, or closes, at the change.
            (all, (2, 30), (5, 0), "2026-03-29T01:00:00Z", "open 2026-03-29T03:00:00Z"),
            (all, (1, 0), (2, 30), "2026-03-29T00:59:59Z", "open 2026-03-29T01:00:00Z"),
            (all, (2, 15), (2, 45), "2026-03-29T01:00:00Z", "closed 2026-03-30T00:15:00Z"),
            // 2026-10-25: 03:00 CEST becomes 02:00 CET. The window lasts four hours.
            (weekend, (2, 0), (5, 0), "2026-10-25T00:00:00Z", "open 2026-10-25T04:00:00Z"),
            (weekend, (2, 0), (5, 0), "2026-10-25T01:30:00Z", "open 2026-10-25T04:00:00Z"),
            // It closes at the first 02:30, and does not open again at the second 02:00.
            (all, (1, 0), (2, 30), "2026-10-25T00:29:59Z", "open 2026-10-25T00:30:00Z"),
            (all, (1, 0), (2, 30), "2026-10-25T01:10:00Z", "closed 2026-10-26T00:00:00Z"),
            // Over midnight: the day is that of the opening.
            (&["fri"], (23, 0), (2, 0), "2026-01-09T21:59:00Z", "closed 2026-01-09T22:00:00Z"),
            (&["fri"], (23, 0), (2, 0), "2026-01-10T00:59:00Z", "open 2026-01-10T01:00:00Z"),
            (&["fri"], (23, 0), (2, 0), "2026-01-10T23:30:00Z", "closed 2026-01-16T22:00:00Z"),
            // Over midnight and over the change.
            (&["sat"], (22, 0), (4, 0), "2026-03-28T23:00:00Z", "open 2026-03-29T02:00:00Z"),
            (&["sat"], (22, 0), (4, 0), "2026-10-25T02:00:00Z", "open 2026-10-25T03:00:00Z"),
            // Whole days in a row are one window.
            (weekend, (0, 0), (0, 0), "2026-01-10T12:00:00Z", "open 2026-01-11T23:00:00Z"),
        ];
        for (days, from, to, now, wanted) in rows {
            let window = window(days, from.0 * 60 + from.1, to.0 * 60 + to.1);
            let state = window_state(&window, at(now)).unwrap();
            let told = match state {
                WindowState::Open { until_ms } => format!("open {}", Timestamp::from_millisecond(until_ms).unwrap()),
                WindowState::Closed { opens_ms } => {
                    format!("closed {}", Timestamp::from_millisecond(opens_ms).unwrap())
                }
            };
            assert_eq!(told, *wanted, "{days:?} {from:?} {to:?} at {now}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        let unknown = Window { zone: "Europe/Madrit".to_owned(), ..window(&[], 0, 60) };
        assert!(window_state(&unknown, 0).unwrap_err().message.contains("Europe/Madrit"));
        assert!(window_state(&window(&["sunday"], 0, 60), 0).unwrap_err().message.contains("`sunday`"));
        assert!(window_state(&window(&[], 0, 60), i64::MAX).is_err());
    }

    #[test]
    fn moments_are_told_in_the_zone() {
        assert_eq!(local_time(&window(&[], 0, 0), at("2026-03-28T01:00:00Z")), "Sat 2026-03-28 02:00 CET");
        assert_eq!(local_time(&window(&[], 0, 0), at("2026-03-29T01:00:00Z")), "Sun 2026-03-29 03:00 CEST");
    }

    proptest! {
        #![proptest_config(test_rules::cases(256))]

        /// What the state says about its next change is true: just before it nothing has changed, at it all has.
        #[test]
        fn the_next_change_is_the_next_change(
            now in 1_750_000_000_000i64..1_850_000_000_000,
            from in 0u16..1440,
            to in 0u16..1440,
            day in 0usize..7,
        ) {
            let names = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
            let window = window(&names[day..=day], from, to);
            match window_state(&window, now).unwrap() {
                WindowState::Open { until_ms } => {
                    prop_assert!(until_ms > now);
                    prop_assert_eq!(window_state(&window, until_ms - 1).unwrap(), WindowState::Open { until_ms });
                    let then = window_state(&window, until_ms).unwrap();
                    prop_assert!(matches!(then, WindowState::Closed { .. }), "{:?}", then);
                }
                WindowState::Closed { opens_ms } => {
                    prop_assert!(opens_ms > now);
                    prop_assert_eq!(window_state(&window, opens_ms - 1).unwrap(), WindowState::Closed { opens_ms });
                    let then = window_state(&window, opens_ms).unwrap();
                    prop_assert!(matches!(then, WindowState::Open { .. }), "{:?}", then);
                }
            }
        }
    }
}
