//! For tests: whoever names a network or a subnet means one that is there.
//!
//! Tests of clients name networks by ids of their own making, where there is no service that knows them. Addresses are the
//! store's to choose, as on networks of our own; agents plug into nothing.

use std::net::IpAddr;

use ballast_model::{
    Uuid,
    fault::Fault,
    ids::{ListenerId, NetworkId, PortId, SubnetId},
    network::{Attachment, Network, Subnetwork},
    subnet::{NewSubnet, Subnet},
};

use super::{MadePort, NamedSubnet, NetworkProvider, WantedPort};

/// Addresses that are for tests of network devices (RFC 2544), and for examples (RFC 3849).
const CIDR_V4: &str = "198.18.0.0/15";
const CIDR_V6: &str = "2001:db8::/32";

#[derive(Debug)]
pub(super) struct Noop;

/// The subnet that is meant, of the network that is named, if one is, and with the address in it that is wanted.
fn meant(named: NamedSubnet) -> Result<Option<Subnetwork>, Fault> {
    let of = |id: Uuid, what: &str| Uuid::new_v5(&id, what.as_bytes());
    let (subnet_id, network_id) = match (named.subnet_id, named.network_id) {
        (None, None) => return Ok(None),
        (Some(subnet_id), Some(network_id)) => (subnet_id, network_id),
        (Some(subnet_id), None) => (subnet_id, NetworkId::from(of(subnet_id.uuid(), "network"))),
        (None, Some(network_id)) => (SubnetId::from(of(network_id.uuid(), "subnet")), network_id),
    };
    let cidr = if named.address.is_some_and(|address: IpAddr| address.is_ipv6()) { CIDR_V6 } else { CIDR_V4 };
    let network = Network {
        id: network_id,
        project_id: String::new(),
        name: "noop".to_owned(),
        shared: true,
        admin_state_up: true,
        attachment: Attachment::default(),
        mtu: 1500,
    };
    let subnet = Subnet::new(NewSubnet { id: subnet_id, network_id, cidr: cidr.to_owned(), ..NewSubnet::default() })?;
    Ok(Some(Subnetwork { network, subnet }))
}

#[tonic::async_trait]
impl NetworkProvider for Noop {
    fn must_be_ours(&self) -> Result<(), Fault> {
        Ok(())
    }

    async fn subnetwork(&self, subnet_id: SubnetId) -> Result<Option<Subnetwork>, Fault> {
        meant(NamedSubnet { subnet_id: Some(subnet_id), ..NamedSubnet::default() })
    }

    async fn subnetwork_named(&self, named: NamedSubnet) -> Result<Option<Subnetwork>, Fault> {
        meant(named)
    }

    async fn make_port(&self, _: &WantedPort) -> Result<Option<MadePort>, Fault> {
        Ok(None)
    }

    async fn bind_port(&self, _: PortId, _: &str) -> Result<(), Fault> {
        Ok(())
    }

    async fn remove_port(&self, _: ListenerId) -> Result<(), Fault> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUBNET: Option<SubnetId> = Some(SubnetId::from_u128(1));
    const NETWORK: Option<NetworkId> = Some(NetworkId::from_u128(2));

    #[test]
    fn what_is_named_is_there_and_the_same_each_time() {
        let named = |subnet_id, network_id, address: &str| {
            let named = NamedSubnet { subnet_id, network_id, address: address.parse().ok() };
            let found = meant(named).unwrap();
            assert_eq!(found, meant(named).unwrap());
            found.map(|found| (found.subnet.id, found.network.id, found.subnet))
        };
        let (subnet, network, both) = named(SUBNET, NETWORK, "198.18.33.33").unwrap();
        assert_eq!((Some(subnet), Some(network), Some(both.network_id)), (SUBNET, NETWORK, NETWORK));
        assert!(both.cidr.contains(&"198.18.33.33".parse::<IpAddr>().unwrap()));
        let (.., six) = named(SUBNET, NETWORK, "2001:db8:33:33::33").unwrap();
        assert!(six.cidr.contains(&"2001:db8:33:33::33".parse::<IpAddr>().unwrap()));
        assert_eq!(named(SUBNET, None, "").map(|found| Some(found.0)), Some(SUBNET));
        assert_eq!(named(None, NETWORK, "").map(|found| Some(found.1)), Some(NETWORK));
        assert_eq!(named(None, None, ""), None);
    }
}
