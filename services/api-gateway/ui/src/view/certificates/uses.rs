//! Where certificates are used: load balancers with their listeners and pools.

use std::collections::{BTreeSet, HashMap};

use ballast_proto::v2::{Listener, LoadBalancer, Pool, SecretUser, UsedSecret};

use super::{
    super::parts::{Named, name_or_id, path_of, short},
    Known,
};

/// What users are called, by their ids.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names(HashMap<String, String>);

impl Names {
    pub(crate) fn of(load_balancers: &[LoadBalancer], listeners: &[Listener], pools: &[Pool]) -> Self {
        let load_balancers = load_balancers.iter().map(|one| (&one.id, &one.name));
        let listeners = listeners.iter().map(|one| (&one.id, &one.name));
        let all = load_balancers.chain(listeners).chain(pools.iter().map(|one| (&one.id, &one.name)));
        Self(all.map(|(id, name)| (id.clone(), name_or_id(name, id))).collect())
    }

    fn get<'a>(&'a self, id: &'a str) -> &'a str {
        self.0.get(id).map_or_else(|| short(id), String::as_str)
    }
}

/// Who uses one.
pub(crate) fn users<'a>(one: &Known<'a>) -> Vec<&'a SecretUser> {
    distinct(one.used.iter().copied())
}

/// Who uses any of these.
pub(crate) fn of_these(used: &[UsedSecret]) -> Vec<&SecretUser> {
    distinct(used.iter())
}

/// By two references something is used once.
fn distinct<'a>(used: impl Iterator<Item = &'a UsedSecret>) -> Vec<&'a SecretUser> {
    let mut seen = BTreeSet::new();
    let all = used.flat_map(|secret| &secret.users);
    all.filter(|user| seen.insert((&user.load_balancer_id, &user.kind, &user.id))).collect()
}

/// A user with a way to it: `shop: listener front`
pub(crate) fn named(user: &SecretUser, names: &Names) -> Named {
    let (load_balancer, own) = (names.get(&user.load_balancer_id), names.get(&user.id));
    let path = path_of(&user.load_balancer_id);
    let (kind, path) = match user.kind.as_str() {
        "LISTENER" => ("listener", format!("{path}/listeners#listener-{}", user.id)),
        _ => ("pool", path),
    };
    Named { name: format!("{load_balancer}: {kind} {own}"), path: Some(path) }
}
