//! Kernel parameters. A file below `/proc/sys/net` is that of the namespace of the thread that opens it.

use std::{
    cell::OnceCell,
    collections::BTreeSet,
    fs::File,
    io::{self, Read as _, Write as _},
    os::fd::OwnedFd,
    path::Path,
    sync::{Mutex, PoisonError},
};

use nix::{
    errno::Errno,
    fcntl::{OFlag, open, openat},
    sys::stat::Mode,
};

use crate::failure::{Failure, Step, chain};

const ROOT: &str = "/proc/sys/net";

/// The parameters of the namespace of the calling thread. To find those of a version of IP the kernel goes past those of
/// every namespace of the machine, so that is done once; what is below them is found at once.
#[derive(Default)]
struct Parameters {
    ipv4: OnceCell<Result<OwnedFd, Errno>>,
    ipv6: OnceCell<Result<OwnedFd, Errno>>,
}

impl Parameters {
    fn open(&self, key: &str, flags: OFlag) -> io::Result<File> {
        let (version, rest) = key.split_once('/').unwrap_or((key, "."));
        let (directory, rest) = match version {
            "ipv4" => (&self.ipv4, rest),
            "ipv6" => (&self.ipv6, rest),
            _ => return Err(io::ErrorKind::NotFound.into()),
        };
        let found = directory.get_or_init(|| {
            open(&Path::new(ROOT).join(version), OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())
        });
        let directory = found.as_ref().map_err(|errno| io::Error::from(*errno))?;
        Ok(openat(directory, rest, flags | OFlag::O_CLOEXEC, Mode::empty())?.into())
    }

    fn read(&self, key: &str) -> io::Result<String> {
        let mut text = String::new();
        self.open(key, OFlag::O_RDONLY)?.read_to_string(&mut text)?;
        Ok(text)
    }

    fn write(&self, key: &str, value: &str) -> io::Result<()> {
        self.open(key, OFlag::O_WRONLY)?.write_all(value.as_bytes())
    }

    fn set(&self, key: &str, value: &str) -> Result<(), Failure> {
        self.write(key, value).step(|| format!("set {ROOT}/{key} to {value:?}"))
    }

    fn set_if_possible(&self, key: &str, value: &str) {
        if let Err(failure) = self.set(key, value) {
            tracing::warn!("{}", chain(&failure));
            REFUSED.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned());
        }
    }

    /// Of a link that may have gone, or of what this kernel may not have.
    fn set_if_there(&self, key: &str, value: &str) {
        if !matches!(self.open(key, OFlag::O_PATH), Err(error) if error.kind() == io::ErrorKind::NotFound) {
            self.set_if_possible(key, value);
        }
    }
}

/// What the namespace of a load balancer needs. The first cannot be missed by a process that is not root; without the
/// others it works less well, and that is said.
const REQUIRED: &str = "ipv4/ip_unprivileged_port_start";
const WANTED: [(&str, &str); 4] = [
    // Connections in the accept queue of a process that is replaced go to its successor.
    ("ipv4/tcp_migrate_req", "1"),
    ("ipv4/tcp_tw_reuse", "1"),
    ("ipv4/conf/all/promote_secondaries", "1"),
    // A process binds the VIP whether it is there already or not.
    ("ipv4/ip_nonlocal_bind", "1"),
];
const WANTED_IPV6: [(&str, &str); 1] = [("ipv6/ip_nonlocal_bind", "1")];

/// Ports of sockets whose owners have not chosen one. Where the kernel forwards as well, it has those below
/// (`ballast-l4`): an answer to a socket must not meet a client's flow.
const PORTS: &str = "ipv4/ip_local_port_range";

/// Nobody tells a load balancer where to send: what a namespace begins with is what the machine has, and that may be a
/// router.
const OF_LINKS: [(&str, &str); 3] = [("accept_redirects", "0"), ("send_redirects", "0"), ("rp_filter", "1")];
/// Routes are those of the subnet, not what a neighbour advertises.
const OF_LINKS_IPV6: [(&str, &str); 2] = [("accept_redirects", "0"), ("accept_ra", "0")];

/// What the namespace of a load balancer is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purpose {
    /// Without a VIP of IPv6 it does not speak that: less to set up, and nothing to reach.
    pub ipv6: bool,
    /// The kernel sends on what comes for some listeners, and has rules that drop everything else. Without, it routes for
    /// nobody.
    pub forwards: bool,
}

