//! A database with agents and load balancers, stored without the API.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr},
};

use ballast_model::{
    Uuid,
    agent::{Agent, AgentDriver, DriverOptions, DriverState, Unclaimed},
    ids::{AgentId, NetworkId, SubnetId},
    listener::{Listener, Mac, Protocol, Vip},
    load_balancer::LoadBalancer,
    network::{Attachment, Network},
    outcome::Outcome as Deployed,
    plugs::Plugs,
    pool::{LbMethod, NewPool},
    port::{FixedIp, Port},
    subnet::{NewSubnet, Subnet},
    time::Timestamp,
};
use ballast_store::Store;

use crate::Outcome;

/// The driver that they have.
pub(crate) const DRIVER: &str = "bench";
const PROJECT: &str = "bench";
const NETWORK: NetworkId = NetworkId::from_u128(1);
pub(crate) const SUBNET: SubnetId = SubnetId::from_u128(2);
/// What is stored in one transaction.
const TOGETHER: usize = 500;

fn id<I: From<Uuid>>(kind: &str, number: usize) -> I {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{kind} {number}").as_bytes()).into()
}

/// The host of an agent.
pub(crate) fn host(number: usize) -> String {
    format!("agent-{number}")
}

fn agent(number: usize) -> Agent {
    let driver = AgentDriver {
        name: DRIVER.to_owned(),
        version: "1".to_owned(),
        state: DriverState::Ready,
        reason: String::new(),
        full: false,
        features: ballast_limits::features::all().map(str::to_owned).collect::<BTreeSet<_>>(),
        max_load_balancers: 0,
        max_members: 0,
        plugs: Plugs::default(),
        remarks: Vec::new(),
        options: DriverOptions::default(),
        load_balancers: 0,
    };
    Agent {
        id: id("agent", number),
        host: host(number),
        admin_state_up: true,
        description: None,
        version: "1".to_owned(),
        zone: String::new(),
        unclaimed: Unclaimed::default(),
        created_at: Timestamp(0),
        started_at: Timestamp(0),
        heartbeat_at: Timestamp(0),
        connected: false,
        session: None,
        drivers: vec![driver],
        load_balancers: 0,
    }
}

/// 10.64.0.0 and on.
fn address(number: usize) -> Outcome<IpAddr> {
    let first = u32::from(Ipv4Addr::new(10, 64, 0, 10));
    Ok(Ipv4Addr::from(first + u32::try_from(number)?).into())
}

/// A listener with a pool, deployed; and its port.
fn load_balancer(number: usize) -> Outcome<(LoadBalancer, Port)> {
    let mut made = LoadBalancer::with_pool(NewPool {
        id: id("pool", number),
        project_id: PROJECT.to_owned(),
        name: format!("pool {number}"),
        description: String::new(),
        subnet_id: SUBNET,
        protocol: Protocol::Http,
        lb_method: LbMethod::RoundRobin,
        provider: DRIVER.to_owned(),
        admin_state_up: true,
    });
    let (at, mac) = (address(number)?, Mac::from_random(number as u64));
    let port = Port {
        id: id("port", number),
        project_id: PROJECT.to_owned(),
        name: format!("vip-{}", made.id),
        network_id: NETWORK,
        fixed_ips: vec![FixedIp { subnet_id: SUBNET, address: at }],
        mac,
        device_owner: "neutron:LOADBALANCERV2".to_owned(),
        device_id: made.id.to_string(),
        host: String::new(),
        admin_state_up: true,
    };
    let (subnet_id, network_id, port_id) = (SUBNET, NETWORK, port.id);
    made.vip = Some(Vip { subnet_id, network_id, port_id, address: at, mac, additional: Vec::new() });
    let default_pool_id = made.pools.first().map(|pool| pool.id);
    let listener = Listener::new(id("listener", number), PROJECT.to_owned(), Protocol::Http, 80);
    made.listeners.push(Listener { default_pool_id, ..listener });
    let generation = made.generation;
    Ok((made.settle(&Deployed { generation, fault: None, cause: None, faults: Vec::new() }), port))
}

async fn networks(store: &Store) -> Outcome<()> {
    let network = Network {
        id: NETWORK,
        project_id: PROJECT.to_owned(),
        name: "bench".to_owned(),
        shared: true,
        admin_state_up: true,
        attachment: Attachment::default(),
        mtu: 1500,
    };
    let subnet = NewSubnet {
        id: SUBNET,
        project_id: PROJECT.to_owned(),
        network_id: NETWORK,
        cidr: "10.64.0.0/10".to_owned(),
        // What is made later is behind what is there.
        allocation_pools: vec![("10.96.0.0".to_owned(), "10.127.255.250".to_owned())],
        ..NewSubnet::default()
    };
    let subnet = Subnet::new(subnet).map_err(|fault| fault.to_string())?;
    let (network, subnet) = (&network, &subnet);
    let store = store.write(|tx, _| {
        Box::pin(async move {
            tx.insert_network(network).await?;
            tx.insert_subnet(subnet).await
        })
    });
    store.await.map_err(|fault| fault.to_string().into())
}

/// Makes the database at this url, with a network, so many agents, and so many load balancers on each.
pub(crate) async fn fill(url: &str, agents: usize, each: usize) -> Outcome<()> {
    let store = Store::open(url).await?;
    networks(&store).await?;
    let numbers: Vec<usize> = (0..agents).collect();
    for some in numbers.chunks(TOGETHER.div_ceil(each.max(1))) {
        let mut all = Vec::new();
        for number in some {
            let own = (number * each..(number + 1) * each).map(load_balancer).collect::<Outcome<Vec<_>>>()?;
            all.push((agent(*number), own));
        }
        let all = &all;
        let write = store.write(|tx, _| {
            Box::pin(async move {
                for (agent, own) in all {
                    let agent_id: AgentId = agent.id;
                    tx.insert_agent(agent).await?;
                    for (load_balancer, port) in own {
                        tx.insert_vip_port(port, true).await?;
                        tx.insert_bound(load_balancer, agent_id, DRIVER).await?;
                    }
                }
                Ok(())
            })
        });
        write.await.map_err(|fault| fault.to_string())?;
    }
    Ok(())
}
