//! What a vendor's device is like: the only things that a driver for one has to say.

use std::fmt::Debug;

use ballast_abi::{DriverError, Health, LoadBalancer};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    Config, Credentials, Draft, Failure, Files, Kind, Listed, Objects, Reading, Request, Session, Step, Verdict,
    partitions::Partition,
};

/// Sessions and replies. Pure.
pub trait Wire: Send + Sync + 'static {
    /// What stands before all paths, as in `/axapi/v3/`.
    const ROOT: &'static str;
    /// The partition in which every session begins. It is no tenant's.
    const HOME: &'static str;

    /// What a reply means.
    fn verdict(status: u16, body: &[u8]) -> Verdict;

    fn login(credentials: &Credentials) -> Request;

    /// What the reply to a login gives to the requests that follow.
    fn token(reply: &Value) -> Option<String>;

    /// The header that has it.
    fn header(token: &str) -> (&'static str, String);

    fn logout() -> Request;

    /// Goes to a partition.
    fn choose(partition: &str) -> Request;

    /// Asks where the session is, which should be in this partition.
    fn ask(partition: &str) -> Request;

    /// Where the answer says that it is.
    fn answered(partition: &str, reply: &Value) -> Option<String>;

    /// Saves what runs in this partition, in which the session is.
    fn save(partition: &str) -> Request;
}

/// Where a step is taken, and what is at hand.
#[derive(Clone, Copy, Debug)]
pub struct Here<'a> {
    pub partition: &'a str,
    /// What is in the files that are to be sent.
    pub files: &'a Files,
}

/// Objects, partitions and figures.
pub trait Vendor: Sized + Send + Sync + 'static {
    /// Of the driver, as in `a10-stub`.
    const NAME: &'static str;
    const VERSION: &'static str;
    type Wire: Wire;
    type Kind: Kind;
    /// What an operator may set besides what every device has.
    type Options: DeserializeOwned + Default + Clone + Debug + Send + Sync;
    /// What one look at a partition shows of traffic and health.
    type View;
    /// What it can have beyond LBaaS v1 and the shapes: words of `ballast_abi::features`.
    const FEATURES: &'static [&'static str] = &[];

    /// What of [`Vendor::FEATURES`] there is with these options.
    #[must_use]
    fn features(_options: &Self::Options) -> Vec<&'static str> {
        Self::FEATURES.to_vec()
    }

    /// # Errors
    /// INVALID_CONFIG, naming the key.
    fn check(config: &Config<Self::Options>) -> Result<(), DriverError>;

    /// Says what a load balancer is to have on the device: [`Draft::want`]; what cannot be had: [`Draft::fault`]. Pure.
    ///
    /// # Errors
    /// INVALID_ARGUMENT: nothing of it can be made.
    fn draw(draft: &mut Draft<'_, Self>, load_balancer: &LoadBalancer) -> Result<(), DriverError>;

    /// Whether one request can carry a step together with these, which one carries already. Pure.
    fn joins(batch: &[Step<Self::Kind>], step: &Step<Self::Kind>) -> bool;

    /// Whether the request that makes an object can make children of this kind in it, each in its own. Pure.
    fn nests(kind: Self::Kind) -> bool;

    /// What has to be sent for these steps: one request, unless it is one step that takes several. Pure.
    ///
    /// # Errors
    /// [`Failure::Untold`]: a file cannot be sent.
    fn requests(batch: &[Step<Self::Kind>], here: &Here<'_>) -> Result<Vec<Request>, Failure>;

    /// Makes sure that changes would last, before any is sent. The session is where it began.
    ///
    /// # Errors
    /// [`Failure::ReadOnly`], or what came in between.
    fn ready(session: &Session<'_, Self::Wire>) -> Result<(), Failure>;

    /// The partitions of the device. The session is where it began.
    ///
    /// # Errors
    /// The device does not say.
    fn partitions(session: &Session<'_, Self::Wire>) -> Result<Vec<Partition>, Failure>;

    /// Makes one. The session is where it began.
    ///
    /// # Errors
    /// It cannot be made.
    fn make_partition(session: &Session<'_, Self::Wire>, name: &str, options: &Self::Options) -> Result<(), Failure>;

    /// The objects of this kind in the session's partition, one of [`Kind::READ`]; with their children, unless those are
    /// read by themselves.
    ///
    /// # Errors
    /// The device does not say.
    fn read(session: &Session<'_, Self::Wire>, kind: Self::Kind) -> Result<Objects<Self::Kind>, Failure>;

    /// # Errors
    /// The device does not say.
    fn view(session: &Session<'_, Self::Wire>) -> Result<Self::View, Failure>;

    /// The figures of one owner's load balancer; nothing when it takes no connections.
    ///
    /// # Errors
    /// The device does not say.
    fn reading(session: &Session<'_, Self::Wire>, view: &Self::View, owner: &str) -> Result<Reading, Failure>;

    /// None: unknown.
    fn health(view: &Self::View, listed: &Listed) -> Option<Health>;
}
