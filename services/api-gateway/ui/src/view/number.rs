//! Numbers, as people read them.

/// `3,204,117`
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `12.4 MB`
pub(crate) fn bytes(number: u64) -> String {
    scaled(number, ["B", "kB", "MB", "GB", "TB", "PB"])
}

/// `12.4 Mb/s`, of so many bytes in so many seconds.
pub(crate) fn bits_per_second(bytes: u64, seconds: u64) -> String {
    let bits = bytes.saturating_mul(8) / seconds.max(1);
    format!("{}/s", scaled(bits, ["b", "kb", "Mb", "Gb", "Tb", "Pb"]))
}

#[expect(clippy::cast_precision_loss, reason = "shown with one digit behind the point")]
fn scaled(number: u64, units: [&str; 6]) -> String {
    let (mut value, mut unit) = (number as f64, 0);
    while value >= 999.95 && unit + 1 < units.len() {
        value /= 1_000.0;
        unit += 1;
    }
    if unit == 0 { format!("{number} {}", units[0]) } else { format!("{value:.1} {}", units[unit]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_grouped() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (3_204_117, "3,204,117")] {
            assert_eq!(grouped(number), text);
        }
        for (number, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (999_960, "1.0 MB"),
            (12_440_000, "12.4 MB"),
            (u64::MAX, "18446.7 PB"),
        ] {
            assert_eq!(bytes(number), text);
        }
        assert_eq!(
            (bits_per_second(15_500_000, 10), bits_per_second(9, 0)),
            ("12.4 Mb/s".to_owned(), "72 b/s".to_owned())
        );
    }
}
