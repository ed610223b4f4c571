//! A Barbican: secrets of projects that load balancers name by the URLs that it gave them.
//!
//! Two users: the caller's token says whether he may read what he names, and lets the service's own user read it; from then on
//! that one reads. As Octavia does it, and unlike Octavia consumers are registered, and both are taken back with the last use.

mod client;
mod consumers;
mod content;
mod plan;
mod reference;
mod rights;
mod shapes;

use std::{sync::Arc, time::Duration};

use ballast_certificates::Zeroizing;
use ballast_model::{fault::Fault, ids::LoadBalancerId, time::Timestamp, tls::Purpose};
use ballast_service::{clock::Clock, config};
use ballast_store::{BarbicanConsumer, Store};
use reqwest::Method;
use tokio::sync::Semaphore;

use super::source::{Content, Refused, Source};
use client::{As, Call, Client, of};
use content::{MOST_PAYLOAD, Parts, Payloads, content};
use plan::{Seen, Step};
use reference::Entity;
use shapes::{Container, Secret};

/// How many secrets are opened at once: what they cost is their maker's choice, within bounds.
const OPENED_AT_ONCE: usize = 1;
/// One secret takes several calls; all together may take so many times what one may.
const CALLS: u32 = 6;

/// Handles share what they know.
#[derive(Clone)]
pub struct Barbican {
    client: Arc<Client>,
    store: Store,
    clock: Clock,
    opening: Arc<Semaphore>,
    patience: Duration,
}

impl Barbican {
    /// The one that is configured, if one is.
    ///
    /// # Errors
    /// One line that names the key at fault.
    pub fn new(settings: &config::Barbican, store: Store, clock: Clock) -> Result<Option<Self>, String> {
        if !settings.is_set() {
            return Ok(None);
        }
        Ok(Some(Self {
            client: Arc::new(Client::new(settings, clock.clone())?),
            store,
            clock,
            opening: Arc::new(Semaphore::new(OPENED_AT_ONCE)),
            patience: Duration::from_millis(settings.timeout_ms.into()).saturating_mul(CALLS),
        }))
    }

    fn now(&self) -> Timestamp {
        self.clock.now().into()
    }

    async fn in_time<T>(&self, work: impl Future<Output = Result<T, Refused>> + Send) -> Result<T, Refused> {
        let late = |_| Refused::Away("Barbican takes too long".to_owned());
        tokio::time::timeout(self.patience, work).await.map_err(late)?
    }

    async fn payloads(&self, reference: &str, entity: Entity) -> Result<Payloads, Refused> {
        match entity {
            Entity::Secret(_) => {
                let secret: Secret = self.client.object(As::Service, &entity.to_string()).await?;
                self.payload(entity, &secret).await.map(Payloads::Single)
            }
            Entity::Container(_) => self.parts(reference, entity).await.map(Payloads::Parts),
        }
    }

    async fn payload(&self, entity: Entity, secret: &Secret) -> Result<Zeroizing<Vec<u8>>, Refused> {
        let accept = secret.content_type().ok_or_else(|| Refused::bad(format!("{entity} has no payload")))?;
        let path = of(entity, "payload");
        let call = Call { accept, limit: MOST_PAYLOAD, ..Call::new(Method::GET, &path, None) };
        Ok(Zeroizing::new(self.client.call(As::Service, &call).await?.body))
    }

