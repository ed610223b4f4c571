//! The counters and members of each load balancer of this host, as its driver said last.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use ballast_metrics::{Counter, Family, Gauge, Registry, Word, label, labels};
use ballast_proto::driver::{Health, Member, Observation, Statistics};
use ballast_service::config::PerLoadBalancer;

use crate::{observe::Running, workers::order::Order};

label! {
    enum Fares { Up = "up", Down = "down", Draining = "draining", Unknown = "unknown" }
}

labels! { struct One { load_balancer_id: Word, project_id: Word } }
labels! { struct Members { load_balancer_id: Word, health: Fares } }
labels! { struct AllMembers { health: Fares } }

/// How many members fare how, in the order of [`Fares::ALL`].
type Counts = [i64; 4];

/// One load balancer.
#[derive(Debug)]
struct Seen {
    labels: One,
    counted: Statistics,
    members: Counts,
}

#[derive(Debug, Default)]
struct Book {
    seen: HashMap<String, Seen>,
    /// What all have counted since this process was started, whether or not they are still here.
    sum: Statistics,
}

/// Each one's.
#[derive(Debug, Clone, Default)]
struct Each {
    bytes_in: Family<One, Counter>,
    bytes_out: Family<One, Counter>,
    connections: Family<One, Counter>,
    current: Family<One, Gauge>,
    members: Family<Members, Gauge>,
}

/// Their sum.
#[derive(Debug, Clone, Default)]
struct Sum {
    bytes_in: Counter,
    bytes_out: Counter,
    connections: Counter,
    current: Gauge,
    members: Family<AllMembers, Gauge>,
}

#[derive(Debug, Clone)]
enum Told {
    Each(Each),
    Sum(Sum),
}

/// Clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Traffic {
    book: Arc<Mutex<Book>>,
    told: Told,
}

impl Traffic {
    pub(crate) fn new(told: PerLoadBalancer) -> Self {
        let told = match told {
            PerLoadBalancer::Each => Told::Each(Each::default()),
            PerLoadBalancer::Sum => Told::Sum(Sum::default()),
        };
        Self { book: Arc::default(), told }
    }

    /// A driver has said this of what runs; what does not run any more is forgotten.
    pub(crate) fn note(
        &self,
        observations: &[Observation],
        running: &Running,
        order: impl Fn(&str) -> Option<Arc<Order>>,
    ) {
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        book.seen.retain(|id, _| running.contains_key(id));
        for observation in observations.iter().filter(|one| running.contains_key(&one.load_balancer_id)) {
            if let Some(order) = order(&observation.load_balancer_id) {
                book.note(observation, &order);
            }
        }
    }

    pub(crate) fn add_to(&self, registry: &mut Registry) {
        let (bytes_in, bytes_out, connections, current, members) = (
            ("ballast_load_balancer_bytes_in_total", "Bytes from clients"),
            ("ballast_load_balancer_bytes_out_total", "Bytes to clients"),
            ("ballast_load_balancer_connections_total", "Connections of clients"),
            ("ballast_load_balancer_current_connections", "Connections of clients that are open"),
            ("ballast_load_balancer_members", "Members that are switched on"),
        );
        match &self.told {
            Told::Each(each) => {
                registry.add(bytes_in.0, bytes_in.1, &each.bytes_in);
                registry.add(bytes_out.0, bytes_out.1, &each.bytes_out);
                registry.add(connections.0, connections.1, &each.connections);
                registry.add(current.0, current.1, &each.current);
                registry.add(members.0, members.1, &each.members);
            }
            Told::Sum(sum) => {
                registry.add(bytes_in.0, bytes_in.1, &sum.bytes_in);
                registry.add(bytes_out.0, bytes_out.1, &sum.bytes_out);
                registry.add(connections.0, connections.1, &sum.connections);
                registry.add(current.0, current.1, &sum.current);
                registry.add(members.0, members.1, &sum.members);
            }
        }
    }

