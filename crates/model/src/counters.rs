//! Counters of a load balancer that only grow. What is said with an older one is known to be old.

use std::fmt;

macro_rules! counters {
    ($($(#[$doc:meta])+ $name:ident)+) => {$(
        $(#[$doc])+
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u64);

        impl $name {
            /// Before the first one.
            pub const NONE: Self = Self(0);
            pub const FIRST: Self = Self(1);

            /// From what is stored or was sent.
            #[must_use]
            pub const fn new(number: u64) -> Self {
                Self(number)
            }

            /// As it is stored and sent.
            #[must_use]
            pub const fn number(self) -> u64 {
                self.0
            }

            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0 + 1)
            }

            /// The one before; of the first and of none: none.
            #[must_use]
            pub const fn before(self) -> Self {
                Self(self.0.saturating_sub(1))
            }
        }

        impl From<u64> for $name {
            fn from(number: u64) -> Self {
                Self(number)
            }
        }

        impl From<$name> for u64 {
            fn from(counter: $name) -> Self {
                counter.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )+};
}

counters! {
    /// Of what is desired: grows with each change.
    Generation
    /// Of placement: grows whenever the load balancer gets an agent.
    Epoch
    /// Of which side of a load balancer with a standby answers: who begins to answer begins another one.
    Term
}
