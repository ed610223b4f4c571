//! Secrets that load balancers name: what an agent is told of them, who may name which, and what becomes of load balancers
//! when one changes.

mod expiry;
mod looking;
mod reading;
mod refusing;
mod telling;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use ballast_certificates::are_of;
use ballast_model::{
    certificate::{Certificate, of_reference},
    fault::{Fault, Referred},
    ids::CertificateId,
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
use self::refusing::{own_refused, refuse};
pub use self::telling::{Answer, WantedSecret};
use super::App;
use crate::secrets::{Refused, Source, barbican::Barbican};

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
        let references = load_balancer.references();
        let own = Own::of(tx, references.iter().map(|(reference, _)| reference.as_str())).await?;
        for (reference, _) in references {
            match own.get(&reference, &load_balancer.project_id) {
                // One that a CA has yet to issue is not known: who names it is told so, and all else is served.
                Some(certificate) if certificate.content.is_none() => {}
                Some(certificate) => drop(digests.insert(reference, digest_of(certificate))),
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
    /// [`Tls::SecretsNotFound`](ballast_model::fault::Tls::SecretsNotFound), [`Referred`], or when the store fails.
    pub(super) async fn check_references(
        &self,
        tx: &Tx,
        before: Option<&LoadBalancer>,
        after: &LoadBalancer,
        is_only_checked: bool,
    ) -> Result<(), Fault> {
        after.check_secrets(before)?;
        if self.keepers.unchecked {
            return Ok(());
        }
        let (mut unknown, mut refusals) = (Vec::new(), Vec::new());
        let new = new_references(before, after);
        let own = Own::of(tx, new.iter().map(|(reference, _)| reference.as_str())).await?;
        for (reference, purpose) in new {
            match own.get(&reference, &after.project_id) {
                Some(own) => {
                    let refused = own_refused(own, purpose, self.now());
                    refusals.extend(refused.map(|refused| (reference, purpose, refused)));
                }
                None => unknown.push((reference, purpose)),
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
        let gone = || Refused::Gone("it is not there".to_owned());
        refusals.extend(unknown.into_iter().map(|(reference, purpose)| (reference, purpose, gone())));
        refuse(refusals)?;
        self.check_lists(tx, before, after).await
    }

    /// Refuses a revocation list that none of the authorities beside it has signed: by it nobody would be let in.
    async fn check_lists(&self, tx: &Tx, before: Option<&LoadBalancer>, after: &LoadBalancer) -> Result<(), Fault> {
        let known = before.map(LoadBalancer::revoking).unwrap_or_default();
        for (ca, list) in after.revoking().difference(&known) {
            let project_id = &after.project_id;
            let (authorities, lists) = (public(tx, ca, project_id).await?, public(tx, list, project_id).await?);
            // What is only checked may not have been read yet.
            let Some((authorities, lists)) = authorities.zip(lists) else { continue };
            if !are_of(&lists, &authorities) {
                return Err(Referred::CrlOfOtherCa { reference: (*list).to_owned(), ca: (*ca).to_owned() }.into());
            }
        }
        Ok(())
    }
}

/// What everybody may know of what is behind a reference, in PEM.
async fn public(tx: &Tx, reference: &str, project_id: &str) -> Result<Option<String>, Fault> {
    match own(tx, reference, project_id).await? {
        Some(own) => Ok(own.content.map(|content| content.chain)),
        None => Ok(tx.secret_content(reference).await?.map(|(pem, _)| pem)),
    }
}

fn new_references(before: Option<&LoadBalancer>, after: &LoadBalancer) -> Vec<(String, Purpose)> {
    let known = before.map(LoadBalancer::references).unwrap_or_default();
    after.references_in_order().into_iter().filter(|one| !known.contains(one)).collect()
}

/// The certificate that the project keeps here, if the reference names one. Another project's is not there.
async fn own(tx: &Tx, reference: &str, project_id: &str) -> Result<Option<Certificate>, Fault> {
    let Some(id) = of_reference(reference) else { return Ok(None) };
    Ok(tx.certificate(id).await?.filter(|certificate| certificate.project_id == project_id))
}

/// Certificates that are kept here, without their chains.
struct Own(BTreeMap<CertificateId, Certificate>);

impl Own {
    /// Those that these references name, whosever they are.
    async fn of(tx: &Tx, references: impl Iterator<Item = &str>) -> Result<Self, Fault> {
        let ids: BTreeSet<CertificateId> = references.filter_map(of_reference).collect();
        let found = tx.certificates_of(&ids.into_iter().collect::<Vec<_>>()).await?;
        Ok(Self(found.into_iter().map(|one| (one.id, one)).collect()))
    }

    /// As [`own`].
    fn get(&self, reference: &str, project_id: &str) -> Option<&Certificate> {
        let found = of_reference(reference).and_then(|id| self.0.get(&id));
        found.filter(|certificate| certificate.project_id == project_id)
    }
}

/// What the scheduler does by itself, or because of somebody else.
pub(super) fn cause(what: String) -> Arc<Cause> {
    Arc::new(Cause { by: By::Scheduler, what, ..Cause::default() })
}
