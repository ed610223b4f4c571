//! What is shown instead of a page.

use askama::Template;
use axum::{
    http::{StatusCode, header},
    response::{Html, IntoResponse as _, Redirect, Response},
};
use ballast_proto::status::{fault::Code, from_status};
use ballast_service::config::AuthMode;
use tonic::Status;

use crate::{Dashboard, shell::Shell, visit::Visitor};

/// Why there is no page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Nobody is logged in, or not any more.
    LogIn,
    /// There is no such thing, or it is not for this one to see.
    NotFound,
    /// What was asked for makes no sense: why.
    Faulty(String),
    /// A service behind this one does not answer.
    Away(&'static str),
    /// Too many attempts to log in.
    TooMany,
    /// Too many requests of the project: so many seconds until it may ask again.
    TooOften(u32),
    /// More was sent than a form has.
    TooLarge,
    OtherSite,
    UnknownHost,
    /// The caller's role reads, and changes nothing.
    ReadOnly,
    /// A fault of ours, which is in the log.
    Broken,
}

impl From<Status> for Trouble {
    fn from(status: Status) -> Self {
        let told = from_status(&status);
        let code = told.code();
        // Only a status that was made on this side has a source: the connection broke.
        let is_broken_off = code == Code::Internal && std::error::Error::source(&status).is_some();
        match (code, status.code()) {
            (Code::Unavailable | Code::Overloaded | Code::DeadlineExceeded, _) => Self::Away(SCHEDULER),
            _ if is_broken_off => Self::Away(SCHEDULER),
            (_, tonic::Code::NotFound | tonic::Code::PermissionDenied | tonic::Code::Unimplemented) => Self::NotFound,
            (Code::Internal, _) => {
                tracing::error!("a page could not be made: {status}");
                Self::Broken
            }
            _ => Self::Faulty(status.message().to_owned()),
        }
    }
}

const SCHEDULER: &str = "The scheduler does not answer.";

/// A page about what is wrong.
#[derive(Template)]
#[template(path = "trouble.html")]
struct Shown<'a> {
    title: &'a str,
    text: &'a str,
    /// In seconds.
    tries_again: Option<u32>,
    request_id: &'a str,
}

impl Trouble {
    pub(crate) const fn status(&self) -> StatusCode {
        match self {
            Self::LogIn => StatusCode::UNAUTHORIZED,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Faulty(_) | Self::UnknownHost => StatusCode::BAD_REQUEST,
            Self::Away(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::TooMany | Self::TooOften(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::OtherSite | Self::ReadOnly => StatusCode::FORBIDDEN,
            Self::Broken => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn words(&self) -> (&'static str, &str) {
        match self {
            Self::LogIn => ("Log in", "Nobody is logged in here."),
            Self::NotFound => ("Not found", "There is nothing here, or it is not in a project that you see."),
            Self::Faulty(why) => ("This cannot be shown", why),
            Self::Away(what) => ("No answer", what),
            Self::TooMany => ("Too many attempts", "Logging in failed too often. Wait a minute, and try again."),
            Self::TooOften(_) => ("Too many requests", "Your project asks for more than it may. Wait a moment."),
            Self::TooLarge => ("Too large", "More was sent than this form takes. Nothing was done."),
            Self::OtherSite => {
                ("Refused", "A page of another site asks for this, or the browser does not say whose it is.")
            }
            Self::UnknownHost => (
                "Unknown host",
                "This gateway is not called so. Its names are loopback, gateway.listen, and gateway.public_hosts.",
            ),
            Self::ReadOnly => ("Read only", "Your role reads: it makes and changes nothing."),
            Self::Broken => ("A fault", "This page could not be made. The gateway's log says why."),
        }
    }

    pub(crate) fn title(&self) -> &'static str {
        self.words().0
    }

    /// What stands in the middle of the page.
    pub(crate) fn main(&self, request_id: &str) -> String {
        let (title, text) = self.words();
        let tries_again = self.tries_again();
        Shown { title, text, tries_again, request_id }.render().unwrap_or_default()
    }

    /// In so many seconds it is worth it.
    const fn tries_again(&self) -> Option<u32> {
        match self {
            Self::Away(_) => Some(5),
            Self::TooOften(seconds) => Some(*seconds),
            Self::LogIn
            | Self::NotFound
            | Self::Faulty(_)
            | Self::TooMany
            | Self::TooLarge
            | Self::OtherSite
            | Self::UnknownHost
            | Self::ReadOnly
            | Self::Broken => None,
        }
    }

    /// Without anybody who looks.
    pub(crate) fn alone(&self) -> Response {
        self.page(&Shell::bare(self.title()), "")
    }

    /// For who looks at this.
    pub(crate) fn respond(&self, dashboard: &Dashboard, visitor: Option<&Visitor>, asked_for: &str) -> Response {
        if *self == Self::LogIn && dashboard.mode != AuthMode::None {
            let back = form_urlencoded::Serializer::new(String::new()).append_pair("back", asked_for).finish();
            return Redirect::to(&format!("/ui/login?{back}")).into_response();
        }
        let request_id = visitor.map(|visitor| visitor.request_id.as_str()).unwrap_or_default();
        match visitor {
            Some(visitor) => self.page(&Shell::of(visitor, self.title(), asked_for), request_id),
            None => self.page(&Shell::bare(self.title()), request_id),
        }
    }

    fn page(&self, shell: &Shell<'_>, request_id: &str) -> Response {
        let mut response = (self.status(), Html(shell.around(&self.main(request_id)))).into_response();
        if let Some(seconds) = self.tries_again() {
            // A browser without script comes back by itself.
            response.headers_mut().insert("refresh", seconds.into());
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}
