//! Certificates by pages and forms: what is made of what is sent, what is refused and where that stands, and that a private key
//! never comes back.

use std::{
    fs,
    process::Command,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair};
use serde_json::{Value, json};

use super::{
    browser::{Answer, Browser},
    forms::{below, field, form, list, location, shop, shop_with_parts},
    kept::{hidden, plain},
    until,
};
use crate::{
    certificates::{ALL, Pem, keep_secrets, rest_of},
    services::Services,
};

const PAGES: &str = "/ui/certificates";
const NEW: &str = "/ui/certificates/new";
const LISTENERS: &str = "/v2.0/lbaas/listeners";

/// A certificate that a listener of this load balancer uses; its id.
pub(super) async fn used(services: &Services, token: &str, load_balancer: &str, pem: &Pem) -> String {
    let made = services.call_as(token, "POST", ALL, Some(pem.body("web"))).await;
    assert_eq!(made.status, 201, "{made}");
    let listener = json!({ "listener": {
        "name": "secure", "loadbalancer_id": load_balancer, "protocol": "TERMINATED_HTTPS", "protocol_port": 443,
        "default_tls_container_ref": made.object()["reference"],
    } });
    let listener = services.call_as(token, "POST", LISTENERS, Some(listener)).await;
    assert_eq!(listener.status, 201, "{listener}");
    made.id()
}

/// One that ends in so many days.
fn ending(name: &str, days: u64) -> Pem {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    params.not_after = rcgen::date_time_ymd(1970, 1, 1) + now + Duration::from_secs(days * 86_400 + 3_600);
    Pem { chain: params.self_signed(&key).unwrap().pem(), key: key.serialize_pem() }
}

fn authority(name: &str) -> String {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem()
}

/// The same as a bundle of PKCS12.
fn bundle(pem: &Pem, passphrase: &str) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("all.pem"), format!("{}{}", pem.chain, pem.key)).unwrap();
    let line = format!("pkcs12 -export -in all.pem -out all.p12 -passout pass:{passphrase}");
    let done = Command::new("openssl").args(line.split_whitespace()).current_dir(directory.path()).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    fs::read(directory.path().join("all.p12")).unwrap()
}

/// Fields of a form with files that has none.
fn fields<'a>(all: &[(&'a str, &'a str)]) -> Vec<(&'a str, Option<&'a str>, &'a [u8])> {
    all.iter().map(|(name, value)| (*name, None, value.as_bytes())).collect()
}

async fn all(services: &Services) -> Vec<Value> {
    services.get(ALL).await["certificates"].as_array().cloned().unwrap()
}

/// Nothing of a key stands in an answer, however it is broken into lines.
fn without(answer: &Answer, secrets: &[&str]) {
    let text = plain(&format!("{answer:?}"));
    for secret in secrets {
        let lines = secret.lines().filter(|line| !line.starts_with('-') && !line.is_empty());
        for line in lines {
            assert!(!text.contains(line), "{line} is in {text}");
        }
    }
}

