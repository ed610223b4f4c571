//! Times, as people read them: a moment, and how long ago it was.

use askama::Template;
use prost_types::Timestamp;

/// A moment. How long ago it was is told in whole minutes, so that a page does not change with each second.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(ext = "html", source = r#"<time datetime="{{ exact }}" title="{{ shown }}">{{ ago }}</time>"#)]
pub(crate) struct Moment {
    /// RFC 3339.
    pub(crate) exact: String,
    /// `2026-11-30 03:14:07 UTC`
    pub(crate) shown: String,
    /// `5 min ago`
    pub(crate) ago: String,
}

impl Moment {
    pub(crate) fn of(time: &Timestamp, now: jiff::Timestamp) -> Option<Self> {
        let time = jiff::Timestamp::new(time.seconds, time.nanos).ok()?;
        let seconds = now.as_second().saturating_sub(time.as_second()).max(0);
        let ago = span(seconds);
        Some(Self {
            exact: time.to_string(),
            shown: time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
            ago: if seconds < 60 { ago } else { format!("{ago} ago") },
        })
    }

    /// One that may be to come: `in 12 days`.
    pub(crate) fn end(time: Option<&Timestamp>, now: jiff::Timestamp) -> Option<Self> {
        let time = time?;
        let past = Self::of(time, now)?;
        let left = time.seconds.saturating_sub(now.as_second());
        if left <= 0 {
            return Some(past);
        }
        let ago = if left < 60 { "within a minute".to_owned() } else { format!("in {}", span(left)) };
        Some(Self { ago, ..past })
    }

    /// Where the message may have none.
    pub(crate) fn maybe(time: Option<&Timestamp>, now: jiff::Timestamp) -> Option<Self> {
        Self::of(time?, now)
    }
}

/// The time of the day, for lists of what happened one after the other: `03:14:07.112`
pub(crate) fn of_day(time: &Timestamp) -> String {
    let time = jiff::Timestamp::new(time.seconds, time.nanos).unwrap_or_default();
    time.strftime("%Y-%m-%d %H:%M:%S%.3f").to_string()
}

/// In the largest unit of which there is one.
fn span(seconds: i64) -> String {
    match seconds {
        ..60 => "just now".to_owned(),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => format!("{} h", seconds / 3_600),
        86_400..172_800 => "1 day".to_owned(),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// Seconds between then and now.
pub(crate) fn age(time: &Timestamp, now: jiff::Timestamp) -> i64 {
    now.as_second().saturating_sub(time.seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_told_coarsely_and_never_negative() {
        let now = jiff::Timestamp::new(1_796_094_320, 0).unwrap();
        for (before, ago) in [
            (-5, "just now"),
            (0, "just now"),
            (59, "just now"),
            (60, "1 min ago"),
            (3_599, "59 min ago"),
            (3_600, "1 h ago"),
            (86_400, "1 day ago"),
            (86_400 * 3, "3 days ago"),
        ] {
            let time = Timestamp { seconds: 1_796_094_320 - before, nanos: 5_000_000 };
            assert_eq!(Moment::of(&time, now).unwrap().ago, ago, "{before}");
        }
        for (left, end) in
            [(86_400 * 12 + 5, "in 12 days"), (7_200, "in 2 h"), (59, "within a minute"), (-60, "1 min ago")]
        {
            let time = Timestamp { seconds: 1_796_094_320 + left, nanos: 0 };
            assert_eq!(Moment::end(Some(&time), now).unwrap().ago, end, "{left}");
        }
        let moment = Moment::of(&Timestamp { seconds: 1_796_094_320, nanos: 5_000_000 }, now).unwrap();
        assert_eq!(moment.shown, "2026-12-01 03:05:20 UTC");
        assert_eq!(of_day(&Timestamp { seconds: 1_796_094_320, nanos: 5_000_000 }), "2026-12-01 03:05:20.005");
    }
}
