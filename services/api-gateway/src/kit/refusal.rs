//! What a refused request gets, before it has a body: each API has its own, which it gives to what leaves it (`finish`).

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use ballast_proto::status::{
    Received,
    fault::{Absence, Call, Code, Facts, Fault},
    from_status,
};

/// An answer other than the one that was asked for.
#[derive(Debug, Clone)]
pub(crate) enum Refusal {
    /// The scheduler's, or one that has the same meaning.
    Told(Received),
    /// One that exists in HTTP alone, in the words of the API that was asked: `kind` is what its bodies have besides.
    Http { status: StatusCode, kind: &'static str, message: String },
    /// Of how it was asked, whatever it was.
    Manner(Manner),
    /// Nobody vouches for who calls.
    Unauthenticated { challenge: Option<HeaderValue> },
    /// No such path.
    Unrouted,
    /// The path has no such method.
    Unserved,
}

/// How a request came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Manner {
    UnknownHost,
    /// A page of others sends it.
    OtherSite,
    /// It has a body of this type, which is not JSON's.
    NotJson(String),
    /// This part of it has bytes that are no text.
    OddBytes(&'static str),
    /// The header that names the project is no text.
    OddProject,
    TooLarge,
    TooSlow,
    Unreadable,
}

impl From<Manner> for Refusal {
    fn from(manner: Manner) -> Self {
        Self::Manner(manner)
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Told(Received::Fault(fault))
    }
}

impl From<tonic::Status> for Refusal {
    fn from(status: tonic::Status) -> Self {
        let told = from_status(&status);
        // Only a status that was made on this side has a source: the connection broke while the call was under way.
        if told.code() == Code::Internal && std::error::Error::source(&status).is_some() {
            return Fault::from(Absence::Scheduler).with_detail(status).into();
        }
        Self::Told(told)
    }
}

/// It travels to the edge of the API as itself.
impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// What is away now is mostly back soon: who is told so may ask again. Who asked too often is told when he may.
pub(crate) fn may_ask_again(refusal: &Refusal, mut response: Response) -> Response {
    let too_often = match refusal {
        Refusal::Told(Received::Fault(fault)) => match fault.facts() {
            Facts::Call(Call::TooOften { seconds }) => Some(HeaderValue::from(*seconds)),
            _ => None,
        },
        _ => None,
    };
    let when = too_often
        .or((response.status() == StatusCode::SERVICE_UNAVAILABLE).then_some(const { HeaderValue::from_static("1") }));
    if let Some(when) = when {
        response.headers_mut().insert(header::RETRY_AFTER, when);
    }
    response
}

impl Refusal {
    /// Logs what the operator must know, which is not what callers bring upon themselves.
    pub(crate) fn log(&self, message: &str) {
        let Self::Told(told) = self else { return };
        let detail = match told {
            Received::Fault(fault) => fault.detail(),
            Received::Worded { .. } => None,
        };
        let detail = detail.unwrap_or("none");
        match told.code() {
            Code::Internal => tracing::error!(detail, "{message}"),
            Code::Unavailable => tracing::warn!(detail, "{message}"),
            _ => {}
        }
    }
}
