//! The page of a haproxy that the load balancers of a project share: what each of them is to have in it, and all of it
//! together. Pure.
//!
//! Names of listeners and pools are ids, so they are each one's own. A listener binds in the network namespace of its load
//! balancer, and a pool's members are reached and checked from there. The namespace's name has its number: haproxy takes
//! sockets over by address and name, and one of a namespace that is gone must not be taken for one of the next.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs::File,
    hash::{DefaultHasher, Hash, Hasher},
    io,
    os::unix::fs::MetadataExt,
};

use serde::{Deserialize, Serialize};

use super::Page;
use crate::{
    counters::{Counted, Totals},
    haproxy::statistics::Reading,
    ping::Echoes,
};

/// What a load balancer is to have in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Part {
    /// The name of its network namespace, as haproxy finds it.
    pub(crate) namespace: String,
    pub(crate) page: Page,
    /// All of its listeners, also those that are down: their counters go on.
    pub(crate) listeners: Vec<String>,
    /// The members of all of its pools, for the same reason.
    pub(crate) pools: BTreeMap<String, Vec<String>>,
    pub(crate) echoes: Vec<Echoes>,
}

/// By load balancer.
pub(crate) type Parts = BTreeMap<String, Part>;

/// Whose a listener or a pool is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Share {
    pub(crate) of: String,
    pub(crate) namespace: String,
}

/// Of a load balancer in a whole page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Shared {
    pub(crate) id: String,
    pub(crate) generation: u64,
    pub(crate) namespace: String,
    pub(crate) listeners: Vec<String>,
    pub(crate) pools: BTreeMap<String, Vec<String>>,
}

impl Shared {
    /// By pool.
    pub(crate) fn members(&self) -> impl Iterator<Item = (&str, HashSet<&str>)> {
        self.pools.iter().map(|(id, members)| (id.as_str(), members.iter().map(String::as_str).collect()))
    }

    /// What of all that the process has counted is this load balancer's.
    pub(crate) fn counted(&self, all: &Counted) -> Counted {
        let its = self.listeners.iter().filter_map(|id| Some((id.clone(), *all.listeners.get(id)?)));
        let listeners: BTreeMap<String, Totals> = its.collect();
        let totals = listeners.values().fold(Totals::default(), |sum, totals| sum + *totals);
        let pools = self.pools.keys().filter_map(|id| Some((id.clone(), all.pools.get(id)?.clone()))).collect();
        Counted { totals, listeners, pools }
    }
}

/// The name of a namespace of this load balancer.
pub(crate) fn name(id: &str, namespace: &File) -> io::Result<String> {
    Ok(format!("{id}.{}", namespace.metadata()?.ino()))
}

impl Page {
    /// With these parts, in a page that has what all of them share.
    pub(crate) fn with_parts(self, parts: &Parts) -> Self {
        let mut whole = self;
        for (id, part) in parts {
            let Part { namespace, page, listeners, pools, .. } = part;
            let share = Some(Share { of: id.clone(), namespace: namespace.clone() });
            whole.sticky |= page.sticky;
            whole.secrets.extend(page.secrets.iter().cloned());
            whole.frontends.extend(page.frontends.iter().cloned().map(|mut one| {
                one.share.clone_from(&share);
                one
            }));
            whole.backends.extend(page.backends.iter().cloned().map(|mut one| {
                one.share.clone_from(&share);
                one
            }));
            let (generation, namespace, listeners) = (page.generation, namespace.clone(), listeners.clone());
            whole.shares.push(Shared { id: id.clone(), generation, namespace, listeners, pools: pools.clone() });
        }
        whole.generation = number(&whole.shares);
        whole
    }

