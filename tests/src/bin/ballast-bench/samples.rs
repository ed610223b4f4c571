//! A series of measurements, and what is said of it.

use serde_json::{Value, json};

/// Measurements in the order in which they were made; of one unit, which the caller knows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Samples(pub(crate) Vec<f64>);

impl Samples {
    pub(crate) fn add(&mut self, value: f64) {
        self.0.push(value);
    }

    /// The smallest value that at least this share (0 to 1) of the values does not exceed; NaN of none.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a length")]
        let rank = (share * sorted.len() as f64).ceil() as usize;
        sorted.get(rank.max(1) - 1).copied().unwrap_or(f64::NAN)
    }

    pub(crate) fn min(&self) -> f64 {
        self.quantile(0.0)
    }

    pub(crate) fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn json(&self) -> Value {
        json!({
            "n": self.len(), "min": self.min(), "median": self.median(), "p90": self.quantile(0.9),
            "p99": self.quantile(0.99), "max": self.quantile(1.0), "all": self.0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_were_measured() {
        let samples = Samples((1..=10).rev().map(f64::from).collect());
        assert_eq!(
            (samples.min(), samples.median(), samples.quantile(0.9), samples.quantile(1.0)),
            (1.0, 5.0, 9.0, 10.0)
        );
        assert_eq!(Samples(vec![7.0]).quantile(0.99), 7.0);
    }

    #[test]
    fn nothing_measured_is_no_number() {
        assert!(Samples::default().median().is_nan());
    }
}
