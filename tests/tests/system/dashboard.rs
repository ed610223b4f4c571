//! The dashboard's sessions with a real Keystone, and what its forms foretell with a real haproxy.

use std::{path::Path, time::Duration};

use ballast_lab::{in_lab, not_run, require_tool, wait_until};
use ballast_service::http::{Http, Service};
use ballast_tests::{
    PATIENCE,
    keystone::{Keystone, PASSWORD},
    secret,
    site::{Plan, Site, URL},
};
use reqwest::Method;

/// A browser that keeps its cookie and follows nothing by itself.
struct Browser {
    http: Http,
    runtime: tokio::runtime::Runtime,
    cookie: String,
}

/// Status, where it leads, and the page.
type Answer = (u16, String, String);

impl Browser {
    fn new() -> Self {
        let service = Service { url: ("url", URL), ca: ("ca", Path::new("")) };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        Self { http: Http::new(&service, Duration::from_secs(30)).expect("a client"), runtime, cookie: String::new() }
    }

    fn send(&mut self, method: Method, path: &str, form: &str) -> Answer {
        let request = self.http.request(method, &format!("{URL}{path}")).header("sec-fetch-site", "same-origin");
        let request = request.header("cookie", &self.cookie).body(form.to_owned());
        self.runtime.block_on(async {
            let response = request.send().await.expect("an answer");
            let text = |name: &str| {
                let value = response.headers().get(name).and_then(|value| value.to_str().ok());
                value.unwrap_or_default().to_owned()
            };
            let (status, location, cookie) = (response.status().as_u16(), text("location"), text("set-cookie"));
            if let Some((pair, _)) = cookie.split_once(';') {
                pair.clone_into(&mut self.cookie);
            }
            (status, location, response.text().await.expect("a page"))
        })
    }

    fn get(&mut self, path: &str) -> Answer {
        self.send(Method::GET, path, "")
    }

    fn post(&mut self, path: &str, form: &str) -> Answer {
        self.send(Method::POST, path, form)
    }
}

#[test]
fn a_person_logs_in_by_a_password_chooses_a_project_and_another_one_and_logs_out() {
    let test = "a_person_logs_in_by_a_password_chooses_a_project_and_another_one_and_logs_out";
    let python = match Keystone::installed() {
        Ok(python) => python,
        Err(why) => return not_run(test, &why),
    };
    in_lab(|lab| {
        let keystone = Keystone::start(python, &lab.dir().join("keystone"), 5000, None);
        let (alpha, beta) = (keystone.project("alpha"), keystone.project("beta"));
        keystone.user("ann", &alpha, "member");
        keystone.grant("ann", &beta, "reader");
        keystone.user("ballast", &keystone.project("service"), "service");
        let file = lab.dir().join("secret");
        secret::write(&file, &format!("{PASSWORD}\n"));
        let environment = [
            ("BALLAST_AUTH__MODE", "keystone".to_owned()),
            ("BALLAST_AUTH__KEYSTONE_URL", keystone.url()),
            ("BALLAST_AUTH__USERNAME", "ballast".to_owned()),
            ("BALLAST_AUTH__PROJECT", "service".to_owned()),
            ("BALLAST_AUTH__PASSWORD_FILE", file.display().to_string()),
        ];
        let environment = environment.into_iter().map(|(name, value)| ("", name, value)).collect();
        let token = keystone.token("admin", "admin");
        let site = Site::start(lab, &Plan { agents: 0, webs: 0, token, environment, ..Plan::default() })?;

        let mut browser = Browser::new();
        let (status, location, _) = browser.get("/ui/agents?x=1");
        assert_eq!((status, location.as_str()), (303, "/ui/login?back=%2Fui%2Fagents%3Fx%3D1"));
        let (status, _, page) = browser.post("/ui/login", "user=ann&domain=Default&password=guessed");
        assert_eq!(status, 401);
        assert!(page.contains("value=\"ann\"") && !page.contains("guessed"), "{page}");
        let (status, ..) = browser.post("/ui/login", &format!("user=ann&domain=Default&password={PASSWORD}"));
        assert_eq!(status, 303);
        let (status, location, _) = browser.get("/ui/");
        assert_eq!((status, location.as_str()), (303, "/ui/projects"), "no project is chosen yet");
        let (_, _, page) = browser.get("/ui/projects");
        assert!(page.contains("<bdi>alpha</bdi>") && page.contains("<bdi>beta</bdi>"), "{page}");

        for (id, name, is_reader) in [(&alpha, "alpha", false), (&beta, "beta", true)] {
            let before = browser.cookie.clone();
            let (status, ..) = browser.post("/ui/project", &format!("token_of={id}&name={name}"));
            assert!(status == 303 && browser.cookie != before);
            let (status, location, page) = browser.get("/ui/");
            assert_eq!((status, location.as_str()), (200, ""), "{name}");
            assert!(page.contains(&format!("project: <bdi>{name}</bdi>")) && page.contains("<bdi>ann</bdi>"), "{page}");
            assert_eq!(page.contains("read only: role reader"), is_reader, "{page}");
        }
        let (status, ..) = browser.post("/ui/project", "token_of=nosuch&name=x");
        assert_eq!(status, 404);
        keeps_what_was_written(&mut browser, &alpha);
        let before = browser.cookie.clone();
        assert_eq!(browser.post("/ui/logout", "").0, 303);
        browser.cookie = before;
        assert_eq!(browser.get("/ui/").0, 303, "its token is revoked");
        let log = site.logged("ballast-api-gateway");
        assert!(!log.contains(PASSWORD), "the password is in the log");
        Ok(())
    });
}

