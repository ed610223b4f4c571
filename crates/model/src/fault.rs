//! The one closed set of errors.
//!
//! A [`Fault`] is what happened: [`Facts`], whose [`Code`] programs act on. It has no sentence. Each edge makes its own out of
//! the facts: gRPC in `ballast_proto::status`, each REST API in the gateway. Beside the facts is a detail for the log, which
//! never reaches a caller; `Display` shows code and facts alone.

mod balancing;
mod certifying;
mod code;
mod fact;
mod facts;
mod groups;
mod reason;

use std::{collections::BTreeMap, fmt};

pub use self::{
    balancing::{Balancing, Checking, Referred, Routing, Sticky, Taken, Tls, Whole},
    certifying::{Certifying, Issuing, Keying, Revoking},
    code::Code,
    fact::{Choices, Fact, Told},
    facts::Facts,
    groups::{Absence, Addressing, Call, Clash, Exists, Forbidden, InUse, Kind, Missing, NetworkRefusal},
    reason::{Form, Misfit, Reason},
};

/// The name by which the facts tell which they are.
const FACT: &str = "fact";

/// An error, with what its caller may know apart from what only the log may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    facts: Box<Facts>,
    detail: Option<String>,
}

impl<F: Into<Facts>> From<F> for Fault {
    fn from(facts: F) -> Self {
        Self { facts: Box::new(facts.into()), detail: None }
    }
}

impl Fault {
    /// A value of `field` is refused.
    #[must_use]
    pub fn invalid_field(field: &str, reason: Reason) -> Self {
        Facts::InvalidField { field: field.to_owned(), reason }.into()
    }

    /// `field` is required.
    #[must_use]
    pub fn missing_field(field: &str) -> Self {
        Facts::MissingField { field: field.to_owned() }.into()
    }

    /// `field` cannot be changed.
    #[must_use]
    pub fn immutable_field(field: &str) -> Self {
        Facts::ImmutableField { field: field.to_owned() }.into()
    }

    /// Nothing of this kind has this id, which may be none.
    #[must_use]
    pub fn not_found(kind: Kind, id: impl fmt::Display) -> Self {
        Missing::Object { kind, id: id.to_string() }.into()
    }

    /// Something unforeseen: the caller is told no more than that.
    #[must_use]
    pub fn internal(detail: impl fmt::Display) -> Self {
        Self::from(Facts::Internal).with_detail(detail)
    }

    /// Adds what only the log may show.
    #[must_use]
    pub fn with_detail(mut self, detail: impl fmt::Display) -> Self {
        self.detail = Some(detail.to_string());
        self
    }

    #[must_use]
    pub const fn code(&self) -> Code {
        self.facts.code()
    }

    #[must_use]
    pub const fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The field at fault, if it is one, by its name in gRPC.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        self.facts.field()
    }

    /// For the log.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        self.detail.as_deref()
    }

    /// What an operator is told: the detail, or the facts where there is none.
    #[must_use]
    pub fn for_log(&self) -> String {
        self.detail.clone().unwrap_or_else(|| self.to_string())
    }

    /// The facts by their names, to be sent.
    #[must_use]
    pub fn told(&self) -> Told {
        let mut told = Told::new();
        self.facts.tell(FACT, &mut told);
        told
    }

    /// The fault with these facts; none: they are of a later version, or of an earlier one, which told none.
    #[must_use]
    pub fn heard(told: &Told) -> Option<Self> {
        Facts::hear(FACT, told).map(Self::from)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code().reason())?;
        let told: BTreeMap<_, _> = self.told().into_iter().collect();
        told.iter()
            .filter(|(_, value)| **value != self.code().reason())
            .try_for_each(|(name, value)| write!(f, " {name}={value:?}"))
    }
}

impl std::error::Error for Fault {}

#[cfg(test)]
mod tests;
