//! All state of the scheduler, in one database: the only user of sea-orm.
//!
//! The scheduler's use cases see [`Store`], which runs a piece of [`Work`] in one transaction, and [`Tx`], which reads and
//! writes the model's nouns inside it. Nothing of SQL or of sea-orm leaves this crate, and no rule of the model is decided
//! in it: it keeps what it is given, and refuses what others changed meanwhile.

mod agents;
mod aggregate;
mod backend;
mod batch;
mod bindings;
mod cache;
mod changed;
mod codec;
mod entity;
mod events;
mod fields;
mod holds;
mod hot;
mod listing;
mod migration;
mod monitors;
mod moves;
mod network_changes;
mod networks;
mod notice;
mod parts;
mod pieces;
mod ports;
mod query;
mod quotas;
mod requests;
mod sessions;
mod shown;
mod statistics;
mod store;
mod stray_ports;
mod whole;
mod writers;

pub use self::{
    backend::{Heard, Hearing},
    bindings::{Binding, BoundLoadBalancer, Phase},
    cache::Memory,
    events::{Change, Changes, EventKind, Position},
    holds::Hold,
    moves::{Journal, Moved, Told},
    notice::Notice,
    query::{Filter, Found, Kind, Page, Query, Sort},
    quotas::OwnLimits,
    requests::{Claim, request_id_reused},
    sessions::Scheduler,
    shown::{PoolParts, ShownMember, ShownPool},
    store::{OpenError, Scope, Store, Tx, Work, without_password},
    whole::Placed,
};
