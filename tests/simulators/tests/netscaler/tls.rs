//! TLS: files, certificates with their keys, bindings; what is refused, and by which number.

use ballast_simulators::{Device, netscaler::DEFAULT};
use serde_json::{Value, json};

use crate::client::{Client, outcome, simulator};

/// `-----BEGIN CERTIFICATE-----` and so on.
const CONTENT: &str = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t";
const DIRECTORY: &str = "/nsconfig/ssl";
const LISTS: &str = "/var/netscaler/ssl";

fn file(client: &Client, name: &str, location: &str) -> (u16, u64) {
    let file = json!({"filename": name, "filelocation": location, "filecontent": CONTENT, "fileencoding": "BASE64"});
    client.post("systemfile", &json!({ "systemfile": file }))
}

fn certificate(client: &Client, name: &str, fields: &Value) -> (u16, u64) {
    let mut body = json!({"certkey": name});
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    client.post("sslcertkey", &json!({ "sslcertkey": body }))
}

fn bound(client: &Client, fields: &Value) -> (u16, u64) {
    let mut body = json!({"vservername": "v1"});
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    client.post("sslvserver_sslcertkey_binding", &json!({"sslvserver_sslcertkey_binding": body}))
}

fn set(client: &Client, fields: &Value) -> (u16, u64) {
    let mut body = json!({"vservername": "v1"});
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    client.put("sslvserver", &json!({ "sslvserver": body }))
}

/// Files `c` and `k`, certificates `web`, `next` and `root`, and a virtual server `v1` that speaks TLS.
fn prepared(client: &Client) {
    for name in ["c", "k"] {
        assert_eq!(file(client, name, DIRECTORY), (201, 0));
    }
    for name in ["web", "next"] {
        assert_eq!(certificate(client, name, &json!({"cert": "c", "key": "k"})), (201, 0));
    }
    assert_eq!(certificate(client, "root", &json!({"cert": "c"})), (201, 0));
    let server = json!({"name": "v1", "servicetype": "SSL", "ipv46": "192.0.2.10", "port": 443});
    assert_eq!(client.post("lbvserver", &json!({ "lbvserver": server })), (201, 0));
}

#[test]
fn a_file_is_in_the_directory_of_its_partition_and_its_content_is_not_shown() {
    let simulator = simulator();
    simulator.device().add_partition("t1");
    let client = Client::logged_in(&simulator);
    assert_eq!(file(&client, "c", DIRECTORY), (201, 0));
    assert_eq!(file(&client, "c", DIRECTORY), (409, 273));
    assert_eq!(file(&client, "c", "/etc"), (400, 1097));
    assert_eq!(file(&client, "c", "/nsconfig/partitions/t1/ssl"), (400, 1097));
    assert_eq!(file(&Client::inside(&simulator, "t1"), "c", "/nsconfig/partitions/t1/ssl"), (201, 0));
    let list = client.get(&format!("config/systemfile?args=filelocation:{}", DIRECTORY.replace('/', "%2F")));
    assert!(list.body()["systemfile"][0]["filename"] == "c" && !list.body().to_string().contains(CONTENT));
    assert_eq!(outcome(&client.get("config/systemfile")), (400, 1095));
    // It is there before anything is saved.
    Device::reboot(&mut *simulator.device());
    assert_eq!(simulator.device().objects(DEFAULT), ["systemfile/nsconfig/ssl/c"]);
    let client = Client::logged_in(&simulator);
    let path = |location: &str| format!("systemfile/c?args=filelocation:{}", location.replace('/', "%2F"));
    assert_eq!(client.delete(&path(LISTS)), (404, 258));
    assert_eq!(client.delete(&path(DIRECTORY)), (200, 0));
}

#[test]
fn a_certificate_needs_its_files_and_is_replaced_where_it_is() {
    let simulator = simulator();
    let client = Client::logged_in(&simulator);
    assert_eq!(certificate(&client, "web", &json!({"cert": "c", "key": "k"})), (599, 1631));
    assert_eq!(file(&client, "c", DIRECTORY), (201, 0));
    assert_eq!(certificate(&client, "web", &json!({"cert": "c", "key": "k"})), (599, 1632));
    assert_eq!(file(&client, "k", DIRECTORY), (201, 0));
    prepared_again(&client);
    let update = |cert: &str| {
        let body = json!({"certkey": "web", "cert": cert, "key": "k", "nodomaincheck": true});
        client.post("sslcertkey?action=update", &json!({ "sslcertkey": body }))
    };
    assert_eq!(update("d"), (599, 1631));
    assert_eq!(file(&client, "d", DIRECTORY), (201, 0));
    assert_eq!(update("d"), (200, 0));
    assert_eq!(client.one("config/sslcertkey/web")["cert"], "d");
    assert_eq!(client.post("sslcertkey?action=renew", &json!({"sslcertkey": {"certkey": "web"}})), (400, 1240));
    assert_eq!(certificate(&client, "web", &json!({"cert": "c"})), (409, 273));
    assert_eq!(certificate(&client, "new", &json!({"cert": "c", "certificate": "x"})), (599, 278));
}

