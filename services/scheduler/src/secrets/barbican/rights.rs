//! The right of the service's own user to read what load balancers name: given with the caller's token, taken back with the
//! last use.
//!
//! Barbican lets the members of a secret's project change who may read it, and not who may read it alone. So it is taken back
//! with the token of who ends the last use; without one, or if he may not, by the service's own user, should the operator
//! have allowed that in Barbican's policy. Until it is done it is noted.

use std::collections::BTreeSet;

use ballast_model::fault::Fault;
use ballast_store::BarbicanGrant;
use reqwest::Method;
use serde_json::Value;

use super::{
    super::{source::Refused, token::given},
    Barbican,
    client::{As, Call, of},
    reference::Entity,
    shapes::{Acl, Container, Secret},
};

impl Barbican {
    /// The caller may read all that this reference is of, and from now on the service's own user may.
    pub(super) async fn grant(&self, token: &str, reference: &str, entity: Entity) -> Result<(), Refused> {
        if token.is_empty() {
            return Err(Refused::Gone(
                "no token of Keystone's came with the call by which Barbican could be asked".to_owned(),
            ));
        }
        self.give(token, reference, entity).await?;
        if let Entity::Container(_) = entity {
            let container: Container = self.client.object(As::Caller(token), &entity.to_string()).await?;
            let secrets = container.secrets().map_err(Refused::bad)?;
            let secrets: BTreeSet<Entity> = secrets.into_iter().map(|(_, secret)| secret).collect();
            for secret in secrets {
                self.give(token, reference, secret).await?;
            }
        }
        Ok(())
    }

    async fn give(&self, token: &str, reference: &str, entity: Entity) -> Result<(), Refused> {
        let (caller, user_id) = (As::Caller(token), self.client.user_id().await?);
        let acl: Acl = match self.client.object(caller, &of(entity, "acl")).await {
            Err(Refused::Gone(why)) => return self.may_both_read(token, entity, why).await,
            acl => acl?,
        };
        let added = !acl.lets_read(&user_id);
        let grant = BarbicanGrant {
            entity: entity.to_string(),
            reference: reference.to_owned(),
            project_id: given().project_id,
            added,
            since: self.now(),
            refused: None,
        };
        self.note(&grant).await?;
        if added { self.set(caller, entity, &acl.with(&user_id, true)).await } else { Ok(()) }
    }

    /// Who may read and not say who else may, as somebody of another project: he may name what the service's own user may read
    /// already.
    async fn may_both_read(&self, token: &str, entity: Entity, why: String) -> Result<(), Refused> {
        for who in [As::Caller(token), As::Service] {
            let may: Result<Value, Refused> = self.client.object(who, &entity.to_string()).await;
            match may {
                Err(Refused::Gone(_)) => return Err(Refused::Gone(why)),
                may => drop(may?),
            }
        }
        Ok(())
    }

    async fn set(&self, who: As<'_>, entity: Entity, acl: &Acl) -> Result<(), Refused> {
        self.client.call(who, &Call::new(Method::PUT, &of(entity, "acl"), Some(acl.body()))).await.map(drop)
    }

    /// Takes a right back that no reference needs any more.
    ///
    /// # Errors
    /// Who could take it back does not answer; or nobody who is here may.
    pub(super) async fn take_back(&self, grant: &BarbicanGrant) -> Result<(), Refused> {
        let Some(entity) = Entity::parse(&grant.entity) else { return self.forget(grant).await };
        let (given, user_id) = (given(), self.client.user_id().await?);
        let mut refused = None;
        let callers = Some(As::Caller(&given.token)).filter(|_| !given.token.is_empty());
        for who in callers.into_iter().chain([As::Service]) {
            let acl: Acl = match self.client.object(who, &of(entity, "acl")).await {
                Err(Refused::Gone(why)) => {
                    refused = Some(why);
                    continue;
                }
                acl => acl?,
            };
            if acl.lets_read(&user_id) {
                self.set(who, entity, &acl.with(&user_id, false)).await?;
            }
            return self.forget(grant).await;
        }
        // What the service's own user cannot read is not its to give back; or it is gone.
        let can_read: Result<Secret, Refused> = self.client.object(As::Service, &entity.to_string()).await;
        match (can_read, refused) {
            (Err(Refused::Gone(_)), _) | (Ok(_), None) => self.forget(grant).await,
            (Ok(_), Some(why)) => {
                self.refused(grant).await?;
                Err(Refused::Gone(why))
            }
            (Err(other), _) => Err(other),
        }
    }

    async fn note(&self, grant: &BarbicanGrant) -> Result<(), Refused> {
        self.store.write(|tx, _| Box::pin(async move { tx.note_barbican_grant(grant).await })).await.map_err(away)
    }

    pub(super) async fn forget(&self, grant: &BarbicanGrant) -> Result<(), Refused> {
        self.store.write(|tx, _| Box::pin(async move { tx.forget_barbican_grant(grant).await })).await.map_err(away)
    }

    async fn refused(&self, grant: &BarbicanGrant) -> Result<(), Refused> {
        let now = self.now();
        if grant.refused.is_none() {
            tracing::warn!(
                secret = grant.entity,
                "nobody uses it any more, and the right to read it could not be taken back: a member of its project can do so, \
                 or the service's own user, if Barbican's policy lets it"
            );
        }
        self.store
            .write(|tx, _| Box::pin(async move { tx.barbican_grant_refused(grant, now).await }))
            .await
            .map_err(away)
    }
}

/// The store's faults are ours, and pass.
#[expect(clippy::needless_pass_by_value, reason = "as map_err calls it")]
pub(super) fn away(fault: Fault) -> Refused {
    tracing::error!("what a Barbican was asked for cannot be noted: {}", fault.for_log());
    Refused::Away("the database does not answer".to_owned())
}
