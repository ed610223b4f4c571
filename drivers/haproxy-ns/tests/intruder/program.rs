//! What somebody does who has broken into a haproxy. A test has the driver start this in haproxy's place: it attempts each
//! line of `attempts` in its working directory, `KIND WHAT`, and writes beside it how each went.

use std::{
    error::Error,
    fs,
    io::Write,
    os::{
        linux::net::SocketAddrExt,
        unix::{
            fs::PermissionsExt,
            net::{SocketAddr, UnixStream},
        },
    },
    process::{Command, Stdio},
};

use nix::{
    mount::{MsFlags, mount},
    sched::{CloneFlags, setns, unshare},
    sys::{ptrace, signal::kill},
    unistd::Pid,
};
use socket2::{Domain, Protocol, Socket, Type};

const ATTEMPTS: &str = "attempts";
const SAID: &str = "said";
const NETLINK: i32 = nix::libc::AF_NETLINK;

fn main() -> Result<(), Box<dyn Error>> {
    // The driver asks what it is and what it knows.
    if std::env::args().any(|argument| argument == "-vv") {
        writeln!(std::io::stdout(), "Feature list : +NS")?;
        return Ok(());
    }
    if std::env::args().any(|argument| argument == "-v" || argument == "-c") {
        return Ok(());
    }
    let attempts = fs::read_to_string(ATTEMPTS)?;
    let said = attempts.lines().map(|line| match attempt(line) {
        Ok(()) => format!("{line}: done\n"),
        Err(error) => format!("{line}: {error}\n"),
    });
    Ok(fs::write(SAID, said.collect::<String>())?)
}

fn attempt(line: &str) -> Result<(), Box<dyn Error>> {
    let (kind, what) = line.split_once(' ').unwrap_or((line, ""));
    let pid = || what.parse().map(Pid::from_raw);
    match kind {
        "read" => fs::read(what).map(drop)?,
        "list" => fs::read_dir(what)?.next().transpose().map(drop)?,
        "write" => fs::write(what, "mine")?,
        "open" => fs::File::open(what).map(drop)?,
        "signal" => kill(pid()?, None)?,
        "trace" => ptrace::seize(pid()?, ptrace::Options::empty())?,
        "execute" => execute(what)?,
        "execute-own" => {
            fs::write(what, "#!/bin/sh\n")?;
            fs::set_permissions(what, fs::Permissions::from_mode(0o755))?;
            execute(&format!("./{what}"))?;
        }
        "abstract" => UnixStream::connect_addr(&SocketAddr::from_abstract_name(what)?).map(drop)?,
        "connect" => UnixStream::connect(what).map(drop)?,
        "tcp" => Socket::new(Domain::IPV4, Type::STREAM, None).map(drop)?,
        "raw" => Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4)).map(drop)?,
        "packet" => Socket::new(Domain::PACKET, Type::RAW, None).map(drop)?,
        "netlink" => Socket::new(Domain::from(NETLINK), Type::RAW, None).map(drop)?,
        "enter" => setns(fs::File::open(what)?, CloneFlags::CLONE_NEWNET)?,
        "network" => unshare(CloneFlags::CLONE_NEWNET)?,
        "namespace" => unshare(CloneFlags::CLONE_NEWUSER)?,
        "mount" => mount(Some("none"), what, Some("tmpfs"), MsFlags::empty(), None::<&str>)?,
        _ => return Err("nobody knows how".into()),
    }
    Ok(())
}

fn execute(program: &str) -> Result<(), Box<dyn Error>> {
    let mut command = Command::new(program);
    let status = command.args(["-c", ":"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    if status.success() { Ok(()) } else { Err(status.to_string().into()) }
}