fn prepared_again(client: &Client) {
    assert_eq!(certificate(client, "web", &json!({"cert": "c", "key": "k"})), (201, 0));
}

#[test]
fn links_lead_to_issuers_and_what_is_named_stays() {
    let simulator = simulator();
    let client = Client::logged_in(&simulator);
    prepared(&client);
    let act =
        |action: &str, body: Value| client.post(&format!("sslcertkey?action={action}"), &json!({ "sslcertkey": body }));
    assert_eq!(act("link", json!({"certkey": "web", "linkcertkeyname": "nobody"})), (599, 1540));
    assert_eq!(act("unlink", json!({"certkey": "web"})), (599, 1545));
    assert_eq!(act("link", json!({"certkey": "web", "linkcertkeyname": "root"})), (200, 0));
    assert_eq!(act("link", json!({"certkey": "web", "linkcertkeyname": "root"})), (409, 273));
    assert_eq!(client.delete("sslcertkey/root"), (599, 1541));
    assert_eq!(act("unlink", json!({"certkey": "web"})), (200, 0));
    assert_eq!(client.delete("sslcertkey/root"), (200, 0));
    assert_eq!(bound(&client, &json!({"certkeyname": "web"})), (201, 0));
    assert_eq!(client.delete("sslcertkey/web"), (599, 1541));
    assert_eq!(client.delete("lbvserver/v1"), (200, 0));
    assert_eq!(client.delete("sslcertkey/web"), (200, 0));
    assert_eq!(client.delete("sslcertkey/web"), (599, 1540));
}

#[test]
fn a_server_certificate_replaces_the_one_before_and_names_and_authorities_stand_beside_it() {
    let simulator = simulator();
    let client = Client::logged_in(&simulator);
    prepared(&client);
    assert_eq!(bound(&client, &json!({"certkeyname": "nobody"})), (599, 1540));
    assert_eq!(bound(&client, &json!({"certkeyname": "web"})), (201, 0));
    assert_eq!(bound(&client, &json!({"certkeyname": "next"})), (201, 0));
    let remove = |args: &str| client.delete(&format!("sslvserver_sslcertkey_binding/v1?args=certkeyname:{args}"));
    assert_eq!(remove("web"), (599, 1542));
    assert_eq!(bound(&client, &json!({"certkeyname": "web", "snicert": true})), (599, 3627));
    assert_eq!(set(&client, &json!({"snienable": "ENABLED"})), (200, 0));
    assert_eq!(bound(&client, &json!({"certkeyname": "web", "snicert": true})), (201, 0));
    assert_eq!(bound(&client, &json!({"certkeyname": "root", "ca": true, "crlcheck": "Mandatory"})), (201, 0));
    assert_eq!(bound(&client, &json!({"certkeyname": "root", "crlcheck": "Mandatory"})), (400, 1093));
    let all = client.get("config/sslvserver_sslcertkey_binding?bulkbindings=yes").body();
    assert_eq!(all["sslvserver_sslcertkey_binding"].as_array().map(Vec::len), Some(3));
    assert_eq!(outcome(&client.get("config/sslvserver_sslcertkey_binding")), (400, 1095));
    assert_eq!((remove("web,snicert:true"), remove("root,ca:true"), remove("next")), ((200, 0), (200, 0), (200, 0)));
}

