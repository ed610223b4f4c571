//! One model, two views: what v1 made is seen by v2, and stays v1's as long as v1 can say what it is.

use ballast_proto::v2::{DeleteRequest, GetRequest, ListRequest, Pool, UpdatePoolRequest, pools_client::PoolsClient};
use prost_types::FieldMask;
use serde_json::json;

use super::{create, load_balancers, new_load_balancer, new_pool, settled, start};
use crate::services::{member, vip};

#[tokio::test]
async fn what_v1_made_is_v2s_too_and_what_v2_made_is_v2s_alone() {
    let (services, subnet_id) = start().await;
    let pool = services.pool(&subnet_id).await;
    let get = GetRequest { id: pool.clone(), ..GetRequest::default() };
    let shown = load_balancers(&services).get(get.clone()).await.unwrap().into_inner();
    assert_eq!((shown.name.as_str(), shown.vip.is_none()), ("web", true));
    services.create("/v2.0/lb/vips", vip(&subnet_id, &pool)).await;
    services.create("/v2.0/lb/members", member(&pool, "10.0.0.11")).await;
    let shown = settled(&services, &pool).await;
    assert_eq!((shown.listener_ids.len(), shown.pool_ids.as_slice()), (1, &[pool.clone()][..]));
    assert!(shown.vip.is_some());

    let own = create(&services, new_load_balancer(&subnet_id)).await;
    let listed = load_balancers(&services).list(ListRequest::default()).await.unwrap().into_inner();
    let ids: Vec<&str> = listed.load_balancers.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(ids, [pool.as_str(), own.id.as_str()]);
    let pools = services.get("/v2.0/lb/pools").await;
    assert_eq!(pools["pools"].as_array().unwrap().len(), 1);
    let request = ballast_proto::v2::CreatePoolRequest { pool: Some(new_pool(&own.id)), ..Default::default() };
    let v2s = PoolsClient::new(services.channel.clone()).create(request).await.unwrap().into_inner();
    assert_eq!(services.call("GET", &format!("/v2.0/lb/pools/{}", v2s.id), None).await.status, 404);
    assert_eq!(services.get("/v2.0/lb/pools").await["pools"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn v1_says_what_it_has_no_words_for_and_shows_it_again_when_it_has() {
    let (services, subnet_id) = start().await;
    let pool = services.pool(&subnet_id).await;
    services.create("/v2.0/lb/vips", vip(&subnet_id, &pool)).await;
    services.create("/v2.0/lb/members", member(&pool, "10.0.0.11")).await;
    let mut pools = PoolsClient::new(services.channel.clone());
    let request = ballast_proto::v2::CreatePoolRequest { pool: Some(new_pool(&pool)), ..Default::default() };
    let second = pools.create(request).await.unwrap().into_inner();
    let path = format!("/v2.0/lb/pools/{pool}");
    let refused = services.call("GET", &path, None).await;
    assert_eq!(refused.status, 409, "{refused}");
    assert!(refused.to_string().contains("several pools"), "{refused}");
    let change = services.call("PUT", &path, Some(json!({"pool": {"name": "x"}}))).await;
    assert_eq!(change.status, 409, "{change}");
    for kind in ["pools", "vips", "members"] {
        let listed = services.get(&format!("/v2.0/lb/{kind}")).await;
        assert!(listed[kind].as_array().unwrap().is_empty(), "{kind}: {listed}");
    }
    pools.delete(DeleteRequest { id: second.id, ..DeleteRequest::default() }).await.unwrap();
    for kind in ["pools", "vips", "members"] {
        let listed = services.get(&format!("/v2.0/lb/{kind}")).await;
        assert_eq!(listed[kind].as_array().unwrap().len(), 1, "{kind}: {listed}");
    }
    // What v1 has words for can be changed by either.
    let rename = UpdatePoolRequest {
        pool: Some(Pool { id: pool.clone(), name: "renamed".to_owned(), ..Pool::default() }),
        update_mask: Some(FieldMask { paths: vec!["name".to_owned()] }),
        ..UpdatePoolRequest::default()
    };
    pools.update(rename).await.unwrap();
    assert_eq!(services.get(&path).await["pool"]["name"], "renamed");
    settled(&services, &pool).await;
}
