//! What the broken promises of [`Fault`](crate::config::Fault) need besides an `if`.

use std::{
    fs::{self, File},
    hash::{BuildHasher, RandomState},
    mem,
    os::unix::net::UnixListener,
    panic,
    path::Path,
    process::{Command, Stdio, abort},
    thread,
};

use ballast_abi::{DriverError, LoadBalancer};

use crate::{
    act,
    config::{Config, Fault},
};

/// A feature that no other start declares.
pub(crate) fn random_feature() -> String {
    format!("random:{:x}", RandomState::new().hash_one(()))
}

pub(crate) fn abort_at_panics() {
    panic::set_hook(Box::new(|_| abort()));
}

pub(crate) fn leak(config: &Config) {
    if config.has(Fault::LeaksMemory) {
        act::leak(1 << 20);
    }
    if config.has(Fault::LeaksDescriptors) {
        mem::forget(File::open("/dev/null"));
    }
    if config.has(Fault::LeaksThreads) {
        thread::spawn(|| {
            loop {
                thread::park();
            }
        });
    }
}

/// What a driver that was tested with one load balancer only does not expect.
pub(crate) fn choke(config: &Config, load_balancer: &LoadBalancer) -> Result<(), DriverError> {
    let members = load_balancer.pools.iter().flat_map(|pool| &pool.members);
    let names = load_balancer.listeners.iter().map(|listener| &listener.name);
    let names = names.chain(load_balancer.pools.iter().map(|pool| &pool.name)).chain([&load_balancer.name]);
    let vip = load_balancer.vip.iter().map(|vip| &vip.address);
    let up = load_balancer.admin_state_up
        && load_balancer.listeners.iter().all(|listener| listener.admin_state_up)
        && load_balancer.pools.iter().all(|pool| pool.admin_state_up);
    if config.has(Fault::NoMembersPanics) {
        assert!(members.clone().next().is_some(), "no member to begin with");
    }
    if config.has(Fault::ManyMembersFail) && members.clone().count() > 100 {
        return Err(DriverError::internal("more than 100 members"));
    }
    if config.has(Fault::Ipv6Fails) && members.map(|member| &member.address).chain(vip).any(|at| at.contains(':')) {
        return Err(DriverError::invalid_argument("this is no address"));
    }
    if config.has(Fault::OddNamesPanic) {
        let plain = |name: &String| name.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
        assert!({ names }.all(plain), "a name is not plain");
    }
    if config.has(Fault::AdminDownFails) && !up {
        return Err(DriverError::internal("what is down cannot be deployed"));
    }
    Ok(())
}

/// What is there for who takes the first pool for the only one.
pub(crate) fn first_of_all(load_balancer: &LoadBalancer) -> LoadBalancer {
    let pools = vec![load_balancer.pools[0].clone()];
    let listeners = load_balancer.listeners.first().cloned().into_iter().collect();
    LoadBalancer { listeners, pools, ..load_balancer.clone() }
}

/// What is left of a load balancer that was undeployed.
pub(crate) fn leave_behind(config: &Config, directory: &Path, id: &str) -> Result<(), DriverError> {
    let failed = |error: std::io::Error| DriverError::internal("nothing is left").with_detail(error.to_string());
    if config.has(Fault::LeavesFile) {
        fs::write(directory.join(format!("{id}.left")), "here").map_err(failed)?;
    }
    if config.has(Fault::LeavesSocket) {
        mem::forget(UnixListener::bind(directory.join(format!("{id}.sock"))).map_err(failed)?);
    }
    if config.has(Fault::LeavesProcess) {
        let mut command = Command::new("setsid");
        command.args(["sleep", "infinity"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        mem::forget(command.spawn().map_err(failed)?);
    }
    Ok(())
}

pub(crate) fn write_outside(directory: &Path, id: &str) -> Result<(), DriverError> {
    let outside = directory.parent().unwrap_or(directory).join(format!("{id}.outside"));
    fs::write(outside, "here")
        .map_err(|error| DriverError::internal("outside is closed").with_detail(error.to_string()))
}
