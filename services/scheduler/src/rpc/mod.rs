//! `lbaas.v1`: decode, one call of `app`, encode. No rules here.

mod agents;
mod decode;
mod health_monitors;
mod members;
mod networks;
mod pools;
mod providers;
mod vips;

use std::sync::Arc;

use ballast_model::fault::Fault;
use ballast_proto::{DESCRIPTORS, agent::agent_session_server::AgentSessionServer, status::to_status, v1};
use tokio_util::sync::CancellationToken;
use tonic::{Status, service::Routes};

use crate::{app::App, session::Sessions};

/// Implements every service of `lbaas.v1`.
#[derive(Clone)]
pub(crate) struct Api(Arc<App>);

/// Every service of the scheduler, with health and reflection.
///
/// # Errors
/// When the descriptors cannot be read.
pub(crate) async fn routes(app: Arc<App>, shutdown: CancellationToken) -> Result<Routes, String> {
    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_serving::<v1::pools_server::PoolsServer<Api>>().await;
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()
        .map_err(|error| error.to_string())?;
    let api = Api(Arc::clone(&app));
    let sessions = AgentSessionServer::new(Sessions::new(app, shutdown));
    Ok(Routes::new(health_service)
        .add_service(reflection)
        .add_service(v1::pools_server::PoolsServer::new(api.clone()))
        .add_service(v1::vips_server::VipsServer::new(api.clone()))
        .add_service(v1::members_server::MembersServer::new(api.clone()))
        .add_service(v1::health_monitors_server::HealthMonitorsServer::new(api.clone()))
        .add_service(v1::agents_server::AgentsServer::new(api.clone()))
        .add_service(v1::service_providers_server::ServiceProvidersServer::new(api.clone()))
        .add_service(v1::networks_server::NetworksServer::new(api))
        .add_service(sessions.max_decoding_message_size(ballast_service::grpc::MAX_MESSAGE)))
}

/// A fault leaves the process: what its caller may not know is logged here, once.
#[expect(clippy::needless_pass_by_value, reason = "as map_err calls it")]
fn refuse(fault: Fault) -> Status {
    if let Some(detail) = fault.detail() {
        tracing::error!(code = fault.code().reason(), detail, "{fault}");
    }
    to_status(&fault)
}
