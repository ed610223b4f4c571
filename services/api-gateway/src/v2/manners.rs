//! What every request of v2 has to keep to, whatever it asks: its method, what it accepts, what its body is.

use axum::{
    body::HttpBody as _,
    extract::Request,
    http::{HeaderMap, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use crate::kit::{
    refusal::{Manner, Refusal},
    reply,
};

const JSON: &str = "application/json";

/// The middleware that looks.
pub(super) async fn check(request: Request, next: Next) -> Response {
    if request.method() == Method::OPTIONS {
        return reply::empty(StatusCode::OK);
    }
    match look(&request) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

fn look(request: &Request) -> Result<(), Refusal> {
    if ![Method::GET, Method::POST, Method::PUT, Method::DELETE].contains(request.method()) {
        return Err(Refusal::Unserved);
    }
    let wants = accepts(request.headers()) || (is_ballasts(request) && wants_events(request.headers()));
    if !wants {
        let message = "Only content type application/json is accepted.".to_owned();
        return Err(Refusal::Http { status: StatusCode::NOT_ACCEPTABLE, kind: "Not Acceptable", message });
    }
    match request.headers().get(header::CONTENT_TYPE).map(|media| media.to_str().unwrap_or_default()) {
        Some(media) if !request.body().is_end_stream() && !is(media, &[JSON]) => {
            Err(Manner::NotJson(media.to_owned()).into())
        }
        _ => Ok(()),
    }
}

/// What has streams of events.
fn is_ballasts(request: &Request) -> bool {
    request.uri().path().starts_with("/ballast/")
}

fn wants_events(headers: &HeaderMap) -> bool {
    let all = headers.get_all(header::ACCEPT).iter().map(|value| value.to_str().unwrap_or_default());
    all.flat_map(|said| said.split(',')).any(|media| is(media, &["text/event-stream", "text/*"]))
}

/// Whether a media type, without its parameters, is one of these.
fn is(media: &str, types: &[&str]) -> bool {
    let media = media.split(';').next().unwrap_or_default().trim();
    types.iter().any(|one| media.eq_ignore_ascii_case(one))
}

fn accepts(headers: &HeaderMap) -> bool {
    let mut all = headers.get_all(header::ACCEPT).iter().map(|value| value.to_str().unwrap_or_default()).peekable();
    let any =
        |said: &str| said.trim().is_empty() || said.split(',').any(|media| is(media, &[JSON, "application/*", "*/*"]));
    all.peek().is_none() || all.any(any)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_must_be_among_what_is_accepted() {
        let accepts = |said: &str| accepts(&HeaderMap::from_iter([(header::ACCEPT, said.parse().unwrap())]));
        for good in ["", "*/*", "application/json", "text/html, application/json;q=0.9", "application/*"] {
            assert!(accepts(good), "{good}");
        }
        for bad in ["text/html", "application/xml, text/*"] {
            assert!(!accepts(bad), "{bad}");
        }
    }
}
