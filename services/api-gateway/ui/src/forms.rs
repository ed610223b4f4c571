//! Forms, by which something is made, changed or deleted. Each stands beside what it would do, which is asked of the
//! scheduler as a write that is only checked; what the scheduler refuses stands at the field that it names.
//!
//! A form works without script: its first button checks, its second one makes. The script checks while a person writes.

mod create;
mod delete;
mod edit;
mod members;
mod write;

use askama::Template;
use axum::{
    body::Bytes,
    extract::{Extension, State},
    http::{HeaderMap, StatusCode, Uri},
    response::{Html, IntoResponse as _, Redirect, Response},
};
use ballast_proto::{
    status::{Received, fault::Code, from_status},
    v2::{PreviewRequest, preview_request::Change},
};
use tonic::Status;

use self::write::Write;
use crate::{
    Asked, Dashboard,
    pages::{Query, parts::Reader},
    session::Form,
    shell::Shell,
    trouble::Trouble,
    view::{form::FormPage, plan::Plan, sheet::Sheet},
    visit::Visitor,
};

/// What a form is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    New,
    Edit(String),
    Delete(String),
    Listener(String, String),
    Pool(String, String),
    Monitor(String, String),
    AddMembers(String, String),
    ChangeMembers(String, String),
}

impl What {
    /// By its path. None: there is no such form.
    fn of(path: &str) -> Option<Self> {
        let below = path.strip_prefix("/ui/")?;
        let parts: Vec<&str> = below.split('/').collect();
        let (id, part) = (parts.get(1), parts.get(3));
        let one = || id.map(|id| (*id).to_owned());
        let both = || Some(((*id?).to_owned(), (*part?).to_owned()));
        match parts.as_slice() {
            ["new"] => Some(Self::New),
            ["load-balancers", _, "edit"] => one().map(Self::Edit),
            ["load-balancers", _, "delete"] => one().map(Self::Delete),
            ["load-balancers", _, "listeners", _, "edit"] => both().map(|(id, part)| Self::Listener(id, part)),
            ["load-balancers", _, "pools", _, "edit"] => both().map(|(id, part)| Self::Pool(id, part)),
            ["load-balancers", _, "monitors", _, "edit"] => both().map(|(id, part)| Self::Monitor(id, part)),
            ["load-balancers", _, "pools", _, "members", "new"] => both().map(|(id, part)| Self::AddMembers(id, part)),
            ["load-balancers", _, "pools", _, "members", "change"] => {
                both().map(|(id, part)| Self::ChangeMembers(id, part))
            }
            _ => None,
        }
    }

    async fn draft(&self, asking: &Asking<'_>) -> Result<Draft, Trouble> {
        match self {
            Self::New => create::draft(asking).await,
            Self::Edit(id) => edit::load_balancer(asking, id).await,
            Self::Delete(id) => delete::draft(asking, id).await,
            Self::Listener(id, part) => edit::listener(asking, id, part).await,
            Self::Pool(id, part) => edit::pool(asking, id, part).await,
            Self::Monitor(id, part) => edit::monitor(asking, id, part).await,
            Self::AddMembers(id, part) => members::add(asking, id, part).await,
            Self::ChangeMembers(id, part) => members::change(asking, id, part).await,
        }
    }
}

/// What a form is made with.
struct Asking<'a> {
    dashboard: &'a Dashboard,
    visitor: &'a Visitor,
    query: Query,
    /// None: it is shown for the first time.
    sent: Option<Form>,
}

impl Asking<'_> {
    /// What was sent, or at first stands in the address.
    fn get(&self, name: &str) -> &str {
        self.sent.as_ref().map_or_else(|| self.query.get(name), |form| form.get(name))
    }

    fn all(&self, name: &str) -> Vec<String> {
        let all: Vec<&str> = match &self.sent {
            Some(form) => form.all(name).collect(),
            None => self.query.all(name).collect(),
        };
        all.into_iter().map(str::to_owned).collect()
    }

    fn request<M>(&self, message: M) -> tonic::Request<M> {
        self.visitor.caller.request(message)
    }

    const fn reader(&self) -> Reader<'_> {
        Reader { dashboard: self.dashboard, visitor: self.visitor }
    }
}

