//! What Octavia's API has beyond LBaaS v1's: names and tags of everything, layer-7 policies, flavors, counters by listener.
//!
//! What few objects have is one document in the column `more`; it is empty where there is nothing of it. A scheduler of the
//! release before, which does not know these columns, leaves them alone.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_integer_null, boolean, text, text_null, text_uniq, uuid, uuid_null},
};

use super::table::{index, make, noun, numbered, reference, unmake};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0015_v2"
    }
}

const CASCADE: ForeignKeyAction = ForeignKeyAction::Cascade;

/// What is new in each of the tables that were there.
fn columns() -> Vec<(&'static str, ColumnDef)> {
    let empty = |name: &'static str| text(name).default("").take();
    let no = |name: &'static str| boolean(name).default(false).take();
    let mut columns = vec![
        ("load_balancer", empty("name")),
        ("load_balancer", empty("description")),
        ("load_balancer", text_null("provider_alias").take()),
        ("load_balancer", uuid_null("flavor_id").take()),
        ("load_balancer", text_null("availability_zone").take()),
        ("load_balancer", empty("flavor_data")),
        ("load_balancer", uuid_null("vip_network_id").take()),
        ("load_balancer", empty("vip_additional")),
        ("load_balancer", text("provisioning_status").default("ACTIVE").take()),
        ("load_balancer", text_null("status_description").take()),
        ("load_balancer", big_integer("changed").default(0).take()),
        ("listener", empty("more")),
        ("listener", text("answering").default("NO").take()),
        ("pool", empty("more")),
        ("member", empty("name")),
        ("member", empty("more")),
        ("health_monitor", empty("name")),
        ("health_monitor", big_integer("rise").default(1).take()),
        ("health_monitor", text_null("http_version").take()),
        ("health_monitor", text_null("domain_name").take()),
        ("event", text_null("noun").take()),
        ("statistics", big_integer("request_errors").default(0).take()),
        ("statistics", big_integer("request_errors_before").default(0).take()),
    ];
    for table in ["load_balancer", "listener", "pool", "member", "health_monitor"] {
        columns.push((table, text("tags").default("[]").take()));
        columns.push((table, big_integer("created_at").default(0).take()));
        columns.push((table, big_integer_null("updated_at").take()));
        columns.push((table, no("beyond_v1")));
    }
    columns
}

fn l7policy() -> TableCreateStatement {
    noun("l7policy")
        .col(uuid("load_balancer_id"))
        .col(uuid("listener_id"))
        .col(text("project_id"))
        .col(text("name"))
        .col(text("description"))
        .col(text("action"))
        .col(uuid_null("redirect_pool_id"))
        .col(text_null("redirect_target"))
        .col(big_integer_null("redirect_http_code"))
        .col(big_integer("position"))
        .col(boolean("admin_state_up"))
        .col(text("rules"))
        .col(big_integer("rule_count"))
        .col(text("tags"))
        .col(big_integer("created_at"))
        .col(big_integer_null("updated_at"))
        .col(text("provisioning_status"))
        .col(text_null("status_description"))
        .col(big_integer("changed"))
        .foreign_key(&mut reference("l7policy", "load_balancer_id", "load_balancer", CASCADE))
        .foreign_key(&mut reference("l7policy", "listener_id", "listener", CASCADE))
        .take()
}

fn profile() -> TableCreateStatement {
    noun("profile").col(text("kind")).col(text("name")).col(text("provider")).col(text("data")).take()
}

fn flavor() -> TableCreateStatement {
    noun("flavor")
        .col(text_uniq("name"))
        .col(text("description"))
        .col(boolean("enabled"))
        .col(uuid("profile_id"))
        .foreign_key(&mut reference("flavor", "profile_id", "profile", ForeignKeyAction::NoAction))
        .take()
}

fn availability_zone() -> TableCreateStatement {
    numbered("availability_zone")
        .col(text_uniq("name"))
        .col(text("description"))
        .col(boolean("enabled"))
        .col(uuid("profile_id"))
        .foreign_key(&mut reference("availability_zone", "profile_id", "profile", ForeignKeyAction::NoAction))
        .take()
}

fn listener_statistics() -> TableCreateStatement {
    Table::create()
        .table("listener_statistics")
        .col(uuid("listener_id").primary_key())
        .col(big_integer("bytes_in"))
        .col(big_integer("bytes_out"))
        .col(big_integer("active_connections"))
        .col(big_integer("total_connections"))
        .col(big_integer("request_errors"))
        .col(big_integer("bytes_in_before").default(0))
        .col(big_integer("bytes_out_before").default(0))
        .col(big_integer("total_connections_before").default(0))
        .col(big_integer("request_errors_before").default(0))
        .foreign_key(&mut reference("listener_statistics", "listener_id", "listener", CASCADE))
        .take()
}

fn indexes() -> Vec<IndexCreateStatement> {
    vec![
        index("load_balancer", &["project_id", "seq"]),
        index("load_balancer", &["name", "seq"]),
        index("load_balancer", &["flavor_id"]),
        index("l7policy", &["load_balancer_id"]),
        index("l7policy", &["listener_id"]),
        index("l7policy", &["project_id", "seq"]),
    ]
}

/// What is known of load balancers that v1 made: they have their pools' names and states.
const FILL: [&str; 3] = [
    "UPDATE load_balancer SET name = pool.name, description = pool.description, \
     provisioning_status = pool.provisioning_status, status_description = pool.status_description, \
     changed = load_balancer.generation FROM pool WHERE pool.id = load_balancer.id",
    "UPDATE load_balancer SET vip_network_id = subnet.network_id FROM subnet \
     WHERE subnet.id = load_balancer.vip_subnet_id",
    "UPDATE load_balancer SET stamp = stamp + 1",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, mut column) in columns() {
            manager.alter_table(Table::alter().table(table).add_column(&mut column).take()).await?;
        }
        let tables = vec![l7policy(), profile(), flavor(), availability_zone(), listener_statistics()];
        make(manager, tables, indexes()).await?;
        let connection = manager.get_connection();
        for statement in FILL {
            connection.execute_unprepared(statement).await?;
        }
        let now = match manager.get_database_backend() {
            sea_orm::DbBackend::Sqlite => "CAST(strftime('%s', 'now') AS INTEGER) * 1000000",
            _ => "CAST(EXTRACT(EPOCH FROM now()) AS BIGINT) * 1000000",
        };
        for table in ["load_balancer", "listener", "pool", "member", "health_monitor"] {
            connection.execute_unprepared(&format!("UPDATE {table} SET created_at = {now}")).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        unmake(manager, &["profile", "l7policy", "flavor", "availability_zone", "listener_statistics"]).await?;
        for name in ["load_balancer_by_project_id_seq", "load_balancer_by_name_seq", "load_balancer_by_flavor_id"] {
            manager.drop_index(Index::drop().name(name).table("load_balancer").to_owned()).await?;
        }
        for (table, column) in columns() {
            let name = column.get_column_name();
            manager.alter_table(Table::alter().table(table).drop_column(name).take()).await?;
        }
        Ok(())
    }
}
