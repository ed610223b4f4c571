//! Two hosts with an agent each, two members and a client.

use std::{
    env,
    fs::{self, File},
    io,
    net::{SocketAddr, TcpStream, UdpSocket},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use ballast_lab::{Host, Lab, Process, Signal, WebServer, wait_until};
use ballast_netns::namespace;
use ballast_proto::{
    agent::{Desired, Election, Standing},
    driver::{
        LbMethod, Listener, LoadBalancer, Member, Network, PersistenceType, Pool, Protocol, SessionPersistence, Side,
        Vip,
    },
};
use nix::{sys::signal::kill, unistd::Pid};
use tokio::runtime::Runtime;

use crate::played::Played;

pub(crate) const ID: &str = "4c8ea0f2-7b3b-4c93-9d59-5b8fdc6a0a07";
pub(crate) const VIP: &str = "10.0.0.4:80";
pub(crate) const VIP6: &str = "[fd00::4]:80";
pub(crate) const SOON: Duration = Duration::from_secs(20);
const KEY: [u8; 32] = [0xa7; 32];

pub(crate) fn key_in_hex() -> String {
    "a7".repeat(32)
}

pub(crate) struct Place<'a> {
    lab: &'a Lab,
    pub(crate) client: Host,
    hosts: [Host; 2],
    agents: [Option<Process>; 2],
    played: [Played; 2],
    _webs: Vec<WebServer>,
    _runtime: Runtime,
}

impl<'a> Place<'a> {
    /// Both sides are deployed, and the first answers.
    pub(crate) fn begin(lab: &'a Lab) -> Self {
        let data = lab.segment("data").unwrap();
        let plugged = |name: &str, number: u8| {
            let host = lab.host(name).unwrap();
            host.plug(&data, "eth0", &format!("10.0.0.{number}/24")).unwrap();
            host.address("eth0", &format!("fd00::{number}/64")).unwrap();
            host
        };
        let client = plugged("client", 5);
        let web = |number: u8| {
            let address: SocketAddr = format!("10.0.0.1{number}:8080").parse().unwrap();
            plugged(&format!("web-{number}"), 10 + number).web_server(&format!("web-{number}"), address).unwrap()
        };
        let webs = vec![web(1), web(2)];
        let hosts = ["agent-1", "agent-2"].map(|name| {
            let host = lab.host(name).unwrap();
            host.bridge("br-data").unwrap();
            host.uplink("br-data", &data, "eth1").unwrap();
            host
        });
        let runtime = Runtime::new().unwrap();
        let played = [1, 2].map(|number| {
            let desired = desired(number, 1, 1);
            Played::listen(runtime.handle(), &lab.dir().join(format!("scheduler-{number}.sock")), desired)
        });
        let agents = [None, None];
        let mut place = Self { lab, client, hosts, agents, played, _webs: webs, _runtime: runtime };
        [1, 2].into_iter().for_each(|number| place.start_agent(number));
        wait_until(SOON, "the first side answers, and both hear each other", || (place.settled()? == 1).then_some(()));
        crate::client::Load::begin(&place.client, VIP).answers_soon();
        crate::client::Load::begin(&place.client, VIP6).answers_soon();
        place
    }

    pub(crate) fn start_agent(&mut self, number: usize) {
        let folder = self.lab.dir().join(format!("agent-{number}"));
        let drivers = folder.join("drivers");
        fs::create_dir_all(&drivers).unwrap();
        fs::copy(driver(), drivers.join("haproxy-ns.so")).unwrap();
        let config = folder.join("agent.toml");
        let (state, secrets) = (folder.join("state"), folder.join("secrets"));
        let text = format!(
            "[drivers.haproxy-ns]\nbridge_mappings = {{ physnet1 = \"br-data\" }}\nsecrets_dir = {secrets:?}\n"
        );
        fs::write(&config, text).unwrap();
        let socket = self.lab.dir().join(format!("scheduler-{number}.sock"));
        let log = File::options().create(true).append(true).open(self.log_of(number)).unwrap();
        let mut command: Command = self.host(number).command(env!("CARGO_BIN_EXE_ballast-agent"));
        command
            .arg("--config")
            .arg(&config)
            .env("BALLAST_AGENT__HOST", format!("agent-{number}"))
            .env("BALLAST_AGENT__SCHEDULERS", format!("unix:{}", socket.display()))
            .env("BALLAST_AGENT__STATE_DIR", state)
            .env("BALLAST_AGENT__DRIVERS_DIR", drivers)
            .env("BALLAST_LOG__LEVEL", "info,ballast_agent=debug")
            .stderr(log);
        let process = self.host(number).spawn(command).unwrap();
        self.agents[number - 1] = Some(process);
    }

