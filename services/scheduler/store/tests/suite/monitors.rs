//! Health monitors and their associations.

use ballast_model::{
    fault::{Code, InUse},
    health_monitor::MonitorChange,
    status::Progress,
};

use crate::{
    database::{Database, on_each_backend, read, write},
    samples::{id, monitor, pool, store_all},
};

async fn a_monitor_is_stored_changed_and_deleted(database: &Database) {
    let change = MonitorChange { delay: Some(9), url_path: Some("/up".to_owned()), ..MonitorChange::default() };
    let changed = monitor(31).change(change).unwrap();
    write!(database.store, [], |tx| tx.insert_monitor(&monitor(31)).await).unwrap();
    write!(database.store, [changed], |tx| tx.save_monitor(&changed).await).unwrap();
    assert_eq!(read!(database.store, [], |tx| tx.monitor(id(31)).await).unwrap(), Some(changed));
    write!(database.store, [], |tx| tx.delete_monitor(id(31)).await).unwrap();
    assert_eq!(read!(database.store, [], |tx| tx.monitor(id(31)).await).unwrap(), None);
    for fault in [
        write!(database.store, [], |tx| tx.delete_monitor(id(31)).await),
        write!(database.store, [], |tx| tx.save_monitor(&monitor(31)).await),
    ] {
        assert_eq!(fault.unwrap_err().code(), Code::HealthMonitorNotFound);
    }
}

async fn pools_share_a_monitor_and_keep_it(database: &Database) {
    write!(database.store, [], |tx| {
        tx.insert_monitor(&monitor(31)).await?;
        tx.insert_monitor(&monitor(32)).await?;
        tx.insert_monitor(&monitor(33)).await
    })
    .unwrap();
    let first = pool(1).associate(id(1), monitor(31)).unwrap().associate(id(1), monitor(32)).unwrap();
    let second = pool(2).associate(id(2), monitor(31)).unwrap();
    store_all(database, &[first, second]).await;
    let (owners, one, all) = read!(database.store, [], |tx| Ok((
        tx.owners_of_monitor(id(31)).await?,
        tx.associations_of(id(31)).await?,
        tx.associations_of_many(&[id(31), id(32), id(33)]).await?,
    )))
    .unwrap();
    assert_eq!(owners, [id(1), id(2)]);
    assert_eq!(one, [(id(1), Progress::created(2.into())), (id(2), Progress::created(2.into()))]);
    assert_eq!(all[&id(31)], one);
    assert_eq!(all[&id(32)], [(id(1), Progress::created(3.into()))]);
    assert!(!all.contains_key(&id(33)));
    let fault = write!(database.store, [], |tx| tx.delete_monitor(id(31)).await).unwrap_err();
    assert_eq!(fault, InUse::HealthMonitor { monitor_id: id(31) }.into());
}

async fn a_changed_monitor_is_loaded_with_its_load_balancers(database: &Database) {
    write!(database.store, [], |tx| tx.insert_monitor(&monitor(31)).await).unwrap();
    store_all(database, &[pool(1).associate(id(1), monitor(31)).unwrap()]).await;
    let change = MonitorChange { timeout: Some(1), ..MonitorChange::default() };
    let changed = monitor(31).change(change).unwrap();
    let expected = write!(database.store, [changed], |tx| {
        tx.save_monitor(&changed).await?;
        let before = tx.load(id(1)).await?.unwrap();
        let after = before.clone().monitor_changed(&changed);
        tx.save(&before, &after).await?;
        Ok(after)
    });
    let loaded = read!(database.store, [], |tx| tx.load(id(1)).await).unwrap().unwrap();
    assert_eq!(loaded.pools[0].monitors[0].monitor, changed);
    assert_eq!(loaded, expected.unwrap());
}

on_each_backend![
    a_monitor_is_stored_changed_and_deleted,
    pools_share_a_monitor_and_keep_it,
    a_changed_monitor_is_loaded_with_its_load_balancers,
];
