//! What is known of members, and what is asked for with it: a service of `ballast-l4`. Pure.
//!
//! A member that is served goes on being served until a check fails, and one that was down, or of which nothing is known,
//! waits for a check. Where nobody checks, nobody waits.

use std::collections::{BTreeMap, HashMap};

use ballast_l4::{
    desired::{self, Limit, Method, Service, State},
    prober::Verdict,
};

use super::{Forwarded, Key, Listener, Member, kept::Kept, loads::Loads};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Knowledge {
    /// Whether members are up that are checked. `None`: not known yet.
    pub up: BTreeMap<Key, Option<bool>>,
    pub loads: Loads,
}

/// What there is to know it from.
pub struct Sources<'a> {
    /// What was done last.
    pub kept: &'a Kept,
    /// Of the prober, by the names of probes.
    pub verdicts: &'a BTreeMap<String, Verdict>,
    /// As whoever ordered it knows it. `None`: that was not said, and all are served at once.
    pub told: Option<&'a HashMap<Key, bool>>,
}

impl Knowledge {
    pub fn of(asked: &Forwarded, sources: &Sources<'_>, loads: Loads) -> Self {
        let mut up = BTreeMap::new();
        for probe in &asked.probes {
            let was = |before: &&super::Probe| {
                (before.name(), &before.check, before.address) == (probe.name(), &probe.check, probe.address)
            };
            let before = sources.kept.asked.iter().flat_map(|asked| &asked.probes).find(was);
            let verdict = before.and_then(|before| sources.verdicts.get(&before.name()));
            let known = match verdict {
                Some(verdict) => verdict.up,
                None => beginning(asked, &probe.of(), sources),
            };
            // All must pass.
            up.entry(probe.of()).and_modify(|all| *all = both(*all, known)).or_insert(known);
        }
        Self { up, loads }
    }
}

/// Down is certain, and up only together.
pub fn both(one: Option<bool>, other: Option<bool>) -> Option<bool> {
    match (one, other) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        (None, _) | (_, None) => None,
    }
}

fn beginning(asked: &Forwarded, key: &Key, sources: &Sources<'_>) -> Option<bool> {
    let at = |pool: &str, member: &str| {
        let listeners = asked.listeners.iter().filter(|listener| listener.pool == pool);
        { listeners }.flat_map(|listener| &listener.members).find(|one| one.id == member).map(|one| one.address)
    };
    match (sources.kept.was_up(key, at(&key.0, &key.1)), sources.told) {
        (Some(up), _) => Some(up),
        (None, Some(told)) => told.get(key).copied(),
        (None, None) => Some(true),
    }
}

impl Forwarded {
    pub fn service(&self, knowledge: &Knowledge) -> Service {
        let listeners = self.listeners.iter().map(|listener| listener.desired(knowledge));
        Service { sources: self.sources, listeners: listeners.collect(), filters: self.filters.clone() }
    }
}

impl Listener {
    fn desired(&self, knowledge: &Knowledge) -> desired::Listener {
        let full = knowledge.loads.full.contains(&self.id);
        desired::Listener {
            id: self.id.clone(),
            addresses: self.addresses.clone(),
            protocol: self.protocol,
            port: self.port,
            method: self.method,
            persistence: self.persistence,
            limit: self.most.map(|most| Limit { most, full }),
            allowed: self.allowed.clone(),
            idle: self.idle,
            pool: self.pool.clone(),
            members: self.members.iter().map(|member| self.member(member, knowledge)).collect(),
        }
    }

    fn member(&self, asked: &Member, knowledge: &Knowledge) -> desired::Member {
        let key = (self.pool.clone(), asked.id.clone());
        let state = match (asked.admin_state_up, knowledge.up.get(&key)) {
            _ if !self.is_on() => State::Down,
            // One that waits keeps what it has, as it may have been served before anybody checked.
            (false, _) | (true, Some(None)) => State::Draining,
            (true, None | Some(Some(true))) => State::Up,
            (true, Some(Some(false))) => State::Down,
        };
        let share = knowledge.loads.shares.get(&(self.id.clone(), asked.id.clone()));
        desired::Member {
            id: asked.id.clone(),
            address: asked.address,
            weight: asked.weight,
            share: share.copied().filter(|_| self.method == Method::LeastConnections),
            backup: asked.backup,
            state,
        }
    }
}