#[test]
fn settings_need_each_other_and_a_server_that_speaks_tls() {
    let simulator = simulator();
    let client = Client::logged_in(&simulator);
    assert_eq!(set(&client, &json!({"tls13": "ENABLED"})), (599, 1544));
    prepared(&client);
    let shown = client.one("config/sslvserver/v1");
    assert_eq!(
        (&shown["tls12"], &shown["tls13"], &shown["hsts"]),
        (&json!("ENABLED"), &json!("DISABLED"), &json!("DISABLED"))
    );
    assert_eq!(set(&client, &json!({"clientcert": "Mandatory"})), (400, 1093));
    assert_eq!(set(&client, &json!({"clientauth": "ENABLED", "clientcert": "Mandatory"})), (200, 0));
    assert_eq!(set(&client, &json!({"maxage": 5})), (400, 1093));
    assert_eq!(set(&client, &json!({"hsts": "ENABLED", "maxage": 5, "includesubdomains": "YES"})), (200, 0));
    assert_eq!(set(&client, &json!({"hsts": "DISABLED"})), (200, 0));
    assert_eq!(client.one("config/sslvserver/v1")["maxage"], "0");
    assert_eq!(set(&client, &json!({"tls14": "ENABLED"})), (599, 278));
    assert_eq!(client.post("sslvserver", &json!({"sslvserver": {"vservername": "v2"}})), (400, 1232));
}

#[test]
fn a_new_server_has_the_default_ciphers_and_a_group_of_others_takes_their_place() {
    let simulator = simulator();
    let client = Client::logged_in(&simulator);
    prepared(&client);
    let binding = "sslvserver_sslcipher_binding";
    assert_eq!(client.one(&format!("config/{binding}/v1"))["cipheraliasname"], "DEFAULT");
    let bind = |name: &str| client.post(binding, &json!({binding: {"vservername": "v1", "ciphername": name}}));
    assert_eq!(bind("mine"), (599, 3621));
    assert_eq!(client.post("sslcipher", &json!({"sslcipher": {"ciphergroupname": "mine"}})), (201, 0));
    let suite = |name: &str| {
        let body = json!({"ciphergroupname": "mine", "ciphername": name, "cipherpriority": 1});
        client.put("sslcipher_sslciphersuite_binding", &json!({"sslcipher_sslciphersuite_binding": body}))
    };
    assert_eq!((suite("TLS1.2-AES128-GCM-SHA256"), suite("AES128-SHA")), ((201, 0), (599, 3621)));
    assert_eq!((bind("mine"), bind("mine")), ((201, 0), (409, 273)));
    assert_eq!(client.delete(&format!("{binding}/v1?args=ciphername:DEFAULT")), (200, 0));
    assert_eq!(client.delete("sslcipher/mine"), (599, 3593));
    assert_eq!(client.delete(&format!("{binding}/v1?args=ciphername:mine")), (200, 0));
    assert_eq!(client.delete("sslcipher/mine"), (200, 0));
    assert!(!simulator.device().objects(DEFAULT).iter().any(|path| path.contains("mine")));
}

#[test]
fn a_revocation_list_needs_its_file_and_its_issuer() {
    let simulator = simulator();
    let client = Client::logged_in(&simulator);
    let list = || client.post("sslcrl", &json!({"sslcrl": {"crlname": "r", "crlpath": "r"}}));
    assert_eq!(list(), (599, 1631));
    assert_eq!(file(&client, "r", LISTS), (201, 0));
    assert_eq!(list(), (599, 1583));
    prepared(&client);
    assert_eq!((list(), list()), ((201, 0), (409, 273)));
    assert_eq!((client.delete("sslcrl/r"), client.delete("sslcrl/r")), ((200, 0), (599, 1550)));
}

#[test]
fn what_speaks_tls_to_members_may_be_behind_what_speaks_http() {
    let simulator = simulator();
    let client = Client::logged_in(&simulator);
    let group = json!({"servicegroupname": "g", "servicetype": "SSL"});
    assert_eq!(client.post("servicegroup", &json!({ "servicegroup": group })), (201, 0));
    assert_eq!(client.one("config/sslservicegroup/g")["serverauth"], "DISABLED");
    for (name, service, port, fits) in [("h", "HTTP", 80, true), ("t", "TCP", 81, false)] {
        let server = json!({"name": name, "servicetype": service, "ipv46": "192.0.2.11", "port": port});
        assert_eq!(client.post("lbvserver", &json!({ "lbvserver": server })), (201, 0));
        let body = json!({"lbvserver_servicegroup_binding": {"name": name, "servicegroupname": "g"}});
        assert_eq!(client.post("lbvserver_servicegroup_binding", &body), if fits { (201, 0) } else { (599, 1304) });
    }
    assert_eq!(client.delete("servicegroup/g"), (200, 0));
    assert!(!simulator.device().objects(DEFAULT).iter().any(|path| path.contains("/g")));
}
