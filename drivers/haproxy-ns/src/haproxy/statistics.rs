//! `show stat` understood. Pure.

use std::collections::{BTreeMap, HashMap};

use ballast_abi::{CheckAnswer, Health};

use super::generation;
use crate::{
    counters::{Counted, Listened, Pooled, Rows, Served, Totals},
    page::pool_of,
};

/// Frontends, backends and servers, and which generation it is.
pub(crate) const COMMAND: &str = "show stat -1 7 -1;get var proc.generation";

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    /// By listener that is bound.
    pub(crate) listeners: BTreeMap<String, Listened>,
    /// Where members are, by backend.
    pub(crate) behind: BTreeMap<String, Behind>,
    /// By pool and member. `None`: not known yet, or not asked (admin-down).
    pub(crate) health: HashMap<(String, String), Option<Health>>,
    /// By pool and member: for how many milliseconds its health has been what it is, and how the last check ended.
    pub(crate) checked: HashMap<(String, String), (u64, Option<CheckAnswer>)>,
    /// Which one the process says that it is.
    pub(crate) generation: Option<u64>,
}

/// What a backend and its servers have counted, each with the connections that it has now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Behind {
    totals: Totals,
    servers: BTreeMap<String, (Totals, u64)>,
}

impl Reading {
    /// What clients did; of a process that a former release has started at least what members saw. `left`: what servers had
    /// counted when they were taken out.
    pub(crate) fn counted(&self, by_listener: bool, left: Option<&Rows>) -> Counted {
        let listeners: BTreeMap<String, Totals> =
            self.listeners.iter().map(|(id, seen)| (id.clone(), seen.totals)).collect();
        let totals = listeners.values().fold(Totals::default(), |sum, totals| sum + *totals);
        let totals = match by_listener {
            true => totals,
            false => {
                let behind = self.behind.values().fold(Totals::default(), |sum, one| sum + one.totals);
                Totals { errors: totals.errors, ..greater(totals, behind) }
            }
        };
        Counted { totals, listeners, pools: self.pools(left) }
    }

    fn pools(&self, left: Option<&Rows>) -> BTreeMap<String, Pooled> {
        let mut pools = BTreeMap::<String, Pooled>::new();
        for (backend, behind) in &self.behind {
            let pool = pools.entry(pool_of(backend).to_owned()).or_default();
            pool.totals = pool.totals + Totals { errors: 0, ..behind.totals };
            let left = left.and_then(|left| left.get(backend)).into_iter().flatten();
            let mut servers: BTreeMap<&String, Totals> = left.map(|(id, totals)| (id, *totals)).collect();
            for (id, (totals, _)) in &behind.servers {
                let counted = servers.entry(id).or_default();
                *counted = greater(*counted, *totals);
            }
            for (id, totals) in servers {
                let member = pool.members.entry(id.clone()).or_default();
                *member = *member + totals;
            }
        }
        pools
    }

    /// What each server has counted, by backend.
    pub(crate) fn rows(&self) -> Rows {
        let servers = |one: &Behind| one.servers.iter().map(|(id, (totals, _))| (id.clone(), *totals)).collect();
        self.behind.iter().map(|(backend, one)| (backend.clone(), servers(one))).collect()
    }

    /// Pools and members that are there and were not taken out.
    pub(crate) fn served(&self, left: Option<&Rows>) -> BTreeMap<String, Served> {
        let mut served = BTreeMap::<String, Served>::new();
        for (backend, behind) in &self.behind {
            let pool = served.entry(pool_of(backend).to_owned()).or_default();
            let is_left =
                |id: &String| left.and_then(|left| left.get(backend)).is_some_and(|left| left.contains_key(id));
            for (id, (_, active)) in &behind.servers {
                pool.active += active;
                if !is_left(id) {
                    *pool.members.entry(id.clone()).or_default() += active;
                }
            }
        }
        served
    }

    pub(crate) fn active(&self) -> u64 {
        self.listeners.values().map(|seen| seen.active).sum()
    }

