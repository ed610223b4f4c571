//! Whether the drivers directory has changed, without reading its files.

use std::{collections::BTreeMap, ffi::OsString, fs, io, os::unix::fs::MetadataExt, path::Path};

/// A directory's libraries, each with what changes when it is written or replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Look(BTreeMap<OsString, Stamp>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    length: u64,
    written: (i64, i64),
}

/// Looks at a directory as it is now.
pub(super) fn look(directory: &Path) -> io::Result<Look> {
    let mut found = BTreeMap::new();
    let entries = match fs::read_dir(directory) {
        // It may come yet.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Look::default()),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "so") {
            continue;
        }
        // Followed: a link to another file is another file. One that is gone by now is seen at the next look.
        let (Ok(file), Some(name)) = (fs::metadata(&path), path.file_name()) else { continue };
        let written = (file.mtime(), file.mtime_nsec());
        found.insert(name.to_owned(), Stamp { inode: file.ino(), length: file.len(), written });
    }
    Ok(Look(found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_a_changed_and_a_removed_library_are_seen_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("a.so");
        let empty = look(directory.path()).unwrap();
        fs::write(directory.path().join("README"), "hello").unwrap();
        assert_eq!(look(directory.path()).unwrap(), empty);
        fs::write(&file, "one").unwrap();
        let one = look(directory.path()).unwrap();
        assert_ne!(one, empty);
        assert_eq!(look(directory.path()).unwrap(), one);
        fs::write(&file, "other").unwrap();
        assert_ne!(look(directory.path()).unwrap(), one);
        fs::remove_file(&file).unwrap();
        assert_eq!(look(directory.path()).unwrap(), empty);
    }
}
