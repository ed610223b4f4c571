//! One driver-host process: started, spoken to, ended.

use std::{
    env, io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::{net, process::CommandExt, process::ExitStatusExt},
    },
    process::{self, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use ballast_abi::host::OwnGroup;
use ballast_proto::driver::{DescribeReply, DescribeRequest, driver_client::DriverClient};
use command_fds::{CommandFdExt, FdMapping};
use hyper_util::rt::TokioIo;
use nix::{
    fcntl::OFlag,
    sys::signal::{Signal, killpg},
    unistd::{Pid, pipe2},
};
use tokio::{
    net::UnixStream,
    process::Child,
    sync::mpsc,
    task::{self, JoinHandle},
    time,
};
use tonic::transport::{Channel, Endpoint};
use tower::service_fn;

use super::{
    DriverSettings,
    board::{Calls, Connection},
    files::DriverFile,
    grant,
    log::{self, LastLine},
    memory,
};
use crate::driver_host::{
    EXIT_PERMANENT, FILE, LIFELINE, SOCKET,
    privileges::Privileges,
    service::MESSAGE_LIMIT,
    start::{self, Refused, Start, Started},
};

/// How long the last words of a process that ended are waited for: a daemon of the driver may keep its output open.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// A driver-host whose driver is ready.
pub(super) struct Running {
    process: Process,
    pub(super) described: DescribeReply,
    pub(super) connection: Connection,
    /// Why the process is to be replaced, from those who call it.
    trouble: mpsc::Receiver<String>,
    records: JoinHandle<()>,
    /// In MiB.
    memory_limit: Option<u64>,
}

impl Running {
    pub(super) fn id(&self) -> Option<u32> {
        self.process.child.id()
    }

    /// Waits until the process has ended by itself or has to be replaced, and says why.
    pub(super) async fn over(&mut self) -> String {
        let id = self.id();
        let trouble = tokio::select! {
            reason = self.process.ended() => return reason,
            trouble = self.trouble.recv() => trouble.unwrap_or_default(),
            reason = memory::exceeds(id, self.memory_limit) => reason,
        };
        // A connection that breaks is most often the process that ends: how it ended says more.
        time::timeout(LAST_WORDS, self.process.ended()).await.unwrap_or(trouble)
    }

    /// Ends the process and all that it has started in its own group.
    pub(super) async fn end(mut self, grace: Duration) {
        self.process.end(grace).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.records.abort();
    }
}

/// To be called when no other process of the driver is at work.
pub(super) async fn settle_state(settings: &Arc<DriverSettings>, file: &DriverFile) {
    let (settings, file) = (Arc::clone(settings), file.clone());
    let driver = file.note.name.clone();
    let settled = task::spawn_blocking(move || grant::settle_state(&settings, &file)).await;
    if let Err(error) = settled.map_err(io::Error::other).flatten() {
        tracing::warn!(driver, "its state has files of another user: {error}");
    }
}

/// Starts a driver-host and waits until its driver is ready.
pub(super) async fn start(
    settings: &Arc<DriverSettings>,
    group: Option<&OwnGroup>,
    file: &DriverFile,
) -> Result<Running, Refused> {
    let failed = |what: &str, error: io::Error| Refused { reason: format!("{what}: {error}"), permanent: false };
    let privileges = {
        let (settings, file) = (Arc::clone(settings), file.clone());
        task::spawn_blocking(move || grant::privileges(&settings, &file)).await.map_err(io::Error::other).flatten()
    };
    let privileges = privileges.map_err(|error| failed("its state cannot be given to its user", error))?;
    let (mut process, mut socket) =
        spawn(settings, file).map_err(|error| failed("cannot run the driver-host", error))?;
    // Before it is told what to load: nothing of the driver runs outside of the group.
    if let (Some(group), Some(pid)) = (group, process.child.id())
        && let Err(error) = group.confine(&file.note.name, pid)
    {
        tracing::warn!(driver = file.note.name, "no control group of its own: {error}");
    }
    let grace = settings.deadlines.grace;
    let answer = time::timeout(settings.deadlines.start, exchange(settings, file, privileges, &mut socket)).await;
    let refused = match answer {
        Ok(Ok(Started::Ready)) => match connect(socket).await {
            Ok((client, described)) => return Ok(running(settings, file, process, client, described)),
            Err(reason) => Refused { reason, permanent: false },
        },
        Ok(Ok(Started::Refused(refused))) => refused,
        Ok(Err(_)) => Refused { permanent: process.exited_permanently().await, reason: process.ended().await },
        Err(_) => {
            let reason = format!("it was not ready within {:?}", settings.deadlines.start);
            Refused { reason, permanent: false }
        }
    };
    process.end(grace).await;
    Err(refused)
}

fn running(
    settings: &DriverSettings,
    file: &DriverFile,
    process: Process,
    client: DriverClient<Channel>,
    described: DescribeReply,
) -> Running {
    let records = tokio::spawn(log::forward_records(file.note.name.clone(), client.clone()));
    let (sender, trouble) = mpsc::channel(1);
    let capabilities = Arc::new(described.capabilities.clone().unwrap_or_default());
    Running {
        process,
        described,
        connection: Connection { client, capabilities, trouble: sender, calls: Calls::default() },
        trouble,
        records,
        memory_limit: settings.limits.memory_mb,
    }
}

async fn exchange(
    settings: &DriverSettings,
    file: &DriverFile,
    privileges: Privileges,
    socket: &mut UnixStream,
) -> io::Result<Started> {
    let message = Start {
        agent_id: settings.agent_id.clone(),
        state_dir: file.state_dir.clone(),
        config: file.config.clone(),
        log_level: log::level(),
        confinement: settings.limits.confinement(),
        privileges,
    };
    start::send(socket, &message).await?;
    start::receive(socket).await
}

async fn connect(socket: UnixStream) -> Result<(DriverClient<Channel>, DescribeReply), String> {
    // tonic asks for a new connection when this one breaks; there is none.
    let socket = Mutex::new(Some(socket));
    let connector = service_fn(move |_| {
        let socket = socket.lock().map(|mut socket| socket.take()).ok().flatten();
        std::future::ready(socket.map(TokioIo::new).ok_or_else(|| io::Error::other("the driver-host is gone")))
    });
    let endpoint = Endpoint::from_static("http://driver-host");
    let channel =
        endpoint.connect_with_connector(connector).await.map_err(|error| format!("no connection: {error}"))?;
    let mut client =
        DriverClient::new(channel).max_decoding_message_size(MESSAGE_LIMIT).max_encoding_message_size(MESSAGE_LIMIT);
    let described = client.describe(DescribeRequest {}).await;
    let described = described.map_err(|status| format!("no description: {}", status.message()))?.into_inner();
    Ok((client, described))
}

struct Process {
    child: Child,
    output: Option<JoinHandle<io::Result<()>>>,
    last_line: LastLine,
    /// Closed with the agent, however it ends.
    _lifeline: OwnedFd,
}

fn spawn(settings: &DriverSettings, file: &DriverFile) -> io::Result<(Process, UnixStream)> {
    let (ours, theirs) = net::UnixStream::pair()?;
    let (watched, lifeline) = pipe2(OFlag::O_CLOEXEC)?;
    let (output, written) = pipe2(OFlag::O_CLOEXEC)?;
    let mut command = process::Command::new(&settings.program);
    command.arg0("ballast-agent").args(["driver-host", &file.note.name]).current_dir("/").process_group(0);
    // The agent's own configuration is not for drivers; it may hold secrets.
    for (name, _) in env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"BALLAST_")) {
        command.env_remove(name);
    }
    command.stdin(Stdio::null()).stdout(written.try_clone()?).stderr(written);
    let mappings = vec![
        FdMapping { parent_fd: theirs.into(), child_fd: SOCKET },
        FdMapping { parent_fd: watched, child_fd: LIFELINE },
        FdMapping { parent_fd: file.copy.as_fd().try_clone_to_owned()?, child_fd: FILE },
    ];
    command.fd_mappings(mappings).map_err(io::Error::other)?;
    let child = tokio::process::Command::from(command).kill_on_drop(true).spawn()?;
    ours.set_nonblocking(true)?;
    let last_line = LastLine::default();
    let output = tokio::spawn(log::forward_output(file.note.name.clone(), output, last_line.clone()));
    Ok((Process { child, output: Some(output), last_line, _lifeline: lifeline }, UnixStream::from_std(ours)?))
}

