//! The boundary itself: the few types and functions whose layout is frozen.
//!
//! What travels through them is protobuf, so data evolves by protobuf's rules, and `abi_stable`'s deep layout check
//! guards the little that is here. **Never change a type of this module.** A minor version may append a method with a
//! default body to a trait, or a field to [`DriverModule`], after the `last_prefix_field`; nothing else, and no `cfg`.
//! `tests/minor-1.0` to `tests/minor-1.5` keep former minors' sources, and a test builds them and loads
//! each side with the other.
//!
//! `abi_stable` also compares the version of the package that a type is from, by cargo's rules. So this package's
//! version is not Ballast's: it is `0.1.MINOR` for as long as the major of the ABI is 1.
//!
//! Drivers do not use this module: [`export_driver!`](crate::export_driver) does, and the loader.

#![expect(unsafe_code, non_local_definitions, reason = "abi_stable's macros generate both")]

use abi_stable::{
    StableAbi, declare_root_module_statics,
    library::RootModule,
    sabi_trait,
    sabi_types::VersionStrings,
    std_types::{RArc, RBox, RResult, RSlice, RStr, RString, RVec},
};

/// The major version of the ABI: equal on both sides, or the driver is refused.
pub const ABI_MAJOR: u32 = 1;
/// The minor version of the ABI: grows when something is appended.
///
/// - 1.0: the beginning.
/// - 1.1: [`DeviceDriver::shutdown`].
/// - 1.2: LBaaS v2 in the messages; nothing of this module.
/// - 1.3: [`DeviceDriver::preview`], and in the messages `Observation.generation` and `.pools`, the object because of which a
///   deploy failed, `DeployRequest.handover` and what `UndeployReply` has.
/// - 1.4: `DeployRequest.traceparent` and `DeployReply.steps` in the messages; nothing of this module.
/// - 1.5: [`DeviceDriver::take_secrets`], and `LoadBalancer.http_answers` in the messages.
/// - 1.6: `LoadBalancer.side` and `.silent`, and `UndeployRequest.finish_milliseconds` in the messages; nothing of this module.
pub const ABI_MINOR: u32 = 6;

/// A driver's root: what the loader finds in the file.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = DriverModuleRef)))]
pub struct DriverModule {
    /// `Driver::NAME`, equal to the name in the ELF note.
    pub name: extern "C" fn() -> RString,
    /// `Driver::VERSION`
    pub version: extern "C" fn() -> RString,
    /// Makes the driver; may be called once in a process.
    #[sabi(last_prefix_field)]
    pub new_driver: extern "C" fn(HostContext) -> RResult<DynDriver, FfiError>,
}

impl RootModule for DriverModuleRef {
    declare_root_module_statics! {DriverModuleRef}
    const BASE_NAME: &'static str = "ballast_driver";
    const NAME: &'static str = "ballast_driver";
    const VERSION_STRINGS: VersionStrings = VersionStrings::new("1.6.0");
}

/// A driver, erased. Arguments and results are messages of `lbaas.driver.v1`, encoded.
#[sabi_trait]
pub trait DeviceDriver: Send + Sync + 'static {
    /// Returns `Capabilities`.
    fn capabilities(&self) -> RResult<RVec<u8>, FfiError>;
    /// `DeployRequest` -> `DeployReply`
    fn deploy(&self, request: RSlice<'_, u8>) -> RResult<RVec<u8>, FfiError>;
    /// `UndeployRequest` -> `UndeployReply`
    fn undeploy(&self, request: RSlice<'_, u8>) -> RResult<RVec<u8>, FfiError>;
    /// `ObserveRequest` -> `ObserveReply`
    fn observe(&self, request: RSlice<'_, u8>) -> RResult<RVec<u8>, FfiError>;
    /// Returns `DeployedReply`.
    #[sabi(last_prefix_field)]
    fn deployed(&self) -> RResult<RVec<u8>, FfiError>;
    /// Since 1.1. The process is about to end. For an older driver this body runs, in the host.
    fn shutdown(&self) -> RResult<(), FfiError> {
        RResult::ROk(())
    }
    /// Since 1.3. `DeployRequest` -> `Preview`. For an older driver this body runs, in the host: an empty answer is "not
    /// known".
    fn preview(&self, _request: RSlice<'_, u8>) -> RResult<RVec<u8>, FfiError> {
        RResult::ROk(RVec::new())
    }
    /// Since 1.5. `SecretsRequest` -> `SecretsReply`. For an older driver this body runs, in the host: it has no use for them.
    fn take_secrets(&self, _request: RSlice<'_, u8>) -> RResult<RVec<u8>, FfiError> {
        RResult::ROk(RVec::new())
    }
}

/// An owned driver.
pub type DynDriver = DeviceDriver_TO<RBox<()>>;

/// What the host gives to `new_driver`.
#[repr(C)]
#[derive(StableAbi, Clone)]
pub struct HostContext {
    pub agent_id: RString,
    /// JSON
    pub config: RString,
    /// An absolute path, in UTF-8.
    pub state_dir: RString,
    pub log: DynHostLog,
}

/// Where a driver's log records go.
#[sabi_trait]
pub trait HostLog: Send + Sync + Clone + 'static {
    /// Whether a record of this level (1 error to 5 trace) and target would be kept.
    fn enabled(&self, level: u8, target: RStr<'_>) -> bool;
    /// Takes one record; must not block.
    #[sabi(last_prefix_field)]
    fn log(&self, record: &LogLine<'_>);
}

/// A shared log sink.
pub type DynHostLog = HostLog_TO<RArc<()>>;

/// One log record.
#[repr(C)]
#[derive(StableAbi, Clone)]
pub struct LogLine<'a> {
    /// 1 error, 2 warn, 3 info, 4 debug, 5 trace
    pub level: u8,
    pub target: RStr<'a>,
    pub message: RStr<'a>,
    pub fields: RSlice<'a, LogField<'a>>,
}

/// One field of a log record.
#[repr(C)]
#[derive(StableAbi, Clone)]
pub struct LogField<'a> {
    pub key: RStr<'a>,
    pub value: RStr<'a>,
}

/// [`DriverError`](crate::DriverError) on its way through the boundary.
#[repr(C)]
#[derive(StableAbi, Clone)]
pub struct FfiError {
    pub code: u32,
    pub retryable: bool,
    pub message: RString,
    pub detail: RString,
}

impl From<crate::DriverError> for FfiError {
    fn from(error: crate::DriverError) -> Self {
        Self {
            code: error.code.0,
            retryable: error.retryable,
            message: error.message.into(),
            detail: error.detail.into(),
        }
    }
}

/// An object travels in `DeployReply.fault` instead.
impl From<FfiError> for crate::DriverError {
    fn from(error: FfiError) -> Self {
        Self {
            code: crate::ErrorCode(error.code),
            retryable: error.retryable,
            message: error.message.into(),
            detail: error.detail.into(),
            object_id: String::new(),
        }
    }
}
