//! Secrets that load balancers name: what an agent is told of them, who may name which, and what becomes of load balancers
//! when one changes.

mod expiry;
mod looking;
mod reading;
mod telling;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use ballast_model::{
    certificate::{Certificate, of_reference},
    fault::{Balancing, Fault, Tls},
    load_balancer::LoadBalancer,
    tls::Purpose,
};
use ballast_service::{clock::Clock, config};
use ballast_store::{By, Cause, Store, Tx};
use sha2::{Digest as _, Sha256};
use tokio::sync::Mutex;

pub use self::expiry::{AllUsed, Used};
pub(super) use self::looking::Named;
pub use self::reading::Look;
pub use self::telling::{Answer, WantedSecret};
use super::App;
use crate::secrets::{Source, barbican::Barbican};

/// What each secret is that a load balancer uses, by its reference: that of its content. What is not known is not in it.
pub type Digests = BTreeMap<String, String>;

/// Who keeps secrets, beside the store.
#[derive(Clone, Default)]
pub struct Keepers {
    pub sources: Vec<Arc<dyn Source>>,
    /// Every reference is taken, and nobody has what is behind one.
    pub unchecked: bool,
    /// How often they are looked at.
    pub look_interval: Duration,
    /// How many secrets are looked at at once.
    pub parallelism: usize,
    /// One look at a time.
    pub turn: Arc<Mutex<()>>,
}

impl Keepers {
    /// Those that the configuration names.
    ///
    /// # Errors
    /// One line that names the key at fault.
    pub(super) fn new(settings: &config::Secrets, store: &Store, clock: &Clock) -> Result<Self, String> {
        let barbican = Barbican::new(&settings.barbican, store.clone(), clock.clone())?;
        Ok(Self {
            sources: barbican.into_iter().map(|barbican| Arc::new(barbican) as Arc<dyn Source>).collect(),
            unchecked: settings.unchecked,
            look_interval: Duration::from_secs(settings.barbican.look_seconds.into()),
            parallelism: settings.barbican.parallelism,
            turn: Arc::default(),
        })
    }

    /// The first that may know this reference.
    pub(super) fn of(&self, reference: &str) -> Option<&Arc<dyn Source>> {
        self.sources.iter().find(|source| source.knows(reference))
    }
}

/// Changes with each content.
fn digest_of(certificate: &Certificate) -> String {
    let sum = Sha256::new().chain_update(certificate.id.uuid()).chain_update(certificate.version.to_be_bytes());
    let fingerprint = certificate.content.as_ref().map(|content| content.fingerprint.as_str()).unwrap_or_default();
    hex::encode(sum.chain_update(fingerprint).finalize())
}

/// Of what others keep, by what everybody may know of it.
fn digest_of_pem(reference: &str, pem: &str) -> String {
    hex::encode(Sha256::new().chain_update(reference).chain_update([0]).chain_update(pem).finalize())
}

impl App {
    /// What the secrets are that a load balancer uses.
    ///
    /// # Errors
    /// When the store fails.
    pub(super) async fn digests(&self, tx: &Tx, load_balancer: &LoadBalancer) -> Result<Digests, Fault> {
        let mut digests = Digests::new();
        let mut others = Vec::new();
        for (reference, _) in load_balancer.references() {
            match own(tx, &reference, &load_balancer.project_id).await? {
                // One that a CA has yet to issue is not known: who names it is told so, and all else is served.
                Some(certificate) if certificate.content.is_none() => {}
                Some(certificate) => drop(digests.insert(reference, digest_of(&certificate))),
                None => others.push(reference),
            }
        }
        let others: Vec<&str> = others.iter().map(String::as_str).collect();
        for secret in tx.secrets(&others).await? {
            digests.insert(secret.reference, secret.digest);
        }
        if self.keepers.unchecked {
            for reference in others {
                let digest = || digest_of_pem(reference, "");
                digests.entry(reference.to_owned()).or_insert_with(digest);
            }
        }
        Ok(digests)
    }

    /// Refuses references that are new and of which nobody knows what is behind them.
    ///
    /// # Errors
    /// [`Tls::SecretsNotFound`], or when the store fails.
    pub(super) async fn check_references(
        &self,
        tx: &Tx,
        before: Option<&LoadBalancer>,
        after: &LoadBalancer,
        is_only_checked: bool,
    ) -> Result<(), Fault> {
        if self.keepers.unchecked {
            return Ok(());
        }
        let mut unknown = Vec::new();
        for (reference, purpose) in new_references(before, after) {
            if own(tx, &reference, &after.project_id).await?.is_none_or(|own| own.kind != purpose) {
                unknown.push((reference, purpose));
            }
        }
        let asked: Vec<&str> = unknown.iter().map(|(reference, _)| reference.as_str()).collect();
        for known in tx.secrets(&asked).await? {
            unknown.retain(|(reference, purpose)| *reference != known.reference || *purpose != known.purpose);
        }
        if is_only_checked {
            // Others are asked by a write alone, which changes who may read there.
            unknown.retain(|(reference, _)| self.keepers.of(reference).is_none());
        }
        refuse(unknown)
    }
}

/// # Errors
/// [`Tls::SecretsNotFound`], if there are any.
fn refuse(unknown: Vec<(String, Purpose)>) -> Result<(), Fault> {
    if unknown.is_empty() {
        return Ok(());
    }
    let references = unknown.into_iter().map(|(reference, _)| reference).collect();
    Err(Balancing::Tls(Tls::SecretsNotFound { references }).into())
}

fn new_references(before: Option<&LoadBalancer>, after: &LoadBalancer) -> Vec<(String, Purpose)> {
    let known = before.map(LoadBalancer::references).unwrap_or_default();
    after.references().into_iter().filter(|one| !known.contains(one)).collect()
}

/// The certificate that the project keeps here, if the reference names one. Another project's is not there.
async fn own(tx: &Tx, reference: &str, project_id: &str) -> Result<Option<Certificate>, Fault> {
    let Some(id) = of_reference(reference) else { return Ok(None) };
    Ok(tx.certificate(id).await?.filter(|certificate| certificate.project_id == project_id))
}

/// What the scheduler does by itself, or because of somebody else.
fn cause(what: String) -> Arc<Cause> {
    Arc::new(Cause { by: By::Scheduler, what, ..Cause::default() })
}
