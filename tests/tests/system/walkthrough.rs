//! The main job, with the real `neutron` command: from `lb-pool-create` to traffic through the VIP, and back to nothing.

use std::collections::{BTreeMap, BTreeSet};

use ballast_lab::{in_lab, not_run, require_tool, wait_until};
use ballast_tests::{
    PATIENCE,
    neutron::Neutron,
    site::{Plan, Site, URL},
};

fn tools(test: &str) -> Option<Neutron> {
    if !require_tool("haproxy", test) || !require_tool("curl", test) {
        return None;
    }
    Neutron::find(URL).map_err(|why| not_run(test, &why)).ok()
}

#[test]
fn a_load_balancer_is_made_used_and_removed_with_the_neutron_command() {
    let Some(neutron) = tools("a_load_balancer_is_made_used_and_removed_with_the_neutron_command") else { return };
    in_lab(move |lab| {
        let mut site = Site::start(lab, &Plan::default())?;
        let make = "lb-pool-create --name web --lb-method ROUND_ROBIN --protocol HTTP --subnet-id demo-subnet";
        let pool = neutron.run(make);
        assert!(pool.contains("Created a new pool:") && pool.contains("PENDING_CREATE"), "{pool}");
        for n in 1..=3 {
            let member = neutron.run(&format!("lb-member-create --address 10.20.0.1{n} --protocol-port 80 web"));
            assert!(member.contains("Created a new member:"), "{member}");
        }
        let create = "lb-vip-create --name front --protocol HTTP --protocol-port 80 --subnet-id demo-subnet web";
        let address = neutron.value(create, "address");
        assert_eq!(address, "10.20.0.100");
        let create = "lb-healthmonitor-create --delay 1 --timeout 1 --max-retries 2 --type HTTP";
        let monitor = neutron.value(create, "id");
        let associated = neutron.run(&format!("lb-healthmonitor-associate {monitor} web"));
        assert_eq!(associated.trim(), format!("Associated health monitor {monitor}"));

        site.wait_for_traffic(&address);
        wait_until(PATIENCE, "an ACTIVE pool", || {
            (neutron.value("lb-pool-show web", "status") == "ACTIVE").then_some(())
        });
        assert!(neutron.run("lb-vip-list").contains("front"));
        assert_eq!(neutron.value("lb-member-list", "status"), "ACTIVE\nACTIVE\nACTIVE");
        assert!(neutron.run("lb-agent-hosting-pool web").contains("agent-1"));
        assert!(neutron.run("agent-list").contains(":-)"));

        turns_are_fair(&site, &address);
        let headers = site.client.output("curl", ["-sf", &format!("http://{address}/headers")])?;
        assert!(headers.to_lowercase().contains("x-forwarded-for: 10.20.0.9"), "{headers}");

        let status = |at: &str| neutron.value(&format!("lb-member-list --address {at}"), "status");
        a_dead_member_rests_and_returns(&mut site, status, &address);

        let stats = neutron.value("lb-pool-stats web", "total_connections");
        assert!(stats.parse::<u64>().is_ok_and(|total| total > 0), "{stats}");
        let said = neutron.run(&format!("lb-healthmonitor-disassociate {monitor} web"));
        assert_eq!(said.trim(), format!("Disassociated health monitor {monitor}"));
        for command in ["lb-vip-delete front", "lb-pool-delete web"] {
            assert!(neutron.run(command).contains("Deleted"), "{command}");
        }
        assert!(neutron.run(&format!("lb-healthmonitor-delete {monitor}")).contains("Deleted"));
        assert_eq!(neutron.run("lb-pool-list").trim(), "");
        site.wait_until_clean(0);
        Ok(())
    });
}

/// Each gets as many requests as the others, as soon as each was checked: a new member waits for its monitor's first check,
/// and the checks of three are spread over half a second. Everything that was asked for must be deployed by now.
pub(crate) fn turns_are_fair(site: &Site, address: &str) {
    let each_once = BTreeSet::from(["web-1", "web-2", "web-3"].map(str::to_owned));
    wait_until(PATIENCE, "answers of all three in turn", || {
        let answers: BTreeSet<_> = (0..3).filter_map(|_| site.ask(address)).collect();
        (answers == each_once).then_some(())
    });
    let mut answers = BTreeMap::new();
    for _ in 0..12 {
        *answers.entry(site.ask(address).unwrap_or_default()).or_insert(0) += 1;
    }
    let fair = ["web-1", "web-2", "web-3"].map(|name| (name.to_owned(), 4));
    assert_eq!(answers, BTreeMap::from(fair));
}

/// web-2 dies and comes back. `status` says what a member shows, by its address.
pub(crate) fn a_dead_member_rests_and_returns<S: AsRef<str>>(
    site: &mut Site,
    status: impl Fn(&str) -> S,
    address: &str,
) {
    let shown = |wanted: &str| (status("10.20.0.12").as_ref() == wanted).then_some(());
    site.webs[1].kill().expect("web-2 is killed");
    wait_until(PATIENCE, "an INACTIVE member", || shown("INACTIVE"));
    for _ in 0..8 {
        assert_ne!(site.ask(address).expect("an answer"), "web-2");
    }
    site.webs[1].restart().expect("web-2 is started");
    wait_until(PATIENCE, "an ACTIVE member", || shown("ACTIVE"));
    wait_until(PATIENCE, "an answer of web-2", || (site.ask(address)? == "web-2").then_some(()));
}
