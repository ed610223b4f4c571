//! The user and group that a driver's process becomes: each driver its own, of one number, which is the owner of its state.
//! So it lasts, and nothing else has to remember it.
//!
//! The driver may write to its state while root gives it over here, and before; so nothing is followed by its name.

use std::{
    collections::BTreeSet,
    fs::{self, File, OpenOptions, Permissions},
    io,
    ops::RangeInclusive,
    os::{
        fd::AsRawFd,
        unix::{
            ffi::OsStrExt,
            fs::{MetadataExt, OpenOptionsExt, PermissionsExt, chown},
        },
    },
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use caps::{CapSet, Capability};
use nix::libc;
use sha2::{Digest, Sha256};

/// Behind those of haproxies, so outside of systemd's dynamic and container ranges and of those that are for subordinate
/// users. Nobody else may have one of them.
const NUMBERS: RangeInclusive<u32> = 1_900_065_536..=1_900_066_559;
const ROOT: u32 = 0;
/// Nothing of ours is deeper.
const DEPTH: u32 = 32;

/// Two drivers that start at once must not choose the same.
static CHOOSING: Mutex<()> = Mutex::new(());

/// Why a process does not become a user of its own.
#[derive(Debug)]
pub(super) enum NoUser {
    /// This agent cannot do that here.
    Never(String),
    /// Its state could not be given over.
    NotNow(io::Error),
}

/// The number of the driver with this state, which is its user's from then on, with all that is in it.
pub(super) fn own(state_dir: &Path) -> Result<u32, NoUser> {
    let needed = [Capability::CAP_SETUID, Capability::CAP_SETGID, Capability::CAP_CHOWN];
    if let Some(absent) = needed.into_iter().find(|one| !caps::has_cap(None, CapSet::Effective, *one).unwrap_or(false))
    {
        return Err(NoUser::Never(format!("the agent has no {absent}")));
    }
    let _choosing = CHOOSING.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = pin(state_dir).map_err(NoUser::NotNow)?;
    let owner = folder.metadata().map_err(NoUser::NotNow)?.uid();
    let number = choose(owner, start(state_dir), &others(state_dir).map_err(NoUser::NotNow)?);
    let number = number.ok_or_else(|| NoUser::Never(format!("all users of {NUMBERS:?} have a driver")))?;
    match chown(path(&folder), Some(number), Some(number)) {
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
            return Err(NoUser::Never(format!("this user namespace does not map user {number}")));
        }
        Err(error) if error.raw_os_error() == Some(libc::EPERM) => {
            return Err(NoUser::Never(format!("{} cannot be given to another user", state_dir.display())));
        }
        done => done.map_err(NoUser::NotNow)?,
    }
    fs::set_permissions(path(&folder), Permissions::from_mode(0o700)).map_err(NoUser::NotNow)?;
    let given = HandOver { takes: |owner| owner == ROOT || NUMBERS.contains(&owner), to: number };
    given.all(&folder).map_err(NoUser::NotNow)?;
    Ok(number)
}

/// Takes the state back from a driver that is the agent's user again.
pub(super) fn take_back(state_dir: &Path) -> io::Result<()> {
    let folder = pin(state_dir)?;
    if !NUMBERS.contains(&folder.metadata()?.uid()) {
        return Ok(());
    }
    HandOver { takes: |owner| NUMBERS.contains(&owner), to: ROOT }.all(&folder)
}

/// Where the search for a free number begins. Agents of one machine do not know of each other: so each at its own place.
fn start(state_dir: &Path) -> u32 {
    let hash = Sha256::digest(state_dir.as_os_str().as_bytes());
    u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]])
}

fn choose(owner: u32, start: u32, taken: &BTreeSet<u32>) -> Option<u32> {
    let free = |number: &u32| NUMBERS.contains(number) && !taken.contains(number);
    let (first, count) = (*NUMBERS.start(), NUMBERS.end() - NUMBERS.start() + 1);
    let mut from_start = (0..count).map(|step| first + (start % count + step) % count);
    Some(owner).filter(free).or_else(|| from_start.find(free))
}

/// Of the agent's other drivers, also of those whose file is gone.
fn others(state_dir: &Path) -> io::Result<BTreeSet<u32>> {
    let states = state_dir.parent().unwrap_or(state_dir);
    let folders = fs::read_dir(states)?.flatten().filter(|entry| entry.path() != state_dir);
    Ok(folders.filter_map(|entry| Some(entry.metadata().ok()?.uid())).collect())
}

