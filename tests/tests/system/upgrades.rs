//! From the newest release to today's programs, under traffic, in the order that docs/operate.md says; and in any other one
//! ([`rolling`]).

mod rolling;

use std::{fs, path::PathBuf, time::Duration};

use ballast_lab::{Process, Signal, in_lab, require_tool, wait_until};
use ballast_tests::{
    PATIENCE, programs,
    site::{Plan, Site},
};
use serde_json::{Value, json};

/// All that REST shows of load balancers.
const KINDS: [&str; 4] = ["pools", "vips", "members", "health_monitors"];

#[test]
fn each_process_is_upgraded_from_the_release_and_no_request_and_no_object_is_lost() {
    let test = "each_process_is_upgraded_from_the_release_and_no_request_and_no_object_is_lost";
    if !require_tool("haproxy", test) {
        return;
    }
    let Some(release) = programs::released(test) else { return };
    in_lab(|lab| {
        let mut site = Site::start(lab, &Plan { programs: release.clone(), ..Plan::default() })?;
        let (pool, address) = site.make_load_balancer("kept");
        let monitor = associate_monitor(&site, &pool);
        let (gone, _) = site.make_load_balancer("gone");
        site.settle(&pool);
        site.settle(&gone);
        let mut clients = Clients::start(&site, &address, Duration::from_millis(20))?;
        let before = shown(&site);

        site.programs = programs::directory();
        site.scheduler.take().expect("a scheduler").stop()?;
        site.start_scheduler();
        site.wait_for_agents(1);
        assert_eq!(shown(&site), before, "today's scheduler shows what the release's stored");
        serves_and_lets_go(&site, "with-scheduler");
        clients.none_failed();

        site.gateway.take().expect("a gateway").stop()?;
        site.start_gateway();
        assert_eq!(shown(&site), before, "today's gateway shows what the release's did");

        site.signal_agent(0, Signal::SIGTERM);
        site.agents[0].process.take().expect("the agent runs").wait()?;
        site.start_agent(0);
        site.wait_for_agents(1);
        serves_and_lets_go(&site, "with-agent");
        assert_eq!(shown(&site), before, "today's agent runs what the release's did, with the release's driver");
        clients.none_failed();

        let started = drivers_started(&site, "agent-1");
        site.put_driver(&site.agents[0].drivers);
        wait_until(PATIENCE, "today's driver", || (drivers_started(&site, "agent-1") > started).then_some(()));
        serves_and_lets_go(&site, "with-driver");
        site.settle(&pool);
        site.settle(&gone);
        clients.none_failed();

        // What the release made can be changed and removed.
        site.rest.update(&format!("/v2.0/lb/pools/{pool}"), &json!({"pool": {"lb_method": "LEAST_CONNECTIONS"}}));
        site.rest.update(&format!("/v2.0/lb/health_monitors/{monitor}"), &json!({"health_monitor": {"delay": 2}}));
        site.settle(&pool);
        clients.none_failed();
        clients.stop()?;
        for pool in [pool, gone] {
            remove(&site, &pool);
        }
        site.wait_until_clean(0);
        Ok(())
    });
}

#[test]
fn an_agent_of_today_finds_what_the_releases_agent_and_driver_left_running() {
    let test = "an_agent_of_today_finds_what_the_releases_agent_and_driver_left_running";
    if !require_tool("haproxy", test) {
        return;
    }
    let Some(release) = programs::released(test) else { return };
    in_lab(|lab| {
        let mut site = Site::start(lab, &Plan { programs: release.clone(), ..Plan::default() })?;
        let (pool, address) = site.make_load_balancer("web");
        site.settle(&pool);
        // No scheduler answers: the ledger of the release is all that today's agent has.
        site.scheduler.take().expect("a scheduler").kill()?;
        site.kill_agent(0);
        for pid in site.haproxies(0) {
            nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), Signal::SIGKILL)?;
        }
        site.programs = programs::directory();
        site.put_driver(&site.agents[0].drivers);
        site.start_agent(0);
        site.wait_for_traffic(&address);
        site.start_scheduler();
        site.wait_for_agents(1);
        site.settle(&pool);
        remove(&site, &pool);
        site.wait_until_clean(0);
        Ok(())
    });
}

