//! The lab as its user sees it: segments, hosts and routers are made here.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::{Arc, Mutex, PoisonError};

use tempfile::TempDir;

use crate::availability::privilege;
use crate::entry::Entry;
use crate::error::LabError;
use crate::fabric::{Fabric, Segment};
use crate::host::Host;
use crate::procfs;
use crate::stage::{Owner, body_folder, scratch_folder};
use crate::state::StateFile;

/// A private network. When it is dropped by its owner, or the owner's process ends in whatever way, every
/// process in it has ended.
#[derive(Debug)]
pub struct Lab {
    // Dropped in this order: the kernel ends everything at once, then the children are reaped.
    detached: Option<Detached>,
    hosts: Mutex<Vec<Host>>,
    fabric: Arc<Fabric>,
    folder: PathBuf,
}

/// What the owner of a lab holds who stays outside of it.
#[derive(Debug)]
struct Detached {
    _owner: Owner,
    state_file: Option<StateFile>,
    _folder: Option<TempDir>,
}

impl Lab {
    /// The lab in which this process runs: inside [`in_lab`](crate::in_lab) or after
    /// [`run_again_in_lab`](crate::run_again_in_lab). To be called once: hosts are known to the `Lab` that
    /// made them.
    pub fn current() -> Option<Self> {
        let folder = body_folder()?;
        Some(Self { detached: None, hosts: Mutex::default(), fabric: Arc::new(Fabric::new(Entry::Here)), folder })
    }

    /// A lab of which the caller stays outside, on the machine's own network. With `state_file`, another
    /// process may enter its hosts ([`enter_command`](crate::enter_command)); the file is removed at the end.
    pub fn detached(state_file: Option<&Path>) -> Result<Self, LabError> {
        let folder = scratch_folder()?;
        let path = folder.path().to_owned();
        Self::outside(path, Some(folder), state_file)
    }

    /// As [`Lab::detached`], in a folder that is the caller's to remove: nothing is left of an owner that was killed
    /// but what the caller knows of.
    pub fn detached_in(folder: &Path, state_file: Option<&Path>) -> Result<Self, LabError> {
        Self::outside(folder.to_owned(), None, state_file)
    }

    fn outside(path: PathBuf, folder: Option<TempDir>, state_file: Option<&Path>) -> Result<Self, LabError> {
        let privilege = privilege().map_err(LabError::Unavailable)?;
        let mut owner = Owner::detached(privilege)?;
        let init = await_init(owner.unshare())?;
        let entry = Entry::Of {
            target: init,
            from_outside: true,
            user_namespace: privilege == crate::availability::Privilege::UserNamespace,
        };
        Ok(Self {
            hosts: Mutex::default(),
            fabric: Arc::new(Fabric::new(entry)),
            folder: path,
            detached: Some(Detached { _owner: owner, state_file: state_file.map(StateFile::at), _folder: folder }),
        })
    }

    /// A folder for sockets, logs and other files; removed at the end of the lab.
    pub fn dir(&self) -> &Path {
        &self.folder
    }

    /// Makes an L2 segment. Names of segments have at most 15 letters, digits, `-`, `_` or `.`.
    pub fn segment(&self, name: &str) -> Result<Segment, LabError> {
        self.fabric.segment(name)
    }

    /// Makes a host, with `lo` up and nothing else.
    pub fn host(&self, name: &str) -> Result<Host, LabError> {
        if self.find(name).is_some() {
            let (kind, name) = ("host", name.to_owned());
            return Err(LabError::Name { kind, name, why: "the lab has a host of that name" });
        }
        let host = Host::make(name, &self.fabric)?;
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        hosts.push(host.clone());
        if let Some(file) = self.detached.as_ref().and_then(|detached| detached.state_file.as_ref()) {
            file.write(&hosts)?;
        }
        Ok(host)
    }

    /// Makes a host that forwards between the segments that it will be plugged into.
    pub fn router(&self, name: &str) -> Result<Host, LabError> {
        let host = self.host(name)?;
        host.forward()?;
        Ok(host)
    }

    /// A host that was made before.
    pub fn find(&self, name: &str) -> Option<Host> {
        let hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        hosts.iter().find(|host| host.name() == name).cloned()
    }
}

/// Waits until `init` has set the lab up, and finds its number on this machine.
fn await_init(unshare: &mut Child) -> Result<i32, LabError> {
    let reading = || LabError::io("read from the lab's init");
    let mut ready = [0; 6];
    let mut stdout = unshare.stdout.take();
    let said = stdout.as_mut().map_or(Ok(()), |stdout| stdout.read_exact(&mut ready));
    if said.is_ok() && &ready == b"ready\n" {
        let parent = i32::try_from(unshare.id()).unwrap_or(i32::MAX);
        let init = procfs::child_of(parent).map(|status| status.pid);
        return init.ok_or_else(|| LabError::Unavailable("the lab's init is not in /proc".to_owned()));
    }
    let status = unshare.wait().map_err(reading())?;
    let mut stderr = String::new();
    if let Some(mut pipe) = unshare.stderr.take() {
        pipe.read_to_string(&mut stderr).map_err(reading())?;
    }
    Err(LabError::Command {
        doing: "making a lab".to_owned(),
        command: "unshare".to_owned(),
        status,
        stderr: stderr.trim().to_owned(),
    })
}
