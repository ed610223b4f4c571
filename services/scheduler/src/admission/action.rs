//! The methods of the API as policy knows them: `create_pool`, and who may call them.
//!
//! Made from the names of service and method, so that a new method is covered before anyone thinks of it: what is not
//! known to only read is a write.

use ballast_model::fault::{Fault, Forbidden};
use ballast_service::auth::Roles;

/// Verbs that change nothing, and what policy calls them.
const READS: &[(&str, &str)] = &[("Get", "get"), ("List", "get"), ("Stats", "get"), ("Watch", "get")];
/// Verbs that change something, or say what a change would do.
const WRITES: &[(&str, &str)] = &[
    ("Create", "create"),
    ("Update", "update"),
    ("Delete", "delete"),
    ("Associate", "create_pool"),
    ("Disassociate", "delete_pool"),
    ("Replace", "replace"),
    ("Failover", "failover"),
    ("RollBack", "roll_back"),
    ("Preview", "preview"),
    ("Look", "look"),
];
/// What of `lbaas.v2` its method does not say by its verb.
const NAMED: &[(&str, &str)] = &[
    ("Statuses", "get_statuses"),
    ("Health", "get_health"),
    ("Sides", "get_sides"),
    ("Position", "get_position"),
    ("FlavorCapabilities", "get_flavor_capabilities"),
    ("AvailabilityZoneCapabilities", "get_availability_zone_capabilities"),
];
/// Services of `lbaas.v2` that are for admins,
const OPERATORS: &[&str] = &["FlavorProfiles", "AvailabilityZoneProfiles"];
/// those of which the writes are,
const OPERATORS_WRITE: &[&str] = &["Flavors", "AvailabilityZones", "Quotas"];
/// and methods of others.
const OPERATORS_CALL: &[&str] =
    &["Failover", "Sides", "FlavorCapabilities", "AvailabilityZoneCapabilities", "ListSchedulers"];

/// What a caller must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    Reader,
    Member,
    Admin,
}

/// What a caller wants to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Action {
    /// As `create_pool`.
    name: String,
    needs: Needs,
    writes: bool,
    is_of_v2: bool,
    /// Of `lbaas.v2`.
    sets_quotas: bool,
}

impl Action {
    /// `service` and `method` as `Pools` and `Create`, `Networks` and `CreateSubnet`.
    pub(super) fn of(package: &str, service: &str, method: &str) -> Self {
        let (name, writes) = named(service, method);
        // In lbaas.v1 a service says itself what is an admin's.
        let admins = package == "lbaas.v2"
            && (OPERATORS.contains(&service)
                || OPERATORS_CALL.contains(&method)
                || writes && OPERATORS_WRITE.contains(&service));
        let needs = match (admins, writes) {
            (true, _) => Needs::Admin,
            (false, true) => Needs::Member,
            (false, false) => Needs::Reader,
        };
        let is_of_v2 = package == "lbaas.v2";
        Self { name, needs, writes, is_of_v2, sets_quotas: is_of_v2 && service == "Quotas" }
    }

    /// Whether it changes something.
    pub(super) const fn writes(&self) -> bool {
        self.writes
    }

    /// Whether who has these roles does it as an admin: one, or who was made one for this alone.
    ///
    /// # Errors
    /// [`Forbidden::Action`]
    pub(super) fn check(&self, roles: Roles) -> Result<bool, Fault> {
        let trusted = self.is_of_v2 && (self.needs == Needs::Reader && roles.may_read_all())
            || self.sets_quotas && roles.may_set_quotas();
        let may = match self.needs {
            Needs::Reader => roles.may_read(),
            Needs::Member => roles.may_write(),
            Needs::Admin => roles.is_admin(),
        };
        if may || trusted {
            return Ok(trusted || roles.is_admin());
        }
        Err(Forbidden::Action { action: self.name.clone() }.into())
    }
}

/// What policy calls a method, and whether it writes.
fn named(service: &str, method: &str) -> (String, bool) {
    if let Some((_, name)) = NAMED.iter().find(|(known, _)| *known == method) {
        return ((*name).to_owned(), false);
    }
    let find = |verbs: &'static [(&str, &'static str)]| {
        verbs.iter().find_map(|(verb, name)| Some((*name, method.strip_prefix(verb)?)))
    };
    let (verb, noun, writes) = match (find(READS), find(WRITES)) {
        (Some((verb, noun)), _) => (verb, noun, false),
        (None, Some((verb, noun))) => (verb, noun, true),
        (None, None) => ("call", method, true),
    };
    let plural = method.starts_with("List") || method == "Replace";
    let noun = match (noun, plural) {
        ("", true) => snake(service),
        ("", false) => snake(&singular(service)),
        (noun, _) => snake(noun),
    };
    (format!("{verb}_{noun}"), writes)
}

/// `Pools` as `Pool`, `L7Policies` as `L7Policy`.
fn singular(service: &str) -> String {
    match service.strip_suffix("ies") {
        Some(stem) => format!("{stem}y"),
        None => service.strip_suffix('s').unwrap_or(service).to_owned(),
    }
}

/// `HealthMonitors` as `health_monitors`, `L7Rules` as `l7rules`.
fn snake(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 2);
    let mut before = '0';
    for character in name.chars() {
        if character.is_ascii_uppercase() && !before.is_ascii_digit() {
            snake.push('_');
        }
        snake.push(character.to_ascii_lowercase());
        before = character;
    }
    snake
}

#[cfg(test)]
mod tests {
    use ballast_proto::{API_PACKAGES, DESCRIPTORS};
    use prost::Message as _;
    use prost_types::FileDescriptorSet;

