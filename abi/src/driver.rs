//! The trait that a vendor implements.
//!
//! Everything here is plain Rust with decoded messages: the boundary itself (module `ffi`) and all that guards it are
//! added by [`export_driver!`](crate::export_driver).

use std::{path::PathBuf, time::Duration};

use serde::de::DeserializeOwned;

use crate::{
    Capabilities, DeployReply, Deployed, DriverError, LoadBalancer, ObjectFault, Observation, Preview, SecretContent,
    UndeployReply, note::Needs,
};

/// How long what a driver hands over may be, in bytes. More is dropped.
pub const LONGEST_HANDOVER: usize = 1 << 20;

/// A driver: turns a load balancer into a device's own configuration, and back into what is observed.
///
/// All methods block, and are called from several threads at once: different load balancers proceed in parallel, one
/// load balancer's deploys do not overlap. A driver that wants async makes a runtime of its own in [`Driver::new`].
/// The device, not the driver's memory, is the truth: the process is ended and started again at any moment.
pub trait Driver: Send + Sync + Sized + 'static {
    /// The provider's driver name, as in `haproxy-ns`: lower-case letters, digits, `-` and `_`; at most 64 bytes.
    const NAME: &'static str;
    /// The driver's own version: `env!("CARGO_PKG_VERSION")`; at most 32 bytes.
    const VERSION: &'static str;
    /// What its process asks of the agent, which gives it no more. Left out: everything that the agent has, which an
    /// operator may not want to give.
    const NEEDS: Option<Needs> = None;
    /// The driver's own section of the agent's configuration. An absent section is read as an empty one (`{}`), so a
    /// driver without configuration uses `struct Config {}`. Put `#[serde(deny_unknown_fields)]` on it.
    type Config: DeserializeOwned;

    /// Makes the driver. It must not change what the device runs.
    ///
    /// # Errors
    /// `INVALID_CONFIG` ends all attempts until the configuration changes; any other error is tried again later.
    fn new(context: Context<Self::Config>) -> Result<Self, DriverError>;

    /// What this driver can do: [`features::ALL_V1`](crate::features::ALL_V1) or fewer, the
    /// [`features::SHAPES`](crate::features::SHAPES) that it takes, and limits.
    ///
    /// Asked once after each start, and never changes while the driver runs.
    fn capabilities(&self) -> Capabilities;

    /// Makes the device run exactly this load balancer, whatever it ran before. Doing it twice changes nothing.
    ///
    /// Only features that [`Driver::capabilities`] declares arrive here. `generation` is to be kept on the device and
    /// told by [`Driver::deployed`].
    ///
    /// # Errors
    /// An error means that nothing of this load balancer can be trusted; objects that could not be made while the
    /// others were are returned instead. Where one object is the reason that nothing was changed and what ran before runs
    /// on, [`DriverError::because_of`] names it.
    fn deploy(&self, load_balancer: &LoadBalancer, generation: u64) -> Result<Vec<ObjectFault>, DriverError>;

    /// Takes the load balancer off the device, with all that was made for it. Absent is `Ok`.
    ///
    /// # Errors
    /// Something is left on the device; it will be asked again.
    fn undeploy(&self, load_balancer_id: &str) -> Result<(), DriverError>;

    /// Statistics and members' health of these load balancers; of all that are deployed when the list is empty.
    ///
    /// # Errors
    /// `NOT_FOUND` when one that was named is not deployed.
    fn observe(&self, load_balancer_ids: &[String]) -> Result<Vec<Observation>, DriverError>;

    /// What is deployed, read from the device and not from memory.
    ///
    /// # Errors
    /// The device cannot say.
    fn deployed(&self) -> Result<Vec<Deployed>, DriverError>;

    /// The process is about to end: the agent ends, or another process takes the driver over. Lets go of what the device
    /// keeps for this process or counts, such as sessions, and saves what is not saved yet. What is deployed stays so.
    ///
    /// A courtesy, for which there are five seconds: a process that crashes or hangs is not asked, and nothing may depend
    /// on it. No call begins after it, but one that hangs may still run. Since ABI 1.1; an older agent does not call it.
    ///
    /// # Errors
    /// For the agent's log: the process ends all the same.
    fn shutdown(&self) -> Result<(), DriverError> {
        Ok(())
    }

    /// What [`Driver::deploy`] of the same would do now, without doing anything: whether what serves is told, replaced or
    /// started, what becomes of its connections, the steps in plain words, and the device's configuration as it would be.
    /// Asked twice, it says the same.
    ///
    /// It is for a person who is about to change something and waits: the agent gives it two seconds, and takes any error
    /// for "not known", which is also what a driver without it says. Since ABI 1.3; an older agent does not call it.
    ///
    /// # Errors
    /// That of a deploy that would be refused before anything is done, or why it cannot be said now.
    fn preview(&self, _load_balancer: &LoadBalancer, _generation: u64) -> Result<Preview, DriverError> {
        Ok(Preview::default())
    }

    /// What the secrets are that the deploy which comes next names: all of them, and before each deploy that names any. They
    /// are to be remembered until then ([`Secrets`](crate::secrets::Secrets) does that), in memory and nowhere else; a deploy
    /// that names one which was not told is UNAVAILABLE. On the device, a private key is where the device has its keys, or in
    /// memory (tmpfs) that the load balancer's process alone reads. It is in no log, no error and no argument of a process.
    ///
    /// [`Driver::preview`] comes without them. Since ABI 1.5; an older agent does not call it, and there is no TLS with it.
    ///
    /// # Errors
    /// They cannot be taken: the deploy is not tried.
    fn take_secrets(&self, _load_balancer_id: &str, _secrets: Vec<SecretContent>) -> Result<(), DriverError> {
        Ok(())
    }

    /// [`Driver::undeploy`], and what is left of it: what it had counted in the end, and what the same driver will want
    /// to know where the load balancer runs next, such as which member a client has. That is at most
    /// [`LONGEST_HANDOVER`] bytes, in the driver's own form.
    ///
    /// It is what the agent asks for in the place of [`Driver::undeploy`], also where nothing goes on elsewhere. Since
    /// ABI 1.3; an older agent does not look at what is left.
    ///
    /// # Errors
    /// As those of [`Driver::undeploy`]: whatever cannot be read before is left out, and is no reason to fail.
    fn hand_over(&self, load_balancer_id: &str) -> Result<UndeployReply, DriverError> {
        self.undeploy(load_balancer_id).map(|()| UndeployReply::default())
    }

    /// Another host is ready to serve this load balancer, and [`Driver::hand_over`] comes right after. From now on whoever wants
    /// to connect is left without an answer, so that he asks again and is answered there; what is under way goes on, and
    /// what is idle is closed. It returns when nothing is under way any more, or when the time is over. Datagrams of UDP are
    /// answered until the end: nobody asks again for those.
    ///
    /// Only for a driver with [`features::DEPLOY_SILENT`](crate::features::DEPLOY_SILENT). Since ABI 1.6; an older agent does
    /// not call it.
    fn finish(&self, _load_balancer_id: &str, _within: Duration) {}

    /// [`Driver::deploy`], with what this driver has handed over on another host. It may be of another version of the
    /// driver, or of another generation of the load balancer, or damaged: what cannot be used is left out, and is no
    /// reason to fail. Empty: nothing was.
    ///
    /// It is what the agent asks for in the place of [`Driver::deploy`], also where nothing was handed over. The reply has
    /// the same faults, and says what was done to what serves: the effect that a preview right before it would have told.
    /// Since ABI 1.3; a driver without it begins anew, and does not say.
    ///
    /// # Errors
    /// Those of [`Driver::deploy`].
    fn take_over(
        &self,
        load_balancer: &LoadBalancer,
        generation: u64,
        _handover: &[u8],
    ) -> Result<DeployReply, DriverError> {
        self.deploy(load_balancer, generation).map(|faults| DeployReply { faults, ..DeployReply::default() })
    }
}

/// What a driver is made with.
#[derive(Clone, Debug)]
pub struct Context<C> {
    /// The name of the agent's host. Two agents on one machine have two names.
    pub agent_id: String,
    /// The driver's own section of the configuration.
    pub config: C,
    /// The only directory in which the driver may write. It exists, is private to the agent's user, and lasts.
    pub state_dir: PathBuf,
}
