//! Whether haproxy can get to its files: it runs as another user, and a folder above may be closed to that one. What
//! haproxy itself says then ("cannot open the file") leads nowhere.

use std::{
    fmt, fs, io,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use ballast_abi::DriverError;

use ballast_netns::identity::Identity;

use crate::failure::Failure;

/// A folder that haproxy's user cannot pass.
#[derive(Debug)]
pub(crate) struct Closed {
    folder: PathBuf,
    uid: u32,
}

impl Closed {
    /// Of a driver that starts: it can deploy nothing.
    pub(crate) fn into_error(self) -> DriverError {
        DriverError::invalid_config(self.to_string())
    }

    /// Of one load balancer.
    pub(crate) fn into_failure(self) -> Failure {
        Failure::io("start haproxy", io::Error::new(io::ErrorKind::PermissionDenied, self.to_string()))
    }
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = fs::metadata(&self.folder).map_or(0, |metadata| metadata.permissions().mode() & 0o7777);
        let (folder, uid) = (self.folder.display(), self.uid);
        write!(f, "haproxy's user {uid} cannot pass through {folder} (mode {mode:04o}): chmod o+x {folder}, or ")?;
        write!(f, "set agent.state_dir to a folder that it can reach")
    }
}

/// Looks whether a process of this user can be in `folder`, and names the outermost folder that it cannot be in. It is
/// tried, not read from modes: access lists and other file systems' rules count too.
pub(crate) fn check(folder: &Path, identity: Option<Identity>) -> Result<(), Closed> {
    let Some(identity) = identity else { return Ok(()) };
    if can_be_in(folder, identity) {
        return Ok(());
    }
    let mut above: Vec<_> = folder.ancestors().collect();
    above.reverse();
    // Where nobody can be in `/`, or a process cannot be started at all, it is not the folder's fault.
    if !can_be_in(above[0], identity) {
        return Ok(());
    }
    let closed = above.into_iter().find(|above| !can_be_in(above, identity));
    closed.map_or(Ok(()), |closed| Err(Closed { folder: closed.to_owned(), uid: identity.uid }))
}

fn can_be_in(folder: &Path, identity: Identity) -> bool {
    let mut command = Command::new("/bin/true");
    // The child changes its user first, then its folder.
    command.gid(identity.gid).uid(identity.uid).current_dir(folder).env_clear();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OTHER: Identity = Identity { uid: 65534, gid: 65534 };

    #[test]
    fn the_outermost_closed_folder_is_named_with_what_to_do() {
        if !nix::unistd::geteuid().is_root() {
            return ballast_lab::not_run("the_outermost_closed_folder_is_named_with_what_to_do", "it needs root");
        }
        let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().canonicalize().unwrap();
        let inner = folder.join("state/haproxy-ns");
        fs::create_dir_all(&inner).unwrap();
        mode(&folder, 0o700);
        let said = check(&inner, Some(OTHER)).unwrap_err().to_string();
        let folder = folder.display();
        assert!(said.starts_with(&format!("haproxy's user 65534 cannot pass through {folder} (mode 0700): chmod o+x")));
        mode(parent.path(), 0o711);
        check(&inner, Some(OTHER)).unwrap();
        mode(&inner, 0o700);
        assert!(check(&inner, Some(OTHER)).unwrap_err().to_string().contains("/haproxy-ns (mode 0700)"));
        check(&inner, None).unwrap();
    }
}
