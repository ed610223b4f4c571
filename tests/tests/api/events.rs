//! `Events.Watch`: a snapshot, changes, cursors, and who is told of what.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use ballast_proto::v1::{
    Event, Kind, ListRequest, WatchRequest, WatchResponse, event::Object, events_client::EventsClient,
    members_client::MembersClient, pools_client::PoolsClient, vips_client::VipsClient, watch_response::Message,
};
use serde_json::json;
use tokio::task::JoinSet;
use tonic::{Code, Request, Status, Streaming, transport::Endpoint};
use tonic_types::StatusExt as _;

use crate::{
    played::obedient,
    services::{PATIENCE, Services, member, monitor, pool, vip},
};

type Key = (Kind, String);

/// What a client knows that watches, and where it would go on.
#[derive(Default)]
struct Known {
    objects: BTreeMap<(i32, String), Object>,
    cursor: String,
    has_snapshot: bool,
    order: Vec<(Key, bool)>,
}

impl Known {
    fn take(&mut self, response: WatchResponse) {
        if !response.cursor.is_empty() {
            self.cursor = response.cursor;
        }
        match response.message {
            Some(Message::Event(Event { kind, id, object: Some(object) })) => {
                let is_gone = matches!(object, Object::Deleted(_));
                self.order.push(((Kind::try_from(kind).unwrap(), id.clone()), is_gone));
                if is_gone {
                    self.objects.remove(&(kind, id));
                } else {
                    self.objects.insert((kind, id), object);
                }
            }
            Some(Message::SnapshotDone(_)) => self.has_snapshot = true,
            Some(Message::Checkpoint(_)) => {}
            other => panic!("{other:?}"),
        }
    }

    fn get(&self, kind: Kind, id: &str) -> Option<&Object> {
        self.objects.get(&(kind.into(), id.to_owned()))
    }

    fn ids(&self, kind: Kind) -> BTreeSet<String> {
        self.objects.keys().filter(|(of, _)| *of == i32::from(kind)).map(|(_, id)| id.clone()).collect()
    }

    /// Takes what comes until that is true.
    async fn until(&mut self, stream: &mut Streaming<WatchResponse>, what: &str, is_so: impl Fn(&Self) -> bool) {
        let wait = async {
            while !is_so(self) {
                self.take(stream.message().await.unwrap().expect("an open stream"));
            }
        };
        assert!(tokio::time::timeout(PATIENCE, wait).await.is_ok(), "not told: {what}; told: {:?}", self.order);
    }

    async fn snapshot(&mut self, stream: &mut Streaming<WatchResponse>) {
        self.until(stream, "the end of the snapshot", |known| known.has_snapshot).await;
    }
}

/// A call as a member of a project; none: as an operator.
fn of_project<T>(project: Option<&str>, message: T) -> Request<T> {
    let mut request = Request::new(message);
    if let Some(project) = project {
        request.metadata_mut().insert("ballast-roles", "member".parse().unwrap());
        request.metadata_mut().insert("ballast-project-id", project.parse().unwrap());
    }
    request
}

async fn try_watch(
    services: &Services,
    project: Option<&str>,
    request: WatchRequest,
) -> Result<Streaming<WatchResponse>, Status> {
    let mut client = EventsClient::new(services.channel.clone());
    client.watch(of_project(project, request)).await.map(tonic::Response::into_inner)
}

async fn watch(services: &Services, cursor: &str) -> Streaming<WatchResponse> {
    let request = WatchRequest { cursor: cursor.to_owned(), kinds: Vec::new() };
    try_watch(services, None, request).await.unwrap()
}

/// How the watch from a cursor ends.
async fn end_of(services: &Services, cursor: &str) -> Status {
    let request = WatchRequest { cursor: cursor.to_owned(), kinds: Vec::new() };
    match try_watch(services, None, request).await {
        Err(status) => status,
        Ok(stream) => last(stream).await,
    }
}

async fn last(mut stream: Streaming<WatchResponse>) -> Status {
    let end = async {
        loop {
            match stream.message().await {
                Err(status) => return status,
                Ok(None) => panic!("a watch ends with a status"),
                Ok(Some(_)) => {}
            }
        }
    };
    tokio::time::timeout(PATIENCE, end).await.expect("the end of the stream")
}

