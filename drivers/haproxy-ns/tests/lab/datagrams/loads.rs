//! What the kernel cannot count: members with the fewest flows, and limits of many thousand connections.

use std::time::Duration;

use ballast_abi::LbMethod;
use ballast_lab::wait_until;

use super::tools::{DATAGRAMS, Echo, answers, ask, asked, on, open, socket};
use crate::world::{SOON, in_world};

#[test]
fn a_member_with_fewer_flows_gets_more_new_ones() {
    in_world(|world| {
        let _echoes = [Echo::start(&world, 1), Echo::start(&world, 2)];
        let mut asked = asked();
        asked.pools[1].lb_method = LbMethod::LeastConnections.into();
        let second = asked.pools[1].members.pop().unwrap();
        world.deploy(&asked, 1);
        assert_eq!(answers(&world, 30), [(1, 30)].into());
        asked.pools[1].members.push(second);
        world.deploy(&asked, 2);
        std::thread::sleep(Duration::from_millis(3_500));
        let counts = answers(&world, 20);
        assert!(counts[&2] > 13, "{counts:?}");
        Ok(())
    });
}

#[test]
fn a_limit_that_the_kernel_does_not_count_is_held_roughly() {
    in_world(|world| {
        let _echoes = [Echo::start(&world, 1), Echo::start(&world, 2)];
        let mut asked = asked();
        asked.listeners[1].connection_limit = 2_001;
        world.deploy(&asked, 1);
        let served = on(&world.client, || (0..2_001).filter(|_| open(None).send(b"?").is_ok()).count());
        assert!(served > 1_990, "{served}");
        let full = || world.observe()?.listeners.into_iter().find(|one| one.listener_id == DATAGRAMS);
        wait_until(SOON, "it is full", || full().filter(|one| one.full).map(drop));
        wait_until(SOON, "nobody more", || ask(&socket(&world, None)).is_err().then_some(()));
        Ok(())
    });
}
