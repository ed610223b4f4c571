//! What can be limited, and where this process is in it.

use std::{
    fs,
    path::{Path, PathBuf},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Controller {
    Cpu,
    Memory,
    Processes,
}

impl Controller {
    pub(super) const ALL: [Self; 3] = [Self::Cpu, Self::Memory, Self::Processes];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Processes => "pids",
        }
    }

    /// Whether a group of version 2 has it.
    pub(super) fn is_of(self, group: &Path) -> bool {
        let text = fs::read_to_string(group.join("cgroup.controllers")).unwrap_or_default();
        text.split_whitespace().any(|name| name == self.name())
    }

    /// The directory of this process' own group in the hierarchy of version 1 that has it.
    pub(super) fn below(self, groups: &str, mounts: &str) -> Option<PathBuf> {
        let path = groups.lines().find_map(|line| {
            // number:controllers:path
            let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
            controllers.split(',').any(|name| name == self.name()).then_some(path)
        })?;
        // It may be mounted more than once, and another mount may lie above one.
        mounts.lines().find_map(|line| {
            let (place, kind) = line.split_once(" - ")?;
            let mut words = place.split(' ').skip(3);
            let mut kind = kind.split(' ');
            let has_it = kind.next()? == "cgroup" && kind.nth(1)?.split(',').any(|option| option == self.name());
            let (root, at) = has_it.then_some((words.next()?, words.next()?))?;
            let own = Path::new(at).join(Path::new(path).strip_prefix(root).ok()?);
            own.exists().then_some(own)
        })
    }
}
