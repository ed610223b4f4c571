//! An order: what it asks to be shown, whether it was, and what it gives.

use std::time::Duration;

use ballast_certificates::Zeroizing;
use instant_acme::{
    Account, AuthorizationStatus, ChallengeType, Identifier, NewOrder, OrderStatus, Problem, RetryPolicy,
};
use rcgen::{CertificateParams, DistinguishedName, KeyPair};

use super::Refused;

/// How long the CA may take to ask, and to issue.
const PATIENCE: Duration = Duration::from_secs(90);
/// Where it asks (RFC 8555, 8.3).
const PATH: &str = "/.well-known/acme-challenge/";

/// An order of a CA.
pub struct Order(instant_acme::Order);

/// An order, and the answers that the CA looks for: paths with their contents. None: it has seen enough before.
pub struct Challenged {
    pub order: Order,
    pub answers: Vec<(String, String)>,
}

/// A certificate, in PEM.
pub struct Issued {
    pub chain: String,
    pub private_key: Zeroizing<String>,
}

impl Order {
    /// Orders a certificate for these names.
    ///
    /// # Errors
    /// [`Refused`]
    pub async fn place(account: &Account, domains: &[String]) -> Result<Challenged, Refused> {
        let names: Vec<Identifier> = domains.iter().cloned().map(Identifier::Dns).collect();
        let mut order = account.new_order(&NewOrder::new(&names)).await.map_err(Refused::of)?;
        let (mut answers, mut authorizations) = (Vec::new(), order.authorizations());
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization.map_err(Refused::of)?;
            let name = authorization.identifier().to_string();
            match authorization.status {
                AuthorizationStatus::Valid => continue,
                AuthorizationStatus::Pending => {}
                status => return Err(Refused::Other(format!("{name}: the CA says that it is {status:?}"))),
            }
            let Some(challenge) = authorization.challenge(ChallengeType::Http01) else {
                return Err(Refused::Other(format!(
                    "{name}: the CA does not ask over HTTP, and nothing else is spoken"
                )));
            };
            answers.push(answer(&challenge.token, challenge.key_authorization().as_str())?);
        }
        Ok(Challenged { order: Self(order), answers })
    }

    /// The answers are there: the CA may ask.
    ///
    /// # Errors
    /// [`Refused`]: with what it says of each name that it was not shown.
    pub async fn validate(&mut self) -> Result<(), Refused> {
        let mut authorizations = self.0.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization.map_err(Refused::of)?;
            if authorization.status != AuthorizationStatus::Pending {
                continue;
            }
            if let Some(mut challenge) = authorization.challenge(ChallengeType::Http01) {
                challenge.set_ready().await.map_err(Refused::of)?;
            }
        }
        let policy = RetryPolicy::new().timeout(PATIENCE).backoff(1.5);
        let polled = self.0.poll_ready(&policy).await;
        match polled {
            Ok(OrderStatus::Ready) => Ok(()),
            Ok(_) => Err(self.refusal(None).await),
            Err(error) => Err(self.refusal(Some(Refused::of(error))).await),
        }
    }

    /// What the CA says of each name, or else of the whole.
    async fn refusal(&mut self, whole: Option<Refused>) -> Refused {
        let mut said = Vec::new();
        // What is known of them is of before.
        if self.0.refresh().await.is_ok() {
            let mut authorizations = self.0.authorizations();
            while let Some(Ok(authorization)) = authorizations.next().await {
                let name = authorization.identifier().to_string();
                let problems = authorization.challenges.iter().filter_map(|challenge| challenge.error.as_ref());
                said.extend(problems.map(|problem| format!("{name}: {}", in_words(problem))));
            }
        }
        match whole {
            _ if !said.is_empty() => Refused::Other(said.join("; ")),
            Some(whole) => whole,
            None => Refused::Other("the CA refuses the order, and does not say why".to_owned()),
        }
    }

    /// The certificate, for a new key.
    ///
    /// # Errors
    /// [`Refused`]
    pub async fn finish(mut self, domains: &[String]) -> Result<Issued, Refused> {
        let other = |error: rcgen::Error| Refused::Other(error.to_string());
        let mut params = CertificateParams::new(domains).map_err(other)?;
        params.distinguished_name = DistinguishedName::new();
        let key = KeyPair::generate().map_err(other)?;
        let request = params.serialize_request(&key).map_err(other)?;
        self.0.finalize_csr(request.der()).await.map_err(Refused::of)?;
        let policy = RetryPolicy::new().timeout(PATIENCE).backoff(1.5);
        let chain = self.0.poll_certificate(&policy).await.map_err(Refused::of)?;
        Ok(Issued { chain, private_key: Zeroizing::new(key.serialize_pem()) })
    }
}

/// The path at which a CA asks, and what it is answered. A token has the letters of base64url (RFC 8555, 8.3): another one would
/// be another path.
fn answer(token: &str, key_authorization: &str) -> Result<(String, String), Refused> {
    let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if token.is_empty() || token.len() > 256 || !token.bytes().all(is_safe) {
        return Err(Refused::Other("the CA asks for a path that is none".to_owned()));
    }
    Ok((format!("{PATH}{token}"), key_authorization.to_owned()))
}

/// What a problem says (RFC 7807), and by what name.
pub(super) fn in_words(problem: &Problem) -> String {
    let name = problem.r#type.as_deref().unwrap_or_default();
    let name = name.strip_prefix("urn:ietf:params:acme:error:").unwrap_or(name);
    let mut words = match (problem.detail.as_deref().unwrap_or_default(), name) {
        ("", "") => "the CA refuses, and does not say why".to_owned(),
        ("", name) => name.to_owned(),
        (detail, "") => detail.to_owned(),
        (detail, name) => format!("{detail} ({name})"),
    };
    for part in &problem.subproblems {
        words = format!("{words}; {part}");
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_at_a_path_that_a_token_cannot_leave() {
        let answered = answer("evaGxfADs6pSRb2LAv9IZ-_", "a.b").unwrap();
        assert_eq!(answered, ("/.well-known/acme-challenge/evaGxfADs6pSRb2LAv9IZ-_".to_owned(), "a.b".to_owned()));
        for bad in ["", "../x", "a/b", "a b", "a\n", "ä", &"a".repeat(257)] {
            assert!(answer(bad, "a.b").is_err(), "{bad}");
        }
    }

    #[test]
    fn a_problem_is_told_in_the_cas_words() {
        let problem = |name: Option<&str>, detail: Option<&str>| Problem {
            r#type: name.map(str::to_owned),
            detail: detail.map(str::to_owned),
            status: None,
            subproblems: Vec::new(),
        };
        let of_acme = Some("urn:ietf:params:acme:error:dns");
        assert_eq!(in_words(&problem(of_acme, Some("no such host"))), "no such host (dns)");
        assert_eq!(in_words(&problem(of_acme, None)), "dns");
        assert_eq!(in_words(&problem(None, Some("no such host"))), "no such host");
        assert_eq!(in_words(&problem(None, None)), "the CA refuses, and does not say why");
    }
}
