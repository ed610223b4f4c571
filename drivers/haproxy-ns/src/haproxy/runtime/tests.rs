//! Differences of pages: single ones, then those of any two.

use ballast_abi::{LoadBalancer, Member, MonitorType, Protocol};
use proptest::{collection::vec, prelude::*};

use super::*;
use crate::{
    render::render,
    samples::{self, ID},
};

fn page(change: impl FnOnce(&mut LoadBalancer)) -> Page {
    let mut asked = samples::load_balancer(Protocol::Http);
    change(&mut asked);
    samples::page(&asked)
}

fn commands(old: &Page, new: &Page, pinged: &HashSet<(String, String)>) -> Option<Vec<String>> {
    changes(old, new, pinged).map(|changes| changes.iter().map(ToString::to_string).collect())
}

#[test]
fn weights_and_admin_states_are_commands() {
    let new = page(|asked| {
        asked.pools[0].members[0].weight = 0;
        asked.pools[0].members[1].admin_state_up = false;
    });
    let (first, second) = (samples::member(1).id, samples::member(2).id);
    let expected = [format!("set server {ID}/{first} weight 0"), format!("set server {ID}/{second} state maint")];
    let none = HashSet::new();
    assert_eq!(commands(&page(|_| {}), &new, &none).unwrap(), expected);
    let expected = [format!("set server {ID}/{first} weight 1"), format!("set server {ID}/{second} state ready")];
    assert_eq!(commands(&new, &page(|_| {}), &none).unwrap(), expected);
}

#[test]
fn a_member_that_comes_back_waits_for_its_check_or_for_its_answer() {
    let out = |asked: &mut LoadBalancer| asked.pools[0].members[1].admin_state_up = false;
    let monitors = |asked: &mut LoadBalancer| asked.pools[0].monitors = vec![samples::monitor(MonitorType::Tcp)];
    let checked = page(|asked| (out(asked), monitors(asked)).1);
    assert_eq!(changes(&checked, &page(monitors), &HashSet::new()), None);
    assert_eq!(changes(&page(monitors), &checked, &HashSet::new()).map(|changes| changes.len()), Some(1));
    let pinged = HashSet::from([(ID.to_owned(), samples::member(2).id)]);
    assert_eq!(changes(&page(out), &page(|_| {}), &pinged), Some(Vec::new()));
}

#[test]
fn anything_else_needs_a_new_process() {
    let old = page(|_| {});
    assert_eq!(changes(&old, &old, &HashSet::new()), Some(Vec::new()));
    let another: [fn(&mut LoadBalancer); 4] = [
        |asked| asked.pools[0].members[0].protocol_port = 81,
        |asked| drop(asked.pools[0].members.pop()),
        |asked| asked.listeners[0].connection_limit = 5,
        |asked| asked.pools[0].admin_state_up = false,
    ];
    for change in another {
        assert_eq!(changes(&old, &page(change), &HashSet::new()), None);
        assert_eq!(changes(&page(change), &old, &HashSet::new()), None);
    }
}

/// A load balancer of few words, so that two of them are often alike.
fn any_load_balancer() -> impl Strategy<Value = LoadBalancer> {
    let member = (0_u32..3, 80_u32..82, any::<bool>());
    let pool = (vec(member, 0..3), prop::option::weighted(0.3, 0_usize..2), prop::bool::weighted(0.9));
    let listener = (0_usize..3, prop::bool::weighted(0.9));
    (vec(pool, 0..3), vec(listener, 0..3)).prop_map(|(pools, listeners)| {
        let mut asked = samples::load_balancer(Protocol::Http);
        let (pool, listener) = (asked.pools.remove(0), asked.listeners.remove(0));
        for (number, (members, monitor, admin_state_up)) in pools.into_iter().enumerate() {
            let of = |(at, (weight, protocol_port, admin_state_up)): (u32, (u32, u32, bool))| Member {
                weight,
                protocol_port,
                admin_state_up,
                ..samples::member(at)
            };
            let monitors = monitor.map(|kind| samples::monitor([MonitorType::Ping, MonitorType::Tcp][kind]));
            asked.pools.push(ballast_abi::Pool {
                id: format!("pool-{number}"),
                members: (1..).zip(members).map(of).collect(),
                monitors: monitors.into_iter().collect(),
                admin_state_up,
                ..pool.clone()
            });
        }
        for (number, (pool, admin_state_up)) in listeners.into_iter().enumerate() {
            let named = asked.pools.get(pool).map(|pool| pool.id.clone());
            asked.listeners.push(ballast_abi::Listener {
                id: format!("listener-{number}"),
                protocol_port: 80 + u32::try_from(number).unwrap(),
                default_pool_id: named.unwrap_or_default(),
                admin_state_up,
                ..listener.clone()
            });
        }
        asked
    })
}

/// Two load balancers: any, or one and the same with other weights and states.
fn any_two() -> impl Strategy<Value = (LoadBalancer, LoadBalancer)> {
    let members = vec((0_u32..3, any::<bool>()), 9);
    let alike = (any_load_balancer(), members).prop_map(|(one, settings)| {
        let mut other = one.clone();
        let all = other.pools.iter_mut().flat_map(|pool| &mut pool.members);
        for (member, (weight, up)) in all.zip(settings) {
            (member.weight, member.admin_state_up) = (weight, up);
        }
        (one, other)
    });
    prop_oneof![(any_load_balancer(), any_load_balancer()), alike]
}

