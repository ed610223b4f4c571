//! What is handed over when a load balancer goes, and what a driver does with what another one has handed over.

use super::counters::{Seen, grown, not_less};
use crate::{
    LONGEST_HANDOVER,
    conformance::{
        Bench,
        stage::on_stage,
        traffic::{Answers, Wire},
        verdict::{Stop, Verdict, ensure},
    },
};

const REQUESTS: usize = 20;

pub(in crate::conformance) fn handover(bench: &Bench) -> Verdict {
    on_stage(bench, 26, |stage| {
        let wire = Wire::open();
        let one = stage.samples.load_balancer(1);
        stage.deploy(&one, 1)?;
        if wire.wait_for(&one, Answers::Yes)? == Answers::Yes {
            wire.send(&one, REQUESTS);
        }
        let mut last = Seen::default();
        grown(stage, &one, &mut last, "after the first deploy")?;
        let left = stage.hand_over(&one.id)?;
        if let Some(counted) = left.statistics {
            not_less("", &last.whole, &counted, "when it was taken away")?;
        }
        let length = left.handover.len();
        ensure(length <= LONGEST_HANDOVER, || format!("it hands over {length} bytes, more than {LONGEST_HANDOVER}"))?;
        let half = left.handover.get(..length / 2).unwrap_or_default().to_vec();
        let odd = [
            ("its own", left.handover),
            ("half of its own", half),
            ("a byte", vec![0xff]),
            ("a mebibyte of noise", vec![0xa5; LONGEST_HANDOVER]),
        ];
        for ((what, left), generation) in odd.into_iter().zip(2..) {
            let named = |stop| match stop {
                Stop::Failed(why) => Stop::Failed(format!("handed over {what}: {why}")),
                skipped @ Stop::Skipped(_) => skipped,
            };
            stage.take_over(&one, generation, &left).map_err(named)?;
            stage.expect_deployed(&[(&one.id, generation)], &format!("handed over {what}"))?;
            stage.undeploy(&one.id)?;
        }
        Ok(if length == 0 { "it hands nothing over".to_owned() } else { format!("{length} bytes are handed over") })
    })
}
