//! Network namespaces that have a name, as `ip netns` knows them: a bind mount of the namespace's file.
//!
//! Only a thread that was made for one pass ever enters a namespace, and it ends with the pass. So nothing of the host
//! process can run in a load balancer's namespace by mistake.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::PermissionsExt as _,
    panic::resume_unwind,
    path::{Path, PathBuf},
    thread,
};

use ballast_failpoint as failpoint;
use nix::{
    errno::Errno,
    mount::{MntFlags, MsFlags, mount, umount2},
    sched::{CloneFlags, setns, unshare},
    sys::statfs::{NSFS_MAGIC, fstatfs},
};

use crate::failure::{Failure, Step};

const OWN: &str = "/proc/thread-self/ns/net";

/// What lies under a namespace's name.
#[derive(Debug)]
pub enum Look {
    Absent,
    /// A file without a namespace: making or removing it was interrupted, or the machine was restarted.
    Stale,
    Present(File),
}

/// The name's file.
pub fn path(netns_dir: &Path, id: &str) -> PathBuf {
    netns_dir.join(format!("qlbaas-{id}"))
}

pub fn look(path: &Path) -> Result<Look, Failure> {
    let what = || format!("look at namespace {}", path.display());
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Look::Absent),
        Err(error) => return Err(error).step(what),
    };
    let kind = fstatfs(&file).step(what)?.filesystem_type();
    Ok(if kind == NSFS_MAGIC { Look::Present(file) } else { Look::Stale })
}

/// Runs this on a thread of its own, which may enter a namespace.
pub fn on_own_thread<T: Send>(name: &str, work: impl FnOnce() -> T + Send) -> Result<T, Failure> {
    let span = tracing::Span::current();
    thread::scope(|scope| {
        let builder = thread::Builder::new().name(name.to_owned());
        let handle = builder.spawn_scoped(scope, move || span.in_scope(work)).step(|| "start a thread".to_owned())?;
        handle.join().map_or_else(|panic| resume_unwind(panic), Ok)
    })
}

/// Makes a namespace, moves the calling thread into it, prepares it and gives it its name. What has a name is complete,
/// or a crash in between would leave a namespace that nothing ever completes.
pub fn create(path: &Path, prepare: impl FnOnce() -> Result<(), Failure>) -> Result<File, Failure> {
    name(make(prepare)?, path)
}

/// Makes a namespace without a name, moves the calling thread into it and prepares it. It is there as long as the file is
/// open.
pub fn make(prepare: impl FnOnce() -> Result<(), Failure>) -> Result<File, Failure> {
    unshare(CloneFlags::CLONE_NEWNET).step(|| "make a namespace".to_owned())?;
    prepare()?;
    File::open(OWN).step(|| "open a namespace".to_owned())
}

/// Gives a namespace that has none its name, and moves the calling thread into it.
pub fn name(namespace: File, path: &Path) -> Result<File, Failure> {
    let what = |step: &str| format!("{step} namespace {}", path.display());
    if let Some(parent) = path.parent() {
        make_directory(parent).step(|| what("make the directory of"))?;
    }
    enter(&namespace)?;
    File::create(path).step(|| what("make the name of"))?;
    failpoint::at("namespace: its name is a file");
    mount(Some(OWN), path, None::<&str>, MsFlags::MS_BIND, None::<&str>).step(|| what("name"))?;
    Ok(namespace)
}

/// As `ip netns` makes it: whoever lists namespaces may look, whatever the umask of this process.
fn make_directory(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

/// Moves the calling thread into a namespace.
pub fn enter(namespace: &File) -> Result<(), Failure> {
    setns(namespace, CloneFlags::CLONE_NEWNET).step(|| "enter a namespace".to_owned())
}

/// Takes the name away. The namespace itself goes when its last process and socket have gone.
pub fn remove(path: &Path) -> Result<(), Failure> {
    let what = || format!("remove namespace {}", path.display());
    // More than one mount lies there when two passes were interrupted.
    loop {
        match umount2(path, MntFlags::MNT_DETACH) {
            Ok(()) => {}
            Err(Errno::EINVAL | Errno::ENOENT) => break,
            Err(errno) => return Err(errno).step(what),
        }
    }
    failpoint::at("namespace: its name is a file again");
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error).step(what),
        Ok(()) | Err(_) => Ok(()),
    }
}
