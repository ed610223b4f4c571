//! What a report of counters costs. A measurement: it says nothing of right and wrong.

use std::{net::IpAddr, time::Instant};

use ballast_model::{ids::ListenerId, load_balancer::LoadBalancer, outcome::Statistics};
use ballast_store::{Parts, Tally};

use crate::{
    database::{Database, read, write},
    samples::{id, new_member, pool, store_subnet, with_listener_of},
};

const LOAD_BALANCERS: u128 = 1_000;
const ROUNDS: u64 = 10;

/// One listener, and one pool with three members.
fn whole(number: u128) -> LoadBalancer {
    let mut one = with_listener_of(pool(number), 10_000 + number, id(number));
    let address = u32::from_be_bytes([10, 1, 0, 0]) + u32::try_from(number).unwrap();
    one.vip.as_mut().unwrap().address = IpAddr::from(address.to_be_bytes());
    for last in 1..=3 {
        one = one.add_member(id(number), new_member(100_000 + 10 * number + u128::from(last), last)).unwrap();
    }
    one
}

fn counted(round: u64) -> Statistics {
    Statistics {
        bytes_in: 1_000_003 * round,
        bytes_out: 7_000_001 * round,
        total_connections: round,
        ..Statistics::default()
    }
}

fn parts_of(one: &LoadBalancer, round: u64) -> Parts {
    let members = one.pools.iter().flat_map(|pool| pool.members.iter());
    Parts {
        pools: one.pools.iter().map(|pool| (pool.id, counted(3 * round))).collect(),
        members: members.map(|member| (member.id, counted(round))).collect(),
    }
}

async fn report(database: &Database, all: &[LoadBalancer], parts: &[Parts], round: u64) {
    let whole = counted(3 * round);
    let told: Vec<_> = all.iter().zip(parts).map(|(one, parts)| (one.id, 1.into(), whole, parts)).collect();
    let news = read!(database.store, [told], |tx| tx.are_news(&told).await).unwrap();
    assert!(news.iter().all(|is_news| *is_news));
    write!(database.store, [all, parts], |tx| {
        let ids: Vec<_> = all.iter().map(|one| one.id).collect();
        tx.load_many_placed(&ids).await?;
        let tallies = all.iter().zip(parts);
        let tallies = tallies.map(|(load_balancer, parts)| Tally { load_balancer, epoch: 1.into(), whole, parts });
        tx.save_statistics(&tallies.collect::<Vec<_>>()).await?;
        let listeners = all.iter().flat_map(|one| one.listeners.iter().map(|one| one.id));
        tx.save_listener_statistics(&listeners.map(|id: ListenerId| (id, whole)).collect()).await
    })
    .unwrap();
}

#[tokio::test]
#[ignore = "it measures, and says nothing of right and wrong"]
async fn a_report_of_a_thousand_load_balancers_with_their_members_and_without() {
    let database = &Database::sqlite().await;
    store_subnet(database).await;
    let all: Vec<LoadBalancer> = (1..=LOAD_BALANCERS).map(whole).collect();
    for some in all.chunks(100) {
        write!(database.store, [some], |tx| {
            for one in some {
                tx.insert(one).await?;
            }
            Ok(())
        })
        .unwrap();
    }
    let mut took = Vec::new();
    for with_members in [false, true, false, true] {
        let begun = Instant::now();
        for _ in 0..ROUNDS {
            let round = took.len() as u64 * ROUNDS + u64::try_from(begun.elapsed().as_micros()).unwrap() + 1;
            let parts = |one| if with_members { parts_of(one, round) } else { Parts::default() };
            report(database, &all, &all.iter().map(parts).collect::<Vec<_>>(), round).await;
        }
        took.push(begun.elapsed() / u32::try_from(ROUNDS).unwrap());
    }
    eprintln!("without members, with, without, with: {took:?} for each report");
}
