//! What the agent remembers on disk: for each load balancer what is desired and what was deployed last, and the cluster
//! that all this belongs to. So the data plane comes back after a restart although no scheduler answers.
//!
//! One file per load balancer, with a check sum: after a crash it holds what was written last, or before that. What cannot
//! be read is set aside and said, and never keeps the agent from starting. It holds no secrets and decides nothing.

mod entry;
mod file;
mod slots;

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use ballast_failpoint as failpoint;
use ballast_metrics::{Short, Timing};
pub(crate) use entry::{Entry, Settled};
pub(crate) use file::replace;
use prost::Message as _;
use sha2::{Digest, Sha256};

/// The ledger's folder. Clones are the same ledger. Every method blocks on the disk.
#[derive(Debug, Clone)]
pub(crate) struct Ledger(Arc<PathBuf>, Timing<Short>);

/// What was in the ledger when it was opened.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    /// Nothing: this agent has not met a cluster yet.
    pub(crate) cluster: Option<String>,
    pub(crate) entries: Vec<Entry>,
    /// Load balancers that were there before the agent met its cluster, so that nobody knows whose they are.
    pub(crate) unclaimed: BTreeSet<String>,
}

impl Ledger {
    /// Opens the ledger in `<state_dir>/ledger` and reads it.
    ///
    /// # Errors
    /// Only when the folder cannot be made or listed.
    pub(crate) fn open(state_dir: &Path) -> io::Result<(Self, Contents)> {
        let ledger = Self(Arc::new(state_dir.join("ledger")), Timing::default());
        fs::create_dir_all(ledger.entries())?;
        let mut contents = Contents {
            cluster: read_line(&ledger.cluster_file()),
            entries: Vec::new(),
            unclaimed: read_text(&ledger.unclaimed_file()).lines().map(str::to_owned).collect(),
        };
        for found in fs::read_dir(ledger.entries())? {
            contents.entries.extend(ledger.read(&found?.path()));
        }
        contents.entries.sort_by(|a, b| a.load_balancer_id.cmp(&b.load_balancer_id));
        if contents.cluster.is_none() {
            contents.cluster = maker(&contents.entries);
        }
        Ok((ledger, contents))
    }

    /// How long entries take to be written.
    pub(crate) const fn writes(&self) -> &Timing<Short> {
        &self.1
    }

    /// How many files could not be read and were set aside.
    pub(crate) fn aside(&self) -> i64 {
        let files = fs::read_dir(self.0.join("aside")).map_or(0, Iterator::count);
        i64::try_from(files).unwrap_or(i64::MAX)
    }

    /// Where the cluster id is: an operator who wants another one writes it there.
    pub(crate) fn cluster_file(&self) -> PathBuf {
        self.0.join("cluster")
    }

    pub(crate) fn unclaimed_file(&self) -> PathBuf {
        self.0.join("unclaimed")
    }

    pub(crate) fn write_cluster(&self, id: &str) -> io::Result<()> {
        file::replace(&self.cluster_file(), format!("{id}\n").as_bytes())
    }

    pub(crate) fn write_unclaimed(&self, ids: &BTreeSet<String>) -> io::Result<()> {
        let text: String = ids.iter().flat_map(|id| [id, "\n"]).collect();
        file::replace(&self.unclaimed_file(), text.as_bytes())
    }

    pub(crate) fn write(&self, entry: &Entry) -> io::Result<()> {
        failpoint::at("ledger: before an entry is written");
        let began = Instant::now();
        slots::write(&self.path(&entry.load_balancer_id), &entry.encode_to_vec())?;
        self.1.note(began.elapsed());
        failpoint::at("ledger: an entry is written");
        Ok(())
    }

