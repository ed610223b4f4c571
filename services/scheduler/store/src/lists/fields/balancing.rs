//! Pools, listeners (v1's vips), members and monitors, as v1 has them; v2's fields are [beside](super::v2).

use ballast_model::Uuid;
use sea_orm::{ColumnTrait as _, Condition};

use super::{Field, Location, Type, v2};
use crate::{
    entity::{association, health_monitor, listener, load_balancer, member, pool},
    lists::listing::Listed,
};

impl Listed for pool::Entity {
    const ID: Self::Column = pool::Column::Id;
    const SEQ: Self::Column = pool::Column::Seq;

    fn beyond_v1() -> Option<pool::Column> {
        Some(pool::Column::BeyondV1)
    }

    fn tags() -> Option<pool::Column> {
        Some(pool::Column::Tags)
    }

    fn field_of_v2(name: &str) -> Option<Field> {
        v2::pool(name)
    }

    fn visible(project_id: &str, _: bool) -> Condition {
        Condition::all().add(pool::Column::ProjectId.eq(project_id))
    }

    fn field(name: &str) -> Option<Field> {
        use pool::Column as C;
        Some(match name {
            "id" => Field::column(C::Id, Type::Id),
            "project_id" | "tenant_id" => Field::column(C::ProjectId, Type::Text),
            "name" => Field::column(C::Name, Type::Text),
            "description" => Field::column(C::Description, Type::Text),
            "subnet_id" => Field::column(C::SubnetId, Type::Id),
            "protocol" => Field::column(C::Protocol, Type::Text),
            "lb_method" => Field::column(C::LbMethod, Type::Text),
            "provider" => Field::column(C::Provider, Type::Text),
            "admin_state_up" => Field::column(C::AdminStateUp, Type::Flag),
            "status" => Field::column(C::ProvisioningStatus, Type::Text),
            "status_description" => Field::optional(C::StatusDescription, Type::Text, ""),
            "vip_id" => Field::related(C::Id, listener::Column::DefaultPoolId, listener::Column::Id, Type::Id),
            "members" => Field::related(C::Id, member::Column::PoolId, member::Column::Id, Type::Id),
            "health_monitors" => {
                Field::related(C::Id, association::Column::PoolId, association::Column::MonitorId, Type::Id)
            }
            _ => return None,
        })
    }
}

impl Listed for listener::Entity {
    const ID: Self::Column = listener::Column::Id;
    const SEQ: Self::Column = listener::Column::Seq;

    fn beyond_v1() -> Option<listener::Column> {
        Some(listener::Column::BeyondV1)
    }

    fn tags() -> Option<listener::Column> {
        Some(listener::Column::Tags)
    }

    fn field_of_v2(name: &str) -> Option<Field> {
        v2::listener(name)
    }

    fn visible(project_id: &str, _: bool) -> Condition {
        Condition::all().add(listener::Column::ProjectId.eq(project_id))
    }

    fn field(name: &str) -> Option<Field> {
        use listener::Column as C;
        use load_balancer::Column as L;
        Some(match name {
            "id" => Field::column(C::Id, Type::Id),
            "project_id" | "tenant_id" => Field::column(C::ProjectId, Type::Text),
            "name" => Field::column(C::Name, Type::Text),
            "description" => Field::column(C::Description, Type::Text),
            "subnet_id" => Field::of_load_balancer(C::LoadBalancerId, L::VipSubnetId, Type::Id, Uuid::nil()),
            "address" => Field::of_load_balancer(C::LoadBalancerId, L::VipAddress, Type::Address, ""),
            "port_id" => Field::of_load_balancer(C::LoadBalancerId, L::VipPortId, Type::Id, Uuid::nil()),
            "protocol_port" => Field::column(C::ProtocolPort, Type::Number),
            "protocol" => Field::column(C::Protocol, Type::Text),
            "pool_id" => Field::column(C::DefaultPoolId, Type::Id),
            "connection_limit" => Field::column(C::ConnectionLimit, Type::Number),
            "admin_state_up" => Field::column(C::AdminStateUp, Type::Flag),
            "status" => Field::column(C::ProvisioningStatus, Type::Text),
            "status_description" => Field::optional(C::StatusDescription, Type::Text, ""),
            _ => return None,
        })
    }
}

impl Listed for member::Entity {
    const ID: Self::Column = member::Column::Id;
    const SEQ: Self::Column = member::Column::Seq;

    fn beyond_v1() -> Option<member::Column> {
        Some(member::Column::BeyondV1)
    }

    fn tags() -> Option<member::Column> {
        Some(member::Column::Tags)
    }

    fn field_of_v2(name: &str) -> Option<Field> {
        v2::member(name)
    }

    fn visible(project_id: &str, _: bool) -> Condition {
        Condition::all().add(member::Column::ProjectId.eq(project_id))
    }

    fn field(name: &str) -> Option<Field> {
        use member::Column as C;
        Some(match name {
            "id" => Field::column(C::Id, Type::Id),
            "project_id" | "tenant_id" => Field::column(C::ProjectId, Type::Text),
            "name" => Field::nowhere(),
            "pool_id" => Field::column(C::PoolId, Type::Id),
            "address" => Field::column(C::Address, Type::Address),
            "protocol_port" => Field::column(C::ProtocolPort, Type::Number),
            "weight" => Field::column(C::Weight, Type::Number),
            "admin_state_up" => Field::column(C::AdminStateUp, Type::Flag),
            "status" => Field { location: Location::MemberStatus, ..Field::column(C::ProvisioningStatus, Type::Text) },
            "status_description" => Field::optional(C::StatusDescription, Type::Text, ""),
            _ => return None,
        })
    }
}

impl Listed for health_monitor::Entity {
    const ID: Self::Column = health_monitor::Column::Id;
    const SEQ: Self::Column = health_monitor::Column::Seq;

    fn beyond_v1() -> Option<health_monitor::Column> {
        Some(health_monitor::Column::BeyondV1)
    }

    fn tags() -> Option<health_monitor::Column> {
        Some(health_monitor::Column::Tags)
    }

    fn field_of_v2(name: &str) -> Option<Field> {
        v2::health_monitor(name)
    }

    fn visible(project_id: &str, _: bool) -> Condition {
        Condition::all().add(health_monitor::Column::ProjectId.eq(project_id))
    }

    fn field(name: &str) -> Option<Field> {
        use health_monitor::Column as C;
        Some(match name {
            "id" => Field::column(C::Id, Type::Id),
            "project_id" | "tenant_id" => Field::column(C::ProjectId, Type::Text),
            "name" => Field::nowhere(),
            "type" => Field::column(C::Kind, Type::Text),
            "delay" => Field::column(C::Delay, Type::Number),
            "timeout" => Field::column(C::Timeout, Type::Number),
            "max_retries" => Field::column(C::MaxRetries, Type::Number),
            "http_method" => Field::column(C::HttpMethod, Type::Text),
            "url_path" => Field::column(C::UrlPath, Type::Text),
            "expected_codes" => Field::column(C::ExpectedCodes, Type::Text),
            "admin_state_up" => Field::column(C::AdminStateUp, Type::Flag),
            "pools" => Field::related(C::Id, association::Column::MonitorId, association::Column::PoolId, Type::Id),
            _ => return None,
        })
    }
}