#[tokio::test]
async fn a_certificate_is_uploaded_once_shown_named_rotated_and_deleted() {
    let services = Services::with(keep_secrets).await;
    let (pem, next) = (Pem::of("www.example"), Pem::of("next.example"));
    let mut browser = Browser::new(&services);
    let page = browser.get(NEW).await.body;
    assert!(page.contains("enctype=\"multipart/form-data\"") && page.contains("type=\"file\""), "{page}");
    let request_id = field(&page, "request_id");
    let with = |wish: &'static str| {
        let own = [("name", "web"), ("kind", "CERTIFICATE"), ("certificate_chain", pem.chain.as_str())];
        let mut all = fields(&[&own[..], &[("request_id", request_id.as_str()), ("do", wish)]].concat());
        all.push(("private_key_file", Some("web.key"), pem.key.as_bytes()));
        all
    };
    let checked = browser.upload(NEW, &with("check")).await;
    assert_eq!(checked.status, 200);
    for text in ["www.example", "ECDSA P-256", "nobody uses it before", "--private-key key.pem", "BEGIN CERTIFICATE"] {
        assert!(checked.body.contains(text), "{text} is not in {}", checked.body);
    }
    assert_eq!(all(&services).await.len(), 0, "a check makes nothing");
    let made = location(&browser.upload(NEW, &with("make")).await);
    assert_eq!(location(&browser.upload(NEW, &with("make")).await), made, "a double click");
    let kept = all(&services).await;
    assert_eq!((kept.len(), kept[0]["name"].as_str()), (1, Some("web")));
    let id = kept[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(made, format!("{PAGES}/{id}"));

    let shown = browser.get(&made).await;
    for text in ["www.example", "explain/VALID", "BEGIN CERTIFICATE", "/v1/containers/", "Nobody."] {
        assert!(shown.body.contains(text), "{text} is not in {}", shown.body);
    }
    let listed = browser.get(PAGES).await.body;
    assert!(listed.contains(&made) && listed.contains("data-go=\"c\" aria-current=\"page\""), "{listed}");
    for (query, found) in [("?q=WWW.ex", true), ("?q=nosuch", false), ("?state=VALID", true), ("?state=EXPIRED", false)]
    {
        assert_eq!(browser.get(&format!("{PAGES}{query}")).await.body.contains(&made), found, "{query}");
    }
    assert_eq!(browser.get(&format!("{PAGES}?state=nosuch")).await.status, 400);

    let edit = format!("{made}/edit");
    let etag = field(&browser.get(&edit).await.body, "etag");
    let named = form(&[("etag", etag.as_str()), ("name", "new"), ("do", "make")]);
    assert_eq!(location(&browser.post(&edit, &named).await), made);
    let late = browser.post(&edit, &form(&[("etag", etag.as_str()), ("name", "late"), ("do", "make")])).await;
    assert!(late.status == 422 && late.body.contains("It was changed since"), "{}", late.body);

    rotated(&services, &mut browser, &made, [&pem, &next]).await;

    let gone = format!("{made}/delete");
    let page = browser.get(&gone).await.body;
    assert!(page.contains("Nobody uses it") && page.contains("certificates delete"), "{page}");
    assert_eq!(browser.post(&gone, "do=check").await.status, 200);
    assert_eq!(all(&services).await.len(), 1);
    assert_eq!(location(&browser.post(&gone, "do=make").await), PAGES);
    assert_eq!(all(&services).await.len(), 0);
    assert_eq!(browser.get(&made).await.status, 404);
}

/// Another content: what differs is said, the same once more is no change, and nothing is none.
async fn rotated(services: &Services, browser: &mut Browser, made: &str, [old, new]: [&Pem; 2]) {
    let rotate = format!("{made}/rotate");
    let etag = field(&browser.get(&rotate).await.body, "etag");
    let p12 = bundle(new, "pass phrase");
    let with = |wish: &'static str| {
        let mut all = fields(&[("etag", etag.as_str()), ("passphrase", "pass phrase"), ("do", wish)]);
        all.push(("pkcs12", Some("new.p12"), p12.as_slice()));
        all
    };
    let checked = browser.upload(&rotate, &with("check")).await;
    for text in ["Names that go: <bdi>www.example", "Names that come", "next version", "--pkcs12 bundle.p12"] {
        assert!(checked.body.contains(text), "{text} is not in {}", checked.body);
    }
    assert_eq!(rest_of(&services.get(&made.replace("/ui", "/ballast/v1")).await)["version"], 1);
    assert_eq!(location(&browser.upload(&rotate, &with("make")).await), made);
    let object = services.get(&made.replace("/ui", "/ballast/v1")).await;
    assert_eq!((&rest_of(&object)["version"], &rest_of(&object)["names"]), (&json!(2), &json!(["next.example"])));
    let own = [("certificate_chain", new.chain.as_str()), ("private_key", new.key.as_str()), ("do", "check")];
    let same = browser.upload(&rotate, &fields(&own)).await;
    assert!(same.body.contains("it is the one that is there"), "{}", same.body);
    let nothing = browser.upload(&rotate, &fields(&[("do", "make")])).await;
    assert_eq!(nothing.status, 422);
    assert!(below(&nothing.body, "certificate_chain").contains("Nothing was given"), "{}", nothing.body);
    let crossed = [("certificate_chain", old.chain.as_str()), ("private_key", new.key.as_str()), ("do", "make")];
    let refused = browser.upload(&rotate, &fields(&crossed)).await;
    assert!(refused.status == 422 && below(&refused.body, "private_key").contains("does not fit"), "{}", refused.body);
}

