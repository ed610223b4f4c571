//! The nouns of Ballast and their rules.
//!
//! Pure: no I/O, no clock, no randomness, no async; `now`, ids and random numbers are arguments. What a change does to a
//! load balancer is decided here and nowhere else: the scheduler loads an aggregate, calls a transition, saves.
//!
//! The unit of everything is the [`LoadBalancer`](load_balancer::LoadBalancer) aggregate. LBaaS v1 is a [view](view::v1) of it.

pub mod agent;
pub mod certificate;
pub mod check;
pub mod counters;
pub mod fault;
pub mod features;
pub mod flavor;
pub mod health_monitor;
pub mod ids;
pub mod l7;
pub mod labels;
pub mod listener;
pub mod load_balancer;
pub mod member;
pub mod network;
pub mod operating;
pub mod outcome;
pub mod parts;
pub mod plugs;
pub mod pool;
pub mod port;
pub mod provider;
pub mod quota;
pub mod side;
pub mod status;
pub mod subnet;
pub mod time;
pub mod tls;
pub mod told;
pub mod view;

pub use uuid::Uuid;

/// Changes a field when there is a new value for it.
fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}
