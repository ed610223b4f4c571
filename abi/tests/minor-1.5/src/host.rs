//! What an agent of ABI 1.5 does with a file: load it, check its layout against 1.5's, make the driver, call it.

use std::{mem, path::Path};

use abi_stable::{
    StableAbi,
    abi_stability::check_layout_compatibility,
    library::{AbiHeaderRef, LibraryError, ROOT_MODULE_LOADER_NAME_WITH_NUL},
    sabi_trait::TD_Opaque,
    std_types::{RArc, RResult, RStr, RVec},
};
use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use prost::Message;

use crate::{
    boundary::{DriverModuleRef, DynDriver, FfiError, HostContext, HostLog, HostLog_TO, LogLine},
    messages::{
        Capabilities, DeployReply, DeployRequest, DeployedReply, LoadBalancer, ObserveReply, ObserveRequest, Preview,
        SecretContent, SecretsRequest, UndeployRequest,
    },
};

/// A span, as W3C's Trace Context writes it.
const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// Loads a driver and takes one load balancer through its life; a line for each answer.
///
/// # Errors
/// In words, why it was not loaded or what it answered wrongly.
pub fn play(file: &Path, state_dir: &str) -> Result<Vec<String>, String> {
    let module = load(file)?;
    let mut said = vec![format!("name {}", module.name()()), format!("version {}", module.version()())];
    let context = HostContext {
        agent_id: "host-1".into(),
        config: "{}".into(),
        state_dir: state_dir.into(),
        log: HostLog_TO::from_ptr(RArc::new(Deaf), TD_Opaque),
    };
    let driver = module.new_driver()(context).into_result().map_err(|error| told(&error))?;
    let capabilities: Capabilities = decode(driver.capabilities())?;
    said.push(format!("features {}", capabilities.features.contains(&"protocol:HTTP".to_owned())));
    live(&driver, &mut said)?;
    Ok(said)
}

fn live(driver: &DynDriver, said: &mut Vec<String>) -> Result<(), String> {
    let load_balancer = Some(LoadBalancer { id: "lb-1".to_owned() });
    let secret = SecretContent { reference: "/v1/1".to_owned(), ..SecretContent::default() };
    let request = SecretsRequest { load_balancer_id: "lb-1".to_owned(), secrets: vec![secret] };
    done(driver.take_secrets(request.encode_to_vec().as_slice().into()))?;
    said.push("secrets taken".to_owned());
    for generation in [7, 8] {
        // The second is followed.
        let traceparent = if generation == 8 { TRACEPARENT.to_owned() } else { String::new() };
        let load_balancer = load_balancer.clone();
        let request = DeployRequest { load_balancer, generation, handover: Vec::new(), traceparent };
        let reply: DeployReply = decode(driver.deploy(request.encode_to_vec().as_slice().into()))?;
        said.push(format!("steps {}", reply.steps.first().map_or("none", |step| step.name.as_str())));
    }
    let deployed: DeployedReply = decode(driver.deployed())?;
    said.extend(deployed.deployed.iter().map(|one| format!("deployed {} {}", one.load_balancer_id, one.generation)));
    let observed: ObserveReply = decode(driver.observe(RVec::new().as_slice().into()))?;
    said.push(format!("observed {}", observed.observations.len()));
    let request = DeployRequest { load_balancer, generation: 9, ..DeployRequest::default() };
    let preview: Preview = decode(driver.preview(request.encode_to_vec().as_slice().into()))?;
    said.push(format!("preview {}", preview.effect));
    let absent = ObserveRequest { load_balancer_ids: vec!["absent".to_owned()] };
    let absent = driver.observe(absent.encode_to_vec().as_slice().into()).into_result();
    said.push(format!("absent {}", absent.err().map_or(0, |error| error.code)));
    let request = UndeployRequest { load_balancer_id: "lb-1".to_owned() };
    done(driver.undeploy(request.encode_to_vec().as_slice().into()))?;
    let deployed: DeployedReply = decode(driver.deployed())?;
    said.push(format!("left {}", deployed.deployed.len()));
    driver.shutdown().into_result().map_err(|error| told(&error))?;
    said.push("told of its end".to_owned());
    Ok(())
}

fn load(file: &Path) -> Result<DriverModuleRef, String> {
    // SAFETY: a driver, which the test has built.
    let library = unsafe { Library::open(Some(file), RTLD_NOW | RTLD_LOCAL) }.map_err(|error| error.to_string())?;
    // SAFETY: as every driver exports it.
    let header = unsafe { library.get::<AbiHeaderRef>(ROOT_MODULE_LOADER_NAME_WITH_NUL.as_bytes()).map(|at| *at) };
    let header = header.map_err(|error| error.to_string())?;
    mem::forget(library);
    let header = header.upgrade().map_err(|error| format!("{error}"))?;
    match header.init_root_module::<DriverModuleRef>() {
        Ok(module) => Ok(module),
        // An older driver lacks what this minor has appended.
        Err(LibraryError::AbiInstability(_)) => {
            let layout = header.layout().ok_or("no layout")?;
            let swapped = check_layout_compatibility(layout, <DriverModuleRef as StableAbi>::LAYOUT);
            swapped.into_result().map_err(|_| "its ABI types differ".to_owned())?;
            // SAFETY: the layout was just found to be a prefix of this one's.
            unsafe { header.init_root_module_with_unchecked_layout() }.map_err(|error| error.to_string())
        }
        Err(error) => Err(error.to_string()),
    }
}

fn done(reply: RResult<RVec<u8>, FfiError>) -> Result<RVec<u8>, String> {
    reply.into_result().map_err(|error| told(&error))
}

fn decode<M: Message + Default>(reply: RResult<RVec<u8>, FfiError>) -> Result<M, String> {
    M::decode(done(reply)?.as_slice()).map_err(|error| error.to_string())
}

fn told(error: &FfiError) -> String {
    format!("{} {} {}", error.code, error.message, error.detail)
}

#[derive(Clone)]
struct Deaf;

impl HostLog for Deaf {
    fn enabled(&self, _: u8, _: RStr<'_>) -> bool {
        true
    }

    fn log(&self, _: &LogLine<'_>) {}
}
