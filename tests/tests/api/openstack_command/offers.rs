//! What an operator offers: providers, flavors, availability zones; and amphorae, of which there are none.

use serde_json::json;

use super::{Shell, fields};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn providers_and_amphorae_by_the_openstack_command() {
    let Some(mut shell) = Shell::start("providers_and_amphorae_by_the_openstack_command").await else { return };
    let names = shell.column("provider list", "name");
    assert!(names.contains(&json!("haproxy")), "{names:?}");
    let capabilities = shell.openstack.json("provider capability list haproxy");
    let capabilities = capabilities.as_array().unwrap();
    for (kind, name) in [("flavor", "size"), ("availability_zone", "rack")] {
        let is_it = |found: &&serde_json::Value| found["type"] == kind && found["name"] == name;
        assert!(capabilities.iter().any(|found| is_it(&found)), "{kind} in {capabilities:?}");
    }
    assert_eq!(shell.openstack.run("amphora list").trim(), "");
    let none = "11111111-2222-4333-8444-555555555555";
    let unlocated = format!("Unable to locate {none} in amphorae");
    for (command, text) in [
        ("amphora show", format!("{none} not found")),
        ("amphora delete", format!("Amphora {none} not found. (HTTP 404)")),
        ("amphora stats show", format!("Amphora stats for {none} not found. (HTTP 404)")),
        ("amphora failover", unlocated.clone()),
        ("amphora configure", unlocated),
    ] {
        let said = shell.openstack.refused(1, &format!("{command} {none}"));
        assert!(said.contains(&text), "{command}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flavors_by_the_openstack_command() {
    let Some(mut shell) = Shell::start("flavors_by_the_openstack_command").await else { return };
    let line = "flavorprofile create --name single --provider haproxy --flavor-data '{}'";
    let profile = shell.openstack.json(line);
    fields(&profile, &[("name", json!("single")), ("provider_name", json!("haproxy")), ("flavor_data", json!("{}"))]);
    assert_eq!(shell.column("flavorprofile list", "name"), ["single"]);
    shell.openstack.quietly("flavorprofile set single --name one");
    fields(&shell.openstack.json("flavorprofile show one"), &[("id", profile["id"].clone())]);
    let line = "flavor create --name small --flavorprofile one --description d --enable";
    let flavor = shell.openstack.json(line);
    fields(&flavor, &[("flavor_profile_id", profile["id"].clone()), ("enabled", json!(true))]);
    assert_eq!(shell.column("flavor list", "name"), ["small"]);
    let made = shell.openstack.json("create --name web --vip-subnet-id demo-subnet --flavor small --wait");
    fields(&made, &[("flavor_id", flavor["id"].clone()), ("provisioning_status", json!("ACTIVE"))]);
    let said = shell.openstack.refused(1, "flavor delete small");
    assert!(said.contains("is in use and cannot be modified. (HTTP 409)"), "{said}");
    shell.openstack.quietly("flavor set small --name tiny --disable");
    shell.openstack.quietly("flavor unset tiny --description");
    fields(&shell.openstack.json("flavor show tiny"), &[("enabled", json!(false)), ("description", json!(""))]);
    shell.openstack.quietly("delete web --wait");
    shell.openstack.quietly("flavor delete tiny");
    shell.openstack.quietly("flavorprofile delete one");
    assert_eq!(shell.openstack.run("flavorprofile list").trim(), "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn availability_zones_by_the_openstack_command() {
    let Some(mut shell) = Shell::start("availability_zones_by_the_openstack_command").await else { return };
    let line = "availabilityzoneprofile create --name rack --provider haproxy --availability-zone-data '{}'";
    let profile = shell.openstack.json(line);
    fields(&profile, &[("name", json!("rack")), ("availability_zone_data", json!("{}"))]);
    assert_eq!(shell.column("availabilityzoneprofile list", "name"), ["rack"]);
    shell.openstack.quietly("availabilityzoneprofile set rack --name rack-1");
    fields(&shell.openstack.json("availabilityzoneprofile show rack-1"), &[("id", profile["id"].clone())]);
    let line = "availabilityzone create --name az1 --availabilityzoneprofile rack-1 --description d";
    fields(&shell.openstack.json(line), &[("availability_zone_profile_id", profile["id"].clone())]);
    assert_eq!(shell.column("availabilityzone list", "name"), ["az1"]);
    shell.openstack.quietly("availabilityzone set az1 --description e --enable");
    shell.openstack.quietly("availabilityzone unset az1 --description");
    fields(&shell.openstack.json("availabilityzone show az1"), &[("enabled", json!(true)), ("description", json!(""))]);
    let made = shell.openstack.json("create --name web --vip-subnet-id demo-subnet --availability-zone az1");
    fields(&made, &[("availability_zone", json!("az1"))]);
    shell.openstack.quietly("delete web --wait");
    shell.openstack.quietly("availabilityzone delete az1");
    shell.openstack.quietly("availabilityzoneprofile delete rack-1");
}
