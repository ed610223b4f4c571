//! Certificates that are kept here, over REST and gRPC: what is shown of them, and that nobody ever sees a private key.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    time::{Duration, UNIX_EPOCH},
};

use ballast_certificates::{Keyring, new_key};
use ballast_proto::v2::{
    Certificate, CreateCertificateRequest, DeleteRequest, ListRequest, UpdateCertificateRequest,
    certificates_client::CertificatesClient,
};
use ballast_scheduler::secrets;
use ballast_service::{clock::Clock, config::Settings};
use ballast_store::Store;
use ballast_tests::secret;
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::{played::able, services::Services};

pub(crate) const ALL: &str = "/ballast/v1/certificates";

/// A certificate for these names, with its key.
pub(crate) struct Pem {
    pub(crate) chain: String,
    pub(crate) key: String,
}

impl Pem {
    pub(crate) fn of(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let chain = CertificateParams::new(vec![name.to_owned()]).unwrap().self_signed(&key).unwrap().pem();
        Self { chain, key: key.serialize_pem() }
    }

    /// One that ends in so many days.
    pub(crate) fn ending(name: &str, days: u64) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let now = Clock::system().now().duration_since(UNIX_EPOCH).unwrap();
        params.not_after = rcgen::date_time_ymd(1970, 1, 1) + now + Duration::from_secs(days * 86_400 + 3_600);
        Self { chain: params.self_signed(&key).unwrap().pem(), key: key.serialize_pem() }
    }

    /// Without what it does not have in common with others.
    fn secret(&self) -> Vec<&str> {
        self.key.lines().filter(|line| line.len() > 40 && !line.starts_with('-')).collect()
    }

    pub(crate) fn body(&self, name: &str) -> Value {
        json!({ "certificate": { "name": name, "certificate_chain": self.chain, "private_key": self.key } })
    }

    fn message(&self, name: &str) -> Certificate {
        Certificate {
            name: name.to_owned(),
            certificate_chain: self.chain.clone(),
            private_key: self.key.clone(),
            ..Certificate::default()
        }
    }
}

/// A key beside the database.
pub(crate) fn keep_secrets(settings: &mut Settings) {
    let database = settings.database.url.trim_start_matches("sqlite://").to_owned();
    let file = Path::new(&database).with_file_name("secrets.key");
    secret::write(&file, &new_key());
    settings.secrets.key_files = vec![file.display().to_string()];
}

pub(crate) fn rest_of(reply: &Value) -> &Value {
    &reply["certificate"]
}

