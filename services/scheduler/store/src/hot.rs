//! SQL as text, of both databases side by side: what is asked so often that a query builder's statement costs too much,
//! or cannot be built at all. What lists show (`shown/`) still has text of its own; so have steps of the schema, savepoints,
//! notices, and what tells one database from the other (`backend/`).

pub(crate) mod whole;
