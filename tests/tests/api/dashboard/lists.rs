//! The list of load balancers: by agent, by a member's address, and by each of its columns.

use ballast_proto::v2::{Filter, ListRequest, load_balancers_client::LoadBalancersClient};
use serde_json::json;

use super::{browser::Browser, load_balancer, shared_subnet, until};
use crate::{browser::Watchful, played::able, services::Services};

/// Names in the order in which they stand.
fn names(page: &str) -> Vec<&str> {
    let rows = page.split("<tr data-key=").skip(1);
    rows.filter_map(|row| row.split("<bdi>").nth(1)?.split("</bdi>").next()).collect()
}

#[tokio::test]
async fn an_operator_asks_for_what_an_agent_runs_and_nobody_else_does() {
    let services = Services::with_tokens(|settings| settings.placement.policy = "least-loaded".to_owned()).await;
    let first = able(&services.channel, "h1").await;
    let subnet = shared_subnet(&services).await;
    load_balancer(&services, "alice", &subnet, "one").await;
    let second = able(&services.channel, "h2").await;
    load_balancer(&services, "bob", &subnet, "two").await;
    let mut browser = Browser::new(&services);
    browser.log_in("admin").await;
    let path = |agent: &str| format!("/ui/load-balancers?agent={agent}");
    assert_eq!(names(&browser.get(&path(&first)).await.body), ["one"]);
    let page = browser.get(&path(&second)).await.body;
    assert_eq!(names(&page), ["two"]);
    assert!(page.contains(&format!("<option value=\"{second}\" selected>h2</option>")), "{page}");
    // It stays with what else is asked for.
    assert!(page.contains(&format!("agent={second}&#38;sort=name")), "{page}");
    assert_eq!(names(&browser.get(&format!("{}&q=one", path(&second))).await.body), [""; 0]);
    assert_eq!(names(&browser.get(&path("nosuch")).await.body), [""; 0]);
    let agent = browser.get(&format!("/ui/agents/{second}")).await.body;
    assert!(agent.contains(&path(&second)), "{agent}");
    // For others there is no such question.
    let mut browser = Browser::new(&services);
    browser.log_in("alice").await;
    let page = browser.get(&path(&second)).await.body;
    assert!(names(&page) == ["one"] && !page.contains("name=\"agent\"") && !page.contains(">h2<"), "{page}");
    let filter = Filter { field: "agent_id".to_owned(), values: vec![first] };
    let mut request = tonic::Request::new(ListRequest { filters: vec![filter], ..ListRequest::default() });
    request.metadata_mut().insert("ballast-project-id", "a".parse().unwrap());
    request.metadata_mut().insert("ballast-roles", "member".parse().unwrap());
    let refused = LoadBalancersClient::new(services.channel.clone()).list(request).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::InvalidArgument, "{refused}");
}

#[tokio::test]
async fn a_load_balancer_is_found_by_the_address_of_a_member_whatever_page_it_is_on() {
    let services = Services::start().await;
    able(&services.channel, "h1").await;
    let subnet = services.subnet().await;
    let id = load_balancer(&services, "", &subnet, "with-members").await;
    let subnet = services.subnet_of("10.8.0.0/24").await;
    for number in 0..60 {
        let body = json!({ "loadbalancer": { "name": format!("lb-{number:02}"), "vip_subnet_id": subnet } });
        services.create("/v2.0/lbaas/loadbalancers", body).await;
    }
    let browser = Browser::new(&services);
    for text in ["10.0.0.9", "0.0.9", &id[..8], "WITH-m"] {
        let page = browser.get(&format!("/ui/load-balancers?q={text}")).await.body;
        assert!(names(&page).contains(&"with-members"), "{text}: {page}");
    }
    assert_eq!(names(&browser.get("/ui/load-balancers?q=10.0.0.9").await.body).len(), 1);
    assert_eq!(names(&browser.get("/ui/load-balancers?q=%25").await.body), [""; 0]);
    // What fits is on pages as well.
    let page = browser.get("/ui/load-balancers?q=lb-&sort=-name").await.body;
    assert_eq!((names(&page).len(), names(&page)[0]), (50, "lb-59"));
    let next = page.split("rel=\"next\" href=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let page = browser.get(&next.replace("&#38;", "&")).await.body;
    assert_eq!((names(&page).len(), names(&page)[9]), (10, "lb-00"));
    let long = browser.get(&format!("/ui/load-balancers?q={}", "x".repeat(300))).await;
    assert!(long.status == 400 && long.body.contains("search"), "{long:?}");
}

#[tokio::test]
async fn every_column_sorts_and_pages_follow_it() {
    let services = Services::start().await;
    let agent = Watchful::connect(&services).await;
    let subnet = services.subnet().await;
    load_balancer(&services, "", &subnet, "whole").await;
    let agent = Watchful::deploy(agent).await;
    agent.say(&[500]).await;
    for (name, up) in [("bare", true), ("off", false)] {
        let body = json!({ "loadbalancer": { "name": name, "vip_subnet_id": subnet, "admin_state_up": up } });
        services.create("/v2.0/lbaas/loadbalancers", body).await;
    }
    let browser = Browser::new(&services);
    let page = until(&browser, "/ui/load-balancers", |answer| answer.body.contains("explain/ERROR")).await.body;
    let sorts: Vec<&str> = page.split("sort=").skip(1).filter_map(|rest| rest.split(['"', '&']).next()).collect();
    assert_eq!(sorts.len(), page.matches("<th scope=\"col\"").count(), "every column: {sorts:?}");
    for sort in &sorts {
        let up = browser.get(&format!("/ui/load-balancers?sort={sort}")).await;
        assert!(up.status == 200 && up.body.contains("aria-sort=\"ascending\""), "{sort}");
        let down = browser.get(&format!("/ui/load-balancers?sort=-{sort}")).await;
        assert!(down.status == 200 && down.body.contains("aria-sort=\"descending\""), "{sort}");
        assert_eq!(names(&up.body).len(), 3, "{sort}");
    }
    let parts = browser.get("/ui/load-balancers?sort=-parts").await.body;
    assert_eq!(names(&parts)[0], "whole");
    // As REST sorts, too: by its words.
    let statuses = async |query: &str| -> Vec<String> {
        let found = services.get(&format!("/v2.0/lbaas/loadbalancers?{query}")).await;
        let all = found["loadbalancers"].as_array().unwrap().iter();
        all.map(|one| one["operating_status"].as_str().unwrap().to_owned()).collect()
    };
    let sorted = statuses("sort=operating_status").await;
    assert!(sorted.is_sorted() && sorted.first() != sorted.last(), "{sorted:?}");
    let mut reversed = statuses("sort=operating_status:desc").await;
    reversed.reverse();
    assert_eq!(reversed, sorted);
    assert_eq!(statuses("sort=operating_status&limit=1").await, sorted[..1]);
    // Behind another key there is no such order.
    let refused = services.call("GET", "/v2.0/lbaas/loadbalancers?sort=name,operating_status", None).await;
    assert_eq!(refused.status, 400, "{refused}");
}