#[tokio::test]
async fn a_certificate_is_kept_shown_changed_and_deleted() {
    let services = Services::with(keep_secrets).await;
    let pem = Pem::of("www.example");
    let checked = services.call("POST", &format!("{ALL}?validate_only=true"), Some(pem.body("web"))).await;
    assert_eq!((checked.status, &checked.body["plan"]), (200, &Value::Null), "{checked}");
    assert_eq!(services.get(ALL).await["certificates"], json!([]));
    let made = services.create(ALL, pem.body("web")).await;
    let (id, shown) = (made.id(), rest_of(&made.body).clone());
    assert_eq!(
        (&shown["version"], &shown["names"], &shown["key_type"], &shown["validity"], &shown["project_id"]),
        (&json!(1), &json!(["www.example"]), &json!("ECDSA P-256"), &json!("VALID"), &json!("demo")),
    );
    assert_eq!(shown["reference"], format!("{}/v1/containers/{id}", services.url));
    assert_eq!(shown["certificate_chain"], pem.chain.replace("\r\n", "\n"));
    assert!(shown["expires_in_days"].as_i64().unwrap() > 300, "{shown}");
    let path = format!("{ALL}/{id}");
    assert_eq!(rest_of(&services.get(&path).await), &shown);
    // A list has no chains, and can be filtered and sorted.
    let listed = services.get(&format!("{ALL}?name=web&sort=not_after:desc")).await;
    assert_eq!(
        (&listed["certificates"][0]["id"], &listed["certificates"][0]["certificate_chain"]),
        (&json!(id), &json!(""))
    );
    assert_eq!(listed["certificates"][0]["reference"], shown["reference"]);
    assert_eq!(services.get(&format!("{ALL}?name=other")).await["certificates"], json!([]));

    let named = services.call("PUT", &path, Some(json!({ "certificate": { "name": "new" } }))).await;
    assert_eq!((named.status, &named.object()["version"], &named.object()["name"]), (200, &json!(1), &json!("new")));
    let next = Pem::of("new.example");
    let both = json!({ "certificate": { "certificate_chain": next.chain, "private_key": next.key } });
    let changed = services.call("PUT", &path, Some(both)).await;
    assert_eq!((changed.status, &changed.object()["version"]), (200, &json!(2)), "{changed}");
    assert_eq!(changed.object()["names"], json!(["new.example"]));
    for alone in [json!({ "certificate_chain": pem.chain }), json!({ "private_key": pem.key })] {
        let refused = services.call("PUT", &path, Some(json!({ "certificate": alone }))).await;
        assert_eq!(refused.status, 400, "{refused}");
        assert!(refused.body["faultstring"].as_str().unwrap().contains("come together"), "{refused}");
    }
    let crossed = json!({ "certificate": { "certificate_chain": next.chain, "private_key": pem.key } });
    assert_eq!(services.call("PUT", &path, Some(crossed)).await.status, 400);
    assert_eq!(services.call("DELETE", &path, None).await.status, 204);
    assert_eq!(services.call("GET", &path, None).await.status, 404);
}

/// The same as a bundle of PKCS12, in base64, by this passphrase.
fn bundle(pem: &Pem, passphrase: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("all.pem"), format!("{}{}", pem.chain, pem.key)).unwrap();
    let line = format!("pkcs12 -export -in all.pem -out all.p12 -passout pass:{passphrase}");
    for arguments in [line.as_str(), "base64 -in all.p12 -out all.b64"] {
        let mut openssl = std::process::Command::new("openssl");
        let done = openssl.args(arguments.split_whitespace()).current_dir(directory.path()).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
    fs::read_to_string(directory.path().join("all.b64")).unwrap()
}

#[tokio::test]
async fn a_certificate_that_comes_as_pkcs12_is_the_same_as_one_in_pem() {
    let services = Services::with(keep_secrets).await;
    let (first, second) = (Pem::of("www.example"), Pem::of("next.example"));
    let body = |more: Value| {
        let mut certificate = json!({ "pkcs12": bundle(&first, "s3cret"), "passphrase": "s3cret" });
        certificate.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Some(json!({ "certificate": certificate }))
    };
    let made = services.call("POST", ALL, body(json!({}))).await;
    assert_eq!((made.status, &made.object()["names"]), (201, &json!(["www.example"])), "{made}");
    assert_eq!(made.object()["certificate_chain"], first.chain.replace("\r\n", "\n"));
    let path = format!("{ALL}/{}", made.id());
    let same = services.call("PUT", &path, Some(first.body("same"))).await;
    assert_eq!((same.status, &same.object()["version"]), (200, &json!(1)), "{same}");
    let next = json!({ "certificate": { "pkcs12": bundle(&second, "") } });
    let changed = services.call("PUT", &path, Some(next)).await;
    assert_eq!((changed.status, &changed.object()["version"]), (200, &json!(2)), "{changed}");
    assert_eq!(changed.object()["names"], json!(["next.example"]));
    for (more, word) in [
        (json!({ "passphrase": "s3cret2" }), "passphrase"),
        (json!({ "pkcs12": "bm8=" }), "PKCS12"),
        (json!({ "pkcs12": "no base64!" }), "PKCS12"),
        (json!({ "certificate_chain": first.chain, "private_key": first.key }), "two forms"),
        (json!({ "pkcs12": "" }), "pkcs12"),
    ] {
        let refused = services.call("POST", ALL, body(more.clone())).await;
        let said = refused.body["faultstring"].as_str().unwrap_or_default();
        assert!(refused.status == 400 && said.contains(word) && !said.contains("s3cret"), "{word}: {refused}");
    }
    for reply in [made.body, changed.body] {
        assert!(!reply.to_string().contains("passphrase") && !reply.to_string().contains("pkcs12"), "{reply}");
    }
}

