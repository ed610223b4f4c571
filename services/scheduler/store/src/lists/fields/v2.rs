//! The fields of v2: load balancers, listeners, pools, monitors and policies. Members and rules are listed by what they are in.

use ballast_model::Uuid;
use sea_orm::{ColumnTrait as _, Condition, DbBackend};

use super::{Field, Type};
use crate::{
    entity::{association, health_monitor, l7policy, listener, load_balancer, member, pool},
    lists::{listing::Listed, search},
};

/// What every table has.
macro_rules! common {
    ($table:ident, $name:expr, { $($field:pat => $found:expr,)+ }) => {{
        use $table::Column as C;
        Some(match $name {
            "id" => Field::column(C::Id, Type::Id),
            "project_id" => Field::column(C::ProjectId, Type::Text),
            "name" => Field::column(C::Name, Type::Text),
            "admin_state_up" | "enabled" => Field::column(C::AdminStateUp, Type::TrueFlag),
            "created_at" => Field::time(C::CreatedAt),
            "updated_at" => Field::optional_time(C::UpdatedAt),
            $($field => $found,)+
            _ => return None,
        })
    }};
}

impl Listed for load_balancer::Entity {
    const ID: Self::Column = load_balancer::Column::Id;
    const SEQ: Self::Column = load_balancer::Column::Seq;

    fn visible(project_id: &str, _: bool) -> Condition {
        Condition::all().add(load_balancer::Column::ProjectId.eq(project_id))
    }

    fn field(_: &str) -> Option<Field> {
        None
    }

    fn field_of_v2(name: &str) -> Option<Field> {
        common!(load_balancer, name, {
            "description" => Field::column(C::Description, Type::Text),
            "provisioning_status" => Field::column(C::ProvisioningStatus, Type::Text),
            "provider" => Field::either(C::ProviderAlias, C::Provider),
            "flavor_id" => Field::optional(C::FlavorId, Type::Id, Uuid::nil()),
            "availability_zone" => Field::optional(C::AvailabilityZone, Type::Text, ""),
            "vip_address" | "ip_address" => Field::optional(C::VipAddress, Type::Address, ""),
            "vip_subnet_id" => Field::optional(C::VipSubnetId, Type::Id, Uuid::nil()),
            "vip_network_id" => Field::optional(C::VipNetworkId, Type::Id, Uuid::nil()),
            "vip_port_id" => Field::optional(C::VipPortId, Type::Id, Uuid::nil()),
            "vip_qos_policy_id" | "vip_sg_ids" => Field::nowhere(),
            "agent_id" => Field::agent(C::Id),
            "parts" => Field::parts(),
        })
    }

    fn searched(backend: DbBackend, text: &str) -> Option<Condition> {
        Some(search::load_balancers(backend, text))
    }

    fn tags() -> Option<Self::Column> {
        Some(load_balancer::Column::Tags)
    }
}

impl Listed for l7policy::Entity {
    const ID: Self::Column = l7policy::Column::Id;
    const SEQ: Self::Column = l7policy::Column::Seq;

    fn visible(project_id: &str, _: bool) -> Condition {
        Condition::all().add(l7policy::Column::ProjectId.eq(project_id))
    }

    fn field(_: &str) -> Option<Field> {
        None
    }

    fn field_of_v2(name: &str) -> Option<Field> {
        common!(l7policy, name, {
            "description" => Field::column(C::Description, Type::Text),
            "provisioning_status" => Field::column(C::ProvisioningStatus, Type::Text),
            "listener_id" => Field::column(C::ListenerId, Type::Id),
            "action" => Field::column(C::Action, Type::Text),
            "position" => Field::column(C::Position, Type::Number),
            "redirect_pool_id" => Field::optional(C::RedirectPoolId, Type::Id, Uuid::nil()),
            "redirect_url" | "redirect_prefix" => Field::optional(C::RedirectTarget, Type::Text, ""),
            "redirect_http_code" => Field::optional(C::RedirectHttpCode, Type::Number, 0_i64),
        })
    }

    fn tags() -> Option<Self::Column> {
        Some(l7policy::Column::Tags)
    }
}

pub(super) fn listener(name: &str) -> Option<Field> {
    common!(listener, name, {
        "description" => Field::column(C::Description, Type::Text),
        "provisioning_status" => Field::column(C::ProvisioningStatus, Type::Text),
        "loadbalancer_id" | "load_balancer_id" => Field::column(C::LoadBalancerId, Type::Id),
        "protocol" => Field::column(C::Protocol, Type::Text),
        "protocol_port" => Field::column(C::ProtocolPort, Type::Number),
        "connection_limit" => Field::column(C::ConnectionLimit, Type::Number),
        "default_pool_id" => Field::column(C::DefaultPoolId, Type::Id),
    })
}

pub(super) fn pool(name: &str) -> Option<Field> {
    common!(pool, name, {
        "description" => Field::column(C::Description, Type::Text),
        "provisioning_status" => Field::column(C::ProvisioningStatus, Type::Text),
        "loadbalancer_id" | "load_balancer_id" => Field::column(C::LoadBalancerId, Type::Id),
        "protocol" => Field::column(C::Protocol, Type::Text),
        "lb_algorithm" => Field::column(C::LbMethod, Type::Text),
        "healthmonitor_id" => {
            Field::related(C::Id, association::Column::PoolId, association::Column::MonitorId, Type::Id)
        },
    })
}

pub(super) fn member(name: &str) -> Option<Field> {
    common!(member, name, {
        "pool_id" => Field::column(C::PoolId, Type::Id),
        "address" => Field::column(C::Address, Type::Address),
        "protocol_port" => Field::column(C::ProtocolPort, Type::Number),
        "weight" => Field::column(C::Weight, Type::Number),
    })
}

pub(super) fn health_monitor(name: &str) -> Option<Field> {
    use association::Column as A;
    common!(health_monitor, name, {
        "provisioning_status" => Field::related(C::Id, A::MonitorId, A::ProvisioningStatus, Type::Text),
        "pool_id" => Field::related(C::Id, A::MonitorId, A::PoolId, Type::Id),
        "type" => Field::column(C::Kind, Type::Text),
        "delay" => Field::column(C::Delay, Type::Number),
        "timeout" => Field::column(C::Timeout, Type::Number),
        "max_retries" => Field::column(C::Rise, Type::Number),
        "max_retries_down" => Field::column(C::MaxRetries, Type::Number),
        "http_method" => Field::column(C::HttpMethod, Type::Text),
        "url_path" => Field::column(C::UrlPath, Type::Text),
        "expected_codes" => Field::column(C::ExpectedCodes, Type::Text),
        "http_version" => Field::optional(C::HttpVersion, Type::Text, ""),
        "domain_name" => Field::optional(C::DomainName, Type::Text, ""),
    })
}
