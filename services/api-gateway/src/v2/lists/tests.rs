//! Query strings of v2.

use axum::{extract::FromRequestParts as _, http::Request};

use super::*;
use crate::{
    origin::Origin,
    v2::routes::{listeners::LISTENER, load_balancers::LOAD_BALANCER},
};

async fn query(uri: &str) -> Query {
    let request = Request::builder().uri(uri).extension(Origin("http://gw".to_owned())).body(()).unwrap();
    let Ok(query) = Query::from_request_parts(&mut request.into_parts().0, &()).await;
    query
}

async fn asked(uri: &str) -> ListRequest {
    query(uri).await.page(&LOAD_BALANCER, String::new()).unwrap().request
}

async fn refused(uri: &str) -> (String, &'static str) {
    let refusal = query(uri).await.page(&LOAD_BALANCER, String::new()).unwrap_err();
    let (status, title, message) = refusal.octavias();
    assert_eq!(status.as_u16(), 400);
    (message.into_owned(), title)
}

#[tokio::test]
async fn filters_have_the_schedulers_names_and_several_values_of_one_are_one_of_them() {
    let uri =
        "/x?name=a&name=b&enabled=true&vip_address=192.0.2.1&provisioning_status=ACTIVE&project_id=p&description=";
    let request = asked(uri).await;
    let filters: Vec<_> = request.filters.iter().map(|f| format!("{}={}", f.field, f.values.join("|"))).collect();
    let expected =
        ["name=a|b", "admin_state_up=true", "vip_address=192.0.2.1", "provisioning_status=ACTIVE", "description="];
    assert_eq!((filters, request.project_id.as_str()), (expected.map(str::to_owned).to_vec(), "p"));
    for unknown in ["tenant_id=p", "listeners=x", "pools=x", "additional_vips=x", "tags2=x", "bogus=1"] {
        let (message, title) = refused(&format!("/x?{unknown}")).await;
        assert_eq!(
            (message.as_str(), title),
            ("One or more arguments are either duplicate or invalid", ""),
            "{unknown}"
        );
    }
    assert_eq!(asked("/x?admin_state_up=maybe").await.filters[0].values, ["false"]);
    let by_load_balancer = query("/x?loadbalancer_id=i").await.page(&LISTENER, String::new()).unwrap();
    assert_eq!(by_load_balancer.request.filters[0].field, "loadbalancer_id");
}

#[tokio::test]
async fn tags_come_with_commas_or_repeated() {
    let request = asked("/x?tags=a,b&tags=c&tags-any=d&not-tags=e&not-tags-any=f,g").await;
    assert_eq!(
        (request.tags.as_slice(), request.tags_any.as_slice()),
        (&["a", "b", "c"].map(str::to_owned)[..], &["d".to_owned()][..])
    );
    assert_eq!((request.not_tags.len(), request.not_tags_any.len()), (1, 2));
    assert_eq!(asked("/x?tags=").await.tags, [""]);
}

#[tokio::test]
async fn sorts_come_in_two_ways() {
    for (uri, expected) in [
        ("/x?sort=name,created_at:DESC", vec!["name", "-created_at"]),
        ("/x?sort_key=vip_address,name&sort_dir=desc", vec!["-vip_address", "name"]),
        ("/x?sort_dir=desc", vec![]),
    ] {
        let sorts = asked(uri).await.sorts;
        let sorts: Vec<_> =
            sorts.iter().map(|s| format!("{}{}", if s.descending { "-" } else { "" }, s.field)).collect();
        assert_eq!(sorts, expected, "{uri}");
    }
    assert_eq!(refused("/x?sort_key=bogus").await, ("Supplied sort key 'bogus' is not valid.".to_owned(), ""));
    assert_eq!(
        refused("/x?sort=name:up").await,
        ("Supplied sort direction 'up' is not valid.".to_owned(), "Bad Request")
    );
    let twice = "Supplied sort key '['name', 'asc', 'x']' is not valid.".to_owned();
    assert_eq!(refused("/x?sort=name:asc:x").await, (twice, "Bad Request"));
}

#[tokio::test]
async fn a_limit_is_a_number_and_never_more_than_a_thousand() {
    for (uri, size) in
        [("/x", 1000), ("/x?limit=2", 2), ("/x?limit=0", 1000), ("/x?limit=-5", 1000), ("/x?limit=5000", 1000)]
    {
        assert_eq!(asked(uri).await.page_size, size, "{uri}");
    }
    for text in ["x", "1.5", ""] {
        let message = format!("Supplied pagination limit '{text}' is not valid.");
        assert_eq!(refused(&format!("/x?limit={text}")).await, (message, "Bad Request"));
    }
    assert!(refused("/x?limit=1&limit=2").await.0.starts_with("Supplied pagination limit"));
}

#[tokio::test]
async fn links_keep_the_whole_query_and_next_is_there_when_there_is_more() {
    let links = async |uri: &str, more: bool| {
        let list = query(uri).await.page(&LOAD_BALANCER, String::new()).unwrap();
        let page = list.view.page.unwrap();
        let links = (page.links)(&page, &Seen { count: 1, ids: Some(("first", "last")), more });
        links.into_iter().map(|link| format!("{} {}", link.rel, link.href)).collect::<Vec<_>>()
    };
    assert!(links("/x?limit=1", false).await.is_empty());
    let next = "next http://gw/x?limit=1&sort=created_at:desc,name&name=a+b&marker=last";
    assert_eq!(links("/x?limit=1&sort=created_at:desc,name&name=a%20b", true).await, [next]);
    let previous = "previous http://gw/x?limit=1&marker=first&page_reverse=True";
    let next = "next http://gw/x?limit=1&marker=last";
    assert_eq!(links("/x?limit=1&marker=m", true).await, [previous, next]);
    assert_eq!(links("/x?limit=1&marker=m", false).await, [previous]);
    assert_eq!(links("/x?limit=1&marker=m&page_reverse=True", false).await, [next]);
    assert_eq!(links("/x?limit=1&marker=m&page_reverse=1", true).await, [previous, next]);
}

#[tokio::test]
async fn fields_are_one_a_parameter_and_an_empty_one_is_none() {
    let mask = asked("/x?fields=id&fields=vip_address").await.read_mask.unwrap();
    assert_eq!(mask.paths, ["id", "vip.address"]);
    assert_eq!(asked("/x?fields=").await.read_mask.unwrap().paths, ["id"]);
    assert!(asked("/x").await.read_mask.is_none());
}

#[tokio::test]
async fn a_write_takes_no_query_that_it_does_not_know() {
    let refusal = query("/x?foo=1").await.only([]).unwrap_err();
    assert_eq!(refusal.octavias().2, "Unknown argument: \"foo\"");
    assert_eq!(query("/x?cascade=1").await.only(["cascade"]).unwrap(), [Some("1")]);
}
