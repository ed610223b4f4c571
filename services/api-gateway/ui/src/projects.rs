//! Which project is looked at. An admin looks at one or at all; who has several in Keystone gets a token of another one.

use askama::Template;
use axum::{
    body::Bytes,
    extract::{Extension, State},
    http::HeaderMap,
    response::{Html, IntoResponse as _, Redirect, Response},
};
use ballast_proto::v2::ListQuotasRequest;
use ballast_service::auth::Denied;

use crate::{
    Asked, Dashboard, forms,
    kept::{self, Kept},
    session::{Form, Session},
    shell::Shell,
    trouble::Trouble,
    visit::{self, Visitor},
};

/// A project to choose.
struct Choice {
    id: String,
    name: String,
    is_chosen: bool,
}

#[derive(Template)]
#[template(path = "projects.html")]
struct Projects {
    /// Those of the person, from Keystone.
    own: Vec<Choice>,
    /// Those that an admin can look at.
    seen: Vec<Choice>,
    is_admin: bool,
    sees_all: bool,
    current: String,
    /// What was written into a form before.
    kept: Vec<(String, String)>,
    /// Files and private keys were, which are not kept.
    is_partial: bool,
}

const HERE: &str = "/ui/projects";

pub(crate) async fn show(
    State(dashboard): State<Dashboard>,
    Extension(asked): Extension<Asked>,
    headers: HeaderMap,
) -> Response {
    let visitor = match Visitor::of(&dashboard, &headers, &asked, "GET /ui/projects").await {
        Ok(visitor) => visitor,
        Err(trouble) => return trouble.respond(&dashboard, None, HERE),
    };
    ask(&dashboard, &visitor, None).await
}

/// The page on which one is chosen, before somebody goes on with what he has written.
pub(crate) async fn ask(dashboard: &Dashboard, visitor: &Visitor, kept: Option<&Kept>) -> Response {
    match projects(dashboard, visitor).await {
        Ok(projects) => {
            let is_partial = kept.is_some_and(Kept::is_partial);
            let main = Projects { kept: kept::hidden(kept), is_partial, ..projects }.render().unwrap_or_default();
            Html(Shell::of(visitor, "Projects", HERE).around(&main)).into_response()
        }
        Err(trouble) => trouble.respond(dashboard, Some(visitor), HERE),
    }
}

async fn projects(dashboard: &Dashboard, visitor: &Visitor) -> Result<Projects, Trouble> {
    let own = dashboard.authenticator.projects(visitor.session.source()).await.map_err(visit::refused)?;
    let current = visitor.caller.project().unwrap_or_default();
    let choice = |project: ballast_service::auth::Project| Choice {
        is_chosen: project.id == current,
        id: project.id,
        name: project.name,
    };
    let is_admin = visitor.caller.is_admin();
    let mut seen = Vec::new();
    if is_admin {
        let request = visitor.caller.request(ListQuotasRequest::default());
        let quotas = dashboard.scheduler.quotas().list(request).await?.into_inner().quotas;
        seen = quotas.into_iter().map(|quota| quota.project_id).filter(|id| !id.is_empty()).collect();
        seen.sort();
        seen.dedup();
    }
    let seen = seen.into_iter().map(|id| Choice { is_chosen: id == visitor.session.project, name: id.clone(), id });
    Ok(Projects {
        own: own.into_iter().map(choice).collect(),
        seen: seen.collect(),
        is_admin,
        sees_all: is_admin && visitor.session.project.is_empty(),
        current: visitor.scope_shown().to_owned(),
        kept: Vec::new(),
        is_partial: false,
    })
}

/// `token_of` is a project for which another token is asked, `only` one that an admin wants to see; empty: all.
pub(crate) async fn choose(
    State(dashboard): State<Dashboard>,
    Extension(asked): Extension<Asked>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let visitor = match Visitor::of(&dashboard, &headers, &asked, "POST /ui/project").await {
        Ok(visitor) => visitor,
        Err(trouble) => return trouble.respond(&dashboard, None, HERE),
    };
    let form = Form::read(&body);
    let chosen = match form.get("token_of") {
        "" if visitor.caller.is_admin() => {
            Ok(Session { project: form.get("only").to_owned(), ..visitor.session.clone() })
        }
        "" => Err(Trouble::NotFound),
        project => another_token(&dashboard, &visitor, project, form.get("name")).await,
    };
    let session = match chosen {
        Ok(session) => session,
        Err(trouble) => return trouble.respond(&dashboard, Some(&visitor), HERE),
    };
    let response = match Kept::sent_along(&form) {
        Some(kept) => forms::again(&dashboard, &session, (&headers, &asked), &kept).await,
        None => Redirect::to("/ui/").into_response(),
    };
    let response = session.onto(&dashboard, &asked, response);
    response.unwrap_or_else(|trouble| trouble.respond(&dashboard, Some(&visitor), HERE))
}

async fn another_token(
    dashboard: &Dashboard,
    visitor: &Visitor,
    project: &str,
    name: &str,
) -> Result<Session, Trouble> {
    let old = &visitor.session;
    let token = dashboard.authenticator.scope(old.source(), project).await.map_err(|denied| match denied {
        Denied::Unauthenticated => Trouble::NotFound,
        denied => visit::refused(denied),
    })?;
    let is_root_ours = if old.root.is_empty() { old.is_ours } else { old.is_root_ours };
    if !old.root.is_empty() {
        // That of the former project. What all come of stays.
        Session { is_root_ours: false, ..old.clone() }.revoke(dashboard).await;
    }
    Ok(Session {
        token,
        is_ours: true,
        root: old.source().to_owned(),
        is_root_ours,
        project: String::new(),
        project_name: name.to_owned(),
    })
}
