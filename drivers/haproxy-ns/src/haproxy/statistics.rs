//! `show stat` understood. Pure.

use std::collections::HashMap;

use ballast_abi::Health;

use crate::counters::Totals;

/// Backends and servers only.
pub(crate) const COMMAND: &str = "show stat -1 6 -1";

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) totals: Totals,
    pub(crate) active_connections: u64,
    /// By pool and member. `None`: not known yet, or not asked (admin-down).
    pub(crate) health: HashMap<(String, String), Option<Health>>,
}

impl Reading {
    /// Whether a member was up, where that is known.
    pub(crate) fn known(&self) -> HashMap<(String, String), bool> {
        let of =
            |(key, health): (&(String, String), &Option<Health>)| Some((key.clone(), *health.as_ref()? == Health::Up));
        self.health.iter().filter_map(of).collect()
    }
}

/// Reads the table. Columns are found by their names; rows that lack one are skipped. The columns used here stand
/// before those that may be quoted.
pub(crate) fn parse(text: &str) -> Reading {
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().trim_start_matches("# ").split(',').collect();
    let mut reading = Reading::default();
    for line in lines {
        let cells: Vec<&str> = line.split(',').collect();
        let cell = |name: &str| {
            let index = header.iter().position(|column| *column == name)?;
            cells.get(index).copied()
        };
        let number = |name: &str| cell(name).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
        let (Some(proxy), Some(server)) = (cell("pxname"), cell("svname")) else { continue };
        match cell("type") {
            Some("1") => {
                let totals = Totals { bytes_in: number("bin"), bytes_out: number("bout"), connections: number("stot") };
                reading.totals = reading.totals + totals;
                reading.active_connections += number("scur");
            }
            Some("2") => {
                let health = health(cell("status").unwrap_or_default(), cell("check_status").unwrap_or_default());
                reading.health.insert((proxy.to_owned(), server.to_owned()), health);
            }
            _ => {}
        }
    }
    reading
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

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,bout,status,type,check_status,last_chk,\n\
        p,a,0,0,1,1,,5,10,20,UP,2,L7OK,\"a, b\",\n\
        p,b,0,0,0,1,,5,10,20,DOWN 1/2,2,L4CON,,\n\
        p,c,0,0,0,1,,5,10,20,UP,2,INI,,\n\
        p,d,0,0,0,1,,5,10,20,no check,2,,,\n\
        p,e,0,0,0,1,,5,10,20,MAINT,2,,,\n\
        p,f,0,0,0,1,,5,10,20,DOWN,2,INI,,\n\
        p,BACKEND,0,0,1,1,200,10,100,200,UP,1,,,\n\n";

    #[test]
    fn totals_are_those_of_the_backends() {
        let reading = parse(TEXT);
        assert_eq!(reading.totals, Totals { bytes_in: 100, bytes_out: 200, connections: 10 });
        assert_eq!(reading.active_connections, 1);
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
    fn an_answer_that_is_cut_off_is_no_panic() {
        for end in 0..TEXT.len() {
            parse(&TEXT[..end]);
        }
    }
}
