//! What TLS costs beside a haproxy with a haproxy.cfg by hand, with the same certificates and members.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use ballast_abi::{Driver, ListenerTls};
use ballast_lab::{Host, wait_until};
use nix::unistd::{SysconfVar, sysconf};

use super::{Secrets, in_tls_world, of, with_tls};
use crate::world::{ID, SOON, TestResultOf, World};

const ROUNDS: u32 = 3;
const SECONDS: &str = "2";
const COUNTS: [usize; 3] = [1, 10, 1000];

/// What somebody would write who has read haproxy's manual.
fn by_hand(certificates: &str) -> String {
    format!(
        "global\n    nbthread 1\n    maxconn 2000\n    httpclient.ssl.verify none\n    \
         ssl-default-bind-options ssl-min-ver TLSv1.2\n    \
         ssl-default-bind-ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256\n    \
         ssl-default-bind-ciphersuites TLS_AES_128_GCM_SHA256\n\ndefaults\n    mode http\n    timeout connect 5s\n    \
         timeout client 50s\n    timeout server 50s\n\nfrontend web\n    bind :443 ssl crt {certificates}\n    \
         option forwardfor\n    default_backend web\n\nbackend web\n    server one 10.0.0.11:8080\n    \
         server two 10.0.0.12:8080\n"
    )
}

/// A haproxy by hand on a host of its own, its pid, and how many milliseconds its start took.
fn start(world: &World<'_>, host: &Host, certificates: &str) -> TestResultOf<(i32, f64)> {
    let (config, pid) = (world.lab.dir().join("by-hand.cfg"), world.lab.dir().join("by-hand.pid"));
    fs::write(&config, by_hand(certificates))?;
    let mut command = host.command("haproxy");
    command.arg("-D").arg("-f").arg(&config).arg("-p").arg(&pid).stdout(Stdio::null()).stderr(Stdio::null());
    let begun = Instant::now();
    assert!(command.status()?.success(), "haproxy by hand does not start");
    let took = begun.elapsed().as_secs_f64() * 1e3;
    Ok((fs::read_to_string(&pid)?.trim().parse()?, took))
}

fn stop(pid: i32) {
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL).unwrap();
    wait_until(SOON, "haproxy by hand is gone", || (!Path::new(&format!("/proc/{pid}/exe")).exists()).then_some(()));
}

/// Seconds of the processor that a process has taken.
fn processor(pid: i32) -> f64 {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let words: Vec<&str> = text.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks = words[11].parse::<f64>().unwrap() + words[12].parse::<f64>().unwrap();
    let each = u32::try_from(sysconf(SysconfVar::CLK_TCK).unwrap().unwrap()).unwrap();
    ticks / f64::from(each)
}

