//! `lbaas.v2.Flavors`

use ballast_model::{
    check,
    fault::{Balancing, Fault, Kind},
    flavor::{self, Flavor as Model},
};
use ballast_proto::{
    convert,
    v2::{
        CreateFlavorRequest, DeleteRequest, Flavor, GetRequest, ListFlavorsResponse, ListRequest, UpdateFlavorRequest,
        flavors_server,
    },
};
use tonic::{Request, Response, Status};

use super::super::{
    Api, answer,
    decode::{Mask, body, id, next_page_token},
};
use super::few::{Few, page};

const MUTABLE: [&str; 3] = ["name", "description", "enabled"];

#[tonic::async_trait]
impl flavors_server::Flavors for Api {
    async fn create(&self, request: Request<CreateFlavorRequest>) -> Result<Response<Flavor>, Status> {
        answer(async {
            let request = request.into_inner();
            let sent = body("flavor", request.flavor)?;
            let made = Model {
                id: self.0.new_id(),
                name: flavor::name(sent.name)?,
                description: check::text("description", sent.description, check::MAX_TEXT)?,
                enabled: sent.enabled.unwrap_or(true),
                profile_id: profile("flavor_profile_id", &sent.flavor_profile_id, Kind::FlavorProfile)?,
            };
            self.0.create_flavor(made, request.validate_only).await.map(|flavor| convert::to_flavor(&flavor))
        })
        .await
    }

    async fn get(&self, request: Request<GetRequest>) -> Result<Response<Flavor>, Status> {
        answer(async {
            let id = id(&request.get_ref().id, not_found)?;
            self.0.flavor(id).await.map(|flavor| convert::to_flavor(&flavor))
        })
        .await
    }

    async fn list(&self, request: Request<ListRequest>) -> Result<Response<ListFlavorsResponse>, Status> {
        answer(async {
            let all = self.0.flavors().await?.iter().map(convert::to_flavor).collect();
            let (flavors, more) = page::<Flavor>(request.get_ref(), all)?;
            let next_page_token = next_page_token(more, flavors.last().map(Few::key));
            Ok(ListFlavorsResponse { flavors, next_page_token })
        })
        .await
    }

    async fn update(&self, request: Request<UpdateFlavorRequest>) -> Result<Response<Flavor>, Status> {
        answer(async {
            let request = request.into_inner();
            let sent = body("flavor", request.flavor)?;
            let id = id(&sent.id, not_found)?;
            let mask = Mask::new::<Flavor>(request.update_mask, &MUTABLE)?;
            let name = mask.pick("name", !sent.name.is_empty(), sent.name).map(flavor::name).transpose()?;
            let description = mask.pick("description", !sent.description.is_empty(), sent.description);
            let description = description.map(|text| check::text("description", text, check::MAX_TEXT)).transpose()?;
            let enabled = mask.pick("enabled", sent.enabled.is_some(), sent.enabled.unwrap_or(true));
            let change = |flavor: &mut Model| {
                flavor.name = name.clone().unwrap_or_else(|| flavor.name.clone());
                flavor.description = description.clone().unwrap_or_else(|| flavor.description.clone());
                flavor.enabled = enabled.unwrap_or(flavor.enabled);
            };
            let changed = self.0.update_flavor(id, change, request.validate_only).await?;
            Ok(convert::to_flavor(&changed))
        })
        .await
    }

    async fn delete(&self, request: Request<DeleteRequest>) -> Result<Response<()>, Status> {
        answer(async {
            let request = request.into_inner();
            let id = id(&request.id, not_found)?;
            no_etag(&request)?;
            self.0.delete_flavor(id, request.validate_only).await
        })
        .await
    }
}

impl Few for Flavor {
    const FIELDS: &'static [&'static str] = &["id", "name", "description", "enabled", "flavor_profile_id"];

    fn field(&self, name: &str) -> String {
        match name {
            "id" => self.id.clone(),
            "name" => self.name.clone(),
            "description" => self.description.clone(),
            "enabled" => self.enabled().to_string(),
            _ => self.flavor_profile_id.clone(),
        }
    }

    fn key(&self) -> &str {
        &self.id
    }
}

fn not_found(id: &str) -> Fault {
    Fault::not_found(Kind::Flavor, id)
}

/// A required reference to a profile; one that is no id names none.
pub(super) fn profile<I: std::str::FromStr>(field: &str, text: &str, kind: Kind) -> Result<I, Fault> {
    if text.is_empty() {
        return Err(Fault::missing_field(field));
    }
    id(text, |text| Fault::not_found(kind, text))
}

/// What operators set has no etag: none that is sent is its.
pub(super) fn no_etag(request: &DeleteRequest) -> Result<(), Fault> {
    if request.etag.is_empty() {
        return Ok(());
    }
    Err(Balancing::EtagMismatch { id: request.id.clone() }.into())
}
