//! How a namespace is plugged into a network: a pair of links, and what the outer end hangs on.
//!
//! A kind of attachment is one variant here and one file below; the rest of the crate, and who uses it, does not tell
//! them apart.

pub mod bridge;
mod exclusive;
pub mod macvlan;
pub mod ovs;
pub mod uplink;

use std::{
    fs::File,
    os::fd::AsRawFd,
    thread,
    time::{Duration, Instant},
};

use ballast_failpoint as failpoint;
use serde::{Deserialize, Serialize};

use crate::{
    failure::Failure,
    link::{self, Card, Link, Pair},
    netlink::Netlink,
    sysctl,
};
use bridge::Bridge;
use macvlan::Macvlan;
use ovs::Ovs;

/// What the outer end hangs on. Written down as its fields alone, by which the kinds are told apart: notes of releases that
/// knew bridges only are read, and they read ours.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Attachment {
    Bridge(Bridge),
    Ovs(Ovs),
    Macvlan(Macvlan),
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
        let outside = format!("tap{short}");
        let inside = match attachment {
            Attachment::Bridge(_) | Attachment::Macvlan(_) => format!("{INSIDE}{short}"),
            // Its only end.
            Attachment::Ovs(_) => outside.clone(),
        };
        Self { inside, outside, attachment }
    }

    /// One of which only the inner end is known: it can be taken away, and is not what anybody asks for.
    #[must_use]
    pub fn of_inner_end(link: &Link) -> Option<Self> {
        let nowhere = Attachment::Bridge(Bridge { name: String::new(), own: false, uplink: None });
        Some(Self::of_port(link.name.strip_prefix(INSIDE)?, nowhere))
    }

    /// Makes what is plugged, and what it hangs on where that is the network's own. An outer end of this name that was left
    /// over is deleted: its namespace is gone or about to go.
    ///
    /// # Errors
    /// What the system said, or that there is no room or nothing to hang on.
    pub fn plug(&self, host: &mut Netlink, card: Card, namespace: &File) -> Result<(), Failure> {
        match &self.attachment {
            Attachment::Bridge(bridge) => {
                let (outside, inside) = (&self.outside, &self.inside);
                bridge.plug(host, &Pair { outside, inside, card, namespace: namespace.as_raw_fd() })?;
                failpoint::at("bridge: the pair is made");
                sysctl::hide_host(&self.outside);
                Ok(())
            }
            Attachment::Ovs(ovs) => ovs.plug(host, &self.outside, card, namespace),
            Attachment::Macvlan(macvlan) => macvlan.plug(host, &self.inside, card, namespace),
        }
    }

    /// Puts an outer end that exists up and on what it hangs on.
    ///
    /// # Errors
    /// As [`Interface::plug`].
    pub fn attach(&self, host: &mut Netlink, card: Card) -> Result<(), Failure> {
        match &self.attachment {
            Attachment::Bridge(bridge) => {
                let Some(outside) = link::find(host, &self.outside)? else { return Ok(()) };
                sysctl::hide_host(&self.outside);
                bridge.attach(host, &outside, card.mtu)
            }
            Attachment::Ovs(ovs) => ovs.attach(&self.outside, card),
            Attachment::Macvlan(macvlan) => macvlan.attach(host),
        }
    }

    /// Whether an inner end that is up leads nowhere, and will not lead anywhere again: its switch was started anew, and the
    /// datapath was a part of it.
    #[must_use]
    pub const fn is_lost(&self, inner: &Link) -> bool {
        matches!(self.attachment, Attachment::Ovs(_)) && inner.up && !inner.carrier
    }

    /// To be called when the inner end is up: from then on no frame is dropped.
    ///
    /// # Errors
    /// The outer end is gone, or what the system said.
    pub fn settle(&self, host: &mut Netlink) -> Result<(), Failure> {
        match &self.attachment {
            Attachment::Bridge(_) => link::require(host, &self.outside).map(drop),
            Attachment::Ovs(_) | Attachment::Macvlan(_) => Ok(()),
        }
    }

    /// Waits until what was plugged has gone with its namespace, and removes what has not.
    ///
    /// # Errors
    /// What the system said.
    pub fn await_gone(&self, host: &mut Netlink) -> Result<(), Failure> {
        let Attachment::Bridge(_) = self.attachment else {
            // It has no outer end, or one that goes when Open vSwitch is told.
            return Ok(());
        };
        let deadline = Instant::now() + GOES_WITHIN;
        while let Some(left) = link::find(host, &self.outside)? {
            if Instant::now() > deadline {
                return host.batch(vec![link::delete(left.index, &self.outside)]);
            }
            thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// Removes what was made for the network when nothing hangs on it any more.
    ///
    /// # Errors
    /// What the system said.
    pub fn release(&self, host: &mut Netlink) -> Result<(), Failure> {
        match &self.attachment {
            Attachment::Bridge(bridge) => bridge.release(host),
            Attachment::Ovs(ovs) => ovs.release(&self.outside),
            Attachment::Macvlan(_) => Ok(()),
        }
    }

    /// What is there of it. `card`: what it is to be like, if it is to be there.
    ///
    /// # Errors
    /// What the system said.
    pub fn look(&self, host: &mut Netlink, card: Option<Card>) -> Result<Seen, Failure> {
        match &self.attachment {
            Attachment::Bridge(bridge) => {
                let outside = link::find(host, &self.outside)?;
                let mut seen = bridge.look(host, outside)?;
                seen.unprepared |= sysctl::shows_host(&self.outside);
                seen.attached &= card.zip(seen.outside.as_ref()).is_none_or(|(card, link)| link.mtu == card.mtu);
                Ok(seen)
            }
            Attachment::Ovs(ovs) => ovs.look(&self.outside, card),
            Attachment::Macvlan(macvlan) => macvlan.look(host),
        }
    }
}

/// A namespace that was dropped takes its links along within some 20 ms; after this long they are deleted one by one.
const GOES_WITHIN: Duration = Duration::from_millis(300);

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
        let bridge = Attachment::Bridge(Bridge { name: "brq".to_owned(), own: true, uplink: None });
        let interface = Interface::of_port("9f1b7c52-aaaa-4bbb-8ccc-0123456789ab", bridge);
        assert_eq!((interface.inside.as_str(), interface.outside.as_str()), ("ns-9f1b7c52-aa", "tap9f1b7c52-aa"));
    }

    /// To the letter: older releases read what is written now as well.
    #[test]
    fn a_bridge_is_written_down_as_the_first_releases_did() {
        let text =
            r#"{"inside":"ns-9f1b7c52-aa","outside":"tap9f1b7c52-aa","bridge":"brqc0ffee00-11","own_bridge":true}"#;
        let interface: Interface = serde_json::from_str(text).unwrap();
        let own = Attachment::Bridge(Bridge { name: "brqc0ffee00-11".to_owned(), own: true, uplink: None });
        assert_eq!(interface, Interface::of_port("9f1b7c52-aaaa-4bbb-8ccc-0123456789ab", own));
        assert_eq!(serde_json::to_string(&interface).unwrap(), text);
        assert!(serde_json::from_str::<Interface>(r#"{"inside":"a","outside":"b","patch":"c"}"#).is_err());
    }
}
