//! The floor: one process that brings a load balancer up by direct system calls and does nothing else. No API, no
//! database, no second process, no plan, no undo: what remains is what the kernel and haproxy need.
//!
//! It takes the same haproxy.cfg, bytes for bytes, the same bridge, binary and user as Ballast's driver, and is as
//! clever: haproxy starts while the network is plugged. It runs beside the agent. It can also be asked for haproxy
//! alone, in a namespace that is ready, and for namespaces alone.

use std::{
    fs::{self, File},
    net::Ipv4Addr,
    os::{
        fd::AsRawFd,
        unix::{fs::MetadataExt, fs::chown, process::CommandExt},
    },
    path::{Path, PathBuf},
    process::{Child, Command, ExitCode, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use ballast_lab::{Signal, poll_until};
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
    orders::{self, Worker},
    topology::{GATEWAY, PREFIX_LENGTH, Site, vip},
};

/// The first word on the command line that makes this program the floor.
pub(crate) const COMMAND: &str = "floor";

const OWN_NAMESPACE: &str = "/proc/thread-self/ns/net";
const GONE: Duration = Duration::from_secs(30);
/// What haproxy cannot do without, as it runs as nobody and before the address is there; and, as the floor announces
/// nothing itself, that the kernel announces the address.
const PARAMETERS: [(&str, &str); 4] = [
    ("ipv4/ip_unprivileged_port_start", "0"),
    ("ipv4/ip_nonlocal_bind", "1"),
    ("ipv4/conf/default/arp_notify", "1"),
    ("ipv6/conf/default/disable_ipv6", "1"),
];

/// The bench's side: a floor that waits for orders on a host.
pub(crate) struct Floor(Worker);

impl Floor {
    /// Floors with different numbers can be up at once.
    pub(crate) fn start(site: &Site<'_>, number: usize) -> Outcome<Self> {
        Ok(Self(Worker::start(site.host, COMMAND, &[&number.to_string(), site.bridge])?))
    }

    /// Has it take note of a configuration. `like` is of a `run/` directory of the driver, whose owner haproxy runs as.
    pub(crate) fn prepare(&mut self, directory: &Path, config: &[u8], like: &fs::Metadata) -> Outcome<()> {
        let config = String::from_utf8(config.to_vec())?;
        let order = json!({ "do": "prepare", "directory": directory, "config": config,
            "uid": like.uid(), "gid": like.gid() });
        self.0.call(&order).map(drop)
    }

    /// Has it begin; [`Floor::answer`] says when it is done.
    pub(crate) fn begin(&mut self, address: Ipv4Addr) -> Outcome<()> {
        self.0.begin(&json!({ "do": "up", "address": address }))
    }

    pub(crate) fn up(&mut self, address: Ipv4Addr) -> Outcome<()> {
        self.begin(address)?;
        self.answer()
    }

    /// Has it make everything but haproxy.
    pub(crate) fn ready(&mut self, address: Ipv4Addr) -> Outcome<()> {
        self.0.call(&json!({ "do": "ready", "address": address })).map(drop)
    }

    /// Has it begin to start haproxy where it is [`Floor::ready`]; [`Floor::answer`] says when it has.
    pub(crate) fn begin_haproxy(&mut self) -> Outcome<()> {
        self.0.begin(&json!({ "do": "haproxy" }))
    }

    pub(crate) fn down(&mut self) -> Outcome<()> {
        self.0.call(&json!({ "do": "down" })).map(drop)
    }

    /// Makes so many namespaces with a link, an address and a route each, and nothing in them.
    pub(crate) fn make_empty(&mut self, count: usize) -> Outcome<()> {
        self.0.call(&json!({ "do": "make empty", "count": count })).map(drop)
    }

    /// Takes them away, and waits until their links are gone.
    pub(crate) fn remove_empty(&mut self, count: usize) -> Outcome<()> {
        self.0.call(&json!({ "do": "remove empty", "count": count })).map(drop)
    }

    /// Waits until it has done what it has begun.
    pub(crate) fn answer(&mut self) -> Outcome<()> {
        self.0.end().map(drop)
    }
}

/// The floor's own side. Its words: its number, and the bridge that it plugs into.
pub(crate) fn serve(words: &[String]) -> Outcome<ExitCode> {
    let [number, bridge] = words else { return Err("the floor wants a number and a bridge".into()) };
    let mut work = Work { number: number.parse()?, bridge: bridge.clone(), ..Work::default() };
    orders::obey(|order| {
        let address = || order["address"].as_str().unwrap_or_default().parse::<Ipv4Addr>();
        let count = order["count"].as_u64().unwrap_or(0);
        match order["do"].as_str() {
            Some("prepare") => work.prepare(order),
            Some("up") => work.up(address()?),
            Some("ready") => work.place().make(address()?),
            Some("haproxy") => work.start_where_it_is_ready(),
            Some("down") => work.down(),
            Some("make empty") => (0..count).try_for_each(|n| work.empty(n).make(vip(usize::try_from(n)?))),
            Some("remove empty") => work.remove_empty(count),
            _ => Err("unknown order".into()),
        }
        .map(|()| json!({}))
    })
}

#[derive(Default)]
struct Work {
    number: u8,
    bridge: String,
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
        Ok(())
    }

    fn run(&self) -> PathBuf {
        self.directory.join("run")
    }

    fn place(&self) -> Place {
        Place {
            name: format!("floor{}", self.number),
            bridge: self.bridge.clone(),
            mac: [0xfa, 0x16, 0x3e, 0xff, 0, self.number],
        }
    }

    /// The nth of those without haproxy.
    fn empty(&self, n: u64) -> Place {
        let [.., high, low] = n.to_be_bytes();
        Place {
            name: format!("floor{}-{n}", self.number),
            bridge: self.bridge.clone(),
            mac: [0xfa, 0x16, 0x3e, 0xfe, high, low],
        }
    }

    fn up(&self, address: Ipv4Addr) -> Outcome<()> {
        let place = self.place();
        let (send, made) = mpsc::channel();
        thread::scope(|scope| {
            let inside = scope.spawn(|| {
                // The thread ends in there.
                send.send(place.make_namespace()?)?;
                place.keep()?;
                self.start()
            });
            let namespace = made.recv().map_err(|_| "no namespace was made")?;
            place.plug(address, &namespace)?;
            succeeded(inside.join().map_err(|_| "a thread panicked")??)
        })
    }

    fn start_where_it_is_ready(&self) -> Outcome<()> {
        let namespace = File::open(self.place().path())?;
        thread::scope(|scope| {
            let inside = scope.spawn(|| {
                setns(&namespace, CloneFlags::CLONE_NEWNET)?;
                succeeded(self.start()?)
            });
            inside.join().map_err(|_| "a thread panicked")?
        })
    }

    /// Starts haproxy, in the namespace of the calling thread.
    fn start(&self) -> Outcome<Child> {
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
        self.place().drop_namespace()?;
        fs::remove_dir_all(&self.directory)?;
        self.place().await_gone()
    }

    fn remove_empty(&self, count: u64) -> Outcome<()> {
        (0..count).try_for_each(|n| self.empty(n).drop_namespace())?;
        (0..count).try_for_each(|n| self.empty(n).await_gone())
    }
}

