//! What an agent is told of the secrets that its load balancers use.

use ballast_certificates::{Bound, Zeroizing};
use ballast_model::{fault::Fault, tls::Purpose};
use ballast_store::{Phase, SealedCertificate, Stage, Successor, Tx};

use super::{
    super::{App, Owner},
    own,
};

/// What an agent wants to know: a reference, and the digest by which it was told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedSecret {
    pub reference: String,
    pub digest: String,
}

/// What it is told.
pub struct Answer {
    pub wanted: WantedSecret,
    /// PEM and private key; or why not, in a sentence for the project.
    pub content: Result<(String, Zeroizing<String>), String>,
}

const CHANGED: &str = "its certificate has changed meanwhile";
const NOT_THERE: &str = "its certificate is not there";
const NOT_OPENED: &str =
    "the private key of its certificate cannot be opened: the operator has to look at secrets.key_files";

/// Whether the agent is to have it next: then it is to know them beforehand.
async fn makes_ready(tx: &Tx, owner: Owner) -> Result<bool, Fault> {
    let next = tx.successor(owner.load_balancer_id).await?;
    let is_its = |one: Successor| (one.agent_id, one.epoch, one.stage) == (owner.agent_id, owner.epoch, Stage::Silent);
    Ok(next.is_some_and(is_its))
}

impl App {
    /// What an agent is told of secrets, which it is if it runs the load balancer that uses them, or is to run it next.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn tell_secrets(&self, owner: Owner, wanted: Vec<WantedSecret>) -> Result<Vec<Answer>, Fault> {
        let wanted = &wanted;
        let read = self.store.glance(|tx, _| {
            Box::pin(async move {
                let Some(placed) = tx.load_placed(owner.load_balancer_id).await? else { return Ok(Vec::new()) };
                let is_its = placed.binding.as_ref().is_some_and(|binding| {
                    binding.agent_id == owner.agent_id && binding.epoch == owner.epoch && binding.phase == Phase::Bound
                });
                if !is_its && !makes_ready(tx, owner).await? {
                    return Ok(Vec::new());
                }
                let used = self.digests(tx, &placed.load_balancer).await?;
                let mut answers = Vec::with_capacity(wanted.len());
                for one in wanted {
                    let content = match used.get(&one.reference) {
                        None => Err(NOT_THERE.to_owned()),
                        Some(digest) if *digest != one.digest => Err(CHANGED.to_owned()),
                        Some(_) => self.content(tx, &one.reference, &placed.load_balancer.project_id).await?,
                    };
                    answers.push(Answer { wanted: one.clone(), content });
                }
                Ok(answers)
            })
        });
        read.await
    }

    async fn content(
        &self,
        tx: &Tx,
        reference: &str,
        project_id: &str,
    ) -> Result<Result<(String, Zeroizing<String>), String>, Fault> {
        if let Some(certificate) = own(tx, reference, project_id).await? {
            let Some(content) = certificate.content else { return Ok(Err(NOT_THERE.to_owned())) };
            return Ok(match tx.sealed_certificate(certificate.id).await? {
                Some(sealed) => self.opened(&sealed).map(|private_key| (content.chain, private_key)),
                None if certificate.kind == Purpose::Certificate => Err(NOT_THERE.to_owned()),
                None => Ok((content.chain, Zeroizing::default())),
            });
        }
        match tx.secret_content(reference).await? {
            Some((pem, None)) => Ok(Ok((pem, Zeroizing::default()))),
            Some((pem, Some(sealed))) => Ok(self.opened(&sealed).map(|private_key| (pem, private_key))),
            None if self.keepers.unchecked => Ok(Ok((String::new(), Zeroizing::default()))),
            None => Ok(Err(NOT_THERE.to_owned())),
        }
    }

    fn opened(&self, sealed: &SealedCertificate) -> Result<Zeroizing<String>, String> {
        let opened = self.keyring.open(&sealed.sealed, Bound { id: sealed.id, version: sealed.version });
        let opened = opened.map_err(|why| {
            tracing::error!(secret = %sealed.id, "a private key cannot be opened: {why}");
            NOT_OPENED.to_owned()
        })?;
        let text = std::str::from_utf8(&opened).map_err(|_| NOT_OPENED.to_owned())?;
        Ok(Zeroizing::new(text.to_owned()))
    }
}
