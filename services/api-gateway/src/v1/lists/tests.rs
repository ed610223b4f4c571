//! Query strings, read for resources whose attribute maps differ.

use axum::{extract::FromRequestParts as _, http::Request};

use super::*;
use crate::{
    kit::reply::Fields,
    origin::Origin,
    v1::routes::{agents::AGENT, members::MEMBER, pools::POOL},
};

async fn query(uri: &str) -> Query {
    let request = Request::builder().uri(uri).extension(Origin("http://gw:9696".to_owned())).body(()).unwrap();
    let Ok(query) = Query::from_request_parts(&mut request.into_parts().0, &()).await;
    query
}

async fn refused(text: &str) -> String {
    let refusal = query(text).await.list(&MEMBER).unwrap_err();
    let (_, kind, message) = refusal.neutrons().unwrap();
    format!("{kind} {message}")
}

async fn filters(resource: &Resource, uri: &str) -> Vec<String> {
    let list = query(uri).await.list(resource).unwrap();
    list.request.filters.iter().map(|filter| format!("{}={}", filter.field, filter.values.join("|"))).collect()
}

#[tokio::test]
async fn filters_are_converted_renamed_and_grouped_by_key() {
    let uri = "/p?name=a&name=b%20c&name=&description=&tenant_id=t&admin_state_up=TRUE&status=ACTIVE&fields=id\
               &verbose=True&nosuch=1";
    let expected = ["name=a|b c", "project_id=t", "admin_state_up=true", "status=ACTIVE", "nosuch=1"];
    assert_eq!(filters(&POOL, uri).await, expected);
    assert_eq!(
        filters(&MEMBER, "/p?protocol_port=080&weight=1&name=x").await,
        ["protocol_port=80", "weight=1", "name=x"]
    );
}

#[tokio::test]
async fn a_filter_that_cannot_be_converted_is_refused() {
    assert_eq!(
        refused("/p?admin_state_up=maybe").await,
        "InvalidInput Invalid input for operation: 'maybe' cannot be converted to boolean."
    );
    assert_eq!(refused("/p?weight=heavy").await, "InvalidInput Invalid input for operation: 'heavy' is not a integer.");
}

#[tokio::test]
async fn a_constant_attribute_matches_all_or_nothing() {
    let all = query("/p?binary=neutron-lbaas-agent").await.list(&AGENT).unwrap();
    assert!(!all.nothing && all.request.filters.is_empty());
    assert!(query("/p?binary=neutron-l3-agent").await.list(&AGENT).unwrap().nothing);
}

#[tokio::test]
async fn fields_are_collected_without_empty_ones() {
    assert_eq!(query("/p?fields=name&fields=&fields=id").await.fields(), Fields::new(["id", "name"].into_iter()));
}

#[tokio::test]
async fn sorts_keep_their_order() {
    let sorts = query("/p?sort_key=weight&sort_dir=desc&sort_key=tenant_id&sort_dir=asc").await;
    let sorts = sorts.list(&MEMBER).unwrap().request.sorts;
    let sorts: Vec<_> = sorts.iter().map(|sort| (sort.field.as_str(), sort.descending)).collect();
    assert_eq!(sorts, [("weight", true), ("project_id", false)]);
}

#[tokio::test]
async fn bad_sorts_are_refused_by_neutrons_text() {
    for (uri, message) in [
        ("/p?sort_key=weight", "The number of sort_keys and sort_dirs must be same"),
        ("/p?sort_key=bogus&sort_dir=asc", "[u'bogus'] is invalid attribute for sort_keys"),
        ("/p?sort_key=weight&sort_dir=up", "[u'up'] is invalid value for sort_dirs, valid value is 'asc' and 'desc'"),
    ] {
        assert_eq!(refused(uri).await, format!("HTTPBadRequest {message}"));
    }
}

#[tokio::test]
async fn a_page_is_asked_for_by_limit_and_marker() {
    let list = query("/v2.0/lb/pools?limit=2&marker=m&page_reverse=true&name=a").await.list(&POOL).unwrap();
    let request = &list.request;
    assert_eq!((request.page_size, request.page_token.as_str(), request.page_reverse), (2, "m", true));
    let page = list.view.page.unwrap();
    assert_eq!((page.url.as_str(), page.query.len(), page.limit), ("http://gw:9696/v2.0/lb/pools", 2, 2));
    for whole in ["/p?limit=0&marker=m", "/p?marker=m"] {
        let list = query(whole).await.list(&POOL).unwrap();
        assert!(list.view.page.is_none() && list.request.page_token.is_empty());
    }
}

#[tokio::test]
async fn a_bad_limit_is_refused_by_neutrons_text() {
    for uri in ["/p?limit=x", "/p?limit=-1", "/p?limit="] {
        let expected = "BadRequest Bad limit request: Limit must be an integer 0 or greater and not '%d'";
        assert_eq!(refused(uri).await, expected);
    }
    let large = query("/p?limit=99999999999").await.list(&POOL).unwrap();
    assert_eq!(large.request.page_size, u32::MAX);
}
