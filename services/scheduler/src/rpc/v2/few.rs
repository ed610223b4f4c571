//! Lists of what there are few of: filtered, sorted and paged in memory.

use ballast_model::fault::{Balancing, Fault, Misfit};
use ballast_proto::v2::{Filter, ListRequest};

/// What such lists are of.
pub(super) trait Few {
    /// The fields of which [`Few::field`] knows.
    const FIELDS: &'static [&'static str];

    /// A field, as REST spells its value.
    fn field(&self, name: &str) -> String;

    /// What pages go on from, and what is sorted by last.
    fn key(&self) -> &str;
}

/// A page of all of them, and whether there are more in the direction that was asked for.
///
/// # Errors
/// Fields and markers that are none.
pub(super) fn page<T: Few>(request: &ListRequest, mut all: Vec<T>) -> Result<(Vec<T>, bool), Fault> {
    check::<T>(request)?;
    all.retain(|one| request.filters.iter().all(|filter| fits(filter, &one.field(&filter.field))));
    all.sort_by(|one, other| one.key().cmp(other.key()));
    for sort in request.sorts.iter().rev() {
        all.sort_by(|one, other| {
            let order = one.field(&sort.field).cmp(&other.field(&sort.field));
            if sort.descending { order.reverse() } else { order }
        });
    }
    let mut rest = beyond(request, all)?;
    let size = usize::try_from(request.page_size).ok().filter(|size| *size > 0).unwrap_or(usize::MAX);
    let more = rest.len() > size;
    if request.page_reverse {
        rest.drain(..rest.len().saturating_sub(size));
    } else {
        rest.truncate(size);
    }
    Ok((rest, more))
}

fn check<T: Few>(request: &ListRequest) -> Result<(), Fault> {
    let is_known = |field: &String| T::FIELDS.contains(&field.as_str());
    if let Some(unknown) = request.filters.iter().find(|filter| !is_known(&filter.field)) {
        return Err(Balancing::UnknownFilter { field: unknown.field.clone() }.into());
    }
    let tags = [&request.tags, &request.tags_any, &request.not_tags, &request.not_tags_any];
    if tags.iter().any(|tags| !tags.is_empty()) {
        return Err(Balancing::UnknownFilter { field: "tags".to_owned() }.into());
    }
    let unknown: Vec<&String> = request.sorts.iter().map(|sort| &sort.field).filter(|field| !is_known(field)).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    Err(Misfit::UnknownSortKeys { keys: unknown.into_iter().collect() }.into())
}

/// Whatever is not true is false. Without values it is no filter.
fn fits(filter: &Filter, value: &str) -> bool {
    let is_flag = matches!(value, "true" | "false") && filter.field == "enabled";
    let is_true = |text: &String| matches!(text.as_str(), "true" | "True" | "1");
    filter.values.is_empty()
        || filter.values.iter().any(|text| if is_flag { is_true(text) == (value == "true") } else { text == value })
}

/// What is after the marker, or before it in the other direction.
fn beyond<T: Few>(request: &ListRequest, mut all: Vec<T>) -> Result<Vec<T>, Fault> {
    if request.page_token.is_empty() {
        return Ok(all);
    }
    let at = all.iter().position(|one| one.key() == request.page_token);
    let at = at.ok_or_else(|| Balancing::UnknownMarker { marker: request.page_token.clone() })?;
    let after = all.split_off(at);
    if request.page_reverse { Ok(all) } else { Ok(after.into_iter().skip(1).collect()) }
}

#[cfg(test)]
mod tests {
    use ballast_model::fault::Code;
    use ballast_proto::v2::Sort;

    use super::*;

    /// Name, and whether it is enabled.
    struct One(&'static str, bool);

    impl Few for One {
        const FIELDS: &'static [&'static str] = &["name", "enabled"];

        fn field(&self, name: &str) -> String {
            if name == "name" { self.0.to_owned() } else { self.1.to_string() }
        }

        fn key(&self) -> &str {
            self.0
        }
    }

    fn names(request: &ListRequest) -> Result<(String, bool), Fault> {
        let (page, more) = page(request, vec![One("c", false), One("a", true), One("d", true), One("b", true)])?;
        Ok((page.iter().map(|one| one.0).collect(), more))
    }

    #[test]
    fn pages_follow_one_another_in_both_directions() {
        let sorts = vec![Sort { field: "enabled".to_owned(), descending: true }];
        let all = ListRequest { sorts, ..ListRequest::default() };
        assert_eq!(names(&all).unwrap(), ("abdc".to_owned(), false));
        let two = |page_token: &str, page_reverse| ListRequest {
            page_size: 2,
            page_token: page_token.to_owned(),
            page_reverse,
            ..all.clone()
        };
        assert_eq!(names(&two("", false)).unwrap(), ("ab".to_owned(), true));
        assert_eq!(names(&two("b", false)).unwrap(), ("dc".to_owned(), false));
        assert_eq!(names(&two("c", true)).unwrap(), ("bd".to_owned(), true));
        assert_eq!(names(&two("", true)).unwrap(), ("dc".to_owned(), true));
        assert_eq!(names(&two("x", false)).unwrap_err(), Balancing::UnknownMarker { marker: "x".to_owned() }.into());
    }

    #[test]
    fn flags_are_true_or_not_and_unknown_fields_are_refused_though_there_is_nothing() {
        let filter = |field: &str, values: &[&str]| {
            let values = values.iter().map(|value| (*value).to_owned()).collect();
            ListRequest { filters: vec![Filter { field: field.to_owned(), values }], ..ListRequest::default() }
        };
        assert_eq!(names(&filter("enabled", &["True"])).unwrap().0, "abd");
        assert_eq!(names(&filter("enabled", &["maybe"])).unwrap().0, "c");
        assert_eq!(names(&filter("name", &["b", "d", "x"])).unwrap().0, "bd");
        assert_eq!(names(&filter("bogus", &["1"])).unwrap_err().code(), Code::InvalidInput);
        let sorts = vec![Sort { field: "bogus".to_owned(), descending: false }];
        let fault = page(&ListRequest { sorts, ..ListRequest::default() }, Vec::<One>::new()).err().unwrap();
        assert_eq!(fault, Misfit::UnknownSortKeys { keys: ["bogus"].into_iter().collect() }.into());
        let tagged = ListRequest { tags: vec!["x".to_owned()], ..ListRequest::default() };
        assert!(names(&tagged).is_err());
    }
}
