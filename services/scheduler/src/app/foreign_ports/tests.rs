//! With a service that the test plays: what it is asked, and that nothing is left there.

use std::sync::{Mutex, PoisonError};

use ballast_model::{
    fault::{Absence, Code, Misfit},
    ids::{ListenerId, NetworkId, PoolId, PortId, SubnetId},
    listener::{Mac, Protocol},
    load_balancer::LoadBalancer,
    network::{Attachment, Network, Subnetwork},
    parts::Parts,
    pool::{LbMethod, NewPool},
    subnet::{NewSubnet, Subnet},
    view::v1,
};
use ballast_service::{
    clock::Clock,
    config::{self, Settings},
    sources::Sources,
};
use ballast_store::Store;
use tempfile::TempDir;
use tokio::sync::Semaphore;

use super::*;
use crate::network::NetworkProvider;

/// Ports by their vips.
struct Played {
    ports: Mutex<Vec<PortId>>,
    broken: Mutex<bool>,
    /// Where ports were plugged in, as it was told.
    bound: Mutex<Vec<String>>,
    /// It answers when it is told where a port is.
    answers: Semaphore,
}

impl Played {
    fn ports(&self) -> Vec<PortId> {
        self.ports.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn answer(&self) -> Result<(), Fault> {
        if *self.broken.lock().unwrap() { Err(Absence::NetworkService.into()) } else { Ok(()) }
    }
}

#[tonic::async_trait]
impl NetworkProvider for Played {
    fn must_be_ours(&self) -> Result<(), Fault> {
        Err(Misfit::NetworksElsewhere { url: String::new() }.into())
    }

    async fn subnetwork(&self, subnet_id: SubnetId) -> Result<Option<Subnetwork>, Fault> {
        self.answer().map(|()| Some(subnetwork(subnet_id)))
    }

    /// The port is made even where the answer is lost.
    async fn make_port(&self, wanted: &WantedPort) -> Result<Option<MadePort>, Fault> {
        let id = PortId::new(wanted.vip_id.uuid());
        self.ports.lock().unwrap().push(id);
        self.answer()?;
        let made = MadePort {
            id,
            address: [10, 0, 0, 9].into(),
            mac: Mac([2, 0, 0, 0, 0, wanted.vip_id.uuid().as_bytes()[15]]),
        };
        Ok(Some(made))
    }

    async fn bind_port(&self, _: PortId, host: &str) -> Result<(), Fault> {
        self.bound.lock().unwrap().push(host.to_owned());
        self.answers.acquire().await.unwrap().forget();
        self.answer()
    }