/// Memory that is no file's, in kB.
fn memory(pid: i32) -> f64 {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("Anonymous:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// The number before a word in what a client has said.
fn count(said: &str, before: &str) -> f64 {
    let line = said.lines().find(|line| line.contains(before)).unwrap_or_else(|| panic!("{said}"));
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// Microseconds of the processor for each of what a client counts.
fn cost(world: &World<'_>, pid: i32, (program, arguments): (&str, &[&str]), counted: &str) -> (f64, f64) {
    let before = processor(pid);
    let said = world.client.output(program, arguments.iter().copied()).unwrap();
    let done = count(&said, counted);
    ((processor(pid) - before) * 1e6 / done, done / 2.0)
}

fn self_signed(world: &World<'_>, name: &str, kind: &[&str]) -> (String, String) {
    let path = |suffix: &str| world.lab.dir().join(format!("{name}.{suffix}")).display().to_string();
    let (pem, key) = (path("pem"), path("key"));
    let usual = ["req", "-x509", "-nodes", "-days", "30", "-subj", "/CN=www.example", "-out", &pem, "-keyout", &key];
    let made = Command::new("openssl").args(usual).args(kind).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    let read = |path: &str| fs::read_to_string(path).unwrap();
    (read(&pem), read(&key))
}

fn narrow(certificate: ballast_abi::Secret) -> ListenerTls {
    let ciphers = "TLS_AES_128_GCM_SHA256:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256".to_owned();
    ListenerTls { ciphers, ..of(certificate) }
}

#[test]
#[ignore = "a measurement: docs/performance.md has what it says"]
fn what_tls_costs() {
    in_tls_world(|world, mut secrets| {
        let rival = world.lab.host("by-hand")?;
        rival.plug(&world.data, "eth0", "10.0.0.20/24")?;
        let kinds: [(&str, &[&str]); 2] = [
            ("RSA 2048", &["-newkey", "rsa:2048"]),
            ("P-256", &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]),
        ];
        for (version, (kind, how)) in (1_u32..).zip(kinds) {
            let (pem, key) = self_signed(&world, "one", how);
            let together = super::write(&world, "both.pem", &format!("{pem}{key}"));
            let named = secrets.add("web", version, &pem, &key);
            secrets.deploy_whole(&world, &with_tls(narrow(named)), version.into());
            let (by_hand, _) = start(&world, &rival, &together)?;
            let sides = [("10.0.0.4", world.pid()), ("10.0.0.20", by_hand)];
            for what in [FULL, AGAIN] {
                eprintln!("{}", compare(&world, kind, what, sides));
            }
            // Whose key it is, a request does not know.
            if version > 1 {
                eprintln!("{}", compare(&world, kind, REQUEST, sides));
            }
            stop(by_hand);
        }
        Ok(())
    });
}

/// Least of several turns: what else the machine does meets both sides.
fn compare(world: &World<'_>, kind: &str, what: &str, sides: [(&str, i32); 2]) -> String {
    let mut least = [(f64::MAX, 0.0); 2];
    let rounds = if what == REQUEST { 2 * ROUNDS } else { ROUNDS };
    for _ in 0..rounds {
        for (least, (address, pid)) in least.iter_mut().zip(sides) {
            let (to, url) = (format!("{address}:443"), format!("https://{address}/"));
            let full = ["s_time", "-connect", &to, "-new", "-time", SECONDS, "-tls1_3"];
            let again = ["s_time", "-connect", &to, "-reuse", "-time", SECONDS, "-tls1_2"];
            let load = ["-t1", "-c8", "-d2s", &url];
            let taken = match what {
                REQUEST => cost(world, pid, ("wrk", &load), "requests in"),
                AGAIN => cost(world, pid, ("openssl", &again), "real seconds"),
                _ => cost(world, pid, ("openssl", &full), "real seconds"),
            };
            if taken.0 < least.0 {
                *least = taken;
            }
        }
    }
    let [(ours, each), (theirs, by_hand)] = least;
    let ratio = ours / theirs;
    format!(
        "{kind}: {what}: {ours:.1} us of the processor, by hand {theirs:.1}: {ratio:.3}; {each:.0} a second, by hand {by_hand:.0}"
    )
}

const FULL: &str = "a full handshake, TLS 1.3";
const AGAIN: &str = "a handshake that is taken up again, TLS 1.2";
const REQUEST: &str = "a request";

#[test]
#[ignore = "a measurement: docs/performance.md has what it says"]
fn what_many_certificates_take() {
    in_tls_world(|world, mut secrets: Secrets| {
        let rival = world.lab.host("by-hand")?;
        rival.plug(&world.data, "eth0", "10.0.0.20/24")?;
        let folder = world.lab.dir().join("certificates");
        fs::create_dir(&folder)?;
        let mut names = Vec::new();
        for count in COUNTS {
            for at in names.len()..count {
                names.push(secrets.server(&format!("name-{at}"), 1, &[&format!("n{at}.example")]));
                let told = secrets.told.last().unwrap();
                fs::write(folder.join(format!("{at}.pem")), format!("{}{}", told.pem, told.private_key))?;
            }
            let asked = with_tls(ListenerTls { sni_certificates: names.clone(), ..ListenerTls::default() });
            let mut least = [(f64::MAX, f64::MAX); 2];
            for _ in 0..ROUNDS {
                let begun = Instant::now();
                secrets.deploy_whole(&world, &asked, 1);
                let took = begun.elapsed().as_secs_f64() * 1e3;
                least[0] = (least[0].0.min(took), least[0].1.min(memory(world.pid())));
                world.driver.undeploy(ID)?;
                let (pid, took) = start(&world, &rival, &folder.display().to_string())?;
                least[1] = (least[1].0.min(took), least[1].1.min(memory(pid)));
                stop(pid);
            }
            let [(ours, kilobytes), (theirs, by_hand)] = least;
            eprintln!(
                "{count} certificates: deployed in {ours:.1} ms, by hand started in {theirs:.1}; {kilobytes:.0} kB, by hand \
                 {by_hand:.0}: {:.3}",
                kilobytes / by_hand
            );
        }
        Ok(())
    });
}
