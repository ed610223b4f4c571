//! What is read behind references that others keep, and what becomes of load balancers when it is something new.

use std::collections::BTreeSet;

use ballast_certificates::Bound;
use ballast_model::{
    certificate::of_reference,
    fault::{Certifying, Fault},
    ids::{CertificateId, LoadBalancerId},
    load_balancer::LoadBalancer,
    tls::Purpose,
};
use ballast_store::{Secret, Tx, because};

use super::{
    super::{App, Wake},
    Own, cause, digest_of_pem, new_references, refuse,
};
use crate::secrets::{Content, Refused, Source, token::given};

/// What came of a look at a secret that others keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// It is another one than before, and goes to who uses it.
    New,
    Same,
    /// What is there now is not taken; who uses it goes on with what was there before, and says so.
    Refused,
    /// Its keeper does not answer.
    Away,
}

impl App {
    /// Reads what is behind references of others that a change brings, before it is made: whoever makes it has to be allowed to.
    ///
    /// # Errors
    /// [`Tls::SecretsNotFound`](ballast_model::fault::Tls::SecretsNotFound), [`Referred`](ballast_model::fault::Referred), or
    /// when the store fails.
    pub(in crate::app) async fn admit_references(
        &self,
        before: Option<&LoadBalancer>,
        after: &LoadBalancer,
    ) -> Result<(), Fault> {
        if self.keepers.sources.is_empty() {
            return Ok(());
        }
        let (given, mut refused) = (given(), Vec::new());
        let (new, project_id) = (new_references(before, after), after.project_id.as_str());
        let named = &new;
        let own = self.store.glance(|tx, _| {
            Box::pin(async move { Own::of(tx, named.iter().map(|(reference, _)| reference.as_str())).await })
        });
        let own = own.await?;
        for (reference, purpose) in new {
            if own.get(&reference, project_id).is_some() {
                continue;
            }
            let Some(source) = self.keepers.of(&reference) else { continue };
            let mut read = admitted(&**source, &given.token, (&reference, purpose)).await;
            if let Err(Refused::Gone(_)) = &read {
                // The right may have been taken back with the use before this one, while it was given anew.
                read = admitted(&**source, &given.token, (&reference, purpose)).await;
            }
            match read {
                Ok(content) => drop(self.secret_read(&reference, purpose, Ok(content)).await?),
                Err(Refused::Away(why)) if self.is_known_to(project_id, (&reference, purpose)).await? => {
                    tracing::warn!(
                        reference,
                        "a secret is named that the project uses already, and nobody was asked: {why}"
                    );
                }
                Err(why) => {
                    tracing::info!(reference, purpose = purpose.as_str(), "a secret is refused: {}", why.why());
                    refused.push((reference, purpose, why));
                }
            }
        }
        refuse(refused)
    }

    /// Whether its content is known, and the project uses it already: who may write there may name it again.
    async fn is_known_to(&self, project_id: &str, (reference, purpose): (&str, Purpose)) -> Result<bool, Fault> {
        let find = self.store.glance(|tx, _| {
            Box::pin(async move {
                let is_known = tx.secrets(&[reference]).await?.iter().any(|known| known.purpose == purpose);
                let users = tx.users_of_secrets(Some(reference)).await?;
                let is_its = users.iter().any(|user| user.reference == reference && user.project_id == project_id);
                Ok(is_known && is_its)
            })
        });
        find.await
    }

    /// Takes what was read behind a reference. What is new goes to all that use it.
    ///
    /// # Errors
    /// [`Certifying::NoSecretsKey`], or when the store fails.
    pub async fn secret_read(
        &self,
        reference: &str,
        purpose: Purpose,
        read: Result<Content, Refused>,
    ) -> Result<Look, Fault> {
        match read {
            Err(Refused::Away(why)) => {
                tracing::warn!(reference, "nobody knows whether a secret has changed: {why}");
                Ok(Look::Away)
            }
            Err(Refused::Gone(why) | Refused::Bad(_, why)) => self.secret_refused(reference, &why).await,
            Ok(content) => self.secret_taken(reference, purpose, &content).await,
        }
    }

