//! Lists of v2: filters, tags, sorting and paging, read by a resource's attribute map, and the links between pages.

use ballast_proto::v2::{Filter, ListRequest, Sort};
use serde_json::Value;

use super::python;
use crate::kit::{
    attributes::{Attribute, Kind, Resource},
    links::{Link, Page, Seen},
    number,
    pages::Paged,
    query::{List, Query, View},
    refusal::Refusal,
    reply::Fields,
};

/// The most objects of a page, and as many as there are without a limit.
const MOST: u32 = 1000;
/// Keys that are no filters.
const RESERVED: [&str; 12] = [
    "fields",
    "limit",
    "marker",
    "not-tags",
    "not-tags-any",
    "page_reverse",
    "project_id",
    "sort",
    "sort_dir",
    "sort_key",
    "tags",
    "tags-any",
];
/// What filters may also be called, with the attribute that is meant.
const ALIASES: [(&str, &str); 3] =
    [("enabled", "admin_state_up"), ("ip_address", "vip_address"), ("load_balancer_id", "loadbalancer_id")];

impl Query {
    /// The values of `fields`, an empty one too: then there are none.
    pub(super) fn shown(&self) -> Fields {
        Fields::new(self.every("fields"))
    }

    fn every<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.pairs.iter().filter(move |(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// The values of a key, of which one parameter may have several behind commas.
    fn split(&self, key: &str) -> Vec<String> {
        self.every(key).flat_map(|value| value.split(',')).map(str::to_owned).collect()
    }

    /// What a write takes of it: these keys, the last value of each.
    ///
    /// # Errors
    /// When there is another one.
    pub(super) fn only<const N: usize>(&self, keys: [&str; N]) -> Result<[Option<&str>; N], Refusal> {
        if let Some((unknown, _)) = self.pairs.iter().find(|(name, _)| !keys.contains(&name.as_str())) {
            return Err(Refusal::faulty(format!("Unknown argument: \"{unknown}\"")));
        }
        Ok(keys.map(|key| self.last(key)))
    }

    /// The whole query of a list.
    ///
    /// # Errors
    /// As Octavia refuses it.
    pub(super) fn page(&self, resource: &Resource, parent_id: String) -> Result<List<ListRequest>, Refusal> {
        let limit = self.page_limit()?;
        let sorts = self.page_sorts(resource)?;
        let reverse = self.last("page_reverse").is_some_and(is_true);
        let fields = self.shown();
        let request = ListRequest {
            parent_id,
            project_id: self.last("project_id").unwrap_or_default().to_owned(),
            filters: self.page_filters(resource)?,
            sorts,
            page_size: limit,
            page_token: self.last("marker").unwrap_or_default().to_owned(),
            page_reverse: reverse,
            read_mask: fields.mask(|name| resource.attribute(name).map(|attribute| attribute.wire)),
            tags: self.split("tags"),
            tags_any: self.split("tags-any"),
            not_tags: self.split("not-tags"),
            not_tags_any: self.split("not-tags-any"),
            search: String::new(),
        };
        let kept = self.pairs.iter().filter(|(key, _)| key != "marker" && key != "page_reverse");
        let links = if self.last("marker").is_some() { Page::begun_at_a_marker } else { Page::begun_at_an_end };
        let page = Page {
            name: resource.links,
            url: self.url(),
            query: kept.cloned().collect(),
            limit: limit.try_into().unwrap_or(usize::MAX),
            reverse,
            links,
        };
        Ok(List { request, view: View { fields, page: Some(page) }, nothing: false })
    }

    fn page_limit(&self) -> Result<u32, Refusal> {
        let asked: Vec<&str> = self.every("limit").collect();
        let refuse = |text: &str| Refusal::of_list(format!("Supplied pagination limit '{text}' is not valid."));
        match asked[..] {
            [] | ["infinite"] => Ok(MOST),
            [text] => match number::integer(&Value::from(text)) {
                Some(number) if number <= 0 => Ok(MOST),
                Some(number) => Ok(u32::try_from(number).unwrap_or(MOST).min(MOST)),
                None => Err(refuse(text)),
            },
            _ => Err(refuse(&asked.join(", "))),
        }
    }

    /// Several values of a key: one of them.
    fn page_filters(&self, resource: &Resource) -> Result<Vec<Filter>, Refusal> {
        let mut filters: Vec<Filter> = Vec::new();
        for (key, value) in self.pairs.iter().filter(|(key, _)| !RESERVED.contains(&key.as_str())) {
            let alias =
                || ALIASES.iter().find(|(alias, _)| alias == key).and_then(|(_, name)| resource.attribute(name));
            let attribute = resource.attribute(key).or_else(alias).filter(|attribute| attribute.is_filter());
            let attribute =
                attribute.ok_or_else(|| Refusal::faulty("One or more arguments are either duplicate or invalid"))?;
            let name = attribute.name;
            let value = spelt(attribute, value);
            match filters.iter_mut().find(|filter| filter.field == name) {
                Some(filter) => filter.values.push(value),
                None => filters.push(Filter { field: name.to_owned(), values: vec![value] }),
            }
        }
        Ok(filters)
    }

    fn page_sorts(&self, resource: &Resource) -> Result<Vec<Sort>, Refusal> {
        let keys = match self.last("sort") {
            Some(sort) => sort.split(',').map(directed).collect::<Result<Vec<_>, _>>()?,
            None => {
                let directions = self.split("sort_dir");
                let direction = |at| directions.get(at).map_or("asc", String::as_str);
                let keys = self.split("sort_key").into_iter().enumerate();
                keys.map(|(at, key)| Ok((key, descends(direction(at))?))).collect::<Result<Vec<_>, Refusal>>()?
            }
        };
        let sort = |(key, descending): (String, bool)| match resource.attribute(&key) {
            Some(_) => Ok(Sort { field: key, descending }),
            None => Err(Refusal::faulty(format!("Supplied sort key '{key}' is not valid."))),
        };
        keys.into_iter().filter(|(key, _)| !key.is_empty()).map(sort).collect()
    }
}

/// `name` or `name:desc`.
fn directed(text: &str) -> Result<(String, bool), Refusal> {
    let parts: Vec<&str> = text.split(':').collect();
    match parts[..] {
        [key] => Ok((key.to_owned(), false)),
        [key, direction] => Ok((key.to_owned(), descends(direction)?)),
        _ => {
            let parts = python::list(parts.iter().map(|part| python::quoted(part)));
            Err(Refusal::of_list(format!("Supplied sort key '{parts}' is not valid.")))
        }
    }
}

fn descends(direction: &str) -> Result<bool, Refusal> {
    match direction.to_ascii_lowercase().as_str() {
        "asc" => Ok(false),
        "desc" => Ok(true),
        _ => Err(Refusal::of_list(format!("Supplied sort direction '{direction}' is not valid."))),
    }
}

pub(super) fn is_true(text: &str) -> bool {
    matches!(text, "true" | "True" | "1")
}

/// A filter's value as the scheduler takes it.
fn spelt(attribute: &Attribute, text: &str) -> String {
    match attribute.kind {
        Kind::Flag => is_true(text).to_string(),
        Kind::Integer { .. } => {
            number::integer(&Value::from(text)).map_or_else(|| text.to_owned(), |number| number.to_string())
        }
        _ => text.to_owned(),
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
    /// The links of a page that begins at an end of the list.
    fn begun_at_an_end(&self, seen: &Seen<'_>) -> Vec<Link> {
        self.octavias(seen, false)
    }

    /// The links of a page that begins at a marker: there is something on the marker's side.
    fn begun_at_a_marker(&self, seen: &Seen<'_>) -> Vec<Link> {
        self.octavias(seen, true)
    }

    fn octavias(&self, seen: &Seen<'_>, behind: bool) -> Vec<Link> {
        let Some((first, last)) = seen.ids else { return Vec::new() };
        let (before, after) = if self.reverse { (seen.more, behind) } else { (behind, seen.more) };
        let link = |rel, marker, reverse| Link {
            rel,
            // As Octavia writes them: in a query both mean themselves.
            href: self.href(Some(marker), reverse).replace("%3A", ":").replace("%2C", ","),
        };
        let previous = before.then(|| link("previous", first, true));
        previous.into_iter().chain(after.then(|| link("next", last, false))).collect()
    }
}

#[cfg(test)]
mod tests;
