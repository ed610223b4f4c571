//! A load balancer, changed. What differs from what was there is written, and only if nobody has changed it meanwhile.

use ballast_proto::v2::{LoadBalancer, UpdateLoadBalancerRequest, preview_request::Change};

use super::{
    Asking, Draft,
    fields::{description, etag, is_up, mask, named, tags},
};
use crate::{
    trouble::Trouble,
    view::{
        parts::{name_or_id, path_of},
        same::Within,
        sheet::{Group, Sheet},
    },
};

pub(super) async fn draft(asking: &Asking<'_>, id: &str) -> Result<Draft, Trouble> {
    let one = asking.reader().load_balancer(id).await?;
    asking.must_write()?;
    let mut fields = named(Some((&one.name, one.admin_state_up)));
    fields.extend([description(Some(&one.description)), tags(Some(&one.tags))]);
    let sheet = Sheet::of(vec![Group::new("Load balancer", fields)], asking.sent.as_ref());
    let (now, status) = etag(asking, one.status.as_ref());
    let changed = sheet.changed();
    let request = UpdateLoadBalancerRequest {
        load_balancer: Some(LoadBalancer {
            id: one.id.clone(),
            name: sheet.get("name"),
            admin_state_up: is_up(&sheet),
            description: sheet.get("description"),
            tags: sheet.list("tags"),
            status: status.clone(),
            ..LoadBalancer::default()
        }),
        update_mask: mask(&changed, &[]),
        validate_only: false,
    };
    let mut draft = Draft::change(&name_or_id(&one.name, &one.id), path_of(id), sheet, (now, status.as_ref()));
    draft.within = Within::load_balancer(id);
    if !changed.is_empty() {
        draft.writes = vec![Change::UpdateLoadBalancer(request)];
    }
    Ok(draft)
}
