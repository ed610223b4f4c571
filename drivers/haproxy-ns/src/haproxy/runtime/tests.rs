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
    changes(old, new, pinged).map(|changes| changes.iter().map(Change::commands).collect())
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
fn members_come_before_others_go_and_begin_as_in_a_new_process() {
    let one = |asked: &mut LoadBalancer| asked.pools[0].members.truncate(1);
    let other = |asked: &mut LoadBalancer| drop(asked.pools[0].members.remove(0));
    let (first, second) = (format!("{ID}/{}", samples::member(1).id), format!("{ID}/{}", samples::member(2).id));
    let (address, none) = (samples::member(2).address, HashSet::new());
    let expected = [
        format!(
            "add server {second} {address}:8080 weight 0;set server {second} state ready;set server {second} weight 2"
        ),
        format!("set server {first} state maint;del server {first}"),
    ];
    assert_eq!(commands(&page(one), &page(other), &none).unwrap(), expected);
    let checked = |change: fn(&mut LoadBalancer)| {
        page(move |asked| {
            asked.pools[0].monitors = vec![samples::monitor(MonitorType::Tcp)];
            change(asked);
        })
    };
    let told = commands(&checked(one), &checked(|_| {}), &none).unwrap();
    let tail = format!(
        "enable health {second};set server {second} state ready;set server {second} health down;set server {second} weight 2"
    );
    assert!(told.len() == 1 && told[0].contains(" check inter ") && told[0].ends_with(&tail), "{told:?}");
    let down = |asked: &mut LoadBalancer| asked.pools[0].members[1].admin_state_up = false;
    let told = commands(&page(one), &page(down), &none).unwrap();
    assert_eq!(told, [format!("add server {second} {address}:8080 weight 0;set server {second} weight 2")]);
    let pinged = HashSet::from([(ID.to_owned(), samples::member(2).id)]);
    assert_eq!(commands(&page(one), &page(|_| {}), &pinged).unwrap(), told, "it waits for its answer");
    assert_eq!(commands(&checked(one), &checked(|_| {}), &pinged), None, "it would wait for the answer alone");
}

