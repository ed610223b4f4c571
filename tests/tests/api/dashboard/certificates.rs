//! Certificates by pages and forms: what is made of what is sent, what is refused and where that stands, and that a private key
//! never comes back.

mod tls;

use std::{fs, process::Command};

use serde_json::{Value, json};

use super::{
    browser::{Answer, Browser},
    forms::{below, field, form, location},
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

/// The same as a bundle of PKCS12.
fn bundle(pem: &Pem, passphrase: &str) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("all.pem"), format!("{}{}", pem.chain, pem.key)).unwrap();
    let mut openssl = Command::new("openssl");
    openssl.args(["pkcs12", "-export", "-in", "all.pem", "-out", "all.p12", "-passout", &format!("pass:{passphrase}")]);
    let done = openssl.current_dir(directory.path()).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    fs::read(directory.path().join("all.p12")).unwrap()
}

/// Each with its name, that of its file, and what is in it.
type Fields<'a> = Vec<(&'a str, Option<&'a str>, &'a [u8])>;

/// Fields of a form with files that has none.
fn fields<'a>(all: &[(&'a str, &'a str)]) -> Fields<'a> {
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
    let ways: [Fields<'_>; 8] = [
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
    for (path, status, said) in [(NEW, 422, "does not answer"), (&rotate, 503, "are not kept")] {
        for way in &ways {
            let waiting = browser.upload(path, &[&way[..], &fields(&[("do", "make")])].concat()).await;
            without(&waiting, &secrets);
            assert!(waiting.status == status && waiting.body.contains(said), "{waiting:?}");
        }
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
    let wrong: [(Fields<'_>, &str, &str); 9] = [
        (own("nonsense", ""), "private_key", "is missing"),
        (
            fields(&[("certificate_chain", "nonsense"), ("private_key", &key)]),
            "certificate_chain",
            "nothing that can be read",
        ),
        (fields(&[("certificate_chain", &chain)]), "private_key", "is missing"),
        (fields(&[("certificate_chain", &chain), ("private_key", "x")]), "private_key", "nothing that can be read"),
        (
            vec![("pkcs12", Some("a"), p12.as_slice()), ("passphrase", None, b"wrong")],
            "passphrase",
            "does not open with this passphrase",
        ),
        (vec![("pkcs12", Some("a"), b"nonsense")], "pkcs12", "no PKCS12 bundle"),
        (vec![("certificate_chain_file", Some("a"), &[0xff, 0xfe])], "certificate_chain", "is no text"),
        (fields(&[("kind", "CRL"), ("certificate_chain", &chain)]), "certificate_chain", "revocation lists alone"),
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
