//! How values of the model are stored in columns, and read back.
//!
//! Numbers are 64-bit integers, closed sets and addresses are text in their one canonical form, so that columns compare
//! the same on every database. A column that holds what the model does not know is an internal fault that names it.

use std::{fmt::Display, str::FromStr};

use ballast_model::{
    Uuid,
    fault::Fault,
    labels::Labels,
    status::{Progress, ProvisioningStatus},
    time::Timestamp,
};

/// Ids as they were stored, of the kind that their column has.
pub(crate) fn ids<I: From<Uuid>, C: FromIterator<I>>(rows: Vec<Uuid>) -> C {
    rows.into_iter().map(I::from).collect()
}

/// A number as it is stored. Counters beyond what a column can hold stay at its end.
pub(crate) fn number(value: impl Into<u64>) -> i64 {
    i64::try_from(value.into()).unwrap_or(i64::MAX)
}

/// A number as it was stored.
pub(crate) fn natural<T: TryFrom<i64>>(column: &str, value: i64) -> Result<T, Fault> {
    T::try_from(value).map_err(|_| unreadable(column, value))
}

/// A counter as it was stored.
pub(crate) fn counter<C: From<u64>>(column: &str, value: i64) -> Result<C, Fault> {
    natural::<u64>(column, value).map(C::from)
}

/// One of a closed set.
pub(crate) fn member_of<T>(column: &str, text: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T, Fault> {
    parse(text).ok_or_else(|| unreadable(column, text))
}

/// An address, a network: what has one textual form.
pub(crate) fn parsed<T: FromStr>(column: &str, text: &str) -> Result<T, Fault> {
    text.parse().map_err(|_| unreadable(column, text))
}

/// A list, as JSON.
pub(crate) fn json<T: serde::Serialize>(value: &T) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(Fault::internal)
}

/// A list, from JSON.
pub(crate) fn from_json<T: serde::de::DeserializeOwned>(column: &str, text: &str) -> Result<T, Fault> {
    serde_json::from_str(text).map_err(|error| unreadable(column, format_args!("{text} ({error})")))
}

/// Tags, as JSON.
pub(crate) fn tags(labels: &Labels) -> String {
    if labels.tags.is_empty() { "[]".to_owned() } else { serde_json::to_string(&labels.tags).unwrap_or_default() }
}

/// The two columns of an object's times.
pub(crate) fn times(labels: &Labels) -> (i64, Option<i64>) {
    (labels.created_at.0, labels.updated_at.map(|time| time.0))
}

/// The three columns of tags and times.
pub(crate) fn labels(tags: &str, created_at: i64, updated_at: Option<i64>) -> Result<Labels, Fault> {
    Ok(Labels {
        tags: if matches!(tags, "" | "[]") { Vec::new() } else { from_json("tags", tags)? },
        created_at: Timestamp(created_at),
        updated_at: updated_at.map(Timestamp),
    })
}

/// A document of what few objects have; empty where it is the default.
pub(crate) fn more<T: Default + PartialEq + serde::Serialize>(value: &T) -> String {
    if *value == T::default() { String::new() } else { serde_json::to_string(value).unwrap_or_default() }
}

/// That document, as it was stored.
pub(crate) fn from_more<T: Default + serde::de::DeserializeOwned>(text: &str) -> Result<T, Fault> {
    if text.is_empty() { Ok(T::default()) } else { from_json("more", text) }
}

/// An id of which none is stored as nil, in a column that once had to have one.
pub(crate) fn or_nil<I: Into<Uuid>>(id: Option<I>) -> Uuid {
    id.map(Into::into).unwrap_or_default()
}

/// The same, as it was stored.
pub(crate) fn not_nil<I: From<Uuid>>(id: Uuid) -> Option<I> {
    (!id.is_nil()).then(|| id.into())
}

/// The three columns of an object's progress.
pub(crate) fn progress(status: &str, description: Option<String>, changed: i64) -> Result<Progress, Fault> {
    let status = member_of("provisioning_status", status, ProvisioningStatus::parse)?;
    Ok(Progress { status, description, changed: counter("changed", changed)? })
}

/// The fault of a column that holds what the model does not know.
pub(crate) fn unreadable(column: &str, value: impl Display) -> Fault {
    Fault::internal(format_args!("the column {column} holds '{value}', which is none of its values"))
}
