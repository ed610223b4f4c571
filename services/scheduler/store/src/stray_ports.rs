//! Ports that a foreign network service may have though nobody needs them.
//!
//! Before such a port is asked for, and in the transaction that ends the need of one, it is noted here; in the
//! transaction that begins the need it is taken out. So whatever breaks off in between, the port is known and is
//! removed later.

use std::net::IpAddr;

use ballast_model::{
    fault::Fault,
    ids::{ListenerId, SubnetId},
    time::Timestamp,
};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, NotSet, QueryFilter as _, QueryOrder as _, Set,
    sea_query::{Expr, ExprTrait as _, OnConflict, Query},
};

use crate::{
    Tx,
    backend::fault_of,
    entity::{hold, stray_port},
};

impl Tx {
    /// Notes that the port of this vip is nobody's from `since` on. Its address is one that an agent may still answer
    /// at: as long as it is held, the port stays.
    ///
    /// # Errors
    /// [`Code::Internal`](ballast_model::fault::Code::Internal): the database failed.
    pub async fn note_stray_port(
        &self,
        vip_id: ListenerId,
        subnet_id: SubnetId,
        address: Option<IpAddr>,
        since: Timestamp,
    ) -> Result<(), Fault> {
        let row = stray_port::ActiveModel {
            seq: NotSet,
            id: Set(vip_id.uuid()),
            subnet_id: Set(subnet_id.uuid()),
            address: Set(address.map(|address| address.to_string()).unwrap_or_default()),
            since: Set(since.0),
        };
        let again = OnConflict::column(stray_port::Column::Id)
            .update_columns([stray_port::Column::Address, stray_port::Column::Since])
            .to_owned();
        let noted = stray_port::Entity::insert(row).on_conflict(again).exec_without_returning(self.db());
        noted.await.map(|_| ()).map_err(fault_of)
    }

    /// The port of this vip is needed, or gone.
    ///
    /// # Errors
    /// As [`Self::note_stray_port`].
    pub async fn forget_stray_port(&self, vip_id: ListenerId) -> Result<(), Fault> {
        let gone = stray_port::Entity::delete_many().filter(stray_port::Column::Id.eq(vip_id.uuid())).exec(self.db());
        gone.await.map(|_| ()).map_err(fault_of)
    }

    /// The vips whose ports nobody needs by `now`, and at whose addresses no agent answers any more.
    ///
    /// # Errors
    /// As [`Self::note_stray_port`].
    pub async fn stray_ports(&self, now: Timestamp) -> Result<Vec<ListenerId>, Fault> {
        let held = Query::select()
            .expr(Expr::val(1))
            .from(hold::Entity)
            .and_where(
                Expr::col((hold::Entity, hold::Column::SubnetId))
                    .equals((stray_port::Entity, stray_port::Column::SubnetId)),
            )
            .and_where(
                Expr::col((hold::Entity, hold::Column::Address))
                    .equals((stray_port::Entity, stray_port::Column::Address)),
            )
            .take();
        let rows = stray_port::Entity::find()
            .filter(stray_port::Column::Since.lte(now.0))
            .filter(Expr::exists(held).not())
            .order_by_asc(stray_port::Column::Seq)
            .all(self.db());
        Ok(rows.await.map_err(fault_of)?.into_iter().map(|row| row.id.into()).collect())
    }
}
