//! What each load balancer is to have in the haproxy of its project, on disk: who changes the process takes along what
//! others wait for.

use std::{fs, io, os::unix::fs::MetadataExt, path::Path};

use ballast_namespace::files::{make_directory, note, noted};
use ballast_netns::namespace;

use super::{folder, part};
use crate::{
    failure::{Failure, Step},
    files::Files,
    page::shared::{Part, Parts},
};

pub(crate) fn write(files: &Files, id: &str, wanted: &Part) -> Result<(), Failure> {
    make_directory(&folder(files), 0o700)?;
    note(&part(files, id), wanted)
}

/// What all of them are to have. What cannot be understood is not there, and its load balancer is deployed again.
pub(crate) fn read(files: &Files) -> Result<Parts, Failure> {
    let folder = folder(files);
    let entries = match fs::read_dir(&folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Parts::new()),
        entries => entries.step(|| format!("list {}", folder.display()))?,
    };
    let mut parts = Parts::new();
    for entry in entries {
        let path = entry.step(|| format!("list {}", folder.display()))?.path();
        let id = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".json"));
        let Some(id) = id else { continue };
        parts.extend(noted(&path)?.map(|wanted: Part| (id.to_owned(), wanted)));
    }
    Ok(parts)
}

/// What the process serves, as haproxy has taken it.
pub(crate) fn served(files: &Files) -> Result<Parts, Failure> {
    Ok(noted(&files.directory.join(SERVED))?.unwrap_or_default())
}

pub(crate) fn note_served(files: &Files, parts: &Parts) -> Result<(), Failure> {
    note(&files.directory.join(SERVED), parts)
}

const SERVED: &str = "served.json";

/// Whether its namespace is the one that it was made for.
pub(crate) fn is_there(id: &str, part: &Part, netns_dir: &Path) -> bool {
    let named = fs::metadata(namespace::path(netns_dir, id));
    named.is_ok_and(|named| part.namespace == format!("{id}.{}", named.ino()))
}

#[cfg(test)]
pub(super) mod tests {
    use ballast_abi::Protocol;

    use super::*;
    use crate::samples;

    pub(in super::super) fn part() -> Part {
        let page = samples::page(&samples::load_balancer(Protocol::Http));
        Part {
            namespace: "a.1".to_owned(),
            page,
            listeners: Vec::new(),
            pools: std::collections::BTreeMap::new(),
            echoes: Vec::new(),
        }
    }

    #[test]
    fn what_is_written_is_read_and_what_is_cut_off_is_not_there() {
        let directory = tempfile::tempdir().unwrap();
        let files = Files::of(directory.path(), "project:p");
        files.make(None).unwrap();
        assert_eq!(read(&files).unwrap(), Parts::new());
        write(&files, "a", &part()).unwrap();
        write(&files, "b", &part()).unwrap();
        fs::write(super::part(&files, "b"), "{").unwrap();
        assert_eq!(read(&files).unwrap(), Parts::from([("a".to_owned(), part())]));
        assert!(!is_there("a", &part(), directory.path()));
    }
}
