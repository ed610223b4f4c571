//! Whatever the API takes can be deployed: values at and beyond each limit go through the model's checks, and what is left
//! of them through haproxy-ns to haproxy itself.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, net::IpAddr, path::Path, process::Command, sync::LazyLock};

use ballast_driver_haproxy_ns::{Config, configuration};
use ballast_model::{
    Uuid, check,
    fault::Fault,
    health_monitor::{HealthMonitor, MonitorChange, MonitorType},
    ids::PoolId,
    listener::{Mac, NewVip, Protocol, Vip},
    load_balancer::LoadBalancer,
    member::NewMember,
    network::{Attachment, Network, Subnetwork},
    pool::{LbMethod, NewPool, SessionPersistence},
    subnet::{NewSubnet, Subnet},
};
use ballast_proto::{convert, driver};
use proptest::prelude::*;

/// What the API takes of each field.
struct Taken {
    delays: Vec<i32>,
    timeouts: Vec<i32>,
    retries: Vec<i32>,
    methods: Vec<String>,
    paths: Vec<String>,
    codes: Vec<String>,
    cookies: Vec<String>,
    weights: Vec<u16>,
    ports: Vec<u16>,
    members: Vec<IpAddr>,
    texts: Vec<String>,
    subnets: Vec<Subnet>,
}

const NUMBERS: [i32; 14] = [i32::MIN, -1, 0, 1, 9, 10, 11, 256, 257, 65_535, 65_536, 86_400, 86_401, i32::MAX];
const LIMITS: [i32; 5] = [i32::MIN, -1, 0, 1, i32::MAX];
const ADDRESSES: [&str; 16] = [
    "10.0.0.11",
    "203.0.113.1",
    "169.254.169.254",
    "240.0.0.1",
    "0.0.0.0",
    "127.0.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "fd00::11",
    "2001:db8::ffff",
    "fe80::1",
    "::",
    "::1",
    "ff02::1",
    "::ffff:10.0.0.111",
    "x",
];

static TAKEN: LazyLock<Taken> = LazyLock::new(|| {
    let numbers = |check: &dyn Fn(i32) -> bool| NUMBERS.into_iter().filter(|number| check(*number)).collect();
    let texts = |check: &dyn Fn(&str) -> Result<String, Fault>| -> Vec<String> {
        texts().iter().filter_map(|text| check(text).ok()).collect()
    };
    let monitored = |change: MonitorChange| monitor(MonitorType::Http, change).is_some();
    Taken {
        delays: numbers(&|delay| {
            monitored(MonitorChange { delay: Some(delay), timeout: Some(0), ..Default::default() })
        }),
        timeouts: numbers(&|timeout| check::seconds("timeout", timeout).is_ok()),
        retries: numbers(&|retries| monitored(MonitorChange { max_retries: Some(retries), ..Default::default() })),
        methods: texts(&|text| check::http_method("http_method", text)),
        paths: texts(&|text| check::url_path("url_path", text)),
        codes: texts(&|text| check::expected_codes("expected_codes", text)),
        cookies: texts(&|text| check::cookie_name("cookie_name", text)),
        weights: NUMBERS.into_iter().filter_map(|number| check::weight("weight", number).ok()).collect(),
        ports: NUMBERS.into_iter().filter_map(|number| check::port("port", number).ok()).collect(),
        members: ADDRESSES.into_iter().filter_map(|text| check::member_address("address", text).ok()).collect(),
        texts: texts(&|text| check::text("name", text.to_owned(), check::MAX_TEXT)),
        subnets: subnets(),
    }
});

/// What somebody may write into any field of text.
fn texts() -> Vec<String> {
    let mut texts: Vec<String> = [
        "",
        "GET",
        "get",
        "/",
        "health",
        "/odata/$metadata",
        "/f?filter[name]='x'",
        "/'''",
        "-._~!$&'()*+,;=:@/?%20[]",
        "!&*+-.^_|~",
        "JSESSIONID",
        "200",
        "200, 202",
        "200-204",
        "204-200",
        "000",
        "099",
        "100-999",
        "200,202-204",
        "a b",
        "a\nbind :1",
        "\"",
        "\\",
        "#",
        "{}",
        "%[env(HOME)]",
        "%{+Q}o",
        "ü\u{202e}",
        "\0",
        "$(reboot)",
    ]
    .map(str::to_owned)
    .into();
    for length in [15, 16, 17, 63, 64, 65, 254, 255, 256, 1023, 1024, 1025] {
        texts.push("x".repeat(length));
        texts.push(format!("/{}", "'".repeat(length - 1)));
        let codes: Vec<String> = (100..=999).step_by(2).map(|code| code.to_string()).collect();
        texts.push(codes.join(",").chars().take(length).collect());
    }
    texts
}