    /// Forgets a load balancer; one that is not there is forgotten already.
    pub(crate) fn remove(&self, id: &str) -> io::Result<()> {
        failpoint::at("ledger: before an entry is removed");
        match fs::remove_file(self.path(id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => file::sync_folder(&self.entries())?,
        }
        failpoint::at("ledger: an entry is removed");
        Ok(())
    }

    fn read(&self, path: &Path) -> Option<Entry> {
        if path.extension().is_some_and(|extension| extension == file::UNFINISHED) {
            // what a crash left of a replacement that did not happen
            let _ = fs::remove_file(path);
            return None;
        }
        let read = fs::read(path).map_err(|error| error.to_string());
        let why = match read.and_then(|bytes| Entry::decode(slots::read(&bytes)?).map_err(|error| error.to_string())) {
            Ok(entry) => return Some(entry),
            Err(why) => why,
        };
        let aside = self.0.join("aside");
        let moved = fs::create_dir_all(&aside)
            .and_then(|()| path.file_name().map_or(Ok(()), |name| fs::rename(path, aside.join(name))));
        tracing::error!(
            file = %path.display(), aside = %aside.display(), moved = moved.is_ok(),
            "a file of the ledger cannot be read and was set aside; the scheduler will send its load balancer again: {why}"
        );
        None
    }

    fn entries(&self) -> PathBuf {
        self.0.join("load-balancers")
    }

    /// An id that is no safe file name goes by its check sum: the entry itself says which it is.
    fn path(&self, id: &str) -> PathBuf {
        let safe =
            (1..=100).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        let name = if safe { id.to_owned() } else { format!("sha256_{}", hex::encode(Sha256::digest(id))) };
        self.entries().join(name)
    }
}

/// The cluster that all entries name, when its own file is lost.
fn maker(entries: &[Entry]) -> Option<String> {
    let clusters: BTreeSet<_> = entries.iter().map(|entry| &entry.cluster_id).collect();
    let only = clusters.first().filter(|id| clusters.len() == 1 && !id.is_empty());
    only.map(|id| (*id).clone())
}

fn read_line(path: &Path) -> Option<String> {
    let text = read_text(path);
    let id = text.trim();
    (!id.is_empty()).then(|| id.to_owned())
}

fn read_text(path: &Path) -> String {
    match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => {
            tracing::error!(file = %path.display(), "a file of the ledger cannot be read: {error}");
            String::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use ballast_proto::{agent::Desired, driver::LoadBalancer};

    use super::*;

    fn entry(id: &str) -> Entry {
        Entry {
            load_balancer_id: id.to_owned(),
            cluster_id: "c1".to_owned(),
            desired: Some(Desired {
                load_balancer: Some(LoadBalancer { id: id.to_owned(), ..LoadBalancer::default() }),
                driver: "fault".to_owned(),
                epoch: 1,
                generation: 2,
                ..Desired::default()
            }),
            drivers: vec!["fault".to_owned()],
            ..Entry::default()
        }
    }

    #[test]
    fn what_was_written_is_read_again() {
        // Two folders deep: what leaves them is still in a folder of the test's own.
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state/ledger");
        fs::create_dir_all(&path).unwrap();
        let (ledger, contents) = Ledger::open(&path).unwrap();
        assert!(contents.cluster.is_none() && contents.entries.is_empty());
        ledger.write_cluster("c1").unwrap();
        ledger.write_unclaimed(&BTreeSet::from(["x".to_owned(), "y".to_owned()])).unwrap();
        for id in ["a", "../../b", ""] {
            ledger.write(&entry(id)).unwrap();
        }
        let (_, contents) = Ledger::open(&path).unwrap();
        assert_eq!(contents.cluster.as_deref(), Some("c1"));
        assert_eq!(contents.unclaimed.len(), 2);
        assert_eq!(contents.entries, [entry(""), entry("../../b"), entry("a")]);
        assert!(["", "state"].iter().all(|above| !dir.path().join(above).join("b").exists()));
    }

    #[test]
    fn what_was_removed_is_forgotten_and_removing_twice_is_no_error() {
        let dir = tempfile::tempdir().unwrap();
        let (ledger, _) = Ledger::open(dir.path()).unwrap();
        ledger.write(&entry("a")).unwrap();
        ledger.remove("a").unwrap();
        ledger.remove("a").unwrap();
        assert!(Ledger::open(dir.path()).unwrap().1.entries.is_empty());
    }

    #[test]
    fn what_cannot_be_read_is_set_aside_and_the_others_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let (ledger, _) = Ledger::open(dir.path()).unwrap();
        ledger.write(&entry("a")).unwrap();
        ledger.write(&entry("b")).unwrap();
        let whole = fs::read(ledger.path("a")).unwrap();
        let changed = [&[b'B'][..], &whole[1..]].concat();
        let sound = Entry::default().encode_to_vec();
        slots::write(&ledger.path("a"), &[&sound[..], b"\xff"].concat()).unwrap();
        slots::write(&ledger.path("a"), &[&sound[..], b"\xff"].concat()).unwrap();
        let no_entry = fs::read(ledger.path("a")).unwrap();
        for bytes in [Vec::new(), whole[..50].to_vec(), changed, no_entry] {
            fs::write(ledger.path("a"), &bytes).unwrap();
            fs::write(ledger.entries().join("c.unfinished"), b"x").unwrap();
            let (ledger, contents) = Ledger::open(dir.path()).unwrap();
            assert_eq!(contents.entries, [entry("b")]);
            assert_eq!(ledger.aside(), 1);
            assert!(ledger.0.join("aside/a").exists() && !ledger.path("a").exists());
        }
    }

    #[test]
    fn a_lost_cluster_file_is_made_good_from_entries_that_agree() {
        let dir = tempfile::tempdir().unwrap();
        let (ledger, _) = Ledger::open(dir.path()).unwrap();
        ledger.write(&entry("a")).unwrap();
        assert_eq!(Ledger::open(dir.path()).unwrap().1.cluster.as_deref(), Some("c1"));
        ledger.write(&Entry { cluster_id: "c2".to_owned(), ..entry("b") }).unwrap();
        assert_eq!(Ledger::open(dir.path()).unwrap().1.cluster, None);
    }
}
