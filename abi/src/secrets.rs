//! Secrets between the call that tells them and the deploy that names them.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use zeroize::Zeroizing;

use crate::{
    DriverError,
    proto::{Secret, SecretContent},
};

/// What a secret is, in PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct Content {
    /// A certificate, then each that issued the one before; or CA certificates; or a revocation list.
    pub pem: String,
    /// The first certificate's. Empty: it has none.
    pub private_key: Zeroizing<String>,
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Content").finish_non_exhaustive()
    }
}

/// The secrets of load balancers, in memory: those that were told last for each, by their digests.
#[derive(Debug, Default)]
pub struct Secrets(Mutex<HashMap<String, OfOne>>);

type OfOne = HashMap<String, Arc<Content>>;

impl Secrets {
    /// What [`Driver::take_secrets`](crate::Driver::take_secrets) was given.
    pub fn take(&self, load_balancer_id: &str, secrets: Vec<SecretContent>) {
        let content = |mut secret: SecretContent| {
            let private_key = Zeroizing::new(std::mem::take(&mut secret.private_key));
            let pem = std::mem::take(&mut secret.pem);
            (std::mem::take(&mut secret.digest), Arc::new(Content { pem, private_key }))
        };
        self.all().insert(load_balancer_id.to_owned(), secrets.into_iter().map(content).collect());
    }

    /// The content of a secret that this load balancer names.
    ///
    /// # Errors
    /// UNAVAILABLE, to be tried again: it was not told, as after a restart of the driver.
    pub fn of(&self, load_balancer_id: &str, secret: &Secret) -> Result<Arc<Content>, DriverError> {
        let all = self.all();
        let found = all.get(load_balancer_id).and_then(|told| told.get(&secret.digest)).map(Arc::clone);
        found.ok_or_else(|| {
            DriverError::unavailable("a secret is not there yet")
                .with_detail(format!("the driver was not told what {} is", secret.reference))
                .with_retryable(true)
        })
    }

    /// This load balancer names none any more: it is gone, or deployed.
    pub fn forget(&self, load_balancer_id: &str) {
        self.all().remove(load_balancer_id);
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, OfOne>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;

    fn named(digest: &str) -> Secret {
        Secret { reference: "/v1/containers/1".to_owned(), digest: digest.to_owned() }
    }

    fn told(digest: &str) -> SecretContent {
        let (pem, private_key) = (format!("pem {digest}"), format!("s3cret {digest}"));
        SecretContent { reference: "/v1/containers/1".to_owned(), digest: digest.to_owned(), pem, private_key }
    }

    #[test]
    fn what_was_told_last_is_there_for_its_load_balancer_alone() {
        let secrets = Secrets::default();
        secrets.take("lb-1", vec![told("a"), told("b")]);
        assert_eq!(secrets.of("lb-1", &named("b")).unwrap().private_key.as_str(), "s3cret b");
        assert_eq!(secrets.of("lb-2", &named("b")).unwrap_err().code, ErrorCode::UNAVAILABLE);
        secrets.take("lb-1", vec![told("c")]);
        let gone = secrets.of("lb-1", &named("a")).unwrap_err();
        assert!(gone.retryable && gone.detail.contains("/v1/containers/1"), "{gone:?}");
        secrets.forget("lb-1");
        assert!(secrets.of("lb-1", &named("c")).is_err());
    }

    #[test]
    fn no_private_key_is_shown_for_debugging() {
        let secrets = Secrets::default();
        secrets.take("lb-1", vec![told("a")]);
        let shown = format!("{secrets:?} {:?} {:#?}", told("a"), secrets.of("lb-1", &named("a")));
        assert!(shown.contains("Content") && !shown.contains("s3cret"), "{shown}");
    }
}
