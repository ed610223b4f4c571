//! The schedulers that are dialled: those of the configuration, then those that one of them told of. What was told is kept on
//! disk, so that an agent whose only configured scheduler is gone finds the others after a restart too.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use ballast_service::address::Address;

use crate::ledger::replace;

/// How many a scheduler may tell of.
const MOST: usize = 32;
/// The file in the agent's state directory, with a line for each that was told.
const FILE: &str = "schedulers";

/// Where schedulers are.
pub(crate) struct Schedulers {
    configured: Vec<Address>,
    told: Mutex<Vec<Address>>,
    file: PathBuf,
}

impl Schedulers {
    /// Those of the configuration, and those that were told before.
    pub(crate) fn remembered(configured: Vec<Address>, state_dir: &Path) -> Self {
        let file = state_dir.join(FILE);
        let told = match fs::read_to_string(&file) {
            Ok(text) => good(text.lines()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => {
                tracing::warn!("{}: {error}; schedulers that were told of are not known", file.display());
                Vec::new()
            }
        };
        Self { configured, told: Mutex::new(told), file }
    }

    /// The one to dial after this one; none: there is none.
    pub(super) fn next(&self, after: Option<&Address>) -> Option<Address> {
        let told = self.lock();
        let others = told.iter().filter(|one| !self.configured.contains(one));
        let all: Vec<&Address> = self.configured.iter().chain(others).collect();
        let at = after.and_then(|after| all.iter().position(|one| *one == after)).map_or(0, |at| at + 1);
        all.get(at).or(all.first()).copied().cloned()
    }

    /// A scheduler tells which there are. What is no address of another machine is left out.
    pub(super) async fn learn(&self, addresses: &[String]) {
        let next = good(addresses.iter().map(String::as_str));
        if *self.lock() == next {
            return;
        }
        let text: String = next.iter().map(|one| format!("{one}\n")).collect();
        let file = self.file.clone();
        let written = tokio::task::spawn_blocking(move || replace(&file, text.as_bytes())).await;
        if let Err(error) = written.unwrap_or_else(|error| Err(io::Error::other(error))) {
            tracing::warn!("{}: {error}; after a restart these schedulers are not known", self.file.display());
        }
        let shown: Vec<String> = next.iter().map(ToString::to_string).collect();
        tracing::info!(schedulers = shown.join(" "), "the scheduler tells where schedulers are");
        *self.lock() = next;
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Address>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn good<'t>(lines: impl Iterator<Item = &'t str>) -> Vec<Address> {
    let mut good = Vec::new();
    for address in lines.filter_map(|line| line.parse().ok()) {
        if matches!(address, Address::Tcp(_)) && !good.contains(&address) && good.len() < MOST {
            good.push(address);
        }
    }
    good
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Address {
        text.parse().unwrap()
    }

    fn walked(schedulers: &Schedulers, steps: usize) -> Vec<String> {
        let mut at = None;
        let step = |_| {
            at = schedulers.next(at.as_ref());
            at.as_ref().map(ToString::to_string).unwrap_or_default()
        };
        (0..steps).map(step).collect()
    }

    #[tokio::test]
    async fn the_configured_are_dialled_first_then_the_told_and_all_again_also_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let configured = vec![of("unix:/run/s"), of("a:1")];
        let schedulers = Schedulers::remembered(configured.clone(), folder.path());
        assert_eq!(walked(&schedulers, 3), ["unix:/run/s", "a:1", "unix:/run/s"]);
        let told = ["b:2", "a:1", "unix:/theirs", "no address", "c:3", "b:2"].map(str::to_owned);
        schedulers.learn(&told).await;
        let all = ["unix:/run/s", "a:1", "b:2", "c:3", "unix:/run/s"];
        assert_eq!(walked(&schedulers, 5), all);
        let again = Schedulers::remembered(configured, folder.path());
        assert_eq!(walked(&again, 5), all, "what was told is kept");
        again.learn(&["c:3".to_owned()]).await;
        assert_eq!(again.next(Some(&of("b:2"))), Some(of("unix:/run/s")), "one that is gone is followed by the first");
        assert_eq!(walked(&again, 4), ["unix:/run/s", "a:1", "c:3", "unix:/run/s"]);
    }

    #[tokio::test]
    async fn nobody_is_dialled_where_nobody_is_known_and_no_more_are_believed_than_may_be() {
        let folder = tempfile::tempdir().unwrap();
        let schedulers = Schedulers::remembered(Vec::new(), folder.path());
        assert_eq!(schedulers.next(None), None);
        let many: Vec<String> = (0..100).map(|number| format!("s{number}:1")).collect();
        schedulers.learn(&many).await;
        assert_eq!(schedulers.lock().len(), MOST);
        std::fs::write(folder.path().join(FILE), b"\xff\xfe not text").unwrap();
        assert_eq!(Schedulers::remembered(Vec::new(), folder.path()).next(None), None);
    }
}