#[tokio::test]
async fn a_watch_begins_with_a_snapshot_and_goes_on_with_changes() {
    let services = Services::start().await;
    let agent = obedient(&services.channel, "a").await;
    let subnet = services.subnet().await;
    let pool = services.pool(&subnet).await;
    services.settled(&format!("/v2.0/lb/pools/{pool}"), "ACTIVE").await;
    let (mut known, mut stream) = (Known::default(), watch(&services, "").await);
    known.snapshot(&mut stream).await;
    assert!(known.get(Kind::Pool, &pool).is_some() && known.get(Kind::Subnet, &subnet).is_some());
    assert!(known.get(Kind::Agent, &agent).is_some());
    assert_eq!(known.ids(Kind::Network).len(), 1);

    let member = services.create("/v2.0/lb/members", member(&pool, "10.0.0.9")).await.id();
    let vip = services.create("/v2.0/lb/vips", vip(&subnet, &pool)).await.id();
    let monitor = services.create("/v2.0/lb/health_monitors", monitor()).await.id();
    let association = json!({"health_monitor": {"id": monitor}});
    services.create(&format!("/v2.0/lb/pools/{pool}/health_monitors"), association).await;
    let is_active = |known: &Known| {
        let Some(Object::Pool(found)) = known.get(Kind::Pool, &pool) else { return false };
        let Some(Object::HealthMonitor(checks)) = known.get(Kind::HealthMonitor, &monitor) else { return false };
        let active = i32::from(ballast_proto::v1::Status::Active);
        found.vip_id == vip
            && found.member_ids == [member.clone()]
            && found.health_monitors.iter().all(|one| one.status == active)
            && checks.pools.first().is_some_and(|one| one.status == active)
            && matches!(known.get(Kind::Vip, &vip), Some(Object::Vip(vip)) if vip.status == active)
            && matches!(known.get(Kind::Member, &member), Some(Object::Member(member)) if member.status == active)
    };
    known.until(&mut stream, "all is ACTIVE", is_active).await;

    services.call("DELETE", &format!("/v2.0/lb/vips/{vip}"), None).await;
    services.call("DELETE", &format!("/v2.0/lb/pools/{pool}"), None).await;
    known.until(&mut stream, "all is gone", |known| known.ids(Kind::Pool).is_empty()).await;
    let none = |kind| move |known: &Known| known.ids(kind).is_empty();
    known.until(&mut stream, "the member is gone", none(Kind::Member)).await;
    known.until(&mut stream, "the vip is gone", none(Kind::Vip)).await;
}

#[tokio::test]
async fn a_watch_goes_on_from_its_cursor() {
    let services = Services::start().await;
    obedient(&services.channel, "a").await;
    let subnet = services.subnet().await;
    let (mut known, mut stream) = (Known::default(), watch(&services, "").await);
    known.snapshot(&mut stream).await;
    drop(stream);
    let kept = services.pool(&subnet).await;
    let gone = services.pool(&subnet).await;
    services.call("DELETE", &format!("/v2.0/lb/pools/{gone}"), None).await;

    let mut resumed = Known::default();
    let mut stream = watch(&services, &known.cursor).await;
    resumed
        .until(&mut stream, "both pools", |known| {
            let told = |id: &str, is_gone| known.order.contains(&((Kind::Pool, id.to_owned()), is_gone));
            told(&kept, false) && told(&gone, true)
        })
        .await;
    assert!(!resumed.has_snapshot && !resumed.cursor.is_empty());
    assert_eq!(resumed.ids(Kind::Pool), [kept].into());
}

#[tokio::test]
async fn kinds_that_were_not_asked_for_are_not_told() {
    let services = Services::start().await;
    obedient(&services.channel, "a").await;
    let subnet = services.subnet().await;
    let request = WatchRequest { cursor: String::new(), kinds: vec![Kind::Pool.into()] };
    let mut stream = try_watch(&services, None, request).await.unwrap();
    let mut known = Known::default();
    known.snapshot(&mut stream).await;
    let pool = services.pool(&subnet).await;
    services.create("/v2.0/lb/members", member(&pool, "10.0.0.9")).await;
    let has_member =
        |known: &Known| matches!(known.get(Kind::Pool, &pool), Some(Object::Pool(pool)) if pool.member_ids.len() == 1);
    known.until(&mut stream, "the pool's member", has_member).await;
    assert!(known.order.iter().all(|((kind, _), _)| *kind == Kind::Pool), "{:?}", known.order);
    let nonsense = try_watch(&services, None, WatchRequest { cursor: String::new(), kinds: vec![99] }).await;
    assert_eq!(nonsense.unwrap_err().code(), Code::InvalidArgument);
}

