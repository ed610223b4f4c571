//! What every driver for a vendor's device has to pass, against the simulator of that device: the same rules and faults
//! for all of them.
//!
//! A vendor is [`Played`] by its simulator. [`tests!`] makes a test of each rule; what only one vendor has is in its
//! driver's own tests, on the same [`Stage`].

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

pub mod faults;
pub mod plans;
pub mod rules;
pub mod samples;
mod stage;

pub use stage::{PASSWORD, Played, Role, Stage, USER, strays, writes};

/// A test of each rule, for a vendor that is [`Played`].
#[macro_export]
macro_rules! tests {
    ($played:ty: $($module:ident::$rule:ident),* $(,)?) => {
        $(
            #[test]
            fn $rule() {
                $crate::$module::$rule::<$played>();
            }
        )*
    };
}
