//! Configurations that haproxy refuses because of one object, and what becomes of the others.

use std::{fs::File, net::TcpListener, thread};

use ballast_lab::{in_lab, require_tool, wait_until};
use ballast_tests::{
    PATIENCE,
    site::{Plan, Site},
};
use nix::sched::{CloneFlags, setns};
use serde_json::{Value, json};

const ALL: &str = "/v2.0/lbaas";

/// Listens where haproxy is about to.
fn taken(haproxy: i32, address: &str) -> TcpListener {
    let namespace = File::open(format!("/proc/{haproxy}/ns/net")).expect("its namespace");
    let address = address.to_owned();
    let listening = thread::spawn(move || {
        setns(namespace, CloneFlags::CLONE_NEWNET).expect("to enter it");
        TcpListener::bind(address).expect("a free port")
    });
    listening.join().expect("a listener")
}

fn object(site: &Site, kind: &str, id: &str) -> Value {
    let body = site.rest.get(&format!("{ALL}/{kind}s/{id}"));
    body[kind].clone()
}

/// What the load balancer, its listeners and its pools say.
fn statuses(site: &Site, id: &str) -> Vec<String> {
    let tree = site.rest.get(&format!("{ALL}/loadbalancers/{id}/status"));
    let whole = &tree["statuses"]["loadbalancer"];
    let listeners = whole["listeners"].as_array().map_or(&[][..], Vec::as_slice);
    let pools = listeners.iter().flat_map(|one| one["pools"].as_array().map_or(&[][..], Vec::as_slice));
    let all = [whole].into_iter().chain(listeners).chain(pools);
    all.map(|one| one["provisioning_status"].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn a_listener_that_haproxy_refuses_is_in_error_with_its_words_and_nothing_else_is() {
    let test = "a_listener_that_haproxy_refuses_is_in_error_with_its_words_and_nothing_else_is";
    if !require_tool("haproxy", test) {
        return;
    }
    in_lab(|lab| {
        let site = Site::start(lab, &Plan::default())?;
        let (id, address) = site.make_load_balancer("web");
        site.settle(&id);
        let before = site.haproxies(0);
        let holder = taken(before[0], &format!("{address}:81"));
        let asked = json!({"listener": {
            "loadbalancer_id": id, "protocol": "HTTP", "protocol_port": 81, "default_pool_id": id
        }});
        let listener = site.rest.create(&format!("{ALL}/listeners"), &asked).id();
        let said = wait_until(PATIENCE, "a listener in ERROR", || {
            let shown = object(&site, "listener", &listener);
            (shown["provisioning_status"] == "ERROR").then(|| shown["status_description"].clone())
        });
        let said = said.as_str().unwrap_or_default();
        assert!(said.starts_with(&format!("haproxy refused listener {listener}: ")), "{said}");
        assert!(said.contains("cannot bind socket"), "{said}");
        let shown = statuses(&site, &id);
        assert_eq!(shown.iter().filter(|status| *status == "ERROR").count(), 1, "{shown:?}");
        assert_eq!(shown.iter().filter(|status| *status == "ACTIVE").count(), shown.len() - 1, "{shown:?}");
        assert!(site.ask(&address).is_some());
        assert_eq!(site.haproxies(0), before, "what ran before does not run on");
        // Another port, and all is well; nobody has to wait for the next attempt.
        let moved = json!({"listener": {"loadbalancer_id": id, "protocol": "HTTP", "protocol_port": 82, "default_pool_id": id}});
        site.rest.delete(&format!("{ALL}/listeners/{listener}"));
        let _ = site.rest.create(&format!("{ALL}/listeners"), &moved);
        wait_until(PATIENCE, "a load balancer of which all is ACTIVE", || {
            statuses(&site, &id).iter().all(|status| status == "ACTIVE").then_some(())
        });
        assert!(site.ask(&format!("{address}:82")).is_some());
        drop(holder);
        Ok(())
    });
}
