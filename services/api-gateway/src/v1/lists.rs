//! Lists of v1: filters, sorting and paging, read by a resource's attribute map, and the links between pages.

use std::collections::{HashMap, HashSet};

use ballast_proto::v1::{Filter, ListRequest, Sort};
use serde_json::Value;

use super::{python, values};
use crate::kit::{
    attributes::{Kind, Resource},
    links::{Link, Page, Seen},
    pages::Paged,
    query::{List, Query, View},
    refusal::Refusal,
};

/// Keys that are no filters. `verbose` is what the client sends for details; there is no other degree of them.
const RESERVED: &[&str] = &["fields", "sort_key", "sort_dir", "limit", "marker", "page_reverse", "verbose"];

impl Query {
    /// The whole query, for a list that has pages.
    ///
    /// # Errors
    /// As Neutron refuses it.
    pub(crate) fn list(&self, resource: &Resource) -> Result<List<ListRequest>, Refusal> {
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
            name: resource.links,
            url: self.url(),
            query: kept.cloned().collect(),
            limit: limit.try_into().unwrap_or(usize::MAX),
            reverse,
            links: Page::neutrons,
        });
        Ok(list)
    }

    /// The query of a list that is always whole.
    ///
    /// # Errors
    /// As Neutron refuses it.
    pub(crate) fn list_whole(&self, resource: &Resource) -> Result<List<ListRequest>, Refusal> {
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

impl Paged for ListRequest {
    fn size(&mut self) -> &mut u32 {
        &mut self.page_size
    }

    fn token(&mut self) -> &mut String {
        &mut self.page_token
    }

    fn is_reverse(&self) -> bool {
        self.page_reverse
    }
}

impl Page {
    /// The links as Neutron has them, which does not look ahead: a full page always has a next one, even when that will be
    /// empty.
    fn neutrons(&self, seen: &Seen<'_>) -> Vec<Link> {
        let short = seen.count < self.limit;
        let (first, last) = seen.ids.unzip();
        let mut links = Vec::with_capacity(2);
        if !short || self.reverse {
            links.push(Link { rel: "next", href: self.href(last, false) });
        }
        if !short || !self.reverse {
            links.push(Link { rel: "previous", href: self.href(first, true) });
        }
        links
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
mod links;
#[cfg(test)]
mod tests;
