//! Certificates that change while they serve.

use std::{
    fs,
    io::{Read, Write},
    thread,
    time::{Duration, Instant},
};

use ballast_abi::{Connections, Driver, Effect, ListenerTls};
use ballast_lab::wait_until;

use super::{HTTPS, curl, in_tls_world, of, shown_to, with_tls, write};
use crate::world::{self, ID, SOON, files_below};

const ROTATIONS: u32 = 200;

/// Asks over and over, with a connection for each request and with one that is kept, until a file is there; tells how many
/// were answered and what else was.
const LOAD: &str = r"
import http.client, os, socket, ssl, sys, threading
ca, end = sys.argv[1:3]
context = ssl.create_default_context(cafile=ca)
good, bad = 0, []
lock = threading.Lock()
def tell(problem=None):
    global good
    with lock:
        if problem is None:
            good += 1
        else:
            bad.append(problem)
def connect():
    connection = http.client.HTTPSConnection('www.example', 443, timeout=10, context=context)
    plain = socket.create_connection(('10.0.0.4', 443), 10)
    connection.sock = context.wrap_socket(plain, server_hostname='www.example')
    return connection
def run(keep):
    connection = None
    while not os.path.exists(end):
        try:
            connection = connection or connect()
            connection.request('GET', '/')
            answer = connection.getresponse()
            answer.read()
            tell(None if answer.status == 200 else str(answer.status))
            if not keep:
                connection.close()
                connection = None
        except Exception as error:
            tell(repr(error))
            connection = None
threads = [threading.Thread(target=run, args=(keep,)) for keep in (True, False)]
for one in threads: one.start()
for one in threads: one.join()
print(good, bad[:5])
";

#[test]
fn two_hundred_rotations_under_load_lose_no_request_and_need_no_other_process() {
    in_tls_world(|world, mut secrets| {
        let names = ["www.example"];
        let first = secrets.server("web", 1, &names);
        secrets.deploy_whole(&world, &with_tls(of(first)), 1);
        let pid = world.pid();
        let (script, end) = (write(&world, "load.py", LOAD), world.lab.dir().join("end"));
        let ca = super::authority(&world).display().to_string();
        let client = world.client.clone();
        let ended = end.display().to_string();
        let load = thread::spawn(move || client.output("python3", [script, ca, ended]).map_err(|e| e.to_string()));
        let mut slowest = Duration::ZERO;
        for version in 2..=ROTATIONS + 1 {
            let next = secrets.server("web", version, &names);
            let begun = Instant::now();
            secrets.deploy_whole(&world, &with_tls(of(next)), version.into());
            slowest = slowest.max(begun.elapsed());
        }
        fs::write(&end, "")?;
        let said = load.join().unwrap()?;
        let (good, bad) = said.trim().split_once(' ').unwrap();
        assert_eq!(bad, "[]");
        assert!(good.parse::<u32>()? > ROTATIONS, "{good} requests");
        assert_eq!(world.pid(), pid, "another process has begun");
        println!("{good} requests over {ROTATIONS} rotations, of which the slowest took {slowest:?}");
        Ok(())
    });
}

#[test]
fn a_new_certificate_is_foretold_and_served_at_once_and_connections_stay() {
    in_tls_world(|world, mut secrets| {
        let default = secrets.server("default", 1, &["old.example"]);
        let name = secrets.server("name", 1, &["name.example"]);
        let tls = ListenerTls { sni_certificates: vec![name], ..of(default) };
        secrets.deploy_whole(&world, &with_tls(tls.clone()), 1);
        let pid = world.pid();
        let mut kept = world.connect("10.0.0.4:80")?;
        kept.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")?;
        let mut heard = [0; 1024];
        assert!(kept.read(&mut heard)? > 0);
        let next = ListenerTls { default_certificate: Some(secrets.server("default", 2, &["new.example"])), ..tls };
        let asked = with_tls(next);
        let said = world.driver.preview(&asked, 2)?;
        assert_eq!((said.effect(), said.connections()), (Effect::Runtime, Connections::Kept), "{said:?}");
        assert!(said.steps.iter().any(|step| step.contains("containers/default is another one")), "{said:?}");
        assert!(!format!("{said:?}").contains("PRIVATE"));
        assert_eq!(shown_to(&world, "unknown.example"), "old.example");
        secrets.deploy_whole(&world, &asked, 2);
        assert_eq!(shown_to(&world, "unknown.example"), "new.example");
        assert_eq!(shown_to(&world, "name.example"), "name.example");
        kept.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")?;
        assert!(kept.read(&mut heard)? > 0, "the connection was cut");
        assert_eq!(world.pid(), pid);
        assert_eq!(world.driver.deployed()?[0].generation, 2);
        Ok(())
    });
}

