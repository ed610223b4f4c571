//! How large the packets of a network may be.

use sea_orm_migration::{prelude::*, schema::big_integer};

/// What a segment leaves of Ethernet's 1500.
const OF_VXLAN: &str = "UPDATE network SET mtu = 1450 WHERE network_type = 'vxlan'";

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0016_mtu"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mtu = Table::alter().table("network").add_column(big_integer("mtu").default(1500)).take();
        manager.alter_table(mtu).await?;
        manager.get_connection().execute_unprepared(OF_VXLAN).await.map(drop)
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table("network").drop_column("mtu").take()).await
    }
}
