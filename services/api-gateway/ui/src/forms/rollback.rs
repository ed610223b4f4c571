//! A load balancer, made what it was behind a change.

use ballast_proto::v2::{ListRevisionsRequest, RollBackRequest, preview_request::Change};

use super::{Asking, Draft};
use crate::{
    trouble::Trouble,
    view::{
        history::undone,
        parts::{name_or_id, path_of},
        sheet::Sheet,
    },
};

pub(super) async fn draft(asking: &Asking<'_>, id: &str, generation: &str) -> Result<Draft, Trouble> {
    let generation: u64 = generation.parse().map_err(|_| Trouble::NotFound)?;
    let one = asking.reader().load_balancer(id).await?;
    asking.must_write()?;
    let request = ListRevisionsRequest { load_balancer_id: id.to_owned(), limit: 0 };
    let revisions = asking.dashboard.scheduler.history().list(asking.request(request)).await?.into_inner().revisions;
    let name = name_or_id(&one.name, &one.id);
    let back = format!("{}/history", path_of(id));
    let mut draft = Draft::new(
        format!("Roll {name} back to generation {generation}"),
        back,
        Sheet::of(Vec::new(), asking.sent.as_ref()),
    );
    draft.objects = undone(&revisions, generation);
    if !draft.objects.is_empty() {
        draft.remarks = vec![
            "What is in it comes back with its ids; its address and its place stay. It is one more change, and can be rolled \
             back itself."
                .to_owned(),
            "These changes are undone, the newest first:".to_owned(),
        ];
    }
    draft.verb = "Roll back";
    draft.idle = "It is what it was then: nothing changes.";
    let request = RollBackRequest { load_balancer_id: id.to_owned(), generation, ..RollBackRequest::default() };
    if revisions.first().is_none_or(|newest| newest.generation != generation) {
        draft.writes = vec![Change::RollBack(request)];
    }
    Ok(draft)
}
