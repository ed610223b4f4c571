//! Load balancers as consumers of secrets and containers: who deletes one in Barbican sees who uses it.

use ballast_model::ids::LoadBalancerId;
use ballast_store::BarbicanConsumer;
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    super::source::Refused,
    Barbican,
    client::{As, Call, of},
    reference::Entity,
    rights::away,
};

/// What Barbican is told of a load balancer. Containers and secrets each have their own form.
fn body(entity: Entity, load_balancer_id: LoadBalancerId) -> Value {
    match entity {
        Entity::Container(_) => json!({"name": "ballast", "URL": format!("loadbalancer://{load_balancer_id}")}),
        Entity::Secret(_) => {
            json!({"service": "load-balancer", "resource_type": "loadbalancer", "resource_id": load_balancer_id})
        }
    }
}

impl Barbican {
    /// Registers it. Again is no harm.
    pub(super) async fn register(&self, consumer: &BarbicanConsumer, entity: Entity) -> Result<(), Refused> {
        let noted = BarbicanConsumer { registered: false, ..consumer.clone() };
        self.note_consumer(&noted).await?;
        let path = of(entity, "consumers");
        let call = Call::new(Method::POST, &path, Some(body(entity, consumer.load_balancer_id)));
        match self.client.call(As::Service, &call).await {
            // Secrets have consumers since Barbican's API 1.1.
            Err(Refused::Gone(_) | Refused::Bad(..)) if matches!(entity, Entity::Secret(_)) => {}
            done => drop(done?),
        }
        self.note_consumer(&BarbicanConsumer { registered: true, ..noted }).await
    }

    /// Takes it back. What is not there any more is.
    pub(super) async fn unregister(&self, consumer: &BarbicanConsumer, entity: Entity) -> Result<(), Refused> {
        let path = of(entity, "consumers");
        let call = Call::new(Method::DELETE, &path, Some(body(entity, consumer.load_balancer_id)));
        match self.client.call(As::Service, &call).await {
            Err(Refused::Gone(_) | Refused::Bad(..)) => {}
            done => drop(done?),
        }
        self.forget_consumer(consumer).await
    }

    async fn note_consumer(&self, consumer: &BarbicanConsumer) -> Result<(), Refused> {
        let note = self.store.write(|tx, _| Box::pin(async move { tx.note_barbican_consumer(consumer).await }));
        note.await.map_err(away)
    }

    pub(super) async fn forget_consumer(&self, consumer: &BarbicanConsumer) -> Result<(), Refused> {
        let forget = self.store.write(|tx, _| Box::pin(async move { tx.forget_barbican_consumer(consumer).await }));
        forget.await.map_err(away)
    }
}