#[tokio::test]
async fn a_certificate_is_shown_at_its_reference_as_a_barbican_shows_its_own() {
    let services = Services::with(keep_secrets).await;
    let pem = Pem::of("www.example");
    let made = services.create(ALL, pem.body("web")).await;
    let path = |path: &str| path.replace("ID", &made.id());
    let reference = made.object()["reference"].as_str().unwrap().to_owned();
    let container = services.get(&path("/v1/containers/ID")).await;
    assert_eq!((&container["container_ref"], &container["type"]), (&json!(reference), &json!("certificate")));
    let secret_ref = reference.replace("containers", "secrets");
    assert_eq!(container["secret_refs"], json!([{ "name": "certificate", "secret_ref": secret_ref }]));
    let secret = services.get(&path("/v1/secrets/ID")).await;
    assert_eq!(
        (&secret["secret_ref"], &secret["content_types"]["default"]),
        (&json!(secret_ref), &json!("text/plain"))
    );
    let payload = services.raw("GET", &path("/v1/secrets/ID/payload")).await;
    assert_eq!(
        (payload.status().as_u16(), payload.headers()["content-type"].to_str().unwrap()),
        (200, "text/plain; charset=utf-8")
    );
    assert_eq!(payload.text().await.unwrap(), pem.chain.replace("\r\n", "\n"));
    for nothing in
        ["/v1/secrets/ID/private_key", "/v1/secrets/x", "/v1/containers/11111111-2222-3333-4444-555555555555"]
    {
        assert_eq!(services.call("GET", &path(nothing), None).await.status, 404, "{nothing}");
    }
}

#[tokio::test]
async fn without_a_key_nothing_is_kept_and_it_is_said_what_to_set() {
    let services = Services::start().await;
    let refused = services.call("POST", ALL, Some(Pem::of("www.example").body("web"))).await;
    assert_eq!(refused.status, 409, "{refused}");
    assert!(refused.body["faultstring"].as_str().unwrap().contains("secrets.key_files"), "{refused}");
    let certificate = Some(Pem::of("www.example").message("web"));
    let request = CreateCertificateRequest { certificate, request_id: String::new(), validate_only: false };
    let mut client = CertificatesClient::new(services.channel.clone());
    // Of a caller with a project.
    let mut request = tonic::Request::new(request);
    request.metadata_mut().insert("ballast-roles", "member".parse().unwrap());
    request.metadata_mut().insert("ballast-project-id", "a".parse().unwrap());
    let refused = client.create(request).await.unwrap_err();
    let details = refused.get_error_details();
    assert_eq!(
        (refused.code(), details.error_info().unwrap().reason.as_str()),
        (Code::FailedPrecondition, "SECRETS_KEY_MISSING")
    );
}

