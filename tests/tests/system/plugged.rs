//! One owner of an address, and standbys, whatever a load balancer is plugged into and whoever serves it: the same stories
//! for each combination.

mod world;

use std::{
    thread,
    time::{Duration, Instant},
};

use ballast_lab::{in_lab, require_tool, wait_until};
use ballast_tests::PATIENCE;
use world::{Case, Driver, Family, Plug, World, namespaces, tools};

/// Who was active is gone, and the other one answers: what may be in between.
const GAP: Duration = Duration::from_millis(1_500);

/// An agent is killed alone. What it had is served by another one soon, and there by nobody any more.
fn has_one_owner(test: &str, case: Case) {
    if !tools(test, case) {
        return;
    }
    in_lab(|lab| {
        let mut world = World::begin(lab, case, 2)?;
        let (_, address) = world.make(None);
        wait_until(PATIENCE, "traffic", || world.ask(&address));
        let former = (0..2).find(|agent| world.answers(*agent, &address)).expect("a host that answers");
        let next = 1 - former;
        // Its warden listens by then.
        thread::sleep(Duration::from_secs(1));
        world.site.kill_agent(former);
        world.serves(&address, 5);
        wait_until(PATIENCE, "the next one answers", || world.answers(next, &address).then_some(()));
        let begin = Instant::now();
        wait_until(PATIENCE, "the former one lets go", || (!world.answers(former, &address)).then_some(()));
        let took = begin.elapsed();
        assert!(took < Duration::from_secs(3), "two owners for {took:?}");
        wait_until(PATIENCE, "traffic again", || world.ask(&address));
        world.serves(&address, 20);
        world.site.start_agent(former);
        let host = world.site.agents[former].host.clone();
        wait_until(PATIENCE, "nothing is left there", || namespaces(&host).is_empty().then_some(()));
        wait_until(PATIENCE, "no haproxy there", || world.site.haproxies(former).is_empty().then_some(()));
        world.serves(&address, 10);
        Ok(())
    });
}

/// The host of the active side is gone, and so is the scheduler.
fn has_a_standby(test: &str, case: Case) {
    if !tools(test, case) {
        return;
    }
    in_lab(|lab| {
        let mut world = World::begin(lab, case, 2)?;
        let (id, address) = world.make(Some(&world.flavor()));
        wait_until(PATIENCE, "traffic", || world.ask(&address));
        let [active, standby] = world.is_paired(&id);
        assert!(world.answers(active, &address) && !world.answers(standby, &address));
        world.site.scheduler.take().expect("it runs").kill()?;
        world.switch_off(active);
        let begin = Instant::now();
        // The kernel takes its time to end a namespace, and one that forwards without a process answers until then.
        let standby_answers = || world.answers(standby, &address).then(|| world.quickly(&address)).flatten();
        wait_until(PATIENCE, "an answer of the other one", standby_answers);
        let gap = begin.elapsed();
        assert!(gap < GAP, "nobody answered for {gap:?}");
        world.serves(&address, 10);
        Ok(())
    });
}

/// Answers what it is told, for as long as it is.
const ECHO: &str = "
import socket, sys, threading
family = socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET
server = socket.socket(family, socket.SOCK_STREAM)
server.bind((sys.argv[1], 81))
server.listen()
def echo(connection):
    while said := connection.recv(100):
        connection.sendall(said)
while True:
    threading.Thread(target=echo, args=(server.accept()[0],), daemon=True).start()
";

/// Says one byte after the other over one connection, and is answered each time.
const TALK: &str = "
import socket, sys, time
connection = socket.create_connection((sys.argv[1], 80), 5)
connection.settimeout(5)
end, answers = time.monotonic() + 6, 0
while time.monotonic() < end:
    connection.sendall(b'x')
    assert connection.recv(1) == b'x'
    answers += 1
    time.sleep(0.05)
print(answers)
";

