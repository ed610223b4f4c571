//! Creates that may be sent again: a client chooses a `request_id`, and the same request with it makes one object.

use ballast_model::{
    Uuid, check,
    fault::{Code, Fault},
};
use ballast_store::Claim;
use prost::Name;
use sha2::{Digest as _, Sha256};

use crate::app::{App, Caller};

const LONGEST_ID: usize = 255;
/// Stands before a message's name in digests, since the first ones that were stored.
const DIGESTED: &str = "ballast_proto::lbaas::v1::";

/// The claim of a create on its id; none: the client chose none.
///
/// # Errors
/// When the id is too long.
pub(super) fn claim<M: Name>(
    app: &App,
    caller: &Caller,
    request_id: &str,
    sent: &M,
    object_id: impl Into<Uuid>,
) -> Result<Option<Claim>, Fault> {
    if request_id.is_empty() {
        return Ok(None);
    }
    if request_id.chars().count() > LONGEST_ID {
        return Err(check::too_long("request_id", request_id.to_owned(), LONGEST_ID));
    }
    let mut digest = Sha256::new();
    digest.update(format!("{DIGESTED}{}", M::NAME));
    digest.update(sent.encode_to_vec());
    Ok(Some(Claim {
        project_id: caller.project_id.clone().unwrap_or_default(),
        request_id: request_id.to_owned(),
        digest: hex::encode(digest.finalize()),
        object_id: object_id.into(),
        at: app.now(),
    }))
}

/// Makes an object with this claim, or finds what the same request made before, be it a moment ago.
pub(super) async fn once<T, I: From<Uuid>, F>(
    app: &App,
    claim: Option<&Claim>,
    make: impl Future<Output = Result<T, Fault>> + Send,
    find: impl FnOnce(I) -> F + Send,
) -> Result<T, Fault>
where
    F: Future<Output = Result<T, Fault>> + Send,
{
    let Some(claim) = claim else { return make.await };
    if let Some(id) = app.claimed(claim).await? {
        return find(id.into()).await;
    }
    match make.await {
        Err(fault) if fault.code() == Code::RequestIdReused => match app.claimed_just_now(claim).await? {
            Some(id) => find(id.into()).await,
            None => Err(fault),
        },
        made => made,
    }
}
