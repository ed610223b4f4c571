//! What is on the host now. Nothing of it is remembered from an earlier pass.

use std::{collections::BTreeSet, fs::File, net::IpAddr, path::Path};

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
    Wanted,
    failure::Failure,
    files::Files,
    l4::{kept::Kept, seen::Seen as Rules},
};

/// Of a load balancer's namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    pub namespace: Namespace,
    /// What of it is on the host's side.
    pub plugged: Seen,
    /// What the kernel forwards.
    pub rules: Rules,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Namespace {
    #[default]
    Absent,
    /// A name without a namespace.
    Stale,
    Present(Inside),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inside {
    pub loopback_up: bool,
    pub link: Option<Link>,
    pub addresses: BTreeSet<(IpAddr, u8)>,
    pub hops: BTreeSet<Hop>,
    /// Entries of the neighbour table that do not count against its limit.
    pub neighbours: BTreeSet<IpAddr>,
    /// An address is there, and no way to its neighbours.
    pub unconnected: bool,
    /// Kernel parameters are set otherwise than they should be.
    pub unprepared: bool,
}

impl Observed {
    /// What was plugged: as it was noted, or what is found where the note is lost.
    #[must_use]
    pub fn interface(&self, noted: Option<&Interface>) -> Option<Interface> {
        noted.cloned().or_else(|| match &self.namespace {
            Namespace::Present(Inside { link: Some(link), .. }) => Interface::of_inner_end(link),
            Namespace::Present(_) | Namespace::Stale | Namespace::Absent => None,
        })
    }

    #[must_use]
    pub fn inside(&self) -> Option<&Inside> {
        match &self.namespace {
            Namespace::Present(inside) => Some(inside),
            Namespace::Absent | Namespace::Stale => None,
        }
    }
}

/// Whose traces are looked for, and where.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    pub files: &'a Files,
    pub netns: &'a Path,
    /// What was plugged, as it was noted.
    pub noted: Option<&'a Interface>,
    /// Whom it sent to on its own network, as it was noted.
    pub neighbours: Option<&'a BTreeSet<IpAddr>>,
    /// This kernel has tables of rules: without, it is not asked for any.
    pub tables: bool,
}

/// Whether nothing of it is there: the usual first deploy.
pub fn is_new(files: &Files, netns: &Path) -> Result<bool, Failure> {
    Ok(!files.directory.exists() && matches!(namespace::look(netns)?, Look::Absent))
}

/// Looks at the host. `wanted`: `None` where all is to go. The calling thread is in the host's namespace, and is again
/// afterwards. With it the namespace.
pub fn observe(
    subject: Subject<'_>,
    wanted: Option<Wanted<'_>>,
    host: (&mut Netlink, &File),
) -> Result<(Observed, Option<File>), Failure> {
    let (netlink, host_namespace) = host;
    let Subject { files, netns, noted, neighbours, tables } = subject;
    let interface = wanted.map(|wanted| &wanted.plug.interface);
    let plugged = noted.or(interface);
    let kept = Kept::read(files)?;
    let mut observed = Observed::default();
    let file = match namespace::look(netns)? {
        Look::Absent => None,
        Look::Stale => {
            observed.namespace = Namespace::Stale;
            None
        }
        Look::Present(file) => {
            let purpose = wanted.map(|wanted| wanted.purpose());
            let known = kept.is_some() || wanted.is_some_and(|wanted| wanted.forwarded.is_some());
            namespace::enter(&file)?;
            let asked_for = wanted.map(|wanted| &wanted.plug.neighbours);
            let neighbours: BTreeSet<_> = asked_for.into_iter().chain(neighbours).flatten().copied().collect();
            let inside = inside(plugged, purpose, neighbours);
            // There may be rules of which the notes are lost: nobody would get in that they do not let in. Notes of
            // another kernel's rules say nothing of this one.
            let rules = match (tables, known) {
                (true, true) => Rules::find(kept.clone()),
                (true, false) => Ok(Rules::find(None).unwrap_or_default()),
                (false, _) => Ok(Rules::default()),
            };
            namespace::enter(host_namespace)?;
            observed.namespace = Namespace::Present(inside?);
            // What is to go can go without a word of its rules.
            observed.rules = if wanted.is_none() { rules.unwrap_or_default() } else { rules? };
            Some(file)
        }
    };
    if file.is_none() && tables {
        observed.rules = Rules::without_table(kept);
    }
    if let Some(interface) = plugged {
        let card = wanted.filter(|wanted| wanted.plug.interface == *interface).map(|wanted| wanted.plug.card());
        observed.plugged = interface.look(netlink, card)?;
    }
    Ok((observed, file))
}

/// `purpose`: what the namespace is to be, if it is to be anything. `neighbours`: those that may be noted.
fn inside(
    interface: Option<&Interface>,
    purpose: Option<Purpose>,
    neighbours: BTreeSet<IpAddr>,
) -> Result<Inside, Failure> {
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
        inside.neighbours = neighbour::known(&mut netlink, link.index, neighbours)?;
        inside.link = Some(link.clone());
    }
    inside.unconnected = !inside.addresses.iter().all(|address| routes.connect(*address));
    inside.hops = routes.hops;
    Ok(inside)
}
