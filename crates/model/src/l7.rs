//! Layer 7: policies of a listener, and the rules that say which requests they are for.

mod expression;
mod rule;

pub use rule::{CompareType, L7Rule, RuleType};

use crate::{
    counters::Generation,
    fault::{Fault, Routing},
    ids::{L7PolicyId, L7RuleId, PoolId},
    labels::Labels,
    parts::Parts,
    status::Progress,
};

/// How many rules a policy may have.
pub const MOST_RULES: usize = 50;

/// What is done with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum L7Action {
    Reject,
    RedirectToUrl {
        url: String,
        http_code: u16,
    },
    RedirectToPool(PoolId),
    /// To this, and behind it the path and query that were asked for.
    RedirectPrefix {
        prefix: String,
        http_code: u16,
    },
}

/// The codes of redirects.
pub const REDIRECT_CODES: [u16; 5] = [301, 302, 303, 307, 308];
pub const DEFAULT_REDIRECT_CODE: u16 = 302;

impl L7Action {
    pub const NAMES: [&str; 4] = ["REJECT", "REDIRECT_TO_URL", "REDIRECT_TO_POOL", "REDIRECT_PREFIX"];

    /// Its name in v2.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Reject => "REJECT",
            Self::RedirectToUrl { .. } => "REDIRECT_TO_URL",
            Self::RedirectToPool(_) => "REDIRECT_TO_POOL",
            Self::RedirectPrefix { .. } => "REDIRECT_PREFIX",
        }
    }

    /// The pool that it sends requests to.
    #[must_use]
    pub const fn pool_id(&self) -> Option<PoolId> {
        match self {
            Self::RedirectToPool(id) => Some(*id),
            Self::Reject | Self::RedirectToUrl { .. } | Self::RedirectPrefix { .. } => None,
        }
    }

    /// The code of its redirect.
    #[must_use]
    pub const fn http_code(&self) -> Option<u16> {
        match self {
            Self::RedirectToUrl { http_code, .. } | Self::RedirectPrefix { http_code, .. } => Some(*http_code),
            Self::Reject | Self::RedirectToPool(_) => None,
        }
    }
}

/// A policy of a listener. Its position is its place among the listener's policies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct L7Policy {
    pub id: L7PolicyId,
    pub project_id: String,
    pub name: String,
    pub description: String,
    pub action: L7Action,
    pub admin_state_up: bool,
    /// All must match.
    pub rules: Parts<L7Rule>,
    pub labels: Labels,
    pub progress: Progress,
}

impl L7Policy {
    /// One with the defaults of everything else.
    #[must_use]
    pub fn new(id: L7PolicyId, project_id: String, action: L7Action) -> Self {
        Self {
            id,
            project_id,
            name: String::new(),
            description: String::new(),
            action,
            admin_state_up: true,
            rules: Parts::default(),
            labels: Labels::default(),
            progress: Progress::created(Generation::FIRST),
        }
    }

    /// Whether it does anything: one without rules matches nothing.
    #[must_use]
    pub fn acts(&self) -> bool {
        self.admin_state_up && self.rules.iter().any(|rule| rule.admin_state_up)
    }

    /// One of its rules.
    #[must_use]
    pub fn rule(&self, id: L7RuleId) -> Option<&L7Rule> {
        self.rules.iter().find(|rule| rule.id == id)
    }

    /// Refuses one more rule than it may have.
    pub(crate) fn check_rules(&self) -> Result<(), Fault> {
        if self.rules.len() <= MOST_RULES {
            return self.rules.iter().try_for_each(L7Rule::check);
        }
        let most = u32::try_from(MOST_RULES).unwrap_or(u32::MAX);
        Err(Routing::RulesFull { l7policy_id: self.id, most }.into())
    }
}