#[tokio::test]
async fn no_private_key_and_no_passphrase_comes_back_whatever_becomes_of_a_form() {
    let mut services = Services::with_tokens(keep_secrets).await;
    let (pem, other) = (Pem::of("www.example"), Pem::of("other.example"));
    let made = services.call_as("alice", "POST", ALL, Some(pem.body("web"))).await;
    let rotate = format!("{PAGES}/{}/rotate", made.id());
    let p12 = bundle(&pem, "planted-phrase");
    let p12_text = String::from_utf8_lossy(&p12).into_owned();
    let both = format!("{}{}", pem.chain, pem.key);
    let cut = pem.key.replace("-----END", "");
    let secrets = [pem.key.as_str(), "planted-phrase"];
    let ways: [Vec<(&str, Option<&str>, &[u8])>; 8] = [
        fields(&[("certificate_chain", &pem.chain), ("private_key", &pem.key)]),
        fields(&[("certificate_chain", &other.chain), ("private_key", &pem.key)]),
        fields(&[("certificate_chain", &both)]),
        fields(&[("certificate_chain", &pem.key), ("name", &pem.key), ("description", &pem.key)]),
        fields(&[("certificate_chain", &cut), ("private_key", &cut)]),
        vec![("certificate_chain_file", Some("all.pem"), both.as_bytes()), ("private_key_file", Some(""), b"")],
        vec![("pkcs12", Some("a.p12"), p12.as_slice()), ("passphrase", None, b"planted-phrase wrong")],
        vec![("pkcs12", Some("a.p12"), p12.as_slice()), ("private_key_file", Some("k"), pem.key.as_bytes())],
    ];
    let mut browser = Browser::new(&services);
    browser.log_in("alice").await;
    let cookie = std::mem::take(&mut browser.cookie);
    for path in [NEW, rotate.as_str()] {
        for way in &ways {
            for wish in ["check", "make"] {
                let sent = [&way[..], &fields(&[("do", wish)])].concat();
                // The session has ended meanwhile, and somebody logs in again.
                let login = Browser::new(&services).upload(path, &sent).await;
                assert_eq!(login.status, 401);
                without(&login, &secrets);
                assert!(login.body.contains("are not kept"), "{}", login.body);
                let kept = hidden(&login.body, "/ui/login");
                let kept: Vec<_> = kept.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
                let again = [&kept[..], &[("token", "alice")]].concat();
                let back = Browser::new(&services).post("/ui/login", &form(&again)).await;
                assert_eq!(back.status, 200);
                without(&back, &secrets);
                // A reader may not, and is told nothing of it either.
                let mut reader = Browser::new(&services);
                reader.log_in("rita").await;
                without(&reader.upload(path, &sent).await, &secrets);
                browser.cookie.clone_from(&cookie);
                let answer = browser.upload(path, &sent).await;
                assert!([200, 303, 422].contains(&answer.status), "{answer:?}");
                without(&answer, &secrets);
                assert!(!answer.body.contains(p12_text.get(20..40).unwrap_or("\u{0}")));
            }
        }
    }
    for path in [PAGES.to_owned(), format!("{PAGES}/{}", made.id()), rotate.clone()] {
        without(&browser.get(&path).await, &secrets);
    }
    services.kill();
    for way in &ways {
        let waiting = browser.upload(NEW, &[&way[..], &fields(&[("do", "make")])].concat()).await;
        assert_eq!(waiting.status, 503);
        without(&waiting, &secrets);
        assert!(waiting.body.contains("are not kept"), "{}", waiting.body);
    }
}

