//! Attribute maps: what a resource's body may, must and cannot carry, as tables. Each API reads bodies by them with its own
//! words, and the documents are made from them.

mod read;

use ballast_limits::Bounds;
use serde_json::Value;

pub(crate) use self::read::Attributes;

/// A resource of the API.
pub(crate) struct Resource {
    /// The wrapper of one: `pool`.
    pub(crate) one: &'static str,
    /// The wrapper of many: `pools`.
    pub(crate) many: &'static str,
    /// The key of the links between pages: `pools_links`.
    pub(crate) links: &'static str,
    pub(crate) attributes: &'static [Attribute],
}

/// What an attribute's value must be.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Text,
    Uuid,
    /// Null is an empty list, a lone value a list of one.
    UuidList,
    Flag,
    /// At least this, and of 32 bits.
    Integer {
        least: i32,
    },
    OneOf(&'static [&'static str]),
    IntegerOneOf(&'static [i32]),
    /// Text; its syntax is the scheduler's to check.
    Address,
    /// The same, or null.
    AddressOrNone,
    /// The same for every object, so the scheduler does not know it.
    Constant(&'static str),
    /// A boolean that can only be false.
    False,
    /// Text that no refusal says back.
    Secret,
    /// A list of texts.
    Texts,
    /// 1.0 or 1.1.
    Version,
    /// An object of its own, that is made with this one.
    Part(&'static Resource),
    /// The same, several.
    Parts(&'static Resource),
    /// Checked by a function that returns the reason, in the API's words.
    Shape(fn(&Value) -> Result<(), String>),
}

/// Any integer that the wire carries.
pub(crate) const INTEGER: Kind = Kind::Integer { least: i32::MIN };

/// Whether the body of a POST has an attribute.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Post {
    Refused,
    Optional,
    Required,
}

/// One attribute of a resource.
pub(crate) struct Attribute {
    pub(crate) name: &'static str,
    /// The scheduler's name of it.
    pub(crate) wire: &'static str,
    pub(crate) kind: Kind,
    pub(crate) post: Post,
    put: bool,
    pub(crate) stored: bool,
    shown: Shown,
    within: Within,
    /// Null is no way to say that there is none.
    never_null: bool,
    /// Lists can be filtered by it.
    filter: bool,
    /// Its JSON schema, where the kind does not say enough.
    pub(crate) schema: Option<fn() -> Value>,
    /// What the scheduler takes of its kind; for the document.
    pub(crate) limit: Option<Limit>,
}

/// How much a request can ask for.
#[derive(Clone, Copy)]
pub(crate) enum Limit {
    Number(Bounds),
    Longest(usize),
}

/// How replies have an attribute.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    Always,
    OrNull,
    Never,
}

/// What an attribute is where its object is made as a part of another one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    Same,
    Optional,
    Refused,
}

impl Attribute {
    const fn new(name: &'static str, kind: Kind, post: Post) -> Self {
        Self {
            name,
            wire: name,
            kind,
            post,
            put: false,
            stored: true,
            shown: Shown::Always,
            within: Within::Same,
            never_null: false,
            filter: !matches!(kind, Kind::Texts | Kind::Part(_) | Kind::Parts(_)),
            schema: None,
            limit: None,
        }
    }

    /// Shown, never taken.
    pub(crate) const fn read_only(name: &'static str, kind: Kind) -> Self {
        Self::new(name, kind, Post::Refused)
    }

    pub(crate) const fn optional(name: &'static str, kind: Kind) -> Self {
        Self::new(name, kind, Post::Optional)
    }

    pub(crate) const fn required(name: &'static str, kind: Kind) -> Self {
        Self::new(name, kind, Post::Required)
    }

    /// Can be changed by PUT.
    pub(crate) const fn mutable(mut self) -> Self {
        self.put = true;
        self
    }

    /// Has another name on the wire.
    pub(crate) const fn called(mut self, wire: &'static str) -> Self {
        self.wire = wire;
        self
    }

    /// Taken and checked, then ignored.
    pub(crate) const fn ignored(mut self) -> Self {
        self.stored = false;
        self
    }

    /// Null in replies where there is none.
    pub(crate) const fn or_null(mut self) -> Self {
        self.shown = Shown::OrNull;
        self
    }

    /// Known, but in no reply.
    pub(crate) const fn never_shown(mut self) -> Self {
        self.shown = Shown::Never;
        self
    }

    /// Has this JSON schema, in requests and in replies.
    pub(crate) const fn like(mut self, schema: fn() -> Value) -> Self {
        self.schema = Some(schema);
        self
    }

    /// Taken within these bounds.
    pub(crate) const fn within(mut self, bounds: Bounds) -> Self {
        self.limit = Some(Limit::Number(bounds));
        self
    }

    /// Taken up to this length.
    pub(crate) const fn up_to(mut self, longest: usize) -> Self {
        self.limit = Some(Limit::Longest(longest));
        self
    }

    /// Not for an object that is a part of another one.
    pub(crate) const fn not_within(mut self) -> Self {
        self.within = Within::Refused;
        self
    }

    /// Not required of an object that is a part of another one.
    pub(crate) const fn optional_within(mut self) -> Self {
        self.within = Within::Optional;
        self
    }

    /// Refused when it is null.
    pub(crate) const fn never_null(mut self) -> Self {
        self.never_null = true;
        self
    }

    /// No list can be filtered by it.
    pub(crate) const fn no_filter(mut self) -> Self {
        self.filter = false;
        self
    }

    /// Whether a part may have it.
    pub(crate) fn in_part(&self) -> bool {
        self.in_post() && self.within != Within::Refused
    }

    /// Whether a part must have it.
    pub(crate) fn is_required_in_part(&self) -> bool {
        self.is_required() && self.within == Within::Same
    }

    pub(crate) const fn is_never_null(&self) -> bool {
        self.never_null
    }

    pub(crate) const fn is_filter(&self) -> bool {
        self.filter
    }

    pub(crate) fn in_post(&self) -> bool {
        self.post != Post::Refused
    }

    pub(crate) fn is_required(&self) -> bool {
        self.post == Post::Required
    }

    pub(crate) const fn in_put(&self) -> bool {
        self.put
    }

    pub(crate) fn is_shown(&self) -> bool {
        self.shown != Shown::Never
    }

    pub(crate) fn may_be_null(&self) -> bool {
        self.shown == Shown::OrNull
    }

    /// `tenant_id`, as most resources have it.
    pub(crate) const fn tenant() -> Self {
        Self::optional("tenant_id", Kind::Text).called("project_id")
    }
}

impl Resource {
    /// Whether no refusal may say back what was sent.
    pub(crate) fn has_secrets(&self) -> bool {
        self.attributes.iter().any(|attribute| matches!(attribute.kind, Kind::Secret))
    }

    /// The attribute of this name.
    pub(crate) fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }
}
