//! Certificates. What is sealed comes and goes as it is: no key that opens it is known here.

use std::collections::BTreeMap;

use ballast_model::{
    certificate::{Certificate, Sealed, of_reference},
    fault::{Certifying, Fault, Kind},
    ids::CertificateId,
};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, PaginatorTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, Set,
};

use crate::{
    Tx,
    backend::fault_of,
    codec::natural,
    entity::{
        certificate::{self, Column, Entity, Kept, Listed},
        listener, pool, secret,
    },
};

/// How many ids are looked for in one statement.
const AT_ONCE: usize = 500;

/// There is no certificate of this id, or it is another project's.
#[must_use]
pub fn certificate_not_found(id: impl std::fmt::Display) -> Fault {
    Fault::not_found(Kind::Certificate, id)
}

/// A private key that is kept, where it is among all, and what it is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedCertificate {
    /// Grows with each certificate.
    pub seq: i64,
    pub id: CertificateId,
    pub version: u64,
    pub sealed: Sealed,
}

impl Kept {
    fn into_sealed(self) -> Result<SealedCertificate, Fault> {
        Ok(SealedCertificate {
            seq: self.seq,
            id: self.id.into(),
            version: natural("version", self.version)?,
            sealed: Sealed { key_id: self.key_id, bytes: self.sealed },
        })
    }
}

impl Tx {
    /// The certificate of this id, with its chain.
    ///
    /// # Errors
    /// [`Code::Internal`](ballast_model::fault::Code::Internal): the database failed.
    pub async fn certificate(&self, id: CertificateId) -> Result<Option<Certificate>, Fault> {
        let of_id = || Entity::find().filter(Column::Id.eq(id.uuid()));
        let row = of_id().into_partial_model::<Listed>().one(self.db()).await.map_err(fault_of)?;
        let Some(row) = row else { return Ok(None) };
        let mut found = row.into_certificate()?;
        let chain = of_id().select_only().column(Column::Chain).into_tuple().one(self.db());
        if let Some(content) = &mut found.content {
            content.chain = chain.await.map_err(fault_of)?.unwrap_or_default();
        }
        Ok(Some(found))
    }

    /// Those of these ids that there are, without their chains.
    ///
    /// # Errors
    /// As [`Self::certificate`].
    pub async fn certificates_of(&self, ids: &[CertificateId]) -> Result<Vec<Certificate>, Fault> {
        let mut found = Vec::with_capacity(ids.len());
        for some in ids.chunks(AT_ONCE) {
            let these = Entity::find().filter(Column::Id.is_in(some.iter().map(|id| id.uuid())));
            let rows = these.into_partial_model::<Listed>().all(self.db()).await.map_err(fault_of)?;
            found.extend(rows.into_iter().map(Listed::into_certificate).collect::<Result<Vec<_>, _>>()?);
        }
        Ok(found)
    }

    /// The certificates of a project, or of all, the oldest first, without their chains.
    ///
    /// # Errors
    /// As [`Self::certificate`].
    pub async fn certificates(&self, project_id: Option<&str>) -> Result<Vec<Certificate>, Fault> {
        let mut all = Entity::find().order_by_asc(Column::Seq);
        if let Some(project_id) = project_id {
            all = all.filter(Column::ProjectId.eq(project_id));
        }
        let rows = all.into_partial_model::<Listed>().all(self.db()).await.map_err(fault_of)?;
        rows.into_iter().map(Listed::into_certificate).collect()
    }

    /// How many certificates a project has.
    ///
    /// # Errors
    /// As [`Self::certificate`].
    pub async fn count_certificates(&self, project_id: &str) -> Result<u64, Fault> {
        let of_project = Entity::find().filter(Column::ProjectId.eq(project_id));
        of_project.count(self.db()).await.map_err(fault_of)
    }

    /// Stores a new certificate; none sealed: it has no private key, or none yet.
    ///
    /// # Errors
    /// As [`Self::certificate`].
    pub async fn insert_certificate(&self, certificate: &Certificate, sealed: Option<&Sealed>) -> Result<(), Fault> {
        let none = Sealed { key_id: String::new(), bytes: Vec::new() };
        let row = certificate::ActiveModel::of(certificate)?.with(sealed.unwrap_or(&none));
        Entity::insert(row).exec_without_returning(self.db()).await.map(|_| ()).map_err(fault_of)
    }

    /// Stores what a certificate is now; with another content its private key too.
    ///
    /// # Errors
    /// `Code::CertificateNotFound`, or as [`Self::certificate`].
    pub async fn save_certificate(&self, certificate: &Certificate, sealed: Option<&Sealed>) -> Result<(), Fault> {
        let row = certificate::ActiveModel::of(certificate)?;
        let row = match sealed {
            Some(sealed) => row.with(sealed),
            None => row,
        };
        let saved = Entity::update_many().set(row).filter(Column::Id.eq(certificate.id.uuid())).exec(self.db());
        match saved.await.map_err(fault_of)?.rows_affected {
            0 => Err(certificate_not_found(certificate.id)),
            _ => Ok(()),
        }
    }

