//! Load balancers with a standby: their two sides, how they swap, and what they have counted.

use std::collections::BTreeMap;

use ballast_model::{
    counters::{Epoch, Generation},
    fault::Code,
    ids::ListenerId,
    listener::Mac,
    load_balancer::LoadBalancer,
    outcome::Statistics,
    port::{FixedIp, LOAD_BALANCER, Port},
    quota::Resource,
    side::{Said, SideNumber, Topology},
};
use ballast_store::{Election, Ending, Parts, Phase, Query, Side, Tally};
use proptest::{prelude::*, strategy::ValueTree as _};

use crate::{
    database::{Database, on_each_backend, read, write},
    samples::{agent, id, new_member, pool, store_subnet, with_listener_of},
};

fn whole(number: u128) -> LoadBalancer {
    let one = with_listener_of(pool(number), 10_000 + number, id(number));
    let one = one.add_member(id(number), new_member(100_000 + number, 1)).unwrap();
    LoadBalancer { topology: Topology::ActiveStandby, ..one }
}

fn port(number: u128, last: u8) -> Port {
    Port {
        id: id(number),
        project_id: "p".to_owned(),
        name: "side".to_owned(),
        network_id: id(800),
        mac: Mac::from_random(u64::from(last)),
        fixed_ips: vec![FixedIp { subnet_id: id(900), address: [10, 0, 0, last].into() }],
        device_owner: LOAD_BALANCER.to_owned(),
        device_id: String::new(),
        host: String::new(),
        admin_state_up: false,
    }
}

fn side(number: SideNumber, agent: u128, epoch: u64) -> Side {
    Side {
        load_balancer_id: id(1),
        number,
        agent_id: id(agent),
        driver: "haproxy-ns".to_owned(),
        epoch: epoch.into(),
        port_id: id(700 + u128::from(epoch)),
        generation: Generation::NONE,
        fault: String::new(),
        said: None,
    }
}

/// One load balancer on two agents: epoch 1 on 501, and epoch 2, which stands by, on 502.
async fn paired(database: &Database) -> LoadBalancer {
    store_subnet(database).await;
    let one = whole(1);
    let stored = &one;
    write!(database.store, [stored], |tx| {
        for number in 501..=503 {
            tx.insert_agent(&agent(number)).await?;
        }
        tx.insert(&stored).await?;
        tx.bind_side(id(1), id(501), "haproxy-ns", None).await?;
        tx.insert_election(id(1), &Election { term: 1.into(), key: vec![7; 32] }).await?;
        tx.insert_side(&side(SideNumber::One, 501, 1), false).await?;
        assert_eq!(tx.begin_epoch(id(1)).await?, Epoch::new(2));
        tx.insert_side(&side(SideNumber::Two, 502, 2), true).await
    })
    .unwrap();
    one
}

async fn loads(database: &Database) -> Vec<u32> {
    let agents = read!(database.store, [], |tx| tx.agents(&Query::default()).await).unwrap();
    agents.into_iter().map(|agent| agent.load_balancers).collect()
}

async fn the_standby_is_its_agents_and_swaps_with_the_active_one(database: &Database) {
    let one = paired(database).await;
    assert_eq!(
        read!(database.store, [], |tx| tx.load(id(1)).await).unwrap().map(|one| one.topology),
        Some(one.topology)
    );
    assert_eq!(loads(database).await, [1, 1, 0]);
    let on = |agent: u128| async move {
        let bound = read!(database.store, [], |tx| tx.bindings_of(id(agent)).await).unwrap().into_iter();
        bound.map(|one| (one.binding.phase, one.binding.epoch.number(), one.term.number())).collect::<Vec<_>>()
    };
    assert_eq!((on(501).await, on(502).await), (vec![(Phase::Bound, 1, 1)], vec![(Phase::Standby, 2, 1)]));
    let agents = read!(database.store, [], |tx| tx.agents_of(&[id(1)]).await).unwrap();
    assert_eq!(agents, [(id(1), id(501)), (id(1), id(502))]);
    let swap = |from: Side, to: Side| async move {
        write!(database.store, [from, to], |tx| {
            tx.swap_sides(&from, &to).await?;
            tx.save_term(id(1), 2.into()).await
        })
    };
    let (first, second) = (side(SideNumber::One, 501, 1), side(SideNumber::Two, 502, 2));
    swap(first.clone(), second.clone()).await.unwrap();
    assert_eq!((on(501).await, on(502).await), (vec![(Phase::Standby, 1, 2)], vec![(Phase::Bound, 2, 2)]));
    assert_eq!(loads(database).await, [1, 1, 0]);
    assert_eq!(swap(first, second).await.unwrap_err().code(), Code::Conflict, "the binding is not of that one");
    let binding = read!(database.store, [], |tx| tx.binding(id(1)).await).unwrap().unwrap();
    assert_eq!((binding.agent_id, binding.epoch), (id(502), Epoch::new(2)));
}

