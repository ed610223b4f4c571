//! Who has how many connections, or requests.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Troubles are said this often.
const SAID_EVERY: Duration = Duration::from_secs(10);

/// From where it comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Whose {
    /// Another machine: its address, of IPv6 the network, of which one machine has all.
    Peer(IpAddr),
    /// This machine.
    Loopback,
    /// Who can open the Unix socket.
    Owner,
}

impl Whose {
    pub(super) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            address if address.is_loopback() => Self::Loopback,
            IpAddr::V6(address) => Self::Peer(IpAddr::V6((u128::from(address) >> 64 << 64).into())),
            address @ IpAddr::V4(_) => Self::Peer(address),
        }
    }
}

/// How many there may be when one more comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    peers: usize,
    loopback: usize,
    all: usize,
    each_peer: usize,
}

impl Bounds {
    /// A quarter is not for other machines, and half of that for the Unix socket alone. What a process has open beside its
    /// connections takes of the descriptors first.
    pub(super) fn new(max: u32, per_peer: u32, descriptors: usize) -> Self {
        let own = (descriptors / 2).min(256);
        let all = usize::try_from(max).unwrap_or(usize::MAX).min(descriptors - own);
        let (reserve, each_peer) = (all / 4, usize::try_from(per_peer).unwrap_or(usize::MAX));
        Self { peers: all - reserve, loopback: all - reserve / 2, all, each_peer }
    }
}

#[derive(Debug)]
pub(super) struct Permits {
    bounds: Bounds,
    /// What becomes of one more.
    refusal: &'static str,
    taken: Mutex<Taken>,
    too_many: Said,
    pub(super) not_accepted: Said,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    of: HashMap<Whose, usize>,
}

/// When something was said last that is not to be said all the time.
#[derive(Debug, Default)]
pub(super) struct Said(Mutex<Option<Instant>>);

impl Said {
    /// Whether it is to be said now, which counts as said.
    pub(super) fn again(&self) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let again = last.is_none_or(|last| last.elapsed() >= SAID_EVERY);
        if again {
            *last = Some(Instant::now());
        }
        again
    }
}

/// The permit of a connection or a request. Dropped, it is free.
#[derive(Debug)]
pub struct Permit {
    permits: Arc<Permits>,
    whose: Whose,
}

impl Permits {
    pub(super) fn new(bounds: Bounds, refusal: &'static str) -> Self {
        let (taken, too_many, not_accepted) = (Mutex::default(), Said::default(), Said::default());
        Self { bounds, refusal, taken, too_many, not_accepted }
    }

    /// A permit, if there is one for him.
    pub(super) fn take(self: &Arc<Self>, whose: Whose) -> Option<Permit> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let (bound, each) = match whose {
            Whose::Peer(_) => (self.bounds.peers, self.bounds.each_peer),
            Whose::Loopback => (self.bounds.loopback, usize::MAX),
            Whose::Owner => (self.bounds.all, usize::MAX),
        };
        let all = taken.all;
        let has = taken.of.get(&whose).copied().unwrap_or_default();
        if all >= bound || has >= each {
            if self.too_many.again() {
                tracing::warn!(all, from = ?whose, from_there = has, "{}: there are too many", self.refusal);
            }
            return None;
        }
        taken.all += 1;
        *taken.of.entry(whose).or_default() += 1;
        Some(Permit { permits: Arc::clone(self), whose })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut taken = self.permits.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all -= 1;
        if let Some(has) = taken.of.get_mut(&self.whose) {
            *has -= 1;
            if *has == 0 {
                taken.of.remove(&self.whose);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(n: u8) -> Whose {
        Whose::of([192, 0, 2, n].into())
    }

    /// As many as there are.
    fn all(permits: &Arc<Permits>, whose: Whose) -> Vec<Permit> {
        std::iter::from_fn(|| permits.take(whose)).collect()
    }

    #[test]
    fn no_peer_takes_the_places_of_others_and_all_together_not_those_of_this_machine() {
        let permits = Arc::new(Permits::new(Bounds::new(40, 20, 1_000), ""));
        let first = all(&permits, peer(1));
        assert_eq!(first.len(), 20);
        let second = all(&permits, peer(2));
        assert_eq!((second.len(), all(&permits, peer(3)).len()), (10, 0));
        let loopback = all(&permits, Whose::of([127, 0, 0, 1].into()));
        let owner = all(&permits, Whose::Owner);
        assert_eq!((loopback.len(), owner.len()), (5, 5));
        drop((first, second, loopback, owner));
        let taken = permits.taken.lock().unwrap();
        assert_eq!((taken.all, taken.of.len()), (0, 0));
    }

    #[test]
    fn there_are_no_more_than_there_are_descriptors() {
        let bounds = |descriptors| Bounds::new(8_192, 1_024, descriptors);
        assert_eq!(bounds(65_536), Bounds { peers: 6_144, loopback: 7_168, all: 8_192, each_peer: 1_024 });
        assert_eq!(bounds(64), Bounds { peers: 24, loopback: 28, all: 32, each_peer: 1_024 });
        assert_eq!(bounds(0).all, 0);
    }

    #[test]
    fn a_machine_is_its_address_and_all_of_a_network_of_ipv6() {
        let of = |text: &str| Whose::of(text.parse().unwrap());
        assert_eq!(of("::ffff:127.0.0.1"), Whose::Loopback);
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_eq!(of("2001:db8::1"), of("2001:db8::2:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
    }
}