/// What a process that runs this page becomes.
fn told(page: &Page, changes: &[Change]) -> Page {
    let mut page = page.clone();
    for Change { backend, server, to } in changes {
        let backend = page.backends.iter_mut().find(|one| one.id == *backend).unwrap();
        let server = backend.servers.iter_mut().find(|one| one.id == *server).unwrap();
        match to {
            To::Weight(weight) => server.weight = *weight,
            To::Maintenance => server.disabled = true,
            To::Service => server.disabled = false,
        }
    }
    page
}

fn servers(page: &Page) -> impl Iterator<Item = ((String, String), &Server)> {
    let key = |backend: &String, server: &Server| (backend.clone(), server.id.clone());
    page.backends.iter().flat_map(move |one| one.servers.iter().map(move |server| (key(&one.id, server), server)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// Whatever is told, the process is then as a new one of the second page would be, to the letter of its text; when
    /// nothing but what can be told differs, it is told. Members that pings bring back are the pings' to bring back.
    #[test]
    fn what_is_told_is_what_a_new_process_would_be_or_it_is_one(
        (one, other) in any_two(),
        by_pings in vec(any::<bool>(), 9),
    ) {
        let (old, new) = (samples::page(&one), samples::page(&other));
        let all = servers(&new).zip(by_pings);
        let pinged: HashSet<_> = all.filter(|(_, pinged)| *pinged).map(|((key, _), _)| key).collect();
        let same = || {
            let mut same = new.clone();
            for (backend, before) in same.backends.iter_mut().zip(&old.backends) {
                for (server, before) in backend.servers.iter_mut().zip(&before.servers) {
                    (server.weight, server.disabled) = (before.weight, before.disabled);
                }
            }
            render(&same).unwrap() == render(&old).unwrap()
        };
        match changes(&old, &new, &pinged) {
            Some(changes) => {
                let mut then = told(&old, &changes);
                for backend in &mut then.backends {
                    for server in &mut backend.servers {
                        server.disabled &= !pinged.contains(&(backend.id.clone(), server.id.clone()))
                            || servers(&new).any(|(key, new)| key == (backend.id.clone(), server.id.clone()) && new.disabled);
                    }
                }
                prop_assert_eq!(render(&then).unwrap(), render(&new).unwrap());
            }
            None => {
                let back = |((_, old), (_, new)): ((_, &Server), (_, &Server))| {
                    old.disabled && !new.disabled && new.check_port.is_some()
                };
                prop_assert!(!same() || servers(&old).zip(servers(&new)).any(back));
            }
        }
        prop_assert_eq!(changes(&new, &new, &pinged), Some(Vec::new()));
    }

    /// A page is on disk as it is in memory.
    #[test]
    fn a_page_is_read_as_it_was_written(one in any_load_balancer()) {
        let page = samples::page(&one);
        let text = serde_json::to_string(&page).unwrap();
        prop_assert_eq!(serde_json::from_str::<Page>(&text).unwrap(), page);
    }
}

/// A row of `show servers state`, with these columns set otherwise.
fn row(member: u32, other: &[(usize, &str)]) -> String {
    let member = samples::member(member);
    let (address, weight) = (member.address, member.weight.to_string());
    let text = format!("3 {ID} 1 {} {address} 2 0 {weight} 1 0 1 0 0 0 0 0 0 0 - 8080 - 0 0 - - 0", member.id);
    let mut cells: Vec<&str> = text.split(' ').collect();
    cells.remove(18);
    for (index, value) in other {
        cells[*index] = value;
    }
    cells.join(" ")
}

#[test]
fn whatever_somebody_set_by_hand_is_seen() {
    let none = HashSet::new();
    let page = page(|_| {});
    let frontend = page.frontends[0].id.clone();
    let running = |first: &[(usize, &str)], state: &str| {
        let (first, second) = (row(1, first), row(2, &[]));
        format!("1\n# be_id\n{first}\n{second}\n\n# pxname,svname,status\n{frontend},FRONTEND,,{state},\n\n")
    };
    assert!(!differs(&running(&[], "OPEN"), &page, &none));
    for set in [(ADDRESS, "10.0.0.99"), (ADMIN_STATE, "1"), (WEIGHT, "9"), (CHECK_STATE, "4"), (PORT, "81")] {
        assert!(differs(&running(&[set], "OPEN"), &page, &none), "{set:?}");
    }
    assert!(differs(&running(&[], "STOP"), &page, &none));
    assert!(differs(&running(&[(SERVER, "gone")], "OPEN"), &page, &none));
    let pinged = HashSet::from([(ID.to_owned(), samples::member(1).id)]);
    assert!(!differs(&running(&[(ADMIN_STATE, "1")], "OPEN"), &page, &pinged));
    assert!(differs(&running(&[(WEIGHT, "9")], "OPEN"), &page, &pinged));
}
