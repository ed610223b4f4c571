//! Does what was planned. It decides nothing.

mod forward;
mod probe;

use std::{fs::File, path::PathBuf};

use ballast_netns::{
    address,
    announce::{Announcement, Announcer},
    attach::{Attachment, Interface},
    link, namespace, neighbour,
    netlink::Netlink,
    route,
    stock::Stock,
    sysctl,
};

use crate::{
    Wanted,
    failure::{Failure, chain},
    files::Files,
    l4::{knowledge::Knowledge, watch::Watch},
    plan::{Changes, Step},
    plug::Plug,
};

/// Everything that steps of one load balancer work with.
pub struct Work<'a> {
    pub id: &'a str,
    pub files: &'a Files,
    pub netns: PathBuf,
    pub announcer: &'a Announcer,
    /// How often an address is announced.
    pub announcements: u32,
    pub stock: &'a Stock,
    /// `None`: this kernel forwards nothing.
    pub watch: Option<&'a Watch>,
    pub host: Netlink,
    pub host_namespace: File,
    /// The load balancer's namespace, once there is one.
    pub namespace: Option<File>,
}

/// What steps that bring up need.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    pub wanted: Wanted<'a>,
    /// Of members of what is forwarded.
    pub knowledge: &'a Knowledge,
}

impl Work<'_> {
    pub fn step(&mut self, step: &Step, target: Target<'_>) -> Result<(), Failure> {
        let plug = target.wanted.plug;
        let purpose = target.wanted.purpose();
        match step {
            Step::MakeNamespace => {
                let created = match self.stock.take(purpose) {
                    Some(made) => namespace::name(made, &self.netns),
                    None => namespace::create(&self.netns, || sysctl::prepare_namespace(purpose)),
                };
                self.leave()?;
                self.namespace = Some(created?);
                Ok(())
            }
            Step::Prepare => self.inside(|| Ok(sysctl::prepare_again(purpose, &plug.interface.inside)?)),
            Step::Forward => self.forward(target),
            Step::StopForwarding => self.stop_forwarding(),
            Step::RemoveLink => self.remove_link(plug),
            Step::MakeLink => {
                let Some(namespace) = &self.namespace else { return Ok(()) };
                Ok(plug.interface.plug(&mut self.host, plug.card(), namespace)?)
            }
            Step::AttachLink => Ok(plug.interface.attach(&mut self.host, plug.card())?),
            Step::Probe => self.probe(target.wanted),
            Step::Configure(changes) => self.configure(target.wanted, changes),
            Step::Announce => self.announce(plug),
            Step::KeepCounts | Step::Unplug(_) | Step::DropNamespace | Step::AwaitLinkGone(_) | Step::Release(_) => {
                self.undo(step)
            }
        }
    }

    /// A step that takes away: it needs to know of nothing that is wanted. Another one is none.
    pub fn undo(&mut self, step: &Step) -> Result<(), Failure> {
        match step {
            Step::KeepCounts => self.keep_counts(),
            Step::Unplug(interface) => self.unplug(interface),
            Step::DropNamespace => {
                self.announcer.cancel(self.id);
                self.watch.iter().for_each(|watch| watch.remove(self.id));
                self.namespace = None;
                Ok(namespace::remove(&self.netns)?)
            }
            Step::AwaitLinkGone(interface) => Ok(interface.await_gone(&mut self.host)?),
            Step::Release(interface) => Ok(interface.release(&mut self.host)?),
            Step::MakeNamespace
            | Step::Prepare
            | Step::Forward
            | Step::StopForwarding
            | Step::RemoveLink
            | Step::MakeLink
            | Step::AttachLink
            | Step::Probe
            | Step::Configure(_)
            | Step::Announce => Ok(()),
        }
    }

    /// A port of Open vSwitch goes when that is told.
    fn unplug(&self, interface: &Interface) -> Result<(), Failure> {
        match interface.attachment {
            Attachment::Bridge(_) | Attachment::Macvlan(_) => self.remove_inner_end(&interface.inside),
            Attachment::Ovs(_) => Ok(()),
        }
    }

    fn remove_link(&self, plug: &Plug) -> Result<(), Failure> {
        self.remove_inner_end(&plug.interface.inside)
    }

    fn remove_inner_end(&self, name: &str) -> Result<(), Failure> {
        if self.namespace.is_none() {
            return Ok(());
        }
        self.inside(|| {
            let mut netlink = Netlink::open()?;
            match link::find(&mut netlink, name)? {
                Some(left) => Ok(netlink.batch(vec![link::delete(left.index, name)])?),
                None => Ok(()),
            }
        })
    }

    fn configure(&mut self, wanted: Wanted<'_>, changes: &Changes) -> Result<(), Failure> {
        let plug = wanted.plug;
        self.inside(|| {
            if !changes.add_addresses.is_empty() {
                sysctl::set_ipv6(wanted.purpose(), Some(&plug.interface.inside))?;
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

    /// Runs this in the load balancer's namespace, and comes back.
    pub fn inside<T>(&self, work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
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
