//! Every command of load balancers of the real, unmodified `openstack`: its exit status and what it prints.
//!
//! It finds the gateway's root by `OS_ENDPOINT`, and asks it for subnets, networks and projects as well, as there is no
//! catalogue.

mod both;
mod l7;
mod listeners;
mod load_balancers;
mod members;
mod monitors;
mod offers;
mod pools;
mod quotas;

use ballast_lab::not_run;
use ballast_proto::{
    agent::DriverReport,
    driver::{Capabilities, DriverOption},
};
use ballast_tests::openstack::{self, OpenStack};
use serde_json::{Value, json};

use crate::{
    played::{Agent, obeying, ready_driver},
    services::Services,
};

/// The services, with a subnet `demo-subnet`, an agent that does whatever it is told, and the command.
struct Shell {
    services: Services,
    openstack: OpenStack,
}

impl Shell {
    async fn start(test: &str) -> Option<Self> {
        Self::with_agent(test, true).await
    }

    async fn with_agent(test: &str, agent: bool) -> Option<Self> {
        let services = Services::start().await;
        let openstack = OpenStack::at(&services.url).map_err(|why| not_run(test, &why)).ok()?;
        let network = services.create("/v2.0/networks", json!({"network": {"name": "demo-net"}})).await.id();
        let subnet = json!({"subnet": {
            "name": "demo-subnet", "network_id": network, "ip_version": 4, "cidr": "10.0.0.0/24"
        }});
        services.create("/v2.0/subnets", subnet).await;
        if agent {
            let agent = Agent::with_drivers(&services.channel, "host-a", "1", vec![driver()]).await.unwrap();
            obeying(agent);
        }
        Some(Self { services, openstack })
    }

    /// A load balancer of this name, with the listener `front` and its pool `servers`.
    fn web(&mut self, name: &str) -> [String; 3] {
        let lb = self.made(&format!("create --name {name} --vip-subnet-id demo-subnet --wait"));
        let listener = self.made(&format!("listener create --name front --protocol HTTP --protocol-port 80 {name}"));
        let line = "pool create --name servers --protocol HTTP --lb-algorithm ROUND_ROBIN --listener front";
        [lb, listener, self.made(line)]
    }

    /// The id of what a command makes.
    fn made(&mut self, line: &str) -> String {
        self.openstack.json(line)["id"].as_str().unwrap_or_default().to_owned()
    }

    /// The rows of a list, by this column.
    fn column(&mut self, line: &str, column: &str) -> Vec<Value> {
        let rows = self.openstack.json(line);
        rows.as_array().unwrap().iter().map(|row| row[column].clone()).collect()
    }
}

/// A driver that can do everything, and takes something from a flavor and from an availability zone.
fn driver() -> DriverReport {
    let option = |name: &str| vec![DriverOption { name: name.to_owned(), description: "one".to_owned() }];
    let capabilities = Capabilities {
        features: ballast_limits::features::all().map(str::to_owned).collect(),
        flavor_options: option("size"),
        availability_zone_options: option("rack"),
        ..Capabilities::default()
    };
    DriverReport { capabilities: Some(capabilities), ..ready_driver() }
}

/// Some fields of what a command printed.
fn fields(printed: &Value, expected: &[(&str, Value)]) {
    for (name, value) in expected {
        assert_eq!(&printed[*name], value, "{name} of {printed:#}");
    }
}

/// What has been written of the commands, to see whether one was forgotten.
const TESTS: &[&str] = &[
    include_str!("openstack_command/l7.rs"),
    include_str!("openstack_command/listeners.rs"),
    include_str!("openstack_command/load_balancers.rs"),
    include_str!("openstack_command/members.rs"),
    include_str!("openstack_command/monitors.rs"),
    include_str!("openstack_command/offers.rs"),
    include_str!("openstack_command/pools.rs"),
    include_str!("openstack_command/quotas.rs"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_command_of_the_client_is_left_out() {
    let Some(mut shell) = Shell::with_agent("no_command_of_the_client_is_left_out", false).await else { return };
    let commands = shell.openstack.commands();
    assert!(commands.len() > 80, "{commands:?}");
    let words: Vec<_> = commands.iter().filter_map(|name| name.strip_prefix("loadbalancer ")).collect();
    let run = |words: &&&str| {
        TESTS.iter().any(|text| text.contains(&format!("\"{words} ")) || text.contains(&format!("\"{words}\"")))
    };
    let forgotten: Vec<_> = words.iter().filter(|words| !run(words)).collect();
    assert!(forgotten.is_empty(), "{forgotten:?}");
}

#[test]
fn the_program_itself_says_what_the_server_says_and_fails() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let Ok(program) = openstack::installed("openstack").map_err(|why| {
        not_run("the_program_itself_says_what_the_server_says_and_fails", &why);
    }) else {
        return;
    };
    let services = runtime.block_on(Services::start());
    let mut command = std::process::Command::new(program);
    command.args(["loadbalancer", "show", "nosuch"]).envs(openstack::without_keystone(&services.url));
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stderr).trim(), "Unable to locate nosuch in loadbalancers");
}
