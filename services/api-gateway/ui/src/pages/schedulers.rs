//! Schedulers, for admins.

use ballast_proto::v2::{ListSchedulersRequest, OverviewRequest};

use super::{Making, Page, agents::must_be_admin};
use crate::{trouble::Trouble, view::schedulers::Schedulers};

pub(super) async fn all(making: Making<'_>) -> Result<Page, Trouble> {
    let caller = must_be_admin(&making)?;
    let mut client = making.dashboard.scheduler.overview();
    let found = client.list_schedulers(caller.request(ListSchedulersRequest {})).await?.into_inner().schedulers;
    let overview = client.get(caller.request(OverviewRequest::default())).await?.into_inner();
    Page::of("Schedulers", &Schedulers::of(&found, &overview, making.now))
}
