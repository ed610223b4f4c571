//! The only place that draws by chance. Everything else is told a number, so tests can tell it any.

use std::{fmt, sync::Arc};

use uuid::{Builder, Uuid};

/// Where numbers by chance come from.
#[derive(Clone)]
pub struct Chance(Arc<dyn Fn() -> u64 + Send + Sync>);

impl Chance {
    /// The machine's.
    #[must_use]
    pub fn system() -> Self {
        #[expect(clippy::disallowed_methods, reason = "this is chance")]
        Self::from_fn(rand::random)
    }

    /// Numbers that `next` says.
    pub fn from_fn(next: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(next))
    }

    #[must_use]
    pub fn number(&self) -> u64 {
        (self.0)()
    }

    /// From 0 to 1, without 1.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "53 bits are what an f64 holds exactly")]
    pub fn fraction(&self) -> f64 {
        (self.number() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A random UUID (RFC 9562, version 4), as an id of any kind.
    #[must_use]
    pub fn id<I: From<Uuid>>(&self) -> I {
        let (high, low) = (u128::from(self.number()), u128::from(self.number()));
        Builder::from_random_bytes((high << 64 | low).to_be_bytes()).into_uuid().into()
    }
}

impl fmt::Debug for Chance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Chance")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fraction_is_never_one() {
        assert_eq!(Chance::from_fn(|| 0).fraction(), 0.0);
        assert!(Chance::from_fn(|| u64::MAX).fraction() < 1.0);
        assert!((0.49..0.51).contains(&Chance::from_fn(|| u64::MAX / 2).fraction()));
    }

    #[test]
    fn an_id_is_made_of_what_chance_says_and_is_of_version_4() {
        let same = Chance::from_fn(|| 7);
        assert_eq!(same.id::<Uuid>(), same.id::<Uuid>());
        assert_eq!(same.id::<Uuid>().get_version_num(), 4);
        assert_ne!(Chance::system().id::<Uuid>(), Chance::system().id::<Uuid>());
    }
}