#[tokio::test]
async fn what_is_refused_of_a_certificate_stands_at_its_field() {
    let services = Services::with(|settings| {
        keep_secrets(settings);
        settings.acme.directory = "https://127.0.0.1:1/directory".to_owned();
        settings.acme.terms_accepted = true;
    });
    let services = services.await;
    let pem = Pem::of("www.example");
    let mut browser = Browser::new(&services);
    let p12 = bundle(&pem, "right");
    let own = |chain: &'static str, key: &'static str| fields(&[("certificate_chain", chain), ("private_key", key)]);
    let text = |chain: &str| chain.to_owned();
    let (chain, key) = (text(&pem.chain), text(&pem.key));
    let wrong: [(Vec<(&str, Option<&str>, &[u8])>, &str, &str); 9] = [
        (own("nonsense", ""), "private_key", "come together"),
        (
            fields(&[("certificate_chain", "nonsense"), ("private_key", &key)]),
            "certificate_chain",
            "nothing that can be read",
        ),
        (fields(&[("certificate_chain", &chain)]), "private_key", "come together"),
        (fields(&[("certificate_chain", &chain), ("private_key", "x")]), "private_key", "nothing that can be read"),
        (
            vec![("pkcs12", Some("a"), p12.as_slice()), ("passphrase", None, b"wrong")],
            "passphrase",
            "does not open with this passphrase",
        ),
        (vec![("pkcs12", Some("a"), b"nonsense")], "pkcs12", "no PKCS12 bundle"),
        (vec![("certificate_chain_file", Some("a"), &[0xff, 0xfe])], "certificate_chain", "is no text"),
        (fields(&[("kind", "CA"), ("certificate_chain", &chain)]), "certificate_chain", "is no CA"),
        (fields(&[("kind", "GOPHER"), ("certificate_chain", &chain)]), "kind", "not among"),
    ];
    for (sent, at, said) in &wrong {
        let answer = browser.upload(NEW, &[&sent[..], &fields(&[("name", "web"), ("do", "make")])].concat()).await;
        let shown = below(&answer.body, at);
        assert!(answer.status == 422 && shown.contains("class=\"bad\""), "{at}: {} {shown}", answer.status);
        assert!(shown.contains(said) && answer.body.contains("value=\"web\""), "{at}: {shown}");
        let tag = answer.body.split('<').find(|tag| tag.contains("autofocus")).unwrap_or_default();
        assert!(tag.contains(&format!("f-{at}")), "{at}: {tag}");
    }
    let order = format!("{PAGES}/order");
    for domains in ["", "*.example.org", "10.0.0.1"] {
        let answer = browser.post(&order, &form(&[("domains", domains), ("do", "make")])).await;
        let shown = below(&answer.body, "domains");
        assert!(answer.status == 422 && shown.contains("class=\"bad\""), "{domains}: {} {shown}", answer.status);
    }
    assert_eq!(all(&services).await.len(), 0);
    let large = vec![b'x'; 600 << 10];
    let answer = browser.upload(NEW, &[("certificate_chain_file", Some("a"), large.as_slice())]).await;
    assert!(answer.status == 413 && answer.body.contains("Too large"), "{answer:?}");
    let answer = browser.post("/ui/new", &format!("name={}", "x".repeat(70 << 10))).await;
    assert_eq!(answer.status, 413);
    // What is wrong with no field alone stands above all.
    let without_key = Services::start().await;
    let sent = fields(&[("certificate_chain", &chain), ("private_key", &key), ("do", "make")]);
    let answer = Browser::new(&without_key).upload(NEW, &sent).await;
    assert!(answer.status == 422 && answer.body.contains("role=\"alert\""), "{}", answer.body);
    assert!(answer.body.contains("secrets.key_files"), "{}", answer.body);
    let answer = Browser::new(&without_key).post(&order, &form(&[("domains", "a.example"), ("do", "make")])).await;
    assert!(answer.status == 422 && answer.body.contains("acme.directory"), "{}", answer.body);
}

