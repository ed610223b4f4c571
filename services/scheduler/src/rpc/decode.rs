//! What all services decode: the caller, ids, lists, masks.

use ballast_model::{Uuid, fault::Fault};
use ballast_proto::v1;
use ballast_store::{Filter, Query, Sort};
use prost_types::FieldMask;
use tonic::Request;

use crate::app::Caller;

/// The caller, as he was admitted. Who was not sees nothing.
pub(super) fn caller<T>(request: &Request<T>) -> Caller {
    let nobody = || Caller { project_id: None, admin: false };
    request.extensions().get().cloned().unwrap_or_else(nobody)
}

/// An id; one that is malformed names nothing.
pub(super) fn id<'a>(text: &'a str, not_found: impl FnOnce(&'a str) -> Fault) -> Result<Uuid, Fault> {
    Uuid::parse_str(text).map_err(|_| not_found(text))
}

/// A required reference to another object.
pub(super) fn reference(field: &str, text: &str) -> Result<Uuid, Fault> {
    if text.is_empty() {
        return Err(Fault::missing_field(field));
    }
    Uuid::parse_str(text).map_err(|_| Fault::invalid_field(field, format!("'{text}' is not a valid UUID.")))
}

/// The message that a request is about.
pub(super) fn body<T>(field: &str, message: Option<T>) -> Result<T, Fault> {
    message.ok_or_else(|| Fault::missing_field(field))
}

/// A list, within what the caller may see.
pub(super) fn query(caller: &Caller, request: v1::ListRequest) -> Query {
    let marker = match request.page_token.as_str() {
        "" => None,
        // A marker that names nothing is after everything.
        text => Some(Uuid::parse_str(text).unwrap_or(Uuid::nil())),
    };
    Query {
        project_id: caller.scope(),
        filters: request
            .filters
            .into_iter()
            .map(|filter| Filter { field: filter.field, values: filter.values })
            .collect(),
        sorts: request.sorts.into_iter().map(|sort| Sort { field: sort.field, descending: sort.descending }).collect(),
        page_size: (request.page_size > 0).then_some(request.page_size),
        marker,
        reverse: request.page_reverse,
        include_shared: true,
    }
}

/// The token of the next page: the id of the last object, if there is more.
pub(super) fn next_page_token(more: bool, last: Option<&str>) -> String {
    last.filter(|_| more).unwrap_or_default().to_owned()
}

/// Which fields an update changes.
pub(super) struct Mask(Option<Vec<String>>);

impl Mask {
    /// The mask, if it names nothing but `mutable` fields; without one, every mutable field that is set changes.
    ///
    /// # Errors
    /// `ImmutableField`
    pub(super) fn new(mask: Option<FieldMask>, mutable: &[&str]) -> Result<Self, Fault> {
        let Some(mask) = mask else { return Ok(Self(None)) };
        if let Some(other) = mask.paths.iter().find(|path| !mutable.contains(&path.as_str())) {
            return Err(Fault::immutable_field(other));
        }
        Ok(Self(Some(mask.paths)))
    }

    /// The new value of a field: `value` when the mask names it, or when there is no mask and it `is_set`.
    pub(super) fn pick<T>(&self, field: &str, is_set: bool, value: T) -> Option<T> {
        let named = match &self.0 {
            Some(paths) => paths.iter().any(|path| path == field),
            None => is_set,
        };
        named.then_some(value)
    }
}

/// A field that must be there.
pub(super) fn required<T>(field: &str, value: Option<T>) -> Result<T, Fault> {
    value.ok_or_else(|| Fault::missing_field(field))
}

#[cfg(test)]
mod tests {
    use ballast_model::fault::Code;

    use super::*;

    #[test]
    fn a_mask_names_what_changes_and_nothing_fixed() {
        let mask = |paths: &[&str]| FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() };
        let update = Mask::new(Some(mask(&["name"])), &["name", "weight"]).map_err(|fault| fault.code()).unwrap();
        assert_eq!(update.pick("name", false, ""), Some(""));
        assert_eq!(update.pick("weight", true, 5), None);
        let fault = Mask::new(Some(mask(&["subnet_id"])), &["name"]).err().unwrap();
        assert_eq!(fault.code(), Code::ImmutableField);
        assert_eq!(fault.message(), "Cannot update read-only attribute subnet_id");
    }

    #[test]
    fn who_was_not_admitted_is_nobody() {
        let nobody = Caller { project_id: None, admin: false };
        assert_eq!(caller(&Request::new(())), nobody);
        let mut request = Request::new(());
        request.metadata_mut().insert("ballast-roles", "admin".parse().unwrap());
        assert_eq!(caller(&request), nobody);
        request.extensions_mut().insert(Caller { project_id: Some("p".to_owned()), admin: true });
        assert!(caller(&request).admin);
    }
}
