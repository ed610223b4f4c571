//! What a batch asks for: one thing about a table, a chain, a rule, a set or an object.

use std::fmt;

use super::{
    expression::{Rule, Verdict},
    set::{Element, Set},
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Does nothing where the table is.
    AddTable,
    /// With all that is in it.
    DeleteTable,
    AddChain {
        name: String,
        hook: Option<Hook>,
    },
    /// It must be empty, and nothing may lead to it.
    DeleteChain(String),
    /// Takes all its rules away.
    FlushChain(String),
    /// Behind the others of the chain.
    AddRule {
        chain: String,
        rule: Rule,
    },
    AddSet(Set),
    /// No rule may use it.
    DeleteSet(String),
    AddElements {
        set: String,
        elements: Vec<Element>,
    },
    DeleteElements {
        set: String,
        keys: Vec<Vec<u8>>,
    },
    AddObject {
        name: String,
        object: Object,
    },
    /// Nothing may use it.
    DeleteObject {
        name: String,
        kind: ObjectKind,
    },
}

/// Where packets come by a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// First packets that come in.
    PreroutingNat,
    /// All that come in, before anybody has looked at them and any address is another.
    Prerouting,
    /// First packets that go out.
    PostroutingNat,
    /// All that go through; those that no rule accepts are dropped.
    Forward,
    /// All that are for the namespace itself.
    Input,
    /// All that the namespace sends itself.
    Output,
}

impl Hook {
    /// The type of the chain, the number of the hook, the priority, and what is done in the end.
    pub(super) fn parts(self) -> (&'static str, u32, i32, Verdict) {
        match self {
            Self::PreroutingNat => ("nat", 0, -100, Verdict::Accept),
            Self::Prerouting => ("filter", 0, -150, Verdict::Accept),
            Self::PostroutingNat => ("nat", 4, 100, Verdict::Accept),
            Self::Forward => ("filter", 2, 0, Verdict::Drop),
            Self::Input => ("filter", 1, 0, Verdict::Accept),
            Self::Output => ("filter", 3, 0, Verdict::Accept),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Object {
    Counter {
        packets: u64,
        bytes: u64,
    },
    /// How long flows of a protocol that does not speak are kept, in seconds.
    Timeout {
        protocol: u8,
        /// State by the kernel's number for it; those that are not named are the namespace's.
        states: Vec<(u16, u32)>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectKind {
    Counter,
    Timeout,
}

impl ObjectKind {
    #[must_use]
    pub fn code(self) -> u32 {
        match self {
            Self::Counter => 1,
            Self::Timeout => 7,
        }
    }
}

impl Object {
    #[must_use]
    pub fn kind(&self) -> ObjectKind {
        match self {
            Self::Counter { .. } => ObjectKind::Counter,
            Self::Timeout { .. } => ObjectKind::Timeout,
        }
    }
}

/// For the error that says what was refused.
impl fmt::Display for Command {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AddTable => write!(to, "add the table"),
            Self::DeleteTable => write!(to, "delete the table"),
            Self::AddChain { name, .. } => write!(to, "add chain {name}"),
            Self::DeleteChain(name) => write!(to, "delete chain {name}"),
            Self::FlushChain(name) => write!(to, "flush chain {name}"),
            Self::AddRule { chain, .. } => write!(to, "add a rule to {chain}"),
            Self::AddSet(set) => write!(to, "add set {}", set.name),
            Self::DeleteSet(name) => write!(to, "delete set {name}"),
            Self::AddElements { set, elements } => write!(to, "add {} elements to {set}", elements.len()),
            Self::DeleteElements { set, keys } => write!(to, "delete {} elements of {set}", keys.len()),
            Self::AddObject { name, .. } => write!(to, "add object {name}"),
            Self::DeleteObject { name, .. } => write!(to, "delete object {name}"),
        }
    }
}
