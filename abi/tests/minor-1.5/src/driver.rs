//! A driver of ABI 1.5: a file in its state directory for each load balancer, with the generation in it.

use std::{
    fs,
    panic::{self, AssertUnwindSafe},
    path::PathBuf,
};

use abi_stable::{
    library::{__call_root_module_loader, CheckTypeLayout, LibHeader, RootModuleResult},
    prefix_type::PrefixTypeTrait,
    sabi_trait::TD_Opaque,
    std_types::{RResult, RSlice, RStr, RString, RVec},
};
use prost::Message;

use crate::{
    boundary::{
        DeviceDriver, DeviceDriver_TO, DriverModule, DriverModuleRef, DynDriver, DynHostLog, FfiError, HostContext,
        LogLine,
    },
    messages::{
        Capabilities, DeployReply, DeployRequest, Deployed, DeployedReply, ListenerObservation, Observation,
        ObserveReply, ObserveRequest, Preview, SecretsRequest, Step, UndeployReply, UndeployRequest,
    },
};

const INTERNAL: u32 = 1;
const NOT_FOUND: u32 = 4;
const PANIC: u32 = 7;
/// The file that says that it was told of its end.
const GOODBYE: &str = "goodbye";
/// The file that says how many secrets it was told.
const TOLD: &str = "told";
/// What serves is told while it runs.
const RUNTIME: i32 = 2;

#[repr(C, align(4))]
struct Note {
    lengths: [u32; 2],
    kind: u32,
    owner: [u8; 8],
    content: [u8; 160],
}

#[used]
#[unsafe(link_section = ".note.ballast")]
static NOTE: Note = Note { lengths: [8, 160], kind: 1, owner: *b"BALLAST\0", content: content() };

const fn content() -> [u8; 160] {
    let text = b"abi=1.5 name=minor version=1.5.0";
    let mut content = [0; 160];
    let mut at = 0;
    while at < text.len() {
        content[at] = text[at];
        at += 1;
    }
    content
}

#[unsafe(export_name = "_1as_0lib_1header_0root_bmodule_bloader")]
static HEADER: LibHeader =
    // SAFETY: `module` returns a `PrefixRef` that was erased from a `DriverModuleRef`.
    unsafe { LibHeader::from_constructor::<DriverModuleRef>(module, CheckTypeLayout::Yes) };

extern "C" fn module() -> RootModuleResult {
    __call_root_module_loader(|| DriverModule { name, version, new_driver }.leak_into_prefix())
}

extern "C" fn name() -> RString {
    "minor".into()
}

extern "C" fn version() -> RString {
    "1.5.0".into()
}

extern "C" fn new_driver(host: HostContext) -> RResult<DynDriver, FfiError> {
    guard(|| {
        let driver = Minor { directory: String::from(host.state_dir).into(), log: host.log };
        driver.say("driver of ABI 1.5");
        Ok(DeviceDriver_TO::from_value(driver, TD_Opaque))
    })
}

struct Minor {
    directory: PathBuf,
    log: DynHostLog,
}

impl Minor {
    fn say(&self, message: &str) {
        if self.log.enabled(3, RStr::from_str("minor")) {
            let line = LogLine { level: 3, target: "minor".into(), message: message.into(), fields: RSlice::EMPTY };
            self.log.log(&line);
        }
    }

    fn all(&self) -> Result<Vec<Deployed>, FfiError> {
        let mut deployed = Vec::new();
        for entry in fs::read_dir(&self.directory).map_err(failed)? {
            let load_balancer_id = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
            if load_balancer_id == GOODBYE || load_balancer_id == TOLD {
                continue;
            }
            let text = fs::read_to_string(self.directory.join(&load_balancer_id)).map_err(failed)?;
            deployed.push(Deployed { load_balancer_id, generation: text.parse().unwrap_or_default() });
        }
        Ok(deployed)
    }
}

impl DeviceDriver for Minor {
    fn capabilities(&self) -> RResult<RVec<u8>, FfiError> {
        let shapes = ["listeners:many", "listeners:none", "pools:many", "pools:none", "pool:shared", "pool:none"];
        let features = ["protocol:HTTP", "lb_method:ROUND_ROBIN", "listener:allowed_cidrs"];
        let features = features.into_iter().chain(shapes).map(str::to_owned).collect();
        guard(|| Ok(encode(&Capabilities { features })))
    }

