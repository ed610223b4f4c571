//! Every `lb-*`, `agent-*`, `service-provider-*` and `ext-*` command of the real, unmodified `neutron`: its exit status
//! and what it prints.

use std::collections::BTreeMap;

use ballast_lab::not_run;
use ballast_tests::neutron::{Neutron, Said};
use serde_json::{Value, json};

use crate::{
    played::{Agent, obedient, ready_driver},
    services::{PATIENCE, Services},
};

/// The services, with a subnet `demo-subnet`, and the command.
struct Shell {
    services: Services,
    neutron: Neutron,
    subnet: String,
}

impl Shell {
    async fn start(test: &str) -> Option<Self> {
        let services = Services::start().await;
        let neutron = Neutron::find(&services.url).map_err(|why| not_run(test, &why)).ok()?;
        let network = services.create("/v2.0/networks", json!({"network": {"name": "demo-net"}})).await.id();
        let subnet = json!({"subnet": {
            "name": "demo-subnet", "network_id": network, "ip_version": 4, "cidr": "10.0.0.0/24"
        }});
        let subnet = services.create("/v2.0/subnets", subnet).await.id();
        Some(Self { services, neutron, subnet })
    }

    /// Runs it on another thread: the services run on this one.
    async fn said(&self, line: &str) -> Said {
        let (neutron, line) = (self.neutron.clone(), line.to_owned());
        tokio::task::spawn_blocking(move || neutron.try_run(&line)).await.unwrap()
    }

    /// What it prints when all is well.
    async fn run(&self, line: &str) -> String {
        let said = self.said(line).await;
        assert_eq!(said.status, 0, "neutron {line}: {}{}", said.stdout, said.stderr);
        said.stdout
    }

    /// What it prints as JSON.
    async fn json(&self, line: &str) -> Value {
        let printed = self.run(&format!("{line} -f json")).await;
        let from = printed.find(['{', '[']).unwrap_or_default();
        serde_json::from_str(&printed[from..]).unwrap_or_else(|error| panic!("neutron {line}: {error}: {printed}"))
    }

    /// What it refuses with exit status 1.
    async fn refused(&self, line: &str) -> String {
        let said = self.said(line).await;
        assert_eq!(said.status, 1, "neutron {line}: {}{}", said.stdout, said.stderr);
        said.stderr
    }

    /// What it prints of an object that it made.
    async fn created(&self, line: &str, kind: &str) -> BTreeMap<String, String> {
        let printed = self.run(line).await;
        assert!(printed.starts_with(&format!("Created a new {kind}:\n+--")), "{printed}");
        let (head, rows) = table(&printed);
        assert_eq!(head, ["Field", "Value"]);
        rows.into_iter().map(|row| (row[0].to_owned(), row[1].to_owned())).collect()
    }

    async fn pool(&self, name: &str) -> String {
        let line =
            format!("lb-pool-create --name {name} --lb-method ROUND_ROBIN --protocol HTTP --subnet-id {}", self.subnet);
        self.created(&line, "pool").await["id"].clone()
    }
}

/// The cells of one line of a table.
fn cells(line: &str) -> Vec<&str> {
    line.trim_matches('|').split('|').map(str::trim).collect()
}

/// The head and the rows of a table.
fn table(printed: &str) -> (Vec<&str>, Vec<Vec<&str>>) {
    let mut lines = printed.lines().filter(|line| line.starts_with('|')).map(cells);
    (lines.next().unwrap_or_default(), lines.collect())
}

