//! What an endpoint reads of a request besides its body: which object it is about, and on what it depends.

use std::convert::Infallible;

use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::{HeaderMap, header, request::Parts},
};

use crate::{
    Gateway,
    caller::Caller,
    kit::{query::Query, refusal::Refusal},
};

/// The ids in a path.
#[derive(Debug, Default)]
pub(super) struct Place {
    pub(super) id: String,
    /// Of members the pool, of rules the policy.
    pub(super) parent_id: String,
}

impl FromRequestParts<Gateway> for Place {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, Refusal> {
        let params = RawPathParams::from_request_parts(parts, gateway).await.map_err(|_| Refusal::Unrouted)?;
        let mut place = Self::default();
        for (name, value) in &params {
            let id = if name == "id" { &mut place.id } else { &mut place.parent_id };
            value.clone_into(id);
        }
        Ok(place)
    }
}

/// A write, without its body.
pub(super) struct Asked {
    pub(super) caller: Caller,
    pub(super) place: Place,
    pub(super) terms: Terms,
    pub(super) query: Query,
}

impl FromRequestParts<Gateway> for Asked {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, Refusal> {
        let Ok(terms) = Terms::from_request_parts(parts, gateway).await;
        let Ok(query) = Query::from_request_parts(parts, gateway).await;
        let caller = Caller::from_request_parts(parts, gateway).await?;
        Ok(Self { caller, place: Place::from_request_parts(parts, gateway).await?, terms, query })
    }
}

/// What a write depends on.
#[derive(Debug, Default)]
pub(super) struct Terms {
    /// The object's; empty: any.
    pub(super) etag: String,
    /// The client's name of the request; empty: none.
    pub(super) request_id: String,
}

impl<S: Sync> FromRequestParts<S> for Terms {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self {
            etag: etag(&parts.headers),
            request_id: text(&parts.headers, "idempotency-key").trim_matches('"').to_owned(),
        })
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Without its quotes. Several are none of an object's: nothing is changed then.
fn etag(headers: &HeaderMap) -> String {
    let said = text(headers, header::IF_MATCH.as_str()).trim();
    match said.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inside) => inside.to_owned(),
        None if said == "*" => String::new(),
        None => said.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_etag_is_read_without_its_quotes() {
        for (said, read) in
            [("\"7\"", "7"), ("*", ""), ("7", "7"), ("W/\"7\"", "W/\"7\""), ("\"7\", \"8\"", "7\", \"8")]
        {
            let headers = HeaderMap::from_iter([(header::IF_MATCH, said.parse().unwrap())]);
            assert_eq!(etag(&headers), read);
        }
    }
}
