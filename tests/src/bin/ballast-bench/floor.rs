//! The floor: one process that brings a load balancer up by direct system calls and does nothing else. No API, no
//! database, no second process, no plan, no undo: what remains is what the kernel and haproxy need.
//!
//! It takes the same haproxy.cfg, bytes for bytes, the same bridge, binary and user as Ballast's driver, and is as
//! clever: haproxy starts while the network is plugged. It runs beside the agent and is told by lines on stdin what to do;
//! it is started before the clock is.

use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader, Write},
    net::Ipv4Addr,
    os::{
        fd::AsRawFd,
        unix::{fs::MetadataExt, fs::chown, process::CommandExt},
    },
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use ballast_lab::{Host, Signal, poll_until};
use nix::{
    mount::{MntFlags, MsFlags, mount, umount2},
    net::if_::if_nametoindex,
    sched::{CloneFlags, setns, unshare},
    sys::signal::kill,
    unistd::Pid,
};
use serde_json::{Value, json};

use crate::{
    Outcome,
    netlink::Netlink,
    topology::{BRIDGE, GATEWAY, PREFIX_LENGTH},
};

/// The first word on the command line that makes this program the floor.
pub(crate) const COMMAND: &str = "floor";

const OWN_NAMESPACE: &str = "/proc/thread-self/ns/net";
const GONE: Duration = Duration::from_secs(10);
/// What haproxy cannot do without, as it runs as nobody and before the address is there; and, as the floor announces
/// nothing itself, that the kernel announces the address.
const PARAMETERS: [(&str, &str); 4] = [
    ("ipv4/ip_unprivileged_port_start", "0"),
    ("ipv4/ip_nonlocal_bind", "1"),
    ("ipv4/conf/default/arp_notify", "1"),
    ("ipv6/conf/default/disable_ipv6", "1"),
];

/// The bench's side: a floor that waits for orders on a host.
pub(crate) struct Floor {
    process: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Floor {
    /// Floors with different numbers can be up at once.
    pub(crate) fn start(host: &Host, number: usize) -> Outcome<Self> {
        let mut command = host.command(std::env::current_exe()?);
        command.arg(COMMAND).arg(number.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn()?;
        let orders = process.stdin.take().ok_or("the floor has no stdin")?;
        let answers = process.stdout.take().map(BufReader::new).ok_or("the floor has no stdout")?;
        Ok(Self { process, orders, answers })
    }

    /// Has it take note of a configuration. `like` is of a `run/` directory of the driver, whose owner haproxy runs as.
    pub(crate) fn prepare(&mut self, directory: &Path, config: &[u8], like: &fs::Metadata) -> Outcome<()> {
        let config = String::from_utf8(config.to_vec())?;
        let order = json!({ "do": "prepare", "directory": directory, "config": config,
            "uid": like.uid(), "gid": like.gid() });
        self.order(&order)?;
        self.answer().map(drop)
    }

    /// Has it begin; [`Floor::answer`] says when it is done.
    pub(crate) fn begin(&mut self, address: Ipv4Addr) -> Outcome<()> {
        self.order(&json!({ "do": "up", "address": address }))
    }

    pub(crate) fn up(&mut self, address: Ipv4Addr) -> Outcome<()> {
        self.begin(address)?;
        self.answer().map(drop)
    }

    pub(crate) fn down(&mut self) -> Outcome<()> {
        self.order(&json!({ "do": "down" }))?;
        self.answer().map(drop)
    }

    fn order(&mut self, order: &Value) -> Outcome<()> {
        Ok(self.orders.write_all(format!("{order}\n").as_bytes())?)
    }

    /// Waits until it has done the last order: how long it worked, in milliseconds.
    pub(crate) fn answer(&mut self) -> Outcome<f64> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        let answer: Value = serde_json::from_str(&line).map_err(|_| format!("the floor ended: {line}"))?;
        match &answer["failed"] {
            Value::Null => Ok(answer["milliseconds"].as_f64().unwrap_or(f64::NAN)),
            failed => Err(format!("the floor: {failed}").into()),
        }
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        // The lab's end would end it too.
        let _ = self.process.kill().and_then(|()| self.process.wait());
    }
}

/// The floor's own side: carries out orders until stdin ends.
pub(crate) fn serve(number: &str) -> Outcome<ExitCode> {
    let mut work = Work { number: number.parse()?, ..Work::default() };
    for line in io::stdin().lines() {
        let order: Value = serde_json::from_str(&line?)?;
        let start = Instant::now();
        let done = match order["do"].as_str() {
            Some("prepare") => work.prepare(&order),
            Some("up") => work.up(&order),
            Some("down") => work.down(),
            _ => Err("unknown order".into()),
        };
        let answer = match done {
            Ok(()) => json!({ "milliseconds": start.elapsed().as_secs_f64() * 1e3 }),
            Err(error) => json!({ "failed": error.to_string() }),
        };
        println!("{answer}");
    }
    Ok(ExitCode::SUCCESS)
}

#[derive(Default)]
struct Work {
    number: u8,
    directory: PathBuf,
    config: String,
    owner: (u32, u32),
}

impl Work {
    fn prepare(&mut self, order: &Value) -> Outcome<()> {
        let number = |key: &str| order[key].as_u64().and_then(|id| u32::try_from(id).ok()).ok_or("no owner");
        self.owner = (number("uid")?, number("gid")?);
        self.directory = order["directory"].as_str().unwrap_or_default().into();
        self.config = order["config"].as_str().unwrap_or_default().to_owned();
        // The driver's directory of a load balancer is there before its VIP, too.
        fs::create_dir_all(self.run())?;
        chown(self.run(), Some(self.owner.0), Some(self.owner.1))?;
        fs::create_dir_all("/run/netns")?;
        Ok(())
    }