/// A form, and what it would do as it is filled in.
struct Draft {
    title: String,
    remarks: Vec<String>,
    objects: Vec<String>,
    hidden: Vec<(&'static str, String)>,
    sheet: Sheet,
    verb: &'static str,
    is_danger: bool,
    back: String,
    /// One after the other. None: nothing is to be done.
    writes: Vec<Write>,
    /// The change that stands for all writes, where they are several.
    foreseen: Option<Change>,
    /// What is said while nothing is to be done.
    idle: &'static str,
    /// Where it leads when it is done; none: to what was made.
    leads_to: Option<String>,
    /// What the scheduler calls a field, and what this form does.
    aliases: &'static [(&'static str, &'static str)],
    /// Hidden fields that take the place of those sent, where the object was changed meanwhile or the request was used.
    renewed: Vec<(&'static str, String)>,
}

impl Draft {
    fn new(title: String, back: String, sheet: Sheet) -> Self {
        Self {
            title,
            remarks: Vec::new(),
            objects: Vec::new(),
            hidden: Vec::new(),
            sheet,
            verb: "Save",
            is_danger: false,
            leads_to: Some(back.clone()),
            back,
            writes: Vec::new(),
            foreseen: None,
            idle: "Nothing changes.",
            aliases: &[],
            renewed: Vec::new(),
        }
    }

    /// What a write that was refused says, at its field.
    ///
    /// # Errors
    /// It is of no field, and the form is no answer to it.
    fn blame(&mut self, status: &Status) -> Result<(), Trouble> {
        let told = from_status(status);
        let trouble = Trouble::from(status.clone());
        let of_code = field_of(told.code());
        match trouble {
            Trouble::Faulty(_) => {}
            Trouble::NotFound if of_code.is_some() || told.code() == Code::FeatureNotSupported => {}
            Trouble::Away(_) => {
                self.sheet
                    .blame("", "The scheduler does not answer. Send it again when it does: nothing is made twice.");
                return Ok(());
            }
            other => return Err(other),
        }
        if matches!(told.code(), Code::EtagMismatch | Code::RequestIdReused) {
            let renewed = std::mem::take(&mut self.renewed);
            self.hidden.retain(|(name, _)| renewed.iter().all(|(new, _)| new != name));
            self.hidden.extend(renewed);
        }
        let text = match told.code() {
            Code::EtagMismatch => {
                "It was changed since this form was made. Look at what would change now, and send it again."
            }
            Code::RequestIdReused => "What this form was made for is made already. Send it again to make another one.",
            _ => status.message(),
        };
        let named = match &told {
            Received::Fault(fault) => fault.field(),
            Received::Worded { .. } => None,
        };
        let name = named.or(of_code).unwrap_or_default();
        let own = self.aliases.iter().find(|(wire, _)| *wire == name).map_or(name, |(_, own)| *own);
        self.sheet.blame(own, text);
        Ok(())
    }

    fn page(self, action: String, plan: Plan) -> FormPage {
        FormPage {
            title: self.title,
            remarks: self.remarks,
            objects: self.objects,
            action,
            hidden: self.hidden,
            sheet: self.sheet.pointed(),
            verb: self.verb,
            is_danger: self.is_danger,
            back: self.back,
            plan,
        }
    }
}

/// The field that is at fault with what names none.
const fn field_of(code: Code) -> Option<&'static str> {
    match code {
        Code::AddressNotInSubnet | Code::AddressInUse => Some("address"),
        Code::SubnetFull | Code::SubnetNotFound => Some("subnet_id"),
        Code::ProviderNotFound | Code::DefaultProviderNotFound => Some("provider"),
        Code::DelayOrTimeoutInvalid => Some("timeout"),
        Code::MemberExists => Some("members"),
        Code::ConflictingObjects => Some("protocol_port"),
        Code::ProtocolMismatch => Some("default_pool_id"),
        _ => None,
    }
}

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
    body: Bytes,
) -> Response {
    respond(&dashboard, (&asked, &headers, &uri), Some(Form::read(&body))).await
}

async fn respond(
    dashboard: &Dashboard,
    (asked, headers, uri): (&Asked, &HeaderMap, &Uri),
    sent: Option<Form>,
) -> Response {
    let here = uri.path_and_query().map_or("/ui/", |here| here.as_str());
    let method = if sent.is_some() { "POST" } else { "GET" };
    let visitor = match Visitor::of(dashboard, headers, asked, &format!("{method} {}", uri.path())).await {
        Ok(visitor) if visitor.has_to_choose() => return Redirect::to("/ui/projects").into_response(),
        Ok(visitor) => visitor,
        Err(trouble) => return trouble.respond(dashboard, None, here),
    };
    let kept = sent.clone();
    let asking = Asking { dashboard, visitor: &visitor, query: Query::of(uri.query().unwrap_or_default()), sent };
    match Box::pin(answer(&asking, uri.path())).await {
        Ok(Answer::Done(path)) => Redirect::to(&path).into_response(),
        Ok(Answer::Page(status, title, main)) => {
            (status, Html(Shell::of(&visitor, &title, here).around(&main))).into_response()
        }
        Err(trouble @ Trouble::Away(_)) if kept.is_some() => {
            let main = Kept { action: here, fields: kept.map(Form::into_pairs).unwrap_or_default() };
            let main = main.render().unwrap_or_default();
            (trouble.status(), Html(Shell::of(&visitor, trouble.title(), here).around(&main))).into_response()
        }
        Err(trouble) => trouble.respond(dashboard, Some(&visitor), here),
    }
}

