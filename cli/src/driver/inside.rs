//! One check, inside of its lab.

use std::{
    fs,
    path::Path,
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use ballast_abi::conformance::{Bench, Files, Patience, Stop, Verdict, checks};
use ballast_lab::Overlay;

use super::{
    order::{Order, Outcome},
    relay,
};
use crate::failure::Failure;

/// No check takes longer on the slowest device.
const LIMIT: Duration = Duration::from_secs(15 * 60);
/// A lab switches IPv6 off where it can; a driver finds a host that has it.
const IPV6: [&str; 3] = ["all", "default", "lo"];

/// Does what the order says, and leaves the verdict beside it.
pub(super) fn run(path: &Path) -> Result<(), Failure> {
    let read = || {
        let text = fs::read(path)?;
        // It may hold passwords, and this folder stays when the caller is killed.
        fs::remove_file(path)?;
        Ok(serde_json::from_slice::<Order>(&text)?)
    };
    let order = Arc::new(read().map_err(|error| Failure::File { path: path.to_owned(), error })?);
    let (sender, receiver) = mpsc::channel();
    let worker = Arc::clone(&order);
    // On a thread, so that a check that never ends has a verdict, too; the lab's end ends it.
    thread::spawn(move || sender.send(Outcome::from(check(&worker))));
    let outcome = receiver
        .recv_timeout(LIMIT)
        .unwrap_or_else(|_| Outcome::Failed(format!("it had no end within {} s", LIMIT.as_secs())));
    order.tell(&outcome)
}

fn check(order: &Order) -> Verdict {
    let cannot = |what: &str, error: &dyn std::fmt::Display| Stop::Skipped(format!("{what}: {error}"));
    let check = checks().into_iter().find(|check| check.name == order.check);
    let check = check.ok_or_else(|| Stop::Skipped("there is no such check".to_owned()))?;
    for link in IPV6 {
        // A kernel without IPv6 has no such file, and a driver that declares it will say so.
        let _ = fs::write(format!("/proc/sys/net/ipv6/conf/{link}/disable_ipv6"), "0");
    }
    for (number, device) in order.devices.iter().enumerate() {
        relay::enter(*device, order.relay(number)).map_err(|error| cannot(&format!("device {device}"), &error))?;
    }
    // Before the root changes: of a program on another file system than the root's, the kernel tells the path inside of
    // that one afterwards.
    let program = std::env::current_exe().map_err(|error| cannot("this program is not found", &error))?;
    let files = match Overlay::over(&order.folder) {
        Ok(overlay) if overlay.blind().is_empty() => Files::Watched(Box::new(move || overlay.written())),
        Ok(overlay) => Files::Unwatched(format!("what is written below {:?} cannot be seen", overlay.blind())),
        Err(error) => Files::Unwatched(format!("{}; root can", said(&error))),
    };
    let patience = Patience::default();
    check.run(&Bench {
        file: order.file.clone(),
        config: order.config.clone(),
        program,
        arguments: ["driver", "subject"].map(str::to_owned).to_vec(),
        scratch: order.scratch(),
        patience: order.timeout.map_or(patience, |seconds| patience.at_most(Duration::from_secs(seconds))),
        glibc: order.glibc,
        seed: order.seed,
        files,
    })
}

fn said(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        line = format!("{line}: {source}");
        next = source.source();
    }
    line
}