fn subnets() -> Vec<Subnet> {
    let mut subnets = Vec::new();
    let cidrs = ["10.0.0.0/24", "10.0.0.0/30", "10.0.0.0/31", "fd00::/64", "fd00::/126", "127.0.0.0/8", "224.0.0.0/4"];
    for cidr in cidrs {
        for gateway in [None, Some(""), Some("10.0.0.0"), Some("10.0.0.255"), Some("10.0.0.2"), Some("fd00::2")] {
            for (destination, next_hop) in [
                ("192.0.2.0/24", "10.0.0.2"),
                ("0.0.0.0/0", "10.0.0.2"),
                ("192.0.2.0/24", "10.0.0.255"),
                ("192.0.2.0/24", "127.0.0.1"),
                ("2001:db8::/32", "10.0.0.2"),
                ("2001:db8::/32", "fe80::1"),
                ("::/0", "fd00::2"),
                // The subnet itself, and what another route leads to as well.
                ("10.0.0.0/24", "10.0.0.2"),
                ("fd00::/64", "fd00::2"),
                ("198.51.100.0/24", "10.0.0.1"),
            ] {
                let another = ("198.51.100.0/24".to_owned(), "10.0.0.2".to_owned());
                let another = Some(another).filter(|(to, _)| to == destination);
                let made = Subnet::new(NewSubnet {
                    cidr: cidr.to_owned(),
                    gateway_ip: gateway.map(str::to_owned),
                    host_routes: [(destination.to_owned(), next_hop.to_owned())].into_iter().chain(another).collect(),
                    ..NewSubnet::default()
                });
                subnets.extend(made.ok().filter(|subnet| subnet.choose_address(&Default::default()).is_some()));
            }
        }
    }
    subnets
}

fn monitor(kind: MonitorType, change: MonitorChange) -> Option<HealthMonitor> {
    let whole = MonitorChange {
        delay: change.delay.or(Some(5)),
        timeout: change.timeout.or(Some(3)),
        max_retries: change.max_retries.or(Some(3)),
        ..change
    };
    HealthMonitor::new(Uuid::from_u128(7).into(), "p".to_owned(), kind, whole).ok()
}

const POOL: PoolId = PoolId::new(Uuid::from_u128(1));

fn pick<T: Clone>(list: &[T], n: usize) -> T {
    list[n % list.len()].clone()
}

/// The n-th of what is taken of each field, as the API would make it.
fn vip_at(address: IpAddr) -> Vip {
    Vip {
        subnet_id: Uuid::nil().into(),
        network_id: Uuid::nil().into(),
        port_id: Uuid::from_u128(3).into(),
        address,
        mac: Mac::from_random(1),
        additional: Vec::new(),
    }
}

fn made(n: impl Fn(usize) -> usize) -> (driver::LoadBalancer, bool) {
    let taken = &*TAKEN;
    let (protocol, subnet) = (pick(&Protocol::V1, n(0)), pick(&taken.subnets, n(1)));
    let pool = LoadBalancer::with_pool(NewPool {
        id: POOL,
        project_id: pick(&taken.texts, n(2)),
        name: pick(&taken.texts, n(3)),
        description: String::new(),
        subnet_id: Uuid::nil().into(),
        protocol,
        lb_method: pick(&LbMethod::V1, n(4)),
        provider: String::new(),
        admin_state_up: !n(5).is_multiple_of(8),
    });
    let cookie = SessionPersistence::AppCookie(pick(&taken.cookies, n(6)));
    let persistence = [None, Some(cookie), Some(SessionPersistence::SourceIp), Some(SessionPersistence::HttpCookie)];
    let port = pick(&taken.ports, n(8));
    let address = subnet.choose_address(&Default::default()).unwrap();
    let mut whole = pool
        .add_vip(NewVip {
            id: Uuid::from_u128(2).into(),
            project_id: pick(&taken.texts, n(2)),
            name: pick(&taken.texts, n(3)),
            description: String::new(),
            vip: vip_at(address),
            protocol,
            protocol_port: port,
            session_persistence: pick(&persistence, n(7)),
            connection_limit: pick(&LIMITS, n(9)),
            admin_state_up: !n(10).is_multiple_of(8),
        })
        .unwrap();
    // haproxy-ns serves members of the VIP's IP version, and names others.
    let reached = |member: &&IpAddr| member.to_canonical().is_ipv4() == address.is_ipv4();
    let members: Vec<IpAddr> = taken.members.iter().filter(reached).copied().collect();
    for member in 0..n(11) % 3 {
        let new = NewMember {
            id: Uuid::from_u128(100 + member as u128).into(),
            project_id: String::new(),
            address: pick(&members, n(12) + member),
            protocol_port: pick(&taken.ports, n(13)),
            weight: pick(&taken.weights, n(14)),
            admin_state_up: !n(15).is_multiple_of(4),
        };
        whole = whole.add_member(POOL, new).unwrap();
    }
    whole = whole.associate(POOL, any_monitor(&n)).unwrap();
    let network = Network {
        id: Uuid::from_u128(9).into(),
        project_id: String::new(),
        name: String::new(),
        shared: false,
        admin_state_up: true,
        attachment: Attachment::default(),
        mtu: 1500,
    };
    (convert::to_driver(&whole, Some(&Subnetwork { network, subnet }), &[]), port > 0)
}

