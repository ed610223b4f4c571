//! Several schedulers over one PostgreSQL, as real processes: one dies or hangs, the database's server does, and all goes on.

mod database;
mod frozen;
mod leading;
mod leaving;

use ballast_lab::{Lab, wait_until};
use ballast_tests::{
    PATIENCE,
    postgres_server::PostgresServer,
    several::{Several, Shape},
};

/// As the configuration has them by default, but for a second between heartbeats.
const LIVENESS: (u32, u32, u32) = (1_000, 12_000, 20_000);

/// A server of PostgreSQL that runs.
fn server(lab: &Lab, test: &str) -> Option<PostgresServer> {
    PostgresServer::running(test, lab, 5_501)
}

fn url(ports: &[u16]) -> String {
    let servers: Vec<String> = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
    format!("postgres://postgres@{}/ballast", servers.join(","))
}

fn shape(database: &str, schedulers: usize, gateways: usize) -> Shape {
    Shape { database: database.to_owned(), schedulers, gateways, liveness: LIVENESS, more: String::new() }
}

/// Waits until an agent has a session with one of these schedulers, after so many sessions before; which one it is.
fn has_session(several: &Several, agent: usize, before: usize, among: &[usize]) -> usize {
    let name = format!("agent-{agent}");
    wait_until(PATIENCE, &format!("a session of {name} with one of {among:?}"), || {
        let with = sessions(several, &name).into_iter().skip(before).next_back()?;
        among.contains(&with).then_some(with)
    })
}

/// With which schedulers an agent has had sessions, in order.
fn sessions(several: &Several, agent: &str) -> Vec<usize> {
    let log = several.logged(agent);
    let opened = log.lines().filter(|line| line.contains("a session is open"));
    let with = |line: &str| {
        (0..several.schedulers.len()).find(|number| line.contains(&format!("127.0.0.1:{}", 9_700 + number)))
    };
    opened.filter_map(with).collect()
}
