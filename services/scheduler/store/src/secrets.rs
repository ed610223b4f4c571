//! Secrets that load balancers name and others keep: as they were read last, so that nobody has to be asked to serve what is
//! known. What is sealed comes and goes as it is. And who names which secret.

use std::collections::BTreeSet;

use ballast_model::{
    Uuid,
    certificate::Sealed,
    fault::Fault,
    ids::{CertificateId, LoadBalancerId},
    listener::Protocol,
    time::Timestamp,
    tls::Purpose,
};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, NotSet, QueryFilter as _, QueryOrder as _, QuerySelect as _, Set,
    sea_query::OnConflict,
};

use crate::{
    EventKind, SealedCertificate, Tx,
    backend::fault_of,
    codec::{natural, number},
    entity::{
        expiry_warning, listener, pool,
        secret::{self, Column, Entity, Kept, Listed},
    },
};

/// How many references are looked for in one statement.
const AT_ONCE: usize = 500;

/// What is known of a secret, without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    /// What its private key is sealed for.
    pub id: CertificateId,
    pub reference: String,
    pub purpose: Purpose,
    /// Grows with each new content.
    pub version: u64,
    /// Of the content, in hex.
    pub digest: String,
    pub names: Vec<String>,
    pub not_before: Option<Timestamp>,
    pub not_after: Option<Timestamp>,
    /// When this content was read.
    pub read_at: Timestamp,
    /// When it was last looked at.
    pub looked_at: Timestamp,
    /// Why what is there now is not taken; empty: nothing is wrong.
    pub problem: String,
}

/// Who names a secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SecretUser {
    pub reference: String,
    pub purpose: Purpose,
    pub load_balancer_id: LoadBalancerId,
    pub project_id: String,
    /// A listener or a pool, and which.
    pub kind: EventKind,
    pub id: Uuid,
}

impl Tx {
    /// What is known of those of these references that are known.
    ///
    /// # Errors
    /// [`Code::Internal`](ballast_model::fault::Code::Internal): the database failed.
    pub async fn secrets(&self, references: &[&str]) -> Result<Vec<Secret>, Fault> {
        let mut found = Vec::new();
        for some in references.chunks(AT_ONCE) {
            let rows = Entity::find().filter(Column::Reference.is_in(some.iter().copied()));
            let rows = rows.into_partial_model::<Listed>().all(self.db()).await.map_err(fault_of)?;
            found.extend(rows.into_iter().map(Listed::into_secret).collect::<Result<Vec<_>, _>>()?);
        }
        Ok(found)
    }

    /// All that is known, the oldest first.
    ///
    /// # Errors
    /// As [`Self::secrets`].
    pub async fn all_secrets(&self) -> Result<Vec<Secret>, Fault> {
        let rows = Entity::find().order_by_asc(Column::Seq).into_partial_model::<Listed>().all(self.db());
        rows.await.map_err(fault_of)?.into_iter().map(Listed::into_secret).collect()
    }

    /// A secret's content in PEM, and what is sealed of it; none: it has no private key.
    ///
    /// # Errors
    /// As [`Self::secrets`].
    pub async fn secret_content(&self, reference: &str) -> Result<Option<(String, Option<SealedCertificate>)>, Fault> {
        let row = Entity::find().filter(Column::Reference.eq(reference)).one(self.db()).await.map_err(fault_of)?;
        let Some(row) = row else { return Ok(None) };
        let kept = Kept { seq: row.seq, id: row.id, version: row.version, key_id: row.key_id, sealed: row.sealed };
        let sealed = if kept.key_id.is_empty() { None } else { Some(kept.into_sealed()?) };
        Ok(Some((row.pem, sealed)))
    }

