//! `lbaas.v2.FlavorProfiles` and `lbaas.v2.AvailabilityZoneProfiles`: the same of two kinds.

use ballast_model::{
    fault::{Fault, Kind},
    flavor::{self, Profile as Model, ProfileKind},
};
use ballast_proto::{
    convert,
    v2::{
        CreateProfileRequest, DeleteRequest, GetRequest, ListProfilesResponse, ListRequest, Profile,
        UpdateProfileRequest, availability_zone_profiles_server, flavor_profiles_server,
    },
};
use tonic::{Request, Response, Status};

use super::super::{
    Api, answer,
    decode::{Mask, body, id, next_page_token},
};
use super::{
    few::{Few, page},
    flavors::no_etag,
};

const MUTABLE: [&str; 3] = ["name", "provider_name", "data"];

/// Both services are the same calls, each with its kind.
macro_rules! serve {
    ($service:path, $kind:expr) => {
        #[tonic::async_trait]
        impl $service for Api {
            async fn create(&self, request: Request<CreateProfileRequest>) -> Result<Response<Profile>, Status> {
                answer(create(self, $kind, request.into_inner())).await
            }

            async fn get(&self, request: Request<GetRequest>) -> Result<Response<Profile>, Status> {
                answer(get(self, $kind, request.into_inner())).await
            }

            async fn list(&self, request: Request<ListRequest>) -> Result<Response<ListProfilesResponse>, Status> {
                answer(list(self, $kind, request.into_inner())).await
            }

            async fn update(&self, request: Request<UpdateProfileRequest>) -> Result<Response<Profile>, Status> {
                answer(update(self, $kind, request.into_inner())).await
            }

            async fn delete(&self, request: Request<DeleteRequest>) -> Result<Response<()>, Status> {
                answer(delete(self, $kind, request.into_inner())).await
            }
        }
    };
}

serve!(flavor_profiles_server::FlavorProfiles, ProfileKind::Flavor);
serve!(availability_zone_profiles_server::AvailabilityZoneProfiles, ProfileKind::AvailabilityZone);

async fn create(api: &Api, kind: ProfileKind, request: CreateProfileRequest) -> Result<Profile, Fault> {
    let sent = body("profile", request.profile)?;
    let made = Model {
        id: api.0.new_id(),
        kind,
        name: flavor::name(sent.name)?,
        provider: given("provider_name", sent.provider_name)?,
        data: flavor::data(given("data", sent.data)?)?,
    };
    api.0.create_profile(made, request.validate_only).await.map(|profile| convert::to_profile(&profile))
}

async fn get(api: &Api, kind: ProfileKind, request: GetRequest) -> Result<Profile, Fault> {
    let id = id(&request.id, |id| not_found(kind, id))?;
    api.0.profile(kind, id).await.map(|profile| convert::to_profile(&profile))
}

async fn list(api: &Api, kind: ProfileKind, request: ListRequest) -> Result<ListProfilesResponse, Fault> {
    let all = api.0.profiles(kind).await?.iter().map(convert::to_profile).collect();
    let (profiles, more) = page::<Profile>(&request, all)?;
    let next_page_token = next_page_token(more, profiles.last().map(Few::key));
    Ok(ListProfilesResponse { profiles, next_page_token })
}

async fn update(api: &Api, kind: ProfileKind, request: UpdateProfileRequest) -> Result<Profile, Fault> {
    let sent = body("profile", request.profile)?;
    let id = id(&sent.id, |id| not_found(kind, id))?;
    let mask = Mask::new::<Profile>(request.update_mask, &MUTABLE)?;
    let name = mask.pick("name", !sent.name.is_empty(), sent.name).map(flavor::name).transpose()?;
    let provider = mask.pick("provider_name", !sent.provider_name.is_empty(), sent.provider_name);
    let provider = provider.map(|text| given("provider_name", text)).transpose()?;
    let data = mask.pick("data", !sent.data.is_empty(), sent.data);
    let data = data.map(|text| flavor::data(given("data", text)?)).transpose()?;
    let change = |profile: &mut Model| {
        profile.name = name.clone().unwrap_or_else(|| profile.name.clone());
        profile.provider = provider.clone().unwrap_or_else(|| profile.provider.clone());
        profile.data = data.clone().unwrap_or_else(|| profile.data.clone());
    };
    api.0.update_profile((kind, id), change, request.validate_only).await.map(|profile| convert::to_profile(&profile))
}

async fn delete(api: &Api, kind: ProfileKind, request: DeleteRequest) -> Result<(), Fault> {
    let id = id(&request.id, |id| not_found(kind, id))?;
    no_etag(&request)?;
    api.0.delete_profile(kind, id, request.validate_only).await
}

impl Few for Profile {
    const FIELDS: &'static [&'static str] = &["id", "name", "provider_name", "data"];

    fn field(&self, name: &str) -> String {
        match name {
            "id" => self.id.clone(),
            "name" => self.name.clone(),
            "provider_name" => self.provider_name.clone(),
            _ => self.data.clone(),
        }
    }

    fn key(&self) -> &str {
        &self.id
    }
}

fn not_found(kind: ProfileKind, id: &str) -> Fault {
    let kind = match kind {
        ProfileKind::Flavor => Kind::FlavorProfile,
        ProfileKind::AvailabilityZone => Kind::AvailabilityZoneProfile,
    };
    Fault::not_found(kind, id)
}

/// A text that must be there.
fn given(field: &str, text: String) -> Result<String, Fault> {
    if text.is_empty() { Err(Fault::missing_field(field)) } else { Ok(text) }
}
