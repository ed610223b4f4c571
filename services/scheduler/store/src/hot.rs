//! SQL as text, of both databases side by side: what is asked so often that a query builder's statement costs too much,
//! or cannot be built at all. Beside it are steps of the schema, savepoints, notices, and what tells one database from
//! the other (`backend/`).

pub(crate) mod shown;
pub(crate) mod whole;
