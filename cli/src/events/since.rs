//! Where a stream of events begins that is not of now.

use std::{str::FromStr, time::SystemTime};

use jiff::{SignedDuration, Timestamp};

/// As it is typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Since {
    /// So long ago.
    Ago(SignedDuration),
    Time(Timestamp),
    Cursor(String),
}

/// As it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    Time(String),
    Cursor(String),
}

impl Since {
    pub(super) fn at(&self, now: SystemTime) -> Place {
        let now = Timestamp::try_from(now).unwrap_or_default();
        match self {
            // Longer ago than there is time is since ever.
            Self::Ago(ago) => Place::Time(now.checked_sub(*ago).unwrap_or(Timestamp::UNIX_EPOCH).to_string()),
            Self::Time(time) => Place::Time(time.to_string()),
            Self::Cursor(cursor) => Place::Cursor(cursor.clone()),
        }
    }
}

impl FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = || "write a time ago as 30s, 5m, 1h or 2d, a time as 2026-12-01T03:05:20Z, or a cursor".to_owned();
        if let Some((number, unit)) = text.char_indices().next_back().map(|(at, unit)| (&text[..at], unit))
            && let Ok(number) = number.parse::<u32>()
        {
            let unit = match unit {
                's' => 1,
                'm' => 60,
                'h' => 3_600,
                'd' => 86_400,
                _ => return Err(refuse()),
            };
            return Ok(Self::Ago(SignedDuration::from_secs(i64::from(number) * unit)));
        }
        if let Ok(time) = text.parse() {
            return Ok(Self::Time(time));
        }
        // What a cursor looks like is the scheduler's business, and it is none of the two above.
        if text.rsplit_once('.').is_some_and(|(_, last)| last.parse::<u64>().is_ok()) {
            return Ok(Self::Cursor(text.to_owned()));
        }
        Err(refuse())
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn a_stream_begins_where_it_is_said() {
        let now = UNIX_EPOCH + Duration::from_secs(1_796_094_320);
        let place = |text: &str| text.parse::<Since>().unwrap().at(now);
        for (text, time) in [
            ("20s", "2026-12-01T03:05:00Z"),
            ("5m", "2026-12-01T03:00:20Z"),
            ("1h", "2026-12-01T02:05:20Z"),
            ("2d", "2026-11-29T03:05:20Z"),
            ("2026-12-01T04:05:20+01:00", "2026-12-01T03:05:20Z"),
            ("4294967295d", "1970-01-01T00:00:00Z"),
        ] {
            assert_eq!(place(text), Place::Time(time.to_owned()), "{text}");
        }
        let cursor = "0f2b1c3d000040008000000000000001.12.345";
        assert_eq!(place(cursor), Place::Cursor(cursor.to_owned()));
        for text in ["", "h", "1w", "-1h", "1.5h", "yesterday", "12"] {
            assert!(text.parse::<Since>().is_err(), "{text}");
        }
    }
}
