//! Where load balancers go.

use std::fs;

use ballast_lab::{in_lab, require_tool, wait_until};
use ballast_tests::{
    PATIENCE,
    site::{Plan, Site},
};
use serde_json::{Value, json};

#[test]
fn ten_pools_on_two_least_loaded_agents_are_five_and_five_and_all_answer() {
    let test = "ten_pools_on_two_least_loaded_agents_are_five_and_five_and_all_answer";
    if !require_tool("haproxy", test) {
        return;
    }
    in_lab(|lab| {
        let site = Site::start(lab, &Plan { agents: 2, webs: 1, policy: "least-loaded", ..Plan::default() })?;
        let mut addresses = Vec::new();
        for n in 0..10 {
            let pool = site.make_pool(&format!("web-{n}"));
            site.add_members(&pool);
            addresses.push(site.make_vip(&pool).object()["address"].as_str().unwrap_or_default().to_owned());
        }
        for address in &addresses {
            site.wait_for_traffic(address);
        }
        let agents = site.rest.get("/v2.0/agents");
        for agent in agents["agents"].as_array().into_iter().flatten() {
            let path = format!("/v2.0/agents/{}/loadbalancer-pools", agent["id"].as_str().unwrap_or_default());
            assert_eq!(site.rest.get(&path)["pools"].as_array().map(Vec::len), Some(5));
        }
        assert_eq!((site.haproxies(0).len(), site.haproxies(1).len()), (5, 5));
        Ok(())
    });
}

#[test]
fn without_the_drivers_file_no_agent_is_eligible_until_one_appears() {
    let test = "without_the_drivers_file_no_agent_is_eligible_until_one_appears";
    if !require_tool("haproxy", test) {
        return;
    }
    in_lab(|lab| {
        let mut site = Site::start(lab, &Plan::default())?;
        let file = site.agents[0].drivers.join("haproxy-ns.so");
        let aside = site.agents[0].drivers.join("haproxy-ns.so.aside");
        site.kill_agent(0);
        fs::rename(&file, &aside)?;
        site.start_agent(0);
        wait_until(PATIENCE, "an agent without drivers", || {
            let agents = site.rest.look("/v2.0/agents")?;
            (agents["agents"][0]["configurations"]["device_drivers"] == json!([])).then_some(())
        });
        let pool = json!({"pool": {
            "name": "web", "protocol": "HTTP", "lb_method": "ROUND_ROBIN", "subnet_id": site.subnet_id
        }});
        let refused = site.rest.call("POST", "/v2.0/lb/pools", Some(&pool));
        assert_eq!((refused.status, refused.error().0), (404, "NoEligibleBackend"), "{refused}");
        let left = site.rest.get("/v2.0/lb/pools");
        let left: &Value = &left["pools"][0];
        assert_eq!((&left["status"], &left["status_description"]), (&json!("ERROR"), &json!("No eligible backend")));

        site.kill_agent(0);
        fs::rename(&aside, &file)?;
        site.start_agent(0);
        site.wait_for_status(&format!("/v2.0/lb/pools/{}", left["id"].as_str().unwrap_or_default()), "ACTIVE");
        Ok(())
    });
}

#[test]
fn a_vip_moves_to_a_pool_on_another_agent_with_its_address() {
    let test = "a_vip_moves_to_a_pool_on_another_agent_with_its_address";
    if !require_tool("haproxy", test) {
        return;
    }
    in_lab(|lab| {
        let site = Site::start(lab, &Plan { agents: 2, webs: 2, policy: "least-loaded", ..Plan::default() })?;
        let (first, second) = (site.make_pool("first"), site.make_pool("second"));
        for (pool, web) in [(&first, &site.webs[0]), (&second, &site.webs[1])] {
            let member = json!({"member": {
                "pool_id": pool, "address": web.address().ip().to_string(), "protocol_port": 80
            }});
            let _ = site.rest.create("/v2.0/lb/members", &member);
        }
        let vip = site.make_vip(&first);
        let address = vip.object()["address"].as_str().unwrap_or_default();
        assert_eq!(site.wait_for_traffic(address), "web-1");
        site.rest.update(&format!("/v2.0/lb/vips/{}", vip.id()), &json!({"vip": {"pool_id": second}}));
        wait_until(PATIENCE, "an answer of web-2", || (site.ask(address)? == "web-2").then_some(()));
        site.wait_for_status(&format!("/v2.0/lb/vips/{}", vip.id()), "ACTIVE");
        Ok(())
    });
}

#[test]
fn a_provider_that_is_no_longer_configured_leaves_its_load_balancers_running() {
    let test = "a_provider_that_is_no_longer_configured_leaves_its_load_balancers_running";
    if !require_tool("haproxy", test) {
        return;
    }
    in_lab(|lab| {
        let mut site = Site::start(lab, &Plan { webs: 1, ..Plan::default() })?;
        let (pool, address) = site.make_load_balancer("web");
        let file = lab.dir().join("ballast.toml");
        let configured = fs::read_to_string(&file)?;
        fs::write(&file, configured.replace("name = \"haproxy\"", "name = \"other\""))?;
        site.scheduler = None;
        site.start_scheduler();
        site.wait_for_agents(1);

        // Neutron would not start. Here what runs goes on, and its owner can change it and be rid of it.
        assert_eq!(site.ask(&address).as_deref(), Some("web-1"));
        let path = format!("/v2.0/lb/pools/{pool}");
        assert_eq!(site.rest.get(&path)["pool"]["provider"], "haproxy");
        site.rest.update(&path, &json!({"pool": {"lb_method": "SOURCE_IP"}}));
        site.wait_for_status(&path, "ACTIVE");
        assert_eq!(site.ask(&address).as_deref(), Some("web-1"));
        let again = json!({"pool": {
            "protocol": "HTTP", "lb_method": "ROUND_ROBIN", "subnet_id": site.subnet_id, "provider": "haproxy"
        }});
        let refused = site.rest.call("POST", "/v2.0/lb/pools", Some(&again));
        assert_eq!((refused.status, refused.error().0), (400, "ServiceProviderNotFound"), "{refused}");
        let vip = site.rest.get(&path)["pool"]["vip_id"].as_str().unwrap_or_default().to_owned();
        site.rest.delete(&format!("/v2.0/lb/vips/{vip}"));
        site.rest.delete(&path);
        site.wait_until_clean(0);
        Ok(())
    });
}