impl Purpose {
    const fn ports(self) -> (&'static str, &'static str) {
        (PORTS, if self.forwards { "61000 65535" } else { "1024 65535" })
    }

    /// Whether links forward. A change of it changes others, so it comes first.
    const fn forwarding(self) -> (&'static str, &'static str) {
        ("forwarding", if self.forwards { "1" } else { "0" })
    }

    /// Of all links, of those to come, and of one that may be there.
    fn of_links(self, ipv6: bool, link: Option<&str>) -> Vec<(String, &'static str)> {
        let (version, keys) = if ipv6 { ("ipv6", OF_LINKS_IPV6.as_slice()) } else { ("ipv4", OF_LINKS.as_slice()) };
        let links = ["all", "default"].into_iter().chain(link);
        let keys = |link| {
            let keys = [self.forwarding()].into_iter().chain(keys.iter().copied());
            keys.map(move |(key, value)| (format!("{version}/conf/{link}/{key}"), value))
        };
        links.flat_map(keys).collect()
    }
}

/// The groups whose processes may send echo requests.
const ECHOES: &str = "ipv4/ping_group_range";

/// What this kernel would not take.
static REFUSED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Of the namespace of the calling thread, in which addresses come and go: it says of none that it has it but on the link that has it,
/// and asks others in the name of none that may go.
const FLOATING: [(&str, &str); 2] = [("ipv4/conf/all/arp_ignore", "1"), ("ipv4/conf/all/arp_announce", "2")];

/// Makes the namespace of the calling thread one in which addresses come and go.
pub fn let_float() {
    let here = Parameters::default();
    FLOATING.into_iter().for_each(|(key, value)| here.set_if_possible(key, value));
}

/// What no namespace can do without.
pub fn require() -> Result<(), Failure> {
    Parameters::default().set(REQUIRED, "0")
}

/// Sets up the namespace of the calling thread, before it has an interface.
pub fn prepare_namespace(purpose: Purpose) -> Result<(), Failure> {
    prepare(&Parameters::default(), purpose)
}

fn prepare(here: &Parameters, purpose: Purpose) -> Result<(), Failure> {
    here.set(REQUIRED, "0")?;
    allow_echoes(here);
    if purpose.forwards {
        here.set("ipv4/conf/all/forwarding", "1")?;
    }
    WANTED.into_iter().chain([purpose.ports()]).for_each(|(key, value)| here.set_if_possible(key, value));
    purpose.of_links(false, None).iter().for_each(|(key, value)| here.set_if_possible(key, value));
    set_ipv6_of(here, purpose, None)
}

/// Sets up the namespace of the calling thread again, in which this link may be.
pub fn prepare_again(purpose: Purpose, link: &str) -> Result<(), Failure> {
    let here = Parameters::default();
    prepare(&here, purpose)?;
    purpose.of_links(false, Some(link)).iter().for_each(|(key, value)| here.set_if_there(key, value));
    set_ipv6_of(&here, purpose, Some(link))
}

/// Echo requests of PING monitors need no privilege. In a user's own namespace only groups that it has can be named.
fn allow_echoes(here: &Parameters) {
    if here.set(ECHOES, "0 2147483647").is_err() {
        let own = nix::unistd::getegid();
        here.set_if_possible(ECHOES, &format!("{own} {own}"));
    }
}

/// Whether the namespace of the calling thread is otherwise than [`prepare_namespace`] leaves it. What this kernel lacks or
/// refuses does not count: it would be so for ever.
pub fn is_unprepared(purpose: Purpose, link: Option<&str>) -> bool {
    let refused = REFUSED.lock().unwrap_or_else(PoisonError::into_inner);
    let here = Parameters::default();
    let is = |key: &str, value: &str| here.read(key).map(|text| text.split_whitespace().eq(value.split_whitespace()));
    let differs = |(key, value): (&str, &str)| is(key, value).is_ok_and(|same| !same) && !refused.contains(key);
    // The kernel's own range is nobody.
    let of_ipv6 = if purpose.ipv6 { purpose.of_links(true, link) } else { Vec::new() };
    let mut of_links = purpose.of_links(false, link).into_iter().chain(of_ipv6);
    wanted(purpose).any(differs)
        || of_links.any(|(key, value)| differs((key.as_str(), value)))
        || is(ECHOES, "1 0").is_ok_and(|nobody| nobody) && !refused.contains(ECHOES)
}