    /// What of it is this load balancer's. `None`: it has no part in it.
    pub(crate) fn part(&self, id: &str) -> Option<Self> {
        let shared = self.shared(id)?.clone();
        let is_its = |share: &Option<Share>| share.as_ref().is_some_and(|share| share.of == id);
        Some(Self {
            id: self.id.clone(),
            project: self.project.clone(),
            generation: shared.generation,
            nbthread: self.nbthread,
            maxconn: self.maxconn,
            hard_stop_after: self.hard_stop_after,
            timeouts: self.timeouts,
            skip_ca_bundle: self.skip_ca_bundle,
            log: self.log.clone(),
            sticky: self.sticky,
            peers: None,
            frontends: self.frontends.iter().filter(|one| is_its(&one.share)).cloned().collect(),
            backends: self.backends.iter().filter(|one| is_its(&one.share)).cloned().collect(),
            shares: vec![shared],
            secrets: self.secrets.iter().filter(|one| one.is_of(id)).cloned().collect(),
        })
    }

    /// For somebody to look at. A namespace has its number only once it is there, and none is named here.
    pub(crate) fn without_numbers(mut self) -> Self {
        let of_frontends = self.frontends.iter_mut().map(|one| &mut one.share);
        let shares = of_frontends.chain(self.backends.iter_mut().map(|one| &mut one.share));
        shares.flatten().for_each(|share| share.namespace.clone_from(&share.of));
        self
    }

    /// The load balancer of a secret that these words name by its path.
    pub(crate) fn owner_of_secret(&self, words: &str) -> Option<&str> {
        let secret = self.secrets.iter().find(|one| words.contains(&one.path()))?;
        self.shares.iter().map(|shared| shared.id.as_str()).find(|id| secret.is_of(id))
    }

    pub(crate) fn shared(&self, id: &str) -> Option<&Shared> {
        self.shares.iter().find(|shared| shared.id == id)
    }

    /// What a process says, by load balancer: it has one number for all that it serves.
    pub(crate) fn split(&self, reading: &Reading) -> HashMap<String, Reading> {
        let is_this = reading.generation == Some(self.generation);
        let generation = |shared: &Shared| if is_this { Some(shared.generation) } else { reading.generation };
        let empty = |shared: &Shared| Reading { generation: generation(shared), ..Reading::default() };
        let mut parts: HashMap<String, Reading> =
            self.shares.iter().map(|shared| (shared.id.clone(), empty(shared))).collect();
        let mut owners: HashMap<&str, &str> = HashMap::new();
        owners.extend(self.frontends.iter().filter_map(|one| Some((one.id.as_str(), one.share.as_ref()?.of.as_str()))));
        let mut pools: HashMap<&str, &str> = HashMap::new();
        pools.extend(self.backends.iter().filter_map(|one| Some((one.id.as_str(), one.share.as_ref()?.of.as_str()))));
        let mut of = |owner: Option<&&str>, put: &mut dyn FnMut(&mut Reading)| {
            if let Some(part) = owner.and_then(|id| parts.get_mut(*id)) {
                put(part);
            }
        };
        for (id, listened) in &reading.listeners {
            of(owners.get(id.as_str()), &mut |part| {
                part.listeners.insert(id.clone(), *listened);
            });
        }
        for (backend, behind) in &reading.behind {
            of(pools.get(backend.as_str()), &mut |part| {
                part.behind.insert(backend.clone(), behind.clone());
            });
        }
        for (key, health) in &reading.health {
            of(pools.get(key.0.as_str()), &mut |part| {
                part.health.insert(key.clone(), *health);
            });
        }
        for (key, checked) in &reading.checked {
            of(pools.get(key.0.as_str()), &mut |part| {
                part.checked.insert(key.clone(), checked.clone());
            });
        }
        parts
    }

    /// Whether it has a listener or a backend of this name.
    pub(crate) fn has(&self, proxy: &str) -> bool {
        self.frontends.iter().any(|one| one.id == proxy) || self.backends.iter().any(|one| one.id == proxy)
    }

