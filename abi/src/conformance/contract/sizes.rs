//! None, and many.

use crate::{
    ErrorCode, LoadBalancer,
    conformance::{
        Bench, samples,
        stage::on_stage,
        verdict::{Stop, Verdict, ensure, shown},
    },
};

const MANY: u32 = 1000;

pub(in crate::conformance) fn members(bench: &Bench) -> Verdict {
    on_stage(bench, 10, |stage| {
        let limit = stage.capabilities.max_members;
        let many = if limit == 0 { MANY } else { limit.min(MANY) };
        let with = |count: u32| {
            let mut one: LoadBalancer = stage.samples.load_balancer(1);
            let members: Vec<_> = (1..=count).map(|number| stage.samples.member(1, number)).collect();
            one.pools.iter_mut().for_each(|pool| pool.members = members.clone());
            samples::finished(one)
        };
        for (generation, count) in [(1, 0), (2, many), (3, many - many / 10), (4, 0)] {
            let one = with(count);
            let named = |stop| match stop {
                Stop::Failed(why) => Stop::Failed(format!("{count} members: {why}")),
                skipped @ Stop::Skipped(_) => skipped,
            };
            stage.deploy(&one, generation).map_err(named)?;
            stage.expect_deployed(&[(&one.id, generation)], &format!("with {count} members"))?;
            let seen = stage.observe(&one.id).map_err(named)?.members.len();
            ensure(seen <= count as usize, || format!("of {count} members, observe tells of {seen}"))?;
        }
        if limit == 0 || limit >= MANY {
            return Ok(String::new());
        }
        match stage.subject().deploy(&with(limit + 1), 5)? {
            Err(error) if error.code == ErrorCode::UNSUPPORTED => {
                Ok(format!("it declares {limit}; more is UNSUPPORTED"))
            }
            Err(error) => {
                Err(Stop::failed(format!("more members than it declares must be UNSUPPORTED: {}", shown(&error))))
            }
            Ok(_) => Err(Stop::failed(format!("it declares {limit} members at most, and takes {}", limit + 1))),
        }
    })
}
