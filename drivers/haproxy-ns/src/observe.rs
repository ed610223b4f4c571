//! What is on the host now. Nothing of it is remembered from an earlier pass.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    net::IpAddr,
    os::unix::fs::MetadataExt,
    path::Path,
};

use ballast_netns::{
    address,
    attach::{Interface, Seen, inner_end},
    link::{self, Link},
    namespace::{self, Look},
    neighbour,
    netlink::Netlink,
    route::{self, Hop},
    sysctl::{self, Purpose},
};

use crate::{
    confinement::Confinement,
    desired::{Desired, Plug},
    failure::{Failure, Step, chain},
    files::{Files, read_optional},
    haproxy::{
        process,
        runtime::{self, Change},
        socket,
    },
    l4::{kept::Kept, seen::Seen as Rules},
    page::{Page, kept},
    state::State,
};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Observed {
    pub(crate) namespace: Namespace,
    /// What of it is on the host's side.
    pub(crate) plugged: Seen,
    pub(crate) process: Process,
    /// The text of haproxy.cfg.
    pub(crate) config: Option<String>,
    /// What that says, if it is known.
    pub(crate) page: Option<Page>,
    /// haproxy.cfg.new exists: nobody knows which of the two runs.
    pub(crate) unsettled: bool,
    /// The process is set otherwise than haproxy.cfg says.
    pub(crate) drifted: bool,
    /// Servers that the process has still and haproxy.cfg no longer, as changes that take them away.
    pub(crate) leaving: Vec<Change>,
    /// The process runs as another user or group than it is to.
    pub(crate) foreign: bool,
    /// The process is not in the load balancer's control group, or that is set otherwise than it should be.
    pub(crate) unconfined: bool,
    /// There is a control group.
    pub(crate) grouped: bool,
    pub(crate) state: Option<State>,
    /// What the kernel forwards.
    pub(crate) rules: Rules,
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
    /// Entries of the neighbour table that do not count against its limit.
    pub(crate) neighbours: BTreeSet<IpAddr>,
    /// An address is there, and no way to its neighbours.
    pub(crate) unconnected: bool,
    /// Kernel parameters are set otherwise than they should be.
    pub(crate) unprepared: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Process {
    #[default]
    None,
    /// The process of the pid file lives, is in the namespace, and answers within its time.
    Answering(i32),
    /// There are processes, and none that can be spoken to.
    Deaf(Vec<i32>),
}

impl Observed {
    /// What was plugged: by the state, or by what is found when the state is lost.
    pub(crate) fn interface(&self) -> Option<Interface> {
        let stated = self.state.as_ref().and_then(|state| state.interface.clone());
        stated.or_else(|| match &self.namespace {
            Namespace::Present(Inside { link: Some(link), .. }) => Interface::of_inner_end(link),
            Namespace::Present(_) | Namespace::Stale | Namespace::Absent => None,
        })
    }
}

/// Whose traces are looked for, and where.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) id: &'a str,
    pub(crate) files: &'a Files,
    pub(crate) netns: &'a Path,
    pub(crate) confinement: &'a Confinement,
}

/// What a process was asked and said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) pid: i32,
    pub(crate) answer: Result<String, Failure>,
}

/// Asks the process of the pid file, when it lives.
pub(crate) fn ask(subject: Subject<'_>) -> Option<Said> {
    let pid = process::current(subject.files, subject.id)?;
    Some(Said { pid, answer: socket::ask(subject.files, runtime::QUESTION) })
}

