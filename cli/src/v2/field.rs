//! What an object can be given: an option of the command line and a key of the body.

use super::noun::Collection;

#[derive(Debug)]
pub(super) struct Field {
    /// Without its dashes.
    pub(super) option: &'static str,
    /// In the body; `a.b` is `b` in the object `a`.
    pub(super) key: &'static str,
    pub(super) kind: Kind,
    pub(super) when: When,
    pub(super) help: &'static str,
}

/// How the option's value becomes the body's.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Text,
    Number,
    /// `true` or `false`
    Bool,
    /// `up` or `down`
    Admin,
    /// Texts, each by the option again.
    Texts,
    /// `KEY=VALUE`, each by the option again.
    Map,
    /// `KEY=VALUE,KEY=VALUE`: an object, each by the option again. What stands for it in the help; the keys as they are
    /// typed, and in the body.
    Objects(&'static str, &'static [(&'static str, &'static str)]),
    /// The text of a file, so that no argument has it.
    File,
    /// The one line of such a file.
    Line,
    /// The bytes of a file: base64 in JSON.
    Binary,
    /// The id or the name of another object.
    Reference(&'static Collection),
}

/// Where a field may be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// It must be given to create.
    Needed,
    /// It must be given to create, and can be changed.
    NeededOrSet,
    Create,
    Set,
    Always,
}

impl When {
    pub(super) fn is_created(self) -> bool {
        self != Self::Set
    }

    pub(super) fn is_needed(self) -> bool {
        matches!(self, Self::Needed | Self::NeededOrSet)
    }

    pub(super) fn is_set(self) -> bool {
        matches!(self, Self::NeededOrSet | Self::Set | Self::Always)
    }
}

impl Field {
    /// Given at the creation, or changed later.
    pub(super) const fn always(option: &'static str, key: &'static str, kind: Kind, help: &'static str) -> Self {
        Self { option, key, kind, when: When::Always, help }
    }

    /// Given at the creation, for good.
    pub(super) const fn created(option: &'static str, key: &'static str, kind: Kind, help: &'static str) -> Self {
        Self { option, key, kind, when: When::Create, help }
    }

    /// The same, and there is none without.
    pub(super) const fn needed(option: &'static str, key: &'static str, kind: Kind, help: &'static str) -> Self {
        Self { option, key, kind, when: When::Needed, help }
    }

    /// None is made without, and it can be changed.
    pub(super) const fn needed_or_set(option: &'static str, key: &'static str, kind: Kind, help: &'static str) -> Self {
        Self { option, key, kind, when: When::NeededOrSet, help }
    }
}

pub(super) const NAME: Field = Field::always("name", "name", Kind::Text, "A name; it need not be unique");
pub(super) const DESCRIPTION: Field = Field::always("description", "description", Kind::Text, "A text for people");
pub(super) const ADMIN: Field = Field::always("admin", "admin_state_up", Kind::Admin, "Whether it takes part at all");
pub(super) const TAG: Field =
    Field::always("tag", "tags", Kind::Texts, "A tag; again for each. They replace all others");
