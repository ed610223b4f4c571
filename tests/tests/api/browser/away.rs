//! What is away comes back, and an open page is right again by itself: a scheduler, a gateway, a stream, and a cursor that is
//! too old.

use ballast_lab::Postgres;
use ballast_proto::v2::{
    LoadBalancer, UpdateLoadBalancerRequest, WatchRequest, events_client::EventsClient,
    load_balancers_client::LoadBalancersClient,
};
use serde_json::json;

use super::{Watchful, chromium::Chromium, load_balancer, patient};
use crate::{
    played::able,
    services::{PATIENCE, Services},
};

const LOST: &str = "document.getElementById('state').textContent.startsWith('reconnecting, as of ')";

/// What the page says of its connection from now on, and whether it is loaded anew.
async fn note(page: &Chromium) {
    page.js("window.loaded = 'once'; window.states = [];
        const state = document.getElementById('state');
        new MutationObserver(() => window.states.push(state.textContent)).observe(state, { childList: true });")
        .await;
}

async fn is_still_the_same(page: &Chromium) {
    page.is_live().await;
    page.until("!document.querySelector('main').classList.contains('stale')").await;
    assert_eq!(page.js("return window.loaded").await, json!("once"), "the page was loaded again");
}

/// Past the gateway.
async fn rename(services: &Services, id: &str, name: &str) {
    let one = LoadBalancer { id: id.to_owned(), name: name.to_owned(), ..LoadBalancer::default() };
    let request = UpdateLoadBalancerRequest { load_balancer: Some(one), ..UpdateLoadBalancerRequest::default() };
    LoadBalancersClient::new(services.channel.clone()).update(request).await.unwrap();
}

/// Two schedulers on one database, each with a gateway.
async fn two(server: &Postgres) -> (Services, Services) {
    let url = server.url();
    let of_this_database = |settings: &mut ballast_service::config::Settings| {
        // Its key goes beside the file that the database would be.
        patient(settings);
        settings.database.url.clone_from(&url);
    };
    let first = Services::with(of_this_database).await;
    first.get("/v2.0/agents").await;
    let second = Services::with(of_this_database).await;
    second.get("/v2.0/agents").await;
    (first, second)
}

/// A scheduler is killed. Meanwhile others change what there is through another gateway and its scheduler.
#[tokio::test(flavor = "multi_thread")]
async fn while_a_scheduler_is_away_it_is_said_and_forms_keep_their_input_and_then_nothing_was_missed() {
    let test = "while_a_scheduler_is_away_it_is_said_and_forms_keep_their_input_and_then_nothing_was_missed";
    let Some(server) = Postgres::start(test).await else { return };
    let (mut services, others) = two(&server).await;
    let Some(page) = Chromium::start(&services, test).await else { return };
    let agent = Watchful::connect(&others).await;
    let subnet = others.subnet().await;
    let first = load_balancer(&others, "", &subnet, "first", &["10.0.0.11", "10.0.0.12"]).await;
    let agent = Watchful::deploy(agent).await;
    agent.say(&[200, 200]).await;
    page.goto(&format!("/ui/load-balancers/{first}")).await;
    page.sees("10.0.0.12:80").await;
    page.is_live().await;
    note(&page).await;
    let overview = page.web.window().await.unwrap();
    let form = page.web.new_tab().await.unwrap();
    page.web.switch_to_window(form.clone()).await.unwrap();
    page.goto("/ui/new").await;
    page.press("written").await;
    page.js("document.getElementById('f-members').value = '10.0.0.21:80'").await;

    services.kill();
    page.js("document.querySelector('button[value=make]').click()").await;
    page.sees("What you have written is kept here").await;
    page.web.switch_to_window(overview.clone()).await.unwrap();
    page.until(LOST).await;
    page.until("document.querySelector('main').classList.contains('stale')").await;
    page.sees("10.0.0.12:80").await;
    // Through the other gateway: a member goes, another one comes, and the name is another one.
    let pool = others.get("/v2.0/lbaas/pools").await["pools"][0]["id"].as_str().unwrap().to_owned();
    let members = json!({ "members": [
        { "address": "10.0.0.11", "protocol_port": 80, "weight": 7 }, { "address": "10.0.0.13", "protocol_port": 80 }
    ] });
    assert_eq!(others.call("PUT", &format!("/v2.0/lbaas/pools/{pool}/members"), Some(members)).await.status, 202);
    rename(&others, &first, "renamed").await;
    load_balancer(&others, "", &subnet, "second", &["10.0.0.14"]).await;
    assert_eq!(page.js(&format!("return {LOST}")).await, json!(true), "nobody has told it yet");

    services.start_scheduler_again().await;
    page.sees("10.0.0.13:80").await;
    page.until("document.querySelector('h1').textContent === 'renamed'").await;
    page.until("!document.querySelector('main').textContent.includes('10.0.0.12:80')").await;
    page.until("document.querySelector('tbody td:nth-child(4)').textContent.trim() === '7'").await;
    is_still_the_same(&page).await;
    // What was written is sent again, and made.
    page.web.switch_to_window(form).await.unwrap();
    page.js("document.querySelector('main form button').click()").await;
    page.until("/^.ui.load-balancers.[0-9a-f-]{36}$/.test(location.pathname)").await;
    page.sees("10.0.0.21:80").await;
    page.goto("/ui/load-balancers").await;
    for name in ["renamed", "second", "written"] {
        page.sees(name).await;
    }
    page.until("document.querySelectorAll('tbody tr').length === 3").await;
    // That a form was not taken is all that the browser complains of, and that streams were refused.
    let complaints = page.complaints().await;
    assert!(complaints.iter().all(|line| line.contains("503")), "{complaints:?}");
    page.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_ends_after_minutes_and_a_gateway_that_is_restarted_go_on_where_they_were() {
    let test = "a_stream_that_ends_after_minutes_and_a_gateway_that_is_restarted_go_on_where_they_were";
    let mut services = Services::with(patient).await;
    let Some(page) = Chromium::start(&services, test).await else { return };
    able(&services.channel, "h1").await;
    let subnet = services.subnet().await;
    let id = load_balancer(&services, "", &subnet, "first", &["10.0.0.11"]).await;
    page.goto("/ui/").await;
    page.sees("first").await;
    page.is_live().await;
    note(&page).await;
    services.pass_at_gateway(301);
    // It is looked at its end when something happens, or after some seconds.
    rename(&services, &id, "second").await;
    page.sees("second").await;
    page.until("window.states.some((state) => state.startsWith('reconnecting'))").await;
    is_still_the_same(&page).await;
    rename(&services, &id, "third").await;
    page.sees("third").await;

    page.js("window.states = []").await;
    services.stop_gateway().await;
    page.until(LOST).await;
    rename(&services, &id, "fourth").await;
    page.sees("third").await;
    services.start_gateway_again().await;
    page.sees("fourth").await;
    is_still_the_same(&page).await;
    rename(&services, &id, "fifth").await;
    page.sees("fifth").await;
    // The browser could not reach what was not there.
    let complaints = page.complaints().await;
    assert!(complaints.iter().all(|line| line.contains("/ui/live") && line.contains("ERR_")), "{complaints:?}");
    page.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_whose_cursor_is_too_old_is_made_anew() {
    let test = "a_page_whose_cursor_is_too_old_is_made_anew";
    let services = Services::with(|settings| {
        settings.events.keep_seconds = 1;
        (settings.agents.suspect_after_ms, settings.agents.dead_after_ms) = (60_000_000, 70_000_000);
    })
    .await;
    let Some(page) = Chromium::start(&services, test).await else { return };
    able(&services.channel, "h1").await;
    let subnet = services.subnet().await;
    let id = load_balancer(&services, "", &subnet, "first", &["10.0.0.11"]).await;
    page.goto("/ui/load-balancers").await;
    page.sees("first").await;
    page.is_live().await;
    note(&page).await;
    let cursor = page.js("return new URL(document.body.dataset.live, location.href).searchParams.get('cursor')").await;
    let cursor = cursor.as_str().unwrap().to_owned();
    // A tab that is hidden has no stream.
    let first = page.web.window().await.unwrap();
    let other = page.web.new_tab().await.unwrap();
    page.web.switch_to_window(other).await.unwrap();
    rename(&services, &id, "second").await;
    let is_old = async || {
        let request = WatchRequest { cursor: cursor.clone(), ..WatchRequest::default() };
        match EventsClient::new(services.channel.clone()).watch(request).await {
            Err(status) => status.code() == tonic::Code::OutOfRange,
            Ok(stream) => {
                let mut stream = stream.into_inner();
                matches!(stream.message().await, Err(status) if status.code() == tonic::Code::OutOfRange)
            }
        }
    };
    let end = tokio::time::Instant::now() + 3 * PATIENCE;
    while !is_old().await {
        assert!(tokio::time::Instant::now() < end, "the cursor does not become too old");
        services.pass(60);
        services.subnet_of("10.7.0.0/24").await;
    }
    page.web.switch_to_window(first).await.unwrap();
    page.sees("second").await;
    is_still_the_same(&page).await;
    rename(&services, &id, "third").await;
    page.sees("third").await;
    page.end().await;
}
