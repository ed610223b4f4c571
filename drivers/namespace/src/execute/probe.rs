//! Asks who has the addresses before they are taken.

use std::{collections::BTreeSet, net::IpAddr};

use ballast_netns::{claims::Claim, probe, sysctl};

use super::Work;
use crate::{Wanted, failure::Failure};

impl Work<'_> {
    pub(super) fn probe(&self, wanted: Wanted<'_>) -> Result<(), Failure> {
        let plug = wanted.plug;
        let addresses: BTreeSet<IpAddr> = plug.addresses().into_iter().map(|(address, _)| address).collect();
        let found = self.inside(|| {
            sysctl::set_ipv6(wanted.purpose(), Some(&plug.interface.inside))?;
            Ok(probe::who_has(&plug.interface.inside, plug.mac, &addresses)?)
        })?;
        match found {
            Some(Claim { address, mac }) => Err(Failure::Owned { address, mac }),
            None => Ok(()),
        }
    }
}
