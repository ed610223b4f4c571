//! What an agent asks for of secrets, and is told.

use std::mem;

use ballast_model::fault::Fault;
use ballast_proto::{
    agent::{MissingSecret, Secrets, SecretsWanted, scheduler_message::Message},
    driver::{self, Secret, SecretContent},
};

use super::Session;
use crate::app::{Answer, WantedSecret};

/// As drivers' faults have it: it may be there later.
const UNAVAILABLE: u32 = 5;
/// A secret is not sent where others may read it.
const NOT_PRIVATE: &str = "private keys are not sent to the agent over a connection without TLS: the operator has to set [tls], or a Unix socket";

impl Session<'_> {
    /// Tells the agent what the secrets are, or why it is not told.
    pub(super) async fn tell_secrets(&mut self, asked: SecretsWanted) -> Result<(), Fault> {
        let SecretsWanted { load_balancer_id, epoch, secrets: asked } = asked;
        let Some(owner) = self.owner(&load_balancer_id, epoch) else { return Ok(()) };
        let wanted: Vec<WantedSecret> = asked.into_iter().map(wanted).collect();
        let answers = match self.is_private {
            true => self.app.tell_secrets(owner, wanted).await?,
            false => {
                let refused = |wanted| Answer { wanted, content: Err(NOT_PRIVATE.to_owned()) };
                wanted.into_iter().map(refused).collect()
            }
        };
        let (mut secrets, mut missing) = (Vec::new(), Vec::new());
        for Answer { wanted: WantedSecret { reference, digest }, content } in answers {
            match content {
                Ok((pem, mut private_key)) => {
                    let private_key = mem::take(&mut *private_key);
                    secrets.push(SecretContent { reference, digest, pem, private_key });
                }
                Err(message) => {
                    let fault =
                        driver::Fault { code: UNAVAILABLE, retryable: true, message, ..driver::Fault::default() };
                    missing.push(MissingSecret { secret: Some(Secret { reference, digest }), fault: Some(fault) });
                }
            }
        }
        self.send(Message::Secrets(Secrets { load_balancer_id, secrets, missing })).await
    }
}

fn wanted(Secret { reference, digest }: Secret) -> WantedSecret {
    WantedSecret { reference, digest }
}
