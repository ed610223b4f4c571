//! The lab's own network namespace: its bridges are the segments that hosts are plugged into. It has no
//! addresses and does not forward; it is the cables, not a host.

use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::entry::Entry;
use crate::error::LabError;

/// The kernel's limit for names of links, without the final zero byte.
const LONGEST_LINK_NAME: usize = 15;

/// An L2 segment of the lab.
#[derive(Clone, Debug)]
pub struct Segment {
    name: String,
}

impl Segment {
    /// The name that it was made with.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// The way into the lab's own namespaces, and what is counted there.
#[derive(Debug)]
pub(crate) struct Fabric {
    pub(crate) entry: Entry,
    ports: AtomicU32,
}

impl Fabric {
    pub(crate) fn new(entry: Entry) -> Self {
        Self { entry, ports: AtomicU32::new(0) }
    }

    pub(crate) fn segment(&self, name: &str) -> Result<Segment, LabError> {
        check_link_name("segment", name)?;
        run_ip(&self.entry, "in the lab", &bridge_lines(name))?;
        Ok(Segment { name: name.to_owned() })
    }

    /// A cable: one end is a port of the segment, the other is the link `interface` in the network
    /// namespace of the process `pid` (by the lab's numbering), still down.
    pub(crate) fn cable(&self, segment: &Segment, interface: &str, pid: i32) -> Result<(), LabError> {
        check_link_name("link", interface)?;
        let port = format!("port-{}", self.ports.fetch_add(1, Ordering::Relaxed));
        let lines = [
            format!("link add name {port} type veth peer name {interface} netns {pid}"),
            format!("link set dev {port} master {} up", segment.name),
        ];
        run_ip(&self.entry, "in the lab", &lines)
    }
}

/// Makes a bridge that is transparent at once: no spanning tree, and no snooping, which would hold back
/// neighbour discovery on a segment without a querier.
pub(crate) fn bridge_lines(name: &str) -> [String; 2] {
    [format!("link add name {name} type bridge stp_state 0 mcast_snooping 0"), format!("link set dev {name} up")]
}

/// Runs lines of `ip -batch` in one process. Ctrl-C on the caller's terminal does not reach it, nor what [`run`] runs:
/// that is for the caller, who ends in order.
pub(crate) fn run_ip(entry: &Entry, place: &str, lines: &[String]) -> Result<(), LabError> {
    let mut command = entry.command("ip");
    command.args(["-batch", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let starting = || LabError::io(format!("run `ip` {place}"));
    let mut child = command.spawn().map_err(starting())?;
    let text = lines.join("\n") + "\n";
    // `ip` that ends early tells why on stderr, which says more than a broken pipe.
    let _told_by_status = child.stdin.take().map(|mut stdin| stdin.write_all(text.as_bytes()));
    let output = child.wait_with_output().map_err(starting())?;
    success(&output, &format!("{place}: {}", lines.join("; ")), &command).map(drop)
}

/// Runs a command to its end and returns what it wrote to stdout.
pub(crate) fn run(command: &mut Command, doing: &str) -> Result<String, LabError> {
    let output = command
        .stdin(Stdio::null())
        .process_group(0)
        .output()
        .map_err(LabError::io(format!("run {} {doing}", words(command))))?;
    success(&output, doing, command)
}

fn success(output: &Output, doing: &str, command: &Command) -> Result<String, LabError> {
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(LabError::Command {
        doing: doing.to_owned(),
        command: words(command),
        status: output.status,
        stderr: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}

fn words(command: &Command) -> String {
    let words: Vec<_> =
        std::iter::once(command.get_program()).chain(command.get_args()).map(OsStr::to_string_lossy).collect();
    words.join(" ")
}

/// Names go into command lines and `ip -batch`: letters, digits, `-`, `_` and `.` only.
pub(crate) fn check_link_name(kind: &'static str, name: &str) -> Result<(), LabError> {
    let refuse = |why| Err(LabError::Name { kind, name: name.to_owned(), why });
    if name.is_empty() || name.len() > LONGEST_LINK_NAME {
        return refuse("it must have 1 to 15 bytes");
    }
    check_name(kind, name)
}

/// As [`check_link_name`], of any length.
pub(crate) fn check_name(kind: &'static str, name: &str) -> Result<(), LabError> {
    let refuse = |why| Err(LabError::Name { kind, name: name.to_owned(), why });
    if !name.starts_with(|first: char| first.is_ascii_alphanumeric()) {
        return refuse("it must begin with a letter or a digit");
    }
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
        return refuse("only letters, digits, `-`, `_` and `.` are allowed");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_the_kernel_or_ip_would_take_wrongly_is_refused() {
        for name in ["", "a-name-of-16-byte", "two words", "-dash", "new\nline", "a/b", ".."] {
            assert!(check_link_name("link", name).is_err(), "{name:?}");
        }
        for name in ["eth0", "br-data", "qlb.1_2", "exactly15bytes1"] {
            assert!(check_link_name("link", name).is_ok(), "{name:?}");
        }
    }
}
