//! Several schedulers: which calls go to another one, and how soon.

use std::time::{Duration, Instant};

use ballast_service::{
    address::Address,
    config::{Gateway, Settings},
};
use tokio::{io::AsyncReadExt as _, net::TcpListener};

use crate::{new_pool, setting::Setting};

/// A connection's beginning is shorter, and a call after it is longer.
const A_CALL: usize = 200;
/// A ping each second, two seconds for its answer, and the call itself.
const LEFT: Duration = Duration::from_secs(5);

/// One that ends each connection once a call has come.
async fn cutting() -> Address {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string().parse().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (mut come, mut read) = (0, vec![0; 1 << 12]);
            while come < A_CALL {
                come += stream.read(&mut read).await.unwrap_or(A_CALL);
            }
        }
    });
    address
}

/// One that takes connections and never says anything.
async fn hanging() -> Address {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string().parse().unwrap();
    tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok(accepted) = listener.accept().await {
            kept.push(accepted);
        }
    });
    address
}

/// A gateway that asks this one first, and then one whose answers are scripted.
async fn after(first: Address) -> Setting {
    Setting::with(|settings: &mut Settings| {
        let scripted = std::mem::replace(&mut settings.gateway.scheduler, Gateway::default().scheduler);
        settings.gateway.schedulers = vec![first, scripted];
    })
    .await
}

async fn creates(setting: &Setting) -> u16 {
    setting.call("POST", "/v2.0/lb/pools", Some(new_pool())).await.0
}

fn has_seen_one(setting: &Setting) -> bool {
    setting.seen.lock().unwrap().pool.is_some()
}

#[tokio::test]
async fn what_was_surely_not_sent_goes_to_the_next_one() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let setting = after(free.to_string().parse().unwrap()).await;
    assert_eq!(creates(&setting).await, 201);
    assert!(has_seen_one(&setting));
}

#[tokio::test]
async fn a_write_that_may_have_been_sent_is_not_repeated_and_what_reads_is() {
    let setting = after(cutting().await).await;
    assert_eq!(creates(&setting).await, 503, "nobody knows what became of it");
    assert!(!has_seen_one(&setting), "it was repeated");
    assert_eq!(creates(&setting).await, 201, "the next call goes elsewhere");
    let setting = after(cutting().await).await;
    assert_eq!(setting.get("/v2.0/lb/pools").await.0, 200);
}

#[tokio::test]
async fn one_that_hangs_is_left_in_time() {
    let setting = after(hanging().await).await;
    let begun = Instant::now();
    assert_eq!(creates(&setting).await, 503, "nobody knows what became of it");
    assert!(begun.elapsed() < LEFT && !has_seen_one(&setting), "{:?}", begun.elapsed());
    let begun = Instant::now();
    assert_eq!(creates(&setting).await, 201);
    assert!(begun.elapsed() < Duration::from_secs(1), "it is not asked again: {:?}", begun.elapsed());
    let setting = after(hanging().await).await;
    let begun = Instant::now();
    assert_eq!(setting.get("/v2.0/lb/pools").await.0, 200);
    assert!(begun.elapsed() < LEFT, "{:?}", begun.elapsed());
}
