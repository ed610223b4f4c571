//! Whether other users can pass through to a folder: haproxy, which is never root, works in one of its own inside.

use std::{fs, io, os::unix::fs::PermissionsExt, path::Path};

use crate::error::DemoError;

const PASS: u32 = 0o001;

/// Refuses a folder that lies in one which others cannot pass, and names that.
pub(crate) fn check(folder: &Path, what_to_do: &str) -> Result<(), DemoError> {
    let looking = |above: &Path| DemoError::when::<io::Error>(format!("cannot look at {}", above.display()));
    let folder = folder.canonicalize().map_err(looking(folder))?;
    for above in folder.ancestors() {
        let mode = fs::metadata(above).map_err(looking(above))?.permissions().mode() & 0o7777;
        if mode & PASS == 0 {
            return Err(DemoError::new(format!(
                "haproxy, which runs as another user, cannot pass through {} (mode {mode:04o}): {what_to_do}, or chmod \
                 o+x {0}",
                above.display()
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use ballast_service::folder::make_passable;

    use super::*;

    #[test]
    fn the_folder_that_cannot_be_passed_is_named_with_its_mode() {
        let parent = tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o700)).tempdir().unwrap();
        let inner = parent.path().join("a/b");
        make_passable(&inner).unwrap();
        let said = check(&inner, "set TMPDIR").unwrap_err().to_string();
        let closed = parent.path().canonicalize().unwrap();
        assert!(said.contains(&format!("{} (mode 0700): set TMPDIR", closed.display())), "{said}");
        fs::set_permissions(parent.path(), fs::Permissions::from_mode(0o711)).unwrap();
        check(&inner, "set TMPDIR").unwrap();
    }
}
