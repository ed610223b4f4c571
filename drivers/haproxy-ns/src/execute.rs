//! Does what was planned, step by step, and says how long each took. It decides nothing.

mod forward;
mod start;
mod undo;

use std::{
    fs::File,
    path::{Path, PathBuf},
    time::Instant,
};

use ballast_netns::{
    address,
    announce::{Announcement, Announcer},
    link, namespace, neighbour,
    netlink::Netlink,
    route, sysctl,
};

use crate::{
    confinement::Confinement,
    desired::{Desired, Plug},
    failure::{Failure, chain},
    files::Files,
    haproxy::process,
    l4::{knowledge::Knowledge, watch::Watch},
    page::kept,
    ping::{Pinger, Sockets},
    plan::{Changes, Planned, Step},
    seen::Glance,
    state::State,
    validate::Validated,
};

/// Everything that steps of one load balancer work with.
pub(crate) struct Work<'a> {
    pub(crate) id: &'a str,
    pub(crate) files: &'a Files,
    pub(crate) netns: PathBuf,
    pub(crate) haproxy: &'a Path,
    pub(crate) announcer: &'a Announcer,
    pub(crate) announcements: u32,
    pub(crate) pinger: &'a Pinger,
    /// `None`: this kernel forwards nothing.
    pub(crate) watch: Option<&'a Watch>,
    pub(crate) confinement: &'a Confinement,
    /// How its process was when it was last asked: all that is left when it dies.
    pub(crate) seen: Option<Glance>,
    pub(crate) host: Netlink,
    pub(crate) host_namespace: File,
    /// The load balancer's namespace, once there is one.
    pub(crate) namespace: Option<File>,
    /// The state as it is on disk.
    pub(crate) state: State,
    /// Which configuration runs was unknown before this pass.
    pub(crate) unsettled: bool,
    pub(crate) starting: Option<process::Starting>,
}

/// What steps that bring up need besides.
pub(crate) struct Target<'a> {
    pub(crate) validated: &'a Validated,
    pub(crate) desired: &'a Desired,
    /// Of members of what is forwarded.
    pub(crate) knowledge: &'a Knowledge,
}

