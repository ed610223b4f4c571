//! What is desired, with its numbers and generations: all that a rule set is made of. Pure. To be kept on disk: a change is
//! planned from the layout that runs.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    fmt,
    hash::{Hash, Hasher},
    net::{IpAddr, SocketAddr},
};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::{
    desired::{self, Filter, Limit, Method, Persistence, Protocol, Service, Sources, State},
    mark::Mark,
    numbers::{Numbers, TooMany},
};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// Grows with each layout that differs from the one before.
    pub generation: u64,
    pub(crate) sources: Sources,
    /// By their numbers.
    pub(crate) listeners: Vec<Listener>,
    /// Members that are gone, whose counters are still to be read.
    pub(crate) retired: BTreeSet<Mark>,
    /// By their ports. Notes of 0.4.0 lack them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) filters: Vec<Filter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Listener {
    pub(crate) number: u16,
    /// The first in which it was as it is.
    pub(crate) generation: u64,
    pub(crate) addresses: BTreeSet<IpAddr>,
    pub(crate) protocol: Protocol,
    pub(crate) port: u16,
    pub(crate) method: Method,
    pub(crate) persistence: Option<Persistence>,
    pub(crate) limit: Option<Limit>,
    pub(crate) allowed: Vec<IpNet>,
    pub(crate) idle: Option<u32>,
    /// By their numbers.
    pub(crate) members: Vec<Member>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Member {
    pub(crate) number: u16,
    pub(crate) address: SocketAddr,
    /// 0: it gets no new flows.
    pub(crate) weight: u32,
    /// It is to have no flows at all.
    pub(crate) down: bool,
}

impl Layout {
    /// The layout of this service, after the one that runs. It is that one, where nothing has changed.
    ///
    /// # Errors
    /// There are more listeners or members than numbers.
    pub fn next(running: Option<&Layout>, service: &Service, numbers: &mut Numbers) -> Result<Layout, TooMany> {
        numbers.assign(service)?;
        let generation = numbers.generation.max(running.map_or(0, |running| running.generation)) + 1;
        let mut taken = HashSet::new();
        let mut listeners: Vec<Listener> =
            service.listeners.iter().filter_map(|asked| Listener::new(asked, numbers, &mut taken)).collect();
        listeners.sort_by_key(|listener| listener.number);
        listeners.dedup_by_key(|listener| listener.number);
        for listener in &mut listeners {
            let before = running.and_then(|running| running.listener(listener.number));
            let same =
                before.filter(|before| Listener { generation: before.generation, ..listener.clone() } == **before);
            listener.generation = same.map_or(generation, |same| same.generation);
        }
        let retired = numbers.retired().collect();
        let filters = filters(service);
        let mut layout = Layout { generation, sources: service.sources, listeners, retired, filters };
        if let Some(running) = running {
            layout.generation = running.generation;
            if layout == *running {
                return Ok(layout);
            }
            layout.generation = generation;
        }
        numbers.generation = generation;
        Ok(layout)
    }

    pub(crate) fn listener(&self, number: u16) -> Option<&Listener> {
        let index = self.listeners.binary_search_by_key(&number, |listener| listener.number).ok()?;
        self.listeners.get(index)
    }

    pub(crate) fn filter(&self, port: u16) -> Option<&Filter> {
        let index = self.filters.binary_search_by_key(&port, |filter| filter.port).ok()?;
        self.filters.get(index)
    }

    /// Whether anything is sent on, and flows are followed for it. Without, there is only who may connect.
    #[must_use]
    pub fn forwards(&self) -> bool {
        !self.listeners.is_empty()
    }

    /// Where flows are sent.
    pub(crate) fn places(&self) -> BTreeMap<Mark, SocketAddr> {
        let marks = self.listeners.iter().flat_map(Listener::marks);
        marks.filter(|(_, member)| !member.down).map(|(mark, member)| (mark, member.address)).collect()
    }

