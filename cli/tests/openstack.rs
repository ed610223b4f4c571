//! OpenStack's variables and `clouds.yaml`, against servers that play Keystone and a gateway.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "played/gateway.rs"]
mod gateway;

use std::{fs, process::Output};

use gateway::{Asked, Gateway, clean, refusal, refusal_with, stdout};
use serde_json::json;

fn site() -> Gateway {
    Gateway::start(|_: &Asked| (200, json!({"loadbalancers": []})))
}

/// A Keystone with this gateway in its catalogue, which knows one user.
fn keystone(of: &Gateway) -> Gateway {
    let url = format!("{}/v2.0/", of.url);
    Gateway::start(move |asked: &Asked| {
        assert_eq!((asked.method.as_str(), asked.path.as_str()), ("POST", "/v3/auth/tokens"));
        assert!(asked.query.is_empty());
        let identity = &asked.body["auth"]["identity"];
        if identity["password"]["user"]["password"] != "hunter2" && identity["token"]["id"] != "good" {
            let error = json!({"code": 401, "message": "The request you have made requires authentication."});
            return (401, json!({ "error": error }));
        }
        let endpoint = json!({"interface": "public", "region_id": "one", "url": url});
        (201, json!({"token": {"catalog": [{"type": "network", "endpoints": [endpoint]}]}}))
    })
}

fn run(environment: &[(&str, &str)], line: &str) -> Output {
    clean().envs(environment.iter().copied()).args(line.split_whitespace()).output().unwrap()
}

fn heads(gateway: &Gateway) -> Vec<String> {
    gateway.asked().into_iter().map(|asked| asked.head.to_lowercase()).collect()
}

#[test]
fn a_password_or_a_token_of_keystone_leads_to_the_gateway_of_its_catalogue() {
    let gateway = site();
    let keystone = keystone(&gateway);
    let with_version = format!("{}/v3/", keystone.url);
    let user = [("OS_USERNAME", "ann"), ("OS_PASSWORD", "hunter2"), ("OS_PROJECT_NAME", "alpha")];
    for url in [keystone.url.as_str(), &with_version] {
        stdout(&run(&[&user[..], &[("OS_AUTH_URL", url), ("OS_REGION_NAME", "one")]].concat(), "lb list"));
    }
    stdout(&run(&[("OS_AUTH_URL", &keystone.url), ("OS_TOKEN", "good")], "lb list"));
    assert_eq!(heads(&gateway).len(), 3);
    assert!(heads(&gateway).iter().all(|head| head.contains("x-auth-token: granted\r\n")), "{:?}", heads(&gateway));
    let scope = &keystone.asked()[0].body["auth"]["scope"];
    assert_eq!(*scope, json!({"project": {"name": "alpha", "domain": {"name": "Default"}}}));

    let auth = ("OS_AUTH_URL", keystone.url.as_str());
    let wrong = refusal(&run(&[auth, ("OS_USERNAME", "ann"), ("OS_PASSWORD", "x")], "lb list"));
    assert!(wrong.contains(&keystone.url) && wrong.contains("requires authentication. (HTTP 401)"), "{wrong}");
    let elsewhere = refusal(&run(&[&user[..], &[auth, ("OS_REGION_NAME", "two")]].concat(), "lb list"));
    assert!(elsewhere.contains("no public endpoint of the type load-balancer or network in two"), "{elsewhere}");
    let half = refusal_with(2, &run(&[auth, ("OS_USERNAME", "ann")], "lb list"));
    assert!(half.contains("OS_PASSWORD is not set"), "{half}");
    let nowhere = refusal(&run(&[&user[..], &[("OS_AUTH_URL", "http://127.0.0.1:1")]].concat(), "lb list"));
    assert!(nowhere.contains("Keystone at http://127.0.0.1:1: "), "{nowhere}");
}

#[test]
fn what_is_ours_goes_over_what_is_openstacks() {
    let (gateway, other) = (site(), site());
    let endpoint = ("OS_ENDPOINT", gateway.url.as_str());
    stdout(&run(&[("OS_AUTH_TYPE", "none"), endpoint], "lb list"));
    stdout(&run(&[("OS_AUTH_TYPE", "admin_token"), endpoint, ("OS_TOKEN", "boss")], "lb list"));
    assert!(heads(&gateway)[1].contains("x-auth-token: boss\r\n") && !heads(&gateway)[0].contains("x-auth-token"));
    stdout(&run(
        &[("OS_AUTH_TYPE", "admin_token"), endpoint, ("OS_TOKEN", "boss"), ("BALLAST_URL", &other.url)],
        "lb list",
    ));
    stdout(&run(&[("OS_AUTH_URL", "http://127.0.0.1:1")], &format!("--url {} lb list", other.url)));
    assert!(heads(&other).iter().all(|head| !head.contains("x-auth-token")), "its token goes nowhere else");
    stdout(&other.run(&["lb", "list"]));
    assert_eq!((heads(&gateway).len(), heads(&other).len()), (2, 3));
}

#[test]
fn a_cloud_of_the_file_is_asked_with_its_secret() {
    let gateway = site();
    let keystone = keystone(&gateway);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clouds.yaml");
    let clouds = format!(
        "clouds:\n  mine:\n    region_name: one\n    auth:\n      auth_url: {}\n      username: ann\n      \
         project_name: alpha\n",
        keystone.url
    );
    fs::write(&path, clouds).unwrap();
    fs::write(folder.path().join("secure.yaml"), "clouds: {mine: {auth: {password: hunter2}}}\n").unwrap();
    let file = ("OS_CLIENT_CONFIG_FILE", path.to_str().unwrap());
    stdout(&run(&[file, ("OS_CLOUD", "mine")], "lb list"));
    assert!(heads(&gateway)[0].contains("x-auth-token: granted"));
    let none = refusal(&run(&[file, ("OS_CLOUD", "other")], "lb list"));
    assert!(none.contains("has no cloud 'other' (have: mine)"), "{none}");
    fs::write(&path, "password: [hunter2").unwrap();
    let broken = refusal(&run(&[file, ("OS_CLOUD", "mine")], "lb list"));
    assert!(broken.contains("this is no YAML") && !broken.contains("hunter2"), "{broken}");
}
