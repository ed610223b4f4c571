//! Who may try to log in: who failed too often waits.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// So many failures within [`WINDOW`].
const MOST: usize = 5;
const WINDOW: Duration = Duration::from_secs(60);
/// How many are remembered: who fails under ever other names does not fill the memory.
const REMEMBERED: usize = 4_096;

type Who = (Option<IpAddr>, String);

/// Failures of late, by address and user.
#[derive(Debug, Default)]
pub(crate) struct Limiter(Mutex<HashMap<Who, Vec<Duration>>>);

impl Limiter {
    /// Whether this one may try.
    pub(crate) fn admits(&self, who: &Who, now: Duration) -> bool {
        let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(times) = failures.get_mut(who) else { return true };
        times.retain(|time| now.saturating_sub(*time) < WINDOW);
        times.len() < MOST
    }

    pub(crate) fn failed(&self, who: Who, now: Duration) {
        let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() >= REMEMBERED {
            failures.retain(|_, times| times.last().is_some_and(|time| now.saturating_sub(*time) < WINDOW));
        }
        // Whoever failed last is remembered, or many other names would be a way to guess at one without end.
        if failures.len() >= REMEMBERED && !failures.contains_key(&who) {
            let oldest = failures.iter().min_by_key(|(_, times)| times.last().copied()).map(|(who, _)| who.clone());
            oldest.and_then(|oldest| failures.remove(&oldest));
        }
        failures.entry(who).or_default().push(now);
    }

    pub(crate) fn succeeded(&self, who: &Who) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(who);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_fails_five_times_in_a_minute_waits_and_nobody_else() {
        let (limiter, seconds) = (Limiter::default(), Duration::from_secs);
        let who = |user: &str| (Some(IpAddr::from([192, 0, 2, 1])), user.to_owned());
        for second in 0..5 {
            assert!(limiter.admits(&who("a"), seconds(second)), "{second}");
            limiter.failed(who("a"), seconds(second));
        }
        assert!(!limiter.admits(&who("a"), seconds(5)) && limiter.admits(&who("b"), seconds(5)));
        assert!(limiter.admits(&(None, "a".to_owned()), seconds(5)));
        assert!(limiter.admits(&who("a"), seconds(61)), "the first is forgotten");
        limiter.failed(who("a"), seconds(61));
        limiter.succeeded(&who("a"));
        assert!(limiter.admits(&who("a"), seconds(62)));
    }

    #[test]
    fn ever_other_names_do_not_fill_the_memory() {
        let limiter = Limiter::default();
        for number in 0..3 * REMEMBERED {
            limiter.failed((None, number.to_string()), Duration::from_secs(1));
        }
        assert!(limiter.0.lock().unwrap().len() <= REMEMBERED);
        for _ in 0..MOST {
            assert!(limiter.admits(&(None, "guessed".to_owned()), Duration::from_secs(2)));
            limiter.failed((None, "guessed".to_owned()), Duration::from_secs(2));
        }
        assert!(!limiter.admits(&(None, "guessed".to_owned()), Duration::from_secs(2)), "in the middle of it");
        limiter.failed((None, "later".to_owned()), Duration::from_secs(120));
        assert_eq!(limiter.0.lock().unwrap().len(), 1);
    }
}
