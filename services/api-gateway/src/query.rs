//! Query strings: `fields`, filters, sorting and paging, read by a resource's attribute map.

use std::{
    collections::{HashMap, HashSet},
    convert::Infallible,
};

use axum::{
    extract::FromRequestParts,
    http::{Uri, request::Parts},
};
use ballast_proto::v1::{Filter, ListRequest, Sort};
use serde_json::Value;

use crate::{
    attributes::{Kind, Resource},
    error::Refusal,
    links::Page,
    origin::Origin,
    python,
    reply::Fields,
    suffix::AskedUri,
    values,
};

/// Keys that are no filters. `verbose` is what the client sends for details; there is no other degree of them.
const RESERVED: &[&str] = &["fields", "sort_key", "sort_dir", "limit", "marker", "page_reverse", "verbose"];

/// A query as it was sent.
#[derive(Debug)]
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
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
pub(crate) struct List {
    pub(crate) request: ListRequest,
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

impl Query {
    /// The values of a key that are not empty.
    fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.pairs.iter().filter(move |(name, value)| name == key && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// The last value of a key: what a dictionary of the query would hold.
    fn last(&self, key: &str) -> Option<&str> {
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

    /// The whole query, for a list that has pages.
    ///
    /// # Errors
    /// As Neutron refuses it.
    pub(crate) fn list(&self, resource: &Resource) -> Result<List, Refusal> {
        let mut list = self.list_whole(resource)?;
        let limit = self.limit()?;
        if limit == 0 {
            return Ok(list);
        }
        let reverse = self.last("page_reverse").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        list.request.page_size = limit;
        list.request.page_token = self.last("marker").unwrap_or_default().to_owned();
        list.request.page_reverse = reverse;
        let kept = self.pairs.iter().filter(|(key, _)| key != "marker" && key != "page_reverse");
        list.view.page = Some(Page {
            url: format!("{}{}", self.origin(), self.uri.path()),
            query: kept.cloned().collect(),
            limit: limit.try_into().unwrap_or(usize::MAX),
            reverse,
        });
        Ok(list)
    }

    /// The query of a list that is always whole.
    ///
    /// # Errors
    /// As Neutron refuses it.
    pub(crate) fn list_whole(&self, resource: &Resource) -> Result<List, Refusal> {
        let mut list =
            List { request: ListRequest::default(), view: View { fields: self.fields(), page: None }, nothing: false };
        for (key, values) in self.grouped() {
            match filter(resource, key, &values)? {
                Match::These(filter) => list.request.filters.push(filter),
                Match::All => {}
                Match::None => list.nothing = true,
            }
        }
        list.request.sorts = self.sorts(resource)?;
        Ok(list)
    }

    /// The filters: each key once, where it came first, with its values that are not empty.
    /// Those of each field, without those that are there already.
    fn grouped(&self) -> Vec<(&str, Vec<&str>)> {
        let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
        let (mut places, mut seen) = (HashMap::new(), HashSet::new());
        let filters = self.pairs.iter().filter(|(key, value)| !value.is_empty() && !RESERVED.contains(&key.as_str()));
        for (key, value) in filters {
            if !seen.insert((key, value)) {
                continue;
            }
            let place = *places.entry(key).or_insert_with(|| {
                groups.push((key, Vec::new()));
                groups.len() - 1
            });
            groups[place].1.push(value);
        }
        groups
    }

    fn limit(&self) -> Result<u32, Refusal> {
        let Some(text) = self.last("limit") else { return Ok(0) };
        let number = values::integer(&Value::from(text)).ok().filter(|number| *number >= 0);
        // The letters %d are Neutron's: it never fills them in.
        let refusal = || Refusal::bad_part("limit", "Limit must be an integer 0 or greater and not '%d'");
        Ok(number.ok_or_else(refusal)?.try_into().unwrap_or(u32::MAX))
    }

    fn sorts(&self, resource: &Resource) -> Result<Vec<Sort>, Refusal> {
        let keys: Vec<_> = self.all("sort_key").collect();
        let directions: Vec<_> = self.all("sort_dir").collect();
        if keys.len() != directions.len() {
            return Err(Refusal::bad_request("The number of sort_keys and sort_dirs must be same"));
        }
        let unknown: Vec<_> = keys.iter().copied().filter(|key| resource.attribute(key).is_none()).collect();
        if !unknown.is_empty() {
            return Err(Refusal::bad_request(format!("{} is invalid attribute for sort_keys", quoted(&unknown))));
        }
        let unknown: Vec<_> = directions.iter().copied().filter(|way| !["asc", "desc"].contains(way)).collect();
        if !unknown.is_empty() {
            let unknown = quoted(&unknown);
            let message = format!("{unknown} is invalid value for sort_dirs, valid value is 'asc' and 'desc'");
            return Err(Refusal::bad_request(message));
        }
        // A key that came before decides alone: without its repetitions a statement stays short.
        let mut seen = HashSet::new();
        let pairs = keys.into_iter().zip(directions);
        Ok(pairs
            .filter(|(key, _)| seen.insert(*key))
            .filter_map(|(key, way)| resource.attribute(key).map(|attribute| (attribute, way)))
            .filter(|(attribute, _)| !matches!(attribute.kind, Kind::Constant(_)))
            .map(|(attribute, way)| Sort { field: attribute.wire.to_owned(), descending: way == "desc" })
            .collect())
    }
}

fn quoted(texts: &[&str]) -> String {
    python::list(texts.iter().map(|text| python::unicode(text)))
}

/// What a filter comes down to.
enum Match {
    These(Filter),
    All,
    None,
}

/// A filter on a key. Keys without an attribute go on as they are: what to do with them is the scheduler's to say.
fn filter(resource: &Resource, key: &str, texts: &[&str]) -> Result<Match, Refusal> {
    let attribute = resource.attribute(key);
    let mut converted = Vec::new();
    for &text in texts {
        converted.push(match attribute.map(|attribute| attribute.kind) {
            Some(Kind::Flag) => values::flag(&Value::from(text))?.to_string(),
            Some(Kind::Integer { .. } | Kind::IntegerOneOf(_)) => values::integer(&Value::from(text))?.to_string(),
            Some(Kind::False) => match values::flag(&Value::from(text))? {
                false => return Ok(Match::All),
                true => continue,
            },
            Some(Kind::Constant(constant)) if text == constant => return Ok(Match::All),
            Some(Kind::Constant(_)) => continue,
            _ => text.to_owned(),
        });
    }
    if converted.is_empty() {
        return Ok(Match::None);
    }
    let field = attribute.map_or(key, |attribute| attribute.wire).to_owned();
    Ok(Match::These(Filter { field, values: converted }))
}

#[cfg(test)]
mod tests;
