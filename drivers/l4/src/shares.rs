//! Least connections, approximately: the kernel has no minimum, so members are served in turn by shares, and who has more
//! flows than the others gets a smaller share, again and again. Pure.
//!
//! In the mean it comes near to the exact method, and it is late where many come at once. What it costs is a list of all
//! flows each time ([`crate::flows::active`]).

/// How finely shares differ: of all members together about as many as there are slots.
const WHOLE: f64 = 2_048.0;

/// One member as it is now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Load {
    /// 1 to 256: a member of twice the weight is to have twice the flows.
    pub weight: u16,
    /// What it has; 0: it is new.
    pub share: f64,
    /// Flows that are not over.
    pub active: u32,
}

/// The next shares, in the same order. They are to be kept as they are, and rounded with [`rounded`] for a member.
///
/// A share is multiplied by the root of what the mean has for each flow of the member's own: by the whole of it, it would
/// swing.
#[must_use]
pub fn next(loads: &[Load]) -> Vec<f64> {
    if loads.is_empty() {
        return Vec::new();
    }
    let known = loads.iter().filter(|load| load.share > 0.0);
    let fair = known.clone().map(|load| load.share / f64::from(load.weight.max(1))).sum::<f64>();
    let fair = if fair > 0.0 { fair / known.count().max(1) as f64 } else { 1.0 };
    let each = |load: &Load| f64::from(load.active) / f64::from(load.weight.max(1));
    let mean = loads.iter().map(each).sum::<f64>() / loads.len() as f64;
    let share = |load: &Load| {
        let before = if load.share > 0.0 { load.share } else { fair * f64::from(load.weight.max(1)) };
        before * ((mean + 1.0) / (each(load) + 1.0)).sqrt()
    };
    let shares: Vec<f64> = loads.iter().map(share).collect();
    let whole: f64 = shares.iter().sum();
    // Nobody falls so far that it is not seen to have become fast again.
    shares.into_iter().map(|share| (share * WHOLE / whole).max(1.0)).collect()
}

/// A share as a member's.
#[must_use]
pub fn rounded(share: f64) -> u32 {
    // Between 1 and all, so nothing is lost.
    format!("{:.0}", share.clamp(1.0, WHOLE)).parse().unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(weight: u16, share: f64, active: u32) -> Load {
        Load { weight, share, active }
    }

    #[test]
    fn who_has_more_flows_gets_fewer_new_ones() {
        let shares = next(&[load(1, 500.0, 10), load(1, 500.0, 10), load(1, 500.0, 90)]);
        assert!(shares[2] < shares[0] / 2.0, "{shares:?}");
        assert!((shares.iter().sum::<f64>() - WHOLE).abs() < 1e-6);
    }

    #[test]
    fn a_weight_is_what_a_member_has_of_flows() {
        let shares = next(&[load(2, 0.0, 20), load(1, 0.0, 10)]);
        assert!((shares[0] / shares[1] - 2.0).abs() < 1e-6, "{shares:?}");
    }

    #[test]
    fn a_new_member_begins_with_a_fair_share() {
        let shares = next(&[load(1, 900.0, 5), load(1, 300.0, 5), load(1, 0.0, 5)]);
        assert!(shares[2] > shares[1] && shares[2] < shares[0], "{shares:?}");
    }

    /// Flows come at a steady rate, one member keeps them ten times as long as the others.
    #[test]
    fn it_settles_near_equal_numbers_of_flows() {
        let mut shares = vec![0.0; 3];
        let mut active = [0.0_f64; 3];
        let seconds = [0.1, 0.1, 1.0];
        for _ in 0..200 {
            let whole: f64 = shares.iter().sum();
            for (index, active) in active.iter_mut().enumerate() {
                let part = if whole > 0.0 { shares[index] / whole } else { 1.0 / 3.0 };
                // What a member has after a second of 400 new flows, of which each stays for `seconds`.
                *active = 400.0 * part * seconds[index];
            }
            let loads: Vec<Load> = (0..3).map(|index| load(1, shares[index], rounded(active[index]))).collect();
            shares = next(&loads);
        }
        let (most, least) = (active.iter().copied().fold(0.0, f64::max), active.iter().copied().fold(1e9, f64::min));
        assert!(most / least < 1.2, "{active:?}");
    }

    #[test]
    fn nobody_is_nobody() {
        assert!(next(&[]).is_empty());
        assert_eq!((rounded(0.2), rounded(3.6)), (1, 4));
    }
}
