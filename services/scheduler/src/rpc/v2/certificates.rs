//! `lbaas.v2.Certificates`

mod bundled;
mod sent;

use std::{mem, time::Duration};

use ballast_certificates::{Material, read_as};
use ballast_model::{
    certificate::check_domains,
    fault::{Fault, Issuing, Keying},
    ids::CertificateId,
    time::Timestamp,
    tls::Purpose,
};
use ballast_proto::{
    convert,
    v2::{
        Acme, Certificate, CreateCertificateRequest, DeleteRequest, GetRequest, ListCertificatesResponse, ListRequest,
        ListSecretsResponse, LookAtSecretsRequest, SecretUser, UpdateCertificateRequest, UsedSecret,
        certificates_server,
    },
};
use ballast_store::certificate_not_found;
use tonic::{Request, Response, Status};

use self::sent::Sent;
use super::super::{
    Api, answer,
    decode::{Mask, body, caller, id, next_page_token},
    once::{claim, once},
};
use super::{
    few::{Few, page},
    query::project,
};
use crate::app::{App, Caller, CertificateChange, NewCertificate, Supply, Used, Write};

const MUTABLE: [&str; 5] = ["name", "description", "certificate_chain", "private_key", "acme"];

#[tonic::async_trait]
impl certificates_server::Certificates for Api {
    async fn create(&self, request: Request<CreateCertificateRequest>) -> Result<Response<Certificate>, Status> {
        answer(async {
            let (caller, mut request) = (caller(&request), request.into_inner());
            let mut sent = Sent(body("certificate", request.certificate.take())?);
            bundled::open(&mut sent, self.0.now()).await?;
            let new = new(&self.0, &caller, sent)?;
            let claim = claim(&self.0, &caller, &request.request_id, &public(&new), new.id)?;
            let write = Write { claim: claim.as_ref(), ..Write::new(&caller, request.validate_only) };
            let make = Box::pin(self.0.create_certificate(write, new));
            let claim = claim.as_ref().filter(|_| !request.validate_only);
            let find = |id: CertificateId| self.0.certificate(&caller, id);
            let made = once(&self.0, claim, make, find).await?;
            Ok(convert::to_certificate(&made, self.0.now()))
        })
        .await
    }

    async fn get(&self, request: Request<GetRequest>) -> Result<Response<Certificate>, Status> {
        answer(async {
            let (caller, id) = (caller(&request), id(&request.get_ref().id, certificate_not_found)?);
            let found = self.0.certificate(&caller, id).await?;
            Ok(convert::to_certificate(&found, self.0.now()))
        })
        .await
    }

    async fn list(&self, request: Request<ListRequest>) -> Result<Response<ListCertificatesResponse>, Status> {
        answer(async {
            let (caller, mut request) = (caller(&request), request.into_inner());
            let project_id = project(&caller, mem::take(&mut request.project_id))?;
            let (found, now) = (self.0.certificates(project_id.as_deref()).await?, self.0.now());
            let all = found.iter().map(|one| convert::to_certificate(one, now)).collect();
            let (certificates, more) = page::<Certificate>(&request, all)?;
            let next_page_token = next_page_token(more, certificates.last().map(Few::key));
            Ok(ListCertificatesResponse { certificates, next_page_token })
        })
        .await
    }

    async fn update(&self, request: Request<UpdateCertificateRequest>) -> Result<Response<Certificate>, Status> {
        answer(async {
            let (caller, mut request) = (caller(&request), request.into_inner());
            let update_mask = bundled::named(request.update_mask.take());
            let mut sent = Sent(body("certificate", request.certificate.take())?);
            bundled::open(&mut sent, self.0.now()).await?;
            let id = id(&sent.id, certificate_not_found)?;
            let mask = Mask::new::<Certificate>(update_mask, &MUTABLE)?;
            let chain = mask.pick("certificate_chain", !sent.certificate_chain.is_empty(), &sent.certificate_chain);
            let key = mask.pick("private_key", !sent.private_key.is_empty(), &sent.private_key);
            let acme = mask.pick("acme", sent.acme.is_some(), sent.acme.clone()).flatten();
            let material = match (chain, key) {
                (None, None) => None,
                _ if acme.is_some() => return Err(Issuing::Brought.into()),
                (chain, key) => {
                    let kind = self.0.certificate(&caller, id).await?.kind;
                    Some(together(kind, chain.map(String::as_str), key.map(String::as_str), self.0.now())?)
                }
            };
            let change = CertificateChange {
                name: mask.pick("name", !sent.name.is_empty(), sent.name.clone()),
                description: mask.pick("description", !sent.description.is_empty(), sent.description.clone()),
                material,
                domains: acme.map(|acme| acme.domains),
            };
            let write = Write { etag: &sent.etag, ..Write::new(&caller, request.validate_only) };
            let changed = self.0.update_certificate(write, id, change).await?;
            Ok(convert::to_certificate(&changed, self.0.now()))
        })
        .await
    }

    async fn list_secrets(&self, request: Request<ListRequest>) -> Result<Response<ListSecretsResponse>, Status> {
        answer(async {
            let (caller, mut request) = (caller(&request), request.into_inner());
            let project_id = project(&caller, mem::take(&mut request.project_id))?;
            let (used, now) = (self.0.secrets_in_use(project_id.as_deref()).await?, self.0.now());
            let all = used.iter().map(|((reference, project), one)| to_used(reference, project, one, now)).collect();
            let (secrets, more) = page::<UsedSecret>(&request, all)?;
            let next_page_token = next_page_token(more, secrets.last().map(Few::key));
            Ok(ListSecretsResponse { secrets, next_page_token })
        })
        .await
    }

