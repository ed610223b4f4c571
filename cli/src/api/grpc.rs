//! A scheduler, over gRPC: its Unix socket, or TCP with TLS.

use std::sync::Arc;

use ballast_proto::v1::{
    Filter, ListRequest, agents_client::AgentsClient, health_monitors_client::HealthMonitorsClient,
    members_client::MembersClient, pools_client::PoolsClient, vips_client::VipsClient,
};
use ballast_service::{
    address::Address,
    grpc::{self, MAX_MESSAGE},
    tls::ClientConfig,
};
use serde_json::Value;
use tonic::{
    Code, Request, Status,
    metadata::{Ascii, MetadataMap, MetadataValue},
    transport::Channel,
};

use super::{Base, PATIENCE, innermost, shown};
use crate::{
    arguments::Target,
    failure::Failure,
    noun::{Kind, Noun},
};

pub(crate) struct Scheduler {
    base: Base,
    channel: Channel,
    metadata: MetadataMap,
}

/// All objects of one kind, as REST shows them.
macro_rules! list {
    ($scheduler:ident, $request:ident, $client:ident, $objects:ident, $shown:path) => {{
        let mut client = $client::new($scheduler.channel.clone()).max_decoding_message_size(MAX_MESSAGE);
        client.list($request).await.map(|answer| answer.into_inner().$objects.iter().map($shown).collect())
    }};
}

impl Scheduler {
    pub(super) fn new(base: Base, tls: Option<Arc<ClientConfig>>, target: &Target) -> Result<Self, Failure> {
        let address = match &base {
            Base::Unix(path) => Address::Unix(path.clone()),
            Base::Rest { authority, .. } | Base::Grpc { authority, .. } => Address::Tcp(authority.clone()),
        };
        let refuse = |_| Failure::Url { url: base.to_string() };
        let channel = grpc::channel_over(&address, tls).map_err(refuse)?;
        let mut metadata = MetadataMap::new();
        if let Some(token) = &target.token {
            metadata.insert("x-auth-token", text("--token", &token.0)?);
        }
        if let Some(project) = &target.project {
            // Believed of who could open the socket, and of nobody else.
            metadata.insert("ballast-project-id", text("--project", project)?);
            metadata.insert("ballast-roles", MetadataValue::from_static("admin"));
        }
        Ok(Self { base, channel, metadata })
    }

    pub(super) fn url(&self) -> String {
        self.base.to_string()
    }

    pub(super) async fn list(&self, noun: &Noun, filter: Option<(&str, &str)>) -> Result<Vec<Value>, Failure> {
        let filters = filter.map(|(field, value)| Filter { field: field.to_owned(), values: vec![value.to_owned()] });
        let mut request = Request::new(ListRequest { filters: filters.into_iter().collect(), ..Default::default() });
        *request.metadata_mut() = self.metadata.clone();
        request.set_timeout(PATIENCE);
        let listed = match noun.kind {
            Kind::Pool => list!(self, request, PoolsClient, pools, shown::pool),
            Kind::Vip => list!(self, request, VipsClient, vips, shown::vip),
            Kind::Member => list!(self, request, MembersClient, members, shown::member),
            Kind::Monitor => list!(self, request, HealthMonitorsClient, health_monitors, shown::monitor),
            Kind::Agent => list!(self, request, AgentsClient, agents, shown::agent),
        };
        listed.map_err(|status| self.failure(&status))
    }

    fn failure(&self, status: &Status) -> Failure {
        let url = self.base.to_string();
        match status.code() {
            Code::Unimplemented => Failure::Foreign { url, why: status.message().to_owned() },
            Code::Unauthenticated => Failure::Token { url },
            // Made here, not there: nobody answered.
            _ if std::error::Error::source(status).is_some() => Failure::Unreachable { url, why: innermost(status) },
            _ => Failure::Refused { message: status.message().replace(char::is_control, " ") },
        }
    }
}

fn text(option: &'static str, text: &str) -> Result<MetadataValue<Ascii>, Failure> {
    text.parse().map_err(|_| Failure::Header { option })
}
