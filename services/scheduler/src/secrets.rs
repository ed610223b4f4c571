//! How private keys are kept: by keys in files, which the database does not have.
//!
//! And who else keeps secrets, as a [`barbican`]: each is a [`Source`], beside the certificates that projects keep here.

pub mod barbican;
mod source;
pub mod token;

use std::{
    fmt,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use ballast_certificates::{Bound, Keyring, Zeroizing, new_key};
use ballast_model::{certificate::Sealed, fault::Fault};
use ballast_service::{
    config::{Secrets, Settings},
    process::Failure,
};
use ballast_store::{Store, Tx};
use clap::Subcommand;

pub use self::source::{Content, Flaw, Refused, Source};

/// How many are sealed anew in one transaction.
const AT_ONCE: u64 = 100;

/// `ballast-scheduler secrets`
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Make a file with a new key, which only its owner can read
    NewKey {
        /// It must not exist
        file: PathBuf,
    },
    /// Seal all private keys with the first key of secrets.key_files. It may run beside schedulers, and again
    Rewrap,
}

/// The keys that the configuration names.
///
/// # Errors
/// One line that names the file and what to do.
pub fn keyring(settings: &Secrets) -> Result<Keyring, String> {
    let mut keyring = Keyring::default();
    for (name, text) in settings.texts()? {
        keyring.add(&Zeroizing::new(text)).map_err(|why| format!("{name}: {why}"))?;
    }
    Ok(keyring)
}

/// Writes a new key where there is no file yet.
///
/// # Errors
/// What could not be done with the file.
pub fn make_key(file: &Path) -> Result<(), Failure> {
    let refuse = |error| Failure::run(format_args!("cannot make {}", file.display()), error);
    let mut options = std::fs::OpenOptions::new();
    let mut made = options.write(true).create_new(true).mode(0o600).open(file).map_err(refuse)?;
    let line = Zeroizing::new(format!("{}\n", new_key().as_str()));
    made.write_all(line.as_bytes()).and_then(|()| made.sync_all()).map_err(refuse)
}

/// The ids of keys that sealed private keys and are not here, and how many each.
///
/// # Errors
/// When the store fails.
pub async fn missing(store: &Store, keyring: &Keyring) -> Result<Vec<(String, i64)>, Fault> {
    let (mut used, accounts) =
        store.glance(|tx, _| Box::pin(async { Ok((tx.sealing_keys().await?, tx.acme_accounts().await?)) })).await?;
    used.extend(accounts.into_iter().map(|account| (account.sealed.key_id, 1)));
    used.retain(|(key_id, _)| !keyring.has(key_id));
    Ok(used)
}

/// Says which private keys nobody here can open: before somebody needs one.
///
/// # Errors
/// When the store fails.
pub async fn look(store: &Store, keyring: &Keyring) -> Result<(), Fault> {
    for (key_id, count) in missing(store, keyring).await? {
        tracing::error!(
            key = key_id,
            certificates = count,
            "no file of secrets.key_files has the key that sealed the private keys of some certificates, or of an account: \
             add the file with that key, or they cannot be used"
        );
    }
    Ok(())
}

/// What was sealed anew.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rewrapped {
    pub done: usize,
    /// What could not be opened, and why.
    pub failed: Vec<String>,
}

impl fmt::Display for Rewrapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} private keys are sealed with the first key now", self.done)
    }
}

/// Seals all private keys with the first key. What others do meanwhile stays; what is done is not undone by a failure.
///
/// # Errors
/// When there is no key, or the store fails.
pub async fn rewrap(store: &Store, keyring: &Keyring) -> Result<Rewrapped, Failure> {
    let first = keyring.sealing();
    let first =
        first.ok_or_else(|| Failure::Config("secrets.key_files names no file: nothing can be sealed".to_owned()))?;
    let mut rewrapped = rewrap_accounts(store, keyring, first).await?;
    for kept in [KeptOf::Projects, KeptOf::Others] {
        let mut after = Some(0);
        while let Some(from) = after {
            let step = store.write(|tx, _| Box::pin(rewrap_some(tx, keyring, kept, (first, from))));
            let (last, done, failed) = step.await.map_err(failed_store)?;
            rewrapped.done += done;
            rewrapped.failed.extend(failed);
            after = last;
        }
    }
    Ok(rewrapped)
}

/// Whose secrets they are.
#[derive(Debug, Clone, Copy)]
enum KeptOf {
    /// Certificates of projects.
    Projects,
    /// What other services keep, as it was read.
    Others,
}

/// The next that are not sealed by the first key: the last of them, how many are sealed anew, and what could not be.
async fn rewrap_some(
    tx: &Tx,
    keyring: &Keyring,
    kept: KeptOf,
    (first, after): (&str, i64),
) -> Result<(Option<i64>, usize, Vec<String>), Fault> {
    let next = match kept {
        KeptOf::Projects => tx.sealed_otherwise(first, after, AT_ONCE).await?,
        KeptOf::Others => tx.secrets_sealed_otherwise(first, after, AT_ONCE).await?,
    };
    let (mut done, mut failed) = (0, Vec::new());
    for one in &next {
        let sealed = match again(keyring, &one.sealed, Bound { id: one.id, version: one.version }) {
            Ok(sealed) => sealed,
            Err(why) => {
                failed.push(format!("certificate {}: {why}", one.id));
                continue;
            }
        };
        done += usize::from(match kept {
            KeptOf::Projects => tx.seal_again(one, &sealed).await?,
            KeptOf::Others => tx.seal_secret_again(one, &sealed).await?,
        });
    }
    Ok((next.last().map(|one| one.seq), done, failed))
}

/// The few accounts at CAs, in one transaction.
async fn rewrap_accounts(store: &Store, keyring: &Keyring, first: &str) -> Result<Rewrapped, Failure> {
    let accounts = store.write(|tx, _| {
        Box::pin(async move {
            let mut rewrapped = Rewrapped::default();
            for one in tx.acme_accounts().await?.into_iter().filter(|one| one.sealed.key_id != first) {
                match again(keyring, &one.sealed, Bound::ACCOUNT) {
                    Ok(sealed) => rewrapped.done += usize::from(tx.seal_acme_account_again(&one, &sealed).await?),
                    Err(why) => rewrapped.failed.push(format!("account at {}: {why}", one.directory)),
                }
            }
            Ok(rewrapped)
        })
    });
    accounts.await.map_err(failed_store)
}

#[expect(clippy::needless_pass_by_value, reason = "it is what map_err has")]
fn failed_store(fault: Fault) -> Failure {
    Failure::run("the database", fault.for_log())
}

fn again(keyring: &Keyring, sealed: &Sealed, bound: Bound) -> Result<Sealed, String> {
    let opened = keyring.open(sealed, bound).map_err(|why| why.to_string())?;
    keyring.seal(&opened, bound).ok_or_else(|| "it could not be sealed".to_owned())
}

/// `ballast-scheduler secrets rewrap`
///
/// # Errors
/// One line for each that could not be opened; the others are done.
pub async fn rewrap_all(settings: &Settings) -> Result<(), Failure> {
    let keyring = keyring(&settings.secrets).map_err(Failure::Config)?;
    let database = settings.database.address().map_err(Failure::Config)?;
    let store = Store::open(&database).await.map_err(|error| Failure::Run(error.to_string()))?;
    let rewrapped = rewrap(&store, &keyring).await?;
    tracing::info!("{rewrapped}");
    if rewrapped.failed.is_empty() {
        return Ok(());
    }
    Err(Failure::Run(format!("some private keys are left as they were: {}", rewrapped.failed.join("; "))))
}
