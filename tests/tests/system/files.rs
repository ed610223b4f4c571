//! What the services and their drivers write is for their own user alone, whatever the umask they were started with.

use std::{
    fs,
    os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use ballast_lab::{in_lab, require_tool};
use ballast_tests::site::{Plan, Site};
use nix::sys::stat::{Mode, umask};
use serde_json::json;

use crate::devices::{A10, NETSCALER, Vendor, with_device};

/// Folders that haproxy's users pass through to what is theirs. They can be listed by nobody else.
const PASSED: &[&str] = &["state", "state/driver-state", "state/driver-state/haproxy-ns"];

/// The groups of load balancers, one each.
const LOAD_BALANCERS: std::ops::RangeInclusive<u32> = 1_900_000_000..=1_900_065_535;

/// The users of drivers for devices, one each.
const DRIVERS: std::ops::RangeInclusive<u32> = 1_900_065_536..=1_900_066_559;

/// Drivers for devices, each with a simulated device.
const DEVICES: [&Vendor; 2] = [&A10, &NETSCALER];

/// Each with its mode, of what is below `folder` and is no link.
fn below(folder: &Path, found: &mut Vec<(PathBuf, fs::Metadata)>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        // haproxy replaces its files while it is looked at.
        let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
        if metadata.is_dir() {
            below(&path, found);
        }
        found.push((path, metadata));
    }
}

/// What is wrong with it; nothing, if it is as it should be.
fn complaint(state: &Path, path: &Path, metadata: &fs::Metadata) -> Option<String> {
    let mode = metadata.permissions().mode() & 0o7777;
    let host = state.parent().unwrap_or(state);
    // A load balancer's own: haproxy reads as a group that has no other member.
    let own_group = LOAD_BALANCERS.contains(&metadata.gid());
    let allowed = match (metadata.is_dir(), own_group) {
        (true, _) if PASSED.iter().any(|passed| path == host.join(passed)) => 0o711,
        (true, true) => 0o750,
        (true, false) => 0o700,
        (false, true) => 0o640,
        (false, false) => 0o600,
    };
    let of_device = DEVICES.iter().any(|vendor| path.starts_with(host.join("state/driver-state").join(vendor.driver)));
    let owned = [metadata.uid(), metadata.gid()].map(|owner| DRIVERS.contains(&owner)) == [of_device; 2];
    let (user, group) = (metadata.uid(), metadata.gid());
    (mode & !allowed != 0 || !owned).then(|| format!("{} {mode:o}, user {user}, group {group}", path.display()))
}

#[test]
fn no_file_of_a_whole_system_is_open_to_others_whatever_the_umask() {
    let test = "no_file_of_a_whole_system_is_open_to_others_whatever_the_umask";
    if !(require_tool("haproxy", test) && require_tool("curl", test)) {
        return;
    }
    in_lab(|lab| {
        umask(Mode::empty());
        let mut site = Site::start(lab, &Plan { webs: 1, ..Plan::default() })?;
        let mut running = Vec::new();
        for vendor in DEVICES {
            running.push(with_device(lab, &mut site, vendor)?);
        }
        let (pool, address) = site.make_load_balancer("web");
        let monitor = json!({"health_monitor": {"type": "HTTP", "delay": 1, "timeout": 1, "max_retries": 1}});
        let monitor = site.rest.create("/v2.0/lb/health_monitors", &monitor).id();
        let path = format!("/v2.0/lb/pools/{pool}/health_monitors");
        let _ = site.rest.create(&path, &json!({"health_monitor": {"id": monitor}}));
        for vendor in DEVICES {
            let on_device = site.rest.create("/v2.0/lb/pools", &vendor.pool(&site, "device")).id();
            let vip = site.make_vip(&on_device).id();
            site.wait_for_status(&format!("/v2.0/lb/vips/{vip}"), "ACTIVE");
        }
        site.wait_for_status(&format!("/v2.0/lb/pools/{pool}"), "ACTIVE");
        let _ = site.wait_for_traffic(&address);

        let state = site.agent_state(0);
        let mut found = Vec::new();
        below(&state, &mut found);
        found.push((state.clone(), fs::metadata(&state)?));
        let database = ["ballast.db", "ballast.db-wal", "ballast.db-shm", "scheduler.sock"];
        for name in database {
            let path = lab.dir().join(name);
            found.push((path.clone(), fs::metadata(&path)?));
        }
        let sessions = DEVICES.map(|vendor| format!("driver-state/{}/sessions/", vendor.driver));
        let of_agent = ["ledger/cluster", "ledger/load-balancers/", "haproxy.cfg", "state.json"];
        for part in of_agent.into_iter().chain(sessions.iter().map(String::as_str)) {
            assert!(found.iter().any(|(path, _)| path.to_string_lossy().contains(part)), "no {part}: {found:?}");
        }
        let sockets = found.iter().filter(|(_, metadata)| metadata.file_type().is_socket()).count();
        assert!(sockets >= 2, "the scheduler's socket and haproxy's are not among {found:?}");
        let complaints: Vec<_> =
            found.iter().filter_map(|(path, metadata)| complaint(&state, path, metadata)).collect();
        assert!(complaints.is_empty(), "open to others:\n{}", complaints.join("\n"));
        assert_eq!(fs::metadata("/run/netns")?.permissions().mode() & 0o022, 0);
        Ok(())
    });
}