    fn deploy(&self, request: RSlice<'_, u8>) -> RResult<RVec<u8>, FfiError> {
        guard(|| {
            let request: DeployRequest = decode(request)?;
            let id = request.load_balancer.unwrap_or_default().id;
            assert_ne!(id, "panic", "asked for by id");
            fs::write(self.directory.join(id), request.generation.to_string()).map_err(failed)?;
            let whole = Step { name: "deploy".to_owned(), began: 1, took: 1 };
            let steps = if request.traceparent.is_empty() { Vec::new() } else { vec![whole] };
            Ok(encode(&DeployReply { effect: RUNTIME, steps }))
        })
    }

    fn undeploy(&self, request: RSlice<'_, u8>) -> RResult<RVec<u8>, FfiError> {
        guard(|| {
            let request: UndeployRequest = decode(request)?;
            let file = self.directory.join(request.load_balancer_id);
            if file.exists() {
                fs::remove_file(file).map_err(failed)?;
            }
            Ok(encode(&UndeployReply { handover: b"left".to_vec() }))
        })
    }

    fn observe(&self, request: RSlice<'_, u8>) -> RResult<RVec<u8>, FfiError> {
        guard(|| {
            let asked = decode::<ObserveRequest>(request)?.load_balancer_ids;
            let all = self.all()?;
            let deployed: Vec<String> = all.iter().map(|one| one.load_balancer_id.clone()).collect();
            if let Some(absent) = asked.iter().find(|id| !deployed.contains(id)) {
                return Err(error(NOT_FOUND, &format!("load balancer {absent} is not deployed")));
            }
            let ids = if asked.is_empty() { deployed } else { asked };
            let listeners = vec![ListenerObservation { listener_id: "listener-0".to_owned() }];
            let generation =
                |id: &String| all.iter().find(|one| one.load_balancer_id == *id).map_or(0, |one| one.generation);
            let seen = |id: String| Observation {
                generation: generation(&id),
                load_balancer_id: id,
                listeners: listeners.clone(),
            };
            let observations = ids.into_iter().map(seen).collect();
            Ok(encode(&ObserveReply { observations }))
        })
    }

    fn deployed(&self) -> RResult<RVec<u8>, FfiError> {
        guard(|| Ok(encode(&DeployedReply { deployed: self.all()? })))
    }

    fn preview(&self, request: RSlice<'_, u8>) -> RResult<RVec<u8>, FfiError> {
        guard(|| {
            let request: DeployRequest = decode(request)?;
            let steps = vec![format!("write generation {}", request.generation)];
            Ok(encode(&Preview { effect: RUNTIME, steps }))
        })
    }

    fn take_secrets(&self, request: RSlice<'_, u8>) -> RResult<RVec<u8>, FfiError> {
        guard(|| {
            let told = decode::<SecretsRequest>(request)?.secrets;
            let keys = told.iter().filter(|secret| !secret.private_key.is_empty()).count();
            fs::write(self.directory.join(TOLD), format!("{} {keys}", told.len())).map_err(failed)?;
            Ok(RVec::new())
        })
    }

    fn shutdown(&self) -> RResult<(), FfiError> {
        guard(|| fs::write(self.directory.join(GOODBYE), "").map_err(failed))
    }
}

fn decode<M: Message + Default>(bytes: RSlice<'_, u8>) -> Result<M, FfiError> {
    M::decode(bytes.as_slice()).map_err(|problem| error(INTERNAL, &problem.to_string()))
}

fn encode(message: &impl Message) -> RVec<u8> {
    message.encode_to_vec().into()
}

fn guard<T>(call: impl FnOnce() -> Result<T, FfiError>) -> RResult<T, FfiError> {
    match panic::catch_unwind(AssertUnwindSafe(call)) {
        Ok(result) => result.into(),
        Err(payload) => {
            std::mem::forget(payload);
            RResult::RErr(error(PANIC, "the driver panicked"))
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "as map_err calls it")]
fn failed(problem: std::io::Error) -> FfiError {
    error(INTERNAL, &problem.to_string())
}

fn error(code: u32, message: &str) -> FfiError {
    FfiError { code, retryable: false, message: message.into(), detail: RString::new() }
}
