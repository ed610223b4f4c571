//! From the drivers directory to copies that can be loaded. Blocking; runs no code of the files.

use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder, File, Permissions},
    io,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
};

use ballast_abi::{host, note::Note};
use serde_json::Value;

use super::{copy::Copy, named::Named};

/// Where earlier versions of the agent kept copies.
const OLD_COPIES: &str = "drivers";
const STATES: &str = "driver-state";

/// What the drivers directory holds.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) drivers: Vec<DriverFile>,
    /// File name and reason.
    pub(super) refused: Vec<(String, String)>,
    /// Of one at least the machine could not take a copy, and may later: the file is not to blame.
    pub(super) again: bool,
}

/// Why a file is not a driver, or not yet.
struct Refusal {
    reason: String,
    may_pass: bool,
}

impl From<host::LoadError> for Refusal {
    fn from(error: host::LoadError) -> Self {
        Self { reason: error.to_string(), may_pass: error.may_pass() }
    }
}

/// The machine could not: no memory, no descriptor, no room on the disk, no permission.
fn of_machine(what: &str) -> impl Fn(io::Error) -> Refusal + '_ {
    move |error| Refusal { reason: format!("{what}: {error}; it is tried again"), may_pass: true }
}

/// A file that says it is a driver, copied.
#[derive(Clone, Debug)]
pub(super) struct DriverFile {
    pub(super) file_name: String,
    pub(super) note: Note,
    /// What is loaded.
    pub(super) copy: Copy,
    /// The directory that the driver may write to.
    pub(super) state_dir: PathBuf,
    /// Its section of the configuration.
    pub(super) config: Value,
    /// What the section names, where the process is fenced and may read nothing else.
    pub(super) named: Vec<Named>,
}

impl DriverFile {
    /// Whether a process that was started with the one need not be started with the other.
    pub(super) fn is_as(&self, other: &Self) -> bool {
        self.copy.digest == other.copy.digest && self.config == other.config && self.reads_what_it_was_given(other)
    }

    fn reads_what_it_was_given(&self, started: &Self) -> bool {
        self.named.len() == started.named.len()
            && self.named.iter().zip(&started.named).all(|(named, given)| named.is_as(given))
    }
}

/// The drivers directory or the agent's own could not be used.
#[derive(Debug, thiserror::Error)]
#[error("{what} {}", path.display())]
pub struct DriversDirError {
    what: &'static str,
    path: PathBuf,
    source: io::Error,
}

/// The folder of all drivers' state.
pub(super) fn states(state_dir: &Path) -> PathBuf {
    state_dir.join(STATES)
}

/// Looks at every `*.so` of the directory, in the order of their names. Of a file that is among `held` no second copy is
/// made.
pub(super) fn scan(drivers_dir: &Path, state_dir: &Path, held: &[Copy]) -> Result<Found, DriversDirError> {
    // A driver's daemon may run as another user and must find its way through; it can list nothing.
    let states = make_directory(&states(state_dir), 0o711)?;
    remove_old_copies(state_dir);
    let mut found = Found::default();
    for path in libraries(drivers_dir)? {
        let file_name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match examine(&path, &file_name, held, &states) {
            Ok(driver) => found.drivers.push(driver),
            Err(refusal) => {
                found.again |= refusal.may_pass;
                found.refused.push((file_name, refusal.reason));
            }
        }
    }
    refuse_namesakes(&mut found);
    Ok(found)
}

fn make_directory(path: &Path, mode: u32) -> Result<PathBuf, DriversDirError> {
    let failed = |source| DriversDirError { what: "cannot use the agent's directory", path: path.to_owned(), source };
    let made = private_directory(path).and_then(|()| fs::set_permissions(path, Permissions::from_mode(mode)));
    // Relative paths would mean another directory in the driver-host.
    made.and_then(|()| path.canonicalize()).map_err(failed)
}

/// Drivers keep secrets in what they write.
fn private_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// A folder that does not exist has none: it may come with the first driver's package.
fn libraries(directory: &Path) -> Result<Vec<PathBuf>, DriversDirError> {
    let failed = |source| DriversDirError { what: "cannot list the drivers of", path: directory.to_owned(), source };
    let mut paths = Vec::new();
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(paths),
        entries => entries.map_err(failed)?,
    };
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "so") {
            paths.push(path);
        }
    }
    paths.sort_unstable();
    Ok(paths)
}

