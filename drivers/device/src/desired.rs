//! What a load balancer is to have on the device. Pure.
//!
//! What the device cannot do becomes a fault of the object that asked for it, and the rest is made.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    ops::RangeInclusive,
};

use ballast_abi::{DriverError, ErrorCode, Fault, Listener, LoadBalancer, Member, ObjectFault, Pool, Secret, loops};
use serde_json::Value;

use crate::{Files, Key, Kind, Known, Listed, Marker, Objects, Piece, Vendor, Wanted, fields, names, weights::scaled};

/// Ports that a device can listen on or connect to. The last one stands for all of them, where there is a wildcard.
const LAST_PORT: u32 = 65_534;

/// What is wanted, who asked for which object, and what cannot be done.
pub struct Desired<K> {
    pub wanted: Wanted<K>,
    /// The object of the load balancer that each object on the device is for.
    pub blame: BTreeMap<Key<K>, String>,
    pub members: Vec<Listed>,
    pub faults: Vec<ObjectFault>,
    pub files: Files,
}

/// What the device has already that is of use.
pub struct Present<'a, K> {
    /// The names of servers by their address: an address can be of one server only, whoever made it.
    pub servers: BTreeMap<IpAddr, String>,
    pub found: &'a Objects<K>,
}

impl<'a, K: Kind> Present<'a, K> {
    #[must_use]
    pub fn of(found: &'a Objects<K>) -> Self {
        let address = |(key, fields): (&Key<K>, _)| Some((K::address(key, fields)?, key.name.clone()));
        Self { servers: found.iter().filter_map(address).collect(), found }
    }
}

/// A member that can be made.
#[derive(Clone, Copy, Debug)]
pub struct DeviceMember<'a> {
    pub member: &'a Member,
    pub address: IpAddr,
    pub port: u16,
    /// 1 to 100; none for a weight of 0.
    pub weight: Option<u64>,
}

/// # Errors
/// INVALID_ARGUMENT: nothing of it can be made.
pub fn desired<V: Vendor>(
    load_balancer: &LoadBalancer,
    generation: u64,
    (options, known): (&V::Options, &Known),
    found: &Objects<V::Kind>,
) -> Result<Desired<V::Kind>, DriverError> {
    let id = sound_id(&load_balancer.id)?;
    let marker = Marker { id: id.to_owned(), generation };
    let wanted = Wanted { owner: names::owner(id), objects: Objects::new(), marker: Some(marker) };
    let desired =
        Desired { wanted, blame: BTreeMap::new(), members: Vec::new(), faults: Vec::new(), files: Files::default() };
    let all = load_balancer.pools.iter().flat_map(|pool| &pool.members);
    let comes_back = all.filter(|member| loops::comes_back(load_balancer, member)).map(|member| member.id.clone());
    let mut draft = Draft { options, known, present: Present::of(found), desired, loops: comes_back.collect() };
    V::draw(&mut draft, load_balancer)?;
    Ok(draft.desired)
}

/// An id that can be part of a path: 1 to 64 letters, digits, `-`, `_` and `.`.
///
/// # Errors
/// INVALID_ARGUMENT.
pub(crate) fn sound_id(id: &str) -> Result<&str, DriverError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if (1..=64).contains(&id.len()) && id.bytes().all(plain) && !id.starts_with('.') {
        return Ok(id);
    }
    Err(DriverError::invalid_argument(format!(
        "load balancer: id {id:?} must be 1 to 64 letters, digits, '-', '_' or '.'"
    )))
}

/// What is wanted, while it is written down.
pub struct Draft<'a, V: Vendor> {
    pub options: &'a V::Options,
    /// What is known of the secrets that it names.
    pub known: &'a Known,
    pub present: Present<'a, V::Kind>,
    pub desired: Desired<V::Kind>,
    /// Members that are the load balancer itself.
    loops: BTreeSet<String>,
}

