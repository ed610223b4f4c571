//! What the driver does instead of what it was asked for.

use std::{
    fs::{self, File},
    hint,
    os::unix::{fs::FileExt, net::UnixStream},
    process::{self, Stdio},
    thread,
    time::{Duration, Instant},
};

use ballast_abi::{DriverError, ErrorCode, groups};

/// One misdeed. Where nothing else is said it ends in an error, or never.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// `fail: text`: the error INTERNAL, not retryable.
    Fail(String),
    /// `busy: text`: the error BUSY, retryable.
    Busy(String),
    /// `unavailable: text`: the error UNAVAILABLE, retryable.
    Unavailable(String),
    /// `unsupported: text`: the error UNSUPPORTED.
    Unsupported(String),
    /// `refuse: text`: the error INVALID_CONFIG.
    Refuse(String),
    /// `panic: text`
    Panic(String),
    /// `abort`: SIGABRT.
    Abort,
    /// `segfault`: a true one.
    Segfault,
    /// `exit`: as if all was well, with status 0.
    Exit,
    /// `overflow`: of the thread's stack.
    Overflow,
    /// `hang`: never returns.
    Hang,
    /// `spin`: never returns, and takes a processor.
    Spin,
    /// `slow 500ms`: then as asked.
    Slow(Duration),
    /// `leak 64MiB`: takes this much memory for good, then as asked.
    Leak(usize),
    /// `daemon`: starts a `sleep` that is to outlive the driver, as the contract says, then as asked.
    Daemon,
    /// `read PATH`: a file that is not its own; an error when it cannot, else then as asked.
    Read(String),
    /// `connect PATH`: to a Unix socket, as for `read`.
    Connect(String),
    /// `object-fault`: deploys all but the first listener.
    ObjectFault,
    /// `hidden`: deployed, and `deployed` does not say so.
    Hidden,
    /// `stale`: `deployed` says the generation before.
    Stale,
    /// `phantom`: `deployed` also says a load balancer `phantom-<id>` that nobody asked for.
    Phantom,
}

impl Act {
    /// Does it, as far as it can be done without knowing what was asked.
    pub(crate) fn commit(&self) -> Result<(), DriverError> {
        let error = |code, text: &str| DriverError::new(code, text).with_detail("asked for by name");
        match self {
            Self::Fail(text) => return Err(error(ErrorCode::INTERNAL, text)),
            Self::Busy(text) => return Err(error(ErrorCode::BUSY, text).with_retryable(true)),
            Self::Unavailable(text) => return Err(error(ErrorCode::UNAVAILABLE, text).with_retryable(true)),
            Self::Unsupported(text) => return Err(error(ErrorCode::UNSUPPORTED, text)),
            Self::Refuse(text) => return Err(error(ErrorCode::INVALID_CONFIG, text)),
            Self::Panic(text) => panic!("{text}"),
            Self::Abort => process::abort(),
            Self::Segfault => segfault(),
            Self::Exit => leave(),
            Self::Overflow => drop(overflow(0)),
            Self::Hang => hang(),
            Self::Spin => spin(),
            Self::Slow(time) => thread::sleep(*time),
            Self::Leak(bytes) => leak(*bytes),
            Self::Daemon => daemon()?,
            Self::Read(path) => fs::read(path).map(drop).map_err(|error| reached(path, &error))?,
            Self::Connect(path) => UnixStream::connect(path).map(drop).map_err(|error| reached(path, &error))?,
            Self::ObjectFault | Self::Hidden | Self::Stale | Self::Phantom => {}
        }
        Ok(())
    }
}

fn reached(path: &str, error: &std::io::Error) -> DriverError {
    DriverError::internal(format!("{path}: {error}"))
}

/// A reference is overwritten behind the compiler's back, and followed.
fn segfault() {
    static BYTE: u8 = 0;
    let reference: Box<&u8> = Box::new(&BYTE);
    let place = (&raw const *reference).addr();
    let nowhere = 8_usize.to_ne_bytes();
    if let (Ok(memory), Ok(offset)) = (File::options().write(true).open("/proc/self/mem"), u64::try_from(place)) {
        // What cannot be written is followed by the abort below.
        let _ = memory.write_all_at(&nowhere, offset);
    }
    let byte: u8 = ***hint::black_box(&reference);
    hint::black_box(byte);
    process::abort();
}

#[expect(clippy::exit, reason = "a driver that ends its process is what this is for")]
fn leave() {
    process::exit(0);
}

#[expect(unconditional_recursion, reason = "it ends with the stack")]
fn overflow(depth: u64) -> u64 {
    let page = hint::black_box([depth; 512]);
    overflow(depth + 1) + page[511]
}

fn hang() {
    loop {
        thread::park();
    }
}

fn spin() {
    let begun = Instant::now();
    while begun.elapsed() < Duration::MAX {
        hint::spin_loop();
    }
}

/// Memory that is written counts; memory that is only asked for does not.
pub(crate) fn leak(bytes: usize) {
    vec![0x5a_u8; bytes].leak();
}

fn daemon() -> Result<(), DriverError> {
    let failed = |error: std::io::Error| DriverError::internal("no daemon").with_detail(error.to_string());
    let mut command = process::Command::new("setsid");
    command.args(["sleep", "600"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let daemon = command.spawn().map_err(failed)?;
    // Until it has the session of its own, it ends with the driver's process.
    let begun = Instant::now();
    while fs::read_to_string(format!("/proc/{}/comm", daemon.id())).is_ok_and(|name| name.trim() != "sleep") {
        if begun.elapsed() > Duration::from_secs(5) {
            return Err(DriverError::busy("the daemon does not start"));
        }
        thread::sleep(Duration::from_millis(1));
    }
    groups::release(daemon.id()).map_err(failed)?;
    Ok(())
}
