//! Load balancers on the networks of a real Neutron, wired by its own agent of Open vSwitch.

use std::path::PathBuf;

use ballast_lab::{Host, Lab, LabError, Signal, WebServer, in_lab, not_run, require_tool, wait_until};
use ballast_tests::{
    PATIENCE,
    keystone::Keystone,
    neutron_server::{NeutronServer, Wired},
    rest::Reply,
    secret,
    site::{Plan, Setting, Site},
};
use serde_json::{Value, json};

/// The segment's VLAN on the physical network. On the hosts, Neutron's agents choose others.
const SEGMENT: u16 = 177;

/// Where Neutron's programs are; none: says what is missing.
fn programs(test: &str) -> Option<PathBuf> {
    let tools = ["haproxy", "curl", "ovs-vswitchd", "ovsdb-server", "ovs-vsctl"];
    if !tools.iter().all(|tool| require_tool(tool, test)) {
        return None;
    }
    NeutronServer::installed().map_err(|why| not_run(test, &why)).ok()
}

fn token_file(lab: &Lab) -> PathBuf {
    lab.dir().join("token")
}

/// A site whose scheduler asks Neutron with this token.
fn start_site(lab: &Lab, subnet_id: &str, token: &str) -> Result<Site, LabError> {
    let file = token_file(lab);
    secret::write(&file, &format!("{token}\n"));
    let settings: [Setting; 3] = [
        ("ballast-scheduler", "BALLAST_NETWORK__PROVIDER", "neutron".to_owned()),
        ("ballast-scheduler", "BALLAST_NETWORK__URL", NeutronServer::url()),
        ("ballast-scheduler", "BALLAST_NETWORK__TOKEN_FILE", file.display().to_string()),
    ];
    let plan = Plan {
        agents: 0,
        webs: 0,
        subnet_id: subnet_id.to_owned(),
        environment: settings.to_vec(),
        liveness: (500, 1_500, 3_000),
        ..Plan::default()
    };
    Site::start(lab, &plan)
}

/// A host with a switch and Neutron's agent, on which ours is to be started.
fn add_host(lab: &Lab, site: &mut Site, neutron: &mut NeutronServer, name: &'static str) -> Result<Wired, LabError> {
    site.add_agent_host(lab, name)?;
    let agent = site.agents.len() - 1;
    let wired = neutron.wire(&site.agents[agent].host)?;
    let database = wired.switch.socket().display().to_string();
    site.set((name, "BALLAST_DRIVERS__HAPROXY-NS__OVS__TAG", "neutron".to_owned()));
    site.set((name, "BALLAST_DRIVERS__HAPROXY-NS__OVS__DATABASE", database));
    Ok(wired)
}

/// A host with a web server on the network for each of its addresses. Members are to have those of IPv4.
fn add_webs(
    lab: &Lab,
    site: &mut Site,
    neutron: &NeutronServer,
    wired: &Wired,
    network: &str,
) -> Result<WebServer, LabError> {
    let port = neutron.port(network, "agent-1");
    let host = lab.host("web-1")?;
    wired.switch.plug(&port, &host, "eth0")?;
    site.webs.push(host.web_server("web-1", (port.four, 80).into())?);
    host.web_server("web-6", (port.six, 80).into())
}

/// What Neutron has for the vips of load balancers.
fn ports_of_vips(neutron: &NeutronServer) -> Vec<Value> {
    let ports = neutron.rest.get("/v2.0/ports?device_owner=neutron:LOADBALANCER");
    ports["ports"].as_array().cloned().unwrap_or_default()
}

/// The id of the only one.
fn port_of_vip(neutron: &NeutronServer) -> String {
    let ports = ports_of_vips(neutron);
    assert_eq!(ports.len(), 1, "{ports:?}");
    ports[0]["id"].as_str().unwrap_or_default().to_owned()
}

/// Waits until Neutron says that this port works, and that it is on this host.
fn wait_until_active(neutron: &NeutronServer, port: &str, host: &str) {
    wait_until(PATIENCE, &format!("an active port {port} on {host}"), || {
        let port = &neutron.rest.get(&format!("/v2.0/ports/{port}"))["port"];
        (port["status"] == "ACTIVE" && port["binding:host_id"] == host).then_some(())
    });
}

fn links(host: &Host) -> Vec<String> {
    host.remains().expect("the host is looked at").links
}

