//! TLS: files that nobody is shown, templates that name them, and what is refused.

use ballast_simulators::{
    Device, Options, Request, Simulator,
    a10::{A10, Release, SHARED},
};
use serde_json::{Value, json};

use crate::client::{BAD_VALUE, Client, EXISTS, IN_USE, MISSING};

const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
const KEY: &str = "-----BEGIN EC PRIVATE KEY-----\nMIIEsecret\n-----END EC PRIVATE KEY-----\n";
const UNKNOWN: u64 = 1_023_524_874;

fn newest() -> Simulator<A10> {
    Simulator::start(A10::new(Release::Five), Options::default()).unwrap()
}

/// As a form of two parts.
fn upload(client: &Client, kind: &str, name: &str, content: &str) -> (u16, u64) {
    let mut json = json!({"file": name, "file-handle": name, "action": "import"});
    if kind.ends_with("cert") {
        json["certificate-type"] = json!("pem");
    }
    client.form(&format!("file/{kind}"), &json!({ kind: json }), content)
}

fn with_files(client: &Client) {
    for (kind, name, content) in [("ssl-cert", "c", CERTIFICATE), ("ssl-key", "k", KEY), ("ca-cert", "a", CERTIFICATE)]
    {
        assert_eq!(upload(client, kind, name, content), (204, 0), "{kind}");
    }
}

fn template(client: &Client, fields: &Value) -> (u16, u64) {
    let mut body = json!({"name": "t"});
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    client.post("slb/template/client-ssl", &json!({ "client-ssl": body }))
}

#[test]
fn a_file_is_listed_by_its_name_and_nobody_is_shown_what_is_in_it() {
    let simulator = newest();
    let client = Client::logged_in(&simulator);
    with_files(&client);
    let listed = client.get("file/ssl-key/oper").body();
    assert_eq!(listed["ssl-key"]["oper"]["file-list"], json!([{"file": "k"}]));
    assert_eq!(client.get("file/ssl-crl/oper").body()["ssl-crl"]["oper"], json!({}));
    let shown =
        [client.get("file/ssl-key/k").body(), client.get("file/ssl-key").body(), listed].map(|body| body.to_string());
    assert!(!shown.iter().any(|body| body.contains("secret")), "{shown:?}");
    // It is on the disk, and not in what was saved.
    Device::reboot(&mut *simulator.device());
    assert_eq!(simulator.device().objects(SHARED), ["file/ca-cert/a", "file/ssl-cert/c", "file/ssl-key/k"]);
}

#[test]
fn what_is_no_file_of_its_kind_is_refused() {
    let simulator = newest();
    let client = Client::logged_in(&simulator);
    assert_eq!(upload(&client, "ssl-cert", "c", KEY), (400, BAD_VALUE));
    assert_eq!(upload(&client, "ssl-key", "k", CERTIFICATE), (400, BAD_VALUE));
    assert_eq!(upload(&client, "ssl-cert", &"c".repeat(64), CERTIFICATE), (400, BAD_VALUE));
    assert_eq!(upload(&client, "ssl-thing", "c", CERTIFICATE), (404, MISSING));
    assert_eq!(client.post("file/ssl-cert", &json!({"ssl-cert": {"file": "c"}})), (400, 1_023_524_864));
    let unknown = json!({"ssl-key": {"file": "k", "file-handle": "k", "action": "import", "mode": "x"}});
    assert_eq!(client.form("file/ssl-key", &unknown, KEY), (400, UNKNOWN));
    assert_eq!(simulator.device().objects(SHARED), [""; 0]);
}

