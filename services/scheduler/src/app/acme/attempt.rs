//! One attempt to have a certificate issued: the account, the order, the answers, and what comes of it.

use std::time::Duration;

use ballast_certificates::{Bound, Material, read};
use ballast_model::{
    certificate::Certificate,
    ids::{CertificateId, LoadBalancerId},
    load_balancer::HttpAnswer,
    status::ProvisioningStatus,
};
use ballast_proto::status::to_status;
use ballast_store::{AcmeAccount, because};
use instant_acme::Account;
use tokio::time::{Instant, sleep};

use super::{
    super::{App, secrets::cause},
    Stopped,
    answers::Answering,
};
use crate::acme::{Challenged, Issued, Issuer, Order, Refused};

/// How long agents may take until load balancers answer,
const DEPLOYED_WITHIN: Duration = Duration::from_secs(60);
/// and how often it is looked whether they do.
const LOOK: Duration = Duration::from_millis(250);

impl App {
    /// What the CA issues for a certificate.
    pub(super) async fn attempt(&self, issuer: &Issuer, certificate: &Certificate) -> Result<Material, Stopped> {
        let domains = certificate.acme.as_ref().map(|acme| acme.domains.clone()).unwrap_or_default();
        if self.keyring.sealing().is_none() {
            return Err(Stopped::Waits("no key is configured by which private keys are kept".to_owned()));
        }
        // Before the CA is asked: nothing is ordered that cannot be shown.
        self.store.glance(|tx, _| Box::pin(self.able_to_answer(tx, certificate))).await??;
        let mut challenged = self.ordered(issuer, &domains).await?;
        if !challenged.answers.is_empty() {
            self.show(certificate, &challenged.answers).await?;
            challenged.order.validate().await.map_err(refused)?;
        }
        let issued = challenged.order.finish(&domains).await.map_err(refused)?;
        self.take(&issued, &domains)
    }

    async fn ordered(&self, issuer: &Issuer, domains: &[String]) -> Result<Challenged, Stopped> {
        let (kept, account) = self.account(issuer).await?;
        match Order::place(&account, domains).await {
            Err(Refused::AccountUnknown) => {}
            placed => return placed.map_err(refused),
        }
        // The CA was made anew, and so is the account.
        self.store.write(|tx, _| Box::pin(tx.delete_acme_account(&kept))).await?;
        let (_, account) = self.account(issuer).await?;
        Order::place(&account, domains).await.map_err(refused)
    }

    /// The account at the CA, which is made where there is none.
    async fn account(&self, issuer: &Issuer) -> Result<(AcmeAccount, Account), Stopped> {
        let directory = issuer.directory.as_str();
        let kept = self.store.glance(|tx, _| Box::pin(tx.acme_account(directory))).await?;
        let kept = match kept {
            Some(kept) => kept,
            None => self.register(issuer).await?,
        };
        let opened = self.keyring.open(&kept.sealed, Bound::ACCOUNT);
        let opened = opened.map_err(|why| Stopped::Failed(format!("the account at the CA cannot be opened: {why}")))?;
        let credentials = String::from_utf8_lossy(&opened);
        let account = issuer.account(&credentials).await.map_err(refused)?;
        Ok((kept, account))
    }

    async fn register(&self, issuer: &Issuer) -> Result<AcmeAccount, Stopped> {
        let made = issuer.register().await.map_err(refused)?;
        let sealed = self.keyring.seal(made.credentials.as_bytes(), Bound::ACCOUNT);
        let sealed = sealed.ok_or_else(|| Stopped::Failed("the account at the CA could not be sealed".to_owned()))?;
        let account = AcmeAccount { directory: issuer.directory.clone(), url: made.url, sealed };
        let (new, now) = (&account, self.now());
        let kept = self.store.write(|tx, _| {
            Box::pin(async move {
                tx.insert_acme_account(new, now).await?;
                tx.acme_account(&new.directory).await
            })
        });
        // Another scheduler's may have been first: then that is the one.
        Ok(kept.await?.unwrap_or(account))
    }

    /// Load balancers answer, and their agents have said that they do.
    async fn show(&self, certificate: &Certificate, answers: &[(String, String)]) -> Result<(), Stopped> {
        let answers = in_full(certificate.id, answers);
        let told = format!("a CA asks for the certificate {}: load balancers answer", certificate.id);
        let answer = self.store.write(|tx, _| Box::pin(self.answer_for(tx, certificate, &answers)));
        let (answering, wakes) = because(cause(told), answer).await??;
        self.wake(wakes);
        let deadline = Instant::now() + DEPLOYED_WITHIN;
        let (mut waiting, mut wrong) = (answering, Vec::new());
        let mut done = 0;
        loop {
            let looked = self.looked_at(&waiting).await?;
            done += looked.done;
            wrong.extend(looked.wrong);
            waiting = looked.waiting;
            // One that cannot be reached now keeps no other from being shown.
            if waiting.is_empty() || Instant::now() >= deadline {
                break;
            }
            sleep(LOOK).await;
        }
        if done > 0 {
            return Ok(());
        }
        let late = waiting.iter().map(|one| {
            let seconds = DEPLOYED_WITHIN.as_secs();
            format!("load balancer {}: its agent did not deploy the answers within {seconds} s", one.id)
        });
        wrong.extend(late);
        if wrong.is_empty() {
            wrong.push("the load balancers that name it are gone".to_owned());
        }
        Err(Stopped::Failed(wrong.join("; ")))
    }

    async fn looked_at(&self, waiting: &[Answering]) -> Result<Looked, Stopped> {
        let ids: Vec<LoadBalancerId> = waiting.iter().map(|one| one.id).collect();
        let found = self.store.glance(|tx, _| Box::pin(tx.load_many(&ids))).await?;
        let mut looked = Looked::default();
        for one in waiting {
            let Some(now) = found.iter().find(|found| found.id == one.id) else { continue };
            match (now.settled >= one.generation, &now.progress.description) {
                (false, _) => looked.waiting.push(*one),
                (true, Some(why)) if now.progress.status == ProvisioningStatus::Error => {
                    looked.wrong.push(format!("load balancer {}: {why}", one.id));
                }
                (true, _) => looked.done += 1,
            }
        }
        Ok(looked)
    }

    /// What was issued, as certificates that are brought are checked, and whether it is for what was asked.
    fn take(&self, issued: &Issued, domains: &[String]) -> Result<Material, Stopped> {
        let read = read(&issued.chain, &issued.private_key, self.now());
        let material = read.map_err(|fault| {
            Stopped::Failed(format!("what the CA issued is refused: {}", to_status(&fault).message()))
        })?;
        let names = &material.content.names;
        let is_for = |domain: &String| names.iter().any(|name| name.eq_ignore_ascii_case(domain));
        match domains.iter().find(|domain| !is_for(domain)) {
            Some(missing) => Err(Stopped::Failed(format!("what the CA issued is not for {missing}"))),
            None => Ok(material),
        }
    }
}

#[derive(Default)]
struct Looked {
    waiting: Vec<Answering>,
    wrong: Vec<String>,
    done: usize,
}

fn in_full(certificate_id: CertificateId, answers: &[(String, String)]) -> Vec<HttpAnswer> {
    let answer = |(path, content): &(String, String)| HttpAnswer {
        certificate_id,
        path: path.clone(),
        content: content.clone(),
    };
    answers.iter().map(answer).collect()
}

fn refused(refused: Refused) -> Stopped {
    Stopped::Failed(match refused {
        Refused::AccountUnknown => "the CA does not know the account that it has just made".to_owned(),
        Refused::Other(why) => why,
    })
}
