//! How servers begin in a new process: as those of its predecessor were, or as they were last known. Pure.
//!
//! A new haproxy takes every server for healthy until its checks have failed: each reload would send requests to members
//! that are known to be dead, and each new member gets requests before anybody has looked. So what is known is written to
//! the file that the new process reads at start. A member that is served goes on being served until a check fails. One
//! that was down, or of which nothing is known, waits for a check, which comes at once (`max-spread-checks`). Weights and
//! admin states are the configuration's.

use std::{
    collections::{HashMap, HashSet},
    fmt::Write,
};

use super::runtime::{
    ADDRESS, ADMIN_STATE, BACKEND, CHECK_ENABLED, CHECK_STATE, DISABLED_IN_FILE, PORT, SERVER, WEIGHT,
};
use crate::{
    page::{Backend, Page, Server, pool_of},
    validate::Validated,
};

pub(crate) const COMMAND: &str = "show servers state";

const INITIAL_WEIGHT: usize = 8;
/// Whether what is sent goes through TLS: a row that does not say so would switch it off.
const USES_TLS: usize = 20;
/// There are checks, and they are on: somebody may have switched them off.
const CHECKING: &str = "6";
const IN_SERVICE: &str = "0";
const FORCED_MAINTENANCE: &str = "1";
/// What the file may do without: haproxy finds servers by their names.
const HEAD: &str = "# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight \
                    srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state \
                    srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl \
                    srv_check_port srv_check_addr srv_agent_addr srv_agent_port";

/// By pool and member.
pub(crate) type Members<T> = HashMap<(String, String), T>;

/// What is known beside what the predecessor says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Knowledge {
    /// Whether a member answers pings, of those that are pinged. `None`: nobody knows yet.
    pub(crate) pinged: Members<Option<bool>>,
    /// Whether a member was up when a process that is gone was last asked.
    pub(crate) seen: Members<bool>,
    /// Whether it was up as far as who asks for it knows. Who is not here is not told of.
    pub(crate) told: Members<bool>,
}

impl Knowledge {
    /// What is told of members. Of a load balancer that tells of any, the others were not up.
    pub(crate) fn told(validated: &Validated) -> Members<bool> {
        let Some(known) = &validated.known else { return Members::new() };
        let members = validated.pools.iter().flat_map(|pool| pool.members.iter().map(move |member| (pool, member)));
        let keys = members.map(|(pool, member)| (pool.id.as_str().to_owned(), member.id.as_str().to_owned()));
        keys.map(|key| (key.clone(), known.get(&key) == Some(&true))).collect()
    }
}

/// Commands by which those that are said to be up are up, whatever became of their checks.
pub(crate) fn believed(page: &Page, told: &Members<bool>) -> Vec<String> {
    let checked = page.backends.iter().filter(|backend| backend.check.is_some());
    let all = checked.flat_map(|backend| backend.servers.iter().map(move |server| (backend, server)));
    let is_up = |(backend, server): &(&Backend, &Server)| {
        let key = (pool_of(&backend.id).to_owned(), server.id.clone());
        !server.disabled && server.tracks.is_none() && told.get(&key).is_none_or(|up| *up)
    };
    all.filter(is_up).map(|(backend, server)| format!("set server {}/{} health up", backend.id, server.id)).collect()
}

/// How a member begins.
enum Beginning {
    /// As the configuration says: in service.
    Served,
    /// In service or not, as its row says.
    Row(Vec<String>),
    /// Up until as many checks in a row have failed as the configuration says: without a word of it, one is enough.
    Up,
    /// Down until a check passes.
    Down,
    /// In maintenance until it answers a ping, with this row if it has one.
    Maintenance(Option<Vec<String>>),
}

