//! Networks, subnets, ports and agents.

use sea_orm::{
    ColumnTrait as _, Condition, ExprTrait as _,
    sea_query::{Expr, Query},
};

use super::{Field, Type};
use crate::{
    entity::{agent, fixed_ip, network, port, subnet},
    lists::listing::Listed,
};

impl Listed for network::Entity {
    const ID: Self::Column = network::Column::Id;
    const SEQ: Self::Column = network::Column::Seq;

    fn visible(project_id: &str, include_shared: bool) -> Condition {
        let own = Condition::any().add(network::Column::ProjectId.eq(project_id));
        if include_shared { own.add(network::Column::Shared.eq(true)) } else { own }
    }

    fn field(name: &str) -> Option<Field> {
        use network::Column as C;
        Some(match name {
            "id" => Field::column(C::Id, Type::Id),
            "project_id" | "tenant_id" => Field::column(C::ProjectId, Type::Text),
            "name" => Field::column(C::Name, Type::Text),
            "shared" => Field::column(C::Shared, Type::Flag),
            "admin_state_up" => Field::column(C::AdminStateUp, Type::Flag),
            "provider:network_type" => Field::column(C::NetworkType, Type::Text),
            "provider:physical_network" => Field::column(C::PhysicalNetwork, Type::Text),
            "provider:segmentation_id" => Field::column(C::SegmentationId, Type::Number),
            "mtu" => Field::column(C::Mtu, Type::Number),
            "subnets" => Field::related(C::Id, subnet::Column::NetworkId, subnet::Column::Id, Type::Id),
            _ => return None,
        })
    }
}

impl Listed for subnet::Entity {
    const ID: Self::Column = subnet::Column::Id;
    const SEQ: Self::Column = subnet::Column::Seq;

    fn visible(project_id: &str, include_shared: bool) -> Condition {
        let own = Condition::any().add(subnet::Column::ProjectId.eq(project_id));
        let shared = Query::select()
            .column(network::Column::Id)
            .from(network::Entity)
            .and_where(network::Column::Shared.eq(true))
            .take();
        if include_shared { own.add(subnet::Column::NetworkId.in_subquery(shared)) } else { own }
    }

    fn field(name: &str) -> Option<Field> {
        use subnet::Column as C;
        Some(match name {
            "id" => Field::column(C::Id, Type::Id),
            "project_id" | "tenant_id" => Field::column(C::ProjectId, Type::Text),
            "name" => Field::column(C::Name, Type::Text),
            "network_id" => Field::column(C::NetworkId, Type::Id),
            "cidr" => Field::column(C::Cidr, Type::Network),
            "ip_version" => Field::column(C::IpVersion, Type::Number),
            "gateway_ip" => Field::optional(C::GatewayIp, Type::Address, ""),
            "enable_dhcp" => Field::column(C::EnableDhcp, Type::Flag),
            "ipv6_ra_mode" => Field::column(C::Ipv6RaMode, Type::Text),
            "ipv6_address_mode" => Field::column(C::Ipv6AddressMode, Type::Text),
            _ => return None,
        })
    }
}

impl Listed for port::Entity {
    const ID: Self::Column = port::Column::Id;
    const SEQ: Self::Column = port::Column::Seq;

    fn visible(project_id: &str, _: bool) -> Condition {
        Condition::all().add(port::Column::ProjectId.eq(project_id))
    }

    /// Not those of sides of load balancers.
    fn shown() -> Condition {
        Condition::all().add(port::Column::OfSide.eq(false))
    }

    fn field(name: &str) -> Option<Field> {
        use port::Column as C;
        let of_address = |column, of| Some(Field::related(C::Id, fixed_ip::Column::PortId, column, of));
        Some(match name {
            "id" => Field::column(C::Id, Type::Id),
            "project_id" | "tenant_id" => Field::column(C::ProjectId, Type::Text),
            "name" => Field::column(C::Name, Type::Text),
            "network_id" => Field::column(C::NetworkId, Type::Id),
            "mac_address" => Field::column(C::Mac, Type::Text),
            "device_owner" => Field::column(C::DeviceOwner, Type::Text),
            "device_id" => Field::column(C::DeviceId, Type::Text),
            "binding:host_id" | "host_id" => Field::column(C::Host, Type::Text),
            "admin_state_up" => Field::column(C::AdminStateUp, Type::Flag),
            "subnet_id" => return of_address(fixed_ip::Column::SubnetId, Type::Id),
            "ip_address" => return of_address(fixed_ip::Column::Address, Type::Address),
            _ => return None,
        })
    }
}

impl Listed for agent::Entity {
    const ID: Self::Column = agent::Column::Id;
    const SEQ: Self::Column = agent::Column::Seq;

    /// Agents are the operator's: no project sees one.
    fn visible(_: &str, _: bool) -> Condition {
        Condition::all().add(Expr::val(1).is_in(Vec::<i32>::new()))
    }

    fn field(name: &str) -> Option<Field> {
        use agent::Column as C;
        Some(match name {
            "id" => Field::column(C::Id, Type::Id),
            "host" => Field::column(C::Host, Type::Text),
            "admin_state_up" => Field::column(C::AdminStateUp, Type::Flag),
            "description" => Field::optional(C::Description, Type::Text, ""),
            "version" => Field::column(C::Version, Type::Text),
            "created_at" => Field::column(C::CreatedAt, Type::Number),
            "started_at" => Field::column(C::StartedAt, Type::Number),
            "heartbeat_timestamp" => Field::column(C::HeartbeatAt, Type::Number),
            _ => return None,
        })
    }
}
