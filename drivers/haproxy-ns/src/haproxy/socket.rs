//! haproxy's runtime API on its Unix socket: one connection a command.

use std::{
    fs::File,
    io::{self, Read, Write},
    os::{fd::AsRawFd, unix::net::UnixStream},
    thread,
    time::Duration,
};

use crate::{
    failure::{Failure, Step},
    files::{Files, PID, SOCKET, read_optional},
};

const PATIENCE: Duration = Duration::from_secs(5);
/// Asks who answers.
const WHO: &str = "show info";
/// An old process lets go of its sockets within milliseconds of its replacement.
const ATTEMPTS: u32 = 400;
const PAUSE: Duration = Duration::from_millis(5);

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

/// Sends one command and returns the whole answer of the process in the pid file.
///
/// Right after a reload the old process still accepts on the socket that it handed over: what it was asked is asked
/// again, until the new one answers.
pub(crate) fn ask(files: &Files, command: &str) -> Result<String, Failure> {
    let step = || format!("ask haproxy to {command:?}");
    for _ in 0..ATTEMPTS {
        let text = exchange(files, &format!("{WHO};{command}")).step(step)?;
        let (who, answer) = text.split_once("\n\n").unwrap_or((text.as_str(), ""));
        if is_of(who, &read_optional(&files.run().join(PID)).step(step)?.unwrap_or_default()) {
            return Ok(answer.to_owned());
        }
        thread::sleep(PAUSE);
    }
    Err(Failure::io(step(), io::Error::other("another process than the one in its pid file answers")))
}

fn exchange(files: &Files, command: &str) -> io::Result<String> {
    let mut stream = connect(files)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(format!("{command}\n").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// Whether `show info` is of the process that the pid file names.
fn is_of(info: &str, pid_file: &str) -> bool {
    let pid = info.lines().find_map(|line| line.strip_prefix("Pid: "));
    pid.is_some_and(|pid| pid_file.lines().any(|line| line.trim() == pid.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_known_by_its_process() {
        let info = "Name: HAProxy\nPid: 42\nUptime: 0d";
        assert!(is_of(info, "42\n"));
        assert!(!is_of(info, "421\n"));
        assert!(!is_of("", "42\n"));
        assert!(!is_of(info, ""));
    }
}
