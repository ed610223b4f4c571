//! `lbaas.v2.Providers`

use ballast_model::{fault::Fault, flavor::ProfileKind};
use ballast_proto::v2::{
    Capabilities, CapabilitiesRequest, Capability, ListProvidersResponse, ListRequest, Provider, providers_server,
};
use tonic::{Request, Response, Status};

use super::super::{Api, answer};

#[tonic::async_trait]
impl providers_server::Providers for Api {
    /// In the order of the configuration: there are few, and nothing else is asked of them.
    async fn list(&self, _: Request<ListRequest>) -> Result<Response<ListProvidersResponse>, Status> {
        let providers = self.0.providers.iter().map(|provider| Provider {
            name: provider.name.clone(),
            description: format!("Load balancers by the driver {}.", provider.driver),
        });
        Ok(Response::new(ListProvidersResponse { providers: providers.collect() }))
    }

    async fn flavor_capabilities(
        &self,
        request: Request<CapabilitiesRequest>,
    ) -> Result<Response<Capabilities>, Status> {
        answer(async { capabilities(self, ProfileKind::Flavor, request.get_ref()) }).await
    }

    async fn availability_zone_capabilities(
        &self,
        request: Request<CapabilitiesRequest>,
    ) -> Result<Response<Capabilities>, Status> {
        answer(async { capabilities(self, ProfileKind::AvailabilityZone, request.get_ref()) }).await
    }
}

fn capabilities(api: &Api, kind: ProfileKind, request: &CapabilitiesRequest) -> Result<Capabilities, Fault> {
    let options = api.0.options(kind, &request.provider)?;
    let capabilities = options.into_iter().map(|(name, description)| Capability { name, description });
    Ok(Capabilities { capabilities: capabilities.collect() })
}