#[test]
fn a_certificate_that_haproxy_refuses_leaves_the_one_before_and_is_its_listeners_fault() {
    in_tls_world(|world, mut secrets| {
        let good = secrets.server("web", 1, &["www.example"]);
        secrets.deploy_whole(&world, &with_tls(of(good)), 1);
        let pid = world.pid();
        let (pem, _) = secrets.authority.issue("bad.example", &["bad.example"], 8);
        let (_, key) = secrets.authority.issue("another.example", &["another.example"], 9);
        let bad = secrets.add("web", 2, &pem, &key);
        let faults = secrets.deploy(&world, &with_tls(of(bad.clone())), 2);
        assert_eq!(faults.len(), 1, "{faults:?}");
        let asked = with_tls(of(bad.clone()));
        assert_eq!(faults[0].object_id, asked.listeners[1].id);
        let message = &faults[0].fault.as_ref().unwrap().message;
        assert!(message.contains("containers/web, and serves the one before it"), "{message}");
        assert!(message.contains("inconsistencies between private key and certificate"), "{message}");
        assert_eq!((shown_to(&world, "www.example").as_str(), world.pid()), ("www.example", pid));
        // With a change that needs another process it is the same, and the rest of the change is done.
        let mut more = with_tls(of(bad.clone()));
        world::must_reload(&mut more, 3);
        let faults = secrets.deploy(&world, &more, 3);
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert_eq!(shown_to(&world, "www.example"), "www.example");
        assert_ne!(world.pid(), pid);
        let text = fs::read_to_string(world.process_directory().join("haproxy.cfg"))?;
        assert!(text.contains("timeout client 50004ms"), "{text}");
        // Whoever starts it anew starts it with what it served.
        world::kill(&world);
        let faults = secrets.deploy(&world, &more, 4);
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert_eq!(shown_to(&world, "www.example"), "www.example");
        let next = secrets.server("web", 5, &["next.example"]);
        secrets.deploy_whole(&world, &with_tls(of(next)), 5);
        assert_eq!(shown_to(&world, "www.example"), "next.example");
        Ok(())
    });
}

#[test]
fn a_driver_that_has_restarted_serves_on_and_takes_the_next_certificate_and_names_what_it_was_not_told() {
    in_tls_world(|mut world, mut secrets| {
        let asked = with_tls(of(secrets.server("web", 1, &["www.example"])));
        let error = world.driver.deploy(&asked, 1).unwrap_err();
        assert!(error.retryable && error.detail.contains("containers/web"), "{error:?}");
        secrets.deploy_whole(&world, &asked, 1);
        let pid = world.pid();
        world.restart_driver();
        assert_eq!(world.driver.deployed()?[0].generation, 1);
        assert_eq!(shown_to(&world, "www.example"), "www.example");
        let next = with_tls(of(secrets.server("web", 2, &["next.example"])));
        secrets.deploy_whole(&world, &next, 2);
        assert_eq!((shown_to(&world, "www.example").as_str(), world.pid()), ("next.example", pid));
        // What is lost of the files is found out and put there again.
        let folder = world.lab.dir().join("secrets");
        let file = files_below(&folder).into_iter().find(|path| path.ends_with(".pem"));
        fs::remove_file(file.unwrap())?;
        assert_eq!(world.driver.deployed()?[0].generation, 0);
        secrets.deploy_whole(&world, &next, 2);
        assert_eq!((world.driver.deployed()?[0].generation, world.pid()), (2, pid));
        world.driver.undeploy(ID)?;
        assert_eq!(files_below(&folder), [""; 0]);
        world.assert_nothing_is_left();
        Ok(())
    });
}

/// A reload: names come and go with their certificates, and the last takes its file with it.
#[test]
fn certificates_of_names_come_and_go_and_leave_no_file_behind() {
    in_tls_world(|world, mut secrets| {
        let default = secrets.server("default", 1, &["default.example"]);
        let names: Vec<_> =
            (0..20).map(|at| secrets.server(&format!("name-{at}"), 1, &[&format!("n{at}.example")])).collect();
        let with = |count: usize| ListenerTls { sni_certificates: names[..count].to_vec(), ..of(default.clone()) };
        let folder = world.lab.dir().join("secrets");
        for (generation, count) in (1..).zip([0, 20, 5, 0]) {
            secrets.deploy_whole(&world, &with_tls(with(count)), generation);
            let pem = files_below(&folder).into_iter().filter(|path| path.ends_with(".pem")).count();
            assert_eq!(pem, count + 1);
            let shown = if count > 4 { "n4.example" } else { "default.example" };
            assert_eq!(shown_to(&world, "n4.example"), shown);
        }
        let mut none = with_tls(of(default));
        none.listeners.pop();
        secrets.deploy_whole(&world, &none, 9);
        assert_eq!(files_below(&folder), [""; 0]);
        wait_until(SOON, "nothing ends TLS", || curl(&world, HTTPS, &[]).is_err().then_some(()));
        Ok(())
    });
}