    /// Stores what was read behind a reference.
    ///
    /// # Errors
    /// As [`Self::secrets`].
    pub async fn put_secret(&self, secret: &Secret, pem: &str, sealed: Option<&Sealed>) -> Result<(), Fault> {
        let row = secret::ActiveModel::of(secret, pem, sealed)?;
        let again = OnConflict::column(Column::Reference)
            .update_columns([
                Column::Id,
                Column::Purpose,
                Column::Version,
                Column::Digest,
                Column::Pem,
                Column::Names,
                Column::NotBefore,
                Column::NotAfter,
                Column::KeyId,
                Column::Sealed,
                Column::ReadAt,
                Column::LookedAt,
                Column::Problem,
            ])
            .to_owned();
        let put = Entity::insert(row).on_conflict(again).exec_without_returning(self.db());
        put.await.map(|_| ()).map_err(fault_of)
    }

    /// Notes a look at what is behind a reference, at which its content stays what it was.
    ///
    /// # Errors
    /// As [`Self::secrets`].
    pub async fn note_secret(&self, reference: &str, looked_at: Timestamp, problem: &str) -> Result<(), Fault> {
        let row =
            secret::ActiveModel { looked_at: Set(looked_at.0), problem: Set(problem.to_owned()), ..Default::default() };
        let noted = Entity::update_many().set(row).filter(Column::Reference.eq(reference)).exec(self.db());
        noted.await.map(|_| ()).map_err(fault_of)
    }

    /// Forgets these secrets.
    ///
    /// # Errors
    /// As [`Self::secrets`].
    pub async fn forget_secrets(&self, references: &[&str]) -> Result<(), Fault> {
        for some in references.chunks(AT_ONCE) {
            let gone = Entity::delete_many().filter(Column::Reference.is_in(some.iter().copied())).exec(self.db());
            gone.await.map_err(fault_of)?;
        }
        Ok(())
    }

    /// Who uses secrets; `containing`: those alone that this is a part of.
    ///
    /// # Errors
    /// As [`Self::secrets`].
    pub async fn users_of_secrets(&self, containing: Option<&str>) -> Result<BTreeSet<SecretUser>, Fault> {
        let ending = [Protocol::TerminatedHttps, Protocol::Prometheus].map(Protocol::as_str);
        let mut listeners = listener::Entity::find().filter(listener::Column::Protocol.is_in(ending));
        let mut pools = pool::Entity::find().filter(pool::Column::More.contains("\"tls\":"));
        if let Some(text) = containing.map(plain) {
            listeners = listeners.filter(listener::Column::More.contains(text));
            pools = pools.filter(pool::Column::More.contains(text));
        }
        let mut users = BTreeSet::new();
        for row in listeners.all(self.db()).await.map_err(fault_of)? {
            let object = (EventKind::Listener, row.id);
            let named = row.tls()?.filter(|tls| Protocol::parse(&row.protocol).is_some_and(|one| tls.ends_at(one)));
            let named = named.iter().flat_map(|tls| tls.references());
            users.extend(named.map(|named| user(named, &row.project_id, row.load_balancer_id.into(), object)));
        }
        for row in pools.all(self.db()).await.map_err(fault_of)? {
            let object = (EventKind::Pool, row.id);
            let tls = row.tls()?.filter(|tls| tls.enabled);
            let named = tls.iter().flat_map(|tls| tls.references());
            users.extend(named.map(|named| user(named, &row.project_id, row.load_balancer_id.into(), object)));
        }
        users.retain(|user| containing.is_none_or(|text| user.reference.contains(text)));
        Ok(users)
    }

    /// Tells of an object that nothing of it has changed, but something has happened to it: the cause says what.
    pub fn note_user(&self, user: &SecretUser) {
        let within = self.notes().within(user.load_balancer_id);
        within.note(user.kind, user.id, Some(&user.project_id));
    }

