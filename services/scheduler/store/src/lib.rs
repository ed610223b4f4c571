//! All state of the scheduler, in one database: the only user of sea-orm.
//!
//! The scheduler's use cases see [`Store`], which runs a piece of [`Work`] in one transaction, and [`Tx`], which reads and
//! writes the model's nouns inside it. Nothing of SQL or of sea-orm leaves this crate, and no rule of the model is decided
//! in it: it keeps what it is given, and refuses what others changed meanwhile.

mod agents;
mod bindings;
mod holds;
mod networks;
mod query;
mod store;
mod stubs;

pub use self::{
    bindings::{Binding, BoundLoadBalancer, Phase},
    holds::Hold,
    networks::Port,
    query::{Filter, Found, Kind, Page, Query, Sort},
    store::{OpenError, Scope, Store, Tx, Work},
};
