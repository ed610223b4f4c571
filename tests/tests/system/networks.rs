//! Networks, subnets, ports and quotas with the real `neutron` command: what it prints, and how it ends.

use ballast_lab::{in_lab, not_run};
use ballast_tests::{
    neutron::Neutron,
    site::{Plan, Site, URL},
};

fn control_plane() -> Plan {
    Plan { agents: 0, webs: 0, ..Plan::default() }
}

fn client(test: &str) -> Option<Neutron> {
    Neutron::find(URL).map_err(|why| not_run(test, &why)).ok()
}

/// It says this, and ends with 0.
fn says(neutron: &Neutron, command: &str, text: &str) {
    let said = neutron.run(command);
    assert!(said.contains(text), "{command}: {said}");
}

/// It ends with 1 and says this.
fn refuses(neutron: &Neutron, command: &str, text: &str) {
    let said = neutron.try_run(command);
    assert_eq!(said.status, 1, "{command}: {}{}", said.stdout, said.stderr);
    assert!(said.stderr.contains(text), "{command}: {}", said.stderr);
}

#[test]
fn networks_subnets_and_ports_are_managed_with_the_neutron_command() {
    let Some(neutron) = client("networks_subnets_and_ports_are_managed_with_the_neutron_command") else { return };
    in_lab(move |lab| {
        let _site = Site::start(lab, &control_plane())?;
        says(
            &neutron,
            "net-create blue --provider:network_type vxlan --provider:segmentation_id 77",
            "Created a new network:",
        );
        says(&neutron, "net-update blue --name green --shared True", "Updated network: blue");
        assert_eq!(neutron.value("net-show green", "shared"), "True");
        refuses(&neutron, "net-update green --provider:segmentation_id 78", "Cannot update read-only attribute");

        let create = "subnet-create green 10.9.0.0/24 --name four --gateway 10.9.0.254 --dns-nameserver 9.9.9.9 \
                      --allocation-pool start=10.9.0.10,end=10.9.0.20 --host-route destination=10.8.0.0/16,nexthop=10.9.0.7";
        says(&neutron, create, "Created a new subnet:");
        let create =
            "subnet-create green fd00:9::/64 --name six --ip-version 6 --ipv6-ra-mode slaac --ipv6-address-mode slaac";
        assert_eq!(neutron.value(create, "ipv6_ra_mode"), "slaac");
        says(&neutron, "subnet-update four --no-gateway --disable-dhcp", "Updated subnet: four");
        assert_eq!(neutron.value("subnet-show four", "enable_dhcp"), "False");
        says(&neutron, "subnet-list", "10.9.0.0/24");
        says(&neutron, "net-list", "fd00:9::/64");

        let create = "port-create green --name p1 --fixed-ip subnet_id=four,ip_address=10.9.0.15 --mac-address \
                      fa:16:3e:00:00:01 --device-id d --device-owner compute:x";
        says(&neutron, create, "10.9.0.15");
        refuses(&neutron, "port-create green --fixed-ip ip_address=10.9.0.15", "The IP address 10.9.0.15 is in use.");
        says(
            &neutron,
            "port-update p1 --name p2 --fixed-ip ip_address=10.9.0.16 --admin-state-up False",
            "Updated port: p1",
        );
        says(&neutron, "port-show p2", "10.9.0.16");
        assert_eq!(neutron.value("port-list --fixed-ips ip_address=10.9.0.16", "name"), "p2");
        refuses(&neutron, "net-delete green", "There are one or more ports still in use on the network.");
        refuses(&neutron, "subnet-delete four", "One or more ports have an IP allocation from this subnet.");
        says(&neutron, "port-delete p2", "Deleted port(s): p2");
        refuses(&neutron, "port-show p2", "Unable to find port with name or id 'p2'");
        says(&neutron, "subnet-delete six", "Deleted subnet(s): six");
        says(&neutron, "net-delete green", "Deleted network(s): green");
        refuses(&neutron, "subnet-show four", "Unable to find subnet with name or id 'four'");
        Ok(())
    });
}

#[test]
fn quotas_are_managed_with_the_neutron_command() {
    let Some(neutron) = client("quotas_are_managed_with_the_neutron_command") else { return };
    in_lab(move |lab| {
        let _site = Site::start(lab, &control_plane())?;
        says(&neutron, "ext-show quotas", "Quota management support");
        assert_eq!(neutron.value("quota-show", "pool"), "-1");
        assert_eq!(neutron.run("quota-list").trim(), "");
        let update = "quota-update --pool 0 --health-monitor 0";
        assert_eq!(neutron.value(update, "health_monitor"), "0");
        says(&neutron, "quota-update --tenant-id other --vip 3", "vip");
        assert_eq!(neutron.value("quota-show --tenant-id other", "vip"), "3");
        assert_eq!(neutron.value("quota-list --sort-key tenant_id", "tenant_id"), "demo\nother");
        assert_eq!(neutron.value("quota-default-show", "pool"), "-1");
        let create = "lb-healthmonitor-create --delay 1 --timeout 1 --max-retries 2 --type HTTP";
        refuses(&neutron, create, "Quota exceeded for resources: ['health_monitor']");
        let create = "lb-pool-create --name web --lb-method ROUND_ROBIN --protocol HTTP --subnet-id demo-subnet";
        refuses(&neutron, create, "Quota exceeded for resources: ['pool']");
        refuses(&neutron, "quota-update --pool -2", "must be at least '-1'.");
        says(&neutron, "quota-delete", "Deleted quota: demo");
        assert_eq!(neutron.value("quota-show", "pool"), "-1");
        Ok(())
    });
}
