//! What a load balancer may be made of beyond what LBaaS v1 can say. v1's shape is one pool, and at most one listener, which
//! has an address and that pool; whoever was built for it may read `pools[0]`. Every other shape is a feature, so that
//! nobody is sent one that it would misread.
//!
//! This is the one list, and the one place that finds them in a load balancer.

use std::collections::BTreeSet;

/// Several listeners.
pub const LISTENERS_MANY: &str = "listeners:many";
/// An address at which nothing listens.
pub const LISTENERS_NONE: &str = "listeners:none";
/// Several pools.
pub const POOLS_MANY: &str = "pools:many";
/// No pool at all.
pub const POOLS_NONE: &str = "pools:none";
/// A pool behind several listeners.
pub const POOL_SHARED: &str = "pool:shared";
/// A listener without a pool.
pub const POOL_NONE: &str = "pool:none";

/// All of them.
pub const SHAPES: [&str; 6] = [LISTENERS_MANY, LISTENERS_NONE, POOLS_MANY, POOLS_NONE, POOL_SHARED, POOL_NONE];

/// What there is of a load balancer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline<K> {
    pub has_address: bool,
    /// The pool that each listener names; one that is not among `pools` is none.
    pub listeners: Vec<K>,
    pub pools: Vec<K>,
}

impl<K: Ord> Outline<K> {
    /// The shapes that it has; none: it is one of v1's.
    #[must_use]
    pub fn shapes(&self) -> BTreeSet<&'static str> {
        let pools: BTreeSet<&K> = self.pools.iter().collect();
        let (mut named, mut shared, mut lacking) = (BTreeSet::new(), false, false);
        for pool in &self.listeners {
            if pools.contains(pool) {
                shared |= !named.insert(pool);
            } else {
                lacking = true;
            }
        }
        let found = [
            (LISTENERS_MANY, self.listeners.len() > 1),
            (LISTENERS_NONE, self.has_address && self.listeners.is_empty()),
            (POOLS_MANY, self.pools.len() > 1),
            (POOLS_NONE, self.pools.is_empty()),
            (POOL_SHARED, shared),
            (POOL_NONE, lacking),
        ];
        found.into_iter().filter(|(_, has)| *has).map(|(shape, _)| shape).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shapes(has_address: bool, listeners: &[u8], pools: &[u8]) -> Vec<&'static str> {
        let outline = Outline { has_address, listeners: listeners.to_vec(), pools: pools.to_vec() };
        outline.shapes().into_iter().collect()
    }

    #[test]
    fn what_v1_can_say_is_no_shape() {
        assert!(shapes(false, &[], &[1]).is_empty());
        assert!(shapes(true, &[1], &[1]).is_empty());
    }

    #[test]
    fn everything_else_is_one_of_the_list() {
        let cases: [(&[u8], &[u8], &[&str]); 9] = [
            (&[], &[1], &[LISTENERS_NONE]),
            (&[], &[], &[LISTENERS_NONE, POOLS_NONE]),
            (&[], &[1, 2], &[LISTENERS_NONE, POOLS_MANY]),
            (&[1], &[1, 2], &[POOLS_MANY]),
            (&[9], &[1], &[POOL_NONE]),
            (&[9], &[], &[POOL_NONE, POOLS_NONE]),
            (&[1, 1], &[1], &[LISTENERS_MANY, POOL_SHARED]),
            (&[1, 2], &[1, 2], &[LISTENERS_MANY, POOLS_MANY]),
            (&[1, 1, 9], &[1, 2], &[LISTENERS_MANY, POOL_NONE, POOL_SHARED, POOLS_MANY]),
        ];
        let mut seen = BTreeSet::new();
        for (listeners, pools, expected) in cases {
            let found = shapes(true, listeners, pools);
            assert_eq!(found, expected, "{listeners:?} {pools:?}");
            seen.extend(found);
        }
        assert_eq!(seen, SHAPES.into_iter().collect());
        assert_eq!(shapes(false, &[], &[]), [POOLS_NONE]);
    }
}