/// The text of the file. `shown`: what the predecessor says of its servers; empty: there is none.
pub(crate) fn carry_over(shown: &str, page: &Page, knowledge: &Knowledge) -> String {
    let rows: Vec<Vec<&str>> = shown
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split(' ').collect::<Vec<_>>())
        .filter(|cells| cells.len() > PORT)
        .collect();
    let rows: HashMap<(&str, &str), &Vec<&str>> =
        rows.iter().map(|cells| ((cells[BACKEND], cells[SERVER]), cells)).collect();
    let mut text = format!("1\n{HEAD}\n");
    let checked: HashSet<&str> =
        page.backends.iter().filter(|one| one.check.is_some()).map(|one| one.id.as_str()).collect();
    for backend in &page.backends {
        let pool = pool_of(&backend.id);
        let is_checked = checked.contains(pool);
        // One that goes by the checks of another has nothing of its own.
        if backend.id != pool && backend.servers.iter().any(|server| server.tracks.is_some()) {
            continue;
        }
        for server in backend.servers.iter().filter(|server| !server.disabled) {
            let row = rows.get(&(backend.id.as_str(), server.id.as_str())).copied();
            let fresh = |state| fresh(&backend.id, server, is_checked, state);
            let row = match beginning(pool, server, is_checked, row, knowledge) {
                Beginning::Served => continue,
                Beginning::Row(row) => row,
                Beginning::Up => fresh("2"),
                Beginning::Down => fresh("0"),
                Beginning::Maintenance(row) => {
                    let mut row = row.unwrap_or_else(|| fresh("2"));
                    row[ADMIN_STATE] = FORCED_MAINTENANCE.to_owned();
                    row
                }
            };
            let mut row = row;
            if let Some(cell) = row.get_mut(USES_TLS) {
                *cell = if backend.ssl.is_some() { "1" } else { "0" }.to_owned();
            }
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{}", row.join(" "));
        }
    }
    text
}

fn beginning(pool: &str, server: &Server, checked: bool, row: Option<&Vec<&str>>, knowledge: &Knowledge) -> Beginning {
    let key = (pool.to_owned(), server.id.clone());
    let (address, port) = (server.address.ip().to_string(), server.address.port().to_string());
    let row = row.filter(|row| row[ADDRESS] == address && row[PORT] == port);
    let bits = |row: &[&str], column: usize| row[column].parse::<u32>().unwrap_or(0);
    let serving = row.map(|row| bits(row, ADMIN_STATE) & !DISABLED_IN_FILE == 0);
    let was_checked = row.is_some_and(|row| bits(row, CHECK_STATE) & CHECK_ENABLED != 0);
    let carried = row.filter(|_| was_checked && checked && serving == Some(true)).map(|row| carry(row, server));
    let serves = serving.or_else(|| knowledge.seen.get(&key).copied()).or_else(|| knowledge.told.get(&key).copied());
    match knowledge.pinged.get(&key) {
        Some(Some(false)) => return Beginning::Maintenance(carried),
        Some(None) if serves == Some(false) && !checked => return Beginning::Maintenance(None),
        Some(_) | None => {}
    }
    match (carried, serves) {
        (Some(row), _) => Beginning::Row(row),
        (None, Some(up)) if checked => {
            if up {
                Beginning::Up
            } else {
                Beginning::Down
            }
        }
        (None, Some(_) | None) => Beginning::Served,
    }
}

/// The predecessor's row, with what the configuration says.
fn carry(row: &[&str], server: &Server) -> Vec<String> {
    let mut cells: Vec<String> = row.iter().map(|cell| (*cell).to_owned()).collect();
    cells[ADMIN_STATE] = IN_SERVICE.to_owned();
    cells[CHECK_STATE] = CHECKING.to_owned();
    cells[WEIGHT] = server.weight.to_string();
    cells[INITIAL_WEIGHT] = server.weight.to_string();
    cells
}

