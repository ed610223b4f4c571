//! The steps that start haproxy, or tell the one that runs.

use std::{io, path::Path};

use ballast_abi::groups;
use ballast_failpoint as failpoint;

use super::{Target, Work};
use crate::{
    failure::{Failure, Step, chain},
    fence::Signals,
    files::{SERVER_STATE, give, write_whole},
    haproxy::{
        certificates::{self, Told},
        process,
        runtime::Change,
        servers::{self, Knowledge, Members},
        socket,
        starter::Starter,
        statistics,
    },
    secrets::{Named, read_secretly},
    seen::Glance,
};

/// Servers that one line of commands names: haproxy takes 16 KiB.
const AT_ONCE: usize = 50;

impl Work<'_> {
    pub(super) fn start(&mut self, replacing: Option<i32>, target: &Target<'_>) -> Result<(), Failure> {
        let mut known = String::new();
        if let Some(pid) = replacing {
            self.note_counters(pid)?;
            failpoint::at("start haproxy: counters are noted");
            known = socket::ask(self.files, servers::COMMAND)?;
        } else if let Some(pid) = self.seen.as_ref().map(|seen| seen.pid) {
            self.note_seen(&[pid]);
        }
        let page = target.desired.page.as_ref();
        self.state.begin(page, target.listeners, target.pools);
        let shares = page.iter().flat_map(|page| &page.shares).map(|shared| shared.id.as_str());
        let verdicts: Members<Option<bool>> = shares.chain([self.id]).flat_map(|id| self.pinger.verdicts(id)).collect();
        let pinged = target.desired.pinged().into_iter();
        let knowledge = Knowledge {
            pinged: pinged.map(|key| (key.clone(), verdicts.get(&key).copied().flatten())).collect(),
            seen: self.seen.as_ref().map(|glance| glance.health.clone()).unwrap_or_default(),
            told: target.told.clone(),
        };
        let text = page.map(|page| servers::carry_over(&known, page, &knowledge)).unwrap_or_default();
        let path = self.files.run().join(SERVER_STATE);
        write_whole(&path, text.as_bytes(), 0o640)
            .map_err(|error| Failure::io(format!("write {}", path.display()), error))?;
        let identity = target.desired.identity;
        if let Some(identity) = identity {
            give(&path, None, identity.gid)?;
        }
        failpoint::at("start haproxy: the servers' state is written");
        let Some(namespace) = &self.host.namespace else { return Ok(()) };
        // After a crash there may be more of them that nobody has told to finish.
        let before = if self.unsettled { process::all(self.files, self.id)? } else { replacing.into_iter().collect() };
        let (haproxy, files, id) = (self.haproxy.to_owned(), self.files.clone(), self.id.to_owned());
        let signals = self.signals(target);
        let view = self.view.take();
        let secrets = self.secrets.path().to_owned();
        let peers = target.desired.page.as_ref().and_then(|page| page.peers.as_ref());
        let peer = peers.map_or_else(|| id.clone(), |peers| peers.local.name.clone());
        let launch = process::Launch { haproxy, files, secrets, id, peer, identity, signals, replacing, before, view };
        let starter = self.starter.take().map_or_else(|| Starter::ready(self.fence, signals), Ok)?;
        self.starting = Some(starter.start(namespace, launch)?);
        Ok(())
    }

    /// Whom the haproxy that is to be started may signal.
    pub(super) fn signals(&self, target: &Target<'_>) -> Signals {
        self.fence.signals(target.desired.page.as_ref().is_some_and(|page| page.sticky))
    }

    /// Not before it is in the background: on its way there it is another process from one moment to the next.
    pub(super) fn confine_started(&self) -> Result<(), Failure> {
        // Those before it are where they are to be.
        let pids = match process::current(self.files, self.id) {
            Some(pid) => vec![pid],
            None => process::all(self.files, self.id)?,
        };
        self.confine(&pids);
        Ok(())
    }

    /// It serves without as well, and what is missing is looked at again: limits come last, so they tell of the rest.
    pub(super) fn confine(&self, pids: &[i32]) {
        self.release(pids);
        failpoint::at("confine: it has left the driver's group");
        if let Err(error) = self.confinement.confine(self.id, pids) {
            tracing::warn!(load_balancer = %self.id, "its control group is not as it should be: {error}");
        }
        failpoint::at("confine: it is in its own group");
        self.limit(pids);
    }

    /// It serves without as well.
    fn limit(&self, pids: &[i32]) {
        for pid in pids {
            if let Err(failure) = self.fence.limit(*pid) {
                tracing::warn!(load_balancer = %self.id, "its process is not limited: {}", chain(&failure));
            }
        }
    }

    /// It outlives the driver wherever it is: where it stays in the driver's control group, that is all.
    fn release(&self, pids: &[i32]) {
        for pid in pids {
            if let Err(error) = groups::release(pid.cast_unsigned()) {
                tracing::debug!(load_balancer = %self.id, pid, "it stays in the driver's control group: {error}");
            }
        }
    }

    /// Before a process is replaced: what it has counted. On disk, so that a crash in between loses nothing.
    fn note_counters(&mut self, pid: i32) -> Result<(), Failure> {
        let reading = statistics::parse(&socket::ask(self.files, statistics::COMMAND)?);
        let settled = self.state.base.settled(Some(pid));
        let counted = reading.counted(settled.is_by_listener(), settled.left(pid));
        self.state.ending(pid, &counted, self.running.as_ref());
        // Until it is known what came of this.
        self.state.processes = None;
        self.state.write(self.files)
    }

    /// Of one of these that cannot be asked any more: what it had counted when it last was.
    pub(super) fn note_seen(&mut self, pids: &[i32]) {
        let Some(Glance { pid, counted, .. }) = &self.seen else { return };
        if pids.contains(pid) && !self.state.base.has(*pid) {
            self.state.ending(*pid, counted, self.running.as_ref());
        }
    }

    /// The same before it is ended, and nothing takes its place. It ends all the same.
    pub(super) fn note_last(&mut self, pid: i32) {
        if let Err(failure) = self.note_counters(pid) {
            tracing::warn!(load_balancer = %self.id, pid, "what it has counted since it was last asked is lost: {}", chain(&failure));
        }
    }

    /// Before servers come: what one of its name had counted that went is counted before it.
    fn note_arrivals(&mut self, pid: i32, changes: &[Change]) -> Result<(), Failure> {
        let come: Vec<(&str, &str)> = changes.iter().filter_map(Change::comes).collect();
        if come.is_empty() || self.state.base.left(pid).is_none() {
            return Ok(());
        }
        let there = statistics::parse(&socket::ask(self.files, statistics::COMMAND)?).rows();
        come.into_iter().for_each(|name| self.state.base.arrive(pid, name, &there));
        self.state.write(self.files)
    }

    /// Before servers go: what they have counted. By then they get nothing new, and one that has connections still stays.
    fn note_leaving(&mut self, pid: i32, changes: &[Change]) -> Result<(), Failure> {
        let gone: Vec<(&str, &str)> = changes.iter().filter_map(Change::goes).collect();
        for some in gone.chunks(AT_ONCE) {
            let rest = some.iter().map(|(backend, server)| format!("set server {backend}/{server} state maint"));
            socket::ask(self.files, &rest.collect::<Vec<_>>().join(";"))?;
        }
        let there = statistics::parse(&socket::ask(self.files, statistics::COMMAND)?).rows();
        gone.into_iter().for_each(|name| self.state.base.leave(pid, name, &there));
        self.state.write(self.files)?;
        failpoint::at("tell: counters of those that go are noted");
        Ok(())
    }

    pub(super) fn tell(&mut self, pid: i32, changes: &[Change], target: &Target<'_>) -> Result<(), Failure> {
        self.note_arrivals(pid, changes)?;
        let mut leaving = false;
        for change in changes {
            failpoint::at("tell: before a change");
            if change.goes().is_some() && !std::mem::replace(&mut leaving, true) {
                self.note_leaving(pid, changes)?;
            }
            if let Change::Secret(secret) = change {
                if self.renew(secret)? == Told::TooLong {
                    tracing::info!(load_balancer = %self.id, "haproxy is replaced: {} is too long to be told", secret.file);
                    return self.replace(pid, target);
                }
                continue;
            }
            let commands = change.commands();
            let answer = socket::ask(self.files, &commands)?;
            if !change.is_done(&answer) {
                tracing::warn!(load_balancer = %self.id, "haproxy is replaced, as it refused {commands:?}: {}", answer.trim());
                return self.replace(pid, target);
            }
        }
        failpoint::at("tell: all is told");
        self.files.accept_config()
    }

    fn replace(&mut self, pid: i32, target: &Target<'_>) -> Result<(), Failure> {
        self.start(Some(pid), target)?;
        self.await_haproxy()?;
        self.confine_started()
    }

    /// Tells haproxy what a secret is now. What it refuses comes before all other changes, so that the process is as it was.
    fn renew(&mut self, secret: &Named) -> Result<Told, Failure> {
        let path = Path::new(&secret.folder).join(&secret.file);
        let content = read_secretly(&path).step(|| format!("read {}", path.display()))?;
        let content =
            content.ok_or_else(|| Failure::io(format!("read {}", path.display()), io::ErrorKind::NotFound))?;
        failpoint::at("tell: before a secret");
        let told = certificates::tell(self.files, secret, &content)?;
        let Told::Refused(words) = told else { return Ok(told) };
        self.files.discard_new_config()?;
        self.secrets.restore()?;
        let said = format!("{}: {words}", secret.path());
        Err(Failure::Refused { who: "haproxy", said })
    }

    pub(super) fn await_haproxy(&mut self) -> Result<(), Failure> {
        let Some(starting) = self.starting.take() else { return Ok(()) };
        match starting.finish() {
            Ok(()) => {
                failpoint::at("await haproxy: it runs");
                self.files.accept_config()
            }
            Err(failure) => {
                // It was refused before it took anything over: what ran before goes on.
                if !self.unsettled {
                    self.files.discard_new_config()?;
                }
                self.secrets.restore()?;
                Err(failure)
            }
        }
    }
}
