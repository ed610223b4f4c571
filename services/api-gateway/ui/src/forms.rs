//! Forms, by which something is made, changed or deleted. Each stands beside what it would do, which is asked of the
//! scheduler as a write that is only checked; what the scheduler refuses stands at the field that it names.
//!
//! A form works without script: its first button checks, its second one makes. The script checks while a person writes.

mod asking;
mod certificates;
mod create;
mod delete;
mod draft;
mod edit;
mod fields;
mod listeners;
mod members;
mod monitors;
mod policies;
mod pools;
mod rollback;
mod rules;
mod tls;
mod what;
mod write;

use askama::Template;
use axum::{
    body::{Body, Bytes},
    extract::{Extension, State},
    http::{HeaderMap, StatusCode, Uri},
    response::{Html, IntoResponse as _, Redirect, Response},
};
use ballast_proto::v2::{LookAtSecretsRequest, PreviewRequest, preview_request::Change};
use tonic::Status;

pub(crate) use self::what::What;
use self::{asking::Asking, draft::Draft};
use crate::{
    Asked, Dashboard,
    kept::Kept,
    login,
    pages::Query,
    projects,
    sent::Sent,
    session::{self, Form, Session},
    shell::Shell,
    trouble::Trouble,
    view::{plan::Plan, same::Same},
    visit::Visitor,
};

/// What a form is answered with.
enum Answer {
    Page(StatusCode, String, String),
    Done(String),
}

pub(crate) async fn show(
    State(dashboard): State<Dashboard>,
    Extension(asked): Extension<Asked>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    respond(&dashboard, (&asked, &headers, &uri), None).await
}

pub(crate) async fn take(
    State(dashboard): State<Dashboard>,
    Extension(asked): Extension<Asked>,
    headers: HeaderMap,
    uri: Uri,
    body: Body,
) -> Response {
    let has_files = What::of(uri.path()).is_some_and(What::has_files);
    match Sent::read(&headers, body, has_files).await {
        Ok(sent) => respond(&dashboard, (&asked, &headers, &uri), Some(sent)).await,
        Err(trouble) => trouble.alone(),
    }
}

async fn respond(
    dashboard: &Dashboard,
    (asked, headers, uri): (&Asked, &HeaderMap, &Uri),
    sent: Option<Sent>,
) -> Response {
    let here = uri.path_and_query().map_or("/ui/", |here| here.as_str());
    let method = if sent.is_some() { "POST" } else { "GET" };
    match Visitor::of(dashboard, headers, asked, &format!("{method} {}", uri.path())).await {
        Ok(visitor) if visitor.has_to_choose() => match sent.and_then(|sent| Kept::of(here, sent.form)) {
            Some(kept) => projects::ask(dashboard, &visitor, Some(&kept)).await,
            None => Redirect::to("/ui/projects").into_response(),
        },
        Ok(visitor) => answered(dashboard, &visitor, (asked, here), sent).await,
        // What was written is not lost by it.
        Err(Trouble::LogIn) if sent.is_some() => {
            login::again(dashboard, here, sent.and_then(|sent| Kept::of(here, sent.form)).as_ref())
        }
        Err(trouble) => trouble.respond(dashboard, None, here),
    }
}

/// Looks at what others keep, as a Barbican, and leads back.
pub(crate) async fn look(
    State(dashboard): State<Dashboard>,
    Extension(asked): Extension<Asked>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let here = "/ui/certificates";
    let visitor = match Visitor::of(&dashboard, &headers, &asked, "POST /ui/certificates/look").await {
        Ok(visitor) if visitor.has_to_choose() => return Redirect::to("/ui/projects").into_response(),
        Ok(visitor) => visitor,
        Err(trouble) => return trouble.respond(&dashboard, None, here),
    };
    if !visitor.caller.roles().may_write() {
        return Trouble::ReadOnly.respond(&dashboard, Some(&visitor), here);
    }
    let request = visitor.caller.request(LookAtSecretsRequest { project_id: visitor.scope() });
    match dashboard.scheduler.certificates().look_at_secrets(request).await {
        Ok(_) => session::back(Form::read(&body).get("back")).into_response(),
        Err(status) => Trouble::from(status).respond(&dashboard, Some(&visitor), here),
    }
}

/// The form that somebody wrote before he was known again, as he wrote it.
pub(crate) async fn again(
    dashboard: &Dashboard,
    session: &Session,
    (headers, asked): (&HeaderMap, &Asked),
    kept: &Kept,
) -> Response {
    let action = format!("POST {}", kept.path().split('?').next().unwrap_or_default());
    match Visitor::with(dashboard, session.clone(), headers, (asked, &action)).await {
        Ok(visitor) if visitor.has_to_choose() => projects::ask(dashboard, &visitor, Some(kept)).await,
        Ok(visitor) => answered(dashboard, &visitor, (asked, kept.path()), Some(kept.form().into())).await,
        Err(trouble) => trouble.alone(),
    }
}