    #[must_use]
    pub fn marker(&self) -> Marker {
        let mut hasher = Digest(0xcbf2_9ce4_8422_2325);
        let Self { generation, sources, listeners, retired, filters } = self;
        (RULES, generation, sources, listeners, retired).hash(&mut hasher);
        // Without any it is what it was before there were any: what runs is not replaced for it.
        if !filters.is_empty() {
            filters.hash(&mut hasher);
        }
        Marker { generation: self.generation, digest: hasher.finish() }
    }
}

/// By their ports, and the networks of each as few as there can be.
fn filters(service: &Service) -> Vec<Filter> {
    let whole = |asked: &Filter| Filter { port: asked.port, allowed: IpNet::aggregate(&asked.allowed) };
    let mut filters: Vec<Filter> = service.filters.iter().map(whole).collect();
    filters.sort_by_key(|filter| filter.port);
    filters.dedup_by_key(|filter| filter.port);
    filters
}

impl Listener {
    /// `taken`: what listeners before it answer. One that answers nothing is kept, so that it gets what becomes free.
    fn new(asked: &desired::Listener, numbers: &Numbers, taken: &mut HashSet<(IpAddr, Protocol, u16)>) -> Option<Self> {
        let own = |address: &&IpAddr| taken.insert((**address, asked.protocol, asked.port));
        let member = |(asked_member, weight): (&desired::Member, u32)| {
            let number = numbers.of_member(&asked.id, &asked_member.id)?.member();
            let down = asked_member.state == State::Down;
            Some(Member { number, address: asked_member.address, weight, down })
        };
        let mut members: Vec<Member> = asked.members.iter().zip(asked.weights()).filter_map(member).collect();
        members.sort_by_key(|member| member.number);
        members.dedup_by_key(|member| member.number);
        Some(Self {
            number: numbers.of_listener(&asked.id)?,
            generation: 0,
            addresses: asked.addresses.iter().filter(own).copied().collect(),
            protocol: asked.protocol,
            port: asked.port,
            method: asked.method,
            persistence: asked.persistence,
            limit: asked.limit,
            allowed: IpNet::aggregate(&asked.allowed),
            idle: asked.idle.filter(|seconds| *seconds > 0),
            members,
        })
    }

    pub(crate) fn marks(&self) -> impl Iterator<Item = (Mark, &Member)> {
        self.members.iter().map(|member| (Mark::new(self.number, member.number), member))
    }
}

/// Which layout runs: the name of a counter that is replaced in the batch that changes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marker {
    pub generation: u64,
    digest: u64,
}

const MARKER: &str = "gen_";
/// To be raised when the same layout becomes other rules: what runs is replaced then.
const RULES: u32 = 1;

impl Marker {
    /// `None`: it is the name of another counter.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let (generation, digest) = name.strip_prefix(MARKER)?.split_once('_')?;
        Some(Self { generation: generation.parse().ok()?, digest: u64::from_str_radix(digest, 16).ok()? })
    }
}

impl fmt::Display for Marker {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{MARKER}{}_{:016x}", self.generation, self.digest)
    }
}

/// As FNV-1a, by eight bytes at once. Another compiler may feed it otherwise; then a rule set is replaced once by an equal
/// one.
struct Digest(u64);

