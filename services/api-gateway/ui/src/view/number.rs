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
    }
}
