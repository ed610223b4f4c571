//! Certificates of projects. Private keys come in, are sealed, and are told to nobody.

use ballast_certificates::{Bound, Material};
use ballast_model::{
    certificate::{Certificate, Sealed},
    check,
    fault::{Balancing, Certifying, Fault},
    ids::CertificateId,
};
use ballast_store::{Tx, certificate_not_found};

use super::{
    super::{App, Caller},
    write::Write,
};

/// A certificate to be made.
#[derive(Debug)]
pub struct NewCertificate {
    pub id: CertificateId,
    pub project_id: String,
    pub name: String,
    pub description: String,
    pub material: Material,
}

/// What is to change of one; none: it stays.
#[derive(Debug, Default)]
pub struct CertificateChange {
    pub name: Option<String>,
    pub description: Option<String>,
    pub material: Option<Material>,
}

impl App {
    /// Keeps a certificate with its private key.
    ///
    /// # Errors
    /// [`Certifying::NoSecretsKey`], [`Certifying::TooMany`], a text that is too long.
    pub async fn create_certificate(&self, write: Write<'_>, new: NewCertificate) -> Result<Certificate, Fault> {
        let certificate = Certificate {
            id: new.id,
            project_id: new.project_id,
            name: check::text("name", new.name, check::MAX_TEXT)?,
            description: check::text("description", new.description, check::MAX_TEXT)?,
            version: 1,
            changed: 1,
            created_at: self.now(),
            updated_at: None,
            content: new.material.content,
        };
        let sealed = &self.seal(&certificate, new.material.private_key.as_bytes())?;
        let (made, most) = (&certificate, self.certificates_per_project);
        let create = self.store.write(|tx, _| {
            Box::pin(async move {
                if !write.validate_only {
                    tx.claim(write.claim).await?;
                }
                if tx.count_certificates(&made.project_id).await? >= most.into() {
                    return Err(Certifying::TooMany { most }.into());
                }
                if write.validate_only { Ok(()) } else { tx.insert_certificate(made, sealed).await }
            })
        });
        create.await?;
        Ok(certificate)
    }

    /// The certificate of this id, with its chain.
    ///
    /// # Errors
    /// `Code::CertificateNotFound`: also if it is another project's.
    pub async fn certificate(&self, caller: &Caller, id: CertificateId) -> Result<Certificate, Fault> {
        self.store.glance(|tx, _| Box::pin(load(tx, caller, id))).await
    }

    /// Those of a project; none: of all. Without their chains.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn certificates(&self, project_id: Option<&str>) -> Result<Vec<Certificate>, Fault> {
        self.store.glance(|tx, _| Box::pin(tx.certificates(project_id))).await
    }

    /// Changes a certificate. Another content is the next version.
    ///
    /// # Errors
    /// `Code::CertificateNotFound`, [`Balancing::EtagMismatch`], [`Certifying::NoSecretsKey`], a text that is too long.
    pub async fn update_certificate(
        &self,
        write: Write<'_>,
        id: CertificateId,
        change: CertificateChange,
    ) -> Result<Certificate, Fault> {
        let text = |field, text: Option<String>| text.map(|text| check::text(field, text, check::MAX_TEXT)).transpose();
        let (name, description) = (&text("name", change.name)?, &text("description", change.description)?);
        let material = &change.material;
        let update = self.store.write(|tx, _| {
            Box::pin(async move {
                let before = load(tx, write.caller, id).await?;
                check_etag(write.etag, &before)?;
                let mut after = before.clone();
                after.name = name.clone().unwrap_or(after.name);
                after.description = description.clone().unwrap_or(after.description);
                let mut sealed = None;
                if let Some(material) = material.as_ref().filter(|material| material.content != before.content) {
                    after.content = material.content.clone();
                    after.version += 1;
                    sealed = Some(self.seal(&after, material.private_key.as_bytes())?);
                }
                if after == before {
                    return Ok((before, Vec::new()));
                }
                (after.changed, after.updated_at) = (before.changed + 1, Some(self.now()));
                if write.validate_only {
                    return Ok((after, Vec::new()));
                }
                tx.save_certificate(&after, sealed.as_ref()).await?;
                let wakes = match sealed {
                    Some(_) => self.certificate_changed(tx, id, &after.project_id).await?,
                    None => Vec::new(),
                };
                Ok((after, wakes))
            })
        });
        let (after, wakes) = update.await?;
        self.wakes.wake(wakes);
        Ok(after)
    }

    /// Deletes a certificate that nothing names.
    ///
    /// # Errors
    /// `Code::CertificateNotFound`, [`Certifying::InUse`], [`Balancing::EtagMismatch`]
    pub async fn delete_certificate(&self, write: Write<'_>, id: CertificateId) -> Result<(), Fault> {
        let delete = self.store.write(|tx, _| {
            Box::pin(async move {
                let before = load(tx, write.caller, id).await?;
                check_etag(write.etag, &before)?;
                tx.certificate_must_be_unused(id, &before.project_id).await?;
                if write.validate_only { Ok(()) } else { tx.delete_certificate(id).await }
            })
        });
        delete.await
    }

    fn seal(&self, certificate: &Certificate, private_key: &[u8]) -> Result<Sealed, Fault> {
        let bound = Bound { id: certificate.id, version: certificate.version };
        self.keyring.seal(private_key, bound).ok_or_else(|| Certifying::NoSecretsKey.into())
    }
}

/// Another project's is not there: that it is kept here is nobody else's business.
async fn load(tx: &Tx, caller: &Caller, id: CertificateId) -> Result<Certificate, Fault> {
    let found = tx.certificate(id).await?.filter(|certificate| caller.sees(&certificate.project_id));
    found.ok_or_else(|| certificate_not_found(id))
}

fn check_etag(sent: &str, certificate: &Certificate) -> Result<(), Fault> {
    if sent.is_empty() || certificate.changed.to_string() == sent {
        return Ok(());
    }
    Err(Balancing::EtagMismatch { id: certificate.id.to_string() }.into())
}