#[tokio::test]
async fn an_etag_and_a_request_id_hold_for_certificates_as_for_others() {
    let services = Services::with(keep_secrets).await;
    let mut client = CertificatesClient::new(services.channel.clone());
    let pem = Pem::of("www.example");
    let certificate = Certificate { project_id: "a".to_owned(), ..pem.message("web") };
    let request = CreateCertificateRequest {
        certificate: Some(certificate.clone()),
        request_id: "once".to_owned(),
        validate_only: false,
    };
    let made = client.create(request.clone()).await.unwrap().into_inner();
    assert_eq!(made.private_key, "");
    assert_eq!(client.create(request.clone()).await.unwrap().into_inner().id, made.id);
    let other = CreateCertificateRequest {
        certificate: Some(Certificate { name: "other".to_owned(), ..certificate }),
        request_id: request.request_id.clone(),
        validate_only: false,
    };
    assert_eq!(client.create(other).await.unwrap_err().code(), Code::AlreadyExists);

    let change = |etag: &str, name: &str| UpdateCertificateRequest {
        certificate: Some(Certificate {
            id: made.id.clone(),
            etag: etag.to_owned(),
            name: name.to_owned(),
            ..Certificate::default()
        }),
        update_mask: None,
        validate_only: false,
    };
    let changed = client.update(change(&made.etag, "second")).await.unwrap().into_inner();
    assert_ne!(changed.etag, made.etag);
    assert_eq!(client.update(change(&made.etag, "third")).await.unwrap_err().code(), Code::FailedPrecondition);
    let delete = |etag: &str| DeleteRequest { id: made.id.clone(), etag: etag.to_owned(), ..DeleteRequest::default() };
    assert_eq!(client.delete(delete(&made.etag)).await.unwrap_err().code(), Code::FailedPrecondition);
    client.delete(delete(&changed.etag)).await.unwrap();
    assert_eq!(client.list(ListRequest::default()).await.unwrap().into_inner().certificates, []);
}

#[tokio::test]
async fn a_certificate_that_something_names_stays_until_it_does_not() {
    let services = Services::with(|settings| {
        keep_secrets(settings);
        settings.secrets.unchecked = true;
    })
    .await;
    able(&services.channel, "a").await;
    let subnet = services.subnet().await;
    let made = services.create(ALL, Pem::of("www.example").body("web")).await;
    let path = format!("{ALL}/{}", made.id());
    let reference = rest_of(&made.body)["reference"].as_str().unwrap().to_owned();
    let as_secret = reference.replace("containers", "secrets");
    let lb = services.create("/v2.0/lbaas/loadbalancers", json!({ "loadbalancer": { "vip_subnet_id": subnet } })).await;
    for (resource, names) in [
        ("listener", json!({ "default_tls_container_ref": reference })),
        (
            "listener",
            json!({ "default_tls_container_ref": "http://barbican/v1/secrets/x", "sni_container_refs": [as_secret] }),
        ),
        ("pool", json!({ "tls_container_ref": reference, "tls_enabled": true })),
    ] {
        let mut body = if resource == "pool" {
            json!({ "loadbalancer_id": lb.id(), "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN" })
        } else {
            json!({ "loadbalancer_id": lb.id(), "protocol": "TERMINATED_HTTPS", "protocol_port": 443 })
        };
        body.as_object_mut().unwrap().extend(names.as_object().unwrap().clone());
        let user = services.create(&format!("/v2.0/lbaas/{resource}s"), json!({ resource: body })).await.id();
        for query in ["", "?validate_only=true"] {
            let refused = services.call("DELETE", &format!("{path}{query}"), None).await;
            assert_eq!(refused.status, 409, "{refused}");
            let said = refused.body["faultstring"].as_str().unwrap().to_owned();
            assert!(said.contains(&format!("The {resource} {user} names the certificate")), "{said}");
        }
        assert_eq!(services.call("DELETE", &format!("/v2.0/lbaas/{resource}s/{user}"), None).await.status, 204);
    }
    assert_eq!(services.call("DELETE", &path, None).await.status, 204);
}

#[tokio::test]
async fn a_project_has_as_many_as_it_may() {
    let services = Services::with(|settings| {
        keep_secrets(settings);
        settings.secrets.certificates_per_project = 2;
    })
    .await;
    for name in ["a", "b"] {
        services.create(ALL, Pem::of("www.example").body(name)).await;
    }
    let refused = services.call("POST", ALL, Some(Pem::of("www.example").body("c"))).await;
    assert_eq!(refused.status, 403, "{refused}");
    assert!(refused.body["faultstring"].as_str().unwrap().contains("2 certificates"), "{refused}");
}

