//! The provider of layer 4 beside the usual one, through REST: no process serves what it has, so none that ends is missed.

use std::fs;

use ballast_lab::{in_lab, require_tool, wait_until};
use ballast_tests::{
    PATIENCE, programs,
    site::{Plan, Site},
};
use serde_json::{Value, json};

fn has_driver(site: &Site, name: &str) -> bool {
    let drivers = &site.rest.get("/v2.0/agents")["agents"][0]["configurations"]["device_drivers"];
    drivers.as_array().is_some_and(|drivers| drivers.iter().any(|one| one == name))
}

#[test]
fn what_the_kernel_serves_is_served_beside_haproxy_and_without_an_agent_and_leaves_nothing() {
    let test = "what_the_kernel_serves_is_served_beside_haproxy_and_without_an_agent_and_leaves_nothing";
    if !require_tool("curl", test) || !require_tool("haproxy", test) {
        return;
    }
    in_lab(|lab| {
        let mut site = Site::start(lab, &Plan { webs: 2, ..Plan::default() })?;
        site.add_configuration("[drivers.nft-l4]\nbridge_mappings = { physnet1 = \"br-data\" }\n");
        site.kill_agent(0);
        let library = programs::built("libballast_driver_nft_l4.so");
        fs::copy(library, site.agents[0].drivers.join("nft-l4.so"))?;
        site.start_agent(0);
        wait_until(PATIENCE, "both drivers", || {
            (has_driver(&site, "nft_l4") && has_driver(&site, "haproxy_ns")).then_some(())
        });

        let (usual_pool, usual_vip) = site.make_load_balancer("usual");
        let pool = json!({"pool": {
            "name": "l4", "protocol": "TCP", "lb_method": "ROUND_ROBIN", "subnet_id": site.subnet_id, "provider": "l4"
        }});
        let pool_id = site.rest.create("/v2.0/lb/pools", &pool).id();
        site.add_members(&pool_id);
        let vip = json!({"vip": {
            "name": "l4", "protocol": "TCP", "protocol_port": 80, "subnet_id": site.subnet_id, "pool_id": pool_id
        }});
        let vip = site.rest.create("/v2.0/lb/vips", &vip);
        let address = text(&vip.object()["address"]);
        let haproxies = site.haproxies(0);
        site.wait_for_traffic(&usual_vip);
        site.wait_for_traffic(&address);
        site.wait_for_status(&format!("/v2.0/lb/vips/{}", vip.id()), "ACTIVE");
        assert_eq!((site.haproxies(0), haproxies.len()), (haproxies, 1), "the usual one's alone");
        let stats = format!("/v2.0/lb/pools/{pool_id}/stats");
        wait_until(PATIENCE, "what was counted", || {
            (site.rest.get(&stats)["stats"]["total_connections"].as_u64()? > 0).then_some(())
        });

        site.kill_agent(0);
        assert!((0..4).all(|_| site.ask(&address).is_some()));
        site.start_agent(0);
        wait_until(PATIENCE, "both drivers again", || {
            (has_driver(&site, "nft_l4") && has_driver(&site, "haproxy_ns")).then_some(())
        });

        for (pool, vip) in [(pool_id, vip.id()), (usual_pool.clone(), vip_of(&site, &usual_pool))] {
            site.rest.delete(&format!("/v2.0/lb/vips/{vip}"));
            for member in members_of(&site, &pool) {
                site.rest.delete(&format!("/v2.0/lb/members/{member}"));
            }
            site.rest.delete(&format!("/v2.0/lb/pools/{pool}"));
        }
        site.wait_until_clean(0);
        let state = fs::read_dir(site.agent_state(0).join("driver-state/nft-l4"))?;
        assert_eq!(state.count(), 0, "files are left");
        Ok(())
    });
}

fn vip_of(site: &Site, pool: &str) -> String {
    text(&site.rest.get(&format!("/v2.0/lb/pools/{pool}"))["pool"]["vip_id"])
}

fn members_of(site: &Site, pool: &str) -> Vec<String> {
    let members = site.rest.get(&format!("/v2.0/lb/pools/{pool}"))["pool"]["members"].clone();
    members.as_array().into_iter().flatten().map(text).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
