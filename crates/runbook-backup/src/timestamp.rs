//! Points in time with nanoseconds, as file systems and PAX headers write them.

use std::fmt;
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// Nanoseconds since 1970, written in seconds: `1700000000.123456789`, `-1.5`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Timestamp {
    /// Whole seconds, rounded down.
    pub seconds: i64,
    /// What comes on top: 0 to 999,999,999, also before 1970.
    pub nanos: u32,
}

impl Timestamp {
    pub(crate) fn now() -> Self {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => {
                Self { seconds: i64::try_from(since.as_secs()).unwrap_or(i64::MAX), nanos: since.subsec_nanos() }
            }
            Err(_) => Self::default(),
        }
    }

    pub(crate) fn minus_seconds(self, seconds: i64) -> Self {
        Self { seconds: self.seconds.saturating_sub(seconds), nanos: self.nanos }
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = i128::from(self.seconds) * 1_000_000_000 + i128::from(self.nanos);
        let (sign, size) = if total < 0 { ("-", total.unsigned_abs()) } else { ("", total.unsigned_abs()) };
        write!(f, "{sign}{}.{:09}", size / 1_000_000_000, size % 1_000_000_000)
    }
}

impl FromStr for Timestamp {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("{text:?} is no time in seconds");
        let (negative, size) = text.strip_prefix('-').map_or((false, text), |size| (true, size));
        let (whole, part) = size.split_once('.').unwrap_or((size, ""));
        if !part.bytes().chain(whole.bytes()).all(|byte| byte.is_ascii_digit()) {
            return Err(bad());
        }
        // Finer than a nanosecond is cut off.
        let part: String = part.chars().chain(std::iter::repeat('0')).take(9).collect();
        let whole: i64 = whole.parse().map_err(|_| bad())?;
        let nanos: i64 = part.parse().map_err(|_| bad())?;
        let total = i128::from(whole) * 1_000_000_000 + i128::from(nanos);
        let total = if negative { -total } else { total };
        let seconds = i64::try_from(total.div_euclid(1_000_000_000)).map_err(|_| bad())?;
        let nanos = u32::try_from(total.rem_euclid(1_000_000_000)).map_err(|_| bad())?;
        Ok(Self { seconds, nanos })
    }
}

impl TryFrom<String> for Timestamp {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Timestamp> for String {
    fn from(time: Timestamp) -> Self {
        time.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Timestamp;

    proptest! {
        #![proptest_config(test_rules::cases(256))]

        #[test]
        fn written_and_read_back(seconds in any::<i32>(), nanos in 0u32..1_000_000_000) {
            let time = Timestamp { seconds: i64::from(seconds), nanos };
            prop_assert_eq!(time.to_string().parse::<Timestamp>().unwrap(), time);
        }
    }

    #[test]
    fn before_1970_is_written_as_pax_wants_it() {
        assert_eq!(Timestamp { seconds: -2, nanos: 500_000_000 }.to_string(), "-1.500000000");
        assert_eq!("12".parse(), Ok(Timestamp { seconds: 12, nanos: 0 }));
        assert!("1.2.3".parse::<Timestamp>().is_err() && "".parse::<Timestamp>().is_err());
    }
}
