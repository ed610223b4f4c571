//! Quotas, ports with any number of addresses, IPv6 modes of subnets, and ports of a foreign network service.
//!
//! A port had its one address in its own row. The rows are copied, and their order stays: a table whose columns are
//! referred to cannot be changed in place on every database.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, boolean, text, text_uniq, uuid, uuid_uniq},
};

use super::table::{index, make, noun, numbered, reference, unmake};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0004_quotas_and_ports"
    }
}

/// What a project has of its own, a row for each resource.
fn quota() -> TableCreateStatement {
    numbered("quota").col(text("project_id")).col(text("resource")).col(big_integer("bound")).take()
}

/// Names of what one transaction at a time may count and add to.
fn guard() -> TableCreateStatement {
    numbered("guard").col(text_uniq("name")).col(big_integer("taken")).take()
}

/// Ports that a foreign network service may have though nobody needs them. They refer to nothing: what they were for
/// may never have been.
fn stray_port() -> TableCreateStatement {
    noun("stray_port").col(uuid("subnet_id")).col(text("address")).col(big_integer("since")).take()
}

fn port() -> TableCreateStatement {
    noun("port")
        .col(text("project_id"))
        .col(text("name"))
        .col(uuid("network_id"))
        .col(text("mac"))
        .col(text("device_owner"))
        .col(text("device_id"))
        .col(text("host"))
        .col(boolean("admin_state_up"))
        .foreign_key(&mut reference("port", "network_id", "network", ForeignKeyAction::NoAction))
        .take()
}

fn fixed_ip() -> TableCreateStatement {
    numbered("fixed_ip")
        .col(uuid("port_id"))
        .col(uuid("subnet_id"))
        .col(text("address"))
        .foreign_key(&mut reference("fixed_ip", "port_id", "port", ForeignKeyAction::Cascade))
        .foreign_key(&mut reference("fixed_ip", "subnet_id", "subnet", ForeignKeyAction::NoAction))
        .take()
}

/// A port as it was.
fn port_before() -> TableCreateStatement {
    numbered("port")
        .col(uuid_uniq("id"))
        .col(text("project_id"))
        .col(text("name"))
        .col(uuid("network_id"))
        .col(uuid("subnet_id"))
        .col(text("address"))
        .col(text("mac"))
        .col(text("device_owner"))
        .col(text("device_id"))
        .col(boolean("admin_state_up"))
        .foreign_key(&mut reference("port", "network_id", "network", ForeignKeyAction::NoAction))
        .foreign_key(&mut reference("port", "subnet_id", "subnet", ForeignKeyAction::NoAction))
        .take()
}

fn indexes() -> Vec<IndexCreateStatement> {
    vec![
        index("port", &["network_id", "mac"]).unique().take(),
        index("port", &["project_id", "seq"]),
        index("port", &["name", "seq"]),
        index("fixed_ip", &["subnet_id", "address"]).unique().take(),
        index("fixed_ip", &["port_id"]),
    ]
}

/// The order of creation stays, and the numbers are given anew.
const COPY_UP: [&str; 2] = [
    "INSERT INTO port (id, project_id, name, network_id, mac, device_owner, device_id, host, admin_state_up) \
     SELECT id, project_id, name, network_id, mac, device_owner, device_id, '', admin_state_up FROM port_before \
     ORDER BY seq",
    "INSERT INTO fixed_ip (port_id, subnet_id, address) SELECT id, subnet_id, address FROM port_before ORDER BY seq",
];

/// A port keeps its first address, and is gone when it has none.
const COPY_DOWN: &str = "INSERT INTO port \
    (id, project_id, name, network_id, subnet_id, address, mac, device_owner, device_id, admin_state_up) \
    SELECT p.id, p.project_id, p.name, p.network_id, f.subnet_id, f.address, p.mac, p.device_owner, p.device_id, \
    p.admin_state_up FROM port_after p JOIN fixed_ip f ON f.port_id = p.id \
    WHERE f.seq = (SELECT MIN(g.seq) FROM fixed_ip g WHERE g.port_id = p.id) ORDER BY p.seq";

async fn rename(manager: &SchemaManager<'_>, from: &'static str, to: &'static str) -> Result<(), DbErr> {
    manager.rename_table(Table::rename().table(from, to).take()).await
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        make(
            manager,
            vec![quota(), guard(), stray_port()],
            vec![index("quota", &["project_id", "resource"]).unique().take()],
        )
        .await?;
        for column in ["ipv6_ra_mode", "ipv6_address_mode"] {
            manager.alter_table(Table::alter().table("subnet").add_column(text(column).default("")).take()).await?;
        }
        rename(manager, "port", "port_before").await?;
        make(manager, vec![port(), fixed_ip()], Vec::new()).await?;
        for copy in COPY_UP {
            manager.get_connection().execute_unprepared(copy).await?;
        }
        unmake(manager, &["port_before"]).await?;
        make(manager, Vec::new(), indexes()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        rename(manager, "port", "port_after").await?;
        make(manager, vec![port_before()], Vec::new()).await?;
        manager.get_connection().execute_unprepared(COPY_DOWN).await?;
        unmake(manager, &["port_after", "fixed_ip"]).await?;
        make(
            manager,
            Vec::new(),
            vec![index("port", &["subnet_id", "address"]).unique().take(), index("port", &["network_id"])],
        )
        .await?;
        for column in ["ipv6_address_mode", "ipv6_ra_mode"] {
            manager.alter_table(Table::alter().table("subnet").drop_column(column).take()).await?;
        }
        unmake(manager, &["quota", "guard", "stray_port"]).await
    }
}
