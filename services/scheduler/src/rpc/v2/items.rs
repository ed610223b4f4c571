//! Objects of lists that are found in memory: their fields, as REST spells them.

use ballast_proto::driver::{L7CompareType, L7RuleType};
use ballast_proto::v2::ProvisioningStatus;
use ballast_proto::v2::{
    HealthMonitor, L7Policy, L7Rule, Listener, LoadBalancer, Member, OperatingStatus, Pool, Status,
};

use super::query::Item;

fn operating(status: Option<&Status>) -> String {
    let how = status.and_then(|status| OperatingStatus::try_from(status.operating).ok()).unwrap_or_default();
    how.as_str_name().trim_start_matches("OPERATING_STATUS_").to_owned()
}

fn provisioning(status: Option<&Status>) -> String {
    let how = status.and_then(|status| ProvisioningStatus::try_from(status.provisioning).ok()).unwrap_or_default();
    how.as_str_name().to_owned()
}

fn time(time: Option<prost_types::Timestamp>) -> String {
    time.map(|time| time.seconds.to_string()).unwrap_or_default()
}

/// What the status of every object says.
fn of_status(status: Option<&Status>, name: &str) -> Option<String> {
    match name {
        "operating_status" => Some(operating(status)),
        "provisioning_status" => Some(provisioning(status)),
        "created_at" => Some(time(status.and_then(|status| status.created_at))),
        "updated_at" => Some(time(status.and_then(|status| status.updated_at))),
        _ => None,
    }
}

/// Objects of which nothing but their status is looked at here.
macro_rules! by_status {
    ($($object:ty),+) => {$(
        impl Item for $object {
            fn id(&self) -> &str {
                &self.id
            }

            fn field(&self, name: &str) -> Option<String> {
                of_status(self.status.as_ref(), name)
            }

            fn tags(&self) -> &[String] {
                &self.tags
            }
        }
    )+};
}

by_status!(LoadBalancer, Listener, Pool, HealthMonitor, L7Policy);

impl Item for Member {
    fn id(&self) -> &str {
        &self.id
    }

    fn field(&self, name: &str) -> Option<String> {
        Some(match name {
            "id" => self.id.clone(),
            "name" => self.name.clone(),
            "project_id" => self.project_id.clone(),
            "admin_state_up" | "enabled" => self.admin_state_up.unwrap_or(true).to_string(),
            "address" | "ip_address" => self.address.clone(),
            "protocol_port" => self.protocol_port.unwrap_or_default().to_string(),
            "weight" => self.weight.unwrap_or_default().to_string(),
            "backup" => self.backup.to_string(),
            "subnet_id" => self.subnet_id.clone(),
            "monitor_address" => self.monitor_address.clone(),
            "monitor_port" => self.monitor_port.to_string(),
            other => return of_status(self.status.as_ref(), other),
        })
    }

    fn tags(&self) -> &[String] {
        &self.tags
    }
}

impl Item for L7Rule {
    fn id(&self) -> &str {
        &self.id
    }

    fn field(&self, name: &str) -> Option<String> {
        Some(match name {
            "id" => self.id.clone(),
            "project_id" => self.project_id.clone(),
            "admin_state_up" | "enabled" => self.admin_state_up.unwrap_or(true).to_string(),
            "type" => {
                let rule_type = L7RuleType::try_from(self.r#type).unwrap_or_default().as_str_name();
                rule_type.trim_start_matches("L7_RULE_TYPE_").to_owned()
            }
            "compare_type" => {
                let compare_type = L7CompareType::try_from(self.compare_type).unwrap_or_default().as_str_name();
                compare_type.trim_start_matches("L7_COMPARE_TYPE_").to_owned()
            }
            "key" => self.key.clone(),
            "value" => self.value.clone(),
            "invert" => self.invert.to_string(),
            other => return of_status(self.status.as_ref(), other),
        })
    }

    fn tags(&self) -> &[String] {
        &self.tags
    }
}
