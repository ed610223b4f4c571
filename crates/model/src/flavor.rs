//! Flavors and availability zones: what an operator offers to choose from, and what that says to a provider's driver.

use crate::{
    check,
    fault::{Fault, Reason},
    ids::{FlavorId, ProfileId},
};

/// What tenants choose by its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flavor {
    pub id: FlavorId,
    pub name: String,
    pub description: String,
    pub enabled: bool,
    pub profile_id: ProfileId,
}

/// What tenants choose by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AvailabilityZone {
    pub name: String,
    pub description: String,
    pub enabled: bool,
    pub profile_id: ProfileId,
}

/// Of what a profile is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProfileKind {
    Flavor,
    AvailabilityZone,
}

impl ProfileKind {
    pub const ALL: [Self; 2] = [Self::Flavor, Self::AvailabilityZone];

    /// As it is stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Flavor => "FLAVOR",
            Self::AvailabilityZone => "AVAILABILITY_ZONE",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// What a flavor or a zone says to a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    pub id: ProfileId,
    pub kind: ProfileKind,
    pub name: String,
    /// As it was asked for: an alias stays one.
    pub provider: String,
    /// A JSON object.
    pub data: String,
}

/// The longest data of a profile.
pub const MOST_DATA: usize = 4_096;

/// A name that must not be empty.
///
/// # Errors
/// [`Code::InvalidField`](crate::fault::Code::InvalidField), [`Code::MissingField`](crate::fault::Code::MissingField)
pub fn name(given: String) -> Result<String, Fault> {
    if given.is_empty() {
        return Err(Fault::missing_field("name"));
    }
    check::text("name", given, check::MAX_TEXT)
}

/// The length of a profile's data; what is in it is another's to read.
///
/// # Errors
/// [`Code::InvalidField`](crate::fault::Code::InvalidField)
pub fn data(given: String) -> Result<String, Fault> {
    if given.len() > MOST_DATA {
        let most = u32::try_from(MOST_DATA).unwrap_or(u32::MAX);
        return Err(Fault::invalid_field("data", Reason::TooLong { value: given, most }));
    }
    check::text("data", given, MOST_DATA)
}
