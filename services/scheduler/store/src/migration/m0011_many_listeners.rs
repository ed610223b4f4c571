//! A load balancer may have several listeners.

use sea_orm_migration::prelude::*;

use super::table::index;

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0011_many_listeners"
    }
}

fn by_load_balancer() -> IndexCreateStatement {
    index("listener", &["load_balancer_id"])
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let unique = Index::drop().name("listener_by_load_balancer_id").table("listener").to_owned();
        manager.drop_index(unique).await?;
        manager.create_index(by_load_balancer()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let any = Index::drop().name("listener_by_load_balancer_id").table("listener").to_owned();
        manager.drop_index(any).await?;
        manager.create_index(by_load_balancer().unique().take()).await
    }
}
