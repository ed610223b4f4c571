//! Who plugs into a bridge and who takes it away exclude each other: threads by a mutex, and processes, as there are several
//! drivers on a host, by a lock on their network namespace itself. That goes with its process, however it ends.

use std::{
    fs::File,
    io,
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg},
};

static PLUGGING: Mutex<()> = Mutex::new(());
/// Plugging takes a millisecond. A process that is stopped meanwhile must not keep the others: what they do without it is seen
/// and mended when it was wrong.
const PATIENCE: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(1);

/// Until it is dropped.
pub(super) struct Exclusive {
    _threads: MutexGuard<'static, ()>,
    _processes: Option<Flock<File>>,
}

/// To be called by a thread in the host's namespace.
pub(super) fn exclusively() -> Exclusive {
    let threads = PLUGGING.lock().unwrap_or_else(PoisonError::into_inner);
    let warn = |error: &io::Error| tracing::warn!("plugging without the other drivers' leave: {error}");
    Exclusive { _threads: threads, _processes: lock(PATIENCE).inspect_err(warn).ok() }
}

fn lock(patience: Duration) -> io::Result<Flock<File>> {
    let mut file = File::open("/proc/thread-self/ns/net")?;
    let deadline = Instant::now() + patience;
    loop {
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => return Ok(lock),
            Err((again, Errno::EWOULDBLOCK | Errno::EINTR)) if Instant::now() < deadline => file = again,
            Err((_, errno)) => return Err(errno.into()),
        }
        thread::sleep(PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As another process has it: what is opened anew is another lock.
    #[test]
    fn one_at_a_time_has_the_namespace_and_who_never_lets_go_keeps_nobody() {
        ballast_lab::in_lab(|_| {
            let held = lock(Duration::ZERO)?;
            assert_eq!(lock(Duration::ZERO).unwrap_err().kind(), io::ErrorKind::WouldBlock);
            let waiting = thread::spawn(|| lock(Duration::from_secs(10)).map(|_| Instant::now()));
            thread::sleep(Duration::from_millis(20));
            let freed = Instant::now();
            drop(held);
            assert!(waiting.join().unwrap()? >= freed);
            let _held = lock(Duration::ZERO)?;
            let start = Instant::now();
            drop(exclusively());
            assert!(start.elapsed() >= PATIENCE);
            Ok(())
        });
    }
}
