//! The driver's side of the boundary: everything that [`export_driver!`](crate::export_driver) puts around a
//! [`Driver`].
//!
//! Nothing may unwind through an `extern "C"` function (the process would end), so every entry is guarded; nothing may
//! reach the driver undecoded or with a feature that it did not declare.

use std::{
    panic::{self, AssertUnwindSafe},
    time::Duration,
};

use abi_stable::{
    library::{__call_root_module_loader, CheckTypeLayout, LibHeader, RootModuleResult},
    prefix_type::PrefixTypeTrait,
    sabi_trait::TD_Opaque,
    std_types::{RResult, RSlice, RString, RVec},
};
use prost::Message;
use tracing::info_span;

use crate::{
    Capabilities, Context, Driver, DriverError, ErrorCode, config, features,
    ffi::{DeviceDriver, DeviceDriver_TO, DriverModule, DriverModuleRef, DynDriver, FfiError, HostContext},
    forward,
    proto::{
        DeployReply, DeployRequest, DeployedReply, ObserveReply, ObserveRequest, SecretsReply, SecretsRequest,
        UndeployRequest,
    },
    rehearsal, side,
    steps::Steps,
};

#[doc(hidden)]
pub use abi_stable::library::LibHeader as Header;

/// The static that the loader looks up. Its name is `abi_stable`'s; a test compares.
#[doc(hidden)]
#[must_use]
pub const fn header<D: Driver>() -> LibHeader {
    #[expect(unsafe_code, reason = "abi_stable's constructor of a library header")]
    // SAFETY: `erased_module` returns a `PrefixRef` that was erased from a `DriverModuleRef`, the type named here.
    unsafe {
        LibHeader::from_constructor::<DriverModuleRef>(erased_module::<D>, CheckTypeLayout::Yes)
    }
}

extern "C" fn erased_module<D: Driver>() -> RootModuleResult {
    __call_root_module_loader(module::<D>)
}

fn module<D: Driver>() -> DriverModuleRef {
    DriverModule { name: name::<D>, version: version::<D>, new_driver: new_driver::<D> }.leak_into_prefix()
}

extern "C" fn name<D: Driver>() -> RString {
    D::NAME.into()
}

extern "C" fn version<D: Driver>() -> RString {
    D::VERSION.into()
}

extern "C" fn new_driver<D: Driver>(host: HostContext) -> RResult<DynDriver, FfiError> {
    guard("new", || {
        forward::install(&host.log);
        let config = config::decode(host.config.as_str())?;
        let context =
            Context { agent_id: host.agent_id.into(), config, state_dir: String::from(host.state_dir).into() };
        let driver = D::new(context)?;
        let capabilities = driver.capabilities();
        Ok(DeviceDriver_TO::from_value(Exported { driver, capabilities }, TD_Opaque))
    })
}

struct Exported<D> {
    driver: D,
    capabilities: Capabilities,
}

impl<D: Driver> DeviceDriver for Exported<D> {
    fn capabilities(&self) -> RResult<RVec<u8>, FfiError> {
        guard("capabilities", || Ok(encode(&self.capabilities)))
    }

    fn deploy(&self, request: RSlice<'_, u8>) -> RResult<RVec<u8>, FfiError> {
        guard("deploy", || {
            let DeployRequest { load_balancer, generation, handover, reads_fault, traceparent } = decode(request)?;
            let mut load_balancer = load_balancer.unwrap_or_default();
            check_id(&load_balancer.id)?;
            let _span = info_span!("deploy", load_balancer = %load_balancer.id, generation).entered();
            let panics = rehearsal::asked_for(&mut load_balancer);
            features::check(&load_balancer, &self.capabilities)?;
            side::check(&load_balancer)?;
            let take_over = || self.driver.take_over(&load_balancer, generation, &handover);
            let (deployed, steps) = Steps::of(&traceparent).of_whole(|| rehearsal::around(panics, take_over));
            Ok(encode(&DeployReply { steps, ..reply(deployed, reads_fault)? }))
        })
    }

    fn undeploy(&self, request: RSlice<'_, u8>) -> RResult<RVec<u8>, FfiError> {
        guard("undeploy", || {
            let UndeployRequest { load_balancer_id, finish_milliseconds } = decode(request)?;
            check_id(&load_balancer_id)?;
            let _span = info_span!("undeploy", load_balancer = %load_balancer_id).entered();
            let can_finish = self.capabilities.features.iter().any(|one| one == features::DEPLOY_SILENT);
            if finish_milliseconds > 0 && can_finish {
                self.driver.finish(&load_balancer_id, Duration::from_millis(finish_milliseconds.into()));
            }
            Ok(encode(&self.driver.hand_over(&load_balancer_id)?))
        })
    }

    fn observe(&self, request: RSlice<'_, u8>) -> RResult<RVec<u8>, FfiError> {
        guard("observe", || {
            let ObserveRequest { load_balancer_ids } = decode(request)?;
            load_balancer_ids.iter().try_for_each(|id| check_id(id))?;
            let observations = self.driver.observe(&load_balancer_ids)?;
            Ok(encode(&ObserveReply { observations }))
        })
    }

    fn deployed(&self) -> RResult<RVec<u8>, FfiError> {
        guard("deployed", || Ok(encode(&DeployedReply { deployed: self.driver.deployed()? })))
    }

