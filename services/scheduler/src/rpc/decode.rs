//! What all services decode: the caller, ids, lists, masks.

use std::{
    collections::{HashMap, HashSet},
    str::FromStr,
    sync::LazyLock,
};

use ballast_model::{
    Uuid, check,
    fault::{Fault, Form, Reason},
};
use ballast_proto::{API_PACKAGES, DESCRIPTORS, v1};
use ballast_store::{Filter, Query, Sort, TagFilter, View};
use prost::{Message as _, Name};
use prost_types::{FieldMask, FileDescriptorProto, FileDescriptorSet};
use tonic::Request;

use crate::app::Caller;

/// The caller, as he was admitted. Who was not sees nothing.
pub(super) fn caller<T>(request: &Request<T>) -> Caller {
    let nobody = || Caller { project_id: None, admin: false };
    request.extensions().get().cloned().unwrap_or_else(nobody)
}

/// An id; one that is malformed names nothing.
pub(super) fn id<'a, I: FromStr>(text: &'a str, not_found: impl FnOnce(&'a str) -> Fault) -> Result<I, Fault> {
    text.parse().map_err(|_| not_found(text))
}

/// A required reference to another object.
pub(super) fn reference<I: FromStr>(field: &str, text: &str) -> Result<I, Fault> {
    if text.is_empty() {
        return Err(Fault::missing_field(field));
    }
    text.parse().map_err(|_| check::malformed(field, text, Form::Uuid))
}

/// The message that a request is about.
pub(super) fn body<T>(field: &str, message: Option<T>) -> Result<T, Fault> {
    message.ok_or_else(|| Fault::missing_field(field))
}

/// How many values all filters together may have: each is a parameter of one statement.
pub(super) const MOST_VALUES: u32 = 10_000;

/// A list, within what the caller may see. What is there twice counts once: by what it was sorted already sorts nothing
/// more.
///
/// # Errors
/// When it has more than can be asked at once.
pub(super) fn query(caller: &Caller, request: v1::ListRequest) -> Result<Query, Fault> {
    let marker = match request.page_token.as_str() {
        "" => None,
        // A marker that names nothing is after everything.
        text => Some(Uuid::parse_str(text).unwrap_or(Uuid::nil())),
    };
    let mut values = 0;
    let filter = |filter: v1::Filter| {
        let mut seen = HashSet::new();
        let distinct: Vec<String> = filter.values.into_iter().filter(|value| seen.insert(value.clone())).collect();
        values += distinct.len();
        Filter { field: filter.field, values: distinct }
    };
    let filters = request.filters.into_iter().map(filter).collect();
    if values > MOST_VALUES as usize {
        return Err(Fault::invalid_field("filters", Reason::TooManyValues { most: MOST_VALUES }));
    }
    let mut sorted = HashSet::new();
    let sorts = request.sorts.into_iter().filter(|sort| sorted.insert(sort.field.clone()));
    Ok(Query {
        project_id: caller.scope(),
        filters,
        sorts: sorts.map(|sort| Sort { field: sort.field, descending: sort.descending }).collect(),
        page_size: (request.page_size > 0).then_some(request.page_size),
        marker,
        reverse: request.page_reverse,
        include_shared: true,
        search: String::new(),
        view: View::V1,
        tags: TagFilter::default(),
    })
}

/// The token of the next page: the id of the last object, if there is more.
pub(super) fn next_page_token(more: bool, last: Option<&str>) -> String {
    last.filter(|_| more).unwrap_or_default().to_owned()
}

/// The fields of each message of the API, by its full name, as clients know them.
static FIELDS: LazyLock<HashMap<String, HashSet<String>>> = LazyLock::new(|| {
    let files = FileDescriptorSet::decode(DESCRIPTORS).unwrap_or_default().file.into_iter();
    let of_file = |file: FileDescriptorProto| {
        let package = file.package().to_owned();
        file.message_type.into_iter().map(move |message| {
            let fields = message.field.iter().map(|field| field.name().to_owned()).collect();
            (format!("{package}.{}", message.name()), fields)
        })
    };
    files.filter(|file| API_PACKAGES.contains(&file.package())).flat_map(of_file).collect()
});

/// Which fields an update changes.
pub(super) struct Mask(Option<Vec<String>>);

impl Mask {
    /// The mask of an update of a message `M`, if it names nothing but `mutable` fields; `*` names all of them. Without
    /// one, every mutable field that is set changes.
    ///
    /// # Errors
    /// `ImmutableField`; `InvalidField` for what is no field of the message.
    pub(super) fn new<M: Name>(mask: Option<FieldMask>, mutable: &[&str]) -> Result<Self, Fault> {
        let Some(mask) = mask else { return Ok(Self(None)) };
        if mask.paths == ["*"] {
            return Ok(Self(Some(mutable.iter().map(|field| (*field).to_owned()).collect())));
        }
        if let Some(other) = mask.paths.iter().find(|path| !mutable.contains(&path.as_str())) {
            if FIELDS.get(&M::full_name()).is_some_and(|fields| fields.contains(other)) {
                return Err(Fault::immutable_field(other));
            }
            let reason = Reason::NoFieldOf { value: other.clone(), message: M::NAME.to_owned() };
            return Err(Fault::invalid_field("update_mask", reason));
        }
        Ok(Self(Some(mask.paths)))
    }

    /// The mask that names all of these: of what is made.
    pub(super) fn all(fields: &[&str]) -> Self {
        Self(Some(fields.iter().map(|field| (*field).to_owned()).collect()))
    }

    /// Whether it names nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.0.as_ref().is_some_and(Vec::is_empty)
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

/// Which fields a list is to show; none: all.
pub(super) struct ReadMask(Vec<String>);

impl ReadMask {
    pub(super) fn new(mask: Option<FieldMask>) -> Self {
        Self(mask.map(|mask| mask.paths).unwrap_or_default())
    }

    /// Whether the field is wanted.
    pub(super) fn has(&self, field: &str) -> bool {
        self.0.is_empty() || self.0.iter().any(|path| path == field)
    }
}

/// A field that must be there.
pub(super) fn required<T>(field: &str, value: Option<T>) -> Result<T, Fault> {
    value.ok_or_else(|| Fault::missing_field(field))
}

#[cfg(test)]
mod tests {
    use ballast_proto::v2;

    use super::*;

    #[test]
    fn a_mask_names_what_changes_and_nothing_fixed() {
        let mask = |paths: &[&str]| FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() };
        let new = |paths: &[&str]| Mask::new::<v1::Pool>(Some(mask(paths)), &["name", "weight"]);
        let update = new(&["name"]).map_err(|fault| fault.code()).unwrap();
        assert_eq!(update.pick("name", false, ""), Some(""));
        assert_eq!(update.pick("weight", true, 5), None);
        assert_eq!(new(&["*"]).ok().unwrap().pick("weight", false, 5), Some(5));
        let fault = new(&["name", "nonsense"]).err().unwrap();
        let reason = Reason::NoFieldOf { value: "nonsense".to_owned(), message: "Pool".to_owned() };
        assert_eq!(fault, Fault::invalid_field("update_mask", reason));
        let fault = new(&["subnet_id"]).err().unwrap();
        assert_eq!(fault, Fault::immutable_field("subnet_id"));
        // Of another view of the same thing.
        let fault = Mask::new::<v2::Pool>(Some(mask(&["subnet_id"])), &["name"]).err().unwrap();
        assert_eq!(fault.field(), Some("update_mask"));
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
