//! Everybody can use it: WCAG 2.2 AA as far as axe sees it, and the keyboard alone.

use serde_json::json;

use super::{
    Watchful, certificate,
    chromium::{Chromium, axe},
    forms_of_parts, load_balancer, patient, shared_subnet,
};
use crate::{certificates::Pem, services::Services};

/// Pages of one load balancer.
const TABS: [&str; 8] = ["", "/listeners", "/monitors", "/traffic", "/events", "/history", "/config", "/copy"];
/// Its forms.
const FORMS: [&str; 3] = ["/edit", "/delete", "/history/1/rollback"];
const PAGES: [&str; 18] = [
    "/ui/",
    "/ui/new",
    "/ui/explain/ERROR",
    "/ui/?view=table",
    "/ui/load-balancers",
    "/ui/certificates",
    "/ui/certificates?state=ATTENTION",
    "/ui/certificates/new",
    "/ui/certificates/order",
    "/ui/monitors",
    "/ui/networks",
    "/ui/quotas",
    "/ui/events",
    "/ui/agents",
    "/ui/schedulers",
    "/ui/explain",
    "/ui/projects",
    "/ui/nosuch",
];

#[tokio::test(flavor = "multi_thread")]
async fn no_page_keeps_anybody_out_in_light_and_dark_whether_it_is_empty_full_or_refused() {
    let test = "no_page_keeps_anybody_out_in_light_and_dark_whether_it_is_empty_full_or_refused";
    let Some(axe) = axe(test) else { return };
    let mut services = Services::with_tokens(patient).await;
    let Some(page) = Chromium::start(&services, test).await else { return };
    page.goto("/ui/login").await;
    let mut wrong = page.faults(&axe).await;
    page.log_in("admin").await;
    for path in PAGES {
        page.goto(path).await;
        wrong.extend(page.faults(&axe).await.into_iter().map(|fault| format!("{path}, empty: {fault}")));
    }
    let agent = Watchful::connect(&services).await;
    let subnet = shared_subnet(&services).await;
    let id = load_balancer(&services, "alice", &subnet, "shop", &["10.0.0.11", "10.0.0.12"]).await;
    let agent = Watchful::deploy(agent).await;
    agent.say(&[500, 200]).await;
    agent.count_for_minutes(&services).await;
    page.goto(&format!("/ui/load-balancers/{id}/traffic")).await;
    page.until("document.querySelectorAll('.chart').length === 4").await;
    page.js("document.querySelector('details').open = true").await;
    wrong.extend(page.faults(&axe).await.into_iter().map(|fault| format!("numbers: {fault}")));
    let tabs = TABS.iter().chain(&FORMS).map(|tab| format!("/ui/load-balancers/{id}{tab}"));
    let forms = forms_of_parts(&services, "alice", &id).await;
    let certificates = certificate(&services, "alice", (&id, "web"), (&Pem::of("www.example"), 443)).await;
    for path in PAGES.iter().map(|&path| path.to_owned()).chain(tabs).chain(forms).chain(certificates) {
        page.goto(&path).await;
        // What is folded is looked at, too.
        page.js("document.querySelectorAll('main details').forEach((one) => { one.open = true; })").await;
        wrong.extend(page.faults(&axe).await.into_iter().map(|fault| format!("{path}: {fault}")));
    }
    page.goto("/ui/new").await;
    page.js(
        "document.getElementById('f-protocol_port').value = 'x'; document.querySelector('button[value=make]').click()",
    )
    .await;
    page.until("document.activeElement.ariaInvalid === 'true'").await;
    wrong.extend(page.faults(&axe).await.into_iter().map(|fault| format!("a form that is refused: {fault}")));
    wrong.extend(refused(&page, &axe, &id).await);
    services.kill();
    page.goto("/ui/").await;
    page.until("document.querySelector('h1').textContent === 'No answer'").await;
    wrong.extend(page.faults(&axe).await.into_iter().map(|fault| format!("without a scheduler: {fault}")));
    assert!(wrong.is_empty(), "{} faults:\n{}", wrong.len(), wrong.join("\n"));
    // What looks is not blind.
    page.js("const field = document.createElement('input'); document.querySelector('main').append(field)").await;
    assert_eq!(page.faults(&axe).await.len(), 1, "a field without a name is found");
    // A page that is not there is said so in the console, a form that is refused too, and nothing else is.
    let complaints = page.complaints().await;
    let known = ["401", "403", "404", "422", "503"];
    assert!(complaints.iter().all(|line| known.iter().any(|status| line.contains(status))), "{complaints:?}");
    page.end().await;
}

/// What is said to who may not, and to whose session has ended.
async fn refused(page: &Chromium, axe: &str, id: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let out = "document.querySelector('form[action=\"/ui/logout\"] button').click()";
    page.js(out).await;
    page.until("location.pathname === '/ui/login'").await;
    page.log_in("rita").await;
    for path in [format!("/ui/load-balancers/{id}"), format!("/ui/load-balancers/{id}/edit")] {
        page.goto(&path).await;
        wrong.extend(page.faults(axe).await.into_iter().map(|fault| format!("{path}, for a reader: {fault}")));
    }
    assert_eq!(page.js("return document.querySelector('h1').textContent").await, json!("Read only"));
    page.js(out).await;
    page.until("location.pathname === '/ui/login'").await;
    page.log_in("admin").await;
    page.goto("/ui/new").await;
    page.web.delete_all_cookies().await.unwrap();
    page.js("document.querySelector('button[value=make]').click()").await;
    page.sees("What you have written is kept here").await;
    wrong.extend(page.faults(axe).await.into_iter().map(|fault| format!("a session that has ended: {fault}")));
    page.log_in("admin").await;
    wrong
}

#[tokio::test(flavor = "multi_thread")]
async fn by_the_keyboard_alone_one_logs_in_finds_and_looks() {
    let test = "by_the_keyboard_alone_one_logs_in_finds_and_looks";
    let services = Services::with_tokens(patient).await;
    let Some(page) = Chromium::start(&services, test).await else { return };
    let _agent = Watchful::connect(&services).await;
    let subnet = shared_subnet(&services).await;
    load_balancer(&services, "alice", &subnet, "other", &["10.0.0.12"]).await;
    let id = load_balancer(&services, "alice", &subnet, "shop", &["10.0.0.11"]).await;
    page.log_in("alice").await;
    page.press("gl").await;
    page.until("location.pathname === '/ui/load-balancers'").await;
    page.press("/").await;
    page.until("document.activeElement.matches('[data-filter]')").await;
    page.press("shop\u{e007}").await;
    page.until("location.search.includes('q=shop')").await;
    page.press("j").await;
    page.until("document.activeElement.textContent === 'shop'").await;
    page.press("\u{e007}").await;
    page.until(&format!("location.pathname === '/ui/load-balancers/{id}'")).await;
    page.is_live().await;
    page.press(".").await;
    page.until("document.getElementById('state').textContent === 'paused'").await;
    page.press(".").await;
    page.is_live().await;
    // They can be switched off, and a link is the first that is reached.
    page.press("?").await;
    page.until("document.getElementById('help').open").await;
    page.js("document.getElementById('keys-on').click(); document.getElementById('help').close()").await;
    page.press("gl").await;
    assert_eq!(page.js("return location.pathname").await, json!(format!("/ui/load-balancers/{id}")));
    page.goto("/ui/").await;
    page.press("\u{e004}").await;
    page.until("document.activeElement.className === 'skip'").await;
    page.end().await;
}