#[test]
fn neutrons_agent_wires_a_load_balancer_and_nothing_is_left_of_it() {
    let test = "neutrons_agent_wires_a_load_balancer_and_nothing_is_left_of_it";
    let Some(programs) = programs(test) else { return };
    let python = match Keystone::installed() {
        Ok(python) => python,
        Err(why) => return not_run(test, &why),
    };
    in_lab(|lab| {
        let keystone = Keystone::start(python, &lab.dir().join("keystone"), 5000, None);
        let service = keystone.project("service");
        // A service may bind ports for everybody, and is shown no provider attributes, which nobody here needs.
        for user in ["neutron", "ballast"] {
            keystone.user(user, &service, "service");
        }
        let mut neutron = NeutronServer::in_keystone(lab, programs, &keystone)?;
        let [network, subnet, six] = neutron.vlan("demo", SEGMENT);
        let token = keystone.token("ballast", "service");
        // Neutron's own choice for the other one is the address of all routers.
        neutron.set_gateway(&subnet, "10.99.99.1");
        let mut site = start_site(lab, &subnet, &token)?;
        let wired = add_host(lab, &mut site, &mut neutron, "agent-1")?;
        site.start_agent(0);
        let client = neutron.port(&network, "agent-1");
        wired.switch.plug(&client, &site.client, "eth1")?;
        let web = add_webs(lab, &mut site, &neutron, &wired, &network)?;
        site.wait_for_agents(1);
        let (before, plugged) = (links(&site.agents[0].host), wired.switch.plugged()?);

        let (_, address) = site.make_load_balancer("web");
        assert_eq!(site.ask(&address).as_deref(), Some("web-1"));
        let id = port_of_vip(&neutron);
        wait_until_active(&neutron, &id, "agent-1");
        let port = neutron.rest.get(&format!("/v2.0/ports/{id}"))["port"].clone();
        assert_eq!(
            (&port["fixed_ips"][0]["ip_address"], &port["binding:vif_type"]),
            (&address.as_str().into(), &"ovs".into())
        );
        let tag = wired.switch.tag(&id);
        assert!(tag.is_some_and(|tag| tag != SEGMENT), "{tag:?}");
        assert_eq!(tag, wired.switch.tag(&client.id));

        site.subnet_id = six;
        site.webs = vec![web];
        let pool = site.make_pool("web-6");
        site.add_members(&pool);
        let vip = site.make_vip(&pool);
        let address = vip.object()["address"].as_str().unwrap_or_default().to_owned();
        assert_eq!(site.wait_for_traffic(&format!("[{address}]")), "web-6");

        for vip in site.rest.get("/v2.0/lb/vips")["vips"].as_array().expect("a list") {
            site.rest.delete(&format!("/v2.0/lb/vips/{}", vip["id"].as_str().unwrap_or_default()));
        }
        wait_until(PATIENCE, "the end of the port in Neutron", || ports_of_vips(&neutron).is_empty().then_some(()));
        wait_until(PATIENCE, "its end in Open vSwitch", || (wired.switch.plugged().ok()? == plugged).then_some(()));
        wait_until(PATIENCE, "the end of its device", || (links(&site.agents[0].host) == before).then_some(()));
        assert!(site.haproxies(0).is_empty());

        secret::write(&token_file(lab), "no token of Keystone's\n");
        let pool = json!({"pool": {"protocol": "HTTP", "lb_method": "ROUND_ROBIN", "subnet_id": site.subnet_id}});
        let refused = site.rest.call("POST", "/v2.0/lb/pools", Some(&pool));
        assert_eq!(refused.status, 503, "{refused}");
        Ok(())
    });
}

#[test]
fn a_load_balancer_that_moves_is_bound_to_its_new_host_and_stays_so_when_the_first_returns() {
    let test = "a_load_balancer_that_moves_is_bound_to_its_new_host_and_stays_so_when_the_first_returns";
    let Some(programs) = programs(test) else { return };
    in_lab(|lab| {
        let mut neutron = NeutronServer::start(lab, programs)?;
        let [network, subnet, _] = neutron.vlan("demo", SEGMENT);
        let mut site = start_site(lab, &subnet, "anybody")?;
        let first = add_host(lab, &mut site, &mut neutron, "agent-1")?;
        let second = add_host(lab, &mut site, &mut neutron, "agent-2")?;
        first.switch.plug(&neutron.port(&network, "agent-1"), &site.client, "eth1")?;
        let _web = add_webs(lab, &mut site, &neutron, &first, &network)?;
        let plugged = first.switch.plugged()?;
        site.start_agent(0);
        site.wait_for_agents(1);
        let (_, address) = site.make_load_balancer("web");
        let port = port_of_vip(&neutron);
        wait_until_active(&neutron, &port, "agent-1");

        // The agent is lost, and its haproxy with it. Its port stays, which Neutron's agent there lets be.
        site.start_agent(1);
        site.wait_for_agents(2);
        site.kill_agent(0);
        for pid in site.haproxies(0) {
            nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), Signal::SIGKILL)?;
        }
        wait_until_active(&neutron, &port, "agent-2");
        site.wait_for_traffic(&address);
        assert_eq!(site.haproxies(1).len(), 1);
        assert!(second.switch.tag(&port).is_some());

        site.start_agent(0);
        site.wait_for_agents(2);
        wait_until(PATIENCE, "the end of its port on the first host", || {
            (first.switch.plugged().ok()? == plugged).then_some(())
        });
        wait_until_active(&neutron, &port, "agent-2");
        assert_eq!(site.ask(&address).as_deref(), Some("web-1"));
        Ok(())
    });
}

