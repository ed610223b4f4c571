//! The network of the data plane.
//!
//! ```text
//!   the lab's own namespace: scheduler, gateway, this program
//!   segment "data", 10.20.0.0/16: client .0.5, member-1 .0.11, member-2 .0.12, the bridge br-data of agent-1
//!                                 VIPs from 10.20.1.0 on
//! ```

use std::{
    fs,
    io::Write,
    net::Ipv4Addr,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use ballast_lab::{Host, Lab, Process, WebServer, poll_until, wait_until};

use crate::{Outcome, datagrams, probe};

const SEGMENT: &str = "data";
pub(crate) const BRIDGE: &str = "br-data";
pub(crate) const PREFIX_LENGTH: u8 = 16;
/// Nobody has it: a default route only has to be there.
pub(crate) const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 20, 0, 1);
pub(crate) const MEMBERS: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 20, 0, 11), Ipv4Addr::new(10, 20, 0, 12)];
/// Where a web server that answers with its name listens, on the first member's host.
pub(crate) const WEB_PORT: u16 = 8080;
/// Where something listens that answers as fast as a haproxy can.
pub(crate) const FAST_PORT: u16 = 8081;
/// Where both members send datagrams back.
pub(crate) const ECHO_PORT: u16 = 8082;
/// The kernel frees namespaces later, and in that time makes others slowly.
const REST_AFTER_TEARDOWN: Duration = Duration::from_millis(200);
const PATIENCE: Duration = Duration::from_secs(10);

/// The nth address for a VIP.
pub(crate) fn vip(n: usize) -> Ipv4Addr {
    let host = |n: usize| u8::try_from(n % 250).unwrap_or(0);
    Ipv4Addr::new(10, 20, 1 + host(n / 250), 1 + host(n))
}

/// Where load balancers are plugged in: a host, or none for the lab's own namespaces, and a bridge there.
#[derive(Clone, Copy)]
pub(crate) struct Site<'a> {
    pub(crate) host: Option<&'a Host>,
    pub(crate) bridge: &'a str,
}

/// The segment itself: clients, members and load balancers are ports of one bridge, and nothing is between.
pub(crate) const ON_THE_SEGMENT: Site<'_> = Site { host: None, bridge: SEGMENT };

/// What the benches of the data plane stand on.
pub(crate) struct Ground {
    pub(crate) client: Host,
    pub(crate) agent: Host,
    members: Vec<Host>,
    _web: WebServer,
    fast: Vec<Process>,
}

impl Ground {
    pub(crate) fn build(lab: &Lab) -> Outcome<Self> {
        let data = lab.segment(SEGMENT)?;
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
            datagrams::echo(&host, (address, ECHO_PORT).into())?;
            members.push(host);
        }
        let web = members[0].web_server("web-1", (MEMBERS[0], WEB_PORT).into())?;
        Ok(Self { client, agent, members, _web: web, fast })
    }

    /// On the agent's host.
    pub(crate) const fn at_the_agent(&self) -> Site<'_> {
        Site { host: Some(&self.agent), bridge: BRIDGE }
    }

    /// The process that answers at [`FAST_PORT`] of the first member.
    pub(crate) fn fast_pid(&self) -> u32 {
        self.fast[0].pid().cast_unsigned()
    }

    /// Forgets who had which address: the next load balancer at it is new to its neighbours.
    fn forget_neighbours(&self) -> Outcome<()> {
        for host in self.members.iter().chain([&self.client]) {
            host.output("ip", ["neigh", "flush", "dev", "eth0"])?;
        }
        Ok(())
    }

    /// Gives the members entries for these addresses that are as if learned elsewhere: they take no room in the table
    /// of neighbours that all namespaces of a machine share, and are asked for and answered like any.
    pub(crate) fn know_neighbours(&self, addresses: &[Ipv4Addr]) -> Outcome<()> {
        let line = |address| format!("neigh replace {address} dev eth0 nud none extern_learn\n");
        let lines: String = addresses.iter().map(line).collect();
        self.members.iter().try_for_each(|host| feed(host.command("ip").args(["-batch", "-"]), &lines))
    }

    /// Waits until nothing of a load balancer is on the host, and the machine is quiet again.
    pub(crate) fn settle(&self) -> Outcome<()> {
        let gone = poll_until(PATIENCE, || {
            let remains = self.agent.remains().ok()?;
            (remains.namespaces.is_empty() && remains.links.is_empty()).then_some(())
        });
        gone.ok_or("a load balancer was not taken away")?;
        self.rest()
    }

    /// After links have gone.
    pub(crate) fn rest(&self) -> Outcome<()> {
        self.forget_neighbours()?;
        thread::sleep(REST_AFTER_TEARDOWN);
        Ok(())
    }
}

/// The client asks for the VIP before anybody has it. By default it would ask again after a second, and what is
/// measured would be that second.
fn ask_neighbours_eagerly(client: &Host) -> Outcome<()> {
    const EAGERLY: &str = "cd /proc/sys/net/ipv4/neigh/eth0 && echo 1 >retrans_time_ms && echo 100000 >mcast_solicit";
    client.output("sh", ["-c", EAGERLY])?;
    Ok(())
}

/// Runs a command that reads this.
fn feed(command: &mut Command, text: &str) -> Outcome<()> {
    let mut child = command.stdin(Stdio::piped()).spawn()?;
    child.stdin.take().ok_or("no stdin")?.write_all(text.as_bytes())?;
    let status = child.wait()?;
    if status.success() { Ok(()) } else { Err(format!("{command:?}: {status}").into()) }
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