    async fn parts(&self, reference: &str, entity: Entity) -> Result<Parts, Refused> {
        let container: Container = self.client.object(As::Service, &entity.to_string()).await?;
        if !matches!(container.r#type.as_str(), "certificate" | "generic") {
            let kind = ballast_model::told::told(&container.r#type);
            return Err(Refused::bad(format!("a container of the type {kind} has no certificate")));
        }
        let mut found = [const { None }; NAMES.len()];
        for (name, secret) in container.secrets().map_err(Refused::bad)? {
            let Some(place) = NAMES.iter().position(|known| *known == name) else { continue };
            let payload = self.of_container(reference, &container, secret).await?;
            if found[place].replace(payload).is_some() {
                return Err(Refused::bad(format!("the container has more than one {name}")));
            }
        }
        let [certificate, private_key, intermediates, passphrase] = found;
        let missing = |name: &str| Refused::bad(format!("the container has no {name}"));
        Ok(Parts {
            certificate: certificate.ok_or_else(|| missing(NAMES[0]))?,
            private_key: private_key.ok_or_else(|| missing(NAMES[1]))?,
            intermediates,
            passphrase,
        })
    }

    /// One that was put into the container after somebody named it has not been asked for by anybody who may read it: it is
    /// taken if who made it made the container, too.
    async fn of_container(
        &self,
        reference: &str,
        container: &Container,
        entity: Entity,
    ) -> Result<Zeroizing<Vec<u8>>, Refused> {
        let secret: Secret = self.client.object(As::Service, &entity.to_string()).await?;
        let is_makers = secret.creator_id.is_some() && secret.creator_id == container.creator_id;
        if !is_makers && !self.was_admitted(reference, entity).await? {
            return Err(Refused::bad(format!(
                "{entity} of the container is of another user, and came after it was named: name the container anew"
            )));
        }
        self.payload(entity, &secret).await
    }

    async fn was_admitted(&self, reference: &str, entity: Entity) -> Result<bool, Refused> {
        let grants = self.store.glance(|tx, _| Box::pin(tx.barbican_grants(Some(reference)))).await;
        let entity = entity.to_string();
        Ok(grants.map_err(rights::away)?.iter().any(|grant| grant.entity == entity))
    }

    async fn opened(&self, payloads: Payloads, purpose: Purpose) -> Result<Content, Refused> {
        let now = self.now();
        let permit = Arc::clone(&self.opening).acquire_owned().await;
        let opened = tokio::task::spawn_blocking(move || {
            let opened = content(&payloads, purpose, now);
            drop(permit);
            opened
        });
        opened.await.map_err(|_| Refused::Away("the secret could not be opened".to_owned()))?
    }

    /// Registers who names something of this Barbican, and takes back what nobody needs any more: of all, or as far as it
    /// concerns one reference that nobody names any more. What fails is tried again next time.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn settle_all(&self, ended: Option<&str>) -> Result<(), Fault> {
        let seen = self.store.glance(|tx, _| {
            Box::pin(async move {
                Ok(Seen {
                    named: tx.named_secrets().await?,
                    consumers: tx.barbican_consumers().await?,
                    grants: tx.barbican_grants(None).await?,
                })
            })
        });
        let seen = seen.await?;
        for step in seen.plan(self.now(), ended) {
            if let Err(Refused::Away(why)) = self.take(&seen, &step).await {
                tracing::info!("what is to be told a Barbican waits: {why}");
                break;
            }
        }
        Ok(())
    }

    async fn take(&self, seen: &Seen, step: &Step) -> Result<(), Refused> {
        match step {
            Step::Unregister(consumer) => match Entity::of(&consumer.reference) {
                Some(entity) => self.unregister(consumer, entity).await,
                None => self.forget_consumer(consumer).await,
            },
            Step::Register(consumer) => match Entity::of(&consumer.reference) {
                Some(entity) => self.register(consumer, entity).await,
                None => Ok(()),
            },
            Step::TakeBack(reference, entity) => match seen.grant(reference, entity) {
                Some(grant) => self.take_back(grant).await,
                None => Ok(()),
            },
            Step::Forget(reference, entity) => match seen.grant(reference, entity) {
                Some(grant) => self.forget(grant).await,
                None => Ok(()),
            },
        }
    }
}

/// What secrets of a container are called that are looked at, as in certificate containers.
const NAMES: [&str; 4] = ["certificate", "private_key", "intermediates", "private_key_passphrase"];

fn entity(reference: &str) -> Result<Entity, Refused> {
    Entity::of(reference).ok_or_else(|| Refused::Gone("it is no reference of a Barbican".to_owned()))
}

#[tonic::async_trait]
impl Source for Barbican {
    fn name(&self) -> &'static str {
        "barbican"
    }

    fn knows(&self, reference: &str) -> bool {
        Entity::of(reference).is_some()
    }

    async fn admit(&self, token: &str, reference: &str, _: Purpose) -> Result<(), Refused> {
        let entity = entity(reference)?;
        self.in_time(self.grant(token, reference, entity)).await
    }

    async fn read(&self, reference: &str, purpose: Purpose) -> Result<Content, Refused> {
        let entity = entity(reference)?;
        let payloads = self.in_time(self.payloads(reference, entity)).await?;
        self.opened(payloads, purpose).await
    }

    async fn used(&self, reference: &str, by: LoadBalancerId) -> Result<(), Refused> {
        let consumer = BarbicanConsumer { reference: reference.to_owned(), load_balancer_id: by, registered: false };
        self.in_time(self.register(&consumer, entity(reference)?)).await
    }

    async fn unused(&self, reference: &str, by: LoadBalancerId, is_last: bool) -> Result<(), Refused> {
        let consumer = BarbicanConsumer { reference: reference.to_owned(), load_balancer_id: by, registered: true };
        self.in_time(self.unregister(&consumer, entity(reference)?)).await?;
        if is_last { self.settle_all(Some(reference)).await.map_err(rights::away) } else { Ok(()) }
    }

    async fn settle(&self) -> Result<(), Fault> {
        self.settle_all(None).await
    }
}
