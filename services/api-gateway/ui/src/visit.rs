//! Who looks: a session becomes a caller, by the same authenticator as REST's tokens, at each request.

use axum::http::HeaderMap;
use ballast_service::{
    auth::{Denied, Roles},
    caller::{Call, Caller, ascii},
    config::AuthMode,
    rate::{Does, TooOften},
};

use crate::{
    Asked, Dashboard,
    session::{Session, Theme},
    trouble::Trouble,
};

/// Somebody who may look.
#[derive(Debug, Clone)]
pub(crate) struct Visitor {
    pub(crate) caller: Caller,
    /// None: nobody is asked for a name here.
    pub(crate) user: Option<String>,
    pub(crate) session: Session,
    pub(crate) theme: Theme,
    pub(crate) request_id: String,
}

impl Visitor {
    /// Who sends a request for this.
    ///
    /// # Errors
    /// Nobody vouches for him, or nobody can.
    pub(crate) async fn of(
        dashboard: &Dashboard,
        headers: &HeaderMap,
        asked: &Asked,
        action: &str,
    ) -> Result<Self, Trouble> {
        Self::with(dashboard, Session::of(dashboard, headers, asked), headers, (asked, action)).await
    }

    /// Who has this session.
    ///
    /// # Errors
    /// As [`Self::of`].
    pub(crate) async fn with(
        dashboard: &Dashboard,
        session: Session,
        headers: &HeaderMap,
        (asked, action): (&Asked, &str),
    ) -> Result<Self, Trouble> {
        let call = Call { request_id: asked.request_id.clone(), action: ascii(action.as_bytes()) };
        let theme = Theme::of(headers);
        // Only what is written may have to be asked of others in his name.
        let token = if action.starts_with("POST ") { session.token.as_bytes() } else { &[] };
        let request_id = asked.request_id.as_ref().and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned();
        if dashboard.mode == AuthMode::None {
            let caller = Caller::new(dashboard.project.clone(), Roles::ADMIN, None, call).with_token(token);
            return Ok(Self { caller, user: None, session, theme, request_id });
        }
        let identity = dashboard.authenticator.identify(session.token.as_bytes()).await.map_err(refused)?;
        let does = if action.starts_with("POST ") { Does::Writes } else { Does::Reads };
        let (is_admin, now) = (identity.roles.is_admin(), tokio::time::Instant::now());
        let taken = dashboard.rates.take(&identity.project_id, does, is_admin, now);
        taken.map_err(|TooOften { seconds }| Trouble::TooOften(seconds))?;
        let project = ascii(identity.project_id.as_bytes()).ok_or(Trouble::LogIn)?;
        let caller = Caller::new(project, identity.roles, Some(&identity.user), call).with_token(token);
        Ok(Self { caller, user: Some(identity.user.clone()), session, theme, request_id })
    }

    /// The project that is looked at, for requests; empty: all that the caller sees.
    pub(crate) fn scope(&self) -> String {
        if self.caller.is_admin() { self.session.project.clone() } else { String::new() }
    }

    /// How that is called.
    pub(crate) fn scope_shown(&self) -> &str {
        let own = self.caller.project().unwrap_or_default();
        match self.caller.is_admin() {
            true if self.session.project.is_empty() => "all projects",
            true => &self.session.project,
            false if self.session.project_name.is_empty() => own,
            false => &self.session.project_name,
        }
    }

    /// His token is of no project and gives no role: he has to choose.
    pub(crate) fn has_to_choose(&self) -> bool {
        self.caller.roles().are_none() && self.caller.project().is_none_or(str::is_empty)
    }
}

pub(crate) fn refused(denied: Denied) -> Trouble {
    match denied {
        Denied::Unauthenticated => Trouble::LogIn,
        Denied::Unavailable(why) => {
            tracing::warn!("who looks at the dashboard cannot be found out: {why}");
            Trouble::Away("The service that knows tokens does not answer.")
        }
    }
}
