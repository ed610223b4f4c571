//! Names that tenants choose: shown as text, and no page becomes wider than a small screen.

use serde_json::json;

use super::{certificate, chromium::Chromium, forms_of_parts, load_balancer};
use crate::{
    certificates::{Pem, keep_secrets},
    played::farsighted,
    services::Services,
};

#[tokio::test(flavor = "multi_thread")]
async fn names_that_would_break_out_are_shown_as_text_and_none_is_wider_than_a_small_screen() {
    let test = "names_that_would_break_out_are_shown_as_text_and_none_is_wider_than_a_small_screen";
    let services = Services::with(keep_secrets).await;
    let Some(page) = Chromium::start(&services, test).await else { return };
    farsighted(&services.channel, "h1").await;
    let subnet = services.subnet().await;
    let long = "x".repeat(255);
    let names =
        ["<img src=x onerror=\"window.broken=1\">", "\"><script>window.broken=1</script>", "\u{202e}drow", &long];
    page.resize(320, 800).await;
    for name in names {
        let id = load_balancer(&services, "", &subnet, name, &["10.0.0.11"]).await;
        let one = format!("/ui/load-balancers/{id}");
        let tabs = [
            "",
            "/listeners",
            "/monitors",
            "/traffic",
            "/events",
            "/history",
            "/config",
            "/copy",
            "/edit",
            "/delete",
            "/history/1/rollback",
        ];
        let tabs = tabs.map(|tab| format!("{one}{tab}"));
        let forms = forms_of_parts(&services, "", &id).await;
        let certificates = certificate(&services, "", (&id, name), (&Pem::of("www.example"), 443)).await;
        let others = [
            "/ui/",
            "/ui/?view=table",
            "/ui/load-balancers",
            "/ui/certificates",
            "/ui/events",
            "/ui/monitors",
            "/ui/networks",
            "/ui/agents",
            "/ui/schedulers",
            "/ui/quotas",
            "/ui/projects",
        ];
        let others = others.map(str::to_owned).into_iter().chain([format!("/ui/new?from={id}")]);
        for path in tabs.into_iter().chain(forms).chain(certificates).chain(others) {
            page.goto(&path).await;
            page.js("document.querySelectorAll('main details').forEach((one) => { one.open = true; })").await;
            let found = page
                .js("return [Boolean(window.broken), document.querySelectorAll('main img, main script').length,
                    document.documentElement.scrollWidth - document.documentElement.clientWidth]")
                .await;
            assert_eq!(found, json!([false, 0, 0]), "{path} with {name}");
        }
        page.goto(&one).await;
        assert_eq!(page.js("return document.querySelector('h1').textContent").await, json!(name));
        beside_a_form(&page, &one, name).await;
    }
    page.end().await;
}

/// What is written into a form, and the commands beside it.
async fn beside_a_form(page: &Chromium, one: &str, name: &str) {
    page.goto(&format!("{one}/listeners/new")).await;
    page.js(&format!(
        "document.getElementById('f-name').value = {}; document.getElementById('f-protocol_port').value = '81';
        document.querySelector('button[value=check]').click()",
        json!(name)
    ))
    .await;
    page.until("document.querySelector('#plan .same') !== null").await;
    page.js("document.querySelectorAll('main details').forEach((one) => { one.open = true; })").await;
    let found = "return [Boolean(window.broken), document.querySelectorAll('main img, main script').length,
        document.documentElement.scrollWidth - document.documentElement.clientWidth,
        document.querySelectorAll('#plan .same pre').length]";
    assert_eq!(page.js(found).await, json!([false, 0, 0, 3]), "{name}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_browser_itself_refuses_what_a_page_may_not_do() {
    let test = "the_browser_itself_refuses_what_a_page_may_not_do";
    let services = Services::start().await;
    let Some(page) = Chromium::start(&services, test).await else { return };
    page.goto("/ui/").await;
    let refused = "const refused = [];
        document.addEventListener('securitypolicyviolation', (event) => refused.push(event.effectiveDirective));
        try { document.body.innerHTML += '<b>x</b>'; } catch { refused.push('html'); }
        const image = document.createElement('img'); image.src = 'data:image/png;base64,AA'; document.body.append(image);
        const style = document.createElement('style'); style.textContent = 'p { color: red }'; document.body.append(style);
        const done = arguments[arguments.length - 1];
        setTimeout(() => done([...new Set(refused)].sort()), 300);";
    let found = page.web.execute_async(refused, Vec::new()).await.unwrap().json().clone();
    for part in ["html", "img-src", "style-src-elem"] {
        assert!(found.as_array().unwrap().iter().any(|one| one == part), "{found}: {part}");
    }
    // It has complained of just that.
    assert!(!page.complaints().await.is_empty());
    // What was refused counts among what the page asked for, until it is loaded anew.
    page.goto("/ui/").await;
    page.end().await;
}
