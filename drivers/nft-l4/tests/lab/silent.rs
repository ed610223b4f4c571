//! A move in order, seen from its two ends.

use std::{
    io::ErrorKind,
    thread,
    time::{Duration, Instant},
};

use ballast_abi::{Driver, LoadBalancer, MonitorType, Protocol};
use ballast_lab::wait_until;

use crate::{
    tools::{Serving, answers, connect, speak},
    world::{ID, OUTSIDE, SOON, in_world, link_exists, load_balancer, monitor},
};

fn silent(asked: &LoadBalancer) -> LoadBalancer {
    LoadBalancer { silent: true, ..asked.clone() }
}

#[test]
fn what_is_silent_is_not_plugged_in_and_serves_at_once_when_it_is_to_answer() {
    in_world(|mut world| {
        let _members = [Serving::start(&world, 1), Serving::start(&world, 2)];
        let mut asked = load_balancer(Protocol::Tcp);
        asked.pools[0].monitors = vec![monitor(MonitorType::Tcp)];
        world.deploy(&silent(&asked), 1);
        assert!(!link_exists(OUTSIDE) && world.netns().exists());
        thread::sleep(Duration::from_millis(1_500));
        assert_eq!(world.generation(), 1, "nothing is lost");
        world.end_driver();
        world.start_driver();
        assert_eq!(world.generation(), 1);
        assert!(world.client.output("ping", ["-c", "1", "-W", "1", "10.0.0.4"]).is_err());
        let begin = Instant::now();
        world.deploy(&asked, 1);
        println!("to let it answer took {:?}", begin.elapsed());
        assert_eq!(answers(&world, 10), [(1, 5), (2, 5)].into());
        let up = || world.health().filter(|all| all.len() == 2).map(drop);
        wait_until(SOON, "members are checked", up);
        world.driver().undeploy(ID)?;
        world.assert_nothing_is_left();
        Ok(())
    });
}

#[test]
fn who_finishes_lets_nobody_in_and_waits_for_who_is_connected() {
    in_world(|world| {
        let _members = [Serving::start(&world, 1), Serving::start(&world, 2)];
        let asked = load_balancer(Protocol::Tcp);
        world.deploy(&asked, 1);
        let kept = connect(&world, "10.0.0.4:80")?;
        speak(&kept)?;
        let took = thread::scope(|scope| {
            let begin = Instant::now();
            let finishing = scope.spawn(|| world.driver().finish(ID, Duration::from_secs(20)));
            thread::sleep(Duration::from_millis(300));
            let refused = world.client.output("curl", ["-s", "-m", "1", "http://10.0.0.4/"]);
            assert!(refused.is_err_and(|error| error.to_string().contains("28")), "he is left without an answer");
            speak(&kept)?;
            drop(kept);
            finishing.join().map_err(|_| ErrorKind::Other)?;
            Ok::<_, std::io::Error>(begin.elapsed())
        })?;
        println!("to finish took {took:?}");
        assert!(took < Duration::from_secs(10), "{took:?}");
        world.deploy(&asked, 2);
        assert_eq!(answers(&world, 2), [(1, 1), (2, 1)].into(), "it serves here after all");
        world.driver().finish(ID, Duration::from_millis(200));
        world.driver().undeploy(ID)?;
        world.assert_nothing_is_left();
        Ok(())
    });
}