fn wanted(purpose: Purpose) -> impl Iterator<Item = (&'static str, &'static str)> {
    let disable = if purpose.ipv6 { "0" } else { "1" };
    let switches = ["ipv6/conf/all/disable_ipv6", "ipv6/conf/default/disable_ipv6"].map(|key| (key, disable));
    let of_ipv6 = WANTED_IPV6.into_iter().filter(move |_| purpose.ipv6);
    [(REQUIRED, "0"), purpose.ports()].into_iter().chain(WANTED).chain(switches).chain(of_ipv6)
}

/// Whether the namespace speaks IPv6.
pub fn set_ipv6(purpose: Purpose, link: Option<&str>) -> Result<(), Failure> {
    set_ipv6_of(&Parameters::default(), purpose, link)
}

fn set_ipv6_of(here: &Parameters, purpose: Purpose, link: Option<&str>) -> Result<(), Failure> {
    let on = purpose.ipv6;
    if !Path::new(ROOT).join("ipv6").exists() {
        return if on { here.set("ipv6/conf/all/disable_ipv6", "0") } else { Ok(()) };
    }
    let disable = if on { "0" } else { "1" };
    here.set("ipv6/conf/all/disable_ipv6", disable)?;
    here.set("ipv6/conf/default/disable_ipv6", disable)?;
    if on {
        if purpose.forwards {
            here.set("ipv6/conf/all/forwarding", "1")?;
        }
        WANTED_IPV6.iter().for_each(|(key, value)| here.set_if_possible(key, value));
        purpose.of_links(true, link).iter().for_each(|(key, value)| here.set_if_there(key, value));
    }
    Ok(())
}

/// The host has no business in a tenant's network. With IPv6 on a link of its own it would have an address there. And
/// whatever network an address of the host is in, Linux answers whoever asks for it on any link, so that a tenant whose
/// subnet has the host's own numbers could reach its services.
const HIDDEN: [(&str, &str, &str); 2] = [("ipv6", "disable_ipv6", "1"), ("ipv4", "arp_ignore", "8")];

/// Hides the host from who is on this link.
pub fn hide_host(link: &str) {
    let host = Parameters::default();
    for (version, key, value) in HIDDEN {
        host.set_if_there(&format!("{version}/conf/{link}/{key}"), value);
    }
}

/// Whether [`hide_host`] would change anything. What this kernel refuses does not count.
pub fn shows_host(link: &str) -> bool {
    let host = Parameters::default();
    HIDDEN.iter().any(|(version, key, value)| {
        let key = format!("{version}/conf/{link}/{key}");
        let differs = host.read(&key).is_ok_and(|text| text.trim() != *value);
        differs && !REFUSED.lock().unwrap_or_else(PoisonError::into_inner).contains(&key)
    })
}

/// Raises the limits of the host's neighbour tables, which all namespaces share: an entry for each load balancer and each
/// member on its network. At the default of 1024 some hundred load balancers fill them, and connections of all stall.
///
/// Returns what could not be raised, and what to do about it.
#[must_use]
pub fn raise_neighbour_table(entries: u32) -> Vec<String> {
    let (host, mut remarks) = (Parameters::default(), Vec::new());
    for table in ["ipv4/neigh/default", "ipv6/neigh/default"] {
        let limit = format!("{table}/gc_thresh3");
        let dotted = table.replace('/', ".");
        match host.read(&limit) {
            Ok(text) if text.trim().parse::<u32>().is_ok_and(|now| now < entries) => {
                if let Err(failure) = host.set(&limit, &entries.to_string()) {
                    let now = text.trim();
                    remarks.push(format!(
                        "the neighbour table has {now} entries and cannot be raised to {entries}: {}; set \
                         net.{dotted}.gc_thresh3; where it is full, traffic stalls",
                        chain(&failure)
                    ));
                }
                // From here on the kernel clears what nobody has used for long.
                host.set_if_possible(&format!("{table}/gc_thresh2"), &(entries / 2).to_string());
            }
            Err(_) if entries > 0 && Path::new(ROOT).join(table).exists() => remarks.push(format!(
                "the neighbour table cannot be raised to {entries} entries from here: in the machine's first network \
                 namespace, set net.{dotted}.gc_thresh3; where it is full, traffic stalls",
            )),
            Ok(_) | Err(_) => {}
        }
    }
    remarks
}
