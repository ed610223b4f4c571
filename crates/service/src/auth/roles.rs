//! The roles that Ballast knows. Others that a caller may have mean nothing here.

use crate::config::RoleNames;

/// What a caller may do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Roles {
    admin: bool,
    member: bool,
    reader: bool,
    /// Reads what is every project's, over `lbaas.v2`.
    observer: bool,
    /// Sets quotas.
    quotas: bool,
}

impl RoleNames {
    /// One role by its name.
    #[must_use]
    pub fn named(self, name: &str) -> Option<Roles> {
        match self {
            Self::Keystone => Roles::named(name),
            Self::LoadBalancer => Roles::of_load_balancers(name.trim()),
        }
    }

    /// What these names give; each role has those below it.
    pub fn of<'a>(self, names: impl IntoIterator<Item = &'a str>) -> Roles {
        names.into_iter().filter_map(|name| self.named(name)).fold(Roles::default(), Roles::and)
    }

    /// The names, for who has used others.
    #[must_use]
    pub const fn said(self) -> &'static str {
        match self {
            Self::Keystone => "admin, member and reader",
            Self::LoadBalancer => {
                "admin, load-balancer_admin, load-balancer_member, load-balancer_observer, \
                 load-balancer_global_observer and load-balancer_quota_admin"
            }
        }
    }
}

impl Roles {
    const NONE: Self = Self { admin: false, member: false, reader: false, observer: false, quotas: false };
    pub const ADMIN: Self = Self { admin: true, member: true, reader: true, observer: true, quotas: true };
    pub const MEMBER: Self = Self { member: true, reader: true, ..Self::NONE };
    pub const READER: Self = Self { reader: true, ..Self::NONE };
    pub const OBSERVER: Self = Self { reader: true, observer: true, ..Self::NONE };
    pub const QUOTAS: Self = Self { quotas: true, ..Self::NONE };

    /// One role by its name, as metadata carries it. Neutron's time had two more names for member.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name.trim() {
            "member" | "_member_" | "Member" => Some(Self::MEMBER),
            name if name.eq_ignore_ascii_case("admin") => Some(Self::ADMIN),
            "reader" => Some(Self::READER),
            _ => None,
        }
    }

    fn of_load_balancers(name: &str) -> Option<Self> {
        match name {
            "load-balancer_admin" => Some(Self::ADMIN),
            "load-balancer_member" => Some(Self::MEMBER),
            "load-balancer_observer" => Some(Self::READER),
            "load-balancer_global_observer" => Some(Self::OBSERVER),
            "load-balancer_quota_admin" => Some(Self::QUOTAS),
            name if name.eq_ignore_ascii_case("admin") => Some(Self::ADMIN),
            _ => None,
        }
    }

    const fn and(self, other: Self) -> Self {
        Self {
            admin: self.admin || other.admin,
            member: self.member || other.member,
            reader: self.reader || other.reader,
            observer: self.observer || other.observer,
            quotas: self.quotas || other.quotas,
        }
    }

    /// What metadata carries.
    pub fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let carried = |name: &str| match name {
            "observer" => Some(Self::OBSERVER),
            "quotas" => Some(Self::QUOTAS),
            name => Self::named(name),
        };
        names.into_iter().filter_map(carried).fold(Self::default(), Self::and)
    }

    /// The highest of them, and what is beside it, as metadata carries it; empty: none.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match (self.admin, self.member, self.reader, self.observer, self.quotas) {
            (true, ..) => "admin",
            (_, true, _, true, true) => "member,observer,quotas",
            (_, true, _, true, false) => "member,observer",
            (_, true, _, false, true) => "member,quotas",
            (_, true, ..) => "member",
            (.., true, true) => "observer,quotas",
            (.., true, false) => "observer",
            (_, _, true, _, true) => "reader,quotas",
            (_, _, true, ..) => "reader",
            (.., true) => "quotas",
            _ => "",
        }
    }

    #[must_use]
    pub const fn is_admin(self) -> bool {
        self.admin
    }

    #[must_use]
    pub const fn may_write(self) -> bool {
        self.member
    }

    #[must_use]
    pub const fn may_read(self) -> bool {
        self.reader
    }

    #[must_use]
    pub const fn may_read_all(self) -> bool {
        self.observer
    }

    #[must_use]
    pub const fn may_set_quotas(self) -> bool {
        self.quotas
    }

    /// Whether they are none at all.
    #[must_use]
    pub const fn are_none(self) -> bool {
        !self.reader && !self.quotas
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_has_those_below_it_and_unknown_ones_are_nothing() {
        let of = |names: &[&str]| RoleNames::Keystone.of(names.iter().copied());
        assert_eq!(of(&["reader", "admin"]), Roles::ADMIN);
        assert_eq!(of(&["heat_stack_owner", "_member_"]), Roles::MEMBER);
        assert_eq!(of(&["Member"]), Roles::MEMBER);
        for strangers in [&["heat_stack_owner", ""][..], &["load-balancer_member", "service", "manager", "observer"]] {
            let stranger = of(strangers);
            assert!(!stranger.may_read() && !stranger.may_write() && !stranger.is_admin() && stranger.are_none());
        }
        assert!(Roles::READER.may_read() && !Roles::READER.may_write());
    }

    #[test]
    fn the_older_names_are_known_where_they_are_asked_for() {
        let of = |names: &[&str]| RoleNames::LoadBalancer.of(names.iter().copied());
        assert_eq!(of(&["load-balancer_admin"]), Roles::ADMIN);
        assert_eq!(of(&["Admin"]), Roles::ADMIN);
        assert_eq!(of(&["load-balancer_member"]), Roles::MEMBER);
        assert_eq!(of(&["load-balancer_observer"]), Roles::READER);
        assert!(of(&["load-balancer_global_observer"]).may_read_all() && !Roles::MEMBER.may_read_all());
        assert!(of(&["load-balancer_quota_admin"]).may_set_quotas());
        assert!(of(&["member", "reader"]).are_none());
    }

    #[test]
    fn what_metadata_carries_comes_back() {
        let names = ["admin", "load-balancer_member", "load-balancer_observer", "load-balancer_global_observer"];
        for first in names.into_iter().chain([""]) {
            for second in ["", "load-balancer_quota_admin", "load-balancer_global_observer", "load-balancer_member"] {
                let roles = RoleNames::LoadBalancer.of([first, second]);
                assert_eq!(Roles::of(roles.name().split(',')), roles, "{first} {second}");
            }
        }
    }
}
