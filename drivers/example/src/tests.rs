//! The driver without an agent: it is a type with methods. What the contract asks of any driver, `ballast driver check` asks.

use std::fs;

use ballast_abi::{Context, Driver, ErrorCode, Listener, LoadBalancer, Member, Pool, Protocol, Vip};

use crate::{Config, Example};

fn driver(directory: &tempfile::TempDir) -> Example {
    let context =
        Context { agent_id: "host-1".into(), config: Config::default(), state_dir: directory.path().to_owned() };
    Example::new(context).unwrap()
}

fn load_balancer() -> LoadBalancer {
    let member = |id: &str, address: &str, weight| Member {
        id: id.into(),
        address: address.into(),
        protocol_port: 8080,
        weight,
        admin_state_up: true,
        ..Member::default()
    };
    LoadBalancer {
        id: "lb-1".into(),
        name: "web;\n}".into(),
        admin_state_up: true,
        vip: Some(Vip { address: "10.0.0.4".into(), ..Vip::default() }),
        listeners: vec![Listener {
            id: "listener-1".into(),
            protocol: Protocol::Tcp.into(),
            protocol_port: 80,
            connection_limit: -1,
            default_pool_id: "pool-1".into(),
            admin_state_up: true,
            ..Listener::default()
        }],
        pools: vec![Pool {
            id: "pool-1".into(),
            admin_state_up: true,
            members: vec![member("a", "10.0.0.11", 2), member("b", "fd00::1", 0)],
            ..Pool::default()
        }],
        ..LoadBalancer::default()
    }
}

#[test]
fn a_load_balancer_is_a_file_until_it_is_undeployed() {
    let directory = tempfile::tempdir().unwrap();
    let driver = driver(&directory);
    assert_eq!(driver.deploy(&load_balancer(), 7).unwrap(), []);
    let text = fs::read_to_string(directory.path().join("lb-1.conf")).unwrap();
    let expected = "# generation 7\n\
                    upstream pool-1 {\n    server 10.0.0.11:8080 weight=2;\n    server [fd00::1]:8080 down;\n}\n\
                    server {\n    listen 10.0.0.4:80;\n    proxy_pass pool-1;\n}\n";
    assert_eq!(text, expected);
    driver.undeploy("lb-1").unwrap();
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn what_is_no_address_gets_into_no_file() {
    let directory = tempfile::tempdir().unwrap();
    let mut asked = load_balancer();
    asked.pools[0].members[0].address = "10.0.0.1; }".into();
    assert_eq!(driver(&directory).deploy(&asked, 1).unwrap_err().code, ErrorCode::INVALID_ARGUMENT);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn what_the_device_has_not_been_told_is_not_deployed() {
    let directory = tempfile::tempdir().unwrap();
    let mut driver = driver(&directory);
    driver.config.reload = vec!["false".into()];
    assert_eq!(driver.deploy(&load_balancer(), 7).unwrap_err().code, ErrorCode::UNAVAILABLE);
    assert_eq!(driver.deployed().unwrap()[0].generation, 0);
    driver.config.reload = vec!["true".into()];
    driver.deploy(&load_balancer(), 7).unwrap();
    assert_eq!(driver.deployed().unwrap()[0].generation, 7);
}
