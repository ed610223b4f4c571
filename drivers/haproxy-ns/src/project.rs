//! A haproxy that the load balancers of a project share: its name and its folder, what each of them is to have in it
//! ([`parts`]), and who goes back to what it had when haproxy refuses all of it together ([`retreat`]).
//!
//! `<state_dir>/projects:/<name>/` is as the folder of a load balancer ([`Files`]), and has `parts/` besides.

pub(crate) mod parts;
pub(crate) mod retreat;

use std::{
    fmt::Write,
    fs, io,
    path::{Path, PathBuf},
};

use crate::{
    failure::{Failure, Step},
    files::{Files, absent_is_fine},
};
use ballast_namespace::{files::make_directory, validate};

/// No load balancer has it: no id has its last character. All of them can be passed through.
const FOLDER: &str = "projects:";
/// Of their names, which are words of a configuration as well.
const BEGINNING: &str = "project:";
/// Of an id of a project, in bytes, so that its name can be one of a file.
const LONGEST: usize = 100;

/// The name of the haproxy of a project. What cannot be a name is one in another form, and a load balancer of which nobody
/// says whose it is shares with none.
pub(crate) fn name(project: &str, load_balancer: &str) -> String {
    if validate::id("project", "id", project).is_ok() {
        return format!("{BEGINNING}{project}");
    }
    if project.is_empty() || project.len() > LONGEST {
        return format!("{BEGINNING}.of-{load_balancer}");
    }
    project.bytes().fold(format!("{BEGINNING}.hex-"), |mut name, byte| {
        // Writing to a string cannot fail.
        let _ = write!(name, "{byte:02x}");
        name
    })
}

pub(crate) fn files(state_dir: &Path, name: &str) -> Files {
    Files::of(&state_dir.join(FOLDER), name)
}

/// Makes the folder of all of them.
pub(crate) fn make(state_dir: &Path) -> Result<(), Failure> {
    make_directory(&state_dir.join(FOLDER), 0o711)
}

/// Removes it with the last.
pub(crate) fn remove_empty(state_dir: &Path) {
    // It fails as long as one is left.
    let _ = fs::remove_dir(state_dir.join(FOLDER));
}

/// All that have left a trace.
pub(crate) fn names(state_dir: &Path) -> Result<Vec<String>, Failure> {
    let folder = state_dir.join(FOLDER);
    let entries = match fs::read_dir(&folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.step(|| format!("list {}", folder.display()))?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.step(|| format!("list {}", folder.display()))?;
        names.extend(entry.file_name().into_string().ok().filter(|name| name.starts_with(BEGINNING)));
    }
    Ok(names)
}

/// The one that this load balancer has a part in, where its notes do not say.
pub(crate) fn of(state_dir: &Path, id: &str) -> Result<Option<String>, Failure> {
    Ok(names(state_dir)?.into_iter().find(|name| part(&files(state_dir, name), id).exists()))
}

/// The folder of what each is to have.
fn folder(files: &Files) -> PathBuf {
    files.directory.join("parts")
}

fn part(files: &Files, id: &str) -> PathBuf {
    folder(files).join(format!("{id}.json"))
}

/// Takes what this one is to have away.
pub(crate) fn forget(files: &Files, id: &str) -> Result<(), Failure> {
    let path = part(files, id);
    absent_is_fine(fs::remove_file(&path)).step(|| format!("remove {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Taken for none, its haproxies would be started once more beside those that run.
    #[test]
    fn that_there_is_no_folder_is_none_and_that_it_cannot_be_read_is_a_failure() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(names(directory.path()).unwrap(), Vec::<String>::new());
        fs::write(directory.path().join(FOLDER), "no folder").unwrap();
        assert!(names(directory.path()).is_err());
    }

    #[test]
    fn projects_share_with_nobody_else_whatever_their_ids_look_like() {
        let long = "x".repeat(LONGEST + 1);
        let projects = ["demo", "a b", "a_b", "a.b", "project:demo", ".hex-64", ".of-lb", "../x", "é", "Demo"];
        let mut names: Vec<String> = projects.iter().map(|project| name(project, "lb")).collect();
        names.extend([name("", "one"), name("", "two"), name(&long, "three")]);
        assert_eq!(names[0], "project:demo");
        for (index, one) in names.iter().enumerate() {
            assert!(!names[..index].contains(one), "{names:?}");
            assert!(!one.contains('/') && one.len() <= 255 && validate::id("x", "id", one).is_err(), "{one}");
        }
    }

    #[test]
    fn a_part_is_found_whoever_has_it() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(of(directory.path(), "a").unwrap(), None);
        make(directory.path()).unwrap();
        for name in ["p", "q"] {
            let files = files(directory.path(), &super::name(name, ""));
            files.make(None).unwrap();
            parts::write(&files, &format!("{name}-a"), &parts::tests::part()).unwrap();
        }
        assert_eq!(of(directory.path(), "q-a").unwrap().as_deref(), Some("project:q"));
        forget(&files(directory.path(), "project:q"), "q-a").unwrap();
        assert_eq!(of(directory.path(), "q-a").unwrap(), None);
        assert_eq!(names(directory.path()).unwrap().len(), 2);
    }
}
