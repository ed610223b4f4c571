//! A panic on request: how the conformance suite sees that a driver's panics are caught as they must be.
//!
//! A deploy whose load balancer asks for the feature [`PANIC`] panics at the first record that the driver logs in it, in
//! the middle of the driver's own code, or else when the driver has returned. It needs no method of its own on the frozen
//! boundary, and shows what no look into the file can: a vendor who builds with `panic = "abort"` loses the process.

use std::cell::Cell;

use crate::LoadBalancer;

/// The word. No scheduler computes it from what a tenant asks for.
pub(crate) const PANIC: &str = "conformance:panic";
/// What the panic says.
pub(crate) const SAYING: &str = "asked for by the conformance suite";

thread_local! {
    static ARMED: Cell<bool> = const { Cell::new(false) };
}

/// Takes the word out of the request; whether it was there.
pub(crate) fn asked_for(load_balancer: &mut LoadBalancer) -> bool {
    let before = load_balancer.features.len();
    load_balancer.features.retain(|feature| feature != PANIC);
    load_balancer.features.len() < before
}

/// Runs a driver's method; with `panics`, it does not return.
pub(crate) fn around<T>(panics: bool, method: impl FnOnce() -> T) -> T {
    ARMED.set(panics);
    let done = method();
    strike();
    done
}

/// Panics when this thread is to. Once: a driver that logs while it unwinds must come to its end.
pub(crate) fn strike() {
    assert!(!ARMED.replace(false), "{SAYING}");
}

#[cfg(test)]
mod tests {
    use std::panic;

    use super::*;

    #[test]
    fn it_panics_where_it_strikes_first_and_only_once() {
        let reached = Cell::new(0);
        let caught = panic::catch_unwind(panic::AssertUnwindSafe(|| {
            around(true, || {
                reached.set(1);
                strike();
                reached.set(2);
            });
        }));
        assert!(caught.is_err());
        assert_eq!(reached.get(), 1);
        strike();
        assert!(panic::catch_unwind(|| around(true, || ())).is_err(), "a method that logs nothing does not panic");
        around(false, strike);
    }

    #[test]
    fn the_word_does_not_reach_the_driver() {
        let mut asked = LoadBalancer { features: vec!["ipv6".into(), PANIC.into()], ..LoadBalancer::default() };
        assert!(asked_for(&mut asked));
        assert_eq!(asked.features, ["ipv6"]);
        assert!(!asked_for(&mut asked));
    }
}
