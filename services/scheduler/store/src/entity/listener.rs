//! Listeners.

use std::collections::BTreeMap;

use ballast_model::{
    fault::Fault,
    ids::LoadBalancerId,
    l7::L7Policy,
    listener::{Answering, Listener, Protocol, Timeouts},
    parts::Parts,
    tls::ListenerTls,
};
use ipnet::IpNet;
use sea_orm::{NotSet, Set, entity::prelude::*};
use serde::{Deserialize, Serialize};

use crate::codec::{from_more, labels, member_of, more, natural, not_nil, number, or_nil, progress, tags};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Deserialize)]
#[sea_orm(table_name = "listener")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub seq: i64,
    #[sea_orm(unique)]
    pub id: Uuid,
    pub load_balancer_id: Uuid,
    pub project_id: String,
    pub name: String,
    pub description: String,
    pub protocol: String,
    pub protocol_port: i64,
    pub connection_limit: i64,
    /// Nil: none.
    pub default_pool_id: Uuid,
    pub admin_state_up: bool,
    pub provisioning_status: String,
    pub status_description: Option<String>,
    pub changed: i64,
    /// A document: [`More`].
    pub more: String,
    pub answering: String,
    pub tags: String,
    pub created_at: i64,
    pub updated_at: Option<i64>,
    /// Of a load balancer that LBaaS v1 does not show.
    pub beyond_v1: bool,
}

/// What few listeners have.
#[derive(Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct More {
    /// Of the client, to members, of members, and for inspection; none: the defaults.
    timeouts: Option<[u32; 4]>,
    insert_headers: Option<BTreeMap<String, String>>,
    allowed_cidrs: Vec<IpNet>,
    tls: Option<Box<ListenerTls>>,
}

impl More {
    fn of(listener: &Listener) -> Self {
        let Timeouts { client_data, member_connect, member_data, tcp_inspect } = listener.timeouts;
        let timeouts = [client_data, member_connect, member_data, tcp_inspect];
        Self {
            timeouts: (listener.timeouts != Timeouts::DEFAULT).then_some(timeouts),
            insert_headers: listener.insert_headers.clone(),
            allowed_cidrs: listener.allowed_cidrs.clone(),
            tls: listener.tls.clone(),
        }
    }

    fn timeouts(&self) -> Timeouts {
        let own = |[client_data, member_connect, member_data, tcp_inspect]: [u32; 4]| Timeouts {
            client_data,
            member_connect,
            member_data,
            tcp_inspect,
        };
        self.timeouts.map(own).unwrap_or_default()
    }
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl ActiveModel {
    pub(crate) fn of(listener: &Listener, load_balancer_id: LoadBalancerId, beyond_v1: bool) -> Self {
        Self {
            seq: NotSet,
            id: Set(listener.id.uuid()),
            load_balancer_id: Set(load_balancer_id.uuid()),
            project_id: Set(listener.project_id.clone()),
            name: Set(listener.name.clone()),
            description: Set(listener.description.clone()),
            protocol: Set(listener.protocol.as_str().to_owned()),
            protocol_port: Set(listener.protocol_port.into()),
            connection_limit: Set(listener.connection_limit.into()),
            default_pool_id: Set(or_nil(listener.default_pool_id)),
            admin_state_up: Set(listener.admin_state_up),
            provisioning_status: Set(listener.progress.status.as_str().to_owned()),
            status_description: Set(listener.progress.description.clone()),
            changed: Set(number(listener.progress.changed)),
            more: Set(more(&More::of(listener))),
            answering: Set(listener.answering.as_str().to_owned()),
            tags: Set(tags(&listener.labels)),
            created_at: Set(listener.labels.created_at.0),
            updated_at: Set(listener.labels.updated_at.map(|time| time.0)),
            beyond_v1: Set(beyond_v1),
        }
    }
}

impl Model {
    /// What it names of secrets.
    pub(crate) fn tls(&self) -> Result<Option<Box<ListenerTls>>, Fault> {
        let more: More = from_more(&self.more)?;
        Ok(more.tls)
    }

    pub(crate) fn secrets(&self) -> Result<Vec<String>, Fault> {
        let more: More = from_more(&self.more)?;
        let Some(tls) = more.tls else { return Ok(Vec::new()) };
        let single = [tls.default_certificate, tls.client_ca, tls.client_crl];
        Ok(single.into_iter().flatten().chain(tls.sni_certificates).collect())
    }

    pub(crate) fn into_listener(self, policies: Parts<L7Policy>) -> Result<Listener, Fault> {
        let more: More = from_more(&self.more)?;
        Ok(Listener {
            id: self.id.into(),
            project_id: self.project_id,
            name: self.name,
            description: self.description,
            protocol: member_of("protocol", &self.protocol, Protocol::parse)?,
            protocol_port: natural("protocol_port", self.protocol_port)?,
            connection_limit: natural("connection_limit", self.connection_limit)?,
            default_pool_id: not_nil(self.default_pool_id),
            admin_state_up: self.admin_state_up,
            timeouts: more.timeouts(),
            insert_headers: more.insert_headers,
            allowed_cidrs: more.allowed_cidrs,
            tls: more.tls,
            policies,
            labels: labels(&self.tags, self.created_at, self.updated_at)?,
            answering: member_of("answering", &self.answering, Answering::parse)?,
            progress: progress(&self.provisioning_status, self.status_description, self.changed)?,
        })
    }
}
