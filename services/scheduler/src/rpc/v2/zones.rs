//! `lbaas.v2.AvailabilityZones`

use ballast_model::{
    check,
    fault::Kind,
    flavor::{self, AvailabilityZone as Model},
};
use ballast_proto::{
    convert,
    v2::{
        AvailabilityZone, CreateAvailabilityZoneRequest, DeleteRequest, GetRequest, ListAvailabilityZonesResponse,
        ListRequest, UpdateAvailabilityZoneRequest, availability_zones_server,
    },
};
use tonic::{Request, Response, Status};

use super::super::{
    Api, answer,
    decode::{Mask, body, next_page_token},
};
use super::{
    few::{Few, page},
    flavors::{no_etag, profile},
};

const PROFILE: &str = "availability_zone_profile_id";

#[tonic::async_trait]
impl availability_zones_server::AvailabilityZones for Api {
    async fn create(
        &self,
        request: Request<CreateAvailabilityZoneRequest>,
    ) -> Result<Response<AvailabilityZone>, Status> {
        answer(async {
            let request = request.into_inner();
            let sent = body("availability_zone", request.availability_zone)?;
            let made = Model {
                name: flavor::name(sent.name)?,
                description: check::text("description", sent.description, check::MAX_TEXT)?,
                enabled: sent.enabled.unwrap_or(true),
                profile_id: profile(PROFILE, &sent.availability_zone_profile_id, Kind::AvailabilityZoneProfile)?,
            };
            self.0.create_zone(made, request.validate_only).await.map(|zone| convert::to_availability_zone(&zone))
        })
        .await
    }

    async fn get(&self, request: Request<GetRequest>) -> Result<Response<AvailabilityZone>, Status> {
        answer(async { self.0.zone(&request.get_ref().id).await.map(|zone| convert::to_availability_zone(&zone)) })
            .await
    }

    async fn list(&self, request: Request<ListRequest>) -> Result<Response<ListAvailabilityZonesResponse>, Status> {
        answer(async {
            let all = self.0.zones().await?.iter().map(convert::to_availability_zone).collect();
            let (availability_zones, more) = page::<AvailabilityZone>(request.get_ref(), all)?;
            let next_page_token = next_page_token(more, availability_zones.last().map(Few::key));
            Ok(ListAvailabilityZonesResponse { availability_zones, next_page_token })
        })
        .await
    }

    async fn update(
        &self,
        request: Request<UpdateAvailabilityZoneRequest>,
    ) -> Result<Response<AvailabilityZone>, Status> {
        answer(async {
            let request = request.into_inner();
            let sent = body("availability_zone", request.availability_zone)?;
            let mask = Mask::new::<AvailabilityZone>(request.update_mask, &["description", "enabled"])?;
            let description = mask.pick("description", !sent.description.is_empty(), sent.description);
            let description = description.map(|text| check::text("description", text, check::MAX_TEXT)).transpose()?;
            let enabled = mask.pick("enabled", sent.enabled.is_some(), sent.enabled.unwrap_or(true));
            let change = |zone: &mut Model| {
                zone.description = description.clone().unwrap_or_else(|| zone.description.clone());
                zone.enabled = enabled.unwrap_or(zone.enabled);
            };
            let changed = self.0.update_zone(&sent.name, change, request.validate_only).await?;
            Ok(convert::to_availability_zone(&changed))
        })
        .await
    }

    async fn delete(&self, request: Request<DeleteRequest>) -> Result<Response<()>, Status> {
        answer(async {
            let request = request.into_inner();
            no_etag(&request)?;
            self.0.delete_zone(&request.id, request.validate_only).await
        })
        .await
    }
}

impl Few for AvailabilityZone {
    const FIELDS: &'static [&'static str] = &["name", "description", "enabled", PROFILE];

    fn field(&self, name: &str) -> String {
        match name {
            "name" => self.name.clone(),
            "description" => self.description.clone(),
            "enabled" => self.enabled().to_string(),
            _ => self.availability_zone_profile_id.clone(),
        }
    }

    fn key(&self) -> &str {
        &self.name
    }
}
