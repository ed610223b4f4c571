//! The machine's files with a layer over them, for the processes of a lab: what they write is seen afterwards, and never
//! reaches the machine.
//!
//! Each file system of the machine gets an overlay whose upper layer is in memory. What the kernel makes itself (`/proc`,
//! `/sys`, `/dev`) stays as it is, and so do the folders that are kept.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::unistd::{chdir, pivot_root};

use crate::error::LabError;

/// File systems in which nothing is stored.
const KERNELS: [&str; 19] = [
    "proc",
    "sysfs",
    "devtmpfs",
    "devpts",
    "mqueue",
    "cgroup",
    "cgroup2",
    "nsfs",
    "securityfs",
    "debugfs",
    "tracefs",
    "bpf",
    "pstore",
    "configfs",
    "fusectl",
    "hugetlbfs",
    "binfmt_misc",
    "efivarfs",
    "autofs",
];
/// Kept as it is: the names of namespaces are a lab's own, and mounts are made there.
const NAMESPACES: &str = "/run/netns";

/// The layer.
#[derive(Debug)]
pub struct Overlay {
    layers: Vec<Layer>,
    /// What could not get a layer: writes there are the machine's, and are not seen.
    blind: Vec<PathBuf>,
}

/// The layer of one file system.
#[derive(Debug)]
struct Layer {
    /// Where it is mounted.
    mount_point: PathBuf,
    /// What was written.
    upper: PathBuf,
    /// The machine's own.
    lower: PathBuf,
}

impl Overlay {
    /// Puts the layer over the files of all processes of the lab. To be called once, inside of the lab. What is written
    /// below `kept`, which must be there, is really written.
    pub fn over(kept: &Path) -> Result<Self, LabError> {
        let doing = |what: &str| LabError::io(format!("put a layer over the machine's files: {what}"));
        let work = kept.join("layer");
        fs::create_dir_all(&work).map_err(doing("make a folder"))?;
        mount(Some("ballast-lab"), &work, Some("tmpfs"), MsFlags::empty(), Some("mode=0755"))
            .map_err(|errno| doing("a file system in memory")(errno.into()))?;
        let root = work.join("root");
        let mut overlay = Self { layers: Vec::new(), blind: Vec::new() };
        for (at, (path, kind)) in mounts().map_err(doing("/proc/self/mountinfo"))?.into_iter().enumerate() {
            let stored = path != Path::new(NAMESPACES) && !KERNELS.contains(&kind.as_str()) && path.is_dir();
            let added = if stored { overlay.add(&work, at, &path) } else { bind(&path, &within(&root, &path)) };
            match added {
                Ok(()) => {}
                Err(error) if path == Path::new("/") => return Err(doing("/")(error)),
                Err(error) if stored => {
                    tracing::debug!("no layer over {}: {error}", path.display());
                    bind(&path, &within(&root, &path)).map_err(doing(&path.to_string_lossy()))?;
                    overlay.blind.push(path);
                }
                // A mount that cannot be reached needs not be.
                Err(_) => {}
            }
        }
        bind(kept, &within(&root, kept)).map_err(doing("keep a folder"))?;
        bind(&work, &within(&root, &work)).map_err(doing("keep the layer"))?;
        for Layer { mount_point, lower, .. } in &overlay.layers {
            bind(mount_point, &within(&root, lower)).map_err(doing("keep what is below"))?;
        }
        turn(&root).map_err(|errno| doing("change the root")(errno.into()))?;
        Ok(overlay)
    }

    fn add(&mut self, work: &Path, at: usize, path: &Path) -> io::Result<()> {
        let folder = |what: &str| work.join(format!("{what}-{at}"));
        let (upper, lower, scratch) = (folder("upper"), folder("lower"), folder("work"));
        for folder in [&upper, &lower, &scratch] {
            fs::create_dir(folder)?;
        }
        // The upper layer's root is what the merged folder looks like.
        fs::set_permissions(&upper, fs::metadata(path)?.permissions())?;
        let onto = within(&work.join("root"), path);
        fs::create_dir_all(&onto)?;
        let escaped =
            |path: &Path| path.to_string_lossy().replace('\\', "\\\\").replace(':', "\\:").replace(',', "\\,");
        let options = format!("lowerdir={},upperdir={},workdir={}", escaped(path), escaped(&upper), escaped(&scratch));
        mount(Some("ballast-lab"), &onto, Some("overlay"), MsFlags::empty(), Some(options.as_str()))?;
        self.layers.push(Layer { mount_point: path.to_owned(), upper, lower });
        Ok(())
    }