#[tokio::test]
async fn a_certificate_is_ordered_of_a_ca_and_ordered_anew_for_other_names() {
    let services = Services::with(|settings| {
        keep_secrets(settings);
        settings.acme.directory = "https://127.0.0.1:1/directory".to_owned();
        settings.acme.terms_accepted = true;
    });
    let services = services.await;
    let mut browser = Browser::new(&services);
    let order = format!("{PAGES}/order");
    let own = [("name", "web"), ("domains", "www.example.org\r\nexample.org")];
    let checked = browser.post(&order, &form(&[&own[..], &[("do", "check")]].concat())).await;
    for text in ["www.example.org, example.org", "order it of the CA", "--domain=www.example.org"] {
        assert!(checked.body.contains(text), "{text} is not in {}", checked.body);
    }
    let made = location(&browser.post(&order, &form(&[&own[..], &[("do", "make")]].concat())).await);
    let page = until(&browser, &made, |page| page.body.contains("no listener")).await;
    for text in ["explain/NOT_ISSUED", "<li><bdi>example.org</bdi></li>", "Next attempt"] {
        assert!(page.body.contains(text), "{text} is not in {}", page.body);
    }
    assert!(!page.body.contains("/rotate\""), "{}", page.body);
    let overview = browser.get("/ui/").await.body;
    assert!(overview.contains(&made) && overview.contains("explain/NOT_ISSUED"), "{overview}");
    let edit = format!("{made}/edit");
    let etag = field(&browser.get(&edit).await.body, "etag");
    let other = [("etag", etag.as_str()), ("domains", "example.org"), ("do", "check")];
    let checked = browser.post(&edit, &form(&other)).await.body;
    assert!(
        checked.contains("order it of the CA at once") && checked.contains("→ <bdi>example.org</bdi>"),
        "{checked}"
    );
    // It is looked at meanwhile, which changes it.
    let kept = &all(&services).await[0];
    assert_eq!(kept["acme"]["domains"], json!(["www.example.org", "example.org"]));
    for _ in 0..5 {
        let etag = field(&browser.get(&edit).await.body, "etag");
        let other = [("etag", etag.as_str()), ("domains", "example.org"), ("do", "make")];
        if browser.post(&edit, &form(&other)).await.status == 303 {
            break;
        }
    }
    assert_eq!(all(&services).await[0]["acme"]["domains"], json!(["example.org"]));
}