    use super::*;

    #[test]
    fn methods_have_the_names_that_policy_knows() {
        for (service, method, name, needs) in [
            ("Pools", "Create", "create_pool", Needs::Member),
            ("Pools", "Get", "get_pool", Needs::Reader),
            ("HealthMonitors", "List", "get_health_monitors", Needs::Reader),
            ("HealthMonitors", "Delete", "delete_health_monitor", Needs::Member),
            ("Networks", "CreateSubnet", "create_subnet", Needs::Member),
            ("Networks", "ListSubnets", "get_subnets", Needs::Reader),
            ("Pools", "AssociateHealthMonitor", "create_pool_health_monitor", Needs::Member),
            ("Pools", "DisassociateHealthMonitor", "delete_pool_health_monitor", Needs::Member),
            ("Pools", "Frobnicate", "call_frobnicate", Needs::Member),
            // Quotas of lbaas.v1 say themselves who may.
            ("Quotas", "Update", "update_quota", Needs::Member),
        ] {
            let action = Action::of("lbaas.v1", service, method);
            assert_eq!((action.name.as_str(), action.needs), (name, needs));
        }
    }

    #[test]
    fn what_operators_set_is_for_admins() {
        for (service, method, name, needs) in [
            ("L7Policies", "Create", "create_l7policy", Needs::Member),
            ("L7Rules", "List", "get_l7rules", Needs::Reader),
            ("Members", "Replace", "replace_members", Needs::Member),
            ("LoadBalancers", "Statuses", "get_statuses", Needs::Reader),
            ("LoadBalancers", "Health", "get_health", Needs::Reader),
            ("LoadBalancers", "Sides", "get_sides", Needs::Admin),
            ("LoadBalancers", "Stats", "get_load_balancer", Needs::Reader),
            ("LoadBalancers", "Failover", "failover_load_balancer", Needs::Admin),
            ("Overview", "ListSchedulers", "get_schedulers", Needs::Admin),
            ("LoadBalancers", "Preview", "preview_load_balancer", Needs::Member),
            ("History", "RollBack", "roll_back_history", Needs::Member),
            ("Certificates", "LookAtSecrets", "look_at_secrets", Needs::Member),
            ("Flavors", "List", "get_flavors", Needs::Reader),
            ("Flavors", "Create", "create_flavor", Needs::Admin),
            ("FlavorProfiles", "Get", "get_flavor_profile", Needs::Admin),
            ("AvailabilityZones", "Get", "get_availability_zone", Needs::Reader),
            ("AvailabilityZones", "Delete", "delete_availability_zone", Needs::Admin),
            ("AvailabilityZoneProfiles", "List", "get_availability_zone_profiles", Needs::Admin),
            ("Providers", "List", "get_providers", Needs::Reader),
            ("Providers", "FlavorCapabilities", "get_flavor_capabilities", Needs::Admin),
            ("Quotas", "GetDefault", "get_default", Needs::Reader),
            ("Quotas", "Update", "update_quota", Needs::Admin),
        ] {
            let action = Action::of("lbaas.v2", service, method);
            assert_eq!((action.name.as_str(), action.needs), (name, needs));
        }
    }

    #[test]
    fn every_method_has_a_verb_of_which_it_is_known_whether_it_writes() {
        let files = FileDescriptorSet::decode(DESCRIPTORS).unwrap().file;
        let ours = files.iter().filter(|file| API_PACKAGES.contains(&file.package()));
        let services = ours.flat_map(|file| file.service.iter().map(|service| (file.package(), service)));
        let names = services.flat_map(|(package, service)| {
            service.method.iter().map(move |method| Action::of(package, service.name(), method.name()).name)
        });
        let names: Vec<String> = names.collect();
        assert!(names.len() > 100, "{names:?}");
        let unknown: Vec<_> = names.iter().filter(|name| name.starts_with("call_")).collect();
        assert!(unknown.is_empty(), "add the verb of {unknown:?} to READS or WRITES");
    }

    #[test]
    fn a_reader_reads_and_a_stranger_does_nothing() {
        let action = |method| Action::of("lbaas.v1", "Pools", method);
        let (read, write) = (action("Get"), action("Create"));
        assert!(read.check(Roles::READER).is_ok() && write.check(Roles::MEMBER).is_ok());
        let refused = write.check(Roles::READER).unwrap_err();
        assert_eq!(refused, Forbidden::Action { action: "create_pool".to_owned() }.into());
        assert!(read.check(Roles::default()).is_err());
        let operate = Action::of("lbaas.v2", "Flavors", "Create");
        assert!(operate.check(Roles::MEMBER).is_err() && operate.check(Roles::ADMIN).is_ok());
    }

    #[test]
    fn who_observes_all_reads_as_an_admin_and_who_sets_quotas_sets_them() {
        let check = |service, method, roles| Action::of("lbaas.v2", service, method).check(roles).ok();
        assert_eq!(check("Pools", "Get", Roles::OBSERVER), Some(true));
        assert_eq!(check("Pools", "Get", Roles::READER), Some(false));
        assert_eq!(check("Pools", "Update", Roles::OBSERVER), None);
        assert_eq!(check("FlavorProfiles", "Get", Roles::OBSERVER), None);
        assert_eq!(check("Quotas", "Update", Roles::QUOTAS), Some(true));
        assert_eq!(check("Quotas", "Get", Roles::QUOTAS), Some(true));
        assert_eq!(check("Pools", "Get", Roles::QUOTAS), None);
        assert_eq!(Action::of("lbaas.v1", "Agents", "Get").check(Roles::OBSERVER).ok(), Some(false));
    }
}