    fn log_of(&self, number: usize) -> PathBuf {
        self.lab.dir().join(format!("agent-{number}.log"))
    }

    pub(crate) fn log(&self) -> String {
        [1, 2].map(|number| fs::read_to_string(self.log_of(number)).unwrap_or_default()).concat()
    }

    fn host(&self, number: usize) -> &Host {
        &self.hosts[number - 1]
    }

    pub(crate) fn standing(&self, number: usize) -> Option<Standing> {
        self.played[number - 1].standing.lock().unwrap().clone()
    }

    /// Who says that it answers, if one does.
    pub(crate) fn active(&self) -> Option<usize> {
        let mut active = [1, 2].into_iter().filter(|number| self.standing(*number).is_some_and(|one| one.active));
        active.next().filter(|_| active.next().is_none())
    }

    /// The one that answers, where both hear each other, and the addresses are there and nowhere else.
    pub(crate) fn settled(&self) -> Option<usize> {
        let active = self.active()?;
        let heard = [1, 2].iter().all(|number| self.standing(*number).is_some_and(|one| one.peer_heard));
        let there = self.vips_on(active).len() == 2 && self.vips_on(3 - active).is_empty();
        (heard && there && self.standing(1)?.term == self.standing(2)?.term).then_some(active)
    }

    /// Of the VIP's addresses those on the link of this side.
    pub(crate) fn vips_on(&self, number: usize) -> Vec<String> {
        let namespace = format!("qlbaas-{ID}");
        let shown = self.host(number).output("ip", ["netns", "exec", &namespace, "ip", "-o", "address"]);
        let shown = shown.unwrap_or_default();
        let is_vip =
            |line: &&str| (line.contains("10.0.0.4/32") || line.contains("fd00::4/128")) && !line.contains(": lo ");
        shown.lines().filter(is_vip).map(str::to_owned).collect()
    }

    pub(crate) fn order(&self, term: u64, to: usize) {
        for number in [1, 2] {
            self.played[number - 1].desired.send_replace(desired(number, term, to));
        }
    }

    /// All processes there, as a host's end ends them; what the kernel has stays.
    pub(crate) fn kill_all(&mut self, number: usize) {
        let keeper = self.host(number).keeper_pid();
        for _ in 0..5 {
            let processes = self.host(number).remains().unwrap().processes;
            for process in processes.iter().filter(|process| process.pid != keeper) {
                let _ = kill(Pid::from_raw(process.pid), Signal::SIGKILL);
            }
        }
        self.agents[number - 1] = None;
        *self.played[number - 1].standing.lock().unwrap() = None;
    }

    fn warden(&self, number: usize) -> Pid {
        let processes = self.host(number).remains().unwrap().processes;
        let warden = processes.iter().find(|process| process.command_line.starts_with("ballast-agent warden"));
        Pid::from_raw(warden.unwrap().pid)
    }

    pub(crate) fn stop_warden(&self, number: usize) {
        kill(self.warden(number), Signal::SIGSTOP).unwrap();
    }

    pub(crate) fn continue_warden(&self, number: usize) {
        kill(self.warden(number), Signal::SIGCONT).unwrap();
    }

    /// What comes from the network does not reach this host; with `both`, nothing goes there either.
    pub(crate) fn cut(&self, number: usize, both: bool) {
        let mut rules = "add table netdev cut\n".to_owned();
        let hooks = if both { &["ingress", "egress"][..] } else { &["ingress"] };
        for hook in hooks {
            rules.push_str(&format!(
                "add chain netdev cut {hook} {{ type filter hook {hook} device eth1 priority 0; policy drop; }}\n"
            ));
        }
        let file = self.lab.dir().join("cut.nft");
        fs::write(&file, rules).unwrap();
        self.host(number).output("nft", ["-f", file.to_str().unwrap()]).unwrap();
    }

    pub(crate) fn heal(&self, number: usize) {
        self.host(number).output("nft", ["delete", "table", "netdev", "cut"]).unwrap();
    }

    /// What each of sixteen clients is answered.
    pub(crate) fn bodies(&self) -> Vec<String> {
        let ask = |number: u32| {
            let own = format!("10.0.0.{}", 100 + number);
            let _there = self.client.address("eth0", &format!("{own}/24"));
            self.client.output("curl", ["-sf", "-m", "5", "--interface", &own, &format!("http://{VIP}/")]).unwrap()
        };
        (0..16).map(ask).collect()
    }