fn examine(path: &Path, file_name: &str, held: &[Copy], states: &Path) -> Result<DriverFile, Refusal> {
    let note = host::preflight(path)?;
    let copied = File::open(path).and_then(|file| Copy::of(file, file_name));
    let copy = copied.map_err(of_machine("cannot be copied into memory"))?;
    let copy = held.iter().find(|held| held.digest == copy.digest).cloned().unwrap_or(copy);
    let state_dir = states.join(&note.name);
    private_directory(&state_dir).map_err(of_machine("no directory for its state"))?;
    Ok(DriverFile { file_name: file_name.to_owned(), note, copy, state_dir, config: Value::Null, named: Vec::new() })
}

/// Two files with one driver's name: neither can be known to be the one that is meant.
fn refuse_namesakes(found: &mut Found) {
    let mut by_name: BTreeMap<String, Vec<DriverFile>> = BTreeMap::new();
    for driver in found.drivers.drain(..) {
        by_name.entry(driver.note.name.clone()).or_default().push(driver);
    }
    for (name, mut files) in by_name {
        if files.len() == 1 {
            found.drivers.append(&mut files);
            continue;
        }
        let all: Vec<&str> = files.iter().map(|file| file.file_name.as_str()).collect();
        let reason = format!("driver {name} is in {} files: {}", files.len(), all.join(", "));
        found.refused.extend(files.iter().map(|file| (file.file_name.clone(), reason.clone())));
    }
}

/// They are of no use any more. A folder of another name is not theirs: somebody may keep his drivers beside them.
fn remove_old_copies(state_dir: &Path) {
    for entry in fs::read_dir(state_dir.join(OLD_COPIES)).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        let is_digest = name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        // What cannot be removed now is tried again at the next scan.
        if is_digest {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn driver(file_name: &str, name: &str) -> DriverFile {
        let note = Note { abi_major: 1, abi_minor: 0, name: name.into(), version: "1".into(), needs: None };
        DriverFile {
            file_name: file_name.into(),
            note,
            copy: Copy::of(io::empty(), file_name).unwrap(),
            state_dir: PathBuf::new(),
            config: Value::Null,
            named: Vec::new(),
        }
    }

    #[test]
    fn two_files_with_one_name_are_both_refused_and_others_run() {
        let drivers = vec![driver("a.so", "acme"), driver("b.so", "fault"), driver("c.so", "acme")];
        let mut found = Found { drivers, ..Found::default() };
        refuse_namesakes(&mut found);
        assert_eq!(found.drivers.len(), 1);
        assert_eq!(found.drivers[0].note.name, "fault");
        let reason = "driver acme is in 2 files: a.so, c.so".to_owned();
        assert_eq!(found.refused, [("a.so".to_owned(), reason.clone()), ("c.so".to_owned(), reason)]);
    }

    #[test]
    fn only_libraries_are_looked_at_and_the_copies_of_earlier_versions_are_removed() {
        let (drivers, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(drivers.path().join("README"), "hello").unwrap();
        fs::write(drivers.path().join("text.so"), "hello").unwrap();
        let old = state.path().join(OLD_COPIES).join("0".repeat(64));
        fs::create_dir_all(&old).unwrap();
        let other = state.path().join(OLD_COPIES).join("my.so");
        fs::write(&other, "hello").unwrap();
        let found = scan(drivers.path(), state.path(), &[]).unwrap();
        assert_eq!(found.refused, [("text.so".to_owned(), "not a driver: not an ELF file".to_owned())]);
        assert!(found.drivers.is_empty() && !old.exists() && other.exists());
    }

    #[test]
    fn a_directory_that_cannot_be_read_is_an_error_that_names_it_and_a_missing_one_is_empty() {
        let state = tempfile::tempdir().unwrap();
        let error = scan(Path::new("/proc/self/status"), state.path(), &[]).unwrap_err();
        assert_eq!(error.to_string(), "cannot list the drivers of /proc/self/status");
        assert!(scan(Path::new("/nonexistent"), state.path(), &[]).unwrap().drivers.is_empty());
    }
}
