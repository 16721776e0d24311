//! Durations and times of day as people read them. Times are UTC: evidence from several hosts has to line up.

/// A duration for the right-hand column: `0.02s`, `12.3s`, `1m04s`, `2h05m`.
pub(crate) fn elapsed(ms: i64) -> String {
    let ms = ms.max(0);
    let seconds = ms / 1000;
    match seconds {
        0..10 => format!("{}.{:02}s", seconds, ms % 1000 / 10),
        10..60 => format!("{}.{}s", seconds, ms % 1000 / 100),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

/// A duration inside a sentence: `0.6 s`, `1 min 4 s`, `2 h 5 min`.
pub(crate) fn spoken(ms: u64) -> String {
    let seconds = ms / 1000;
    match seconds {
        0..60 => match (ms + 50) / 100 {
            0 if ms > 0 => "less than 0.1 s".to_owned(),
            tenths => format!("{}.{} s", tenths / 10, tenths % 10),
        },
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// `2026-04-25 05:27:03 UTC` for milliseconds since 1970.
pub fn stamp(ms: i64) -> String {
    let seconds = ms.div_euclid(1000);
    let (year, month, day) = civil(seconds.div_euclid(86_400));
    let of_day = seconds.rem_euclid(86_400);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02} UTC", of_day / 3600, of_day / 60 % 60, of_day % 60)
}

/// `2026-04-25 05:27 UTC` for milliseconds since 1970, where there is no room for more.
pub(crate) fn minute(ms: i64) -> String {
    let whole = stamp(ms);
    match whole.rsplit_once(':') {
        Some((to_the_minute, _)) => format!("{to_the_minute} UTC"),
        None => whole,
    }
}

/// `05:27:03` for milliseconds since 1970.
pub(crate) fn clock(ms: i64) -> String {
    let of_day = ms.div_euclid(1000).rem_euclid(86_400);
    format!("{:02}:{:02}:{:02}", of_day / 3600, of_day / 60 % 60, of_day % 60)
}

/// The Gregorian date of a day counted from 1970-01-01 (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well_at_every_size() {
        let sizes = [-5, 0, 19, 2010, 12_340, 64_000, 7_500_000];
        assert_eq!(sizes.map(elapsed), ["0.00s", "0.00s", "0.01s", "2.01s", "12.3s", "1m04s", "2h05m"]);
        let sizes = [0, 30, 600, 64_000, 7_500_000];
        assert_eq!(sizes.map(spoken), ["0.0 s", "less than 0.1 s", "0.6 s", "1 min 4 s", "2 h 5 min"]);
    }

    #[test]
    fn times_are_utc() {
        assert_eq!(stamp(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(stamp(1_777_094_823_000), "2026-04-25 05:27:03 UTC");
        assert_eq!(stamp(951_782_400_000), "2000-02-29 00:00:00 UTC");
        assert_eq!(stamp(-1), "1969-12-31 23:59:59 UTC");
    }
}
