//! What a haproxy that was broken into can do, and what a running one has. In the worst case: its user is also another
//! load balancer's, as where `uid_range` is not mapped.

#![expect(clippy::unwrap_used, reason = "tools of tests: what fails here fails the test")]

use std::{
    collections::BTreeMap,
    fs::{self, File},
    os::{
        linux::net::SocketAddrExt,
        unix::{
            fs::PermissionsExt,
            net::{SocketAddr, UnixListener},
        },
    },
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use ballast_abi::{Context, Driver, LoadBalancer, PersistenceType, SessionPersistence, Vip};
use ballast_driver_haproxy_ns::{Config, HaproxyNs, UidRange};
use ballast_lab::wait_until;
use ballast_netns::namespace;

use crate::{
    tenants::one_user_only,
    world::{self, ID, SOON, VIP, World, haproxies, in_world, load_balancer, must_reload, vip},
};

pub(crate) const INTRUDER: &str = env!("CARGO_BIN_EXE_ballast-intruder");
const ABSTRACT: &str = "ballast-test-service";
const ROUNDS: u32 = 150;
/// No user at all, so that all run as `user`.
const UNMAPPED: UidRange = UidRange { first: u32::MAX, last: u32::MAX };

/// Who can do it without a fence, which shows that the attempt is a good one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Without {
    /// Whoever runs in haproxy's place.
    Anyone,
    /// Root alone: what is given up with the user counts as well.
    Root,
}

/// What is attempted: what it is, the line for the program, and who can.
fn table(world: &World<'_>, service: &Path) -> Vec<(&'static str, String, Without)> {
    use Without::{Anyone, Root};
    let open = world.lab.dir().join("open");
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
    let (other, pid) = (world.directory(), world.pid());
    let of = |kind: &str, name: &str| format!("{kind} {}", other.join(name).display());
    vec![
        ("list another load balancer's directory", of("list", "run"), Anyone),
        ("read in it", of("read", "run/pid"), Anyone),
        ("read its configuration", of("read", "haproxy.cfg"), Anyone),
        ("write into it", of("write", "run/mine"), Anyone),
        ("signal its haproxy", format!("signal {pid}"), Anyone),
        ("trace its haproxy", format!("trace {pid}"), Anyone),
        ("open its memory", format!("open /proc/{pid}/mem"), Anyone),
        ("read its environment", format!("read /proc/{pid}/environ"), Anyone),
        ("execute a shell", "execute /bin/sh".to_owned(), Anyone),
        ("execute what it has written", "execute-own program".to_owned(), Anyone),
        ("read the machine's files", "read /etc/passwd".to_owned(), Anyone),
        ("write into a folder of all", format!("write {}", open.join("mine").display()), Anyone),
        ("connect to a service that has no file", format!("abstract {ABSTRACT}"), Anyone),
        ("connect to a service that is root's", format!("connect {}", service.display()), Root),
        ("open a raw socket", "raw".to_owned(), Root),
        ("open a packet socket", "packet".to_owned(), Root),
        ("ask the kernel about the network", "netlink".to_owned(), Anyone),
        ("mount", format!("mount {}", world.lab.dir().join("netns").display()), Root),
        // Last: what follows would be in them.
        ("make namespaces", "namespace".to_owned(), Anyone),
    ]
}

/// What haproxy itself does, and must be able to: else the others are refused for nothing.
const NEEDED: [&str; 4] = ["list .", "write mine", "tcp", "read mine"];

/// The same load balancer beside the other, in a state of its own: this driver knows nothing of the other one's user.
fn second(world: &World<'_>, confine: bool) -> HaproxyNs {
    let state_dir = world.lab.dir().join("state-2");
    fs::create_dir_all(&state_dir).unwrap();
    let config = Config { haproxy: INTRUDER.into(), uid_range: UNMAPPED, confine, ..world::config(world.lab) };
    HaproxyNs::new(Context { agent_id: "agent-2".to_owned(), config, state_dir }).unwrap()
}

fn intruded() -> LoadBalancer {
    let port_id = "bbbbbbbb-bbbb-4ccc-8ddd-eeeeeeeeeeee".to_owned();
    let vip = Some(Vip { port_id, mac: "fa:16:3e:00:00:05".into(), ..vip("10.0.0.6", 24) });
    LoadBalancer { id: "intruded".into(), vip, ..load_balancer() }
}

