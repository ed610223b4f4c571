//! What of the machine a haproxy finds by its path that may change its network namespace: a root of its own. Whoever may do
//! that may enter each namespace that it can open. Landlock keeps it from others, on kernels that have it; here there are
//! none but those that it is given, under names of their own. So it holds no other one either, whose load balancer has gone.
//!
//! The rest is what Landlock lets it read, and its folder. Of another process it cannot open the namespace by `/proc`: that
//! is another user's.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io,
    os::{
        fd::AsRawFd,
        unix::fs::{PermissionsExt, symlink},
    },
    path::{Path, PathBuf},
};

use nix::{
    mount::{MntFlags, MsFlags, mount, umount2},
    sched::{CloneFlags, unshare},
    unistd::pivot_root,
};

/// Where haproxy looks for namespaces by their names.
pub(super) const NAMES: &str = "/var/run/netns";

/// What is to be seen.
#[derive(Debug)]
pub(crate) struct View {
    /// A folder that is there. The new root is put upon it, which nobody else sees.
    pub(crate) at: PathBuf,
    /// Its own, which may be below.
    pub(crate) folder: Option<PathBuf>,
    /// What it reads secretly.
    pub(crate) secrets: Option<PathBuf>,
    /// Where it sends its log to.
    pub(crate) log: Option<PathBuf>,
    /// By the names under which it finds them.
    pub(crate) namespaces: Vec<(String, File)>,
}

impl View {
    /// Moves the calling thread into it, and what it starts.
    pub(super) fn enter(&self, shown: &[PathBuf]) -> io::Result<()> {
        unshare(CloneFlags::CLONE_NEWNS)?;
        mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)?;
        // Opened before something lies upon it.
        let own = self.folder.iter().chain(&self.secrets);
        let own = own.map(|path| Ok((path, File::open(path)?))).collect::<io::Result<Vec<_>>>()?;
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
        mount(Some("none"), &self.at, Some("tmpfs"), flags, Some("mode=0755,size=4m"))?;
        let proc = PathBuf::from("/proc");
        let all = shown.iter().chain([&proc]).chain(&self.log);
        // What is not there is not shown.
        let all: Vec<(PathBuf, &PathBuf)> = all.filter_map(|path| Some((fs::canonicalize(path).ok()?, path))).collect();
        // A folder comes before what is in it.
        for path in all.iter().map(|(real, _)| real).collect::<BTreeSet<_>>() {
            self.show(path)?;
        }
        for (real, path) in all.iter().filter(|(real, path)| real != *path) {
            self.link(path, real)?;
        }
        for (path, file) in own {
            bind(&by_number(&file), &made(&self.below(path), true)?, false)?;
        }
        for (name, file) in &self.namespaces {
            let at = self.below(Path::new(NAMES)).join(name);
            bind(&by_number(file), &made(&at, false)?, false)?;
        }
        std::env::set_current_dir(&self.at)?;
        // The old root then lies upon the new one, and goes with all that hangs on it.
        pivot_root(".", ".")?;
        umount2(".", MntFlags::MNT_DETACH)?;
        std::env::set_current_dir("/")
    }

    fn below(&self, path: &Path) -> PathBuf {
        self.at.join(path.strip_prefix("/").unwrap_or(path))
    }

    fn show(&self, path: &Path) -> io::Result<()> {
        let at = self.below(path);
        if at.exists() { Ok(()) } else { bind(path, &made(&at, path.is_dir())?, true) }
    }

    fn link(&self, path: &Path, to: &Path) -> io::Result<()> {
        let link = self.below(path);
        if link.exists() {
            return Ok(());
        }
        if let Some(parent) = link.parent() {
            make_directories(parent)?;
        }
        symlink(to, link)
    }
}

/// An open file, also one that no path leads to.
fn by_number(file: &File) -> PathBuf {
    format!("/proc/thread-self/fd/{}", file.as_raw_fd()).into()
}

/// `also`: whether with what is mounted below it, and on it.
fn bind(source: &Path, at: &Path, also: bool) -> io::Result<()> {
    let below = if also { MsFlags::MS_REC } else { MsFlags::empty() };
    let bound = mount(Some(source), at, None::<&str>, MsFlags::MS_BIND | below, None::<&str>);
    bound.map_err(|errno| io::Error::other(format!("show {} at {}: {errno}", source.display(), at.display())))
}

/// A place for something to be bound to.
fn made(at: &Path, directory: bool) -> io::Result<PathBuf> {
    if directory {
        make_directories(at)?;
    } else {
        if let Some(parent) = at.parent() {
            make_directories(parent)?;
        }
        File::create(at)?;
    }
    Ok(at.to_owned())
}

/// For another user to pass through, whatever this process's umask is.
fn make_directories(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        make_directories(parent)?;
    }
    fs::create_dir(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}
