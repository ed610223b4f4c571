//! A step: one request, and what it is for people.

use http::Method;
use serde_json::Value;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Add,
    Change,
    Remove,
}

impl Action {
    pub(super) const fn sign(self) -> char {
        match self {
            Self::Add => '+',
            Self::Change => '~',
            Self::Remove => '-',
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Change => "change",
            Self::Remove => "remove",
        }
    }
}

/// A key, and the step that makes what it names.
pub(super) type Late = (&'static str, usize);

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Step {
    pub(super) action: Action,
    /// As REST calls one object of it.
    pub(super) kind: &'static str,
    /// For people.
    pub(super) name: String,
    pub(super) method: Method,
    pub(super) path: String,
    /// With its wrapper; null where there is none.
    pub(super) body: Value,
    /// Keys of the object in the body that are the ids of what earlier steps make.
    pub(super) late: Vec<Late>,
    /// What is different, for people.
    pub(super) differences: Vec<String>,
}

/// What a step does to what serves, as the gateway says.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Effect {
    /// The plan of the answer; null: nothing serves by it.
    Said(Value),
    /// It is not known before another step is taken.
    AfterOthers,
}

/// What is done for a load balancer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plan {
    pub(super) name: String,
    /// The load balancer; none: it is made.
    pub(super) id: Option<String>,
    pub(super) steps: Vec<Step>,
    /// Of each step.
    pub(super) effects: Vec<Effect>,
}