/// Looks at the host. `desired`: what is asked for, if anything; what was plugged before is in the state. `ask`: what its
/// process says. The calling thread is in the host's namespace, and is again afterwards.
pub(crate) fn observe(
    subject: Subject<'_>,
    desired: Option<&Desired>,
    ask: impl FnOnce(Subject<'_>) -> Option<Said>,
    host: (&mut Netlink, &File),
) -> Result<(Observed, Option<File>), Failure> {
    let (netlink, host_namespace) = host;
    let Subject { id, files, netns, confinement } = subject;
    let interface = desired.and_then(|desired| desired.plug.as_ref()).map(|plug| &plug.interface);
    let forwarded = Kept::read(files)?;
    let mut observed = Observed {
        directory: files.directory.exists(),
        state: State::read(files)?,
        unsettled: files.new_config().exists(),
        grouped: confinement.has(id),
        config: read_optional(&files.config()).step(|| format!("read {}", files.config().display()))?,
        ..Observed::default()
    };
    observed.page = observed.config.as_deref().and_then(|text| kept::read(files, text));
    if !observed.directory && interface.is_some() && matches!(namespace::look(netns)?, Look::Absent) {
        // The usual first deploy: there is nothing to look for.
        return Ok((observed, None));
    }
    if observed.unsettled {
        process::settle(files, id)?;
    }
    let plugged = observed.interface().or_else(|| interface.cloned());
    let file = match namespace::look(netns)? {
        Look::Absent => None,
        Look::Stale => {
            observed.namespace = Namespace::Stale;
            None
        }
        Look::Present(file) => {
            let purpose = desired.filter(|desired| desired.plug.is_some()).map(Desired::purpose);
            let forwards = forwarded.is_some() || purpose.is_some_and(|purpose| purpose.forwards);
            namespace::enter(&file)?;
            let inside = inside(plugged.as_ref(), purpose);
            // Where nothing is or was forwarded the kernel is not asked: it may know nothing of such tables.
            // It forwards all the same where the notes of that are lost, and then its parameters are not as they should be.
            let strange = inside.as_ref().is_ok_and(|inside| inside.unprepared);
            let rules = match (forwards, strange) {
                (true, _) => Rules::find(forwarded.clone()),
                (false, true) => Ok(Rules::find(None).unwrap_or_default()),
                (false, false) => Ok(Rules::default()),
            };
            namespace::enter(host_namespace)?;
            observed.namespace = Namespace::Present(inside?);
            // What is to go can go without a word of its rules.
            observed.rules = if desired.is_none() { rules.unwrap_or_default() } else { rules? };
            Some(file)
        }
    };
    if file.is_none() {
        observed.rules = Rules::without_table(forwarded);
    }
    match desired {
        // What is to go need not say anything first.
        None => observed.process = deaf(files, id)?,
        Some(desired) => listen(&mut observed, subject, desired, ask(subject), file.as_ref())?,
    }
    if let Some(interface) = &plugged {
        let plug = desired.and_then(|desired| desired.plug.as_ref());
        let card = plug.filter(|plug| plug.interface == *interface).map(Plug::card);
        observed.plugged = interface.look(netlink, card)?;
    }
    Ok((observed, file))
}

/// What the process is like, by what it `said`: whether it answers, and whether somebody has used its socket. Members
/// that are pinged no more count as well.
fn listen(
    observed: &mut Observed,
    subject: Subject<'_>,
    desired: &Desired,
    said: Option<Said>,
    namespace: Option<&File>,
) -> Result<(), Failure> {
    let Subject { id, files, .. } = subject;
    match said {
        Some(Said { pid, answer: Ok(answer) }) if namespace.is_none_or(|namespace| is_in(pid, namespace)) => {
            observed.process = Process::Answering(pid);
            observed.unconfined = !subject.confinement.holds(id, pid);
            observed.foreign = desired.identity.is_some_and(|identity| process::user(pid) != Some(identity));
            let pinged = desired.pinged();
            let same = observed.config.as_ref() == Some(&desired.config);
            let page = observed.page.as_ref().or(desired.page.as_ref().filter(|_| same));
            observed.drifted = page.is_some_and(|page| runtime::differs(&answer, page, &pinged));
            observed.leaving = page.map(|page| runtime::leaving(&answer, page)).unwrap_or_default();
        }
        said => {
            if let Some(Said { pid, answer: Err(failure) }) = said {
                tracing::warn!(load_balancer = %id, pid, "{}", chain(&failure));
            }
            observed.process = deaf(files, id)?;
        }
    }
    Ok(())
}

fn deaf(files: &Files, id: &str) -> Result<Process, Failure> {
    let pids = process::all(files, id)?;
    Ok(if pids.is_empty() { Process::None } else { Process::Deaf(pids) })
}

/// Whether the process runs in this namespace: the name may have been given to another one.
fn is_in(pid: i32, namespace: &File) -> bool {
    let its = fs::metadata(format!("/proc/{pid}/ns/net"));
    matches!((its, namespace.metadata()), (Ok(its), Ok(named)) if (its.dev(), its.ino()) == (named.dev(), named.ino()))
}

/// `purpose`: what the namespace is to be, if it is to be anything.
fn inside(interface: Option<&Interface>, purpose: Option<Purpose>) -> Result<Inside, Failure> {
    let mut netlink = Netlink::open()?;
    let links = link::all(&mut netlink)?;
    let named = |name: &str| links.iter().find(|link| link.name == name);
    let link = inner_end(&links, interface);
    let routes = route::all(&mut netlink)?;
    let mut inside = Inside {
        loopback_up: named("lo").is_some_and(|link| link.up),
        unprepared: purpose.is_some_and(|purpose| sysctl::is_unprepared(purpose, link.map(|link| link.name.as_str()))),
        ..Inside::default()
    };
    if let Some(link) = link {
        inside.addresses = address::all(&mut netlink, link.index)?;
        inside.neighbours = neighbour::all(&mut netlink, link.index)?;
        inside.link = Some(link.clone());
    }
    inside.unconnected = !inside.addresses.iter().all(|address| routes.connect(*address));
    inside.hops = routes.hops;
    Ok(inside)
}
