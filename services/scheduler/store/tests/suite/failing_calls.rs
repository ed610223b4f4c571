//! The n-th call on SQLite's files fails, for every n and kind of call: whatever is acknowledged is there.
//!
//! A library that is loaded before libc does it. A file system of FUSE could fail the same calls, but needs a mount and
//! sees writes when the kernel makes them of its pages; here it is SQLite's own calls, one by one.

use std::{env, fs, os::unix::fs::FileExt as _, path::Path, process::Command};

use ballast_model::fault::Code;
use ballast_store::Store;
use futures_util::future::join_all;

use crate::{
    database::{read, write},
    samples::{id, pool},
};

const CONTROL: &str = "BALLAST_TEST_FAILING_CALLS";
const CALLS: [(&str, i32); 4] = [("write", 1), ("sync", 2), ("truncate", 4), ("read", 8)];
const ERRORS: [(&str, i32); 3] = [("EIO", 5), ("ENOSPC", 28), ("EFBIG", 27)];

struct Control(fs::File);

impl Control {
    fn set(&self, numbers: [i32; 5]) {
        let bytes: Vec<u8> = numbers.into_iter().flat_map(i32::to_ne_bytes).collect();
        self.0.write_all_at(&bytes, 0).unwrap();
    }

    fn failed(&self) -> i32 {
        let mut bytes = [0; 4];
        self.0.read_exact_at(&mut bytes, 16).unwrap();
        i32::from_ne_bytes(bytes)
    }
}

/// Writes of which some share a commit; those that were acknowledged.
async fn written(store: &Store, numbers: std::ops::Range<u128>) -> Vec<u128> {
    let writes = numbers.map(|number| async move { (number, write!(store, [], |tx| tx.insert(&pool(number)).await)) });
    let done = join_all(writes).await.into_iter();
    done.filter_map(|(number, done)| match done {
        Ok(()) => Some(number),
        Err(fault) => {
            assert!(matches!(fault.code(), Code::Unavailable | Code::Conflict), "{fault:?} {:?}", fault.detail());
            None
        }
    })
    .collect()
}

async fn are_there(store: &Store, numbers: &[u128], when: &str) {
    let ids: Vec<_> = numbers.iter().copied().map(id).collect();
    let found = read!(store, [ids], |tx| tx.load_many(&ids).await).unwrap();
    assert_eq!(found.len(), numbers.len(), "{when}: of {numbers:?} some are acknowledged and not there");
}

async fn each_call_fails(directory: &Path, control: &Control) {
    let url = format!("sqlite://{}/ballast.db", directory.display());
    let store = Store::open(&url).await.unwrap();
    let (mut acknowledged, mut next) = (Vec::new(), 1);
    for (name, calls) in CALLS {
        let mut failed = 0;
        for (error_name, error) in ERRORS {
            for (pass, times) in (0..12).map(|pass| (pass, 1 + pass % 3)) {
                let when = format!("{error_name} of {name} {pass}, {times} times");
                control.set([calls, pass, times, error, 0]);
                acknowledged.extend(written(&store, next..next + 1).await);
                acknowledged.extend(written(&store, next + 1..next + 5).await);
                failed += control.failed();
                control.set([0; 5]);
                let after = written(&store, next + 5..next + 7).await;
                assert_eq!(after.len(), 2, "{when}: nothing fails any more, and writes are refused");
                acknowledged.extend(after);
                next += 7;
                are_there(&store, &acknowledged, &when).await;
            }
        }
        // What SQLite never truncates or reads while it writes, it does when it is closed and opened.
        assert!(failed > 0 || matches!(calls, 4 | 8), "no {name} has failed");
        are_there(&Store::open(&url).await.unwrap(), &acknowledged, name).await;
    }
    drop(store);
    are_there(&Store::open(&url).await.unwrap(), &acknowledged, "at the end").await;
}

fn build(library: &Path) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/failing_calls.c");
    let built = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(library).arg(source).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
}

#[test]
fn whichever_call_on_a_file_fails_what_is_acknowledged_is_stored() {
    if let Some(control) = env::var_os(CONTROL) {
        let control = Path::new(&control);
        let file = Control(fs::OpenOptions::new().read(true).write(true).open(control).unwrap());
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        return runtime.block_on(each_call_fails(control.parent().unwrap(), &file));
    }
    let directory = tempfile::TempDir::new().unwrap();
    let (library, control) = (directory.path().join("failing.so"), directory.path().join("control"));
    build(&library);
    fs::write(&control, [0; 20]).unwrap();
    let name = "failing_calls::whichever_call_on_a_file_fails_what_is_acknowledged_is_stored";
    let mut again = Command::new(env::current_exe().unwrap());
    again.args([name, "--exact", "--nocapture"]).env("LD_PRELOAD", library).env(CONTROL, control);
    assert!(again.status().unwrap().success());
}
