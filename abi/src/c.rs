//! The boundary for drivers that are not written in Rust: a table of C functions, and the same messages as
//! [`ffi`](crate::ffi), as bytes.
//!
//! `include/ballast_driver.h` is this file in C, and a test makes it anew and compares. **Never change a type of this
//! module.** A minor version may append a field to [`Table`] or to [`Host`] (who reads one looks at its `size` first) and a number to
//! the methods; nothing else.

use std::ffi::{c_char, c_void};

/// The symbol that a driver exports: a [`Entry`].
pub const SYMBOL: &str = "ballast_driver";

/// It returns the driver's table, which lives as long as the process. It is called once.
pub type Entry = unsafe extern "C" fn() -> *const Table;

/// Bytes of the caller's, good until the call returns. Text is UTF-8, and has no 0 at its end. With a length of 0 the pointer may be
/// null.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Bytes {
    pub data: *const u8,
    pub length: usize,
}

/// Bytes of the driver's. The agent copies them and gives them back with `release`, once, unless `data` is null.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Buffer {
    pub data: *mut u8,
    pub length: usize,
}

/// A field of a log record.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct LogField {
    pub key: Bytes,
    pub value: Bytes,
}

/// What a driver is made with. It is good until `create` returns; `log_context` and the two functions are good until `destroy`
/// returns, from any thread.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Host {
    /// Of this structure, as the agent knows it: what stands behind it is not there.
    pub size: usize,
    /// The name of the agent's host.
    pub agent_id: Bytes,
    /// The driver's own section of the agent's configuration: a JSON object, `{}` where there is none.
    pub config: Bytes,
    /// The only directory in which the driver may write: an absolute path. It exists, and lasts.
    pub state_dir: Bytes,
    pub log_context: *mut c_void,
    /// Whether a record of this level (1 error, 2 warn, 3 info, 4 debug, 5 trace) would be kept: 1 or 0.
    pub log_enabled: Option<unsafe extern "C" fn(context: *mut c_void, level: u32, target: Bytes) -> u8>,
    /// Takes one record, and does not block.
    pub log: Option<
        unsafe extern "C" fn(
            context: *mut c_void,
            level: u32,
            target: Bytes,
            message: Bytes,
            fields: *const LogField,
            fields_length: usize,
        ),
    >,
}

/// A driver. No function of it may unwind or throw, and none of the pointers may be null.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// Of this structure, as the driver knows it: what stands behind it is not there.
    pub size: usize,
    /// Of the ABI that it was written for: BALLAST_ABI_MAJOR and BALLAST_ABI_MINOR.
    pub abi_major: u32,
    pub abi_minor: u32,
    /// As in the note, each with a 0 at its end.
    pub name: *const c_char,
    pub version: *const c_char,
    /// Makes the driver; called once in a process. It must not change what the device runs. 0 and a driver; or an error (see
    /// `call`).
    pub create: Option<unsafe extern "C" fn(host: *const Host, driver: *mut *mut c_void, error: *mut Buffer) -> u32>,
    /// Calls a method, from several threads at once; one load balancer's deploys do not overlap. It blocks. `request` and `reply`
    /// are the messages of lbaas.driver.v1 that stand with the method. Returns 0; or one of the error codes, and in `reply` a
    /// Fault, or nothing. A method that the driver does not know is BALLAST_UNSUPPORTED, with nothing in `reply`.
    pub call: Option<unsafe extern "C" fn(driver: *mut c_void, method: u32, request: Bytes, reply: *mut Buffer) -> u32>,
    /// The process is about to end. What is deployed stays so. Called once at most; no call begins after it, but one that hangs may
    /// still run.
    pub destroy: Option<unsafe extern "C" fn(driver: *mut c_void)>,
    /// Takes a buffer back.
    pub release: Option<unsafe extern "C" fn(buffer: Buffer)>,
}

/// Nothing -> Capabilities. Asked once after each start.
pub const BALLAST_CAPABILITIES: u32 = 1;
/// DeployRequest -> DeployReply
pub const BALLAST_DEPLOY: u32 = 2;
/// UndeployRequest -> UndeployReply
pub const BALLAST_UNDEPLOY: u32 = 3;
/// ObserveRequest -> ObserveReply
pub const BALLAST_OBSERVE: u32 = 4;
/// Nothing -> DeployedReply
pub const BALLAST_DEPLOYED: u32 = 5;
/// DeployRequest -> Preview
pub const BALLAST_PREVIEW: u32 = 6;
/// SecretsRequest -> SecretsReply
pub const BALLAST_TAKE_SECRETS: u32 = 7;

/// A defect, or anything that no other code says.
pub const BALLAST_INTERNAL: u32 = 1;
/// The driver's section of the configuration is wrong. Nothing helps but another configuration.
pub const BALLAST_INVALID_CONFIG: u32 = 2;
/// The driver or its device cannot do this, ever; or it does not know the method.
pub const BALLAST_UNSUPPORTED: u32 = 3;
/// The load balancer is not deployed.
pub const BALLAST_NOT_FOUND: u32 = 4;
/// The device does not answer; it may later.
pub const BALLAST_UNAVAILABLE: u32 = 5;
/// The device is at work on something else; it will be free soon.
pub const BALLAST_BUSY: u32 = 6;
/// The request itself makes no sense.
pub const BALLAST_INVALID_ARGUMENT: u32 = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;

    #[test]
    fn the_codes_are_those_of_the_rust_contract() {
        let codes = [
            (BALLAST_INTERNAL, ErrorCode::INTERNAL),
            (BALLAST_INVALID_CONFIG, ErrorCode::INVALID_CONFIG),
            (BALLAST_UNSUPPORTED, ErrorCode::UNSUPPORTED),
            (BALLAST_NOT_FOUND, ErrorCode::NOT_FOUND),
            (BALLAST_UNAVAILABLE, ErrorCode::UNAVAILABLE),
            (BALLAST_BUSY, ErrorCode::BUSY),
            (BALLAST_INVALID_ARGUMENT, ErrorCode::INVALID_ARGUMENT),
        ];
        for (ours, theirs) in codes {
            assert_eq!(ErrorCode(ours), theirs);
        }
    }
}
