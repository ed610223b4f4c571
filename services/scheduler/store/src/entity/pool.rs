//! Pools.

use ballast_model::{
    fault::Fault,
    listener::Protocol,
    load_balancer::LoadBalancer,
    member::Member,
    parts::Parts,
    pool::{Association, LbMethod, Memory, Pool, SessionPersistence},
    tls::PoolTls,
};
use sea_orm::{NotSet, Set, entity::prelude::*};
use serde::{Deserialize, Serialize};

use crate::codec::{from_more, labels, member_of, more, not_nil, number, or_nil, progress, tags, unreadable};

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
    /// Nil: none, as v2 has it.
    pub subnet_id: Uuid,
    pub protocol: String,
    pub lb_method: String,
    pub persistence: Option<String>,
    pub cookie_name: Option<String>,
    pub admin_state_up: bool,
    pub provisioning_status: String,
    pub status_description: Option<String>,
    pub changed: i64,
    /// A document: [`More`].
    pub more: String,
    pub tags: String,
    pub created_at: i64,
    pub updated_at: Option<i64>,
    /// Of a load balancer that LBaaS v1 does not show.
    pub beyond_v1: bool,
}

/// What few pools have.
#[derive(Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct More {
    memory: Memory,
    tls: Option<Box<PoolTls>>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl ActiveModel {
    pub(crate) fn of(pool: &Pool, load_balancer: &LoadBalancer, beyond_v1: bool) -> Self {
        let persistence = pool.session_persistence.as_ref();
        Self {
            seq: NotSet,
            id: Set(pool.id.uuid()),
            load_balancer_id: Set(load_balancer.id.uuid()),
            provider: Set(load_balancer.provider.clone()),
            project_id: Set(pool.project_id.clone()),
            name: Set(pool.name.clone()),
            description: Set(pool.description.clone()),
            subnet_id: Set(or_nil(pool.subnet_id)),
            protocol: Set(pool.protocol.as_str().to_owned()),
            lb_method: Set(pool.lb_method.as_str().to_owned()),
            persistence: Set(persistence.map(|persistence| persistence.kind().to_owned())),
            cookie_name: Set(persistence.and_then(SessionPersistence::cookie_name).map(str::to_owned)),
            admin_state_up: Set(pool.admin_state_up),
            provisioning_status: Set(pool.progress.status.as_str().to_owned()),
            status_description: Set(pool.progress.description.clone()),
            changed: Set(number(pool.progress.changed)),
            more: Set(more(&More { memory: pool.memory.clone(), tls: pool.tls.clone() })),
            tags: Set(tags(&pool.labels)),
            created_at: Set(pool.labels.created_at.0),
            updated_at: Set(pool.labels.updated_at.map(|time| time.0)),
            beyond_v1: Set(beyond_v1),
        }
    }
}

impl Model {
    /// What it names of secrets.
    pub(crate) fn tls(&self) -> Result<Option<Box<PoolTls>>, Fault> {
        let more: More = from_more(&self.more)?;
        Ok(more.tls)
    }

    pub(crate) fn secrets(&self) -> Result<Vec<String>, Fault> {
        let more: More = from_more(&self.more)?;
        let Some(tls) = more.tls else { return Ok(Vec::new()) };
        Ok([tls.certificate, tls.ca, tls.crl].into_iter().flatten().collect())
    }

    pub(crate) fn into_pool(self, members: Parts<Member>, monitors: Parts<Association>) -> Result<Pool, Fault> {
        let persistence = self.persistence.map(|kind| {
            SessionPersistence::new(&kind, self.cookie_name.as_deref()).map_err(|_| unreadable("persistence", kind))
        });
        let more: More = from_more(&self.more)?;
        Ok(Pool {
            id: self.id.into(),
            project_id: self.project_id,
            name: self.name,
            description: self.description,
            subnet_id: not_nil(self.subnet_id),
            protocol: member_of("protocol", &self.protocol, Protocol::parse)?,
            lb_method: member_of("lb_method", &self.lb_method, LbMethod::parse)?,
            session_persistence: persistence.transpose()?,
            memory: more.memory,
            tls: more.tls,
            labels: labels(&self.tags, self.created_at, self.updated_at)?,
            admin_state_up: self.admin_state_up,
            progress: progress(&self.provisioning_status, self.status_description, self.changed)?,
            members,
            monitors,
        })
    }
}