    /// Tells what is known now.
    pub(crate) fn show(&self) {
        let book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        match &self.told {
            Told::Each(each) => each.show(&book),
            Told::Sum(sum) => sum.show(&book),
        }
    }
}

impl Book {
    fn note(&mut self, observation: &Observation, order: &Order) {
        let members = members(observation, order);
        let counted = observation.statistics;
        match self.seen.get_mut(&observation.load_balancer_id) {
            Some(seen) => {
                seen.members = members;
                let Some(now) = counted else { return };
                let more = |now: u64, before: u64| now.saturating_sub(before);
                self.sum.bytes_in += more(now.bytes_in, seen.counted.bytes_in);
                self.sum.bytes_out += more(now.bytes_out, seen.counted.bytes_out);
                self.sum.total_connections += more(now.total_connections, seen.counted.total_connections);
                seen.counted = now;
            }
            None => {
                let (id, project) = (&observation.load_balancer_id, &order.load_balancer.project_id);
                let labels = One { load_balancer_id: Word::new(id), project_id: Word::new(project) };
                // What was counted before this process was started is nothing new.
                let seen = Seen { labels, counted: counted.unwrap_or_default(), members };
                self.seen.insert(id.clone(), seen);
            }
        }
    }
}

fn members(observation: &Observation, order: &Order) -> Counts {
    let all = || order.load_balancer.pools.iter().flat_map(|pool| &pool.members).filter(|member| member.admin_state_up);
    let drained: Vec<&Member> = all().filter(|member| member.weight == 0).collect();
    let mut counts = Counts::default();
    for member in &observation.members {
        let fares = match member.health() {
            Health::Up if drained.iter().any(|one| one.id == member.member_id) => Fares::Draining,
            Health::Up => Fares::Up,
            Health::Down => Fares::Down,
            Health::Unspecified => continue,
        };
        counts[fares as usize] += 1;
    }
    let known: i64 = counts.iter().sum();
    let there = i64::try_from(all().count()).unwrap_or(i64::MAX);
    counts[Fares::Unknown as usize] = there.saturating_sub(known).max(0);
    counts
}

impl Each {
    fn show(&self, book: &Book) {
        self.bytes_in.clear();
        self.bytes_out.clear();
        self.connections.clear();
        self.current.clear();
        self.members.clear();
        for Seen { labels, counted, members } in book.seen.values() {
            self.bytes_in.get_or_create(labels).inc_by(counted.bytes_in);
            self.bytes_out.get_or_create(labels).inc_by(counted.bytes_out);
            self.connections.get_or_create(labels).inc_by(counted.total_connections);
            self.current.get_or_create(labels).set(gauge(counted.active_connections));
            for (health, count) in Fares::ALL.iter().zip(members) {
                let labels = Members { load_balancer_id: labels.load_balancer_id.clone(), health: *health };
                self.members.get_or_create(&labels).set(*count);
            }
        }
    }
}

impl Sum {
    fn show(&self, book: &Book) {
        let bring = |counter: &Counter, to: u64| counter.inc_by(to.saturating_sub(counter.get()));
        bring(&self.bytes_in, book.sum.bytes_in);
        bring(&self.bytes_out, book.sum.bytes_out);
        bring(&self.connections, book.sum.total_connections);
        self.current.set(gauge(book.seen.values().map(|seen| seen.counted.active_connections).sum()));
        for (number, health) in Fares::ALL.iter().enumerate() {
            let count = book.seen.values().filter_map(|seen| seen.members.get(number)).sum();
            self.members.get_or_create(&AllMembers { health: *health }).set(count);
        }
    }
}