#[tokio::test]
async fn pools_by_the_neutron_command() {
    let Some(shell) = Shell::start("pools_by_the_neutron_command").await else { return };
    let agent = Agent::connect(&shell.services.channel, "host-a", "1").await.unwrap();
    agent.stay_alive();
    let line = "lb-pool-create --name web --description front --lb-method ROUND_ROBIN --protocol HTTP \
                --provider haproxy --subnet-id demo-subnet";
    let web = shell.created(line, "pool").await;
    let names: Vec<&str> = web.keys().map(String::as_str).collect();
    let fields = [
        "admin_state_up",
        "description",
        "health_monitors",
        "health_monitors_status",
        "id",
        "lb_method",
        "members",
        "name",
        "protocol",
        "provider",
        "status",
        "status_description",
        "subnet_id",
        "tenant_id",
        "vip_id",
    ];
    assert_eq!(names, fields);
    let line = "lb-pool-create --name api --lb-method SOURCE_IP --protocol TCP --admin-state-down --tenant-id other \
                --subnet-id demo-subnet";
    let api = shell.created(line, "pool").await;
    assert_eq!((api["admin_state_up"].as_str(), api["tenant_id"].as_str()), ("False", "other"));

    let listed = shell.run("lb-pool-list").await;
    let (head, rows) = table(&listed);
    assert_eq!(head, ["id", "name", "provider", "lb_method", "protocol", "admin_state_up", "status"]);
    assert_eq!((rows.len(), rows[0][1], rows[1][1]), (2, "web", "api"));
    let paged = shell.json("lb-pool-list -P 1 -F name --sort-key name --sort-dir desc").await;
    assert_eq!(paged, json!([{"name": "web"}, {"name": "api"}]));
    let detailed = shell.json("lb-pool-list -D --lb-method SOURCE_IP").await;
    assert_eq!((detailed.as_array().map(Vec::len), &detailed[0]["status_description"]), (Some(1), &json!(null)));
    assert_eq!(shell.run("lb-pool-list --name nosuch").await.trim(), "");

    let shown = shell.run("lb-pool-show web -F description -f value").await;
    assert_eq!(shown.trim(), "front");
    assert_eq!(shell.json(&format!("lb-pool-show {} -D", api["id"])).await["name"], "api");
    assert_eq!(shell.run("lb-pool-update web --name web2 --lb-method LEAST_CONNECTIONS").await, "Updated pool: web\n");
    let stats = shell.run("lb-pool-stats web2").await;
    let names: Vec<Vec<&str>> = table(&stats).1;
    let zero = |name| vec![name, "0"];
    let counters = ["active_connections", "bytes_in", "bytes_out", "total_connections"];
    assert_eq!(names, counters.map(zero));
    agent.heartbeat(vec![ready_driver()]).await;
    let hosting = shell.run("lb-agent-hosting-pool web2").await;
    let (head, rows) = table(&hosting);
    assert_eq!(head, ["id", "host", "admin_state_up", "alive"]);
    assert_eq!(rows, [[agent.id.as_str(), "host-a", "True", ":-)"]]);
    assert_eq!(shell.run("lb-pool-delete web2 api").await, "Deleted pool(s): web2, api\n");
    assert_eq!(shell.run("lb-pool-list").await.trim(), "");
}

#[tokio::test]
async fn vips_by_the_neutron_command() {
    let Some(shell) = Shell::start("vips_by_the_neutron_command").await else { return };
    obedient(&shell.services.channel, "host-a").await;
    shell.pool("web").await;
    shell.pool("other").await;
    let line = "lb-vip-create --name front --description d --address 10.0.0.77 --connection-limit 5 --protocol HTTP \
                --protocol-port 80 --admin-state-down --subnet-id demo-subnet web --session-persistence type=dict \
                type=APP_COOKIE,cookie_name=sid";
    let made = shell.created(line, "vip").await;
    for (field, value) in [
        ("address", "10.0.0.77"),
        ("connection_limit", "5"),
        ("protocol_port", "80"),
        ("admin_state_up", "False"),
        ("status", "PENDING_CREATE"),
    ] {
        assert_eq!(made[field], value, "{field}");
    }
    assert!(made["session_persistence"].contains("\"cookie_name\": \"sid\""), "{made:?}");
    let listed = shell.run("lb-vip-list").await;
    let (head, rows) = table(&listed);
    assert_eq!(head, ["id", "name", "address", "protocol", "admin_state_up", "status"]);
    assert_eq!((rows.len(), rows[0][2]), (1, "10.0.0.77"));
    assert_eq!(shell.run("lb-vip-show front -F address -f value").await.trim(), "10.0.0.77");
    let line = "lb-vip-update front --connection-limit 9 --admin_state_up True --session-persistence action=clear";
    assert_eq!(shell.run(line).await, "Updated vip: front\n");
    let shown = shell.json(&format!("lb-vip-show {}", made["id"])).await;
    assert_eq!((&shown["connection_limit"], &shown["admin_state_up"]), (&json!(9), &json!(true)));
    assert_eq!(shown["session_persistence"], json!(null));
    let refused =
        shell.refused("lb-vip-create --name x --protocol HTTP --protocol-port 80 --subnet-id demo-subnet web").await;
    assert!(refused.contains("Another Vip already exists for pool"), "{refused}");
    assert!(refused.contains("Neutron server returns request_ids: ['req-"), "{refused}");
    assert!(shell.refused("lb-pool-delete web").await.contains("is still in use"));
    assert_eq!(shell.run("lb-vip-delete front").await, "Deleted vip(s): front\n");
}

