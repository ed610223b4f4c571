//! A status, by shape, word and colour: who sees no colour loses nothing.

use askama::Template;
use ballast_proto::{
    v1::Liveness,
    v2::{AgentLiveness, OperatingStatus, ProvisioningStatus, Status},
};

/// Whether somebody has to do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tone {
    Bad,
    Warn,
    Busy,
    Idle,
    Good,
}

impl Tone {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Bad => "bad",
            Self::Warn => "warn",
            Self::Busy => "busy",
            Self::Idle => "idle",
            Self::Good => "good",
        }
    }

    pub(crate) const fn mark(self) -> &'static str {
        match self {
            Self::Bad => "✕",
            Self::Warn => "▲",
            Self::Busy => "◐",
            Self::Idle => "○",
            Self::Good => "●",
        }
    }
}

/// A status with a way to what it means.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(
    ext = "html",
    source = r#"<a class="badge {{ tone.name() }}" href="/ui/explain/{{ word }}"><span aria-hidden="true">{{ tone.mark() }}</span> {{ word }}</a>"#
)]
pub(crate) struct Badge {
    pub(crate) tone: Tone,
    pub(crate) word: &'static str,
}

impl Badge {
    pub(super) const fn new(tone: Tone, word: &'static str) -> Self {
        Self { tone, word }
    }

    pub(crate) fn operating(status: OperatingStatus) -> Self {
        match status {
            OperatingStatus::Unspecified => Self::new(Tone::Idle, "UNKNOWN"),
            OperatingStatus::Online => Self::new(Tone::Good, "ONLINE"),
            OperatingStatus::Offline => Self::new(Tone::Idle, "OFFLINE"),
            OperatingStatus::Degraded => Self::new(Tone::Warn, "DEGRADED"),
            OperatingStatus::Error => Self::new(Tone::Bad, "ERROR"),
            OperatingStatus::Draining => Self::new(Tone::Idle, "DRAINING"),
            OperatingStatus::NoMonitor => Self::new(Tone::Idle, "NO_MONITOR"),
        }
    }

    pub(crate) fn provisioning(status: ProvisioningStatus) -> Self {
        match status {
            ProvisioningStatus::Unspecified => Self::new(Tone::Idle, "UNKNOWN"),
            ProvisioningStatus::Active => Self::new(Tone::Good, "ACTIVE"),
            ProvisioningStatus::PendingCreate => Self::new(Tone::Busy, "PENDING_CREATE"),
            ProvisioningStatus::PendingUpdate => Self::new(Tone::Busy, "PENDING_UPDATE"),
            ProvisioningStatus::PendingDelete => Self::new(Tone::Busy, "PENDING_DELETE"),
            ProvisioningStatus::Error => Self::new(Tone::Bad, "ERROR"),
        }
    }

    pub(crate) fn liveness(liveness: Liveness) -> Self {
        match liveness {
            Liveness::Unspecified => Self::new(Tone::Idle, "UNKNOWN"),
            Liveness::Alive => Self::new(Tone::Good, "ALIVE"),
            Liveness::Suspect => Self::new(Tone::Warn, "SUSPECT"),
            Liveness::Dead => Self::new(Tone::Bad, "DEAD"),
        }
    }

    pub(crate) fn of_agent(liveness: AgentLiveness) -> Self {
        Self::liveness(match liveness {
            AgentLiveness::Unspecified => Liveness::Unspecified,
            AgentLiveness::Alive => Liveness::Alive,
            AgentLiveness::Suspect => Liveness::Suspect,
            AgentLiveness::Dead => Liveness::Dead,
        })
    }

    pub(crate) fn driver(state: &str) -> Self {
        match state {
            "READY" => Self::new(Tone::Good, "READY"),
            "STARTING" => Self::new(Tone::Busy, "STARTING"),
            "FAILED" => Self::new(Tone::Bad, "FAILED"),
            _ => Self::new(Tone::Idle, "UNKNOWN"),
        }
    }
}

/// Both statuses of an object, and why it is so.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(
    ext = "html",
    source = r#"{{ operating|safe }} {{ provisioning|safe }}{% if !why.is_empty() %} <span class="why"><bdi>{{ why }}</bdi></span>{% endif %}"#
)]
pub(crate) struct Statuses {
    pub(crate) operating: Badge,
    pub(crate) provisioning: Badge,
    pub(crate) why: String,
}

impl Statuses {
    pub(crate) fn of(status: Option<&Status>) -> Self {
        let unknown = Status::default();
        let status = status.unwrap_or(&unknown);
        Self {
            operating: Badge::operating(status.operating()),
            provisioning: Badge::provisioning(status.provisioning()),
            why: status.description.clone(),
        }
    }

    /// The worse of both.
    pub(crate) fn tone(&self) -> Tone {
        self.operating.tone.min(self.provisioning.tone)
    }
}