fn gauge(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use ballast_metrics::Format;
    use ballast_proto::driver::{LoadBalancer, MemberHealth, Pool};

    use super::*;

    fn order() -> Arc<Order> {
        let member = |id: &str, weight, admin_state_up| Member {
            id: id.to_owned(),
            weight,
            admin_state_up,
            ..Member::default()
        };
        let members = vec![member("m", 1, true), member("n", 0, true), member("o", 1, true), member("off", 1, false)];
        let pools = vec![Pool { members, ..Pool::default() }];
        let load_balancer =
            LoadBalancer { id: "a".to_owned(), project_id: "p \"1\"".to_owned(), pools, ..LoadBalancer::default() };
        Arc::new(Order {
            cluster: "c".to_owned(),
            driver: "fault".to_owned(),
            epoch: 1,
            generation: 1,
            load_balancer,
            known_health: None,
            handover: None,
            origin: None,
        })
    }

    fn seen(id: &str, bytes_in: u64, active_connections: u64) -> Observation {
        let member = |id: &str, health: Health| MemberHealth {
            member_id: id.to_owned(),
            health: health.into(),
            ..MemberHealth::default()
        };
        let statistics = Some(Statistics { bytes_in, active_connections, ..Statistics::default() });
        let members = vec![member("m", Health::Down), member("n", Health::Up)];
        Observation { load_balancer_id: id.to_owned(), statistics, members, ..Observation::default() }
    }

    fn running(ids: &[&str]) -> Running {
        ids.iter().map(|id| ((*id).to_owned(), (1, 1))).collect()
    }

    fn told(traffic: &Traffic) -> String {
        let mut registry = Registry::default();
        traffic.add_to(&mut registry);
        traffic.show();
        registry.text(Format::Prometheus)
    }

    #[test]
    fn each_is_told_with_what_its_driver_said_and_what_is_gone_is_not() {
        let traffic = Traffic::new(PerLoadBalancer::Each);
        let note = |seen: &[Observation], ids: &[&str]| traffic.note(seen, &running(ids), |_| Some(order()));
        note(&[seen("a", 5, 2), seen("orphan", 9, 9)], &["a"]);
        note(&[seen("a", 7, 1)], &["a"]);
        let text = told(&traffic);
        for line in [
            "ballast_load_balancer_bytes_in_total{load_balancer_id=\"a\",project_id=\"other\"} 7",
            "ballast_load_balancer_current_connections{load_balancer_id=\"a\",project_id=\"other\"} 1",
            "ballast_load_balancer_members{load_balancer_id=\"a\",health=\"up\"} 0",
            "ballast_load_balancer_members{load_balancer_id=\"a\",health=\"down\"} 1",
            "ballast_load_balancer_members{load_balancer_id=\"a\",health=\"draining\"} 1",
            "ballast_load_balancer_members{load_balancer_id=\"a\",health=\"unknown\"} 1",
        ] {
            assert!(text.contains(&format!("{line}\n")), "{line}: {text}");
        }
        assert!(!text.contains("orphan"), "{text}");
        note(&[], &[]);
        assert!(!told(&traffic).contains("\"a\""));
    }

    #[test]
    fn a_sum_grows_by_what_is_new_and_does_not_go_back_when_one_goes() {
        let traffic = Traffic::new(PerLoadBalancer::Sum);
        let note = |seen: &[Observation], ids: &[&str]| traffic.note(seen, &running(ids), |_| Some(order()));
        note(&[seen("a", 1_000, 2), seen("b", 50, 3)], &["a", "b"]);
        note(&[seen("a", 1_005, 2), seen("b", 60, 3)], &["a", "b"]);
        let text = told(&traffic);
        assert!(text.contains("ballast_load_balancer_bytes_in_total 15\n"), "{text}");
        assert!(text.contains("ballast_load_balancer_current_connections 5\n"), "{text}");
        assert!(text.contains("ballast_load_balancer_members{health=\"down\"} 2\n"), "{text}");
        note(&[seen("b", 61, 1)], &["b"]);
        let text = told(&traffic);
        assert!(text.contains("ballast_load_balancer_bytes_in_total 16\n"), "{text}");
        assert!(text.contains("ballast_load_balancer_current_connections 1\n"), "{text}");
    }
}
