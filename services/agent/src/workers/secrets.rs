//! A deploy waits for the secrets that its load balancer names: they are on the disk, or the scheduler is asked for them.

use std::{mem, sync::Arc, time::Duration};

use ballast_abi::DriverError;
use ballast_proto::{
    agent::{MissingSecret, Secrets, SecretsWanted, agent_message::Message},
    driver::{Fault, Secret, SecretContent},
};
use tokio::time::Instant;

use super::{Workers, order::Order, worker::Worker};
use crate::secrets::Contents;

/// How long a question is left alone before it is asked again.
const ASK_AGAIN: Duration = Duration::from_secs(2);
/// How many are asked for at once: the answer has them in one message, each with up to 128 KiB.
const AT_ONCE: usize = 100;
/// How long it may take until the next of them come, or that is a failure, which is told. It is tried on.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a worker knows of secrets that it has asked for.
#[derive(Debug, Default)]
pub(super) struct Asked {
    since: Option<Instant>,
    /// What the scheduler says that it cannot tell.
    missing: Vec<MissingSecret>,
}

impl Asked {
    /// Why it is no use to wait for these.
    fn fault(&mut self, lacking: &[Secret], now: Instant) -> Option<(Secret, Fault)> {
        let since = *self.since.get_or_insert(now);
        for MissingSecret { secret, fault } in mem::take(&mut self.missing) {
            let secret = secret.unwrap_or_default();
            if lacking.contains(&secret) {
                return Some((secret, fault.unwrap_or_default()));
            }
        }
        let first = lacking.first().filter(|_| now.saturating_duration_since(since) >= PATIENCE)?;
        self.since = None;
        let late =
            DriverError::unavailable("its certificates have not come from the scheduler yet").with_retryable(true);
        Some((first.clone(), late.into()))
    }
}

/// What the secrets of a load balancer are; none: they are not there, and the worker is to think again.
pub(super) async fn of(workers: &Workers, worker: &Worker, order: &Arc<Order>) -> Option<Contents> {
    if order.load_balancer.secrets().all(|(_, secret)| secret.digest.is_empty()) {
        return Some(Contents::default());
    }
    let (secrets, asked) = (workers.0.on.secrets.clone(), Arc::clone(order));
    let read = tokio::task::spawn_blocking(move || secrets.of(&asked.load_balancer)).await;
    let lacking = match read {
        Ok(Ok(contents)) => {
            worker.asked().since = None;
            return Some(contents);
        }
        Ok(Err(lacking)) => lacking,
        Err(error) => {
            tracing::error!("secrets could not be read: {error}");
            super::worker::wait(workers, worker, Some(Instant::now() + ASK_AGAIN)).await;
            return None;
        }
    };
    let fault = worker.asked().fault(&lacking, Instant::now());
    if let Some((secret, fault)) = fault {
        give_up(workers, worker, order, &secret, fault);
        return None;
    }
    let secrets = lacking.into_iter().take(AT_ONCE).collect();
    let (load_balancer_id, epoch) = (order.id().to_owned(), order.epoch);
    workers.0.on.uplink.send(Message::SecretsWanted(SecretsWanted { load_balancer_id, epoch, secrets }));
    super::worker::wait(workers, worker, Some(Instant::now() + ASK_AGAIN)).await;
    None
}

/// What runs runs on: the listener or the pool that names the secret is why nothing was changed.
fn give_up(workers: &Workers, worker: &Worker, order: &Arc<Order>, secret: &Secret, fault: Fault) {
    let mut owners = order.load_balancer.secrets().filter(|(_, one)| *one == secret);
    let object_id = owners.next().map(|(owner, _)| owner.to_owned()).unwrap_or_default();
    tracing::warn!(
        load_balancer.id = order.id(), object.id = object_id, reference = secret.reference, detail = %fault.detail,
        "not deployed: {}", fault.message
    );
    let outcome = worker.state().deployed(order, Err(Fault { object_id, ..fault }), workers.moment());
    if let Some(outcome) = outcome {
        workers.0.on.uplink.send(Message::Outcome(outcome));
    }
}

impl Workers {
    /// What was asked for has come, or cannot.
    pub(crate) fn secrets_came(&self, mut came: Secrets) {
        let (load_balancer_id, missing) = (mem::take(&mut came.load_balancer_id), mem::take(&mut came.missing));
        let secrets = mem::take(&mut came.secrets);
        let Some(worker) = self.registry().workers.get(&load_balancer_id).map(Arc::clone) else { return };
        let Some(order) = self.order_of(&load_balancer_id) else { return };
        let kept = self.0.on.secrets.clone();
        tokio::spawn(async move {
            let contents = Contents::from(secrets);
            let keep = move || {
                let mut named = contents.iter().filter(|content| is_named(&order, content)).peekable();
                let has_some = named.peek().is_some();
                named.try_for_each(|content| kept.keep(&load_balancer_id, content)).map(|()| has_some)
            };
            // They are asked for again in a while, and not at once: a disk that is full stays so.
            match tokio::task::spawn_blocking(keep).await {
                Ok(Ok(true)) => worker.asked().since = None,
                Ok(Ok(false)) => {}
                Ok(Err(error)) => {
                    return tracing::error!("secrets cannot be kept: {error}; free the disk under state_dir");
                }
                Err(error) => return tracing::error!("secrets could not be kept: {error}"),
            }
            worker.asked().missing = missing;
            worker.wake();
        });
    }

    /// Forgets what a load balancer does not name any more, or all that is not named by any.
    pub(super) async fn tidy_secrets(
        &self,
        tidy: impl FnOnce(&crate::secrets::Secrets) -> std::io::Result<()> + Send + 'static,
    ) {
        let secrets = self.0.on.secrets.clone();
        if let Ok(Err(error)) = tokio::task::spawn_blocking(move || tidy(&secrets)).await {
            tracing::error!("secrets that nobody names any more cannot be removed: {error}");
        }
    }
}

fn is_named(order: &Order, content: &SecretContent) -> bool {
    let is_it = |secret: &Secret| secret.reference == content.reference && secret.digest == content.digest;
    order.load_balancer.secrets().any(|(_, secret)| is_it(secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(digest: &str) -> Secret {
        Secret { reference: "r".to_owned(), digest: digest.to_owned() }
    }

    #[test]
    fn what_cannot_be_told_and_what_does_not_come_is_a_fault_and_what_is_not_wanted_any_more_is_none() {
        let (mut asked, now) = (Asked::default(), Instant::now());
        let lacking = [secret("1")];
        assert_eq!(asked.fault(&lacking, now), None);
        let fault = Some(Fault { message: "no key".to_owned(), ..Fault::default() });
        asked.missing = vec![MissingSecret { secret: Some(secret("0")), fault: fault.clone() }];
        assert_eq!(asked.fault(&lacking, now), None);
        asked.missing = vec![MissingSecret { secret: Some(secret("1")), fault: fault.clone() }];
        assert_eq!(asked.fault(&lacking, now), fault.map(|fault| (secret("1"), fault)));
        assert_eq!(asked.fault(&lacking, now), None);
        let (_, late) = asked.fault(&lacking, now + PATIENCE).unwrap();
        assert!(late.retryable);
        assert_eq!(asked.fault(&lacking, now + PATIENCE), None, "it is asked anew");
    }
}
