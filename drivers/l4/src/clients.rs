//! Which member each client is remembered to have: read from the maps that rules fill, and put into those of another
//! namespace.

use std::{collections::BTreeMap, net::IpAddr};

use ipnet::IpNet;

use crate::{
    desired::Persistence,
    failure::Failure,
    layout::Layout,
    mark::Mark,
    netlink::{Message, Netfilter},
    table,
    wire::{
        Command, Element, Value,
        attribute::{find, long, parse},
    },
};

/// A client changes what is remembered while it is written: so often it is tried.
const ROUNDS: u32 = 3;

/// A client, or a network of which the part that counts is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remembered {
    pub client: IpAddr,
    pub mark: Mark,
    /// For how long, if it does not come again.
    pub milliseconds: u64,
}

/// The name of the map, and how many bits of an address count in it.
pub(crate) fn map(v6: bool, listener: u16, persistence: Persistence) -> (String, u8) {
    let (digit, prefix) = match v6 {
        false => (4, persistence.prefix4.min(32)),
        true => (6, persistence.prefix6.min(128)),
    };
    (format!("p{digit}_{listener}_{prefix}"), prefix)
}

/// The maps of a layout: whether it is IPv6, whose, and how it is remembered.
fn maps(layout: &Layout) -> impl Iterator<Item = (bool, u16, Persistence)> {
    let sticky = layout.listeners.iter().filter_map(|listener| Some((listener.number, listener.persistence?)));
    sticky.flat_map(|(number, persistence)| [false, true].map(|v6| (v6, number, persistence)))
}

/// All clients that are remembered.
///
/// # Errors
/// The kernel does not let this process ask.
pub fn list(netfilter: &mut Netfilter, layout: &Layout) -> Result<Vec<Remembered>, Failure> {
    let mut all = Vec::new();
    for (v6, number, persistence) in maps(layout) {
        let found = elements(netfilter, &map(v6, number, persistence).0)?;
        all.extend(found.into_iter().flatten().filter(|one| one.mark.listener() == number));
    }
    Ok(all)
}

/// Remembers these as well, whatever is known of them. Those whose listener remembers nobody are left out.
///
/// # Errors
/// The kernel refused it: there are more than a map holds, or clients came and came.
pub fn add(netfilter: &mut Netfilter, layout: &Layout, clients: &[Remembered]) -> Result<(), Failure> {
    for (v6, number, persistence) in maps(layout) {
        let (name, prefix) = map(v6, number, persistence);
        let own = clients.iter().filter(|one| one.mark.listener() == number && one.client.is_ipv6() == v6);
        let longest = u64::from(persistence.seconds.max(1)) * 1_000;
        let elements: BTreeMap<Vec<u8>, Element> = own.filter_map(|one| element(*one, prefix, longest)).collect();
        if !elements.is_empty() {
            put(netfilter, &name, &elements)?;
        }
    }
    Ok(())
}

fn put(netfilter: &mut Netfilter, map: &str, wanted: &BTreeMap<Vec<u8>, Element>) -> Result<(), Failure> {
    let mut round = 1;
    loop {
        let Some(there) = elements(netfilter, map)? else { return Ok(()) };
        let keys = there.iter().map(|one| bytes(one.client)).filter(|key| wanted.contains_key(key)).collect();
        let commands = [
            Command::DeleteElements { set: map.to_owned(), keys },
            Command::AddElements { set: map.to_owned(), elements: wanted.values().cloned().collect() },
        ];
        match table::apply(netfilter, &commands) {
            Err(Failure::Refused { .. }) if round < ROUNDS => round += 1,
            done => return done,
        }
    }
}

fn element(one: Remembered, prefix: u8, longest: u64) -> Option<(Vec<u8>, Element)> {
    let key = bytes(IpNet::new(one.client, prefix).ok()?.network());
    let milliseconds = one.milliseconds.clamp(1, longest);
    let value = Value::Remembered { data: one.mark.bytes().to_vec(), milliseconds };
    Some((key.clone(), Element::new(key, value)))
}

fn bytes(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

/// `None`: there is no such map.
fn elements(netfilter: &mut Netfilter, map: &str) -> Result<Option<Vec<Remembered>>, Failure> {
    let question = table::question_about("list clients", map);
    match netfilter.dump(&question, read) {
        Ok(found) => Ok(Some(found)),
        Err(failure) if failure.errno() == Some(nix::errno::Errno::ENOENT) => Ok(None),
        Err(failure) => Err(failure),
    }
}

fn read(message: &Message) -> Vec<Remembered> {
    let elements = find(message.attributes(), 3).into_iter().flat_map(parse);
    elements.filter_map(|(_, element)| client(element)).collect()
}

fn client(element: &[u8]) -> Option<Remembered> {
    let key = find(find(element, 1)?, 1)?;
    let client = match key.len() {
        4 => IpAddr::from(<[u8; 4]>::try_from(key).ok()?),
        _ => IpAddr::from(<[u8; 16]>::try_from(key).ok()?),
    };
    let mark = Mark::from_bytes(find(find(element, 2)?, 1)?.try_into().ok()?);
    let milliseconds = find(element, 5).and_then(long).unwrap_or_default();
    Some(Remembered { client, mark, milliseconds })
}