/// How each attempt went of the one that ran last in this folder.
pub(crate) fn said(run: &Path) -> BTreeMap<String, String> {
    let said = fs::read_to_string(run.join("said")).unwrap();
    fs::remove_file(run.join("said")).unwrap();
    said.lines()
        .map(|line| line.split_once(": ").unwrap())
        .map(|(what, how)| (what.to_owned(), how.to_owned()))
        .collect()
}

pub(crate) fn run_as_root(lines: &str, folder: &Path) -> BTreeMap<String, String> {
    fs::create_dir(folder).unwrap();
    fs::write(folder.join("attempts"), lines).unwrap();
    assert!(Command::new(INTRUDER).current_dir(folder).status().unwrap().success());
    said(folder)
}

#[test]
fn a_haproxy_that_is_broken_into_gets_nowhere() {
    if one_user_only() {
        return ballast_lab::not_run("a_haproxy_that_is_broken_into_gets_nowhere", "it needs root");
    }
    in_world(|mut world| {
        world.start_driver(Config { uid_range: UNMAPPED, ..world::config(world.lab) });
        world.deploy(&load_balancer(), 1);
        let service = world.lab.dir().join("service.sock");
        let _service = UnixListener::bind(&service)?;
        fs::set_permissions(&service, fs::Permissions::from_mode(0o600))?;
        let table = table(&world, &service);
        let run = world.lab.dir().join("state-2/intruded/run");
        // The first makes the namespace, for the socket that is in it.
        fs::create_dir_all(&run)?;
        fs::write(run.join("attempts"), "")?;
        second(&world, false).deploy(&intruded(), 1)?;
        let inside = File::open(world.lab.dir().join("netns/qlbaas-intruded"))?;
        let _listens = namespace::on_own_thread("listen", || {
            namespace::enter(&inside).unwrap();
            UnixListener::bind_addr(&SocketAddr::from_abstract_name(ABSTRACT).unwrap()).unwrap()
        })?;
        let lines: Vec<&str> = NEEDED.into_iter().chain(table.iter().map(|(_, line, _)| line.as_str())).collect();
        fs::write(run.join("attempts"), lines.join("\n"))?;
        second(&world, false).deploy(&intruded(), 2)?;
        let without = said(&run);
        second(&world, true).deploy(&intruded(), 3)?;
        let with = said(&run);
        let root = run_as_root(&lines.join("\n"), &world.lab.dir().join("root"));
        for needed in NEEDED {
            assert_eq!([&without[needed], &with[needed]], ["done", "done"], "{needed}");
        }
        for (what, line, can) in &table {
            // The socket without a file is in the load balancer's own namespace.
            let shown = if *can == Without::Anyone { &without[line] } else { &root[line] };
            assert_eq!(shown, "done", "not possible without a fence either, so this shows nothing: {what}");
            assert_ne!(with[line], "done", "it can: {what}");
        }
        second(&world, true).undeploy("intruded")?;
        world.wait_for_answers(VIP, &["web-1", "web-2"]);
        Ok(())
    });
}

fn lines_of(pid: i32, file: &str) -> String {
    fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap()
}

/// CAP_SYS_RESOURCE, in the kernel's sets.
const SYS_RESOURCE: u32 = 24;

/// How a haproxy is that was started with a fence.
fn assert_confined(world: &World<'_>) {
    let status = lines_of(world.pid(), "status");
    let line = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
    for set in ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"] {
        assert_eq!(line(set), "0000000000000000", "{set}");
    }
    assert_eq!([line("NoNewPrivs:"), line("Seccomp:")], ["1", "2"]);
    let has = has_sys_resource();
    if !one_user_only() && !ballast_lab::kernel_has("cap-sys-resource", has, "a haproxy's limits") {
        return;
    }
    let limits = lines_of(world.pid(), "limits");
    let limit = |name: &str| -> Vec<String> {
        let line = limits.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().take(2).map(str::to_owned).collect()
    };
    assert_eq!(limit("Max core file size"), ["0", "0"]);
    assert_eq!(limit("Max file size"), ["1048576", "1048576"]);
    let open: Vec<u64> = limit("Max open files").iter().map(|number| number.parse().unwrap()).collect();
    // Two for each connection.
    assert!(open[0] == open[1] && open[0] > 4000, "{open:?}");
}

fn has_sys_resource() -> bool {
    let has = lines_of(std::process::id().cast_signed(), "status");
    let has = has.lines().find_map(|line| line.strip_prefix("CapEff:\t")).unwrap();
    u64::from_str_radix(has, 16).unwrap() >> SYS_RESOURCE & 1 == 1
}