fn any_monitor(n: impl Fn(usize) -> usize) -> HealthMonitor {
    let taken = &*TAKEN;
    let (delay, timeout) = (pick(&taken.delays, n(16)), pick(&taken.timeouts, n(17)));
    let change = MonitorChange {
        delay: Some(delay),
        timeout: Some(timeout.min(delay)),
        max_retries: Some(pick(&taken.retries, n(18))),
        http_method: Some(pick(&taken.methods, n(19))),
        url_path: Some(pick(&taken.paths, n(20))),
        expected_codes: Some(pick(&taken.codes, n(21))),
        admin_state_up: Some(!n(22).is_multiple_of(8)),
    };
    monitor(pick(&MonitorType::V1, n(23)), change).unwrap()
}

/// haproxy-ns says nothing against it, and haproxy takes what it is told.
fn is_deployed((asked, can_listen): &(driver::LoadBalancer, bool)) {
    let (text, faults) = configuration(asked, &Config::default()).unwrap_or_else(|error| panic!("{error}: {asked:?}"));
    // v1 takes port 0 of a vip, and haproxy-ns names the vip.
    let expected: Vec<&str> = if *can_listen { Vec::new() } else { vec![&asked.listeners[0].id] };
    let blamed: Vec<&str> = faults.iter().map(|fault| fault.object_id.as_str()).collect();
    assert_eq!(blamed, expected, "{faults:?}: {asked:?}");
    let directory = tempfile::tempdir().unwrap();
    let run = directory.path().join("run");
    fs::create_dir(&run).unwrap();
    fs::write(run.join("servers.state"), "1\n").unwrap();
    fs::write(directory.path().join("haproxy.cfg"), &text).unwrap();
    let haproxy = Path::new("/usr/sbin/haproxy");
    assert!(haproxy.exists(), "this test needs haproxy 2.6 or later: apt-get install haproxy");
    let output =
        Command::new(haproxy).args(["-c", "-f", "../haproxy.cfg", "-L", &asked.id]).current_dir(&run).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !said.contains("[WARNING]"), "{said}\n{text}");
}

#[test]
fn each_value_that_the_api_takes_is_deployed() {
    let taken = &*TAKEN;
    let longest = [taken.paths.len(), taken.texts.len(), taken.subnets.len(), taken.members.len() * 2];
    for n in 0..longest.into_iter().max().unwrap() {
        is_deployed(&made(|_| n));
    }
}

#[test]
fn the_lists_have_what_is_taken_and_what_is_not() {
    let taken = &*TAKEN;
    assert_eq!(taken.delays, [0, 1, 9, 10, 11, 256, 257, 65_535, 65_536, 86_400]);
    assert_eq!(taken.retries, [1, 9, 10]);
    assert_eq!(taken.weights, [0, 1, 9, 10, 11, 256]);
    assert_eq!(taken.ports, [0, 1, 9, 10, 11, 256, 257, 65_535]);
    let longest = |texts: &[String]| texts.iter().map(String::len).max().unwrap();
    assert_eq!([longest(&taken.paths), longest(&taken.cookies), longest(&taken.codes)], [255, 1024, 63]);
    assert_eq!((longest(&taken.methods), taken.members.len()), (16, 7));
    assert!(taken.subnets.len() > 10 && taken.subnets.iter().any(|subnet| !subnet.is_ipv4()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_the_api_takes_is_deployed(numbers in prop::collection::vec(0_usize..10_000, 24)) {
        is_deployed(&made(|field| numbers[field]));
    }
}
