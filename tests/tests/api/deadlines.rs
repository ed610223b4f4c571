//! A call whose time is over does nothing, whoever set the time.

use std::time::Duration;

use ballast_model::fault::Fault;
use ballast_proto::{
    driver::{LbMethod, Protocol},
    v1::{CreatePoolRequest, ListRequest, Pool, pools_client::PoolsClient},
};
use ballast_store::Store;
use tokio::{sync::oneshot, task::JoinHandle};
use tonic::{Code, Request};
use tonic_types::StatusExt as _;

use crate::{played::obedient, services::Services};

/// The database's write lock, held by somebody else.
pub(crate) struct Held {
    release: oneshot::Sender<()>,
    holder: JoinHandle<()>,
}

impl Held {
    pub(crate) async fn new(database: &str) -> Self {
        let store = Store::open(database).await.unwrap();
        let (release, released) = oneshot::channel::<()>();
        let (taken, is_taken) = oneshot::channel();
        let holder = tokio::spawn(async move {
            let once = std::sync::Mutex::new(Some((taken, released)));
            let hold = store.write(|_, _| {
                let parts = once.lock().unwrap().take();
                Box::pin(async move {
                    let (taken, released) = parts.ok_or_else(|| Fault::internal("run twice"))?;
                    taken.send(()).unwrap();
                    released.await.map_err(Fault::internal)
                })
            });
            hold.await.unwrap();
        });
        is_taken.await.unwrap();
        Self { release, holder }
    }

    pub(crate) async fn release(self) {
        self.release.send(()).unwrap();
        self.holder.await.unwrap();
    }
}

fn create(subnet_id: &str) -> CreatePoolRequest {
    let pool = Pool {
        project_id: "demo".to_owned(),
        name: "late".to_owned(),
        subnet_id: subnet_id.to_owned(),
        protocol: Protocol::Http.into(),
        lb_method: LbMethod::RoundRobin.into(),
        ..Pool::default()
    };
    CreatePoolRequest { pool: Some(pool), ..CreatePoolRequest::default() }
}

async fn pools(services: &Services) -> usize {
    let list = PoolsClient::new(services.channel.clone()).list(ListRequest::default()).await.unwrap();
    list.into_inner().pools.len()
}

#[tokio::test]
async fn a_write_that_cannot_begin_before_its_deadline_never_does() {
    let services = Services::start().await;
    obedient(&services.channel, "a").await;
    let subnet = services.subnet().await;
    let held = Held::new(&services.database).await;
    let late = loop {
        let mut request = Request::new(create(&subnet));
        request.set_timeout(Duration::from_millis(300));
        let late = PoolsClient::new(services.channel.clone()).create(request).await.unwrap_err();
        // The client has a clock too, which on a busy machine is first: what the scheduler says is waited for.
        if late.code() != Code::Cancelled {
            break late;
        }
    };
    assert_eq!(late.code(), Code::DeadlineExceeded, "{late:?}");
    assert_eq!(late.get_error_details().error_info().unwrap().reason, "DEADLINE_EXCEEDED");
    held.release().await;
    // A later write is done, and the one before it would have been.
    PoolsClient::new(services.channel.clone()).create(create(&subnet)).await.unwrap();
    assert_eq!(pools(&services).await, 1);
}

#[tokio::test]
async fn a_call_without_a_deadline_gets_the_servers() {
    let services = Services::with(|settings| settings.scheduler.call_timeout_ms = 700).await;
    obedient(&services.channel, "a").await;
    let subnet = services.subnet().await;
    let held = Held::new(&services.database).await;
    let late = PoolsClient::new(services.channel.clone()).create(create(&subnet)).await.unwrap_err();
    assert_eq!(late.code(), Code::DeadlineExceeded, "{late:?}");
    held.release().await;
    PoolsClient::new(services.channel.clone()).create(create(&subnet)).await.unwrap();
    assert_eq!(pools(&services).await, 1);
}

#[tokio::test]
async fn a_call_that_is_cancelled_is_undone() {
    let services = Services::start().await;
    obedient(&services.channel, "a").await;
    let subnet = services.subnet().await;
    let held = Held::new(&services.database).await;
    let mut client = PoolsClient::new(services.channel.clone());
    let call = tokio::spawn(async move { client.create(create(&subnet)).await });
    // It is on its way when another one, sent after it, has been refused.
    let mut later = Request::new(create("nonsense"));
    later.set_timeout(Duration::from_secs(5));
    assert_eq!(
        PoolsClient::new(services.channel.clone()).create(later).await.unwrap_err().code(),
        Code::InvalidArgument
    );
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    held.release().await;
    let subnet = services.subnet_of("10.1.0.0/24").await;
    PoolsClient::new(services.channel.clone()).create(create(&subnet)).await.unwrap();
    assert_eq!(pools(&services).await, 1);
}