    async fn remove_port(&self, vip_id: ListenerId) -> Result<(), Fault> {
        self.answer()?;
        self.ports.lock().unwrap().retain(|one| one.uuid() != vip_id.uuid());
        Ok(())
    }
}

fn subnetwork(subnet_id: SubnetId) -> Subnetwork {
    let network = Network {
        id: NetworkId::from_u128(800),
        project_id: "p".to_owned(),
        name: "n".to_owned(),
        shared: false,
        admin_state_up: true,
        attachment: Attachment::default(),
        mtu: 1500,
    };
    let subnet = Subnet::new(NewSubnet {
        id: subnet_id,
        project_id: "p".to_owned(),
        network_id: network.id,
        cidr: "10.0.0.0/24".to_owned(),
        ..NewSubnet::default()
    });
    Subnetwork { network, subnet: subnet.unwrap() }
}

fn caller() -> Caller {
    Caller { project_id: Some("p".to_owned()), admin: true }
}

const SUBNET: SubnetId = SubnetId::from_u128(900);
const POOL: PoolId = PoolId::from_u128(1);

/// An app with a pool that is on no agent.
async fn app() -> (App, std::sync::Arc<Played>, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let settings = Settings {
        providers: vec![config::Provider { name: "haproxy".to_owned(), driver: "d".to_owned(), default: true }],
        ..Settings::default()
    };
    let store = Store::open(&format!("sqlite://{}/b.db", directory.path().display())).await.unwrap();
    let mut app = App::new(&settings, store, Sources::system(), "").unwrap();
    let played = std::sync::Arc::new(Played {
        ports: Mutex::default(),
        broken: Mutex::default(),
        bound: Mutex::default(),
        answers: Semaphore::new(0),
    });
    app.network = std::sync::Arc::<Played>::clone(&played);
    let new = NewPool {
        id: POOL,
        project_id: "p".to_owned(),
        name: String::new(),
        description: String::new(),
        subnet_id: SUBNET,
        protocol: Protocol::Http,
        lb_method: LbMethod::RoundRobin,
        provider: String::new(),
        admin_state_up: true,
    };
    let unplaced = app.create_pool(&caller(), new, None, None).await.unwrap_err();
    assert_eq!(unplaced.code(), Code::NoEligibleAgent);
    (app, played, directory)
}

fn wanted(number: u128) -> WantedVip {
    WantedVip {
        id: ListenerId::from_u128(number),
        port_id: PortId::from_u128(number + 1),
        project_id: "p".to_owned(),
        name: String::new(),
        description: String::new(),
        subnet_id: SUBNET,
        address: None,
        protocol: Protocol::Http,
        protocol_port: 80,
        pool_id: POOL,
        session_persistence: None,
        connection_limit: -1,
        admin_state_up: true,
    }
}

#[tokio::test]
async fn a_vip_has_the_address_that_the_service_gave_and_leaves_no_port_there() {
    let (app, played, _directory) = app().await;
    let made = app.create_vip(&caller(), wanted(10), None).await.unwrap();
    let vip = made.vip.unwrap();
    assert_eq!((vip.port_id, vip.address), (PortId::from_u128(10), [10, 0, 0, 9].into()));
    assert_eq!(app.port(&caller(), vip.port_id).await.unwrap().name, format!("vip-{}", ListenerId::from_u128(10)));
    assert_eq!(app.sweep_ports().await.unwrap(), 0);
    assert_eq!(played.ports(), [PortId::from_u128(10)]);
    app.delete_vip(&caller(), ListenerId::from_u128(10)).await.unwrap();
    *played.broken.lock().unwrap() = true;
    assert!(app.sweep_ports().await.is_err());
    *played.broken.lock().unwrap() = false;
    assert_eq!(app.sweep_ports().await.unwrap(), 1);
    assert_eq!((played.ports().len(), app.sweep_ports().await.unwrap()), (0, 0));
}

#[tokio::test]
async fn the_port_of_a_vip_that_was_not_made_is_removed() {
    let (app, played, _directory) = app().await;
    app.create_vip(&caller(), wanted(10), None).await.unwrap();
    // The address is the first one's, which only shows in the transaction.
    let second = PoolId::from_u128(2);
    let new = WantedVip { pool_id: second, ..wanted(20) };
    let store = app.store.clone();
    let twin = app.pool(&caller(), POOL).await.unwrap();
    let twin = LoadBalancer { id: v1::load_balancer_of(second), vip: None, listeners: Parts::default(), ..twin };
    let mut pool = twin.pools[0].clone();
    pool.id = second;
    let twin = LoadBalancer { pools: vec![pool].into(), ..twin };
    store.write(|tx, _| Box::pin(tx.insert(&twin))).await.unwrap();
    let fault = app.create_vip(&caller(), new, None).await.unwrap_err();
    assert_eq!(fault.code(), Code::AddressInUse);
    assert_eq!(played.ports().len(), 2);
    assert_eq!(app.sweep_ports().await.unwrap(), 1);
    assert_eq!(played.ports(), [PortId::from_u128(10)]);
}

#[tokio::test]
async fn a_port_whose_answer_was_lost_is_removed_when_it_can_be_under_way_no_more() {
    let (mut app, played, _directory) = app().await;
    *played.broken.lock().unwrap() = true;
    // The subnet is known, and the service breaks down after it was asked for it.
    let made = app.make_foreign_port(&caller(), &wanted(10), subnetwork(SUBNET)).await;
    let fault = made.err().unwrap();
    assert_eq!((fault.code(), played.ports().len()), (Code::Unavailable, 1));
    *played.broken.lock().unwrap() = false;
    assert_eq!(app.sweep_ports().await.unwrap(), 0, "it may still be under way");
    app.clock = Clock::from_fn(|| Clock::system().now() + PATIENCE);
    assert_eq!(app.sweep_ports().await.unwrap(), 1);
    assert_eq!(played.ports(), Vec::<PortId>::new());
}

#[tokio::test]
async fn what_another_service_keeps_is_not_changed_here() {
    let (app, _, _directory) = app().await;
    let fault = app.create_network(subnetwork(SUBNET).network, None).await.unwrap_err();
    assert_eq!(fault.code(), Code::InvalidInput);
    assert_eq!(app.delete_subnet(&caller(), SUBNET).await.unwrap_err().code(), Code::InvalidInput);
    assert_eq!(app.subnet(&caller(), SUBNET).await.unwrap().id, SUBNET, "a copy");
}

#[tokio::test]
async fn nobody_waits_for_a_service_that_is_slow_and_it_is_told_of_the_last_host_last() {
    let (app, played, _directory) = app().await;
    let vip = app.create_vip(&caller(), wanted(10), None).await.unwrap().vip.unwrap();
    let told = || played.bound.lock().unwrap().clone();
    let until = async |count: usize| {
        while told().len() < count {
            tokio::task::yield_now().await;
        }
    };
    let shutdown = CancellationToken::new();
    let after = async {
        app.plugging.add([(vip.port_id, "host-1".to_owned())]);
        until(1).await;
        app.plugging.add([(vip.port_id, "host-2".to_owned())]);
        app.plugging.add([(vip.port_id, "host-3".to_owned())]);
        assert_eq!(told(), ["host-1"], "one after the other");
        played.answers.add_permits(1);
        until(2).await;
        assert_eq!(told(), ["host-1", "host-3"]);
        played.answers.add_permits(1);
        while app.port(&caller(), vip.port_id).await.unwrap().host != "host-3" {
            tokio::task::yield_now().await;
        }
        shutdown.cancel();
    };
    let bounded = tokio::time::timeout(Duration::from_secs(20), after);
    let (bounded, ()) = tokio::join!(bounded, app.keep_plugging(shutdown.clone()));
    bounded.unwrap();
}
