//! Weights of 0 to 256 on devices that know 1 to 100.

/// The highest weight of a device.
const MOST: u64 = 100;

/// Scaled so that the proportions stay as well as they can, and nobody is left out: none for a weight of 0. All are 1
/// where all are the same.
pub(crate) fn scaled(weights: &[u32]) -> Vec<Option<u64>> {
    let most = weights.iter().copied().max().unwrap_or_default();
    let mut used = weights.iter().filter(|weight| **weight > 0);
    let first = used.next();
    let equal = used.all(|weight| Some(weight) == first);
    let one = |weight: &u32| match (u64::from(*weight), u64::from(most)) {
        (0, _) => None,
        _ if equal => Some(1),
        (weight, most) if most <= MOST => Some(weight),
        (weight, most) => Some(((weight * MOST + most / 2) / most).max(1)),
    };
    weights.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn small_weights_stay_large_ones_are_scaled_and_0_is_none() {
        assert_eq!(scaled(&[1, 5, 0]), [Some(1), Some(5), None]);
        assert_eq!(scaled(&[256, 128, 1]), [Some(100), Some(50), Some(1)]);
        assert_eq!(scaled(&[7, 7, 0]), [Some(1), Some(1), None]);
        assert_eq!(scaled(&[]), []);
    }

    proptest! {
        #[test]
        fn scaled_weights_are_legal_and_keep_the_order(weights in prop::collection::vec(0_u32..=256, 0..20)) {
            let scaled = scaled(&weights);
            for (one, weight) in scaled.iter().zip(&weights) {
                prop_assert_eq!(one.is_none(), *weight == 0);
                prop_assert!(one.is_none_or(|scaled| (1..=100).contains(&scaled)));
                for (other, heavier) in scaled.iter().zip(&weights) {
                    prop_assert!(weight > heavier || one <= other);
                }
            }
        }
    }
}