    fn haproxies(&self, number: usize) -> Vec<Pid> {
        let processes = self.host(number).remains().unwrap().processes;
        let its = processes.iter().filter(|process| process.command_line.contains("haproxy.cfg"));
        its.map(|process| Pid::from_raw(process.pid)).collect()
    }

    pub(crate) fn kill_haproxy(&self, number: usize) {
        self.haproxies(number).into_iter().for_each(|pid| kill(pid, Signal::SIGKILL).unwrap());
    }

    pub(crate) fn has_haproxy(&self, number: usize) -> bool {
        !self.haproxies(number).is_empty()
    }

    pub(crate) fn client_says(&self, to: &str, datagram: &[u8]) {
        in_host(&self.client, || {
            UdpSocket::bind("0.0.0.0:0").and_then(|socket| socket.send_to(datagram, to)).map(drop)
        })
        .unwrap();
    }

    pub(crate) fn client_connects(&self, to: &str) -> io::Result<TcpStream> {
        let to: SocketAddr = to.parse().unwrap();
        in_host(&self.client, || TcpStream::connect_timeout(&to, Duration::from_secs(1)))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.log());
        }
    }
}

/// Does it in the network of a host.
pub(crate) fn in_host<T: Send>(host: &Host, work: impl FnOnce() -> T + Send) -> T {
    let there = File::open(format!("/proc/{}/ns/net", host.keeper_pid())).unwrap();
    let done = namespace::on_own_thread("in-host", || {
        namespace::enter(&there).unwrap();
        work()
    });
    done.unwrap()
}

fn driver() -> PathBuf {
    let test = env::current_exe().unwrap();
    let file = test.ancestors().nth(2).unwrap().join("libballast_driver_haproxy_ns.so");
    assert!(Path::new(&file).exists(), "{} is absent: run `cargo build -p ballast-driver-haproxy-ns`", file.display());
    file
}

fn desired(number: usize, term: u64, to: usize) -> Desired {
    Desired {
        load_balancer: Some(load_balancer(number)),
        driver: "haproxy-ns".to_owned(),
        epoch: 1,
        generation: 1,
        election: Some(Election { term, active: number == to, key: KEY.to_vec() }),
        ..Desired::default()
    }
}

fn load_balancer(number: usize) -> LoadBalancer {
    let vip = |address: &str, prefix_length| Vip {
        port_id: "9f1b7c52-aaaa-4bbb-8ccc-0123456789ab".to_owned(),
        address: address.to_owned(),
        prefix_length,
        mac: "fa:16:3e:00:00:04".to_owned(),
        network: Some(Network {
            id: "c0ffee00-1111-4222-8333-444444444444".to_owned(),
            network_type: "bridge".to_owned(),
            physical_network: "physnet1".to_owned(),
            ..Network::default()
        }),
        ..Vip::default()
    };
    let of_side = |number: usize| vec![format!("10.0.0.2{number}"), format!("fd00::2{number}")];
    let member = |number: u32| Member {
        id: format!("00000000-0000-4000-8000-{number:012}"),
        address: format!("10.0.0.1{number}"),
        protocol_port: 8080,
        weight: 1,
        admin_state_up: true,
        ..Member::default()
    };
    LoadBalancer {
        id: ID.to_owned(),
        project_id: "demo".to_owned(),
        admin_state_up: true,
        vip: Some(vip("10.0.0.4", 24)),
        additional_vips: vec![vip("fd00::4", 64)],
        listeners: vec![Listener {
            id: "7d2a1f9e-30c2-4f6e-8d3c-1c5cf1a3f9b4".to_owned(),
            protocol: Protocol::Http.into(),
            protocol_port: 80,
            connection_limit: -1,
            default_pool_id: ID.to_owned(),
            admin_state_up: true,
            ..Listener::default()
        }],
        pools: vec![Pool {
            id: ID.to_owned(),
            protocol: Protocol::Http.into(),
            lb_method: LbMethod::RoundRobin.into(),
            session_persistence: Some(SessionPersistence {
                r#type: PersistenceType::SourceIp.into(),
                ..SessionPersistence::default()
            }),
            admin_state_up: true,
            members: vec![member(1), member(2)],
            ..Pool::default()
        }],
        side: Some(Side {
            number: u32::try_from(number).unwrap(),
            port_id: format!("{number}d1b7c52-aaaa-4bbb-8ccc-0123456789ab"),
            mac: format!("fa:16:3e:00:00:2{number}"),
            addresses: of_side(number),
            peer_addresses: of_side(3 - number),
        }),
        features: ["protocol:HTTP", "topology:ACTIVE_STANDBY"].map(str::to_owned).to_vec(),
        ..LoadBalancer::default()
    }
}
