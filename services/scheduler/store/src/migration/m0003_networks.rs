//! Networks, subnets, ports, and holds on addresses.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, boolean, text, text_null, uuid},
};

use super::table::{index, make, noun, reference, unmake};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0003_networks"
    }
}

/// Refused. (`Restrict` is too, but with an error that each database names in its own way.)
const KEEP: ForeignKeyAction = ForeignKeyAction::NoAction;

fn network() -> TableCreateStatement {
    noun("network")
        .col(text("project_id"))
        .col(text("name"))
        .col(boolean("shared"))
        .col(boolean("admin_state_up"))
        .col(text("network_type"))
        .col(text("physical_network"))
        .col(big_integer("segmentation_id"))
        .take()
}

fn subnet() -> TableCreateStatement {
    noun("subnet")
        .col(text("project_id"))
        .col(text("name"))
        .col(uuid("network_id"))
        .col(text("cidr"))
        .col(big_integer("ip_version"))
        .col(text_null("gateway_ip"))
        .col(text("allocation_pools"))
        .col(text("host_routes"))
        .col(text("dns_nameservers"))
        .col(boolean("enable_dhcp"))
        .foreign_key(&mut reference("subnet", "network_id", "network", KEEP))
        .take()
}

fn port() -> TableCreateStatement {
    noun("port")
        .col(text("project_id"))
        .col(text("name"))
        .col(uuid("network_id"))
        .col(uuid("subnet_id"))
        .col(text("address"))
        .col(text("mac"))
        .col(text("device_owner"))
        .col(text("device_id"))
        .col(boolean("admin_state_up"))
        .foreign_key(&mut reference("port", "network_id", "network", KEEP))
        .foreign_key(&mut reference("port", "subnet_id", "subnet", KEEP))
        .take()
}

/// It refers to nothing: what it tells of may be gone.
fn hold() -> TableCreateStatement {
    noun("hold")
        .col(uuid("subnet_id"))
        .col(text("address"))
        .col(uuid("port_id"))
        .col(uuid("load_balancer_id"))
        .col(uuid("agent_id"))
        .col(big_integer("generation"))
        .take()
}

fn indexes() -> Vec<IndexCreateStatement> {
    vec![
        index("network", &["project_id", "seq"]),
        index("network", &["name", "seq"]),
        index("subnet", &["network_id"]),
        index("subnet", &["project_id", "seq"]),
        index("subnet", &["name", "seq"]),
        index("port", &["subnet_id", "address"]).unique().take(),
        index("port", &["network_id"]),
        index("hold", &["subnet_id", "address"]),
        index("hold", &["load_balancer_id", "agent_id"]),
        index("hold", &["agent_id"]),
    ]
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        make(manager, vec![network(), subnet(), port(), hold()], indexes()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        unmake(manager, &["network", "subnet", "port", "hold"]).await
    }
}
