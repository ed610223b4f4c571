//! The process: started, replaced and ended.
//!
//! It runs as a daemon in a session of its own, so it outlives the driver. What it may do is limited by whoever starts
//! it: the thread goes behind a [`Fence`], and the child changes to its own user before haproxy is executed.
//!
//! Only processes that were started in the load balancer's own directory, with its id on their command line, are ever
//! signalled: a pid file may be old, and a haproxy that was broken into may have written what it likes into it.

use std::{
    collections::BTreeSet,
    env,
    ffi::OsStr,
    fs, io,
    io::{Read, Seek},
    os::unix::{
        ffi::OsStrExt,
        process::{CommandExt, ExitStatusExt},
    },
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    sched::{CloneFlags, unshare},
    sys::{
        memfd::{MFdFlags, memfd_create},
        signal::{Signal, kill},
    },
    unistd::Pid,
};

use ballast_failpoint as failpoint;
use ballast_netns::identity::Identity;

use crate::{
    failure::{Failure, Step},
    fence::{Gate, Signals, View},
    files::{Files, NEW_CONFIG_FROM_RUN, PID, SOCKET, read_optional},
    passage,
};

/// From the start of haproxy until it is in the background; usually it takes a fraction of a second.
const STARTS_WITHIN: Duration = Duration::from_secs(15);

/// A haproxy that has not said yet whether it likes its configuration.
pub(crate) struct Starting {
    child: Child,
    said: fs::File,
    run: PathBuf,
    identity: Option<Identity>,
    /// Those that the new process cannot tell to finish: another user's, or kept from its signals.
    predecessors: Option<Predecessors>,
}

/// Processes that a new one takes the place of.
struct Predecessors {
    pids: Vec<i32>,
    files: Files,
    id: String,
}

/// haproxy with the new configuration.
pub(crate) struct Launch {
    pub(crate) haproxy: PathBuf,
    pub(crate) files: Files,
    /// What it reads beside.
    pub(crate) secrets: PathBuf,
    pub(crate) id: String,
    /// Which of its peers it is: itself, or one of two sides.
    pub(crate) peer: String,
    pub(crate) identity: Option<Identity>,
    pub(crate) signals: Signals,
    /// Whose sockets it takes over.
    pub(crate) replacing: Option<i32>,
    /// That one, and others that may not have been told to finish.
    pub(crate) before: Vec<i32>,
    /// What it sees of the machine, where that is less than all.
    pub(crate) view: Option<View>,
}

impl Launch {
    /// Starts it. The calling thread must be in the load balancer's namespace and of no other use: it works in `run/` from
    /// here on, and can do nothing else than haproxy can.
    pub(crate) fn start(self, gate: Gate<'_>) -> Result<Starting, Failure> {
        let Self { haproxy, files, secrets, id, peer, identity, signals, replacing, before, view } = self;
        unshare(CloneFlags::CLONE_FS).step(|| "get a working directory of its own".to_owned())?;
        env::set_current_dir(files.run()).step(|| format!("work in {}", files.run().display()))?;
        let said = memfd_create("haproxy-said", MFdFlags::MFD_CLOEXEC).step(|| "make a memory file".to_owned())?;
        let said = fs::File::from(said);
        let mut command = Command::new(&haproxy);
        command.args(["-D", "-f", NEW_CONFIG_FROM_RUN, "-p", PID, "-L", &peer]);
        let mut predecessors = None;
        match replacing {
            Some(pid) => {
                command.args(["-x", SOCKET, "-sf", &pid.to_string()]);
                let other = identity.filter(|identity| status(pid).identity != Some(*identity));
                if let Some(identity) = other {
                    files.hand_over_socket(identity)?;
                }
                if other.is_some() || signals == Signals::ToItself || before.len() > 1 {
                    predecessors = Some(Predecessors { pids: before, files: files.clone(), id });
                }
            }
            None => files.remove_socket()?,
        }
        let stderr = said.try_clone().step(|| "duplicate a file".to_owned())?;
        command.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr);
        if let Some(identity) = identity {
            command.gid(identity.gid).uid(identity.uid);
        }
        gate.enter(Some((&files, &secrets)), identity, view.as_ref())?;
        let child = command.spawn().step(|| format!("run {}", haproxy.display()))?;
        Ok(Starting { child, said, run: files.run(), identity, predecessors })
    }
}

