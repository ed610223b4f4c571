//! Networks that an agent can plug load balancers into, as its driver reported it.

use std::collections::BTreeSet;

use crate::network::{Attachment, NetworkType};

/// Stands for all physical networks.
pub const ANY: &str = "*";

/// What a driver can plug into. Types that this release does not know are kept and shown, and fit nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plugs {
    /// Empty: it did not say, and is taken to plug into everything, as all were before they were asked.
    pub network_types: BTreeSet<String>,
    pub physical_networks: BTreeSet<String>,
}

impl Plugs {
    #[must_use]
    pub fn take(&self, attachment: &Attachment) -> bool {
        let physical = &attachment.physical_network;
        let reaches =
            physical.is_empty() || [ANY, physical].into_iter().any(|one| self.physical_networks.contains(one));
        self.network_types.is_empty() || reaches && self.network_types.contains(word(attachment.network_type))
    }
}

/// As drivers spell a type: also that of a network without one has a name.
const fn word(network_type: NetworkType) -> &'static str {
    match network_type {
        NetworkType::Own => "own",
        typed => typed.as_str(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plugs(network_types: &[&str], physical_networks: &[&str]) -> Plugs {
        let set = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Plugs { network_types: set(network_types), physical_networks: set(physical_networks) }
    }

    /// What was reported, against: no type, bridge on a, bridge on b, vlan on a, vxlan.
    #[test]
    fn a_network_is_plugged_into_where_type_and_physical_network_were_reported_or_nothing_was() {
        let networks = [("", "", 0), ("bridge", "a", 0), ("bridge", "b", 0), ("vlan", "a", 7), ("vxlan", "", 7)]
            .map(|(kind, physical, segment)| Attachment::asked(kind, physical.to_owned(), segment).unwrap());
        for (report, taken) in [
            (plugs(&[], &[]), [true, true, true, true, true]),
            (plugs(&[], &["a"]), [true, true, true, true, true]),
            (plugs(&["own"], &[]), [true, false, false, false, false]),
            (plugs(&["own"], &["a"]), [true, false, false, false, false]),
            (plugs(&["own", "bridge"], &["a"]), [true, true, false, false, false]),
            (plugs(&["bridge"], &[]), [false, false, false, false, false]),
            (plugs(&["bridge", "vlan"], &["*"]), [false, true, true, true, false]),
            (plugs(&["vlan"], &["a"]), [false, false, false, true, false]),
            (plugs(&["vxlan"], &[]), [false, false, false, false, true]),
            (plugs(&["of-a-later-release"], &["*"]), [false, false, false, false, false]),
        ] {
            assert_eq!(networks.each_ref().map(|network| report.take(network)), taken, "{report:?}");
        }
    }
}