    async fn look_at_secrets(&self, request: Request<LookAtSecretsRequest>) -> Result<Response<()>, Status> {
        answer(async {
            let (caller, request) = (caller(&request), request.into_inner());
            let project_id = project(&caller, request.project_id)?;
            Box::pin(self.0.look_at_secrets(Duration::ZERO, project_id.as_deref())).await
        })
        .await
    }

    async fn delete(&self, request: Request<DeleteRequest>) -> Result<Response<()>, Status> {
        answer(async {
            let (caller, request) = (caller(&request), request.into_inner());
            let id = id(&request.id, certificate_not_found)?;
            let write = Write { etag: &request.etag, ..Write::new(&caller, request.validate_only) };
            self.0.delete_certificate(write, id).await
        })
        .await
    }
}

fn to_used(reference: &str, project_id: &str, one: &Used, now: Timestamp) -> UsedSecret {
    let (validity, expires_in_days) = convert::to_validity(one.not_before, one.not_after, now);
    let user = |user: &ballast_store::SecretUser| SecretUser {
        load_balancer_id: user.load_balancer_id.to_string(),
        kind: user.kind.as_str().to_owned(),
        id: user.id.to_string(),
    };
    UsedSecret {
        reference: reference.to_owned(),
        project_id: project_id.to_owned(),
        names: one.names.clone(),
        not_before: one.not_before.map(convert::timestamp),
        not_after: one.not_after.map(convert::timestamp),
        validity: validity.into(),
        expires_in_days,
        problem: one.problem.clone(),
        looked_at: one.looked_at.map(convert::timestamp),
        users: one.users.iter().map(user).collect(),
    }
}

impl Few for UsedSecret {
    const FIELDS: &'static [&'static str] = &["reference", "project_id", "not_after"];

    fn field(&self, name: &str) -> String {
        match name {
            "not_after" => format!("{:020}", self.not_after.as_ref().map_or(i64::MAX, |time| time.seconds)),
            "project_id" => self.project_id.clone(),
            _ => self.reference.clone(),
        }
    }

    fn key(&self) -> &str {
        &self.reference
    }
}

/// A certificate and its private key change together; what has none changes alone.
fn together(kind: Purpose, chain: Option<&str>, private_key: Option<&str>, now: Timestamp) -> Result<Material, Fault> {
    let alone = |missing: &str| Fault::from(Keying::Alone { missing: missing.to_owned() });
    match (kind, chain, private_key) {
        (_, Some(chain), Some(key)) => read_as(kind, chain, key, now),
        (Purpose::Certificate, Some(_), None) => Err(alone("private_key")),
        (_, Some(chain), None) => read_as(kind, chain, "", now),
        (_, None, _) => Err(alone("certificate_chain")),
    }
}

fn new(app: &App, caller: &Caller, mut sent: Sent) -> Result<NewCertificate, Fault> {
    let kind = convert::certificate_kind(sent.kind)?;
    let origin = match &sent.acme {
        Some(acme) => {
            let is_brought = !sent.certificate_chain.is_empty() || !sent.private_key.is_empty();
            if is_brought || kind != Purpose::Certificate {
                return Err(Issuing::Brought.into());
            }
            Supply::Acme(check_domains(&acme.domains)?)
        }
        None => Supply::Brought(read_as(kind, &sent.certificate_chain, &sent.private_key, app.now())?),
    };
    Ok(NewCertificate {
        id: app.new_id(),
        project_id: caller.project_for(&sent.project_id)?,
        name: mem::take(&mut sent.name),
        description: mem::take(&mut sent.description),
        kind,
        origin,
    })
}

/// What a request is known by when it is sent again. The private key is that of the certificate, and not in it: nothing that
/// is stored is made of it.
fn public(new: &NewCertificate) -> Certificate {
    let NewCertificate { project_id, name, description, kind, origin, .. } = new;
    let (certificate_chain, acme) = match origin {
        Supply::Brought(Material { content, .. }) => (content.chain.clone(), None),
        Supply::Acme(domains) => (String::new(), Some(Acme { domains: domains.clone(), ..Acme::default() })),
    };
    // Without a kind, as before there were kinds: the same request is sent again through an upgrade.
    let kind = if *kind == Purpose::Certificate { 0 } else { convert::to_certificate_kind(*kind).into() };
    Certificate {
        project_id: project_id.clone(),
        name: name.clone(),
        description: description.clone(),
        certificate_chain,
        kind,
        acme,
        ..Certificate::default()
    }
}

impl Few for Certificate {
    const FIELDS: &'static [&'static str] = &[
        "id",
        "project_id",
        "name",
        "description",
        "version",
        "subject",
        "issuer",
        "serial",
        "fingerprint",
        "key_type",
        "not_after",
        "kind",
        "reference",
    ];

    fn field(&self, name: &str) -> String {
        match name {
            "id" => self.id.clone(),
            "project_id" => self.project_id.clone(),
            "name" => self.name.clone(),
            "description" => self.description.clone(),
            // As text it would come in another order.
            "version" => format!("{:020}", self.version),
            "subject" => self.subject.clone(),
            "issuer" => self.issuer.clone(),
            "serial" => self.serial.clone(),
            "fingerprint" => self.fingerprint.clone(),
            "key_type" => self.key_type.clone(),
            "kind" => self.kind().as_str_name().trim_start_matches("CERTIFICATE_KIND_").to_owned(),
            "not_after" => format!("{:020}", self.not_after.as_ref().map_or(0, |time| time.seconds)),
            _ => self.reference.clone(),
        }
    }

    fn key(&self) -> &str {
        &self.id
    }
}
