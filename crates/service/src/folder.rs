//! Folders that others pass through to what is theirs inside.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::Path,
};

/// Nobody else can list it, and everybody can pass.
const PASSABLE: u32 = 0o711;

/// Makes a folder, and what is missing above it, so that all users can pass, whatever the umask. One that is there stays as
/// it is.
///
/// # Errors
/// When it cannot be made.
pub fn make_passable(folder: &Path) -> io::Result<()> {
    if folder.is_dir() || folder == Path::new("") {
        return Ok(());
    }
    if let Some(above) = folder.parent() {
        make_passable(above)?;
    }
    match fs::DirBuilder::new().mode(0o700).create(folder) {
        // Somebody else was faster; it is his.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => return Ok(()),
        made => made?,
    }
    // Not by the mode of the creation, which the umask limits.
    fs::set_permissions(folder, fs::Permissions::from_mode(PASSABLE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_can_be_passed_and_what_was_there_stays_as_it_was() {
        let parent = tempfile::tempdir().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        let there = parent.path().join("there");
        fs::create_dir(&there).unwrap();
        fs::set_permissions(&there, fs::Permissions::from_mode(0o700)).unwrap();
        let folder = there.join("a/b");
        make_passable(&folder).unwrap();
        make_passable(&folder).unwrap();
        assert_eq!((mode(&there), mode(&there.join("a")), mode(&folder)), (0o700, PASSABLE, PASSABLE));
        fs::write(parent.path().join("file"), "").unwrap();
        assert!(make_passable(&parent.path().join("file")).is_err());
    }
}
