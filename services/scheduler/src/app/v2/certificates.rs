//! Certificates of projects. Private keys come in, are sealed, and are told to nobody. Those that a CA issues are made here, and
//! issued [beside](super::super::acme).

use ballast_certificates::{Bound, Material, Zeroizing};
use ballast_model::{
    certificate::{Acme, Certificate, Sealed},
    check,
    fault::{Balancing, Certifying, Fault, Issuing},
    ids::CertificateId,
    tls::Purpose,
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
    pub kind: Purpose,
    pub origin: Supply,
}

/// Where its content comes from.
#[derive(Debug)]
pub enum Supply {
    Brought(Material),
    /// A CA issues it for these names.
    Acme(Vec<String>),
}

/// What is to change of one; none: it stays.
#[derive(Debug, Default)]
pub struct CertificateChange {
    pub name: Option<String>,
    pub description: Option<String>,
    pub material: Option<Material>,
    /// The names for which it is issued anew.
    pub domains: Option<Vec<String>>,
}

impl App {
    /// Keeps a certificate with its private key.
    ///
    /// # Errors
    /// [`Certifying::NoSecretsKey`], [`Certifying::TooMany`], [`Issuing::NotConfigured`], a text that is too long.
    pub async fn create_certificate(&self, write: Write<'_>, new: NewCertificate) -> Result<Certificate, Fault> {
        let (acme, content, private_key) = match new.origin {
            Supply::Brought(Material { content, private_key }) => (None, Some(content), private_key),
            Supply::Acme(domains) => (Some(self.to_be_issued(&domains)?), None, Zeroizing::default()),
        };
        let certificate = Certificate {
            id: new.id,
            project_id: new.project_id,
            name: check::text("name", new.name, check::MAX_TEXT)?,
            description: check::text("description", new.description, check::MAX_TEXT)?,
            kind: new.kind,
            version: if content.is_some() { 1 } else { 0 },
            changed: 1,
            created_at: self.now(),
            updated_at: None,
            acme,
            content,
        };
        let sealed = self.seal(&certificate, private_key.as_bytes())?;
        let sealed = sealed.as_ref();
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
        self.issue_soon(&certificate);
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
        let (material, domains) = (&change.material, &change.domains);
        let update = self.store.write(|tx, _| {
            Box::pin(async move {
                let before = load(tx, write.caller, id).await?;
                check_etag(write.etag, &before)?;
                let mut after = before.clone();
                after.name = name.clone().unwrap_or(after.name);
                after.description = description.clone().unwrap_or(after.description);
                let mut sealed = None;
                if let Some(domains) = domains {
                    after.acme.as_ref().ok_or(Issuing::Otherwise)?;
                    after.acme = Some(self.to_be_issued(domains)?);
                }
                if let Some(material) = material {
                    if after.acme.is_some() {
                        return Err(Issuing::Brought.into());
                    }
                    sealed = self.bring(&mut after, material)?;
                }
                if after == before {
                    return Ok((before, Vec::new()));
                }
                (after.changed, after.updated_at) = (before.changed + 1, Some(self.now()));
                if write.validate_only {
                    return Ok((after, Vec::new()));
                }
                tx.save_certificate(&after, sealed.as_ref()).await?;
                let wakes = match after.version == before.version {
                    true => Vec::new(),
                    false => self.certificate_changed(tx, id, &after.project_id).await?,
                };
                Ok((after, wakes))
            })
        });
        let (updated, wakes) = update.await?;
        self.wake(wakes);
        self.issue_soon(&updated);
        Ok(updated)
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
                if write.validate_only {
                    return Ok(Vec::new());
                }
                let wakes = self.answer_nothing_for(tx, id).await?;
                tx.delete_certificate(id).await?;
                Ok(wakes)
            })
        });
        self.wake(delete.await?);
        Ok(())
    }

    /// The next version of a certificate, if it is another one; what is sealed with it.
    pub(in crate::app) fn bring(&self, to: &mut Certificate, material: &Material) -> Result<Option<Sealed>, Fault> {
        if to.content.as_ref() == Some(&material.content) {
            return Ok(None);
        }
        to.content = Some(material.content.clone());
        to.version += 1;
        self.seal(to, material.private_key.as_bytes())
    }

    /// A certificate that a CA is to issue, for whose private key there is a key.
    fn to_be_issued(&self, domains: &[String]) -> Result<Acme, Fault> {
        if self.issuer.is_none() {
            return Err(Issuing::NotConfigured.into());
        }
        self.keyring.sealing().ok_or(Certifying::NoSecretsKey)?;
        Acme::new(domains, self.now())
    }

    /// None: there is no private key.
    fn seal(&self, certificate: &Certificate, private_key: &[u8]) -> Result<Option<Sealed>, Fault> {
        if private_key.is_empty() {
            return Ok(None);
        }
        let bound = Bound { id: certificate.id, version: certificate.version };
        self.keyring.seal(private_key, bound).map(Some).ok_or_else(|| Certifying::NoSecretsKey.into())
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
