//! What is done in the namespace of a load balancer. All of it blocks, on a thread of its own.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    net::IpAddr,
    os::unix::fs::MetadataExt,
    path::Path,
};

use ballast_netns::{
    address,
    announce::Announcement,
    claims::{Ask, Ear, listen},
    failure::{Failure, chain},
    link::{self, Link},
    namespace::{self, Look},
    netlink::Netlink,
};

use super::Watched;

/// What is open in its namespace.
pub(super) struct Open {
    pub(super) ears: Vec<Ear>,
    /// Which namespace it is: another one of that name has another number.
    pub(super) number: u64,
}

/// `None`: it is not there, or has no such link.
pub(super) fn open(watched: &Watched) -> Result<Option<Open>, Failure> {
    let Some(number) = number(&watched.namespace) else { return Ok(None) };
    let addresses: BTreeSet<IpAddr> = watched.addresses.iter().copied().collect();
    let listen = |link: &Link| listen(&link.name, watched.mac, &addresses, Ask::Owners);
    let ears = inside(watched, |_, link| listen(link))?;
    Ok(ears.map(|ears| Open { ears, number }))
}

pub(super) fn number(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().map(|named| named.ino())
}

/// Takes the addresses off, and the link down. What serves there goes on, and nobody gets to it.
pub(super) fn withdraw(watched: &Watched) -> Result<(), Failure> {
    inside(watched, |netlink, link| {
        let mut batch = vec![link::set_down(link.index, &link.name)];
        let addresses = address::all(netlink, link.index)?;
        batch.extend(addresses.iter().map(|(address, length)| address::remove(link.index, *address, *length)));
        netlink.batch(batch)
    })
    .map(drop)
}

/// Says the addresses to the neighbours, once.
pub(super) fn announce(watched: &Watched) -> Result<(), Failure> {
    inside(watched, |_, link| {
        for address in &watched.addresses {
            let sent = Announcement::prepare(&link.name, link.index, watched.mac, *address)?.send();
            sent.map_err(|error| Failure::io(format!("announce {address}"), error))?;
        }
        Ok(())
    })
    .map(drop)
}

/// Does this in its namespace, with its link. `None`: there is no such.
fn inside<T: Send>(
    watched: &Watched,
    work: impl FnOnce(&mut Netlink, &Link) -> Result<T, Failure> + Send,
) -> Result<Option<T>, Failure> {
    let Look::Present(file) = namespace::look(&watched.namespace)? else { return Ok(None) };
    namespace::on_own_thread("warden", || enter(&file, watched.mac, work))?
}

fn enter<T>(
    file: &File,
    mac: [u8; 6],
    work: impl FnOnce(&mut Netlink, &Link) -> Result<T, Failure>,
) -> Result<Option<T>, Failure> {
    namespace::enter(file)?;
    let mut netlink = Netlink::open()?;
    let its = link::all(&mut netlink)?.into_iter().find(|link| link.mac == Some(mac));
    its.map(|link| work(&mut netlink, &link)).transpose()
}

pub(super) fn told(watched: &Watched, failure: &Failure) {
    tracing::warn!(load_balancer.id = %watched.id, "{}", chain(failure));
}
