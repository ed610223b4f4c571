//! What is live: changes come by themselves, away and back again, in many tabs.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{Watchful, chromium::Chromium, load_balancer, patient};
use crate::{played::able, services::Services};

#[tokio::test(flavor = "multi_thread")]
async fn a_load_balancer_made_by_rest_is_on_the_open_overview_without_a_reload() {
    let test = "a_load_balancer_made_by_rest_is_on_the_open_overview_without_a_reload";
    let services = Services::with(patient).await;
    let Some(page) = Chromium::start(&services, test).await else { return };
    able(&services.channel, "h1").await;
    let subnet = services.subnet().await;
    page.goto("/ui/").await;
    page.is_live().await;
    page.js("window.loaded = 'once'").await;
    let mut soonest = Duration::MAX;
    for name in ["shop", "mail", "intra"] {
        load_balancer(&services, "", &subnet, name, &["10.0.0.11"]).await;
        let made = Instant::now();
        page.until(&format!("document.querySelector('main svg')?.textContent.includes('{name}')")).await;
        soonest = soonest.min(made.elapsed());
    }
    // Of three, as the machine has other things to do as well.
    assert!(soonest < Duration::from_secs(1), "the soonest was there after {soonest:?}");
    assert_eq!(page.js("return window.loaded").await, json!("once"), "the page was loaded again");
    page.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_fails_goes_to_the_top_with_what_its_check_got_and_comes_back() {
    let test = "a_member_that_fails_goes_to_the_top_with_what_its_check_got_and_comes_back";
    let services = Services::with(patient).await;
    let Some(page) = Chromium::start(&services, test).await else { return };
    let agent = Watchful::connect(&services).await;
    let subnet = services.subnet().await;
    let id = load_balancer(&services, "", &subnet, "shop", &["10.0.0.11", "10.0.0.12"]).await;
    let agent = Watchful::deploy(agent).await;
    agent.say(&[200, 200]).await;
    page.goto("/ui/").await;
    page.sees("Nothing. All that is asked for is deployed").await;
    page.is_live().await;
    agent.say(&[500, 200]).await;
    page.sees("1 of 2 members are down, traffic is served").await;
    page.sees("got 500").await;
    agent.say(&[500, 500]).await;
    page.sees("no member serves: 2 of 2 are down").await;
    page.until("document.getElementById('said').textContent.includes('shop')").await;
    // On its own page the worst member is first, and focus stays where it is through patches.
    page.goto(&format!("/ui/load-balancers/{id}")).await;
    page.is_live().await;
    page.js("document.querySelector('tbody a').focus(); window.focused = document.activeElement").await;
    agent.say(&[200, 500]).await;
    page.until("document.querySelector('tbody th').textContent === '10.0.0.12:80'").await;
    assert_eq!(page.js("return document.activeElement === window.focused").await, json!(true));
    agent.say(&[200, 200]).await;
    page.until("!document.querySelector('main').textContent.includes('got 500')").await;
    page.goto("/ui/").await;
    page.sees("Nothing. All that is asked for is deployed").await;
    page.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn focus_and_what_is_ticked_are_where_they_were_after_a_hundred_patches() {
    let test = "focus_and_what_is_ticked_are_where_they_were_after_a_hundred_patches";
    let services = Services::with(patient).await;
    let Some(page) = Chromium::start(&services, test).await else { return };
    let agent = Watchful::connect(&services).await;
    let subnet = services.subnet().await;
    let id = load_balancer(&services, "", &subnet, "shop", &["10.0.0.11", "10.0.0.12"]).await;
    let agent = Watchful::deploy(agent).await;
    page.goto(&format!("/ui/load-balancers/{id}")).await;
    page.is_live().await;
    page.js("const box = document.querySelector('tbody input'); box.click(); box.focus(); window.own = box.value;
        window.patches = 0; new MutationObserver(() => { window.patches += 1; })
            .observe(document.querySelector('main'), { childList: true, subtree: true, characterData: true });")
        .await;
    let mut codes = [200, 500];
    while page.js("return window.patches < 100").await == json!(true) {
        codes.reverse();
        agent.say(&codes).await;
        tokio::time::sleep(std::time::Duration::from_millis(250)).await;
    }
    let found = "return [document.activeElement.value === window.own, document.activeElement.checked,
        document.activeElement.isConnected, document.querySelectorAll('tbody input:checked').length]";
    assert_eq!(page.js(found).await, json!([true, true, true, 1]));
    page.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nine_tabs_of_one_browser_are_live_when_they_are_seen() {
    let test = "nine_tabs_of_one_browser_are_live_when_they_are_seen";
    let services = Services::with(patient).await;
    let Some(page) = Chromium::start(&services, test).await else { return };
    nine_tabs(&services, &page).await;
    page.end().await;
}

/// Over HTTP/2 a browser has as many streams open as it has pages, and not six of one host.
#[tokio::test(flavor = "multi_thread")]
async fn nine_tabs_are_live_over_http2_too_and_nine_streams_at_once() {
    let test = "nine_tabs_are_live_over_http2_too_and_nine_streams_at_once";
    let services = Services::over_tls(patient).await;
    let Some(page) = Chromium::start(&services, test).await else { return };
    nine_tabs(&services, &page).await;
    let protocol = page.js("return performance.getEntriesByType('navigation')[0].nextHopProtocol").await;
    assert_eq!(protocol, json!("h2"));
    let open = "const done = arguments[arguments.length - 1];
        const all = [...Array(9)].map(() => new EventSource('/ui/live?view=%2Fui%2Fload-balancers'));
        Promise.all(all.map((one) => new Promise((open) => { one.onopen = open; }))).then(() => {
            const count = all.filter((one) => one.readyState === 1).length;
            all.forEach((one) => one.close());
            done(count);
        });";
    assert_eq!(page.js_async(open).await, json!(9));
    page.end().await;
}

async fn nine_tabs(services: &Services, page: &Chromium) {
    able(&services.channel, "h1").await;
    let subnet = services.subnet().await;
    let mut tabs = vec![page.web.window().await.unwrap()];
    page.goto("/ui/load-balancers").await;
    page.is_live().await;
    for _ in 1..9 {
        let tab = page.web.new_tab().await.unwrap();
        page.web.switch_to_window(tab.clone()).await.unwrap();
        tabs.push(tab);
        page.goto("/ui/load-balancers").await;
        page.is_live().await;
    }
    load_balancer(services, "", &subnet, "late", &["10.0.0.11"]).await;
    for tab in tabs {
        page.web.switch_to_window(tab).await.unwrap();
        page.sees("late").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn new_events_wait_until_they_are_asked_for() {
    let test = "new_events_wait_until_they_are_asked_for";
    let services = Services::with(patient).await;
    let Some(page) = Chromium::start(&services, test).await else { return };
    able(&services.channel, "h1").await;
    let subnet = services.subnet().await;
    load_balancer(&services, "", &subnet, "first", &["10.0.0.11"]).await;
    page.goto("/ui/events").await;
    page.sees("first").await;
    page.is_live().await;
    let rows = page.js("return document.querySelectorAll('tbody tr').length").await;
    load_balancer(&services, "", &subnet, "second", &["10.0.0.12"]).await;
    page.until("/^\\d+ new: show$/.test(document.querySelector('.fresh')?.textContent)").await;
    assert_eq!(page.js("return document.querySelectorAll('tbody tr').length").await, rows, "nothing moved");
    page.js("document.querySelector('.fresh').click()").await;
    page.sees("second").await;
    page.until("document.activeElement.id === 'main'").await;
    page.end().await;
}