impl<V: Vendor> Draft<'_, V> {
    /// An object, and on whose behalf.
    pub fn want(&mut self, key: Key<V::Kind>, blame: &str, object: Value) {
        self.desired.blame.insert(key.clone(), blame.to_owned());
        self.desired.wanted.objects.insert(key, fields(object));
    }

    /// What cannot be done as it was asked. An object has one fault, with all that is said of it.
    pub fn fault(&mut self, object_id: &str, message: impl Into<String>) {
        let before = self.desired.faults.iter_mut().find(|fault| fault.object_id == object_id);
        if let Some(fault) = before.and_then(|before| before.fault.as_mut()) {
            fault.message = format!("{}; {}", fault.message, message.into());
            return;
        }
        self.desired.faults.push(ObjectFault {
            object_id: object_id.to_owned(),
            fault: Some(Fault {
                code: ErrorCode::UNSUPPORTED.0,
                retryable: false,
                message: message.into(),
                ..Fault::default()
            }),
        });
    }

    /// Numbers as the device can have them; where one differs from what was asked, that is said of the object.
    pub fn within<const N: usize>(
        &mut self,
        object_id: &str,
        asked: [(&str, u32, RangeInclusive<u32>); N],
    ) -> [u32; N] {
        asked.map(|(what, asked, range)| {
            let taken = asked.clamp(*range.start(), *range.end());
            if taken != asked {
                let (least, most) = range.into_inner();
                let why = format!("the device takes {what} of {least} to {most}, not {asked}: it has {taken}");
                self.fault(object_id, why);
            }
            taken
        })
    }

    /// The name of an object of this load balancer.
    #[must_use]
    pub fn name(&self, letter: char, id: &str) -> String {
        names::object(&self.desired.wanted.owner, letter, id)
    }

    /// The name of a file with this piece of a secret, which is sent where it is wanted.
    pub fn file(&mut self, letter: char, secret: &Secret, piece: Piece) -> String {
        let name = match piece {
            Piece::Certificate(at) if at > 0 => self.known.facts(secret).certificates.get(at).cloned(),
            Piece::Certificate(_) | Piece::Issuers | Piece::Key | Piece::Whole => None,
        };
        let name = self.name(letter, name.as_deref().unwrap_or(&secret.digest));
        if let Some(content) = self.known.piece(secret, piece) {
            self.desired.files.put(&name, content);
        }
        name
    }

    #[must_use]
    pub fn has(&self, kind: V::Kind, name: &str) -> bool {
        self.desired.wanted.objects.contains_key(&Key::top(kind, name))
    }

    /// The address of the VIP, when there is one.
    ///
    /// # Errors
    /// INVALID_ARGUMENT: it is none.
    pub fn vip(&self, load_balancer: &LoadBalancer) -> Result<Option<IpAddr>, DriverError> {
        let Some(vip) = &load_balancer.vip else { return Ok(None) };
        let refused = |_| DriverError::invalid_argument(format!("vip: address {:?} is no IP address", vip.address));
        vip.address.parse().map(Some).map_err(refused)
    }

    /// The listeners that can be made.
    pub fn listeners<'l>(&mut self, load_balancer: &'l LoadBalancer) -> Vec<&'l Listener> {
        let mut taken = BTreeSet::new();
        let mut listeners = Vec::new();
        for listener in &load_balancer.listeners {
            if !(1..=LAST_PORT).contains(&listener.protocol_port) {
                self.fault(&listener.id, format!("the device cannot listen on port {}", listener.protocol_port));
            } else if !taken.insert(listener.protocol_port) {
                self.fault(&listener.id, format!("port {} has another listener already", listener.protocol_port));
            } else {
                listeners.push(listener);
            }
        }
        listeners
    }

    /// The members that can be made, with their weights on the device.
    pub fn members<'m>(&mut self, pool: &'m Pool) -> Vec<DeviceMember<'m>> {
        let mut members = Vec::new();
        let mut taken = BTreeSet::new();
        for member in &pool.members {
            let port = u16::try_from(member.protocol_port).ok();
            let port = port.filter(|_| (1..=LAST_PORT).contains(&member.protocol_port));
            let (Ok(address), Some(port)) = (member.address.parse::<IpAddr>(), port) else {
                let why = format!("the device cannot connect to {:?}, port {}", member.address, member.protocol_port);
                self.fault(&member.id, why);
                continue;
            };
            if self.loops.contains(&member.id) {
                self.fault(&member.id, "the member is the VIP itself: what it is sent would come back without end");
                continue;
            }
            if !taken.insert((address, port)) {
                self.fault(&member.id, "the pool has this address and port already");
                continue;
            }
            members.push(DeviceMember { member, address, port, weight: None });
        }
        let weights: Vec<u32> = members.iter().map(|one| one.member.weight).collect();
        for (one, weight) in members.iter_mut().zip(scaled(&weights)) {
            one.weight = weight;
        }
        members
    }

    /// The server at an address, and whether it is ours: one that somebody else has made is used as it is.
    #[must_use]
    pub fn server(&self, address: IpAddr) -> (String, bool) {
        let own = names::server(address);
        match self.present.servers.get(&address) {
            Some(name) if *name != own => (name.clone(), false),
            Some(_) | None => (own, true),
        }
    }

    /// Remembers where a member is, so that its health can be told.
    pub fn list(&mut self, listed: Listed) {
        self.desired.members.push(listed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_could_leave_a_path_is_refused() {
        assert!(sound_id("../x").is_err() && sound_id("").is_err() && sound_id(".x").is_err());
        assert_eq!(sound_id("4c8ea0f2-7b3b-4c93-9d59-5b8fdc6a0a07"), Ok("4c8ea0f2-7b3b-4c93-9d59-5b8fdc6a0a07"));
    }
}
