//! The driver's process is killed in the middle of things.

use std::{
    env,
    ffi::OsString,
    path::PathBuf,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use ballast_abi::{Context, Driver};
use ballast_driver_haproxy_ns::{Config, HaproxyNs};
use ballast_lab::wait_until;

use crate::world::{self, ID, SOON, VIP, haproxies, in_world, load_balancer};

const STATE_DIR: &str = "BALLAST_TEST_STATE_DIR";

#[test]
fn a_driver_that_is_killed_at_any_moment_leaves_nothing_that_the_next_one_cannot_mend() {
    in_world(|world| {
        for round in 0..40_u64 {
            let mut victim = Command::new(env::current_exe()?)
                .args(["--ignored", "--exact", "crash::deploys_and_undeploys_until_it_is_killed"])
                .env(STATE_DIR, world.lab.dir())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()?;
            // Not to wait for anything: the moment of the crash is what varies. The victim takes some 30 ms to begin.
            thread::sleep(Duration::from_micros(30_000 + 1_500 * round));
            victim.kill()?;
            victim.wait()?;
            if round % 2 == 0 {
                world.deploy(&load_balancer(), round + 1);
                assert_eq!(world.answers(VIP, 2), ["web-1", "web-2"], "round {round}");
                wait_until(SOON, "one haproxy is left", || (haproxies().len() == 1).then_some(()));
            }
            world.driver.undeploy(ID)?;
            world.assert_nothing_is_left();
        }
        Ok(())
    });
}

#[test]
#[ignore = "the victim of the test above, which starts it"]
fn deploys_and_undeploys_until_it_is_killed() {
    let directory: Option<OsString> = env::var_os(STATE_DIR);
    let directory = PathBuf::from(directory.expect("started by its test"));
    let config = Config { netns_dir: directory.join("netns"), ..world::config_of_segment() };
    let context = Context { agent_id: "victim".to_owned(), config, state_dir: directory.join("state") };
    let driver = HaproxyNs::new(context).expect("a driver");
    let mut other = load_balancer();
    other.pools[0].members.pop();
    for generation in 1.. {
        driver.deploy(&load_balancer(), generation).expect("a deploy");
        driver.deploy(&other, generation).expect("a change");
        driver.undeploy(ID).expect("an undeploy");
    }
}
