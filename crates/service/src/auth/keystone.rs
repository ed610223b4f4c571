//! `mode = "keystone"`: tokens of Keystone v3, validated with the service's own credentials.
//!
//! What Keystone said is believed for `revocation_check_seconds`, then it is asked again: a revoked token is refused by
//! then. While Keystone does not answer, what it said last is believed until the token expires; of other tokens nothing
//! is known. Many requests with one token ask once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use futures_util::{
    FutureExt as _,
    future::{BoxFuture, Shared, WeakShared},
};
use tokio::sync::Semaphore;

use super::{
    Denied, Fingerprint, Identity, Person, Project,
    cache::{Belief, Cache, Entry},
    fingerprint,
};
use crate::{clock::Clock, config::Auth};

mod api;

use api::{Api, Verdict};

/// How many tokens Keystone is asked about at once.
const AT_ONCE: usize = 32;

/// How long Keystone is left alone, about tokens that it vouched for earlier, after it did not answer.
const BREATHER: Duration = Duration::from_secs(5);

type Answer = Result<Arc<Identity>, Denied>;
type Asking = Shared<BoxFuture<'static, Answer>>;

/// Keystone, as far as callers' tokens are concerned.
pub struct Keystone {
    asked: Arc<Asked>,
    /// Questions under way. Who waits for one keeps it alive; nobody, and it ends.
    asking: Mutex<HashMap<Fingerprint, WeakShared<BoxFuture<'static, Answer>>>>,
    challenge: String,
}

struct Asked {
    api: Api,
    cache: Cache,
    clock: Clock,
    permits: Semaphore,
    /// When Keystone last did not answer about a token that it had vouched for.
    failed_at: Mutex<Option<SystemTime>>,
}

impl Keystone {
    /// # Errors
    /// One line that names the key.
    pub(super) fn new(settings: &Auth, clock: Clock) -> Result<Self, String> {
        let fresh_for = Duration::from_secs(settings.revocation_check_seconds.into());
        let public = match settings.keystone_public_url.as_str() {
            "" => &settings.keystone_url,
            url => url,
        };
        Ok(Self {
            asked: Arc::new(Asked {
                api: Api::new(settings, clock.clone())?,
                cache: Cache::new(settings.cache_size, fresh_for),
                clock,
                permits: Semaphore::new(AT_ONCE),
                failed_at: Mutex::default(),
            }),
            asking: Mutex::default(),
            challenge: format!("Keystone uri=\"{}\"", public.trim_end_matches('/')),
        })
    }

    pub(super) fn challenge(&self) -> &str {
        &self.challenge
    }

    pub(super) async fn identify(&self, token: &[u8]) -> Answer {
        let key = fingerprint(token);
        let last = self.asked.cache.get(&key, self.asked.clock.now());
        if let Belief::Fresh(identity) = last {
            return Ok(identity);
        }
        if let Belief::Stale(identity) = &last
            && self.asked.failed_lately()
        {
            return Ok(Arc::clone(identity));
        }
        match (self.ask(key, token).await, last) {
            (Err(Denied::Unavailable(why)), Belief::Stale(identity)) => {
                tracing::warn!(user = identity.user, "a token is believed without Keystone: {why}");
                Ok(identity)
            }
            (answer, _) => answer,
        }
    }

    pub(super) async fn log_in(&self, person: &Person<'_>) -> Result<String, Denied> {
        let _permit = self.asked.permits.acquire().await;
        self.asked.api.log_in(person).await
    }

    pub(super) async fn projects(&self, token: &str) -> Result<Vec<Project>, Denied> {
        let _permit = self.asked.permits.acquire().await;
        self.asked.api.projects(token).await
    }

    pub(super) async fn scope(&self, token: &str, project_id: &str) -> Result<String, Denied> {
        let _permit = self.asked.permits.acquire().await;
        self.asked.api.scope(token, project_id).await
    }

    /// Here it is not believed any more, whatever Keystone says of it.
    pub(super) async fn revoke(&self, token: &str) -> Result<(), Denied> {
        self.asked.cache.forget(&fingerprint(token.as_bytes()));
        self.asked.api.revoke(token).await
    }

    /// The question about this token that is under way, else a new one.
    fn ask(&self, key: Fingerprint, token: &[u8]) -> Asking {
        let mut asking = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
        let under_way = asking.get(&key).and_then(WeakShared::upgrade).filter(|question| question.peek().is_none());
        if let Some(question) = under_way {
            return question;
        }
        asking.retain(|_, question| question.upgrade().is_some());
        let (asked, token) = (Arc::clone(&self.asked), token.to_vec());
        let question = async move { asked.validate(key, &token).await }.boxed().shared();
        if let Some(weak) = question.downgrade() {
            asking.insert(key, weak);
        }
        question
    }
}

impl Asked {
    async fn validate(&self, key: Fingerprint, token: &[u8]) -> Answer {
        let permit = self.permits.acquire().await;
        let verdict = self.api.validate(token).await;
        drop(permit);
        match verdict {
            Verdict::Valid { identity, expires_at } => {
                let (identity, now) = (Arc::new(identity), self.clock.now());
                if expires_at <= now {
                    return Err(Denied::Unauthenticated);
                }
                let entry = Entry { identity: Arc::clone(&identity), expires_at, validated_at: now };
                self.cache.put(key, entry, now);
                Ok(identity)
            }
            Verdict::Invalid => {
                self.cache.forget(&key);
                Err(Denied::Unauthenticated)
            }
            Verdict::Unknown(why) => {
                let now = self.clock.now();
                // What a stranger's token makes it answer says nothing of whether it is there: else whoever can make it
                // fail could keep a revoked token alive.
                if self.cache.get(&key, now) != Belief::Nothing {
                    *self.failed_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
                }
                Err(Denied::Unavailable(why))
            }
        }
    }

    /// Then known callers do not wait for it again.
    fn failed_lately(&self) -> bool {
        let failed_at = *self.failed_at.lock().unwrap_or_else(PoisonError::into_inner);
        let age = failed_at.and_then(|failed_at| self.clock.now().duration_since(failed_at).ok());
        age.is_some_and(|age| age < BREATHER)
    }
}

#[cfg(test)]
mod tests;
