//! Lists that are longer than what the gateway fetches at once.

use ballast_model::{
    Uuid,
    listener::Protocol,
    load_balancer::LoadBalancer,
    pool::{LbMethod, NewPool},
};
use ballast_store::Store;
use serde_json::{Value, json};

use crate::services::Services;

const COUNT: u128 = 1_200;

fn pool(number: u128) -> LoadBalancer {
    LoadBalancer::with_pool(NewPool {
        id: Uuid::from_u128(number).into(),
        project_id: "demo".to_owned(),
        name: format!("pool{number:05}"),
        description: String::new(),
        subnet_id: Uuid::nil().into(),
        protocol: Protocol::Http,
        lb_method: LbMethod::RoundRobin,
        provider: "haproxy".to_owned(),
        admin_state_up: true,
    })
}

async fn filled() -> Services {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/ballast.db", directory.path().display());
    let store = Store::open(&url).await.unwrap();
    let fill = store.write(|tx, _| {
        Box::pin(async move {
            for number in 1..=COUNT {
                tx.insert(&pool(number)).await?;
            }
            Ok(())
        })
    });
    fill.await.unwrap();
    Services::in_directory(directory, |settings| settings.database.url = url).await
}

fn names(list: &Value) -> Vec<&str> {
    list["pools"].as_array().unwrap().iter().map(|pool| pool["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_long_list_comes_whole_and_in_order() {
    let services = filled().await;
    let expected: Vec<String> = (1..=COUNT).map(|number| format!("pool{number:05}")).collect();
    let whole = services.get("/v2.0/lb/pools").await;
    assert_eq!(names(&whole), expected);
    assert_eq!(whole.as_object().unwrap().len(), 1, "no links without pages");
    let of_two = services.get("/v2.0/lb/pools?fields=id&fields=name&sort_key=name&sort_dir=desc").await;
    let backwards: Vec<&str> = expected.iter().rev().map(String::as_str).collect();
    assert_eq!(names(&of_two), backwards);
    assert!(of_two["pools"].as_array().unwrap().iter().all(|pool| pool.as_object().unwrap().len() == 2));
}

#[tokio::test]
async fn a_long_page_ends_where_it_was_to_and_has_its_links() {
    let services = filled().await;
    let page = services.get("/v2.0/lb/pools?limit=1100&fields=name&fields=id").await;
    assert_eq!(names(&page).len(), 1100);
    let links = page["pools_links"].as_array().unwrap();
    assert_eq!(links.len(), 2);
    let next = links.iter().find(|link| link["rel"] == "next").unwrap()["href"].as_str().unwrap();
    let rest = services.get(&next[next.find("/v2.0").unwrap()..]).await;
    assert_eq!(names(&rest).len(), 100);
    assert_eq!(rest["pools"][0]["name"], json!("pool01101"));
}
