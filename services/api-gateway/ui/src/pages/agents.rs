//! Agents, for admins.

use ballast_proto::v1::{GetRequest, ListRequest};

use super::{Making, Page};
use crate::{
    trouble::Trouble,
    view::agents::{Agents, One},
};

pub(super) async fn all(making: Making<'_>) -> Result<Page, Trouble> {
    let caller = must_be_admin(&making)?;
    let request = caller.request(ListRequest::default());
    let agents = making.dashboard.scheduler.agents().list(request).await?.into_inner().agents;
    Page::of("Agents", &Agents::of(&agents, making.now))
}

pub(super) async fn one(making: Making<'_>, id: &str) -> Result<Page, Trouble> {
    let caller = must_be_admin(&making)?;
    let request = caller.request(GetRequest { id: id.to_owned() });
    let agent = making.dashboard.scheduler.agents().get(request).await?.into_inner();
    Page::of(agent.host.clone(), &One::of(&agent, making.now))
}

/// For others the scheduler has no agents, and there is no such page.
pub(super) fn must_be_admin<'a>(making: &Making<'a>) -> Result<&'a ballast_service::caller::Caller, Trouble> {
    let caller = &making.visitor.caller;
    if caller.is_admin() { Ok(caller) } else { Err(Trouble::NotFound) }
}
