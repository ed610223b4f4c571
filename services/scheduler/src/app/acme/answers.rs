//! What load balancers answer for a certificate: those whose listeners name it, as the domains lead to them.

use ballast_model::{
    certificate::Certificate,
    counters::Generation,
    fault::Fault,
    features::HTTP_ANSWERS,
    ids::{CertificateId, LoadBalancerId},
    load_balancer::{HttpAnswer, Speechless},
};
use ballast_store::{Placed, Tx};

use super::{
    super::{App, Wake},
    Stopped,
};

/// A load balancer that answers from this generation on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answering {
    pub(super) id: LoadBalancerId,
    pub(super) generation: Generation,
}

impl App {
    /// Whether a load balancer could answer for a certificate now.
    pub(super) async fn able_to_answer(
        &self,
        tx: &Tx,
        certificate: &Certificate,
    ) -> Result<Result<Vec<Placed>, Stopped>, Fault> {
        let ids = tx.load_balancers_naming(certificate.id, &certificate.project_id).await?;
        if ids.is_empty() {
            return Ok(Err(Stopped::Waits("no listener names it yet".to_owned())));
        }
        let (mut able, mut unable) = (Vec::new(), Vec::new());
        for placed in tx.load_many_placed(&ids).await? {
            match self.hindrance(&placed) {
                None => able.push(placed),
                Some(why) => unable.push(format!("load balancer {}: {why}", placed.load_balancer.id)),
            }
        }
        Ok(if able.is_empty() { Err(Stopped::Waits(unable.join("; "))) } else { Ok(able) })
    }

    /// Lets them answer. Nothing that a user sees of them changes: they keep their times.
    pub(super) async fn answer_for(
        &self,
        tx: &Tx,
        certificate: &Certificate,
        answers: &[HttpAnswer],
    ) -> Result<Result<(Vec<Answering>, Vec<Wake>), Stopped>, Fault> {
        let able = match self.able_to_answer(tx, certificate).await? {
            Ok(able) => able,
            Err(stopped) => return Ok(Err(stopped)),
        };
        let (mut answering, mut wakes) = (Vec::new(), Vec::new());
        for before in able {
            let after = before.load_balancer.clone().answering_for(certificate.id, answers);
            tx.save(&before.load_balancer, &after).await?;
            answering.push(Answering { id: after.id, generation: after.generation });
            wakes.extend(before.binding.as_ref().map(Wake::from));
        }
        Ok(Ok((answering, wakes)))
    }

    /// Nobody answers anything for a certificate any more.
    pub(in crate::app) async fn answer_nothing_for(&self, tx: &Tx, id: CertificateId) -> Result<Vec<Wake>, Fault> {
        let ids = tx.load_balancers_answering_for(id).await?;
        let mut wakes = Vec::new();
        for before in tx.load_many_placed(&ids).await? {
            let after = before.load_balancer.clone().answering_for(id, &[]);
            tx.save(&before.load_balancer, &after).await?;
            wakes.extend(before.binding.as_ref().map(Wake::from));
        }
        Ok(wakes)
    }

    /// Why a load balancer cannot answer.
    fn hindrance(&self, placed: &Placed) -> Option<String> {
        let load_balancer = &placed.load_balancer;
        match load_balancer.is_speechless() {
            Some(Speechless::NoAddress) => return Some("it has no address".to_owned()),
            Some(Speechless::Disabled) => return Some("it is not enabled".to_owned()),
            Some(Speechless::Occupied { listener_id, protocol }) => {
                let protocol = protocol.as_str();
                return Some(format!(
                    "its listener {listener_id} has port 80, at which the CA asks, and {protocol} sees no requests of HTTP"
                ));
            }
            None => {}
        }
        let Some(binding) = &placed.binding else { return Some("no agent runs it".to_owned()) };
        let needed = [HTTP_ANSWERS.to_owned()].into();
        let can = self.fleet.has(binding.agent_id, &binding.driver, &needed);
        (!can).then(|| format!("the driver {} cannot answer requests itself", binding.driver))
    }
}