#[test]
fn a_vip_whose_port_no_agent_of_neutron_wires_is_in_error_until_one_does() {
    let test = "a_vip_whose_port_no_agent_of_neutron_wires_is_in_error_until_one_does";
    let Some(programs) = programs(test) else { return };
    in_lab(|lab| {
        let mut neutron = NeutronServer::start(lab, programs)?;
        let [_, subnet, _] = neutron.vlan("demo", SEGMENT);
        let mut site = start_site(lab, &subnet, "anybody")?;
        let mut wired = add_host(lab, &mut site, &mut neutron, "agent-1")?;
        site.start_agent(0);
        site.wait_for_agents(1);
        // For more than a minute, Neutron takes it for alive.
        wired.agent.kill()?;
        let vip = format!("/v2.0/lb/vips/{}", site.make_vip(&site.make_pool("web")).id());
        site.wait_for_status(&vip, "ERROR");
        let said = site.rest.get(&vip)["vip"]["status_description"].clone();
        assert_eq!(said, "the network service has not wired this load balancer's port on its host");
        wired.agent = neutron.start_agent(&site.agents[0].host)?;
        site.wait_for_status(&vip, "ACTIVE");
        wait_until_active(&neutron, &port_of_vip(&neutron), "agent-1");

        // Who disables the port in Neutron takes the load balancer off its network.
        let port = port_of_vip(&neutron);
        let enable = |is_up| json!({"port": {"admin_state_up": is_up}});
        neutron.rest.update(&format!("/v2.0/ports/{port}"), &enable(false));
        site.wait_for_status(&vip, "ERROR");
        neutron.rest.update(&format!("/v2.0/ports/{port}"), &enable(true));
        site.wait_for_status(&vip, "ACTIVE");
        Ok(())
    });
}

#[test]
fn what_a_real_neutron_refuses_reaches_the_user_in_its_words() {
    let test = "what_a_real_neutron_refuses_reaches_the_user_in_its_words";
    let Some(programs) = programs(test) else { return };
    in_lab(|lab| {
        let mut neutron = NeutronServer::start(lab, programs)?;
        let [network, subnet, _] = neutron.vlan("demo", SEGMENT);
        // It has an address for one.
        let full = neutron.subnet("demo", &network, "10.31.0.0/30");
        let mut site = start_site(lab, &subnet, "anybody")?;
        let _wired = add_host(lab, &mut site, &mut neutron, "agent-1")?;
        site.start_agent(0);
        site.wait_for_agents(1);
        let pool = site.make_pool("web");
        let make = |subnet: &str, address: Option<&str>| {
            let mut vip = json!({"protocol": "HTTP", "protocol_port": 80, "subnet_id": subnet, "pool_id": pool});
            if let Some(address) = address {
                vip["address"] = address.into();
            }
            site.rest.call("POST", "/v2.0/lb/vips", Some(&json!({"vip": vip})))
        };
        let refuses = |reply: &Reply, status: u16, kind: &str, words: &str| {
            let (found, message) = reply.error();
            assert!((reply.status, found) == (status, kind) && message.contains(words), "{kind}: {reply}");
        };
        let used = neutron.port(&network, "agent-1").four.to_string();
        refuses(
            &make(&subnet, Some(&used)),
            409,
            "IpAddressInUse",
            &format!("{used} already allocated in subnet {subnet}"),
        );
        for address in ["10.31.0.5", "10.30.0.0", "fd00::1"] {
            let words = format!("{address} is not a valid IP for the specified subnet");
            refuses(&make(&subnet, Some(address)), 400, "InvalidInput", &words);
        }
        let nowhere = "00000000-0000-0000-0000-00000000dead";
        refuses(&make(nowhere, None), 404, "SubnetNotFound", &format!("Subnet {nowhere} could not be found"));
        let last = json!({"port": {"network_id": network, "fixed_ips": [{"subnet_id": full}]}});
        let _ = neutron.rest.create("/v2.0/ports", &last);
        refuses(&make(&full, None), 409, "IpAddressGenerationFailure", "No more IP addresses available on network");
        neutron.rest.update("/v2.0/quotas/demo", &json!({"quota": {"port": 0}}));
        refuses(&make(&subnet, None), 409, "OverQuota", "Quota exceeded for resources: ['port']");
        assert!(ports_of_vips(&neutron).is_empty());
        Ok(())
    });
}