    /// The files, folders and links that were made, changed or removed so far. What was made and removed again is none.
    pub fn written(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        self.layers.iter().for_each(|layer| layer.collect(&layer.upper, &mut found));
        found.sort();
        found
    }

    /// File systems whose files have no layer.
    pub fn blind(&self) -> &[PathBuf] {
        &self.blind
    }
}

impl Layer {
    /// What the upper layer holds. Folders above a changed file are copied to it, too: they are no change by themselves.
    fn collect(&self, folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let Ok(inside) = path.strip_prefix(&self.upper) else { continue };
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_folder {
                self.collect(&path, found);
            }
            if !is_folder || !self.lower.join(inside).is_dir() {
                found.push(self.mount_point.join(inside));
            }
        }
    }
}

/// Where the caller's mounts are that can be reached, and of which kind, parents first.
fn mounts() -> io::Result<Vec<(PathBuf, String)>> {
    Ok(reachable(&fs::read_to_string("/proc/self/mountinfo")?))
}

fn reachable(mountinfo: &str) -> Vec<(PathBuf, String)> {
    let one = |line: &str| {
        let (mount, system) = line.split_once(" - ")?;
        let path = unescaped(mount.split(' ').nth(4)?);
        Some((PathBuf::from(path), system.split(' ').next()?.to_owned()))
    };
    let mut found: Vec<(PathBuf, String)> = Vec::new();
    for (path, kind) in mountinfo.lines().filter_map(one) {
        // It hides what was there.
        found.retain(|(before, _)| !before.starts_with(&path));
        found.push((path, kind));
    }
    found.sort_by_key(|(path, _)| path.components().count());
    found
}

/// Spaces and the like are written as octal numbers.
fn unescaped(text: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .into_iter()
        .fold(text.to_owned(), |text, (code, letter)| text.replace(code, letter))
}

fn within(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

fn bind(path: &Path, onto: &Path) -> io::Result<()> {
    if !onto.exists() {
        if path.is_dir() {
            fs::create_dir_all(onto)?;
        } else {
            fs::write(onto, "")?;
        }
    }
    mount(Some(path), onto, None::<&str>, MsFlags::MS_BIND, None::<&str>)?;
    Ok(())
}

/// The old root goes out of sight; the layers keep hold of it.
fn turn(root: &Path) -> nix::Result<()> {
    let here = std::env::current_dir().ok();
    chdir(root)?;
    pivot_root(".", ".")?;
    umount2(".", MntFlags::MNT_DETACH)?;
    chdir("/")?;
    match here {
        Some(folder) => chdir(&folder),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_that_another_one_hides_are_left_out_and_parents_come_first() {
        let text = "\
1 0 8:1 / / rw - ext4 /dev/root rw\n\
2 1 0:5 / /proc rw - proc proc rw\n\
3 2 0:9 / /proc/sys/fs/binfmt_misc rw - binfmt_misc b rw\n\
4 1 0:6 / /run/with\\040space/deep rw shared:1 - tmpfs t rw\n\
5 1 0:7 / /run rw - tmpfs t rw\n\
6 5 0:8 / /run/lock rw - tmpfs t rw\n\
7 1 0:5 / /proc rw - proc proc rw\n";
        let found = reachable(text);
        let paths: Vec<_> = found.iter().map(|(path, _)| path.to_str().unwrap()).collect();
        assert_eq!(paths, ["/", "/run", "/proc", "/run/lock"]);
        assert_eq!(unescaped("/a\\040b"), "/a b");
    }
}
