//! Requests that the load balancer answers itself, at port 80: on the listener that is there, before all else, or on a frontend
//! that is there for nothing else and has a name that no listener has.
//!
//! Answers are written into the configuration, and come and go with a new process, whose predecessor finishes its connections:
//! what listens differs anyway, and it happens a few times in the life of a certificate. A map that a process could be told of
//! would be looked into for each request of each load balancer, for years in which nobody asks.

use std::net::{IpAddr, SocketAddr};

use ballast_namespace::validate::ANSWERING;

use super::{Extra, Frontend, Mode, uses::AND};
use crate::validate::{Listener, Validated};

/// What is before the load balancer's id in the name of the frontend.
const NAME: &str = "answers";

/// Adds what is answered to the frontend of a listener; otherwise nothing.
pub(super) fn with(extra: Extra, validated: &Validated, listener: &Listener) -> Extra {
    if !validated.is_answering(listener) {
        return extra;
    }
    Extra { answers: validated.answers.clone(), ..extra }
}

/// The frontend that is there for the answers alone. None: there are none, or a listener has the port.
pub(super) fn alone(validated: &Validated, addresses: &[IpAddr]) -> Option<Frontend> {
    let is_served = validated.listeners.iter().any(|listener| validated.is_answering(listener));
    if validated.answers.is_empty() || !validated.admin_state_up || is_served {
        return None;
    }
    if validated.is_speechless() {
        tracing::warn!(
            load_balancer = validated.id.as_str(),
            "nothing is answered at port 80: the listener there sees no requests"
        );
        return None;
    }
    let mut binds = addresses.iter().map(|address| SocketAddr::new(*address, ANSWERING));
    Some(Frontend {
        id: format!("{NAME}{AND}{}", validated.id.as_str()),
        mode: Mode::Http,
        bind: binds.next()?,
        more_binds: binds.collect(),
        maxconn: None,
        pool: None,
        extra: Extra {
            forwarded_for: false,
            answers: validated.answers.clone(),
            answers_alone: true,
            ..Extra::default()
        },
        tls: None,
        share: None,
    })
}
