//! The server of the database dies, and its standby takes writes: schedulers find it by themselves, and nothing that was
//! acknowledged is lost.

use std::{
    fs,
    io::Write as _,
    path::Path,
    process::Command,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use ballast_lab::{Signal, in_lab, wait_until};
use ballast_tests::{
    PATIENCE,
    postgres_server::PostgresServer,
    rest::Rest,
    several::{Several, gateway_at},
};
use serde_json::json;

use super::{server, shape, url};

/// From the promotion to the first write.
const GOES_ON: Duration = Duration::from_secs(8);
/// A server that does not answer is noticed after two looks, and what a busy machine takes.
const HANGS: Duration = Duration::from_secs(5 + 4);
/// Who comes later does not wait for it.
const AT_ONCE: Duration = Duration::from_secs(2);

/// What is written meanwhile: what was acknowledged, with the time.
#[derive(Default)]
struct Written {
    acknowledged: Mutex<Vec<(String, Instant)>>,
    is_over: AtomicBool,
}

impl Written {
    fn go_on(&self, writer: usize) {
        let rest = Rest::new(&format!("http://{}", gateway_at(writer % 2)));
        for number in 0.. {
            if self.is_over.load(Ordering::SeqCst) {
                return;
            }
            let name = format!("written-{writer}-{number}");
            let body = json!({"network": {"name": name}});
            let reply = rest.call("POST", "/v2.0/networks", Some(&body));
            assert!([201, 503].contains(&reply.status), "{reply}");
            if reply.status == 201 {
                self.acknowledged.lock().expect("a lock").push((name, Instant::now()));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn since(&self, begun: Instant) -> Option<Duration> {
        let acknowledged = self.acknowledged.lock().expect("a lock");
        acknowledged.iter().filter(|(_, at)| *at > begun).map(|(_, at)| *at - begun).min()
    }

    fn names(&self) -> Vec<String> {
        self.acknowledged.lock().expect("a lock").iter().map(|(name, _)| name.clone()).collect()
    }
}

fn stored(server: &PostgresServer) -> Vec<String> {
    let names = server.sql("ballast", "SELECT name FROM network");
    names.lines().map(str::to_owned).collect()
}

fn all_are_there(server: &PostgresServer, names: &[String]) {
    let stored: std::collections::HashSet<String> = stored(server).into_iter().collect();
    let lost: Vec<&String> = names.iter().filter(|name| !stored.contains(*name)).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
}

/// One write, for as long as it takes until somebody acknowledges one.
fn writes_again(rest: &Rest, what: &str) {
    let body = json!({"network": {"name": what}});
    wait_until(PATIENCE, what, || {
        rest.try_call("POST", "/v2.0/networks", Some(&body)).filter(|reply| reply.status == 201)
    });
}

#[test]
fn a_standby_that_is_promoted_is_found_and_a_former_primary_is_not_written_to() {
    let test = "a_standby_that_is_promoted_is_found_and_a_former_primary_is_not_written_to";
    in_lab(|lab| {
        let Some(mut one) = server(lab, test) else { return Ok(()) };
        let mut two = one.standby(&lab.dir().join("two"), 5_502);
        two.start();
        one.wait_for_its_standby();
        let database = format!("{}?target_session_attrs=read-write", url(&[5_501, 5_502]));
        let several = Several::start(lab, &shape(&database, 2, 2));
        let written = Written::default();
        let after = std::thread::scope(|scope| {
            for writer in 0..3 {
                let written = &written;
                scope.spawn(move || written.go_on(writer));
            }
            // Also where something fails.
            let _over = Over(&written);
            wait_until(PATIENCE, "some writes", || (written.names().len() > 30).then_some(()));
            one.kill();
            std::thread::sleep(Duration::from_millis(500));
            let begun = Instant::now();
            two.promote();
            wait_until(PATIENCE, "writes go on", || written.since(begun));
            std::thread::sleep(Duration::from_secs(2));
            written.since(begun).expect("writes went on")
        });
        assert!(after < GOES_ON, "writes went on {after:?} after the promotion");
        all_are_there(&two, &written.names());

        // The former primary comes back as it was. It takes writes, and gets none.
        one.start();
        let _ = one.sql("postgres", "ALTER SYSTEM RESET synchronous_standby_names");
        let _ = one.sql("postgres", "SELECT pg_reload_conf()");
        let before = stored(&one).len();
        let rest = several.rest(0);
        for number in 0..20 {
            writes_again(&rest, &format!("beside-{number}"));
        }
        std::thread::sleep(Duration::from_secs(7));
        assert_eq!(stored(&one).len(), before, "the former primary was written to");
        two.kill();
        let refused = rest.call("POST", "/v2.0/networks", Some(&json!({"network": {"name": "nowhere"}})));
        assert_eq!(refused.status, 503, "{refused}");
        assert_eq!(stored(&one).len(), before, "the former primary was written to when it was alone");
        assert_eq!(rest.call("GET", "/v2.0/networks", None).status, 503, "nor is it read");
        two.start();
        writes_again(&rest, "again");
        all_are_there(&two, &["again".to_owned(), "beside-19".to_owned()]);
        Ok(())
    });
}

/// Whoever writes ends with this.
struct Over<'w>(&'w Written);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.is_over.store(true, Ordering::SeqCst);
    }
}

#[test]
fn a_server_that_restarts_or_hangs_is_unavailable_meanwhile_and_nothing_is_half_written() {
    let test = "a_server_that_restarts_or_hangs_is_unavailable_meanwhile_and_nothing_is_half_written";
    in_lab(|lab| {
        let Some(mut one) = server(lab, test) else { return Ok(()) };
        let several = Several::start(lab, &shape(&url(&[5_501]), 2, 1));
        let rest = several.rest(0);
        writes_again(&rest, "before");
        for round in 0..2 {
            one.kill();
            one.start();
            writes_again(&rest, &format!("after-{round}"));
        }
        one.signal(Signal::SIGSTOP);
        let begun = Instant::now();
        let refused = rest.call("POST", "/v2.0/networks", Some(&json!({"network": {"name": "hangs"}})));
        let waited = begun.elapsed();
        for (method, path) in [("POST", "/v2.0/networks"), ("GET", "/v2.0/networks")] {
            let body = (method == "POST").then(|| json!({"network": {"name": "hangs"}}));
            // The other scheduler may have looked a moment later.
            wait_until(HANGS, "an answer at once", || {
                let begun = Instant::now();
                let refused = rest.call(method, path, body.as_ref());
                (refused.status == 503 && begun.elapsed() < AT_ONCE).then_some(())
            });
        }
        one.signal(Signal::SIGCONT);
        assert!(refused.status == 503 && waited < HANGS, "{refused} after {waited:?}");
        writes_again(&rest, "goes on");
        let names = stored(&one);
        assert!(["before", "after-0", "after-1", "goes on"].iter().all(|name| names.iter().any(|one| one == name)));
        assert!(!names.iter().any(|name| name == "hangs"), "what was refused is there: {names:?}");
        Ok(())
    });
}

/// A file that takes all the room that there is.
fn fill(file: &Path) {
    let mut filler = fs::File::create(file).expect("a file");
    for size in [65_536, 4_096, 1] {
        while filler.write_all(&vec![0; size]).is_ok() {}
    }
}

#[test]
fn a_server_whose_disk_is_full_refuses_writes_and_loses_none_that_was_acknowledged() {
    let test = "a_server_whose_disk_is_full_refuses_writes_and_loses_none_that_was_acknowledged";
    in_lab(|lab| {
        let folder = lab.dir().join("one");
        fs::create_dir(&folder)?;
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=128m", "small"]).arg(&folder).status()?;
        assert!(mounted.success());
        let Some(mut one) = server(lab, test) else { return Ok(()) };
        let several = Several::start(lab, &shape(&url(&[5_501]), 1, 1));
        let rest = several.rest(0);
        writes_again(&rest, "before");
        let filler = folder.join("filler");
        fill(&filler);
        let (mut acknowledged, begun) = (vec!["before".to_owned()], Instant::now());
        let long = "x".repeat(200);
        let refused = (0..).find_map(|number| {
            let name = format!("{number}-{long}");
            let reply = rest.call("POST", "/v2.0/networks", Some(&json!({"network": {"name": name}})));
            if reply.status == 201 {
                acknowledged.push(name);
            }
            assert!(begun.elapsed() < PATIENCE * 2, "{number} writes, and the disk is not full");
            (reply.status != 201).then_some(reply)
        });
        assert_eq!(refused.map(|reply| reply.status), Some(503));
        fs::remove_file(&filler)?;
        // A server that has ended of it is started again by who runs it.
        if one.try_sql("ballast", "SELECT 1").is_none() {
            one.kill();
            one.start();
        }
        writes_again(&rest, "after");
        acknowledged.push("after".to_owned());
        all_are_there(&one, &acknowledged);
        Ok(())
    });
}
