//! The driver's own section of the agent's configuration, `[drivers.nft-l4]`. Every key has a default that suits a Debian
//! host.

use std::{collections::BTreeMap, path::PathBuf};

use ballast_abi::DriverError;
use ballast_netns::networks::{Networks, Switch, Underlay};
use serde::Deserialize;

/// What an operator may set.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Physical network -> bridge. Networks without provider attributes get a bridge of their own.
    pub bridge_mappings: BTreeMap<String, String>,
    /// Physical network -> interface: each load balancer of its networks gets a macvlan link on it.
    pub macvlan_mappings: BTreeMap<String, String>,
    /// Physical network -> interface: each of its VLANs gets a bridge and an 802.1Q link.
    pub vlan_mappings: BTreeMap<String, String>,
    /// Absent: networks of type vxlan are not reached.
    pub vxlan: Option<Underlay>,
    /// Absent: nothing is plugged into Open vSwitch.
    pub ovs: Option<Switch>,
    /// How often a new VIP is announced (gratuitous ARP or unsolicited neighbour advertisement); 0: never.
    pub send_gratuitous_arp: u32,
    /// Seconds without a packet in either direction after which a flow is forgotten, of listeners whose timeouts are the
    /// API's usual ones.
    pub timeout_idle: u32,
    /// Where namespaces are named, as `ip netns` expects them.
    pub netns_dir: PathBuf,
    /// The host's neighbour table is raised to this many entries where it is smaller; 0: left alone.
    pub neighbour_table: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            bridge_mappings: BTreeMap::new(),
            macvlan_mappings: BTreeMap::new(),
            vlan_mappings: BTreeMap::new(),
            vxlan: None,
            ovs: None,
            send_gratuitous_arp: 3,
            timeout_idle: 50,
            netns_dir: "/run/netns".into(),
            neighbour_table: 65_536,
        }
    }
}

/// The kernel counts in ticks, of which 31 bits have at least so many seconds.
const LONGEST: u32 = 2_000_000;

impl Config {
    /// Refuses what would fail at the first deploy.
    ///
    /// # Errors
    /// INVALID_CONFIG, naming the key.
    pub(crate) fn check(&self) -> Result<(), DriverError> {
        if !(1..=LONGEST).contains(&self.timeout_idle) {
            return Err(DriverError::invalid_config(format!("timeout_idle: must be 1 to {LONGEST}")));
        }
        self.networks().check().map_err(|(key, what)| DriverError::invalid_config(format!("{key}: {what}")))
    }

    /// Which networks this host reaches.
    pub(crate) fn networks(&self) -> Networks {
        Networks {
            bridges: self.bridge_mappings.clone(),
            macvlans: self.macvlan_mappings.clone(),
            vlans: self.vlan_mappings.clone(),
            vxlan: self.vxlan.clone(),
            ovs: self.ovs.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_section_is_the_default_and_what_is_wrong_is_named() {
        let of = |text: &str| serde_json::from_str::<Config>(text).map(|config| config.check());
        assert_eq!(of("{}").unwrap(), Ok(()));
        assert!(of(r#"{"maxconn": 2}"#).is_err());
        for (text, key) in
            [(r#"{"timeout_idle": 0}"#, "timeout_idle:"), (r#"{"bridge_mappings": {"a": "x/y"}}"#, "bridge_mappings")]
        {
            let error = of(text).unwrap().unwrap_err();
            assert!(error.message.starts_with(key), "{}", error.message);
        }
    }
}