    async fn secret_taken(&self, reference: &str, purpose: Purpose, content: &Content) -> Result<Look, Fault> {
        let digest = &digest_of_pem(reference, &content.pem);
        let id: CertificateId = self.new_id();
        let take = self.store.write(|tx, _| {
            Box::pin(async move {
                let known = tx.secrets(&[reference]).await?.pop();
                let now = self.now();
                if let Some(known) = known.as_ref().filter(|known| known.digest == *digest && known.purpose == purpose)
                {
                    tx.note_secret(reference, now, "").await?;
                    let wakes = match known.problem.is_empty() {
                        true => Vec::new(),
                        false => change_users(tx, reference, None, |one| one.secret_refused(reference, None)).await?,
                    };
                    return Ok((Look::Same, wakes));
                }
                let version = known.as_ref().map_or(1, |known| known.version + 1);
                let id = known.as_ref().map_or(id, |known| known.id);
                let sealed = match content.private_key.is_empty() {
                    true => None,
                    false => {
                        let sealed = self.keyring.seal(content.private_key.as_bytes(), Bound { id, version });
                        Some(sealed.ok_or(Certifying::NoSecretsKey)?)
                    }
                };
                let secret = Secret {
                    id,
                    reference: reference.to_owned(),
                    purpose,
                    version,
                    digest: digest.clone(),
                    names: content.names.clone(),
                    not_before: content.not_before,
                    not_after: content.not_after,
                    read_at: now,
                    looked_at: now,
                    problem: String::new(),
                };
                tx.put_secret(&secret, &content.pem, sealed.as_ref()).await?;
                let wakes = change_users(tx, reference, None, |one| one.secret_changed(reference)).await?;
                Ok((Look::New, wakes))
            })
        });
        let (look, wakes) = because(cause(format!("{reference} is another one")), take).await?;
        self.wake(wakes);
        Ok(look)
    }

    async fn secret_refused(&self, reference: &str, why: &str) -> Result<Look, Fault> {
        let refuse = self.store.write(|tx, _| {
            Box::pin(async move {
                let Some(known) = tx.secrets(&[reference]).await?.pop() else { return Ok(()) };
                tx.note_secret(reference, self.now(), why).await?;
                if known.problem == why {
                    return Ok(());
                }
                tracing::warn!(reference, "what is there now is not taken, and what was there before is served: {why}");
                let told = format!("{reference} is not taken: {why}");
                change_users(tx, reference, None, |one| one.secret_refused(reference, Some(&told))).await.map(drop)
            })
        });
        because(cause(format!("{reference} is not taken: {why}")), refuse).await?;
        Ok(Look::Refused)
    }

    /// All that use a certificate of this project are to be deployed with what it is now.
    pub(in crate::app) async fn certificate_changed(
        &self,
        tx: &Tx,
        id: CertificateId,
        project_id: &str,
    ) -> Result<Vec<Wake>, Fault> {
        let mut wakes = Vec::new();
        let users = tx.users_of_secrets(Some(&id.to_string())).await?;
        let named: BTreeSet<&str> = users.iter().map(|user| user.reference.as_str()).collect();
        for one in named.into_iter().filter(|one| of_reference(one) == Some(id)) {
            wakes.extend(change_users(tx, one, Some(project_id), |before| before.secret_changed(one)).await?);
        }
        Ok(wakes)
    }
}

/// What it is, if the owner of the token may read it.
async fn admitted(source: &dyn Source, token: &str, (reference, purpose): (&str, Purpose)) -> Result<Content, Refused> {
    source.admit(token, reference, purpose).await?;
    source.read(reference, purpose).await
}

/// Changes the load balancers that use what is behind a reference, of one project or of all; says whom that concerns.
async fn change_users(
    tx: &Tx,
    reference: &str,
    project_id: Option<&str>,
    change: impl Fn(LoadBalancer) -> LoadBalancer,
) -> Result<Vec<Wake>, Fault> {
    let users = tx.users_of_secrets(Some(reference)).await?;
    let of_project = |project: &str| project_id.is_none_or(|wanted| wanted == project);
    let users = users.iter().filter(|user| user.reference == reference && of_project(&user.project_id));
    let ids: BTreeSet<LoadBalancerId> = users.map(|user| user.load_balancer_id).collect();
    let ids: Vec<LoadBalancerId> = ids.into_iter().collect();
    let mut wakes = Vec::with_capacity(ids.len());
    for before in tx.load_many_placed(&ids).await? {
        let after = change(before.load_balancer.clone());
        // What its owner wants has not changed: it keeps its times.
        tx.save(&before.load_balancer, &after).await?;
        wakes.extend(before.binding.as_ref().map(Wake::from));
    }
    Ok(wakes)
}
