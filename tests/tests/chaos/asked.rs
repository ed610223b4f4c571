//! What is asked for.

use ballast_abi::{LbMethod, Listener, LoadBalancer, Member, Network, Pool, Protocol, Timeouts, Vip};

use crate::place::Attachment;

pub(crate) const ID: &str = "0d5e7a11-7b3b-4c93-9d59-5b8fdc6a0a07";
const NEIGHBOUR: &str = "0d5e7a11-7b3b-4c93-9d59-5b8fdc6a0a09";
const BYSTANDER: &str = "0d5e7a11-7b3b-4c93-9d59-5b8fdc6a0a08";
const POOL: &str = "0d5e7a11-30c2-4f6e-8d3c-1c5cf1a3f9b4";
const NEIGHBOURS_POOL: &str = "0d5e7a11-30c2-4f6e-8d3c-1c5cf1a3f9b6";
const DATAGRAMS: &str = "0d5e7a11-30c2-4f6e-8d3c-1c5cf1a3f9b5";
/// Of the port: its first 11 characters name the links.
const PORT: &str = "0d5e7a17-aaaa-4bbb-8ccc-0123456789ab";
const OTHER_PORT: &str = "0d5e7a19-aaaa-4bbb-8ccc-0123456789ab";
const NEIGHBOURS_PORT: &str = "0d5e7a1a-aaaa-4bbb-8ccc-0123456789ab";
const BYSTANDERS_PORT: &str = "0d5e7a18-aaaa-4bbb-8ccc-0123456789ab";
/// The outer end of the first one's link.
pub(crate) const OUTSIDE: &str = "tap0d5e7a17-aa";
pub(crate) const ADDRESS: &str = "10.0.0.4";
/// Of all but the bystander.
pub(crate) const PROJECT: &str = "demo";
pub(crate) const BYSTANDERS_ADDRESS: &str = "10.0.0.8";

/// Two members at [`ADDRESS`], port 80.
pub(crate) fn load_balancer(protocol: Protocol, attachment: Attachment) -> LoadBalancer {
    let mut asked = LoadBalancer {
        id: ID.into(),
        project_id: PROJECT.into(),
        admin_state_up: true,
        vip: Some(vip(PORT, ADDRESS, attachment)),
        ..LoadBalancer::default()
    };
    add(&mut asked, POOL, protocol);
    asked
}

/// Another one of its project, which nothing is asked for.
pub(crate) fn neighbour(protocol: Protocol, attachment: Attachment) -> LoadBalancer {
    let vip = Vip { mac: "fa:16:3e:00:00:0a".into(), ..vip(NEIGHBOURS_PORT, "10.0.0.10", attachment) };
    let mut asked = LoadBalancer { id: NEIGHBOUR.into(), vip: Some(vip), ..load_balancer(protocol, attachment) };
    // What one haproxy serves has names of its own.
    for (listener, pool) in asked.listeners.iter_mut().zip(&mut asked.pools) {
        pool.id = NEIGHBOURS_POOL.into();
        (listener.id, listener.default_pool_id) = (pool.id.clone(), pool.id.clone());
    }
    asked
}

/// Another one, of another project, which nothing is done to.
pub(crate) fn bystander(protocol: Protocol, attachment: Attachment) -> LoadBalancer {
    let vip = Vip { mac: "fa:16:3e:00:00:08".into(), ..vip(BYSTANDERS_PORT, BYSTANDERS_ADDRESS, attachment) };
    let project_id = "another".into();
    LoadBalancer { id: BYSTANDER.into(), project_id, vip: Some(vip), ..load_balancer(protocol, attachment) }
}

fn add(asked: &mut LoadBalancer, id: &str, protocol: Protocol) {
    asked.listeners.push(Listener {
        id: id.into(),
        protocol: protocol.into(),
        protocol_port: 80,
        connection_limit: -1,
        default_pool_id: id.into(),
        admin_state_up: true,
        ..Listener::default()
    });
    asked.pools.push(Pool {
        id: id.into(),
        protocol: protocol.into(),
        lb_method: LbMethod::RoundRobin.into(),
        admin_state_up: true,
        members: vec![member(1), member(2)],
        ..Pool::default()
    });
}

/// UDP beside what there is.
pub(crate) fn with_datagrams(mut asked: LoadBalancer) -> LoadBalancer {
    add(&mut asked, DATAGRAMS, Protocol::Udp);
    asked
}

/// UDP and nothing else.
pub(crate) fn datagrams_alone(mut asked: LoadBalancer) -> LoadBalancer {
    asked.listeners.retain(|listener| listener.id == DATAGRAMS);
    asked.pools.retain(|pool| pool.id == DATAGRAMS);
    asked
}

/// One member fewer, and the other one weighs more.
pub(crate) fn with_other_members(mut asked: LoadBalancer) -> LoadBalancer {
    for pool in &mut asked.pools {
        pool.members.truncate(1);
        pool.members[0].weight = 7;
    }
    asked
}

/// What no running haproxy takes.
pub(crate) fn with_other_timeouts(mut asked: LoadBalancer) -> LoadBalancer {
    let timeouts = Timeouts { client_data: 50_007, member_connect: 5_000, member_data: 50_000, tcp_inspect: 0 };
    asked.listeners[0].timeouts = Some(timeouts);
    asked
}

pub(crate) fn at_another_address(mut asked: LoadBalancer) -> LoadBalancer {
    asked.vip = asked.vip.map(|vip| Vip { address: "10.0.0.6".into(), mac: "fa:16:3e:00:00:06".into(), ..vip });
    asked
}

pub(crate) fn at_another_port(mut asked: LoadBalancer) -> LoadBalancer {
    asked.vip = asked.vip.map(|vip| Vip { port_id: OTHER_PORT.into(), mac: "fa:16:3e:00:00:09".into(), ..vip });
    asked
}

pub(crate) fn without_vip(mut asked: LoadBalancer) -> LoadBalancer {
    (asked.vip, asked.listeners) = (None, Vec::new());
    asked
}

pub(crate) fn without_listeners(mut asked: LoadBalancer) -> LoadBalancer {
    asked.listeners.clear();
    asked
}

fn vip(port: &str, address: &str, attachment: Attachment) -> Vip {
    Vip {
        port_id: port.into(),
        address: address.into(),
        prefix_length: 24,
        mac: "fa:16:3e:00:00:04".into(),
        network: Some(network(attachment)),
        ..Vip::default()
    }
}

fn network(attachment: Attachment) -> Network {
    let (kind, physical, segment, mtu) = match attachment {
        Attachment::Bridge => ("bridge", "physnet1", 0, 0),
        Attachment::Vxlan => ("vxlan", "", 77, 1450),
        Attachment::Macvlan => ("bridge", "physnet7", 0, 0),
        Attachment::Ovs => ("vlan", "physnet1", 101, 0),
    };
    Network {
        id: "c0ffee00-1111-4222-8333-444444444444".into(),
        network_type: kind.into(),
        physical_network: physical.into(),
        segmentation_id: segment,
        mtu,
    }
}

fn member(number: u32) -> Member {
    Member {
        id: format!("00000000-0000-4000-8000-{number:012}"),
        address: format!("10.0.0.1{number}"),
        protocol_port: 8080,
        weight: 1,
        admin_state_up: true,
        ..Member::default()
    }
}
