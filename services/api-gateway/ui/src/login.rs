//! Logging in and out. A password goes to Keystone and nowhere else.

use askama::Template;
use axum::http::HeaderMap;
use axum::{
    body::Bytes,
    extract::{Extension, State},
    http::{StatusCode, Uri},
    response::{Html, IntoResponse as _, Redirect, Response},
};
use ballast_service::{
    auth::{Denied, Person},
    config::AuthMode,
};

use crate::{
    Asked, Dashboard, forms,
    kept::{self, Kept},
    pages::Query,
    session::{self, Form, Session},
    shell::Shell,
    trouble::Trouble,
    visit,
};

/// Characters of a user's name, as Keystone has it at most.
const LONGEST: usize = 255;

/// The form, in each mode that has one.
#[derive(Default, Template)]
#[template(path = "login.html")]
struct Login<'a> {
    asks_for_password: bool,
    back: &'a str,
    /// What was wrong with the last attempt.
    wrong: Option<&'a str>,
    user: &'a str,
    domain: &'a str,
    /// What was written into a form before.
    kept: Vec<(String, String)>,
    /// Files and private keys were, which are not kept.
    is_partial: bool,
    /// Something was, which is too large to be kept.
    is_lost: bool,
}

impl Login<'_> {
    fn page(&self, status: StatusCode) -> Response {
        let main = self.render().unwrap_or_default();
        (status, Html(Shell::bare("Log in").around(&main))).into_response()
    }
}

pub(crate) async fn form(State(dashboard): State<Dashboard>, uri: Uri) -> Response {
    let query = Query::of(uri.query().unwrap_or_default());
    if dashboard.mode == AuthMode::None {
        return session::back(query.get("back")).into_response();
    }
    let asks_for_password = dashboard.mode == AuthMode::Keystone;
    Login { asks_for_password, back: query.get("back"), domain: "Default", ..Login::default() }.page(StatusCode::OK)
}

/// For who has sent a form when his session had ended; none: it was too large to be kept.
pub(crate) fn again(dashboard: &Dashboard, back: &str, kept: Option<&Kept>) -> Response {
    let login = Login {
        asks_for_password: dashboard.mode == AuthMode::Keystone,
        back,
        wrong: Some("Your session has ended."),
        domain: "Default",
        kept: kept::hidden(kept),
        is_partial: kept.is_some_and(Kept::is_partial),
        is_lost: kept.is_none(),
        ..Login::default()
    };
    login.page(StatusCode::UNAUTHORIZED)
}

pub(crate) async fn log_in(
    State(dashboard): State<Dashboard>,
    Extension(asked): Extension<Asked>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let form = Form::read(&body);
    // As it is remembered and logged: nobody is called longer.
    let user: String = form.get("user").chars().take(LONGEST).collect();
    let now = dashboard.clock.monotonic();
    let who = (asked.dialler, user.clone());
    if !dashboard.limiter.admits(&who, now) {
        tracing::warn!(user, from = ?asked.dialler, "logging in to the dashboard failed too often");
        return Trouble::TooMany.alone();
    }
    let session = match granted(&dashboard, &form).await {
        Ok(session) => session,
        Err(Denied::Unauthenticated) => {
            dashboard.limiter.failed(who, now);
            tracing::info!(user, from = ?asked.dialler, "somebody could not log in to the dashboard");
            return refused(&dashboard, &form, "That is not known here, or not any more.");
        }
        Err(denied) => return visit::refused(denied).alone(),
    };
    dashboard.limiter.succeeded(&who);
    tracing::info!(user, from = ?asked.dialler, "somebody logged in to the dashboard");
    let response = match Kept::sent_along(&form) {
        Some(kept) => forms::again(&dashboard, &session, (&headers, &asked), &kept).await,
        None => session::back(form.get("back")).into_response(),
    };
    session.onto(&dashboard, &asked, response).unwrap_or_else(|trouble| trouble.alone())
}

/// A session for what the form has: a token, or a user and a password.
async fn granted(dashboard: &Dashboard, form: &Form) -> Result<Session, Denied> {
    let token = form.get("token").trim();
    if dashboard.mode == AuthMode::Keystone && token.is_empty() {
        let person = Person { user: form.get("user"), domain: form.get("domain"), password: form.get("password") };
        if person.user.is_empty() || person.password.is_empty() {
            return Err(Denied::Unauthenticated);
        }
        let token = dashboard.authenticator.log_in(&person).await?;
        return Ok(Session { token, is_ours: true, ..Session::default() });
    }
    dashboard.authenticator.identify(token.as_bytes()).await?;
    Ok(Session { token: token.to_owned(), ..Session::default() })
}

fn refused(dashboard: &Dashboard, form: &Form, wrong: &str) -> Response {
    let asks_for_password = dashboard.mode == AuthMode::Keystone;
    let (user, domain) = (form.get("user"), form.get("domain"));
    let kept = Kept::sent_along(form);
    let (is_partial, kept) = (kept.as_ref().is_some_and(Kept::is_partial), kept::hidden(kept.as_ref()));
    let (back, wrong) = (form.get("back"), Some(wrong));
    let login = Login { asks_for_password, back, wrong, user, domain, kept, is_partial, is_lost: false };
    login.page(StatusCode::UNAUTHORIZED)
}

pub(crate) async fn log_out(
    State(dashboard): State<Dashboard>,
    Extension(asked): Extension<Asked>,
    headers: HeaderMap,
) -> Response {
    let session = Session::of(&dashboard, &headers, &asked);
    session.revoke(&dashboard).await;
    session::end(&asked, Redirect::to("/ui/login"))
}
