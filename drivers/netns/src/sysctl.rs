//! Kernel parameters. A file below `/proc/sys/net` is that of the namespace of the thread that opens it.

use std::{
    collections::BTreeSet,
    fs, io,
    path::Path,
    sync::{Mutex, PoisonError},
};

use crate::failure::{Failure, Step, chain};

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

/// What no namespace can do without.
pub fn require() -> Result<(), Failure> {
    set(REQUIRED, "0")
}

/// Sets up the namespace of the calling thread, before it has an interface.
pub fn prepare_namespace(purpose: Purpose) -> Result<(), Failure> {
    require()?;
    allow_echoes();
    if purpose.forwards {
        set("ipv4/conf/all/forwarding", "1")?;
    }
    WANTED.into_iter().chain([purpose.ports()]).for_each(|(key, value)| set_if_possible(key, value));
    purpose.of_links(false, None).iter().for_each(|(key, value)| set_if_possible(key, value));
    set_ipv6(purpose, None)
}

/// Sets up the namespace of the calling thread again, in which this link may be.
pub fn prepare_again(purpose: Purpose, link: &str) -> Result<(), Failure> {
    prepare_namespace(purpose)?;
    purpose.of_links(false, Some(link)).iter().for_each(|(key, value)| set_if_there(key, value));
    set_ipv6(purpose, Some(link))
}

/// Echo requests of PING monitors need no privilege. In a user's own namespace only groups that it has can be named.
fn allow_echoes() {
    if set(ECHOES, "0 2147483647").is_err() {
        let own = nix::unistd::getegid();
        set_if_possible(ECHOES, &format!("{own} {own}"));
    }
}

/// Whether the namespace of the calling thread is otherwise than [`prepare_namespace`] leaves it. What this kernel lacks or
/// refuses does not count: it would be so for ever.
pub fn is_unprepared(purpose: Purpose, link: Option<&str>) -> bool {
    let refused = REFUSED.lock().unwrap_or_else(PoisonError::into_inner);
    let is = |key: &str, value: &str| {
        let text = fs::read_to_string(Path::new("/proc/sys/net").join(key));
        text.map(|text| text.split_whitespace().eq(value.split_whitespace()))
    };
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
    let on = purpose.ipv6;
    if !Path::new("/proc/sys/net/ipv6").exists() {
        return if on { set("ipv6/conf/all/disable_ipv6", "0") } else { Ok(()) };
    }
    let disable = if on { "0" } else { "1" };
    set("ipv6/conf/all/disable_ipv6", disable)?;
    set("ipv6/conf/default/disable_ipv6", disable)?;
    if on {
        if purpose.forwards {
            set("ipv6/conf/all/forwarding", "1")?;
        }
        WANTED_IPV6.iter().for_each(|(key, value)| set_if_possible(key, value));
        purpose.of_links(true, link).iter().for_each(|(key, value)| set_if_there(key, value));
    }
    Ok(())
}

/// The host has no business in a tenant's network. With IPv6 on a link of its own it would have an address there. And
/// whatever network an address of the host is in, Linux answers whoever asks for it on any link, so that a tenant whose
/// subnet has the host's own numbers could reach its services.
const HIDDEN: [(&str, &str, &str); 2] = [("ipv6", "disable_ipv6", "1"), ("ipv4", "arp_ignore", "8")];

/// Hides the host from who is on this link.
pub fn hide_host(link: &str) {
    for (version, key, value) in HIDDEN {
        set_if_there(&format!("{version}/conf/{link}/{key}"), value);
    }
}

/// Whether [`hide_host`] would change anything. What this kernel refuses does not count.
pub fn shows_host(link: &str) -> bool {
    HIDDEN.iter().any(|(version, key, value)| {
        let key = format!("{version}/conf/{link}/{key}");
        let is = fs::read_to_string(Path::new("/proc/sys/net").join(&key));
        let differs = is.is_ok_and(|text| text.trim() != *value);
        differs && !REFUSED.lock().unwrap_or_else(PoisonError::into_inner).contains(&key)
    })
}

/// Raises the limits of the host's neighbour tables, which all namespaces share: an entry for each load balancer and each
/// member on its network. At the default of 1024 some hundred load balancers fill them, and connections of all stall.
///
/// Returns what could not be raised, and what to do about it.
#[must_use]
pub fn raise_neighbour_table(entries: u32) -> Vec<String> {
    let mut remarks = Vec::new();
    for table in ["ipv4/neigh/default", "ipv6/neigh/default"] {
        let limit = format!("{table}/gc_thresh3");
        let dotted = table.replace('/', ".");
        match fs::read_to_string(Path::new("/proc/sys/net").join(&limit)) {
            Ok(text) if text.trim().parse::<u32>().is_ok_and(|now| now < entries) => {
                if let Err(failure) = set(&limit, &entries.to_string()) {
                    let now = text.trim();
                    remarks.push(format!(
                        "the neighbour table has {now} entries and cannot be raised to {entries}: {}; set \
                         net.{dotted}.gc_thresh3; where it is full, traffic stalls",
                        chain(&failure)
                    ));
                }
                // From here on the kernel clears what nobody has used for long.
                set_if_possible(&format!("{table}/gc_thresh2"), &(entries / 2).to_string());
            }
            Err(_) if entries > 0 && Path::new("/proc/sys/net").join(table).exists() => remarks.push(format!(
                "the neighbour table cannot be raised to {entries} entries from here: in the machine's first network \
                 namespace, set net.{dotted}.gc_thresh3; where it is full, traffic stalls",
            )),
            Ok(_) | Err(_) => {}
        }
    }
    remarks
}

fn set_if_there(key: &str, value: &str) {
    if Path::new("/proc/sys/net").join(key).exists() {
        set_if_possible(key, value);
    }
}

fn set_if_possible(key: &str, value: &str) {
    if let Err(failure) = set(key, value) {
        tracing::warn!("{}", chain(&failure));
        REFUSED.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned());
    }
}

fn set(key: &str, value: &str) -> Result<(), Failure> {
    let path = Path::new("/proc/sys/net").join(key);
    let write = || -> io::Result<()> {
        let mut file = fs::OpenOptions::new().write(true).open(&path)?;
        io::Write::write_all(&mut file, value.as_bytes())
    };
    write().step(|| format!("set {} to {value:?}", path.display()))
}
