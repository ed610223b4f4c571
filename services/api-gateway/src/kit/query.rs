//! Query strings, and what all lists have. Each API reads filters, sorting and paging by its own rules.

use std::convert::Infallible;

use axum::{
    extract::FromRequestParts,
    http::{Uri, request::Parts},
};

use super::{links::Page, reply::Fields};
use crate::{origin::Origin, suffix::AskedUri};

/// A query as it was sent.
#[derive(Debug)]
pub(crate) struct Query {
    pub(crate) pairs: Vec<(String, String)>,
    origin: Option<Origin>,
    uri: Uri,
}

/// What a list is to show.
#[derive(Debug, Default)]
pub(crate) struct View {
    pub(crate) fields: Fields,
    /// Where it was asked for by pages.
    pub(crate) page: Option<Page>,
}

/// A list as it was asked for.
#[derive(Debug)]
pub(crate) struct List<Q> {
    pub(crate) request: Q,
    pub(crate) view: View,
    /// A filter can match no object: the answer is known without a call.
    pub(crate) nothing: bool,
}

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let asked = parts.extensions.get::<AskedUri>();
        let query = parts.uri.query().unwrap_or_default();
        Ok(Self {
            pairs: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
            origin: parts.extensions.get().cloned(),
            uri: asked.map_or_else(|| parts.uri.clone(), |asked| asked.0.clone()),
        })
    }
}

#[cfg(test)]
impl Query {
    pub(crate) fn of(query: &str) -> Self {
        let pairs = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Self { pairs, origin: None, uri: Uri::from_static("/") }
    }
}

impl Query {
    /// The values of a key that are not empty.
    pub(crate) fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.pairs.iter().filter(move |(name, value)| name == key && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// The last value of a key: what a dictionary of the query would hold.
    pub(crate) fn last(&self, key: &str) -> Option<&str> {
        self.pairs.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// `fields`
    pub(crate) fn fields(&self) -> Fields {
        Fields::new(self.all("fields"))
    }

    /// `http://host`, as the client sees this gateway.
    pub(crate) fn origin(&self) -> &str {
        self.origin.as_ref().map_or("http://localhost", |origin| &origin.0)
    }

    /// `http://host/path`, as the client asked for it.
    pub(crate) fn url(&self) -> String {
        format!("{}{}", self.origin(), self.uri.path())
    }
}