impl Starting {
    /// Waits until haproxy listens and has gone to the background, or has refused.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        let Self { child, mut said, run, identity, predecessors } = self;
        let status = wait(child)?;
        failpoint::at("await haproxy: it has gone to the background");
        let mut text = String::new();
        if said.rewind().and_then(|()| said.read_to_string(&mut text)).is_err() {
            text.push_str("(what it said could not be read)");
        }
        if let Some(signal) = status.signal() {
            let what = "start haproxy: it was ended from outside while it started";
            return Err(Failure::io(what, io::Error::other(format!("signal {signal}"))));
        }
        if !status.success() {
            if text.contains("from the old process") {
                let what = "take the sockets over from the process that is to be replaced";
                return Err(Failure::io(what, io::Error::other(shorten(&text))));
            }
            // What haproxy says of a folder that was closed to it since the driver's start is about its own files.
            passage::check(&run, identity).map_err(passage::Closed::into_failure)?;
            return Err(Failure::Refused { who: "haproxy", said: format!("{status}: {}", shorten(&text)) });
        }
        if !text.is_empty() {
            tracing::debug!("haproxy said: {}", shorten(&text));
        }
        predecessors.map_or(Ok(()), Predecessors::finish)
    }
}

impl Predecessors {
    /// Tells them to close their listeners and to finish their connections, as `-sf` does.
    fn finish(self) -> Result<(), Failure> {
        for pid in self.pids.into_iter().filter(|pid| is_ours(*pid, &self.files, &self.id)) {
            match kill(Pid::from_raw(pid), Signal::SIGUSR1) {
                Ok(()) | Err(Errno::ESRCH) => {}
                Err(errno) => return Err(errno).step(|| format!("tell haproxy {pid} to finish")),
            }
        }
        Ok(())
    }
}

/// Whom a process runs as, and what it can get at all, as the kernel's bits of capabilities; `None`: it has ended.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Status {
    pub(crate) identity: Option<Identity>,
    pub(crate) bounding: Option<u64>,
}

pub(crate) fn status(pid: i32) -> Status {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
    let number = |name: &str| line(name)?.split_whitespace().nth(1)?.parse().ok();
    let identity = || Some(Identity { uid: number("Uid:")?, gid: number("Gid:")? });
    let bounding = line("CapBnd:").and_then(|set| u64::from_str_radix(set.trim(), 16).ok());
    Status { identity: identity(), bounding }
}

/// Waits for the process that goes to the background, at most [`STARTS_WITHIN`]: one that hangs is ended.
fn wait(mut child: Child) -> Result<ExitStatus, Failure> {
    let pid = child.id().cast_signed();
    let (tell, told) = mpsc::channel();
    let waiting = thread::Builder::new().name("wait-for-haproxy".to_owned()).spawn(move || {
        // Nobody listens any more when it took too long.
        let _ = tell.send(child.wait());
    });
    waiting.step(|| "start a thread".to_owned())?;
    match told.recv_timeout(STARTS_WITHIN) {
        Ok(status) => status.step(|| "wait for haproxy".to_owned()),
        Err(_) => {
            kill(Pid::from_raw(pid), Signal::SIGKILL).step(|| format!("kill haproxy {pid}"))?;
            let milliseconds = u64::try_from(STARTS_WITHIN.as_millis()).unwrap_or(u64::MAX);
            Err(Failure::Deadline { what: "starting haproxy".to_owned(), milliseconds })
        }
    }
}

/// The alerts and warnings, without the lines that every start prints.
fn shorten(text: &str) -> String {
    let telling = text.lines().filter(|line| !line.is_empty() && !line.starts_with("[NOTICE]"));
    telling.take(8).collect::<Vec<_>>().join(" | ")
}

/// Waits until every process that was being started has gone to the background or has failed. After a crash of the
/// driver one may still be at it, and would replace whatever is found meanwhile.
pub(crate) fn settle(files: &Files, id: &str) -> Result<(), Failure> {
    wait_until("haproxy has started", Duration::from_secs(5), || Ok(!all(files, id)?.into_iter().any(is_starting)))
}

/// A daemon leads a session of its own.
fn is_starting(pid: i32) -> bool {
    // State, parent, group, session.
    stat(pid, 3).is_some_and(|session| session != pid.to_string())
}

/// The process of the pid file, if it is this load balancer's and alive.
pub(crate) fn current(files: &Files, id: &str) -> Option<i32> {
    let text = read_optional(&files.run().join(PID)).ok()??;
    let pid = text.lines().next()?.trim().parse().ok()?;
    is_ours(pid, files, id).then_some(pid)
}

/// Those of the processes that were `noted` that are there, and the one of the pid file. `None`: all are looked for.
pub(crate) fn known(noted: Option<&[i32]>, files: &Files, id: &str) -> Result<Vec<i32>, Failure> {
    let Some(noted) = noted else { return all(files, id) };
    let noted = noted.iter().copied().filter(|pid| is_ours(*pid, files, id));
    let pids: BTreeSet<i32> = noted.chain(current(files, id)).collect();
    Ok(pids.into_iter().collect())
}

