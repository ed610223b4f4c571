//! PostgreSQL is lost while it commits, has no room, or takes no writes.

use std::sync::{
    Arc,
    atomic::{AtomicU8, AtomicU32, Ordering},
};

use ballast_lab::Postgres;
use ballast_model::fault::{Absence, Code, Facts};
use ballast_store::Store;
use sea_orm::{ConnectionTrait as _, DatabaseConnection};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use crate::{
    database::{Database, read, write},
    samples::{id, pool},
};

const PASS: u8 = 0;
/// The connection ends before the server hears of the commit.
const CUT_BEFORE: u8 = 1;
/// It ends when the server has answered, before the client hears it.
const CUT_AFTER: u8 = 2;

/// Between the store and its server; the address where it listens, and what it does with a COMMIT.
async fn proxy(server: String) -> (String, Arc<AtomicU8>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mode = Arc::new(AtomicU8::new(PASS));
    let shared = Arc::clone(&mode);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let (server, mode) = (TcpStream::connect(&server).await.unwrap(), Arc::clone(&shared));
            tokio::spawn(async move { carry(client, server, &mode).await });
        }
    });
    (address, mode)
}

async fn carry(mut client: TcpStream, mut server: TcpStream, mode: &AtomicU8) -> std::io::Result<()> {
    let (mut asked, mut answered) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let sent = &asked[..read?];
                if sent.is_empty() {
                    return Ok(());
                }
                let commits = sent.windows(6).any(|word| word == b"COMMIT");
                match mode.load(Ordering::SeqCst) {
                    CUT_BEFORE if commits => return Ok(()),
                    CUT_AFTER if commits => {
                        server.write_all(sent).await?;
                        return server.read(&mut answered).await.map(|_| ());
                    }
                    _ => server.write_all(sent).await?,
                }
            }
            read = server.read(&mut answered) => match read? {
                0 => return Ok(()),
                size => client.write_all(&answered[..size]).await?,
            },
        }
    }
}

async fn administrator(url: &str) -> DatabaseConnection {
    sea_orm::Database::connect(url.to_owned()).await.unwrap()
}

/// Whether it came to be nobody knows: so it is not done again, and nobody is told that it may be.
pub(crate) async fn a_commit_whose_answer_is_lost_is_not_done_again(server: &Postgres) {
    let database = Database::postgres(server).await;
    let (before, rest) = database.url.split_once('@').unwrap();
    let (host, name) = rest.split_once('/').unwrap();
    let (address, mode) = proxy(host.to_owned()).await;
    let store = Store::open(&format!("{before}@{address}/{name}")).await.unwrap();
    for (number, cut, stored) in [(1, CUT_BEFORE, false), (2, CUT_AFTER, true)] {
        mode.store(cut, Ordering::SeqCst);
        let tries = Arc::new(AtomicU32::new(0));
        let done = write!(store, [tries], |tx| {
            tries.fetch_add(1, Ordering::SeqCst);
            tx.insert(&pool(number)).await
        });
        mode.store(PASS, Ordering::SeqCst);
        let fault = done.unwrap_err();
        assert_eq!((fault.code(), tries.load(Ordering::SeqCst)), (Code::Unavailable, 1), "{fault:?}");
        assert_eq!(fault.facts(), &Facts::Absence(Absence::OutcomeUnknown));
        write!(store, [], |tx| tx.insert(&pool(10 + number)).await).unwrap();
        let found = read!(database.store, [], |tx| tx.load_many(&[id(number), id(10 + number)]).await).unwrap();
        assert_eq!(found.len(), 1 + usize::from(stored));
    }
}

/// A standby, or one whose administrator says so.
pub(crate) async fn a_server_that_takes_no_writes_is_unavailable_until_it_does(server: &Postgres) {
    let database = Database::postgres(server).await;
    let name = database.url.rsplit('/').next().unwrap();
    let administrator = administrator(&server.url_of("postgres")).await;
    let end_others = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
    for (number, setting, expected) in [(1, "on", Some(Code::Unavailable)), (2, "off", None)] {
        let set = format!("ALTER DATABASE \"{name}\" SET default_transaction_read_only = {setting}");
        administrator.execute_unprepared(&set).await.unwrap();
        // As a server that was started again: whoever comes next does not notice.
        administrator.execute_unprepared(&end_others).await.unwrap();
        read!(database.store, [], |tx| tx.load(id(1)).await).unwrap();
        let done = write!(database.store, [], |tx| tx.insert(&pool(number)).await);
        assert_eq!(done.as_ref().err().map(ballast_model::fault::Fault::code), expected, "{done:?}");
    }
    assert!(read!(database.store, [], |tx| tx.load(id(1)).await).unwrap().is_none());
}

/// What the server says of a full disk is told, and what was acknowledged is there.
pub(crate) async fn what_is_acknowledged_while_its_disk_fills_is_stored(server: &Postgres) {
    let Some(small) = server.small_disk() else { return };
    let (maintenance, url) = (administrator(&server.url_of("postgres")).await, server.url());
    let name = url.rsplit('/').next().unwrap();
    for statement in [
        format!("COPY (SELECT 1) TO PROGRAM 'mkdir {small}/space'"),
        format!("CREATE TABLESPACE small LOCATION '{small}/space'"),
        format!("CREATE DATABASE \"{name}\" TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C' TABLESPACE small"),
    ] {
        maintenance.execute_unprepared(&statement).await.unwrap();
    }
    let store = Store::open(&url).await.unwrap();
    let other = administrator(&url).await;
    let (mut acknowledged, mut failed) = (Vec::new(), 0);
    for round in 0..2 {
        other.execute_unprepared("CREATE TABLE filler (text text)").await.unwrap();
        let fill = "INSERT INTO filler SELECT repeat(md5(random()::text), 50) FROM generate_series(1, 20)";
        while other.execute_unprepared(fill).await.is_ok() {}
        for number in round * 1_000 + 1..round * 1_000 + 120 {
            match write!(store, [], |tx| tx.insert(&pool(number)).await) {
                Ok(()) => acknowledged.push(number),
                Err(fault) => {
                    assert_eq!(fault.code(), Code::Unavailable, "{fault:?}");
                    failed += 1;
                }
            }
        }
        assert!(failed > 0, "round {round}: the disk was not full");
        other.execute_unprepared("DROP TABLE filler").await.unwrap();
        write!(store, [], |tx| tx.insert(&pool(round * 1_000)).await).unwrap();
        acknowledged.push(round * 1_000);
    }
    let again = Store::open(&url).await.unwrap();
    let ids: Vec<_> = acknowledged.iter().copied().map(id).collect();
    assert_eq!(read!(again, [ids], |tx| tx.load_many(&ids).await).unwrap().len(), acknowledged.len());
}