    fn run(&self) -> PathBuf {
        self.directory.join("run")
    }

    fn outside(&self) -> String {
        format!("floor{}", self.number)
    }

    /// The namespace's name.
    fn name(&self) -> PathBuf {
        format!("/run/netns/floor{}", self.number).into()
    }

    fn up(&self, order: &Value) -> Outcome<()> {
        let address: Ipv4Addr = order["address"].as_str().unwrap_or_default().parse()?;
        let (send, made) = mpsc::channel();
        thread::scope(|scope| {
            let inside = scope.spawn(move || self.inside(&send));
            let namespace: File = made.recv().map_err(|_| "no namespace was made")?;
            self.plug(address, &namespace)?;
            let mut haproxy = inside.join().map_err(|_| "a thread panicked")??;
            let status = haproxy.wait()?;
            if status.success() { Ok(()) } else { Err(format!("haproxy: {status}").into()) }
        })
    }

    /// Makes the namespace and starts haproxy in it. The thread ends in there.
    fn inside(&self, made: &mpsc::Sender<File>) -> Outcome<Child> {
        unshare(CloneFlags::CLONE_NEWNET)?;
        for (key, value) in PARAMETERS {
            let path = Path::new("/proc/sys/net").join(key);
            if path.exists() {
                fs::write(path, value)?;
            }
        }
        made.send(File::open(OWN_NAMESPACE)?)?;
        File::create(self.name())?;
        mount(Some(OWN_NAMESPACE), &self.name(), None::<&str>, MsFlags::MS_BIND, None::<&str>)?;
        fs::write(self.directory.join("haproxy.cfg"), &self.config)?;
        let mut command = Command::new("/usr/sbin/haproxy");
        command.args(["-D", "-f", "../haproxy.cfg", "-p", "pid"]).current_dir(self.run());
        command.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.gid(self.owner.1).uid(self.owner.0);
        Ok(command.spawn()?)
    }

    fn down(&self) -> Outcome<()> {
        let pid: i32 = fs::read_to_string(self.run().join("pid"))?.trim().parse()?;
        kill(Pid::from_raw(pid), Signal::SIGKILL)?;
        umount2(&self.name(), MntFlags::MNT_DETACH)?;
        fs::remove_file(self.name())?;
        fs::remove_dir_all(&self.directory)?;
        let gone = || if_nametoindex(self.outside().as_str()).is_err().then_some(());
        poll_until(GONE, gone).ok_or("the link does not go")?;
        Ok(())
    }

    /// The link, the address, the route. Called on a thread in the host's namespace, to which it returns.
    fn plug(&self, address: Ipv4Addr, namespace: &File) -> Outcome<()> {
        let home = File::open(OWN_NAMESPACE)?;
        let mut host = Netlink::open()?;
        let mac = [0xfa, 0x16, 0x3e, 0xff, 0, self.number];
        host.pair(&self.outside(), if_nametoindex(BRIDGE)?, mac, namespace.as_raw_fd());
        host.flush()?;
        setns(namespace, CloneFlags::CLONE_NEWNET)?;
        let index = if_nametoindex("eth0")?;
        let mut inside = Netlink::open()?;
        inside.up(1);
        inside.address(index, address, PREFIX_LENGTH);
        inside.up(index);
        inside.default_route(index, GATEWAY);
        inside.get(index);
        let plugged = inside.flush();
        setns(&home, CloneFlags::CLONE_NEWNET)?;
        plugged?;
        host.get(if_nametoindex(self.outside().as_str())?);
        Ok(host.flush()?)
    }
}
