//! Replies: an object, a list of objects, nothing; written straight from the scheduler's messages.
//!
//! Each message says itself which keys REST shows ([`Shown`]); keys that `fields` leaves out are neither made nor written.

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use prost_types::FieldMask;
use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{
    attributes::Resource,
    links::{Link, Seen},
    query::View,
    refusal::Refusal,
};

const JSON: &str = "application/json";

/// What an endpoint returns.
pub(crate) type Reply = Result<Response, Refusal>;

/// The keys that a client asked for with `fields`; all when it asked for none.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Fields(Vec<String>);

impl Fields {
    /// Sorted, so that looking them up for every key of every object stays cheap however many there are.
    pub(crate) fn new<'a>(fields: impl Iterator<Item = &'a str>) -> Self {
        let mut fields: Vec<_> = fields.map(str::to_owned).collect();
        fields.sort();
        fields.dedup();
        Self(fields)
    }

    /// The names on the wire of what is asked for, when that is not everything.
    pub(crate) fn mask(&self, wire: impl Fn(&str) -> Option<&str>) -> Option<FieldMask> {
        let paths: Vec<_> = self.0.iter().filter_map(|name| wire(name)).map(str::to_owned).collect();
        // What nobody knows is not shown: the id alone is enough to show nothing.
        let paths = if paths.is_empty() { vec!["id".to_owned()] } else { paths };
        (!self.0.is_empty()).then_some(FieldMask { paths })
    }

    fn asked(&self, name: &str) -> bool {
        self.0.is_empty() || self.0.binary_search_by(|field| field.as_str().cmp(name)).is_ok()
    }
}

/// Writes the keys of one object.
pub(crate) struct Keys<'a, M> {
    map: M,
    fields: &'a Fields,
}

impl<M: SerializeMap> Keys<'_, M> {
    /// A key whose value lies ready.
    pub(crate) fn put<V: Serialize + ?Sized>(&mut self, name: &'static str, value: &V) -> Result<(), M::Error> {
        if self.fields.asked(name) { self.map.serialize_entry(name, value) } else { Ok(()) }
    }

    /// A key whose value must be made, which is done only when it is asked for.
    pub(crate) fn make<V: Serialize>(&mut self, name: &'static str, value: impl FnOnce() -> V) -> Result<(), M::Error> {
        if self.fields.asked(name) { self.map.serialize_entry(name, &value()) } else { Ok(()) }
    }
}

/// A message that REST shows as an object.
pub(crate) trait Shown {
    /// What the links between pages name it by.
    fn id(&self) -> &str;

    /// Writes its keys.
    fn show<M: SerializeMap>(&self, keys: &mut Keys<'_, M>) -> Result<(), M::Error>;
}

impl<T: Shown> Shown for &T {
    fn id(&self) -> &str {
        T::id(self)
    }

    fn show<M: SerializeMap>(&self, keys: &mut Keys<'_, M>) -> Result<(), M::Error> {
        T::show(self, keys)
    }
}

/// Null for the empty text: the wire has no null.
pub(crate) fn present(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

/// An object with the keys that are asked for.
pub(crate) struct Object<'a, R> {
    pub(crate) object: &'a R,
    pub(crate) fields: &'a Fields,
}

impl<R: Shown> Serialize for Object<'_, R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut keys = Keys { map: serializer.serialize_map(None)?, fields: self.fields };
        self.object.show(&mut keys)?;
        keys.map.end()
    }
}

/// An object with all of its keys.
pub(crate) struct Entire<R>(pub(crate) R);

impl<R: Shown> Serialize for Entire<R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Object { object: &self.0, fields: &Fields::default() }.serialize(serializer)
    }
}

struct Objects<'a, R> {
    objects: &'a [R],
    fields: &'a Fields,
}

impl<R: Shown> Serialize for Objects<'_, R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.objects.iter().map(|object| Object { object, fields: self.fields }))
    }
}

struct Wrapped<'a, V> {
    wrapper: &'a str,
    value: V,
    /// By their key.
    links: Option<(&'a str, Vec<Link>)>,
}

impl<V: Serialize> Serialize for Wrapped<'_, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry(self.wrapper, &self.value)?;
        if let Some((key, links)) = &self.links {
            map.serialize_entry(key, links)?;
        }
        map.end()
    }
}

/// 200 with one object.
pub(crate) fn one<R: Shown>(resource: &Resource, object: &R, fields: &Fields) -> Response {
    wrapped(StatusCode::OK, resource.one, &Object { object, fields })
}

/// 201 with the object that was made.
pub(crate) fn created<R: Shown>(resource: &Resource, object: &R) -> Response {
    wrapped(StatusCode::CREATED, resource.one, &Object { object, fields: &Fields::default() })
}

/// 200 with the objects of a list that is all of them.
pub(crate) fn many<R: Shown>(resource: &Resource, objects: &[R], view: &View) -> Response {
    page(resource, objects, view, false)
}

/// 200 with the objects of a list, and the links to its neighbours where it was asked for by pages.
pub(crate) fn page<R: Shown>(resource: &Resource, objects: &[R], view: &View, more: bool) -> Response {
    let value = Objects { objects, fields: &view.fields };
    let ids = objects.first().map(Shown::id).zip(objects.last().map(Shown::id));
    let seen = Seen { count: objects.len(), ids, more };
    let links = view.page.as_ref().map(|page| (page.name, (page.links)(page, &seen)));
    json(StatusCode::OK, &Wrapped { wrapper: resource.many, value, links })
}

/// A value in its wrapper.
pub(crate) fn wrapped<V: Serialize>(status: StatusCode, wrapper: &str, value: &V) -> Response {
    json(status, &Wrapped { wrapper, value, links: None })
}

/// 204: the object is gone.
pub(crate) fn gone() -> Response {
    empty(StatusCode::NO_CONTENT)
}

/// Nothing but a status.
pub(crate) fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// A JSON body as it is.
pub(crate) fn json<V: Serialize>(status: StatusCode, value: &V) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => with_type(status, JSON, body.into()),
        // Texts and numbers of our own messages can always be written.
        Err(error) => {
            tracing::error!(%error, "a reply could not be written");
            text(StatusCode::INTERNAL_SERVER_ERROR, "The reply could not be written.")
        }
    }
}

/// A JSON body that is written while it is sent.
pub(crate) fn streamed(status: StatusCode, body: Body) -> Response {
    with_type(status, JSON, body)
}

/// A JSON body that is written already.
pub(crate) fn written(status: StatusCode, body: axum::body::Bytes) -> Response {
    with_type(status, JSON, body.into())
}

/// With the character set behind JSON's type, as v1 has it.
pub(crate) fn in_utf8(mut response: Response) -> Response {
    if let Some(media) = response.headers_mut().get_mut(header::CONTENT_TYPE).filter(|media| *media == JSON) {
        *media = HeaderValue::from_static("application/json; charset=UTF-8");
    }
    response
}

/// Plain text.
pub(crate) fn text(status: StatusCode, text: &'static str) -> Response {
    with_type(status, "text/plain; charset=UTF-8", text.into())
}

fn with_type(status: StatusCode, media: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    response
}