#[test]
fn with_a_cookie_members_go_but_do_not_come() {
    let sticky = |change: fn(&mut LoadBalancer)| {
        page(move |asked| {
            let kind = ballast_abi::PersistenceType::HttpCookie.into();
            asked.pools[0].session_persistence =
                Some(ballast_abi::SessionPersistence { r#type: kind, ..Default::default() });
            change(asked);
        })
    };
    let one = sticky(|asked| asked.pools[0].members.truncate(1));
    assert_eq!(changes(&one, &sticky(|_| {}), &HashSet::new()), None);
    assert_eq!(changes(&sticky(|_| {}), &one, &HashSet::new()).map(|changes| changes.len()), Some(1));
}

#[test]
fn what_haproxy_says_to_a_change_is_done_or_not() {
    let (server, backend) = (samples::member(1).id, ID.to_owned());
    let change = |to| Change::of(&backend, &server, to);
    let arrival = changes(&page(|asked| asked.pools[0].members.clear()), &page(|_| {}), &HashSet::new()).unwrap();
    let still = "Server still has connections attached to it, cannot remove it.";
    for (change, answer, done) in [
        (change(To::Weight(1)), "\n", true),
        (change(To::Weight(1)), "No such server.\n", false),
        (change(To::Gone), "\nServer deleted.\n", true),
        (change(To::Gone), still, true),
        (change(To::Gone), "No such server.\n\nNo such server.\n", true),
        (change(To::Gone), "Only servers in maintenance mode can be deleted.", false),
        (arrival[0].clone(), "New server registered.\n\n\n", true),
        (arrival[0].clone(), "Already exists a server with the same name in backend.\n", false),
        (arrival[0].clone(), "New server registered.\n\nNo such server.\n", false),
        (arrival[0].clone(), "", false),
    ] {
        assert_eq!(change.is_done(answer), done, "{change:?}: {answer}");
    }
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
fn a_limit_of_connections_is_a_command_and_without_one_it_is_the_processs() {
    let limited = page(|asked| asked.listeners[0].connection_limit = 5);
    let (old, none) = (page(|_| {}), HashSet::new());
    let (frontend, whole) = (&old.frontends[0].id, old.maxconn);
    assert_eq!(commands(&old, &limited, &none).unwrap(), [format!("set maxconn frontend {frontend} 5")]);
    assert_eq!(commands(&limited, &old, &none).unwrap(), [format!("set maxconn frontend {frontend} {whole}")]);
}

#[test]
fn anything_else_needs_a_new_process() {
    let old = page(|_| {});
    assert_eq!(changes(&old, &old, &HashSet::new()), Some(Vec::new()));
    let another: [fn(&mut LoadBalancer); 3] = [
        |asked| asked.pools[0].members[0].protocol_port = 81,
        |asked| asked.listeners[0].protocol_port = 8080,
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
    let listener = (0_usize..3, prop::bool::weighted(0.9), prop_oneof![Just(-1), Just(5)]);
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
        for (number, (pool, admin_state_up, connection_limit)) in listeners.into_iter().enumerate() {
            let named = asked.pools.get(pool).map(|pool| pool.id.clone());
            asked.listeners.push(ballast_abi::Listener {
                id: format!("listener-{number}"),
                protocol_port: 80 + u32::try_from(number).unwrap(),
                default_pool_id: named.unwrap_or_default(),
                admin_state_up,
                connection_limit,
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
    for change in changes {
        let (backend, server, to) = match change {
            Change::Secret(secret) => {
                let own = page.secrets.iter_mut().find(|one| one.path() == secret.path()).unwrap();
                *own = (**secret).clone();
                continue;
            }
            Change::Server { backend, server, to } => (backend, server, to),
            Change::Limit { frontend, most } => {
                page.frontends.iter_mut().find(|one| one.id == *frontend).unwrap().maxconn = Some(*most);
                continue;
            }
            Change::Generation(generation) => {
                page.generation = *generation;
                continue;
            }
        };
        let servers = &mut page.backends.iter_mut().find(|one| one.id == *backend).unwrap().servers;
        let at = servers.iter().position(|one| one.id == *server);
        match to {
            To::Weight(weight) => servers[at.unwrap()].weight = *weight,
            To::Maintenance => servers[at.unwrap()].disabled = true,
            To::Service => servers[at.unwrap()].disabled = false,
            To::There(arrival) => {
                assert_eq!(at, None);
                servers.push(arrival.server.clone());
            }
            To::Gone => drop(servers.remove(at.unwrap())),
        }
    }
    page
}

/// haproxy's order of servers is that in which they came, and without a limit a frontend has the process's.
fn sorted(mut page: Page) -> Page {
    let whole = page.maxconn;
    page.frontends.iter_mut().for_each(|frontend| frontend.maxconn = frontend.maxconn.or(Some(whole)));
    page.backends.iter_mut().for_each(|backend| backend.servers.sort_by(|one, other| one.id.cmp(&other.id)));
    page
}

/// Why a process of the first page cannot become one of the second.
fn must_be_new(old: &Page, new: &Page, pinged: &HashSet<(String, String)>) -> bool {
    let bare = |page: &Page| {
        let mut page = Page { generation: 0, ..page.clone() };
        page.backends.iter_mut().for_each(|backend| backend.servers.clear());
        page.frontends.iter_mut().for_each(|frontend| frontend.maxconn = None);
        render(&page).unwrap()
    };
    let before: HashMap<_, _> = servers(old).collect();
    let is_new = |(key, server): (_, &Server)| match before.get(&key) {
        Some(old) => {
            let settable = Server { weight: server.weight, disabled: server.disabled, ..(*old).clone() };
            settable != *server || old.disabled && !server.disabled && server.check_port.is_some()
        }
        None => server.check_port.is_some() && pinged.contains(&key),
    };
    let tracks = |page: &Page| servers(page).any(|(_, server)| server.tracks.is_some());
    bare(old) != bare(new) || tracks(old) || tracks(new) || servers(new).any(is_new)
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
        generations in (0..3_u64, 0..3_u64),
    ) {
        // One of a former release has none.
        let old = Page { generation: generations.0, ..samples::page(&one) };
        let new = Page { generation: generations.1, ..samples::page(&other) };
        let all = servers(&new).zip(by_pings);
        let pinged: HashSet<_> = all.filter(|(_, pinged)| *pinged).map(|((key, _), _)| key).collect();
        match changes(&old, &new, &pinged) {
            Some(changes) => {
                let mut then = told(&old, &changes);
                for backend in &mut then.backends {
                    for server in &mut backend.servers {
                        server.disabled &= !pinged.contains(&(backend.id.clone(), server.id.clone()))
                            || servers(&new).any(|(key, new)| key == (backend.id.clone(), server.id.clone()) && new.disabled);
                    }
                }
                prop_assert_eq!(render(&sorted(then)).unwrap(), render(&sorted(new.clone())).unwrap());
            }
            None => prop_assert!(must_be_new(&old, &new, &pinged)),
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
    let besides =
        |state| running(&[], "OPEN").replacen("1\n#", &format!("1\n{}\n#", row(3, &[(ADMIN_STATE, state)])), 1);
    assert!(differs(&besides("0"), &page, &none), "somebody added one");
    assert!(!differs(&besides("1"), &page, &none), "it has connections still");
    let leaving: Vec<String> = leaving(&besides("1"), &page).iter().map(Change::commands).collect();
    let gone = format!("{ID}/{}", samples::member(3).id);
    assert_eq!(leaving, [format!("set server {gone} state maint;del server {gone}")]);
    let pinged = HashSet::from([(ID.to_owned(), samples::member(1).id)]);
    assert!(!differs(&running(&[(ADMIN_STATE, "1")], "OPEN"), &page, &pinged));
    assert!(differs(&running(&[(WEIGHT, "9")], "OPEN"), &page, &pinged));
}
