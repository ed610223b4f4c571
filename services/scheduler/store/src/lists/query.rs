//! Lists: what a caller asks for, and what it gets.
//!
//! Fields and values are those of REST, as text; [`fields`](crate::lists::fields) knows what they are in the tables,
//! and [`listing`](crate::lists::listing) makes one statement of them.

use ballast_model::{Uuid, ids::LoadBalancerId};

use crate::backend::By;

/// What a caller asks of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// Only what this project may see; absent: everything.
    pub project_id: Option<String>,
    /// All must match.
    pub filters: Vec<Filter>,
    /// The first one counts most; the order of creation comes last.
    pub sorts: Vec<Sort>,
    /// Absent or 0: everything.
    pub page_size: Option<u32>,
    /// The id of an object of the list: the page begins after it, or ends before it when `reverse`.
    pub marker: Option<Uuid>,
    /// The page before the marker instead of the one after it, in the same order.
    pub reverse: bool,
    /// With a `project_id`, for networks and subnets: shared ones too.
    pub include_shared: bool,
    pub view: View,
    pub tags: TagFilter,
    /// In one of the texts that an object is found by; empty: it does not matter.
    pub search: String,
}

/// Whose words fields and filters are in, and which objects there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum View {
    /// What LBaaS v1 can say. A filter on a field that is not there is ignored, and so are empty values.
    #[default]
    V1,
    /// Everything. A filter on a field that is not there is refused, and so is a marker that is not.
    V2,
}

/// What tags objects must have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TagFilter {
    /// All of these.
    pub all: Vec<String>,
    /// One of these; none: it does not matter.
    pub any: Vec<String>,
    /// Not all of these.
    pub not_all: Vec<String>,
    /// None of these.
    pub not_any: Vec<String>,
}

impl TagFilter {
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.all.is_empty() && self.any.is_empty() && self.not_all.is_empty() && self.not_any.is_empty()
    }
}

impl Query {
    pub(crate) fn by(&self) -> By {
        let is_whole =
            self.filters.is_empty() && self.sorts.is_empty() && self.tags.is_empty() && self.search.is_empty();
        if is_whole { By::Index } else { By::Choice }
    }
}

/// A field that must have one of some values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// The REST field's name. One that the kind does not have is ignored.
    pub field: String,
    /// As in REST; empty ones are ignored, and with none left the filter is.
    pub values: Vec<String>,
}

/// A field to sort by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sort {
    pub field: String,
    pub descending: bool,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Whether there is more in the direction that was asked for.
    pub more: bool,
}

/// What is listed by load balancer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    LoadBalancer,
    L7Policy,
    HealthMonitor,
    Pool,
    Listener,
    Member,
}

/// An object of a list, and the load balancer that it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Found {
    pub id: Uuid,
    pub load_balancer_id: LoadBalancerId,
}