/// A form that is sent without a session is there again when its project is chosen.
fn keeps_what_was_written(browser: &mut Browser, project: &str) {
    browser.cookie.clear();
    let (status, _, page) = browser.post("/ui/new", "name=written&do=make");
    assert_eq!(status, 401);
    let field = "name=\"kept.name\" value=\"written\"";
    assert!(page.contains(field), "{page}");
    let kept = "kept-at=%2Fui%2Fnew&kept.name=written";
    let person = format!("user=ann&domain=Default&password={PASSWORD}");
    let (status, _, page) = browser.post("/ui/login", &format!("{kept}&{person}"));
    assert_eq!(status, 200);
    assert!(page.contains("choose one") && page.contains(field) && !page.contains(PASSWORD), "{page}");
    let (status, _, page) = browser.post("/ui/project", &format!("{kept}&token_of={project}&name=alpha"));
    assert_eq!(status, 200);
    assert!(page.contains("value=\"written\"") && page.contains("project: <bdi>alpha</bdi>"), "{page}");
}

/// What the page beside a form says of a change.
fn foretold(page: &str) -> &'static str {
    let found = ["none", "runtime", "reload", "restart", "move"]
        .into_iter()
        .find(|effect| page.contains(&format!("Effect: <a href=\"/ui/explain/{effect}\">")));
    found.unwrap_or_else(|| panic!("no effect is foretold: {page}"))
}

/// What forms foretell is what comes: where a load balancer answers, which agent runs it, and whether haproxy's process
/// is another one after a change.
#[test]
fn what_a_form_foretells_is_what_comes() {
    let test = "what_a_form_foretells_is_what_comes";
    if !require_tool("haproxy", test) || !require_tool("curl", test) {
        return;
    }
    in_lab(|lab| {
        let site = Site::start(lab, &Plan::default())?;
        let mut browser = Browser::new();
        let members = "10.20.0.11%3A80%0A10.20.0.12%3A80%0A10.20.0.13%3A80+2";
        let form = format!(
            "name=shop&subnet_id={}&address=&protocol=HTTP&protocol_port=80&members={members}&request_id=once",
            site.subnet_id
        );
        let (status, _, page) = browser.post("/ui/new", &format!("{form}&do=check"));
        assert_eq!(status, 200);
        assert!(page.contains("<bdi>10.20.0.100</bdi>") && page.contains("<bdi>agent-1</bdi>"), "{page}");
        let (status, path, page) = browser.post("/ui/new", &format!("{form}&do=make"));
        assert_eq!(status, 303, "{page}");
        site.wait_for_traffic("10.20.0.100");
        let id = path.rsplit('/').next().unwrap_or_default().to_owned();
        settled(&site, &id);
        let (_, _, page) = browser.get(&path);
        assert!(page.contains("10.20.0.100") && page.contains("<bdi>agent-1</bdi>"), "{page}");

        let first =
            |kind: &str| site.rest.call("GET", kind, None).object()[0]["id"].as_str().unwrap_or_default().to_owned();
        let pool = first("/v2.0/lbaas/pools");
        let member = first(&format!("/v2.0/lbaas/pools/{pool}/members"));
        let before = site.haproxies(0);
        let changes = [
            ("members/change", format!("act=weight&member={member}&weight=5"), "runtime"),
            ("members/change", format!("act=drain&member={member}"), "runtime"),
            ("edit", "lb_algorithm=SOURCE_IP".to_owned(), "reload"),
        ];
        for (form, fields, effect) in changes {
            let form = format!("{path}/pools/{pool}/{form}");
            let (status, _, page) = browser.post(&form, &format!("{fields}&do=check"));
            assert_eq!((status, foretold(&page)), (200, effect), "{fields}");
            let (status, ..) = browser.post(&form, &format!("{fields}&do=make"));
            assert_eq!(status, 303, "{fields}");
            settled(&site, &id);
            let after = site.haproxies(0);
            assert_eq!(after == before, effect == "runtime", "{fields}: {before:?} and {after:?}");
        }
        // Its agent counts every few seconds.
        wait_until(PATIENCE, "traffic that is counted", || {
            browser.get(&format!("{path}/delete")).2.contains("f-typed").then_some(())
        });
        let (status, _, page) = browser.post(&format!("{path}/delete"), "do=make");
        assert_eq!(status, 422);
        assert!(page.contains("This is not its name"), "it has had traffic: {page}");
        let (status, ..) = browser.post(&format!("{path}/delete"), "typed=shop&do=make");
        assert_eq!(status, 303);
        site.wait_until_clean(0);
        Ok(())
    });
}

fn settled(site: &Site, id: &str) {
    let path = format!("/v2.0/lbaas/loadbalancers/{id}");
    wait_until(PATIENCE, "a load balancer that is ACTIVE", || {
        let found = site.rest.try_call("GET", &path, None)?;
        (found.object()["provisioning_status"] == "ACTIVE").then_some(())
    });
}
