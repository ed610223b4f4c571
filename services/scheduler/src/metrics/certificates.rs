//! How it stands with the certificates that load balancers use.

use ballast_metrics::{Gauge, Registry, Slots, label, labels};
use ballast_model::time::Timestamp;

/// When an end is near: there is no time to lose.
const NEAR: i64 = 7 * 24 * 60 * 60 * 1_000_000;
const MICROS: i64 = 1_000_000;

label! {
    /// `expiring`: within seven days. `refused`: what its keeper has now is not taken, and what was there before is served.
    enum State { Valid = "valid", Expiring = "expiring", Expired = "expired", Refused = "refused" }
}

labels! { struct Standing { state: State } }

/// What is told of one that is used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ending {
    /// None: it has no end.
    pub(crate) not_after: Option<Timestamp>,
    pub(crate) is_refused: bool,
}

/// What is counted.
#[derive(Debug)]
pub(crate) struct Certificates {
    used: Slots<Standing, Gauge>,
    soonest: Gauge,
}

impl Default for Certificates {
    fn default() -> Self {
        let standing = State::ALL.iter().map(|state| Standing { state: *state });
        Self { used: Slots::new(standing).all_told(), soonest: Gauge::default() }
    }
}

impl Certificates {
    /// All that are used now.
    pub(crate) fn told(&self, all: impl Iterator<Item = Ending>, now: Timestamp) {
        let mut counts = vec![0; State::ALL.len()];
        let mut soonest: Option<Timestamp> = None;
        for one in all {
            if let Some(count) = counts.get_mut(state(one, now) as usize) {
                *count += 1;
            }
            soonest = soonest.into_iter().chain(one.not_after).min();
        }
        for (number, count) in counts.into_iter().enumerate() {
            if let Some(gauge) = self.used.at(number) {
                gauge.set(count);
            }
        }
        self.soonest.set(soonest.map_or(0, |end| end.0 / MICROS));
    }

    pub(super) fn add_to(&self, registry: &mut Registry) {
        registry.add("ballast_certificates", "Certificates that load balancers use", &self.used);
        registry.add(
            "ballast_certificates_first_end_seconds",
            "When the first of them ends, in seconds since 1970; 0: none is used",
            &self.soonest,
        );
    }
}

fn state(one: Ending, now: Timestamp) -> State {
    let left = one.not_after.map(|end| end.0.saturating_sub(now.0));
    match left {
        Some(left) if left <= 0 => State::Expired,
        _ if one.is_refused => State::Refused,
        Some(left) if left <= NEAR => State::Expiring,
        _ => State::Valid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_of_one_is_told() {
        let at = |days: i64, is_refused| {
            state(Ending { not_after: Some(Timestamp(days * NEAR / 7)), is_refused }, Timestamp(0)).as_str()
        };
        assert_eq!([at(8, false), at(8, true), at(7, false), at(7, true)], ["valid", "refused", "expiring", "refused"]);
        assert_eq!([at(0, true), at(-1, false)], ["expired", "expired"]);
        assert_eq!(state(Ending { not_after: None, is_refused: false }, Timestamp(0)).as_str(), "valid");
    }
}
