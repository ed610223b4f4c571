//! What an owner has put down.

use crate::{
    LoadBalancer,
    conformance::{
        Bench,
        stage::on_stage,
        traffic::{Answers, Wire},
        verdict::{Stop, Verdict, ensure},
    },
};

type Down = (&'static str, fn(&mut LoadBalancer));

const DOWN: [Down; 4] = [
    ("the listener is down", |one| one.listeners.iter_mut().for_each(|listener| listener.admin_state_up = false)),
    ("the pool is down", |one| one.pools.iter_mut().for_each(|pool| pool.admin_state_up = false)),
    ("all members are down", |one| {
        one.pools.iter_mut().flat_map(|pool| &mut pool.members).for_each(|member| member.admin_state_up = false);
    }),
    ("the load balancer is down", |one| one.admin_state_up = false),
];

pub(in crate::conformance) fn admin(bench: &Bench) -> Verdict {
    on_stage(bench, 11, |stage| {
        let wire = Wire::open();
        let up = stage.samples.load_balancer(1);
        let mut generation = 1;
        stage.deploy(&up, generation)?;
        let reached = wire.wait_for(&up, Answers::Yes)? == Answers::Yes;
        for (what, put_down) in DOWN {
            let mut down = up.clone();
            put_down(&mut down);
            for (state, one) in [(Answers::No, &down), (Answers::Yes, &up)] {
                generation += 1;
                let named = |stop| match stop {
                    Stop::Failed(why) => Stop::Failed(format!("{what}: {why}")),
                    skipped @ Stop::Skipped(_) => skipped,
                };
                stage.deploy(one, generation).map_err(named)?;
                stage.expect_deployed(&[(&up.id, generation)], what)?;
                if reached {
                    let found = wire.wait_for(&up, state)?;
                    ensure(found == state, || match state {
                        Answers::No => format!("{what}, and it still serves"),
                        Answers::Yes => format!("{what} no longer, and it does not serve"),
                    })?;
                }
            }
        }
        Ok(if reached { String::new() } else { "no traffic could be sent".to_owned() })
    })
}