/// The value of the choice with this text in it.
fn choice(page: &str, name: &str, text: &str) -> String {
    let of = page.split(&format!("id=\"f-{name}\"")).nth(1).unwrap_or_else(|| panic!("no {name} in {page}"));
    let of = of.split("id=\"h-").next().unwrap_or_default();
    let one = of.split("value=\"").find(|one| one.contains(text)).unwrap_or_else(|| panic!("no {text} in {of}"));
    one.split('"').next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn tls_ends_at_a_listener_and_begins_at_a_pool_by_certificates_that_are_chosen() {
    let services = Services::with(keep_secrets).await;
    let [lb, _, pool, ..] = shop_with_parts(&services).await;
    for name in ["www.example", "second.example", "third.example"] {
        services.create(ALL, Pem::of(name).body(name)).await;
    }
    let ca = json!({ "certificate": { "name": "our ca", "kind": "CA", "certificate_chain": authority("ours") } });
    services.create(ALL, ca).await;
    let mut browser = Browser::new(&services);
    let one = format!("/ui/load-balancers/{lb}");
    let new = format!("{one}/listeners/new");
    let page = browser.get(&new).await.body;
    let www = choice(&page, "default_tls_container_ref", "www.example");
    let (second, third) = (choice(&page, "sni_container_refs", "second"), choice(&page, "sni_container_refs", "third"));
    let ca = choice(&page, "client_ca_tls_container_ref", "our ca");
    let own = [
        ("name", "secure"),
        ("protocol", "TERMINATED_HTTPS"),
        ("protocol_port", "443"),
        ("default_pool_id", pool.as_str()),
        ("sni_container_refs", ""),
        ("sni_container_refs", second.as_str()),
        ("sni_container_refs", third.as_str()),
    ];
    let missing = browser.post(&new, &form(&[&own[..4], &[("do", "make")]].concat())).await;
    let said = below(&missing.body, "default_tls_container_ref");
    assert!(missing.status == 422 && said.contains("class=\"bad\""), "{} {said}", missing.status);
    let without_ca =
        [("default_tls_container_ref", www.as_str()), ("client_authentication", "MANDATORY"), ("do", "make")];
    let refused = browser.post(&new, &form(&[&own[..], &without_ca].concat())).await;
    let said = below(&refused.body, "client_ca_tls_container_ref");
    assert!(refused.status == 422 && said.contains("class=\"bad\""), "{} {said}", refused.status);
    let with = [
        ("default_tls_container_ref", www.as_str()),
        ("client_authentication", "MANDATORY"),
        ("client_ca_tls_container_ref", ca.as_str()),
    ];
    let checked = browser.post(&new, &form(&[&own[..], &with, &[("do", "check")]].concat())).await.body;
    for text in [format!("--tls-container {www}"), format!("--sni-container {third}"), "--client-ca".to_owned()] {
        assert!(checked.contains(&text), "{text} is not in {checked}");
    }
    location(&browser.post(&new, &form(&[&own[..], &with, &[("do", "make")]].concat())).await);
    let all = list(&services, LISTENERS).await;
    let made = all.iter().find(|one| one["name"] == "secure").unwrap();
    let reference = |key: &str| made[key].as_str().unwrap_or_default().to_owned();
    assert!(reference("default_tls_container_ref").ends_with(&www), "{made}");
    assert_eq!(made["sni_container_refs"], json!([second, third]), "{made}");
    assert_eq!(made["client_authentication"], "MANDATORY");
    changed(&services, &mut browser, &one, made, &second).await;

    let edit = format!("{one}/pools/{pool}/edit");
    let etag = field(&browser.get(&edit).await.body, "etag");
    let members = [("tls_enabled", "yes"), ("ca_tls_container_ref", ca.as_str())];
    let send = |wish: &'static str| form(&[&members[..], &[("etag", etag.as_str()), ("do", wish)]].concat());
    let checked = browser.post(&edit, &send("check")).await.body;
    assert!(checked.contains("--tls true") && checked.contains("→ <bdi>our ca"), "{checked}");
    location(&browser.post(&edit, &send("make")).await);
    let found = services.get(&format!("/v2.0/lbaas/pools/{pool}")).await["pool"].clone();
    assert_eq!((&found["tls_enabled"], &found["ca_tls_container_ref"]), (&json!(true), &json!(ca)));
}

/// Certificates of a listener are others, its page shows them, and what is used is not deleted.
async fn changed(services: &Services, browser: &mut Browser, one: &str, listener: &Value, second: &str) {
    let id = listener["id"].as_str().unwrap();
    let page = browser.get(&format!("{one}/listeners")).await.body;
    for text in ["www.example", "second.example", "explain/VALID", "our ca", "or they are refused", "ends <time"] {
        assert!(page.contains(text), "{text} is not in {page}");
    }
    let edit = format!("{one}/listeners/{id}/edit");
    let page = browser.get(&edit).await.body;
    assert_eq!(page.matches(" checked").count(), 2, "{page}");
    let etag = field(&page, "etag");
    let fewer = [("sni_container_refs", ""), ("sni_container_refs", second), ("etag", etag.as_str())];
    let checked = browser.post(&edit, &form(&[&fewer[..], &[("do", "check")]].concat())).await.body;
    assert!(checked.contains("→ <bdi>second.example") && checked.contains("--sni-container"), "{checked}");
    location(&browser.post(&edit, &form(&[&fewer[..], &[("do", "make")]].concat())).await);
    let after = services.get(&format!("{LISTENERS}/{id}")).await["listener"].clone();
    assert_eq!(after["sni_container_refs"], json!([second]));
    assert_eq!(after["default_tls_container_ref"], listener["default_tls_container_ref"]);
    assert_eq!(after["client_authentication"], "MANDATORY");

    let used = second.rsplit('/').next().unwrap();
    let page = browser.get(&format!("{PAGES}/{used}")).await.body;
    assert!(page.contains("shop: listener secure") && page.contains(&format!("listeners#listener-{id}")), "{page}");
    let gone = format!("{PAGES}/{used}/delete");
    let page = browser.get(&gone).await.body;
    assert!(page.contains("shop: listener secure") && page.contains("It is refused as it is"), "{page}");
    let refused = browser.post(&gone, "do=make").await;
    assert!(refused.status == 422 && refused.body.contains("give it another one first"), "{}", refused.body);
    let rotate = browser.get(&format!("{PAGES}/{used}/rotate")).await.body;
    assert!(rotate.contains("shop: listener secure"), "{rotate}");
}

#[tokio::test]
async fn a_whole_load_balancer_is_made_at_which_tls_ends() {
    let services = Services::with(keep_secrets).await;
    crate::played::able(&services.channel, "h1").await;
    let subnet = services.subnet().await;
    services.create(ALL, Pem::of("www.example").body("web")).await;
    let mut browser = Browser::new(&services);
    let www = choice(&browser.get("/ui/new").await.body, "default_tls_container_ref", "www.example");
    let own = [
        ("protocol", "TERMINATED_HTTPS"),
        ("protocol_port", "443"),
        ("default_tls_container_ref", www.as_str()),
        ("do", "make"),
    ];
    location(&browser.post("/ui/new", &shop(&subnet, &own)).await);
    let (listener, pool) = (&list(&services, LISTENERS).await[0], &list(&services, "/v2.0/lbaas/pools").await[0]);
    assert_eq!(
        (&listener["default_tls_container_ref"], &listener["protocol"]),
        (&json!(www), &json!("TERMINATED_HTTPS"))
    );
    assert_eq!((&pool["protocol"], &listener["default_pool_id"]), (&json!("HTTP"), &pool["id"]));
}

#[tokio::test]
async fn what_ends_is_said_first_and_where_it_is_used_and_to_nobody_of_another_project() {
    let services = Services::with_tokens(keep_secrets).await;
    crate::played::farsighted(&services.channel, "h1").await;
    let subnet = super::shared_subnet(&services).await;
    let lb = super::load_balancer(&services, "alice", &subnet, "shop").await;
    let hostile = "<img src=x onerror=alert(1)>\u{202e}";
    let other = services.call_as("alice", "POST", ALL, Some(Pem::of("idle.example").body(hostile))).await.id();
    let soon = used(&services, "alice", &lb, &ending("soon.example", 5)).await;
    let unused = services.call_as("alice", "POST", ALL, Some(ending("spare.example", 3).body("spare"))).await.id();
    let mut browser = Browser::new(&services);
    browser.log_in("alice").await;
    let page = browser.get(PAGES).await.body;
    let at = |id: &str| page.find(&format!("{PAGES}/{id}\"")).unwrap_or_else(|| panic!("{id} is not in {page}"));
    assert!(at(&unused) < at(&soon) && at(&soon) < at(&other), "who ends first is first: {page}");
    assert!(page.contains("ends in 5 days") && !page.contains("<img"), "{page}");
    let only = browser.get(&format!("{PAGES}?state=ATTENTION")).await.body;
    assert!(only.contains(&soon) && !only.contains(&other), "{only}");
    let overview = browser.get("/ui/").await.body;
    assert!(overview.contains(&format!("{PAGES}/{soon}")) && overview.contains("ends in 5 days"), "{overview}");
    assert!(!overview.contains(&unused), "nobody is served by it: {overview}");
    services.jump(6 * 86_400);
    let page = browser.get(&format!("/ui/load-balancers/{lb}/listeners")).await.body;
    assert!(page.contains("explain/EXPIRED") && page.contains(&format!("{PAGES}/{soon}")), "{page}");
    let overview = browser.get("/ui/").await.body;
    assert!(overview.contains("explain/EXPIRED"), "{overview}");
    let reader = {
        let mut reader = Browser::new(&services);
        reader.log_in("rita").await;
        reader.get(&format!("{PAGES}/{soon}")).await.body
    };
    assert!(!reader.contains("/rotate") && !reader.contains("<button>Look") && reader.contains("soon.example"));

    let mut bob = Browser::new(&services);
    bob.log_in("bob").await;
    let page = bob.get(PAGES).await.body;
    assert!(!page.contains(&soon) && page.contains("There are none here yet"), "{page}");
    assert!(!bob.get("/ui/").await.body.contains(&soon));
    let reference = format!("/v1/containers/{soon}");
    let asked = bob.get(&format!("{PAGES}/secret?project=a&reference={reference}")).await;
    assert_eq!(asked.status, 404);
    let bobs = super::load_balancer(&services, "bob", &subnet, "his").await;
    let sent = [
        ("protocol", "TERMINATED_HTTPS"),
        ("protocol_port", "443"),
        ("default_tls_container_ref", reference.as_str()),
        ("do", "make"),
    ];
    let new = format!("/ui/load-balancers/{bobs}/listeners/new");
    let refused = bob.post(&new, &form(&sent)).await;
    let said = below(&refused.body, "default_tls_container_ref");
    assert!(refused.status == 422 && said.contains("not among"), "{} {said}", refused.status);
    let mut admin = Browser::new(&services);
    admin.log_in("admin").await;
    assert!(admin.get(PAGES).await.body.contains(&soon));
}
