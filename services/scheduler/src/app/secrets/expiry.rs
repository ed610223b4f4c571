//! The ends of certificates that are used: told beforehand, in events of who uses them, and in metrics.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use ballast_model::{fault::Fault, time::Timestamp};
use ballast_store::{Secret, SecretUser, Tx, because};
use tokio_util::sync::CancellationToken;

use super::{super::App, Own, cause, digest_of};
use crate::metrics::{Ending, Led};

/// How often the ends are looked at.
const PERIOD: Duration = Duration::from_secs(600);
const DAY: i64 = 24 * 60 * 60 * 1_000_000;
/// How many days before the end somebody is warned; 0: it has come.
const WARNINGS: [u32; 5] = [0, 1, 7, 14, 30];

/// A content that is used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Used {
    pub users: BTreeSet<SecretUser>,
    pub digest: String,
    pub names: Vec<String>,
    pub not_before: Option<Timestamp>,
    pub not_after: Option<Timestamp>,
    /// When its keeper was last looked at. None: it is kept here.
    pub looked_at: Option<Timestamp>,
    /// Why what is there now is not taken; empty: nothing is wrong.
    pub problem: String,
}

/// What is used, by its reference; by its project as well, where it is kept here.
pub type AllUsed = BTreeMap<(String, String), Used>;

/// The last warning that is due so long before the end.
fn due(left: i64) -> Option<u32> {
    WARNINGS.into_iter().find(|days| left <= i64::from(*days) * DAY)
}

impl App {
    /// Looks at the ends of certificates until the shutdown.
    pub async fn keep_warning(&self, shutdown: CancellationToken) {
        let mut ticks = tokio::time::interval(PERIOD);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while shutdown.run_until_cancelled(ticks.tick()).await.is_some() {
            self.metrics.worked(Led::Warning);
            if let Err(fault) = self.warn_of_ends().await {
                tracing::warn!(detail = fault.detail(), "the ends of certificates were not looked at: {fault}");
            }
        }
    }

    /// Counts the ends of certificates for the metrics of this scheduler, until the shutdown.
    pub async fn keep_counting_ends(&self, shutdown: CancellationToken) {
        let mut ticks = tokio::time::interval(PERIOD);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while shutdown.run_until_cancelled(ticks.tick()).await.is_some() {
            if let Err(fault) = self.count_ends().await {
                tracing::warn!(detail = fault.detail(), "the ends of certificates were not counted: {fault}");
            }
        }
    }

    async fn count_ends(&self) -> Result<(AllUsed, Timestamp), Fault> {
        let used = self.store.glance(|tx, _| Box::pin(self.used_secrets(tx))).await?;
        let now = self.now();
        self.metrics.certificates.told(
            used.values().map(|one| Ending { not_after: one.not_after, is_refused: !one.problem.is_empty() }),
            now,
        );
        Ok((used, now))
    }

    /// Warns of ends that come, of each once.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn warn_of_ends(&self) -> Result<(), Fault> {
        let (used, now) = self.count_ends().await?;
        for ((reference, _), one) in &used {
            let Some(left) = one.not_after.map(|end| end.0.saturating_sub(now.0)) else { continue };
            let Some(days) = due(left) else { continue };
            let told = match days {
                0 => format!("{reference} has expired"),
                1 => format!("{reference} expires within a day"),
                _ => format!("{reference} expires within {days} days"),
            };
            let warn = self.store.write(|tx, _| {
                Box::pin(async move {
                    let is_new = tx.warn_of_expiry(&one.digest, days).await?;
                    if is_new {
                        one.users.iter().for_each(|user| tx.note_user(user));
                    }
                    Ok(is_new)
                })
            });
            if because(cause(told.clone()), warn).await? {
                tracing::warn!(names = one.names.join(" "), "{told}");
            }
        }
        let digests: BTreeSet<String> = used.into_values().map(|one| one.digest).collect();
        self.store.write(|tx, _| Box::pin(tx.forget_warnings(&digests))).await
    }

    /// The secrets that a project uses; none: all.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn secrets_in_use(&self, project_id: Option<&str>) -> Result<AllUsed, Fault> {
        let mut all = self.store.glance(|tx, _| Box::pin(self.used_secrets(tx))).await?;
        all.retain(|(_, project), _| project_id.is_none_or(|wanted| wanted == project));
        Ok(all)
    }

    /// All secrets that are used.
    ///
    /// # Errors
    /// When the store fails.
    pub(in crate::app) async fn used_secrets(&self, tx: &Tx) -> Result<AllUsed, Fault> {
        let mut all = AllUsed::new();
        for user in tx.users_of_secrets(None).await? {
            let key = (user.reference.clone(), user.project_id.clone());
            all.entry(key).or_default().users.insert(user);
        }
        let mut others = Vec::new();
        let own = Own::of(tx, all.keys().map(|(reference, _)| reference.as_str())).await?;
        for ((reference, project_id), one) in &mut all {
            match own.get(reference, project_id) {
                Some(certificate) => {
                    one.digest = digest_of(certificate);
                    if let Some(content) = &certificate.content {
                        one.names.clone_from(&content.names);
                        (one.not_before, one.not_after) = (Some(content.not_before), Some(content.not_after));
                    }
                }
                None => others.push(reference.clone()),
            }
        }
        let known = tx.secrets(&others.iter().map(String::as_str).collect::<Vec<_>>()).await?;
        let known: BTreeMap<&str, &Secret> = known.iter().map(|secret| (secret.reference.as_str(), secret)).collect();
        for ((reference, _), one) in &mut all {
            if let Some(secret) = known.get(reference.as_str()).filter(|_| one.digest.is_empty()) {
                one.digest.clone_from(&secret.digest);
                one.names.clone_from(&secret.names);
                (one.not_before, one.not_after) = (secret.not_before, secret.not_after);
                one.looked_at = Some(secret.looked_at);
                one.problem.clone_from(&secret.problem);
            }
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_is_due_so_many_days_before_the_end_and_the_last_one_counts() {
        let at = |days: f64| {
            #[expect(clippy::cast_possible_truncation, reason = "days of a test")]
            due((days * DAY as f64) as i64)
        };
        assert_eq!([at(31.0), at(30.0), at(14.1), at(14.0), at(7.0)], [None, Some(30), Some(30), Some(14), Some(7)]);
        assert_eq!([at(1.5), at(1.0), at(0.1), at(0.0), at(-3.0)], [Some(7), Some(1), Some(1), Some(0), Some(0)]);
    }
}