    /// Whose the listener or the backend of this name is.
    pub(crate) fn owner(&self, proxy: &str) -> Option<&str> {
        let frontend = self.frontends.iter().find(|one| one.id == proxy).and_then(|one| one.share.as_ref());
        let backend = || self.backends.iter().find(|one| one.id == proxy).and_then(|one| one.share.as_ref());
        frontend.or_else(backend).map(|share| share.of.as_str())
    }
}

/// A process says one number of itself, and it stands for the generations of all that it serves.
fn number(shares: &[Shared]) -> u64 {
    let mut hasher = DefaultHasher::new();
    shares.iter().for_each(|shared| (&shared.id, shared.generation).hash(&mut hasher));
    // 0 says nothing.
    hasher.finish().max(1)
}

#[cfg(test)]
mod tests {
    use ballast_abi::{PersistenceType, Protocol, SessionPersistence};

    use super::*;
    use crate::{render::render, samples};

    /// Of a load balancer of this name, with names of its own.
    fn part(id: &str, generation: u64) -> Part {
        let mut asked = samples::load_balancer(Protocol::Http);
        asked.id = id.into();
        asked.listeners[0].id = format!("{id}-listener");
        asked.listeners[0].default_pool_id = format!("{id}-pool");
        asked.pools[0].id = format!("{id}-pool");
        let page = Page { generation, ..samples::page(&asked) };
        let listeners = vec![asked.listeners[0].id.clone()];
        let members = asked.pools[0].members.iter().map(|member| member.id.clone()).collect();
        let pools = BTreeMap::from([(asked.pools[0].id.clone(), members)]);
        Part { namespace: format!("{id}.4026532000"), page, listeners, pools, echoes: Vec::new() }
    }

    fn whole(parts: &Parts) -> Page {
        let page = samples::page(&samples::load_balancer(Protocol::Http));
        let (frontends, backends) = (Vec::new(), Vec::new());
        Page { id: "project:p".into(), frontends, backends, ..page }.with_parts(parts)
    }

    fn parts(ids: &[(&str, u64)]) -> Parts {
        ids.iter().map(|(id, generation)| ((*id).to_owned(), part(id, *generation))).collect()
    }

    #[test]
    fn each_has_what_is_its_own_in_its_own_namespace() {
        let both = whole(&parts(&[("a", 3), ("b", 4)]));
        assert_eq!([both.owner("a-listener"), both.owner("b-pool"), both.owner("c")], [Some("a"), Some("b"), None]);
        let part = both.part("b").unwrap();
        assert_eq!((part.frontends.len(), part.backends.len(), part.generation), (1, 1, 4));
        assert_eq!(part.frontends[0].id, "b-listener");
        assert_eq!(both.part("c"), None);
        let shown = render(&part.without_numbers()).unwrap();
        assert!(shown.contains(" namespace b\n") && !shown.contains("4026532000"), "{shown}");
        insta::assert_snapshot!("whole-project", render(&both).unwrap());
    }

    #[test]
    fn a_process_says_another_number_for_other_generations_and_never_none() {
        let of = |ids: &[(&str, u64)]| whole(&parts(ids)).generation;
        let all = [of(&[]), of(&[("a", 1)]), of(&[("a", 2)]), of(&[("b", 1)]), of(&[("a", 1), ("b", 1)])];
        for (index, one) in all.iter().enumerate() {
            assert!(*one > 0 && !all[..index].contains(one), "{all:?}");
        }
        assert_eq!(of(&[("a", 1)]), all[1]);
    }

    #[test]
    fn one_that_remembers_clients_makes_the_process_hand_its_tables_over() {
        let mut both = parts(&[("a", 1), ("b", 1)]);
        assert!(!whole(&both).sticky);
        let mut asked = samples::load_balancer(Protocol::Http);
        let r#type = PersistenceType::SourceIp.into();
        asked.pools[0].session_persistence = Some(SessionPersistence { r#type, ..SessionPersistence::default() });
        both.get_mut("b").unwrap().page = samples::page(&asked);
        assert!(whole(&both).sticky);
    }
}