async fn two_sides_are_never_on_one_agent_and_there_are_two_at_most(database: &Database) {
    paired(database).await;
    for (number, agent, epoch) in [(SideNumber::One, 503, 3), (SideNumber::Two, 503, 4)] {
        let refused = write!(database.store, [], |tx| tx.insert_side(&side(number, agent, epoch), true).await);
        assert_eq!(refused.unwrap_err().code(), Code::Conflict, "{number:?} is there");
    }
    write!(database.store, [], |tx| tx.delete_side(&side(SideNumber::Two, 502, 2), true).await).unwrap();
    let refused = write!(database.store, [], |tx| tx.insert_side(&side(SideNumber::Two, 501, 5), true).await);
    assert_eq!(refused.unwrap_err().code(), Code::Conflict, "the active one is there");
    assert_eq!(read!(database.store, [], |tx| tx.without_standby().await).unwrap(), [id(1)]);
    let left = read!(database.store, [], |tx| tx.tombstones(id(502), &[id(1)]).await).unwrap();
    assert_eq!(left.iter().map(|one| one.epoch.number()).collect::<Vec<_>>(), [2]);
    write!(database.store, [], |tx| tx.insert_side(&side(SideNumber::Two, 503, 6), true).await).unwrap();
    assert!(read!(database.store, [], |tx| tx.without_standby().await).unwrap().is_empty());
    assert_eq!(loads(database).await, [1, 0, 1]);
}

async fn what_sides_say_and_deploy_is_kept_and_goes_with_the_load_balancer(database: &Database) {
    let one = &paired(database).await;
    let said = Said { term: 4.into(), active: true, peer_heard: false };
    write!(database.store, [], |tx| {
        tx.save_said(id(1), 2.into(), said).await?;
        tx.save_deployed(id(1), 2.into(), 3.into(), "").await?;
        tx.save_deployed(id(1), 2.into(), 2.into(), "too late").await?;
        tx.save_deployed(id(1), 1.into(), 3.into(), "no room").await
    })
    .unwrap();
    let sides = read!(database.store, [], |tx| tx.sides_of(id(1)).await).unwrap();
    let shown: Vec<_> = sides.iter().map(|one| (one.said, one.generation.number(), one.fault.as_str())).collect();
    assert_eq!(shown, [(None, 0, "no room"), (Some(said), 3, "")]);
    assert_eq!(read!(database.store, [], |tx| tx.answering_sides().await).unwrap().len(), 1);
    let election = read!(database.store, [], |tx| tx.election(id(1)).await).unwrap().unwrap();
    assert_eq!(election.key, [7; 32]);
    assert!(!format!("{election:?}").contains('7'), "a key is no matter of logs");
    write!(database.store, [one], |tx| {
        tx.release(id(1)).await?;
        tx.delete(&one).await
    })
    .unwrap();
    assert!(read!(database.store, [], |tx| tx.sides_of(id(1)).await).unwrap().is_empty());
    assert!(read!(database.store, [], |tx| tx.election(id(1)).await).unwrap().is_none());
}

async fn ports_of_sides_take_their_addresses_and_are_in_no_list_and_no_quota(database: &Database) {
    store_subnet(database).await;
    write!(database.store, [], |tx| {
        tx.insert_port(&port(1, 5)).await?;
        tx.insert_side_port(&port(2, 6), true).await
    })
    .unwrap();
    let listed = read!(database.store, [], |tx| tx.ports(&Query::default()).await).unwrap().items;
    assert_eq!(listed.iter().map(|port| port.id).collect::<Vec<_>>(), [id(1)]);
    let used = read!(database.store, [], |tx| tx.used(Resource::Port, "p").await).unwrap();
    assert_eq!(used, 1);
    assert!(read!(database.store, [], |tx| tx.shown_port(id(2)).await).unwrap().is_none());
    assert_eq!(
        read!(database.store, [], |tx| tx.ports_among(&[id(2)]).await).unwrap()[0].fixed_ips,
        port(2, 6).fixed_ips
    );
    let again = Port { mac: Mac::from_random(99), ..port(3, 6) };
    let again = write!(database.store, [again], |tx| tx.insert_port(&again).await);
    assert_eq!(again.unwrap_err().code(), Code::AddressInUse);
}

/// What happens to what both sides count: one of them tells more, or they swap, or the one that stands by goes and another comes.
#[derive(Debug, Clone, Copy)]
enum Turn {
    Counts { second: bool, more: u32 },
    Swap,
    Replace { ends: Option<u32> },
}

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let turn = prop_oneof![
        4 => (any::<bool>(), 0_u32..1_000).prop_map(|(second, more)| Turn::Counts { second, more }),
        2 => Just(Turn::Swap),
        1 => prop::option::of(0_u32..1_000).prop_map(|ends| Turn::Replace { ends }),
    ];
    prop::collection::vec(turn, 1..16)
}

