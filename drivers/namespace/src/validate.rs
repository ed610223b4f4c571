//! From the message to [`Validated`].
//!
//! Allow-lists only. What cannot be told apart (an id that is none) or carries everything (the VIP) refuses the whole load
//! balancer with INVALID_ARGUMENT, naming object and field. Everything else that cannot be run becomes a fault of its
//! object and is left out, so that it does not take the others down: they can be changed, and deleted, whatever it is.

mod answers;
mod faults;
mod listeners;
mod members;
mod monitors;
mod network;
mod pools;
mod text;
pub mod tls;
mod validated;

use std::collections::{BTreeSet, HashMap};

use ballast_abi::{DriverError, Health, KnownHealth, LoadBalancer, MemberHealth, Protocol};
use ballast_netns::networks::Networks;

pub use faults::Faults;
pub use network::{ETHERNET, is_networks};
pub use text::id;
pub use validated::{
    ANSWERING, Address, Answer, Check, Clients, HttpVersion, Id, Listener, Member, Monitor, Parts, Persistence, Pool,
    Route, Side, Timeouts, Validated, Vip,
};

/// What differs between drivers.
#[derive(Clone, Debug)]
pub struct Rules {
    pub networks: Networks,
    /// The driver's section of the configuration, for who has to correct it.
    pub section: &'static str,
    pub fits: Fits,
    pub is_forwarded: IsForwarded,
    /// The kernel says who may connect to listeners that it does not serve as well.
    pub filters: bool,
}

/// Whether a pool of the second protocol can be behind a listener of the first.
pub type Fits = fn(Protocol, Protocol) -> bool;
/// Whether the kernel serves pools and listeners of this protocol. So nobody else serves a pool that it serves, and
/// no member is checked twice.
pub type IsForwarded = fn(Protocol) -> bool;

/// Checks a load balancer; with it what of it cannot be run. `more`: makes of a listener, and of what was asked for, the
/// driver's own; `None`: it is left out.
///
/// # Errors
/// INVALID_ARGUMENT, or UNSUPPORTED for a network that this driver cannot plug into.
pub fn validate<L: AsRef<Listener>>(
    load_balancer: &LoadBalancer,
    rules: &Rules,
    mut more: impl FnMut(Listener, &ballast_abi::Listener, &[Pool], &mut Faults) -> Result<Option<L>, DriverError>,
) -> Result<(Validated<L>, Faults), DriverError> {
    let mut faults = Faults::default();
    let mut pools = Vec::new();
    for asked in &load_balancer.pools {
        pools.push(pools::pool(asked, load_balancer, rules.is_forwarded, &mut faults)?);
    }
    let mut listeners: Vec<L> = Vec::new();
    for asked in &load_balancer.listeners {
        let id = id("listener", "id", &asked.id)?;
        let others = listeners.iter().map(AsRef::as_ref);
        let made = listeners::listener(id, asked, (&pools, rules), others, &mut faults);
        let Some(mut made) = faults.keep(&asked.id, made) else { continue };
        made.allowed = listeners::allowed(asked, &mut faults);
        listeners.extend(more(made, asked, &pools, &mut faults)?);
    }
    let validated = Validated(Parts {
        id: id("load balancer", "id", &load_balancer.id)?,
        project: text::comment(&load_balancer.project_id),
        admin_state_up: load_balancer.admin_state_up,
        vip: network::all(load_balancer, rules)?.map(|(vip, wrong)| {
            wrong.into_iter().for_each(|error| faults.add_to_vip(load_balancer, error));
            vip
        }),
        listeners,
        pools,
        answers: answers::answers(load_balancer, &mut faults),
        filters: rules.filters,
        known: load_balancer.known_health.as_ref().map(known),
        unconfirmed: load_balancer.unconfirmed,
    });
    unique(&validated)?;
    Ok((validated, faults))
}

/// A health that is not understood is one that is not known.
fn known(known: &KnownHealth) -> HashMap<(String, String), bool> {
    let of = |member: &MemberHealth| {
        let up = match member.health() {
            Health::Up => true,
            Health::Down => false,
            Health::Unspecified => return None,
        };
        Some(((member.pool_id.clone(), member.member_id.clone()), up))
    };
    known.members.iter().filter_map(of).collect()
}

/// `INVALID_ARGUMENT` that names object and field.
pub fn refuse(object: &str, id: &str, field: &str, why: &str) -> DriverError {
    DriverError::invalid_argument(format!("{object} {id}: {field} {why}"))
}

/// Two objects of one id would be one proxy, server or line of the notes.
fn unique<L: AsRef<Listener>>(validated: &Validated<L>) -> Result<(), DriverError> {
    let mut seen = BTreeSet::new();
    for pool in &validated.pools {
        if !seen.insert(&pool.id) {
            return Err(refuse("pool", pool.id.as_str(), "id", "is there twice"));
        }
        let mut members = BTreeSet::new();
        if let Some(twice) = pool.members.iter().find(|member| !members.insert(&member.id)) {
            return Err(refuse("member", twice.id.as_str(), "id", "is there twice"));
        }
    }
    // A listener and a pool may have one id, so they are counted for themselves.
    let mut seen = BTreeSet::new();
    let mut listeners = validated.listeners.iter().map(AsRef::as_ref);
    match listeners.find(|listener| !seen.insert(&listener.id)) {
        Some(twice) => Err(refuse("listener", twice.id.as_str(), "id", "is there twice")),
        None => Ok(()),
    }
}

pub fn protocol(value: i32) -> Option<Protocol> {
    match Protocol::try_from(value) {
        Ok(Protocol::Unspecified) | Err(_) => None,
        Ok(protocol) => Some(protocol),
    }
}

fn port(value: u32) -> Option<u16> {
    u16::try_from(value).ok()
}