/// Whether the pid file still names this process, which has just answered.
pub(crate) fn is_current(pid: i32, files: &Files) -> bool {
    let text = read_optional(&files.run().join(PID)).ok().flatten();
    text.is_some_and(|text| text.lines().next().is_some_and(|line| line.trim().parse() == Ok(pid)))
}

/// All processes of this load balancer, also those that still finish their connections.
pub(crate) fn all(files: &Files, id: &str) -> Result<Vec<i32>, Failure> {
    let entries = fs::read_dir("/proc").step(|| "list processes".to_owned())?;
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    Ok(pids.filter(|pid| is_ours(*pid, files, id)).collect())
}

fn is_ours(pid: i32, files: &Files, id: &str) -> bool {
    let process = Path::new("/proc").join(pid.to_string());
    // Its beginning, which has the id. Empty for a zombie.
    let mut beginning = [0; 4096];
    let read = fs::File::open(process.join("cmdline")).and_then(|mut file| file.read(&mut beginning));
    let command_line = beginning.get(..read.unwrap_or_default()).unwrap_or_default();
    let words: Vec<&[u8]> = command_line.split(|byte| *byte == 0).collect();
    let is_named = |word: &[u8]| matches!(word.strip_prefix(id.as_bytes()), Some([] | [b'.', b'1' | b'2']));
    if !words.windows(2).any(|pair| pair[0] == b"-L" && is_named(pair[1])) {
        return false;
    }
    let Ok(directory) = fs::read_link(process.join("cwd")) else { return false };
    let path = directory.as_os_str().as_bytes();
    let path = path.strip_suffix(b" (deleted)").unwrap_or(path);
    Path::new(OsStr::from_bytes(path)) == files.run()
}

/// Ends the oldest of these that finish their connections, but for so many.
pub(crate) fn end_oldest(pids: Vec<i32>, keep: u32, files: &Files, id: &str) -> Result<(), Failure> {
    let current = current(files, id);
    let mut old: Vec<i32> = pids.into_iter().filter(|pid| Some(*pid) != current).collect();
    let more = old.len().saturating_sub(keep as usize);
    if more == 0 {
        return Ok(());
    }
    old.sort_by_key(|pid| begun(*pid));
    tracing::warn!(load_balancer = %id, "{more} of its old processes are ended with their connections: {keep} may be left");
    end(&old[..more], files, id)
}

/// When it began, in ticks of the kernel's clock.
fn begun(pid: i32) -> u64 {
    stat(pid, 19).and_then(|ticks| ticks.parse().ok()).unwrap_or(u64::MAX)
}

/// A word of the kernel's line about a process, counted from behind its name.
fn stat(pid: i32, index: usize) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, after_name) = text.rsplit_once(')')?;
    after_name.split_whitespace().nth(index).map(str::to_owned)
}

/// Kills processes and waits until they are gone, and their sockets with them.
pub(crate) fn end(pids: &[i32], files: &Files, id: &str) -> Result<(), Failure> {
    for pid in pids.iter().filter(|pid| is_ours(**pid, files, id)) {
        match kill(Pid::from_raw(*pid), Signal::SIGKILL) {
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(errno) => return Err(errno).step(|| format!("kill haproxy {pid}")),
        }
    }
    wait_until("haproxy is gone", Duration::from_secs(5), || Ok(!pids.iter().any(|pid| is_ours(*pid, files, id))))
}

/// Asks until it is so, at most this long.
pub(crate) fn wait_until(
    what: &str,
    limit: Duration,
    mut is_so: impl FnMut() -> Result<bool, Failure>,
) -> Result<(), Failure> {
    let start = Instant::now();
    let mut pause = Duration::from_micros(200);
    while !is_so()? {
        if start.elapsed() > limit {
            let milliseconds = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
            return Err(Failure::Deadline { what: format!("waiting until {what}"), milliseconds });
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(5));
    }
    Ok(())
}

/// Whether this build of haproxy accepts a line in its global section. Asks haproxy itself.
pub(crate) fn accepts_global(binary: &Path, line: &str) -> io::Result<bool> {
    let mut file = fs::File::from(memfd_create("haproxy-probe", MFdFlags::empty())?);
    let text = format!("global\n    {line}\nlisten probe\n    mode tcp\n    bind 127.0.0.1:1\n    timeout client 1s\n");
    io::Write::write_all(&mut file, text.as_bytes())?;
    let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&file));
    let mut command = Command::new(binary);
    command.args(["-c", "-f", &path]).env_clear();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Ok(command.status()?.success())
}
