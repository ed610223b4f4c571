//! A form that is sent when the session has ended: login, then the form again.

use super::{
    browser::Browser,
    forms::{field, form, location, shop},
    world,
};
use crate::services::Services;

/// The hidden fields of a page's first form of this action, as a browser sends them.
pub(super) fn hidden(page: &str, action: &str) -> Vec<(String, String)> {
    let form = page.split(&format!("action=\"{action}\"")).nth(1).and_then(|rest| rest.split("</form>").next());
    let fields = form.unwrap_or_default().split("<input type=\"hidden\" ").skip(1);
    let value = |field: &str, key: &str| {
        let text = field.split(&format!("{key}=\"")).nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
        plain(text)
    };
    fields.map(|field| (value(field, "name"), value(field, "value"))).collect()
}

pub(super) fn plain(text: &str) -> String {
    let all = [("&#34;", "\""), ("&#39;", "'"), ("&#60;", "<"), ("&#62;", ">"), ("&#38;", "&")];
    all.iter().fold(text.to_owned(), |text, (escaped, plain)| text.replace(escaped, plain))
}

fn with<'a>(kept: &'a [(String, String)], more: &[(&'a str, &'a str)]) -> String {
    let own = kept.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    form(&own.chain(more.iter().copied()).collect::<Vec<_>>())
}

#[tokio::test]
async fn what_was_written_is_there_again_behind_the_login_and_nothing_is_made_by_it() {
    let (services, id, _) = world().await;
    let subnets = services.call_as("admin", "GET", "/v2.0/subnets", None).await;
    let subnet = subnets.body["subnets"][0]["id"].as_str().unwrap().to_owned();
    let mut browser = Browser::new(&services);
    let hostile = "\"><script>alert(1)</script>";
    let sent = shop(&subnet, &[("name", hostile), ("request_id", "once"), ("do", "make"), ("token", "stolen")]);
    let login = browser.post("/ui/new", &sent).await;
    assert_eq!(login.status, 401);
    assert!(login.body.contains("Your session has ended.") && login.body.contains("What you have written is kept"));
    assert!(!login.body.contains("<script>alert") && !login.body.contains("stolen"), "{}", login.body);
    let kept = hidden(&login.body, "/ui/login");
    assert!(kept.contains(&("kept.name".to_owned(), hostile.to_owned())), "{kept:?}");

    // A token that is none: it is kept on.
    let refused = browser.post("/ui/login", &with(&kept, &[("token", "nosuch")])).await;
    assert_eq!((refused.status, hidden(&refused.body, "/ui/login")), (401, kept.clone()));
    assert!(!refused.body.contains("nosuch"));
    let again = browser.post("/ui/login", &with(&kept, &[("token", "alice")])).await;
    assert_eq!(again.status, 200, "{}", again.body);
    assert!(!browser.cookie.is_empty() && again.body.contains("project: <bdi>a</bdi>"));
    assert_eq!(plain(&field(&again.body, "name")), hostile);
    assert_eq!(field(&again.body, "request_id"), "once");
    for text in ["10.0.0.12:8080 5", "value=\"/health\"", "action=\"/ui/new\"", "id=\"plan\""] {
        assert!(again.body.contains(text), "{text} is not in {}", again.body);
    }
    assert!(!again.body.contains("alice\""), "no token stands in a page: {}", again.body);
    let all = services.call_as("alice", "GET", "/v2.0/lbaas/loadbalancers", None).await;
    assert_eq!(all.body["loadbalancers"].as_array().unwrap().len(), 1, "nothing is made by it");
    location(&browser.post("/ui/new", &sent).await);

    // Who has another role sees what he may do with it.
    let path = format!("/ui/load-balancers/{id}/delete");
    for (token, status) in [("rita", 403), ("bob", 404)] {
        let mut other = Browser::new(&services);
        let login = other.post(&path, "do=make").await;
        let kept = hidden(&login.body, "/ui/login");
        assert_eq!(other.post("/ui/login", &with(&kept, &[("token", token)])).await.status, status, "{token}");
    }
    let there = services.call_as("alice", "GET", &format!("/v2.0/lbaas/loadbalancers/{id}"), None).await;
    assert_eq!(there.status, 200);
}

#[tokio::test]
async fn what_is_no_form_or_too_large_or_anothers_is_not_kept() {
    let services = Services::with_tokens(|_| {}).await;
    let mut browser = Browser::new(&services);
    // Other things that are sent lead to the login as they did.
    assert_eq!(browser.post("/ui/project", "only=a").await.status, 303);
    let large = format!("members={}", "x".repeat(60 << 10));
    let lost = browser.post("/ui/new", &large).await;
    assert_eq!(lost.status, 401);
    assert!(lost.body.contains("too long to be kept") && hidden(&lost.body, "/ui/login").len() == 1, "{}", lost.body);
    let other = browser.bare().with("sec-fetch-site", "cross-site").post("/ui/new", "name=x").await;
    assert!(other.status == 403 && !other.body.contains("kept"), "{other:?}");
    // Whatever is said to be kept is sent nowhere but to a form of this gateway.
    for at in ["https://evil.example/ui/new", "//evil.example", "/ui/logout", "/ui/project", "/v2.0/lbaas/pools"] {
        let answer = browser.post("/ui/login", &form(&[("token", "alice"), ("kept-at", at), ("kept.name", "x")])).await;
        assert_eq!((answer.status, answer.header("location")), (303, "/ui/"), "{at}");
    }
}