/// A client that is cut off again and again knows in the end what is there.
#[tokio::test]
async fn what_was_told_is_what_is_there_however_often_the_watch_breaks_off() {
    let services = Services::start().await;
    obedient(&services.channel, "a").await;
    let subnet = services.subnet().await;
    let mut writers = JoinSet::new();
    let services = std::sync::Arc::new(services);
    for writer in 0..4 {
        let (services, subnet) = (std::sync::Arc::clone(&services), subnet.clone());
        writers.spawn(async move {
            for n in 0..6 {
                let pool = services.pool(&subnet).await;
                let address = format!("10.0.0.{}", 10 + writer * 10 + n);
                services.create("/v2.0/lb/members", member(&pool, &address)).await;
                if n % 3 == 0 {
                    services.call("DELETE", &format!("/v2.0/lb/pools/{pool}"), None).await;
                }
            }
        });
    }
    let mut known = Known::default();
    let mut stream = watch(&services, "").await;
    known.snapshot(&mut stream).await;
    while !writers.is_empty() {
        for _ in 0..3 {
            let message = tokio::time::timeout(Duration::from_millis(20), stream.message()).await;
            if let Ok(message) = message {
                known.take(message.unwrap().expect("an open stream"));
            }
        }
        stream = watch(&services, &known.cursor).await;
        while let Some(done) = writers.try_join_next() {
            done.unwrap();
        }
    }
    let channel = &services.channel;
    let everything = ListRequest::default;
    let pools = PoolsClient::new(channel.clone()).list(everything()).await.unwrap().into_inner().pools;
    let members = MembersClient::new(channel.clone()).list(everything()).await.unwrap().into_inner().members;
    assert_eq!((pools.len(), members.len()), (16, 16));
    let pools: BTreeSet<String> = pools.into_iter().map(|pool| pool.id).collect();
    let members: BTreeSet<String> = members.into_iter().map(|member| member.id).collect();
    let is_same = |known: &Known| known.ids(Kind::Pool) == pools && known.ids(Kind::Member) == members;
    known.until(&mut stream, "what is there", is_same).await;
}

#[tokio::test]
async fn a_tenant_is_told_of_his_own_and_of_what_is_shared() {
    let services = Services::start().await;
    obedient(&services.channel, "a").await;
    let request = || WatchRequest::default();
    let (mut own, mut foreign) = (Known::default(), Known::default());
    let mut own_stream = try_watch(&services, Some("demo"), request()).await.unwrap();
    let mut foreign_stream = try_watch(&services, Some("other"), request()).await.unwrap();
    own.snapshot(&mut own_stream).await;
    foreign.snapshot(&mut foreign_stream).await;
    let subnet = services.subnet().await;
    let pool_id = services.create("/v2.0/lb/pools", pool(&subnet)).await.id();
    let shared = json!({"network": {"name": "all", "shared": true}});
    let shared = services.create("/v2.0/networks", shared).await.id();
    own.until(&mut own_stream, "the shared network", |known| known.get(Kind::Network, &shared).is_some()).await;
    own.until(&mut own_stream, "his pool", |known| known.get(Kind::Pool, &pool_id).is_some()).await;
    foreign.until(&mut foreign_stream, "the shared network", |known| !known.order.is_empty()).await;
    assert_eq!(foreign.order, [((Kind::Network, shared.clone()), false)]);
    assert!(own.ids(Kind::Agent).is_empty());

    let mut late = Known::default();
    let mut late_stream = try_watch(&services, Some("other"), request()).await.unwrap();
    late.snapshot(&mut late_stream).await;
    assert_eq!(late.order, [((Kind::Network, shared), false)]);
}

#[tokio::test]
async fn a_cursor_that_is_too_old_or_of_elsewhere_is_refused() {
    let services = Services::with(|settings| settings.events.keep_seconds = 1).await;
    obedient(&services.channel, "a").await;
    let (mut known, mut stream) = (Known::default(), watch(&services, "").await);
    known.snapshot(&mut stream).await;
    drop(stream);
    services.subnet().await;
    services.pass(60);
    // What happened before the clock moved is old when the upkeep has noted, and then looked, twice.
    let refused = async {
        loop {
            services.subnet().await;
            services.pass(60);
            let stream = watch(&services, &known.cursor);
            match tokio::time::timeout(Duration::from_millis(200), last(stream.await)).await {
                Ok(status) => return status,
                Err(_) => continue,
            }
        }
    };
    let refused = tokio::time::timeout(PATIENCE, refused).await.expect("the cursor becomes too old");
    assert_eq!(refused.code(), Code::OutOfRange, "{refused:?}");
    assert_eq!(refused.get_error_details().error_info().unwrap().reason, "CURSOR_EXPIRED");
    assert!(refused.message().contains("watch again without one"), "{refused:?}");

    assert_eq!(end_of(&services, "nonsense").await.code(), Code::InvalidArgument);
    let (_, rest) = known.cursor.split_once('.').unwrap();
    let elsewhere = format!("00000000000000000000000000000000.{rest}");
    assert_eq!(end_of(&services, &elsewhere).await.code(), Code::OutOfRange);
    let (cluster, _) = known.cursor.split_once('.').unwrap();
    assert_eq!(end_of(&services, &format!("{cluster}.0.999999999")).await.code(), Code::OutOfRange);
}

