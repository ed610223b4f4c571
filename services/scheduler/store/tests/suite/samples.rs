//! Nouns to store.

use std::net::IpAddr;

use ballast_model::{
    Uuid,
    agent::{Agent, AgentDriver, DriverOptions, DriverState, Unclaimed},
    health_monitor::{HealthMonitor, MonitorChange, MonitorType},
    ids::PoolId,
    listener::{Listener, Mac, NewVip, Protocol, Vip},
    load_balancer::LoadBalancer,
    member::NewMember,
    network::{Attachment, Network, NetworkType},
    outcome::Statistics,
    plugs::Plugs,
    pool::{LbMethod, NewPool, SessionPersistence},
    port::{FixedIp, Port},
    status::Progress,
    subnet::{NewSubnet, Subnet},
    time::Timestamp,
};
use ballast_store::{Hold, Parts, Tally};

use crate::database::{Database, write};

/// The id with this number.
pub(crate) fn id<I: From<Uuid>>(number: u128) -> I {
    Uuid::from_u128(number).into()
}

pub(crate) fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub(crate) fn new_pool(number: u128) -> NewPool {
    NewPool {
        id: id(number),
        project_id: "p".to_owned(),
        name: format!("pool{number}"),
        description: String::new(),
        subnet_id: id(900),
        protocol: Protocol::Http,
        lb_method: LbMethod::RoundRobin,
        provider: "haproxy".to_owned(),
        admin_state_up: true,
    }
}

pub(crate) fn pool(number: u128) -> LoadBalancer {
    LoadBalancer::with_pool(new_pool(number))
}

/// Another pool of the load balancer.
pub(crate) fn with_pool_of(mut load_balancer: LoadBalancer, number: u128) -> LoadBalancer {
    load_balancer.generation = load_balancer.generation.next();
    let mut pool = pool(number).pools.remove(0);
    pool.progress = Progress::created(load_balancer.generation);
    load_balancer.pools.push(pool);
    load_balancer
}

/// Another listener of the load balancer, which has a vip.
pub(crate) fn with_listener_of(mut load_balancer: LoadBalancer, number: u128, pool: PoolId) -> LoadBalancer {
    load_balancer.generation = load_balancer.generation.next();
    let NewVip { vip, name, .. } = new_vip(number, "10.0.0.50");
    load_balancer.vip.get_or_insert(vip);
    let port = u16::try_from(number % 1000 + 1).unwrap();
    load_balancer.listeners.push(Listener {
        name,
        description: "shop".to_owned(),
        connection_limit: 7,
        default_pool_id: Some(pool),
        admin_state_up: false,
        progress: Progress::created(load_balancer.generation),
        ..Listener::new(id(number), "p".to_owned(), Protocol::Tcp, port)
    });
    load_balancer
}

pub(crate) fn new_member(number: u128, last: u8) -> NewMember {
    NewMember {
        id: id(number),
        project_id: "p".to_owned(),
        address: IpAddr::from([10, 0, 0, last]),
        protocol_port: 80,
        weight: 1,
        admin_state_up: true,
    }
}

pub(crate) fn new_vip(number: u128, at: &str) -> NewVip {
    NewVip {
        id: id(number),
        project_id: "p".to_owned(),
        name: format!("vip{number}"),
        description: "shop".to_owned(),
        vip: Vip {
            subnet_id: id(900),
            network_id: id(901),
            port_id: id(number + 1000),
            address: address(at),
            mac: Mac::from_random(7),
            additional: Vec::new(),
        },
        protocol: Protocol::Http,
        protocol_port: 80,
        session_persistence: Some(SessionPersistence::AppCookie("sid".to_owned())),
        connection_limit: -1,
        admin_state_up: true,
    }
}

/// What an agent has counted.
pub(crate) fn tally<'a>(of: &'a LoadBalancer, epoch: u64, whole: Statistics, parts: &'a Parts) -> Tally<'a> {
    Tally { load_balancer: of, epoch: epoch.into(), whole, parts }
}

