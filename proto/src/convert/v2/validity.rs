//! How it stands with what has a beginning and an end.

use ballast_model::time::Timestamp;

use crate::v2::Validity;

const MICROS_PER_DAY: i64 = 24 * 60 * 60 * 1_000_000;

/// At this time, and the whole days until its end; negative: it was so many days ago. What has no end has none of both.
#[must_use]
pub fn to_validity(not_before: Option<Timestamp>, not_after: Option<Timestamp>, now: Timestamp) -> (Validity, i32) {
    let Some(not_after) = not_after else { return (Validity::Unspecified, 0) };
    let days = not_after.0.saturating_sub(now.0).div_euclid(MICROS_PER_DAY);
    let validity = match not_before {
        _ if now > not_after => Validity::Expired,
        Some(not_before) if now < not_before => Validity::NotYetValid,
        _ => Validity::Valid,
    };
    (validity, i32::try_from(days).unwrap_or(if days < 0 { i32::MIN } else { i32::MAX }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_an_end_is_valid_until_then() {
        let day = |days: i64| Some(Timestamp(days * MICROS_PER_DAY));
        let now = Timestamp(0);
        assert_eq!(to_validity(day(-1), day(2), now), (Validity::Valid, 2));
        assert_eq!(to_validity(None, day(-1), now), (Validity::Expired, -1));
        assert_eq!(to_validity(day(1), day(2), now), (Validity::NotYetValid, 2));
        assert_eq!(to_validity(None, None, now), (Validity::Unspecified, 0));
    }
}