/// The form of an address of the dashboard, for somebody who may look.
async fn answered(
    dashboard: &Dashboard,
    visitor: &Visitor,
    (asked, here): (&Asked, &str),
    sent: Option<Sent>,
) -> Response {
    let (path, query) = here.split_once('?').unwrap_or((here, ""));
    let (sent, material) = sent.map_or_else(Default::default, |Sent { form, material }| (Some(form), material));
    let written = sent.clone();
    let asking = Asking { dashboard, visitor, asked, query: Query::of(query), sent, material };
    match Box::pin(answer(&asking, path)).await {
        Ok(Answer::Done(path)) => Redirect::to(&path).into_response(),
        Ok(Answer::Page(status, title, main)) => {
            (status, Html(Shell::of(visitor, &title, here).around(&main))).into_response()
        }
        Err(trouble @ Trouble::Away(_)) if written.is_some() => {
            let is_partial = What::of(path).is_some_and(What::has_files);
            let fields = written.map(Form::into_pairs).unwrap_or_default();
            let main = Waiting { action: here, fields, is_partial };
            let main = main.render().unwrap_or_default();
            (trouble.status(), Html(Shell::of(visitor, trouble.title(), here).around(&main))).into_response()
        }
        Err(trouble) => trouble.respond(dashboard, Some(visitor), here),
    }
}

/// What was sent, when nobody is there who could take it.
#[derive(Template)]
#[template(path = "waiting.html")]
struct Waiting<'a> {
    action: &'a str,
    fields: Vec<(String, String)>,
    /// Files and private keys were sent, which are not kept.
    is_partial: bool,
}

async fn answer(asking: &Asking<'_>, path: &str) -> Result<Answer, Trouble> {
    let what = What::of(path).ok_or(Trouble::NotFound)?;
    let mut draft = what.draft(asking).await?;
    let mut status = StatusCode::OK;
    if asking.is_wanted() && !draft.sheet.is_wrong() {
        match make(asking, &draft).await {
            Ok(path) => return Ok(Answer::Done(path)),
            Err(refused) => draft.blame(&refused)?,
        }
    }
    if asking.is_wanted() {
        status = StatusCode::UNPROCESSABLE_ENTITY;
    }
    let plan = plan(asking, &mut draft).await?;
    let page = draft.page(path.to_owned(), plan);
    let main = page.render().map_err(|error| {
        tracing::error!(%error, "a form could not be written");
        Trouble::Broken
    })?;
    Ok(Answer::Page(status, page.title, main))
}

/// Does all of it; where it leads.
async fn make(asking: &Asking<'_>, draft: &Draft) -> Result<String, Status> {
    if let Some(keeping) = &draft.keeping {
        let made = certificates::make(asking, keeping).await?;
        return Ok(made.or_else(|| draft.leads_to.clone()).unwrap_or_else(|| draft.back.clone()));
    }
    let mut made = None;
    for change in &draft.writes {
        made = write::make(asking, change.clone()).await?.or(made);
    }
    let made = made.map(|id| crate::view::parts::path_of(&id));
    Ok(draft.leads_to.clone().or(made).unwrap_or_else(|| draft.back.clone()))
}

/// What it would do, or why not.
async fn plan(asking: &Asking<'_>, draft: &mut Draft) -> Result<Plan, Trouble> {
    if draft.sheet.is_wrong() {
        return Ok(Plan::refused(&draft.sheet));
    }
    if let Some(keeping) = draft.keeping.take() {
        return certificates::plan(asking, draft, &keeping).await;
    }
    let Some(first) = draft.writes.first() else { return Ok(Plan::idle(draft.idle)) };
    let change = draft.foreseen.clone().unwrap_or_else(|| first.clone());
    match foreseen(asking, first, change).await {
        Ok((preview, made)) => {
            let is_open = asking.dashboard.mode == ballast_service::config::AuthMode::None;
            let same = Same::of(&draft.writes, &draft.within, &asking.asked.origin, is_open);
            Ok(Plan::of(&draft.sheet, preview, made.as_ref()).same(same))
        }
        Err(status) => refused(asking, draft, &status),
    }
}

/// Why it cannot be done.
fn refused(asking: &Asking<'_>, draft: &mut Draft, status: &Status) -> Result<Plan, Trouble> {
    draft.blame(status)?;
    // Whoever has not written anything yet has done nothing wrong.
    if asking.sent.is_none() && !draft.is_danger {
        draft.sheet.forgive();
        return Ok(Plan::idle("Fill in the form: what it would do stands here then."));
    }
    Ok(Plan::refused(&draft.sheet))
}

/// What the scheduler says of it; and of something whole that is new, what is chosen for it.
async fn foreseen(
    asking: &Asking<'_>,
    first: &Change,
    change: Change,
) -> Result<(ballast_proto::v2::Preview, Option<ballast_proto::v2::LoadBalancer>), Status> {
    let mut client = asking.dashboard.scheduler.load_balancers();
    let made = match first {
        Change::CreateLoadBalancer(request) => {
            let checked = ballast_proto::v2::CreateLoadBalancerRequest { validate_only: true, ..request.clone() };
            Some(client.create(asking.request(checked)).await?.into_inner())
        }
        _ => None,
    };
    let preview = client.preview(asking.request(PreviewRequest { change: Some(change) })).await?.into_inner();
    Ok((preview, made))
}
