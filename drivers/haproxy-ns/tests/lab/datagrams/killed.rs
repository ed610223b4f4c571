//! The driver's process is killed while it changes what is forwarded.

use std::{
    env,
    ffi::OsString,
    path::PathBuf,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use ballast_abi::{Context, Driver, MonitorType};
use ballast_driver_haproxy_ns::{Config, HaproxyNs};

use super::tools::{Echo, answers, asked};
use crate::world::{self, ID, VIP, in_world, load_balancer, monitor};

const STATE_DIR: &str = "BALLAST_TEST_STATE_DIR";

#[test]
fn a_driver_that_is_killed_while_it_forwards_leaves_nothing_that_the_next_one_cannot_mend() {
    in_world(|world| {
        let _echoes = [Echo::start(&world, 1), Echo::start(&world, 2)];
        for round in 0..30_u64 {
            let mut victim = Command::new(env::current_exe()?)
                .args(["--ignored", "--exact", "datagrams::killed::forwards_until_it_is_killed"])
                .env(STATE_DIR, world.lab.dir())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()?;
            // Not to wait for anything: the moment of the crash is what varies.
            thread::sleep(Duration::from_micros(40_000 + 3_000 * round));
            victim.kill()?;
            victim.wait()?;
            if round % 3 != 0 {
                world.deploy(&asked(), round + 1);
                assert_eq!(answers(&world, 4), [(1, 2), (2, 2)].into(), "round {round}");
                assert_eq!(world.answers(VIP, 2), ["web-1", "web-2"], "round {round}");
                assert_eq!(world.driver.deployed()?[0].generation, round + 1);
            }
            world.driver.undeploy(ID)?;
            world.assert_nothing_is_left();
        }
        Ok(())
    });
}

#[test]
#[ignore = "the victim of the test above, which starts it"]
fn forwards_until_it_is_killed() {
    let directory: Option<OsString> = env::var_os(STATE_DIR);
    let directory = PathBuf::from(directory.expect("started by its test"));
    let config = Config { netns_dir: directory.join("netns"), ..world::config_of_segment() };
    let context = Context { agent_id: "victim".to_owned(), config, state_dir: directory.join("state") };
    let driver = HaproxyNs::new(context).expect("a driver");
    let mut other = asked();
    other.pools[1].members.remove(0);
    other.pools[1].monitors = vec![monitor(MonitorType::UdpConnect)];
    for generation in 1.. {
        driver.deploy(&asked(), generation).expect("a deploy");
        driver.deploy(&other, generation).expect("a change");
        driver.deploy(&load_balancer(), generation).expect("nothing is forwarded");
        driver.deploy(&asked(), generation).expect("it is again");
        if generation % 3 == 0 {
            driver.undeploy(ID).expect("an undeploy");
        }
    }
}
