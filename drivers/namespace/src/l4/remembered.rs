//! Clients that the kernel remembers to have a member: read before a load balancer goes, and put back where it comes
//! to.

use std::{collections::BTreeMap, net::IpAddr, path::Path};

use ballast_l4::{
    clients::{self, Remembered},
    mark::Mark,
    netlink::Netfilter,
};
use ballast_netns::namespace::{self, Look};

use super::kept::Kept;
use crate::{clients::Clients, failure::Failure, files::Files};

/// By listeners. To be called with the lock of the load balancer.
///
/// # Errors
/// Its notes or its table cannot be read.
pub fn read(files: &Files, netns: &Path) -> Result<Vec<Clients>, Failure> {
    let Some(kept) = Kept::read(files)? else { return Ok(Vec::new()) };
    let (Some(layout), Look::Present(file)) = (&kept.layout, namespace::look(netns)?) else { return Ok(Vec::new()) };
    let found = namespace::on_own_thread("clients", || -> Result<_, Failure> {
        namespace::enter(&file)?;
        Ok(clients::list(&mut Netfilter::open()?, layout)?)
    })??;
    let owners: BTreeMap<Mark, _> = kept.numbers.owners().collect();
    let mut tables = BTreeMap::<&str, Clients>::new();
    for one in &found {
        let Some(owner) = owners.get(&one.mark) else { continue };
        let table = tables.entry(&owner.listener).or_insert_with(|| Clients::new(&owner.listener));
        table.add(one.client.to_string(), &owner.member, one.milliseconds);
    }
    Ok(tables.into_values().collect())
}

/// Remembers them as well, as far as their listeners and members are there. To be called with the lock of the load
/// balancer.
///
/// # Errors
/// As [`read`], or the kernel refused it.
pub fn put(files: &Files, netns: &Path, tables: &[Clients]) -> Result<(), Failure> {
    let Some(kept) = Kept::read(files)?.filter(|_| !tables.is_empty()) else { return Ok(()) };
    let (Some(layout), Look::Present(file)) = (&kept.layout, namespace::look(netns)?) else { return Ok(()) };
    let of_one = |table: &Clients, (client, member, milliseconds): (&str, &str, u64)| {
        let (client, mark) = (client.parse::<IpAddr>().ok()?, kept.numbers.of_member(&table.of, member)?);
        Some(Remembered { client, mark, milliseconds })
    };
    let all: Vec<Remembered> =
        tables.iter().flat_map(|table| table.all().filter_map(|one| of_one(table, one))).collect();
    namespace::on_own_thread("clients", || -> Result<_, Failure> {
        namespace::enter(&file)?;
        Ok(clients::add(&mut Netfilter::open()?, layout, &all)?)
    })?
}
