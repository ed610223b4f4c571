//! The same of a whole system: the agent, or its driver's process, ends at each place of an order's way through them.

use std::{collections::BTreeSet, fs, net::SocketAddr, path::PathBuf};

use ballast_failpoint::{FOLDER, ORDER, PASSED};
use ballast_lab::{Lab, in_lab, poll_until, require_tool};
use ballast_tests::{
    PATIENCE,
    site::{Plan, Site},
};
use serde_json::json;

use crate::{
    Extent, extent,
    load::Load,
    place::{Outcome, SOON},
};

const AGENT: &str = "agent-1";

struct System {
    site: Site,
    folder: PathBuf,
    load: Option<Load>,
}

impl System {
    /// With a bystander that is asked all the time.
    fn new(lab: &Lab) -> Outcome<Self> {
        let folder = lab.dir().join("failpoints");
        fs::create_dir(&folder)?;
        let environment = vec![(AGENT, FOLDER, folder.display().to_string())];
        let site = Site::start(lab, &Plan { webs: 2, environment, ..Plan::default() })?;
        let (pool, address) = site.make_load_balancer("bystander");
        site.settle(&pool);
        let load = Load::start(&site.client, SocketAddr::new(address.parse()?, 80));
        Ok(Self { site, folder, load: Some(load) })
    }

    /// As systemd does.
    fn keep_agent(&mut self) {
        if !self.site.agents[0].process.as_mut().unwrap().is_running() {
            self.site.start_agent(0);
        }
    }

    /// The agent is kept meanwhile.
    fn wait(&mut self, what: &str, is_so: impl Fn(&Site) -> Option<()>) {
        let found = poll_until(PATIENCE, || {
            self.keep_agent();
            is_so(&self.site)
        });
        assert!(found.is_some(), "waited for {what}");
    }

    /// Made, changed and deleted. Returns what was passed.
    fn come_and_go(&mut self, name: &str, order: &str) -> Vec<String> {
        let _ = fs::remove_file(self.folder.join(PASSED));
        if !order.is_empty() {
            fs::write(self.folder.join(ORDER), order).unwrap();
        }
        let pool = self.site.make_pool(name);
        let members = self.site.add_members(&pool);
        let vip = self.site.make_vip(&pool);
        let address = vip.object()["address"].as_str().unwrap_or_default().to_owned();
        self.wait(&format!("traffic, {name}"), |site| site.ask(&address).map(drop));
        let path = format!("/v2.0/lb/vips/{}", vip.id());
        let is_active = |site: &Site| {
            let shown = site.rest.try_call("GET", &path, None)?;
            (shown.object()["status"] == "ACTIVE").then_some(())
        };
        self.wait(&format!("ACTIVE, {name}"), is_active);
        let change = json!({"member": {"weight": 7}});
        self.site.rest.update(&format!("/v2.0/lb/members/{}", members[0]), &change);
        self.wait(&format!("ACTIVE again, {name}"), is_active);
        self.site.rest.delete(&path);
        self.site.rest.delete(&format!("/v2.0/lb/pools/{pool}"));
        self.wait(&format!("the end of its haproxy, {name}"), |site| (site.haproxies(0).len() == 1).then_some(()));
        self.wait(&format!("the end of its files, {name}"), |site| {
            let state = site.agent_state(0);
            let gone =
                [state.join("driver-state/haproxy-ns").join(&pool), state.join("ledger/load-balancers").join(&pool)];
            let left = site.agents[0].host.remains().ok()?;
            (!gone.iter().any(|path| path.exists()) && left.namespaces.len() == 1).then_some(())
        });
        self.load.as_ref().unwrap().answered(name);
        fs::read_to_string(self.folder.join(PASSED)).unwrap_or_default().lines().map(str::to_owned).collect()
    }
}

#[test]
fn an_agent_that_ends_at_any_place_of_an_orders_way_brings_it_to_its_end_when_it_is_back() {
    let test = "an_agent_that_ends_at_any_place_of_an_orders_way_brings_it_to_its_end_when_it_is_back";
    if !["haproxy", "curl"].iter().all(|tool| require_tool(tool, test)) {
        return;
    }
    in_lab(|lab| {
        let mut system = System::new(lab)?;
        let links = links(&system.site)?;
        let passed: BTreeSet<String> = system.come_and_go("unharmed", "").into_iter().collect();
        let of_agent = |place: &str| ["deploy:", "undeploy:", "ledger:"].iter().any(|one| place.starts_with(one));
        let places: Vec<_> = passed.into_iter().filter(|place| extent() > Extent::Few || of_agent(place)).collect();
        assert!(places.len() > 8, "{places:?}");
        let (count, mut missed) = (places.len(), Vec::new());
        for place in places {
            system.come_and_go(&format!("killed at {place}"), &format!("kill 1 {place}"));
            // What is gone from the disk is gone before its last place is passed.
            let order = system.folder.join(ORDER);
            let is_passed = poll_until(SOON, || {
                system.keep_agent();
                (!order.exists()).then_some(())
            });
            if is_passed.is_none() {
                // A driver's way is another one when it hears of the end of the VIP and of the pool at once.
                fs::remove_file(&order)?;
                missed.push(place.clone());
            }
            assert_eq!(self::links(&system.site)?, links, "killed at {place:?}: links");
        }
        assert!(missed.len() <= count / 8, "of {count} places these were not passed: {missed:?}");
        Ok(())
    });
}

fn links(site: &Site) -> Outcome<BTreeSet<String>> {
    let said = site.agents[0].host.output("ip", ["-o", "link"])?;
    Ok(said.lines().filter_map(|line| line.split(": ").nth(1)).map(str::to_owned).collect())
}
