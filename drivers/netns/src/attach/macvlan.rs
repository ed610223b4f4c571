//! A link of its own on an interface of the host: frames go to the wire without a bridge. Those of the host itself do not
//! reach it.

use std::{fs::File, os::fd::AsRawFd as _};

use nix::errno::Errno;
use serde::{Deserialize, Serialize};

use super::Seen;
use crate::{
    failure::Failure,
    link::{self, Card},
    netlink::Netlink,
};

/// The interface that it is on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Macvlan {
    #[serde(rename = "macvlan")]
    pub interface: String,
}

impl Macvlan {
    /// Born in the namespace. One of this name that is there already is replaced: its interface may be gone.
    pub(super) fn plug(&self, host: &mut Netlink, name: &str, card: Card, namespace: &File) -> Result<(), Failure> {
        let missing = || Failure::InterfaceMissing { interface: self.interface.clone() };
        let parent = link::find(host, &self.interface)?.ok_or_else(missing)?;
        let mut batch = Vec::new();
        if !parent.up {
            batch.push(link::set_up(parent.index, &self.interface));
        }
        batch.push(link::create_macvlan(name, parent.index, card, namespace.as_raw_fd()));
        match host.batch(batch) {
            Err(failure) if failure.errno() == Some(Errno::EINVAL) && card.mtu > parent.mtu => {
                Err(Failure::MtuTooLarge { mtu: card.mtu, interface: self.interface.clone(), most: parent.mtu })
            }
            other => other,
        }
    }

    /// Puts the interface up.
    pub(super) fn attach(&self, host: &mut Netlink) -> Result<(), Failure> {
        match link::find(host, &self.interface)? {
            Some(parent) => host.batch(vec![link::set_up(parent.index, &self.interface)]),
            None => Err(Failure::InterfaceMissing { interface: self.interface.clone() }),
        }
    }

    /// Nothing of it is on the host but the interface.
    pub(super) fn look(&self, host: &mut Netlink) -> Result<Seen, Failure> {
        let parent = link::find(host, &self.interface)?;
        Ok(Seen { attached: parent.as_ref().is_some_and(|link| link.up), outside: parent, ..Seen::default() })
    }
}
