//! The inside of the process.

use std::{
    collections::HashMap,
    fs::File,
    io,
    os::{fd::AsFd, unix::net::UnixStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use prost::Message;

use super::{
    Copy, Effects, Opened, Opening, Starting,
    call::{Answer, Call, Order},
    log::Log,
};
use crate::{
    DriverError, Fault,
    host::{self, LoadedDriver, Module, Settings},
};

/// Answers calls on the socket that is standard input, until the other side closes it. To be called at the start of a
/// process of its own, before it has threads.
///
/// # Errors
/// Standard input is not that socket.
pub fn serve() -> io::Result<()> {
    let stdin = io::stdin();
    let socket = UnixStream::from(stdin.as_fd().try_clone_to_owned()?);
    socket.local_addr()?;
    // What the driver starts must not find the socket as its standard input.
    nix::unistd::dup2_stdin(File::open("/dev/null")?)?;
    let host = Arc::new(Host { log: Log::default(), modules: Mutex::default(), drivers: Mutex::default() });
    let answers = Arc::new(Mutex::new(socket.try_clone()?));
    let mut calls = socket;
    while let Ok(call) = Call::read(&mut calls) {
        if call.order == Order::Open {
            // Here and not on a thread: what is there before and after is to differ by the library only.
            answer(&answers, call.number, host.open(call.copy, &call.body));
            continue;
        }
        let (host, answers) = (Arc::clone(&host), Arc::clone(&answers));
        thread::Builder::new().spawn(move || {
            let result = host.obey(&call);
            answer(&answers, call.number, result);
        })?;
    }
    // The driver's threads may be anywhere in its code.
    host::process::exit_now(0)
}

fn answer(to: &Mutex<UnixStream>, number: u32, result: Result<Vec<u8>, DriverError>) {
    let result = result.map_err(|error| Fault::from(error).encode_to_vec());
    let mut to = to.lock().unwrap_or_else(PoisonError::into_inner);
    // Nobody waits for it any more when the socket is closed.
    let _ = Answer { number, result }.write(&mut *to);
}

struct Host {
    log: Log,
    modules: Mutex<HashMap<bool, Module>>,
    drivers: Mutex<HashMap<bool, Arc<LoadedDriver>>>,
}

impl Host {
    fn obey(&self, call: &Call) -> Result<Vec<u8>, DriverError> {
        match call.order {
            Order::Open => self.open(call.copy, &call.body),
            Order::Start => self.start(call.copy, &call.body),
            Order::Log => serde_json::to_vec(&self.log.take()).map_err(own),
            Order::Call(method) => {
                let driver = lock(&self.drivers).get(&key(call.copy)).cloned();
                driver.ok_or_else(|| DriverError::internal("no driver was started"))?.call(method, &call.body)
            }
        }
    }

    fn open(&self, copy: Copy, body: &[u8]) -> Result<Vec<u8>, DriverError> {
        let Opening { file } = serde_json::from_slice(body).map_err(own)?;
        let before = Effects::here();
        let module = host::open(&file);
        let after = Effects::here();
        let mut opened = Opened {
            refused: None,
            name: String::new(),
            version: String::new(),
            stock: None,
            swapped: None,
            before,
            after,
        };
        match module {
            Err(error) => opened.refused = Some(error.to_string()),
            Ok(module) => {
                let compatibility = module.compatibility();
                opened.stock = compatibility.stock.err();
                opened.swapped = compatibility.swapped.err();
                opened.name = module.note().name.clone();
                opened.version = module.note().version.clone();
                lock(&self.modules).insert(key(copy), module);
            }
        }
        serde_json::to_vec(&opened).map_err(own)
    }

    fn start(&self, copy: Copy, body: &[u8]) -> Result<Vec<u8>, DriverError> {
        let Starting { agent_id, config, state_dir } = serde_json::from_slice(body).map_err(own)?;
        let module = lock(&self.modules).get(&key(copy)).cloned();
        let module = module.ok_or_else(|| DriverError::internal("no driver was loaded"))?;
        let log = Arc::new(self.log.clone());
        let driver = module.start(Settings { agent_id, config, state_dir, log })?;
        let capabilities = driver.capabilities().encode_to_vec();
        lock(&self.drivers).insert(key(copy), Arc::new(driver));
        Ok(capabilities)
    }
}

fn key(copy: Copy) -> bool {
    copy == Copy::Second
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn own(error: impl std::fmt::Display) -> DriverError {
    DriverError::internal("the suite does not understand itself").with_detail(error.to_string())
}
