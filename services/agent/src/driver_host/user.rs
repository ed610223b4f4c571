//! A driver's process becomes a user of its own.
//!
//! Files that a configuration names are often root's, mode 0600. So one capability may be kept, to read whatever the user
//! may not read by itself: but only where Landlock says which files those are. It opens no socket and writes nothing.

use std::{
    fs,
    path::{Path, PathBuf},
};

use caps::{CapSet, Capability, CapsHashSet, errors::CapsError};
use nix::{
    errno::Errno,
    sys::prctl,
    unistd::{AccessFlags, Gid, Uid, access, setgroups, setresgid, setresuid},
};

use super::privileges::{bound, hold};

const READS_ALL: Capability = Capability::CAP_DAC_READ_SEARCH;
/// Of a folder that is named so many entries are looked at.
const LOOKED_AT: usize = 1000;

/// What the process has to reach.
pub(super) struct Files<'a> {
    pub(super) readable: &'a [PathBuf],
    pub(super) state_dir: &'a Path,
    /// Landlock keeps all others from it.
    pub(super) fenced: bool,
}

/// Changes the user and group of the whole process to this number, for good. The process must have one thread.
///
/// # Errors
/// In words: it cannot be done, or the user would not reach a file that it has to.
pub(super) fn change(number: u32, files: &Files<'_>) -> Result<(), String> {
    let capabilities = |error: CapsError| format!("capabilities cannot be given up: {error}");
    bound(&CapsHashSet::new()).map_err(capabilities)?;
    become_user(number).map_err(|errno| format!("cannot become user {number}: {errno}"))?;
    // Permitted, and not yet in effect: what is looked at now is what the user can do by itself.
    hold(&CapsHashSet::from([READS_ALL])).map_err(capabilities)?;
    let may_read_all = caps::has_cap(None, CapSet::Permitted, READS_ALL).map_err(capabilities)?;
    match files.out_of_reach() {
        None => hold(&CapsHashSet::new()).map_err(capabilities),
        Some(_) if files.fenced && may_read_all => {
            caps::raise(None, CapSet::Effective, READS_ALL).map_err(capabilities)
        }
        Some(place) => Err(refusal(number, &place, files.fenced)),
    }
}

fn become_user(number: u32) -> Result<(), Errno> {
    let (user, group) = (Uid::from_raw(number), Gid::from_raw(number));
    // Else all capabilities go with root.
    prctl::set_keepcaps(true)?;
    setgroups(&[])?;
    setresgid(group, group, group)?;
    setresuid(user, user, user)?;
    prctl::set_keepcaps(false)?;
    // A process that has changed its user has files in /proc that are root's. Its own are its own.
    prctl::set_dumpable(true)
}

impl Files<'_> {
    /// What the user cannot use by itself. A file that is not there is not out of reach.
    fn out_of_reach(&self) -> Option<PathBuf> {
        let own = AccessFlags::R_OK | AccessFlags::W_OK | AccessFlags::X_OK;
        let state = refused(self.state_dir, own).then(|| self.state_dir.to_owned());
        state.or_else(|| self.readable.iter().find_map(|path| unreadable(path)))
    }
}

/// The path itself, or of a folder an entry.
fn unreadable(path: &Path) -> Option<PathBuf> {
    if !path.is_dir() {
        return refused(path, AccessFlags::R_OK).then(|| path.to_owned());
    }
    if refused(path, AccessFlags::R_OK | AccessFlags::X_OK) {
        return Some(path.to_owned());
    }
    let entries = fs::read_dir(path).into_iter().flatten().flatten().take(LOOKED_AT);
    entries.map(|entry| entry.path()).find(|entry| refused(entry, AccessFlags::R_OK))
}

/// Asked by the user's own number: Landlock has no say in it, and no capability that is not in effect.
fn refused(path: &Path, access_to: AccessFlags) -> bool {
    access(path, access_to) == Err(Errno::EACCES)
}

