//! Certificates that a CA issues by ACME: each attempt from its order to what is kept, in the background.
//!
//! An attempt is one pass that nothing has to be remembered of: what breaks off is begun anew. Of several schedulers one is at a
//! certificate, which its row says, and a scheduler that is gone is at none. What load balancers answer meanwhile is a part of
//! what they are to run, and goes with the end of the attempt.

mod answers;
mod attempt;

use std::{collections::HashSet, time::Duration};

use ballast_certificates::Material;
use ballast_model::{
    certificate::{Certificate, of_reference},
    fault::Fault,
    ids::{CertificateId, SchedulerId},
    time::Timestamp,
};
use ballast_store::{SecretUser, Tx, because};
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::{App, secrets::cause};
use crate::{
    acme::Issuer,
    metrics::{Attempted, Led},
};

/// How often it is looked for what is due.
const PERIOD: Duration = Duration::from_secs(5);
/// How many attempts go on at the same time.
const AT_ONCE: usize = 4;
/// How many that are due are looked at, at a time.
const MOST_DUE: u64 = 100;
/// How many domains are told in an event.
const TOLD: usize = 3;
/// How soon something that waits is looked at again: while it is new, and later.
const SOON: Duration = Duration::from_secs(15);
const LATER: Duration = Duration::from_secs(120);
const NEW: Duration = Duration::from_secs(600);

/// Why there is no certificate at the end of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Stopped {
    /// The CA was not asked: something else has to be there first.
    Waits(String),
    Failed(String),
}

impl From<Fault> for Stopped {
    fn from(fault: Fault) -> Self {
        tracing::warn!(detail = fault.detail(), "a certificate is not issued: {fault}");
        Self::Failed("the scheduler could not read or store what it needs: its log says more".to_owned())
    }
}

