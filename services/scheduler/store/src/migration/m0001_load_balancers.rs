//! Load balancers, what they are made of, the monitors they share, and their counters.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, boolean, string_null, text, text_null, uuid, uuid_null},
};

use super::table::{index, make, noun, numbered, reference, unmake};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0001_load_balancers"
    }
}

const CASCADE: ForeignKeyAction = ForeignKeyAction::Cascade;

/// The columns of an object's progress.
fn progress(table: &mut TableCreateStatement) -> TableCreateStatement {
    table.col(text("provisioning_status")).col(text_null("status_description")).col(big_integer("changed")).take()
}

fn load_balancer() -> TableCreateStatement {
    noun("load_balancer")
        .col(text("project_id"))
        .col(text("provider"))
        .col(boolean("admin_state_up"))
        .col(uuid_null("vip_subnet_id"))
        .col(uuid_null("vip_port_id"))
        .col(text_null("vip_address"))
        .col(string_null("vip_mac"))
        .col(big_integer("generation"))
        .col(big_integer("settled"))
        .col(big_integer("epoch").default(0))
        .take()
}

fn listener() -> TableCreateStatement {
    let table = noun("listener")
        .col(uuid("load_balancer_id"))
        .col(text("project_id"))
        .col(text("name"))
        .col(text("description"))
        .col(text("protocol"))
        .col(big_integer("protocol_port"))
        .col(big_integer("connection_limit"))
        .col(uuid("default_pool_id"))
        .col(boolean("admin_state_up"))
        .foreign_key(&mut reference("listener", "load_balancer_id", "load_balancer", CASCADE))
        .take();
    progress(&mut { table })
}

fn pool() -> TableCreateStatement {
    let table = noun("pool")
        .col(uuid("load_balancer_id"))
        .col(text("project_id"))
        .col(text("name"))
        .col(text("description"))
        .col(uuid("subnet_id"))
        .col(text("protocol"))
        .col(text("lb_method"))
        .col(text_null("persistence"))
        .col(text_null("cookie_name"))
        .col(boolean("admin_state_up"))
        .foreign_key(&mut reference("pool", "load_balancer_id", "load_balancer", CASCADE))
        .take();
    progress(&mut { table })
}

fn member() -> TableCreateStatement {
    let table = noun("member")
        .col(uuid("load_balancer_id"))
        .col(uuid("pool_id"))
        .col(text("project_id"))
        .col(text("address"))
        .col(big_integer("protocol_port"))
        .col(big_integer("weight"))
        .col(boolean("admin_state_up"))
        .col(text("operating_status"))
        .foreign_key(&mut reference("member", "load_balancer_id", "load_balancer", CASCADE))
        .foreign_key(&mut reference("member", "pool_id", "pool", CASCADE))
        .take();
    progress(&mut { table })
}

fn health_monitor() -> TableCreateStatement {
    noun("health_monitor")
        .col(text("project_id"))
        .col(text("kind"))
        .col(big_integer("delay"))
        .col(big_integer("timeout"))
        .col(big_integer("max_retries"))
        .col(text("http_method"))
        .col(text("url_path"))
        .col(text("expected_codes"))
        .col(boolean("admin_state_up"))
        .take()
}

fn association() -> TableCreateStatement {
    let table = numbered("association")
        .col(uuid("load_balancer_id"))
        .col(uuid("pool_id"))
        .col(uuid("monitor_id"))
        .foreign_key(&mut reference("association", "load_balancer_id", "load_balancer", CASCADE))
        .foreign_key(&mut reference("association", "pool_id", "pool", CASCADE))
        .foreign_key(&mut reference("association", "monitor_id", "health_monitor", ForeignKeyAction::NoAction))
        .take();
    progress(&mut { table })
}

fn statistics() -> TableCreateStatement {
    Table::create()
        .table("statistics")
        .col(uuid("load_balancer_id").primary_key())
        .col(big_integer("bytes_in"))
        .col(big_integer("bytes_out"))
        .col(big_integer("active_connections"))
        .col(big_integer("total_connections"))
        .foreign_key(&mut reference("statistics", "load_balancer_id", "load_balancer", CASCADE))
        .take()
}

/// Lists are by project or by name, in the order of creation; look-ups by what an object belongs to.
fn indexes() -> Vec<IndexCreateStatement> {
    vec![
        index("load_balancer", &["vip_subnet_id", "vip_address"]),
        index("load_balancer", &["vip_port_id"]),
        // LBaaS v1 has one listener a load balancer.
        index("listener", &["load_balancer_id"]).unique().take(),
        index("listener", &["default_pool_id"]),
        index("listener", &["project_id", "seq"]),
        index("listener", &["name", "seq"]),
        index("pool", &["load_balancer_id"]),
        index("pool", &["subnet_id"]),
        index("pool", &["project_id", "seq"]),
        index("pool", &["name", "seq"]),
        index("member", &["pool_id", "address", "protocol_port"]).unique().take(),
        index("member", &["load_balancer_id"]),
        index("member", &["address"]),
        index("member", &["project_id", "seq"]),
        index("health_monitor", &["project_id", "seq"]),
        index("association", &["pool_id", "monitor_id"]).unique().take(),
        index("association", &["load_balancer_id"]),
        index("association", &["monitor_id"]),
    ]
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let tables = vec![load_balancer(), listener(), pool(), member(), health_monitor(), association(), statistics()];
        make(manager, tables, indexes()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let tables = ["load_balancer", "listener", "pool", "member", "health_monitor", "association", "statistics"];
        unmake(manager, &tables).await
    }
}
