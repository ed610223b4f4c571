//! How far our work on an object is, and how its traffic fares.

use crate::counters::Generation;

/// The progress of our work on an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProvisioningStatus {
    PendingCreate,
    PendingUpdate,
    PendingDelete,
    Active,
    Error,
}

impl ProvisioningStatus {
    pub const ALL: [Self; 5] =
        [Self::PendingCreate, Self::PendingUpdate, Self::PendingDelete, Self::Active, Self::Error];

    /// As it is stored and as v1 shows it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PendingCreate => "PENDING_CREATE",
            Self::PendingUpdate => "PENDING_UPDATE",
            Self::PendingDelete => "PENDING_DELETE",
            Self::Active => "ACTIVE",
            Self::Error => "ERROR",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    #[must_use]
    pub const fn is_pending(self) -> bool {
        match self {
            Self::PendingCreate | Self::PendingUpdate | Self::PendingDelete => true,
            Self::Active | Self::Error => false,
        }
    }
}

/// The health of traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OperatingStatus {
    /// Nobody checks, or nothing has been heard yet.
    #[default]
    Unknown,
    Online,
    Offline,
}

impl OperatingStatus {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "UNKNOWN",
            Self::Online => "ONLINE",
            Self::Offline => "OFFLINE",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Unknown, Self::Online, Self::Offline].into_iter().find(|status| status.as_str() == text)
    }
}

/// The provisioning status of one object, with the generation of the load balancer that changed it last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    pub status: ProvisioningStatus,
    /// Why, when the status is [`ProvisioningStatus::Error`]; when it is pending, why it takes longer, or what was wrong
    /// before; when it is active, what does not get on, as a certificate that cannot be renewed.
    pub description: Option<String>,
    /// An outcome settles the object only when it is of this generation or a later one.
    pub changed: Generation,
}

impl Progress {
    /// Of an object that `generation` makes.
    #[must_use]
    pub const fn created(generation: Generation) -> Self {
        Self { status: ProvisioningStatus::PendingCreate, description: None, changed: generation }
    }

    /// Of an object that `generation` changes, whatever it was before: that is how an error is cleared.
    pub fn update(&mut self, generation: Generation) {
        *self = Self { status: ProvisioningStatus::PendingUpdate, description: None, changed: generation };
    }

    /// Something in the object changes with `generation`: it is done when that is. One that is being made goes on being so,
    /// and what was wrong with one is still said: it may be so again.
    pub fn touch(&mut self, generation: Generation) {
        let (status, description) = match self.status {
            ProvisioningStatus::PendingCreate => (ProvisioningStatus::PendingCreate, None),
            ProvisioningStatus::Error | ProvisioningStatus::PendingUpdate => {
                (ProvisioningStatus::PendingUpdate, self.description.take())
            }
            ProvisioningStatus::PendingDelete | ProvisioningStatus::Active => (ProvisioningStatus::PendingUpdate, None),
        };
        *self = Self { status, description, changed: generation };
    }

    /// The object is deployed as desired.
    pub fn succeed(&mut self) {
        self.status = ProvisioningStatus::Active;
        self.description = None;
    }

    /// The object could not be deployed.
    pub fn fail(&mut self, why: &str) {
        self.status = ProvisioningStatus::Error;
        self.description = Some(why.to_owned());
    }
}
