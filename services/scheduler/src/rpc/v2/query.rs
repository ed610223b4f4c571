//! Lists of `lbaas.v2`: what is asked for, and which page of what is found.

use ballast_model::{
    Uuid, check,
    fault::{Balancing, Fault, Reason},
};
use ballast_proto::v2;
use ballast_store::{Filter, Query, Sort, TagFilter, View};

use super::super::decode::MOST_VALUES;
use crate::app::Caller;

/// A list, within what the caller may see.
///
/// # Errors
/// Another's project, and more values than can be asked for at once.
pub(super) fn query(caller: &Caller, request: v2::ListRequest) -> Result<Query, Fault> {
    let values: usize = request.filters.iter().map(|filter| filter.values.len()).sum();
    if values > MOST_VALUES as usize {
        return Err(Fault::invalid_field("filters", Reason::TooManyValues { most: MOST_VALUES }));
    }
    // Whose agent runs what is an operator's business alone.
    if let Some(hidden) = request.filters.iter().find(|filter| filter.field == AGENT && !caller.admin) {
        return Err(Balancing::UnknownFilter { field: hidden.field.clone() }.into());
    }
    let marker = match request.page_token.as_str() {
        "" => None,
        text => Some(Uuid::parse_str(text).map_err(|_| Balancing::UnknownMarker { marker: text.to_owned() })?),
    };
    let mut sorted = std::collections::HashSet::new();
    let sorts = request.sorts.into_iter().filter(|sort| sorted.insert(sort.field.clone()));
    let filters = request.filters.into_iter();
    Ok(Query {
        project_id: project(caller, request.project_id)?,
        filters: filters.map(|filter| Filter { field: filter.field, values: filter.values }).collect(),
        sorts: sorts.map(|sort| Sort { field: sort.field, descending: sort.descending }).collect(),
        page_size: (request.page_size > 0).then_some(request.page_size),
        marker,
        reverse: request.page_reverse,
        include_shared: false,
        view: View::V2,
        tags: TagFilter {
            all: request.tags,
            any: request.tags_any,
            not_all: request.not_tags,
            not_any: request.not_tags_any,
        },
        search: check::text("search", request.search, check::MAX_TEXT)?,
    })
}

/// The project that is looked at; none: all.
fn project(caller: &Caller, asked: String) -> Result<Option<String>, Fault> {
    if asked.is_empty() {
        return Ok(caller.scope());
    }
    caller.must_own(&asked)?;
    Ok(Some(asked))
}

/// An object of a list that was found in memory.
pub(super) trait Item {
    fn id(&self) -> &str;

    /// A field, as REST spells its value; none: it has no such field.
    fn field(&self, name: &str) -> Option<String>;

    fn tags(&self) -> &[String];
}

/// The page of these items, which are all there are, in the order of their creation; and whether there is more.
///
/// # Errors
/// Fields that they do not have, and a marker that is none of them.
pub(super) fn page<T: Item>(query: &Query, items: Vec<T>) -> Result<(Vec<T>, bool), Fault> {
    if !query.search.is_empty() {
        return Err(Balancing::UnknownFilter { field: "search".to_owned() }.into());
    }
    let mut found = Vec::with_capacity(items.len());
    for item in items {
        if fits(query, &item)? {
            found.push(item);
        }
    }
    for sort in query.sorts.iter().rev() {
        if let Some(unknown) = found.first().filter(|item| item.field(&sort.field).is_none()) {
            let _ = unknown;
            let keys = std::iter::once(&sort.field).collect();
            return Err(ballast_model::fault::Misfit::UnknownSortKeys { keys }.into());
        }
        found.sort_by_cached_key(|item| SortKey::of(item.field(&sort.field).unwrap_or_default()));
        if sort.descending {
            found.reverse();
        }
    }
    let Some(marker) = query.marker else { return Ok(cut(query, found)) };
    let at = found.iter().position(|item| item.id() == marker.to_string());
    let at = at.ok_or_else(|| Balancing::UnknownMarker { marker: marker.to_string() })?;
    let rest = if query.reverse { found.drain(..at).collect() } else { found.drain(at + 1..).collect() };
    Ok(cut(query, rest))
}

/// Numbers by their value, everything else by its text.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum SortKey {
    Number(i64),
    Text(String),
}

impl SortKey {
    fn of(text: String) -> Self {
        text.parse().map_or(Self::Text(text), Self::Number)
    }
}

fn fits<T: Item>(query: &Query, item: &T) -> Result<bool, Fault> {
    for filter in &query.filters {
        let value = item.field(&filter.field);
        let value = value.ok_or_else(|| Balancing::UnknownFilter { field: filter.field.clone() })?;
        if !filter.values.iter().any(|wanted| is_same(wanted, &value)) {
            return Ok(false);
        }
    }
    let (tags, has) = (&query.tags, |tag: &String| item.tags().contains(tag));
    Ok(tags.all.iter().all(has)
        && (tags.any.is_empty() || tags.any.iter().any(has))
        && (tags.not_all.is_empty() || !tags.not_all.iter().all(has))
        && !tags.not_any.iter().any(has))
}

/// Of a flag, what is not true is false.
fn is_same(wanted: &str, value: &str) -> bool {
    match value {
        "true" | "false" => matches!(wanted, "true" | "True" | "1") == (value == "true"),
        _ => wanted == value,
    }
}

fn cut<T>(query: &Query, mut items: Vec<T>) -> (Vec<T>, bool) {
    let size = query.page_size.and_then(|size| usize::try_from(size).ok()).unwrap_or(usize::MAX);
    let more = items.len() > size;
    if query.reverse {
        let surplus = items.len().saturating_sub(size);
        items.drain(..surplus);
    } else {
        items.truncate(size);
    }
    (items, more)
}

/// Whether what is asked for can only be found by looking at each object: how its traffic fares is in no table.
pub(super) fn needs_a_look(query: &Query) -> bool {
    query.filters.iter().any(|filter| filter.field == OPERATING) || is_sorted_by_a_look(query)
}

/// What counts most is how their traffic fares. Where it counts less, it is refused as what there is no order by.
fn is_sorted_by_a_look(query: &Query) -> bool {
    query.sorts.first().is_some_and(|sort| sort.field == OPERATING)
}

const OPERATING: &str = "operating_status";
const AGENT: &str = "agent_id";

/// The query without that, and without a page: what is left is for [`page`].
pub(super) fn without_a_look(query: &Query) -> Query {
    let filters = query.filters.iter().filter(|filter| filter.field != OPERATING).cloned().collect();
    let sorts = query.sorts[usize::from(is_sorted_by_a_look(query))..].to_vec();
    Query { filters, sorts, page_size: None, marker: None, reverse: false, ..query.clone() }
}

/// The query with that alone, and with the page.
pub(super) fn the_look(query: &Query) -> Query {
    let filters = query.filters.iter().filter(|filter| filter.field == OPERATING).cloned().collect();
    let sorts = query.sorts[..usize::from(is_sorted_by_a_look(query))].to_vec();
    Query { filters, sorts, tags: TagFilter::default(), search: String::new(), ..query.clone() }
}
