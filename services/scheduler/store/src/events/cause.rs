//! Why objects change: who wanted it, and by what.
//!
//! A cause goes along with the task that writes, as a span does, and not through every function on the way: it concerns
//! each write alike, and no rule looks at it. So no write can forget it. What runs without one is the scheduler's own
//! doing.

use std::sync::Arc;

use ballast_model::time::Timestamp;
use serde::{Deserialize, Serialize};

tokio::task_local! {
    static CAUSE: Arc<Cause>;
}

/// Who changed something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// Somebody who called the API.
    User,
    /// An agent, by what it reported.
    Agent,
    #[default]
    Scheduler,
}

/// Why something changed. Names are short, as they are stored with each change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Cause {
    pub by: By,
    /// The user's name, or the agent's host; empty: not known, or nobody.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub who: String,
    /// Of a user.
    #[serde(rename = "project", skip_serializing_if = "String::is_empty")]
    pub project_id: String,
    /// The call, or what else was done.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub what: String,
    /// Of a call.
    #[serde(rename = "request", skip_serializing_if = "String::is_empty")]
    pub request_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settled: Option<Settled>,
}

/// The end of a deploy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Settled {
    pub generation: u64,
    /// Microseconds from the oldest write that it settles.
    #[serde(rename = "us", skip_serializing_if = "Option::is_none")]
    pub took: Option<u64>,
    /// As the driver says it; empty: it does not.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub effect: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub failed: bool,
}

/// When something changed, and why; without a cause it is the scheduler's own doing. What an older release has written
/// has no time either.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Why {
    pub at: Option<Timestamp>,
    pub cause: Option<Arc<Cause>>,
}

/// `work`, whose writes have this cause.
pub async fn because<F: Future>(cause: Arc<Cause>, work: F) -> F::Output {
    CAUSE.scope(cause, work).await
}

/// The cause of what this task writes. None: it is the scheduler's own doing.
pub(super) fn present() -> Option<Arc<Cause>> {
    CAUSE.try_with(Arc::clone).ok()
}

impl Cause {
    /// As it is stored.
    pub(crate) fn to_text(&self) -> Option<String> {
        serde_json::to_string(self).ok()
    }

    /// None: it is of a later release.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_cause_is_of_what_runs_under_it_and_is_stored_in_few_words() {
        let asked = Arc::new(Cause { by: By::User, who: "alice".to_owned(), ..Cause::default() });
        let inner = Arc::new(Cause {
            by: By::Agent,
            settled: Some(Settled { generation: 7, ..Settled::default() }),
            ..Cause::default()
        });
        because(Arc::clone(&asked), async {
            assert_eq!(present().as_ref(), Some(&asked));
            because(Arc::clone(&inner), async { assert_eq!(present().as_ref(), Some(&inner)) }).await;
            assert_eq!(present().as_ref(), Some(&asked));
        })
        .await;
        assert_eq!(present(), None);
        let text = inner.to_text().unwrap();
        assert_eq!(text, r#"{"by":"agent","settled":{"generation":7}}"#);
        assert_eq!(Cause::parse(&text).as_ref(), Some(&*inner));
        assert_eq!(Cause::parse("{\"by\":\"somebody\"}"), None);
    }
}
