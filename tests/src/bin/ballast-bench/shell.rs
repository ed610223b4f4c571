//! The same by commands, as network services have long plugged load balancers in: a process for each step, the address
//! said three times and waited for, then haproxy with a minimal configuration.

use std::{net::Ipv4Addr, path::Path, process::Child};

use ballast_lab::Host;

use crate::{
    Outcome,
    topology::{BRIDGE, GATEWAY, PREFIX_LENGTH},
};

const UP: &str = r#"set -e
ip netns add shell
ip link add shell-out type veth peer name shell-in
ip link set shell-in netns shell
ip link set shell-out master "$BRIDGE"
ip link set shell-out up
ip netns exec shell ip link set lo up
ip netns exec shell ip link set shell-in address fa:16:3e:fc:00:01
ip netns exec shell ip address add "$ADDRESS/$PREFIX" dev shell-in
ip netns exec shell ip link set shell-in up
ip netns exec shell ip route add default via "$GATEWAY"
ip netns exec shell arping -q -U -c 3 -I shell-in "$ADDRESS"
exec ip netns exec shell haproxy -D -f "$CONFIG" -p "$CONFIG.pid""#;

const DOWN: &str = r#"set -e
kill -KILL $(cat "$CONFIG.pid")
ip netns delete shell"#;

/// Begins; what is returned ends when all is done.
pub(crate) fn begin(host: &Host, address: Ipv4Addr, config: &Path) -> Outcome<Child> {
    let mut command = host.command("sh");
    command.args(["-c", UP]).env("BRIDGE", BRIDGE).env("CONFIG", config);
    command.env("ADDRESS", address.to_string()).env("PREFIX", PREFIX_LENGTH.to_string());
    Ok(command.env("GATEWAY", GATEWAY.to_string()).spawn()?)
}

pub(crate) fn down(host: &Host, config: &Path) -> Outcome<()> {
    let status = host.command("sh").args(["-c", DOWN]).env("CONFIG", config).status()?;
    if status.success() { Ok(()) } else { Err(format!("the commands that take away: {status}").into()) }
}