pub(crate) fn monitor(number: u128) -> HealthMonitor {
    let fields = MonitorChange { delay: Some(5), timeout: Some(3), max_retries: Some(2), ..MonitorChange::default() };
    HealthMonitor::new(id(number), "p".to_owned(), MonitorType::Http, fields).unwrap()
}

pub(crate) fn agent(number: u128) -> Agent {
    Agent {
        id: id(number),
        host: format!("host{number}"),
        zone: String::new(),
        unclaimed: Unclaimed::default(),
        admin_state_up: true,
        description: Some("rack 3".to_owned()),
        version: "0.1.0".to_owned(),
        created_at: Timestamp(1),
        started_at: Timestamp(2),
        heartbeat_at: Timestamp(3),
        connected: true,
        session: None,
        drivers: vec![AgentDriver {
            name: "haproxy-ns".to_owned(),
            version: "0.1.0".to_owned(),
            state: DriverState::Ready,
            reason: String::new(),
            features: ["protocol:HTTP", "ipv6"].map(str::to_owned).into(),
            max_load_balancers: 100,
            max_members: 1000,
            full: false,
            options: DriverOptions {
                flavor: [("data_plane".to_owned(), "Where it runs".to_owned())].into(),
                availability_zone: [("zone".to_owned(), String::new())].into(),
            },
            plugs: Plugs {
                network_types: ["own", "bridge"].map(str::to_owned).into(),
                physical_networks: ["front".to_owned()].into(),
            },
            remarks: vec!["no SCTP on this host".to_owned()],
            load_balancers: 0,
        }],
        load_balancers: 0,
    }
}

pub(crate) fn network(number: u128, project: &str, shared: bool) -> Network {
    Network {
        id: id(number),
        project_id: project.to_owned(),
        name: format!("net{number}"),
        shared,
        admin_state_up: true,
        attachment: Attachment {
            network_type: NetworkType::Vlan,
            physical_network: "physnet1".to_owned(),
            segmentation_id: 7,
        },
        mtu: 9000,
    }
}

pub(crate) fn subnet(number: u128, network: u128, project: &str, cidr: &str) -> Subnet {
    Subnet::new(NewSubnet {
        id: id(number),
        project_id: project.to_owned(),
        name: format!("subnet{number}"),
        network_id: id(network),
        cidr: cidr.to_owned(),
        ip_version: 0,
        gateway_ip: None,
        allocation_pools: Vec::new(),
        host_routes: Vec::new(),
        dns_nameservers: vec!["9.9.9.9".to_owned()],
        enable_dhcp: true,
        ..NewSubnet::default()
    })
    .unwrap()
}

pub(crate) fn port(number: u128, at: &str) -> Port {
    Port {
        id: id(number),
        project_id: "p".to_owned(),
        name: "vip-x".to_owned(),
        network_id: id(800),
        fixed_ips: vec![FixedIp { subnet_id: id(900), address: address(at) }],
        mac: Mac::from_random(u64::try_from(number).unwrap()),
        device_owner: "neutron:LOADBALANCER".to_owned(),
        device_id: "x".to_owned(),
        host: String::new(),
        admin_state_up: true,
    }
}

pub(crate) fn hold(number: u128, at: &str, load_balancer: u128, generation: u64) -> Hold {
    Hold {
        id: id(number),
        subnet_id: id(900),
        address: address(at),
        port_id: id(number + 1000),
        load_balancer_id: id(load_balancer),
        agent_id: id(500),
        generation: generation.into(),
        project_id: "p".to_owned(),
    }
}

/// Stores load balancers as they are; what they refer to must be there.
pub(crate) async fn store_all(database: &Database, load_balancers: &[LoadBalancer]) {
    let load_balancers = load_balancers.to_vec();
    write!(database.store, [load_balancers], |tx| {
        for load_balancer in &load_balancers {
            tx.insert(load_balancer).await?;
        }
        Ok(())
    })
    .unwrap();
}

/// Network 800 with subnet 900, 10.0.0.0/24.
pub(crate) async fn store_subnet(database: &Database) {
    write!(database.store, [], |tx| {
        tx.insert_network(&network(800, "p", false)).await?;
        tx.insert_subnet(&subnet(900, 800, "p", "10.0.0.0/24")).await
    })
    .unwrap();
}
