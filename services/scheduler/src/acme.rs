//! The CA that issues certificates by itself, by ACME (RFC 8555): what it is asked, and what it says. Nothing here knows the
//! store, load balancers or when something is due.

mod client;
mod order;

use std::time::Duration;

use ballast_certificates::Zeroizing;
use ballast_service::{
    config,
    http::{Http, Service},
};
use instant_acme::{Account, AccountCredentials, Error, NewAccount};

pub use order::{Challenged, Issued, Order};

use self::client::Client;

/// The longest that one request may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// What an account is unknown by (RFC 8555, 6.7).
const ACCOUNT_UNKNOWN: &str = "urn:ietf:params:acme:error:accountDoesNotExist";

/// The CA.
#[derive(Debug, Clone)]
pub struct Issuer {
    pub directory: String,
    contact: Vec<String>,
    http: Http,
}

/// Why a certificate is not issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// The CA does not know the account: another one is needed.
    AccountUnknown,
    /// In words, as the CA has them.
    Other(String),
}

/// A new account: by what the CA knows it, and by what it is used, which is secret.
pub struct NewlyMade {
    pub url: String,
    pub credentials: Zeroizing<String>,
}

impl Issuer {
    /// The one that is configured.
    ///
    /// # Errors
    /// One line that names the key at fault.
    pub fn new(settings: &config::Acme) -> Result<Option<Self>, String> {
        if !settings.is_set() {
            return Ok(None);
        }
        let service = Service { url: ("acme.directory", &settings.directory), ca: ("acme.ca", &settings.ca) };
        let contact = settings.contact.iter().map(|one| match one.strip_prefix("mailto:") {
            Some(_) => one.clone(),
            None => format!("mailto:{one}"),
        });
        Ok(Some(Self {
            directory: settings.directory.clone(),
            contact: contact.collect(),
            http: Http::new(&service, TIMEOUT)?,
        }))
    }

    /// Makes an account.
    ///
    /// # Errors
    /// [`Refused`]
    pub async fn register(&self) -> Result<NewlyMade, Refused> {
        let contact: Vec<&str> = self.contact.iter().map(String::as_str).collect();
        let new = NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
        let builder = Account::builder_with_http(Box::new(Client(self.http.clone())));
        let made = builder.create(&new, self.directory.clone(), None).await;
        let (account, credentials) = made.map_err(Refused::of)?;
        let credentials = serde_json::to_string(&credentials).map_err(|error| Refused::Other(error.to_string()))?;
        Ok(NewlyMade { url: account.id().to_owned(), credentials: Zeroizing::new(credentials) })
    }

    /// The account of these credentials.
    ///
    /// # Errors
    /// [`Refused`]: they are none, or another CA's.
    pub async fn account(&self, credentials: &str) -> Result<Account, Refused> {
        let read: Result<AccountCredentials, _> = serde_json::from_str(credentials);
        // What the parser says of it may have a part of it.
        let read = read.map_err(|_| Refused::Other("the account that is kept cannot be read".to_owned()))?;
        let builder = Account::builder_with_http(Box::new(Client(self.http.clone())));
        builder.from_credentials(read).await.map_err(Refused::of)
    }
}

impl Refused {
    #[expect(clippy::needless_pass_by_value, reason = "it is what map_err has")]
    fn of(error: Error) -> Self {
        match &error {
            Error::Api(problem) if problem.r#type.as_deref() == Some(ACCOUNT_UNKNOWN) => Self::AccountUnknown,
            Error::Api(problem) => Self::Other(order::in_words(problem)),
            error => Self::Other(error.to_string()),
        }
    }
}
