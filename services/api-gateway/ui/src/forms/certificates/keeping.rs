//! What becomes of certificates by forms: it is checked, and done.

use ballast_proto::v2::{Certificate, CreateCertificateRequest, DeleteRequest, UpdateCertificateRequest};
use tonic::Status;

use super::super::{Asking, Draft, refused};
use crate::{
    trouble::Trouble,
    view::{
        certificates::{path_of, plan, same::Wish},
        plan::Plan,
        same::Same,
    },
};

/// A write. None of them shows what is secret in it.
#[derive(Debug)]
pub(in super::super) enum Keeping {
    Create(CreateCertificateRequest),
    /// With what is there now.
    Update(UpdateCertificateRequest, Box<Certificate>),
    Delete(DeleteRequest),
}

/// Does it; where what is new is.
pub(in super::super) async fn make(asking: &Asking<'_>, keeping: &Keeping) -> Result<Option<String>, Status> {
    let made = sent(asking, keeping, false).await?;
    Ok(made.filter(|_| matches!(keeping, Keeping::Create(_))).map(|made| path_of(&made.id)))
}

async fn sent(asking: &Asking<'_>, keeping: &Keeping, validate_only: bool) -> Result<Option<Certificate>, Status> {
    let mut client = asking.dashboard.scheduler.certificates();
    Ok(match keeping {
        Keeping::Create(one) => {
            let mut request = one.clone();
            request.validate_only = validate_only;
            Some(client.create(asking.request(request)).await?.into_inner())
        }
        Keeping::Update(one, _) => {
            let mut request = one.clone();
            request.validate_only = validate_only;
            Some(client.update(asking.request(request)).await?.into_inner())
        }
        Keeping::Delete(one) => {
            client.delete(asking.request(DeleteRequest { validate_only, ..one.clone() })).await?;
            None
        }
    })
}

/// What it would do, or why not.
pub(in super::super) async fn plan(asking: &Asking<'_>, draft: &mut Draft, keeping: &Keeping) -> Result<Plan, Trouble> {
    let after = match sent(asking, keeping, true).await {
        Ok(after) => after,
        Err(status) => return refused(asking, draft, &status),
    };
    let now = asking.dashboard.now();
    let (differences, facts, steps) = match (keeping, &after) {
        (Keeping::Create(_), Some(after)) => {
            let step = match after.acme.is_some() {
                true => "order it of the CA, as soon as a listener names it",
                false => "keep it: nobody uses it before a listener or a pool names it",
            };
            (Vec::new(), plan::facts(after, now), vec![step])
        }
        (Keeping::Update(request, before), Some(after)) => {
            let differences = plan::differences(&draft.sheet, before, after);
            let is_new = before.version != after.version;
            let is_ordered =
                before.acme.as_ref().map(|acme| &acme.domains) != after.acme.as_ref().map(|acme| &acme.domains);
            let steps = match (is_new, is_ordered) {
                (true, _) => {
                    vec!["keep it as the next version", "give it to all that use it: no connection ends by it"]
                }
                (_, true) => vec!["order it of the CA at once"],
                _ if brings(request) => vec!["nothing: it is the one that is there"],
                _ => Vec::new(),
            };
            (differences, if is_new { plan::facts(after, now) } else { Vec::new() }, steps)
        }
        _ => (Vec::new(), Vec::new(), vec!["delete it, with its private key"]),
    };
    let steps = steps.into_iter().map(str::to_owned).collect();
    Ok(Plan::of_certificate(differences, facts, steps).same(Some(same(asking, keeping))))
}

fn paths(request: &UpdateCertificateRequest) -> &[String] {
    request.update_mask.as_ref().map(|mask| mask.paths.as_slice()).unwrap_or_default()
}

fn brings(request: &UpdateCertificateRequest) -> bool {
    paths(request).iter().any(|path| path == "certificate_chain" || path == "pkcs12")
}

fn same(asking: &Asking<'_>, keeping: &Keeping) -> Same {
    let nothing = Certificate::default();
    let wish = match keeping {
        Keeping::Create(request) => Wish::Create(request.certificate.as_ref().unwrap_or(&nothing)),
        Keeping::Update(request, _) => Wish::Update(request.certificate.as_ref().unwrap_or(&nothing), paths(request)),
        Keeping::Delete(request) => Wish::Delete(&request.id),
    };
    let is_open = asking.dashboard.mode == ballast_service::config::AuthMode::None;
    Same::of_certificate(&wish, &asking.asked.origin, is_open)
}
