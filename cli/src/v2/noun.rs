//! What a command is about: where its objects are, what they are made of, and how they are shown.

use super::field::Field;
pub(super) use crate::noun::Column;

/// Where objects of a kind are over REST.
#[derive(Debug)]
pub(super) struct Collection {
    /// Below `/v2.0/`, or with a `/` before it; of what belongs to another object, below that object.
    pub(super) path: &'static str,
    /// The key that one object is under, and the key that a list is under.
    pub(super) wrappers: (&'static str, &'static str),
    /// By what an object is addressed.
    pub(super) key: &'static str,
    /// Whether objects have a name that they are found by as well.
    pub(super) is_named: bool,
    pub(super) one: &'static str,
    pub(super) many: &'static str,
}

/// A kind of object.
#[derive(Debug)]
pub(super) struct Noun {
    /// As it is typed, and its short form.
    pub(super) command: &'static str,
    pub(super) alias: Option<&'static str>,
    pub(super) about: &'static str,
    pub(super) collection: &'static Collection,
    /// Whose objects these belong to, as members do to a pool, and what stands for one in the help.
    pub(super) parent: Option<(&'static str, &'static Collection)>,
    pub(super) verbs: &'static [Verb],
    pub(super) fields: &'static [Field],
    /// Fields by which a list may be narrowed: option, key, and what the value names.
    pub(super) filters: &'static [Filter],
    /// Of a list.
    pub(super) columns: &'static [Column],
    /// Nouns that are typed after this one.
    pub(super) below: &'static [&'static Noun],
    /// Whether a write is done only when the load balancer's agent has done it.
    pub(super) is_deployed: bool,
}

/// Narrows a list.
#[derive(Debug)]
pub(super) struct Filter {
    pub(super) option: &'static str,
    pub(super) key: &'static str,
    pub(super) of: Option<&'static Collection>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    List,
    Show,
    Create,
    Set,
    Delete,
    Stats,
    Status,
    Health,
    Failover,
    History,
    Rollback,
    Defaults,
    /// Of secrets: have those who keep them asked.
    Look,
    Describe,
    /// Of members, named by load balancer and address.
    Drain,
    Enable,
    Disable,
}

impl Verb {
    /// All that are there of most kinds.
    pub(super) const USUAL: &'static [Self] = &[Self::List, Self::Show, Self::Create, Self::Set, Self::Delete];

    /// The same of what a load balancer is made of.
    pub(super) const DESCRIBED: &'static [Self] =
        &[Self::List, Self::Show, Self::Describe, Self::Create, Self::Set, Self::Delete];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Show => "show",
            Self::Create => "create",
            Self::Set => "set",
            Self::Delete => "delete",
            Self::Stats => "stats",
            Self::Status => "status",
            Self::Health => "health",
            Self::Failover => "failover",
            Self::History => "history",
            Self::Rollback => "rollback",
            Self::Defaults => "defaults",
            Self::Look => "look",
            Self::Describe => "describe",
            Self::Drain => "drain",
            Self::Enable => "enable",
            Self::Disable => "disable",
        }
    }

    pub(super) fn about(self, noun: &Noun) -> String {
        let (one, many) = (noun.collection.one, noun.collection.many);
        let a = if one.starts_with(['a', 'L']) { "an" } else { "a" };
        match self {
            Self::List => format!("All {many}, one a line"),
            Self::Show => format!("One {one}, with everything that is known of it"),
            Self::Create => format!("Make {a} {one}"),
            Self::Set => format!("Change {a} {one}; what is not named stays"),
            Self::Delete => format!("Delete {a} {one}"),
            Self::Stats => format!("What went through {a} {one}"),
            Self::Status => format!("Everything that {a} {one} consists of, with the status of each"),
            Self::Health => {
                format!("How the members of {a} {one} are, since when, and what their last checks answered")
            }
            Self::Failover => format!("Move {a} {one} to another agent"),
            Self::History => format!("What was changed of {a} {one}, when and by whom, the newest first"),
            Self::Rollback => format!("Make {a} {one} what it was behind a change"),
            Self::Defaults => format!("The {many} of projects that have none of their own"),
            Self::Look => "Ask those who keep them now whether they have changed, and not in a while".to_owned(),
            Self::Describe => format!("How {a} {one} is, what is in it, which agent runs it, and what to do"),
            Self::Drain => format!("No new clients for {a} {one}; --wait: until nobody is connected"),
            Self::Enable => format!("Clients for {a} {one} again"),
            Self::Disable => format!("Take {a} {one} out at once"),
        }
    }

    /// Whether one object is named.
    pub(super) fn names_one(self) -> bool {
        !matches!(self, Self::List | Self::Create | Self::Defaults | Self::Look)
    }

    pub(super) fn writes(self) -> bool {
        matches!(self, Self::Create | Self::Set | Self::Delete | Self::Failover | Self::Rollback)
    }

    /// Whether it names a member by its load balancer and its address.
    pub(super) fn is_by_address(self) -> bool {
        matches!(self, Self::Drain | Self::Enable | Self::Disable)
    }
}
