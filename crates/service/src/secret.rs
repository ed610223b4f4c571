//! Files with a secret in them: tokens, passwords, keys. One that others of this machine can read is refused.
//!
//! Others are the world, and the file's group unless it is one of this process's own, or the group `ballast`, by which
//! scheduler and gateway read what root has put into `/etc/ballast`.

mod configuration;

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
};

use nix::unistd::{Group, getegid, getgroups};

pub(crate) use configuration::{guard, has_password};

/// The group that deploy/ makes.
const GROUP: &str = "ballast";

/// The file's text.
///
/// # Errors
/// One line that names the key, the file, and what to do.
pub fn text(name: &str, path: &Path) -> Result<String, String> {
    check(path).map_err(|why| format!("{name} = \"{}\": {why}", path.display()))?;
    fs::read_to_string(path).map_err(|error| format!("{name} = \"{}\": {error}", path.display()))
}

/// The one line of a file.
///
/// # Errors
/// As [`text`]; also when there is nothing in it.
pub fn line(name: &str, path: &Path) -> Result<String, String> {
    let text = text(name, path)?;
    let secret = text.trim_end_matches(['\r', '\n']);
    if secret.is_empty() { Err(format!("{name} = \"{}\" is empty", path.display())) } else { Ok(secret.to_owned()) }
}

/// Whether it is kept from others.
///
/// # Errors
/// Its mode and what to do, without its name; or why it cannot be looked at.
pub fn check(path: &Path) -> Result<(), String> {
    let found = fs::metadata(path).map_err(|error| error.to_string())?;
    let mode = found.permissions().mode() & 0o7777;
    let (who, command) = if mode & 0o007 != 0 {
        ("every user of this machine", "chmod o=")
    } else if mode & 0o070 != 0 && !is_own(found.gid()) {
        ("a group that is not this process's own", "chmod g=,o=")
    } else {
        return Ok(());
    };
    Err(format!("its mode {mode:04o} opens it to {who}: {command} {}", path.display()))
}

fn is_own(gid: u32) -> bool {
    let ours = Group::from_name(GROUP).ok().flatten().is_some_and(|group| group.gid.as_raw() == gid);
    ours || getegid().as_raw() == gid
        || getgroups().is_ok_and(|groups| groups.iter().any(|group| group.as_raw() == gid))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, chown};

    use super::*;

    #[test]
    fn what_others_can_read_is_refused_with_its_mode_and_what_to_do() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path();
        fs::write(path, "secret\r\n").unwrap();
        let mut modes: Vec<_> = (0..=0o777).map(|mode| (mode, mode & 0o007 == 0)).collect();
        modes.push((0o1600, true));
        for (mode, good) in modes {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
            let checked = check(path);
            assert_eq!(checked.is_ok(), good, "{mode:o}: {checked:?}");
            if let Err(why) = checked {
                assert!(why.contains(&format!("{mode:04o}")) && why.contains("chmod o= /"), "{why}");
            }
        }
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(line("key", path).as_deref(), Ok("secret"));
        fs::write(path, "\n").unwrap();
        assert!(line("auth.password_file", path).unwrap_err().contains("auth.password_file"));
        assert!(text("k", Path::new("/nonexistent")).unwrap_err().contains("/nonexistent"));
    }

    #[test]
    fn a_group_may_read_it_only_if_it_is_our_own() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(check(file.path()), Ok(()));
        // Only root can give a file to a foreign group.
        let foreign = (50_000..).find(|gid| !is_own(*gid)).unwrap();
        if chown(file.path(), None, Some(foreign)).is_ok() {
            assert!(check(file.path()).unwrap_err().contains("chmod g=,o="));
            fs::set_permissions(file.path(), fs::Permissions::from_mode(0o600)).unwrap();
            assert_eq!(check(file.path()), Ok(()));
        }
    }
}
