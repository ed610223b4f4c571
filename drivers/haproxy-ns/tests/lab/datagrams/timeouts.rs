//! How long a flow of UDP lives that nobody uses.

use std::time::Duration;

use ballast_abi::Timeouts;
use ballast_l4::{flows, netlink::Netfilter};
use ballast_lab::wait_until;

use super::tools::{Echo, ask, asked, socket, within};
use crate::world::{SOON, in_world};

/// The namespace's own time is half a minute and more: who forgets within seconds was told so.
#[test]
fn a_flow_is_forgotten_after_the_longer_of_its_listeners_timeouts() {
    in_world(|world| {
        let _echoes = [Echo::start(&world, 1), Echo::start(&world, 2)];
        let mut asked = asked();
        let timeouts = |client_data, member_data| {
            Some(Timeouts { client_data, member_data, member_connect: 5_000, tcp_inspect: 0 })
        };
        let alive = || within(&world, || flows::active(&mut Netfilter::open()?).map(|flows| flows.len()));
        world.deploy(&asked, 1);
        asked.listeners[1].timeouts = timeouts(1_000, 500);
        world.deploy(&asked, 2);
        ask(&socket(&world, None))?;
        wait_until(SOON, "the flow is forgotten", || (alive().ok()? == 0).then_some(()));
        asked.listeners[1].timeouts = timeouts(1_000, 60_000);
        world.deploy(&asked, 3);
        ask(&socket(&world, None))?;
        std::thread::sleep(Duration::from_secs(3));
        assert_eq!(alive()?, 1, "the more patient side counts");
        // None of its own: the namespace's again.
        asked.listeners[1].timeouts = None;
        world.deploy(&asked, 4);
        assert_eq!((alive()?, ask(&socket(&world, None)).is_ok()), (1, true));
        Ok(())
    });
}