impl Digest {
    fn mix(&mut self, word: u64) {
        // The high bits come down, or they would have no part in the low ones.
        let mixed = (self.0 ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ mixed >> 32;
    }
}

impl Hasher for Digest {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.mix(u64::from_le_bytes(word));
        }
    }

    fn write_u8(&mut self, number: u8) {
        self.mix(number.into());
    }

    fn write_u16(&mut self, number: u16) {
        self.mix(number.into());
    }

    fn write_u32(&mut self, number: u32) {
        self.mix(number.into());
    }

    fn write_u64(&mut self, number: u64) {
        self.mix(number);
    }

    fn write_usize(&mut self, number: usize) {
        self.mix(u64::try_from(number).unwrap_or(u64::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn a_layout_stays_until_something_changes_and_so_does_a_listener() {
        let mut numbers = Numbers::default();
        let mut service = samples::service(2);
        let mut second = service.listeners[0].clone();
        (second.id, second.port) = ("k".to_owned(), 81);
        service.listeners.push(second);
        let first = Layout::next(None, &service, &mut numbers).unwrap();
        assert_eq!(Layout::next(Some(&first), &service, &mut numbers).unwrap(), first);
        service.listeners[0].members[0].weight = 9;
        let changed = Layout::next(Some(&first), &service, &mut numbers).unwrap();
        assert_ne!(changed.marker(), first.marker());
        let generations: Vec<u64> = changed.listeners.iter().map(|listener| listener.generation).collect();
        assert_eq!((changed.generation, generations), (2, vec![2, 1]));
    }

    #[test]
    fn an_address_is_the_first_listeners_and_then_the_next_ones() {
        let mut numbers = Numbers::default();
        let mut service = samples::service(1);
        let again = desired::Listener { id: "k".to_owned(), ..service.listeners[0].clone() };
        service.listeners.push(again);
        let layout = Layout::next(None, &service, &mut numbers).unwrap();
        let answers: Vec<usize> = layout.listeners.iter().map(|listener| listener.addresses.len()).collect();
        assert_eq!(answers, [1, 0]);
        service.listeners.remove(0);
        let layout = Layout::next(Some(&layout), &service, &mut numbers).unwrap();
        assert_eq!((layout.listeners[0].number, layout.listeners[0].addresses.len()), (2, 1));
    }

    #[test]
    fn what_is_kept_on_disk_is_the_same_when_it_comes_back() {
        let mut service = samples::service(2);
        service.listeners[0].allowed = vec!["10.0.0.0/8".parse().unwrap()];
        let mut numbers = Numbers::default();
        Layout::next(None, &service, &mut numbers).unwrap();
        service.listeners[0].members.pop();
        let layout = Layout::next(None, &service, &mut numbers).unwrap();
        let kept = serde_json::to_string(&layout).unwrap();
        let back: Layout = serde_json::from_str(&kept).unwrap();
        assert_eq!((back.marker(), &back), (layout.marker(), &layout));
    }

    /// As 0.4.0 has it: a table that it has made is not made anew.
    #[test]
    fn without_filters_a_marker_is_what_it_was_and_with_them_another() {
        #[derive(Hash)]
        struct Before {
            generation: u64,
            sources: Sources,
            listeners: Vec<Listener>,
            retired: BTreeSet<Mark>,
        }
        let mut service = samples::service(2);
        let layout = Layout::next(None, &service, &mut Numbers::default()).unwrap();
        let Layout { generation, sources, listeners, retired, .. } = layout.clone();
        let mut hasher = Digest(0xcbf2_9ce4_8422_2325);
        (RULES, &Before { generation, sources, listeners, retired }).hash(&mut hasher);
        assert_eq!(layout.marker(), Marker { generation, digest: hasher.finish() });
        service.filters = vec![Filter { port: 80, allowed: vec!["10.0.0.0/8".parse().unwrap()] }];
        let filtered = Layout::next(None, &service, &mut Numbers::default()).unwrap();
        assert_ne!(filtered.marker(), layout.marker());
        let noted = serde_json::to_value(&layout).unwrap();
        assert!(noted.get("filters").is_none());
        assert_eq!(serde_json::from_value::<Layout>(noted).unwrap(), layout);
    }

    #[test]
    fn a_port_has_one_filter_and_its_networks_are_few() {
        let net = |text: &str| text.parse().unwrap();
        let filter = |port, allowed| Filter { port, allowed };
        let filters = vec![
            filter(81, vec![net("10.0.0.0/9"), net("10.128.0.0/9")]),
            filter(80, Vec::new()),
            filter(81, Vec::new()),
        ];
        let service = Service { filters, ..Service::default() };
        let layout = Layout::next(None, &service, &mut Numbers::default()).unwrap();
        assert_eq!(layout.filters, [filter(80, Vec::new()), filter(81, vec![net("10.0.0.0/8")])]);
        assert!(layout.filter(81).is_some() && layout.filter(82).is_none() && !layout.forwards());
    }

    #[test]
    fn a_marker_is_known_by_its_name() {
        let marker = Layout::default().marker();
        assert_eq!(Marker::parse(&marker.to_string()), Some(marker));
        assert_eq!(Marker::parse("l1m1n"), None);
    }
}
