//! How a warden is met, or made.

use std::{
    collections::HashMap,
    io,
    os::unix::process::CommandExt,
    process::{Command, Stdio},
    time::Duration,
};

use ballast_service::telemetry::Format;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    time::{self, Instant},
};

use super::Place;
use crate::warden::{Said, Told, Watched, build, socket_in};

/// How long a warden that was started may take until it can be reached.
const STARTED: Duration = Duration::from_secs(5);
/// How long a warden may take to read what it is told.
const PATIENCE: Duration = Duration::from_secs(2);
const TICK: Duration = Duration::from_millis(20);

/// A warden, and what it was told.
pub(super) struct Link {
    writer: OwnedWriteHalf,
    lines: Lines<BufReader<OwnedReadHalf>>,
    pub(super) told: HashMap<String, Watched>,
    pub(super) lease: u64,
}

impl Link {
    /// What it says next.
    pub(super) async fn said(&mut self) -> io::Result<Said> {
        let line = self.lines.next_line().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
        serde_json::from_str(&line).map_err(io::Error::other)
    }

    pub(super) async fn tell(&mut self, told: &Told) -> io::Result<()> {
        let mut line = serde_json::to_vec(told)?;
        line.push(b'\n');
        time::timeout(PATIENCE, self.writer.write_all(&line)).await?
    }

    pub(super) async fn watch(&mut self, watched: Watched) -> io::Result<()> {
        self.told.insert(watched.id.clone(), watched.clone());
        self.tell(&Told::Watch(watched)).await
    }

    /// Whether it is of this build.
    async fn begin(&mut self) -> io::Result<bool> {
        self.tell(&Told::Begin { build: build() }).await?;
        match time::timeout(PATIENCE, self.said()).await? {
            Ok(said) => Ok(said == Said::Here { build: build() }),
            // Of a release with other words.
            Err(error) if error.kind() == io::ErrorKind::Other => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl Place {
    /// The warden that is there, or one that is made; none where there is nothing to watch.
    pub(super) async fn meet(&self, wanted: &[Watched], lease: u64) -> io::Result<Option<Link>> {
        let mut link = match self.connect().await {
            Ok(link) => link,
            Err(_) if wanted.is_empty() => return Ok(None),
            Err(_) => self.start().await?,
        };
        if !link.begin().await? {
            tracing::info!("the warden is of another build: another one takes its place");
            link.tell(&Told::End).await?;
            // Its end is the end of the stream.
            let _ended = time::timeout(PATIENCE, async { while link.said().await.is_ok() {} }).await;
            link = self.start().await?;
            if !link.begin().await? {
                return Err(io::Error::other("it is of another build, and does not end"));
            }
        }
        link.lease = lease;
        link.tell(&Told::Lease { until: lease }).await?;
        for watched in wanted {
            link.watch(watched.clone()).await?;
        }
        link.tell(&Told::Whole).await?;
        Ok(Some(link))
    }

    async fn connect(&self) -> io::Result<Link> {
        let (_open, path) = socket_in(&self.state_dir)?;
        let (reader, writer) = time::timeout(PATIENCE, UnixStream::connect(path)).await??.into_split();
        Ok(Link { writer, lines: BufReader::new(reader).lines(), told: HashMap::new(), lease: 0 })
    }

    async fn start(&self) -> io::Result<Link> {
        let format = match self.log.format {
            Format::Json => "json",
            Format::Text => "text",
        };
        let mut command = Command::new(&self.program);
        command.arg0("ballast-agent").arg("warden").arg(&self.state_dir).args([format, &self.log.level]);
        // The agent's own configuration may hold secrets.
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"BALLAST_")) {
            command.env_remove(name);
        }
        command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null());
        let mut child = tokio::process::Command::from(command).spawn()?;
        // It is not ended with the agent, and leaves no zombie as long as that lives.
        tokio::spawn(async move { child.wait().await });
        let end = Instant::now() + STARTED;
        loop {
            match self.connect().await {
                Err(_) if Instant::now() < end => time::sleep(TICK).await,
                connected => return connected,
            }
        }
    }
}