impl Work<'_> {
    /// Brings up. The first step that fails ends it; what was done stays, and the next pass observes it.
    pub(crate) fn bring_up(&mut self, steps: &[Planned], target: &Target<'_>) -> Result<(), Failure> {
        for planned in steps {
            let start = Instant::now();
            let result = self.step(&planned.step, target);
            tracing::debug!(
                load_balancer = %self.id,
                microseconds = start.elapsed().as_micros(),
                step = ?planned.step,
                "{}",
                planned.why
            );
            if let Err(failure) = result {
                self.abandon();
                return Err(failure);
            }
        }
        Ok(())
    }

    fn step(&mut self, step: &Step, target: &Target<'_>) -> Result<(), Failure> {
        let desired = target.desired;
        match (step, &desired.plug) {
            (Step::NoteIntent, plug) => self.note(0, plug.as_ref(), desired),
            (Step::NoteDone, plug) => self.note_done(plug.as_ref(), desired),
            (Step::WriteConfig, _) => self.files.write_new_config(&desired.config, desired.identity),
            (Step::StartHaproxy { replacing }, _) => self.start(*replacing, target),
            (Step::Tell { pid, changes }, _) => self.tell(*pid, changes, target),
            (Step::Confine(pid), _) => {
                self.confine(&[*pid]);
                Ok(())
            }
            (Step::AwaitHaproxy, _) => self.await_haproxy(),
            (Step::KeepPage, _) => {
                desired.page.as_ref().map_or(Ok(()), |page| kept::write(self.files, page, &desired.config))
            }
            (Step::ConfineStarted, _) => self.confine_started(),
            (Step::NoteCounters(pid), _) => {
                self.note_last(*pid);
                Ok(())
            }
            (Step::EndProcesses(pids), _) => {
                self.note_seen(pids);
                self.undo(step)
            }
            (Step::EndOldest { keep }, _) => process::end_oldest(*keep, self.files, self.id),
            (Step::MakeNamespace, Some(_)) => self.make_namespace(desired),
            (Step::Prepare, Some(plug)) => {
                self.inside(|| Ok(sysctl::prepare_again(desired.purpose(), &plug.interface.inside)?))
            }
            (Step::RemoveLink, Some(plug)) => self.remove_link(plug),
            (Step::MakeLink, Some(plug)) => self.make_link(plug),
            (Step::AttachLink, Some(plug)) => Ok(plug.interface.attach(&mut self.host, plug.card())?),
            (Step::Configure(changes), Some(plug)) => self.configure(desired, plug, changes),
            (Step::Forward, Some(_)) => self.forward(target),
            (Step::StopForwarding, Some(_)) => self.stop_forwarding(),
            (Step::Announce, Some(plug)) => self.announce(plug),
            (
                Step::MakeNamespace
                | Step::Forward
                | Step::StopForwarding
                | Step::Prepare
                | Step::RemoveLink
                | Step::MakeLink
                | Step::AttachLink
                | Step::Configure(_)
                | Step::Announce,
                None,
            ) => Ok(()),
            (
                Step::DropNamespace
                | Step::KeepCounts
                | Step::AwaitLinkGone(_)
                | Step::Release(_)
                | Step::RemoveGroup
                | Step::RemoveFiles
                | Step::RemoveDirectory,
                _,
            ) => self.undo(step),
        }
    }

    fn note(&mut self, generation: u64, plug: Option<&Plug>, desired: &Desired) -> Result<(), Failure> {
        self.files.make(desired.identity)?;
        self.state = State {
            generation,
            interface: plug.map(|plug| plug.interface.clone()),
            plug: plug.cloned(),
            identity: desired.identity,
            base: self.state.base.clone(),
            echoes: if generation == 0 { Vec::new() } else { desired.echoes.clone() },
        };
        self.state.write(self.files)
    }

    fn note_done(&mut self, plug: Option<&Plug>, desired: &Desired) -> Result<(), Failure> {
        self.state.base = self.state.base.settled(process::current(self.files, self.id));
        self.note(desired.generation, plug, desired)
    }

    fn make_namespace(&mut self, desired: &Desired) -> Result<(), Failure> {
        let created = namespace::create(&self.netns, || sysctl::prepare_namespace(desired.purpose()));
        self.leave()?;
        self.namespace = Some(created?);
        Ok(())
    }

    fn remove_link(&self, plug: &Plug) -> Result<(), Failure> {
        self.inside(|| {
            let mut netlink = Netlink::open()?;
            let name = &plug.interface.inside;
            match link::find(&mut netlink, name)? {
                Some(left) => Ok(netlink.batch(vec![link::delete(left.index, name)])?),
                None => Ok(()),
            }
        })
    }

    fn make_link(&mut self, plug: &Plug) -> Result<(), Failure> {
        let Some(namespace) = &self.namespace else { return Ok(()) };
        Ok(plug.interface.plug(&mut self.host, plug.card(), namespace)?)
    }

    fn configure(&mut self, desired: &Desired, plug: &Plug, changes: &Changes) -> Result<(), Failure> {
        self.inside(|| {
            if !changes.add_addresses.is_empty() {
                sysctl::set_ipv6(desired.purpose(), Some(&plug.interface.inside))?;
            }
            let mut netlink = Netlink::open()?;
            let index = link::require(&mut netlink, &plug.interface.inside)?.index;
            let remove = changes.remove_addresses.iter();
            let mut batch: Vec<_> = remove.map(|(address, length)| address::remove(index, *address, *length)).collect();
            batch.extend(changes.remove_hops.iter().map(|hop| route::remove(index, hop)));
            batch.extend(changes.mac.then(|| link::set_mac(index, plug.mac)));
            batch.extend(changes.mtu.then(|| link::set_mtu(index, plug.mtu)));
            if changes.links_up {
                batch.extend([link::set_up(LOOPBACK, "lo"), link::set_up(index, &plug.interface.inside)]);
            }
            batch.extend(changes.add_addresses.iter().map(|(address, length)| address::add(index, *address, *length)));
            batch.extend(changes.add_hops.iter().map(|hop| route::add(index, hop)));
            batch.extend(changes.remove_neighbours.iter().map(|address| neighbour::remove(index, *address)));
            batch.extend(changes.add_neighbours.iter().map(|address| neighbour::add(index, *address)));
            netlink.batch(batch)?;
            // Asked again so that the kernel acts on the carrier now: until then frames are dropped.
            Ok(link::require(&mut netlink, &plug.interface.inside).map(drop)?)
        })?;
        Ok(plug.interface.settle(&mut self.host)?)
    }

    fn announce(&mut self, plug: &Plug) -> Result<(), Failure> {
        let prepared = self.inside(|| {
            let index = link::require(&mut Netlink::open()?, &plug.interface.inside)?.index;
            let one = |(address, _)| Ok(Announcement::prepare(&plug.interface.inside, index, plug.mac, address)?);
            plug.addresses().into_iter().map(one).collect::<Result<Vec<_>, Failure>>()
        });
        let sent = prepared.and_then(|all| {
            let mut all = all.into_iter();
            Ok(all.try_for_each(|one| self.announcer.announce(self.id, one, self.announcements))?)
        });
        // Neighbours learn of the address at their next question anyway.
        if let Err(failure) = sent {
            tracing::warn!(load_balancer = %self.id, "{}", chain(&failure));
        }
        Ok(())
    }

    /// Pings what is to be pinged. After the steps, as it needs the namespace and the address.
    pub(crate) fn ping(&mut self, desired: &Desired) -> Result<(), Failure> {
        if desired.echoes.is_empty() {
            self.pinger.remove(self.id);
            return Ok(());
        }
        let sockets = self.inside(|| Sockets::open(&desired.echoes))?;
        self.pinger.set(self.id, self.files, sockets, &desired.echoes);
        Ok(())
    }

    /// Runs this in the load balancer's namespace, and comes back.
    pub(crate) fn inside<T>(&self, work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
        if let Some(namespace) = &self.namespace {
            namespace::enter(namespace)?;
        }
        let result = work();
        self.leave()?;
        result
    }

    fn leave(&self) -> Result<(), Failure> {
        Ok(namespace::enter(&self.host_namespace)?)
    }
}

const LOOPBACK: u32 = 1;
