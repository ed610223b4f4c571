//! Lists: what a caller asks for, one statement of it, and what is shown of each row.

pub(crate) mod fields;
pub(crate) mod listing;
pub(crate) mod query;
pub(crate) mod search;
pub(crate) mod shown;
mod tags;