/// Whatever a body is, its answer does not say a private key back.
#[tokio::test]
async fn no_answer_has_a_private_key() {
    let services = Services::with(keep_secrets).await;
    let pem = Pem::of("www.example");
    let (chain, key) = (&pem.chain, &pem.key);
    let made = services.create(ALL, pem.body("web")).await;
    let id = made.id();
    let odd = [
        json!({ "certificate": { "certificate_chain": chain, "private_key": [key] } }),
        json!({ "certificate": { "certificate_chain": [key], "private_key": key } }),
        json!({ "certificate": { "certificate_chain": key, "private_key": key } }),
        json!({ "certificate": { "certificate_chain": chain, "private_key": { "pem": key } } }),
        json!({ "certificate": { "certificate_chain": chain, "private_key": format!("{key}{key}") } }),
        json!({ "certificate": { "certificate_chain": chain, "private_key": &key[..120] } }),
        json!({ "certificate": { "certificate_chain": chain, "private_key": key, "name": 5 } }),
        json!({ "certificate": { "certificate_chain": chain, "private_key": key, "bogus": key } }),
        json!({ "certificate": { "certificate_chain": Pem::of("a.example").chain, "private_key": key } }),
        json!({ "certificate": key }),
        json!([key]),
        json!(key),
    ];
    for body in odd {
        for (method, path) in [("POST", ALL.to_owned()), ("PUT", format!("{ALL}/{id}"))] {
            let reply = services.call(method, &path, Some(body.clone())).await;
            assert_eq!(reply.status, 400, "{method} {body}: {reply}");
            let said = reply.to_string();
            assert!(!pem.secret().iter().any(|line| said.contains(line)), "{method}: {said}");
        }
    }
    let changed = services.call("PUT", &format!("{ALL}/{id}"), Some(pem.body("same"))).await;
    assert_eq!((changed.status, &changed.object()["version"]), (200, &json!(1)), "{changed}");
    for reply in [made.body, changed.body, services.get(ALL).await, services.get(&format!("{ALL}/{id}")).await] {
        assert!(!reply.to_string().contains("private_key") && !reply.to_string().contains("PRIVATE KEY"), "{reply}");
    }
}

/// The bytes of all files of the database.
fn files_of(url: &str) -> Vec<u8> {
    let file = Path::new(url.trim_start_matches("sqlite://"));
    let of_database = |path: &Path| path.file_name().unwrap().to_string_lossy().starts_with("ballast.db");
    let files = fs::read_dir(file.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| of_database(path)).flat_map(|path| fs::read(path).unwrap()).collect()
}

fn has(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}

#[tokio::test]
async fn no_file_of_the_database_has_a_private_key() {
    let services = Services::with(keep_secrets).await;
    let pems = [Pem::of("www.example"), Pem::of("next.example")];
    let mut client = CertificatesClient::new(services.channel.clone());
    let certificate = Certificate { project_id: "a".to_owned(), ..pems[0].message("web") };
    let request_id = "once".to_owned();
    let request = CreateCertificateRequest { certificate: Some(certificate), request_id, validate_only: false };
    let id = client.create(request).await.unwrap().into_inner().id;
    let certificate = Certificate { id, ..pems[1].message("web") };
    let change = UpdateCertificateRequest { certificate: Some(certificate), update_mask: None, validate_only: false };
    client.update(change).await.unwrap();
    let bytes = files_of(&services.database);
    assert!(has(&bytes, b"CN=rcgen") && has(&bytes, b"next.example"), "is this test blind?");
    for pem in &pems {
        let key = KeyPair::from_pem(&pem.key).unwrap();
        let der = key.serialize_der();
        // The number itself is behind the head of PKCS#8.
        for secret in [&der[..], &der[36..68]] {
            assert!(!has(&bytes, secret));
        }
        assert!(!pem.secret().iter().any(|line| has(&bytes, line.as_bytes())));
    }
    assert!(!has(&bytes, b"PRIVATE KEY"));
}

