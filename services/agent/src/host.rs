//! Tables of the host's kernel that all load balancers on it share. When one is full, the traffic of all stalls: that it
//! fills is said, and before it is full nothing more is placed here.

mod neighbours;

use std::{fs, io, path::Path, sync::Arc, time::Duration};

use ballast_metrics::Gauge;
use neighbours::{Count, Pressure};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::drivers::DriverSet;

const PERIOD: Duration = Duration::from_secs(5);
/// From here on it is said.
const SCARCE: u64 = 80;
/// From here on nothing more is placed here.
const FULL: u64 = 90;
/// `BR_MAX_PORTS` of the kernel, less the one that it never gives.
const PORTS_OF_A_BRIDGE: u64 = 1023;

/// A table of the kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Table {
    what: String,
    used: u64,
    limit: u64,
    /// What an operator can do.
    cure: String,
    /// Whether one more load balancer, wherever its network is, makes it fuller.
    of_all: bool,
}

impl Table {
    fn percent(&self) -> u64 {
        self.used.saturating_mul(100).checked_div(self.limit).unwrap_or(0)
    }
}

/// What the host has too little of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Scarcity {
    /// One line; empty: of nothing.
    pub(crate) reason: String,
    /// No more load balancers.
    pub(crate) full: bool,
}

/// Looks at the tables, and tells the drivers that plug into the host's networks. `ports`: how many the bridge has that has
/// most.
pub(crate) async fn watch(drivers: Arc<DriverSet>, ports: Gauge, shutdown: CancellationToken) {
    let mut period = tokio::time::interval(PERIOD);
    let mut said = Said::default();
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = period.tick() => {}
        }
        match tokio::task::spawn_blocking(tables).await {
            Ok(tables) => {
                let tables = said.read(tables, Instant::now());
                let most = tables.iter().filter(|table| !table.of_all).map(|table| table.used).max();
                ports.set(most.and_then(|most| i64::try_from(most).ok()).unwrap_or_default());
                said.warn(&tables);
                drivers.note_host(&scarcity(&tables));
            }
            Err(error) => tracing::warn!("the kernel's tables were not looked at: {error}"),
        }
    }
}

/// What is in the log already.
#[derive(Default)]
struct Said {
    scarce: Vec<String>,
    unread: bool,
    pressure: Pressure,
}

impl Said {
    fn read(&mut self, (mut tables, neighbours): (Vec<Table>, io::Result<Vec<Count>>), now: Instant) -> Vec<Table> {
        match neighbours {
            Ok(counts) => tables.extend(counts.into_iter().map(|count| self.pressure.judge(count, now))),
            Err(error) if !std::mem::replace(&mut self.unread, true) => {
                tracing::warn!("how full the neighbour tables are is not known: {error}");
            }
            Err(_) => {}
        }
        tables
    }

    /// Once for each table that has become scarce.
    fn warn(&mut self, tables: &[Table]) {
        let scarce: Vec<&Table> = tables.iter().filter(|table| table.percent() >= SCARCE).collect();
        for table in scarce.iter().filter(|table| !self.scarce.contains(&table.what)) {
            tracing::warn!("{}", sentence(table));
        }
        self.scarce = scarce.into_iter().map(|table| table.what.clone()).collect();
    }
}

fn scarcity(tables: &[Table]) -> Scarcity {
    let scarce = tables.iter().filter(|table| table.percent() >= SCARCE);
    Scarcity {
        reason: scarce.map(sentence).collect::<Vec<_>>().join("; "),
        full: tables.iter().any(|table| table.of_all && table.percent() >= FULL),
    }
}

fn sentence(table: &Table) -> String {
    let Table { what, limit, cure, .. } = table;
    format!("{what}: {} % of {limit} used; {cure}", table.percent())
}

/// The tables, those of neighbours with all of their entries.
fn tables() -> (Vec<Table>, io::Result<Vec<Count>>) {
    let mut tables = bridges(Path::new("/sys/class/net"));
    tables.extend(tracked(Path::new("/proc/sys/net/netfilter")));
    (tables, neighbours::tables())
}

fn tracked(directory: &Path) -> Option<Table> {
    let number = |name: &str| fs::read_to_string(directory.join(name)).ok()?.trim().parse().ok();
    Some(Table {
        what: "tracked connections".to_owned(),
        used: number("nf_conntrack_count")?,
        limit: number("nf_conntrack_max")?,
        cure: "raise net.netfilter.nf_conntrack_max".to_owned(),
        of_all: true,
    })
}

fn bridges(links: &Path) -> Vec<Table> {
    let links = fs::read_dir(links).into_iter().flatten().flatten();
    let bridge = |link: fs::DirEntry| {
        let ports = fs::read_dir(link.path().join("brif")).ok()?.count();
        Some(Table {
            what: format!("ports of bridge {}", link.file_name().to_string_lossy()),
            used: ports.try_into().ok()?,
            limit: PORTS_OF_A_BRIDGE,
            cure: "networks that are mapped to it share them".to_owned(),
            of_all: false,
        })
    };
    links.filter_map(bridge).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(what: &str, used: u64, of_all: bool) -> Table {
        Table { what: what.to_owned(), used, limit: 1000, cure: "raise it".to_owned(), of_all }
    }

    #[test]
    fn what_fills_is_said_before_it_is_full_and_what_all_share_stops_placement() {
        for (neighbours, ports, reason, full) in [
            (0, 799, "", false),
            (799, 799, "", false),
            (800, 0, "neighbours: 80 % of 1000 used; raise it", false),
            (899, 0, "neighbours: 89 % of 1000 used; raise it", false),
            (900, 0, "neighbours: 90 % of 1000 used; raise it", true),
            (0, 1000, "ports: 100 % of 1000 used; raise it", false),
            (2000, 800, "neighbours: 200 % of 1000 used; raise it; ports: 80 % of 1000 used; raise it", true),
        ] {
            let found = scarcity(&[table("neighbours", neighbours, true), table("ports", ports, false)]);
            assert_eq!(found, Scarcity { reason: reason.to_owned(), full }, "{neighbours} {ports}");
        }
    }

    #[test]
    fn a_table_without_a_limit_is_never_full() {
        assert_eq!(Table { limit: 0, ..table("x", 9, true) }.percent(), 0);
    }

    #[test]
    fn tables_are_read_as_the_kernel_shows_them() {
        let place = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = place.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        assert_eq!(tracked(place.path()), None);
        write("nf_conntrack_count", "12\n");
        write("nf_conntrack_max", "262144\n");
        let found = tracked(place.path()).unwrap();
        assert_eq!((found.used, found.limit, found.of_all), (12, 262_144, true));
        write("net/br-a/brif/tap1", "");
        write("net/br-a/brif/tap2", "");
        write("net/eth0/mtu", "1500");
        let found = bridges(&place.path().join("net"));
        let found: Vec<_> = found.iter().map(|table| (table.what.as_str(), table.used)).collect();
        assert_eq!(found, [("ports of bridge br-a", 2)]);
    }

    #[test]
    fn the_kernel_tells_of_its_neighbour_tables() {
        let tables: Vec<Table> = neighbours::tables().unwrap().into_iter().map(|count| count.table).collect();
        assert!(tables.iter().any(|table| table.what == "IPv4 neighbours"), "{tables:?}");
        for table in tables {
            assert!(table.limit > 0 && table.of_all, "{table:?}");
        }
    }
}
