//! One model: what either API made is seen and changed by both, with the real `neutron` and the real `openstack`.

use ballast_lab::not_run;
use ballast_tests::neutron::Neutron;
use serde_json::{Value, json};

use super::{Shell, fields};

fn parsed(printed: &str) -> Value {
    let from = printed.find(['{', '[']).unwrap_or_default();
    serde_json::from_str(&printed[from..]).unwrap_or_else(|error| panic!("{error}: {printed}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_neutron_made_openstack_changes_and_what_v1_has_no_word_for_it_says() {
    let test = "what_neutron_made_openstack_changes_and_what_v1_has_no_word_for_it_says";
    let Some(mut shell) = Shell::start(test).await else { return };
    let Ok(neutron) = Neutron::find(&shell.services.url).map_err(|why| not_run(test, &why)) else { return };
    let show = |line: &str| parsed(&neutron.run(&format!("{line} -f json")));
    let subnet = shell.services.get("/v2.0/subnets").await["subnets"][0]["id"].as_str().unwrap().to_owned();
    let line =
        format!("lb-pool-create --name web --lb-method ROUND_ROBIN --protocol HTTP --subnet-id {subnet} -f json");
    let pool = parsed(&neutron.run(&line))["id"].as_str().unwrap().to_owned();
    fields(&shell.openstack.json("show web"), &[("id", json!(pool)), ("vip_address", json!(null))]);
    let line =
        format!("lb-vip-create --name front --protocol HTTP --protocol-port 80 --subnet-id {subnet} web -f json");
    let vip = parsed(&neutron.run(&line));
    let _ = neutron.run("lb-member-create --address 10.0.0.11 --protocol-port 80 web");

    // openstack sees them, and changes them for both.
    let shown = shell.openstack.json("show web");
    fields(&shown, &[("vip_address", vip["address"].clone())]);
    fields(&shell.openstack.json("listener show front"), &[("id", vip["id"].clone())]);
    let member = shell.made("member create --address 10.0.0.12 --protocol-port 80 web --wait");
    assert_eq!(show("lb-member-list").as_array().unwrap().len(), 2);
    shell.openstack.quietly(&format!("member set --weight 7 web {member} --wait"));
    fields(&show(&format!("lb-member-show {member}")), &[("weight", json!(7))]);
    let _ = neutron.run(&format!("lb-member-update {member} --weight 9"));
    fields(&shell.openstack.json(&format!("member show web {member}")), &[("weight", json!(9))]);
    shell.openstack.quietly("listener set front --name door --wait");
    fields(&show("lb-vip-show door"), &[("id", vip["id"].clone())]);

    // A second listener is more than v1 can say, until it goes.
    shell.made("listener create --name second --protocol HTTP --protocol-port 81 web --wait");
    let said = neutron.try_run("lb-pool-show web");
    assert!(said.status != 0 && said.stderr.contains("Unable to find pool"), "{said:?}");
    let refused = shell.services.call("GET", &format!("/v2.0/lb/pools/{pool}"), None).await;
    assert!(refused.status == 409 && refused.to_string().contains("several listeners"), "{refused}");
    shell.openstack.quietly("listener delete second --wait");
    fields(&show("lb-pool-show web"), &[("id", json!(pool))]);

    // What openstack made is no load balancer of v1's.
    shell.web("other");
    let names: Vec<_> = show("lb-pool-list").as_array().unwrap().iter().map(|row| row["name"].clone()).collect();
    assert_eq!(names, [json!("web")]);
    let _ = neutron.run("lb-vip-delete door");
    let _ = neutron.run(&format!("lb-member-delete {member}"));
    shell.openstack.quietly("delete web --cascade --wait");
    assert_eq!(show("lb-pool-list"), json!([]));
}
