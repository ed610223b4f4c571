//! How often callers were asked who they are, and what came of it.

use ballast_metrics::{Counter, Registry, Slots, label, labels};

use crate::{
    auth::{Authenticator, Denied},
    config::AuthMode,
};

label! {
    /// `auth.mode`
    enum Mode { None = "none", TokenFile = "token-file", Keystone = "keystone" }
}

label! {
    enum Outcome { Granted = "granted", Denied = "denied", Unavailable = "unavailable" }
}

labels! {
    struct Asked { mode: Mode, outcome: Outcome }
}

/// The counters of one authenticator.
#[derive(Debug, Clone)]
pub struct AuthCounts(Slots<Asked, Counter>);

impl AuthCounts {
    #[must_use]
    pub fn new(mode: AuthMode) -> Self {
        let mode = match mode {
            AuthMode::None => Mode::None,
            AuthMode::TokenFile => Mode::TokenFile,
            AuthMode::Keystone => Mode::Keystone,
        };
        Self(Slots::new(Outcome::ALL.iter().map(|outcome| Asked { mode, outcome: *outcome })).all_told())
    }

    /// Tells them.
    pub fn add_to(&self, registry: &mut Registry) {
        registry.add("ballast_auth_total", "Callers that were asked who they are", &self.0);
    }

    /// Nobody had to say who he is.
    pub fn granted(&self) {
        self.count(Outcome::Granted);
    }

    /// What an authenticator has answered.
    pub fn answered<T>(&self, answer: &Result<T, Denied>) {
        self.count(match answer {
            Ok(_) => Outcome::Granted,
            Err(Denied::Unauthenticated) => Outcome::Denied,
            Err(Denied::Unavailable(_)) => Outcome::Unavailable,
        });
    }

    fn count(&self, outcome: Outcome) {
        if let Some(counter) = self.0.at(outcome as usize) {
            counter.inc();
        }
    }
}

impl Default for AuthCounts {
    fn default() -> Self {
        Self::new(AuthMode::None)
    }
}

impl From<&Authenticator> for AuthCounts {
    fn from(authenticator: &Authenticator) -> Self {
        Self::new(match authenticator {
            Authenticator::None => AuthMode::None,
            Authenticator::TokenFile(_) => AuthMode::TokenFile,
            Authenticator::Keystone(_) => AuthMode::Keystone,
        })
    }
}

#[cfg(test)]
mod tests {
    use ballast_metrics::Format;

    use super::*;

    #[test]
    fn each_answer_is_counted_by_what_it_was() {
        let (counts, mut registry) = (AuthCounts::new(AuthMode::TokenFile), Registry::default());
        counts.add_to(&mut registry);
        counts.granted();
        counts.answered(&Ok(()));
        counts.answered::<()>(&Err(Denied::Unauthenticated));
        counts.answered::<()>(&Err(Denied::Unavailable("x".to_owned())));
        let text = registry.text(Format::Prometheus);
        for (outcome, count) in [("granted", 2), ("denied", 1), ("unavailable", 1)] {
            let line = format!("ballast_auth_total{{mode=\"token-file\",outcome=\"{outcome}\"}} {count}\n");
            assert!(text.contains(&line), "{text}");
        }
    }
}