    fn preview(&self, request: RSlice<'_, u8>) -> RResult<RVec<u8>, FfiError> {
        guard("preview", || {
            let DeployRequest { load_balancer, generation, .. } = decode(request)?;
            let load_balancer = load_balancer.unwrap_or_default();
            check_id(&load_balancer.id)?;
            let _span = info_span!("preview", load_balancer = %load_balancer.id, generation).entered();
            features::check(&load_balancer, &self.capabilities)?;
            side::check(&load_balancer)?;
            Ok(encode(&self.driver.preview(&load_balancer, generation)?))
        })
    }

    fn shutdown(&self) -> RResult<(), FfiError> {
        guard("shutdown", || self.driver.shutdown())
    }

    fn take_secrets(&self, request: RSlice<'_, u8>) -> RResult<RVec<u8>, FfiError> {
        guard("take_secrets", || {
            let SecretsRequest { load_balancer_id, secrets } = decode(request)?;
            check_id(&load_balancer_id)?;
            let _span = info_span!("take_secrets", load_balancer = %load_balancer_id).entered();
            self.driver.take_secrets(&load_balancer_id, secrets)?;
            Ok(encode(&SecretsReply {}))
        })
    }
}

/// An error cannot name its object, as its layout is frozen: to a host that reads it there the reply does.
fn reply(deployed: Result<DeployReply, DriverError>, reads_fault: bool) -> Result<DeployReply, DriverError> {
    match deployed {
        Err(error) if reads_fault && !error.object_id.is_empty() => {
            Ok(DeployReply { fault: Some(error.into()), ..DeployReply::default() })
        }
        other => other,
    }
}

fn decode<M: Message + Default>(request: RSlice<'_, u8>) -> Result<M, DriverError> {
    M::decode(request.as_slice()).map_err(|error| {
        DriverError::invalid_argument("the request could not be decoded").with_detail(error.to_string())
    })
}

fn encode(message: &impl Message) -> RVec<u8> {
    message.encode_to_vec().into()
}

/// Drivers make file and device names from ids: what could leave a directory or end a string never arrives there.
pub(crate) fn check_id(id: &str) -> Result<(), DriverError> {
    let sound = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if id.is_empty() || id.len() > 64 || !id.bytes().all(sound) {
        return Err(DriverError::invalid_argument(format!(
            "load balancer id {id:?}: must be 1 to 64 letters, digits, '-' or '_'"
        )));
    }
    Ok(())
}

fn guard<T>(method: &str, call: impl FnOnce() -> Result<T, DriverError>) -> RResult<T, FfiError> {
    match panic::catch_unwind(AssertUnwindSafe(call)) {
        Ok(result) => result.map_err(FfiError::from).into(),
        Err(payload) => {
            let said = payload
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
                .or_else(|| payload.downcast_ref::<String>().cloned())
                .unwrap_or_else(|| "no message".to_owned());
            // A payload's own drop may panic, and nothing would catch that.
            std::mem::forget(payload);
            let error = DriverError::new(ErrorCode::PANIC, format!("the driver panicked in {method}"));
            RResult::RErr(error.with_detail(said).with_retryable(true).into())
        }
    }
}

/// Makes a `cdylib` a driver: `export_driver!(MyDriver);`, once in the crate, with the type that implements
/// [`Driver`](crate::Driver). The head of the crate has an example.
#[macro_export]
macro_rules! export_driver {
    ($driver:ty) => {
        const _: () = {
            #[used]
            #[unsafe(link_section = ".note.ballast")]
            static NOTE: $crate::note::ElfNote = $crate::note::ElfNote::of::<$driver>();

            #[unsafe(export_name = "_1as_0lib_1header_0root_bmodule_bloader")]
            static HEADER: $crate::export::Header = $crate::export::header::<$driver>();
        };
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exported_name_is_the_one_that_abi_stable_looks_up() {
        assert_eq!(abi_stable::library::ROOT_MODULE_LOADER_NAME, "_1as_0lib_1header_0root_bmodule_bloader");
    }

    #[test]
    fn a_panic_becomes_an_error_that_keeps_the_message_for_the_operator() {
        let result = guard::<()>("deploy", || panic!("index {} is out of bounds", 7));
        let error = DriverError::from(result.into_result().unwrap_err());
        assert_eq!((error.code, error.retryable), (ErrorCode::PANIC, true));
        assert_eq!(error.message, "the driver panicked in deploy");
        assert_eq!(error.detail, "index 7 is out of bounds");
    }

    #[test]
    fn an_object_is_named_to_a_host_that_reads_it_and_the_error_is_never_lost() {
        let error = || DriverError::internal("it is refused").because_of("m1");
        let told = reply(Err(error()), true).unwrap();
        assert_eq!(told.fault.map(DriverError::from), Some(error()));
        assert_eq!(reply(Err(error()), false), Err(error()));
        assert_eq!(reply(Err(DriverError::internal("no")), true), Err(DriverError::internal("no")));
    }

    #[test]
    fn an_id_that_could_leave_a_directory_is_refused() {
        for id in ["", "..", "a/b", "a b", "a\n", &"x".repeat(65)] {
            assert_eq!(check_id(id).unwrap_err().code, ErrorCode::INVALID_ARGUMENT, "{id:?}");
        }
        assert_eq!(check_id("4c8ea0f2-7b3b-4c93-9d59-5b8fdc6a0a07"), Ok(()));
    }
}
