//! `lbaas.v1`: decode, one call of `app`, encode. No rules here.

mod agents;
mod deadline;
mod decode;
mod events;
mod health_monitors;
mod members;
mod networks;
mod once;
mod pools;
mod ports;
mod providers;
mod quotas;
mod shape;
mod v2;
mod vips;
mod watch;

use std::{sync::Arc, time::Duration};

use ballast_model::fault::Fault;
use ballast_proto::{
    DESCRIPTORS,
    agent::agent_session_server::AgentSessionServer,
    status::{sentence, to_status},
    v1,
};
use ballast_service::traces::Served;
use tokio_util::sync::CancellationToken;
use tonic::{Response, Status, service::Routes};

use crate::{app::App, session::Sessions};

/// Implements every service of `lbaas.v1`.
#[derive(Clone)]
pub(crate) struct Api(pub(crate) Arc<App>);

/// What the health service knows by name.
const SERVICES: [&str; 11] = [
    v1::pools_server::SERVICE_NAME,
    v1::vips_server::SERVICE_NAME,
    v1::members_server::SERVICE_NAME,
    v1::health_monitors_server::SERVICE_NAME,
    v1::agents_server::SERVICE_NAME,
    v1::service_providers_server::SERVICE_NAME,
    v1::networks_server::SERVICE_NAME,
    v1::ports_server::SERVICE_NAME,
    v1::quotas_server::SERVICE_NAME,
    v1::events_server::SERVICE_NAME,
    ballast_proto::agent::agent_session_server::SERVICE_NAME,
];

/// Every service of the scheduler, with health and reflection.
///
/// # Errors
/// When the descriptors cannot be read.
pub(crate) async fn routes(
    app: Arc<App>,
    call_timeout: Duration,
    shutdown: CancellationToken,
) -> Result<Routes, String> {
    let (health, health_service) = tonic_health::server::health_reporter();
    for service in SERVICES.into_iter().chain(v2::SERVICES) {
        health.set_service_status(service, tonic_health::ServingStatus::Serving).await;
    }
    // By name: the descriptors know of services that are served elsewhere, those of drivers.
    let reflection = |itself| {
        let builder = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET);
        let served =
            SERVICES.into_iter().chain(v2::SERVICES).chain([tonic_health::pb::health_server::SERVICE_NAME, itself]);
        served.fold(builder, tonic_reflection::server::Builder::with_service_name)
    };
    let reflection_v1 = reflection(tonic_reflection::pb::v1::server_reflection_server::SERVICE_NAME).build_v1();
    // Most clients still speak this one.
    let v1alpha = tonic_reflection::pb::v1alpha::server_reflection_server::SERVICE_NAME;
    let reflection_v1alpha = reflection(v1alpha).build_v1alpha().map_err(|error| error.to_string())?;
    let reflection_v1 = reflection_v1.map_err(|error| error.to_string())?;
    let api = Api(Arc::clone(&app));
    let watches = watch::Watches { app: Arc::clone(&app), shutdown: shutdown.clone() };
    let sessions = AgentSessionServer::new(Sessions::new(app, shutdown));
    let routes = Routes::new(health_service)
        .add_service(reflection_v1)
        .add_service(reflection_v1alpha)
        .add_service(v1::pools_server::PoolsServer::new(api.clone()))
        .add_service(v1::vips_server::VipsServer::new(api.clone()))
        .add_service(v1::members_server::MembersServer::new(api.clone()))
        .add_service(v1::health_monitors_server::HealthMonitorsServer::new(api.clone()))
        .add_service(v1::agents_server::AgentsServer::new(api.clone()))
        .add_service(v1::service_providers_server::ServiceProvidersServer::new(api.clone()))
        .add_service(v1::networks_server::NetworksServer::new(api.clone()))
        .add_service(v1::ports_server::PortsServer::new(api.clone()))
        .add_service(v1::quotas_server::QuotasServer::new(api.clone()))
        .add_service(v1::events_server::EventsServer::new(watches.clone()))
        .add_service(sessions.max_decoding_message_size(ballast_service::grpc::MAX_MESSAGE));
    let routes = v2::add(routes, &api, watches);
    let deadline = tower::layer::layer_fn(move |inner| deadline::Deadline { inner, default: call_timeout });
    let shape = tower::layer::layer_fn(shape::Shaped);
    Ok(routes.into_axum_router().layer(shape).layer(deadline).into())
}

/// The same, whose calls are spans where they are followed: those of the API, and not those that go on for as long as an agent
/// or a probe does.
pub(crate) fn followed(routes: Routes) -> Routes {
    let layer = tower::layer::layer_fn(|inner| Served::new(inner, shape::is_of_the_api));
    routes.into_axum_router().layer(layer).into()
}

/// What a call is answered with: what its handler made, or its fault as a status.
async fn answer<T>(handler: impl Future<Output = Result<T, Fault>>) -> Result<Response<T>, Status> {
    handler.await.map(Response::new).map_err(refuse)
}

/// A fault leaves the process: what its caller may not know is logged here, once.
#[expect(clippy::needless_pass_by_value, reason = "as map_err calls it")]
fn refuse(fault: Fault) -> Status {
    if let Some(detail) = fault.detail() {
        tracing::error!(code = fault.code().reason(), detail, "{}", sentence(&fault));
    }
    to_status(&fault)
}
