//! Looks at what others keep, every now and then, and tells them who uses it.

use std::{collections::BTreeSet, time::Duration};

use ballast_model::{fault::Fault, ids::LoadBalancerId, tls::Purpose};
use futures_util::{StreamExt as _, stream};
use tokio_util::sync::CancellationToken;

use super::{super::App, own};
use crate::{
    metrics::Led,
    secrets::{
        Refused,
        token::{given, with_token},
    },
};

/// What was read for a write that was not made is forgotten after so long.
const UNDER_WAY: i64 = 600 * 1_000_000;
/// The shortest and the longest time between two looks, in parts of what is configured: many schedulers do not look at once.
const SPREAD: (f64, f64) = (0.9, 0.2);

/// Secrets that a load balancer uses.
pub(in crate::app) type Named = BTreeSet<(String, Purpose)>;

impl App {
    /// Looks until the shutdown.
    pub async fn keep_looking(&self, shutdown: CancellationToken) {
        if self.keepers.sources.is_empty() {
            return shutdown.cancelled().await;
        }
        loop {
            let pause = self.keepers.look_interval.mul_f64(SPREAD.0 + SPREAD.1 * self.chance.fraction());
            if shutdown.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                return;
            }
            self.metrics.worked(Led::Looking);
            let look = Box::pin(self.look_at_secrets(self.keepers.look_interval / 2, None));
            match shutdown.run_until_cancelled(look).await {
                None => return,
                Some(Ok(())) => {}
                Some(Err(fault)) => {
                    tracing::warn!(detail = fault.detail(), "what others keep was not looked at: {fault}");
                }
            }
        }
    }

    /// Looks at what was looked at longer ago than this, also by another scheduler; forgets what nobody uses; and tells keepers
    /// what they do not know yet of who uses what. `project_id`: at what this one uses alone. One look at a time.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn look_at_secrets(&self, age: Duration, project_id: Option<&str>) -> Result<(), Fault> {
        let _turn = self.keepers.turn.lock().await;
        let seen = self
            .store
            .glance(|tx, _| Box::pin(async move { Ok((self.used_secrets(tx).await?, tx.all_secrets().await?)) }));
        let (used, known) = seen.await?;
        let now = self.now();
        let since = now.0.saturating_sub(i64::try_from(age.as_micros()).unwrap_or(i64::MAX));
        let mut due = Named::new();
        let is_wanted = |project: &str| project_id.is_none_or(|wanted| wanted == project);
        for ((reference, _), one) in used.iter().filter(|((_, project), _)| is_wanted(project)) {
            let is_due = match one.looked_at {
                Some(at) => at.0 <= since,
                None => one.digest.is_empty(),
            };
            if is_due {
                due.extend(one.users.iter().map(|user| (reference.clone(), user.purpose)));
            }
        }
        let looks = stream::iter(due).map(|(reference, purpose)| self.look_at(reference, purpose));
        let mut looks = looks.buffer_unordered(self.keepers.parallelism);
        while let Some(looked) = looks.next().await {
            looked?;
        }
        let names: BTreeSet<&str> = used.keys().map(|(reference, _)| reference.as_str()).collect();
        let is_over = |read_at: i64| now.0.saturating_sub(read_at) > UNDER_WAY;
        let unused = known.iter().filter(|one| !names.contains(one.reference.as_str()) && is_over(one.looked_at.0));
        let unused: Vec<&str> = unused.map(|one| one.reference.as_str()).collect();
        if !unused.is_empty() {
            let forget = self.store.write(|tx, _| Box::pin(tx.forget_secrets(&unused)));
            forget.await?;
        }
        for source in &self.keepers.sources {
            source.settle().await?;
        }
        Ok(())
    }

    async fn look_at(&self, reference: String, purpose: Purpose) -> Result<(), Fault> {
        let Some(source) = self.keepers.of(&reference) else { return Ok(()) };
        let read = source.read(&reference, purpose).await;
        self.secret_read(&reference, purpose, read).await.map(drop)
    }

    /// Tells those who keep secrets what a load balancer uses since a write that is durable, and what it does not any more. Nobody
    /// waits for them: what they are not told now they are told at a look.
    pub(in crate::app) fn tell_keepers(&self, id: LoadBalancerId, project_id: &str, before: &Named, after: &Named) {
        if self.keepers.sources.is_empty() || before == after || self.foresight.is_some() {
            return;
        }
        let references = |named: &Named| named.iter().map(|(reference, _)| reference.clone()).collect::<BTreeSet<_>>();
        let (before, after) = (references(before), references(after));
        let (app, project_id) = (self.clone(), project_id.to_owned());
        let telling = async move {
            for (reference, is_used) in after
                .difference(&before)
                .map(|one| (one, true))
                .chain(before.difference(&after).map(|one| (one, false)))
            {
                match app.tell_keeper(id, &project_id, reference, is_used).await {
                    Ok(Ok(())) => {}
                    Ok(Err(why)) => tracing::info!(reference, "who keeps a secret is told later: {}", why.why()),
                    Err(fault) => tracing::warn!(detail = fault.detail(), "who keeps a secret is told later: {fault}"),
                }
            }
        };
        tokio::spawn(with_token(given(), Box::pin(telling)));
    }

    async fn tell_keeper(
        &self,
        id: LoadBalancerId,
        project_id: &str,
        reference: &str,
        is_used: bool,
    ) -> Result<Result<(), Refused>, Fault> {
        let Some(source) = self.keepers.of(reference) else { return Ok(Ok(())) };
        let seen = self.store.glance(|tx, _| {
            Box::pin(async move {
                Ok((own(tx, reference, project_id).await?.is_some(), tx.is_secret_named(reference).await?))
            })
        });
        Ok(match (seen.await?, is_used) {
            ((true, _), _) => Ok(()),
            (_, true) => source.used(reference, id).await,
            ((_, is_named), false) => source.unused(reference, id, !is_named).await,
        })
    }
}