#[tokio::test]
async fn members_by_the_neutron_command() {
    let Some(shell) = Shell::start("members_by_the_neutron_command").await else { return };
    obedient(&shell.services.channel, "host-a").await;
    let (_, other) = (shell.pool("web").await, shell.pool("other").await);
    let line = "lb-member-create --address 10.0.0.11 --protocol-port 80 --weight 7 --admin-state-down web";
    let made = shell.created(line, "member").await;
    assert_eq!((made["weight"].as_str(), made["admin_state_up"].as_str()), ("7", "False"));
    let member = made["id"].clone();
    let listed = shell.run("lb-member-list").await;
    let (head, rows) = table(&listed);
    assert_eq!(head, ["id", "address", "protocol_port", "weight", "admin_state_up", "status"]);
    assert_eq!(rows[0][..5], [member.as_str(), "10.0.0.11", "80", "7", "False"]);
    assert_eq!(shell.run(&format!("lb-member-show {member} -F address -f value")).await.trim(), "10.0.0.11");
    // With one member left the old server took any name for it.
    let refused = shell.refused("lb-member-delete nosuch").await;
    assert!(refused.contains("Unable to find member(s) with id(s) 'nosuch'"), "{refused}");
    let line = format!("lb-member-update {member} --weight 9 --pool-id {other}");
    assert_eq!(shell.run(&line).await, format!("Updated member: {member}\n"));
    assert_eq!(shell.json(&format!("lb-member-show {member}")).await["pool_id"], json!(other));
    let twin = shell.refused("lb-member-create --address 10.0.0.11 --protocol-port 80 other").await;
    assert!(twin.contains("Member with address 10.0.0.11 and port 80 already present in pool"), "{twin}");
    assert_eq!(shell.run(&format!("lb-member-delete {member}")).await, format!("Deleted member(s): {member}\n"));
    let gone = shell.refused(&format!("lb-member-show {member}")).await;
    assert!(gone.contains(&format!("Member {member} could not be found")), "{gone}");
}

#[tokio::test]
async fn health_monitors_by_the_neutron_command() {
    let Some(shell) = Shell::start("health_monitors_by_the_neutron_command").await else { return };
    obedient(&shell.services.channel, "host-a").await;
    let pool = shell.pool("web").await;
    let line = "lb-healthmonitor-create --delay 5 --timeout 3 --max-retries 2 --type HTTP --expected-codes 200-204 \
                --http-method HEAD --url-path /ok --admin-state-down";
    let made = shell.created(line, "health_monitor").await;
    assert_eq!((made["url_path"].as_str(), made["delay"].as_str()), ("/ok", "5"));
    let monitor = made["id"].clone();
    let listed = shell.run("lb-healthmonitor-list").await;
    let (head, rows) = table(&listed);
    assert_eq!((head, rows), (vec!["id", "type", "admin_state_up"], vec![vec![monitor.as_str(), "HTTP", "False"]]));
    assert_eq!(shell.json(&format!("lb-healthmonitor-show {monitor}")).await["http_method"], "HEAD");
    let line = format!("lb-healthmonitor-update {monitor} --delay 9 --admin_state_up True");
    assert_eq!(shell.run(&line).await, format!("Updated health_monitor: {monitor}\n"));
    let line = format!("lb-healthmonitor-associate {monitor} web");
    assert_eq!(shell.run(&line).await, format!("Associated health monitor {monitor}\n"));
    let again = shell.refused(&line).await;
    assert!(again.contains(&format!("health_monitor {monitor} is already associated with pool {pool}")), "{again}");
    let in_use = shell.refused(&format!("lb-healthmonitor-delete {monitor}")).await;
    assert!(in_use.contains("still has associations with pools"), "{in_use}");
    let line = format!("lb-healthmonitor-disassociate {monitor} web");
    assert_eq!(shell.run(&line).await, format!("Disassociated health monitor {monitor}\n"));
    let line = format!("lb-healthmonitor-delete {monitor}");
    assert_eq!(shell.run(&line).await, format!("Deleted health_monitor(s): {monitor}\n"));
    let slow = shell.refused("lb-healthmonitor-create --delay 3 --timeout 5 --max-retries 2 --type PING").await;
    assert!(slow.contains("Delay must be greater than or equal to timeout"), "{slow}");
}

