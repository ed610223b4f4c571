//! Networks and subnets that Ballast keeps.

use ballast_proto::v1::{Filter, ListRequest};

use super::{Making, Page};
use crate::{trouble::Trouble, view::networks::Networks};

/// How many are shown.
const MOST: u32 = 500;

pub(super) async fn make(making: Making<'_>) -> Result<Page, Trouble> {
    let scope = making.visitor.scope();
    let filters = match scope.is_empty() {
        true => Vec::new(),
        false => vec![Filter { field: "project_id".to_owned(), values: vec![scope] }],
    };
    let request = ListRequest { filters, page_size: MOST, ..ListRequest::default() };
    let mut client = making.dashboard.scheduler.networks();
    let networks = client.list_networks(making.visitor.caller.request(request)).await?.into_inner().networks;
    let request = ListRequest { page_size: MOST, ..ListRequest::default() };
    let subnets = client.list_subnets(making.visitor.caller.request(request)).await?.into_inner().subnets;
    Page::of("Networks", &Networks::of(&networks, &subnets))
}