    /// Notes that somebody is warned, so many days before the end of a content with this digest; whether nobody was yet.
    ///
    /// # Errors
    /// As [`Self::secrets`].
    pub async fn warn_of_expiry(&self, digest: &str, days: u32) -> Result<bool, Fault> {
        let row = expiry_warning::ActiveModel { seq: NotSet, digest: Set(digest.to_owned()), days: Set(days.into()) };
        let columns = [expiry_warning::Column::Digest, expiry_warning::Column::Days];
        let again = OnConflict::columns(columns).do_nothing().to_owned();
        let noted = expiry_warning::Entity::insert(row).on_conflict(again).exec_without_returning(self.db());
        match noted.await {
            Ok(rows) => Ok(rows > 0),
            Err(sea_orm::DbErr::RecordNotInserted) => Ok(false),
            Err(error) => Err(fault_of(error)),
        }
    }

    /// Forgets warnings of contents that nobody uses any more.
    ///
    /// # Errors
    /// As [`Self::secrets`].
    pub async fn forget_warnings(&self, used: &BTreeSet<String>) -> Result<(), Fault> {
        let known = expiry_warning::Entity::find().select_only().column(expiry_warning::Column::Digest).distinct();
        let known: Vec<String> = known.into_tuple().all(self.db()).await.map_err(fault_of)?;
        let unused: Vec<String> = known.into_iter().filter(|digest| !used.contains(digest)).collect();
        for some in unused.chunks(AT_ONCE) {
            let of_these = expiry_warning::Column::Digest.is_in(some.iter().map(String::as_str));
            let gone = expiry_warning::Entity::delete_many().filter(of_these).exec(self.db());
            gone.await.map_err(fault_of)?;
        }
        Ok(())
    }

    /// The next of those that another key than this sealed, so many at most.
    ///
    /// # Errors
    /// As [`Self::secrets`].
    pub async fn secrets_sealed_otherwise(
        &self,
        key_id: &str,
        after: i64,
        most: u64,
    ) -> Result<Vec<SealedCertificate>, Fault> {
        let rows = Entity::find()
            .filter(Column::KeyId.is_not_in([key_id, ""]))
            .filter(Column::Seq.gt(after))
            .order_by_asc(Column::Seq)
            .limit(most)
            .into_partial_model::<Kept>()
            .all(self.db());
        rows.await.map_err(fault_of)?.into_iter().map(Kept::into_sealed).collect()
    }

    /// As [`Self::seal_again`], of a secret that others keep.
    ///
    /// # Errors
    /// As [`Self::secrets`].
    pub async fn seal_secret_again(&self, read: &SealedCertificate, sealed: &Sealed) -> Result<bool, Fault> {
        let row = secret::ActiveModel {
            key_id: Set(sealed.key_id.clone()),
            sealed: Set(sealed.bytes.clone()),
            ..Default::default()
        };
        let done = Entity::update_many()
            .set(row)
            .filter(Column::Id.eq(read.id.uuid()))
            .filter(Column::Version.eq(number(read.version)))
            .filter(Column::KeyId.eq(read.sealed.key_id.as_str()))
            .exec(self.db());
        Ok(done.await.map_err(fault_of)?.rows_affected > 0)
    }
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

/// The longest part of a text that is stored as it is and means nothing in a pattern: what has the text has it.
fn plain(text: &str) -> &str {
    let is_odd = |character: char| !(character.is_ascii_alphanumeric() || "/:.-".contains(character));
    text.split(is_odd).max_by_key(|part| part.len()).unwrap_or_default()
}

fn user(
    (reference, purpose): (&str, Purpose),
    project_id: &str,
    load_balancer_id: LoadBalancerId,
    (kind, id): (EventKind, Uuid),
) -> SecretUser {
    let (reference, project_id) = (reference.to_owned(), project_id.to_owned());
    SecretUser { reference, purpose, load_balancer_id, project_id, kind, id }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_looked_for_is_in_what_is_stored_whatever_else_the_text_has() {
        assert_eq!(plain("http://b/v1/secrets/1-2"), "http://b/v1/secrets/1-2");
        assert_eq!(plain("a\"\\/v1/containers/1-2%_"), "/v1/containers/1-2");
        assert_eq!(plain("%"), "");
    }
}
