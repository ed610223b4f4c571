//! Which member each client has: what a load balancer takes along when it moves to another host. Pure.
//!
//! Backends, listeners and members are named by their ids, so that another generation of the load balancer can use it.
//! What is not there any more, or cannot be read, is left out: a handover never keeps a load balancer from being
//! deployed.

use ballast_abi::LONGEST_HANDOVER;
use serde::{Deserialize, Serialize};

/// All that is handed over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handover {
    /// By the backends of a proxy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub backends: Vec<Clients>,
    /// By listeners that the kernel serves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub listeners: Vec<Clients>,
}

/// Clients of a backend or a listener.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clients {
    pub of: String,
    /// Their ids.
    members: Vec<String>,
    clients: Vec<Client>,
}

/// By what it is known, which member it has, and for how many milliseconds more; 0: for as long as there is room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Client(String, usize, u64);

impl Clients {
    #[must_use]
    pub fn new(of: &str) -> Self {
        Self { of: of.to_owned(), ..Self::default() }
    }

    pub fn add(&mut self, client: String, member: &str, milliseconds: u64) {
        let known = self.members.iter().position(|id| id == member);
        let member = known.unwrap_or_else(|| {
            self.members.push(member.to_owned());
            self.members.len() - 1
        });
        self.clients.push(Client(client, member, milliseconds));
    }

    /// Each by what it is known, with its member and the milliseconds.
    pub fn all(&self) -> impl Iterator<Item = (&str, &str, u64)> {
        self.clients.iter().filter_map(|Client(client, member, milliseconds)| {
            Some((client.as_str(), self.members.get(*member)?.as_str(), *milliseconds))
        })
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }
}

impl Handover {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tables().all(Clients::is_empty)
    }

    fn tables(&self) -> impl Iterator<Item = &Clients> {
        self.backends.iter().chain(&self.listeners)
    }

    fn count(&self) -> usize {
        self.tables().map(|table| table.clients.len()).sum()
    }

    /// At most [`LONGEST_HANDOVER`] bytes; none: there is nothing. Where there are more clients, those go that would be
    /// forgotten first.
    #[must_use]
    pub fn encode(mut self) -> Vec<u8> {
        if self.is_empty() {
            return Vec::new();
        }
        for table in self.backends.iter_mut().chain(&mut self.listeners) {
            table.clients.sort_by_key(|Client(_, _, milliseconds)| std::cmp::Reverse(*milliseconds));
        }
        let all = self.count();
        loop {
            let bytes = serde_json::to_vec(&self).unwrap_or_default();
            if bytes.len() <= LONGEST_HANDOVER {
                if self.count() < all {
                    tracing::warn!(
                        "of {all} clients {} are handed over with their members: more is too much",
                        self.count()
                    );
                }
                return bytes;
            }
            for table in self.backends.iter_mut().chain(&mut self.listeners) {
                // A little less than the part that fits.
                let fitting = table.clients.len().saturating_mul(LONGEST_HANDOVER) / bytes.len();
                table.clients.truncate(fitting.saturating_sub(fitting / 64 + 1));
            }
        }
    }

    /// What cannot be read is nothing. No bytes: nothing was handed over.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Self {
        if bytes.is_empty() {
            return Self::default();
        }
        serde_json::from_slice(bytes).unwrap_or_else(|error| {
            // The text of the error may have some of it.
            let (line, column) = (error.line(), error.column());
            tracing::warn!("what was handed over cannot be read at {line}:{column}: clients may get other members");
            Self::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn many(count: u32) -> Handover {
        let mut clients = Clients::new("pool");
        for number in 0..count {
            clients.add(std::net::Ipv4Addr::from(number).to_string(), &format!("m{}", number % 3), number.into());
        }
        Handover { backends: vec![clients], listeners: Vec::new() }
    }

    #[test]
    fn what_is_handed_over_is_read_again_as_it_was() {
        let handover = many(5);
        let read = Handover::decode(&handover.clone().encode());
        let sorted = |handover: &Handover| -> Vec<(String, String, u64)> {
            let all = handover.backends[0].all();
            let mut all: Vec<_> =
                all.map(|(client, member, time)| (client.to_owned(), member.to_owned(), time)).collect();
            all.sort();
            all
        };
        assert_eq!((read.count(), sorted(&read)), (5, sorted(&handover)));
        assert!(Handover::default().encode().is_empty());
    }

    #[test]
    fn of_too_many_those_go_that_would_be_forgotten_first() {
        let bytes = many(100_000).encode();
        assert!(bytes.len() <= LONGEST_HANDOVER && bytes.len() > LONGEST_HANDOVER * 9 / 10, "{}", bytes.len());
        let read = Handover::decode(&bytes);
        let shortest = read.backends[0].all().map(|(_, _, time)| time).min();
        assert_eq!(shortest, Some(100_000 - u64::try_from(read.count()).unwrap()));
    }

    #[test]
    fn whatever_is_damaged_is_no_panic_and_no_member_that_there_is_not() {
        let whole = many(3).encode();
        for end in 0..whole.len() {
            assert!(Handover::decode(&whole[..end]).is_empty());
        }
        let strange =
            br#"{"backends":[{"of":"p","members":["a"],"clients":[["10.0.0.1",7,0],["10.0.0.2",0,0]]}],"new":1}"#;
        let read = Handover::decode(strange);
        assert_eq!(read.backends[0].all().collect::<Vec<_>>(), [("10.0.0.2", "a", 0)]);
    }
}
