//! A driver that runs: safe methods with decoded messages.

use std::{path::PathBuf, sync::Arc};

use abi_stable::{
    sabi_trait::TD_Opaque,
    std_types::{RArc, RResult, RStr, RVec},
};
use prost::Message;
use zeroize::Zeroizing;

use crate::{
    Capabilities, DriverError,
    ffi::{DynDriver, FfiError, HostContext, HostLog, HostLog_TO, LogLine},
    host::{Module, open::Root},
    note::Note,
    proto::{
        DeployReply, DeployRequest, DeployedReply, LogRecord, ObserveReply, ObserveRequest, Preview, SecretsReply,
        SecretsRequest, UndeployReply, UndeployRequest,
    },
};

/// Where a driver's log goes. Called from any thread, also from the driver's own; must not block.
pub trait LogSink: Send + Sync + 'static {
    /// Whether a record of this level (1 error to 5 trace) and target is wanted.
    fn enabled(&self, level: u32, target: &str) -> bool;
    /// Takes a record.
    fn log(&self, record: LogRecord);
}

/// What a driver is started with.
#[derive(Clone)]
pub struct Settings {
    /// The name of the agent's host.
    pub agent_id: String,
    /// The driver's section of the configuration; an empty object when there is none.
    pub config: serde_json::Value,
    /// An existing directory that is the driver's alone.
    pub state_dir: PathBuf,
    /// Where it logs to.
    pub log: Arc<dyn LogSink>,
}

/// A driver, ready to be called. All methods block, and may be called from several threads at once.
pub struct LoadedDriver {
    driver: DynDriver,
    note: Note,
    capabilities: Capabilities,
}

impl Module {
    /// Makes the driver and asks for its capabilities.
    ///
    /// # Errors
    /// The driver's own, `INVALID_CONFIG` above all.
    pub fn start(&self, settings: Settings) -> Result<LoadedDriver, DriverError> {
        let state_dir = settings.state_dir.to_str().ok_or_else(|| {
            DriverError::invalid_config(format!("state directory {}: not UTF-8", settings.state_dir.display()))
        })?;
        let driver = match self.root {
            Root::Rust { module, .. } => {
                let context = HostContext {
                    agent_id: settings.agent_id.into(),
                    config: settings.config.to_string().into(),
                    state_dir: state_dir.into(),
                    log: HostLog_TO::from_ptr(RArc::new(Sink(settings.log)), TD_Opaque),
                };
                module.new_driver()(context).into_result()?
            }
            Root::C(module) => module.start(&settings, state_dir)?,
        };
        let capabilities = decode(driver.capabilities())?;
        Ok(LoadedDriver { driver, note: self.note().clone(), capabilities })
    }
}

impl LoadedDriver {
    /// Name, version and ABI.
    #[must_use]
    pub fn note(&self) -> &Note {
        &self.note
    }

    /// As they were when the driver started.
    #[must_use]
    pub fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// # Errors
    /// The driver's, or UNSUPPORTED for a feature that it did not declare.
    pub fn deploy(&self, request: &DeployRequest) -> Result<DeployReply, DriverError> {
        let mut reply: DeployReply = decode(self.driver.deploy(request.encode_to_vec().as_slice().into()))?;
        match reply.fault.take() {
            Some(fault) => Err(fault.into()),
            None => Ok(reply),
        }
    }

    /// # Errors
    /// The driver's.
    pub fn undeploy(&self, request: &UndeployRequest) -> Result<UndeployReply, DriverError> {
        decode(self.driver.undeploy(request.encode_to_vec().as_slice().into()))
    }

    /// # Errors
    /// The driver's.
    pub fn observe(&self, request: &ObserveRequest) -> Result<ObserveReply, DriverError> {
        decode(self.driver.observe(request.encode_to_vec().as_slice().into()))
    }

    /// # Errors
    /// The driver's.
    pub fn deployed(&self) -> Result<DeployedReply, DriverError> {
        decode(self.driver.deployed())
    }

    /// What a deploy of this would do. A driver of an ABI before 1.3 knows nothing of it, and the answer is empty.
    ///
    /// # Errors
    /// The driver's, or UNSUPPORTED for a feature that it did not declare.
    pub fn preview(&self, request: &DeployRequest) -> Result<Preview, DriverError> {
        decode(self.driver.preview(request.encode_to_vec().as_slice().into()))
    }

    /// What the secrets are that the next deploy names. A driver of an ABI before 1.5 knows nothing of it.
    ///
    /// # Errors
    /// The driver's.
    pub fn take_secrets(&self, request: &SecretsRequest) -> Result<SecretsReply, DriverError> {
        let request = Zeroizing::new(request.encode_to_vec());
        decode(self.driver.take_secrets(request.as_slice().into()))
    }

    /// To be called last. A driver of an ABI before 1.1 knows nothing of it, and is not asked.
    ///
    /// # Errors
    /// The driver's.
    pub fn shutdown(&self) -> Result<(), DriverError> {
        Ok(self.driver.shutdown().into_result()?)
    }
}

/// A method of the boundary.
#[cfg(feature = "conformance")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Deploy,
    Undeploy,
    Observe,
    Deployed,
    Shutdown,
    Preview,
    TakeSecrets,
}

#[cfg(feature = "conformance")]
impl LoadedDriver {
    /// Any bytes as a request: the conformance suite sends what no agent would.
    pub(crate) fn call(&self, method: Method, request: &[u8]) -> Result<Vec<u8>, DriverError> {
        let reply = match method {
            Method::Deploy => self.driver.deploy(request.into()),
            Method::Undeploy => self.driver.undeploy(request.into()),
            Method::Observe => self.driver.observe(request.into()),
            Method::Deployed => self.driver.deployed(),
            Method::Preview => self.driver.preview(request.into()),
            Method::TakeSecrets => self.driver.take_secrets(request.into()),
            Method::Shutdown => self.driver.shutdown().map(|()| RVec::new()),
        };
        Ok(reply.into_result()?.into_vec())
    }
}

fn decode<M: Message + Default>(reply: RResult<RVec<u8>, FfiError>) -> Result<M, DriverError> {
    let bytes = reply.into_result()?;
    M::decode(bytes.as_slice()).map_err(|error| {
        DriverError::internal("the driver's answer could not be decoded").with_detail(error.to_string())
    })
}

#[derive(Clone)]
struct Sink(Arc<dyn LogSink>);

impl HostLog for Sink {
    fn enabled(&self, level: u8, target: RStr<'_>) -> bool {
        self.0.enabled(level.into(), target.as_str())
    }

    fn log(&self, line: &LogLine<'_>) {
        self.0.log(LogRecord {
            level: line.level.into(),
            target: line.target.as_str().to_owned(),
            message: line.message.as_str().to_owned(),
            fields: line.fields.iter().map(|field| (field.key.to_string(), field.value.to_string())).collect(),
        });
    }
}
