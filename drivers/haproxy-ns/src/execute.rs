//! Does what was planned, step by step, and says how long each took. It decides nothing.

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
    link::{self, Link},
    namespace, neighbour,
    netlink::Netlink,
    route, sysctl,
};

use crate::{
    confinement::Confinement,
    desired::{Desired, Plug},
    failure::{Failure, chain},
    files::Files,
    haproxy::process,
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
            (Step::ChangeServers { pid, changes }, _) => self.change_servers(*pid, changes, target),
            (Step::Confine(pid), _) => {
                self.confine(&[*pid]);
                Ok(())
            }
            (Step::AwaitHaproxy, _) => self.await_haproxy(),
            (Step::KeepPage, _) => {
                desired.page.as_ref().map_or(Ok(()), |page| kept::write(self.files, page, &desired.config))
            }
            (Step::ConfineStarted, _) => self.confine_started(),
            (Step::MakeNamespace, Some(plug)) => self.make_namespace(plug),
            (Step::Prepare, Some(plug)) => {
                self.inside(|| Ok(sysctl::prepare_again(plug.address.is_ipv6(), &plug.interface.inside)?))
            }
            (Step::MakeLink, Some(plug)) => self.make_link(plug),
            (Step::AttachLink, Some(plug)) => Ok(plug.interface.attach(&mut self.host)?),
            (Step::Configure(changes), Some(plug)) => self.configure(plug, changes),
            (Step::Announce, Some(plug)) => self.announce(plug),
            (
                Step::MakeNamespace
                | Step::Prepare
                | Step::MakeLink
                | Step::AttachLink
                | Step::Configure(_)
                | Step::Announce,
                None,
            ) => Ok(()),
            (
                Step::EndProcesses(_)
                | Step::DropNamespace
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
            base: self.state.base,
            echoes: if generation == 0 { Vec::new() } else { desired.echoes.clone() },
        };
        self.state.write(self.files)
    }

    fn note_done(&mut self, plug: Option<&Plug>, desired: &Desired) -> Result<(), Failure> {
        self.state.base = self.state.base.settled(process::current(self.files, self.id));
        self.note(desired.generation, plug, desired)
    }

    fn make_namespace(&mut self, plug: &Plug) -> Result<(), Failure> {
        let created = namespace::create(&self.netns, || sysctl::prepare_namespace(plug.address.is_ipv6()));
        self.leave()?;
        self.namespace = Some(created?);
        Ok(())
    }

    fn make_link(&mut self, plug: &Plug) -> Result<(), Failure> {
        let Some(namespace) = &self.namespace else { return Ok(()) };
        Ok(plug.interface.plug(&mut self.host, plug.mac, namespace)?)
    }

    fn configure(&mut self, plug: &Plug, changes: &Changes) -> Result<(), Failure> {
        self.inside(|| {
            if changes.add_address {
                sysctl::set_ipv6(plug.address.is_ipv6(), Some(&plug.interface.inside))?;
            }
            let mut netlink = Netlink::open()?;
            let index = require(&mut netlink, &plug.interface.inside)?.index;
            let remove = changes.remove_addresses.iter();
            let mut batch: Vec<_> = remove.map(|(address, length)| address::remove(index, *address, *length)).collect();
            batch.extend(changes.remove_hops.iter().map(|hop| route::remove(index, hop)));
            batch.extend(changes.mac.then(|| link::set_mac(index, plug.mac)));
            if changes.links_up {
                batch.extend([link::set_up(LOOPBACK, "lo"), link::set_up(index, &plug.interface.inside)]);
            }
            batch.extend(changes.add_address.then(|| address::add(index, plug.address, plug.prefix_length)));
            batch.extend(changes.add_hops.iter().map(|hop| route::add(index, hop)));
            batch.extend(changes.remove_neighbours.iter().map(|address| neighbour::remove(index, *address)));
            batch.extend(changes.add_neighbours.iter().map(|address| neighbour::add(index, *address)));
            netlink.batch(batch)?;
            // Asked again so that the kernel acts on the carrier now: until then frames are dropped.
            require(&mut netlink, &plug.interface.inside).map(drop)
        })?;
        require(&mut self.host, &plug.interface.outside).map(drop)
    }

    fn announce(&mut self, plug: &Plug) -> Result<(), Failure> {
        let prepared = self.inside(|| {
            let index = require(&mut Netlink::open()?, &plug.interface.inside)?.index;
            Ok(Announcement::prepare(&plug.interface.inside, index, plug.mac, plug.address)?)
        });
        let sent = prepared.and_then(|one| Ok(self.announcer.announce(self.id, one, self.announcements)?));
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

fn require(netlink: &mut Netlink, name: &str) -> Result<Link, Failure> {
    let gone = || Failure::io(format!("look up link {name}"), nix::errno::Errno::ENODEV);
    link::find(netlink, name)?.ok_or_else(gone)
}