/// A swap in order lets a connection go on that is under way.
fn lets_connections_go_on(test: &str, case: Case) {
    if !tools(test, case) || !require_tool("python3", test) {
        return;
    }
    in_lab(|lab| {
        let mut world = World::begin(lab, case, 2)?;
        let mut echoes = Vec::new();
        for (host, member) in world.hosts.iter().zip(&mut world.members) {
            let mut command = host.command("python3");
            command.args(["-c", ECHO, &member.ip().to_string()]);
            echoes.push(host.spawn(command)?);
            member.set_port(81);
        }
        let (id, address) = world.make(Some(&world.flavor()));
        let before = world.is_paired(&id);
        let once = format!("import socket, sys; socket.create_connection(('{address}', 80), 1)");
        wait_until(PATIENCE, "a connection", || world.site.client.output("python3", ["-c", &once]).ok());
        let said = thread::scope(|scope| {
            let talk = scope.spawn(|| world.site.client.output("python3", ["-c", TALK, &address]));
            thread::sleep(Duration::from_secs(1));
            let path = format!("/v2.0/lbaas/loadbalancers/{id}/failover");
            assert_eq!(world.site.rest.call("PUT", &path, None).status, 202);
            wait_until(PATIENCE, "a swap", || world.answers(before[1], &address).then_some(()));
            talk.join().expect("it ends")
        });
        let answers: u32 = said?.trim().parse().expect("a number");
        assert!(answers > 50, "{answers} answers");
        assert!(!world.answers(before[0], &address));
        drop(echoes);
        Ok(())
    });
}

#[test]
fn a_connection_through_haproxy_goes_on_after_a_swap() {
    lets_connections_go_on(
        "a_connection_through_haproxy_goes_on_after_a_swap",
        (Driver::Haproxy, Plug::Bridge, Family::V4),
    );
}

#[test]
fn a_connection_through_nft_l4_goes_on_after_a_swap() {
    lets_connections_go_on(
        "a_connection_through_nft_l4_goes_on_after_a_swap",
        (Driver::Kernel, Plug::Bridge, Family::V4),
    );
}

#[test]
fn a_connection_of_ipv6_through_nft_l4_goes_on_after_a_swap() {
    let test = "a_connection_of_ipv6_through_nft_l4_goes_on_after_a_swap";
    lets_connections_go_on(test, (Driver::Kernel, Plug::Bridge, Family::V6));
}

macro_rules! owners {
    ($($name:ident: $driver:ident, $plug:ident, $family:ident;)*) => {$(
        #[test]
        fn $name() {
            has_one_owner(stringify!($name), (Driver::$driver, Plug::$plug, Family::$family));
        }
    )*};
}

owners! {
    an_address_of_haproxy_on_a_macvlan_has_one_owner: Haproxy, Macvlan, V4;
    an_address_of_haproxy_on_open_vswitch_has_one_owner: Haproxy, Ovs, V4;
    an_address_of_haproxy_of_ipv6_has_one_owner: Haproxy, Bridge, V6;
    an_address_of_haproxy_of_ipv6_on_a_macvlan_has_one_owner: Haproxy, Macvlan, V6;
    an_address_of_haproxy_of_ipv6_on_open_vswitch_has_one_owner: Haproxy, Ovs, V6;
    an_address_of_a_projects_haproxy_has_one_owner: PerProject, Bridge, V4;
    an_address_of_a_projects_haproxy_of_ipv6_on_a_macvlan_has_one_owner: PerProject, Macvlan, V6;
    an_address_of_a_projects_haproxy_on_open_vswitch_has_one_owner: PerProject, Ovs, V4;
    an_address_of_nft_l4_has_one_owner: Kernel, Bridge, V4;
    an_address_of_nft_l4_of_ipv6_has_one_owner: Kernel, Bridge, V6;
    an_address_of_nft_l4_on_a_macvlan_has_one_owner: Kernel, Macvlan, V4;
    an_address_of_nft_l4_of_ipv6_on_open_vswitch_has_one_owner: Kernel, Ovs, V6;
}

macro_rules! standbys {
    ($($name:ident: $driver:ident, $plug:ident, $family:ident;)*) => {$(
        #[test]
        fn $name() {
            has_a_standby(stringify!($name), (Driver::$driver, Plug::$plug, Family::$family));
        }
    )*};
}

standbys! {
    a_standby_of_haproxy_on_a_macvlan_answers: Haproxy, Macvlan, V4;
    a_standby_of_haproxy_on_open_vswitch_answers: Haproxy, Ovs, V4;
    a_standby_of_haproxy_of_ipv6_answers: Haproxy, Bridge, V6;
    a_standby_of_haproxy_of_ipv6_on_a_macvlan_answers: Haproxy, Macvlan, V6;
    a_standby_of_nft_l4_answers: Kernel, Bridge, V4;
    a_standby_of_nft_l4_of_ipv6_on_a_macvlan_answers: Kernel, Macvlan, V6;
    a_standby_of_nft_l4_on_open_vswitch_answers: Kernel, Ovs, V4;
}
