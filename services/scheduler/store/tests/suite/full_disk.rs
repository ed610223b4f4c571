//! What SQLite's disk does to those that write: whatever is acknowledged is there, whatever is not is told.

use std::{fs, path::Path, process::Command};

use ballast_lab::in_lab;
use ballast_model::fault::Code;
use ballast_store::Store;

use crate::{
    database::{read, write},
    samples::{id, pool},
};

fn mount_small(directory: &Path) {
    let mut mount = Command::new("mount");
    assert!(mount.args(["-t", "tmpfs", "-o", "size=4m", "small"]).arg(directory).status().unwrap().success());
}

/// Until there is no room for a byte.
fn fill(file: &Path) {
    use std::io::Write as _;

    let mut filler = fs::File::create(file).unwrap();
    for size in [65_536, 4_096, 1] {
        while filler.write_all(&vec![0; size]).is_ok() {}
    }
}

async fn acknowledged_is_stored(directory: &Path) {
    let (url, filler) = (format!("sqlite://{}/ballast.db", directory.display()), directory.join("filler"));
    let store = Store::open(&url).await.unwrap();
    let mut acknowledged = Vec::new();
    for round in 0..4 {
        fill(&filler);
        // Some alone, some in one group, and some that are dropped in their middle.
        let mut faults = 0;
        for number in 0..200 {
            let number = 1_000 * round + number;
            match write!(store, [], |tx| tx.insert(&pool(number)).await) {
                Ok(()) => acknowledged.push(number),
                Err(fault) => {
                    assert_eq!(fault.code(), Code::Unavailable, "{fault:?}");
                    faults += 1;
                }
            }
        }
        assert!(faults > 0, "round {round}: the disk was not full");
        let group = (500..520).map(|number| {
            let (store, number) = (store.clone(), 1_000 * round + number);
            async move { (number, write!(store, [], |tx| tx.insert(&pool(number)).await)) }
        });
        let group = futures_util::future::join_all(group).await;
        acknowledged.extend(group.into_iter().filter(|(_, done)| done.is_ok()).map(|(number, _)| number));
        fs::remove_file(&filler).unwrap();
        for number in 900..905 {
            let number = 1_000 * round + number;
            write!(store, [], |tx| tx.insert(&pool(number)).await).unwrap();
            acknowledged.push(number);
        }
        let again = Store::open(&url).await.unwrap();
        for number in &acknowledged {
            for store in [&store, &again] {
                let found = read!(store, [number], |tx| tx.load(id(number)).await).unwrap();
                assert!(found.is_some(), "round {round}: {number} was acknowledged and is not there");
            }
        }
    }
}

#[test]
fn what_is_acknowledged_on_a_full_disk_and_after_it_is_stored() {
    in_lab(|lab| {
        let directory = lab.dir().join("small");
        fs::create_dir(&directory)?;
        mount_small(&directory);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        runtime.block_on(acknowledged_is_stored(&directory));
        Ok(())
    });
}
