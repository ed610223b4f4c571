//! Load balancers that were there before stamps have one each, so that they are held as others are before they are saved
//! again.

use sea_orm_migration::prelude::*;

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0014_first_stamps"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let stamp = "UPDATE load_balancer SET stamp = seq WHERE stamp = 0";
        manager.get_connection().execute_unprepared(stamp).await.map(|_| ())
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Ok(())
    }
}
