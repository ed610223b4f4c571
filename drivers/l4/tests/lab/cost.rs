//! What a change costs, for whoever works on it: `cargo nextest run --release -p ballast-l4 --run-ignored only --no-capture`.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "tools of tests: what fails here fails the test")]

use std::time::{Duration, Instant};

use ballast_l4::{
    desired::{Member, Method, Protocol, Service},
    layout::Layout,
    netlink::Netfilter,
    numbers::Numbers,
    plan::{Observed, plan},
    prober::{Check, Probe, Prober, Timing},
    table,
};
use ballast_lab::in_lab;

use crate::world::{in_world, member, service};

const ROUNDS: usize = 60;

fn members(count: u16) -> Vec<Member> {
    let one = |number: u16| {
        let [high, low] = number.to_be_bytes();
        Member { id: number.to_string(), address: ([10, 1, high, low], 80).into(), ..member(1) }
    };
    (1..=count).map(one).collect()
}

/// The least and the median, in microseconds.
fn shown(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    format!("{:>7} / {:>7}", times[0].as_micros(), times[times.len() / 2].as_micros())
}

fn change(netfilter: &mut Netfilter, service: &Service, vary: impl Fn(&mut Service, usize), what: &str) {
    let (mut numbers, mut noted) = (Numbers::default(), None);
    let (mut whole, mut plans, mut changes) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let mut asked = service.clone();
        vary(&mut asked, round);
        let counters = table::counters(netfilter).unwrap();
        let observed = Observed { counters, noted: noted.take(), ..Observed::default() };
        let begun = Instant::now();
        let layout = Layout::next(observed.noted.as_ref(), &asked, &mut numbers).unwrap();
        let planned = plan(&observed, &layout);
        let thought = begun.elapsed();
        table::apply(netfilter, &planned.commands).unwrap();
        table::apply(netfilter, &planned.sweep).unwrap();
        if round == 0 { &mut whole } else { &mut changes }.push(begun.elapsed());
        plans.push(thought);
        noted = Some(layout);
    }
    let plans = plans.split_off(1);
    println!("{what:<32} first {:>7}  change {}  of it planned {}", whole[0].as_micros(), shown(changes), shown(plans));
}

#[test]
#[ignore = "it measures, and says nothing of right and wrong"]
fn what_probes_cost() {
    in_world(|world| {
        let prober = Prober::start(|_| {})?;
        let timing = Timing { delay: Duration::from_secs(1), timeout: Duration::from_secs(1), rise: 1, fall: 1 };
        let probe = |number: u16| {
            let address = format!("10.0.0.1{}:8080", number % 6 + 1).parse().unwrap();
            (number.to_string(), Probe { check: Check::Tcp, address, timing, known: None })
        };
        let namespace = std::fs::File::open(format!("/proc/{}/ns/net", world.balancer.keeper_pid()))?;
        let begun = Instant::now();
        prober.set("lb", namespace, (0..1_000).map(probe).collect());
        ballast_lab::wait_until(Duration::from_secs(20), "1,000 verdicts", || {
            prober.verdicts("lb").values().all(|verdict| verdict.up == Some(true)).then_some(())
        });
        println!("1,000 probes of TCP: {} ms", begun.elapsed().as_millis());
        prober.close();
        Ok(())
    });
}

#[test]
#[ignore = "it measures, and says nothing of right and wrong"]
fn what_a_change_costs() {
    in_lab(|_| {
        let mut netfilter = Netfilter::open()?;
        for count in [3, 100, 1_000] {
            for method in [Method::RoundRobin, Method::SourceIp] {
                let mut asked = service(Protocol::Tcp, members(count));
                asked.listeners[0].method = method;
                let weight = |asked: &mut Service, round: usize| {
                    asked.listeners[0].members[1].weight = u16::from(round % 2 == 1);
                };
                change(&mut netfilter, &asked, weight, &format!("{count} {method:?}: a member drains"));
            }
        }
        Ok(())
    });
}