/// The row of a member of which no process has said anything. `state`: 0, down; 2, up.
fn fresh(backend: &str, server: &Server, is_checked: bool, state: &str) -> Vec<String> {
    let Server { id, weight, address, .. } = server;
    let (address, port) = (address.ip(), address.port());
    let checks = if is_checked { CHECKING } else { "0" };
    let row = format!(
        "1 {backend} 1 {id} {address} {state} {IN_SERVICE} {weight} {weight} 0 1 0 0 {checks} 0 0 0 - {port} - 0 0 - - 0"
    );
    row.split(' ').map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use ballast_abi::{Health, KnownHealth, MemberHealth, MonitorType, Protocol};

    use super::*;
    use crate::samples::{self, ID};

    fn row(member: u32, state: &str, admin: &str, checks: &str) -> String {
        let samples = samples::member(member);
        let (id, address, port) = (samples.id, samples.address, samples.protocol_port);
        format!("3 {ID} 1 {id} {address} {state} {admin} 9 9 12 7 2 0 {checks} 0 0 0 - {port} - 0 0 - - 0")
    }

    fn shown(first: &str) -> String {
        format!("1\n# be_id be_name\n{first}\n\n")
    }

    /// How the first member begins: `state admin`, or nothing.
    fn begins(shown: &str, monitor: Option<MonitorType>, known: Option<Health>, knowledge: &Knowledge) -> String {
        let mut asked = samples::load_balancer(Protocol::Http);
        asked.pools[0].monitors = monitor.into_iter().map(samples::monitor).collect();
        asked.pools[0].members.truncate(1);
        let (pool_id, member_id) = key();
        let member =
            |health: Health| MemberHealth { pool_id, member_id, health: health.into(), ..MemberHealth::default() };
        asked.known_health = known.map(|health| KnownHealth { members: vec![member(health)] });
        let told = Knowledge::told(&samples::validated(&asked));
        let text = carry_over(shown, &samples::page(&asked), &Knowledge { told, ..knowledge.clone() });
        let Some(row) = text.lines().nth(2) else { return String::new() };
        let cells: Vec<&str> = row.split(' ').collect();
        assert_eq!((cells[WEIGHT], cells[INITIAL_WEIGHT]), ("1", "1"), "the weight is the configuration's");
        format!("{} {}", cells[5], cells[ADMIN_STATE])
    }

    fn key() -> (String, String) {
        (ID.to_owned(), samples::member(1).id)
    }

    const TCP: Option<MonitorType> = Some(MonitorType::Tcp);
    const PING: Option<MonitorType> = Some(MonitorType::Ping);
    const NEW: Option<Health> = Some(Health::Unspecified);
    const UP: Option<Health> = Some(Health::Up);
    const DOWN: Option<Health> = Some(Health::Down);

    #[test]
    fn only_one_that_was_down_or_is_not_known_in_a_pool_that_is_checked_waits() {
        let no = Knowledge::default();
        let saw = |up| Knowledge { seen: HashMap::from([(key(), up)]), ..Knowledge::default() };
        for (known, begins_as) in [(None, ""), (NEW, "0 0"), (UP, "2 0"), (DOWN, "0 0")] {
            assert_eq!(begins("", TCP, known, &no), begins_as, "{known:?}");
            assert_eq!(begins("", None, known, &no), "", "nobody would ever say that it is up");
            // What was seen here is later than what was known when it was ordered.
            assert_eq!(begins("", TCP, known, &saw(true)), "2 0", "{known:?}");
            assert_eq!(begins("", TCP, known, &saw(false)), "0 0", "{known:?}");
            // What runs is the best of all.
            for (state, expected) in [("2", "2 0"), ("0", "0 0")] {
                assert_eq!(begins(&shown(&row(1, state, "0", "6")), TCP, known, &saw(true)), expected, "{known:?}");
            }
            assert_eq!(begins(&shown(&row(1, "2", "0", "0")), TCP, known, &no), "2 0", "newly monitored: it serves");
            assert_eq!(begins(&shown(&row(1, "2", "5", "6")), TCP, known, &no), "0 0", "it was admin-down");
            assert_eq!(begins(&shown(&row(1, "0", "0", "6")), None, known, &no), "", "or it would be down for ever");
        }
    }

    #[test]
    fn a_member_that_is_pinged_waits_for_an_answer_and_for_a_check_where_there_is_one() {
        let pings = |up| Knowledge { pinged: HashMap::from([(key(), up)]), ..Knowledge::default() };
        for known in [None, NEW, UP, DOWN] {
            assert_eq!(begins("", PING, known, &pings(Some(false))), "2 1", "{known:?}");
            assert_eq!(begins(&shown(&row(1, "2", "0", "0")), PING, known, &pings(None)), "", "it serves");
        }
        for (known, begins_as) in [(None, ""), (NEW, "2 1"), (UP, ""), (DOWN, "2 1")] {
            assert_eq!(begins("", PING, known, &pings(None)), begins_as, "{known:?}");
        }
        // haproxy serves one that leaves maintenance: its check must hold it.
        assert_eq!(begins("", TCP, NEW, &pings(None)), "0 0");
        assert_eq!(begins(&shown(&row(1, "0", "0", "6")), TCP, NEW, &pings(Some(false))), "0 1");
    }

    #[test]
    fn another_address_is_another_member() {
        let other = row(1, "2", "0", "6").replace(&samples::member(1).address, "10.9.9.9");
        assert_eq!(begins(&shown(&other), TCP, NEW, &Knowledge::default()), "0 0");
    }
}
