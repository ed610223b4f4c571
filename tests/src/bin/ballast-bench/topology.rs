//! The network of the data plane.
//!
//! ```text
//!   the lab's own namespace: scheduler, gateway, this program
//!   segment "data", 10.20.0.0/16: client .0.5, member-1 .0.11, member-2 .0.12, the bridge br-data of agent-1
//!                                 VIPs from 10.20.1.0 on
//! ```

use std::{fs, net::Ipv4Addr, time::Duration};

use ballast_lab::{Host, Lab, Process, WebServer, wait_until};

use crate::{Outcome, probe};

pub(crate) const BRIDGE: &str = "br-data";
pub(crate) const PREFIX_LENGTH: u8 = 16;
/// Nobody has it: a default route only has to be there.
pub(crate) const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 20, 0, 1);
pub(crate) const MEMBERS: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 20, 0, 11), Ipv4Addr::new(10, 20, 0, 12)];
/// Where a web server that answers with its name listens, on the first member's host.
pub(crate) const WEB_PORT: u16 = 8080;
/// Where something listens that answers as fast as a haproxy can.
pub(crate) const FAST_PORT: u16 = 8081;

/// The nth address for a VIP.
pub(crate) fn vip(n: usize) -> Ipv4Addr {
    let host = |n: usize| u8::try_from(n % 250).unwrap_or(0);
    Ipv4Addr::new(10, 20, 1 + host(n / 250), 1 + host(n))
}

/// What the benches of the data plane stand on.
pub(crate) struct Ground {
    pub(crate) client: Host,
    pub(crate) agent: Host,
    members: Vec<Host>,
    _web: WebServer,
    _fast: Vec<Process>,
}

impl Ground {
    pub(crate) fn build(lab: &Lab) -> Outcome<Self> {
        let data = lab.segment("data")?;
        let client = lab.host("client")?;
        client.plug(&data, "eth0", "10.20.0.5/16")?;
        ask_neighbours_eagerly(&client)?;
        let agent = lab.host("agent-1")?;
        agent.bridge(BRIDGE)?;
        agent.uplink(BRIDGE, &data, "eth0")?;
        let mut members = Vec::new();
        let mut fast = Vec::new();
        for (number, address) in (1..).zip(MEMBERS) {
            let host = lab.host(&format!("member-{number}"))?;
            host.plug(&data, "eth0", &format!("{address}/{PREFIX_LENGTH}"))?;
            fast.push(start_fast(lab, &host, address)?);
            members.push(host);
        }
        let web = members[0].web_server("web-1", (MEMBERS[0], WEB_PORT).into())?;
        Ok(Self { client, agent, members, _web: web, _fast: fast })
    }

    /// Forgets who had which address: the next load balancer at it is new to its neighbours.
    pub(crate) fn forget_neighbours(&self) -> Outcome<()> {
        for host in self.members.iter().chain([&self.client]) {
            host.output("ip", ["neigh", "flush", "dev", "eth0"])?;
        }
        Ok(())
    }
}

/// The client asks for the VIP before anybody has it. By default it would ask again after a second, and what is measured
/// would be that second.
fn ask_neighbours_eagerly(client: &Host) -> Outcome<()> {
    const EAGERLY: &str = "cd /proc/sys/net/ipv4/neigh/eth0 && echo 1 >retrans_time_ms && echo 100000 >mcast_solicit";
    client.output("sh", ["-c", EAGERLY])?;
    Ok(())
}

/// A haproxy that answers itself: no web server answers with less work.
fn start_fast(lab: &Lab, host: &Host, address: Ipv4Addr) -> Outcome<Process> {
    let config = lab.dir().join(format!("{}.cfg", host.name()));
    let text = format!(
        "global\n    nbthread 1\n    maxconn 2000\ndefaults\n    mode http\n    timeout connect 5s\n    \
         timeout client 50s\n    timeout server 50s\nfrontend member\n    bind {address}:{FAST_PORT}\n    \
         http-request return status 200 content-type text/plain string \"{}\"\n",
        host.name()
    );
    fs::write(&config, text)?;
    let mut command = host.command("haproxy");
    command.arg("-db").arg("-f").arg(&config);
    let process = host.spawn(command)?;
    let target = (address, FAST_PORT).into();
    let inside = probe::namespace(host)?;
    wait_until(Duration::from_secs(10), "a member's answer", || probe::answers(&inside, target).then_some(()));
    Ok(process)
}
