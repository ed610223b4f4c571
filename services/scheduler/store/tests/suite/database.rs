//! A fresh database for each test.

use std::{pin::Pin, time::Duration};

use ballast_lab::Postgres;
use ballast_store::Store;
use sea_orm::{ConnectionTrait as _, DatabaseConnection};
use tempfile::TempDir;
use tokio::sync::OnceCell;

/// An empty database, gone with the test.
pub(crate) struct Database {
    pub(crate) store: Store,
    pub(crate) url: String,
    _directory: Option<TempDir>,
}

fn name(url: &str) -> &str {
    url.rsplit('/').next().unwrap()
}

/// Of the same server, for what is done to databases.
async fn maintenance(url: &str) -> DatabaseConnection {
    let server = format!("{}/postgres", url.rsplit_once('/').unwrap().0);
    sea_orm::Database::connect(server).await.unwrap()
}

/// Waits until nobody is connected to the model any more: its connections end after its store.
async fn copy(model: &str, url: &str) {
    let maintenance = maintenance(url).await;
    let statement = format!("CREATE DATABASE \"{}\" TEMPLATE \"{}\"", name(url), name(model));
    let copied = async {
        while let Err(error) = maintenance.execute_unprepared(&statement).await {
            assert!(error.to_string().contains("being accessed by other users"), "{error}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), copied).await.unwrap();
    maintenance.close().await.unwrap();
}

/// A test of the suite, for whoever runs it on another database.
#[derive(Clone, Copy)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) run: for<'d> fn(&'d Database) -> Pin<Box<dyn Future<Output = ()> + 'd>>,
}

impl Database {
    /// A file of SQLite.
    pub(crate) async fn sqlite() -> Self {
        let directory = TempDir::new().unwrap();
        let url = format!("sqlite://{}", directory.path().join("ballast.db").display());
        Self { store: Store::open(&url).await.unwrap(), url, _directory: Some(directory) }
    }

    /// A database that the server does not have yet: a copy of one with the schema, which is quicker than the schema.
    pub(crate) async fn postgres(server: &Postgres) -> Self {
        static MODEL: OnceCell<String> = OnceCell::const_new();
        let model = MODEL.get_or_init(|| async {
            let url = server.url();
            drop(Store::open(&url).await.unwrap());
            url
        });
        let (model, url) = (model.await, server.url());
        copy(model, &url).await;
        Self { store: Store::open(&url).await.unwrap(), url, _directory: None }
    }

    /// Takes it off its server, which would keep it to its end: together they fill a small disk.
    pub(crate) async fn dropped(self) {
        let Self { store, url, .. } = self;
        drop(store);
        let maintenance = maintenance(&url).await;
        let gone = format!("DROP DATABASE \"{}\" WITH (FORCE)", name(&url));
        maintenance.execute_unprepared(&gone).await.unwrap();
        maintenance.close().await.unwrap();
    }

    /// The same database, opened again.
    pub(crate) async fn reopened(&self) -> Store {
        Store::open(&self.url).await.unwrap()
    }
}

/// Runs tests on each kind of database: on SQLite one by one, on PostgreSQL all in one test, which has the server.
macro_rules! on_each_backend {
    ($($test:ident),+ $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test]
                async fn $test() {
                    Box::pin(super::$test(&crate::database::Database::sqlite().await)).await;
                }
            )+
        }

        pub(crate) const CASES: &[$crate::database::Case] = &[$(
            $crate::database::Case {
                name: concat!(module_path!(), "::", stringify!($test)),
                run: |database| Box::pin($test(database)),
            }
        ),+];
    };
}
pub(crate) use on_each_backend;

/// One transaction that writes, with clones of what it uses.
macro_rules! write {
    ($store:expr, [$($used:ident),*], |$tx:ident| $body:expr) => {
        $store
            .write({
                $(let $used = $used.clone();)*
                move |$tx, _| {
                    $(let $used = $used.clone();)*
                    Box::pin(async move { $body })
                }
            })
            .await
    };
}
pub(crate) use write;

/// One transaction that reads, with clones of what it uses.
macro_rules! read {
    ($store:expr, [$($used:ident),*], |$tx:ident| $body:expr) => {
        $store
            .read({
                $(let $used = $used.clone();)*
                move |$tx, _| {
                    $(let $used = $used.clone();)*
                    Box::pin(async move { $body })
                }
            })
            .await
    };
}
pub(crate) use read;
