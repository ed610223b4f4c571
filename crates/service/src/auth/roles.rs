//! The roles that Ballast knows. Others that a caller may have mean nothing here.

/// A set of admin, member and reader.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Roles {
    admin: bool,
    member: bool,
    reader: bool,
}

impl Roles {
    pub const ADMIN: Self = Self { admin: true, member: true, reader: true };
    pub const MEMBER: Self = Self { admin: false, member: true, reader: true };
    pub const READER: Self = Self { admin: false, member: false, reader: true };

    /// One role by its name. Neutron's time had two more names for member.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name.trim() {
            "member" | "_member_" | "Member" => Some(Self::MEMBER),
            name if name.eq_ignore_ascii_case("admin") => Some(Self::ADMIN),
            "reader" => Some(Self::READER),
            _ => None,
        }
    }

    /// What these names give; each role has those below it.
    pub fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        names.into_iter().filter_map(Self::named).fold(Self::default(), |all, one| Self {
            admin: all.admin || one.admin,
            member: all.member || one.member,
            reader: all.reader || one.reader,
        })
    }

    /// The highest of them, as metadata carries it; empty: none.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match (self.admin, self.member, self.reader) {
            (true, ..) => "admin",
            (_, true, _) => "member",
            (.., true) => "reader",
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_has_those_below_it_and_unknown_ones_are_nothing() {
        assert_eq!(Roles::of(["reader", "admin"]), Roles::ADMIN);
        assert_eq!(Roles::of(["heat_stack_owner", "_member_"]), Roles::MEMBER);
        assert_eq!(Roles::of(["Member"]), Roles::MEMBER);
        let stranger = Roles::of(["heat_stack_owner", ""]);
        assert!(!stranger.may_read() && !stranger.may_write() && !stranger.is_admin());
        assert!(Roles::READER.may_read() && !Roles::READER.may_write());
        for roles in [Roles::ADMIN, Roles::MEMBER, Roles::READER, Roles::default()] {
            assert_eq!(Roles::of([roles.name()]), roles);
        }
    }
}