/// More than waits anywhere between the scheduler and a reader.
async fn many_large_pools(services: &Services, subnet: &str) -> Vec<String> {
    let text = "x".repeat(255);
    let mut large = pool(subnet);
    large["pool"]["name"] = json!(text);
    large["pool"]["description"] = json!(text);
    let mut made = Vec::new();
    for _ in 0..100 {
        made.push(services.create("/v2.0/lb/pools", large.clone()).await.id());
    }
    made
}

#[tokio::test]
async fn a_reader_that_takes_nothing_is_told_to_start_again() {
    let services = Services::with(|settings| settings.events.slow_reader_ms = 300).await;
    obedient(&services.channel, "a").await;
    let subnet = services.subnet().await;
    // A connection that takes little at once: the rest waits at the server.
    let narrow = Endpoint::from_shared(format!("http://{}", services.scheduler)).unwrap();
    let narrow = narrow.initial_stream_window_size(1 << 10).initial_connection_window_size(64 << 10).connect_lazy();
    let mut client = EventsClient::new(narrow);
    let mut known = Known::default();
    let mut stream = client.watch(WatchRequest::default()).await.unwrap().into_inner();
    known.snapshot(&mut stream).await;
    let mut made = BTreeSet::new();
    let slow = loop {
        made.extend(many_large_pools(&services, &subnet).await);
        // The reader does something else.
        tokio::time::sleep(Duration::from_millis(600)).await;
        let taken = async {
            loop {
                match stream.message().await {
                    Ok(message) => known.take(message.expect("a watch ends with a status")),
                    Err(status) => return status,
                }
            }
        };
        if let Ok(status) = tokio::time::timeout(Duration::from_millis(500), taken).await {
            break status;
        }
        assert!(made.len() < 1_000, "the reader was never given up");
    };
    assert_eq!(slow.code(), Code::Aborted, "{slow:?}");
    assert_eq!(slow.get_error_details().error_info().unwrap().reason, "READER_TOO_SLOW");
    // Nothing is lost for who goes on from his last cursor.
    let mut stream = watch(&services, &known.cursor).await;
    known.until(&mut stream, "all pools", |known| known.ids(Kind::Pool) == made).await;
}

#[tokio::test]
async fn a_watch_ends_when_the_scheduler_stops() {
    let mut services = Services::start().await;
    let (mut known, mut stream) = (Known::default(), watch(&services, "").await);
    known.snapshot(&mut stream).await;
    services.stop();
    let end = last(stream).await;
    assert_eq!(end.code(), Code::Unavailable, "{end:?}");
    assert!(end.message().contains("watch again from the last cursor"), "{end:?}");
}

#[tokio::test]
async fn a_snapshot_of_more_than_one_part_is_whole() {
    let services = Services::start().await;
    obedient(&services.channel, "a").await;
    let subnet = services.subnet_of("10.0.0.0/16").await;
    let pool = services.pool(&subnet).await;
    let mut members = BTreeSet::new();
    for n in 0..210 {
        let address = format!("10.0.{}.{}", n / 100, 10 + n % 100);
        members.insert(services.create("/v2.0/lb/members", member(&pool, &address)).await.id());
    }
    let (mut known, mut stream) = (Known::default(), watch(&services, "").await);
    known.snapshot(&mut stream).await;
    assert_eq!(known.ids(Kind::Member), members);
    let listed = VipsClient::new(services.channel.clone()).list(ListRequest::default()).await.unwrap();
    assert!(listed.into_inner().vips.is_empty() && known.ids(Kind::Vip).is_empty());
}

#[tokio::test]
async fn a_project_has_as_many_watches_as_it_may_and_one_that_ends_makes_room() {
    let services = Services::with(|settings| settings.events.watches_per_project = 2).await;
    let first = watch(&services, "").await;
    let _second = watch(&services, "").await;
    let request = || WatchRequest { cursor: String::new(), kinds: Vec::new() };
    let refused = try_watch(&services, None, request()).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted, "{refused}");
    drop(first);
    let again = async { while try_watch(&services, None, request()).await.is_err() {} };
    tokio::time::timeout(PATIENCE, again).await.unwrap();
}

#[tokio::test]
async fn a_watch_that_began_while_nobody_watched_misses_nothing() {
    // Others' changes are not looked for in the time of this test: all that is told was told by this scheduler.
    let services = Services::with(|settings| settings.events.poll_interval_ms = 600_000).await;
    let subnet = services.subnet().await;
    obedient(&services.channel, "a").await;
    for _ in 0..3 {
        let mut stream = watch(&services, "").await;
        let mut known = Known::default();
        known.snapshot(&mut stream).await;
        for _ in 0..2 {
            let id = services.pool(&subnet).await;
            known.until(&mut stream, "a new pool", |known| known.get(Kind::Pool, &id).is_some()).await;
        }
    }
}