fn succeeded(mut haproxy: Child) -> Outcome<()> {
    let status = haproxy.wait()?;
    if status.success() { Ok(()) } else { Err(format!("haproxy: {status}").into()) }
}

/// A namespace and its link, both of this name.
struct Place {
    name: String,
    bridge: String,
    mac: [u8; 6],
}

impl Place {
    fn path(&self) -> PathBuf {
        Path::new("/run/netns").join(&self.name)
    }

    /// All of it.
    fn make(&self, address: Ipv4Addr) -> Outcome<()> {
        let make = || {
            let namespace = self.make_namespace()?;
            self.keep().map(|()| namespace)
        };
        let made = thread::scope(|scope| scope.spawn(make).join());
        self.plug(address, &made.map_err(|_| "a thread panicked")??)
    }

    /// The calling thread stays in it.
    fn make_namespace(&self) -> Outcome<File> {
        unshare(CloneFlags::CLONE_NEWNET)?;
        for (key, value) in PARAMETERS {
            let path = Path::new("/proc/sys/net").join(key);
            if path.exists() {
                fs::write(path, value)?;
            }
        }
        Ok(File::open(OWN_NAMESPACE)?)
    }

    /// Names the namespace of the calling thread.
    fn keep(&self) -> Outcome<()> {
        File::create(self.path())?;
        Ok(mount(Some(OWN_NAMESPACE), &self.path(), None::<&str>, MsFlags::MS_BIND, None::<&str>)?)
    }

    /// The link, the address, the route. Called on a thread in the host's namespace, to which it returns.
    fn plug(&self, address: Ipv4Addr, namespace: &File) -> Outcome<()> {
        let home = File::open(OWN_NAMESPACE)?;
        let mut host = Netlink::open()?;
        host.pair(&self.name, if_nametoindex(self.bridge.as_str())?, self.mac, namespace.as_raw_fd());
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
        host.get(if_nametoindex(self.name.as_str())?);
        Ok(host.flush()?)
    }

    fn drop_namespace(&self) -> Outcome<()> {
        umount2(&self.path(), MntFlags::MNT_DETACH)?;
        Ok(fs::remove_file(self.path())?)
    }

    fn await_gone(&self) -> Outcome<()> {
        let gone = || if_nametoindex(self.name.as_str()).is_err().then_some(());
        Ok(poll_until(GONE, gone).ok_or("the link does not go")?)
    }
}
