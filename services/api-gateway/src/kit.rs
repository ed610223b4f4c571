//! What the two APIs have in common: attribute maps, the table of routes, queries, pages, replies, refusals, the documents.
//! Nothing here has words of either.

pub(crate) mod at;
pub(crate) mod attributes;
pub(crate) mod links;
pub(crate) mod number;
pub(crate) mod openapi;
pub(crate) mod pages;
pub(crate) mod payload;
pub(crate) mod query;
pub(crate) mod refusal;
pub(crate) mod reply;
pub(crate) mod spelling;
pub(crate) mod table;
