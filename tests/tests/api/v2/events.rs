//! `Events.Watch` of v2: what there is, and then what changes.

use ballast_proto::v2::{
    CreateListenerRequest, DeleteLoadBalancerRequest, Event, Kind, LoadBalancer, UpdateLoadBalancerRequest,
    WatchRequest, event::Object, events_client::EventsClient, listeners_client::ListenersClient,
    watch_response::Message,
};
use prost_types::FieldMask;
use tonic::Streaming;

use super::{create, load_balancers, new_listener, new_load_balancer, settled, start};
use crate::services::{PATIENCE, Services};

type Watch = Streaming<ballast_proto::v2::WatchResponse>;

async fn watch(services: &Services, cursor: &str, kinds: &[Kind]) -> Watch {
    let kinds = kinds.iter().map(|kind| i32::from(*kind)).collect();
    let request = WatchRequest { cursor: cursor.to_owned(), kinds, ..WatchRequest::default() };
    EventsClient::new(services.channel.clone()).watch(request).await.unwrap().into_inner()
}

/// The next event, with the cursor behind it; none: the snapshot is done.
async fn next(watch: &mut Watch) -> (Option<Event>, String) {
    let wait = async {
        loop {
            let response = watch.message().await.unwrap().expect("a watch goes on");
            match response.message.expect("a message") {
                Message::Event(event) => return (Some(event), response.cursor),
                Message::SnapshotDone(_) => return (None, response.cursor),
                Message::Checkpoint(_) => {}
            }
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.expect("an event in time")
}

/// The first event that is so, with its cursor.
async fn until(watch: &mut Watch, is_so: impl Fn(&Event) -> bool) -> (Event, String) {
    loop {
        if let (Some(event), cursor) = next(watch).await
            && is_so(&event)
        {
            return (event, cursor);
        }
    }
}

#[tokio::test]
async fn a_watch_tells_what_there_is_and_then_what_changes_and_goes_on_from_its_cursor() {
    let (services, subnet_id) = start().await;
    let one = create(&services, new_load_balancer(&subnet_id)).await;
    settled(&services, &one.id).await;
    let mut all = watch(&services, "", &[]).await;
    let (first, _) = next(&mut all).await;
    let first = first.expect("an event of the load balancer");
    assert_eq!((first.kind(), first.id.as_str()), (Kind::LoadBalancer, one.id.as_str()));
    assert_eq!(next(&mut all).await.0, None, "one load balancer is all");

    let request =
        CreateListenerRequest { listener: Some(new_listener(&one.id, 80)), ..CreateListenerRequest::default() };
    let listener = ListenersClient::new(services.channel.clone()).create(request).await.unwrap().into_inner();
    let (event, cursor) = until(&mut all, |event| event.kind() == Kind::Listener).await;
    assert_eq!(event.id, listener.id);
    assert!(matches!(event.object, Some(Object::Listener(_))), "{event:?}");

    let rename = UpdateLoadBalancerRequest {
        load_balancer: Some(LoadBalancer { id: one.id.clone(), name: "renamed".to_owned(), ..LoadBalancer::default() }),
        update_mask: Some(FieldMask { paths: vec!["name".to_owned()] }),
        ..UpdateLoadBalancerRequest::default()
    };
    load_balancers(&services).update(rename).await.unwrap();
    let is_renamed = |event: &Event| matches!(&event.object, Some(Object::LoadBalancer(one)) if one.name == "renamed");
    until(&mut all, is_renamed).await;
    // Another one goes on from where it was.
    let mut later = watch(&services, &cursor, &[Kind::LoadBalancer]).await;
    until(&mut later, is_renamed).await;

    let gone = DeleteLoadBalancerRequest { id: one.id.clone(), cascade: true, ..DeleteLoadBalancerRequest::default() };
    load_balancers(&services).delete(gone).await.unwrap();
    for watch in [&mut all, &mut later] {
        let is_gone = |event: &Event| event.id == one.id && matches!(event.object, Some(Object::Deleted(_)));
        until(watch, is_gone).await;
    }
}
