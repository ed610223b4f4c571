//! A driver with a C table, as what the rest of the loader knows: its promises are looked at here, as the Rust contract's are
//! on the driver's side.

use std::{
    ffi::{CStr, c_void},
    mem::{self, offset_of},
    ptr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use abi_stable::{
    sabi_trait::TD_Opaque,
    std_types::{RResult, RSlice, RVec},
};
use prost::Message;

use crate::{
    Capabilities, DriverError, ErrorCode,
    c::{
        BALLAST_CAPABILITIES, BALLAST_DEPLOY, BALLAST_DEPLOYED, BALLAST_OBSERVE, BALLAST_PREVIEW, BALLAST_TAKE_SECRETS,
        BALLAST_UNDEPLOY, Buffer, Bytes, Entry, Host, LogField, Table,
    },
    export::check_id,
    features,
    ffi::{DeviceDriver, DeviceDriver_TO, DynDriver, FfiError},
    host::{LoadError, LogSink, Settings},
    note::Note,
    proto::{DeployRequest, Fault, LogRecord, ObserveRequest, SecretsRequest, UndeployRequest},
};

/// The table of a loaded file, whole.
#[derive(Clone, Copy)]
pub(super) struct Module(&'static Table);

#[expect(unsafe_code, reason = "the header promises it")]
// SAFETY: nobody changes a table.
unsafe impl Send for Module {}
#[expect(unsafe_code, reason = "the header promises it")]
// SAFETY: as above.
unsafe impl Sync for Module {}

impl Module {
    /// # Errors
    /// What is wrong with the table.
    pub(super) fn read(entry: Entry, note: &Note) -> Result<Self, LoadError> {
        let broken = |what: &str| LoadError::new(format!("its table of C functions {what}"));
        #[expect(unsafe_code, reason = "the function is a promise of the file")]
        // SAFETY: the symbol is a `ballast_driver` of the header, as its note says.
        let table = unsafe { entry() };
        #[expect(unsafe_code, reason = "its first field alone is read")]
        // SAFETY: a table that is there begins with its size.
        let size = unsafe { table.as_ref().map(|table| ptr::addr_of!(table.size).read()) };
        let size = size.ok_or_else(|| broken("is null"))?;
        // Fields that are appended later are optional: this is what the first version has.
        if size < offset_of!(Table, release) + mem::size_of::<usize>() {
            return Err(broken(&format!("has {size} bytes, fewer than it needs")));
        }
        #[expect(unsafe_code, reason = "the table is as large as what is referred to")]
        // SAFETY: it is not null, it lives as long as the process, and has the size of all fields of this version.
        let table: &'static Table = unsafe { &*table };
        let module = Self(table);
        module.check(note)?;
        Ok(module)
    }

    fn check(self, note: &Note) -> Result<(), LoadError> {
        let Table { abi_major, abi_minor, name, version, create, call, destroy, release, .. } = *self.0;
        let none = [
            ("name", name.is_null()),
            ("version", version.is_null()),
            ("create", create.is_none()),
            ("call", call.is_none()),
            ("destroy", destroy.is_none()),
            ("release", release.is_none()),
        ];
        if let Some((field, _)) = none.iter().find(|(_, is_null)| *is_null) {
            return Err(LoadError::new(format!("its table of C functions has no {field}")));
        }
        #[expect(unsafe_code, reason = "texts of C")]
        // SAFETY: neither is null, and the header promises a 0 at the end.
        let (name, version) = unsafe { (CStr::from_ptr(name), CStr::from_ptr(version)) };
        let said = format!("{} {} ABI {}.{}", note.name, note.version, note.abi_major, note.abi_minor);
        let says = format!("{} {} ABI {abi_major}.{abi_minor}", name.to_string_lossy(), version.to_string_lossy());
        if said != says {
            return Err(LoadError::new(format!("its note says {said}, its code says {says}")));
        }
        Ok(())
    }

    /// # Errors
    /// The driver's own.
    pub(super) fn start(self, settings: &Settings, state_dir: &str) -> Result<DynDriver, DriverError> {
        let (Some(create), Some(call), Some(destroy), Some(release)) =
            (self.0.create, self.0.call, self.0.destroy, self.0.release)
        else {
            return Err(DriverError::internal("its table of C functions is not whole"));
        };
        let log = Box::into_raw(Box::new(Arc::clone(&settings.log)));
        let config = settings.config.to_string();
        let host = Host {
            size: mem::size_of::<Host>(),
            agent_id: bytes(settings.agent_id.as_bytes()),
            config: bytes(config.as_bytes()),
            state_dir: bytes(state_dir.as_bytes()),
            log_context: log.cast(),
            log_enabled: Some(log_enabled),
            log: Some(log_record),
        };
        let (mut device, mut error) = (ptr::null_mut(), NOTHING);
        #[expect(unsafe_code, reason = "the driver's own code")]
        // SAFETY: all that is pointed to outlives the call, but the log, which is never freed: threads of the driver may use it
        // until the process ends.
        let status = unsafe { create(&raw const host, &raw mut device, &raw mut error) };
        let own = Device { device, call, destroy, release, is_over: AtomicBool::new(false) };
        own.answered(status, error)?;
        let told = own.ask(BALLAST_CAPABILITIES, &[])?;
        let capabilities = Capabilities::decode(told.as_slice()).map_err(|error| {
            DriverError::internal("the driver's capabilities could not be decoded").with_detail(error.to_string())
        })?;
        Ok(DeviceDriver_TO::from_value(Checked { own, capabilities }, TD_Opaque))
    }
}

type Call = unsafe extern "C" fn(*mut c_void, u32, Bytes, *mut Buffer) -> u32;

const NOTHING: Buffer = Buffer { data: ptr::null_mut(), length: 0 };

/// The driver, as C has it.
struct Device {
    device: *mut c_void,
    call: Call,
    destroy: unsafe extern "C" fn(*mut c_void),
    release: unsafe extern "C" fn(Buffer),
    is_over: AtomicBool,
}

#[expect(unsafe_code, reason = "the header promises both")]
// SAFETY: a driver is called from several threads at once.
unsafe impl Send for Device {}
#[expect(unsafe_code, reason = "the header promises both")]
// SAFETY: as above.
unsafe impl Sync for Device {}

impl Device {
    fn ask(&self, method: u32, request: &[u8]) -> Result<Vec<u8>, DriverError> {
        let mut reply = NOTHING;
        #[expect(unsafe_code, reason = "the driver's own code")]
        // SAFETY: the request outlives the call, and the reply is written by the driver alone.
        let status = unsafe { (self.call)(self.device, method, bytes(request), &raw mut reply) };
        self.answered(status, reply)
    }

    /// Nothing, of a driver that does not know the method.
    fn ask_optional(&self, method: u32, request: &[u8]) -> Result<Vec<u8>, DriverError> {
        match self.ask(method, request) {
            Err(error) if error.code == ErrorCode::UNSUPPORTED => Ok(Vec::new()),
            other => other,
        }
    }

    /// A copy of what the driver answered; its own is given back.
    fn answered(&self, status: u32, reply: Buffer) -> Result<Vec<u8>, DriverError> {
        let content = if reply.data.is_null() {
            Vec::new()
        } else {
            #[expect(unsafe_code, reason = "bytes of the driver's")]
            // SAFETY: it is not null, and the header promises that so many are there until it is released.
            let content = unsafe { std::slice::from_raw_parts(reply.data, reply.length) }.to_vec();
            #[expect(unsafe_code, reason = "the driver's own code")]
            // SAFETY: it is the driver's, and given back once.
            unsafe {
                (self.release)(reply);
            }
            content
        };
        match status {
            0 => Ok(content),
            code => Err(error(code, &content)),
        }
    }
}

/// Whether a request is sound.
fn checked<M: Message + Default>(
    request: &[u8],
    check: impl FnOnce(M) -> Result<(), DriverError>,
) -> Result<(), DriverError> {
    let request = M::decode(request).map_err(|error| {
        DriverError::invalid_argument("the request could not be decoded").with_detail(error.to_string())
    })?;
    check(request)
}

fn answer(answered: Result<Vec<u8>, DriverError>) -> RResult<RVec<u8>, FfiError> {
    answered.map(RVec::from).map_err(FfiError::from).into()
}

fn error(code: u32, content: &[u8]) -> DriverError {
    match Fault::decode(content) {
        Ok(fault) if !fault.message.is_empty() => Fault { code, ..fault }.into(),
        Ok(_) | Err(_) => {
            let code = ErrorCode(code);
            DriverError::new(code, format!("the driver says {code}"))
        }
    }
}

/// It, behind the checks that the Rust contract has on its own side.
struct Checked {
    own: Device,
    capabilities: Capabilities,
}

impl Checked {
    fn check(&self, request: DeployRequest) -> Result<(), DriverError> {
        let load_balancer = request.load_balancer.unwrap_or_default();
        check_id(&load_balancer.id)?;
        features::check(&load_balancer, &self.capabilities)
    }
}

impl DeviceDriver for Checked {
    fn capabilities(&self) -> RResult<RVec<u8>, FfiError> {
        RResult::ROk(self.capabilities.encode_to_vec().into())
    }

    fn deploy(&self, request: RSlice<'_, u8>) -> RResult<RVec<u8>, FfiError> {
        let ask = || self.own.ask(BALLAST_DEPLOY, request.as_slice());
        answer(checked(request.as_slice(), |request| self.check(request)).and_then(|()| ask()))
    }

    fn undeploy(&self, request: RSlice<'_, u8>) -> RResult<RVec<u8>, FfiError> {
        let check = |request: UndeployRequest| check_id(&request.load_balancer_id);
        let ask = || self.own.ask(BALLAST_UNDEPLOY, request.as_slice());
        answer(checked(request.as_slice(), check).and_then(|()| ask()))
    }

    fn observe(&self, request: RSlice<'_, u8>) -> RResult<RVec<u8>, FfiError> {
        let check = |request: ObserveRequest| request.load_balancer_ids.iter().try_for_each(|id| check_id(id));
        let ask = || self.own.ask(BALLAST_OBSERVE, request.as_slice());
        answer(checked(request.as_slice(), check).and_then(|()| ask()))
    }

    fn deployed(&self) -> RResult<RVec<u8>, FfiError> {
        answer(self.own.ask(BALLAST_DEPLOYED, &[]))
    }

    fn preview(&self, request: RSlice<'_, u8>) -> RResult<RVec<u8>, FfiError> {
        let check = |request| self.check(request);
        let ask = || self.own.ask_optional(BALLAST_PREVIEW, request.as_slice());
        answer(checked(request.as_slice(), check).and_then(|()| ask()))
    }

    fn shutdown(&self) -> RResult<(), FfiError> {
        if !self.own.is_over.swap(true, Ordering::Relaxed) {
            #[expect(unsafe_code, reason = "the driver's own code")]
            // SAFETY: it is called once, and no call begins after it.
            unsafe {
                (self.own.destroy)(self.own.device);
            }
        }
        RResult::ROk(())
    }

    fn take_secrets(&self, request: RSlice<'_, u8>) -> RResult<RVec<u8>, FfiError> {
        let check = |request: SecretsRequest| check_id(&request.load_balancer_id);
        let ask = || self.own.ask_optional(BALLAST_TAKE_SECRETS, request.as_slice());
        answer(checked(request.as_slice(), check).and_then(|()| ask()))
    }
}

const fn bytes(content: &[u8]) -> Bytes {
    Bytes { data: content.as_ptr(), length: content.len() }
}

fn text(bytes: Bytes) -> String {
    if bytes.data.is_null() {
        return String::new();
    }
    #[expect(unsafe_code, reason = "bytes of the driver's")]
    // SAFETY: it is not null, and the header promises that so many are there until the call returns.
    let content = unsafe { std::slice::from_raw_parts(bytes.data, bytes.length) };
    String::from_utf8_lossy(content).into_owned()
}

fn sink<'a>(context: *mut c_void) -> &'a Arc<dyn LogSink> {
    #[expect(unsafe_code, reason = "the context is the host's own")]
    // SAFETY: it was made by `start` and is never freed.
    unsafe {
        &*context.cast::<Arc<dyn LogSink>>()
    }
}

extern "C" fn log_enabled(context: *mut c_void, level: u32, target: Bytes) -> u8 {
    u8::from(sink(context).enabled(level, &text(target)))
}

extern "C" fn log_record(
    context: *mut c_void,
    level: u32,
    target: Bytes,
    message: Bytes,
    fields: *const LogField,
    fields_length: usize,
) {
    let fields = if fields.is_null() {
        Default::default()
    } else {
        #[expect(unsafe_code, reason = "fields of the driver's")]
        // SAFETY: it is not null, and the header promises that so many are there until the call returns.
        let fields = unsafe { std::slice::from_raw_parts(fields, fields_length) };
        fields.iter().map(|field| (text(field.key), text(field.value))).collect()
    };
    sink(context).log(LogRecord { level, target: text(target), message: text(message), fields });
}