impl App {
    /// Issues what is due, until the end.
    pub async fn keep_issuing(&self, shutdown: CancellationToken) {
        let Some(issuer) = self.issuer.as_deref() else { return };
        let mut ticks = tokio::time::interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut busy, mut running) = (HashSet::new(), FuturesUnordered::new());
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = self.issuing.notified() => {}
                Some(id) = running.next() => { busy.remove(&id); }
                () = shutdown.cancelled() => return,
            }
            self.metrics.worked(Led::Issuing);
            match self.take_due(&busy).await {
                Ok(taken) => {
                    for certificate in taken {
                        busy.insert(certificate.id);
                        running.push(Box::pin(self.issue(issuer, certificate)));
                    }
                }
                Err(fault) => {
                    tracing::warn!(detail = fault.detail(), "what is to be issued is looked at again: {fault}");
                }
            }
        }
    }

    /// A certificate was made or changed that may be due.
    pub(super) fn issue_soon(&self, certificate: &Certificate) {
        if certificate.acme.is_some() {
            self.issuing.notify_one();
        }
    }

    /// Those that are due and this scheduler is at from now on.
    async fn take_due(&self, busy: &HashSet<CertificateId>) -> Result<Vec<Certificate>, Fault> {
        let now = self.now();
        let look = self.store.glance(|tx, _| {
            Box::pin(async move { Ok((tx.certificates_to_issue(now, MOST_DUE).await?, tx.count_failing().await?)) })
        });
        let (mut due, failing) = look.await?;
        self.metrics.acme.failing(failing);
        due.retain(|one| !busy.contains(&one.id));
        let mut taken = Vec::new();
        for one in due {
            if busy.len() + taken.len() >= AT_ONCE {
                break;
            }
            taken.extend(self.store.write(|tx, _| Box::pin(self.take_one(tx, one.id, now))).await?);
        }
        Ok(taken)
    }

    /// Takes one, unless another scheduler that lives is at it.
    async fn take_one(&self, tx: &Tx, id: CertificateId, now: Timestamp) -> Result<Option<Certificate>, Fault> {
        let Some(mut certificate) = tx.certificate(id).await? else { return Ok(None) };
        let Some(acme) = &mut certificate.acme else { return Ok(None) };
        let others: Vec<SchedulerId> = tx.schedulers().await?.into_iter().map(|one| one.id).collect();
        // This one is at none of those that it looks at, whatever it was before it was cut short.
        if !acme.is_due(now, |worker| worker != self.id && others.contains(&worker)) {
            return Ok(None);
        }
        acme.worker = Some(self.id);
        tx.save_certificate(&certificate, None).await?;
        Ok(Some(certificate))
    }

    /// One attempt, and its end; the certificate that it was about.
    async fn issue(&self, issuer: &Issuer, certificate: Certificate) -> CertificateId {
        let id = certificate.id;
        let result = Box::pin(self.attempt(issuer, &certificate)).await;
        match &result {
            Ok(material) => {
                tracing::info!(certificate.id = %id, names = ?material.content.names, "a certificate is issued");
            }
            Err(Stopped::Waits(why)) => tracing::debug!(certificate.id = %id, "a certificate is not issued yet: {why}"),
            Err(Stopped::Failed(why)) => tracing::warn!(certificate.id = %id, "a certificate is not issued: {why}"),
        }
        let mut outcome = match &result {
            Ok(_) if certificate.content.is_some() => Some(Attempted::Renewed),
            Ok(_) => Some(Attempted::Issued),
            Err(Stopped::Failed(_)) => Some(Attempted::Failed),
            Err(Stopped::Waits(_)) => None,
        };
        let mut ended = self.end_attempt(&certificate, &result).await;
        if let (Err(fault), Ok(_)) = (&ended, &result) {
            let why = Stopped::Failed(format!("what was issued could not be stored: {fault}"));
            ended = self.end_attempt(&certificate, &Err(why)).await;
            outcome = Some(Attempted::Failed);
        }
        if let Some(outcome) = outcome {
            self.metrics.acme.attempted(outcome, self.now());
        }
        if let Err(fault) = ended {
            tracing::error!(certificate.id = %id, detail = fault.detail(), "an attempt to issue is begun anew: {fault}");
        }
        id
    }

    /// Stores what became of an attempt, and load balancers answer nothing for it any more. If another scheduler is at the
    /// certificate by now, or its names are others, all of that is of nobody's concern.
    async fn end_attempt(&self, before: &Certificate, result: &Result<Material, Stopped>) -> Result<(), Fault> {
        let (id, now, fraction) = (before.id, self.now(), self.chance.fraction());
        let told = told(before, result);
        let end = self.store.write(|tx, _| {
            Box::pin(async move {
                let Some(before) = tx.certificate(id).await? else { return self.answer_nothing_for(tx, id).await };
                let Some(acme) = before.acme.clone().filter(|acme| acme.worker == Some(self.id)) else {
                    return Ok(Vec::new());
                };
                let mut wakes = self.answer_nothing_for(tx, id).await?;
                let (mut after, mut sealed) = (before.clone(), None);
                after.acme = Some(match result {
                    Ok(material) => {
                        sealed = self.bring(&mut after, material)?;
                        (after.changed, after.updated_at) = (before.changed + 1, Some(now));
                        acme.issued(&material.content, now)
                    }
                    Err(Stopped::Failed(why)) => acme.failed(why, now, fraction),
                    Err(Stopped::Waits(why)) => acme.waits(why, later(now, before.created_at)),
                });
                tx.save_certificate(&after, sealed.as_ref()).await?;
                if after.version != before.version {
                    wakes.extend(self.certificate_changed(tx, id, &after.project_id).await?);
                }
                if let Err(Stopped::Failed(_)) = result {
                    // Nothing of them has changed: that is what their owner has to know.
                    users_of(tx, &before).await?.iter().for_each(|user| tx.note_user(user));
                }
                Ok(wakes)
            })
        });
        self.wake(because(cause(told), end).await?);
        Ok(())
    }
}

/// Who uses a certificate of its project.
async fn users_of(tx: &Tx, certificate: &Certificate) -> Result<Vec<SecretUser>, Fault> {
    let users = tx.users_of_secrets(Some(&certificate.id.to_string())).await?;
    let is_its = |user: &SecretUser| {
        user.project_id == certificate.project_id && of_reference(&user.reference) == Some(certificate.id)
    };
    Ok(users.into_iter().filter(is_its).collect())
}

/// What events of who uses it say of an attempt.
fn told(certificate: &Certificate, result: &Result<Material, Stopped>) -> String {
    let domains = certificate.acme.as_ref().map(|acme| acme.domains.as_slice()).unwrap_or_default();
    let more = domains.len().saturating_sub(TOLD);
    let mut of = domains.iter().take(TOLD).map(String::as_str).collect::<Vec<_>>().join(", ");
    if more > 0 {
        of.push_str(&format!(" and {more} more"));
    }
    let id = certificate.id;
    match result {
        Ok(_) if certificate.content.is_some() => format!("the certificate {id} for {of} is renewed"),
        Ok(_) => format!("the certificate {id} for {of} is issued"),
        Err(Stopped::Failed(why)) => format!("the certificate {id} for {of} is not issued: {why}"),
        Err(Stopped::Waits(why)) => format!("the certificate {id} for {of} waits: {why}"),
    }
}

/// When something that waits is looked at again.
fn later(now: Timestamp, created_at: Timestamp) -> Timestamp {
    let pause = if created_at.age(now) < NEW { SOON } else { LATER };
    Timestamp(now.0.saturating_add(i64::try_from(pause.as_micros()).unwrap_or(i64::MAX)))
}
