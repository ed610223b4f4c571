//! What a process has that loading a library should not have made.

use std::{collections::BTreeSet, fs, path::Path};

use serde::{Deserialize, Serialize};

/// Threads by number, open files and sockets by what they are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Effects {
    pub(crate) threads: BTreeSet<String>,
    pub(crate) open: BTreeSet<String>,
    pub(crate) children: BTreeSet<String>,
    /// What SIGINT, SIGTERM and the others do, as masks of the kernel's.
    pub(crate) signals: BTreeSet<String>,
}

impl Effects {
    /// Of this process.
    pub(super) fn here() -> Self {
        let threads = names(Path::new("/proc/self/task"));
        let children = threads.iter().flat_map(|thread| {
            let text = fs::read_to_string(format!("/proc/self/task/{thread}/children")).unwrap_or_default();
            text.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
        });
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let signals = status.lines().filter(|line| line.starts_with("SigCgt:") || line.starts_with("SigIgn:"));
        Self {
            children: children.collect(),
            open: open_files(Path::new("/proc/self/fd")),
            signals: signals.map(str::to_owned).collect(),
            threads,
        }
    }

    /// What is here and was not before, in words.
    pub(crate) fn since(&self, before: &Self) -> Vec<String> {
        let count = |what: &str, now: &BTreeSet<String>, then: &BTreeSet<String>| {
            let new: Vec<&str> = now.difference(then).map(String::as_str).collect();
            (!new.is_empty()).then(|| format!("{what} {}", new.join(", ")))
        };
        [
            count("thread", &self.threads, &before.threads),
            count("process", &self.children, &before.children),
            count("open file", &self.open, &before.open),
            count("signal handlers", &self.signals, &before.signals),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// `7 socket:[123]`; the descriptor with which the folder is listed is gone when it is looked at.
fn open_files(folder: &Path) -> BTreeSet<String> {
    let all = names(folder).into_iter();
    all.filter_map(|number| Some(format!("{number} {}", fs::read_link(folder.join(&number)).ok()?.display()))).collect()
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_descriptor_and_a_new_thread_are_told() {
        let before = Effects::here();
        let file = fs::File::open("/dev/null").unwrap();
        let text = Effects::here().since(&before).join("; ");
        assert!(text.contains("open file") && text.contains("/dev/null"), "{text}");
        drop(file);
        let (stay, end) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || end.recv());
        let text = Effects::here().since(&before).join("; ");
        assert!(text.contains("thread"), "{text}");
        drop(stay);
        assert!(thread.join().unwrap().is_err());
    }
}
