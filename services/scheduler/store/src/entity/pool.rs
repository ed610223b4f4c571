//! Pools.

use ballast_model::{
    fault::Fault,
    listener::Protocol,
    load_balancer::LoadBalancer,
    member::Member,
    parts::Parts,
    pool::{Association, LbMethod, Pool, SessionPersistence},
};
use sea_orm::{NotSet, Set, entity::prelude::*};
use serde::Deserialize;

use crate::codec::{member_of, number, progress, unreadable};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Deserialize)]
#[sea_orm(table_name = "pool")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub seq: i64,
    #[sea_orm(unique)]
    pub id: Uuid,
    pub load_balancer_id: Uuid,
    /// That of the load balancer, which never changes.
    pub provider: String,
    pub project_id: String,
    pub name: String,
    pub description: String,
    pub subnet_id: Uuid,
    pub protocol: String,
    pub lb_method: String,
    pub persistence: Option<String>,
    pub cookie_name: Option<String>,
    pub admin_state_up: bool,
    pub provisioning_status: String,
    pub status_description: Option<String>,
    pub changed: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl ActiveModel {
    pub(crate) fn of(pool: &Pool, load_balancer: &LoadBalancer) -> Self {
        let persistence = pool.session_persistence.as_ref();
        Self {
            seq: NotSet,
            id: Set(pool.id.uuid()),
            load_balancer_id: Set(load_balancer.id.uuid()),
            provider: Set(load_balancer.provider.clone()),
            project_id: Set(pool.project_id.clone()),
            name: Set(pool.name.clone()),
            description: Set(pool.description.clone()),
            subnet_id: Set(pool.subnet_id.uuid()),
            protocol: Set(pool.protocol.as_str().to_owned()),
            lb_method: Set(pool.lb_method.as_str().to_owned()),
            persistence: Set(persistence.map(|persistence| persistence.kind().to_owned())),
            cookie_name: Set(persistence.and_then(SessionPersistence::cookie_name).map(str::to_owned)),
            admin_state_up: Set(pool.admin_state_up),
            provisioning_status: Set(pool.progress.status.as_str().to_owned()),
            status_description: Set(pool.progress.description.clone()),
            changed: Set(number(pool.progress.changed)),
        }
    }
}

impl Model {
    pub(crate) fn into_pool(self, members: Parts<Member>, monitors: Parts<Association>) -> Result<Pool, Fault> {
        let persistence = self.persistence.map(|kind| {
            SessionPersistence::new(&kind, self.cookie_name.as_deref()).map_err(|_| unreadable("persistence", kind))
        });
        Ok(Pool {
            id: self.id.into(),
            project_id: self.project_id,
            name: self.name,
            description: self.description,
            subnet_id: self.subnet_id.into(),
            protocol: member_of("protocol", &self.protocol, Protocol::parse)?,
            lb_method: member_of("lb_method", &self.lb_method, LbMethod::parse)?,
            session_persistence: persistence.transpose()?,
            admin_state_up: self.admin_state_up,
            progress: progress(&self.provisioning_status, self.status_description, self.changed)?,
            members,
            monitors,
        })
    }
}
