//! Ids in every form that the SDK lets through: 1 to 64 letters, digits, `-` and `_`.

use crate::{
    LoadBalancer,
    conformance::{
        Bench, samples,
        stage::on_stage,
        verdict::{Stop, Verdict},
    },
};

/// The first two differ by case alone, and the third begins as they do.
const IDS: [&str; 5] =
    ["c0f0-Ab", "c0f0-aB", "c0f0-Ab-2", "c0f0_-__", "c0f0ZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZ"];

pub(in crate::conformance) fn ids(bench: &Bench) -> Verdict {
    on_stage(bench, 23, |stage| {
        let at_once = usize::from(stage.at_once(5));
        let mut deployed: Vec<(&str, u64)> = Vec::new();
        for (number, id) in (1_u8..).zip(IDS) {
            let named = |stop| match stop {
                Stop::Failed(why) => Stop::Failed(format!("the id {id:?}: {why}")),
                skipped @ Stop::Skipped(_) => skipped,
            };
            if deployed.len() == at_once {
                stage.undeploy(deployed.remove(0).0).map_err(named)?;
            }
            stage.deploy(&called(stage.samples.load_balancer(number), id), number.into()).map_err(named)?;
            deployed.push((id, number.into()));
            stage.expect_deployed(&deployed, &format!("with the id {id:?}"))?;
            stage.observe(id).map_err(named)?;
        }
        while let Some((id, _)) = deployed.pop() {
            stage.undeploy(id)?;
            stage.expect_deployed(&deployed, &format!("after the undeploy of {id:?}"))?;
        }
        Ok(String::new())
    })
}

fn called(mut load_balancer: LoadBalancer, id: &str) -> LoadBalancer {
    load_balancer.id = id.to_owned();
    load_balancer.pools.iter_mut().for_each(|pool| pool.id = id.to_owned());
    load_balancer.listeners.iter_mut().for_each(|listener| listener.default_pool_id = id.to_owned());
    samples::finished(load_balancer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ids_are_ours_and_the_longest_is_as_long_as_may_be() {
        assert!(IDS.iter().all(|id| samples::is_ours(id) && id.len() <= 64));
        assert_eq!(IDS.iter().map(|id| id.len()).max(), Some(64));
    }
}
