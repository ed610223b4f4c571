//! How a namespace is plugged into a network: a pair of links, and what the outer end hangs on.
//!
//! A kind of attachment is one variant here and one file below; the rest of the crate, and who uses it, does not tell
//! them apart.

pub mod bridge;

use std::{fs::File, os::fd::AsRawFd};

use serde::{Deserialize, Serialize};

use crate::{
    failure::Failure,
    link::{self, Link, Pair},
    netlink::Netlink,
    sysctl,
};
use bridge::Bridge;

/// What the outer end hangs on. Written down as its fields alone, by which the kinds are told apart: notes of releases that
/// knew bridges only are read, and they read ours.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Attachment {
    Bridge(Bridge),
}

/// What is plugged, so that it can be unplugged without being asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interface {
    /// The end in the namespace.
    pub inside: String,
    /// The end on the host.
    pub outside: String,
    #[serde(flatten)]
    pub attachment: Attachment,
}

/// What of an interface is on the host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    pub outside: Option<Link>,
    /// The outer end is up, and hangs on what it should.
    pub attached: bool,
    /// What was made for the network is not ready, or the host speaks IPv6 in it.
    pub unprepared: bool,
    /// Something is there that goes with the last port of the network.
    pub own: bool,
}

impl Interface {
    /// Neutron's names: 14 characters of prefix and port id.
    #[must_use]
    pub fn of_port(port: &str, attachment: Attachment) -> Self {
        let short: String = port.chars().take(11).collect();
        Self { inside: format!("ns-{short}"), outside: format!("tap{short}"), attachment }
    }

    /// One of which only the inner end is known: it can be taken away, and is not what anybody asks for.
    #[must_use]
    pub fn of_inner_end(link: &Link) -> Option<Self> {
        let nowhere = Attachment::Bridge(Bridge { name: String::new(), own: false });
        Some(Self::of_port(link.name.strip_prefix(INSIDE)?, nowhere))
    }

    /// Makes the pair, and what it hangs on where that is the network's own. An outer end of this name that was left over
    /// is deleted: its namespace is gone or about to go.
    ///
    /// # Errors
    /// What the system said, or that there is no room or nothing to hang on.
    pub fn plug(&self, host: &mut Netlink, mac: [u8; 6], namespace: &File) -> Result<(), Failure> {
        let pair = Pair { outside: &self.outside, inside: &self.inside, mac, namespace: namespace.as_raw_fd() };
        match &self.attachment {
            Attachment::Bridge(bridge) => bridge.plug(host, &pair)?,
        }
        sysctl::disable_ipv6(&self.outside);
        Ok(())
    }

    /// Puts an outer end that exists up and on what it hangs on.
    ///
    /// # Errors
    /// As [`Interface::plug`].
    pub fn attach(&self, host: &mut Netlink) -> Result<(), Failure> {
        let Some(outside) = link::find(host, &self.outside)? else { return Ok(()) };
        sysctl::disable_ipv6(&self.outside);
        match &self.attachment {
            Attachment::Bridge(bridge) => bridge.attach(host, &outside),
        }
    }

    /// Removes what was made for the network when nothing hangs on it any more.
    ///
    /// # Errors
    /// What the system said.
    pub fn release(&self, host: &mut Netlink) -> Result<(), Failure> {
        match &self.attachment {
            Attachment::Bridge(bridge) => bridge.release(host),
        }
    }

    /// What is there of it.
    ///
    /// # Errors
    /// What the system said.
    pub fn look(&self, host: &mut Netlink) -> Result<Seen, Failure> {
        let outside = link::find(host, &self.outside)?;
        let mut seen = match &self.attachment {
            Attachment::Bridge(bridge) => bridge.look(host, outside)?,
        };
        seen.unprepared |= sysctl::speaks_ipv6(&self.outside);
        Ok(seen)
    }
}

/// Of the name of an inner end.
const INSIDE: &str = "ns-";

/// The inner end among the links of a namespace.
#[must_use]
pub fn inner_end<'a>(links: &'a [Link], interface: Option<&Interface>) -> Option<&'a Link> {
    links.iter().find(|link| match interface {
        Some(interface) => link.name == interface.inside,
        None => link.name.starts_with(INSIDE),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interface_names_are_neutrons_and_short_enough_for_the_kernel() {
        let bridge = Attachment::Bridge(Bridge { name: "brq".to_owned(), own: true });
        let interface = Interface::of_port("9f1b7c52-aaaa-4bbb-8ccc-0123456789ab", bridge);
        assert_eq!((interface.inside.as_str(), interface.outside.as_str()), ("ns-9f1b7c52-aa", "tap9f1b7c52-aa"));
    }

    /// To the letter: older releases read what is written now as well.
    #[test]
    fn a_bridge_is_written_down_as_the_first_releases_did() {
        let text =
            r#"{"inside":"ns-9f1b7c52-aa","outside":"tap9f1b7c52-aa","bridge":"brqc0ffee00-11","own_bridge":true}"#;
        let interface: Interface = serde_json::from_str(text).unwrap();
        let own = Attachment::Bridge(Bridge { name: "brqc0ffee00-11".to_owned(), own: true });
        assert_eq!(interface, Interface::of_port("9f1b7c52-aaaa-4bbb-8ccc-0123456789ab", own));
        assert_eq!(serde_json::to_string(&interface).unwrap(), text);
        assert!(serde_json::from_str::<Interface>(r#"{"inside":"a","outside":"b","patch":"c"}"#).is_err());
    }
}