/// The thing itself, whatever has its name later.
fn pin(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_PATH | libc::O_NOFOLLOW).open(path)
}

fn path(pinned: &File) -> PathBuf {
    format!("/proc/self/fd/{}", pinned.as_raw_fd()).into()
}

struct HandOver<T> {
    takes: T,
    to: u32,
}

impl<T: Fn(u32) -> bool> HandOver<T> {
    fn all(&self, folder: &File) -> io::Result<()> {
        self.entry(folder, folder.metadata()?.dev(), 0)
    }

    fn entry(&self, pinned: &File, device: u64, depth: u32) -> io::Result<()> {
        let found = pinned.metadata()?;
        // A file with another name may be somebody's whose name is elsewhere.
        let has_other_name = !found.is_dir() && found.nlink() > 1;
        if found.is_symlink() || found.dev() != device || has_other_name || depth > DEPTH {
            return Ok(());
        }
        // A group that is nobody's of these is a haproxy's, and stays.
        let user = Some(self.to).filter(|to| *to != found.uid() && (self.takes)(found.uid()));
        let group = Some(self.to).filter(|to| *to != found.gid() && (self.takes)(found.gid()));
        if user.is_some() || group.is_some() {
            chown(path(pinned), user, group)?;
        }
        if !found.is_dir() {
            return Ok(());
        }
        for entry in fs::read_dir(path(pinned))? {
            match pin(&entry?.path()) {
                // It has gone meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                entry => self.entry(&entry?, device, depth + 1)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    const FIRST: u32 = *NUMBERS.start();

    #[test]
    fn a_number_lasts_and_is_never_anothers() {
        let taken = BTreeSet::from([FIRST, FIRST + 1, ROOT]);
        assert_eq!(choose(FIRST + 7, 0, &taken), Some(FIRST + 7));
        assert_eq!(choose(ROOT, 0, &taken), Some(FIRST + 2));
        assert_eq!(choose(FIRST + 1, 0, &taken), Some(FIRST + 2), "a state that was copied");
        assert_eq!(choose(1_900_000_000, 1023, &taken), Some(*NUMBERS.end()));
        assert_eq!(choose(ROOT, 1023, &BTreeSet::from([*NUMBERS.end()])), Some(FIRST));
        assert_eq!(choose(ROOT, 5, &NUMBERS.collect()), None);
    }

    #[test]
    fn a_state_is_given_over_with_all_that_is_in_it_and_nothing_else_and_can_be_taken_back() {
        let place = tempfile::tempdir().unwrap();
        let (state, other) = (place.path().join("a"), place.path().join("b"));
        let deep = state.join("sessions/one");
        fs::create_dir_all(deep.parent().unwrap()).unwrap();
        fs::create_dir(&other).unwrap();
        for file in [&deep, &state.join("tenants"), &other.join("secret"), &place.path().join("key")] {
            fs::write(file, "text").unwrap();
        }
        symlink(other.join("secret"), state.join("link")).unwrap();
        fs::hard_link(place.path().join("key"), state.join("name")).unwrap();
        let owner = |path: &Path| (fs::metadata(path).unwrap().uid(), fs::metadata(path).unwrap().gid());
        let one = match own(&state) {
            Err(NoUser::Never(reason)) => {
                return ballast_lab::not_run("a_state_is_given_over_with_all_that_is_in_it", &reason);
            }
            done => done.unwrap(),
        };
        chown(state.join("tenants"), Some(ROOT), Some(1_900_000_007)).unwrap();
        assert_eq!(own(&state).unwrap(), one, "it lasts, and what root left there since is given over too");
        assert!(NUMBERS.contains(&one));
        for path in [&state, &deep, deep.parent().unwrap()] {
            assert_eq!(owner(path), (one, one), "{}", path.display());
        }
        assert_eq!(owner(&state.join("tenants")), (one, 1_900_000_007));
        assert_eq!(fs::metadata(&state).unwrap().mode() & 0o7777, 0o700);
        for path in [other.join("secret"), place.path().join("key")] {
            assert_eq!(owner(&path), (ROOT, ROOT), "{}", path.display());
        }
        assert_ne!(own(&other).unwrap(), one);
        take_back(&state).unwrap();
        assert_eq!([owner(&state), owner(&deep)], [(ROOT, ROOT); 2]);
    }
}
