//! Private networks for system tests, the demo and driver checks.
//!
//! A lab is a fresh network, mount and PID namespace. Hosts, bridges and routers are made in it, real
//! programs run on the hosts, and the end of the lab ends every process and every device in it: the
//! kernel tears down, no code of ours has to. No packet can leave the machine, because nothing in the
//! lab is connected to the machine's own network.
//!
//! ```text
//!  machine (test harness, or the demo)
//!  └─ unshare ── lab: own net, mount and PID namespaces; /tmp and the file system are the machine's
//!      ├─ init (PID 1): reaps orphans, ends with the test body or when its owner is gone
//!      ├─ test body (`in_lab` only)
//!      │        segment "data" (a bridge)          segment "far" (a bridge)
//!      │     ═══╤═══════════╤══════════╤═══     ═══╤═══════════╤═══
//!      │        │eth1       │eth0      └eth0 router └eth1      │eth0
//!      │    ┌───┴─────┐ ┌───┴────┐    (forwards)           ┌───┴────┐
//!      └─   │ agent-1 │ │ client │                         │ web-3  │   hosts: own net and mount
//!           │ br-data │ └────────┘                         └────────┘   namespaces, own /run/netns
//!           └─────────┘
//! ```
//!
//! Two forms share all of this. [`in_lab`] runs a test's body inside the lab. [`Lab::detached`] keeps
//! the caller outside, on the machine's own network; it enters hosts to start programs, and so may
//! another process, through the lab's state file ([`enter_command`]).
//!
//! ```no_run
//! use ballast_lab::{in_lab, wait_until};
//! use std::time::Duration;
//!
//! // In a #[test]: nothing else is needed.
//! in_lab(|lab| {
//!     let data = lab.segment("data")?;
//!     let client = lab.host("client")?;
//!     client.plug(&data, "eth0", "10.0.0.5/24")?;
//!     let member = lab.host("web-1")?;
//!     member.plug(&data, "eth0", "10.0.0.11/24")?;
//!     let _web = member.web_server("web-1", "10.0.0.11:80".parse()?)?;
//!     let body = wait_until(Duration::from_secs(5), "an answer of web-1", || {
//!         client.output("curl", ["-sf", "http://10.0.0.11/"]).ok()
//!     });
//!     assert_eq!(body, "web-1\n");
//!     Ok(())
//! });
//! ```
//!
//! A lab sees the machine's files. One that is not to change them puts an [`Overlay`] over them first.
//!
//! The lab executes `unshare`, `nsenter`, `setpriv`, `mount`, `sh` and `ip`. It needs root or an
//! unprivileged user namespace; a test that finds neither says so aloud ([`not_run`]). It must not know
//! anything of Ballast: it knows hosts and programs.

mod availability;
mod entry;
mod error;
mod fabric;
mod host;
mod lab;
mod overlay;
#[cfg(feature = "postgres")]
mod postgres;
mod process;
mod procfs;
mod proxies;
mod remains;
mod stage;
mod state;
mod wait;
mod web_server;

pub use availability::{availability, kernel_has, not_run, require_tool};
pub use error::LabError;
pub use fabric::Segment;
pub use host::Host;
pub use lab::Lab;
pub use nix::sys::signal::Signal;
pub use overlay::Overlay;
#[cfg(feature = "postgres")]
pub use postgres::Postgres;
pub use process::Process;
pub use proxies::without_proxies;
pub use remains::{RemainingProcess, Remains};
pub use stage::{TestResult, in_lab, run_again_in_lab};
pub use state::enter_command;
pub use wait::{poll_until, wait_until};
pub use web_server::WebServer;
