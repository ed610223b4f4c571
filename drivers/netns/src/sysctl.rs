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
const WANTED: [(&str, &str); 5] = [
    // Connections in the accept queue of a process that is replaced go to its successor.
    ("ipv4/tcp_migrate_req", "1"),
    ("ipv4/ip_local_port_range", "1024 65535"),
    ("ipv4/tcp_tw_reuse", "1"),
    ("ipv4/conf/all/promote_secondaries", "1"),
    // A process binds the VIP whether it is there already or not.
    ("ipv4/ip_nonlocal_bind", "1"),
];
const WANTED_IPV6: [(&str, &str); 1] = [("ipv6/ip_nonlocal_bind", "1")];

/// A load balancer routes for nobody, and nobody tells it where to send: what a namespace begins with is what the machine
/// has, and that may be a router. A change of `forwarding` changes others, so it comes first.
const OF_LINKS: [(&str, &str); 4] =
    [("forwarding", "0"), ("accept_redirects", "0"), ("send_redirects", "0"), ("rp_filter", "1")];
/// Routes are those of the subnet, not what a neighbour advertises.
const OF_LINKS_IPV6: [(&str, &str); 3] = [("forwarding", "0"), ("accept_redirects", "0"), ("accept_ra", "0")];

/// The groups whose processes may send echo requests.
const ECHOES: &str = "ipv4/ping_group_range";

/// What this kernel would not take.
static REFUSED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// What no namespace can do without.
pub fn require() -> Result<(), Failure> {
    set(REQUIRED, "0")
}

/// Sets up the namespace of the calling thread, before it has an interface.
pub fn prepare_namespace(ipv6: bool) -> Result<(), Failure> {
    require()?;
    allow_echoes();
    WANTED.iter().for_each(|(key, value)| set_if_possible(key, value));
    of_links("ipv4", &OF_LINKS, None).for_each(|(key, value)| set_if_possible(&key, value));
    set_ipv6(ipv6, None)
}

/// Sets up the namespace of the calling thread again, in which this link may be.
pub fn prepare_again(ipv6: bool, link: &str) -> Result<(), Failure> {
    prepare_namespace(ipv6)?;
    of_links("ipv4", &OF_LINKS, Some(link)).for_each(|(key, value)| set_if_there(&key, value));
    set_ipv6(ipv6, Some(link))
}

/// Of all links, of those to come, and of one that may be there.
fn of_links<'a>(
    version: &'a str,
    keys: &'a [(&'static str, &'static str)],
    link: Option<&'a str>,
) -> impl Iterator<Item = (String, &'static str)> + 'a {
    let links = ["all", "default"].into_iter().chain(link);
    links.flat_map(move |link| keys.iter().map(move |(key, value)| (format!("{version}/conf/{link}/{key}"), *value)))
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
pub fn is_unprepared(ipv6: bool, link: Option<&str>) -> bool {
    let refused = REFUSED.lock().unwrap_or_else(PoisonError::into_inner);
    let is = |key: &str, value: &str| {
        let text = fs::read_to_string(Path::new("/proc/sys/net").join(key));
        text.map(|text| text.split_whitespace().eq(value.split_whitespace()))
    };
    let differs = |(key, value): (&str, &str)| is(key, value).is_ok_and(|same| !same) && !refused.contains(key);
    // The kernel's own range is nobody.
    let of_links = of_links("ipv4", &OF_LINKS, link);
    let of_links = of_links.chain(self::of_links("ipv6", &OF_LINKS_IPV6, link).filter(|_| ipv6));
    wanted(ipv6).any(differs)
        || of_links.into_iter().any(|(key, value)| differs((key.as_str(), value)))
        || is(ECHOES, "1 0").is_ok_and(|nobody| nobody) && !refused.contains(ECHOES)
}

fn wanted(ipv6: bool) -> impl Iterator<Item = (&'static str, &'static str)> {
    let disable = if ipv6 { "0" } else { "1" };
    let switches = ["ipv6/conf/all/disable_ipv6", "ipv6/conf/default/disable_ipv6"].map(|key| (key, disable));
    let of_ipv6 = WANTED_IPV6.into_iter().filter(move |_| ipv6);
    [(REQUIRED, "0")].into_iter().chain(WANTED).chain(switches).chain(of_ipv6)
}

/// Without a VIP of IPv6 the namespace does not speak it: less to set up, and nothing to reach.
pub fn set_ipv6(on: bool, link: Option<&str>) -> Result<(), Failure> {
    if !Path::new("/proc/sys/net/ipv6").exists() {
        return if on { set("ipv6/conf/all/disable_ipv6", "0") } else { Ok(()) };
    }
    let disable = if on { "0" } else { "1" };
    set("ipv6/conf/all/disable_ipv6", disable)?;
    set("ipv6/conf/default/disable_ipv6", disable)?;
    if on {
        WANTED_IPV6.iter().for_each(|(key, value)| set_if_possible(key, value));
        of_links("ipv6", &OF_LINKS_IPV6, link).for_each(|(key, value)| set_if_there(&key, value));
    }
    Ok(())
}

/// The host has no business in a tenant's network: with IPv6 on a link of its own it would have an address there.
pub fn disable_ipv6(link: &str) {
    set_if_there(&of_link(link), "1");
}

/// Whether [`disable_ipv6`] would change anything. What this kernel refuses does not count.
pub fn speaks_ipv6(link: &str) -> bool {
    let key = of_link(link);
    let speaks = fs::read_to_string(Path::new("/proc/sys/net").join(&key)).is_ok_and(|text| text.trim() == "0");
    speaks && !REFUSED.lock().unwrap_or_else(PoisonError::into_inner).contains(&key)
}

fn of_link(link: &str) -> String {
    format!("ipv6/conf/{link}/disable_ipv6")
}

/// Raises the limits of the host's neighbour tables, which all namespaces share: an entry for each load balancer and each
/// member on its network. At the default of 1024 some hundred load balancers fill them, and connections of all stall.
pub fn raise_neighbour_table(entries: u32) {
    for table in ["ipv4/neigh/default", "ipv6/neigh/default"] {
        let limit = format!("{table}/gc_thresh3");
        match fs::read_to_string(Path::new("/proc/sys/net").join(&limit)) {
            Ok(text) if text.trim().parse::<u32>().is_ok_and(|now| now < entries) => {
                set_if_possible(&limit, &entries.to_string());
                // From here on the kernel clears what nobody has used for long.
                set_if_possible(&format!("{table}/gc_thresh2"), &(entries / 2).to_string());
            }
            Err(_) if entries > 0 && Path::new("/proc/sys/net").join(table).exists() => tracing::warn!(
                "the neighbour table cannot be raised to {entries} entries from here: in the machine's first network \
                 namespace, set net.{}.gc_thresh3; where it is full, traffic stalls",
                table.replace('/', ".")
            ),
            Ok(_) | Err(_) => {}
        }
    }
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