impl Process {
    async fn exited_permanently(&mut self) -> bool {
        self.child.wait().await.is_ok_and(|status| status.code() == Some(EXIT_PERMANENT))
    }

    async fn ended(&mut self) -> String {
        let how = match self.child.wait().await {
            Ok(status) => describe(status),
            Err(error) => format!("it cannot be waited for: {error}"),
        };
        if let Some(output) = self.output.take() {
            let _ = time::timeout(LAST_WORDS, output).await;
        }
        let last_line = self.last_line.get();
        if last_line.is_empty() { how } else { format!("{how}; its last line: {last_line}") }
    }

    async fn end(&mut self, grace: Duration) {
        for (signal, patience) in [(Signal::SIGTERM, grace), (Signal::SIGKILL, Duration::MAX)] {
            // `None` once it has been waited for: then its number may be somebody else's.
            let Some(id) = self.child.id().and_then(|id| i32::try_from(id).ok()) else { return };
            // Fails only when it has ended in this moment.
            let _ = killpg(Pid::from_raw(id), signal);
            if time::timeout(patience, self.child.wait()).await.is_ok() {
                return;
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(output) = &self.output {
            output.abort();
        }
    }
}

fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("it exited with status {code}"),
        (None, Some(signal)) => {
            let name = Signal::try_from(signal).map_or_else(|_| signal.to_string(), |signal| signal.to_string());
            format!("it was ended by signal {name}")
        }
        (None, None) => "it ended".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ending_is_described_by_status_or_signal() {
        assert_eq!(describe(ExitStatus::from_raw(1 << 8)), "it exited with status 1");
        assert_eq!(describe(ExitStatus::from_raw(9)), "it was ended by signal SIGKILL");
    }
}
