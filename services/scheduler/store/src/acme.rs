//! What certificates need that a CA issues by ACME: which are due, who names them, and the account.

use ballast_model::{
    certificate::{Certificate, Sealed, of_reference},
    fault::Fault,
    ids::{CertificateId, LoadBalancerId},
    time::Timestamp,
};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, NotSet, PaginatorTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, Set, sea_query::OnConflict,
};

use crate::{
    Tx,
    backend::fault_of,
    codec::ids,
    entity::{
        acme_account::{self, Column as AccountColumn, Entity as Account},
        certificate::{Column, Entity, Listed},
        listener, load_balancer,
    },
};

/// An account at a CA. What is sealed is the key, and all else by which it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcmeAccount {
    /// The URL of the CA's directory.
    pub directory: String,
    /// By which the CA knows it.
    pub url: String,
    pub sealed: Sealed,
}

impl Tx {
    /// The certificates for whose next attempt it is time, so many at most, those that wait longest first; without their
    /// chains.
    ///
    /// # Errors
    /// [`Code::Internal`](ballast_model::fault::Code::Internal): the database failed.
    pub async fn certificates_to_issue(&self, now: Timestamp, most: u64) -> Result<Vec<Certificate>, Fault> {
        let due = Entity::find()
            .filter(Column::AcmeNextAt.lte(now.0))
            .order_by_asc(Column::AcmeNextAt)
            .order_by_asc(Column::Seq)
            .limit(most)
            .into_partial_model::<Listed>()
            .all(self.db());
        due.await.map_err(fault_of)?.into_iter().map(Listed::into_certificate).collect()
    }

    /// How many certificates are issued by ACME.
    ///
    /// # Errors
    /// As [`Self::certificates_to_issue`].
    pub async fn count_issued(&self) -> Result<u64, Fault> {
        Entity::find().filter(Column::AcmeNextAt.is_not_null()).count(self.db()).await.map_err(fault_of)
    }

    /// How many of them were not issued when it was last tried.
    ///
    /// # Errors
    /// As [`Self::certificates_to_issue`].
    pub async fn count_failing(&self) -> Result<u64, Fault> {
        let failing = Entity::find().filter(Column::AcmeNextAt.is_not_null()).filter(Column::AcmeFailures.gt(0));
        failing.count(self.db()).await.map_err(fault_of)
    }

    /// The load balancers of a project with listeners that name a certificate, each once.
    ///
    /// # Errors
    /// As [`Self::certificates_to_issue`].
    pub async fn load_balancers_naming(
        &self,
        id: CertificateId,
        project_id: &str,
    ) -> Result<Vec<LoadBalancerId>, Fault> {
        let rows = listener::Entity::find()
            .filter(listener::Column::ProjectId.eq(project_id))
            .filter(listener::Column::More.contains(id.to_string()))
            .order_by_asc(listener::Column::Seq)
            .all(self.db());
        let mut found = Vec::new();
        for row in rows.await.map_err(fault_of)? {
            // What is found by its text is read as well: a text may be there for something else.
            let is_named = row.secrets()?.iter().any(|one| of_reference(one) == Some(id));
            let load_balancer_id = LoadBalancerId::from(row.load_balancer_id);
            if is_named && !found.contains(&load_balancer_id) {
                found.push(load_balancer_id);
            }
        }
        Ok(found)
    }

    /// The load balancers that answer something for a certificate.
    ///
    /// # Errors
    /// As [`Self::certificates_to_issue`].
    pub async fn load_balancers_answering_for(&self, id: CertificateId) -> Result<Vec<LoadBalancerId>, Fault> {
        let rows = load_balancer::Entity::find()
            .select_only()
            .column(load_balancer::Column::Id)
            .filter(load_balancer::Column::HttpAnswers.contains(id.to_string()))
            .order_by_asc(load_balancer::Column::Seq)
            .into_tuple()
            .all(self.db());
        rows.await.map(ids).map_err(fault_of)
    }

    /// The account at the CA of this directory.
    ///
    /// # Errors
    /// As [`Self::certificates_to_issue`].
    pub async fn acme_account(&self, directory: &str) -> Result<Option<AcmeAccount>, Fault> {
        let found = Account::find().filter(AccountColumn::Directory.eq(directory)).one(self.db());
        Ok(found.await.map_err(fault_of)?.map(acme_account::Model::into_account))
    }

    /// All accounts.
    ///
    /// # Errors
    /// As [`Self::certificates_to_issue`].
    pub async fn acme_accounts(&self) -> Result<Vec<AcmeAccount>, Fault> {
        let all = Account::find().order_by_asc(AccountColumn::Seq).all(self.db());
        Ok(all.await.map_err(fault_of)?.into_iter().map(acme_account::Model::into_account).collect())
    }

    /// Stores a new account; that of another scheduler that was first stays.
    ///
    /// # Errors
    /// As [`Self::certificates_to_issue`].
    pub async fn insert_acme_account(&self, account: &AcmeAccount, now: Timestamp) -> Result<(), Fault> {
        let row = acme_account::ActiveModel {
            seq: NotSet,
            directory: Set(account.directory.clone()),
            url: Set(account.url.clone()),
            key_id: Set(account.sealed.key_id.clone()),
            sealed: Set(account.sealed.bytes.clone()),
            created_at: Set(now.0),
        };
        let first_stays = OnConflict::column(AccountColumn::Directory).do_nothing().to_owned();
        let inserted = Account::insert(row).on_conflict(first_stays).exec_without_returning(self.db());
        inserted.await.map(|_| ()).map_err(fault_of)
    }

    /// An account that its CA does not know any more is made anew. One that another has made meanwhile stays.
    ///
    /// # Errors
    /// As [`Self::certificates_to_issue`].
    pub async fn delete_acme_account(&self, account: &AcmeAccount) -> Result<(), Fault> {
        let gone = Account::delete_many()
            .filter(AccountColumn::Directory.eq(account.directory.as_str()))
            .filter(AccountColumn::Url.eq(account.url.as_str()))
            .exec(self.db());
        gone.await.map(|_| ()).map_err(fault_of)
    }

    /// Puts the same account, sealed by another key, in the place of what was read; whether that was still there.
    ///
    /// # Errors
    /// As [`Self::certificates_to_issue`].
    pub async fn seal_acme_account_again(&self, read: &AcmeAccount, sealed: &Sealed) -> Result<bool, Fault> {
        let row = acme_account::ActiveModel {
            key_id: Set(sealed.key_id.clone()),
            sealed: Set(sealed.bytes.clone()),
            ..Default::default()
        };
        let done = Account::update_many()
            .set(row)
            .filter(AccountColumn::Directory.eq(read.directory.as_str()))
            .filter(AccountColumn::Url.eq(read.url.as_str()))
            .filter(AccountColumn::KeyId.eq(read.sealed.key_id.as_str()))
            .exec(self.db());
        Ok(done.await.map_err(fault_of)?.rows_affected > 0)
    }
}
