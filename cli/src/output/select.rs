//! Which objects of a list are printed, and in which order.

use std::cmp::Ordering;

use clap::Args;
use serde_json::Value;

use crate::{
    failure::Failure,
    noun::{Column, text},
};

/// Options of every list.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Select {
    /// By this column or key, as NAME or vip_address; with :desc the other way round
    #[arg(long, value_name = "KEY")]
    sort: Option<String>,
    /// Those alone whose column or key has this value; again: all of them. KEY!=VALUE: another value
    #[arg(long = "filter", value_name = "KEY=VALUE")]
    filters: Vec<String>,
}

impl Select {
    /// What is left of the objects, in order.
    ///
    /// # Errors
    /// When a filter is none, or no object has what is asked for: a slip would look like an empty list.
    pub(crate) fn apply(&self, columns: &[Column], mut objects: Vec<Value>) -> Result<Vec<Value>, Failure> {
        for filter in &self.filters {
            let (key, value) = filter
                .split_once('=')
                .ok_or_else(|| Failure::Usage(format!("--filter {filter}: write KEY=VALUE, or KEY!=VALUE")))?;
            let (key, wanted) = key.strip_suffix('!').map_or((key, true), |key| (key, false));
            known(columns, &objects, key)?;
            objects.retain(|object| has(columns, object, key, value) == wanted);
        }
        if let Some(sort) = &self.sort {
            let (key, descending) = match sort.rsplit_once(':') {
                Some((key, "desc")) => (key, true),
                Some((key, "asc")) => (key, false),
                _ => (sort.as_str(), false),
            };
            known(columns, &objects, key)?;
            objects.sort_by(|one, other| {
                let order = compare(&said(columns, one, key), &said(columns, other, key));
                if descending { order.reverse() } else { order }
            });
        }
        Ok(objects)
    }
}

/// What an object has at a column or a key; `a.b` is `b` in the object `a`.
fn said(columns: &[Column], object: &Value, key: &str) -> String {
    if let Some(found) = at(object, key) {
        return text(found);
    }
    let column = columns.iter().find(|column| column.title.eq_ignore_ascii_case(key));
    column.map(|column| (column.cell)(object)).unwrap_or_default()
}

fn at<'v>(object: &'v Value, key: &str) -> Option<&'v Value> {
    key.split('.').try_fold(object, |value, part| value.get(part))
}

/// A list has a value when one of its entries is that.
fn has(columns: &[Column], object: &Value, key: &str, value: &str) -> bool {
    match at(object, key) {
        Some(Value::Array(values)) => values.iter().any(|one| text(one) == value),
        _ => said(columns, object, key).eq_ignore_ascii_case(value),
    }
}

fn known(columns: &[Column], objects: &[Value], key: &str) -> Result<(), Failure> {
    let is_column = columns.iter().any(|column| column.title.eq_ignore_ascii_case(key));
    if is_column || objects.is_empty() || objects.iter().any(|object| at(object, key).is_some()) {
        return Ok(());
    }
    let titles: Vec<_> = columns.iter().map(|column| column.title).collect();
    Err(Failure::Usage(format!("there is no '{key}': it is one of {}, or a key of -o json", titles.join(", "))))
}

/// Numbers as numbers, others as texts.
fn compare(one: &str, other: &str) -> Ordering {
    match (one.parse::<f64>(), other.parse::<f64>()) {
        (Ok(one), Ok(other)) => one.total_cmp(&other),
        _ => one.cmp(other),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const COLUMNS: &[Column] = &[Column { title: "NAME", cell: |object| text(&object["name"]) }];

    fn ids(sort: Option<&str>, filters: &[&str]) -> Result<String, Failure> {
        let objects = vec![
            json!({"id": "a", "name": "web", "port": 80, "tags": ["x", "y"], "deep": {"er": true}}),
            json!({"id": "b", "name": "api", "port": 443, "tags": []}),
            json!({"id": "c", "name": "web", "port": 9, "tags": ["y"]}),
        ];
        let select = Select {
            sort: sort.map(str::to_owned),
            filters: filters.iter().map(|&filter| filter.to_owned()).collect(),
        };
        let found = select.apply(COLUMNS, objects)?;
        Ok(found.iter().map(|object| text(&object["id"])).collect())
    }

    #[test]
    fn a_list_is_narrowed_and_ordered_by_columns_and_keys() {
        for (sort, filters, expected) in [
            (None, &[][..], "abc"),
            (Some("port"), &[], "cab"),
            (Some("port:desc"), &[], "bac"),
            (Some("NAME"), &[], "bac"),
            (Some("name:asc"), &["name=WEB"], "ac"),
            (None, &["name=web", "port=9"], "c"),
            (None, &["NAME!=web"], "b"),
            (None, &["tags=y"], "ac"),
            (None, &["deep.er=true"], "a"),
            (None, &["name=none"], ""),
        ] {
            assert_eq!(ids(sort, filters).unwrap(), expected, "{sort:?} {filters:?}");
        }
        assert!(ids(Some("nosuch"), &[]).unwrap_err().to_string().contains("NAME"));
        assert!(ids(None, &["nosuch=1"]).is_err() && ids(None, &["name"]).is_err());
    }
}
