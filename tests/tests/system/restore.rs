//! A database that is restored from a backup, as docs/deploy.md says it: agents go on, what the copy does not know goes on
//! serving, and an operator can take it away.

use std::{fs, path::Path, process::Command, time::Duration};

use ballast_lab::{Signal, in_lab, require_tool, wait_until};
use ballast_tests::{
    PATIENCE, programs,
    site::{Plan, Site},
};
use serde_json::{Value, json};

/// Until an agent has surely heard how much the database knows: some heartbeats.
const HEARD: Duration = Duration::from_secs(4);

#[test]
fn a_restored_database_is_obeyed_and_what_it_does_not_know_serves_on() {
    let test = "a_restored_database_is_obeyed_and_what_it_does_not_know_serves_on";
    if !require_tool("haproxy", test) {
        return;
    }
    in_lab(|lab| {
        let mut site = Site::start(lab, &Plan::default())?;
        let (kept, kept_at) = site.make_load_balancer("kept");
        let (gone, gone_at) = site.make_load_balancer("gone");
        for address in [&kept_at, &gone_at] {
            site.wait_for_traffic(address);
        }
        let (database, copy) = (lab.dir().join("ballast.db"), lab.dir().join("backup.db"));
        let mut backup = Command::new(programs::built("ballast-scheduler"));
        backup.arg("--config").arg(lab.dir().join("ballast.toml")).arg("backup").arg(&copy);
        assert!(backup.status()?.success(), "the backup");

        // Since the backup one is made, one is changed, and one is deleted.
        let (made, made_at) = site.make_load_balancer("made");
        site.wait_for_traffic(&made_at);
        let renamed = json!({"pool": {"name": "another name"}});
        assert_eq!(site.rest.call("PUT", &format!("/v2.0/lb/pools/{kept}"), Some(&renamed)).status, 200);
        delete(&site, &gone);
        wait_until(PATIENCE, "the end of what was deleted", || site.ask(&gone_at).is_none().then_some(()));
        std::thread::sleep(HEARD);

        site.scheduler.take().expect("it runs").stop()?;
        for suffix in ["-wal", "-shm"] {
            let _ = fs::remove_file(lab.dir().join(format!("ballast.db{suffix}")));
        }
        fs::write(&database, fs::read(&copy)?)?;
        site.start_scheduler();
        site.wait_for_agents(1);

        let unclaimed = site.agent_state(0).join("ledger/unclaimed");
        let is_unclaimed = |id: &str| fs::read_to_string(&unclaimed).unwrap_or_default().lines().any(|line| line == id);
        wait_until(PATIENCE, "what nobody names", || is_unclaimed(&made).then_some(()));
        assert!(site.logged("agent-1").contains("not named by a database that knows less than it did"));
        let told = json!({"load_balancers": 1, "load_balancer_ids": [made]});
        wait_until(PATIENCE, "the API's word of it", || (said_unclaimed(&site)? == told).then_some(()));
        // What was deleted is there again, what was changed is what it was, and what was made is in no list.
        site.wait_for_traffic(&gone_at);
        assert_eq!(site.rest.call("GET", &format!("/v2.0/lb/pools/{made}"), None).status, 404);
        assert_eq!(site.rest.call("GET", &format!("/v2.0/lb/pools/{kept}"), None).object()["name"], "kept");
        for address in [&kept_at, &made_at] {
            assert!(site.ask(address).is_some(), "{address} does not answer after the restore");
        }
        // It stays so, and what is asked for now is done.
        keep_address(&site, &made_at);
        let (next, next_at) = site.make_load_balancer("next");
        site.wait_for_traffic(&next_at);
        std::thread::sleep(HEARD);
        assert!(is_unclaimed(&made) && !is_unclaimed(&next));

        // Where it was not given on, an operator takes it away.
        give_up(&mut site, &unclaimed, &made)?;
        let namespace = format!("qlbaas-{made}");
        wait_until(PATIENCE, "the end of what nobody claims", || {
            let names = site.agents[0].host.remains().ok()?.namespaces;
            (!names.contains(&namespace)).then_some(())
        });
        for address in [&kept_at, &gone_at, &next_at] {
            site.wait_for_traffic(address);
        }
        wait_until(PATIENCE, "no more word of it", || said_unclaimed(&site)?.is_null().then_some(()));
        Ok(())
    });
}

/// The agent begins anew, and this one is no longer in its list.
fn give_up(site: &mut Site, unclaimed: &Path, id: &str) -> std::io::Result<()> {
    site.signal_agent(0, Signal::SIGTERM);
    site.kill_agent(0);
    let listed = fs::read_to_string(unclaimed)?;
    let left: String = listed.lines().filter(|other| *other != id).map(|other| format!("{other}\n")).collect();
    fs::write(unclaimed, left)?;
    site.start_agent(0);
    Ok(())
}

/// What the API says of what the agent runs and no scheduler knows.
fn said_unclaimed(site: &Site) -> Option<Value> {
    Some(site.rest.look("/v2.0/agents")?["agents"][0]["configurations"]["unclaimed"].clone())
}

/// A pool with all that is in it.
fn delete(site: &Site, pool: &str) {
    let shown = site.rest.call("GET", &format!("/v2.0/lb/pools/{pool}"), None);
    let vip = shown.object()["vip_id"].as_str().unwrap_or_default().to_owned();
    assert_eq!(site.rest.call("DELETE", &format!("/v2.0/lb/vips/{vip}"), None).status, 204);
    assert_eq!(site.rest.call("DELETE", &format!("/v2.0/lb/pools/{pool}"), None).status, 204);
}

/// It is free as far as the copy knows: a port keeps it.
fn keep_address(site: &Site, address: &str) {
    let subnet = site.rest.call("GET", &format!("/v2.0/subnets/{}", site.subnet_id), None);
    let network = subnet.object()["network_id"].clone();
    let port = json!({"port": {"network_id": network, "fixed_ips": [{"ip_address": address}]}});
    let _ = site.rest.create("/v2.0/ports", &port);
}
