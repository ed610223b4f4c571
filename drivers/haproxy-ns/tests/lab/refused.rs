//! A configuration that haproxy refuses.

use std::net::TcpListener;

use ballast_abi::{Driver, ErrorCode, Listener};
use ballast_netns::namespace;

use crate::{
    lost::netns,
    world::{VIP, in_world, load_balancer},
};

const SECOND: &str = "3d2a1f9e-30c2-4f6e-8d3c-1c5cf1a3f9b5";

#[test]
fn what_haproxy_refuses_is_said_of_the_object_in_its_words_and_what_ran_goes_on() {
    in_world(|world| {
        world.deploy(&load_balancer(), 1);
        let pid = world.pid();
        let namespace::Look::Present(file) = namespace::look(&netns(&world))? else { panic!("no namespace") };
        // Somebody has the port, and haproxy knows before anybody else does.
        let taken = namespace::on_own_thread("listen", || {
            namespace::enter(&file).unwrap();
            TcpListener::bind("10.0.0.4:81").unwrap()
        })?;
        let mut asked = load_balancer();
        asked.listeners.push(Listener { id: SECOND.into(), protocol_port: 81, ..asked.listeners[0].clone() });
        let refused = world.driver.deploy(&asked, 2).unwrap_err();
        assert_eq!((refused.code, refused.object_id.as_str()), (ErrorCode::INTERNAL, SECOND));
        assert!(refused.message.starts_with(&format!("haproxy refused listener {SECOND}: ")), "{}", refused.message);
        assert!(refused.message.contains("cannot bind socket"), "{}", refused.message);
        assert_eq!((world.pid(), world.observe().unwrap().generation), (pid, 1), "what ran is not what runs");
        assert_eq!(world.answers(VIP, 4), ["web-1", "web-2"]);
        drop(taken);
        world.deploy(&asked, 2);
        assert_eq!(world.answers("http://10.0.0.4:81/", 4), ["web-1", "web-2"]);
        assert_eq!(world.observe().unwrap().generation, 2);
        Ok(())
    });
}