    /// Whether a member was up, where that is known.
    pub(crate) fn known(&self) -> HashMap<(String, String), bool> {
        let of =
            |(key, health): (&(String, String), &Option<Health>)| Some((key.clone(), *health.as_ref()? == Health::Up));
        self.health.iter().filter_map(of).collect()
    }
}

/// What is read of it.
const COLUMNS: [&str; 15] = [
    "pxname",
    "svname",
    "type",
    "status",
    "scur",
    "slim",
    "stot",
    "bin",
    "bout",
    "ereq",
    "check_status",
    "check_code",
    "check_duration",
    "last_chk",
    "lastchg",
];

/// Reads the table. Columns are found by their names; rows that lack one are skipped. The columns used here stand
/// before those that may be quoted.
pub(crate) fn parse(text: &str) -> Reading {
    let mut lines = text.lines();
    let header = lines.next().unwrap_or_default().trim_start_matches("# ").split(',');
    // Of the hundred that there are.
    let columns: Vec<(&str, usize)> =
        header.enumerate().filter(|(_, name)| COLUMNS.contains(name)).map(|(at, name)| (name, at)).collect();
    let last = columns.last().map_or(0, |(_, at)| at + 1);
    let mut reading = Reading { generation: generation::reported(text), ..Reading::default() };
    let mut cells: Vec<&str> = Vec::with_capacity(last);
    for line in lines {
        cells.clear();
        cells.extend(line.split(',').take(last));
        let at = |name: &str| columns.iter().find(|(column, _)| *column == name).map(|(_, at)| *at);
        let cell = |name: &str| cells.get(at(name)?).copied();
        let number = |name: &str| cell(name).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
        let (Some(proxy), Some(server)) = (cell("pxname"), cell("svname")) else { continue };
        match cell("type") {
            // What is there for answers alone is no listener.
            Some("0") if pool_of(proxy) != proxy => {}
            Some("0") => {
                let limit = number("slim");
                let listened = Listened {
                    totals: totals(number),
                    active: number("scur"),
                    full: limit > 0 && number("scur") >= limit,
                };
                reading.listeners.insert(proxy.to_owned(), listened);
            }
            Some("1") => reading.behind.entry(proxy.to_owned()).or_default().totals = totals(number),
            Some("2") => {
                let counted = (Totals { errors: 0, ..totals(number) }, number("scur"));
                reading.behind.entry(proxy.to_owned()).or_default().servers.insert(server.to_owned(), counted);
                // Backends that go by another one's checks have names of their own.
                if pool_of(proxy) != proxy {
                    continue;
                }
                let key = (proxy.to_owned(), server.to_owned());
                let health = health(cell("status").unwrap_or_default(), cell("check_status").unwrap_or_default());
                reading.health.insert(key.clone(), health);
                let text = at("last_chk").map(|at| quoted(line, at));
                let answer = answer(cell("check_status").unwrap_or_default(), number, text.unwrap_or_default());
                reading.checked.insert(key, (number("lastchg").saturating_mul(1000), answer));
            }
            _ => {}
        }
    }
    reading
}

fn greater(one: Totals, other: Totals) -> Totals {
    Totals {
        bytes_in: one.bytes_in.max(other.bytes_in),
        bytes_out: one.bytes_out.max(other.bytes_out),
        connections: one.connections.max(other.connections),
        errors: one.errors.max(other.errors),
    }
}

fn totals(number: impl Fn(&str) -> u64) -> Totals {
    let errors = number("ereq");
    Totals { bytes_in: number("bin"), bytes_out: number("bout"), connections: number("stot"), errors }
}

/// `UP 1/3` is still up and `DOWN 1/2` still down. Before the first check haproxy says what it was started with, and nobody
/// knows. Without checks a member is taken to be up.
fn health(status: &str, check: &str) -> Option<Health> {
    match status.split(' ').next() {
        Some("UP" | "no") if check != "INI" => Some(Health::Up),
        Some("DOWN") if check != "INI" => Some(Health::Down),
        _ => None,
    }
}

