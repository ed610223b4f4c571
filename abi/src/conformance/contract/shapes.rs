//! What goes beyond one pool and one listener: several, none, and one pool of two listeners. Objects are known by their ids:
//! a driver that goes by their order serves others than were asked for.

use crate::{
    LoadBalancer,
    conformance::{
        Bench,
        contract::{
            counters::{Seen, grown, told_of_each_pool},
            features::declared_or_refused,
        },
        samples::{self, using},
        stage::{Stage, on_stage},
        traffic::{Answers, Wire},
        verdict::{Stop, Verdict, ensure},
    },
    features::SHAPES,
};

pub(in crate::conformance) fn shapes(bench: &Bench) -> Verdict {
    on_stage(bench, 24, |stage| {
        let wire = Wire::open();
        let said = each(stage, &wire)?;
        let traffic = together(stage, &wire)?;
        Ok(if traffic.is_empty() { said } else { format!("{said}; {traffic}") })
    })
}

/// Each alone, after a load balancer of v1, and v1's again after it.
fn each(stage: &Stage<'_>, wire: &Wire) -> Result<String, Stop> {
    let plain = stage.samples.load_balancer(1);
    let (mut declared, mut refused, mut useless) = (Vec::new(), Vec::new(), Vec::new());
    let mut generation = 0;
    for shape in SHAPES {
        let Some(asked) = using(shape, &stage.samples, 1) else { continue };
        let lacking: Vec<&String> = asked.features.iter().filter(|used| !stage.declares(used)).collect();
        if stage.declares(shape) && !lacking.is_empty() {
            useless.push(shape);
            continue;
        }
        generation += 2;
        stage.deploy(&plain, generation)?;
        let before = wire.wait_for(&plain, Answers::Yes)?;
        declared_or_refused(stage, &asked, shape, generation + 1)?;
        if !stage.declares(shape) {
            refused.push(shape);
            continue;
        }
        declared.push(shape);
        if before == Answers::Yes {
            served(wire, &asked).map_err(|stop| about(stop, shape))?;
            let silent = !asked.listeners.is_empty() || wire.wait_for(&plain, Answers::No)? == Answers::No;
            ensure(silent, || format!("{shape}: it answers, and nothing listens"))?;
        }
        stage.observe(&asked.id)?;
    }
    stage.undeploy(&plain.id)?;
    let list = |what: &str, shapes: &[&str]| match shapes {
        [] => None,
        shapes => Some(format!("{what}: {}", shapes.join(", "))),
    };
    let said = [
        list("served", &declared),
        list("not declared, and UNSUPPORTED", &refused),
        list("declared, and of no use without others that are not", &useless),
    ];
    Ok(said.into_iter().flatten().collect::<Vec<_>>().join("; "))
}

type Change = (&'static str, fn(&mut LoadBalancer));

const CHANGES: [Change; 4] = [
    ("in another order", |one| {
        one.pools.reverse();
        one.listeners.reverse();
    }),
    ("with the pools of two listeners exchanged", |one| {
        let pools: Vec<String> = one.listeners.iter().map(|listener| listener.default_pool_id.clone()).collect();
        one.listeners
            .iter_mut()
            .zip(pools.into_iter().rev())
            .for_each(|(listener, pool)| listener.default_pool_id = pool);
    }),
    ("without its first listener", |one| {
        if one.listeners.len() > 1 {
            one.listeners.remove(0);
        }
    }),
    ("without the pools that no listener names", |one| {
        let named: Vec<String> = one.listeners.iter().map(|listener| listener.default_pool_id.clone()).collect();
        if one.pools.iter().any(|pool| named.contains(&pool.id)) {
            one.pools.retain(|pool| named.contains(&pool.id));
        }
    }),
];

/// All at once: a load balancer of v1 that grows, changes, and becomes one of v1 again.
fn together(stage: &Stage<'_>, wire: &Wire) -> Result<String, Stop> {
    let plain = stage.samples.load_balancer(2);
    let whole = stage.samples.whole(2);
    if whole == plain {
        return Ok(String::new());
    }
    let mut counted = Seen::default();
    stage.deploy(&plain, 1)?;
    let reached = wire.wait_for(&plain, Answers::Yes)? == Answers::Yes;
    let mut steps = vec![("when it has grown", whole.clone())];
    for (what, change) in CHANGES {
        let mut one = steps.last().map(|(_, one)| one.clone()).unwrap_or_default();
        change(&mut one);
        steps.push((what, samples::finished(one)));
    }
    steps.push(("when it is as it was", plain));
    for (generation, (what, one)) in (2..).zip(&steps) {
        let named = |stop| about(stop, what);
        stage.deploy(one, generation).map_err(named)?;
        stage.expect_deployed(&[(&one.id, generation)], what)?;
        if reached {
            served(wire, one).map_err(named)?;
        }
        told_of_each_pool(stage, one).map_err(named)?;
        grown(stage, one, &mut counted, what)?;
    }
    Ok(if reached { "each listener had the members of its pool" } else { "no traffic could be sent" }.to_owned())
}

/// Every listener by the members of its pool.
fn served(wire: &Wire, one: &LoadBalancer) -> Result<(), Stop> {
    one.listeners.iter().try_for_each(|listener| wire.expect_pool(one, listener))
}

fn about(stop: Stop, what: &str) -> Stop {
    match stop {
        Stop::Failed(why) => Stop::Failed(format!("{what}: {why}")),
        skipped @ Stop::Skipped(_) => skipped,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        conformance::samples::Samples,
        features::{ALL_V1, all, capabilities, check},
    };

    #[test]
    fn every_change_asks_for_what_is_declared_only() {
        let some = [
            capabilities(all()),
            capabilities(ALL_V1.into_iter().chain(["pools:many"])),
            capabilities(ALL_V1.into_iter().chain(["listeners:many", "pool:shared"])),
        ];
        for declared in some {
            let mut one = Samples::of(9, &declared).unwrap().whole(1);
            for (what, change) in CHANGES {
                change(&mut one);
                assert_eq!(check(&one, &declared), Ok(()), "{what}: {one:?}");
            }
        }
    }
}
