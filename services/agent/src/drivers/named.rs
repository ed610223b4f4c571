//! The files that a driver's section names, each as it was when it was looked at.
//!
//! A process that is fenced reads the very files that it was given at its start, whatever their names are by then. So where
//! another file has taken the place of one (a certificate that was renewed, an editor that writes beside and renames), there
//! has to be another process; what is written into the same file it reads itself.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use serde_json::Value;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) path: PathBuf,
    /// `None`: there is none that can be looked at.
    seen: Option<Seen>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    /// Device and number.
    file: (u64, u64),
    /// Its owner, group and mode.
    access: (u32, u32, u32),
    written: (u64, i64, i64),
}

impl Named {
    pub(super) fn look(path: PathBuf) -> Self {
        // Followed: a link to another file is another file.
        let seen = fs::metadata(&path).map(|found| Seen {
            file: (found.dev(), found.ino()),
            access: (found.uid(), found.gid(), found.mode()),
            written: (found.len(), found.mtime(), found.mtime_nsec()),
        });
        Self { path, seen: seen.ok() }
    }

    /// Whether a process that was started with the other may read this as well. One that is gone may be on its way back.
    pub(super) fn is_as(&self, other: &Self) -> bool {
        let same = |one: Seen| other.seen.is_some_and(|other| (one.file, one.access) == (other.file, other.access));
        self.path == other.path && self.seen.is_none_or(same)
    }
}

/// Every path of a section. The root of all files is no file.
pub(super) fn paths(section: &Value) -> Vec<PathBuf> {
    match section {
        Value::String(text) if Path::new(text).is_absolute() && Path::new(text).parent().is_some() => {
            vec![text.into()]
        }
        Value::Array(values) => values.iter().flat_map(paths).collect(),
        Value::Object(values) => values.values().flat_map(paths).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::{io, os::unix::fs::PermissionsExt};

    use serde_json::json;

    use super::*;

    #[test]
    fn every_path_of_a_section_is_named_and_no_other_text() {
        let section = json!({"url": "https://192.0.2.1", "ca_file": "/etc/a.pem", "options": {"more": ["/b", "c/d", 7, "/", "//"]}});
        assert_eq!(paths(&section), [PathBuf::from("/etc/a.pem"), PathBuf::from("/b")]);
    }

    #[test]
    fn another_file_or_another_owner_or_mode_is_not_as_before_and_another_content_is() -> io::Result<()> {
        let place = tempfile::tempdir()?;
        let (path, beside) = (place.path().join("a"), place.path().join("b"));
        let look = || Named::look(path.clone());
        let absent = look();
        fs::write(&path, "one")?;
        let one = look();
        assert!(!one.is_as(&absent) && absent.is_as(&one) && one.is_as(&one));
        fs::write(&path, "another")?;
        assert!(look().is_as(&one) && look() != one);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        assert!(!look().is_as(&one));
        let one = look();
        fs::write(&beside, "another")?;
        fs::set_permissions(&beside, fs::Permissions::from_mode(0o600))?;
        fs::rename(&beside, &path)?;
        assert!(!look().is_as(&one));
        Ok(())
    }
}