/// What to do, in one line.
fn refusal(number: u32, place: &Path, fenced: bool) -> String {
    let why = if fenced {
        "the agent has no CAP_DAC_READ_SEARCH that it could have"
    } else {
        "without Landlock it gets no capability to"
    };
    let above: Vec<&Path> = place.ancestors().skip(1).collect();
    let closed = above.into_iter().rev().find(|folder| refused(folder, AccessFlags::X_OK));
    let (trouble, mend) = match closed {
        Some(folder) => (format!("pass {}", folder.display()), format!("chmod o+x {}", folder.display())),
        None => (format!("read {}", place.display()), format!("chown {number} {}", place.display())),
    };
    format!(
        "the driver runs as user {number}, who cannot {trouble}, and {why}: {mend}, or grant it \"all\" in \
         driver_host.grants"
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};

    use super::*;

    const NUMBER: u32 = 1_900_065_540;

    /// In a process that is not needed afterwards, with a file of root's and a state; the file's path is in what is
    /// returned.
    fn changed(test: &str, fenced: bool, mode: u32, check: impl Fn(Result<(), String>, &Path)) {
        if !Uid::effective().is_root() {
            return ballast_lab::not_run(test, "it needs root");
        }
        let trial = tempfile::tempdir().unwrap();
        if let Err(error) = chown(trial.path(), Some(NUMBER), Some(NUMBER)) {
            return ballast_lab::not_run(test, &format!("there is no user {NUMBER} here: {error}"));
        }
        ballast_lab::in_lab(|lab| {
            let mut above = lab.dir().to_owned();
            while fs::metadata(&above).is_ok_and(|folder| folder.mode() & 1 == 0) {
                fs::set_permissions(&above, fs::Permissions::from_mode(0o711))?;
                above.pop();
            }
            let (state_dir, file) = (lab.dir().join("state"), lab.dir().join("credentials"));
            fs::create_dir(&state_dir)?;
            chown(&state_dir, Some(NUMBER), Some(NUMBER))?;
            fs::write(&file, "text")?;
            fs::set_permissions(&file, fs::Permissions::from_mode(mode))?;
            let readable = [file, lab.dir().join("absent")];
            check(change(NUMBER, &Files { readable: &readable, state_dir: &state_dir, fenced }), &readable[0]);
            assert_eq!((Uid::effective().as_raw(), Gid::effective().as_raw()), (NUMBER, NUMBER));
            Ok(())
        });
    }

    fn effective() -> CapsHashSet {
        caps::read(None, CapSet::Effective).unwrap()
    }

    #[test]
    fn without_landlock_no_capability_is_kept_and_who_needs_one_is_told_which_file_it_is() {
        let test = "without_landlock_no_capability_is_kept_and_who_needs_one_is_told_which_file_it_is";
        changed(test, false, 0o600, |done, file| {
            let (said, file) = (done.unwrap_err(), file.display());
            assert!(said.contains(&format!("cannot read {file}, and without Landlock")), "{said}");
            assert!(said.contains(&format!("chown {NUMBER} {file}, or grant it")), "{said}");
            assert_eq!(effective(), CapsHashSet::new());
        });
    }

    #[test]
    fn who_can_read_all_that_is_named_keeps_no_capability() {
        let test = "who_can_read_all_that_is_named_keeps_no_capability";
        changed(test, true, 0o644, |done, file| {
            done.unwrap();
            assert_eq!(fs::read_to_string(file).unwrap(), "text");
            assert_eq!(effective(), CapsHashSet::new());
            assert_eq!(caps::read(None, CapSet::Permitted).unwrap(), CapsHashSet::new());
        });
    }

    #[test]
    fn who_is_fenced_keeps_the_capability_to_read_what_is_named_and_no_other() {
        let test = "who_is_fenced_keeps_the_capability_to_read_what_is_named_and_no_other";
        changed(test, true, 0o600, |done, file| {
            done.unwrap();
            assert_eq!(fs::read_to_string(file).unwrap(), "text");
            fs::write(file, "other").unwrap_err();
            assert_eq!(effective(), CapsHashSet::from([READS_ALL]));
            assert_eq!(caps::read(None, CapSet::Permitted).unwrap(), CapsHashSet::from([READS_ALL]));
        });
    }

    #[test]
    fn what_is_not_there_is_not_out_of_reach_and_a_folder_is_as_its_entries_are() {
        let place = tempfile::tempdir().unwrap();
        assert_eq!(unreadable(&place.path().join("absent")), None);
        fs::write(place.path().join("here"), "text").unwrap();
        assert_eq!(unreadable(place.path()), None);
    }
}
