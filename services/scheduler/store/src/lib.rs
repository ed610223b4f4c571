//! All state of the scheduler, in one database: the only user of sea-orm.
//!
//! The scheduler's use cases see [`Store`], which runs a piece of [`Work`] in one transaction, and [`Tx`], which reads
//! and writes the model's nouns inside it. Nothing of SQL or of sea-orm leaves this crate, and no rule of the model is
//! decided in it: it keeps what it is given, and refuses what others changed meanwhile.

mod acme;
mod agents;
mod backend;
mod backup;
mod barbican;
mod bindings;
mod certificates;
mod codec;
mod entity;
mod events;
mod flavors;
mod former;
mod handovers;
mod history;
mod holds;
mod hot;
mod leads;
mod lists;
mod metrics;
mod migration;
mod monitors;
mod moves;
mod network_changes;
mod networks;
mod notice;
mod parts;
mod ports;
mod profiles;
mod quotas;
mod read;
mod requests;
mod secrets;
mod sessions;
mod sides;
mod statistics;
mod store;
mod stray_ports;
mod successors;
mod tally;
mod traces;
mod tx;
mod url;
mod write;

pub use self::{
    acme::AcmeAccount,
    backend::{Notification, Notifications},
    backup::{BackupError, back_up},
    barbican::{BarbicanConsumer, BarbicanGrant},
    bindings::{Binding, BoundLoadBalancer, Phase},
    certificates::{SealedCertificate, certificate_not_found},
    events::{By, Cause, Change, Changes, EventKind, Position, Settled, Why, because},
    flavors::{flavor_not_found, zone_not_found},
    former::Ending,
    handovers::Handover,
    history::{Difference, Revision, before},
    holds::Hold,
    leads::{Lead, leading},
    lists::query::{Filter, Found, Kind, Page, Query, Sort, TagFilter, View},
    lists::shown::{PoolParts, ShownMember, ShownPool},
    moves::{Journal, Moved, Told},
    notice::Notice,
    parts::Parts,
    profiles::profile_not_found,
    quotas::OwnLimits,
    read::cache::Memory,
    read::whole::Placed,
    requests::{Claim, request_id_reused},
    secrets::{Secret, SecretUser},
    sessions::Scheduler,
    sides::{Election, Side},
    statistics::Tally,
    store::{OpenError, Scope, Store, Work},
    successors::{Stage, Successor},
    tx::Tx,
    url::without_password,
};