    /// Deletes a certificate with its private key.
    ///
    /// # Errors
    /// `Code::CertificateNotFound`, or as [`Self::certificate`].
    pub async fn delete_certificate(&self, id: CertificateId) -> Result<(), Fault> {
        let gone = Entity::delete_many().filter(Column::Id.eq(id.uuid())).exec(self.db());
        match gone.await.map_err(fault_of)?.rows_affected {
            0 => Err(certificate_not_found(id)),
            _ => Ok(()),
        }
    }

    /// Refuses a certificate that a listener or a pool of its project names.
    ///
    /// # Errors
    /// [`Certifying::InUse`], or as [`Self::certificate`].
    pub async fn certificate_must_be_unused(&self, id: CertificateId, project_id: &str) -> Result<(), Fault> {
        let text = id.to_string();
        // What is found by its text is read as well: a text may be there for something else.
        let names = |references: &[String]| references.iter().any(|one| of_reference(one) == Some(id));
        let in_use = |user| Err(Certifying::InUse { certificate_id: id, user }.into());
        let listeners = listener::Entity::find()
            .filter(listener::Column::ProjectId.eq(project_id))
            .filter(listener::Column::More.contains(&text))
            .all(self.db());
        for row in listeners.await.map_err(fault_of)? {
            if names(&row.secrets()?) {
                return in_use(format!("listener {}", row.id));
            }
        }
        let pools = pool::Entity::find()
            .filter(pool::Column::ProjectId.eq(project_id))
            .filter(pool::Column::More.contains(&text))
            .all(self.db());
        for row in pools.await.map_err(fault_of)? {
            if names(&row.secrets()?) {
                return in_use(format!("pool {}", row.id));
            }
        }
        Ok(())
    }

    /// The private key of a certificate, as it is kept; none: it has none, or none yet.
    ///
    /// # Errors
    /// As [`Self::certificate`].
    pub async fn sealed_certificate(&self, id: CertificateId) -> Result<Option<SealedCertificate>, Fault> {
        let of_id = Entity::find().filter(Column::Id.eq(id.uuid())).filter(Column::KeyId.ne(""));
        let row = of_id.into_partial_model::<Kept>().one(self.db());
        row.await.map_err(fault_of)?.map(Kept::into_sealed).transpose()
    }

    /// The next of those that another key than this sealed, so many at most.
    ///
    /// # Errors
    /// As [`Self::certificate`].
    pub async fn sealed_otherwise(&self, key_id: &str, after: i64, most: u64) -> Result<Vec<SealedCertificate>, Fault> {
        let rows = Entity::find()
            .filter(Column::KeyId.is_not_in([key_id, ""]))
            .filter(Column::Seq.gt(after))
            .order_by_asc(Column::Seq)
            .limit(most)
            .into_partial_model::<Kept>()
            .all(self.db());
        rows.await.map_err(fault_of)?.into_iter().map(Kept::into_sealed).collect()
    }

    /// Puts the same private key, sealed by another key, in the place of what was read; whether that was still there.
    ///
    /// # Errors
    /// As [`Self::certificate`].
    pub async fn seal_again(&self, read: &SealedCertificate, sealed: &Sealed) -> Result<bool, Fault> {
        let row = certificate::ActiveModel {
            key_id: Set(sealed.key_id.clone()),
            sealed: Set(sealed.bytes.clone()),
            ..Default::default()
        };
        let done = Entity::update_many()
            .set(row)
            .filter(Column::Id.eq(read.id.uuid()))
            .filter(Column::Version.eq(crate::codec::number(read.version)))
            .filter(Column::KeyId.eq(read.sealed.key_id.as_str()))
            .exec(self.db());
        Ok(done.await.map_err(fault_of)?.rows_affected > 0)
    }

    /// The ids of the keys that sealed private keys of certificates, and how many.
    ///
    /// # Errors
    /// As [`Self::certificate`].
    pub async fn sealing_keys(&self) -> Result<Vec<(String, i64)>, Fault> {
        let keys = Entity::find()
            .select_only()
            .column(Column::KeyId)
            .column_as(Column::Id.count(), "count")
            .filter(Column::KeyId.ne(""))
            .group_by(Column::KeyId)
            .order_by_asc(Column::KeyId)
            .into_tuple::<(String, i64)>()
            .all(self.db());
        let of_others = secret::Entity::find()
            .select_only()
            .column(secret::Column::KeyId)
            .column_as(secret::Column::Id.count(), "count")
            .filter(secret::Column::KeyId.ne(""))
            .group_by(secret::Column::KeyId)
            .into_tuple::<(String, i64)>()
            .all(self.db());
        let mut all = BTreeMap::new();
        for (key_id, count) in keys.await.map_err(fault_of)?.into_iter().chain(of_others.await.map_err(fault_of)?) {
            *all.entry(key_id).or_default() += count;
        }
        Ok(all.into_iter().collect())
    }
}
