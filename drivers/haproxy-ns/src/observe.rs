//! What is on the host now. Nothing of it is remembered from an earlier pass.

use std::{collections::BTreeSet, fs::File, net::IpAddr, path::Path};

use crate::{
    desired::Desired,
    failure::{Failure, Step},
    files::{Files, read_optional},
    haproxy::{process, runtime, servers, socket},
    net::{
        link::{self, Hop, Link},
        namespace::{self, Look},
        netlink::Netlink,
    },
    state::{Interface, State},
};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Observed {
    pub(crate) namespace: Namespace,
    /// The end of the pair on the bridge.
    pub(crate) outside: Option<Link>,
    /// The index of the bridge that it should be on.
    pub(crate) bridge: Option<u32>,
    pub(crate) process: Process,
    /// The text of haproxy.cfg.
    pub(crate) config: Option<String>,
    /// haproxy.cfg.new exists: nobody knows which of the two runs.
    pub(crate) unsettled: bool,
    /// The process's servers are set otherwise than haproxy.cfg says.
    pub(crate) drifted: bool,
    pub(crate) state: Option<State>,
    /// The directory exists.
    pub(crate) directory: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Namespace {
    #[default]
    Absent,
    /// A name without a namespace.
    Stale,
    Present(Inside),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Inside {
    pub(crate) loopback_up: bool,
    pub(crate) link: Option<Link>,
    pub(crate) addresses: BTreeSet<(IpAddr, u8)>,
    pub(crate) hops: BTreeSet<Hop>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Process {
    #[default]
    None,
    /// The process of the pid file lives and listens on its socket.
    Answering(i32),
    /// There are processes, and none that can be spoken to.
    Deaf(Vec<i32>),
}

impl Observed {
    /// What was plugged: by the state, or by what is found when the state is lost.
    pub(crate) fn interface(&self) -> Option<Interface> {
        let stated = self.state.as_ref().and_then(|state| state.interface.clone());
        stated.or_else(|| match &self.namespace {
            Namespace::Present(Inside { link: Some(link), .. }) => {
                let port = link.name.strip_prefix("ns-")?;
                Some(Interface::of_port(port, "", false))
            }
            Namespace::Present(_) | Namespace::Stale | Namespace::Absent => None,
        })
    }
}

/// Looks at the host. `desired`: what is asked for, if anything; what was plugged before is in the state. The calling
/// thread is in the host's namespace, and is again afterwards.
pub(crate) fn observe(
    files: &Files,
    id: &str,
    netns: &Path,
    desired: Option<&Desired>,
    host: (&mut Netlink, &File),
) -> Result<(Observed, Option<File>), Failure> {
    let (netlink, host_namespace) = host;
    let interface = desired.and_then(|desired| desired.plug.as_ref()).map(|plug| &plug.interface);
    let mut observed = Observed {
        directory: files.directory.exists(),
        state: State::read(files)?,
        unsettled: files.new_config().exists(),
        config: read_optional(&files.config()).step(|| format!("read {}", files.config().display()))?,
        ..Observed::default()
    };
    if !observed.directory && interface.is_some() && matches!(namespace::look(netns)?, Look::Absent) {
        // The usual first deploy: there is nothing to look for.
        return Ok((observed, None));
    }
    if observed.unsettled {
        process::settle(files, id)?;
    }
    observed.process = process(files, id)?;
    observed.drifted = drifted(files, &observed, desired)?;
    let plugged = observed.interface().or_else(|| interface.cloned());
    if let Some(interface) = &plugged {
        observed.outside = link::find(netlink, &interface.outside)?;
        observed.bridge = link::find(netlink, &interface.bridge)?.map(|bridge| bridge.index);
    }
    let file = match namespace::look(netns)? {
        Look::Absent => None,
        Look::Stale => {
            observed.namespace = Namespace::Stale;
            None
        }
        Look::Present(file) => {
            namespace::enter(&file)?;
            let inside = inside(plugged.as_ref());
            namespace::enter(host_namespace)?;
            observed.namespace = Namespace::Present(inside?);
            Some(file)
        }
    };
    Ok((observed, file))
}

/// Whether somebody has used the socket; members that are pinged no more count as well.
fn drifted(files: &Files, observed: &Observed, desired: Option<&Desired>) -> Result<bool, Failure> {
    let (Process::Answering(_), Some(config), Some(desired)) = (&observed.process, &observed.config, desired) else {
        return Ok(false);
    };
    let pinged = desired.echoes.iter().map(|echoes| (echoes.pool.clone(), echoes.member.clone())).collect();
    Ok(runtime::differs(&socket::ask(files, servers::COMMAND)?, config, &pinged))
}

/// The process, as far as its own files and `/proc` tell.
pub(crate) fn process(files: &Files, id: &str) -> Result<Process, Failure> {
    match process::current(files, id) {
        Some(pid) if socket::answers(files) => Ok(Process::Answering(pid)),
        _ => match process::all(files, id)? {
            pids if pids.is_empty() => Ok(Process::None),
            pids => Ok(Process::Deaf(pids)),
        },
    }
}

fn inside(interface: Option<&Interface>) -> Result<Inside, Failure> {
    let mut netlink = Netlink::open()?;
    let links = link::all(&mut netlink)?;
    let named = |name: &str| links.iter().find(|link| link.name == name);
    let mut inside = Inside {
        loopback_up: named("lo").is_some_and(|link| link.up),
        hops: link::hops(&mut netlink)?,
        ..Inside::default()
    };
    let link = match interface {
        Some(interface) => named(&interface.inside),
        None => links.iter().find(|link| link.name.starts_with("ns-")),
    };
    if let Some(link) = link {
        inside.addresses = link::addresses(&mut netlink, link.index)?;
        inside.link = Some(link.clone());
    }
    Ok(inside)
}