#[test]
fn a_template_names_files_that_are_there_and_they_stay_as_long() {
    let simulator = newest();
    let client = Client::logged_in(&simulator);
    let chosen = json!([{"cert": "c", "key": "k"}]);
    assert_eq!(template(&client, &json!({"certificate-list": chosen})), (404, MISSING));
    with_files(&client);
    for absent in
        [json!({"ca-certs": [{"ca-cert": "b"}]}), json!({"crl-certs": [{"crl": "r"}]}), json!({"template-cipher": "y"})]
    {
        assert_eq!(template(&client, &absent), (404, MISSING), "{absent}");
    }
    let names = json!([{"server-name": "www.example.org", "server-cert": "c", "server-key": "k"}]);
    let all =
        json!({"certificate-list": chosen, "ca-certs": [{"ca-cert": "a"}], "server-name-list": names, "version": 34});
    assert_eq!(template(&client, &all), (200, 0));
    for (of, name) in [("cert-name", "c"), ("private-key", "k"), ("ca", "a")] {
        assert_eq!(client.post("pki/delete", &json!({"delete": {of: name}})), (400, IN_USE), "{of}");
    }
    assert_eq!(client.post("pki/delete", &json!({"delete": {"crl": "r"}})), (404, MISSING));
    assert_eq!(client.delete("slb/template/client-ssl/t/certificate/c"), (200, 0));
    assert_eq!(client.delete("slb/template/client-ssl/t"), (200, 0));
    let both = json!({"delete": {"cert-name": "c", "private-key": "k"}});
    assert_eq!(client.post("pki/delete", &both), (200, 0));
    assert_eq!(simulator.device().objects(SHARED), ["file/ca-cert/a"]);
}

#[test]
fn what_a_template_says_is_held_against_the_vendors_schema() {
    let simulator = newest();
    let client = Client::logged_in(&simulator);
    with_files(&client);
    for bad in [
        json!({"version": 35}),
        json!({"client-certificate": "Maybe"}),
        json!({"ca-certs": []}),
        json!({"server-name-list": [{"server-name": "x".repeat(64)}]}),
    ] {
        assert_eq!(template(&client, &bad), (400, BAD_VALUE), "{bad}");
    }
    assert_eq!(template(&client, &json!({"ca-certs": [{"ca-cert": "a", "what": 1}]})), (400, UNKNOWN));
    let suite = |name: &str| {
        let list = json!([{"cipher-suite": name, "priority": 1}]);
        client.post("slb/template/cipher", &json!({"cipher": {"name": name, "cipher-cfg": list}}))
    };
    assert_eq!(suite("TLS1_ECDHE_RSA_AES_128_GCM_SHA256"), (200, 0));
    assert_eq!(suite("ECDHE-RSA-AES128-GCM-SHA256"), (400, BAD_VALUE));
}

/// Lists of certificates are of releases from 5.2; before, a template has one.
#[test]
fn each_release_has_its_own_templates() {
    let four = Simulator::start(A10::default(), Options::default()).unwrap();
    let client = Client::logged_in(&four);
    with_files(&client);
    assert_eq!(template(&client, &json!({"certificate-list": [{"cert": "c", "key": "k"}]})), (400, UNKNOWN));
    assert_eq!(template(&client, &json!({"dgversion": 33})), (400, UNKNOWN));
    assert_eq!(template(&client, &json!({"cert": "c", "key": "k"})), (200, 0));
    assert_eq!(template(&client, &json!({"cert": "c", "key": "k"})), (409, EXISTS));
    let newest = newest();
    let client = Client::logged_in(&newest);
    with_files(&client);
    assert_eq!(template(&client, &json!({"cert": "c", "key": "k"})), (400, UNKNOWN));
}

#[test]
fn a_form_is_read_by_its_parts() {
    let body = "--x\r\nContent-Disposition: form-data; name=\"json\"\r\n\r\n{\"a\": 1}\r\n--x\r\n\
        Content-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\nline\r\nline\r\n--x--\r\n";
    let headers = vec![("content-type".to_owned(), "multipart/form-data; boundary=x".to_owned())];
    let form = Request { headers, body: body.as_bytes().to_vec(), ..Request::default() };
    assert_eq!(form.form(), Some((json!({"a": 1}), "line\r\nline".to_owned())));
    assert_eq!(Request { headers: Vec::new(), ..form }.form(), None);
}
