//! Whom haproxy runs as: never root. What the configuration says of it, and what its operator is told.

use std::fs;

use ballast_abi::DriverError;
use ballast_netns::identity::{Identities, Mapped, Shared, Taken, Unknown, Users};

use crate::{config::Config, failure::Step};

/// # Errors
/// INVALID_CONFIG when the one user or group is needed and does not exist.
pub(crate) fn identities(config: &Config) -> Result<Identities, DriverError> {
    let read = |path: &str| fs::read_to_string(path).step(|| format!("read {path}"));
    let (uids, gids) = (read("/proc/self/uid_map")?, read("/proc/self/gid_map")?);
    let users = Users { range: config.uid_range, user: &config.user, group: &config.user_group };
    Identities::new(users, &Mapped { uids: &uids, gids: &gids }).map_err(|unknown| {
        let key = match &unknown {
            Unknown::User(_) => "user",
            Unknown::Group(_) => "user_group",
        };
        DriverError::invalid_config(format!("{key}: {unknown}"))
    })
}

/// What an operator has to know of it.
pub(crate) fn warning(shared: Shared) -> String {
    match shared {
        Shared::Unmapped(uid) => format!(
            "all haproxies run as user {uid}: this user namespace does not map uid_range, so one that is broken into \
             reaches the others"
        ),
        Shared::Unchanged(uid) => {
            format!("all haproxies run as user {uid}, as this process cannot change to another user")
        }
    }
}

/// There is no user left for another load balancer.
pub(crate) fn none_left(taken: Taken) -> DriverError {
    let error = DriverError::unavailable("the host has no room for another load balancer");
    error.with_detail(format!("{taken}: widen uid_range"))
}
