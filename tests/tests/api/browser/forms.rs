//! Forms, as a person fills them in: with a preview while writing, by the keyboard alone, and with script switched off.

use ballast_proto::{
    agent::{LoadBalancerStatistics, StatisticsReport, agent_message},
    driver::Statistics,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::{Watchful, chromium::Chromium, load_balancer, patient, shared_subnet};
use crate::{played::farsighted, services::Services};

const ENTER: &str = "\u{e007}";
const TAB: &str = "\u{e004}";
const ESCAPE: &str = "\u{e00c}";

async fn load_balancers(services: &Services, token: &str) -> Vec<Value> {
    let found = services.call_as(token, "GET", "/v2.0/lbaas/loadbalancers", None).await;
    found.body["loadbalancers"].as_array().cloned().unwrap()
}

/// Puts the focus onto a field, and writes into it in place of what is there.
async fn write(page: &Chromium, name: &str, text: &str) {
    page.js(&format!("const field = document.getElementById('f-{name}'); field.focus(); field.select?.()")).await;
    page.press(text).await;
}

/// Puts the focus onto something that can be pushed, and pushes it.
async fn push(page: &Chromium, what: &str, key: &str) {
    page.js(&format!("document.querySelector('{what}').focus()")).await;
    page.press(key).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_says_what_it_would_make_while_one_writes_and_makes_it_once() {
    let test = "a_form_says_what_it_would_make_while_one_writes_and_makes_it_once";
    let services = Services::with(patient).await;
    let Some(page) = Chromium::start(&services, test).await else { return };
    farsighted(&services.channel, "h7").await;
    services.subnet().await;
    page.goto("/ui/new").await;
    page.until("document.activeElement.id === 'f-name'").await;
    page.press("shop").await;
    write(&page, "members", "10.0.0.11:80").await;
    write(&page, "address", "10.0.0.77").await;
    page.until("document.getElementById('plan').textContent.includes('10.0.0.77')").await;
    page.until("document.getElementById('plan').textContent.includes('h7')").await;
    // What is wrong is said there too, and focus stays where one writes.
    write(&page, "address", "10.9.9.9").await;
    page.until("document.getElementById('plan').textContent.includes('It is refused as it is')").await;
    assert_eq!(page.js("return document.activeElement.id").await, json!("f-address"));
    write(&page, "address", "10.0.0.78").await;
    page.until("document.getElementById('plan').textContent.includes('10.0.0.78')").await;
    assert_eq!(load_balancers(&services, "").await.len(), 0, "a preview makes nothing");
    page.js("const make = document.querySelector('button[value=make]'); make.click(); make.click()").await;
    page.until("/^.ui.load-balancers.[0-9a-f-]{36}$/.test(location.pathname)").await;
    page.sees("10.0.0.11:80").await;
    page.js("location.reload()").await;
    page.sees("10.0.0.78").await;
    let made = load_balancers(&services, "").await;
    assert_eq!(made.iter().map(|one| &one["vip_address"]).collect::<Vec<_>>(), [&json!("10.0.0.78")]);
    // What was left with Escape is not made.
    page.goto("/ui/new").await;
    page.press(&format!("left{ESCAPE}")).await;
    page.until("location.pathname === '/ui/load-balancers'").await;
    assert_eq!(load_balancers(&services, "").await.len(), 1);
    page.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_script_every_page_reads_and_every_form_works_with_what_is_wrong_at_its_field() {
    let test = "without_script_every_page_reads_and_every_form_works_with_what_is_wrong_at_its_field";
    let services = Services::with(patient).await;
    let Some(page) = Chromium::without_script(&services, test).await else { return };
    farsighted(&services.channel, "h1").await;
    services.subnet().await;
    page.goto("/ui/new").await;
    page.until("document.activeElement.id === 'f-name'").await;
    page.press("shop").await;
    write(&page, "members", "10.0.0.11:80").await;
    write(&page, "protocol_port", "70000").await;
    push(&page, "button[value=make]", ENTER).await;
    page.until("document.activeElement.id === 'f-protocol_port' && document.activeElement.ariaInvalid === 'true'")
        .await;
    let kept = page
        .js("return [document.getElementById('f-name').value, document.getElementById('f-protocol_port').value]")
        .await;
    assert_eq!(kept, json!(["shop", "70000"]));
    assert!(page.complaints().await.iter().all(|line| line.contains("422")));
    write(&page, "protocol_port", "80").await;
    page.press(ENTER).await;
    page.until("document.getElementById('plan').textContent.includes('h1')").await;
    push(&page, "button[value=make]", ENTER).await;
    page.until("/^.ui.load-balancers.[0-9a-f-]{36}$/.test(location.pathname)").await;
    push(&page, "tbody input[type=checkbox]", " ").await;
    push(&page, "button[value=drain]", ENTER).await;
    page.sees("no new clients").await;
    push(&page, "button[value=make]", ENTER).await;
    page.until("document.querySelector('tbody td:nth-child(4)')?.textContent.trim() === '0'").await;
    for path in ["/ui/", "/ui/load-balancers", "/ui/events", "/ui/agents", "/ui/networks", "/ui/quotas", "/ui/explain"]
    {
        page.goto(path).await;
        assert_eq!(page.js("return document.querySelectorAll('main h1').length").await, json!(1), "{path}");
    }
    page.end().await;
}

/// Parts one by one, without script; and with it what to type for the same changes as one writes.
#[tokio::test(flavor = "multi_thread")]
async fn listeners_and_policies_are_made_one_by_one_with_and_without_script() {
    let test = "listeners_and_policies_are_made_one_by_one_with_and_without_script";
    let services = Services::with(patient).await;
    farsighted(&services.channel, "h1").await;
    let subnet = services.subnet().await;
    let id = load_balancer(&services, "", &subnet, "shop", &["10.0.0.11"]).await;
    let listeners = format!("/ui/load-balancers/{id}/listeners");
    let push_link = "[...document.querySelectorAll('main a')].find((one) => one.textContent === 'LINK').click()";
    let Some(page) = Chromium::without_script(&services, test).await else { return };
    page.goto(&listeners).await;
    page.js(&push_link.replace("LINK", "New listener")).await;
    page.until("document.activeElement.id === 'f-name'").await;
    page.press("second").await;
    write(&page, "protocol_port", "8080").await;
    page.press(ENTER).await;
    page.until("document.getElementById('plan').textContent.includes('ballast listeners create')").await;
    push(&page, "button[value=make]", ENTER).await;
    page.until(&format!("location.pathname === '{listeners}'")).await;
    page.sees("port 8080 HTTP").await;
    page.end().await;

    let Some(page) = Chromium::start(&services, test).await else { return };
    page.goto(&listeners).await;
    page.is_live().await;
    page.js(&push_link.replace("LINK", "New policy")).await;
    page.until("document.activeElement.id === 'f-name'").await;
    page.press("api").await;
    write(&page, "rules", "GOPHER x").await;
    page.until("document.getElementById('plan').textContent.includes('begins with \"GOPHER\"')").await;
    write(&page, "rules", "PATH STARTS_WITH /it's").await;
    page.until("document.getElementById('plan').textContent.includes('ballast apply -f -')").await;
    // What is opened stays open while one writes on.
    page.js("document.querySelector('#plan .same').open = true").await;
    write(&page, "description", "for all").await;
    page.until("document.querySelector('#plan .same').textContent.includes('for all')").await;
    assert_eq!(page.js("return document.querySelector('#plan .same').open").await, json!(true));
    push(&page, "button[value=make]", ENTER).await;
    page.until(&format!("location.pathname === '{listeners}'")).await;
    page.sees("PATH STARTS_WITH /it's").await;
    page.js("document.querySelector('a[aria-label=\"Delete rule PATH STARTS_WITH /it\\'s\"]').click()").await;
    page.sees("It is the last one").await;
    push(&page, "button[value=make]", ENTER).await;
    page.until(&format!("location.pathname === '{listeners}'")).await;
    page.sees("no rules: it does nothing").await;
    page.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_is_sent_when_the_session_has_ended_is_there_again_behind_the_login() {
    let test = "a_form_that_is_sent_when_the_session_has_ended_is_there_again_behind_the_login";
    let services = Services::with_tokens(patient).await;
    let Some(page) = Chromium::start(&services, test).await else { return };
    farsighted(&services.channel, "h1").await;
    shared_subnet(&services).await;
    page.log_in("alice").await;
    page.goto("/ui/new").await;
    page.press("written").await;
    write(&page, "members", "10.0.0.11:80\n10.0.0.12:80").await;
    page.web.delete_all_cookies().await.unwrap();
    push(&page, "button[value=make]", ENTER).await;
    page.sees("Your session has ended.").await;
    page.until("document.activeElement.name === 'token'").await;
    page.press(&format!("alice{ENTER}")).await;
    page.until("document.getElementById('f-name')?.value === 'written'").await;
    page.until("document.getElementById('f-members').value.includes('10.0.0.12:80')").await;
    page.until("document.getElementById('plan').textContent.includes('load balancer 1')").await;
    assert_eq!(load_balancers(&services, "alice").await.len(), 0, "nothing is made by that");
    let said = page.js("return [location.search, document.documentElement.outerHTML.includes('alice\"')]").await;
    assert_eq!(said, json!(["", false]));
    push(&page, "button[value=make]", ENTER).await;
    page.until("/^.ui.load-balancers.[0-9a-f-]{36}$/.test(location.pathname)").await;
    page.sees("10.0.0.12:80").await;
    assert!(page.complaints().await.iter().all(|line| line.contains("401")));
    page.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_the_keyboard_alone_one_makes_drains_and_deletes() {
    let test = "by_the_keyboard_alone_one_makes_drains_and_deletes";
    let services = Services::with_tokens(patient).await;
    let Some(page) = Chromium::start(&services, test).await else { return };
    farsighted(&services.channel, "h1").await;
    shared_subnet(&services).await;
    page.log_in("alice").await;
    page.press("gl").await;
    page.until("location.pathname === '/ui/load-balancers'").await;
    page.press("n").await;
    page.until("document.activeElement.id === 'f-name'").await;
    page.press("typed").await;
    // Name, subnet, address, protocol, port, and then the members.
    page.press(&TAB.repeat(6)).await;
    page.until("document.activeElement.id === 'f-members'").await;
    page.press("10.0.0.11:80").await;
    for _ in 0..12 {
        page.press(TAB).await;
        if page.js("return document.activeElement.value").await == json!("make") {
            break;
        }
    }
    page.press(ENTER).await;
    page.until("/^.ui.load-balancers.[0-9a-f-]{36}$/.test(location.pathname)").await;
    page.is_live().await;
    // The row of the member is reached by j, and drained by d.
    page.press("j").await;
    page.until("document.activeElement.closest('tbody tr') !== null").await;
    page.press("d").await;
    page.sees("no new clients").await;
    page.js("document.querySelector('button[value=make]').focus()").await;
    page.press(ENTER).await;
    page.until("document.querySelector('tbody td:nth-child(4)')?.textContent.trim() === '0'").await;
    page.press("e").await;
    page.until("location.pathname.endsWith('/edit') && document.activeElement.id === 'f-name'").await;
    page.press(ESCAPE).await;
    page.until("/^.ui.load-balancers.[0-9a-f-]{36}$/.test(location.pathname)").await;
    page.js("document.querySelector('a[href$=\"/delete\"]').focus()").await;
    page.press(ENTER).await;
    page.sees("It is deleted for good").await;
    page.js("document.querySelector('button[value=make]').focus()").await;
    page.press(&format!("{ENTER}{ENTER}")).await;
    page.until("location.pathname === '/ui/load-balancers'").await;
    assert_eq!(load_balancers(&services, "alice").await.len(), 0);
    page.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_traffic_goes_only_with_its_name() {
    let test = "what_has_traffic_goes_only_with_its_name";
    let services = Services::with(patient).await;
    let Some(page) = Chromium::start(&services, test).await else { return };
    let agent = Watchful::connect(&services).await;
    let subnet = services.subnet().await;
    let id = load_balancer(&services, "", &subnet, "shop", &["10.0.0.11"]).await;
    let agent = Watchful::deploy(agent).await;
    let statistics = Statistics { active_connections: 214, total_connections: 3_204_117, ..Statistics::default() };
    let one = LoadBalancerStatistics {
        load_balancer_id: id.clone(),
        epoch: agent.desired.epoch,
        statistics: Some(statistics),
        ..LoadBalancerStatistics::default()
    };
    agent.agent.say(agent_message::Message::Statistics(StatisticsReport { load_balancers: vec![one] })).await;
    let path = format!("/ui/load-balancers/{id}/delete");
    page.goto(&path).await;
    while page.js("return document.getElementById('f-typed') === null").await == json!(true) {
        page.goto(&path).await;
    }
    page.sees("214 connections are open, and end.").await;
    for typed in ["", "other"] {
        write(&page, "typed", typed).await;
        page.js("document.querySelector('button[value=make]').click()").await;
        page.until("document.activeElement.id === 'f-typed' && document.activeElement.ariaInvalid === 'true'").await;
        assert_eq!(load_balancers(&services, "").await.len(), 1);
        page.goto(&path).await;
    }
    assert!(page.complaints().await.iter().all(|line| line.contains("422")));
    write(&page, "typed", "shop").await;
    page.js("document.querySelector('button[value=make]').click()").await;
    page.until("location.pathname === '/ui/load-balancers'").await;
    assert_eq!(load_balancers(&services, "").await.len(), 0);
    page.end().await;
}

/// A page elsewhere that sends a form there as soon as it is looked at; its address.
async fn evil(target: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let page = format!(
        "<title>x</title><form method='post' action='{target}'><input name='do' value='make'></form>
        <script>document.forms[0].submit()</script>"
    );
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n", page.len());
            let _ = stream.read(&mut [0; 4_096]).await;
            let _ = stream.write_all(format!("{head}Connection: close\r\n\r\n{page}").as_bytes()).await;
        }
    });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_origin_and_who_only_reads_change_nothing() {
    let test = "a_page_of_another_origin_and_who_only_reads_change_nothing";
    let services = Services::with_tokens(patient).await;
    let Some(page) = Chromium::start(&services, test).await else { return };
    farsighted(&services.channel, "h1").await;
    let subnet = shared_subnet(&services).await;
    let id = load_balancer(&services, "alice", &subnet, "shop", &["10.0.0.11"]).await;
    page.log_in("rita").await;
    page.goto(&format!("/ui/load-balancers/{id}")).await;
    page.sees("10.0.0.11:80").await;
    let found = "return [document.querySelectorAll('main input, main button').length,
        document.body.textContent.includes('read only: role reader')]";
    assert_eq!(page.js(found).await, json!([0, true]));
    let forged = format!(
        "const done = arguments[arguments.length - 1];
        fetch('/ui/load-balancers/{id}/delete', {{ method: 'POST', body: new URLSearchParams('do=make') }})
            .then((answer) => done(answer.status))"
    );
    let status = page.web.execute_async(&forged, Vec::new()).await.unwrap().json().clone();
    assert_eq!(status, json!(403));
    page.goto("/ui/").await;
    page.js("document.querySelector('form[action=\"/ui/logout\"] button').click()").await;
    page.until("location.pathname === '/ui/login'").await;

    // A page of another origin sends a form here, with alice's cookie, which is of this host whatever the port.
    page.log_in("alice").await;
    let target = format!("{}/ui/load-balancers/{id}/delete", services.url);
    page.web.goto(evil(target).await).await.unwrap();
    page.until("document.querySelector('h1')?.textContent === 'Refused'").await;
    assert_eq!(load_balancers(&services, "alice").await.len(), 1);
    page.goto("/ui/load-balancers").await;
    page.sees("shop").await;
    let complaints = page.complaints().await;
    assert!(complaints.iter().all(|line| line.contains("403")), "{complaints:?}");
    page.end().await;
}
