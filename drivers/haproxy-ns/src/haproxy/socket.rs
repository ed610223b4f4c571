//! haproxy's runtime API on its Unix socket: one connection a command.

use std::{
    fs::File,
    io::{self, Read, Write},
    os::{fd::AsRawFd, unix::net::UnixStream},
    time::Duration,
};

use crate::{
    failure::{Failure, Step},
    files::{Files, SOCKET},
};

const PATIENCE: Duration = Duration::from_secs(5);

/// Connects. A socket that nobody listens on refuses at once.
pub(crate) fn connect(files: &Files) -> io::Result<UnixStream> {
    // The name of a Unix socket ends at 107 bytes; this one is short wherever the directory is.
    let directory = File::open(files.run())?;
    UnixStream::connect(format!("/proc/self/fd/{}/{SOCKET}", directory.as_raw_fd()))
}

/// Whether a process listens on the socket.
pub(crate) fn answers(files: &Files) -> bool {
    connect(files).is_ok()
}

/// Sends one command and returns the whole answer.
pub(crate) fn ask(files: &Files, command: &str) -> Result<String, Failure> {
    let exchange = || {
        let mut stream = connect(files)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.write_all(format!("{command}\n").as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok::<_, io::Error>(answer)
    };
    exchange().step(|| format!("ask haproxy to {command:?}"))
}
