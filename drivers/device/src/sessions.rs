//! The sessions that are open, kept on disk: a process that is killed cannot log out, and a device has room for few.
//!
//! Each process has a file of its own, and a lock on it for as long as it lives. A file that nobody holds is of a process
//! that is gone: whoever finds it takes its sessions over, and ends them.

use std::{
    collections::BTreeSet,
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use crate::Failure;

#[derive(Debug)]
pub(crate) struct Sessions {
    directory: PathBuf,
    path: PathBuf,
    kept: Mutex<Kept>,
}

#[derive(Debug)]
struct Kept {
    file: File,
    /// Tokens of sessions that are in use.
    open: BTreeSet<String>,
    /// Of those that nobody uses any more, and that the device may still have.
    left: BTreeSet<String>,
    /// They are left alone until then.
    until: Option<Instant>,
}

/// Before a file is locked it has a name that nobody looks at.
const UNLOCKED: &str = "new-";

impl Sessions {
    pub(crate) fn in_directory(state: &Path) -> Result<Self, Failure> {
        let directory = state.join("sessions");
        let (path, file) = own_file(&directory)
            .map_err(|source| Failure::Local { what: format!("use {}", directory.display()), source })?;
        let kept = Mutex::new(Kept { file, open: BTreeSet::new(), left: BTreeSet::new(), until: None });
        Ok(Self { directory, path, kept })
    }

    pub(crate) fn opened(&self, token: &str) -> Result<(), Failure> {
        self.change(|kept| kept.open.insert(token.to_owned()))
    }

    /// The device has confirmed it.
    pub(crate) fn closed(&self, token: &str) -> Result<(), Failure> {
        self.change(|kept| kept.open.remove(token) | kept.left.remove(token))
    }

    /// It is used no more, and the device may still have it.
    pub(crate) fn left_open(&self, token: &str) -> Result<(), Failure> {
        self.change(|kept| kept.open.remove(token) | kept.left.insert(token.to_owned()))
    }

    /// The end of one of them came to nothing: nobody tries it again before.
    pub(crate) fn leave_until(&self, until: Instant) {
        self.lock().until = Some(until);
    }

    /// Those to end: this process's, and of processes that are gone.
    pub(crate) fn left(&self, now: Instant) -> Result<BTreeSet<String>, Failure> {
        if self.lock().until.is_some_and(|until| now < until) {
            return Ok(BTreeSet::new());
        }
        let adopted = self.adopt().map_err(|source| self.failed(source))?;
        self.change(|kept| {
            let before = kept.left.len();
            kept.left.extend(adopted.iter().flat_map(|(_, tokens)| tokens.clone()));
            kept.left.len() > before
        })?;
        for (path, _) in &adopted {
            fs::remove_file(path).map_err(|source| self.failed(source))?;
        }
        Ok(self.lock().left.clone())
    }

    /// The files that nobody holds, and what is in them.
    fn adopt(&self) -> io::Result<Vec<(PathBuf, BTreeSet<String>)>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let path = entry?.path();
            let unlocked = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(UNLOCKED));
            if unlocked || path == self.path {
                continue;
            }
            let Ok(mut file) = OpenOptions::new().read(true).write(true).open(&path) else { continue };
            if file.try_lock().is_ok() {
                let mut text = String::new();
                file.read_to_string(&mut text)?;
                found.push((path, text.lines().map(str::to_owned).collect()));
            }
        }
        Ok(found)
    }

    /// `change`: whether there was one.
    fn change(&self, change: impl FnOnce(&mut Kept) -> bool) -> Result<(), Failure> {
        let mut kept = self.lock();
        if change(&mut kept) {
            let text: String = kept.open.union(&kept.left).map(|token| format!("{token}\n")).collect();
            rewrite(&mut kept.file, &text).map_err(|source| self.failed(source))?;
        }
        Ok(())
    }

    fn failed(&self, source: io::Error) -> Failure {
        Failure::Local { what: format!("use {}", self.directory.display()), source }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Sessions {
    fn drop(&mut self) {
        let kept = self.lock();
        if kept.open.is_empty() && kept.left.is_empty() {
            // Somebody else removes it otherwise.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn own_file(directory: &Path) -> io::Result<(PathBuf, File)> {
    fs::create_dir_all(directory)?;
    let mut number = 0_u32;
    loop {
        let name = format!("{}-{number}", process::id());
        let (unlocked, path) = (directory.join(format!("{UNLOCKED}{name}")), directory.join(name));
        match OpenOptions::new().create_new(true).read(true).write(true).mode(0o600).open(&unlocked) {
            Ok(_) if path.exists() => fs::remove_file(&unlocked)?,
            Ok(file) => {
                file.lock()?;
                fs::rename(&unlocked, &path)?;
                return Ok((path, file));
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        number += 1;
    }
}

fn rewrite(file: &mut File, text: &str) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn tokens(of: &[&str]) -> BTreeSet<String> {
        of.iter().map(|token| (*token).to_owned()).collect()
    }

    #[test]
    fn the_sessions_of_a_process_that_is_gone_are_taken_over_and_those_of_a_living_one_are_not() {
        let (directory, now) = (tempfile::tempdir().unwrap(), Instant::now());
        let gone = Sessions::in_directory(directory.path()).unwrap();
        let living = Sessions::in_directory(directory.path()).unwrap();
        for token in ["a", "b"] {
            gone.opened(token).unwrap();
        }
        gone.closed("b").unwrap();
        living.opened("c").unwrap();
        let next = Sessions::in_directory(directory.path()).unwrap();
        assert_eq!(next.left(now).unwrap(), tokens(&[]));
        drop(gone);
        assert_eq!(next.left(now).unwrap(), tokens(&["a"]));
        assert_eq!(living.left(now).unwrap(), tokens(&[]));
        next.closed("a").unwrap();
        assert_eq!(next.left(now).unwrap(), tokens(&[]));
        living.left_open("c").unwrap();
        assert_eq!(living.left(now).unwrap(), tokens(&["c"]));
        let later = now + Duration::from_secs(30);
        living.leave_until(later);
        assert_eq!(living.left(now).unwrap(), tokens(&[]));
        assert_eq!(living.left(later).unwrap(), tokens(&["c"]));
        drop((next, living));
        assert_eq!(fs::read_dir(directory.path().join("sessions")).unwrap().count(), 1);
    }
}