#[test]
fn what_this_host_lacks_is_a_remark_and_what_it_has_is_none() {
    in_world(|mut world| {
        let of = |world: &World<'_>, what: &str| {
            let remarks = world.driver.capabilities().remarks;
            assert!(remarks.iter().all(|remark| !remark.contains('\n')) && remarks.len() <= 32, "{remarks:?}");
            remarks.iter().any(|remark| remark.contains(what))
        };
        assert_eq!(of(&world, "without CAP_SYS_RESOURCE"), !has_sys_resource());
        assert!(!of(&world, "confine is false"));
        world.start_driver(Config { confine: false, ..world::config(world.lab) });
        assert!(of(&world, "haproxies are not confined, as confine is false"));
        Ok(())
    });
}

#[test]
fn a_running_haproxy_has_no_capability_and_cannot_get_one_also_after_reloads() {
    in_world(|mut world| {
        // Who tells the one before to finish is another one where all run as one user.
        for (uid_range, sticky) in [(UidRange::default(), false), (UNMAPPED, false), (UNMAPPED, true)] {
            world.start_driver(Config { uid_range, ..world::config(world.lab) });
            let mut asked = load_balancer();
            let r#type = PersistenceType::SourceIp.into();
            asked.pools[0].session_persistence =
                sticky.then(|| SessionPersistence { r#type, ..SessionPersistence::default() });
            world.deploy(&asked, 1);
            assert_confined(&world);
            for generation in 2..5 {
                let pid = world.pid();
                must_reload(&mut asked, generation);
                world.deploy(&asked, generation);
                assert_ne!(world.pid(), pid);
                assert_confined(&world);
            }
            assert_eq!(world.answers(VIP, 4).len(), if sticky { 1 } else { 2 });
            wait_until(SOON, "the former processes end", || (haproxies().len() == 1).then_some(()));
            world.driver.undeploy(ID)?;
        }
        Ok(())
    });
}

/// As one that an older driver has started, and back.
#[test]
fn a_haproxy_without_a_fence_gets_one_without_a_lost_request() {
    in_world(|mut world| {
        let open = Config { confine: false, ..world::config(world.lab) };
        world.start_driver(open.clone());
        world.deploy(&load_balancer(), 1);
        let script =
            format!("i=0; while [ $i -lt 100 ]; do curl -sf -m 5 {VIP} {VIP} >/dev/null || exit 1; i=$((i+1)); done");
        let mut command = world.client.command("sh");
        command.args(["-c", &script]);
        let mut load = world.client.spawn(command)?;
        let mut changes = 0;
        wait_until(Duration::from_secs(60), "the end of the load", || {
            assert!(!lines_of(world.pid(), "status").contains("CapBnd:\t0000000000000000"), "it has a fence already");
            world.restart_driver();
            assert_eq!(world.driver.deployed().unwrap()[0].generation, 0, "it is to be deployed again");
            world.deploy(&load_balancer(), 1);
            assert_confined(&world);
            assert_eq!(world.driver.deployed().unwrap()[0].generation, 1);
            world.start_driver(open.clone());
            world.deploy(&load_balancer(), 1);
            assert_eq!(world.driver.deployed().unwrap()[0].generation, 1);
            changes += 2;
            (!load.is_running()).then_some(())
        });
        assert!(load.wait()?.success(), "a request failed");
        assert!(changes > 2, "the load ended before anything changed");
        wait_until(SOON, "the former processes end", || (haproxies().len() == 1).then_some(()));
        Ok(())
    });
}

/// Takes turns, and compares minima: what else the machine does meets both.
#[test]
#[ignore = "a measurement: docs/performance.md has what it says"]
fn what_a_fence_costs() {
    in_world(|world| {
        let config = |confine| Config { confine, ..world::config(world.lab) };
        let drivers = [false, true].map(|confine| world::driver(world.lab, config(confine)));
        let mut least = [[f64::MAX; 2]; 2];
        for _ in 0..ROUNDS {
            for (least, driver) in least.iter_mut().zip(&drivers) {
                let mut asked = load_balancer();
                for (step, least) in (1_u64..).zip(least.iter_mut()) {
                    must_reload(&mut asked, step);
                    let start = Instant::now();
                    driver.deploy(&asked, step)?;
                    *least = least.min(start.elapsed().as_secs_f64() * 1e3);
                }
                driver.undeploy(ID)?;
            }
        }
        for (what, index) in [("bring-up", 0), ("reload", 1)] {
            let (without, with) = (least[0][index], least[1][index]);
            eprintln!("{what}: {without:.2} ms without a fence, {with:.2} ms with one: {:.3}", with / without);
        }
        Ok(())
    });
}