fn drivers_started(site: &Site, agent: &str) -> usize {
    site.logged(agent).matches("driver is ready").count()
}

fn associate_monitor(site: &Site, pool: &str) -> String {
    let monitor = json!({"health_monitor": {
        "type": "HTTP", "delay": 1, "timeout": 1, "max_retries": 3, "url_path": "/", "expected_codes": "200"
    }});
    let id = site.rest.create("/v2.0/lb/health_monitors", &monitor).id();
    let association = json!({"health_monitor": {"id": id}});
    let _ = site.rest.create(&format!("/v2.0/lb/pools/{pool}/health_monitors"), &association);
    id
}

/// A load balancer made now serves, and leaves when it is deleted.
fn serves_and_lets_go(site: &Site, name: &str) {
    let (pool, _) = site.make_load_balancer(name);
    site.settle(&pool);
    remove(site, &pool);
    wait_until(PATIENCE, &format!("the end of {name}'s haproxy"), || (site.haproxies(0).len() == 2).then_some(()));
}

fn remove(site: &Site, pool: &str) {
    if let Some(vip) = site.rest.get(&format!("/v2.0/lb/pools/{pool}"))["pool"]["vip_id"].as_str() {
        site.rest.delete(&format!("/v2.0/lb/vips/{vip}"));
    }
    for member in site.rest.get(&format!("/v2.0/lb/members?pool_id={pool}"))["members"].as_array().into_iter().flatten()
    {
        site.rest.delete(&format!("/v2.0/lb/members/{}", member["id"].as_str().unwrap_or_default()));
    }
    site.rest.delete(&format!("/v2.0/lb/pools/{pool}"));
}

/// What REST shows of all load balancers, in one order.
fn shown(site: &Site) -> Vec<Value> {
    let list = |kind: &&str| site.rest.get(&format!("/v2.0/lb/{kind}?sort_key=id&sort_dir=asc"));
    KINDS.iter().map(list).collect()
}

/// A client that asks again and again, each time on a new connection, and writes down what failed.
struct Clients {
    process: Process,
    directory: PathBuf,
}

impl Clients {
    /// One request after the other, with a pause between them.
    fn start(site: &Site, address: &str, pause: Duration) -> Result<Self, ballast_lab::LabError> {
        let directory = site.agents[0].drivers.with_file_name(format!("asked-{address}"));
        fs::create_dir_all(&directory).expect("a directory for what was asked");
        // Bounded, if nobody ends it.
        let line = format!(
            "for n in $(seq 20000); do curl -sf -o /dev/null --max-time 5 http://{address}/ || echo $n >> {at}/failed; \
             echo $n > {at}/asked; sleep {pause}; done",
            at = directory.display(),
            pause = pause.as_secs_f64()
        );
        let mut command = site.client.command("sh");
        command.args(["-c", &line]);
        Ok(Self { process: site.client.spawn(command)?, directory })
    }

    fn asked(&self) -> u32 {
        fs::read_to_string(self.directory.join("asked")).ok().and_then(|n| n.trim().parse().ok()).unwrap_or(0)
    }

    /// Waits for some more answers, so that what was just done is among what was asked.
    fn none_failed(&mut self) {
        let so_far = self.asked();
        wait_until(PATIENCE, "more requests", || (self.asked() >= so_far + 10).then_some(()));
        let failed = fs::read_to_string(self.directory.join("failed")).unwrap_or_default();
        assert!(failed.is_empty(), "of {} requests these failed: {failed}", self.asked());
    }

    fn stop(mut self) -> Result<(), ballast_lab::LabError> {
        self.process.stop(Duration::from_secs(10)).map(drop)
    }
}