fn counted(bytes: u64) -> Statistics {
    Statistics { bytes_in: bytes, total_connections: bytes / 2, ..Statistics::default() }
}

/// The database, what each side has counted, and what is to be shown.
struct Book<'a> {
    database: &'a Database,
    one: LoadBalancer,
    active: (Side, u64),
    standby: (Side, u64),
    sum: u64,
    next: u64,
}

impl Book<'_> {
    async fn turn(&mut self, turn: Turn) {
        match turn {
            Turn::Counts { second, more } => {
                let (_, count) = if second { &mut self.standby } else { &mut self.active };
                *count += u64::from(more);
                self.sum += u64::from(more);
                self.tell(second).await;
            }
            Turn::Swap => {
                let (from, to) = (&self.active.0, &self.standby.0);
                write!(self.database.store, [from, to], |tx| tx.swap_sides(&from, &to).await).unwrap();
                std::mem::swap(&mut self.active, &mut self.standby);
            }
            Turn::Replace { ends } => {
                let former = self.standby.0.clone();
                let end = self.standby.1 + u64::from(ends.unwrap_or_default());
                self.sum += u64::from(ends.unwrap_or_default());
                let ending = match ends {
                    Some(_) => self.ending(end),
                    None => Ending::Unknown,
                };
                self.next += 1;
                let next = Side { epoch: self.next.into(), port_id: id(700 + u128::from(self.next)), ..former.clone() };
                let (former, ending, after) = (&former, &ending, &next);
                write!(self.database.store, [former, ending, after], |tx| {
                    tx.delete_side(&former, true).await?;
                    tx.insert_side(&after, true).await?;
                    tx.drop_binding(id(1), former.agent_id, former.epoch).await?;
                    tx.end_counting(id(1), former.epoch, &ending).await
                })
                .unwrap();
                self.standby = (next, 0);
            }
        }
    }

    fn parts(&self, bytes: u64) -> Parts {
        let pool = &self.one.pools[0];
        Parts {
            pools: BTreeMap::from([(pool.id, counted(bytes))]),
            members: BTreeMap::from([(pool.members[0].id, counted(bytes))]),
        }
    }

    fn ending(&self, bytes: u64) -> Ending {
        let listeners = vec![(self.one.listeners[0].id, counted(bytes))];
        Ending::At { whole: counted(bytes), listeners, parts: self.parts(bytes) }
    }

    async fn tell(&self, stands_by: bool) {
        let (side, bytes) = if stands_by { &self.standby } else { &self.active };
        let (one, whole, parts) = (&self.one, counted(*bytes), &self.parts(*bytes));
        let (epoch, listener): (Epoch, ListenerId) = (side.epoch, one.listeners[0].id);
        write!(self.database.store, [one, parts], |tx| {
            let tally = Tally { load_balancer: &one, epoch, whole, parts: &parts };
            if stands_by {
                return tx.save_standby_statistics(&tally, &[(listener, whole)]).await;
            }
            tx.save_statistics(&[tally]).await?;
            tx.save_listener_statistics(&BTreeMap::from([(listener, whole)])).await
        })
        .unwrap();
    }

    async fn shown(&self) -> [u64; 4] {
        let (listener, pool) = (self.one.listeners[0].id, &self.one.pools[0]);
        let (pool_id, member) = (pool.id, pool.members[0].id);
        let shown = read!(self.database.store, [], |tx| {
            Ok([
                tx.statistics(id(1)).await?.bytes_in,
                tx.listener_statistics(listener).await?.bytes_in,
                tx.pool_statistics(id(1), pool_id).await?.bytes_in,
                tx.member_statistics(id(1), member).await?.bytes_in,
            ])
        });
        shown.unwrap()
    }
}

async fn counters_are_the_sum_of_both_sides_and_never_go_back(database: &Database) {
    let one = paired(database).await;
    let (first, second) = (side(SideNumber::One, 501, 1), side(SideNumber::Two, 502, 2));
    let mut book = Book { database, one, active: (first, 0), standby: (second, 0), sum: 0, next: 2 };
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for _ in 0..8 {
        let turns = turns().new_tree(&mut runner).unwrap().current();
        for turn in turns {
            book.turn(turn).await;
            assert_eq!(book.shown().await, [book.sum; 4], "{turn:?}");
        }
    }
}

on_each_backend![
    the_standby_is_its_agents_and_swaps_with_the_active_one,
    two_sides_are_never_on_one_agent_and_there_are_two_at_most,
    what_sides_say_and_deploy_is_kept_and_goes_with_the_load_balancer,
    ports_of_sides_take_their_addresses_and_are_in_no_list_and_no_quota,
    counters_are_the_sum_of_both_sides_and_never_go_back,
];