/// What was sent, when nobody is there who could take it.
#[derive(Template)]
#[template(path = "kept.html")]
struct Kept<'a> {
    action: &'a str,
    fields: Vec<(String, String)>,
}

async fn answer(asking: &Asking<'_>, path: &str) -> Result<Answer, Trouble> {
    let what = What::of(path).ok_or(Trouble::NotFound)?;
    let mut draft = what.draft(asking).await?;
    let is_wanted = asking.get("do") == "make" && asking.sent.is_some();
    let mut status = StatusCode::OK;
    if is_wanted && !draft.sheet.is_wrong() {
        match make(asking, &draft).await {
            Ok(path) => return Ok(Answer::Done(path)),
            Err(refused) => draft.blame(&refused)?,
        }
    }
    if is_wanted {
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
    let mut made = None;
    for write in &draft.writes {
        made = write.make(asking).await?.or(made);
    }
    let made = made.map(|id| crate::view::parts::path_of(&id));
    Ok(draft.leads_to.clone().or(made).unwrap_or_else(|| draft.back.clone()))
}

/// What it would do, or why not.
async fn plan(asking: &Asking<'_>, draft: &mut Draft) -> Result<Plan, Trouble> {
    if draft.sheet.is_wrong() {
        return Ok(Plan::refused(&draft.sheet));
    }
    let Some(first) = draft.writes.first() else { return Ok(Plan::idle(draft.idle)) };
    let change = draft.foreseen.clone().unwrap_or_else(|| first.change());
    let mut client = asking.dashboard.scheduler.load_balancers();
    let made = match first.checked() {
        Some(request) => client.create(asking.request(request)).await.map(|made| Some(made.into_inner())),
        None => Ok(None),
    };
    let foreseen = match made {
        Ok(made) => {
            let request = asking.request(PreviewRequest { change: Some(change) });
            client.preview(request).await.map(|preview| (preview.into_inner(), made))
        }
        Err(status) => Err(status),
    };
    match foreseen {
        Ok((preview, made)) => Ok(Plan::of(&draft.sheet, preview, made.as_ref())),
        Err(status) => {
            draft.blame(&status)?;
            // Whoever has not written anything yet has done nothing wrong.
            if asking.sent.is_none() {
                draft.sheet.forgive();
                return Ok(Plan::idle("Fill in the form: what it would do stands here then."));
            }
            Ok(Plan::refused(&draft.sheet))
        }
    }
}

/// Forms are of who may write.
fn must_write(asking: &Asking<'_>) -> Result<(), Trouble> {
    if asking.visitor.caller.roles().may_write() { Ok(()) } else { Err(Trouble::ReadOnly) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_the_table_is_one_and_nothing_else_is() {
        let forms = crate::ROUTES.iter().filter(|route| route.action.starts_with("ui_form_"));
        let mut count = 0;
        for route in forms {
            assert!(What::of(&route.path.replace(['{', '}'], "")).is_some(), "{}", route.path);
            count += 1;
        }
        assert_eq!(count, 16);
        for path in ["/ui/", "/ui/new/", "/ui/load-balancers/x", "/ui/load-balancers/x/pools/y/members", "/ui/x/y/edit"]
        {
            assert!(What::of(path).is_none(), "{path}");
        }
    }

    #[test]
    fn what_is_refused_stands_at_the_field_that_it_is_of() {
        use ballast_proto::status::{
            fault::{Fault, Missing},
            to_status,
        };

        use crate::view::sheet::{Field, Group, Input};
        let draft = || {
            let fields = ["name", "provider", "cookie_name"].map(|name| Field::new(name, name, Input::Text)).to_vec();
            let sheet = Sheet::of(vec![Group::new("All", fields)], None);
            Draft { aliases: &[("description", "cookie_name")], ..Draft::new(String::new(), String::new(), sheet) }
        };
        let wrongs = |fault: Fault| {
            let mut draft = draft();
            draft.blame(&to_status(&fault)).unwrap();
            draft.sheet.wrongs()
        };
        let missing = Missing::Provider { provider: "x".to_owned() };
        assert_eq!(wrongs(Fault::missing_field("name"))[0], ("name", "name is missing.".to_owned()));
        assert_eq!(wrongs(missing.into())[0].0, "provider");
        assert_eq!(wrongs(Fault::missing_field("description"))[0].0, "cookie_name");
        assert_eq!(wrongs(Fault::missing_field("nosuch"))[0].0, "", "of all of it");
        let gone = Fault::not_found(ballast_proto::status::fault::Kind::LoadBalancer, "x");
        assert_eq!(draft().blame(&to_status(&gone)), Err(Trouble::NotFound));
    }
}