#[tokio::test]
async fn all_are_sealed_with_the_first_key_while_others_are_made() {
    let directory = tempfile::tempdir().unwrap();
    let files = ["old.key", "new.key"].map(|name| directory.path().join(name).display().to_string());
    files.iter().for_each(|file| secrets::make_key(Path::new(file)).unwrap());
    assert!(secrets::make_key(Path::new(&files[0])).is_err(), "it is there already");
    let settings = |files: &[&String]| ballast_service::config::Secrets {
        key_files: files.iter().map(|file| (*file).clone()).collect(),
        ..Default::default()
    };
    let old = files[0].clone();
    let services = Services::with(move |settings| settings.secrets.key_files = vec![old]).await;
    for number in 0..120 {
        services.create(ALL, Pem::of("www.example").body(&number.to_string())).await;
    }
    let both = secrets::keyring(&settings(&[&files[1], &files[0]])).unwrap();
    let store = Store::open(&services.database).await.unwrap();
    let making = async {
        for number in 120..140 {
            services.create(ALL, Pem::of("www.example").body(&number.to_string())).await;
        }
    };
    let (first, ()) = tokio::join!(secrets::rewrap(&store, &both), making);
    let first = first.unwrap();
    assert!(first.done >= 120 && first.failed.is_empty(), "{first:?}");
    // What a scheduler made meanwhile with the key that it knows; then there is nothing left.
    let second = secrets::rewrap(&store, &both).await.unwrap();
    assert_eq!(first.done + second.done, 140);
    assert_eq!(secrets::rewrap(&store, &both).await.unwrap().done, 0);
    let used: BTreeSet<_> = store.read(|tx, _| Box::pin(tx.sealing_keys())).await.unwrap().into_iter().collect();
    assert_eq!(used, BTreeSet::from([(both.sealing().unwrap().to_owned(), 140)]));
    // All open with the new key alone, and none with another one.
    let new = secrets::keyring(&settings(&[&files[1]])).unwrap();
    let other = secrets::keyring(&settings(&[&files[0]])).unwrap();
    let all = store.read(|tx, _| Box::pin(tx.sealed_otherwise("", 0, 1_000))).await.unwrap();
    assert_eq!(all.len(), 140);
    for one in &all {
        let bound = ballast_certificates::Bound { id: one.id, version: one.version };
        assert!(new.open(&one.sealed, bound).unwrap().starts_with(b"-----BEGIN PRIVATE KEY-----"));
        assert!(other.open(&one.sealed, bound).is_err());
    }
    assert_eq!(secrets::missing(&store, &new).await.unwrap(), []);
    let key_id = new.sealing().unwrap().to_owned();
    assert_eq!(secrets::missing(&store, &other).await.unwrap(), [(key_id, 140)], "as it is said at the start");
    let lost = secrets::rewrap(&store, &other).await.unwrap();
    assert_eq!((lost.done, lost.failed.len()), (0, 140));
    assert!(secrets::rewrap(&store, &Keyring::default()).await.unwrap_err().to_string().contains("secrets.key_files"));
}

#[test]
fn a_key_file_that_is_none_is_refused_by_name_and_without_what_is_in_it() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("bad.key");
    secret::write(&file, "n0tAkey-n0tAkey");
    let named = ballast_service::config::Secrets { key_files: vec![file.display().to_string()], ..Default::default() };
    let why = secrets::keyring(&named).unwrap_err();
    assert!(why.contains("secrets.key_files") && why.contains("bad.key") && !why.contains("n0tAkey"), "{why}");
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    fs::write(&file, new_key().as_bytes()).unwrap();
    fs::set_permissions(&file, open).unwrap();
    let why = secrets::keyring(&named).unwrap_err();
    assert!(why.contains("secrets.key_files") && why.contains("0644"), "{why}");
}
