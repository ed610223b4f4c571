//! The methods of `lbaas.v1` as policy knows them: `create_pool`, and whether it changes something.
//!
//! Made from the names of service and method, so that a new method is covered before anyone thinks of it: what is not
//! known to only read is a write.

use ballast_model::fault::{Fault, Forbidden};
use ballast_service::auth::Roles;

/// Verbs that change nothing, and what policy calls them.
const READS: &[(&str, &str)] = &[("Get", "get"), ("List", "get"), ("Stats", "get"), ("Watch", "get")];
/// Verbs that change something.
const WRITES: &[(&str, &str)] = &[
    ("Create", "create"),
    ("Update", "update"),
    ("Delete", "delete"),
    ("Associate", "create_pool"),
    ("Disassociate", "delete_pool"),
];

/// What a caller wants to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Action {
    /// As `create_pool`.
    name: String,
    writes: bool,
}

impl Action {
    /// `service` and `method` as `Pools` and `Create`, `Networks` and `CreateSubnet`.
    pub(super) fn of(service: &str, method: &str) -> Self {
        let find = |verbs: &'static [(&str, &'static str)]| {
            verbs.iter().find_map(|(verb, name)| Some((*name, method.strip_prefix(verb)?)))
        };
        let (verb, noun, writes) = match (find(READS), find(WRITES)) {
            (Some((verb, noun)), _) => (verb, noun, false),
            (None, Some((verb, noun))) => (verb, noun, true),
            (None, None) => ("call", method, true),
        };
        let plural = method.starts_with("List");
        let noun = match (noun, plural) {
            ("", true) => snake(service),
            ("", false) => snake(service.strip_suffix('s').unwrap_or(service)),
            (noun, _) => snake(noun),
        };
        Self { name: format!("{verb}_{noun}"), writes }
    }

    /// # Errors
    /// [`Forbidden::Action`]
    pub(super) fn check(&self, roles: Roles) -> Result<(), Fault> {
        let may = if self.writes { roles.may_write() } else { roles.may_read() };
        if may {
            return Ok(());
        }
        Err(Forbidden::Action { action: self.name.clone() }.into())
    }
}

/// `HealthMonitors` as `health_monitors`.
fn snake(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 2);
    for character in name.chars() {
        if character.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(character.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use ballast_proto::DESCRIPTORS;
    use prost::Message as _;
    use prost_types::FileDescriptorSet;

    use super::*;

    #[test]
    fn methods_have_the_names_that_policy_knows() {
        for (service, method, name, writes) in [
            ("Pools", "Create", "create_pool", true),
            ("Pools", "Get", "get_pool", false),
            ("HealthMonitors", "List", "get_health_monitors", false),
            ("HealthMonitors", "Delete", "delete_health_monitor", true),
            ("Networks", "CreateSubnet", "create_subnet", true),
            ("Networks", "ListSubnets", "get_subnets", false),
            ("Pools", "AssociateHealthMonitor", "create_pool_health_monitor", true),
            ("Pools", "DisassociateHealthMonitor", "delete_pool_health_monitor", true),
            ("Pools", "Frobnicate", "call_frobnicate", true),
        ] {
            assert_eq!(Action::of(service, method), Action { name: name.to_owned(), writes });
        }
    }

    #[test]
    fn every_method_has_a_verb_of_which_it_is_known_whether_it_writes() {
        let files = FileDescriptorSet::decode(DESCRIPTORS).unwrap().file;
        let services = files.iter().filter(|file| file.package() == "lbaas.v1").flat_map(|file| &file.service);
        let names: Vec<String> = services
            .flat_map(|service| service.method.iter().map(|method| Action::of(service.name(), method.name()).name))
            .collect();
        assert!(names.len() > 30, "{names:?}");
        let unknown: Vec<_> = names.iter().filter(|name| name.starts_with("call_")).collect();
        assert!(unknown.is_empty(), "add the verb of {unknown:?} to READS or WRITES");
    }

    #[test]
    fn a_reader_reads_and_a_stranger_does_nothing() {
        let (read, write) = (Action::of("Pools", "Get"), Action::of("Pools", "Create"));
        assert!(read.check(Roles::READER).is_ok() && write.check(Roles::MEMBER).is_ok());
        let refused = write.check(Roles::READER).unwrap_err();
        assert_eq!(refused, Forbidden::Action { action: "create_pool".to_owned() }.into());
        assert!(read.check(Roles::default()).is_err());
    }
}
