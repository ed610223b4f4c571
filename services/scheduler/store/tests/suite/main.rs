//! What the store promises, on each database that it runs on.
//!
//! A test takes a fresh [`Database`]; `on_each_backend!` names it, and runs it on every kind there is.
//! PostgreSQL has one container for all of them: see [`postgres`].

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod agents;
mod aggregates;
mod backups;
mod bindings;
mod certificates;
mod counting;
mod database;
mod events;
mod failing_calls;
mod files;
mod flavors;
mod full_disk;
mod given_up;
mod groups;
mod held;
mod history;
mod killed;
mod leads;
mod lists;
mod lost_commit;
mod monitors;
mod networks;
mod opening;
mod paging;
mod past;
mod ports;
mod postgres;
mod quotas;
mod requests;
mod samples;
mod schedulers;
mod shown;
mod sides;
mod transactions;
mod v2;
