//! A load balancer with all that is in it, as it is: the form of a file, with ids.

use serde_json::Value;

use crate::{
    api::rest::Gateway,
    failure::Failure,
    v2::{ask::one, find, noun::Collection, nouns},
};

/// # Errors
/// When the gateway fails.
pub(in crate::v2) async fn tree(gateway: &Gateway, id: &str) -> Result<Value, Failure> {
    let of = |collection: &Collection, id: &str| find::item(&find::path(collection, None), id);
    let mut tree = one(gateway, &of(&nouns::LOAD_BALANCERS, id), "loadbalancer").await?;
    let mut listeners = whole(gateway, &nouns::LISTENERS, id).await?;
    for listener in &mut listeners {
        let mut policies = Vec::new();
        for policy in ids(&listener["l7policies"]) {
            let at = of(&nouns::L7_POLICIES, &policy);
            let mut policy = one(gateway, &at, "l7policy").await?;
            policy["rules"] = below(gateway, &nouns::L7_RULES, &at).await?.into();
            policies.push(policy);
        }
        policies.sort_by_key(|policy| policy["position"].as_i64());
        listener["l7policies"] = policies.into();
    }
    let mut pools = whole(gateway, &nouns::POOLS, id).await?;
    for pool in &mut pools {
        let at = of(&nouns::POOLS, pool["id"].as_str().unwrap_or_default());
        pool["members"] = below(gateway, &nouns::MEMBERS, &at).await?.into();
        let monitor = pool["healthmonitor_id"].as_str().map(str::to_owned);
        pool["healthmonitor"] = match monitor {
            Some(id) => one(gateway, &of(&nouns::MONITORS, &id), "healthmonitor").await?,
            None => Value::Null,
        };
    }
    (tree["listeners"], tree["pools"]) = (listeners.into(), pools.into());
    Ok(tree)
}

/// Those of the load balancer.
async fn whole(gateway: &Gateway, collection: &Collection, id: &str) -> Result<Vec<Value>, Failure> {
    find::all(gateway, collection, &find::path(collection, None), &[("loadbalancer_id".to_owned(), id.to_owned())])
        .await
}

async fn below(gateway: &Gateway, collection: &Collection, above: &str) -> Result<Vec<Value>, Failure> {
    find::all(gateway, collection, &find::path(collection, Some(above)), &[]).await
}

fn ids(list: &Value) -> Vec<String> {
    let objects = list.as_array().map_or(&[][..], Vec::as_slice);
    objects.iter().filter_map(|object| object["id"].as_str().map(str::to_owned)).collect()
}