/// How the last check ended, unless there was none. While the next is under way an asterisk stands before it.
fn answer(status: &str, number: impl Fn(&str) -> u64, text: String) -> Option<CheckAnswer> {
    let result = status.trim_start_matches("* ");
    if matches!(result, "" | "INI" | "UNK") {
        return None;
    }
    let small = |name: &str| u32::try_from(number(name)).unwrap_or(u32::MAX);
    let (code, milliseconds) = (small("check_code"), small("check_duration"));
    Some(CheckAnswer { result: result.to_owned(), code, text, milliseconds })
}

/// The cell behind so many others, none of which is quoted.
fn quoted(line: &str, at: usize) -> String {
    let rest = line.splitn(at + 1, ',').nth(at).unwrap_or_default();
    match rest.strip_prefix('"') {
        None => rest.split(',').next().unwrap_or_default().to_owned(),
        Some(rest) => {
            let end = rest.replace("\"\"", "\0");
            end.split('"').next().unwrap_or_default().replace('\0', "\"")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,bout,status,type,check_status,last_chk,ereq,\n\
        l,FRONTEND,,,2,2,2,5,120,60,OPEN,0,,,3,\n\
        m,FRONTEND,,,1,2,2000,2,60,30,OPEN,0,,,0,\n\
        p,a,0,0,1,1,,5,10,20,UP,2,L7OK,\"a, b\",\n\
        p,b,0,0,0,1,,5,10,20,DOWN 1/2,2,L4CON,,\n\
        p,c,0,0,0,1,,5,10,20,UP,2,INI,,\n\
        p,d,0,0,0,1,,5,10,20,no check,2,,,\n\
        p,e,0,0,0,1,,5,10,20,MAINT,2,,,\n\
        p,f,0,0,0,1,,5,10,20,DOWN,2,INI,,\n\
        p,BACKEND,0,0,1,1,200,10,100,200,UP,1,,,\n\n";

    #[test]
    fn totals_are_those_of_the_listeners_and_of_an_old_process_at_least_those_of_the_backends() {
        let reading = parse(TEXT);
        let counted = |bytes_in, bytes_out, connections, errors| Totals { bytes_in, bytes_out, connections, errors };
        assert_eq!(reading.counted(true, None).totals, counted(180, 90, 7, 3));
        assert_eq!(reading.counted(true, None).listener("l"), counted(120, 60, 5, 3));
        assert_eq!(reading.counted(false, None).totals, counted(180, 200, 10, 3));
        assert_eq!(reading.active(), 3);
        let full: Vec<bool> = reading.listeners.values().map(|listened| listened.full).collect();
        assert_eq!(full, [true, false]);
    }

    #[test]
    fn health_is_told_only_when_it_is_known() {
        let reading = parse(TEXT);
        let health = |member: &str| reading.health[&("p".to_owned(), member.to_owned())];
        assert_eq!(health("a"), Some(Health::Up));
        assert_eq!(health("b"), Some(Health::Down));
        assert_eq!(health("c"), None);
        assert_eq!(health("d"), Some(Health::Up));
        assert_eq!(health("e"), None);
        assert_eq!(health("f"), None);
    }

    #[test]
    fn the_last_answer_is_told_with_its_text_and_since_when_it_is_so() {
        let header =
            "# pxname,svname,status,lastchg,type,check_status,check_code,check_duration,lastsess,last_chk,ereq,\n";
        let rows = "p,a,UP,61,2,L7OK,200,3,,\"OK, \"\"fine\"\"\",,\np,b,DOWN,2,2,* L4CON,,1000,,Connection refused,,\n\
            p,c,UP,0,2,INI,,,,,,\n";
        let reading = parse(&format!("{header}{rows}"));
        let of = |member: &str| reading.checked[&("p".to_owned(), member.to_owned())].clone();
        let answer = |result: &str, code, text: &str, milliseconds| {
            Some(CheckAnswer { result: result.to_owned(), code, text: text.to_owned(), milliseconds })
        };
        assert_eq!(of("a"), (61_000, answer("L7OK", 200, "OK, \"fine\"", 3)));
        assert_eq!(of("b"), (2_000, answer("L4CON", 0, "Connection refused", 1000)));
        assert_eq!(of("c"), (0, None));
    }

    #[test]
    fn an_answer_that_is_cut_off_is_no_panic() {
        for end in 0..TEXT.len() {
            parse(&TEXT[..end]);
        }
    }
}