#[tokio::test]
async fn agents_providers_and_extensions_by_the_neutron_command() {
    let Some(shell) = Shell::start("agents_providers_and_extensions_by_the_neutron_command").await else { return };
    let agent = Agent::connect(&shell.services.channel, "host-a", "1").await.unwrap();
    let alive = agent.stay_alive();
    let pool = shell.pool("web").await;
    let listed = shell.run("agent-list").await;
    let (head, rows) = table(&listed);
    assert_eq!(head, ["id", "agent_type", "host", "alive", "admin_state_up", "binary"]);
    let row = [agent.id.as_str(), "Loadbalancer agent", "host-a", ":-)", "True", "neutron-lbaas-agent"];
    assert_eq!(rows, [row]);
    let hosted = shell.run(&format!("lb-pool-list-on-agent {}", agent.id)).await;
    let (head, rows) = table(&hosted);
    assert_eq!(head, ["id", "name", "lb_method", "protocol", "admin_state_up", "status"]);
    assert_eq!((rows.len(), rows[0][0]), (1, pool.as_str()));
    assert_eq!(shell.json(&format!("agent-show {}", agent.id)).await["host"], "host-a");
    let line = format!("agent-update {} --admin-state-down --description spare", agent.id);
    assert_eq!(shell.run(&line).await, format!("Updated agent: {}\n", agent.id));
    let shown = shell.json(&format!("agent-show {}", agent.id)).await;
    assert_eq!((&shown["description"], &shown["admin_state_up"]), (&json!("spare"), &json!(false)));
    let (id, services) = (agent.id.clone(), &shell.services);
    alive.abort();
    services.pass(60);
    let alive = async || services.get(&format!("/v2.0/agents/{id}")).await["agent"]["alive"] == true;
    tokio::time::timeout(PATIENCE, async { while alive().await {} }).await.unwrap();
    let dead = shell.run("agent-list").await;
    assert_eq!(table(&dead).1[0][3..5], ["xxx", "False"]);
    assert_eq!(table(&shell.run("lb-agent-hosting-pool web").await).1[0][3], "xxx");
    let kept = shell.refused(&format!("agent-delete {}", id)).await;
    assert!(kept.contains("has 1 load balancers, and 0 that it has yet to remove"), "{kept}");
    // The command has no word for it.
    assert_eq!(services.call("DELETE", &format!("/v2.0/agents/{id}?force=true"), None).await.status, 204);
    let gone = shell.refused(&format!("agent-show {}", id)).await;
    assert!(gone.contains(&format!("Agent {} could not be found", id)), "{gone}");
    let unbound = shell.refused("lb-agent-hosting-pool web").await;
    assert!(unbound.contains("tuple indices must be integers"), "{unbound}");

    let providers = shell.run("service-provider-list").await;
    let (head, rows) = table(&providers);
    assert_eq!(head, ["service_type", "name", "default"]);
    assert_eq!(rows, [["LOADBALANCER", "haproxy", "True"], ["LOADBALANCER", "a10", "False"]]);
    let extensions = shell.run("ext-list").await;
    let (head, rows) = table(&extensions);
    assert_eq!(head, ["alias", "name"]);
    assert!(rows.contains(&vec!["lbaas", "LoadBalancing service"]), "{extensions}");
    assert_eq!(shell.json("ext-show lbaas").await["name"], "LoadBalancing service");
}

#[tokio::test]
async fn mistakes_by_the_neutron_command() {
    let Some(shell) = Shell::start("mistakes_by_the_neutron_command").await else { return };
    let line = "lb-pool-create --name web --lb-method ROUND_ROBIN --protocol HTTP --subnet-id demo-subnet";
    let nobody = shell.refused(line).await;
    assert!(nobody.contains("No eligible backend for pool"), "{nobody}");
    assert_eq!(shell.run("lb-pool-list -F status -f value").await.trim(), "ERROR");
    obedient(&shell.services.channel, "host-a").await;
    shell.pool("web").await;
    let ambiguous = shell.refused("lb-pool-show web").await;
    let text = "Multiple pool matches found for name 'web', use an ID to be more specific.";
    assert!(ambiguous.contains(text), "{ambiguous}");
    for line in ["lb-pool-show nosuch", "lb-pool-show 11111111-2222-3333-4444-555555555555"] {
        let name = line.rsplit(' ').next().unwrap();
        let unknown = shell.refused(line).await;
        assert!(unknown.contains(&format!("Unable to find pool with name or id '{name}'")), "{unknown}");
    }
    for (line, text) in [
        ("lb-pool-create --name x --lb-method NOSUCH --protocol HTTP --subnet-id demo-subnet", None),
        ("lb-vip-create --name x", None),
        ("lb-nosuch-command", Some("Unknown command")),
    ] {
        let said = shell.said(line).await;
        let status = if text.is_some() { 1 } else { 2 };
        assert_eq!(said.status, status, "neutron {line}: {}{}", said.stdout, said.stderr);
        assert!(said.stderr.contains(text.unwrap_or("error: ")), "{}", said.stderr);
    }
    let late =
        shell.refused("lb-pool-create --name x --lb-method ROUND_ROBIN --protocol HTTP --subnet-id nosuch").await;
    assert!(late.contains("Unable to find subnet with name or id 'nosuch'"), "{late}");
    let unconvertible = shell.refused("lb-member-create --address 10.0.0.1 --protocol-port http web2").await;
    assert!(unconvertible.contains("Unable to find pool with name or id 'web2'"), "{unconvertible}");
}
