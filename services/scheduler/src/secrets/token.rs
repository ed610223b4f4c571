//! The token of who calls, as long as his call lasts: for who has to ask another service in his name.
//!
//! It is in memory alone, of the call's own task and of what that leaves to be done at once, and neither logged nor kept.

use ballast_certificates::Zeroizing;

tokio::task_local! {
    static GIVEN: Given;
}

/// A token and what is known of whose it is.
#[derive(Clone, Default)]
pub struct Given {
    pub token: Zeroizing<String>,
    pub project_id: String,
}

/// Without the token.
impl std::fmt::Debug for Given {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Given").field("project_id", &self.project_id).finish_non_exhaustive()
    }
}

/// What runs in `call` may ask for the token.
pub async fn with_token<T>(given: Given, call: impl Future<Output = T>) -> T {
    GIVEN.scope(given, call).await
}

/// The caller's token; an empty one: none was given, or nobody calls.
#[must_use]
pub fn given() -> Given {
    GIVEN.try_with(Given::clone).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_is_there_during_the_call_alone_and_not_shown() {
        let given_by = Given { token: Zeroizing::new("s3cret".to_owned()), project_id: "p".to_owned() };
        let shown = format!("{given_by:?}");
        assert!(shown.contains('p') && !shown.contains("s3cret"), "{shown}");
        let inside = with_token(given_by, async { given() }).await;
        assert_eq!((inside.token.as_str(), inside.project_id.as_str()), ("s3cret", "p"));
        assert!(given().token.is_empty());
    }
}
